"""Every SQL statement about schedules, titles and awards, and who may see which row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Numeric,
    String,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.policy.rewards import Settlement
from services.rewards.models import (
    GRANTS,
    Award,
    Budget,
    Holding,
    Instalment,
    LedgerEntry,
    Recovery,
    RewardSchedule,
)
from services.rewards.workflow import (
    AwardStatus,
    EntryKind,
    RecoveryStatus,
    ScheduleStatus,
    TitleState,
)

OFFICES = (
    Office.COUNTY,
    Office.CITY,
    Office.PROVINCE,
    Office.FINANCE,
    Office.DISBURSEMENT,
    Office.AUDITOR,
)


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A title that was rewarded, and what still stands of it."""

    uscc: str
    title: str
    event: str
    recognition_id: UUID
    award_id: UUID
    fiscal_year: int
    scheduled_amount: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtRecoveries:
    """What a recovery has to be."""

    status: RecoveryStatus | None = None
    uscc: str | None = None
    is_overdue: bool | None = None
    """Whether an instalment of its last plan is due and not paid; None for both."""


async def lock_enterprise(session: AsyncSession, uscc: str) -> None:
    """Let nobody else change what an enterprise is granted until the commit."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(uscc, 0))))


async def lock_enterprises(session: AsyncSession, usccs: Collection[str]) -> None:
    """Lock several in one order, so that two who lock many wait for each other and never both."""
    # What is ordered inside is locked in that order: the outer query takes the rows as they come.
    await session.execute(_LOCK_IN_ORDER, {"usccs": sorted(usccs)})


_LOCK_IN_ORDER = text(
    "SELECT pg_advisory_xact_lock(key) FROM"
    " (SELECT hashtextextended(uscc, 0) AS key FROM unnest(:usccs) WITH ORDINALITY AS one (uscc, place)"
    " ORDER BY place) AS ordered"
).bindparams(bindparam("usccs", type_=ARRAY(String)))


async def lock_schedules(session: AsyncSession) -> None:
    """Let nobody else put a schedule in force until the commit."""
    await lock_enterprise(session, "reward_schedules")


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
        """Return the approved schedule of a day: the one that began last, unless it has ended."""
        last = await self._session.scalar(
            select(RewardSchedule)
            .where(
                RewardSchedule.status == ScheduleStatus.APPROVED,
                RewardSchedule.effective_from <= on,
            )
            .order_by(RewardSchedule.effective_from.desc())
            .limit(1)
            .options(*_LINES)
        )
        if last is None or (last.effective_until is not None and last.effective_until <= on):
            return None
        return last

    async def superseded_on(self, schedules: Collection[RewardSchedule]) -> dict[UUID, date]:
        """Return the day on which a later approved schedule took or takes the place of each."""
        other = aliased(RewardSchedule)
        rows = await self._session.execute(
            select(RewardSchedule.id, func.min(other.effective_from))
            .join(other, other.effective_from > RewardSchedule.effective_from)
            .where(
                RewardSchedule.id.in_([one.id for one in schedules]),
                RewardSchedule.status == ScheduleStatus.APPROVED,
                other.status == ScheduleStatus.APPROVED,
                or_(
                    RewardSchedule.effective_until.is_(None),
                    other.effective_from < RewardSchedule.effective_until,
                ),
            )
            .group_by(RewardSchedule.id)
        )
        return dict(rows.all())

    async def page(
        self, page: Paging, *, status: ScheduleStatus | None, drafts_of: Collection[str]
    ) -> Found[RewardSchedule]:
        """Return a page of what is approved, and of the drafts under these packs."""
        is_shown = or_(
            RewardSchedule.status == ScheduleStatus.APPROVED,
            RewardSchedule.policy_pack.in_(drafts_of),
        )
        statement = select(RewardSchedule).where(is_shown).options(*_LINES)
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
        return await self._session.get(Budget, (schedule_id, fiscal_year), populate_existing=True)


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

    async def of_enterprises(self, usccs: Collection[str]) -> Sequence[Holding]:
        rows = await self._session.scalars(
            select(Holding)
            .where(Holding.uscc.in_(usccs))
            .order_by(Holding.valid_from, Holding.recognition_id)
        )
        return rows.all()

    async def grants_of(self, usccs: Collection[str]) -> Sequence[GrantRow]:
        rows = await self._session.execute(
            select(*GRANTS.c).where(GRANTS.c.uscc.in_(usccs)).order_by(GRANTS.c.award_id)
        )
        return [GrantRow(*row) for row in rows]


class AwardRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, award: Award) -> None:
        self._session.add(award)

    async def uscc_of(self, award_id: UUID, reader: Actor) -> str | None:
        """Return whose award it is, if the reader may see it."""
        return await self._session.scalar(
            select(Award.uscc).where(Award.id == award_id, visible_to(reader))
        )

    async def lock(self, award_id: UUID, reader: Actor) -> Award | None:
        return await self._session.scalar(
            select(Award)
            .where(Award.id == award_id, visible_to(reader))
            .with_for_update()
            .options(*WHOLE)
            .execution_options(populate_existing=True)
        )

    async def lock_of_enterprise(self, uscc: str) -> Sequence[Award]:
        """Lock and return what an enterprise was ever awarded, oldest first."""
        rows = await self._session.scalars(
            select(Award)
            .where(Award.uscc == uscc)
            .order_by(Award.id)
            .with_for_update()
            .options(*WHOLE)
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def title_of(self, award_id: UUID) -> TitleState:
        """Return how the title of an award stands; its enterprise is locked already."""
        row = await self._session.execute(
            select(title_is_held(), is_part_of_higher()).where(Award.id == award_id)
        )
        return TitleState(*row.one())

    async def entry(self, kind: EntryKind, reference: str) -> LedgerEntry | None:
        """Find money that moved by the reference of whoever moved it."""
        return await self._session.scalar(
            select(LedgerEntry).where(LedgerEntry.kind == kind, LedgerEntry.reference == reference)
        )


class RecoveryRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def award_of(self, recovery_id: UUID, reader: Actor) -> UUID | None:
        return await self._session.scalar(
            select(Award.id)
            .join(Award.recoveries)
            .where(Recovery.id == recovery_id, visible_to(reader))
        )

    async def find(self, recovery_id: UUID, reader: Actor) -> Recovery | None:
        return await self._session.scalar(
            select(Recovery)
            .join(Recovery.award)
            .where(Recovery.id == recovery_id, visible_to(reader))
            .options(joinedload(Recovery.award, innerjoin=True), *_CASE)
            .execution_options(populate_existing=True)
        )

    async def left_below_highest(self, award_id: UUID) -> Decimal | None:
        """Return how much more of an award may stay before it passes the highest amount.

        None where the settlement sets nothing off. The database refuses what is above it.
        """
        return await self._session.scalar(
            select(func.rewards.left_below_highest(award_id, type_=Numeric(16, 2)))
        )

    async def page(
        self, reader: Actor, page: Paging, sought: SoughtRecoveries, today: date
    ) -> Found[Recovery]:
        statement = (
            select(Recovery)
            .join(Recovery.award)
            .where(visible_to(reader), *_fits(sought, today))
            .options(joinedload(Recovery.award, innerjoin=True), *_CASE)
        )
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Recovery.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )


def _fits(sought: SoughtRecoveries, today: date) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if sought.status is not None:
        fits.append(Recovery.status == sought.status)
    if sought.uscc is not None:
        fits.append(Award.uscc == sought.uscc)
    if sought.is_overdue is not None:
        is_overdue = _overdue(today) > 0
        fits.append(is_overdue if sought.is_overdue else ~is_overdue)
    return fits


def _overdue(today: date) -> ColumnElement[Decimal]:
    """Write what `workflow.overdue` says of the last plan; a test holds the two equal."""
    last = (
        select(func.max(Instalment.plan))
        .where(Instalment.recovery_id == Recovery.id)
        .correlate(Recovery)
        .scalar_subquery()
    )
    planned = select(func.coalesce(func.sum(Instalment.amount), 0)).where(
        Instalment.recovery_id == Recovery.id, Instalment.plan == last
    )
    total = planned.correlate(Recovery).scalar_subquery()
    fallen_due = planned.where(Instalment.due_on < today).correlate(Recovery).scalar_subquery()
    left = Recovery.due - Recovery.repaid - Recovery.waived
    return fallen_due - (total - left)


_LINES: tuple[ExecutableOption, ...] = (
    selectinload(RewardSchedule.amounts),
    selectinload(RewardSchedule.budgets),
)
_CASE: tuple[ExecutableOption, ...] = (
    selectinload(Recovery.entries),
    selectinload(Recovery.instalments),
    selectinload(Recovery.waivers),
)
WHOLE: tuple[ExecutableOption, ...] = (
    selectinload(Award.schedule).selectinload(RewardSchedule.amounts),
    selectinload(Award.lines),
    selectinload(Award.recoveries).selectinload(Recovery.entries),
    selectinload(Award.recoveries).selectinload(Recovery.instalments),
    selectinload(Award.recoveries).selectinload(Recovery.waivers),
)


def title_is_held() -> ColumnElement[bool]:
    """Return whether the title that an award is for was not taken away, given up or passed on."""
    return exists().where(
        Holding.recognition_id == func.coalesce(Award.stands_for, Award.recognition_id),
        Holding.revoked_on.is_(None),
    )


def is_part_of_higher() -> ColumnElement[bool]:
    """Return whether a later award that counts was topped up to its amount with an award.

    One counts whose title did not fall with its reward, and is held as long as nobody approved it.
    """
    later, schedule, holding = aliased(Award), aliased(RewardSchedule), aliased(Holding)
    return (
        select(later.id)
        .join(schedule, schedule.id == later.schedule_id)
        .join(
            holding,
            holding.recognition_id == func.coalesce(later.stands_for, later.recognition_id),
        )
        .where(
            later.uscc == Award.uscc,
            Award.id == func.any(later.set_against),
            schedule.settlement == Settlement.TOP_UP,
            later.status != AwardStatus.CANCELLED,
            holding.has_lost_reward.is_(False),
            or_(later.status != AwardStatus.PROPOSED, holding.revoked_on.is_(None)),
        )
        .correlate(Award)
        .exists()
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
    if reader.holds(*OFFICES):
        return is_theirs
    return and_(is_theirs, Award.is_secret.is_(False))


def kept_by(region: ColumnElement[str], reader: Actor) -> ColumnElement[bool]:
    """Return whether a reader keeps, pays out of or audits the whole fund of a region."""
    keeps = reader.holds(Office.FINANCE, Office.DISBURSEMENT, Office.AUDITOR)
    if not keeps or reader.region is None or reader.uscc is not None:
        return false()
    return region.like(f"{prefix_of(reader.region)}%")


def may_see_holding(reader: Actor, holding: Holding) -> bool:
    """Whether a reader may be told about a title: the same rule as for awards."""
    if reader.uscc is not None:
        return holding.uscc == reader.uscc
    if reader.region is None or not reader.is_in_charge_of(holding.region):
        return False
    return reader.holds(*OFFICES) or not holding.is_secret
