"""奖励: reckoned, selected by one officer, approved by another, cancelled before it is paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.rewards import AwardApproved, AwardCancelled, AwardProposed
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import Journal
from services.kernel.problems import NotAllowed
from services.policy import credit_code
from services.policy.catalogue import Catalogue
from services.policy.rewards import ZERO
from services.rewards.award_log import record, which
from services.rewards.duties import (
    keeps_the_fund,
    require_another_to_approve,
    require_another_to_cancel,
    require_jurisdiction,
)
from services.rewards.ledger import Ledger, position_of
from services.rewards.models import Award, Holding, RewardSchedule
from services.rewards.problems import (
    AwardNotFound,
    BudgetExceeded,
    BudgetMissing,
    NothingPayable,
    ScheduleNotFound,
)
from services.rewards.reckoning import Calculated, OnRecord, Reckoning, frozen
from services.rewards.repository import (
    AwardRepository,
    HoldingRepository,
    ScheduleRepository,
    lock_enterprise,
    may_see_holding,
)
from services.rewards.schedule_service import ScheduleService
from services.rewards.workflow import AwardStatus, Step, after, require_no_part, require_title


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a person decided: for which year, and why these were selected (择优)."""

    fiscal_year: int
    reason: str
    officer: Actor
    run_id: UUID | None = None


class AwardService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._schedules = ScheduleRepository(session)
        self._in_force = ScheduleService(session, journal, clock, catalogue).in_force
        self._holdings = HoldingRepository(session)
        self._awards = AwardRepository(session)
        self._ledger = Ledger(session, clock)
        self._reckoning = Reckoning(session, catalogue)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def calculate(
        self,
        uscc: str,
        *,
        on: date | None,
        fiscal_year: int | None,
        schedule_id: UUID | None,
        reader: Actor,
    ) -> Calculated:
        """Say what could be granted on a day and how the sum comes about, writing nothing.

        Whoever keeps the fund may ask by a schedule that is not in force, also by a draft.
        """
        code = credit_code.normalise(uscc)
        if reader.uscc is not None and reader.uscc != code:
            raise NotAllowed
        day = on or self._clock.today()
        schedule = (
            await self._in_force(day)
            if schedule_id is None
            else await self._schedule_for(schedule_id, reader)
        )
        return await self._reckon(
            code, schedule, on=day, fiscal_year=fiscal_year or day.year, reader=reader
        )

    async def propose(self, *, uscc: str, selection: Selection) -> Award:
        """Select an enterprise for its reward (择优): the sum is computed, frozen and reserved."""
        code = credit_code.normalise(uscc)
        await lock_enterprise(self._session, code)
        today = self._clock.today()
        schedule = await self._in_force(today)
        require_jurisdiction(selection.officer, self._catalogue.pack(schedule.policy_pack))
        calculated = await self._reckon(
            code,
            schedule,
            on=today,
            fiscal_year=selection.fiscal_year,
            reader=selection.officer,
        )
        owed = calculated.entitlement
        if owed.highest is None or owed.payable <= ZERO:
            raise NothingPayable(owed.formula.zh, owed.formula.en)
        await self.require_budget(schedule, selection.fiscal_year, owed.payable)
        (award,) = await self.grant([calculated], selection)
        return award

    async def grant(self, selected: Sequence[Calculated], selection: Selection) -> Sequence[Award]:
        """Propose an award for each; what each is owed was reckoned while it was locked."""
        holdings = {
            one.recognition_id: one
            for one in await self._holdings.of_enterprises([one.uscc for one in selected])
        }
        awards = [self._award(one, holdings, selection) for one in selected]
        await self._ledger.grant(awards, by=selection.officer.sub)
        for award, calculated in zip(awards, selected, strict=True):
            record(
                self._journal,
                self._catalogue,
                award,
                "proposed",
                selection.officer,
                reason=selection.reason,
                formula=calculated.entitlement.formula.zh,
            )
            self._journal.announce(AwardProposed(**which(award)))
        return awards

    async def require_budget(
        self, schedule: RewardSchedule, fiscal_year: int, needed: Decimal
    ) -> None:
        """Refuse what is above the year's budget, in words; the database refuses it in any case."""
        budget = await self._schedules.budget(schedule.id, fiscal_year)
        if budget is None:
            raise BudgetMissing(
                f"奖励标准 {schedule.code} 未列 {fiscal_year} 年度预算。",
                f"Schedule {schedule.code} has no budget for {fiscal_year}.",
            )
        left = budget.amount - budget.granted
        if needed > left:
            raise BudgetExceeded(
                f"{fiscal_year} 年度余额 {left:,.2f} 元，需要 {needed:,.2f} 元。",
                f"{left:,.2f} yuan are left for {fiscal_year}; {needed:,.2f} are needed.",
            )

    async def approve(self, award_id: UUID, officer: Actor) -> Award:
        """Approve a proposed award, so that it may be paid. Who proposed it cannot."""
        award = await self._lock(award_id, officer)
        require_jurisdiction(officer, self._catalogue.pack(award.policy_pack))
        status = after(position_of(award), Step.APPROVE)
        require_another_to_approve(award.proposed_by, officer)
        require_title(await self._awards.title_of(award.id))
        award.status = status
        award.approved_by = officer.sub
        award.approved_at = self._clock.now()
        award.approved_on = self._clock.today()
        await self._save(award)
        record(self._journal, self._catalogue, award, "approved", officer)
        self._journal.announce(AwardApproved(**which(award)))
        return award

    async def cancel(self, award_id: UUID, *, reason: str, officer: Actor) -> Award:
        """Cancel an award of which nothing was paid; its sum goes back to the budget.

        Who proposed it cannot.
        """
        award = await self._lock(award_id, officer)
        require_jurisdiction(officer, self._catalogue.pack(award.policy_pack))
        after(position_of(award), Step.CANCEL)
        require_another_to_cancel(award.proposed_by, officer)
        require_no_part(await self._awards.title_of(award.id))
        await self.withdraw(award, reason, officer)
        return award

    async def withdraw(self, award: Award, reason: str, actor: Actor) -> None:
        """Cancel an award that is locked already."""
        position = position_of(award)
        status = after(position, Step.CANCEL)
        await self._ledger.cancel(award, position.left, reason=reason, by=actor.sub)
        award.status = status
        award.cancellation_reason = reason
        await self._save(award)
        record(self._journal, self._catalogue, award, "cancelled", actor, reason=reason)
        self._journal.announce(AwardCancelled(**which(award), reason=reason))

    async def _schedule_for(self, schedule_id: UUID, reader: Actor) -> RewardSchedule:
        found = await self._schedules.find(schedule_id)
        if found is None:
            raise ScheduleNotFound
        if not keeps_the_fund(reader, self._catalogue.pack(found.policy_pack)):
            raise NotAllowed
        return found

    async def _reckon(
        self, code: str, schedule: RewardSchedule, *, on: date, fiscal_year: int, reader: Actor
    ) -> Calculated:
        known = (await self._reckoning.on_record([code]))[code]
        # What a caller may not see is answered as if the enterprise held nothing.
        seen = [one for one in known.holdings if may_see_holding(reader, one)]
        return self._reckoning.reckon(
            code,
            OnRecord(seen, known.grants if seen else ()),
            schedule,
            on=on,
            fiscal_year=fiscal_year,
        )

    def _award(self, of: Calculated, holdings: dict[UUID, Holding], selection: Selection) -> Award:
        owed = of.entitlement
        if owed.highest is None or owed.highest.amount is None:
            raise ValueError(f"nothing is owed to {of.uscc}")
        held = owed.highest.held
        holding = holdings[UUID(held.recognition_id)]
        now = self._clock.now()
        return Award(
            id=new_id(),
            uscc=of.uscc,
            legal_name=holding.legal_name,
            region=holding.region,
            is_secret=holding.is_secret,
            recognition_id=holding.recognition_id,
            title=holding.title,
            event=held.event,
            fiscal_year=selection.fiscal_year,
            amount=owed.payable,
            scheduled_amount=owed.highest.amount,
            set_against=[UUID(one) for one in owed.highest.set_against],
            schedule=of.schedule,
            policy_pack=holding.policy_pack,
            run_id=selection.run_id,
            calculation=frozen(of),
            reason=selection.reason,
            status=AwardStatus.PROPOSED,
            proposed_by=selection.officer.sub,
            proposed_at=now,
            approved_by=None,
            approved_at=None,
            approved_on=None,
            cancellation_reason=None,
            updated_at=now,
        )

    async def _lock(self, award_id: UUID, officer: Actor) -> Award:
        return await lock_award(self._session, award_id, officer)

    async def _save(self, award: Award) -> None:
        award.updated_at = self._clock.now()
        await self._session.flush()


async def lock_award(session: AsyncSession, award_id: UUID, actor: Actor) -> Award:
    """Lock an award, and its enterprise before it. Raises `AwardNotFound` where it is not to be seen."""
    awards = AwardRepository(session)
    uscc = await awards.uscc_of(award_id, actor)
    if uscc is None:
        raise AwardNotFound
    # The enterprise first, in the same order as every other change of what it is granted.
    await lock_enterprise(session, uscc)
    award = await awards.lock(award_id, actor)
    if award is None:
        raise AwardNotFound
    return award
