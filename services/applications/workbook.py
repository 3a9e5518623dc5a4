"""A row of a filled workbook, turned into the facts of a pack."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from services.applications.template import CONTACTS, LONGEST_CONTACT, NONE, label_of
from services.kernel.text import Text
from services.kernel.workbooks.cells import (
    LONGEST_WRITTEN,
    NOT_A_DAY,
    CodeList,
    Unreadable,
    credit_code_of,
    day_of,
    half_width,
    number_of,
    plain_of,
    refuse_cell,
    text_of,
)
from services.kernel.workbooks.workbook import (
    CellProblem,
    OpenWorkbook,
    SheetCell,
    SheetColumn,
    SheetRow,
    read_workbook,
)
from services.policy.divisions import divisions
from services.policy.facts import FactKind, FactProblem, FactValue
from services.policy.matter import Kind
from services.policy.pack import Pack

NEEDED: Final = ("uscc", "applying_division")
"""The columns without which a sheet is none of applications."""

_LIST_MARKS = re.compile(r"[；;、\r\n]+")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_GROUPED_NUMBER = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_FLAGS: Final = {"是": True, "true": True, "y": True, "否": False, "false": False, "n": False}


def read_list(path: Path) -> AbstractAsyncContextManager[OpenWorkbook]:
    """Open a workbook of applications. Raises `WorkbookRefused`."""
    return read_workbook(path, needed=NEEDED)


def require_made_for(workbook: OpenWorkbook, pack: Pack, title: str, kind: Kind | str) -> None:
    """Refuse a workbook that is of another pack, title or kind. Raises `WorkbookRefused`."""
    workbook.require(pack=pack.name, title=title, kind=kind)
    facts_of_pack = Text(f"政策包 {pack.name} ", f"the pack {pack.name}")
    workbook.require_columns({*pack.facts, *CONTACTS}, of=facts_of_pack)


@dataclass(frozen=True, slots=True)
class RowRead:
    number: int
    facts: dict[str, FactValue]
    """What was readable, in the pack's own spelling."""
    contact: dict[str, str]
    """`name`, `position`, `phone` and `email`, as far as they were given."""
    problems: tuple[CellProblem, ...]
    columns: Mapping[str, SheetColumn]
    """Every column of the sheet, filled here or not."""


def _unreadable_contact(problem: Unreadable) -> Unreadable:
    return Unreadable(
        problem.code,
        "无法读取，请以文本格式重新填写。",
        "It cannot be read; write it anew, as a text.",
    )


def read_row(pack: Pack, row: SheetRow) -> RowRead:
    """Turn what Excel kept into facts. What cannot be read is named; nothing is guessed or dropped."""
    given: dict[str, Any] = {}
    contact: dict[str, str] = {}
    problems: dict[str, FactProblem | Unreadable] = {}
    for cell in row.cells:
        try:
            refuse_cell(cell)
            if cell.name in CONTACTS:
                contact[cell.name.removeprefix("contact.")] = _contact(cell)
            else:
                given[cell.name] = _fact(pack, cell)
        except Unreadable as problem:
            # What stands in a cell about a person is repeated to nobody.
            problems[cell.name] = _unreadable_contact(problem) if cell.name in CONTACTS else problem
    columns = row.columns.under(pack.checksum, lambda name: label_of(pack, name).zh)
    checked = pack.check_facts(given)
    for found in checked.problems:
        name = found.pointer.removeprefix("/facts/").replace("~1", "/").replace("~0", "~")
        problems[name] = found
    return RowRead(
        number=row.number,
        facts=checked.values,
        contact=contact,
        problems=tuple(
            _problem(row, cell, columns[cell.name], problems[cell.name])
            for cell in row.cells
            if cell.name in problems
        ),
        columns=columns,
    )


def _problem(
    row: SheetRow, cell: SheetCell, column: SheetColumn, problem: FactProblem | Unreadable
) -> CellProblem:
    # The pack words its problems for programs.
    is_for_programs = isinstance(problem, FactProblem)
    return CellProblem(
        row=row.number,
        column=column.letter,
        name=cell.name,
        label=column.label,
        code=problem.code,
        detail=_WORDS.get(problem.code, problem.detail) if is_for_programs else problem.detail,
    )


def _contact(cell: SheetCell) -> str:
    text = text_of(cell)
    if len(text) > LONGEST_CONTACT:
        raise Unreadable(
            "too_long",
            f"最多 {LONGEST_CONTACT} 字。",
            f"It has {LONGEST_CONTACT} characters at most.",
        )
    return text


def _fact(pack: Pack, cell: SheetCell) -> object:
    """Return a value in the spelling that the pack checks."""
    fact = pack.facts.get(cell.name)
    if fact is None:
        return cell.value
    if fact.kind is FactKind.CHOICE:
        return _choice(cell, pack.option_names[fact.options or ""])
    return _READERS[fact.kind](cell)


def _texts(cell: SheetCell) -> list[str]:
    items = [item.strip() for item in _LIST_MARKS.split(text_of(cell))]
    written = [item for item in items if item]
    return [] if written == [NONE] else written


def _flag(cell: SheetCell) -> bool:
    read = _FLAGS.get(plain_of(cell).lower()) if cell.kind in {"text", "flag"} else None
    if read is None:
        raise Unreadable("not_a_flag", "应填“是”或“否”。", "It is 是 (yes) or 否 (no).")
    return read


def _decimal(text: str) -> Decimal | None:
    """Read a written number exactly; None when it is none."""
    if len(text) > LONGEST_WRITTEN:
        return None
    if _GROUPED_NUMBER.fullmatch(text):
        return Decimal(text.replace(",", ""))
    return Decimal(text) if _PLAIN_NUMBER.fullmatch(text) else None


def _amount(cell: SheetCell) -> str:
    match cell.kind:
        case "number":
            return f"{number_of(cell):f}"
        case "text":
            amount = _decimal(plain_of(cell))
            if amount is not None:
                return f"{amount:f}"
    raise Unreadable("not_an_amount", *_WORDS["not_an_amount"])


def _percent(cell: SheetCell) -> str:
    match cell.kind:
        case "number":
            return f"{number_of(cell):f}"
        case "percent":
            # Excel keeps 12.5% as 0.125. Moving the point is exact.
            return f"{number_of(cell).scaleb(2).normalize():f}"
        case "text":
            percentage = _decimal(plain_of(cell).removesuffix("%").rstrip())
            if percentage is not None:
                return f"{percentage:f}"
    raise Unreadable("not_a_percentage", *_WORDS["not_a_percentage"])


def _points(cell: SheetCell) -> str:
    points = None
    match cell.kind:
        case "number":
            points = number_of(cell)
        case "text":
            points = _decimal(plain_of(cell).removesuffix("分").rstrip())
    if points is None:
        raise Unreadable("not_points", *_WORDS["not_points"])
    return f"{points:f}"


def _whole(cell: SheetCell) -> int:
    number = None
    match cell.kind:
        case "number":
            number = number_of(cell)
        case "text":
            number = _decimal(plain_of(cell))
    if number is None or number != number.to_integral_value() or number.adjusted() > 18:  # noqa: PLR2004 - more digits than any count has
        raise Unreadable("not_a_whole_number", "应填整数。", "It is a whole number.")
    return int(number)


def _year(cell: SheetCell) -> int:
    if cell.kind == "text":
        bare = plain_of(cell).removesuffix("年").rstrip()
        return _whole(SheetCell(cell.name, cell.kind, bare))
    return _whole(cell)


def _choice(cell: SheetCell, options: Mapping[str, Text]) -> str:
    if cell.kind == "text":
        written = plain_of(cell)
        for option, name in options.items():
            if written in {option, half_width(name.zh)}:
                return option
    listed = "；".join(name.zh for name in options.values())
    raise Unreadable(
        "not_an_option",
        f"不在列表中；请从下列各项中选择：{listed}。",
        f"It is not of the list: {'; '.join(name.en for name in options.values())}.",
    )


def _industry(cell: SheetCell) -> str:
    if cell.kind == "text":
        return plain_of(cell)
    code = f"{number_of(cell):f}" if cell.kind == "number" else ""
    if len(code) != 4 or not code.isdigit():  # noqa: PLR2004 - a class has four digits
        raise Unreadable(
            "code_as_number",
            "行业代码被 Excel 存成了数字，前面的 0 可能已丢失；请把单元格格式设为“文本”，"
            "填写四位代码，如 0111。",
            "Excel keeps the code as a number and may have dropped a leading 0; format the cell as"
            " text and write four digits, such as 0111.",
        )
    return code


def _division(cell: SheetCell) -> str:
    return _divisions().read(cell, mismatch="division_mismatch")


@lru_cache
def _divisions() -> CodeList:
    return CodeList((one.code, one.name) for one in divisions().values())


_READERS: Final[Mapping[FactKind, Callable[[SheetCell], object]]] = {
    FactKind.TEXT: text_of,
    FactKind.TEXTS: _texts,
    FactKind.FLAG: _flag,
    FactKind.DAY: day_of,
    FactKind.YEAR: _year,
    FactKind.COUNT: _whole,
    FactKind.AMOUNT: _amount,
    FactKind.PERCENT: _percent,
    FactKind.POINTS: _points,
    FactKind.CREDIT_CODE: credit_code_of,
    FactKind.DIVISION: _division,
    FactKind.INDUSTRY: _industry,
}

_WORDS: Final[Mapping[str, Text]] = {
    "not_an_amount": Text(
        "应填以元为单位的金额，如 20000000.00；不要带“元”“万元”等字样。",
        "It is an amount in yuan, such as 20000000.00, without the word for the unit.",
    ),
    "not_a_percentage": Text(
        "应填百分数，如 12.5 或 12.5%。", "It is a percentage, such as 12.5 or 12.5%."
    ),
    "not_points": Text(
        "应填 0 至 1000、最多两位小数的得分，如 56.5。",
        "It is a number of points from 0 to 1000 with two decimals at most, such as 56.5.",
    ),
    "not_a_day": NOT_A_DAY,
    "unknown_division": Text(
        "不是现行行政区划；请从列表中选择，或填写六位代码。",
        "It is no division of today; choose one of the list, or write its six-digit code.",
    ),
    "unknown_industry": Text(
        "应填 GB/T 4754-2017 的四位行业代码，如 3484。",
        "It is a four-digit class of GB/T 4754-2017, such as 3484.",
    ),
    "unknown_fact": Text(
        "政策包没有定义此列；请使用本批次的模板。",
        "The pack does not know this column; use the template of this round.",
    ),
}
"""What the pack says for programs, said for somebody with a sheet before them."""
