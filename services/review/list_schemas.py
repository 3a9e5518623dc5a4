"""What review reads and answers about lists, meetings and the funnel."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.kernel.schemas import (
    DocumentNumber,
    In,
    Out,
    ProgrammeDay,
    Reason,
    ShortText,
)
from services.kernel.text import TextOut
from services.policy.stages import StageDecision
from services.review.schemas import CaseIds, RemarkIn


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
