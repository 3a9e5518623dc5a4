"""What review reads and answers."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue, StringConstraints

from services.kernel.actions import AvailableAction
from services.kernel.schemas import (
    CreditCodeText,
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
from services.policy.stages import StageDecision
from services.review.workflow import CaseStatus, ObjectionStatus


class RemarkIn(In):
    fact_or_document: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")] = Field(
        examples=["total_liabilities"]
    )
    text: Reason


class DecisionIn(In):
    decision: StageDecision
    reason: Reason
    remarks: Annotated[list[RemarkIn], Field(max_length=200)] = Field(
        default=[], description="退回补正时逐项说明。Needed for a return: what to correct."
    )


class RemarkOut(Out):
    fact_or_document: str
    text: str


class DecisionOut(Out):
    stage: str
    submission_number: int
    decision: StageDecision
    reason: str
    remarks: list[RemarkOut]
    decided_by: str
    office: str
    decided_at: datetime


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
    office: str | None = Field(description="轮到的岗位。The office whose turn it is.")
    applied_on: date
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


class SizeDeterminedOut(Out):
    size: str
    legal_basis: str
    determined_by: str
    determined_at: datetime


class CaseOut(CaseSummaryOut):
    facts: dict[str, JsonValue]
    facts_sha256: str
    size_determination: SizeDeterminedOut | None = Field(
        description="主管部门另行认定的企业规模及依据。A size that an officer determined, and by what law."
    )
    decisions: list[DecisionOut]
    history: list[TimelineEntryOut]


class NoticeIn(In):
    round_id: UUID
    case_ids: Annotated[list[UUID], Field(min_length=1, max_length=2000)]
    starts_on: ProgrammeDay


class NoticeOut(Out):
    id: UUID
    round_id: UUID
    round_code: str
    title: str
    policy_pack: str
    starts_on: date
    ends_on: date = Field(description="最后一日，含当日。The last day, included.")
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
        description="因有未处理的异议而暂缓。Held back by an open objection."
    )


class ObjectorIn(In):
    kind: Literal["person", "organisation"]
    name: ShortText = Field(description="真实姓名或单位全称。Real name.")
    contact: ShortText = Field(description="联系方式。How to reach them.")


class ObjectionIn(In):
    uscc: CreditCodeText
    objector: ObjectorIn
    facts: LongText
    evidence: Annotated[list[LongText], Field(min_length=1, max_length=20)]


class ObjectionFiledOut(Out):
    id: UUID
    notice_id: UUID
    status: ObjectionStatus
    filed_at: datetime


class ObjectorOut(Out):
    kind: str
    name: str
    contact: str


class ObjectionOut(Out):
    id: UUID
    notice_id: UUID
    case_id: UUID
    uscc: str
    legal_name: str
    objector: ObjectorOut
    facts: str
    evidence: list[str]
    filed_at: datetime
    status: ObjectionStatus
    resolution: str | None
    resolved_at: datetime | None
    version: int


class ResolutionIn(In):
    sustained: bool
    reason: Reason
