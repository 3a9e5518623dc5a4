"""Exports: what an officer is in charge of, and the open data of the public register."""

import asyncio
import codecs
import csv
import io
import json
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, Final, TypeVar

import xlsxwriter

from services.kernel.identity.actor import Actor
from services.kernel.problems import Overloaded
from services.kernel.regions import city_of
from services.kernel.text import Text
from services.kernel.transaction import Runtime
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.registry.export_problems import ExportTooLarge
from services.registry.export_repository import (
    ROWS_AT_ONCE,
    ExportRepository,
    PublicRow,
    one_moment,
)
from services.registry.models import Enterprise
from services.registry.search import Sought
from services.registry.standing import Renewals, standing
from services.registry.workflow import STATUS_NAMES

CHUNK: Final = 64 * 1024
LARGEST_SHEET: Final = 1_048_576 - 1
"""Rows of a sheet below its heading."""
FIRST_SECONDS, LEAST_BYTES_PER_SECOND = 60, 16 * 1024
"""After a minute, whoever reads more slowly on the whole is cut off: others wait for the place."""
BYTE_ORDER_MARK: Final = codecs.BOM_UTF8
"""Without it Excel takes UTF-8 for the code page of the machine."""
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may take for the beginning of a formula."""

Part = TypeVar("Part")
Cell = str | date | None
Row = Sequence[Cell]

PUBLIC_COLUMNS: Final[Mapping[str, Text]] = {
    "uscc": Text("统一社会信用代码", "Unified social credit code"),
    "legal_name": Text("企业名称（现名）", "Legal name, as of today"),
    "title": Text("称号代码", "Code of the title"),
    "title_name": Text("称号", "Title, in Chinese"),
    "certificate_number": Text("证书编号", "Certificate number"),
    "valid_from": Text("有效期起（YYYY-MM-DD）", "First valid day (YYYY-MM-DD)"),
    "valid_until": Text("有效期止，含当日（YYYY-MM-DD）", "Last valid day, included (YYYY-MM-DD)"),
    "division": Text("所属地代码（GB/T 2260）", "Division code (GB/T 2260)"),
    "city_name": Text("所属市（州）", "City or prefecture, in Chinese"),
}
OFFICE_COLUMNS: Final[Mapping[str, Text]] = {
    "uscc": Text("统一社会信用代码", "Unified social credit code"),
    "legal_name": Text("企业名称", "Legal name"),
    "division": Text("所属地代码", "Division code"),
    "division_name": Text("所属地", "Division"),
    "city_name": Text("所属市（州）", "City or prefecture"),
    "focus_field": Text("重点领域代码", "Code of the focus field"),
    "title": Text("称号代码", "Code of the title"),
    "title_name": Text("称号", "Title"),
    "certificate_number": Text("证书编号", "Certificate number"),
    "status": Text("状态代码", "Code of the state"),
    "status_name": Text("状态", "State"),
    "valid_from": Text("有效期起", "First valid day"),
    "valid_until": Text("有效期止", "Last valid day"),
    "renewal_opens_on": Text("复核开始日期", "First day to file for renewal"),
    "document_number": Text("认定文号", "Document number"),
    "revoked_on": Text("撤销日期", "Revoked on"),
}


@dataclass(frozen=True, slots=True)
class SpooledExport:
    """A finished file without a name on the disk; it is gone when it is closed."""

    file: IO[bytes]
    size: int


class ExportService:
    def __init__(
        self, runtime: Runtime, catalogue: Catalogue, places: asyncio.Semaphore, spool: Path
    ) -> None:
        self._runtime = runtime
        self._catalogue = catalogue
        self._places = places
        self._spool = spool

    def public_csv(self) -> AsyncGenerator[bytes, None]:
        return _flowing(self._placed(_csv(PUBLIC_COLUMNS, self._public_rows())))

    def public_jsonl(self) -> AsyncGenerator[bytes, None]:
        return _flowing(self._placed(_jsonl(PUBLIC_COLUMNS, self._public_rows())))

    def office_csv(self, sought: Sought, officer: Actor) -> AsyncGenerator[bytes, None]:
        return _flowing(self._placed(_csv(OFFICE_COLUMNS, self._office_rows(sought, officer))))

    async def office_workbook(self, sought: Sought, officer: Actor) -> SpooledExport:
        """Write a workbook, whole, before a byte of it is sent. Raises `ExportTooLarge`."""
        rows = self._placed(self._office_rows(sought, officer))
        file: IO[bytes] = tempfile.TemporaryFile(dir=self._spool)  # noqa: SIM115 - closed once it is sent
        try:
            await self._write_workbook(file, rows)
        except BaseException:
            file.close()
            raise
        finally:
            await rows.aclose()
        return SpooledExport(file=file, size=file.tell())

    async def _write_workbook(self, file: IO[bytes], rows: AsyncIterator[Sequence[Row]]) -> None:
        # Each row goes to the disk as soon as the next one begins.
        workbook = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "tmpdir": str(self._spool),
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "default_date_format": "yyyy-mm-dd",
            },
        )
        try:
            await _write_sheet(workbook, rows)
        finally:
            # Also where the rows broke off: it lets go of the file that it kept them in.
            await asyncio.to_thread(workbook.close)
        file.seek(0, io.SEEK_END)

    async def _placed(self, parts: AsyncGenerator[Part, None]) -> AsyncGenerator[Part, None]:
        """Pass parts on while a place is held. Raises `Overloaded` where none is free."""
        if self._places.locked():
            raise Overloaded(
                "正在进行的导出较多，请稍后再试。",
                "Several exports are under way; try again in a moment.",
                headers={"Retry-After": "30"},
            )
        async with self._places, aclosing(parts):
            async for part in parts:
                yield part

    async def _public_rows(self) -> AsyncGenerator[Sequence[Row], None]:
        """Yield rows, some at once, and at least once: none of them may be there."""
        today = self._runtime.clock.today()
        async with (
            one_moment(self._runtime.database) as session,
            aclosing(ExportRepository(session).public_rows(today)) as found,
        ):
            batch: list[Row] = []
            async for row in found:
                batch.append(self._public_row(row))
                if len(batch) == ROWS_AT_ONCE:
                    yield batch
                    batch = []
            yield batch

    def _public_row(self, of: PublicRow) -> Row:
        return (
            of.uscc,
            of.legal_name,
            of.title,
            self._catalogue.pack(of.policy_pack).title_named(of.title).name.zh,
            of.certificate_number,
            of.valid_from,
            of.valid_until,
            of.division,
            _division_name(city_of(of.division)),
        )

    async def _office_rows(
        self, sought: Sought, officer: Actor
    ) -> AsyncGenerator[Sequence[Row], None]:
        async with (
            one_moment(self._runtime.database) as session,
            aclosing(ExportRepository(session).in_charge(sought, officer)) as found,
        ):
            async for enterprises, renewals in found:
                yield [
                    row
                    for enterprise in enterprises
                    for row in self._rows_of(enterprise, renewals, sought.today)
                ]

    def _rows_of(self, of: Enterprise, renewals: Renewals, today: date) -> Iterator[Row]:
        """Yield a row for each title; one without a title for an enterprise that has none."""
        about = (
            of.uscc,
            of.legal_name,
            of.division,
            _division_name(of.division),
            _division_name(city_of(of.division)),
            of.focus_field,
        )
        standings = [standing(one, renewals, today) for one in of.recognitions]
        held = [one for one in standings if one is not None]
        if not held:
            yield (*about, *[None] * (len(OFFICE_COLUMNS) - len(about)))
        for one in held:
            row = one.recognition
            granted = one.granted
            yield (
                *about,
                row.title,
                self._catalogue.pack(granted.policy_pack).title_named(row.title).name.zh,
                row.certificate_number,
                one.status.value,
                STATUS_NAMES[one.status][0],
                one.term.valid_from,
                one.term.valid_until,
                one.term.renewal_opens_on,
                granted.document_number,
                one.life.revoked_on,
            )


def _division_name(code: str) -> str | None:
    found = divisions().get(code)
    return None if found is None else found.name


# ---------------------------------------------------------------- how rows are written


async def _csv(
    columns: Mapping[str, Text], rows: AsyncGenerator[Sequence[Row], None]
) -> AsyncGenerator[bytes, None]:
    """Write rows by RFC 4180, with a mark of their encoding before them."""
    head = BYTE_ORDER_MARK + _csv_lines([tuple(columns)])
    async with aclosing(rows):
        # The heading waits for the first rows: until then a failure can be answered as one.
        async for some in rows:
            yield head + _csv_lines(some)
            head = b""


def _csv_lines(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def _harmless(cell: Cell) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    if cell is None:
        return ""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULAS) else text


async def _jsonl(
    columns: Mapping[str, Text], rows: AsyncGenerator[Sequence[Row], None]
) -> AsyncGenerator[bytes, None]:
    """Write each row as an object on a line of its own, as it stands."""
    async with aclosing(rows):
        async for some in rows:
            yield "".join(
                json.dumps(
                    {
                        name: cell.isoformat() if isinstance(cell, date) else cell
                        for name, cell in zip(columns, row, strict=True)
                    },
                    ensure_ascii=False,
                )
                + "\n"
                for row in some
            ).encode()


async def _write_sheet(workbook: Any, rows: AsyncIterator[Sequence[Row]]) -> None:
    sheet = workbook.add_worksheet("企业名录")
    heading = workbook.add_format({"bold": True})
    for place, label in enumerate(OFFICE_COLUMNS.values()):
        sheet.set_column(place, place, 24)
        sheet.write_string(0, place, label.zh, heading)
    sheet.freeze_panes(1, 2)
    written = 0
    async for some in rows:
        if written + len(some) > LARGEST_SHEET:
            raise ExportTooLarge
        await asyncio.to_thread(_write_rows, sheet, some, written + 1)
        written += len(some)
    sheet.autofilter(0, 0, written, len(OFFICE_COLUMNS) - 1)


def _write_rows(sheet: Any, rows: Sequence[Row], first: int) -> None:
    for number, row in enumerate(rows, start=first):
        for place, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(number, place, cell)
            elif cell is not None:
                # A text stays a text, whatever it begins with.
                sheet.write_string(number, place, cell)


async def _flowing(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Pass parts on as long as they are taken. Raises `TimeoutError` when that is too slow.

    What is raised here after the first part breaks the connection: half a file is no file.
    """
    begun_at, size = time.monotonic(), 0
    async with aclosing(parts):
        async for part in parts:
            yield part
            size += len(part)
            seconds = time.monotonic() - begun_at
            if seconds > FIRST_SECONDS and size < seconds * LEAST_BYTES_PER_SECOND:
                raise TimeoutError(f"{size} bytes in {seconds:.0f} seconds")
