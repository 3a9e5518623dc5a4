"""Keyset paging: a page starts after a row, never at a count, so that it stays put as rows come."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.problems import CursorInvalid

LARGEST_PAGE = 200

CursorPart = str | int | date | datetime | UUID
Row = TypeVar("Row")
Item = TypeVar("Item", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Paging:
    limit: int
    after: str | None


async def paging(
    limit: Annotated[
        int, Query(ge=1, le=LARGEST_PAGE, description="每页条数。Items in a page.")
    ] = 50,
    after: Annotated[
        str | None, Query(max_length=1000, description="上一页的 next。The previous page's next.")
    ] = None,
) -> Paging:
    return Paging(limit=limit, after=after)


PageOf = Annotated[Paging, Depends(paging)]


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """One page of rows and the cursor of the next page, if there is one."""

    items: Sequence[Row]
    next: str | None


class PageOut(BaseModel, Generic[Item]):
    """One page; `next` is null on the last one."""

    items: list[Item]
    next: str | None


async def read_page(
    session: AsyncSession,
    statement: Select[Row],
    page: Paging,
    *,
    by: Sequence[tuple[ColumnElement[Any], type[CursorPart]]],
    key: Callable[[Row], Sequence[CursorPart]],
    descending: bool = False,
) -> Found[Row]:
    """Read one page in the order of the columns `by`; together they must be unique."""
    columns = [column for column, _ in by]
    if page.after is not None:
        start = tuple_(*_decode(page.after, [kind for _, kind in by]))
        place = tuple_(*columns)
        statement = statement.where(place < start if descending else place > start)
    order = [column.desc() if descending else column.asc() for column in columns]
    rows = (await session.scalars(statement.order_by(*order).limit(page.limit + 1))).all()
    items = rows[: page.limit]
    return Found(items=items, next=_encode(key(items[-1])) if len(rows) > page.limit else None)


def place_after(page: Paging, kinds: Sequence[type[CursorPart]]) -> list[CursorPart] | None:
    """Return the place that a page begins after; None at the start. Raises `CursorInvalid`."""
    return None if page.after is None else _decode(page.after, kinds)


def cursor_after(parts: Sequence[CursorPart]) -> str:
    """Return the cursor of the page that begins after a place."""
    return _encode(parts)


def _encode(parts: Sequence[CursorPart]) -> str:
    plain = [part if isinstance(part, int) else _spell(part) for part in parts]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _spell(part: CursorPart) -> str:
    return part.isoformat() if isinstance(part, date | datetime) else str(part)


def _decode(cursor: str, kinds: Sequence[type[CursorPart]]) -> list[CursorPart]:
    try:
        parts = json.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        )
        return [_read(part, kind) for part, kind in zip(parts, kinds, strict=True)]
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise CursorInvalid from error


def _read(part: object, kind: type[CursorPart]) -> CursorPart:
    if kind is int:
        if not isinstance(part, int) or isinstance(part, bool) or abs(part) >= 2**63:
            raise ValueError("not an integer that fits a column")
        return part
    if not isinstance(part, str) or "\x00" in part:
        raise ValueError("not text")
    if kind is UUID:
        return UUID(part)
    if kind is datetime:
        return _instant(part)
    if kind is date:
        return date.fromisoformat(part)
    part.encode()
    return part


def _instant(part: str) -> datetime:
    instant = datetime.fromisoformat(part)
    if instant.tzinfo is None:
        raise ValueError("no instant without its offset")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond the years that a clock tells") from error
