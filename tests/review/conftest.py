from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from services.contracts.applications import (
    ApplicationSubmitted,
    ApplicationWithdrawn,
    SizeDetermined,
    SubmittedDocument,
)
from services.contracts.registry import RecognitionRevoked
from services.kernel.identifiers import new_id
from services.policy.catalogue import published_catalogue
from services.review import consumers
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, create_review, running_service

TODAY = date(2026, 3, 10)
NATIONAL = "national/2026-04-01"
INDICATORS = published_catalogue().pack(PACK).panel_rule("expert_evaluation").indicators


def sheet(share: int = 80) -> dict[str, Any]:
    """Return a score sheet that gives about this share of the points for each indicator."""
    return {
        "items": [
            {
                "indicator": one.id,
                "points": f"{one.out_of * share / 100:.1f}",
                "reason": "材料充分",
            }
            for one in INDICATORS
        ]
    }


@dataclass
class Review:
    service: RunningService
    round_id: UUID
    applications: dict[int, UUID] = field(default_factory=dict)
    rounds: dict[str, UUID] = field(default_factory=dict)
    """The rounds of cases that are in another one than `round_id`."""
    codes: dict[str, str] = field(default_factory=dict)
    """Experts in the pool: code by sub."""

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
        title: str = "srdi_sme",
        size_determination: SizeDetermined | None = None,
        filed_by: tuple[str, ...] = (),
        documents: dict[str, str] | None = None,
        kind: str = "new",
        round_id: UUID | None = None,
        **changed: Any,
    ) -> str:
        """Let intake announce a submission. Return the id of the case."""
        application_id = self.applications.setdefault(serial, new_id())
        facts = facts_of(serial, division, **changed)
        await self.service.deliver(
            "applications",
            ApplicationSubmitted.model_validate(
                {
                    "uscc": uscc_of(serial),
                    "region": division,
                    "is_secret": facts["is_secret_involved"],
                    "application_id": application_id,
                    "submission_number": number,
                    "submitted_on": TODAY,
                    "round_id": round_id or self.round_id,
                    "round_code": "2026-1",
                    "kind": kind,
                    "title": title,
                    "policy_pack": pack,
                    "legal_name": facts["legal_name"],
                    "facts": facts,
                    "facts_sha256": "0" * 64,
                    "documents": [
                        SubmittedDocument(
                            kind=name,
                            sha256=content,
                            size=1,
                            media_type="application/pdf",
                            file_name=None,
                        )
                        for name, content in (documents or {}).items()
                    ],
                    "titles_held": [],
                    "size_determination": size_determination,
                    "filed_by": filed_by,
                }
            ),
        )
        items = (await self.province.get("/review-cases?limit=200")).json()["items"]
        case_id = next(
            str(one["id"]) for one in items if one["application_id"] == str(application_id)
        )
        if round_id is not None:
            self.rounds[case_id] = round_id
        return case_id

    def round_of(self, case_id: str) -> str:
        return str(self.rounds.get(case_id, self.round_id))

    async def withdrawn(self, serial: int, reason: str = "经营调整") -> None:
        await self.service.deliver(
            "applications",
            ApplicationWithdrawn(
                uscc=uscc_of(serial),
                region="520102",
                is_secret=False,
                application_id=self.applications[serial],
                round_code="2026-1",
                title="srdi_sme",
                reason=reason,
            ),
        )

    async def excluded(
        self, serial: int, until: date | None = date(2029, 3, 9), **changed: Any
    ) -> RecognitionRevoked:
        """Let the registry announce that a title of an enterprise was revoked for cause."""
        event = revoked(serial, until, **changed)
        await self.service.deliver("registry", event)
        return event

    async def case(self, case_id: str) -> dict[str, Any]:
        return dict((await self.province.get(f"/review-cases/{case_id}")).json())

    # Each stage's own act

    async def recommend(
        self, *case_ids: str, city: str = "520100", sub: str | None = None, **body: Any
    ) -> Any:
        return await self.officer("city_office", city, sub).post(
            "/recommendation-lists",
            json={
                "round_id": self.round_of(case_ids[0]),
                "case_ids": list(case_ids),
                "document_number": "筑工信〔2026〕8号",
                "opinion": "符合推荐条件",
                **body,
            },
        )

    async def decide(
        self,
        case_id: str,
        office: str = "provincial_office",
        region: str = "520000",
        decision: str = "endorse",
        *,
        sub: str | None = None,
        **body: Any,
    ) -> Any:
        # Whoever screens is nobody who publishes, hears and recognises later.
        who = sub or f"decides-{office}-{region}"
        return await self.officer(office, region, who).post(
            f"/review-cases/{case_id}/decisions",
            json={"decision": decision, "reason": "符合条件", **body},
        )

    async def pool(
        self, *subs: str, division: str = "530100", employer_uscc: str | None = None
    ) -> list[str]:
        """Take experts into the pool, from another province unless told otherwise."""
        codes = []
        for sub in subs or [f"expert-{number}" for number in range(1, 7)]:
            answer = await self.officer("provincial_office", sub="pool-keeper").post(
                "/experts",
                json={
                    "sub": sub,
                    "name": f"专家{sub}",
                    "employer": "示例大学",
                    "employer_uscc": employer_uscc,
                    "fields": ["advanced_equipment"],
                    "division": division,
                },
            )
            assert answer.status_code == 201, answer.text
            self.codes[sub] = answer.json()["code"]
            codes.append(self.codes[sub])
        return codes

    async def committed(self, *case_ids: str, purpose: str = "experts") -> Any:
        return await self.officer("provincial_office", sub="draw-keeper").post(
            "/draws",
            json={
                "purpose": purpose,
                "round_id": self.round_of(case_ids[0]),
                "case_ids": list(case_ids),
                "public_source": "次日上证综合指数收盘点位",
            },
        )

    async def revealed(self, draw_id: str, value: str = "3861.87") -> Any:
        return await self.officer("provincial_office", sub="draw-witness").post(
            f"/draws/{draw_id}/reveal", json={"public_value": value}
        )

    async def drawn(self, *case_ids: str, purpose: str = "experts") -> dict[str, Any]:
        """Draw the experts of some cases, or those to be visited: committed to, and revealed next day."""
        if purpose == "experts" and not self.codes:
            await self.pool()
        committed = await self.committed(*case_ids, purpose=purpose)
        assert committed.status_code == 201, committed.text
        self.service.clock.move_to_day(self.service.clock.today() + timedelta(days=1))
        answer = await self.revealed(committed.json()["id"])
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def panel(self, case_id: str) -> dict[str, Any]:
        return dict((await self.province.get(f"/review-cases/{case_id}/panel")).json())

    async def called(self, case_id: str) -> list[str]:
        """Return who is to score a case, by sub."""
        subs = {code: sub for sub, code in self.codes.items()}
        return [
            subs[one["expert"]]
            for one in (await self.panel(case_id))["members"]
            if one["status"] == "called"
        ]

    async def score(self, case_id: str, sub: str, share: int = 80) -> Any:
        return await self.officer("expert", sub=sub).post(
            f"/review-cases/{case_id}/scores", json=sheet(share)
        )

    async def scored(self, case_id: str, shares: Sequence[int] = (80, 80, 80)) -> None:
        """Let the experts who are called score a case."""
        for sub, share in zip(await self.called(case_id), shares, strict=True):
            answer = await self.score(case_id, sub, share)
            assert answer.status_code == 201, answer.text

    async def determine(
        self, *case_ids: str, decision: str = "endorse", sub: str | None = None, **item: Any
    ) -> Any:
        return await self.officer("decision_meeting", sub=sub).post(
            "/determinations",
            json={
                "meeting": "厅长办公会 2026 年第 8 次",
                "held_on": self.service.clock.today().isoformat(),
                "document_number": "纪要〔2026〕8号",
                "items": [
                    {"case_id": case_id, "decision": decision, "reason": "同意", **item}
                    for case_id in case_ids
                ],
            },
        )

    # How far a case is brought

    async def screened(self, serial: int = 1, *, city: str = "520100", **changed: Any) -> str:
        """Return a case that its city recommended and the province has let through."""
        case_id = await self.submitted(serial, **changed)
        for answer in (await self.recommend(case_id, city=city), await self.decide(case_id)):
            assert answer.status_code == 201, answer.text
        return case_id

    async def evaluated(self, serial: int = 1, *, city: str = "520100", **changed: Any) -> str:
        """Return a case that its experts have endorsed."""
        case_id = await self.screened(serial, city=city, **changed)
        await self.drawn(case_id)
        await self.scored(case_id)
        return case_id

    async def determined(self, serial: int = 1, *, city: str = "520100", **changed: Any) -> str:
        """Return a case that has passed every office and awaits its notice."""
        case_id = await self.evaluated(serial, city=city, **changed)
        answer = await self.determine(case_id)
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


def revoked(
    serial: int, until: date | None = date(2029, 3, 9), **changed: Any
) -> RecognitionRevoked:
    """Return that a title of an enterprise was revoked for cause, as the registry tells it."""
    return RecognitionRevoked.model_validate(
        {
            "uscc": uscc_of(serial),
            "region": "520102",
            "is_secret": False,
            "recognition_id": new_id(),
            "title": "srdi_sme",
            "legal_name": facts_of(serial)["legal_name"],
            "certificate_number": f"52-ZJTX-2025-{serial:05}",
            "valid_from": date(2025, 1, 1),
            "valid_until": date(2027, 12, 31),
            "policy_pack": PACK,
            "round_code": "2024-1",
            "ground": "false_declaration",
            "revoked_on": TODAY,
            "finding_number": "示例查〔2026〕1号",
            "document_number": "黔工信〔2026〕30号",
            "recovers_rewards": True,
            "exclusion_until": until,
            **changed,
        }
    )


@pytest.fixture
async def review(owner: URL, tmp_path: Path) -> AsyncIterator[Review]:
    async with running_service(
        create_review(tmp_path),
        owner=owner,
        service="review",
        subscriptions=consumers.SUBSCRIPTIONS,
        today=TODAY,
    ) as service:
        yield Review(service=service, round_id=new_id())


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]
