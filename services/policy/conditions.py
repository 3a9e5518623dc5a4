"""Conditions as a pack writes them, and how each is judged: met, not met, or needs an officer.

Ratios are compared as amounts, never as rounded quotients. A fact that is missing, a denominator
of zero and a matter of judgement all answer "needs an officer": never a pass, never a crash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.kernel.text import Text
from services.policy.enterprise_size import EnterpriseSize, Size
from services.policy.facts import Fact, FactKind, Facts
from services.policy.validity import years_after


class Verdict(StrEnum):
    MET = "met"
    NOT_MET = "not_met"
    NEEDS_OFFICER = "needs_officer"


# The three below are made by the dozen for every check, and a tuple is made several times faster
# than a frozen dataclass.
class Limit(NamedTuple):
    """What a fact is measured against."""

    comparison: Literal["at_least", "at_most", "one_of", "is", "not_within"]
    value: str
    unit: Literal["yuan", "persons", "percent", "years", "items"] | None = None


@dataclass(frozen=True, slots=True)
class Matter:
    """What is judged: an enterprise's facts on a day."""

    facts: Facts
    declared: Mapping[str, Fact]
    option_names: Mapping[str, Mapping[str, Text]]
    size: EnterpriseSize
    applied_on: date
    """The day of application: a rolling period counts back from it."""
    today: date
    titles_held: frozenset[str]

    def label(self, fact: str) -> Text:
        return self.declared[fact].label

    def option_name(self, fact: str, option: str) -> Text:
        return self.option_names[self.declared[fact].options or ""][option]

    def money(self, fact: str) -> Decimal | None:
        value = self.facts.get(fact)
        return None if value is None else Decimal(str(value))


class Judgement(NamedTuple):
    verdict: Verdict
    because: Text
    limit: Limit | None = None
    evidence: tuple[str, ...] = ()
    """Documents that an officer compares with what was declared."""
    parts: tuple["Finding", ...] = ()


class Finding(NamedTuple):
    """One condition's answer, with everything that it rests on."""

    id: str
    clause: str
    text: Text
    official_text: str
    verdict: Verdict
    facts: Mapping[str, Any]
    limit: Limit | None
    because: Text
    evidence: tuple[str, ...] = ()
    parts: tuple["Finding", ...] = ()


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def facts_used(self) -> tuple[str, ...]:
        raise NotImplementedError

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """The facts used, found once."""
        return self.facts_used()

    def judge(self, matter: Matter) -> Judgement:
        raise NotImplementedError


class LowerFloor(BaseModel):
    """A lower limit for enterprises of which a flag is true, and what shows that it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str
    limit: Decimal
    evidence: tuple[str, ...] = ()


_YUAN, _NO_UNIT = Text(" 元", " yuan"), Text("", "")


class AtLeast(_Rule):
    """An amount or a count of at least a limit (以上 includes the number)."""

    kind: Literal["at_least"]
    fact: str
    limit: Decimal
    exception: LowerFloor | None = None

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,) if self.exception is None else (self.fact, self.exception.when)

    def judge(self, matter: Matter) -> Judgement:
        limit, is_exception = self.limit, False
        evidence: tuple[str, ...] = ()
        if self.exception is not None and matter.facts.get(self.exception.when) is True:
            limit, evidence, is_exception = self.exception.limit, self.exception.evidence, True
        value = matter.money(self.fact)
        is_money = matter.declared[self.fact].kind is FactKind.AMOUNT
        stated = Limit("at_least", f"{limit:f}", "yuan" if is_money else "persons")
        if value is None:
            return _missing(matter, (self.fact,), stated)
        unit = _YUAN if is_money else _NO_UNIT
        label = matter.label(self.fact)
        under = (
            matter.label(self.exception.when)
            if self.exception is not None and is_exception
            else None
        )
        return Judgement(
            verdict=Verdict.MET if value >= limit else Verdict.NOT_MET,
            because=Text(
                f"{label.zh} {value:,f}{unit.zh}，"
                f"{'不低于' if value >= limit else '低于'}下限 {limit:,f}{unit.zh}"
                f"{f'（{under.zh}适用）' if under else ''}。",
                f"{label.en} of {value:,f}{unit.en} is"
                f" {'not below' if value >= limit else 'below'} the limit of {limit:,f}{unit.en}"
                f"{f' (which applies to: {under.en})' if under else ''}.",
            ),
            limit=stated,
            evidence=evidence,
        )


_RELATIONS = {
    # (is the limit a floor, is it held)
    (True, True): Text("不低于", "not below"),
    (True, False): Text("低于", "below"),
    (False, True): Text("不高于", "not above"),
    (False, False): Text("高于", "above"),
}


class Ratio(_Rule):
    """A part of at least, or at most, so many percent of a whole; both are amounts."""

    kind: Literal["ratio"]
    part: str
    whole: str
    at_least: Decimal | None = None
    at_most: Decimal | None = None

    @model_validator(mode="after")
    def _has_one_limit(self) -> "Ratio":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a ratio has either at_least or at_most")
        return self

    def facts_used(self) -> tuple[str, ...]:
        return (self.part, self.whole)

    def judge(self, matter: Matter) -> Judgement:
        is_floor = self.at_least is not None
        percent = self.at_least if self.at_least is not None else self.at_most
        if percent is None:  # for the type checker; the validator saw to it
            raise ValueError("a ratio without a limit")
        stated = Limit("at_least" if is_floor else "at_most", f"{percent:f}", "percent")
        part, whole = matter.money(self.part), matter.money(self.whole)
        lacking = tuple(
            fact for fact, value in ((self.part, part), (self.whole, whole)) if value is None
        )
        if part is None or whole is None:
            return _missing(matter, lacking, stated)
        labels = matter.label(self.part), matter.label(self.whole)
        if whole <= 0:
            return Judgement(
                Verdict.NEEDS_OFFICER,
                Text(
                    f"{labels[1].zh}为 {whole:,f} 元，无法计算比例，由主管部门判定。",
                    f"{labels[1].en} is {whole:,f} yuan, so there is no ratio; an officer decides.",
                ),
                stated,
            )
        held = part * 100 >= whole * percent if is_floor else part * 100 <= whole * percent
        relation = _RELATIONS[is_floor, held]
        return Judgement(
            verdict=Verdict.MET if held else Verdict.NOT_MET,
            because=Text(
                f"{labels[0].zh} {part:,f} 元，{relation.zh}{labels[1].zh} {whole:,f} 元的"
                f" {percent:f}%（{whole * percent / 100:,f} 元）。",
                f"{labels[0].en} of {part:,f} yuan is {relation.en} {percent:f}% of"
                f" {labels[1].en.lower()}, {whole:,f} yuan ({whole * percent / 100:,f} yuan).",
            ),
            limit=stated,
        )


class IsTrue(_Rule):
    """A flag that has to be true."""

    kind: Literal["is_true"]
    fact: str

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def judge(self, matter: Matter) -> Judgement:
        stated = Limit("is", "true")
        value = matter.facts.get(self.fact)
        if value is None:
            return _missing(matter, (self.fact,), stated)
        label = matter.label(self.fact)
        return Judgement(
            verdict=Verdict.MET if value is True else Verdict.NOT_MET,
            because=Text(
                f"{label.zh}：{'是' if value is True else '否'}。",
                f"{label.en}: {'yes' if value is True else 'no'}.",
            ),
            limit=stated,
        )


class HasAny(_Rule):
    """A list with something in it."""

    kind: Literal["has_any"]
    fact: str

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def judge(self, matter: Matter) -> Judgement:
        stated = Limit("at_least", "1", "items")
        value = matter.facts.get(self.fact)
        if value is None:
            return _missing(matter, (self.fact,), stated)
        label = matter.label(self.fact)
        return Judgement(
            verdict=Verdict.MET if value else Verdict.NOT_MET,
            because=Text(
                f"{label.zh}：{'、'.join(value) if value else '无'}。",
                f"{label.en}: {', '.join(value) if value else 'none'}.",
            ),
            limit=stated,
        )


class OneOf(_Rule):
    """A choice among what the law lists; `officer` are choices that the law leaves open (等)."""

    kind: Literal["one_of"]
    fact: str
    accepted: tuple[str, ...]
    officer: tuple[str, ...] = ()

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def judge(self, matter: Matter) -> Judgement:
        stated = Limit("one_of", ", ".join(self.accepted))
        value = matter.facts.get(self.fact)
        if value is None:
            return _missing(matter, (self.fact,), stated)
        label = matter.label(self.fact)
        name = matter.option_name(self.fact, value)
        if value in self.officer:
            return Judgement(
                Verdict.NEEDS_OFFICER,
                Text(
                    f"{label.zh}为“{name.zh}”，不在列举之内，由主管部门判定。",
                    f"{label.en}: {name.en}, which the law does not list; an officer decides.",
                ),
                stated,
            )
        is_listed = value in self.accepted
        return Judgement(
            verdict=Verdict.MET if is_listed else Verdict.NOT_MET,
            because=Text(
                f"{label.zh}为“{name.zh}”，{'在' if is_listed else '不在'}列举之内。",
                f"{label.en}: {name.en}, which is {'listed' if is_listed else 'not listed'}.",
            ),
            limit=stated,
        )


class IsSmallOrMedium(_Rule):
    """Small or medium by the size standard; what it does not cover, an officer decides."""

    kind: Literal["is_sme"]

    def facts_used(self) -> tuple[str, ...]:
        return ("industry_code", "employees", "operating_revenue", "total_assets")

    def judge(self, matter: Matter) -> Judgement:
        stated = Limit("one_of", f"{Size.MEDIUM}, {Size.SMALL}, {Size.MICRO}")
        size = matter.size
        if size.is_sme is None:
            return Judgement(Verdict.NEEDS_OFFICER, size.because, stated)
        return Judgement(
            Verdict.MET if size.is_sme else Verdict.NOT_MET, because=size.because, limit=stated
        )


class NotTrue(_Rule):
    """A flag that bars the enterprise when it is true."""

    kind: Literal["not_true"]
    fact: str

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def judge(self, matter: Matter) -> Judgement:
        stated = Limit("is", "false")
        value = matter.facts.get(self.fact)
        if value is None:
            return _missing(matter, (self.fact,), stated)
        label = matter.label(self.fact)
        return Judgement(
            verdict=Verdict.NOT_MET if value is True else Verdict.MET,
            because=Text(
                f"{label.zh}：{'有' if value is True else '无'}。",
                f"{label.en}: {'yes' if value is True else 'no'}.",
            ),
            limit=stated,
        )


class NotWithinYears(_Rule):
    """Nothing happened in the years before the day of application, or since (近三年).

    What happened on a day stops counting when that many full years are over.
    """

    kind: Literal["not_within_years"]
    fact: str
    years: int = Field(ge=1)

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def judge(self, matter: Matter) -> Judgement:
        stated = Limit("not_within", str(self.years), "years")
        value = matter.facts.get(self.fact)
        label = matter.label(self.fact)
        if value is None:
            if not matter.declared[self.fact].is_optional:
                return _missing(matter, (self.fact,), stated)
            return Judgement(
                Verdict.MET, Text(f"{label.zh}：未申报。", f"{label.en}: none declared."), stated
            )
        happened_on = date.fromisoformat(value)
        if happened_on > matter.today:
            return Judgement(
                Verdict.NEEDS_OFFICER,
                Text(
                    f"{label.zh}为 {happened_on}，晚于今天，请核实。",
                    f"{label.en} is {happened_on}, which is to come; an officer checks it.",
                ),
                stated,
            )
        over_on = years_after(happened_on, self.years)
        is_over = over_on <= matter.applied_on
        return Judgement(
            verdict=Verdict.MET if is_over else Verdict.NOT_MET,
            because=Text(
                f"{label.zh}为 {happened_on}，自申报之日 {matter.applied_on} 起回溯"
                f" {self.years} 年，{'已满' if is_over else f'至 {over_on} 方满'}。",
                f"{label.en} is {happened_on}; counted back {self.years} years from the"
                f" application on {matter.applied_on}, it"
                f" {'no longer counts' if is_over else f'counts until {over_on}'}.",
            ),
            limit=stated,
        )


class HoldsTitle(_Rule):
    """A title that has to be valid on the day."""

    kind: Literal["holds_title"]
    title: str

    def facts_used(self) -> tuple[str, ...]:
        return ()

    def judge(self, matter: Matter) -> Judgement:
        holds = self.title in matter.titles_held
        return Judgement(
            verdict=Verdict.MET if holds else Verdict.NOT_MET,
            because=Text(
                f"{'持有' if holds else '未持有'}有效的称号 {self.title}。",
                f"It {'holds' if holds else 'does not hold'} a valid title {self.title}.",
            ),
            limit=Limit("is", self.title),
        )


_FOR_REVIEW = Judgement(
    Verdict.NEEDS_OFFICER,
    Text("由主管部门和专家审核判定。", "Officers and experts judge this in review."),
)


class OfficerJudges(_Rule):
    """A matter that the law leaves to judgement; the facts named are where an officer looks first."""

    kind: Literal["officer"]
    look_at: tuple[str, ...] = ()

    def facts_used(self) -> tuple[str, ...]:
        return self.look_at

    def judge(self, matter: Matter) -> Judgement:  # noqa: ARG002 - every rule is asked alike
        return _FOR_REVIEW


class AnyOf(_Rule):
    """At least one of several has to be met."""

    kind: Literal["any_of"]
    conditions: tuple["Condition", ...] = Field(min_length=2)

    def facts_used(self) -> tuple[str, ...]:
        return _facts_of(self.conditions)

    def judge(self, matter: Matter) -> Judgement:
        parts = tuple(part.find(matter) for part in self.conditions)
        verdicts = {part.verdict for part in parts}
        for verdict in (Verdict.MET, Verdict.NEEDS_OFFICER, Verdict.NOT_MET):
            if verdict in verdicts:
                return _combined(verdict, parts)
        raise ValueError("any_of has parts")


class AllOf(_Rule):
    """All of several have to be met."""

    kind: Literal["all_of"]
    conditions: tuple["Condition", ...] = Field(min_length=2)

    def facts_used(self) -> tuple[str, ...]:
        return _facts_of(self.conditions)

    def judge(self, matter: Matter) -> Judgement:
        parts = tuple(part.find(matter) for part in self.conditions)
        return _combined(worst(part.verdict for part in parts), parts)


Rule = Annotated[
    AtLeast
    | Ratio
    | IsTrue
    | HasAny
    | OneOf
    | IsSmallOrMedium
    | NotTrue
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
            judged.evidence,
            judged.parts,
        )


AnyOf.model_rebuild()
AllOf.model_rebuild()


def worst(verdicts: Any) -> Verdict:
    """Return not met if anything is not met, else needs an officer if anything does."""
    found = set(verdicts)
    if Verdict.NOT_MET in found:
        return Verdict.NOT_MET
    return Verdict.NEEDS_OFFICER if Verdict.NEEDS_OFFICER in found else Verdict.MET


def _combined(verdict: Verdict, parts: tuple[Finding, ...]) -> Judgement:
    return Judgement(
        verdict,
        Text(
            "；".join(part.because.zh.rstrip("。") for part in parts) + "。",
            " ".join(part.because.en for part in parts),
        ),
        parts=parts,
    )


def _missing(matter: Matter, facts: tuple[str, ...], limit: Limit) -> Judgement:
    labels = [matter.label(fact) for fact in facts]
    return Judgement(
        Verdict.NEEDS_OFFICER,
        Text(
            f"未提供{'、'.join(label.zh for label in labels)}。",
            f"Not given: {', '.join(label.en for label in labels)}.",
        ),
        limit,
    )


def _facts_of(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact for one in conditions for fact in one.rule.facts_used()))
