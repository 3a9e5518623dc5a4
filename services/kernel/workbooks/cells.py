"""What stands in a cell, read as a clerk means it and never guessed."""

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from services.kernel.text import Text
from services.kernel.workbooks.workbook import SheetCell

DIGITS_IN_A_NUMBER: Final = 15
"""How many a number cell keeps exactly."""
LONGEST_WRITTEN: Final = 200
"""Of what is no free text. Anything longer is none of it, and is not even normalised."""
NOT_A_DAY: Final = Text(
    "应填真实存在的日期，如 2015-06-01、2015/6/1 或 2015年6月1日。",
    "It is a day that exists, such as 2015-06-01, 2015/6/1 or 2015年6月1日.",
)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DAY = re.compile(
    r"([0-9]{4})(?:-([0-9]{1,2})-([0-9]{1,2})|/([0-9]{1,2})/([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日)"
)


class Unreadable(ValueError):
    """A cell does not hold what belongs there. `detail` says what to do."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.detail = Text(zh, en)


def refuse_cell(cell: SheetCell) -> None:
    """Refuse what is not to be taken for a value, whatever the column."""
    if cell.kind == "formula" or (cell.kind == "text" and cell.value.lstrip()[:1] in {"=", "@"}):
        raise Unreadable(
            "formula",
            "单元格是公式，不读取计算结果；请用“选择性粘贴—数值”改为数值或文字。",
            "It is a formula, whose result is not taken; paste it as a value.",
        )
    if cell.kind == "error":
        raise Unreadable(
            "error_value",
            "单元格是错误值（如 #REF!、#N/A）；请重新填写。",
            "It is an error such as #REF! or #N/A; write the value anew.",
        )
    if cell.kind == "text" and (strange := _CONTROL.search(cell.value)):
        raise Unreadable(
            "unstorable_character",
            f"含有不可见的控制字符（U+{ord(strange[0]):04X}）；请删除后重新键入。",
            f"It has a control character (U+{ord(strange[0]):04X}); type the text anew.",
        )


def text_of(cell: SheetCell) -> str:
    match cell.kind:
        case "text":
            return cell.value.strip()
        case "number":
            return f"{number_of(cell):f}"
        case "day" | "moment" | "time" | "percent":
            raise Unreadable(
                "not_a_text",
                f"Excel 已把内容变为日期或百分数（{cell.value}）；请把单元格格式设为“文本”后重新键入。",
                f"Excel has made it a day or a percentage ({cell.value}); format the cell as text"
                " and type it anew.",
            )
    raise Unreadable("not_a_text", "应填写文字。", "A text belongs here.")


def plain_of(cell: SheetCell) -> str:
    """Return a short text in half width and without what cannot be seen."""
    if cell.kind != "text" or len(cell.value) > LONGEST_WRITTEN:
        return cell.value
    return half_width(cell.value)


@lru_cache(maxsize=4096)
def half_width(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text)
    return "".join(one for one in normal if unicodedata.category(one) != "Cf").strip()


def number_of(cell: SheetCell) -> Decimal:
    """Return what a number cell holds. Refuses one that Excel may have rounded."""
    try:
        # The shortest decimal form that is this binary number: no arithmetic has touched it.
        number = Decimal(cell.value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise Unreadable("not_a_number", "不是数字。", "It is no number.")
    if len(number.normalize().as_tuple().digits) > DIGITS_IN_A_NUMBER:
        raise Unreadable(
            "inexact_number",
            f"单元格实际存有 {cell.value}，超过 Excel 能准确保存的 {DIGITS_IN_A_NUMBER} 位有效数字；"
            "请重新键入准确的数值，或把单元格格式设为“文本”后填写。",
            f"The cell holds {cell.value}, more than the {DIGITS_IN_A_NUMBER} digits that Excel keeps"
            " exactly; type it anew, or as a text.",
        )
    whole = number.to_integral_value()
    return whole if whole == number else number


def day_of(cell: SheetCell) -> str:
    match cell.kind:
        case "day":
            return cell.value
        case "text":
            found = _DAY.fullmatch(plain_of(cell))
            if found is not None:
                year, month, day = (int(part) for part in found.groups() if part is not None)
                with suppress(ValueError):
                    return date(year, month, day).isoformat()
        case "number":
            raise Unreadable(
                "not_a_day",
                f"这是数字 {cell.value.removesuffix('.0')}，不是日期；请把单元格格式设为“日期”后重新键入，"
                "如 2015-06-01。",
                f"It is the number {cell.value.removesuffix('.0')}; format the cell as a date and"
                " type it anew, such as 2015-06-01.",
            )
        case "moment":
            raise Unreadable(
                "not_a_day",
                f"含有时刻（{cell.value}）；只填日期，如 2015-06-01。",
                f"It has a time of day ({cell.value}); write the day alone, such as 2015-06-01.",
            )
    raise Unreadable("not_a_day", *NOT_A_DAY)


def credit_code_of(cell: SheetCell) -> str:
    if cell.kind == "text":
        return plain_of(cell)
    raise Unreadable(
        "code_as_number",
        "代码被 Excel 存成了数字，后几位已丢失；请把单元格格式设为“文本”，再按营业执照重新键入。",
        "Excel keeps the code as a number and has lost its last digits; format the cell as text and"
        " type it anew.",
    )


class CodeList:
    """A list of codes with their names; a cell may hold the code, the name, or `code name`."""

    def __init__(self, entries: Iterable[tuple[str, str]]) -> None:
        self._names: dict[str, set[str]] = {}
        self._codes: dict[str, set[str]] = {}
        for code, name in entries:
            self._names.setdefault(code, set()).add(half_width(name))
            self._codes.setdefault(half_width(name), set()).add(code)

    def __contains__(self, code: str) -> bool:
        return code in self._names

    def read(self, cell: SheetCell, *, mismatch: str) -> str:
        """Return the code; what is of no list, or is called as several are, stays as it is.

        `mismatch` is the code of the problem that a code and another's name stand side by side.
        """
        written = f"{number_of(cell):f}" if cell.kind == "number" else plain_of(cell)
        code, _, name = (part.strip() for part in written.partition(" "))
        names = self._names.get(code)
        if names is not None:
            if name and name not in names:
                listed = "、".join(sorted(names))
                raise Unreadable(
                    mismatch,
                    f"代码 {code} 是{listed}，与所填名称不一致；请从列表中选择。",
                    f"The code {code} is of {listed}, not of what stands beside it;"
                    " choose one of the list.",
                )
            return code
        codes = self._codes.get(written, set())
        return next(iter(codes)) if len(codes) == 1 else written
