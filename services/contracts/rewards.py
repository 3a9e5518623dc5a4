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


class AwardDisbursed(AwardEvent):
    """The disbursement system confirmed a payment."""

    TYPE = "cn.srdi.award.disbursed.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"paid", "paid_on", "voucher"}

    paid: str
    paid_on: date
    voucher: str


class RecoveryOpened(AwardEvent):
    """A revoked title calls for money back."""

    TYPE = "cn.srdi.award.recovery-opened.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"recovery_id", "due"}

    recovery_id: UUID
    due: str
    """What is to be paid back, in yuan."""


class AwardRecovered(AwardEvent):
    """All that was due has been paid back."""

    TYPE = "cn.srdi.award.recovered.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_AWARD | {"recovery_id"}

    recovery_id: UUID
