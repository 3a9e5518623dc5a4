"""The statements about imports of older lists, and who may see which."""

from uuid import UUID

from sqlalchemy import ColumnElement, delete, false, func, select
from sqlalchemy.dialects.postgresql import insert

from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.kernel.workbooks.imports import Imports
from services.registry.import_models import (
    OlderRowOutcome,
    ReceivedWorkbook,
    RecognitionImport,
    RecognitionImportRow,
    RecognitionRowError,
)

READING_OFFICES = (Office.PROVINCE, Office.AUDITOR)


class RecognitionImportRepository(
    Imports[RecognitionImport, RecognitionImportRow, RecognitionRowError]
):
    imports = RecognitionImport
    results = RecognitionImportRow
    failings = RecognitionRowError

    async def find(self, import_id: UUID, reader: Actor) -> RecognitionImport | None:
        return await self._session.scalar(
            select(RecognitionImport).where(RecognitionImport.id == import_id, imports_of(reader))
        )

    async def page(self, reader: Actor, page: Paging) -> Found[RecognitionImport]:
        return await read_page(
            self._session,
            select(RecognitionImport).where(imports_of(reader)),
            page,
            by=[(RecognitionImport.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def outcomes(self, import_id: UUID) -> dict[OlderRowOutcome, int]:
        rows = await self._session.execute(
            select(RecognitionImportRow.outcome, func.count())
            .where(RecognitionImportRow.import_id == import_id)
            .group_by(RecognitionImportRow.outcome)
        )
        return {OlderRowOutcome(outcome): count for outcome, count in rows}

    async def keep_workbook(self, import_id: UUID, content: bytes) -> None:
        await self._session.execute(
            insert(ReceivedWorkbook).values(import_id=import_id, content=content)
        )

    async def workbook(self, import_id: UUID) -> bytes | None:
        return await self._session.scalar(
            select(ReceivedWorkbook.content).where(ReceivedWorkbook.import_id == import_id)
        )

    async def forget_workbook(self, import_id: UUID) -> None:
        await self._session.execute(
            delete(ReceivedWorkbook).where(ReceivedWorkbook.import_id == import_id)
        )


def imports_of(reader: Actor) -> ColumnElement[bool]:
    """Which imports a caller may see: those of its division's offices."""
    if reader.uscc is not None or reader.region is None or not reader.holds(*READING_OFFICES):
        return false()
    return RecognitionImport.region.like(f"{prefix_of(reader.region)}%")
