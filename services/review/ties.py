"""Putting down what binds a person to an enterprise (利害关系), with its row of history."""

from datetime import date

from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.policy.procedure import TieKind
from services.review.models import PersonTie
from services.review.panel_repository import PanelRepository


def put_down(
    panels: PanelRepository,
    journal: Journal,
    clock: Clock,
    *,
    sub: str,
    uscc: str,
    kind: TieKind,
    note: str,
    by: Actor,
    from_on: date | None = None,
    until_on: date | None = None,
) -> PersonTie:
    """Add a tie. It is never taken back: a later row may say that it has ended."""
    tie = PersonTie(
        id=new_id(),
        sub=sub,
        uscc=uscc,
        kind=kind,
        from_on=from_on,
        until_on=until_on,
        note=note,
        region=by.region,
        declared_by=by.sub,
        declared_at=clock.now(),
    )
    panels.add(tie)
    journal.record(
        HistoryEntry(
            subject_type="tie",
            subject_id=tie.id,
            action="declared",
            actor=by,
            uscc=uscc,
            reason=note,
            data={
                "sub": sub,
                "kind": kind.value,
                "from_on": from_on.isoformat() if from_on else None,
                "until_on": until_on.isoformat() if until_on else None,
            },
        )
    )
    return tie
