"""Receiving a file: whole and hashed, or refused with nothing of it left."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.kernel.logging import RequestLog
from services.kernel.problems import (
    BodyTooSlow,
    DigestMismatch,
    FileNameInvalid,
    Problem,
    TooLarge,
    UploadTruncated,
)
from services.kernel.service_app import answer_in_problems
from services.kernel.uploads import ARRIVING, Upload, file_name_of, is_too_slow, received
from tests.gateway.conftest import served

LARGEST = 1_000_000
KEPT_BY_BUFFERS = 16_000_000
"""What may lie in sockets between a client that goes on sending and a server that has stopped reading."""


def request_of(*parts: bytes, ends: bool = True, **headers: str) -> Request:
    """Return a request whose body comes in these parts, and then ends or never goes on."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        if not ends:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": b"", "more_body": False}

    raw = [
        (name.replace("_", "-").lower().encode(), value.encode("utf-8"))
        for name, value in headers.items()
    ]
    return Request({"type": "http", "method": "PUT", "headers": raw}, receive)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def digest_of(content: bytes, algorithm: str = "sha-256") -> str:
    return f"{algorithm}=:{base64.b64encode(sha256(content).digest()).decode()}:"


async def taken(request: Request, folder: Path, **more: Any) -> tuple[Upload, bytes]:
    async with received(request, largest=LARGEST, folder=folder, **more) as upload:
        return upload, upload.path.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.binary(max_size=300), max_size=12))
def test_a_file_is_the_same_however_it_was_cut_on_the_way(
    tmp_path: Path, parts: Sequence[bytes]
) -> None:
    whole = b"".join(parts)

    upload, content = asyncio.run(
        taken(
            request_of(*parts, Content_Length=str(len(whole)), Content_Digest=digest_of(whole)),
            tmp_path,
        )
    )

    assert content == whole
    assert (upload.size, upload.sha256) == (len(whole), sha256(whole).hexdigest())
    assert left_in(tmp_path) == []


async def test_a_file_lies_on_the_disk_under_a_name_of_ours_while_it_is_looked_at(
    tmp_path: Path,
) -> None:
    request = request_of(b"abc", Content_Disposition='attachment; filename="x.pdf"')

    async with received(request, largest=3, folder=tmp_path) as upload:
        there = left_in(tmp_path)

    assert there == [upload.path]
    assert upload.path.name.startswith(ARRIVING)
    assert not upload.path.exists()


async def test_the_largest_file_is_taken_and_one_byte_more_is_not(tmp_path: Path) -> None:
    exactly, _ = await taken(request_of(b"0" * LARGEST), tmp_path)

    with pytest.raises(TooLarge) as refused:
        await taken(request_of(b"0" * LARGEST, b"0"), tmp_path)

    assert exactly.size == LARGEST
    assert refused.value.headers == {"Connection": "close"}
    assert left_in(tmp_path) == []


async def test_what_is_announced_too_large_is_refused_before_a_byte_of_it_is_read(
    tmp_path: Path,
) -> None:
    with pytest.raises(TooLarge):
        await asyncio.wait_for(
            taken(request_of(ends=False, Content_Length=str(LARGEST + 1)), tmp_path), 1
        )

    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (request_of(b"abc", Content_Length="4"), UploadTruncated),
        (request_of(b"abcde", Content_Length="4"), UploadTruncated),
        (request_of(b"abc", Content_Digest=digest_of(b"abd")), DigestMismatch),
        (request_of(b"abc", Content_Digest=digest_of(b"abc", "sha-512")), DigestMismatch),
        (request_of(b"abc", Content_Digest="sha-256=:YWJj:"), DigestMismatch),
        (request_of(b"abc", Content_Digest="sha-256=:a:"), DigestMismatch),
        (request_of(b"abc", Content_Digest="sha-256=abc"), DigestMismatch),
        (request_of(b"abc", Content_Digest=""), DigestMismatch),
    ],
)
async def test_what_did_not_come_as_it_was_announced_is_not_kept(
    tmp_path: Path, request_: Request, problem: type[Problem]
) -> None:
    with pytest.raises(problem) as refused:
        await taken(request_, tmp_path)

    # The same request may be right the next time.
    assert refused.value.settles is False
    assert left_in(tmp_path) == []


async def test_a_digest_is_found_among_others(tmp_path: Path) -> None:
    said = f"sha-512=:AAAA:, {digest_of(b'abc')}, md5=:AAAA:"

    upload, _ = await taken(request_of(b"abc", Content_Digest=said), tmp_path)

    assert upload.size == 3


async def test_a_body_that_pauses_too_long_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(BodyTooSlow):
        await taken(request_of(b"abc", ends=False), tmp_path, longest_pause=0.05)

    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("size", "seconds", "is_slow"),
    [
        (0, 60, False),
        (0, 60.1, True),
        (2048 * 61 - 1, 61, True),
        (2048 * 61, 61, False),
        (50 * 1024 * 1024, 3600, False),
    ],
)
def test_after_a_minute_a_body_has_to_come_at_a_pace(
    size: int, seconds: float, is_slow: bool
) -> None:
    assert is_too_slow(size, seconds=seconds) is is_slow


async def test_what_the_server_fails_at_later_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with received(request_of(b"abc"), largest=3, folder=tmp_path):
            raise ZeroDivisionError

    assert left_in(tmp_path) == []


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("attachment; filename=report.pdf", "report.pdf"),
        ('attachment; filename="a; b.pdf"', "a; b.pdf"),
        ("attachment; filename*=UTF-8''" + quote("审计报告（2025）.pdf"), "审计报告（2025）.pdf"),
        ("attachment; filename*=utf-8'zh-CN'" + quote("报告.pdf"), "报告.pdf"),
        ("attachment; filename=\"x.pdf\"; filename*=UTF-8''" + quote("报告.pdf"), "报告.pdf"),
        ("attachment; filename*=UTF-8''" + quote("𠮷" * 200), "𠮷" * 200),
        ("attachment; filename*=UTF-8''a%20b%27c.pdf", "a b'c.pdf"),
        ('attachment; filename=".htaccess"', ".htaccess"),
        ("attachment", None),
        ("inline; other=1", None),
    ],
)
def test_a_file_is_called_as_its_sender_calls_it(header: str, name: str | None) -> None:
    assert file_name_of(request_of(Content_Disposition=header)) == name


@pytest.mark.parametrize(
    "header",
    [
        'attachment; filename="a/b.pdf"',
        'attachment; filename="/etc/passwd"',
        "attachment; filename*=UTF-8''a%2Fb.pdf",
        "attachment; filename*=UTF-8''a%5Cb.pdf",
        "attachment; filename*=UTF-8''..",
        "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd",
        "attachment; filename*=UTF-8''..pdf",
        "attachment; filename*=UTF-8''.",
        "attachment; filename*=UTF-8''%20%20",
        "attachment; filename*=UTF-8''",
        'attachment; filename=""',
        "attachment; filename*=UTF-8''C%3A.pdf",
        "attachment; filename*=UTF-8''a%00.pdf",
        "attachment; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b.pdf",
        "attachment; filename*=UTF-8''a%1B%5B2J.pdf",
        "attachment; filename*=UTF-8''a%7F.pdf",
        "attachment; filename*=UTF-8''" + quote("a\x85.pdf"),
        "attachment; filename*=UTF-8''" + quote("a\u2028.pdf"),
        "attachment; filename*=UTF-8''" + quote("a\u202efdp.exe"),
        "attachment; filename*=UTF-8''" + quote("a\u2066b\u2069.pdf"),
        "attachment; filename*=UTF-8''" + quote("a\u061cb.pdf"),
        "attachment; filename*=UTF-8''" + quote("a\u200fb.pdf"),
        "attachment; filename*=UTF-8''a%FF.pdf",
        "attachment; filename*=UTF-8''a%C0%AFb.pdf",
        "attachment; filename*=UTF-8''a%ED%A0%80b.pdf",
        "attachment; filename*=nonsense''a.pdf",
        "attachment; filename*=rot13''a.pdf",
        "attachment; filename*=unicode_escape''a%5Cud800b.pdf",
        "attachment; filename*=utf-7''a%2B2AA-b.pdf",
        "attachment; filename*=punycode''a-b",
        'attachment; filename*0="unicode_escape\'\'a"; filename*1="%5Cud800b.pdf"',
        "attachment; filename*0*=a'b",
        "attachment; filename*=a.pdf",
        "attachment; filename*=UTF-8''" + "a" * 201,
        'attachment; filename="a.pdf"; filename="b.pdf"',
        "attachment; filename",
        "a b; filename=c",
        # In another encoding than ASCII, nobody knows which.
        'attachment; filename="报告.pdf"',
        'attachment; filename="año.pdf"',
    ],
)
def test_a_name_that_could_mislead_a_person_or_a_machine_is_refused(header: str) -> None:
    with pytest.raises(FileNameInvalid):
        file_name_of(request_of(Content_Disposition=header))


@given(st.text())
def test_whatever_a_file_is_called_the_name_can_be_stored_and_sent_or_is_refused(name: str) -> None:
    try:
        quoted = quote(name, safe="")
    except UnicodeEncodeError:
        return

    try:
        read = file_name_of(
            request_of(Content_Disposition=f"attachment; filename*=UTF-8''{quoted}")
        )
    except FileNameInvalid:
        return

    assert read == name
    assert "/" not in name
    assert name.isprintable() or not any(
        ord(sign) < 0xA0 and not sign.isprintable() for sign in name
    )


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0")))
def test_no_header_at_all_makes_the_server_fail(header: str) -> None:
    request = Request(
        {"type": "http", "headers": [(b"content-disposition", header.encode("latin-1"))]}
    )

    try:
        name = file_name_of(request)
    except FileNameInvalid:
        return

    assert name is None or 0 < len(name) <= 200


# ---------------------------------------------------------------- over a socket


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """A service on a socket that takes files and says what it got."""
    app = FastAPI()
    answer_in_problems(app)
    app.add_middleware(RequestLog, service="files")

    @app.put("/")
    async def put(request: Request) -> dict[str, Any]:
        async with received(request, largest=LARGEST, folder=tmp_path, longest_pause=0.5) as upload:
            return {"size": upload.size, "sha256": upload.sha256}

    async with served(app) as address:
        yield address


class Conversation:
    """What a client writes by hand, and everything that is answered until the server hangs up."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader

    @classmethod
    async def begin(cls, address: str, *head: str, path: str = "/") -> "Conversation":
        url = httpx.URL(address)
        conversation = cls(*await asyncio.open_connection(url.host, url.port))
        lines = (f"PUT {path} HTTP/1.1", "Host: a", *head, "", "")
        await conversation.send("\r\n".join(lines).encode())
        return conversation

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def answer(self) -> bytes:
        answer = b""
        try:
            while part := await self._reader.read(65536):
                answer += part
        except ConnectionError:
            pass
        self.writer.close()
        return answer


async def until_empty(folder: Path) -> None:
    async with asyncio.timeout(5):
        while left_in(folder):  # noqa: ASYNC110 - nobody tells when it is
            await asyncio.sleep(0.01)


async def test_a_gigabyte_is_refused_as_soon_as_it_is_announced(address: str) -> None:
    conversation = await Conversation.begin(address, "Content-Length: 1073741824")

    async with asyncio.timeout(2):
        answer = await conversation.answer()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"/problems/too-large" in answer


async def test_who_asks_first_is_refused_before_sending_anything(address: str) -> None:
    conversation = await Conversation.begin(
        address, "Content-Length: 1073741824", "Expect: 100-continue"
    )

    answer = await conversation.answer()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer


async def test_an_endless_body_is_refused_at_the_limit(address: str, tmp_path: Path) -> None:
    answer, sent = await asyncio.to_thread(answer_to_whoever_does_not_listen, address)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < LARGEST + KEPT_BY_BUFFERS
    assert left_in(tmp_path) == []


def answer_to_whoever_does_not_listen(
    address: str, *head: str, path: str = "/"
) -> tuple[bytes, int]:
    """Send without end until the server hangs up, and only then read. Return what was sent, too.

    A plain socket: a stream of asyncio throws away what has arrived as soon as sending fails.
    """
    url = httpx.URL(address)
    lines = (f"PUT {path} HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", *head, "", "")
    part = b"10000\r\n" + b"0" * 65536 + b"\r\n"
    sent, answer = 0, b""
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        with suppress(ConnectionError):
            while True:
                connection.sendall(part)
                sent += len(part)
        with suppress(ConnectionError):
            while read := connection.recv(65536):
                answer += read
    return answer, sent


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(
    address: str, tmp_path: Path
) -> None:
    conversation = await Conversation.begin(address, "Content-Length: 1000")
    await conversation.send(b"%PDF-")
    async with asyncio.timeout(5):
        while not left_in(tmp_path):  # noqa: ASYNC110 - nobody tells when it is
            await asyncio.sleep(0.01)

    conversation.writer.close()
    await until_empty(tmp_path)

    assert left_in(tmp_path) == []


async def test_a_client_that_says_no_more_is_told_so_and_leaves_nothing(
    address: str, tmp_path: Path
) -> None:
    conversation = await Conversation.begin(address, "Content-Length: 1000")
    await conversation.send(b"%PDF-")

    async with asyncio.timeout(5):
        answer = await conversation.answer()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert left_in(tmp_path) == []


async def test_a_slow_and_steady_body_arrives(address: str) -> None:
    conversation = await Conversation.begin(address, "Content-Length: 5", "Connection: close")
    for sign in b"%PDF-":
        await conversation.send(bytes([sign]))
        await asyncio.sleep(0.15)

    answer = await conversation.answer()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert sha256(b"%PDF-").hexdigest().encode() in answer


async def test_two_lengths_or_a_length_and_chunks_are_no_request(address: str) -> None:
    """One server takes the one and the next the other: that is how requests are smuggled in."""
    heads = [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: -5",),
        ("Content-Length: 99999999999999999999999999",),
    ]

    answers = []
    for head in heads:
        conversation = await Conversation.begin(address, *head)
        answers.append(await conversation.answer())

    assert [answer.partition(b"\r\n")[0][:12] for answer in answers] == [b"HTTP/1.1 400"] * 4
