from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from services.contracts.applications import ApplicationSubmitted
from services.contracts.review import CaseRecognised
from services.kernel.identifiers import new_id
from services.registry import consumers
from services.registry.app import create_app
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, running_service

TODAY = date(2026, 6, 1)


@dataclass
class Registry:
    service: RunningService

    def officer(self, office: str = "provincial_office", region: str = "520000") -> Caller:
        return self.service.caller(office, region=region)

    @property
    def partner(self) -> Caller:
        """A third-party system of the province: a scope and no office."""
        return self.service.caller("evaluator", region="520000")

    async def recognised(
        self,
        serial: int = 1,
        *,
        on: date = TODAY,
        title: str = "srdi_sme",
        kind: str = "new",
        application_id: UUID | None = None,
        **changed: Any,
    ) -> str:
        """Let review announce a recognition. Return the id of what the registry recorded."""
        facts = facts_of(serial, **changed)
        await self.service.deliver(
            "review",
            CaseRecognised(
                uscc=facts["uscc"],
                region=facts["applying_division"],
                is_secret=facts["is_secret_involved"],
                case_id=new_id(),
                application_id=application_id or new_id(),
                title=title,
                round_code="2026-1",
                kind="renewal" if kind == "renewal" else "new",
                policy_pack=PACK,
                legal_name=facts["legal_name"],
                document_number="示例〔2026〕9号",
                decided_on=on,
                facts=facts,
            ),
        )
        held = (await self.officer().get(f"/enterprises/{facts['uscc']}")).json()["recognitions"]
        return next(str(one["id"]) for one in reversed(held) if one["title"] == title)

    async def renewal_filed(self, serial: int, on: date, title: str = "srdi_sme") -> UUID:
        application_id = new_id()
        facts = facts_of(serial)
        await self.service.deliver(
            "applications",
            ApplicationSubmitted(
                uscc=facts["uscc"],
                region=facts["applying_division"],
                is_secret=False,
                application_id=application_id,
                submission_number=1,
                submitted_on=on,
                round_id=new_id(),
                round_code="2029-1",
                kind="renewal",
                title=title,
                policy_pack=PACK,
                legal_name=facts["legal_name"],
                facts=facts,
                facts_sha256="0" * 64,
                titles_held=[title],
            ),
        )
        return application_id

    async def verified(self, serial: int, on: date | None = None, title: str = "srdi_sme") -> Any:
        query = f"?title={title}" + (f"&on={on}" if on else "")
        return (await self.partner.get(f"/verifications/{uscc_of(serial)}{query}")).json()

    async def revoke(self, recognition_id: str, **changed: Any) -> Any:
        body = {
            "ground": "false_declaration",
            "finding_number": "示例查〔2026〕1号",
            "document_number": "示例〔2026〕20号",
            "decided_on": TODAY.isoformat(),
        }
        return await self.officer().post(
            f"/recognitions/{recognition_id}/revocation", json=body | changed
        )


@pytest.fixture
async def registry(owner: URL) -> AsyncIterator[Registry]:
    async with running_service(
        create_app,
        owner=owner,
        service="registry",
        subscriptions=(consumers.from_review, consumers.from_applications),
        today=TODAY,
    ) as service:
        yield Registry(service)
