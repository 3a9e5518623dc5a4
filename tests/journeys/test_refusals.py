"""What goes wrong at the front door: each gets its own problem document, in the caller's language."""

import asyncio
from typing import Any

import pytest

from services.kernel.identity.actor import Office
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.journeys.conftest import CONTACT, Whole

ROUND: dict[str, Any] = {
    "code": "2026-1",
    "name": "2026年度第一批",
    "title": "srdi_sme",
    "kinds": {"new": PACK},
    "opens_on": "2026-03-01",
    "closes_on": "2026-03-31",
    "document_number": "示例〔2026〕1号",
}


@pytest.mark.parametrize(
    ("content", "slug", "code"),
    [
        (b"{not json", "malformed-request", "not_json"),
        (b"\xff\xfe", "malformed-request", "not_utf8"),
        (b'{"code": "a", "code": "b"}', "malformed-request", "repeated_key"),
        (b'{"code": "2026-1"}', "malformed-request", "missing"),
        (b"[]", "malformed-request", "model_attributes_type"),
        (b"", "malformed-request", "missing"),
    ],
)
async def test_a_malformed_body_is_explained(
    whole: Whole, content: bytes, slug: str, code: str
) -> None:
    refused = await whole.ask(
        Office.PROVINCE,
        "POST",
        "/rounds",
        region="520000",
        content=content,
        headers={"Content-Type": "application/json", "Accept-Language": "en"},
    )

    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    body = refused.json()
    assert body["type"] == f"/problems/{slug}"
    assert code in {error["code"] for error in body["errors"]}
    assert body["instance"] == "/api/v1/rounds"
    assert body["request_id"] == refused.headers["X-Request-Id"]


async def test_an_unknown_field_is_named(whole: Whole) -> None:
    refused = await whole.ask(
        Office.PROVINCE, "POST", "/rounds", region="520000", json=ROUND | {"colour": "red"}
    )

    body = refused.json()
    assert (refused.status_code, body["type"]) == (422, "/problems/unknown-field")
    assert [error["pointer"] for error in body["errors"]] == ["/colour"]
    assert refused.headers["Content-Language"] == "zh-CN"


@pytest.mark.parametrize("authorization", [None, "", "Basic abc", "Bearer", "Bearer x.y.z"])
async def test_a_missing_token_is_asked_for(whole: Whole, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    refused = await whole.ask(None, "GET", "/rounds", headers=headers)

    assert (refused.status_code, refused.json()["type"]) == (401, "/problems/not-authenticated")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_token_of_another_region_and_a_decision_out_of_turn(whole: Whole) -> None:
    opened = await whole.ask(Office.PROVINCE, "POST", "/rounds", region="520000", json=ROUND)
    own = {"uscc": uscc_of(1)}
    draft = await whole.ask(
        Office.ENTERPRISE,
        "POST",
        "/applications",
        json={
            "round_id": opened.json()["id"],
            "kind": "new",
            "facts": facts_of(1),
            "contact": CONTACT,
        },
        **own,
    )
    await whole.attach_needed(draft.json()["id"], **own)
    await whole.ask(
        Office.ENTERPRISE, "POST", f"/applications/{draft.json()['id']}/submission", **own
    )
    case_id = await the_only_case(whole)
    path = f"/review-cases/{case_id}/decisions"
    body = {"decision": "reject", "reason": "不符合推荐条件"}

    elsewhere = await whole.ask(Office.CITY, "POST", path, region="520300", json=body)
    too_early = await whole.ask(Office.PROVINCE, "POST", path, region="520000", json=body)
    its_own = await whole.ask(Office.CITY, "POST", path, region="520100", json=body)

    assert (elsewhere.status_code, elsewhere.json()["type"]) == (
        404,
        "/problems/review-case-not-found",
    )
    assert (too_early.status_code, too_early.json()["type"]) == (
        409,
        "/problems/decision-out-of-turn",
    )
    assert its_own.status_code == 201


async def the_only_case(whole: Whole) -> str:
    for _ in range(200):
        items = (await whole.ask(Office.PROVINCE, "GET", "/review-cases", region="520000")).json()[
            "items"
        ]
        if items:
            return str(items[0]["id"])
        await asyncio.sleep(0.05)
    raise TimeoutError("the submission never reached review")


async def test_every_problem_that_is_answered_has_a_page(whole: Whole) -> None:
    contract = (await whole.client.get("/openapi.json")).json()

    missing = [
        slug
        for slug in contract["x-problems"]
        if (await whole.client.get(f"/problems/{slug}")).status_code != 200
    ]

    assert len(contract["x-problems"]) > 60
    assert missing == []
