"""Where a recognition stands on a day: what is stored, read as a life and judged by the workflow."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.registry.following_models import RenewalCall, RenewalRound
from services.registry.models import Recognition, RecognitionTerm, RenewalStep, RenewalStepKind
from services.registry.workflow import Call, FilingStep, Life, Period, RecognitionStatus


@dataclass(frozen=True, slots=True)
class Renewals:
    """Renewal material of some enterprises, and the calls to file it."""

    steps: Mapping[tuple[str, str], Sequence[FilingStep]]
    """What became of material, by credit code and title."""
    filings: Mapping[str, Sequence[FilingStep]]
    """When it was filed, by application."""
    calls: Mapping[UUID, Sequence[Call]]
    """By recognition."""


NO_RENEWALS = Renewals({}, {}, {})
"""For whom it is enough to know whether a title counts: material makes no difference to that."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A recognition as it stood on a day, as it was known at an instant."""

    recognition: Recognition
    life: Life
    """What of it was on record by then."""
    term: Period
    status: RecognitionStatus
    is_filed: bool

    @property
    def granted(self) -> RecognitionTerm:
        """The term as it was granted: under which pack, in which round, by which document."""
        rows = self.recognition.terms
        return next(one for one in rows if one.valid_from == self.term.valid_from)


def renewals_of(
    rows: Iterable[RenewalStep], called: Iterable[tuple[RenewalCall, RenewalRound]]
) -> Renewals:
    steps: dict[tuple[str, str], list[FilingStep]] = defaultdict(list)
    filings: dict[str, list[FilingStep]] = defaultdict(list)
    calls: dict[UUID, list[Call]] = defaultdict(list)
    for row in rows:
        step = FilingStep(
            application_id=str(row.application_id),
            is_open=row.step is not RenewalStepKind.SETTLED,
            is_filing=row.step is RenewalStepKind.FILED,
            on_day=row.on_day,
            recorded_at=row.recorded_at,
            order=str(row.id),
        )
        steps[row.uscc, row.title].append(step)
        if step.is_filing:
            filings[step.application_id].append(step)
    for call, by in called:
        calls[call.recognition_id].append(
            Call(call.term_ends_on, by.materials_due_on, by.opened_at)
        )
    return Renewals(steps, filings, calls)


def life_of(of: Recognition, renewals: Renewals) -> Life:
    """Return everything that decides a recognition's state. Its terms have to be loaded."""
    steps = renewals.steps.get((of.uscc, of.title), ())
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
        steps=steps,
        filings=[
            filing
            for application_id in {step.application_id for step in steps}
            for filing in renewals.filings.get(application_id, ())
        ],
        calls=renewals.calls.get(of.id, ()),
    )


def standing(
    of: Recognition, renewals: Renewals, on: date, known_at: datetime | None = None
) -> Standing | None:
    """Return how a recognition stood on a day; None when it had not begun, or nobody knew of it."""
    life = life_of(of, renewals).known_at(known_at)
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
