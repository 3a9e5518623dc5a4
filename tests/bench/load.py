"""Many callers at once from a core of their own, against one server on another; loopback only."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp

SERVER_CORE, CALLERS_CORE = 0, 1


@dataclass(frozen=True, slots=True)
class Answers:
    per_second: float
    wrong: int


def ask_repeatedly(url: str, body: bytes, *, seconds: float, callers: int = 8) -> Answers:
    """Return how many answers a second a server gives to one body, over kept connections."""
    with on_core(CALLERS_CORE):
        return asyncio.run(_ask(url, body, seconds=seconds, callers=callers))


async def _ask(url: str, body: bytes, *, seconds: float, callers: int) -> Answers:
    headers = {"Content-Type": "application/json"}
    answered = wrong = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=callers)) as session:

        async def call_until(end: float) -> None:
            nonlocal answered, wrong
            while time.perf_counter() < end:
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()
                    answered += 1
                    wrong += answer.status != 200

        begun = time.perf_counter()
        await asyncio.gather(*(call_until(begun + seconds) for _ in range(callers)))
        return Answers(answered / (time.perf_counter() - begun), wrong)


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, on one core; on all where it has only one."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
