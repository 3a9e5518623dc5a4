"""The route of simulations: what a schedule would cost."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from services.kernel.problems import NotAllowed, documented
from services.kernel.schemas import ProgrammeDay
from services.kernel.transaction import CurrentClock, CurrentSession, TransactionalRoute
from services.rewards.access import FundReader
from services.rewards.dependencies import CurrentCatalogue
from services.rewards.problems import ScheduleNotFound
from services.rewards.schemas import FiscalYear, spell_money
from services.rewards.simulation import Simulated, SimulationService
from services.rewards.simulation_schemas import CostOut, SimulatedOut, SimulationOut

router = APIRouter(route_class=TransactionalRoute)


async def _simulations(
    session: CurrentSession, clock: CurrentClock, catalogue: CurrentCatalogue
) -> SimulationService:
    return SimulationService(session, clock, catalogue)


@router.get(
    "/reward-schedules/{schedule_id}/simulation",
    tags=["reward schedules"],
    summary="测算奖励标准的支出 · Simulate a reward schedule",
    responses=documented(NotAllowed, ScheduleNotFound),
)
async def simulate_reward_schedule(
    schedule_id: UUID,
    reader: FundReader,
    simulations: Annotated[SimulationService, Depends(_simulations)],
    on: ProgrammeDay | None = None,
    fiscal_year: FiscalYear | None = None,
) -> SimulationOut:
    """Say what a schedule, also a draft, would cost on the holders of a day (六(二)); writes nothing.

    Each enterprise counts once, with what it would be granted now, in yuan. It is the most that could
    be proposed: who is selected (择优) is decided by people.
    """
    found = await simulations.simulate(schedule_id, on=on, fiscal_year=fiscal_year, reader=reader)
    return SimulationOut(
        on=found.on,
        fiscal_year=found.fiscal_year,
        of=_simulated_out(found.of),
        in_force=None if found.in_force is None else _simulated_out(found.in_force),
    )


def _simulated_out(of: Simulated) -> SimulatedOut:
    return SimulatedOut(
        schedule_id=of.schedule.id,
        code=of.schedule.code,
        settlement=of.schedule.settlement,
        scope=of.schedule.scope,
        enterprises=of.enterprises,
        amount=of.amount,
        by_title=[CostOut.model_validate(one) for one in of.by_title],
        by_city=[CostOut.model_validate(one) for one in of.by_city],
        budget_left=None if of.budget is None else spell_money(of.budget),
        is_within_budget=None if of.budget is None else of.amount <= of.budget,
    )
