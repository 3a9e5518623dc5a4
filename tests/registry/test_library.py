"""培育库: who enters a city's library and who leaves it, day by day."""

import asyncio
from datetime import date, time
from typing import Any

import pytest

from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.services import Caller
from tests.registry.conftest import Registry
from tests.registry.test_figures import codes, itself, report, slug

GUIYANG, ZUNYI = "520100", "520300"


def city(registry: Registry, region: str = GUIYANG) -> Caller:
    return registry.officer("city_office", region)


def entry(serial: int = 1, **changed: Any) -> dict[str, Any]:
    body = {
        "legal_name": facts_of(serial)["legal_name"],
        "division": "520102",
        "focus_field": "advanced_equipment",
        "reason": "符合市级培育方案（示例）。",
        "entered_on": "2026-05-01",
    } | changed
    return {name: value for name, value in body.items() if value is not None}


async def enter(
    caller: Caller, serial: int = 1, *, if_match: str | None = None, **changed: Any
) -> Any:
    return await caller.ask(
        "PUT",
        f"/cultivation-library/{uscc_of(serial)}",
        json=entry(serial, **changed),
        headers={} if if_match is None else {"If-Match": if_match},
    )


async def leave(caller: Caller, serial: int = 1, left_on: str = "2026-05-20") -> Any:
    return await caller.post(
        f"/cultivation-library/{uscc_of(serial)}/departure",
        json={"reason": "不再符合培育方案（示例）。", "left_on": left_on},
    )


async def members(caller: Caller, query: str = "") -> list[str]:
    answer = await caller.get(f"/cultivation-library{query}")
    assert answer.status_code == 200, answer.text
    return [one["uscc"] for one in answer.json()["items"]]


async def test_a_city_takes_in_an_enterprise_that_nobody_knew(registry: Registry) -> None:
    entered = await enter(city(registry))
    again = await enter(city(registry), entered_on="2026-05-31", reason="重复登记。")

    nobody_left = await enter(city(registry), 2, if_match='"1"')

    assert (entered.status_code, again.status_code) == (201, 200)
    assert (nobody_left.status_code, slug(nobody_left)) == (412, "stale")
    assert entered.json() == again.json()
    assert entered.json()["is_member"] is True
    [step] = entered.json()["steps"]
    assert (step["city"], step["step"], step["on_day"]) == (GUIYANG, "entered", "2026-05-01")
    known = (await city(registry).get(f"/enterprises/{uscc_of(1)}")).json()
    assert (known["legal_name"], known["division"]) == (facts_of(1)["legal_name"], "520102")
    assert known["recognitions"] == []
    [entry_of_history] = await registry.service.history()
    assert (entry_of_history["subject_type"], entry_of_history["action"]) == (
        "library_step",
        "entered",
    )
    assert entry_of_history["clause"] == "六(一)"
    assert await registry.service.chain_is_sound()


async def test_of_two_entries_at_once_one_is_made(registry: Registry) -> None:
    answers = await asyncio.gather(*(enter(city(registry)) for _ in range(4)))

    assert sorted(one.status_code for one in answers) == [200, 200, 200, 201]
    found = (await city(registry).get(f"/cultivation-library/{uscc_of(1)}")).json()
    assert len(found["steps"]) == 1


async def test_of_two_entries_at_once_under_two_names_the_second_is_told_the_first(
    registry: Registry,
) -> None:
    answers = await asyncio.gather(
        enter(city(registry), legal_name="贵州甲有限公司"),
        enter(city(registry), legal_name="贵州乙有限公司"),
    )

    assert sorted(one.status_code for one in answers) == [201, 409]
    made = next(one.json() for one in answers if one.status_code == 201)
    refused = next(one for one in answers if one.status_code == 409)
    assert slug(refused) == "name-differs"
    assert made["legal_name"] in refused.json()["detail"]


@pytest.mark.parametrize(
    ("changed", "refused_as", "told"),
    [
        ({"legal_name": "贵州另一有限公司"}, "name-differs", "贵州示例001精密制造有限公司"),
        ({"division": "520103"}, "enterprise-in-other-division", "变更登记"),
        ({"focus_field": "health_medicine"}, "focus-field-differs", "advanced_equipment"),
    ],
)
async def test_one_that_is_known_is_neither_renamed_nor_moved(
    registry: Registry, changed: dict[str, Any], refused_as: str, told: str
) -> None:
    await registry.recognised()

    refused = await enter(city(registry), **changed)
    as_it_is = await enter(city(registry), legal_name=" 贵州示例００１精密制造 有限公司")

    assert (refused.status_code, slug(refused)) == (409, refused_as)
    assert told in refused.json()["detail"]
    assert as_it_is.status_code == 201
    known = (await city(registry).get(f"/enterprises/{uscc_of(1)}")).json()
    assert known["legal_name"] == facts_of(1)["legal_name"]
    assert (known["division"], known["focus_field"]) == ("520102", "advanced_equipment")


async def test_a_field_that_nobody_knew_is_put_down_from_that_day(registry: Registry) -> None:
    await registry.recognised(focus_field=None)

    entered = await enter(city(registry), entered_on="2026-06-01")

    assert entered.json()["focus_field"] == "advanced_equipment"
    assert await members(city(registry), "?focus_field=advanced_equipment") == [uscc_of(1)]
    assert await members(city(registry), "?focus_field=health_medicine") == []


async def test_what_is_wrong_is_named(registry: Registry) -> None:
    wrong_code = await city(registry).ask(
        "PUT", "/cultivation-library/91520900MA6J6CBN9R", json=entry()
    )
    unknown_field = await enter(city(registry), focus_field="space")
    of_the_province = await enter(registry.officer(), division="520000")
    of_former_days = await enter(city(registry, "520500"), division="520522")
    tomorrow = await enter(city(registry), entered_on="2026-06-02")
    today = await enter(city(registry), entered_on="2026-06-01")
    extra = await city(registry).ask(
        "PUT", f"/cultivation-library/{uscc_of(2)}", json=entry(2) | {"city": ZUNYI}
    )

    assert (wrong_code.status_code, slug(wrong_code)) == (422, "credit-code-not-valid")
    assert (unknown_field.status_code, slug(unknown_field)) == (422, "focus-field-unknown")
    assert codes(unknown_field) == {"/focus_field": "not_an_option"}
    assert (of_the_province.status_code, slug(of_the_province)) == (422, "unknown-division")
    assert (of_former_days.status_code, slug(of_former_days)) == (422, "unknown-division")
    assert codes(tomorrow) == {"/entered_on": "to_come"}
    assert today.status_code == 201
    assert (extra.status_code, slug(extra)) == (422, "unknown-field")


async def test_a_library_is_its_own_citys_business(registry: Registry) -> None:
    await enter(city(registry), 1)
    await enter(city(registry, ZUNYI), 2, division="520302")
    await enter(registry.officer(), 3)

    assert (await enter(city(registry, ZUNYI), 4)).status_code == 403
    assert (await enter(registry.officer("county_office", "520102"), 4)).status_code == 403
    assert (await enter(itself(registry, 4), 4)).status_code == 403
    assert await members(city(registry)) == sorted(uscc_of(one) for one in (1, 3))
    assert await members(city(registry, ZUNYI)) == [uscc_of(2)]
    assert await members(city(registry, ZUNYI), "?region=520100") == []
    assert await members(registry.officer()) == sorted(uscc_of(one) for one in (1, 2, 3))
    assert await members(registry.officer(), "?region=520300") == [uscc_of(2)]
    assert await members(registry.officer(), "?region=520103") == []
    assert await members(registry.officer("auditor")) == sorted(uscc_of(one) for one in (1, 2, 3))
    for caller in (city(registry, ZUNYI), itself(registry, 2)):
        hidden = await caller.get(f"/cultivation-library/{uscc_of(1)}")
        assert (hidden.status_code, slug(hidden)) == (404, "library-entry-not-found")
    assert (await leave(city(registry, ZUNYI))).status_code == 404
    assert (await itself(registry).get(f"/cultivation-library/{uscc_of(1)}")).status_code == 200
    assert (await itself(registry).get("/cultivation-library")).status_code == 403


async def test_a_secret_enterprise_is_in_its_own_citys_library_and_nobody_else_learns_of_it(
    registry: Registry,
) -> None:
    await registry.recognised(is_secret_involved=True)

    elsewhere = await enter(city(registry, ZUNYI), division="520302")
    at_home = await enter(city(registry))

    # As of any other that is not here: nothing says that there is one, nor where, nor of which kind.
    assert (elsewhere.status_code, slug(elsewhere)) == (409, "enterprise-in-other-division")
    assert "520" not in elsewhere.json()["detail"]
    assert facts_of(1)["legal_name"] not in elsewhere.text
    assert at_home.status_code == 201
    assert await members(city(registry)) == [uscc_of(1)]
    assert await members(registry.officer()) == [uscc_of(1)]
    assert await members(registry.officer("auditor", "530000")) == []


async def test_one_leaves_on_a_day_and_may_come_back(registry: Registry) -> None:
    await enter(city(registry))

    too_early = await leave(city(registry), left_on="2026-04-30")
    tomorrow = await leave(city(registry), left_on="2026-06-02")
    left = await leave(city(registry))
    again = await leave(city(registry))
    read = (await city(registry).get(f"/cultivation-library/{uscc_of(1)}")).headers["ETag"]
    unread = await enter(city(registry), entered_on="2026-05-25")
    stale = await enter(city(registry), entered_on="2026-05-25", if_match='"1"')
    before_it_left = await enter(city(registry), entered_on="2026-05-19", if_match=read)
    back = await enter(city(registry), entered_on="2026-05-25", if_match=read)
    twice = await enter(city(registry), entered_on="2026-05-25", if_match=read)

    assert (too_early.status_code, slug(too_early)) == (409, "library-day-not-possible")
    assert codes(tomorrow) == {"/left_on": "to_come"}
    assert left.status_code == 201
    assert left.json()["is_member"] is False
    assert (again.status_code, slug(again)) == (409, "library-not-member")
    assert (before_it_left.status_code, slug(before_it_left)) == (409, "library-day-not-possible")
    assert (unread.status_code, slug(unread)) == (428, "precondition-required")
    assert (stale.status_code, slug(stale)) == (412, "stale")
    assert (back.status_code, twice.status_code) == (201, 412)
    assert (left.headers["ETag"], read, back.headers["ETag"]) == ('"2"', '"2"', '"3"')
    on_days = {
        day: await members(city(registry), f"?on={day}")
        for day in ("2026-04-30", "2026-05-01", "2026-05-19", "2026-05-20", "2026-05-24")
    }
    assert on_days == {
        "2026-04-30": [],
        "2026-05-01": [uscc_of(1)],
        "2026-05-19": [uscc_of(1)],
        "2026-05-20": [],
        "2026-05-24": [],
    }
    assert await members(city(registry)) == [uscc_of(1)]
    found = (await registry.officer().get(f"/cultivation-library/{uscc_of(1)}")).json()
    assert [(one["step"], one["on_day"]) for one in found["steps"]] == [
        ("entered", "2026-05-01"),
        ("left", "2026-05-20"),
        ("entered", "2026-05-25"),
    ]
    assert [one["action"] for one in await registry.service.history()] == [
        "entered",
        "left",
        "entered",
    ]


async def test_who_enters_and_leaves_on_one_day_was_no_member_on_it(registry: Registry) -> None:
    await enter(city(registry), entered_on="2024-02-29")

    left = await leave(city(registry), left_on="2024-02-29")

    assert left.status_code == 201
    assert await members(city(registry), "?on=2024-02-29") == []


async def test_of_two_departures_at_once_one_counts(registry: Registry) -> None:
    await enter(city(registry))

    answers = await asyncio.gather(*(leave(city(registry)) for _ in range(3)))

    assert sorted(one.status_code for one in answers) == [201, 409, 409]


async def test_the_day_is_that_of_the_province(registry: Registry) -> None:
    registry.service.clock.move_to_day(date(2026, 6, 1), time(23, 50))
    tomorrow = await enter(city(registry), entered_on="2026-06-02")
    registry.service.clock.move_to_day(date(2026, 6, 2), time(0, 5))

    today = await enter(city(registry), entered_on="2026-06-02")

    assert (tomorrow.status_code, today.status_code) == (422, 201)


async def test_a_library_is_listed_page_by_page(registry: Registry) -> None:
    for serial in (1, 2, 3):
        await enter(city(registry), serial)

    first = (await city(registry).get("/cultivation-library?limit=2")).json()
    second = (
        await city(registry).get(f"/cultivation-library?limit=2&after={first['next']}")
    ).json()
    broken = await city(registry).get("/cultivation-library?after=nonsense")

    assert [one["uscc"] for one in first["items"] + second["items"]] == sorted(
        uscc_of(serial) for serial in (1, 2, 3)
    )
    assert second["next"] is None
    assert (broken.status_code, slug(broken)) == (422, "cursor-invalid")


async def test_a_member_without_a_title_reports_by_the_law_in_force(registry: Registry) -> None:
    await enter(city(registry))

    reported = await report(itself(registry), rd_expense="1.00")

    assert reported.status_code == 201
    assert reported.json()["policy_pack"] == "guizhou/2021-05-06"
