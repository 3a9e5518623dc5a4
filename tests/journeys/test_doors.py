"""Every route of the contract, tried by those who may not."""

import re
from typing import Any
from uuid import uuid4

import httpx

from deploy.contract import merged_contract
from deploy.standalone.firms import FIRMS
from deploy.standalone.home import ExampleProgress
from deploy.standalone.offices import token_for
from services.kernel.identity.actor import Office
from tests.builders.enterprises import uscc_of
from tests.journeys.conftest import BEGUN_ON, Whole

CONTRACT = merged_contract()
ROUTES = [
    (method.upper(), path)
    for path, item in CONTRACT["paths"].items()
    for method in item
    if path.startswith("/api/v1/") and method in {"get", "post", "put", "patch", "delete"}
]
# Decreed or announced to everybody. A route that is added here is a decision.
PUBLIC = {
    ("POST", "/api/v1/eligibility-checks"),
    ("GET", "/api/v1/packs"),
    ("GET", "/api/v1/packs/{jurisdiction}/{in_force_from}"),
    ("GET", "/api/v1/divisions"),
    ("GET", "/api/v1/industries"),
    ("GET", "/api/v1/public/notices"),
    ("GET", "/api/v1/public/notices/{notice_id}"),
    ("POST", "/api/v1/public/notices/{notice_id}/objections"),
    ("GET", "/api/v1/public/draws"),
    ("GET", "/api/v1/public/draws/{draw_id}"),
    ("GET", "/api/v1/public/enterprises"),
    ("GET", "/api/v1/public/certificates/{number}"),
    ("GET", "/api/v1/public/certificates/{number}.pdf"),
    ("GET", "/api/v1/public/certificates/{number}.svg"),
    ("GET", "/api/v1/public/certificate-keys"),
    ("GET", "/api/v1/public/status-list"),
    ("GET", "/api/v1/public/typical-cases"),
    ("GET", "/api/v1/public/open-data"),
    ("GET", "/api/v1/public/open-data/recognitions.csv"),
    ("GET", "/api/v1/public/open-data/recognitions.jsonl"),
    ("GET", "/api/v1/public/reward-keys"),
}
GUARDED = sorted(set(ROUTES) - PUBLIC)


def filled(path: str, **values: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], str(uuid4())), path)


def test_the_public_routes_are_those_that_were_decided() -> None:
    assert set(ROUTES) >= PUBLIC


async def test_a_guarded_route_is_shut_without_a_token_and_without_its_scope(whole: Whole) -> None:
    unscoped = token_for(whole.keys, Office.PROVINCE, region="520000", scopes=())
    open_doors = []
    for method, path in GUARDED:
        content: dict[str, Any] = {} if method == "GET" else {"json": {}}
        headers = {"Authorization": f"Bearer {unscoped}", "If-Match": '"1"'}
        nobody = await whole.client.request(method, filled(path), **content)
        somebody = await whole.client.request(method, filled(path), headers=headers, **content)
        answers = [(one.status_code, one.json()["type"]) for one in (nobody, somebody)]
        if answers != [(401, "/problems/not-authenticated"), (403, "/problems/not-allowed")]:
            open_doors.append((method, path, answers))

    assert open_doors == []
    assert len(GUARDED) > 90


async def test_a_secret_firm_shows_through_no_door(whole: Whole) -> None:
    """Tell the whole story, then ask everything that can be asked, as everybody outside."""
    progress = ExampleProgress(begun_on=BEGUN_ON.isoformat())
    await whole.storyteller(progress).tell()
    firm = FIRMS["secret"]
    giveaways = await giveaways_of(whole, progress)
    outsiders: dict[str, dict[str, str]] = {
        "nobody": {},
        "a partner system": bearer(whole, Office.EVALUATOR, region="520000"),
        "another city": bearer(whole, Office.CITY, region="520300"),
        "another county": bearer(whole, Office.COUNTY, region="520102"),
        "another enterprise": bearer(whole, Office.ENTERPRISE, uscc=uscc_of(1)),
        "a reader of events": bearer(whole, Office.ADMINISTRATOR, region="520000"),
    }
    values = {"uscc": firm.uscc, "jurisdiction": "guizhou", "in_force_from": "2021-05-06"}
    # A page about a thing repeats its own address in a refusal, so the code itself is asked about
    # only where it is not part of the path.
    asked = 0
    for headers in outsiders.values():
        for method, path in ROUTES:
            if method != "GET":
                continue
            for name, thing in ids_to_try(progress, giveaways).items():
                url = filled(path, **values, **thing)
                answer = await whole.client.get(url, headers=headers)
                shown = answer.text.replace(url, "")
                hidden = [secret for secret in giveaways if secret in shown and secret not in url]
                assert hidden == [], (name, url, headers, answer.text)
                asked += 1
        verified = await whole.client.post(
            "/api/v1/verifications", json={"items": [{"uscc": firm.uscc}]}, headers=headers
        )
        if verified.is_success:
            assert verified.json()["items"][0]["code"] == "never_recognised"
        for service in ("applications", "review", "registry", "rewards"):
            await assert_feed_is_silent(whole, service, headers, giveaways)

    await assert_nothing_public_is_missing_one(whole, progress)
    insider = bearer(whole, Office.CITY, region="520900")
    seen = await whole.client.get(f"/api/v1/enterprises/{firm.uscc}", headers=insider)
    assert firm.name in seen.text
    assert asked > 100


def bearer(whole: Whole, office: Office, **who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(whole.keys, office, **who)}"}  # type: ignore[arg-type]


async def giveaways_of(whole: Whole, progress: ExampleProgress) -> list[str]:
    """Return everything by which the enterprise could be known."""
    firm = FIRMS["secret"]
    held = (
        await whole.client.get(
            f"/api/v1/enterprises/{firm.uscc}",
            headers=bearer(whole, Office.PROVINCE, region="520000"),
        )
    ).json()["recognitions"]
    draft = progress.answers["secret-draft"]
    assert isinstance(draft, dict)
    cases = (
        await whole.client.get(
            "/api/v1/review-cases?limit=200",
            headers=bearer(whole, Office.PROVINCE, region="520000"),
        )
    ).json()["items"]
    [case] = [one for one in cases if one["application_id"] == draft["id"]]
    return [
        firm.uscc,
        firm.name,
        str(draft["id"]),
        held[0]["id"],
        held[0]["certificate_number"],
        case["id"],
    ]


async def assert_nothing_public_is_missing_one(whole: Whole, progress: ExampleProgress) -> None:
    """What the public can count adds up without the enterprise, so no count tells of it."""

    async def read(path: str) -> Any:
        return (await whole.client.get(f"/api/v1/public/{path}")).json()

    notice = await read(f"notices/{told(progress, 'srdi-notice')['id']}")
    draw = await read(f"draws/{told(progress, 'srdi-reveal')['id']}")
    listed = (await read("enterprises?limit=200"))["items"]
    shown = {one["uscc"] for one in notice["enterprises"]}
    serials = [
        int(held["certificate_number"].rpartition("-")[2])
        for uscc in shown
        for held in await read_recognitions(whole, uscc)
        if held["title"] == "srdi_sme"
    ]

    # What is listed was on the notice, and all of that is listed.
    assert {one["uscc"] for one in listed} == shown
    # A lot for each of these, and for the one that its panel refused.
    assert len(draw["lots"]) == len(shown) + 1
    assert sorted(serials) == list(range(1, len(shown) + 1))


async def read_recognitions(whole: Whole, uscc: str) -> Any:
    answer = await whole.client.get(
        f"/api/v1/enterprises/{uscc}", headers=bearer(whole, Office.PROVINCE, region="520000")
    )
    return answer.json()["recognitions"]


def told(progress: ExampleProgress, name: str) -> dict[str, Any]:
    answer = progress.answers[name]
    assert isinstance(answer, dict)
    return answer


def ids_to_try(progress: ExampleProgress, giveaways: list[str]) -> dict[str, dict[str, str]]:
    notice, draw, listed, met, objection, expert = (
        told(progress, name)
        for name in (
            "srdi-notice",
            "srdi-reveal",
            "srdi-list-520900",
            "srdi-determination",
            "srdi-objection",
            "example-expert-1",
        )
    )
    return {
        "its own": {
            "application_id": giveaways[2],
            "recognition_id": giveaways[3],
            "number": giveaways[4],
            "notice_id": str(notice["id"]),
            "round_id": str(notice["round_id"]),
            "case_id": giveaways[5],
            "draw_id": str(draw["id"]),
            "list_id": str(listed["id"]),
            "determination_id": str(met["id"]),
            "objection_id": str(objection["id"]),
            "code": str(expert["code"]),
        }
    }


async def assert_feed_is_silent(
    whole: Whole, service: str, headers: dict[str, str], giveaways: list[str]
) -> None:
    transport = httpx.ASGITransport(whole.services[service], raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        answer = await client.get("/events?limit=500", headers=headers)
    assert [secret for secret in giveaways if secret in answer.text] == []
