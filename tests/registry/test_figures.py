"""The figures of an enterprise: kept from applications, reported each year, never overwritten."""

import asyncio
from datetime import date, time
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.contracts.applications import ApplicationSubmitted, SizeDetermined
from services.contracts.review import CaseRecognised
from services.kernel.identifiers import new_id
from services.kernel.logging import new_trace
from services.kernel.transaction import saved_together
from services.policy.catalogue import published_catalogue
from services.registry.figures_service import FigureService, due_day, growth
from services.registry.following_models import FigureSheet
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, as_owner
from tests.registry.conftest import TODAY, Registry

FIGURES = {"operating_revenue": "60000000.00", "rd_expense": "3000000.00", "employees": 130}


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


def codes(answer: Any) -> dict[str, str]:
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}


def itself(registry: Registry, serial: int = 1) -> Caller:
    return registry.service.caller("enterprise", uscc=uscc_of(serial))


async def report(
    caller: Caller,
    serial: int = 1,
    *,
    year: int = 2025,
    key: str | None = None,
    reason: str | None = None,
    **facts: Any,
) -> Any:
    body: dict[str, Any] = {"fiscal_year": year, "facts": facts or FIGURES}
    if reason is not None:
        body["correction_reason"] = reason
    return await caller.post(
        f"/enterprises/{uscc_of(serial)}/annual-reports",
        json=body,
        headers={} if key is None else {"Idempotency-Key": key},
    )


async def submitted(
    registry: Registry,
    serial: int = 1,
    *,
    on: date = date(2026, 4, 20),
    application_id: UUID | None = None,
    number: int = 1,
    is_secret: bool = False,
    size: SizeDetermined | None = None,
    kind: Literal["new", "renewal"] = "new",
    **changed: Any,
) -> UUID:
    """Let the registry keep the figures of an application."""
    application_id = application_id or new_id()
    facts = facts_of(serial, **changed)
    service = registry.service
    async with saved_together(service.runtime, new_trace()) as (session, journal):
        figures = FigureService(session, journal, service.clock, published_catalogue())
        await figures.keep_application(
            ApplicationSubmitted(
                uscc=facts["uscc"],
                region=facts["applying_division"],
                is_secret=is_secret,
                application_id=application_id,
                submission_number=number,
                submitted_on=on,
                round_id=new_id(),
                round_code="2026-1",
                kind=kind,
                title="srdi_sme",
                policy_pack=PACK,
                legal_name=facts["legal_name"],
                facts=facts,
                facts_sha256="0" * 64,
                titles_held=[],
                size_determination=size,
            )
        )
    return application_id


async def sheets(registry: Registry, serial: int = 1) -> list[FigureSheet]:
    """Return what is stored, in the order in which it was recorded."""
    async with registry.service.database.session() as session:
        rows = await session.scalars(
            select(FigureSheet)
            .where(FigureSheet.uscc == uscc_of(serial))
            .order_by(FigureSheet.recorded_at)
        )
        return list(rows)


@pytest.mark.parametrize(
    ("now", "before", "grown"),
    [
        ("80100.00", "80000.00", "0.13"),
        ("79900.00", "80000.00", "-0.13"),
        ("80099.99", "80000.00", "0.12"),
        ("80000.00", "80000.00", "0.00"),
        ("79999.99", "80000.00", "0.00"),
        ("0.00", "80000.00", "-100.00"),
        ("1000000000000000.00", "0.01", "9999999999999999900.00"),
        ("0.01", "0.00", None),
        ("0.01", None, None),
        (None, "0.01", None),
    ],
)
def test_growth_is_exact_and_a_half_is_rounded_away_from_zero(
    now: str | None, before: str | None, grown: str | None
) -> None:
    found = growth(
        None if now is None else Decimal(now), None if before is None else Decimal(before)
    )

    assert (None if found is None else f"{found:.2f}") == grown


@pytest.mark.parametrize(
    ("every_year_by", "fiscal_year", "due_on"),
    [
        ("05-31", 2025, date(2026, 5, 31)),
        ("02-29", 2026, date(2027, 2, 28)),
        ("02-29", 2027, date(2028, 2, 29)),
        ("12-31", 2025, date(2026, 12, 31)),
    ],
)
def test_a_yearly_duty_ends_in_the_year_after_on_a_day_that_exists(
    every_year_by: str, fiscal_year: int, due_on: date
) -> None:
    assert due_day(every_year_by, fiscal_year) == due_on


async def test_an_enterprise_reports_its_year_and_sees_how_it_grew(registry: Registry) -> None:
    await registry.recognised()
    await submitted(registry, fiscal_year=2024, operating_revenue="48000000.00")

    reported = await report(itself(registry))

    assert reported.status_code == 201
    assert reported.json()["revenue_growth"] == "25.00"
    assert reported.json()["rd_growth"] is None
    assert reported.json()["is_latest"] is True
    assert reported.json()["policy_pack"] == PACK
    assert reported.json()["facts"] == FIGURES | {"fiscal_year": 2025}
    [stored] = [one for one in await sheets(registry) if one.is_latest]
    assert str(stored.id) == reported.json()["id"]
    entry = (await registry.service.history())[-1]
    assert (entry["subject_type"], entry["action"]) == ("figure_sheet", "reported")
    assert (entry["subject_id"], entry["uscc"]) == (reported.json()["id"], uscc_of(1))
    assert entry["clause"] == "第三章"
    assert await registry.service.chain_is_sound()


async def test_without_figures_of_the_year_before_its_own_statement_of_that_year_counts(
    registry: Registry,
) -> None:
    await registry.recognised()

    reported = await report(
        itself(registry), operating_revenue="66.00", previous_operating_revenue="60.00"
    )

    assert reported.json()["revenue_growth"] == "10.00"


@pytest.mark.parametrize(
    ("day", "at", "is_late", "due_on"),
    [
        (date(2026, 3, 31), time(23, 50), False, "2026-04-30"),
        (date(2026, 5, 31), time(23, 50), False, "2026-05-31"),
        (date(2026, 6, 1), time(0, 5), True, "2026-05-31"),
    ],
)
async def test_a_report_is_late_on_the_day_after_the_last_one_in_the_province(
    registry: Registry, day: date, at: time, is_late: bool, due_on: str
) -> None:
    await registry.recognised(on=date(2025, 6, 1))
    registry.service.clock.move_to_day(day, at)

    reported = await report(itself(registry))

    assert reported.status_code == 201
    assert reported.json()["reported_on"] == day.isoformat()
    assert (reported.json()["is_late"], reported.json()["due_on"]) == (is_late, due_on)


async def test_a_correction_says_why_and_overwrites_nothing(registry: Registry) -> None:
    await registry.recognised(on=date(2025, 6, 1))
    registry.service.clock.move_to_day(date(2026, 5, 31))
    first = await report(itself(registry))
    registry.service.clock.move_to_day(date(2026, 9, 1))

    again = await report(itself(registry), operating_revenue="59000000.00")
    corrected = await report(
        itself(registry), reason="审计后营业收入调减。", operating_revenue="59000000.00"
    )
    of_another_year = await report(itself(registry), year=2024, reason="审计后调减。")

    assert (again.status_code, slug(again)) == (409, "annual-report-made-already")
    assert corrected.status_code == 201
    assert corrected.json()["is_correction"] is True
    assert corrected.json()["is_late"] is False, "the year was reported in time"
    assert (of_another_year.status_code, slug(of_another_year)) == (
        409,
        "annual-report-nothing-to-correct",
    )
    listed = (await itself(registry).get(f"/enterprises/{uscc_of(1)}/annual-reports")).json()
    assert [one["id"] for one in listed["items"]] == [corrected.json()["id"], first.json()["id"]]
    assert [one["is_latest"] for one in listed["items"]] == [True, False]
    assert listed["items"][1]["facts"] == first.json()["facts"]
    entry = (await registry.service.history())[-1]
    assert (entry["action"], entry["reason"]) == ("corrected", "审计后营业收入调减。")


@pytest.mark.parametrize(
    ("day", "at", "year", "status"),
    [
        (TODAY, time(9), 2025, 201),
        (TODAY, time(9), 2026, 422),
        (TODAY, time(9), 2016, 201),
        (TODAY, time(9), 2015, 422),
        (date(2026, 12, 31), time(23, 50), 2026, 422),
        (date(2027, 1, 1), time(0, 5), 2026, 201),
        (date(2027, 1, 1), time(0, 5), 2016, 422),
    ],
)
async def test_a_year_is_reported_once_it_is_over_and_for_ten_years(
    registry: Registry, day: date, at: time, year: int, status: int
) -> None:
    await registry.recognised()
    registry.service.clock.move_to_day(day, at)

    answer = await report(itself(registry), year=year)

    assert answer.status_code == status
    if status == 422:
        assert slug(answer) == "annual-report-year-not-possible"
        assert codes(answer) == {"/fiscal_year": "year_not_possible"}


async def test_what_cannot_be_read_is_named_and_nothing_is_kept(registry: Registry) -> None:
    await registry.recognised()

    answer = await report(
        itself(registry),
        operating_revenue=60000000,
        rd_expense="1.001",
        no_such_fact=1,
        legal_name="贵州改名有限公司",
        applying_division="520300",
        is_secret_involved=False,
        fiscal_year=2024,
    )
    unknown_field = await itself(registry).post(
        f"/enterprises/{uscc_of(1)}/annual-reports",
        json={"fiscal_year": 2025, "facts": FIGURES, "is_latest": True},
    )
    empty = await itself(registry).post(
        f"/enterprises/{uscc_of(1)}/annual-reports", json={"fiscal_year": 2025, "facts": {}}
    )

    assert (answer.status_code, slug(answer)) == (422, "annual-report-not-acceptable")
    assert codes(answer) == {
        "/facts/operating_revenue": "not_an_amount",
        "/facts/rd_expense": "too_many_decimals",
        "/facts/no_such_fact": "unknown_fact",
        "/facts/legal_name": "kept_elsewhere",
        "/facts/applying_division": "kept_elsewhere",
        "/facts/is_secret_involved": "kept_elsewhere",
        "/facts/fiscal_year": "differs",
    }
    assert (unknown_field.status_code, slug(unknown_field)) == (422, "unknown-field")
    assert empty.status_code == 422
    assert await sheets(registry) == []


async def recognised_nationally(registry: Registry, serial: int = 1) -> None:
    facts = facts_of(serial)
    await registry.service.deliver(
        "review",
        CaseRecognised(
            uscc=facts["uscc"],
            region=facts["applying_division"],
            is_secret=False,
            case_id=new_id(),
            application_id=new_id(),
            title="national_little_giant",
            round_code="2026-1",
            kind="new",
            policy_pack="national/2026-04-01",
            legal_name=facts["legal_name"],
            document_number="示例〔2026〕9号",
            decided_on=TODAY,
            facts=facts,
        ),
    )


async def test_facts_are_read_by_the_pack_of_the_highest_title(registry: Registry) -> None:
    await registry.recognised(1)
    await recognised_nationally(registry, 1)
    await registry.recognised(2)

    higher = await report(itself(registry, 1), operating_revenue="1.00", high_value_class_one_ip=2)
    lower = await report(
        itself(registry, 2), 2, operating_revenue="1.00", high_value_class_one_ip=2
    )

    assert higher.status_code == 201
    assert higher.json()["policy_pack"] == "national/2026-04-01"
    assert codes(lower) == {"/facts/high_value_class_one_ip": "unknown_fact"}


async def test_what_comes_from_a_platform_is_stated_by_an_office_only(registry: Registry) -> None:
    await recognised_nationally(registry)

    by_itself = await report(itself(registry), platform_score="66.50")
    by_office = await report(registry.officer(), platform_score="66.50")

    assert codes(by_itself) == {"/facts/platform_score": "imported"}
    assert by_office.status_code == 201


async def test_its_own_offices_report_for_it_and_nobody_elses(registry: Registry) -> None:
    await registry.recognised(1)
    await registry.recognised(2)
    path = f"/enterprises/{uscc_of(1)}/annual-reports"

    answers = {
        name: (await report(caller)).status_code
        for name, caller in {
            "county of another city": registry.officer("county_office", "520302"),
            "another county": registry.officer("county_office", "520103"),
            "another city": registry.officer("city_office", "520300"),
            "another enterprise": itself(registry, 2),
            "evaluator": registry.officer("evaluator"),
            "without the scope": registry.service.caller(
                "enterprise", uscc=uscc_of(1), scopes=frozenset({"registry:read"})
            ),
            "its county": registry.officer("county_office", "520102"),
        }.items()
    }

    assert answers == {
        "county of another city": 404,
        "another county": 404,
        "another city": 404,
        "another enterprise": 404,
        "evaluator": 403,
        "without the scope": 403,
        "its county": 201,
    }
    assert (await itself(registry, 2).get(path)).status_code == 404
    assert (await registry.officer("county_office", "520302").get(path)).status_code == 404
    assert (await registry.service.anyone().get(f"/api/v1{path}")).status_code == 401
    assert (await registry.officer("city_office", "520100").get(path)).status_code == 200


async def test_figures_of_a_secret_enterprise_are_seen_in_its_own_division_only(
    registry: Registry,
) -> None:
    await registry.recognised(is_secret_involved=True)
    path = f"/enterprises/{uscc_of(1)}/annual-reports"

    reported = await report(itself(registry))

    assert reported.status_code == 201
    [stored] = await sheets(registry)
    assert stored.is_secret
    assert (await registry.officer("city_office", "520100").get(path)).status_code == 200
    assert (await registry.officer("city_office", "520300").get(path)).status_code == 404
    assert (await report(registry.officer("city_office", "520300"))).status_code == 404


async def test_a_double_click_makes_one_report(registry: Registry) -> None:
    await registry.recognised()

    clicks = await asyncio.gather(
        report(itself(registry), key="report-1"), report(itself(registry), key="report-1")
    )
    again = await report(itself(registry), key="report-1")

    assert 201 in {one.status_code for one in clicks}
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await sheets(registry)) == 1


async def test_of_two_reports_at_once_one_is_kept(registry: Registry) -> None:
    await registry.recognised()

    answers = await asyncio.gather(
        report(itself(registry)),
        report(registry.officer("county_office", "520102")),
        report(registry.officer("city_office", "520100")),
    )

    assert sorted(one.status_code for one in answers) == [201, 409, 409]
    assert {slug(one) for one in answers if one.status_code == 409} == {
        "annual-report-made-already"
    }
    assert [one.is_latest for one in await sheets(registry)] == [True]


async def test_of_two_years_at_once_the_later_is_the_latest(registry: Registry) -> None:
    await registry.recognised()

    answers = await asyncio.gather(
        *(report(itself(registry), year=year) for year in (2021, 2025, 2022, 2024, 2023))
    )

    assert {one.status_code for one in answers} == {201}
    assert [one.fiscal_year for one in await sheets(registry) if one.is_latest] == [2025]


async def test_an_application_told_twice_is_kept_once(registry: Registry) -> None:
    application_id = await submitted(registry, 9)

    await submitted(registry, 9, application_id=application_id)
    await submitted(registry, 9, application_id=application_id, number=2, employees=121)
    await submitted(registry, 9, application_id=application_id)

    stored = await sheets(registry, 9)
    assert [(one.submission_number, one.is_latest) for one in stored] == [(1, False), (2, True)]
    assert stored[1].facts["employees"] == 121
    assert (stored[1].division, stored[1].policy_pack) == ("520102", PACK)


async def test_one_application_told_by_two_deliveries_at_once_is_kept_once(
    registry: Registry,
) -> None:
    application_id = new_id()

    await asyncio.gather(*(submitted(registry, 9, application_id=application_id) for _ in range(3)))

    assert [one.is_latest for one in await sheets(registry, 9)] == [True]


async def test_figures_of_an_older_year_never_become_the_latest(registry: Registry) -> None:
    await submitted(registry, on=date(2026, 4, 20), fiscal_year=2025)
    await submitted(registry, on=date(2026, 5, 20), fiscal_year=2024)
    await submitted(registry, on=date(2026, 5, 21), fiscal_year=None)
    await submitted(registry, on=date(2026, 4, 19), fiscal_year=2025)
    before = [one.is_latest for one in await sheets(registry)]

    await submitted(registry, on=date(2026, 4, 20), fiscal_year=2025)

    assert before == [True, False, False, False]
    assert [one.is_latest for one in await sheets(registry)] == [False, False, False, False, True]


async def test_the_size_that_an_officer_determined_stays_with_the_figures(
    registry: Registry,
) -> None:
    await submitted(
        registry,
        size=SizeDetermined(
            size="small",
            legal_basis="示例规定",
            determined_by="city",
            determined_at=registry.service.clock.now(),
        ),
    )

    [stored] = await sheets(registry)
    assert stored.determined_size == "small"


async def test_the_database_itself_has_one_latest_sheet_and_changes_no_other_column(
    registry: Registry,
) -> None:
    await submitted(registry, fiscal_year=2024)
    await submitted(registry, fiscal_year=2025)

    with pytest.raises(IntegrityError, match="one_latest_sheet"):
        await as_owner(registry.service.owner, "UPDATE registry.figure_sheets SET is_latest = true")
    async with registry.service.database.session() as session, session.begin():
        with pytest.raises(DBAPIError, match="permission denied"):
            await session.execute(update(FigureSheet).values(fiscal_year=2020))


async def test_sheets_are_listed_from_both_sources_page_by_page(registry: Registry) -> None:
    await registry.recognised()
    await submitted(registry, fiscal_year=2024)
    await report(itself(registry))
    await report(itself(registry), reason="更正研发费用。")
    path = f"/enterprises/{uscc_of(1)}/annual-reports"

    first = (await itself(registry).get(f"{path}?limit=2")).json()
    second = (await itself(registry).get(f"{path}?limit=2&after={first['next']}")).json()
    broken = await itself(registry).get(f"{path}?after=nonsense")
    unknown = await itself(registry).get(f"{path}?year=2025")

    assert [one["origin"] for one in first["items"]] == ["annual_report", "annual_report"]
    assert [one["origin"] for one in second["items"]] == ["application"]
    assert second["next"] is None
    assert second["items"][0]["due_on"] is None
    assert second["items"][0]["is_late"] is False
    assert (broken.status_code, slug(broken)) == (422, "cursor-invalid")
    assert (unknown.status_code, slug(unknown)) == (422, "unknown-filter")
