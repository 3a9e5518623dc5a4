"""One server of a measurement, as a process: rewards, or a bare endpoint to compare it with.

`python -m tests.bench.served_rewards rewards|bare <database url> <port> <folder>`
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import make_url
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.kernel.clock import AdjustableClock
from services.kernel.database import Database
from services.kernel.identity.actor import Actor, Office
from services.kernel.identity.keys import read_keys
from services.kernel.logging import configure_logging
from services.kernel.service_app import Connections, Environment
from services.rewards.app import create_app
from services.rewards.award_reading import question_for
from services.rewards.settings import RewardsSettings
from tests.bench.register_rows import ON
from tests.bench.serving import ISSUER

POOL = 8
READER = Actor(
    sub="bench",
    client_id="bench",
    offices=frozenset({Office.FINANCE}),
    scopes=frozenset(),
    region="520000",
    uscc=None,
)


def rewards(database_url: str, folder: Path) -> FastAPI:
    """Return rewards as it is deployed, with keys from a file and nobody's feeds to follow."""
    keys = read_keys(folder / "keys")
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=keys.public()))
    gateway = httpx.AsyncClient(base_url="http://gateway", transport=answer)
    clock = AdjustableClock()
    clock.move_to_day(ON)
    # It logs every request, as it does everywhere.
    configure_logging(as_json=True, level="INFO", to=(folder / "log").open("a"))
    return create_app(
        Environment(
            database=Database(database_url, pool_size=POOL),
            clock=clock,
            issuer=ISSUER,
            client_id="rewards",
            client_secret=SecretStr("secret"),
            connections=Connections(gateway=gateway, feeds={"registry": gateway}),
        ),
        RewardsSettings.in_folder(folder),
    )


def bare(database_url: str) -> Starlette:
    """Return the least that answers the same question: no token, no log, no checks, no actions."""
    pools: list[asyncpg.Pool] = []
    by_id, by_enterprise = question_for("one", READER), question_for("enterprise", READER)

    @asynccontextmanager
    async def connected(_: Starlette) -> AsyncIterator[None]:
        dsn = make_url(database_url).set(drivername="postgresql")
        async with asyncpg.create_pool(
            dsn.render_as_string(hide_password=False), min_size=POOL, max_size=POOL
        ) as pool:
            pools.append(pool)
            yield

    async def award(request: Request) -> Response:
        award_id = UUID(request.path_params["award_id"])
        (row,) = await pools[0].fetch(by_id.sql, *by_id.values(awards=[award_id]))
        return JSONResponse(_plain(row))

    async def statement(request: Request) -> Response:
        uscc = request.path_params["uscc"]
        rows = await pools[0].fetch(by_enterprise.sql, *by_enterprise.values(uscc=uscc))
        return JSONResponse({"uscc": uscc, "awards": [_plain(row) for row in rows]})

    return Starlette(
        routes=[
            Route("/api/v1/awards/{award_id}", award),
            Route("/api/v1/award-statements/{uscc}", statement),
        ],
        lifespan=connected,
    )


def _plain(row: asyncpg.Record) -> dict[str, object]:
    *columns, entries, lines = row.items()
    return {
        **{name: None if value is None else str(value) for name, value in columns},
        "entries": json.loads(entries[1] or "[]"),
        "lines": json.loads(lines[1] or "[]"),
    }


def main(which: str, database_url: str, port: str, folder: str) -> None:
    app = bare(database_url) if which == "bare" else rewards(database_url, Path(folder))
    # The lifespan of rewards would follow feeds that are not there.
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        log_config=None,
        access_log=False,
        lifespan="on" if which == "bare" else "off",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
