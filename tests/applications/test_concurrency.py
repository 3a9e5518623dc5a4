"""Many at once, over connections of their own: one effect, and everybody is told the truth."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from services.applications.models import Application, Mandate, Submission
from services.applications.models import Document as StoredDocument
from tests.applications.conftest import Intake, round_body
from tests.applications.test_intake import slug
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller


def statuses(answers: Sequence[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def slugs(answers: Sequence[httpx.Response]) -> set[str]:
    return {slug(answer) for answer in answers if answer.status_code >= 400}


async def rows_in(intake: Intake, table: type[Any]) -> int:
    async with intake.service.database.session() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def edit(
    caller: Caller, application: dict[str, Any], facts: dict[str, Any]
) -> httpx.Response:
    return await caller.ask(
        "PATCH",
        f"/applications/{application['id']}",
        json={"facts": facts},
        headers={"If-Match": f'"{application["version"]}"'},
    )


async def submit(caller: Caller, application: dict[str, Any], **headers: str) -> httpx.Response:
    return await caller.post(f"/applications/{application['id']}/submission", headers=headers)


async def seen(intake: Intake, application: dict[str, Any]) -> dict[str, Any]:
    answer = await intake.enterprise().get(f"/applications/{application['id']}")
    return dict(answer.json())


async def test_of_twenty_edits_of_one_version_one_is_taken_and_the_others_are_stale(
    intake: Intake,
) -> None:
    draft = await intake.bare_draft()

    answers = await asyncio.gather(
        *(
            edit(intake.enterprise(), draft, {"employees": 200 + number, "niche": f"第{number}种"})
            for number in range(20)
        )
    )

    (winner,) = [answer.json() for answer in answers if answer.status_code == 200]
    stored = await seen(intake, draft)
    edits = [row for row in await intake.service.history() if row["action"] == "edited"]
    assert statuses(answers) == {200: 1, 412: 19}
    assert slugs(answers) == {"stale"}
    assert stored["facts"] == winner["facts"]
    assert stored["facts"]["niche"] == f"第{stored['facts']['employees'] - 200}种"
    assert (stored["version"], len(edits)) == (draft["version"] + 1, 1)


async def test_ten_submissions_at_once_submit_once(intake: Intake) -> None:
    draft = await intake.draft()

    answers = await asyncio.gather(*(submit(intake.enterprise(), draft) for _ in range(10)))

    assert statuses(answers) == {200: 1, 409: 9}
    assert slugs(answers) == {"application-not-submittable"}
    assert await rows_in(intake, Submission) == 1
    assert len(await intake.service.events()) == 1
    assert (await seen(intake, draft))["submission_number"] == 1
    assert await intake.service.chain_is_sound()


async def test_ten_identical_drafts_at_once_make_one(intake: Intake) -> None:
    answers = await asyncio.gather(
        *(intake.enterprise().post("/applications", json=intake.body()) for _ in range(10))
    )

    assert statuses(answers) == {201: 1, 409: 9}
    assert slugs(answers) == {"application-exists"}
    assert await rows_in(intake, Application) == 1


async def test_drafts_of_both_kinds_and_from_all_sides_at_once_make_one_that_counts(
    intake: Intake,
) -> None:
    county = intake.service.caller("county_office", region="520102")
    city = intake.service.caller("city_office", region="520100")
    for region in ("520102", "520100"):
        await intake.enterprise().post(
            "/filing-mandates", json={"region": region, "valid_until": "2026-12-31"}
        )

    answers = await asyncio.gather(
        *(
            caller.post("/applications", json=intake.body())
            for caller in (intake.enterprise(), county, city)
            for _ in range(3)
        )
    )

    assert statuses(answers) == {201: 1, 409: 8}
    assert slugs(answers) == {"application-exists"}


async def test_an_office_that_drafts_many_times_at_once_has_one_draft(intake: Intake) -> None:
    county = intake.service.caller("county_office", region="520102")

    answers = await asyncio.gather(
        *(county.post("/applications", json=intake.body()) for _ in range(10))
    )

    assert statuses(answers) == {201: 1, 409: 9}
    assert slugs(answers) == {"application-exists"}


async def test_a_key_sent_twenty_times_at_once_has_one_effect_and_one_answer(
    intake: Intake,
) -> None:
    key = {"Idempotency-Key": "the-same"}

    drafts = await asyncio.gather(
        *(
            intake.enterprise().post("/applications", json=intake.body(), headers=key)
            for _ in range(20)
        )
    )

    assert statuses(drafts) == {201: 20}
    assert len({draft.content for draft in drafts}) == 1
    assert len({(draft.headers["ETag"], draft.headers["Location"]) for draft in drafts}) == 1
    assert Counter("Idempotency-Replayed" in draft.headers for draft in drafts) == {
        True: 19,
        False: 1,
    }
    assert await rows_in(intake, Application) == 1
    assert [row["action"] for row in await intake.service.history()] == ["opened", "drafted"]


async def test_a_submission_with_a_key_is_answered_the_same_twenty_times(intake: Intake) -> None:
    draft = await intake.draft()

    answers = await asyncio.gather(
        *(submit(intake.enterprise(), draft, **{"Idempotency-Key": "once"}) for _ in range(20))
    )

    assert statuses(answers) == {200: 20}
    assert len({answer.content for answer in answers}) == 1
    assert await rows_in(intake, Submission) == 1
    assert len(await intake.service.events()) == 1


async def test_a_refusal_with_a_key_is_answered_the_same_twenty_times(intake: Intake) -> None:
    draft = await intake.bare_draft(employees=None)

    answers = await asyncio.gather(
        *(submit(intake.enterprise(), draft, **{"Idempotency-Key": "once"}) for _ in range(20))
    )

    assert statuses(answers) == {409: 20}
    assert len({answer.content for answer in answers}) == 1
    assert slugs(answers) == {"application-incomplete"}


async def test_a_key_of_one_caller_says_nothing_to_another(intake: Intake) -> None:
    key = {"Idempotency-Key": "the-same"}

    answers = await asyncio.gather(
        *(
            intake.enterprise(serial).post("/applications", json=intake.body(serial), headers=key)
            for serial in range(1, 6)
        )
    )

    assert statuses(answers) == {201: 5}
    assert [answer.json()["uscc"] for answer in answers] == [
        uscc_of(serial) for serial in range(1, 6)
    ]


async def test_a_mandate_granted_twice_with_one_key_is_one(intake: Intake) -> None:
    body = {"region": "520102", "valid_until": "2026-12-31"}

    answers = await asyncio.gather(
        *(
            intake.enterprise().post(
                "/filing-mandates", json=body, headers={"Idempotency-Key": "once"}
            )
            for _ in range(10)
        )
    )

    assert len({answer.content for answer in answers}) == 1
    assert await rows_in(intake, Mandate) == 1


async def test_a_mandate_is_taken_back_once(intake: Intake) -> None:
    granted = await intake.enterprise().post(
        "/filing-mandates", json={"region": "520102", "valid_until": "2026-12-31"}
    )
    path = f"/filing-mandates/{granted.json()['id']}/revocation"

    answers = await asyncio.gather(
        *(intake.enterprise().post(path, json={"reason": "不再委托"}) for _ in range(10))
    )

    assert statuses(answers) == {200: 1, 409: 9}
    assert slugs(answers) == {"mandate-ended"}


@pytest.mark.parametrize("first", ["edit", "submit"])
async def test_an_edit_that_races_a_submission_never_changes_what_was_frozen(
    intake: Intake, first: str
) -> None:
    for serial in range(1, 9):
        enterprise = intake.enterprise(serial)
        draft = await intake.draft(serial)
        change = edit(enterprise, draft, {"employees": 999, "niche": "改后"})
        submission = submit(enterprise, draft)

        race = (change, submission) if first == "edit" else (submission, change)
        answers = await asyncio.gather(*race)

        changed, submitted = answers if first == "edit" else reversed(answers)
        path = f"/applications/{draft['id']}"
        (frozen,) = (await enterprise.get(f"{path}/submissions")).json()["items"]
        stored = (await enterprise.get(path)).json()
        event = (await intake.service.events())[-1]
        was_in_time = changed.status_code == 200
        assert submitted.status_code == 200
        assert changed.status_code in {200, 409, 412}
        assert frozen["facts"]["employees"] == (999 if was_in_time else 120)
        assert stored["facts"] == frozen["facts"] == event["data"]["facts"]
        assert stored["provenance"] == frozen["provenance"]
        assert event["data"]["snapshot_sha256"] == frozen["snapshot_sha256"]


async def test_a_document_that_races_a_submission_is_in_it_or_stays_out(intake: Intake) -> None:
    for serial in range(1, 7):
        enterprise = intake.enterprise(serial)
        draft = await intake.draft(serial)

        attached, submitted = await asyncio.gather(
            intake.attach(enterprise, draft["id"], "ip_certificates"),
            submit(enterprise, draft),
        )

        path = f"/applications/{draft['id']}"
        (frozen,) = (await enterprise.get(f"{path}/submissions")).json()["items"]
        kinds = {one["kind"] for one in frozen["documents"]}
        assert submitted.status_code == 200
        assert attached.status_code in {201, 409}
        assert ("ip_certificates" in kinds) == (attached.status_code == 201)
    assert await rows_in(intake, StoredDocument) >= 18


async def test_a_withdrawal_that_races_a_submission_leaves_one_story(intake: Intake) -> None:
    for serial in range(1, 7):
        enterprise = intake.enterprise(serial)
        draft = await intake.draft(serial)
        path = f"/applications/{draft['id']}"

        submitted, withdrawn = await asyncio.gather(
            submit(enterprise, draft),
            enterprise.post(f"{path}/withdrawal", json={"reason": "经营调整"}),
        )

        events = [
            row["type"].split(".")[3]
            for row in await intake.service.events()
            if row["data"]["application_id"] == draft["id"]
        ]
        assert withdrawn.status_code == 200
        assert (await enterprise.get(path)).json()["status"] == "withdrawn"
        assert events == (["submitted", "withdrawn"] if submitted.status_code == 200 else [])


async def test_an_office_and_the_enterprise_that_take_up_one_draft_at_once_submit_it_once(
    intake: Intake,
) -> None:
    county = intake.service.caller("county_office", region="520102")
    draft = (await county.post("/applications", json=intake.body())).json()
    await intake.attach_needed(county, draft["id"])
    path = f"/applications/{draft['id']}"
    draft_tag = f'"{draft["version"]}"'

    confirmed, *submissions = await asyncio.gather(
        intake.enterprise().post(f"{path}/confirmation", headers={"If-Match": draft_tag}),
        *(submit(caller, draft) for caller in (county, intake.enterprise()) for _ in range(4)),
    )

    assert confirmed.status_code in {200, 409}
    assert statuses(submissions)[200] == 1
    assert slugs(submissions) <= {"application-not-submittable", "enterprise-word-missing"}
    assert await rows_in(intake, Submission) == 1
    actions = [row["action"] for row in await intake.service.history()]
    assert (actions.count("confirmed"), actions.count("submitted")) == (1, 1)


async def test_two_rounds_at_once_leave_one_application_in_hand(intake: Intake) -> None:
    opened = await intake.province.post("/rounds", json=round_body(code="2026-2"))
    for serial in range(1, 6):
        enterprise = intake.enterprise(serial)
        first = await intake.draft(serial)
        body = intake.body(serial) | {"round_id": opened.json()["id"]}
        second = (await enterprise.post("/applications", json=body)).json()
        await intake.attach_needed(enterprise, second["id"])

        answers = await asyncio.gather(submit(enterprise, first), submit(enterprise, second))

        assert statuses(answers) == {200: 1, 409: 1}
        assert slugs(answers) == {"application-in-hand"}
    assert await rows_in(intake, Submission) == len(await intake.service.events()) == 5


async def test_a_confirmation_that_races_the_enterprises_own_draft_leaves_one_that_counts(
    intake: Intake,
) -> None:
    county = intake.service.caller("county_office", region="520102")
    for serial in range(1, 9):
        enterprise = intake.enterprise(serial)
        waiting = (await county.post("/applications", json=intake.body(serial))).json()
        path = f"/applications/{waiting['id']}/confirmation"

        answers = await asyncio.gather(
            enterprise.post(path, headers={"If-Match": f'"{waiting["version"]}"'}),
            enterprise.post("/applications", json=intake.body(serial)),
        )

        live = (await enterprise.get("/applications")).json()["items"]
        assert sum(answer.is_success for answer in answers) == 1
        assert slugs(answers) == {"application-exists"}
        assert [one["is_confirmed"] for one in live].count(True) == 1


async def test_a_round_is_closed_once_and_extended_to_one_day(intake: Intake) -> None:
    path = f"/rounds/{intake.round_id}"
    extension = {"document_number": "示例〔2026〕2号", "reason": "系统维护"}

    extensions = await asyncio.gather(
        *(
            intake.province.post(f"{path}/extension", json=extension | {"closes_on": "2026-04-10"})
            for _ in range(5)
        )
    )
    closures = await asyncio.gather(
        *(intake.province.post(f"{path}/closure", json={"reason": "名额已满"}) for _ in range(5))
    )

    assert statuses(extensions) == {200: 1, 422: 4}
    assert statuses(closures) == {200: 1, 409: 4}
