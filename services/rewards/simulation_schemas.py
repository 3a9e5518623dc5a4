"""What a simulation answers. Money is a decimal string in yuan."""

from datetime import date
from uuid import UUID

from pydantic import Field

from services.kernel.schemas import Out
from services.policy.rewards import Scope, Settlement
from services.rewards.schemas import MoneyOut


class CostOut(Out):
    name: str = Field(description="称号或市州代码。A title, or the code of a city.")
    enterprises: int
    amount: MoneyOut


class SimulatedOut(Out):
    schedule_id: UUID
    code: str
    settlement: Settlement
    scope: Scope
    enterprises: int
    amount: MoneyOut
    by_title: list[CostOut]
    by_city: list[CostOut]
    budget_left: str | None = Field(
        description="该标准本年度预算余额；null：未列该年度。What is left of its own budget of the year;"
        " null where it has none."
    )
    is_within_budget: bool | None


class SimulationOut(Out):
    on: date
    fiscal_year: int
    of: SimulatedOut
    in_force: SimulatedOut | None = Field(
        description="同一天现行标准的结果。The same by the schedule that is in force on the day."
    )
