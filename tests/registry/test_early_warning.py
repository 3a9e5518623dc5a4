"""Early warning: whose title would not be renewed on its latest figures, or who gave none for long."""

from collections.abc import Sequence
from datetime import date, time
from typing import Any

import pytest

from services.contracts.applications import SizeDetermined
from services.kernel.identifiers import new_id
from services.registry.figures_service import MOST_LOOKED_AT
from services.registry.following_models import FigureSheet, Origin
from services.registry.models import Enterprise, Recognition, RecognitionTerm
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller
from tests.registry.conftest import TODAY, Registry
from tests.registry.test_figures import itself, recognised_nationally, report, slug, submitted

INDEBTED: dict[str, Any] = {"total_assets": "60000000.00", "total_liabilities": "42000000.01"}
"""Just above 70 %."""


async def warnings(caller: Caller, query: str = "") -> list[Any]:
    answer = await caller.get(f"/early-warnings{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return list(answer.json()["items"])


async def holder(registry: Registry, serial: int = 1, **changed: Any) -> str:
    """Let an enterprise be recognised on the figures of its application."""
    await submitted(registry, serial, **changed)
    return await registry.recognised(serial, **changed)


async def test_a_holder_that_fails_a_condition_today_is_named_with_the_condition(
    registry: Registry,
) -> None:
    recognition_id = await holder(registry, 1, **INDEBTED)
    await holder(registry, 2, total_liabilities="42000000.00")

    [found] = await warnings(registry.officer())

    assert (found["uscc"], found["legal_name"]) == (uscc_of(1), facts_of(1)["legal_name"])
    assert (found["fiscal_year"], found["is_figures_missing"]) == (2025, False)
    [title] = found["titles"]
    assert title["recognition_id"] == recognition_id
    assert (title["title"], title["policy_pack"]) == ("srdi_sme", PACK)
    [failed] = title["failed"]
    assert (failed["id"], failed["clause"]) == ("debt_ratio", "四.2")
    assert failed["text"]["zh"]
    assert "70" in failed["because"]["zh"]


async def test_the_latest_figures_decide(registry: Registry) -> None:
    await holder(registry, fiscal_year=2024, **INDEBTED)
    before = await warnings(registry.officer())

    better = {**INDEBTED, "total_liabilities": "30000000.00"}
    await report(itself(registry), **better)

    assert [one["uscc"] for one in before] == [uscc_of(1)]
    assert await warnings(registry.officer()) == []


async def test_a_correction_counts_and_older_years_do_not(registry: Registry) -> None:
    await holder(registry)
    await report(itself(registry), year=2024, **INDEBTED)
    after_an_older_year = await warnings(registry.officer())
    await report(itself(registry), **{**INDEBTED, "total_liabilities": "1.00"})
    await report(itself(registry), reason="审计后负债调增。", **INDEBTED)

    assert after_an_older_year == []
    assert len(await warnings(registry.officer())) == 1


async def test_a_veto_fails_a_renewal_too(registry: Registry) -> None:
    await holder(registry, has_tax_or_dishonesty_record=True)

    [found] = await warnings(registry.officer())

    assert [one["id"] for one in found["titles"][0]["failed"]] == ["no_tax_or_dishonesty_record"]


async def test_a_size_that_an_officer_determined_is_not_warned_about(registry: Registry) -> None:
    large: dict[str, Any] = {
        "employees": 1000,
        "operating_revenue": "400000000.00",
        "main_business_revenue": None,
    }
    determined = SizeDetermined(
        size="medium",
        legal_basis="示例规定",
        determined_by="city",
        determined_at=registry.service.clock.now(),
    )
    await submitted(registry, 1, **large)
    await registry.recognised(1, **large)
    await submitted(registry, 2, size=determined, **large)
    await registry.recognised(2, **large)

    [found] = await warnings(registry.officer())

    assert found["uscc"] == uscc_of(1)
    assert [one["id"] for one in found["titles"][0]["failed"]] == ["small_or_medium"]


@pytest.mark.parametrize(
    ("day", "at", "year", "is_missing"),
    [
        (TODAY, time(9), None, True),
        (TODAY, time(9), 2023, True),
        (TODAY, time(9), 2024, False),
        (date(2026, 12, 31), time(23, 50), 2024, False),
        (date(2027, 1, 1), time(0, 5), 2024, True),
        (date(2028, 2, 29), time(9), 2026, False),
    ],
)
async def test_figures_are_missing_once_a_whole_closed_year_lies_between(
    registry: Registry, day: date, at: time, year: int | None, is_missing: bool
) -> None:
    await holder(registry, fiscal_year=year)
    registry.service.clock.move_to_day(day, at)

    found = await warnings(registry.officer())

    assert [one["is_figures_missing"] for one in found] == ([True] if is_missing else [])


async def test_a_holder_without_any_figures_is_told_of(registry: Registry) -> None:
    await registry.recognised()

    [found] = await warnings(registry.officer())

    assert (found["fiscal_year"], found["reported_on"]) == (None, None)
    assert (found["is_figures_missing"], found["titles"]) == (True, [])


async def test_a_title_that_rests_on_another_is_warned_about_when_that_one_is_over(
    registry: Registry,
) -> None:
    await holder(registry, on=date(2025, 6, 1))
    await registry.recognised(on=date(2026, 6, 1), title="provincial_little_giant")
    while_both_run = await warnings(registry.officer())
    registry.service.clock.move_to_day(date(2028, 6, 1))

    found = await warnings(registry.officer(), "?title=provincial_little_giant")
    of_the_other = await warnings(registry.officer(), "?title=srdi_sme")

    assert while_both_run == []
    assert [one["id"] for one in found[0]["titles"][0]["failed"]] == ["holds_required_title"]
    assert [one["titles"] for one in of_the_other] == [[]], "only its figures are missing by then"
    assert of_the_other[0]["is_figures_missing"] is True


async def test_a_national_title_is_not_judged_by_a_plan_without_conditions_for_it(
    registry: Registry,
) -> None:
    await holder(registry)
    recorded = await registry.officer().post(
        "/recognitions",
        json={
            "uscc": uscc_of(1),
            "legal_name": facts_of(1)["legal_name"],
            "title": "national_little_giant",
            "valid_from": "2026-06-01",
            "document_number": "工信部示例〔2026〕1号",
            "region": "520102",
        },
    )

    assert recorded.status_code == 201
    assert await warnings(registry.officer()) == []


async def test_who_lost_its_title_is_not_warned_about(registry: Registry) -> None:
    recognition_id = await holder(registry, **INDEBTED)

    revoked = await registry.revoke(recognition_id)

    assert revoked.status_code in {200, 201}
    assert await warnings(registry.officer()) == []


async def test_of_two_titles_the_one_that_was_lost_is_not_named(registry: Registry) -> None:
    lost = await holder(registry, **INDEBTED)
    await registry.recognised(title="provincial_little_giant", **INDEBTED)
    await registry.revoke(lost)

    [found] = await warnings(registry.officer())

    assert [one["title"] for one in found["titles"]] == ["provincial_little_giant"]


async def test_a_renewal_is_judged_and_no_new_application(registry: Registry) -> None:
    # The national rules ask a newcomer for growth, and a holder for its score over two years.
    await recognised_nationally(registry)
    await report(
        registry.officer(),
        operating_revenue="50000000.00",
        before_previous_operating_revenue="50000000.00",
        platform_score="59.99",
        previous_platform_score="50.00",
    )

    [found] = await warnings(registry.officer())

    failed = {one["id"] for one in found["titles"][0]["failed"]}
    assert "giant_platform_score_of_two_years" in failed
    assert failed.isdisjoint({"giant_growth", "giant_platform_score"})


async def test_each_office_is_told_of_its_own_division_and_an_enterprise_of_itself(
    registry: Registry,
) -> None:
    await holder(registry, 1, division="520102", **INDEBTED)
    await holder(registry, 2, division="520103", **INDEBTED)
    await holder(registry, 3, division="520302", **INDEBTED)

    async def seen(caller: Caller, query: str = "") -> list[int]:
        codes = {uscc_of(serial): serial for serial in (1, 2, 3)}
        return sorted(codes[one["uscc"]] for one in await warnings(caller, query))

    assert await seen(registry.officer()) == [1, 2, 3]
    assert await seen(registry.officer(), "?region=520100") == [1, 2]
    assert await seen(registry.officer("city_office", "520100")) == [1, 2]
    assert await seen(registry.officer("city_office", "520100"), "?region=520300") == []
    assert await seen(registry.officer("county_office", "520103")) == [2]
    assert await seen(registry.officer("county_office", "520303")) == []
    assert await seen(itself(registry, 3)) == [3]
    assert (await registry.partner.get("/early-warnings")).status_code == 403


async def test_a_secret_enterprise_is_told_of_in_its_own_division_only(registry: Registry) -> None:
    await holder(registry, is_secret_involved=True, **INDEBTED)

    assert len(await warnings(registry.officer("city_office", "520100"))) == 1
    assert await warnings(registry.officer("city_office", "520300")) == []
    assert await warnings(itself(registry, 2)) == []


async def test_pages_leave_nobody_out_and_name_nobody_twice(registry: Registry) -> None:
    for serial in range(1, 8):
        await holder(registry, serial, **({} if serial == 4 else INDEBTED))
    named: list[str] = []
    sizes: list[int] = []
    after = ""

    for _ in range(7):
        answer = (await registry.officer().get(f"/early-warnings?limit=2{after}")).json()
        named += [one["uscc"] for one in answer["items"]]
        sizes.append(len(answer["items"]))
        if answer["next"] is None:
            break
        after = f"&after={answer['next']}"

    assert named == sorted(uscc_of(serial) for serial in (1, 2, 3, 5, 6, 7))
    assert sizes[:3] == [2, 2, 2]


async def test_a_cursor_of_nobodys_is_refused(registry: Registry) -> None:
    for after in ("nonsense", "91520900MA6J6CBN9R", "W10"):
        answer = await registry.officer().get(f"/early-warnings?after={after}")

        assert (answer.status_code, slug(answer)) == (422, "cursor-invalid")


async def kept(registry: Registry, serials: Sequence[int]) -> None:
    """Store holders whose figures meet every condition, many at once."""
    now = registry.service.clock.now()
    async with registry.service.database.session() as session, session.begin():
        for serial in serials:
            facts = facts_of(serial)
            enterprise = Enterprise(
                uscc=facts["uscc"],
                legal_name=facts["legal_name"],
                division="520102",
                focus_field=None,
                is_secret=False,
                names_searched=facts["legal_name"],
                created_at=now,
                updated_at=now,
            )
            recognition = Recognition(
                id=new_id(),
                uscc=facts["uscc"],
                title="srdi_sme",
                title_rank=2,
                certificate_number=f"52-TEST-{serial}",
                policy_pack=PACK,
                valid_from=TODAY,
                valid_until=date(2029, 5, 31),
                renewal_opens_on=date(2028, 12, 1),
                created_at=now,
                terms=[
                    RecognitionTerm(
                        number=1,
                        valid_from=TODAY,
                        valid_until=date(2029, 5, 31),
                        renewal_opens_on=date(2028, 12, 1),
                        document_number="示例〔2026〕9号",
                        decided_on=TODAY,
                        policy_pack=PACK,
                        recorded_at=now,
                    )
                ],
            )
            sheet = FigureSheet(
                id=new_id(),
                uscc=facts["uscc"],
                division="520102",
                is_secret=False,
                origin=Origin.APPLICATION,
                fiscal_year=2025,
                reported_on=TODAY,
                recorded_at=now,
                recorded_by={},
                is_latest=True,
                titles_held=[],
                facts=facts,
            )
            session.add_all([enterprise, recognition, sheet])


async def test_a_page_ends_after_so_many_holders_and_says_where_to_go_on(
    registry: Registry,
) -> None:
    *in_order, beyond = sorted(range(1, MOST_LOOKED_AT + 2), key=uscc_of)
    await kept(registry, in_order)
    await holder(registry, beyond, **INDEBTED)

    first = (await registry.officer().get("/early-warnings?limit=5")).json()
    second = (await registry.officer().get(f"/early-warnings?limit=5&after={first['next']}")).json()

    assert (first["items"], first["next"]) == ([], uscc_of(in_order[-1]))
    assert [one["uscc"] for one in second["items"]] == [uscc_of(beyond)]
    assert second["next"] is None
