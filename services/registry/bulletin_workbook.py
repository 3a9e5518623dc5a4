"""The yearly bulletin as a workbook: exact figures, and totals that can be followed.

Words go through `write_string`, so a name that begins with = is a name and never a formula.
"""

# XlsxWriter is annotated, but does not say so in the way that mypy asks for.

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from services.kernel.text import Text
from services.registry.bulletin import Bulletin, CityRow, Growth, Named
from services.registry.bulletin_paper import notes_of, standing_of, title_of
from services.registry.typesetting import written

CITIES_SHEET: Final = "通报"
SUPPORT_SHEET: Final = "支持"
MONEY_SHEET: Final = "资金"
NOTES_SHEET: Final = "说明"

_TITLE_ROW, _ENGLISH_ROW, _STANDING_ROW, _GROUP_ROW, _HEAD_ROW, FIRST_ROW = range(6)
"""`FIRST_ROW` is that of the first city, counted from nothing."""
_CODE, _NAME, _ENGLISH_NAME, _FIRST_FIGURE = range(4)
_COUNT, _MONEY, _PERCENT = "#,##0", "#,##0.00", "0.00"
_OF_A_CITY: Final = ("代码\nCode", "地区", "City")
_NO_RATE: Final = "—"
_BLUE, _OCHRE = "#2F5D8A", "#B5842C"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of figures: numbers that are added up, or a formula that holds in each row."""

    head: Text
    value: Callable[[CityRow], int | Decimal | None]
    number_format: str = _COUNT
    formula: Callable[[Callable[[int], str]], str] | None = None
    """Made from the cells of the same row, named by how many columns they lie to the left."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Columns under one heading."""

    head: Text
    columns: Sequence[_Column]


def bulletin_xlsx(bulletin: Bulletin) -> bytes:
    """Return the bulletin as a workbook in yuan; the same bytes for the same figures."""
    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(file, {"in_memory": True})
    workbook.set_properties({"title": title_of(bulletin).zh, "created": bulletin.computed_at})
    styles = _Styles(workbook)
    _write_cities(workbook, styles, bulletin)
    _write_support(workbook, styles, bulletin)
    _write_money(workbook, styles, bulletin)
    _write_notes(workbook.add_worksheet(NOTES_SHEET), styles, bulletin)
    workbook.close()
    return file.getvalue()


class _Styles:
    """The formats of the workbook, each made once."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        line = {"border": 1, "border_color": "#BFC7CF"}
        self.title = workbook.add_format({"bold": True, "font_size": 16})
        self.subtitle = workbook.add_format({"font_color": "#66707A", "font_size": 9})
        self.standing = workbook.add_format({"font_color": "#C00000"})
        self.head = workbook.add_format(
            {
                **line,
                "bold": True,
                "font_color": "#FFFFFF",
                "bg_color": "#2F5D8A",
                "text_wrap": True,
                "align": "center",
                "valign": "vcenter",
            }
        )
        self.text = workbook.add_format({**line, "valign": "vcenter"})
        self.prose = workbook.add_format({"text_wrap": True, "valign": "top"})
        self.total = workbook.add_format({**line, "bold": True, "bg_color": "#EEF2F6"})
        self._numbers: dict[tuple[str, bool], Format] = {}
        self._line = line
        self._workbook = workbook

    def number(self, number_format: str, *, is_total: bool) -> Format:
        key = number_format, is_total
        if key not in self._numbers:
            total = {"bold": True, "bg_color": "#EEF2F6"} if is_total else {}
            self._numbers[key] = self._workbook.add_format(
                {**self._line, **total, "num_format": number_format, "align": "right"}
            )
        return self._numbers[key]


# ---------------------------------------------------------------- the sheets


def _write_cities(workbook: xlsxwriter.Workbook, styles: _Styles, bulletin: Bulletin) -> None:
    sheet, goal = workbook.add_worksheet(CITIES_SHEET), bulletin.recommended_goal
    recommended = [_Column(Text("推荐", "Recommended"), lambda city: city.recommended)]
    if goal is not None:
        recommended += [
            _Column(Text("不少于", "At least"), lambda _: goal.at_least),
            _Column(
                Text("差额", "Short by"), lambda city: max(0, goal.at_least - city.recommended)
            ),
        ]
    grounds = len(bulletin.grounds)
    revoked = _Column(
        Text("合计", "Total"),
        lambda city: sum(city.revoked.values()),
        formula=_sum_of(grounds),
    )
    _write_table(
        sheet,
        styles,
        bulletin,
        (
            _Group(Text("推荐（户）", "Recommended"), recommended),
            _Group(
                Text("新认定（户）", "Newly recognised"),
                _by_kind(bulletin.titles, lambda city: city.recognised),
            ),
            _Group(
                Text(f"有效（户，{written(bulletin.until)}）", f"Valid on {bulletin.until}"),
                _by_kind(bulletin.titles, lambda city: city.held),
            ),
            _Group(
                Text("复核与案例（户、个）", "Renewals and cases"),
                (
                    _Column(Text("届满", "Terms ended"), lambda city: city.terms_ended),
                    _Column(Text("通过复核", "Renewed"), lambda city: city.renewed),
                    _Column(Text("典型案例", "Typical cases"), lambda city: city.typical_cases),
                ),
            ),
            _Group(
                Text("撤销（户）", "Revoked"),
                (*_by_kind(bulletin.grounds, lambda city: city.revoked), revoked),
            ),
        ),
    )
    chart = _chart(workbook, Text("各地区推荐户数", "Recommended, by city"))
    last = FIRST_ROW + len(bulletin.cities) - 1
    chart.add_series(_series(CITIES_SHEET, (_HEAD_ROW, FIRST_ROW, last), _FIRST_FIGURE))
    if goal is not None:
        floor = workbook.add_chart({"type": "line"})
        series = _series(CITIES_SHEET, (_HEAD_ROW, FIRST_ROW, last), _FIRST_FIGURE + 1)
        floor.add_series({**series, "line": {"color": "#C00000", "dash_type": "dash"}})
        chart.combine(floor)
    _place(sheet, chart, bulletin)
    sheet.activate()


def _write_support(workbook: xlsxwriter.Workbook, styles: _Styles, bulletin: Bulletin) -> None:
    sheet, measures = workbook.add_worksheet(SUPPORT_SHEET), len(bulletin.measures)
    records = _by_kind(
        bulletin.measures,
        lambda city: {measure: one.records for measure, one in city.support.items()},
    )
    amounts = _by_kind(
        bulletin.measures,
        lambda city: {measure: one.amount for measure, one in city.support.items()},
        _MONEY,
    )
    total = Text("合计", "Total")
    _write_table(
        sheet,
        styles,
        bulletin,
        (
            _Group(
                Text("项次", "Number of times"),
                (
                    *records,
                    _Column(
                        total,
                        lambda city: sum(one.records for one in city.support.values()),
                        formula=_sum_of(measures),
                    ),
                ),
            ),
            _Group(
                Text("金额（元）", "Amount, yuan"),
                (
                    *amounts,
                    _Column(
                        total,
                        lambda city: sum((one.amount for one in city.support.values()), Decimal(0)),
                        _MONEY,
                        formula=_sum_of(measures),
                    ),
                ),
            ),
        ),
    )
    if bulletin.measures:
        row, first = FIRST_ROW + len(bulletin.cities), _FIRST_FIGURE + measures + 1
        chart = _chart(workbook, Text("全省各项培育措施金额（元）", "Support by measure, yuan"))
        chart.add_series(
            {
                "categories": [SUPPORT_SHEET, _HEAD_ROW, first, _HEAD_ROW, first + measures - 1],
                "values": [SUPPORT_SHEET, row, first, row, first + measures - 1],
                "fill": {"color": _BLUE},
                "gap": 60,
            }
        )
        chart.set_legend({"none": True})
        _place(sheet, chart, bulletin)


def _write_money(workbook: xlsxwriter.Workbook, styles: _Styles, bulletin: Bulletin) -> None:
    sheet = workbook.add_worksheet(MONEY_SHEET)
    _write_table(
        sheet,
        styles,
        bulletin,
        (
            _Group(
                Text("营业收入（元）", "Operating revenue, yuan"),
                _growth_columns(lambda city: city.revenue, bulletin.fiscal_year),
            ),
            _Group(
                Text("研发费用（元）", "R&D expense, yuan"),
                _growth_columns(lambda city: city.rd_expense, bulletin.fiscal_year),
            ),
            _Group(
                Text("奖励资金（元）", "Reward funds, yuan"),
                (
                    _Column(Text("核定", "Granted"), lambda city: city.granted, _MONEY),
                    _Column(Text("拨付", "Disbursed"), lambda city: city.disbursed, _MONEY),
                    _Column(Text("追回", "Recovered"), lambda city: city.recovered, _MONEY),
                    _Column(
                        Text("拨付减追回", "Disbursed less recovered"),
                        lambda city: city.disbursed - city.recovered,
                        _MONEY,
                        formula=lambda left: f"={left(2)}-{left(1)}",
                    ),
                ),
            ),
        ),
    )
    chart = _chart(workbook, Text("各地区增长率（%）", "Growth by city, per cent"))
    last = FIRST_ROW + len(bulletin.cities) - 1
    for group in range(2):
        column = _FIRST_FIGURE + 4 * group + 3
        chart.add_series(
            {
                **_series(MONEY_SHEET, (_GROUP_ROW, FIRST_ROW, last), column),
                "name": [MONEY_SHEET, _GROUP_ROW, _FIRST_FIGURE + 4 * group],
                "fill": {"color": (_BLUE, _OCHRE)[group]},
            }
        )
    _place(sheet, chart, bulletin)


def _write_notes(sheet: Worksheet, styles: _Styles, bulletin: Bulletin) -> None:
    goals = (bulletin.recommended_goal, bulletin.recognised_goal)
    said = [
        Text(f"政策依据：《{bulletin.programme.zh}》", f"Programme: {bulletin.programme.en}"),
        *(
            Text(f"{goal.clause}：{goal.official_text}", f"Clause {goal.clause}")
            for goal in goals
            if goal is not None
        ),
        Text(f"发布机关：{'、'.join(bulletin.issued_by)}", "Issued by the bodies named"),
        *notes_of(bulletin),
        Text(
            "合计行与增长率为公式；“—”表示前一年度合计不大于零，无增长率。",
            "Totals and growth are formulas; — stands where the year before adds up to nothing.",
        ),
    ]
    sheet.set_column(0, 1, 80)
    sheet.write_string(_TITLE_ROW, 0, NOTES_SHEET, styles.title)
    sheet.write_string(_ENGLISH_ROW, 0, "Notes", styles.subtitle)
    for row, note in enumerate(said, start=_STANDING_ROW):
        sheet.set_row(row, 34)
        sheet.write_string(row, 0, note.zh, styles.prose)
        sheet.write_string(row, 1, note.en, styles.prose)
    sheet.freeze_panes(_STANDING_ROW, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


# ---------------------------------------------------------------- columns


def _by_kind(
    kinds: Iterable[Named],
    counts: Callable[[CityRow], Mapping[str, int] | Mapping[str, Decimal]],
    number_format: str = _COUNT,
) -> list[_Column]:
    return [_of_kind(kind, counts, number_format) for kind in kinds]


def _of_kind(
    kind: Named,
    counts: Callable[[CityRow], Mapping[str, int] | Mapping[str, Decimal]],
    number_format: str,
) -> _Column:
    return _Column(kind.name, lambda city: counts(city).get(kind.id, 0), number_format)


def _sum_of(count: int) -> Callable[[Callable[[int], str]], str]:
    """Return the formula that adds up so many columns before it."""
    return lambda left: f"=SUM({left(count)}:{left(1)})" if count else "=0"


def _growth_columns(growth: Callable[[CityRow], Growth], year: int) -> tuple[_Column, ...]:
    return (
        _Column(Text("户数", "Number"), lambda city: growth(city).enterprises),
        _Column(Text(f"{year - 1}年", str(year - 1)), lambda city: growth(city).before, _MONEY),
        _Column(Text(f"{year}年", str(year)), lambda city: growth(city).after, _MONEY),
        _Column(
            Text("增长（%）", "Growth, %"),
            lambda city: growth(city).percent,
            _PERCENT,
            formula=lambda left: (
                f'=IF({left(2)}>0,ROUND(({left(1)}/{left(2)}-1)*100,2),"{_NO_RATE}")'
            ),
        ),
    )


# ---------------------------------------------------------------- a table


def _write_table(
    sheet: Worksheet, styles: _Styles, bulletin: Bulletin, groups: Sequence[_Group]
) -> None:
    """Write a table with a row for each city, and one that adds them up."""
    _write_heads(sheet, styles, bulletin, groups)
    columns = [column for group in groups for column in group.columns]
    total_row = FIRST_ROW + len(bulletin.cities)
    for row, city in enumerate((*bulletin.cities, bulletin.total), start=FIRST_ROW):
        is_total = row == total_row
        text = styles.total if is_total else styles.text
        sheet.write_string(row, _CODE, city.division, text)
        sheet.write_string(row, _NAME, city.name.zh, text)
        sheet.write_string(row, _ENGLISH_NAME, city.name.en, text)
        for place, column in enumerate(columns, start=_FIRST_FIGURE):
            style = styles.number(column.number_format, is_total=is_total)
            if column.formula is not None:
                sheet.write_formula(
                    row,
                    place,
                    column.formula(partial(_to_the_left, row, place)),
                    style,
                    _cached(column.value(city)),
                )
            elif is_total and bulletin.cities:
                cells = f"{xl_rowcol_to_cell(FIRST_ROW, place)}:{xl_rowcol_to_cell(row - 1, place)}"
                added = sum(column.value(one) or 0 for one in bulletin.cities)
                sheet.write_formula(row, place, f"=SUM({cells})", style, added)
            else:
                sheet.write_number(row, place, 0 if is_total else column.value(city), style)


def _to_the_left(row: int, place: int, steps: int) -> str:
    return str(xl_rowcol_to_cell(row, place - steps))


def _cached(value: Decimal | int | None) -> Decimal | int | str:
    """Return what a formula came to, for readers that do not calculate."""
    return _NO_RATE if value is None else value


def _write_heads(
    sheet: Worksheet, styles: _Styles, bulletin: Bulletin, groups: Sequence[_Group]
) -> None:
    title, standing = title_of(bulletin), standing_of(bulletin)
    sheet.write_string(_TITLE_ROW, 0, title.zh, styles.title)
    sheet.write_string(_ENGLISH_ROW, 0, title.en, styles.subtitle)
    if standing is not None:
        sheet.write_string(_STANDING_ROW, 0, f"{standing.zh} {standing.en}", styles.standing)
    for place, head in enumerate(_OF_A_CITY):
        sheet.merge_range(_GROUP_ROW, place, _HEAD_ROW, place, "", styles.head)
        sheet.write_string(_GROUP_ROW, place, head, styles.head)
    place = _FIRST_FIGURE
    for group in groups:
        for steps, column in enumerate(group.columns):
            sheet.write_string(_HEAD_ROW, place + steps, _both(column.head), styles.head)
            width = 20 if column.number_format == _MONEY else 13
            sheet.set_column(place + steps, place + steps, width)
        last = place + len(group.columns) - 1
        if last > place:
            sheet.merge_range(_GROUP_ROW, place, _GROUP_ROW, last, "", styles.head)
        if last >= place:
            sheet.write_string(_GROUP_ROW, place, _both(group.head), styles.head)
        place = last + 1
    sheet.set_column(_CODE, _CODE, 9)
    sheet.set_column(_NAME, _NAME, 26)
    sheet.set_column(_ENGLISH_NAME, _ENGLISH_NAME, 18)
    sheet.set_row(_TITLE_ROW, 26)
    sheet.set_row(_GROUP_ROW, 34)
    sheet.set_row(_HEAD_ROW, 62)
    sheet.freeze_panes(FIRST_ROW, _FIRST_FIGURE)
    # Codes are texts on purpose: no green corner has to warn of that.
    sheet.ignore_errors({"number_stored_as_text": "A1:A1000"})
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_GROUP_ROW, _HEAD_ROW)


def _both(head: Text) -> str:
    return f"{head.zh}\n{head.en}"


# ---------------------------------------------------------------- charts


def _chart(workbook: xlsxwriter.Workbook, title: Text) -> Any:
    chart = workbook.add_chart({"type": "column"})
    chart.set_title({"name": _both(title), "name_font": {"size": 12}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": 960, "height": 440})
    chart.set_x_axis({"label_position": "low"})
    return chart


def _series(sheet: str, rows: tuple[int, int, int], column: int) -> dict[str, Any]:
    """Return a series over the cities; `rows` are those of its name, of the first and the last."""
    head, first, last = rows
    return {
        "name": [sheet, head, column],
        "categories": [sheet, first, _NAME, last, _NAME],
        "values": [sheet, first, column, last, column],
        "fill": {"color": _BLUE},
        "gap": 60,
    }


def _place(sheet: Worksheet, chart: Any, bulletin: Bulletin) -> None:
    """Put a chart below the table."""
    sheet.insert_chart(FIRST_ROW + len(bulletin.cities) + 2, _NAME, chart)
