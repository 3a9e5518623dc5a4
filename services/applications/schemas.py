"""What intake reads and answers."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue, StringConstraints, model_validator

from services.applications.workflow import ApplicationStatus
from services.kernel.actions import AvailableAction
from services.kernel.schemas import (
    DocumentNumber,
    In,
    Out,
    ProgrammeDay,
    Reason,
    ShortText,
)
from services.kernel.text import TextOut
from services.policy.conditions import Verdict
from services.policy.enterprise_size import Size

Facts = Annotated[dict[str, JsonValue], Field(max_length=200)]
Kind = Literal["new", "renewal"]


class RoundKinds(In):
    """The pack that decides each kind of application; a kind without a pack is not accepted."""

    new: str | None = Field(default=None, examples=["guizhou/2021-05-06"])
    renewal: str | None = Field(default=None, examples=["guizhou/2021-05-06"])

    @model_validator(mode="after")
    def _names_one(self) -> "RoundKinds":
        if self.new is None and self.renewal is None:
            raise ValueError("a round needs a pack for new applications, for renewals, or both")
        return self


class RoundIn(In):
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")] = Field(
        examples=["2026-1"]
    )
    name: ShortText = Field(examples=["2026年度第一批省级“专精特新”中小企业"])
    title: ShortText = Field(
        description="申报的称号。The title applied for.", examples=["srdi_sme"]
    )
    kinds: RoundKinds
    opens_on: ProgrammeDay
    closes_on: ProgrammeDay = Field(
        description="截止日，当日二十四时截止。The last day, until midnight."
    )
    document_number: DocumentNumber

    @model_validator(mode="after")
    def _closes_after_it_opens(self) -> "RoundIn":
        if self.closes_on < self.opens_on:
            raise ValueError("closes_on must not be before opens_on")
        return self


class ExtensionIn(In):
    closes_on: ProgrammeDay
    document_number: DocumentNumber
    reason: Reason


class ClosureIn(In):
    reason: Reason


class RoundOut(Out):
    id: UUID
    code: str
    name: str
    title: str
    kinds: dict[str, str]
    opens_on: date
    closes_on: date
    document_number: str
    is_open: bool
    version: int


class ApplicationIn(In):
    round_id: UUID
    kind: Kind
    facts: Facts = Field(
        description="申报事实；uscc 与 applying_division 必填，其余可稍后补充。"
        " Facts; uscc and applying_division are needed now, the rest may follow."
    )


class ApplicationPatch(In):
    """JSON merge patch (RFC 7396): a member set to null is removed."""

    facts: Facts


class WithdrawalIn(In):
    reason: Reason


class RemarkOut(Out):
    fact_or_document: str
    text: str


class ApplicationOut(Out):
    id: UUID
    round_id: UUID
    round_code: str
    kind: Kind
    title: str
    policy_pack: str
    uscc: str
    applying_division: str
    status: ApplicationStatus
    facts: dict[str, JsonValue]
    completeness: int = Field(description="完整度，百分数。Percent of what is needed.")
    missing: list[str] = Field(description="仍缺少的事实。Facts still needed.")
    submission_number: int
    opened: list[str] = Field(description="退回后可修改的事实。What a return opened for change.")
    return_reason: str | None
    remarks: list[RemarkOut]
    created_at: datetime
    updated_at: datetime
    version: int
    available_actions: list[AvailableAction]


class LimitOut(Out):
    """What the fact is measured against: money in yuan, ratios in percent."""

    comparison: Literal["at_least", "at_most", "one_of", "is", "not_within"]
    value: str
    unit: Literal["yuan", "persons", "percent", "years", "items"] | None


class FindingOut(Out):
    id: str
    clause: str = Field(examples=["四.2"])
    text: TextOut
    official_text: str
    verdict: Verdict
    fact: dict[str, JsonValue] = Field(description="所用事实。The facts that were used.")
    limit: LimitOut | None
    because: TextOut
    evidence: list[str] = Field(description="须核对的材料。Documents an officer compares.")
    parts: list["FindingOut"]


class EnterpriseSizeOut(Out):
    group: str | None
    size: Size | None
    is_sme: bool | None
    figures: dict[str, str]
    because: TextOut


class EligibilityOut(Out):
    pack: str
    title: str
    on: date
    verdict: Verdict
    can_be_submitted: bool = Field(
        description="没有不符合项即可提交；须主管部门判定的事项在审核中判定。"
        " True when nothing is not met; what an officer judges is judged in review."
    )
    enterprise_size: EnterpriseSizeOut
    conditions: list[FindingOut]
    vetoes: list[FindingOut]


class EligibilityIn(In):
    pack: str = Field(examples=["guizhou/2021-05-06"])
    title: str = Field(default="srdi_sme", description="拟申报的称号。The title in question.")
    facts: Facts
