"""What review reads and answers about experts, ties, draws and panels."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.kernel.schemas import (
    CreditCodeText,
    DivisionCode,
    In,
    LongText,
    Out,
    ProgrammeDay,
    Reason,
    ShortText,
)
from services.kernel.text import TextOut
from services.policy.procedure import TieKind
from services.review.schemas import CaseIds, ExpertCode, Name, PanelResultOut, Points, Subject
from services.review.workflow import (
    DrawPurpose,
    DrawStatus,
    MemberStatus,
    Phase,
)


class ExpertChangeIn(In):
    name: ShortText
    employer: ShortText
    employer_uscc: CreditCodeText | None
    fields: Annotated[list[Name], Field(min_length=1, max_length=20)]
    division: DivisionCode
    is_active: bool = True


class ExpertIn(ExpertChangeIn):
    sub: Subject = Field(description="专家账号（令牌的 sub）。The sub of the expert's token.")


class ExpertOut(Out):
    code: str
    sub: str
    name: str
    employer: str
    employer_uscc: str | None
    fields: list[str]
    division: str
    is_active: bool
    registered_at: datetime
    updated_at: datetime
    version: int


class TieIn(In):
    uscc: CreditCodeText
    kind: TieKind
    from_on: ProgrammeDay | None = None
    until_on: ProgrammeDay | None = Field(default=None, description="最后一日。The last day.")
    note: Reason
    sub: Subject | None = Field(
        default=None,
        description="他人的关系由省级登记；缺省为本人。Somebody else's is the province's to put down;"
        " one's own otherwise.",
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "TieIn":
        if self.from_on is not None and self.until_on is not None and self.until_on < self.from_on:
            raise PydanticCustomError(
                "ends_before_it_begins",
                "{en}",
                {"zh": "结束日不得早于开始日。", "en": "It ends before it begins."},
            )
        return self


class TieOut(Out):
    id: UUID
    sub: str
    uscc: str
    kind: TieKind
    from_on: date | None
    until_on: date | None
    note: str
    declared_by: str
    declared_at: datetime


class DrawIn(In):
    purpose: DrawPurpose
    round_id: UUID
    case_ids: CaseIds
    public_source: LongText = Field(
        description="将用哪一个尚未产生、任何人可查的公开值。Which public value, not known yet and for"
        " anybody to look up, completes the seed.",
        examples=["2026-09-16 上证综合指数收盘点位（两位小数）"],
    )
    value_on: ProgrammeDay | None = Field(
        default=None,
        description="公开值产生之日，晚于今天；缺省为明天。The day on which the value comes to be, later"
        " than today; tomorrow where none is named.",
    )


class RevealIn(In):
    public_value: Annotated[
        str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{1,40}(\.[0-9]{1,10})?$")
    ] = Field(
        description="按来源所印的数字，不加单位、分隔符。The digits as its source prints them, without"
        " units or separators.",
        examples=["3861.87"],
    )


class AbandonmentIn(In):
    reason: Reason


class PublicLotOut(Out):
    lot: str
    seats: int
    candidates: list[str]
    candidates_sha256: str
    ranking: list[str] | None
    drawn: list[str] | None


class PublicDrawSummaryOut(Out):
    """A draw without its lots, which may be large."""

    id: UUID
    purpose: DrawPurpose
    status: DrawStatus
    round_code: str
    title: str
    stage: str
    public_source: str
    value_on: date
    commitment: str = Field(description="SHA-256(secret)。")
    public_value: str | None
    secret: str | None = Field(
        description="揭示或作废前不公开。Not before the reveal, or the draw is given up."
    )
    seed: str | None = Field(description="SHA-256(secret + 换行 + public_value)。")
    committed_at: datetime
    revealed_at: datetime | None
    abandoned_because: str | None


class PublicDrawOut(PublicDrawSummaryOut):
    """Everything that it takes to run the draw again."""

    lots: list[PublicLotOut]


class ExcludedOut(Out):
    expert: str
    code: str


class LotOut(PublicLotOut):
    is_secret: bool
    is_widened: bool = Field(
        description="本领域专家不足，扩大到全部领域。Too few of the field: all fields were let in."
    )
    excluded: list[ExcludedOut] = Field(
        description="因利害关系未进入名单的专家及原因。Who was no candidate, and why."
    )


class DrawOut(Out):
    id: UUID
    purpose: DrawPurpose
    status: DrawStatus
    round_id: UUID
    round_code: str
    title: str
    stage: str
    policy_pack: str
    public_source: str
    value_on: date
    commitment: str
    public_value: str | None
    secret: str | None
    seed: str | None
    committed_by: str
    committed_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    abandoned_because: str | None
    lots: list[LotOut]
    version: int


class PanelIn(In):
    experts: Annotated[list[ExpertCode], Field(min_length=1, max_length=20)]
    reason: Reason


class ScoreItemIn(In):
    indicator: Name
    points: Decimal = Field(max_digits=12, decimal_places=6)
    reason: Reason


class ScoresIn(In):
    items: Annotated[list[ScoreItemIn], Field(min_length=1, max_length=100)]


class RecusalIn(In):
    reason: Reason
    kind: TieKind | None = Field(
        default=None,
        description="利害关系种类；说明后不再被抽到该企业。What binds you; it keeps you off this"
        " enterprise's later panels too.",
    )
    expert: ExpertCode | None = Field(
        default=None, description="省级更换专家时填写。For the province, which excuses an expert."
    )


class ModerationIn(In):
    points: Points
    reason: Reason


class ScoredIndicatorOut(Out):
    id: str
    name: TextOut
    clause: str
    official_text: str
    out_of: int
    look_at: list[str]


class PanelMemberOut(Out):
    turn: int
    expert: str
    name: str
    employer: str
    status: MemberStatus
    called_because: str
    called_at: datetime
    ended_because: str | None


class ScoreItemOut(Out):
    indicator: str
    points: Decimal
    reason: str


class ScoreSheetOut(Out):
    id: UUID
    turn: int
    expert: str
    items: list[ScoreItemOut]
    total: Decimal
    sha256: str = Field(
        description='SHA-256 of {"id", "items"} as canonical JSON; history named it before the points'
        " were shown."
    )
    submitted_at: datetime


class PanelOut(Out):
    """A case's panels, as far as the caller may see them; sheets are blind until all are in."""

    case_id: UUID
    phase: Phase | None
    experts: int
    aggregation: str
    spread_alarm: Decimal
    pass_at_least: Decimal
    indicators: list[ScoredIndicatorOut]
    members: list[PanelMemberOut]
    sheets: list[ScoreSheetOut]
    results: list[PanelResultOut]
