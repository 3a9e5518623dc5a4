"""Review's routes for public notices, objections and recognition."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, SeparationOfDuties, documented
from services.kernel.transaction import ReceivedAt, TransactionalRoute
from services.review.access import Anyone, NoticeKeeper, NoticeReader, ObjectionReader, Speaker
from services.review.dependencies import Notices, Objections
from services.review.notice_schemas import (
    NoticeIn,
    NoticeOut,
    NoticeRecognitionIn,
    NoticeRecognitionOut,
    ObjectionFiledOut,
    ObjectionIn,
    ObjectionOut,
    PublicNoticeOut,
    PublicNoticeSummaryOut,
    ResolutionIn,
    StatementIn,
)
from services.review.problems import (
    BoundToEnterprise,
    CasesNotReadyForNotice,
    HearingNotOver,
    NothingToRecognise,
    NoticeInPast,
    NoticeNotFound,
    NoticeNotRunning,
    NoticeStillRunning,
    NoticeTooFar,
    NotOnNotice,
    ObjectionNotFound,
    ObjectionResolvedAlready,
    RecognitionDayNotPossible,
    StatementGiven,
)
from services.review.views import (
    notice_out,
    objection_out,
    public_notice_out,
    public_notice_summary_out,
    recognition_out,
)
from services.review.workflow import ObjectionStatus

router = APIRouter(route_class=TransactionalRoute)


@router.post(
    "/notices",
    status_code=201,
    tags=["notices"],
    summary="发布公示 · Publish a notice",
    responses=documented(NotAllowed, NoticeInPast, NoticeTooFar, CasesNotReadyForNotice),
)
async def publish_notice(
    body: NoticeIn, officer: NoticeKeeper, notices: Notices, response: Response
) -> NoticeOut:
    """Put determined cases on public notice (六(一)); `ends_on` follows from the pack.

    The first day is not counted. Where the holidays of a year are not published yet, weekends alone
    are skipped and the end is provisional: it is reckoned anew when they are.
    """
    notice = await notices.publish(
        round_id=body.round_id, case_ids=body.case_ids, starts_on=body.starts_on, officer=officer
    )
    response.headers["Location"] = f"/api/v1/notices/{notice.id}"
    tag(response, notice.version)
    return notice_out(notice, await notices.case_ids(notice, officer), notices, officer)


@router.get(
    "/notices",
    tags=["notices"],
    summary="查询公示（经办） · List notices as an office",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_notices(
    reader: NoticeReader, notices: Notices, page: PageOf, round_id: UUID | None = None
) -> PageOut[NoticeOut]:
    """List notices with a case of the caller's division, those to come among them."""
    found = await notices.page(reader, page, round_id=round_id)
    return PageOut(
        items=[
            notice_out(one, await notices.case_ids(one, reader), notices, reader)
            for one in found.items
        ],
        next=found.next,
    )


@router.get(
    "/notices/{notice_id}",
    tags=["notices"],
    summary="查看公示（经办） · Read a notice as an office",
    responses=documented(NotAllowed, NoticeNotFound),
)
async def read_notice(
    notice_id: UUID, reader: NoticeReader, notices: Notices, response: Response
) -> NoticeOut:
    found, case_ids = await notices.find(notice_id, reader)
    tag(response, found.version)
    return notice_out(found, case_ids, notices, reader)


@router.post(
    "/notices/{notice_id}/recognition",
    status_code=201,
    tags=["notices"],
    summary="公布认定 · Recognise after a notice",
    responses=documented(
        NotAllowed,
        NoticeNotFound,
        NoticeStillRunning,
        NothingToRecognise,
        RecognitionDayNotPossible,
        SeparationOfDuties,
        BoundToEnterprise,
    ),
)
async def recognise(
    notice_id: UUID, body: NoticeRecognitionIn, officer: NoticeKeeper, notices: Notices
) -> NoticeRecognitionOut:
    """Recognise every case of a finished notice without an open or sustained objection.

    It may be asked again later for the cases that were held back.
    """
    return recognition_out(
        await notices.recognise(
            notice_id,
            document_number=body.document_number,
            decided_on=body.decided_on,
            officer=officer,
        )
    )


@router.get(
    "/public/notices",
    tags=["public"],
    summary="查询公示 · List public notices",
    responses=documented(CursorInvalid),
)
async def list_public_notices(
    _anyone: Anyone, notices: Notices, page: PageOf
) -> PageOut[PublicNoticeSummaryOut]:
    """List the notices that have begun, the newest first."""
    found = await notices.public_page(page)
    return PageOut(
        items=[public_notice_summary_out(one, notices) for one in found.items], next=found.next
    )


@router.get(
    "/public/notices/{notice_id}",
    tags=["public"],
    summary="查看公示 · Read a public notice",
    responses=documented(NoticeNotFound),
)
async def read_public_notice(notice_id: UUID, _anyone: Anyone, notices: Notices) -> PublicNoticeOut:
    """Return a notice with the enterprises on it; secret-involved ones are never shown (六(一))."""
    found, shown = await notices.find_public(notice_id)
    return public_notice_out(found, shown, notices)


@router.post(
    "/public/notices/{notice_id}/objections",
    status_code=201,
    tags=["public"],
    summary="提出异议 · Object to an enterprise on a notice",
    responses=documented(NoticeNotFound, NoticeNotRunning, NotOnNotice),
)
async def file_objection(
    notice_id: UUID,
    body: ObjectionIn,
    _anyone: Anyone,
    objections: Objections,
    received_at: ReceivedAt,
) -> ObjectionFiledOut:
    """Object by real name, with facts and evidence, while the notice runs (六(一)).

    The number is the receipt. The enterprise is told what is said and never by whom.
    """
    return ObjectionFiledOut.model_validate(
        await objections.object(
            notice_id,
            uscc=body.uscc,
            objector=body.objector.model_dump(),
            facts=body.facts,
            evidence=body.evidence,
            received_at=received_at,
        )
    )


@router.get(
    "/objections",
    tags=["notices"],
    summary="查询异议 · List objections",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_objections(
    reader: ObjectionReader,
    objections: Objections,
    page: PageOf,
    status: ObjectionStatus | None = None,
    notice_id: UUID | None = None,
) -> PageOut[ObjectionOut]:
    """List objections: an office's division's, an enterprise's own.

    Who objected is shown to the office that resolves it and to auditors, and to nobody else.
    """
    found = await objections.page(reader, page, status=status, notice_id=notice_id)
    return PageOut(
        items=[objection_out(one, objections, reader) for one in found.items], next=found.next
    )


@router.get(
    "/objections/{objection_id}",
    tags=["notices"],
    summary="查看异议 · Read an objection",
    responses=documented(NotAllowed, ObjectionNotFound),
)
async def read_objection(
    objection_id: UUID, reader: ObjectionReader, objections: Objections, response: Response
) -> ObjectionOut:
    """Return an objection with the answers to it."""
    found = await objections.find(objection_id, reader)
    tag(response, found.version)
    return objection_out(found, objections, reader)


@router.post(
    "/objections/{objection_id}/statements",
    status_code=201,
    tags=["notices"],
    summary="答复异议 · Answer an objection",
    responses=documented(NotAllowed, ObjectionNotFound, ObjectionResolvedAlready, StatementGiven),
)
async def answer_objection(
    objection_id: UUID, body: StatementIn, speaker: Speaker, objections: Objections
) -> ObjectionOut:
    """Let the city and the enterprise say what they have to say to it, once each."""
    found = await objections.state(objection_id, text=body.text, speaker=speaker)
    return objection_out(found, objections, speaker)


@router.post(
    "/objections/{objection_id}/resolution",
    tags=["notices"],
    summary="处理异议 · Resolve an objection",
    responses=documented(
        NotAllowed,
        ObjectionNotFound,
        ObjectionResolvedAlready,
        HearingNotOver,
        SeparationOfDuties,
        BoundToEnterprise,
    ),
)
async def resolve_objection(
    objection_id: UUID, body: ResolutionIn, officer: NoticeKeeper, objections: Objections
) -> ObjectionOut:
    """Sustain an objection, which ends the case, or dismiss it with the reason.

    The city and the enterprise are heard first: both have answered, or their days are over. It takes
    an officer who has had no part in the case.
    """
    return objection_out(
        await objections.resolve(
            objection_id, is_sustained=body.sustained, reason=body.reason, officer=officer
        ),
        objections,
        officer,
    )
