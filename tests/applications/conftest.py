from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.engine import URL

from deploy.standalone.papers import one_page_pdf
from services.applications import consumers
from services.contracts.review import CaseReceived, CaseReturned, Remark
from services.kernel.identifiers import new_id
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, create_intake, running_service

TODAY = date(2026, 3, 10)
CONTACT = {"name": "王示例", "phone": "0851-86891234", "email": "wang@example.com"}


@dataclass
class Intake:
    service: RunningService
    round_id: str

    def enterprise(self, serial: int = 1) -> Caller:
        return self.service.caller("enterprise", uscc=uscc_of(serial))

    @property
    def province(self) -> Caller:
        return self.service.caller("provincial_office", region="520000")

    def body(self, serial: int = 1, **changed: Any) -> dict[str, Any]:
        return {
            "round_id": self.round_id,
            "kind": "new",
            "facts": facts_of(serial, **changed),
            "contact": CONTACT,
        }

    async def bare_draft(self, serial: int = 1, **changed: Any) -> dict[str, Any]:
        """Return a draft with its contact and without a document."""
        answer = await self.enterprise(serial).post(
            "/applications",
            json=self.body(serial, **changed),
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def draft(self, serial: int = 1, **changed: Any) -> dict[str, Any]:
        """Return a draft that lacks nothing but what was taken out of its facts."""
        draft = await self.bare_draft(serial, **changed)
        await self.attach_needed(self.enterprise(serial), draft["id"])
        complete = await self.enterprise(serial).get(f"/applications/{draft['id']}")
        return dict(complete.json())

    async def attach_needed(self, applicant: Caller, application_id: str) -> None:
        path = f"/applications/{application_id}"
        for one in (await applicant.get(f"{path}/documents")).json()["items"]:
            if one["is_needed"] and one["document"] is None:
                answer = await self.attach(applicant, application_id, one["kind"])
                assert answer.status_code == 201, answer.text

    async def attach(
        self,
        applicant: Caller,
        application_id: str,
        kind: str,
        *,
        content: bytes | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send a document; its content is a page that names its kind, unless it is given."""
        return await applicant.ask(
            "PUT",
            f"/applications/{application_id}/documents/{kind}",
            content=one_page_pdf(kind) if content is None else content,
            headers={"Content-Type": "application/pdf", **headers},
        )

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
async def intake(owner: URL, tmp_path: Path) -> AsyncIterator[Intake]:
    async with running_service(
        create_intake(tmp_path),
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
