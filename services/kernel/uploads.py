"""Receiving a file of any size: onto disk as it comes, hashed on the way, whole or not at all."""

import asyncio
import base64
import binascii
import errno
import hmac
import re
import tempfile
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

from aiohttp import (
    BadContentDispositionHeader,
    BadContentDispositionParam,
    content_disposition_filename,
    parse_content_disposition,
)
from fastapi import Request
from starlette.requests import ClientDisconnect

from services.kernel.problems import (
    BodyTooSlow,
    DigestMismatch,
    FileNameInvalid,
    Overloaded,
    TooLarge,
    UploadTruncated,
)

LONGEST_PAUSE_SECONDS = 10
"""Between two parts of a body; whoever waits longer is cut off."""
FIRST_SECONDS, LEAST_BYTES_PER_SECOND = 60, 2048
"""After a minute, a body that comes more slowly on the whole is cut off, too."""
ARRIVING = "arriving-"
"""How the name of a file begins that is still being received."""

_DIGEST = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]+):")
_FILE_NAME = re.compile(
    r'[^\x00-\x1f\x7f-\x9f/\\:*?"<>|\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]{1,200}'
)
_CHARSET = re.compile(r"\*[\d*]*\s*=\s*\"?([^';]*)'")
_CLOSE = {"Connection": "close"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came whole. It is gone from `path` when the request has been answered."""

    path: Path
    size: int
    sha256: str


@asynccontextmanager
async def received(
    request: Request,
    *,
    largest: int,
    folder: Path,
    longest_pause: float = LONGEST_PAUSE_SECONDS,
) -> AsyncIterator[Upload]:
    """Receive the body into a file in `folder`, which is there.

    Raises `TooLarge` before more than `largest` bytes were taken in (at once, when the length was
    said), `UploadTruncated` when less came than was said, `DigestMismatch` when the content is not
    what `Content-Digest` (RFC 9530) says, and `BodyTooSlow` when nothing comes for too long or the
    client goes away. Nothing of the file is left then.
    """
    declared = _declared_length(request)
    if declared is not None and declared > largest:
        raise _too_large(largest)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=ARRIVING) as file:
        digest, size, begun_at = sha256(), 0, time.monotonic()
        parts = aiter(request.stream())
        while True:
            try:
                async with asyncio.timeout(longest_pause):
                    part = await anext(parts)
            except StopAsyncIteration:
                break
            except (TimeoutError, ClientDisconnect) as error:
                raise BodyTooSlow(headers=_CLOSE) from error
            size += len(part)
            if is_too_slow(size, seconds=time.monotonic() - begun_at):
                raise BodyTooSlow(headers=_CLOSE)
            if size > largest:
                raise _too_large(largest)
            digest.update(part)
            _write(file, part)
        if declared is not None and size != declared:
            raise UploadTruncated(
                f"声明 {declared} 字节，实际收到 {size} 字节。",
                f"{declared} bytes were announced and {size} came.",
                headers=_CLOSE,
            )
        _require_digest(request, digest.digest())
        yield Upload(path=Path(file.name), size=size, sha256=digest.hexdigest())


def is_too_slow(size: int, *, seconds: float) -> bool:
    """Whether a body holds its place for too long, though something of it comes now and then."""
    return seconds > FIRST_SECONDS and size < seconds * LEAST_BYTES_PER_SECOND


def _write(file: IO[bytes], part: bytes) -> None:
    """Write a part through to the disk's cache, so that a full disk is noticed now."""
    try:
        file.write(part)
        file.flush()
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise Overloaded(
            "存储空间不足，文件未保存；请稍后重试。",
            "There is no room for the file now, and nothing was kept; try again later.",
            headers={"Retry-After": "60", **_CLOSE},
        ) from error


def file_name_of(request: Request) -> str | None:
    """Return the name that the sender gives the file, for people to read; nothing is stored under it.

    It is taken from `Content-Disposition: attachment; filename*=UTF-8''…` (RFC 6266). Raises
    `FileNameInvalid` for a path, a control character or a character that turns text around.
    """
    header = request.headers.get("Content-Disposition")
    if header is None:
        return None
    if not header.isascii() or any(
        found.lower() not in {"utf-8", ""} for found in _CHARSET.findall(header)
    ):
        raise FileNameInvalid(
            "ASCII 以外的文件名须以 filename*=UTF-8''… 发送。",
            "A name beyond ASCII is sent as filename*=UTF-8''….",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error", BadContentDispositionHeader)
        warnings.simplefilter("error", BadContentDispositionParam)
        try:
            _, parameters = parse_content_disposition(header)
            name = content_disposition_filename(parameters)
        except (BadContentDispositionHeader, BadContentDispositionParam, ValueError) as error:
            raise FileNameInvalid from error
    if name is None:
        return None
    if _FILE_NAME.fullmatch(name) is None or name.strip(" .") == "" or name.startswith(".."):
        raise FileNameInvalid
    return name


def _declared_length(request: Request) -> int | None:
    length = request.headers.get("Content-Length")
    return int(length) if length is not None and length.isascii() and length.isdigit() else None


def _require_digest(request: Request, digest: bytes) -> None:
    said = request.headers.get("Content-Digest")
    if said is None:
        return
    found = _DIGEST.search(said)
    if found is None:
        # Another algorithm than ours says nothing that we could check, so it is not ignored.
        raise DigestMismatch(
            "Content-Digest 须为 sha-256。", "Content-Digest has to be of sha-256."
        )
    try:
        expected = base64.b64decode(found[1], validate=True)
    except binascii.Error as error:
        raise DigestMismatch from error
    if not hmac.compare_digest(expected, digest):
        raise DigestMismatch


def _too_large(largest: int) -> TooLarge:
    return TooLarge(
        f"文件上限为 {largest} 字节（{largest // 1024 // 1024} MiB）。",
        f"A file may have {largest} bytes at most ({largest // 1024 // 1024} MiB).",
        headers=_CLOSE,
    )
