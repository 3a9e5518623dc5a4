"""Every SQL statement of intake, and who may see which row."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, false, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from services.applications.models import (
    Application,
    Contact,
    Content,
    Document,
    Holding,
    Import,
    ImportRow,
    Mandate,
    Round,
    RowError,
    Submission,
    tables,
)
from services.applications.workflow import IN_HAND, LIVE, ApplicationStatus, RowOutcome
from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.kernel.sweeping import hold_content
from services.kernel.timeline import history_of
from services.kernel.workbooks.imports import Imports

READING_OFFICES = (Office.COUNTY, Office.CITY, Office.PROVINCE, Office.AUDITOR)


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

    async def timeline(self, round_id: UUID) -> Sequence[RowMapping]:
        return await history_of(self._session, tables, "round", round_id)

    async def opened_in(self, year: int, *, title: str, region: str) -> Sequence[UUID]:
        """Return the rounds for a title that one province opened in a year."""
        rows = await self._session.scalars(
            select(Round.id).where(
                Round.title == title,
                Round.region == region,
                func.extract("year", Round.opens_on) == year,
            )
        )
        return rows.all()


class CityCount(NamedTuple):
    """How many applications of one city are in one state."""

    city: str
    status: ApplicationStatus
    applications: int


class ApplicationRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: Application | Submission) -> None:
        self._session.add(row)

    def add_all(self, rows: Sequence[Application]) -> None:
        self._session.add_all(rows)

    async def lock_live(
        self, of: Round, usccs: Sequence[str], *, region: str, mandated: Sequence[str]
    ) -> Sequence[Application]:
        """Lock what stands in the way of an office's drafts, or is one of them already.

        That is what applies in the office's division, and what the office drafted. What an
        enterprise files elsewhere is not the office's to know of, unless it has its mandate.
        """
        rows = await self._session.scalars(
            select(Application)
            .where(
                Application.round_id == of.id,
                Application.title == of.title,
                Application.uscc.in_(usccs),
                Application.status.in_(LIVE),
                or_(
                    Application.division.like(f"{prefix_of(region)}%")
                    & Application.confirmed_at.is_not(None),
                    (Application.filed_region == region) & Application.confirmed_at.is_(None),
                    Application.uscc.in_(mandated) & Application.confirmed_at.is_not(None),
                ),
            )
            .order_by(Application.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return rows.all()

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

    async def in_the_way_of(self, restored: Application) -> Sequence[Application]:
        """Lock what the enterprise filed or drafted anew since an application was refused."""
        is_live_here = (Application.round_id == restored.round_id) & (
            Application.status.in_(LIVE) & Application.confirmed_at.is_not(None)
        )
        rows = await self._session.scalars(
            select(Application)
            .where(
                Application.uscc == restored.uscc,
                Application.title == restored.title,
                Application.id != restored.id,
                or_(is_live_here, Application.status.in_(IN_HAND)),
                Application.status != ApplicationStatus.RECOGNISED,
            )
            .options(joinedload(Application.round, innerjoin=True))
            .order_by(Application.id)
            .with_for_update(of=Application)
            .execution_options(populate_existing=True)
        )
        return rows.all()

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

    async def rounds_applied_in(self, uscc: str, round_ids: Sequence[UUID]) -> set[UUID]:
        """Return in which of some rounds an enterprise has an application that counts."""
        rows = await self._session.scalars(
            select(Application.round_id).where(
                Application.uscc == uscc,
                Application.round_id.in_(round_ids),
                Application.status.in_(LIVE),
                Application.confirmed_at.is_not(None),
            )
        )
        return set(rows)

    async def counts_by_city(self, round_ids: Sequence[UUID], region: str) -> Sequence[CityCount]:
        """Return how many applications each city has in each state, in some rounds together.

        Drafts that wait for the enterprise's word are no applications yet.
        """
        city = func.left(Application.division, 4) + "00"
        rows = await self._session.execute(
            select(city, Application.status, func.count())
            .where(
                Application.round_id.in_(round_ids),
                Application.confirmed_at.is_not(None),
                Application.division.like(f"{prefix_of(region)}%"),
            )
            .group_by(city, Application.status)
        )
        return [CityCount(city, ApplicationStatus(status), count) for city, status, count in rows]

    async def documents_of(self, application_ids: Sequence[UUID]) -> Sequence[Document]:
        """Return the documents that count now, with what is known of their content."""
        rows = await self._session.scalars(
            select(Document)
            .where(Document.application_id.in_(application_ids), Document.replaced_at.is_(None))
            .options(joinedload(Document.content, innerjoin=True))
            .order_by(Document.given_at)
        )
        return rows.all()

    async def with_contact(self, application_ids: Sequence[UUID]) -> set[UUID]:
        """Return which of some applications say whom to call."""
        rows = await self._session.scalars(
            select(Contact.application_id).where(Contact.application_id.in_(application_ids))
        )
        return set(rows)

    async def submission(self, application_id: UUID, number: int) -> Submission | None:
        return await self._session.get(Submission, (application_id, number))

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


class DocumentRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, document: Document) -> None:
        self._session.add(document)

    async def note_content(self, content: Content) -> Content:
        """Return what is known of some content, noting it when it is new.

        Until the commit nobody sweeps the file away.
        """
        await hold_content(self._session, content.sha256)
        await self._session.execute(
            insert(Content)
            .values(
                sha256=content.sha256,
                size=content.size,
                kept_at=content.kept_at,
            )
            .on_conflict_do_nothing()
        )
        known = await self._session.get(Content, content.sha256, populate_existing=True)
        if known is None:
            raise LookupError(f"content {content.sha256} was noted and is not there")
        return known

    async def current(self, application_id: UUID, kind: str) -> Document | None:
        return await self._session.scalar(
            select(Document)
            .where(
                Document.application_id == application_id,
                Document.kind == kind,
                Document.replaced_at.is_(None),
            )
            .options(joinedload(Document.content, innerjoin=True))
        )

    async def content(self, sha256: str) -> Content | None:
        return await self._session.get(Content, sha256)

    async def to_scan(self, limit: int) -> Sequence[Content]:
        """Lock some files that nobody has looked into, leaving those that another process has."""
        rows = await self._session.scalars(
            select(Content)
            .where(Content.verdict.is_(None))
            .order_by(Content.kept_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return rows.all()

    async def with_content(self, sha256: str) -> Sequence[tuple[Application, str]]:
        """Return which applications have a file as a document now, and of which kind."""
        rows = await self._session.execute(
            select(Application, Document.kind)
            .join(Document, Document.application_id == Application.id)
            .where(Document.sha256 == sha256, Document.replaced_at.is_(None))
            .order_by(Document.id)
        )
        return [(application, kind) for application, kind in rows]

    async def owned(self, hashes: Sequence[str], *, ended_before: datetime) -> set[str]:
        """Return which of some files are needed: by a document, or by an import of late.

        A workbook is full of people to call, and nobody needs it once its rows were taken over.
        """
        documents = select(Document.sha256).where(Document.sha256.in_(hashes))
        imports = select(Import.sha256).where(
            Import.sha256.in_(hashes),
            or_(Import.finished_at.is_(None), Import.finished_at >= ended_before),
        )
        return set(await self._session.scalars(documents.union(imports)))


class ContactRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, contact: Contact) -> None:
        self._session.add(contact)

    async def find(self, application_id: UUID) -> Contact | None:
        return await self._session.get(Contact, application_id)

    async def of_applications(self, application_ids: Sequence[UUID]) -> Sequence[Contact]:
        rows = await self._session.scalars(
            select(Contact).where(Contact.application_id.in_(application_ids))
        )
        return rows.all()


class MandateRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, mandate: Mandate) -> None:
        self._session.add(mandate)

    async def in_force(
        self, usccs: Sequence[str], *, region: str | None, day: date
    ) -> dict[str, Mandate]:
        """Return, by enterprise, the mandate under which a division's office may act on a day."""
        if region is None or not usccs:
            return {}
        rows = await self._session.scalars(
            select(Mandate)
            .where(
                Mandate.uscc.in_(usccs),
                Mandate.region == region,
                Mandate.valid_until >= day,
                Mandate.ended_at.is_(None),
            )
            .order_by(Mandate.id)
        )
        return {one.uscc: one for one in rows}

    async def lock(self, mandate_id: UUID, *, uscc: str) -> Mandate | None:
        return await self._session.scalar(
            select(Mandate).where(Mandate.id == mandate_id, Mandate.uscc == uscc).with_for_update()
        )

    async def page(self, reader: Actor, page: Paging, *, uscc: str | None) -> Found[Mandate]:
        """Return the mandates of the reader's enterprise, or to the offices of its division."""
        statement = select(Mandate)
        if reader.uscc is not None:
            statement = statement.where(Mandate.uscc == reader.uscc)
        elif reader.region is not None and reader.holds(*READING_OFFICES):
            statement = statement.where(Mandate.region.like(f"{prefix_of(reader.region)}%"))
        else:
            statement = statement.where(false())
        if uscc is not None:
            statement = statement.where(Mandate.uscc == uscc)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Mandate.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )


class ImportRepository(Imports[Import, ImportRow, RowError]):
    imports = Import
    results = ImportRow
    failings = RowError

    async def find(self, import_id: UUID, reader: Actor) -> Import | None:
        """Return an import of the reader's division, or of one under it."""
        return await self._session.scalar(
            select(Import).where(Import.id == import_id, imports_of(reader))
        )

    async def page(self, reader: Actor, page: Paging, *, round_id: UUID | None) -> Found[Import]:
        statement = select(Import).where(imports_of(reader))
        if round_id is not None:
            statement = statement.where(Import.round_id == round_id)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Import.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def outcomes(self, import_id: UUID) -> dict[RowOutcome, int]:
        rows = await self._session.execute(
            select(ImportRow.outcome, func.count())
            .where(ImportRow.import_id == import_id)
            .group_by(ImportRow.outcome)
        )
        return {RowOutcome(outcome): count for outcome, count in rows}


class HoldingRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of_enterprise(self, uscc: str) -> Sequence[Holding]:
        return await self.of_enterprises([uscc])

    async def of_enterprises(self, usccs: Sequence[str]) -> Sequence[Holding]:
        rows = await self._session.scalars(
            select(Holding).where(Holding.uscc.in_(usccs)).order_by(Holding.valid_from)
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
    if reader.region is None or not reader.holds(*READING_OFFICES):
        return false()
    return Application.division.like(f"{prefix_of(reader.region)}%")


def imports_of(reader: Actor) -> ColumnElement[bool]:
    """Which imports a caller may see: those of its division's offices."""
    if reader.uscc is not None or reader.region is None or not reader.holds(*READING_OFFICES):
        return false()
    return Import.region.like(f"{prefix_of(reader.region)}%")
