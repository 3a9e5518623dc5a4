"""What is decreed, for everybody to read (六(一): conditions and procedure are public)."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from services.applications.access import Anyone
from services.applications.problems import PackNotFound
from services.kernel.problems import documented
from services.kernel.schemas import DivisionCode, Out, ProgrammeDay
from services.kernel.text import TextOut, text_out
from services.kernel.transaction import CurrentClock, StrictRoute
from services.policy.catalogue import Catalogue, UnknownPack
from services.policy.conditions import Condition, Rule
from services.policy.divisions import divisions_on, former_divisions
from services.policy.documents import DocumentKind, MediaType
from services.policy.enterprise_size import size_groups_of
from services.policy.facts import FactKind
from services.policy.industries import industries
from services.policy.matter import Kind, spelled
from services.policy.pack import Pack
from services.policy.procedure import Aggregation, PanelRule, Procedure
from services.policy.scoring import Scale, ScoringTable

router = APIRouter(route_class=StrictRoute, tags=["reference"])


class PackSummaryOut(Out):
    name: str
    jurisdiction: str
    in_force_from: date
    in_force_until: date | None
    title: TextOut
    issued_by: list[str]
    checksum: str


class PackListOut(Out):
    items: list[PackSummaryOut]


class ConditionOut(Out):
    """A condition: its sentence, and its rule as the pack writes it (money in yuan, shares in %)."""

    id: str
    clause: str
    official_text: str
    text: TextOut
    rule: Rule
    evidence: list[str] = Field(description="须核对的材料。Documents that an officer compares.")
    applies_to: Kind | None = Field(
        description="仅适用于新申报或复核；两者均适用时为 null。Only one kind, or null for both."
    )


class StageOut(Out):
    id: str
    kind: str
    office: str
    name: TextOut
    clause: str
    official_text: str
    decisions: list[str]
    working_days: int | None
    working_days_basis: str | None
    rechecks_vetoes: bool


class TitleOut(Out):
    id: str
    name: TextOut
    rank: int
    clause: str
    official_text: str
    conferred_by: Literal["programme", "ministry", "city"]
    requires_title: str | None
    conditions: list[ConditionOut]
    vetoes: list[ConditionOut]
    scoring_tables: list[str]
    stages: list[StageOut]
    facts_needed: list[str]


class OptionOut(Out):
    id: str
    name: TextOut


class FactOut(Out):
    name: str
    kind: FactKind
    label: TextOut
    is_optional: bool
    is_imported: bool = Field(
        description="由主管部门导入，企业不能自行填报。An office imports it; an enterprise does not"
        " state it."
    )
    options: list[OptionOut] | None


class IndicatorOut(Out):
    id: str
    name: TextOut
    official_text: str
    out_of: str
    scale: Scale
    evidence: list[str]


class DimensionOut(Out):
    id: str
    name: TextOut
    out_of: str
    indicators: list[IndicatorOut]


class ScoringTableOut(Out):
    """评价指标体系. Points are decimal strings; on a boundary the higher points count."""

    id: str
    name: TextOut
    clause: str
    official_text: str
    out_of: str
    dimensions: list[DimensionOut]


class DutyOut(Out):
    id: str
    name: TextOut
    clause: str
    official_text: str
    every_year_by: str | None = Field(examples=["04-30"])
    within_months: int | None
    consequence: TextOut


class NoticeRuleOut(Out):
    clause: str
    official_text: str
    length: int
    days: Literal["working", "calendar"]
    basis: str


class ValidityOut(Out):
    clause: str
    official_text: str
    years: int
    renewal_window_months: int
    renewal_basis: str


class GroundOut(Out):
    id: str
    name: TextOut
    clause: str
    official_text: str
    needs_finding: bool
    recovers_rewards: bool
    examines_other_titles: bool
    exclusion_years: int
    effects_basis: str


class RewardRuleOut(Out):
    name: TextOut
    clause: str
    official_text: str
    titles: list[str]
    once_per_title: bool
    default_settlement: str
    default_scope: str
    default_basis: TextOut


class TargetOut(Out):
    id: str
    name: TextOut
    clause: str
    official_text: str
    per: Literal["city", "province"]
    at_least: int


class DocumentKindOut(Out):
    """申报材料. A kind of document that is asked for with an application."""

    id: str
    name: TextOut
    clause: str = Field(description="所证明的条款。What of the law it proves.")
    official_text: str | None
    basis: str = Field(description="要求提交的依据。Where it is asked for: practice or the law.")
    note: TextOut | None
    titles: list[str] = Field(
        description="申报哪些称号时提交。The titles with which it is asked for, never empty."
    )
    applies_to: Kind | None = Field(
        description="仅适用于新申报或复核；两者均适用时为 null。Only one kind, or null for both."
    )
    is_required: bool
    required_when: str | None = Field(
        description="该申报事实为真时必交。Required when this fact is true.",
        examples=["is_ethnic_craft"],
    )
    media_types: list[MediaType]
    max_megabytes: int


class PanelIndicatorOut(Out):
    id: str
    name: TextOut
    clause: str
    official_text: str
    out_of: str
    look_at: list[str] = Field(
        description="首先核对的申报事实。The facts that an expert looks at first.",
        examples=[["niche", "niche_share"]],
    )


class PanelRuleOut(Out):
    """专家评审规则. Points are decimal strings."""

    stage: str
    clause: str
    basis: str = Field(
        description="规则来源。Where it comes from: the law, or the platform's choice."
    )
    experts: int
    in_field: bool
    aggregation: Aggregation = Field(
        description="各专家总分的合成方法。How the experts' totals become one."
    )
    spread_alarm: str = Field(
        description="总分之差超过该值的不作结果。Totals further apart than this are no result yet."
    )
    pass_at_least: str
    out_of: str
    indicators: list[PanelIndicatorOut]


class VisitCheckOut(Out):
    id: str
    name: TextOut


class SampleRuleOut(Out):
    """实地抽查规则. How many are drawn, who sees them, and what is looked at."""

    stage: str
    clause: str
    basis: str
    percent: int
    inspectors: int
    checks: list[VisitCheckOut]


class ConflictRuleOut(Out):
    basis: str
    same_city: bool = Field(
        description="同一市州的专家是否回避。Whether an expert of the enterprise's city steps aside."
    )
    years: int = Field(
        description="关系结束后仍须回避的年数。How long after its end a tie still counts."
    )


class HearingRuleOut(Out):
    clause: str
    basis: str
    working_days: int = Field(
        description="答复异议的工作日数。Working days to answer an objection in."
    )


class CorrectionRuleOut(Out):
    basis: str
    resumes_at: str = Field(
        description="重大更正后重新审核的环节。The stage that examines a material correction.",
        examples=["provincial_screening"],
    )


class ProcedureOut(Out):
    """评审程序. How the stages are conducted."""

    panels: list[PanelRuleOut]
    samples: list[SampleRuleOut]
    conflicts: ConflictRuleOut
    hearing: HearingRuleOut
    correction: CorrectionRuleOut


class PackOut(PackSummaryOut):
    titles: list[TitleOut]
    facts: list[FactOut]
    documents: list[DocumentKindOut]
    scoring_tables: list[ScoringTableOut]
    procedure: ProcedureOut
    notice: NoticeRuleOut
    validity: ValidityOut
    duties: list[DutyOut]
    revocation_grounds: list[GroundOut]
    rewards: RewardRuleOut | None
    targets: list[TargetOut]


class DivisionOut(Out):
    code: str
    name: str
    level: Literal["province", "city", "county"]
    parent: str | None
    is_functional_zone: bool
    since: date | None = Field(
        description="起用该代码和名称的名录日期；1980年首版名录以来即为 null。The day of the first list"
        " that names it so; null since the first list, of 1980."
    )
    until: date | None = Field(
        description="不再使用的名录日期；在用为 null。The day of the list that no longer does; null"
        " while in use."
    )


class FormerDivisionOut(Out):
    code: str
    name: str
    became: str
    year: int


class DivisionsOut(Out):
    items: list[DivisionOut]
    former: list[FormerDivisionOut]


class SizeGroupOut(Out):
    prefix: str = Field(description="代码前缀，最长者优先。The longest prefix decides.")
    size_group: str


class IndustryOut(Out):
    code: str
    section: str
    name: str
    size_groups: list[SizeGroupOut] = Field(
        description="划型所属行业；空表示划型标准未列明，由主管部门判定。Groups of the size standard by"
        " prefix; empty where the standard has none and an officer decides."
    )


class IndustriesOut(Out):
    items: list[IndustryOut]


@router.get("/packs", summary="查询政策包 · List policy packs")
async def list_packs(
    request: Request,
    _anyone: Anyone,
    clock: CurrentClock,
    division: Annotated[
        DivisionCode | None,
        Query(description="适用地。The division where it applies, such as 520102."),
    ] = None,
    on: Annotated[
        ProgrammeDay | None, Query(description="施行日。A day on which it is in force.")
    ] = None,
) -> PackListOut:
    """List the published packs, or what is in force for a division on a day, the nearest first.

    A province's plan stands beside the national rules. With one of the two parameters the other is
    the whole country, or today.
    """
    catalogue = _catalogue(request)
    if division is None and on is None:
        packs = catalogue.packs()
    else:
        packs = catalogue.in_force(division, on or clock.today())
    return PackListOut(items=[PackSummaryOut.model_validate(pack) for pack in packs])


@router.get(
    "/packs/{jurisdiction}/{in_force_from}",
    summary="查看政策包 · Read a policy pack",
    responses=documented(PackNotFound),
)
async def read_pack(
    request: Request,
    jurisdiction: Annotated[str, Path(pattern=r"^[a-z]{1,40}$")],
    in_force_from: date,
    _anyone: Anyone,
) -> PackOut:
    """Return a pack's conditions, documents, stages and how they are conducted, grounds and rewards."""
    name = f"{jurisdiction}/{in_force_from.isoformat()}"
    try:
        return _pack_out(_catalogue(request).pack(name))
    except UnknownPack as error:
        raise PackNotFound(f"没有政策包 {name}。", f"There is no pack {name}.") from error


@router.get("/divisions", summary="查询行政区划 · List divisions")
async def list_divisions(
    _anyone: Anyone,
    clock: CurrentClock,
    level: Annotated[Literal["province", "city", "county"] | None, Query()] = None,
    as_of: Annotated[
        ProgrammeDay | None,
        Query(description="历史日期，默认今天。A day in the past; today otherwise."),
    ] = None,
) -> DivisionsOut:
    """List the divisions of a day, with 贵安新区, and where codes that are no longer in use went.

    A list of the standard counts from the last day of its month. Credit codes keep the division of
    the day on which they were issued for ever, so they are no evidence of where an enterprise is.
    """
    return DivisionsOut(
        items=[
            DivisionOut.model_validate(one)
            for one in divisions_on(as_of or clock.today())
            if level is None or one.level == level
        ],
        former=[FormerDivisionOut.model_validate(one) for one in former_divisions().values()],
    )


@router.get("/industries", summary="查询行业 · List industries")
async def list_industries(_anyone: Anyone) -> IndustriesOut:
    """List the divisions of GB/T 4754-2017, each with its groups of the size standard.

    Most have one group. Of 59, the class 591 is transport and the rest storage; of 70, development,
    property management and the rest differ and own real estate (704) has none.
    """
    return IndustriesOut(
        items=[
            IndustryOut(
                code=one.code,
                section=one.section,
                name=one.name,
                size_groups=[
                    SizeGroupOut(prefix=prefix, size_group=group)
                    for prefix, group in size_groups_of(one.code)
                ],
            )
            for one in industries().values()
        ]
    )


def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.catalogue
    return catalogue


def _pack_out(pack: Pack) -> PackOut:
    return PackOut(
        **PackSummaryOut.model_validate(pack).model_dump(),
        titles=[
            TitleOut(
                id=title.id,
                name=TextOut.model_validate(title.name),
                rank=title.rank,
                clause=title.clause,
                official_text=title.official_text,
                conferred_by=title.conferred_by,
                requires_title=title.requires_title,
                conditions=_conditions_out(pack.tests_of(title.id).conditions),
                vetoes=_conditions_out(pack.tests_of(title.id).vetoes),
                scoring_tables=[table.id for table in pack.tables_of(title.id)],
                stages=[StageOut.model_validate(stage) for stage in pack.stages_of(title.id)],
                facts_needed=list(pack.facts_needed(title.id)) if title.conditions else [],
            )
            for title in pack.ladder
        ],
        facts=[
            FactOut(
                name=name,
                kind=fact.kind,
                label=TextOut.model_validate(fact.label),
                is_optional=fact.is_optional,
                is_imported=fact.is_imported,
                options=None
                if fact.options is None
                else [OptionOut.model_validate(one) for one in pack.lists[fact.options].options],
            )
            for name, fact in pack.facts.items()
        ],
        documents=[_document_out(pack, document) for document in pack.documents],
        scoring_tables=[_table_out(table) for table in pack.scoring_tables],
        procedure=_procedure_out(pack.procedure),
        notice=NoticeRuleOut.model_validate(pack.notice),
        validity=ValidityOut.model_validate(pack.validity),
        duties=[DutyOut.model_validate(duty) for duty in pack.duties],
        revocation_grounds=[GroundOut.model_validate(one) for one in pack.revocation_grounds],
        rewards=None if pack.rewards is None else RewardRuleOut.model_validate(pack.rewards),
        targets=[TargetOut.model_validate(one) for one in pack.targets],
    )


def _document_out(pack: Pack, document: DocumentKind) -> DocumentKindOut:
    return DocumentKindOut(
        id=document.id,
        name=text_out(document.name),
        clause=document.clause,
        official_text=document.official_text,
        basis=document.basis,
        note=None if document.note is None else text_out(document.note),
        titles=list(pack.titles_asking_for(document)),
        applies_to=document.applies_to,
        is_required=document.is_required,
        required_when=document.required_when,
        media_types=list(document.media_types),
        max_megabytes=document.max_megabytes,
    )


def _procedure_out(procedure: Procedure) -> ProcedureOut:
    return ProcedureOut(
        panels=[_panel_out(panel) for panel in procedure.panels],
        samples=[SampleRuleOut.model_validate(sample) for sample in procedure.samples],
        conflicts=ConflictRuleOut.model_validate(procedure.conflicts),
        hearing=HearingRuleOut.model_validate(procedure.hearing),
        correction=CorrectionRuleOut.model_validate(procedure.correction),
    )


def _panel_out(panel: PanelRule) -> PanelRuleOut:
    return PanelRuleOut(
        stage=panel.stage,
        clause=panel.clause,
        basis=panel.basis,
        experts=panel.experts,
        in_field=panel.in_field,
        aggregation=panel.aggregation,
        spread_alarm=spelled(panel.spread_alarm),
        pass_at_least=spelled(panel.pass_at_least),
        out_of=str(panel.out_of),
        indicators=[
            PanelIndicatorOut(
                id=one.id,
                name=text_out(one.name),
                clause=one.clause,
                official_text=one.official_text,
                out_of=str(one.out_of),
                look_at=list(one.look_at),
            )
            for one in panel.indicators
        ],
    )


def _table_out(table: ScoringTable) -> ScoringTableOut:
    return ScoringTableOut(
        id=table.id,
        name=text_out(table.name),
        clause=table.clause,
        official_text=table.official_text,
        out_of=spelled(table.out_of),
        dimensions=[
            DimensionOut(
                id=dimension.id,
                name=text_out(dimension.name),
                out_of=spelled(dimension.out_of),
                indicators=[
                    IndicatorOut(
                        id=one.id,
                        name=text_out(one.name),
                        official_text=one.official_text,
                        out_of=spelled(one.out_of),
                        scale=one.scale,
                        evidence=list(one.evidence),
                    )
                    for one in dimension.indicators
                ],
            )
            for dimension in table.dimensions
        ],
    )


def _conditions_out(conditions: Sequence[Condition]) -> list[ConditionOut]:
    return [ConditionOut.model_validate(condition) for condition in conditions]
