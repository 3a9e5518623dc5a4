"""批量测算: everybody who could be rewarded in a year, reckoned at once and then proposed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.text import Text
from services.policy.catalogue import Catalogue
from services.policy.pack import Pack
from services.policy.rewards import ZERO
from services.rewards.duties import require_jurisdiction
from services.rewards.problems import (
    AwardRunNotFound,
    AwardRunUnderWay,
    BudgetMissing,
    TitlesNotRewarded,
)
from services.rewards.repository import ScheduleRepository
from services.rewards.run_models import AwardRun, AwardRunRow, RunOutcome, RunState
from services.rewards.run_repository import RunRepository, Share, SoughtRows
from services.rewards.schedule_service import ScheduleService
from services.rewards.simulation import Cost, summed

MOST_DRY_RUNS = 5
"""That wait or run at a time: each reads every holder."""
FAILURES = {
    "budget_exceeded": Text(
        "应奖励总额超出年度预算余额，未拟定任何奖励：由谁获得不应由名单顺序决定。请缩小称号范围，或逐户择优拟定。",
        "All of them together need more than is left of the year's budget, so nothing was proposed:"
        " the order of a list does not decide who gets it. Run fewer titles, or select them one by"
        " one.",
    ),
    "schedule_changed": Text(
        "测算后施行的奖励标准已变更，其余未拟定；请重新测算。",
        "Another schedule came into force since it was reckoned; the rest was not proposed. Run it"
        " again.",
    ),
    "too_long": Text(
        "测算超过允许的时间，请缩小称号范围。", "It took longer than it may; run fewer titles."
    ),
    "failed": Text(
        "未能完成，已记录；已拟定的奖励保留。请联系平台运维。",
        "It failed and was recorded; what had been proposed stays. Ask whoever runs the platform.",
    ),
}
_EVERYBODY = "批量测算：全部符合条件的企业"
"""Why somebody was selected, where the officer gave no other reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    fiscal_year: int
    titles: Sequence[str] | None
    is_dry: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of some of a run's enterprises, and what they were owed by its reckoning."""

    outcome: RunOutcome
    enterprises: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run with what has become of its enterprises so far."""

    of: AwardRun
    outcomes: Sequence[Outcome]


class RunService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._runs = RunRepository(session)
        self._schedules = ScheduleRepository(session)
        self._in_force = ScheduleService(session, journal, clock, catalogue).in_force
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def request(self, new: NewRun, officer: Actor) -> RunReport:
        """Ask for everybody to be reckoned and, unless it is a dry run, proposed (择优).

        It is a person's act like any proposal. It is done soon after; the answer says where to look.
        """
        today = self._clock.today()
        schedule = await self._in_force(today)
        pack = self._catalogue.pack(schedule.policy_pack)
        require_jurisdiction(officer, pack)
        titles = _titles(pack, new.titles)
        if not new.is_dry and await self._schedules.budget(schedule.id, new.fiscal_year) is None:
            raise BudgetMissing(
                f"奖励标准 {schedule.code} 未列 {new.fiscal_year} 年度预算。",
                f"Schedule {schedule.code} has no budget for {new.fiscal_year}.",
            )
        await self._runs.lock()
        under_way = await self._runs.unfinished(pack.jurisdiction, is_dry=new.is_dry)
        if under_way >= (MOST_DRY_RUNS if new.is_dry else 1):
            raise AwardRunUnderWay
        run = AwardRun(
            id=new_id(),
            fiscal_year=new.fiscal_year,
            titles=titles,
            region=pack.jurisdiction,
            is_dry=new.is_dry,
            reason=new.reason or _EVERYBODY,
            on_day=today,
            schedule_id=schedule.id,
            state=RunState.WAITING,
            failure=None,
            counts=None,
            total=0,
            done=0,
            requested_by=officer.as_record(),
            created_at=self._clock.now(),
            started_at=None,
            finished_at=None,
        )
        self._runs.add(run)
        await self._session.flush()
        record_run(
            self._journal,
            self._catalogue,
            run,
            pack.name,
            "requested",
            officer,
            fiscal_year=run.fiscal_year,
            titles=titles,
            dry_run=run.is_dry,
            schedule=schedule.code,
        )
        return RunReport(run, ())

    async def report(self, run_id: UUID, reader: Actor) -> RunReport:
        run = await self._find(run_id, reader)
        return RunReport(run, outcomes_of(await self._runs.shares(run.id)))

    async def page(
        self, reader: Actor, page: Paging, *, fiscal_year: int | None
    ) -> Found[AwardRun]:
        return await self._runs.page(reader, page, fiscal_year=fiscal_year)

    async def rows(
        self, run_id: UUID, sought: SoughtRows, reader: Actor, page: Paging
    ) -> Found[AwardRunRow]:
        """Return what was reckoned for each enterprise, and what has become of it."""
        return await self._runs.rows(await self._find(run_id, reader), sought, page)

    async def _find(self, run_id: UUID, reader: Actor) -> AwardRun:
        found = await self._runs.find(run_id, reader)
        if found is None:
            raise AwardRunNotFound
        return found


def record_run(
    journal: Journal,
    catalogue: Catalogue,
    run: AwardRun,
    policy_pack: str,
    action: str,
    actor: Actor,
    **data: object,
) -> None:
    journal.record(
        HistoryEntry(
            subject_type="award_run",
            subject_id=run.id,
            action=action,
            actor=actor,
            reason=run.reason,
            clause=catalogue.pack(policy_pack).reward_rule.clause,
            policy_pack=policy_pack,
            data=data,
        )
    )


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a run found on its day: kept with the run, because what comes later changes the rest."""

    by_title: Sequence[Cost]
    by_city: Sequence[Cost]
    rewarded_before: int
    budget_left: Decimal | None
    """Of the year; None where the schedule has no budget for it."""

    @classmethod
    def of(
        cls, shares: Sequence[Share], *, rewarded_before: int, budget_left: Decimal | None
    ) -> "Reckoned":
        return cls(
            by_title=summed([(one.title, one.enterprises, one.amount) for one in shares]),
            by_city=summed([(one.city, one.enterprises, one.amount) for one in shares]),
            rewarded_before=rewarded_before,
            budget_left=budget_left,
        )

    @property
    def enterprises(self) -> int:
        return sum(one.enterprises for one in self.by_title)

    @property
    def amount(self) -> Decimal:
        return sum((one.amount for one in self.by_title), ZERO)

    @property
    def is_within_budget(self) -> bool:
        return self.budget_left is not None and self.amount <= self.budget_left

    def as_record(self) -> dict[str, Any]:
        return {
            "by_title": [_cost_record(one) for one in self.by_title],
            "by_city": [_cost_record(one) for one in self.by_city],
            "rewarded_before": self.rewarded_before,
            "budget_left": None if self.budget_left is None else f"{self.budget_left:.2f}",
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Reckoned":
        left = record["budget_left"]
        return cls(
            by_title=[_cost(one) for one in record["by_title"]],
            by_city=[_cost(one) for one in record["by_city"]],
            rewarded_before=record["rewarded_before"],
            budget_left=None if left is None else Decimal(left),
        )


def _cost_record(of: Cost) -> dict[str, Any]:
    return {"name": of.name, "enterprises": of.enterprises, "amount": f"{of.amount:.2f}"}


def _cost(record: Mapping[str, Any]) -> Cost:
    return Cost(record["name"], record["enterprises"], Decimal(record["amount"]))


def outcomes_of(shares: Sequence[Share]) -> list[Outcome]:
    """Return what has become of a run's enterprises so far."""
    return [
        Outcome(
            outcome,
            sum(one.enterprises for one in shares if one.outcome is outcome),
            sum((one.amount for one in shares if one.outcome is outcome), ZERO),
        )
        for outcome in RunOutcome
        if any(one.outcome is outcome for one in shares)
    ]


def _titles(pack: Pack, wanted: Sequence[str] | None) -> list[str]:
    rewarded = pack.reward_rule.titles
    if wanted is None:
        return list(rewarded)
    errors = [
        (
            f"/titles/{place}",
            "not_rewarded",
            Text(
                f"方案 {pack.reward_rule.clause} 未规定该称号的奖励。",
                f"Clause {pack.reward_rule.clause} gives no reward for this title.",
            ),
        )
        for place, title in enumerate(wanted)
        if title not in rewarded
    ]
    if errors:
        raise TitlesNotRewarded(errors=errors)
    return sorted(set(wanted))
