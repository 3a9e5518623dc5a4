"""Older lists that the province sends as workbooks: taken in, and what became of them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.uploads import Upload
from services.kernel.workbooks.imports import (
    MOST_UNFINISHED,
    IfErrors,
    ImportState,
    begins_as_zip,
)
from services.kernel.workbooks.problems import ImportNotFound, NotAWorkbook, TooManyImports
from services.registry.import_models import (
    OlderRowOutcome,
    RecognitionImport,
    RecognitionImportRow,
    RecognitionRowError,
)
from services.registry.import_repository import RecognitionImportRepository


@dataclass(frozen=True, slots=True)
class RecognitionImportReport:
    """An import with what became of its rows so far."""

    of: RecognitionImport
    outcomes: Mapping[OlderRowOutcome, int]
    errors: Sequence[RecognitionRowError]
    """The first ones."""


class RecognitionImportService:
    def __init__(self, session: AsyncSession, journal: Journal, clock: Clock) -> None:
        self._session = session
        self._imports = RecognitionImportRepository(session)
        self._journal = journal
        self._clock = clock

    async def receive(
        self, upload: Upload, *, if_errors: IfErrors, file_name: str | None, officer: Actor
    ) -> RecognitionImport:
        """Take a workbook in. Its rows are recorded soon after; the answer says where to look."""
        if not begins_as_zip(upload.path):
            raise NotAWorkbook
        if officer.region is None:
            raise NotAllowed
        if await self._imports.unfinished(officer.region) >= MOST_UNFINISHED:
            raise TooManyImports
        received = RecognitionImport(
            id=new_id(),
            if_errors=if_errors,
            region=officer.region,
            sent_by=officer.as_record(),
            sha256=upload.sha256,
            file_name=file_name,
            state=ImportState.QUEUED,
            total=0,
            done=0,
            error_count=0,
            refusal=None,
            created_at=self._clock.now(),
            finished_at=None,
            attempts=0,
            not_before=None,
        )
        self._imports.add(received)
        await self._session.flush()
        content = await asyncio.to_thread(upload.path.read_bytes)
        await self._imports.keep_workbook(received.id, content)
        self._journal.record(
            HistoryEntry(
                subject_type="import",
                subject_id=received.id,
                action="received",
                actor=officer,
                data={"sha256": upload.sha256, "file_name": file_name},
            )
        )
        return received

    async def report(self, import_id: UUID, reader: Actor) -> RecognitionImportReport:
        return await self.report_of(await self._find(import_id, reader))

    async def report_of(self, of: RecognitionImport) -> RecognitionImportReport:
        return RecognitionImportReport(
            of=of,
            outcomes=await self._imports.outcomes(of.id),
            errors=await self._imports.first_errors(of.id),
        )

    async def page(self, reader: Actor, page: Paging) -> Found[RecognitionImport]:
        return await self._imports.page(reader, page)

    async def rows(
        self, import_id: UUID, page: Paging, reader: Actor
    ) -> Found[RecognitionImportRow]:
        """Return what became of each row that was taken over."""
        await self._find(import_id, reader)
        return await self._imports.rows(import_id, page)

    async def errors(
        self, import_id: UUID, page: Paging, reader: Actor
    ) -> Found[RecognitionRowError]:
        await self._find(import_id, reader)
        return await self._imports.errors(import_id, page)

    async def _find(self, import_id: UUID, reader: Actor) -> RecognitionImport:
        found = await self._imports.find(import_id, reader)
        if found is None:
            raise ImportNotFound
        return found
