"""Intake's routes for documents (申报材料)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Request, Response

from services.applications.access import Applicant, ApplicationReader
from services.applications.document_service import MEGABYTE, DocumentService
from services.applications.problems import (
    ApplicationNotEditable,
    ApplicationNotFound,
    DocumentHeld,
    DocumentInfected,
    DocumentKindUnknown,
    DocumentNotFound,
    DocumentTypeRefused,
    EnterpriseWordMissing,
    FactNotOpened,
    NotYourEnterprise,
)
from services.applications.schemas import DocumentOut, DocumentsOut
from services.applications.views import asked_for_out, document_out
from services.kernel.downloads import answer_with
from services.kernel.problems import (
    BodyTooSlow,
    Busy,
    DigestMismatch,
    FileNameInvalid,
    MediaTypeNotSupported,
    NotAllowed,
    PreconditionRequired,
    RangeNotSatisfiable,
    Stale,
    TooLarge,
    UploadTruncated,
    documented,
)
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
    runtime_of,
)
from services.kernel.uploads import file_name_of, received
from services.policy.documents import MEDIA_TYPES

router = APIRouter(route_class=TransactionalRoute, tags=["documents"])

Kind = Annotated[
    str,
    Path(pattern=r"^[a-z][a-z0-9_]{0,59}$", description="政策包中的材料种类。A kind of the pack."),
]
Tag = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="替换或删除已有材料时必填：读取时返回的 ETag。Needed to replace or remove a document:"
        " the ETag that you read.",
    ),
]

_CHANGES = (
    NotAllowed,
    NotYourEnterprise,
    ApplicationNotFound,
    DocumentKindUnknown,
    ApplicationNotEditable,
    FactNotOpened,
    EnterpriseWordMissing,
    PreconditionRequired,
    Stale,
    Busy,
)
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"required": True, "content": dict.fromkeys(MEDIA_TYPES, _BINARY)}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "文件 · The file", "content": dict.fromkeys(MEDIA_TYPES, _BINARY)},
    206: {
        "description": "所请求的部分 · The part that Range asks for",
        "content": dict.fromkeys(MEDIA_TYPES, _BINARY),
    },
}


async def _document_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> DocumentService:
    state = request.app.state
    return DocumentService(
        session,
        journal,
        clock,
        state.catalogue,
        state.store,
        has_scanner=state.scanner is not None,
    )


Documents = Annotated[DocumentService, Depends(_document_service)]


@router.get(
    "/applications/{application_id}/documents",
    summary="材料清单 · List the documents asked for, and what is there",
    responses=documented(NotAllowed, ApplicationNotFound),
)
async def list_documents(
    application_id: UUID, reader: ApplicationReader, documents: Documents
) -> DocumentsOut:
    """Return each kind of document that the pack knows: whether it is needed now, and the file."""
    found = await documents.asked_for(application_id, reader)
    return DocumentsOut(items=[asked_for_out(one, documents) for one in found])


@router.put(
    "/applications/{application_id}/documents/{kind}",
    summary="提交材料 · Attach a document",
    openapi_extra={"requestBody": _BODY},
    responses=documented(
        *_CHANGES,
        MediaTypeNotSupported,
        DocumentTypeRefused,
        DocumentInfected,
        TooLarge,
        UploadTruncated,
        BodyTooSlow,
        DigestMismatch,
        FileNameInvalid,
    ),
)
async def put_document(
    application_id: UUID,
    kind: Kind,
    applicant: Applicant,
    documents: Documents,
    request: Request,
    response: Response,
    if_match: Tag = None,
) -> DocumentOut:
    """Send a file as the raw body with its media type; it is stored whole or not at all.

    The type is read from the content. `Content-Digest: sha-256=:…:` is checked when it is sent, and
    `Content-Disposition: attachment; filename*=UTF-8''…` names the file for readers. 201 for the
    first document of its kind, 200 for one that takes the place of another.
    """
    runtime, state = runtime_of(request), request.app.state
    file_name = file_name_of(request)
    tag_read = None if if_match is None else if_match.strip().strip('"')
    declared = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    # Asked in a transaction that is over before the file comes: an upload may take minutes.
    async with runtime.database.session() as look:
        asked_for = await documents.on(look).expect(
            application_id, kind, declared_type=declared, applicant=applicant
        )
    async with received(
        request, largest=asked_for.max_megabytes * MEGABYTE, folder=state.spool
    ) as upload:
        async with runtime.database.session() as look:
            await documents.on(look).refuse_unread(
                application_id, kind, upload, file_name=file_name, tag_read=tag_read
            )
        document, is_first = await documents.attach(
            application_id,
            asked_for,
            upload,
            file_name=file_name,
            tag_read=tag_read,
            applicant=applicant,
        )
    response.status_code = 201 if is_first else 200
    response.headers["ETag"] = f'"{document.sha256}"'
    return document_out(document, documents)


@router.get(
    "/applications/{application_id}/documents/{kind}",
    summary="下载材料 · Fetch a document",
    response_class=Response,
    responses={
        **documented(
            NotAllowed,
            ApplicationNotFound,
            DocumentNotFound,
            DocumentHeld,
            DocumentInfected,
            RangeNotSatisfiable,
        ),
        **_FILE,
    },
)
async def read_document(
    application_id: UUID,
    kind: Kind,
    reader: ApplicationReader,
    documents: Documents,
    request: Request,
) -> Response:
    """Return the file that counts now. A broken download goes on with `Range` and `If-Range`."""
    found = await documents.open(application_id, kind, reader)
    return await answer_with(found, request, request.app.state.store)


@router.delete(
    "/applications/{application_id}/documents/{kind}",
    status_code=204,
    summary="删除材料 · Take a document out",
    responses=documented(*_CHANGES, DocumentNotFound),
)
async def remove_document(
    application_id: UUID,
    kind: Kind,
    applicant: Applicant,
    documents: Documents,
    if_match: Tag = None,
) -> None:
    """Take a document out of a draft. A submission that has it keeps it."""
    await documents.remove(
        application_id,
        kind,
        tag_read=None if if_match is None else if_match.strip().strip('"'),
        applicant=applicant,
    )


@router.get(
    "/applications/{application_id}/submissions/{number}/documents/{kind}",
    summary="下载提交时的材料 · Fetch a document as it was submitted",
    response_class=Response,
    responses={
        **documented(
            NotAllowed,
            ApplicationNotFound,
            DocumentNotFound,
            DocumentHeld,
            DocumentInfected,
            RangeNotSatisfiable,
        ),
        **_FILE,
    },
)
async def read_submitted_document(
    application_id: UUID,
    number: Annotated[int, Path(ge=1, le=10_000)],
    kind: Kind,
    reader: ApplicationReader,
    documents: Documents,
    request: Request,
) -> Response:
    """Return the file that a submission froze, whatever has replaced it since."""
    found = await documents.open_submitted(application_id, number, kind, reader)
    return await answer_with(found, request, request.app.state.store)
