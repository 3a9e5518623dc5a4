"""What may follow what in the life of an award. Pure: no database, no web."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from services.kernel.text import Text
from services.policy.rewards import ZERO, Settlement, recoverable
from services.rewards.problems import AwardNotInState, PaymentTooLarge


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


class Step(StrEnum):
    APPROVE = "approve"
    CANCEL = "cancel"
    DISBURSE = "disburse"
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


@dataclass(frozen=True, slots=True)
class Position:
    status: AwardStatus
    amount: Decimal
    paid: Decimal

    @property
    def left(self) -> Decimal:
        return self.amount - self.paid


def after(position: Position, step: Step, payment: Decimal = ZERO) -> Position:
    """Return where a step leads. Raises a problem where the step is not open."""
    status = position.status
    match step:
        case Step.APPROVE:
            _require(status is AwardStatus.PROPOSED, position)
            return Position(AwardStatus.APPROVED, position.amount, position.paid)
        case Step.CANCEL:
            is_open = status in {AwardStatus.PROPOSED, AwardStatus.APPROVED}
            _require(is_open and position.paid == ZERO, position)
            return Position(AwardStatus.CANCELLED, position.amount, position.paid)
        case Step.DISBURSE:
            _require(status is AwardStatus.APPROVED, position)
            if payment > position.left:
                raise PaymentTooLarge(
                    f"奖励余额 {position.left:,.2f} 元，本次 {payment:,.2f} 元。",
                    f"{position.left:,.2f} yuan are left of the award; this is {payment:,.2f}.",
                )
            is_whole = payment == position.left
            return Position(
                AwardStatus.DISBURSED if is_whole else status,
                position.amount,
                position.paid + payment,
            )
        case Step.RECOVER:
            # Also what was recovered once: a second title that falls may call back the rest of it.
            is_paid = status not in {AwardStatus.PROPOSED, AwardStatus.CANCELLED}
            _require(is_paid, position)
            return Position(AwardStatus.RECOVERING, position.amount, position.paid)
        case Step.SETTLE:
            _require(status is AwardStatus.RECOVERING, position)
            return Position(AwardStatus.RECOVERED, position.amount, position.paid)
    assert_never(step)


def _require(is_open: bool, position: Position) -> None:
    if not is_open:
        name = NAMES[position.status]
        raise AwardNotInState(
            f"奖励当前为“{name.zh}”，已拨付 {position.paid:,.2f} 元。",
            f"The award is {name.en}, with {position.paid:,.2f} yuan paid.",
        )


@dataclass(frozen=True, slots=True)
class Rewarded:
    """An award of one enterprise, as far as a recovery needs it."""

    award_id: str
    scheduled: Decimal
    """The amount that the schedule set for the title, before anything was set off."""
    paid: Decimal
    due: Decimal
    """What is already being recovered of it."""
    still_stands: bool
    """Whether the title that it rewards was not taken away with its reward."""


def recoveries(
    settlement: Settlement, revoked: str, awards: Sequence[Rewarded]
) -> list[tuple[str, Decimal]]:
    """Return which awards are to be paid back, and how much of each, when a title is taken away.

    `awards` are the enterprise's, oldest first; the revoked title's own is named by `revoked`.
    With top-up the enterprise keeps the highest amount that still stands, so what it returns may
    come from the awards of several titles that do not.
    """
    own = next(award for award in awards if award.award_id == revoked)
    left = recoverable(
        settlement,
        paid_for_revoked=own.paid - own.due,
        paid_in_all=sum((award.paid - award.due for award in awards), ZERO),
        standing=[award.scheduled for award in awards if award.still_stands and award.paid > ZERO],
    )
    fallen = [own, *(one for one in reversed(awards) if not one.still_stands and one is not own)]
    found = []
    for award in fallen:
        part = min(left, award.paid - award.due)
        if part > ZERO:
            found.append((award.award_id, part))
            left -= part
    return found
