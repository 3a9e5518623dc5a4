"""Works through the workbooks that offices sent, one row after another, whatever happens meanwhile.

A process that dies leaves an import in the state of its last commit, and the database gives its lock
back. The next process to look goes on after the last row that was done.
"""

import asyncio
import tempfile
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.identity.actor import Actor, actor_from_record
from services.kernel.jobs import JobWorker
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.logging import log, new_trace
from services.kernel.text import Text
from services.kernel.transaction import Runtime, saved_together
from services.kernel.uploads import ARRIVING
from services.kernel.workbooks.imports import (
    ErrorT,
    IfErrors,
    Imports,
    ImportState,
    ImportT,
    RowT,
)
from services.kernel.workbooks.workbook import (
    CellProblem,
    OpenWorkbook,
    SheetRow,
    WorkbookRefused,
)

MOST_ATTEMPTS = 10
MOST_ERRORS_KEPT = 10_000
"""Of one file; `error_count` counts them all."""
_LOOK_AT_MOST = 20
_AGAIN_IN = timedelta(seconds=2)


class NotReady(Exception):
    """An import cannot be worked on yet; it is taken up again after a pause."""

    def __init__(self, again_in: timedelta) -> None:
        super().__init__(f"again in {again_in}")
        self.again_in = again_in


class _ErrorsFound(Exception):
    """Some rows cannot be taken over, and the sender wants all of them or none."""


class Numbered(Protocol):
    """A row as a service reads it."""

    @property
    def number(self) -> int: ...


Read = TypeVar("Read", bound=Numbered)
Purpose = TypeVar("Purpose")
Taken = tuple[Sequence[Mapping[str, object]], Sequence[CellProblem]]
"""What became of the rows that were taken over, as columns of a table; and what is wrong."""


class ImportWorker(JobWorker[ImportT], Generic[ImportT, RowT, ErrorT, Purpose, Read]):
    """Brings imports to their end. A service says what a workbook is for, and what a row does."""

    name = "imports"
    rows_at_once = 250
    """In one transaction, as long as it takes what others wait for."""

    def __init__(
        self,
        runtime: Runtime,
        spool: Path,
        imports: Callable[[AsyncSession], Imports[ImportT, RowT, ErrorT]],
    ) -> None:
        super().__init__(runtime)
        self._spool = spool
        self._imports = imports

    @abstractmethod
    async def prepare(self, claimed: ImportT) -> Purpose | None:
        """Return what the rows are for; None when that is no longer there.

        Raises `NotReady`, and `WorkbookRefused` where nothing of it will be taken over.
        """

    @abstractmethod
    async def fetch(self, file: Path, to: Purpose) -> None:
        """Put the workbook where it can be read."""

    @abstractmethod
    def opened(self, file: Path, to: Purpose) -> AbstractAsyncContextManager[OpenWorkbook]:
        """Open the workbook. Raises `WorkbookRefused` where it is for something else."""

    @abstractmethod
    def read(self, row: SheetRow, to: Purpose) -> Read:
        """Read a row by itself."""

    @abstractmethod
    def remember(self, row: Read, to: Purpose) -> None:
        """Know a row again that a process did that died."""

    @abstractmethod
    async def take(
        self, session: AsyncSession, journal: Journal, rows: Sequence[Read], to: Purpose
    ) -> Taken:
        """Take some rows over. A row with a problem changes nothing."""

    async def ended(self, session: AsyncSession, current: ImportT) -> None:
        """Do what an import's end asks for, in its transaction."""

    async def to_do(self, session: AsyncSession) -> Sequence[UUID]:
        return await self._imports(session).to_do(_LOOK_AT_MOST)

    async def find(self, session: AsyncSession, job_id: UUID) -> ImportT | None:
        return await self._imports(session).unfinished_one(job_id)

    async def work_on(self, job: ImportT) -> None:
        try:
            await self._work_on(job)
        except Exception:
            log.exception("import_interrupted", id=str(job.id))
            await self._let_go(job.id, again_in=_AGAIN_IN)

    async def _work_on(self, claimed: ImportT) -> None:
        try:
            to = await self.prepare(claimed)
            if to is None or claimed.attempts >= MOST_ATTEMPTS:
                await self._finish(claimed, ImportState.FAILED, refusal=_told("failed", FAILED))
                return
            await self._count_attempt(claimed.id)
            with tempfile.NamedTemporaryFile(dir=self._spool, prefix=ARRIVING) as copy:
                file = Path(copy.name)
                await self.fetch(file, to)
                if claimed.if_errors is IfErrors.REFUSE_ALL:
                    await self._take_all_or_none(file, claimed, to)
                else:
                    await self._take_row_by_row(file, claimed, to)
        except NotReady as waiting:
            await self._let_go(claimed.id, again_in=waiting.again_in)
        except WorkbookRefused as refused:
            refusal = _told(refused.code, refused.detail)
            await self._finish(claimed, ImportState.REFUSED, refusal=refusal)

    async def _count_attempt(self, import_id: UUID) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await self._imports(session).count_attempt(import_id)

    async def _let_go(self, import_id: UUID, *, again_in: timedelta) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await self._imports(session).let_go(import_id, again_in=again_in)

    async def _take_row_by_row(self, file: Path, claimed: ImportT, to: Purpose) -> None:
        """Take over what is sound, some rows in each transaction, from the last one done on."""
        before, begun = claimed.done, False
        async for rows, total in self._batches(file, to):
            if not begun:
                await self._begin(claimed.id, total)
                begun = True
            for place, row in rows:
                if place <= before:
                    self.remember(row, to)
            fresh = [row for place, row in rows if place > before]
            if not fresh:
                continue
            async with saved_together(self._runtime, new_trace()) as (session, journal):
                imports = self._imports(session)
                current = await imports.lock(claimed.id)
                if current.done != rows[-1][0] - len(fresh):
                    raise LookupError(f"import {current.id} is worked on by somebody else")
                taken, problems = await self.take(session, journal, fresh, to)
                await imports.add_rows(current.id, taken)
                await _note(imports, current, problems)
                await imports.progress(current.id, done=rows[-1][0])
            await asyncio.sleep(0)
        await self._finish(claimed, ImportState.DONE)

    async def _take_all_or_none(self, file: Path, claimed: ImportT, to: Purpose) -> None:
        """Take every row over in one transaction, or none of them."""
        problems: list[CellProblem] = []
        total = 0
        try:
            async with saved_together(self._runtime, new_trace()) as (session, journal):
                all_taken: list[Mapping[str, object]] = []
                async for rows, total in self._batches(file, to):
                    taken, found = await self.take(session, journal, [row for _, row in rows], to)
                    all_taken += taken
                    problems += found
                    await self._show_progress(claimed.id, done=rows[-1][0], total=total)
                _refuse_errors(problems)
                imports = self._imports(session)
                current = await imports.lock(claimed.id)
                await imports.add_rows(current.id, all_taken)
                await self._close(session, current, journal, ImportState.DONE, total=total)
        except _ErrorsFound:
            async with saved_together(self._runtime, new_trace()) as (session, journal):
                imports = self._imports(session)
                current = await imports.lock(claimed.id)
                await imports.forget_errors(current.id)
                current.error_count = 0
                await _note(imports, current, problems)
                current.refusal = _told("rows_with_errors", ROWS_WITH_ERRORS)
                await self._close(session, current, journal, ImportState.REFUSED, total=total)

    async def _batches(
        self, file: Path, to: Purpose
    ) -> AsyncIterator[tuple[list[tuple[int, Read]], int]]:
        """Yield rows with their place among the rows of the file, some at once, and how many there are."""
        async with self.opened(file, to) as workbook:
            batch: list[tuple[int, Read]] = []
            place = 0
            async for row in workbook.rows():
                place += 1
                batch.append((place, self.read(row, to)))
                if len(batch) == self.rows_at_once:
                    yield batch, workbook.total
                    batch = []
            if batch:
                yield batch, workbook.total

    async def _begin(self, import_id: UUID, total: int) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            current = await self._imports(session).lock(import_id)
            current.total = total
            current.state = ImportState.RUNNING

    async def _show_progress(self, import_id: UUID, *, done: int, total: int) -> None:
        """Say how far the work has come, though none of it is saved yet."""
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await self._imports(session).progress(
                import_id, done=done, total=total, state=ImportState.RUNNING
            )

    async def _finish(
        self, of: ImportT, state: ImportState, *, refusal: dict[str, str] | None = None
    ) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            current = await self._imports(session).lock(of.id)
            current.refusal = refusal
            await self._close(session, current, journal, state, total=current.total)

    async def _close(
        self,
        session: AsyncSession,
        current: ImportT,
        journal: Journal,
        state: ImportState,
        *,
        total: int,
    ) -> None:
        current.state = state
        current.total = total
        current.done = total if state is ImportState.DONE else current.done
        current.finished_at = self._runtime.clock.now()
        current.not_before = None
        await self.ended(session, current)
        journal.record(
            HistoryEntry(
                subject_type="import",
                subject_id=current.id,
                action=state.value,
                actor=sender_of(current),
                reason=None if current.refusal is None else current.refusal["zh"],
                data={"total": total, "done": current.done, "errors": current.error_count},
            )
        )


FAILED = Text(
    "多次处理均未完成，请联系平台运维；已导入的行保留，可重新上传同一文件。",
    "It could not be worked through after many attempts; what was taken over stays, and the same"
    " file can be sent again.",
)
ROWS_WITH_ERRORS = Text(
    "部分行有误，按“全部或不导入”的要求未导入任何一行。",
    "Some rows have errors, and all or none were wanted: nothing was taken over.",
)


def sender_of(of: ImportT) -> Actor:
    """Return in whose name the rows are taken over."""
    return actor_from_record(of.sent_by)


def _refuse_errors(problems: Sequence[CellProblem]) -> None:
    """Undo everything when not all rows can be taken over."""
    if problems:
        raise _ErrorsFound


def _told(code: str, detail: Text) -> dict[str, str]:
    return {"code": code, "zh": detail.zh, "en": detail.en}


async def _note(
    imports: Imports[ImportT, RowT, ErrorT], of: ImportT, problems: Sequence[CellProblem]
) -> None:
    """Write down what is wrong with some rows."""
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
