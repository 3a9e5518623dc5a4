"""Whoever waits for a connection gets one in the order of coming."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from services.kernel.database import Database

CONNECTIONS, CALLERS, ROUNDS = 4, 30, 25


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


async def test_nobody_waits_for_more_than_were_there_before(database: Database) -> None:
    async def ask() -> None:
        async with database.session() as session:
            await session.execute(text("SELECT 1"))

    assert await most_served_while_somebody_waited(ask) <= CALLERS + CONNECTIONS


async def test_no_reader_waits_for_more_than_were_there_before(database: Database) -> None:
    async def ask() -> None:
        await database.fetch("SELECT 1")

    assert await most_served_while_somebody_waited(ask) <= CALLERS + CONNECTIONS


async def test_who_gives_up_waiting_leaves_the_turn_to_the_next(database: Database) -> None:
    async def ask() -> int:
        async with database.session() as session:
            return await session.scalar(text("SELECT 1")) or 0

    held = [asyncio.create_task(ask()) for _ in range(CONNECTIONS)]
    impatient, patient = asyncio.create_task(ask()), asyncio.create_task(ask())
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient == 1
    assert await asyncio.gather(*held) == [1] * CONNECTIONS
    assert await asyncio.gather(*(ask() for _ in range(CONNECTIONS))) == [1] * CONNECTIONS
