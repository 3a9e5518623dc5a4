"""Scoring tables (评价指标): dimensions of indicators, each giving points by its own scale.

A value on the boundary of two bands takes the higher points, also where less is better. What is
missing or left to an officer keeps a score open between the least and the most it can become.
"""

from abc import abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from services.kernel.text import Text
from services.policy.conditions import Rule
from services.policy.matter import (
    DimensionScore,
    IndicatorScore,
    Matter,
    Quotient,
    Score,
    Verdict,
    spelled,
)
from services.policy.measures import UNITS, Measure

_ZERO = Decimal(0)
_BARE = Text("", "")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Points(NamedTuple):
    least: Decimal
    most: Decimal
    because: Text


class Band(_Part):
    """A closed range of a measure and its points; a range without a bound goes on for ever."""

    at_least: Decimal | None = None
    at_most: Decimal | None = None
    points: Decimal = Field(ge=0)

    def named(self, unit: Text) -> Text:
        """Return the range in words, such as 70—80%."""
        low = None if self.at_least is None else spelled(self.at_least)
        high = None if self.at_most is None else spelled(self.at_most)
        if low is None:
            return Text(f"{high}{unit.zh}以下", f"up to {high}{unit.en}")
        if high is None:
            return Text(f"{low}{unit.zh}以上", f"{low}{unit.en} or more")
        return Text(f"{low}—{high}{unit.zh}", f"{low} to {high}{unit.en}")


class MeasuredBands(_Part):
    """A measure with the bands that it may fall into."""

    measure: Measure
    bands: tuple[Band, ...] = Field(min_length=2)

    @cached_property
    def _scaled(self) -> tuple[tuple[Quotient | None, Quotient | None, Band], ...]:
        """The bands, the most points first: whichever contains a value first has it."""
        scaled = self.measure.scaled
        return tuple(
            (
                None if band.at_least is None else scaled(band.at_least),
                None if band.at_most is None else scaled(band.at_most),
                band,
            )
            for band in sorted(self.bands, key=lambda band: -band.points)
        )

    @cached_property
    def _open(self) -> tuple[Decimal, Decimal]:
        points = [band.points for band in self.bands]
        return min(points), max(points)

    def in_bands(self, matter: Matter) -> Points:
        measured = self.measure.measure(matter)
        if measured.value is None:
            return Points(*self._open, measured.shown)
        band = self._band(measured.value)
        points, shown, told = band.points, measured.shown, self._telling(band, matter)
        return Points(points, points, Text(f"{shown.zh}{told.zh}", f"{shown.en}{told.en}"))

    @cached_property
    def _told(self) -> dict[tuple[Decimal | None, Decimal | None], Text]:
        return {}

    def _telling(self, band: Band, matter: Matter) -> Text:
        """Return the end of a sentence, worded once: which band, and what it gives."""
        key = band.at_least, band.at_most
        told = self._told.get(key)
        if told is None:
            name, points = band.named(UNITS[self.measure.unit(matter)]), spelled(band.points)
            told = self._told[key] = Text(
                f"，属“{name.zh}”档，得 {points} 分。", f", in the band {name.en}: {points} points."
            )
        return told

    def _band(self, value: Quotient) -> Band:
        top, bottom = value
        for floor, ceiling, band in self._scaled:
            is_above = floor is None or top * floor[1] >= floor[0] * bottom
            if is_above and (ceiling is None or top * ceiling[1] <= ceiling[0] * bottom):
                return band
        raise ValueError("a hole in the bands, which loading a pack rules out")

    def band_flaws(self) -> Iterator[str]:
        """Name each hole and each overlap of the bands."""
        ordered = sorted(
            self.bands, key=lambda band: (band.at_least is not None, band.at_least or _ZERO)
        )
        if ordered[0].at_least is not None:
            yield f"nothing covers values below {ordered[0].at_least}"
        if ordered[-1].at_most is not None:
            yield f"nothing covers values above {ordered[-1].at_most}"
        for lower, upper in pairwise(ordered):
            if lower.at_most is None or upper.at_least is None or lower.at_most > upper.at_least:
                names = lower.named(_BARE).en, upper.named(_BARE).en
                yield f"the bands {names[0]} and {names[1]} overlap"
            elif lower.at_most < upper.at_least:
                yield f"there is a hole between {lower.at_most} and {upper.at_least}"


class _Scale(_Part):
    @abstractmethod
    def facts_used(self) -> tuple[str, ...]: ...

    @cached_property
    def uses(self) -> tuple[str, ...]:
        return self.facts_used()

    @abstractmethod
    def points(self, matter: Matter, out_of: Decimal) -> Points: ...

    def flaws(self) -> Iterator[str]:
        yield from ()

    def highest(self) -> Decimal | None:
        """Return the most points that the scale names; None where the indicator is its cap."""
        return None


class Bands(_Scale, MeasuredBands):
    """One measure in bands."""

    kind: Literal["bands"]

    def facts_used(self) -> tuple[str, ...]:
        return self.measure.uses

    def points(self, matter: Matter, out_of: Decimal) -> Points:  # noqa: ARG002 - every scale is asked alike
        return self.in_bands(matter)

    def flaws(self) -> Iterator[str]:
        yield from self.band_flaws()

    def highest(self) -> Decimal:
        return max(band.points for band in self.bands)


class BestOf(_Scale):
    """Several measures in bands, of which the best counts (满足其一即可)."""

    kind: Literal["best_of"]
    scales: tuple[MeasuredBands, ...] = Field(min_length=2)

    def facts_used(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(fact for one in self.scales for fact in one.measure.uses))

    def points(self, matter: Matter, out_of: Decimal) -> Points:  # noqa: ARG002 - as above
        found = [scale.in_bands(matter) for scale in self.scales]
        return Points(
            max(one.least for one in found),
            max(one.most for one in found),
            Text(
                "".join([one.because.zh for one in found]) + "取其高者。",
                " ".join([one.because.en for one in found]) + " The higher counts.",
            ),
        )

    def flaws(self) -> Iterator[str]:
        for scale in self.scales:
            yield from scale.band_flaws()

    def highest(self) -> Decimal:
        return max(band.points for scale in self.scales for band in scale.bands)


class OptionPoints(_Scale):
    """A choice, with the points of each option."""

    kind: Literal["options"]
    fact: str
    options: dict[str, Annotated[Decimal, Field(ge=0)]] = Field(min_length=1)

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def points(self, matter: Matter, out_of: Decimal) -> Points:  # noqa: ARG002 - as above
        chosen = matter.facts.get(self.fact)
        told = self._told.get(chosen)
        if told is None:
            told = self._told[chosen] = self._points(matter)
        return told

    @cached_property
    def _told(self) -> dict[str | None, Points]:
        """Points that were given before, by the option. A scale belongs to one pack."""
        return {}

    def _points(self, matter: Matter) -> Points:
        label, chosen = matter.label(self.fact), matter.facts.get(self.fact)
        if chosen is None:
            return Points(
                min(self.options.values()),
                max(self.options.values()),
                Text(f"未提供{label.zh}。", f"Not given: {label.en}."),
            )
        points, name = self.options[chosen], matter.option_name(self.fact, chosen)
        return Points(
            points,
            points,
            Text(
                f"{label.zh}为“{name.zh}”，得 {spelled(points)} 分。",
                f"{label.en}: {name.en}, {spelled(points)} points.",
            ),
        )

    def highest(self) -> Decimal:
        return max(self.options.values())


class Steps(_Scale):
    """So many points for every full step of a measure, up to the indicator's maximum."""

    kind: Literal["steps"]
    measure: Measure
    step: Annotated[int, Field(ge=1)]
    points_each: Annotated[Decimal, Field(gt=0)]

    def facts_used(self) -> tuple[str, ...]:
        return self.measure.uses

    def points(self, matter: Matter, out_of: Decimal) -> Points:
        measured = self.measure.measure(matter)
        if measured.value is None:
            return Points(_ZERO, out_of, measured.shown)
        top, bottom = measured.value
        steps = max(top // (bottom * self.step), 0)
        points = min(self.points_each * steps, out_of)
        return Points(
            points,
            points,
            Text(
                f"{measured.shown.zh}，每满 {self.step} 得 {spelled(self.points_each)} 分，"
                f"得 {spelled(points)} 分。",
                f"{measured.shown.en}; {spelled(self.points_each)} for every full {self.step}:"
                f" {spelled(points)} points.",
            ),
        )


class Item(_Part):
    """Something that is worth points when its rule is met."""

    name: Text
    points: Annotated[Decimal, Field(gt=0)]
    rule: Rule

    @property
    def told(self) -> Text:
        points = spelled(self.points)
        return Text(f"{self.name.zh}（{points} 分）", f"{self.name.en} ({points})")


class _Items(_Scale):
    items: tuple[Item, ...] = Field(min_length=2)

    def facts_used(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(fact for one in self.items for fact in one.rule.facts_used()))

    def points(self, matter: Matter, out_of: Decimal) -> Points:
        verdicts = tuple([item.rule.judge(matter).verdict for item in self.items])
        told = self._told.get(verdicts)
        if told is None:
            told = self._told[verdicts] = self._points(verdicts, out_of)
        return told

    @cached_property
    def _told(self) -> dict[tuple[Verdict, ...], Points]:
        """Points that were given before, by the answers. A scale belongs to one indicator."""
        return {}

    @abstractmethod
    def _points(self, verdicts: tuple[Verdict, ...], out_of: Decimal) -> Points: ...

    def _split(self, verdicts: tuple[Verdict, ...]) -> tuple[list[Item], list[Item]]:
        """Return what is met, and what is open."""
        found = list(zip(self.items, verdicts, strict=True))
        return (
            [item for item, verdict in found if verdict is Verdict.MET],
            [item for item, verdict in found if verdict is Verdict.NEEDS_OFFICER],
        )


def _items_text(held: list[Item], undecided: list[Item], total: Text) -> Text:
    zh = f"具备：{'、'.join([one.told.zh for one in held]) or '无'}"
    en = f"Has: {', '.join([one.told.en for one in held]) or 'none'}"
    if undecided:
        zh += f"；待核：{'、'.join([one.told.zh for one in undecided])}"
        en += f"; open: {', '.join([one.told.en for one in undecided])}"
    return Text(f"{zh}；{total.zh}。", f"{en}; {total.en}.")


class Sum(_Items):
    """Each item that is met adds its points, up to the indicator's maximum."""

    kind: Literal["sum"]

    def _points(self, verdicts: tuple[Verdict, ...], out_of: Decimal) -> Points:
        held, undecided = self._split(verdicts)
        least = sum((item.points for item in held), _ZERO)
        most = least + sum((item.points for item in undecided), _ZERO)
        capped = Text(
            f"合计最高 {spelled(out_of)} 分", f"together {spelled(out_of)} points at most"
        )
        return Points(min(least, out_of), min(most, out_of), _items_text(held, undecided, capped))


class Highest(_Items):
    """The item with the most points among those that are met; none gives nothing."""

    kind: Literal["highest"]

    def _points(self, verdicts: tuple[Verdict, ...], out_of: Decimal) -> Points:  # noqa: ARG002 - as above
        held, undecided = self._split(verdicts)
        least = max((item.points for item in held), default=_ZERO)
        most = max((item.points for item in [*held, *undecided]), default=_ZERO)
        counts = Text(f"按最高一项得 {spelled(least)} 分", f"the highest counts: {spelled(least)}")
        return Points(least, most, _items_text(held, undecided, counts))

    def highest(self) -> Decimal:
        return max(item.points for item in self.items)


class OfficerScores(_Scale):
    """An indicator that an officer or a province scores; the facts are where they look first."""

    kind: Literal["officer"]
    look_at: tuple[str, ...] = ()

    def facts_used(self) -> tuple[str, ...]:
        return self.look_at

    def points(self, matter: Matter, out_of: Decimal) -> Points:  # noqa: ARG002 - as above
        return Points(_ZERO, out_of, _FOR_REVIEW)


_FOR_REVIEW = Text("由主管部门评分。", "Officers score this.")

Scale = Annotated[
    Bands | BestOf | OptionPoints | Steps | Sum | Highest | OfficerScores,
    Field(discriminator="kind"),
]


class Indicator(_Part):
    """指标: one line of the table."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Text
    official_text: str
    out_of: Decimal = Field(gt=0)
    scale: Scale
    evidence: tuple[str, ...] = ()

    def score(self, matter: Matter) -> IndicatorScore:
        scale, facts = self.scale, matter.facts
        least, most, because = scale.points(matter, self.out_of)
        return IndicatorScore(
            self.id,
            self.name,
            self.official_text,
            self.out_of,
            least,
            most,
            {fact: facts[fact] for fact in scale.uses if facts.get(fact) is not None},
            because,
            self.evidence,
        )


class Dimension(_Part):
    """A group of indicators, whose sum is capped."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Text
    out_of: Decimal = Field(gt=0)
    indicators: tuple[Indicator, ...] = Field(min_length=1)

    def score(self, matter: Matter) -> DimensionScore:
        scored = tuple([indicator.score(matter) for indicator in self.indicators])
        return DimensionScore(
            self.id,
            self.name,
            self.out_of,
            min(sum([one.least for one in scored], _ZERO), self.out_of),
            min(sum([one.most for one in scored], _ZERO), self.out_of),
            scored,
        )


class ScoringTable(_Part):
    """评价指标体系: every point that an enterprise may get, and for what."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Text
    clause: str
    official_text: str
    out_of: Decimal = Field(gt=0)
    dimensions: tuple[Dimension, ...] = Field(min_length=1)

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        return tuple(
            indicator for dimension in self.dimensions for indicator in dimension.indicators
        )

    def facts_used(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(fact for one in self.indicators for fact in one.scale.facts_used())
        )

    def score(self, matter: Matter) -> Score:
        scored = tuple([dimension.score(matter) for dimension in self.dimensions])
        return Score(
            self.id,
            self.name,
            self.clause,
            self.out_of,
            sum([one.least for one in scored], _ZERO),
            sum([one.most for one in scored], _ZERO),
            scored,
        )

    def flaws(self) -> Iterator[str]:
        """Name what does not add up: holes and overlaps of bands, and points beyond a maximum."""
        if sum(dimension.out_of for dimension in self.dimensions) != self.out_of:
            yield f"table {self.id}: its dimensions do not add up to {self.out_of}"
        names = [indicator.id for indicator in self.indicators]
        names += [dimension.id for dimension in self.dimensions]
        if len(set(names)) != len(names):
            yield f"table {self.id}: two of its lines share an id"
        for dimension in self.dimensions:
            if sum(one.out_of for one in dimension.indicators) < dimension.out_of:
                yield f"table {self.id}: {dimension.id} can never reach {dimension.out_of}"
        for indicator in self.indicators:
            for flaw in indicator.scale.flaws():
                yield f"table {self.id}, indicator {indicator.id}: {flaw}"
            highest = indicator.scale.highest()
            if highest is not None and highest != indicator.out_of:
                yield (
                    f"table {self.id}, indicator {indicator.id}: its highest band gives {highest},"
                    f" its maximum is {indicator.out_of}"
                )
