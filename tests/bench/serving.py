"""Servers of a measurement as processes on their own core, and how often they answer."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.issuer import claims_for
from services.kernel.identity.keys import read_keys
from services.kernel.identity.tokens import sign
from tests.bench.load import CALLERS_CORE, SERVER_CORE, on_core

ISSUER = "https://bench.test"
SECONDS = 5


async def execute(owner: URL, statement: str) -> None:
    engine = create_async_engine(owner, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()


def token_for(folder: Path, *scopes: str) -> str:
    """Return the token of a partner that reads the whole province."""
    claims = claims_for(
        issuer=ISSUER,
        sub="bench",
        client_id="bench",
        scopes=list(scopes),
        offices=[],
        region="520000",
        uscc=None,
        life_seconds=3600,
    )
    return sign(read_keys(folder / "keys").signing, claims)


async def answers_a_second(
    url: str, paths: Sequence[str], token: str, *, bodies: Sequence[str] = (), callers: int = 8
) -> float:
    """Return answers a second over kept connections; a wrong answer ends the measurement."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answered = 0
    with on_core(CALLERS_CORE):
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=callers), headers=headers
        ) as session:

            async def call_until(end: float, first: int) -> None:
                nonlocal answered
                turn = first
                while time.perf_counter() < end:
                    path = url + paths[turn % len(paths)]
                    asked = (
                        session.post(path, data=bodies[turn % len(bodies)])
                        if bodies
                        else session.get(path)
                    )
                    async with asked as answer:
                        content = await answer.read()
                        if answer.status != 200:
                            raise RuntimeError(content.decode())
                    answered += 1
                    turn += callers

            # What is asked first prepares statements and reads keys.
            await call_until(time.perf_counter() + 0.5, 0)
            answered = 0
            begun = time.perf_counter()
            await asyncio.gather(*(call_until(begun + SECONDS, first) for first in range(callers)))
            return answered / (time.perf_counter() - begun)


@asynccontextmanager
async def served(
    module: str, which: str, login: str, folder: Path, *, port: int
) -> AsyncIterator[str]:
    """Run one server on the servers' core."""
    with on_core(SERVER_CORE), (folder / f"{which}.log").open("ab") as log:
        server = subprocess.Popen(  # noqa: S603, ASYNC220 - our own module, started and left to run
            [sys.executable, "-m", module, which, login, str(port), str(folder)],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
    url = f"http://127.0.0.1:{port}"
    try:
        await until_it_answers(url)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=10)


async def until_it_answers(url: str) -> None:
    give_up_at = time.perf_counter() + 60
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/healthz") as answer:
                    await answer.read()
                    return
            except aiohttp.ClientError:
                if time.perf_counter() > give_up_at:
                    raise
                await asyncio.sleep(0.1)
