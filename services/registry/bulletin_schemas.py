"""The shape of the yearly bulletin and of the statistics."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer

from services.kernel.schemas import Out
from services.kernel.text import TextOut
from services.registry.bulletin import Bulletin, CityRow, Goal, Growth, Named

Yuan = Annotated[
    Decimal,
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    Field(examples=["1000000.00"]),
]
Percent = Annotated[
    Decimal,
    PlainSerializer(lambda percent: f"{percent:.2f}", return_type=str),
    Field(examples=["12.50"]),
]


class BulletinNameOut(Out):
    id: str
    name: TextOut


class BulletinGoalOut(Out):
    at_least: int
    clause: str
    official_text: str
    title: str | None


class GrowthOut(Out):
    enterprises: int = Field(description="两年均有数据的企业数。That reported both years.")
    before: Yuan
    after: Yuan
    percent: Percent | None


class SupportSumOut(Out):
    records: int
    amount: Yuan


class BulletinRowOut(Out):
    division: str
    name: str
    recommended: int
    is_recommended_goal_reached: bool | None
    recognised: dict[str, int]
    held: dict[str, int] = Field(description="末日有效。Valid on the last day, by title.")
    terms_ended: int
    renewed: int
    revoked: dict[str, int] = Field(description="按撤销情形。By ground.")
    revenue: GrowthOut
    rd_expense: GrowthOut
    support: dict[str, SupportSumOut]
    typical_cases: int
    granted: Yuan
    disbursed: Yuan
    recovered: Yuan


class BulletinOut(Out):
    """年度通报。Secret-involved enterprises are not contained."""

    year: int
    until: date
    is_closed: bool
    fiscal_year: int = Field(description="增长数据的会计年度。The year that growth is of.")
    programme: TextOut
    issued_by: list[str]
    policy_pack: str
    computed_at: datetime
    recommended_goal: BulletinGoalOut | None
    recognised_goal: BulletinGoalOut | None
    recognised_towards_goal: int
    is_recognised_goal_reached: bool | None
    titles: list[BulletinNameOut]
    grounds: list[BulletinNameOut]
    measures: list[BulletinNameOut]
    cities: list[BulletinRowOut]
    total: BulletinRowOut


def bulletin_out(of: Bulletin) -> BulletinOut:
    recognised_goal = of.recognised_goal
    return BulletinOut(
        year=of.year,
        until=of.until,
        is_closed=of.is_closed,
        fiscal_year=of.fiscal_year,
        programme=TextOut(zh=of.programme.zh, en=of.programme.en),
        issued_by=list(of.issued_by),
        policy_pack=of.policy_pack,
        computed_at=of.computed_at,
        recommended_goal=_goal_out(of.recommended_goal),
        recognised_goal=_goal_out(recognised_goal),
        recognised_towards_goal=of.recognised_towards_goal,
        is_recognised_goal_reached=None
        if recognised_goal is None
        else of.recognised_towards_goal >= recognised_goal.at_least,
        titles=[_name_out(one) for one in of.titles],
        grounds=[_name_out(one) for one in of.grounds],
        measures=[_name_out(one) for one in of.measures],
        cities=[_row_out(one, of.recommended_goal) for one in of.cities],
        total=_row_out(of.total, None),
    )


def _goal_out(of: Goal | None) -> BulletinGoalOut | None:
    return None if of is None else BulletinGoalOut.model_validate(of)


def _name_out(of: Named) -> BulletinNameOut:
    return BulletinNameOut(id=of.id, name=TextOut(zh=of.name.zh, en=of.name.en))


def _row_out(of: CityRow, goal: Goal | None) -> BulletinRowOut:
    return BulletinRowOut(
        division=of.division,
        name=of.name.zh,
        recommended=of.recommended,
        is_recommended_goal_reached=None if goal is None else of.recommended >= goal.at_least,
        recognised=dict(of.recognised),
        held=dict(of.held),
        terms_ended=of.terms_ended,
        renewed=of.renewed,
        revoked=dict(of.revoked),
        revenue=_growth_out(of.revenue),
        rd_expense=_growth_out(of.rd_expense),
        support={
            measure: SupportSumOut(records=one.records, amount=one.amount)
            for measure, one in of.support.items()
        },
        typical_cases=of.typical_cases,
        granted=of.granted,
        disbursed=of.disbursed,
        recovered=of.recovered,
    )


def _growth_out(of: Growth) -> GrowthOut:
    return GrowthOut(
        enterprises=of.enterprises, before=of.before, after=of.after, percent=of.percent
    )
