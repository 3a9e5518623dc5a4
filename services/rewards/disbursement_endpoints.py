"""Routes of payments: ordered in batches, confirmed, rejected, sent back by the bank."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from services.kernel.identity.actor import Actor
from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.transaction import TransactionalRoute
from services.rewards.access import DisbursementSystem, FinanceOfficer, FundReader
from services.rewards.award_views import award_out
from services.rewards.batch_schemas import BatchIn, BatchOut, BatchSummaryOut, LineOut, RejectionIn
from services.rewards.dependencies import CurrentCatalogue, Disbursements, Reading
from services.rewards.problems import (
    AwardNotFound,
    AwardNotInState,
    AwardNotOrdered,
    NothingToOrder,
    OrderClosed,
    OrderNotFound,
    PaymentDayNotPossible,
    PaymentNotFound,
    PaymentTooLarge,
    VoucherUsed,
)
from services.rewards.schemas import AwardOut, FiscalYear, PaymentIn, ReturnIn
from services.rewards.views import batch_out, batch_summary_out

router = APIRouter(route_class=TransactionalRoute, tags=["disbursement"])
LineNumber = Annotated[int, Path(ge=1, le=1000)]


@router.post(
    "/disbursement-batches",
    status_code=201,
    summary="下达拨付批次 · Order payments",
    responses=documented(NotAllowed, NothingToOrder),
)
async def order_disbursement(
    body: BatchIn, officer: FinanceOfficer, disbursements: Disbursements, response: Response
) -> BatchOut:
    """Order the disbursement system to pay, in one numbered batch, what is approved and unpaid.

    All that can be ordered of a year, the oldest first and at most 1,000, or the awards named. An
    award that is under way is not ordered again until its order is confirmed or rejected.
    """
    ordered = await disbursements.order(
        fiscal_year=body.fiscal_year, award_ids=body.award_ids, officer=officer
    )
    response.headers["Location"] = f"/api/v1/disbursement-batches/{ordered.id}"
    return batch_out(ordered)


@router.get(
    "/disbursement-batches",
    summary="查询拨付批次 · List batches",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_disbursement_batches(
    reader: FundReader,
    disbursements: Disbursements,
    page: PageOf,
    fiscal_year: FiscalYear | None = None,
) -> PageOut[BatchSummaryOut]:
    """List the batches, the newest first."""
    found = await disbursements.page(reader, page, fiscal_year=fiscal_year)
    return PageOut(items=[batch_summary_out(one) for one in found.items], next=found.next)


@router.get(
    "/disbursement-batches/{batch_id}",
    summary="查看拨付批次 · Read a batch",
    responses=documented(NotAllowed, OrderNotFound),
)
async def read_disbursement_batch(
    batch_id: UUID, reader: FundReader, disbursements: Disbursements
) -> BatchOut:
    """Return a batch with each payment that was ordered, and how it stands."""
    return batch_out(await disbursements.find(batch_id, reader))


@router.post(
    "/disbursement-batches/{batch_id}/lines/{line_number}/rejection",
    summary="退回拨付指令 · Reject an order",
    responses=documented(NotAllowed, OrderNotFound, OrderClosed, PaymentDayNotPossible),
)
async def reject_order(
    batch_id: UUID,
    line_number: LineNumber,
    body: RejectionIn,
    system: DisbursementSystem,
    disbursements: Disbursements,
) -> LineOut:
    """Record that what is left of an order was not and will not be paid on it; it can be sent again.

    The same rejection again is answered alike and counts once.
    """
    return LineOut.model_validate(
        await disbursements.reject(
            batch_id,
            line_number,
            rejected_on=body.rejected_on,
            reference=body.reference,
            reason=body.reason,
            system=system,
        )
    )


@router.post(
    "/awards/{award_id}/disbursement",
    summary="登记拨付 · Record a payment",
    responses=documented(
        NotAllowed,
        AwardNotFound,
        AwardNotInState,
        AwardNotOrdered,
        PaymentTooLarge,
        VoucherUsed,
        PaymentDayNotPossible,
    ),
)
async def disburse_award(
    award_id: UUID,
    body: PaymentIn,
    system: DisbursementSystem,
    disbursements: Disbursements,
    reading: Reading,
    catalogue: CurrentCatalogue,
    response: Response,
) -> AwardOut:
    """Record a payment on an order, whole or in part. The same voucher again counts once.

    A payment that was under way while the title fell is recorded, and called back.
    """
    await disbursements.disburse(
        award_id,
        amount=body.amount,
        paid_on=body.paid_on,
        voucher=body.voucher,
        system=system,
    )
    return await _changed(award_id, system, reading, catalogue, response)


@router.post(
    "/awards/{award_id}/returns",
    summary="登记银行退票 · Record that the bank sent a payment back",
    responses=documented(
        NotAllowed,
        AwardNotFound,
        AwardNotInState,
        PaymentNotFound,
        VoucherUsed,
        PaymentDayNotPossible,
    ),
)
async def return_payment(
    award_id: UUID,
    body: ReturnIn,
    system: DisbursementSystem,
    disbursements: Disbursements,
    reading: Reading,
    catalogue: CurrentCatalogue,
    response: Response,
) -> AwardOut:
    """Record that a whole payment came back; it is owed, and can be ordered, again.

    The same reference again is answered alike and counts once. While money is being called back,
    what comes in is a repayment of the recovery instead.
    """
    await disbursements.take_back(
        award_id,
        voucher=body.voucher,
        returned_on=body.returned_on,
        reference=body.reference,
        reason=body.reason,
        system=system,
    )
    return await _changed(award_id, system, reading, catalogue, response)


async def _changed(
    award_id: UUID,
    actor: Actor,
    reading: Reading,
    catalogue: CurrentCatalogue,
    response: Response,
) -> AwardOut:
    found = await reading.one(award_id, actor)
    tag(response, found.version)
    return award_out(found, catalogue, actor)
