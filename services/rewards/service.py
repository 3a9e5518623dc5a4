"""What rewards does, one sentence to a method."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.registry import (
    RecognitionChanged,
    RecognitionEvent,
    RecognitionRevoked,
)
from services.contracts.rewards import (
    AwardApproved,
    AwardCancelled,
    AwardDisbursed,
    AwardProposed,
    AwardRecovered,
    RecoveryOpened,
)
from services.kernel.actions import AvailableAction, offer
from services.kernel.clock import Clock, day_of
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed, SeparationOfDuties
from services.kernel.text import Text
from services.policy import credit_code, rewards
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.policy.pack import Pack
from services.policy.rewards import ZERO, Considered, Entitlement, entitlement
from services.rewards.models import (
    Award,
    Budget,
    Holding,
    Payment,
    Recovery,
    Repayment,
    RewardSchedule,
    ScheduleAmount,
)
from services.rewards.problems import (
    AwardExists,
    AwardNotFound,
    BudgetExceeded,
    BudgetMissing,
    NoScheduleInForce,
    NothingPayable,
    PaymentDayNotPossible,
    PaymentTooLarge,
    RecoveryNotFound,
    RecoverySettled,
    ScheduleApproved,
    ScheduleCodeTaken,
    ScheduleNotFound,
    ScheduleNotPossible,
    ScheduleOverlaps,
    TitleNoLongerHeld,
    VoucherUsed,
)
from services.rewards.repository import (
    AwardRepository,
    HoldingRepository,
    ScheduleRepository,
    lock_enterprise,
    may_see_holding,
)
from services.rewards.workflow import (
    AwardStatus,
    Position,
    RecoveryStatus,
    Rewarded,
    ScheduleStatus,
    Step,
    after,
    recoveries,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAmount:
    title: str
    event: str
    region: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    code: str
    document_number: str
    effective_from: date
    effective_until: date | None
    amounts: Sequence[NewAmount]
    settlement: rewards.Settlement | None
    scope: rewards.Scope | None
    budgets: Sequence[tuple[int, Decimal]]


@dataclass(frozen=True, slots=True)
class Calculated:
    uscc: str
    on: date
    schedule: RewardSchedule
    entitlement: Entitlement


@dataclass(frozen=True, slots=True)
class Statement:
    uscc: str
    granted: Decimal
    disbursed: Decimal
    recovered: Decimal
    awards: Sequence[Award]


class ScheduleService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._schedules = ScheduleRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def draft(self, new: NewSchedule, officer: Actor) -> RewardSchedule:
        """Write down amounts, settlement and budgets; another person approves them."""
        pack = self._pack(officer, new.effective_from)
        _require_possible(pack, new)
        schedule = RewardSchedule(
            id=new_id(),
            code=new.code,
            document_number=new.document_number,
            effective_from=new.effective_from,
            effective_until=new.effective_until,
            policy_pack=pack.name,
            settlement=new.settlement or pack.reward_rule.default_settlement,
            scope=new.scope or pack.reward_rule.default_scope,
            status=ScheduleStatus.DRAFT,
            created_by=officer.sub,
            created_at=self._clock.now(),
            approved_by=None,
            approved_at=None,
            amounts=[
                ScheduleAmount(
                    number=number,
                    title=line.title,
                    event=line.event,
                    region=line.region,
                    amount=line.amount,
                )
                for number, line in enumerate(new.amounts, start=1)
            ],
            budgets=[
                Budget(fiscal_year=year, amount=amount, granted=ZERO)
                for year, amount in new.budgets
            ],
        )
        self._schedules.add(schedule)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "uq_reward_schedules_code":
                raise ScheduleCodeTaken from error
            raise
        self._record(schedule, "drafted", officer)
        return schedule

    async def approve(self, schedule_id: UUID, officer: Actor) -> RewardSchedule:
        """Put a schedule in force for its days. Who wrote it cannot approve it."""
        schedule = await self._schedules.find(schedule_id, for_update=True)
        if schedule is None:
            raise ScheduleNotFound
        _require_jurisdiction(officer, self._catalogue.pack(schedule.policy_pack))
        _require_approvable(schedule, officer)
        schedule.status = ScheduleStatus.APPROVED
        schedule.approved_by = officer.sub
        schedule.approved_at = self._clock.now()
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "one_schedule_at_a_time":
                raise ScheduleOverlaps from error
            raise
        self._record(schedule, "approved", officer)
        return schedule

    async def find(self, schedule_id: UUID) -> RewardSchedule:
        found = await self._schedules.find(schedule_id)
        if found is None:
            raise ScheduleNotFound
        return found

    async def page(self, page: Paging, *, status: ScheduleStatus | None) -> Found[RewardSchedule]:
        return await self._schedules.page(page, status=status)

    def may_see_granted(self, of: RewardSchedule, reader: Actor) -> bool:
        """Whether the reader keeps or audits the whole fund."""
        keeps = reader.holds(Office.FINANCE, Office.AUDITOR)
        return keeps and reader.is_in_charge_of(self._catalogue.pack(of.policy_pack).jurisdiction)

    def available_actions(self, of: RewardSchedule, reader: Actor) -> list[AvailableAction]:
        def refuse() -> None:
            if not reader.may(Scope.REWARDS_APPROVE) or not reader.holds(Office.FINANCE):
                raise NotAllowed
            _require_jurisdiction(reader, self._catalogue.pack(of.policy_pack))
            _require_approvable(of, reader)

        return [offer("approve", "POST", f"/api/v1/reward-schedules/{of.id}/approval", refuse)]

    def _pack(self, officer: Actor, on: date) -> Pack:
        in_force = self._catalogue.in_force(officer.region or "", on)
        pack = next((one for one in in_force if one.rewards is not None), None)
        if pack is None:
            text = Text(
                f"{on} 没有施行的、规定奖励的政策包。",
                f"No pack that gives rewards is in force on {on}.",
            )
            raise ScheduleNotPossible(errors=[("/effective_from", "no_pack_in_force", text)])
        _require_jurisdiction(officer, pack)
        return pack

    def _record(self, schedule: RewardSchedule, action: str, officer: Actor) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="reward_schedule",
                subject_id=schedule.id,
                action=action,
                actor=officer,
                clause=self._catalogue.pack(schedule.policy_pack).reward_rule.clause,
                policy_pack=schedule.policy_pack,
                data={
                    "code": schedule.code,
                    "document_number": schedule.document_number,
                    "settlement": schedule.settlement.value,
                    "scope": schedule.scope.value,
                    "amounts": [
                        {"title": one.title, "region": one.region, "amount": f"{one.amount:.2f}"}
                        for one in schedule.amounts
                    ],
                },
            )
        )


class AwardService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._schedules = ScheduleRepository(session)
        self._holdings = HoldingRepository(session)
        self._awards = AwardRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def calculate(self, uscc: str, *, on: date | None, reader: Actor) -> Calculated:
        """Say what could be granted on a day and how the sum comes about, writing nothing."""
        code = credit_code.normalise(uscc)
        if reader.uscc is not None and reader.uscc != code:
            raise NotAllowed
        return await self._calculate(
            code, on=on or self._clock.today(), fiscal_year=None, reader=reader
        )

    async def propose(self, *, uscc: str, fiscal_year: int, reason: str, officer: Actor) -> Award:
        """Select an enterprise for its reward (择优): the sum is computed, frozen and reserved."""
        code = credit_code.normalise(uscc)
        await lock_enterprise(self._session, code)
        today = self._clock.today()
        calculated = await self._calculate(code, on=today, fiscal_year=fiscal_year, reader=officer)
        _require_jurisdiction(officer, self._catalogue.pack(calculated.schedule.policy_pack))
        owed = calculated.entitlement
        if owed.highest is None or owed.payable <= ZERO:
            raise NothingPayable(owed.formula.zh, owed.formula.en)
        schedule = calculated.schedule
        await self._reserve(schedule, fiscal_year, owed.payable)
        holding = await self._holding(UUID(owed.highest.held.recognition_id))
        award = Award(
            id=new_id(),
            uscc=code,
            legal_name=holding.legal_name,
            region=holding.region,
            is_secret=holding.is_secret,
            recognition_id=holding.recognition_id,
            title=holding.title,
            fiscal_year=fiscal_year,
            amount=owed.payable,
            scheduled_amount=owed.highest.amount,
            paid=ZERO,
            schedule=schedule,
            policy_pack=holding.policy_pack,
            calculation=frozen(calculated),
            reason=reason,
            status=AwardStatus.PROPOSED,
            proposed_by=officer.sub,
            proposed_at=self._clock.now(),
            approved_by=None,
            approved_at=None,
            approved_on=None,
            cancellation_reason=None,
            updated_at=self._clock.now(),
            payments=[],
            recoveries=[],
        )
        self._awards.add(award)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) in {"one_live_award", "once_per_title"}:
                raise AwardExists from error
            raise
        self._record(award, "proposed", officer, reason=reason, formula=owed.formula.zh)
        self._journal.announce(AwardProposed(**_which(award)))
        return award

    async def approve(self, award_id: UUID, officer: Actor) -> Award:
        """Approve a proposed award, so that it may be paid. Who proposed it cannot."""
        award = await self._lock(award_id, officer)
        _require_jurisdiction(officer, self._catalogue.pack(award.policy_pack))
        position = after(_position(award), Step.APPROVE)
        _require_another(award, officer)
        holding = await self._holding(award.recognition_id)
        if holding.revoked_on is not None:
            raise TitleNoLongerHeld
        award.status = position.status
        award.approved_by = officer.sub
        award.approved_at = self._clock.now()
        award.approved_on = self._clock.today()
        await self._save(award)
        self._record(award, "approved", officer)
        self._journal.announce(AwardApproved(**_which(award)))
        return award

    async def cancel(self, award_id: UUID, *, reason: str, officer: Actor) -> Award:
        """Cancel an award of which nothing was paid; its sum goes back to the budget."""
        award = await self._lock(award_id, officer)
        _require_jurisdiction(officer, self._catalogue.pack(award.policy_pack))
        await self._cancel(award, reason, officer)
        return award

    async def disburse(
        self,
        award_id: UUID,
        *,
        amount: Decimal,
        paid_on: date,
        voucher: str,
        officer: Actor,
    ) -> Award:
        """Record that money was paid. The same voucher again changes nothing."""
        award = await self._lock(award_id, officer)
        known = await self._awards.payment_by_voucher(voucher)
        if known is not None:
            is_repeat = known.award_id == award.id and known.amount == amount
            if not is_repeat or known.paid_on != paid_on:
                raise VoucherUsed
            return award
        if (await self._holding(award.recognition_id)).has_lost_reward:
            raise TitleNoLongerHeld
        position = after(_position(award), Step.DISBURSE, amount)
        _require_payment_day(paid_on, award.approved_on, self._clock.today())
        payment = Payment(
            id=new_id(),
            award_id=award.id,
            amount=amount,
            paid_on=paid_on,
            voucher=voucher,
            recorded_by=officer.sub,
            recorded_at=self._clock.now(),
        )
        award.payments.append(payment)
        award.status = position.status
        award.paid = position.paid
        try:
            await self._save(award)
        except IntegrityError as error:
            if violated_constraint(error) == "one_payment_per_voucher":
                raise VoucherUsed from error
            raise
        self._record(
            award,
            "paid",
            officer,
            paid=f"{amount:.2f}",
            paid_on=paid_on.isoformat(),
            voucher=voucher,
        )
        self._journal.announce(
            AwardDisbursed(**_which(award), paid=f"{amount:.2f}", paid_on=paid_on, voucher=voucher)
        )
        return award

    async def repay(
        self,
        recovery_id: UUID,
        *,
        amount: Decimal,
        paid_on: date,
        voucher: str,
        officer: Actor,
    ) -> tuple[Award, Recovery]:
        """Record that money came back. The same voucher again changes nothing."""
        award_id = await self._awards.award_of_recovery(recovery_id, officer)
        if award_id is None:
            raise RecoveryNotFound
        award = await self._lock(award_id, officer)
        recovery = next(one for one in award.recoveries if one.id == recovery_id)
        known = await self._awards.repayment_by_voucher(voucher)
        if known is not None:
            is_repeat = known.recovery_id == recovery.id and known.amount == amount
            if not is_repeat or known.paid_on != paid_on:
                raise VoucherUsed
            return award, recovery
        _require_due(recovery, amount)
        _require_payment_day(paid_on, recovery.opened_on, self._clock.today())
        recovery.repayments.append(
            Repayment(
                id=new_id(),
                recovery_id=recovery.id,
                amount=amount,
                paid_on=paid_on,
                voucher=voucher,
                recorded_by=officer.sub,
                recorded_at=self._clock.now(),
            )
        )
        recovery.repaid += amount
        if recovery.repaid == recovery.due:
            recovery.status = RecoveryStatus.SETTLED
        is_over = all(one.status is RecoveryStatus.SETTLED for one in award.recoveries)
        if is_over:
            award.status = after(_position(award), Step.SETTLE).status
        try:
            await self._save(award)
        except IntegrityError as error:
            if violated_constraint(error) == "one_repayment_per_voucher":
                raise VoucherUsed from error
            raise
        self._record(
            award,
            "repaid",
            officer,
            repaid=f"{amount:.2f}",
            paid_on=paid_on.isoformat(),
            voucher=voucher,
        )
        if is_over:
            self._journal.announce(AwardRecovered(**_which(award), recovery_id=recovery.id))
        return award, recovery

    async def keep_holding(self, event: RecognitionEvent) -> Holding:
        """Keep the copy of a title that the registry announced."""
        holding = await self._holdings.find(event.recognition_id)
        if event.uscc is None or event.region is None:
            raise ValueError(f"recognition {event.recognition_id} names no enterprise or division")
        if holding is None:
            holding = Holding(
                recognition_id=event.recognition_id,
                uscc=event.uscc,
                title=event.title,
                valid_from=event.valid_from,
                revoked_on=None,
                revocation_ground=None,
                has_lost_reward=False,
                continues=None,
                valid_until=event.valid_until,
                policy_pack=event.policy_pack,
            )
            self._holdings.add(holding)
        holding.legal_name = event.legal_name
        holding.region = event.region
        holding.is_secret = event.is_secret
        await self._session.flush()
        # The newest announcement decides for all that is kept of an enterprise.
        await self._holdings.mark(event.uscc, is_secret=event.is_secret)
        holding.valid_until = event.valid_until
        holding.round_code = event.round_code
        holding.policy_pack = event.policy_pack
        return holding

    async def follow_change(self, event: RecognitionChanged) -> None:
        """Keep whose title it is now, and under which name and where."""
        if event.previous_recognition_id == event.recognition_id:
            await self.keep_holding(event)
            return
        for uscc in sorted({event.uscc or "", event.previous_uscc}):
            await lock_enterprise(self._session, uscc)
        previous = await self._holdings.find(event.previous_recognition_id)
        if previous is None:
            raise LookupError(event.previous_recognition_id)
        previous.revoked_on = event.happened_on
        previous.revocation_ground = event.change
        following = await self.keep_holding(event)
        following.continues = previous.recognition_id
        await self._session.flush()

    async def follow_revocation(self, event: RecognitionRevoked, system: Actor) -> None:
        """Cancel what was not paid of a revoked title's reward, and call back what was."""
        await lock_enterprise(self._session, event.uscc or "")
        holding = await self.keep_holding(event)
        holding.revoked_on = event.revoked_on
        holding.revocation_ground = event.ground
        holding.has_lost_reward = event.recovers_rewards
        await self._session.flush()
        if not event.recovers_rewards:
            return
        # The reward was paid to whom the title was given, whoever has gone on with it since.
        while holding.continues is not None:
            before = await self._holdings.find(holding.continues)
            if before is None:
                raise LookupError(holding.continues)
            await lock_enterprise(self._session, before.uscc)
            before.has_lost_reward = True
            holding = before
        await self._session.flush()
        awards = await self._awards.lock_of_enterprise(holding.uscc)
        own = next((one for one in awards if one.recognition_id == holding.recognition_id), None)
        if own is None:
            return
        if own.paid == ZERO:
            await self._cancel(own, f"称号因 {event.ground} 撤销", system)
            return
        await self._open_recoveries(own, awards, event, system)

    async def find(self, award_id: UUID, reader: Actor) -> Award:
        found = await self._awards.find(award_id, reader)
        if found is None:
            raise AwardNotFound
        return found

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        uscc: str | None,
        status: AwardStatus | None,
        fiscal_year: int | None,
        changed_after: datetime | None,
    ) -> Found[Award]:
        return await self._awards.page(
            reader,
            page,
            uscc=None if uscc is None else credit_code.normalise(uscc),
            status=status,
            fiscal_year=fiscal_year,
            changed_after=changed_after,
        )

    async def recoveries(
        self, reader: Actor, page: Paging, *, status: RecoveryStatus | None, uscc: str | None
    ) -> Found[Recovery]:
        return await self._awards.recoveries(
            reader,
            page,
            status=status,
            uscc=None if uscc is None else credit_code.normalise(uscc),
        )

    async def statement(self, uscc: str, reader: Actor) -> Statement:
        """Return what an enterprise was granted, paid and paid back, in all."""
        code = credit_code.normalise(uscc)
        awards = await self._awards.of_enterprise(code, reader)
        live = [award for award in awards if award.status is not AwardStatus.CANCELLED]
        return Statement(
            uscc=code,
            granted=sum((award.amount for award in live), ZERO),
            disbursed=sum((award.paid for award in live), ZERO),
            recovered=sum((one.repaid for award in live for one in award.recoveries), ZERO),
            awards=awards,
        )

    def available_actions(self, of: Award, reader: Actor) -> list[AvailableAction]:
        href = f"/api/v1/awards/{of.id}"

        def refuse_approval() -> None:
            _require(reader, Scope.REWARDS_APPROVE, Office.FINANCE)
            _require_jurisdiction(reader, self._catalogue.pack(of.policy_pack))
            after(_position(of), Step.APPROVE)
            _require_another(of, reader)

        def refuse_cancellation() -> None:
            _require(reader, Scope.REWARDS_WRITE, Office.FINANCE)
            _require_jurisdiction(reader, self._catalogue.pack(of.policy_pack))
            after(_position(of), Step.CANCEL)

        def refuse_disbursement() -> None:
            _require(reader, Scope.REWARDS_DISBURSE, Office.DISBURSEMENT)
            after(_position(of), Step.DISBURSE)

        return [
            offer("approve", "POST", f"{href}/approval", refuse_approval),
            offer("cancel", "POST", f"{href}/cancellation", refuse_cancellation),
            offer("disburse", "POST", f"{href}/disbursement", refuse_disbursement),
        ]

    def recovery_actions(self, of: Recovery, reader: Actor) -> list[AvailableAction]:
        def refuse() -> None:
            _require(reader, Scope.REWARDS_DISBURSE, Office.DISBURSEMENT)
            if of.status is RecoveryStatus.SETTLED:
                raise RecoverySettled

        return [offer("repay", "POST", f"/api/v1/recoveries/{of.id}/repayments", refuse)]

    async def _calculate(
        self, uscc: str, *, on: date, fiscal_year: int | None, reader: Actor
    ) -> Calculated:
        schedule = await self._schedules.in_force(on)
        if schedule is None:
            raise NoScheduleInForce(
                f"{on} 没有经批准并生效的奖励标准。",
                f"No approved reward schedule is in force on {on}.",
            )
        # What a caller may not see is answered as if the enterprise held nothing.
        held = [
            one
            for one in await self._holdings.of_enterprise(uscc)
            if may_see_holding(reader, one) and one.valid_from <= on
        ]
        awards = await self._awards.of_enterprise(uscc) if held else []
        pack = self._catalogue.pack(schedule.policy_pack)
        return Calculated(
            uscc=uscc,
            on=on,
            schedule=schedule,
            entitlement=entitlement(
                pack.reward_rule,
                _schedule(schedule),
                held=[_held(one, self._title_name(one)) for one in held],
                grants=[
                    _grant(one)
                    for one in awards
                    if one.status is not AwardStatus.CANCELLED and day_of(one.proposed_at) <= on
                ],
                on=on,
                fiscal_year=fiscal_year or on.year,
            ),
        )

    def _title_name(self, of: Holding) -> Text:
        return self._catalogue.pack(of.policy_pack).title_named(of.title).name

    async def _reserve(self, schedule: RewardSchedule, fiscal_year: int, amount: Decimal) -> None:
        budget = await self._schedules.budget(schedule.id, fiscal_year)
        if budget is None:
            raise BudgetMissing(
                f"奖励标准 {schedule.code} 未列 {fiscal_year} 年度预算。",
                f"Schedule {schedule.code} has no budget for {fiscal_year}.",
            )
        left = budget.amount - budget.granted
        if amount > left:
            raise BudgetExceeded(
                f"{fiscal_year} 年度余额 {left:,.2f} 元，需要 {amount:,.2f} 元。",
                f"{left:,.2f} yuan are left for {fiscal_year}; {amount:,.2f} are needed.",
            )
        budget.granted += amount

    async def _holding(self, recognition_id: UUID) -> Holding:
        holding = await self._holdings.find(recognition_id)
        if holding is None:
            raise LookupError(f"recognition {recognition_id} is not known here")
        return holding

    async def _lock(self, award_id: UUID, officer: Actor) -> Award:
        found = await self._awards.find(award_id, officer)
        if found is None:
            raise AwardNotFound
        # The enterprise first, in the same order as every other change of what it is granted.
        await lock_enterprise(self._session, found.uscc)
        award = await self._awards.lock(award_id, officer)
        if award is None:
            raise AwardNotFound
        return award

    async def _save(self, award: Award) -> None:
        award.updated_at = self._clock.now()
        await self._session.flush()

    async def _cancel(self, award: Award, reason: str, actor: Actor) -> None:
        position = after(_position(award), Step.CANCEL)
        award.status = position.status
        award.cancellation_reason = reason
        await self._schedules.return_to_budget(award.schedule_id, award.fiscal_year, award.amount)
        await self._save(award)
        self._record(award, "cancelled", actor, reason=reason)
        self._journal.announce(AwardCancelled(**_which(award), reason=reason))

    async def _open_recoveries(
        self, own: Award, awards: Sequence[Award], event: RecognitionRevoked, system: Actor
    ) -> None:
        lost = {
            one.recognition_id
            for one in await self._holdings.of_enterprise(own.uscc)
            if one.has_lost_reward
        }
        parts = recoveries(
            own.schedule.settlement,
            str(own.id),
            [
                Rewarded(
                    award_id=str(award.id),
                    scheduled=award.scheduled_amount,
                    paid=award.paid,
                    due=_due(award),
                    still_stands=award.recognition_id not in lost,
                )
                for award in awards
            ],
        )
        by_id = {str(award.id): award for award in awards}
        if not parts:
            self._record(own, "nothing_to_recover", system, ground=event.ground)
        for award_id, due in parts:
            award = by_id[award_id]
            if award.status is AwardStatus.APPROVED:
                # What was not paid yet never will be.
                await self._schedules.return_to_budget(
                    award.schedule_id, award.fiscal_year, award.amount - award.paid
                )
            award.status = after(_position(award), Step.RECOVER).status
            recovery = Recovery(
                id=new_id(),
                award_id=award.id,
                recognition_id=event.recognition_id,
                ground=event.ground,
                due=due,
                repaid=ZERO,
                status=RecoveryStatus.OPEN,
                opened_on=self._clock.today(),
                opened_at=self._clock.now(),
                repayments=[],
            )
            award.recoveries.append(recovery)
            await self._save(award)
            self._record(
                award,
                "recovery_opened",
                system,
                due=f"{due:.2f}",
                ground=event.ground,
                finding_number=event.finding_number,
            )
            self._journal.announce(
                RecoveryOpened(**_which(award), recovery_id=recovery.id, due=f"{due:.2f}")
            )

    def _record(
        self, award: Award, action: str, actor: Actor, *, reason: str | None = None, **data: Any
    ) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="award",
                subject_id=award.id,
                action=action,
                actor=actor,
                uscc=award.uscc,
                reason=reason,
                clause=self._catalogue.pack(award.policy_pack).reward_rule.clause,
                policy_pack=award.policy_pack,
                data={
                    "status": award.status.value,
                    "title": award.title,
                    "amount": f"{award.amount:.2f}",
                    **data,
                },
            )
        )


def frozen(of: Calculated) -> dict[str, Any]:
    """Return the calculation as it is kept with an award, so that it can be explained for ever."""
    owed = of.entitlement
    return {
        "on": of.on.isoformat(),
        "schedule": of.schedule.code,
        "payable": f"{owed.payable:.2f}",
        "already_granted": f"{owed.already_granted:.2f}",
        "settlement": owed.settlement.value,
        "scope": owed.scope.value,
        "clause": owed.clause,
        "formula": {"zh": owed.formula.zh, "en": owed.formula.en},
        "highest": None if owed.highest is None else _frozen_title(owed.highest),
        "considered": [_frozen_title(one) for one in owed.considered],
    }


def _frozen_title(of: Considered) -> dict[str, Any]:
    return {
        "title": of.held.title,
        "recognition_id": of.held.recognition_id,
        "valid_from": of.held.valid_from.isoformat(),
        "valid_until": of.held.valid_until.isoformat(),
        "amount": None if of.amount is None else f"{of.amount:.2f}",
        "applies": of.applies,
        "because": {"zh": of.because.zh, "en": of.because.en},
    }


def _position(award: Award) -> Position:
    return Position(status=award.status, amount=award.amount, paid=award.paid)


def _due(award: Award) -> Decimal:
    return sum((one.due for one in award.recoveries), ZERO)


def _require(reader: Actor, scope: Scope, office: Office) -> None:
    if not reader.may(scope) or not reader.holds(office):
        raise NotAllowed


def _require_jurisdiction(officer: Actor, pack: Pack) -> None:
    """Refuse whoever is not in charge of all that the pack rules: the fund is the province's."""
    if not officer.is_in_charge_of(pack.jurisdiction):
        raise NotAllowed(
            "奖励资金由全辖区的财政岗位办理。",
            f"The fund is kept by the finance office of {pack.jurisdiction}.",
        )


def _require_another(award: Award, officer: Actor) -> None:
    if award.proposed_by == officer.sub:
        raise SeparationOfDuties(
            "拟定人不能批准自己拟定的奖励。", "Who proposed an award cannot approve it."
        )


def _require_approvable(schedule: RewardSchedule, officer: Actor) -> None:
    if schedule.status is ScheduleStatus.APPROVED:
        raise ScheduleApproved
    if schedule.created_by == officer.sub:
        raise SeparationOfDuties(
            "拟定人不能批准自己拟定的标准。", "Who drafted a schedule cannot approve it."
        )


def _require_due(recovery: Recovery, amount: Decimal) -> None:
    if recovery.status is RecoveryStatus.SETTLED:
        raise RecoverySettled
    left = recovery.due - recovery.repaid
    if amount > left:
        raise PaymentTooLarge(
            f"尚应追回 {left:,.2f} 元，本次 {amount:,.2f} 元。",
            f"{left:,.2f} yuan are still due; this is {amount:,.2f}.",
        )


def _require_payment_day(paid_on: date, earliest: date | None, today: date) -> None:
    if paid_on > today or (earliest is not None and paid_on < earliest):
        raise PaymentDayNotPossible(
            f"付款日期 {paid_on} 须在 {earliest} 至 {today} 之间。",
            f"{paid_on} is not between {earliest} and {today}.",
        )


def _require_possible(pack: Pack, new: NewSchedule) -> None:
    errors: list[tuple[str, str, Text]] = []
    if new.effective_until is not None and new.effective_until <= new.effective_from:
        text = Text("须晚于生效日。", "It has to be later than effective_from.")
        errors.append(("/effective_until", "not_later", text))
    seen: set[tuple[str, str, str | None]] = set()
    for place, line in enumerate(new.amounts):
        pointer = f"/amounts/{place}"
        if line.title not in pack.reward_rule.titles:
            text = Text(
                f"方案 {pack.reward_rule.clause} 未规定该称号的奖励。",
                f"Clause {pack.reward_rule.clause} gives no reward for this title.",
            )
            errors.append((f"{pointer}/title", "not_rewarded", text))
        if line.region is not None and line.region not in divisions():
            text = Text("不是现行行政区划代码。", "It is no division code of today.")
            errors.append((f"{pointer}/region", "unknown_division", text))
        key = (line.title, line.event, line.region)
        if key in seen:
            text = Text("同一称号同一地区只能列一次。", "A title and region is listed once.")
            errors.append((pointer, "listed_twice", text))
        seen.add(key)
    years = [year for year, _ in new.budgets]
    for place, year in enumerate(years):
        if year in years[:place]:
            text = Text("同一年度只能列一次。", "A year is listed once.")
            errors.append((f"/budgets/{place}", "listed_twice", text))
    if errors:
        raise ScheduleNotPossible(errors=errors)


def _schedule(of: RewardSchedule) -> rewards.Schedule:
    return rewards.Schedule(
        code=of.code,
        settlement=of.settlement,
        scope=of.scope,
        amounts=tuple(
            rewards.ScheduledAmount(
                title=line.title, event=line.event, region=line.region, amount=line.amount
            )
            for line in of.amounts
        ),
    )


def _held(of: Holding, name: Text) -> rewards.HeldTitle:
    return rewards.HeldTitle(
        recognition_id=str(of.recognition_id),
        title=of.title,
        name=name,
        event="recognition",
        valid_from=of.valid_from,
        valid_until=of.valid_until,
        ended_on=of.revoked_on,
        region=of.region,
        round_code=of.round_code,
    )


def _grant(of: Award) -> rewards.Grant:
    # What is being paid back is not set against a later award; the title stays used up.
    return rewards.Grant(
        award_id=str(of.id),
        recognition_id=str(of.recognition_id),
        title=of.title,
        amount=of.amount - _due(of),
        fiscal_year=of.fiscal_year,
    )


def _which(award: Award) -> dict[str, Any]:
    return {
        "uscc": award.uscc,
        "region": award.region,
        "is_secret": award.is_secret,
        "award_id": award.id,
        "recognition_id": award.recognition_id,
        "title": award.title,
        "fiscal_year": award.fiscal_year,
        "amount": f"{award.amount:.2f}",
    }
