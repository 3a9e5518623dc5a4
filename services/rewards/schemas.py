"""What rewards reads and answers. Money is a decimal string in yuan, never a number."""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from services.kernel.actions import AvailableAction
from services.kernel.schemas import (
    CreditCodeText,
    DivisionCode,
    DocumentNumber,
    In,
    Out,
    ProgrammeDay,
    Reason,
    ShortText,
)
from services.kernel.text import TextOut
from services.policy.rewards import Because, RewardedEvent, Scope, Settlement
from services.rewards.workflow import AwardStatus, LineStatus, ScheduleStatus

_MONEY = re.compile(r"(?:0|[1-9]\d{0,12})(?:\.\d{1,2})?", re.ASCII)
_MONEY_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^(0|[1-9]\d{0,12})(\.\d{1,2})?$",
        "examples": ["1000000.00"],
        "description": "元，十进制字符串。Yuan, as a decimal string.",
    }
)


def _read_money(given: object) -> Decimal:
    # A JSON number has lost its cents before we see it.
    if not isinstance(given, str) or _MONEY.fullmatch(given) is None:
        raise PydanticCustomError(
            "not_an_amount",
            "{en}",
            {
                "zh": '金额须为十进制字符串（元），如 "1000000.00"。',
                "en": 'Money is a decimal string in yuan, such as "1000000.00".',
            },
        )
    amount = Decimal(given)
    if amount == 0:
        raise PydanticCustomError(
            "not_positive",
            "{en}",
            {"zh": "金额须大于零。", "en": "The amount is more than zero."},
        )
    return amount


def spell_money(amount: Decimal) -> str:
    return f"{amount:.2f}"


MoneyIn = Annotated[Decimal, BeforeValidator(_read_money), _MONEY_SCHEMA]
MoneyOut = Annotated[Decimal, PlainSerializer(spell_money, return_type=str), _MONEY_SCHEMA]
FiscalYear = Annotated[int, Field(ge=2000, le=2199, description="财政年度。Fiscal year.")]


_LONGEST_VOUCHER = 80


def _voucher_read(text: str) -> str:
    """Spell one voucher in one way, or it would pay twice: W1, w1, Ｗ１ and W 1 are the same."""
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKC", text).upper()
        if unicodedata.category(character)[0] not in "ZC"
    )
    if not plain:
        raise PydanticCustomError(
            "no_voucher", "{en}", {"zh": "凭证号为空。", "en": "The voucher number is empty."}
        )
    if len(plain) > _LONGEST_VOUCHER:
        # ß becomes SS, and some characters become whole words.
        raise PydanticCustomError(
            "voucher_too_long",
            "{en}",
            {
                "zh": f"凭证号换写后超过 {_LONGEST_VOUCHER} 个字符。",
                "en": f"Spelt out, the voucher number has more than {_LONGEST_VOUCHER} characters.",
            },
        )
    return plain


Voucher = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_LONGEST_VOUCHER),
    AfterValidator(_voucher_read),
    Field(
        description="支付凭证号；全角、大小写和空格不加区分。Voucher number; it makes a repeat harmless."
        " Width, case and spaces make no difference."
    ),
]


class AmountIn(In):
    title: ShortText = Field(examples=["provincial_little_giant"])
    event: RewardedEvent = Field(
        default=RewardedEvent.RECOGNITION,
        description="认定或复核；未列复核的，复核不奖励。What the amount is for; a schedule that lists no"
        " renewal pays none.",
    )
    region: DivisionCode | None = None
    amount: MoneyIn


class BudgetIn(In):
    fiscal_year: FiscalYear
    amount: MoneyIn


class ScheduleIn(In):
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")] = Field(
        examples=["2026-reward"]
    )
    document_number: DocumentNumber
    effective_from: ProgrammeDay
    effective_until: ProgrammeDay | None = Field(
        default=None, description="自此日起不再生效。The first day it is no longer in force."
    )
    amounts: Annotated[list[AmountIn], Field(min_length=1, max_length=500)]
    settlement: Settlement | None = Field(
        default=None, description="默认取自政策包。The pack's default unless given."
    )
    scope: Scope | None = None
    budgets: Annotated[list[BudgetIn], Field(min_length=1, max_length=20)]


class AmountOut(Out):
    title: str
    event: RewardedEvent
    region: str | None
    amount: MoneyOut


class BudgetOut(Out):
    fiscal_year: int
    amount: MoneyOut
    granted: MoneyOut | None = Field(
        description="已安排金额，仅主管财政岗位和审计可见。Granted so far; null for whoever does not keep"
        " or audit the fund."
    )


class ScheduleOut(Out):
    id: UUID
    code: str
    document_number: str
    effective_from: date
    effective_until: date | None
    superseded_on: date | None = Field(
        description="自此日起由后一标准取代。From this day on a later one takes its place."
    )
    is_in_force: bool
    policy_pack: str
    settlement: Settlement
    scope: Scope
    status: ScheduleStatus
    amounts: list[AmountOut]
    budgets: list[BudgetOut]
    created_by: str
    approved_by: str | None
    approved_at: datetime | None
    version: int
    available_actions: list[AvailableAction]


class CalculationIn(In):
    uscc: CreditCodeText
    on: ProgrammeDay | None = Field(default=None, description="默认今天。Today unless given.")
    fiscal_year: FiscalYear | None = Field(
        default=None, description="默认为 on 所在年度。The year of `on` unless given."
    )
    schedule_id: UUID | None = Field(
        default=None,
        description="按指定标准（可为草稿）测算，仅主管财政岗位和审计可用。By another schedule, also a"
        " draft; for those who keep or audit the fund.",
    )


class ConsideredOut(Out):
    title: str
    event: RewardedEvent
    recognition_id: str
    amount: MoneyOut | None
    applies: bool
    code: Because
    because: TextOut
    already_granted: MoneyOut
    payable: MoneyOut


class CalculationOut(Out):
    uscc: str
    on: date
    schedule: str
    payable: MoneyOut
    highest: ConsideredOut | None
    already_granted: MoneyOut
    considered: list[ConsideredOut]
    settlement: Settlement
    scope: Scope
    clause: str = Field(examples=["六(二)"])
    formula: TextOut
    explanation: TextOut = Field(
        description="可直接给企业看的全部说明，逐行。The whole reckoning in sentences, line by line."
    )


class AwardIn(In):
    uscc: CreditCodeText
    fiscal_year: FiscalYear
    reason: Reason = Field(description="择优理由。Why it was selected.")


class CancellationIn(In):
    reason: Reason


class PaymentIn(In):
    amount: MoneyIn
    paid_on: ProgrammeDay
    voucher: Voucher


class ReturnIn(In):
    voucher: Voucher = Field(description="被退回的拨付凭证号。Of the payment that came back.")
    returned_on: ProgrammeDay
    reference: Voucher = Field(
        description="银行退票编号，使重发无害。The bank's number of the return; it makes a repeat"
        " harmless."
    )
    reason: Reason


class ReturnOut(Out):
    returned_on: date
    reference: str
    reason: str


class PaymentOut(Out):
    amount: MoneyOut
    paid_on: date
    voucher: str
    batch_id: UUID | None = Field(
        description="仅资金岗位（财政、拨付、审计）可见，其他为 null。For offices of the fund (finance,"
        " disbursement, audit); null for others."
    )
    line_number: int | None = Field(
        description="仅资金岗位可见，其他为 null。For offices of the fund; null for others."
    )
    returned: ReturnOut | None = Field(description="银行退票。Set where the bank sent it back.")
    recorded_at: datetime


class OrderOut(Out):
    batch_id: UUID
    batch_number: str
    line_number: int
    amount: MoneyOut
    paid: MoneyOut
    status: LineStatus
    ordered_at: datetime
    stop_requested_at: datetime | None = Field(
        description="称号已撤销，请停止付款。The title fell meanwhile: do not pay any more."
    )
    rejected_on: date | None
    rejection_reason: str | None


class AwardOut(Out):
    id: UUID
    uscc: str
    legal_name: str
    region: str
    recognition_id: UUID
    title: str
    event: RewardedEvent
    fiscal_year: int
    amount: MoneyOut
    scheduled_amount: MoneyOut
    set_against: list[UUID] = Field(
        description="已扣减或比较的以往奖励。Earlier awards that were set against it."
    )
    cancelled: MoneyOut = Field(description="已取消、不再拨付的部分。What will not be paid.")
    ordered: MoneyOut = Field(description="已下达、尚未确认的部分。Ordered and not confirmed yet.")
    paid: MoneyOut = Field(
        description="已拨付，不含银行退票。Paid, without what the bank returned."
    )
    recovery_due: MoneyOut
    repaid: MoneyOut
    waived: MoneyOut
    stands_for: UUID | None = Field(
        description="退档后保留金额所对应的认定。The lower title that the rest is kept for."
    )
    status: AwardStatus
    schedule_code: str
    policy_pack: str
    run_id: UUID | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    cancellation_reason: str | None
    orders: list[OrderOut] = Field(
        description="拨付指令；仅资金岗位（财政、拨付、审计）可见，其他为空。Orders to the disbursement"
        " system, for offices of the fund (finance, disbursement, audit); empty for others."
    )
    payments: list[PaymentOut]
    updated_at: datetime
    version: int
    available_actions: list[AvailableAction]


class AwardWithCalculationOut(AwardOut):
    calculation: dict[str, JsonValue]


class StatementOut(Out):
    uscc: str
    granted: MoneyOut
    disbursed: MoneyOut
    recovery_due: MoneyOut
    recovered: MoneyOut
    waived: MoneyOut
    awards: list[AwardOut]
