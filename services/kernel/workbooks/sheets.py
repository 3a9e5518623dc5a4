"""The sheets of a workbook, looked through cell by cell before any library reads them.

What is found is where the sheets are, how long their texts are, and which cells hold a formula, an
error or a percentage. A cell far away from the others is refused, because a reader would make room for
everything in between.
"""

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from services.kernel.workbooks.archive import (
    WORKBOOK,
    Archive,
    Attributes,
    Refused,
    local,
    parse,
    refuse_damaged,
    refuse_large,
)

MOST_STRINGS: Final = 1_000_000
LARGEST_TEXTS: Final = 64 * 2**20
"""Of the shared strings, each counted as often as a cell names it."""
MOST_COLUMNS: Final = 300
HEADER_ROWS: Final = 5
"""The names of the columns stand in one of the first rows."""
RELATIONSHIPS: Final = "xl/_rels/workbook.xml.rels"
STRINGS: Final = "xl/sharedStrings.xml"
STYLES: Final = "xl/styles.xml"
FORMULA, ERROR, PERCENT = 1, 2, 3
_NUMBER = re.compile(r"[0-9]{1,7}")
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_RANGE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6}):([A-Z]{1,3})([1-9][0-9]{0,6})")
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.')
_HOLDS_TEXT = frozenset({"v", "t"})
_PERCENT_FORMATS = frozenset({"9", "10"})


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
    """Those that read as the name by which the row of names is known."""


def strings_of(archive: Archive, marker: str) -> Strings:
    """Measure the shared strings without keeping them. `marker` names the first needed column."""
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
        if text.strip() == marker:
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
        self, strings: Strings, percents: frozenset[str], *, rows: int, marker: str | None
    ) -> None:
        """`marker` is looked for in the first rows; None looks for no header."""
        self.marks = Marks(rows)
        self._strings = strings
        self._percents = percents
        self._last_row = rows
        self._marker = marker
        self._lacks_header = marker is not None
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
        elif self._lacks_header and text.strip() == self._marker:
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
