"""A workbook that a stranger filled, read in a process of its own, one row after another."""

import asyncio
import json
import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Container,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from services.kernel.text import Text

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS: Final = 10_000
"""How many rows one workbook may have."""
SECONDS_FOR_A_LINE: Final = 90
"""The reading process takes 60 of processor time at most; then it is ended."""
LONGEST_LINE: Final = 2 * 2**20
"""In bytes: a row has a quarter of a million characters at most, and JSON may spell one with six."""

CellKind = Literal["text", "number", "percent", "flag", "day", "moment", "time", "formula", "error"]

_ROOT = Path(__file__).parents[3]


class WorkbookRefused(Exception):
    """The file is not read at all. `code` is stable, `detail` says what to do."""

    def __init__(self, code: str, detail: Text) -> None:
        super().__init__(detail.en)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class SheetColumn:
    letter: str
    label: str
    """What stands at its head, in Chinese."""


class SheetColumns:
    """The columns of a sheet by their names; its rows share them."""

    def __init__(self, letters: Mapping[str, str]) -> None:
        self.letters = letters
        self._labelled: dict[str, Mapping[str, SheetColumn]] = {}

    def under(self, names: str, label: Callable[[str], str]) -> Mapping[str, SheetColumn]:
        """Return the columns with their headings, worked out once for each set of names."""
        found = self._labelled.get(names)
        if found is None:
            found = self._labelled[names] = {
                name: SheetColumn(letter, label(name)) for name, letter in self.letters.items()
            }
        return found


@dataclass(frozen=True, slots=True)
class SheetHeader:
    """What a workbook says of itself, before its rows."""

    sheet: str
    total: int
    """How many rows are filled."""
    columns: SheetColumns
    meta: Mapping[str, str]
    """What the template was made for, as it says itself.

    Anybody can edit it, and it is empty where that sheet was taken out.
    """


@dataclass(frozen=True, slots=True)
class SheetCell:
    name: str
    kind: CellKind
    value: str
    """Spelled so that nothing is lost: a number in its shortest decimal form, a day as ISO 8601."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    number: int
    """As Excel counts, from 1."""
    cells: tuple[SheetCell, ...]
    """Those that are filled, in the order of the columns."""
    columns: SheetColumns


@dataclass(frozen=True, slots=True)
class CellProblem:
    row: int
    column: str
    name: str
    label: str
    code: str
    detail: Text


class OpenWorkbook:
    """A workbook whose rows are being read, each once."""

    def __init__(self, header: SheetHeader, rows: AsyncIterator[SheetRow]) -> None:
        self.header = header
        self._rows = rows

    @property
    def total(self) -> int:
        """How many rows are filled."""
        return self.header.total

    def require(self, **wanted: str) -> None:
        """Refuse a template that was made for something else. Raises `WorkbookRefused`."""
        for what, value in wanted.items():
            found = self.header.meta.get(what, value)
            if found != value:
                raise WorkbookRefused(
                    "other_template",
                    Text(
                        f"这是为其他事项下载的模板（{found[:80]}，此处为 {value}）；请下载此处的模板。",
                        f"The template was made for {found[:80]}, and this is {value};"
                        " use the template of this place.",
                    ),
                )

    def require_columns(self, known: Container[str], *, of: Text) -> None:
        """Refuse a column that nobody knows. `of` is what knows them. Raises `WorkbookRefused`."""
        for name, letter in self.header.columns.letters.items():
            if name not in known:
                raise WorkbookRefused(
                    "unknown_column",
                    Text(
                        f"{letter} 列的列名 {name[:80]} 不在{of.zh}中；请使用此处的模板。",
                        f"Column {letter} is called {name[:80]}, which is none of {of.en};"
                        " use the template of this place.",
                    ),
                )

    def rows(self) -> AsyncIterator[SheetRow]:
        """Return the filled rows in order.

        Raises `WorkbookRefused` when the reading process dies over them.
        """
        return self._rows


# ---------------------------------------------------------------- the reading process


@asynccontextmanager
async def read_workbook(
    path: Path, *, needed: Sequence[str], max_rows: int = MOST_ROWS
) -> AsyncIterator[OpenWorkbook]:
    """Open a workbook that a stranger made; its process is gone when the block is left.

    A sheet is read whose first rows name the columns `needed`.

    Raises `WorkbookRefused`, also for a file that the process dies of.
    """
    process = await asyncio.create_subprocess_exec(
        *_command(path, needed, max_rows),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=_ROOT,
        env={"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
        limit=LONGEST_LINE,
    )
    try:
        first = await _next_line(process)
        if first is None:
            raise unreadable()
        columns = SheetColumns(first["columns"])
        header = SheetHeader(first["sheet"], first["rows"], columns, first["meta"])
        async with aclosing(_rows(process, header)) as rows:
            yield OpenWorkbook(header, rows)
    finally:
        await _end(process)


def _command(path: Path, needed: Sequence[str], max_rows: int) -> tuple[str, ...]:
    reader = ("-m", "services.kernel.workbooks.reader", str(path.absolute()))
    return (sys.executable, *reader, "--max-rows", str(max_rows), "--needs", *needed)


def unreadable() -> WorkbookRefused:
    return WorkbookRefused(
        "unreadable",
        Text(
            "文件过大、过于复杂或已损坏，无法读取；请用模板重新填写后上传。",
            "It is too large, too complex or damaged; fill the template anew.",
        ),
    )


async def _rows(
    process: asyncio.subprocess.Process, header: SheetHeader
) -> AsyncGenerator[SheetRow, None]:
    count = 0
    while (line := await _next_line(process)) is not None:
        count += 1
        yield SheetRow(
            line["row"],
            tuple(SheetCell(name, kind, value) for name, (kind, value) in line["cells"].items()),
            header.columns,
        )
    # A process that was stopped half-way has printed whole lines too.
    if await process.wait() != 0 or count != header.total:
        raise unreadable()


async def _next_line(process: asyncio.subprocess.Process) -> dict[str, Any] | None:
    """Return the next line, or None after the last. Raises `WorkbookRefused` for a refusal."""
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    try:
        async with asyncio.timeout(SECONDS_FOR_A_LINE):
            text = await process.stdout.readline()
        line: dict[str, Any] | None = json.loads(text) if text else None
    except (TimeoutError, ValueError) as error:
        raise unreadable() from error
    if line is not None and "refused" in line:
        raise WorkbookRefused(line["refused"], Text(line["zh"], line["en"]))
    return line


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    # What it had written is drained, so that its pipe closes too.
    if process.stdout is not None:
        while await process.stdout.read(LONGEST_LINE):
            pass
    await process.wait()
