"""Conditions as a pack writes them, and how each is judged: met, not met, or needs an officer.

Ratios are compared as amounts, never as rounded quotients. A fact that is missing, a denominator
of zero and a matter of judgement all answer "needs an officer": never a pass, never a crash.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.kernel.text import Text
from services.policy.declared import (
    HasAny,
    HoldsTitle,
    IsSmallOrMedium,
    IsTrue,
    NotTrue,
    NotWithinYears,
    OfficerJudges,
    OneOf,
    WithinYears,
)
from services.policy.limits import AtLeast, MeasuredLimit, Ratio, ScoreAtLeast
from services.policy.matter import Finding, Judgement, Kind, Matter, Verdict, best, worst
from services.policy.rule import RuleKind


class _Combined(RuleKind):
    conditions: tuple["Condition", ...] = Field(min_length=2)

    def facts_used(self) -> tuple[str, ...]:
        return _facts_of(self.conditions)

    def judge(self, matter: Matter) -> Judgement:
        parts = tuple([part.find(matter) for part in self.conditions])
        verdicts = tuple([part.verdict for part in parts])
        told = self.told.get(verdicts)
        if told is None:
            told = self.told[verdicts] = self._combine(verdicts)
        return told._replace(parts=parts)

    @abstractmethod
    def _combine(self, verdicts: tuple[Verdict, ...]) -> Judgement: ...

    def _telling(self, verdict: Verdict, verdicts: tuple[Verdict, ...], said: Text) -> Judgement:
        """Name the parts that make the answer; each part keeps its own reasons."""
        telling = [
            part.text
            for part, found in zip(self.conditions, verdicts, strict=True)
            if found is verdict
        ]
        return Judgement(
            verdict,
            Text(
                f"{said.zh}：{'；'.join([text.zh.rstrip('。') for text in telling])}。",
                f"{said.en}: {'; '.join([text.en.rstrip('.') for text in telling])}.",
            ),
        )


class AnyOf(_Combined):
    """At least one of several has to be met."""

    kind: Literal["any_of"]

    def _combine(self, verdicts: tuple[Verdict, ...]) -> Judgement:
        verdict = best(verdicts)
        return self._telling(verdict, verdicts, _ANY[verdict])


class AllOf(_Combined):
    """All of several have to be met."""

    kind: Literal["all_of"]

    def _combine(self, verdicts: tuple[Verdict, ...]) -> Judgement:
        verdict = worst(verdicts)
        return self._telling(verdict, verdicts, _ALL[verdict])


Rule = Annotated[
    AtLeast
    | Ratio
    | MeasuredLimit
    | ScoreAtLeast
    | IsTrue
    | HasAny
    | OneOf
    | IsSmallOrMedium
    | NotTrue
    | WithinYears
    | NotWithinYears
    | HoldsTitle
    | OfficerJudges
    | AnyOf
    | AllOf,
    Field(discriminator="kind"),
]


class Condition(BaseModel):
    """A condition or a veto, with the clause that it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    clause: str
    official_text: str
    text: Text
    rule: Rule
    evidence: tuple[str, ...] = ()
    """Documents that an officer compares with what was declared, whatever the answer."""
    applies_to: Kind | None = None
    """Only new applications, or only renewals; both where the law makes no difference."""

    def find(self, matter: Matter) -> Finding:
        rule, facts = self.rule, matter.facts
        judged = rule.judge(matter)
        return Finding(
            self.id,
            self.clause,
            self.text,
            self.official_text,
            judged.verdict,
            {fact: facts[fact] for fact in rule.uses if facts.get(fact) is not None},
            judged.limit,
            judged.because,
            self.evidence + judged.evidence,
            judged.parts,
        )


AnyOf.model_rebuild()
AllOf.model_rebuild()


def with_parts(conditions: tuple[Condition, ...]) -> Iterator[Condition]:
    """Yield conditions and the parts of those that combine several."""
    for condition in conditions:
        yield condition
        if isinstance(condition.rule, AnyOf | AllOf):
            yield from with_parts(condition.rule.conditions)


_ANY = {
    Verdict.MET: Text("满足其中", "One that suffices is met"),
    Verdict.NOT_MET: Text("均不满足", "None of these is met"),
    Verdict.NEEDS_OFFICER: Text("尚无一项满足，待判定", "None is met yet, and these are open"),
}
_ALL = {
    Verdict.MET: Text("全部满足", "All of these are met"),
    Verdict.NOT_MET: Text("未满足", "Not met"),
    Verdict.NEEDS_OFFICER: Text("待判定", "These are open"),
}


def _facts_of(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact for one in conditions for fact in one.rule.facts_used()))
