"""Intake from end to end: filed, returned, corrected, accepted; and through a power cut."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.standalone.papers import one_page_pdf
from services.kernel.identity.actor import Office
from services.kernel.workbooks.workbook import XLSX
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.processes import Processes
from tests.builders.workbooks import workbook_of, written
from tests.journeys.conftest import CONTACT, Whole

ROUND = {
    "code": "2026-1",
    "name": "2026年度第一批",
    "title": "srdi_sme",
    "kinds": {"new": PACK},
    "opens_on": "2026-03-01",
    "closes_on": "2026-03-31",
    "document_number": "示例〔2026〕1号",
}
MIDNIGHT = datetime(2026, 4, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
OWN = {"uscc": uscc_of(1)}
ROWS = 2_000


async def until(ask: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    give_up_at = asyncio.get_running_loop().time() + seconds
    while not (found := await ask()):
        assert asyncio.get_running_loop().time() < give_up_at
        await asyncio.sleep(0.05)
    return found


async def test_an_application_is_filed_returned_corrected_where_it_was_opened_and_accepted(
    whole: Whole,
) -> None:
    opened = (
        await whole.ask(Office.PROVINCE, "POST", "/rounds", region="520000", json=ROUND)
    ).json()
    draft = await whole.ask(
        Office.ENTERPRISE,
        "POST",
        "/applications",
        json={
            "round_id": opened["id"],
            "kind": "new",
            "facts": facts_of(1, employees=None),
            "contact": CONTACT,
        },
        **OWN,
    )
    path = f"/applications/{draft.json()['id']}"
    too_soon = await whole.ask(Office.ENTERPRISE, "POST", f"{path}/submission", **OWN)
    await whole.ask(
        Office.ENTERPRISE,
        "PATCH",
        path,
        json={"facts": {"employees": 120}},
        headers={"If-Match": draft.headers["ETag"]},
        **OWN,
    )
    await whole.attach_needed(draft.json()["id"], **OWN)

    whole.clock.set(MIDNIGHT - timedelta(seconds=1))
    in_time = await whole.ask(Office.ENTERPRISE, "POST", f"{path}/submission", **OWN)
    await returned_by_the_city(whole, draft.json()["id"])

    async def is_open() -> Any:
        shown = (await whole.ask(Office.ENTERPRISE, "GET", path, **OWN)).json()
        return shown if shown["status"] == "returned" else None

    returned = await until(is_open)
    tag = {"If-Match": f'"{returned["version"]}"'}
    closed_fact = await whole.ask(
        Office.ENTERPRISE, "PATCH", path, json={"facts": {"employees": 1}}, headers=tag, **OWN
    )
    closed_document = await attach(whole, path, "business_licence", "another licence")
    corrected = await whole.ask(
        Office.ENTERPRISE,
        "PATCH",
        path,
        json={"facts": {"total_liabilities": "24000000.01"}},
        headers=tag,
        **OWN,
    )
    document = await attach(whole, path, "audit_report", "the audit report, all pages")
    again = await whole.ask(Office.ENTERPRISE, "POST", f"{path}/submission", **OWN)
    accepted = await endorsed_by_the_city(whole, draft.json()["id"])
    submissions = (await whole.ask(Office.ENTERPRISE, "GET", f"{path}/submissions", **OWN)).json()

    assert (too_soon.status_code, too_soon.json()["type"]) == (
        409,
        "/problems/application-incomplete",
    )
    assert [error["pointer"] for error in too_soon.json()["errors"]] == [
        "/facts/employees",
        "/documents/business_licence",
        "/documents/audit_report",
        "/documents/truth_commitment",
    ]
    assert in_time.status_code == 200
    assert returned["opened"] == ["audit_report", "total_liabilities"]
    assert closed_fact.json()["errors"][0]["code"] == "not_opened"
    assert closed_document.json()["errors"][0]["pointer"] == "/documents/business_licence"
    assert (corrected.status_code, document.status_code, again.status_code) == (200, 200, 200)
    first, second = submissions["items"]
    assert [change["fact"] for change in second["changes"]] == ["total_liabilities"]
    assert [change["document"] for change in second["document_changes"]] == ["audit_report"]
    assert first["snapshot_sha256"] != second["snapshot_sha256"]
    assert accepted["stage"] == "provincial_screening"


async def test_a_second_after_the_closing_day_is_too_late_and_the_draft_is_not_lost(
    whole: Whole,
) -> None:
    opened = (
        await whole.ask(Office.PROVINCE, "POST", "/rounds", region="520000", json=ROUND)
    ).json()
    body = {"round_id": opened["id"], "kind": "new", "facts": facts_of(1), "contact": CONTACT}
    draft = await whole.ask(Office.ENTERPRISE, "POST", "/applications", json=body, **OWN)
    path = f"/applications/{draft.json()['id']}"
    await whole.attach_needed(draft.json()["id"], **OWN)

    whole.clock.set(MIDNIGHT)
    late = await whole.ask(Office.ENTERPRISE, "POST", f"{path}/submission", **OWN)
    kept = (await whole.ask(Office.ENTERPRISE, "GET", path, **OWN)).json()

    assert (late.status_code, late.json()["type"]) == (409, "/problems/round-not-open")
    assert "2026-03-31" in late.json()["detail"]
    assert "2026-04-01" in late.json()["detail"]
    assert (kept["status"], kept["completeness"], kept["facts"]) == ("draft", 100, facts_of(1))
    assert kept["closes_at"] == "2026-03-31T16:00:00Z"


async def test_an_import_that_is_cut_off_goes_on_and_doubles_nothing(processes: Processes) -> None:
    workbook = workbook_of(*(written(facts_of(serial)) for serial in range(1, ROWS + 1)))
    async with httpx.AsyncClient(base_url=processes.base_url, timeout=30) as client:
        whole = Whole(client, processes.clock, processes.keys, processes.owner)
        round_id = await a_round(whole)

        row_by_row = await sent(whole, workbook, round_id, "skip_rows")
        halfway = await until(lambda: some_rows(whole, row_by_row))
        processes.kill("applications")
        after_the_cut = await count(processes, "applications.applications")
        processes.start("applications")
        await processes.until_ready()
        first = await until(lambda: ended(whole, row_by_row))
        again = await until_ended(whole, await sent(whole, workbook, round_id, "skip_rows"))

    assert 0 < halfway["done"] < ROWS
    assert 0 < after_the_cut < ROWS
    assert (first["state"], first["done"], first["created"]) == ("done", ROWS, ROWS)
    assert (again["state"], again["created"], again["unchanged"]) == ("done", 0, ROWS)
    assert await count(processes, "applications.applications") == ROWS
    assert await count(processes, "applications.history WHERE action = 'drafted'") == ROWS


async def test_all_or_none_that_is_cut_off_leaves_none_and_then_all(processes: Processes) -> None:
    workbook = workbook_of(*(written(facts_of(serial)) for serial in range(1, ROWS + 1)))
    async with httpx.AsyncClient(base_url=processes.base_url, timeout=30) as client:
        whole = Whole(client, processes.clock, processes.keys, processes.owner)
        round_id = await a_round(whole)

        path = await sent(whole, workbook, round_id, "refuse_all")
        await until(lambda: some_rows(whole, path))
        processes.kill("applications")
        after_the_cut = await count(processes, "applications.applications")
        processes.start("applications")
        await processes.until_ready()
        report = await until_ended(whole, path)

    assert after_the_cut == 0
    assert (report["state"], report["created"]) == ("done", ROWS)
    assert await count(processes, "applications.applications") == ROWS


async def test_a_key_answers_the_first_result_after_a_crash(processes: Processes) -> None:
    async with httpx.AsyncClient(base_url=processes.base_url, timeout=30) as client:
        whole = Whole(client, processes.clock, processes.keys, processes.owner)
        round_id = await a_round(whole)
        body = {"round_id": round_id, "kind": "new", "facts": facts_of(1), "contact": CONTACT}
        draft = await whole.ask(Office.ENTERPRISE, "POST", "/applications", json=body, **OWN)
        path = f"/applications/{draft.json()['id']}"
        await whole.attach_needed(draft.json()["id"], **OWN)
        key = {"Idempotency-Key": "submission-1"}
        processes.clock.set(MIDNIGHT - timedelta(seconds=30))

        cut_off = asyncio.create_task(
            whole.ask(Office.ENTERPRISE, "POST", f"{path}/submission", headers=key, **OWN)
        )
        await until(lambda: count(processes, "applications.submissions"))
        processes.kill("applications")
        await asyncio.gather(cut_off, return_exceptions=True)
        processes.start("applications")
        await processes.until_ready()
        processes.clock.set(MIDNIGHT + timedelta(hours=1))
        repeated = await whole.ask(
            Office.ENTERPRISE, "POST", f"{path}/submission", headers=key, **OWN
        )

    assert repeated.status_code == 200
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert repeated.json()["submission_number"] == 1
    assert await count(processes, "applications.submissions") == 1
    assert await count(processes, "applications.outbox") == 1


async def returned_by_the_city(whole: Whole, application_id: str) -> None:
    case = await until(lambda: case_of(whole, application_id))
    decided = await whole.ask(
        Office.CITY,
        "POST",
        f"/review-cases/{case['id']}/decisions",
        region="520100",
        json={
            "decision": "return",
            "reason": "负债总额与审计报告不一致",
            "remarks": [
                {"fact_or_document": "total_liabilities", "text": "请按审计报告更正"},
                {"fact_or_document": "audit_report", "text": "缺第 4 页"},
            ],
        },
    )
    assert decided.status_code == 201, decided.text


async def endorsed_by_the_city(whole: Whole, application_id: str) -> dict[str, Any]:
    async def at_its_turn() -> Any:
        case = await case_of(whole, application_id)
        return case if case["status"] == "in_review" else None

    case = await until(at_its_turn)
    decided = await whole.ask(
        Office.CITY,
        "POST",
        "/recommendation-lists",
        region="520100",
        json={
            "round_id": case["round_id"],
            "case_ids": [case["id"]],
            "document_number": "筑工信〔2026〕8号",
            "opinion": "材料齐全",
        },
    )
    assert decided.status_code == 201, decided.text
    return dict(await case_of(whole, application_id))


async def case_of(whole: Whole, application_id: str) -> Any:
    listed = (await whole.ask(Office.PROVINCE, "GET", "/review-cases", region="520000")).json()
    return next((one for one in listed["items"] if one["application_id"] == application_id), None)


async def attach(whole: Whole, path: str, kind: str, sentence: str) -> httpx.Response:
    """Send a document in the place of the one that is there."""
    there = await whole.ask(Office.ENTERPRISE, "GET", f"{path}/documents/{kind}", **OWN)
    return await whole.ask(
        Office.ENTERPRISE,
        "PUT",
        f"{path}/documents/{kind}",
        content=one_page_pdf(sentence),
        headers={"Content-Type": "application/pdf", "If-Match": there.headers["ETag"]},
        **OWN,
    )


async def a_round(whole: Whole) -> str:
    whole.clock.set(MIDNIGHT - timedelta(days=20))
    opened = await whole.ask(Office.PROVINCE, "POST", "/rounds", region="520000", json=ROUND)
    return str(opened.json()["id"])


async def sent(whole: Whole, workbook: bytes, round_id: str, if_errors: str) -> str:
    answer = await whole.ask(
        Office.CITY,
        "POST",
        f"/application-imports?round_id={round_id}&if_errors={if_errors}",
        region="520100",
        content=workbook,
        headers={"Content-Type": XLSX},
    )
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"].removeprefix("/api/v1")


async def report_of(whole: Whole, path: str) -> dict[str, Any]:
    return dict((await whole.ask(Office.CITY, "GET", path, region="520100")).json())


async def some_rows(whole: Whole, path: str) -> Any:
    report = await report_of(whole, path)
    return report if report["done"] else None


async def ended(whole: Whole, path: str) -> Any:
    report = await report_of(whole, path)
    return report if report["state"] not in {"queued", "running"} else None


async def until_ended(whole: Whole, path: str) -> Any:
    return await until(lambda: ended(whole, path))


async def count(processes: Processes, table: str) -> int:
    engine = create_async_engine(processes.owner, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await connection.scalar(text(f"SELECT count(*) FROM {table}"))
    await engine.dispose()
    return int(found or 0)
