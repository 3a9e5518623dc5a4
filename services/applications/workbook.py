"""A filled workbook: read in a process of its own, each row turned into facts of a pack."""

import asyncio
import json
import re
import sys
import unicodedata
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from services.applications.template import CONTACTS, LONGEST_CONTACT, MOST_ROWS, NONE, label_of
from services.kernel.text import Text
from services.policy.divisions import divisions
from services.policy.facts import FactKind, FactProblem, FactValue
from services.policy.pack import Pack

SECONDS_FOR_A_LINE: Final = 90
"""The reading process takes 60 of processor time at most; then it is ended."""
LONGEST_LINE: Final = 2 * 2**20
"""In bytes: a row has a quarter of a million characters at most, and JSON may spell one with six."""
DIGITS_IN_A_NUMBER: Final = 15
"""How many a number cell keeps exactly."""

CellKind = Literal["text", "number", "percent", "flag", "day", "moment", "time", "formula", "error"]

_ROOT = Path(__file__).parents[2]
_LIST_MARKS = re.compile(r"[；;、\r\n]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_GROUPED_NUMBER = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_DAY = re.compile(
    r"([0-9]{4})(?:-([0-9]{1,2})-([0-9]{1,2})|/([0-9]{1,2})/([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日)"
)
_DIVISION = re.compile(r"([0-9]{6})(?: *(.+))?")
_FLAGS: Final = {"是": True, "true": True, "y": True, "否": False, "false": False, "n": False}
_LONGEST_WRITTEN = 200
"""Of what is no free text. Anything longer is none of it, and is not even normalised."""


class WorkbookRefused(Exception):
    """The file is not read at all. `code` is stable, `detail` says what to do."""

    def __init__(self, code: str, detail: Text) -> None:
        super().__init__(detail.en)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class SheetColumn:
    letter: str
    label: str
    """What stands at its head, in Chinese."""


class SheetColumns:
    """The columns of a sheet by their names; its rows share them."""

    def __init__(self, letters: Mapping[str, str]) -> None:
        self.letters = letters
        self._labelled: dict[str, Mapping[str, SheetColumn]] = {}

    def under(self, pack: Pack) -> Mapping[str, SheetColumn]:
        """Return the columns as a pack calls them."""
        found = self._labelled.get(pack.checksum)
        if found is None:
            found = self._labelled[pack.checksum] = {
                name: SheetColumn(letter, label_of(pack, name).zh)
                for name, letter in self.letters.items()
            }
        return found


@dataclass(frozen=True, slots=True)
class SheetHeader:
    """What a workbook says of itself, before its rows."""

    sheet: str
    total: int
    """How many rows are filled."""
    columns: SheetColumns
    meta: Mapping[str, str]
    """What the template was made for: `format`, `pack`, `title`, `kind` and, if any, `round`.

    Anybody can edit it, and it is empty where that sheet was taken out.
    """


@dataclass(frozen=True, slots=True)
class SheetCell:
    name: str
    kind: CellKind
    value: str
    """Spelled so that nothing is lost: a number in its shortest decimal form, a day as ISO 8601."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    number: int
    """As Excel counts, from 1."""
    cells: tuple[SheetCell, ...]
    """Those that are filled, in the order of the columns."""
    columns: SheetColumns


@dataclass(frozen=True, slots=True)
class CellProblem:
    row: int
    column: str
    name: str
    label: str
    code: str
    detail: Text


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


class OpenWorkbook:
    """A workbook whose rows are being read, each once."""

    def __init__(self, header: SheetHeader, rows: AsyncIterator[SheetRow]) -> None:
        self.header = header
        self._rows = rows

    @property
    def total(self) -> int:
        """How many rows are filled."""
        return self.header.total

    def require(self, *, pack: str, title: str, kind: str) -> None:
        """Refuse a template that was made for something else. Raises `WorkbookRefused`."""
        for what, wanted in (("pack", pack), ("title", title), ("kind", kind)):
            found = self.header.meta.get(what, wanted)
            if found != wanted:
                raise WorkbookRefused(
                    "other_template",
                    Text(
                        f"这是为其他申报下载的模板（{found[:80]}，本批次为 {wanted}）；请下载本批次的模板。",
                        f"The template was made for {found[:80]}, and this is {wanted};"
                        " use the template of this round.",
                    ),
                )

    def require_columns(self, pack: Pack) -> None:
        """Refuse a column that the pack does not know. Raises `WorkbookRefused`."""
        for name, letter in self.header.columns.letters.items():
            if name not in pack.facts and name not in CONTACTS:
                raise WorkbookRefused(
                    "unknown_column",
                    Text(
                        f"{letter} 列的列名 {name[:80]} 不在政策包 {pack.name} 中；请使用本批次的模板。",
                        f"Column {letter} is called {name[:80]}, which {pack.name} does not know;"
                        " use the template of this round.",
                    ),
                )

    def rows(self) -> AsyncIterator[SheetRow]:
        """Return the filled rows in order.

        Raises `WorkbookRefused` when the reading process dies over them.
        """
        return self._rows


# ---------------------------------------------------------------- the reading process


@asynccontextmanager
async def read_workbook(path: Path, *, max_rows: int = MOST_ROWS) -> AsyncIterator[OpenWorkbook]:
    """Open a workbook that a stranger made; its process is gone when the block is left.

    Raises `WorkbookRefused`, also for a file that the process dies of.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(path, max_rows),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=_ROOT,
        env={"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        limit=LONGEST_LINE,
    )
    try:
        first = await _next_line(process)
        if first is None:
            raise unreadable()
        columns = SheetColumns(first["columns"])
        header = SheetHeader(first["sheet"], first["rows"], columns, first["meta"])
        async with aclosing(_rows(process, header)) as rows:
            yield OpenWorkbook(header, rows)
    finally:
        await _end(process)


def _command(path: Path, max_rows: int) -> tuple[str, ...]:
    reader = "services.applications.workbook_reader"
    return (sys.executable, "-m", reader, "--max-rows", str(max_rows), str(path.absolute()))


def unreadable() -> WorkbookRefused:
    return WorkbookRefused(
        "unreadable",
        Text(
            "文件过大、过于复杂或已损坏，无法读取；请用模板重新填写后上传。",
            "It is too large, too complex or damaged; fill the template anew.",
        ),
    )


async def _rows(
    process: asyncio.subprocess.Process, header: SheetHeader
) -> AsyncGenerator[SheetRow, None]:
    count = 0
    while (line := await _next_line(process)) is not None:
        count += 1
        yield SheetRow(
            line["row"],
            tuple(SheetCell(name, kind, value) for name, (kind, value) in line["cells"].items()),
            header.columns,
        )
    # A process that was stopped half-way has printed whole lines too.
    if await process.wait() != 0 or count != header.total:
        raise unreadable()


async def _next_line(process: asyncio.subprocess.Process) -> dict[str, Any] | None:
    """Return the next line, or None after the last. Raises `WorkbookRefused` for a refusal."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        async with asyncio.timeout(SECONDS_FOR_A_LINE):
            text = await process.stdout.readline()
        line: dict[str, Any] | None = json.loads(text) if text else None
    except (TimeoutError, ValueError) as error:
        raise unreadable() from error
    if line is not None and "refused" in line:
        raise WorkbookRefused(line["refused"], Text(line["zh"], line["en"]))
    return line


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    # What it had written is drained, so that its pipe closes too.
    if process.stdout is not None:
        while await process.stdout.read(LONGEST_LINE):
            pass
    await process.wait()


# ---------------------------------------------------------------- one row


class _Unreadable(ValueError):
    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.detail = Text(zh, en)


def _unreadable_contact(problem: _Unreadable) -> _Unreadable:
    return _Unreadable(
        problem.code,
        "无法读取，请以文本格式重新填写。",
        "It cannot be read; write it anew, as a text.",
    )


def read_row(pack: Pack, row: SheetRow) -> RowRead:
    """Turn what Excel kept into facts. What cannot be read is named; nothing is guessed or dropped."""
    given: dict[str, Any] = {}
    contact: dict[str, str] = {}
    problems: dict[str, FactProblem | _Unreadable] = {}
    for cell in row.cells:
        try:
            _refuse_cell(cell)
            if cell.name in CONTACTS:
                contact[cell.name.removeprefix("contact.")] = _contact(cell)
            else:
                given[cell.name] = _fact(pack, cell)
        except _Unreadable as problem:
            # What stands in a cell about a person is repeated to nobody.
            problems[cell.name] = _unreadable_contact(problem) if cell.name in CONTACTS else problem
    columns = row.columns.under(pack)
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
    row: SheetRow, cell: SheetCell, column: SheetColumn, problem: FactProblem | _Unreadable
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


def _refuse_cell(cell: SheetCell) -> None:
    """Refuse what is not to be taken for a value, whatever the column."""
    if cell.kind == "formula" or (cell.kind == "text" and cell.value.lstrip()[:1] in {"=", "@"}):
        raise _Unreadable(
            "formula",
            "单元格是公式，不读取计算结果；请用“选择性粘贴—数值”改为数值或文字。",
            "It is a formula, whose result is not taken; paste it as a value.",
        )
    if cell.kind == "error":
        raise _Unreadable(
            "error_value",
            "单元格是错误值（如 #REF!、#N/A）；请重新填写。",
            "It is an error such as #REF! or #N/A; write the value anew.",
        )
    if cell.kind == "text" and (strange := _CONTROL.search(cell.value)):
        raise _Unreadable(
            "unstorable_character",
            f"含有不可见的控制字符（U+{ord(strange[0]):04X}）；请删除后重新键入。",
            f"It has a control character (U+{ord(strange[0]):04X}); type the text anew.",
        )


def _contact(cell: SheetCell) -> str:
    text = _text(cell)
    if len(text) > LONGEST_CONTACT:
        raise _Unreadable(
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


def _text(cell: SheetCell) -> str:
    match cell.kind:
        case "text":
            return cell.value.strip()
        case "number":
            return f"{_number(cell):f}"
        case "day" | "moment" | "time" | "percent":
            raise _Unreadable(
                "not_a_text",
                f"Excel 已把内容变为日期或百分数（{cell.value}）；请把单元格格式设为“文本”后重新键入。",
                f"Excel has made it a day or a percentage ({cell.value}); format the cell as text"
                " and type it anew.",
            )
    raise _Unreadable("not_a_text", "应填写文字。", "A text belongs here.")


def _texts(cell: SheetCell) -> list[str]:
    items = [item.strip() for item in _LIST_MARKS.split(_text(cell))]
    written = [item for item in items if item]
    return [] if written == [NONE] else written


def _plain(cell: SheetCell) -> str:
    """Return a short text in half width and without what cannot be seen."""
    if cell.kind != "text" or len(cell.value) > _LONGEST_WRITTEN:
        return cell.value
    return _half_width(cell.value)


@lru_cache(maxsize=4096)
def _half_width(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text)
    return "".join(one for one in normal if unicodedata.category(one) != "Cf").strip()


def _flag(cell: SheetCell) -> bool:
    read = _FLAGS.get(_plain(cell).lower()) if cell.kind in {"text", "flag"} else None
    if read is None:
        raise _Unreadable("not_a_flag", "应填“是”或“否”。", "It is 是 (yes) or 否 (no).")
    return read


def _decimal(text: str) -> Decimal | None:
    """Read a written number exactly; None when it is none."""
    if len(text) > _LONGEST_WRITTEN:
        return None
    if _GROUPED_NUMBER.fullmatch(text):
        return Decimal(text.replace(",", ""))
    return Decimal(text) if _PLAIN_NUMBER.fullmatch(text) else None


def _number(cell: SheetCell) -> Decimal:
    """Return what a number cell holds. Refuses one that Excel may have rounded."""
    try:
        # The shortest decimal form that is this binary number: no arithmetic has touched it.
        number = Decimal(cell.value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _Unreadable("not_a_number", "不是数字。", "It is no number.")
    if len(number.normalize().as_tuple().digits) > DIGITS_IN_A_NUMBER:
        raise _Unreadable(
            "inexact_number",
            f"单元格实际存有 {cell.value}，超过 Excel 能准确保存的 {DIGITS_IN_A_NUMBER} 位有效数字；"
            "请重新键入准确的数值，或把单元格格式设为“文本”后填写。",
            f"The cell holds {cell.value}, more than the {DIGITS_IN_A_NUMBER} digits that Excel keeps"
            " exactly; type it anew, or as a text.",
        )
    whole = number.to_integral_value()
    return whole if whole == number else number


def _amount(cell: SheetCell) -> str:
    match cell.kind:
        case "number":
            return f"{_number(cell):f}"
        case "text":
            amount = _decimal(_plain(cell))
            if amount is not None:
                return f"{amount:f}"
    raise _Unreadable("not_an_amount", *_WORDS["not_an_amount"])


def _percent(cell: SheetCell) -> str:
    match cell.kind:
        case "number":
            return f"{_number(cell):f}"
        case "percent":
            # Excel keeps 12.5% as 0.125. Moving the point is exact.
            return f"{_number(cell).scaleb(2).normalize():f}"
        case "text":
            percentage = _decimal(_plain(cell).removesuffix("%").rstrip())
            if percentage is not None:
                return f"{percentage:f}"
    raise _Unreadable("not_a_percentage", *_WORDS["not_a_percentage"])


def _points(cell: SheetCell) -> str:
    points = None
    match cell.kind:
        case "number":
            points = _number(cell)
        case "text":
            points = _decimal(_plain(cell).removesuffix("分").rstrip())
    if points is None:
        raise _Unreadable("not_points", *_WORDS["not_points"])
    return f"{points:f}"


def _whole(cell: SheetCell) -> int:
    number = None
    match cell.kind:
        case "number":
            number = _number(cell)
        case "text":
            number = _decimal(_plain(cell))
    if number is None or number != number.to_integral_value() or number.adjusted() > 18:  # noqa: PLR2004 - more digits than any count has
        raise _Unreadable("not_a_whole_number", "应填整数。", "It is a whole number.")
    return int(number)


def _year(cell: SheetCell) -> int:
    if cell.kind == "text":
        bare = _plain(cell).removesuffix("年").rstrip()
        return _whole(SheetCell(cell.name, cell.kind, bare))
    return _whole(cell)


def _day(cell: SheetCell) -> str:
    match cell.kind:
        case "day":
            return cell.value
        case "text":
            found = _DAY.fullmatch(_plain(cell))
            if found is not None:
                year, month, day = (int(part) for part in found.groups() if part is not None)
                with suppress(ValueError):
                    return date(year, month, day).isoformat()
        case "number":
            raise _Unreadable(
                "not_a_day",
                f"这是数字 {cell.value.removesuffix('.0')}，不是日期；请把单元格格式设为“日期”后重新键入，"
                "如 2015-06-01。",
                f"It is the number {cell.value.removesuffix('.0')}; format the cell as a date and"
                " type it anew, such as 2015-06-01.",
            )
        case "moment":
            raise _Unreadable(
                "not_a_day",
                f"含有时刻（{cell.value}）；只填日期，如 2015-06-01。",
                f"It has a time of day ({cell.value}); write the day alone, such as 2015-06-01.",
            )
    raise _Unreadable("not_a_day", *_WORDS["not_a_day"])


def _choice(cell: SheetCell, options: Mapping[str, Text]) -> str:
    if cell.kind == "text":
        written = _plain(cell)
        for option, name in options.items():
            if written in {option, _half_width(name.zh)}:
                return option
    listed = "；".join(name.zh for name in options.values())
    raise _Unreadable(
        "not_an_option",
        f"不在列表中；请从下列各项中选择：{listed}。",
        f"It is not of the list: {'; '.join(name.en for name in options.values())}.",
    )


def _credit_code(cell: SheetCell) -> str:
    if cell.kind == "text":
        return _plain(cell)
    raise _Unreadable(
        "code_as_number",
        "代码被 Excel 存成了数字，后几位已丢失；请把单元格格式设为“文本”，再按营业执照重新键入。",
        "Excel keeps the code as a number and has lost its last digits; format the cell as text and"
        " type it anew.",
    )


def _industry(cell: SheetCell) -> str:
    if cell.kind == "text":
        return _plain(cell)
    code = f"{_number(cell):f}" if cell.kind == "number" else ""
    if len(code) != 4 or not code.isdigit():  # noqa: PLR2004 - a class has four digits
        raise _Unreadable(
            "code_as_number",
            "行业代码被 Excel 存成了数字，前面的 0 可能已丢失；请把单元格格式设为“文本”，"
            "填写四位代码，如 0111。",
            "Excel keeps the code as a number and may have dropped a leading 0; format the cell as"
            " text and write four digits, such as 0111.",
        )
    return code


def _division(cell: SheetCell) -> str:
    written = f"{_number(cell):f}" if cell.kind == "number" else _plain(cell)
    found = _DIVISION.fullmatch(written)
    if found is None:
        return _division_named(written)
    code, name = found.groups()
    if name is not None and code in divisions() and divisions()[code].name != name:
        raise _Unreadable(
            "division_mismatch",
            f"代码 {code} 是{divisions()[code].name}，与所填名称不一致；请从列表中选择。",
            f"The code {code} is of {divisions()[code].name}, not of what stands beside it;"
            " choose one of the list.",
        )
    return code


def _division_named(name: str) -> str:
    codes = _divisions_by_name().get(name, ())
    # What no division is called, or several are, stays as it is, for the pack to refuse.
    return codes[0] if len(codes) == 1 else name


@lru_cache
def _divisions_by_name() -> dict[str, tuple[str, ...]]:
    named: dict[str, tuple[str, ...]] = {}
    for one in divisions().values():
        named[one.name] = (*named.get(one.name, ()), one.code)
    return named


_READERS: Final[Mapping[FactKind, Callable[[SheetCell], object]]] = {
    FactKind.TEXT: _text,
    FactKind.TEXTS: _texts,
    FactKind.FLAG: _flag,
    FactKind.DAY: _day,
    FactKind.YEAR: _year,
    FactKind.COUNT: _whole,
    FactKind.AMOUNT: _amount,
    FactKind.PERCENT: _percent,
    FactKind.POINTS: _points,
    FactKind.CREDIT_CODE: _credit_code,
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
    "not_a_day": Text(
        "应填真实存在的日期，如 2015-06-01、2015/6/1 或 2015年6月1日。",
        "It is a day that exists, such as 2015-06-01, 2015/6/1 or 2015年6月1日.",
    ),
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
