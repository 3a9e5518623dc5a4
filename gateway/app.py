"""The gateway: tokens, the door to the services, their merged contract, health."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.clients import read_clients
from gateway.contract import fetch_contracts, merge_contracts
from gateway.issuer import Issuer, issuer_router
from gateway.problem_pages import problem_index, problem_page
from gateway.proxy import RemoteUpstream, Upstream
from gateway.routes import destination_of
from gateway.settings import GatewaySettings
from services.kernel.identity.access import bearer_of
from services.kernel.identity.keys import read_keys
from services.kernel.identity.tokens import TokenVerifier
from services.kernel.logging import RequestLog, configure_logging
from services.kernel.problems import NotAuthenticated, NotFound, Overloaded, problem_catalogue
from services.kernel.service_app import answer_in_problems

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Door:
    """Checks the token of a request for the API, and forwards it to the service that answers."""

    def __init__(self, upstreams: Mapping[str, Upstream], verifier: TokenVerifier) -> None:
        self._upstreams = upstreams
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        destination = destination_of(scope["path"])
        if destination is None:
            raise NotFound
        token = bearer_of(Headers(scope=scope).get("authorization", ""))
        if token is not None:
            actor = await self._verifier.verify(token)
            scope["state"]["sub"] = actor.sub
        elif destination.needs_token:
            raise NotAuthenticated(headers={"WWW-Authenticate": 'Bearer realm="srdi"'})
        await self._upstreams[destination.service].forward(scope, receive, send)


class Contract:
    """The merged contract, fetched when it is first asked for and kept."""

    def __init__(self, app: FastAPI, upstreams: Mapping[str, Upstream]) -> None:
        self._app = app
        self._upstreams = upstreams
        self._merged: dict[str, Any] | None = None

    async def read(self) -> dict[str, Any]:
        """Return it. Raises `Overloaded` while a service cannot be asked."""
        if self._merged is None:
            try:
                contracts = await fetch_contracts(self._upstreams)
            except OSError as error:
                raise Overloaded(headers={"Retry-After": "2"}) from error
            own = self._app.openapi() | {"x-problems": problem_catalogue("services.kernel.")}
            self._merged = merge_contracts(own, contracts)
        return self._merged


def create_app(*, issuer: Issuer, upstreams: Mapping[str, Upstream]) -> FastAPI:
    async def own_keys() -> Mapping[str, Any]:
        return issuer.keys.public()

    verifier = TokenVerifier(issuer=issuer.issuer, key_source=own_keys)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            for upstream in upstreams.values():
                await upstream.close()

    app = FastAPI(
        title="“专精特新”中小企业服务平台 · SRDI enterprise platform",
        summary="申报、审核、名录、奖励 · Intake, review, registry, rewards",
        description=(
            "一省“专精特新”中小企业梯度培育的接口：申报、逐级审核、认定名录与一次性奖励。\n\n"
            "The interfaces of a province's programme for specialised, refined, distinctive and"
            " innovative enterprises. Money is a decimal string in yuan, days are those of"
            " Asia/Shanghai, refusals are RFC 9457 documents in Chinese or English"
            " (`Accept-Language`)."
        ),
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    contract = Contract(app, upstreams)
    app.include_router(issuer_router(issuer))

    @app.get("/openapi.json", include_in_schema=False)
    async def get_contract() -> JSONResponse:
        return JSONResponse(await contract.read())

    @app.get("/problems/", include_in_schema=False)
    async def list_problems() -> HTMLResponse:
        return HTMLResponse(problem_index((await contract.read())["x-problems"]))

    @app.get("/problems/{slug}", include_in_schema=False)
    async def read_problem(slug: str) -> HTMLResponse:
        problem = (await contract.read())["x-problems"].get(slug)
        if problem is None:
            raise NotFound
        return HTMLResponse(problem_page(slug, problem))

    @app.get("/healthz", summary="存活 · Alive", tags=["health"])
    async def healthz() -> dict[str, str]:
        """Say that the gateway answers."""
        return {"status": "alive", "service": "gateway"}

    @app.get("/readyz", summary="就绪 · Ready", tags=["health"])
    async def readyz() -> Response:
        """Say whether every service can serve."""
        states = dict(
            zip(
                upstreams,
                await asyncio.gather(*(_state_of(one) for one in upstreams.values())),
                strict=True,
            )
        )
        is_ready = all(state == "ready" for state in states.values())
        return JSONResponse(
            {"status": "ready" if is_ready else "not ready", "services": states},
            status_code=200 if is_ready else 503,
        )

    app.router.routes.append(
        Route("/api/v1/{path:path}", endpoint=Door(upstreams, verifier), methods=_METHODS)
    )
    answer_in_problems(app)
    app.add_middleware(RequestLog, service="gateway")
    return app


async def _state_of(upstream: Upstream) -> str:
    try:
        status, _ = await upstream.get("/readyz")
    except OSError:
        return "unreachable"
    return "ready" if status == HTTPStatus.OK else "not ready"


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    settings = GatewaySettings()
    configure_logging(as_json=settings.log_format == "json", level=settings.log_level)
    return create_app(
        issuer=Issuer(
            issuer=settings.issuer,
            keys=read_keys(settings.keys_folder),
            clients=read_clients(settings.clients_file),
        ),
        upstreams={
            service: RemoteUpstream(address) for service, address in settings.services.items()
        },
    )
