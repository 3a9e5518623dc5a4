"""Corrections that overtake approvals, mistakes that are set aside, work that is handed on."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.contracts.applications import SizeDetermined
from tests.builders.enterprises import uscc_of
from tests.builders.services import as_owner
from tests.review.conftest import Review, slug


async def set_aside(
    review: Review, case_id: str, decision_id: str, sub: str = "reviser", **body: Any
) -> Any:
    return await review.officer("provincial_office", sub=sub).post(
        f"/review-cases/{case_id}/set-asides",
        json={
            "decision_id": decision_id,
            "reason": "决定有误，予以撤销",
            "document_number": "更正〔2026〕1号",
            **body,
        },
    )


async def decision_at(review: Review, case_id: str, stage: str) -> str:
    decisions = (await review.case(case_id))["decisions"]
    return str([one for one in decisions if one["stage"] == stage][-1]["id"])


async def returned_by_the_meeting(review: Review, fact: str, **changed: Any) -> str:
    case_id = await review.evaluated(1, documents={"audit_report": "a" * 64}, **changed)
    answer = await review.determine(
        case_id, decision="return", remarks=[{"fact_or_document": fact, "text": "请更正"}]
    )
    assert answer.status_code == 201, answer.text
    return case_id


async def test_a_material_correction_sets_the_approvals_aside_that_it_overtakes(
    review: Review,
) -> None:
    case_id = await returned_by_the_meeting(review, "total_liabilities")

    await review.submitted(
        1, number=2, documents={"audit_report": "a" * 64}, total_liabilities="25000000.00"
    )
    case = await review.case(case_id)

    assert (case["stage"], case["status"]) == ("provincial_screening", "in_review")
    fate = {one["stage"]: one["set_aside"] for one in case["decisions"]}
    # The city recommended the enterprise; what was examined is examined again.
    assert fate["city_recommendation"] is None
    assert fate["provincial_screening"]["cause"] == "correction"
    assert fate["expert_evaluation"]["cause"] == "correction"
    assert "total_liabilities" in fate["provincial_screening"]["reason"]
    received = case["history"][-1]
    assert received["data"]["material_changes"] == ["total_liabilities"]
    assert received["data"]["set_aside"] == ["provincial_screening", "expert_evaluation"]


async def test_a_new_document_is_looked_at_again(review: Review) -> None:
    case_id = await returned_by_the_meeting(review, "audit_report")

    await review.submitted(1, number=2, documents={"audit_report": "b" * 64})

    case = await review.case(case_id)
    assert case["stage"] == "provincial_screening"
    assert case["documents"][0]["sha256"] == "b" * 64


async def test_a_correction_of_what_nobody_approved_comes_back_to_the_meeting(
    review: Review,
) -> None:
    case_id = await returned_by_the_meeting(review, "net_profit")

    await review.submitted(
        1, number=2, documents={"audit_report": "a" * 64}, net_profit="1000000.00"
    )

    case = await review.case(case_id)
    assert (case["stage"], case["status"]) == ("determination", "in_review")
    assert [one["set_aside"] for one in case["decisions"]] == [None] * 4
    assert (await review.determine(case_id)).status_code == 201


async def test_a_mistaken_rejection_is_set_aside_and_the_case_goes_on_from_there(
    review: Review,
) -> None:
    case_id = await review.submitted()
    await review.recommend(case_id)
    await review.decide(case_id, decision="reject")
    before = (await review.case(case_id))["history"]

    answer = await set_aside(
        review, case_id, await decision_at(review, case_id, "provincial_screening")
    )

    assert answer.status_code == 201, answer.text
    case = await review.case(case_id)
    assert (case["stage"], case["status"], case["office"]) == (
        "provincial_screening",
        "in_review",
        "provincial_office",
    )
    assert [one["hash"] for one in case["history"][: len(before)]] == [
        one["hash"] for one in before
    ]
    assert case["history"][-1]["data"]["document_number"] == "更正〔2026〕1号"
    assert case["decisions"][-1]["set_aside"]["set_aside_by"] == "reviser"
    assert (await review.types())[-1] == "case.restored"
    assert (await review.decide(case_id)).status_code == 201
    assert await review.service.chain_is_sound()


async def test_what_was_decided_after_a_mistake_falls_with_it(review: Review) -> None:
    case_id = await review.determined()
    notice = await review.on_notice(case_id)

    answer = await set_aside(
        review, case_id, await decision_at(review, case_id, "provincial_screening")
    )

    case = answer.json()
    assert (case["stage"], case["notice_id"]) == ("provincial_screening", None)
    assert {one["stage"] for one in case["decisions"] if one["set_aside"]} == {
        "provincial_screening",
        "expert_evaluation",
        "determination",
    }
    review.service.clock.move_to_day(date(2026, 3, 16))
    assert (
        await review.service.anyone().get(f"/api/v1/public/notices/{notice['id']}")
    ).status_code == 404
    # It is decided anew at every stage, by a panel that is drawn anew.
    await review.decide(case_id)
    await review.drawn(case_id)
    await review.scored(case_id)
    assert (await review.determine(case_id)).status_code == 201


async def test_a_sustained_objection_that_was_a_mistake_is_open_again(review: Review) -> None:
    case_id = await review.determined()
    notice = await review.on_notice(case_id)
    review.service.clock.move_to_day(date(2026, 3, 16))
    filed = await review.service.anyone().post(
        f"/api/v1/public/notices/{notice['id']}/objections",
        json={
            "uscc": uscc_of(1),
            "objector": {"kind": "person", "name": "王明", "contact": "0851-00000000"},
            "facts": "营业收入不实。",
            "evidence": ["纳税申报表"],
        },
    )
    review.service.clock.move_to_day(date(2026, 3, 26))
    path = f"/objections/{filed.json()['id']}"
    await review.province.post(f"{path}/resolution", json={"sustained": True, "reason": "情况属实"})

    answer = await set_aside(review, case_id, await decision_at(review, case_id, "public_notice"))
    held = await review.province.post(
        f"/notices/{notice['id']}/recognition",
        json={"document_number": "x1", "decided_on": "2026-03-26"},
    )
    again = await review.province.post(
        f"{path}/resolution", json={"sustained": False, "reason": "复核不实"}
    )
    await review.officer("provincial_office", sub="another").post(
        f"{path}/resolution", json={"sustained": False, "reason": "复核不实"}
    )
    recognised = await review.province.post(
        f"/notices/{notice['id']}/recognition",
        json={"document_number": "x1", "decided_on": "2026-03-26"},
    )

    assert answer.json()["status"] == "on_notice"
    undone = [
        one for one in (await review.case(case_id))["history"] if one["action"] == "set_aside"
    ]
    assert undone[0]["data"]["reopened_objections"] == [filed.json()["number"]]
    assert (held.status_code, slug(held)) == (409, "nothing-to-recognise")
    # Whoever was mistaken does not judge it again.
    assert (again.status_code, slug(again)) == (409, "separation-of-duties")
    assert recognised.json()["recognised"] == [case_id]


async def test_a_recognition_is_never_undone_here(review: Review) -> None:
    case_id = await review.determined()
    notice = await review.on_notice(case_id)
    review.service.clock.move_to_day(date(2026, 3, 24))
    await review.province.post(
        f"/notices/{notice['id']}/recognition",
        json={"document_number": "x1", "decided_on": "2026-03-24"},
    )

    answer = await set_aside(review, case_id, await decision_at(review, case_id, "determination"))

    assert (answer.status_code, slug(answer)) == (409, "review-case-not-open")


async def test_a_decision_is_set_aside_once_by_somebody_else_and_never_a_return(
    review: Review,
) -> None:
    case_id = await review.submitted()
    await review.recommend(case_id)
    await review.decide(case_id, decision="reject", sub="decider")
    rejection = await decision_at(review, case_id, "provincial_screening")

    own = await set_aside(review, case_id, rejection, sub="decider")
    unknown = await set_aside(review, case_id, str(uuid4()))
    first = await set_aside(review, case_id, rejection)
    again = await set_aside(review, case_id, rejection)
    await review.decide(
        case_id,
        decision="return",
        remarks=[{"fact_or_document": "total_assets", "text": "请核对"}],
    )
    returned = await set_aside(
        review, case_id, await decision_at(review, case_id, "provincial_screening")
    )
    await review.submitted(number=2)
    a_return = await set_aside(
        review, case_id, await decision_at(review, case_id, "provincial_screening")
    )

    assert (own.status_code, slug(own)) == (409, "separation-of-duties")
    assert (unknown.status_code, slug(unknown)) == (404, "decision-not-found")
    assert first.status_code == 201
    assert (again.status_code, slug(again)) == (409, "decision-set-aside")
    assert (returned.status_code, slug(returned)) == (409, "review-case-not-open")
    assert (a_return.status_code, slug(a_return)) == (409, "decision-stands")


async def test_a_refused_case_does_not_come_back_beside_another_that_stands(review: Review) -> None:
    refused = await review.submitted(1)
    await review.decide(refused, "city_office", "520100", "reject")
    rejection = await decision_at(review, refused, "city_recommendation")
    del review.applications[1]
    await review.submitted(1)

    answer = await set_aside(review, refused, rejection)

    assert (answer.status_code, slug(answer)) == (409, "another-case-stands")


async def test_a_turn_is_handed_to_one_officer_with_its_trail(review: Review) -> None:
    case_id = await review.submitted()
    await review.recommend(case_id)
    head = review.officer("provincial_office", sub="head")
    path = f"/review-cases/{case_id}/assignments"

    given = await head.post(path, json={"to": "wang", "reason": "分管领域"})
    by_another = await review.decide(case_id, sub="li")
    anew = await head.post(path, json={"to": "li", "reason": "王休假，由李代办"})
    by_first = await review.decide(case_id, sub="wang")
    decided = await review.decide(case_id, sub="li")

    assert given.json()["assigned_to"] == "wang"
    assert (by_another.status_code, slug(by_another)) == (409, "assigned-to-another")
    assert "wang" in by_another.json()["detail"]
    assert anew.status_code == 201
    assert by_first.status_code == 409
    assert decided.status_code == 201
    case = await review.case(case_id)
    assert [
        (one["from_officer"], one["to_officer"], one["reason"]) for one in case["assignments"]
    ] == [
        (None, "wang", "分管领域"),
        ("wang", "li", "王休假，由李代办"),
    ]
    # The next stage is nobody's in particular.
    assert case["assigned_to"] is None


@pytest.mark.parametrize("unfit", ["filer", "city_office-520100", "bound"])
async def test_a_turn_is_not_handed_to_whoever_may_not_decide_it(
    review: Review, unfit: str
) -> None:
    case_id = await review.submitted(filed_by=("filer",))
    await review.recommend(case_id)
    await review.province.post(
        "/ties",
        json={"sub": "bound", "uscc": uscc_of(1), "kind": "family", "note": "其配偶任职"},
    )

    answer = await review.province.post(
        f"/review-cases/{case_id}/assignments", json={"to": unfit, "reason": "分管领域"}
    )

    assert (answer.status_code, slug(answer)) == (409, "assignee-unfit")


@pytest.mark.parametrize("kind", ["employment", "shareholding", "family", "advice", "other"])
async def test_nobody_decides_on_an_enterprise_that_they_are_bound_to(
    review: Review, kind: str
) -> None:
    case_id = await review.submitted()
    officer = review.officer("city_office", "520100", sub="bound")
    await officer.post("/ties", json={"uscc": uscc_of(1), "kind": kind, "note": "申报回避"})

    answer = await review.decide(case_id, "city_office", "520100", "reject", sub="bound")
    offered = (await officer.get(f"/review-cases/{case_id}")).json()["available_actions"]

    assert (answer.status_code, slug(answer)) == (409, "bound-to-enterprise")
    assert {one["enabled"] for one in offered if one["action"] != "assign"} == {False}
    assert "回避" in offered[0]["because"]["zh"]


async def test_who_holds_a_token_of_the_applicant_decides_nothing_about_it(review: Review) -> None:
    case_id = await review.submitted()
    applicant = review.service.caller("city_office", region="520100", uscc=uscc_of(1), sub="both")

    answer = await applicant.post(
        f"/review-cases/{case_id}/decisions", json={"decision": "reject", "reason": "不符合"}
    )

    assert (answer.status_code, slug(answer)) == (409, "bound-to-enterprise")


async def test_a_work_list_has_what_waits_for_the_caller_the_most_urgent_first(
    review: Review,
) -> None:
    first, second, other = [await review.submitted(serial) for serial in (1, 2, 3)]
    away = await review.submitted(4, division="520302")
    await review.recommend(first)
    review.service.clock.move_to_day(date(2026, 3, 12))
    await review.recommend(second)
    await review.province.post(
        f"/review-cases/{second}/assignments", json={"to": "wang", "reason": "分管领域"}
    )
    review.service.clock.move_to_day(date(2026, 4, 9))

    of_province = (await review.officer("provincial_office", sub="li").get("/work-list")).json()
    of_wang = (await review.officer("provincial_office", sub="wang").get("/work-list")).json()
    of_city = (await review.officer("city_office", "520100").get("/work-list")).json()

    assert [one["id"] for one in of_province["items"]] == [first]
    assert [one["id"] for one in of_wang["items"]] == [first, second]
    # Twenty working days from 10 March, 清明 left out, end on 8 April.
    assert (of_wang["waiting"], of_wang["overdue"], of_wang["due_soon"]) == (2, 1, 1)
    assert [one["id"] for one in of_city["items"]] == [other]
    assert away not in str(of_city)


async def test_a_last_day_beyond_the_published_calendar_is_provisional(review: Review) -> None:
    review.service.clock.move_to_day(date(2026, 12, 24))
    case_id = await review.submitted()

    case = await review.case(case_id)

    # Fifteen weekdays after 24 December 2026; 1 January is not known to be a holiday yet.
    assert (case["due_on"], case["due_is_provisional"]) == ("2027-01-14", True)


async def test_the_work_list_pages_stay_put_while_cases_without_a_last_day_come_last(
    review: Review,
) -> None:
    cases = [await review.submitted(serial) for serial in range(1, 6)]
    await as_owner(
        review.service.owner,
        f"UPDATE review.review_cases SET due_on = NULL WHERE id = '{cases[0]}'",
    )
    city = review.officer("city_office", "520100")

    seen: list[str] = []
    page = (await city.get("/work-list?limit=2")).json()
    seen += [one["id"] for one in page["items"]]
    while page["next"]:
        page = (await city.get(f"/work-list?limit=2&after={page['next']}")).json()
        seen += [one["id"] for one in page["items"]]

    assert seen == [*cases[1:], cases[0]]


async def test_a_size_that_was_determined_anew_is_looked_at_again(review: Review) -> None:
    case_id = await returned_by_the_meeting(review, "net_profit")

    await review.submitted(
        1,
        number=2,
        documents={"audit_report": "a" * 64},
        size_determination=SizeDetermined(
            size="large",
            legal_basis="国家另有规定",
            determined_by="officer",
            determined_at=datetime(2026, 3, 12, tzinfo=UTC),
        ),
    )

    case = await review.case(case_id)
    assert case["stage"] == "provincial_screening"
    assert case["history"][-1]["data"]["material_changes"] == ["size_determination"]


async def test_a_correction_that_comes_after_a_refusal_is_approved_by_nobody(
    review: Review,
) -> None:
    """It may cross with the refusal; if that is set aside, what is new is examined first."""
    case_id = await review.determined(1)
    notice = await review.on_notice(case_id)
    review.service.clock.move_to_day(date(2026, 3, 16))
    filed = await review.service.anyone().post(
        f"/api/v1/public/notices/{notice['id']}/objections",
        json={
            "uscc": uscc_of(1),
            "objector": {"kind": "person", "name": "王明", "contact": "0851-00000000"},
            "facts": "营业收入不实。",
            "evidence": ["纳税申报表"],
        },
    )
    await set_aside(review, case_id, await decision_at(review, case_id, "determination"))
    await review.determine(
        case_id,
        decision="return",
        remarks=[{"fact_or_document": "total_assets", "text": "请核对"}],
    )
    review.service.clock.move_to_day(date(2026, 3, 26))
    await review.province.post(
        f"/objections/{filed.json()['id']}/resolution",
        json={"sustained": True, "reason": "情况属实"},
    )
    await review.submitted(1, number=2, total_assets="90000000.00")

    answer = await set_aside(
        review, case_id, (await review.case(case_id))["decisions"][-1]["id"], sub="second-reviser"
    )

    assert answer.json()["stage"] == "provincial_screening"
    stands = [one["stage"] for one in answer.json()["decisions"] if one["set_aside"] is None]
    assert "provincial_screening" not in stands


async def test_nobody_sets_aside_what_they_had_a_part_in(review: Review) -> None:
    case_id = await review.screened()
    await review.drawn(case_id)
    await review.scored(case_id, (40, 40, 40))
    panel = await decision_at(review, case_id, "expert_evaluation")

    by_screener = await set_aside(review, case_id, panel, sub="decides-provincial_office-520000")

    assert (by_screener.status_code, slug(by_screener)) == (409, "separation-of-duties")
