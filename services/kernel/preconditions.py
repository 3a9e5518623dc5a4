"""ETag and If-Match: nobody overwrites what they have not read (RFC 9110, 13.1.1)."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

from services.kernel.problems import PreconditionRequired, Stale

_ETAG = re.compile(r'"(\d{1,9})"')


def etag(version: int) -> str:
    return f'"{version}"'


def tag(response: Response, version: int) -> None:
    response.headers["ETag"] = etag(version)


async def _version_read(
    if_match: Annotated[
        str | None, Header(description='读取时返回的 ETag。The ETag that you read, such as "3".')
    ] = None,
) -> int:
    if if_match is None:
        raise PreconditionRequired
    return version_in(if_match)


def version_in(if_match: str) -> int:
    """Return the version that an If-Match names. Raises `Stale` for what was never one of ours."""
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise Stale
    return int(found[1])


VersionRead = Annotated[int, Depends(_version_read)]


def require_current(version_read: int, current: int) -> None:
    """Refuse a change that was made on an older version. Raises `Stale`."""
    if version_read != current:
        raise Stale(
            f"当前版本为 {etag(current)}，您读取的是 {etag(version_read)}。",
            f"It is at {etag(current)} now; you read {etag(version_read)}.",
        )
