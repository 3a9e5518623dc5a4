"""Every SQL statement of rewards, and who may see which row."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.rewards.models import (
    Award,
    Budget,
    Holding,
    Payment,
    Recovery,
    Repayment,
    RewardSchedule,
)
from services.rewards.workflow import AwardStatus, RecoveryStatus, ScheduleStatus

_OFFICES = (
    Office.COUNTY,
    Office.CITY,
    Office.PROVINCE,
    Office.FINANCE,
    Office.DISBURSEMENT,
    Office.AUDITOR,
)


async def lock_enterprise(session: AsyncSession, uscc: str) -> None:
    """Let nobody else change what an enterprise is granted until the commit."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(uscc, 0))))


class ScheduleRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, schedule: RewardSchedule) -> None:
        self._session.add(schedule)

    async def find(self, schedule_id: UUID, *, for_update: bool = False) -> RewardSchedule | None:
        statement = select(RewardSchedule).where(RewardSchedule.id == schedule_id).options(*_LINES)
        if for_update:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return await self._session.scalar(statement)

    async def in_force(self, on: date) -> RewardSchedule | None:
        return await self._session.scalar(
            select(RewardSchedule)
            .where(
                RewardSchedule.status == ScheduleStatus.APPROVED,
                RewardSchedule.effective_from <= on,
                or_(RewardSchedule.effective_until.is_(None), RewardSchedule.effective_until > on),
            )
            .options(*_LINES)
        )

    async def page(self, page: Paging, *, status: ScheduleStatus | None) -> Found[RewardSchedule]:
        statement = select(RewardSchedule).options(*_LINES)
        if status is not None:
            statement = statement.where(RewardSchedule.status == status)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(RewardSchedule.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def budget(self, schedule_id: UUID, fiscal_year: int) -> Budget | None:
        """Lock a year's budget."""
        return await self._session.get(
            Budget, (schedule_id, fiscal_year), with_for_update=True, populate_existing=True
        )

    async def return_to_budget(self, schedule_id: UUID, fiscal_year: int, amount: Decimal) -> None:
        await self._session.execute(
            update(Budget)
            .where(Budget.schedule_id == schedule_id, Budget.fiscal_year == fiscal_year)
            .values(granted=Budget.granted - amount)
        )


class HoldingRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, recognition_id: UUID) -> Holding | None:
        return await self._session.get(Holding, recognition_id)

    def add(self, holding: Holding) -> None:
        self._session.add(holding)

    async def mark(self, uscc: str, *, is_secret: bool) -> None:
        """Hide or show every title and award of an enterprise at once."""
        for table in (Holding, Award):
            await self._session.execute(
                update(table)
                .where(table.uscc == uscc, table.is_secret.is_not(is_secret))
                .values(is_secret=is_secret)
            )

    async def of_enterprise(self, uscc: str) -> Sequence[Holding]:
        """Return the titles that were given to an enterprise; not those that it took over."""
        rows = await self._session.scalars(
            select(Holding)
            .where(Holding.uscc == uscc, Holding.continues.is_(None))
            .order_by(Holding.valid_from, Holding.recognition_id)
        )
        return rows.all()


class AwardRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: Award | Payment | Recovery | Repayment) -> None:
        self._session.add(row)

    async def find(self, award_id: UUID, reader: Actor) -> Award | None:
        return await self._session.scalar(
            select(Award).where(Award.id == award_id, visible_to(reader)).options(*_WHOLE)
        )

    async def lock(self, award_id: UUID, reader: Actor) -> Award | None:
        return await self._session.scalar(
            select(Award)
            .where(Award.id == award_id, visible_to(reader))
            .with_for_update()
            .options(*_WHOLE)
            .execution_options(populate_existing=True)
        )

    async def of_enterprise(self, uscc: str, reader: Actor | None = None) -> Sequence[Award]:
        """Return an enterprise's awards, oldest first: all, or those that a reader may see."""
        statement = select(Award).where(Award.uscc == uscc).options(*_WHOLE).order_by(Award.id)
        if reader is not None:
            statement = statement.where(visible_to(reader))
        return (await self._session.scalars(statement)).all()

    async def lock_of_enterprise(self, uscc: str) -> Sequence[Award]:
        rows = await self._session.scalars(
            select(Award)
            .where(Award.uscc == uscc, Award.status != AwardStatus.CANCELLED)
            .order_by(Award.id)
            .with_for_update()
            .options(*_WHOLE)
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        uscc: str | None,
        status: AwardStatus | None,
        fiscal_year: int | None,
        changed_after: datetime | None,
    ) -> Found[Award]:
        statement = select(Award).where(visible_to(reader)).options(*_WHOLE)
        if uscc is not None:
            statement = statement.where(Award.uscc == uscc)
        if status is not None:
            statement = statement.where(Award.status == status)
        if fiscal_year is not None:
            statement = statement.where(Award.fiscal_year == fiscal_year)
        if changed_after is not None:
            statement = statement.where(Award.updated_at > changed_after)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Award.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def payment_by_voucher(self, voucher: str) -> Payment | None:
        return await self._session.scalar(select(Payment).where(Payment.voucher == voucher))

    async def repayment_by_voucher(self, voucher: str) -> Repayment | None:
        return await self._session.scalar(select(Repayment).where(Repayment.voucher == voucher))

    async def award_of_recovery(self, recovery_id: UUID, reader: Actor) -> UUID | None:
        return await self._session.scalar(
            select(Award.id)
            .join(Award.recoveries)
            .where(Recovery.id == recovery_id, visible_to(reader))
        )

    async def recoveries(
        self, reader: Actor, page: Paging, *, status: RecoveryStatus | None, uscc: str | None
    ) -> Found[Recovery]:
        statement = (
            select(Recovery)
            .join(Recovery.award)
            .where(visible_to(reader))
            .options(joinedload(Recovery.award, innerjoin=True), selectinload(Recovery.repayments))
        )
        if status is not None:
            statement = statement.where(Recovery.status == status)
        if uscc is not None:
            statement = statement.where(Award.uscc == uscc)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Recovery.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )


_LINES: tuple[ExecutableOption, ...] = (
    selectinload(RewardSchedule.amounts),
    selectinload(RewardSchedule.budgets),
)
_WHOLE: tuple[ExecutableOption, ...] = (
    selectinload(Award.schedule).selectinload(RewardSchedule.amounts),
    selectinload(Award.payments),
    selectinload(Award.recoveries).selectinload(Recovery.repayments),
)


def visible_to(reader: Actor) -> ColumnElement[bool]:
    """Return the one filter on awards: one's own, those of one's division, never a secret firm's.

    A secret-involved enterprise (涉密) is seen by the offices of its division and by itself.
    """
    if reader.uscc is not None:
        return Award.uscc == reader.uscc
    if reader.region is None:
        return false()
    is_theirs = Award.region.like(f"{prefix_of(reader.region)}%")
    if reader.holds(*_OFFICES):
        return is_theirs
    return and_(is_theirs, Award.is_secret.is_(False))


def may_see_holding(reader: Actor, holding: Holding) -> bool:
    """Whether a reader may be told about a title: the same rule as for awards."""
    if reader.uscc is not None:
        return holding.uscc == reader.uscc
    if reader.region is None or not reader.is_in_charge_of(holding.region):
        return False
    return reader.holds(*_OFFICES) or not holding.is_secret
