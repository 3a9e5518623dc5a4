"""Facts: one spelling for each, a named refusal for everything else."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.policy.catalogue import load_catalogue
from services.policy.eligibility import check
from services.policy.pack import missing

GUIZHOU = load_catalogue().pack("guizhou/2021-05-06")


@pytest.mark.parametrize(
    ("fact", "given_value", "kept"),
    [
        ("operating_revenue", "20000000", "20000000.00"),
        ("operating_revenue", "0", "0.00"),
        ("operating_revenue", "1000000000000000", "1000000000000000.00"),
        ("net_profit", "-1.5", "-1.50"),
        ("net_profit", "-0", "0.00"),
        ("uscc", " ９１５２０９００ma6j6cbn9q ", "91520900MA6J6CBN9Q"),
        ("established_on", "2015-06-01", "2015-06-01"),
        ("employees", 0, 0),
        ("legal_name", " 示例公司 ", "示例公司"),
    ],
)
def test_an_accepted_fact_has_one_spelling(fact: str, given_value: object, kept: object) -> None:
    checked = GUIZHOU.check_facts({fact: given_value})

    assert checked.problems == ()
    assert checked.values == {fact: kept}


@pytest.mark.parametrize(
    ("fact", "given_value", "code"),
    [
        ("colour", "red", "unknown_fact"),
        ("operating_revenue", 20000000, "not_an_amount"),
        ("operating_revenue", 2.5, "not_an_amount"),
        ("operating_revenue", "2e7", "not_an_amount"),
        ("operating_revenue", "1.005", "too_many_decimals"),
        ("operating_revenue", "-1", "negative"),
        ("operating_revenue", "1000000000000000.01", "too_large"),
        ("operating_revenue", "9" * 5000, "too_large"),
        ("operating_revenue", "NaN", "not_an_amount"),
        ("operating_revenue", "٣", "not_an_amount"),
        ("employees", True, "not_a_whole_number"),
        ("employees", -1, "not_a_whole_number"),
        ("employees", "12", "not_a_whole_number"),
        ("is_legal_person", "true", "not_a_flag"),
        ("established_on", "2015-02-30", "not_a_day"),
        ("established_on", "20150601", "not_a_day"),
        ("focus_field", "mining", "not_an_option"),
        ("focus_field", ["advanced_equipment"], "not_an_option"),
        ("applying_division", "520321", "unknown_division"),
        ("industry_code", "348", "unknown_industry"),
        ("industry_code", "9999", "unknown_industry"),
        ("uscc", "91520900MA6J6CBN9R", "wrong_check_character"),
        ("own_brands", "示例", "not_a_list_of_texts"),
        ("own_brands", [""], "not_a_text"),
        ("legal_name", "长" * 2001, "too_long"),
        ("niche_share", "-1e5", "not_a_percentage"),
    ],
)
def test_a_fact_that_cannot_be_read_is_refused_by_name(
    fact: str, given_value: object, code: str
) -> None:
    checked = GUIZHOU.check_facts({fact: given_value})

    assert [problem.code for problem in checked.problems] == [code]
    assert checked.problems[0].pointer == f"/facts/{fact}"


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.from_regex(r"-?\d+\.?\d*"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*GUIZHOU.facts, "colour"]), ANYTHING))
def test_nothing_that_is_sent_raises(facts: dict[str, Any]) -> None:
    checked = GUIZHOU.check_facts(facts)

    named = {problem.pointer.removeprefix("/facts/") for problem in checked.problems}
    assert named | set(checked.values) == set(facts)
    for title in ("srdi_sme", "provincial_little_giant"):
        check(GUIZHOU, title=title, facts=checked.values, on=date(2026, 3, 10))


def test_a_file_is_complete_when_every_needed_fact_is_there() -> None:
    needed = GUIZHOU.facts_needed("srdi_sme")

    assert missing(GUIZHOU, "srdi_sme", {}) == needed
    assert missing(GUIZHOU, "srdi_sme", dict.fromkeys(needed, "there")) == ()
    assert "is_ethnic_craft" not in needed


NATIONAL = load_catalogue().pack("national/2026-04-01")


@pytest.mark.parametrize(
    ("given_value", "kept"), [("56.5", "56.50"), ("0", "0.00"), (" 1000.00 ", "1000.00")]
)
def test_points_have_one_spelling(given_value: str, kept: str) -> None:
    assert NATIONAL.check_facts({"platform_score": given_value}).values == {"platform_score": kept}


@pytest.mark.parametrize(
    ("given_value", "code"),
    [
        (56.5, "not_points"),
        ("-1", "not_points"),
        ("56.555", "not_points"),
        ("5e1", "not_points"),
        ("1000.01", "too_large"),
        ("9" * 5000, "not_points"),
        (None, "not_points"),
    ],
)
def test_points_that_cannot_be_are_refused_by_name(given_value: object, code: str) -> None:
    checked = NATIONAL.check_facts({"platform_score": given_value})

    assert [problem.code for problem in checked.problems] == [code]
    assert checked.values == {}


def test_a_name_has_two_hundred_characters_at_most() -> None:
    fits, too_long = ({"legal_name": "企" * length} for length in (200, 201))

    assert GUIZHOU.check_facts(fits).problems == ()
    assert [one.code for one in GUIZHOU.check_facts(too_long).problems] == ["too_long"]
    assert GUIZHOU.check_facts(too_long).values == {}
