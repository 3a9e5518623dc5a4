"""The workbook that an office fills, one row for each enterprise: made from a policy pack.

Its first row is for people, its second, hidden, names the columns; data begin in the third.
"""

# XlsxWriter is annotated, but does not say so in the way that mypy asks for.

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from services.kernel.regions import covers
from services.kernel.text import Text
from services.kernel.workbooks.workbook import MOST_ROWS
from services.policy import credit_code
from services.policy.divisions import divisions
from services.policy.facts import LARGEST_COUNT, LONGEST_LIST, Fact, FactKind
from services.policy.matter import Kind
from services.policy.pack import Pack

FORMAT: Final = "1"
"""Of the workbook: another number once a reader of this one would misread it."""
DATA_SHEET: Final = "申报数据"
GUIDE_SHEET: Final = "填写说明"
OPTIONS_SHEET: Final = "选项"
META_SHEET: Final = "meta"
YES, NO, NONE = "是", "否", "无"
LONGEST_CONTACT: Final = 200

CONTACTS: Final[Mapping[str, Text]] = {
    "contact.name": Text("联系人", "Contact person"),
    "contact.position": Text("职务", "Position"),
    "contact.phone": Text("联系电话", "Telephone"),
    "contact.email": Text("电子邮箱", "E-mail"),
}
"""Who is asked back about the application; none of it is a fact."""

KIND_NAMES: Final[Mapping[Kind, Text]] = {
    "new": Text("新申报", "New application"),
    "renewal": Text("复核", "Renewal"),
}

_HEADER_ROW, _NAME_ROW, _FIRST_ROW = 0, 1, 2
_LAST_ROW = _FIRST_ROW + MOST_ROWS - 1
_LARGEST_IN_A_CELL = 9_999_999_999_999.99
"""With its cents it has fifteen digits, all that a number cell keeps."""
_COUNTED_IN = re.compile(r"[（，](人|项)[），]")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the template: a fact of the pack, or a line of the contact."""

    name: str
    label: Text
    fact: Fact | None
    is_needed: bool


@dataclass(frozen=True, slots=True)
class _Manner:
    """How one kind of value is written."""

    how: Text
    example: str
    number_format: str = "@"
    width: int = 18


def columns_of(pack: Pack, title: str, kind: Kind) -> tuple[Column, ...]:
    """Return the columns: the facts that are needed, then the pack's others, then the contact.

    Raises `KeyError` for a title that the pack does not have.
    """
    needed = frozenset(pack.facts_needed(title, kind))
    facts = [
        Column(name, label_of(pack, name), fact, is_needed=name in needed)
        for name, fact in pack.facts.items()
    ]
    contacts = [Column(name, label, None, is_needed=False) for name, label in CONTACTS.items()]
    return (
        *(column for column in facts if column.is_needed),
        *(column for column in facts if not column.is_needed),
        *contacts,
    )


def label_of(pack: Pack, name: str) -> Text:
    """Return the words at the head of a column, with the unit; the name where there are none."""
    fact = pack.facts.get(name)
    if fact is None:
        return CONTACTS.get(name, Text(name, name))
    unit = _unit_of(fact)
    if unit is None or unit.zh in fact.label.zh:
        return fact.label
    return Text(f"{fact.label.zh}（{unit.zh}）", f"{fact.label.en} ({unit.en})")


def division_name(code: str) -> str:
    """Return a division as the list of the template shows it: `520102 南明区`."""
    return f"{code} {divisions()[code].name}"


def write_template(pack: Pack, title: str, kind: Kind, *, round_code: str | None = None) -> bytes:
    """Return an empty workbook for applications for a title; the same bytes each time.

    Raises `KeyError` for a title that the pack does not have.
    """
    columns = columns_of(pack, title, kind)
    file = io.BytesIO()
    # The words of a pack stay words, whatever they begin with.
    workbook = xlsxwriter.Workbook(
        file,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
        },
    )
    workbook.set_properties(
        {
            "title": f"{pack.title_named(title).name.zh} {KIND_NAMES[kind].zh}",
            "created": datetime.combine(pack.in_force_from, time.min, tzinfo=UTC),
        }
    )
    guide = workbook.add_worksheet(GUIDE_SHEET)
    data = workbook.add_worksheet(DATA_SHEET)
    options = workbook.add_worksheet(OPTIONS_SHEET)
    meta = workbook.add_worksheet(META_SHEET)
    ranges = _write_options(options, pack)
    _write_data(workbook, data, pack, columns, ranges)
    _write_guide(workbook, guide, pack, title, kind, round_code, columns)
    _write_meta(meta, pack, title, kind, round_code)
    workbook.close()
    return file.getvalue()


# ---------------------------------------------------------------- what is said of a column


def _unit_of(fact: Fact) -> Text | None:
    match fact.kind:
        case FactKind.AMOUNT:
            return Text("元", "yuan")
        case FactKind.PERCENT:
            return Text("%", "%")
        case FactKind.POINTS:
            return Text("分", "points")
        case FactKind.COUNT:
            # The label of a count names its own unit, where it has one.
            counted = _COUNTED_IN.search(fact.label.zh)
            return {"人": Text("人", "persons"), "项": Text("项", "items")}.get(
                counted[1] if counted else ""
            )
    return None


_CONTACT_MANNERS: Final[Mapping[str, _Manner]] = {
    "contact.name": _Manner(Text("填写姓名。", "Write the name."), "张三"),
    "contact.position": _Manner(Text("填写职务。", "Write the position."), "财务负责人"),
    "contact.phone": _Manner(
        Text(
            "填写手机号码，或带区号的固定电话。",
            "Write a mobile number, or one with its area code.",
        ),
        "0851-00000000",
    ),
    "contact.email": _Manner(
        Text("填写电子邮箱地址。", "Write the address."), "name@example.com", width=26
    ),
}

_MANNERS: Final[Mapping[FactKind, _Manner]] = {
    FactKind.TEXT: _Manner(Text("填写文字。", "Write a text."), "工业阀门", width=28),
    FactKind.TEXTS: _Manner(
        Text(
            f"可填多项，用分号“；”或顿号“、”隔开，最多 {LONGEST_LIST} 项；没有则填“{NONE}”。",
            f"Several may be given, with ； or 、 between them, {LONGEST_LIST} at most;"
            f" write {NONE} for none.",
        ),
        "ISO 9001；ISO 14001",
        width=28,
    ),
    FactKind.FLAG: _Manner(
        Text(f"从列表中选择“{YES}”或“{NO}”。", f"Choose {YES} (yes) or {NO} (no)."), NO, width=14
    ),
    FactKind.DAY: _Manner(
        Text("填写日期：年-月-日。", "Write a day: year-month-day."), "2015-06-01", "yyyy-mm-dd", 14
    ),
    FactKind.YEAR: _Manner(Text("填写四位年份。", "Write a year of four digits."), "2025", "0", 12),
    FactKind.COUNT: _Manner(Text("填写整数。", "Write a whole number."), "126", "0", 14),
    FactKind.AMOUNT: _Manner(
        Text(
            "以元为单位，最多两位小数；不要填写万元数。",
            "In yuan with two decimals at most, never in units of ten thousand.",
        ),
        "20000000.00",
        "#,##0.00",
        22,
    ),
    # A text, because Excel would keep 12.5% as the number 0.125.
    FactKind.PERCENT: _Manner(
        Text("填写百分数，可不写百分号。", "Write a percentage, with or without its sign."),
        "12.5",
        width=14,
    ),
    FactKind.POINTS: _Manner(
        Text(
            "填写 0 至 1000 的得分，最多两位小数。",
            "Write points from 0 to 1000 with two decimals at most.",
        ),
        "56.5",
        "0.00",
        14,
    ),
    FactKind.CHOICE: _Manner(Text("从列表中选择一项。", "Choose one of the list."), "", width=26),
    FactKind.CREDIT_CODE: _Manner(
        Text(
            "填写营业执照上的 18 位代码，按文本填写。",
            "Write the 18 characters on the business licence, as a text.",
        ),
        credit_code.generate(12345678),
        width=24,
    ),
    FactKind.DIVISION: _Manner(
        Text(
            "从列表中选择，也可只填六位行政区划代码。",
            "Choose one of the list; its six-digit code alone will do.",
        ),
        division_name("520102"),
        width=20,
    ),
    FactKind.INDUSTRY: _Manner(
        Text(
            "填写 GB/T 4754-2017 的四位代码，按文本填写，保留前面的 0。",
            "Write the four digits of GB/T 4754-2017 as a text, a leading 0 among them.",
        ),
        "3484",
        width=16,
    ),
}


def _manner_of(column: Column, pack: Pack) -> _Manner:
    if column.fact is None:
        return _CONTACT_MANNERS[column.name]
    manner = _MANNERS[column.fact.kind]
    if column.fact.kind is FactKind.CHOICE:
        first = pack.lists[column.fact.options or ""].options[0]
        return _Manner(manner.how, first.name.zh, manner.number_format, manner.width)
    if column.name == "legal_name":
        return _Manner(
            Text("填写营业执照上的全称。", "Write the full name on the business licence."),
            "贵州示例精密制造有限公司",
            width=34,
        )
    return manner


def _remarks(column: Column, pack: Pack) -> Iterator[Text]:
    """Yield what has to be known to fill a column, one sentence after another."""
    manner = _manner_of(column, pack)
    yield manner.how
    if column.fact is not None:
        unit = _unit_of(column.fact)
        # Of an amount the manner says it already.
        if unit is not None and column.fact.kind is not FactKind.AMOUNT:
            yield Text(f"单位：{unit.zh}。", f"Unit: {unit.en}.")
        if column.fact.may_be_negative:
            yield Text("亏损填负数。", "A loss is negative.")
        if column.fact.is_imported:
            yield Text(
                "由主管部门从平台或名册导入，企业不自行填报。",
                "An office imports it from a platform or register.",
            )
    if column.is_needed:
        yield Text("必填。", "It is needed.")
    elif column.fact is not None and column.fact.is_optional:
        yield Text("选填，没有则留空。", "It is optional: leave it empty for none.")
    else:
        yield Text("本次申报不要求，可留空。", "This application does not need it.")
    yield Text(f"示例：{manner.example}", f"Example: {manner.example}")


def _note(column: Column, pack: Pack) -> str:
    remarks = list(_remarks(column, pack))
    chinese = [column.label.zh, *(remark.zh for remark in remarks)]
    english = [column.label.en, *(remark.en for remark in remarks)]
    return "\n".join([*chinese, "", *english])


# ---------------------------------------------------------------- the sheets


def _write_options(sheet: Worksheet, pack: Pack) -> dict[str, str]:
    """Write each list into a column of its own; return where they stand."""
    choices = {name: [one.name.zh for one in of.options] for name, of in pack.lists.items()}
    here = [division_name(code) for code in sorted(divisions()) if covers(pack.jurisdiction, code)]
    ranges: dict[str, str] = {}
    for place, (name, members) in enumerate({"divisions": here, **choices}.items()):
        sheet.write_string(0, place, name)
        for row, member in enumerate(members, start=1):
            sheet.write_string(row, place, member)
        letters = xl_col_to_name(place)
        ranges[name] = f"='{OPTIONS_SHEET}'!${letters}$2:${letters}${len(members) + 1}"
    sheet.hide()
    return ranges


def _write_data(
    workbook: xlsxwriter.Workbook,
    sheet: Worksheet,
    pack: Pack,
    columns: tuple[Column, ...],
    ranges: Mapping[str, str],
) -> None:
    cells: dict[str, Format] = {}
    heads = {
        "needed": _head(workbook, "#C00000"),
        "other": _head(workbook, "#44546A"),
        "contact": _head(workbook, "#548235"),
    }
    for place, column in enumerate(columns):
        manner = _manner_of(column, pack)
        cell = cells.get(manner.number_format)
        if cell is None:
            cell = workbook.add_format({"num_format": manner.number_format, "valign": "vcenter"})
            cells[manner.number_format] = cell
        # The words at its head take three lines at most.
        width = max(manner.width, 4 + _width_of(column.label.zh) * 2 // 5)
        sheet.set_column(place, place, width, cell)
        part = "contact" if column.fact is None else "needed" if column.is_needed else "other"
        mark = "\n【必填】" if column.is_needed else ""
        sheet.write_string(_HEADER_ROW, place, column.label.zh + mark, heads[part])
        sheet.write_string(_NAME_ROW, place, column.name)
        note = _note(column, pack)
        sheet.write_comment(
            _HEADER_ROW,
            place,
            note,
            {"author": GUIDE_SHEET, "width": 330, "height": 24 + 16 * _lines_in(note, 50)},
        )
        validation = _validation(column, place, ranges)
        if validation is not None:
            sheet.data_validation(_FIRST_ROW, place, _LAST_ROW, place, validation)
    sheet.set_row(_HEADER_ROW, 62)
    sheet.set_row(_NAME_ROW, None, None, {"hidden": True})
    names = [column.name for column in columns]
    sheet.freeze_panes(_FIRST_ROW, names.index("uscc") + 1 if "uscc" in names[:2] else 0)
    # Codes are texts on purpose: no green corner has to warn of that.
    last = xl_col_to_name(len(columns) - 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{last}{_LAST_ROW + 1}"})
    sheet.set_landscape()
    sheet.repeat_rows(_HEADER_ROW)


def _head(workbook: xlsxwriter.Workbook, colour: str) -> Format:
    return workbook.add_format(
        {
            "bold": True,
            "font_color": "#FFFFFF",
            "bg_color": colour,
            "border": 1,
            "border_color": "#FFFFFF",
            "text_wrap": True,
            "align": "center",
            "valign": "vcenter",
        }
    )


def _width_of(text: str) -> int:
    """Count half widths: a Chinese character takes two."""
    return sum(1 if character.isascii() else 2 for character in text)


def _lines_in(text: str, width: int) -> int:
    """Estimate how many lines of a width a text takes."""
    return sum(1 + _width_of(line) // width for line in text.split("\n"))


def _validation(column: Column, place: int, ranges: Mapping[str, str]) -> dict[str, Any] | None:
    """Return what Excel checks while a cell is typed. What is pasted it does not check."""
    if column.fact is None:
        return None
    rule = _rule(column.fact, xl_col_to_name(place) + str(_FIRST_ROW + 1), ranges)
    if rule is None:
        return None
    return {
        **rule,
        "error_title": "请核对",
        "error_message": f"{column.label.zh[:100]}：{_MANNERS[column.fact.kind].how.zh}",
    }


def _rule(fact: Fact, cell: str, ranges: Mapping[str, str]) -> dict[str, Any] | None:
    match fact.kind:
        case FactKind.CHOICE:
            return {"validate": "list", "source": ranges[fact.options or ""]}
        case FactKind.DIVISION:
            # A code alone is readable too, so the list may be left on purpose.
            return {"validate": "list", "source": ranges["divisions"], "error_type": "warning"}
        case FactKind.AMOUNT:
            least = -_LARGEST_IN_A_CELL if fact.may_be_negative else 0
            return _between("decimal", least, _LARGEST_IN_A_CELL)
        case FactKind.PERCENT:
            number = f'VALUE(SUBSTITUTE(SUBSTITUTE({cell},"％",""),"%",""))'
            return {"validate": "custom", "value": f"=ISNUMBER({number})"}
    return _RULES.get(fact.kind)


def _between(what: str, least: float | date, most: float | date) -> dict[str, Any]:
    return {"validate": what, "criteria": "between", "minimum": least, "maximum": most}


_RULES: Final[Mapping[FactKind, dict[str, Any]]] = {
    FactKind.FLAG: {"validate": "list", "source": [YES, NO]},
    FactKind.DAY: _between("date", date(1900, 3, 1), date(2199, 12, 31)),
    FactKind.YEAR: _between("integer", 1949, 2200),
    FactKind.COUNT: _between("integer", 0, LARGEST_COUNT),
    FactKind.POINTS: _between("decimal", 0, 1000),
    FactKind.CREDIT_CODE: {"validate": "length", "criteria": "==", "value": credit_code.LENGTH},
    FactKind.INDUSTRY: {"validate": "length", "criteria": "==", "value": 4},
}


def _write_guide(
    workbook: xlsxwriter.Workbook,
    sheet: Worksheet,
    pack: Pack,
    title: str,
    kind: Kind,
    round_code: str | None,
    columns: tuple[Column, ...],
) -> None:
    heading = workbook.add_format({"bold": True, "font_size": 16})
    name = workbook.add_format({"bold": True, "valign": "top", "text_wrap": True, "border": 1})
    body = workbook.add_format({"text_wrap": True, "valign": "top", "border": 1})
    needed = workbook.add_format(
        {"bold": True, "font_color": "#C00000", "valign": "top", "align": "center", "border": 1}
    )
    head = _head(workbook, "#44546A")
    honour = pack.title_named(title)
    about = {
        "称号": honour.name.zh,
        "申报类别": KIND_NAMES[kind].zh,
        "申报批次": round_code or "未指定",
        "政策依据": f"《{pack.title.zh}》（{'、'.join(pack.issued_by)}）",
        "条款": f"{honour.clause}：{honour.official_text}",
        "政策包": f"{pack.name}（自 {pack.in_force_from} 起施行）",
    }
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 9)
    sheet.set_column(2, 2, 92)
    sheet.write_string(0, 0, f"{honour.name.zh}　{KIND_NAMES[kind].zh}　批量导入模板", heading)
    sheet.set_row(0, 28)
    row = 2
    for label, said in about.items():
        sheet.write_string(row, 0, label, name)
        sheet.merge_range(row, 1, row, 2, said, body)
        sheet.set_row(row, 17 * _lines_in(said, 95))
        row += 1
    row += 1
    sheet.write_string(row, 0, "填写方法", name)
    for rule in _HOW_TO_FILL:
        sheet.merge_range(row, 1, row, 2, rule, body)
        sheet.set_row(row, 17 * _lines_in(rule, 95))
        row += 1
    row += 1
    for place, label in enumerate(("列", "必填", "说明")):
        sheet.write_string(row, place, label, head)
    for column in columns:
        row += 1
        said = "".join(remark.zh for remark in _remarks(column, pack))
        sheet.write_string(row, 0, column.label.zh, name)
        sheet.write_string(row, 1, "必填" if column.is_needed else "", needed)
        sheet.write_string(row, 2, said, body)
        sheet.set_row(row, 17 * max(_lines_in(said, 88), _lines_in(column.label.zh, 32)))
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.activate()


_HOW_TO_FILL: Final = (
    f"1. 在工作表“{DATA_SHEET}”中从第 3 行起填写，每家企业一行，一次最多 {MOST_ROWS} 行。",
    "2. 红色表头为必填项；蓝灰色为其他申报事实；绿色为联系人。鼠标停在表头上可看填写说明。",
    "3. 不要改动表头和隐藏的第 2 行（列名），不要增加列；可以删去不填的非必填列，也可以调整列的顺序。",
    "4. 只填数值，不写公式；从别处复制时请用“选择性粘贴—数值”。含公式的单元格不会被读取。",
    "5. 金额一律以元为单位；代码（统一社会信用代码、行业代码、行政区划代码）按文本填写。",
    "6. 保存为“Excel 工作簿（*.xlsx）”，不要加密，不要含宏。",
    "7. 导入后逐行给出结果；有问题的单元格会按行号、列号指出，改正后可再次上传。",
)


def _write_meta(
    sheet: Worksheet, pack: Pack, title: str, kind: Kind, round_code: str | None
) -> None:
    said = {
        "format": FORMAT,
        "pack": pack.name,
        "title": title,
        "kind": kind,
        "round": round_code or "",
    }
    for row, (key, value) in enumerate(said.items()):
        sheet.write_string(row, 0, key)
        sheet.write_string(row, 1, value)
    sheet.very_hidden()
