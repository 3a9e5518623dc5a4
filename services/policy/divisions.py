"""The administrative divisions of Guizhou (GB/T 2260), with 贵安新区, and codes of earlier years."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

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
    return {
        row["code"]: Division(
            code=row["code"],
            name=row["name"],
            level=_level(row["level"]),
            parent=row["parent"] or None,
            is_functional_zone=row["is_functional_zone"] == "yes",
        )
        for row in _rows("divisions.csv")
    }


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
