"""What may follow what in the life of an award. Pure: no database, no web."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal, assert_never

from services.kernel.text import Text
from services.policy.rewards import ZERO
from services.rewards.problems import (
    AwardNotInState,
    AwardNotOrdered,
    AwardOrdered,
    AwardSetAgainst,
    PaymentDayNotPossible,
    PaymentTooLarge,
    TitleNoLongerHeld,
)


class ScheduleStatus(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"


class AwardStatus(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    DISBURSED = "disbursed"
    CANCELLED = "cancelled"
    RECOVERING = "recovering"
    RECOVERED = "recovered"


class RecoveryStatus(StrEnum):
    OPEN = "open"
    SETTLED = "settled"


class EntryKind(StrEnum):
    """What happened to money, in the ledger (台账). Amounts are positive; the kind says which way."""

    GRANTED = "granted"
    """安排: reserved out of the year's budget for one award."""
    CANCELLED = "cancelled"
    """取消: what was granted and will not be paid; it goes back to the budget."""
    DISBURSED = "disbursed"
    """拨付: paid by the disbursement system, under a voucher."""
    RETURNED = "returned"
    """退票: a payment that the bank sent back. It is owed again."""
    RECOVERED = "recovered"
    """追回: paid back by the enterprise."""
    WAIVED = "waived"
    """核销: due and not collected, by the decision of two officers."""


class LineStatus(StrEnum):
    """How an order for payment stands."""

    ORDERED = "ordered"
    PAID = "paid"
    REJECTED = "rejected"


class Step(StrEnum):
    APPROVE = "approve"
    CANCEL = "cancel"
    ORDER = "order"
    DISBURSE = "disburse"
    RETURN = "return"
    RECOVER = "recover"
    SETTLE = "settle"


NAMES = {
    AwardStatus.PROPOSED: Text("拟奖励", "proposed"),
    AwardStatus.APPROVED: Text("已批准", "approved"),
    AwardStatus.DISBURSED: Text("已拨付", "disbursed"),
    AwardStatus.CANCELLED: Text("已取消", "cancelled"),
    AwardStatus.RECOVERING: Text("追回中", "being recovered"),
    AwardStatus.RECOVERED: Text("已追回", "recovered"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where an award stands, in yuan."""

    status: AwardStatus
    payable: Decimal
    """What was granted and not cancelled."""
    paid: Decimal
    """What was paid and not sent back by the bank."""
    ordered: Decimal = ZERO
    """What the disbursement system was ordered to pay and has neither confirmed nor rejected."""

    @property
    def left(self) -> Decimal:
        return self.payable - self.paid


@dataclass(frozen=True, slots=True)
class TitleState:
    """How the title stands that an award is for."""

    is_held: bool
    is_part_of_higher: bool
    """Whether a later award that counts was topped up to its amount with this one."""


def require_title(of: TitleState) -> None:
    """Refuse an approval once the title fell, unless the award is a part of a higher amount."""
    if not of.is_held and not of.is_part_of_higher:
        raise TitleNoLongerHeld


def require_no_part(of: TitleState) -> None:
    """Refuse the cancellation of what a higher amount was topped up with."""
    if of.is_part_of_higher:
        raise AwardSetAgainst


def after(position: Position, step: Step, amount: Decimal = ZERO) -> AwardStatus:
    """Return the status that a step leads to. Raises a problem where the step is not open."""
    status = position.status
    match step:
        case Step.APPROVE:
            _require(status is AwardStatus.PROPOSED, position)
            return AwardStatus.APPROVED
        case Step.CANCEL:
            is_open = status in {AwardStatus.PROPOSED, AwardStatus.APPROVED}
            _require(is_open and position.paid == ZERO, position)
            _refuse_ordered(position)
            return AwardStatus.CANCELLED
        case Step.RECOVER:
            # Also what was recovered once: a second title that falls may call back the rest of it.
            _require(status not in {AwardStatus.PROPOSED, AwardStatus.CANCELLED}, position)
            return AwardStatus.RECOVERING
        case Step.SETTLE:
            _require(status is AwardStatus.RECOVERING, position)
            return AwardStatus.RECOVERED
        case _:
            return _after_money(position, step, amount)


def _after_money(
    position: Position, step: Literal[Step.ORDER, Step.DISBURSE, Step.RETURN], amount: Decimal
) -> AwardStatus:
    match step:
        case Step.ORDER:
            _require(position.status is AwardStatus.APPROVED, position)
            _refuse_ordered(position)
            return position.status
        case Step.DISBURSE:
            return _after_payment(position, amount)
        case Step.RETURN:
            is_paid = position.status in {AwardStatus.APPROVED, AwardStatus.DISBURSED}
            _require(is_paid, position)
            return AwardStatus.APPROVED
    assert_never(step)


def _after_payment(position: Position, amount: Decimal) -> AwardStatus:
    # Money that was under way when a title fell is a fact like any other.
    status = position.status
    is_open = status in {AwardStatus.APPROVED, AwardStatus.RECOVERING}
    _require(is_open or position.ordered > ZERO, position)
    if position.ordered == ZERO:
        raise AwardNotOrdered
    if amount > position.ordered:
        raise PaymentTooLarge(
            f"本笔指令余额 {position.ordered:,.2f} 元，本次 {amount:,.2f} 元。",
            f"{position.ordered:,.2f} yuan are left of the order; this is {amount:,.2f}.",
        )
    is_whole = status is AwardStatus.APPROVED and amount == position.left
    return AwardStatus.DISBURSED if is_whole else status


def _refuse_ordered(position: Position) -> None:
    if position.ordered > ZERO:
        raise AwardOrdered(
            f"已下达拨付指令、尚未确认的有 {position.ordered:,.2f} 元。",
            f"{position.ordered:,.2f} yuan are ordered and neither confirmed nor rejected.",
        )


def _require(is_open: bool, position: Position) -> None:
    if not is_open:
        name = NAMES[position.status]
        raise AwardNotInState(
            f"奖励当前为“{name.zh}”，已拨付 {position.paid:,.2f} 元。",
            f"The award is {name.en}, with {position.paid:,.2f} yuan paid.",
        )


def require_payment_day(on: date, earliest: date, today: date) -> None:
    """Refuse a day on which the money cannot have moved."""
    if not earliest <= on <= today:
        raise PaymentDayNotPossible(
            f"日期 {on} 须在 {earliest} 至 {today} 之间。",
            f"{on} is not between {earliest} and {today}.",
        )


def overdue(plan: Sequence[tuple[date, Decimal]], left: Decimal, today: date) -> Decimal:
    """Return how much of a plan should have been paid back before today and was not.

    A plan sums to what was left when it was set; the last day of an instalment is still in time.
    """
    covered = sum((amount for _, amount in plan), ZERO) - left
    fallen_due = sum((amount for due_on, amount in plan if due_on < today), ZERO)
    return max(ZERO, fallen_due - covered)
