"""Reading a filled workbook: a clerk's habits are understood, a stranger's tricks harm nobody."""

import asyncio
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.applications.template import columns_of
from services.applications.workbook import (
    CellKind,
    RowRead,
    SheetCell,
    SheetColumns,
    SheetRow,
    WorkbookRefused,
    read_row,
    read_workbook,
)
from services.policy.catalogue import published_catalogue
from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.workbooks import GUIZHOU, workbook_of, written

CATALOGUE = published_catalogue()
NATIONAL = CATALOGUE.pack("national/2026-04-01")

Change = Callable[[str], str]

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"


SOUND = {"uscc": uscc_of(1), "applying_division": "520102 南明区"}


def remade(workbook: bytes, changes: Mapping[str, Change | str | bytes]) -> bytes:
    """Return the archive with parts changed or added."""
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            change = changes.get(name)
            content: str | bytes = old.read(name)
            if callable(change):
                content = change(old.read(name).decode())
            new.writestr(name, content, zipfile.ZIP_DEFLATED)
        for name, change in changes.items():
            if not callable(change):
                new.writestr(name, change, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def with_cells(cells: str) -> Change:
    """Put markup at the end of a sheet's cells."""
    return lambda sheet: sheet.replace("</sheetData>", f"{cells}</sheetData>")


# ---------------------------------------------------------------- reading them


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[bytes], Path]:
    def save(content: bytes) -> Path:
        file = tmp_path / "upload.xlsx"
        file.write_bytes(content)
        return file

    return save


Saved = Callable[[bytes], Path]


async def rows_of(file: Path, max_rows: int = 10_000) -> list[SheetRow]:
    async with read_workbook(file, max_rows=max_rows) as workbook:
        return [row async for row in workbook.rows()]


async def refusal_of(file: Path, max_rows: int = 10_000) -> WorkbookRefused:
    """Return why a file is refused, having seen that nobody was harmed by it."""
    here = psutil.Process()
    before = here.memory_info().rss
    with pytest.raises(WorkbookRefused) as refused:
        await rows_of(file, max_rows)
    assert here.memory_info().rss - before < 40 * 2**20
    assert readers() == []
    assert re.search("[\u4e00-\u9fff]", refused.value.detail.zh)
    assert refused.value.detail.en.isascii()
    return refused.value


def readers() -> list[psutil.Process]:
    """Return the reading processes that are still there, dead ones that nobody waited for too."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() == psutil.STATUS_ZOMBIE
        or any("workbook_reader" in word for word in child.cmdline())
    ]


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


async def test_rows_come_with_their_number_and_empty_ones_do_not(saved: Saved) -> None:
    file = saved(workbook_of(SOUND, {}, {"uscc": "  "}, {**SOUND, "uscc": uscc_of(2)}))

    async with read_workbook(file) as workbook:
        numbers = [row.number async for row in workbook.rows()]

    assert workbook.total == 2
    assert numbers == [3, 6]


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


async def test_a_link_that_excel_makes_of_an_address_is_no_link_to_another_file(
    saved: Saved,
) -> None:
    links = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId9" Type="hyperlink" Target="mailto:a@b.cn" TargetMode="External"/>'
        "</Relationships>"
    )
    file = saved(remade(workbook_of(SOUND), {"xl/worksheets/_rels/sheet1.xml.rels": links}))

    rows = await rows_of(file)

    assert len(rows) == 1


async def test_formatting_far_away_takes_no_place(saved: Saved) -> None:
    far = '<row r="1048576"><c r="XFD1048576" s="0"/></row>'
    file = saved(remade(workbook_of(SOUND), {SHEET: with_cells(far)}))

    rows = await rows_of(file)

    assert [row.number for row in rows] == [3]


async def test_ten_thousand_rows_are_taken_and_one_more_is_not(saved: Saved) -> None:
    rows = [{"uscc": uscc_of(serial), "applying_division": "520102"} for serial in range(10_001)]

    taken = await rows_of(saved(workbook_of(*rows[:-1])))
    refused = await refusal_of(saved(workbook_of(*rows)))

    assert len(taken) == 10_000
    assert taken[-1].number == 10_002
    assert refused.code == "too_many_rows"


# ---------------------------------------------------------------- which sheet, which columns


async def test_a_hidden_sheet_is_not_the_one_that_is_read(saved: Saved) -> None:
    file = saved(
        remade(
            workbook_of(SOUND),
            {"xl/workbook.xml": lambda book: book.replace("sheetId=", 'state="hidden" sheetId=')},
        )
    )

    refused = await refusal_of(file)

    assert refused.code == "missing_column"


@pytest.mark.parametrize("missing", ["uscc", "applying_division"])
async def test_a_sheet_without_a_column_that_every_row_needs_is_refused(
    missing: str, saved: Saved
) -> None:
    names = [name for name in (*SOUND, "legal_name") if name != missing]

    refused = await refusal_of(saved(workbook_of(SOUND, names=names)))

    assert refused.code == "missing_column"
    assert missing in refused.detail.zh


async def test_the_same_column_twice_is_refused(saved: Saved) -> None:
    file = saved(
        remade(
            workbook_of({**SOUND, "legal_name": "示例公司"}),
            {STRINGS: lambda strings: strings.replace(">legal_name<", ">uscc<")},
        )
    )

    refused = await refusal_of(file)

    assert refused.code == "repeated_column"
    assert "A 列" in refused.detail.zh
    assert "C 列" in refused.detail.zh


async def test_a_column_that_the_pack_does_not_know_is_refused_by_name(saved: Saved) -> None:
    file = saved(workbook_of({**SOUND, "favourite_colour": "红"}))

    async with read_workbook(file) as workbook:
        with pytest.raises(WorkbookRefused) as refused:
            workbook.require_columns(GUIZHOU)

    assert refused.value.code == "unknown_column"
    assert "favourite_colour" in refused.value.detail.zh


async def test_something_written_beside_the_named_columns_is_not_dropped_in_silence(
    saved: Saved,
) -> None:
    file = saved(workbook_of({**SOUND, "": "此企业请优先"}))

    refused = await refusal_of(file)

    assert refused.code == "unknown_column"
    assert "C3" in refused.detail.zh


async def test_a_template_of_another_pack_is_refused(saved: Saved) -> None:
    meta = {"format": "1", "pack": NATIONAL.name, "title": "srdi_sme", "kind": "new"}
    file = saved(workbook_of(SOUND, meta=meta))

    async with read_workbook(file) as workbook:
        with pytest.raises(WorkbookRefused) as refused:
            workbook.require(pack=GUIZHOU.name, title="srdi_sme", kind="new")

    assert refused.value.code == "other_template"
    assert workbook.header.meta == meta


# ---------------------------------------------------------------- strangers


ENDLESS = 2**30
"""A gigabyte, as a member of an archive declares it."""


def archive_with(name: str, packed: bytes, *, declared: int, checksum: int) -> bytes:
    """Write an archive by hand: a workbook, and one part that says of itself what it is told to."""
    sound = BytesIO(workbook_of(SOUND))
    with zipfile.ZipFile(sound) as archive:
        parts = [
            (one, zipped(archive.read(one)), len(archive.read(one)), zlib.crc32(archive.read(one)))
            for one in archive.namelist()
            if one != name
        ]
    content, directory = b"", b""
    for part, data, size, check in [*parts, (name, packed, declared, checksum)]:
        fields = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 33, check, len(data), size, len(part), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields
        directory += struct.pack("<HHHLL", 0, 0, 0, 0, len(content)) + part.encode()
        content += b"PK\x03\x04" + fields + part.encode() + data
    end = struct.pack(
        "<HHHHLLH", 0, 0, len(parts) + 1, len(parts) + 1, len(directory), len(content), 0
    )
    return content + directory + b"PK\x05\x06" + end


def zipped(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


def zeros(size: int) -> bytes:
    """Pack zeros: one mebibyte, as often as it takes."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    block = deflate.compress(bytes(2**20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return block * (size // 2**20) + zipped(b"")


@pytest.mark.parametrize("part", [SHEET, STRINGS, "xl/media/image1.png"])
async def test_a_gigabyte_of_zeros_is_refused_by_its_declared_size(part: str, saved: Saved) -> None:
    file = saved(archive_with(part, zeros(ENDLESS), declared=ENDLESS, checksum=0))

    refused = await refusal_of(file)

    assert refused.code == "too_large"


@pytest.mark.parametrize(
    ("part", "declared", "why"),
    [
        ("xl/media/image1.png", 10, "larger than declared"),
        ("xl/media/image1.png", 2**20, "larger than declared"),
        (SHEET, 10, "larger than declared"),
        (SHEET, 2**20, "not well formed"),
    ],
)
async def test_a_gigabyte_that_declares_itself_small_is_refused_as_it_unfolds(
    part: str, declared: int, why: str, saved: Saved
) -> None:
    file = saved(archive_with(part, zeros(ENDLESS), declared=declared, checksum=0))

    refused = await refusal_of(file)

    assert refused.code == "unreadable"
    assert why in refused.detail.en


async def test_a_part_that_is_smaller_than_declared_is_refused(saved: Saved) -> None:
    file = saved(archive_with("xl/media/image1.png", zipped(b"abc"), declared=9, checksum=0))

    refused = await refusal_of(file)

    assert refused.code == "unreadable"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', "too_wide"),
        ('<row r="9"><c r="XFD9"><v>1</v></c></row>', "too_wide"),
        ('<row r="1048576"><c r="A1048576"><v>1</v></c></row>', "too_many_rows"),
        ('<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>', "unreadable"),
        ('<row r="9"><c r="A1048576"><v>1</v></c></row>', "unreadable"),
        ('<row r="2"><c r="A2"><v>1</v></c></row>', "unreadable"),
        ('<row r="9"><c r="B9"><v>1</v></c><c r="A9"><v>1</v></c></row>', "unreadable"),
        ('<row r="9"><c r="A9" t="s"><v>999999</v></c></row>', "unreadable"),
        ('<row r="9"><c r="A9"><v>1</v></row>', "unreadable"),
    ],
)
async def test_a_cell_that_would_take_the_whole_memory_is_refused_before_it_is_read(
    cells: str, code: str, saved: Saved
) -> None:
    file = saved(remade(workbook_of(SOUND), {SHEET: with_cells(cells)}))

    refused = await refusal_of(file)

    assert refused.code == code


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
LAUGHTER = f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>'


@pytest.mark.parametrize("kind", [LAUGHTER, "<!DOCTYPE x>"])
@pytest.mark.parametrize(
    "part", [SHEET, STRINGS, "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml"]
)
async def test_a_document_type_is_refused_wherever_it_stands(
    part: str, kind: str, saved: Saved
) -> None:
    def laughing(markup: str) -> str:
        return markup.replace("?>", f"?>{kind}", 1).replace(">uscc<", ">&l9;<")

    refused = await refusal_of(saved(remade(workbook_of(SOUND), {part: laughing})))

    assert refused.code == "forbidden_markup"


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("xl/vbaProject.bin", "macros"),
        ("XL/VBAPROJECT.BIN", "macros"),
        ("xl/macrosheets/sheet1.xml", "macros"),
        ("xl/activeX/activeX1.bin", "macros"),
        ("xl/externalLinks/externalLink1.xml", "external_links"),
        ("xl/connections.xml", "external_links"),
        ("../../etc/passwd", "unsafe_path"),
        ("/etc/passwd", "unsafe_path"),
        ("xl\\..\\evil", "unsafe_path"),
        ("C:/evil", "unsafe_path"),
        ("XL/workbook.xml", "unreadable"),
    ],
)
async def test_a_part_that_a_sheet_of_facts_has_no_use_for_is_refused(
    part: str, code: str, saved: Saved
) -> None:
    file = saved(remade(workbook_of(SOUND), {part: b"<x/>"}))

    refused = await refusal_of(file)

    assert refused.code == code


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"uscc,legal_name\n91520100000000013X,Example\n",
        b"%PDF-1.7\n%%EOF\n",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096),
        b"PK",
    ],
    ids=["empty", "csv", "pdf", "encrypted or xls", "two letters"],
)
async def test_what_is_no_workbook_is_told_so(content: bytes, saved: Saved) -> None:
    refused = await refusal_of(saved(content))

    assert refused.code == "not_xlsx"


async def test_another_kind_of_archive_is_no_workbook(saved: Saved) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")

    refused = await refusal_of(saved(file.getvalue()))

    assert refused.code == "not_xlsx"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
async def test_a_file_that_was_cut_short_is_refused(share: float, saved: Saved) -> None:
    whole = workbook_of(*(SOUND for _ in range(100)))

    refused = await refusal_of(saved(whole[: int(len(whole) * share)]))

    assert refused.code == "unreadable"


async def test_one_byte_that_has_changed_is_noticed(saved: Saved) -> None:
    whole = bytearray(remade(workbook_of(SOUND), {"xl/media/image1.png": os.urandom(1000)}))
    place = whole.rindex(b"xl/media/image1.png", 0, whole.index(b"PK\x01\x02")) + 500
    whole[place] ^= 1

    refused = await refusal_of(saved(bytes(whole)))

    assert refused.code == "unreadable"


async def test_an_archive_with_a_password_is_refused(saved: Saved) -> None:
    whole = workbook_of(SOUND)
    locked = re.sub(rb"(PK\x01\x02.{4})..", b"\\1\x01\x00", whole, flags=re.DOTALL)

    refused = await refusal_of(saved(locked))

    assert refused.code == "not_xlsx"
    assert "加密" in refused.detail.zh


async def test_one_long_text_that_many_cells_name_is_refused(saved: Saved) -> None:
    long = "长" * 30_000
    rows = [{**SOUND, "legal_name": long} for _ in range(1000)]

    refused = await refusal_of(saved(workbook_of(*rows)))

    assert refused.code == "too_large"


async def test_formulas_that_claim_the_whole_sheet_one_after_another_are_refused(
    saved: Saved,
) -> None:
    claiming = "".join(
        f'<row r="{row}"><c r="A{row}"><f t="array" ref="A1:KN11000">1</f></c></row>'
        for row in range(4, 1000)
    )
    file = saved(remade(workbook_of(SOUND), {SHEET: with_cells(claiming)}))

    refused = await refusal_of(file)

    assert refused.code == "too_large"


async def test_a_reader_that_wants_too_much_memory_is_only_a_file_that_cannot_be_read(
    saved: Saved,
) -> None:
    file = saved(workbook_of(SOUND))

    refused = await refusal_of(file, max_rows=5_000_000)

    assert refused.code == "unreadable"


async def test_a_reader_that_is_killed_is_only_a_file_that_cannot_be_read(saved: Saved) -> None:
    rows = [{**SOUND, "niche": "市" * 500} for _ in range(2000)]
    file = saved(workbook_of(*rows))

    async def read_and_kill() -> None:
        async with read_workbook(file) as workbook:
            async for row in workbook.rows():
                if row.number == 3:
                    (reader,) = readers()
                    reader.kill()

    with pytest.raises(WorkbookRefused) as refused:
        await read_and_kill()

    assert refused.value.code == "unreadable"
    assert readers() == []


async def test_leaving_early_ends_the_reader(saved: Saved) -> None:
    rows = [{**SOUND, "niche": "市" * 500} for _ in range(2000)]
    file = saved(workbook_of(*rows))

    async with read_workbook(file) as workbook:
        async for _ in workbook.rows():
            running = len(readers())
            break

    assert running == 1
    assert readers() == []


async def test_cancelling_ends_the_reader(tmp_path: Path) -> None:
    never = tmp_path / "never.xlsx"
    os.mkfifo(never)
    reading = asyncio.create_task(rows_of(never))
    while not readers():  # noqa: ASYNC110 - nobody tells when a process has begun
        await asyncio.sleep(0.01)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert readers() == []


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
