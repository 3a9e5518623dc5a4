"""What intake does about what review announces."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.filing_rules import is_secret
from services.applications.models import Application
from services.applications.repository import ApplicationRepository
from services.applications.workflow import ApplicationStatus, Step, after
from services.contracts.applications import ApplicationWithdrawn
from services.contracts.review import CaseRestored, CaseReturned
from services.kernel.clock import Clock
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal


class ReviewNews:
    """What intake does when review announces something about a case."""

    def __init__(self, session: AsyncSession, journal: Journal, clock: Clock, actor: Actor) -> None:
        self._session = session
        self._applications = ApplicationRepository(session)
        self._journal = journal
        self._clock = clock
        self._actor = actor

    async def apply(
        self, application_id: UUID, step: Step, *, reason: str | None = None, **data: Any
    ) -> Application:
        """Bring the application to the state that review's step leads to."""
        found = await self._applications.lock_for_review(application_id)
        if found is None:
            raise LookupError(f"review speaks of application {application_id}, which is not here")
        found.status = after(found.status, step)
        found.updated_at = self._clock.now()
        await self._session.flush()
        self._journal.record(
            HistoryEntry(
                subject_type="application",
                subject_id=found.id,
                action=f"review:{step}",
                actor=self._actor,
                uscc=found.uscc,
                reason=reason,
                policy_pack=found.policy_pack,
                data={"status": found.status.value, **data},
            )
        )
        return found

    async def restore(self, event: CaseRestored) -> None:
        """Bring an application back under review whose refusal was a mistake.

        What the enterprise filed or drafted anew meanwhile makes way for it, and is kept as it is.
        """
        restored = await self._applications.lock_for_review(event.application_id)
        if restored is not None and restored.status is ApplicationStatus.REJECTED:
            for younger in await self._applications.in_the_way_of(restored):
                await self._make_way(younger, restored)
        await self.apply(event.application_id, Step.RESTORE, reason=event.reason, stage=event.stage)

    async def _make_way(self, younger: Application, restored: Application) -> None:
        reason = (
            f"原申报 {restored.id} 的不予认定决定已撤销，恢复审核。 "
            f"The refusal of {restored.id} was set aside; that application is under review again."
        )
        younger.status = after(younger.status, Step.WITHDRAW)
        younger.updated_at = self._clock.now()
        await self._session.flush()
        self._journal.record(
            HistoryEntry(
                subject_type="application",
                subject_id=younger.id,
                action="made_way",
                actor=self._actor,
                uscc=younger.uscc,
                reason=reason,
                policy_pack=younger.policy_pack,
                data={"status": younger.status.value, "restored": str(restored.id)},
            )
        )
        if younger.submission_number > 0:
            self._journal.announce(
                ApplicationWithdrawn(
                    uscc=younger.uscc,
                    region=younger.division,
                    is_secret=is_secret(younger),
                    application_id=younger.id,
                    round_code=younger.round.code,
                    title=younger.title,
                    reason=reason,
                )
            )

    async def open_for_correction(self, event: CaseReturned) -> None:
        """Open the facts that the remarks name, and those alone."""
        found = await self.apply(
            event.application_id,
            Step.RETURN,
            reason=event.reason,
            stage=event.stage,
            remarks=[remark.model_dump() for remark in event.remarks],
        )
        if found.status is not ApplicationStatus.RETURNED:
            return
        found.opened = sorted({remark.fact_or_document for remark in event.remarks})
        found.return_reason = event.reason
        found.remarks = [remark.model_dump() for remark in event.remarks]
        await self._session.flush()
