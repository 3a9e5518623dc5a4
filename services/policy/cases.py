"""Worked cases beside a pack: facts, and the answers that the law gives to them.

`cases.toml` holds a base enterprise, cases that change it, and sweeps: one fact going over a limit in
small steps, with the answer expected at each. `untried` names every limit that no case stands just
below, exactly at and just above.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.policy.conditions import Rule, with_parts
from services.policy.declared import NotWithinYears, WithinYears
from services.policy.eligibility import Eligibility, check, matter_of
from services.policy.facts import FactsChecked
from services.policy.limits import AtLeast, MeasuredLimit, Ratio, ScoreAtLeast
from services.policy.matter import Finding, Kind, Matter, Quotient, exactly, spelled
from services.policy.measures import Measure, ShareMeasure
from services.policy.pack import Pack, TitleTests
from services.policy.scoring import Bands, BestOf, Highest, Indicator, Steps, Sum
from services.policy.validity import years_after

Expected = str | int
"""A verdict, or the points of an indicator, a dimension or a table."""


class CasesInvalid(Exception):
    """The cases of a pack cannot be read."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Circumstances(_Part):
    name: str
    title: str | None = None
    """By default the first title of the pack that has conditions."""
    kind: Kind = "new"
    on: date = date(2026, 3, 10)
    titles_held: tuple[str, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)
    without: tuple[str, ...] = ()
    """Facts of the base that are left out."""


class Case(_Circumstances):
    expect: dict[str, Expected] = Field(min_length=1)


class Sweep(_Circumstances):
    judges: str
    """The condition, indicator, dimension or table that the rows are about."""
    varies: str
    rows: tuple[Annotated[tuple[Any, Expected], Field()], ...] = Field(min_length=1)


class CaseFile(_Part):
    base: dict[str, Any]
    title: str | None = None
    cases: tuple[Case, ...] = ()
    sweeps: tuple[Sweep, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkedCase:
    name: str
    title: str
    kind: Kind
    on: date
    titles_held: tuple[str, ...]
    facts: Mapping[str, Any]
    expect: Mapping[str, Expected]


@dataclass(frozen=True, slots=True)
class CaseResult:
    case: WorkedCase
    checked: FactsChecked
    eligibility: Eligibility
    found: Mapping[str, Expected | None] = field(default_factory=dict)
    """What was found under each name of `expect`; None for a name that nothing has."""

    @property
    def is_right(self) -> bool:
        return not self.checked.problems and self.found == dict(self.case.expect)


def read_cases(folder: Path, pack: Pack) -> list[WorkedCase]:
    """Read a pack's cases, each sweep taken apart. Raises `CasesInvalid`."""
    try:
        document = tomllib.loads((folder / "cases.toml").read_text("utf-8"))
        file = CaseFile.model_validate(document)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise CasesInvalid(f"{pack.name}: {error}") from error
    usual = file.title or next(title.id for title in pack.ladder if title.conditions)
    return [*_cases(file, usual), *_rows(file, usual)]


def _cases(file: CaseFile, usual: str) -> Iterator[WorkedCase]:
    for case in file.cases:
        yield _worked(file, case, usual, case.name, case.facts, case.expect)


def _rows(file: CaseFile, usual: str) -> Iterator[WorkedCase]:
    for sweep in file.sweeps:
        for value, expected in sweep.rows:
            facts = {**sweep.facts, sweep.varies: value}
            name = f"{sweep.name}: {sweep.varies} {value}"
            yield _worked(file, sweep, usual, name, facts, {sweep.judges: expected})


def _worked(
    file: CaseFile,
    of: _Circumstances,
    usual: str,
    name: str,
    facts: Mapping[str, Any],
    expect: Mapping[str, Expected],
) -> WorkedCase:
    merged = {**file.base, **facts}
    return WorkedCase(
        name=name,
        title=of.title or usual,
        kind=of.kind,
        on=of.on,
        titles_held=of.titles_held,
        facts={name: value for name, value in merged.items() if name not in of.without},
        expect=expect,
    )


def run_case(pack: Pack, case: WorkedCase) -> CaseResult:
    """Judge a case and set what was found beside what is expected."""
    checked = pack.check_facts(case.facts)
    judged = check(
        pack,
        title=case.title,
        kind=case.kind,
        facts=checked.values,
        on=case.on,
        titles_held=case.titles_held,
    )
    answers = dict(_answers(judged))
    return CaseResult(case, checked, judged, {name: answers.get(name) for name in case.expect})


def _answers(of: Eligibility) -> Iterator[tuple[str, Expected]]:
    yield "verdict", of.verdict.value
    yield from _verdicts((*of.conditions, *of.vetoes))
    for score in of.scores:
        yield score.table, _points(score.least, score.most)
        for dimension in score.dimensions:
            yield dimension.id, _points(dimension.least, dimension.most)
            for indicator in dimension.indicators:
                yield indicator.id, _points(indicator.least, indicator.most)


def _verdicts(findings: tuple[Finding, ...]) -> Iterator[tuple[str, Expected]]:
    for finding in findings:
        yield finding.id, finding.verdict.value
        yield from _verdicts(finding.parts)


def _points(least: Decimal, most: Decimal) -> Expected:
    """Return points as a whole number, or as a text such as 2.5 or 40..55 where they are not."""
    if least == most:
        return int(least) if least == least.to_integral_value() else spelled(least)
    return f"{spelled(least)}..{spelled(most)}"


# ---------------------------------------------------------------- is every limit tried?

_CLOSE = Decimal("0.001")
"""How near, as a part of the limit, a figure has to stand to be just below or just above it."""
_NEXT_SCORE = 5
"""Scores go in jumps: the next one that can be had counts as just below or just above."""

Side = int | None
"""-1 just below a limit, 0 exactly at it, 1 just above; None when elsewhere."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit of a pack, by name, and where an enterprise stands to it."""

    name: str
    side: Callable[[Matter], Side]


def untried(pack: Pack, cases: Iterable[WorkedCase]) -> list[str]:
    """Name each limit of the pack that the cases do not try from below, exactly and from above."""
    tried: dict[str, set[int]] = {
        threshold.name: set()
        for title in pack.titles
        for threshold in _thresholds(pack, pack.tests_of(title.id))
    }
    for case in cases:
        matter = matter_of(
            pack,
            pack.check_facts(case.facts).values,
            applied_on=case.on,
            today=case.on,
            titles_held=case.titles_held,
        )
        for threshold in _thresholds(pack, pack.tests_of(case.title, case.kind)):
            side = threshold.side(matter)
            if side is not None:
                tried[threshold.name].add(side)
    return [
        f"{name}: no case {' or '.join(_SIDES[side] for side in sorted({-1, 0, 1} - sides))}"
        for name, sides in tried.items()
        if {-1, 0, 1} - sides
    ]


_SIDES = {-1: "just below", 0: "exactly at it", 1: "just above"}


def _thresholds(pack: Pack, tests: TitleTests) -> Iterator[Threshold]:
    tables: dict[str, None] = {}
    for condition in with_parts((*tests.conditions, *tests.vetoes)):
        yield from _of_rule(condition.id, condition.rule)
        if isinstance(condition.rule, ScoreAtLeast):
            tables[condition.rule.table] = None
    for table in tables:
        for indicator in pack.tables[table].indicators:
            yield from _of_scale(indicator)


def _of_rule(name: str, rule: Rule) -> Iterator[Threshold]:
    match rule:
        case AtLeast():
            yield _threshold(name, rule.limit, partial(_floor_side, rule, is_excepted=False))
            if rule.exception is not None:
                limit = rule.exception.limit
                yield _threshold(name, limit, partial(_floor_side, rule, is_excepted=True))
        case Ratio():
            limit = rule.at_least if rule.at_least is not None else rule.at_most or Decimal(0)
            share = ShareMeasure(of="share", part=rule.part, whole=rule.whole)
            yield _threshold(name, limit, partial(_measure_side, share, limit))
        case MeasuredLimit():
            limit = rule.limit[1]
            yield _threshold(name, limit, partial(_measure_side, rule.measure, limit))
        case ScoreAtLeast():
            yield _threshold(name, rule.at_least, partial(_score_side, rule))
        case WithinYears() | NotWithinYears():
            yield _threshold(name, Decimal(rule.years), partial(_day_side, rule))
        case _:
            return


def _of_scale(indicator: Indicator) -> Iterator[Threshold]:
    scale = indicator.scale
    match scale:
        case Bands() | BestOf():
            measured = scale.scales if isinstance(scale, BestOf) else (scale,)
            for one in measured:
                for limit in sorted(
                    {band.at_least for band in one.bands if band.at_least is not None}
                ):
                    side = partial(_measure_side, one.measure, limit)
                    yield _threshold(indicator.id, limit, side)
        case Steps():
            last = int(indicator.out_of / scale.points_each) * scale.step
            for step in range(scale.step, last + 1, scale.step):
                limit = Decimal(step)
                side = partial(_measure_side, scale.measure, limit)
                yield _threshold(indicator.id, limit, side)
        case Sum() | Highest():
            for item in scale.items:
                yield from _of_rule(f"{indicator.id}, {item.name.en}", item.rule)
        case _:
            return


def _threshold(of: str, limit: Decimal, side: Callable[[Matter], Side]) -> Threshold:
    return Threshold(f"{of} at {spelled(limit)}", side)


def _floor_side(rule: AtLeast, matter: Matter, *, is_excepted: bool) -> Side:
    exception = rule.exception
    applies = exception is not None and matter.facts.get(exception.when) is True
    number = matter.number(rule.fact)
    if number is None or applies is not is_excepted:
        return None
    limit = exception.limit if exception is not None and is_excepted else rule.limit
    return _compare((number.top, number.bottom), exactly(limit))


def _measure_side(measure: Measure, limit: Decimal, matter: Matter) -> Side:
    value, _ = measure.measure(matter)
    return None if value is None else _compare(value, measure.scaled(limit))


def _score_side(rule: ScoreAtLeast, matter: Matter) -> Side:
    # An open score is met by its least and failed by its most, so those stand at the mark.
    _, least, most = matter.score(rule.table).of(rule.dimension)
    if rule.at_least <= least <= rule.at_least + _NEXT_SCORE:
        return 0 if least == rule.at_least else 1
    return -1 if rule.at_least - _NEXT_SCORE <= most < rule.at_least else None


def _day_side(rule: WithinYears | NotWithinYears, matter: Matter) -> Side:
    value = matter.facts.get(rule.fact)
    if value is None:
        return None
    distance = years_after(date.fromisoformat(value), rule.years) - matter.applied_on
    return distance.days if abs(distance) <= timedelta(days=1) else None


def _compare(value: Quotient, limit: Quotient) -> Side:
    have, wanted = value[0] * limit[1], limit[0] * value[1]
    if have == wanted:
        return 0
    # Whole numbers go by ones; anything else has to be as near as a thousandth of the limit.
    is_whole = value[1] == limit[1] == 1
    near = 1 if is_whole else _CLOSE * max(abs(wanted), value[1] * limit[1])
    if abs(have - wanted) > near:
        return None
    return 1 if have > wanted else -1
