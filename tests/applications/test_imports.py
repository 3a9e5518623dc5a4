"""Bulk intake: a city's workbook becomes drafts, and says by row and column what it could not take."""

import asyncio
import os
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from services.applications.content_keeper import ContentKeeper
from services.applications.import_worker import ApplicationImportWorker
from services.applications.models import Application, ImportRow
from services.applications.repository import DocumentRepository
from services.applications.workflow import Verdict
from services.contracts.registry import RecognitionGranted
from services.kernel.identifiers import new_id
from services.kernel.logging import new_trace
from services.kernel.transaction import saved_together
from services.kernel.workbooks.workbook import XLSX
from tests.applications.conftest import CONTACT, Intake
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, as_owner
from tests.builders.workbooks import workbook_of, written


@pytest.fixture
def city(intake: Intake) -> Caller:
    return intake.service.caller("city_office", region="520100")


@pytest.fixture
def worker(intake: Intake) -> ApplicationImportWorker:
    state = intake.service.app.state
    return ApplicationImportWorker(
        intake.service.runtime, state.catalogue, state.store, state.spool, has_scanner=False
    )


def rows_of(*serials: int, **changed: Any) -> list[dict[str, Any]]:
    contact = {f"contact.{name}": value for name, value in CONTACT.items()}
    return [{**written(facts_of(serial)), **contact, **changed} for serial in serials]


async def sent(
    intake: Intake, city: Caller, workbook: bytes, *, query: str = "", **headers: str
) -> Any:
    return await city.post(
        f"/application-imports?round_id={intake.round_id}{query}",
        content=workbook,
        headers={"Content-Type": XLSX, **headers},
    )


async def imported(
    intake: Intake,
    city: Caller,
    worker: ApplicationImportWorker,
    *rows: dict[str, Any],
    query: str = "",
) -> dict[str, Any]:
    answer = await sent(intake, city, workbook_of(*rows), query=query)
    assert answer.status_code == 202, answer.text
    while await worker.work_once():
        pass
    return dict((await city.get(answer.headers["Location"].removeprefix("/api/v1"))).json())


async def applications(city: Caller) -> dict[str, dict[str, Any]]:
    listed = (await city.get("/applications?limit=200")).json()["items"]
    return {one["uscc"]: one for one in listed}


async def test_a_filled_template_becomes_drafts_of_the_city(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    report = await imported(intake, city, worker, *rows_of(1, 2, 3))
    drafts = await applications(city)
    results = (await city.get(f"/application-imports/{report['id']}/rows")).json()["items"]

    assert (report["state"], report["done"], report["total"]) == ("done", 3, 3)
    assert (report["created"], report["error_count"], report["errors"]) == (3, 0, [])
    assert {uscc: one["facts"] for uscc, one in drafts.items()} == {
        uscc_of(serial): facts_of(serial) for serial in (1, 2, 3)
    }
    assert {one["is_confirmed"] for one in drafts.values()} == {False}
    assert [(one["row"], one["outcome"]) for one in results] == [
        (3, "created"),
        (4, "created"),
        (5, "created"),
    ]
    given = drafts[uscc_of(1)]["provenance"]["employees"]
    assert (given["source"], given["import_id"]) == ("city_office", report["id"])
    assert "contact" not in [one["what"] for one in drafts[uscc_of(1)]["missing"]]


async def test_the_same_file_again_changes_nothing_and_doubles_nothing(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    await imported(intake, city, worker, *rows_of(1, 2))
    before = await applications(city)

    again = await imported(intake, city, worker, *rows_of(1, 2))
    another = await imported(
        intake, city, worker, *rows_of(1), *rows_of(2, employees=150), *rows_of(3)
    )
    after = await applications(city)

    assert (again["created"], again["unchanged"]) == (0, 2)
    assert (another["unchanged"], another["updated"], another["created"]) == (1, 1, 1)
    assert after[uscc_of(1)]["version"] == before[uscc_of(1)]["version"]
    assert after[uscc_of(2)]["facts"]["employees"] == 150
    assert len(after) == 3


async def test_an_empty_cell_leaves_what_is_there(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    await imported(intake, city, worker, *rows_of(1))

    report = await imported(
        intake,
        city,
        worker,
        {"uscc": uscc_of(1), "applying_division": "520102", "employees": 99, "niche": None},
    )

    [draft] = (await applications(city)).values()
    assert report["updated"] == 1
    assert draft["facts"] == facts_of(1) | {"employees": 99}


async def test_errors_name_row_and_column_in_chinese(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    rows = [
        *rows_of(1),
        *rows_of(2, employees="很多", operating_revenue="1.234"),
        *rows_of(3, uscc="91520900MA6J4KQ8X9"),
        *rows_of(4, applying_division="520302 红花岗区"),
        *rows_of(1),
        *rows_of(5, **{"contact.phone": "12"}),
        *rows_of(6, total_assets="=1+1"),
    ]

    report = await imported(intake, city, worker, *rows, query="&if_errors=skip_rows")
    in_english = (
        await city.get(
            f"/application-imports/{report['id']}/errors?limit=1", headers={"Accept-Language": "en"}
        )
    ).json()

    assert (report["state"], report["created"], report["done"]) == ("done", 1, 7)
    assert [(one["row"], one["fact"], one["code"]) for one in report["errors"]] == [
        (4, "employees", "not_a_whole_number"),
        (4, "operating_revenue", "too_many_decimals"),
        (5, "uscc", "wrong_check_character"),
        (6, "applying_division", "outside_your_division"),
        (7, "uscc", "repeated_enterprise"),
        (8, "contact.phone", "not_a_phone_number"),
        (9, "total_assets", "formula"),
    ]
    first = report["errors"][1]
    assert first["column"].isalpha()
    assert first["label"].startswith("营业收入")
    assert first["detail"] == "金额最多两位小数。"
    assert report["errors"][4]["detail"] == "与第 3 行是同一企业。"
    assert in_english["items"][0]["detail"].isascii()
    assert in_english["next"] is not None
    assert set(await applications(city)) == {uscc_of(1)}


async def test_all_or_none_takes_none_over_when_one_row_is_wrong(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    rows = [*rows_of(*range(1, 301)), *rows_of(301, employees="很多")]

    report = await imported(intake, city, worker, *rows)
    corrected = await imported(intake, city, worker, *rows_of(*range(1, 302)))

    assert (report["state"], report["created"], report["error_count"]) == ("refused", 0, 1)
    assert report["refusal"]["code"] == "rows_with_errors"
    assert report["errors"][0]["row"] == 303
    assert (corrected["state"], corrected["created"]) == ("done", 301)
    assert await intake.service.chain_is_sound()


async def test_what_an_enterprise_states_itself_is_not_overwritten(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    own = await intake.draft(1)
    await intake.submitted(2)

    report = await imported(
        intake,
        city,
        worker,
        *rows_of(1, employees=999),
        *rows_of(2, employees=999),
        query="&if_errors=skip_rows",
    )
    kept = (await intake.enterprise(1).get(f"/applications/{own['id']}")).json()

    assert [(one["fact"], one["code"]) for one in report["errors"]] == [
        ("employees", "stated_by_enterprise"),
        ("", "application_not_editable"),
    ]
    assert kept["facts"]["employees"] == 120
    assert kept["version"] == own["version"]


async def test_an_import_learns_nothing_of_what_an_enterprise_does_elsewhere(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    await intake.submitted(1, division="520302", is_secret_involved=True)
    await intake.service.deliver(
        "registry",
        RecognitionGranted(application_id=None, **recognised_elsewhere(2)),
    )

    report = await imported(intake, city, worker, *rows_of(1, 2, 3))

    drafts = await applications(city)
    assert (report["created"], report["errors"]) == (3, [])
    shown = [
        {name: drafts[uscc_of(serial)][name] for name in ("status", "is_confirmed", "missing")}
        for serial in (1, 2, 3)
    ]
    assert shown[0] == shown[1] == shown[2]


async def test_an_import_of_renewals_learns_nothing_of_titles_held_elsewhere(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    await intake.service.deliver(
        "registry",
        RecognitionGranted(
            application_id=None,
            **recognised_elsewhere(2)
            | {"valid_from": date(2023, 5, 1), "valid_until": date(2026, 4, 30)},
        ),
    )

    report = await imported(
        intake, city, worker, *rows_of(1, 2), query="&kind=renewal&if_errors=skip_rows"
    )

    assert [(one["row"], one["code"]) for one in report["errors"]] == [
        (3, "nothing_to_renew"),
        (4, "nothing_to_renew"),
    ]
    assert report["errors"][0]["detail"] == report["errors"][1]["detail"]


async def test_a_mandate_that_came_since_lets_a_waiting_draft_count(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    await imported(intake, city, worker, *rows_of(1))
    await intake.enterprise(1).post(
        "/filing-mandates", json={"region": "520100", "valid_until": "2026-12-31"}
    )

    report = await imported(intake, city, worker, *rows_of(1))

    [draft] = (await applications(city)).values()
    assert (report["updated"], draft["is_confirmed"]) == (1, True)


async def test_a_mandate_makes_the_rows_count_and_shows_what_stands_in_their_way(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    for serial in (1, 2):
        granted = await intake.enterprise(serial).post(
            "/filing-mandates", json={"region": "520100", "valid_until": "2026-12-31"}
        )
        assert granted.status_code == 201, granted.text
    await intake.submitted(2, division="520302")

    report = await imported(intake, city, worker, *rows_of(1, 2), query="&if_errors=skip_rows")

    assert [(one["row"], one["code"]) for one in report["errors"]] == [(4, "application_exists")]
    assert (await applications(city))[uscc_of(1)]["is_confirmed"] is True


async def test_an_import_has_no_more_rights_than_the_office_that_sends_it(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    granted = await intake.enterprise(1).post(
        "/filing-mandates", json={"region": "520100", "valid_until": "2026-12-31"}
    )
    await imported(intake, city, worker, *rows_of(1))
    await intake.enterprise(1).post(
        f"/filing-mandates/{granted.json()['id']}/revocation", json={"reason": "不再委托"}
    )
    own = intake.body(2)
    del own["contact"]
    await intake.enterprise(2).post("/applications", json=own)
    before = await applications(city)
    contact = {"contact.name": "别人", "contact.phone": "13800000000"}

    report = await imported(
        intake,
        city,
        worker,
        *rows_of(1, employees=152),
        {"uscc": uscc_of(2), "applying_division": "520102", **contact},
        query="&if_errors=skip_rows",
    )

    after = await applications(city)
    assert [(one["row"], one["code"]) for one in report["errors"]] == [
        (3, "enterprise_word_missing"),
        (4, "enterprise_word_missing"),
    ]
    assert {uscc: one["version"] for uscc, one in after.items()} == {
        uscc: one["version"] for uscc, one in before.items()
    }
    assert (
        await intake.enterprise(2).get(f"/applications/{after[uscc_of(2)]['id']}/contact")
    ).status_code == 404


async def test_a_row_that_is_refused_changes_nothing(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    await imported(intake, city, worker, *rows_of(1))
    await intake.service.deliver(
        "registry", RecognitionGranted(application_id=None, **recognised_elsewhere(1))
    )
    await intake.enterprise(1).post(
        "/filing-mandates", json={"region": "520100", "valid_until": "2026-12-31"}
    )
    before = await intake.service.history()

    report = await imported(
        intake, city, worker, *rows_of(1, employees=777), query="&if_errors=skip_rows"
    )

    [draft] = (await applications(city)).values()
    done = [row["action"] for row in (await intake.service.history())[len(before) :]]
    assert [one["code"] for one in report["errors"]] == ["title_held_already"]
    assert (draft["facts"]["employees"], draft["is_confirmed"]) == (120, False)
    assert done == ["received", "done"]


async def test_what_an_office_may_not_see_is_not_in_the_errors_about_people(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    report = await imported(
        intake,
        city,
        worker,
        *rows_of(1, **{"contact.phone": 8.613885012345678e16}),
        *rows_of(2, **{"contact.phone": "+4930123456789012;ext=123456789012345678"}),
        *rows_of(3),
        query="&if_errors=skip_rows",
    )

    assert (report["state"], report["created"]) == ("done", 1)
    assert [(one["row"], one["fact"]) for one in report["errors"]] == [
        (3, "contact.phone"),
        (4, "contact.phone"),
    ]
    assert not any(digit in one["detail"] for one in report["errors"] for digit in "1356")


async def test_an_office_has_few_imports_under_way_so_that_others_have_their_turn(
    intake: Intake, city: Caller
) -> None:
    answers = [await sent(intake, city, workbook_of(*rows_of(serial))) for serial in range(1, 7)]
    another = await sent(
        intake, intake.service.caller("city_office", region="520300"), workbook_of(*rows_of(1))
    )

    assert [one.status_code for one in answers] == [202] * 5 + [409]
    assert answers[5].json()["type"] == "/problems/too-many-imports"
    assert another.status_code == 202


async def test_a_workbook_is_forgotten_a_week_after_its_import(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    report = await imported(intake, city, worker, *rows_of(1))
    state = intake.service.app.state
    keeper = ContentKeeper(intake.service.runtime, state.store, None, state.spool)
    make_old(state.spool.parent / "documents")

    swept_at_once = await keeper.sweep()
    intake.service.clock.move_to_day(date(2026, 3, 18))
    swept_later = await keeper.sweep()
    again = await imported(intake, city, worker, *rows_of(1))

    assert report["state"] == "done"
    assert (swept_at_once, swept_later) == (0, 1)
    assert again["unchanged"] == 1


async def test_a_workbook_for_something_else_or_of_another_kind_is_refused_as_a_whole(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    meta = {"format": "1", "pack": "national/2026-04-01", "title": "srdi_sme", "kind": "new"}
    other = await sent(intake, city, workbook_of(*rows_of(1), meta=meta))
    await worker.work_once()
    report = (await city.get(other.headers["Location"].removeprefix("/api/v1"))).json()
    no_zip = await sent(intake, city, b"uscc,legal_name\n")
    wrong_type = await city.post(
        f"/application-imports?round_id={intake.round_id}",
        content=workbook_of(*rows_of(1)),
        headers={"Content-Type": "text/csv"},
    )

    assert (report["state"], report["refusal"]["code"]) == ("refused", "other_template")
    assert (no_zip.status_code, no_zip.json()["type"]) == (415, "/problems/not-a-workbook")
    assert (wrong_type.status_code, wrong_type.json()["type"]) == (
        415,
        "/problems/media-type-not-supported",
    )
    assert await applications(city) == {}


async def test_only_an_office_of_the_rounds_own_region_imports(
    intake: Intake, city: Caller
) -> None:
    workbook = workbook_of(*rows_of(1))
    others = {
        "enterprise": intake.enterprise(1),
        "province": intake.province,
        "another province's city": intake.service.caller("city_office", region="530100"),
        "expert": intake.service.caller("expert", region="520000"),
    }

    statuses = {
        name: (await sent(intake, who, workbook)).status_code for name, who in others.items()
    }
    mine = await sent(intake, city, workbook)
    path = mine.headers["Location"].removeprefix("/api/v1")
    elsewhere = await intake.service.caller("city_office", region="520300").get(path)

    assert set(statuses.values()) == {403}
    assert (mine.status_code, elsewhere.status_code) == (202, 404)


async def test_a_key_sent_twice_is_one_import(intake: Intake, city: Caller) -> None:
    workbook = workbook_of(*rows_of(1))
    key = {"Idempotency-Key": "import-1"}

    first = await sent(intake, city, workbook, **key)
    again = await sent(intake, city, workbook, **key)
    other = await sent(intake, city, workbook_of(*rows_of(2)), **key)

    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert len((await city.get("/application-imports")).json()["items"]) == 1


async def test_a_round_that_is_over_takes_no_workbook(intake: Intake, city: Caller) -> None:
    intake.service.clock.move_to_day(date(2026, 4, 1))

    refused = await sent(intake, city, workbook_of(*rows_of(1)))

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/round-not-open")


async def test_two_processes_never_work_on_one_import(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    for first in (1, 101, 201):
        await sent(intake, city, workbook_of(*rows_of(*range(first, first + 100))))

    async def work() -> None:
        while await worker.work_once():
            pass

    await asyncio.gather(*(work() for _ in range(4)))

    reports = (await city.get("/application-imports")).json()["items"]
    assert [(one["state"], one["created"]) for one in reports] == [("done", 100)] * 3
    assert await count(intake, Application) == 300
    assert await count(intake, ImportRow) == 300


async def test_a_file_waits_for_the_scanner_and_an_infected_one_is_refused(
    intake: Intake, city: Caller
) -> None:
    state = intake.service.app.state
    worker = ApplicationImportWorker(
        intake.service.runtime, state.catalogue, state.store, state.spool, has_scanner=True
    )
    answer = await sent(intake, city, workbook_of(*rows_of(1)))
    path = answer.headers["Location"].removeprefix("/api/v1")

    await worker.work_once()
    waiting = (await city.get(path)).json()
    await judge(intake, answer.json()["sha256"], Verdict.INFECTED)
    await let_the_hold_end(intake)
    await worker.work_once()
    report = (await city.get(path)).json()

    assert waiting["state"] == "queued"
    assert (report["state"], report["refusal"]["code"]) == ("refused", "infected")
    assert await applications(city) == {}


async def test_the_template_is_made_for_the_round_and_reads_back(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    template = await city.get(f"/application-template.xlsx?round_id={intake.round_id}")
    book = load_workbook(BytesIO(template.content))
    sheet = next(one for one in book.worksheets if one["A2"].value)
    places = {cell.value: place for place, cell in enumerate(sheet[2], start=1)}
    for name, value in rows_of(1)[0].items():
        sheet.cell(row=3, column=places[name], value=value)
    filled = BytesIO()
    book.save(filled)

    answer = await sent(intake, city, filled.getvalue())
    await worker.work_once()
    report = (await city.get(answer.headers["Location"].removeprefix("/api/v1"))).json()

    assert template.headers["Content-Type"] == XLSX
    assert "2026-1-new.xlsx" in template.headers["Content-Disposition"]
    assert (report["state"], report["created"], report["errors"]) == ("done", 1, [])


async def test_nothing_of_a_refused_file_is_left_in_the_spool(
    intake: Intake, city: Caller, worker: ApplicationImportWorker
) -> None:
    await sent(intake, city, b"PK\x03\x04 and nothing more")
    await worker.work_once()
    [report] = (await city.get("/application-imports")).json()["items"]

    assert (report["state"], report["refusal"]["code"]) == ("refused", "unreadable")
    assert report["refusal"]["detail"]
    assert left_in(intake.service.app.state.spool) == []


def recognised_elsewhere(serial: int) -> dict[str, Any]:
    """Return a title that an enterprise holds in another city, in secret."""
    return {
        "uscc": uscc_of(serial),
        "region": "520302",
        "is_secret": True,
        "recognition_id": new_id(),
        "title": "srdi_sme",
        "legal_name": "示例",
        "certificate_number": "示例",
        "valid_from": date(2025, 7, 1),
        "valid_until": date(2028, 6, 30),
        "policy_pack": PACK,
        "round_code": None,
        "document_number": "示例",
    }


def make_old(folder: Path) -> None:
    for file in folder.rglob("*"):
        os.utime(file, (0, 0))


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def count(intake: Intake, table: type[Any]) -> int:
    async with intake.service.database.session() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def judge(intake: Intake, sha256: str, verdict: Verdict) -> None:
    async with saved_together(intake.service.runtime, new_trace()) as (session, _):
        content = await DocumentRepository(session).content(sha256)
        assert content is not None
        content.verdict = verdict


async def let_the_hold_end(intake: Intake) -> None:
    """Let the time pass for which nobody else takes an import up."""
    await as_owner(
        intake.service.owner,
        "UPDATE applications.imports SET not_before = now()",
    )
