"""Lists that a city signs and a meeting decides: in one act, all of it or nothing."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.builders.enterprises import uscc_of
from tests.review.conftest import Review, slug


async def test_a_city_signs_a_ranked_list_and_sees_it_beside_the_floor(review: Review) -> None:
    cases = [await review.submitted(serial) for serial in (1, 2, 3)]

    signed = (await review.recommend(cases[2], cases[0])).json()
    later = (await review.recommend(cases[1])).json()
    read = await review.officer("city_office", "520100").get(
        f"/recommendation-lists/{signed['id']}"
    )

    assert [(one["rank"], one["case_id"]) for one in signed["items"]] == [
        (1, cases[2]),
        (2, cases[0]),
    ]
    assert signed["floor"] == {
        "at_least": 20,
        "recommended": 2,
        "is_reached": False,
        "clause": "六(一)",
    }
    assert (later["number"], [one["rank"] for one in later["items"]]) == (2, [3])
    assert later["floor"]["recommended"] == 3
    assert read.json()["items"] == signed["items"]
    history = (await review.case(cases[0]))["history"][-1]
    assert (history["data"]["rank"], history["data"]["document_number"]) == (2, "筑工信〔2026〕8号")


async def test_a_city_below_the_floor_recommends_all_the_same_and_above_it_too(
    review: Review,
) -> None:
    """The floor of twenty is reported and bars nothing (六(一))."""
    cases = [await review.submitted(serial) for serial in range(1, 22)]

    below = (await review.recommend(*cases[:19])).json()["floor"]
    exactly = (await review.recommend(cases[19])).json()["floor"]
    above = (await review.recommend(cases[20])).json()["floor"]

    assert [(one["recommended"], one["is_reached"]) for one in (below, exactly, above)] == [
        (19, False),
        (20, True),
        (21, True),
    ]


async def test_a_list_with_one_wrong_case_recommends_none(review: Review) -> None:
    good, vetoed = (
        await review.submitted(1),
        await review.submitted(2, has_tax_or_dishonesty_record=True),
    )
    elsewhere = await review.submitted(3, division="520302")
    filed = await review.submitted(4, filed_by=("city_office-520100",))
    stranger = str(uuid4())

    answer = await review.recommend(good, vetoed, elsewhere, filed, stranger)
    twice = await review.recommend(good, good)

    assert (answer.status_code, slug(answer)) == (409, "cases-not-ready-for-list")
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/case_ids/1", "veto_stands"),
        ("/case_ids/2", "not_in_round"),
        ("/case_ids/3", "separation_of_duties"),
        ("/case_ids/4", "not_in_round"),
    ]
    assert [one["code"] for one in twice.json()["errors"]] == ["listed_twice"] * 2
    assert (await review.case(good))["stage"] == "city_recommendation"
    assert await review.types() == ["case.received"] * 4


async def test_two_lists_at_once_with_one_case_between_them_recommend_it_once(
    review: Review,
) -> None:
    cases = [await review.submitted(serial) for serial in (1, 2, 3)]

    answers = await asyncio.gather(
        review.recommend(cases[0], cases[1], sub="a"),
        review.recommend(cases[2], cases[1], sub="b"),
        review.recommend(cases[1], cases[0], sub="c"),
    )

    assert sorted(one.status_code for one in answers) == [201, 409, 409]
    [signed] = [one.json() for one in answers if one.status_code == 201]
    assert [one["rank"] for one in signed["items"]] == [1, 2]


async def test_lists_signed_at_once_are_numbered_one_after_the_other(review: Review) -> None:
    cases = [await review.submitted(serial) for serial in range(1, 7)]

    answers = await asyncio.gather(*(review.recommend(one, sub=one) for one in cases))

    assert sorted(one.json()["number"] for one in answers) == [1, 2, 3, 4, 5, 6]
    assert sorted(one.json()["items"][0]["rank"] for one in answers) == [1, 2, 3, 4, 5, 6]


async def test_guian_recommends_like_a_city(review: Review) -> None:
    case_id = await review.submitted(division="520900")

    refused = await review.recommend(case_id, city="520100")
    signed = await review.recommend(case_id, city="520900")

    assert refused.status_code == 409
    assert (signed.json()["region"], signed.json()["floor"]["recommended"]) == ("520900", 1)


async def test_a_list_is_its_citys_and_the_provinces_to_read(review: Review) -> None:
    signed = (await review.recommend(await review.submitted())).json()
    path = f"/recommendation-lists/{signed['id']}"

    seen = {
        region: (await review.officer(office, region).get(path)).status_code
        for office, region in (
            ("city_office", "520100"),
            ("county_office", "520102"),
            ("provincial_office", "520000"),
            ("city_office", "520300"),
            ("county_office", "520302"),
        )
    }
    listed = (await review.officer("city_office", "520300").get("/recommendation-lists")).json()

    assert seen == {"520100": 200, "520102": 404, "520000": 200, "520300": 404, "520302": 404}
    assert listed["items"] == []


async def test_a_meeting_decides_a_list_in_one_act(review: Review) -> None:
    passed, sent_back, refused = [await review.screened(serial) for serial in (1, 2, 3)]
    await review.drawn(passed, sent_back, refused)
    for case_id in (passed, sent_back, refused):
        await review.scored(case_id)
    remark = {"fact_or_document": "audit_report", "text": "缺第4页"}

    answer = await review.officer("decision_meeting").post(
        "/determinations",
        json={
            "meeting": "厅长办公会",
            "held_on": review.service.clock.today().isoformat(),
            "document_number": "纪要〔2026〕8号",
            "items": [
                {"case_id": passed, "decision": "endorse", "reason": "同意"},
                {"case_id": sent_back, "decision": "return", "reason": "补正", "remarks": [remark]},
                {"case_id": refused, "decision": "reject", "reason": "不同意"},
            ],
        },
    )

    assert answer.status_code == 201, answer.text
    states = [(await review.case(one))["status"] for one in (passed, sent_back, refused)]
    assert states == ["awaiting_notice", "returned", "rejected"]
    read = await review.officer("auditor").get(f"/determinations/{answer.json()['id']}")
    assert {one["case_id"] for one in read.json()["items"]} == {passed, sent_back, refused}
    case = await review.case(passed)
    assert case["decisions"][-1]["act_id"] == answer.json()["id"]
    assert case["history"][-1]["data"]["document_number"] == "纪要〔2026〕8号"


async def test_a_meeting_with_one_wrong_case_decides_none(review: Review) -> None:
    ready = await review.evaluated(1)
    early = await review.submitted(2)

    answer = await review.determine(ready, early, str(uuid4()))
    bare = await review.determine(ready, decision="return")
    before = await review.officer("decision_meeting").post(
        "/determinations",
        json={
            "meeting": "厅长办公会",
            "held_on": "1990-01-01",
            "document_number": "x",
            "items": [{"case_id": ready, "decision": "endorse", "reason": "同意"}],
        },
    )
    tomorrow = await review.officer("decision_meeting").post(
        "/determinations",
        json={
            "meeting": "厅长办公会",
            "held_on": "2026-12-31",
            "document_number": "x",
            "items": [{"case_id": ready, "decision": "endorse", "reason": "同意"}],
        },
    )

    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/items/1", "decision_out_of_turn"),
        ("/items/2", "not_in_round"),
    ]
    assert bare.json()["errors"][0]["code"] == "remarks_needed"
    assert (tomorrow.status_code, slug(tomorrow)) == (422, "meeting-in-future")
    assert before.json()["errors"][0]["code"] == "meeting_before_case"
    assert (await review.case(ready))["stage"] == "determination"


async def test_vetoes_are_checked_again_on_the_day_of_the_meeting(review: Review) -> None:
    """What has come up since the recommendation bars the determination (四 不得被推荐)."""
    case_id = await review.evaluated(1)
    returned = await review.determine(
        case_id,
        decision="return",
        remarks=[{"fact_or_document": "has_tax_or_dishonesty_record", "text": "请如实申报"}],
    )
    assert returned.status_code == 201
    await review.submitted(1, number=2, has_tax_or_dishonesty_record=True)
    await review.decide(case_id)
    await review.drawn(case_id)
    await review.scored(case_id)

    answer = await review.determine(case_id)
    rejected = await review.determine(case_id, decision="reject")

    assert answer.json()["errors"][0]["code"] == "veto_stands"
    assert "四.不得推荐.3" in answer.json()["errors"][0]["detail"]
    assert rejected.status_code == 201


async def test_a_meeting_of_many_at_once_determines_each_case_once(review: Review) -> None:
    case_id = await review.evaluated(1)

    answers: list[Any] = await asyncio.gather(
        *(review.determine(case_id, sub=f"secretary-{number}") for number in range(4))
    )

    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert (await review.types()).count("case.advanced") == 4


async def test_the_funnel_counts_each_city_by_stage(review: Review) -> None:
    recommended, _waiting = await review.submitted(1), await review.submitted(2)
    zunyi = await review.submitted(3, division="520302", is_secret_involved=True)
    await review.recommend(recommended)
    await review.recommend(zunyi, city="520300")
    await review.decide(zunyi, decision="reject")

    [whole] = (await review.province.get("/review-statistics")).json()["items"]
    [own] = (await review.officer("city_office", "520100").get("/review-statistics")).json()[
        "items"
    ]

    assert (whole["received"], whole["by_status"]) == (3, {"in_review": 2, "rejected": 1})
    stages = {one["stage"]: one for one in whole["stages"]}
    assert (stages["city_recommendation"]["at_it"], stages["city_recommendation"]["endorsed"]) == (
        1,
        2,
    )
    assert (
        stages["provincial_screening"]["at_it"],
        stages["provincial_screening"]["rejected"],
    ) == (1, 1)
    assert {one["region"]: one["recommended"] for one in whole["cities"]} == {
        "520100": 1,
        "520300": 1,
    }
    assert (own["received"], [one["region"] for one in own["cities"]]) == (2, ["520100"])
    assert uscc_of(3) not in str(whole)


@pytest.mark.parametrize("office", ["enterprise", "evaluator", "finance_office"])
async def test_the_funnel_is_for_the_offices_of_review(review: Review, office: str) -> None:
    answer = await review.service.caller(office, region="520000", uscc=uscc_of(1)).get(
        "/review-statistics"
    )

    assert (answer.status_code, slug(answer)) == (403, "not-allowed")
