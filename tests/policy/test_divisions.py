"""The divisions of a day: one name to a code, a parent to each, and a way from old to new."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from services.policy.divisions import divisions, divisions_on, former_divisions


@given(st.dates(date(1981, 1, 1), date(2030, 1, 1)))
def test_on_any_day_a_code_has_one_name_and_its_parent_is_there(day: date) -> None:
    found = divisions_on(day)
    codes = [one.code for one in found]

    assert len(codes) == len(set(codes))
    assert {one.parent for one in found} - {None} <= set(codes)
    assert 90 <= len(codes) <= 99


def test_today_are_the_province_nine_cities_the_new_area_and_88_counties() -> None:
    levels = [one.level for one in divisions().values()]

    assert (levels.count("province"), levels.count("city"), levels.count("county")) == (1, 10, 88)
    assert list(divisions().values()) == divisions_on(date(2026, 11, 24))


def test_a_code_that_went_out_of_use_is_followed_to_one_of_today() -> None:
    for code in former_divisions():
        seen = [code]
        while seen[-1] not in divisions():
            seen.append(former_divisions()[seen[-1]].became)
            assert len(seen) < 6, seen
