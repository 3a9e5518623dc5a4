"""The ministry's rules of 2026 on the same platform: another ladder, another route, no other code."""

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import httpx

from services.kernel.identity.actor import Office
from services.policy.catalogue import PACKS, published_catalogue
from tests.builders.enterprises import uscc_of
from tests.journeys.conftest import CONTACT, Whole

PACK = "national/2026-04-01"
BASE: dict[str, Any] = tomllib.loads((PACKS / PACK / "cases.toml").read_text("utf-8"))["base"]


async def until(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Wait for news to arrive from another service."""
    for _ in range(100):
        found = await ask()
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("it never arrived")


async def told(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def filed(whole: Whole, title: str, score: str | None = None) -> str:
    """Open a round of a title and file in it; the city enters what the platform scored."""
    day = whole.clock.today()
    opened = await told(
        await whole.ask(
            Office.PROVINCE,
            "POST",
            "/rounds",
            region="520000",
            json={
                "code": f"2026-{title}",
                "name": "2026年度",
                "title": title,
                "kinds": {"new": PACK},
                "opens_on": day.isoformat(),
                "closes_on": day.replace(day=28).isoformat(),
                "document_number": "示例〔2026〕1号",
            },
        ),
        201,
    )
    facts = {name: value for name, value in BASE.items() if name != "platform_score"}
    draft = await told(
        await whole.ask(
            Office.ENTERPRISE,
            "POST",
            "/applications",
            uscc=uscc_of(1),
            json={
                "round_id": opened["id"],
                "kind": "new",
                "facts": facts | {"uscc": uscc_of(1)},
                "contact": CONTACT,
            },
        ),
        201,
    )
    path = f"/applications/{draft['id']}"
    if score is not None:
        await told(
            await whole.ask(
                Office.CITY,
                "PATCH",
                path,
                region="520100",
                sub="who-reads-the-platform",
                json={"facts": {"platform_score": score}},
                headers={"If-Match": '"1"'},
            ),
            200,
        )

    async def knows_of_the_title_below() -> bool:
        answer = await whole.ask(Office.ENTERPRISE, "GET", f"{path}/eligibility", uscc=uscc_of(1))
        return all(
            one["verdict"] == "met"
            for one in answer.json()["conditions"]
            if one["id"] == "holds_required_title"
        )

    await until(knows_of_the_title_below)
    await whole.attach_needed(draft["id"], uscc=uscc_of(1))
    await told(
        await whole.ask(Office.ENTERPRISE, "POST", f"{path}/submission", uscc=uscc_of(1)), 200
    )
    return str(draft["id"])


async def passed(whole: Whole, case: dict[str, Any]) -> None:
    """Lead a case through the city's list, the screening, a site visit that is drawn, and the meeting."""
    one, round_id = case["id"], case["round_id"]
    province: dict[str, Any] = {"region": "520000"}

    async def post(office: Office, path: str, body: Any, **who: Any) -> dict[str, Any]:
        return await told(await whole.ask(office, "POST", path, json=body, **who), 201)

    await post(
        Office.CITY,
        "/recommendation-lists",
        {"round_id": round_id, "case_ids": [one], "document_number": "x", "opinion": "符合条件"},
        region="520100",
    )
    endorsed = {"decision": "endorse", "reason": "符合条件"}
    await post(Office.PROVINCE, f"/review-cases/{one}/decisions", endorsed, **province)
    draw = await post(
        Office.PROVINCE,
        "/draws",
        {
            "purpose": "site_visits",
            "round_id": round_id,
            "case_ids": [one],
            "public_source": "次日上证综合指数收盘点位",
        },
        **province,
    )
    whole.clock.move_to_day(whole.clock.today() + timedelta(days=1))
    await post(
        Office.PROVINCE,
        f"/draws/{draw['id']}/reveal",
        {"public_value": "3861.87"},
        sub="witness",
        **province,
    )
    checks = published_catalogue().pack(case["policy_pack"]).sample_rule("site_visit").checks
    await post(
        Office.SITE_INSPECTOR,
        f"/review-cases/{one}/site-visits",
        {
            "visited_on": whole.clock.today().isoformat(),
            "inspectors": ["inspector-1", "inspector-2"],
            "findings": [
                {"check": check.id, "is_in_order": True, "text": "与申报一致"} for check in checks
            ],
            "passed": True,
            "reason": "现场与申报一致",
        },
        sub="inspector-1",
        **province,
    )
    await post(
        Office.DECISION_MEETING,
        "/determinations",
        {
            "meeting": "厅长办公会",
            "held_on": whole.clock.today().isoformat(),
            "document_number": "纪要〔2026〕8号",
            "items": [{"case_id": one, "decision": "endorse", "reason": "同意"}],
        },
        **province,
    )


async def recognised(whole: Whole, application_id: str) -> dict[str, Any]:
    """Lead a case through every office of the pack, its notice and its recognition."""

    async def arrived() -> Any:
        answer = await whole.ask(Office.PROVINCE, "GET", "/review-cases", region="520000")
        return [one for one in answer.json()["items"] if one["application_id"] == application_id]

    [case] = await until(arrived)
    await passed(whole, case)
    notice = await told(
        await whole.ask(
            Office.PROVINCE,
            "POST",
            "/notices",
            region="520000",
            json={
                "round_id": case["round_id"],
                "case_ids": [case["id"]],
                "starts_on": whole.clock.today().isoformat(),
            },
        ),
        201,
    )
    whole.clock.move_to_day(date.fromisoformat(notice["ends_on"]))
    whole.clock.move_to_day(whole.clock.today() + timedelta(days=1))
    return await told(
        await whole.ask(
            Office.PROVINCE,
            "POST",
            f"/notices/{notice['id']}/recognition",
            region="520000",
            json={
                "document_number": "示例〔2026〕9号",
                "decided_on": whole.clock.today().isoformat(),
            },
        ),
        201,
    )


async def test_an_enterprise_climbs_the_ministrys_ladder_without_skipping_a_rung(
    whole: Whole,
) -> None:
    whole.clock.move_to_day(date(2026, 6, 1))
    first = await filed(whole, "innovative_sme")
    await recognised(whole, first)

    async def held() -> Any:
        answer = await whole.ask(
            Office.PROVINCE, "GET", f"/enterprises/{uscc_of(1)}", region="520000"
        )
        return answer.json()["recognitions"] if answer.status_code == 200 else None

    await until(held)

    whole.clock.move_to_day(date(2026, 7, 1))
    second = await filed(whole, "srdi_sme", score="72.5")
    await recognised(whole, second)

    async def both() -> Any:
        found = await held()
        return found if found is not None and len(found) == 2 else None

    titles = {one["title"]: one for one in await until(both)}
    reward = await whole.ask(
        Office.FINANCE,
        "POST",
        "/award-calculations",
        region="520000",
        json={"uscc": uscc_of(1)},
    )

    assert titles["innovative_sme"]["certificate_number"] == "52-CXX-2026-00001"
    assert titles["srdi_sme"]["certificate_number"] == "52-ZJTX-2026-00001"
    assert titles["srdi_sme"]["policy_pack"] == PACK
    assert reward.json()["type"] == "/problems/no-reward-schedule-in-force"


async def test_a_score_below_the_mark_is_refused_with_its_clause(whole: Whole) -> None:
    whole.clock.move_to_day(date(2026, 6, 1))
    question = {
        "pack": PACK,
        "title": "srdi_sme",
        "titles_held": ["innovative_sme"],
        "facts": BASE | {"platform_score": "49.99"},
    }

    answer = await whole.ask(None, "POST", "/eligibility-checks", json=question)

    score = next(one for one in answer.json()["conditions"] if one["id"] == "srdi_platform_score")
    assert (score["verdict"], score["clause"]) == ("not_met", "附件1(六)")
    assert score["because"]["zh"].endswith("49.99 分，低于 50 分。")
