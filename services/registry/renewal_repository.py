"""The statements about renewal duties and renewal rounds."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.registry.following_models import RenewalCall, RenewalRound
from services.registry.models import Enterprise, Recognition, RecognitionTerm
from services.registry.recognition_repository import is_due_before, is_running
from services.registry.repository import visible_to, within_charge


class RenewalRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: RenewalRound) -> None:
        self._session.add(row)

    async def duties(
        self,
        reader: Actor,
        page: Paging,
        *,
        due_before: date | None,
        opens_by: date,
        region: str | None,
        title: str | None,
    ) -> Found[Recognition]:
        """Return what has to be renewed, the most urgent first.

        Chosen by what is true today, never by a day that has to be hit.
        """
        statement = _whole().where(
            visible_to(reader),
            within_charge(reader),
            is_running(),
            Recognition.renewal_opens_on <= opens_by,
        )
        if due_before is not None:
            statement = statement.where(is_due_before(due_before))
        if region is not None:
            statement = statement.where(_lies_in(region))
        if title is not None:
            statement = statement.where(Recognition.title == title)
        return await self._page(statement, page)

    async def ending(
        self, *, title: str, region: str, ends_from: date, ends_until: date
    ) -> Sequence[Recognition]:
        """Return the running recognitions whose last term ends between two days."""
        rows = await self._session.scalars(
            _whole().where(
                is_running(),
                _lies_in(region),
                Recognition.title == title,
                Recognition.valid_until.between(ends_from, ends_until),
            )
        )
        return rows.all()

    async def call(self, round_id: UUID, recognitions: Sequence[Recognition]) -> None:
        await self._session.execute(
            insert(RenewalCall),
            [
                {
                    "round_id": round_id,
                    "recognition_id": one.id,
                    "term_ends_on": one.valid_until,
                }
                for one in recognitions
            ],
        )

    async def ends_called(self, round_id: UUID) -> dict[UUID, date]:
        """Return for whoever was called on the last day of the term that was ending."""
        rows = await self._session.execute(
            select(RenewalCall.recognition_id, RenewalCall.term_ends_on).where(
                RenewalCall.round_id == round_id
            )
        )
        return {row[0]: row[1] for row in rows}

    async def rounds(self, reader: Actor, page: Paging) -> Found[RenewalRound]:
        return await read_page(
            self._session,
            select(RenewalRound).where(_concerns(reader)),
            page,
            by=[(RenewalRound.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def round(self, round_id: UUID, reader: Actor) -> RenewalRound | None:
        return await self._session.scalar(
            select(RenewalRound).where(RenewalRound.id == round_id, _concerns(reader))
        )

    async def called(self, of: RenewalRound, reader: Actor, page: Paging) -> Found[Recognition]:
        """Return who takes part in a round, as far as the reader may see it, by the end of terms."""
        statement = (
            _whole()
            .join(RenewalCall, RenewalCall.recognition_id == Recognition.id)
            .where(RenewalCall.round_id == of.id, visible_to(reader), within_charge(reader))
        )
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Recognition.id.expression, UUID)],
            key=lambda found: [found.id],
        )

    async def all_called(self, of: RenewalRound, reader: Actor) -> Sequence[Recognition]:
        rows = await self._session.scalars(
            _whole()
            .join(RenewalCall, RenewalCall.recognition_id == Recognition.id)
            .where(RenewalCall.round_id == of.id, visible_to(reader), within_charge(reader))
            .order_by(Recognition.id)
        )
        return rows.all()

    async def latest_call(self, recognition_id: UUID) -> tuple[RenewalRound, RenewalCall] | None:
        found = (
            await self._session.execute(
                select(RenewalRound, RenewalCall)
                .join(RenewalCall, RenewalCall.round_id == RenewalRound.id)
                .where(RenewalCall.recognition_id == recognition_id)
                .order_by(RenewalRound.materials_due_on.desc())
                .limit(1)
            )
        ).first()
        return None if found is None else (found[0], found[1])

    async def has_later_term(self, recognition_id: UUID, after: date) -> bool:
        return bool(
            await self._session.scalar(
                select(
                    exists().where(
                        RecognitionTerm.recognition_id == recognition_id,
                        RecognitionTerm.valid_from > after,
                    )
                )
            )
        )

    async def _page(self, statement: Select[Recognition], page: Paging) -> Found[Recognition]:
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Recognition.valid_until.expression, date), (Recognition.id.expression, UUID)],
            key=lambda found: [found.valid_until, found.id],
        )


def _whole() -> Select[Recognition]:
    return (
        select(Recognition)
        .join(Recognition.enterprise)
        .options(
            joinedload(Recognition.enterprise, innerjoin=True), selectinload(Recognition.terms)
        )
    )


def _lies_in(region: str) -> ColumnElement[bool]:
    return Enterprise.division.like(f"{prefix_of(region)}%")


def _concerns(reader: Actor) -> ColumnElement[Any]:
    """Return whether a round's division and the reader's contain one another."""
    if reader.uscc is not None:
        return exists().where(
            RenewalCall.round_id == RenewalRound.id,
            RenewalCall.recognition_id == Recognition.id,
            Recognition.uscc == reader.uscc,
        )
    region = reader.region or ""
    above = [f"{region[:2]}0000", f"{region[:4]}00", region]
    return RenewalRound.region.in_(above) | RenewalRound.region.like(
        f"{prefix_of(region) if region else 'nowhere'}%"
    )
