from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from services.contracts.applications import ApplicationSubmitted, SizeDetermined
from services.kernel.identifiers import new_id
from services.review import consumers
from services.review.app import create_app
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, running_service

TODAY = date(2026, 3, 10)
ROUTE = [
    ("city_office", "520100"),
    ("provincial_office", "520000"),
    ("expert", "520000"),
    ("decision_meeting", "520000"),
]


@dataclass
class Review:
    service: RunningService
    round_id: UUID
    applications: dict[int, UUID] = field(default_factory=dict)

    def officer(self, office: str, region: str = "520000", sub: str | None = None) -> Caller:
        return self.service.caller(office, region=region, sub=sub)

    @property
    def province(self) -> Caller:
        return self.officer("provincial_office")

    async def submitted(
        self,
        serial: int = 1,
        *,
        number: int = 1,
        division: str = "520102",
        pack: str = PACK,
        size_determination: SizeDetermined | None = None,
        filed_by: tuple[str, ...] = (),
        **changed: Any,
    ) -> str:
        """Let intake announce a submission. Return the id of the case."""
        application_id = self.applications.setdefault(serial, new_id())
        facts = facts_of(serial, division, **changed)
        await self.service.deliver(
            "applications",
            ApplicationSubmitted(
                uscc=uscc_of(serial),
                region=division,
                is_secret=facts["is_secret_involved"],
                application_id=application_id,
                submission_number=number,
                submitted_on=TODAY,
                round_id=self.round_id,
                round_code="2026-1",
                kind="new",
                title="srdi_sme",
                policy_pack=pack,
                legal_name=facts["legal_name"],
                facts=facts,
                facts_sha256="0" * 64,
                titles_held=[],
                size_determination=size_determination,
                filed_by=filed_by,
            ),
        )
        items = (await self.province.get("/review-cases")).json()["items"]
        return next(str(one["id"]) for one in items if one["application_id"] == str(application_id))

    async def decide(
        self,
        case_id: str,
        office: str,
        region: str = "520000",
        decision: str = "endorse",
        **body: Any,
    ) -> Any:
        return await self.officer(office, region).post(
            f"/review-cases/{case_id}/decisions",
            json={"decision": decision, "reason": "符合条件", **body},
        )

    async def determined(self, serial: int = 1, **changed: Any) -> str:
        """Return a case that has passed every office and awaits its notice."""
        case_id = await self.submitted(serial, **changed)
        for office, region in ROUTE:
            answer = await self.decide(case_id, office, region)
            assert answer.status_code == 201, answer.text
        return case_id

    async def determined_in(self, serial: int, *, city: str, division: str) -> str:
        """Return a determined case of another city."""
        case_id = await self.submitted(serial, division=division)
        for office, region in [("city_office", city), *ROUTE[1:]]:
            answer = await self.decide(case_id, office, region)
            assert answer.status_code == 201, answer.text
        return case_id

    async def on_notice(self, *case_ids: str, starts_on: str = "2026-03-16") -> dict[str, Any]:
        answer = await self.province.post(
            "/notices",
            json={
                "round_id": str(self.round_id),
                "case_ids": list(case_ids),
                "starts_on": starts_on,
            },
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def types(self) -> list[str]:
        """Return what was announced, in order, without the prefix and version."""
        return [
            event["type"][len("cn.srdi.") : -len(".v1")] for event in await self.service.events()
        ]


@pytest.fixture
async def review(owner: URL) -> AsyncIterator[Review]:
    async with running_service(
        create_app,
        owner=owner,
        service="review",
        subscriptions=(consumers.from_applications,),
        today=TODAY,
    ) as service:
        yield Review(service=service, round_id=new_id())
