"""What the database answers for many enterprises is what the rules answer for each of them."""

import random
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import cache
from typing import Any, Literal, get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from services.kernel.identifiers import new_id
from services.kernel.text import Text
from services.policy.catalogue import PACKS, published_catalogue
from services.policy.conditions import Condition, Rule, with_parts
from services.policy.declared import NotWithinYears, WithinYears
from services.policy.eligibility import Eligibility, check
from services.policy.enterprise_size import Size, SizeDetermination, groups
from services.policy.facts import Fact, FactKind
from services.policy.limits import AtLeast, MeasuredLimit, Ratio, ScoreAtLeast
from services.policy.matter import Judgement, Kind, Matter, Verdict
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
from services.policy.rule import RuleKind
from services.policy.scoring import Bands, BestOf, Highest, MeasuredBands, Scale, Steps, Sum
from services.policy.validity import years_after
from services.registry.following_models import FigureSheet
from services.registry.models import Enterprise, Recognition, RecognitionTerm
from services.registry.screening import (
    DIGITS,
    NotScreenable,
    Plan,
    Population,
    readable,
    unchanged,
)
from services.registry.screening_repository import Cohort, cohort, holders
from services.registry.workflow import COUNTS, Life, Period
from tests.builders.databases import run_on
from tests.conftest import TEMPLATE

AT = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)
DAYS = (
    date(2024, 2, 28),
    date(2024, 2, 29),
    date(2025, 2, 28),
    date(2025, 3, 1),
    date(2026, 1, 1),
    date(2026, 3, 10),
    date(2026, 12, 31),
)
CENT, ONE = Decimal("0.01"), Decimal(1)
BEFORE, ELSEWHERE = "made/2000-01-01", "made/1999-01-01"
"""The names of a pack with some conditions changed, and of one that is not known any more."""
ENTERPRISES = 60
EXAMPLES = 3

REPLAYED = Life(
    terms=[
        Period(date(2020, 1, 1), date(2020, 12, 31), date(2020, 7, 1), AT),
        Period(date(2021, 1, 1), date(2021, 12, 31), date(2021, 7, 1), AT),
    ]
)
"""What two applications led to."""

Aim = Callable[[random.Random, dict[str, Any]], None]
"""Puts an enterprise just below, exactly on or just above one limit of a pack."""


@pytest.fixture(scope="module")
async def engine(server: URL) -> AsyncIterator[AsyncEngine]:
    name = f"srdi_{new_id().hex}"
    await run_on(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    engine = create_async_engine(server.set(database=name), poolclass=NullPool)
    yield engine
    await engine.dispose()
    await run_on(server, f"DROP DATABASE {name} WITH (FORCE)")


# ---------------------------------------------------------------- enterprises around every limit


@dataclass
class Imagined:
    """An enterprise that exists to try a rule."""

    facts: dict[str, Any]
    applied_on: date
    today: date
    lives: dict[str, Life] = field(default_factory=dict)
    held_then: list[str] = field(default_factory=list)
    size: Size | None = None
    uscc: str = ""
    sheet: UUID = field(default_factory=new_id)
    decided_under: dict[Kind, str] = field(default_factory=dict)
    """By which pack its applications were recognised, of those that were."""

    def held_on(self, day: date) -> list[str]:
        return [
            title
            for title, life in self.lives.items()
            if life.has_begun(day) and life.status_on(day) in COUNTS
        ]


def imagined(rng: random.Random, pack: Pack, title: str, kind: Kind, on: date) -> Imagined:
    applied_on = rng.choice(DAYS)
    one = Imagined(
        facts={},
        applied_on=applied_on,
        today=applied_on + timedelta(days=rng.choice((0, 0, 1, 400))),
        lives={name: life(rng, on) for name in pack.title_names if rng.random() < 0.7},
        held_then=[name for name in pack.title_names if rng.random() < 0.5],
        size=rng.choice((None, None, None, *Size)),
        decided_under={
            of: rng.choice((pack.name, pack.name, BEFORE, ELSEWHERE))
            for of in get_args(Kind)
            if rng.random() < 0.7
        },
    )
    absent = rng.choice((0.0, 0.05, 0.5))
    for name, fact in pack.facts.items():
        if rng.random() >= absent:
            one.facts[name] = anything(rng, pack, fact, rng.choice((on, applied_on)))
    aims = list(aims_of(pack, title, kind, rng.choice((on, applied_on))))
    for aim in rng.sample(aims, k=min(len(aims), rng.choice((0, 3, len(aims))))):
        aim(rng, one.facts)
    for name in rng.sample(sorted(one.facts), k=rng.choice((0, 0, 1, 2))):
        del one.facts[name]
    return one


def life(rng: random.Random, on: date) -> Life:
    """Return a title's life with an edge near the day."""

    def near() -> date:
        return on + timedelta(days=rng.choice((-400, -1, 0, 1, 400)))

    begins = on - timedelta(days=rng.choice((0, 1, 500, 1000)))
    ends = max(begins, near())
    terms = [Period(begins, ends, begins, AT)]
    if rng.random() < 0.3:
        again = ends + timedelta(days=rng.choice((1, 2)))
        terms.append(Period(again, again + timedelta(days=1000), again, AT))
    is_revoked, is_transferred = rng.random() < 0.2, rng.random() < 0.2
    return Life(
        terms=terms,
        held_from=near() if rng.random() < 0.2 else None,
        revoked_on=near() if is_revoked else None,
        revoked_at=AT if is_revoked else None,
        transferred_on=near() if is_transferred else None,
        transferred_at=AT if is_transferred else None,
    )


def anything(  # noqa: C901, PLR0911, PLR0912 - one case for each kind of fact
    rng: random.Random, pack: Pack, fact: Fact, on: date
) -> Any:
    match fact.kind:
        case FactKind.AMOUNT:
            sign = rng.choice((1, -1)) if fact.may_be_negative else 1
            amount = Decimal(rng.choice((0, 1, 7, 100, 123456789, 10**9, 10**15)))
            return money(sign * (amount + (0 if amount == 10**15 else rng.choice((0, CENT)))))
        case FactKind.COUNT:
            return rng.choice((0, 1, 2, 9, 10, 11, 99, 300, 1000, 10**9))
        case FactKind.PERCENT:
            return rng.choice(("0", "9.9999", "10", "10.0001", "-1", "100"))
        case FactKind.POINTS:
            return rng.choice(("0.00", "49.99", "50.00", "60.00", "1000.00"))
        case FactKind.YEAR:
            return rng.choice((1949, 2023, 2024, 2025, on.year, 2200))
        case FactKind.FLAG:
            return rng.random() < 0.7
        case FactKind.TEXTS:
            return rng.choice(([], ["ISO 9001"], ["甲", "乙"]))
        case FactKind.DAY:
            return a_day(rng, on).isoformat()
        case FactKind.CHOICE:
            return rng.choice(sorted(pack.options[fact.options or ""]))
        case FactKind.INDUSTRY:
            codes = [code for group in groups() for code in group.codes]
            return rng.choice((*codes, "66", "83", "84", "599", "704")).ljust(4, rng.choice("09"))
        case FactKind.DIVISION:
            return "520102"
        case FactKind.CREDIT_CODE:
            return "91520100000000019F"
        case FactKind.TEXT:
            return "示例"


def a_day(rng: random.Random, on: date) -> date:
    return rng.choice(
        (
            on,
            on + timedelta(days=1),
            on - timedelta(days=1),
            date(2020, 2, 29),
            date(2021, 2, 28),
            date(2021, 3, 1),
            date(9999, 12, 31),
            date(1900, 1, 1),
        )
    )


def money(amount: Decimal) -> str:
    return f"{amount.quantize(CENT, ROUND_DOWN):.2f}"


def aims_of(  # noqa: C901 - one case for each kind of scale
    pack: Pack, title: str, kind: Kind, on: date
) -> Iterator[Aim]:
    tests = pack.tests_of(title, kind)
    for condition in with_parts((*tests.conditions, *tests.vetoes)):
        yield from aims_at(pack, condition.rule, on)
    for table in pack.tables_of(title):
        for indicator in table.indicators:
            scale = indicator.scale
            match scale:
                case Bands():
                    yield from aims_at_bands(pack, scale, on)
                case BestOf():
                    for one in scale.scales:
                        yield from aims_at_bands(pack, one, on)
                case Steps():
                    for steps in range(5):
                        limit = Decimal(steps * scale.step)
                        yield aim_at_measure(pack, scale.measure, limit, on)
                case Sum() | Highest():
                    for item in scale.items:
                        yield from aims_at(pack, item.rule, on)
                case _:
                    continue
    yield aim_at_a_size


def aims_at(pack: Pack, rule: Rule, on: date) -> Iterator[Aim]:
    match rule:
        case AtLeast():
            yield aim_at_fact(pack, rule.fact, rule.limit)
            if rule.exception is not None:
                yield aim_at_fact(pack, rule.fact, rule.exception.limit)
        case Ratio():
            percent = rule.at_least if rule.at_least is not None else rule.at_most or Decimal(0)
            yield aim_at_share(pack, rule.part, rule.whole, percent)
        case MeasuredLimit():
            yield aim_at_measure(pack, rule.measure, rule.limit[1], on)
        case WithinYears() | NotWithinYears():
            yield aim_at_day(rule.fact, on, rule.years)
        case _:
            return


def aims_at_bands(pack: Pack, scale: MeasuredBands, on: date) -> Iterator[Aim]:
    for band in scale.bands:
        for limit in (band.at_least, band.at_most):
            if limit is not None:
                yield aim_at_measure(pack, scale.measure, limit, on)


def near(rng: random.Random, pack: Pack, name: str, limit: Decimal) -> Any:
    """Return a fact just below, exactly at or just above a limit, as facts are written."""
    kind, delta = pack.facts[name].kind, rng.choice((-1, 0, 1))
    match kind:
        case FactKind.COUNT:
            return max(0, int(limit) + delta)
        case FactKind.AMOUNT:
            floor = -(10**15) if pack.facts[name].may_be_negative else 0
            return money(min(max(limit + delta * CENT, Decimal(floor)), Decimal(10**15)))
        case FactKind.POINTS:
            return money(max(limit + delta * CENT, Decimal(0)))
        case FactKind.PERCENT:
            return f"{limit + delta * Decimal('0.0001'):f}"
    raise AssertionError(kind)


def aim_at_fact(pack: Pack, name: str, limit: Decimal) -> Aim:
    def aim(rng: random.Random, facts: dict[str, Any]) -> None:
        facts[name] = near(rng, pack, name, limit)

    return aim


def aim_at_share(pack: Pack, part: str, whole: str, percent: Decimal) -> Aim:
    def aim(rng: random.Random, facts: dict[str, Any]) -> None:
        is_count = pack.facts[whole].kind is FactKind.COUNT
        size = rng.choice((0, 1, 3, 100, 12345, 10**8))
        facts[whole] = size if is_count else money(Decimal(size) * rng.choice((ONE, CENT)))
        facts[part] = near(rng, pack, part, Decimal(facts[whole]) * percent / 100)

    return aim


def aim_at_measure(  # noqa: C901 - one case for each kind of measure
    pack: Pack, measure: Measure, limit: Decimal, on: date
) -> Aim:
    def aim(rng: random.Random, facts: dict[str, Any]) -> None:
        match measure:
            case FactMeasure():
                facts[measure.fact] = near(rng, pack, measure.fact, limit)
            case ShareMeasure():
                aim_at_share(pack, measure.part, measure.whole, limit)(rng, facts)
            case SumMeasure():
                first, *others = measure.facts
                for name in others:
                    facts[name] = near(rng, pack, name, limit / 4)
                rest = limit - sum(Decimal(facts[name]) for name in others)
                facts[first] = near(rng, pack, first, max(rest, Decimal(0)))
            case GrowthMeasure():
                figure = Decimal(rng.choice((0, 1, 100, 10**6)))
                for name in reversed(measure.figures):
                    facts[name] = near(rng, pack, name, figure)
                    figure = Decimal(facts[name]) * (1 + limit / 100)
            case CompoundGrowthMeasure():
                facts[measure.earliest] = near(rng, pack, measure.earliest, Decimal(10**6))
                latest = Decimal(facts[measure.earliest]) * (1 + limit / 100) ** measure.years
                facts[measure.latest] = near(rng, pack, measure.latest, latest)
            case FullYearsMeasure():
                facts["fiscal_year"] = rng.choice((2023, 2024, 2025))
                until = on
                if measure.until == "fiscal_year_end":
                    until = date(facts["fiscal_year"] + 1, 1, 1)
                aim_at_day(measure.since, until, int(limit))(rng, facts)

    return aim


def aim_at_day(name: str, until: date, years: int) -> Aim:
    def aim(rng: random.Random, facts: dict[str, Any]) -> None:
        day = years_after(until, -years) + timedelta(days=rng.choice((-1, 0, 1)))
        facts[name] = rng.choice((day, a_day(rng, until))).isoformat()

    return aim


def aim_at_a_size(rng: random.Random, facts: dict[str, Any]) -> None:
    group = rng.choice(groups())
    facts["industry_code"] = rng.choice(group.codes).ljust(4, rng.choice("09"))
    for name, limit in rng.choice(group.tiers).limits.items():
        delta = rng.choice((-1, 0, 1))
        facts[name] = int(limit) + delta if name == "employees" else money(limit + delta * CENT)


# ---------------------------------------------------------------- asking the database and the rules


async def stored(connection: AsyncConnection, enterprises: list[Imagined], title: str) -> None:
    sheets: list[dict[str, Any]] = []
    held: dict[type, list[dict[str, Any]]] = {Enterprise: [], Recognition: [], RecognitionTerm: []}
    for place, one in enumerate(enterprises):
        one.uscc = f"U{place:017}"
        common = {
            "uscc": one.uscc,
            "division": "520102",
            "is_secret": False,
            "fiscal_year": one.facts.get("fiscal_year"),
            "recorded_at": AT,
            "recorded_by": {},
            "determined_size": one.size,
            "facts": one.facts,
        }
        report = {
            "origin": "annual_report",
            "reported_on": AT.date(),
            "is_latest": True,
            "titles_held": [],
            "application_id": None,
            "submission_number": None,
            "round_code": None,
            "title": None,
            "kind": None,
        }
        submission = {
            "origin": "application",
            "is_latest": False,
            "titles_held": one.held_then,
            "round_code": "2026-1",
            "title": title,
        }
        sheets.append({"id": one.sheet, **common, **report})
        replayed = new_id()
        for number, kind in enumerate(get_args(Kind), start=1):
            application = {**submission, "kind": kind, "application_id": new_id()}
            if kind in one.decided_under:
                term = term_of(replayed, number, REPLAYED.terms[number - 1])
                held[RecognitionTerm].append(
                    {
                        **term,
                        "application_id": application["application_id"],
                        "policy_pack": one.decided_under[kind],
                    }
                )
            first = {"submission_number": 1, "reported_on": one.applied_on}
            last = {"submission_number": 2, "reported_on": one.today}
            sheets.append({"id": new_id(), **common, **application, **first, "facts": {}})
            sheets.append({"id": new_id(), **common, **application, **last})
        held[Enterprise].append(
            {
                "uscc": one.uscc,
                "legal_name": "示例",
                "division": "520102",
                "is_secret": False,
                "names_searched": "示例",
                "created_at": AT,
                "updated_at": AT,
                "version": 1,
            }
        )
        # Of a title that no pack asks about: what it led to is not what is looked at.
        held[Recognition].append(recognised(replayed, one.uscc, "replayed", REPLAYED, 99))
        for number, (name, life_) in enumerate(one.lives.items()):
            recognition = new_id()
            held[Recognition].append(recognised(recognition, one.uscc, name, life_, number))
            held[RecognitionTerm] += [
                term_of(recognition, place, period) for place, period in enumerate(life_.terms, 1)
            ]
    await connection.execute(insert(FigureSheet), sheets)
    for table, rows in held.items():
        if rows:
            await connection.execute(insert(table), rows)


def recognised(of: UUID, uscc: str, title: str, life_: Life, number: int) -> dict[str, Any]:
    last = life_.terms[-1]
    return {
        "id": of,
        "uscc": uscc,
        "title": title,
        "title_rank": number,
        "certificate_number": f"{uscc}-{title}",
        "policy_pack": "guizhou/2021-05-06",
        "valid_from": last.valid_from,
        "valid_until": last.valid_until,
        "renewal_opens_on": last.renewal_opens_on,
        "revoked_on": life_.revoked_on,
        "revoked_at": life_.revoked_at,
        "revocation_ground": None if life_.revoked_on is None else "voluntary",
        "transferred_on": life_.transferred_on,
        "transferred_at": life_.transferred_at,
        "transferred_to": None if life_.transferred_on is None else new_id(),
        "held_from": life_.held_from,
        "created_at": AT,
        "version": 1,
    }


def term_of(recognition: UUID, number: int, period: Period) -> dict[str, Any]:
    return {
        "recognition_id": recognition,
        "number": number,
        "valid_from": period.valid_from,
        "valid_until": period.valid_until,
        "renewal_opens_on": period.renewal_opens_on,
        "document_number": "示例〔2026〕1号",
        "decided_on": period.valid_from,
        "policy_pack": "guizhou/2021-05-06",
        "application_id": None,
        "recorded_at": AT,
    }


async def answers(
    connection: AsyncConnection, plan: Plan, population: Population
) -> dict[str, tuple[int, str, bool]]:
    rows = await connection.execute(plan.statement(population))
    return {row.uscc: (row.verdict, row.answers, row.was_recognised) for row in rows}


def written(found: Eligibility) -> tuple[int, str]:
    digits = [DIGITS[one.verdict] for one in (*found.conditions, *found.vetoes)]
    return DIGITS[found.verdict], "".join(map(str, digits))


async def agree(
    engine: AsyncEngine,
    pack: Pack,
    enterprises: list[Imagined],
    *,
    title: str,
    kind: Kind,
    on: date,
) -> None:
    """Ask both about each enterprise: as it is on a day, and as it was when it applied.

    Whoever was recognised then has had answered what is left to an officer, where it was the same.
    """
    before, altered = before_it(pack)
    asked_of = {*pack.tests_of(title, kind).conditions, *pack.tests_of(title, kind).vetoes}
    answered = {
        pack.name: {one.id for one in asked_of},
        BEFORE: {one.id for one in asked_of} - altered,
        ELSEWHERE: set[str](),
    }
    plan = Plan(pack, title=title, kind=kind, decided_under=[pack, before])
    asked = Cohort(title=title, kind=kind, round_code="2026-1")
    async with engine.connect() as connection:
        await stored(connection, enterprises, title)
        today = await answers(
            connection, plan, holders(region="520000", title=title, on=on, held_on=on)
        )
        then = await answers(connection, plan, cohort(asked, region="520000", on=None))
        await connection.rollback()

    for one in enterprises:
        assert not pack.check_facts(one.facts).problems, one.facts
        size = None if one.size is None else SizeDetermination(one.size, "示例")
        held = one.held_on(on)
        now_expected = written(
            check(
                pack,
                title=title,
                kind=kind,
                facts=one.facts,
                on=on,
                titles_held=held,
                size=size,
            )
        )
        then_expected = written(
            check(
                pack,
                title=title,
                kind=kind,
                facts=one.facts,
                on=one.applied_on,
                today=one.today,
                titles_held=one.held_then,
                size=size,
            )
        )
        assert today[one.uscc] == (*now_expected, title in held), (one, plan.conditions)
        under = one.decided_under.get(kind)
        assert then[one.uscc] == (
            *taken(then_expected, plan, answered.get(under or "", set())),
            under is not None,
        ), (one, plan.conditions)


def taken(expected: tuple[int, str], plan: Plan, answered: set[str]) -> tuple[int, str]:
    """Return what is found of whoever was recognised when these conditions were answered."""
    digits = [
        "3" if digit == "1" and condition.id in answered else digit
        for digit, condition in zip(expected[1], plan.conditions, strict=True)
    ]
    return max((int(one) for one in digits if one != "3"), default=0), "".join(digits)


def edited(pack: Pack, name: str, **parts: Any) -> Pack:
    """Return a pack under another name, with some of its parts exchanged."""
    shown = {part: getattr(pack, part) for part in Pack.model_fields}
    return Pack.model_construct(**{**shown, "name": name, **parts})


def before_it(pack: Pack) -> tuple[Pack, set[str]]:
    """Return a pack in which every other condition was another one, and which these are."""
    altered = {one.id for one in (*pack.conditions[::2], *pack.vetoes[::2])}

    def alter(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        return tuple(
            one.model_copy(update={"official_text": "旧文"}) if one.id in altered else one
            for one in conditions
        )

    parts = {"conditions": alter(pack.conditions), "vetoes": alter(pack.vetoes)}
    return edited(pack, BEFORE, **parts), altered


SMALL: list[tuple[str, Callable[[Pack], dict[str, Any]], set[str]]] = [
    ("nothing", lambda _: {}, set()),
    (
        "the wording",
        lambda pack: {"conditions": reworded(pack, "known_brand")},
        {"known_brand"},
    ),
    (
        "a fact that it reads",
        lambda pack: {
            "facts": pack.facts
            | {"total_assets": pack.facts["total_assets"].model_copy(update={"is_optional": True})}
        },
        {"debt_ratio", "small_or_medium"},
    ),
    (
        "a list that it is chosen from",
        lambda pack: {
            "lists": pack.lists
            | {
                "focus_fields": pack.lists["focus_fields"].model_copy(
                    update={"options": pack.lists["focus_fields"].options[::-1]}
                )
            }
        },
        {"focus_field"},
    ),
]


def reworded(pack: Pack, name: str) -> tuple[Condition, ...]:
    return tuple(
        one.model_copy(update={"text": Text("另一条件。", "Another.")}) if one.id == name else one
        for one in pack.conditions
    )


@pytest.mark.parametrize(("changed", "into", "names"), SMALL, ids=[one[0] for one in SMALL])
def test_a_condition_is_another_one_when_anything_that_it_rests_on_is(
    changed: str, into: Callable[[Pack], dict[str, Any]], names: set[str]
) -> None:
    pack = published_catalogue().pack("guizhou/2021-05-06")
    every = {one.id for one in Plan(pack, title="srdi_sme", kind="new").conditions}

    same = unchanged(edited(pack, "draft", **into(pack)), pack, title="srdi_sme", kind="new")

    assert every - same == names, changed


def test_a_condition_that_asks_for_a_score_is_another_one_when_a_table_beneath_it_is() -> None:
    pack = made_up()
    inner = pack.tables["inner"].model_copy(update={"official_text": "另一表"})
    tables = tuple(inner if one.id == "inner" else one for one in pack.scoring_tables)
    before = edited(pack, "before", scoring_tables=tables)

    plan = Plan(pack, title="srdi_sme", kind="new")
    same = unchanged(pack, before, title="srdi_sme", kind="new")

    changed = [one.rule for one in plan.conditions if one.id not in same]
    scored = [
        one.rule
        for one in plan.conditions
        if any(isinstance(part.rule, ScoreAtLeast) for part in with_parts((one,)))
    ]
    assert changed == scored


def test_what_another_pack_never_asked_is_answered_by_nothing() -> None:
    plan, national = (
        published_catalogue().pack(name) for name in ("guizhou/2021-05-06", "national/2022-08-01")
    )

    assert unchanged(national, plan, title="innovative_sme", kind="new") == frozenset()
    assert unchanged(national, plan, title="srdi_sme", kind="new") <= {"legal_person"}


def many(seed: int, pack: Pack, *, title: str, kind: Kind, on: date) -> list[Imagined]:
    rng = random.Random(seed)  # noqa: S311 - it keeps no secret
    return [imagined(rng, pack, title, kind, on) for _ in range(ENTERPRISES)]


EVERY_TITLE = [
    (pack.name, title.id, kind)
    for pack in published_catalogue().packs()
    for title in pack.titles
    for kind in get_args(Kind)
]
SEEDS = st.integers(0, 2**32)
QUICKLY = settings(
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize(("pack", "title", "kind"), EVERY_TITLE)
@QUICKLY
@given(seed=SEEDS, on=st.sampled_from(DAYS))
async def test_the_database_answers_as_the_rules_do(
    engine: AsyncEngine, pack: str, title: str, kind: Kind, seed: int, on: date
) -> None:
    published = published_catalogue().pack(pack)
    enterprises = many(seed, published, title=title, kind=kind, on=on)

    await agree(engine, published, enterprises, title=title, kind=kind, on=on)


@settings(QUICKLY, max_examples=2 * EXAMPLES)
@given(seed=SEEDS, on=st.sampled_from(DAYS))
async def test_it_does_so_for_every_kind_of_rule_that_a_pack_could_use(
    engine: AsyncEngine, seed: int, on: date
) -> None:
    enterprises = many(seed, made_up(), title="srdi_sme", kind="new", on=on)

    await agree(engine, made_up(), enterprises, title="srdi_sme", kind="new", on=on)


async def test_years_are_counted_alike_around_every_leap_day(engine: AsyncEngine) -> None:
    for on in DAYS:
        edges = {years_after(on, -years) for years in range(6)} | {date(2020, 2, 29)}
        enterprises = [
            Imagined(
                facts={"odd_day": day.isoformat(), "fiscal_year": on.year - 1},
                applied_on=on,
                today=on + timedelta(days=later),
            )
            for edge in sorted(edges)
            for day in (edge - timedelta(days=1), edge, edge + timedelta(days=1))
            for later in (0, 2)
        ]

        await agree(engine, made_up(), enterprises, title="srdi_sme", kind="new", on=on)


# ---------------------------------------------------------------- a pack of every kind of rule

MADE_UP = """
[facts]
odd_amount = { kind = "amount", may_be_negative = true, label = { zh = "金额", en = "Amount" } }
odd_count = { kind = "count", label = { zh = "数量", en = "Count" } }
odd_percent = { kind = "percent", label = { zh = "百分数", en = "Percentage" } }
odd_points = { kind = "points", label = { zh = "得分", en = "Points" } }
odd_flag = { kind = "flag", label = { zh = "是否", en = "Flag" } }
odd_day = { kind = "day", label = { zh = "日期", en = "Day" } }
odd_texts = { kind = "texts", label = { zh = "文本", en = "Texts" } }
odd_choice = { kind = "choice", options = "odd's", label = { zh = "选项", en = "Choice" } }

[lists."odd's"]
clause = "一"
official_text = "一"
options = [
    { id = "a'b", name = { zh = "甲", en = "A" } },
    { id = "b:c", name = { zh = "乙", en = "B" } },
    { id = "c%s", name = { zh = "丙", en = "C" } },
    { id = "none", name = { zh = "无", en = "None" } },
]

[rules]
amount = { kind = "at_least", fact = "odd_amount", limit = -0.5 }
lower_amount = { kind = "at_least", fact = "operating_revenue", limit = 1000.01, exception = { when = "odd_flag", limit = 2000 } }
count = { kind = "at_least", fact = "odd_count", limit = 2.5 }
ratio = { kind = "ratio", part = "odd_count", whole = "employees", at_least = 12.5 }
small_ratio = { kind = "ratio", part = "total_liabilities", whole = "odd_amount", at_most = 33.3333 }
share = { kind = "measured", measure = { of = "share", part = "odd_amount", whole = "odd_count" }, below = 70 }
percent = { kind = "measured", measure = { of = "fact", fact = "odd_percent" }, at_most = 10 }
points = { kind = "measured", measure = { of = "fact", fact = "odd_points" }, at_least = 49.99 }
sum = { kind = "measured", measure = { of = "sum", facts = ["odd_amount", "total_assets", "rd_expense"] }, below = 1000 }
growth = { kind = "measured", measure = { of = "growth", figures = ["odd_count", "employees", "rd_employees", "independent_ip"] }, at_least = 5.5 }
compound = { kind = "measured", measure = { of = "compound_growth", latest = "odd_count", earliest = "employees", years = 3 }, at_most = 7.5 }
decline = { kind = "measured", measure = { of = "compound_growth", latest = "odd_amount", earliest = "total_assets", years = 2 }, at_least = -50 }
years = { kind = "measured", measure = { of = "full_years", since = "odd_day", until = "application" }, at_least = 3 }
fiscal_years = { kind = "measured", measure = { of = "full_years", since = "odd_day", until = "fiscal_year_end" }, below = 2 }
flag = { kind = "is_true", fact = "odd_flag" }
no_flag = { kind = "not_true", fact = "odd_flag" }
texts = { kind = "has_any", fact = "odd_texts" }
choice = { kind = "one_of", fact = "odd_choice", accepted = ["a'b", "b:c"], officer = ["b:c", "c%s"] }
nothing = { kind = "one_of", fact = "odd_choice", accepted = [] }
sme = { kind = "is_sme" }
within = { kind = "within_years", fact = "odd_day", years = 4 }
not_within = { kind = "not_within_years", fact = "odd_day", years = 1 }
optional_day = { kind = "within_years", fact = "niche_since", years = 30 }
held = { kind = "holds_title", title = "provincial_little_giant" }
officer = { kind = "officer", look_at = ["odd_choice"] }
score = { kind = "score", table = "odd", at_least = 20.5 }
dimension = { kind = "score", table = "odd", dimension = "second", at_least = 3 }
high_score = { kind = "score", table = "odd", at_least = 36 }

[[tables]]
id = "odd"
clause = "一"
official_text = "一"
out_of = 40.5
name = { zh = "评分", en = "Score" }

[[tables.dimensions]]
id = "first"
out_of = 20
name = { zh = "一", en = "One" }
[[tables.dimensions.indicators]]
id = "bands"
out_of = 7.25
scale = { kind = "bands", measure = { of = "compound_growth", latest = "odd_count", earliest = "employees", years = 2 }, bands = [{ at_most = -1.5, points = 0 }, { at_least = -1.5, at_most = 10, points = 7.25 }, { at_least = 10, points = 3 }] }
[[tables.dimensions.indicators]]
id = "best"
out_of = 5
scale = { kind = "best_of", scales = [{ measure = { of = "share", part = "odd_amount", whole = "odd_count" }, bands = [{ at_most = 5, points = 0 }, { at_least = 5, points = 5 }] }, { measure = { of = "full_years", since = "odd_day", until = "application" }, bands = [{ at_most = 3, points = 1 }, { at_least = 3, points = 4.5 }] }] }
[[tables.dimensions.indicators]]
id = "steps"
out_of = 10
scale = { kind = "steps", measure = { of = "share", part = "odd_amount", whole = "operating_revenue" }, step = 3, points_each = 1.5 }
[[tables.dimensions.indicators]]
id = "years"
out_of = 3
scale = { kind = "steps", measure = { of = "full_years", since = "odd_day", until = "fiscal_year_end" }, step = 2, points_each = 1 }

[[tables.dimensions]]
id = "second"
out_of = 20.5
name = { zh = "二", en = "Two" }
[[tables.dimensions.indicators]]
id = "options"
out_of = 6
scale = { kind = "options", fact = "odd_choice", options = { "a'b" = 6, "b:c" = 1.5, "c%s" = 0, none = 2 } }
[[tables.dimensions.indicators]]
id = "officer"
out_of = 4
scale = { kind = "officer" }
[[tables.dimensions.indicators]]
id = "sum"
out_of = 9
[tables.dimensions.indicators.scale]
kind = "sum"
items = [
    { points = 4, name = { zh = "一", en = "one" }, rule = { kind = "holds_title", title = "srdi_sme" } },
    { points = 4.5, name = { zh = "二", en = "two" }, rule = { kind = "not_true", fact = "odd_flag" } },
    { points = 4, name = { zh = "三", en = "three" }, rule = { kind = "score", table = "inner", at_least = 1 } },
]
[[tables.dimensions.indicators]]
id = "highest"
out_of = 5
[tables.dimensions.indicators.scale]
kind = "highest"
items = [
    { points = 2, name = { zh = "一", en = "one" }, rule = { kind = "officer" } },
    { points = 5, name = { zh = "二", en = "two" }, rule = { kind = "has_any", fact = "odd_texts" } },
]

[[tables]]
id = "inner"
clause = "一"
official_text = "一"
out_of = 2
name = { zh = "内", en = "Inner" }
[[tables.dimensions]]
id = "only"
out_of = 2
name = { zh = "一", en = "One" }
[[tables.dimensions.indicators]]
id = "inner_bands"
out_of = 2
scale = { kind = "bands", measure = { of = "sum", facts = ["odd_count", "employees"] }, bands = [{ at_most = 10, points = 2 }, { at_least = 10, points = 0 }] }
"""


@cache
def made_up() -> Pack:
    """Return a pack of rules that no law has."""
    return made_up_with()


def made_up_with(*rules: Mapping[str, Any]) -> Pack:
    """Return the same pack with some more rules."""
    base = published_catalogue().pack("guizhou/2021-05-06")
    document = tomllib.loads(
        (PACKS / base.name / "pack.toml").read_text("utf-8"), parse_float=Decimal
    )
    odd = tomllib.loads(MADE_UP, parse_float=Decimal)
    names = iter(range(1000))

    def named(text: str) -> dict[str, Any]:
        return {"zh": text, "en": text}

    def label(indicator: dict[str, Any]) -> dict[str, Any]:
        return {"name": named(indicator["id"]), "official_text": "一", **indicator}

    for table in odd["tables"]:
        for dimension in table["dimensions"]:
            dimension["indicators"] = [label(one) for one in dimension["indicators"]]

    def condition(rule: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": f"rule_{next(names)}",
            "clause": "一",
            "official_text": "一",
            "text": named("规则"),
            "rule": rule,
        }

    every = [*odd["rules"].values(), *rules]

    def combined(kind: str, *parts: Mapping[str, Any]) -> dict[str, Any]:
        return {"kind": kind, "conditions": [condition(part) for part in parts]}

    pairs = list(zip(every[::2], every[1::2], strict=False))
    several = [combined("any_of", *pair) for pair in pairs]
    several += [combined("all_of", *pair) for pair in pairs]
    several.append(combined("any_of", combined("all_of", *pairs[0]), combined("all_of", *pairs[2])))
    conditions = [condition(rule) for rule in (*every, *several)]
    asked = [
        condition({"kind": "score", "table": table["id"], "at_least": 1}) for table in odd["tables"]
    ]
    names_asked = [one["id"] for one in (*conditions, *asked)]
    for title in document["titles"]:
        if title.get("conditions"):
            title["conditions"], title["vetoes"] = names_asked[:-3], names_asked[-3:]
    return Pack.model_validate(
        {
            **document,
            "facts": document["facts"] | odd["facts"],
            "lists": document["lists"] | odd["lists"],
            "conditions": [*conditions, *asked][:-3],
            "vetoes": [*conditions, *asked][-3:],
            "scoring_tables": odd["tables"],
            "name": "made/up",
            "checksum": "",
            "procedure": base.procedure,
            "procedure_checksum": "",
        }
    )


def test_the_made_up_pack_uses_every_kind_of_rule_measure_and_scale() -> None:
    pack = made_up()
    rules = [one.rule for one in with_parts((*pack.conditions, *pack.vetoes))]
    scales = [one.scale for table in pack.scoring_tables for one in table.indicators]
    measures = [one.measure for one in rules if isinstance(one, MeasuredLimit)]

    assert {type(one) for one in rules} == kinds_of(Rule)
    assert {type(one) for one in scales} == kinds_of(Scale)
    assert {type(one) for one in measures} == kinds_of(Measure)


def kinds_of(union: Any) -> set[type]:
    """Return the members of a union that says by a tag which member one is."""
    return set(get_args(get_args(union)[0]))


class Unheard(RuleKind):
    """A kind of rule that nobody has taught the database."""

    kind: Literal["unheard"] = "unheard"

    def facts_used(self) -> tuple[str, ...]:
        return ()

    def judge(self, matter: Matter) -> Judgement:  # noqa: ARG002 - every rule is asked alike
        return Judgement(Verdict.MET, Text("", ""))


def test_a_kind_of_rule_that_is_not_known_is_refused_before_the_database_is_asked() -> None:
    plan = Plan(made_up(), title="srdi_sme", kind="new")
    strange = plan.conditions[0].model_copy(update={"rule": Unheard()})
    plan.conditions = (*plan.conditions, strange)

    with pytest.raises(AssertionError, match="unheard"):
        plan.statement(holders(region="520000", title="srdi_sme", on=DAYS[0], held_on=DAYS[0]))


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"kind": "at_least", "fact": "employees", "limit": Decimal("1E+999999")}, "beyond"),
        (
            {
                "kind": "measured",
                "measure": {
                    "of": "compound_growth",
                    "latest": "total_assets",
                    "earliest": "odd_amount",
                    "years": 10**6,
                },
                "at_least": 5,
            },
            "1000000 years",
        ),
    ],
)
def test_what_would_exhaust_the_machine_is_refused(rule: dict[str, Any], told: str) -> None:
    plan = Plan(made_up_with(rule), title="srdi_sme", kind="new")

    with pytest.raises(NotScreenable, match=told):
        plan.statement(holders(region="520000", title="srdi_sme", on=DAYS[0], held_on=DAYS[0]))


def test_a_choice_that_a_pack_does_not_offer_is_no_answer_to_it() -> None:
    pack = published_catalogue().pack("guizhou/2021-05-06")

    assert readable(pack, {"focus_field": "astrology", "employees": 3, "rd_institution": "x"}) == {
        "employees": 3
    }
