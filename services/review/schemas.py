"""What review reads and answers."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.kernel.actions import AvailableAction
from services.kernel.paging import PageOut
from services.kernel.schemas import (
    CreditCodeText,
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
from services.kernel.timeline import TimelineEntryOut
from services.policy.procedure import TieKind
from services.policy.stages import StageDecision
from services.review.workflow import (
    CaseStatus,
    DrawPurpose,
    DrawStatus,
    MemberStatus,
    ObjectionStatus,
    Phase,
    SetAsideCause,
)

Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""The `sub` of a person's token."""
CaseIds = Annotated[list[UUID], Field(min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
ExpertCode = Annotated[
    str,
    StringConstraints(pattern=r"^[2-9A-HJ-NP-Z]{8}$"),
    Field(description="专家编码。The code that stands for an expert.", examples=["7K3Q9PXA"]),
]
Points = Annotated[Decimal, Field(max_digits=7, decimal_places=2, ge=0)]


# Cases


class RemarkIn(In):
    fact_or_document: Name = Field(examples=["total_liabilities"])
    text: Reason


class DecisionIn(In):
    decision: StageDecision
    reason: Reason
    remarks: Annotated[list[RemarkIn], Field(max_length=200)] = Field(
        default=[], description="退回补正时逐项说明。Needed for a return: what to correct."
    )


class AssignmentIn(In):
    to: Subject | None = Field(
        description="受托人（令牌的 sub）；null 交回本岗位。Whom to assign it to, by the token's sub;"
        " null gives it back to the office."
    )
    reason: Reason


class SetAsideIn(In):
    decision_id: UUID
    reason: Reason
    document_number: DocumentNumber


class RemarkOut(Out):
    fact_or_document: str
    text: str


class SetAsideOut(Out):
    cause: SetAsideCause = Field(
        description="correction 材料补正；mistake 决定有误。A correction, or a mistake."
    )
    reason: str
    document_number: str | None
    set_aside_by: str
    set_aside_at: datetime


class DecisionOut(Out):
    id: UUID
    turn: int
    stage: str
    submission_number: int
    decision: StageDecision
    reason: str
    remarks: list[RemarkOut]
    decided_by: str = Field(
        description="经办人；专家评审对市县显示为 panel。Who; `panel` to those who may not know experts."
    )
    office: str
    act_id: UUID | None = Field(
        description="一并决定的名单、会议、核查、公示或异议。The list, meeting, visit, notice or"
        " objection that it was part of."
    )
    decided_at: datetime
    set_aside: SetAsideOut | None = Field(
        description="已撤销时的原因。Why it no longer counts; null while it does."
    )


class CaseSummaryOut(Out):
    id: UUID
    application_id: UUID
    round_id: UUID
    round_code: str
    kind: Literal["new", "renewal"]
    title: str
    policy_pack: str
    uscc: str
    legal_name: str
    applying_division: str
    stage: str
    stage_name: TextOut
    status: CaseStatus
    phase: Phase | None = Field(
        description="评审或核查进行到哪一步。How far a panel or a site visit is."
    )
    turn: int
    office: str | None = Field(description="轮到的岗位。The office whose turn it is.")
    assigned_to: str | None = Field(description="受托人。Whom the turn was assigned to.")
    applied_on: date
    entered_on: date = Field(description="本环节开始日。The day on which this turn began.")
    due_on: date | None
    due_is_provisional: bool = Field(
        description="所涉年度节假日安排尚未公布，暂按周末推算。"
        " The holidays of a year it runs through are not published yet."
    )
    is_overdue: bool
    submission_number: int
    notice_id: UUID | None
    version: int
    available_actions: list[AvailableAction]


class WorkListOut(PageOut[CaseSummaryOut]):
    waiting: int = Field(description="待办总数。All that waits for the caller.")
    overdue: int = Field(description="已逾期。Of these, past their last day.")
    due_soon: int = Field(description="三日内到期。Of these, due within three days.")


class SizeDeterminedOut(Out):
    size: str
    legal_basis: str
    determined_by: str
    determined_at: datetime


class CaseDocumentOut(Out):
    kind: str
    sha256: str
    href: str


class AssignmentOut(Out):
    turn: int
    from_officer: str | None
    to_officer: str | None
    reason: str
    assigned_by: str
    assigned_at: datetime


class PanelResultOut(Out):
    turn: int
    points: Decimal
    pass_at_least: Decimal
    spread: Decimal = Field(
        description="计入各表的最高与最低之差。Highest minus lowest counted sheet."
    )
    sheets: int
    aggregation: str
    has_passed: bool
    is_moderated: bool
    moderation_reason: str | None
    concluded_at: datetime


class CheckMadeOut(Out):
    check: str
    is_in_order: bool
    text: str


class SiteVisitOut(Out):
    id: UUID
    turn: int
    visited_on: date
    inspectors: list[str]
    findings: list[CheckMadeOut]
    has_passed: bool
    photographs: list[str] = Field(description="照片地址。Where the photographs are.")
    recorded_at: datetime


class CaseOut(CaseSummaryOut):
    facts: dict[str, JsonValue]
    facts_sha256: str
    documents: list[CaseDocumentOut]
    snapshot_sha256: str | None
    size_determination: SizeDeterminedOut | None = Field(
        description="主管部门另行认定的企业规模及依据。A size that an officer determined, and by what law."
    )
    decisions: list[DecisionOut]
    panel_results: list[PanelResultOut]
    site_visits: list[SiteVisitOut]
    assignments: list[AssignmentOut]
    history: list[TimelineEntryOut]


# Lists and meetings


class RecommendationListIn(In):
    round_id: UUID
    case_ids: CaseIds = Field(description="按推荐次序。In the order of recommendation.")
    document_number: DocumentNumber
    opinion: Reason = Field(description="推荐意见。Why they are recommended.")


class RankedCaseOut(Out):
    rank: int
    case_id: UUID


class CityFloorOut(Out):
    at_least: int
    recommended: int
    is_reached: bool
    clause: str


class RecommendationListOut(Out):
    id: UUID
    round_id: UUID
    round_code: str
    title: str
    title_name: TextOut
    stage: str
    policy_pack: str
    region: str
    number: int = Field(description="第几份名单。1 for the first list of the round.")
    document_number: str
    opinion: str
    signed_by: str
    signed_at: datetime
    items: list[RankedCaseOut]
    floor: CityFloorOut | None = Field(
        description="年度推荐下限，仅供对照，不作限制。The yearly floor: reported, never a bar."
    )


class DeterminationItemIn(In):
    case_id: UUID
    decision: StageDecision
    reason: Reason
    remarks: Annotated[list[RemarkIn], Field(max_length=200)] = Field(default=[])


class DeterminationIn(In):
    meeting: ShortText = Field(examples=["厅长办公会 2026 年第 8 次"])
    held_on: ProgrammeDay
    document_number: DocumentNumber = Field(description="会议纪要文号。Number of the minutes.")
    items: Annotated[list[DeterminationItemIn], Field(min_length=1, max_length=500)]


class DeterminedCaseOut(Out):
    case_id: UUID
    decision: StageDecision
    reason: str


class DeterminationOut(Out):
    id: UUID
    meeting: str
    held_on: date
    document_number: str
    recorded_by: str
    recorded_at: datetime
    items: list[DeterminedCaseOut]


class StageFunnelOut(Out):
    stage: str
    name: TextOut
    at_it: int = Field(description="目前在此环节。Cases that stand there now.")
    endorsed: int = Field(description="通过。Cases that passed it.")
    returned: int = Field(description="曾退回补正。Cases sent back from it at least once.")
    rejected: int


class CityFunnelOut(Out):
    region: str
    received: int
    by_status: dict[str, int]
    recommended: int
    recognised: int


class FunnelOut(Out):
    """How far the cases of the caller's division have come."""

    policy_pack: str
    title: str
    received: int
    by_status: dict[str, int]
    stages: list[StageFunnelOut]
    cities: list[CityFunnelOut]


class StatisticsOut(Out):
    items: list[FunnelOut]


# Experts and ties


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


# Draws


class DrawIn(In):
    purpose: DrawPurpose
    round_id: UUID
    case_ids: CaseIds
    public_source: LongText = Field(
        description="将用哪一个尚未产生、任何人可查的公开值。Which public value, not known yet and for"
        " anybody to look up, completes the seed.",
        examples=["2026-09-16 上证综合指数收盘点位（两位小数）"],
    )


class RevealIn(In):
    public_value: ShortText = Field(examples=["3861.87"])


class AbandonmentIn(In):
    reason: Reason


class PublicLotOut(Out):
    lot: str
    seats: int
    candidates: list[str]
    candidates_sha256: str
    ranking: list[str] | None
    drawn: list[str] | None


class PublicDrawOut(Out):
    """Everything that it takes to run the draw again."""

    id: UUID
    purpose: DrawPurpose
    status: DrawStatus
    round_code: str
    title: str
    stage: str
    public_source: str
    commitment: str = Field(description="SHA-256(secret)。")
    public_value: str | None
    secret: str | None = Field(description="揭示前不公开。Not before the reveal.")
    seed: str | None = Field(description="SHA-256(secret + 换行 + public_value)。")
    committed_at: datetime
    revealed_at: datetime | None
    abandoned_because: str | None
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


# Panels


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


# Site visits


class FindingIn(In):
    check: Name
    is_in_order: bool
    text: Reason


class SiteVisitIn(In):
    visited_on: ProgrammeDay
    inspectors: Annotated[list[Subject], Field(min_length=1, max_length=20)]
    findings: Annotated[list[FindingIn], Field(min_length=1, max_length=50)]
    passed: bool
    reason: Reason
    photographs: Annotated[list[UUID], Field(max_length=50)] = Field(default=[])


# Notices and objections


class NoticeIn(In):
    round_id: UUID
    case_ids: CaseIds
    starts_on: ProgrammeDay


class NoticeOut(Out):
    id: UUID
    round_id: UUID
    round_code: str
    title: str
    policy_pack: str
    starts_on: date
    ends_on: date = Field(
        description="最后一日，含当日；开始日不计入。The last day, included; the first is not counted."
    )
    is_provisional: bool
    is_running: bool
    case_ids: list[UUID]
    version: int
    available_actions: list[AvailableAction]


class PublicNoticeSummaryOut(Out):
    id: UUID
    round_code: str
    title: str
    title_name: TextOut
    policy_pack: str
    starts_on: date
    ends_on: date
    is_provisional: bool
    is_running: bool
    clause: str


class NamedEnterpriseOut(Out):
    uscc: str
    legal_name: str
    division: str


class PublicNoticeOut(PublicNoticeSummaryOut):
    enterprises: list[NamedEnterpriseOut]


class NoticeRecognitionIn(In):
    document_number: DocumentNumber
    decided_on: ProgrammeDay


class HeldCaseOut(Out):
    case_id: UUID
    because: TextOut


class NoticeRecognitionOut(Out):
    notice_id: UUID
    document_number: str
    decided_on: date
    recognised: list[UUID]
    held: list[HeldCaseOut] = Field(
        description="因有未处理的异议而暂缓。Held back by an objection that is open."
    )


_NAMELESS = re.compile(r"匿名.*|某.*|不详|无名.*|anonym.*|unknown|nobody", re.IGNORECASE)


def _real(name: str) -> str:
    if _NAMELESS.fullmatch(name):
        raise PydanticCustomError(
            "name_not_real",
            "{en}",
            {"zh": "异议须实名提出。", "en": "An objection is made by real name."},
        )
    return name


RealName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=200),
    AfterValidator(_real),
    Field(description="真实姓名或单位全称。Real name."),
]


class ObjectorIn(In):
    kind: Literal["person", "organisation"]
    name: RealName
    contact: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=5, max_length=200),
        Field(description="联系方式。How to reach them."),
    ]


class ObjectionIn(In):
    uscc: CreditCodeText
    objector: ObjectorIn
    facts: LongText
    evidence: Annotated[list[LongText], Field(min_length=1, max_length=20)]


class ObjectionFiledOut(Out):
    id: UUID
    number: str = Field(description="受理编号。The receipt.", examples=["YY-20260318-7K3Q9PXA"])
    notice_id: UUID
    status: ObjectionStatus
    filed_at: datetime


class ObjectorOut(Out):
    kind: str
    name: str
    contact: str


class StatementIn(In):
    text: LongText


class HearingStatementOut(Out):
    office: str
    text: str
    stated_at: datetime


class ObjectionOut(Out):
    id: UUID
    number: str
    notice_id: UUID
    case_id: UUID
    uscc: str
    legal_name: str
    objector: ObjectorOut | None = Field(
        description="仅处理异议的岗位和审计可见。Shown to the office that resolves it and to auditors."
    )
    facts: str
    evidence: list[str]
    filed_at: datetime
    heard_until: date = Field(
        description="市州和企业答复的最后一日。The last day for the city and the enterprise to answer."
    )
    statements: list[HearingStatementOut]
    status: ObjectionStatus
    resolution: str | None
    resolved_at: datetime | None
    version: int
    available_actions: list[AvailableAction]


class ResolutionIn(In):
    sustained: bool
    reason: Reason
