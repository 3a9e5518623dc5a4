"""Bringing a database to the state that the services expect: schemas, logins, migrations."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

SERVICES = ("applications", "review", "registry", "rewards")
PROJECT = Path(__file__).resolve().parent.parent
ROLES = PROJECT / "deploy" / "postgres" / "roles.sql"


def login_of(service: str) -> str:
    return f"srdi_{service}"


async def prepare_database(owner: URL) -> None:
    """Create schemas and logins, and bring every service's branch to its newest migration."""
    engine = create_async_engine(owner, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run_roles)
        for service in SERVICES:
            await connection.run_sync(_upgrade, service)
    await engine.dispose()


async def set_passwords(owner: URL, passwords: Mapping[str, str]) -> None:
    """Give each service's login its password."""
    engine = create_async_engine(owner, poolclass=NullPool)
    async with engine.begin() as connection:
        for service, password in passwords.items():
            quoted = password.replace("'", "''")
            await connection.execute(text(f"ALTER ROLE {login_of(service)} PASSWORD '{quoted}'"))
    await engine.dispose()


def new_passwords() -> dict[str, str]:
    return {service: secrets.token_urlsafe(24) for service in SERVICES}


def alembic_config(service: str) -> Config:
    return Config(PROJECT / "alembic.ini", ini_section=service)


def _run_roles(connection: Connection) -> None:
    connection.exec_driver_sql(ROLES.read_text("utf-8"))
    connection.commit()


def _upgrade(connection: Connection, service: str) -> None:
    config = alembic_config(service)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
