"""年度通报: a small year of made-up enterprises, counted by hand, city by city."""

import io
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import openpyxl
from pypdf import PdfReader

from services.contracts.applications import ApplicationSubmitted
from services.contracts.review import CaseAdvanced, CaseRestored
from services.contracts.rewards import (
    AwardApproved,
    AwardCancelled,
    AwardDisbursed,
    AwardReduced,
    PaymentReturned,
    RecoveryOpened,
    RecoveryRepaid,
)
from services.kernel.clock import PROVINCE_TIME
from services.kernel.identifiers import new_id
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller
from tests.registry.conftest import Registry
from tests.registry.test_changes import change
from tests.registry.test_following import example, put_down, support
from tests.registry.test_recognitions import slug

GUIYANG, ZUNYI, GUIAN = "520100", "520300", "520900"
IN_GUIYANG, IN_ZUNYI = "520102", "520302"
TITLE = "srdi_sme"


def at(day: date, clock: time = time(9)) -> datetime:
    return datetime.combine(day, clock, tzinfo=PROVINCE_TIME)


async def applied(
    registry: Registry,
    serial: int,
    division: str = IN_GUIYANG,
    *,
    title: str = TITLE,
    kind: Literal["new", "renewal"] = "new",
    **facts: Any,
) -> UUID:
    """Let an application come in, with its figures."""
    application_id = new_id()
    told = facts_of(serial, division, **{"fiscal_year": 2024} | facts)
    await registry.service.deliver(
        "applications",
        ApplicationSubmitted(
            uscc=told["uscc"],
            region=division,
            is_secret=told["is_secret_involved"],
            application_id=application_id,
            submission_number=1,
            submitted_on=date(2025, 4, 20),
            round_id=new_id(),
            round_code="2025-1",
            kind=kind,
            title=title,
            policy_pack=PACK,
            legal_name=told["legal_name"],
            facts=told,
            facts_sha256="0" * 64,
            titles_held=[],
        ),
    )
    return application_id


async def advanced(
    registry: Registry,
    application_id: UUID,
    serial: int,
    division: str = IN_GUIYANG,
    *,
    on: datetime | None = None,
    stage: str = "city_recommendation",
    title: str = TITLE,
    is_secret: bool = False,
) -> dict[str, Any]:
    """Let review pass an application on from a stage. Return which case it was."""
    case = {
        "uscc": uscc_of(serial),
        "region": division,
        "is_secret": is_secret,
        "case_id": new_id(),
        "application_id": application_id,
        "title": title,
        "round_code": "2025-1",
    }
    event = CaseAdvanced.model_validate(case | {"from_stage": stage, "to_stage": "next"})
    await registry.service.deliver("review", event, occurred_at=on or at(date(2025, 5, 20)))
    return case


async def recommended(
    registry: Registry, serial: int, division: str = IN_GUIYANG, **said: Any
) -> None:
    is_secret = said.get("is_secret", False)
    application = await applied(registry, serial, division, is_secret_involved=is_secret)
    await advanced(registry, application, serial, division, **said)


async def awarded(
    registry: Registry,
    serial: int,
    amount: str,
    *paid: str,
    division: str = IN_GUIYANG,
    fiscal_year: int = 2025,
    is_secret: bool = False,
) -> dict[str, Any]:
    award = {
        "uscc": uscc_of(serial),
        "region": division,
        "is_secret": is_secret,
        "award_id": new_id(),
        "recognition_id": new_id(),
        "title": "provincial_little_giant",
        "fiscal_year": fiscal_year,
        "amount": amount,
    }
    await registry.service.deliver("rewards", AwardApproved.model_validate(award))
    for number, part in enumerate(paid):
        payment = {"paid": part, "paid_on": date(2025, 10, 1), "voucher": f"V-{serial}-{number}"}
        await registry.service.deliver("rewards", AwardDisbursed.model_validate(award | payment))
    return award


async def bulletin(caller: Caller, path: str = "/bulletins/2025") -> dict[str, Any]:
    answer = await caller.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def rows(of: dict[str, Any], figure: str) -> dict[str, Any]:
    """Return a figure of every city that has one, and of the province."""
    found = {row["division"]: row[figure] for row in [*of["cities"], of["total"]]}
    return {division: value for division, value in found.items() if value not in (0, "0.00")}


def kinds(of: dict[str, Any], figure: str) -> dict[str, dict[str, Any]]:
    return {
        division: {kind: count for kind, count in value.items() if count}
        for division, value in rows(of, figure).items()
        if any(value.values())
    }


async def test_a_city_has_recommended_each_application_that_left_it_and_is_not_back(
    registry: Registry,
) -> None:
    twice = await applied(registry, 1)
    await advanced(registry, twice, 1, on=at(date(2025, 5, 1)))
    await advanced(registry, twice, 1, on=at(date(2025, 6, 1)))
    await advanced(registry, twice, 1, stage="provincial_screening")
    back = await advanced(registry, await applied(registry, 2), 2, on=at(date(2025, 5, 1)))
    restored = CaseRestored.model_validate(
        back | {"kind": "new", "stage": "city_recommendation", "reason": "重新推荐（示例）"}
    )
    await registry.service.deliver("review", restored, occurred_at=at(date(2025, 5, 1)))
    later = await advanced(registry, await applied(registry, 3), 3)
    await registry.service.deliver(
        "review",
        CaseRestored.model_validate(
            later | {"kind": "new", "stage": "determination", "reason": "误"}
        ),
        occurred_at=at(date(2025, 8, 1)),
    )
    giant = await applied(registry, 4, title="provincial_little_giant")
    await advanced(registry, giant, 4, title="provincial_little_giant")
    await advanced(registry, await applied(registry, 5, kind="renewal"), 5)
    await advanced(registry, await applied(registry, 6), 6, stage="provincial_screening")
    await recommended(registry, 7, IN_ZUNYI, on=at(date(2025, 12, 31), time(23, 59, 59)))
    await recommended(registry, 8, IN_ZUNYI, on=at(date(2026, 1, 1), time(0)))
    await recommended(registry, 9, GUIAN, on=at(date(2025, 1, 1), time(0)))
    await recommended(registry, 10, is_secret=True)

    year = await bulletin(registry.partner)

    assert rows(year, "recommended") == {GUIYANG: 2, ZUNYI: 1, GUIAN: 1, "520000": 4}
    assert (year["recommended_goal"]["at_least"], year["recommended_goal"]["clause"]) == (
        20,
        "六(一)",
    )
    assert [row["is_recommended_goal_reached"] for row in year["cities"]] == [False] * 10
    assert year["total"]["is_recommended_goal_reached"] is None
    own = await bulletin(registry.officer("city_office", GUIYANG), "/statistics?year=2025")
    assert rows(own, "recommended") == {GUIYANG: 3, "520000": 3}
    next_year = await bulletin(registry.partner, "/bulletins/2026")
    assert rows(next_year, "recommended") == {ZUNYI: 1, "520000": 1}


async def lived_through(registry: Registry) -> None:
    """Let titles be given, renewed, ended and revoked in 2025."""
    await registry.recognised(1, on=date(2025, 3, 10))
    await registry.recognised(2, on=date(2022, 2, 1))
    filed = await registry.renewal_filed(2, date(2025, 1, 15))
    await registry.recognised(2, on=date(2025, 2, 10), kind="renewal", application_id=filed)
    await registry.recognised(3, on=date(2022, 6, 1), applying_division=IN_ZUNYI)
    await registry.recognised(4, on=date(2025, 12, 31), applying_division=IN_ZUNYI)
    await registry.recognised(
        4, on=date(2026, 1, 1), title="provincial_little_giant", applying_division=IN_ZUNYI
    )
    given_up = await registry.recognised(5, on=date(2024, 5, 1))
    await registry.revoke(
        given_up, ground="voluntary", finding_number=None, decided_on="2025-07-01"
    )
    false = await registry.recognised(6, on=date(2024, 1, 1), applying_division=IN_ZUNYI)
    await registry.revoke(false, decided_on="2025-08-01")
    await registry.recognised(7, on=date(2025, 5, 5), applying_division=GUIAN)
    await registry.recognised(8, on=date(2025, 4, 1), is_secret_involved=True)


async def test_a_title_whose_last_valid_day_is_today_is_held_and_not_over(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=date(2023, 6, 2))
    clock = registry.service.clock
    told = {}
    for day in (date(2026, 6, 1), date(2026, 6, 2)):
        clock.move_to_day(day)
        running = await bulletin(registry.partner, "/bulletins/2026")
        told[day] = (kinds(running, "held"), rows(running, "terms_ended"))

    assert told == {
        date(2026, 6, 1): ({GUIYANG: {TITLE: 1}, "520000": {TITLE: 1}}, {}),
        date(2026, 6, 2): ({}, {GUIYANG: 1, "520000": 1}),
    }


async def test_titles_are_counted_given_renewed_held_ended_and_revoked(registry: Registry) -> None:
    await lived_through(registry)

    year = await bulletin(registry.partner)

    one = {TITLE: 1}
    assert kinds(year, "recognised") == {
        GUIYANG: one,
        ZUNYI: one,
        GUIAN: one,
        "520000": {TITLE: 3},
    }
    assert rows(year, "renewed") == {GUIYANG: 1, "520000": 1}
    assert rows(year, "terms_ended") == {GUIYANG: 1, ZUNYI: 1, "520000": 2}
    assert kinds(year, "held") == {
        GUIYANG: {TITLE: 2},
        ZUNYI: one,
        GUIAN: one,
        "520000": {TITLE: 4},
    }
    assert kinds(year, "revoked") == {
        GUIYANG: {"voluntary": 1},
        ZUNYI: {"false_declaration": 1},
        "520000": {"voluntary": 1, "false_declaration": 1},
    }
    assert (year["recognised_towards_goal"], year["is_recognised_goal_reached"]) == (3, False)
    assert (year["is_closed"], year["until"], year["fiscal_year"]) == (True, "2025-12-31", 2025)


async def test_secret_firms_are_counted_for_their_own_offices_and_for_nobody_else(
    registry: Registry,
) -> None:
    await lived_through(registry)
    await awarded(registry, 8, "300000.00", is_secret=True)

    for caller in (registry.partner, registry.officer(), registry.officer("city_office", GUIYANG)):
        public = await bulletin(caller)
        assert public["total"]["recognised"][TITLE] == 3, "the same for every reader"
        assert rows(public, "granted") == {}
    own = {
        name: await bulletin(registry.officer(office, region), "/statistics?year=2025")
        for name, office, region in (
            ("province", "provincial_office", "520000"),
            ("city", "city_office", GUIYANG),
            ("county", "county_office", IN_GUIYANG),
            ("next county", "county_office", "520103"),
            ("other city", "city_office", ZUNYI),
        )
    }
    counted = {name: kinds(one, "recognised").get(GUIYANG) for name, one in own.items()}
    assert counted == {
        "province": {TITLE: 2},
        "city": {TITLE: 2},
        "county": {TITLE: 2},
        "next county": None,
        "other city": None,
    }
    assert [row["division"] for row in own["county"]["cities"]] == [GUIYANG]
    assert rows(own["city"], "granted") == {GUIYANG: "300000.00", "520000": "300000.00"}
    assert rows(own["other city"], "granted") == {}
    itself = registry.service.caller("enterprise", uscc=uscc_of(8))
    assert (await itself.get("/statistics?year=2025")).status_code == 403
    assert (await bulletin(itself))["total"]["recognised"][TITLE] == 3


async def test_who_becomes_secret_is_in_no_bulletin_any_more(registry: Registry) -> None:
    await recommended(registry, 1)
    await awarded(registry, 1, "200000.00", "200000.00")
    await registry.recognised(1, on=date(2025, 6, 1))
    before = await bulletin(registry.partner)

    await registry.recognised(
        1, on=date(2026, 5, 1), title="provincial_little_giant", is_secret_involved=True
    )

    after = await bulletin(registry.partner)
    assert rows(before, "recommended") == {GUIYANG: 1, "520000": 1}
    for figure in ("recommended", "granted", "disbursed"):
        assert rows(after, figure) == {}, figure
    assert kinds(after, "recognised") == {}
    own = await bulletin(registry.officer("city_office", GUIYANG), "/statistics?year=2025")
    assert rows(own, "recommended") == {GUIYANG: 1, "520000": 1}
    assert rows(own, "granted") == {GUIYANG: "200000.00", "520000": "200000.00"}


async def test_who_moves_this_year_changes_no_past_year_for_anybody(registry: Registry) -> None:
    await lived_through(registry)
    figures = ("recognised", "held")
    cities = {name: registry.officer("city_office", name) for name in (GUIAN, ZUNYI)}
    path = "/statistics?year=2025"
    before = await bulletin(registry.partner)
    own = {name: await bulletin(caller, path) for name, caller in cities.items()}

    moved = await change(
        registry.officer(), 7, kind="move", happened_on="2026-02-01", new_division=IN_ZUNYI
    )

    assert moved.status_code == 201
    after = await bulletin(registry.partner)
    assert [kinds(after, one) for one in figures] == [kinds(before, one) for one in figures]
    assert kinds(await bulletin(registry.partner, "/bulletins/2026"), "held")[ZUNYI] == {
        TITLE: 2,
        "provincial_little_giant": 1,
    }
    for name, caller in cities.items():
        now = await bulletin(caller, path)
        assert [kinds(now, one) for one in figures] == [kinds(own[name], one) for one in figures]


async def test_growth_sums_who_told_both_years_and_its_own_earlier_word_comes_first(
    registry: Registry,
) -> None:
    await lived_through(registry)
    of_2025: dict[str, Any] = {"fiscal_year": 2025}
    await applied(registry, 1, operating_revenue="48000000.00", rd_expense="2000000.00")
    await applied(
        registry,
        1,
        operating_revenue="60000000.00",
        previous_operating_revenue="50000000.00",
        rd_expense="3000000.01",
        **of_2025,
    )
    await applied(
        registry,
        4,
        IN_ZUNYI,
        operating_revenue="29999999.99",
        previous_operating_revenue="20000000.00",
        **of_2025,
    )
    await applied(registry, 2, operating_revenue="9000000.00", **of_2025)
    # Its title was over by the end of the year.
    await applied(registry, 3, IN_ZUNYI, previous_operating_revenue="1.00", **of_2025)
    await applied(
        registry, 8, previous_operating_revenue="1.00", is_secret_involved=True, **of_2025
    )

    published = await bulletin(registry.partner)
    year = await bulletin(registry.officer(), "/statistics?year=2025")

    told = {row["division"]: row["revenue"] for row in [*published["cities"], published["total"]]}
    grown = {row["division"]: row["revenue"] for row in [*year["cities"], year["total"]]}
    # What is published tells nothing of one enterprise, and the total does not either.
    assert {one["enterprises"] for one in told.values()} == {0}
    assert {one["percent"] for one in told.values()} == {None}
    secret = Decimal(facts_of(8)["operating_revenue"])
    assert grown[GUIYANG] == {
        "enterprises": 2,
        "before": "48000001.00",
        "after": f"{Decimal(60000000) + secret:.2f}",
        "percent": grown[GUIYANG]["percent"],
    }
    assert grown[ZUNYI] == {
        "enterprises": 1,
        "before": "20000000.00",
        "after": "29999999.99",
        "percent": "50.00",
    }
    assert grown["520000"]["enterprises"] == 3
    assert grown["520000"]["after"] == f"{Decimal('89999999.99') + secret:.2f}"


async def test_support_examples_and_money_are_summed_to_the_cent(registry: Registry) -> None:
    await lived_through(registry)
    delivered: list[tuple[int, dict[str, Any]]] = [
        (1, {"amount": "500000.00", "delivered_on": "2025-05-20"}),
        (1, {"amount": "0.01", "delivered_on": "2025-12-31"}),
        (1, {"amount": "7.00", "delivered_on": "2026-01-01"}),
        (4, {"measure": "digital", "amount": None, "delivered_on": "2025-12-31"}),
        (8, {"amount": "9.00", "delivered_on": "2025-05-20"}),
    ]
    for serial, body in delivered:
        answer = await put_down(registry.officer(), "support-records", support(**body), serial)
        assert answer.status_code == 201, answer.text
    chosen = example(year=2025, chosen_on="2025-11-01")
    assert (await put_down(registry.officer(), "cases", chosen)).status_code == 201
    paid_back = await awarded(registry, 1, "200000.00", "150000.00", "50000.00")
    opened = {"recovery_id": new_id(), "due": "200000.00"}
    await registry.service.deliver("rewards", RecoveryOpened.model_validate(paid_back | opened))
    called_back = await bulletin(registry.partner)
    for repaid, voucher in (("150000.00", "R-1"), ("49999.99", "R-2")):
        came_back = {
            "recovery_id": opened["recovery_id"],
            "repaid": repaid,
            "paid_on": "2025-12-01",
            "voucher": voucher,
        }
        await registry.service.deliver(
            "rewards", RecoveryRepaid.model_validate(paid_back | came_back)
        )
    cancelled = await awarded(registry, 2, "200000.00")
    await registry.service.deliver(
        "rewards", AwardCancelled.model_validate(cancelled | {"reason": "撤回（示例）"})
    )
    partly = await awarded(registry, 4, "500000.00", "100000.01", "7.00", division=IN_ZUNYI)
    returned = {
        "returned": "7.00",
        "returned_on": "2025-12-01",
        "voucher": "V",
        "reference": "B",
        "reason": "账号有误（示例）",
    }
    await registry.service.deliver("rewards", PaymentReturned.model_validate(partly | returned))
    reduced = {"cancelled": "100.00", "reason": "称号撤销（示例）"}
    await registry.service.deliver("rewards", AwardReduced.model_validate(partly | reduced))
    await awarded(registry, 4, "900000.00", division=IN_ZUNYI, fiscal_year=2026)

    year = await bulletin(registry.partner)

    by_city = {row["division"]: row["support"] for row in [*year["cities"], year["total"]]}
    assert by_city[GUIYANG] == {"finance": {"records": 2, "amount": "500000.01"}}
    assert by_city[ZUNYI] == {"digital": {"records": 1, "amount": "0.00"}}
    assert by_city["520000"]["finance"] == {"records": 2, "amount": "500000.01"}
    assert rows(year, "typical_cases") == {GUIYANG: 1, "520000": 1}
    granted = {GUIYANG: "200000.00", ZUNYI: "499900.00", "520000": "699900.00"}
    assert rows(year, "granted") == granted
    disbursed = {GUIYANG: "200000.00", ZUNYI: "100000.01", "520000": "300000.01"}
    assert rows(year, "disbursed") == disbursed
    assert rows(called_back, "recovered") == {}, "what is called back has not come back yet"
    assert rows(year, "recovered") == {GUIYANG: "199999.99", "520000": "199999.99"}


async def test_a_bulletin_is_a_page_and_a_workbook_and_a_running_year_says_so(
    registry: Registry,
) -> None:
    await lived_through(registry)
    for year, is_closed, until in ((2025, True, "2025-12-31"), (2026, False, "2026-06-01")):
        await awarded(registry, 1, "200000.00", "0.01", fiscal_year=year)

        told = await bulletin(registry.partner, f"/bulletins/{year}")
        paper = await registry.partner.get(f"/bulletins/{year}.pdf")
        book = await registry.partner.get(f"/bulletins/{year}.xlsx")

        assert (told["is_closed"], told["until"]) == (is_closed, until)
        assert told["fiscal_year"] == 2025, "only of a year that is over are the figures closed"
        assert paper.status_code == book.status_code == 200
        pages = PdfReader(io.BytesIO(paper.content)).pages
        words = "".join("".join(page.extract_text().split()) for page in pages)
        assert f"{year}年" in words
        assert ("截至2026年6月1日，非最终" in words) is not is_closed
        sheets = openpyxl.load_workbook(io.BytesIO(book.content), data_only=True)
        cells = [cell.value for sheet in sheets for row in sheet.iter_rows() for cell in row]
        numbers = {Decimal(str(one)) for one in cells if isinstance(one, int | float)}
        assert numbers >= {Decimal("0.01"), Decimal(200000)}


async def test_there_are_bulletins_from_the_first_year_until_this_one(registry: Registry) -> None:
    answers = {
        year: await registry.partner.get(f"/bulletins/{year}")
        for year in (1990, 2020, 2021, 2026, 2027, 2199)
    }
    papers = [
        await registry.officer().get(path)
        for path in ("/bulletins/2027.pdf", "/bulletins/2027.xlsx", "/statistics?year=2027")
    ]
    strange = [
        (await registry.partner.get(f"/bulletins/{year}")).status_code
        for year in ("1989", "2200", "x", "20255555555555555555")
    ]

    found = {year: answer.status_code for year, answer in answers.items()}
    assert found == {1990: 404, 2020: 404, 2021: 200, 2026: 200, 2027: 404, 2199: 404}
    assert slug(answers[2027]) == "bulletin-not-yet"
    assert [one.status_code for one in papers] == [404] * 3
    assert set(strange) <= {404, 422}
    registry.service.clock.set(at(date(2026, 12, 31), time(23, 59, 59)))
    assert (await registry.partner.get("/bulletins/2027")).status_code == 404
    registry.service.clock.set(at(date(2027, 1, 1), time(0, 0, 1)))
    assert (await bulletin(registry.partner, "/bulletins/2026"))["is_closed"] is True
    assert (await bulletin(registry.partner, "/bulletins/2027"))["until"] == "2027-01-01"
