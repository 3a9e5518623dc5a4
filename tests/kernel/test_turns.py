"""Whoever waits for a connection gets one in the order of coming."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from services.kernel.database import Database

CONNECTIONS, CALLERS, ROUNDS = 8, 60, 40
# Whose answer comes first among those that are served at once is chance; without turns, one who is
# unlucky waits for many times as many.


@pytest.fixture
async def database(owner: URL) -> AsyncIterator[Database]:
    database = Database(owner.render_as_string(hide_password=False), pool_size=CONNECTIONS)
    yield database
    await database.close()


async def most_served_while_somebody_waited(ask: Callable[[], Awaitable[None]]) -> int:
    """Let callers ask again and again. Return how many were served at most while one waited."""
    served, most = 0, 0

    async def call() -> None:
        nonlocal served, most
        for _ in range(ROUNDS):
            before = served
            await ask()
            most = max(most, served - before)
            served += 1

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    return most


async def test_nobody_waits_until_many_who_came_later_are_served(database: Database) -> None:
    async def ask() -> None:
        async with database.session() as session:
            await session.execute(text("SELECT 1"))

    assert await most_served_while_somebody_waited(ask) <= 3 * CALLERS


async def test_no_reader_waits_until_many_who_came_later_are_served(database: Database) -> None:
    async def ask() -> None:
        await database.fetch("SELECT 1")

    assert await most_served_while_somebody_waited(ask) <= 3 * CALLERS


async def test_who_gives_up_waiting_leaves_the_turn_to_the_next(database: Database) -> None:
    async def ask() -> int:
        async with database.session() as session:
            return await session.scalar(text("SELECT 1")) or 0

    held = asyncio.create_task(ask())
    await asyncio.sleep(0)
    impatient, patient = asyncio.create_task(ask()), asyncio.create_task(ask())
    await asyncio.sleep(0)
    impatient.cancel()

    assert (await held, await patient) == (1, 1)
    assert await ask() == 1


async def test_a_session_that_asks_nothing_takes_no_connection(database: Database) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            await stack.enter_async_context(database.session())

        async with database.session() as session:
            assert await session.scalar(text("SELECT 1")) == 1


async def test_all_connections_come_back_whoever_gives_up(database: Database) -> None:
    async def ask() -> None:
        async with database.session() as session:
            await session.execute(text("SELECT pg_sleep(0.001)"))

    asking = [asyncio.create_task(ask()) for _ in range(CALLERS)]
    await asyncio.sleep(0.002)
    for one in asking[::3]:
        one.cancel()
    await asyncio.gather(*asking, return_exceptions=True)

    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(database.session()) for _ in range(CONNECTIONS)]
        async with asyncio.timeout(5):
            assert [await one.scalar(text("SELECT 1")) for one in sessions] == [1] * CONNECTIONS
