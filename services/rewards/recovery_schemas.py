"""What recoveries are told and answer. Money is a decimal string in yuan."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.kernel.actions import AvailableAction
from services.kernel.schemas import DocumentNumber, In, Out, ProgrammeDay, Reason
from services.kernel.text import TextOut
from services.policy.rewards import RewardedEvent
from services.rewards.schemas import MoneyIn, MoneyOut
from services.rewards.workflow import RecoveryStatus


class InstalmentIn(In):
    due_on: ProgrammeDay = Field(description="最后一天，含当日。The last day, included.")
    amount: MoneyIn


class PlanIn(In):
    instalments: Annotated[list[InstalmentIn], Field(min_length=1, max_length=120)] = Field(
        description="合计须等于尚应追回的金额。They sum to what is still due."
    )
    reason: Reason


class WaiverIn(In):
    amount: MoneyIn
    reason: Reason
    document_number: DocumentNumber


class WaiverDecisionIn(In):
    is_granted: bool
    reason: Reason


class RepaymentOut(Out):
    amount: MoneyOut
    paid_on: date
    voucher: str
    recorded_at: datetime


class InstalmentOut(Out):
    due_on: date
    amount: MoneyOut


class WaiverOut(Out):
    amount: MoneyOut
    reason: str
    document_number: str
    requested_by: str
    requested_at: datetime
    is_granted: bool | None = Field(description="null：待决定。Null while it waits for a decision.")
    decision_reason: str | None
    decided_by: str | None
    decided_at: datetime | None


class KeptOut(Out):
    title: str
    event: RewardedEvent
    recognition_id: UUID
    amount: MoneyOut


class RecoveryOut(Out):
    id: UUID
    award_id: UUID
    uscc: str
    legal_name: str
    title: str
    recognition_id: UUID = Field(description="被撤销的认定。The recognition that was revoked.")
    ground: str
    finding_number: str | None
    due: MoneyOut
    repaid: MoneyOut
    waived: MoneyOut
    left: MoneyOut
    keeps: KeptOut | None = Field(
        description="退档：较低称号保留的金额。What a lower title that still stands keeps."
    )
    formula: TextOut
    status: RecoveryStatus
    opened_on: date
    plan: list[InstalmentOut] = Field(
        description="现行还款计划；空表示尚未确定期限。The plan that counts; empty while none is set."
    )
    overdue: MoneyOut = Field(
        description="按现行计划逾期未还的金额。What should have been paid back before today."
    )
    repayments: list[RepaymentOut]
    waivers: list[WaiverOut]
    version: int
    available_actions: list[AvailableAction]
