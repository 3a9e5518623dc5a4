"""An older list becomes recognitions on record: once, row by row, and nothing on record is rewritten."""

import asyncio
from collections.abc import Mapping
from datetime import date
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
import xlsxwriter
from openpyxl import load_workbook
from sqlalchemy import func, select

from services.kernel.logging import new_trace
from services.kernel.transaction import saved_together
from services.kernel.workbooks.workbook import XLSX, CellKind, SheetCell, SheetColumns, SheetRow
from services.policy.catalogue import published_catalogue
from services.registry.import_models import ReceivedWorkbook, RecognitionImportRow
from services.registry.import_repository import RecognitionImportRepository
from services.registry.import_worker import RecognitionImportWorker
from services.registry.models import Enterprise, EnterpriseEntry, RecognitionTerm
from services.registry.older_list import COLUMNS, OlderRow, lists_of, read_row
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.registry.conftest import Registry

PATH = "/recognition-imports"


@pytest.fixture
def province(registry: Registry) -> Caller:
    return registry.officer()


@pytest.fixture
def worker(registry: Registry) -> RecognitionImportWorker:
    state = registry.service.app.state
    return RecognitionImportWorker(registry.service.runtime, state.catalogue, state.spool)


def older(serial: int, **changed: Any) -> dict[str, Any]:
    return {
        "uscc": uscc_of(serial),
        "legal_name": f"示例精密制造{serial}有限公司",
        "title": "专精特新中小企业",
        "certificate_number": f"旧-{serial:04}",
        "valid_from": date(2024, 7, 1),
        "valid_until": date(2027, 6, 30),
        "document_number": "示例〔2024〕6号",
        "decided_on": date(2024, 6, 28),
        "division": "520102 南明区",
    } | changed


def workbook_of(*rows: Mapping[str, Any], meta: Mapping[str, str] | None = None) -> bytes:
    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet("历史名单")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for place, (name, column) in enumerate(COLUMNS.items()):
        sheet.write_string(0, place, column.label.zh)
        sheet.write_string(1, place, name)
        for number, row in enumerate(rows, start=2):
            value = row.get(name)
            if isinstance(value, date):
                sheet.write_datetime(number, place, value, day)
            elif value is not None:
                sheet.write(number, place, value)
    if meta is not None:
        about = book.add_worksheet("meta")
        for number, pair in enumerate(meta.items()):
            about.write_row(number, 0, pair)
    book.close()
    return file.getvalue()


async def sent(who: Caller, workbook: bytes, query: str = "", **headers: str) -> Any:
    return await who.post(
        f"{PATH}{query}", content=workbook, headers={"Content-Type": XLSX, **headers}
    )


async def imported(
    province: Caller,
    worker: RecognitionImportWorker,
    *rows: Mapping[str, Any],
    query: str = "?if_errors=skip_rows",
) -> dict[str, Any]:
    answer = await sent(province, workbook_of(*rows), query)
    assert answer.status_code == 202, answer.text
    while await worker.work_once():
        pass
    return dict((await province.get(answer.headers["Location"].removeprefix("/api/v1"))).json())


async def titles_of(registry: Registry, serial: int) -> list[dict[str, Any]]:
    answer = await registry.officer().get(f"/enterprises/{uscc_of(serial)}")
    return list(answer.json().get("recognitions", []))


async def count(registry: Registry, table: type[Any]) -> int:
    async with registry.service.database.session() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


def errors_of(report: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    return [(one["row"], one["fact"], one["code"]) for one in report["errors"]]


# ---------------------------------------------------------------- what becomes of a list


async def test_an_older_list_becomes_recognitions_with_the_document_that_gave_them(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    report = await imported(province, worker, older(1), older(2))
    rows = (await province.get(f"{PATH}/{report['id']}/rows")).json()["items"]
    [title] = await titles_of(registry, 1)

    assert (report["state"], report["done"], report["total"]) == ("done", 2, 2)
    assert (report["recorded"], report["already_there"], report["errors"]) == (2, 0, [])
    assert rows[0] == {
        "row": 3,
        "uscc": uscc_of(1),
        "title": "srdi_sme",
        "outcome": "recorded",
    }
    assert title["certificate_number"] == "旧-0001"
    assert (title["valid_from"], title["valid_until"]) == ("2024-07-01", "2027-06-30")
    assert title["document_number"] == "示例〔2024〕6号"
    assert title["terms"][0]["decided_on"] == "2024-06-28"
    assert (await registry.verified(1))["is_valid"] is True
    granted = [one for one in await registry.service.events() if "granted" in one["type"]]
    assert [one["uscc"] for one in granted] == [uscc_of(1), uscc_of(2)]
    assert await registry.service.chain_is_sound()


async def test_what_was_left_empty_comes_from_the_pack_and_the_registry(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    bare = older(1, certificate_number=None, valid_until=None, decided_on=None)

    await imported(province, worker, bare)

    [title] = await titles_of(registry, 1)
    assert title["certificate_number"].startswith("52-ZJTX-2024-")
    assert title["valid_until"] == "2027-06-30"
    assert title["terms"][0]["decided_on"] == "2024-07-01"


async def test_a_name_with_full_width_blanks_around_it_is_the_name(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    await imported(province, worker, older(1, legal_name="　示例公司　 "))

    found = (await province.get(f"/enterprises/{uscc_of(1)}")).json()
    assert found["legal_name"] == "示例公司"


async def test_the_same_file_again_changes_nothing(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    rows = [older(1), older(2, certificate_number=None), older(3, valid_until=None)]
    await imported(province, worker, *rows)
    counted = [await count(registry, one) for one in (Enterprise, EnterpriseEntry, RecognitionTerm)]
    events = len(await registry.service.events())

    again = await imported(province, worker, *rows, query="?if_errors=refuse_all")

    assert (again["state"], again["recorded"], again["already_there"]) == ("done", 0, 3)
    assert again["errors"] == []
    assert counted == [
        await count(registry, one) for one in (Enterprise, EnterpriseEntry, RecognitionTerm)
    ]
    assert len(await registry.service.events()) == events


async def test_two_terms_of_one_title_in_one_file_are_two_terms(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    first = older(1, valid_from=date(2021, 7, 1), valid_until=date(2024, 6, 30))

    report = await imported(province, worker, first, older(1))

    [title] = await titles_of(registry, 1)
    assert (report["recorded"], report["errors"]) == (2, [])
    assert [one["valid_from"] for one in title["terms"]] == ["2021-07-01", "2024-07-01"]


async def test_every_row_gets_an_error_of_its_own(
    province: Caller, worker: RecognitionImportWorker
) -> None:
    rows = [
        older(1),
        older(2, uscc="91520900MA6J4KQ8X9"),
        older(3, uscc=915201000000000137),
        older(4, legal_name=None),
        older(5, title="独角兽企业"),
        older(6, valid_from="去年", document_number=None),
        older(7, valid_until=date(2024, 1, 1)),
        older(8, division="北京市"),
        older(9, division="520102 云岩区"),
        older(10, certificate_number=20240001),
        older(11, valid_from=date(2030, 1, 1), valid_until=None),
        older(12, legal_name="=1+1"),
        older(13, focus_field="采矿"),
        older(14, valid_from=date(1900, 1, 1)),
    ]

    report = await imported(province, worker, *rows)

    assert (report["recorded"], report["done"]) == (1, 14)
    assert errors_of(report) == [
        (4, "uscc", "wrong_check_character"),
        (5, "uscc", "code_as_number"),
        (6, "legal_name", "missing"),
        (7, "title", "unknown_title"),
        (8, "valid_from", "not_a_day"),
        (8, "document_number", "missing"),
        (9, "valid_from", "term_not_possible"),
        (10, "division", "unknown_division"),
        (11, "division", "division_mismatch"),
        (12, "certificate_number", "code_as_number"),
        (13, "valid_from", "term_not_possible"),
        (14, "legal_name", "formula"),
        (15, "focus_field", "unknown_focus_field"),
        (16, "valid_from", "day_out_of_range"),
    ]
    assert report["errors"][0]["column"] == "A"
    assert report["errors"][0]["label"] == "统一社会信用代码"


async def test_errors_are_told_in_the_readers_language_and_in_pages(
    province: Caller, worker: RecognitionImportWorker
) -> None:
    report = await imported(province, worker, older(1, title="?"), older(2, title="?"))

    page = await province.get(
        f"{PATH}/{report['id']}/errors?limit=1", headers={"Accept-Language": "en"}
    )

    assert page.json()["items"][0]["detail"].isascii()
    assert page.json()["next"] is not None


async def test_what_a_file_repeats_and_what_the_register_has_are_told_apart(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    await imported(province, worker, older(1), older(2))
    before = await count(registry, RecognitionTerm)

    report = await imported(
        province,
        worker,
        older(1),
        older(1, valid_from=date(2025, 7, 1), valid_until=date(2028, 6, 30)),
        older(2, valid_from=date(2025, 7, 1), valid_until=date(2028, 6, 30)),
        older(3, certificate_number="旧-0002"),
        older(4, certificate_number="旧-0002"),
        older(2, valid_from=date(2020, 1, 1), valid_until=date(2021, 1, 1), legal_name="别的公司"),
    )

    assert report["already_there"] == 1
    assert errors_of(report) == [
        (4, "valid_from", "repeated_row"),
        (5, "valid_from", "term_overlaps"),
        (6, "certificate_number", "repeated_certificate_number"),
        (7, "certificate_number", "repeated_certificate_number"),
        (8, "legal_name", "name_differs"),
    ]
    assert "第 3 行" in report["errors"][0]["detail"]
    assert "第 5 行" in report["errors"][2]["detail"]
    assert await count(registry, RecognitionTerm) == before


async def test_a_number_that_the_register_gave_to_somebody_else_is_refused(
    province: Caller, worker: RecognitionImportWorker
) -> None:
    await imported(province, worker, older(1))

    report = await imported(province, worker, older(2, certificate_number="旧-0001"))

    assert errors_of(report) == [(3, "certificate_number", "certificate_number_taken")]


async def test_a_row_that_is_refused_leaves_nothing_behind(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    await imported(province, worker, older(1))
    counted = await count(registry, EnterpriseEntry)
    history = len(await registry.service.history())

    await imported(
        province, worker, older(2, certificate_number="旧-0001"), older(3, title="独角兽企业")
    )

    done = [one["action"] for one in (await registry.service.history())[history:]]
    assert await count(registry, EnterpriseEntry) == counted
    assert (await province.get(f"/enterprises/{uscc_of(2)}")).status_code == 404
    assert done == ["received", "done"]


async def test_all_or_none_takes_none_over_when_one_row_is_wrong(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    sound = [older(serial) for serial in range(1, 61)]

    report = await imported(province, worker, *sound, older(61, title="?"), query="")
    corrected = await imported(province, worker, *sound, older(61), query="")

    assert (report["state"], report["recorded"], report["error_count"]) == ("refused", 0, 1)
    assert report["refusal"]["code"] == "rows_with_errors"
    assert report["errors"][0]["row"] == 63
    assert (corrected["state"], corrected["recorded"]) == ("done", 61)
    assert await registry.service.chain_is_sound()


# ---------------------------------------------------------------- whatever happens meanwhile


async def test_an_import_goes_on_after_the_last_row_that_was_done(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    rows = [older(serial) for serial in range(1, 61)]
    repeated = older(1, certificate_number=None)
    answer = await sent(province, workbook_of(*rows, repeated), "?if_errors=skip_rows")
    path = answer.headers["Location"].removeprefix("/api/v1")
    dying = DyingWorker(
        registry.service.runtime,
        registry.service.app.state.catalogue,
        registry.service.app.state.spool,
    )

    await dying.work_once()
    interrupted = (await province.get(path)).json()
    await at_once(registry, answer.json()["id"])
    await worker.work_once()
    report = (await province.get(path)).json()

    assert (interrupted["state"], interrupted["done"]) == ("running", 50)
    assert (report["state"], report["recorded"], report["done"]) == ("done", 60, 61)
    assert errors_of(report) == [(63, "valid_from", "repeated_row")]
    assert await count(registry, RecognitionTerm) == 60


class DyingWorker(RecognitionImportWorker):
    """A process that dies over the rows after the first ones."""

    async def take(self, *given: Any) -> Any:
        [_, _, rows, _] = given
        if rows[0].number > self.rows_at_once:
            raise ConnectionError("the power is gone")
        return await super().take(*given)


async def test_two_processes_never_work_on_one_import(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    for first in (1, 21, 41):
        rows = [older(serial) for serial in range(first, first + 20)]
        await sent(province, workbook_of(*rows))

    async def work() -> None:
        while await worker.work_once():
            pass

    await asyncio.gather(*(work() for _ in range(4)))

    reports = (await province.get(PATH)).json()["items"]
    assert [(one["state"], one["recorded"]) for one in reports] == [("done", 20)] * 3
    assert await count(registry, RecognitionImportRow) == 60


async def test_a_workbook_is_kept_until_its_import_has_ended_and_no_longer(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    await sent(province, workbook_of(older(1)))
    while_waiting = await count(registry, ReceivedWorkbook)

    await worker.work_once()

    assert (while_waiting, await count(registry, ReceivedWorkbook)) == (1, 0)
    assert list(registry.service.app.state.spool.iterdir()) == []


# ---------------------------------------------------------------- what is taken in, and from whom


async def test_only_the_province_imports_and_only_its_offices_read_what_came_of_it(
    registry: Registry, province: Caller
) -> None:
    workbook = workbook_of(older(1))
    others = [
        registry.officer("city_office", "520100"),
        registry.service.caller("enterprise", uscc=uscc_of(1)),
        registry.partner,
        registry.service.caller("provincial_office", region="520000", scopes=frozenset()),
    ]

    refused = {(await sent(one, workbook)).status_code for one in others}
    mine = await sent(province, workbook)
    path = mine.headers["Location"].removeprefix("/api/v1")
    readers = {
        "auditor": registry.officer("auditor"),
        "city": registry.officer("city_office", "520100"),
        "another province": registry.officer("provincial_office", "530000"),
    }
    seen = {name: (await one.get(path)).status_code for name, one in readers.items()}

    assert refused == {403}
    assert mine.status_code == 202
    assert seen == {"auditor": 200, "city": 404, "another province": 404}


async def test_a_province_records_nothing_in_another_one(
    registry: Registry, worker: RecognitionImportWorker
) -> None:
    report = await imported(registry.officer("provincial_office", "530000"), worker, older(1))

    assert errors_of(report) == [(3, "division", "outside_your_division")]


async def test_what_is_no_workbook_of_older_recognitions_is_refused(
    province: Caller, worker: RecognitionImportWorker
) -> None:
    csv = await sent(province, b"uscc,legal_name\n")
    typed = await province.post(
        PATH, content=workbook_of(older(1)), headers={"Content-Type": "text/csv"}
    )
    other = await sent(province, workbook_of(older(1), meta={"kind": "new"}))
    await worker.work_once()
    report = (await province.get(other.headers["Location"].removeprefix("/api/v1"))).json()

    assert (csv.status_code, csv.json()["type"]) == (415, "/problems/not-a-workbook")
    assert typed.json()["type"] == "/problems/media-type-not-supported"
    assert (report["state"], report["refusal"]["code"]) == ("refused", "other_template")


async def test_an_office_has_five_imports_under_way_at_most(province: Caller) -> None:
    answers = [await sent(province, workbook_of(older(serial))) for serial in range(1, 7)]

    assert [one.status_code for one in answers] == [202] * 5 + [409]
    assert answers[5].json()["type"] == "/problems/too-many-imports"


async def test_a_key_sent_twice_is_one_import(province: Caller) -> None:
    workbook = workbook_of(older(1))
    key = {"Idempotency-Key": "older-list-1"}

    first = await sent(province, workbook, **key)
    again = await sent(province, workbook, **key)

    assert again.json() == first.json()
    assert len((await province.get(PATH)).json()["items"]) == 1


async def test_the_template_is_filled_in_and_reads_back(
    registry: Registry, province: Caller, worker: RecognitionImportWorker
) -> None:
    template = await province.get(f"{PATH}/template.xlsx")
    book = load_workbook(BytesIO(template.content))
    sheet = book["历史名单"]
    places = {cell.value: place for place, cell in enumerate(sheet[2], start=1)}
    for name, value in older(1).items():
        sheet.cell(row=3, column=places[name], value=value)
    filled = BytesIO()
    book.save(filled)

    await sent(province, filled.getvalue())
    await worker.work_once()
    [report] = (await province.get(PATH)).json()["items"]

    assert [str(cell.value).split("\n")[0] for cell in sheet[1]][:3] == [
        "统一社会信用代码",
        "企业名称",
        "称号",
    ]
    assert "Legal name" in str(sheet["B1"].comment)
    assert "专精特新中小企业" in "".join(str(cell.value) for cell in book["选项"]["A"])
    assert (report["state"], report["recorded"], report["errors"]) == ("done", 1, [])
    assert len(await titles_of(registry, 1)) == 1


# ---------------------------------------------------------------- one row


LISTS = lists_of(published_catalogue())


def row_of(**cells: tuple[CellKind, str]) -> OlderRow:
    columns = SheetColumns({name: chr(ord("A") + place) for place, name in enumerate(COLUMNS)})
    read = tuple(SheetCell(name, kind, value) for name, (kind, value) in cells.items())
    return read_row(SheetRow(7, read, columns), LISTS)


@pytest.mark.parametrize(
    ("name", "kind", "value", "read"),
    [
        ("uscc", "text", " 91520900ma6j6cbn9q ", "91520900MA6J6CBN9Q"),
        ("legal_name", "text", "　示例　公司　", "示例　公司"),
        ("title", "text", "srdi_sme", "srdi_sme"),
        ("title", "text", "专精特新中小企业", "srdi_sme"),
        ("title", "text", "srdi_sme 专精特新中小企业", "srdi_sme"),
        ("valid_from", "day", "2022-11-08", date(2022, 11, 8)),
        ("valid_from", "text", "2022-11-08", date(2022, 11, 8)),
        ("division", "text", "南明区", "520102"),
        ("division", "number", "520102.0", "520102"),
        ("division", "text", "贵安新区", "520900"),
        ("focus_field", "text", "先进装备制造", "advanced_equipment"),
        ("document_number", "text", " 黔工信〔2022〕12号", "黔工信〔2022〕12号"),
    ],
)
def test_a_cell_is_read_as_a_clerk_means_it(
    name: str, kind: CellKind, value: str, read: object
) -> None:
    row = row_of(**{name: (kind, value)})

    assert getattr(row, name) == read
    assert name not in {one.name for one in row.problems}


@pytest.mark.parametrize(
    ("name", "kind", "value", "code"),
    [
        ("valid_from", "number", "44873.0", "not_a_day"),
        ("valid_from", "moment", "2022-11-08 12:00:00", "not_a_day"),
        ("valid_from", "text", "2022-02-30", "not_a_day"),
        ("legal_name", "day", "2022-11-08", "not_a_text"),
        ("legal_name", "text", "长" * 201, "too_long"),
        ("certificate_number", "text", "1" * 61, "too_long"),
        ("certificate_number", "number", "12.0", "code_as_number"),
        ("certificate_number", "text", "黔\n1号", "unprintable_character"),
        ("certificate_number", "text", "黔\t1号", "unprintable_character"),
        ("certificate_number", "text", "黔\x011号", "unstorable_character"),
        ("certificate_number", "text", "黔\u200b1号", "unprintable_character"),
        ("certificate_number", "text", "黔1号.pdf", "no_address"),
        ("certificate_number", "text", "1.svg", "no_address"),
        ("certificate_number", "text", "..", "no_address"),
        ("certificate_number", "text", "1/../2", "no_address"),
        ("document_number", "formula", "", "formula"),
        ("title", "text", "专精特新", "unknown_title"),
        ("title", "text", "srdi_sme 创新型中小企业", "title_mismatch"),
        ("division", "text", "999999", "unknown_division"),
        ("uscc", "text", "91520900MA6J6CBN9R", "wrong_check_character"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_and_not_guessed(
    name: str, kind: CellKind, value: str, code: str
) -> None:
    row = row_of(**{name: (kind, value)})

    assert getattr(row, name) is None
    [problem] = [one for one in row.problems if one.name == name]
    assert (problem.row, problem.code) == (7, code)
    assert problem.label == COLUMNS[name].label.zh


async def at_once(registry: Registry, import_id: str) -> None:
    """Let the pause be over for which nobody takes an interrupted import up."""
    async with saved_together(registry.service.runtime, new_trace()) as (session, _):
        await RecognitionImportRepository(session).progress(UUID(import_id), not_before=None)
