"""Where a recognition stands on a day: what is stored, read as a life and judged by the workflow."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.registry.models import Recognition, RenewalStep, RenewalStepKind
from services.registry.workflow import FilingStep, Life, Period, RecognitionStatus

Steps = Mapping[tuple[str, str], Sequence[FilingStep]]
"""What became of renewal material, by credit code and title."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A recognition as it stood on a day, as it was known at an instant."""

    recognition: Recognition
    life: Life
    """What of it was on record by then."""
    term: Period
    status: RecognitionStatus
    is_filed: bool


def steps_by_title(rows: Iterable[RenewalStep]) -> Steps:
    found: dict[tuple[str, str], list[FilingStep]] = defaultdict(list)
    for row in rows:
        found[row.uscc, row.title].append(
            FilingStep(
                application_id=str(row.application_id),
                is_open=row.step is not RenewalStepKind.SETTLED,
                is_filing=row.step is RenewalStepKind.FILED,
                on_day=row.on_day,
                recorded_at=row.recorded_at,
                order=str(row.id),
            )
        )
    return found


def life_of(of: Recognition, steps: Steps) -> Life:
    """Return everything that decides a recognition's state. Its terms have to be loaded."""
    return Life(
        terms=[
            Period(term.valid_from, term.valid_until, term.renewal_opens_on, term.recorded_at)
            for term in of.terms
        ],
        held_from=of.held_from,
        revoked_on=of.revoked_on,
        revoked_at=of.revoked_at,
        transferred_on=of.transferred_on,
        transferred_at=of.transferred_at,
        steps=steps.get((of.uscc, of.title), ()),
    )


def standing(
    of: Recognition, steps: Steps, on: date, known_at: datetime | None = None
) -> Standing | None:
    """Return how a recognition stood on a day; None when it had not begun, or nobody knew of it."""
    life = life_of(of, steps).known_at(known_at)
    if known_at is not None and of.created_at > known_at:
        return None
    if not life.has_begun(on):
        return None
    return Standing(
        recognition=of,
        life=life,
        term=life.term_on(on),
        status=life.status_on(on),
        is_filed=life.is_filed(on),
    )
