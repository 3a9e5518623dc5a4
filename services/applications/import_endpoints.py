"""Intake's routes for workbooks of many enterprises (批量导入)."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.applications.access import ApplicationReader, FilingOffice, Officer
from services.applications.import_service import ImportService
from services.applications.problems import (
    DocumentInfected,
    RoundNotFound,
    RoundNotOpen,
)
from services.applications.schemas import ImportOut, ImportRowOut
from services.applications.views import import_out
from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import (
    BodyTooSlow,
    CursorInvalid,
    DigestMismatch,
    FileNameInvalid,
    MediaTypeNotSupported,
    NotAllowed,
    TooLarge,
    UploadTruncated,
    documented,
)
from services.kernel.text import Language, preferred_language
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    ReceivedUpload,
    TransactionalRoute,
    UploadRoute,
)
from services.kernel.uploads import file_name_of
from services.kernel.workbooks.imports import IfErrors
from services.kernel.workbooks.problems import ImportNotFound, NotAWorkbook, TooManyImports
from services.kernel.workbooks.schemas import RowErrorOut, row_error_out
from services.kernel.workbooks.workbook import XLSX
from services.policy.matter import Kind

router = APIRouter(route_class=TransactionalRoute, tags=["imports"])
uploads = APIRouter(route_class=UploadRoute, tags=["imports"])

_WORKBOOK = {XLSX: {"schema": {"type": "string", "format": "binary"}}}


async def _import_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> ImportService:
    state = request.app.state
    return ImportService(session, journal, clock, state.catalogue, state.store)


async def _language(request: Request) -> Language:
    return preferred_language(request.headers.get("Accept-Language"))


Imports = Annotated[ImportService, Depends(_import_service)]
InLanguage = Annotated[Language, Depends(_language)]


@router.get(
    "/application-template.xlsx",
    summary="下载导入模板 · Fetch the workbook to fill in",
    response_class=Response,
    responses={
        **documented(NotAllowed, RoundNotFound, RoundNotOpen),
        200: {"description": "模板 · The template", "content": _WORKBOOK},
    },
)
async def read_template(
    _reader: ApplicationReader,
    imports: Imports,
    round_id: Annotated[UUID, Query(description="申报批次。The round to file in.")],
    kind: Annotated[Kind, Query(description="新申报或复核。New, or a renewal.")] = "new",
) -> Response:
    """Return a workbook made from the round's pack: a column for each fact, with lists and notes."""
    name, content = await imports.template(round_id, kind)
    return Response(
        content,
        media_type=XLSX,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"},
    )


@uploads.post(
    "/application-imports",
    status_code=202,
    summary="批量导入申报 · Import many applications",
    openapi_extra={"requestBody": {"required": True, "content": _WORKBOOK}},
    responses=documented(
        NotAllowed,
        RoundNotFound,
        RoundNotOpen,
        MediaTypeNotSupported,
        NotAWorkbook,
        DocumentInfected,
        TooManyImports,
        TooLarge,
        UploadTruncated,
        BodyTooSlow,
        DigestMismatch,
        FileNameInvalid,
    ),
)
async def start_import(
    officer: FilingOffice,
    upload: ReceivedUpload,
    imports: Imports,
    request: Request,
    response: Response,
    language: InLanguage,
    round_id: Annotated[UUID, Query(description="申报批次。The round to file in.")],
    kind: Annotated[Kind, Query(description="新申报或复核。New, or a renewal.")] = "new",
    if_errors: Annotated[
        IfErrors,
        Query(
            description="有错误行时：refuse_all 全部不导入，skip_rows 只导入无误的行。"
            " When some rows have errors: take none over, or those without."
        ),
    ] = IfErrors.REFUSE_ALL,
) -> ImportOut:
    """Take a filled workbook in; each row becomes a draft of the caller's office.

    `Location` says where its progress is. The same file again doubles nothing: a row that changes
    nothing is `unchanged`. An enterprise confirms its draft, unless its mandate covers the office.
    """
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != XLSX:
        raise MediaTypeNotSupported(f"请以 {XLSX} 发送。", f"Send it as {XLSX}.")
    received = await imports.receive(
        upload,
        round_id=round_id,
        kind=kind,
        if_errors=if_errors,
        file_name=file_name_of(request),
        officer=officer,
    )
    response.headers["Location"] = f"/api/v1/application-imports/{received.id}"
    return import_out(await imports.report_of(received), language)


@router.get(
    "/application-imports",
    summary="查询导入任务 · List imports",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_imports(
    reader: Officer,
    imports: Imports,
    page: PageOf,
    language: InLanguage,
    round_id: UUID | None = None,
) -> PageOut[ImportOut]:
    """List the imports of the caller's division, the newest first."""
    found = await imports.page(reader, page, round_id=round_id)
    return PageOut(
        items=[import_out(await imports.report_of(one), language) for one in found.items],
        next=found.next,
    )


@router.get(
    "/application-imports/{import_id}",
    summary="查看导入进度 · Read how far an import has come",
    responses=documented(NotAllowed, ImportNotFound),
)
async def read_import(
    import_id: UUID, reader: Officer, imports: Imports, language: InLanguage
) -> ImportOut:
    """Return its state: `queued`, `running`, then `done`, or `refused` with nothing taken over."""
    return import_out(await imports.report(import_id, reader), language)


@router.get(
    "/application-imports/{import_id}/errors",
    summary="导入错误 · List an import's errors",
    responses=documented(NotAllowed, ImportNotFound, CursorInvalid),
)
async def list_import_errors(
    import_id: UUID, reader: Officer, imports: Imports, page: PageOf, language: InLanguage
) -> PageOut[RowErrorOut]:
    """List what is wrong, cell by cell, in the order of the rows; 10,000 are kept."""
    found = await imports.errors(import_id, page, reader)
    return PageOut(items=[row_error_out(one, language) for one in found.items], next=found.next)


@router.get(
    "/application-imports/{import_id}/rows",
    summary="导入结果 · List what became of each row",
    responses=documented(NotAllowed, ImportNotFound, CursorInvalid),
)
async def list_import_rows(
    import_id: UUID, reader: Officer, imports: Imports, page: PageOf
) -> PageOut[ImportRowOut]:
    """List the rows that were taken over, with the application that each became."""
    found = await imports.rows(import_id, page, reader)
    return PageOut(items=[ImportRowOut.model_validate(one) for one in found.items], next=found.next)
