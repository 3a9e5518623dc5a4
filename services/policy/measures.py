"""What a limit or a band is held against: a figure, a sum, a share, a growth, a number of years.

Every measure is an exact quotient of whole numbers, so that 70.00 % is 70 % and 69.9999 % is not.
"""

from abc import abstractmethod
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.kernel.text import Text
from services.policy.facts import FactKind
from services.policy.matter import Matter, Number, Quotient, exactly, missing_facts
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

_MILLION = 10**6


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


def _given(matter: Matter, names: tuple[str, ...]) -> list[Number] | Measured:
    found = [matter.number(name) for name in names]
    if None in found:
        return Measured(None, missing_facts(matter, _lacking(matter, names)))
    return [value for value in found if value is not None]


def _lacking(matter: Matter, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if matter.facts.get(name) is None)


def _nothing_to_divide_by(matter: Matter, name: str, value: Number) -> Measured:
    label = matter.label(name)
    return Measured(
        None,
        Text(
            f"{label.zh}为 {value.shown}，无法计算比例，由主管部门判定。",
            f"{label.en} is {value.shown}, so there is no ratio; an officer decides.",
        ),
    )


def percentage(value: Quotient) -> str:
    """Spell a percentage with at most four places; `≈` says that it goes on, cut off downwards."""
    ten_thousandths, rest = divmod(value[0] * 10_000, value[1])
    sign = "-" if ten_thousandths < 0 else ""
    whole, places = divmod(abs(ten_thousandths), 10_000)
    shown = f"{sign}{whole:,}" if places == 0 else f"{sign}{whole:,}.{places:04}".rstrip("0")
    return shown if rest == 0 else f"≈{shown}"


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
        number = matter.number(self.fact)
        if number is None:
            return Measured(None, missing_facts(matter, self.uses))
        top, bottom, shown = number
        label, unit = matter.label(self.fact), UNITS[self.unit(matter)]
        return Measured(
            (top, bottom), Text(f"{label.zh} {shown}{unit.zh}", f"{label.en} of {shown}{unit.en}")
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
        bottom = max(value.bottom for value in values)
        top = sum(value.top * (bottom // value.bottom) for value in values)
        unit = UNITS[self.unit(matter)]
        total = f"{Decimal(top).scaleb(1 - len(str(bottom))):,f}"
        labels = [matter.label(name) for name in self.facts]
        figures = [value.shown for value in values]
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
        part, whole = matter.number(self.part), matter.number(self.whole)
        if part is None or whole is None:
            return Measured(None, missing_facts(matter, _lacking(matter, self.uses)))
        if whole.top <= 0:
            return _nothing_to_divide_by(matter, self.whole, whole)
        value = 100 * part.top * whole.bottom, part.bottom * whole.top
        of_part, of_whole = matter.label(self.part), matter.label(self.whole)
        share = percentage(value)
        return Measured(
            value,
            Text(
                f"{of_part.zh} {part.shown} 占{of_whole.zh} {whole.shown} 的 {share}%",
                f"{of_part.en} of {part.shown} is {share} % of {of_whole.en.lower()},"
                f" {whole.shown}",
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
        for name, before in zip(self.figures[1:], values[1:], strict=True):
            if before.top <= 0:
                return _nothing_to_divide_by(matter, name, before)
        # The sum of the yearly ratios over one denominator, less one for each year.
        top, bottom, years = 0, 1, len(values) - 1
        for later, before in pairwise(values):
            ratio_top, ratio_bottom = later.top * before.bottom, later.bottom * before.top
            top, bottom = top * ratio_bottom + ratio_top * bottom, bottom * ratio_bottom
        value = 100 * (top - years * bottom), years * bottom
        latest = matter.label(self.figures[0])
        figures = " → ".join([one.shown for one in reversed(values)])
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
        latest, earliest = values
        if earliest.top <= 0:
            return _nothing_to_divide_by(matter, self.earliest, earliest)
        value = latest.top * earliest.bottom, latest.bottom * earliest.top
        label = matter.label(self.latest)
        figures = f"{earliest.shown} → {latest.shown}"
        rate = self._rate(value)
        return Measured(
            value,
            Text(
                f"{label.zh} {self.years} 年间 {figures}，年复合增长 {rate}%",
                f"{label.en} over {self.years} years {figures}, a compound growth of {rate} %",
            ),
        )

    def _rate(self, value: Quotient) -> str:
        """Spell the rate for a reader, cut off downwards; no verdict rests on it."""
        top, bottom = value
        if top <= 0:
            return "-100"
        # The largest whole number of millionths whose power is not above the ratio: near it by
        # floating point, and then exactly.
        aim = top * _MILLION**self.years
        root = int((top / bottom) ** (1 / self.years) * _MILLION)
        while root**self.years * bottom > aim:
            root -= 1
        while (root + 1) ** self.years * bottom <= aim:
            root += 1
        is_exact = root**self.years * bottom == aim
        return f"{'' if is_exact else '≈'}{percentage((root - _MILLION, _MILLION // 100))}"


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
        lacking = _lacking(matter, self.uses)
        if lacking:
            return Measured(None, missing_facts(matter, lacking))
        stated = matter.facts[self.since]
        since = date.fromisoformat(stated)
        until = over_on = matter.applied_on
        if self.until == "fiscal_year_end":
            # The last day counts to its midnight: from 1 January 2023 to the end of 2025 are three.
            until = date(matter.facts["fiscal_year"], 12, 31)
            over_on = until + timedelta(days=1)
        label, until_shown = matter.label(self.since), until.isoformat()
        if since > until:
            return Measured(
                None,
                Text(
                    f"{label.zh}为 {stated}，晚于 {until_shown}，由主管部门核实。",
                    f"{label.en} is {stated}, which is after {until_shown}; an officer checks it.",
                ),
            )
        years = over_on.year - since.year
        if years and years_after(since, years) > over_on:
            years -= 1
        return Measured(
            (years, 1),
            Text(
                f"{label.zh} {stated}，至 {until_shown} 满 {years} 年",
                f"{label.en} {stated}, full years until {until_shown}: {years}",
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
