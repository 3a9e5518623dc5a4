"""The yearly bulletin on cultivation, city by city, as plain figures. Pure: no I/O.

"“专精特新”中小企业培育情况要进行年度通报，作为真抓实干激励的重要依据" (六(一)).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.kernel.text import Text

PROVINCE: Final = "520000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What enterprises reported of one figure, summed over those that reported both years, in yuan."""

    enterprises: int
    before: Decimal
    after: Decimal

    @property
    def percent(self) -> Decimal | None:
        """The growth with two places, half rounded up; None where there is nothing to grow from."""
        if self.before <= 0:
            return None
        hundredths = (Fraction(self.after) / Fraction(self.before) - 1) * 10_000
        rounded = int(abs(hundredths) + Fraction(1, 2))
        return Decimal(rounded if hundredths > 0 else -rounded).scaleb(-2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportSum:
    """The support delivered under one measure."""

    records: int
    amount: Decimal


NO_SUPPORT: Final = SupportSum(records=0, amount=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class CityRow:
    """The year of one city, or of the whole province."""

    division: str
    name: Text
    recommended: int
    recognised: Mapping[str, int]
    """New in the year, by title."""
    held: Mapping[str, int]
    """Valid on the last day, by title."""
    terms_ended: int
    renewed: int
    revoked: Mapping[str, int]
    """By ground."""
    revenue: Growth
    rd_expense: Growth
    support: Mapping[str, SupportSum]
    """By measure."""
    typical_cases: int
    granted: Decimal
    disbursed: Decimal
    recovered: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A number that the programme wants to see reached in a year."""

    at_least: int
    clause: str
    official_text: str
    title: str | None = None
    """The title whose recognitions it counts; None for all of them, or for recommendations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A title, a ground or a measure under the name of the pack."""

    id: str
    name: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletin:
    """The figures of one year as they were known when it was computed."""

    year: int
    until: date
    """31 December, or the day it was computed while the year still runs."""
    is_closed: bool
    """Whether the year is over, so that its figures are final."""
    fiscal_year: int
    """The year that growth is of: the bulletin's own once it is over, else the one before."""
    programme: Text
    issued_by: tuple[str, ...]
    policy_pack: str
    computed_at: datetime
    recommended_goal: Goal | None
    """Of each city."""
    recognised_goal: Goal | None
    """Of the province."""
    titles: tuple[Named, ...]
    grounds: tuple[Named, ...]
    measures: tuple[Named, ...]
    cities: tuple[CityRow, ...]

    @property
    def total(self) -> CityRow:
        """The province: every city added up."""
        cities = self.cities
        return CityRow(
            division=PROVINCE,
            name=Text("全省", "Province"),
            recommended=sum(city.recommended for city in cities),
            recognised=_counted(self.titles, [city.recognised for city in cities]),
            held=_counted(self.titles, [city.held for city in cities]),
            terms_ended=sum(city.terms_ended for city in cities),
            renewed=sum(city.renewed for city in cities),
            revoked=_counted(self.grounds, [city.revoked for city in cities]),
            revenue=_grown(city.revenue for city in cities),
            rd_expense=_grown(city.rd_expense for city in cities),
            support=_supported(self.measures, [city.support for city in cities]),
            typical_cases=sum(city.typical_cases for city in cities),
            granted=_summed(city.granted for city in cities),
            disbursed=_summed(city.disbursed for city in cities),
            recovered=_summed(city.recovered for city in cities),
        )

    @property
    def recognised_towards_goal(self) -> int:
        """How many recognitions of the year count towards the province's goal."""
        goal, recognised = self.recognised_goal, self.total.recognised
        if goal is None or goal.title is None:
            return sum(recognised.values())
        return recognised[goal.title]


def _summed(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _counted(kinds: Iterable[Named], rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up by kind, in the order of the bulletin, which has to name each kind that occurs."""
    counts = {kind.id: 0 for kind in kinds}
    for row in rows:
        for kind, count in row.items():
            counts[kind] += count
    return counts


def _grown(parts: Iterable[Growth]) -> Growth:
    known = list(parts)
    return Growth(
        enterprises=sum(one.enterprises for one in known),
        before=_summed(one.before for one in known),
        after=_summed(one.after for one in known),
    )


def _supported(
    measures: Iterable[Named], rows: Iterable[Mapping[str, SupportSum]]
) -> dict[str, SupportSum]:
    sums = {measure.id: NO_SUPPORT for measure in measures}
    for row in rows:
        for measure, one in row.items():
            before = sums[measure]
            sums[measure] = SupportSum(
                records=before.records + one.records, amount=before.amount + one.amount
            )
    return sums
