"""测算: what a schedule, also a draft, would cost on the holders of a day, before it is approved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identity.actor import Actor
from services.policy.catalogue import Catalogue
from services.policy.rewards import ZERO
from services.rewards.duties import require_jurisdiction
from services.rewards.entitlement_sql import Population, owed
from services.rewards.models import RewardSchedule
from services.rewards.problems import ScheduleNotFound
from services.rewards.repository import ScheduleRepository

_BY_TITLE_AND_CITY = """
    SELECT title, left(region, 4) || '00' AS city, count(*), sum(payable)
      FROM ({owed}) owed WHERE payable > 0 GROUP BY title, city ORDER BY title, city
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some enterprises would be granted, by title or by city."""

    name: str
    enterprises: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a schedule would cost: each enterprise once, for the title that it is owed most for."""

    schedule: RewardSchedule
    by_title: Sequence[Cost]
    by_city: Sequence[Cost]
    budget: Decimal | None
    """The schedule's own budget of the year, less what was granted under it; None where it has none."""

    @property
    def enterprises(self) -> int:
        return sum(one.enterprises for one in self.by_title)

    @property
    def amount(self) -> Decimal:
        return sum((one.amount for one in self.by_title), ZERO)


@dataclass(frozen=True, slots=True)
class Simulation:
    on: date
    fiscal_year: int
    of: Simulated
    in_force: Simulated | None
    """The same by the schedule that is in force on the day; None where none is, or it is this one."""


class SimulationService:
    def __init__(self, session: AsyncSession, clock: Clock, catalogue: Catalogue) -> None:
        self._session = session
        self._schedules = ScheduleRepository(session)
        self._clock = clock
        self._catalogue = catalogue

    async def simulate(
        self, schedule_id: UUID, *, on: date | None, fiscal_year: int | None, reader: Actor
    ) -> Simulation:
        """Reckon everybody by a schedule, writing nothing. Raises `ScheduleNotFound`."""
        schedule = await self._schedules.find(schedule_id)
        if schedule is None:
            raise ScheduleNotFound
        require_jurisdiction(reader, self._catalogue.pack(schedule.policy_pack))
        day = on or self._clock.today()
        year = fiscal_year or day.year
        current = await self._schedules.in_force(day)
        return Simulation(
            on=day,
            fiscal_year=year,
            of=await self._cost(schedule, day, year),
            in_force=(
                None
                if current is None or current.id == schedule.id
                else await self._cost(current, day, year)
            ),
        )

    async def _cost(self, schedule: RewardSchedule, on: date, fiscal_year: int) -> Simulated:
        pack = self._catalogue.pack(schedule.policy_pack)
        statement = owed(
            pack.reward_rule,
            schedule,
            Population(region=pack.jurisdiction, on=on, fiscal_year=fiscal_year),
            around=_BY_TITLE_AND_CITY,
        )
        rows = await self._session.execute(statement)
        found = [tuple(row) for row in rows]
        budget = next((one for one in schedule.budgets if one.fiscal_year == fiscal_year), None)
        return Simulated(
            schedule=schedule,
            by_title=summed([(title, number, amount) for title, _, number, amount in found]),
            by_city=summed([(city, number, amount) for _, city, number, amount in found]),
            budget=None if budget is None else budget.amount - budget.granted,
        )


def summed(rows: Sequence[tuple[str, int, Decimal]]) -> list[Cost]:
    """Add up what bears the same name, in the order of the names."""
    names = sorted({name for name, _, _ in rows})
    return [
        Cost(
            name,
            sum(number for one, number, _ in rows if one == name),
            sum((amount for one, _, amount in rows if one == name), ZERO),
        )
        for name in names
    ]
