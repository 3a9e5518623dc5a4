"""Intake: a round, a draft, its submission, its correction, its withdrawal."""

import asyncio
import json
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.contracts.registry import RecognitionGranted, RecognitionRevoked
from services.kernel.identifiers import new_id
from tests.applications.conftest import Intake, round_body
from tests.builders.enterprises import PACK, facts_of, uscc_of


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def test_a_round_is_opened_by_the_province_alone(intake: Intake) -> None:
    city = intake.service.caller("city_office", region="520100")

    refused = await city.post("/rounds", json=round_body(code="2026-2"))

    assert (refused.status_code, slug(refused)) == (403, "not-allowed")


@pytest.mark.parametrize(
    ("changed", "status", "problem"),
    [
        ({"code": "2026-1"}, 409, "round-code-taken"),
        ({"kinds": {"new": "guizhou/2020-01-01"}}, 422, "unknown-pack-or-title"),
        ({"title": "national_little_giant"}, 422, "unknown-pack-or-title"),
        ({"kinds": {}}, 422, "malformed-request"),
        ({"closes_on": "2026-02-28"}, 422, "malformed-request"),
        ({"colour": "red"}, 422, "unknown-field"),
    ],
)
async def test_a_round_that_cannot_be_is_refused_by_name(
    intake: Intake, changed: dict[str, Any], status: int, problem: str
) -> None:
    refused = await intake.province.post("/rounds", json=round_body(code="2026-9") | changed)

    assert (refused.status_code, slug(refused)) == (status, problem)


async def test_a_round_takes_submissions_until_midnight_in_shanghai(intake: Intake) -> None:
    first, second = await intake.draft(1), await intake.draft(2)
    midnight = datetime(2026, 4, 1, tzinfo=ZoneInfo("Asia/Shanghai"))

    intake.service.clock.set(midnight - timedelta(seconds=30))
    in_time = await intake.enterprise(1).post(f"/applications/{first['id']}/submission")
    intake.service.clock.set(midnight)
    too_late = await intake.enterprise(2).post(f"/applications/{second['id']}/submission")

    assert in_time.status_code == 200
    assert (too_late.status_code, slug(too_late)) == (409, "round-not-open")
    assert "2026-04-01" in too_late.json()["detail"]


async def test_an_extension_lets_a_late_draft_in_and_is_kept_in_history(intake: Intake) -> None:
    draft = await intake.draft()
    intake.service.clock.move_to_day(date(2026, 4, 2))
    body = {"closes_on": "2026-04-10", "document_number": "示例〔2026〕2号", "reason": "系统维护"}

    earlier = await intake.province.post(
        f"/rounds/{intake.round_id}/extension", json=body | {"closes_on": "2026-03-31"}
    )
    extended = await intake.province.post(f"/rounds/{intake.round_id}/extension", json=body)
    submitted = await intake.enterprise().post(f"/applications/{draft['id']}/submission")

    assert (earlier.status_code, slug(earlier)) == (422, "extension-not-later")
    assert extended.json()["closes_on"] == "2026-04-10"
    assert submitted.status_code == 200
    assert "extended" in {row["action"] for row in await intake.service.history()}


async def test_a_closed_round_stays_closed(intake: Intake) -> None:
    closed = await intake.province.post(
        f"/rounds/{intake.round_id}/closure", json={"reason": "名额已满"}
    )
    again = await intake.province.post(
        f"/rounds/{intake.round_id}/closure", json={"reason": "名额已满"}
    )
    draft = await intake.enterprise().post(
        "/applications", json={"round_id": intake.round_id, "kind": "new", "facts": facts_of(1)}
    )

    assert closed.json()["is_open"] is False
    assert (again.status_code, slug(again)) == (409, "round-closed")
    assert (draft.status_code, slug(draft)) == (409, "round-not-open")


async def test_a_draft_says_what_is_missing_and_what_can_be_done(intake: Intake) -> None:
    draft = await intake.draft(employees=None, total_assets=None)

    assert draft["status"] == "draft"
    assert [one["pointer"] for one in draft["missing"]] == [
        "/facts/employees",
        "/facts/total_assets",
    ]
    assert 0 < draft["completeness"] < 100
    actions = {action["action"]: action for action in draft["available_actions"]}
    assert actions["edit"]["enabled"] is True
    assert actions["submit"]["enabled"] is False
    assert actions["submit"]["because"]["en"]


async def test_an_incomplete_draft_is_not_submitted(intake: Intake) -> None:
    draft = await intake.draft(employees=None)

    refused = await intake.enterprise().post(f"/applications/{draft['id']}/submission")

    assert (refused.status_code, slug(refused)) == (409, "application-incomplete")
    assert refused.json()["errors"][0]["pointer"] == "/facts/employees"


async def test_an_enterprise_files_for_nobody_else(intake: Intake) -> None:
    body = {"round_id": intake.round_id, "kind": "new", "facts": facts_of(2)}

    as_another = await intake.enterprise(1).post("/applications", json=body)
    by_another_county = await intake.service.caller("county_office", region="520103").post(
        "/applications", json=body
    )
    by_its_county = await intake.service.caller("county_office", region="520102").post(
        "/applications", json=body
    )

    assert (as_another.status_code, slug(as_another)) == (403, "not-your-enterprise")
    assert (by_another_county.status_code, slug(by_another_county)) == (403, "not-your-enterprise")
    assert by_its_county.status_code == 201


async def test_an_office_learns_nothing_by_filing_for_an_enterprise_of_elsewhere(
    intake: Intake,
) -> None:
    await intake.submitted(1, is_secret_involved=True)
    await intake.service.deliver(
        "registry", RecognitionGranted(application_id=None, **recognition(uscc=uscc_of(2)))
    )
    elsewhere = intake.service.caller("city_office", region="520300")

    drafts = [
        (await elsewhere.post("/applications", json=intake.body(serial, division="520302"))).json()
        for serial in (1, 2, 3)
    ]
    eligibility = [
        (await elsewhere.get(f"/applications/{draft['id']}/eligibility")).json() for draft in drafts
    ]

    # One applies, in secret; one is recognised; of the third nobody has ever heard.
    shown = [
        {name: draft[name] for name in ("status", "is_confirmed", "available_actions", "missing")}
        for draft in drafts
    ]
    for draft, one in zip(drafts, shown, strict=True):
        for action in one["available_actions"]:
            action["href"] = action["href"].replace(draft["id"], "…")
    assert shown[0] == shown[1] == shown[2]
    assert shown[0]["is_confirmed"] is False
    assert (
        eligibility[0]["conditions"] == eligibility[1]["conditions"] == eligibility[2]["conditions"]
    )


async def test_an_application_is_not_there_for_others(intake: Intake) -> None:
    draft = await intake.draft(1)
    path = f"/applications/{draft['id']}"
    outsiders = [
        intake.enterprise(2),
        intake.service.caller("city_office", region="520300"),
        intake.service.caller("county_office", region="520103"),
        intake.service.caller("finance_office", region="520000"),
    ]

    statuses = [(await caller.get(path)).status_code for caller in outsiders]
    listed = (await intake.enterprise(2).get("/applications")).json()["items"]
    foreign_submission = await intake.enterprise(2).post(f"{path}/submission")

    assert statuses == [404, 404, 404, 403]
    assert listed == []
    assert foreign_submission.status_code == 404


async def test_facts_that_cannot_be_read_are_all_named_at_once(intake: Intake) -> None:
    refused = await intake.enterprise().post(
        "/applications",
        json={
            "round_id": intake.round_id,
            "kind": "new",
            "facts": facts_of(1, employees=-1, operating_revenue=5, colour="red"),
        },
    )

    assert (refused.status_code, slug(refused)) == (422, "facts-invalid")
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == {
        ("/facts/employees", "not_a_whole_number"),
        ("/facts/operating_revenue", "not_an_amount"),
        ("/facts/colour", "unknown_fact"),
    }


async def test_an_edit_needs_the_version_that_was_read(intake: Intake) -> None:
    draft = await intake.draft()
    path = f"/applications/{draft['id']}"
    change = {"facts": {"employees": 130}}

    blind = await intake.enterprise().ask("PATCH", path, json=change)
    first = await intake.enterprise().ask("PATCH", path, json=change, headers={"If-Match": '"1"'})
    stale = await intake.enterprise().ask("PATCH", path, json=change, headers={"If-Match": '"1"'})

    assert (blind.status_code, slug(blind)) == (428, "precondition-required")
    assert first.json()["facts"]["employees"] == 130
    assert first.headers["ETag"] == '"2"'
    assert (stale.status_code, slug(stale)) == (412, "stale")


async def test_an_edit_with_null_removes_a_fact_and_the_code_cannot_change(intake: Intake) -> None:
    draft = await intake.draft()
    path = f"/applications/{draft['id']}"
    version = {"If-Match": '"1"'}

    other_code = await intake.enterprise().ask(
        "PATCH", path, json={"facts": {"uscc": uscc_of(9)}}, headers=version
    )
    removed = await intake.enterprise().ask(
        "PATCH", path, json={"facts": {"own_brands": None}}, headers=version
    )

    assert other_code.json()["errors"][0]["code"] == "immutable"
    assert "own_brands" not in removed.json()["facts"]


async def test_one_enterprise_has_one_live_application_in_a_round(intake: Intake) -> None:
    draft = await intake.draft()
    body = {"round_id": intake.round_id, "kind": "new", "facts": facts_of(1)}

    second = await intake.enterprise().post("/applications", json=body)
    await intake.enterprise().post(
        f"/applications/{draft['id']}/withdrawal", json={"reason": "资料有误"}
    )
    after_withdrawal = await intake.enterprise().post("/applications", json=body)

    assert (second.status_code, slug(second)) == (409, "application-exists")
    assert after_withdrawal.status_code == 201


async def test_a_submission_freezes_the_facts_and_tells_review(intake: Intake) -> None:
    submitted = await intake.submitted()

    (event,) = await intake.service.events()
    assert submitted["status"] == "submitted"
    assert event["type"] == "cn.srdi.application.submitted.v1"
    assert event["data"]["facts"] == submitted["facts"]
    assert len(event["data"]["facts_sha256"]) == 64
    assert "facts" not in event["partner_data"]
    assert await intake.service.chain_is_sound()


async def test_a_secret_firms_submission_is_shown_to_no_partner(intake: Intake) -> None:
    await intake.submitted(is_secret_involved=True)

    (event,) = await intake.service.events()
    assert event["is_secret"] is True
    assert event["partner_data"] is None


@pytest.mark.parametrize(
    ("changed", "condition"),
    [
        ({"total_liabilities": "42000000.01"}, "debt_ratio"),
        ({"main_business_revenue": "34999999.99"}, "main_business_ratio"),
        (
            {"operating_revenue": "19999999.99", "main_business_revenue": "19999999.99"},
            "operating_revenue",
        ),
        ({"has_false_information": True}, "no_false_information"),
        ({"last_major_accident_on": "2023-03-11"}, "no_major_accident"),
    ],
)
async def test_what_misses_a_condition_is_refused_with_clause_and_figures(
    intake: Intake, changed: dict[str, Any], condition: str
) -> None:
    draft = await intake.draft(**changed)

    refused = await intake.enterprise().post(f"/applications/{draft['id']}/submission")

    assert (refused.status_code, slug(refused)) == (409, "not-eligible")
    assert [error["code"] for error in refused.json()["errors"]] == [condition]
    assert "四." in refused.json()["detail"]


@pytest.mark.parametrize(
    "changed",
    [
        {"total_liabilities": "42000000.00", "main_business_revenue": "35000000.00"},
        {
            "is_ethnic_craft": True,
            "operating_revenue": "10000000.00",
            "main_business_revenue": "10000000.00",
        },
        {"last_major_accident_on": "2023-03-10"},
    ],
)
async def test_what_stands_exactly_at_a_limit_passes(
    intake: Intake, changed: dict[str, Any]
) -> None:
    assert (await intake.submitted(**changed))["status"] == "submitted"


async def test_two_clicks_at_once_submit_once(intake: Intake) -> None:
    draft = await intake.draft()
    path = f"/applications/{draft['id']}/submission"

    answers = await asyncio.gather(*(intake.enterprise().post(path) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert len(await intake.service.events()) == 1


async def test_a_returned_application_opens_only_what_the_remarks_name(intake: Intake) -> None:
    returned = await intake.returned(1, "total_liabilities")
    path = f"/applications/{returned['id']}"
    version = {"If-Match": f'"{returned["version"]}"'}

    closed = await intake.enterprise().ask(
        "PATCH", path, json={"facts": {"employees": 5}}, headers=version
    )
    opened = await intake.enterprise().ask(
        "PATCH", path, json={"facts": {"total_liabilities": "23000000.00"}}, headers=version
    )

    assert returned["status"] == "returned"
    assert returned["opened"] == ["total_liabilities"]
    assert (closed.status_code, slug(closed)) == (409, "fact-not-opened")
    assert opened.status_code == 200


async def test_a_correction_shows_what_it_changed(intake: Intake) -> None:
    returned = await intake.returned(1, "total_liabilities", "niche", "own_brands")
    path = f"/applications/{returned['id']}"
    await intake.enterprise().ask(
        "PATCH",
        path,
        json={"facts": {"total_liabilities": "23000000", "niche": "精密轴承", "own_brands": None}},
        headers={"If-Match": f'"{returned["version"]}"'},
    )
    await intake.enterprise().post(f"{path}/submission")

    shown = (await intake.enterprise().get(f"{path}/submissions")).json()["items"]
    by_stranger = await intake.enterprise(2).get(f"{path}/submissions")

    first, second = shown
    assert (first["number"], first["changes"]) == (1, [])
    assert second["changes"] == [
        {"fact": "niche", "before": None, "after": "精密轴承"},
        {"fact": "own_brands", "before": first["facts"]["own_brands"], "after": None},
        {"fact": "total_liabilities", "before": "24000000.00", "after": "23000000.00"},
    ]
    text = json.dumps(second["facts"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert second["facts_sha256"] == sha256(text.encode()).hexdigest()
    assert by_stranger.status_code == 404


async def test_a_correction_is_submitted_even_after_the_round_has_closed(intake: Intake) -> None:
    returned = await intake.returned(1, "total_liabilities")
    intake.service.clock.move_to_day(date(2026, 4, 20))

    answer = await intake.enterprise().post(f"/applications/{returned['id']}/submission")

    assert answer.status_code == 200
    assert answer.json()["submission_number"] == 2
    assert [event["data"]["submission_number"] for event in await intake.service.events()] == [1, 2]


async def test_the_last_three_years_of_a_correction_count_from_the_first_submission(
    intake: Intake,
) -> None:
    draft = await intake.draft(last_major_accident_on="2023-03-10")
    await intake.enterprise().post(f"/applications/{draft['id']}/submission")
    intake.service.clock.move_to_day(date(2026, 3, 20))

    explained = (await intake.enterprise().get(f"/applications/{draft['id']}/eligibility")).json()

    accident = next(one for one in explained["vetoes"] if one["id"] == "no_major_accident")
    assert explained["on"] == "2026-03-10"
    assert "2026-03-10" in accident["because"]["en"]


async def test_the_timeline_tells_every_step_with_its_reason(intake: Intake) -> None:
    returned = await intake.returned(1, "total_liabilities")

    items = (await intake.enterprise().get(f"/applications/{returned['id']}/timeline")).json()[
        "items"
    ]

    assert [item["action"] for item in items] == [
        "drafted",
        "document_attached",
        "document_attached",
        "document_attached",
        "submitted",
        "review:receive",
        "review:return",
    ]
    assert items[-1]["reason"] == "财务数据与审计报告不一致"
    assert items[4]["policy_pack"] == PACK


async def test_a_withdrawn_application_tells_review_and_ends(intake: Intake) -> None:
    submitted = await intake.submitted()
    path = f"/applications/{submitted['id']}"

    withdrawn = await intake.enterprise().post(f"{path}/withdrawal", json={"reason": "经营调整"})
    again = await intake.enterprise().post(f"{path}/withdrawal", json={"reason": "经营调整"})

    assert withdrawn.json()["status"] == "withdrawn"
    assert (again.status_code, slug(again)) == (409, "application-not-withdrawable")
    assert [event["type"] for event in await intake.service.events()][-1] == (
        "cn.srdi.application.withdrawn.v1"
    )


def recognition(**changed: Any) -> dict[str, Any]:
    return {
        "uscc": uscc_of(1),
        "region": "520102",
        "is_secret": False,
        "recognition_id": new_id(),
        "title": "srdi_sme",
        "legal_name": "示例",
        "certificate_number": "ZJTX-1",
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2028, 12, 31),
        "policy_pack": PACK,
        "round_code": None,
        "document_number": "示例〔2026〕1号",
    } | changed


async def test_only_who_holds_a_valid_lower_title_applies_for_little_giant(intake: Intake) -> None:
    opened = await intake.province.post(
        "/rounds", json=round_body(code="2026-G", title="provincial_little_giant")
    )
    body = intake.body(1) | {"round_id": opened.json()["id"]}
    draft = (await intake.enterprise().post("/applications", json=body)).json()
    await intake.attach_needed(intake.enterprise(), draft["id"])
    path = f"/applications/{draft['id']}"
    granted = recognition()

    without = await intake.enterprise().post(f"{path}/submission")
    await intake.service.deliver("registry", RecognitionGranted(application_id=None, **granted))
    with_it = (await intake.enterprise().get(f"{path}/eligibility")).json()
    await intake.service.deliver(
        "registry",
        RecognitionRevoked(
            **granted,
            ground="voluntary",
            revoked_on=date(2026, 3, 10),
            finding_number=None,
            recovers_rewards=False,
            exclusion_until=None,
        ),
    )
    revoked = await intake.enterprise().post(f"{path}/submission")

    assert (without.status_code, slug(without)) == (409, "not-eligible")
    assert without.json()["errors"][0]["code"] == "holds_required_title"
    assert with_it["conditions"][0]["verdict"] == "met"
    assert slug(revoked) == "not-eligible"


async def test_what_is_held_or_lost_decides_which_application_is_open(intake: Intake) -> None:
    def body(kind: str) -> dict[str, Any]:
        return intake.body(1) | {"kind": kind}

    nothing = await intake.enterprise().post("/applications", json=body("renewal"))
    other = recognition(uscc=uscc_of(2))
    await intake.service.deliver("registry", RecognitionGranted(application_id=None, **other))
    early = await intake.enterprise(2).post(
        "/applications", json=body("renewal") | {"facts": facts_of(2)}
    )
    granted = recognition(valid_from=date(2023, 5, 1), valid_until=date(2026, 4, 30))
    await intake.service.deliver("registry", RecognitionGranted(application_id=None, **granted))
    again = await intake.enterprise().post("/applications", json=body("new"))
    renewal = await intake.enterprise().post("/applications", json=body("renewal"))
    await intake.service.deliver(
        "registry",
        RecognitionRevoked(
            **granted,
            ground="false_declaration",
            revoked_on=date(2026, 3, 10),
            finding_number="示例查〔2026〕1号",
            recovers_rewards=True,
            exclusion_until=date(2026, 3, 20),
        ),
    )
    await intake.attach_needed(intake.enterprise(), renewal.json()["id"])
    path = f"/applications/{renewal.json()['id']}"
    barred = await intake.enterprise().post(f"{path}/submission")
    await intake.enterprise().post(f"{path}/withdrawal", json={"reason": "已被撤销"})
    intake.service.clock.move_to_day(date(2026, 3, 20))
    last_day = await intake.enterprise().post("/applications", json=body("new"))
    intake.service.clock.move_to_day(date(2026, 3, 21))
    free = await intake.enterprise().post("/applications", json=body("new"))

    assert (nothing.status_code, slug(nothing)) == (409, "nothing-to-renew")
    assert (early.status_code, slug(early)) == (409, "renewal-not-open")
    assert "2028-07-01" in early.json()["detail"]
    assert (again.status_code, slug(again)) == (409, "title-held-already")
    assert renewal.status_code == 201
    assert (slug(barred), slug(last_day)) == ("excluded", "excluded")
    assert free.status_code == 201
