"""Reading by the short way, when the database does not answer."""

import asyncio

import pytest
from sqlalchemy.engine import URL

from services.kernel.database import Database


async def test_a_database_that_takes_a_connection_and_says_nothing_counts_as_away() -> None:
    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    database = Database(f"postgresql+asyncpg://nobody:x@127.0.0.1:{port}/none", pool_size=1)

    with pytest.raises(ConnectionError):
        await database.fetch("SELECT 1")

    silent.close()
    await database.close()


async def test_a_database_that_nobody_serves_counts_as_away() -> None:
    database = Database("postgresql+asyncpg://nobody:x@127.0.0.1:1/none", pool_size=1)

    with pytest.raises(ConnectionError):
        await database.fetch("SELECT 1")

    await database.close()


async def test_a_short_statement_waits_for_no_helpers_to_start(owner: URL) -> None:
    database = Database(owner.render_as_string(hide_password=False), pool_size=1)

    ((workers,),) = await database.fetch("SHOW max_parallel_workers_per_gather")

    assert workers == "0"
    await database.close()
