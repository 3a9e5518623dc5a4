"""Routes of older lists: the workbook to fill in, taking a filled one over, what became of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

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
from services.registry.access import InCharge, Keeper
from services.registry.dependencies import CurrentCatalogue
from services.registry.import_schemas import (
    RecognitionImportOut,
    RecognitionImportRowOut,
    recognition_import_out,
)
from services.registry.import_service import RecognitionImportService
from services.registry.older_list import FILE_NAME, lists_of, write_template

router = APIRouter(route_class=TransactionalRoute, tags=["registry"])
uploads = APIRouter(route_class=UploadRoute, tags=["registry"])

_WORKBOOK = {XLSX: {"schema": {"type": "string", "format": "binary"}}}


async def _import_service(
    session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> RecognitionImportService:
    return RecognitionImportService(session, journal, clock)


async def _language(request: Request) -> Language:
    return preferred_language(request.headers.get("Accept-Language"))


Imports = Annotated[RecognitionImportService, Depends(_import_service)]
InLanguage = Annotated[Language, Depends(_language)]


@router.get(
    "/recognition-imports/template.xlsx",
    summary="下载历史名单模板 · Fetch the workbook to fill in",
    response_class=Response,
    responses={
        **documented(NotAllowed),
        200: {"description": "模板 · The template", "content": _WORKBOOK},
    },
)
async def read_recognition_template(_officer: Keeper, catalogue: CurrentCatalogue) -> Response:
    """Return a workbook for titles that were given before this registry kept them."""
    return Response(
        write_template(lists_of(catalogue)),
        media_type=XLSX,
        headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'},
    )


@uploads.post(
    "/recognition-imports",
    status_code=202,
    summary="导入历史名单 · Import an older list",
    openapi_extra={"requestBody": {"required": True, "content": _WORKBOOK}},
    responses=documented(
        NotAllowed,
        MediaTypeNotSupported,
        NotAWorkbook,
        TooManyImports,
        TooLarge,
        UploadTruncated,
        BodyTooSlow,
        DigestMismatch,
        FileNameInvalid,
    ),
)
async def start_recognition_import(
    officer: Keeper,
    upload: ReceivedUpload,
    imports: Imports,
    request: Request,
    response: Response,
    language: InLanguage,
    if_errors: Annotated[
        IfErrors,
        Query(
            description="有错误行时：refuse_all 全部不导入，skip_rows 只导入无误的行。"
            " When some rows have errors: take none over, or those without."
        ),
    ] = IfErrors.REFUSE_ALL,
) -> RecognitionImportOut:
    """Take an older list in; each row records a term of a title, and rewrites nothing on record.

    `Location` says where its progress is. The same file again changes nothing: its rows are
    `already_there`.
    """
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != XLSX:
        raise MediaTypeNotSupported(f"请以 {XLSX} 发送。", f"Send it as {XLSX}.")
    received = await imports.receive(
        upload, if_errors=if_errors, file_name=file_name_of(request), officer=officer
    )
    response.headers["Location"] = f"/api/v1/recognition-imports/{received.id}"
    return recognition_import_out(await imports.report_of(received), language)


@router.get(
    "/recognition-imports",
    summary="查询历史名单导入 · List imports of older lists",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_recognition_imports(
    reader: InCharge, imports: Imports, page: PageOf, language: InLanguage
) -> PageOut[RecognitionImportOut]:
    """List the imports of the caller's division, the newest first."""
    found = await imports.page(reader, page)
    return PageOut(
        items=[
            recognition_import_out(await imports.report_of(one), language) for one in found.items
        ],
        next=found.next,
    )


@router.get(
    "/recognition-imports/{import_id}",
    summary="查看历史名单导入 · Read how far an import of an older list has come",
    responses=documented(NotAllowed, ImportNotFound),
)
async def read_recognition_import(
    import_id: UUID, reader: InCharge, imports: Imports, language: InLanguage
) -> RecognitionImportOut:
    """Return its state: `queued`, `running`, then `done`, or `refused` with nothing taken over."""
    return recognition_import_out(await imports.report(import_id, reader), language)


@router.get(
    "/recognition-imports/{import_id}/errors",
    summary="历史名单导入错误 · List the errors of an import of an older list",
    responses=documented(NotAllowed, ImportNotFound, CursorInvalid),
)
async def list_recognition_import_errors(
    import_id: UUID, reader: InCharge, imports: Imports, page: PageOf, language: InLanguage
) -> PageOut[RowErrorOut]:
    """List what is wrong, cell by cell, in the order of the rows; 10,000 are kept."""
    found = await imports.errors(import_id, page, reader)
    return PageOut(items=[row_error_out(one, language) for one in found.items], next=found.next)


@router.get(
    "/recognition-imports/{import_id}/rows",
    summary="历史名单导入结果 · List what became of each row of an older list",
    responses=documented(NotAllowed, ImportNotFound, CursorInvalid),
)
async def list_recognition_import_rows(
    import_id: UUID, reader: InCharge, imports: Imports, page: PageOf
) -> PageOut[RecognitionImportRowOut]:
    """List the rows that were taken over: newly recorded, or on record already."""
    found = await imports.rows(import_id, page, reader)
    return PageOut(
        items=[RecognitionImportRowOut.model_validate(one) for one in found.items],
        next=found.next,
    )
