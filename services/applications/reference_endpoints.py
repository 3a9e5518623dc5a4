"""What is decreed, for everybody to read (六(一): conditions and procedure are public)."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request

from services.applications.access import Anyone
from services.applications.problems import PackNotFound
from services.kernel.problems import documented
from services.kernel.schemas import Out
from services.kernel.text import TextOut
from services.kernel.transaction import StrictRoute
from services.policy.catalogue import Catalogue, UnknownPack
from services.policy.conditions import Condition
from services.policy.divisions import divisions, former_divisions
from services.policy.enterprise_size import group_of
from services.policy.industries import industries
from services.policy.pack import Pack

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
    id: str
    clause: str
    official_text: str
    text: TextOut


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
    stages: list[StageOut]
    facts_needed: list[str]


class FactOut(Out):
    name: str
    kind: str
    label: TextOut
    is_optional: bool
    options: list[str] | None


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


class PackOut(PackSummaryOut):
    titles: list[TitleOut]
    facts: list[FactOut]
    notice: NoticeRuleOut
    validity: ValidityOut
    revocation_grounds: list[GroundOut]
    rewards: RewardRuleOut
    targets: list[TargetOut]


class DivisionOut(Out):
    code: str
    name: str
    level: Literal["province", "city", "county"]
    parent: str | None
    is_functional_zone: bool


class FormerDivisionOut(Out):
    code: str
    name: str
    became: str
    year: int


class DivisionsOut(Out):
    items: list[DivisionOut]
    former: list[FormerDivisionOut]


class IndustryOut(Out):
    code: str
    section: str
    name: str
    size_group: str | None


class IndustriesOut(Out):
    items: list[IndustryOut]


@router.get("/packs", summary="查询政策包 · List policy packs")
async def list_packs(request: Request, _anyone: Anyone) -> PackListOut:
    """List the published packs: by jurisdiction, the newest first."""
    return PackListOut(
        items=[PackSummaryOut.model_validate(pack) for pack in _catalogue(request).packs()]
    )


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
    """Return a pack's conditions, procedure, validity, grounds and reward rule, clause by clause."""
    name = f"{jurisdiction}/{in_force_from.isoformat()}"
    try:
        return _pack_out(_catalogue(request).pack(name))
    except UnknownPack as error:
        raise PackNotFound(f"没有政策包 {name}。", f"There is no pack {name}.") from error


@router.get("/divisions", summary="查询行政区划 · List divisions")
async def list_divisions(
    _anyone: Anyone,
    level: Annotated[Literal["province", "city", "county"] | None, Query()] = None,
) -> DivisionsOut:
    """List the divisions of today, with 贵安新区, and the codes that were in use before."""
    return DivisionsOut(
        items=[
            DivisionOut.model_validate(one)
            for one in divisions().values()
            if level is None or one.level == level
        ],
        former=[FormerDivisionOut.model_validate(one) for one in former_divisions().values()],
    )


@router.get("/industries", summary="查询行业 · List industries")
async def list_industries(_anyone: Anyone) -> IndustriesOut:
    """List the divisions of GB/T 4754-2017, each with its group of the size standard.

    591 counts as transport and 701 to 709 differ; their division answers null or its main group.
    """
    return IndustriesOut(
        items=[
            IndustryOut(
                code=one.code,
                section=one.section,
                name=one.name,
                size_group=None if (group := group_of(one.code)) is None else group.id,
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
                stages=[StageOut.model_validate(stage) for stage in pack.stages_of(title.id)],
                facts_needed=list(pack.facts_needed(title.id)) if title.stages else [],
            )
            for title in pack.ladder
        ],
        facts=[
            FactOut(
                name=name,
                kind=fact.kind,
                label=TextOut.model_validate(fact.label),
                is_optional=fact.is_optional,
                options=sorted(pack.options[fact.options]) if fact.options else None,
            )
            for name, fact in pack.facts.items()
        ],
        notice=NoticeRuleOut.model_validate(pack.notice),
        validity=ValidityOut.model_validate(pack.validity),
        revocation_grounds=[GroundOut.model_validate(one) for one in pack.revocation_grounds],
        rewards=RewardRuleOut.model_validate(pack.rewards),
        targets=[TargetOut.model_validate(one) for one in pack.targets],
    )


def _conditions_out(conditions: Sequence[Condition]) -> list[ConditionOut]:
    return [ConditionOut.model_validate(condition) for condition in conditions]
