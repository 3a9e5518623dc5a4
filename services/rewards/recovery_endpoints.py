"""Routes of recoveries: what is paid back after a title was taken away with its reward."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, SeparationOfDuties, documented
from services.kernel.transaction import CurrentClock, TransactionalRoute
from services.policy import credit_code
from services.rewards.access import Approver, AwardReader, DisbursementSystem, FinanceOfficer
from services.rewards.dependencies import Recoveries
from services.rewards.problems import (
    PaymentDayNotPossible,
    PaymentTooLarge,
    PlanNotPossible,
    RecoveryNotFound,
    RecoverySettled,
    VoucherUsed,
    WaiverAboveHighest,
    WaiverNotOpen,
    WaiverOpen,
)
from services.rewards.recovery_schemas import PlanIn, RecoveryOut, WaiverDecisionIn, WaiverIn
from services.rewards.repository import SoughtRecoveries
from services.rewards.schemas import PaymentIn
from services.rewards.views import recovery_out
from services.rewards.workflow import RecoveryStatus

router = APIRouter(route_class=TransactionalRoute, tags=["recoveries"])


@router.get(
    "/recoveries",
    summary="查询追回 · List recoveries",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_recoveries(
    reader: AwardReader,
    recoveries: Recoveries,
    clock: CurrentClock,
    page: PageOf,
    status: RecoveryStatus | None = None,
    uscc: Annotated[str | None, Query(max_length=40)] = None,
    overdue: bool | None = None,
) -> PageOut[RecoveryOut]:
    """List what is to be paid back after a revocation, the newest first.

    `overdue=true` lists those of which an instalment's last day is over and the money not in.
    """
    found = await recoveries.page(
        reader,
        page,
        SoughtRecoveries(
            status=status,
            uscc=None if uscc is None else credit_code.normalise(uscc),
            is_overdue=overdue,
        ),
    )
    today = clock.today()
    return PageOut(
        items=[recovery_out(one, recoveries, reader, today) for one in found.items],
        next=found.next,
    )


@router.get(
    "/recoveries/{recovery_id}",
    summary="查看追回 · Read a recovery",
    responses=documented(NotAllowed, RecoveryNotFound),
)
async def read_recovery(
    recovery_id: UUID,
    reader: AwardReader,
    recoveries: Recoveries,
    clock: CurrentClock,
    response: Response,
) -> RecoveryOut:
    """Return a recovery with its plan, what came back, and how the sum comes about."""
    found = await recoveries.find(recovery_id, reader)
    tag(response, found.version)
    return recovery_out(found, recoveries, reader, clock.today())


@router.post(
    "/recoveries/{recovery_id}/repayments",
    status_code=201,
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
    recovery_id: UUID,
    body: PaymentIn,
    system: DisbursementSystem,
    recoveries: Recoveries,
    clock: CurrentClock,
) -> RecoveryOut:
    """Record money that came back, whole or in part. A voucher counts once."""
    repaid = await recoveries.repay(
        recovery_id,
        amount=body.amount,
        paid_on=body.paid_on,
        voucher=body.voucher,
        officer=system,
    )
    return recovery_out(repaid, recoveries, system, clock.today())


@router.post(
    "/recoveries/{recovery_id}/plan",
    status_code=201,
    summary="确定还款计划 · Set a repayment plan",
    responses=documented(NotAllowed, RecoveryNotFound, RecoverySettled, PlanNotPossible),
)
async def plan_repayment(
    recovery_id: UUID,
    body: PlanIn,
    officer: FinanceOfficer,
    recoveries: Recoveries,
    clock: CurrentClock,
) -> RecoveryOut:
    """Set by which days what is left is paid back, at once or in instalments.

    A plan is never changed: the next one takes its place, for what is left then.
    """
    planned = await recoveries.plan(
        recovery_id,
        [(one.due_on, one.amount) for one in body.instalments],
        reason=body.reason,
        officer=officer,
    )
    return recovery_out(planned, recoveries, officer, clock.today())


@router.post(
    "/recoveries/{recovery_id}/waivers",
    status_code=201,
    summary="申请核销 · Ask for a waiver",
    responses=documented(
        NotAllowed,
        RecoveryNotFound,
        RecoverySettled,
        PaymentTooLarge,
        WaiverOpen,
        WaiverAboveHighest,
    ),
)
async def ask_waiver(
    recovery_id: UUID,
    body: WaiverIn,
    officer: FinanceOfficer,
    recoveries: Recoveries,
    clock: CurrentClock,
) -> RecoveryOut:
    """Ask that a part of what is due is not collected, with the document that it rests on."""
    asked = await recoveries.ask_waiver(
        recovery_id,
        amount=body.amount,
        reason=body.reason,
        document_number=body.document_number,
        officer=officer,
    )
    return recovery_out(asked, recoveries, officer, clock.today())


@router.post(
    "/recoveries/{recovery_id}/waivers/decision",
    summary="决定核销 · Decide on a waiver",
    responses=documented(
        NotAllowed,
        RecoveryNotFound,
        RecoverySettled,
        PaymentTooLarge,
        WaiverNotOpen,
        WaiverAboveHighest,
        SeparationOfDuties,
    ),
)
async def decide_waiver(
    recovery_id: UUID,
    body: WaiverDecisionIn,
    officer: Approver,
    recoveries: Recoveries,
    clock: CurrentClock,
) -> RecoveryOut:
    """Grant or refuse a waiver; by another person than the one who asked."""
    decided = await recoveries.decide_waiver(
        recovery_id, is_granted=body.is_granted, reason=body.reason, officer=officer
    )
    return recovery_out(decided, recoveries, officer, clock.today())
