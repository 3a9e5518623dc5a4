"""Imports of workbooks: the tables that each service has of them, and the statements about those.

A service gives the tables their names and adds what is its own: what a workbook is for, and what
became of a row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import DateTime, String, Text, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import UUID_COLUMN, enum_column
from services.kernel.paging import Found, Paging, read_page

MOST_UNFINISHED = 5
"""Imports of one division's office at a time, so that the others' turn comes."""
ERRORS_SHOWN = 200
_ZIP = b"PK\x03\x04"


class ImportState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    """Every row was done, or is named among the errors."""
    FAILED = "failed"
    """Given up after many attempts. What had been taken over before stays; send the file again."""
    REFUSED = "refused"
    """Nothing of the file was taken over."""


UNFINISHED = (ImportState.QUEUED, ImportState.RUNNING)


class IfErrors(StrEnum):
    """What to do with a file of which some rows cannot be taken over."""

    REFUSE_ALL = "refuse_all"
    SKIP_ROWS = "skip_rows"


class ImportColumns:
    """A workbook that was sent, and how far it has come."""

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    if_errors: Mapped[IfErrors] = mapped_column(enum_column(IfErrors))
    region: Mapped[str] = mapped_column(String(6))
    """The division whose office sent it."""
    sent_by: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The officer or client, as history keeps it: the rows are taken over in this name."""
    sha256: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[ImportState] = mapped_column(enum_column(ImportState))
    total: Mapped[int]
    """Rows of the file; 0 until it has been read."""
    done: Mapped[int]
    error_count: Mapped[int]
    refusal: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    """Why the file as a whole was refused: code, zh, en."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int]
    """How often a process began on it."""
    not_before: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it is tried again, by the database's clock, after it had to be left."""


class ImportRowColumns:
    """What became of one row. Written in the transaction of the work itself."""

    import_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """As the spreadsheet numbers it."""
    uscc: Mapped[str] = mapped_column(String(18))


class RowErrorColumns:
    """What is wrong in one cell."""

    import_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    row: Mapped[int]
    column: Mapped[str] = mapped_column(String(5))
    """Its letter; empty for what is wrong with the whole row."""
    fact: Mapped[str] = mapped_column(String(80))
    label: Mapped[str] = mapped_column(String(200))
    """The heading of the column."""
    code: Mapped[str] = mapped_column(String(60))
    zh: Mapped[str] = mapped_column(Text)
    en: Mapped[str] = mapped_column(Text)


ImportT = TypeVar("ImportT", bound=ImportColumns)
RowT = TypeVar("RowT", bound=ImportRowColumns)
ErrorT = TypeVar("ErrorT", bound=RowErrorColumns)


class Imports(Generic[ImportT, RowT, ErrorT]):
    """The imports of one service. Who may see which one, the service says itself."""

    imports: type[ImportT]
    results: type[RowT]
    failings: type[ErrorT]

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: ImportT) -> None:
        self._session.add(row)

    async def unfinished(self, region: str) -> int:
        """Return how many imports of a division's office are not at their end."""
        found = await self._session.scalar(
            select(func.count())
            .select_from(self.imports)
            .where(self.imports.region == region, self.imports.state.in_(UNFINISHED))
        )
        return found or 0

    async def to_do(self, limit: int) -> Sequence[UUID]:
        """Return imports that are not at their end, the oldest first."""
        rows = await self._session.scalars(
            select(self.imports.id)
            .where(
                self.imports.state.in_(UNFINISHED),
                or_(self.imports.not_before.is_(None), self.imports.not_before <= func.now()),
            )
            .order_by(self.imports.created_at)
            .limit(limit)
        )
        return rows.all()

    async def unfinished_one(self, import_id: UUID) -> ImportT | None:
        """Return an import, unless it has come to its end."""
        found = await self._session.get(self.imports, import_id, populate_existing=True)
        return found if found is not None and found.state in UNFINISHED else None

    async def let_go(self, import_id: UUID, *, again_in: timedelta) -> None:
        """Leave an import to whoever takes it up next, not before a pause is over."""
        await self.progress(import_id, not_before=func.now() + again_in)

    async def lock(self, import_id: UUID) -> ImportT:
        found = await self._session.scalar(
            select(self.imports).where(self.imports.id == import_id).with_for_update()
        )
        if found is None:
            raise LookupError(f"import {import_id} is not there")
        return found

    async def count_attempt(self, import_id: UUID) -> None:
        await self.progress(import_id, attempts=self.imports.attempts + 1)

    async def progress(self, import_id: UUID, **values: object) -> None:
        """Note how far an import has come."""
        await self._session.execute(
            update(self.imports).where(self.imports.id == import_id).values(**values)
        )

    async def add_rows(self, import_id: UUID, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            await self._session.execute(
                insert(self.results), [{"import_id": import_id, **row} for row in rows]
            )

    async def add_errors(self, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            await self._session.execute(insert(self.failings), list(rows))

    async def forget_errors(self, import_id: UUID) -> None:
        """Delete what a process noted that did not come to its end; the next one notes it anew."""
        await self._session.execute(
            delete(self.failings).where(self.failings.import_id == import_id)
        )

    async def rows(self, import_id: UUID, page: Paging) -> Found[RowT]:
        return await read_page(
            self._session,
            select(self.results).where(self.results.import_id == import_id),
            page,
            by=[(self.results.row.expression, int)],
            key=lambda found: [found.row],
        )

    async def errors(self, import_id: UUID, page: Paging) -> Found[ErrorT]:
        return await read_page(
            self._session,
            select(self.failings).where(self.failings.import_id == import_id),
            page,
            by=[(self.failings.number.expression, int)],
            key=lambda found: [found.number],
        )

    async def first_errors(self, import_id: UUID) -> Sequence[ErrorT]:
        rows = await self._session.scalars(
            select(self.failings)
            .where(self.failings.import_id == import_id)
            .order_by(self.failings.number)
            .limit(ERRORS_SHOWN)
        )
        return rows.all()


def begins_as_zip(file: Path) -> bool:
    """Whether a file may be a workbook at all; its reader says the rest."""
    with file.open("rb") as opened:
        return opened.read(len(_ZIP)) == _ZIP
