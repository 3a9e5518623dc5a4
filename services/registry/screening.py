"""A title's tests as SQL, so that a pack is run over every enterprise in one statement.

What `services.policy.eligibility` answers for one enterprise, this says for all of them, exactly
alike: amounts are multiplied crosswise and never divided, days are compared as they are written.
A kind of rule that it does not know is refused before anything is asked of the database.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import groupby, pairwise
from typing import Any, NamedTuple, assert_never

from sqlalchemy import BigInteger, Boolean, Integer, Label, Numeric, Text
from sqlalchemy.sql import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    cast,
    extract,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)

from services.policy.conditions import AllOf, AnyOf, Condition, Rule
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
from services.policy.eligibility import Eligibility
from services.policy.enterprise_size import Group, Size, group_of
from services.policy.facts import FactKind, Facts
from services.policy.limits import AtLeast, MeasuredLimit, Ratio, ScoreAtLeast
from services.policy.matter import Kind, Quotient, Verdict
from services.policy.measures import (
    CompoundGrowthMeasure,
    FactMeasure,
    FullYearsMeasure,
    GrowthMeasure,
    Measure,
    ShareMeasure,
    SumMeasure,
)
from services.policy.pack import Pack
from services.policy.scoring import (
    Bands,
    BestOf,
    Highest,
    Indicator,
    Item,
    MeasuredBands,
    OfficerScores,
    OptionPoints,
    ScoringTable,
    Steps,
    Sum,
)
from services.registry.figures import FIGURES
from services.registry.following_models import FigureSheet

SHEETS = FigureSheet.__table__
"""What every expression here reads: the figures of one enterprise in each row."""

DIGITS: Mapping[Verdict, int] = {
    Verdict.MET: 0,
    Verdict.NEEDS_OFFICER: 1,
    Verdict.NOT_MET: 2,
}
"""How answers are written: the worst of several is the greatest."""
VERDICTS: Mapping[int, Verdict] = {digit: verdict for verdict, digit in DIGITS.items()}
TAKEN = 3
"""Written for what is left to an officer and was answered when the application was recognised.

It counts as met: what is left of it after division by three is the digit of that.
"""

_MET: ColumnElement[int] = literal_column("0", Integer)
_OPEN: ColumnElement[int] = literal_column("1", Integer)
_NOT_MET: ColumnElement[int] = literal_column("2", Integer)
_TAKEN: ColumnElement[int] = literal_column(f"{TAKEN}", Integer)
_NOTHING: ColumnElement[Any] = literal_column("0", Integer)
_LARGEST_EXPONENT = 40
"""No limit that means something has more digits; one that has would only exhaust the memory."""
_MOST_YEARS = 200
"""Of a compound growth, whose limit is raised to that power."""
_DIGITS_IN_A_NUMBER = 17
"""So many answers behind a leading one fit a whole number of eight bytes."""


class NotScreenable(ValueError):
    """A pack that cannot be run over stored figures."""


class Day:
    """A day that periods are counted to: one for all sheets, or each sheet's own."""

    def __init__(self, day: date | ColumnElement[date]) -> None:
        self._day = day

    @property
    def written(self) -> ColumnElement[str]:
        """The day as facts write it, 2026-03-10."""
        if isinstance(self._day, date):
            return literal(self._day.isoformat(), Text)
        return func.to_char(self._day, "YYYY-MM-DD")

    @property
    def year(self) -> ColumnElement[int]:
        if isinstance(self._day, date):
            return literal(self._day.year, Integer)
        return cast(extract("year", self._day), Integer)

    @property
    def month_and_day(self) -> ColumnElement[str]:
        if isinstance(self._day, date):
            return literal(f"{self._day:%m-%d}", Text)
        return func.to_char(self._day, "MM-DD")

    def years_before(self, years: int) -> ColumnElement[str]:
        """Write the same day so many years earlier, 29 February also in a year without one.

        What happened on that day or before it is over by so many full years: as 29 February 2020 is
        written after 28 February and before 1 March, it is so from 1 March 2023 on.
        """
        if isinstance(self._day, date):
            return literal(f"{self._day.year - years:04}-{self._day:%m-%d}", Text)
        year = cast(self.year - literal_column(f"{years}", Integer), Text)
        return func.concat(func.lpad(year, 4, "0"), func.to_char(self._day, "-MM-DD"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Whose figures are judged, on which day, and what they hold."""

    source: FromClause
    """The sheets, joined with whatever the other members ask."""
    where: ColumnElement[bool]
    applied_on: Day
    today: Day
    holds: Callable[[str], ColumnElement[bool]]
    """Whether a title is held on the day."""
    was_recognised: ColumnElement[bool]
    decided_under: ColumnElement[str | None] | None = None
    """The pack by which an application was recognised on these very figures; null where it was not.

    None for a population whose figures nobody has decided on.
    """


class Plan:
    """The tests of one title, ready to be run over any population."""

    def __init__(
        self, pack: Pack, *, title: str, kind: Kind, decided_under: Iterable[Pack] = ()
    ) -> None:
        """Take the tests of a title. Raises `KeyError` for one that the pack does not have.

        `decided_under` are the packs by which applications of a cohort may have been recognised.
        """
        self._pack = pack
        self._answered = {
            before.name: unchanged(pack, before, title=title, kind=kind) for before in decided_under
        }
        self.conditions = _tests(pack, title, kind)
        """What is asked, in the order of the answers: conditions, then vetoes."""

    def statement(self, population: Population) -> Select[Any]:
        """Select each sheet's `uscc`, `sheet_id`, `division`, `verdict`, `answers`, `was_recognised`.

        Answers are written as one digit for each condition. Of an application that was recognised,
        what is left to an officer was answered then, if the condition was the same. Raises
        `NotScreenable`.
        """
        writer = _Writer(self._pack, population)
        answers = [
            writer.answer(condition.rule).label(f"answer_{place}")
            for place, condition in enumerate(self.conditions)
        ]
        left_open = self._left_open(population)
        judged = _once(
            select(
                SHEETS.c.uscc,
                SHEETS.c.id.label("sheet_id"),
                SHEETS.c.division,
                *answers,
                population.was_recognised.label("was_recognised"),
                *left_open.values(),
            )
            .select_from(writer.source)
            .where(population.where)
        ).subquery("judged")
        digits: list[ColumnElement[int]] = []
        for condition, answer in zip(self.conditions, answers, strict=True):
            digit: ColumnElement[int] = judged.c[answer.name]
            packs = self._packs_with(condition)
            if packs in left_open:
                digit = case((digit == _OPEN, judged.c[left_open[packs].name]), else_=digit)
            digits.append(digit)
        # What the recognition has answered counts as met: three leaves nothing.
        worst = [digit % _TAKEN for digit in digits] if left_open else digits
        return select(
            judged.c.uscc,
            judged.c.sheet_id,
            judged.c.division,
            func.greatest(_MET, *worst).label("verdict"),
            _written(digits).label("answers"),
            judged.c.was_recognised,
        )

    def _left_open(self, population: Population) -> dict[tuple[str, ...], Label[int]]:
        """Write what an open answer counts as, once for all conditions that the same packs had."""
        decided_under = population.decided_under
        if decided_under is None:
            return {}
        known = dict.fromkeys(self._packs_with(condition) for condition in self.conditions)
        return {
            packs: case((decided_under.in_(packs), _TAKEN), else_=_OPEN).label(f"open_{place}")
            for place, packs in enumerate(known)
            if packs
        }

    def _packs_with(self, condition: Condition) -> tuple[str, ...]:
        """Return the packs under which a recognition has answered this very condition."""
        return tuple(sorted(name for name, ids in self._answered.items() if condition.id in ids))


def unchanged(pack: Pack, before: Pack, *, title: str, kind: Kind) -> frozenset[str]:
    """Return the conditions of a title that another pack had word for word, and read alike.

    To be the same, a condition has the same text, clause, rule and evidence; and the facts, the lists
    that they are chosen from and the tables that the rule rests on are the same as well.
    """
    if before.find_title(title) is None:
        return frozenset()
    asked = {condition.id: condition for condition in _tests(before, title, kind)}
    return frozenset(
        condition.id
        for condition in _tests(pack, title, kind)
        if condition == asked.get(condition.id)
        and _rests_on(pack, condition) == _rests_on(before, condition)
    )


def _tests(pack: Pack, title: str, kind: Kind) -> tuple[Condition, ...]:
    tests = pack.tests_of(title, kind)
    return (*tests.conditions, *tests.vetoes)


def _rests_on(pack: Pack, condition: Condition) -> tuple[object, ...]:
    """Return what else of a pack decides how a condition answers."""
    tables: dict[str, ScoringTable] = {}
    _collect_tables(pack, condition.rule, tables)
    names = set(condition.rule.uses)
    names.update(fact for table in tables.values() for fact in table.facts_used())
    facts = {name: pack.facts.get(name) for name in names}
    lists = {
        fact.options: pack.lists.get(fact.options)
        for fact in facts.values()
        if fact is not None and fact.options is not None
    }
    return tables, facts, lists


def _collect_tables(pack: Pack, rule: Rule, into: dict[str, ScoringTable]) -> None:
    """Add the tables that a rule asks for, and those that these ask for in turn."""
    match rule:
        case ScoreAtLeast() if rule.table not in into:
            into[rule.table] = pack.tables[rule.table]
            for indicator in into[rule.table].indicators:
                if isinstance(indicator.scale, Sum | Highest):
                    for item in indicator.scale.items:
                        _collect_tables(pack, item.rule, into)
        case AnyOf() | AllOf():
            for part in rule.conditions:
                _collect_tables(pack, part.rule, into)
        case _:
            return


def with_taken(found: Eligibility, taken: frozenset[str]) -> tuple[str, Verdict]:
    """Return the answers as the database writes them and the verdict that they come to.

    `taken` are the conditions that a recognition has answered where they are left to an officer.
    """
    digits = [
        TAKEN
        if finding.verdict is Verdict.NEEDS_OFFICER and finding.id in taken
        else DIGITS[finding.verdict]
        for finding in (*found.conditions, *found.vetoes)
    ]
    worst = max((digit % TAKEN for digit in digits), default=DIGITS[Verdict.MET])
    return "".join(map(str, digits)), VERDICTS[worst]


def readable(pack: Pack, facts: Facts) -> dict[str, Any]:
    """Return what a pack can read of stored facts: a choice that it does not offer is no answer.

    Facts were accepted under the pack of their own day, whose lists may have been others.
    """
    return {
        name: value
        for name, value in facts.items()
        if name in pack.facts
        and (
            pack.facts[name].kind is not FactKind.CHOICE
            or value in pack.options[pack.facts[name].options or ""]
        )
    }


def _once(statement: Select[Any]) -> Select[Any]:
    """Keep the database from writing an expression out wherever its result is used."""
    return statement.offset(literal_column("0"))


def _written(digits: Sequence[ColumnElement[int]]) -> ColumnElement[str]:
    """Write digits side by side.

    As the digits of whole numbers: to make a text of each and join them takes twice as long.
    """
    written: list[ColumnElement[str]] = []
    for start in range(0, len(digits), _DIGITS_IN_A_NUMBER):
        number: ColumnElement[int] = cast(literal_column("1"), BigInteger)
        for digit in digits[start : start + _DIGITS_IN_A_NUMBER]:
            number = number * literal_column("10", Integer) + digit
        written.append(func.substr(cast(number, Text), 2))
    return func.concat(*written) if written else literal("", Text)


class _Measured(NamedTuple):
    """A measure as a quotient: what is above, what is below (None is one), and when it is unknown."""

    top: ColumnElement[Any]
    bottom: ColumnElement[Any] | None
    is_open: ColumnElement[bool]


class _Points(NamedTuple):
    least: ColumnElement[Any]
    most: ColumnElement[Any]


class _Writer:
    """Writes the expressions of one statement, each step of a score once."""

    def __init__(self, pack: Pack, population: Population) -> None:
        self._pack = pack
        self._population = population
        self._scores: dict[tuple[str, str | None], _Points] = {}
        self._under_way: list[str] = []
        self.source = population.source
        """The sheets with the steps of their scores beside them."""

    def answer(  # noqa: C901, PLR0911, PLR0912 - one case for each kind of rule
        self, rule: Rule
    ) -> ColumnElement[int]:
        """Write how a rule answers. Raises `NotScreenable`."""
        match rule:
            case AtLeast():
                return self._at_least(rule)
            case Ratio():
                return self._ratio(rule)
            case MeasuredLimit():
                return self._measured_limit(rule)
            case ScoreAtLeast():
                least, most = self._score(rule.table, rule.dimension)
                mark = _exact(rule.at_least)
                return case((least >= mark, _MET), (most < mark, _NOT_MET), else_=_OPEN)
            case IsTrue():
                flag = self._figure(rule.fact)
                return _judged(flag.is_(None), flag)
            case NotTrue():
                flag = self._figure(rule.fact)
                return _judged(flag.is_(None), ~flag)
            case HasAny():
                members = self._figure(rule.fact)
                return _judged(members.is_(None), members > _NOTHING)
            case OneOf():
                return self._one_of(rule)
            case IsSmallOrMedium():
                return self._is_small_or_medium()
            case WithinYears():
                return self._days_ago(rule, within=True)
            case NotWithinYears():
                return self._days_ago(rule, within=False)
            case HoldsTitle():
                return case((self._population.holds(rule.title), _MET), else_=_NOT_MET)
            case OfficerJudges():
                return _OPEN
            case AnyOf():
                return func.least(*[self.answer(part.rule) for part in rule.conditions])
            case AllOf():
                return func.greatest(*[self.answer(part.rule) for part in rule.conditions])
            case _:
                assert_never(rule)

    def _at_least(self, rule: AtLeast) -> ColumnElement[int]:
        number = self._figure(rule.fact)
        floor = _exact(rule.limit)
        if rule.exception is not None:
            floor = case(
                (self._figure(rule.exception.when), _exact(rule.exception.limit)), else_=floor
            )
        return _judged(number.is_(None), number >= floor)

    def _ratio(self, rule: Ratio) -> ColumnElement[int]:
        part, whole = self._number(rule.part), self._number(rule.whole)
        if rule.at_least is not None:
            held = part * _exact(Decimal(100)) >= whole * _exact(rule.at_least)
        else:
            held = part * _exact(Decimal(100)) <= whole * _exact(rule.at_most or Decimal(0))
        return _judged(or_(part.is_(None), whole.is_(None), whole <= _NOTHING), held)

    def _measured_limit(self, rule: MeasuredLimit) -> ColumnElement[int]:
        measured = self._measured(rule.measure)
        comparison, limit = rule.limit
        have, wanted = _crosswise(measured, _scaled(rule.measure, limit))
        match comparison:
            case "at_least":
                held = have >= wanted
            case "at_most":
                held = have <= wanted
            case "below":
                held = have < wanted
        return _judged(measured.is_open, held)

    def _one_of(self, rule: OneOf) -> ColumnElement[int]:
        chosen = self._figure(rule.fact)
        offered = self._pack.options[self._pack.facts[rule.fact].options or ""]
        accepted = frozenset(rule.accepted) - frozenset(rule.officer)
        refused = offered - accepted - frozenset(rule.officer)
        # What was not given, what the law leaves open, and what the pack does not offer.
        return case(
            (chosen.in_(sorted(accepted)), _MET),
            (chosen.in_(sorted(refused)), _NOT_MET),
            else_=_OPEN,
        )

    def _is_small_or_medium(self) -> ColumnElement[int]:
        industry = self._figure("industry_code").collate("C")
        determined = SHEETS.c.determined_size
        sizes: list[tuple[ColumnElement[bool], ColumnElement[int]]] = [
            (determined == literal(Size.LARGE.value, Text), _NOT_MET),
            (determined.is_not(None), _MET),
        ]
        for group, ranges in _industries_by_group():
            belongs = or_(
                *(and_(industry >= literal(low), industry <= literal(high)) for low, high in ranges)
            )
            sizes.append((belongs, self._is_not_large(group)))
        return case(*sizes, else_=_OPEN)

    def _is_not_large(self, group: Group) -> ColumnElement[int]:
        limits = {
            self._figure(name): _exact(limit) for name, limit in group.tiers[0].limits.items()
        }
        is_open = or_(*(or_(figure.is_(None), figure < _NOTHING) for figure in limits))
        return _judged(is_open, or_(*(figure < limit for figure, limit in limits.items())))

    def _days_ago(self, rule: WithinYears | NotWithinYears, *, within: bool) -> ColumnElement[int]:
        happened_on = self._figure(rule.fact).collate("C")
        is_over = happened_on <= self._population.applied_on.years_before(rule.years)
        when_none = _OPEN
        if self._pack.facts[rule.fact].is_optional:
            when_none = _NOT_MET if within else _MET
        held = is_over
        if within:
            held = and_(happened_on <= self._population.applied_on.written, ~is_over)
        return case(
            (happened_on.is_(None), when_none),
            (happened_on > self._population.today.written, _OPEN),
            (held, _MET),
            else_=_NOT_MET,
        )

    def _measured(self, measure: Measure) -> _Measured:
        match measure:
            case FactMeasure():
                figure = self._number(measure.fact)
                return _Measured(figure, None, figure.is_(None))
            case SumMeasure():
                figures = [self._number(name) for name in measure.facts]
                total = figures[0]
                for figure in figures[1:]:
                    total = total + figure
                return _Measured(total, None, _any_missing(figures))
            case ShareMeasure():
                part, whole = self._number(measure.part), self._number(measure.whole)
                return _Measured(
                    part * _exact(Decimal(100)),
                    whole,
                    or_(_any_missing([part, whole]), whole <= _NOTHING),
                )
            case GrowthMeasure():
                return self._growth(measure)
            case CompoundGrowthMeasure():
                latest, earliest = self._number(measure.latest), self._number(measure.earliest)
                is_open = or_(_any_missing([latest, earliest]), earliest <= _NOTHING)
                return _Measured(latest, earliest, is_open)
            case FullYearsMeasure():
                return self._full_years(measure)
            case _:
                assert_never(measure)

    def _growth(self, measure: GrowthMeasure) -> _Measured:
        figures = [self._number(name) for name in measure.figures]
        # The sum of the yearly ratios over one denominator, less one for each year.
        (later, before), *others = pairwise(figures)
        top, bottom = later, before
        for later, before in others:
            top, bottom = top * before + later * bottom, bottom * before
        if others:
            bottom = bottom * _exact(Decimal(1 + len(others)))
        return _Measured(
            _exact(Decimal(100)) * (top - bottom),
            bottom,
            or_(_any_missing(figures), *(before <= _NOTHING for before in figures[1:])),
        )

    def _full_years(self, measure: FullYearsMeasure) -> _Measured:
        since = self._figure(measure.since).collate("C")
        year = cast(func.substr(since, 1, 4), Integer)
        month_and_day = func.substr(since, 6).collate("C")
        if measure.until == "fiscal_year_end":
            # The year counts to its last midnight: to the first day of the next.
            fiscal_year = self._figure("fiscal_year")
            until = fiscal_year + literal_column("1", Integer)
            is_short = month_and_day > literal("01-01", Text)
            is_open = or_(_any_missing([since, fiscal_year]), year > fiscal_year)
        else:
            applied_on = self._population.applied_on
            until = applied_on.year
            is_short = month_and_day > applied_on.month_and_day
            is_open = or_(since.is_(None), since > applied_on.written)
        return _Measured(until - year - cast(is_short, Integer), None, is_open)

    def _score(self, table: str, dimension: str | None) -> _Points:
        if (table, dimension) not in self._scores:
            self._write_score(table)
        return self._scores[table, dimension]

    def _write_score(self, name: str) -> None:
        """Write a table's score beside the sheets: what its indicators rest on, then its sums."""
        if name in self._under_way:
            raise NotScreenable(f"the table {name} asks for its own score")
        self._under_way.append(name)
        table = self._pack.tables[name]
        place = list(self._pack.tables).index(name)
        steps = _WorkedOut(f"steps_{place}")
        sums = _WorkedOut(f"sums_{place}")
        of_table: list[_Points] = []
        for dimension in table.dimensions:
            scored = [self._points(indicator, steps) for indicator in dimension.indicators]
            most = _exact(dimension.out_of)
            points = _Points(
                sums.keep(func.least(_total([one.least for one in scored]), most)),
                sums.keep(func.least(_total([one.most for one in scored]), most)),
            )
            self._scores[name, dimension.id] = points
            of_table.append(points)
        self._scores[name, None] = _Points(
            _total([one.least for one in of_table]), _total([one.most for one in of_table])
        )
        self.source = sums.beside(steps.beside(self.source))
        self._under_way.pop()

    def _points(  # noqa: PLR0911 - one case for each kind of scale
        self, indicator: Indicator, steps: "_WorkedOut"
    ) -> _Points:
        """Write between what an indicator's points lie."""
        scale, out_of = indicator.scale, _exact(indicator.out_of)
        match scale:
            case Bands():
                return self._in_bands(scale, steps)
            case BestOf():
                found = [self._in_bands(one, steps) for one in scale.scales]
                return _Points(
                    func.greatest(*[one.least for one in found]),
                    func.greatest(*[one.most for one in found]),
                )
            case OptionPoints():
                chosen = self._figure(scale.fact)
                given = steps.keep(
                    case(
                        *(
                            (chosen == literal(option, Text), _exact(points))
                            for option, points in scale.options.items()
                        ),
                        else_=None,
                    )
                )
                return _between(given, scale.options.values())
            case Steps():
                measured = self._measured(scale.measure)
                step = _exact(Decimal(scale.step))
                whole = step if measured.bottom is None else measured.bottom * step
                full = func.div(cast(measured.top, Numeric), cast(whole, Numeric))
                points = _exact(scale.points_each) * func.greatest(full, _NOTHING)
                given = steps.keep(case((measured.is_open, None), else_=func.least(points, out_of)))
                return _between(given, (Decimal(0), indicator.out_of))
            case Sum():
                answers = self._answers(scale.items, steps)
                return _Points(
                    func.least(_total(_worth(answers, _MET)), out_of),
                    func.least(_total(_worth(answers, _OPEN)), out_of),
                )
            case Highest():
                answers = self._answers(scale.items, steps)
                return _Points(
                    func.greatest(*_worth(answers, _MET)), func.greatest(*_worth(answers, _OPEN))
                )
            case OfficerScores():
                return _Points(_NOTHING, out_of)
            case _:
                assert_never(scale)

    def _in_bands(self, scale: MeasuredBands, steps: "_WorkedOut") -> _Points:
        measured = self._measured(scale.measure)
        # The most points first: whichever band contains a value first has it, and the last the rest.
        *bands, last = sorted(scale.bands, key=lambda band: -band.points)
        within: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = []
        for band in bands:
            limits: list[ColumnElement[bool]] = []
            if band.at_least is not None:
                have, wanted = _crosswise(measured, _scaled(scale.measure, band.at_least))
                limits.append(have >= wanted)
            if band.at_most is not None:
                have, wanted = _crosswise(measured, _scaled(scale.measure, band.at_most))
                limits.append(have <= wanted)
            within.append((and_(*limits), _exact(band.points)))
        given = steps.keep(case((measured.is_open, None), *within, else_=_exact(last.points)))
        return _between(given, [band.points for band in scale.bands])

    def _answers(
        self, items: Sequence[Item], steps: "_WorkedOut"
    ) -> list[tuple[ColumnElement[int], Decimal]]:
        return [(steps.keep(self.answer(item.rule)), item.points) for item in items]

    def _figure(self, name: str) -> ColumnElement[Any]:  # noqa: PLR0911 - one for each kind of fact
        """Return the column of a fact, or how it is read out of the sheet's document."""
        kind = self._pack.facts[name].kind
        if name in FIGURES:
            if FIGURES[name] is not kind:
                raise NotScreenable(f"{name} is stored as a {FIGURES[name]}, not as a {kind}")
            return SHEETS.c[name]
        facts = SHEETS.c.facts
        match kind:
            case FactKind.AMOUNT | FactKind.PERCENT | FactKind.POINTS:
                return cast(facts[name].astext, Numeric)
            case FactKind.COUNT:
                return cast(facts[name].astext, BigInteger)
            case FactKind.YEAR:
                return cast(facts[name].astext, Integer)
            case FactKind.FLAG:
                return cast(facts[name].astext, Boolean)
            case FactKind.TEXTS:
                return func.jsonb_array_length(facts[name])
            case _:
                found: ColumnElement[Any] = facts[name].astext
                return found

    def _number(self, name: str) -> ColumnElement[Any]:
        """Return a number that can be multiplied as often as one likes."""
        figure = self._figure(name)
        return cast(figure, Numeric) if self._pack.facts[name].kind is FactKind.COUNT else figure


class _WorkedOut:
    """Columns worked out once for each sheet, beside it, for what comes after to use."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept: list[ColumnElement[Any]] = []

    def keep(self, expression: ColumnElement[Any]) -> ColumnElement[Any]:
        """Work an expression out here. Return how its result is asked for."""
        name = f"step_{len(self._kept)}"
        self._kept.append(expression.label(name))
        return literal_column(f"{self._name}.{name}", Numeric)

    def beside(self, source: FromClause) -> FromClause:
        if not self._kept:
            return source
        worked_out = _once(select(*self._kept).correlate_except()).lateral(self._name)
        return source.join(worked_out, true())


def _exact(number: Decimal) -> ColumnElement[Any]:
    """Write a number of the pack into the statement, digit by digit. Raises `NotScreenable`."""
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise NotScreenable(f"{number} is beyond every figure")
    return literal_column(f"({number:f})" if number < 0 else f"{number:f}", Numeric)


def _scaled(measure: Measure, limit: Decimal) -> Quotient:
    """Return a limit on a measure's scale. Raises `NotScreenable` before it grows without end."""
    _exact(limit)
    if isinstance(measure, CompoundGrowthMeasure) and measure.years > _MOST_YEARS:
        raise NotScreenable(f"a growth over {measure.years} years")
    return measure.scaled(limit)


def _crosswise(
    measured: _Measured, limit: Quotient
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return what a measure and a limit become over one denominator, which is above zero."""
    top, bottom = limit
    wanted: ColumnElement[Any] = literal_column(f"({top})" if top < 0 else f"{top}", Numeric)
    have = measured.top
    if bottom != 1:
        have = have * literal_column(f"{bottom}", Numeric)
    if measured.bottom is not None:
        wanted = wanted * measured.bottom
    return have, wanted


def _judged(is_open: ColumnElement[bool], is_met: ColumnElement[bool]) -> ColumnElement[int]:
    return case((is_open, _OPEN), (is_met, _MET), else_=_NOT_MET)


def _any_missing(figures: Sequence[ColumnElement[Any]]) -> ColumnElement[bool]:
    return or_(*(figure.is_(None) for figure in figures))


def _total(points: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    total = points[0]
    for one in points[1:]:
        total = total + one
    return total


def _between(given: ColumnElement[Any], possible: Iterable[Decimal]) -> _Points:
    """Return the points that were given, or what they can become where nothing was."""
    points = tuple(possible)
    return _Points(
        func.coalesce(given, _exact(min(points))), func.coalesce(given, _exact(max(points)))
    )


def _worth(
    answers: Sequence[tuple[ColumnElement[int], Decimal]], at_worst: ColumnElement[int]
) -> list[ColumnElement[Any]]:
    """Return each item's points if it answers no worse than that, and nothing otherwise."""
    return [
        case((answer <= at_worst, _exact(points)), else_=_NOTHING) for answer, points in answers
    ]


@cache
def _industries_by_group() -> list[tuple[Group, list[tuple[str, str]]]]:
    """Return the ranges of four-digit classes of each group of the size standard, the widest first.

    Ranges share no class, so it does not matter that of two prefixes the longer decides: it has.
    """
    classes = [f"{number:04}" for number in range(10_000)]
    ranges: dict[str, list[tuple[str, str]]] = {}
    groups: dict[str, Group] = {}
    widths: dict[str, int] = {}
    for group, run in groupby(classes, key=group_of):
        if group is None:
            continue
        within = list(run)
        groups[group.id] = group
        ranges.setdefault(group.id, []).append((within[0], within[-1]))
        widths[group.id] = widths.get(group.id, 0) + len(within)
    ordered = sorted(groups, key=lambda name: -widths[name])
    return [(groups[name], ranges[name]) for name in ordered]
