"""The statements about changes of enterprises and their reports."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, read_page
from services.registry.following_models import Examination, RenewalCall
from services.registry.models import ChangeReport, Enterprise, EnterpriseChange
from services.registry.repository import visible_to, within_charge


class ChangeRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: EnterpriseChange | ChangeReport) -> None:
        self._session.add(row)

    async def find(self, change_id: UUID, reader: Actor) -> EnterpriseChange | None:
        return await self._session.scalar(
            _changes(reader)
            .where(EnterpriseChange.id == change_id)
            .execution_options(populate_existing=True)
        )

    async def hand_over(self, recognition_id: UUID, following_id: UUID) -> None:
        """Let calls to renew and open examinations of a title go on with whoever took it over."""
        calls = await self._session.scalars(
            select(RenewalCall).where(RenewalCall.recognition_id == recognition_id)
        )
        for call in calls.all():
            self._session.add(
                RenewalCall(
                    round_id=call.round_id,
                    recognition_id=following_id,
                    term_ends_on=call.term_ends_on,
                )
            )
        examinations = await self._session.scalars(
            select(Examination).where(
                Examination.recognition_id == recognition_id, Examination.concluded_on.is_(None)
            )
        )
        for one in examinations.all():
            self._session.add(
                Examination(
                    id=new_id(),
                    recognition_id=following_id,
                    because_of=one.because_of,
                    finding_number=one.finding_number,
                    opened_at=one.opened_at,
                )
            )
        await self._session.flush()

    async def of(self, uscc: str) -> Sequence[EnterpriseChange]:
        rows = await self._session.scalars(
            select(EnterpriseChange)
            .where(EnterpriseChange.uscc == uscc)
            .options(joinedload(EnterpriseChange.report))
            .order_by(EnterpriseChange.happened_on, EnterpriseChange.id)
        )
        return rows.all()

    async def page(
        self, reader: Actor, page: Paging, *, is_reported: bool | None, due_before: date | None
    ) -> Found[EnterpriseChange]:
        """Return changes of the reader's division, the newest first."""
        statement = _changes(reader)
        if is_reported is not None:
            statement = statement.outerjoin(
                ChangeReport, ChangeReport.change_id == EnterpriseChange.id
            ).where(
                ChangeReport.change_id.is_not(None)
                if is_reported
                else ChangeReport.change_id.is_(None)
            )
        if due_before is not None:
            statement = statement.where(EnterpriseChange.report_due_on < due_before)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(EnterpriseChange.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )


def _changes(reader: Actor) -> Select[EnterpriseChange]:
    return (
        select(EnterpriseChange)
        .join(Enterprise, Enterprise.uscc == EnterpriseChange.uscc)
        .where(visible_to(reader), within_charge(reader))
        .options(joinedload(EnterpriseChange.report))
    )
