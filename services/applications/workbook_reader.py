"""Read a workbook that a stranger made, in a process of its own that may die of it.

`python -m services.applications.workbook_reader PATH` limits itself, takes the archive apart
without trusting what it says of itself, and prints JSON lines: what the sheet is, then its rows.
A refusal is one line, `{"refused": code, "zh": ..., "en": ...}`. The library that reads the cells
sees only an archive that this module packed anew from the parts it looked through, so it can be
shown nothing else. Imports are few, because each import starts this process later.
"""

import argparse
import io
import json
import re
import resource
import stat
import struct
import sys
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn
from xml.parsers import expat

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

MOST_MEMORY: Final = 512 * 2**20
"""Of address space: ten thousand rows of the widest template take less than half of it."""
MOST_SECONDS: Final = 60
MOST_PARTS: Final = 500
LARGEST_DIRECTORY: Final = 2**20
LARGEST_CONTENT: Final = 128 * 2**20
"""Of all parts, unpacked. Ten thousand rows of the widest template are 30 MiB."""
STEEPEST_RATIO: Final = 250
"""Above this and `RATIO_COUNTS_FROM`, nobody typed it."""
RATIO_COUNTS_FROM: Final = 16 * 2**20
MOST_STRINGS: Final = 1_000_000
LARGEST_TEXTS: Final = 64 * 2**20
"""Of the shared strings, each counted as often as a cell names it."""
LONGEST_CELL: Final = 32_767
"""What Excel itself allows."""
LARGEST_ROW: Final = 2**18
"""Characters in one row: a reader of our lines holds one of them."""
MOST_COLUMNS: Final = 300
MOST_ROWS: Final = 10_000
BLANK_ROWS: Final = 1_000
"""How many rows may be left empty between those that are filled."""
HEADER_ROWS: Final = 5
"""The names of the columns stand in one of the first rows."""
META_SHEET: Final = "meta"
META_ROWS: Final = 50
NEEDED: Final = ("uscc", "applying_division")

BLOCK: Final = 64 * 2**10
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORKBOOK: Final = "xl/workbook.xml"
RELATIONSHIPS: Final = "xl/_rels/workbook.xml.rels"
STRINGS: Final = "xl/sharedStrings.xml"
STYLES: Final = "xl/styles.xml"
ALWAYS_READ: Final = ("[Content_Types].xml", "_rels/.rels", WORKBOOK, RELATIONSHIPS)

FORMULA, ERROR, PERCENT = 1, 2, 3

_NUMBER = re.compile(r"[0-9]{1,7}")
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_RANGE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6}):([A-Z]{1,3})([1-9][0-9]{0,6})")
_MACROS = re.compile(r"vbaproject|(^|/)(macrosheets|activex)/")
_EXTERNAL = re.compile(r"^xl/(externallinks/|querytables/|connections\.xml)")
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.')
_HOLDS_TEXT = frozenset({"v", "t"})
_LOCKED = 0x1 | 0x40 | 0x2000
_UTF8_NAME = 0x800
_PERCENT_FORMATS = frozenset({"9", "10"})

Line = dict[str, Any]
Cell = tuple[str, str]

_UNREAD: Final[Mapping[int, Cell]] = {FORMULA: ("formula", ""), ERROR: ("error", "")}
"""What is said of a cell in place of the value that was once computed for it."""


class Refused(Exception):
    """The workbook is not read."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


def refuse_damaged(why: str) -> NoReturn:
    raise Refused(
        "unreadable",
        "文件已损坏或结构异常，无法读取；请用 Excel 或 WPS 打开后另存为 .xlsx 再上传。",
        f"The file is damaged ({why}); open it in Excel, save it as .xlsx and upload it again.",
    )


def refuse_large() -> NoReturn:
    raise Refused(
        "too_large",
        f"文件展开后超过 {LARGEST_CONTENT // 2**20} MiB，或压缩比异常；请删除多余的工作表、图片和格式。",
        f"Unpacked it is above {LARGEST_CONTENT // 2**20} MiB, or packed too well to be typed;"
        " remove other sheets, pictures and formats.",
    )


# ---------------------------------------------------------------- the archive


class Archive:
    """The parts of an archive, each unpacked under our own count."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._parts = _parts_of(file)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    def names(self) -> Iterator[str]:
        """Yield the names in small letters, as this kind of archive compares them."""
        yield from self._parts

    def blocks(self, name: str) -> Iterator[bytes]:
        """Unpack one part. Refuses it as soon as it is not what the directory said."""
        part = self._parts[name.lower()]
        size, checksum = 0, 0
        for block in self._unpacked(part):
            size += len(block)
            if size > part.file_size:
                refuse_damaged("a part is larger than declared")
            checksum = zlib.crc32(block, checksum)
            yield block
        if size != part.file_size or checksum != part.CRC:
            refuse_damaged("a part is not what was declared")

    def _unpacked(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        packed = self._packed(part)
        if part.compress_type == zipfile.ZIP_STORED:
            yield from packed
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for block in packed:
                given = block
                while given and not inflate.eof:
                    yield inflate.decompress(given, BLOCK)
                    given = inflate.unconsumed_tail
            while not inflate.eof and (rest := inflate.decompress(b"", BLOCK)):
                yield rest
        except zlib.error:
            refuse_damaged("a part cannot be unpacked")
        if not inflate.eof:
            refuse_damaged("a part is cut short")

    def _packed(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        self._file.seek(part.header_offset)
        head = self._file.read(30)
        if len(head) < 30 or not head.startswith(b"PK\x03\x04"):  # noqa: PLR2004 - the header's size
            refuse_damaged("a part does not stand where the directory says")
        flags, method = struct.unpack("<HH", head[6:10])
        name_size, extra_size = struct.unpack("<HH", head[26:30])
        name = self._file.read(name_size)
        encoding = "utf-8" if part.flag_bits & _UTF8_NAME else "cp437"
        if name != part.orig_filename.encode(encoding) or method != part.compress_type:
            refuse_damaged("a part is called otherwise than in the directory")
        if flags & _LOCKED:
            refuse_locked()
        position = part.header_offset + 30 + name_size + extra_size
        left = part.compress_size
        while left > 0:
            # Another part may have been read in between.
            self._file.seek(position)
            block = self._file.read(min(BLOCK, left))
            if not block:
                refuse_damaged("the file is cut short")
            position += len(block)
            left -= len(block)
            yield block


def refuse_locked() -> NoReturn:
    raise Refused(
        "not_xlsx",
        "文件已加密，无法读取；请取消密码后另存为 .xlsx。",
        "The file is encrypted; save it as .xlsx without a password.",
    )


def _parts_of(file: BinaryIO) -> dict[str, zipfile.ZipInfo]:
    head = file.read(len(OLE))
    if head == OLE:
        raise Refused(
            "not_xlsx",
            "这是旧版 .xls 文件或已加密的文件；请取消密码，另存为 .xlsx 后上传。",
            "It is an old .xls or is encrypted; save it as .xlsx without a password.",
        )
    if not head.startswith(b"PK\x03\x04"):
        refuse_kind()
    packed_size = _refuse_large_directory(file)
    try:
        # The archive is never read through this object: it trusts the sizes that it is told.
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        refuse_damaged("it is no sound archive")
    if len(infos) > MOST_PARTS:
        refuse_large()
    parts: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        _refuse_part(info)
        name = info.orig_filename.lower()
        if name in parts:
            refuse_damaged("a part is there twice")
        if not name.endswith("/"):
            parts[name] = info
    content = sum(part.file_size for part in parts.values())
    if content > LARGEST_CONTENT or content > max(RATIO_COUNTS_FROM, STEEPEST_RATIO * packed_size):
        refuse_large()
    return parts


def refuse_kind() -> NoReturn:
    raise Refused(
        "not_xlsx",
        "不是 .xlsx 工作簿；请下载模板填写，保存为“Excel 工作簿（*.xlsx）”后上传。",
        "It is no .xlsx workbook; fill the template and save it as .xlsx.",
    )


def _refuse_large_directory(file: BinaryIO) -> int:
    """Refuse a directory that could not be held in memory; return the file's size."""
    size = file.seek(0, io.SEEK_END)
    tail_size = min(size, 2**16 + 42)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        refuse_damaged("its directory is missing")
    (directory_size,) = struct.unpack("<L", tail[end + 12 : end + 16])
    # A workbook below four gigabytes has no use for the second directory of Zip64.
    if directory_size > LARGEST_DIRECTORY or tail[max(0, end - 20) : end].startswith(b"PK\x06\x07"):
        refuse_large()
    file.seek(0)
    return size


def _refuse_part(info: zipfile.ZipInfo) -> None:
    name = info.orig_filename
    pieces = name.split("/")
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    if (
        "\x00" in name
        or "\\" in name
        or ":" in name
        or ".." in pieces
        or pieces[0] == ""
        or is_link
    ):
        raise Refused(
            "unsafe_path",
            "压缩包内含有不安全的路径；请用模板重新填写。",
            "A part of the archive has an unsafe path; fill the template anew.",
        )
    if info.flag_bits & _LOCKED:
        refuse_locked()
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        refuse_damaged("a part is packed in another way than Excel packs")


def look_through(archive: Archive) -> None:
    """Refuse what a sheet of facts has no use for, and unpack everything once under our count."""
    for name in archive.names():
        if _MACROS.search(name):
            refuse_macros()
        if _EXTERNAL.search(name):
            raise Refused(
                "external_links",
                "工作簿引用了其他文件或数据连接；请在“数据”中断开链接、删除连接后上传。",
                "It links to other files or data; break the links before you upload it.",
            )
    for name in archive.names():
        # Other folders hold parts of other programs, in encodings of theirs, that nobody reads.
        if name.endswith((".xml", ".rels")) and name.startswith(("xl/", "_rels/", "[content")):
            parse(archive.blocks(name))
            continue
        for _ in archive.blocks(name):
            pass
    if WORKBOOK not in archive:
        refuse_kind()


def refuse_macros() -> NoReturn:
    raise Refused(
        "macros",
        "工作簿含有宏或控件；请另存为不含宏的 .xlsx。",
        "It has macros or controls; save it as .xlsx without macros.",
    )


# ---------------------------------------------------------------- markup

Attributes = Mapping[str, str]


def parse(
    blocks: Iterable[bytes],
    *,
    on_start: Callable[[str, Attributes], None] | None = None,
    on_end: Callable[[str], None] | None = None,
    on_text: Callable[[str], None] | None = None,
) -> None:
    """Stream one part. A DOCTYPE is refused, and with it every entity of a stranger's."""
    # The encoding is set, so that no declaration makes us read otherwise than the library does.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    if on_start is not None:
        parser.StartElementHandler = on_start
    if on_end is not None:
        parser.EndElementHandler = on_end
    if on_text is not None:
        parser.CharacterDataHandler = on_text
    try:
        for block in blocks:
            parser.Parse(block, False)
        parser.Parse(b"", True)
    except expat.ExpatError:
        refuse_damaged("its markup is not well formed")


def _refuse_doctype(*_: object) -> NoReturn:
    raise Refused(
        "forbidden_markup",
        "文件内含有 DOCTYPE 或实体定义，不予读取；请用模板重新填写。",
        "It declares a document type or entities, which are not read; fill the template anew.",
    )


@lru_cache(maxsize=1024)
def local(name: str) -> str:
    """Return a name without its prefix, as the library reads it."""
    return name.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class SheetEntry:
    name: str
    is_visible: bool
    part: str


def sheets_of(archive: Archive) -> list[SheetEntry]:
    """Return the worksheets in the order of their tabs."""
    targets: dict[str, str] = {}
    listed: list[tuple[str, bool, str]] = []

    def on_relationship(name: str, attributes: Attributes) -> None:
        if local(name) != "Relationship":
            return
        if attributes.get("TargetMode", "").lower() == "external":
            refuse_damaged("the workbook stands elsewhere")
        if attributes.get("Type", "").endswith("/worksheet"):
            targets[attributes.get("Id", "")] = _part_named(attributes.get("Target", ""))

    def on_sheet(name: str, attributes: Attributes) -> None:
        if local(name) != "sheet":
            return
        found = {local(key): value for key, value in attributes.items()}
        is_visible = found.get("state", "visible") == "visible"
        listed.append((found.get("name", ""), is_visible, found.get("id", "")))

    if RELATIONSHIPS not in archive:
        refuse_damaged("it does not say where its sheets are")
    parse(archive.blocks(RELATIONSHIPS), on_start=on_relationship)
    parse(archive.blocks(WORKBOOK), on_start=on_sheet)
    entries = [
        SheetEntry(name, is_visible, targets[identifier])
        for name, is_visible, identifier in listed
        if identifier in targets and targets[identifier] in archive
    ]
    if len({entry.name for entry in entries}) != len(entries):
        refuse_damaged("two sheets have one name")
    return entries


def _part_named(target: str) -> str:
    if target.startswith("/"):
        return target[1:]
    return target if target.startswith("xl/") else f"xl/{target}"


@dataclass(frozen=True, slots=True)
class Strings:
    sizes: "array[int]"
    """Of each shared string, in bytes of UTF-8."""
    markers: frozenset[int]
    """Those that read `uscc`: the name that the row of names is known by."""


def strings_of(archive: Archive) -> Strings:
    """Measure the shared strings without keeping them."""
    sizes = array("L")
    markers: set[int] = set()
    open_tags: list[str] = []
    pieces: list[str] = []

    def on_start(name: str, _attributes: Attributes) -> None:
        tag = local(name)
        open_tags.append(tag)
        if tag == "si":
            pieces.clear()
            if len(sizes) >= MOST_STRINGS:
                refuse_large()

    def on_end(_name: str) -> None:
        if open_tags.pop() != "si":
            return
        text = "".join(pieces)
        if text.strip() == NEEDED[0]:
            markers.add(len(sizes))
        sizes.append(len(text.encode()))

    def on_text(text: str) -> None:
        if open_tags[-1] == "t" and "rPh" not in open_tags:
            pieces.append(text)

    if STRINGS in archive:
        parse(archive.blocks(STRINGS), on_start=on_start, on_end=on_end, on_text=on_text)
    return Strings(sizes, frozenset(markers))


def percent_styles_of(archive: Archive) -> frozenset[str]:
    """Return the numbers of the cell styles that show a number as a percentage.

    Excel keeps 12.5% as 0.125 and tells the two apart by the cell's style alone.
    """
    formats: dict[str, str] = {}
    styles: list[str] = []
    open_tags: list[str] = []

    def on_start(name: str, attributes: Attributes) -> None:
        tag = local(name)
        if tag == "numFmt":
            formats[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        if tag == "xf" and open_tags and open_tags[-1] == "cellXfs":
            styles.append(attributes.get("numFmtId", "0"))
        open_tags.append(tag)

    def on_end(_name: str) -> None:
        open_tags.pop()

    if STYLES in archive:
        parse(archive.blocks(STYLES), on_start=on_start, on_end=on_end)

    def is_percent(identifier: str) -> bool:
        if identifier in formats:
            return "%" in _QUOTED.sub("", formats[identifier])
        return identifier in _PERCENT_FORMATS

    return frozenset(str(place) for place, used in enumerate(styles) if is_percent(used))


# ---------------------------------------------------------------- one sheet


class Marks:
    """What a cell is besides its value, for each cell of the grid that may be filled."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._filled = 0
        self._marks = bytearray((rows + 1) * (MOST_COLUMNS + 1))

    def put(self, row: int, column: int, mark: int) -> None:
        self._marks[row * (MOST_COLUMNS + 1) + column] = mark

    def put_formulas(self, reference: str) -> None:
        """Mark the cells that one formula fills: only its first cell names it."""
        match = _RANGE.fullmatch(reference)
        if match is None:
            return
        first, last = column_number(match[1]), min(column_number(match[3]), MOST_COLUMNS)
        width = max(0, last + 1 - first)
        for row in range(int(match[2]), min(int(match[4]), self._rows) + 1):
            start = row * (MOST_COLUMNS + 1) + first
            self._marks[start : start + width] = bytes([FORMULA]) * width
            # One formula fills a cell, so all of them together fill no more than there are.
            self._filled += width
            if self._filled > len(self._marks):
                refuse_large()

    def of(self, row: int, column: int) -> int:
        return self._marks[row * (MOST_COLUMNS + 1) + column]


class _NoHeader(Exception):
    """The first rows do not name the columns."""


class Inspection:
    """Streams a sheet: where its cells are, and which of them hold formulas and errors."""

    def __init__(
        self, strings: Strings, percents: frozenset[str], *, rows: int, needs_header: bool
    ) -> None:
        self.marks = Marks(rows)
        self._strings = strings
        self._percents = percents
        self._last_row = rows
        self._lacks_header = needs_header
        self._is_in_data = False
        self._row = 0
        self._column = 0
        self._type = "n"
        self._style = ""
        self._value: list[str] | None = None
        self._texts = 0

    def inspect(self, blocks: Iterable[bytes]) -> bool:
        """Look through the sheet; return whether its first rows name the columns."""
        try:
            parse(blocks, on_start=self._start, on_end=self._end, on_text=self._text)
        except _NoHeader:
            return False
        return not self._lacks_header

    def _start(self, name: str, attributes: Attributes) -> None:
        tag = local(name)
        if not self._is_in_data:
            self._is_in_data = tag == "sheetData"
            return
        # A sheet has a million of these, the most frequent first.
        if tag == "c":
            self._begin_cell(attributes)
        elif tag == "v":
            self._fill()
            self._value = []
        elif tag == "row":
            self._begin_row(attributes)
        elif tag == "is":
            self._fill()
        elif tag == "t" and self._type == "inlineStr":
            self._value = []
        elif tag == "f":
            self._fill()
            self.marks.put(self._row, self._column, FORMULA)
            self.marks.put_formulas(attributes.get("ref", ""))

    def _end(self, name: str) -> None:
        tag = local(name)
        if tag == "sheetData":
            self._is_in_data = False
        if self._value is None or tag not in _HOLDS_TEXT:
            return
        text, self._value = "".join(self._value), None
        if self._type == "s":
            self._count_string(text.strip())
        elif self._lacks_header and text.strip() == NEEDED[0]:
            self._lacks_header = False

    def _text(self, text: str) -> None:
        if self._value is not None:
            self._value.append(text)

    def _count_string(self, place: str) -> None:
        if not _NUMBER.fullmatch(place) or int(place) >= len(self._strings.sizes):
            refuse_damaged("a cell names a text that is not there")
        self._texts += self._strings.sizes[int(place)]
        if self._texts > LARGEST_TEXTS:
            refuse_large()
        if int(place) in self._strings.markers:
            self._lacks_header = False

    def _begin_row(self, attributes: Attributes) -> None:
        given = attributes.get("r")
        if given is not None and not (_NUMBER.fullmatch(given) and int(given) > self._row):
            refuse_damaged("its rows are not in order")
        self._row = self._row + 1 if given is None else int(given)
        self._column = 0
        if self._lacks_header and self._row > HEADER_ROWS:
            raise _NoHeader

    def _begin_cell(self, attributes: Attributes) -> None:
        reference = attributes.get("r")
        column = self._column + 1
        if reference is not None:
            match = _REFERENCE.fullmatch(reference)
            if match is None or int(match[2]) != self._row:
                refuse_damaged("a cell is not where it says")
            column = column_number(match[1])
            if column <= self._column:
                refuse_damaged("its cells are not in order")
        self._column = column
        self._type = attributes.get("t", "n")
        self._style = attributes.get("s", "")

    def _fill(self) -> None:
        """Note that the cell is not empty: formatting alone takes no place."""
        if self._column > MOST_COLUMNS:
            raise Refused(
                "too_wide",
                f"第 {self._row} 行在第 {MOST_COLUMNS} 列之后还有内容；请删除模板以外的列。",
                f"Row {self._row} has something beyond column {MOST_COLUMNS}; delete it.",
            )
        if self._row > self._last_row:
            raise Refused(
                "too_many_rows",
                f"第 {self._last_row} 行之后还有内容；请删除多余的行，或分批上传。",
                f"There is something below row {self._last_row}; delete it, or upload in parts.",
            )
        if self.marks.of(self._row, self._column) == FORMULA:
            return
        if self._type == "e":
            self.marks.put(self._row, self._column, ERROR)
        elif self._type == "n" and self._style in self._percents:
            self.marks.put(self._row, self._column, PERCENT)


@lru_cache(maxsize=1024)
def column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def column_letters(number: int) -> str:
    letters = ""
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters


# ---------------------------------------------------------------- the whole


@dataclass(frozen=True, slots=True)
class DataSheet:
    sheet: CalamineSheet
    marks: Marks
    meta: dict[str, str]


def open_sheet(file: BinaryIO, *, max_rows: int) -> DataSheet:
    """Find the sheet of facts and open it with the library, once everything was looked through."""
    archive = Archive(file)
    look_through(archive)
    strings, percents = strings_of(archive), percent_styles_of(archive)
    entries = sheets_of(archive)
    chosen, marks = _data_sheet(archive, entries, strings, percents, max_rows=max_rows)
    about = [one for one in entries if one.name == META_SHEET and one is not chosen]
    for entry in about:
        inspection = Inspection(strings, percents, rows=META_ROWS, needs_header=False)
        inspection.inspect(archive.blocks(entry.part))
    parts = [entry.part for entry in (chosen, *about)]
    workbook = CalamineWorkbook.from_filelike(repacked(archive, parts))
    meta = _meta(workbook.get_sheet_by_name(META_SHEET)) if about else {}
    return DataSheet(workbook.get_sheet_by_name(chosen.name), marks, meta)


def _data_sheet(
    archive: Archive,
    entries: list[SheetEntry],
    strings: Strings,
    percents: frozenset[str],
    *,
    max_rows: int,
) -> tuple[SheetEntry, Marks]:
    """Return the first visible sheet whose first rows name the columns."""
    for entry in entries:
        if not entry.is_visible:
            continue
        inspection = Inspection(
            strings, percents, rows=HEADER_ROWS + max_rows + BLANK_ROWS, needs_header=True
        )
        if inspection.inspect(archive.blocks(entry.part)):
            return entry, inspection.marks
    raise missing_column(NEEDED[0])


def repacked(archive: Archive, sheets: list[str]) -> BinaryIO:
    """Pack the parts that are read into an archive of our own."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as fresh:
        for name in (*ALWAYS_READ, STYLES, STRINGS, *sheets):
            if name in archive:
                with fresh.open(name, "w") as part:
                    for block in archive.blocks(name):
                        part.write(block)
    packed.seek(0)
    return packed


def _meta(sheet: CalamineSheet) -> dict[str, str]:
    pairs = (row[:2] for row in sheet.iter_rows())
    return {
        pair[0]: pair[1]
        for pair in pairs
        if len(pair) > 1 and isinstance(pair[0], str) and isinstance(pair[1], str) and pair[1]
    }


def missing_column(name: str) -> Refused:
    return Refused(
        "missing_column",
        f"没有找到名为 {name} 的列；请使用下载的模板，并保留隐藏的第 2 行。",
        f"There is no column {name}; use the template and leave its hidden second row alone.",
    )


def columns_of(names: list[Any]) -> dict[str, int]:
    """Return the place of each column by its name."""
    columns: dict[str, int] = {}
    for place, given in enumerate(names):
        name = given.strip() if isinstance(given, str) else str(given)
        if not name:
            continue
        if name in columns:
            raise Refused(
                "repeated_column",
                f"列 {name} 出现了两次（{column_letters(columns[name] + 1)} 列和"
                f" {column_letters(place + 1)} 列）；请删除一列。",
                f"The column {name} is there twice; delete one of them.",
            )
        columns[name] = place
    for name in NEEDED:
        if name not in columns:
            raise missing_column(name)
    return columns


def lines_of(data: DataSheet, *, max_rows: int) -> Iterator[Line]:
    """Yield what the sheet is, then its rows. Everything is refused before the first line."""
    header_row, columns = _header(data.sheet)
    count = _refuse_rows(data, header_row, columns, max_rows=max_rows)
    yield {
        "sheet": data.sheet.name,
        "meta": data.meta,
        "rows": count,
        "columns": {name: column_letters(place + 1) for name, place in columns.items()},
    }
    for number, values in enumerate(data.sheet.iter_rows(), start=1):
        if number > header_row:
            cells = _cells(data.marks, number, values, columns)
            if cells:
                yield {"row": number, "cells": cells}


def _header(sheet: CalamineSheet) -> tuple[int, dict[str, int]]:
    for number, values in enumerate(sheet.iter_rows(), start=1):
        if number > HEADER_ROWS:
            break
        if any(isinstance(value, str) and value.strip() == NEEDED[0] for value in values):
            return number, columns_of(values)
    raise missing_column(NEEDED[0])


def _refuse_rows(
    data: DataSheet, header_row: int, columns: dict[str, int], *, max_rows: int
) -> int:
    """Refuse too many rows, or a cell that belongs to no column; return how many rows there are."""
    named = set(columns.values())
    count = 0
    for number, values in enumerate(data.sheet.iter_rows(), start=1):
        if number <= header_row:
            continue
        size = 0
        for place, value in enumerate(values):
            if not isinstance(value, str):
                is_filled = True
            else:
                is_filled = bool(value.strip()) or data.marks.of(number, place + 1) > 0
                size += len(value)
                if len(value) > LONGEST_CELL or size > LARGEST_ROW:
                    refuse_large()
            if is_filled and place not in named:
                letters = column_letters(place + 1)
                raise Refused(
                    "unknown_column",
                    f"{letters} 列没有列名，但 {letters}{number} 有内容；请删除模板以外的列。",
                    f"Column {letters} has no name, but {letters}{number} is filled; delete it.",
                )
        count += bool(_cells(data.marks, number, values, columns))
    if count > max_rows:
        raise Refused(
            "too_many_rows",
            f"共 {count} 行，一次最多 {max_rows} 行；请分批上传。",
            f"It has {count} rows; {max_rows} at most are taken at a time, so upload in parts.",
        )
    return count


def _cells(
    marks: Marks, number: int, values: list[Any], columns: dict[str, int]
) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for name, place in columns.items():
        if place < len(values):
            cell = _cell(values[place], marks.of(number, place + 1))
            if cell is not None:
                cells[name] = cell
    return cells


def _cell(value: object, mark: int) -> Cell | None:
    """Return a cell's kind and its value, spelled so that nothing is lost; None when it is empty."""
    if mark in _UNREAD:
        return _UNREAD[mark]
    cell: Cell | None
    match value:
        case str():
            cell = ("text", value) if value.strip() else None
        case bool():
            cell = ("flag", "true" if value else "false")
        case int() | float():
            cell = ("percent" if mark == PERCENT else "number", repr(value))
        case datetime() if value.time() != time.min:
            cell = ("moment", value.isoformat(sep=" ", timespec="seconds"))
        case date():
            cell = ("day", value.isoformat()[:10])
        case _:
            cell = ("time", str(value))
    return cell


def limit_this_process() -> None:
    """Take less of the machine than the service that waits could spare."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))


def main() -> None:
    limit_this_process()
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--max-rows", type=int, default=MOST_ROWS)
    asked = parser.parse_args()
    try:
        with asked.path.open("rb") as file:
            data = open_sheet(file, max_rows=asked.max_rows)
            for line in lines_of(data, max_rows=asked.max_rows):
                _print(line)
    except Refused as refusal:
        _print({"refused": refusal.code, "zh": refusal.zh, "en": refusal.en})
    except (CalamineError, MemoryError):
        _print(
            {
                "refused": "unreadable",
                "zh": "文件无法读取；请用 Excel 或 WPS 打开后另存为 .xlsx 再上传。",
                "en": "It cannot be read; open it in Excel, save it as .xlsx and upload it again.",
            }
        )
    sys.stdout.buffer.flush()


def _print(line: Line) -> None:
    sys.stdout.buffer.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode())
    sys.stdout.buffer.write(b"\n")


if __name__ == "__main__":
    main()
