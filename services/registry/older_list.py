"""An older list of recognised enterprises: the workbook to fill in, and how one of its rows is read."""

import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from services.kernel.text import Text
from services.kernel.workbooks.cells import (
    CodeList,
    Unreadable,
    credit_code_of,
    day_of,
    refuse_cell,
    text_of,
)
from services.kernel.workbooks.workbook import (
    MOST_ROWS,
    CellProblem,
    OpenWorkbook,
    SheetCell,
    SheetColumn,
    SheetRow,
    read_workbook,
)
from services.policy import credit_code
from services.policy.catalogue import Catalogue
from services.policy.credit_code import CreditCodeInvalid
from services.policy.divisions import divisions

FORMAT: Final = "1"
"""Of the workbook: another number once a reader of this one would misread it."""
KIND: Final = "recognitions"
DATA_SHEET: Final = "历史名单"
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
LONGEST_NAME, LONGEST_CERTIFICATE, LONGEST_DOCUMENT = 200, 60, 80
FORMS = (".pdf", ".svg")
FILE_NAME: Final = "recognition-template.xlsx"


@dataclass(frozen=True, slots=True)
class Column:
    label: Text
    how: Text
    is_needed: bool
    width: int = 18
    number_format: str = "@"
    options: str | None = None
    """Which list of the workbook its cells are chosen from."""


_DAY_FORMAT = "yyyy-mm-dd"
COLUMNS: Final[Mapping[str, Column]] = {
    "uscc": Column(
        Text("统一社会信用代码", "Unified social credit code"),
        Text(
            "营业执照上的 18 位代码，按文本填写。",
            "The 18 characters on the business licence, as a text.",
        ),
        is_needed=True,
        width=24,
    ),
    "legal_name": Column(
        Text("企业名称", "Legal name"),
        Text("认定时的全称。", "The full name at the time."),
        is_needed=True,
        width=34,
    ),
    "title": Column(
        Text("称号", "Title"),
        Text("从列表中选择，或填称号代码。", "One of the list, or its code."),
        is_needed=True,
        width=30,
        options="titles",
    ),
    "certificate_number": Column(
        Text("证书编号", "Certificate number"),
        Text(
            "按文本填写；留空则由名录编号。", "As a text; left empty, the registry gives a number."
        ),
        is_needed=False,
        width=24,
    ),
    "valid_from": Column(
        Text("有效期起", "Valid from"),
        Text("第一个有效日，如 2022-11-08。", "The first valid day, such as 2022-11-08."),
        is_needed=True,
        width=14,
        number_format=_DAY_FORMAT,
    ),
    "valid_until": Column(
        Text("有效期止", "Valid until"),
        Text(
            "最后一个有效日；留空则按起始日施行的政策包计算。",
            "The last valid day; left empty, the pack in force on the first day says it.",
        ),
        is_needed=False,
        width=14,
        number_format=_DAY_FORMAT,
    ),
    "document_number": Column(
        Text("认定文号", "Document number"),
        Text("公布认定的文号。", "The number of the document that recognised it."),
        is_needed=True,
        width=28,
    ),
    "decided_on": Column(
        Text("认定日期", "Decided on"),
        Text("留空则与有效期起相同。", "Left empty, it is the first valid day."),
        is_needed=False,
        width=14,
        number_format=_DAY_FORMAT,
    ),
    "division": Column(
        Text("所属地", "Division"),
        Text(
            "从列表中选择，或填六位行政区划代码。", "One of the list, or its six-digit code alone."
        ),
        is_needed=True,
        width=22,
        options="divisions",
    ),
    "focus_field": Column(
        Text("重点领域", "Focus field"),
        Text("选填，从列表中选择。", "Optional; one of the list."),
        is_needed=False,
        width=26,
        options="focus_fields",
    ),
}
"""In the order of the template; a row names its cells by these."""
NEEDED: Final = tuple(name for name, column in COLUMNS.items() if column.is_needed)


@dataclass(frozen=True, slots=True)
class Lists:
    """What a title, a division and a field may be: code and name of each."""

    titles: tuple[tuple[str, str], ...]
    divisions: tuple[tuple[str, str], ...]
    focus_fields: tuple[tuple[str, str], ...]

    @property
    def by_name(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        return {
            "titles": self.titles,
            "divisions": self.divisions,
            "focus_fields": self.focus_fields,
        }


@lru_cache
def lists_of(catalogue: Catalogue) -> Lists:
    """Return what all packs name: an older list is of a time when another one may have been in force."""
    titles = {
        (title.id, title.name.zh)
        for pack in catalogue.packs()
        for title in pack.titles
        # A city's library has neither terms nor certificates.
        if title.conferred_by != "city"
    }
    fields = {
        (option, name.zh)
        for pack in catalogue.packs()
        if "focus_field" in pack.facts
        for option, name in pack.option_names[pack.facts["focus_field"].options or ""].items()
    }
    return Lists(
        titles=tuple(sorted(titles)),
        divisions=tuple((one.code, one.name) for one in divisions().values()),
        focus_fields=tuple(sorted(fields)),
    )


# ---------------------------------------------------------------- reading it


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderRow:
    """One row as it stands; what is None was left empty, or is among the problems."""

    number: int
    uscc: str | None
    legal_name: str | None
    title: str | None
    certificate_number: str | None
    valid_from: date | None
    valid_until: date | None
    document_number: str | None
    decided_on: date | None
    division: str | None
    focus_field: str | None
    problems: tuple[CellProblem, ...]
    columns: Mapping[str, SheetColumn]
    """Every column of the sheet, filled here or not."""

    def problem(self, name: str, code: str, detail: Text) -> CellProblem:
        """Return what is wrong with the cell of a column; with the whole row for no name."""
        column = self.columns.get(name)
        return CellProblem(
            row=self.number,
            column="" if column is None else column.letter,
            name=name,
            label="" if column is None else column.label,
            code=code,
            detail=detail,
        )


@asynccontextmanager
async def read_list(path: Path) -> AsyncIterator[OpenWorkbook]:
    """Open a workbook with an older list. Raises `WorkbookRefused`."""
    async with read_workbook(path, needed=NEEDED) as workbook:
        workbook.require(kind=KIND)
        workbook.require_columns(COLUMNS, of=Text("历史名单的各列", "the columns of an older list"))
        yield workbook


def read_row(row: SheetRow, lists: Lists) -> OlderRow:
    """Read a row. What cannot be read is named; nothing is guessed or dropped."""
    columns = row.columns.under(KIND, lambda name: COLUMNS[name].label.zh)
    readers = _readers(lists)
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    problems: list[CellProblem] = []
    filled = {cell.name: cell for cell in row.cells}
    for name, column in COLUMNS.items():
        cell = filled.get(name)
        try:
            if cell is not None:
                refuse_cell(cell)
                found[name] = readers[name](cell)
            elif column.is_needed:
                raise _MISSING
        except Unreadable as unreadable:
            place = columns.get(name)
            problems.append(
                CellProblem(
                    row=row.number,
                    column="" if place is None else place.letter,
                    name=name,
                    label=column.label.zh,
                    code=unreadable.code,
                    detail=unreadable.detail,
                )
            )
    return OlderRow(number=row.number, problems=tuple(problems), columns=columns, **found)


_MISSING = Unreadable("missing", "缺少必填项。", "It is required.")


@lru_cache
def _readers(lists: Lists) -> Mapping[str, Callable[[SheetCell], object]]:
    return {
        "uscc": _uscc,
        "legal_name": _no_longer_than(LONGEST_NAME, text_of),
        "title": _one_of(lists.titles, "unknown_title"),
        "certificate_number": _no_longer_than(LONGEST_CERTIFICATE, _certificate),
        "valid_from": _day,
        "valid_until": _day,
        "document_number": _no_longer_than(LONGEST_DOCUMENT, _numbered),
        "decided_on": _day,
        "division": _one_of(lists.divisions, "unknown_division"),
        "focus_field": _one_of(lists.focus_fields, "unknown_focus_field"),
    }


def _uscc(cell: SheetCell) -> str:
    try:
        return credit_code.parse(credit_code_of(cell)).value
    except CreditCodeInvalid as invalid:
        raise Unreadable(invalid.code, invalid.detail.zh, invalid.detail.en) from invalid


def _numbered(cell: SheetCell) -> str:
    """Return a certificate's or document's number; as a number cell it may have lost a leading 0."""
    if cell.kind == "number":
        raise Unreadable(
            "code_as_number",
            "编号被 Excel 存成了数字，前面的 0 可能已丢失；请把单元格格式设为“文本”后重新键入。",
            "Excel keeps it as a number and may have dropped a leading 0; format the cell as text"
            " and type it anew.",
        )
    return text_of(cell)


def _certificate(cell: SheetCell) -> str:
    """Return a certificate's number, under which its page has an address of its own."""
    number = _numbered(cell)
    if not number.isprintable():
        raise Unreadable(
            "unprintable_character",
            "编号含有换行、制表符或不可见字符；请删除后重新键入。",
            "It has a line break, a tab or a character that is not seen; type it anew.",
        )
    if number.endswith(FORMS) or set(number.split("/")) & {".", ".."}:
        raise Unreadable(
            "no_address",
            "编号不得以 .pdf 或 .svg 结尾，也不得为“.”或“..”：这样的证书没有核验网址。",
            "It does not end in .pdf or .svg and is no dot: such a certificate would have no address.",
        )
    return number


def _day(cell: SheetCell) -> date:
    day = date.fromisoformat(day_of(cell))
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Unreadable(
            "day_out_of_range",
            f"应为 {FIRST_DAY} 至 {LAST_DAY} 之间的日期。",
            f"It is a day from {FIRST_DAY} to {LAST_DAY}.",
        )
    return day


def _no_longer_than(most: int, read: Callable[[SheetCell], str]) -> Callable[[SheetCell], str]:
    def read_short(cell: SheetCell) -> str:
        text = read(cell)
        if len(text) > most:
            raise Unreadable("too_long", f"最多 {most} 字。", f"It has {most} characters at most.")
        return text

    return read_short


def _one_of(entries: tuple[tuple[str, str], ...], unknown: str) -> Callable[[SheetCell], str]:
    codes = CodeList(entries)

    def read(cell: SheetCell) -> str:
        code = codes.read(cell, mismatch=f"{unknown.removeprefix('unknown_')}_mismatch")
        if code not in codes:
            raise Unreadable(
                unknown,
                "不在列表中；请从模板的下拉列表中选择，或填写其代码。",
                "It is not of the list; choose one of the template's list, or write its code.",
            )
        return code

    return read


# ---------------------------------------------------------------- the template


def write_template(lists: Lists) -> bytes:
    """Return an empty workbook for an older list; the same bytes each time.

    Its first row is for people, its second, hidden, names the columns; data begin in the third.
    """
    file = io.BytesIO()
    # The words of a list stay words, whatever they begin with.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    workbook = xlsxwriter.Workbook(file, options)
    workbook.set_properties({"title": DATA_SHEET, "created": datetime(2026, 1, 1, tzinfo=UTC)})
    data = workbook.add_worksheet(DATA_SHEET)
    choices = workbook.add_worksheet("选项")
    meta = workbook.add_worksheet("meta")
    ranges: dict[str, str] = {}
    for place, (name, entries) in enumerate(lists.by_name.items()):
        letters = xl_col_to_name(place)
        choices.write_column(0, place, [name, *(f"{code} {label}" for code, label in entries)])
        ranges[name] = f"='选项'!${letters}$2:${letters}${len(entries) + 1}"
    choices.hide()
    head = {"bold": True, "font_color": "#FFFFFF", "text_wrap": True, "align": "center"}
    heads = {
        True: workbook.add_format(head | {"bg_color": "#C00000"}),
        False: workbook.add_format(head | {"bg_color": "#44546A"}),
    }
    for place, (name, column) in enumerate(COLUMNS.items()):
        cells = workbook.add_format({"num_format": column.number_format})
        data.set_column(place, place, column.width, cells)
        mark = "\n【必填】" if column.is_needed else ""
        data.write_string(0, place, column.label.zh + mark, heads[column.is_needed])
        data.write_string(1, place, name)
        needed = Text("必填。", "It is needed.") if column.is_needed else Text("", "")
        data.write_comment(
            0,
            place,
            f"{column.how.zh}{needed.zh}\n\n{column.label.en}. {column.how.en} {needed.en}".strip(),
            {"author": DATA_SHEET, "width": 300, "height": 120},
        )
        if column.options is not None:
            # A code or a name alone is readable too, so the list may be left on purpose.
            rule = {"validate": "list", "source": ranges[column.options], "error_type": "warning"}
            data.data_validation(2, place, MOST_ROWS + 1, place, rule)
    data.set_row(0, 36)
    data.set_row(1, None, None, {"hidden": True})
    data.freeze_panes(2, 2)
    data.ignore_errors({"number_stored_as_text": f"A1:J{MOST_ROWS + 2}"})
    for number, pair in enumerate((("format", FORMAT), ("kind", KIND))):
        meta.write_row(number, 0, pair)
    meta.very_hidden()
    workbook.close()
    return file.getvalue()
