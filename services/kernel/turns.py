"""Connections in the order of coming.

SQLAlchemy's pool lets a newcomer take the connection that was just given back for somebody who waits:
that one is sent to the end again, and may wait until many who came later are served. Here what is
given back belongs to whoever has waited longest.
"""

import asyncio
from typing import TypeVar

from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util import memoized_property
from sqlalchemy.util.concurrency import await_
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty, QueueCommon

Item = TypeVar("Item")


class InTurnQueue(AsyncAdaptedQueue[Item]):
    """A queue of which every item is promised to one who waits, in the order of coming."""

    @memoized_property
    def _promised(self) -> asyncio.Semaphore:
        """How many items nobody was promised yet; asyncio's semaphore is fair."""
        # Made when it is first used: a wait binds it to the loop that runs then.
        return asyncio.Semaphore(0)

    def put_nowait(self, item: Item) -> None:
        super().put_nowait(item)
        self._promised.release()

    def get_nowait(self) -> Item:
        return self.get(block=False)

    def get(self, block: bool = True, timeout: float | None = None) -> Item:
        if not block and self._promised.locked():
            raise Empty
        try:
            await_(self._acquire(timeout))
        except TimeoutError as error:
            raise Empty from error
        return super().get_nowait()

    async def _acquire(self, timeout: float | None) -> None:  # noqa: ASYNC109 - the pool's own
        async with asyncio.timeout(timeout):
            await self._promised.acquire()


class InTurnPool(AsyncAdaptedQueuePool):
    _queue_class: type[QueueCommon[ConnectionPoolEntry]] = InTurnQueue
