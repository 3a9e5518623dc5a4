"""What is reported of a day and what the reconciliation answers. Money is a decimal string in yuan."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.kernel.schemas import In, Out, ProgrammeDay
from services.kernel.text import TextOut
from services.rewards.reconciliation import DifferenceCode, MovementKind
from services.rewards.schemas import MoneyIn, MoneyOut, Voucher

MOST_MOVEMENTS = 5000
"""Of one day: what a body has room for."""


class MovementIn(In):
    kind: MovementKind = Field(
        description="payment 付款；return 银行退票；repayment 企业退回。A payment, a payment that the bank"
        " sent back, or what an enterprise paid back."
    )
    award_id: UUID
    reference: Voucher = Field(
        description="付款、退回的凭证号，或银行退票编号。The voucher of a payment or repayment, or the bank's"
        " number of a return."
    )
    amount: MoneyIn


class DayStatementIn(In):
    day: ProgrammeDay
    movements: Annotated[list[MovementIn], Field(max_length=MOST_MOVEMENTS)] = Field(
        description="当日全部款项；没有则为空。All that was moved on the day; empty where nothing was."
    )
    replaces: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None,
        description="所更正的那一份的编号；内容与更早一份相同时必填。Which statement it corrects; needed only"
        " where it says what an earlier one said.",
    )


class DayStatementOut(Out):
    id: UUID
    day: date
    number: int = Field(description="从 1 起；最后一份有效。From 1 on; the last one counts.")
    movements_count: int
    received_by: str
    received_at: datetime


class MovementOut(Out):
    number: int
    kind: MovementKind
    award_id: UUID
    reference: str
    amount: MoneyOut


class SumOut(Out):
    number: int
    amount: MoneyOut


class MovementSumsOut(Out):
    payments: SumOut
    returns: SumOut
    repayments: SumOut


class DifferenceCountOut(Out):
    code: DifferenceCode
    number: int
    meaning: TextOut


class ReconciledDayOut(Out):
    day: date
    statement_number: int | None = Field(
        description="null：拨付系统尚未报送当日对账单。Null where nothing was reported of the day yet."
    )
    differences: int
    is_settled: bool


class ReconciliationOut(ReconciledDayOut):
    ordered: SumOut = Field(description="当日下达。What was ordered on the day.")
    reported: MovementSumsOut = Field(description="拨付系统报送。What they say.")
    recorded: MovementSumsOut = Field(description="台账。What the ledger says.")
    open_orders: SumOut = Field(
        description="当日终了尚未付清或退回的指令。Orders that were open by the end of the day."
    )
    by_code: list[DifferenceCountOut]


class SideOut(Out):
    on: date
    award_id: UUID
    amount: MoneyOut


class OpenOrderOut(Out):
    batch_number: str
    line_number: int
    ordered_on: date
    amount: MoneyOut
    left: MoneyOut


class DifferenceOut(Out):
    code: DifferenceCode
    meaning: TextOut
    kind: MovementKind | None
    reference: str | None
    award_id: UUID
    uscc: str | None
    legal_name: str | None
    reported: SideOut | None
    recorded: SideOut | None
    order: OpenOrderOut | None
