"""拨付: ordered in numbered batches, confirmed by the disbursement system, rejected, sent again."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.rewards import (
    AwardDisbursed,
    AwardOrdered,
    OrderRejected,
    PaymentReturned,
)
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import Journal
from services.kernel.paging import Found, Paging
from services.policy.catalogue import Catalogue
from services.policy.rewards import ZERO
from services.rewards.award_log import record, which
from services.rewards.award_service import lock_award
from services.rewards.batch_repository import BatchRepository, BatchSummary
from services.rewards.duties import fund_of, require_jurisdiction
from services.rewards.ledger import Ledger, open_line_of, position_of
from services.rewards.models import Award, BatchLine, DisbursementBatch
from services.rewards.problems import (
    NothingToOrder,
    OrderClosed,
    OrderNotFound,
    PaymentNotFound,
    VoucherUsed,
)
from services.rewards.recovery_service import RecoveryService
from services.rewards.repository import AwardRepository, lock_enterprises
from services.rewards.workflow import (
    EntryKind,
    LineStatus,
    Step,
    after,
    require_payment_day,
)


class DisbursementService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue
        self._awards = AwardRepository(session)
        self._batches = BatchRepository(session)
        self._ledger = Ledger(session, clock)
        self._recoveries = RecoveryService(session, journal, clock, catalogue)

    async def order(
        self, *, fiscal_year: int, award_ids: Sequence[UUID] | None, officer: Actor
    ) -> DisbursementBatch:
        """Order the disbursement system to pay what is approved and not ordered yet.

        All of a year, the oldest first and as many as a batch holds, or those that are named.
        """
        fund = fund_of(officer, self._catalogue)
        usccs = await self._batches.to_order(fiscal_year, award_ids, officer)
        await lock_enterprises(self._session, usccs)
        awards = await self._batches.lock_to_order(fiscal_year, award_ids, usccs, officer)
        _require_all(award_ids, awards)
        now = self._clock.now()
        number = await self._batches.next_number(fiscal_year)
        lines = [
            self._line(award, batch_number=number, number=place)
            for place, award in enumerate(awards, start=1)
        ]
        batch = DisbursementBatch(
            id=new_id(),
            number=number,
            fiscal_year=fiscal_year,
            region=fund,
            total=sum((line.amount for line in lines), ZERO),
            ordered_by=officer.sub,
            ordered_at=now,
            ordered_on=self._clock.today(),
            lines=lines,
        )
        self._batches.add(batch)
        await self._session.flush()
        for award, line in zip(awards, lines, strict=True):
            award.updated_at = now
            record(
                self._journal,
                self._catalogue,
                award,
                "ordered",
                officer,
                batch_number=number,
                line_number=line.number,
                ordered=f"{line.amount:.2f}",
            )
            self._journal.announce(
                AwardOrdered(
                    **which(award),
                    batch_number=number,
                    line_number=line.number,
                    ordered=f"{line.amount:.2f}",
                )
            )
        await self._session.flush()
        return await self.find(batch.id, officer)

    async def disburse(
        self, award_id: UUID, *, amount: Decimal, paid_on: date, voucher: str, system: Actor
    ) -> Award:
        """Record that money was paid on an order. The same voucher again changes nothing."""
        award = await self._lock(award_id, system)
        known = await self._awards.entry(EntryKind.DISBURSED, voucher)
        if known is not None:
            is_repeat = known.award_id == award.id and known.amount == amount
            if not is_repeat or known.on_day != paid_on:
                raise VoucherUsed
            return award
        status = after(position_of(award), Step.DISBURSE, amount)
        line = open_line_of(award)
        if line is None:
            raise LookupError(f"award {award.id} has no open order")
        ordered_on = await self._batches.ordered_on(line.batch_id)
        require_payment_day(paid_on, ordered_on, self._clock.today())
        await self._ledger.disburse(
            award, line, amount, paid_on=paid_on, voucher=voucher, by=system.sub
        )
        award.status = status
        await self._save(award)
        record(
            self._journal,
            self._catalogue,
            award,
            "paid",
            system,
            paid=f"{amount:.2f}",
            paid_on=paid_on.isoformat(),
            voucher=voucher,
            batch_number=line.batch_number,
            line_number=line.number,
        )
        self._journal.announce(
            AwardDisbursed(**which(award), paid=f"{amount:.2f}", paid_on=paid_on, voucher=voucher)
        )
        await self._recoveries.follow_order(award, system)
        return award

    async def reject(
        self,
        batch_id: UUID,
        line_number: int,
        *,
        rejected_on: date,
        reference: str,
        reason: str,
        system: Actor,
    ) -> BatchLine:
        """Record that the bank did not carry an order out. The same again changes nothing."""
        award_id = await self._batches.award_of(batch_id, line_number, system)
        if award_id is None:
            raise OrderNotFound
        award = await self._lock(award_id, system)
        line = next(
            one for one in award.lines if (one.batch_id, one.number) == (batch_id, line_number)
        )
        if line.status is not LineStatus.ORDERED:
            if (line.rejection_reference, line.rejected_on) == (reference, rejected_on):
                return line
            raise OrderClosed
        ordered_on = await self._batches.ordered_on(batch_id)
        require_payment_day(rejected_on, ordered_on, self._clock.today())
        rejected = line.amount - line.paid
        line.status = LineStatus.REJECTED
        line.rejected_on = rejected_on
        line.rejection_reference = reference
        line.rejection_reason = reason
        await self._save(award)
        record(
            self._journal,
            self._catalogue,
            award,
            "order_rejected",
            system,
            reason=reason,
            batch_number=line.batch_number,
            line_number=line.number,
            rejected=f"{rejected:.2f}",
            reference=reference,
        )
        self._journal.announce(
            OrderRejected(
                **which(award),
                batch_number=line.batch_number,
                line_number=line.number,
                rejected=f"{rejected:.2f}",
                rejected_on=rejected_on,
                reason=reason,
            )
        )
        await self._recoveries.follow_order(award, system)
        return line

    async def take_back(
        self,
        award_id: UUID,
        *,
        voucher: str,
        returned_on: date,
        reference: str,
        reason: str,
        system: Actor,
    ) -> Award:
        """Record that the bank sent a payment back (退票): it is owed, and can be ordered, again."""
        award = await self._lock(award_id, system)
        payment = await self._awards.entry(EntryKind.DISBURSED, voucher)
        if payment is None or payment.award_id != award.id:
            raise PaymentNotFound
        known = await self._awards.entry(EntryKind.RETURNED, reference)
        if known is not None:
            if known.payment_id != payment.id or known.on_day != returned_on:
                raise VoucherUsed
            return award
        status = after(position_of(award), Step.RETURN)
        require_payment_day(returned_on, payment.on_day, self._clock.today())
        await self._ledger.take_back(
            award, payment, on=returned_on, reference=reference, reason=reason, by=system.sub
        )
        award.status = status
        await self._save(award)
        record(
            self._journal,
            self._catalogue,
            award,
            "payment_returned",
            system,
            reason=reason,
            returned=f"{payment.amount:.2f}",
            voucher=voucher,
            reference=reference,
        )
        self._journal.announce(
            PaymentReturned(
                **which(award),
                returned=f"{payment.amount:.2f}",
                returned_on=returned_on,
                voucher=voucher,
                reference=reference,
                reason=reason,
            )
        )
        return award

    async def find(self, batch_id: UUID, reader: Actor) -> DisbursementBatch:
        found = await self._batches.find(batch_id, reader)
        if found is None:
            raise OrderNotFound
        return found

    async def page(
        self, reader: Actor, page: Paging, *, fiscal_year: int | None
    ) -> Found[BatchSummary]:
        return await self._batches.page(reader, page, fiscal_year=fiscal_year)

    def _line(self, award: Award, *, batch_number: str, number: int) -> BatchLine:
        position = position_of(award)
        after(position, Step.ORDER)
        return BatchLine(
            number=number,
            batch_number=batch_number,
            award_id=award.id,
            uscc=award.uscc,
            legal_name=award.legal_name,
            title=award.title,
            region=award.region,
            amount=position.left,
            ordered_at=self._clock.now(),
            status=LineStatus.ORDERED,
            stop_requested_at=None,
            rejected_on=None,
            rejection_reason=None,
            rejection_reference=None,
        )

    async def _lock(self, award_id: UUID, system: Actor) -> Award:
        """Lock an award for the system that pays out of the fund it is granted from."""
        award = await lock_award(self._session, award_id, system)
        require_jurisdiction(system, self._catalogue.pack(award.policy_pack))
        return award

    async def _save(self, award: Award) -> None:
        award.updated_at = self._clock.now()
        await self._session.flush()


def _require_all(award_ids: Sequence[UUID] | None, awards: Sequence[Award]) -> None:
    """Refuse a batch without an award, or without one that was named."""
    missing = sorted({*(award_ids or ())} - {award.id for award in awards})
    if missing:
        names = ", ".join(map(str, missing))
        raise NothingToOrder(
            f"以下奖励不能下达（不存在、未批准、已付清、已下达或不属于该年度）：{names}",
            f"These are not there, not approved, paid, ordered already or of another year: {names}",
        )
    if not awards:
        raise NothingToOrder
