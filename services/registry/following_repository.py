"""Who may see what is followed between two recognitions, and the statements about it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, exists, false, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import is_county, prefix_of
from services.registry.following_models import (
    Evaluation,
    Examination,
    FigureSheet,
    Finding,
    LibraryStep,
    LibraryStepKind,
    Origin,
    SupportRecord,
    TypicalCase,
)
from services.registry.measures import Measure
from services.registry.models import Enterprise, Recognition
from services.registry.recognition_repository import is_running
from services.registry.repository import visible_to, within_charge

_FIGURES = FigureSheet.__table__.c

FollowedT = TypeVar("FollowedT", Evaluation, Finding, SupportRecord, TypicalCase)


class Place(NamedTuple):
    """What decides which of two sheets of an enterprise is the later one."""

    fiscal_year: int
    reported_on: date
    recorded_at: datetime


class YearFigures(NamedTuple):
    """What grows from year to year, as one sheet gave it."""

    id: UUID
    fiscal_year: int
    origin: Origin
    reported_on: date
    operating_revenue: Decimal | None
    rd_expense: Decimal | None


class LatestFigures(NamedTuple):
    """The latest facts of an enterprise that are known."""

    uscc: str
    fiscal_year: int | None
    reported_on: date
    determined_size: str | None
    facts: Mapping[str, Any]


class SupportTotal(NamedTuple):
    """What was delivered under one measure."""

    measure: str
    records: int
    enterprises: int
    amount: Decimal


class FigureRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, uscc: str) -> None:
        """Let one writer at a time add figures of an enterprise, whether it is known here or not."""
        await self._session.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(uscc, 0)))
        )

    async def is_kept(self, application_id: UUID, submission_number: int) -> bool:
        return bool(
            await self._session.scalar(
                select(
                    exists().where(
                        FigureSheet.application_id == application_id,
                        FigureSheet.submission_number == submission_number,
                    )
                )
            )
        )

    async def is_reported(self, uscc: str, fiscal_year: int) -> bool:
        return bool(
            await self._session.scalar(
                select(
                    exists().where(
                        FigureSheet.uscc == uscc,
                        FigureSheet.fiscal_year == fiscal_year,
                        FigureSheet.origin == Origin.ANNUAL_REPORT,
                    )
                )
            )
        )

    async def add(self, sheet: FigureSheet) -> None:
        """Add a sheet; of an enterprise's sheets the latest is marked. The enterprise is locked."""
        latest = (
            await self._session.execute(
                select(
                    func.coalesce(FigureSheet.fiscal_year, 0),
                    FigureSheet.reported_on,
                    FigureSheet.recorded_at,
                ).where(FigureSheet.uscc == sheet.uscc, FigureSheet.is_latest)
            )
        ).one_or_none()
        place = Place(sheet.fiscal_year or 0, sheet.reported_on, sheet.recorded_at)
        sheet.is_latest = latest is None or Place(*latest) <= place
        if sheet.is_latest:
            # A flush would insert before it updates, and two would be the latest for a moment.
            await self._session.execute(
                update(FigureSheet)
                .where(FigureSheet.uscc == sheet.uscc, FigureSheet.is_latest)
                .values(is_latest=False)
            )
        self._session.add(sheet)
        await self._session.flush()

    async def page(self, uscc: str, page: Paging) -> Found[FigureSheet]:
        """Return an enterprise's sheets, the newest first."""
        return await read_page(
            self._session,
            select(FigureSheet).where(FigureSheet.uscc == uscc),
            page,
            by=[(FigureSheet.recorded_at.expression, datetime), (FigureSheet.id.expression, UUID)],
            key=lambda row: [row.recorded_at, row.id],
            descending=True,
        )

    async def years(self, uscc: str) -> Sequence[YearFigures]:
        """Return what every sheet says of its year, in the order in which it became known."""
        rows = await self._session.execute(
            select(
                _FIGURES.id,
                _FIGURES.fiscal_year,
                _FIGURES.origin,
                _FIGURES.reported_on,
                _FIGURES.operating_revenue,
                _FIGURES.rd_expense,
            )
            .where(_FIGURES.uscc == uscc, _FIGURES.fiscal_year.is_not(None))
            .order_by(_FIGURES.reported_on, _FIGURES.recorded_at, _FIGURES.id)
        )
        return [YearFigures(*row) for row in rows]

    async def latest_of(self, usccs: Sequence[str]) -> dict[str, LatestFigures]:
        rows = await self._session.execute(
            select(
                FigureSheet.uscc,
                FigureSheet.fiscal_year,
                FigureSheet.reported_on,
                FigureSheet.determined_size,
                FigureSheet.facts,
            ).where(FigureSheet.uscc.in_(usccs), FigureSheet.is_latest)
        )
        return {row.uscc: LatestFigures(*row) for row in rows}

    async def holders(
        self, reader: Actor, *, after: str, limit: int, region: str | None, title: str | None
    ) -> Sequence[Enterprise]:
        """Return enterprises with a running title and all that they hold, from a code on."""
        holds = [Recognition.uscc == Enterprise.uscc, is_running()]
        if title is not None:
            holds.append(Recognition.title == title)
        statement = select(Enterprise).where(
            visible_to(reader),
            within_charge(reader),
            Enterprise.uscc > after,
            exists().where(*holds),
        )
        if region is not None:
            statement = statement.where(_lies_in(region))
        rows = await self._session.scalars(
            statement.options(selectinload(Enterprise.recognitions).selectinload(Recognition.terms))
            .order_by(Enterprise.uscc)
            .limit(limit)
        )
        return rows.all()


class FollowingRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(
        self, row: Evaluation | Examination | Finding | LibraryStep | SupportRecord | TypicalCase
    ) -> None:
        self._session.add(row)

    async def flush(self) -> None:
        await self._session.flush()

    async def page_of(self, kind: type[FollowedT], uscc: str, page: Paging) -> Found[FollowedT]:
        """Return what is on record of one kind of an enterprise, the newest first."""
        return await read_page(
            self._session,
            select(kind).where(kind.uscc == uscc),
            page,
            by=[(kind.id.expression, UUID)],
            key=lambda row: [row.id],
            descending=True,
        )

    async def enterprises(self, usccs: Iterable[str]) -> dict[str, Enterprise]:
        """Return the enterprises of rows that the reader was found to see."""
        rows = await self._session.scalars(
            select(Enterprise).where(Enterprise.uscc.in_(set(usccs)))
        )
        return {row.uscc: row for row in rows}

    async def support(
        self,
        reader: Actor,
        page: Paging,
        *,
        region: str | None,
        measure: Measure | None,
        year: int | None,
    ) -> Found[SupportRecord]:
        """Return what was delivered in the reader's charge, the latest day first."""
        statement = (
            select(SupportRecord)
            .join(Enterprise, Enterprise.uscc == SupportRecord.uscc)
            .where(*_delivered(reader, region=region, year=year))
        )
        if measure is not None:
            statement = statement.where(SupportRecord.measure == measure.value)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(SupportRecord.delivered_on.expression, date), (SupportRecord.id.expression, UUID)],
            key=lambda row: [row.delivered_on, row.id],
            descending=True,
        )

    async def support_totals(
        self, reader: Actor, *, region: str | None, year: int | None
    ) -> Mapping[str, SupportTotal]:
        """Return what was delivered in the reader's charge, by measure."""
        rows = await self._session.execute(
            select(
                SupportRecord.measure,
                func.count().label("records"),
                func.count(SupportRecord.uscc.distinct()).label("enterprises"),
                func.coalesce(func.sum(SupportRecord.amount), Decimal(0)).label("amount"),
            )
            .join(Enterprise, Enterprise.uscc == SupportRecord.uscc)
            .where(*_delivered(reader, region=region, year=year))
            .group_by(SupportRecord.measure)
        )
        return {
            row.measure: SupportTotal(row.measure, row.records, row.enterprises, row.amount)
            for row in rows
        }

    async def is_chosen(self, uscc: str, year: int) -> bool:
        return bool(
            await self._session.scalar(
                select(exists().where(TypicalCase.uscc == uscc, TypicalCase.year == year))
            )
        )

    async def public_cases(
        self, reader: Actor, page: Paging, *, year: int | None
    ) -> Found[TypicalCase]:
        statement = (
            select(TypicalCase)
            .join(Enterprise, Enterprise.uscc == TypicalCase.uscc)
            .where(visible_to(reader))
        )
        if year is not None:
            statement = statement.where(TypicalCase.year == year)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(TypicalCase.year.expression, int), (TypicalCase.id.expression, UUID)],
            key=lambda row: [row.year, row.id],
            descending=True,
        )

    async def finding(self, uscc: str, number: str) -> Finding | None:
        return await self._session.scalar(
            select(Finding).where(Finding.uscc == uscc, Finding.number == number)
        )

    async def library_steps(self, uscc: str, reader: Actor) -> Sequence[LibraryStep]:
        """Return an enterprise's steps in the libraries that the reader sees, oldest first."""
        rows = await self._session.scalars(
            select(LibraryStep)
            .join(Enterprise, Enterprise.uscc == LibraryStep.uscc)
            .where(LibraryStep.uscc == uscc, visible_to(reader), _in_library_of(reader))
            .order_by(LibraryStep.on_day, LibraryStep.recorded_at, LibraryStep.id)
        )
        return rows.all()

    async def library_members(
        self,
        reader: Actor,
        page: Paging,
        *,
        on: date,
        region: str | None,
        focus_field: str | None,
    ) -> Found[LibraryStep]:
        """Return the entries of those who were in a library on a day, by credit code."""
        last = (
            select(LibraryStep.id)
            .where(LibraryStep.on_day <= on, _in_library_of(reader))
            .ext(distinct_on(LibraryStep.uscc, LibraryStep.city))
            .order_by(
                LibraryStep.uscc,
                LibraryStep.city,
                LibraryStep.on_day.desc(),
                LibraryStep.recorded_at.desc(),
                LibraryStep.id.desc(),
            )
        )
        statement = (
            select(LibraryStep)
            .join(Enterprise, Enterprise.uscc == LibraryStep.uscc)
            .where(
                visible_to(reader),
                LibraryStep.id.in_(last),
                LibraryStep.step == LibraryStepKind.ENTERED,
            )
        )
        if region is not None:
            in_library = LibraryStep.city.like(f"{prefix_of(region)}%")
            statement = statement.where(_lies_in(region) if is_county(region) else in_library)
        if focus_field is not None:
            statement = statement.where(Enterprise.focus_field == focus_field)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(LibraryStep.uscc.expression, str), (LibraryStep.city.expression, str)],
            key=lambda row: [row.uscc, row.city],
        )

    async def recognitions(self, ids: Iterable[UUID]) -> dict[UUID, Recognition]:
        """Return the recognitions of rows that the reader was found to see, with their holders."""
        rows = await self._session.scalars(
            select(Recognition)
            .where(Recognition.id.in_(set(ids)))
            .options(joinedload(Recognition.enterprise, innerjoin=True))
        )
        return {row.id: row for row in rows}

    async def examination(self, examination_id: UUID, reader: Actor) -> Examination | None:
        return await self._session.scalar(
            select(Examination)
            .join(Recognition, Recognition.id == Examination.recognition_id)
            .join(Recognition.enterprise)
            .where(Examination.id == examination_id, visible_to(reader), within_charge(reader))
        )

    async def examinations(
        self, reader: Actor, page: Paging, *, is_open: bool | None, region: str | None
    ) -> Found[Examination]:
        """Return the titles to look at in the reader's charge, the longest waiting first."""
        statement = (
            select(Examination)
            .join(Recognition, Recognition.id == Examination.recognition_id)
            .join(Recognition.enterprise)
            .where(visible_to(reader), within_charge(reader))
        )
        if is_open is not None:
            statement = statement.where(Examination.concluded_on.is_(None) == is_open)
        if region is not None:
            statement = statement.where(_lies_in(region))
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Examination.id.expression, UUID)],
            key=lambda row: [row.id],
        )

    async def open_examinations(self, recognition_id: UUID) -> Sequence[Examination]:
        """Return what is still to be concluded of a title. Its enterprise is locked."""
        rows = await self._session.scalars(
            select(Examination)
            .where(Examination.recognition_id == recognition_id, Examination.concluded_on.is_(None))
            .order_by(Examination.id)
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def examined_because_of(self, recognition_id: UUID) -> frozenset[UUID]:
        """Return the titles that are or were looked at because of one that was revoked."""
        rows = await self._session.scalars(
            select(Examination.recognition_id).where(Examination.because_of == recognition_id)
        )
        return frozenset(rows)


def _lies_in(region: str) -> ColumnElement[bool]:
    return Enterprise.division.like(f"{prefix_of(region)}%")


def _in_library_of(reader: Actor) -> ColumnElement[bool]:
    """Return the one filter on who sees which library: an enterprise its own steps, a city its own."""
    if reader.uscc is not None:
        return LibraryStep.uscc == reader.uscc
    if reader.region is None:
        return false()
    return LibraryStep.city.like(f"{prefix_of(reader.region)}%")


def _delivered(
    reader: Actor, *, region: str | None, year: int | None
) -> Sequence[ColumnElement[bool]]:
    found = [visible_to(reader), within_charge(reader)]
    if region is not None:
        found.append(_lies_in(region))
    if year is not None:
        found.append(SupportRecord.delivered_on.between(date(year, 1, 1), date(year, 12, 31)))
    return found
