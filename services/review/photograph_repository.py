"""Every SQL statement about photographs."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.sweeping import hold_content
from services.review.models import Photograph


class PhotographRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, photograph: Photograph) -> None:
        self._session.add(photograph)
        await self._session.flush()

    async def hold_content(self, sha256: str) -> None:
        """Keep a file from being swept until its row is committed."""
        await hold_content(self._session, sha256)

    async def find(self, case_id: UUID, photograph_id: UUID) -> Photograph | None:
        return await self._session.scalar(
            select(Photograph).where(Photograph.id == photograph_id, Photograph.case_id == case_id)
        )

    async def with_content(self, case_id: UUID, sha256: str) -> Photograph | None:
        return await self._session.scalar(
            select(Photograph).where(Photograph.case_id == case_id, Photograph.sha256 == sha256)
        )

    async def count(self, case_id: UUID) -> int:
        counted = await self._session.scalar(
            select(func.count()).select_from(Photograph).where(Photograph.case_id == case_id)
        )
        return counted or 0

    async def owned(self, hashes: Sequence[str]) -> set[str]:
        """Return which of some files a photograph refers to."""
        rows = await self._session.scalars(
            select(Photograph.sha256).where(Photograph.sha256.in_(hashes))
        )
        return set(rows)
