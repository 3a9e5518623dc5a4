"""What a market register knows of an enterprise, to fill in a draft before anybody types.

A register answers what it has, says that it knows no such enterprise, or cannot answer: an outage is
never taken for a "no". docs/register.md is the page for whoever connects another one.
"""

import asyncio
import csv
import heapq
import os
import re
import stat
import weakref
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import structlog

from services.kernel.clock import day_of
from services.policy import credit_code
from services.policy.catalogue import published_catalogue
from services.policy.divisions import former_divisions
from services.policy.facts import Fact, FactKind, FactValue, check_facts
from services.policy.industries import industry_of

log = structlog.get_logger()

LONGEST_LINE = 64 * 1024
"""Of an extract, in bytes: more than any enterprise's line, and what one look-up reads at most."""

HEADINGS: Mapping[str, str] = {
    "统一社会信用代码": "uscc",
    "企业名称": "legal_name",
    "成立日期": "established_on",
    "登记机关行政区划": "registered_division",
    "登记机关行政区划代码": "registered_division",
    "注册地行政区划": "registered_division",
    "注册地行政区划代码": "registered_division",
    "行业代码": "industry_code",
    "国民经济行业代码": "industry_code",
    "法人资格": "is_legal_person",
    "从业人员": "employees",
    "从业人数": "employees",
    "数据日期": "as_of",
}
"""Official headings, and the fact or the field of the record that each stands for."""

_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
_DAY = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d{2})(\d{2}))"
    r"(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?",
    re.ASCII,
)
_DAY_OF_FILE = re.compile(r"#\s*(?:as_of|数据日期)\s*[:：]\s*(.*)")
_CLASS = re.compile(r"([A-T])(\d{4})", re.ASCII)
_WHOLE = re.compile(r"\d{1,10}", re.ASCII)
_FLAGS = {
    **dict.fromkeys(("是", "有", "具有", "true", "yes", "y", "1"), True),
    **dict.fromkeys(("否", "无", "不具有", "false", "no", "n", "0"), False),
}
_BYTES_OF_OFFSET = 8
_ENTRY = credit_code.LENGTH + _BYTES_OF_OFFSET
_NAMED_AT_MOST = 5
_READ_AT_ONCE = 1 << 20
"""A thread that reads little by little hands over the interpreter without another getting hold of it."""
_RUN = 20_000
"""Entries that are sorted at once: to sort a million would hold up every other thread for a second."""
_BOM = b"\xef\xbb\xbf"


class RegisterUnavailable(Exception):
    """The register cannot answer now. It says nothing about the enterprise."""


@dataclass(frozen=True, slots=True)
class RegisterRecord:
    """What a register has on one enterprise, in the spelling of `services.policy.facts`."""

    uscc: str
    as_of: date
    """The day of the data, not of the question."""
    facts: Mapping[str, FactValue]
    unreadable: Mapping[str, str]
    """What stands in the register and cannot be read, as it stands there. Nothing is guessed."""


class Register(Protocol):
    name: str
    """Which register it is, for whoever reads where a fact came from."""

    async def look_up(self, uscc: str) -> RegisterRecord | None:
        """Return what the register has, or None when it answered and knows no such enterprise.

        Raises `RegisterUnavailable` when it cannot answer.
        """


class FactsRead(NamedTuple):
    facts: dict[str, FactValue]
    unreadable: dict[str, str]


def read_facts(stated: Mapping[str, str]) -> FactsRead:
    """Read what a register writes as text, by the kinds that the published packs give the facts.

    What is empty is not stated. What is no fact of any pack is left out.
    """
    known = _known_facts()
    texts = {
        name: text.strip()
        for name, text in stated.items()
        if name in known.declared and text.strip()
    }
    given = {name: _spell(known.declared[name].kind, text) for name, text in texts.items()}
    checked = check_facts(known.declared, known.options, given)
    return FactsRead(
        facts=checked.values,
        unreadable={name: text for name, text in texts.items() if name not in checked.values},
    )


class CsvExtract:
    """A register that hands over its data as a CSV file, which may be replaced at any time.

    The file is indexed at the first question, and again after it has changed; until the new index
    is ready, and when the new file is malformed, the last good one goes on answering. Only codes
    and places are held in memory, so a million lines are welcome.
    """

    def __init__(self, path: Path, *, name: str) -> None:
        self.name = name
        self._path = path
        self._index: _Index | None = None
        self._refused: _Stamp | None = None
        self._reason = ""
        self._indexing: asyncio.Task[None] | None = None

    async def look_up(self, uscc: str) -> RegisterRecord | None:
        """Return the enterprise's line. Raises `RegisterUnavailable` for want of a sound file."""
        if not credit_code.is_valid(uscc):
            return None
        index = await self._ready_index()
        return await asyncio.to_thread(index.look_up, credit_code.normalise(uscc))

    async def _ready_index(self) -> "_Index":
        found = await asyncio.to_thread(self._stamp_found)
        index = self._index if self._index is not None and self._index.is_intact() else None
        if index is not None and index.stamp == found:
            return index
        is_hopeless = found is None or found == self._refused
        if not is_hopeless and self._indexing is None:
            self._indexing = asyncio.create_task(self._index_anew(found))
        if index is not None:
            return index
        if self._indexing is not None:
            # Whoever asked first may go away; the others still want the index.
            await asyncio.shield(self._indexing)
        if self._index is None or not self._index.is_intact():
            raise RegisterUnavailable(f"{self.name}: {self._reason}")
        return self._index

    def _stamp_found(self) -> "_Stamp | None":
        """Return what stands at the path now, or None when there is nothing that can be read."""
        try:
            return _Stamp.of(self._path.stat())
        except OSError as error:
            self._tell(f"the extract cannot be read: {error.strerror}")
            return None

    async def _index_anew(self, found: "_Stamp | None") -> None:
        try:
            self._index = await asyncio.to_thread(_index_of, self._path, self.name)
        except ExtractMalformed as flaw:
            self._refused = found
            self._tell(str(flaw), *flaw.lines)
            return
        except OSError as error:
            self._tell(f"the extract cannot be read: {error.strerror}")
            return
        finally:
            self._indexing = None
        self._refused, self._reason = None, ""

    def _tell(self, reason: str, *lines: int) -> None:
        """Write why there is no new index: once, however many ask meanwhile."""
        if reason != self._reason:
            log.warning(
                "register not indexed",
                register=self.name,
                reason=reason,
                lines=list(lines),
                answers_from_before=self._index is not None,
            )
        self._reason = reason


class ExtractMalformed(Exception):
    """An extract that cannot be trusted as a whole, with the numbers of the lines that say so."""

    def __init__(self, reason: str, *lines: int) -> None:
        where = f" (line {', '.join(map(str, lines))})" if lines else ""
        super().__init__(f"{reason}{where}")
        self.lines = lines


class _Stamp(NamedTuple):
    """What tells one file from the next: another inode, another size, another time of writing."""

    device: int
    inode: int
    size: int
    written_at: int

    @classmethod
    def of(cls, status: os.stat_result) -> "_Stamp":
        if not stat.S_ISREG(status.st_mode):
            raise OSError(None, "it is no regular file")
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the lines of one extract are read."""

    encoding: str
    columns: tuple[str | None, ...]
    """The fact that each column states; None for one that is none of ours."""
    code_at: int
    as_of: date
    """For lines that name no day of their own."""
    first_line: int
    """The number of the first line after the heading."""
    left_aside: tuple[str, ...]
    """Headings that are no fact; a misspelt one is seen among them."""

    def fields(self, line: bytes) -> list[str]:
        """Split a line. Raises `csv.Error` or `UnicodeDecodeError`."""
        return next(csv.reader([line.rstrip(b"\r\n").decode(self.encoding)], strict=True), [])

    def record(self, line: bytes) -> RegisterRecord:
        stated = {
            column: text
            for column, text in zip(self.columns, self.fields(line), strict=True)
            if column is not None
        }
        uscc = credit_code.normalise(stated.pop("uscc"))
        day_stated = stated.pop("as_of", "").strip()
        as_of = _day_in(day_stated)
        read = read_facts(stated)
        if day_stated and as_of is None:
            read.unreadable["as_of"] = day_stated
        return RegisterRecord(
            uscc=uscc,
            as_of=as_of or self.as_of,
            facts=read.facts,
            unreadable=read.unreadable,
        )


class _Index:
    """The places of all codes in one open file.

    It keeps the file open, so that it can answer from it after another has taken its path.
    """

    def __init__(self, descriptor: int, stamp: _Stamp, layout: _Layout, packed: bytearray) -> None:
        self.stamp = stamp
        self._descriptor = descriptor
        self._layout = layout
        self._packed = packed
        # Closed once the last reader is through with it, in whatever thread that is.
        weakref.finalize(self, os.close, descriptor)

    def __len__(self) -> int:
        return len(self._packed) // _ENTRY

    def is_intact(self) -> bool:
        """Whether the file is still what was indexed, rather than written over in its place."""
        try:
            return _Stamp.of(os.fstat(self._descriptor)) == self.stamp
        except OSError:
            # A network disk says so of a file that was taken away on the other side.
            return False

    def look_up(self, code: str) -> RegisterRecord | None:
        wanted = code.encode("ascii")
        place = bisect_left(range(len(self)), wanted, key=self._code)
        if place == len(self) or self._code(place) != wanted:
            return None
        offset = _offset(self._packed[place * _ENTRY : (place + 1) * _ENTRY])
        try:
            line = os.pread(self._descriptor, LONGEST_LINE, offset).partition(b"\n")[0]
        except OSError as error:
            raise RegisterUnavailable(f"the extract cannot be read: {error.strerror}") from error
        if not self.is_intact():
            raise RegisterUnavailable("the extract was written over while it was being read")
        return self._layout.record(line)

    def _code(self, place: int) -> bytes:
        start = place * _ENTRY
        return bytes(self._packed[start : start + credit_code.LENGTH])


def _index_of(path: Path, name: str) -> _Index:
    """Index a file. Raises `ExtractMalformed`, or `OSError` when it cannot be read."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        stamp = _Stamp.of(os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", _READ_AT_ONCE, closefd=False) as file:
            layout = _layout_of(file, stamp)
            scanned = _scan(file, layout)
            packed = _merged(file, scanned.runs)
        index = _Index(descriptor, stamp, layout, packed)
    except BaseException:
        os.close(descriptor)
        raise
    if not index.is_intact():
        raise ExtractMalformed("the extract was written over while it was being indexed")
    log.info(
        "register indexed",
        register=name,
        enterprises=len(index),
        lines_without_code=scanned.without_code,
        first_without_code=scanned.first_without_code,
        columns=[column for column in layout.columns if column is not None],
        columns_left_aside=list(layout.left_aside),
        as_of=layout.as_of.isoformat(),
    )
    return index


class _Scanned(NamedTuple):
    runs: Sequence[bytes]
    """Code and offset of each enterprise, packed; in the order of codes within each run."""
    without_code: int
    first_without_code: int | None


def _layout_of(file: BinaryIO, stamp: _Stamp) -> _Layout:
    """Read the heading, and leave the file at the first line after it."""
    file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
    has_bom = file.tell() > 0
    start = file.tell()
    encoding = "utf-8" if has_bom else _encoding_of(file)
    file.seek(start)
    first_line = 2
    heading = file.readline(LONGEST_LINE)
    try:
        as_of = day_of(datetime.fromtimestamp(stamp.written_at / 1e9, UTC))
        if heading.startswith(b"#"):
            as_of = _day_of_comment(heading.decode(encoding)) or as_of
            first_line, heading = 3, file.readline(LONGEST_LINE)
        names = next(csv.reader([heading.rstrip(b"\r\n").decode(encoding)], strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExtractMalformed("the heading cannot be read", first_line - 1) from error
    columns = tuple(_column(name.strip()) for name in names)
    for column in {column for column in columns if column is not None}:
        if columns.count(column) > 1:
            raise ExtractMalformed(f"two columns state {column}", first_line - 1)
    if "uscc" not in columns:
        raise ExtractMalformed("no column is headed 统一社会信用代码 or uscc", first_line - 1)
    return _Layout(
        encoding=encoding,
        columns=columns,
        code_at=columns.index("uscc"),
        as_of=as_of,
        first_line=first_line,
        left_aside=tuple(
            name for name, column in zip(names, columns, strict=True) if column is None
        ),
    )


def _encoding_of(file: BinaryIO) -> str:
    """Return UTF-8 unless the first line that could tell them apart is no UTF-8."""
    for line in iter(lambda: file.readline(LONGEST_LINE), b""):
        if not line.isascii():
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return "gb18030"
            return "utf-8"
    return "utf-8"


def _day_of_comment(comment: str) -> date | None:
    """Return the day that a first line says; None when it speaks of something else."""
    said = _DAY_OF_FILE.fullmatch(comment.strip().rstrip(","))
    if said is None:
        return None
    day = _day_in(said[1].strip())
    if day is None:
        raise ExtractMalformed("the day of the data cannot be read", 1)
    return day


def _column(heading: str) -> str | None:
    name = HEADINGS.get(heading, heading)
    return name if name == "as_of" or name in _known_facts().declared else None


def _scan(file: BinaryIO, layout: _Layout) -> _Scanned:
    """Read each line once, and refuse the file for one that would be read wrongly later."""
    runs: list[bytes] = []
    entries: list[bytes] = []
    without_code: list[int] = []
    offset = file.tell()
    for number, line in enumerate(_lines(file), start=layout.first_line):
        if not line.isspace():
            code = _code_in(line, layout, number)
            if code is None:
                without_code.append(number)
            else:
                entries.append(code + offset.to_bytes(_BYTES_OF_OFFSET))
        offset += len(line)
        if len(entries) == _RUN:
            runs.append(b"".join(sorted(entries)))
            entries.clear()
    runs.append(b"".join(sorted(entries)))
    if not any(runs):
        # An export that failed looks like this; to read it as "nobody is registered" would be a no.
        raise ExtractMalformed("no line carries a credit code", *without_code[:_NAMED_AT_MOST])
    return _Scanned(runs, len(without_code), without_code[0] if without_code else None)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.readline(LONGEST_LINE + 1), b"")


def _code_in(line: bytes, layout: _Layout, number: int) -> bytes | None:
    """Return the code of a line that is sound otherwise; None when it carries no credit code."""
    _refuse_broken(line, number)
    try:
        fields = layout.fields(line)
    except UnicodeDecodeError as error:
        raise ExtractMalformed(f"the line is no {layout.encoding.upper()}", number) from error
    except csv.Error as error:
        raise ExtractMalformed("the quotation marks do not fit", number) from error
    if len(fields) != len(layout.columns):
        raise ExtractMalformed(
            f"the line has {len(fields)} values, the heading {len(layout.columns)}", number
        )
    code = fields[layout.code_at]
    if not _CODE.fullmatch(code):
        code = credit_code.normalise(code)
    return code.encode("ascii") if _CODE.fullmatch(code) else None


def _refuse_broken(line: bytes, number: int) -> None:
    """Refuse a line that is not one line: bytes of these values are no part of a character."""
    if len(line) > LONGEST_LINE:
        raise ExtractMalformed(f"the line has more than {LONGEST_LINE} bytes", number)
    if b"\0" in line:
        raise ExtractMalformed("the line has a zero byte", number)
    if b"\r" in line.rstrip(b"\r\n") or line.count(b'"') % 2:
        raise ExtractMalformed("a value has a line break in it", number)


def _merged(file: BinaryIO, runs: Sequence[bytes]) -> bytearray:
    """Put all entries in order, and refuse two lines for one enterprise.

    Which of the two is right, the file does not say.
    """
    packed = bytearray()
    before = b""
    twice: set[int] = set()
    for entry in heapq.merge(*map(_entries, runs)):
        if entry.startswith(before[: credit_code.LENGTH] or b" "):
            twice |= {_offset(before), _offset(entry)}
            if len(twice) >= _NAMED_AT_MOST:
                break
        packed += entry
        before = entry
    if twice:
        raise ExtractMalformed(
            "several lines have the same credit code", *_line_numbers(file, twice)
        )
    return packed


def _entries(run: bytes) -> Iterator[bytes]:
    return (run[start : start + _ENTRY] for start in range(0, len(run), _ENTRY))


def _offset(entry: bytes | bytearray) -> int:
    return int.from_bytes(entry[credit_code.LENGTH :])


def _line_numbers(file: BinaryIO, offsets: set[int]) -> list[int]:
    """Return which lines begin at these places."""
    file.seek(0)
    found, offset = [], 0
    for number, line in enumerate(_lines(file), start=1):
        if offset in offsets:
            found.append(number)
        offset += len(line)
    return found


class _KnownFacts(NamedTuple):
    declared: Mapping[str, Fact]
    options: Mapping[str, frozenset[str]]


@lru_cache
def _known_facts() -> _KnownFacts:
    """Return the facts of all published packs; of one that several declare, as the newest does.

    A fact is of one kind in all packs, so a register can be read before a pack is chosen.
    """
    declared: dict[str, Fact] = {}
    options: dict[str, frozenset[str]] = {}
    for pack in sorted(published_catalogue().packs(), key=lambda pack: pack.in_force_from):
        declared |= pack.facts
        for name, ids in pack.options.items():
            options[name] = options.get(name, frozenset()) | ids
    return _KnownFacts(declared, options)


def _spell(kind: FactKind, text: str) -> object:
    """Bring a register's text into the spelling of facts; what does not fit stays and is refused."""
    spelling = _SPELLINGS.get(kind)
    return text if spelling is None else spelling(text)


def _day(text: str) -> str:
    day = _day_in(text)
    return text if day is None else day.isoformat()


def _day_in(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups() if part is not None)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _division_of_today(code: str) -> str:
    """Follow a code of earlier years to the one that it has become."""
    former = former_divisions()
    while code in former:
        code = former[code].became
    return code


def _class_without_section(text: str) -> str:
    """Take the letter off a class written as C3484, when it is the letter of that class."""
    written = _CLASS.fullmatch(text)
    if written is None:
        return text
    industry = industry_of(written[2])
    return written[2] if industry is not None and industry.section == written[1] else text


_SPELLINGS: Mapping[FactKind, Callable[[str], object]] = {
    FactKind.FLAG: lambda text: _FLAGS.get(text.lower(), text),
    FactKind.DAY: _day,
    FactKind.COUNT: lambda text: int(text) if _WHOLE.fullmatch(text) else text,
    FactKind.YEAR: lambda text: int(text) if _WHOLE.fullmatch(text) else text,
    FactKind.TEXTS: lambda text: [part for part in re.split(r"\s*[;；]\s*", text) if part],
    FactKind.DIVISION: _division_of_today,
    FactKind.INDUSTRY: _class_without_section,
}
