"""The one place that asks what time it is."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

PROVINCE_TIME = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    def now(self) -> datetime:
        """Return this instant, in UTC."""

    def today(self) -> date:
        """Return the calendar day it is in the province."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        return day_of(self.now())


class AdjustableClock:
    """A clock that starts where it is told and runs on from there.

    Tests and the worked example live through months in seconds with it.
    No setting of a deployed service leads here.
    """

    def __init__(self, starts_at: datetime | None = None) -> None:
        self._offset = timedelta()
        if starts_at is not None:
            self.set(starts_at)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def today(self) -> date:
        return day_of(self.now())

    def set(self, instant: datetime) -> None:
        self._offset = instant.astimezone(UTC) - datetime.now(UTC)

    def move_to_day(self, day: date, at: time = time(9, 0)) -> None:
        """Go to an hour of a day in the province: nine in the morning, unless told otherwise."""
        self.set(datetime.combine(day, at, tzinfo=PROVINCE_TIME))

    def catch_up(self) -> None:
        """Return to the real time."""
        self._offset = timedelta()


def day_of(instant: datetime) -> date:
    """Return the day on which an instant falls in the province."""
    return instant.astimezone(PROVINCE_TIME).date()


def end_of(day: date) -> datetime:
    """Return the instant at which a day is over in the province."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=PROVINCE_TIME).astimezone(UTC)
