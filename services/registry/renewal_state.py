"""How near the end of a term is, and what has become of its renewal: computed, never missed."""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.registry.models import Outcome, Recognition, RenewalStep, RenewalStepKind


class RenewalStage(StrEnum):
    """How near a term's end is."""

    WITHIN_SIX_MONTHS = "within_6_months"
    WITHIN_THREE_MONTHS = "within_3_months"
    WITHIN_ONE_MONTH = "within_1_month"
    OVER = "over"


class RenewalOutcome(StrEnum):
    """What has become of a recognition's renewal."""

    NOT_SUBMITTED = "not_submitted"
    UNDER_REVIEW = "under_review"
    PASSED = "passed"
    FAILED = "failed"
    ENDED = "ended"
    """The title was revoked or went over to another enterprise."""


def months_ahead(day: date, months: int) -> date:
    """Return the same day so many months later, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def stage_of(ends_on: date, today: date) -> RenewalStage | None:
    """Return how near the end of a term is; None when it is more than six months away."""
    if ends_on < today:
        return RenewalStage.OVER
    if ends_on <= months_ahead(today, 1):
        return RenewalStage.WITHIN_ONE_MONTH
    if ends_on <= months_ahead(today, 3):
        return RenewalStage.WITHIN_THREE_MONTHS
    return RenewalStage.WITHIN_SIX_MONTHS if ends_on <= months_ahead(today, 6) else None


def last_steps(steps: Iterable[RenewalStep]) -> dict[UUID, RenewalStep]:
    """Return the last step of each application; what is filed and settled on one day is settled."""
    last: dict[UUID, RenewalStep] = {}
    for step in sorted(
        steps,
        key=lambda one: (
            one.on_day,
            one.step is not RenewalStepKind.FILED,
            one.recorded_at,
            one.id,
        ),
    ):
        last[step.application_id] = step
    return last


def outcome_of(of: Recognition, ends_on: date, filings: Sequence[RenewalStep]) -> RenewalOutcome:
    """Return what became of the renewal that the term ending on a day calls for."""
    if of.valid_until > ends_on:
        return RenewalOutcome.PASSED
    if of.revoked_on is not None or of.transferred_on is not None:
        return RenewalOutcome.ENDED
    filed = {one.application_id for one in filings if one.step is RenewalStepKind.FILED}
    decided = [step for one, step in last_steps(filings).items() if one in filed]
    # Also what was filed before the window opened keeps the title awaiting its renewal.
    if any(step.step is not RenewalStepKind.SETTLED for step in decided):
        return RenewalOutcome.UNDER_REVIEW
    # What was decided for an earlier term says nothing about this one.
    if any(
        step.outcome is Outcome.REJECTED and step.on_day >= of.renewal_opens_on for step in decided
    ):
        return RenewalOutcome.FAILED
    return RenewalOutcome.NOT_SUBMITTED
