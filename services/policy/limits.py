"""Rules that hold a figure, a ratio, a measure or a score against a limit."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, model_validator

from services.kernel.text import Text
from services.policy.facts import FactKind
from services.policy.matter import Judgement, Limit, Matter, Quotient, Verdict, exactly, spelled
from services.policy.measures import UNITS, Measure
from services.policy.rule import RuleKind, lacking

_A_NUMBER = frozenset({FactKind.AMOUNT, FactKind.COUNT})
_YUAN, _NO_UNIT = UNITS["yuan"], UNITS["count"]


class LowerFloor(BaseModel):
    """A lower limit for enterprises of which a flag is true, and what shows that it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str
    limit: Decimal
    evidence: tuple[str, ...] = ()


class AtLeast(RuleKind):
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
            yield self.exception.when, frozenset({FactKind.FLAG})

    def evidence_named(self) -> tuple[str, ...]:
        return () if self.exception is None else self.exception.evidence

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
        return lacking(matter, (self.fact,), self._floor(matter, is_excepted=is_excepted).stated)


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


class Ratio(RuleKind):
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
            absent = tuple(
                fact for fact, value in ((self.part, part), (self.whole, whole)) if value is None
            )
            return lacking(matter, absent, stated)
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


_WORDS: dict[str, tuple[Text, Text]] = {
    # how it reads when the limit is held, and when it is not
    "at_least": (Text("不低于", "is not below"), Text("低于", "is below")),
    "at_most": (Text("不高于", "is not above"), Text("高于", "is above")),
    "below": (Text("低于", "is below"), Text("不低于", "is not below")),
}


class MeasuredLimit(RuleKind):
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


class ScoreAtLeast(RuleKind):
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
