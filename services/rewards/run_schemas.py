"""What a run is asked with and answers. Money is a decimal string in yuan."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.kernel.schemas import In, Out, Reason, ShortText
from services.policy.rewards import Because, RewardedEvent
from services.rewards.run_models import RunOutcome, RunState
from services.rewards.schemas import FiscalYear, MoneyOut
from services.rewards.simulation_schemas import CostOut


class AwardRunIn(In):
    fiscal_year: FiscalYear
    titles: Annotated[list[ShortText], Field(min_length=1, max_length=50)] | None = Field(
        default=None,
        description="只拟定这些称号的奖励；默认为方案规定奖励的全部称号。Awards of these titles alone;"
        " every title that the plan rewards unless given.",
        examples=[["provincial_little_giant"]],
    )
    dry_run: bool = Field(
        default=True,
        description="true：只测算，不拟定。Reckon and propose nothing; so it is unless told otherwise.",
    )
    reason: Reason | None = Field(
        default=None, description="择优理由，写入每项奖励。Why; it is kept with each award."
    )


class RunFailureOut(Out):
    code: str
    zh: str
    en: str


class RunResultOut(Out):
    """What was reckoned on the day of the run."""

    enterprises: int = Field(description="应奖励的企业。To which something is owed.")
    amount: MoneyOut
    rewarded_before: int = Field(
        description="已奖励过、不再支付的企业。Rewarded before, with nothing to come."
    )
    by_title: list[CostOut]
    by_city: list[CostOut]
    budget_left: MoneyOut | None = Field(
        description="测算时的年度预算余额；null：标准未列该年度。What was left of the year's budget then;"
        " null where the schedule has none."
    )
    is_within_budget: bool | None


class RunOutcomeOut(Out):
    """What has become of some of them."""

    outcome: RunOutcome
    enterprises: int
    amount: MoneyOut = Field(description="按测算时。As it was reckoned.")


class AwardRunOut(Out):
    id: UUID
    fiscal_year: int
    titles: list[str]
    dry_run: bool
    reason: str
    on: date
    schedule_id: UUID
    state: RunState
    failure: RunFailureOut | None = Field(
        description="未完成的原因。Why it failed; null otherwise."
    )
    total: int = Field(description="待处理企业数。Enterprises to which something is owed.")
    done: int = Field(description="已处理企业数。Of them, those that were dealt with.")
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class AwardRunReportOut(AwardRunOut):
    result: RunResultOut | None = Field(description="null 直至测算完成。Null until it is reckoned.")
    outcomes: list[RunOutcomeOut]


class AwardRunRowOut(Out):
    uscc: str
    legal_name: str
    region: str
    recognition_id: UUID
    title: str
    event: RewardedEvent
    code: Because
    amount: MoneyOut | None
    already_granted: MoneyOut
    payable: MoneyOut
    outcome: RunOutcome | None
    award_id: UUID | None
