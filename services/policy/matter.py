"""What is judged, and the answers: met, not met, or needs an officer, each with its reasons."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

from services.kernel.text import Text
from services.policy.enterprise_size import EnterpriseSize
from services.policy.facts import Fact, Facts

Quotient = tuple[int, int]
"""An exact number: a whole one over another that is above zero. Nothing here is ever rounded."""

_TENS = tuple(10**places for places in range(30))

Kind = Literal["new", "renewal"]
"""新申报 or 复核: a pack may judge the two differently."""


class Verdict(StrEnum):
    MET = "met"
    NOT_MET = "not_met"
    NEEDS_OFFICER = "needs_officer"


def worst(verdicts: Any) -> Verdict:
    """Return not met if anything is not met, else needs an officer if anything does."""
    found = set(verdicts)
    if Verdict.NOT_MET in found:
        return Verdict.NOT_MET
    return Verdict.NEEDS_OFFICER if Verdict.NEEDS_OFFICER in found else Verdict.MET


def best(verdicts: Any) -> Verdict:
    """Return met if anything is met, else needs an officer if anything does."""
    found = set(verdicts)
    if Verdict.MET in found:
        return Verdict.MET
    return Verdict.NEEDS_OFFICER if Verdict.NEEDS_OFFICER in found else Verdict.NOT_MET


# What follows is made by the dozen for every check, and a tuple is made several times faster
# than a frozen dataclass.
class Limit(NamedTuple):
    """What a fact is measured against."""

    comparison: Literal["at_least", "at_most", "below", "one_of", "is", "within", "not_within"]
    value: str
    unit: Literal["yuan", "count", "percent", "years", "points"] | None = None


class Judgement(NamedTuple):
    verdict: Verdict
    because: Text
    limit: Limit | None = None
    evidence: tuple[str, ...] = ()
    """Documents that an officer compares with what was declared."""
    parts: tuple["Finding", ...] = ()


class Finding(NamedTuple):
    """One condition's answer, with everything that it rests on."""

    id: str
    clause: str
    text: Text
    official_text: str
    verdict: Verdict
    facts: Mapping[str, Any]
    limit: Limit | None
    because: Text
    evidence: tuple[str, ...] = ()
    parts: tuple["Finding", ...] = ()


class IndicatorScore(NamedTuple):
    """指标得分: what one indicator gives, or between what it lies while something is open."""

    id: str
    name: Text
    official_text: str
    out_of: Decimal
    least: Decimal
    most: Decimal
    facts: Mapping[str, Any]
    because: Text
    evidence: tuple[str, ...]

    @property
    def points(self) -> Decimal | None:
        """The points, or None while a fact or an officer's judgement is outstanding."""
        return self.least if self.least == self.most else None


class DimensionScore(NamedTuple):
    id: str
    name: Text
    out_of: Decimal
    least: Decimal
    most: Decimal
    indicators: tuple[IndicatorScore, ...]

    @property
    def points(self) -> Decimal | None:
        return self.least if self.least == self.most else None


class Score(NamedTuple):
    """评价得分 by one table: exact, or between `least` and `most` while something is open."""

    table: str
    name: Text
    clause: str
    out_of: Decimal
    least: Decimal
    most: Decimal
    dimensions: tuple[DimensionScore, ...]

    @property
    def points(self) -> Decimal | None:
        return self.least if self.least == self.most else None

    def of(self, dimension: str | None) -> tuple[Text, Decimal, Decimal]:
        """Return the name and the bounds of a dimension, or of the whole."""
        if dimension is None:
            return self.name, self.least, self.most
        found = next(one for one in self.dimensions if one.id == dimension)
        return found.name, found.least, found.most


class Table(Protocol):
    """A scoring table, as far as a matter needs to know it."""

    def score(self, matter: "Matter") -> Score: ...


class Number(NamedTuple):
    """A number that was given: exactly, as a quotient, and as a reader sees it."""

    top: int
    bottom: int
    shown: str


class Matter:
    """An enterprise's facts on a day, as conditions ask for them.

    `applied_on` is the day of application, which rolling periods count back from; `today` is later
    for a correction and for what review looks at again.
    """

    __slots__ = (
        "_numbers",
        "_scores",
        "_tables",
        "applied_on",
        "declared",
        "facts",
        "option_names",
        "size",
        "titles",
        "titles_held",
        "today",
    )

    def __init__(
        self,
        *,
        facts: Facts,
        declared: Mapping[str, Fact],
        option_names: Mapping[str, Mapping[str, Text]],
        tables: Mapping[str, Table],
        titles: Mapping[str, Text],
        size: EnterpriseSize,
        applied_on: date,
        today: date,
        titles_held: frozenset[str],
    ) -> None:
        self.facts = facts
        self.declared = declared
        self.option_names = option_names
        self.titles = titles
        self.size = size
        self.applied_on = applied_on
        self.today = today
        self.titles_held = titles_held
        self._tables = tables
        self._scores: dict[str, Score] = {}
        self._numbers: dict[str, Number] = {}

    def label(self, fact: str) -> Text:
        return self.declared[fact].label

    def option_name(self, fact: str, option: str) -> Text:
        return self.option_names[self.declared[fact].options or ""][option]

    def number(self, fact: str) -> Number | None:
        """Return an amount, a count, a percentage or points exactly; None when it was not given."""
        found = self._numbers.get(fact)
        if found is None:
            value = self.facts.get(fact)
            if value is None:
                return None
            found = self._numbers[fact] = _number(value)
        return found

    def score(self, table: str) -> Score:
        """Return the score by a table, worked out once."""
        found = self._scores.get(table)
        if found is None:
            found = self._scores[table] = self._tables[table].score(self)
        return found

    @property
    def scores(self) -> tuple[Score, ...]:
        """The tables that a condition asked for, in the order in which they were asked."""
        return tuple(self._scores.values())


def missing_facts(matter: Matter, names: tuple[str, ...]) -> Text:
    labels = [matter.label(name) for name in names]
    return Text(
        f"未提供{'、'.join(label.zh for label in labels)}。",
        f"Not given: {', '.join(label.en for label in labels)}.",
    )


def _number(value: str | int) -> Number:
    if isinstance(value, int):
        return Number(value, 1, f"{value:,}")
    whole, point, places = value.partition(".")
    top = int(whole + places)
    # int() of the whole part would lose the sign of -0.50.
    sign = "-" if top < 0 else ""
    return Number(top, _TENS[len(places)], f"{sign}{abs(int(whole)):,}{point}{places}")


def exactly(limit: Decimal) -> Quotient:
    return limit.as_integer_ratio()


@lru_cache(maxsize=4096)
def spelled(limit: Decimal) -> str:
    """Spell a limit of a pack: 2E+7 gives 20,000,000, and 5.0 gives 5."""
    return f"{limit.normalize():,f}"
