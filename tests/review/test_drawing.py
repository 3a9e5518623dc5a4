"""Draws over the API: nobody can choose who is drawn, and anybody can work it out again."""

import asyncio
import hashlib
import json
import sys
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from deploy.schema import PROJECT
from services.policy.procedure import TieKind
from tests.builders.enterprises import uscc_of
from tests.review.conftest import NATIONAL, TODAY, Review, slug

SCRIPT = PROJECT / "docs" / "rerun_draw.py"
AGREES, DIFFERS = 0, 1


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def expert(review: Review, sub: str, **told: Any) -> str:
    """Take one expert into the pool. Return the code."""
    answer = await review.province.post(
        "/experts",
        json={
            "sub": sub,
            "name": f"专家{sub}",
            "employer": "示例大学",
            "employer_uscc": None,
            "fields": ["advanced_equipment"],
            "division": "530100",
            **told,
        },
    )
    assert answer.status_code == 201, answer.text
    review.codes[sub] = answer.json()["code"]
    return review.codes[sub]


async def told_anew(review: Review, sub: str, **told: Any) -> None:
    """Change what the pool knows of an expert."""
    path = f"/experts/{review.codes[sub]}"
    read = await review.province.get(path)
    known = {
        name: read.json()[name]
        for name in ("name", "employer", "employer_uscc", "fields", "division", "is_active")
    }
    answer = await review.province.ask(
        "PUT", path, headers={"If-Match": read.headers["ETag"]}, json=known | told
    )
    assert answer.status_code == 200, answer.text


async def bind(review: Review, sub: str, serial: int = 1, **told: Any) -> None:
    answer = await review.province.post(
        "/ties",
        json={"sub": sub, "uscc": uscc_of(serial), "kind": "other", "note": "须回避", **told},
    )
    assert answer.status_code == 201, answer.text


def next_day(review: Review) -> None:
    review.service.clock.move_to_day(review.service.clock.today() + timedelta(days=1))


async def in_public(review: Review, draw_id: str) -> Any:
    return await review.service.anyone().get(f"/api/v1/public/draws/{draw_id}")


async def run_again(content: bytes) -> tuple[int, str]:
    """Let the published script work a draw out, as a stranger would."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(SCRIPT),
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(content)
    code = process.returncode
    assert code is not None
    return code, said.decode()


# ---------------------------------------------------------------- committing


async def test_a_commitment_fixes_who_may_be_drawn(review: Review) -> None:
    codes = await review.pool()
    case_id = await review.screened()

    answer = await review.committed(case_id)
    late = await expert(review, "latecomer")
    shown = (await in_public(review, answer.json()["id"])).json()
    next_day(review)
    revealed = (await review.revealed(answer.json()["id"])).json()

    [lot] = shown["lots"]
    assert (lot["lot"], lot["seats"], lot["candidates"]) == (case_id, 3, sorted(codes))
    fixed = {"candidates": lot["candidates"], "lot": case_id, "seats": 3}
    assert lot["candidates_sha256"] == sha256(
        json.dumps(fixed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    )
    assert (shown["status"], lot["ranking"], lot["drawn"]) == ("committed", None, None)
    # Whoever comes to the pool later is not part of it.
    assert late not in revealed["lots"][0]["ranking"]
    assert revealed["lots"][0]["candidates_sha256"] == lot["candidates_sha256"]
    rows = [row for row in await review.service.history() if row["subject_type"] == "draw"]
    assert [row["action"] for row in rows] == ["committed", "revealed"]
    assert rows[0]["data"]["commitment"] == shown["commitment"]
    assert rows[0]["data"]["lots"] == {case_id: lot["candidates_sha256"]}


async def test_the_secret_is_seen_nowhere_before_the_reveal(review: Review) -> None:
    await review.pool()
    case_id = await review.screened()
    committed = await review.committed(case_id)
    path = f"/draws/{committed.json()['id']}"
    keeper = review.officer("provincial_office", sub="draw-keeper")

    before = [
        committed.text,
        *[
            (await reader.get(where)).text
            for reader in (review.province, keeper, review.officer("auditor"))
            for where in (path, "/draws", f"/review-cases/{case_id}")
        ],
        (await in_public(review, committed.json()["id"])).text,
        (await review.service.anyone().get("/api/v1/public/draws")).text,
        str(await review.service.history()),
        str(await review.service.events()),
    ]
    next_day(review)
    revealed = (await review.revealed(committed.json()["id"])).json()

    secret, seed = revealed["secret"], revealed["seed"]
    assert committed.json()["commitment"] == sha256(secret)
    assert seed == sha256(f"{secret}\n3861.87")
    assert all(committed.json()["commitment"] in text for text in before[:1])
    assert not [text for text in before if secret in text or seed in text]
    shown = (await in_public(review, committed.json()["id"])).json()
    assert (shown["secret"], shown["seed"]) == (secret, seed)


async def test_a_draw_takes_all_of_its_cases_or_none_and_names_the_wrong_ones(
    review: Review,
) -> None:
    await review.pool()
    ready, early = await review.screened(1), await review.submitted(2)
    elsewhere = await review.screened(3, pack=NATIONAL)
    stranger = str(uuid4())

    answer = await review.committed(ready, early, elsewhere, stranger)
    twice = await review.committed(ready, ready)
    another_purpose = await review.committed(ready, purpose="site_visits")

    assert (answer.status_code, slug(answer)) == (409, "cases-not-ready-for-draw")
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/case_ids/1", "act_not_at_this_stage"),
        ("/case_ids/2", "another_pack"),
        ("/case_ids/3", "not_in_round"),
    ]
    assert [one["code"] for one in twice.json()["errors"]] == ["listed_twice"] * 2
    assert [one["code"] for one in another_purpose.json()["errors"]] == ["act_not_at_this_stage"]
    assert (await review.province.get("/draws")).json()["items"] == []
    assert "draw_committed" not in str((await review.case(ready))["history"])


async def test_two_draws_at_once_over_one_case_are_one(review: Review) -> None:
    await review.pool()
    cases = [await review.screened(serial) for serial in (1, 2, 3)]

    answers = await asyncio.gather(
        review.committed(cases[0], cases[1]),
        review.committed(cases[1], cases[2]),
        review.committed(cases[1]),
        review.committed(cases[2], cases[1], cases[0]),
    )

    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    for refused in (one for one in answers if one.status_code == 409):
        assert slug(refused) == "cases-not-ready-for-draw"
        assert {one["code"] for one in refused.json()["errors"]} == {"cases_not_ready_for_draw"}
    assert len((await review.province.get("/draws")).json()["items"]) == 1


async def test_a_seated_panel_is_not_drawn_again(review: Review) -> None:
    case_id = await review.screened()
    await review.drawn(case_id)

    answer = await review.committed(case_id)

    assert [one["code"] for one in answer.json()["errors"]] == ["act_not_in_this_phase"]


async def test_a_panel_that_the_draw_could_not_fill_is_not_drawn_again_either(
    review: Review,
) -> None:
    await review.pool("one", "two")
    case_id = await review.screened()
    await review.drawn(case_id)
    await expert(review, "three")

    answer = await review.committed(case_id)

    assert (await review.panel(case_id))["phase"] == "forming"
    assert [one["code"] for one in answer.json()["errors"]] == ["cases_not_ready_for_draw"]


async def test_draws_are_the_provinces_to_make_and_an_auditors_to_read(review: Review) -> None:
    await review.pool()
    case_id = await review.screened()
    draw_id = (await review.committed(case_id)).json()["id"]
    next_day(review)

    for office, region in (
        ("city_office", "520100"),
        ("expert", "520000"),
        ("decision_meeting", "520000"),
        ("auditor", "520000"),
    ):
        who = review.officer(office, region)
        body = {
            "purpose": "experts",
            "round_id": str(review.round_id),
            "case_ids": [case_id],
            "public_source": "次日收盘点位",
        }
        made = [
            await who.post("/draws", json=body),
            await who.post(f"/draws/{draw_id}/reveal", json={"public_value": "1"}),
            await who.post(f"/draws/{draw_id}/abandonment", json={"reason": "作废"}),
        ]
        read = [await who.get("/draws"), await who.get(f"/draws/{draw_id}")]
        assert [one.status_code for one in made] == [403] * 3
        assert [one.status_code for one in read] == [200 if office == "auditor" else 403] * 2
    assert (await review.province.get(f"/draws/{draw_id}")).json()["status"] == "committed"


# ---------------------------------------------------------------- revealing


async def test_a_draw_is_revealed_on_the_next_day_by_somebody_else_and_once(
    review: Review,
) -> None:
    await review.pool()
    case_id = await review.screened()
    draw_id = (await review.committed(case_id)).json()["id"]
    keeper = review.officer("provincial_office", sub="draw-keeper")

    review.service.clock.move_to_day(TODAY, time(23, 50))
    same_day = await review.revealed(draw_id)
    review.service.clock.move_to_day(TODAY + timedelta(days=1), time(0, 0))
    own = await keeper.post(f"/draws/{draw_id}/reveal", json={"public_value": "1"})
    blank = await review.revealed(draw_id, "  ")
    first = await review.revealed(draw_id)
    again = await review.revealed(draw_id, "3861.88")
    given_up = await keeper.post(f"/draws/{draw_id}/abandonment", json={"reason": "结果不佳"})
    unknown = await review.revealed(str(uuid4()))

    assert (same_day.status_code, slug(same_day)) == (409, "draw-too-early")
    assert (own.status_code, slug(own)) == (409, "separation-of-duties")
    assert blank.status_code == 422
    assert first.status_code == 201, first.text
    assert (again.status_code, slug(again)) == (409, "draw-ended")
    assert (given_up.status_code, slug(given_up)) == (409, "draw-ended")
    assert (unknown.status_code, slug(unknown)) == (404, "draw-not-found")
    assert (await review.province.get(f"/draws/{draw_id}")).json() == first.json()
    assert first.json()["ended_by"] == "draw-witness"


async def test_two_reveals_at_once_seat_one_panel(review: Review) -> None:
    await review.pool()
    case_id = await review.screened()
    draw_id = (await review.committed(case_id)).json()["id"]
    next_day(review)

    answers = await asyncio.gather(
        *(review.revealed(draw_id, value) for value in ("3861.87", "3861.88", "3861.89"))
    )

    assert sorted(one.status_code for one in answers) == [201, 409, 409]
    [revealed] = [one.json() for one in answers if one.status_code == 201]
    members = (await review.panel(case_id))["members"]
    assert [one["expert"] for one in members] == revealed["lots"][0]["drawn"]


async def test_a_reveal_and_an_abandonment_at_once_are_one_of_the_two(review: Review) -> None:
    await review.pool()
    case_id = await review.screened()
    draw_id = (await review.committed(case_id)).json()["id"]
    next_day(review)

    answers = await asyncio.gather(
        review.revealed(draw_id),
        review.province.post(f"/draws/{draw_id}/abandonment", json={"reason": "未公布"}),
    )

    assert sorted(one.status_code for one in answers) == [201, 409]
    draw = (await review.province.get(f"/draws/{draw_id}")).json()
    members = (await review.panel(case_id))["members"]
    assert (draw["status"], len(members)) in {("revealed", 3), ("abandoned", 0)}


async def test_a_draw_that_was_given_up_is_never_revealed_and_its_case_is_drawn_anew(
    review: Review,
) -> None:
    await review.pool()
    case_id = await review.screened()
    first = (await review.committed(case_id)).json()

    path = f"/draws/{first['id']}/abandonment"
    by_committer = await review.officer("provincial_office", sub="draw-keeper").post(
        path, json={"reason": "结果不合意"}
    )
    given_up = await review.province.post(path, json={"reason": "公开值未如期公布"})
    next_day(review)
    late = await review.revealed(first["id"])
    second = await review.drawn(case_id)

    assert given_up.json()["status"] == "abandoned"
    assert slug(by_committer) == "separation-of-duties"
    # Whoever gave it up to avoid its outcome is seen to have done so: anybody can work it out.
    assert sha256(given_up.json()["secret"]) == first["commitment"]
    assert given_up.json()["seed"] is None
    assert (late.status_code, slug(late)) == (409, "draw-ended")
    shown = (await in_public(review, first["id"])).json()
    assert (shown["secret"], shown["abandoned_because"]) == (
        given_up.json()["secret"],
        "公开值未如期公布",
    )
    assert second["commitment"] != first["commitment"]
    assert [one["status"] for one in (await review.panel(case_id))["members"]] == ["called"] * 3


async def test_a_reveal_seats_the_panel_in_the_order_of_the_ranking(review: Review) -> None:
    case_id, other = await review.screened(1), await review.screened(2)

    draw = await review.drawn(case_id, other)

    lots = {lot["lot"]: lot for lot in draw["lots"]}
    for one in (case_id, other):
        panel = await review.panel(one)
        assert panel["phase"] == "scoring"
        assert [member["expert"] for member in panel["members"]] == lots[one]["ranking"][:3]
        assert {member["called_because"] for member in panel["members"]} == {"draw"}
        case = await review.case(one)
        # Its days run from the reveal: before it there was nobody to score.
        assert case["entered_on"] == "2026-03-11"
        assert case["due_on"] == "2026-04-09"
    assert len(lots[case_id]["ranking"]) == 6
    assert await review.service.chain_is_sound()


# ---------------------------------------------------------------- running it again


def dropped(draw: dict[str, Any]) -> None:
    draw["lots"][0]["candidates"].pop()


def swapped(draw: dict[str, Any]) -> None:
    ranking = draw["lots"][0]["ranking"]
    ranking[0], ranking[1] = ranking[1], ranking[0]


def replaced(draw: dict[str, Any]) -> None:
    lot = draw["lots"][0]
    lot["drawn"][-1] = lot["ranking"][-1]


def another_value(draw: dict[str, Any]) -> None:
    draw["public_value"] = "3861.88"


def another_secret(draw: dict[str, Any]) -> None:
    draw["secret"] = "0" * 64


@pytest.mark.parametrize("purpose", ["experts", "site_visits"])
async def test_anybody_can_run_a_draw_again_and_sees_what_was_tampered_with(
    review: Review, purpose: str
) -> None:
    pack = {} if purpose == "experts" else {"pack": NATIONAL}
    cases = [await review.screened(serial, **pack) for serial in (1, 2, 3, 4)]
    draw_id = (await review.drawn(*cases, purpose=purpose))["id"]
    published = (await in_public(review, draw_id)).content
    tampers: list[Callable[[dict[str, Any]], None]] = [
        dropped,
        swapped,
        replaced,
        another_value,
        another_secret,
    ]

    honest = await run_again(published)

    assert honest[0] == AGREES, honest[1]
    for tamper in tampers:
        copy = json.loads(published)
        tamper(copy)
        code, said = await run_again(json.dumps(copy).encode())
        assert code == DIFFERS, (tamper.__name__, said)


# ---------------------------------------------------------------- conflicts of interest


async def test_whoever_is_too_close_is_no_candidate_and_is_named_to_the_province_alone(
    review: Review,
) -> None:
    bound = {kind.value: await expert(review, kind.value) for kind in TieKind}
    excluded = {
        **{code: f"tie_{kind}" for kind, code in bound.items()},
        await expert(review, "employee", employer_uscc=uscc_of(1)): "employer",
        await expert(review, "neighbour", division="520103"): "same_city",
        await expert(review, "filer"): "filed",
        await expert(review, "screener"): "decided",
        await expert(review, "recommender"): "decided",
        await expert(review, "lately"): "tie_other",
        await expert(review, "soon"): "tie_other",
    }
    free = [await expert(review, sub) for sub in ("long-ago", "of-another", "a-stranger")]
    for kind in bound:
        await bind(review, kind, kind=kind)
    # Three full years without it: what ended on 10 March 2023 counts until the end of today.
    await bind(review, "lately", until_on="2023-03-10")
    await bind(review, "soon", from_on="2026-09-01")
    await bind(review, "long-ago", until_on="2023-03-09")
    await bind(review, "of-another", serial=2)
    case_id = await review.submitted(filed_by=("filer",))
    assert (await review.recommend(case_id, sub="recommender")).status_code == 201
    assert (await review.decide(case_id, sub="screener")).status_code == 201

    draw = await review.drawn(case_id)

    [lot] = draw["lots"]
    assert {one["expert"]: one["code"] for one in lot["excluded"]} == excluded
    assert lot["candidates"] == sorted(free)
    assert sorted(lot["ranking"]) == sorted(free)
    audited = (await review.officer("auditor").get(f"/draws/{draw['id']}")).json()
    assert audited["lots"] == draw["lots"]
    public = (await in_public(review, draw["id"])).text
    assert "excluded" not in public
    assert not [code for code in excluded if code in public]
    assert sorted(await review.called(case_id)) == ["a-stranger", "long-ago", "of-another"]


async def test_every_reason_of_one_expert_is_named(review: Review) -> None:
    await review.pool()
    code = await expert(review, "all-of-it", division="520102", employer_uscc=uscc_of(1))
    await bind(review, "all-of-it", kind="shareholding")
    case_id = await review.screened()

    [lot] = (await review.committed(case_id)).json()["lots"]

    assert [(one["expert"], one["code"]) for one in lot["excluded"]] == [
        (code, "employer"),
        (code, "tie_shareholding"),
        (code, "same_city"),
    ]


async def test_the_inactive_are_never_drawn_and_not_said_to_step_aside(review: Review) -> None:
    await review.pool()
    gone = await expert(review, "gone")
    await told_anew(review, "gone", is_active=False)
    case_id = await review.screened()

    draw = await review.drawn(case_id)

    assert gone not in str(draw)
    assert "gone" not in await review.called(case_id)


async def test_the_field_is_kept_to_while_it_has_enough(review: Review) -> None:
    of_field = await review.pool("a", "b", "c")
    others = [await expert(review, sub, fields=["food", "software"]) for sub in ("d", "e")]
    narrow = await review.screened(1)
    wide = await review.screened(2, focus_field="software")

    draw = (await review.committed(narrow, wide)).json()

    lots = {lot["lot"]: lot for lot in draw["lots"]}
    assert (lots[narrow]["is_widened"], lots[narrow]["candidates"]) == (False, sorted(of_field))
    # Two of software do not fill three seats, so every field is let in.
    assert (lots[wide]["is_widened"], lots[wide]["candidates"]) == (
        True,
        sorted(of_field + others),
    )


async def test_whoever_leaves_or_is_bound_before_the_reveal_is_passed_over(
    review: Review,
) -> None:
    await review.pool()
    case_id = await review.screened()
    draw_id = (await review.committed(case_id)).json()["id"]
    await told_anew(review, "expert-1", is_active=False)
    await bind(review, "expert-3")
    await told_anew(review, "expert-5", division="520102")
    next_day(review)

    draw = (await review.revealed(draw_id)).json()

    [lot] = draw["lots"]
    passed_over = {review.codes[sub] for sub in ("expert-1", "expert-3", "expert-5")}
    # The published order stays as it was drawn; the seats go down it.
    assert passed_over < set(lot["ranking"])
    members = [one["expert"] for one in (await review.panel(case_id))["members"]]
    assert members == [code for code in lot["ranking"] if code not in passed_over]
    assert (await review.panel(case_id))["phase"] == "scoring"


# ---------------------------------------------------------------- cases that change meanwhile


async def test_a_case_that_is_withdrawn_before_the_reveal_is_skipped(review: Review) -> None:
    await review.pool()
    withdrawn, stays = await review.screened(1), await review.screened(2)
    draw_id = (await review.committed(withdrawn, stays)).json()["id"]
    await review.withdrawn(1)
    next_day(review)

    answer = await review.revealed(draw_id)

    assert answer.status_code == 201
    case = await review.case(withdrawn)
    assert (case["status"], case["phase"]) == ("withdrawn", None)
    assert (await review.panel(withdrawn))["members"] == []
    assert len((await review.panel(stays))["members"]) == 3


async def test_a_case_that_went_back_before_the_reveal_is_drawn_for_anew(review: Review) -> None:
    await review.pool()
    case_id = await review.screened()
    draw_id = (await review.committed(case_id)).json()["id"]
    screening = (await review.case(case_id))["decisions"][-1]
    aside = await review.officer("provincial_office", sub="reviser").post(
        f"/review-cases/{case_id}/set-asides",
        json={
            "decision_id": screening["id"],
            "reason": "审核有误",
            "document_number": "更正〔2026〕1号",
        },
    )
    assert aside.status_code == 201, aside.text
    assert (await review.decide(case_id, sub="screener")).status_code == 201
    next_day(review)

    answer = await review.revealed(draw_id)
    untouched = await review.case(case_id)
    nobody = (await review.panel(case_id))["members"]
    drawn = await review.drawn(case_id)

    assert answer.status_code == 201
    assert nobody == []
    assert untouched["history"][-1]["action"] == "decided:endorse"
    assert untouched["entered_on"] == TODAY.isoformat()
    members = (await review.panel(case_id))["members"]
    assert [one["expert"] for one in members] == drawn["lots"][0]["drawn"]
    assert {one["turn"] for one in members} == {(await review.case(case_id))["turn"]}


# ---------------------------------------------------------------- what is secret


async def test_the_public_sees_no_lot_of_a_secret_involved_enterprise(review: Review) -> None:
    await review.pool()
    secret = await review.screened(1, is_secret_involved=True)
    known = await review.screened(2)
    alone = await review.screened(3, is_secret_involved=True)
    mixed_id = (await review.committed(secret, known)).json()["id"]
    alone_id = (await review.committed(alone)).json()["id"]

    for is_revealed in (False, True):
        if is_revealed:
            next_day(review)
            await review.revealed(mixed_id)
            await review.revealed(alone_id)
        mixed = await in_public(review, mixed_id)
        hidden = await in_public(review, alone_id)
        listed = (await review.service.anyone().get("/api/v1/public/draws")).json()["items"]

        assert [lot["lot"] for lot in mixed.json()["lots"]] == [known]
        assert secret not in mixed.text
        assert (hidden.status_code, slug(hidden)) == (404, "draw-not-found")
        assert [one["id"] for one in listed] == [mixed_id]
    assert (await run_again((await in_public(review, mixed_id)).content))[0] == AGREES
    kept = (await review.province.get(f"/draws/{mixed_id}")).json()
    assert {lot["lot"]: lot["is_secret"] for lot in kept["lots"]} == {secret: True, known: False}
    assert [one["id"] for one in (await review.province.get("/draws")).json()["items"]] == [
        alone_id,
        mixed_id,
    ]


# ---------------------------------------------------------------- site visits


async def test_site_visits_are_drawn_in_each_city_and_what_is_secret_apart(
    review: Review,
) -> None:
    guiyang = [await review.screened(serial, pack=NATIONAL) for serial in (1, 2, 3, 4)]
    zunyi = await review.screened(5, city="520300", division="520302", pack=NATIONAL)
    hidden = await review.screened(6, pack=NATIONAL, is_secret_involved=True)

    draw = await review.drawn(*guiyang, zunyi, hidden, purpose="site_visits")

    lots = {lot["lot"]: lot for lot in draw["lots"]}
    # 30 % of four is 1.2, so two; of one it is one.
    assert {name: (lot["seats"], lot["is_secret"]) for name, lot in lots.items()} == {
        "520100": (2, False),
        "520100-s": (1, True),
        "520300": (1, False),
    }
    assert lots["520100"]["candidates"] == sorted(guiyang)
    assert (lots["520100-s"]["candidates"], lots["520300"]["candidates"]) == ([hidden], [zunyi])
    public = await in_public(review, draw["id"])
    assert [lot["lot"] for lot in public.json()["lots"]] == ["520100", "520300"]
    assert hidden not in public.text
    assert "-s" not in [lot["lot"][-2:] for lot in public.json()["lots"]]
    drawn = {*lots["520100"]["drawn"], zunyi, hidden}
    assert len(drawn) == 4
    for case_id in (*guiyang, zunyi, hidden):
        case = await review.case(case_id)
        if case_id in drawn:
            assert (case["stage"], case["phase"], case["office"]) == (
                "site_visit",
                "visiting",
                "site_inspector",
            )
            assert case["entered_on"] == "2026-03-11"
            assert case["history"][-1]["action"] == "drawn_for_visit"
            continue
        assert (case["stage"], case["phase"]) == ("determination", None)
        last = case["decisions"][-1]
        assert (last["stage"], last["decision"], last["act_id"]) == (
            "site_visit",
            "endorse",
            draw["id"],
        )
        assert "未抽中" in last["reason"]
        assert case["history"][-1]["data"]["is_drawn"] is False
    assert (await review.types()).count("case.advanced") == 6 * 2 + 2


async def test_a_case_that_was_drawn_among_is_not_drawn_among_again(review: Review) -> None:
    first, second = [await review.screened(serial, pack=NATIONAL) for serial in (1, 2)]

    answers = await asyncio.gather(
        review.committed(first, second, purpose="site_visits"),
        review.committed(second, purpose="site_visits"),
        review.committed(first, purpose="site_visits"),
    )

    # Either the pair is drawn among, or each alone: never one case in two draws.
    listed = [
        one
        for draw in (await review.province.get("/draws")).json()["items"]
        for lot in draw["lots"]
        for one in lot["candidates"]
    ]
    assert sorted(listed) == sorted([first, second])
    assert 409 in {one.status_code for one in answers}


async def test_a_case_that_is_withdrawn_is_not_visited(review: Review) -> None:
    cases = [await review.screened(serial, pack=NATIONAL) for serial in (1, 2)]
    draw_id = (await review.committed(*cases, purpose="site_visits")).json()["id"]
    for serial in (1, 2):
        await review.withdrawn(serial)
    next_day(review)

    answer = await review.revealed(draw_id)

    assert answer.status_code == 201
    for case_id in cases:
        case = await review.case(case_id)
        assert (case["status"], case["phase"]) == ("withdrawn", None)
        assert [one["stage"] for one in case["decisions"]] == [
            "city_recommendation",
            "provincial_screening",
        ]


async def test_a_case_that_is_withdrawn_makes_way_for_the_next_of_its_city(review: Review) -> None:
    cases = {
        await review.screened(serial, pack=NATIONAL): serial for serial in (1, 2, 3, 4, 5, 6, 7)
    }
    draw_id = (await review.committed(*cases, purpose="site_visits")).json()["id"]
    for serial in (1, 2, 3):
        await review.withdrawn(serial)
    next_day(review)

    [lot] = (await review.revealed(draw_id)).json()["lots"]

    still_there = [one for one in lot["ranking"] if cases[one] > 3]
    visited = [one for one in cases if (await review.case(one))["phase"] == "visiting"]
    assert lot["seats"] == 3
    assert sorted(visited) == sorted(still_there[:3])


async def test_whoever_reveals_a_draw_has_decided_nothing_by_it(review: Review) -> None:
    cases = [await review.screened(serial, pack=NATIONAL) for serial in (1, 2, 3, 4)]
    draw = await review.drawn(*cases, purpose="site_visits")
    [passed, *_] = [one for one in cases if (await review.case(one))["stage"] == "determination"]

    decision = (await review.case(passed))["decisions"][-1]
    determined = await review.determine(passed, sub="draw-witness")

    assert decision["decided_by"] == f"draw:{draw['id']}"
    assert determined.status_code == 201


async def test_draws_are_listed_the_newest_first_and_by_how_they_stand(review: Review) -> None:
    await review.pool()
    cases = [await review.screened(serial) for serial in (1, 2, 3)]
    ids = [(await review.committed(case_id)).json()["id"] for case_id in cases]
    await review.province.post(f"/draws/{ids[0]}/abandonment", json={"reason": "未公布"})
    next_day(review)
    await review.revealed(ids[1])

    async def listed(query: str) -> list[str]:
        found = (await review.province.get(f"/draws?{query}")).json()["items"]
        return [one["id"] for one in found]

    assert await listed("") == ids[::-1]
    assert await listed("status=abandoned") == [ids[0]]
    assert await listed("status=revealed") == [ids[1]]
    assert await listed(f"status=committed&round_id={review.round_id}") == [ids[2]]
    assert await listed(f"round_id={uuid4()}") == []
    anyone = review.service.anyone()
    page = (await anyone.get("/api/v1/public/draws?limit=2")).json()
    rest = (await anyone.get(f"/api/v1/public/draws?limit=2&after={page['next']}")).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == ids[::-1]


async def test_an_officer_of_another_province_ends_no_draw(review: Review) -> None:
    await review.pool()
    case_id = await review.screened()
    draw_id = (await review.committed(case_id)).json()["id"]
    next_day(review)
    stranger = review.officer("provincial_office", "530000")

    revealed = await stranger.post(f"/draws/{draw_id}/reveal", json={"public_value": "1"})
    given_up = await stranger.post(f"/draws/{draw_id}/abandonment", json={"reason": "作废"})

    read = await stranger.get(f"/draws/{draw_id}")
    listed = await stranger.get("/draws")

    for answer in (revealed, given_up, read):
        assert (answer.status_code, slug(answer)) == (404, "draw-not-found")
    assert listed.json()["items"] == []
    assert (await review.revealed(draw_id)).status_code == 201
    assert (await review.panel(case_id))["phase"] == "scoring"


async def test_a_public_value_is_the_digits_that_its_source_prints(review: Review) -> None:
    """Each other spelling would be another seed to choose from."""
    case_id = await review.screened()
    await review.pool()
    draw_id = (await review.committed(case_id)).json()["id"]
    next_day(review)
    others = [
        "3861.87点",
        "３８６１．８７",
        "3,861.87",
        "+3861.87",
        "3861.87\u200b",
        "3861.",
        ".5",
        "",
    ]

    refused = [(await review.revealed(draw_id, value)).status_code for value in others]
    revealed = (await review.revealed(draw_id, " 3861.87 ")).json()

    assert refused == [422] * len(others)
    assert revealed["seed"] == sha256(f"{revealed['secret']}\n3861.87")


async def test_a_value_that_may_be_known_completes_no_seed(review: Review) -> None:
    case_id = await review.screened()
    await review.pool()
    body = {
        "purpose": "experts",
        "round_id": str(review.round_id),
        "case_ids": [case_id],
        "public_source": "上证综合指数收盘点位",
    }
    keeper = review.officer("provincial_office", sub="draw-keeper")

    today = await keeper.post("/draws", json=body | {"value_on": "2026-03-10"})
    later = await keeper.post("/draws", json=body | {"value_on": "2026-03-13"})
    review.service.clock.move_to_day(date(2026, 3, 12))
    early = await review.revealed(later.json()["id"])
    review.service.clock.move_to_day(date(2026, 3, 13))

    assert (today.status_code, slug(today)) == (422, "value-known-already")
    assert (early.status_code, slug(early)) == (409, "draw-too-early")
    assert (await review.revealed(later.json()["id"])).status_code == 201


async def test_whoever_has_changed_the_pool_lately_makes_no_draw_from_it(review: Review) -> None:
    case_id = await review.screened()
    await review.pool()
    body = {
        "purpose": "experts",
        "round_id": str(review.round_id),
        "case_ids": [case_id],
        "public_source": "次日上证综合指数收盘点位",
    }
    keeper = review.officer("provincial_office", sub="pool-keeper")

    soon = await keeper.post("/draws", json=body)
    review.service.clock.move_to_day(date(2026, 4, 10))
    rested = await keeper.post("/draws", json=body)

    assert (soon.status_code, slug(soon)) == (409, "separation-of-duties")
    assert rested.status_code == 201


async def test_a_citys_cases_are_drawn_among_together(review: Review) -> None:
    """Drawn for alone a case is visited for sure, and among many it hides."""
    cases = [await review.screened(serial, pack=NATIONAL) for serial in (1, 2, 3)]
    zunyi = await review.screened(4, city="520300", division="520302", pack=NATIONAL)

    alone = await review.committed(cases[0], purpose="site_visits")
    together = await review.committed(*cases, purpose="site_visits")
    other_city = await review.committed(zunyi, purpose="site_visits")

    assert alone.json()["errors"][0]["code"] == "city_incomplete"
    assert (together.status_code, other_city.status_code) == (201, 201)


async def test_what_another_province_says_of_an_expert_binds_nobody_here(review: Review) -> None:
    await review.pool()
    case_id = await review.screened()
    stranger = review.officer("provincial_office", "510000", sub="stranger")
    for sub in list(review.codes)[:3]:
        await stranger.post(
            "/ties", json={"sub": sub, "uscc": uscc_of(1), "kind": "other", "note": "据反映"}
        )

    [lot] = (await review.committed(case_id)).json()["lots"]

    assert (len(lot["candidates"]), lot["excluded"]) == (6, [])


async def test_a_tie_that_was_put_down_is_ended_by_a_later_row_and_ones_own_is_not(
    review: Review,
) -> None:
    await review.pool()
    case_id = await review.screened()
    theirs, own = list(review.codes)[:2]
    ended = {"until_on": "2001-01-01", "note": "早已结束"}
    tie = {"uscc": uscc_of(1), "kind": "employment", "note": "任职"}
    expert = review.officer("expert", sub=own)
    await review.province.post("/ties", json=tie | {"sub": theirs})
    await review.province.post("/ties", json=tie | ended | {"sub": theirs})
    await expert.post("/ties", json=tie)
    await expert.post("/ties", json=tie | ended)

    [lot] = (await review.committed(case_id)).json()["lots"]

    assert lot["excluded"] == [{"expert": review.codes[own], "code": "tie_employment"}]


async def test_the_day_of_a_commitment_is_the_provinces(review: Review) -> None:
    """Half past midnight in Guizhou is still the day before in Greenwich."""
    await review.pool()
    case_id = await review.screened()
    review.service.clock.move_to_day(date(2026, 3, 11), time(0, 30))
    draw_id = (await review.committed(case_id)).json()["id"]

    review.service.clock.move_to_day(date(2026, 3, 11), time(22, 0))
    same_day = await review.revealed(draw_id)
    review.service.clock.move_to_day(date(2026, 3, 12), time(0, 5))
    next_morning = await review.revealed(draw_id)

    assert "2026-03-11" in same_day.json()["detail"]
    assert same_day.status_code == 409
    assert next_morning.status_code == 201
    assert UUID(draw_id) == UUID(next_morning.json()["id"])
