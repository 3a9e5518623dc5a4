"""One server of a measurement, as a process: the registry, or a bare endpoint to compare it with.

`python -m tests.bench.served registry|bare <database url> <port> <folder>`
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
from services.kernel.identity.actor import NOBODY
from services.kernel.identity.keys import read_keys
from services.kernel.logging import configure_logging
from services.kernel.service_app import Connections, Environment
from services.registry.app import create_app
from services.registry.settings import RegistrySettings
from services.registry.verification import question_for
from tests.bench.register_rows import ON
from tests.bench.serving import ISSUER

POOL = 8


def registry(database_url: str, folder: Path) -> FastAPI:
    """Return the registry as it is deployed, with keys from a file and nobody's feeds to follow."""
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
            client_id="registry",
            client_secret=SecretStr("secret"),
            connections=Connections(
                gateway=gateway,
                feeds=dict.fromkeys(("review", "applications", "rewards"), gateway),
            ),
        ),
        RegistrySettings.in_folder(folder),
    )


def bare(database_url: str) -> Starlette:
    """Return the least that answers the same question: no token, no log, no checks."""
    question = question_for(NOBODY)
    pools: list[asyncpg.Pool] = []

    @asynccontextmanager
    async def connected(_: Starlette) -> AsyncIterator[None]:
        dsn = make_url(database_url).set(drivername="postgresql")
        async with asyncpg.create_pool(
            dsn.render_as_string(hide_password=False), min_size=POOL, max_size=POOL
        ) as pool:
            pools.append(pool)
            yield

    async def answer(request: Request) -> Response:
        uscc = request.path_params["uscc"]
        (row,) = await pools[0].fetch(
            question.sql, *question.values(usccs=[uscc], titles=[None], day=ON)
        )
        return JSONResponse(
            {
                "uscc": uscc,
                "title": row[1],
                "is_valid": row[2] in {"valid", "renewal_due"},
                "code": row[2],
                "valid_from": row[3].isoformat(),
                "valid_until": row[4].isoformat(),
                "certificate_number": row[5],
            }
        )

    return Starlette(routes=[Route("/api/v1/verifications/{uscc}", answer)], lifespan=connected)


def main(which: str, database_url: str, port: str, folder: str) -> None:
    app = bare(database_url) if which == "bare" else registry(database_url, Path(folder))
    # The lifespan of the registry would follow feeds that are not there.
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        log_config=None,
        access_log=False,
        lifespan="on" if which == "bare" else "off",
    )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main(*sys.argv[1:])
