"""What every kind of rule has: the facts that it uses, and how it is judged."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.policy.facts import FactKind
from services.policy.matter import Judgement, Limit, Matter, Verdict, missing_facts


class RuleKind(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def facts_used(self) -> tuple[str, ...]:
        raise NotImplementedError

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """The facts used, found once."""
        return self.facts_used()

    @cached_property
    def _told(self) -> dict[Any, Judgement]:
        """Judgements that were made before, by what they depend on. A rule belongs to one pack."""
        return {}

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        """Yield each fact that has to be of certain kinds, with those kinds."""
        yield from ()

    def judge(self, matter: Matter) -> Judgement:
        raise NotImplementedError


def lacking(matter: Matter, facts: tuple[str, ...], limit: Limit) -> Judgement:
    """Leave it to an officer, because something was not given."""
    return Judgement(Verdict.NEEDS_OFFICER, missing_facts(matter, facts), limit)
