"""Routes of exports: for offices what they are in charge of, for everybody the open data."""

import asyncio
from collections.abc import AsyncGenerator
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.kernel.problems import NotAllowed, Overloaded, documented
from services.kernel.text import Text, text_out
from services.kernel.transaction import (
    CurrentClock,
    CurrentSession,
    StrictRoute,
    TransactionalRoute,
    runtime_of,
)
from services.kernel.workbooks.workbook import XLSX
from services.registry.access import Anyone, InCharge
from services.registry.dependencies import CurrentCatalogue, SoughtFor
from services.registry.export_problems import ExportTooLarge
from services.registry.export_repository import ExportRepository
from services.registry.export_schemas import (
    RecognitionColumnOut,
    RecognitionDataSetOut,
    RecognitionDataSetsOut,
    RecognitionFileOut,
    RecognitionLicenceOut,
)
from services.registry.export_service import CHUNK, PUBLIC_COLUMNS, ExportService

router = APIRouter(route_class=TransactionalRoute, tags=["public"])
# An export reads for as long as its reader does: it opens its transaction itself.
exports = APIRouter(route_class=StrictRoute)

CSV, JSONL = "text/csv", "application/jsonl"
_CSV_HEADER = "text/csv; charset=utf-8; header=present"


async def _export_service(request: Request, catalogue: CurrentCatalogue) -> ExportService:
    state = request.app.state
    return ExportService(runtime_of(request), catalogue, state.export_places, state.spool)


Exports = Annotated[ExportService, Depends(_export_service)]


class ExportResponse(StreamingResponse):
    """An answer whose parts come from the database; it lets go of it, whoever breaks off."""

    def __init__(self, parts: AsyncGenerator[bytes, None], *, name: str, media_type: str) -> None:
        super().__init__(
            parts,
            media_type=media_type,
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._parts.aclose()


async def _begun(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Wait for the first part: what fails until then is still answered as a problem."""
    first = await anext(parts)

    async def all_parts() -> AsyncGenerator[bytes, None]:
        try:
            yield first
            async for part in parts:
                yield part
        finally:
            await parts.aclose()

    return all_parts()


async def _parts_of(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    with file:
        file.seek(0)
        while part := await asyncio.to_thread(file.read, CHUNK):
            yield part


@exports.get(
    "/enterprise-exports/enterprises.csv",
    tags=["registry"],
    summary="导出名录（CSV） · Export enterprises as CSV",
    response_class=StreamingResponse,
    responses=documented(NotAllowed, Overloaded)
    | {200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def export_enterprises_csv(
    reader: InCharge, service: Exports, sought: SoughtFor
) -> ExportResponse:
    """Return the enterprises in the caller's charge, a row for each title, as of one moment.

    The filters are those of `GET /enterprises` and choose enterprises. UTF-8 with a byte order mark,
    RFC 4180; a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return has an apostrophe
    before it. A file that was cut short was not complete: ask again.
    """
    parts = await _begun(service.office_csv(sought, reader))
    return ExportResponse(parts, name="enterprises.csv", media_type=_CSV_HEADER)


@exports.get(
    "/enterprise-exports/enterprises.xlsx",
    tags=["registry"],
    summary="导出名录（XLSX） · Export enterprises as XLSX",
    response_class=StreamingResponse,
    responses=documented(NotAllowed, ExportTooLarge, Overloaded)
    | {200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def export_enterprises_xlsx(
    reader: InCharge, service: Exports, sought: SoughtFor
) -> ExportResponse:
    """Return the same as the CSV, for people: headings in Chinese, days as days, texts as texts."""
    spooled = await service.office_workbook(sought, reader)
    answer = ExportResponse(_parts_of(spooled.file), name="enterprises.xlsx", media_type=XLSX)
    answer.headers["Content-Length"] = str(spooled.size)
    return answer


@exports.get(
    "/public/open-data/recognitions.csv",
    tags=["public"],
    summary="开放数据：有效认定（CSV） · Open data: valid recognitions as CSV",
    response_class=StreamingResponse,
    responses=documented(Overloaded) | {200: {"content": {CSV: {"schema": {"type": "string"}}}}},
)
async def read_open_recognitions_csv(_anyone: Anyone, service: Exports) -> ExportResponse:
    """Return every title of the public register that is valid today; `/public/open-data` explains it."""
    parts = await _begun(service.public_csv())
    return ExportResponse(parts, name="recognitions.csv", media_type=_CSV_HEADER)


@exports.get(
    "/public/open-data/recognitions.jsonl",
    tags=["public"],
    summary="开放数据：有效认定（JSONL） · Open data: valid recognitions as JSON lines",
    response_class=StreamingResponse,
    responses=documented(Overloaded) | {200: {"content": {JSONL: {"schema": {"type": "string"}}}}},
)
async def read_open_recognitions_jsonl(_anyone: Anyone, service: Exports) -> ExportResponse:
    """Return the same as the CSV, an object on each line."""
    parts = await _begun(service.public_jsonl())
    return ExportResponse(parts, name="recognitions.jsonl", media_type=JSONL)


@router.get("/public/open-data", summary="开放数据目录 · What open data there is")
async def read_open_data(
    _anyone: Anyone, session: CurrentSession, clock: CurrentClock
) -> RecognitionDataSetsOut:
    """Return each set of data with its columns, licence, freshness, size and addresses."""
    today = clock.today()
    return RecognitionDataSetsOut(
        items=[
            RecognitionDataSetOut(
                name="recognitions",
                title=text_out(Text("有效认定名单", "Valid recognitions")),
                description=text_out(_DESCRIPTION),
                licence=RecognitionLicenceOut(
                    id="CC-BY-4.0", url="https://creativecommons.org/licenses/by/4.0/"
                ),
                freshness=text_out(_FRESHNESS),
                update_frequency="continuous",
                as_of=today,
                row_count=await ExportRepository(session).public_count(today),
                columns=[
                    RecognitionColumnOut(name=name, meaning=text_out(meaning))
                    for name, meaning in PUBLIC_COLUMNS.items()
                ],
                files=[
                    RecognitionFileOut(
                        media_type=media_type,
                        url=f"/api/v1/public/open-data/recognitions.{ending}",
                        remark=text_out(remark),
                    )
                    for ending, media_type, remark in (
                        ("csv", CSV, _CSV_REMARK),
                        ("jsonl", JSONL, _JSONL_REMARK),
                    )
                ],
            )
        ]
    )


_DESCRIPTION = Text(
    "公开名录中今日有效的认定，每项称号一行；与公开查询一致。",
    "The titles of the public register that are valid today, a row for each; the same that the"
    " public search shows.",
)
_FRESHNESS = Text(
    "下载时即时生成，反映开始下载那一刻的名录。",
    "Made as it is fetched: the register at the moment at which the download begins.",
)
_CSV_REMARK = Text(
    "UTF-8（含 BOM），RFC 4180，首行为列名。以 =、+、-、@、制表符或回车开头的单元格前加了一个英文单引号，"
    "以免被电子表格当作公式。传输中断的文件不完整，请重新下载。",
    "UTF-8 with a byte order mark, RFC 4180, names in the first row. A cell that begins with =, +, -,"
    " @, a tab or a carriage return has an apostrophe before it, so that no spreadsheet takes it for"
    " a formula. A download that breaks off is incomplete: fetch it again.",
)
_JSONL_REMARK = Text(
    "UTF-8，每行一个 JSON 对象，内容不加任何前缀。传输中断的文件不完整，请重新下载。",
    "UTF-8, an object on each line, nothing put before any value. A download that breaks off is"
    " incomplete: fetch it again.",
)
