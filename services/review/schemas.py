"""What review reads and answers about a case."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue, StringConstraints

from services.kernel.actions import AvailableAction
from services.kernel.paging import PageOut
from services.kernel.schemas import (
    DocumentNumber,
    In,
    Out,
    ProgrammeDay,
    Reason,
)
from services.kernel.text import TextOut
from services.kernel.timeline import TimelineEntryOut
from services.policy.stages import StageDecision
from services.review.workflow import (
    CaseStatus,
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
    exclusion_until: date | None = Field(
        description="企业因称号被撤销在该日前（含当日）不得申报，此件不得再进一步；null 表示没有。"
        " Until this day is over the enterprise is excluded and its case goes no further; null if not."
    )
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
