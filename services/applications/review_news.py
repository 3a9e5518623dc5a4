"""What intake does about what review announces."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.models import Application
from services.applications.repository import ApplicationRepository
from services.applications.workflow import ApplicationStatus, Step, after
from services.contracts.review import CaseReturned
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
