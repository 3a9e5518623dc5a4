from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from services.applications import consumers
from services.applications.app import create_app
from services.contracts.review import CaseReceived, CaseReturned, Remark
from services.kernel.identifiers import new_id
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, running_service

TODAY = date(2026, 3, 10)


@dataclass
class Intake:
    service: RunningService
    round_id: str

    def enterprise(self, serial: int = 1) -> Caller:
        return self.service.caller("enterprise", uscc=uscc_of(serial))

    @property
    def province(self) -> Caller:
        return self.service.caller("provincial_office", region="520000")

    async def draft(self, serial: int = 1, **changed: Any) -> dict[str, Any]:
        answer = await self.enterprise(serial).post(
            "/applications",
            json={"round_id": self.round_id, "kind": "new", "facts": facts_of(serial, **changed)},
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def submitted(self, serial: int = 1, **changed: Any) -> dict[str, Any]:
        draft = await self.draft(serial, **changed)
        answer = await self.enterprise(serial).post(f"/applications/{draft['id']}/submission")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def returned(self, serial: int = 1, *facts: str) -> dict[str, Any]:
        application = await self.submitted(serial)
        which: dict[str, Any] = {
            "uscc": uscc_of(serial),
            "region": "520102",
            "is_secret": False,
            "case_id": new_id(),
            "application_id": UUID(application["id"]),
            "title": "srdi_sme",
            "round_code": "2026-1",
            "stage": "city_recommendation",
            "submission_number": 1,
        }
        await self.service.deliver("review", CaseReceived(**which))
        await self.service.deliver(
            "review",
            CaseReturned(
                **which,
                reason="财务数据与审计报告不一致",
                remarks=[Remark(fact_or_document=fact, text="请核对") for fact in facts],
            ),
        )
        answer = await self.enterprise(serial).get(f"/applications/{application['id']}")
        return dict(answer.json())


@pytest.fixture
async def intake(owner: URL) -> AsyncIterator[Intake]:
    async with running_service(
        create_app,
        owner=owner,
        service="applications",
        subscriptions=(consumers.from_review, consumers.from_registry),
        today=TODAY,
    ) as service:
        answer = await service.caller("provincial_office", region="520000").post(
            "/rounds", json=round_body()
        )
        assert answer.status_code == 201, answer.text
        yield Intake(service=service, round_id=answer.json()["id"])


def round_body(**changed: Any) -> dict[str, Any]:
    return {
        "code": "2026-1",
        "name": "2026年度第一批",
        "title": "srdi_sme",
        "kinds": {"new": PACK, "renewal": PACK},
        "opens_on": "2026-03-01",
        "closes_on": "2026-03-31",
        "document_number": "示例〔2026〕1号",
    } | changed
