"""What a recognition's state is on a day, as it was known at an instant. Pure.

A state is computed from dates and decisions and never flipped: nothing ends because a job ran.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum


class RecognitionStatus(StrEnum):
    VALID = "valid"
    RENEWAL_DUE = "renewal_due"
    AWAITING_RENEWAL = "awaiting_renewal"
    LAPSED = "lapsed"
    REVOKED = "revoked"


class VerificationCode(StrEnum):
    VALID = "valid"
    RENEWAL_DUE = "renewal_due"
    AWAITING_RENEWAL = "awaiting_renewal"
    LAPSED = "lapsed"
    REVOKED = "revoked"
    NEVER_RECOGNISED = "never_recognised"
    UNKNOWN_CODE = "unknown_code"


COUNTS = frozenset({RecognitionStatus.VALID, RecognitionStatus.RENEWAL_DUE})
"""The states in which the title can be relied on."""

STATUS_NAMES = {
    RecognitionStatus.VALID: ("有效", "valid"),
    RecognitionStatus.RENEWAL_DUE: ("有效，待复核", "valid, renewal due"),
    RecognitionStatus.AWAITING_RENEWAL: ("期满，复核审理中", "term over, renewal under way"),
    RecognitionStatus.LAPSED: ("已过有效期", "lapsed"),
    RecognitionStatus.REVOKED: ("已撤销", "revoked"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """A term of validity, and since when it was on record."""

    valid_from: date
    valid_until: date
    """The last valid day."""
    renewal_opens_on: date
    recorded_at: datetime

    def covers(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_until


@dataclass(frozen=True, slots=True)
class FilingStep:
    """What became of renewal material on a day; `is_open` after it was filed or reopened."""

    application_id: str
    is_open: bool
    is_filing: bool
    on_day: date
    recorded_at: datetime
    order: str


@dataclass(frozen=True, slots=True)
class Call:
    """That a renewal round called on a term, and until when it takes material."""

    term_ends_on: date
    materials_due_on: date
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Everything that decides a recognition's state."""

    terms: Sequence[Period]
    """Oldest first."""
    held_from: date | None = None
    """The first day of this holder, where it took the title over from another."""
    revoked_on: date | None = None
    """The first day on which it no longer counts."""
    revoked_at: datetime | None = None
    transferred_on: date | None = None
    """The first day on which another holds it."""
    transferred_at: datetime | None = None
    steps: Sequence[FilingStep] = ()
    filings: Sequence[FilingStep] = ()
    """When their applications were filed, in whosever hands the title was then."""
    calls: Sequence[Call] = ()

    def known_at(self, instant: datetime | None) -> "Life":
        """Return what of it was on record at an instant; all of it for None."""
        if instant is None:
            return self
        is_revoked = self.revoked_at is not None and self.revoked_at <= instant
        is_transferred = self.transferred_at is not None and self.transferred_at <= instant
        return replace(
            self,
            terms=[term for term in self.terms if term.recorded_at <= instant],
            revoked_on=self.revoked_on if is_revoked else None,
            transferred_on=self.transferred_on if is_transferred else None,
            steps=[step for step in self.steps if step.recorded_at <= instant],
            filings=[filing for filing in self.filings if filing.recorded_at <= instant],
            calls=[call for call in self.calls if call.recorded_at <= instant],
        )

    def has_begun(self, day: date) -> bool:
        """Whether this enterprise held the title on a day or before."""
        is_held = self.held_from is None or self.held_from <= day
        return is_held and self._term_begun(day) is not None

    def term_on(self, day: date) -> Period:
        """Return the term that covers a day, else the last one begun before it.

        It ends where another enterprise took over. The title has to have begun.
        """
        term = self._term_begun(day)
        if term is None:
            raise LookupError(day)
        if self.transferred_on is None:
            return term
        return replace(
            term, valid_until=min(term.valid_until, self.transferred_on - timedelta(days=1))
        )

    def _term_begun(self, day: date) -> Period | None:
        """Return the last term that had begun by a day, in the hands of this holder."""
        gone = self.transferred_on
        begun = [
            term
            for term in self.terms
            if term.valid_from <= day and (gone is None or term.valid_from < gone)
        ]
        return begun[-1] if begun else None

    def is_filed(self, day: date) -> bool:
        """Whether renewal material was in and undecided on a day, in time or late."""
        return bool(self._undecided(day))

    def is_in_time(self, application_id: str, ends_on: date) -> bool:
        """Whether an application was filed before a term that ends on a day had lapsed.

        That is by its last day, or by the day that a renewal round gave for this very term.
        """
        due_on = max(
            [
                ends_on,
                *(call.materials_due_on for call in self.calls if call.term_ends_on == ends_on),
            ]
        )
        return any(
            filing.application_id == application_id and filing.on_day <= due_on
            for filing in self.filings
        )

    def _undecided(self, day: date) -> list[str]:
        """Return the applications that were in and undecided on a day."""
        last: dict[str, FilingStep] = {}
        for step in sorted(
            self.steps,
            key=lambda one: (one.on_day, not one.is_filing, one.recorded_at, one.order),
        ):
            if step.on_day <= day:
                last[step.application_id] = step
        return [application_id for application_id, step in last.items() if step.is_open]

    def status_on(self, day: date) -> RecognitionStatus:
        """Return the state on a day on or after the title began."""
        if self.revoked_on is not None and self.revoked_on <= day:
            return RecognitionStatus.REVOKED
        term = self.term_on(day)
        if term.covers(day):
            is_last = term.valid_from == self.terms[-1].valid_from
            is_due = is_last and term.renewal_opens_on <= day
            return RecognitionStatus.RENEWAL_DUE if is_due else RecognitionStatus.VALID
        is_transferred = self.transferred_on is not None and self.transferred_on <= day
        # What had lapsed stays so while late material is looked at.
        is_awaiting = any(self.is_in_time(one, term.valid_until) for one in self._undecided(day))
        if not is_transferred and is_awaiting:
            return RecognitionStatus.AWAITING_RENEWAL
        return RecognitionStatus.LAPSED
