"""Filing on behalf: an office drafts, the enterprise gives its word, and nobody learns too much."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from typing import Any

import httpx
import pytest

from services.contracts.registry import RecognitionGranted, RecognitionRevoked
from services.kernel.clock import PROVINCE_TIME
from services.kernel.identifiers import new_id
from tests.applications.conftest import TODAY, Intake, round_body
from tests.applications.test_intake import recognition, slug
from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.services import Caller

NATIONAL = "national/2026-04-01"
WITHOUT_WORD = (409, "enterprise-word-missing")
LAST_SECOND = time(23, 59, 59)


@pytest.fixture
def county(intake: Intake) -> Caller:
    """The office of 南明区, where the enterprises of these tests apply."""
    return intake.service.caller("county_office", region="520102")


@pytest.fixture
def city(intake: Intake) -> Caller:
    return intake.service.caller("city_office", region="520100")


@pytest.fixture
def elsewhere(intake: Intake) -> Caller:
    """The office of 遵义市, where they do not."""
    return intake.service.caller("city_office", region="520300")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, slug(answer)


async def drafted_by(
    intake: Intake, office: Caller, serial: int = 1, **changed: Any
) -> dict[str, Any]:
    """Return an office's draft that lacks nothing but, perhaps, the enterprise's word."""
    answer = await office.post("/applications", json=intake.body(serial, **changed))
    assert answer.status_code == 201, answer.text
    await intake.attach_needed(office, answer.json()["id"])
    return dict((await office.get(f"/applications/{answer.json()['id']}")).json())


async def edited(caller: Caller, application: dict[str, Any], **facts: Any) -> httpx.Response:
    return await caller.ask(
        "PATCH",
        f"/applications/{application['id']}",
        json={"facts": facts},
        headers={"If-Match": f'"{application["version"]}"'},
    )


async def submission(caller: Caller, application: dict[str, Any]) -> httpx.Response:
    return await caller.post(f"/applications/{application['id']}/submission")


async def confirmation(caller: Caller, application: dict[str, Any]) -> httpx.Response:
    return await caller.post(
        f"/applications/{application['id']}/confirmation",
        headers={"If-Match": f'"{application["version"]}"'},
    )


async def withdrawal(caller: Caller, application: dict[str, Any]) -> httpx.Response:
    return await caller.post(
        f"/applications/{application['id']}/withdrawal", json={"reason": "填报有误"}
    )


async def mandate_for(
    intake: Intake, region: str, serial: int = 1, valid_until: str = "2026-12-31"
) -> dict[str, Any]:
    answer = await intake.enterprise(serial).post(
        "/filing-mandates", json={"region": region, "valid_until": valid_until}
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def taken_back(caller: Caller, mandate: dict[str, Any]) -> httpx.Response:
    return await caller.post(
        f"/filing-mandates/{mandate['id']}/revocation", json={"reason": "改为自行申报"}
    )


async def actions_seen(caller: Caller, application: dict[str, Any]) -> dict[str, bool]:
    seen = (await caller.get(f"/applications/{application['id']}")).json()
    return {one["action"]: one["enabled"] for one in seen["available_actions"]}


async def steps_of(intake: Intake, application: dict[str, Any], serial: int = 1) -> list[str]:
    timeline = await intake.enterprise(serial).get(f"/applications/{application['id']}/timeline")
    return [
        one["action"]
        for one in timeline.json()["items"]
        if not one["action"].startswith("document_")
    ]


# ---------------------------------------------------------------- the enterprise's own word


async def test_an_offices_draft_waits_for_the_enterprise_and_is_then_the_offices_to_submit(
    intake: Intake, county: Caller
) -> None:
    draft = await drafted_by(intake, county)

    listed = (await intake.enterprise().get("/applications")).json()["items"]
    too_early = await submission(county, draft)
    enabled_before = await actions_seen(county, draft)
    confirmed = await confirmation(intake.enterprise(), draft)
    again = await confirmation(intake.enterprise(), draft)
    enabled_after = await actions_seen(county, draft)
    submitted = await submission(county, draft)

    assert (draft["is_confirmed"], draft["filed_region"]) == (False, "520102")
    assert [one["id"] for one in listed] == [draft["id"]]
    assert refusal(too_early) == WITHOUT_WORD
    assert (enabled_before["edit"], enabled_before["submit"]) == (True, False)
    assert confirmed.json()["is_confirmed"] is True
    assert refusal(again) == (409, "nothing-to-confirm")
    assert enabled_after["submit"] is True
    assert submitted.json()["status"] == "submitted"
    assert await steps_of(intake, draft) == ["drafted", "confirmed", "submitted"]


async def test_a_draft_is_confirmed_by_the_enterprise_and_by_nobody_for_it(
    intake: Intake, county: Caller
) -> None:
    draft = await drafted_by(intake, county)

    answers = [
        await confirmation(caller, draft)
        for caller in (county, intake.province, intake.enterprise(2))
    ]

    assert [refusal(one) for one in answers] == [
        (403, "not-allowed"),
        (403, "not-allowed"),
        (404, "application-not-found"),
    ]
    assert await steps_of(intake, draft) == ["drafted"]


async def test_an_enterprise_declines_an_offices_draft_by_withdrawing_it(
    intake: Intake, county: Caller
) -> None:
    draft = await drafted_by(intake, county)

    declined = await withdrawal(intake.enterprise(), draft)
    closed = [
        await confirmation(intake.enterprise(), draft),
        await submission(intake.enterprise(), draft),
        await submission(county, draft),
        await withdrawal(county, draft),
    ]
    another = await county.post("/applications", json=intake.body(1))

    assert (declined.json()["status"], declined.json()["is_confirmed"]) == ("withdrawn", False)
    assert [refusal(one) for one in closed] == [
        (409, "nothing-to-confirm"),
        (409, "application-not-submittable"),
        WITHOUT_WORD,
        (409, "application-not-withdrawable"),
    ]
    assert another.status_code == 201
    assert await intake.service.events() == []


async def test_an_enterprise_that_edits_an_offices_draft_takes_it_up(
    intake: Intake, county: Caller
) -> None:
    draft = await drafted_by(intake, county)

    changed = await edited(intake.enterprise(), draft, employees=130)
    by_the_office = await submission(county, draft)

    assert (changed.json()["is_confirmed"], changed.json()["facts"]["employees"]) == (True, 130)
    assert changed.headers["ETag"] == f'"{changed.json()["version"]}"'
    assert by_the_office.status_code == 200
    assert await steps_of(intake, draft) == ["drafted", "confirmed", "edited", "submitted"]


async def test_an_enterprise_that_submits_an_offices_draft_takes_it_up(
    intake: Intake, county: Caller
) -> None:
    draft = await drafted_by(intake, county)

    submitted = await submission(intake.enterprise(), draft)

    (event,) = await intake.service.events()
    assert (submitted.json()["status"], submitted.json()["is_confirmed"]) == ("submitted", True)
    assert event["data"]["filed_by"] == ["county_office-520102", f"enterprise-{uscc_of(1)}"]
    assert await steps_of(intake, draft) == ["drafted", "confirmed", "submitted"]


async def test_a_submission_that_fails_gives_no_word(intake: Intake, county: Caller) -> None:
    draft = await drafted_by(intake, county, employees=None)

    refused = await submission(intake.enterprise(), draft)
    by_key = await intake.enterprise().post(
        f"/applications/{draft['id']}/submission", headers={"Idempotency-Key": "once"}
    )
    seen = (await intake.enterprise().get(f"/applications/{draft['id']}")).json()

    assert refusal(refused) == refusal(by_key) == (409, "application-incomplete")
    assert seen["is_confirmed"] is False
    assert await steps_of(intake, draft) == ["drafted"]


async def test_an_office_edits_and_takes_back_its_own_draft_without_the_enterprises_word(
    intake: Intake, county: Caller
) -> None:
    draft = await drafted_by(intake, county)

    changed = await edited(county, draft, employees=130)
    withdrawn = await withdrawal(county, draft)

    assert (changed.status_code, changed.json()["is_confirmed"]) == (200, False)
    assert withdrawn.json()["status"] == "withdrawn"
    assert await steps_of(intake, draft) == ["drafted", "edited", "withdrawn"]


async def test_an_office_neither_changes_nor_takes_back_another_offices_draft(
    intake: Intake, city: Caller, county: Caller
) -> None:
    draft = await drafted_by(intake, city)

    read = await county.get(f"/applications/{draft['id']}")
    enabled = await actions_seen(county, draft)
    answers = [
        await edited(county, draft, employees=130),
        await submission(county, draft),
        await withdrawal(county, draft),
    ]

    assert read.status_code == 200
    assert (enabled["edit"], enabled["submit"], enabled["withdraw"]) == (False, False, False)
    assert [refusal(one) for one in answers] == [WITHOUT_WORD] * 3
    assert await steps_of(intake, draft) == ["drafted"]


async def test_an_office_has_one_draft_for_an_enterprise_and_each_office_its_own(
    intake: Intake, city: Caller, county: Caller
) -> None:
    first = await county.post("/applications", json=intake.body(1))
    second = await county.post("/applications", json=intake.body(1))
    of_the_city = await city.post("/applications", json=intake.body(1))

    assert (first.status_code, of_the_city.status_code) == (201, 201)
    assert refusal(second) == (409, "application-exists")


# ---------------------------------------------------------------- what an enterprise files itself


async def test_an_office_leaves_alone_what_the_enterprise_files_itself(
    intake: Intake, county: Caller, city: Caller
) -> None:
    draft = await intake.draft()

    answers = [
        answer
        for office in (county, city)
        for answer in (
            await edited(office, draft, employees=130),
            await edited(office, draft, niche=None),
            await edited(office, draft, applying_division="520103"),
            await submission(office, draft),
            await withdrawal(office, draft),
        )
    ]
    enabled = await actions_seen(county, draft)

    assert [refusal(one) for one in answers] == [WITHOUT_WORD] * 10
    assert [name for name, is_enabled in enabled.items() if is_enabled] == []
    assert await steps_of(intake, draft) == ["drafted"]


async def test_an_office_enters_what_comes_from_the_platform_and_nothing_else(
    intake: Intake, county: Caller
) -> None:
    opened = await intake.province.post(
        "/rounds", json=round_body(code="2026-N", kinds={"new": NATIONAL})
    )
    facts = {"uscc": uscc_of(1), "applying_division": "520102", "employees": 120}
    draft = (
        await intake.enterprise().post(
            "/applications",
            json={"round_id": opened.json()["id"], "kind": "new", "facts": facts},
        )
    ).json()

    stated = await edited(intake.enterprise(), draft, platform_score="99")
    with_another = await edited(county, draft, platform_score="72.5", employees=500)
    imported = await edited(county, draft, platform_score="72.5")
    removed = await edited(intake.enterprise(), imported.json(), platform_score=None)
    enabled = await actions_seen(county, draft)

    assert refusal(stated) == refusal(removed) == (422, "facts-invalid")
    assert stated.json()["errors"][0]["code"] == "imported"
    assert refusal(with_another) == WITHOUT_WORD
    assert imported.json()["facts"] == facts | {"platform_score": "72.50"}
    assert imported.json()["provenance"]["platform_score"]["source"] == "county_office"
    assert (enabled["edit"], enabled["submit"]) == (True, False)


# ---------------------------------------------------------------- mandates


async def test_with_a_mandate_an_offices_draft_counts_at_once(
    intake: Intake, county: Caller
) -> None:
    mandate = await mandate_for(intake, "520102")
    draft = await drafted_by(intake, county)

    own = await intake.enterprise().post("/applications", json=intake.body(1))
    submitted = await submission(county, draft)

    assert (mandate["uscc"], mandate["is_in_force"]) == (uscc_of(1), True)
    assert draft["is_confirmed"] is True
    assert refusal(own) == (409, "application-exists")
    assert submitted.json()["status"] == "submitted"


async def test_with_a_mandate_an_office_acts_in_what_the_enterprise_began(
    intake: Intake, county: Caller
) -> None:
    draft = await intake.draft()
    await mandate_for(intake, "520102")

    changed = await edited(county, draft, employees=130)
    submitted = await submission(county, draft)
    withdrawn = await withdrawal(county, draft)

    assert changed.json()["facts"]["employees"] == 130
    assert [submitted.status_code, withdrawn.status_code] == [200, 200]


async def test_a_draft_that_waited_counts_once_it_is_submitted_under_a_mandate(
    intake: Intake, county: Caller
) -> None:
    draft = await drafted_by(intake, county)
    mandate = await mandate_for(intake, "520102")

    submitted = await submission(county, draft)
    own = await intake.enterprise().post("/applications", json=intake.body(1))
    timeline = (await county.get(f"/applications/{draft['id']}/timeline")).json()["items"]
    counts = (await intake.province.get(f"/rounds/{intake.round_id}/counts")).json()["items"]

    assert (submitted.status_code, submitted.json()["is_confirmed"]) == (200, True)
    assert refusal(own) == (409, "application-exists")
    confirmed = next(one for one in timeline if one["action"] == "confirmed")
    assert confirmed["data"]["mandate_id"] == mandate["id"]
    assert counts[0]["in_round"] == {"submitted": 1}


async def test_a_mandate_does_not_make_a_second_application_of_a_draft_that_waited(
    intake: Intake, county: Caller
) -> None:
    waiting = await drafted_by(intake, county)
    await intake.draft(1)
    await mandate_for(intake, "520102")

    refused = await submission(county, waiting)

    assert refusal(refused) == (409, "application-exists")
    assert await intake.service.events() == []


@pytest.mark.parametrize(
    ("region", "status"),
    [
        ("520102", 201),
        ("520100", 201),
        ("520900", 201),
        ("522300", 201),
        ("520000", 422),
        ("000000", 422),
        ("520199", 422),
        ("520114", 422),  # 小河区, until 2012
        ("522100", 422),  # 遵义地区, until 1997
        ("110101", 422),
    ],
)
async def test_a_mandate_is_given_to_a_county_or_a_city_of_today(
    intake: Intake, region: str, status: int
) -> None:
    answer = await intake.enterprise().post(
        "/filing-mandates", json={"region": region, "valid_until": "2026-12-31"}
    )

    assert answer.status_code == status
    assert status == 201 or slug(answer) == "mandate-not-possible"


@pytest.mark.parametrize(
    ("valid_until", "status"),
    [("2026-03-09", 422), ("2026-03-10", 201), ("2029-03-10", 201), ("2029-03-11", 422)],
)
async def test_a_mandate_runs_for_three_years_at_most(
    intake: Intake, valid_until: str, status: int
) -> None:
    answer = await intake.enterprise().post(
        "/filing-mandates", json={"region": "520102", "valid_until": valid_until}
    )

    assert answer.status_code == status


async def test_a_mandate_is_given_by_the_enterprise_for_itself_alone(
    intake: Intake, county: Caller, city: Caller
) -> None:
    body = {"region": "520102", "valid_until": "2026-12-31"}

    by_others = [
        await caller.post("/filing-mandates", json=body)
        for caller in (county, city, intake.province)
    ]
    nameless = await intake.service.caller("enterprise").post("/filing-mandates", json=body)
    reader = intake.service.caller(
        "enterprise", uscc=uscc_of(1), scopes=frozenset({"applications:read"})
    )
    without_scope = await reader.post("/filing-mandates", json=body)
    for_another = await intake.enterprise().post(
        "/filing-mandates", json=body | {"uscc": uscc_of(2)}
    )

    refused = [*by_others, nameless, without_scope]
    assert [refusal(one) for one in refused] == [(403, "not-allowed")] * 5
    assert refusal(for_another) == (422, "unknown-field")


async def test_a_mandate_that_was_taken_back_counts_no_more(intake: Intake, county: Caller) -> None:
    mandate = await mandate_for(intake, "520102")

    by_others = [await taken_back(caller, mandate) for caller in (intake.enterprise(2), county)]
    ended = await taken_back(intake.enterprise(), mandate)
    again = await taken_back(intake.enterprise(), mandate)
    draft = await drafted_by(intake, county)

    assert [one.status_code for one in by_others] == [404, 403]
    assert (ended.json()["is_in_force"], ended.json()["ended_at"] is None) == (False, False)
    assert refusal(again) == (409, "mandate-ended")
    assert draft["is_confirmed"] is False


async def test_what_an_office_drafted_under_a_mandate_is_the_enterprises_once_that_has_ended(
    intake: Intake, county: Caller, city: Caller
) -> None:
    mandate = await mandate_for(intake, "520102")
    draft = await drafted_by(intake, county)
    await taken_back(intake.enterprise(), mandate)

    answers = [
        answer
        for office in (county, city)
        for answer in (
            await edited(office, draft, employees=130),
            await submission(office, draft),
            await withdrawal(office, draft),
        )
    ]
    enabled = await actions_seen(county, draft)
    submitted = await submission(intake.enterprise(), draft)

    assert [refusal(one) for one in answers] == [WITHOUT_WORD] * 6
    assert [name for name, is_enabled in enabled.items() if is_enabled] == []
    assert submitted.json()["status"] == "submitted"


async def test_what_was_filed_under_a_mandate_stays_filed(intake: Intake, county: Caller) -> None:
    mandate = await mandate_for(intake, "520102")
    submitted = (await submission(county, await drafted_by(intake, county))).json()

    await taken_back(intake.enterprise(), mandate)

    seen = (await county.get(f"/applications/{submitted['id']}")).json()
    assert (seen["status"], seen["is_confirmed"]) == ("submitted", True)


async def test_a_mandate_ends_with_its_last_day_at_midnight_in_shanghai(
    intake: Intake, county: Caller
) -> None:
    await mandate_for(intake, "520102", 1, valid_until="2026-03-20")
    await mandate_for(intake, "520102", 2, valid_until="2026-03-20")
    first, second = await drafted_by(intake, county, 1), await drafted_by(intake, county, 2)

    intake.service.clock.move_to_day(date(2026, 3, 20), LAST_SECOND)
    in_time = await submission(county, first)
    intake.service.clock.set(datetime(2026, 3, 21, tzinfo=PROVINCE_TIME))
    too_late = await submission(county, second)
    later = await county.post("/applications", json=intake.body(2))
    listed = (await county.get("/filing-mandates")).json()["items"]

    assert in_time.status_code == 200
    assert refusal(too_late) == WITHOUT_WORD
    assert later.json()["is_confirmed"] is False
    assert [one["is_in_force"] for one in listed] == [False, False]


async def test_a_mandate_gives_the_office_of_another_division_nothing(
    intake: Intake, county: Caller, city: Caller
) -> None:
    await mandate_for(intake, "520102")
    draft = await drafted_by(intake, county)

    by_the_city = [
        await edited(city, draft, employees=130),
        await submission(city, draft),
        await withdrawal(city, draft),
    ]
    of_the_city = await city.post("/applications", json=intake.body(1))
    neighbour = intake.service.caller("county_office", region="520103")
    by_a_neighbour = await submission(neighbour, draft)
    of_a_neighbour = await neighbour.post("/applications", json=intake.body(1, division="520103"))

    assert [refusal(one) for one in by_the_city] == [WITHOUT_WORD] * 3
    assert of_the_city.json()["is_confirmed"] is False
    assert refusal(by_a_neighbour) == (404, "application-not-found")
    assert of_a_neighbour.json()["is_confirmed"] is False


async def test_the_list_of_mandates_shows_each_its_own(
    intake: Intake, county: Caller, city: Caller, elsewhere: Caller
) -> None:
    given = [
        (await mandate_for(intake, region, serial))["id"]
        for region, serial in (("520102", 1), ("520300", 1), ("520102", 2))
    ]
    to_county, to_elsewhere, of_another = given

    async def seen(caller: Caller, query: str = "") -> list[str]:
        answer = await caller.get(f"/filing-mandates{query}")
        return [one["id"] for one in answer.json()["items"]]

    assert await seen(intake.enterprise(1)) == [to_elsewhere, to_county]
    assert await seen(intake.enterprise(1), f"?uscc={uscc_of(2)}") == []
    assert await seen(county) == await seen(city) == [of_another, to_county]
    assert await seen(county, f"?uscc={uscc_of(1)}") == [to_county]
    assert await seen(elsewhere) == [to_elsewhere]
    partner = intake.service.caller("evaluator", region="520000")
    assert refusal(await partner.get("/filing-mandates")) == (403, "not-allowed")


# ---------------------------------------------------------------- what an office learns


async def revoked_elsewhere(intake: Intake, serial: int, *, is_secret: bool = False) -> None:
    granted = recognition(uscc=uscc_of(serial), is_secret=is_secret, recognition_id=new_id())
    await intake.service.deliver("registry", RecognitionGranted(application_id=None, **granted))
    await intake.service.deliver(
        "registry",
        RecognitionRevoked(
            **granted,
            ground="false_declaration",
            revoked_on=TODAY,
            finding_number="示例查〔2026〕1号",
            recovers_rewards=True,
            exclusion_until=date(2029, 3, 9),
        ),
    )


async def recognised(intake: Intake, serial: int, **changed: Any) -> None:
    granted = recognition(uscc=uscc_of(serial), recognition_id=new_id()) | changed
    await intake.service.deliver("registry", RecognitionGranted(application_id=None, **granted))


async def unknown(_intake: Intake, _serial: int) -> None:
    """Nobody has ever heard of it."""


async def drafting(intake: Intake, serial: int) -> None:
    await intake.bare_draft(serial)


async def applying_in_secret(intake: Intake, serial: int) -> None:
    await intake.submitted(serial, is_secret_involved=True)


async def recognised_in_secret(intake: Intake, serial: int) -> None:
    await recognised(intake, serial, is_secret=True)


async def due_for_renewal(intake: Intake, serial: int) -> None:
    await recognised(intake, serial, valid_from=date(2023, 5, 1), valid_until=date(2026, 4, 30))


async def barred(intake: Intake, serial: int) -> None:
    await revoked_elsewhere(intake, serial)


async def withdrawn_elsewhere(intake: Intake, serial: int) -> None:
    await withdrawal(intake.enterprise(serial), await intake.submitted(serial))


async def drafted_by_its_county(intake: Intake, serial: int) -> None:
    county = intake.service.caller("county_office", region="520102")
    await county.post("/applications", json=intake.body(serial))


LIVES: tuple[Callable[[Intake, int], Awaitable[None]], ...] = (
    unknown,
    drafting,
    applying_in_secret,
    recognised_in_secret,
    due_for_renewal,
    barred,
    withdrawn_elsewhere,
    drafted_by_its_county,
)
"""What an enterprise may be doing in 贵阳市 while an office of 遵义市 drafts for it."""


async def everything_asked(
    office: Caller, intake: Intake, serial: int, kind: str, round_id: str | None = None
) -> list[tuple[str, int, dict[str, str], str]]:
    """Return every answer that an office can get about an enterprise, without ids and times."""
    answers: list[tuple[str, httpx.Response]] = []

    async def ask(what: str, call: Awaitable[httpx.Response]) -> httpx.Response:
        answer = await call
        answers.append((what, answer))
        return answer

    body = intake.body(serial, division="520302") | {"kind": kind}
    body["round_id"] = round_id or intake.round_id
    draft = (await ask("draft", office.post("/applications", json=body))).json()
    await ask("draft again", office.post("/applications", json=body))
    if "id" in draft:
        path = f"/applications/{draft['id']}"
        version = {"If-Match": f'"{draft["version"]}"'}
        change = {"facts": {"employees": 121}}
        await ask("read", office.get(path))
        for part in ("eligibility", "timeline", "documents", "submissions", "contact"):
            await ask(part, office.get(f"{path}/{part}"))
        await ask("edit", office.ask("PATCH", path, json=change, headers=version))
        await intake.attach_needed(office, draft["id"])
        await ask("read, complete", office.get(path))
        await ask("submit", office.post(f"{path}/submission"))
        await ask("confirm", office.post(f"{path}/confirmation", headers=version))
        await ask("list", office.get(f"/applications?uscc={uscc_of(serial)}"))
        await ask("withdraw", office.post(f"{path}/withdrawal", json={"reason": "有误"}))
        await ask("copy", office.post("/applications", json=body | {"copied_from": draft["id"]}))
    await ask("list, later", office.get(f"/applications?uscc={uscc_of(serial)}"))
    await ask("mandates", office.get(f"/filing-mandates?uscc={uscc_of(serial)}"))
    return [normal(what, answer, serial) for what, answer in answers]


def normal(what: str, answer: httpx.Response, serial: int) -> tuple[str, int, dict[str, str], str]:
    headers = {
        name: plain(answer.headers[name], serial)
        for name in ("etag", "location", "content-type")
        if name in answer.headers
    }
    text = json.dumps(answer.json(), ensure_ascii=False, sort_keys=True)
    return what, answer.status_code, headers, plain(text, serial)


def plain(text: str, serial: int) -> str:
    """Take out of an answer what belongs to one enterprise or one moment and tells nothing."""
    text = text.replace(uscc_of(serial), "USCC").replace(f"示例{serial:03d}", "示例")
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", text)
    text = re.sub(r'"request_id": "[^"]*"', '"request_id": "…"', text)
    return re.sub(r"\d{4}-\d{2}-\d{2}T[\d:.]+(Z|\+00:00)", "INSTANT", text)


@pytest.mark.parametrize(
    ("title", "kind"),
    [("srdi_sme", "new"), ("srdi_sme", "renewal"), ("provincial_little_giant", "new")],
)
async def test_an_office_learns_nothing_of_what_an_enterprise_does_elsewhere(
    intake: Intake, elsewhere: Caller, title: str, kind: str
) -> None:
    for serial, live in enumerate(LIVES, start=1):
        await live(intake, serial)
    # Whoever applies for the little giant has to hold the title below: eligibility could tell.
    round_id = intake.round_id if title == "srdi_sme" else await another_round(intake, title=title)

    asked = {
        live.__name__: await everything_asked(elsewhere, intake, serial, kind, round_id)
        for serial, live in enumerate(LIVES, start=1)
    }

    of_the_unknown = asked.pop("unknown")
    for life, answers in asked.items():
        assert answers == of_the_unknown, life


@pytest.mark.parametrize("kind", ["new", "renewal"])
async def test_what_an_office_knows_itself_does_not_tell_it_of_the_rest(
    intake: Intake, elsewhere: Caller, kind: str
) -> None:
    for serial, live in enumerate(LIVES, start=1):
        await live(intake, serial)
        await recognised(intake, serial, region="520302")

    asked = {
        live.__name__: await everything_asked(elsewhere, intake, serial, kind)
        for serial, live in enumerate(LIVES, start=1)
    }

    of_the_unknown = asked.pop("unknown")
    assert of_the_unknown[0][1] == 409
    for life, answers in asked.items():
        assert answers == of_the_unknown, life


async def test_an_office_is_told_at_once_what_it_may_see_anyway(
    intake: Intake, city: Caller
) -> None:
    await recognised(intake, 1)
    await revoked_elsewhere(intake, 2)
    await due_for_renewal(intake, 3)

    held = await city.post("/applications", json=intake.body(1))
    excluded = await city.post("/applications", json=intake.body(2))
    renewal = await city.post("/applications", json=intake.body(3) | {"kind": "renewal"})

    assert refusal(held) == (409, "title-held-already")
    assert refusal(excluded) == (409, "excluded")
    assert renewal.status_code == 201


async def test_with_the_enterprises_word_an_office_is_told_what_bars_the_application(
    intake: Intake, elsewhere: Caller
) -> None:
    for serial in (1, 2, 3):
        await mandate_for(intake, "520300", serial)
    await intake.bare_draft(1)
    await recognised(intake, 2)
    await revoked_elsewhere(intake, 3)

    answers = [
        await elsewhere.post("/applications", json=intake.body(serial, division="520302"))
        for serial in (1, 2, 3)
    ]

    assert [slug(one) for one in answers] == [
        "application-exists",
        "title-held-already",
        "excluded",
    ]


@pytest.mark.parametrize(
    ("life", "problem"),
    [
        (drafting, "application-exists"),
        (applying_in_secret, "application-exists"),
        (recognised_in_secret, "title-held-already"),
        (barred, "excluded"),
    ],
)
async def test_what_bars_an_application_is_told_to_the_enterprise_that_confirms_it(
    intake: Intake,
    elsewhere: Caller,
    life: Callable[[Intake, int], Awaitable[None]],
    problem: str,
) -> None:
    await life(intake, 1)
    draft = await drafted_by(intake, elsewhere, division="520302")

    confirmed = await confirmation(intake.enterprise(), draft)
    changed = await edited(intake.enterprise(), draft, employees=130)
    submitted = await submission(intake.enterprise(), draft)
    seen = (await elsewhere.get(f"/applications/{draft['id']}")).json()

    refused = (409, problem)
    assert refusal(confirmed) == refusal(changed) == refusal(submitted) == refused
    assert (seen["is_confirmed"], seen["version"], seen["status"]) == (
        False,
        draft["version"],
        "draft",
    )


async def test_an_enterprise_confirms_one_of_two_offices_drafts(
    intake: Intake, county: Caller, elsewhere: Caller
) -> None:
    here = await drafted_by(intake, county)
    there = await drafted_by(intake, elsewhere, division="520302")

    first = await confirmation(intake.enterprise(), there)
    second = await confirmation(intake.enterprise(), here)
    own = await intake.enterprise().post("/applications", json=intake.body(1))
    await withdrawal(intake.enterprise(), there)
    after_withdrawal = await confirmation(intake.enterprise(), here)

    assert first.status_code == after_withdrawal.status_code == 200
    assert refusal(second) == refusal(own) == (409, "application-exists")


async def test_two_confirmations_at_once_leave_one_live_application(
    intake: Intake, county: Caller, city: Caller, elsewhere: Caller
) -> None:
    offices = [(county, "520102"), (city, "520102"), (elsewhere, "520302")]
    for serial in range(1, 6):
        drafts = [
            await drafted_by(intake, office, serial, division=division)
            for office, division in offices
        ]

        answers = await asyncio.gather(
            *(confirmation(intake.enterprise(serial), draft) for draft in drafts)
        )

        assert sorted(one.status_code for one in answers) == [200, 409, 409]
        assert {slug(one) for one in answers if one.status_code == 409} == {"application-exists"}
        live = (await intake.enterprise(serial).get("/applications")).json()["items"]
        assert [one["is_confirmed"] for one in live].count(True) == 1


# ---------------------------------------------------------------- copied from an earlier one


async def another_round(intake: Intake, **changed: Any) -> str:
    answer = await intake.province.post("/rounds", json=round_body(code="2026-2") | changed)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def copied(caller: Caller, round_id: str, earlier: str, **facts: Any) -> httpx.Response:
    return await caller.post(
        "/applications",
        json={"round_id": round_id, "kind": "new", "facts": facts, "copied_from": earlier},
    )


async def test_facts_and_documents_are_carried_over_and_what_is_said_now_counts(
    intake: Intake,
) -> None:
    earlier = await intake.draft()
    round_id = await another_round(intake)

    copy = await copied(intake.enterprise(), round_id, earlier["id"], employees=150)

    taken = copy.json()
    documents = {
        one["kind"]: one["document"]["sha256"]
        for of in (earlier, taken)
        for one in (await intake.enterprise().get(f"/applications/{of['id']}/documents")).json()[
            "items"
        ]
        if one["document"] is not None
    }
    assert copy.status_code == 201
    assert taken["facts"] == earlier["facts"] | {"employees": 150}
    assert [one["what"] for one in taken["missing"]] == ["contact"]
    assert len(documents) == 3
    assert (await steps_of(intake, taken)) == ["drafted"]
    unchanged = (await intake.enterprise().get(f"/applications/{earlier['id']}")).json()
    assert unchanged["facts"]["employees"] == 120


async def test_a_copy_has_documents_of_its_own(intake: Intake) -> None:
    earlier = await intake.draft()
    copy = (await copied(intake.enterprise(), await another_round(intake), earlier["id"])).json()
    path = f"/applications/{copy['id']}/documents/audit_report"
    was = await intake.enterprise().get(path)

    await intake.enterprise().ask("DELETE", path, headers={"If-Match": was.headers["ETag"]})

    of_the_copy = await intake.enterprise().get(path)
    of_the_earlier = await intake.enterprise().get(
        f"/applications/{earlier['id']}/documents/audit_report"
    )
    assert of_the_copy.status_code == 404
    assert of_the_earlier.content == was.content


async def test_imported_facts_are_not_carried_over(intake: Intake, county: Caller) -> None:
    first = await another_round(intake, code="2026-N1", kinds={"new": NATIONAL})
    second = await another_round(intake, code="2026-N2", kinds={"new": NATIONAL})
    facts = {"uscc": uscc_of(1), "applying_division": "520102", "niche": "精密轴承"}
    earlier = (
        await intake.enterprise().post(
            "/applications", json={"round_id": first, "kind": "new", "facts": facts}
        )
    ).json()
    await edited(county, earlier, platform_score="72.5", previous_platform_score="70")

    copy = await copied(intake.enterprise(), second, earlier["id"])

    assert copy.json()["facts"] == facts


async def test_another_pack_takes_over_only_what_it_knows(intake: Intake) -> None:
    earlier = await intake.draft(is_ethnic_craft=True, niche="银饰")
    await intake.attach(intake.enterprise(), earlier["id"], "ip_certificates")
    round_id = await another_round(intake, kinds={"new": NATIONAL})

    copy = (await copied(intake.enterprise(), round_id, earlier["id"])).json()

    kept = (await intake.enterprise().get(f"/applications/{copy['id']}/documents")).json()
    assert copy["policy_pack"] == NATIONAL
    assert copy["facts"]["niche"] == "银饰"
    assert set(earlier["facts"]) - set(copy["facts"]) == {
        "focus_field",
        "product_direction",
        "is_ethnic_craft",
        "independent_ip",
        "management_certifications",
        "own_brands",
        "has_false_information",
        "has_tax_or_dishonesty_record",
    }
    assert [one["kind"] for one in kept["items"] if one["document"] is not None] == [
        "business_licence",
        "ip_certificates",
    ]


async def test_what_may_not_be_copied_is_refused_in_the_same_words(
    intake: Intake, county: Caller, elsewhere: Caller
) -> None:
    own = await intake.draft(1)
    another = await intake.draft(2)
    of_the_office = await drafted_by(intake, county, 3)
    round_id = await another_round(intake)
    here, there = facts_of(1), facts_of(1, "520302")
    never = str(new_id())

    refused = [
        await copied(intake.enterprise(1), round_id, another["id"], **here),
        await copied(intake.enterprise(1), round_id, never, **here),
        # What the enterprise files itself, in the division of the office that asks.
        await copied(county, round_id, own["id"], **here),
        # What an office drafted for another enterprise.
        await copied(county, round_id, of_the_office["id"], **here),
        await copied(elsewhere, round_id, own["id"], **there),
        await copied(elsewhere, round_id, never, **there),
    ]

    documents = [{**one.json(), "request_id": ""} for one in refused]
    assert documents == [documents[0]] * len(documents)
    assert refusal(refused[0]) == (422, "copy-not-possible")


async def test_an_office_copies_its_own_draft_and_under_a_mandate_the_enterprises(
    intake: Intake, county: Caller
) -> None:
    own = await drafted_by(intake, county, 1)
    of_the_enterprise = await intake.draft(2)
    await mandate_for(intake, "520102", 2)
    round_id = await another_round(intake)

    first = await copied(county, round_id, own["id"])
    second = await copied(county, round_id, of_the_enterprise["id"])

    assert (first.status_code, first.json()["is_confirmed"]) == (201, False)
    assert (second.status_code, second.json()["is_confirmed"]) == (201, True)
    given = {one["source"] for one in second.json()["provenance"].values()}
    documents = (await county.get(f"/applications/{second.json()['id']}/documents")).json()
    sources = {one["document"]["source"] for one in documents["items"] if one["document"]}
    assert given == sources == {"county_office"}


async def test_what_the_enterprise_stated_in_an_offices_draft_is_its_own_from_then_on(
    intake: Intake, county: Caller
) -> None:
    draft = (await county.post("/applications", json=intake.body())).json()
    stated = (await edited(intake.enterprise(), draft, employees=99)).json()

    refused = await edited(county, stated, employees=777)
    other = await edited(county, stated, rd_employees=20)

    assert (refused.status_code, slug(refused)) == (409, "enterprise-word-missing")
    assert refused.json()["errors"][0]["pointer"] == "/facts/employees"
    assert other.json()["facts"]["employees"] == 99


async def test_an_offices_draft_does_not_go_out_of_its_sight(
    intake: Intake, county: Caller
) -> None:
    draft = (await county.post("/applications", json=intake.body())).json()

    moved = await edited(intake.enterprise(), draft, applying_division="520302")
    declined = await withdrawal(intake.enterprise(), draft)
    elsewhere = await intake.enterprise().post("/applications", json=intake.body(division="520302"))

    assert moved.json()["errors"][0]["code"] == "outside_filed_region"
    assert (declined.status_code, elsewhere.status_code) == (200, 201)


async def test_an_enterprises_token_without_a_code_is_nobodys(intake: Intake) -> None:
    nobody = intake.service.caller("enterprise", region="520100")

    refused = await nobody.post("/applications", json=intake.body())

    assert (refused.status_code, slug(refused)) == (403, "not-allowed")
