"""Every SQL statement about runs, and who may see them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, column, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import UUID_COLUMN
from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.policy.rewards import Because, RewardRule
from services.rewards.entitlement_sql import Population, owed
from services.rewards.models import RewardSchedule
from services.rewards.repository import kept_by, lock_enterprise
from services.rewards.run_models import AwardRun, AwardRunRow, RunOutcome, RunState

LONGEST_RECKONING = timedelta(minutes=10)
"""Of the one statement that reckons everybody; any other gives up far sooner."""
UNFINISHED = (RunState.WAITING, RunState.RUNNING)

_ROWS = AwardRunRow.__table__.c
_RECKONED = (
    "uscc",
    "legal_name",
    "region",
    "recognition_id",
    "title",
    "event",
    "code",
    "amount",
    "already_granted",
    "payable",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtRows:
    """What a row of a run has to be."""

    title: str | None = None
    region: str | None = None
    code: Because | None = None
    outcome: RunOutcome | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Some of a run's rows: how many enterprises, and what they are owed in all, in yuan."""

    title: str
    city: str
    outcome: RunOutcome | None
    enterprises: int
    amount: Decimal


class RunRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, run: AwardRun) -> None:
        self._session.add(run)

    async def lock(self) -> None:
        """Let nobody else ask for a run until the commit."""
        await lock_enterprise(self._session, "award_runs")

    async def unfinished(self, region: str, *, is_dry: bool) -> int:
        """Return how many runs of a fund are not at their end."""
        found = await self._session.scalar(
            select(func.count())
            .select_from(AwardRun)
            .where(
                AwardRun.region == region,
                AwardRun.is_dry.is_(is_dry),
                AwardRun.state.in_(UNFINISHED),
            )
        )
        return found or 0

    async def find(self, run_id: UUID, reader: Actor) -> AwardRun | None:
        return await self._session.scalar(
            select(AwardRun).where(AwardRun.id == run_id, _visible_to(reader))
        )

    async def page(
        self, reader: Actor, page: Paging, *, fiscal_year: int | None
    ) -> Found[AwardRun]:
        """Return the runs that a caller may see, the newest first."""
        statement = select(AwardRun).where(_visible_to(reader))
        if fiscal_year is not None:
            statement = statement.where(AwardRun.fiscal_year == fiscal_year)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(AwardRun.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def rows(self, run: AwardRun, sought: SoughtRows, page: Paging) -> Found[AwardRunRow]:
        return await read_page(
            self._session,
            select(AwardRunRow).where(AwardRunRow.run_id == run.id, *_fits(sought)),
            page,
            by=[(AwardRunRow.uscc.expression, str)],
            key=lambda found: [found.uscc],
        )

    # ------------------------------------------------------------ for the worker

    async def to_do(self) -> Sequence[UUID]:
        """Return the runs that are not at their end, the oldest first."""
        rows = await self._session.scalars(
            select(AwardRun.id)
            .where(AwardRun.state.in_(UNFINISHED))
            .order_by(AwardRun.created_at, AwardRun.id)
        )
        return rows.all()

    async def unfinished_one(self, run_id: UUID) -> AwardRun | None:
        """Return a run, unless it has come to its end."""
        found = await self._session.get(AwardRun, run_id, populate_existing=True)
        return found if found is not None and found.state in UNFINISHED else None

    async def lock_unfinished(self, run_id: UUID) -> AwardRun | None:
        """Lock a run until the commit; None where it has come to its end."""
        return await self._session.scalar(
            select(AwardRun)
            .where(AwardRun.id == run_id, AwardRun.state.in_(UNFINISHED))
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def reckon(self, run: AwardRun, rule: RewardRule, schedule: RewardSchedule) -> None:
        """Reckon everybody in one statement that may take its time, and keep a row for each."""
        longest = f"{int(LONGEST_RECKONING.total_seconds())}s"
        await self._session.execute(select(func.set_config("statement_timeout", longest, True)))
        population = Population(region=run.region, on=run.on_day, fiscal_year=run.fiscal_year)
        everybody = (
            owed(rule, schedule, population)
            .columns(*(column(name, _ROWS[name].type) for name in _RECKONED))
            .subquery("owed")
        )
        await self._session.execute(
            insert(AwardRunRow).from_select(
                ["run_id", *_RECKONED],
                select(
                    literal(run.id, UUID_COLUMN), *(everybody.c[name] for name in _RECKONED)
                ).where(everybody.c.title.in_(run.titles)),
            )
        )

    async def rewarded_before(self, run_id: UUID) -> int:
        """Return how many enterprises have nothing to come, because they were rewarded before."""
        found = await self._session.scalar(
            select(func.count())
            .select_from(AwardRunRow)
            .where(AwardRunRow.run_id == run_id, AwardRunRow.payable == 0)
        )
        return found or 0

    async def shares(self, run_id: UUID) -> Sequence[Share]:
        """Return what the rows to which something is owed come to, by title, city and outcome."""
        city = func.concat(func.substr(AwardRunRow.region, 1, 4), "00")
        rows = await self._session.execute(
            select(
                AwardRunRow.title,
                city,
                AwardRunRow.outcome,
                func.count(),
                func.sum(AwardRunRow.payable),
            )
            .where(AwardRunRow.run_id == run_id, AwardRunRow.payable > 0)
            .group_by(AwardRunRow.title, city, AwardRunRow.outcome)
            .order_by(AwardRunRow.title, city, AwardRunRow.outcome)
        )
        return [Share(*row) for row in rows]

    async def to_propose(self, run_id: UUID, limit: int) -> Sequence[str]:
        """Return enterprises to which something is owed, and of which nothing has become yet."""
        rows = await self._session.scalars(
            select(AwardRunRow.uscc)
            .where(
                AwardRunRow.run_id == run_id,
                AwardRunRow.payable > 0,
                AwardRunRow.outcome.is_(None),
            )
            .order_by(AwardRunRow.uscc)
            .limit(limit)
        )
        return rows.all()

    async def note(
        self, run_id: UUID, outcomes: Mapping[str, RunOutcome], awards: Mapping[str, UUID]
    ) -> None:
        """Write down what has become of some enterprises."""
        await self._session.execute(
            update(AwardRunRow),
            [
                {"run_id": run_id, "uscc": uscc, "outcome": outcome, "award_id": awards.get(uscc)}
                for uscc, outcome in outcomes.items()
            ],
        )

    async def progress(self, run_id: UUID, **values: object) -> None:
        """Note how far a run has come."""
        await self._session.execute(update(AwardRun).where(AwardRun.id == run_id).values(**values))


def _visible_to(reader: Actor) -> ColumnElement[bool]:
    """Return the filter on runs: those who keep, pay out of or audit the whole fund see them."""
    return kept_by(AwardRun.region.expression, reader)


def _fits(sought: SoughtRows) -> Collection[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if sought.title is not None:
        fits.append(AwardRunRow.title == sought.title)
    if sought.region is not None:
        fits.append(AwardRunRow.region.like(f"{prefix_of(sought.region)}%"))
    if sought.code is not None:
        fits.append(AwardRunRow.code == sought.code)
    if sought.outcome is not None:
        fits.append(AwardRunRow.outcome == sought.outcome)
    return fits
