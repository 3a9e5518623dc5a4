"""What every kind of rule has: the facts that it uses, and how it is judged."""

from abc import abstractmethod
from collections.abc import Hashable, Iterator
from functools import cached_property
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from services.policy.facts import FactKind
from services.policy.matter import Judgement, Limit, Matter, Verdict, missing_facts


class RuleKind(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def facts_used(self) -> tuple[str, ...]: ...

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """The facts used, found once."""
        return self.facts_used()

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        """Yield each fact that has to be of certain kinds, with those kinds."""
        yield from ()

    def evidence_named(self) -> tuple[str, ...]:
        """Return the documents that it sends an officer to."""
        return ()

    @abstractmethod
    def judge(self, matter: Matter) -> Judgement: ...

    @cached_property
    def told(self) -> dict[Hashable, Judgement]:
        """Judgements that were made before, by what they depend on. A rule belongs to one pack."""
        return {}


class OneFact(RuleKind):
    """A rule about one fact, of one of some kinds."""

    KINDS: ClassVar[frozenset[FactKind]]

    fact: str

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.fact, self.KINDS


class FewAnswers(OneFact):
    """A rule that depends on its fact alone, which has few values: each is judged once."""

    def judge(self, matter: Matter) -> Judgement:
        key = matter.facts.get(self.fact)
        told = self.told.get(key)
        if told is None:
            told = self.told[key] = self.judge_anew(matter)
        return told

    @abstractmethod
    def judge_anew(self, matter: Matter) -> Judgement: ...


def lacking(matter: Matter, facts: tuple[str, ...], limit: Limit) -> Judgement:
    """Leave it to an officer, because something was not given."""
    return Judgement(Verdict.NEEDS_OFFICER, missing_facts(matter, facts), limit)
