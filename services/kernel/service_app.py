"""How every service is put together: one factory, so that all of them have the same manners."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from services.kernel.clock import Clock, SystemClock
from services.kernel.database import Database
from services.kernel.events.consumer import Consumer, Subscription
from services.kernel.events.feed import FeedReaders, feed_router
from services.kernel.identity.credentials import ServiceCredentials
from services.kernel.identity.tokens import TokenVerifier
from services.kernel.journal import JournalTables
from services.kernel.logging import RequestLog, configure_logging, log
from services.kernel.problems import (
    PROBLEM_MEDIA_TYPE,
    Malformed,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    Overloaded,
    Problem,
    TooLarge,
    UnknownFilter,
    documented,
    problem_catalogue,
)
from services.kernel.settings import ServiceSettings
from services.kernel.transaction import Runtime, problem_response

API_PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """How a service reaches what is outside of it: addresses in a data centre, apps in one process."""

    gateway: httpx.AsyncClient
    feeds: Mapping[str, httpx.AsyncClient] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Everything that a service is given from outside."""

    database: Database
    clock: Clock
    issuer: str
    client_id: str
    client_secret: SecretStr
    connections: Connections

    @classmethod
    def from_settings(cls, service: str) -> "Environment":
        """Read the environment variables of a service that runs as a process of its own."""
        settings = ServiceSettings()
        configure_logging(as_json=settings.log_format == "json", level=settings.log_level)
        return cls(
            database=Database(settings.database_url, pool_size=settings.database_pool_size),
            clock=SystemClock(),
            issuer=settings.issuer,
            client_id=settings.client_id or f"service-{service}",
            client_secret=settings.client_secret,
            connections=Connections(
                gateway=httpx.AsyncClient(base_url=settings.gateway_url),
                feeds={
                    source: httpx.AsyncClient(base_url=address)
                    for source, address in settings.feeds.items()
                },
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """What one service brings of its own."""

    name: str
    title: str
    description: str
    tables: JournalTables
    routers: Sequence[APIRouter]
    subscriptions: Sequence[Subscription] = ()


class Worker(Protocol):
    """Work of a service that no request waits for. It runs as long as the service does."""

    name: str

    async def run(self) -> None:
        """Work for ever; end when cancelled."""


def create_service_app(
    parts: ServiceParts,
    environment: Environment,
    *,
    workers: Callable[[Runtime], Sequence[Worker]] = lambda _: (),
) -> FastAPI:
    """Assemble a service: its routes, feed, consumers, workers, health, problems and logs."""
    connections = environment.connections
    readers = FeedReaders()
    runtime = Runtime(
        name=parts.name,
        database=environment.database,
        tables=parts.tables,
        clock=environment.clock,
        verifier=TokenVerifier(issuer=environment.issuer, key_source=jwks_of(connections.gateway)),
        wake_readers=readers.wake,
    )
    credentials = ServiceCredentials(
        connections.gateway, client_id=environment.client_id, secret=environment.client_secret
    )
    consumers = [
        Consumer(
            subscription=subscription,
            runtime=runtime,
            feed=connections.feeds[subscription.source],
            credentials=credentials,
        )
        for subscription in parts.subscriptions
    ]
    at_work = workers(runtime)
    app = FastAPI(
        title=parts.title,
        description=parts.description,
        version="1",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=_lifespan(runtime, consumers, at_work),
        responses=documented(NotAuthenticated, UnknownFilter, Problem),
    )
    app.state.runtime = runtime
    app.state.consumers = consumers
    for router in parts.routers:
        app.include_router(router, prefix=API_PREFIX)
    app.include_router(feed_router(readers), include_in_schema=False)
    app.include_router(_health_router(runtime, consumers), include_in_schema=False)
    _publish_problems(app, parts.name)
    answer_in_problems(app)
    app.add_middleware(RequestLog, service=parts.name)
    return app


def jwks_of(gateway: httpx.AsyncClient) -> Callable[[], Any]:
    async def fetch() -> Mapping[str, Any]:
        answer = await gateway.get("/.well-known/jwks.json", timeout=5)
        answer.raise_for_status()
        keys: Mapping[str, Any] = answer.json()
        return keys

    return fetch


def _lifespan(
    runtime: Runtime, consumers: Sequence[Consumer], workers: Sequence[Worker]
) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(consumer.run(), name=f"{runtime.name} reads {consumer.source}")
            for consumer in consumers
        ]
        tasks += [
            asyncio.create_task(worker.run(), name=f"{runtime.name}: {worker.name}")
            for worker in workers
        ]
        try:
            yield
        finally:
            # One cancellation may be lost in a library on the way; the next one is not.
            while unfinished := [task for task in tasks if not task.done()]:
                for task in unfinished:
                    task.cancel()
                await asyncio.wait(unfinished, timeout=1)
            await runtime.database.close()

    return lifespan


def _health_router(runtime: Runtime, consumers: Sequence[Consumer]) -> APIRouter:
    router = APIRouter(route_class=APIRoute)

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "alive", "service": runtime.name}

    @router.get("/readyz")
    async def readyz() -> Response:
        """Say whether requests can be served: the database answers and its schema is there."""
        feeds = {consumer.source: consumer.last_failure or "following" for consumer in consumers}
        try:
            async with runtime.database.session() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError) as error:
            log.warning("not_ready", error=repr(error))
            return JSONResponse(
                {"status": "not ready", "service": runtime.name, "feeds": feeds}, status_code=503
            )
        return JSONResponse({"status": "ready", "service": runtime.name, "feeds": feeds})

    return router


def _publish_problems(app: FastAPI, name: str) -> None:
    """Carry the catalogue of refusals in the contract; the gateway makes pages of it."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = refusals_as_problems(describe())
        document["x-problems"] = problem_catalogue("services.kernel.", f"services.{name}.")
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def refusals_as_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Let the contract say what is answered: every refusal is `application/problem+json`.

    FastAPI would describe each as `application/json`, and add a 422 of a shape that we never send.
    """
    malformed = documented(Malformed)[Malformed.status]
    for item in document.get("paths", {}).values():
        for operation in item.values():
            for status, answer in operation.get("responses", {}).items():
                if not status.startswith(("4", "5")):
                    continue
                content = answer.setdefault("content", {})
                content.pop("application/json", None)
                examples = (
                    content.get(PROBLEM_MEDIA_TYPE) or malformed["content"][PROBLEM_MEDIA_TYPE]
                )
                content[PROBLEM_MEDIA_TYPE] = {
                    **examples,
                    "schema": {"$ref": "#/components/schemas/ProblemOut"},
                }
                if answer.get("description") == "Validation Error":
                    answer["description"] = malformed["description"]
    schemas = document.get("components", {}).get("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


def answer_in_problems(app: FastAPI) -> None:
    """Let every refusal and failure leave as a problem document, without a word of ours leaking."""

    async def answer_problem(request: Request, problem: Exception) -> Response:
        if not isinstance(problem, Problem):
            raise problem
        return problem_response(request, problem)

    async def answer_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        kinds: dict[int, type[Problem]] = {
            404: NotFound,
            405: MethodNotAllowed,
            413: TooLarge,
            503: Overloaded,
        }
        problem = kinds.get(error.status_code, Problem)(headers=error.headers)
        return problem_response(request, problem)

    async def answer_failure(request: Request, error: Exception) -> Response:
        log.error("request_failed", path=request.url.path, exc_info=error)
        return problem_response(request, Problem())

    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(Exception, answer_failure)
