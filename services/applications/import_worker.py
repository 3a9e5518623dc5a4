"""Works through the workbooks of applications that offices sent: each row becomes a draft."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.filing_rules import pack_of_round
from services.applications.models import Import, ImportRow, RowError
from services.applications.repository import (
    DocumentRepository,
    ImportRepository,
    RoundRepository,
)
from services.applications.row_taker import Assignment, RowTaker
from services.applications.workbook import RowRead, read_list, read_row, require_made_for
from services.kernel.journal import Journal
from services.kernel.storage import ContentStore
from services.kernel.text import Text
from services.kernel.transaction import Runtime
from services.kernel.workbooks.import_worker import ImportWorker, NotReady, Taken, sender_of
from services.kernel.workbooks.workbook import OpenWorkbook, SheetRow, WorkbookRefused
from services.policy.catalogue import Catalogue

_SCAN_AGAIN_IN = timedelta(seconds=1)


class ApplicationImportWorker(ImportWorker[Import, ImportRow, RowError, Assignment, RowRead]):
    def __init__(
        self,
        runtime: Runtime,
        catalogue: Catalogue,
        store: ContentStore,
        spool: Path,
        *,
        has_scanner: bool,
    ) -> None:
        super().__init__(runtime, spool, ImportRepository)
        self._catalogue = catalogue
        self._store = store
        self._has_scanner = has_scanner

    async def prepare(self, claimed: Import) -> Assignment | None:
        async with self._runtime.database.session() as session:
            content = await DocumentRepository(session).content(claimed.sha256)
            of = await RoundRepository(session).find(claimed.round_id)
        if content is None or of is None:
            return None
        if content.is_infected:
            raise WorkbookRefused("infected", INFECTED)
        if self._has_scanner and content.verdict is None:
            raise NotReady(_SCAN_AGAIN_IN)
        return Assignment(
            of=claimed,
            round=of,
            pack=self._catalogue.pack(pack_of_round(of, claimed.kind)),
            size=content.size,
            officer=sender_of(claimed),
        )

    async def fetch(self, file: Path, to: Assignment) -> None:
        await self._store.fetch(to.of.sha256, file, size=to.size)

    @asynccontextmanager
    async def opened(self, file: Path, to: Assignment) -> AsyncIterator[OpenWorkbook]:
        async with read_list(file) as workbook:
            require_made_for(workbook, to.pack, to.round.title, to.kind)
            yield workbook

    def read(self, row: SheetRow, to: Assignment) -> RowRead:
        return read_row(to.pack, row)

    def remember(self, row: RowRead, to: Assignment) -> None:
        if "uscc" in row.facts:
            to.seen.setdefault(str(row.facts["uscc"]), row.number)

    async def take(
        self, session: AsyncSession, journal: Journal, rows: Sequence[RowRead], to: Assignment
    ) -> Taken:
        taken, problems = await RowTaker(session, journal, self._runtime.clock).take(rows, to)
        columns = [
            {
                "row": one.row,
                "uscc": one.uscc,
                "outcome": one.outcome,
                "application_id": one.application_id,
            }
            for one in taken
        ]
        return columns, problems


INFECTED = Text("文件含有恶意代码。", "The file holds malicious code.")
