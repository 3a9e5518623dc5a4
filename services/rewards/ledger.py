"""台账: entering what happened to money. The database sums it up, and refuses what is too much."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Numeric, String, cast, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from services.kernel.problems import Problem
from services.policy.rewards import ZERO, RewardedEvent
from services.rewards.models import Award, BatchLine, LedgerEntry, Recovery
from services.rewards.problems import (
    AwardExists,
    BudgetExceeded,
    BudgetMissing,
    PaymentTooLarge,
    TitleNoLongerHeld,
    VoucherUsed,
    WaiverAboveHighest,
)
from services.rewards.workflow import EntryKind, LineStatus, Position

_SUMS = (
    "granted",
    "cancelled",
    "disbursed",
    "returned",
    "recovery_due",
    "recovered",
    "waived",
    "stands_for",
)
_REFUSALS: dict[str, type[Problem]] = {
    "one_grant": AwardExists,
    "pk_rewarded_titles": AwardExists,
    "once_per_recognition": AwardExists,
    "granted_within_the_highest": AwardExists,
    "ck_budgets_granted_within_budget": BudgetExceeded,
    "granted_under_a_budget": BudgetMissing,
    "granted_for_a_title": TitleNoLongerHeld,
    "one_payment_per_voucher": VoucherUsed,
    "one_repayment_per_voucher": VoucherUsed,
    "one_return_per_payment": VoucherUsed,
    "one_return_per_reference": VoucherUsed,
    "ck_awards_paid_within_granted": PaymentTooLarge,
    "ck_batch_lines_paid_within_order": PaymentTooLarge,
    "ck_recoveries_repaid_within_due": PaymentTooLarge,
    "waived_within_the_highest": WaiverAboveHighest,
}
"""What a caller is told when the database refuses what the service had thought right."""


class Ledger:
    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def grant(self, awards: Sequence[Award], *, by: str) -> None:
        """Add awards and reserve their sums. Raises `AwardExists` or `BudgetExceeded`."""
        self._session.add_all(awards)
        await self._session.flush()
        entries = [
            self._entry(award, EntryKind.GRANTED, award.amount, on_day=self._clock.today(), by=by)
            for award in awards
        ]
        await self._enter(entries)

    async def cancel(self, award: Award, amount: Decimal, *, reason: str, by: str) -> None:
        """Give back to the budget what will not be paid."""
        entry = self._entry(
            award, EntryKind.CANCELLED, amount, on_day=self._clock.today(), by=by, reason=reason
        )
        await self._enter([entry])
        await self._read_again(award)

    async def disburse(
        self,
        award: Award,
        line: BatchLine,
        amount: Decimal,
        *,
        paid_on: date,
        voucher: str,
        by: str,
    ) -> None:
        entry = self._entry(
            award, EntryKind.DISBURSED, amount, on_day=paid_on, by=by, reference=voucher
        )
        entry.batch_id, entry.line_number = line.batch_id, line.number
        await self._enter([entry])
        await self._read_again(award)
        await self._session.refresh(line, ["paid", "status"])

    async def take_back(
        self, award: Award, payment: LedgerEntry, *, on: date, reference: str, reason: str, by: str
    ) -> None:
        """Enter that the bank sent a payment back."""
        entry = self._entry(
            award,
            EntryKind.RETURNED,
            payment.amount,
            on_day=on,
            by=by,
            reference=reference,
            reason=reason,
        )
        entry.payment_id = payment.id
        await self._enter([entry])
        await self._read_again(award)

    async def recover(
        self,
        award: Award,
        recovery: Recovery,
        amount: Decimal,
        *,
        paid_on: date,
        voucher: str,
        by: str,
    ) -> None:
        entry = self._entry(
            award, EntryKind.RECOVERED, amount, on_day=paid_on, by=by, reference=voucher
        )
        await self._settle(award, recovery, entry)

    async def waive(
        self, award: Award, recovery: Recovery, amount: Decimal, *, reason: str, by: str
    ) -> None:
        entry = self._entry(
            award, EntryKind.WAIVED, amount, on_day=self._clock.today(), by=by, reason=reason
        )
        await self._settle(award, recovery, entry)

    async def call_back(self, award: Award, recovery: Recovery) -> None:
        """Open a recovery; the database adds what is due to the award."""
        award.recoveries.append(recovery)
        await self._session.flush()
        await self._read_again(award)

    async def keep_for(
        self,
        award: Award,
        recognition_id: UUID,
        *,
        event: RewardedEvent | None = None,
        amount: Decimal | None = None,
    ) -> None:
        """Let the rest of an award stand for another title, which is used up from then on.

        Without an event and an amount it is a part of what another award of the enterprise is for.
        """
        await self._session.flush()
        await self._session.execute(
            select(
                func.rewards.keep_for(
                    award.id, recognition_id, cast(event, String), cast(amount, Numeric(16, 2))
                )
            )
        )
        await self._read_again(award)

    async def _settle(self, award: Award, recovery: Recovery, entry: LedgerEntry) -> None:
        entry.recovery_id = recovery.id
        await self._enter([entry])
        await self._read_again(award)
        await self._session.refresh(recovery, ["repaid", "waived"])

    def _entry(
        self,
        award: Award,
        kind: EntryKind,
        amount: Decimal,
        *,
        on_day: date,
        by: str,
        reference: str | None = None,
        reason: str | None = None,
    ) -> LedgerEntry:
        return LedgerEntry(
            id=new_id(),
            award_id=award.id,
            kind=kind,
            amount=amount,
            on_day=on_day,
            reference=reference,
            batch_id=None,
            line_number=None,
            payment_id=None,
            recovery_id=None,
            reason=reason,
            recorded_by=by,
            recorded_at=self._clock.now(),
        )

    async def _enter(self, entries: Sequence[LedgerEntry]) -> None:
        self._session.add_all(entries)
        try:
            await self._session.flush()
        except IntegrityError as error:
            refusal = _REFUSALS.get(violated_constraint(error) or "")
            if refusal is None:
                raise
            raise refusal from error

    async def _read_again(self, award: Award) -> None:
        await self._session.refresh(award, _SUMS)


def position_of(award: Award) -> Position:
    """Return where an award stands by the ledger and its orders."""
    return Position(
        status=award.status,
        payable=award.granted - award.cancelled,
        paid=paid_of(award),
        ordered=sum(
            (one.amount - one.paid for one in award.lines if one.status is LineStatus.ORDERED),
            ZERO,
        ),
    )


def paid_of(award: Award) -> Decimal:
    """Return what was paid and not sent back by the bank."""
    return award.disbursed - award.returned


def open_line_of(award: Award) -> BatchLine | None:
    return next((one for one in award.lines if one.status is LineStatus.ORDERED), None)
