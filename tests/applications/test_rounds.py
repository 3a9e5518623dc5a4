"""Rounds: what each may do in one, how many each city has, and until which instant it is open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from services.contracts.registry import RecognitionGranted, RecognitionRevoked
from services.kernel.clock import PROVINCE_TIME
from services.kernel.identifiers import new_id
from tests.applications.conftest import TODAY, Intake, round_body
from tests.applications.test_intake import recognition, slug
from tests.builders.enterprises import PACK, uscc_of
from tests.builders.services import Caller, as_owner

CITIES = {
    "520100": "贵阳市",
    "520200": "六盘水市",
    "520300": "遵义市",
    "520400": "安顺市",
    "520500": "毕节市",
    "520600": "铜仁市",
    "520900": "贵安新区",
    "522300": "黔西南布依族苗族自治州",
    "522600": "黔东南苗族侗族自治州",
    "522700": "黔南布依族苗族自治州",
}
MIDNIGHT = datetime(2026, 4, 1, tzinfo=PROVINCE_TIME)
"""The end of the round's last day."""


async def opened(intake: Intake, code: str, **changed: Any) -> str:
    answer = await intake.province.post("/rounds", json=round_body(code=code) | changed)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def round_seen(intake: Intake, caller: Caller) -> dict[str, Any]:
    return dict((await caller.get(f"/rounds/{intake.round_id}")).json())


async def actions_in(intake: Intake, caller: Caller) -> dict[str, str | None]:
    """Return, by action, None where it is enabled and otherwise why it is not, in English."""
    seen = await round_seen(intake, caller)
    return {
        one["action"]: None if one["enabled"] else one["because"]["en"]
        for one in seen["available_actions"]
    }


async def recognised(intake: Intake, serial: int = 1, **changed: Any) -> dict[str, Any]:
    granted = recognition(uscc=uscc_of(serial), recognition_id=new_id()) | changed
    await intake.service.deliver("registry", RecognitionGranted(application_id=None, **granted))
    return granted


async def revoked(intake: Intake, granted: dict[str, Any], exclusion: date | None = None) -> None:
    await intake.service.deliver(
        "registry",
        RecognitionRevoked(
            **granted,
            ground="voluntary",
            revoked_on=TODAY,
            finding_number=None,
            recovers_rewards=False,
            exclusion_until=exclusion,
        ),
    )


# ---------------------------------------------------------------- what each may do


async def test_an_enterprise_may_start_and_nothing_else_in_an_open_round(intake: Intake) -> None:
    actions = await actions_in(intake, intake.enterprise())

    assert actions.pop("start_new") is None
    assert None not in actions.values()
    assert list(actions) == ["start_renewal", "import", "extend", "close"]


async def test_a_city_files_and_imports_and_the_province_keeps_the_round(intake: Intake) -> None:
    city = intake.service.caller("city_office", region="520100")
    neighbour = intake.service.caller("city_office", region="530100")

    of_the_city = await actions_in(intake, city)
    of_a_neighbour = await actions_in(intake, neighbour)
    of_the_province = await actions_in(intake, intake.province)
    of_another_province = await actions_in(
        intake, intake.service.caller("provincial_office", region="530000")
    )

    assert enabled(of_the_city) == ["start_new", "start_renewal", "import"]
    assert enabled(of_a_neighbour) == []
    assert enabled(of_the_province) == ["extend", "close"]
    assert enabled(of_another_province) == []


def enabled(actions: dict[str, str | None]) -> list[str]:
    return [name for name, because in actions.items() if because is None]


@pytest.mark.parametrize(
    ("office", "region"),
    [("evaluator", "520000"), ("finance_office", "520100"), ("enterprise", None)],
)
async def test_a_stranger_who_may_read_rounds_may_do_nothing_in_one(
    intake: Intake, office: str, region: str | None
) -> None:
    reading = frozenset({"applications:read"})
    stranger = intake.service.caller(office, region=region, scopes=reading)
    city = intake.service.caller("city_office", region="520100", scopes=reading)
    province = intake.service.caller("provincial_office", region="520000", scopes=reading)

    for caller in (stranger, city, province):
        actions = await actions_in(intake, caller)
        assert len(actions) == 5
        assert enabled(actions) == []


async def test_who_holds_the_title_is_told_why_it_starts_nothing_new(intake: Intake) -> None:
    await recognised(intake)

    actions = await actions_in(intake, intake.enterprise())
    refused = await intake.enterprise().post(
        "/applications", json=intake.body(), headers={"Accept-Language": "en"}
    )

    assert actions["start_new"] == "Its srdi_sme is valid until 2028-12-31."
    assert refused.json()["detail"] == actions["start_new"]


async def test_a_renewal_is_offered_when_one_is_owed(intake: Intake) -> None:
    cases = {
        1: ("2028-12-31", False),  # the window opens in July 2028
        2: ("2026-09-10", False),  # … tomorrow
        3: ("2026-09-09", True),  # … today
        4: ("2026-03-31", True),
        5: ("2026-03-09", True),  # its term is over, and a renewal is a new term
    }
    for serial, (until, _) in cases.items():
        valid_until = date.fromisoformat(until)
        await recognised(
            intake,
            serial,
            valid_from=valid_until.replace(year=valid_until.year - 3) + timedelta(days=1),
            valid_until=valid_until,
        )
    await revoked(intake, await recognised(intake, 6, valid_until=date(2026, 4, 30)))

    actions = {
        serial: await actions_in(intake, intake.enterprise(serial)) for serial in range(1, 8)
    }

    offered = {serial: seen["start_renewal"] is None for serial, seen in actions.items()}
    assert offered == {serial: is_owed for serial, (_, is_owed) in cases.items()} | {
        6: False,
        7: False,
    }
    assert "2028-07-01" in str(actions[1]["start_renewal"])
    assert actions[6]["start_renewal"] == actions[7]["start_renewal"]
    assert actions[5]["start_new"] is None
    assert actions[6]["start_new"] is None


async def test_who_is_barred_after_a_revocation_is_told_until_when(intake: Intake) -> None:
    await revoked(intake, await recognised(intake), exclusion=date(2029, 3, 9))

    actions = await actions_in(intake, intake.enterprise())

    assert actions["start_new"] == "The enterprise may not apply until 2029-03-09 is over."
    assert actions["start_renewal"] == actions["start_new"]


async def test_what_a_round_does_not_take_is_offered_to_nobody(intake: Intake) -> None:
    await opened(intake, "2026-R", kinds={"renewal": PACK})
    city = intake.service.caller("city_office", region="520100")

    (newest, _) = (await city.get("/rounds")).json()["items"]

    offered = {one["action"]: one["enabled"] for one in newest["available_actions"]}
    assert newest["kinds"] == {"renewal": PACK}
    assert (offered["start_new"], offered["start_renewal"]) == (False, True)


async def test_a_round_that_is_over_offers_no_start_and_still_an_extension(intake: Intake) -> None:
    intake.service.clock.set(MIDNIGHT)
    city = intake.service.caller("city_office", region="520100")

    over = await actions_in(intake, city), await actions_in(intake, intake.province)
    await intake.province.post(f"/rounds/{intake.round_id}/closure", json={"reason": "结束"})
    closed = await actions_in(intake, intake.province)

    assert [enabled(one) for one in over] == [[], ["extend", "close"]]
    assert enabled(closed) == []


# ---------------------------------------------------------------- counts by city


async def counted(caller: Caller, round_id: str) -> dict[str, Any]:
    answer = await caller.get(f"/rounds/{round_id}/counts")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def of_city(counts: dict[str, Any], code: str) -> dict[str, Any]:
    return next(dict(one) for one in counts["items"] if one["city"] == code)


async def test_every_city_is_counted_and_guian_beside_them(intake: Intake) -> None:
    await intake.submitted(1, division="520900")

    counts = await counted(intake.province, intake.round_id)

    assert {one["city"]: one["name"] for one in counts["items"]} == CITIES
    assert [one["city"] for one in counts["items"]] == sorted(CITIES)
    assert (counts["year"], counts["floor"]["at_least"], counts["floor"]["clause"]) == (
        2026,
        20,
        "六(一)",
    )
    assert of_city(counts, "520900") == {
        "city": "520900",
        "name": "贵安新区",
        "in_round": {"submitted": 1},
        "filed_in_year": 1,
        "still_to_file": 19,
    }
    assert of_city(counts, "520300")["in_round"] == {}


async def test_a_city_sees_itself_alone(intake: Intake) -> None:
    await intake.submitted(1)
    await intake.submitted(2, division="520302")
    offices = ["520100", "520300", "520900"]

    seen = {
        region: await counted(intake.service.caller("city_office", region=region), intake.round_id)
        for region in offices
    }

    assert {region: [one["city"] for one in of["items"]] for region, of in seen.items()} == {
        region: [region] for region in offices
    }
    assert [of["items"][0]["filed_in_year"] for of in seen.values()] == [1, 1, 0]


async def test_counts_are_for_offices_of_the_province_that_holds_the_round(intake: Intake) -> None:
    path = f"/rounds/{intake.round_id}/counts"
    reading = frozenset({"applications:read"})
    callers = [
        intake.enterprise(),
        intake.service.caller("evaluator", region="520000", scopes=reading),
        intake.service.caller("finance_office", region="520000", scopes=reading),
        intake.service.caller("provincial_office", region="530000"),
        intake.service.caller("city_office", region="530100"),
        intake.service.caller("auditor", region="520000", scopes=reading),
    ]

    answers = [await caller.get(path) for caller in callers]
    stranger = await intake.service.anyone().get(f"/api/v1{path}")
    unheard_of = await intake.province.get(f"/rounds/{new_id()}/counts")

    assert [one.status_code for one in answers] == [403, 403, 403, 404, 404, 200]
    assert (stranger.status_code, unheard_of.status_code) == (401, 404)


async def test_a_draft_counts_in_the_round_once_it_has_the_enterprises_word(
    intake: Intake,
) -> None:
    county = intake.service.caller("county_office", region="520102")
    waiting = (await county.post("/applications", json=intake.body(1))).json()
    before = of_city(await counted(intake.province, intake.round_id), "520100")

    await intake.enterprise(1).post(
        f"/applications/{waiting['id']}/confirmation",
        headers={"If-Match": f'"{waiting["version"]}"'},
    )

    after = of_city(await counted(intake.province, intake.round_id), "520100")
    assert (before["in_round"], before["filed_in_year"]) == ({}, 0)
    assert (after["in_round"], after["filed_in_year"]) == ({"draft": 1}, 0)


async def test_what_was_withdrawn_is_counted_in_the_round_and_not_as_filed(
    intake: Intake,
) -> None:
    await intake.returned(1, "niche")
    withdrawn = await intake.submitted(2)
    await intake.bare_draft(3)

    await intake.enterprise(2).post(
        f"/applications/{withdrawn['id']}/withdrawal", json={"reason": "经营调整"}
    )

    counts = of_city(await counted(intake.province, intake.round_id), "520100")
    assert counts["in_round"] == {"returned": 1, "withdrawn": 1, "draft": 1}
    assert (counts["filed_in_year"], counts["still_to_file"]) == (1, 19)


async def test_the_rounds_of_a_year_are_added_and_no_others(intake: Intake) -> None:
    days = {"opens_on": "2025-12-31", "closes_on": "2026-03-31"}
    last_year = await opened(intake, "2025-9", **days)
    second = await opened(intake, "2026-2")
    little_giants = await opened(intake, "2026-G", title="provincial_little_giant")
    await recognised(intake, 4)
    for serial, round_id in enumerate((intake.round_id, second, last_year, little_giants), 1):
        body = intake.body(serial) | {"round_id": round_id}
        draft = (await intake.enterprise(serial).post("/applications", json=body)).json()
        await intake.attach_needed(intake.enterprise(serial), draft["id"])
        answer = await intake.enterprise(serial).post(f"/applications/{draft['id']}/submission")
        assert answer.status_code == 200, answer.text

    counts = {
        round_id: await counted(intake.province, round_id)
        for round_id in (intake.round_id, second, last_year, little_giants)
    }

    cities = {round_id: of_city(of, "520100") for round_id, of in counts.items()}
    assert [of["year"] for of in counts.values()] == [2026, 2026, 2025, 2026]
    assert [one["filed_in_year"] for one in cities.values()] == [2, 2, 1, 1]
    assert [one["in_round"] for one in cities.values()] == [{"submitted": 1}] * 4


@pytest.mark.parametrize(("filed", "still_to_file"), [(19, 1), (20, 0), (21, 0)])
async def test_the_floor_of_twenty_says_how_many_are_wanting(
    intake: Intake, filed: int, still_to_file: int
) -> None:
    submitted = await intake.submitted(1)
    await as_owner(
        intake.service.owner,
        "INSERT INTO applications.applications SELECT (jsonb_populate_record(one,"
        " jsonb_build_object('id', gen_random_uuid(), 'uscc', 'COPY' || number))).*"
        f" FROM applications.applications one, generate_series(2, {filed}) number"
        f" WHERE one.id = '{submitted['id']}'",
    )

    counts = of_city(await counted(intake.province, intake.round_id), "520100")

    assert counts["in_round"] == {"submitted": filed}
    assert (counts["filed_in_year"], counts["still_to_file"]) == (filed, still_to_file)


async def test_a_pack_without_a_floor_wants_nothing(intake: Intake) -> None:
    round_id = await opened(intake, "2026-N", kinds={"new": "national/2026-04-01"})

    counts = await counted(intake.province, round_id)

    assert counts["floor"] is None
    assert {one["still_to_file"] for one in counts["items"]} == {None}


# ---------------------------------------------------------------- until when it is open


async def extended(intake: Intake, closes_on: str) -> httpx.Response:
    return await intake.province.post(
        f"/rounds/{intake.round_id}/extension",
        json={"closes_on": closes_on, "document_number": "示例〔2026〕2号", "reason": "系统维护"},
    )


async def test_a_round_closes_at_the_midnight_that_ends_its_last_day(intake: Intake) -> None:
    draft = await intake.bare_draft()

    before = await round_seen(intake, intake.enterprise())
    answer = await extended(intake, "2026-04-10")
    application = (await intake.enterprise().get(f"/applications/{draft['id']}")).json()

    assert (before["closes_on"], before["closes_at"]) == ("2026-03-31", "2026-03-31T16:00:00Z")
    assert draft["closes_at"] == before["closes_at"]
    assert answer.json()["closes_at"] == "2026-04-10T16:00:00Z"
    assert application["closes_at"] == "2026-04-10T16:00:00Z"


async def test_a_closure_ends_a_round_before_its_midnight_and_not_after_it(
    intake: Intake,
) -> None:
    later = await opened(intake, "2026-2")
    closure = {"reason": "名额已满"}

    early = await intake.province.post(f"/rounds/{intake.round_id}/closure", json=closure)
    intake.service.clock.move_to_day(date(2026, 4, 7))
    late = await intake.province.post(f"/rounds/{later}/closure", json=closure)

    assert early.json()["closes_at"].startswith("2026-03-10T01:00:")
    assert late.json()["closes_at"] == "2026-03-31T16:00:00Z"
    assert (early.json()["is_open"], late.json()["is_open"]) == (False, False)


async def test_a_rounds_timeline_names_opening_extension_and_closure(intake: Intake) -> None:
    path = f"/rounds/{intake.round_id}"
    await extended(intake, "2026-04-10")
    await intake.province.post(f"{path}/closure", json={"reason": "名额已满"})
    other = await opened(intake, "2026-2")

    timeline = (await intake.enterprise().get(f"{path}/timeline")).json()["items"]
    of_another = (await intake.enterprise().get(f"/rounds/{other}/timeline")).json()["items"]
    unheard_of = await intake.enterprise().get(f"/rounds/{new_id()}/timeline")

    opening, extension, closure = timeline
    assert [one["action"] for one in timeline] == ["opened", "extended", "closed"]
    assert opening["data"]["document_number"] == "示例〔2026〕1号"
    assert extension["data"] == {
        "code": "2026-1",
        "closes_on": "2026-04-10",
        "closed_on_before": "2026-03-31",
        "document_number": "示例〔2026〕2号",
    }
    assert (extension["reason"], closure["reason"]) == ("系统维护", "名额已满")
    assert {one["by"] for one in timeline} == {"provincial_office-520000"}
    assert [one["action"] for one in of_another] == ["opened"]
    assert (unheard_of.status_code, slug(unheard_of)) == (404, "round-not-found")


# ---------------------------------------------------------------- arrival, not handling


@asynccontextmanager
async def held(intake: Intake, *statements: str) -> AsyncIterator[AsyncConnection]:
    """Keep locks in a connection of its own, so that the handling of a request waits for them."""
    engine = create_async_engine(intake.service.owner, poolclass=NullPool)
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
        yield connection
        await connection.rollback()
    await engine.dispose()


EVERY_APPLICATION = "LOCK TABLE applications.applications IN ACCESS EXCLUSIVE MODE"


def row_of(application: dict[str, Any]) -> str:
    return f"SELECT 1 FROM applications.applications WHERE id = '{application['id']}' FOR UPDATE"


async def until_somebody_waits(holder: AsyncConnection) -> None:
    for _ in range(200):
        if await holder.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("nobody waits for the lock")


async def submission(intake: Intake, serial: int, application: dict[str, Any]) -> httpx.Response:
    return await intake.enterprise(serial).post(
        f"/applications/{application['id']}/submission", headers={"Accept-Language": "en"}
    )


async def test_what_arrives_in_the_last_second_is_in_time_however_long_its_handling_takes(
    intake: Intake,
) -> None:
    draft = await intake.draft()
    intake.service.clock.set(MIDNIGHT - timedelta(seconds=1))

    async with held(intake, row_of(draft)) as holder:
        sent = asyncio.create_task(submission(intake, 1, draft))
        await until_somebody_waits(holder)
        intake.service.clock.set(MIDNIGHT + timedelta(minutes=3))
    answer = await sent

    (event,) = await intake.service.events()
    shown = (await intake.enterprise().get(f"/applications/{draft['id']}/submissions")).json()
    assert answer.status_code == 200, answer.text
    assert event["data"]["submitted_on"] == "2026-03-31"
    assert shown["items"][0]["submitted_at"].startswith("2026-03-31T15:59:59")
    assert answer.json()["updated_at"].startswith("2026-03-31T16:03:0")
    explained = await intake.enterprise().get(f"/applications/{draft['id']}/eligibility")
    assert explained.json()["on"] == "2026-03-31"


async def test_what_arrives_at_midnight_is_late_and_is_told_the_rule_and_the_days(
    intake: Intake,
) -> None:
    draft = await intake.draft()

    intake.service.clock.set(MIDNIGHT)
    answer = await submission(intake, 1, draft)

    assert (answer.status_code, slug(answer)) == (409, "round-not-open")
    assert answer.json()["detail"] == (
        "Round 2026-1 is open from 2026-03-01 to 2026-03-31 inclusive, until midnight, China"
        " Standard Time; the day is 2026-04-01."
    )
    assert await intake.service.events() == []


async def test_what_arrives_before_a_round_opens_is_early(intake: Intake) -> None:
    days = {"opens_on": "2026-03-11", "closes_on": "2026-03-31"}
    later = await opened(intake, "2026-2", **days)
    body = intake.body(1) | {"round_id": later}

    intake.service.clock.set(datetime(2026, 3, 10, 23, 59, 58, tzinfo=PROVINCE_TIME))
    early = await intake.enterprise().post("/applications", json=body)
    intake.service.clock.set(datetime(2026, 3, 11, tzinfo=PROVINCE_TIME))
    in_time = await intake.enterprise().post("/applications", json=body)

    assert (early.status_code, slug(early)) == (409, "round-not-open")
    assert in_time.status_code == 201


async def test_what_arrives_before_a_closure_is_in_time_and_what_arrives_after_it_is_not(
    intake: Intake,
) -> None:
    first, second = await intake.draft(1), await intake.draft(2)

    async with held(intake, EVERY_APPLICATION) as holder:
        sent = asyncio.create_task(submission(intake, 1, first))
        await until_somebody_waits(holder)
        await intake.province.post(f"/rounds/{intake.round_id}/closure", json={"reason": "已满"})
    in_time = await sent
    too_late = await submission(intake, 2, second)

    assert in_time.status_code == 200
    assert (too_late.status_code, slug(too_late)) == (409, "round-not-open")
    assert "the round was closed" in too_late.json()["detail"]


async def test_a_mandate_counts_on_the_day_of_arrival(intake: Intake) -> None:
    county = intake.service.caller("county_office", region="520102")
    await intake.enterprise().post(
        "/filing-mandates", json={"region": "520102", "valid_until": "2026-03-20"}
    )
    draft = await intake.draft()
    intake.service.clock.set(datetime(2026, 3, 20, 23, 59, 58, tzinfo=PROVINCE_TIME))

    async with held(intake, row_of(draft)) as holder:
        sent = asyncio.create_task(county.post(f"/applications/{draft['id']}/submission"))
        await until_somebody_waits(holder)
        intake.service.clock.set(datetime(2026, 3, 21, 0, 1, tzinfo=PROVINCE_TIME))
    answer = await sent

    assert answer.status_code == 200, answer.text
