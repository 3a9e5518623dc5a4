"""What intake reads and answers."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue, StringConstraints, model_validator

from services.applications.workflow import ApplicationStatus, RowOutcome
from services.kernel.actions import AvailableAction
from services.kernel.schemas import (
    DivisionCode,
    DocumentNumber,
    In,
    Out,
    ProgrammeDay,
    Reason,
    ShortText,
)
from services.kernel.text import TextOut
from services.kernel.workbooks.imports import IfErrors, ImportState
from services.kernel.workbooks.schemas import RefusalOut, RowErrorOut
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
    closes_at: datetime = Field(
        description="截止时刻：截止日二十四时（北京时间）。The instant at which it closes: the end of its"
        " last day in China Standard Time."
    )
    is_open: bool
    version: int
    available_actions: list[AvailableAction]


class CityCountsOut(Out):
    """一个市州（含贵安新区）的申报数。What one city has in the round, and in the year."""

    city: str
    name: str
    in_round: dict[ApplicationStatus, int] = Field(
        description="本批次各状态件数。Applications in this round by state; none is left out as 0."
    )
    filed_in_year: int = Field(
        description="本年度同一称号各批次已提交（未撤回）的件数。Submitted and not withdrawn, in all"
        " rounds of the year for this title."
    )
    still_to_file: int | None = Field(
        description="距年度推荐下限还差的件数，仅供提示，不作限制。How many are wanting to the floor of the"
        " year; it is reported and bars nothing. Null where the pack has no floor."
    )


class FloorOut(Out):
    at_least: int
    clause: str
    official_text: str


class RoundCountsOut(Out):
    round_id: UUID
    year: int
    floor: FloorOut | None
    items: list[CityCountsOut]


class ContactIn(In):
    """联系人。Whom to call; kept apart from the facts, shown masked, in no public answer."""

    name: Annotated[str, StringConstraints(max_length=200)] = Field(examples=["王示例"])
    position: Annotated[str, StringConstraints(max_length=200)] | None = None
    phone: Annotated[str, StringConstraints(max_length=80)] = Field(examples=["0851-86891234"])
    email: Annotated[str, StringConstraints(max_length=300)] | None = None


class ContactOut(Out):
    name: str
    position: str | None
    phone: str
    email: str | None
    is_masked: bool
    given_by: str
    given_at: datetime
    version: int


class DisclosureIn(In):
    """查看完整联系方式的事由；企业可在办理过程中看到。The enterprise reads the reason later."""

    reason: Reason


class ApplicationIn(In):
    round_id: UUID
    kind: Kind
    facts: Facts = Field(
        description="申报事实；uscc 与 applying_division 必填，其余可稍后补充。"
        " Facts; uscc and applying_division are needed now, the rest may follow."
    )
    contact: ContactIn | None = None
    copied_from: UUID | None = Field(
        default=None,
        description="沿用本企业此前的申报：其事实与材料先行带入，facts 中的值优先。"
        " An earlier application of the enterprise, whose facts and documents are carried over;"
        " what facts says counts.",
    )


class ApplicationPatch(In):
    """JSON merge patch (RFC 7396): a member set to null is removed."""

    facts: Facts


class WithdrawalIn(In):
    reason: Reason


class PrefillIn(In):
    overwrite: Annotated[list[ShortText], Field(max_length=50)] = Field(
        default=[],
        description="以登记数据替换的已填事实。Facts that are there and that the register's take over.",
    )


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


class LackingOut(Out):
    """一项尚缺的内容。One thing that is still missing."""

    pointer: str = Field(examples=["/facts/employees", "/documents/audit_report", "/contact"])
    what: Literal["fact", "document", "contact"]
    id: str
    label: TextOut


class ProvenanceOut(Out):
    """一项事实的来源。Who gave a fact, and when."""

    source: Literal[
        "enterprise", "county_office", "city_office", "provincial_office", "register", "system"
    ]
    by: str = Field(description="填报人（令牌的 sub）。The token's subject.")
    at: datetime
    region: str | None = None
    register_name: str | None = Field(
        default=None, description="登记数据的名称。The register's name."
    )
    as_of: date | None = Field(default=None, description="登记数据的日期。The day of its data.")
    import_id: UUID | None = None


class YearFiguresOut(Out):
    """一个会计年度的数据。The figures of one fiscal year."""

    fiscal_year: int
    figures: dict[str, JsonValue] = Field(
        description="以事实名去掉 previous_ 为键。By the fact's name without previous_."
    )


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
    applied_on: date | None = Field(
        description="申报日：首次提交到达之日。The day on which the first submission came; periods count"
        " back from it."
    )
    closes_at: datetime = Field(
        description="本批次截止时刻。When the round closes; a draft is kept after that, too."
    )
    facts: dict[str, JsonValue]
    provenance: dict[str, ProvenanceOut] = Field(
        description="每项事实的来源。Who gave each fact, and when."
    )
    figures: list[YearFiguresOut] = Field(
        description="按会计年度列示的财务数据，最近年度在前。Figures by fiscal year, the latest first."
    )
    completeness: int = Field(description="完整度，百分数。Percent of what is needed.")
    missing: list[LackingOut] = Field(
        description="仍缺少的事实、材料和联系人。Facts, documents and the contact still needed."
    )
    filed_region: str | None = Field(
        description="代填单位的行政区划；企业自行填报时为 null。The division whose office drafted it."
    )
    is_confirmed: bool = Field(
        description="企业是否已授权；未授权的代填草稿不计入申报。Whether it has the enterprise's word; an"
        " office's draft without it does not count yet."
    )
    size_determination: SizeDeterminationOut | None
    submission_number: int
    opened: list[str] = Field(description="退回后可修改的事实。What a return opened for change.")
    return_reason: str | None
    remarks: list[RemarkOut]
    created_at: datetime
    updated_at: datetime
    version: int
    available_actions: list[AvailableAction]


class PrefillOut(Out):
    """预填结果。What a register filled in, and what it knows otherwise."""

    register_name: str
    as_of: date
    filled: list[str]
    differing: dict[str, JsonValue] = Field(
        description="登记数据中不同的值；申报中的值未改动。What the register says otherwise; the"
        " application kept its own."
    )
    unreadable: dict[str, str] = Field(
        description="登记数据中无法识别的内容。What the register holds and could not be read."
    )
    application: ApplicationOut


class FactChangeOut(Out):
    fact: str
    before: JsonValue = Field(description="上次提交的值；无则为 null。Null when it was not given.")
    after: JsonValue = Field(description="本次提交的值；删除则为 null。Null when it was taken out.")


class FrozenDocumentOut(Out):
    kind: str
    sha256: str
    size: int
    media_type: str
    file_name: str | None


class DocumentChangeOut(Out):
    document: str
    before: str | None = Field(description="上次提交的 SHA-256。Null when there was none.")
    after: str | None = Field(description="本次提交的 SHA-256。Null when it was taken out.")


class SubmissionOut(Out):
    """一次提交：冻结的事实与材料，及与上一次提交的差异。What was frozen, and what differs from the last."""

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
    provenance: dict[str, ProvenanceOut]
    documents: list[FrozenDocumentOut]
    documents_checksum: str | None
    size_determination: SizeDeterminationOut | None
    snapshot_sha256: str = Field(
        description="快照的 SHA-256：application_id、number、kind、title、uscc、applied_on、policy_pack、"
        "pack_checksum、documents_checksum、facts、documents、size_determination 组成的 JSON，写法同上。"
        " SHA-256 of a JSON object of these members, written in the same way."
    )
    changes: list[FactChangeOut]
    document_changes: list[DocumentChangeOut]


class SubmissionsOut(Out):
    """历次提交。Together with each item, all that its snapshot_sha256 is made of."""

    application_id: UUID
    kind: Kind
    title: str
    uscc: str
    applied_on: date | None
    items: list[SubmissionOut]


class DocumentOut(Out):
    """一份材料。One document, as it is stored."""

    kind: str
    sha256: str
    size: int = Field(description="字节数。In bytes.")
    media_type: str = Field(description="按内容识别的类型。The type, as its content shows it.")
    file_name: str | None
    state: Literal["available", "held", "infected"] = Field(
        description="held：查毒中，暂不提供下载；infected：含恶意代码，不计入材料。"
        " held: the scanner has not seen it yet; infected: it counts for nothing."
    )
    source: str
    given_by: str
    given_at: datetime


class AskedForOut(Out):
    """一种材料：要求，以及已提交的文件。One kind of document: what is asked for, and what is there."""

    kind: str
    name: TextOut
    clause: str
    note: TextOut | None
    is_needed: bool = Field(
        description="按现有事实是否必需。Whether it is needed, as the facts stand now."
    )
    media_types: list[str]
    max_megabytes: int
    document: DocumentOut | None


class DocumentsOut(Out):
    items: list[AskedForOut]


class MandateIn(In):
    region: DivisionCode
    valid_until: ProgrammeDay = Field(description="最后一日。The last day on which it counts.")


class MandateEndIn(In):
    reason: Reason


class MandateOut(Out):
    """委托：企业授权一地主管部门代为申报。An enterprise's word that an office may file for it."""

    id: UUID
    uscc: str
    region: str
    valid_until: date
    granted_by: str
    granted_at: datetime
    ended_at: datetime | None
    is_in_force: bool


class ImportOut(Out):
    """批量导入任务。How far an import has come, and what became of its rows."""

    id: UUID
    round_id: UUID
    kind: Kind
    if_errors: IfErrors
    region: str
    sent_by: str
    file_name: str | None
    sha256: str
    state: ImportState
    done: int
    total: int = Field(
        description="文件的行数；尚未读取时为 0。Rows of the file; 0 until it was read."
    )
    created: int
    updated: int
    unchanged: int
    error_count: int
    errors: list[RowErrorOut] = Field(
        description="前 200 条；全部见 /errors。The first 200; /errors has them all."
    )
    refusal: RefusalOut | None = Field(
        description="整个文件未导入的原因。Why nothing of the file was taken over."
    )
    created_at: datetime
    finished_at: datetime | None


class ImportRowOut(Out):
    row: int
    uscc: str
    outcome: RowOutcome
    application_id: UUID


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
