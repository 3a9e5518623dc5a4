"""Review's routes for many cases at once: signed lists, meetings, and how far everything is."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.contracts.review import Remark
from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.schemas import DivisionCode
from services.kernel.transaction import TransactionalRoute
from services.review.access import ListReader, Meeting, Recommender
from services.review.dependencies import Meetings, Recommendations, Statistics
from services.review.list_repository import FunnelFilter
from services.review.list_schemas import (
    DeterminationIn,
    DeterminationOut,
    RecommendationListIn,
    RecommendationListOut,
    StatisticsOut,
)
from services.review.meeting_service import Item
from services.review.problems import (
    CasesNotReadyForList,
    DeterminationNotFound,
    ListNotFound,
    MeetingInFuture,
)
from services.review.views import determination_out, funnel_out, recommendation_list_out

router = APIRouter(route_class=TransactionalRoute)


@router.post(
    "/recommendation-lists",
    status_code=201,
    tags=["recommendation"],
    summary="签发推荐名单 · Sign a recommendation list",
    responses=documented(NotAllowed, CasesNotReadyForList),
)
async def sign_recommendation_list(
    body: RecommendationListIn,
    officer: Recommender,
    recommendations: Recommendations,
    response: Response,
) -> RecommendationListOut:
    """Recommend cases of one round in the order given, all of them or none (六(一)).

    Vetoes are checked again. A later list of the same round goes on with the next rank. The floor of
    recommendations is reported beside it and bars nothing.
    """
    signed = await recommendations.sign(
        round_id=body.round_id,
        case_ids=body.case_ids,
        document_number=body.document_number,
        opinion=body.opinion,
        officer=officer,
    )
    response.headers["Location"] = f"/api/v1/recommendation-lists/{signed.id}"
    return recommendation_list_out(signed, await recommendations.floors([signed]), recommendations)


@router.get(
    "/recommendation-lists",
    tags=["recommendation"],
    summary="查询推荐名单 · List recommendation lists",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_recommendation_lists(
    reader: ListReader,
    recommendations: Recommendations,
    page: PageOf,
    round_id: UUID | None = None,
    region: DivisionCode | None = None,
) -> PageOut[RecommendationListOut]:
    """List the signed lists of the caller's division, the newest first, each beside its floor."""
    found = await recommendations.page(reader, page, round_id=round_id, region=region)
    floors = await recommendations.floors(found.items)
    return PageOut(
        items=[recommendation_list_out(one, floors, recommendations) for one in found.items],
        next=found.next,
    )


@router.get(
    "/recommendation-lists/{list_id}",
    tags=["recommendation"],
    summary="查看推荐名单 · Read a recommendation list",
    responses=documented(NotAllowed, ListNotFound),
)
async def read_recommendation_list(
    list_id: UUID, reader: ListReader, recommendations: Recommendations
) -> RecommendationListOut:
    """Return a signed list in its order; it never changes, whatever becomes of its cases."""
    found = await recommendations.find(list_id, reader)
    return recommendation_list_out(found, await recommendations.floors([found]), recommendations)


@router.post(
    "/determinations",
    status_code=201,
    tags=["meeting"],
    summary="登记会议审定 · Record what a meeting determined",
    responses=documented(NotAllowed, MeetingInFuture, CasesNotReadyForList),
)
async def determine(
    body: DeterminationIn, officer: Meeting, meetings: Meetings, response: Response
) -> DeterminationOut:
    """Record a meeting's decision about a list of cases in one act (六(一)): all of it or nothing.

    Vetoes are checked again as of today for each case that is endorsed.
    """
    held = await meetings.determine(
        meeting=body.meeting,
        held_on=body.held_on,
        document_number=body.document_number,
        items=[
            Item(
                case_id=one.case_id,
                decision=one.decision,
                reason=one.reason,
                remarks=[Remark.model_validate(remark.model_dump()) for remark in one.remarks],
            )
            for one in body.items
        ],
        officer=officer,
    )
    response.headers["Location"] = f"/api/v1/determinations/{held.determination.id}"
    return determination_out(held)


@router.get(
    "/determinations",
    tags=["meeting"],
    summary="查询会议审定 · List determinations",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_determinations(
    reader: ListReader, meetings: Meetings, page: PageOf
) -> PageOut[DeterminationOut]:
    """List meetings that decided a case of the caller's division, with those cases."""
    found = await meetings.page(reader, page)
    return PageOut(items=[determination_out(one) for one in found.items], next=found.next)


@router.get(
    "/determinations/{determination_id}",
    tags=["meeting"],
    summary="查看会议审定 · Read a determination",
    responses=documented(NotAllowed, DeterminationNotFound),
)
async def read_determination(
    determination_id: UUID, reader: ListReader, meetings: Meetings
) -> DeterminationOut:
    """Return what a meeting decided about the cases of the caller's division."""
    return determination_out(await meetings.find(determination_id, reader))


@router.get(
    "/review-statistics",
    tags=["review"],
    summary="审核进度统计 · How far the cases have come",
    responses=documented(NotAllowed),
)
async def read_review_statistics(
    reader: ListReader,
    statistics: Statistics,
    round_id: UUID | None = None,
    title: Annotated[str | None, Query(max_length=40)] = None,
    region: DivisionCode | None = None,
) -> StatisticsOut:
    """Return the funnel of the caller's division: by stage, by status and by city.

    For offices alone: it counts secret-involved enterprises, which no public number does.
    """
    found = await statistics.funnels(
        reader, FunnelFilter(round_id=round_id, title=title, region=region)
    )
    return StatisticsOut(items=[funnel_out(one) for one in found])
