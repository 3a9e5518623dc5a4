"""Work on stored files that no request waits for: looking into new ones, sweeping what nobody owns."""

import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from services.applications.repository import DocumentRepository
from services.applications.scanning import Scanner, ScannerUnavailable
from services.kernel.logging import log, new_trace
from services.kernel.storage import ContentStore, Kept
from services.kernel.transaction import Runtime, saved_together
from services.kernel.uploads import ARRIVING

_LOOK_AGAIN_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_SWEEP_EVERY_SECONDS = 3600.0
_OWNERLESS_AFTER = timedelta(days=1)
"""A file is stored before its row is: by then the request that sent it is long over."""
_ARRIVED_BY_NOW_SECONDS = 3600
_BATCH = 500


class ContentKeeper:
    """Scans each new file once, and sweeps away what a crash left behind. One at a time is enough."""

    name = "keeps files"

    def __init__(
        self, runtime: Runtime, store: ContentStore, scanner: Scanner | None, spool: Path
    ) -> None:
        self._runtime = runtime
        self._store = store
        self._scanner = scanner
        self._spool = spool

    async def run(self) -> None:
        pause, swept_at = _LOOK_AGAIN_SECONDS, float("-inf")
        while True:
            try:
                if time.monotonic() - swept_at >= _SWEEP_EVERY_SECONDS:
                    await self.sweep()
                    swept_at = time.monotonic()
                while await self.scan_next():
                    pass
                pause = _LOOK_AGAIN_SECONDS
            except ScannerUnavailable as error:
                log.warning("scanner_away", error=str(error), again_in=pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            except Exception:
                log.exception("files_not_kept", again_in=pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def scan_next(self) -> bool:
        """Look into one file that nobody has looked into. Return whether there was one.

        Raises `ScannerUnavailable`; the file stays held then, and is looked into later.
        """
        if self._scanner is None:
            return False
        async with self._runtime.database.session() as session:
            waiting = await DocumentRepository(session).to_scan(1)
        if not waiting:
            return False
        content = waiting[0]
        # No transaction is open while the scanner works: it may take minutes.
        with tempfile.NamedTemporaryFile(dir=self._spool, prefix=ARRIVING) as copy:
            await self._store.fetch(content.sha256, Path(copy.name), size=content.size)
            result = await self._scanner.scan(Path(copy.name))
        async with saved_together(self._runtime, new_trace()) as (session, _):
            found = await DocumentRepository(session).content(content.sha256)
            if found is not None and found.verdict is None:
                found.verdict = result.verdict
                found.signature = result.signature
                found.scanned_by = self._scanner.name
                found.scanned_at = self._runtime.clock.now()
        if result.signature is not None:
            log.warning("file_infected", sha256=content.sha256, signature=result.signature)
        return True

    async def sweep(self) -> int:
        """Delete stored files that no row refers to, and what was half received. Return how many."""
        swept = await asyncio.to_thread(_sweep_spool, self._spool)
        oldest = self._runtime.clock.now() - _OWNERLESS_AFTER
        batch: list[Kept] = []
        async for kept in self._store.listed():
            if kept.kept_at >= oldest:
                continue
            batch.append(kept)
            if len(batch) == _BATCH:
                swept += await self._sweep_ownerless(batch)
                batch = []
        return swept + await self._sweep_ownerless(batch)

    async def _sweep_ownerless(self, batch: list[Kept]) -> int:
        async with self._runtime.database.session() as session:
            owned = await DocumentRepository(session).known([one.sha256 for one in batch])
        ownerless = [one for one in batch if one.sha256 not in owned]
        for one in ownerless:
            log.info("file_swept", sha256=one.sha256, size=one.size)
            await self._store.forget(one.sha256)
        return len(ownerless)


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
