"""Runs the screenings that were asked for, one after another, whatever happens meanwhile.

All of a screening is one transaction: its rows, its counts and that it is done. A process that dies
leaves none of them, and the next process to look begins from scratch.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import passes_by_itself, took_too_long
from services.kernel.identity.actor import actor_from_record
from services.kernel.jobs import JobWorker
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.logging import log, new_trace
from services.kernel.transaction import Runtime, saved_together
from services.policy.catalogue import Catalogue
from services.registry.following_models import Screening
from services.registry.screening_repository import ScreeningRepository
from services.registry.screening_schemas import ScreeningState
from services.registry.screening_service import counts_of, kind_of, pack_of, plan_of


class ScreeningWorker(JobWorker[Screening]):
    name = "screenings"

    def __init__(self, runtime: Runtime, catalogue: Catalogue) -> None:
        super().__init__(runtime)
        self._catalogue = catalogue

    async def to_do(self, session: AsyncSession) -> Sequence[UUID]:
        return await ScreeningRepository(session).to_do()

    async def find(self, session: AsyncSession, job_id: UUID) -> Screening | None:
        return await ScreeningRepository(session).unfinished_one(job_id)

    async def work_on(self, job: Screening) -> None:
        """Run a screening to its end. What passes by itself is left for another time."""
        try:
            await self._begin(job.id)
            await self._judge(job)
        except Exception as error:
            if took_too_long(error):
                await self._fail(job, "too_long")
                return
            if passes_by_itself(error):
                raise
            log.exception("screening_failed", id=str(job.id))
            await self._fail(job, "failed")

    async def _begin(self, screening_id: UUID) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await ScreeningRepository(session).progress(
                screening_id, state=ScreeningState.RUNNING, started_at=self._runtime.clock.now()
            )

    async def _judge(self, screening: Screening) -> None:
        pack = await asyncio.to_thread(pack_of, screening, self._catalogue)
        plan = plan_of(pack, self._catalogue, title=screening.title, kind=kind_of(screening))
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            screenings = ScreeningRepository(session)
            await screenings.judge(screening, plan)
            counts = counts_of(screening, await screenings.tallies(screening)).model_dump(
                mode="json"
            )
            await screenings.progress(
                screening.id,
                state=ScreeningState.DONE,
                counts=counts,
                finished_at=self._runtime.clock.now(),
            )
            _record(journal, screening, ScreeningState.DONE, total=counts["total"])

    async def _fail(self, screening: Screening, failure: str) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            await ScreeningRepository(session).progress(
                screening.id,
                state=ScreeningState.FAILED,
                failure=failure,
                finished_at=self._runtime.clock.now(),
            )
            _record(journal, screening, ScreeningState.FAILED, failure=failure)


def _record(
    journal: Journal, screening: Screening, state: ScreeningState, **data: int | str
) -> None:
    journal.record(
        HistoryEntry(
            subject_type="screening",
            subject_id=screening.id,
            action=state.value,
            actor=actor_from_record(screening.requested_by),
            policy_pack=None if screening.draft is not None else screening.pack_name,
            data=data,
        )
    )
