"""What the score sheets of an expert panel add up to, and what a panel still needs. Pure."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import assert_never

from services.kernel.text import Text
from services.policy.procedure import Aggregation, PanelRule

_HUNDREDTH = Decimal("0.01")
_TENTH = Decimal("0.1")
_FEWEST_TO_TRIM = 4

SheetItem = tuple[str, Decimal, str]
"""An indicator, the points for it, and the reason in words."""


class Need(StrEnum):
    SHEETS = "sheets"
    MODERATION = "moderation"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a panel is. Nothing is said of points before the experts of its rule have scored."""

    seats: int
    need: Need
    points: Decimal | None
    spread: Decimal | None
    is_alarmed: bool


def aggregate(totals: Sequence[Decimal], how: Aggregation) -> Decimal:
    """Return the points of a panel, to two places. Raises ValueError when there is no sheet.

    A trimmed mean leaves out one highest and one lowest of four sheets or more. Of three it would
    leave one expert to decide alone, so of fewer than four it is the plain mean.
    """
    match how:
        case "mean":
            return _to_hundredths(statistics.mean(totals))
        case "trimmed_mean":
            is_trimmed = len(totals) >= _FEWEST_TO_TRIM
            return _to_hundredths(statistics.mean(sorted(totals)[1:-1] if is_trimmed else totals))
        case "median":
            return _to_hundredths(statistics.median(totals))
    assert_never(how)


def _to_hundredths(points: Decimal) -> Decimal:
    return points.quantize(_HUNDREDTH, ROUND_HALF_UP)


def spread(totals: Sequence[Decimal]) -> Decimal:
    """Return how far the highest sheet is above the lowest. Raises ValueError without a sheet."""
    return max(totals) - min(totals)


def progress(rule: PanelRule, totals: Sequence[Decimal]) -> Progress:
    """Return what a panel needs next.

    Sheets too far apart call one more expert, once. Then the sheet that lies furthest from the others
    is left out: if those agree they are the result, and if they do not it is for a moderator.
    """
    if len(totals) < rule.experts:
        return Progress(
            seats=rule.experts, need=Need.SHEETS, points=None, spread=None, is_alarmed=False
        )
    apart = spread(totals)
    if apart <= rule.spread_alarm:
        return _agreed(rule, totals, seats=len(totals), is_alarmed=False)
    if len(totals) == rule.experts:
        return Progress(
            seats=rule.experts + 1, need=Need.SHEETS, points=None, spread=apart, is_alarmed=True
        )
    counted = without_the_outlier(totals)
    if spread(counted) <= rule.spread_alarm:
        return _agreed(rule, counted, seats=len(totals), is_alarmed=True)
    return Progress(
        seats=len(totals), need=Need.MODERATION, points=None, spread=apart, is_alarmed=True
    )


def _agreed(
    rule: PanelRule, counted: Sequence[Decimal], *, seats: int, is_alarmed: bool
) -> Progress:
    return Progress(
        seats=seats,
        need=Need.NOTHING,
        points=aggregate(counted, rule.aggregation),
        spread=spread(counted),
        is_alarmed=is_alarmed,
    )


def without_the_outlier(totals: Sequence[Decimal]) -> Sequence[Decimal]:
    """Leave out the highest or the lowest sheet, whichever is further from the rest.

    Where both are equally far, neither stands out and all of them count.
    """
    ordered = sorted(totals)
    without_highest, without_lowest = ordered[:-1], ordered[1:]
    if spread(without_highest) == spread(without_lowest):
        return ordered
    return min(without_highest, without_lowest, key=spread)


def has_passed(rule: PanelRule, points: Decimal) -> bool:
    return points >= rule.pass_at_least


def moderated_within(totals: Sequence[Decimal], points: Decimal) -> bool:
    """Whether moderated points lie within what the experts gave, both ends included."""
    return min(totals) <= points <= max(totals)


def sheet_total(items: Sequence[SheetItem]) -> Decimal:
    return sum((points for _, points, _ in items), Decimal(0))


def check_sheet(rule: PanelRule, items: Sequence[SheetItem]) -> list[tuple[str, str, Text]]:
    """Return what is wrong with a sheet as pointer, code and sentence; nothing when it is right."""
    return list(_sheet_problems(rule, items))


def _sheet_problems(rule: PanelRule, items: Sequence[SheetItem]) -> Iterator[tuple[str, str, Text]]:
    indicators = {one.id: one for one in rule.indicators}
    scored: set[str] = set()
    for place, (name, points, reason) in enumerate(items):
        pointer = f"/items/{place}"
        indicator = indicators.get(name)
        if indicator is None:
            text = Text(f"评审表没有指标 {name}。", f"The sheet has no indicator {name}.")
            yield f"{pointer}/indicator", "unknown_indicator", text
        elif name in scored:
            text = Text(
                f"指标“{indicator.name.zh}”只能评一次分。",
                f"The indicator {indicator.name.en} is scored once.",
            )
            yield f"{pointer}/indicator", "listed_twice", text
        scored.add(name)
        if indicator is not None:
            problem = _points_problem(points, indicator.out_of)
            if problem is not None:
                yield f"{pointer}/points", *problem
        if not reason.strip():
            text = Text("请写明评分理由。", "Say why these points are given.")
            yield f"{pointer}/reason", "reason_missing", text
    for indicator in rule.indicators:
        if indicator.id not in scored:
            text = Text(
                f"指标“{indicator.name.zh}”尚未评分。",
                f"The indicator {indicator.name.en} is not scored.",
            )
            yield "/items", "indicator_missing", text


def _points_problem(points: Decimal, out_of: int) -> tuple[str, Text] | None:
    if not points.is_finite():
        return "not_a_number", Text("分值应为数字。", "Points are a number.")
    if points < 0:
        return "below_zero", Text("分值不低于 0。", "Points are not below 0.")
    if points > out_of:
        return "above_maximum", Text(
            f"该指标最高 {out_of} 分。", f"This indicator has {out_of} points at most."
        )
    if points != points.quantize(_TENTH):
        return "too_many_places", Text(
            "分值最多保留一位小数。", "Points have one decimal place at most."
        )
    return None
