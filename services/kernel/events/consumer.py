"""Reading another service's feed: each event's effect is stored together with its position."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

import httpx
import structlog
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock, day_of
from services.kernel.events.event import Event
from services.kernel.events.feed import LONGEST_WAIT_SECONDS
from services.kernel.identity.credentials import ServiceCredentials
from services.kernel.journal import Journal
from services.kernel.logging import Trace
from services.kernel.transaction import Runtime

_LONGEST_PAUSE_SECONDS = 10.0
_BATCH = 100

log = structlog.get_logger()

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The transaction in which one event takes effect."""

    session: AsyncSession
    journal: Journal
    clock: Clock
    occurred_at: datetime
    """When the event happened, however late it is heard of."""

    @property
    def occurred_on(self) -> date:
        """The day in the province on which the event happened."""
        return day_of(self.occurred_at)


Apply = Callable[[Delivery, Mapping[str, Any]], Awaitable[None]]


class Subscription:
    """What a service does about another service's events, by their type.

    A service may follow one feed for several purposes, each under a name and with a position of its
    own. So a purpose that is added later begins at the start of the feed.
    """

    def __init__(self, source: str, *, purpose: str | None = None) -> None:
        self.source = source
        self.name = source if purpose is None else f"{source}/{purpose}"
        self._appliers: dict[str, Apply] = {}

    def on(
        self, event_type: type[EventT]
    ) -> Callable[
        [Callable[[Delivery, EventT], Awaitable[None]]],
        Callable[[Delivery, EventT], Awaitable[None]],
    ]:
        """Register what is done about one type of event."""

        def register(
            apply: Callable[[Delivery, EventT], Awaitable[None]],
        ) -> Callable[[Delivery, EventT], Awaitable[None]]:
            async def read_and_apply(delivery: Delivery, data: Mapping[str, Any]) -> None:
                await apply(delivery, event_type.model_validate(data))

            self._appliers[event_type.TYPE] = read_and_apply
            return apply

        return register

    @property
    def types(self) -> list[str]:
        return sorted(self._appliers)

    async def apply(self, delivery: Delivery, event: Mapping[str, Any]) -> None:
        await self._appliers[event["type"]](delivery, event["data"])


class Consumer:
    """Follows one feed for ever. An event that fails is tried again; none is ever skipped."""

    def __init__(
        self,
        *,
        subscription: Subscription,
        runtime: Runtime,
        feed: httpx.AsyncClient,
        credentials: ServiceCredentials,
    ) -> None:
        self._subscription = subscription
        self._runtime = runtime
        self._feed = feed
        self._credentials = credentials
        self.source = subscription.name
        self.last_failure: str | None = None

    async def run(self) -> None:
        pause = 0.1
        while True:
            try:
                await self.catch_up(wait=LONGEST_WAIT_SECONDS)
            except Exception as error:
                self.last_failure = repr(error)
                is_away = isinstance(error, httpx.TransportError)
                log.log(
                    30 if is_away else 40,
                    "feed_not_followed",
                    source=self.source,
                    error=repr(error),
                    again_in=pause,
                    exc_info=not is_away,
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            self.last_failure = None
            pause = 0.1

    async def catch_up(self, *, wait: int = 0) -> int:
        """Apply one batch of what is new. Return how many events there were."""
        after = await self._position()
        answer = await self._feed.get(
            "/events",
            params={
                "after": after,
                "types": ",".join(self._subscription.types),
                "wait": wait,
                "limit": _BATCH,
            },
            headers={"Authorization": await self._credentials.authorization()},
            timeout=wait + 10,
        )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._credentials.forget()
        answer.raise_for_status()
        events = answer.json()
        for event in events:
            await self._apply(event)
        return len(events)

    async def _position(self) -> int:
        positions = self._runtime.tables.consumer_positions
        async with self._runtime.database.session() as session:
            position = await session.scalar(
                select(positions.c.position).where(positions.c.source == self.source)
            )
        return position or 0

    async def _apply(self, event: Mapping[str, Any]) -> None:
        runtime, positions = self._runtime, self._runtime.tables.consumer_positions
        trace = Trace(request_id=event["requestid"], traceparent=event["traceparent"])
        with structlog.contextvars.bound_contextvars(
            service=runtime.name, request_id=trace.request_id
        ):
            async with runtime.database.session() as session, session.begin():
                await session.execute(
                    insert(positions)
                    .values(source=self.source, position=0, updated_at=runtime.clock.now())
                    .on_conflict_do_nothing()
                )
                # The row is held until the commit: of two replicas only one applies the event.
                position = await session.scalar(
                    select(positions.c.position)
                    .where(positions.c.source == self.source)
                    .with_for_update()
                )
                if position is None or event["position"] <= position:
                    return
                journal = Journal(session, runtime.tables, runtime.clock, trace)
                await self._subscription.apply(
                    Delivery(
                        session=session,
                        journal=journal,
                        clock=runtime.clock,
                        occurred_at=datetime.fromisoformat(event["time"]),
                    ),
                    event,
                )
                await session.execute(
                    update(positions)
                    .where(positions.c.source == self.source)
                    .values(position=event["position"], updated_at=runtime.clock.now())
                )
                await session.flush()
                await journal.write()
            log.info("event_applied", source=self.source, type=event["type"])
        runtime.wake_readers()
