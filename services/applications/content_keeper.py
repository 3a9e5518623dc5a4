"""Work on stored files that no request waits for: looking into new ones, sweeping what nobody owns."""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from services.applications.models import Application, Content
from services.applications.repository import DocumentRepository
from services.applications.scanning import Scanner, ScannerUnavailable
from services.kernel.identity.actor import system_actor
from services.kernel.journal import HistoryEntry
from services.kernel.logging import log, new_trace
from services.kernel.storage import ContentStore, Kept
from services.kernel.transaction import Runtime, saved_together
from services.kernel.uploads import ARRIVING

_LOOK_AGAIN_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_PUT_OFF_SECONDS = 300.0
_SWEEP_EVERY_SECONDS = 3600.0
_OWNERLESS_AFTER = timedelta(days=1)
"""A file is stored before its row is: by then the request that sent it is long over."""
_WORKBOOK_KEPT_FOR = timedelta(days=7)
"""After an import's end, so that somebody can still look what went wrong."""
_ARRIVED_BY_NOW_SECONDS = 3600
_BATCH = 500


@dataclass(frozen=True, slots=True)
class _PutOff:
    """A file that could not be looked into: how often it was tried, and when it is again."""

    times: int = 0
    until: float = 0.0


_NEVER_TRIED = _PutOff()


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
        self._put_off: dict[str, _PutOff] = {}

    async def run(self) -> None:
        pause, swept_at = _LOOK_AGAIN_SECONDS, float("-inf")
        while True:
            try:
                while await self.scan_next():
                    pause = _LOOK_AGAIN_SECONDS
                if time.monotonic() - swept_at >= _SWEEP_EVERY_SECONDS:
                    # Noted before: a store that lets nobody list it is still scanned.
                    swept_at = time.monotonic()
                    await self.sweep()
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

        Raises `ScannerUnavailable`; the file stays held then, and is looked into later, after those
        that nothing is known against: one that no scanner can read holds up no other.
        """
        if self._scanner is None:
            return False
        content = await self._next_to_scan()
        if content is None:
            return False
        try:
            await self._scan(content, self._scanner)
        except Exception:
            self._put_off[content.sha256] = _later(self._tried(content))
            raise
        self._put_off.pop(content.sha256, None)
        return True

    async def _next_to_scan(self) -> Content | None:
        async with self._runtime.database.session() as session:
            # One more than those that were put off, so that one of the others is among them.
            waiting = await DocumentRepository(session).to_scan(len(self._put_off) + 1)
        now = time.monotonic()
        due = [one for one in waiting if self._tried(one).until <= now]
        return min(due, key=lambda one: self._tried(one).times, default=None)

    def _tried(self, content: Content) -> _PutOff:
        return self._put_off.get(content.sha256, _NEVER_TRIED)

    async def _scan(self, content: Content, scanner: Scanner) -> None:
        # No transaction is open while the scanner works: it may take minutes.
        with tempfile.NamedTemporaryFile(dir=self._spool, prefix=ARRIVING) as copy:
            await self._store.fetch(content.sha256, Path(copy.name), size=content.size)
            result = await scanner.scan(Path(copy.name))
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            documents = DocumentRepository(session)
            found = await documents.content(content.sha256)
            if found is not None and found.verdict is None:
                found.verdict = result.verdict
                found.signature = result.signature
                found.scanned_by = scanner.name
                found.scanned_at = self._runtime.clock.now()
            if result.signature is not None:
                for application, kind in await documents.with_content(content.sha256):
                    journal.record(_infected(application, kind, content.sha256))
        if result.signature is not None:
            log.warning("file_infected", sha256=content.sha256, signature=result.signature)

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

    async def _sweep_ownerless(self, batch: list[Kept], oldest: datetime) -> int:
        ended_before = self._runtime.clock.now() - _WORKBOOK_KEPT_FOR
        hashes = [one.sha256 for one in batch]
        async with self._runtime.database.session() as session:
            owned = await DocumentRepository(session).owned(hashes, ended_before=ended_before)
        swept = 0
        for one in batch:
            if one.sha256 not in owned and await self._forget(one, oldest, ended_before):
                log.info("file_swept", sha256=one.sha256, size=one.size)
                swept += 1
        return swept

    async def _forget(self, one: Kept, oldest: datetime, ended_before: datetime) -> bool:
        """Delete a file, unless it is given a row this very moment."""
        async with saved_together(self._runtime, new_trace()) as (session, _):
            documents = DocumentRepository(session)
            await documents.hold_content(one.sha256)
            if await documents.owned([one.sha256], ended_before=ended_before):
                return False
            return await self._store.forget(one.sha256, kept_before=oldest)


def _later(tried: _PutOff) -> _PutOff:
    pause = min(2.0**tried.times, _LONGEST_PUT_OFF_SECONDS)
    return _PutOff(times=tried.times + 1, until=time.monotonic() + pause)


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


def _infected(of: Application, kind: str, sha256: str) -> HistoryEntry:
    """Return what the enterprise and its offices read of a document that turned out harmful."""
    return HistoryEntry(
        subject_type="application",
        subject_id=of.id,
        action="document_infected",
        actor=system_actor("applications"),
        uscc=of.uscc,
        reason="查毒发现恶意代码，该材料不再提供下载，也不计入材料。",
        policy_pack=of.policy_pack,
        data={"status": of.status.value, "kind": kind, "sha256": sha256},
    )
