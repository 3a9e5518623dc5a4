"""Works through the workbooks that offices sent, one row after another, whatever happens meanwhile.

A process that dies leaves an import in the state of its last commit, and the database gives its lock
back. The next process to look goes on after the last row that was done.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.filing_rules import pack_of_round
from services.applications.models import Import
from services.applications.repository import (
    DocumentRepository,
    ImportRepository,
    RoundRepository,
)
from services.applications.row_taker import Assignment, RowTaker, Taken
from services.applications.workbook import (
    CellProblem,
    RowRead,
    WorkbookRefused,
    read_row,
    read_workbook,
)
from services.applications.workflow import IfErrors, ImportState
from services.kernel.identity.actor import Actor, actor_from_record
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.logging import log, new_trace
from services.kernel.storage import ContentStore
from services.kernel.text import Text
from services.kernel.transaction import Runtime, saved_together
from services.kernel.uploads import ARRIVING
from services.policy.catalogue import Catalogue

ROWS_AT_ONCE = 250
MOST_ATTEMPTS = 10
MOST_ERRORS_KEPT = 10_000
"""Of one file; `error_count` counts them all."""
_LOOK_AGAIN_SECONDS = 0.5
_LOOK_AT_MOST = 20
_AGAIN_IN = timedelta(seconds=2)
_SCAN_AGAIN_IN = timedelta(seconds=1)


class _ErrorsFound(Exception):
    """Some rows cannot be taken over, and the sender wants all of them or none."""


class ImportWorker:
    name = "imports"

    def __init__(
        self,
        runtime: Runtime,
        catalogue: Catalogue,
        store: ContentStore,
        spool: Path,
        *,
        has_scanner: bool,
    ) -> None:
        self._runtime = runtime
        self._catalogue = catalogue
        self._store = store
        self._spool = spool
        self._has_scanner = has_scanner

    async def run(self) -> None:
        while True:
            try:
                while await self.work_once():
                    pass
            except Exception:
                log.exception("import_not_worked_on")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def work_once(self) -> bool:
        """Work on the oldest import that nobody has in hand. Return whether there was one."""
        database = self._runtime.database
        # One connection holds the import; the work itself is done on others.
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            async with AsyncSession(connection, expire_on_commit=False) as holding:
                imports = ImportRepository(holding)
                for import_id in await imports.to_do(_LOOK_AT_MOST):
                    held = await imports.hold(import_id)
                    if held is None:
                        continue
                    holding.expunge(held)
                    try:
                        await self._work_on(held)
                    except Exception:
                        log.exception("import_interrupted", id=str(import_id))
                        await self._let_go(import_id, again_in=_AGAIN_IN)
                    finally:
                        await imports.release(import_id)
                    return True
        return False

    async def _count_attempt(self, import_id: UUID) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await ImportRepository(session).progress(import_id, attempts=Import.attempts + 1)

    async def _let_go(self, import_id: UUID, *, again_in: timedelta) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await ImportRepository(session).let_go(import_id, again_in=again_in)

    async def _work_on(self, claimed: Import) -> None:
        async with self._runtime.database.session() as session:
            content = await DocumentRepository(session).content(claimed.sha256)
            of = await RoundRepository(session).find(claimed.round_id)
        if content is None or of is None:
            await self._finish(claimed, ImportState.FAILED, refusal=_told("failed", FAILED))
            return
        if content.is_infected:
            await self._refuse(claimed, "infected", INFECTED)
            return
        if self._has_scanner and content.verdict is None:
            await self._let_go(claimed.id, again_in=_SCAN_AGAIN_IN)
            return
        if claimed.attempts >= MOST_ATTEMPTS:
            await self._finish(claimed, ImportState.FAILED, refusal=_told("failed", FAILED))
            return
        await self._count_attempt(claimed.id)
        to = Assignment(
            of=claimed,
            round=of,
            pack=self._catalogue.pack(pack_of_round(of, claimed.kind)),
            officer=actor_from_record(claimed.sent_by),
        )
        with tempfile.NamedTemporaryFile(dir=self._spool, prefix=ARRIVING) as copy:
            file = Path(copy.name)
            await self._store.fetch(claimed.sha256, file, size=content.size)
            try:
                if claimed.if_errors is IfErrors.REFUSE_ALL:
                    await self._take_all_or_none(file, to)
                else:
                    await self._take_row_by_row(file, to)
            except WorkbookRefused as refused:
                await self._refuse(claimed, refused.code, refused.detail)

    async def _take_row_by_row(self, file: Path, to: Assignment) -> None:
        """Take over what is sound, some rows in each transaction, from the last one done on."""
        before, begun = to.of.done, False
        async for rows, total in self._batches(file, to):
            if not begun:
                await self._begin(to.of.id, total)
                begun = True
            for place, row in rows:
                # Done by a process that died; only its enterprises have to be known again.
                if place <= before and "uscc" in row.facts:
                    to.seen.setdefault(str(row.facts["uscc"]), row.number)
            fresh = [row for place, row in rows if place > before]
            if not fresh:
                continue
            async with saved_together(self._runtime, new_trace()) as (session, journal):
                imports = ImportRepository(session)
                current = await imports.lock(to.of.id)
                if current.done != rows[-1][0] - len(fresh):
                    raise LookupError(f"import {current.id} is worked on by somebody else")
                taken, problems = await RowTaker(session, journal, self._runtime.clock).take(
                    fresh, to
                )
                await _note(imports, current, taken, problems)
                await imports.progress(current.id, done=rows[-1][0])
            await asyncio.sleep(0)
        await self._finish(to.of, ImportState.DONE)

    async def _take_all_or_none(self, file: Path, to: Assignment) -> None:
        """Take every row over in one transaction, or none of them."""
        problems: list[CellProblem] = []
        total = 0
        try:
            async with saved_together(self._runtime, new_trace()) as (session, journal):
                taker = RowTaker(session, journal, self._runtime.clock)
                all_taken: list[Taken] = []
                async for rows, total in self._batches(file, to):
                    taken, found = await taker.take([row for _, row in rows], to)
                    all_taken += taken
                    problems += found
                    await self._show_progress(to.of.id, done=rows[-1][0], total=total)
                _refuse_errors(problems)
                imports = ImportRepository(session)
                current = await imports.lock(to.of.id)
                await imports.add_rows(_rows(current.id, all_taken))
                self._close(current, journal, to.officer, ImportState.DONE, total=total)
        except _ErrorsFound:
            async with saved_together(self._runtime, new_trace()) as (session, journal):
                imports = ImportRepository(session)
                current = await imports.lock(to.of.id)
                await imports.forget_errors(current.id)
                current.error_count = 0
                await _note(imports, current, [], problems)
                current.refusal = _told("rows_with_errors", ROWS_WITH_ERRORS)
                self._close(current, journal, to.officer, ImportState.REFUSED, total=total)

    async def _batches(
        self, file: Path, to: Assignment
    ) -> AsyncIterator[tuple[list[tuple[int, RowRead]], int]]:
        """Yield rows with their place among the rows of the file, some at once, and how many there are."""
        async with read_workbook(file) as workbook:
            workbook.require(pack=to.pack.name, title=to.round.title, kind=to.kind)
            workbook.require_columns(to.pack)
            batch: list[tuple[int, RowRead]] = []
            place = 0
            async for row in workbook.rows():
                place += 1
                batch.append((place, read_row(to.pack, row)))
                if len(batch) == ROWS_AT_ONCE:
                    yield batch, workbook.total
                    batch = []
            if batch:
                yield batch, workbook.total

    async def _begin(self, import_id: UUID, total: int) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            current = await ImportRepository(session).lock(import_id)
            current.total = total
            current.state = ImportState.RUNNING

    async def _show_progress(self, import_id: UUID, *, done: int, total: int) -> None:
        """Say how far the work has come, though none of it is saved yet."""
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await ImportRepository(session).progress(
                import_id, done=done, total=total, state=ImportState.RUNNING
            )

    async def _refuse(self, of: Import, code: str, detail: Text) -> None:
        await self._finish(of, ImportState.REFUSED, refusal=_told(code, detail))

    async def _finish(
        self, of: Import, state: ImportState, *, refusal: dict[str, str] | None = None
    ) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            current = await ImportRepository(session).lock(of.id)
            current.refusal = refusal
            officer = actor_from_record(of.sent_by)
            self._close(current, journal, officer, state, total=current.total)

    def _close(
        self, current: Import, journal: Journal, officer: Actor, state: ImportState, *, total: int
    ) -> None:
        current.state = state
        current.total = total
        current.done = total if state is ImportState.DONE else current.done
        current.finished_at = self._runtime.clock.now()
        current.not_before = None
        journal.record(
            HistoryEntry(
                subject_type="import",
                subject_id=current.id,
                action=state.value,
                actor=officer,
                reason=None if current.refusal is None else current.refusal["zh"],
                data={"total": total, "done": current.done, "errors": current.error_count},
            )
        )


INFECTED = Text("文件含有恶意代码。", "The file holds malicious code.")
FAILED = Text(
    "多次处理均未完成，请联系平台运维；已导入的行保留，可重新上传同一文件。",
    "It could not be worked through after many attempts; what was taken over stays, and the same"
    " file can be sent again.",
)
ROWS_WITH_ERRORS = Text(
    "部分行有误，按“全部或不导入”的要求未导入任何一行。",
    "Some rows have errors, and all or none were wanted: nothing was taken over.",
)


def _refuse_errors(problems: Sequence[CellProblem]) -> None:
    """Undo everything when not all rows can be taken over."""
    if problems:
        raise _ErrorsFound


def _told(code: str, detail: Text) -> dict[str, str]:
    return {"code": code, "zh": detail.zh, "en": detail.en}


def _rows(import_id: UUID, taken: Sequence[Taken]) -> list[dict[str, object]]:
    return [
        {
            "import_id": import_id,
            "row": one.row,
            "uscc": one.uscc,
            "outcome": one.outcome,
            "application_id": one.application_id,
        }
        for one in taken
    ]


async def _note(
    imports: ImportRepository, of: Import, taken: Sequence[Taken], problems: Sequence[CellProblem]
) -> None:
    """Write down what became of some rows."""
    await imports.add_rows(_rows(of.id, taken))
    kept = problems[: max(0, MOST_ERRORS_KEPT - of.error_count)]
    await imports.add_errors(
        [
            {
                "import_id": of.id,
                "number": of.error_count + number,
                "row": one.row,
                "column": one.column,
                "fact": one.name,
                "label": one.label,
                "code": one.code,
                "zh": one.detail.zh,
                "en": one.detail.en,
            }
            for number, one in enumerate(kept, start=1)
        ]
    )
    of.error_count += len(problems)
