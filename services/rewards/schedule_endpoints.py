"""Routes of reward schedules."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, SeparationOfDuties, documented
from services.kernel.transaction import TransactionalRoute
from services.rewards.access import Approver, FinanceOfficer, ScheduleReader
from services.rewards.dependencies import Schedules
from services.rewards.problems import (
    ScheduleApproved,
    ScheduleCodeTaken,
    ScheduleNotFound,
    ScheduleNotPossible,
    ScheduleOverlaps,
)
from services.rewards.schedule_service import NewAmount, NewSchedule
from services.rewards.schemas import ScheduleIn, ScheduleOut
from services.rewards.views import schedule_out
from services.rewards.workflow import ScheduleStatus

router = APIRouter(route_class=TransactionalRoute)


@router.post(
    "/reward-schedules",
    status_code=201,
    tags=["reward schedules"],
    summary="拟定奖励标准 · Draft a reward schedule",
    responses=documented(NotAllowed, ScheduleCodeTaken, ScheduleNotPossible),
)
async def draft_reward_schedule(
    body: ScheduleIn, officer: FinanceOfficer, schedules: Schedules, response: Response
) -> ScheduleOut:
    """Write down amounts in yuan, settlement and budgets; nothing counts until it is approved."""
    drafted = await schedules.draft(
        NewSchedule(
            code=body.code,
            document_number=body.document_number,
            effective_from=body.effective_from,
            effective_until=body.effective_until,
            amounts=[
                NewAmount(
                    title=line.title, event=line.event, region=line.region, amount=line.amount
                )
                for line in body.amounts
            ],
            settlement=body.settlement,
            scope=body.scope,
            budgets=[(budget.fiscal_year, budget.amount) for budget in body.budgets],
        ),
        officer,
    )
    response.headers["Location"] = f"/api/v1/reward-schedules/{drafted.of.id}"
    tag(response, drafted.of.version)
    return schedule_out(drafted, schedules, officer)


@router.get(
    "/reward-schedules",
    tags=["reward schedules"],
    summary="查询奖励标准 · List reward schedules",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_reward_schedules(
    reader: ScheduleReader,
    schedules: Schedules,
    page: PageOf,
    status: ScheduleStatus | None = None,
) -> PageOut[ScheduleOut]:
    """List schedules, the newest first; drafts for those who keep or audit the fund."""
    found = await schedules.page(reader, page, status=status)
    return PageOut(
        items=[schedule_out(one, schedules, reader) for one in found.items], next=found.next
    )


@router.get(
    "/reward-schedules/{schedule_id}",
    tags=["reward schedules"],
    summary="查看奖励标准 · Read a reward schedule",
    responses=documented(NotAllowed, ScheduleNotFound),
)
async def read_reward_schedule(
    schedule_id: UUID, reader: ScheduleReader, schedules: Schedules, response: Response
) -> ScheduleOut:
    found = await schedules.find(schedule_id, reader)
    tag(response, found.of.version)
    return schedule_out(found, schedules, reader)


@router.post(
    "/reward-schedules/{schedule_id}/approval",
    tags=["reward schedules"],
    summary="批准奖励标准 · Approve a reward schedule",
    responses=documented(
        NotAllowed, ScheduleNotFound, ScheduleApproved, ScheduleOverlaps, SeparationOfDuties
    ),
)
async def approve_reward_schedule(
    schedule_id: UUID, officer: Approver, schedules: Schedules, response: Response
) -> ScheduleOut:
    """Put a schedule in force from its day on; by another person than the one who drafted it.

    It takes the place of whichever was in force before, and never of one on days gone by.
    """
    approved = await schedules.approve(schedule_id, officer)
    tag(response, approved.of.version)
    return schedule_out(approved, schedules, officer)
