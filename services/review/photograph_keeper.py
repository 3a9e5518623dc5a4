"""Sweeping photographs that nobody owns. No request waits for it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.logging import log
from services.kernel.storage import ContentStore
from services.kernel.sweeping import SWEEP_EVERY_SECONDS, Sweeper
from services.kernel.transaction import Runtime
from services.review.photograph_repository import PhotographRepository


class PhotographKeeper:
    """Sweeps away what a crash or a refusal left behind. One at a time is enough."""

    name = "keeps photographs"

    def __init__(self, runtime: Runtime, store: ContentStore, spool: Path) -> None:
        self._sweeper = Sweeper(runtime, store, spool, _owned)

    async def run(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("photographs_not_swept", again_in=SWEEP_EVERY_SECONDS)
            await asyncio.sleep(SWEEP_EVERY_SECONDS)

    async def sweep(self) -> int:
        """Delete stored files that no row refers to, and what was half received. Return how many."""
        return await self._sweeper.sweep()


async def _owned(session: AsyncSession, hashes: Sequence[str]) -> set[str]:
    return await PhotographRepository(session).owned(hashes)
