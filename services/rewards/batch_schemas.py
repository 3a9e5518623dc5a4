"""What the disbursement system is told and says. Money is a decimal string in yuan."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.kernel.schemas import In, Out, ProgrammeDay, Reason
from services.rewards.schemas import FiscalYear, MoneyOut, Voucher
from services.rewards.workflow import LineStatus


class BatchIn(In):
    fiscal_year: FiscalYear
    award_ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description="默认为该年度全部可下达的奖励，至多 1000 笔。All that can be ordered of the year"
        " unless given; at most 1,000.",
    )


class RejectionIn(In):
    rejected_on: ProgrammeDay
    reference: Voucher = Field(
        description="退回编号，使重发无害。The number of the rejection; it makes a repeat harmless."
    )
    reason: Reason


class LineOut(Out):
    number: int
    award_id: UUID
    uscc: str
    legal_name: str
    title: str
    region: str
    amount: MoneyOut
    paid: MoneyOut
    status: LineStatus
    stop_requested_at: datetime | None
    rejected_on: date | None
    rejection_reference: str | None
    rejection_reason: str | None


class BatchSummaryOut(Out):
    id: UUID
    number: str = Field(examples=["2026-0001"])
    fiscal_year: int
    total: MoneyOut
    paid: MoneyOut
    lines_count: int
    open_lines_count: int
    ordered_by: str
    ordered_at: datetime
    ordered_on: date


class BatchOut(BatchSummaryOut):
    lines: list[LineOut]
