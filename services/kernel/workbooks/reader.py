"""Read a workbook that a stranger made, in a process of its own that may die of it.

`python -m services.kernel.workbooks.reader PATH` limits itself, takes the archive apart
without trusting what it says of itself, and prints JSON lines: what the sheet is, then its rows.
A refusal is one line, `{"refused": code, "zh": ..., "en": ...}`. The library that reads the cells
sees only an archive that this module packed anew from the parts it looked through, so it can be
shown nothing else. Imports are few, because each import starts this process later.
"""

import argparse
import io
import json
import resource
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, BinaryIO, Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from services.kernel.workbooks.archive import (
    WORKBOOK,
    Archive,
    Refused,
    look_through,
    refuse_large,
)
from services.kernel.workbooks.sheets import (
    ERROR,
    FORMULA,
    HEADER_ROWS,
    PERCENT,
    RELATIONSHIPS,
    STRINGS,
    STYLES,
    Inspection,
    Marks,
    SheetEntry,
    Strings,
    column_letters,
    percent_styles_of,
    sheets_of,
    strings_of,
)

MOST_MEMORY: Final = 512 * 2**20
"""Of address space: ten thousand rows of the widest template take less than half of it."""
MOST_SECONDS: Final = 60
LONGEST_CELL: Final = 32_767
"""What Excel itself allows."""
LARGEST_ROW: Final = 2**18
"""Characters in one row: a reader of our lines holds one of them."""
BLANK_ROWS: Final = 1_000
"""How many rows may be left empty between those that are filled."""
META_SHEET: Final = "meta"
META_ROWS: Final = 50
ALWAYS_READ: Final = ("[Content_Types].xml", "_rels/.rels", WORKBOOK, RELATIONSHIPS)
Line = dict[str, Any]
Cell = tuple[str, str]
_UNREAD: Final[Mapping[int, Cell]] = {FORMULA: ("formula", ""), ERROR: ("error", "")}
"""What is said of a cell in place of the value that was once computed for it."""


@dataclass(frozen=True, slots=True)
class DataSheet:
    sheet: CalamineSheet
    marks: Marks
    meta: dict[str, str]
    needed: Sequence[str]
    """The columns that have to be there; the first one is how the row of names is known."""


def open_sheet(file: BinaryIO, *, needed: Sequence[str], max_rows: int) -> DataSheet:
    """Find the sheet of data and open it with the library, once everything was looked through."""
    archive = Archive(file)
    look_through(archive)
    strings, percents = strings_of(archive, needed[0]), percent_styles_of(archive)
    entries = sheets_of(archive)
    chosen, marks = _data_sheet(
        archive, entries, strings, percents, marker=needed[0], max_rows=max_rows
    )
    about = [one for one in entries if one.name == META_SHEET and one is not chosen]
    for entry in about:
        inspection = Inspection(strings, percents, rows=META_ROWS, marker=None)
        inspection.inspect(archive.blocks(entry.part))
    parts = [entry.part for entry in (chosen, *about)]
    workbook = CalamineWorkbook.from_filelike(repacked(archive, parts))
    meta = _meta(workbook.get_sheet_by_name(META_SHEET)) if about else {}
    return DataSheet(workbook.get_sheet_by_name(chosen.name), marks, meta, needed)


def _data_sheet(
    archive: Archive,
    entries: list[SheetEntry],
    strings: Strings,
    percents: frozenset[str],
    *,
    marker: str,
    max_rows: int,
) -> tuple[SheetEntry, Marks]:
    """Return the first visible sheet whose first rows name the columns."""
    for entry in entries:
        if not entry.is_visible:
            continue
        inspection = Inspection(
            strings, percents, rows=HEADER_ROWS + max_rows + BLANK_ROWS, marker=marker
        )
        if inspection.inspect(archive.blocks(entry.part)):
            return entry, inspection.marks
    raise missing_column(marker)


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


def columns_of(names: list[Any], needed: Sequence[str]) -> dict[str, int]:
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
    for name in needed:
        if name not in columns:
            raise missing_column(name)
    return columns


def lines_of(data: DataSheet, *, max_rows: int) -> Iterator[Line]:
    """Yield what the sheet is, then its rows. Everything is refused before the first line."""
    header_row, columns = _header(data.sheet, data.needed)
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


def _header(sheet: CalamineSheet, needed: Sequence[str]) -> tuple[int, dict[str, int]]:
    for number, values in enumerate(sheet.iter_rows(), start=1):
        if number > HEADER_ROWS:
            break
        if any(isinstance(value, str) and value.strip() == needed[0] for value in values):
            return number, columns_of(values, needed)
    raise missing_column(needed[0])


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
    parser.add_argument("--max-rows", type=int, required=True)
    parser.add_argument("--needs", nargs="+", required=True)
    asked = parser.parse_args()
    try:
        with asked.path.open("rb") as file:
            data = open_sheet(file, needed=asked.needs, max_rows=asked.max_rows)
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
