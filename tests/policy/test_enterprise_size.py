"""The size standard (工信部联企业〔2011〕300号) at its edges."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.policy.enterprise_size import Size, SizeDetermination, classify, group_of, groups

TEN_THOUSAND = Decimal(10000)
RANK = {Size.MICRO: 0, Size.SMALL: 1, Size.MEDIUM: 2, Size.LARGE: 3}


@pytest.mark.parametrize(
    ("code", "employees", "revenue", "assets", "size"),
    [
        ("3484", 1000, "40000", "0", "large"),
        ("3484", 1000, "39999.999999", "0", "medium"),
        ("3484", 299, "50000", "0", "small"),
        ("3484", 5000, "1999", "0", "small"),
        ("3484", 5000, "39000", "0", "medium"),
        ("3484", 19, "500000", "0", "micro"),
        ("0111", 1, "19999.99", "0", "medium"),
        ("4710", 1, "80000", "79999", "medium"),
        ("6510", 300, "9999", "0", "medium"),
        ("7111", 9, "0", "500000", "micro"),
        ("7310", 300, "0", "0", "large"),
        ("5990", 150, "1000", "0", "medium"),
        ("5910", 150, "1000", "0", "small"),
        ("6311", 100, "50000", "0", "medium"),
        ("7010", 0, "200000", "10000", "large"),
        ("7020", 100, "500", "0", "small"),
    ],
)
def test_the_tier_is_the_first_whose_limits_are_all_reached(
    code: str, employees: int, revenue: str, assets: str, size: str
) -> None:
    found = classify(
        code,
        employees=employees,
        operating_revenue=Decimal(revenue) * TEN_THOUSAND,
        total_assets=Decimal(assets) * TEN_THOUSAND,
    )

    assert found.size == size
    assert found.is_sme is (size != "large")


@pytest.mark.parametrize("code", ["5310", "6610", "6900", "7040", "8336", "8411", "9110", "9700"])
def test_what_the_standard_does_not_cover_is_for_an_officer(code: str) -> None:
    found = classify(code, employees=10, operating_revenue=Decimal(1), total_assets=Decimal(1))

    assert (found.group, found.size, found.is_sme) == (None, None, None)


@pytest.mark.parametrize(
    ("code", "group"),
    [("5910", "transport"), ("5920", "storage"), ("8521", "other"), ("7030", "other")],
)
def test_the_longest_prefix_decides_the_group(code: str, group: str) -> None:
    found = group_of(code)

    assert found is not None
    assert found.id == group


def test_there_are_sixteen_groups_with_falling_limits() -> None:
    assert len(groups()) == 16
    for group in groups():
        large, medium, small = group.tiers
        for indicator in group.indicators:
            assert large.limits[indicator] > medium.limits[indicator] > small.limits[indicator]


def test_a_missing_figure_is_never_guessed() -> None:
    found = classify("3484", employees=5, operating_revenue=None, total_assets=None)

    assert found.size is None
    assert "营业收入" in found.because.zh


@given(
    st.sampled_from([code + "00"[: 4 - len(code)] for group in groups() for code in group.codes]),
    st.integers(0, 6000),
    st.decimals(0, 10**10, places=2),
    st.decimals(0, 10**10, places=2),
)
def test_the_size_is_the_least_of_its_indicators(
    code: str, employees: int, revenue: Decimal, assets: Decimal
) -> None:
    group = group_of(code)
    assert group is not None
    given_figures = {
        "employees": Decimal(employees),
        "operating_revenue": revenue,
        "total_assets": assets,
    }
    alone = [
        next(
            (tier.size for tier in group.tiers if given_figures[name] >= tier.limits[name]),
            Size.MICRO,
        )
        for name in group.indicators
    ]

    found = classify(code, employees=employees, operating_revenue=revenue, total_assets=assets)

    assert found.size is min(alone, key=RANK.__getitem__)


@pytest.mark.parametrize(
    ("code", "size", "computed"),
    [
        ("3484", Size.MEDIUM, Size.LARGE),
        ("6631", Size.SMALL, None),
        ("3484", Size.LARGE, Size.LARGE),
    ],
)
def test_what_an_officer_determined_stands_and_the_standards_answer_is_kept_beside_it(
    code: str, size: Size, computed: Size | None
) -> None:
    found = classify(
        code,
        employees=1000,
        operating_revenue=Decimal(400_000_000),
        total_assets=Decimal(0),
        fiscal_year=2025,
        determined=SizeDetermination(size=size, legal_basis="示例规定第一条"),
    )

    assert (found.size, found.computed) == (size, computed)
    assert found.is_sme is (size is not Size.LARGE)
    assert found.legal_basis == "示例规定第一条"
    assert "示例规定第一条" in found.because.zh
    assert "示例规定第一条" in found.because.en


def test_each_figure_keeps_its_unit_and_fiscal_year() -> None:
    found = classify(
        "4710",
        employees=10,
        operating_revenue=Decimal("3000000.00"),
        total_assets=Decimal("3000000.00"),
        fiscal_year=2024,
    )

    assert found.figures == {
        "operating_revenue": ("3000000.00", "yuan", 2024),
        "total_assets": ("3000000.00", "yuan", 2024),
    }
