"""Public notice, objections, and the recognition that follows."""

import asyncio
import re
from datetime import date, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from services.policy.catalogue import published_catalogue
from services.review.calendar_keeper import CalendarKeeper
from tests.builders.enterprises import uscc_of
from tests.builders.services import as_owner
from tests.review.conftest import Review, slug


def objection(serial: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "uscc": uscc_of(serial),
        "objector": {"kind": "person", "name": "王明", "contact": "0851-00000000"},
        "facts": "该企业年度营业收入与纳税申报不一致。",
        "evidence": ["纳税申报表复印件"],
    } | changed


async def object_to(review: Review, notice_id: str, **changed: Any) -> Any:
    return await review.service.anyone().post(
        f"/api/v1/public/notices/{notice_id}/objections", json=objection(**changed)
    )


async def heard(review: Review, objection_id: str, serial: int = 1) -> None:
    """Let the city and the enterprise answer an objection."""
    path = f"/objections/{objection_id}/statements"
    for speaker in (
        review.officer("city_office", "520100"),
        review.service.caller("enterprise", uscc=uscc_of(serial)),
    ):
        answer = await speaker.post(path, json={"text": "申报数据与审计报告一致。"})
        assert answer.status_code == 201, answer.text


async def recognise(review: Review, notice_id: str, decided_on: str = "2026-03-24") -> Any:
    return await review.province.post(
        f"/notices/{notice_id}/recognition",
        json={"document_number": "示例〔2026〕9号", "decided_on": decided_on},
    )


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "is_provisional"),
    [
        # The day on which it begins is not counted; five working days follow.
        ("2026-03-16", "2026-03-23", False),
        ("2026-03-18", "2026-03-25", False),
        # A notice that begins on a Saturday counts from Monday.
        ("2026-03-14", "2026-03-20", False),
        # Over 清明: 4 to 6 April 2026 are off.
        ("2026-04-01", "2026-04-09", False),
        # Over 国庆节 2025: 1 to 8 October are off, Sunday 28 September is worked for it.
        ("2025-09-26", "2025-10-10", False),
        # Saturday 11 October 2025 is worked, too: it is the second of the five.
        ("2025-10-09", "2025-10-15", False),
        # Over 国庆节 2026: 1 to 7 October are off, Saturday 10 October is worked.
        ("2026-09-29", "2026-10-12", False),
        # Over 春节 2026: 15 to 23 February are off, 14 and 28 February are worked.
        ("2026-02-12", "2026-02-26", False),
        ("2026-02-14", "2026-02-28", False),
        # Into a year whose holidays are not published: weekends alone are left out.
        ("2026-12-29", "2027-01-05", True),
        ("2027-09-30", "2027-10-07", True),
    ],
)
async def test_a_notice_stands_for_five_working_days_of_the_published_calendar(
    review: Review, starts_on: str, ends_on: str, is_provisional: bool
) -> None:
    case_id = await review.determined()
    review.service.clock.move_to_day(date.fromisoformat(starts_on))

    notice = await review.on_notice(case_id, starts_on=starts_on)

    assert (notice["ends_on"], notice["is_provisional"]) == (ends_on, is_provisional)


async def test_a_provisional_end_is_reckoned_anew_once_the_calendar_is_published(
    review: Review,
) -> None:
    review.service.clock.move_to_day(date(2026, 9, 28))
    notice = await review.on_notice(await review.determined(), starts_on="2026-09-29")
    await as_owner(
        review.service.owner,
        # As it was reckoned before this year's calendar was known, by weekends alone.
        "UPDATE review.notices SET ends_on = '2026-10-06', is_provisional = true",
    )
    keeper = CalendarKeeper(review.service.runtime, published_catalogue())

    changed = await keeper.reckon_again()
    again = await keeper.reckon_again()

    path = f"/api/v1/public/notices/{notice['id']}"
    shown = (await review.service.anyone().get(path)).json()
    assert (changed, again) == (1, 0)
    assert (shown["ends_on"], shown["is_provisional"]) == ("2026-10-12", False)
    assert (await review.service.history())[-1]["action"] == "end_reckoned"


async def test_a_notice_that_has_begun_is_never_made_shorter(review: Review) -> None:
    review.service.clock.move_to_day(date(2026, 9, 28))
    notice = await review.on_notice(await review.determined(), starts_on="2026-09-29")
    await as_owner(
        review.service.owner,
        "UPDATE review.notices SET ends_on = '2026-10-20', is_provisional = true",
    )

    await CalendarKeeper(review.service.runtime, published_catalogue()).reckon_again()

    path = f"/api/v1/public/notices/{notice['id']}"
    shown = (await review.service.anyone().get(path)).json()
    assert (shown["ends_on"], shown["is_provisional"]) == ("2026-10-20", False)


async def test_nobody_recognises_or_hears_an_enterprise_that_they_are_bound_to(
    review: Review,
) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 16))
    filed = (await object_to(review, notice["id"])).json()
    await heard(review, filed["id"])
    bound = review.officer("provincial_office", sub="bound")
    await bound.post("/ties", json={"uscc": uscc_of(1), "kind": "family", "note": "申报回避"})

    resolved = await bound.post(
        f"/objections/{filed['id']}/resolution", json={"sustained": False, "reason": "查无实据"}
    )
    await review.province.post(
        f"/objections/{filed['id']}/resolution", json={"sustained": False, "reason": "查无实据"}
    )
    review.service.clock.move_to_day(date(2026, 3, 24))
    recognised = await bound.post(
        f"/notices/{notice['id']}/recognition",
        json={"document_number": "x1", "decided_on": "2026-03-24"},
    )

    assert (resolved.status_code, slug(resolved)) == (409, "bound-to-enterprise")
    assert (recognised.status_code, slug(recognised)) == (409, "bound-to-enterprise")
    assert (await recognise(review, notice["id"])).status_code == 201


async def test_only_determined_cases_of_the_round_go_on_notice(review: Review) -> None:
    ready, early = await review.determined(1), await review.submitted(2)
    body = {"round_id": str(review.round_id), "starts_on": "2026-03-16"}

    mixed = await review.province.post(
        "/notices", json=body | {"case_ids": [ready, early, str(uuid4())]}
    )
    past = await review.province.post(
        "/notices", json=body | {"case_ids": [ready], "starts_on": "2026-03-09"}
    )
    twice = await review.province.post("/notices", json=body | {"case_ids": [ready, ready]})
    put = await review.on_notice(ready)
    again = await review.province.post("/notices", json=body | {"case_ids": [ready]})

    assert slug(mixed) == "cases-not-ready-for-notice"
    assert [(one["pointer"], one["code"]) for one in mixed.json()["errors"]] == [
        ("/case_ids/1", "review_case_not_open"),
        ("/case_ids/2", "not_in_round"),
    ]
    assert (past.status_code, slug(past)) == (422, "notice-in-past")
    assert [one["code"] for one in twice.json()["errors"]] == ["listed_twice"] * 2
    assert put["case_ids"] == [ready]
    assert slug(again) == "cases-not-ready-for-notice"


async def test_the_public_sees_a_notice_from_its_first_day_and_never_a_secret_firm(
    review: Review,
) -> None:
    open_case, secret = (
        await review.determined(1),
        await review.determined(2, is_secret_involved=True),
    )
    notice = await review.on_notice(open_case, secret)
    anyone = review.service.anyone()
    path = f"/api/v1/public/notices/{notice['id']}"

    before = await anyone.get(path)
    review.service.clock.move_to_day(date(2026, 3, 16))
    shown = (await anyone.get(path)).json()
    listed = (await anyone.get("/api/v1/public/notices")).json()["items"]
    against_secret = await object_to(review, notice["id"], serial=2)
    against_stranger = await object_to(review, notice["id"], serial=9)

    assert (before.status_code, slug(before)) == (404, "notice-not-found")
    assert [one["uscc"] for one in shown["enterprises"]] == [uscc_of(1)]
    assert uscc_of(2) not in str(listed) + str(shown)
    assert against_secret.json()["detail"] == against_stranger.json()["detail"]
    assert slug(against_secret) == "not-on-notice"


async def test_an_objection_is_taken_while_the_notice_runs(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    shanghai = ZoneInfo("Asia/Shanghai")

    early = await object_to(review, notice["id"])
    review.service.clock.set(datetime(2026, 3, 23, 23, 59, 30, tzinfo=shanghai))
    in_time = await object_to(review, notice["id"])
    nameless = await object_to(review, notice["id"], objector={"kind": "person", "name": " "})
    review.service.clock.set(datetime(2026, 3, 24, tzinfo=shanghai))
    late = await object_to(review, notice["id"])

    assert slug(early) == "notice-not-found"
    assert in_time.status_code == 201
    assert "王明" not in in_time.text
    assert nameless.status_code == 422
    assert (late.status_code, slug(late)) == (409, "notice-not-running")


async def test_who_objected_is_known_to_the_province_and_auditors_alone(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 16))
    await object_to(review, notice["id"])

    by_province = (await review.province.get("/objections")).json()["items"]
    by_city = await review.officer("city_office", "520100").get("/objections")

    assert by_province[0]["objector"]["name"] == "王明"
    assert by_city.json()["items"][0]["objector"] is None
    assert "王明" not in by_city.text
    assert "王明" not in str(await review.service.history())


async def test_recognition_waits_for_the_notice_to_end(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 23))
    running = await recognise(review, notice["id"], "2026-03-23")

    review.service.clock.move_to_day(date(2026, 3, 24))
    during = await recognise(review, notice["id"], "2026-03-23")
    tomorrow = await recognise(review, notice["id"], "2026-03-25")
    done = await recognise(review, notice["id"])
    again = await recognise(review, notice["id"])

    assert (running.status_code, slug(running)) == (409, "notice-still-running")
    assert (slug(during), slug(tomorrow)) == ("recognition-day-not-possible",) * 2
    assert done.status_code == 201
    assert (again.status_code, slug(again)) == (409, "nothing-to-recognise")
    (event,) = [one for one in await review.service.events() if "recognised" in one["type"]]
    assert event["data"]["decided_on"] == "2026-03-24"
    assert event["data"]["facts"]["legal_name"]
    assert "facts" not in event["partner_data"]


async def test_an_open_objection_holds_one_case_and_no_other(review: Review) -> None:
    contested, clear = await review.determined(1), await review.determined(2)
    notice = await review.on_notice(contested, clear)
    review.service.clock.move_to_day(date(2026, 3, 18))
    filed = (await object_to(review, notice["id"])).json()
    review.service.clock.move_to_day(date(2026, 3, 24))

    first = (await recognise(review, notice["id"])).json()
    await heard(review, filed["id"])
    dismissed = await review.province.post(
        f"/objections/{filed['id']}/resolution", json={"sustained": False, "reason": "查无实据"}
    )
    second = (await recognise(review, notice["id"])).json()

    assert first["recognised"] == [clear]
    assert [one["case_id"] for one in first["held"]] == [contested]
    assert dismissed.json()["status"] == "dismissed"
    assert second["recognised"] == [contested]


async def test_a_sustained_objection_ends_the_case(review: Review) -> None:
    case_id = await review.determined()
    notice = await review.on_notice(case_id)
    review.service.clock.move_to_day(date(2026, 3, 18))
    filed = (await object_to(review, notice["id"])).json()
    path = f"/objections/{filed['id']}/resolution"
    await heard(review, filed["id"])

    sustained = await review.province.post(path, json={"sustained": True, "reason": "情况属实"})
    again = await review.province.post(path, json={"sustained": False, "reason": "情况属实"})
    review.service.clock.move_to_day(date(2026, 3, 24))
    nothing = await recognise(review, notice["id"])

    assert sustained.json()["status"] == "sustained"
    assert (again.status_code, slug(again)) == (409, "objection-resolved")
    assert slug(nothing) == "nothing-to-recognise"
    assert (await review.types())[-2:] == ["case.rejected", "objection.resolved"]


async def test_two_recognitions_at_once_recognise_once(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 24))

    answers = await asyncio.gather(*(recognise(review, notice["id"]) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await review.types()).count("case.recognised") == 1


async def test_a_notice_is_its_own_provinces_and_shows_each_office_its_own_cases(
    review: Review,
) -> None:
    """How many cases a notice has would tell how many of them the public does not see."""
    here = await review.determined(1)
    there = await review.determined(2, city="520300", division="520302")
    notice = await review.on_notice(here, there)
    path = f"/notices/{notice['id']}"
    review.service.clock.move_to_day(date(2026, 3, 24))
    body = {"document_number": "示例〔2026〕9号", "decided_on": "2026-03-24"}

    shown = {
        region: await review.officer(office, region).get(path)
        for office, region in (
            ("provincial_office", "520000"),
            ("auditor", "520300"),
            ("auditor", "520400"),
            ("provincial_office", "530000"),
        )
    }
    foreign = await review.officer("provincial_office", "530000").post(
        f"{path}/recognition", json=body
    )

    assert set(shown["520000"].json()["case_ids"]) == {here, there}
    assert shown["520300"].json()["case_ids"] == [there]
    assert (shown["520400"].status_code, shown["530000"].status_code) == (404, 404)
    assert (foreign.status_code, slug(foreign)) == (404, "notice-not-found")
    assert (await recognise(review, notice["id"])).status_code == 201


async def test_two_citizens_who_number_their_requests_alike_are_both_heard(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 16))
    path = f"/api/v1/public/notices/{notice['id']}/objections"
    key = {"Idempotency-Key": "1"}
    anyone = review.service.anyone()

    first = await anyone.post(path, json=objection(), headers=key)
    again = await anyone.post(path, json=objection(), headers=key)
    other = await anyone.post(path, json=objection(facts="另一事实。"), headers=key)

    assert again.json() == first.json()
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


async def test_what_becomes_secret_is_taken_off_earlier_notices(review: Review) -> None:
    earlier = await review.on_notice(await review.determined(1), await review.determined(2))
    path = f"/api/v1/public/notices/{earlier['id']}"
    review.service.clock.move_to_day(date(2026, 3, 24))
    await recognise(review, earlier["id"])
    review.applications.pop(1)
    later = await review.on_notice(
        await review.determined(1, is_secret_involved=True), starts_on="2026-03-25"
    )
    before = (await review.service.anyone().get(path)).json()["enterprises"]
    review.service.clock.move_to_day(date(2026, 4, 2))

    recognised = await recognise(review, later["id"], "2026-04-02")

    after = (await review.service.anyone().get(path)).json()["enterprises"]
    assert recognised.status_code == 201, recognised.text
    assert {one["uscc"] for one in before} == {uscc_of(1), uscc_of(2)}
    assert {one["uscc"] for one in after} == {uscc_of(2)}


async def test_an_objection_is_acknowledged_by_a_number_that_counts_nobody(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 16))

    numbers = [(await object_to(review, notice["id"])).json()["number"] for _ in range(3)]

    assert len(set(numbers)) == 3
    assert all(re.fullmatch(r"YY-20260316-[2-9A-HJ-NP-Z]{8}", number) for number in numbers)


@pytest.mark.parametrize(
    "objector",
    [
        {"kind": "person", "name": "王", "contact": "0851-00000000"},
        {"kind": "person", "name": "匿名", "contact": "0851-00000000"},
        {"kind": "organisation", "name": "某公司", "contact": "0851-00000000"},
        {"kind": "person", "name": "anonymous", "contact": "0851-00000000"},
        {"kind": "person", "name": "匿 名", "contact": "0851-00000000"},
        {"kind": "person", "name": "佚名", "contact": "0851-00000000"},
        {"kind": "person", "name": "N/A", "contact": "0851-00000000"},
        {"kind": "person", "name": "----", "contact": "0851-00000000"},
        {"kind": "person", "name": "王明", "contact": "无"},
        {"kind": "person", "name": "王明"},
    ],
)
async def test_an_objection_needs_a_real_name_and_a_way_to_reach_whoever_makes_it(
    review: Review, objector: dict[str, str]
) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 16))

    answer = await object_to(review, notice["id"], objector=objector)

    assert (answer.status_code, slug(answer)) == (422, "malformed-request")
    assert answer.json()["errors"][0]["pointer"].startswith("/objector/")


async def test_an_objection_is_resolved_after_both_sides_were_heard_or_their_days_are_over(
    review: Review,
) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 18))
    first, second = [(await object_to(review, notice["id"])).json() for _ in range(2)]
    body = {"sustained": False, "reason": "查无实据"}
    enterprise = review.service.caller("enterprise", uscc=uscc_of(1))
    statement = {"text": "申报数据与审计报告一致。"}

    early = await review.province.post(f"/objections/{first['id']}/resolution", json=body)
    await enterprise.post(f"/objections/{first['id']}/statements", json=statement)
    half = await review.province.post(f"/objections/{first['id']}/resolution", json=body)
    twice = await enterprise.post(f"/objections/{first['id']}/statements", json=statement)
    # Five working days after 18 March; the last of them is 25 March.
    review.service.clock.move_to_day(date(2026, 3, 25))
    last_day = await review.province.post(f"/objections/{second['id']}/resolution", json=body)
    review.service.clock.move_to_day(date(2026, 3, 26))
    over = await review.province.post(f"/objections/{second['id']}/resolution", json=body)
    late = await enterprise.post(f"/objections/{second['id']}/statements", json=statement)

    assert [slug(one) for one in (early, half, last_day)] == ["hearing-not-over"] * 3
    assert "city_office" in half.json()["detail"]
    assert (twice.status_code, slug(twice)) == (409, "statement-given")
    assert over.status_code == 200
    assert slug(late) == "objection-resolved"


async def test_an_enterprise_reads_and_answers_what_is_said_of_it_and_of_nobody_else(
    review: Review,
) -> None:
    notice = await review.on_notice(await review.determined(1), await review.determined(2))
    review.service.clock.move_to_day(date(2026, 3, 16))
    filed = (await object_to(review, notice["id"])).json()
    own, other = [review.service.caller("enterprise", uscc=uscc_of(n)) for n in (1, 2)]
    stranger = review.officer("city_office", "520300")
    path = f"/objections/{filed['id']}"

    read = (await own.get(path)).json()
    unseen = [(await one.get(path)).status_code for one in (other, stranger)]
    unheard = await other.post(f"{path}/statements", json={"text": "与我无关"})
    told = [one for one in await review.service.events() if "objection.filed" in one["type"]]

    assert (read["objector"], read["facts"]) == (None, objection()["facts"])
    assert unseen == [404, 404]
    assert (await other.get("/objections")).json()["items"] == []
    assert (unheard.status_code, slug(unheard)) == (404, "objection-not-found")
    assert told[0]["partner_data"]["number"] == filed["number"]
    assert "facts" not in told[0]["data"]


async def test_whoever_screened_a_case_does_not_judge_what_is_said_against_it(
    review: Review,
) -> None:
    notice = await review.on_notice(await review.determined(1, filed_by=("filer",)))
    review.service.clock.move_to_day(date(2026, 3, 16))
    filed = (await object_to(review, notice["id"])).json()
    await heard(review, filed["id"])
    body = {"sustained": False, "reason": "查无实据"}

    answers = [
        await review.officer("provincial_office", sub=sub).post(
            f"/objections/{filed['id']}/resolution", json=body
        )
        for sub in ("decides-provincial_office-520000", "filer", "somebody-else")
    ]
    review.service.clock.move_to_day(date(2026, 3, 24))
    by_filer = await review.officer("provincial_office", sub="filer").post(
        f"/notices/{notice['id']}/recognition",
        json={"document_number": "x1", "decided_on": "2026-03-24"},
    )

    assert [one.status_code for one in answers] == [409, 409, 200]
    assert {slug(one) for one in (*answers[:2], by_filer)} == {"separation-of-duties"}


async def test_a_notice_with_nobody_to_show_is_not_there_for_the_public(review: Review) -> None:
    notice = await review.on_notice(await review.determined(is_secret_involved=True))
    review.service.clock.move_to_day(date(2026, 3, 16))
    anyone = review.service.anyone()

    listed = (await anyone.get("/api/v1/public/notices")).json()
    read = await anyone.get(f"/api/v1/public/notices/{notice['id']}")
    objected = await object_to(review, notice["id"])
    review.service.clock.move_to_day(date(2026, 3, 24))
    recognised = await recognise(review, notice["id"])

    assert listed == {"items": [], "next": None}
    assert (slug(read), slug(objected)) == ("notice-not-found",) * 2
    assert recognised.status_code == 201


async def test_an_objection_outlives_a_case_that_was_taken_off_its_notice(review: Review) -> None:
    """What is open against a case holds it on a later notice as well."""
    case_id = await review.determined()
    notice = await review.on_notice(case_id)
    review.service.clock.move_to_day(date(2026, 3, 16))
    await object_to(review, notice["id"])
    meeting = (await review.case(case_id))["decisions"][-1]
    await review.province.post(
        f"/review-cases/{case_id}/set-asides",
        json={
            "decision_id": meeting["id"],
            "reason": "会议记录有误",
            "document_number": "更〔2026〕1号",
        },
    )
    await review.determine(case_id)
    later = await review.on_notice(case_id, starts_on="2026-03-17")
    review.service.clock.move_to_day(date(2026, 3, 25))

    held = await recognise(review, later["id"], "2026-03-25")

    assert (held.status_code, slug(held)) == (409, "nothing-to-recognise")


async def test_a_token_of_two_offices_speaks_for_nobody_else(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 16))
    filed = (await object_to(review, notice["id"])).json()
    path = f"/objections/{filed['id']}/statements"
    service = review.service
    of_another = service.caller_of(
        ["auditor", "enterprise"], region="520000", uscc=uscc_of(7), sub="both"
    )
    as_city = service.caller_of(
        ["city_office", "enterprise"], region="520100", uscc=uscc_of(7), sub="both"
    )

    answers = [await who.post(path, json={"text": "代为答复"}) for who in (of_another, as_city)]

    assert [one.status_code for one in answers] == [404, 404]


async def test_a_notice_begins_within_sixty_days(review: Review) -> None:
    case_id = await review.determined()
    body = {"round_id": str(review.round_id), "case_ids": [case_id]}

    late = await review.province.post("/notices", json=body | {"starts_on": "2026-05-11"})
    in_time = await review.province.post("/notices", json=body | {"starts_on": "2026-05-10"})

    assert (late.status_code, slug(late)) == (422, "notice-too-far")
    assert in_time.status_code == 201
