"""Photographs of site visits (现场照片): taken in, and given to who may see the case."""

import asyncio
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.downloads import Download
from services.kernel.file_types import JPEG, PNG, FileRefused, identify
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import Journal
from services.kernel.storage import ContentStore
from services.kernel.text import Text
from services.kernel.uploads import Upload
from services.policy.catalogue import Catalogue
from services.review.desk import CaseDesk, position_of
from services.review.models import Photograph, ReviewCase
from services.review.photograph_repository import PhotographRepository
from services.review.problems import (
    PhotographNotFound,
    PhotographTypeRefused,
    ReviewCaseNotFound,
    TooManyPhotographs,
    VisitNotAwaited,
)
from services.review.workflow import Act, refusal

LARGEST_PHOTOGRAPH = 10 * 1024 * 1024
MOST_PHOTOGRAPHS = 50
"""Of one case."""
ENDINGS = {JPEG: ".jpg", PNG: ".png"}
"""The types that a photograph may have, and how a file of each is called."""


class PhotographService:
    def __init__(
        self,
        session: AsyncSession,
        journal: Journal,
        clock: Clock,
        catalogue: Catalogue,
        store: ContentStore,
    ) -> None:
        self._desk = CaseDesk(session, journal, clock, catalogue)
        self._photographs = PhotographRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue
        self._store = store

    def on(self, session: AsyncSession) -> "PhotographService":
        """Return the same service on another session."""
        return PhotographService(session, self._journal, self._clock, self._catalogue, self._store)

    async def refuse_untaken(self, case_id: UUID, upload: Upload, inspector: Actor) -> None:
        """Refuse a photograph that the case does not take, before anything of it is stored."""
        case = await self._find_case(case_id, inspector)
        self._require_awaited(case, inspector)
        if await self._photographs.with_content(case.id, upload.sha256) is None:
            await self._require_room(case)

    async def add(
        self, case_id: UUID, upload: Upload, *, file_name: str | None, inspector: Actor
    ) -> tuple[Photograph, bool]:
        """Add a photograph to a case that is to be visited. Return it, and whether it is new."""
        media_type = await _type_of(upload)
        # The file first, then its row: a row never refers to what is not there.
        await self._store.keep(upload.path, upload.sha256)
        case = await self._desk.take(case_id, inspector)
        self._require_awaited(case, inspector)
        known = await self._photographs.with_content(case.id, upload.sha256)
        if known is not None:
            # The same again, after an answer that was lost.
            return known, False
        await self._require_room(case)
        await self._photographs.hold_content(upload.sha256)
        await self._store.keep_again_if_gone(upload.path, upload.sha256)
        photograph = Photograph(
            id=new_id(),
            case_id=case.id,
            sha256=upload.sha256,
            size=upload.size,
            media_type=media_type,
            file_name=file_name,
            uploaded_by=inspector.sub,
            uploaded_at=self._clock.now(),
        )
        await self._photographs.add(photograph)
        self._desk.record(
            case,
            "photographed",
            inspector,
            photograph_id=str(photograph.id),
            sha256=photograph.sha256,
            size=photograph.size,
        )
        return photograph, True

    async def open(self, case_id: UUID, photograph_id: UUID, reader: Actor) -> Download:
        """Return a photograph for whoever may see the case."""
        case = await self._find_case(case_id, reader)
        photograph = await self._photographs.find(case.id, photograph_id)
        if photograph is None:
            raise PhotographNotFound
        return Download(
            sha256=photograph.sha256,
            size=photograph.size,
            media_type=photograph.media_type,
            file_name=photograph.file_name or f"{photograph.id}{ENDINGS[photograph.media_type]}",
        )

    async def _find_case(self, case_id: UUID, reader: Actor) -> ReviewCase:
        case = await self._desk.cases.find(case_id, reader)
        if case is None:
            raise ReviewCaseNotFound
        return case

    def _require_awaited(self, case: ReviewCase, inspector: Actor) -> None:
        problem = refusal(
            Act.PHOTOGRAPH, position_of(case), self._desk.route(case), inspector.offices
        )
        if problem is not None:
            raise VisitNotAwaited(problem.detail.zh, problem.detail.en)

    async def _require_room(self, case: ReviewCase) -> None:
        if await self._photographs.count(case.id) >= MOST_PHOTOGRAPHS:
            raise TooManyPhotographs(
                f"每件最多 {MOST_PHOTOGRAPHS} 张现场照片。",
                f"A case has {MOST_PHOTOGRAPHS} photographs at most.",
            )


async def _type_of(upload: Upload) -> str:
    """Return what a file is by its content. Raises `PhotographTypeRefused` with what was found."""
    try:
        media_type = await asyncio.to_thread(identify, upload.path)
    except FileRefused as refused:
        raise _type_refused(refused.detail, code=refused.code) from refused
    if media_type not in ENDINGS:
        found = Text(f"文件内容是 {media_type}。", f"Its content is {media_type}.")
        raise _type_refused(found, code="another_type")
    return media_type


def _type_refused(found: Text, *, code: str) -> PhotographTypeRefused:
    return PhotographTypeRefused(
        f"{found.zh}现场照片须为 JPEG 或 PNG。",
        f"{found.en} A photograph is a JPEG or a PNG.",
        errors=[("", code, found)],
    )
