"""Site visits over the API: made to whoever was drawn, by the right people, check by check."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.policy.catalogue import published_catalogue
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.review.conftest import NATIONAL, TODAY, Review, slug

CHECKS = [one.id for one in published_catalogue().pack(NATIONAL).sample_rule("site_visit").checks]
DRAWN_ON = TODAY + timedelta(days=1)
PICTURE = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01" + b"gate" * 20 + b"\xff\xd9"


def inspector_of(review: Review, sub: str = "zhao", region: str = "520000") -> Caller:
    return review.officer("site_inspector", region, sub=sub)


def found(**in_order: bool) -> list[dict[str, Any]]:
    """Return a finding for each check of the pack, all in order unless told otherwise."""
    return [
        {"check": one, "is_in_order": in_order.get(one, True), "text": "现场查看"} for one in CHECKS
    ]


async def to_be_visited(review: Review, serial: int = 1, **changed: Any) -> str:
    """Return a case that was drawn for a site visit: one of one always is."""
    case_id = await review.screened(serial, pack=NATIONAL, **changed)
    await review.drawn(case_id, purpose="site_visits")
    return case_id


async def visit(review: Review, case_id: str, sub: str = "zhao", **body: Any) -> Any:
    return await inspector_of(review, sub).post(
        f"/review-cases/{case_id}/site-visits",
        json={
            "visited_on": review.service.clock.today().isoformat(),
            "inspectors": ["zhao", "qian"],
            "findings": found(),
            "passed": True,
            "reason": "现场与申报相符",
            **body,
        },
    )


async def photographed(review: Review, case_id: str, sub: str = "zhao") -> str:
    answer = await inspector_of(review, sub).post(
        f"/review-cases/{case_id}/photographs",
        content=PICTURE,
        headers={"Content-Type": "image/jpeg"},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


# ---------------------------------------------------------------- what follows


async def test_a_visit_that_is_passed_sends_the_case_to_the_meeting(review: Review) -> None:
    case_id = await to_be_visited(review)
    photograph = await photographed(review, case_id)

    answer = await visit(review, case_id, findings=found(books=False), photographs=[photograph])

    assert answer.status_code == 201, answer.text
    case = await review.case(case_id)
    assert (case["stage"], case["status"], case["phase"]) == ("determination", "in_review", None)
    [recorded] = case["site_visits"]
    assert recorded["inspectors"] == ["qian", "zhao"]
    assert (recorded["visited_on"], recorded["has_passed"]) == (DRAWN_ON.isoformat(), True)
    assert recorded["photographs"] == [f"/api/v1/review-cases/{case_id}/photographs/{photograph}"]
    assert [(one["check"], one["is_in_order"]) for one in recorded["findings"]] == [
        (one, one != "books") for one in CHECKS
    ]
    decision = case["decisions"][-1]
    assert (decision["stage"], decision["decision"], decision["act_id"]) == (
        "site_visit",
        "endorse",
        recorded["id"],
    )
    assert case["history"][-1]["data"]["inspectors"] == ["qian", "zhao"]
    assert (await review.types())[-1] == "case.advanced"
    determined = await review.determine(case_id)
    assert determined.status_code == 201, determined.text
    assert await review.service.chain_is_sound()


async def test_a_visit_that_is_not_passed_rejects_the_case(review: Review) -> None:
    case_id = await to_be_visited(review)

    answer = await visit(
        review,
        case_id,
        findings=found(**dict.fromkeys(CHECKS, False)),
        passed=False,
        reason="申报地址无生产场所",
    )

    assert answer.status_code == 201, answer.text
    case = await review.case(case_id)
    assert (case["stage"], case["status"]) == ("site_visit", "rejected")
    assert case["decisions"][-1]["reason"] == "申报地址无生产场所"
    assert (await review.types())[-1] == "case.rejected"


async def test_an_inspector_may_reject_though_every_check_is_in_order(review: Review) -> None:
    case_id = await to_be_visited(review)

    answer = await visit(review, case_id, passed=False, reason="现场另有重大问题")

    assert answer.json()["status"] == "rejected"


async def test_a_visit_is_recorded_once(review: Review) -> None:
    case_id = await to_be_visited(review)

    answers = await asyncio.gather(
        *(visit(review, case_id, sub) for sub in ("zhao", "qian", "zhao"))
    )
    late = await visit(review, case_id, passed=False)

    # Whoever comes second finds it decided, or gone from what is to be visited.
    assert [one.status_code for one in answers].count(201) == 1
    assert {one.status_code for one in answers} <= {201, 404, 409}
    assert (late.status_code, slug(late)) == (409, "act-not-at-this-stage")
    case = await review.case(case_id)
    assert len(case["site_visits"]) == 1
    assert [one["stage"] for one in case["decisions"]].count("site_visit") == 1


# ---------------------------------------------------------------- what is wrong with a record


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"visited_on": "2026-03-13"}, ("/visited_on", "day_not_possible")),
        ({"visited_on": "2026-03-10"}, ("/visited_on", "day_not_possible")),
        ({"inspectors": ["zhao"]}, ("/inspectors", "too_few")),
        ({"inspectors": ["zhao", "zhao"]}, ("/inspectors", "too_few")),
        ({"inspectors": ["qian", "sun"]}, ("/inspectors", "recorder_missing")),
        ({"findings": found()[1:]}, ("/findings", "check_missing")),
        (
            {"findings": [*found(), {"check": "canteen", "is_in_order": True, "text": "整洁"}]},
            ("/findings/4/check", "unknown_check"),
        ),
        ({"photographs": [str(uuid4())]}, ("/photographs/0", "unknown")),
        (
            {"findings": found(**dict.fromkeys(CHECKS, False))},
            ("/passed", "nothing_in_order"),
        ),
        ({"inspectors": ["zhao", "qian", "bound"]}, ("/inspectors/2", "unfit")),
        ({"inspectors": ["screener", "zhao"]}, ("/inspectors/0", "unfit")),
        ({"inspectors": ["zhao", "recommender"]}, ("/inspectors/1", "unfit")),
        ({"inspectors": ["filer", "zhao"]}, ("/inspectors/0", "unfit")),
    ],
    ids=lambda one: str(one[1]) if isinstance(one, tuple) else "",
)
async def test_what_is_wrong_with_a_record_is_pointed_at(
    review: Review, wrong: dict[str, Any], expected: tuple[str, str]
) -> None:
    case_id = await review.submitted(pack=NATIONAL, filed_by=("filer",))
    await review.recommend(case_id, sub="recommender")
    await review.decide(case_id, sub="screener")
    await review.drawn(case_id, purpose="site_visits")
    await review.province.post(
        "/ties", json={"sub": "bound", "uscc": uscc_of(1), "kind": "family", "note": "配偶任职"}
    )
    review.service.clock.move_to_day(DRAWN_ON + timedelta(days=1))

    answer = await visit(review, case_id, **wrong)

    assert (answer.status_code, slug(answer)) == (422, "visit-not-possible")
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [expected]
    case = await review.case(case_id)
    assert (case["phase"], case["site_visits"]) == ("visiting", [])
    # What was wrong with it was all that was wrong.
    assert (await visit(review, case_id)).status_code == 201


async def test_a_check_that_is_recorded_twice_is_pointed_at_both_times(review: Review) -> None:
    case_id = await to_be_visited(review)
    twice = {"check": CHECKS[0], "is_in_order": False, "text": "复看"}

    answer = await visit(review, case_id, findings=[*found(), twice])

    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/findings/0/check", "listed_twice"),
        ("/findings/4/check", "listed_twice"),
    ]


async def test_everything_wrong_is_said_at_once(review: Review) -> None:
    case_id = await to_be_visited(review)

    answer = await visit(
        review,
        case_id,
        visited_on="2026-03-01",
        inspectors=["qian"],
        findings=found(**dict.fromkeys(CHECKS, False))[:3],
        photographs=[str(uuid4())],
    )

    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/visited_on", "day_not_possible"),
        ("/inspectors", "too_few"),
        ("/inspectors", "recorder_missing"),
        ("/findings", "check_missing"),
        ("/passed", "nothing_in_order"),
        ("/photographs/0", "unknown"),
    ]


async def test_a_photograph_of_another_case_is_none_of_this_one(review: Review) -> None:
    case_id, other = [
        await review.screened(serial, city=city, division=division, pack=NATIONAL)
        for serial, city, division in ((1, "520100", "520102"), (2, "520300", "520302"))
    ]
    await review.drawn(case_id, other, purpose="site_visits")
    own, of_other = await photographed(review, case_id), await photographed(review, other)

    answer = await visit(review, case_id, photographs=[own, of_other])

    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/photographs/1", "unknown")
    ]
    assert (await visit(review, case_id, photographs=[own])).status_code == 201


@pytest.mark.parametrize("days", [0, 1, 2])
async def test_a_visit_is_dated_from_the_day_it_was_drawn_to_today(
    review: Review, days: int
) -> None:
    case_id = await to_be_visited(review)
    review.service.clock.move_to_day(DRAWN_ON + timedelta(days=2))
    day = (DRAWN_ON + timedelta(days=days)).isoformat()

    answer = await visit(review, case_id, visited_on=day)

    assert answer.json()["site_visits"][0]["visited_on"] == day


# ---------------------------------------------------------------- who visits


async def test_only_what_was_drawn_is_visited(review: Review) -> None:
    waiting = await review.screened(1, pack=NATIONAL, city="520300", division="520302")
    four = [await review.screened(serial, pack=NATIONAL) for serial in (2, 3, 4, 5)]
    drawn = (await review.drawn(*four, purpose="site_visits"))["lots"][0]["drawn"]
    passed_by = [one for one in four if one not in drawn]
    zhao = inspector_of(review)

    listed = (await zhao.get("/review-cases")).json()["items"]
    to_do = (await zhao.get("/work-list")).json()

    assert {one["id"] for one in listed} == set(drawn)
    assert {one["id"] for one in to_do["items"]} == set(drawn)
    for case_id in (waiting, *passed_by):
        answers = [
            await zhao.get(f"/review-cases/{case_id}"),
            await visit(review, case_id),
        ]
        assert [(one.status_code, slug(one)) for one in answers] == [
            (404, "review-case-not-found")
        ] * 2
    assert (await review.province.get("/work-list")).json()["items"][0]["id"] == waiting


async def test_an_inspector_sees_what_is_drawn_in_the_division_and_what_was_visited(
    review: Review,
) -> None:
    case_id = await to_be_visited(review)
    await visit(review, case_id)

    seen = {
        (sub, region): (
            await inspector_of(review, sub, region).get(f"/review-cases/{case_id}")
        ).status_code
        for sub, region in (
            ("zhao", "520000"),
            ("qian", "520100"),
            ("sun", "520000"),
            ("zhao", "520300"),
        )
    }

    assert seen == {
        ("zhao", "520000"): 200,
        ("qian", "520100"): 200,
        ("sun", "520000"): 404,
        ("zhao", "520300"): 404,
    }


async def test_an_inspector_of_another_city_does_not_visit(review: Review) -> None:
    case_id = await to_be_visited(review)

    answer = await inspector_of(review, region="520300").post(
        f"/review-cases/{case_id}/site-visits",
        json={
            "visited_on": DRAWN_ON.isoformat(),
            "inspectors": ["zhao", "qian"],
            "findings": found(),
            "passed": True,
            "reason": "现场与申报相符",
        },
    )

    assert (answer.status_code, slug(answer)) == (404, "review-case-not-found")


@pytest.mark.parametrize("sub", ["screener", "recommender", "filer"])
async def test_whoever_had_another_part_in_the_case_does_not_record_a_visit(
    review: Review, sub: str
) -> None:
    case_id = await review.submitted(pack=NATIONAL, filed_by=("filer",))
    await review.recommend(case_id, sub="recommender")
    await review.decide(case_id, sub="screener")
    await review.drawn(case_id, purpose="site_visits")

    answer = await visit(review, case_id, sub, inspectors=[sub, "qian"])

    assert (answer.status_code, slug(answer)) == (409, "separation-of-duties")
    assert (await review.case(case_id))["phase"] == "visiting"


async def test_whoever_is_bound_to_the_enterprise_does_not_record_a_visit(
    review: Review,
) -> None:
    case_id = await to_be_visited(review)
    await inspector_of(review).post(
        "/ties", json={"uscc": uscc_of(1), "kind": "shareholding", "note": "持股"}
    )

    answer = await visit(review, case_id)

    assert (answer.status_code, slug(answer)) == (409, "bound-to-enterprise")


async def test_a_tie_that_is_long_over_bars_no_inspector(review: Review) -> None:
    case_id = await to_be_visited(review)
    for sub, until_on in (("zhao", "2023-03-09"), ("qian", "2022-01-01")):
        await review.province.post(
            "/ties",
            json={
                "sub": sub,
                "uscc": uscc_of(1),
                "kind": "employment",
                "note": "曾任职",
                "until_on": until_on,
            },
        )

    assert (await visit(review, case_id)).status_code == 201


async def test_a_visit_that_was_handed_to_one_inspector_is_recorded_by_that_one(
    review: Review,
) -> None:
    case_id = await to_be_visited(review)
    given = await inspector_of(review, "head").post(
        f"/review-cases/{case_id}/assignments", json={"to": "qian", "reason": "片区分工"}
    )
    assert given.status_code == 201, given.text

    by_another = await visit(review, case_id)
    by_qian = await visit(review, case_id, "qian")

    assert (by_another.status_code, slug(by_another)) == (409, "assigned-to-another")
    assert by_qian.status_code == 201


async def test_neither_the_province_nor_a_city_records_a_visit(review: Review) -> None:
    case_id = await to_be_visited(review)

    for office, region in (
        ("provincial_office", "520000"),
        ("city_office", "520100"),
        ("decision_meeting", "520000"),
        ("auditor", "520000"),
    ):
        answer = await review.officer(office, region).post(
            f"/review-cases/{case_id}/site-visits",
            json={
                "visited_on": DRAWN_ON.isoformat(),
                "inspectors": ["a", "b"],
                "findings": found(),
                "passed": True,
                "reason": "现场与申报相符",
            },
        )
        assert (answer.status_code, slug(answer)) == (403, "not-allowed")


@pytest.mark.parametrize("sub", ["zhao", "qian"])
async def test_no_inspector_of_the_visit_determines_the_case(review: Review, sub: str) -> None:
    """Whoever recorded it and whoever was there with them: both have had a part in it."""
    case_id = await to_be_visited(review)
    await visit(review, case_id)

    answer = await review.determine(case_id, sub=sub)

    assert [one["code"] for one in answer.json()["errors"]] == ["separation_of_duties"]
    assert (await review.determine(case_id)).status_code == 201


async def test_a_case_that_is_withdrawn_is_visited_no_more(review: Review) -> None:
    case_id = await to_be_visited(review)
    await review.withdrawn(1)

    answer = await visit(review, case_id)

    assert (answer.status_code, slug(answer)) == (404, "review-case-not-found")
    assert (await review.case(case_id))["site_visits"] == []


async def test_a_case_that_was_visited_and_set_back_is_visited_anew(review: Review) -> None:
    case_id = await to_be_visited(review)
    await visit(review, case_id)
    recorded = (await review.case(case_id))["decisions"][-1]
    aside = await review.officer("provincial_office", sub="reviser").post(
        f"/review-cases/{case_id}/set-asides",
        json={
            "decision_id": recorded["id"],
            "reason": "核查记录有误",
            "document_number": "更正〔2026〕1号",
        },
    )
    assert aside.json()["phase"] == "sampling"

    await review.drawn(case_id, purpose="site_visits")
    again = await visit(review, case_id, passed=False, reason="场所已搬离")

    assert again.status_code == 201, again.text
    case = await review.case(case_id)
    assert [one["has_passed"] for one in case["site_visits"]] == [True, False]
    assert case["status"] == "rejected"
