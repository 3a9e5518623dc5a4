"""Sweeping stored files that no row refers to, and what processes that died left half written.

A file is stored before its row is. Whoever gives it one takes a lock on its hash first, and the sweep
takes the same before it deletes: so a row never refers to what was swept away meanwhile.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.logging import log, new_trace
from services.kernel.storage import ContentStore, Kept
from services.kernel.transaction import Runtime, saved_together
from services.kernel.uploads import ARRIVING

SWEEP_EVERY_SECONDS = 3600.0
_OWNERLESS_AFTER = timedelta(days=1)
"""A file is stored before its row is: by then the request that sent it is long over."""
_ARRIVED_BY_NOW_SECONDS = 3600
_BATCH = 500

Owned = Callable[[AsyncSession, Sequence[str]], Awaitable[set[str]]]
"""Which of some hashes are needed, as the rows that a session reads have it."""


async def hold_content(session: AsyncSession, sha256: str) -> None:
    """Keep a file from being swept while it is given a row, or from being given one meanwhile."""
    number = int.from_bytes(bytes.fromhex(sha256[:16]), signed=True)
    await session.execute(select(func.pg_advisory_xact_lock(number)))


class Sweeper:
    """Sweeps the store and the spool of one service; nobody else keeps anything in that store."""

    def __init__(self, runtime: Runtime, store: ContentStore, spool: Path, owned: Owned) -> None:
        self._runtime = runtime
        self._store = store
        self._spool = spool
        self._owned = owned

    async def sweep(self) -> int:
        """Delete stored files that no row refers to, and what was half received. Return how many."""
        swept = await asyncio.to_thread(_sweep_spool, self._spool)
        swept += await asyncio.to_thread(self._store.clear_half_written)
        oldest = self._runtime.clock.now() - _OWNERLESS_AFTER
        batch: list[Kept] = []
        async for kept in self._store.listed():
            if kept.kept_at >= oldest:
                continue
            batch.append(kept)
            if len(batch) == _BATCH:
                swept += await self._sweep_ownerless(batch, oldest)
                batch = []
        return swept + await self._sweep_ownerless(batch, oldest)

    async def _sweep_ownerless(self, batch: Sequence[Kept], oldest: datetime) -> int:
        async with self._runtime.database.session() as session:
            owned = await self._owned(session, [one.sha256 for one in batch])
        swept = 0
        for one in batch:
            if one.sha256 not in owned and await self._forget(one, oldest):
                log.info("file_swept", sha256=one.sha256, size=one.size)
                swept += 1
        return swept

    async def _forget(self, one: Kept, oldest: datetime) -> bool:
        """Delete a file, unless it is given a row this very moment."""
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await hold_content(session, one.sha256)
            if await self._owned(session, [one.sha256]):
                return False
            return await self._store.forget(one.sha256, kept_before=oldest)


def _sweep_spool(spool: Path) -> int:
    """Delete what processes that are gone were receiving."""
    swept = 0
    for file in spool.glob(f"{ARRIVING}*"):
        try:
            if time.time() - file.stat().st_mtime > _ARRIVED_BY_NOW_SECONDS:
                file.unlink()
                swept += 1
        except FileNotFoundError:
            continue
    return swept
