"""变更: renames, moves, mergers and splits. What was so on a day stays so, and numbers stay."""

import asyncio
from datetime import date
from typing import Any

from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.services import Caller
from tests.registry.conftest import Registry
from tests.registry.test_recognitions import slug

GUIYANG, ZUNYI = "520100", "520300"
BEGUN = date(2026, 1, 10)
NEW_NAME = "贵州更名后精密有限公司"
CHANGED = "cn.srdi.recognition.changed.v1"


async def change(caller: Caller, serial: int = 1, **said: Any) -> Any:
    body = {
        "kind": "rename",
        "happened_on": "2026-04-01",
        "document_number": "示例变更〔2026〕1号",
    } | said
    return await caller.post(f"/enterprises/{uscc_of(serial)}/changes", json=body)


async def renamed(registry: Registry, name: str, on: str, serial: int = 1) -> Any:
    answer = await change(registry.officer(), serial, new_name=name, happened_on=on)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def on_day(registry: Registry, day: str, serial: int = 1) -> tuple[str, str]:
    """Return what an enterprise was called and where it was on a day."""
    answer = await registry.officer().get(f"/enterprises/{uscc_of(serial)}?as_of={day}")
    return answer.json()["legal_name"], answer.json()["division"]


async def found(registry: Registry, **query: str) -> list[str]:
    answer = await registry.partner.get("/enterprises", params=query)
    assert answer.status_code == 200, answer.text
    return [one["uscc"] for one in answer.json()["items"]]


async def of_type(registry: Registry, kind: str) -> list[Any]:
    return [one for one in await registry.service.events() if one["type"] == kind]


async def test_a_renamed_enterprise_keeps_its_number_and_days_and_is_found_by_both_names(
    registry: Registry,
) -> None:
    recognition_id = await registry.recognised(1, on=BEGUN)
    before = (await registry.partner.get(f"/recognitions/{recognition_id}")).json()

    recorded = await renamed(registry, NEW_NAME, "2026-04-01")

    old_name = facts_of(1)["legal_name"]
    after = (await registry.partner.get(f"/recognitions/{recognition_id}")).json()
    kept = ("certificate_number", "valid_from", "valid_until", "terms", "status")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (recorded["before"], recorded["after"]) == (
        {"legal_name": old_name},
        {"legal_name": NEW_NAME},
    )
    assert await found(registry, q="示例001") == await found(registry, q="更名后") == [uscc_of(1)]
    assert (await on_day(registry, "2026-03-31"))[0] == old_name
    assert (await on_day(registry, "2026-04-01"))[0] == NEW_NAME
    certificate = f"/api/v1/public/certificates/{before['certificate_number']}"
    assert (await registry.service.client.get(certificate)).json()["legal_name"] == NEW_NAME
    [event] = await of_type(registry, CHANGED)
    assert event["partner_data"]["previous_legal_name"] == old_name
    assert event["partner_data"]["legal_name"] == NEW_NAME
    assert (event["data"]["change"], event["data"]["happened_on"]) == ("rename", "2026-04-01")
    assert event["data"]["recognition_id"] == event["data"]["previous_recognition_id"]
    assert (await registry.service.history())[-1]["action"] == "rename_recorded"
    assert await registry.service.chain_is_sound()


async def test_a_rename_that_is_reported_late_touches_no_later_name(registry: Registry) -> None:
    await registry.recognised(1, on=BEGUN)
    await renamed(registry, "贵州第三名有限公司", "2026-05-01")
    announced = len(await registry.service.events())

    recorded = await renamed(registry, "贵州第二名有限公司", "2026-03-01")

    assert recorded["before"]["legal_name"] == facts_of(1)["legal_name"]
    names = [(await on_day(registry, day))[0] for day in ("2026-02-28", "2026-03-01", "2026-05-01")]
    assert names == [facts_of(1)["legal_name"], "贵州第二名有限公司", "贵州第三名有限公司"]
    assert (await registry.partner.get(f"/enterprises/{uscc_of(1)}")).json()["legal_name"] == (
        "贵州第三名有限公司"
    )
    assert await found(registry, q="第二名") == [uscc_of(1)]
    assert len(await registry.service.events()) == announced, "nothing is different today"


async def test_a_later_recognition_under_the_old_name_is_a_rename_back_and_no_earlier_day_moves(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    await renamed(registry, NEW_NAME, "2026-04-01")

    await registry.recognised(1, on=date(2026, 5, 1), title="provincial_little_giant")

    assert (await on_day(registry, "2026-04-30"))[0] == NEW_NAME
    assert (await on_day(registry, "2026-05-01"))[0] == facts_of(1)["legal_name"]


async def test_a_city_moves_inside_itself_and_the_province_between_cities(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    move: dict[str, Any] = {"kind": "move", "happened_on": "2026-03-01"}

    inside = await change(registry.officer("city_office", GUIYANG), **move, new_division="520103")
    by_city = await change(registry.officer("city_office", GUIYANG), **move, new_division="520302")
    by_province = await change(
        registry.officer(), kind="move", happened_on="2026-05-01", new_division="520302"
    )

    assert (inside.status_code, by_province.status_code) == (201, 201)
    assert (by_city.status_code, slug(by_city)) == (422, "change-not-possible")
    days = ("2026-02-28", "2026-03-01", "2026-05-01")
    assert [(await on_day(registry, day))[1] for day in days] == ["520102", "520103", "520302"]
    assert await found(registry, region=GUIYANG) == []
    assert await found(registry, region=ZUNYI) == [uscc_of(1)]
    regions = [one["data"]["previous_region"] for one in await of_type(registry, CHANGED)]
    assert regions == ["520102", "520103"]
    assert (
        await change(registry.officer("city_office", GUIYANG), new_name="甲")
    ).status_code == 404


async def test_a_city_does_not_rewrite_where_an_enterprise_was_before_it_came(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN, applying_division="520302")
    await change(registry.officer(), kind="move", happened_on="2026-05-01", new_division="520102")

    refused = await change(
        registry.officer("city_office", GUIYANG),
        kind="move",
        happened_on="2026-02-01",
        new_division="520103",
    )

    assert (refused.status_code, slug(refused)) == (422, "change-not-possible")
    assert (await on_day(registry, "2026-04-30"))[1] == "520302"


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"kind": "move", "new_division": "530102"}, "unknown-division"),
    ({"kind": "move", "new_division": "520199"}, "unknown-division"),
    # What lies in the province and in no city would be counted in none.
    ({"kind": "move", "new_division": "520000"}, "unknown-division"),
    ({"kind": "move", "new_division": "520102"}, "change-not-possible"),
    ({"kind": "move"}, "change-not-possible"),
    ({"kind": "rename"}, "change-not-possible"),
    ({"new_name": "贵州示例001精密制造有限公司"}, "change-not-possible"),
    ({"new_name": NEW_NAME, "happened_on": "2026-06-02"}, "change-not-possible"),
    ({"new_name": NEW_NAME, "reported_on": "2026-06-02"}, "change-not-possible"),
    ({"new_name": NEW_NAME, "reported_on": "2026-03-31"}, "change-not-possible"),
    ({"new_name": NEW_NAME, "other_uscc": uscc_of(2)}, "change-not-possible"),
    ({"kind": "merger"}, "change-not-possible"),
    ({"kind": "split"}, "change-not-possible"),
    ({"kind": "merger", "other_uscc": uscc_of(1)}, "change-not-possible"),
    ({"kind": "merger", "other_uscc": f" {uscc_of(1).lower()} "}, "change-not-possible"),
    ({"kind": "merger", "other_uscc": "91520900MA6J6CBN9R"}, "credit-code-not-valid"),
    ({"kind": "merger", "successor_uscc": uscc_of(2)}, "change-not-possible"),
    ({"kind": "merger", "successor_name": "甲"}, "change-not-possible"),
    (
        {"kind": "split", "successor_uscc": uscc_of(1).lower(), "successor_name": "甲"},
        "change-not-possible",
    ),
    (
        {
            "kind": "merger",
            "successor_uscc": uscc_of(2),
            "successor_name": "甲",
            "other_uscc": uscc_of(3),
        },
        "change-not-possible",
    ),
    (
        {
            "kind": "merger",
            "successor_uscc": uscc_of(2),
            "successor_name": "甲",
            "happened_on": BEGUN.isoformat(),
        },
        "change-not-possible",
    ),
    ({"new_name": "   "}, "malformed-request"),
]


async def test_a_change_that_cannot_be_is_refused_by_name_and_leaves_nothing(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    written = len(await registry.service.history())

    for said, problem in IMPOSSIBLE:
        refused = await change(registry.officer(), **said)
        assert refused.status_code == 422, said
        assert slug(refused) == problem, said

    path = f"/enterprises/{uscc_of(1)}/changes"
    assert (await registry.officer().get(path)).json()["items"] == []
    assert len(await registry.service.history()) == written
    assert await found(registry) == [uscc_of(1)]


async def test_who_takes_another_in_or_splits_one_off_keeps_its_titles(registry: Registry) -> None:
    recognition_id = await registry.recognised(1, on=BEGUN)

    merged = await change(
        registry.officer("city_office", GUIYANG), kind="merger", other_uscc=uscc_of(2).lower()
    )
    split = await change(registry.officer(), kind="split", other_uscc=uscc_of(3), new_name=NEW_NAME)

    assert (merged.status_code, split.status_code) == (201, 201)
    assert (merged.json()["other_uscc"], merged.json()["after"]) == (uscc_of(2), {})
    assert (await registry.verified(1))["code"] == "valid"
    assert (await registry.verified(2))["code"] == "never_recognised"
    [event] = await of_type(registry, CHANGED)
    assert (event["data"]["change"], event["data"]["recognition_id"]) == ("split", recognition_id)


async def test_a_change_is_reported_within_three_months_by_the_national_rules_in_force(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    due = {
        "2022-07-31": None,
        "2022-08-01": "2022-11-01",
        "2023-11-30": "2024-02-29",
        "2024-02-29": "2024-05-29",
        "2025-11-30": "2026-02-28",
        "2026-03-31": "2026-06-30",
        "2026-04-01": "2026-07-01",
    }

    recorded = {day: await renamed(registry, f"贵州{day}有限公司", day) for day in due}

    assert {day: one["report_due_on"] for day, one in recorded.items()} == due
    clauses = {day: one["duty_clause"] for day, one in recorded.items()}
    assert clauses == {day: last and "第三章" for day, last in due.items()}
    late = {day for day, one in recorded.items() if one["is_late"]}
    assert late == {day for day, last in due.items() if last and last < "2026-06-01"}


async def test_what_an_enterprise_did_not_report_is_watched_and_its_report_is_put_down_once(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    await registry.recognised(2, on=BEGUN, applying_division="520302")
    late = await renamed(registry, NEW_NAME, "2026-02-28")
    await change(registry.officer(), 2, new_name=NEW_NAME, reported_on="2026-04-02")
    watched = "/enterprise-changes?is_reported=false"
    path = f"/enterprise-changes/{late['id']}/report"
    guiyang = registry.officer("city_office", GUIYANG)
    is_late = {}
    for day in (date(2026, 5, 28), date(2026, 5, 29)):
        registry.service.clock.move_to_day(day)
        [one] = (await guiyang.get(watched)).json()["items"]
        is_late[day.day] = one["is_late"]

    early = await guiyang.post(path, json={"reported_on": "2026-02-27"})
    to_come = await guiyang.post(path, json={"reported_on": "2026-05-30"})
    elsewhere = await registry.officer("city_office", ZUNYI).post(
        path, json={"reported_on": "2026-05-28"}
    )
    put_down = await asyncio.gather(
        *(guiyang.post(path, json={"reported_on": "2026-05-28"}) for _ in range(3))
    )

    assert is_late == {28: False, 29: True}
    assert (early.status_code, to_come.status_code, elsewhere.status_code) == (422, 422, 404)
    assert sorted(one.status_code for one in put_down) == [201, 409, 409]
    reported = next(one.json() for one in put_down if one.status_code == 201)
    assert (reported["reported_on"], reported["is_late"]) == ("2026-05-28", False)
    assert (await guiyang.get(watched)).json()["items"] == []
    everything = (await registry.officer().get("/enterprise-changes?is_reported=true")).json()
    assert [one["uscc"] for one in everything["items"]] == [uscc_of(2), uscc_of(1)]
    due = "/enterprise-changes?due_before=2026-05-29"
    assert [one["uscc"] for one in (await registry.officer().get(due)).json()["items"]] == [
        uscc_of(1)
    ]


async def test_offices_of_the_division_record_changes_and_nobody_else(registry: Registry) -> None:
    await registry.recognised(1, on=BEGUN)
    callers = {
        "county": registry.officer("county_office", "520102"),
        "itself": registry.service.caller("enterprise", uscc=uscc_of(1)),
        "partner": registry.partner,
        "other city": registry.officer("city_office", ZUNYI),
        "other province": registry.officer(region="530000"),
        "own city": registry.officer("city_office", GUIYANG),
    }

    answers = {
        name: (await change(caller, new_name=NEW_NAME)).status_code
        for name, caller in callers.items()
    }
    unknown = await change(registry.officer(), 9, new_name=NEW_NAME)
    by_city = await change(
        callers["own city"], kind="merger", successor_uscc=uscc_of(2), successor_name="甲"
    )

    assert answers == {
        "county": 403,
        "itself": 403,
        "partner": 403,
        "other city": 404,
        "other province": 404,
        "own city": 201,
    }
    assert (unknown.status_code, slug(unknown)) == (404, "enterprise-not-found")
    assert (by_city.status_code, slug(by_city)) == (422, "change-not-possible")
    path = f"/enterprises/{uscc_of(1)}/changes"
    assert (await callers["itself"].get(path)).status_code == 200
    assert (await callers["other city"].get(path)).status_code == 404
