"""Statements that are asked very often, by the short way past the ORM."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import make_url

_ASYNCPG = "postgresql+asyncpg://"


@dataclass(frozen=True, slots=True)
class Question:
    """A statement that is asked very often, with the place of each value."""

    sql: str
    order: tuple[str, ...]
    constants: Mapping[str, Any]

    @classmethod
    def of(cls, statement: Any) -> "Question":
        """Write a statement as asyncpg takes it."""
        compiled = statement.compile(dialect=make_url(_ASYNCPG).get_dialect()())
        return cls(
            sql=str(compiled),
            order=tuple(compiled.positiontup or ()),
            constants=dict(compiled.params),
        )

    def values(self, **given: Any) -> list[Any]:
        return [given.get(name, self.constants.get(name)) for name in self.order]
