from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from services.contracts.applications import ApplicationSubmitted
from services.contracts.review import CaseRecognised
from services.kernel.identifiers import new_id
from services.registry.app import PARTS
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, create_registry, running_service

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
        policy_pack: str = PACK,
        round_code: str = "2026-1",
        **changed: Any,
    ) -> str:
        """Let review announce a recognition. Return the id of what the registry recorded."""
        await self.announced(
            serial,
            on=on,
            title=title,
            kind=kind,
            application_id=application_id,
            policy_pack=policy_pack,
            round_code=round_code,
            **changed,
        )
        held = (await self.officer().get(f"/enterprises/{uscc_of(serial)}")).json()["recognitions"]
        return next(str(one["id"]) for one in reversed(held) if one["title"] == title)

    async def announced(
        self,
        serial: int,
        *,
        on: date,
        kind: str,
        title: str = "srdi_sme",
        application_id: UUID | None = None,
        policy_pack: str = PACK,
        round_code: str = "2026-1",
        **changed: Any,
    ) -> None:
        """Let review announce a recognition, whatever the registry makes of it."""
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
                round_code=round_code,
                kind="renewal" if kind == "renewal" else "new",
                policy_pack=policy_pack,
                legal_name=facts["legal_name"],
                document_number="示例〔2026〕9号",
                decided_on=on,
                facts=facts,
            ),
        )

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

    @property
    def today(self) -> date:
        return self.service.clock.today()

    async def verified(self, serial: int, on: date | None = None, title: str = "srdi_sme") -> Any:
        query = f"?title={title}" + (f"&on={on}" if on else "")
        return (await self.partner.get(f"/verifications/{uscc_of(serial)}{query}")).json()

    async def finding(
        self, serial: int = 1, *, number: str = "示例查〔2026〕1号", **changed: Any
    ) -> Any:
        """Record that something was established (一经查实)."""
        body = {
            "ground": "false_declaration",
            "number": number,
            "established_on": TODAY.isoformat(),
            "established_by": "示例省工业和信息化厅",
            "summary": "申报材料中的发明专利不属于该企业（示例）。",
        }
        return await self.officer().post(
            f"/enterprises/{uscc_of(serial)}/findings", json=body | changed
        )

    async def revoke(self, recognition_id: str, **changed: Any) -> Any:
        """Establish a false declaration and revoke for it, unless told otherwise."""
        body: dict[str, Any] = {
            "ground": "false_declaration",
            "finding_number": "示例查〔2026〕1号",
            "document_number": "示例〔2026〕20号",
            "decided_on": TODAY.isoformat(),
        } | changed
        if body["finding_number"] is not None:
            found = (await self.officer().get(f"/recognitions/{recognition_id}")).json()
            await self.officer().post(
                f"/enterprises/{found['uscc']}/findings",
                json={
                    "ground": body["ground"],
                    "number": body["finding_number"],
                    "established_on": min(body["decided_on"], self.today.isoformat()),
                    "established_by": "示例省工业和信息化厅",
                    "summary": "申报材料中的发明专利不属于该企业（示例）。",
                },
            )
        return await self.officer().post(f"/recognitions/{recognition_id}/revocation", json=body)


@pytest.fixture
async def registry(owner: URL, tmp_path: Path) -> AsyncIterator[Registry]:
    async with running_service(
        create_registry(tmp_path),
        owner=owner,
        service="registry",
        subscriptions=tuple(PARTS.subscriptions),
        today=TODAY,
    ) as service:
        yield Registry(service)
