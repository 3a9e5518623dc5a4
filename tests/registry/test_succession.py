"""承继: a merger or a split after which another enterprise goes on with the titles."""

import asyncio
from datetime import date
from typing import Any

from services.registry.repository import EnterpriseRepository
from tests.builders.enterprises import facts_of, uscc_of
from tests.registry.conftest import Registry
from tests.registry.test_changes import (
    BEGUN,
    CHANGED,
    GUIYANG,
    NEW_NAME,
    change,
    found,
    of_type,
    on_day,
    renamed,
)
from tests.registry.test_recognitions import national, slug


async def taken_over(
    registry: Registry, serial: int = 1, by: int = 2, on: str = "2026-04-01", **said: Any
) -> Any:
    """Let another enterprise go on with the titles of one."""
    return await change(
        registry.officer(),
        serial,
        **{"kind": "merger", "happened_on": on, "successor_name": f"贵州承继{by}有限公司"} | said,
        successor_uscc=uscc_of(by),
    )


async def test_a_successor_goes_on_with_number_and_terms_from_its_day_on(
    registry: Registry,
) -> None:
    first = await registry.recognised(1, on=BEGUN)
    before = (await registry.partner.get(f"/recognitions/{first}")).json()

    recorded = await taken_over(registry)

    assert recorded.status_code == 201
    assert recorded.json()["after"] == {"holder": uscc_of(2)}
    [event] = await of_type(registry, CHANGED)
    following = (
        await registry.partner.get(f"/recognitions/{event['data']['recognition_id']}")
    ).json()
    kept = ("certificate_number", "valid_from", "valid_until", "title")
    assert {name: following[name] for name in kept} == {name: before[name] for name in kept}
    assert (following["held_from"], following["status"]) == ("2026-04-01", "valid")
    assert following["legal_name"] == "贵州承继2有限公司"
    assert event["data"]["previous_recognition_id"] == first
    assert event["partner_data"]["previous_uscc"] == uscc_of(1)
    codes = {
        day: [
            (await registry.verified(serial, on=date.fromisoformat(day)))["code"]
            for serial in (1, 2)
        ]
        for day in ("2026-01-09", "2026-03-31", "2026-04-01", "2029-01-09", "2029-01-10")
    }
    assert codes == {
        "2026-01-09": ["never_recognised", "never_recognised"],
        "2026-03-31": ["valid", "never_recognised"],
        "2026-04-01": ["lapsed", "valid"],
        "2029-01-09": ["lapsed", "renewal_due"],
        "2029-01-10": ["lapsed", "lapsed"],
    }
    told = [(one["uscc"], one["action"]) for one in (await registry.service.history())[1:]]
    assert sorted(told) == sorted([(uscc_of(1), "merger_recorded"), (uscc_of(2), "taken_over")])
    shown = await registry.service.client.get(
        f"/api/v1/public/certificates/{before['certificate_number']}"
    )
    assert (shown.json()["uscc"], shown.json()["status"]) == (uscc_of(2), "valid")
    assert await registry.service.chain_is_sound()


async def test_whoever_held_a_title_is_listed_in_the_state_that_it_is_shown_in(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    await taken_over(registry)

    for status in ("valid", "renewal_due", "awaiting_renewal", "lapsed", "revoked"):
        everyone = (await registry.partner.get("/enterprises")).json()["items"]
        shown = [one["uscc"] for one in everyone if one["recognitions"][0]["status"] == status]
        assert await found(registry, status=status) == shown, status


async def test_what_went_over_is_revoked_in_the_successors_hands_alone(registry: Registry) -> None:
    first = await registry.recognised(1, on=BEGUN)
    await taken_over(registry)
    held = (await registry.officer().get(f"/enterprises/{uscc_of(2)}")).json()["recognitions"]

    of_predecessor = await registry.revoke(first, ground="voluntary", finding_number=None)
    too_early = await registry.revoke(
        held[0]["id"], ground="voluntary", finding_number=None, decided_on="2026-03-31"
    )
    of_successor = await registry.revoke(held[0]["id"], ground="voluntary", finding_number=None)

    assert (of_predecessor.status_code, too_early.status_code) == (404, 422)
    assert of_successor.json()["status"] == "revoked"
    shown = (await registry.officer().get(f"/recognitions/{first}")).json()
    assert [one["enabled"] for one in shown["available_actions"]] == [False]


async def test_a_successor_that_holds_the_title_itself_takes_over_nothing(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    await registry.officer().post("/recognitions", json=national(1, valid_from="2026-01-10"))
    await registry.recognised(2, on=BEGUN)
    events = len(await registry.service.events())

    refused = await taken_over(registry)

    assert (refused.status_code, slug(refused)) == (409, "successor-holds-title")
    assert len(await registry.service.events()) == events
    assert (await registry.verified(1, title="national_little_giant"))["code"] == "valid"
    path = f"/enterprises/{uscc_of(1)}/changes"
    assert (await registry.officer().get(path)).json()["items"] == []


async def test_of_two_mergers_at_once_into_one_enterprise_one_brings_the_title(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    await registry.recognised(3, on=BEGUN, applying_division="520302")

    answers = await asyncio.gather(taken_over(registry, 1), taken_over(registry, 3))
    crossed = await asyncio.gather(
        taken_over(registry, 2, by=4, on="2026-05-01"),
        taken_over(registry, 2, by=5, on="2026-05-01"),
    )

    assert sorted(one.status_code for one in answers) == [201, 409]
    # The second finds nothing that it could hand on.
    assert sorted(one.status_code for one in crossed) == [201, 422]
    held = [(await registry.verified(serial))["code"] for serial in (2, 4, 5)]
    assert sorted(held) == ["lapsed", "never_recognised", "valid"]


async def test_a_title_is_found_by_the_name_of_who_held_it_before(registry: Registry) -> None:
    await registry.recognised(1, on=BEGUN)
    await renamed(registry, NEW_NAME, "2026-02-01")
    await registry.recognised(9, on=BEGUN, is_secret_involved=True)
    await taken_over(registry)
    await taken_over(registry, 2, by=3, on="2026-05-01")
    await taken_over(registry, 9, by=10)
    await renamed(registry, "贵州再更名有限公司", "2026-05-02", serial=3)
    anyone = registry.service.anyone()

    async def public(q: str) -> list[str]:
        answer = await anyone.get("/api/v1/public/enterprises", params={"q": q})
        return [one["uscc"] for one in answer.json()["items"]]

    names = [facts_of(1)["legal_name"], NEW_NAME, "贵州承继2有限公司", "贵州承继3有限公司"]
    assert [await public(name) for name in [*names, "贵州再更名"]] == [[uscc_of(3)]] * 5
    assert await public(facts_of(9)["legal_name"]) == []
    assert await found(registry, q=names[0]) == sorted(uscc_of(one) for one in (1, 2, 3))
    of_secret = await registry.officer().get(
        "/enterprises", params={"q": facts_of(9)["legal_name"]}
    )
    assert len(of_secret.json()["items"]) == 2
    as_successor = await registry.officer().post(
        "/recognitions",
        json=national(3, legal_name=facts_of(1)["legal_name"], valid_from="2026-05-10"),
    )
    assert slug(as_successor) == "name-differs"


async def test_who_holds_nothing_any_more_has_no_successor(registry: Registry) -> None:
    first = await registry.recognised(1, on=BEGUN)
    await registry.revoke(first, ground="voluntary", finding_number=None)
    await registry.recognised(3, on=BEGUN)
    await taken_over(registry, 3, by=4)

    answers = [await taken_over(registry, 1), await taken_over(registry, 3, by=5, on="2026-05-01")]

    for refused in answers:
        assert (refused.status_code, slug(refused)) == (422, "change-not-possible")
        assert "不持有称号" in refused.json()["detail"]
    path = f"/enterprises/{uscc_of(1)}/changes"
    assert (await registry.officer().get(path)).json()["items"] == []
    assert (await registry.officer().get(f"/enterprises/{uscc_of(2)}")).status_code == 404


async def test_a_successor_that_is_being_made_elsewhere_is_waited_for_and_stays_secret(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    service = registry.service
    async with service.database.session() as other, other.begin():
        await EnterpriseRepository(other).create(
            uscc=uscc_of(2),
            legal_name="涉密",
            names_searched="涉密",
            division="520302",
            is_secret=True,
            now=service.clock.now(),
        )
        merging = asyncio.create_task(taken_over(registry))
        await asyncio.wait({merging}, timeout=0.7)
        was_waiting = not merging.done()

    assert was_waiting
    assert (await merging).status_code == 201
    assert (await registry.verified(2))["code"] == "never_recognised", "it is secret to outsiders"
    known = (await registry.officer().get(f"/enterprises/{uscc_of(2)}")).json()
    assert (known["legal_name"], known["division"]) == ("涉密", "520302")


async def test_a_merger_that_is_recorded_late_rewrites_no_name_of_the_successor(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    await registry.recognised(2, on=BEGUN, title="provincial_little_giant")
    await renamed(registry, NEW_NAME, "2026-05-01", serial=2)
    await change(
        registry.officer(), 2, kind="move", happened_on="2026-05-01", new_division="520302"
    )

    await taken_over(registry, on="2026-03-01")

    assert await on_day(registry, "2026-04-30", 2) == (facts_of(2)["legal_name"], "520102")
    assert await on_day(registry, "2026-05-01", 2) == (NEW_NAME, "520302")


async def test_what_a_secret_firm_held_stays_secret_with_its_successor(registry: Registry) -> None:
    recognition_id = await registry.recognised(1, on=BEGUN, is_secret_involved=True)
    number = (await registry.officer().get(f"/recognitions/{recognition_id}")).json()[
        "certificate_number"
    ]

    recorded = await taken_over(registry)

    assert recorded.status_code == 201
    assert [one["partner_data"] for one in await registry.service.events()] == [None, None]
    assert (await registry.verified(2))["code"] == "never_recognised"
    assert await found(registry) == []
    certificate = await registry.service.client.get(f"/api/v1/public/certificates/{number}")
    assert certificate.status_code == 404
    city = registry.officer("city_office", GUIYANG)
    assert (await city.get(f"/enterprises/{uscc_of(2)}")).status_code == 200


async def test_a_renewal_that_is_under_way_goes_on_with_the_successor(registry: Registry) -> None:
    """Filed by the one, decided for the one, and what it brings is the other's."""
    await registry.recognised(1, on=date(2023, 5, 8))
    registry.service.clock.move_to_day(date(2026, 4, 1))
    filed = await registry.renewal_filed(1, date(2026, 3, 1))
    await taken_over(registry, on="2026-04-01")

    awaited = await registry.verified(2, on=date(2026, 5, 20))
    registry.service.clock.move_to_day(date(2026, 6, 20))
    await registry.announced(1, on=date(2026, 6, 20), kind="renewal", application_id=filed)
    passed = await registry.verified(2, on=date(2026, 6, 20))
    left_behind = await registry.verified(1, on=date(2026, 6, 20))

    assert (awaited["code"], awaited["is_valid"]) == ("awaiting_renewal", False)
    assert (passed["code"], passed["valid_from"], passed["valid_until"]) == (
        "valid",
        "2026-05-08",
        "2029-05-07",
    )
    assert passed["certificate_number"] == awaited["certificate_number"]
    assert left_behind["code"] == "lapsed"
    assert await registry.service.chain_is_sound()


async def test_material_that_was_in_time_stays_so_when_the_title_goes_over_later(
    registry: Registry,
) -> None:
    """Both by the end of the term, and by the day that a round gave to who held it then."""
    await registry.recognised(1, on=date(2023, 5, 8))
    await registry.recognised(3, on=date(2023, 5, 8))
    clock = registry.service.clock
    clock.move_to_day(date(2026, 4, 1))
    filed = {1: await registry.renewal_filed(1, date(2026, 5, 7))}
    await registry.officer().post(
        "/renewal-rounds",
        json={
            "code": "2026-F1",
            "region": "520000",
            "title": "srdi_sme",
            "ends_from": "2026-05-07",
            "ends_until": "2026-05-07",
            "materials_due_on": "2026-05-31",
            "document_number": "示例复核〔2026〕1号",
        },
    )
    filed[3] = await registry.renewal_filed(3, date(2026, 5, 31))
    clock.move_to_day(date(2026, 7, 1))
    for serial in (1, 3):
        await taken_over(registry, serial, by=serial + 1, on="2026-06-15")

    awaited = [(await registry.verified(serial))["code"] for serial in (2, 4)]
    listed = await found(registry, status="awaiting_renewal")
    for serial in (1, 3):
        await registry.announced(
            serial, on=registry.today, kind="renewal", application_id=filed[serial]
        )

    assert awaited == ["awaiting_renewal", "awaiting_renewal"]
    assert listed == sorted(uscc_of(serial) for serial in (2, 4))
    begins = [(await registry.verified(serial))["valid_from"] for serial in (2, 4)]
    assert begins == ["2026-05-08", "2026-05-08"]
