"""What a file really is: by what is in it, never by its name or by what its sender says.

Four kinds are known: PDF, JPEG, PNG and OFD (GB/T 33190). Each has to begin and end as its standard
says, and to be nothing else besides, so that every later reader sees the same file. Only the head
and the tail are read.
"""

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import puremagic

from services.kernel.text import Text

PDF = "application/pdf"
JPEG = "image/jpeg"
PNG = "image/png"
OFD = "application/ofd"
KNOWN = (PDF, JPEG, PNG, OFD)

MOST_ENTRIES = 5_000
"""Of an OFD: each page has a handful of files."""
LARGEST_DIRECTORY = 1 << 20
LARGEST_CONTENT = 512 << 20
"""What all files of an OFD may unpack to, in bytes."""
LARGEST_ROOT = 1 << 20
"""OFD.xml names the document's parts, and is a few kilobytes."""

_HEAD = 4096
# The longest comment of a ZIP and its last record: whoever opens it as a ZIP looks no further back.
_TAIL = (1 << 16) + 22
_PDF_END = 2048
_PDF_TRAILER = re.compile(rb"startxref\s+\d+\s+%%EOF")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_JPEG_START = re.compile(rb"\xff\xd8\xff[\xc0-\xfe]")
_JPEG_END = b"\xff\xd9"
_ZIP_START = b"PK\x03\x04"
_ZIP_END = b"PK\x05\x06"
_ZIP_RECORD = struct.Struct("<12xIIH")
"""The last record: size and offset of the directory, length of the comment."""
_ZIP_DIRECTORY = b"PK\x01\x02"
_ZIP64 = b"PK\x06\x07"
_DAMAGE = (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, EOFError, NotImplementedError)
"""What the library raises for archives that are damaged, or written to mislead it."""
_OFD_NAMESPACE = b"http://www.ofdspec.org"
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_PROGRAMS = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xca\xfe\xba\xbe",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
)
"""How programs of Windows, Linux, Java and macOS begin, and scripts."""


class FileRefused(ValueError):
    """The file is of no known kind. `code` is stable, `detail` says what was found."""

    def __init__(self, code: str, detail: Text) -> None:
        super().__init__(detail.en)
        self.code = code
        self.detail = detail


def identify(path: Path) -> str:
    """Return one of `KNOWN`. Raises `FileRefused` with what was found instead."""
    with path.open("rb") as file:
        ends = _ends_of(file)
        if not ends.head:
            raise FileRefused("empty", Text("文件为空。", "The file is empty."))
        if ends.head.startswith(_PROGRAMS):
            raise FileRefused(
                "executable",
                Text("文件是可执行程序或脚本。", "The file is a program or a script."),
            )
        media_type = _begins_as(ends.head)
        _CHECKS[media_type](file, ends)
        return media_type


class _Ends(NamedTuple):
    head: bytes
    tail: bytes
    size: int


def _ends_of(file: BinaryIO) -> _Ends:
    size = os.fstat(file.fileno()).st_size
    head = file.read(_HEAD)
    file.seek(max(0, size - _TAIL))
    return _Ends(head=head, tail=file.read(_TAIL), size=size)


def _begins_as(head: bytes) -> str:
    """Return the kind that the first bytes promise."""
    if head.startswith(b"%PDF-"):
        return PDF
    if head.startswith(_PNG_SIGNATURE):
        return PNG
    if _JPEG_START.match(head):
        return JPEG
    if head.startswith(_ZIP_START):
        return OFD
    seems = _seems(head)
    raise _unknown(
        Text(f"文件看来是 {seems}。", f"The file seems to be {seems}.")
        if seems
        else Text("文件的内容无法识别。", "What the file is was not recognised.")
    )


def _seems(head: bytes) -> str | None:
    """Name what a file of no known kind may be: a help to its sender, no basis of a decision."""
    try:
        guesses = puremagic.magic_string(head)
    except puremagic.PureError:
        return None
    return next(
        (
            guess.mime_type
            for guess in guesses
            # Its other guesses look for bytes in the middle, and at an end that we did not give it.
            if guess.mime_type and head.startswith(guess.byte_match)
        ),
        None,
    )


def _check_pdf(file: BinaryIO, ends: _Ends) -> None:
    if _PDF_TRAILER.search(ends.tail[-_PDF_END:]) is None:
        raise _truncated("PDF")
    _refuse_archive_within("PDF", file, ends)


def _check_jpeg(file: BinaryIO, ends: _Ends) -> None:
    # Cameras and faxes fill up the last block.
    if not ends.tail.rstrip(b"\0\r\n").endswith(_JPEG_END):
        raise _truncated("JPEG")
    _refuse_archive_within("JPEG", file, ends)


def _check_png(file: BinaryIO, ends: _Ends) -> None:
    if not ends.tail.endswith(_PNG_END):
        raise _truncated("PNG")
    _refuse_archive_within("PNG", file, ends)


def _check_ofd(file: BinaryIO, ends: _Ends) -> None:
    _refuse_strange_directory(ends)
    try:
        with zipfile.ZipFile(file) as archive:
            root = _root_of(archive)
    except _DAMAGE as error:
        raise _damaged_archive() from error
    if root is None or _OFD_NAMESPACE not in root:
        raise _unknown(
            Text(
                "文件是压缩包（或 Office 文档）而不是 OFD。",
                "The file is a ZIP or an Office document, no OFD.",
            )
        )


def _refuse_strange_directory(ends: _Ends) -> None:
    """Look at the last record before anybody unpacks, because the library trusts it."""
    place = ends.tail.rfind(_ZIP_END)
    record = ends.tail[place : place + _ZIP_RECORD.size]
    if place < 0 or len(record) < _ZIP_RECORD.size:
        raise _truncated("ZIP/OFD")
    size, offset, comment = _ZIP_RECORD.unpack(record)
    begins_at = ends.size - len(ends.tail) + place
    if begins_at + len(record) + comment != ends.size:
        raise _truncated("ZIP/OFD")
    is_long = ends.tail[:place][-20:].startswith(_ZIP64)
    if is_long or offset + size != begins_at:
        raise _damaged_archive()
    if size > LARGEST_DIRECTORY:
        raise _unsafe_archive()


def _root_of(archive: zipfile.ZipFile) -> bytes | None:
    """Return OFD.xml of an archive that is safe to unpack, or None when it has none."""
    entries = archive.infolist()
    names = [entry.orig_filename for entry in entries]
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise FileRefused(
            "encrypted", Text("文件已加密，请上传未加密的文件。", "The file is encrypted.")
        )
    if (
        len(entries) > MOST_ENTRIES
        or len(set(names)) < len(names)
        or any(_leads_elsewhere(name) for name in names)
        or any(stat.S_ISLNK(entry.external_attr >> 16) for entry in entries)
        or sum(entry.file_size for entry in entries) > LARGEST_CONTENT
    ):
        raise _unsafe_archive()
    if "OFD.xml" not in names:
        return None
    entry = archive.getinfo("OFD.xml")
    # Of the other methods the library unpacks a block whole, however large it turns out.
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _damaged_archive()
    if entry.file_size > LARGEST_ROOT:
        raise _unsafe_archive()
    with archive.open(entry) as content:
        # To the end, where the library compares the checksum.
        return content.read()


def _leads_elsewhere(name: str) -> bool:
    """Whether to unpack a file of this name could write outside the folder."""
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or ":" in name or "\0" in name


def _refuse_archive_within(kind: str, file: BinaryIO, ends: _Ends) -> None:
    """Refuse what a reader of archives would open as one, although it begins as something else."""
    for found in re.finditer(re.escape(_ZIP_END), ends.tail):
        record = ends.tail[found.start() : found.start() + _ZIP_RECORD.size]
        if len(record) < _ZIP_RECORD.size:
            return
        size, _, _ = _ZIP_RECORD.unpack(record)
        file.seek(max(0, ends.size - len(ends.tail) + found.start() - size))
        is_long = ends.tail[: found.start()][-20:].startswith(_ZIP64)
        # Four bytes may come about by chance, but then no directory stands before them.
        if is_long or (size > 0 and file.read(4) == _ZIP_DIRECTORY):
            raise FileRefused(
                "two_types",
                Text(
                    f"文件既是 {kind} 又是压缩包。",
                    f"The file is a {kind} and an archive at once.",
                ),
            )


def _unknown(found: Text) -> FileRefused:
    return FileRefused("unknown_type", found)


def _truncated(kind: str) -> FileRefused:
    return FileRefused(
        "truncated",
        Text(
            f"文件以 {kind} 开头，但结尾缺失或附有其他内容，可能未传完。",
            f"The file begins as {kind} but does not end as one: it is cut short, or something follows.",
        ),
    )


def _damaged_archive() -> FileRefused:
    return FileRefused(
        "damaged", Text("压缩结构损坏，无法读取。", "The archive inside is damaged.")
    )


def _unsafe_archive() -> FileRefused:
    return FileRefused(
        "unsafe_archive",
        Text(
            "压缩结构不安全：文件过多、过大，或文件名指向别处。",
            "The archive inside is unsafe: too many or too large files, or names that lead elsewhere.",
        ),
    )


_CHECKS: Mapping[str, Callable[[BinaryIO, _Ends], None]] = {
    PDF: _check_pdf,
    JPEG: _check_jpeg,
    PNG: _check_png,
    OFD: _check_ofd,
}
