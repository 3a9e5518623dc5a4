"""The stages of review: whose turn it is, what may be decided, and what everybody is told."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.contracts.applications import SizeDetermined
from tests.builders.enterprises import uscc_of
from tests.review.conftest import NATIONAL, Review, slug


async def test_a_submission_opens_a_case_at_the_city_with_its_last_day(review: Review) -> None:
    case_id = await review.submitted()

    case = (await review.officer("city_office", "520100").get(f"/review-cases/{case_id}")).json()

    assert (case["stage"], case["status"], case["office"]) == (
        "city_recommendation",
        "in_review",
        "city_office",
    )
    # Fifteen working days after 10 March 2026, none of them a holiday.
    assert case["due_on"] == "2026-03-31"
    assert [one["action"] for one in case["available_actions"] if one["enabled"]] == [
        "return",
        "reject",
        "recommend",
        "assign",
    ]
    assert await review.types() == ["case.received"]


async def test_the_same_submission_read_twice_makes_one_case(review: Review) -> None:
    first = await review.submitted()
    second = await review.submitted()

    assert first == second


async def test_a_case_of_another_division_is_not_there(review: Review) -> None:
    case_id = await review.submitted(division="520102")
    nowhere = review.service.caller("city_office")
    strangers = [
        review.officer("city_office", "520300"),
        review.officer("county_office", "520103"),
        review.officer("expert"),
    ]

    seen = [(await one.get(f"/review-cases/{case_id}")).status_code for one in strangers]
    decided = await review.decide(case_id, "city_office", "520300")
    listed = (await strangers[0].get("/review-cases")).json()["items"]

    assert seen == [404, 404, 404]
    assert (await nowhere.get(f"/review-cases/{case_id}")).status_code == 403
    assert (decided.status_code, slug(decided)) == (404, "review-case-not-found")
    assert listed == []


async def test_an_enterprise_has_no_part_in_review(review: Review) -> None:
    case_id = await review.submitted()

    answer = await review.service.caller("enterprise", uscc=uscc_of(1)).get(
        f"/review-cases/{case_id}"
    )

    assert (answer.status_code, slug(answer)) == (403, "not-allowed")


async def test_a_decision_out_of_turn_changes_nothing(review: Review) -> None:
    case_id = await review.submitted()

    early = await review.decide(case_id, "provincial_office")
    outside = await review.decide(case_id, "county_office", "520102")
    alone = await review.decide(case_id, "city_office", "520100")

    assert (early.status_code, slug(early)) == (409, "decision-out-of-turn")
    assert (outside.status_code, slug(outside)) == (403, "office-not-in-route")
    assert (alone.status_code, slug(alone)) == (409, "act-not-at-this-stage")
    assert "/recommendation-lists" in alone.json()["detail"]
    assert await review.types() == ["case.received"]


async def test_every_office_in_turn_leads_to_the_notice(review: Review) -> None:
    case_id = await review.determined()

    case = (await review.province.get(f"/review-cases/{case_id}")).json()

    assert (case["stage"], case["status"]) == ("public_notice", "awaiting_notice")
    assert case["due_on"] is None
    assert [one["stage"] for one in case["decisions"]] == [
        "city_recommendation",
        "provincial_screening",
        "expert_evaluation",
        "determination",
    ]
    assert [one["action"] for one in case["history"]] == [
        "received",
        "decided:endorse",
        "decided:endorse",
        "draw_committed",
        "panel_drawn",
        *["scored"] * 3,
        "decided:endorse",
        "decided:endorse",
    ]
    assert case["history"][1]["clause"] == "六(一)"
    assert await review.types() == ["case.received", *["case.advanced"] * 4]
    assert await review.service.chain_is_sound()


async def test_one_person_does_not_decide_two_stages(review: Review) -> None:
    case_id = await review.submitted()
    await review.recommend(case_id, sub="same-person")

    refused = await review.decide(case_id, sub="same-person")

    assert (refused.status_code, slug(refused)) == (409, "separation-of-duties")
    assert "city_recommendation" in refused.json()["detail"]


async def test_a_return_says_what_to_correct_and_comes_back_to_the_same_office(
    review: Review,
) -> None:
    case_id = await review.submitted()
    await review.recommend(case_id)

    bare = await review.decide(case_id, "provincial_office", decision="return")
    unknown = await review.decide(
        case_id,
        "provincial_office",
        decision="return",
        remarks=[{"fact_or_document": "colour", "text": "请核对"}],
    )
    returned = await review.decide(
        case_id,
        "provincial_office",
        decision="return",
        remarks=[{"fact_or_document": "total_liabilities", "text": "与审计报告不一致"}],
    )
    meanwhile = await review.decide(case_id, "provincial_office")
    await review.submitted(number=2, total_liabilities="23000000.00")
    case = (await review.province.get(f"/review-cases/{case_id}")).json()

    assert (slug(bare), slug(unknown)) == ("remarks-needed", "remarks-needed")
    assert unknown.json()["errors"][0]["pointer"] == "/remarks/0/fact_or_document"
    assert returned.json()["status"] == "returned"
    assert (meanwhile.status_code, slug(meanwhile)) == (409, "review-case-not-open")
    assert (case["stage"], case["status"]) == ("provincial_screening", "in_review")
    assert case["facts"]["total_liabilities"] == "23000000.00"
    assert (await review.decide(case_id, "provincial_office")).status_code == 201


async def test_a_return_names_a_document_as_well_as_a_fact(review: Review) -> None:
    case_id = await review.submitted()
    asked = {"fact_or_document": "audit_report", "text": "缺第4页，请重新上传"}
    never_asked = {"fact_or_document": "credit_report", "text": "请补交"}

    unknown = await review.decide(
        case_id, "city_office", "520100", decision="return", remarks=[asked, never_asked]
    )
    returned = await review.decide(
        case_id, "city_office", "520100", decision="return", remarks=[asked]
    )

    assert slug(unknown) == "remarks-needed"
    assert [one["pointer"] for one in unknown.json()["errors"]] == ["/remarks/1/fact_or_document"]
    assert returned.json()["status"] == "returned"
    assert returned.json()["decisions"][0]["remarks"] == [asked]


async def test_a_veto_that_has_come_up_bars_recommendation_and_determination(
    review: Review,
) -> None:
    case_id = await review.submitted(has_tax_or_dishonesty_record=True)

    recommended = await review.recommend(case_id)
    offered = (
        await review.officer("city_office", "520100").get(f"/review-cases/{case_id}")
    ).json()["available_actions"]
    rejected = await review.decide(case_id, "city_office", "520100", decision="reject")

    assert (recommended.status_code, slug(recommended)) == (409, "cases-not-ready-for-list")
    [error] = recommended.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/case_ids/0", "veto_stands")
    assert "四.不得推荐.3" in error["detail"]
    assert {one["action"]: one["enabled"] for one in offered} == {
        "return": True,
        "reject": True,
        "recommend": False,
        "assign": True,
    }
    assert rejected.json()["status"] == "rejected"
    assert await review.types() == ["case.received", "case.rejected"]


async def test_two_officers_at_once_make_one_decision(review: Review) -> None:
    case_id = await review.submitted()
    await review.recommend(case_id)

    answers = await asyncio.gather(
        *(review.decide(case_id, sub=f"officer-{number}") for number in range(4))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert await review.types() == ["case.received", "case.advanced", "case.advanced"]


async def test_a_withdrawal_ends_a_case_and_bars_its_refusal_from_being_set_aside(
    review: Review,
) -> None:
    first, second = await review.submitted(1), await review.submitted(2)
    await review.decide(second, "city_office", "520100", decision="reject")
    for serial in (1, 2):
        await review.withdrawn(serial)

    states = [
        (await review.province.get(f"/review-cases/{case_id}")).json()["status"]
        for case_id in (first, second)
    ]

    assert states == ["withdrawn", "withdrawn"]
    rejection = (await review.case(second))["decisions"][0]["id"]
    answer = await review.officer("provincial_office", sub="reviser").post(
        f"/review-cases/{second}/set-asides",
        json={"decision_id": rejection, "reason": "决定有误", "document_number": "更〔2026〕1号"},
    )
    assert (answer.status_code, slug(answer)) == (409, "review-case-not-open")


async def test_the_queue_is_filtered_and_overdue_is_computed(review: Review) -> None:
    late = await review.submitted(1)
    review.service.clock.move_to_day(date(2026, 4, 2))
    await review.submitted(2, division="520302")

    overdue = (await review.province.get("/review-cases?due_before=2026-04-02")).json()["items"]
    zunyi = (await review.province.get("/review-cases?region=520300")).json()["items"]
    misspelt = await review.province.get("/review-cases?regoin=520300")

    assert [one["id"] for one in overdue] == [late]
    assert overdue[0]["is_overdue"] is True
    assert [one["applying_division"] for one in zunyi] == ["520302"]
    assert (misspelt.status_code, slug(misspelt)) == (422, "unknown-filter")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"decision": "approve", "reason": "符合条件"}, "malformed-request"),
        ({"decision": "endorse"}, "malformed-request"),
        ({"decision": "endorse", "reason": "符合", "score": 5}, "unknown-field"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_by_name(
    review: Review, body: dict[str, Any], problem: str
) -> None:
    case_id = await review.submitted()

    answer = await review.officer("city_office", "520100").post(
        f"/review-cases/{case_id}/decisions", json=body
    )

    assert (answer.status_code, slug(answer)) == (422, problem)


async def test_a_national_pack_sends_every_case_past_the_site_inspector(review: Review) -> None:
    """The stages are the pack's: another law, another route, the same service."""
    case_id = await review.screened(pack=NATIONAL)
    inspector = review.officer("site_inspector")

    not_yet = await inspector.get(f"/review-cases/{case_id}")
    await review.drawn(case_id, purpose="site_visits")
    theirs = await inspector.get("/work-list")

    assert not_yet.status_code == 404
    assert [(one["stage"], one["phase"]) for one in theirs.json()["items"]] == [
        ("site_visit", "visiting")
    ]


async def test_officers_see_a_size_that_was_determined_and_by_what_law(review: Review) -> None:
    case_id = await review.submitted(
        size_determination=SizeDetermined(
            size="medium",
            legal_basis="国家另有规定：示例",
            determined_by="provincial-officer",
            determined_at=datetime(2026, 3, 9, tzinfo=UTC),
        )
    )

    case = (await review.province.get(f"/review-cases/{case_id}")).json()

    assert case["size_determination"] == {
        "size": "medium",
        "legal_basis": "国家另有规定：示例",
        "determined_by": "provincial-officer",
        "determined_at": "2026-03-09T00:00:00Z",
    }


@pytest.mark.parametrize(
    ("office", "region"),
    [
        ("city_office", "520102"),
        ("city_office", "520000"),
        ("provincial_office", "520100"),
        ("provincial_office", "000000"),
    ],
)
async def test_an_office_decides_only_at_its_own_level(
    review: Review, office: str, region: str
) -> None:
    case_id = await review.submitted()

    refused = await review.decide(case_id, office, region)

    assert (refused.status_code, slug(refused)) == (403, "not-allowed")


async def test_who_filed_an_application_decides_nothing_about_it(review: Review) -> None:
    case_id = await review.submitted(filed_by=("zhang", "li"))

    refused = await review.decide(case_id, "city_office", "520100", "reject", sub="zhang")
    listed = await review.recommend(case_id, sub="li")

    assert (refused.status_code, slug(refused)) == (409, "separation-of-duties")
    assert listed.json()["errors"][0]["code"] == "separation_of_duties"


async def test_an_enterprise_that_moves_to_another_city_is_recommended_by_that_one(
    review: Review,
) -> None:
    case_id = await review.submitted()
    await review.recommend(case_id)
    await review.decide(
        case_id,
        "provincial_office",
        decision="return",
        remarks=[{"fact_or_document": "applying_division", "text": "请核对"}],
    )

    await review.submitted(number=2, division="520302")

    case = (await review.province.get(f"/review-cases/{case_id}")).json()
    assert (case["stage"], case["applying_division"]) == ("city_recommendation", "520302")
    assert case["decisions"][0]["set_aside"]["cause"] == "correction"
    assert (await review.recommend(case_id, city="520300")).status_code == 201
