"""Workbooks that offices send (批量导入): taken in, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.filing_rules import pack_of_round, require_open
from services.applications.models import Content, Import, ImportRow, Round, RowError
from services.applications.problems import (
    DocumentInfected,
    RoundNotFound,
)
from services.applications.repository import (
    DocumentRepository,
    ImportRepository,
    RoundRepository,
)
from services.applications.template import write_template
from services.applications.workflow import RowOutcome
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.regions import covers
from services.kernel.storage import ContentStore
from services.kernel.uploads import Upload
from services.kernel.workbooks.imports import (
    MOST_UNFINISHED,
    IfErrors,
    ImportState,
    begins_as_zip,
)
from services.kernel.workbooks.problems import ImportNotFound, NotAWorkbook, TooManyImports
from services.policy.catalogue import Catalogue
from services.policy.matter import Kind


@dataclass(frozen=True, slots=True)
class ImportReport:
    """An import with what became of its rows so far."""

    of: Import
    outcomes: Mapping[RowOutcome, int]
    errors: Sequence[RowError]
    """The first ones."""


class ImportService:
    def __init__(
        self,
        session: AsyncSession,
        journal: Journal,
        clock: Clock,
        catalogue: Catalogue,
        store: ContentStore,
    ) -> None:
        self._session = session
        self._rounds = RoundRepository(session)
        self._imports = ImportRepository(session)
        self._documents = DocumentRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue
        self._store = store

    async def template(self, round_id: UUID, kind: Kind) -> tuple[str, bytes]:
        """Return the workbook to fill in for a round, and the name to save it under."""
        of = await self._find_round(round_id)
        pack = self._catalogue.pack(pack_of_round(of, kind))
        return f"{of.code}-{kind}.xlsx", write_template(pack, of.title, kind, round_code=of.code)

    async def receive(
        self,
        upload: Upload,
        *,
        round_id: UUID,
        kind: Kind,
        if_errors: IfErrors,
        file_name: str | None,
        officer: Actor,
    ) -> Import:
        """Take a workbook in. Its rows become drafts soon after; the answer says where to look."""
        if not begins_as_zip(upload.path):
            raise NotAWorkbook
        await self._store.keep(upload.path, upload.sha256)
        of = await self._find_round(round_id)
        if officer.region is None or not covers(of.region, officer.region):
            raise NotAllowed(
                f"批次 {of.code} 在 {of.region} 范围内申报。",
                f"Round {of.code} is held in {of.region}.",
            )
        pack_of_round(of, kind)
        now = self._clock.now()
        require_open(of, self._clock.today())
        content = await self._documents.note_content(
            Content(sha256=upload.sha256, size=upload.size, kept_at=now)
        )
        if content.is_infected:
            raise DocumentInfected
        await self._store.keep_again_if_gone(upload.path, upload.sha256)
        if await self._imports.unfinished(officer.region) >= MOST_UNFINISHED:
            raise TooManyImports
        received = Import(
            id=new_id(),
            round_id=of.id,
            kind=kind,
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
            created_at=now,
            finished_at=None,
            attempts=0,
            not_before=None,
        )
        self._imports.add(received)
        await self._session.flush()
        self._journal.record(
            HistoryEntry(
                subject_type="import",
                subject_id=received.id,
                action="received",
                actor=officer,
                data={"round": of.code, "kind": kind, "sha256": upload.sha256},
            )
        )
        return received

    async def report(self, import_id: UUID, reader: Actor) -> ImportReport:
        found = await self._find(import_id, reader)
        return await self.report_of(found)

    async def report_of(self, of: Import) -> ImportReport:
        return ImportReport(
            of=of,
            outcomes=await self._imports.outcomes(of.id),
            errors=await self._imports.first_errors(of.id),
        )

    async def page(self, reader: Actor, page: Paging, *, round_id: UUID | None) -> Found[Import]:
        return await self._imports.page(reader, page, round_id=round_id)

    async def rows(self, import_id: UUID, page: Paging, reader: Actor) -> Found[ImportRow]:
        """Return what became of each row that was taken over."""
        await self._find(import_id, reader)
        return await self._imports.rows(import_id, page)

    async def errors(self, import_id: UUID, page: Paging, reader: Actor) -> Found[RowError]:
        await self._find(import_id, reader)
        return await self._imports.errors(import_id, page)

    async def _find(self, import_id: UUID, reader: Actor) -> Import:
        found = await self._imports.find(import_id, reader)
        if found is None:
            raise ImportNotFound
        return found

    async def _find_round(self, round_id: UUID) -> Round:
        found = await self._rounds.find(round_id)
        if found is None:
            raise RoundNotFound
        return found
