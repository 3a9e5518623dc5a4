"""PostgreSQL: one engine, one schema and one login for each service."""

import asyncio
from enum import StrEnum
from typing import Any

import asyncpg
from sqlalchemy import Enum, MetaData, make_url
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from services.kernel.turns import InTurnPool

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# A transaction that waits or idles longer than this gives up, so that one stuck process
# cannot hold up the whole programme.
_SERVER_SETTINGS = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "15s",
    "timezone": "UTC",
}

_LONGEST_WAIT_SECONDS = 20
"""For a connection that is free. Longer than a burst takes: five hundred at once are served sooner."""

# SQLSTATE of failures that pass by themselves: lock not available, deadlock, serialisation.
_TRANSIENT = {"55P03", "40P01", "40001"}
_CANCELLED = "57014"
# Of failures for want of the database itself: too many connections, shutdown, cannot connect now.
_UNAVAILABLE = {"53300", "57P01", "57P02", "57P03", _CANCELLED, "25P03"}


def service_metadata(schema: str) -> MetaData:
    return MetaData(schema=schema, naming_convention=NAMING)


def enum_column(enumeration: type[StrEnum]) -> Enum:
    """Store the enumeration's values as plain text, so that migrations stay readable."""
    return Enum(
        enumeration,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


UUID_COLUMN = PG_UUID(as_uuid=True)


class Database:
    def __init__(self, url: str, *, pool_size: int) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            poolclass=InTurnPool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_LONGEST_WAIT_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"server_settings": _SERVER_SETTINGS, "timeout": 5},
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._url = make_url(url).set(drivername="postgresql")
        self._pool_size = pool_size
        self._reads: asyncpg.Pool | None = None
        self._reading = asyncio.Semaphore(pool_size)
        self._opening = asyncio.Lock()

    def session(self) -> AsyncSession:
        return self._sessions()

    async def fetch(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Read with one statement by the short way, past the ORM; for what is asked very often.

        The statement is prepared and planned once on each connection, so it has to be one that the
        same plan suits whatever the values are. Raises `ConnectionError` when the database
        cannot answer now.
        """
        try:
            pool = self._reads or await self._open()
            await self._turn_to_read()
            try:
                # There is one for whoever has a turn; to open it has a limit of its own.
                async with pool.acquire() as connection:
                    rows: list[asyncpg.Record] = await connection.fetch(statement, *values)
            finally:
                self._reading.release()
        except (
            # What does not connect, is not found or takes too long.
            OSError,
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
            asyncpg.QueryCanceledError,
            asyncpg.TooManyConnectionsError,
            asyncpg.OperatorInterventionError,
        ) as error:
            raise ConnectionError(str(error)) from error
        return rows

    async def _turn_to_read(self) -> None:
        """Wait for one's turn: the pool itself lets a newcomer overtake who waits."""
        if not self._reading.locked():
            await self._reading.acquire()
            return
        async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
            await self._reading.acquire()

    async def close(self) -> None:
        if self._reads is not None:
            await self._reads.close()
        await self.engine.dispose()

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._reads is None:
                self._reads = await asyncpg.create_pool(
                    self._url.render_as_string(hide_password=False),
                    min_size=1,
                    max_size=self._pool_size,
                    server_settings=_SERVER_SETTINGS
                    | {
                        "default_transaction_read_only": "on",
                        # Planned once, for all values: planning would take longer than reading.
                        "plan_cache_mode": "force_generic_plan",
                        # To start helpers takes longer than these statements do.
                        "max_parallel_workers_per_gather": "0",
                    },
                    timeout=5,
                    # Nothing is left behind by a statement that only reads.
                    reset=_leave_as_it_is,
                )
            return self._reads


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """Give a connection back without the round trip that would reset it."""


def sqlstate(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def violated_constraint(error: IntegrityError) -> str | None:
    """Return the name of the constraint that refused a row."""
    cause: Any = error.orig.__cause__ if error.orig is not None else None
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None


def is_transient(error: DBAPIError) -> bool:
    return sqlstate(error) in _TRANSIENT


def is_unavailable(error: DBAPIError) -> bool:
    return error.connection_invalidated or sqlstate(error) in _UNAVAILABLE


def took_too_long(error: Exception) -> bool:
    """Whether the database gave a statement up because it took longer than it may."""
    return isinstance(error, DBAPIError) and sqlstate(error) == _CANCELLED


def passes_by_itself(error: Exception) -> bool:
    """Whether something failed for want of the database, or of a moment: it can be tried again."""
    if isinstance(error, DBAPIError):
        return is_transient(error) or is_unavailable(error)
    return isinstance(error, PoolTimeout | OSError)
