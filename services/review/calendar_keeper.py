"""Last days that were reckoned without a published calendar are reckoned anew once there is one."""

import asyncio

from services.kernel.logging import log, new_trace
from services.kernel.transaction import Runtime, saved_together
from services.policy.catalogue import Catalogue
from services.review.case_service import CaseService
from services.review.desk import CaseDesk
from services.review.notice_repository import NoticeRepository
from services.review.notice_service import NoticeService

_PAUSE_SECONDS = 60.0
_AGAIN_SECONDS = 24 * 3600.0


class CalendarKeeper:
    """Looks once when the service starts, and daily: a calendar comes with a new release."""

    name = "keeps last days by the calendar"

    def __init__(self, runtime: Runtime, catalogue: Catalogue) -> None:
        self._runtime = runtime
        self._catalogue = catalogue

    async def run(self) -> None:
        while True:
            try:
                await self.reckon_again()
            except Exception:
                log.exception("last_days_not_reckoned", again_in=_PAUSE_SECONDS)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            await asyncio.sleep(_AGAIN_SECONDS)

    async def reckon_again(self) -> int:
        """Reckon every provisional last day anew. Return how many have changed."""
        # One after the other: a recognition locks a notice before its cases.
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            desk = CaseDesk(session, journal, self._runtime.clock, self._catalogue)
            changed = await CaseService(desk, NoticeRepository(session)).reckon_again()
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            desk = CaseDesk(session, journal, self._runtime.clock, self._catalogue)
            return changed + await NoticeService(desk, NoticeRepository(session)).reckon_again()
