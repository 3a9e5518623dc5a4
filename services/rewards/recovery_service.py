"""追回: what is paid back when a title is taken away together with its reward."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from services.contracts.rewards import (
    AwardRecovered,
    AwardReduced,
    OrderStopped,
    RecoveryOpened,
    RecoveryRepaid,
    RecoveryWaived,
)
from services.kernel.actions import AvailableAction, offer
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.journal import Journal
from services.kernel.paging import Found, Paging
from services.kernel.text import Text
from services.policy.catalogue import Catalogue
from services.policy.rewards import (
    ZERO,
    Because,
    HeldTitle,
    Recoverable,
    Rewarded,
    Standing,
    is_set_against,
    recoverable,
)
from services.rewards.award_log import record, which
from services.rewards.award_service import AwardService, lock_award
from services.rewards.duties import require, require_another, require_jurisdiction
from services.rewards.ledger import Ledger, open_line_of, paid_of, position_of
from services.rewards.models import Award, BatchLine, Holding, Instalment, Recovery, Waiver
from services.rewards.problems import (
    PaymentTooLarge,
    PlanNotPossible,
    RecoveryNotFound,
    RecoverySettled,
    VoucherUsed,
    WaiverAboveHighest,
    WaiverNotOpen,
    WaiverOpen,
)
from services.rewards.reckoning import Reckoning, as_schedule
from services.rewards.repository import (
    AwardRepository,
    GrantRow,
    HoldingRepository,
    RecoveryRepository,
    SoughtRecoveries,
)
from services.rewards.workflow import (
    AwardStatus,
    EntryKind,
    RecoveryStatus,
    Step,
    after,
    require_payment_day,
)


@dataclass(frozen=True, slots=True)
class Case:
    """A recovery with the award that it belongs to."""

    award: Award
    recovery: Recovery


class RecoveryService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue
        self._holdings = HoldingRepository(session)
        self._awards = AwardRepository(session)
        self._recoveries = RecoveryRepository(session)
        self._reckoning = Reckoning(session, catalogue)
        self._award_service = AwardService(session, journal, clock, catalogue)
        self._ledger = Ledger(session, clock)

    # ------------------------------------------------------------ opening

    async def follow_loss(self, lost: Holding, system: Actor) -> None:
        """Cancel what was not paid for a title that was taken away, and call back what was.

        The enterprise is locked already. An order that is under way is stopped; what comes of it is
        followed when the disbursement system says so.
        """
        awards = await self._awards.lock_of_enterprise(lost.uscc)
        for award in awards:
            if (award.stands_for or award.recognition_id) == lost.recognition_id:
                await self._follow(award, awards, lost, system)

    async def follow_order(self, award: Award, system: Actor) -> None:
        """Go on with an award whose title was taken away while its payment was under way."""
        lost = await self._holdings.find(award.stands_for or award.recognition_id)
        if lost is None or not lost.has_lost_reward:
            return
        awards = await self._awards.lock_of_enterprise(award.uscc)
        await self._follow(award, awards, lost, system)

    async def _follow(
        self, own: Award, awards: Sequence[Award], lost: Holding, system: Actor
    ) -> None:
        standing = standing_of(own)
        if own.status is AwardStatus.CANCELLED or standing <= ZERO:
            await self._close(own, system)
            return
        together = _set_off_together(own, awards)
        result, stands_for = await self._reckon(own, together)
        reason = _reason_of(lost)
        line = open_line_of(own)
        if line is not None and result.due:
            await self._stop(own, line, reason, system)
            return
        is_all = dict(result.due).get(str(own.id)) == standing
        if paid_of(own) == ZERO and result.due and (is_all or result.keeps is not None):
            # Where a lower title stands, it is proposed by itself: nothing was paid yet.
            await self._award_service.withdraw(own, reason, system)
            return
        if not result.due:
            record(
                self._journal,
                self._catalogue,
                own,
                "nothing_to_recover",
                system,
                ground=lost.revocation_ground,
                formula=result.formula.zh,
            )
        stood_for = own.stands_for
        await self._take_back(own, together, result, lost, system)
        if standing_of(own) > ZERO:
            await self._stand(own, result.keeps, stands_for)
        if own.stands_for != stood_for:
            self._record_sums(own, "stands_for", system, stands_for=str(own.stands_for))
        await self._settle_if_paid(own, system)
        await self._close(own, system)

    async def _take_back(
        self,
        own: Award,
        together: Sequence[Award],
        result: Recoverable,
        lost: Holding,
        system: Actor,
    ) -> None:
        """Cancel of each award what is due and was not paid, and call back what was."""
        reason = _reason_of(lost)
        by_id = {str(one.id): one for one in together}
        for award_id, due in result.due:
            award = by_id[award_id]
            if award is not own and _is_wholly_unpaid(award, due):
                await self._award_service.withdraw(award, reason, system)
                continue
            keeps = result.keeps if award is own else None
            left = await self._give_up(award, due, reason, system)
            if left > ZERO:
                await self._open(award, left, keeps, result.formula, lost, system)
            if award is not own:
                await self._settle_if_paid(award, system)

    async def _settle_if_paid(self, award: Award, system: Actor) -> None:
        """Let an award be disbursed of which a fall left nothing but what was paid."""
        if award.status is AwardStatus.APPROVED and position_of(award).left == ZERO:
            award.status = AwardStatus.DISBURSED
            self._record_sums(award, "settled_by_fall", system)
        await self._save(award)

    def _record_sums(self, of: Award, action: str, system: Actor, **data: str) -> None:
        """Record what a fall made of an award, of which no entry of the ledger tells."""
        record(
            self._journal,
            self._catalogue,
            of,
            action,
            system,
            granted=f"{of.granted:.2f}",
            cancelled=f"{of.cancelled:.2f}",
            paid=f"{paid_of(of):.2f}",
            recovery_due=f"{of.recovery_due:.2f}",
            **data,
        )

    async def _stand(self, own: Award, keeps: Standing | None, other: UUID | None) -> None:
        """Say what the rest of an award is for: a lower title that it uses up, or another award's."""
        if keeps is not None:
            held = keeps.held
            await self._ledger.keep_for(
                own, UUID(held.recognition_id), event=held.event, amount=keeps.amount
            )
        elif other is not None:
            await self._ledger.keep_for(own, other)

    async def _stop(self, award: Award, line: BatchLine, reason: str, system: Actor) -> None:
        if line.stop_requested_at is not None:
            return
        line.stop_requested_at = self._clock.now()
        await self._save(award)
        record(self._journal, self._catalogue, award, "order_stopped", system, reason=reason)
        self._journal.announce(
            OrderStopped(
                **which(award),
                batch_number=line.batch_number,
                line_number=line.number,
                reason=reason,
            )
        )

    async def _give_up(self, award: Award, due: Decimal, reason: str, system: Actor) -> Decimal:
        """Cancel as much of what is due as was not paid. Return what has to come back.

        What another award has under way is neither: it is reckoned again once its order is closed.
        """
        position = position_of(award)
        unpaid = min(due, position.left - position.ordered)
        if unpaid > ZERO:
            await self._ledger.cancel(award, unpaid, reason=reason, by=system.sub)
            await self._save(award)
            record(
                self._journal,
                self._catalogue,
                award,
                "reduced",
                system,
                reason=reason,
                cancelled=f"{unpaid:.2f}",
            )
            self._journal.announce(
                AwardReduced(**which(award), cancelled=f"{unpaid:.2f}", reason=reason)
            )
        return min(due - max(unpaid, ZERO), paid_of(award) - award.recovery_due)

    async def _reckon(
        self, own: Award, together: Sequence[Award]
    ) -> tuple[Recoverable, UUID | None]:
        """Return what is due once an award's title fell, and which title the rest is for."""
        known = (await self._reckoning.on_record([own.uscc]))[own.uscc]
        fallen = {one.recognition_id for one in known.holdings if one.has_lost_reward}
        rewarded = [
            Rewarded(
                award_id=str(one.id),
                scheduled=_scheduled(one, known.grants),
                amount=standing_of(one),
                still_stands=(one.stands_for or one.recognition_id) not in fallen,
            )
            for one in together
        ]
        result = recoverable(
            own.schedule.settlement,
            lost=str(own.id),
            awards=rewarded,
            standing=self._standing(own, known.holdings, known.grants),
        )
        highest = max(
            (one for one in rewarded if one.still_stands),
            key=lambda one: one.scheduled,
            default=None,
        )
        if highest is None:
            return result, None
        other = next(one for one in together if str(one.id) == highest.award_id)
        return result, other.stands_for or other.recognition_id

    def _standing(
        self, own: Award, holdings: Sequence[Holding], grants: Sequence[GrantRow]
    ) -> list[Standing]:
        """Return the lower titles that brought nothing because of an award, and still stand."""
        today = self._clock.today()
        titles = [(one, held) for one in holdings for held in self._reckoning.held(one)]
        claimed = next(
            (
                held
                for _, held in titles
                if held.recognition_id == str(own.recognition_id) and held.event == own.event
            ),
            None,
        )
        applied = {
            (one["recognition_id"], one["event"])
            for one in own.calculation["considered"]
            if one.get("code") == Because.APPLIES
        }
        rewarded = {(grant.title, grant.event) for grant in grants}
        rule = self._catalogue.pack(own.policy_pack).reward_rule
        schedule = as_schedule(own.schedule)
        found = []
        for holding, held in titles:
            amount = schedule.amount_for(held)
            is_in_scope = (held.recognition_id, held.event) in applied or (
                claimed is not None
                and held.is_valid_on(today)
                and is_set_against(
                    schedule.scope, claimed, held, same_year=own.fiscal_year == today.year
                )
            )
            if (
                amount is not None
                and held.title in rule.titles
                and not holding.has_lost_reward
                and not held.is_taken_over
                and (held.title, held.event) not in rewarded
                and is_in_scope
            ):
                found.append(Standing(held=held, amount=amount))
        return found

    async def _open(
        self,
        award: Award,
        due: Decimal,
        keeps: Standing | None,
        formula: Text,
        lost: Holding,
        system: Actor,
    ) -> None:
        status = after(position_of(award), Step.RECOVER)
        kept: HeldTitle | None = None if keeps is None else keeps.held
        recovery = Recovery(
            id=new_id(),
            award_id=award.id,
            recognition_id=lost.recognition_id,
            ground=lost.revocation_ground or "",
            finding_number=lost.finding_number,
            due=due,
            kept_recognition_id=None if kept is None else UUID(kept.recognition_id),
            kept_title=None if kept is None else kept.title,
            kept_event=None if kept is None else kept.event,
            kept_amount=None if keeps is None else keeps.amount,
            formula={"zh": formula.zh, "en": formula.en},
            status=RecoveryStatus.OPEN,
            opened_on=self._clock.today(),
            opened_at=self._clock.now(),
            instalments=[],
            waivers=[],
        )
        await self._ledger.call_back(award, recovery)
        award.status = status
        await self._save(award)
        record(
            self._journal,
            self._catalogue,
            award,
            "recovery_opened",
            system,
            due=f"{due:.2f}",
            ground=lost.revocation_ground,
            finding_number=lost.finding_number,
            formula=formula.zh,
        )
        self._journal.announce(
            RecoveryOpened(**which(award), recovery_id=recovery.id, due=f"{due:.2f}")
        )

    # ------------------------------------------------------------ paying back

    async def repay(
        self, recovery_id: UUID, *, amount: Decimal, paid_on: date, voucher: str, officer: Actor
    ) -> Recovery:
        """Record that money came back. The same voucher again changes nothing."""
        case = await self._lock(recovery_id, officer)
        award, recovery = case.award, case.recovery
        require_jurisdiction(officer, self._catalogue.pack(award.policy_pack))
        known = await self._awards.entry(EntryKind.RECOVERED, voucher)
        if known is not None:
            is_repeat = known.recovery_id == recovery.id and known.amount == amount
            if not is_repeat or known.on_day != paid_on:
                raise VoucherUsed
            return await self._read(recovery_id, officer)
        _require_due(recovery, amount)
        require_payment_day(paid_on, recovery.opened_on, self._clock.today())
        await self._ledger.recover(
            award, recovery, amount, paid_on=paid_on, voucher=voucher, by=officer.sub
        )
        record(
            self._journal,
            self._catalogue,
            award,
            "repaid",
            officer,
            repaid=f"{amount:.2f}",
            paid_on=paid_on.isoformat(),
            voucher=voucher,
        )
        self._journal.announce(
            RecoveryRepaid(
                **which(award),
                recovery_id=recovery.id,
                repaid=f"{amount:.2f}",
                paid_on=paid_on,
                voucher=voucher,
            )
        )
        await self._settle(case, officer)
        return await self._read(recovery_id, officer)

    async def plan(
        self,
        recovery_id: UUID,
        instalments: Sequence[tuple[date, Decimal]],
        *,
        reason: str,
        officer: Actor,
    ) -> Recovery:
        """Set by when what is left is paid back, at once or in parts; a new plan replaces the old."""
        case = await self._lock(recovery_id, officer)
        award, recovery = case.award, case.recovery
        require_jurisdiction(officer, self._catalogue.pack(award.policy_pack))
        left = left_of(recovery)
        if left == ZERO:
            raise RecoverySettled
        _require_plan(instalments, left, self._clock.today())
        number = max((one.plan for one in recovery.instalments), default=0) + 1
        now = self._clock.now()
        recovery.instalments.extend(
            Instalment(
                plan=number,
                number=place,
                due_on=due_on,
                amount=amount,
                reason=reason,
                set_by=officer.sub,
                set_at=now,
            )
            for place, (due_on, amount) in enumerate(instalments, start=1)
        )
        await self._save_case(case)
        record(
            self._journal,
            self._catalogue,
            award,
            "repayment_planned",
            officer,
            reason=reason,
            recovery_id=str(recovery.id),
            instalments=[
                {"due_on": due_on.isoformat(), "amount": f"{amount:.2f}"}
                for due_on, amount in instalments
            ],
        )
        return await self._read(recovery_id, officer)

    async def ask_waiver(
        self,
        recovery_id: UUID,
        *,
        amount: Decimal,
        reason: str,
        document_number: str,
        officer: Actor,
    ) -> Recovery:
        """Ask that a part of what is due is not collected; another officer decides."""
        case = await self._lock(recovery_id, officer)
        award, recovery = case.award, case.recovery
        require_jurisdiction(officer, self._catalogue.pack(award.policy_pack))
        _require_due(recovery, amount)
        if _open_waiver(recovery) is not None:
            raise WaiverOpen
        await self._require_below_highest(award, amount)
        recovery.waivers.append(
            Waiver(
                id=new_id(),
                amount=amount,
                reason=reason,
                document_number=document_number,
                requested_by=officer.sub,
                requested_at=self._clock.now(),
                is_granted=None,
                decision_reason=None,
                decided_by=None,
                decided_at=None,
            )
        )
        await self._save_case(case)
        record(
            self._journal,
            self._catalogue,
            award,
            "waiver_asked",
            officer,
            reason=reason,
            waived=f"{amount:.2f}",
            document_number=document_number,
        )
        return await self._read(recovery_id, officer)

    async def decide_waiver(
        self, recovery_id: UUID, *, is_granted: bool, reason: str, officer: Actor
    ) -> Recovery:
        """Waive what another officer asked to be waived, or not."""
        case = await self._lock(recovery_id, officer)
        award, recovery = case.award, case.recovery
        require_jurisdiction(officer, self._catalogue.pack(award.policy_pack))
        waiver = _open_waiver(recovery)
        if waiver is None:
            raise WaiverNotOpen
        _require_another_than_asked(waiver, officer)
        if is_granted:
            _require_due(recovery, waiver.amount)
            await self._require_below_highest(award, waiver.amount)
        waiver.is_granted = is_granted
        waiver.decision_reason = reason
        waiver.decided_by = officer.sub
        waiver.decided_at = self._clock.now()
        await self._save_case(case)
        record(
            self._journal,
            self._catalogue,
            award,
            "waiver_granted" if is_granted else "waiver_refused",
            officer,
            reason=reason,
            waived=f"{waiver.amount:.2f}",
        )
        if is_granted:
            await self._ledger.waive(
                award, recovery, waiver.amount, reason=waiver.reason, by=officer.sub
            )
            self._journal.announce(
                RecoveryWaived(
                    **which(award),
                    recovery_id=recovery.id,
                    waived=f"{waiver.amount:.2f}",
                    document_number=waiver.document_number,
                )
            )
            await self._settle(case, officer)
        return await self._read(recovery_id, officer)

    # ------------------------------------------------------------ reading

    async def find(self, recovery_id: UUID, reader: Actor) -> Recovery:
        return await self._read(recovery_id, reader)

    async def page(self, reader: Actor, page: Paging, sought: SoughtRecoveries) -> Found[Recovery]:
        return await self._recoveries.page(reader, page, sought, self._clock.today())

    def available_actions(self, of: Recovery, reader: Actor) -> list[AvailableAction]:
        href = f"/api/v1/recoveries/{of.id}"

        def refuse_settled() -> None:
            if of.status is RecoveryStatus.SETTLED:
                raise RecoverySettled

        def refuse_repayment() -> None:
            require(reader, Scope.REWARDS_DISBURSE, Office.DISBURSEMENT)
            require_jurisdiction(reader, self._catalogue.pack(of.award.policy_pack))
            refuse_settled()

        def refuse_plan() -> None:
            require(reader, Scope.REWARDS_WRITE, Office.FINANCE)
            require_jurisdiction(reader, self._catalogue.pack(of.award.policy_pack))
            refuse_settled()

        def refuse_waiver() -> None:
            refuse_plan()
            if _open_waiver(of) is not None:
                raise WaiverOpen

        def refuse_decision() -> None:
            require(reader, Scope.REWARDS_APPROVE, Office.FINANCE)
            require_jurisdiction(reader, self._catalogue.pack(of.award.policy_pack))
            waiver = _open_waiver(of)
            if waiver is None:
                raise WaiverNotOpen
            _require_another_than_asked(waiver, reader)

        return [
            offer("repay", "POST", f"{href}/repayments", refuse_repayment),
            offer("plan", "POST", f"{href}/plan", refuse_plan),
            offer("ask_waiver", "POST", f"{href}/waivers", refuse_waiver),
            offer("decide_waiver", "POST", f"{href}/waivers/decision", refuse_decision),
        ]

    async def _read(self, recovery_id: UUID, reader: Actor) -> Recovery:
        found = await self._recoveries.find(recovery_id, reader)
        if found is None:
            raise RecoveryNotFound
        return found

    async def _lock(self, recovery_id: UUID, officer: Actor) -> Case:
        award_id = await self._recoveries.award_of(recovery_id, officer)
        if award_id is None:
            raise RecoveryNotFound
        award = await lock_award(self._session, award_id, officer)
        return Case(award, next(one for one in award.recoveries if one.id == recovery_id))

    async def _require_below_highest(self, award: Award, amount: Decimal) -> None:
        """Refuse a waiver with which more than the highest amount would stay, in words."""
        left = await self._recoveries.left_below_highest(award.id)
        if left is not None and amount > left:
            most = max(left, ZERO)
            raise WaiverAboveHighest(
                f"连同其他有效奖励，最多可核销 {most:,.2f} 元，本次 {amount:,.2f} 元。",
                f"Beside what else stands, {most:,.2f} yuan can be waived at most; this is"
                f" {amount:,.2f}.",
            )

    async def _settle(self, case: Case, actor: Actor) -> None:
        if left_of(case.recovery) == ZERO:
            case.recovery.status = RecoveryStatus.SETTLED
        await self._save_case(case)
        await self._close(case.award, actor)

    async def _close(self, award: Award, actor: Actor) -> None:
        """End the recovery of an award of which nothing is due and nothing under way any more."""
        is_settled = all(one.status is RecoveryStatus.SETTLED for one in award.recoveries)
        position = position_of(award)
        if award.status is not AwardStatus.RECOVERING or not is_settled or position.ordered > ZERO:
            return
        award.status = after(position, Step.SETTLE)
        await self._save(award)
        record(self._journal, self._catalogue, award, "recovered", actor)
        self._journal.announce(AwardRecovered(**which(award), recovery_id=award.recoveries[-1].id))

    async def _save_case(self, case: Case) -> None:
        # What belongs to a recovery is a part of it: whoever read it before has an old version.
        flag_modified(case.recovery, "status")
        await self._save(case.award)

    async def _save(self, award: Award) -> None:
        award.updated_at = self._clock.now()
        await self._session.flush()


def left_of(recovery: Recovery) -> Decimal:
    """Return what is still to be paid back."""
    return recovery.due - recovery.repaid - recovery.waived


def standing_of(award: Award) -> Decimal:
    """Return what can still fall of a grant, paid or not. What was waived is settled for good."""
    return award.granted - award.cancelled - award.recovery_due


def _scheduled(award: Award, grants: Sequence[GrantRow]) -> Decimal:
    """Return what the schedule set for the title that an award stands for now."""
    stands_for = award.stands_for or award.recognition_id
    return next(
        (
            grant.scheduled_amount
            for grant in grants
            if grant.award_id == award.id and grant.recognition_id == stands_for
        ),
        award.scheduled_amount,
    )


def _reason_of(lost: Holding) -> str:
    return f"称号因 {lost.revocation_ground} 撤销"


def _is_wholly_unpaid(award: Award, due: Decimal) -> bool:
    """Whether all of an award is due of which nothing was paid and nothing is under way."""
    return paid_of(award) == ZERO and open_line_of(award) is None and due == standing_of(award)


def _set_off_together(own: Award, awards: Sequence[Award]) -> list[Award]:
    """Return the awards that were set against each other, directly or by way of another."""
    live = [one for one in awards if one.status is not AwardStatus.CANCELLED]
    together = {own.id}
    while True:
        more = {
            one.id
            for one in live
            if one.id not in together
            and (
                together.intersection(one.set_against)
                or any(one.id in other.set_against for other in live if other.id in together)
            )
        }
        if not more:
            return [one for one in live if one.id in together]
        together |= more


def _open_waiver(recovery: Recovery) -> Waiver | None:
    return next((one for one in recovery.waivers if one.is_granted is None), None)


def _require_another_than_asked(waiver: Waiver, officer: Actor) -> None:
    require_another(
        waiver.requested_by,
        officer,
        zh="申请人不能决定自己提出的核销。",
        en="Who asked for a waiver cannot decide on it.",
    )


def _require_due(recovery: Recovery, amount: Decimal) -> None:
    left = left_of(recovery)
    if left == ZERO:
        raise RecoverySettled
    if amount > left:
        raise PaymentTooLarge(
            f"尚应追回 {left:,.2f} 元，本次 {amount:,.2f} 元。",
            f"{left:,.2f} yuan are still due; this is {amount:,.2f}.",
        )


def _require_plan(instalments: Sequence[tuple[date, Decimal]], left: Decimal, today: date) -> None:
    errors: list[tuple[str, str, Text]] = []
    days = [due_on for due_on, _ in instalments]
    for place, due_on in enumerate(days):
        if due_on < today or (place and due_on <= days[place - 1]):
            text = Text(
                "各期到期日须不早于今天，并依次递增。",
                "Each day is not before today and later than the one before it.",
            )
            errors.append((f"/instalments/{place}/due_on", "not_in_order", text))
    total = sum((amount for _, amount in instalments), ZERO)
    if total != left:
        text = Text(
            f"各期合计 {total:,.2f} 元，须等于尚应追回的 {left:,.2f} 元。",
            f"The instalments come to {total:,.2f} yuan; {left:,.2f} are still due.",
        )
        errors.append(("/instalments", "not_the_sum", text))
    if errors:
        raise PlanNotPossible(errors=errors)
