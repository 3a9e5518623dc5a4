"""The part of the worked example that is about money: schedules, awards, payments, what comes back."""

from collections.abc import Sequence
from datetime import date

from deploy.standalone.firms import Firm
from deploy.standalone.reviewing import ReviewTeller
from services.kernel.identity.actor import Office

# Amounts of this example only: the plan prints none.
PROVINCIAL_AMOUNT = "200000.00"
NATIONAL_AMOUNT = "500000.00"
SETTLEMENTS = ("top_up", "higher_full", "no_offset")
"""Each is drafted; the first is approved, the others are there to compare with."""
PAID_ON_THE_DAY = (
    "rising-national-payment-1",
    "fallen-national-payment-1",
    "fallen-national-payment-2",
)
"""The payments of the day that is reconciled; the treasury's first report leaves the last one out."""


class RewardTeller(ReviewTeller):
    """Tells what finance and the disbursement system do."""

    async def _draft_schedule(self, settlement: str) -> None:
        opened = self._day(0)
        await self._post(
            f"schedule-{settlement}",
            Office.FINANCE,
            "/reward-schedules",
            {
                "code": f"example-{opened.year}-{settlement}",
                "document_number": f"示例财〔{opened.year}〕1号（示例金额）",
                "effective_from": date(opened.year, 1, 1).isoformat(),
                "amounts": [
                    {"title": "provincial_little_giant", "amount": PROVINCIAL_AMOUNT},
                    {"title": "national_little_giant", "amount": NATIONAL_AMOUNT},
                ],
                "settlement": settlement,
                "scope": "concurrent_validity",
                "budgets": [
                    {"fiscal_year": year, "amount": "2000000.00"}
                    for year in (opened.year, opened.year + 1)
                ],
            },
            sub="finance-drafts",
        )

    async def _reckon_everybody(self) -> None:
        asked = await self._post(
            "dry-run",
            Office.FINANCE,
            "/award-runs",
            {"fiscal_year": self._clock.today().year, "dry_run": True},
            sub="finance-proposes",
        )
        path = f"/award-runs/{asked['id']}"
        await self._until(path, Office.FINANCE, lambda found: found["state"] == "done")
        await self._ask("dry-run-result", "GET", Office.FINANCE, path, headers={})

    async def _reconcile_the_day(self) -> None:
        day = self._clock.today().isoformat()
        movements = [
            {
                "kind": "payment",
                "award_id": paid["id"],
                "reference": paid["payments"][-1]["voucher"],
                "amount": paid["payments"][-1]["amount"],
            }
            for paid in map(self._told, PAID_ON_THE_DAY)
        ]
        path = f"/reconciliations/{day}"
        await self._report_day("day-report", day, movements[:-1])
        await self._ask("day-differences", "GET", Office.FINANCE, f"{path}/differences", headers={})
        await self._report_day("day-report-corrected", day, movements)
        await self._ask("day-reconciled", "GET", Office.FINANCE, path, headers={})

    async def _report_day(self, name: str, day: str, movements: Sequence[dict[str, str]]) -> None:
        await self._post(
            name, Office.DISBURSEMENT, "/day-statements", {"day": day, "movements": movements}
        )

    async def _call_back(self, firm: Firm) -> None:
        found = await self._until(
            f"/recoveries?uscc={firm.uscc}", Office.FINANCE, lambda found: bool(found["items"])
        )
        recovery = found["items"][0]
        self._go_to(180)
        self._say("what is above the lower title's amount is called back, in three instalments")
        await self._post(
            f"{firm.key}-plan",
            Office.FINANCE,
            f"/recoveries/{recovery['id']}/plan",
            {
                "instalments": [
                    {"due_on": self._day(day).isoformat(), "amount": "100000.00"}
                    for day in (210, 240, 270)
                ],
                "reason": "企业申请分期退回（示例）",
            },
        )
        self._go_to(200)
        await self._post(
            f"{firm.key}-repayment",
            Office.DISBURSEMENT,
            f"/recoveries/{recovery['id']}/repayments",
            {
                "amount": "80000.00",
                "paid_on": self._day(200).isoformat(),
                "voucher": "EXAMPLE-R-1",
            },
        )

    async def _reward(
        self, firm: Firm, what: str, title: str, *, parts: Sequence[str] | None = None
    ) -> None:
        await self._until_entitled(firm, title)
        today = self._clock.today()
        award = await self._post(
            f"{firm.key}-{what}-award",
            Office.FINANCE,
            "/awards",
            {"uscc": firm.uscc, "fiscal_year": today.year, "reason": "择优奖励（示例）"},
            sub="finance-proposes",
        )
        await self._post(
            f"{firm.key}-{what}-approval",
            Office.FINANCE,
            f"/awards/{award['id']}/approval",
            sub="finance-approves",
        )
        await self._post(
            f"{firm.key}-{what}-order",
            Office.FINANCE,
            "/disbursement-batches",
            {"fiscal_year": today.year, "award_ids": [award["id"]]},
            sub="finance-proposes",
        )
        for number, amount in enumerate(parts or (award["amount"],), start=1):
            await self._post(
                f"{firm.key}-{what}-payment-{number}",
                Office.DISBURSEMENT,
                f"/awards/{award['id']}/disbursement",
                {
                    "amount": amount,
                    "paid_on": today.isoformat(),
                    "voucher": f"EXAMPLE-{firm.serial}-{what}-{number}",
                },
            )

    async def _until_entitled(self, firm: Firm, title: str) -> None:
        # The registry's news has to have reached rewards before there is anything to grant.
        await self._until_post(
            "/award-calculations",
            Office.FINANCE,
            {"uscc": firm.uscc},
            lambda found: found["highest"] is not None and found["highest"]["title"] == title,
        )
