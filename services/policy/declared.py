"""Rules about what is declared: flags, lists, choices, days, titles, and matters of judgement."""

from abc import abstractmethod
from datetime import date
from typing import Literal

from pydantic import Field

from services.kernel.text import Text
from services.policy.enterprise_size import Size
from services.policy.facts import FactKind
from services.policy.matter import Judgement, Limit, Matter, Verdict
from services.policy.rule import FewAnswers, OneFact, RuleKind, lacking
from services.policy.validity import years_after


class IsTrue(FewAnswers):
    """A flag that has to be true."""

    KINDS = frozenset({FactKind.FLAG})

    kind: Literal["is_true"]

    def judge_anew(self, matter: Matter) -> Judgement:
        stated = Limit("is", "true")
        value = matter.facts.get(self.fact)
        if value is None:
            return lacking(matter, (self.fact,), stated)
        label = matter.label(self.fact)
        return Judgement(
            verdict=Verdict.MET if value is True else Verdict.NOT_MET,
            because=Text(
                f"{label.zh}：{'是' if value is True else '否'}。",
                f"{label.en}: {'yes' if value is True else 'no'}.",
            ),
            limit=stated,
        )


class HasAny(OneFact):
    """A list with something in it."""

    KINDS = frozenset({FactKind.TEXTS})

    kind: Literal["has_any"]

    def judge(self, matter: Matter) -> Judgement:
        stated = Limit("at_least", "1", "count")
        value = matter.facts.get(self.fact)
        if value is None:
            return lacking(matter, (self.fact,), stated)
        label = matter.label(self.fact)
        return Judgement(
            verdict=Verdict.MET if value else Verdict.NOT_MET,
            because=Text(
                f"{label.zh}：{'、'.join(value) if value else '无'}。",
                f"{label.en}: {', '.join(value) if value else 'none'}.",
            ),
            limit=stated,
        )


class OneOf(FewAnswers):
    """A choice among what the law lists; `officer` are choices that the law leaves open (等)."""

    KINDS = frozenset({FactKind.CHOICE})

    kind: Literal["one_of"]
    accepted: tuple[str, ...]
    officer: tuple[str, ...] = ()

    def judge_anew(self, matter: Matter) -> Judgement:
        stated = Limit("one_of", ", ".join(self.accepted))
        value = matter.facts.get(self.fact)
        if value is None:
            return lacking(matter, (self.fact,), stated)
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


class IsSmallOrMedium(RuleKind):
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


class NotTrue(FewAnswers):
    """A flag that bars the enterprise when it is true."""

    KINDS = frozenset({FactKind.FLAG})

    kind: Literal["not_true"]

    def judge_anew(self, matter: Matter) -> Judgement:
        stated = Limit("is", "false")
        value = matter.facts.get(self.fact)
        if value is None:
            return lacking(matter, (self.fact,), stated)
        label = matter.label(self.fact)
        return Judgement(
            verdict=Verdict.NOT_MET if value is True else Verdict.MET,
            because=Text(
                f"{label.zh}：{'有' if value is True else '无'}。",
                f"{label.en}: {'yes' if value is True else 'no'}.",
            ),
            limit=stated,
        )


class _DaysAgo(OneFact):
    """A day that something happened on, looked at from the day of application.

    It stops counting on the day on which that many full years are over.
    """

    KINDS = frozenset({FactKind.DAY})

    years: int = Field(ge=1)

    def judge(self, matter: Matter) -> Judgement:
        value = matter.facts.get(self.fact)
        if value is None:
            told = self.told.get(None)
            if told is None:
                told = self.told[None] = self._without(matter)
            return told
        happened_on = date.fromisoformat(value)
        if happened_on > matter.today:
            label = matter.label(self.fact)
            return Judgement(
                Verdict.NEEDS_OFFICER,
                Text(
                    f"{label.zh}为 {happened_on}，晚于今天，请核实。",
                    f"{label.en} is {happened_on}, which is to come; an officer checks it.",
                ),
                self.stated(),
            )
        return self.of(matter, happened_on, over_on=years_after(happened_on, self.years))

    def _without(self, matter: Matter) -> Judgement:
        """Judge a day that was not given: left out of what is optional, it says that there is none."""
        if not matter.declared[self.fact].is_optional:
            return lacking(matter, (self.fact,), self.stated())
        label = matter.label(self.fact)
        return Judgement(
            self.when_none(),
            Text(f"{label.zh}：未申报。", f"{label.en}: none declared."),
            self.stated(),
        )

    @abstractmethod
    def stated(self) -> Limit: ...

    @abstractmethod
    def when_none(self) -> Verdict: ...

    @abstractmethod
    def of(self, matter: Matter, happened_on: date, *, over_on: date) -> Judgement: ...


class WithinYears(_DaysAgo):
    """Something happened in the years before the day of application (近三年获得)."""

    kind: Literal["within_years"]

    def stated(self) -> Limit:
        return Limit("within", str(self.years), "years")

    def when_none(self) -> Verdict:
        return Verdict.NOT_MET

    def of(self, matter: Matter, happened_on: date, *, over_on: date) -> Judgement:
        # What came after the application is not of the years before it.
        counts = happened_on <= matter.applied_on < over_on
        label = matter.label(self.fact)
        return Judgement(
            Verdict.MET if counts else Verdict.NOT_MET,
            Text(
                f"{label.zh}为 {happened_on}，{'在' if counts else '不在'}申报之日"
                f" {matter.applied_on} 前 {self.years} 年内。",
                f"{label.en}: {happened_on}, which is {'within' if counts else 'not within'}"
                f" {self.years} years before the application of {matter.applied_on}.",
            ),
            self.stated(),
        )


class NotWithinYears(_DaysAgo):
    """Nothing happened in the years before the day of application, or since (近三年)."""

    kind: Literal["not_within_years"]

    def stated(self) -> Limit:
        return Limit("not_within", str(self.years), "years")

    def when_none(self) -> Verdict:
        return Verdict.MET

    def of(self, matter: Matter, happened_on: date, *, over_on: date) -> Judgement:
        is_over = over_on <= matter.applied_on
        label = matter.label(self.fact)
        return Judgement(
            Verdict.MET if is_over else Verdict.NOT_MET,
            Text(
                f"{label.zh}为 {happened_on}，自申报之日 {matter.applied_on} 起回溯"
                f" {self.years} 年，{'已满' if is_over else f'至 {over_on} 方满'}。",
                f"{label.en} is {happened_on}; counted back {self.years} years from the"
                f" application on {matter.applied_on}, it"
                f" {'no longer counts' if is_over else f'counts until {over_on}'}.",
            ),
            self.stated(),
        )


class HoldsTitle(RuleKind):
    """A title that has to be valid on the day."""

    kind: Literal["holds_title"]
    title: str

    def facts_used(self) -> tuple[str, ...]:
        return ()

    def judge(self, matter: Matter) -> Judgement:
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


class OfficerJudges(RuleKind):
    """A matter that the law leaves to judgement; the facts named are where an officer looks first."""

    kind: Literal["officer"]
    look_at: tuple[str, ...] = ()

    def facts_used(self) -> tuple[str, ...]:
        return self.look_at

    def judge(self, matter: Matter) -> Judgement:  # noqa: ARG002 - every rule is asked alike
        return _FOR_REVIEW
