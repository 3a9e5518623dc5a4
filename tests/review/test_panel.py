"""What score sheets add up to, when experts differ too much, and which sheet is right."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.text import Text
from services.policy.procedure import Aggregation, PanelIndicator, PanelRule
from services.review.panel import (
    Need,
    Progress,
    aggregate,
    check_sheet,
    has_passed,
    moderated_within,
    progress,
    sheet_total,
    spread,
    without_the_outlier,
)

TOTALS = st.lists(st.decimals(0, 100, places=1), min_size=1, max_size=7)
HOW: tuple[Aggregation, ...] = ("mean", "trimmed_mean", "median")


def rule(**changed: Any) -> PanelRule:
    given_rule: dict[str, Any] = {
        "stage": "expert_evaluation",
        "clause": "六(一)",
        "basis": "x",
        "experts": 3,
        "in_field": True,
        "aggregation": "mean",
        "spread_alarm": Decimal(20),
        "pass_at_least": Decimal(60),
        "indicators": (
            PanelIndicator(
                id="niche",
                name=Text("市场地位", "niche position"),
                clause="x",
                official_text="x",
                out_of=60,
            ),
            PanelIndicator(
                id="innovation",
                name=Text("创新能力", "innovation"),
                clause="x",
                official_text="x",
                out_of=40,
            ),
        ),
    }
    return PanelRule(**(given_rule | changed))


def points(*written: str) -> list[Decimal]:
    return [Decimal(one) for one in written]


@pytest.mark.parametrize(
    ("totals", "mean", "trimmed", "median"),
    [
        (points("80"), "80.00", "80.00", "80.00"),
        (points("70", "80", "90.5"), "80.17", "80.17", "80.00"),
        (points("60", "70.1", "70.2", "99"), "74.83", "70.15", "70.15"),
        (points("99", "99", "60", "60"), "79.50", "79.50", "79.50"),
        (points("90", "50", "71", "70", "72"), "70.60", "71.00", "71.00"),
    ],
)
def test_sheets_become_one_number(
    totals: list[Decimal], mean: str, trimmed: str, median: str
) -> None:
    assert [str(aggregate(totals, how)) for how in HOW] == [mean, trimmed, median]


def test_half_a_hundredth_counts_up() -> None:
    totals = points("80.1", *["80"] * 7)

    assert aggregate(totals, "mean") == Decimal("80.01")
    assert aggregate(points("80.11", "80.12"), "median") == Decimal("80.12")


def test_one_highest_and_one_lowest_are_left_out_of_four_sheets_or_more() -> None:
    three, four = points("0", "80", "100"), points("0", "80", "80", "100")

    assert aggregate(three, "trimmed_mean") == aggregate(three, "mean") == Decimal("60.00")
    assert aggregate(four, "trimmed_mean") == Decimal("80.00")


@pytest.mark.parametrize("how", HOW)
def test_no_sheet_gives_no_points(how: Aggregation) -> None:
    with pytest.raises(ValueError, match="data"):
        aggregate([], how)
    with pytest.raises(ValueError, match="empty"):
        spread([])


@given(TOTALS, st.sampled_from(HOW), st.randoms())
def test_points_lie_within_the_sheets_in_whatever_order_they_came(
    totals: list[Decimal], how: Aggregation, chance: Random
) -> None:
    result = aggregate(totals, how)

    assert moderated_within(totals, result)
    assert aggregate(chance.sample(totals, k=len(totals)), how) == result


@pytest.mark.parametrize("totals", [[], points("10"), points("10", "100")])
def test_nothing_is_said_before_every_expert_has_scored(totals: list[Decimal]) -> None:
    assert progress(rule(), totals) == Progress(
        seats=3, need=Need.SHEETS, points=None, spread=None, is_alarmed=False
    )


@pytest.mark.parametrize(
    ("totals", "result"),
    [
        (points("70", "80", "90"), "80.00"),
        (points("70", "80", "90", "75"), "78.75"),
        (points("0", "0", "0"), "0.00"),
    ],
)
def test_a_spread_of_exactly_the_alarm_is_no_alarm(totals: list[Decimal], result: str) -> None:
    assert progress(rule(), totals) == Progress(
        seats=len(totals),
        need=Need.NOTHING,
        points=Decimal(result),
        spread=max(totals) - min(totals),
        is_alarmed=False,
    )


def test_a_panel_counts_as_its_rule_says() -> None:
    totals = points("70", "71", "90")

    assert progress(rule(aggregation="median"), totals).points == Decimal("71.00")
    assert progress(rule(experts=5), totals).seats == 5


def test_experts_who_differ_too_much_call_one_more() -> None:
    assert progress(rule(), points("70", "80", "90.1")) == Progress(
        seats=4, need=Need.SHEETS, points=None, spread=Decimal("20.1"), is_alarmed=True
    )


@pytest.mark.parametrize(
    ("totals", "counted"),
    [
        # The three that agree are the result, whether the odd one is the highest or the lowest.
        (points("70", "80", "90.1", "75"), points("70", "80", "75")),
        (points("40", "80", "90", "85"), points("80", "90", "85")),
        # Just within the alarm without the odd one, which here came last.
        (points("60", "70", "80.1", "20"), None),
        (points("60", "70", "80", "20"), points("60", "70", "80")),
    ],
)
def test_the_further_expert_shows_which_sheet_is_the_odd_one(
    totals: list[Decimal], counted: list[Decimal] | None
) -> None:
    found = progress(rule(), totals)

    if counted is None:
        assert (found.need, found.points) == (Need.MODERATION, None)
        return
    assert found == Progress(
        seats=4,
        need=Need.NOTHING,
        points=aggregate(counted, "mean"),
        spread=max(counted) - min(counted),
        is_alarmed=True,
    )


@pytest.mark.parametrize(
    "totals",
    [
        points("40", "60", "80", "100"),
        # Two against two: no sheet stands out.
        points("50", "50", "80", "80"),
        points("0", "50", "50", "100"),
    ],
)
def test_experts_who_still_differ_are_moderated(totals: list[Decimal]) -> None:
    found = progress(rule(), totals)

    assert (found.need, found.points, found.seats) == (Need.MODERATION, None, 4)


@given(st.lists(st.decimals(0, 100, places=1), min_size=4, max_size=4), st.randoms())
def test_the_order_of_sheets_decides_nothing_and_one_at_most_is_left_out(
    totals: list[Decimal], chance: Random
) -> None:
    counted = without_the_outlier(totals)

    assert len(totals) - len(counted) in {0, 1}
    assert spread(counted) <= spread(totals)
    assert progress(rule(), chance.sample(totals, k=4)) == progress(rule(), totals)


@pytest.mark.parametrize(
    ("result", "has"), [("59.99", False), ("60", True), ("60.00", True), ("60.01", True)]
)
def test_the_points_that_are_asked_for_pass(result: str, has: bool) -> None:
    assert has_passed(rule(), Decimal(result)) is has


@pytest.mark.parametrize(
    ("moderated", "is_within"),
    [("49.9", False), ("50", True), ("66.6", True), ("90", True), ("90.1", False)],
)
def test_moderated_points_lie_within_what_experts_gave(moderated: str, is_within: bool) -> None:
    assert moderated_within(points("90", "50", "70"), Decimal(moderated)) is is_within


RIGHT = (("niche", Decimal("42.5"), "国内细分领域领先"), ("innovation", Decimal(30), "专利充分"))


def found(*items: tuple[str, Decimal, str]) -> list[tuple[str, str]]:
    return [(pointer, code) for pointer, code, _ in check_sheet(rule(), items)]


@pytest.mark.parametrize(
    "items",
    [
        RIGHT,
        RIGHT[::-1],
        [("niche", Decimal(60), "x"), ("innovation", Decimal(40), "x")],
        [("niche", Decimal(0), "x"), ("innovation", Decimal("-0"), "x")],
        [("niche", Decimal("1.50"), "x"), ("innovation", Decimal("1E+1"), "x")],
    ],
)
def test_a_right_sheet_has_no_problem(items: Sequence[tuple[str, Decimal, str]]) -> None:
    assert check_sheet(rule(), items) == []


@pytest.mark.parametrize(
    ("given_points", "code"),
    [
        ("-0.1", "below_zero"),
        ("60.1", "above_maximum"),
        ("1E+999999", "above_maximum"),
        ("5.25", "too_many_places"),
        ("5.1000000000000000000000000000000001", "too_many_places"),
        ("1E-999999", "too_many_places"),
        ("NaN", "not_a_number"),
        ("sNaN", "not_a_number"),
        ("Infinity", "not_a_number"),
        ("-Infinity", "not_a_number"),
    ],
)
def test_points_are_tenths_between_nothing_and_the_maximum(given_points: str, code: str) -> None:
    assert found(("niche", Decimal(given_points), "x"), RIGHT[1]) == [("/items/0/points", code)]


def test_each_indicator_has_a_maximum_of_its_own() -> None:
    assert found(RIGHT[0], ("innovation", Decimal("40.1"), "x")) == [
        ("/items/1/points", "above_maximum")
    ]


@pytest.mark.parametrize("reason", ["", " ", "\n\t\u3000"])
def test_points_need_a_reason(reason: str) -> None:
    assert found(RIGHT[0], ("innovation", Decimal(30), reason)) == [
        ("/items/1/reason", "reason_missing")
    ]


def test_each_indicator_is_scored_exactly_once() -> None:
    assert found(*RIGHT, ("brand", Decimal(1000), "x")) == [
        ("/items/2/indicator", "unknown_indicator")
    ]
    assert found(*RIGHT, RIGHT[0]) == [("/items/2/indicator", "listed_twice")]
    assert found(*RIGHT, RIGHT[0], RIGHT[0]) == [
        ("/items/2/indicator", "listed_twice"),
        ("/items/3/indicator", "listed_twice"),
    ]
    assert found(RIGHT[1]) == [("/items", "indicator_missing")]
    assert found() == [("/items", "indicator_missing")] * 2


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert found(("brand", Decimal(1), ""), ("niche", Decimal("60.01"), " ")) == [
        ("/items/0/indicator", "unknown_indicator"),
        ("/items/0/reason", "reason_missing"),
        ("/items/1/points", "above_maximum"),
        ("/items/1/reason", "reason_missing"),
        ("/items", "indicator_missing"),
    ]


def test_a_problem_names_the_indicator_in_both_languages() -> None:
    [(_, _, sentence)] = check_sheet(rule(), RIGHT[:1])

    assert sentence == Text("指标“创新能力”尚未评分。", "The indicator innovation is not scored.")


def test_a_sheet_adds_up_exactly() -> None:
    assert str(sheet_total(RIGHT)) == "72.5"
    assert sheet_total([("niche", Decimal("0.1"), "x")] * 3) == Decimal("0.3")
    assert sheet_total([]) == 0
