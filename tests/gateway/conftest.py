"""The gateway before a service of our own making: it says what reached it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from gateway.app import create_app
from gateway.clients import Client
from gateway.issuer import Issuer, claims_for
from gateway.proxy import AppUpstream, RemoteUpstream, Upstream
from services.kernel.identity.actor import Office, Scope
from services.kernel.identity.keys import KeyRing
from services.kernel.identity.tokens import SigningKey, sign

ISSUER = "https://gateway.test"
SECRET = "a long and random secret"
OLD_KEY, NEW_KEY = SigningKey.generate(), SigningKey.generate()
CLIENT = Client(
    client_id="bank",
    name="A bank",
    secret_sha256=sha256(SECRET.encode()).hexdigest(),
    scopes=frozenset({Scope.REGISTRY_READ, Scope.EVENTS_READ}),
    offices=frozenset({Office.EVALUATOR}),
    region="520000",
)


def echo_service() -> FastAPI:
    """Return an app that answers every request with what reached it."""
    app = FastAPI(openapi_url=None)

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    @app.api_route("/api/v1/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def echo(request: Request, path: str) -> Any:
        if path.endswith("stream"):

            async def parts() -> AsyncIterator[bytes]:
                for number in range(5):
                    yield f"{number}\n".encode()

            return StreamingResponse(parts(), status_code=207, headers={"X-Of-Service": "yes"})
        body = await request.body()
        return JSONResponse(
            {
                "method": request.method,
                "path": request.url.path,
                "query": request.url.query,
                "headers": dict(request.headers),
                "body": body.decode(),
            }
        )

    return app


@dataclass
class Gateway:
    client: httpx.AsyncClient
    keys: KeyRing

    def token(self, *, key: SigningKey = NEW_KEY, **changed: Any) -> str:
        claims = claims_for(
            issuer=ISSUER,
            sub="officer-1",
            client_id="web",
            scopes=["registry:read"],
            offices=["city_office"],
            region="520100",
            uscc=None,
            life_seconds=600,
        )
        return sign(key, claims | changed)

    async def get(self, path: str, token: str | None = None, **request: Any) -> httpx.Response:
        headers = dict(request.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.client.get(path, headers=headers, **request)


@asynccontextmanager
async def gateway_before(upstreams: Mapping[str, Upstream]) -> AsyncIterator[Gateway]:
    keys = KeyRing((OLD_KEY, NEW_KEY))
    app = create_app(
        issuer=Issuer(issuer=ISSUER, keys=keys, clients={"bank": CLIENT}), upstreams=upstreams
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        yield Gateway(client=client, keys=keys)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an app on a free port of this machine. Yield its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


SERVICES = ("applications", "review", "registry", "rewards")


@pytest.fixture(params=["in this process", "at an address"])
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    """The gateway, with its services called as apps and with them behind a socket."""
    app = echo_service()
    if request.param == "in this process":
        async with gateway_before({name: AppUpstream(app) for name in SERVICES}) as running:
            yield running
        return
    async with (
        served(app) as address,
        gateway_before({name: RemoteUpstream(address) for name in SERVICES}) as running,
    ):
        yield running
