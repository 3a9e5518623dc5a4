"""Conditions as a pack writes them, and how each is judged: met, not met, or needs an officer.

Ratios are compared as amounts, never as rounded quotients. A fact that is missing, a denominator
of zero and a matter of judgement all answer "needs an officer": never a pass, never a crash.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.kernel.text import Text
from services.policy.enterprise_size import Size
from services.policy.facts import FactKind
from services.policy.matter import (
    Finding,
    Judgement,
    Kind,
    Limit,
    Matter,
    Quotient,
    Verdict,
    best,
    exactly,
    missing_facts,
    spelled,
    worst,
)
from services.policy.measures import UNITS, Measure
from services.policy.validity import years_after


class _Rule(BaseModel):
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


_A_NUMBER = frozenset({FactKind.AMOUNT, FactKind.COUNT})
_A_FLAG = frozenset({FactKind.FLAG})
_A_DAY = frozenset({FactKind.DAY})


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

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.fact, _A_NUMBER
        if self.exception is not None:
            yield self.exception.when, _A_FLAG

    def judge(self, matter: Matter) -> Judgement:
        exception = self.exception
        is_excepted = exception is not None and matter.facts.get(exception.when) is True
        number = matter.number(self.fact)
        if number is None:
            return self._missing(matter, is_excepted=is_excepted)
        floor = self._floor(matter, is_excepted=is_excepted)
        top, bottom, shown = number
        is_reached = top * floor.bottom >= floor.top * bottom
        zh, en = floor.reached if is_reached else floor.missed
        return Judgement(
            Verdict.MET if is_reached else Verdict.NOT_MET,
            Text(f"{floor.before.zh}{shown}{zh}", f"{floor.before.en}{shown}{en}"),
            floor.stated,
            floor.evidence,
        )

    @cached_property
    def _floors(self) -> dict[bool, "_Floor"]:
        return {}

    def _floor(self, matter: Matter, *, is_excepted: bool) -> "_Floor":
        """Return a limit with the words around a figure, put together once."""
        found = self._floors.get(is_excepted)
        if found is None:
            found = self._floors[is_excepted] = self._worded(matter, is_excepted=is_excepted)
        return found

    def _worded(self, matter: Matter, *, is_excepted: bool) -> "_Floor":
        limit, under = self.limit, _NO_UNIT
        evidence: tuple[str, ...] = ()
        if self.exception is not None and is_excepted:
            limit, evidence = self.exception.limit, self.exception.evidence
            name = matter.label(self.exception.when)
            under = Text(f"（{name.zh}适用）", f" (which applies to: {name.en})")
        is_money = matter.declared[self.fact].kind is FactKind.AMOUNT
        unit = _YUAN if is_money else _NO_UNIT
        label, floor = matter.label(self.fact), spelled(limit)
        top, bottom = exactly(limit)
        return _Floor(
            top=top,
            bottom=bottom,
            stated=Limit("at_least", f"{limit:f}", "yuan" if is_money else "count"),
            evidence=evidence,
            before=Text(f"{label.zh} ", f"{label.en} of "),
            reached=Text(
                f"{unit.zh}，不低于下限 {floor}{unit.zh}{under.zh}。",
                f"{unit.en} is not below the limit of {floor}{unit.en}{under.en}.",
            ),
            missed=Text(
                f"{unit.zh}，低于下限 {floor}{unit.zh}{under.zh}。",
                f"{unit.en} is below the limit of {floor}{unit.en}{under.en}.",
            ),
        )

    def _missing(self, matter: Matter, *, is_excepted: bool) -> Judgement:
        return _missing(matter, (self.fact,), self._floor(matter, is_excepted=is_excepted).stated)


class _Floor(NamedTuple):
    top: int
    bottom: int
    stated: Limit
    evidence: tuple[str, ...]
    before: Text
    reached: Text
    missed: Text


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

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.part, _A_NUMBER
        yield self.whole, _A_NUMBER

    @cached_property
    def _limit(self) -> tuple[bool, int, int, Limit]:
        """Whether it is a floor, its percentage as a quotient, and as it is stated."""
        is_floor = self.at_least is not None
        percent = self.at_least if self.at_least is not None else self.at_most or Decimal(0)
        stated = Limit("at_least" if is_floor else "at_most", f"{percent:f}", "percent")
        return is_floor, *exactly(percent), stated

    def judge(self, matter: Matter) -> Judgement:
        is_floor, top, bottom, stated = self._limit
        part, whole = matter.number(self.part), matter.number(self.whole)
        if part is None or whole is None:
            lacking = tuple(
                fact for fact, value in ((self.part, part), (self.whole, whole)) if value is None
            )
            return _missing(matter, lacking, stated)
        of_part, of_whole = matter.label(self.part), matter.label(self.whole)
        unit = _YUAN if matter.declared[self.whole].kind is FactKind.AMOUNT else _NO_UNIT
        if whole.top <= 0:
            return Judgement(
                Verdict.NEEDS_OFFICER,
                Text(
                    f"{of_whole.zh}为 {whole.shown}{unit.zh}，无法计算比例，由主管部门判定。",
                    f"{of_whole.en} is {whole.shown}{unit.en}, so there is no ratio;"
                    " an officer decides.",
                ),
                stated,
            )
        have = part.top * whole.bottom * 100 * bottom
        needed = whole.top * part.bottom * top
        held = have >= needed if is_floor else have <= needed
        relation = _RELATIONS[is_floor, held]
        limit = _share_shown(whole.top * top, whole.bottom * bottom * 100, is_money=unit is _YUAN)
        return Judgement(
            Verdict.MET if held else Verdict.NOT_MET,
            Text(
                f"{of_part.zh} {part.shown}{unit.zh}，{relation.zh}{of_whole.zh}"
                f" {whole.shown}{unit.zh}的 {stated.value}%（{limit}{unit.zh}）。",
                f"{of_part.en} of {part.shown}{unit.en} is {relation.en} {stated.value}% of"
                f" {of_whole.en.lower()}, {whole.shown}{unit.en} ({limit}{unit.en}).",
            ),
            stated,
        )


def _share_shown(top: int, bottom: int, *, is_money: bool) -> str:
    """Spell a share of an amount or of a count to the last digit that it has."""
    whole, rest = divmod(top, bottom)
    hundredths, finer = divmod(rest * 100, bottom)
    if finer:
        return f"{(Decimal(top) / bottom).normalize():,f}"
    return f"{whole:,}.{hundredths:02}" if is_money or hundredths else f"{whole:,}"


class IsTrue(_Rule):
    """A flag that has to be true."""

    kind: Literal["is_true"]
    fact: str

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.fact, _A_FLAG

    def judge(self, matter: Matter) -> Judgement:
        key = matter.facts.get(self.fact)
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = self._judge(matter)
        return told

    def _judge(self, matter: Matter) -> Judgement:
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

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.fact, frozenset({FactKind.TEXTS})

    def judge(self, matter: Matter) -> Judgement:
        stated = Limit("at_least", "1", "count")
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

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.fact, frozenset({FactKind.CHOICE})

    def judge(self, matter: Matter) -> Judgement:
        key = matter.facts.get(self.fact)
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = self._judge(matter)
        return told

    def _judge(self, matter: Matter) -> Judgement:
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


_SMALL_OR_MEDIUM = Limit("one_of", f"{Size.MEDIUM}, {Size.SMALL}, {Size.MICRO}")


class IsSmallOrMedium(_Rule):
    """Small or medium by the size standard; what it does not cover, an officer decides."""

    kind: Literal["is_sme"]

    def facts_used(self) -> tuple[str, ...]:
        return ("industry_code", "employees", "operating_revenue", "total_assets")

    def judge(self, matter: Matter) -> Judgement:
        stated = _SMALL_OR_MEDIUM
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

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.fact, _A_FLAG

    def judge(self, matter: Matter) -> Judgement:
        key = matter.facts.get(self.fact)
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = self._judge(matter)
        return told

    def _judge(self, matter: Matter) -> Judgement:
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

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.fact, _A_DAY

    def judge(self, matter: Matter) -> Judgement:
        if matter.facts.get(self.fact) is not None:
            return self._judge(matter)
        told = self._told.get(None)
        if told is None:
            told = self._told[None] = self._judge(matter)
        return told

    def _judge(self, matter: Matter) -> Judgement:
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
            return _to_come(label, happened_on, stated)
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


_WORDS: dict[str, tuple[Text, Text]] = {
    # how it reads when the limit is held, and when it is not
    "at_least": (Text("不低于", "is not below"), Text("低于", "is below")),
    "at_most": (Text("不高于", "is not above"), Text("高于", "is above")),
    "below": (Text("低于", "is below"), Text("不低于", "is not below")),
}


class MeasuredLimit(_Rule):
    """A measure of at least, at most (both include the number) or below a limit."""

    kind: Literal["measured"]
    measure: Measure
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    below: Decimal | None = None

    @model_validator(mode="after")
    def _has_one_limit(self) -> "MeasuredLimit":
        if [self.at_least, self.at_most, self.below].count(None) != 2:  # noqa: PLR2004 - of three
            raise ValueError("a measure has one limit: at_least, at_most or below")
        return self

    @cached_property
    def limit(self) -> tuple[Literal["at_least", "at_most", "below"], Decimal]:
        if self.at_least is not None:
            return "at_least", self.at_least
        if self.at_most is not None:
            return "at_most", self.at_most
        return "below", self.below or Decimal(0)

    @cached_property
    def _scaled(self) -> Quotient:
        return self.measure.scaled(self.limit[1])

    def facts_used(self) -> tuple[str, ...]:
        return self.measure.uses

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield from self.measure.wants()

    def judge(self, matter: Matter) -> Judgement:
        comparison, limit = self.limit
        unit = self.measure.unit(matter)
        stated = Limit(comparison, f"{limit:f}", unit)
        value, shown = self.measure.measure(matter)
        if value is None:
            return Judgement(Verdict.NEEDS_OFFICER, shown, stated)
        top, bottom = self._scaled
        have, wanted = value[0] * bottom, top * value[1]
        held = {"at_least": have >= wanted, "at_most": have <= wanted, "below": have < wanted}[
            comparison
        ]
        words = _WORDS[comparison][0 if held else 1]
        named, number = UNITS[unit], spelled(limit)
        return Judgement(
            Verdict.MET if held else Verdict.NOT_MET,
            Text(
                f"{shown.zh}，{words.zh} {number}{named.zh}。",
                f"{shown.en}, which {words.en} {number}{named.en}.",
            ),
            stated,
        )


class ScoreAtLeast(_Rule):
    """A score, of a whole table or of one dimension, of at least so many points.

    Met when even the least possible score reaches the mark, not met when the greatest does not.
    """

    kind: Literal["score"]
    table: str
    dimension: str | None = None
    at_least: Decimal

    def facts_used(self) -> tuple[str, ...]:
        return ()

    def judge(self, matter: Matter) -> Judgement:
        name, least, most = matter.score(self.table).of(self.dimension)
        mark = spelled(self.at_least)
        stated = Limit("at_least", mark, "points")
        if least == most:
            is_reached = least >= self.at_least
            return Judgement(
                Verdict.MET if is_reached else Verdict.NOT_MET,
                Text(
                    f"{name.zh} {spelled(least)} 分，{'达到' if is_reached else '未达到'} {mark} 分。",
                    f"{name.en}: {spelled(least)} points"
                    f" {'reach' if is_reached else 'do not reach'} {mark}.",
                ),
                stated,
            )
        verdict = Verdict.NEEDS_OFFICER
        if least >= self.at_least:
            verdict = Verdict.MET
        elif most < self.at_least:
            verdict = Verdict.NOT_MET
        told = _OPEN_SCORES[verdict]
        return Judgement(
            verdict,
            Text(
                f"{name.zh}在 {spelled(least)} 至 {spelled(most)} 分之间，{told.zh} {mark} 分。",
                f"{name.en}: between {spelled(least)} and {spelled(most)} points, {told.en} {mark}.",
            ),
            stated,
        )


_OPEN_SCORES = {
    Verdict.MET: Text("已达到", "which reach"),
    Verdict.NOT_MET: Text("达不到", "which cannot reach"),
    Verdict.NEEDS_OFFICER: Text("待补充或判定后方知是否达到", "which may or may not reach"),
}


class WithinYears(_Rule):
    """Something happened in the years before the day of application (近三年获得).

    It stops counting on the day on which that many full years are over.
    """

    kind: Literal["within_years"]
    fact: str
    years: int = Field(ge=1)

    def facts_used(self) -> tuple[str, ...]:
        return (self.fact,)

    def wants(self) -> Iterator[tuple[str, frozenset[FactKind]]]:
        yield self.fact, _A_DAY

    def judge(self, matter: Matter) -> Judgement:
        if matter.facts.get(self.fact) is not None:
            return self._judge(matter)
        told = self._told.get(None)
        if told is None:
            told = self._told[None] = self._judge(matter)
        return told

    def _judge(self, matter: Matter) -> Judgement:
        stated = Limit("within", str(self.years), "years")
        value = matter.facts.get(self.fact)
        label = matter.label(self.fact)
        if value is None:
            if not matter.declared[self.fact].is_optional:
                return _missing(matter, (self.fact,), stated)
            return Judgement(
                Verdict.NOT_MET,
                Text(f"{label.zh}：未申报。", f"{label.en}: none declared."),
                stated,
            )
        happened_on = date.fromisoformat(value)
        if happened_on > matter.today:
            return _to_come(label, happened_on, stated)
        counts = years_after(happened_on, self.years) > matter.applied_on
        return Judgement(
            Verdict.MET if counts else Verdict.NOT_MET,
            Text(
                f"{label.zh}为 {happened_on}，{'在' if counts else '不在'}申报之日"
                f" {matter.applied_on} 前 {self.years} 年内。",
                f"{label.en}: {happened_on}, which is {'within' if counts else 'not within'}"
                f" {self.years} years before the application of {matter.applied_on}.",
            ),
            stated,
        )


def _to_come(label: Text, happened_on: date, stated: Limit) -> Judgement:
    return Judgement(
        Verdict.NEEDS_OFFICER,
        Text(
            f"{label.zh}为 {happened_on}，晚于今天，请核实。",
            f"{label.en} is {happened_on}, which is to come; an officer checks it.",
        ),
        stated,
    )


class HoldsTitle(_Rule):
    """A title that has to be valid on the day."""

    kind: Literal["holds_title"]
    title: str

    def facts_used(self) -> tuple[str, ...]:
        return ()

    def judge(self, matter: Matter) -> Judgement:
        key = self.title in matter.titles_held
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = self._judge(matter)
        return told

    def _judge(self, matter: Matter) -> Judgement:
        holds = self.title in matter.titles_held
        name = matter.titles[self.title]
        return Judgement(
            verdict=Verdict.MET if holds else Verdict.NOT_MET,
            because=Text(
                f"{'持有' if holds else '未持有'}有效的称号：{name.zh}。",
                f"It {'holds' if holds else 'does not hold'} a valid title: {name.en}.",
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


class _Combined(_Rule):
    conditions: tuple["Condition", ...] = Field(min_length=2)

    def facts_used(self) -> tuple[str, ...]:
        return _facts_of(self.conditions)

    def judge(self, matter: Matter) -> Judgement:
        parts = tuple([part.find(matter) for part in self.conditions])
        verdicts = tuple([part.verdict for part in parts])
        told = self._told.get(verdicts)
        if told is None:
            told = self._told[verdicts] = self._combine(verdicts)
        return told._replace(parts=parts)

    def _combine(self, verdicts: tuple[Verdict, ...]) -> Judgement:
        raise NotImplementedError

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


def _missing(matter: Matter, facts: tuple[str, ...], limit: Limit) -> Judgement:
    return Judgement(Verdict.NEEDS_OFFICER, missing_facts(matter, facts), limit)


def _facts_of(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact for one in conditions for fact in one.rule.facts_used()))
