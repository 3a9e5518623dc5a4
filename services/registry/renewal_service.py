"""复核: whose title has to be renewed by when, renewal rounds, and who filed, passed or failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.registry import RenewalCalled
from services.contracts.review import CaseRejected, CaseRestored
from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.registry.following_models import RenewalRound
from services.registry.models import Outcome, Recognition
from services.registry.problems import (
    NobodyToRenew,
    RenewalRoundCodeTaken,
    RenewalRoundNotFound,
    RenewalStillOpen,
    TermNotPossible,
)
from services.registry.recognition_repository import RecognitionRepository
from services.registry.recognition_service import event_fields
from services.registry.renewal_repository import RenewalRepository
from services.registry.renewal_state import (
    RenewalOutcome,
    RenewalStage,
    months_ahead,
    outcome_of,
    stage_of,
)
from services.registry.renewal_steps import RenewalSteps
from services.registry.repository import EnterpriseRepository
from services.registry.standing import Standing, renewals_of, standing


@dataclass(frozen=True, slots=True)
class Duty:
    recognition: Recognition
    standing: Standing
    stage: RenewalStage | None
    outcome: RenewalOutcome


class RenewalService:
    def __init__(self, session: AsyncSession, journal: Journal, clock: Clock) -> None:
        self._session = session
        self._renewals = RenewalRepository(session)
        self._recognitions = RecognitionRepository(session)
        self._enterprises = EnterpriseRepository(session)
        self._steps = RenewalSteps(session, clock)
        self._journal = journal
        self._clock = clock

    async def note_filed(self, *, application_id: UUID, uscc: str, title: str, on: date) -> None:
        await self._steps.note_filed(application_id=application_id, uscc=uscc, title=title, on=on)

    async def note_rejected(self, event: CaseRejected, *, on: date) -> None:
        await self._steps.note_settled(
            application_id=event.application_id,
            uscc=event.uscc or "",
            title=event.title,
            on=on,
            outcome=Outcome.REJECTED,
        )

    async def note_withdrawn(
        self, *, application_id: UUID, uscc: str, title: str, on: date
    ) -> None:
        await self._steps.note_settled(
            application_id=application_id,
            uscc=uscc,
            title=title,
            on=on,
            outcome=Outcome.WITHDRAWN,
        )

    async def note_restored(self, event: CaseRestored, *, on: date) -> None:
        """Note that a renewal is undecided again: its refusal was set aside."""
        await self._steps.note_reopened(
            application_id=event.application_id, uscc=event.uscc or "", title=event.title, on=on
        )

    async def duties(
        self,
        reader: Actor,
        page: Paging,
        *,
        due_before: date | None,
        within_months: int | None,
        region: str | None,
        title: str | None,
    ) -> tuple[Found[Recognition], list[Duty]]:
        """Return what has to be renewed: the window is open, the term is over, or it soon will be."""
        today = self._clock.today()
        if within_months is not None:
            horizon = months_ahead(today, within_months)
            after = date.fromordinal(horizon.toordinal() + 1)
            due_before = after if due_before is None else min(due_before, after)
        # Asked for what ends before a day, all of that is listed, however early it is.
        opens_by = today if due_before is None else max(today, due_before)
        found = await self._renewals.duties(
            reader, page, due_before=due_before, opens_by=opens_by, region=region, title=title
        )
        return found, await self._read(found.items, today)

    async def open_round(
        self,
        *,
        code: str,
        region: str,
        title: str,
        ends_from: date,
        ends_until: date,
        materials_due_on: date,
        document_number: str,
        officer: Actor,
    ) -> RenewalRound:
        """Call on all whose term ends between two days to file for renewal by a third."""
        if not officer.is_in_charge_of(region):
            raise NotAllowed
        today = self._clock.today()
        if ends_until < ends_from or materials_due_on < today:
            raise TermNotPossible(
                f"{ends_from} 至 {ends_until}，材料截止 {materials_due_on}，今天是 {today}。",
                f"{ends_from} to {ends_until}, material due on {materials_due_on};"
                f" today is {today}.",
            )
        ending = await self._renewals.ending(
            title=title, region=region, ends_from=ends_from, ends_until=ends_until
        )
        if not ending:
            raise NobodyToRenew
        opened = RenewalRound(
            id=new_id(),
            code=code,
            region=region,
            title=title,
            ends_from=ends_from,
            ends_until=ends_until,
            materials_due_on=materials_due_on,
            document_number=document_number,
            opened_at=self._clock.now(),
            opened_by=officer.as_record(),
        )
        self._renewals.add(opened)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "one_renewal_round_per_code":
                raise RenewalRoundCodeTaken from error
            raise
        await self._renewals.call(opened.id, ending)
        self._journal.record(
            HistoryEntry(
                subject_type="renewal_round",
                subject_id=opened.id,
                action="opened",
                actor=officer,
                data={
                    "code": code,
                    "region": region,
                    "title": title,
                    "ends_from": ends_from.isoformat(),
                    "ends_until": ends_until.isoformat(),
                    "materials_due_on": materials_due_on.isoformat(),
                    "document_number": document_number,
                    "called": len(ending),
                },
            )
        )
        for one in ending:
            self._journal.announce(
                RenewalCalled(
                    **event_fields(one, one.enterprise),
                    renewal_round_code=code,
                    materials_due_on=materials_due_on,
                    document_number=document_number,
                )
            )
        return opened

    async def rounds(self, reader: Actor, page: Paging) -> Found[RenewalRound]:
        return await self._renewals.rounds(reader, page)

    async def round(self, round_id: UUID, reader: Actor) -> RenewalRound:
        found = await self._renewals.round(round_id, reader)
        if found is None:
            raise RenewalRoundNotFound
        return found

    async def called(
        self, of: RenewalRound, reader: Actor, page: Paging
    ) -> tuple[Found[Recognition], list[Duty]]:
        found = await self._renewals.called(of, reader, page)
        return found, await self._read(found.items, self._clock.today(), round_=of)

    async def counts(self, of: RenewalRound, reader: Actor) -> dict[RenewalOutcome, int]:
        """Count by outcome who takes part in a round, as far as the reader may see it."""
        duties = await self._read(
            await self._renewals.all_called(of, reader), self._clock.today(), round_=of
        )
        return {
            outcome: sum(duty.outcome is outcome for duty in duties) for outcome in RenewalOutcome
        }

    async def refuse_early_end(self, of: Recognition, ground: str, decided_on: date) -> None:
        """Refuse to revoke for a renewal that is not over: its term, its time, or its review."""
        if ground not in {"renewal_failed", "renewal_not_submitted"}:
            return
        steps = await self._recognitions.steps(of.uscc, of.title)
        outcome = outcome_of(of, of.valid_until, steps)
        called = await self._renewals.latest_call(of.id)
        due_on = of.valid_until
        if called is not None and called[1].term_ends_on == of.valid_until:
            due_on = max(due_on, called[0].materials_due_on)
        is_failed = outcome is RenewalOutcome.FAILED
        if ground == "renewal_failed":
            is_over = is_failed and decided_on > of.valid_until
        else:
            is_over = outcome is RenewalOutcome.NOT_SUBMITTED and decided_on > due_on
        if not is_over:
            raise RenewalStillOpen

    async def _read(
        self, recognitions: Sequence[Recognition], on: date, round_: RenewalRound | None = None
    ) -> list[Duty]:
        usccs = sorted({one.uscc for one in recognitions})
        rows = await self._enterprises.steps(usccs)
        renewals = renewals_of(rows, await self._enterprises.calls(usccs))
        ends_called = {} if round_ is None else await self._renewals.ends_called(round_.id)
        duties = []
        for one in recognitions:
            found = standing(one, renewals, on)
            if found is None:
                continue
            ends_on = ends_called.get(one.id, one.valid_until)
            of_title = [row for row in rows if (row.uscc, row.title) == (one.uscc, one.title)]
            duties.append(
                Duty(one, found, _stage(one, ends_on, on), outcome_of(one, ends_on, of_title))
            )
        return duties


def _stage(of: Recognition, ends_on: date, on: date) -> RenewalStage | None:
    """Return how near an end is; what may be renewed is within six months, however they are counted.

    Six months back from the end and six months on from today differ by some days at the ends of months.
    """
    is_open = of.renewal_opens_on <= on
    return stage_of(ends_on, on) or (RenewalStage.WITHIN_SIX_MONTHS if is_open else None)
