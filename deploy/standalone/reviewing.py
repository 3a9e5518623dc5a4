"""What review does in the worked example: lists, screening, a drawn panel, a meeting, a notice."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from deploy.standalone.firms import Firm
from deploy.standalone.telling import Teller
from services.kernel.identity.actor import Office

EXPERTS = tuple(f"example-expert-{number}" for number in range(1, 7))
"""Of another province, so that none is from an enterprise's own city."""
AGREED = (84, 80, 77)
"""Shares of the points that three experts give, in percent."""
DIFFERING = (92, 66, 81, 84)
"""Further apart than the pack allows: a fourth expert is called, and three of the four agree."""
POOR = (48, 52, 45)


class ReviewTeller(Teller):
    """Tells what the offices of review do with a round's cases."""

    async def _take_experts_in(self, fields: Sequence[str]) -> None:
        for number, sub in enumerate(EXPERTS, start=1):
            await self._post(
                sub,
                Office.PROVINCE,
                "/experts",
                {
                    "sub": sub,
                    "name": f"示例专家{number}",
                    "employer": "示例大学",
                    "employer_uscc": None,
                    "fields": sorted(set(fields)),
                    "division": "530100",
                },
            )

    async def _review(
        self,
        firms: Sequence[Firm],
        what: str,
        *,
        days: tuple[int, int, int, int],
        scores: Mapping[str, tuple[int, ...]],
        objected: Firm | None = None,
    ) -> None:
        """Bring a round's cases from the cities' lists to their recognition.

        `days` are those of lists, screening, the draw's commitment and the meeting.
        """
        listed, screened, committed, met = days
        self._go_to(listed)
        await self._recommend(firms, what)
        self._go_to(screened)
        for firm in firms:
            await self._screen(firm, what)
        draw = await self._draw(firms, what, committed)
        self._go_to(committed + 4)
        for firm in firms:
            await self._score(firm, what, scores.get(firm.key, AGREED), draw)
        self._go_to(met)
        passed = [firm for firm in firms if scores.get(firm.key, AGREED) is not POOR]
        await self._determine(passed, what)
        await self._announce(what, passed, objected)

    async def _recommend(self, firms: Sequence[Firm], what: str) -> None:
        """Let each city sign its list: once its cases have reached it."""
        for city in sorted({firm.city for firm in firms}):
            cases = [
                await self._at(firm, what, "city_recommendation")
                for firm in firms
                if firm.city == city
            ]
            await self._post(
                f"{what}-list-{city}",
                Office.CITY,
                "/recommendation-lists",
                {
                    "round_id": cases[0]["round_id"],
                    "case_ids": [case["id"] for case in cases],
                    "document_number": f"示例市州工信〔{self._clock.today().year}〕{city}号",
                    "opinion": "申报材料齐全，同意推荐",
                },
                region=city,
                sub=f"city_office-{city}",
            )

    async def _screen(self, firm: Firm, what: str) -> None:
        case = await self._at(firm, what, "provincial_screening")
        await self._post(
            f"{firm.key}-{what}-screen",
            Office.PROVINCE,
            f"/review-cases/{case['id']}/decisions",
            {"decision": "endorse", "reason": "形式审查通过"},
            sub="provincial_office-screens",
        )

    async def _draw(self, firms: Sequence[Firm], what: str, day: int) -> dict[str, Any]:
        """Commit to a draw of the experts, and reveal it on the next day by a public value."""
        self._go_to(day)
        cases = [await self._case(firm, what) for firm in firms]
        draw = await self._post(
            f"{what}-draw",
            Office.PROVINCE,
            "/draws",
            {
                "purpose": "experts",
                "round_id": cases[0]["round_id"],
                "case_ids": [case["id"] for case in cases],
                "public_source": f"{self._day(day + 1)} 上证综合指数收盘点位（示例）",
            },
            sub="provincial_office-draws",
        )
        self._go_to(day + 1)
        return await self._post(
            f"{what}-reveal",
            Office.PROVINCE,
            f"/draws/{draw['id']}/reveal",
            {"public_value": "3861.87"},
            sub="provincial_office-witnesses",
        )

    async def _score(
        self, firm: Firm, what: str, shares: Sequence[int], draw: Mapping[str, Any]
    ) -> None:
        """Let the drawn experts score one after the other; the next of the draw when one more is called."""
        case = await self._case(firm, what)
        path = f"/review-cases/{case['id']}"
        panel = await self._until(f"{path}/panel", Office.PROVINCE, lambda _: True)
        drawn = next(lot["ranking"] for lot in draw["lots"] if lot["lot"] == case["id"])
        subs = {self._told(sub)["code"]: sub for sub in EXPERTS}
        for code, share in zip(drawn, shares, strict=False):
            await self._post(
                f"{firm.key}-{what}-scores-{code}",
                Office.EXPERT,
                f"{path}/scores",
                {
                    "items": [
                        {
                            "indicator": one["id"],
                            "points": f"{int(one['out_of']) * share / 100:.1f}",
                            "reason": "见申报材料及佐证（示例）",
                        }
                        for one in panel["indicators"]
                    ]
                },
                sub=subs[code],
            )

    async def _determine(self, firms: Sequence[Firm], what: str) -> None:
        cases = [await self._at(firm, what, "determination") for firm in firms]
        today = self._clock.today()
        await self._post(
            f"{what}-determination",
            Office.DECISION_MEETING,
            "/determinations",
            {
                "meeting": "示例厅长办公会",
                "held_on": today.isoformat(),
                "document_number": f"示例纪要〔{today.year}〕{what.upper()}号",
                "items": [
                    {"case_id": case["id"], "decision": "endorse", "reason": "审定通过"}
                    for case in cases
                ],
            },
        )

    async def _announce(
        self, what: str, firms: Sequence[Firm], objected: Firm | None = None
    ) -> None:
        """Put determined cases on public notice, and recognise them once it is over."""
        cases = [await self._case(firm, what) for firm in firms]
        today = self._clock.today()
        self._say("public notice of five working days, then recognition")
        notice = await self._post(
            f"{what}-notice",
            Office.PROVINCE,
            "/notices",
            {
                "round_id": cases[0]["round_id"],
                "case_ids": [case["id"] for case in cases],
                "starts_on": today.isoformat(),
            },
        )
        if objected is not None:
            objection = await self._post(
                f"{what}-objection",
                None,
                f"/public/notices/{notice['id']}/objections",
                {
                    "uscc": objected.uscc,
                    "objector": {
                        "kind": "person",
                        "name": "示例异议人",
                        "contact": "0851-00000000",
                    },
                    "facts": "认为该企业资产负债率超过标准。",
                    "evidence": ["公开年报摘录（示例）"],
                },
            )
            await self._post(
                f"{what}-city-heard",
                Office.CITY,
                f"/objections/{objection['id']}/statements",
                {"text": "经核，申报数据与审计报告一致（示例）。"},
                region=objected.city,
            )
            await self._post(
                f"{what}-enterprise-heard",
                Office.ENTERPRISE,
                f"/objections/{objection['id']}/statements",
                {"text": "负债总额见审计报告第4页，资产负债率为70.00%（示例）。"},
                uscc=objected.uscc,
            )
            await self._post(
                f"{what}-resolution",
                Office.PROVINCE,
                f"/objections/{objection['id']}/resolution",
                {"sustained": False, "reason": "经核对审计报告，资产负债率恰为70%，符合条件"},
            )
        decided_on = date.fromisoformat(notice["ends_on"]) + timedelta(days=1)
        self._clock.move_to_day(decided_on)
        await self._post(
            f"{what}-recognition",
            Office.PROVINCE,
            f"/notices/{notice['id']}/recognition",
            {
                "document_number": f"示例工信〔{decided_on.year}〕{what.upper()}号",
                "decided_on": decided_on.isoformat(),
            },
        )
        for firm in firms:
            await self._until(
                f"/enterprises/{firm.uscc}",
                Office.PROVINCE,
                lambda found: bool(found["recognitions"]),
            )

    async def _at(self, firm: Firm, what: str, stage: str) -> dict[str, Any]:
        """Return an enterprise's case once it has come to a stage, or was there and is beyond it."""
        case = await self._case(firm, what)
        return await self._until(
            f"/review-cases/{case['id']}",
            Office.PROVINCE,
            lambda found: (
                (found["stage"] == stage and found["status"] != "returned")
                or any(
                    (one["stage"], one["decision"]) == (stage, "endorse")
                    for one in found["decisions"]
                )
            ),
        )

    async def _case(self, firm: Firm, what: str) -> dict[str, Any]:
        """Return an enterprise's case, once review has it."""
        draft = "draft" if what == "srdi" else f"{what}-draft"
        application_id = self._told(f"{firm.key}-{draft}")["id"]

        def matching(found: Mapping[str, Any]) -> list[dict[str, Any]]:
            return [one for one in found["items"] if one["application_id"] == application_id]

        found = await self._until(
            "/review-cases?limit=200", Office.PROVINCE, lambda found: bool(matching(found))
        )
        return matching(found)[0]
