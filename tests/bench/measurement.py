"""A number with its limit and what it was measured beside."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Measurement:
    what: str
    value: float
    unit: str
    limit: float
    better: Literal["less", "more"]
    beside: str = ""
    """The reference of the same run, in words, where the value is a ratio to it."""

    @property
    def is_held(self) -> bool:
        return self.value <= self.limit if self.better == "less" else self.value >= self.limit

    @property
    def shown(self) -> str:
        return f"{self.value:,.2f} {self.unit}"

    @property
    def limit_shown(self) -> str:
        return f"{'at most' if self.better == 'less' else 'at least'} {self.limit:,g} {self.unit}"
