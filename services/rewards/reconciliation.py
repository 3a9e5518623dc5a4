"""对账: what was ordered, what the disbursement system reports, what the ledger says. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from services.kernel.text import Text


class MovementKind(StrEnum):
    """What the disbursement system did with money."""

    PAYMENT = "payment"
    RETURN = "return"
    """The bank sent a payment back."""
    REPAYMENT = "repayment"
    """An enterprise paid back."""


class DifferenceCode(StrEnum):
    AWARD_UNKNOWN = "award_unknown"
    NOT_ORDERED = "not_ordered"
    NOT_RECORDED = "not_recorded"
    NOT_REPORTED = "not_reported"
    AMOUNT_DIFFERS = "amount_differs"
    AWARD_DIFFERS = "award_differs"
    DAY_DIFFERS = "day_differs"
    REPORTED_TWICE = "reported_twice"
    SUMS_DIFFER = "sums_differ"
    ORDER_STOPPED = "order_stopped"
    ORDER_OPEN = "order_open"


OUTSTANDING = frozenset({DifferenceCode.ORDER_STOPPED, DifferenceCode.ORDER_OPEN})
"""Money under way: it waits for an answer, and nothing contradicts anything."""

MEANINGS = {
    DifferenceCode.AWARD_UNKNOWN: Text(
        "报告的奖励编号在本系统不存在：请拨付系统核对编号。",
        "It is reported for an award that is not there: the disbursement system checks its number.",
    ),
    DifferenceCode.NOT_ORDERED: Text(
        "报告了付款，但该奖励当时没有拨付指令：先查明款项去向。",
        "A payment is reported for an award that nobody had ordered to be paid: find out where the"
        " money went.",
    ),
    DifferenceCode.NOT_RECORDED: Text(
        "已报告，但未收到确认，台账没有：请拨付系统补发确认。",
        "It is reported, and was never confirmed to us: the disbursement system sends it again.",
    ),
    DifferenceCode.NOT_REPORTED: Text(
        "台账有，当日对账单没有：请拨付系统更正对账单，或说明。",
        "The ledger has it and the day's statement does not: the statement is to be corrected.",
    ),
    DifferenceCode.AMOUNT_DIFFERS: Text(
        "同一凭证，金额不一致。", "The same reference with another amount."
    ),
    DifferenceCode.AWARD_DIFFERS: Text(
        "同一凭证，对应的奖励不一致。", "The same reference for another award."
    ),
    DifferenceCode.DAY_DIFFERS: Text(
        "同一凭证，日期不一致；两天的对账中都会列出。",
        "The same reference on another day; both days list it.",
    ),
    DifferenceCode.REPORTED_TWICE: Text(
        "同一凭证在不止一天的对账单中出现。",
        "The same reference is in the statements of several days.",
    ),
    DifferenceCode.SUMS_DIFFER: Text(
        "奖励的累计数与台账分录之和不一致：请立即联系平台运维。",
        "The award's sums are not those of its ledger entries: call whoever runs the platform at"
        " once.",
    ),
    DifferenceCode.ORDER_STOPPED: Text(
        "已要求停止付款的指令，尚未退回或确认。",
        "An order that was stopped and is neither rejected nor confirmed yet.",
    ),
    DifferenceCode.ORDER_OPEN: Text(
        "已下达、尚未付清或退回的指令。", "An order that is neither paid in full nor rejected yet."
    ),
}


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that the disbursement system says it moved, in yuan."""

    kind: MovementKind
    award_id: UUID
    reference: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Side:
    """How one of the two has a movement."""

    on_day: date
    award_id: UUID
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """What the disbursement system was ordered to pay, and what of it was open by the day's end."""

    batch_number: str
    line_number: int
    ordered_on: date
    amount: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    code: DifferenceCode
    kind: MovementKind | None
    """None for what is about an award or an order as a whole."""
    reference: str | None
    award_id: UUID
    uscc: str | None
    """None where the award is not known."""
    legal_name: str | None
    reported: Side | None
    recorded: Side | None
    order: Order | None


@dataclass(frozen=True, slots=True)
class Sum:
    """Some movements of one kind, or some orders."""

    number: int
    amount: Decimal


def digest_of(movements: Sequence[Movement]) -> str:
    """Return what tells a statement from a corrected one, whatever the order of its movements."""
    lines = sorted(
        f"{one.kind}\n{one.reference}\n{one.award_id}\n{one.amount:.2f}" for one in movements
    )
    return sha256("\n\n".join(lines).encode()).hexdigest()


def repeated(movements: Sequence[Movement]) -> list[int]:
    """Return the places, from 0 on, of what was named before in the same statement."""
    seen: set[tuple[MovementKind, str]] = set()
    places = []
    for place, one in enumerate(movements):
        key = one.kind, one.reference
        if key in seen:
            places.append(place)
        seen.add(key)
    return places
