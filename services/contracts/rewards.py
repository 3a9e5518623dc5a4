"""What rewards tells the others."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from services.kernel.events.event import Event

_WHICH_AWARD = frozenset({"award_id", "recognition_id", "title", "fiscal_year", "amount"})


class AwardEvent(Event):
    award_id: UUID
    recognition_id: UUID
    title: str
    fiscal_year: int
    amount: str
    """Yuan with two places, as a decimal string."""


class AwardProposed(AwardEvent):
    """A finance officer selected the enterprise for a reward."""

    TYPE = "cn.srdi.award.proposed.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD


class AwardApproved(AwardEvent):
    """A second officer approved the award; it may be paid."""

    TYPE = "cn.srdi.award.approved.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD


class AwardCancelled(AwardEvent):
    """An award was cancelled before anything was paid."""

    TYPE = "cn.srdi.award.cancelled.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD

    reason: str


class AwardReduced(AwardEvent):
    """What was not paid of an award never will be: its title was taken away."""

    TYPE = "cn.srdi.award.reduced.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"cancelled"}

    cancelled: str
    """What goes back to the budget, in yuan."""
    reason: str


class OrderEvent(AwardEvent):
    """About an order. Its numbers are not for partners: they count hidden enterprises too."""

    batch_number: str
    line_number: int


class AwardOrdered(OrderEvent):
    """The disbursement system was ordered to pay, in a batch."""

    TYPE = "cn.srdi.award.ordered.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"ordered"}

    ordered: str
    """What is to be paid, in yuan."""


class OrderStopped(OrderEvent):
    """An order should not be carried out any more: confirm what was paid, or reject it."""

    TYPE = "cn.srdi.award.order-stopped.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD

    reason: str


class OrderRejected(OrderEvent):
    """The bank did not carry an order out; what is left of it can be ordered again."""

    TYPE = "cn.srdi.award.order-rejected.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"rejected", "rejected_on"}

    rejected: str
    """What was not paid, in yuan."""
    rejected_on: date
    reason: str


class AwardDisbursed(AwardEvent):
    """The disbursement system confirmed a payment."""

    TYPE = "cn.srdi.award.disbursed.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"paid", "paid_on", "voucher"}

    paid: str
    paid_on: date
    voucher: str


class PaymentReturned(AwardEvent):
    """The bank sent a payment back; it is owed again."""

    TYPE = "cn.srdi.award.payment-returned.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {
        "returned",
        "returned_on",
        "voucher",
        "reference",
    }

    returned: str
    returned_on: date
    voucher: str
    """Of the payment that came back."""
    reference: str
    reason: str


class RecoveryOpened(AwardEvent):
    """A revoked title calls for money back."""

    TYPE = "cn.srdi.award.recovery-opened.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"recovery_id", "due"}

    recovery_id: UUID
    due: str
    """What is to be paid back, in yuan."""


class RecoveryRepaid(AwardEvent):
    """Money came back from the enterprise, whole or in part."""

    TYPE = "cn.srdi.award.recovery-repaid.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {
        "recovery_id",
        "repaid",
        "paid_on",
        "voucher",
    }

    recovery_id: UUID
    repaid: str
    paid_on: date
    voucher: str


class RecoveryWaived(AwardEvent):
    """Two officers decided that a part of what is due is not collected."""

    TYPE = "cn.srdi.award.recovery-waived.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"recovery_id", "waived"}

    recovery_id: UUID
    waived: str
    document_number: str


class AwardRecovered(AwardEvent):
    """Nothing is due of the award any more: what was due has been paid back or waived."""

    TYPE = "cn.srdi.award.recovered.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"recovery_id"}

    recovery_id: UUID
