"""Screenings: what a pack, published or drafted, would mean for every enterprise."""

import asyncio
import tomllib
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.contracts.applications import ApplicationSubmitted
from services.kernel.identifiers import new_id
from services.kernel.logging import new_trace
from services.kernel.transaction import saved_together
from services.policy.catalogue import PACKS, published_catalogue
from services.registry.figures_service import FigureService
from services.registry.following_models import FigureSheet, ScreeningRow
from services.registry.models import Enterprise, Recognition, RecognitionTerm
from services.registry.screening_worker import ScreeningWorker
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, as_owner
from tests.registry.conftest import TODAY, Registry

NATIONAL = "national/2022-08-01"
TEXT = (PACKS / NATIONAL / "pack.toml").read_text("utf-8")
INNOVATIVE: dict[str, Any] = tomllib.loads((PACKS / NATIONAL / "cases.toml").read_text("utf-8"))[
    "base"
]
"""Facts that meet the standard of innovative enterprises, which leaves nothing to an officer."""
POOR = {
    "rd_institution": "none",
    "previous_main_business_revenue": "900000000.00",
    "total_liabilities": "90000000.00",
    "new_equity_three_years": "4000000.00",
}
"""What takes that away again, but for equity that a lower limit would accept."""


@dataclass
class Screens:
    service: RunningService

    @property
    def worker(self) -> ScreeningWorker:
        return ScreeningWorker(self.service.runtime, self.service.app.state.catalogue)

    def officer(self, office: str = "provincial_office", region: str = "520000") -> Caller:
        return self.service.caller(office, region=region)

    async def sheet(
        self,
        serial: int,
        *,
        division: str = "520102",
        facts: dict[str, Any] | None = None,
        is_secret: bool = False,
        **changed: Any,
    ) -> UUID:
        """Keep the latest figures of an enterprise."""
        row = {
            "id": new_id(),
            "uscc": uscc_of(serial),
            "division": division,
            "is_secret": is_secret,
            "origin": "annual_report",
            "fiscal_year": 2025,
            "reported_on": TODAY,
            "recorded_at": self.service.clock.now(),
            "recorded_by": {},
            "is_latest": True,
            "titles_held": [],
            "facts": facts_of(serial, division) if facts is None else facts,
        } | changed
        async with self.service.database.session() as session, session.begin():
            await session.execute(insert(FigureSheet).values(row))
        return UUID(str(row["id"]))

    async def submission(
        self, serial: int, number: int = 1, *, of: UUID, on: date, **changed: Any
    ) -> UUID:
        """Keep the figures of a submitted application for the title of innovative enterprises."""
        return await self.sheet(
            serial,
            origin="application",
            is_latest=False,
            application_id=of,
            submission_number=number,
            reported_on=on,
            **{
                "round_code": "2026-1",
                "title": "innovative_sme",
                "kind": "new",
                "facts": INNOVATIVE,
                **changed,
            },
        )

    async def enterprise(
        self, serial: int, *, division: str = "520102", is_secret: bool = False
    ) -> None:
        now = self.service.clock.now()
        async with self.service.database.session() as session, session.begin():
            await session.execute(
                insert(Enterprise).values(
                    uscc=uscc_of(serial),
                    legal_name=f"贵州示例{serial}有限公司",
                    names_searched="示例",
                    division=division,
                    is_secret=is_secret,
                    created_at=now,
                    updated_at=now,
                    version=1,
                )
            )

    async def holds(
        self,
        serial: int,
        title: str = "srdi_sme",
        *,
        until: date = date(2028, 1, 1),
        application: UUID | None = None,
        under: str = PACK,
        **changed: Any,
    ) -> None:
        """Let an enterprise that the registry knows hold a title."""
        now, recognition = self.service.clock.now(), new_id()
        term = {
            "valid_from": date(2025, 1, 1),
            "valid_until": until,
            "renewal_opens_on": date(2027, 7, 1),
            "policy_pack": under,
        }
        async with self.service.database.session() as session, session.begin():
            await session.execute(
                insert(Recognition).values(
                    id=recognition,
                    uscc=uscc_of(serial),
                    title=title,
                    title_rank=2,
                    certificate_number=f"{serial}-{title}",
                    created_at=now,
                    version=1,
                    **term,
                    **changed,
                )
            )
            await session.execute(
                insert(RecognitionTerm).values(
                    recognition_id=recognition,
                    number=1,
                    document_number="示例〔2025〕1号",
                    decided_on=term["valid_from"],
                    application_id=application,
                    recorded_at=now,
                    **term,
                )
            )

    async def asked(self, **changed: Any) -> Any:
        body = {"pack": PACK, "title": "srdi_sme", "population": {"all": True}} | changed
        return await self.officer().post(
            "/screenings", json={name: value for name, value in body.items() if value is not None}
        )

    async def done(self, **changed: Any) -> dict[str, Any]:
        """Ask for a screening and let the worker run it. Return how it reads afterwards."""
        answer = await self.asked(**changed)
        assert answer.status_code == 202, answer.text
        while await self.worker.work_once():
            pass
        return await self.read(answer.json()["id"])

    async def replayed(self, **changed: Any) -> dict[str, Any]:
        return await self.done(
            **{
                "pack": NATIONAL,
                "title": "innovative_sme",
                "population": {"round_code": "2026-1"},
                **changed,
            }
        )

    async def read(self, screening_id: str, reader: Caller | None = None) -> dict[str, Any]:
        answer = await (reader or self.officer()).get(f"/screenings/{screening_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rows(
        self, screening_id: str, query: str = "", reader: Caller | None = None
    ) -> list[dict[str, Any]]:
        answer = await (reader or self.officer()).get(f"/screenings/{screening_id}/rows?{query}")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def serials(
        self, screening_id: str, query: str = "", reader: Caller | None = None
    ) -> set[int]:
        known = {uscc_of(serial): serial for serial in range(1, 50)}
        return {known[row["uscc"]] for row in await self.rows(screening_id, query, reader)}


@pytest.fixture
def screens(registry: Registry) -> Screens:
    return Screens(registry.service)


async def test_a_pack_is_run_over_every_enterprise_and_its_answers_are_counted(
    screens: Screens,
) -> None:
    await screens.sheet(1)
    await screens.sheet(2, division="520302", facts=facts_of(2, operating_revenue="19999999.99"))
    await screens.sheet(3, division="520302", facts=facts_of(3, has_false_information=True))
    await screens.sheet(4, facts=facts_of(4, total_assets=None))
    await screens.sheet(5, division="530102")
    await screens.sheet(6, is_latest=False)

    asked = await screens.asked()
    waiting = asked.json()
    while await screens.worker.work_once():
        pass
    screening = await screens.read(waiting["id"])

    assert asked.headers["Location"] == f"/api/v1/screenings/{waiting['id']}"
    assert (waiting["state"], waiting["counts"]) == ("waiting", None)
    assert (screening["state"], screening["on"], screening["pack"]) == ("done", "2026-06-01", PACK)
    counts = screening["counts"]
    assert [counts[name] for name in ("total", "met", "needs_officer", "not_met")] == [4, 0, 2, 2]
    assert counts["cost"] is None
    by_condition = {
        one["id"]: (one["not_met"], one["needs_officer"]) for one in counts["conditions"]
    }
    assert by_condition["operating_revenue"] == (1, 0)
    assert by_condition["main_business_ratio"] == (0, 0)
    assert by_condition["debt_ratio"] == (0, 1)
    assert by_condition["no_false_information"] == (1, 0)
    assert by_condition["sound_management"] == (0, 4)
    assert list(by_condition) == [one["id"] for one in screening["conditions"]]
    assert counts["conditions"][4]["text"]["zh"].startswith("年度营业收入")
    assert [(one["division"], one["name"], one["total"]) for one in counts["cities"]] == [
        ("520100", "贵阳市", 2),
        ("520300", "遵义市", 2),
    ]


async def test_a_row_names_what_fails_and_what_is_open(screens: Screens) -> None:
    await screens.sheet(1, facts=facts_of(1, total_assets=None, employees=None, independent_ip=0))
    await screens.enterprise(1)
    await screens.sheet(2)

    screening = await screens.done()
    first, second = sorted(
        await screens.rows(screening["id"]), key=lambda row: row["uscc"] != uscc_of(1)
    )

    assert first["failed"] == ["own_ip"]
    assert {"small_or_medium", "debt_ratio", "known_brand"} <= set(first["open"])
    assert (first["verdict"], first["change"]) == ("not_met", "stays_out")
    assert first["legal_name"] == "贵州示例1有限公司"
    assert second["legal_name"] == facts_of(2)["legal_name"]
    assert (second["verdict"], second["change"]) == ("needs_officer", "may_enter")


async def test_rows_are_chosen_by_verdict_place_condition_and_change(screens: Screens) -> None:
    await screens.sheet(1)
    await screens.sheet(2, division="520302", facts=facts_of(2, operating_revenue="1.00"))
    await screens.sheet(3, facts=facts_of(3, total_assets=None))
    await screens.sheet(4, facts=facts_of(4, is_legal_person=False))
    await screens.enterprise(4)
    await screens.holds(4)
    screening_id = (await screens.done())["id"]

    assert await screens.serials(screening_id, "verdict=not_met") == {2, 4}
    assert await screens.serials(screening_id, "region=520300") == {2}
    assert await screens.serials(screening_id, "condition=operating_revenue") == {2}
    assert await screens.serials(screening_id, "condition=debt_ratio&answer=needs_officer") == {3}
    assert await screens.serials(screening_id, "change=leaves") == {4}
    assert await screens.serials(screening_id, "change=enters") == set()
    assert await screens.serials(screening_id, "change=may_enter&region=520102") == {1, 3}
    for query, slug in (
        ("condition=nothing", "screening-condition-unknown"),
        ("answer=met", "malformed-request"),
        ("verdict=perhaps", "malformed-request"),
        ("city=520100", "unknown-filter"),
        ("after=nothing", "cursor-invalid"),
    ):
        refused = await screens.officer().get(f"/screenings/{screening_id}/rows?{query}")
        assert refused.status_code == 422
        assert refused.json()["type"] == f"/problems/{slug}"


async def test_rows_come_in_pages_that_miss_none(screens: Screens) -> None:
    for serial in range(1, 8):
        await screens.sheet(serial)
    screening_id = (await screens.done())["id"]

    found, after = [], ""
    while True:
        page = (
            await screens.officer().get(f"/screenings/{screening_id}/rows?limit=3{after}")
        ).json()
        found.append([row["uscc"] for row in page["items"]])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert [len(page) for page in found] == [3, 3, 1]
    assert sum(found, []) == sorted(uscc_of(serial) for serial in range(1, 8))  # noqa: RUF017


async def test_holders_are_those_whose_title_is_valid_today(screens: Screens) -> None:
    for serial in range(1, 6):
        await screens.sheet(serial)
        await screens.enterprise(serial)
    await screens.holds(1)
    await screens.holds(2, until=date(2026, 5, 31))
    await screens.holds(
        3,
        revoked_on=TODAY,
        revoked_at=screens.service.clock.now(),
        revocation_ground="voluntary",
    )
    await screens.holds(4, title="provincial_little_giant")

    screening = await screens.done(population={"title": "srdi_sme"}, kind="renewal")
    later = await screens.done(population={"title": "srdi_sme"}, on="2029-01-01")
    everybody = await screens.done(title="provincial_little_giant")

    assert await screens.serials(screening["id"]) == {1}
    assert screening["counts"]["may_leave"] == 1
    assert await screens.serials(later["id"], "change=may_leave") == {1}
    assert await screens.serials(everybody["id"], "condition=holds_required_title&answer=met") == {
        1
    }
    assert await screens.serials(everybody["id"], "change=leaves") == {4}


async def test_a_round_is_replayed_by_each_last_submission_as_on_the_day_it_was_filed(
    screens: Screens,
) -> None:
    corrected, other, renewed = new_id(), new_id(), new_id()
    day = date(2025, 3, 10)
    accident = INNOVATIVE | {"last_major_accident_on": "2022-03-11"}
    await screens.submission(1, of=corrected, on=day, facts=INNOVATIVE | POOR)
    last = await screens.submission(1, 2, of=corrected, on=date(2025, 4, 1), facts=accident)
    await screens.submission(2, of=other, on=date(2025, 3, 11), facts=accident)
    await screens.submission(3, of=renewed, on=day, kind="renewal")
    await screens.submission(4, of=new_id(), on=day, round_code="2026-2")

    then = await screens.replayed()
    now = await screens.replayed(on="2025-03-11")

    assert then["on"] is None
    assert [
        (row["uscc"], row["sheet_id"], row["failed"])
        for row in await screens.rows(then["id"], "verdict=not_met")
    ] == [(uscc_of(1), str(last), ["no_major_accident"])]
    assert await screens.serials(then["id"], "verdict=met") == {2}
    assert (now["on"], now["counts"]["met"]) == ("2025-03-11", 2)


async def test_a_draft_with_another_limit_says_who_enters_who_leaves_and_what_it_costs(
    screens: Screens,
) -> None:
    recognised = {serial: new_id() for serial in (1, 3)}
    for serial, application in recognised.items():
        await screens.enterprise(serial)
        await screens.holds(serial, "innovative_sme", application=application)
    on = date(2025, 3, 10)
    poor = INNOVATIVE | POOR
    await screens.submission(1, of=recognised[1], on=on)
    await screens.submission(2, of=new_id(), on=on, facts=poor, division="520302")
    await screens.submission(3, of=recognised[3], on=on, facts=poor | {"is_legal_person": False})
    await screens.submission(4, of=new_id(), on=on, facts=poor | {"is_on_abnormal_list": True})
    await screens.submission(
        5,
        of=new_id(),
        on=on,
        facts={name: value for name, value in INNOVATIVE.items() if name != "industry_code"},
    )
    limit = 'fact = "new_equity_three_years", limit = 5000000'
    assert TEXT.count(limit) == 1
    draft = TEXT.replace(limit, limit.replace("5000000", "4000000"))

    as_it_was = await screens.replayed(amount_each="500000.00")
    lowered = await screens.replayed(
        pack=None, draft=draft, procedure_of=NATIONAL, amount_each="500000.00"
    )

    named = ("stays", "enters", "leaves", "undecided", "may_enter", "not_met", "cost")
    assert [as_it_was["counts"][name] for name in named] == [1, 0, 1, 1, 1, 3, "0.00"]
    assert [lowered["counts"][name] for name in named] == [1, 1, 1, 1, 1, 2, "500000.00"]
    assert lowered["counts"]["cost_at_most"] == "1000000.00"
    assert [(one["division"], one["cost"]) for one in lowered["counts"]["cities"]] == [
        ("520100", "0.00"),
        ("520300", "500000.00"),
    ]
    assert await screens.serials(lowered["id"], "change=enters") == {2}
    assert await screens.serials(lowered["id"], "change=leaves") == {3}
    assert (lowered["pack"], lowered["procedure_of"]) == (None, NATIONAL)
    assert lowered["draft_sha256"] is not None


PLAN_TEXT = (PACKS / PACK / "pack.toml").read_text("utf-8")
REVENUE = 'fact = "operating_revenue"\nlimit = 20000000'


def redrafted(what: str, into: str, times: int = 1) -> dict[str, Any]:
    """Return what is asked to screen by the plan with something in it changed."""
    assert PLAN_TEXT.count(what) == times
    return {
        "pack": None,
        "draft": PLAN_TEXT.replace(what, into),
        "procedure_of": PACK,
        "amount_each": "500000.00",
    }


async def a_round_of_the_plan(screens: Screens) -> None:
    """Let a round of the plan be over: one to three were recognised, four to six were not."""
    revenues = ("20000000.00", "30000000.00", "40000000.00", "19000000.00", "19000000.00")
    for serial, revenue in enumerate((*revenues, "50000000.00"), start=1):
        application = new_id()
        if serial <= 3:
            await screens.enterprise(serial)
            await screens.holds(serial, application=application)
        facts = facts_of(
            serial, operating_revenue=revenue, previous_main_business_revenue="10000000.00"
        )
        facts["main_business_revenue"] = revenue
        if serial == 5:
            facts["has_false_information"] = True
        await screens.submission(
            serial,
            of=application,
            on=date(2025, 3, 10),
            title="srdi_sme",
            facts=facts,
            division="520302" if serial == 3 else "520102",
        )


NAMED = ("stays", "leaves", "may_leave", "enters", "may_enter", "met", "needs_officer", "not_met")


def tallied(counts: dict[str, Any]) -> list[int]:
    return [counts[name] for name in NAMED]


async def by_change(screens: Screens, screening: dict[str, Any]) -> dict[str, set[int]]:
    """Return who is where, as the rows are chosen, and hold them to the counts and explanations."""
    found: dict[str, set[int]] = {}
    path = f"/screenings/{screening['id']}/rows"
    for change in ("stays", "leaves", "may_leave", "enters", "may_enter", "stays_out"):
        serials = await screens.serials(screening["id"], f"change={change}")
        if serials:
            found[change] = serials
        if change != "stays_out":
            assert screening["counts"][change] == len(serials)
            assert sum(one[change] for one in screening["counts"]["cities"]) == len(serials)
    for row in await screens.rows(screening["id"]):
        explained = (await screens.officer().get(f"{path}/{row['uscc']}")).json()
        assert row.items() <= explained.items()
        assert (explained["agrees"], explained["judged_again"]) == (True, row["verdict"])
    return found


async def test_a_round_that_is_replayed_by_its_own_law_keeps_everybody_who_was_recognised(
    screens: Screens,
) -> None:
    await a_round_of_the_plan(screens)

    screening = await screens.replayed(pack=PACK, title="srdi_sme", amount_each="500000.00")

    assert await by_change(screens, screening) == {
        "stays": {1, 2, 3},
        "may_enter": {6},
        "stays_out": {4, 5},
    }
    assert tallied(screening["counts"]) == [3, 0, 0, 0, 1, 3, 1, 2]
    assert (screening["counts"]["cost"], screening["counts"]["cost_at_most"]) == (
        "0.00",
        "500000.00",
    )
    assert [one["stays"] for one in screening["counts"]["cities"]] == [2, 1]
    open_ones = {one["id"]: one["needs_officer"] for one in screening["counts"]["conditions"]}
    assert open_ones["known_brand"] == 3


async def test_a_raised_limit_takes_the_title_from_those_below_it_and_nobody_else(
    screens: Screens,
) -> None:
    await a_round_of_the_plan(screens)

    raised = await screens.replayed(
        title="srdi_sme", **redrafted(REVENUE, REVENUE.replace("2000", "3000"))
    )

    assert await by_change(screens, raised) == {
        "leaves": {1},
        "stays": {2, 3},
        "may_enter": {6},
        "stays_out": {4, 5},
    }


async def test_a_lowered_limit_lets_those_in_who_were_rejected_for_it_alone(
    screens: Screens,
) -> None:
    await a_round_of_the_plan(screens)

    lowered = await screens.replayed(
        title="srdi_sme", **redrafted(REVENUE, REVENUE.replace("2000", "1900"))
    )

    assert await by_change(screens, lowered) == {
        "stays": {1, 2, 3},
        "may_enter": {4, 6},
        "stays_out": {5},
    }
    assert lowered["counts"]["cost"] == "0.00"
    assert lowered["counts"]["cost_at_most"] == "1000000.00"


async def test_what_is_open_by_a_changed_condition_the_recognition_did_not_answer(
    screens: Screens,
) -> None:
    await a_round_of_the_plan(screens)
    changed = await screens.replayed(
        title="srdi_sme", **redrafted('"known_brand"', '"brand_known_to_all"', times=3)
    )

    assert await by_change(screens, changed) == {
        "may_leave": {1, 2, 3},
        "may_enter": {6},
        "stays_out": {4, 5},
    }
    [row] = await screens.rows(changed["id"], "change=may_leave&region=520300")
    assert row["open"] == ["brand_known_to_all"]


async def test_an_explanation_names_what_the_recognition_answered(screens: Screens) -> None:
    await a_round_of_the_plan(screens)
    screening = await screens.replayed(pack=PACK, title="srdi_sme")
    path = f"/screenings/{screening['id']}/rows"

    recognised = (await screens.officer().get(f"{path}/{uscc_of(1)}")).json()
    other = (await screens.officer().get(f"{path}/{uscc_of(6)}")).json()

    assert (recognised["decided_under"], other["decided_under"]) == (PACK, None)
    assert (recognised["open"], other["answered"]) == ([], [])
    assert recognised["answered"] == other["open"]
    assert {"known_brand", "sound_management"} <= set(recognised["answered"])
    told = {one["id"]: one["verdict"] for one in recognised["conditions"]}
    assert told["known_brand"] == "needs_officer"
    taken = "condition=known_brand&answer=met"
    assert await screens.serials(screening["id"], taken) == {1, 2, 3}
    assert await screens.serials(screening["id"], "condition=known_brand&answer=needs_officer") == {
        4,
        5,
        6,
    }


async def test_a_recognition_by_another_law_answers_what_that_law_asked_alike(
    screens: Screens,
) -> None:
    application = new_id()
    await screens.enterprise(1)
    await screens.holds(1, application=application, under=NATIONAL)
    await screens.submission(
        1, of=application, on=date(2025, 3, 10), title="srdi_sme", facts=facts_of(1)
    )

    screening = await screens.replayed(pack=PACK, title="srdi_sme")

    assert await by_change(screens, screening) == {"may_leave": {1}}


async def test_a_title_that_went_over_to_a_successor_still_says_who_was_recognised(
    screens: Screens,
) -> None:
    application = new_id()
    for serial in (1, 2):
        await screens.enterprise(serial)
        await screens.holds(serial, application=application)
    await screens.submission(
        1, of=application, on=date(2025, 3, 10), title="srdi_sme", facts=facts_of(1)
    )

    screening = await screens.replayed(pack=PACK, title="srdi_sme")

    assert await by_change(screens, screening) == {"stays": {1}}


async def test_of_holders_today_nobody_has_decided_on_the_figures_and_an_officer_looks(
    screens: Screens,
) -> None:
    await screens.enterprise(1)
    await screens.holds(1, application=new_id())
    await screens.sheet(1)

    screening = await screens.done(population={"title": "srdi_sme"})

    assert await by_change(screens, screening) == {"may_leave": {1}}
    [row] = await screens.rows(screening["id"])
    assert row["answered"] == []


async def test_a_year_is_the_year_in_which_an_application_was_first_submitted(
    screens: Screens,
) -> None:
    old, new = new_id(), new_id()
    await screens.submission(1, of=old, on=date(2025, 12, 31), round_code="2025-1")
    await screens.submission(1, 2, of=old, on=date(2026, 1, 2), round_code="2025-1")
    await screens.submission(1, of=new, on=date(2026, 2, 1), round_code="2026-1")
    await screens.submission(2, of=new_id(), on=date(2026, 1, 1), title="srdi_sme")

    before = await screens.replayed(population={"year": 2025})
    after = await screens.replayed(population={"year": 2026})

    assert before["counts"]["total"] == 1
    assert after["counts"]["total"] == 1
    assert (await screens.rows(before["id"]))[0]["sheet_id"] != (await screens.rows(after["id"]))[
        0
    ]["sheet_id"]


FLAWED = [
    (
        'fact = "is_legal_person" }',
        'fact = "is_legal_persn" }',
        ["condition legal_person uses the fact is_legal_persn, which is not declared"],
    ),
    (
        'limit = 5000000 }\nevidence = ["equity_proof"]',
        'limit = 5000000, limt = 1 }\nevidence = ["equity_proof"]',
        ["limt"],
    ),
    (
        'conditions = ["legal_person", "small_or_medium", "innovative_standard"]',
        'conditions = ["legal_parson", "small_or_medium", "inovative_standard"]',
        ["legal_parson", "inovative_standard", "no title asks for the condition"],
    ),
    (
        'employees = { kind = "count"',
        'employees = { kind = "amount"',
        ["reads the fact employees"],
    ),
    (
        'net_profit = { kind = "amount", may_be_negative = true,',
        'net_profit = { kind = "amount",',
        ["net_profit is never negative"],
    ),
    ("schema_version = 1", "schema_version = ", ["Invalid value"]),
    ("schema_version = 1", 'schema_version = 1\nname = "mine"', ["name"]),
    ("schema_version = 1", "schema_version = 1\nx = " + "[" * 5000, ["cannot be read"]),
    ("limit = 5000000 }", "limit = 1e999999 }", ["beyond every figure"]),
]
"""What is changed in a sound draft, into what, and what has to be told of it."""


async def test_each_flaw_of_a_draft_is_named(screens: Screens) -> None:
    for change, into, flaws in FLAWED:
        assert change in TEXT

        refused = await screens.asked(
            pack=None,
            draft=TEXT.replace(change, into),
            procedure_of=NATIONAL,
            title="innovative_sme",
        )

        problem = refused.json()
        assert (refused.status_code, problem["type"]) == (422, "/problems/screening-draft-unsound")
        told = [one["detail"] for one in problem["errors"]]
        assert all(any(flaw in one for one in told) for flaw in flaws), told
        assert len(told) >= len(flaws)
        assert {one["pointer"] for one in problem["errors"]} == {"/draft"}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"pack": "guizhou/1999-01-01"}, "screening-pack-unknown"),
    ({"title": "nobel_prize"}, "screening-title-unknown"),
    ({"title": "cultivation_library"}, "screening-title-unknown"),
    ({"pack": None}, "malformed-request"),
    ({"draft": TEXT}, "malformed-request"),
    ({"pack": None, "draft": TEXT}, "malformed-request"),
    ({"population": {}}, "malformed-request"),
    ({"population": {"all": True, "year": 2025}}, "malformed-request"),
    ({"population": {"all": False}}, "malformed-request"),
    ({"population": {"everybody": True}}, "unknown-field"),
    ({"amount_each": "1e5"}, "malformed-request"),
    ({"amount_each": 5}, "malformed-request"),
]


async def test_what_cannot_be_screened_is_refused(screens: Screens) -> None:
    for changed, slug in REFUSED:
        refused = await screens.asked(**changed)

        assert refused.status_code == 422, refused.text
        assert refused.json()["type"] == f"/problems/{slug}"


async def test_an_enterprise_is_explained_condition_by_condition_and_agrees(
    screens: Screens,
) -> None:
    await screens.sheet(1, facts=facts_of(1, operating_revenue="19999999.99"))
    await screens.sheet(2, determined_size="large")
    await screens.enterprise(1)
    await screens.holds(1)
    screening_id = (await screens.done(title="provincial_little_giant"))["id"]
    path = f"/screenings/{screening_id}/rows"

    first = (await screens.officer().get(f"{path}/{uscc_of(1).lower()}")).json()
    second = (await screens.officer().get(f"{path}/{uscc_of(2)}")).json()
    missing = await screens.officer().get(f"{path}/{uscc_of(3)}")
    async with screens.service.database.session() as session, session.begin():
        await session.execute(
            update(Recognition).values(
                revoked_on=TODAY,
                revoked_at=screens.service.clock.now(),
                revocation_ground="voluntary",
            )
        )
    after = (await screens.officer().get(f"{path}/{uscc_of(1)}")).json()

    assert (first["agrees"], first["judged_again"]) == (True, first["verdict"])
    assert (first["titles_held"], first["failed"]) == (["srdi_sme"], ["operating_revenue"])
    revenue = next(one for one in first["conditions"] if one["id"] == "operating_revenue")
    assert revenue["because"] == {
        "zh": "营业收入 19,999,999.99 元，低于下限 20,000,000 元。",
        "en": "Operating revenue of 19,999,999.99 yuan is below the limit of 20,000,000 yuan.",
    }
    assert [one["id"] for one in first["vetoes"]] == [
        "no_false_information",
        "no_major_accident",
        "no_tax_or_dishonesty_record",
    ]
    assert second["agrees"] is True
    assert {"small_or_medium", "holds_required_title"} == set(second["failed"])
    assert missing.status_code == 404
    assert (after["agrees"], after["failed"]) == (False, ["operating_revenue"])
    assert after["conditions"][0]["verdict"] == "not_met"


async def test_a_replayed_application_is_explained_as_on_its_day(screens: Screens) -> None:
    application = new_id()
    accident = INNOVATIVE | {"last_major_accident_on": "2022-03-10"}
    await screens.submission(1, of=application, on=date(2025, 3, 10))
    await screens.submission(1, 2, of=application, on=date(2025, 4, 1), facts=accident)
    other = await screens.submission(1, of=new_id(), on=date(2025, 3, 9), facts=accident)
    screening_id = (await screens.replayed())["id"]
    path = f"/screenings/{screening_id}/rows/{uscc_of(1)}"

    latest = await screens.officer().get(f"{path}")
    named = (await screens.officer().get(f"{path}?sheet_id={other}")).json()
    rows = await screens.rows(screening_id)

    assert {row["verdict"] for row in rows} == {"met", "not_met"}
    assert latest.json()["sheet_id"] == max(row["sheet_id"] for row in rows)
    assert (named["on"], named["failed"], named["agrees"]) == (
        "2025-03-09",
        ["no_major_accident"],
        True,
    )
    for row in rows:
        explained = (await screens.officer().get(f"{path}?sheet_id={row['sheet_id']}")).json()
        assert (explained["agrees"], explained["verdict"]) == (True, row["verdict"])


async def test_what_is_submitted_is_screened(screens: Screens) -> None:
    runtime = screens.service.runtime
    facts = facts_of(1, operating_revenue="19999999.99")
    async with saved_together(runtime, new_trace()) as (session, journal):
        await FigureService(
            session, journal, runtime.clock, published_catalogue()
        ).keep_application(
            ApplicationSubmitted(
                uscc=facts["uscc"],
                region=facts["applying_division"],
                is_secret=False,
                application_id=new_id(),
                submission_number=1,
                submitted_on=TODAY,
                round_id=new_id(),
                round_code="2026-1",
                kind="new",
                title="srdi_sme",
                policy_pack=PACK,
                legal_name=facts["legal_name"],
                facts=facts,
                facts_sha256="0" * 64,
                titles_held=[],
            )
        )

    latest = await screens.done()
    then = await screens.done(population={"round_code": "2026-1"})

    for screening in (latest, then):
        [row] = await screens.rows(screening["id"])
        assert (row["uscc"], row["failed"]) == (uscc_of(1), ["operating_revenue"])


async def test_facts_of_another_pack_are_explained_as_they_were_screened(screens: Screens) -> None:
    odd = INNOVATIVE | {"rd_institution": "abolished", "industry_class": "abolished"}
    await screens.sheet(1, facts=odd | {"a_fact_of_old": 1})

    screening = await screens.done(pack=NATIONAL, title="innovative_sme")
    explained = (
        await screens.officer().get(f"/screenings/{screening['id']}/rows/{uscc_of(1)}")
    ).json()

    assert explained["agrees"] is True


async def test_each_office_sees_the_rows_and_the_counts_of_its_own_division(
    screens: Screens,
) -> None:
    for serial, division in ((1, "520102"), (2, "520103"), (3, "520302")):
        await screens.sheet(serial, division=division)
    screening = await screens.done()
    county = screens.officer("county_office", "520102")
    city = screens.officer("city_office", "520100")
    auditor = screens.officer("auditor", "520000")

    for reader, serials in ((county, {1}), (city, {1, 2}), (auditor, {1, 2, 3})):
        read = await screens.read(screening["id"], reader)
        assert await screens.serials(screening["id"], reader=reader) == serials
        assert read["counts"]["total"] == len(serials)
        listed = (await reader.get("/screenings")).json()["items"]
        assert [one["id"] for one in listed] == [screening["id"]]
        assert listed[0].items() <= read.items()
        by_condition = {one["id"]: one for one in read["counts"]["conditions"]}
        assert by_condition["known_brand"]["needs_officer"] == len(serials)
    hidden = await county.get(f"/screenings/{screening['id']}/rows/{uscc_of(2)}")
    assert hidden.status_code == 404
    assert await screens.serials(screening["id"], "region=520300", reader=county) == set()
    assert (await screens.read(screening["id"]))["counts"]["total"] == 3


async def test_outsiders_are_refused_and_other_provinces_see_nothing(screens: Screens) -> None:
    screening_id = (await screens.done())["id"]
    body = {"pack": PACK, "title": "srdi_sme", "population": {"all": True}}
    outsiders = [
        screens.service.caller("enterprise", uscc=uscc_of(1)),
        screens.service.caller("evaluator", region="520000"),
        screens.service.caller("expert", region="520000"),
    ]

    for caller in outsiders:
        for path in ("/screenings", f"/screenings/{screening_id}/rows"):
            assert (await caller.get(path)).status_code == 403
    for office, region in (("county_office", "520102"), ("city_office", "520100")):
        refused = await screens.officer(office, region).post("/screenings", json=body)
        assert refused.status_code == 403
    neighbour = screens.officer(region="530000")
    assert (await neighbour.get(f"/screenings/{screening_id}")).status_code == 404
    assert (await neighbour.get(f"/screenings/{screening_id}/rows")).status_code == 404
    assert (await neighbour.get("/screenings")).json()["items"] == []


async def test_a_secret_enterprise_is_seen_by_the_offices_of_its_division_alone(
    screens: Screens,
) -> None:
    await screens.sheet(1)
    await screens.sheet(2, is_secret=True)
    # It applied in one city and has moved to another since.
    await screens.sheet(3, is_secret=True)
    await screens.enterprise(3, division="520302", is_secret=True)
    screening_id = (await screens.done())["id"]

    own = screens.officer("county_office", "520102")
    other = screens.officer("city_office", "520300")
    province = screens.officer()

    assert await screens.serials(screening_id, reader=own) == {1, 2}
    assert (await screens.read(screening_id, own))["counts"]["total"] == 2
    assert await screens.serials(screening_id, reader=other) == set()
    assert await screens.serials(screening_id, reader=province) == {1, 2, 3}
    path = f"/screenings/{screening_id}/rows/{uscc_of(3)}"
    assert (await own.get(path)).status_code == 404
    assert (await other.get(path)).status_code == 404
    assert (await province.get(path)).status_code == 200


async def test_a_worker_that_dies_leaves_no_rows_and_the_next_begins_from_scratch(
    screens: Screens,
) -> None:
    for serial in range(1, 4):
        await screens.sheet(serial)
    screening_id = (await screens.asked()).json()["id"]
    engine = create_async_engine(screens.service.owner, poolclass=NullPool)

    async with engine.connect() as blocking:
        # Rows are written and not yet counted when the database loses the worker.
        await blocking.execute(text("LOCK TABLE registry.journal_head"))
        running = asyncio.create_task(screens.worker.work_once())
        async with engine.connect() as watching:
            await watching.execution_options(isolation_level="AUTOCOMMIT")
            others = (
                "FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = 'srdi_registry'"
            )
            while not await watching.scalar(  # noqa: ASYNC110 - the database tells nobody
                text(f"SELECT count(*) {others} AND wait_event_type = 'Lock'")
            ):
                await asyncio.sleep(0.01)
            await watching.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
        with pytest.raises(DBAPIError):
            await running
        await blocking.rollback()
    await engine.dispose()
    interrupted = await screens.read(screening_id)
    rows_left = await _rows_kept(screens)
    while await screens.worker.work_once():
        pass
    finished = await screens.read(screening_id)

    assert (interrupted["state"], rows_left) == ("running", 0)
    assert (finished["state"], finished["counts"]["total"]) == ("done", 3)
    assert await _rows_kept(screens) == 3
    assert [
        (one["action"], one["data"].get("total")) for one in await screens.service.history()
    ] == [
        ("requested", None),
        ("done", 3),
    ]


async def test_two_workers_run_a_screening_once(screens: Screens) -> None:
    await screens.sheet(1)
    await screens.asked()

    found = await asyncio.gather(*(screens.worker.work_once() for _ in range(3)))

    assert sorted(found) == [False, False, True]
    assert await _rows_kept(screens) == 1


async def test_a_screening_that_cannot_be_run_says_so_and_holds_nobody_up(
    screens: Screens,
) -> None:
    await screens.sheet(1)
    broken = (await screens.asked()).json()["id"]
    await as_owner(screens.service.owner, "UPDATE registry.screenings SET pack_name = 'no/pack'")

    sound = await screens.done()
    failed = await screens.read(broken)
    rows = await screens.officer().get(f"/screenings/{broken}/rows")

    assert sound["state"] == "done"
    assert (failed["state"], failed["counts"]) == ("failed", None)
    assert failed["failure"]["zh"].startswith("筛查未能完成")
    assert (rows.status_code, rows.json()["type"]) == (409, "/problems/screening-not-done")


async def test_a_screening_that_takes_too_long_says_so(screens: Screens) -> None:
    await screens.sheet(1)
    screening_id = (await screens.asked()).json()["id"]
    await as_owner(
        screens.service.owner,
        "CREATE FUNCTION registry.cancel() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'slow' USING ERRCODE = '57014'; END $$;",
    )
    await as_owner(
        screens.service.owner,
        "CREATE TRIGGER slow BEFORE INSERT ON registry.screening_rows"
        " FOR EACH ROW EXECUTE FUNCTION registry.cancel()",
    )

    await screens.worker.work_once()
    found = await screens.read(screening_id)

    assert found["state"] == "failed"
    assert found["failure"]["en"].startswith("It took longer")


async def test_a_request_that_is_repeated_makes_one_screening(screens: Screens) -> None:
    body = {"pack": PACK, "title": "srdi_sme", "population": {"all": True}}
    key = {"Idempotency-Key": "screening-1"}

    first = await screens.officer().post("/screenings", json=body, headers=key)
    again = await screens.officer().post("/screenings", json=body, headers=key)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["Location"] == first.headers["Location"]
    assert len((await screens.officer().get("/screenings")).json()["items"]) == 1


async def test_a_province_has_five_screenings_under_way_at_most(screens: Screens) -> None:
    for _ in range(5):
        assert (await screens.asked()).status_code == 202

    refused = await screens.asked()
    while await screens.worker.work_once():
        pass

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/too-many-screenings")
    assert (await screens.asked()).status_code == 202


async def test_history_keeps_who_asked_for_what_and_how_it_ended(screens: Screens) -> None:
    await screens.sheet(1)

    await screens.done(amount_each="500000.00", population={"title": "srdi_sme"})
    requested, finished = await screens.service.history()

    assert requested["subject_type"] == finished["subject_type"] == "screening"
    assert (requested["policy_pack"], requested["actor"]["region"]) == (PACK, "520000")
    assert requested["data"]["population"] == {"title": "srdi_sme", "held_on": "2026-06-01"}
    assert requested["data"]["amount_each"] == "500000.00"
    assert (finished["action"], finished["data"]) == ("done", {"total": 0})
    assert await screens.service.events() == []
    assert await screens.service.chain_is_sound()


async def _rows_kept(screens: Screens) -> int:
    async with screens.service.database.session() as session:
        return await session.scalar(select(func.count()).select_from(ScreeningRow)) or 0
