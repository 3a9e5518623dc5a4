"""Scoring tables: bands without holes, a boundary's higher points, and scores that stay open."""

import tomllib
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.kernel.text import Text
from services.policy.catalogue import PACKS, load_catalogue
from services.policy.eligibility import check, matter_of
from services.policy.matter import IndicatorScore, Matter, Score, Verdict
from services.policy.measures import Measure, percentage
from services.policy.scoring import Band, MeasuredBands

PACK = load_catalogue().pack("national/2022-08-01")
BASE: dict[str, Any] = tomllib.loads((PACKS / PACK.name / "cases.toml").read_text("utf-8"))["base"]
ON = date(2026, 3, 10)
MONEY = st.decimals(0, 10**15, places=2).map("{:.2f}".format)


def matter(**changed: Any) -> Matter:
    given_facts = {name: value for name, value in {**BASE, **changed}.items() if value is not None}
    checked = PACK.check_facts(given_facts)
    assert checked.problems == ()
    return matter_of(PACK, checked.values, applied_on=ON, today=ON)


def scored(**changed: Any) -> Score:
    return PACK.tables["srdi"].score(matter(**changed))


def indicator(name: str, **changed: Any) -> IndicatorScore:
    return next(
        one
        for dimension in scored(**changed).dimensions
        for one in dimension.indicators
        if one.id == name
    )


def bands(*rows: tuple[int | None, int | None, int]) -> MeasuredBands:
    measure: Measure = TypeAdapter(Measure).validate_python({"of": "fact", "fact": "rd_expense"})
    return MeasuredBands(
        measure=measure,
        bands=tuple(
            Band(
                at_least=None if low is None else Decimal(low),
                at_most=None if high is None else Decimal(high),
                points=Decimal(points),
            )
            for low, high, points in rows
        ),
    )


@pytest.mark.parametrize(
    ("rows", "flaw"),
    [
        ([(None, 5, 0), (5, None, 1)], None),
        ([(5, None, 1), (None, 5, 0)], None),
        ([(None, 5, 0), (6, None, 1)], "a hole between 5 and 6"),
        ([(None, 6, 0), (5, None, 1)], "overlap"),
        ([(None, 5, 0), (None, 6, 0), (5, None, 1)], "overlap"),
        ([(0, 5, 0), (5, None, 1)], "nothing covers values below 0"),
        ([(None, 5, 0), (5, 9, 1)], "nothing covers values above 9"),
    ],
)
def test_bands_cover_every_value_once(
    rows: list[tuple[int | None, int | None, int]], flaw: str | None
) -> None:
    found = list(bands(*rows).band_flaws())

    assert found == [] if flaw is None else flaw in " ".join(found)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=6, unique=True), MONEY, st.booleans())
def test_a_value_on_a_boundary_takes_the_higher_points_in_either_direction(
    limits: list[int], value: str, is_less_better: bool
) -> None:
    ordered = sorted(limits)
    points = range(len(ordered) + 1)
    given_points = list(reversed(points)) if is_less_better else list(points)
    edges = [None, *ordered, None]
    scale = bands(
        *((low, high, given_points[place]) for place, (low, high) in enumerate(pairwise(edges)))
    )

    found = scale.in_bands(matter(rd_expense=value))

    containing = [
        given_points[place]
        for place in points
        if ((low := edges[place]) is None or Decimal(value) >= low)
        and ((high := edges[place + 1]) is None or Decimal(value) <= high)
    ]
    assert found.least == found.most == Decimal(max(containing))


@given(MONEY, MONEY)
def test_a_share_is_scored_by_the_exact_quotient(part: str, whole: str) -> None:
    found = indicator("debt", total_liabilities=part, total_assets=whole)

    if Decimal(whole) == 0:
        assert (found.least, found.most) == (Decimal(0), Decimal(5))
        assert found.points is None
    else:
        share = Fraction(part) / Fraction(whole) * 100
        expected = 5 if share <= 50 else 3 if share <= 60 else 1 if share <= 70 else 0
        assert found.points == expected


@given(MONEY, MONEY, MONEY)
def test_growth_is_the_mean_of_the_yearly_rates_whatever_the_amounts(
    latest: str, before: str, earliest: str
) -> None:
    found = indicator(
        "main_business_growth",
        main_business_revenue=latest,
        previous_main_business_revenue=before,
        before_previous_main_business_revenue=earliest,
    )

    if 0 in (Decimal(before), Decimal(earliest)):
        assert (found.least, found.most) == (Decimal(0), Decimal(10))
        return
    first = Fraction(before) / Fraction(earliest) - 1
    second = Fraction(latest) / Fraction(before) - 1
    mean = (first + second) / 2 * 100
    expected = (
        next(
            points for floor, points in ((10, 10), (8, 8), (6, 6), (4, 4), (0, 2)) if mean >= floor
        )
        if mean >= 0
        else 0
    )
    assert found.points == expected


@given(st.sets(st.sampled_from(sorted(PACK.tables["srdi"].facts_used())), max_size=8))
def test_a_missing_fact_opens_a_score_around_what_it_would_be(lacking: set[str]) -> None:
    whole = scored()
    without = scored(**dict.fromkeys(lacking))

    assert 0 <= without.least <= whole.least <= whole.most <= without.most <= 100
    for dimension in without.dimensions:
        assert 0 <= dimension.least <= dimension.most <= dimension.out_of


@given(st.integers(0, 15))
def test_the_provinces_points_never_turn_an_answer_that_was_given(points: int) -> None:
    """Whatever an officer gives within the open points, met stays met and not met stays so."""
    for facts in ({}, {"rd_institution": "none", "digital_level": "level_1", "net_profit": "0.00"}):
        checked = PACK.check_facts({**BASE, **facts})
        found = check(PACK, title="srdi_sme", facts=checked.values, on=ON)
        standard = next(one for one in found.conditions if one.id == "srdi_standard").parts[0]
        [score] = found.scores
        if standard.verdict is Verdict.MET:
            assert score.least + points >= 60
        if standard.verdict is Verdict.NOT_MET:
            assert score.least + points < 60


def test_points_add_up_and_are_capped() -> None:
    score = scored(
        has_quality_award=True,
        standards_participated=3,
        high_value_class_one_ip=2,
        niche_since="1990-01-01",
    )

    for dimension in score.dimensions:
        assert dimension.most <= dimension.out_of
        assert dimension.least == min(
            sum(one.least for one in dimension.indicators), dimension.out_of
        )
    assert score.least == sum(one.least for one in score.dimensions)
    assert score.points is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ((70, 1), "70"),
        ((700001, 10000), "70.0001"),
        ((200, 3), "≈66.6666"),
        ((-1, 3), "≈-0.3334"),
        ((-5, 2), "-2.5"),
        ((10**20, 1), "100,000,000,000,000,000,000"),
    ],
)
def test_a_percentage_is_shown_as_it_is_or_says_that_it_goes_on(
    value: tuple[int, int], shown: str
) -> None:
    assert percentage(value) == shown


@pytest.mark.parametrize(
    ("since", "until", "years"),
    [
        ("2024-03-10", "application", 2),
        ("2024-03-11", "application", 1),
        ("2026-03-10", "application", 0),
        ("2023-01-01", "fiscal_year_end", 3),
        ("2023-01-02", "fiscal_year_end", 2),
        ("2025-12-31", "fiscal_year_end", 0),
        ("2026-01-01", "fiscal_year_end", None),
        ("2026-03-11", "application", None),
    ],
)
def test_full_years_are_counted_to_the_day_of_application_or_the_end_of_the_year(
    since: str, until: str, years: int | None
) -> None:
    measure: Measure = TypeAdapter(Measure).validate_python(
        {"of": "full_years", "since": "niche_since", "until": until}
    )

    found = measure.measure(matter(niche_since=since))

    assert found.value == (None if years is None else (years, 1))
    assert since in found.shown.zh


def test_compound_growth_is_exact_and_shown_to_a_reader() -> None:
    measure: Measure = TypeAdapter(Measure).validate_python(
        {
            "of": "compound_growth",
            "latest": "operating_revenue",
            "earliest": "previous_operating_revenue",
            "years": 2,
        }
    )

    def shown(latest: str) -> Text:
        return measure.measure(
            matter(operating_revenue=latest, previous_operating_revenue="100000000.00")
        ).shown

    assert shown("110250000.00").en.endswith("a compound growth of 5 %")
    assert shown("110249999.99").en.endswith("a compound growth of ≈4.9999 %")
    assert shown("0.00").en.endswith("a compound growth of -100 %")
    assert measure.measure(matter(previous_operating_revenue="0.00")).value is None
