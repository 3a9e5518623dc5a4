"""The administrative divisions of Guizhou (GB/T 2260), with 贵安新区, today and on any day since 1980.

The source are the standard's own lists, month by month. A list counts from the last day of its month,
so a county that was renamed in April stands under its new name from the 30th at the latest.
"""

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

from services.kernel.regions import city_of

Level = Literal["province", "city", "county"]

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Division:
    code: str
    name: str
    level: Level
    parent: str | None
    is_functional_zone: bool
    """A zone that recommends like a city without being a division of GB/T 2260 (贵安新区)."""
    since: date | None
    """The day of the first list that names it so; None for the first list of all, of 1980."""
    until: date | None
    """The day of the first list that no longer does; None while it is in use."""

    def is_in_use(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (
            self.until is None or day < self.until
        )


@dataclass(frozen=True, slots=True)
class FormerDivision:
    code: str
    name: str
    became: str
    """The code that it became; it may have changed again since."""
    year: int


@lru_cache
def divisions() -> dict[str, Division]:
    """Return today's divisions by code: the province, nine cities, 贵安新区 and 88 counties."""
    return {one.code: one for one in _every_division() if one.until is None}


def place_name(division: str) -> str:
    """Return where a division is, as one writes it: 贵阳市南明区; the code of an unknown one."""
    named = divisions()
    codes = dict.fromkeys([city_of(division), division])
    names = [named[code].name for code in codes if code in named]
    return "".join(names) or division


def divisions_on(day: date) -> list[Division]:
    """Return the divisions as they were on a day, by code."""
    return [one for one in _every_division() if one.is_in_use(day)]


@lru_cache
def _every_division() -> tuple[Division, ...]:
    return tuple(
        Division(
            code=row["code"],
            name=row["name"],
            level=_level(row["level"]),
            parent=row["parent"] or None,
            is_functional_zone=row["is_functional_zone"] == "yes",
            since=date.fromisoformat(row["since"]) if row["since"] else None,
            until=date.fromisoformat(row["until"]) if row["until"] else None,
        )
        for row in _rows("divisions.csv")
    )


@lru_cache
def former_divisions() -> dict[str, FormerDivision]:
    """Return codes that were in use once; credit codes with them stay valid for ever."""
    return {
        row["old_code"]: FormerDivision(
            code=row["old_code"],
            name=row["old_name"],
            became=row["new_code"],
            year=int(row["year"]),
        )
        for row in _rows("division_history.csv")
    }


def _rows(file: str) -> list[dict[str, str]]:
    with (_DATA / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _level(text: str) -> Level:
    match text:
        case "province" | "city" | "county":
            return text
    raise ValueError(f"{text} is no level of a division")
