"""The worked example: a story of eight fictitious enterprises, told through the HTTP API.

The platform's clock is moved from day to day as the story goes, and ends at the real time.
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from deploy.standalone.firms import CONTACT, FIRMS, LISTED, Firm
from deploy.standalone.papers import one_page_pdf, workbook_of
from deploy.standalone.reviewing import DIFFERING, POOR
from deploy.standalone.rewarding import SETTLEMENTS, RewardTeller
from deploy.standalone.telling import StoryStuck
from services.kernel.identity.actor import Office
from services.kernel.workbooks.workbook import XLSX

PACK = "guizhou/2021-05-06"
LENGTH = timedelta(days=220)
"""How long before today the story begins, so that all of it lies in the past."""

RENAMED = "贵阳示例精密轴承（集团）有限公司"
"""What one of them is called in the end; it is found by its old name as well."""
YEAR_BEFORE = (
    ("rising", "59500000.00", "3300000.00"),
    ("exact", "63200000.00", "3900000.00"),
    ("craft", "9100000.00", "380000.00"),
    ("corrected", "70400000.00", "4000000.00"),
)
"""Revenue and R&D expense of 2024, in yuan: what the growth of 2025 is reckoned from."""


class Storyteller(RewardTeller):
    """Tells the story to a platform at an address."""

    async def tell(self) -> None:
        """Tell what has not been told yet. Raises `StoryStuck` when an answer is unexpected."""
        await self._open_the_round()
        await self._apply()
        await self._import_a_list()
        await self._review_the_round()
        await self._choose_little_giants()
        await self._reward_little_giants()
        await self._record_the_nation()
        await self._follow()
        await self._revoke()
        self._clock.catch_up()
        self._progress.is_told = True
        self._note(self._progress)

    async def _open_the_round(self) -> None:
        self._go_to(0)
        self._say("the province opens a round; finance sets example amounts")
        opened = self._day(0)
        await self._post(
            "round",
            Office.PROVINCE,
            "/rounds",
            {
                "code": f"{opened.year}-1",
                "name": f"{opened.year}年度第一批省级“专精特新”中小企业（示例）",
                "title": "srdi_sme",
                "kinds": {"new": PACK, "renewal": PACK},
                "opens_on": opened.isoformat(),
                "closes_on": self._day(20).isoformat(),
                "document_number": f"示例工信〔{opened.year}〕1号",
            },
        )
        for settlement in SETTLEMENTS:
            await self._draft_schedule(settlement)
        await self._post(
            "schedule-approved",
            Office.FINANCE,
            f"/reward-schedules/{self._told('schedule-top_up')['id']}/approval",
            sub="finance-approves",
        )

    async def _apply(self) -> None:
        self._go_to(3)
        self._say("eight enterprises apply; one is a cent beyond two limits")
        for firm in FIRMS.values():
            application = await self._post(
                f"{firm.key}-draft",
                Office.ENTERPRISE,
                "/applications",
                {
                    "round_id": self._told("round")["id"],
                    "kind": "new",
                    "facts": firm.declared(),
                    "contact": CONTACT,
                },
                uscc=firm.uscc,
            )
            await self._attach(firm, application, firm.key)
            await self._post(
                f"{firm.key}-submission",
                Office.ENTERPRISE,
                f"/applications/{application['id']}/submission",
                uscc=firm.uscc,
                expect=HTTPStatus.CONFLICT if firm.key == "beyond" else None,
            )

    async def _import_a_list(self) -> None:
        self._go_to(4)
        self._say("Tongren sends a list of three; one confirms its draft, one has given a mandate")
        confirming, mandating, _ = LISTED
        await self._post(
            "mandate",
            Office.ENTERPRISE,
            "/filing-mandates",
            {"region": "520600", "valid_until": self._day(300).isoformat()},
            uscc=mandating.uscc,
        )
        contact = {f"contact.{name}": value for name, value in CONTACT.items()}
        sent = await self._ask(
            "list",
            "POST",
            Office.CITY,
            f"/application-imports?round_id={self._told('round')['id']}",
            workbook_of([firm.declared() | contact for firm in LISTED]),
            headers={
                "Content-Type": XLSX,
                "Idempotency-Key": f"example-{self._progress.begun_on}-list",
            },
            region="520600",
        )
        path = f"/application-imports/{sent['id']}"
        report = await self._until(
            path, Office.CITY, lambda found: found["finished_at"] is not None, region="520600"
        )
        if (report["state"], report["error_count"]) != ("done", 0):
            raise StoryStuck(f"the list of Tongren was not taken over: {report}")
        rows = await self._until(f"{path}/rows", Office.CITY, lambda _: True, region="520600")
        drafts = {row["uscc"]: row["application_id"] for row in rows["items"]}
        draft = f"/applications/{drafts[confirming.uscc]}"
        read = await self._until(draft, Office.ENTERPRISE, lambda _: True, uscc=confirming.uscc)
        await self._ask(
            "list-confirmation",
            "POST",
            Office.ENTERPRISE,
            f"{draft}/confirmation",
            uscc=confirming.uscc,
            headers={
                "If-Match": f'"{read["version"]}"',
                "Idempotency-Key": f"example-{self._progress.begun_on}-list-confirmation",
            },
        )

    async def _attach(self, firm: Firm, application: Mapping[str, Any], name: str) -> None:
        """Send each document that is needed and not there yet: a page that says what it stands for."""
        path = f"/applications/{application['id']}/documents"
        listed = await self._until(path, Office.ENTERPRISE, lambda _: True, uscc=firm.uscc)
        for one in listed["items"]:
            if one["is_needed"] and one["document"] is None:
                kind = one["kind"]
                await self._ask(
                    f"{name}-{kind}",
                    "PUT",
                    Office.ENTERPRISE,
                    f"{path}/{kind}",
                    one_page_pdf(f"Example of {kind.replace('_', ' ')}, {firm.uscc}"),
                    uscc=firm.uscc,
                    headers={"Content-Type": "application/pdf"},
                )

    async def _review_the_round(self) -> None:
        cases = [firm for firm in FIRMS.values() if firm.key != "beyond"]
        self._go_to(8)
        self._say("cities sign their lists; Anshun sends one back, it is corrected")
        await self._send_back_and_correct(FIRMS["corrected"])
        self._say("screening, a drawn panel (one more expert for one, one refused), a meeting")
        await self._take_experts_in([str(firm.declared()["focus_field"]) for firm in cases])
        await self._review(
            cases,
            "srdi",
            days=(9, 16, 20, 34),
            scores={"exact": DIFFERING, "refused": POOR},
            objected=FIRMS["exact"],
        )

    async def _send_back_and_correct(self, firm: Firm) -> None:
        case = await self._case(firm, "srdi")
        await self._post(
            f"{firm.key}-returned",
            Office.CITY,
            f"/review-cases/{case['id']}/decisions",
            {
                "decision": "return",
                "reason": "负债总额与审计报告不一致",
                "remarks": [
                    {"fact_or_document": "total_liabilities", "text": "请按审计报告第4页更正"}
                ],
            },
            region=firm.city,
            sub=f"city_office-{firm.city}",
        )
        path = f"/applications/{self._told(f'{firm.key}-draft')['id']}"
        correction = f"{firm.key}-correction"
        if correction not in self._progress.answers:
            returned = await self._until(
                path, Office.ENTERPRISE, lambda found: found["status"] == "returned", uscc=firm.uscc
            )
            await self._ask(
                correction,
                "PATCH",
                Office.ENTERPRISE,
                path,
                {"facts": {"total_liabilities": "35500000.00"}},
                uscc=firm.uscc,
                headers={"If-Match": f'"{returned["version"]}"'},
            )
        await self._post(
            f"{firm.key}-resubmission", Office.ENTERPRISE, f"{path}/submission", uscc=firm.uscc
        )

    async def _choose_little_giants(self) -> None:
        chosen = [FIRMS["rising"], FIRMS["fallen"]]
        self._go_to(60)
        self._say("little giants are chosen among the recognised")
        opened = self._day(60)
        giants = await self._post(
            "giant-round",
            Office.PROVINCE,
            "/rounds",
            {
                "code": f"{opened.year}-G",
                "name": f"{opened.year}年度省级专精特新“小巨人”企业（示例）",
                "title": "provincial_little_giant",
                "kinds": {"new": PACK},
                "opens_on": opened.isoformat(),
                "closes_on": self._day(75).isoformat(),
                "document_number": f"示例工信〔{opened.year}〕8号",
            },
        )
        for firm in chosen:
            application = await self._post(
                f"{firm.key}-giant-draft",
                Office.ENTERPRISE,
                "/applications",
                {
                    "round_id": giants["id"],
                    "kind": "new",
                    "facts": firm.declared(),
                    "contact": CONTACT,
                    "copied_from": self._told(f"{firm.key}-draft")["id"],
                },
                uscc=firm.uscc,
            )
            # The title has to have reached intake before it lets the enterprise on.
            await self._until(
                f"/applications/{application['id']}/eligibility",
                Office.ENTERPRISE,
                lambda found: found["can_be_submitted"],
                uscc=firm.uscc,
            )
            await self._post(
                f"{firm.key}-giant-submission",
                Office.ENTERPRISE,
                f"/applications/{application['id']}/submission",
                uscc=firm.uscc,
            )
        await self._review(chosen, "giant", days=(64, 70, 72, 82), scores={})

    async def _reward_little_giants(self) -> None:
        self._go_to(110)
        self._say("one little giant is rewarded: proposed by one officer, approved by another")
        await self._reward(FIRMS["rising"], "provincial", "provincial_little_giant")

    async def _record_the_nation(self) -> None:
        self._go_to(140)
        self._say("both little giants become national ones; three ways to settle, side by side")
        for firm in (FIRMS["rising"], FIRMS["fallen"]):
            await self._post(
                f"{firm.key}-national",
                Office.PROVINCE,
                "/recognitions",
                {
                    "uscc": firm.uscc,
                    "legal_name": firm.name,
                    "title": "national_little_giant",
                    "valid_from": self._day(140).isoformat(),
                    "document_number": f"工信部示例〔{self._day(140).year}〕1号",
                    "region": firm.division,
                },
            )
        for firm in (FIRMS["rising"], FIRMS["fallen"]):
            await self._until_entitled(firm, "national_little_giant")
            for settlement in SETTLEMENTS:
                await self._post(
                    f"{firm.key}-{settlement}",
                    Office.FINANCE,
                    "/award-calculations",
                    {
                        "uscc": firm.uscc,
                        "schedule_id": self._told(f"schedule-{settlement}")["id"],
                    },
                )
        self._go_to(150)
        self._say("a dry run reckons everybody; nothing is proposed but what officers select")
        await self._reckon_everybody()
        self._say("one gets the difference; the other, not rewarded before, all, paid in two parts")
        await self._reward(FIRMS["rising"], "national", "national_little_giant")
        await self._reward(
            FIRMS["fallen"], "national", "national_little_giant", parts=("300000.00", "200000.00")
        )
        self._say(
            "the treasury's report of the day leaves a payment out; it is found and corrected"
        )
        await self._reconcile_the_day()

    async def _follow(self) -> None:
        firm = FIRMS["rising"]
        self._go_to(155)
        self._say("what is followed: a library, support, an evaluation, a typical case, a new name")
        beyond = FIRMS["beyond"]
        await self._ask(
            "library",
            "PUT",
            Office.CITY,
            f"/cultivation-library/{beyond.uscc}",
            {
                "legal_name": beyond.name,
                "division": beyond.division,
                "reason": "纳入培育库，明年再申报（示例）",
                "entered_on": self._day(155).isoformat(),
            },
            region=beyond.city,
            headers={},
        )
        for measure, provider, description, amount in (
            ("innovation", "示例大学", "产学研合作：关键零部件攻关（示例）", "300000.00"),
            ("digital", "示例云服务商", "登云用云，生产线数字化改造（示例）", "120000.00"),
            ("finance", "示例银行", "知识产权质押贷款贴息（示例）", "85000.50"),
            ("management", "“星光”培训", "经营管理者培训两期（示例）", None),
        ):
            await self._post(
                f"support-{measure}",
                Office.CITY,
                f"/enterprises/{firm.uscc}/support-records",
                {
                    "measure": measure,
                    "provider": provider,
                    "description": description,
                    "delivered_on": self._day(150).isoformat(),
                }
                | ({} if amount is None else {"amount": amount}),
                region=firm.city,
            )
        await self._post(
            "evaluation",
            Office.EVALUATOR,
            f"/enterprises/{firm.uscc}/evaluations",
            {
                "year": self._day(155).year,
                "agency": "示例评估中心",
                "score": "86.50",
                "difficulties": "高端人才不足（示例）",
                "summary": "成长性良好（示例）。",
                "evaluated_on": self._day(154).isoformat(),
            },
        )
        await self._post(
            "typical-case",
            Office.PROVINCE,
            f"/enterprises/{firm.uscc}/cases",
            {
                "year": self._day(155).year,
                "heading": "深耕细分市场十五年（示例）",
                "summary": "以一个零部件成为国内领先（示例）。",
                "chosen_on": self._day(155).isoformat(),
                "document_number": f"示例工信〔{self._day(155).year}〕25号",
            },
        )
        for key, revenue, rd_expense in YEAR_BEFORE:
            await self._post(
                f"{key}-report",
                Office.ENTERPRISE,
                f"/enterprises/{FIRMS[key].uscc}/annual-reports",
                {
                    "fiscal_year": 2024,
                    "facts": {"operating_revenue": revenue, "rd_expense": rd_expense},
                },
                uscc=FIRMS[key].uscc,
            )
        self._go_to(160)
        await self._post(
            "rename",
            Office.PROVINCE,
            f"/enterprises/{firm.uscc}/changes",
            {
                "kind": "rename",
                "happened_on": self._day(158).isoformat(),
                "new_name": RENAMED,
                "document_number": "示例变更〔2026〕158号",
                "reported_on": self._day(160).isoformat(),
            },
        )

    async def _revoke(self) -> None:
        firm = FIRMS["fallen"]
        self._go_to(175)
        self._say("it had declared falsely: the national title is revoked, the lower one stands")
        held = await self._until(
            f"/enterprises/{firm.uscc}",
            Office.PROVINCE,
            lambda found: len(found["recognitions"]) == len(("srdi_sme", "little_giant", "nation")),
        )
        decided_on = self._day(175)
        await self._post(
            f"{firm.key}-finding",
            Office.PROVINCE,
            f"/enterprises/{firm.uscc}/findings",
            {
                "ground": "false_declaration",
                "number": f"示例查〔{decided_on.year}〕3号",
                "established_on": decided_on.isoformat(),
                "established_by": "示例省工业和信息化厅",
                "summary": "申报国家级称号所列的自主知识产权不属于该企业（示例）。",
            },
        )
        (national,) = [
            one for one in held["recognitions"] if one["title"] == "national_little_giant"
        ]
        await self._post(
            f"{firm.key}-revoked",
            Office.PROVINCE,
            f"/recognitions/{national['id']}/revocation",
            {
                "ground": "false_declaration",
                "finding_number": f"示例查〔{decided_on.year}〕3号",
                "document_number": f"示例工信〔{decided_on.year}〕30号",
                "decided_on": decided_on.isoformat(),
            },
        )
        await self._call_back(firm)
