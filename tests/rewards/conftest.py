from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from services.contracts.registry import RecognitionGranted, RecognitionRevoked
from services.kernel.identifiers import new_id
from services.rewards import consumers
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, create_rewards, running_service

TODAY = date(2026, 9, 1)


@dataclass
class Rewards:
    service: RunningService
    granted: dict[str, dict[str, Any]] = field(default_factory=dict)

    def finance(self, sub: str = "finance-1", region: str = "520000") -> Caller:
        return self.service.caller("finance_office", region=region, sub=sub)

    @property
    def treasury(self) -> Caller:
        return self.service.caller("disbursement", region="520000")

    async def holds(self, serial: int, title: str, **changed: Any) -> UUID:
        """Let the registry announce a title. Return the recognition's id."""
        recognition_id = new_id()
        facts = facts_of(serial)
        fields: dict[str, Any] = {
            "uscc": facts["uscc"],
            "region": facts["applying_division"],
            "is_secret": False,
            "recognition_id": recognition_id,
            "title": title,
            "legal_name": facts["legal_name"],
            "certificate_number": f"52-{title}-{serial}",
            "valid_from": date(2026, 6, 1),
            "valid_until": date(2029, 5, 31),
            "policy_pack": PACK,
            "round_code": "2026-1",
        } | changed
        self.granted[str(recognition_id)] = fields
        await self.service.deliver(
            "registry",
            RecognitionGranted(document_number="示例〔2026〕9号", application_id=None, **fields),
        )
        return recognition_id

    async def revoked(
        self, recognition_id: UUID, ground: str = "false_declaration", *, recovers: bool = True
    ) -> None:
        event = RecognitionRevoked.model_validate(
            self.granted[str(recognition_id)]
            | {
                "ground": ground,
                "revoked_on": TODAY,
                "finding_number": "示例查〔2026〕1号",
                "document_number": "示例〔2026〕20号",
                "recovers_rewards": recovers,
                "exclusion_until": None,
            }
        )
        await self.service.deliver("registry", event)

    async def schedule(self, **changed: Any) -> dict[str, Any]:
        drafted = await self.finance("finance-1").post(
            "/reward-schedules", json=schedule_body(**changed)
        )
        assert drafted.status_code == 201, drafted.text
        approved = await self.finance("finance-2").post(
            f"/reward-schedules/{drafted.json()['id']}/approval"
        )
        assert approved.status_code == 200, approved.text
        return dict(approved.json())

    async def calculated(self, serial: int = 1) -> dict[str, Any]:
        answer = await self.finance().post("/award-calculations", json={"uscc": uscc_of(serial)})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def propose(self, serial: int = 1, fiscal_year: int = 2026) -> Any:
        return await self.finance("finance-1").post(
            "/awards",
            json={"uscc": uscc_of(serial), "fiscal_year": fiscal_year, "reason": "择优"},
        )

    async def approved(self, serial: int = 1) -> dict[str, Any]:
        proposed = await self.propose(serial)
        assert proposed.status_code == 201, proposed.text
        answer = await self.finance("finance-2").post(f"/awards/{proposed.json()['id']}/approval")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def ordered(self, award_id: str, fiscal_year: int = 2026) -> dict[str, Any]:
        """Order one award's payment. Return the batch."""
        answer = await self.finance().post(
            "/disbursement-batches", json={"fiscal_year": fiscal_year, "award_ids": [award_id]}
        )
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def payable(self, serial: int = 1) -> dict[str, Any]:
        """Propose, approve and order an award."""
        award = await self.approved(serial)
        await self.ordered(award["id"])
        return award

    async def pay(self, award_id: str, amount: str, voucher: str = "V-1", **changed: Any) -> Any:
        body = {"amount": amount, "paid_on": TODAY.isoformat(), "voucher": voucher} | changed
        return await self.treasury.post(f"/awards/{award_id}/disbursement", json=body)

    async def paid(self, serial: int, voucher: str) -> dict[str, Any]:
        award = await self.payable(serial)
        answer = await self.pay(award["id"], award["amount"], voucher)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def award(self, award_id: str) -> dict[str, Any]:
        return dict((await self.finance().get(f"/awards/{award_id}")).json())

    async def statement(self, serial: int = 1) -> dict[str, Any]:
        return dict((await self.finance().get(f"/award-statements/{uscc_of(serial)}")).json())


def schedule_body(**changed: Any) -> dict[str, Any]:
    return {
        "code": "2026-demo",
        "document_number": "示例财〔2026〕1号",
        "effective_from": "2026-01-01",
        "amounts": [
            {"title": "provincial_little_giant", "amount": "200000.00"},
            {"title": "national_little_giant", "amount": "500000.00"},
        ],
        "settlement": "top_up",
        "scope": "concurrent_validity",
        "budgets": [{"fiscal_year": 2026, "amount": "1000000.00"}],
    } | changed


@pytest.fixture
async def rewards(owner: URL, tmp_path: Path) -> AsyncIterator[Rewards]:
    async with running_service(
        create_rewards(tmp_path),
        owner=owner,
        service="rewards",
        subscriptions=(consumers.from_registry,),
        today=TODAY,
    ) as service:
        yield Rewards(service)
