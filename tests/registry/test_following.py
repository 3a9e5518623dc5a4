"""What is followed of a holder: evaluations, support, examples of the year, findings, examinations."""

import asyncio
from datetime import date, time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from services.kernel.identifiers import new_id
from services.kernel.identity.actor import system_actor
from services.kernel.logging import new_trace
from services.kernel.transaction import saved_together
from services.registry.following_models import Evaluation
from services.registry.following_service import conclude_by_revocation, open_examinations
from services.registry.measures import Measure
from services.registry.models import Recognition
from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.services import Caller
from tests.registry.conftest import TODAY, Registry
from tests.registry.test_figures import codes, itself, slug


def evaluation(**changed: Any) -> dict[str, Any]:
    return {
        "year": 2025,
        "agency": "示例评估中心",
        "score": "86.50",
        "difficulties": "融资渠道单一（示例）。",
        "summary": "主营业务稳定增长（示例）。",
        "evaluated_on": "2026-05-20",
    } | changed


def support(**changed: Any) -> dict[str, Any]:
    return {
        "measure": "finance",
        "provider": "示例银行贵阳分行",
        "description": "知识产权质押贷款（示例）。",
        "amount": "500000.00",
        "delivered_on": "2026-05-20",
    } | changed


def example(**changed: Any) -> dict[str, Any]:
    return {
        "year": 2026,
        "heading": "以数字化改造提升良品率",
        "summary": "上云后良品率提高（示例）。",
        "chosen_on": "2026-06-01",
        "document_number": "示例〔2026〕30号",
    } | changed


async def put_down(
    caller: Caller, what: str, body: dict[str, Any], serial: int = 1, **request: Any
) -> Any:
    return await caller.post(f"/enterprises/{uscc_of(serial)}/{what}", json=body, **request)


async def listed(caller: Caller, path: str) -> list[Any]:
    answer = await caller.get(path)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_an_agency_of_the_province_records_what_it_found(registry: Registry) -> None:
    await registry.recognised()

    recorded = await put_down(registry.partner, "evaluations", evaluation())

    assert recorded.status_code == 201
    assert recorded.json()["score"] == "86.50"
    path = f"/enterprises/{uscc_of(1)}/evaluations"
    assert await listed(itself(registry), path) == [recorded.json()]
    assert await listed(registry.officer("county_office", "520102"), path) == [recorded.json()]
    entry = (await registry.service.history())[-1]
    assert (entry["subject_type"], entry["action"], entry["clause"]) == (
        "evaluation",
        "recorded",
        "六(三)",
    )
    assert entry["uscc"] == uscc_of(1)
    assert await registry.service.chain_is_sound()


@pytest.mark.parametrize(
    ("changed", "status", "pointer"),
    [
        ({"score": "0"}, 201, None),
        ({"score": "100.00"}, 201, None),
        ({"score": "100.01"}, 422, "/score"),
        ({"score": "86.505"}, 422, "/score"),
        ({"score": "-1"}, 422, "/score"),
        ({"score": 86}, 422, "/score"),
        ({"score": 86.5}, 422, "/score"),
        ({"score": None, "grade": "良好"}, 201, None),
        ({"score": None, "grade": "A2"}, 422, "/grade"),
        ({"score": None}, 422, ""),
        ({"evaluated_on": "2026-06-02"}, 422, "/evaluated_on"),
        ({"evaluated_on": "2026-06-01"}, 201, None),
        ({"year": 2027}, 422, "/year"),
    ],
)
async def test_an_evaluation_has_a_result_and_a_day_that_has_come(
    registry: Registry, changed: dict[str, Any], status: int, pointer: str | None
) -> None:
    await registry.recognised()

    answer = await put_down(registry.officer(), "evaluations", evaluation(**changed))

    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert list(codes(answer)) == [pointer]


async def test_who_evaluates_works_for_the_province(registry: Registry) -> None:
    await registry.recognised()
    path = f"/enterprises/{uscc_of(1)}/evaluations"

    by_whom = {
        "agency of a city": registry.officer("evaluator", "520100"),
        "agency of another province": registry.officer("evaluator", "530000"),
        "city": registry.officer("city_office", "520100"),
        "itself": itself(registry),
    }
    answers = {
        name: (await put_down(caller, "evaluations", evaluation())).status_code
        for name, caller in by_whom.items()
    }

    assert answers == {
        "agency of a city": 403,
        "agency of another province": 404,
        "city": 403,
        "itself": 403,
    }
    assert (await registry.officer("city_office", "520300").get(path)).status_code == 404
    assert (await itself(registry, 2).get(path)).status_code == 404
    assert await listed(registry.officer(), path) == []


async def test_nothing_about_a_secret_enterprise_is_put_down_or_seen_by_others(
    registry: Registry,
) -> None:
    await registry.recognised(is_secret_involved=True)
    at_home = registry.officer("city_office", "520100")
    await put_down(at_home, "support-records", support())
    await put_down(registry.officer(), "evaluations", evaluation())
    await put_down(registry.officer(), "cases", example())
    elsewhere = registry.officer("city_office", "520300")

    assert (await put_down(registry.partner, "evaluations", evaluation())).status_code == 404
    assert (await put_down(elsewhere, "support-records", support())).status_code == 404
    for what in ("evaluations", "support-records", "cases", "findings", "annual-reports"):
        path = f"/enterprises/{uscc_of(1)}/{what}"
        assert (await elsewhere.get(path)).status_code == 404
        assert (await itself(registry, 2).get(path)).status_code == 404
    assert await listed(elsewhere, "/support-records") == []
    assert len(await listed(at_home, "/support-records")) == 1
    totals = (await elsewhere.get("/support-records/totals")).json()["measures"]
    assert {one["records"] for one in totals} == {0}
    public = await registry.service.anyone().get("/api/v1/public/typical-cases")
    assert public.json()["items"] == []


@pytest.mark.parametrize(
    ("amount", "kept"),
    [
        ("0.01", "0.01"),
        ("1", "1.00"),
        ("1000000000000", "1000000000000.00"),
        ("1000000000000.00", "1000000000000.00"),
        (None, None),
    ],
)
async def test_support_is_kept_to_the_cent(
    registry: Registry, amount: str | None, kept: str | None
) -> None:
    await registry.recognised()

    recorded = await put_down(registry.officer(), "support-records", support(amount=amount))

    assert recorded.status_code == 201
    assert recorded.json()["amount"] == kept
    [found] = await listed(registry.officer(), "/support-records")
    assert found == recorded.json()


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("0", "out_of_range"),
        ("0.00", "out_of_range"),
        ("1000000000000.01", "out_of_range"),
        ("10000000000000.00", "not_an_amount"),
        ("-1", "not_an_amount"),
        ("0.001", "not_an_amount"),
        ("1e3", "not_an_amount"),
        ("1,000.00", "not_an_amount"),
        ("١", "not_an_amount"),
        (500000, "not_an_amount"),
        (0.1, "not_an_amount"),
        (True, "not_an_amount"),
    ],
)
async def test_an_amount_that_is_none_is_refused(
    registry: Registry, amount: Any, code: str
) -> None:
    await registry.recognised()

    answer = await put_down(registry.officer(), "support-records", support(amount=amount))

    assert answer.status_code == 422
    assert codes(answer) == {"/amount": code}


async def test_support_is_recorded_by_offices_of_the_division_once_it_was_delivered(
    registry: Registry,
) -> None:
    await registry.recognised()
    county = registry.officer("county_office", "520102")
    registry.service.clock.move_to_day(date(2026, 6, 1), time(23, 50))

    today = await put_down(county, "support-records", support(delivered_on="2026-06-01"))
    tomorrow = await put_down(county, "support-records", support(delivered_on="2026-06-02"))
    registry.service.clock.move_to_day(date(2026, 6, 2), time(0, 5))
    once_it_came = await put_down(county, "support-records", support(delivered_on="2026-06-02"))
    elsewhere = await put_down(
        registry.officer("county_office", "520302"), "support-records", support()
    )
    by_itself = await put_down(itself(registry), "support-records", support())
    unknown_measure = await put_down(county, "support-records", support(measure="tax"))
    extra = await put_down(county, "support-records", support(is_approved=True))

    assert [today.status_code, once_it_came.status_code] == [201, 201]
    assert (tomorrow.status_code, slug(tomorrow)) == (422, "day-to-come")
    assert codes(tomorrow) == {"/delivered_on": "to_come"}
    assert (elsewhere.status_code, by_itself.status_code) == (404, 403)
    assert unknown_measure.status_code == 422
    assert (extra.status_code, slug(extra)) == (422, "unknown-field")


async def test_a_double_click_records_support_once(registry: Registry) -> None:
    await registry.recognised()
    key = {"Idempotency-Key": "support-1"}

    first = await put_down(registry.officer(), "support-records", support(), headers=key)
    second = await put_down(registry.officer(), "support-records", support(), headers=key)
    other = await put_down(
        registry.officer(), "support-records", support(amount="1.00"), headers=key
    )

    assert (first.json(), second.status_code) == (second.json(), 201)
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")
    assert len(await listed(registry.officer(), "/support-records")) == 1


async def test_support_is_listed_and_added_up_by_measure_year_and_division(
    registry: Registry,
) -> None:
    await registry.recognised(1)
    await registry.recognised(2, division="520302")
    for serial, changed in (
        (1, {"amount": "0.10", "delivered_on": "2026-01-01"}),
        (1, {"amount": "0.20", "delivered_on": "2025-12-31"}),
        (1, {"amount": "0.30", "delivered_on": "2024-02-29"}),
        (1, {"measure": "digital", "amount": None, "delivered_on": "2025-01-01"}),
        (2, {"amount": "1000000000000", "delivered_on": "2025-06-01"}),
    ):
        await put_down(registry.officer(), "support-records", support(**changed), serial)

    async def days(query: str, caller: Caller | None = None) -> list[str]:
        found = await listed(caller or registry.officer(), f"/support-records{query}")
        return [one["delivered_on"] for one in found]

    async def totals(query: str, caller: Caller | None = None) -> dict[str, tuple[int, int, str]]:
        answer = await (caller or registry.officer()).get(f"/support-records/totals{query}")
        return {
            one["measure"]: (one["records"], one["enterprises"], one["amount"])
            for one in answer.json()["measures"]
        }

    assert await days("?year=2025") == ["2025-12-31", "2025-06-01", "2025-01-01"]
    assert await days("?year=2024") == ["2024-02-29"]
    assert await days("?measure=digital") == ["2025-01-01"]
    assert await days("?region=520300") == ["2025-06-01"]
    assert await days("", itself(registry, 2)) == ["2025-06-01"]
    assert await days("", registry.officer("city_office", "520100")) == [
        "2026-01-01",
        "2025-12-31",
        "2025-01-01",
        "2024-02-29",
    ]
    of_all_years = await totals("")
    assert list(of_all_years) == [one.value for one in Measure]
    assert of_all_years["finance"] == (4, 2, "1000000000000.60")
    assert of_all_years["digital"] == (1, 1, "0.00")
    assert of_all_years["innovation"] == (0, 0, "0.00")
    assert (await totals("?year=2025&region=520100"))["finance"] == (1, 1, "0.20")
    assert (await totals("", itself(registry, 1)))["finance"] == (3, 1, "0.60")
    assert (await registry.partner.get("/support-records")).status_code == 403


async def test_lists_go_on_page_by_page(registry: Registry) -> None:
    await registry.recognised()
    for day in ("2026-05-01", "2026-05-02", "2026-05-02"):
        await put_down(registry.officer(), "support-records", support(delivered_on=day))

    for path in ("/support-records", f"/enterprises/{uscc_of(1)}/support-records"):
        first = (await registry.officer().get(f"{path}?limit=2")).json()
        second = (await registry.officer().get(f"{path}?limit=2&after={first['next']}")).json()
        broken = await registry.officer().get(f"{path}?after=nonsense")

        assert len({one["id"] for one in first["items"] + second["items"]}) == 3
        assert second["next"] is None
        assert (broken.status_code, slug(broken)) == (422, "cursor-invalid")


def test_the_measures_are_the_five_of_chapter_five() -> None:
    assert {one.value: one.clause for one in Measure} == {
        "innovation": "五(一)",
        "digital": "五(二)",
        "incubation_and_services": "五(三)",
        "finance": "五(四)",
        "management": "五(五)",
    }
    assert all(one.label.zh and one.label.en for one in Measure)


async def test_an_example_of_the_year_holds_a_valid_title_on_that_day(registry: Registry) -> None:
    await registry.recognised(on=date(2023, 6, 1))
    registry.service.clock.move_to_day(date(2026, 6, 15))

    answers = {
        day: await put_down(registry.officer(), "cases", example(year=int(day[:4]), chosen_on=day))
        for day in ("2023-05-31", "2026-06-01", "2026-05-31", "2026-06-16")
    }

    assert {day: answer.status_code for day, answer in answers.items()} == {
        "2023-05-31": 409,
        "2026-06-01": 409,
        "2026-05-31": 201,
        "2026-06-16": 422,
    }
    assert slug(answers["2026-06-01"]) == "typical-case-needs-title"
    assert slug(answers["2026-06-16"]) == "day-to-come"


async def test_an_enterprise_is_the_example_of_a_year_once_and_the_province_chooses(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=date(2025, 6, 1))
    await registry.recognised(2)

    by_city = await put_down(registry.officer("city_office", "520100"), "cases", example())
    at_once = await asyncio.gather(
        *(put_down(registry.officer(), "cases", example()) for _ in range(3))
    )
    of_another_year = await put_down(
        registry.officer(), "cases", example(year=2025, chosen_on="2025-12-31")
    )
    of_a_year_to_come = await put_down(registry.officer(), "cases", example(year=2027))
    await put_down(registry.officer(), "cases", example(), 2)

    assert by_city.status_code == 403
    assert sorted(one.status_code for one in at_once) == [201, 409, 409]
    assert {slug(one) for one in at_once if one.status_code == 409} == {
        "typical-case-chosen-already"
    }
    assert of_another_year.status_code == 201
    assert codes(of_a_year_to_come) == {"/year": "to_come"}
    public = registry.service.anyone()
    everything = (await public.get("/api/v1/public/typical-cases")).json()["items"]
    assert [(one["year"], one["uscc"]) for one in everything] == [
        (2026, uscc_of(2)),
        (2026, uscc_of(1)),
        (2025, uscc_of(1)),
    ]
    assert everything[0]["legal_name"] == facts_of(2)["legal_name"]
    assert set(everything[0]) == {
        "year",
        "uscc",
        "legal_name",
        "division",
        "heading",
        "summary",
        "chosen_on",
        "document_number",
    }
    of_a_year = (await public.get("/api/v1/public/typical-cases?year=2025")).json()["items"]
    assert [one["year"] for one in of_a_year] == [2025]
    own = await listed(itself(registry), f"/enterprises/{uscc_of(1)}/cases")
    assert [one["year"] for one in own] == [2025, 2026], "the one recorded last comes first"


async def test_a_finding_is_recorded_once_under_its_number(registry: Registry) -> None:
    await registry.recognised()

    recorded = await registry.finding()
    again = await registry.finding()
    other_content = await registry.finding(summary="另一内容（示例）。")
    other_number = await registry.finding(number="示例查〔2026〕2号", ground="violation")

    assert recorded.status_code == 201
    assert (again.status_code, slug(again)) == (409, "finding-known-already")
    assert other_content.status_code == 409
    assert other_number.status_code == 201
    path = f"/enterprises/{uscc_of(1)}/findings"
    found = await listed(registry.officer("county_office", "520102"), path)
    assert [one["number"] for one in found] == ["示例查〔2026〕2号", "示例查〔2026〕1号"]
    assert await listed(itself(registry), path) == found
    entry = (await registry.service.history())[-1]
    assert (entry["subject_type"], entry["action"]) == ("finding", "recorded")
    assert entry["policy_pack"] == "guizhou/2021-05-06"
    assert entry["clause"] == "六(三)"


@pytest.mark.parametrize(
    ("changed", "status", "refused_as"),
    [
        ({"ground": "renewal_failed"}, 422, "unknown-revocation-ground"),
        ({"ground": "no_such_ground"}, 422, "unknown-revocation-ground"),
        ({"ground": "change_not_reported"}, 201, None),
        ({"established_on": "2026-06-02"}, 422, "day-to-come"),
        ({"established_on": "2024-02-29"}, 201, None),
        ({"established_on": "2025-02-29"}, 422, "malformed-request"),
    ],
)
async def test_a_finding_is_on_a_ground_that_has_to_be_established(
    registry: Registry, changed: dict[str, Any], status: int, refused_as: str | None
) -> None:
    await registry.recognised()

    answer = await registry.finding(**changed)

    assert answer.status_code == status, answer.text
    assert refused_as is None or slug(answer) == refused_as


async def test_the_province_records_findings_and_of_its_own_enterprises(
    registry: Registry,
) -> None:
    await registry.recognised()
    body = {
        "ground": "violation",
        "number": "示例查〔2026〕1号",
        "established_on": "2026-06-01",
        "established_by": "示例机关",
        "summary": "示例。",
    }

    by_city = await put_down(registry.officer("city_office", "520100"), "findings", body)
    by_another_province = await put_down(
        registry.officer("provincial_office", "530000"), "findings", body
    )
    of_nobody = await put_down(registry.officer(), "findings", body, 2)

    assert by_city.status_code == 403
    assert by_another_province.status_code == 404
    assert of_nobody.status_code == 404


async def examined(registry: Registry, serial: int = 1) -> tuple[UUID, list[UUID]]:
    """Have the other titles of an enterprise looked at. Return whose revocation led to it, and them."""
    service = registry.service
    async with saved_together(service.runtime, new_trace()) as (session, journal):
        revoked, *others = (
            await session.scalars(
                select(Recognition)
                .where(Recognition.uscc == uscc_of(serial))
                .order_by(Recognition.title_rank.desc())
            )
        ).all()
        for _ in range(2):  # told again, nothing is opened twice
            await open_examinations(
                session,
                journal,
                service.clock,
                revoked=revoked,
                others=others,
                finding_number="示例查〔2026〕1号",
                actor=system_actor("registry"),
            )
        return revoked.id, [one.id for one in others]


async def holder_of_two(registry: Registry, serial: int = 1, **changed: Any) -> None:
    await registry.recognised(serial, **changed)
    await registry.recognised(serial, title="provincial_little_giant", **changed)


CONCLUSION = {"reason": "经核查，该称号的申报材料属实。", "document_number": "示例〔2026〕40号"}


async def test_another_title_is_looked_at_once_and_an_officer_concludes(
    registry: Registry,
) -> None:
    await holder_of_two(registry)
    revoked, others = await examined(registry)

    [opened] = await listed(registry.officer(), "/examinations?open=true")
    path = f"/examinations/{opened['id']}/conclusion"
    by_city = await registry.officer("city_office", "520100").post(path, json=CONCLUSION)
    by_another_province = await registry.officer("provincial_office", "530000").post(
        path, json=CONCLUSION
    )
    at_once = await asyncio.gather(
        *(registry.officer().post(path, json=CONCLUSION) for _ in range(2))
    )

    assert (opened["recognition_id"], opened["because_of"]) == (str(others[0]), str(revoked))
    assert (opened["title"], opened["revoked_title"]) == ("srdi_sme", "provincial_little_giant")
    assert (opened["conclusion"], opened["concluded_on"]) == (None, None)
    assert (by_city.status_code, by_another_province.status_code) == (403, 404)
    assert sorted(one.status_code for one in at_once) == [201, 409]
    concluded = next(one.json() for one in at_once if one.status_code == 201)
    assert (concluded["conclusion"], concluded["concluded_on"]) == ("kept", TODAY.isoformat())
    assert {slug(one) for one in at_once if one.status_code == 409} == {"examination-concluded"}
    assert await listed(registry.officer(), "/examinations?open=true") == []
    assert await listed(registry.officer(), "/examinations?open=false") == [concluded]
    steps = [
        one for one in await registry.service.history() if one["subject_type"] == "examination"
    ]
    assert [one["action"] for one in steps] == ["opened", "title_kept"]
    assert await registry.service.chain_is_sound()


async def test_revoking_the_other_title_concludes_its_examination(registry: Registry) -> None:
    await holder_of_two(registry)
    _, others = await examined(registry)

    service = registry.service
    async with saved_together(service.runtime, new_trace()) as (session, journal):
        await conclude_by_revocation(
            session,
            journal,
            revoked=await session.get_one(Recognition, others[0]),
            on=date(2026, 5, 30),
            document_number="示例〔2026〕41号",
            actor=system_actor("registry"),
        )

    [found] = await listed(registry.officer(), "/examinations")
    assert (found["conclusion"], found["concluded_on"]) == ("revoked", "2026-05-30")
    assert found["document_number"] == "示例〔2026〕41号"
    answer = await registry.officer().post(
        f"/examinations/{found['id']}/conclusion", json=CONCLUSION
    )
    assert slug(answer) == "examination-concluded"


async def test_examinations_are_seen_by_the_offices_in_charge(registry: Registry) -> None:
    await holder_of_two(registry, 1)
    await holder_of_two(registry, 2, division="520302")
    await holder_of_two(registry, 3, is_secret_involved=True)
    for serial in (1, 2, 3):
        await examined(registry, serial)

    async def seen(caller: Caller, query: str = "") -> list[str]:
        return sorted(one["uscc"] for one in await listed(caller, f"/examinations{query}"))

    assert await seen(registry.officer()) == sorted(uscc_of(one) for one in (1, 2, 3))
    assert await seen(registry.officer(), "?region=520300") == [uscc_of(2)]
    assert await seen(registry.officer("county_office", "520302")) == [uscc_of(2)]
    assert await seen(registry.officer("city_office", "520100")) == sorted(
        uscc_of(one) for one in (1, 3)
    )
    assert (await itself(registry).get("/examinations")).status_code == 403
    missing = await registry.officer().post(f"/examinations/{new_id()}/conclusion", json=CONCLUSION)
    assert slug(missing) == "examination-not-found"


async def test_what_was_put_down_cannot_be_edited_even_by_the_service(registry: Registry) -> None:
    await registry.recognised()
    await put_down(registry.officer(), "evaluations", evaluation())

    async with registry.service.database.session() as session, session.begin():
        with pytest.raises(DBAPIError, match="permission denied"):
            await session.execute(update(Evaluation).values(agency="另一机构"))
