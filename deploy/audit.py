"""Recomputing the hash chains that make an edit of history show."""

import importlib
from collections.abc import Mapping

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from deploy.schema import SERVICES
from services.kernel.journal import ChainReport, JournalTables, verify_chain


async def verify_chains(database: URL) -> Mapping[str, ChainReport]:
    """Return what each service's chain looks like, read in one transaction each."""
    engine = create_async_engine(database, poolclass=NullPool, isolation_level="REPEATABLE READ")
    reports = {}
    for service in SERVICES:
        tables: JournalTables = importlib.import_module(f"services.{service}.models").tables
        async with AsyncSession(engine) as session, session.begin():
            reports[service] = await verify_chain(session, tables)
    await engine.dispose()
    return reports
