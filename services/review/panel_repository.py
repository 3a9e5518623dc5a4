"""Experts, ties, draws and score sheets: every SQL statement about them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, selectinload

from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.review.case_repository import lists_any
from services.review.models import (
    Draw,
    DrawLot,
    Expert,
    PanelMember,
    PanelResult,
    PersonTie,
    ReviewCase,
    ScoreSheet,
    SiteVisit,
)
from services.review.workflow import DrawPurpose, DrawStatus

Row = Expert | PersonTie | Draw | DrawLot | PanelMember | ScoreSheet | PanelResult | SiteVisit


class PanelRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: Row) -> None:
        self._session.add(row)

    async def flush(self) -> None:
        """Send what was changed, so that the database's own columns are known."""
        await self._session.flush()

    # The pool

    async def pool(self, region: str) -> Sequence[Expert]:
        """Return everybody in a province's pool."""
        return (
            await self._session.scalars(
                select(Expert).where(Expert.region == region).order_by(Expert.code)
            )
        ).all()

    async def everybody(self) -> Sequence[Expert]:
        """Return everybody of every pool, who may be in a ranking."""
        return (await self._session.scalars(select(Expert))).all()

    async def experts_named(self, subs: Collection[str]) -> Mapping[str, Expert]:
        rows = await self._session.scalars(select(Expert).where(Expert.sub.in_(subs)))
        return {one.sub: one for one in rows}

    async def experts_coded(self, codes: Collection[str]) -> Mapping[str, Expert]:
        rows = await self._session.scalars(select(Expert).where(Expert.code.in_(codes)))
        return {one.code: one for one in rows}

    async def expert(self, code: str, reader: Actor, *, for_update: bool = False) -> Expert | None:
        statement = select(Expert).where(Expert.code == code, _in_charge(reader, Expert.region))
        if for_update:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return await self._session.scalar(statement)

    async def experts(
        self, reader: Actor, page: Paging, *, field: str | None, is_active: bool | None
    ) -> Found[Expert]:
        statement = select(Expert).where(_in_charge(reader, Expert.region))
        if field is not None:
            statement = statement.where(Expert.fields.contains([field]))
        if is_active is not None:
            statement = statement.where(Expert.is_active.is_(is_active))
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Expert.code.expression, str)],
            key=lambda found: [found.code],
        )

    async def changed_by(self, sub: str, since: datetime) -> bool:
        """Whether an officer has registered or changed an expert since an instant."""
        found = await self._session.scalar(
            select(Expert.sub).where(Expert.changed_by == sub, Expert.updated_at > since).limit(1)
        )
        return found is not None

    async def seated(self, draw_id: UUID) -> Sequence[PanelMember]:
        """Return who sits, or sat, on the panels that a draw was made for."""
        rows = await self._session.scalars(
            select(PanelMember)
            .join(
                DrawLot,
                (DrawLot.case_id == PanelMember.case_id) & (DrawLot.turn == PanelMember.turn),
            )
            .where(DrawLot.draw_id == draw_id)
            .order_by(PanelMember.called_at, PanelMember.id)
        )
        return rows.all()

    # Ties

    async def ties_with(self, codes: Collection[str]) -> Sequence[PersonTie]:
        """Return every tie with some enterprises."""
        rows = await self._session.scalars(select(PersonTie).where(PersonTie.uscc.in_(codes)))
        return rows.all()

    async def ties(
        self, reader: Actor, page: Paging, *, sub: str | None, uscc: str | None
    ) -> Found[PersonTie]:
        """Return ties: the province and an auditor see their region's, everybody else their own."""
        is_own = PersonTie.sub == reader.sub
        sees_all = reader.holds(Office.PROVINCE, Office.AUDITOR)
        statement = select(PersonTie).where(
            or_(is_own, _in_charge(reader, PersonTie.region)) if sees_all else is_own
        )
        if sub is not None:
            statement = statement.where(PersonTie.sub == sub)
        if uscc is not None:
            statement = statement.where(PersonTie.uscc == uscc)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(PersonTie.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    # Draws

    async def draw(
        self, draw_id: UUID, reader: Actor | None, *, for_update: bool = False
    ) -> Draw | None:
        """Return a draw that the reader may see; None stands for the public."""
        statement = (
            select(Draw)
            .where(Draw.id == draw_id, _may_see_draw(reader))
            .options(selectinload(Draw.lots))
        )
        if for_update:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return await self._session.scalar(statement)

    async def draws(
        self,
        reader: Actor | None,
        page: Paging,
        *,
        round_id: UUID | None,
        status: DrawStatus | None,
    ) -> Found[Draw]:
        """Return draws, the newest first."""
        statement = select(Draw).where(_may_see_draw(reader)).options(selectinload(Draw.lots))
        if round_id is not None:
            statement = statement.where(Draw.round_id == round_id)
        if status is not None:
            statement = statement.where(Draw.status == status)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Draw.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def in_open_draw(self, case_ids: Collection[UUID]) -> set[UUID]:
        """Return those of some cases that a draw is under way for."""
        rows = await self._session.execute(
            select(DrawLot.case_id, DrawLot.candidates)
            .join(Draw, Draw.id == DrawLot.draw_id)
            .where(
                Draw.status == DrawStatus.COMMITTED,
                or_(
                    DrawLot.case_id.in_(case_ids),
                    (Draw.purpose == DrawPurpose.SITE_VISITS) & lists_any(case_ids),
                ),
            )
        )
        wanted, found = set(case_ids), set()
        for case_id, candidates in rows:
            listed = {case_id} if case_id is not None else {UUID(one) for one in candidates}
            found |= listed & wanted
        return found

    async def drawn_lot(self, case: ReviewCase) -> DrawLot | None:
        """Return the revealed lot that the panel of a case's turn was drawn from."""
        return await self._session.scalar(
            select(DrawLot)
            .join(Draw, Draw.id == DrawLot.draw_id)
            .where(
                DrawLot.case_id == case.id,
                DrawLot.turn == case.turn,
                Draw.status == DrawStatus.REVEALED,
            )
        )

    # Panels

    async def members(self, case: ReviewCase) -> Sequence[PanelMember]:
        """Return who was called for a case's turn, in that order."""
        rows = await self._session.scalars(
            select(PanelMember)
            .where(PanelMember.case_id == case.id, PanelMember.turn == case.turn)
            .order_by(PanelMember.called_at, PanelMember.id)
        )
        return rows.all()

    async def every_member(self, case_id: UUID) -> Sequence[PanelMember]:
        rows = await self._session.scalars(
            select(PanelMember)
            .where(PanelMember.case_id == case_id)
            .order_by(PanelMember.turn, PanelMember.called_at, PanelMember.id)
        )
        return rows.all()

    async def sheets(self, case_id: UUID, turn: int | None = None) -> Sequence[ScoreSheet]:
        statement = select(ScoreSheet).where(ScoreSheet.case_id == case_id)
        if turn is not None:
            statement = statement.where(ScoreSheet.turn == turn)
        rows = await self._session.scalars(
            statement.order_by(ScoreSheet.turn, ScoreSheet.submitted_at, ScoreSheet.id)
        )
        return rows.all()


def _in_charge(reader: Actor, region: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Which rows belong to the province that a reader is of."""
    if reader.region is None:
        return false()
    return region == f"{reader.region[:2]}0000"


def _may_see_draw(reader: Actor | None) -> ColumnElement[bool]:
    """Which draws a reader may see: its province's; the public those with a lot that it may see."""
    if reader is not None:
        return _in_charge(reader, Draw.region)
    return (
        select(DrawLot.lot).where(DrawLot.draw_id == Draw.id, DrawLot.is_secret.is_(False)).exists()
    )
