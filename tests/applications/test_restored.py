"""An application whose refusal was a mistake comes back, whatever the enterprise did meanwhile."""

from typing import Any
from uuid import UUID

from services.contracts.review import CaseReceived, CaseRejected, CaseRestored
from services.kernel.identifiers import new_id
from tests.applications.conftest import Intake
from tests.builders.enterprises import uscc_of


def which(application_id: str) -> dict[str, Any]:
    return {
        "uscc": uscc_of(1),
        "region": "520102",
        "is_secret": False,
        "case_id": new_id(),
        "application_id": UUID(application_id),
        "title": "srdi_sme",
        "round_code": "2026-1",
    }


async def submitted(intake: Intake) -> str:
    draft = await intake.draft()
    answer = await intake.enterprise().post(f"/applications/{draft['id']}/submission")
    assert answer.status_code == 200, answer.text
    await intake.service.deliver(
        "review",
        CaseReceived(**which(draft["id"]), stage="city_recommendation", submission_number=1),
    )
    return str(draft["id"])


async def refused(intake: Intake, application_id: str) -> None:
    await intake.service.deliver(
        "review",
        CaseRejected(**which(application_id), stage="provincial_screening", reason="不符合"),
    )


async def restored(intake: Intake, application_id: str) -> None:
    await intake.service.deliver(
        "review",
        CaseRestored(
            **which(application_id), kind="new", stage="provincial_screening", reason="决定有误"
        ),
    )


async def status_of(intake: Intake, application_id: str) -> str:
    read = await intake.enterprise().get(f"/applications/{application_id}")
    return str(read.json()["status"])


async def announced(intake: Intake) -> list[str]:
    return [
        str(one["type"])[len("cn.srdi.") : -len(".v1")] for one in await intake.service.events()
    ]


async def test_a_refused_application_is_under_review_again(intake: Intake) -> None:
    application_id = await submitted(intake)
    await refused(intake, application_id)

    await restored(intake, application_id)

    assert await status_of(intake, application_id) == "under_review"
    timeline = await intake.enterprise().get(f"/applications/{application_id}/timeline")
    assert timeline.json()["items"][-1]["action"] == "review:restore"


async def test_what_was_filed_anew_meanwhile_makes_way(intake: Intake) -> None:
    first = await submitted(intake)
    await refused(intake, first)
    second = await submitted(intake)

    await restored(intake, first)

    assert await status_of(intake, first) == "under_review"
    assert await status_of(intake, second) == "withdrawn"
    # Review hears of it, and closes the second case.
    assert (await announced(intake))[-1] == "application.withdrawn"


async def test_a_draft_begun_anew_meanwhile_makes_way_and_keeps_what_is_in_it(
    intake: Intake,
) -> None:
    first = await submitted(intake)
    await refused(intake, first)
    draft = await intake.bare_draft()

    await restored(intake, first)

    kept = (await intake.enterprise().get(f"/applications/{draft['id']}")).json()
    assert (kept["status"], kept["facts"]) == ("withdrawn", draft["facts"])
    assert "application.withdrawn" not in await announced(intake)


async def test_an_application_that_was_withdrawn_stays_so(intake: Intake) -> None:
    application_id = await submitted(intake)
    await intake.enterprise().post(
        f"/applications/{application_id}/withdrawal", json={"reason": "经营调整"}
    )

    await restored(intake, application_id)

    assert await status_of(intake, application_id) == "withdrawn"
