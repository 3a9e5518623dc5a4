"""An enterprise's word that an office may file for it (委托)."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.models import Mandate
from services.applications.problems import MandateEnded, MandateNotFound, MandateNotPossible
from services.applications.repository import MandateRepository
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.policy.divisions import divisions
from services.policy.validity import years_after

LONGEST_YEARS = 3


class MandateService:
    def __init__(self, session: AsyncSession, journal: Journal, clock: Clock) -> None:
        self._session = session
        self._mandates = MandateRepository(session)
        self._journal = journal
        self._clock = clock

    async def grant(self, *, region: str, valid_until: date, enterprise: Actor) -> Mandate:
        """Let the office of a county or city draft, change and submit for the enterprise."""
        if enterprise.uscc is None:
            raise NotAllowed("令牌未载明企业。", "The token names no enterprise.")
        today = self._clock.today()
        office = divisions().get(region)
        if office is None or office.level == "province":
            raise MandateNotPossible
        if not today <= valid_until <= years_after(today, LONGEST_YEARS):
            raise MandateNotPossible
        granted = Mandate(
            id=new_id(),
            uscc=enterprise.uscc,
            region=region,
            valid_until=valid_until,
            granted_by=enterprise.sub,
            granted_at=self._clock.now(),
            ended_at=None,
        )
        self._mandates.add(granted)
        await self._session.flush()
        self._record(granted, "granted", enterprise, reason=None)
        return granted

    async def end(self, mandate_id: UUID, *, reason: str, enterprise: Actor) -> Mandate:
        """Take a mandate back. What was filed under it stays."""
        ended = await self._mandates.lock(mandate_id, uscc=enterprise.uscc or "")
        if ended is None:
            raise MandateNotFound
        if ended.ended_at is not None:
            raise MandateEnded
        ended.ended_at = self._clock.now()
        await self._session.flush()
        self._record(ended, "ended", enterprise, reason=reason)
        return ended

    async def page(self, reader: Actor, page: Paging, *, uscc: str | None) -> Found[Mandate]:
        return await self._mandates.page(reader, page, uscc=uscc)

    def is_in_force(self, mandate: Mandate) -> bool:
        return mandate.ended_at is None and self._clock.today() <= mandate.valid_until

    def _record(self, of: Mandate, action: str, actor: Actor, *, reason: str | None) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="mandate",
                subject_id=of.id,
                action=action,
                actor=actor,
                uscc=of.uscc,
                reason=reason,
                data={"region": of.region, "valid_until": of.valid_until.isoformat()},
            )
        )
