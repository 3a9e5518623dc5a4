"""A service that runs alone in a test: its database is real, its events are given to it by hand."""

import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import RowMapping, select, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from starlette.routing import BaseRoute

import services.applications.app
import services.registry.app
import services.review.app
import services.rewards.app
from gateway.issuer import claims_for
from services.applications.settings import IntakeSettings
from services.kernel.clock import AdjustableClock
from services.kernel.database import Database
from services.kernel.events.consumer import Delivery, Subscription
from services.kernel.events.event import Event
from services.kernel.identity.actor import Scope
from services.kernel.identity.tokens import SigningKey, key_set, sign
from services.kernel.journal import Journal, verify_chain
from services.kernel.logging import new_trace
from services.kernel.service_app import Connections, Environment, ServiceParts
from services.kernel.transaction import Runtime
from services.registry.settings import RegistrySettings
from services.review.settings import ReviewSettings
from services.rewards.settings import RewardsSettings

ISSUER = "https://issuer.test"
EVERY_SCOPE = frozenset(Scope) - {Scope.EVENTS_INTERNAL}


@dataclass(frozen=True)
class Caller:
    """Somebody with a token; `ask` sends requests in their name."""

    client: httpx.AsyncClient
    token: str

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        return await self.client.request(
            method,
            f"/api/v1{path}",
            headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
            **request,
        )

    async def get(self, path: str, **request: Any) -> httpx.Response:
        return await self.ask("GET", path, **request)

    async def post(self, path: str, **request: Any) -> httpx.Response:
        return await self.ask("POST", path, **request)


@dataclass
class RunningService:
    app: FastAPI
    client: httpx.AsyncClient
    clock: AdjustableClock
    owner: URL
    key: SigningKey
    database: Database
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.app.state.runtime
        return runtime

    def caller(
        self,
        office: str,
        *,
        region: str | None = None,
        uscc: str | None = None,
        sub: str | None = None,
        scopes: frozenset[str] = EVERY_SCOPE,
    ) -> Caller:
        """Return a caller of an office, with every scope unless told otherwise."""
        return self.caller_of(
            [office],
            region=region,
            uscc=uscc,
            sub=sub or f"{office}-{region or uscc or ''}",
            scopes=scopes,
        )

    def caller_of(
        self,
        offices: list[str],
        *,
        region: str | None = None,
        uscc: str | None = None,
        sub: str,
        scopes: frozenset[str] = EVERY_SCOPE,
    ) -> Caller:
        """Return a caller of several offices at once."""
        claims = claims_for(
            issuer=ISSUER,
            sub=sub,
            client_id="test",
            scopes=scopes,
            offices=offices,
            region=region,
            uscc=uscc,
            life_seconds=3600,
        )
        return Caller(client=self.client, token=sign(self.key, claims))

    def anyone(self) -> httpx.AsyncClient:
        """Return a client without a token."""
        return self.client

    async def deliver(
        self, source: str, event: Event, *, occurred_at: datetime | None = None
    ) -> None:
        """Let an event of another service take effect, as its feed would, for every purpose."""
        for subscription in self.subscriptions.values():
            if subscription.source == source and event.TYPE in subscription.types:
                await self._apply(subscription, event, occurred_at or self.clock.now())

    async def _apply(self, subscription: Subscription, event: Event, occurred_at: datetime) -> None:
        runtime = self.runtime
        async with self.database.session() as session, session.begin():
            journal = Journal(session, runtime.tables, runtime.clock, new_trace())
            await subscription.apply(
                Delivery(
                    session=session,
                    journal=journal,
                    clock=runtime.clock,
                    occurred_at=occurred_at,
                ),
                {"type": event.TYPE, "data": event.model_dump(mode="json")},
            )
            await session.flush()
            await journal.write()

    async def events(self) -> list[RowMapping]:
        """Return what the service has announced, in order."""
        outbox = self.runtime.tables.outbox
        async with self.database.session() as session:
            rows = await session.execute(select(outbox).order_by(outbox.c.position))
            return list(rows.mappings())

    async def history(self) -> list[RowMapping]:
        history = self.runtime.tables.history
        async with self.database.session() as session:
            rows = await session.execute(select(history).order_by(history.c.position))
            return list(rows.mappings())

    async def chain_is_sound(self) -> bool:
        async with self.database.session() as session:
            return (await verify_chain(session, self.runtime.tables)).broken_at is None


def create_intake(folder: Path) -> Callable[[Environment], FastAPI]:
    """Return how to build intake with its documents in a folder of the test's own."""
    return lambda environment: services.applications.app.create_app(
        environment, IntakeSettings.in_folder(folder)
    )


def create_review(folder: Path) -> Callable[[Environment], FastAPI]:
    """Return how to build review with its photographs in a folder of the test's own."""
    return lambda environment: services.review.app.create_app(
        environment, ReviewSettings.in_folder(folder)
    )


def create_registry(folder: Path) -> Callable[[Environment], FastAPI]:
    """Return how to build the registry with a seal of the test's own."""
    return lambda environment: services.registry.app.create_app(
        environment, RegistrySettings.in_folder(folder, public_url="https://register.test")
    )


def create_rewards(folder: Path) -> Callable[[Environment], FastAPI]:
    """Return how to build rewards with a seal of the test's own."""
    return lambda environment: services.rewards.app.create_app(
        environment, RewardsSettings.in_folder(folder, public_url="https://rewards.test")
    )


_ENGINES: dict[str, AsyncEngine] = {}
_ROUTES: dict[int, BaseRoute] = {}
"""What FastAPI made of each of these routers."""


def keep_statements(database: Database) -> None:
    """Give a database the engine of an earlier one of its address, with the statements compiled.

    Its connections have been closed; compiling takes longer than most tests do.
    """
    url = database.engine.url.render_as_string(hide_password=False)
    database.engine = _ENGINES.setdefault(url, database.engine)
    database._sessions.configure(bind=database.engine)


def keep_routes(app: FastAPI, service: str) -> None:
    """Give an app what FastAPI has made of the same routers for an earlier one.

    They differ in nothing that a router sees, and working out every route anew, at the first
    request of each app, takes longer than most tests do.
    """
    parts: ServiceParts = importlib.import_module(f"services.{service}.app").PARTS
    routers = {id(router) for router in parts.routers}
    for place, route in enumerate(app.router.routes):
        router = id(getattr(route, "original_router", None))
        if router in routers:
            app.router.routes[place] = _ROUTES.setdefault(router, route)


@asynccontextmanager
async def running_service(
    create_app: Callable[[Environment], FastAPI],
    *,
    owner: URL,
    service: str,
    subscriptions: tuple[Subscription, ...] = (),
    today: date | None = None,
) -> AsyncIterator[RunningService]:
    """Run a service on a migrated database, under its own login, with a clock that can be set."""
    key = SigningKey.generate()
    clock = AdjustableClock()
    if today is not None:
        clock.move_to_day(today)
    login = owner.set(username=f"srdi_{service}")
    database = Database(login.render_as_string(hide_password=False), pool_size=20)
    keep_statements(database)
    keys = httpx.MockTransport(lambda _: httpx.Response(200, json=key_set([key])))
    nobody = httpx.AsyncClient(base_url="http://gateway", transport=keys)
    app = create_app(
        Environment(
            database=database,
            clock=clock,
            issuer=ISSUER,
            client_id=service,
            client_secret=SecretStr("secret"),
            connections=Connections(
                gateway=nobody, feeds={one.source: nobody for one in subscriptions}
            ),
        )
    )
    keep_routes(app, service)
    # The lifespan is not run, so no consumer follows a feed: tests deliver events themselves.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{service}") as client:
        yield RunningService(
            app=app,
            client=client,
            clock=clock,
            owner=owner,
            key=key,
            database=database,
            subscriptions={one.name: one for one in subscriptions},
        )
    await database.close()


async def as_owner(owner: URL, statement: str) -> None:
    """Run one statement with the rights of the database's owner."""
    engine = create_async_engine(owner, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
