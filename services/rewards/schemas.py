"""What rewards reads and answers. Money is a decimal string in yuan, never a number."""

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
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
from services.policy.rewards import Scope, Settlement
from services.rewards.workflow import AwardStatus, RecoveryStatus, ScheduleStatus

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
    return plain


Voucher = Annotated[
    str,
    StringConstraints(min_length=1, max_length=80),
    AfterValidator(_voucher_read),
    Field(
        description="支付凭证号；全角、大小写和空格不加区分。Voucher number; it makes a repeat harmless."
        " Width, case and spaces make no difference."
    ),
]


class AmountIn(In):
    title: ShortText = Field(examples=["provincial_little_giant"])
    event: Literal["recognition"] = "recognition"
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
    event: str
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


class ConsideredOut(Out):
    title: str
    recognition_id: str
    amount: MoneyOut | None
    applies: bool
    because: TextOut


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


class PaymentOut(Out):
    amount: MoneyOut
    paid_on: date
    voucher: str
    recorded_at: datetime


class RecoveryOut(Out):
    id: UUID
    award_id: UUID
    uscc: str
    legal_name: str
    title: str
    ground: str
    due: MoneyOut
    repaid: MoneyOut
    status: RecoveryStatus
    opened_on: date
    repayments: list[PaymentOut]
    version: int
    available_actions: list[AvailableAction]


class AwardOut(Out):
    id: UUID
    uscc: str
    legal_name: str
    region: str
    recognition_id: UUID
    title: str
    fiscal_year: int
    amount: MoneyOut
    paid: MoneyOut
    status: AwardStatus
    schedule_code: str
    policy_pack: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    cancellation_reason: str | None
    payments: list[PaymentOut]
    recovery_due: MoneyOut
    repaid: MoneyOut
    updated_at: datetime
    version: int
    available_actions: list[AvailableAction]


class AwardWithCalculationOut(AwardOut):
    calculation: dict[str, JsonValue]


class StatementOut(Out):
    uscc: str
    granted: MoneyOut
    disbursed: MoneyOut
    recovered: MoneyOut
    awards: list[AwardOut]
