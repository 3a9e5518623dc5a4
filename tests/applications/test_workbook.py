"""Reading a row of a filled workbook: a clerk's habits are understood, and nothing is guessed."""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.applications.template import columns_of
from services.applications.workbook import RowRead, read_list, read_row, require_made_for
from services.kernel.workbooks.workbook import (
    CellKind,
    SheetCell,
    SheetColumns,
    SheetRow,
    WorkbookRefused,
)
from services.policy.catalogue import published_catalogue
from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.workbooks import GUIZHOU, SHEET, remade, with_cells, workbook_of, written

CATALOGUE = published_catalogue()
NATIONAL = CATALOGUE.pack("national/2026-04-01")

SOUND = {"uscc": uscc_of(1), "applying_division": "520102 南明区"}


# ---------------------------------------------------------------- reading them


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[bytes], Path]:
    def save(content: bytes) -> Path:
        file = tmp_path / "upload.xlsx"
        file.write_bytes(content)
        return file

    return save


Saved = Callable[[bytes], Path]


async def rows_of(file: Path) -> list[SheetRow]:
    async with read_list(file) as workbook:
        return [row async for row in workbook.rows()]


# ---------------------------------------------------------------- the round trip


async def test_what_a_clerk_fills_in_becomes_the_facts_of_the_pack(saved: Saved) -> None:
    facts = [facts_of(serial) for serial in range(1, 21)]
    names = [column.name for column in columns_of(GUIZHOU, "srdi_sme", "new")]
    file = saved(workbook_of(*(written(one) for one in facts), names=names))

    read = [read_row(GUIZHOU, row) for row in await rows_of(file)]

    assert [row.facts for row in read] == facts
    assert [row.number for row in read] == list(range(3, 23))
    assert not any(row.problems or row.contact for row in read)
    assert read[0].columns["niche"].letter == "AD"
    assert read[0].columns["operating_revenue"].label == "营业收入（元）"


async def test_the_contact_is_passed_on_as_it_stands(saved: Saved) -> None:
    contact = {"contact.name": " 张三 ", "contact.phone": 13800000000, "contact.email": "a@b.cn"}
    file = saved(workbook_of({**SOUND, **contact}))

    (row,) = [read_row(GUIZHOU, row) for row in await rows_of(file)]

    assert row.contact == {"name": "张三", "phone": "13800000000", "email": "a@b.cn"}
    assert row.problems == ()


async def test_a_percentage_that_excel_keeps_as_a_fraction_is_read_as_it_is_shown(
    saved: Saved,
) -> None:
    file = saved(workbook_of({**SOUND, "niche_share": 0.125}, formats={"niche_share": "0.00%"}))

    (row,) = [read_row(GUIZHOU, row) for row in await rows_of(file)]

    assert row.facts["niche_share"] == "12.5"


# ---------------------------------------------------------------- what it is for


async def test_a_column_that_the_pack_does_not_know_is_refused_by_name(saved: Saved) -> None:
    file = saved(workbook_of({**SOUND, "favourite_colour": "红"}))

    async with read_list(file) as workbook:
        with pytest.raises(WorkbookRefused) as refused:
            require_made_for(workbook, GUIZHOU, "srdi_sme", "new")

    assert refused.value.code == "unknown_column"
    assert "favourite_colour" in refused.value.detail.zh


async def test_a_template_of_another_pack_is_refused(saved: Saved) -> None:
    meta = {"format": "1", "pack": NATIONAL.name, "title": "srdi_sme", "kind": "new"}
    file = saved(workbook_of(SOUND, meta=meta))

    async with read_list(file) as workbook:
        with pytest.raises(WorkbookRefused) as refused:
            require_made_for(workbook, GUIZHOU, "srdi_sme", "new")

    assert refused.value.code == "other_template"
    assert workbook.header.meta == meta


# ---------------------------------------------------------------- cells that hold no value


async def test_a_formula_is_an_error_of_its_cell_and_its_result_is_not_taken(saved: Saved) -> None:
    file = saved(workbook_of({**SOUND, "operating_revenue": "=1+1", "legal_name": "示例公司"}))

    (row,) = [read_row(GUIZHOU, row) for row in await rows_of(file)]

    assert [(one.row, one.column, one.code) for one in row.problems] == [(3, "C", "formula")]
    assert row.problems[0].label == "营业收入（元）"
    assert row.facts["legal_name"] == "示例公司"
    assert "operating_revenue" not in row.facts


async def test_a_cell_that_a_formula_elsewhere_fills_is_an_error_too(saved: Saved) -> None:
    filled = (
        '<row r="4"><c r="A4" t="str"><f t="array" ref="A4:A5">B4:B5</f><v>x</v></c></row>'
        '<row r="5"><c r="A5" t="str"><v>y</v></c></row>'
    )
    file = saved(remade(workbook_of(SOUND), {SHEET: with_cells(filled)}))

    rows = [read_row(GUIZHOU, row) for row in await rows_of(file)]

    told = [(one.row, one.column, one.code) for row in rows for one in row.problems]
    assert told == [(4, "A", "formula"), (5, "A", "formula")]


async def test_an_error_value_is_an_error_of_its_cell(saved: Saved) -> None:
    broken = '<row r="4"><c r="A4" t="e"><v>#REF!</v></c></row>'
    file = saved(remade(workbook_of(SOUND), {SHEET: with_cells(broken)}))

    rows = [read_row(GUIZHOU, row) for row in await rows_of(file)]

    told = [(one.row, one.column, one.code) for row in rows for one in row.problems]
    assert told == [(4, "A", "error_value")]


async def test_a_control_character_is_an_error_of_its_cell(saved: Saved) -> None:
    file = saved(workbook_of({**SOUND, "legal_name": "示例\x01公司", "niche": "一\n二"}))

    (row,) = [read_row(GUIZHOU, row) for row in await rows_of(file)]

    assert [(one.name, one.code) for one in row.problems] == [
        ("legal_name", "unstorable_character")
    ]
    assert row.facts["niche"] == "一\n二"


# ---------------------------------------------------------------- one cell


def read_cell(name: str, kind: CellKind, value: str) -> RowRead:
    pack = NATIONAL if name == "platform_score" else GUIZHOU
    return read_row(pack, SheetRow(3, (SheetCell(name, kind, value),), SheetColumns({name: "E"})))


@pytest.mark.parametrize(
    ("name", "kind", "value", "fact"),
    [
        ("operating_revenue", "number", "20000000.0", "20000000.00"),
        ("operating_revenue", "number", "999999999999.99", "999999999999.99"),
        ("operating_revenue", "number", "1e+15", "1000000000000000.00"),
        ("operating_revenue", "text", "20,000,000.00", "20000000.00"),
        ("operating_revenue", "text", " ２０，０００，０００．５ ", "20000000.50"),
        ("operating_revenue", "text", "999999999999999.99", "999999999999999.99"),
        ("net_profit", "number", "-1.5", "-1.50"),
        ("employees", "number", "126.0", 126),
        ("employees", "text", "1,260", 1260),
        ("fiscal_year", "number", "2025.0", 2025),
        ("fiscal_year", "text", "2025年", 2025),
        ("niche_share", "number", "12.5", "12.5"),
        ("niche_share", "text", "12.5%", "12.5"),
        ("niche_share", "text", "１２．５％", "12.5"),
        ("niche_share", "percent", "0.07", "7"),
        ("platform_score", "number", "56.5", "56.50"),
        ("platform_score", "text", "56.5分", "56.50"),
        ("established_on", "day", "2015-06-01", "2015-06-01"),
        ("established_on", "text", "2015-06-01", "2015-06-01"),
        ("established_on", "text", "2015/6/1", "2015-06-01"),
        ("established_on", "text", "2015年6月1日", "2015-06-01"),
        ("is_legal_person", "text", "是", True),
        ("is_legal_person", "text", "否", False),
        ("is_legal_person", "text", "TRUE", True),
        ("is_legal_person", "text", "n", False),
        ("is_legal_person", "flag", "false", False),
        ("focus_field", "text", "先进装备制造", "advanced_equipment"),
        ("focus_field", "text", "advanced_equipment", "advanced_equipment"),
        ("applying_division", "text", "520102", "520102"),
        ("applying_division", "text", "520102 南明区", "520102"),
        ("applying_division", "text", "520102　南明区", "520102"),
        ("applying_division", "text", "南明区", "520102"),
        ("applying_division", "number", "520102.0", "520102"),
        ("industry_code", "number", "3484.0", "3484"),
        ("industry_code", "text", "0111", "0111"),
        ("uscc", "text", " 91520900ma6j6cbn9q ", "91520900MA6J6CBN9Q"),
        ("uscc", "text", "\u202d91520900MA6J6CBN9Q\u202c", "91520900MA6J6CBN9Q"),
        ("own_brands", "text", "甲；乙;丙、丁\n戊", ["甲", "乙", "丙", "丁", "戊"]),
        ("own_brands", "text", "无", []),
        ("own_brands", "number", "9001.0", ["9001"]),
        ("legal_name", "text", " 示例公司 ", "示例公司"),
    ],
)
def test_a_cell_is_read_as_a_clerk_means_it(
    name: str, kind: CellKind, value: str, fact: object
) -> None:
    row = read_cell(name, kind, value)

    assert row.problems == ()
    assert row.facts == {name: fact}


@pytest.mark.parametrize(
    ("name", "kind", "value", "code"),
    [
        ("operating_revenue", "number", "1.005", "too_many_decimals"),
        ("operating_revenue", "number", "0.30000000000000004", "inexact_number"),
        ("operating_revenue", "number", "1.2345678901234568e+16", "inexact_number"),
        ("operating_revenue", "number", "1e+300", "too_large"),
        ("operating_revenue", "number", "inf", "not_a_number"),
        ("operating_revenue", "number", "-1.0", "negative"),
        ("operating_revenue", "text", "2000万元", "not_an_amount"),
        ("operating_revenue", "text", "2,00", "not_an_amount"),
        ("operating_revenue", "text", "9" * 100_000, "not_an_amount"),
        ("operating_revenue", "day", "2015-06-01", "not_an_amount"),
        ("operating_revenue", "percent", "0.5", "not_an_amount"),
        ("employees", "number", "126.5", "not_a_whole_number"),
        ("employees", "number", "-1.0", "not_a_whole_number"),
        ("employees", "number", "1e+300", "not_a_whole_number"),
        ("employees", "text", "126人", "not_a_whole_number"),
        ("fiscal_year", "text", "去年", "not_a_whole_number"),
        ("niche_share", "text", "约一成", "not_a_percentage"),
        ("platform_score", "number", "1000.5", "too_large"),
        ("established_on", "text", "2015-02-30", "not_a_day"),
        ("established_on", "text", "2015.6.1", "not_a_day"),
        ("established_on", "number", "42156.0", "not_a_day"),
        ("established_on", "moment", "2015-06-01 12:00:00", "not_a_day"),
        ("is_legal_person", "text", "也许", "not_a_flag"),
        ("is_legal_person", "number", "1.0", "not_a_flag"),
        ("focus_field", "text", "采矿", "not_an_option"),
        ("applying_division", "text", "520102 云岩区", "division_mismatch"),
        ("applying_division", "text", "北京市", "unknown_division"),
        ("applying_division", "text", "999999", "unknown_division"),
        ("industry_code", "number", "111.0", "code_as_number"),
        ("industry_code", "text", "111", "unknown_industry"),
        ("uscc", "number", "9.15201e+17", "code_as_number"),
        ("uscc", "text", "91520900MA6J6CBN9R", "wrong_check_character"),
        ("legal_name", "day", "2015-06-01", "not_a_text"),
        ("legal_name", "text", "=HYPERLINK(1)", "formula"),
        ("legal_name", "text", "@SUM(A1)", "formula"),
        ("legal_name", "formula", "", "formula"),
        ("legal_name", "error", "", "error_value"),
        ("legal_name", "text", "长" * 201, "too_long"),
        ("legal_name", "text", "a\x85b", "unstorable_character"),
        ("contact.name", "text", "长" * 201, "too_long"),
        ("contact.name", "text", "=1", "formula"),
        ("favourite_colour", "text", "红", "unknown_fact"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_with_what_to_do(
    name: str, kind: CellKind, value: str, code: str
) -> None:
    row = read_cell(name, kind, value)

    assert [(one.row, one.column, one.name, one.code) for one in row.problems] == [
        (3, "E", name, code)
    ]
    assert row.facts == {}
    assert re.search("[\u4e00-\u9fff]", row.problems[0].detail.zh)
    assert "JSON" not in row.problems[0].detail.zh
    assert "/api/" not in row.problems[0].detail.zh


async def test_a_row_with_a_problem_still_gives_what_was_readable(saved: Saved) -> None:
    noon = datetime.fromisoformat("2015-06-01T12:00")
    facts = {**written(facts_of(1)), "employees": 126.5, "established_on": noon}
    file = saved(workbook_of(facts))

    (row,) = [read_row(GUIZHOU, row) for row in await rows_of(file)]

    expected = facts_of(1, employees=None, established_on=None)
    assert row.facts == expected
    assert [one.code for one in row.problems] == ["not_a_day", "not_a_whole_number"]


# ---------------------------------------------------------------- money


CENTS = st.integers(0, 10**14).map(lambda cents: f"{Decimal(cents) / 100:.2f}")
MANY_CENTS = st.integers(0, 10**17).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")


@given(amount=CENTS)
def test_an_amount_in_a_number_cell_keeps_its_cents(amount: str) -> None:
    row = read_cell("operating_revenue", "number", repr(float(amount)))

    assert row.facts == {"operating_revenue": amount}


@given(amount=MANY_CENTS)
def test_an_amount_in_a_text_cell_keeps_its_cents(amount: str) -> None:
    row = read_cell("operating_revenue", "text", f"{Decimal(amount):,.2f}")

    assert row.facts == {"operating_revenue": amount}


@settings(max_examples=5)
@given(
    numbers=st.lists(CENTS, min_size=1, max_size=300),
    texts=st.lists(MANY_CENTS, min_size=1, max_size=300),
)
def test_amounts_survive_the_trip_through_a_workbook(
    numbers: list[str], texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cells = [float(amount) for amount in numbers] + [f"{Decimal(text):,.2f}" for text in texts]
    file = tmp_path_factory.mktemp("money") / "amounts.xlsx"
    file.write_bytes(workbook_of(*({**SOUND, "operating_revenue": cell} for cell in cells)))

    read = [read_row(GUIZHOU, row) for row in asyncio.run(rows_of(file))]

    assert [row.facts["operating_revenue"] for row in read] == [*numbers, *texts]
