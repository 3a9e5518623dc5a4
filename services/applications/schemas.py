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
from services.policy.enterprise_size import Size
from services.policy.matter import Kind, Verdict

Facts = Annotated[dict[str, JsonValue], Field(max_length=200)]


PackName = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class RoundKinds(In):
    """The pack that decides each kind of application; a kind without a pack is not accepted."""

    new: PackName | None = Field(default=None, examples=["guizhou/2021-05-06"])
    renewal: PackName | None = Field(default=None, examples=["guizhou/2021-05-06"])

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
    region: str = Field(description="批次所在行政区划。The division that it is held in.")
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


class SizeDeterminationIn(In):
    """国家另有规定的，从其规定（四.1）。An officer's finding of the size, with its legal basis."""

    size: Size
    legal_basis: Annotated[str, StringConstraints(min_length=2, max_length=500)] = Field(
        examples=["《金融业企业划型标准规定》（银发〔2015〕309号）"]
    )


class SizeDeterminationOut(SizeDeterminationIn):
    determined_by: str
    determined_at: datetime


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
    size_determination: SizeDeterminationOut | None
    submission_number: int
    opened: list[str] = Field(description="退回后可修改的事实。What a return opened for change.")
    return_reason: str | None
    remarks: list[RemarkOut]
    created_at: datetime
    updated_at: datetime
    version: int
    available_actions: list[AvailableAction]


class FactChangeOut(Out):
    fact: str
    before: JsonValue = Field(description="上次提交的值；无则为 null。Null when it was not given.")
    after: JsonValue = Field(description="本次提交的值；删除则为 null。Null when it was taken out.")


class SubmissionOut(Out):
    """一次提交：冻结的事实，及与上一次提交的差异。Frozen facts, and what differs from the last."""

    number: int
    submitted_at: datetime
    submitted_by: str
    policy_pack: str
    pack_checksum: str
    facts: dict[str, JsonValue]
    facts_sha256: str = Field(
        description="事实的 SHA-256：键按字典序、无空白的 UTF-8 JSON。SHA-256 of the facts as JSON in"
        " UTF-8, keys in order, no spaces."
    )
    size_determination: SizeDeterminationOut | None
    changes: list[FactChangeOut]


class SubmissionsOut(Out):
    items: list[SubmissionOut]


class LimitOut(Out):
    """What the fact is measured against: money in yuan, ratios in percent."""

    comparison: Literal["at_least", "at_most", "below", "one_of", "is", "within", "not_within"]
    value: str
    unit: Literal["yuan", "count", "percent", "years", "points"] | None


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


class FigureOut(Out):
    value: str
    unit: Literal["persons", "yuan"]
    fiscal_year: int | None = Field(description="数据所属年度。The year that the figure is of.")


class EnterpriseSizeOut(Out):
    """划型结果（工信部联企业〔2011〕300号）。The size, and the figures with their fiscal year."""

    group: str | None
    size: Size | None = Field(
        description="无法划型时为 null，由主管部门判定。Null when an officer has to decide."
    )
    is_sme: bool | None
    figures: dict[str, FigureOut]
    computed: Size | None = Field(
        description="主管部门另行认定时，按标准计算的结果。The size by the standard, where an officer"
        " determined another."
    )
    legal_basis: str | None = Field(
        description="主管部门另行认定的依据。What an officer's determination rests on."
    )
    because: TextOut


Points = Annotated[str | None, Field(examples=["57"])]


class IndicatorScoreOut(Out):
    """指标得分。`points` is null while a fact or an officer's judgement is outstanding."""

    id: str
    name: TextOut
    official_text: str
    points: Points
    least: str
    most: str
    out_of: str
    fact: dict[str, JsonValue]
    because: TextOut
    evidence: list[str]


class DimensionScoreOut(Out):
    id: str
    name: TextOut
    points: Points
    least: str
    most: str
    out_of: str
    indicators: list[IndicatorScoreOut]


class ScoreOut(Out):
    """评价得分：确定的得分，或在补齐前可能的最低分与最高分。A score, or its bounds while open."""

    table: str
    name: TextOut
    clause: str
    points: Points
    least: str
    most: str
    out_of: str
    dimensions: list[DimensionScoreOut]


class EligibilityOut(Out):
    pack: str
    title: str
    kind: Kind
    on: date
    verdict: Verdict
    can_be_submitted: bool = Field(
        description="没有不符合项即可提交；须主管部门判定的事项在审核中判定。"
        " True when nothing is not met; what an officer judges is judged in review."
    )
    enterprise_size: EnterpriseSizeOut
    conditions: list[FindingOut]
    vetoes: list[FindingOut]
    scores: list[ScoreOut] = Field(
        description="条件所引用的评价指标得分。Scores by the tables that the conditions ask for."
    )


class EligibilityIn(In):
    pack: str = Field(examples=["guizhou/2021-05-06"])
    title: str = Field(default="srdi_sme", description="拟申报的称号。The title in question.")
    kind: Kind = Field(default="new", description="新申报或复核。New, or a renewal.")
    on: ProgrammeDay | None = Field(
        default=None,
        description="申报日，默认今天。The day of application that periods count back from; today.",
    )
    titles_held: Annotated[list[str], Field(max_length=20)] = Field(
        default=[], description="已持有且有效的称号。Titles held and valid."
    )
    size_determination: SizeDeterminationIn | None = None
    facts: Facts
