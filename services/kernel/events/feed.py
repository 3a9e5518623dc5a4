"""A service's outbox, served to readers as a feed of CloudEvents."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import ColumnElement, RowMapping, and_, false, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.identity.access import Access
from services.kernel.identity.actor import Actor, Scope
from services.kernel.journal import JournalTables
from services.kernel.problems import NotAllowed, documented
from services.kernel.regions import prefix_of
from services.kernel.transaction import Runtime, StrictRoute, runtime_of

BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"
POSITION_HEADER = "Srdi-Position"
LARGEST_BATCH = 500
LONGEST_WAIT_SECONDS = 30
# Another replica's commits wake nobody here, so a waiting reader looks again this often.
_LOOK_AGAIN_SECONDS = 0.5


class FeedReaders:
    """Wakes the readers that wait in this process when something may be new."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def wake(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        # Not wait_for: before Python 3.12 it can lose a cancellation that comes with the wake.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._next.wait()


def feed_router(readers: FeedReaders) -> APIRouter:
    router = APIRouter(tags=["events"], route_class=StrictRoute)

    # Its reads are short transactions of its own: a reader that waits must not hold a connection.
    @router.get(
        "/events",
        summary="读取事件 · Read events",
        response_class=Response,
        responses={
            200: {
                "content": {
                    BATCH_MEDIA_TYPE: {"schema": {"type": "array", "items": {"type": "object"}}}
                },
                "headers": {
                    POSITION_HEADER: {
                        "description": "The position to ask after next.",
                        "schema": {"type": "integer"},
                    }
                },
            },
            **documented(NotAllowed),
        },
    )
    async def read_events(
        request: Request,
        reader: Annotated[Actor, Depends(may_read_events)],
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        types: Annotated[str | None, Query(max_length=2000)] = None,
        wait: Annotated[int, Query(ge=0, le=LONGEST_WAIT_SECONDS)] = 0,
        limit: Annotated[int, Query(ge=1, le=LARGEST_BATCH)] = 100,
    ) -> Response:
        """Return the events after a position, in order; wait up to `wait` seconds for one.

        `after` is the position of the last event that was applied, 0 at the start. `types` is a
        comma-separated list. Each event stands at one position for ever.
        """
        runtime = runtime_of(request)
        wanted = types.split(",") if types else None
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            events, position = await read_batch(
                runtime, reader=reader, after=after, types=wanted, limit=limit
            )
            left = deadline - asyncio.get_running_loop().time()
            if events or left <= 0:
                break
            await readers.wait(min(left, _LOOK_AGAIN_SECONDS))
        return Response(
            content=json.dumps(events, ensure_ascii=False),
            media_type=BATCH_MEDIA_TYPE,
            headers={POSITION_HEADER: str(position)},
        )

    return router


may_read_events = Access(Scope.EVENTS_READ)


async def read_batch(
    runtime: Runtime, *, reader: Actor, after: int, types: Sequence[str] | None, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Return what the reader may see after a position, and the position to go on from."""
    async with runtime.database.session() as session:
        return await _read(session, runtime, reader=reader, after=after, types=types, limit=limit)


async def _read(
    session: AsyncSession,
    runtime: Runtime,
    *,
    reader: Actor,
    after: int,
    types: Sequence[str] | None,
    limit: int,
) -> tuple[list[dict[str, Any]], int]:
    outbox = runtime.tables.outbox
    # The end is read first: what the filter hides up to there need not be asked for again.
    end = await session.scalar(select(runtime.tables.head.c.event_position)) or 0
    rows = (
        (
            await session.execute(
                select(outbox)
                .where(
                    outbox.c.position > after,
                    outbox.c.position <= end,
                    visible_to(reader, runtime.tables),
                    outbox.c.type.in_(types) if types is not None else true(),
                )
                .order_by(outbox.c.position)
                .limit(limit)
            )
        )
        .mappings()
        .all()
    )
    position = rows[-1]["position"] if len(rows) == limit else max(end, after)
    whole = reader.may(Scope.EVENTS_INTERNAL)
    return [cloud_event(runtime.name, row, whole=whole) for row in rows], position


def visible_to(reader: Actor, tables: JournalTables) -> ColumnElement[bool]:
    """Which events a reader may see: our own services all, outsiders never a secret firm's."""
    outbox = tables.outbox
    if reader.may(Scope.EVENTS_INTERNAL):
        return true()
    if reader.uscc is not None:
        is_theirs = outbox.c.uscc == reader.uscc
    elif reader.region is not None:
        is_theirs = outbox.c.region.like(f"{prefix_of(reader.region)}%")
    else:
        is_theirs = false()
    return and_(outbox.c.partner_data.is_not(None), outbox.c.is_secret.is_(False), is_theirs)


def cloud_event(service: str, row: RowMapping, *, whole: bool) -> dict[str, Any]:
    """Return a row as a CloudEvent: whole between our services, else what partners may read."""
    return {
        "specversion": "1.0",
        "id": str(row["id"]),
        "source": f"/services/{service}",
        "type": row["type"],
        "subject": row["uscc"],
        "time": row["occurred_at"].isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "traceparent": row["traceparent"],
        "requestid": row["request_id"],
        "position": row["position"],
        "data": row["data" if whole else "partner_data"],
    }
