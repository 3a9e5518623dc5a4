"""A migrated database that each test finds as if it were new.

To make one from the template and to drop it takes longer than most tests do. So what a test left behind
is swept out instead, and only a database whose tables were altered is replaced.
"""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from services.kernel.identifiers import new_id

_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_SCHEMAS = text(f"SELECT quote_ident(n.nspname) FROM pg_namespace n WHERE {_OURS}")
_TABLES = text(
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c"
    f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND {_OURS}"
)
# Whoever idles has nothing to undo, and is not waited for: that takes a tenth of a second.
_END_OTHERS = text(
    "SELECT CASE WHEN state = 'idle' THEN pg_terminate_backend(pid)"
    " ELSE pg_terminate_backend(pid, 5000) END FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
# What was altered in a catalogue carries the number of the transaction that did it.
_SHAPE = text(
    "SELECT concat_ws(' ', "
    + ", ".join(
        f"(SELECT count(*) || ':' || sum(xmin::text::bigint) FROM {catalogue})"
        for catalogue in (
            "pg_namespace",
            f"(SELECT c.xmin FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS})",
            "pg_attribute",
            "pg_attrdef",
            "pg_constraint",
            "pg_index",
            "pg_policy",
            "pg_proc",
            "pg_rewrite",
            "pg_trigger",
        )
    )
    + ")"
)


async def run_on(url: URL, *statements: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


@dataclass
class MigratedDatabase:
    """A copy of the template. Whoever uses it ends before it is swept."""

    server: URL
    url: URL
    engine: AsyncEngine
    connection: AsyncConnection
    schemas: frozenset[str]
    seeds: dict[str, str | None]
    """What the migrations put into each table, as JSON."""
    shape: str = ""

    @classmethod
    async def create(cls, server: URL, template: str) -> Self:
        name = f"srdi_{new_id().hex}"
        await run_on(server, f"CREATE DATABASE {name} TEMPLATE {template}")
        url = server.set(database=name)
        engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        connection = await engine.connect()
        tables = (await connection.scalars(_TABLES)).all()
        made = cls(
            server=server,
            url=url,
            engine=engine,
            connection=connection,
            schemas=frozenset((await connection.scalars(_SCHEMAS)).all()),
            seeds={
                table: await connection.scalar(text(f"SELECT json_agg(t)::text FROM {table} t"))
                for table in tables
            },
        )
        made.shape = await made._shape_now()
        return made

    async def sweep(self) -> bool:
        """Take out whatever was put in. Return whether the database is then as good as new."""
        # As dropping it would: whoever forgot to end holds up nobody.
        await self.connection.execute(_END_OTHERS)
        for schema in (await self.connection.scalars(_SCHEMAS)).all():
            if schema not in self.schemas:
                await self.connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        if await self._shape_now() != self.shape:
            return False
        touched = await self._touched()
        if touched:
            await self.connection.execute(
                text(f"TRUNCATE {', '.join(touched)} RESTART IDENTITY CASCADE")
            )
            for table, seed in self.seeds.items():
                if seed is not None and table in touched:
                    await self._put_back(table, seed)
            # Emptied tables have new files, which the catalogue has to know.
            self.shape = await self._shape_now()
        return True

    async def drop(self) -> None:
        await self.connection.close()
        await self.engine.dispose()
        await run_on(self.server, f"DROP DATABASE {self.url.database} WITH (FORCE)")

    async def _touched(self) -> list[str]:
        """Return the tables that do not hold what the migrations put there."""
        parameters = {}
        looks = []
        for number, (table, seed) in enumerate(self.seeds.items()):
            is_touched = f"EXISTS (SELECT FROM {table})"
            if seed is not None:
                parameters[f"seed_{number}"] = seed
                is_touched = (
                    f"(SELECT json_agg(t)::text FROM {table} t) IS DISTINCT FROM :seed_{number}"
                )
            looks.append(f"SELECT '{table}' AS name WHERE {is_touched}")
        found = await self.connection.scalars(text(" UNION ALL ".join(looks)), parameters)
        return list(found.all())

    async def _put_back(self, table: str, seed: str) -> None:
        await self.connection.execute(
            text(
                f"INSERT INTO {table}"
                f" SELECT * FROM json_populate_recordset(NULL::{table}, CAST(:seed AS json))"
            ),
            {"seed": seed},
        )

    async def _shape_now(self) -> str:
        return str(await self.connection.scalar(_SHAPE))
