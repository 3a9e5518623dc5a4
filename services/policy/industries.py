"""The industries of GB/T 4754-2017: its divisions (大类), each in its section (门类)."""

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DATA = Path(__file__).parent / "data" / "industries.csv"
_CODE = re.compile(r"\d{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Industry:
    code: str
    section: str
    name: str


@lru_cache
def industries() -> dict[str, Industry]:
    with _DATA.open(encoding="utf-8", newline="") as lines:
        return {
            row["code"]: Industry(code=row["code"], section=row["section"], name=row["name"])
            for row in csv.DictReader(lines)
        }


def industry_of(code: str) -> Industry | None:
    """Return the division of a four-digit class, or None when no division has its first digits."""
    return industries().get(code[:2]) if _CODE.fullmatch(code) else None
