"""Does the runs that were asked for, one after another, whatever happens meanwhile.

Everybody is reckoned in one statement, kept with its counts in one transaction. Then awards are
proposed, some enterprises in each transaction, together with the note of what became of each: a
process that dies leaves a run in the state of its last commit, and the next one goes on from there.
"""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import passes_by_itself, took_too_long
from services.kernel.identity.actor import actor_from_record
from services.kernel.jobs import JobWorker
from services.kernel.journal import Journal
from services.kernel.logging import log, new_trace
from services.kernel.regions import covers
from services.kernel.transaction import Runtime, saved_together
from services.policy.catalogue import Catalogue
from services.policy.rewards import ZERO, HeldTitle
from services.rewards.award_service import AwardService, Selection
from services.rewards.models import RewardSchedule
from services.rewards.problems import BudgetExceeded
from services.rewards.reckoning import Calculated, Reckoning
from services.rewards.repository import ScheduleRepository, lock_enterprises
from services.rewards.run_models import AwardRun, RunOutcome, RunState
from services.rewards.run_repository import RunRepository
from services.rewards.run_service import Reckoned, outcomes_of, record_run


class RunWorker(JobWorker[AwardRun]):
    name = "award runs"
    enterprises_at_once = 100
    """In one transaction: as many as are locked for no longer than an officer would notice."""

    def __init__(self, runtime: Runtime, catalogue: Catalogue) -> None:
        super().__init__(runtime)
        self._catalogue = catalogue

    async def to_do(self, session: AsyncSession) -> Sequence[UUID]:
        return await RunRepository(session).to_do()

    async def find(self, session: AsyncSession, job_id: UUID) -> AwardRun | None:
        return await RunRepository(session).unfinished_one(job_id)

    async def work_on(self, job: AwardRun) -> None:
        """Bring a run to its end. What passes by itself is left for another time."""
        try:
            if job.counts is None:
                await self._begin(job)
                if not await self._reckon(job):
                    return
            while await self._propose(job):
                pass
        except Exception as error:
            if took_too_long(error):
                await self._fail(job, "too_long")
                return
            if passes_by_itself(error):
                raise
            log.exception("award_run_failed", id=str(job.id))
            await self._fail(job, "failed")

    async def _begin(self, run: AwardRun) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, _):
            await RunRepository(session).progress(
                run.id, state=RunState.RUNNING, started_at=self._runtime.clock.now()
            )

    async def _reckon(self, run: AwardRun) -> bool:
        """Reckon everybody. Return whether awards are to be proposed now."""
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            runs = RunRepository(session)
            # The lock that holds a run is lost with its connection; this one is not.
            current = await runs.lock_unfinished(run.id)
            if current is None or current.counts is not None:
                return current is not None
            schedule = await _schedule_of(session, run)
            rule = self._catalogue.pack(schedule.policy_pack).reward_rule
            await runs.reckon(run, rule, schedule)
            shares = await runs.shares(run.id)
            budget = await ScheduleRepository(session).budget(schedule.id, run.fiscal_year)
            left = None if budget is None else budget.amount - budget.granted
            reckoned = Reckoned.of(
                shares, rewarded_before=await runs.rewarded_before(run.id), budget_left=left
            )
            await runs.progress(run.id, total=reckoned.enterprises, counts=reckoned.as_record())
            if run.is_dry:
                await runs.progress(run.id, done=reckoned.enterprises)
                await self._end(session, journal, run, RunState.DONE)
                return False
            if not reckoned.is_within_budget:
                await self._end(session, journal, run, RunState.FAILED, failure="budget_exceeded")
                return False
        return True

    async def _propose(self, run: AwardRun) -> bool:
        """Propose the next awards. Return whether more may follow."""
        try:
            async with saved_together(self._runtime, new_trace()) as (session, journal):
                return await self._propose_some(session, journal, run)
        except BudgetExceeded:
            # Somebody took of the budget between the look at it and the grant: look again.
            return True

    async def _propose_some(self, session: AsyncSession, journal: Journal, run: AwardRun) -> bool:
        runs, clock = RunRepository(session), self._runtime.clock
        if await runs.lock_unfinished(run.id) is None:
            return False
        usccs = await runs.to_propose(run.id, self.enterprises_at_once)
        if not usccs:
            await self._end(session, journal, run, RunState.DONE)
            return False
        # What is proposed is decided now: by the schedule and the titles of this very day.
        schedule = await ScheduleRepository(session).in_force(clock.today())
        if schedule is None or schedule.id != run.schedule_id:
            await self._end(session, journal, run, RunState.FAILED, failure="schedule_changed")
            return False
        await lock_enterprises(session, usccs)
        owed = await self._reckon_again(session, run, schedule, usccs)
        selected, outcomes = _select(run, owed, left=await _left_of(session, run))
        awards = await AwardService(session, journal, clock, self._catalogue).grant(
            selected,
            Selection(
                fiscal_year=run.fiscal_year,
                reason=run.reason,
                officer=actor_from_record(run.requested_by),
                run_id=run.id,
            ),
        )
        await runs.note(run.id, outcomes, {award.uscc: award.id for award in awards})
        await runs.progress(run.id, done=AwardRun.done + len(usccs))
        return True

    async def _reckon_again(
        self, session: AsyncSession, run: AwardRun, schedule: RewardSchedule, usccs: Sequence[str]
    ) -> list[Calculated]:
        """Reckon enterprises that are locked now, each with every reason."""
        reckoning = Reckoning(session, self._catalogue)
        known = await reckoning.on_record(usccs)
        today = self._runtime.clock.today()
        return [
            reckoning.reckon(uscc, known[uscc], schedule, on=today, fiscal_year=run.fiscal_year)
            for uscc in usccs
        ]

    async def _fail(self, run: AwardRun, failure: str) -> None:
        async with saved_together(self._runtime, new_trace()) as (session, journal):
            if await RunRepository(session).lock_unfinished(run.id) is not None:
                await self._end(session, journal, run, RunState.FAILED, failure=failure)

    async def _end(
        self,
        session: AsyncSession,
        journal: Journal,
        run: AwardRun,
        state: RunState,
        *,
        failure: str | None = None,
    ) -> None:
        runs = RunRepository(session)
        await runs.progress(
            run.id, state=state, failure=failure, finished_at=self._runtime.clock.now()
        )
        schedule = await _schedule_of(session, run)
        record_run(
            journal,
            self._catalogue,
            run,
            schedule.policy_pack,
            state.value,
            actor_from_record(run.requested_by),
            failure=failure,
            outcomes={
                one.outcome.value: {"enterprises": one.enterprises, "amount": f"{one.amount:.2f}"}
                for one in outcomes_of(await runs.shares(run.id))
            },
        )


def _select(
    run: AwardRun, owed: Sequence[Calculated], *, left: Decimal
) -> tuple[list[Calculated], dict[str, RunOutcome]]:
    """Say whom to propose out of what is left of the budget, and what becomes of each."""
    selected: list[Calculated] = []
    outcomes: dict[str, RunOutcome] = {}
    for one in owed:
        highest, payable = one.entitlement.highest, one.entitlement.payable
        if highest is None or payable <= ZERO or not _is_wanted(run, highest.held):
            outcomes[one.uscc] = RunOutcome.CHANGED
            continue
        if payable > left:
            outcomes[one.uscc] = RunOutcome.BUDGET_EXCEEDED
            continue
        left -= payable
        selected.append(one)
        outcomes[one.uscc] = RunOutcome.PROPOSED
    return selected, outcomes


def _is_wanted(run: AwardRun, held: HeldTitle) -> bool:
    return held.title in run.titles and covers(run.region, held.region)


async def _left_of(session: AsyncSession, run: AwardRun) -> Decimal:
    budget = await ScheduleRepository(session).budget(run.schedule_id, run.fiscal_year)
    return ZERO if budget is None else budget.amount - budget.granted


async def _schedule_of(session: AsyncSession, run: AwardRun) -> RewardSchedule:
    found = await ScheduleRepository(session).find(run.schedule_id)
    if found is None:
        raise LookupError(run.schedule_id)
    return found
