"""不得申报期: what becomes of a case while its enterprise is excluded, and when that is over."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.kernel.events.consumer import Delivery
from services.kernel.journal import Journal
from services.kernel.logging import new_trace
from services.policy.catalogue import published_catalogue
from services.review import consumers
from tests.builders.enterprises import uscc_of
from tests.review.conftest import NATIONAL, TODAY, Review, revoked, slug

CHECKS = published_catalogue().pack(NATIONAL).sample_rule("site_visit").checks
REMARKS = [{"fact_or_document": "total_liabilities", "text": "与审计报告不一致"}]
LAST_DAY = date(2029, 3, 9)

Bring = Callable[[Review], Awaitable[str]]


async def carried_on(review: Review, case_id: str) -> list[Any]:
    """Try whatever carries a case on, in the name of whoever may. Return what was answered."""
    experts = await review.called(case_id) if "members" in await review.panel(case_id) else []
    return [
        await review.recommend(case_id),
        await review.decide(case_id),
        await review.decide(case_id, decision="return", remarks=REMARKS),
        await review.committed(case_id),
        await review.committed(case_id, purpose="site_visits"),
        *[await review.score(case_id, sub) for sub in experts],
        await visited(review, case_id),
        await review.determine(case_id),
        await review.determine(case_id, decision="return", remarks=REMARKS),
        await review.province.post("/notices", json=notice_of(review, case_id)),
    ]


def notice_of(review: Review, *case_ids: str) -> dict[str, Any]:
    return {
        "round_id": review.round_of(case_ids[0]),
        "case_ids": list(case_ids),
        "starts_on": review.service.clock.today().isoformat(),
    }


async def visited(review: Review, case_id: str, *, passed: bool = True) -> Any:
    return await review.officer("site_inspector", sub="zhao").post(
        f"/review-cases/{case_id}/site-visits",
        json={
            "visited_on": review.service.clock.today().isoformat(),
            "inspectors": ["zhao", "qian"],
            "findings": [
                {"check": one.id, "is_in_order": passed, "text": "现场查看"} for one in CHECKS
            ],
            "passed": passed,
            "reason": "现场核查",
        },
    )


async def recognise(review: Review, notice_id: str, on: date) -> Any:
    return await review.province.post(
        f"/notices/{notice_id}/recognition",
        json={"document_number": "示例〔2026〕9号", "decided_on": on.isoformat()},
    )


async def published(review: Review, *case_ids: str) -> dict[str, Any]:
    """Put cases on a notice and let it run out."""
    notice = await review.on_notice(*case_ids)
    review.service.clock.move_to_day(date.fromisoformat(notice["ends_on"]) + timedelta(days=1))
    return notice


def actions(case: dict[str, Any]) -> dict[str, str | None]:
    """Return what a case offers, and why what it does not."""
    return {
        one["action"]: None if one["enabled"] else one["because"]["en"]
        for one in case["available_actions"]
    }


async def a_visit(review: Review) -> str:
    case_id = await review.screened(pack=NATIONAL)
    await review.drawn(case_id, purpose="site_visits")
    return case_id


async def a_panel(review: Review) -> str:
    case_id = await review.screened()
    await review.drawn(case_id)
    return case_id


STAGES: list[Bring] = [
    Review.submitted,
    lambda review: review.submitted(kind="renewal"),
    lambda review: review.submitted(title="provincial_little_giant"),
    lambda review: review.screened(),
    lambda review: review.screened(pack=NATIONAL),
    a_panel,
    a_visit,
    lambda review: review.evaluated(),
    lambda review: review.determined(),
]


@pytest.mark.parametrize("bring", STAGES)
async def test_at_no_stage_does_the_case_of_an_excluded_enterprise_go_on(
    review: Review, bring: Bring
) -> None:
    case_id = await bring(review)
    if not review.codes:
        await review.pool()
    before = await review.case(case_id)
    assert before["exclusion_until"] is None

    await review.excluded(1)
    answers = await carried_on(review, case_id)
    after = await review.case(case_id)

    assert {answer.status_code // 100 for answer in answers} == {4}
    assert "enterprise" in str([answer.text for answer in answers])
    names = ("stage", "status", "phase", "turn", "decisions", "version")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert after["exclusion_until"] == "2029-03-09"
    assert after["history"][-1]["action"] == "enterprise_excluded"
    assert after["history"][-1]["data"]["finding_number"] == "示例查〔2026〕1号"


async def test_what_is_offered_says_why_it_is_refused_and_a_rejection_is_left(
    review: Review,
) -> None:
    case_id = await review.submitted()
    await review.recommend(case_id)
    await review.excluded(1)

    offered = actions(await review.case(case_id))
    refused = await review.decide(case_id)
    rejected = await review.decide(case_id, decision="reject")

    why = (
        "A title of the enterprise was revoked (False declaration, finding 示例查〔2026〕1号), and"
        " until 2029-03-09 is over its case goes no further; it can be rejected."
    )
    assert offered["endorse"] == offered["return"] == why
    assert offered["reject"] is None
    assert (refused.status_code, slug(refused)) == (409, "enterprise-excluded")
    assert refused.json()["detail"].startswith("该企业因“")
    assert (rejected.status_code, rejected.json()["status"]) == (201, "rejected")


async def test_a_meeting_can_only_reject_it(review: Review) -> None:
    case_id = await review.evaluated()
    await review.excluded(1)

    for decision, remarks in (("endorse", []), ("return", REMARKS)):
        refused = await review.determine(case_id, decision=decision, remarks=remarks)
        assert slug(refused) == "cases-not-ready-for-list"
        [error] = refused.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/items/0", "enterprise_excluded")
    rejected = await review.determine(case_id, decision="reject")

    assert rejected.status_code == 201, rejected.text
    assert (await review.case(case_id))["status"] == "rejected"


async def test_a_visit_can_only_reject_it(review: Review) -> None:
    case_id = await a_visit(review)
    await review.excluded(1)

    passed = await visited(review, case_id)
    failed = await visited(review, case_id, passed=False)

    assert (passed.status_code, slug(passed)) == (409, "enterprise-excluded")
    assert (failed.status_code, failed.json()["status"]) == (201, "rejected")


async def test_a_moderator_can_only_reject_it(review: Review) -> None:
    case_id = await a_panel(review)
    await review.scored(case_id, (40, 70, 100))
    await review.scored(case_id, (55,))
    await review.excluded(1)

    def moderation(points: str) -> dict[str, str]:
        return {"points": points, "reason": "经复议"}

    moderator = review.officer("provincial_office", sub="moderator")
    path = f"/review-cases/{case_id}/moderation"
    passed = await moderator.post(path, json=moderation("70.00"))
    failed = await moderator.post(path, json=moderation("50.00"))

    assert (passed.status_code, slug(passed)) == (409, "enterprise-excluded")
    assert (failed.status_code, failed.json()["status"]) == (201, "rejected")


@pytest.mark.parametrize("bring", [Review.determined, a_panel])
async def test_where_nobody_rejects_an_earlier_decision_is_set_aside_and_its_office_does(
    review: Review, bring: Bring
) -> None:
    case_id = await bring(review)
    await review.excluded(1)
    endorsed = (await review.case(case_id))["decisions"][-1]

    aside = await review.officer("provincial_office", sub="corrector").post(
        f"/review-cases/{case_id}/set-asides",
        json={
            "decision_id": endorsed["id"],
            "reason": "企业称号已被撤销",
            "document_number": "黔工信〔2026〕31号",
        },
    )
    by_meeting = await review.determine(case_id, decision="reject")
    by_office = await review.decide(case_id, decision="reject", sub="another")

    assert aside.status_code == 201, aside.text
    assert {by_meeting.is_success, by_office.is_success} == {True, False}
    assert (await review.case(case_id))["status"] == "rejected"


async def test_an_enterprise_still_withdraws(review: Review) -> None:
    case_id = await review.determined()
    await review.excluded(1)

    await review.withdrawn(1)

    assert (await review.case(case_id))["status"] == "withdrawn"


# ---------------------------------------------------------------- notice and recognition


async def test_on_a_finished_notice_it_is_left_out_by_name_and_the_others_are_recognised(
    review: Review,
) -> None:
    first, second = await review.determined(1), await review.determined(2)
    notice = await published(review, first, second)
    today = review.service.clock.today()

    await review.excluded(1)
    offered = actions(await review.case(first))
    answer = await recognise(review, notice["id"], today)
    again = await recognise(review, notice["id"], today)

    assert answer.status_code == 201, answer.text
    assert answer.json()["recognised"] == [second]
    [held] = answer.json()["held"]
    assert held["case_id"] == first
    assert "2029-03-09" in held["because"]["zh"]
    assert offered["recognise"] == held["because"]["en"]
    assert (again.status_code, slug(again)) == (409, "nothing-to-recognise")
    assert [(await review.case(one))["status"] for one in (first, second)] == [
        "on_notice",
        "recognised",
    ]


async def test_an_objection_against_it_is_heard_and_ends_it(review: Review) -> None:
    case_id = await review.determined()
    notice = await review.on_notice(case_id)
    review.service.clock.move_to_day(date.fromisoformat(notice["starts_on"]))
    filed = await review.service.anyone().post(
        f"/api/v1/public/notices/{notice['id']}/objections",
        json={
            "uscc": uscc_of(1),
            "objector": {"kind": "person", "name": "王明", "contact": "0851-00000000"},
            "facts": "该企业称号已被撤销。",
            "evidence": ["撤销公告"],
        },
    )
    await review.excluded(1)
    review.service.clock.move_to_day(TODAY + timedelta(days=60))

    resolved = await review.officer("provincial_office", sub="listener").post(
        f"/objections/{filed.json()['id']}/resolution",
        json={"sustained": True, "reason": "经核查属实"},
    )

    assert resolved.status_code == 200, resolved.text
    assert (await review.case(case_id))["status"] == "rejected"


async def test_it_ends_with_its_last_day_in_the_province(review: Review) -> None:
    case_id = await review.determined()
    notice = await published(review, case_id)
    day = review.service.clock.today() + timedelta(days=5)
    await review.excluded(1, until=day)

    review.service.clock.move_to_day(day)
    last_day = await recognise(review, notice["id"], day)
    review.service.clock.move_to_day(day + timedelta(days=1))
    # What is dated back into the exclusion is held as well.
    dated_back = await recognise(review, notice["id"], day)
    offered = await review.case(case_id)
    over = await recognise(review, notice["id"], day + timedelta(days=1))

    assert slug(last_day) == slug(dated_back) == "nothing-to-recognise"
    assert (offered["exclusion_until"], actions(offered)["recognise"]) == (None, None)
    assert over.json()["recognised"] == [case_id]


async def test_before_a_notice_too_it_ends_with_its_last_day(review: Review) -> None:
    case_id = await review.submitted()
    await review.excluded(1, until=TODAY)
    await review.excluded(1, until=TODAY - timedelta(days=1))

    last_day = await review.recommend(case_id)
    review.service.clock.move_to_day(TODAY + timedelta(days=1))
    over = await review.recommend(case_id)

    assert slug(last_day) == "cases-not-ready-for-list"
    assert last_day.json()["errors"][0]["code"] == "enterprise_excluded"
    assert over.status_code == 201, over.text


# ---------------------------------------------------------------- what is heard, and when


async def test_a_case_that_is_opened_later_is_held_as_well(review: Review) -> None:
    await review.excluded(1)

    case_id = await review.submitted()
    refused = await review.recommend(case_id)

    assert refused.json()["errors"][0]["code"] == "enterprise_excluded"


async def test_a_revocation_that_bars_nobody_holds_nothing(review: Review) -> None:
    case_id = await review.submitted()

    await review.excluded(1, until=None, ground="voluntary", finding_number=None)
    case = await review.case(case_id)
    answer = await review.recommend(case_id)

    assert case["history"][-1]["action"] == "received"
    assert answer.status_code == 201, answer.text


async def test_what_is_heard_twice_changes_nothing(review: Review) -> None:
    case_id = await review.submitted()
    event = await review.excluded(1)
    before = await review.service.history()

    await review.service.deliver("registry", event)

    assert await review.service.history() == before
    assert (await review.case(case_id))["exclusion_until"] == LAST_DAY.isoformat()
    assert await review.service.chain_is_sound()


async def test_a_settled_case_stays_as_it_is(review: Review) -> None:
    case_id = await review.determined()
    notice = await published(review, case_id)
    await recognise(review, notice["id"], review.service.clock.today())
    before = await review.case(case_id)

    await review.excluded(1)
    after = await review.case(case_id)

    assert (after["status"], after["history"]) == ("recognised", before["history"])


async def test_another_enterprise_is_untouched(review: Review) -> None:
    first, second = await review.submitted(1), await review.submitted(2)
    await review.excluded(1)

    refused = await review.recommend(first, second)
    taken = await review.recommend(second)

    assert [one["pointer"] for one in refused.json()["errors"]] == ["/case_ids/0"]
    assert taken.status_code == 201, taken.text
    assert (await review.case(second))["exclusion_until"] is None


async def test_a_ground_of_another_pack_is_told_by_its_own_name(review: Review) -> None:
    case_id = await review.submitted()

    await review.excluded(1, ground="a_ground_of_another", finding_number=None)

    said = (await review.recommend(case_id)).json()["errors"][0]["detail"]
    assert "a_ground_of_another" in said
    assert "None" not in said


async def test_a_secret_enterprise_tells_nobody_else_of_it(review: Review) -> None:
    hidden = await review.determined(1, is_secret_involved=True)
    shown = await review.determined(2)
    notice = await published(review, hidden, shown)
    anyone = review.service.anyone()
    path = f"/api/v1/public/notices/{notice['id']}"
    elsewhere = review.officer("city_office", "520300")
    before = (await anyone.get(path)).text

    await review.excluded(1, is_secret=True)
    answer = await recognise(review, notice["id"], review.service.clock.today())

    assert answer.json()["recognised"] == [shown]
    assert (await anyone.get(path)).text == before
    assert uscc_of(1) not in before
    assert (await elsewhere.get(f"/review-cases/{hidden}")).status_code == 404
    assert [one for one in await review.service.events() if "exclu" in one["type"]] == []


async def test_a_revocation_at_the_same_moment_is_either_before_or_after_the_recognition(
    review: Review,
) -> None:
    """Whichever commits first: nothing is recognised once the exclusion is on record."""
    for serial in range(1, 4):
        case_id = await review.determined(serial)
        today = review.service.clock.today()
        notice = await review.on_notice(case_id, starts_on=today.isoformat())
        review.service.clock.move_to_day(date.fromisoformat(notice["ends_on"]) + timedelta(days=1))

        answer, _ = await asyncio.gather(
            recognise(review, notice["id"], review.service.clock.today()), review.excluded(serial)
        )

        actions_of = [one["action"] for one in (await review.case(case_id))["history"]]
        is_recognised = "recognised" in actions_of
        assert answer.is_success == is_recognised
        # One that was recognised was settled by the time that the exclusion was heard of.
        assert is_recognised != ("enterprise_excluded" in actions_of)


async def test_a_recognition_waits_for_a_revocation_that_is_being_taken_in(
    review: Review,
) -> None:
    case_id = await review.determined()
    notice = await published(review, case_id)
    service = review.service

    async with service.database.session() as session:
        journal = Journal(session, service.runtime.tables, service.clock, new_trace())
        heard = Delivery(session, journal, service.clock, occurred_at=service.clock.now())
        await consumers.bar_excluded(heard, revoked(1))
        recognising = asyncio.create_task(recognise(review, notice["id"], service.clock.today()))
        while not await _is_waiting(review):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)
        await journal.write()
        await session.commit()
    answer = await recognising

    assert (answer.status_code, slug(answer)) == (409, "nothing-to-recognise")


async def _is_waiting(review: Review) -> bool:
    async with review.service.database.session() as session:
        waiting = await session.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock'"
            )
        )
    return bool(waiting)


# ---------------------------------------------------------------- draws


async def test_of_a_draw_under_way_it_makes_way_and_is_not_sent_on(review: Review) -> None:
    cases = [await review.screened(serial, pack=NATIONAL) for serial in (1, 2, 3)]
    committed = (await review.committed(*cases, purpose="site_visits")).json()
    await review.excluded(1)
    await review.excluded(2)
    review.service.clock.move_to_day(TODAY + timedelta(days=1))

    answer = await review.revealed(committed["id"])

    assert answer.status_code == 201, answer.text
    phases = [(await review.case(one))["phase"] for one in cases]
    assert phases == ["sampling", "sampling", "visiting"]


async def test_the_others_of_a_city_are_drawn_without_it(review: Review) -> None:
    round_id = uuid4()
    excluded, other = [
        await review.screened(serial, pack=NATIONAL, round_id=round_id) for serial in (1, 2)
    ]
    await review.excluded(1)

    together = await review.committed(excluded, other, purpose="site_visits")
    alone = await review.committed(other, purpose="site_visits")

    assert [(one["pointer"], one["code"]) for one in together.json()["errors"]] == [
        ("/case_ids/0", "enterprise_excluded")
    ]
    assert alone.status_code == 201, alone.text


async def test_a_panel_that_was_drawn_for_it_sits_and_scores_nothing(review: Review) -> None:
    case_id = await review.screened()
    await review.pool()
    committed = (await review.committed(case_id)).json()
    await review.excluded(1)
    review.service.clock.move_to_day(TODAY + timedelta(days=1))
    await review.revealed(committed["id"])
    [sub, *_] = await review.called(case_id)

    refused = await review.score(case_id, sub)
    review.service.clock.move_to_day(LAST_DAY + timedelta(days=1))
    over = await review.score(case_id, sub)

    assert (refused.status_code, slug(refused)) == (409, "enterprise-excluded")
    assert over.status_code == 201, over.text
