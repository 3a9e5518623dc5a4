"""Answering with a stored file, whole or from where a broken download stopped (RFC 9110, 14)."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from services.kernel.problems import RangeNotSatisfiable
from services.kernel.storage import ContentStore

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Download:
    sha256: str
    size: int
    media_type: str
    file_name: str


async def answer_with(file: Download, request: Request, store: ContentStore) -> Response:
    """Return the file, or the part that `Range` asks for.

    `If-Range` with another tag than the file's gives all of it: it is another file by now. More
    than one range in a request is answered with the whole file, as the standard allows.
    """
    tag = f'"{file.sha256}"'
    headers = {
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.file_name, safe='')}",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    first, last, status = 0, file.size - 1, 200
    asked = request.headers.get("Range")
    condition = request.headers.get("If-Range")
    if asked is not None and condition in {None, tag}:
        part = _part(asked, file.size)
        if part is not None:
            first, last = part
            status = 206
            headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    size = last - first + 1
    headers["Content-Length"] = str(size)
    return StreamingResponse(
        await store.read(file.sha256, first=first, size=size),
        status_code=status,
        headers=headers,
        media_type=file.media_type,
    )


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte that are asked for, or None where all of it is to be sent.

    Raises `RangeNotSatisfiable` for a range of which the file has nothing.
    """
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        first, last = max(0, size - int(found[2])), size - 1
        is_there = int(found[2]) > 0
    else:
        first, last = int(found[1]), int(found[2]) if found[2] else size - 1
        if found[2] and last < first:
            return None
        is_there = first < size
    if not is_there:
        raise RangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return first, min(last, size - 1)
