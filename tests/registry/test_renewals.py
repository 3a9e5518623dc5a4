"""复核: what is due on which day, who is called on, and when a title may end for want of renewal."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.contracts.applications import ApplicationWithdrawn
from tests.builders.enterprises import facts_of, uscc_of
from tests.registry.conftest import Registry
from tests.registry.test_figures import itself, slug
from tests.registry.test_over_time import rejected, restored

GUIYANG, ZUNYI = "520100", "520300"
BEGUN = date(2023, 6, 20)
ENDS = date(2026, 6, 19)


async def duties(registry: Registry, query: str = "") -> list[tuple[str, str | None]]:
    items = (await registry.officer().get(f"/renewal-duties{query}")).json()["items"]
    return [(one["uscc"], one["stage"]) for one in items]


async def called(registry: Registry, **said: Any) -> Any:
    body = {
        "code": "2026-F1",
        "region": "520000",
        "title": "srdi_sme",
        "ends_from": "2026-06-01",
        "ends_until": "2026-06-30",
        "materials_due_on": "2026-07-31",
        "document_number": "示例复核〔2026〕1号",
    } | said
    return await registry.officer().post("/renewal-rounds", json=body)


async def withdrawn(registry: Registry, serial: int, application_id: UUID) -> None:
    facts = facts_of(serial)
    await registry.service.deliver(
        "applications",
        ApplicationWithdrawn(
            uscc=facts["uscc"],
            region=facts["applying_division"],
            is_secret=False,
            application_id=application_id,
            round_code="2029-1",
            title="srdi_sme",
            reason="企业撤回（示例）",
        ),
    )


async def outcomes(registry: Registry, round_id: str) -> dict[str, str]:
    items = (await registry.officer().get(f"/renewal-rounds/{round_id}/members")).json()["items"]
    return {one["uscc"]: one["outcome"] for one in items}


async def end(registry: Registry, recognition_id: str, ground: str, on: date | None = None) -> Any:
    return await registry.revoke(
        recognition_id,
        ground=ground,
        finding_number=None,
        decided_on=(on or registry.today).isoformat(),
    )


async def test_a_duty_is_six_three_and_one_months_ahead_on_the_very_days(
    registry: Registry,
) -> None:
    # The term ends on 29 February 2028, on 31 August 2026, on 30 November 2026.
    begins = {1: date(2025, 3, 1), 2: date(2023, 9, 1), 3: date(2023, 12, 1)}
    for serial, on in begins.items():
        await registry.recognised(serial, on=on)
    six, three, one, over = ("within_6_months", "within_3_months", "within_1_month", "over")
    turns = {
        1: {
            date(2027, 8, 28): None,
            date(2027, 8, 29): six,
            date(2027, 11, 28): six,
            date(2027, 11, 29): three,
            date(2028, 1, 28): three,
            date(2028, 1, 29): one,
            date(2028, 2, 29): one,
            date(2028, 3, 1): over,
        },
        2: {
            date(2026, 2, 28): None,
            date(2026, 3, 1): six,
            date(2026, 5, 30): six,
            date(2026, 5, 31): three,
            date(2026, 7, 30): three,
            date(2026, 7, 31): one,
            date(2026, 8, 31): one,
            date(2026, 9, 1): over,
        },
        3: {
            date(2026, 5, 29): None,
            date(2026, 5, 30): six,
            date(2026, 8, 30): three,
            date(2026, 10, 30): one,
            date(2026, 12, 1): over,
        },
    }
    months = {six: {6}, three: {6, 3}, one: {6, 3, 1}, over: {6, 3, 1}, None: set()}

    for serial, days in turns.items():
        for day, stage in days.items():
            registry.service.clock.move_to_day(day)
            within = {
                number: dict(await duties(registry, f"?within_months={number}")).get(
                    uscc_of(serial)
                )
                for number in (6, 3, 1)
            }
            assert {number for number, known in within.items() if known} == months[stage], day
            assert {known for known in within.values() if known} <= {stage}


async def test_duties_are_filtered_by_place_title_and_end_and_none_is_lost_by_a_missed_night(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    await registry.recognised(2, on=date(2021, 1, 1), applying_division="520302")
    await registry.recognised(3, on=BEGUN + timedelta(days=1), title="provincial_little_giant")
    await registry.recognised(4, on=date(2025, 1, 1))
    gone = await registry.recognised(5, on=BEGUN)
    await end(registry, gone, "voluntary")
    queries = {
        "": [2, 1, 3],
        "?region=520300": [2],
        "?region=520102&title=srdi_sme": [1],
        "?title=provincial_little_giant": [3],
        "?due_before=2026-06-20": [2, 1],
        "?due_before=2026-06-19": [2],
        # Asked for by its end, also what is early is listed.
        "?due_before=2028-01-01": [2, 1, 3, 4],
        "?within_months=1": [2, 1, 3],
        "?within_months=1&due_before=2026-06-20": [2, 1],
        "?within_months=6&due_before=2030-01-01": [2, 1, 3],
        "?region=520900": [],
    }

    for query, serials in queries.items():
        assert [code for code, _ in await duties(registry, query)] == [
            uscc_of(serial) for serial in serials
        ], query

    unknown = await registry.officer().get("/renewal-duties?within_months=2")
    first = (await registry.officer().get("/renewal-duties?limit=2")).json()
    second = (await registry.officer().get(f"/renewal-duties?after={first['next']}")).json()
    assert unknown.status_code == 422
    assert [one["uscc"] for one in second["items"]] == [uscc_of(3)]
    registry.service.clock.move_to_day(date(2031, 1, 1))
    assert {code for code, _ in await duties(registry)} == {uscc_of(one) for one in (1, 2, 3, 4)}


async def test_a_round_calls_on_whose_term_ends_in_its_window_and_on_nobody_else(
    registry: Registry,
) -> None:
    first = await registry.recognised(1, on=BEGUN)
    await registry.recognised(2, on=BEGUN, is_secret_involved=True)
    await registry.recognised(3, on=BEGUN + timedelta(days=30))
    await registry.recognised(4, on=BEGUN, title="provincial_little_giant")
    await registry.recognised(5, on=BEGUN, applying_division="520302")
    gone = await registry.recognised(6, on=BEGUN)
    await end(registry, gone, "voluntary")
    before = len(await registry.service.events())

    opened = await called(
        registry, region=GUIYANG, ends_from=ENDS.isoformat(), ends_until=ENDS.isoformat()
    )

    assert opened.status_code == 201
    counts = {"not_submitted": 2, "under_review": 0, "passed": 0, "failed": 0, "ended": 0}
    assert opened.json()["counts"] == counts
    events = (await registry.service.events())[before:]
    assert {one["type"] for one in events} == {"cn.srdi.renewal.called.v1"}
    shown = {one["data"]["uscc"]: one["partner_data"] for one in events}
    assert shown[uscc_of(2)] is None
    assert shown[uscc_of(1)]["materials_due_on"] == "2026-07-31"
    assert shown[uscc_of(1)]["recognition_id"] == first
    round_id = opened.json()["id"]
    assert await outcomes(registry, round_id) == {
        uscc_of(serial): "not_submitted" for serial in (1, 2)
    }
    assert (await registry.service.history())[-1]["data"]["called"] == 2
    path = f"/renewal-rounds/{round_id}"
    seen = {
        "own": (await itself(registry, 1).get(path)).json()["counts"]["not_submitted"],
        "county": (await registry.officer("county_office", "520103").get(path)).json()["counts"][
            "not_submitted"
        ],
        "not called": (await itself(registry, 3).get(path)).status_code,
        "other city": (await registry.officer("city_office", ZUNYI).get(path)).status_code,
        "partner": (await registry.partner.get(path)).status_code,
    }
    assert seen == {"own": 1, "county": 0, "not called": 404, "other city": 404, "partner": 403}
    listed = (await itself(registry, 1).get("/renewal-rounds")).json()["items"]
    assert [one["id"] for one in listed] == [round_id]
    assert (await itself(registry, 3).get("/renewal-rounds")).json()["items"] == []
    members = (await itself(registry, 1).get(f"{path}/members")).json()["items"]
    assert [one["uscc"] for one in members] == [uscc_of(1)]


async def test_a_round_that_cannot_be_is_refused_by_name(registry: Registry) -> None:
    await registry.recognised(1, on=BEGUN)
    assert (await called(registry)).status_code == 201
    refusals = {
        "same code": (await called(registry), 409, "renewal-round-code-taken"),
        "nobody": (await called(registry, code="F2", region="520300"), 409, "nobody-to-renew"),
        "turned round": (
            await called(registry, code="F2", ends_until="2026-05-31"),
            422,
            "term-not-possible",
        ),
        "due yesterday": (
            await called(registry, code="F2", materials_due_on="2026-05-31"),
            422,
            "term-not-possible",
        ),
        "not in charge": (await called(registry, code="F2", region="530000"), 403, "not-allowed"),
    }

    elsewhere = await called(registry, region=GUIYANG)

    for name, (refused, status, problem) in refusals.items():
        assert (refused.status_code, slug(refused)) == (status, problem), name
    assert elsewhere.status_code == 201, "a code is taken once in its division"
    by_city = await registry.officer("city_office", GUIYANG).post("/renewal-rounds", json={})
    assert by_city.status_code == 403


async def test_what_became_of_everybody_is_counted_and_listed_page_by_page(
    registry: Registry,
) -> None:
    for serial in range(1, 9):
        await registry.recognised(serial, on=BEGUN)
    round_id = (await called(registry)).json()["id"]
    day = date(2026, 6, 5)
    filed = {serial: await registry.renewal_filed(serial, day) for serial in range(2, 8)}
    registry.service.clock.move_to_day(date(2026, 7, 10))
    await registry.recognised(3, on=date(2026, 7, 10), kind="renewal", application_id=filed[3])
    for serial in (4, 6):
        await registry.service.deliver("review", rejected(serial, filed[serial]))
    await withdrawn(registry, 5, filed[5])
    await registry.service.deliver("review", restored(6, filed[6]))
    given_up = (await registry.officer().get(f"/enterprises/{uscc_of(8)}")).json()
    await end(registry, given_up["recognitions"][0]["id"], "voluntary")

    found = (await registry.officer().get(f"/renewal-rounds/{round_id}")).json()["counts"]
    listed: list[str] = []
    path, after = f"/renewal-rounds/{round_id}/members?limit=3", ""
    while after is not None:
        page = (await registry.officer().get(f"{path}{after and '&after='}{after}")).json()
        listed += [one["uscc"] for one in page["items"]]
        after = page["next"]

    told = await outcomes(registry, round_id)
    assert told == {
        uscc_of(1): "not_submitted",
        uscc_of(2): "under_review",
        uscc_of(3): "passed",
        uscc_of(4): "failed",
        uscc_of(5): "not_submitted",
        uscc_of(6): "under_review",
        uscc_of(7): "under_review",
        uscc_of(8): "ended",
    }
    assert found == {
        "not_submitted": 2,
        "under_review": 3,
        "passed": 1,
        "failed": 1,
        "ended": 1,
    }
    assert sorted(listed) == sorted(told)
    assert len(listed) == 8


async def test_what_was_filed_for_an_earlier_term_says_nothing_of_this_one(
    registry: Registry,
) -> None:
    recognition_id = await registry.recognised(1, on=BEGUN)
    refused = await registry.renewal_filed(1, date(2026, 2, 1))
    await registry.service.deliver("review", rejected(1, refused))
    second = await registry.renewal_filed(1, date(2026, 6, 2))
    registry.service.clock.move_to_day(date(2026, 6, 10))
    await registry.recognised(1, on=date(2026, 6, 10), kind="renewal", application_id=second)
    registry.service.clock.move_to_day(date(2029, 6, 20))

    round_id = (
        await called(
            registry,
            ends_from="2029-06-01",
            ends_until="2029-06-30",
            materials_due_on="2029-06-20",
        )
    ).json()["id"]
    too_early = await end(registry, recognition_id, "renewal_not_submitted")
    registry.service.clock.move_to_day(date(2029, 6, 21))
    failed = await end(registry, recognition_id, "renewal_failed")
    over = await end(registry, recognition_id, "renewal_not_submitted")

    assert await outcomes(registry, round_id) == {uscc_of(1): "ended"}
    assert (too_early.status_code, slug(too_early)) == (409, "renewal-still-open")
    assert (failed.status_code, slug(failed)) == (409, "renewal-still-open")
    assert over.status_code == 200


async def test_a_title_ends_for_want_of_material_once_the_term_and_the_time_for_it_are_over(
    registry: Registry,
) -> None:
    recognition_id = await registry.recognised(1, on=BEGUN)
    await called(registry, materials_due_on="2026-07-31")
    clock, ground = registry.service.clock, "renewal_not_submitted"
    answers = {}
    for day in (date(2026, 6, 19), date(2026, 6, 20), date(2026, 7, 31)):
        clock.move_to_day(day)
        answers[day] = slug(await end(registry, recognition_id, ground))
    clock.move_to_day(date(2026, 8, 1))
    answers[date(2026, 8, 2)] = slug(await end(registry, recognition_id, "renewal_failed"))
    backdated = await end(registry, recognition_id, ground, on=date(2026, 7, 31))

    over = await end(registry, recognition_id, ground)

    assert set(answers.values()) == {"renewal-still-open"}, answers
    assert (backdated.status_code, slug(backdated)) == (409, "renewal-still-open")
    assert over.json()["revocation"]["ground"] == ground
    event = (await registry.service.events())[-1]
    assert (event["data"]["recovers_rewards"], event["data"]["exclusion_until"]) == (False, None)


async def test_a_title_whose_renewal_is_under_review_ends_on_no_ground_of_renewal(
    registry: Registry,
) -> None:
    recognition_id = await registry.recognised(1, on=BEGUN)
    # Filed before the window opened, and still undecided long after the term.
    application_id = await registry.renewal_filed(1, date(2025, 12, 1))
    registry.service.clock.move_to_day(date(2026, 9, 1))
    state = await registry.verified(1)

    under_review = [
        await end(registry, recognition_id, ground)
        for ground in ("renewal_failed", "renewal_not_submitted")
    ]
    await registry.service.deliver("review", rejected(1, application_id))
    not_submitted = await end(registry, recognition_id, "renewal_not_submitted")
    before_the_end = await end(registry, recognition_id, "renewal_failed", on=ENDS)
    failed = await end(registry, recognition_id, "renewal_failed")

    assert state["code"] == "awaiting_renewal"
    assert [slug(one) for one in under_review] == ["renewal-still-open"] * 2
    assert slug(not_submitted) == slug(before_the_end) == "renewal-still-open"
    assert failed.json()["status"] == "revoked"


async def test_what_is_filed_by_the_day_that_a_round_gave_is_in_time(registry: Registry) -> None:
    await registry.recognised(1, on=BEGUN)
    await registry.recognised(2, on=BEGUN)
    await registry.recognised(3, on=BEGUN, title="provincial_little_giant")
    before = registry.service.clock.now()
    registry.service.clock.move_to_day(date(2026, 6, 2))
    await called(registry)
    registry.service.clock.move_to_day(date(2026, 9, 1))
    filed = [
        await registry.renewal_filed(1, date(2026, 7, 31)),
        await registry.renewal_filed(2, date(2026, 8, 1)),
        await registry.renewal_filed(3, date(2026, 7, 31), "provincial_little_giant"),
    ]

    titles = ["srdi_sme", "srdi_sme", "provincial_little_giant"]
    awaited = [
        (await registry.verified(serial, title=title))["code"]
        for serial, title in enumerate(titles, start=1)
    ]
    for serial, (application_id, title) in enumerate(zip(filed, titles, strict=True), start=1):
        await registry.announced(
            serial, on=registry.today, kind="renewal", application_id=application_id, title=title
        )
    begins = [
        (await registry.verified(serial, title=title))["valid_from"]
        for serial, title in enumerate(titles, start=1)
    ]
    as_it_was = await registry.partner.get(
        f"/enterprises/{uscc_of(1)}",
        params={"as_of": "2026-08-15", "as_known_at": before.isoformat()},
    )

    assert awaited == ["awaiting_renewal", "lapsed", "lapsed"], "it called on the one title alone"
    assert begins == ["2026-06-20", "2026-09-01", "2026-09-01"]
    assert as_it_was.json()["recognitions"][0]["status"] == "lapsed"


async def test_a_title_may_be_given_up_at_any_time(registry: Registry) -> None:
    recognition_id = await registry.recognised(1, on=BEGUN)
    await registry.renewal_filed(1, date(2026, 5, 1))
    await called(registry)

    given_up = await end(registry, recognition_id, "voluntary")

    assert given_up.json()["status"] == "revoked"
    assert (await registry.verified(1, on=ENDS + timedelta(days=1)))["code"] == "revoked"


async def test_a_round_whose_window_holds_the_renewed_term_too_counts_what_was_called(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=BEGUN)
    round_id = (await called(registry, ends_until="2030-12-31")).json()["id"]
    filed = await registry.renewal_filed(1, registry.today)

    await registry.recognised(1, on=registry.today, kind="renewal", application_id=filed)

    assert await outcomes(registry, round_id) == {uscc_of(1): "passed"}
