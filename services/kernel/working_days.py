"""Working days by the State Council's published holidays, make-up days included."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar
from chinese_calendar import constants

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Deadline:
    on: date
    """The last day that counts."""
    is_provisional: bool
    """The holidays of a year that it runs through are not published; only weekends were skipped."""


@lru_cache
def is_published(year: int) -> bool:
    """Whether the holidays of a year are known."""
    return any(day.year == year for day in constants.holidays)


def is_working_day(day: date) -> bool:
    if is_published(day.year):
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < _SATURDAY


def after_working_days(start: date, count: int) -> Deadline:
    """Return the last of `count` working days after `start`; the first day is not counted."""
    day, left = start, count
    years = {start.year}
    while left > 0:
        day += timedelta(days=1)
        years.add(day.year)
        left -= is_working_day(day)
    return Deadline(on=day, is_provisional=not all(map(is_published, years)))


def after_calendar_days(start: date, count: int) -> Deadline:
    """Return the last of `count` calendar days after `start`; the first day is not counted."""
    return Deadline(on=start + timedelta(days=count), is_provisional=False)
