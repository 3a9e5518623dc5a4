"""Every SQL statement of intake, and who may see which row."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, false, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from services.applications.models import Application, Holding, Round, Submission, tables
from services.applications.workflow import ApplicationStatus
from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.kernel.timeline import history_of


class RoundRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, opened: Round) -> None:
        self._session.add(opened)

    async def find(self, round_id: UUID, *, for_update: bool = False) -> Round | None:
        return await self._session.get(Round, round_id, with_for_update=for_update or None)

    async def page(self, page: Paging) -> Found[Round]:
        return await read_page(
            self._session,
            select(Round),
            page,
            by=[(Round.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )


class ApplicationRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: Application | Submission) -> None:
        self._session.add(row)

    async def find(self, application_id: UUID, reader: Actor) -> Application | None:
        """Return an application that the reader may see."""
        return await self._session.scalar(
            select(Application)
            .where(Application.id == application_id, visible_to(reader))
            .options(joinedload(Application.round))
        )

    async def lock(self, application_id: UUID, reader: Actor) -> Application | None:
        """Return it as it now is, and keep everybody else from changing it until the commit."""
        return await self._session.scalar(
            select(Application)
            .where(Application.id == application_id, visible_to(reader))
            .options(joinedload(Application.round, innerjoin=True))
            .with_for_update(of=Application)
            .execution_options(populate_existing=True)
        )

    async def lock_for_review(self, application_id: UUID) -> Application | None:
        """Lock an application that review has news of; review sees all of them."""
        return await self._session.scalar(
            select(Application).where(Application.id == application_id).with_for_update()
        )

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        round_id: UUID | None,
        status: ApplicationStatus | None,
        region: str | None,
        uscc: str | None,
    ) -> Found[Application]:
        statement = (
            select(Application).where(visible_to(reader)).options(joinedload(Application.round))
        )
        if round_id is not None:
            statement = statement.where(Application.round_id == round_id)
        if status is not None:
            statement = statement.where(Application.status == status)
        if region is not None:
            statement = statement.where(Application.division.like(f"{prefix_of(region)}%"))
        if uscc is not None:
            statement = statement.where(Application.uscc == uscc)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Application.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def divisions_of(self, uscc: str) -> set[str]:
        """Return where an enterprise has applied or is recognised, whoever may see that."""
        applied = await self._session.scalars(
            select(Application.division).where(Application.uscc == uscc).distinct()
        )
        recognised = await self._session.scalars(
            select(Holding.region).where(Holding.uscc == uscc).distinct()
        )
        return {*applied, *recognised}

    async def submissions(self, application_id: UUID) -> Sequence[Submission]:
        """Return every submission of an application, the first one first."""
        rows = await self._session.scalars(
            select(Submission)
            .where(Submission.application_id == application_id)
            .order_by(Submission.number)
        )
        return rows.all()

    async def timeline(self, application_id: UUID) -> Sequence[RowMapping]:
        return await history_of(self._session, tables, "application", application_id)


class HoldingRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_enterprise(self, uscc: str) -> Sequence[Holding]:
        rows = await self._session.scalars(
            select(Holding).where(Holding.uscc == uscc).order_by(Holding.valid_from)
        )
        return rows.all()

    async def find(self, recognition_id: UUID) -> Holding | None:
        return await self._session.get(Holding, recognition_id)

    def add(self, holding: Holding) -> None:
        self._session.add(holding)


def visible_to(reader: Actor) -> ColumnElement[bool]:
    """Which applications a caller may see: its own enterprise's, or those of its division."""
    if reader.uscc is not None:
        return Application.uscc == reader.uscc
    offices = (Office.COUNTY, Office.CITY, Office.PROVINCE, Office.AUDITOR)
    if reader.region is None or not reader.holds(*offices):
        return false()
    return Application.division.like(f"{prefix_of(reader.region)}%")
