"""What a limit or a band is held against: a figure, a sum, a share, a growth, a number of years.

Every measure is an exact quotient of whole numbers, so that 70.00 % is 70 % and 69.9999 % is not.
"""

from abc import abstractmethod
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.kernel.text import Text
from services.policy.facts import FactKind
from services.policy.matter import Matter, Quotient, exactly, grouped, missing_facts
from services.policy.validity import years_after

Unit = Literal["yuan", "count", "percent", "years", "points"]

UNITS: dict[Unit, Text] = {
    "yuan": Text(" 元", " yuan"),
    "count": Text("", ""),
    "percent": Text("%", " %"),
    "years": Text(" 年", " years"),
    "points": Text(" 分", " points"),
}
_UNIT_OF_KIND: dict[FactKind, Unit] = {
    FactKind.AMOUNT: "yuan",
    FactKind.COUNT: "count",
    FactKind.PERCENT: "percent",
    FactKind.POINTS: "points",
}
MEASURABLE = frozenset(_UNIT_OF_KIND)
"""The kinds of facts that are numbers."""

# Only for showing a percentage to a reader; no verdict rests on it.
_SHOWING = Context(prec=60, rounding=ROUND_FLOOR)
_PLACES = Decimal("0.0001")


class Measured(NamedTuple):
    value: Quotient | None
    """None when a fact is missing or there is nothing to divide by: an officer decides."""
    shown: Text
    """What was measured, in words; or why it could not be."""


class _Measure(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    @abstractmethod
    def uses(self) -> tuple[str, ...]:
        """The facts that it is taken from."""

    @abstractmethod
    def unit(self, matter: Matter) -> Unit: ...

    @abstractmethod
    def measure(self, matter: Matter) -> Measured: ...

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        """Yield each fact with the kinds that it can be of."""
        yield from ((fact, MEASURABLE) for fact in self.uses)

    def scaled(self, limit: Decimal) -> Quotient:
        """Return a limit on the scale of `value`."""
        return exactly(limit)


def _given(matter: Matter, names: tuple[str, ...]) -> list[Quotient] | Measured:
    found = [matter.quotient(name) for name in names]
    if None in found:
        lacking = tuple(name for name, value in zip(names, found, strict=True) if value is None)
        return Measured(None, missing_facts(matter, lacking))
    return [value for value in found if value is not None]


def _nothing_to_divide_by(matter: Matter, name: str) -> Measured:
    label, value = matter.label(name), grouped(matter.facts[name])
    return Measured(
        None,
        Text(
            f"{label.zh}为 {value}，无法计算比例，由主管部门判定。",
            f"{label.en} is {value}, so there is no ratio; an officer decides.",
        ),
    )


def percentage(value: Quotient) -> str:
    """Spell a percentage with at most four places; `≈` says that it goes on, cut off downwards."""
    top, bottom = value
    shown = _SHOWING.divide(Decimal(top), Decimal(bottom)).quantize(_PLACES, context=_SHOWING)
    is_whole = top * 10_000 % bottom == 0
    return f"{'' if is_whole else '≈'}{shown.normalize(_SHOWING):f}"


class FactMeasure(_Measure):
    """A figure as it was given."""

    of: Literal["fact"]
    fact: str

    @cached_property
    def uses(self) -> tuple[str, ...]:
        return (self.fact,)

    def unit(self, matter: Matter) -> Unit:
        return _UNIT_OF_KIND[matter.declared[self.fact].kind]

    def measure(self, matter: Matter) -> Measured:
        value = matter.quotient(self.fact)
        if value is None:
            return Measured(None, missing_facts(matter, self.uses))
        label, unit = matter.label(self.fact), UNITS[self.unit(matter)]
        shown = grouped(matter.facts[self.fact])
        return Measured(
            value, Text(f"{label.zh} {shown}{unit.zh}", f"{label.en} of {shown}{unit.en}")
        )


class SumMeasure(_Measure):
    """Several figures together, such as the expense of two years."""

    of: Literal["sum"]
    facts: tuple[str, ...] = Field(min_length=2)

    @cached_property
    def uses(self) -> tuple[str, ...]:
        return self.facts

    def unit(self, matter: Matter) -> Unit:
        return _UNIT_OF_KIND[matter.declared[self.facts[0]].kind]

    def measure(self, matter: Matter) -> Measured:
        values = _given(matter, self.facts)
        if isinstance(values, Measured):
            return values
        bottom = max(value[1] for value in values)
        top = sum(value[0] * (bottom // value[1]) for value in values)
        unit = UNITS[self.unit(matter)]
        total = grouped(f"{Decimal(top).scaleb(1 - len(str(bottom))):f}")
        labels = [matter.label(name) for name in self.facts]
        figures = [grouped(matter.facts[name]) for name in self.facts]
        return Measured(
            (top, bottom),
            Text(
                " + ".join(
                    f"{label.zh} {figure}" for label, figure in zip(labels, figures, strict=True)
                )
                + f" = {total}{unit.zh}",
                " + ".join(
                    f"{label.en} {figure}" for label, figure in zip(labels, figures, strict=True)
                )
                + f" = {total}{unit.en}",
            ),
        )


class ShareMeasure(_Measure):
    """A part of a whole, in percent."""

    of: Literal["share"]
    part: str
    whole: str

    @cached_property
    def uses(self) -> tuple[str, ...]:
        return (self.part, self.whole)

    def unit(self, matter: Matter) -> Unit:  # noqa: ARG002 - every measure is asked alike
        return "percent"

    def measure(self, matter: Matter) -> Measured:
        values = _given(matter, self.uses)
        if isinstance(values, Measured):
            return values
        (part, part_over), (whole, whole_over) = values
        if whole <= 0:
            return _nothing_to_divide_by(matter, self.whole)
        value = 100 * part * whole_over, part_over * whole
        labels = matter.label(self.part), matter.label(self.whole)
        figures = grouped(matter.facts[self.part]), grouped(matter.facts[self.whole])
        share = percentage(value)
        return Measured(
            value,
            Text(
                f"{labels[0].zh} {figures[0]} 占{labels[1].zh} {figures[1]} 的 {share}%",
                f"{labels[0].en} of {figures[0]} is {share} % of {labels[1].en.lower()},"
                f" {figures[1]}",
            ),
        )


class GrowthMeasure(_Measure):
    """The mean of the yearly growth rates over figures named from the latest year backwards."""

    of: Literal["growth"]
    figures: tuple[str, ...] = Field(min_length=2)

    @cached_property
    def uses(self) -> tuple[str, ...]:
        return self.figures

    def unit(self, matter: Matter) -> Unit:  # noqa: ARG002 - every measure is asked alike
        return "percent"

    def measure(self, matter: Matter) -> Measured:
        values = _given(matter, self.figures)
        if isinstance(values, Measured):
            return values
        for name, (before, _) in zip(self.figures[1:], values[1:], strict=True):
            if before <= 0:
                return _nothing_to_divide_by(matter, name)
        # The sum of the yearly ratios over one denominator, less one for each year.
        top, bottom, years = 0, 1, len(values) - 1
        for (later, later_over), (before, before_over) in pairwise(values):
            ratio_top, ratio_bottom = later * before_over, later_over * before
            top, bottom = top * ratio_bottom + ratio_top * bottom, bottom * ratio_bottom
        value = 100 * (top - years * bottom), years * bottom
        latest = matter.label(self.figures[0])
        figures = " → ".join(grouped(matter.facts[name]) for name in reversed(self.figures))
        rate = percentage(value)
        return Measured(
            value,
            Text(
                f"{latest.zh}逐年 {figures}，平均增长 {rate}%",
                f"{latest.en} by years {figures}, a mean growth of {rate} %",
            ),
        )


class CompoundGrowthMeasure(_Measure):
    """The compound yearly growth between two figures so many years apart (复合增长率)."""

    of: Literal["compound_growth"]
    latest: str
    earliest: str
    years: int = Field(ge=2)

    @cached_property
    def uses(self) -> tuple[str, ...]:
        return (self.latest, self.earliest)

    def unit(self, matter: Matter) -> Unit:  # noqa: ARG002 - every measure is asked alike
        return "percent"

    def scaled(self, limit: Decimal) -> Quotient:
        # A root is rarely a quotient, so the limit is raised to the power instead.
        top, bottom = exactly(1 + limit / 100)
        return top**self.years, bottom**self.years

    def measure(self, matter: Matter) -> Measured:
        values = _given(matter, self.uses)
        if isinstance(values, Measured):
            return values
        (latest, latest_over), (earliest, earliest_over) = values
        if earliest <= 0:
            return _nothing_to_divide_by(matter, self.earliest)
        value = latest * earliest_over, latest_over * earliest
        label = matter.label(self.latest)
        figures = f"{grouped(matter.facts[self.earliest])} → {grouped(matter.facts[self.latest])}"
        rate = self._rate(value)
        return Measured(
            value,
            Text(
                f"{label.zh} {self.years} 年间 {figures}，年复合增长 {rate}%",
                f"{label.en} over {self.years} years {figures}, a compound growth of {rate} %",
            ),
        )

    def _rate(self, value: Quotient) -> str:
        ratio = _SHOWING.divide(Decimal(value[0]), Decimal(value[1]))
        if ratio <= 0:
            return "-100"
        root = _SHOWING.power(ratio, _SHOWING.divide(Decimal(1), Decimal(self.years)))
        rate = ((root - 1) * 100).quantize(_PLACES, context=_SHOWING)
        return f"≈{rate.normalize(_SHOWING):f}"


class FullYearsMeasure(_Measure):
    """Full years since a day, up to the day of application or the end of the fiscal year."""

    of: Literal["full_years"]
    since: str
    until: Literal["application", "fiscal_year_end"]

    @cached_property
    def uses(self) -> tuple[str, ...]:
        is_year_end = self.until == "fiscal_year_end"
        return (self.since, "fiscal_year") if is_year_end else (self.since,)

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.since, frozenset({FactKind.DAY})

    def unit(self, matter: Matter) -> Unit:  # noqa: ARG002 - every measure is asked alike
        return "years"

    def measure(self, matter: Matter) -> Measured:
        lacking = tuple(name for name in self.uses if matter.facts.get(name) is None)
        if lacking:
            return Measured(None, missing_facts(matter, lacking))
        since = date.fromisoformat(matter.facts[self.since])
        until = over_on = matter.applied_on
        if self.until == "fiscal_year_end":
            # The last day counts to its midnight: from 1 January 2023 to the end of 2025 are three.
            until = date(matter.facts["fiscal_year"], 12, 31)
            over_on = until + timedelta(days=1)
        label = matter.label(self.since)
        if since > until:
            return Measured(
                None,
                Text(
                    f"{label.zh}为 {since}，晚于 {until}，由主管部门核实。",
                    f"{label.en} is {since}, which is after {until}; an officer checks it.",
                ),
            )
        years = over_on.year - since.year
        if years and years_after(since, years) > over_on:
            years -= 1
        return Measured(
            (years, 1),
            Text(
                f"{label.zh} {since}，至 {until} 满 {years} 年",
                f"{label.en} {since}, full years until {until}: {years}",
            ),
        )


Measure = Annotated[
    FactMeasure
    | SumMeasure
    | ShareMeasure
    | GrowthMeasure
    | CompoundGrowthMeasure
    | FullYearsMeasure,
    Field(discriminator="of"),
]
