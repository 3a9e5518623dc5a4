"""Runs the screenings that were asked for, one after another, whatever happens meanwhile.

All of a screening is one transaction: its rows, its counts and that it is done. A process that dies
leaves none of them, and the next process to look begins from scratch.
"""

import asyncio
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import is_transient, is_unavailable, sqlstate
from services.kernel.identity.actor import actor_from_record
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.logging import log, new_trace
from services.kernel.transaction import Runtime, saved_together
from services.policy.catalogue import Catalogue
from services.registry.following_models import Screening
from services.registry.screening import Plan
from services.registry.screening_repository import ScreeningRepository
from services.registry.screening_schemas import ScreeningState
from services.registry.screening_service import counts_of, kind_of, pack_of

_LOOK_AGAIN_SECONDS = 0.5
_CANCELLED = "57014"
"""What the database says of a statement that took longer than it may."""


class ScreeningWorker:
    name = "screenings"

    def __init__(self, runtime: Runtime, catalogue: Catalogue) -> None:
        self._runtime = runtime
        self._catalogue = catalogue

    async def run(self) -> None:
        while True:
            try:
                while await self.work_once():
                    pass
            except Exception:
                log.exception("screening_not_worked_on")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def work_once(self) -> bool:
        """Run the oldest screening that nobody has in hand. Return whether there was one."""
        database = self._runtime.database
        # One connection holds the screening; the work itself is done on others.
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            async with AsyncSession(connection, expire_on_commit=False) as holding:
                screenings = ScreeningRepository(holding)
                for screening_id in await screenings.to_do():
                    held = await screenings.hold(screening_id)
                    if held is None:
                        continue
                    holding.expunge(held)
                    try:
                        await self._run(held)
                    finally:
                        await screenings.release(screening_id)
                    return True
        return False

    async def _run(self, screening: Screening) -> None:
        """Run a screening to its end. What passes by itself is left for another time."""
        try:
            await self._begin(screening.id)
            await self._judge(screening)
        except DBAPIError as error:
            if sqlstate(error) == _CANCELLED:
                await self._fail(screening, "too_long")
                return
            if is_transient(error) or is_unavailable(error):
                raise
            log.exception("screening_failed", id=str(screening.id))
            await self._fail(screening, "failed")
        except Exception:
            log.exception("screening_failed", id=str(screening.id))
            await self._fail(screening, "failed")

    async def _begin(self, screening_id: UUID) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await ScreeningRepository(session).progress(
                screening_id, state=ScreeningState.RUNNING, started_at=self._runtime.clock.now()
            )

    async def _judge(self, screening: Screening) -> None:
        pack = await asyncio.to_thread(pack_of, screening, self._catalogue)
        plan = Plan(pack, title=screening.title, kind=kind_of(screening))
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
