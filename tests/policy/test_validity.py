from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.policy.catalogue import load_catalogue
from services.policy.validity import Term, first_term, next_term, renewal_opens_on, years_after

VALIDITY = load_catalogue().pack("guizhou/2021-05-06").validity


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (date(2025, 11, 8), date(2028, 11, 7)),
        (date(2024, 2, 29), date(2027, 2, 28)),
        (date(2025, 3, 1), date(2028, 2, 29)),
        (date(2026, 1, 1), date(2028, 12, 31)),
    ],
)
def test_a_title_is_valid_for_three_calendar_years(begins: date, ends: date) -> None:
    assert first_term(VALIDITY, begins) == Term(valid_from=begins, valid_until=ends)


@given(st.dates(date(2021, 5, 6), date(2100, 1, 1)))
def test_a_renewed_term_begins_the_day_after_the_old_one_ends(begins: date) -> None:
    term = first_term(VALIDITY, begins)
    following = next_term(VALIDITY, term)

    assert (following.valid_from - term.valid_until).days == 1
    assert term.valid_from < renewal_opens_on(VALIDITY, term) <= term.valid_until


@pytest.mark.parametrize(
    ("until", "opens"),
    [
        (date(2028, 11, 7), date(2028, 5, 8)),
        (date(2028, 8, 30), date(2028, 2, 29)),
        (date(2027, 2, 28), date(2026, 9, 1)),
    ],
)
def test_renewal_opens_six_months_before_the_term_ends(until: date, opens: date) -> None:
    assert renewal_opens_on(VALIDITY, Term(date(2025, 1, 1), until)) == opens


def test_full_years_after_a_leap_day_are_over_on_the_first_of_march() -> None:
    assert years_after(date(2024, 2, 29), 3) == date(2027, 3, 1)
    assert years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)
