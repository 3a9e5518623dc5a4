"""Files by their content: what is known, and everything that only looks like it."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import file_types
from services.kernel.file_types import OFD, FileRefused, identify

PDF = (
    b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
    + b"0" * 4000
    + b"\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
)
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01" + b"0" * 500 + b"\xff\xd9"
ROOT = '<?xml version="1.0"?><ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016"/>'


def media_type_of(path: Path) -> str | None:
    """Return what a file was taken for, or None when it was refused."""
    return None if why_refused(path) else identify(path)


def why_refused(path: Path) -> FileRefused | None:
    try:
        identify(path)
    except FileRefused as refused:
        return refused
    return None


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack("!IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\0"))
    + _chunk(b"IEND", b"")
)


def archive(
    *names: str,
    root: str | bytes | None = ROOT,
    method: int = zipfile.ZIP_DEFLATED,
    change: Callable[[zipfile.ZipFile], None] = lambda _archive: None,
) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as written:
        if root is not None:
            written.writestr("OFD.xml", root)
        for name in names:
            written.writestr(name, "0" * 100)
        change(written)
    return content.getvalue()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        # A name that says PDF of everything.
        path = tmp_path / "营业执照.pdf"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (PDF + b"\0" * 1000, "application/pdf"),
        (JPEG, "image/jpeg"),
        (JPEG + b"\0" * 1000 + b"\r\n", "image/jpeg"),
        (PNG, "image/png"),
        (archive("Doc_0/Document.xml", "Doc_0/Pages/Page_0/Content.xml"), "application/ofd"),
        (archive("Doc_0/Document.xml", method=zipfile.ZIP_STORED), "application/ofd"),
    ],
)
def test_each_kind_is_known_by_its_content(
    write: Callable[[bytes], Path], content: bytes, media_type: str
) -> None:
    path = write(content)

    assert media_type_of(path) == media_type
    assert why_refused(path) is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"MZ\x90\0\x03" + b"\0" * 300, "executable"),
        (b"MZ\x90\0" + PDF, "executable"),
        (b"\x7fELF\x02\x01\x01" + b"\0" * 300, "executable"),
        (b"#!/bin/sh\nrm -rf /\n" + PDF, "executable"),
        (b"\xcf\xfa\xed\xfe" + b"\0" * 300, "executable"),
        (b"\xca\xfe\xba\xbe" + b"\0" * 300, "executable"),
        (PDF[: len(PDF) // 2], "truncated"),
        (PDF + b"\0" * 3000, "truncated"),
        (b"%PDF-1.7\n%%EOF\n", "truncated"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (JPEG + b"<script>", "truncated"),
        (PNG[:-4], "truncated"),
        (PNG + b"\n", "truncated"),
        (archive("Doc_0/Document.xml")[:-30], "truncated"),
        (archive("Doc_0/Document.xml") + b"\0", "truncated"),
        (b"\n" + PDF, "unknown_type"),
        (b"<!DOCTYPE html><script>alert(1)</script>" + PDF, "unknown_type"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "unknown_type"),
        (b"GIF89a" + b"\0" * 300, "unknown_type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unknown_type"),
        ("营业执照".encode(), "unknown_type"),
        (b"\0" * 300, "unknown_type"),
        (b"\xff\xd8\xff\0" + JPEG, "unknown_type"),
        (archive("a.txt", root=None), "unknown_type"),
        (archive("[Content_Types].xml", "word/document.xml", root=None), "unknown_type"),
        (archive("Doc_0/OFD.xml", root=None), "unknown_type"),
        (archive(root="<html/>"), "unknown_type"),
        (archive("Doc_0/Document.xml", method=zipfile.ZIP_BZIP2), "damaged"),
        (b"MZ" + archive("Doc_0/Document.xml"), "executable"),
        (b"PK\x03\x04" + archive("Doc_0/Document.xml"), "damaged"),
    ],
)
def test_what_is_none_of_them_is_refused_with_what_was_found(
    write: Callable[[bytes], Path], content: bytes, code: str
) -> None:
    path = write(content)

    refused = why_refused(path)

    assert media_type_of(path) is None
    assert refused is not None
    assert refused.code == code
    assert refused.detail.zh
    assert refused.detail.en


@pytest.mark.parametrize(
    ("content", "seems"),
    [
        (b"GIF89a" + b"\0" * 300, "image/gif"),
        (b"<!DOCTYPE html><html>", "text/html"),
        (b"Rar!\x1a\x07\0" + b"\0" * 300, "application/x-rar-compressed"),
    ],
)
def test_the_sender_reads_what_the_file_seems_to_be(
    write: Callable[[bytes], Path], content: bytes, seems: str
) -> None:
    refused = why_refused(write(content))

    assert refused is not None
    assert seems in refused.detail.zh
    assert seems in refused.detail.en


def comment(archived: bytes, text: bytes) -> bytes:
    """Give an archive a comment, as its last record says."""
    return archived[:-2] + struct.pack("<H", len(text)) + text


def long_record(archived: bytes, *, says_so: bool) -> bytes:
    """Give an archive the records of one beyond four gigabytes, which rule over the ordinary one."""
    place = archived.rindex(b"PK\x05\x06")
    size, offset = struct.unpack("<II", archived[place + 12 : place + 20])
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, place, 1)
    sizes = (0xFFFFFFFF, 0xFFFFFFFF) if says_so else (size + len(record + locator), offset)
    last = archived[place : place + 12] + struct.pack("<IIH", *sizes, 0)
    return archived[:place] + record + locator + last


@pytest.mark.parametrize("says_so", [True, False])
def test_an_archive_with_a_second_directory_of_its_own_is_refused(
    write: Callable[[bytes], Path], says_so: bool
) -> None:
    path = write(long_record(archive("Doc_0/Document.xml"), says_so=says_so))

    refused = why_refused(path)

    with zipfile.ZipFile(path) as opened:
        assert len(opened.namelist()) == 2
    assert refused is not None
    assert refused.code == "damaged"


@pytest.mark.parametrize(
    "content",
    [
        PDF + long_record(archive("a.exe"), says_so=True) + b"\nstartxref\n9\n%%EOF\n",
        PDF + comment(archive("a.exe"), b"\nstartxref\n9\n%%EOF\n"),
        PDF + archive("a.exe") + b"\nstartxref\n9\n%%EOF\n",
        PDF + archive("a.exe") + b"PK\x05\x06" + b"\0" * 18 + b"\nstartxref\n9\n%%EOF\n",
        JPEG + comment(archive("a.exe"), b"\xff\xd9"),
        PNG + comment(archive("a.exe"), PNG[-12:]),
    ],
)
def test_a_file_that_is_an_archive_as_well_is_refused(
    write: Callable[[bytes], Path], content: bytes
) -> None:
    refused = why_refused(write(content))

    assert refused is not None
    assert refused.code == "two_types"


def test_bytes_that_begin_like_the_end_of_an_archive_by_chance_are_no_archive(
    write: Callable[[bytes], Path],
) -> None:
    by_chance = JPEG[:100] + b"PK\x05\x06" + b"7" * 40 + JPEG[100:]

    assert media_type_of(write(by_chance)) == "image/jpeg"


def _add_link(written: zipfile.ZipFile) -> None:
    link = zipfile.ZipInfo("Doc_0/link")
    link.external_attr = 0o120777 << 16
    written.writestr(link, "/etc/passwd")


@pytest.mark.parametrize(
    "content",
    [
        archive("../evil.sh"),
        archive("Doc_0/../../evil.sh"),
        archive("..\\evil.bat"),
        archive("/etc/cron.d/evil"),
        archive("C:/evil.bat"),
        archive(*(f"{number}" for number in range(5_000))),
        archive(*(f"{number}{'n' * 3_000}" for number in range(400))),
        archive(root=ROOT + " " * (1 << 20)),
        archive(change=_add_link),
    ],
)
def test_an_archive_that_would_harm_whoever_unpacks_it_is_refused(
    write: Callable[[bytes], Path], content: bytes
) -> None:
    refused = why_refused(write(content))

    assert refused is not None
    assert refused.code == "unsafe_archive"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_files_of_one_name_is_refused(
    write: Callable[[bytes], Path],
) -> None:
    refused = why_refused(write(archive("OFD.xml")))

    assert refused is not None
    assert refused.code == "unsafe_archive"


def in_directory(archived: bytes, at: int, value: bytes) -> bytes:
    """Change what the directory of an archive says of its first file."""
    place = archived.index(b"PK\x01\x02") + at
    return archived[:place] + value + archived[place + len(value) :]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (in_directory(archive(), 8, b"\x01\0"), "encrypted"),
        (in_directory(archive(), 24, struct.pack("<I", 600 << 20)), "unsafe_archive"),
        (in_directory(archive(), 16, b"\0\0\0\0"), "damaged"),
        (in_directory(archive(), 42, b"\xff\0\0\0"), "damaged"),
        (in_directory(archive(), 0, b"PK\x01\x03"), "damaged"),
        (in_directory(archive(), 10, b"\x0e\0"), "damaged"),
        (in_directory(archive("一.xml"), 46, b"\0"), "unsafe_archive"),
    ],
)
def test_a_directory_that_lies_is_found_out(
    write: Callable[[bytes], Path], content: bytes, code: str
) -> None:
    refused = why_refused(write(content))

    assert refused is not None
    assert refused.code == code


def test_an_archive_that_claims_few_files_and_lists_many_is_refused(
    write: Callable[[bytes], Path],
) -> None:
    many = archive(*(f"{number}" for number in range(6_000)))
    place = many.rindex(b"PK\x05\x06")
    claims = many[: place + 8] + struct.pack("<HH", 3, 3) + many[place + 12 :]

    refused = why_refused(write(claims))

    assert refused is not None
    assert refused.code == "unsafe_archive"


def test_of_a_large_file_only_the_head_and_the_tail_are_read(tmp_path: Path) -> None:
    """A file of 64 gigabytes, nearly all of it a hole: to read it would take minutes."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(PDF[:100])
        file.seek(1 << 36)
        file.write(PDF[-100:])

    assert media_type_of(path) == "application/pdf"


@given(st.data())
def test_damage_of_any_kind_is_a_refusal_and_never_a_failure(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(archive("Doc_0/Document.xml", "一.xml"))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.ofd"
    path.write_bytes(whole)

    assert media_type_of(path) in {OFD, None}


def test_identify_names_the_kind_or_raises(write: Callable[[bytes], Path]) -> None:
    assert identify(write(PNG)) == "image/png"
    with pytest.raises(file_types.FileRefused, match="empty"):
        identify(write(b""))
