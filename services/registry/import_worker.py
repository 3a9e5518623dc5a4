"""Works through the older lists that the province sent: each row becomes a recognition on record."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.identity.actor import Actor
from services.kernel.journal import Journal
from services.kernel.logging import new_trace
from services.kernel.problems import Problem
from services.kernel.text import Text
from services.kernel.transaction import Runtime
from services.kernel.workbooks.import_worker import ImportWorker, Taken, sender_of
from services.kernel.workbooks.workbook import CellProblem, OpenWorkbook, SheetRow
from services.policy.catalogue import Catalogue
from services.registry.import_models import (
    OlderRowOutcome,
    RecognitionImport,
    RecognitionImportRow,
    RecognitionRowError,
)
from services.registry.import_repository import RecognitionImportRepository
from services.registry.older_list import Lists, OlderRow, lists_of, read_list, read_row
from services.registry.problems import (
    CertificateNumberTaken,
    CreditCodeNotValid,
    NameDiffers,
    TermNotPossible,
    TermOverlaps,
    UnknownDivision,
    UnknownTitle,
)
from services.registry.recognition_service import OlderRecognition, RecognitionService

COLUMN_OF: dict[type[Problem], str] = {
    CreditCodeNotValid: "uscc",
    NameDiffers: "legal_name",
    UnknownTitle: "title",
    CertificateNumberTaken: "certificate_number",
    TermNotPossible: "valid_from",
    TermOverlaps: "valid_from",
    UnknownDivision: "division",
}
"""In which column to look for what the registry refuses; anything else is of the whole row."""


@dataclass(frozen=True, slots=True)
class Period:
    """What a row of the file says of one title of one enterprise."""

    row: int
    valid_from: date
    valid_until: date | None

    def shares_a_day_with(self, other: "Period") -> bool:
        """Whether both name some day; an end that was left empty says nothing beyond the first day."""
        ends = (self.valid_until or self.valid_from, other.valid_until or other.valid_from)
        return self.valid_from <= ends[1] and other.valid_from <= ends[0]


@dataclass(frozen=True, slots=True)
class OlderList:
    """One import: where its workbook is, in whose name it is recorded, and what stood in it so far."""

    of: RecognitionImport
    content: bytes
    officer: Actor
    lists: Lists
    periods: dict[tuple[str, str], list[Period]] = field(default_factory=dict)
    certificates: dict[str, tuple[int, tuple[str, str]]] = field(default_factory=dict)
    """In which row each number stood first, and of whose title."""


class _RowJournal(Journal):
    """What one row did, held back until the row has come to its end."""

    def pass_on(self, to: Journal) -> None:
        for _, entry in self._entries:
            to.record(entry)
        for _, event in self._events:
            to.announce(event)


class RecognitionImportWorker(
    ImportWorker[RecognitionImport, RecognitionImportRow, RecognitionRowError, OlderList, OlderRow]
):
    """The workbook needs no scanner: nobody is ever given it, and what reads it may die of it."""

    rows_at_once = 50
    """Each new title takes the next place of the status list, and whoever else records one waits."""

    def __init__(self, runtime: Runtime, catalogue: Catalogue, spool: Path) -> None:
        super().__init__(runtime, spool, RecognitionImportRepository)
        self._catalogue = catalogue

    async def prepare(self, claimed: RecognitionImport) -> OlderList | None:
        async with self._runtime.database.session() as session:
            content = await RecognitionImportRepository(session).workbook(claimed.id)
        if content is None:
            return None
        return OlderList(claimed, content, sender_of(claimed), lists_of(self._catalogue))

    async def fetch(self, file: Path, to: OlderList) -> None:
        await asyncio.to_thread(file.write_bytes, to.content)

    def opened(
        self,
        file: Path,
        to: OlderList,  # noqa: ARG002 - every older list is made for the same
    ) -> AbstractAsyncContextManager[OpenWorkbook]:
        return read_list(file)

    def read(self, row: SheetRow, to: OlderList) -> OlderRow:
        return read_row(row, to.lists)

    def remember(self, row: OlderRow, to: OlderList) -> None:
        _repeated(row, to)

    async def take(
        self, session: AsyncSession, journal: Journal, rows: Sequence[OlderRow], to: OlderList
    ) -> Taken:
        taken: list[dict[str, object]] = []
        problems: list[CellProblem] = []
        for row in rows:
            beside = (_outside(row, to.officer), _repeated(row, to))
            found = [*row.problems, *(one for one in beside if one is not None)]
            older = None if found else _older(row)
            if older is None:
                problems += found
                continue
            try:
                is_new = await self._record(session, journal, older, to.officer)
            except Problem as refused:
                problems.append(_refused(row, refused))
                continue
            outcome = OlderRowOutcome.RECORDED if is_new else OlderRowOutcome.ALREADY_THERE
            taken.append(
                {"row": row.number, "uscc": older.uscc, "title": older.title, "outcome": outcome}
            )
        return taken, problems

    async def ended(self, session: AsyncSession, current: RecognitionImport) -> None:
        await RecognitionImportRepository(session).forget_workbook(current.id)

    async def _record(
        self, session: AsyncSession, journal: Journal, older: OlderRecognition, officer: Actor
    ) -> bool:
        """Record one row, all of it or nothing. Return whether it is new."""
        runtime = self._runtime
        of_row = _RowJournal(session, runtime.tables, runtime.clock, new_trace())
        service = RecognitionService(session, of_row, runtime.clock, self._catalogue)
        async with session.begin_nested():
            is_new = await service.record_older(older, officer)
            await session.flush()
        of_row.pass_on(journal)
        return is_new


def _outside(row: OlderRow, officer: Actor) -> CellProblem | None:
    if row.division is None or officer.is_in_charge_of(row.division):
        return None
    return row.problem(
        "division",
        "outside_your_division",
        Text(
            f"所属地不在本单位辖区（{officer.region}）内。",
            f"It is not in the division of your office ({officer.region}).",
        ),
    )


def _repeated(row: OlderRow, to: OlderList) -> CellProblem | None:
    """Note what a row says, and return what another row of the file says already."""
    if row.uscc is None or row.title is None:
        return None
    whose = (row.uscc, row.title)
    found = None
    if row.certificate_number is not None:
        first, owner = to.certificates.setdefault(row.certificate_number, (row.number, whose))
        if owner != whose:
            found = row.problem(
                "certificate_number",
                "repeated_certificate_number",
                Text(
                    f"与第 {first} 行的证书编号相同，而企业或称号不同。",
                    f"Row {first} has this number for another enterprise or title.",
                ),
            )
    if row.valid_from is None:
        return found
    period = Period(row.number, row.valid_from, row.valid_until)
    others = to.periods.setdefault(whose, [])
    for other in others:
        if other.shares_a_day_with(period):
            return row.problem(
                "valid_from",
                "repeated_row",
                Text(
                    f"与第 {other.row} 行是同一企业的同一称号，且有效期重叠。",
                    f"Row {other.row} is of the same enterprise and title, and the terms overlap.",
                ),
            )
    others.append(period)
    return found


def _older(row: OlderRow) -> OlderRecognition | None:
    """Return a row in which nothing needed is missing."""
    if (
        row.uscc is None
        or row.legal_name is None
        or row.title is None
        or row.valid_from is None
        or row.document_number is None
        or row.division is None
    ):
        return None
    return OlderRecognition(
        uscc=row.uscc,
        legal_name=row.legal_name,
        division=row.division,
        title=row.title,
        certificate_number=row.certificate_number,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        document_number=row.document_number,
        decided_on=row.decided_on or row.valid_from,
        focus_field=row.focus_field,
    )


def _refused(row: OlderRow, refused: Problem) -> CellProblem:
    name = COLUMN_OF.get(type(refused), "")
    return row.problem(name, refused.slug.replace("-", "_"), refused.detail)
