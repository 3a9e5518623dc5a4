"""What is kept of review's and rewards' news, so that a year can be counted."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.review import CaseEvent
from services.contracts.rewards import (
    AwardApproved,
    AwardCancelled,
    AwardDisbursed,
    AwardEvent,
    AwardReduced,
    PaymentReturned,
    RecoveryOpened,
    RecoveryRepaid,
)
from services.kernel.identifiers import new_id
from services.registry.following_models import AwardCopy, ReviewStep

_NOTHING = Decimal(0)


class CountingService:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note_step(
        self, event: CaseEvent, *, step: str, from_stage: str | None, on: date
    ) -> None:
        """Keep that review advanced or decided a case on a day."""
        if event.uscc is None or event.region is None:
            raise ValueError(f"case {event.case_id} names no enterprise or division")
        self._session.add(
            ReviewStep(
                id=new_id(),
                application_id=event.application_id,
                uscc=event.uscc,
                division=event.region,
                is_secret=event.is_secret,
                title=event.title,
                round_code=event.round_code,
                step=step,
                from_stage=from_stage,
                on_day=on,
            )
        )

    async def note_granted(self, event: AwardApproved) -> None:
        await self._keep(event, granted=Decimal(event.amount))

    async def note_cancelled(self, event: AwardCancelled) -> None:
        await self._keep(event, granted=_NOTHING)

    async def note_disbursed(self, event: AwardDisbursed) -> None:
        """Add one payment: an award may be paid in parts."""
        await self._keep(event, disbursed=AwardCopy.disbursed + Decimal(event.paid))

    async def note_called_back(self, event: RecoveryOpened) -> None:
        await self._keep(event, called_back=AwardCopy.called_back + Decimal(event.due))

    async def note_returned(self, event: PaymentReturned) -> None:
        await self._keep(event, disbursed=AwardCopy.disbursed - Decimal(event.returned))

    async def note_reduced(self, event: AwardReduced) -> None:
        await self._keep(event, granted=AwardCopy.granted - Decimal(event.cancelled))

    async def note_repaid(self, event: RecoveryRepaid) -> None:
        await self._keep(event, recovered=AwardCopy.recovered + Decimal(event.repaid))

    async def _keep(self, event: AwardEvent, **changed: Any) -> None:
        if event.uscc is None or event.region is None:
            raise ValueError(f"award {event.award_id} names no enterprise or division")
        await self._session.execute(
            insert(AwardCopy)
            .values(
                award_id=event.award_id,
                uscc=event.uscc,
                division=event.region,
                is_secret=event.is_secret,
                title=event.title,
                fiscal_year=event.fiscal_year,
                granted=_NOTHING,
                disbursed=_NOTHING,
                called_back=_NOTHING,
                recovered=_NOTHING,
            )
            .on_conflict_do_nothing()
        )
        await self._session.execute(
            update(AwardCopy)
            .where(AwardCopy.award_id == event.award_id)
            .values(division=event.region, is_secret=event.is_secret, **changed)
        )
