"""Work on stored files that no request waits for: looking into new ones, sweeping what nobody owns."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.models import Application, Content
from services.applications.repository import DocumentRepository
from services.applications.scanning import Scanner, ScannerUnavailable
from services.kernel.identity.actor import system_actor
from services.kernel.journal import HistoryEntry
from services.kernel.logging import log, new_trace
from services.kernel.storage import ContentStore
from services.kernel.sweeping import SWEEP_EVERY_SECONDS, Sweeper
from services.kernel.transaction import Runtime, saved_together
from services.kernel.uploads import ARRIVING

_LOOK_AGAIN_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_PUT_OFF_SECONDS = 300.0
_WORKBOOK_KEPT_FOR = timedelta(days=7)
"""After an import's end, so that somebody can still look what went wrong."""


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
        self._sweeper = Sweeper(runtime, store, spool, self._owned)
        self._put_off: dict[str, _PutOff] = {}

    async def run(self) -> None:
        pause, swept_at = _LOOK_AGAIN_SECONDS, float("-inf")
        while True:
            try:
                while await self.scan_next():
                    pause = _LOOK_AGAIN_SECONDS
                if time.monotonic() - swept_at >= SWEEP_EVERY_SECONDS:
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
        return await self._sweeper.sweep()

    async def _owned(self, session: AsyncSession, hashes: Sequence[str]) -> set[str]:
        ended_before = self._runtime.clock.now() - _WORKBOOK_KEPT_FOR
        return await DocumentRepository(session).owned(hashes, ended_before=ended_before)


def _later(tried: _PutOff) -> _PutOff:
    pause = min(2.0**tried.times, _LONGEST_PUT_OFF_SECONDS)
    return _PutOff(times=tried.times + 1, until=time.monotonic() + pause)


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
