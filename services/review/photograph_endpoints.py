"""Review's routes for photographs of site visits (现场照片)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.kernel.downloads import answer_with
from services.kernel.problems import (
    BodyTooSlow,
    DigestMismatch,
    FileNameInvalid,
    MediaTypeNotSupported,
    NotAllowed,
    RangeNotSatisfiable,
    TooLarge,
    UploadTruncated,
    documented,
)
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    ReceivedUpload,
    TransactionalRoute,
    UploadRoute,
    runtime_of,
)
from services.kernel.uploads import file_name_of
from services.review.access import CaseReader, Inspector
from services.review.photograph_schemas import PhotographOut
from services.review.photograph_service import ENDINGS, PhotographService
from services.review.problems import (
    PhotographNotFound,
    PhotographTypeRefused,
    ReviewCaseNotFound,
    TooManyPhotographs,
    VisitNotAwaited,
)

router = APIRouter(route_class=TransactionalRoute, tags=["review"])
uploads = APIRouter(route_class=UploadRoute, tags=["review"])

_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_CONTENT = dict.fromkeys(ENDINGS, _BINARY)


async def _photograph_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> PhotographService:
    state = request.app.state
    return PhotographService(session, journal, clock, state.catalogue, state.store)


Photographs = Annotated[PhotographService, Depends(_photograph_service)]


@uploads.post(
    "/review-cases/{case_id}/photographs",
    status_code=201,
    summary="上传现场照片 · Add a photograph of a site visit",
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
    responses={
        **documented(
            NotAllowed,
            ReviewCaseNotFound,
            VisitNotAwaited,
            TooManyPhotographs,
            MediaTypeNotSupported,
            PhotographTypeRefused,
            TooLarge,
            UploadTruncated,
            BodyTooSlow,
            DigestMismatch,
            FileNameInvalid,
        ),
        200: {"description": "已有此照片 · It is there already", "model": PhotographOut},
    },
)
async def add_photograph(
    case_id: UUID,
    inspector: Inspector,
    upload: ReceivedUpload,
    photographs: Photographs,
    request: Request,
    response: Response,
) -> PhotographOut:
    """Send a picture as the raw body with its media type; it is stored whole or not at all.

    The type is read from the content. `Content-Digest: sha-256=:…:` is checked when it is sent, and
    `Content-Disposition: attachment; filename*=UTF-8''…` names the file for readers. 201 for a new
    photograph, 200 for one that the case has already.
    """
    declared = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if declared not in ENDINGS:
        raise MediaTypeNotSupported(
            f"请以 {'、'.join(ENDINGS)} 之一作为 Content-Type 发送。",
            f"Send it as one of {', '.join(ENDINGS)}.",
        )
    file_name = file_name_of(request)
    # Asked in a transaction that is over before the file is stored, which may take a while.
    async with runtime_of(request).database.session() as look:
        await photographs.on(look).refuse_untaken(case_id, upload, inspector)
    photograph, is_new = await photographs.add(
        case_id, upload, file_name=file_name, inspector=inspector
    )
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/v1/review-cases/{case_id}/photographs/{photograph.id}"
    return PhotographOut.model_validate(photograph)


@router.get(
    "/review-cases/{case_id}/photographs/{photograph_id}",
    summary="下载现场照片 · Fetch a photograph of a site visit",
    response_class=Response,
    responses={
        **documented(NotAllowed, ReviewCaseNotFound, PhotographNotFound, RangeNotSatisfiable),
        200: {"description": "照片 · The photograph", "content": _CONTENT},
        206: {
            "description": "所请求的部分 · The part that Range asks for",
            "content": _CONTENT,
        },
    },
)
async def read_photograph(
    case_id: UUID,
    photograph_id: UUID,
    reader: CaseReader,
    photographs: Photographs,
    request: Request,
) -> Response:
    """Return a photograph. A broken download goes on with `Range` and `If-Range`."""
    found = await photographs.open(case_id, photograph_id, reader)
    return await answer_with(found, request, request.app.state.store)
