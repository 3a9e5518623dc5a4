"""How long a title is valid, and when its renewal (复核) opens. Calendar years, never 365 days."""

from dataclasses import dataclass
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

_FEBRUARY, _LEAP_DAY = 2, 29
_MONTHS = 12


class Validity(BaseModel):
    """A term in years, and how many months before its end the renewal opens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clause: str
    official_text: str
    years: int = Field(ge=1)
    renewal_window_months: int = Field(ge=1)
    renewal_basis: str
    """Where the length of the window comes from when the law does not say."""


@dataclass(frozen=True, slots=True)
class Term:
    valid_from: date
    valid_until: date
    """The last valid day, as it is printed on the certificate."""

    def covers(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_until


def years_after(day: date, years: int) -> date:
    """Return the day on which so many full years since `day` are over; 29 February gives 1 March."""
    if (day.month, day.day) == (_FEBRUARY, _LEAP_DAY) and not _is_leap(day.year + years):
        return date(day.year + years, 3, 1)
    return day.replace(year=day.year + years)


def first_term(validity: Validity, begins_on: date) -> Term:
    """Return the term that begins on a day: 2025-11-08 and three years give 2028-11-07."""
    return Term(
        valid_from=begins_on,
        valid_until=years_after(begins_on, validity.years) - timedelta(days=1),
    )


def next_term(validity: Validity, ending: Term) -> Term:
    """Return the term of a renewal: it begins the day after the old one ends."""
    return first_term(validity, ending.valid_until + timedelta(days=1))


def renewal_opens_on(validity: Validity, term: Term) -> date:
    """Return the first day on which renewal material is taken."""
    return _months_before(term.valid_until + timedelta(days=1), validity.renewal_window_months)


def _months_before(day: date, months: int) -> date:
    total = day.year * _MONTHS + day.month - 1 - months
    year, month = divmod(total, _MONTHS)
    first = date(year, month + 1, 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _is_leap(year: int) -> bool:
    return date(year, 3, 1) - date(year, 2, 28) > timedelta(days=1)
