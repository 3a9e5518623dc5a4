"""Run one service's branch: the section of alembic.ini names the service, and so the schema."""

import asyncio
import importlib
import os
import pkgutil
from typing import Any

from alembic import context
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

config = context.config
schema = config.config_ini_section
metadata: MetaData = importlib.import_module(f"services.{schema}.models").metadata
# A service may spread its tables over several modules, named for their subjects.
for module in pkgutil.iter_modules(importlib.import_module(f"services.{schema}").__path__):
    if module.name.endswith("_models"):
        importlib.import_module(f"services.{schema}.{module.name}")


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    return name == schema if kind == "schema" else True


def migrate(connection: Connection) -> None:
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=schema,
        include_schemas=True,
        include_name=is_ours,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_at(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


connection = config.attributes.get("connection")
if connection is not None:
    migrate(connection)
else:
    asyncio.run(migrate_at(os.environ["SRDI_MIGRATION_URL"]))
