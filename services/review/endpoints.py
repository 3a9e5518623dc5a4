"""Review's routes: read the request, call one service method, return its result."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.contracts.review import Remark
from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import (
    CursorInvalid,
    NotAllowed,
    SeparationOfDuties,
    documented,
)
from services.kernel.schemas import DivisionCode
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)
from services.review.access import Anyone, CaseReader, Decider, NoticeKeeper, ObjectionReader
from services.review.problems import (
    CasesNotReadyForNotice,
    DecisionNotOffered,
    DecisionOutOfTurn,
    NothingToRecognise,
    NoticeInPast,
    NoticeNotFound,
    NoticeNotRunning,
    NoticeStillRunning,
    NotOnNotice,
    ObjectionNotFound,
    ObjectionResolved,
    OfficeNotInRoute,
    RecognitionDayNotPossible,
    RemarksNeeded,
    ReviewCaseNotFound,
    ReviewCaseNotOpen,
    VetoStands,
)
from services.review.schemas import (
    CaseOut,
    CaseSummaryOut,
    DecisionIn,
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
)
from services.review.service import CaseService, NoticeService
from services.review.views import (
    case_out,
    case_summary_out,
    notice_out,
    objection_out,
    public_notice_out,
    public_notice_summary_out,
    recognition_out,
)
from services.review.workflow import CaseStatus, ObjectionStatus

router = APIRouter(route_class=TransactionalRoute)


async def _case_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> CaseService:
    return CaseService(session, journal, clock, request.app.state.catalogue)


async def _notice_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> NoticeService:
    return NoticeService(session, journal, clock, request.app.state.catalogue)


Cases = Annotated[CaseService, Depends(_case_service)]
Notices = Annotated[NoticeService, Depends(_notice_service)]


@router.get(
    "/review-cases",
    tags=["review"],
    summary="查询审核件 · List review cases",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_review_cases(
    reader: CaseReader,
    cases: Cases,
    page: PageOf,
    stage: Annotated[str | None, Query(max_length=40)] = None,
    status: CaseStatus | None = None,
    region: DivisionCode | None = None,
    round_id: UUID | None = None,
    due_before: date | None = None,
) -> PageOut[CaseSummaryOut]:
    """List the cases of the caller's division, the newest first. `due_before` excludes its day."""
    found = await cases.page(
        reader,
        page,
        stage=stage,
        status=status,
        region=region,
        round_id=round_id,
        due_before=due_before,
    )
    return PageOut(
        items=[case_summary_out(one, cases, reader) for one in found.items], next=found.next
    )


@router.get(
    "/review-cases/{case_id}",
    tags=["review"],
    summary="查看审核件 · Read a review case",
    responses=documented(NotAllowed, ReviewCaseNotFound),
)
async def read_review_case(
    case_id: UUID, reader: CaseReader, cases: Cases, response: Response
) -> CaseOut:
    """Return a case with its facts, every decision, its history and what the caller may do."""
    found = await cases.find(case_id, reader)
    tag(response, found.version)
    return case_out(found, await cases.history(found), cases, reader)


@router.post(
    "/review-cases/{case_id}/decisions",
    status_code=201,
    tags=["review"],
    summary="作出审核决定 · Decide a stage",
    responses=documented(
        NotAllowed,
        OfficeNotInRoute,
        ReviewCaseNotFound,
        ReviewCaseNotOpen,
        DecisionOutOfTurn,
        SeparationOfDuties,
        VetoStands,
        DecisionNotOffered,
        RemarksNeeded,
    ),
)
async def record_decision(
    case_id: UUID, body: DecisionIn, officer: Decider, cases: Cases, response: Response
) -> CaseOut:
    """Record an office's decision on the stage the case is in (六(一)); vetoes are checked again."""
    decided = await cases.record_decision(
        case_id,
        decision=body.decision,
        reason=body.reason,
        remarks=[Remark.model_validate(remark.model_dump()) for remark in body.remarks],
        officer=officer,
    )
    tag(response, decided.version)
    return case_out(decided, await cases.history(decided), cases, officer)


@router.post(
    "/notices",
    status_code=201,
    tags=["notices"],
    summary="发布公示 · Publish a notice",
    responses=documented(NotAllowed, NoticeInPast, CasesNotReadyForNotice),
)
async def publish_notice(
    body: NoticeIn, officer: NoticeKeeper, notices: Notices, response: Response
) -> NoticeOut:
    """Put determined cases on public notice (六(一)); `ends_on` follows from the pack."""
    notice = await notices.publish(
        round_id=body.round_id, case_ids=body.case_ids, starts_on=body.starts_on, officer=officer
    )
    response.headers["Location"] = f"/api/v1/notices/{notice.id}"
    tag(response, notice.version)
    return notice_out(notice, await notices.case_ids(notice, officer), notices, officer)


@router.get(
    "/notices/{notice_id}",
    tags=["notices"],
    summary="查看公示（经办） · Read a notice as an office",
    responses=documented(NotAllowed, NoticeNotFound),
)
async def read_notice(
    notice_id: UUID, reader: ObjectionReader, notices: Notices, response: Response
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
    found = await notices.find_public(notice_id)
    return public_notice_out(found, await notices.public_cases(found), notices)


@router.post(
    "/public/notices/{notice_id}/objections",
    status_code=201,
    tags=["public"],
    summary="提出异议 · Object to an enterprise on a notice",
    responses=documented(NoticeNotFound, NoticeNotRunning, NotOnNotice),
)
async def file_objection(
    notice_id: UUID, body: ObjectionIn, _anyone: Anyone, notices: Notices
) -> ObjectionFiledOut:
    """Object by real name, with facts and evidence, while the notice runs (六(一))."""
    return ObjectionFiledOut.model_validate(
        await notices.object(
            notice_id,
            uscc=body.uscc,
            objector=body.objector.model_dump(),
            facts=body.facts,
            evidence=body.evidence,
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
    notices: Notices,
    page: PageOf,
    status: ObjectionStatus | None = None,
    notice_id: UUID | None = None,
) -> PageOut[ObjectionOut]:
    """List objections with who made them; personal data stays with the office that resolves them."""
    found = await notices.objections(reader, page, status=status, notice_id=notice_id)
    return PageOut(items=[objection_out(one) for one in found.items], next=found.next)


@router.post(
    "/objections/{objection_id}/resolution",
    tags=["notices"],
    summary="处理异议 · Resolve an objection",
    responses=documented(NotAllowed, ObjectionNotFound, ObjectionResolved),
)
async def resolve_objection(
    objection_id: UUID, body: ResolutionIn, officer: NoticeKeeper, notices: Notices
) -> ObjectionOut:
    """Sustain an objection, which ends the case, or dismiss it with the reason."""
    return objection_out(
        await notices.resolve(
            objection_id, is_sustained=body.sustained, reason=body.reason, officer=officer
        )
    )
