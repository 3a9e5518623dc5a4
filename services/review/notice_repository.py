"""Notices and objections: every SQL statement about them."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, selectinload

from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.review.case_repository import is_theirs, visible_to
from services.review.models import Decision, Notice, Objection, ObjectionStatement, ReviewCase
from services.review.workflow import CaseStatus, ObjectionStatus


class NoticeRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: Notice | Objection | ObjectionStatement) -> None:
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

    async def page(self, reader: Actor, page: Paging, *, round_id: UUID | None) -> Found[Notice]:
        """Return the notices with a case that the reader may see."""
        statement = select(Notice).where(
            select(ReviewCase.id)
            .where(ReviewCase.notice_id == Notice.id, visible_to(reader))
            .exists()
        )
        if round_id is not None:
            statement = statement.where(Notice.round_id == round_id)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Notice.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def public_page(self, page: Paging, today: date) -> Found[Notice]:
        """Return the notices that have begun; one with nobody to show would show that it hides one."""
        return await read_page(
            self._session,
            select(Notice).where(
                Notice.starts_on <= today,
                select(ReviewCase.id)
                .where(ReviewCase.notice_id == Notice.id, _is_shown())
                .exists(),
            ),
            page,
            by=[(Notice.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def public_cases(self, notice_id: UUID) -> Sequence[ReviewCase]:
        """Return the cases that the public sees on a notice: never a secret-involved enterprise."""
        rows = await self._session.scalars(
            select(ReviewCase)
            .where(ReviewCase.notice_id == notice_id, _is_shown())
            .order_by(ReviewCase.division, ReviewCase.legal_name)
        )
        return rows.all()

    async def open_objections(self, case_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of some cases that an objection holds: one that was not dismissed."""
        rows = await self._session.scalars(
            select(Objection.case_id).where(
                Objection.case_id.in_(case_ids), Objection.status != ObjectionStatus.DISMISSED
            )
        )
        return set(rows)

    async def case_of_objection(self, objection_id: UUID, reader: Actor) -> UUID | None:
        return await self._session.scalar(
            select(Objection.case_id)
            .join(Objection.case)
            .where(Objection.id == objection_id, may_read_objections(reader))
        )

    async def find_objection(self, objection_id: UUID, reader: Actor) -> Objection | None:
        return await self._session.scalar(
            _whole_objections()
            .where(Objection.id == objection_id, may_read_objections(reader))
            .execution_options(populate_existing=True)
        )

    async def lock_case(self, case_id: UUID) -> None:
        """Lock the case of an objection, whatever its division: who asks may see the objection."""
        await self._session.scalars(
            select(ReviewCase).where(ReviewCase.id == case_id).with_for_update()
        )

    async def lock_objection(self, objection_id: UUID) -> Objection:
        """Lock an objection that is there. Its case is locked before it, always."""
        return (
            await self._session.scalars(
                _whole_objections()
                .options(
                    contains_eager(Objection.case)
                    .selectinload(ReviewCase.decisions)
                    .selectinload(Decision.set_aside)
                )
                .where(Objection.id == objection_id)
                .with_for_update(of=Objection)
                .execution_options(populate_existing=True)
            )
        ).one()

    async def objections_against(self, case_id: UUID) -> Sequence[Objection]:
        """Lock every objection against a case that is locked already."""
        rows = await self._session.scalars(
            select(Objection)
            .where(Objection.case_id == case_id)
            .order_by(Objection.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def objections(
        self,
        reader: Actor,
        page: Paging,
        *,
        status: ObjectionStatus | None,
        notice_id: UUID | None,
    ) -> Found[Objection]:
        statement = _whole_objections().where(may_read_objections(reader))
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

    async def provisional(self, today: date) -> Sequence[Notice]:
        """Return the notices under way whose end was reckoned without a published calendar."""
        rows = await self._session.scalars(
            select(Notice)
            .where(Notice.is_provisional.is_(True), Notice.ends_on >= today)
            .order_by(Notice.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return rows.all()


def _is_shown() -> ColumnElement[bool]:
    """Which cases on a notice the public sees: never a secret-involved enterprise's (六(一))."""
    return and_(ReviewCase.is_secret.is_(False), ReviewCase.status != CaseStatus.WITHDRAWN)


def _whole_objections() -> Select[Objection]:
    return (
        select(Objection)
        .join(Objection.case)
        .options(
            contains_eager(Objection.case)
            .selectinload(ReviewCase.decisions)
            .selectinload(Decision.set_aside),
            selectinload(Objection.statements),
        )
    )


def may_read_objections(reader: Actor) -> ColumnElement[bool]:
    """Which objections a caller may see: offices those of their division, an enterprise its own."""
    if reader.holds(Office.PROVINCE, Office.AUDITOR, Office.CITY):
        return is_theirs(reader)
    if reader.holds(Office.ENTERPRISE) and reader.uscc is not None:
        return and_(ReviewCase.uscc == reader.uscc, ReviewCase.is_secret.is_(False))
    return false()
