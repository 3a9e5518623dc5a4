"""Workbooks as a city's clerk fills them in, by the columns of the Guizhou plan."""

import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from io import BytesIO
from typing import Any

import xlsxwriter

from services.applications.template import division_name, label_of
from services.policy.catalogue import published_catalogue
from services.policy.facts import FactKind

GUIZHOU = published_catalogue().pack("guizhou/2021-05-06")
SHEET = "xl/worksheets/sheet1.xml"
Row = Mapping[str, Any]
Change = Callable[[str], str]


def workbook_of(
    *rows: Row,
    names: Iterable[str] | None = None,
    meta: Mapping[str, str] | None = None,
    formats: Mapping[str, str] | None = None,
) -> bytes:
    """Fill a sheet as the template lays it out; a value that begins with `=` is a formula."""
    columns = list(names or dict.fromkeys(name for row in rows for name in row))
    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_urls": False})
    sheet = book.add_worksheet("申报数据")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    of = {name: book.add_format({"num_format": code}) for name, code in (formats or {}).items()}
    for place, name in enumerate(columns):
        sheet.write_string(0, place, label_of(GUIZHOU, name).zh)
        sheet.write_string(1, place, name)
        for number, row in enumerate(rows, start=2):
            value = row.get(name)
            if isinstance(value, date):
                sheet.write_datetime(number, place, value, day)
            elif value is not None:
                sheet.write(number, place, value, of.get(name))
    sheet.set_row(1, None, None, {"hidden": True})
    if meta is not None:
        about = book.add_worksheet("meta")
        about.very_hidden()
        for number, pair in enumerate(meta.items()):
            about.write_row(number, 0, pair)
    book.close()
    return file.getvalue()


def written(facts: Row) -> Row:
    """Write facts as a clerk would: words for choices, days as dates, amounts as numbers."""
    cells: dict[str, Any] = {}
    for name, value in facts.items():
        fact = GUIZHOU.facts[name]
        match fact.kind:
            case FactKind.FLAG:
                cells[name] = "是" if value else "否"
            case FactKind.DAY:
                cells[name] = date.fromisoformat(value)
            case FactKind.AMOUNT:
                cells[name] = float(value)
            case FactKind.CHOICE:
                cells[name] = GUIZHOU.option_names[fact.options or ""][value].zh
            case FactKind.DIVISION:
                cells[name] = division_name(value)
            case FactKind.TEXTS:
                cells[name] = "；".join(value) or "无"
            case _:
                cells[name] = value
    return cells


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
