"""A table of money as a workbook: exact amounts, and totals that can be followed.

Words go through `write_string`, so a name that begins with = is a name and never a formula.
"""

# XlsxWriter is annotated, but does not say so in the way that mypy asks for.

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from operator import add
from typing import Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from services.kernel.clock import PROVINCE_TIME
from services.kernel.text import Text

NOTES_SHEET: Final = "说明"
LARGEST_NUMBER: Final = Decimal("9999999999999.99")
"""A number cell keeps fifteen digits: thirteen and the cents. What is above is written as text."""

_TITLE_ROW, _ENGLISH_ROW, _STANDING_ROW, _WARNING_ROW, HEAD_ROW, FIRST_ROW = range(6)
"""`FIRST_ROW` is that of the first enterprise or payment, counted from nothing."""
_FIRST_FROZEN: Final = 3
_A4: Final = 9
_LINE_HEIGHT, _HIGHEST_ROW = 15, 409
_EXACT = Text(
    "金额单位为元，精确到分，合计为公式；超过 9,999,999,999,999.99 元的金额超出电子表格的有效位数，"
    "以文本列示；用公式相加会差分的合计也以文本列示。",
    "Amounts are exact, in yuan, and totals are formulas. What is above 9,999,999,999,999.99 has more"
    " digits than a number cell keeps and is text; so is a total that a formula would miss by cents.",
)

Cell = str | int | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    head: Text
    width: int
    is_added: bool = False
    """Whether the last row adds it up."""


@dataclass(frozen=True, slots=True)
class MoneyTable:
    """What is written: one table on one sheet, and a sheet of notes."""

    sheet: str
    title: Text
    standing: Text
    """As of when, and for whom it was made."""
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[Text]
    made_at: datetime
    marked: frozenset[int] = field(default_factory=frozenset)
    """Rows that ask for attention, counted from nothing."""


def fund_warning() -> Text:
    return Text(
        "供资金主管、拨付和审计岗位使用，可能含涉密企业，不得公开。",
        "For those who keep, pay out of or audit the fund. It may name secret-involved enterprises"
        " and is not for publication.",
    )


def standing_as_of(at: datetime, by: str) -> Text:
    """Return as of when a workbook stands, in the province's time, and for whom it was made."""
    there = at.astimezone(PROVINCE_TIME)
    return Text(
        f"截至 {there:%Y-%m-%d %H:%M:%S}（北京时间）。导出人：{by}",
        f"As of {there.isoformat(timespec='seconds')}. Made for: {by}",
    )


def money_xlsx(table: MoneyTable) -> bytes:
    """Return a table as a workbook; the same bytes for the same table."""
    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(file, {"in_memory": True})
    workbook.set_properties({"title": table.title.zh, "created": table.made_at})
    styles = _Styles(workbook)
    sheet = workbook.add_worksheet(table.sheet)
    _write_heads(sheet, styles, table)
    for place, row in enumerate(table.rows):
        kinds = styles.marked if place in table.marked else styles.plain
        lines = _lines_of(row, table.columns)
        if lines > 1:
            sheet.set_row(FIRST_ROW + place, min(lines * _LINE_HEIGHT, _HIGHEST_ROW))
        for column, cell in enumerate(row):
            _write_cell(sheet, FIRST_ROW + place, column, cell, kinds)
    _write_totals(sheet, styles, table)
    _set_up(sheet, table)
    _write_notes(workbook.add_worksheet(NOTES_SHEET), styles, table)
    sheet.activate()
    workbook.close()
    return file.getvalue()


class _Styles:
    """The formats of the workbook, each made once."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        self._workbook = workbook
        self._line = {"border": 1, "border_color": "#BFC7CF", "valign": "vcenter"}
        self.title = workbook.add_format({"bold": True, "font_size": 16})
        self.subtitle = workbook.add_format({"font_color": "#66707A", "font_size": 9})
        self.warning = workbook.add_format({"font_color": "#C00000"})
        self.prose = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.head = workbook.add_format(
            {
                **self._line,
                "bold": True,
                "font_color": "#FFFFFF",
                "bg_color": "#2F5D8A",
                "text_wrap": True,
                "align": "center",
            }
        )
        self.plain = self._kinds({})
        self.marked = self._kinds({"font_color": "#C00000", "bg_color": "#FDECEA"})
        self.total = self._kinds({"bold": True, "bg_color": "#EEF2F6"})

    def _kinds(self, look: Mapping[str, object]) -> Mapping[type, Format]:
        """Return how a cell of each type looks."""
        formats: Mapping[type, dict[str, object]] = {
            str: {"text_wrap": True},
            int: {"num_format": "#,##0", "align": "right"},
            Decimal: {"num_format": "#,##0.00", "align": "right"},
            date: {"num_format": "yyyy-mm-dd"},
            datetime: {"num_format": "yyyy-mm-dd hh:mm:ss"},
        }
        return {
            kind: self._workbook.add_format({**self._line, **look, **own})
            for kind, own in formats.items()
        }


def _write_heads(sheet: Worksheet, styles: _Styles, table: MoneyTable) -> None:
    warning = fund_warning()
    sheet.write_string(_TITLE_ROW, 0, table.title.zh, styles.title)
    sheet.write_string(_ENGLISH_ROW, 0, table.title.en, styles.subtitle)
    sheet.write_string(_STANDING_ROW, 0, f"{table.standing.zh} {table.standing.en}")
    sheet.write_string(_WARNING_ROW, 0, f"{warning.zh} {warning.en}", styles.warning)
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, column.width)
        sheet.write_string(HEAD_ROW, place, f"{column.head.zh}\n{column.head.en}", styles.head)


def _write_cell(
    sheet: Worksheet, row: int, column: int, cell: Cell, kinds: Mapping[type, Format]
) -> None:
    match cell:
        case None:
            sheet.write_blank(row, column, None, kinds[str])
        case str():
            sheet.write_string(row, column, cell, kinds[str])
        case Decimal() if cell > LARGEST_NUMBER:
            sheet.write_string(row, column, f"{cell:,.2f}", kinds[Decimal])
        case int() | Decimal():
            sheet.write_number(row, column, cell, kinds[type(cell)])
        case datetime():
            # A cell knows no time zone: it shows the clock of the province.
            there = cell.astimezone(PROVINCE_TIME).replace(microsecond=0, tzinfo=None)
            sheet.write_datetime(row, column, there, kinds[datetime])
        case date():
            sheet.write_datetime(row, column, cell, kinds[date])


def _lines_of(row: Sequence[Cell], columns: Sequence[Column]) -> int:
    """Return how many lines the longest text of a row takes: not every reader works it out."""
    return max(
        (
            -(-_width_of(cell) // column.width)
            for cell, column in zip(row, columns, strict=True)
            if isinstance(cell, str)
        ),
        default=1,
    )


def _width_of(text: str) -> int:
    """Return how wide a text is, in digits: a Chinese character takes two."""
    return len(text) if text.isascii() else len(text.encode("gb18030", "replace"))


def _write_totals(sheet: Worksheet, styles: _Styles, table: MoneyTable) -> None:
    last = FIRST_ROW + len(table.rows)
    for place, column in enumerate(table.columns):
        if not column.is_added:
            _write_cell(sheet, last, place, None if place else "合计 Total", styles.total)
            continue
        added = [row[place] for row in table.rows]
        numbers = [one for one in added if isinstance(one, int | Decimal)]
        total = sum(numbers)
        if not numbers:
            _write_cell(sheet, last, place, 0, styles.total)
            continue
        style = styles.total[type(numbers[0])]
        if not _adds_up(numbers, total):
            sheet.write_string(last, place, f"{total:,.2f}", style)
            continue
        cells = xl_range(FIRST_ROW, place, last - 1, place)
        sheet.write_formula(last, place, f"=SUM({cells})", style, total)


def _adds_up(numbers: Sequence[int | Decimal], total: int | Decimal) -> bool:
    """Whether a spreadsheet, which adds doubles one after the other, comes to the same cents.

    It would also pass over an amount that is text.
    """
    if max(*numbers, total) > LARGEST_NUMBER:
        return False
    added = reduce(add, map(float, numbers))
    return Decimal(f"{added:.2f}") == total


def _set_up(sheet: Worksheet, table: MoneyTable) -> None:
    last_row, last_column = FIRST_ROW + len(table.rows), len(table.columns) - 1
    sheet.set_row(_TITLE_ROW, 26)
    sheet.set_row(HEAD_ROW, 48)
    sheet.freeze_panes(FIRST_ROW, _FIRST_FROZEN)
    if table.rows:
        sheet.autofilter(HEAD_ROW, 0, last_row - 1, last_column)
    # Codes are texts on purpose: no green corner has to warn of that.
    sheet.ignore_errors({"number_stored_as_text": xl_range(FIRST_ROW, 0, last_row, last_column)})
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(HEAD_ROW)
    sheet.set_footer("&C第 &P 页，共 &N 页")


def _write_notes(sheet: Worksheet, styles: _Styles, table: MoneyTable) -> None:
    sheet.set_column(0, 1, 80)
    sheet.write_string(_TITLE_ROW, 0, NOTES_SHEET, styles.title)
    sheet.write_string(_ENGLISH_ROW, 0, "Notes", styles.subtitle)
    said = (table.title, table.standing, fund_warning(), *table.notes, _EXACT)
    for row, note in enumerate(said, start=_STANDING_ROW):
        sheet.set_row(row, 48)
        sheet.write_string(row, 0, note.zh, styles.prose)
        sheet.write_string(row, 1, note.en, styles.prose)
    sheet.freeze_panes(_STANDING_ROW, 0)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
