"""What a recognition's state is on a day. Pure: computed from dates and decisions, never flipped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.policy.validity import Term, Validity, renewal_opens_on


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


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that decides a recognition's state: its terms, its end, a renewal under way."""

    terms: Sequence[Term]
    """At least one, oldest first."""
    revoked_on: date | None
    """The first day on which it no longer counts."""
    renewal_filed_on: date | None
    """Since when renewal material is in and undecided."""

    def term_on(self, day: date) -> Term:
        """Return the term that covers a day, else the last one begun before it, else the first."""
        begun = [term for term in self.terms if term.valid_from <= day]
        return begun[-1] if begun else self.terms[0]

    def has_begun(self, day: date) -> bool:
        return self.terms[0].valid_from <= day

    def status_on(self, day: date, validity: Validity) -> RecognitionStatus:
        """Return the state on a day on or after the first term's first day."""
        if self.revoked_on is not None and self.revoked_on <= day:
            return RecognitionStatus.REVOKED
        term = self.term_on(day)
        if term.covers(day):
            is_last = term == self.terms[-1]
            is_due = is_last and renewal_opens_on(validity, term) <= day
            return RecognitionStatus.RENEWAL_DUE if is_due else RecognitionStatus.VALID
        is_filed = self.renewal_filed_on is not None and self.renewal_filed_on <= day
        return RecognitionStatus.AWAITING_RENEWAL if is_filed else RecognitionStatus.LAPSED
