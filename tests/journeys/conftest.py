"""The whole platform: in one process, and as five."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.schema import SERVICES
from deploy.standalone.example import Storyteller
from deploy.standalone.home import ISSUER, ExampleProgress
from deploy.standalone.offices import token_for
from deploy.standalone.papers import one_page_pdf
from deploy.standalone.platform import put_together
from services.applications.settings import IntakeSettings
from services.kernel.clock import AdjustableClock
from services.kernel.identity.actor import Office
from services.kernel.identity.keys import KeyRing
from services.kernel.identity.tokens import SigningKey
from services.registry.settings import RegistrySettings
from services.review.settings import ReviewSettings
from services.rewards.settings import RewardsSettings
from tests.builders.processes import Processes, five_processes

BEGUN_ON = date(2026, 3, 2)
CONTACT = {"name": "王示例", "phone": "0851-86891234"}


@dataclass
class Whole:
    """A running platform, whatever it runs in."""

    client: httpx.AsyncClient
    clock: AdjustableClock
    keys: KeyRing
    owner: URL
    services: Mapping[str, FastAPI] = field(default_factory=dict)

    def storyteller(
        self,
        progress: ExampleProgress,
        note: Callable[[ExampleProgress], None] = lambda _: None,
    ) -> Storyteller:
        return Storyteller(
            client=self.client,
            clock=self.clock,
            token=partial(token_for, self.keys),
            progress=progress,
            note=note,
            say=lambda _: None,
        )

    async def ask(
        self, office: Office | None, method: str, path: str, **request: Any
    ) -> httpx.Response:
        who = {name: request.pop(name) for name in ("region", "uscc", "sub") if name in request}
        headers = dict(request.pop("headers", {}))
        if office is not None:
            headers["Authorization"] = f"Bearer {token_for(self.keys, office, **who)}"
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **request)

    async def attach_needed(self, application_id: str, *, uscc: str) -> None:
        """Send every document that an application needs, as its enterprise."""
        path = f"/applications/{application_id}/documents"
        listed = await self.ask(Office.ENTERPRISE, "GET", path, uscc=uscc)
        for one in listed.json()["items"]:
            if one["is_needed"]:
                sent = await self.ask(
                    Office.ENTERPRISE,
                    "PUT",
                    f"{path}/{one['kind']}",
                    uscc=uscc,
                    content=one_page_pdf(one["kind"]),
                    headers={"Content-Type": "application/pdf"},
                )
                assert sent.status_code == 201, sent.text

    async def done(self) -> dict[str, Counter[str]]:
        """Return how often each thing was done, by service, from the history nobody can edit."""
        engine = create_async_engine(self.owner, poolclass=NullPool)
        found: dict[str, Counter[str]] = {}
        async with engine.connect() as connection:
            for service in SERVICES:
                rows = await connection.execute(
                    text(f"SELECT action, count(*) AS times FROM {service}.history GROUP BY action")
                )
                found[service] = Counter({row.action: row.times for row in rows})
        await engine.dispose()
        return found


@pytest.fixture
async def whole(owner: URL, tmp_path: Path) -> AsyncIterator[Whole]:
    """The platform in one process."""
    clock = AdjustableClock()
    clock.move_to_day(BEGUN_ON)
    keys = KeyRing((SigningKey.generate(),))
    platform = put_together(
        owner=owner,
        passwords={},
        intake=IntakeSettings.in_folder(tmp_path),
        review=ReviewSettings.in_folder(tmp_path),
        registry=RegistrySettings.in_folder(tmp_path),
        rewards=RewardsSettings.in_folder(tmp_path),
        keys=keys,
        issuer=ISSUER,
        clients={},
        clock=clock,
    )
    transport = httpx.ASGITransport(platform.gateway, raise_app_exceptions=False)
    async with (
        platform.running(),
        httpx.AsyncClient(transport=transport, base_url="http://platform") as client,
    ):
        yield Whole(client=client, clock=clock, keys=keys, owner=owner, services=platform.services)


@pytest.fixture
async def processes(owner: URL, tmp_path: Path) -> AsyncIterator[Processes]:
    async with five_processes(tmp_path, owner) as running:
        yield running
