"""One embedded PostgreSQL for the test session, and a migrated database for whoever needs one.

With TEST_DATABASE_URL set (a superuser's address), that server is used instead.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import URL, make_url

from deploy.schema import login_of, prepare_database
from deploy.standalone.postgres import embedded_postgres
from tests.builders.databases import MigratedDatabase, run_on

# Workers that share one server (TEST_DATABASE_URL) do not share a template.
TEMPLATE = f"srdi_template_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)

# How long an example takes says something about the machine, not about the code.
settings.register_profile("srdi", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("srdi")


@pytest.fixture(scope="session")
def server() -> Iterator[URL]:
    """A PostgreSQL server with a migrated template database; the superuser's address."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        url = make_url(given)
        _make_template(url)
        yield url
        asyncio.run(run_on(url, f"DROP DATABASE {TEMPLATE}"))
        return
    with (
        tempfile.TemporaryDirectory(prefix="srdi-test-", ignore_cleanup_errors=True) as folder,
        embedded_postgres(Path(folder) / "postgres") as url,
    ):
        # Nothing of this server outlives the session, so nothing has to reach the disk: the tests end
        # services in the middle of their work, never the database.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            asyncio.run(run_on(url, f"ALTER SYSTEM SET {setting} = off"))
        asyncio.run(run_on(url, "SELECT pg_reload_conf()"))
        _make_template(url)
        yield url


def _make_template(url: URL) -> None:
    async def make() -> None:
        await run_on(url, f"DROP DATABASE IF EXISTS {TEMPLATE}", f"CREATE DATABASE {TEMPLATE}")
        await prepare_database(url.set(database=TEMPLATE))

    asyncio.run(make())


@pytest.fixture(scope="session")
async def migrated(server: URL) -> AsyncIterator[list[MigratedDatabase]]:
    """The database of this session, once a test has needed it; a list of one or none."""
    kept: list[MigratedDatabase] = []
    yield kept
    for database in kept:
        await database.drop()


@pytest.fixture
async def owner(server: URL, migrated: list[MigratedDatabase]) -> AsyncIterator[URL]:
    """A migrated database that nobody has used, or that shows no trace of it; its owner's address."""
    if not migrated:
        migrated.append(await MigratedDatabase.create(server, TEMPLATE))
    [database] = migrated
    yield database.url
    if not await database.sweep():
        migrated.clear()
        await database.drop()


def as_service(owner: URL, service: str) -> URL:
    """Return the address of the same database for a service's own login."""
    return owner.set(username=login_of(service))
