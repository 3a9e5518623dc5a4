"""Rewards' routes: read the request, call one service method, return its result."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, SeparationOfDuties, documented
from services.kernel.schemas import Instant
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)
from services.rewards.access import (
    Approver,
    AwardReader,
    DisbursementSystem,
    FinanceOfficer,
    ScheduleReader,
)
from services.rewards.problems import (
    AwardExists,
    AwardNotFound,
    AwardNotInState,
    BudgetExceeded,
    BudgetMissing,
    NoScheduleInForce,
    NothingPayable,
    PaymentDayNotPossible,
    PaymentTooLarge,
    RecoveryNotFound,
    RecoverySettled,
    ScheduleApproved,
    ScheduleCodeTaken,
    ScheduleNotFound,
    ScheduleNotPossible,
    ScheduleOverlaps,
    TitleNoLongerHeld,
    VoucherUsed,
)
from services.rewards.schemas import (
    AwardIn,
    AwardOut,
    AwardWithCalculationOut,
    CalculationIn,
    CalculationOut,
    CancellationIn,
    FiscalYear,
    PaymentIn,
    RecoveryOut,
    ScheduleIn,
    ScheduleOut,
    StatementOut,
)
from services.rewards.service import AwardService, NewAmount, NewSchedule, ScheduleService
from services.rewards.views import (
    award_out,
    award_with_calculation_out,
    calculation_out,
    recovery_out,
    schedule_out,
    statement_out,
)
from services.rewards.workflow import AwardStatus, RecoveryStatus, ScheduleStatus

router = APIRouter(route_class=TransactionalRoute)


async def _schedule_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> ScheduleService:
    return ScheduleService(session, journal, clock, request.app.state.catalogue)


async def _award_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> AwardService:
    return AwardService(session, journal, clock, request.app.state.catalogue)


Schedules = Annotated[ScheduleService, Depends(_schedule_service)]
Awards = Annotated[AwardService, Depends(_award_service)]


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
    response.headers["Location"] = f"/api/v1/reward-schedules/{drafted.id}"
    tag(response, drafted.version)
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
    """List schedules, the newest first."""
    found = await schedules.page(page, status=status)
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
    found = await schedules.find(schedule_id)
    tag(response, found.version)
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
    """Put a schedule in force for its days; by another person than the one who drafted it."""
    approved = await schedules.approve(schedule_id, officer)
    tag(response, approved.version)
    return schedule_out(approved, schedules, officer)


@router.post(
    "/award-calculations",
    tags=["awards"],
    summary="测算奖励 · Calculate a reward",
    responses=documented(NotAllowed, NoScheduleInForce),
)
async def calculate_award(
    body: CalculationIn, reader: AwardReader, awards: Awards
) -> CalculationOut:
    """Say what could be granted on a day, and why, title by title (六(二) 就高); writes nothing."""
    return calculation_out(await awards.calculate(body.uscc, on=body.on, reader=reader))


@router.post(
    "/awards",
    status_code=201,
    tags=["awards"],
    summary="拟定奖励 · Propose an award",
    responses=documented(
        NotAllowed,
        NoScheduleInForce,
        NothingPayable,
        BudgetMissing,
        BudgetExceeded,
        AwardExists,
    ),
)
async def propose_award(
    body: AwardIn, officer: FinanceOfficer, awards: Awards, response: Response
) -> AwardWithCalculationOut:
    """Select an enterprise (择优). The sum is computed, kept with its reasons, and reserved."""
    proposed = await awards.propose(
        uscc=body.uscc, fiscal_year=body.fiscal_year, reason=body.reason, officer=officer
    )
    response.headers["Location"] = f"/api/v1/awards/{proposed.id}"
    tag(response, proposed.version)
    return award_with_calculation_out(proposed, awards, officer)


@router.get(
    "/awards",
    tags=["awards"],
    summary="查询奖励 · List awards",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_awards(
    reader: AwardReader,
    awards: Awards,
    page: PageOf,
    uscc: Annotated[str | None, Query(max_length=40)] = None,
    status: AwardStatus | None = None,
    fiscal_year: FiscalYear | None = None,
    changed_after: Instant | None = None,
) -> PageOut[AwardOut]:
    """List the awards that the caller may see, the newest first."""
    found = await awards.page(
        reader,
        page,
        uscc=uscc,
        status=status,
        fiscal_year=fiscal_year,
        changed_after=changed_after,
    )
    return PageOut(items=[award_out(one, awards, reader) for one in found.items], next=found.next)


@router.get(
    "/awards/{award_id}",
    tags=["awards"],
    summary="查看奖励 · Read an award",
    responses=documented(NotAllowed, AwardNotFound),
)
async def read_award(
    award_id: UUID, reader: AwardReader, awards: Awards, response: Response
) -> AwardWithCalculationOut:
    """Return an award with its payments and the calculation that it rests on."""
    found = await awards.find(award_id, reader)
    tag(response, found.version)
    return award_with_calculation_out(found, awards, reader)


@router.post(
    "/awards/{award_id}/approval",
    tags=["awards"],
    summary="批准奖励 · Approve an award",
    responses=documented(
        NotAllowed, AwardNotFound, AwardNotInState, SeparationOfDuties, TitleNoLongerHeld
    ),
)
async def approve_award(
    award_id: UUID, officer: Approver, awards: Awards, response: Response
) -> AwardOut:
    """Approve a proposed award, so that it may be paid; by another person than the proposer."""
    approved = await awards.approve(award_id, officer)
    tag(response, approved.version)
    return award_out(approved, awards, officer)


@router.post(
    "/awards/{award_id}/cancellation",
    tags=["awards"],
    summary="取消奖励 · Cancel an award",
    responses=documented(NotAllowed, AwardNotFound, AwardNotInState),
)
async def cancel_award(
    award_id: UUID,
    body: CancellationIn,
    officer: FinanceOfficer,
    awards: Awards,
    response: Response,
) -> AwardOut:
    """Cancel an award of which nothing was paid; its sum goes back to the budget."""
    cancelled = await awards.cancel(award_id, reason=body.reason, officer=officer)
    tag(response, cancelled.version)
    return award_out(cancelled, awards, officer)


@router.post(
    "/awards/{award_id}/disbursement",
    tags=["awards"],
    summary="登记拨付 · Record a payment",
    responses=documented(
        NotAllowed,
        AwardNotFound,
        AwardNotInState,
        TitleNoLongerHeld,
        PaymentTooLarge,
        VoucherUsed,
        PaymentDayNotPossible,
    ),
)
async def disburse_award(
    award_id: UUID,
    body: PaymentIn,
    system: DisbursementSystem,
    awards: Awards,
    response: Response,
) -> AwardOut:
    """Record a payment, whole or in part. The same voucher again is answered alike and counts once."""
    paid = await awards.disburse(
        award_id,
        amount=body.amount,
        paid_on=body.paid_on,
        voucher=body.voucher,
        officer=system,
    )
    tag(response, paid.version)
    return award_out(paid, awards, system)


@router.get(
    "/award-statements/{uscc}",
    tags=["awards"],
    summary="查看企业奖励对账单 · Read an enterprise's statement",
    responses=documented(NotAllowed),
)
async def read_award_statement(
    uscc: Annotated[str, Path(max_length=40)], reader: AwardReader, awards: Awards
) -> StatementOut:
    """Return what an enterprise was granted, paid and paid back, in yuan, with each award."""
    return statement_out(await awards.statement(uscc, reader), awards, reader)


@router.get(
    "/recoveries",
    tags=["recoveries"],
    summary="查询追回 · List recoveries",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_recoveries(
    reader: AwardReader,
    awards: Awards,
    page: PageOf,
    status: RecoveryStatus | None = None,
    uscc: Annotated[str | None, Query(max_length=40)] = None,
) -> PageOut[RecoveryOut]:
    """List what is to be paid back after a revocation, the newest first."""
    found = await awards.recoveries(reader, page, status=status, uscc=uscc)
    return PageOut(
        items=[recovery_out(one, one.award, awards, reader) for one in found.items], next=found.next
    )


@router.post(
    "/recoveries/{recovery_id}/repayments",
    status_code=201,
    tags=["recoveries"],
    summary="登记退回 · Record a repayment",
    responses=documented(
        NotAllowed,
        RecoveryNotFound,
        RecoverySettled,
        PaymentTooLarge,
        VoucherUsed,
        PaymentDayNotPossible,
    ),
)
async def record_repayment(
    recovery_id: UUID, body: PaymentIn, system: DisbursementSystem, awards: Awards
) -> RecoveryOut:
    """Record money that came back, whole or in part. A voucher counts once."""
    award, recovery = await awards.repay(
        recovery_id,
        amount=body.amount,
        paid_on=body.paid_on,
        voucher=body.voucher,
        officer=system,
    )
    return recovery_out(recovery, award, awards, system)
