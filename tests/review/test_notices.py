"""Public notice, objections, and the recognition that follows."""

import asyncio
from datetime import date, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from tests.builders.enterprises import uscc_of
from tests.review.conftest import Review


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


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


async def recognise(review: Review, notice_id: str, decided_on: str = "2026-03-23") -> Any:
    return await review.province.post(
        f"/notices/{notice_id}/recognition",
        json={"document_number": "示例〔2026〕9号", "decided_on": decided_on},
    )


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [
        ("2026-03-16", "2026-03-20"),
        ("2026-03-18", "2026-03-24"),
        # Over 清明 (4 to 6 April 2026) the days off do not count.
        ("2026-04-01", "2026-04-08"),
        # A notice that starts on a Saturday counts from Monday.
        ("2026-03-14", "2026-03-20"),
    ],
)
async def test_a_notice_stands_for_five_working_days(
    review: Review, starts_on: str, ends_on: str
) -> None:
    notice = await review.on_notice(await review.determined(), starts_on=starts_on)

    assert notice["ends_on"] == ends_on
    assert notice["is_provisional"] is False


async def test_only_determined_cases_of_the_round_go_on_notice(review: Review) -> None:
    ready, early = await review.determined(1), await review.submitted(2)
    body = {"round_id": str(review.round_id), "starts_on": "2026-03-16"}

    mixed = await review.province.post(
        "/notices", json=body | {"case_ids": [ready, early, str(uuid4())]}
    )
    past = await review.province.post(
        "/notices", json=body | {"case_ids": [ready], "starts_on": "2026-03-09"}
    )
    twice = await review.on_notice(ready, ready)
    again = await review.province.post("/notices", json=body | {"case_ids": [ready]})

    assert slug(mixed) == "cases-not-ready-for-notice"
    assert [(one["pointer"], one["code"]) for one in mixed.json()["errors"]] == [
        ("/case_ids/1", "not_awaiting_notice"),
        ("/case_ids/2", "not_in_round"),
    ]
    assert (past.status_code, slug(past)) == (422, "notice-in-past")
    assert twice["case_ids"] == [ready]
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
    review.service.clock.set(datetime(2026, 3, 20, 23, 59, 30, tzinfo=shanghai))
    in_time = await object_to(review, notice["id"])
    nameless = await object_to(review, notice["id"], objector={"kind": "person", "name": " "})
    review.service.clock.set(datetime(2026, 3, 21, tzinfo=shanghai))
    late = await object_to(review, notice["id"])

    assert slug(early) == "notice-not-found"
    assert in_time.status_code == 201
    assert "王明" not in in_time.text
    assert nameless.status_code == 422
    assert (late.status_code, slug(late)) == (409, "notice-not-running")


async def test_who_objected_is_known_to_the_province_alone(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 16))
    await object_to(review, notice["id"])

    by_province = (await review.province.get("/objections")).json()["items"]
    by_city = await review.officer("city_office", "520100").get("/objections")

    assert by_province[0]["objector"]["name"] == "王明"
    assert by_city.status_code == 403
    assert "王明" not in str(await review.service.history())


async def test_recognition_waits_for_the_notice_to_end(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 20))
    running = await recognise(review, notice["id"], "2026-03-20")

    review.service.clock.move_to_day(date(2026, 3, 23))
    during = await recognise(review, notice["id"], "2026-03-20")
    tomorrow = await recognise(review, notice["id"], "2026-03-24")
    done = await recognise(review, notice["id"])
    again = await recognise(review, notice["id"])

    assert (running.status_code, slug(running)) == (409, "notice-still-running")
    assert (slug(during), slug(tomorrow)) == ("recognition-day-not-possible",) * 2
    assert done.status_code == 201
    assert (again.status_code, slug(again)) == (409, "nothing-to-recognise")
    (event,) = [one for one in await review.service.events() if "recognised" in one["type"]]
    assert event["data"]["decided_on"] == "2026-03-23"
    assert event["data"]["facts"]["legal_name"]
    assert "facts" not in event["partner_data"]


async def test_an_open_objection_holds_one_case_and_no_other(review: Review) -> None:
    contested, clear = await review.determined(1), await review.determined(2)
    notice = await review.on_notice(contested, clear)
    review.service.clock.move_to_day(date(2026, 3, 18))
    filed = (await object_to(review, notice["id"])).json()
    review.service.clock.move_to_day(date(2026, 3, 23))

    first = (await recognise(review, notice["id"])).json()
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

    sustained = await review.province.post(path, json={"sustained": True, "reason": "情况属实"})
    again = await review.province.post(path, json={"sustained": False, "reason": "情况属实"})
    review.service.clock.move_to_day(date(2026, 3, 23))
    nothing = await recognise(review, notice["id"])

    assert sustained.json()["status"] == "sustained"
    assert (again.status_code, slug(again)) == (409, "objection-resolved")
    assert slug(nothing) == "nothing-to-recognise"
    assert (await review.types())[-1] == "case.rejected"


async def test_two_recognitions_at_once_recognise_once(review: Review) -> None:
    notice = await review.on_notice(await review.determined())
    review.service.clock.move_to_day(date(2026, 3, 23))

    answers = await asyncio.gather(*(recognise(review, notice["id"]) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await review.types()).count("case.recognised") == 1


async def test_a_notice_is_its_own_provinces_and_shows_each_office_its_own_cases(
    review: Review,
) -> None:
    """How many cases a notice has would tell how many of them the public does not see."""
    here = await review.determined(1)
    there = await review.determined_in(2, city="520300", division="520302")
    notice = await review.on_notice(here, there)
    path = f"/notices/{notice['id']}"
    review.service.clock.move_to_day(date(2026, 3, 23))
    body = {"document_number": "示例〔2026〕9号", "decided_on": "2026-03-23"}

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
    review.service.clock.move_to_day(date(2026, 3, 23))
    await recognise(review, earlier["id"])
    review.applications.pop(1)
    later = await review.on_notice(
        await review.determined(1, is_secret_involved=True), starts_on="2026-03-23"
    )
    before = (await review.service.anyone().get(path)).json()["enterprises"]
    review.service.clock.move_to_day(date(2026, 3, 30))

    recognised = await recognise(review, later["id"], "2026-03-30")

    after = (await review.service.anyone().get(path)).json()["enterprises"]
    assert recognised.status_code == 201, recognised.text
    assert {one["uscc"] for one in before} == {uscc_of(1), uscc_of(2)}
    assert {one["uscc"] for one in after} == {uscc_of(2)}
