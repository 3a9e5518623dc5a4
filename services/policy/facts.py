"""Facts: what an enterprise declares, in the names and kinds that a pack gives them.

A fact that is accepted is kept in one JSON spelling: money as a decimal string with two places,
days as YYYY-MM-DD, codes in capitals. So a stored fact reads the same to every later reader.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.kernel.text import Text
from services.policy import credit_code
from services.policy.divisions import divisions
from services.policy.industries import industry_of

LONGEST_TEXT = 2000
LONGEST_NAME = 200
"""Of an enterprise: it is indexed, printed on certificates and shown in lists."""
LONGEST_LIST = 50
LARGEST_COUNT = 10**9
LARGEST_AMOUNT = Decimal(10) ** 15
"""A thousand trillion yuan: more than any enterprise has, less than a NUMERIC(18, 2) holds."""
LARGEST_POINTS = Decimal(1000)

_AMOUNT = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_POINTS = re.compile(r"(?:0|[1-9]\d{0,3})(?:\.\d{1,2})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

FactValue = str | int | bool | list[str]
Facts = Mapping[str, Any]


class FactKind(StrEnum):
    TEXT = "text"
    TEXTS = "texts"
    FLAG = "flag"
    DAY = "day"
    YEAR = "year"
    COUNT = "count"
    AMOUNT = "amount"
    PERCENT = "percent"
    POINTS = "points"
    CHOICE = "choice"
    CREDIT_CODE = "credit_code"
    DIVISION = "division"
    INDUSTRY = "industry"


class Fact(BaseModel):
    """One fact as a pack declares it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FactKind
    label: Text
    is_optional: bool = False
    """Whether leaving it out says something (no accident, no own brand) rather than nothing."""
    may_be_negative: bool = False
    options: str | None = None
    """For a choice: the name of the pack's list that it is taken from."""
    is_imported: bool = False
    """Whether it comes from a register or a platform: an enterprise does not state it itself."""


@dataclass(frozen=True, slots=True)
class FactProblem:
    pointer: str
    code: str
    detail: Text


@dataclass(frozen=True, slots=True)
class FactsChecked:
    values: dict[str, FactValue]
    problems: tuple[FactProblem, ...]


class _Unacceptable(ValueError):
    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.detail = Text(zh, en)


def check_facts(
    declared: Mapping[str, Fact], options: Mapping[str, frozenset[str]], facts: Facts
) -> FactsChecked:
    """Read facts by their kinds. What cannot be read is named; nothing is guessed or dropped."""
    values: dict[str, FactValue] = {}
    problems: list[FactProblem] = []
    for name, given in facts.items():
        pointer = f"/facts/{name.replace('~', '~0').replace('/', '~1')}"
        try:
            values[name] = _read(declared.get(name), options, given)
            if name == "legal_name":
                _refuse_long_name(values[name])
        except _Unacceptable as problem:
            values.pop(name, None)
            problems.append(FactProblem(pointer, problem.code, problem.detail))
    return FactsChecked(values=values, problems=tuple(problems))


def _read(fact: Fact | None, options: Mapping[str, frozenset[str]], given: object) -> FactValue:
    if fact is None:
        raise _Unacceptable(
            "unknown_fact", "政策包没有定义此项。", "The pack does not know this fact."
        )
    if fact.kind is FactKind.AMOUNT:
        return _amount(given, may_be_negative=fact.may_be_negative)
    if fact.kind is FactKind.CHOICE:
        return _choice(given, options[fact.options or ""])
    return _READERS[fact.kind](given)


def _refuse_long_name(name: FactValue) -> None:
    if isinstance(name, str) and len(name) > LONGEST_NAME:
        raise _Unacceptable(
            "too_long", f"最多 {LONGEST_NAME} 字。", f"It has {LONGEST_NAME} characters at most."
        )


def _flag(given: object) -> bool:
    if not isinstance(given, bool):
        raise _Unacceptable("not_a_flag", "须为 true 或 false。", "It is true or false.")
    return given


def _whole(given: object, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise _Unacceptable(
            "not_a_whole_number",
            f"须为 {least} 至 {most} 的整数。",
            f"It is a whole number from {least} to {most}.",
        )
    return given


def _string(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise _Unacceptable("not_a_text", "须为非空文本。", "It is a text that is not empty.")
    return given.strip()


def _text(given: object) -> str:
    text = _string(given)
    if len(text) > LONGEST_TEXT:
        raise _Unacceptable(
            "too_long", f"最多 {LONGEST_TEXT} 字。", f"It has {LONGEST_TEXT} characters at most."
        )
    return text


def _texts(given: object) -> list[str]:
    if not isinstance(given, list) or len(given) > LONGEST_LIST:
        raise _Unacceptable(
            "not_a_list_of_texts",
            f"须为至多 {LONGEST_LIST} 项的文本列表。",
            f"It is a list of at most {LONGEST_LIST} texts.",
        )
    return [_text(item) for item in given]


def _amount(given: object, *, may_be_negative: bool) -> str:
    # A JSON number has lost its cents before we see it, so money is a decimal string.
    if not isinstance(given, str) or _AMOUNT.fullmatch(given.strip()) is None:
        raise _Unacceptable(
            "not_an_amount",
            '金额须为十进制字符串，如 "20000000.00"（元）。',
            'Money is a decimal string in yuan, such as "20000000.00".',
        )
    text = given.strip()
    if len(text.partition(".")[2]) > 2:  # noqa: PLR2004 - yuan have two places
        raise _Unacceptable(
            "too_many_decimals", "金额最多两位小数。", "Money has two places at most."
        )
    # Compared by length first: a text of a million digits must not become a number.
    if len(text) > 20 or abs(Decimal(text)) > LARGEST_AMOUNT:  # noqa: PLR2004 - the limit's digits
        raise _Unacceptable(
            "too_large", f"金额不得超过 {LARGEST_AMOUNT:f} 元。", "Money is at most 10^15 yuan."
        )
    amount = Decimal(text)
    if amount < 0 and not may_be_negative:
        raise _Unacceptable("negative", "金额不得为负。", "It must not be negative.")
    return f"{amount + 0:.2f}"


def _percent(given: object) -> str:
    if not isinstance(given, str) or _AMOUNT.fullmatch(given.strip()) is None or len(given) > 12:  # noqa: PLR2004 - enough for any percentage
        raise _Unacceptable(
            "not_a_percentage",
            '百分数须为十进制字符串，如 "12.5"。',
            'A percentage is a decimal string, such as "12.5".',
        )
    return f"{Decimal(given.strip()):f}"


def _points(given: object) -> str:
    if not isinstance(given, str) or _POINTS.fullmatch(given.strip()) is None:
        raise _Unacceptable(
            "not_points",
            '得分须为 0 至 1000、最多两位小数的十进制字符串，如 "56.5"。',
            'Points are a decimal string from 0 to 1000 with two places at most, such as "56.5".',
        )
    points = Decimal(given.strip())
    if points > LARGEST_POINTS:
        raise _Unacceptable("too_large", "得分不得超过 1000。", "Points are at most 1000.")
    return f"{points:.2f}"


def _day(given: object) -> str:
    refusal = _Unacceptable("not_a_day", "日期格式应为 YYYY-MM-DD。", "A day is YYYY-MM-DD.")
    if not isinstance(given, str) or _DAY.fullmatch(given) is None:
        raise refusal
    try:
        return date.fromisoformat(given).isoformat()
    except ValueError as error:
        raise refusal from error


def _choice(given: object, options: frozenset[str]) -> str:
    if not isinstance(given, str) or given not in options:
        listed = ", ".join(sorted(options))
        raise _Unacceptable(
            "not_an_option", f"须为以下之一：{listed}。", f"It is one of: {listed}."
        )
    return given


def _credit_code(given: object) -> str:
    text = _string(given)
    try:
        return credit_code.parse(text).value
    except credit_code.CreditCodeInvalid as invalid:
        raise _Unacceptable(invalid.code, invalid.detail.zh, invalid.detail.en) from invalid


def _division(given: object) -> str:
    if not isinstance(given, str) or given not in divisions():
        raise _Unacceptable(
            "unknown_division",
            "不是现行行政区划代码，见 /api/v1/divisions。",
            "It is no division code of today; see /api/v1/divisions.",
        )
    return given


def _industry(given: object) -> str:
    if not isinstance(given, str) or industry_of(given) is None:
        raise _Unacceptable(
            "unknown_industry",
            "须为 GB/T 4754-2017 的四位行业代码。",
            "It is a four-digit class of GB/T 4754-2017.",
        )
    return given


_READERS: Mapping[FactKind, Callable[[object], FactValue]] = {
    FactKind.TEXT: _text,
    FactKind.TEXTS: _texts,
    FactKind.FLAG: _flag,
    FactKind.DAY: _day,
    FactKind.YEAR: lambda given: _whole(given, 1949, 2200),
    FactKind.COUNT: lambda given: _whole(given, 0, LARGEST_COUNT),
    FactKind.PERCENT: _percent,
    FactKind.POINTS: _points,
    FactKind.CREDIT_CODE: _credit_code,
    FactKind.DIVISION: _division,
    FactKind.INDUSTRY: _industry,
}
