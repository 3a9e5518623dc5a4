"""Every SQL statement of review, and who may see which row."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.kernel.timeline import history_of
from services.review.models import Decision, Notice, Objection, ReviewCase, tables
from services.review.workflow import CaseStatus, ObjectionStatus


class CaseRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: ReviewCase | Decision) -> None:
        self._session.add(row)

    async def find(self, case_id: UUID, reader: Actor) -> ReviewCase | None:
        return await self._session.scalar(
            select(ReviewCase)
            .where(ReviewCase.id == case_id, visible_to(reader))
            .options(selectinload(ReviewCase.decisions))
        )

    async def lock(self, case_id: UUID, reader: Actor) -> ReviewCase | None:
        """Return it as it now is, and keep everybody else from changing it until the commit."""
        return await self._session.scalar(
            select(ReviewCase)
            .where(ReviewCase.id == case_id, visible_to(reader))
            .with_for_update()
            .options(selectinload(ReviewCase.decisions))
            .execution_options(populate_existing=True)
        )

    async def lock_by_application(self, application_id: UUID) -> ReviewCase | None:
        return await self._session.scalar(
            select(ReviewCase).where(ReviewCase.application_id == application_id).with_for_update()
        )

    async def lock_many(self, case_ids: Sequence[UUID], reader: Actor) -> Sequence[ReviewCase]:
        """Lock several cases, always in the same order, so that two callers never deadlock."""
        rows = await self._session.scalars(
            select(ReviewCase)
            .where(ReviewCase.id.in_(case_ids), visible_to(reader))
            .order_by(ReviewCase.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def lock_on_notice(self, notice_id: UUID) -> Sequence[ReviewCase]:
        rows = await self._session.scalars(
            select(ReviewCase)
            .where(ReviewCase.notice_id == notice_id, ReviewCase.status == CaseStatus.ON_NOTICE)
            .order_by(ReviewCase.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        stage: str | None,
        status: CaseStatus | None,
        region: str | None,
        round_id: UUID | None,
        due_before: date | None,
    ) -> Found[ReviewCase]:
        statement = (
            select(ReviewCase).where(visible_to(reader)).options(selectinload(ReviewCase.decisions))
        )
        if stage is not None:
            statement = statement.where(ReviewCase.stage == stage)
        if status is not None:
            statement = statement.where(ReviewCase.status == status)
        if region is not None:
            statement = statement.where(ReviewCase.division.like(f"{prefix_of(region)}%"))
        if round_id is not None:
            statement = statement.where(ReviewCase.round_id == round_id)
        if due_before is not None:
            statement = statement.where(ReviewCase.due_on < due_before)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(ReviewCase.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def history(self, case_id: UUID) -> Sequence[RowMapping]:
        return await history_of(self._session, tables, "review_case", case_id)

    async def hide(self, codes: Collection[str]) -> None:
        """Mark every case of some enterprises as secret-involved."""
        if codes:
            await self._session.execute(
                update(ReviewCase).where(ReviewCase.uscc.in_(codes)).values(is_secret=True)
            )


class NoticeRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: Notice | Objection) -> None:
        self._session.add(row)

    async def find(self, notice_id: UUID) -> Notice | None:
        return await self._session.get(Notice, notice_id)

    async def lock(self, notice_id: UUID) -> Notice | None:
        return await self._session.get(
            Notice, notice_id, with_for_update=True, populate_existing=True
        )

    async def hold(self, notice_id: UUID) -> Notice | None:
        """Return a notice and keep its recognition waiting until this transaction is over."""
        return await self._session.get(Notice, notice_id, with_for_update={"read": True})

    async def case_ids(self, notice_id: UUID, reader: Actor) -> Sequence[UUID]:
        """Return the cases of a notice that the reader may see."""
        rows = await self._session.scalars(
            select(ReviewCase.id)
            .where(ReviewCase.notice_id == notice_id, visible_to(reader))
            .order_by(ReviewCase.id)
        )
        return rows.all()

    async def public_page(self, page: Paging, today: date) -> Found[Notice]:
        return await read_page(
            self._session,
            select(Notice).where(Notice.starts_on <= today),
            page,
            by=[(Notice.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def public_cases(self, notice_id: UUID) -> Sequence[ReviewCase]:
        """Return the cases that the public sees on a notice: never a secret-involved enterprise."""
        rows = await self._session.scalars(
            select(ReviewCase)
            .where(
                ReviewCase.notice_id == notice_id,
                ReviewCase.is_secret.is_(False),
                ReviewCase.status != CaseStatus.WITHDRAWN,
            )
            .order_by(ReviewCase.division, ReviewCase.legal_name)
        )
        return rows.all()

    async def open_objections(self, case_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of some cases against which an objection is open."""
        rows = await self._session.scalars(
            select(Objection.case_id).where(
                Objection.case_id.in_(case_ids), Objection.status == ObjectionStatus.OPEN
            )
        )
        return set(rows)

    async def find_objection(
        self, objection_id: UUID, reader: Actor, *, for_update: bool = False
    ) -> Objection | None:
        statement = (
            select(Objection)
            .join(Objection.case)
            .where(Objection.id == objection_id, visible_to(reader))
            .options(joinedload(Objection.case, innerjoin=True))
        )
        if for_update:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return await self._session.scalar(statement)

    async def objections(
        self,
        reader: Actor,
        page: Paging,
        *,
        status: ObjectionStatus | None,
        notice_id: UUID | None,
    ) -> Found[Objection]:
        statement = (
            select(Objection)
            .join(Objection.case)
            .where(visible_to(reader))
            .options(joinedload(Objection.case, innerjoin=True))
        )
        if status is not None:
            statement = statement.where(Objection.status == status)
        if notice_id is not None:
            statement = statement.where(Objection.notice_id == notice_id)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Objection.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )


def visible_to(reader: Actor) -> ColumnElement[bool]:
    """Which cases a caller may see: those of its division; an expert or inspector those for them."""
    if reader.region is None:
        return false()
    is_theirs = ReviewCase.division.like(f"{prefix_of(reader.region)}%")
    whole = (
        Office.COUNTY,
        Office.CITY,
        Office.PROVINCE,
        Office.DECISION_MEETING,
        Office.AUDITOR,
    )
    if reader.holds(*whole):
        return is_theirs
    called_upon = [one for one in (Office.EXPERT, Office.SITE_INSPECTOR) if reader.holds(one)]
    if called_upon:
        has_decided = (
            select(Decision.id)
            .where(Decision.case_id == ReviewCase.id, Decision.decided_by == reader.sub)
            .exists()
        )
        return and_(is_theirs, or_(ReviewCase.office.in_(called_upon), has_decided))
    return false()
