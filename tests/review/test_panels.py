"""Expert panels over the API: blind until all are in, settled as the pack says, by the right people."""

import asyncio
import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from services.policy.procedure import TieKind
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.review.conftest import INDICATORS, Review, slug

PROOF = "该项仅此一处可见"
"""The reason on each sheet: it shows nowhere while the panel is blind."""


def worth(total: str, reason: str = PROOF) -> dict[str, Any]:
    """Return a score sheet that comes to exactly these points."""
    left = Decimal(total)
    items = []
    for one in INDICATORS:
        points = min(left, Decimal(one.out_of))
        left -= points
        items.append({"indicator": one.id, "points": f"{points:.1f}", "reason": reason})
    assert left == 0
    return {"items": items}


async def gives(review: Review, case_id: str, sub: str, total: str) -> Any:
    return await review.officer("expert", sub=sub).post(
        f"/review-cases/{case_id}/scores", json=worth(total)
    )


async def settle(review: Review, case_id: str, *totals: str) -> None:
    """Let whoever is called give these points, in the order in which they were called."""
    subs = await review.called(case_id)
    for sub, total in zip(subs, totals, strict=True):
        answer = await gives(review, case_id, sub, total)
        assert answer.status_code == 201, answer.text


async def seated(review: Review, **changed: Any) -> tuple[str, list[str], list[str]]:
    """Return a case whose panel is to score, who is called, by sub, and the draw's ranking."""
    case_id = await review.screened(**changed)
    draw = await review.drawn(case_id)
    return case_id, await review.called(case_id), draw["lots"][0]["ranking"]


async def recuse(review: Review, case_id: str, sub: str, **body: Any) -> Any:
    return await review.officer("expert", sub=sub).post(
        f"/review-cases/{case_id}/recusals", json={"reason": "与其负责人相识", **body}
    )


async def excuse(review: Review, case_id: str, sub: str) -> Any:
    """Take an expert off a panel on the day after the sheet was due."""
    due_on = date.fromisoformat((await review.case(case_id))["due_on"])
    if review.service.clock.today() <= due_on:
        review.service.clock.move_to_day(due_on + timedelta(days=1))
    return await review.province.post(
        f"/review-cases/{case_id}/recusals",
        json={"reason": "逾期未评分", "expert": review.codes[sub]},
    )


async def appoint(review: Review, case_id: str, *codes: str) -> Any:
    return await review.province.post(
        f"/review-cases/{case_id}/panel", json={"experts": list(codes), "reason": "抽取名单已用尽"}
    )


async def moderate(review: Review, case_id: str, points: str, sub: str = "moderator") -> Any:
    return await review.officer("provincial_office", sub=sub).post(
        f"/review-cases/{case_id}/moderation",
        json={"points": points, "reason": "综合材料复议"},
    )


async def text_of(who: Caller, case_id: str) -> str:
    """Return all that somebody reads about a case: the case, its panel, the lists."""
    answers = [
        await who.get(f"/review-cases/{case_id}"),
        await who.get(f"/review-cases/{case_id}/panel"),
        await who.get("/review-cases"),
        await who.get("/work-list"),
    ]
    assert [one.status_code for one in answers] == [200] * 4
    return "\n".join(one.text for one in answers)


async def change_expert(review: Review, sub: str, **told: Any) -> None:
    path = f"/experts/{review.codes[sub]}"
    read = await review.province.get(path)
    known = {
        name: read.json()[name]
        for name in ("name", "employer", "employer_uscc", "fields", "division", "is_active")
    }
    answer = await review.officer("provincial_office", sub="pool-keeper").ask(
        "PUT", path, headers={"If-Match": read.headers["ETag"]}, json=known | told
    )
    assert answer.status_code == 200, answer.text


async def differing(review: Review) -> tuple[str, list[str]]:
    """Return a case whose four experts agree on nothing, and those experts."""
    case_id, three, _ = await seated(review)
    await settle(review, case_id, "90.0", "40.0", "60.0")
    [fourth] = await review.called(case_id)
    await settle(review, case_id, "20.0")
    return case_id, [*three, fourth]


# ---------------------------------------------------------------- blind until all are in


async def test_nothing_of_the_points_shows_before_all_are_in(review: Review) -> None:
    case_id, (first, second, third), _ = await seated(review)
    await gives(review, case_id, first, "71.3")
    await gives(review, case_id, second, "72.9")
    outsiders = [
        review.province,
        review.officer("decision_meeting"),
        review.officer("auditor"),
        review.officer("city_office", "520100"),
        review.officer("county_office", "520102"),
        review.officer("expert", sub=third),
    ]

    read = [await text_of(who, case_id) for who in outsiders]
    own = await text_of(review.officer("expert", sub=first), case_id)

    for text in read:
        assert not [secret for secret in (PROOF, "71.3", "72.9") if secret in text]
        assert '"sheets":[]' in text
    assert PROOF in own
    assert "71.3" in own
    assert "72.9" not in own
    members = (await review.panel(case_id))["members"]
    assert [one["status"] for one in members] == ["scored", "scored", "called"]
    assert (await review.case(case_id))["stage"] == "expert_evaluation"
    assert "72.9" not in str(await review.service.events())
    assert "72.9" not in str(await review.service.history())

    await gives(review, case_id, third, "70.0")
    for who in outsiders[:3]:
        sheets = (await who.get(f"/review-cases/{case_id}/panel")).json()["sheets"]
        assert [one["total"] for one in sheets] == ["71.30", "72.90", "70.00"]
    mine = (await review.officer("expert", sub=third).get(f"/review-cases/{case_id}/panel")).json()
    assert [one["total"] for one in mine["sheets"]] == ["70.00"]
    assert mine["members"] == []


async def test_an_alarm_does_not_say_how_far_apart_the_points_are(review: Review) -> None:
    case_id, _, _ = await seated(review)
    await settle(review, case_id, "93.7", "51.1", "90.0")
    [fourth] = await review.called(case_id)

    for who in (
        review.province,
        review.officer("decision_meeting"),
        review.officer("auditor"),
        review.officer("city_office", "520100"),
        review.officer("expert", sub=fourth),
    ):
        text = await text_of(who, case_id)
        # 42.6 is the spread; any of them would tell the fourth what the others gave.
        assert not [one for one in ("93.7", "51.1", "42.6", PROOF) if one in text]
    assert "42.6" not in str(await review.service.history())


async def test_a_sheet_is_sealed_in_history_before_it_is_shown(review: Review) -> None:
    case_id, _, _ = await seated(review)

    await settle(review, case_id, "80.0", "80.0", "80.0")

    sheets = (await review.panel(case_id))["sheets"]
    sealed = [
        one["data"]["sheet_sha256"]
        for one in (await review.case(case_id))["history"]
        if one["action"] == "scored"
    ]
    assert [one["sha256"] for one in sheets] == sealed
    # Three sheets alike have three seals, or else whoever gave one could try out the others.
    assert len(set(sealed)) == 3
    for one in sheets:
        content = {"id": one["id"], "items": one["items"]}
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(canonical.encode()).hexdigest() == one["sha256"]
    assert await review.service.chain_is_sound()


async def test_a_city_never_learns_who_the_experts_are(review: Review) -> None:
    case_id, called, _ = await seated(review)
    offices = [
        review.officer("city_office", "520100"),
        review.officer("county_office", "520102"),
    ]
    known = [*review.codes, *review.codes.values(), *(f"专家{sub}" for sub in review.codes)]

    async def look() -> None:
        for who in offices:
            text = await text_of(who, case_id)
            assert not [one for one in known if f'"{one}"' in text or f"{one}，" in text]

    await look()
    await recuse(review, case_id, called[0], reason=f"{called[0]}，与其相识", kind="family")
    await look()
    await excuse(review, case_id, called[1])
    await look()
    await settle(review, case_id, "90.0", "40.0", "60.0")
    await look()
    await settle(review, case_id, "20.0")
    await look()
    await moderate(review, case_id, "61.5")
    await look()

    case = (await offices[0].get(f"/review-cases/{case_id}")).json()
    panel = (await offices[0].get(f"/review-cases/{case_id}/panel")).json()
    assert (panel["members"], panel["sheets"]) == ([], [])
    # How it ended it does learn: the points are the reason of the decision.
    assert [one["points"] for one in case["panel_results"]] == ["61.50"]
    assert {one["by"] for one in case["history"] if "expert" in one["offices"]} == {"panel"}
    assert {one["reason"] for one in case["history"] if one["action"] == "recused"} == {None}


async def test_a_city_sees_the_panel_decide_and_not_one_expert(review: Review) -> None:
    case_id = await review.evaluated()

    seen = (await review.officer("city_office", "520100").get(f"/review-cases/{case_id}")).json()
    full = await review.case(case_id)

    assert seen["decisions"][-1]["decided_by"] == "panel"
    assert full["decisions"][-1]["decided_by"] in review.codes


async def test_a_new_panel_does_not_know_what_the_one_before_gave(review: Review) -> None:
    await review.pool(*(f"expert-{number}" for number in range(1, 8)))
    case_id, earlier = await differing(review)
    assert (await moderate(review, case_id, "81.9")).status_code == 201
    screening = (await review.case(case_id))["decisions"][1]
    aside = await review.officer("provincial_office", sub="reviser").post(
        f"/review-cases/{case_id}/set-asides",
        json={
            "decision_id": screening["id"],
            "reason": "审核有误",
            "document_number": "更正〔2026〕1号",
        },
    )
    assert aside.status_code == 201, aside.text
    assert (await review.decide(case_id, sub="another-screener")).status_code == 201
    for sub in earlier:
        await change_expert(review, sub, is_active=False)
    await review.drawn(case_id)
    called = await review.called(case_id)

    assert set(called) == set(review.codes) - set(earlier)
    for sub in called:
        text = await text_of(review.officer("expert", sub=sub), case_id)
        # Neither what it came to nor how far apart they were, from 20 to 90.
        assert not [one for one in ("81.9", '"70.00"', "综合材料复议", PROOF) if one in text]
    for sub in (*called, *earlier):
        who = review.officer("expert", sub=sub)
        panel = (await who.get(f"/review-cases/{case_id}/panel")).json()
        case = (await who.get(f"/review-cases/{case_id}")).json()
        assert (panel["results"], case["panel_results"]) == ([], [])
        assert "expert_evaluation" not in {one["stage"] for one in case["decisions"]}
    first_results = (await review.panel(case_id))["results"]
    assert [one["points"] for one in first_results] == ["81.90"]

    await settle(review, case_id, "70.0", "70.0", "70.0")
    results = (await review.panel(case_id))["results"]
    assert [one["points"] for one in results] == ["81.90", "70.00"]


# ---------------------------------------------------------------- sheets


async def test_a_sheet_is_locked_once_it_is_given(review: Review) -> None:
    case_id, (first, *_), _ = await seated(review)
    await gives(review, case_id, first, "80.0")

    again = await gives(review, case_id, first, "60.0")
    stepped_aside = await recuse(review, case_id, first)
    taken_off = await excuse(review, case_id, first)

    assert (again.status_code, slug(again)) == (409, "scores-locked")
    assert (stepped_aside.status_code, slug(stepped_aside)) == (409, "scores-locked")
    assert (taken_off.status_code, slug(taken_off)) == (404, "expert-not-found")
    mine = (await review.officer("expert", sub=first).get(f"/review-cases/{case_id}/panel")).json()
    assert [one["total"] for one in mine["sheets"]] == ["80.00"]


async def test_each_thing_wrong_with_a_sheet_is_pointed_at(review: Review) -> None:
    case_id, (first, *_), _ = await seated(review)
    items = worth("80.0")["items"]
    items[0]["points"] = "20.1"
    items[1]["points"] = "-0.1"
    items[2]["points"] = "19.95"
    items[3] = {**items[4]}
    items[5]["indicator"] = "charm"

    answer = await review.officer("expert", sub=first).post(
        f"/review-cases/{case_id}/scores", json={"items": items}
    )

    assert (answer.status_code, slug(answer)) == (422, "scores-incomplete")
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/items/0/points", "above_maximum"),
        ("/items/1/points", "below_zero"),
        ("/items/2/points", "too_many_places"),
        ("/items/4/indicator", "listed_twice"),
        ("/items/5/indicator", "unknown_indicator"),
        ("/items", "indicator_missing"),
        ("/items", "indicator_missing"),
    ]
    assert (await review.called(case_id))[0] == first


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"reason": " "}, "/items/2/reason"),
        ({"points": "NaN"}, "/items/2/points"),
        ({"points": "many"}, "/items/2/points"),
        ({"points": None}, "/items/2/points"),
        ({"weight": 2}, "/items/2/weight"),
    ],
)
async def test_a_sheet_that_cannot_be_read_is_pointed_at(
    review: Review, wrong: dict[str, Any], pointer: str
) -> None:
    case_id, (first, *_), _ = await seated(review)
    body = worth("80.0")
    body["items"][2].update(wrong)

    answer = await review.officer("expert", sub=first).post(
        f"/review-cases/{case_id}/scores", json=body
    )

    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert (await review.called(case_id))[0] == first


async def test_whoever_is_not_on_the_panel_finds_no_case(review: Review) -> None:
    case_id, called, ranking = await seated(review)
    codes = {code: sub for sub, code in review.codes.items()}
    ranked_only = codes[ranking[3]]

    for sub in (ranked_only, "never-registered"):
        who = review.officer("expert", sub=sub)
        answers = [
            await gives(review, case_id, sub, "80.0"),
            await recuse(review, case_id, sub),
            await who.get(f"/review-cases/{case_id}"),
            await who.get(f"/review-cases/{case_id}/panel"),
        ]
        assert [(one.status_code, slug(one)) for one in answers] == [
            (404, "review-case-not-found")
        ] * 4
        assert (await who.get("/work-list")).json()["items"] == []
    assert len(called) == 3
    on_it = (await review.officer("expert", sub=called[0]).get("/work-list")).json()
    assert [one["id"] for one in on_it["items"]] == [case_id]
    for office, region in (("provincial_office", "520000"), ("decision_meeting", "520000")):
        refused = await review.officer(office, region).post(
            f"/review-cases/{case_id}/scores", json=worth("80.0")
        )
        assert refused.status_code == 403


async def test_what_was_given_is_taken_off_the_work_list(review: Review) -> None:
    case_id, (first, *_), _ = await seated(review)
    who = review.officer("expert", sub=first)
    await gives(review, case_id, first, "80.0")

    waiting = (await who.get("/work-list")).json()

    assert (waiting["items"], waiting["waiting"]) == ([], 0)
    assert (await who.get(f"/review-cases/{case_id}")).status_code == 200


async def test_an_expert_who_became_bound_is_refused_and_steps_aside(review: Review) -> None:
    case_id, (tied, employed, moved), _ = await seated(review)
    await review.province.post(
        "/ties", json={"sub": tied, "uscc": uscc_of(1), "kind": "advice", "note": "签约顾问"}
    )
    await change_expert(review, employed, employer_uscc=uscc_of(1))
    await change_expert(review, moved, division="520103")

    answers = [await gives(review, case_id, sub, "80.0") for sub in (tied, employed, moved)]

    assert [(one.status_code, slug(one)) for one in answers] == [
        (409, "bound-to-enterprise"),
        (409, "expert-unfit"),
        (409, "expert-unfit"),
    ]
    assert [one["status"] for one in (await review.panel(case_id))["members"]] == ["called"] * 3
    # Stepping aside is open to those who are bound: that is what it is for.
    for sub in (tied, employed, moved):
        assert (await recuse(review, case_id, sub)).status_code == 201
    await review.scored(case_id)
    assert (await review.case(case_id))["stage"] == "determination"


# ---------------------------------------------------------------- concluding


async def test_a_panel_concludes_with_its_third_sheet_and_no_sooner(review: Review) -> None:
    case_id, (first, second, third), _ = await seated(review)

    await gives(review, case_id, first, "80.0")
    await gives(review, case_id, second, "70.0")
    before = await review.case(case_id)
    await gives(review, case_id, third, "75.5")
    after = await review.case(case_id)

    assert (before["stage"], before["phase"], before["panel_results"]) == (
        "expert_evaluation",
        "scoring",
        [],
    )
    assert (after["stage"], after["status"]) == ("determination", "in_review")
    [result] = after["panel_results"]
    # The mean of the shipped pack: 225.5 by three, to two places.
    assert {name: result[name] for name in ("points", "pass_at_least", "spread", "sheets")} == {
        "points": "75.17",
        "pass_at_least": "60.00",
        "spread": "10.00",
        "sheets": 3,
    }
    assert (result["aggregation"], result["has_passed"], result["is_moderated"]) == (
        "mean",
        True,
        False,
    )
    assert after["history"][-1]["data"]["points"] == "75.17"
    assert (await review.types())[-1] == "case.advanced"


@pytest.mark.parametrize(
    ("totals", "points", "status", "stage"),
    [
        (("60.0", "60.0", "60.0"), "60.00", "in_review", "determination"),
        (("50.0", "60.0", "70.0"), "60.00", "in_review", "determination"),
        (("60.0", "60.0", "59.9"), "59.97", "rejected", "expert_evaluation"),
        (("60.1", "60.0", "59.8"), "59.97", "rejected", "expert_evaluation"),
        (("0.0", "0.0", "0.0"), "0.00", "rejected", "expert_evaluation"),
        (("100.0", "100.0", "100.0"), "100.00", "in_review", "determination"),
    ],
)
async def test_sixty_points_pass_and_a_hundredth_less_does_not(
    review: Review, totals: tuple[str, ...], points: str, status: str, stage: str
) -> None:
    case_id, _, _ = await seated(review)

    await settle(review, case_id, *totals)

    case = await review.case(case_id)
    assert (case["status"], case["stage"]) == (status, stage)
    assert [one["points"] for one in case["panel_results"]] == [points]
    assert points in case["decisions"][-1]["reason"]
    assert "60" in case["decisions"][-1]["reason"]
    announced = (await review.service.events())[-1]
    if status == "rejected":
        assert announced["type"] == "cn.srdi.case.rejected.v1"
        assert points in announced["data"]["reason"]


async def test_the_last_two_sheets_at_the_same_moment_conclude_once(review: Review) -> None:
    case_id, (first, second, third), _ = await seated(review)
    await gives(review, case_id, first, "80.0")

    answers = await asyncio.gather(
        gives(review, case_id, second, "82.0"), gives(review, case_id, third, "84.0")
    )

    assert [one.status_code for one in answers] == [201, 201]
    case = await review.case(case_id)
    assert case["stage"] == "determination"
    assert [one["points"] for one in case["panel_results"]] == ["82.00"]
    assert [one["action"] for one in case["history"]].count("decided:endorse") == 3
    assert [one["stage"] for one in case["decisions"]].count("expert_evaluation") == 1
    assert (await review.types()).count("case.advanced") == 3


async def test_the_whole_panel_at_the_same_moment_concludes_once(review: Review) -> None:
    case_id, called, _ = await seated(review)

    answers = await asyncio.gather(
        *(
            gives(review, case_id, sub, total)
            for sub, total in zip(called, ("90.0", "60.0", "80.0"), strict=True)
        )
    )

    assert [one.status_code for one in answers] == [201] * 3
    actions = [one["action"] for one in (await review.case(case_id))["history"]]
    assert (actions.count("scored"), actions.count("spread_alarm")) == (3, 1)
    assert len(await review.called(case_id)) == 1


@pytest.mark.parametrize("is_last", [False, True])
async def test_a_double_click_is_one_sheet(review: Review, is_last: bool) -> None:
    case_id, called, _ = await seated(review)
    if is_last:
        for sub in called[1:]:
            await gives(review, case_id, sub, "80.0")

    answers = await asyncio.gather(*(gives(review, case_id, called[0], "80.0") for _ in range(4)))

    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    case = await review.case(case_id)
    assert [one["action"] for one in case["history"]].count("scored") == (3 if is_last else 1)
    assert case["stage"] == ("determination" if is_last else "expert_evaluation")


async def test_a_sheet_and_a_recusal_at_the_same_moment_are_one_of_the_two(
    review: Review,
) -> None:
    case_id, (first, *_), _ = await seated(review)

    given, stepped = await asyncio.gather(
        gives(review, case_id, first, "80.0"), recuse(review, case_id, first)
    )

    outcomes = {(201, 409): "scored", (404, 201): "recused"}
    status = outcomes[given.status_code, stepped.status_code]
    members = (await review.panel(case_id))["members"]
    assert [one["status"] for one in members if one["expert"] == review.codes[first]] == [status]
    assert sum(one["status"] in {"called", "scored"} for one in members) == 3


# ---------------------------------------------------------------- too far apart


@pytest.mark.parametrize(
    ("totals", "is_alarmed"),
    [(("80.0", "60.0", "70.0"), False), (("80.1", "60.0", "70.0"), True)],
)
async def test_more_than_twenty_points_apart_call_the_next_of_the_ranking(
    review: Review, totals: tuple[str, ...], is_alarmed: bool
) -> None:
    case_id, _, ranking = await seated(review)

    await settle(review, case_id, *totals)

    panel = await review.panel(case_id)
    assert [one["expert"] for one in panel["members"]] == ranking[: 4 if is_alarmed else 3]
    assert panel["phase"] == ("scoring" if is_alarmed else None)
    assert panel["results"] == [] or not is_alarmed
    if is_alarmed:
        assert panel["members"][-1]["called_because"] == "alarm"
        # The three are seen no sooner than the fourth's.
        assert panel["sheets"] == []
        assert (await review.case(case_id))["stage"] == "expert_evaluation"


async def test_the_fourth_sheet_settles_it_where_three_agree(review: Review) -> None:
    case_id, _, _ = await seated(review)
    await settle(review, case_id, "90.0", "60.0", "80.0")

    await settle(review, case_id, "85.0")

    case = await review.case(case_id)
    [result] = case["panel_results"]
    assert case["stage"] == "determination"
    # 60 stands out and is left out: 255 by three, and ten points between those that count.
    assert (result["points"], result["spread"], result["sheets"]) == ("85.00", "10.00", 4)
    assert (result["is_moderated"], result["moderation_reason"]) == (False, None)
    assert len((await review.panel(case_id))["sheets"]) == 4


async def test_a_lone_generous_sheet_does_not_carry_a_case_over_the_bar(review: Review) -> None:
    case_id, _, _ = await seated(review)
    await settle(review, case_id, "100.0", "55.0", "58.0")

    await settle(review, case_id, "56.0")

    case = await review.case(case_id)
    assert case["status"] == "rejected"
    assert [one["points"] for one in case["panel_results"]] == ["56.33"]


async def test_where_the_fourth_settles_nothing_it_is_for_a_moderator(review: Review) -> None:
    case_id, _ = await differing(review)

    case = await review.case(case_id)
    panel = await review.panel(case_id)
    waiting = (await review.province.get("/work-list")).json()["items"]

    assert (case["stage"], case["phase"], case["panel_results"]) == (
        "expert_evaluation",
        "moderation",
        [],
    )
    # All are in, so whoever moderates reads them.
    assert sorted(one["total"] for one in panel["sheets"]) == ["20.00", "40.00", "60.00", "90.00"]
    assert [one["id"] for one in waiting] == [case_id]
    late = await gives(review, case_id, "expert-1", "80.0")
    assert late.status_code in {404, 409}


# ---------------------------------------------------------------- moderation


@pytest.mark.parametrize("points", ["90.01", "19.99", "100", "0"])
async def test_a_moderator_stays_within_what_the_experts_gave(review: Review, points: str) -> None:
    case_id, _ = await differing(review)

    answer = await moderate(review, case_id, points)

    assert (answer.status_code, slug(answer)) == (422, "moderation-out-of-range")
    assert (await review.case(case_id))["phase"] == "moderation"


@pytest.mark.parametrize(
    ("points", "status"),
    [("90", "in_review"), ("60", "in_review"), ("59.99", "rejected"), ("20.00", "rejected")],
)
async def test_a_moderation_is_recorded_with_its_reason(
    review: Review, points: str, status: str
) -> None:
    case_id, _ = await differing(review)

    answer = await moderate(review, case_id, points)
    again = await moderate(review, case_id, points)

    assert answer.status_code == 201, answer.text
    assert again.status_code == 409
    case = await review.case(case_id)
    [result] = case["panel_results"]
    assert case["status"] == status
    assert Decimal(result["points"]) == Decimal(points)
    assert (result["is_moderated"], result["moderation_reason"]) == (True, "综合材料复议")
    assert (result["spread"], result["sheets"]) == ("70.00", 4)
    decision = case["decisions"][-1]
    assert decision["decided_by"] == "moderator"
    assert "综合材料复议" in decision["reason"]
    assert points in decision["reason"]
    assert case["history"][-1]["data"]["is_moderated"] is True


async def test_moderators_at_the_same_moment_settle_it_once(review: Review) -> None:
    case_id, _ = await differing(review)

    answers = await asyncio.gather(
        *(moderate(review, case_id, points, sub=points) for points in ("61", "62", "63"))
    )

    assert sorted(one.status_code for one in answers) == [201, 409, 409]
    assert len((await review.case(case_id))["panel_results"]) == 1


async def test_nobody_moderates_who_has_had_a_part_in_the_case(review: Review) -> None:
    case_id, experts = await differing(review)
    await review.province.post(
        "/ties",
        json={"sub": "shareholder", "uscc": uscc_of(1), "kind": "shareholding", "note": "持股"},
    )

    screener = await moderate(review, case_id, "61", sub="decides-provincial_office-520000")
    recommender = await moderate(review, case_id, "61", sub="city_office-520100")
    of_the_panel = [await moderate(review, case_id, "61", sub=sub) for sub in experts]
    bound = await moderate(review, case_id, "61", sub="shareholder")
    meeting = await review.officer("decision_meeting").post(
        f"/review-cases/{case_id}/moderation", json={"points": "61", "reason": "定分"}
    )

    for answer in (screener, recommender, *of_the_panel):
        assert (answer.status_code, slug(answer)) == (409, "separation-of-duties")
    assert (bound.status_code, slug(bound)) == (409, "bound-to-enterprise")
    assert meeting.status_code == 403
    assert (await review.case(case_id))["phase"] == "moderation"
    assert (await moderate(review, case_id, "61")).status_code == 201
    # And whoever moderated has no seat in the meeting.
    determined = await review.determine(case_id, sub="moderator")
    assert [one["code"] for one in determined.json()["errors"]] == ["separation_of_duties"]


async def test_there_is_nothing_to_moderate_while_experts_score(review: Review) -> None:
    case_id, _, _ = await seated(review)

    answer = await moderate(review, case_id, "61")

    assert (answer.status_code, slug(answer)) == (409, "act-not-in-this-phase")


# ---------------------------------------------------------------- stepping aside


async def test_the_next_of_the_ranking_takes_the_seat_of_whoever_steps_aside(
    review: Review,
) -> None:
    case_id, (first, *_), ranking = await seated(review)

    answer = await recuse(review, case_id, first)

    assert answer.status_code == 201
    panel = await review.panel(case_id)
    assert [(one["expert"], one["status"]) for one in panel["members"]] == [
        (ranking[0], "recused"),
        (ranking[1], "called"),
        (ranking[2], "called"),
        (ranking[3], "called"),
    ]
    assert panel["members"][0]["ended_because"] == "与其负责人相识"
    assert panel["members"][3]["called_because"] == "replacement"
    row = (await review.case(case_id))["history"][-1]
    assert (row["action"], row["by"], row["data"]["replaced_by"]) == (
        "recused",
        first,
        [ranking[3]],
    )
    # Whoever stepped aside has no more to do with the case.
    assert (await gives(review, case_id, first, "80.0")).status_code == 404
    who = review.officer("expert", sub=first)
    assert (await who.get(f"/review-cases/{case_id}")).status_code == 404
    assert (await who.get("/ties")).json()["items"] == []


async def test_two_who_step_aside_at_the_same_moment_have_two_replacements(
    review: Review,
) -> None:
    case_id, (first, second, _), ranking = await seated(review)

    answers = await asyncio.gather(recuse(review, case_id, first), recuse(review, case_id, second))

    assert [one.status_code for one in answers] == [201, 201]
    members = (await review.panel(case_id))["members"]
    assert [one["expert"] for one in members] == ranking[:5]
    assert len(await review.called(case_id)) == 3


@pytest.mark.parametrize("kind", [TieKind.FAMILY, TieKind.OTHER])
async def test_a_named_tie_keeps_an_expert_off_that_enterprise_for_good(
    review: Review, kind: TieKind
) -> None:
    case_id, (first, second, _), _ = await seated(review)
    await recuse(review, case_id, first, kind=kind)
    await recuse(review, case_id, second)
    elsewhere = await review.screened(2)
    review.applications.clear()
    later = await review.screened(1, title="provincial_little_giant")

    [lot] = (await review.committed(later)).json()["lots"]
    [other] = (await review.committed(elsewhere)).json()["lots"]

    assert lot["excluded"] == [{"expert": review.codes[first], "code": f"tie_{kind}"}]
    assert review.codes[first] not in lot["candidates"]
    # Without a tie named, it was about that case alone; and of another enterprise nothing was said.
    assert review.codes[second] in lot["candidates"]
    assert other["excluded"] == []
    mine = (await review.officer("expert", sub=first).get("/ties")).json()["items"]
    assert [(one["uscc"], one["kind"]) for one in mine] == [(uscc_of(1), kind)]


async def test_a_replacement_who_is_bound_is_passed_over(review: Review) -> None:
    case_id, (first, *_), ranking = await seated(review)
    codes = {code: sub for sub, code in review.codes.items()}
    await review.province.post(
        "/ties",
        json={"sub": codes[ranking[3]], "uscc": uscc_of(1), "kind": "other", "note": "须回避"},
    )
    await change_expert(review, codes[ranking[4]], is_active=False)

    await recuse(review, case_id, first)

    members = (await review.panel(case_id))["members"]
    assert [one["expert"] for one in members] == [*ranking[:3], ranking[5]]


async def test_the_province_excuses_whoever_does_not_answer(review: Review) -> None:
    case_id, (first, second, third), ranking = await seated(review)
    await gives(review, case_id, second, "80.0")
    codes = {code: sub for sub, code in review.codes.items()}

    in_time = await review.province.post(
        f"/review-cases/{case_id}/recusals",
        json={"reason": "想换一位", "expert": review.codes[first]},
    )
    answer = await excuse(review, case_id, first)
    by_who_drew = await review.officer("provincial_office", sub="draw-witness").post(
        f"/review-cases/{case_id}/recusals",
        json={"reason": "想换一位", "expert": review.codes[third]},
    )
    again = await excuse(review, case_id, first)
    never_called = await excuse(review, case_id, codes[ranking[5]])
    unknown = await review.province.post(
        f"/review-cases/{case_id}/recusals", json={"reason": "无此人", "expert": "22222222"}
    )
    by_an_expert = await recuse(review, case_id, third, expert=review.codes[second])

    assert (in_time.status_code, slug(in_time)) == (409, "expert-not-late")
    assert (by_who_drew.status_code, slug(by_who_drew)) == (409, "separation-of-duties")
    assert answer.status_code == 201
    for refused in (again, never_called, unknown):
        assert (refused.status_code, slug(refused)) == (404, "expert-not-found")
    assert (by_an_expert.status_code, slug(by_an_expert)) == (403, "not-allowed")
    members = (await review.panel(case_id))["members"]
    assert [one["status"] for one in members] == ["excused", "scored", "called", "called"]
    row = (await review.case(case_id))["history"][-1]
    assert (row["action"], row["reason"], row["data"]["expert"]) == (
        "expert_excused",
        "逾期未评分",
        ranking[0],
    )
    await review.scored(case_id, (80, 80))
    assert (await review.case(case_id))["stage"] == "determination"


async def test_the_province_has_no_seat_of_its_own_to_leave(review: Review) -> None:
    case_id, _, _ = await seated(review)

    answer = await review.province.post(
        f"/review-cases/{case_id}/recusals", json={"reason": "与其相识"}
    )

    assert answer.status_code == 403
    assert len(await review.called(case_id)) == 3


# ---------------------------------------------------------------- an exhausted draw


async def test_an_exhausted_draw_is_filled_up_by_appointment(review: Review) -> None:
    await review.pool("a", "b", "c")
    case_id, (first, second, third), _ = await seated(review)
    await gives(review, case_id, second, "80.0")
    await recuse(review, case_id, first)
    forming = await review.panel(case_id)
    await review.pool("d", "e")
    await review.pool("neighbour", division="520103")
    await review.pool("employee", employer_uscc=uscc_of(1))
    await review.pool("inactive", "decides-provincial_office-520000")
    await change_expert(review, "inactive", is_active=False)
    code = review.codes

    # One seat is empty, and everybody who is not fit for it is named with the reason.
    unfit = await appoint(
        review,
        case_id,
        *(code[one] for one in ("neighbour",)),
    )
    several = await appoint(
        review, case_id, code["d"], "22222222", code["d"], code[first], code[second], code["e"]
    )
    others = {
        name: (await appoint(review, case_id, code[name])).json()["errors"]
        for name in ("employee", "inactive", "decides-provincial_office-520000")
    }
    given = await appoint(review, case_id, code["d"])
    more = await appoint(review, case_id, code["e"])

    assert (forming["phase"], len(forming["members"])) == ("forming", 3)
    assert (unfit.status_code, slug(unfit)) == (409, "expert-unfit")
    assert [(one["pointer"], one["code"]) for one in unfit.json()["errors"]] == [
        ("/experts/0", "same_city")
    ]
    assert [(one["pointer"], one["code"]) for one in several.json()["errors"]] == [
        ("/experts/1", "unknown"),
        ("/experts/2", "called_before"),
        ("/experts/3", "called_before"),
        ("/experts/4", "called_before"),
        ("/experts/5", "panel_full"),
    ]
    assert {name: [one["code"] for one in found] for name, found in others.items()} == {
        "employee": ["employer"],
        "inactive": ["inactive"],
        "decides-provincial_office-520000": ["decided"],
    }
    assert given.status_code == 201, given.text
    assert (more.status_code, slug(more)) == (409, "act-not-in-this-phase")
    panel = await review.panel(case_id)
    assert panel["phase"] == "scoring"
    assert (panel["members"][-1]["expert"], panel["members"][-1]["called_because"]) == (
        code["d"],
        "appointment",
    )
    row = (await review.case(case_id))["history"][-1]
    assert (row["action"], row["reason"], row["data"]["experts"]) == (
        "experts_appointed",
        "抽取名单已用尽",
        [code["d"]],
    )
    for sub in (third, "d"):
        assert (await gives(review, case_id, sub, "80.0")).status_code == 201
    assert (await review.case(case_id))["stage"] == "determination"


async def test_a_panel_of_two_concludes_nothing(review: Review) -> None:
    await review.pool("a", "b")
    case_id, called, _ = await seated(review)

    for sub in called:
        assert (await gives(review, case_id, sub, "80.0")).status_code == 201

    case = await review.case(case_id)
    panel = await review.panel(case_id)
    assert len(called) == 2
    assert (case["stage"], case["phase"], case["panel_results"]) == (
        "expert_evaluation",
        "forming",
        [],
    )
    assert panel["sheets"] == []
    [third] = await review.pool("c")
    await appoint(review, case_id, third)
    assert (await gives(review, case_id, "c", "80.0")).status_code == 201
    assert (await review.case(case_id))["stage"] == "determination"


async def test_a_pool_in_which_everybody_is_bound_forms_a_panel_by_appointment(
    review: Review,
) -> None:
    await review.pool("a", "b", "c", division="520103")
    case_id = await review.screened()
    draw = await review.drawn(case_id)
    fit = await review.pool("d", "e", "f")

    some = await appoint(review, case_id, *fit[:2])
    rest = await appoint(review, case_id, fit[2])

    assert (draw["lots"][0]["candidates"], draw["lots"][0]["drawn"]) == ([], [])
    assert (some.json()["phase"], rest.json()["phase"]) == ("forming", "scoring")
    await review.scored(case_id)
    assert (await review.case(case_id))["stage"] == "determination"


async def test_an_alarm_that_finds_nobody_left_awaits_an_appointment(review: Review) -> None:
    await review.pool("a", "b", "c")
    case_id, _, _ = await seated(review)
    await settle(review, case_id, "90.0", "60.0", "80.0")
    exhausted = await review.panel(case_id)
    [fourth] = await review.pool("d")

    answer = await appoint(review, case_id, fourth)
    await settle(review, case_id, "85.0")

    assert (exhausted["phase"], exhausted["sheets"]) == ("forming", [])
    assert answer.status_code == 201, answer.text
    [result] = (await review.case(case_id))["panel_results"]
    assert result["points"] == "85.00"


async def test_nobody_is_appointed_before_a_draw_or_while_the_draw_has_experts(
    review: Review,
) -> None:
    codes = await review.pool()
    case_id = await review.screened()

    early = await appoint(review, case_id, codes[0])
    await review.committed(case_id)
    under_way = await appoint(review, case_id, codes[0])
    other = await review.screened(2)
    await review.drawn(other)
    seated_already = await appoint(review, other, codes[0])

    assert (early.status_code, slug(early)) == (409, "panel-is-drawn")
    assert (under_way.status_code, slug(under_way)) == (409, "panel-is-drawn")
    assert (seated_already.status_code, slug(seated_already)) == (409, "act-not-in-this-phase")
    assert (await review.panel(case_id))["members"] == []


async def test_nobody_is_appointed_from_another_provinces_pool(review: Review) -> None:
    await review.pool("a", "b")
    case_id, _, _ = await seated(review)
    elsewhere = await review.officer("provincial_office", "530000").post(
        "/experts",
        json={
            "sub": "stranger",
            "name": "外省专家",
            "employer": "示例大学",
            "employer_uscc": None,
            "fields": ["advanced_equipment"],
            "division": "530100",
        },
    )

    answer = await appoint(review, case_id, elsewhere.json()["code"])

    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/experts/0", "unknown")
    ]
    assert len(await review.called(case_id)) == 2


async def test_appointments_at_the_same_moment_fill_only_the_seats_there_are(
    review: Review,
) -> None:
    await review.pool("a", "b")
    case_id, _, _ = await seated(review)
    codes = await review.pool("c", "d", "e")

    answers = await asyncio.gather(*(appoint(review, case_id, code) for code in codes))

    assert sorted(one.status_code for one in answers) == [201, 409, 409]
    assert len(await review.called(case_id)) == 3


# ---------------------------------------------------------------- who decided an earlier stage


async def test_whoever_decided_an_earlier_stage_is_never_seated(review: Review) -> None:
    await review.pool("screener", "a", "b")
    case_id = await review.submitted()
    await review.recommend(case_id)
    await review.decide(case_id, sub="screener")

    draw = await review.drawn(case_id)
    answer = await appoint(review, case_id, review.codes["screener"])

    [lot] = draw["lots"]
    assert lot["excluded"] == [{"expert": review.codes["screener"], "code": "decided"}]
    assert sorted(await review.called(case_id)) == ["a", "b"]
    assert [one["code"] for one in answer.json()["errors"]] == ["decided"]
    assert (await gives(review, case_id, "screener", "80.0")).status_code == 404


async def test_an_expert_of_the_panel_does_not_determine_its_case(review: Review) -> None:
    case_id, called, _ = await seated(review)
    await review.scored(case_id)

    for sub in called:
        answer = await review.determine(case_id, sub=sub)
        assert [one["code"] for one in answer.json()["errors"]] == ["separation_of_duties"]
    assert (await review.determine(case_id)).status_code == 201


# ---------------------------------------------------------------- other ends


async def test_a_case_that_is_withdrawn_takes_no_more_points(review: Review) -> None:
    case_id, (first, second, _), _ = await seated(review)
    await gives(review, case_id, first, "80.0")
    await review.withdrawn(1)

    scored = await gives(review, case_id, second, "80.0")
    stepped = await recuse(review, case_id, second)

    assert (scored.status_code, slug(scored)) == (409, "review-case-not-open")
    assert stepped.status_code == 409
    case = await review.case(case_id)
    assert (case["status"], case["phase"], case["panel_results"]) == ("withdrawn", None, [])


async def test_a_route_without_a_panel_has_none_to_read(review: Review) -> None:
    case_id = await review.submitted(pack="national/2026-04-01")

    answer = await review.province.get(f"/review-cases/{case_id}/panel")
    nowhere = await review.province.get(f"/review-cases/{uuid4()}/panel")

    assert (answer.status_code, slug(answer)) == (404, "panel-not-on-route")
    assert (nowhere.status_code, slug(nowhere)) == (404, "review-case-not-found")


async def test_an_office_reads_beforehand_what_points_are_given_for(review: Review) -> None:
    case_id = await review.submitted()

    panel = (
        await review.officer("city_office", "520100").get(f"/review-cases/{case_id}/panel")
    ).json()

    assert [(one["id"], one["out_of"]) for one in panel["indicators"]] == [
        (one.id, one.out_of) for one in INDICATORS
    ]
    assert sum(one["out_of"] for one in panel["indicators"]) == 100
    assert (panel["experts"], panel["aggregation"]) == (3, "mean")
    assert Decimal(panel["spread_alarm"]) == 20
    assert Decimal(panel["pass_at_least"]) == 60


async def test_an_expert_who_was_taken_out_of_the_pool_scores_no_more(review: Review) -> None:
    case_id, (first, *_), _ = await seated(review)
    await change_expert(review, first, is_active=False)

    answer = await review.score(case_id, first)

    assert (answer.status_code, slug(answer)) == (409, "expert-unfit")


async def test_a_tie_that_is_named_in_a_recusal_is_declared(review: Review) -> None:
    case_id, (first, *_), _ = await seated(review)

    await recuse(review, case_id, first, kind="advice")

    [declared] = [one for one in await review.service.history() if one["action"] == "declared"]
    assert (declared["data"]["sub"], declared["data"]["kind"]) == (first, "advice")


async def test_why_somebody_was_appointed_is_not_told_to_the_city(review: Review) -> None:
    await review.pool("a", "b", "c")
    case_id, (first, *_), _ = await seated(review)
    await recuse(review, case_id, first)
    await review.pool("d")
    await appoint(review, case_id, review.codes["d"])

    read = await review.officer("city_office", "520100").get(f"/review-cases/{case_id}")

    assert "抽取名单已用尽" not in read.text
    assert "抽取名单已用尽" in str(await review.case(case_id))


async def test_whoever_put_an_expert_in_the_pool_or_drew_the_panel_appoints_nobody(
    review: Review,
) -> None:
    await review.pool("a", "b", "c")
    case_id, (first, *_), _ = await seated(review)
    await recuse(review, case_id, first)
    [friend] = await review.pool("friend")
    body = {"experts": [friend], "reason": "抽取名单已用尽"}
    path = f"/review-cases/{case_id}/panel"

    by_keeper = await review.officer("provincial_office", sub="pool-keeper").post(path, json=body)
    by_drawer = await review.officer("provincial_office", sub="draw-keeper").post(path, json=body)
    by_another = await review.province.post(path, json=body)

    assert by_keeper.json()["errors"][0]["code"] == "own_entry"
    assert slug(by_drawer) == "separation-of-duties"
    assert by_another.status_code == 201
