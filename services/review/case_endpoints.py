"""Review's routes for one case: read it, decide it, hand it on, put a mistake right."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.contracts.review import Remark
from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, SeparationOfDuties, documented
from services.kernel.schemas import DivisionCode
from services.kernel.transaction import TransactionalRoute
from services.review.access import Assigner, CaseReader, Decider, Inspector, SetterAside
from services.review.case_repository import CaseFilter
from services.review.dependencies import Cases, Visits
from services.review.problems import (
    ActNotAtThisStage,
    ActNotInThisPhase,
    AnotherCaseStands,
    AssignedToAnother,
    AssigneeUnfit,
    BoundToEnterprise,
    DecisionNotFound,
    DecisionNotOffered,
    DecisionOutOfTurn,
    DecisionSetAside,
    DecisionStands,
    EnterpriseExcluded,
    OfficeNotInRoute,
    RemarksNeeded,
    ReviewCaseNotFound,
    ReviewCaseNotOpen,
    VetoStands,
    VisitNotPossible,
)
from services.review.schemas import (
    AssignmentIn,
    CaseOut,
    CaseSummaryOut,
    DecisionIn,
    SetAsideIn,
    SiteVisitIn,
    WorkListOut,
)
from services.review.views import case_out, case_summary_out
from services.review.visit_service import CheckMade
from services.review.workflow import CaseStatus, Phase

router = APIRouter(route_class=TransactionalRoute, tags=["review"])


@router.get(
    "/review-cases",
    summary="查询审核件 · List review cases",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_review_cases(
    reader: CaseReader,
    cases: Cases,
    page: PageOf,
    stage: Annotated[str | None, Query(max_length=40)] = None,
    status: CaseStatus | None = None,
    phase: Phase | None = None,
    region: DivisionCode | None = None,
    round_id: UUID | None = None,
    title: Annotated[str | None, Query(max_length=40)] = None,
    due_before: date | None = None,
    assigned_to: Annotated[str | None, Query(max_length=200)] = None,
) -> PageOut[CaseSummaryOut]:
    """List the cases of the caller's division, the newest first. `due_before` excludes its day."""
    found = await cases.page(
        reader,
        page,
        CaseFilter(
            stage=stage,
            status=status,
            phase=phase,
            region=region,
            round_id=round_id,
            title=title,
            due_before=due_before,
            assigned_to=assigned_to,
        ),
    )
    standing = await cases.standing(reader, found.items)
    return PageOut(
        items=[case_summary_out(one, cases, standing) for one in found.items], next=found.next
    )


@router.get(
    "/work-list",
    summary="我的待办 · What waits for the caller",
    responses=documented(NotAllowed, CursorInvalid),
)
async def read_work_list(
    reader: CaseReader,
    cases: Cases,
    page: PageOf,
    round_id: UUID | None = None,
    region: DivisionCode | None = None,
) -> WorkListOut:
    """Return what the caller's office is to do next, the earliest last day first.

    What was assigned to somebody else is left out; an expert finds the cases still to be scored.
    """
    found, counts = await cases.work_list(
        reader, page, CaseFilter(round_id=round_id, region=region)
    )
    standing = await cases.standing(reader, found.items)
    return WorkListOut(
        items=[case_summary_out(one, cases, standing) for one in found.items],
        next=found.next,
        waiting=counts.waiting,
        overdue=counts.overdue,
        due_soon=counts.due_soon,
    )


@router.get(
    "/review-cases/{case_id}",
    summary="查看审核件 · Read a review case",
    responses=documented(NotAllowed, ReviewCaseNotFound),
)
async def read_review_case(
    case_id: UUID, reader: CaseReader, cases: Cases, response: Response
) -> CaseOut:
    """Return a case with its facts, every decision, its history and what the caller may do."""
    found = await cases.find(case_id, reader)
    tag(response, found.version)
    return await case_out(found, cases, reader)


@router.post(
    "/review-cases/{case_id}/decisions",
    status_code=201,
    summary="作出审核决定 · Decide a stage",
    responses=documented(
        NotAllowed,
        OfficeNotInRoute,
        ReviewCaseNotFound,
        ReviewCaseNotOpen,
        DecisionOutOfTurn,
        ActNotAtThisStage,
        SeparationOfDuties,
        BoundToEnterprise,
        AssignedToAnother,
        VetoStands,
        EnterpriseExcluded,
        DecisionNotOffered,
        RemarksNeeded,
    ),
)
async def record_decision(
    case_id: UUID, body: DecisionIn, officer: Decider, cases: Cases, response: Response
) -> CaseOut:
    """Record an office's decision on the stage the case is in (六(一)).

    A city recommends by signing a list, experts score, inspectors visit and a meeting determines:
    each has a route of its own. Vetoes are checked again where the stage says so.
    """
    decided = await cases.record_decision(
        case_id,
        decision=body.decision,
        reason=body.reason,
        remarks=[Remark.model_validate(remark.model_dump()) for remark in body.remarks],
        officer=officer,
    )
    tag(response, decided.version)
    return await case_out(decided, cases, officer)


@router.post(
    "/review-cases/{case_id}/assignments",
    status_code=201,
    summary="转办 · Assign a case",
    responses=documented(
        NotAllowed,
        OfficeNotInRoute,
        ReviewCaseNotFound,
        ReviewCaseNotOpen,
        DecisionOutOfTurn,
        ActNotAtThisStage,
        AssigneeUnfit,
    ),
)
async def assign_review_case(
    case_id: UUID, body: AssignmentIn, officer: Assigner, cases: Cases, response: Response
) -> CaseOut:
    """Hand this turn of a case to one officer of the office, or back to all of it, with the reason.

    It ends with the turn; every assignment stays in the case's trail.
    """
    assigned = await cases.assign(case_id, to=body.to, reason=body.reason, officer=officer)
    tag(response, assigned.version)
    return await case_out(assigned, cases, officer)


@router.post(
    "/review-cases/{case_id}/set-asides",
    status_code=201,
    summary="撤销错误决定 · Set a mistaken decision aside",
    responses=documented(
        NotAllowed,
        ReviewCaseNotFound,
        ReviewCaseNotOpen,
        DecisionNotFound,
        DecisionSetAside,
        DecisionStands,
        SeparationOfDuties,
        BoundToEnterprise,
        AnotherCaseStands,
    ),
)
async def set_decision_aside(
    case_id: UUID, body: SetAsideIn, officer: SetterAside, cases: Cases, response: Response
) -> CaseOut:
    """Set a mistaken decision aside: the case stands before it again, its history intact.

    What was decided after it falls, too. Another person than the decider does it. A recognition is
    never undone here: the registry revokes it.
    """
    restored = await cases.set_aside(
        case_id,
        decision_id=body.decision_id,
        reason=body.reason,
        document_number=body.document_number,
        officer=officer,
    )
    tag(response, restored.version)
    return await case_out(restored, cases, officer)


@router.post(
    "/review-cases/{case_id}/site-visits",
    status_code=201,
    summary="登记实地核查 · Record a site visit",
    responses=documented(
        NotAllowed,
        ReviewCaseNotFound,
        ReviewCaseNotOpen,
        ActNotAtThisStage,
        ActNotInThisPhase,
        SeparationOfDuties,
        BoundToEnterprise,
        AssignedToAnother,
        DecisionNotOffered,
        EnterpriseExcluded,
        VisitNotPossible,
    ),
)
async def record_site_visit(
    case_id: UUID,
    body: SiteVisitIn,
    inspector: Inspector,
    visits: Visits,
    cases: Cases,
    response: Response,
) -> CaseOut:
    """Record a visit to an enterprise that was drawn: who saw what, check by check.

    `passed` sends the case on, else it is rejected. Photographs are sent before, by their own route.
    """
    visited = await visits.record(
        case_id,
        visited_on=body.visited_on,
        inspectors=body.inspectors,
        findings=[CheckMade(one.check, one.is_in_order, one.text) for one in body.findings],
        has_passed=body.passed,
        photographs=body.photographs,
        reason=body.reason,
        inspector=inspector,
    )
    tag(response, visited.version)
    return await case_out(visited, cases, inspector)
