"""The four services and the gateway, put together in one process."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.engine import URL
from starlette.types import ASGIApp, Receive, Scope, Send

import services.applications.app
import services.registry.app
import services.review.app
import services.rewards.app
from deploy.deployment import FEEDS
from deploy.schema import SERVICES, login_of
from gateway.app import create_app as create_gateway
from gateway.clients import Client
from gateway.issuer import Issuer
from gateway.proxy import AppUpstream
from services.applications.settings import IntakeSettings
from services.kernel.clock import Clock
from services.kernel.database import Database
from services.kernel.identity.actor import Scope as TokenScope
from services.kernel.identity.keys import KeyRing
from services.kernel.service_app import Connections, Environment
from services.registry.settings import RegistrySettings
from services.review.settings import ReviewSettings
from services.rewards.settings import RewardsSettings


class LateApp:
    """An app that is named before it exists: services know each other in a circle."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.app is None:
            raise RuntimeError("the platform is not put together yet")
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Platform:
    """The apps of one process; the gateway's is the one to serve."""

    gateway: FastAPI
    services: Mapping[str, FastAPI]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start every app's background work, and end it again."""
        async with AsyncExitStack() as stack:
            for app in (*self.services.values(), self.gateway):
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield


def create_service(
    service: str,
    environment: Environment,
    *,
    intake: Callable[[], IntakeSettings],
    review: Callable[[], ReviewSettings],
    registry: Callable[[], RegistrySettings],
    rewards: Callable[[], RewardsSettings],
) -> FastAPI:
    """Build the app of a service; those that keep files or keys are told more than the others are."""
    if service == "applications":
        return services.applications.app.create_app(environment, intake())
    if service == "review":
        return services.review.app.create_app(environment, review())
    if service == "registry":
        return services.registry.app.create_app(environment, registry())
    return services.rewards.app.create_app(environment, rewards())


def service_client(service: str, secret: str) -> Client:
    """Return the client under which a service reads the others' feeds."""
    return Client(
        client_id=f"service-{service}",
        name=f"The {service} service",
        secret_sha256=sha256(secret.encode()).hexdigest(),
        scopes=frozenset({TokenScope.EVENTS_READ, TokenScope.EVENTS_INTERNAL}),
    )


def put_together(
    *,
    owner: URL,
    passwords: Mapping[str, str],
    intake: IntakeSettings,
    review: ReviewSettings,
    registry: RegistrySettings,
    rewards: RewardsSettings,
    keys: KeyRing,
    issuer: str,
    clients: Mapping[str, Client],
    clock: Clock,
    pool_size: int = 8,
) -> Platform:
    """Build every app of the platform. Each service connects with its own login."""
    # They are known to this process alone, and new every time it starts.
    own_secrets = {service: secrets.token_urlsafe(32) for service in SERVICES}
    own_clients = {
        client.client_id: client
        for client in (service_client(*pair) for pair in own_secrets.items())
    }
    late = {name: LateApp() for name in ("gateway", *SERVICES)}
    apps: dict[str, FastAPI] = {}
    for service in SERVICES:
        login: dict[str, Any] = {"username": login_of(service)}
        if service in passwords:
            login["password"] = passwords[service]
        url = owner.set(**login).render_as_string(hide_password=False)
        apps[service] = late[service].app = create_service(
            service,
            Environment(
                database=Database(url, pool_size=pool_size),
                clock=clock,
                issuer=issuer,
                client_id=f"service-{service}",
                client_secret=SecretStr(own_secrets[service]),
                connections=Connections(
                    gateway=_in_process(late["gateway"]),
                    feeds={source: _in_process(late[source]) for source in FEEDS[service]},
                ),
            ),
            intake=lambda: intake,
            review=lambda: review,
            registry=lambda: registry,
            rewards=lambda: rewards,
        )
    gateway = create_gateway(
        issuer=Issuer(issuer=issuer, keys=keys, clients={**clients, **own_clients}),
        upstreams={service: AppUpstream(app) for service, app in apps.items()},
    )
    late["gateway"].app = gateway
    return Platform(gateway=gateway, services=apps)


def _in_process(app: LateApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://in-process"
    )
