"""Who steps aside, for how long, and who is left to be drawn."""

from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.policy.procedure import ConflictRule, TieKind
from services.review.conflicts import (
    Candidates,
    Expert,
    Subject,
    Tie,
    candidates_for,
    conflicts_of,
    counts,
    ties_of,
)

TODAY = date(2026, 3, 10)
RULE = ConflictRule(basis="x", same_city=True, years=3)
SUBJECT = Subject(
    uscc="applicant", division="520102", field="materials", filed_by=frozenset({"clerk"})
)
EXPERT = Expert(
    sub="expert",
    code="E01",
    employer_uscc="university",
    fields=frozenset({"materials"}),
    division="520300",
    is_active=True,
)
TIE = Tie(sub="expert", uscc="applicant", kind=TieKind.ADVICE, from_on=None, until_on=None)


def codes(expert: Expert, *ties: Tie, rule: ConflictRule = RULE) -> list[str]:
    return [one.code for one in conflicts_of(expert, SUBJECT, ties, rule, TODAY)]


def until(day: date) -> Tie:
    return replace(TIE, from_on=date(2010, 1, 1), until_on=day)


@pytest.mark.parametrize(
    ("ended_on", "today", "does"),
    [
        (date(2023, 3, 10), date(2026, 3, 10), True),
        (date(2023, 3, 9), date(2026, 3, 10), False),
        (date(2026, 3, 9), date(2026, 3, 10), True),
        (date(2024, 2, 29), date(2027, 2, 28), True),
        (date(2024, 2, 29), date(2027, 3, 1), False),
        (date(2024, 2, 28), date(2027, 2, 28), True),
        (date(2024, 2, 28), date(2027, 3, 1), False),
        (date(2025, 2, 28), date(2028, 2, 29), True),
        (date(2025, 2, 28), date(2028, 3, 1), False),
        (date(2023, 12, 31), date(2026, 12, 31), True),
        (date(2023, 12, 31), date(2027, 1, 1), False),
    ],
)
def test_a_tie_counts_for_so_many_calendar_years_after_its_end(
    ended_on: date, today: date, does: bool
) -> None:
    assert counts(until(ended_on), RULE, today) is does


@pytest.mark.parametrize("until_on", [None, TODAY, date(2026, 3, 11), date.max])
@pytest.mark.parametrize("years", [0, 3])
def test_a_tie_counts_while_it_lasts(until_on: date | None, years: int) -> None:
    rule = RULE.model_copy(update={"years": years})

    assert counts(replace(TIE, until_on=until_on), rule, TODAY)


def test_without_years_a_tie_counts_no_day_longer() -> None:
    rule = RULE.model_copy(update={"years": 0})

    assert not counts(until(date(2026, 3, 9)), rule, TODAY)


def test_a_tie_that_is_agreed_for_later_counts_already() -> None:
    agreed = replace(TIE, from_on=date(2027, 1, 1), until_on=date(2028, 1, 1))

    assert counts(agreed, RULE, TODAY)


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.integers(0, 10),
    st.lists(st.dates(date(1990, 1, 1), date(2120, 1, 1)), min_size=2, max_size=2).map(sorted),
)
def test_a_tie_that_counts_no_longer_never_counts_again(
    ended_on: date, years: int, days: list[date]
) -> None:
    rule = RULE.model_copy(update={"years": years})
    earlier, later = days

    assert counts(until(ended_on), rule, earlier) or not counts(until(ended_on), rule, later)
    assert not counts(until(ended_on), rule, date(2200, 1, 1))


def test_an_officer_steps_aside_for_each_kind_of_tie_once() -> None:
    ties = [
        replace(TIE, sub="officer", kind=TieKind.FAMILY),
        replace(TIE, sub="officer", kind=TieKind.EMPLOYMENT),
        replace(TIE, sub="officer", kind=TieKind.FAMILY, until_on=TODAY),
        replace(TIE, sub="officer", kind=TieKind.SHAREHOLDING, until_on=date(2020, 1, 1)),
        replace(TIE, sub="officer", kind=TieKind.OTHER, uscc="another"),
        replace(TIE, sub="somebody else", kind=TieKind.ADVICE),
    ]

    found = ties_of("officer", SUBJECT, ties, RULE, TODAY)

    assert [one.code for one in found] == ["tie_employment", "tie_family"]
    assert ties_of("clerk", SUBJECT, ties, RULE, TODAY) == []


@pytest.mark.parametrize("kind", TieKind)
def test_every_kind_of_tie_has_its_reason_in_both_languages(kind: TieKind) -> None:
    [conflict] = ties_of("expert", SUBJECT, [replace(TIE, kind=kind)], RULE, TODAY)

    assert conflict.code == f"tie_{kind.value}"
    assert conflict.because.zh.endswith("。")
    assert conflict.because.en.endswith(".")


def test_the_reasons_are_told_apart() -> None:
    bound = replace(EXPERT, employer_uscc="applicant", sub="clerk", division="520181")
    ties = [replace(TIE, sub="clerk", kind=kind) for kind in TieKind]

    found = conflicts_of(bound, SUBJECT, ties, RULE, TODAY)

    assert [one.code for one in found] == [
        "employer",
        "tie_employment",
        "tie_shareholding",
        "tie_family",
        "tie_advice",
        "tie_other",
        "same_city",
        "filed",
    ]
    assert len({one.because for one in found}) == len(found)


def test_an_expert_without_any_of_that_may_decide() -> None:
    assert codes(EXPERT) == []
    assert codes(replace(EXPERT, employer_uscc=None)) == []


def test_an_employee_of_the_enterprise_steps_aside() -> None:
    assert codes(replace(EXPERT, employer_uscc="applicant")) == ["employer"]


def test_whoever_filed_the_application_steps_aside() -> None:
    assert codes(replace(EXPERT, sub="clerk")) == ["filed"]


@pytest.mark.parametrize(
    ("division", "expected"),
    [
        ("520102", ["same_city"]),
        ("520181", ["same_city"]),
        ("520100", ["same_city"]),
        ("520302", []),
        ("520900", []),
        ("520000", []),
    ],
)
def test_an_expert_of_the_same_city_steps_aside(division: str, expected: list[str]) -> None:
    assert codes(replace(EXPERT, division=division)) == expected


def test_a_rule_may_let_the_same_city_be() -> None:
    rule = RULE.model_copy(update={"same_city": False})

    assert codes(replace(EXPERT, division="520102"), rule=rule) == []


def pool(*fields: str) -> list[Expert]:
    return [
        replace(EXPERT, sub=f"sub-{code}", code=f"E{code:02d}", fields=frozenset({field}))
        for code, field in enumerate(fields, start=1)
    ]


def drawn_from(
    experts: list[Expert],
    *ties: Tie,
    in_field: bool = True,
    seats: int = 2,
    subject: Subject = SUBJECT,
) -> Candidates:
    return candidates_for(
        subject, experts, iter(ties), RULE, in_field=in_field, seats=seats, today=TODAY
    )


def test_experts_of_the_field_are_drawn_from_where_there_are_enough() -> None:
    lot = drawn_from(pool("materials", "software", "materials"))

    assert lot == Candidates(codes=("E01", "E03"), is_widened=False, excluded=())


def test_every_field_is_let_in_where_its_own_has_too_few() -> None:
    lot = drawn_from(pool("materials", "software", "materials"), seats=3)

    assert lot == Candidates(codes=("E01", "E02", "E03"), is_widened=True, excluded=())


def test_whoever_steps_aside_does_not_count_towards_enough() -> None:
    tie = replace(TIE, sub="sub-3")

    lot = drawn_from(pool("materials", "software", "materials"), tie)

    assert (lot.codes, lot.is_widened) == (("E01", "E02"), True)
    assert [(code, conflict.code) for code, conflict in lot.excluded] == [("E03", "tie_advice")]


def test_a_field_that_does_not_matter_widens_nothing() -> None:
    lot = drawn_from(pool("software", "food"), in_field=False, seats=9)

    assert lot == Candidates(codes=("E01", "E02"), is_widened=False, excluded=())


def test_a_case_without_a_field_is_open_to_every_expert() -> None:
    lot = drawn_from(pool("materials", "software"), subject=replace(SUBJECT, field=None))

    assert (lot.codes, lot.is_widened) == (("E01", "E02"), True)


def test_an_inactive_expert_is_neither_drawn_nor_named() -> None:
    first, second, third = pool("materials", "materials", "materials")
    gone = replace(first, is_active=False, employer_uscc="applicant")

    lot = drawn_from([gone, second, third])

    assert lot == Candidates(codes=("E02", "E03"), is_widened=False, excluded=())


def test_each_reason_to_step_aside_is_kept() -> None:
    first, second = pool("materials", "materials")
    bound = replace(first, employer_uscc="applicant", division="520102")

    lot = drawn_from([bound, second], replace(TIE, sub=bound.sub), seats=1)

    assert lot.codes == ("E02",)
    assert [(code, conflict.code) for code, conflict in lot.excluded] == [
        ("E01", "employer"),
        ("E01", "tie_advice"),
        ("E01", "same_city"),
    ]


def test_the_order_of_the_pool_says_nothing() -> None:
    neighbour = replace(EXPERT, code="E04", division="520102")
    experts = [*pool("materials", "software", "materials"), neighbour]
    ties = [replace(TIE, sub="sub-1"), replace(TIE, sub="sub-2")]

    lots = {
        drawn_from(list(order), *reversed(ties) if reverse else ties)
        for order in permutations(experts)
        for reverse in (False, True)
    }

    assert len(lots) == 1
