"""Days: what the clock says in the province, and how working days are counted."""

from datetime import UTC, date, datetime, time

import pytest

from services.kernel.clock import PROVINCE_TIME, AdjustableClock, day_of
from services.kernel.regions import covers
from services.kernel.text import preferred_language
from services.kernel.working_days import after_calendar_days, after_working_days


def test_a_day_begins_at_midnight_in_the_province() -> None:
    assert day_of(datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC)) == date(2026, 3, 31)
    assert day_of(datetime(2026, 3, 31, 16, 0, tzinfo=UTC)) == date(2026, 4, 1)


def test_an_adjusted_clock_runs_on_from_where_it_was_set() -> None:
    clock = AdjustableClock()
    clock.move_to_day(date(2024, 2, 29), at=time(23, 59))

    assert clock.today() == date(2024, 2, 29)
    assert clock.now().astimezone(PROVINCE_TIME).hour == 23


@pytest.mark.parametrize(
    ("start", "count", "ends", "is_provisional"),
    [
        # 国庆节 2025 is 1 to 8 October; Sunday 28 September and Saturday 11 October are worked.
        (date(2025, 9, 26), 5, date(2025, 10, 10), False),
        # 春节 2026 is 15 to 23 February; Saturday 14 and Saturday 28 February are worked.
        (date(2026, 2, 12), 5, date(2026, 2, 26), False),
        (date(2026, 11, 2), 5, date(2026, 11, 9), False),
        (date(2026, 11, 2), 0, date(2026, 11, 2), False),
        # No holidays are published for 2040: weekends are skipped, and the day is provisional.
        (date(2040, 10, 1), 5, date(2040, 10, 8), True),
    ],
)
def test_working_days_skip_holidays_and_count_make_up_days(
    start: date, count: int, ends: date, is_provisional: bool
) -> None:
    deadline = after_working_days(start, count)

    assert deadline.on == ends
    assert deadline.is_provisional == is_provisional


def test_calendar_days_do_not_count_the_first_day() -> None:
    assert after_calendar_days(date(2026, 2, 27), 5).on == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("region", "division", "is_covered"),
    [
        ("520000", "520102", True),
        ("520000", "520900", True),
        ("520100", "520102", True),
        ("520100", "520100", True),
        ("520100", "520302", False),
        ("520102", "520102", True),
        ("520102", "520103", False),
        ("520102", "520100", False),
        ("520900", "520900", True),
        ("520000", "530100", False),
    ],
)
def test_a_division_covers_what_lies_under_it(region: str, division: str, is_covered: bool) -> None:
    assert covers(region, division) is is_covered


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("zh-CN", "zh-CN"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en;q=0.5, zh;q=0.9", "zh-CN"),
        ("fr", "zh-CN"),
        ("*", "zh-CN"),
        ("en;q=x", "zh-CN"),
    ],
)
def test_chinese_is_spoken_unless_english_is_preferred(header: str | None, language: str) -> None:
    assert preferred_language(header) == language
