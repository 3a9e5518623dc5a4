"""What the registry reads and answers about what is followed between two recognitions."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from services.contracts.registry import RevocationGroundId
from services.kernel.schemas import (
    DivisionCode,
    DocumentNumber,
    In,
    LongText,
    Out,
    ProgrammeDay,
    Reason,
    ShortText,
)
from services.kernel.text import TextOut
from services.registry.following_models import Conclusion, LibraryStepKind, Origin
from services.registry.measures import Measure

LARGEST_SUPPORT = Decimal(10) ** 12
"""In yuan: more than any support, and far less than the column holds."""

_AMOUNT = re.compile(r"(?:0|[1-9]\d{0,12})(?:\.\d{1,2})?", re.ASCII)
_SCORE = re.compile(r"(?:100(?:\.0{1,2})?|(?:0|[1-9]\d?)(?:\.\d{1,2})?)", re.ASCII)
_AMOUNT_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^(0|[1-9]\d{0,12})(\.\d{1,2})?$",
        "examples": ["500000.00"],
        "description": "元，十进制字符串。Yuan, as a decimal string.",
    }
)
_AMOUNT_OUT_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^\d+\.\d{2}$",
        "examples": ["500000.00"],
        "description": "元，十进制字符串。Yuan, as a decimal string.",
    }
)
_SCORE_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^(100(\.0{1,2})?|(0|[1-9]\d?)(\.\d{1,2})?)$",
        "examples": ["86.50"],
        "description": "0 至 100 分，十进制字符串。From 0 to 100, as a decimal string.",
    }
)
_PERCENT_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^-?\d+\.\d{2}$",
        "examples": ["12.35"],
        "description": "百分比，十进制字符串。Percent, as a decimal string.",
    }
)


def _read_amount(given: object) -> Decimal:
    # A JSON number has lost its cents before we see it.
    if not isinstance(given, str) or _AMOUNT.fullmatch(given) is None:
        raise PydanticCustomError(
            "not_an_amount",
            "{en}",
            {
                "zh": '金额须为十进制字符串（元），如 "500000.00"。',
                "en": 'Money is a decimal string in yuan, such as "500000.00".',
            },
        )
    amount = Decimal(given)
    if not 0 < amount <= LARGEST_SUPPORT:
        raise PydanticCustomError(
            "out_of_range",
            "{en}",
            {
                "zh": f"金额须大于零，且不超过 {LARGEST_SUPPORT:,f} 元。",
                "en": f"It is more than zero and {LARGEST_SUPPORT:,f} yuan at most.",
            },
        )
    return amount


def _read_score(given: object) -> Decimal:
    if not isinstance(given, str) or _SCORE.fullmatch(given) is None:
        raise PydanticCustomError(
            "not_a_score",
            "{en}",
            {
                "zh": '评分须为 0 至 100、最多两位小数的十进制字符串，如 "86.50"。',
                "en": 'A score is a decimal string from 0 to 100 with two places, such as "86.50".',
            },
        )
    return Decimal(given)


def _two_places(value: Decimal) -> str:
    return f"{value:.2f}"


_TwoPlaces = PlainSerializer(_two_places, return_type=str)
SupportAmountIn = Annotated[Decimal, BeforeValidator(_read_amount), _AMOUNT_SCHEMA]
SupportAmountOut = Annotated[Decimal, _TwoPlaces, _AMOUNT_OUT_SCHEMA]
ScoreIn = Annotated[Decimal, BeforeValidator(_read_score), _SCORE_SCHEMA]
ScoreOut = Annotated[Decimal, _TwoPlaces, _SCORE_SCHEMA]
PercentOut = Annotated[Decimal, _TwoPlaces, _PERCENT_SCHEMA]
Year = Annotated[int, Field(ge=2000, le=2199)]


class AnnualReportIn(In):
    fiscal_year: Year = Field(description="已结束的年度。A year that is over.", examples=[2025])
    facts: dict[str, JsonValue] = Field(
        min_length=1,
        max_length=200,
        description="以政策包的事实名称给出；金额为字符串。By the names that the pack gives to facts;"
        " money is a string.",
        examples=[{"operating_revenue": "56000000.00", "rd_expense": "2800000.00"}],
    )
    correction_reason: Reason | None = Field(
        default=None,
        description="该年度已报告时必填。Needed where the year has been reported already.",
    )


class AnnualReportOut(Out):
    id: UUID
    uscc: str
    origin: Origin
    fiscal_year: int | None
    reported_on: date
    recorded_at: datetime
    recorded_by: str
    is_latest: bool
    is_correction: bool
    due_on: date | None = Field(
        description="该年度报告的最后一日；没有施行中的规定时为 null。The last day for the report of"
        " the year; null where no law in force sets one, and for an application."
    )
    duty_clause: str | None
    is_late: bool = Field(
        description="该年度首次报告是否已逾期。Whether the first report of the year came after it."
    )
    policy_pack: str | None
    facts: dict[str, JsonValue]
    revenue_growth: PercentOut | None = Field(
        description="营业收入比上年增长（%）。Growth of operating revenue against the year before."
    )
    rd_growth: PercentOut | None = Field(
        description="研发费用比上年增长（%）。Growth of research and development expense."
    )


class FigureWarningConditionOut(Out):
    id: str
    clause: str
    text: TextOut
    because: TextOut


class FigureWarningTitleOut(Out):
    recognition_id: UUID
    title: str
    title_name: TextOut
    certificate_number: str
    valid_until: date
    policy_pack: str
    failed: list[FigureWarningConditionOut]


class FigureWarningOut(Out):
    uscc: str
    legal_name: str
    division: str
    fiscal_year: int | None
    reported_on: date | None
    is_figures_missing: bool = Field(
        description="最近数据早于上一已结束年度的前一年，或没有数据。The latest figures are older than"
        " the year before the last closed one, or there are none."
    )
    titles: list[FigureWarningTitleOut] = Field(
        description="按最近数据今天复核将不符合条件的称号。The titles that would not be renewed today."
    )


class EvaluationIn(In):
    year: Year
    agency: ShortText
    score: ScoreIn | None = None
    grade: (
        Annotated[
            str,
            StringConstraints(
                strip_whitespace=True, min_length=1, max_length=20, pattern=r"^[^0-9]+$"
            ),
        ]
        | None
    ) = Field(
        default=None, description="等级，不含数字。A grade, without digits.", examples=["良好"]
    )
    difficulties: LongText | None = Field(
        default=None, description="发展难题。What stands in the way of its development."
    )
    summary: LongText
    evaluated_on: ProgrammeDay

    @model_validator(mode="after")
    def _has_a_result(self) -> "EvaluationIn":
        if self.score is None and self.grade is None:
            raise PydanticCustomError(
                "no_result",
                "{en}",
                {
                    "zh": "评分与等级至少填写一项。",
                    "en": "It has a score or a grade, or both.",
                },
            )
        return self


class EvaluationOut(Out):
    id: UUID
    uscc: str
    year: int
    agency: str
    score: ScoreOut | None
    grade: str | None
    difficulties: str | None
    summary: str
    evaluated_on: date
    recorded_at: datetime


class SupportRecordIn(In):
    measure: Measure
    provider: ShortText
    description: LongText
    amount: SupportAmountIn | None = Field(
        default=None, description="非资金支持不填。Left out where the support is not money."
    )
    delivered_on: ProgrammeDay


class SupportRecordOut(Out):
    id: UUID
    uscc: str
    legal_name: str
    division: str
    measure: Measure
    measure_name: TextOut
    clause: str
    provider: str
    description: str
    amount: SupportAmountOut | None
    delivered_on: date
    recorded_at: datetime


class SupportMeasureTotalOut(Out):
    measure: Measure
    measure_name: TextOut
    clause: str
    records: int
    enterprises: int = Field(description="企业户数，每户计一次。Enterprises, each once.")
    amount: SupportAmountOut


class SupportTotalsOut(Out):
    year: int | None
    region: str | None
    measures: list[SupportMeasureTotalOut]


class TypicalCaseIn(In):
    year: Year
    heading: ShortText
    summary: LongText
    chosen_on: ProgrammeDay
    document_number: DocumentNumber


class PublicTypicalCaseOut(Out):
    year: int
    uscc: str
    legal_name: str
    division: str
    heading: str
    summary: str
    chosen_on: date
    document_number: str


class TypicalCaseOut(PublicTypicalCaseOut):
    id: UUID
    recorded_at: datetime


class LibraryEntryIn(In):
    legal_name: ShortText
    division: DivisionCode
    focus_field: ShortText | None = None
    reason: Reason
    entered_on: ProgrammeDay


class LibraryDepartureIn(In):
    reason: Reason
    left_on: ProgrammeDay = Field(
        description="自此日起不在库。The first day on which it is no longer in."
    )


class LibraryStepOut(Out):
    city: str
    step: LibraryStepKind
    on_day: date
    reason: str
    recorded_at: datetime


class LibraryRecordOut(Out):
    uscc: str
    legal_name: str
    division: str
    focus_field: str | None
    is_member: bool = Field(
        description="是否在您可见的培育库中。Whether it is in a library that you see."
    )
    steps: list[LibraryStepOut] = Field(description="入库与出库，先后为序。Oldest first.")


class LibraryMemberOut(Out):
    uscc: str
    legal_name: str
    division: str
    focus_field: str | None
    city: str
    entered_on: date
    reason: str


class RevocationFindingIn(In):
    ground: RevocationGroundId = Field(
        description="须经查实的撤销情形。A ground of a pack that has to be established:"
        " false_declaration, violation or its own.",
        examples=["false_declaration"],
    )
    number: DocumentNumber
    established_on: ProgrammeDay
    established_by: ShortText = Field(
        description="查实机关。Who established it.", examples=["贵州省工业和信息化厅"]
    )
    summary: LongText


class RevocationFindingOut(Out):
    id: UUID
    uscc: str
    ground: str
    number: str
    established_on: date
    established_by: str
    summary: str
    recorded_at: datetime


class ExaminationConclusionIn(In):
    reason: Reason
    document_number: DocumentNumber


class ExaminationOut(Out):
    id: UUID
    uscc: str
    legal_name: str
    division: str
    recognition_id: UUID
    title: str
    certificate_number: str
    because_of: UUID = Field(description="因哪一项认定被撤销。The recognition that was revoked.")
    revoked_title: str
    revoked_on: date | None
    finding_number: str | None
    opened_at: datetime
    conclusion: Conclusion | None
    concluded_on: date | None
    reason: str | None
    document_number: str | None
