"""Turning awards as they were read into what the contract promises."""

import json
from decimal import Decimal

from services.kernel.actions import AvailableAction, offer
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.text import text_out
from services.policy.catalogue import Catalogue
from services.policy.rewards import Considered
from services.rewards.award_reading import AwardRecord, Json
from services.rewards.duties import (
    is_of_the_fund,
    require,
    require_another_to_approve,
    require_another_to_cancel,
    require_jurisdiction,
)
from services.rewards.reckoning import Calculated
from services.rewards.schemas import (
    AwardOut,
    AwardWithCalculationOut,
    CalculationOut,
    ConsideredOut,
    OrderOut,
    PaymentOut,
    ReturnOut,
    StatementOut,
)
from services.rewards.statement import Statement
from services.rewards.workflow import EntryKind, Step, after, require_no_part, require_title


def award_out(of: AwardRecord, catalogue: Catalogue, reader: Actor) -> AwardOut:
    return AwardOut(**_fields(of, catalogue, reader))


def award_with_calculation_out(
    of: AwardRecord, catalogue: Catalogue, reader: Actor
) -> AwardWithCalculationOut:
    return AwardWithCalculationOut(
        **_fields(of, catalogue, reader), calculation=json.loads(of.calculation)
    )


def _fields(of: AwardRecord, catalogue: Catalogue, reader: Actor) -> Json:
    shows_orders = is_of_the_fund(reader)
    return {
        "id": of.id,
        "uscc": of.uscc,
        "legal_name": of.legal_name,
        "region": of.region,
        "recognition_id": of.recognition_id,
        "title": of.title,
        "event": of.event,
        "fiscal_year": of.fiscal_year,
        "amount": of.amount,
        "scheduled_amount": of.scheduled_amount,
        "set_against": of.set_against,
        "cancelled": of.cancelled,
        "ordered": of.position.ordered,
        "paid": of.paid,
        "recovery_due": of.recovery_due,
        "repaid": of.recovered,
        "waived": of.waived,
        "stands_for": of.stands_for,
        "status": of.status,
        "schedule_code": of.schedule_code,
        "policy_pack": of.policy_pack,
        "run_id": of.run_id,
        "reason": of.reason,
        "proposed_by": of.proposed_by,
        "proposed_at": of.proposed_at,
        "approved_by": of.approved_by,
        "approved_at": of.approved_at,
        "cancellation_reason": of.cancellation_reason,
        "orders": [_order(line) for line in of.lines] if shows_orders else [],
        "payments": _payments(of, shows_orders=shows_orders),
        "updated_at": of.updated_at,
        "version": of.version,
        "available_actions": award_actions(of, catalogue, reader),
    }


def _order(line: Json) -> OrderOut:
    return OrderOut(
        batch_id=line["batch_id"],
        batch_number=line["batch_number"],
        line_number=line["number"],
        amount=Decimal(line["amount"]),
        paid=Decimal(line["paid"]),
        status=line["status"],
        ordered_at=line["ordered_at"],
        stop_requested_at=line["stop_requested_at"],
        rejected_on=line["rejected_on"],
        rejection_reason=line["rejection_reason"],
    )


def _payments(of: AwardRecord, *, shows_orders: bool) -> list[PaymentOut]:
    returned = {
        entry["payment_id"]: ReturnOut(
            returned_on=entry["on_day"], reference=entry["reference"], reason=entry["reason"]
        )
        for entry in of.entries
        if entry["kind"] == EntryKind.RETURNED
    }
    return [
        PaymentOut(
            amount=Decimal(entry["amount"]),
            paid_on=entry["on_day"],
            voucher=entry["reference"],
            batch_id=entry["batch_id"] if shows_orders else None,
            line_number=entry["line_number"] if shows_orders else None,
            returned=returned.get(entry["id"]),
            recorded_at=entry["recorded_at"],
        )
        for entry in of.entries
        if entry["kind"] == EntryKind.DISBURSED
    ]


def award_actions(of: AwardRecord, catalogue: Catalogue, reader: Actor) -> list[AvailableAction]:
    href = f"/api/v1/awards/{of.id}"
    position = of.position
    pack = catalogue.pack(of.policy_pack)

    def refuse_approval() -> None:
        require(reader, Scope.REWARDS_APPROVE, Office.FINANCE)
        require_jurisdiction(reader, pack)
        after(position, Step.APPROVE)
        require_another_to_approve(of.proposed_by, reader)
        require_title(of.title_state)

    def refuse_cancellation() -> None:
        require(reader, Scope.REWARDS_WRITE, Office.FINANCE)
        require_jurisdiction(reader, pack)
        after(position, Step.CANCEL)
        require_another_to_cancel(of.proposed_by, reader)
        require_no_part(of.title_state)

    def refuse_order() -> None:
        require(reader, Scope.REWARDS_WRITE, Office.FINANCE)
        require_jurisdiction(reader, pack)
        after(position, Step.ORDER)

    def refuse_disbursement() -> None:
        require(reader, Scope.REWARDS_DISBURSE, Office.DISBURSEMENT)
        require_jurisdiction(reader, pack)
        after(position, Step.DISBURSE)

    def refuse_return() -> None:
        require(reader, Scope.REWARDS_DISBURSE, Office.DISBURSEMENT)
        require_jurisdiction(reader, pack)
        after(position, Step.RETURN)

    return [
        offer("approve", "POST", f"{href}/approval", refuse_approval),
        offer("cancel", "POST", f"{href}/cancellation", refuse_cancellation),
        offer("order", "POST", "/api/v1/disbursement-batches", refuse_order),
        offer("disburse", "POST", f"{href}/disbursement", refuse_disbursement),
        offer("return", "POST", f"{href}/returns", refuse_return),
    ]


def statement_out(of: Statement, catalogue: Catalogue, reader: Actor) -> StatementOut:
    return StatementOut(
        uscc=of.uscc,
        granted=of.granted,
        disbursed=of.disbursed,
        recovery_due=of.recovery_due,
        recovered=of.recovered,
        waived=of.waived,
        awards=[award_out(one, catalogue, reader) for one in of.awards],
    )


def calculation_out(of: Calculated) -> CalculationOut:
    owed = of.entitlement
    return CalculationOut(
        uscc=of.uscc,
        on=of.on,
        schedule=of.schedule.code,
        payable=owed.payable,
        highest=None if owed.highest is None else _considered_out(owed.highest),
        already_granted=owed.already_granted,
        considered=[_considered_out(one) for one in owed.considered],
        settlement=owed.settlement,
        scope=owed.scope,
        clause=owed.clause,
        formula=text_out(owed.formula),
        explanation=text_out(owed.explanation),
    )


def _considered_out(of: Considered) -> ConsideredOut:
    return ConsideredOut(
        title=of.held.title,
        event=of.held.event,
        recognition_id=of.held.recognition_id,
        amount=of.amount,
        applies=of.applies,
        code=of.code,
        because=text_out(of.because),
        already_granted=of.already_granted,
        payable=of.payable,
    )
