"""Reading a workbook: whatever a stranger sends, nobody is harmed, and nothing is dropped in silence."""

import asyncio
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from io import BytesIO
from pathlib import Path

import psutil
import pytest

from services.kernel.text import Text
from services.kernel.workbooks.workbook import (
    MOST_ROWS,
    OpenWorkbook,
    SheetRow,
    WorkbookRefused,
    read_workbook,
)
from tests.builders.enterprises import uscc_of
from tests.builders.workbooks import SHEET, remade, with_cells, workbook_of

STRINGS = "xl/sharedStrings.xml"


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


def opened(file: Path, max_rows: int = MOST_ROWS) -> AbstractAsyncContextManager[OpenWorkbook]:
    return read_workbook(file, needed=["uscc", "applying_division"], max_rows=max_rows)


async def rows_of(file: Path, max_rows: int = MOST_ROWS) -> list[SheetRow]:
    async with opened(file, max_rows) as workbook:
        return [row async for row in workbook.rows()]


async def refusal_of(file: Path, max_rows: int = MOST_ROWS) -> WorkbookRefused:
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
        or any("workbooks.reader" in word for word in child.cmdline())
    ]


# ---------------------------------------------------------------- what is read


async def test_rows_come_with_their_number_and_empty_ones_do_not(saved: Saved) -> None:
    file = saved(workbook_of(SOUND, {}, {"uscc": "  "}, {**SOUND, "uscc": uscc_of(2)}))

    async with opened(file) as workbook:
        numbers = [row.number async for row in workbook.rows()]

    assert workbook.total == 2
    assert numbers == [3, 6]


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


async def test_something_written_beside_the_named_columns_is_not_dropped_in_silence(
    saved: Saved,
) -> None:
    file = saved(workbook_of({**SOUND, "": "此企业请优先"}))

    refused = await refusal_of(file)

    assert refused.code == "unknown_column"
    assert "C3" in refused.detail.zh


async def test_a_column_that_nobody_knows_is_refused_by_name(saved: Saved) -> None:
    file = saved(workbook_of({**SOUND, "favourite_colour": "红"}))

    async with opened(file) as workbook:
        with pytest.raises(WorkbookRefused) as refused:
            workbook.require_columns(SOUND, of=Text("名单", "the list"))

    assert refused.value.code == "unknown_column"
    assert "C 列的列名 favourite_colour 不在名单中" in refused.value.detail.zh


async def test_a_template_for_something_else_is_refused(saved: Saved) -> None:
    file = saved(workbook_of(SOUND, meta={"format": "1", "kind": "recognitions"}))

    async with opened(file) as workbook:
        workbook.require(kind="recognitions")
        with pytest.raises(WorkbookRefused) as refused:
            workbook.require(format="1", kind="applications")

    assert refused.value.code == "other_template"


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
        async with opened(file) as workbook:
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

    async with opened(file) as workbook:
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
