"""Every SQL statement about batches of payments, and who may see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, read_page
from services.rewards.models import Award, BatchLine, BatchSeries, DisbursementBatch, Holding
from services.rewards.repository import WHOLE, kept_by, visible_to
from services.rewards.workflow import AwardStatus, LineStatus

MOST_LINES = 1000
"""Of one batch: what a bank takes at once, and what is locked at once."""


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """A batch, and how its orders stand in all; paid is in yuan."""

    of: DisbursementBatch
    paid: Decimal
    lines: int
    open_lines: int


class BatchRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, batch: DisbursementBatch) -> None:
        self._session.add(batch)

    async def to_order(
        self, fiscal_year: int, award_ids: Sequence[UUID] | None, officer: Actor
    ) -> Sequence[str]:
        """Return whose awards could be ordered, to be locked before they are looked at again."""
        rows = await self._session.scalars(
            select(Award.uscc)
            .where(*_can_be_ordered(fiscal_year, award_ids, officer))
            .order_by(Award.id)
            .limit(MOST_LINES)
        )
        return rows.all()

    async def lock_to_order(
        self,
        fiscal_year: int,
        award_ids: Sequence[UUID] | None,
        usccs: Collection[str],
        officer: Actor,
    ) -> Sequence[Award]:
        rows = await self._session.scalars(
            select(Award)
            .where(*_can_be_ordered(fiscal_year, award_ids, officer), Award.uscc.in_(usccs))
            .order_by(Award.id)
            .limit(MOST_LINES)
            .with_for_update()
            .options(*WHOLE)
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def next_number(self, fiscal_year: int) -> str:
        """Return the year's next number. Its row is held until the commit, so none is left out."""
        statement = insert(BatchSeries).values(fiscal_year=fiscal_year, last=1)
        last = await self._session.scalar(
            statement.on_conflict_do_update(
                index_elements=[BatchSeries.fiscal_year], set_={"last": BatchSeries.last + 1}
            ).returning(BatchSeries.last)
        )
        return f"{fiscal_year}-{last:04}"

    async def ordered_on(self, batch_id: UUID) -> date:
        found = await self._session.scalar(
            select(DisbursementBatch.ordered_on).where(DisbursementBatch.id == batch_id)
        )
        if found is None:
            raise LookupError(batch_id)
        return found

    async def award_of(self, batch_id: UUID, line_number: int, reader: Actor) -> UUID | None:
        return await self._session.scalar(
            select(BatchLine.award_id)
            .join(DisbursementBatch, DisbursementBatch.id == BatchLine.batch_id)
            .where(
                BatchLine.batch_id == batch_id,
                BatchLine.number == line_number,
                batches_visible_to(reader),
            )
        )

    async def find(self, batch_id: UUID, reader: Actor) -> DisbursementBatch | None:
        return await self._session.scalar(
            select(DisbursementBatch)
            .where(DisbursementBatch.id == batch_id, batches_visible_to(reader))
            .options(selectinload(DisbursementBatch.lines))
            .execution_options(populate_existing=True)
        )

    async def packs_of(self, batch_id: UUID) -> dict[UUID, str]:
        """Return the pack of each award of a batch: it knows what the award's title is called."""
        rows = await self._session.execute(
            select(Award.id, Award.policy_pack)
            .join(BatchLine, BatchLine.award_id == Award.id)
            .where(BatchLine.batch_id == batch_id)
        )
        return dict(rows.all())

    async def page(
        self, reader: Actor, page: Paging, *, fiscal_year: int | None
    ) -> Found[BatchSummary]:
        """Return a page of batches with how their orders stand in all, the newest first."""
        statement = select(DisbursementBatch).where(batches_visible_to(reader))
        if fiscal_year is not None:
            statement = statement.where(DisbursementBatch.fiscal_year == fiscal_year)
        found = await read_page(
            self._session,
            statement,
            page,
            by=[(DisbursementBatch.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )
        rows = await self._session.execute(
            select(
                BatchLine.batch_id,
                func.sum(BatchLine.paid),
                func.count(),
                func.count().filter(BatchLine.status == LineStatus.ORDERED),
            )
            .where(BatchLine.batch_id.in_([one.id for one in found.items]))
            .group_by(BatchLine.batch_id)
        )
        sums = {batch_id: (paid, lines, open_lines) for batch_id, paid, lines, open_lines in rows}
        return Found(
            items=[BatchSummary(one, *sums[one.id]) for one in found.items], next=found.next
        )


def batches_visible_to(reader: Actor) -> ColumnElement[bool]:
    """Return the filter on batches: those who keep, pay out of or audit the whole fund see them."""
    return kept_by(DisbursementBatch.region.expression, reader)


def _can_be_ordered(
    fiscal_year: int, award_ids: Sequence[UUID] | None, officer: Actor
) -> list[ColumnElement[bool]]:
    is_under_way = exists().where(
        BatchLine.award_id == Award.id, BatchLine.status == LineStatus.ORDERED
    )
    was_lost = exists().where(
        Holding.recognition_id == func.coalesce(Award.stands_for, Award.recognition_id),
        Holding.has_lost_reward,
    )
    fits = [
        visible_to(officer),
        Award.status == AwardStatus.APPROVED,
        Award.fiscal_year == fiscal_year,
        Award.granted - Award.cancelled - Award.disbursed + Award.returned > 0,
        ~is_under_way,
        ~was_lost,
    ]
    if award_ids is not None:
        fits.append(Award.id.in_(award_ids))
    return fits
