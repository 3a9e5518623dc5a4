"""日对账: what the disbursement system reports of a day, beside what we ordered and recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.text import Text
from services.policy.catalogue import Catalogue
from services.rewards.duties import fund_of
from services.rewards.problems import (
    DayNotCome,
    DaysNotPossible,
    DayStatementNotFound,
    DayStatementReplaced,
    DayStatementUnsound,
)
from services.rewards.reconciliation import (
    OUTSTANDING,
    Difference,
    DifferenceCode,
    Movement,
    Sum,
    digest_of,
    repeated,
)
from services.rewards.reconciliation_models import DayMovement, DayStatement
from services.rewards.reconciliation_repository import (
    DayCount,
    DayStatementRepository,
    ReconciliationRepository,
)

DAYS_SHOWN = timedelta(days=30)
MOST_DAYS = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class DayReconciled:
    """A day, as the three say it."""

    day: date
    statement: DayStatement | None
    totals: Mapping[tuple[str, str], Sum]
    """By side (`reported`, `recorded`, `ordered`, `open`) and kind."""
    counts: Mapping[DifferenceCode, int]

    @property
    def differences(self) -> int:
        """How many there are, without the orders that only wait for an answer."""
        return sum(number for code, number in self.counts.items() if code not in OUTSTANDING)

    @property
    def is_settled(self) -> bool:
        """Whether the day was reported, and nothing differs."""
        return self.statement is not None and self.differences == 0


class ReconciliationService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._statements = DayStatementRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def report(
        self, day: date, movements: Sequence[Movement], replaces: int | None, system: Actor
    ) -> DayStatement:
        """Keep what the disbursement system says that it did on a day.

        It changes no award: the ledger goes by confirmations. What was reported before in the same
        words is that statement, unless it says which one it replaces; in others, it takes the place of
        the last one.
        """
        fund = fund_of(system, self._catalogue)
        self._refuse_to_come(day)
        _refuse_repeated(movements)
        rows = ReconciliationRepository(self._session, fund)
        await rows.lock(day)
        last = await rows.last_statement(day)
        number = 0 if last is None else last.number
        digest = digest_of(movements)
        # A message that comes late must not take the place of what corrected it.
        known = await rows.statement_of(day, digest)
        if known is not None and (replaces is None or known.number == number):
            return known
        if replaces is not None and replaces != number:
            raise DayStatementReplaced(
                f"{day} 现行的是第 {number} 份。", f"Of {day}, number {number} counts now."
            )
        statement = DayStatement(
            id=new_id(),
            region=fund,
            day=day,
            number=number + 1,
            sha256=digest,
            movements_count=len(movements),
            received_by=system.sub,
            received_at=self._clock.now(),
        )
        await rows.add(
            statement,
            [
                DayMovement(
                    statement_id=statement.id,
                    number=number,
                    kind=one.kind,
                    award_id=one.award_id,
                    reference=one.reference,
                    amount=one.amount,
                )
                for number, one in enumerate(movements, start=1)
            ],
        )
        self._journal.record(
            HistoryEntry(
                subject_type="day_statement",
                subject_id=statement.id,
                action="received",
                actor=system,
                data={
                    "day": day.isoformat(),
                    "number": statement.number,
                    "movements": len(movements),
                    "sha256": digest,
                },
            )
        )
        return statement

    async def statement(self, statement_id: UUID, reader: Actor) -> DayStatement:
        found = await self._statements.find(statement_id, reader)
        if found is None:
            raise DayStatementNotFound
        return found

    async def statements(
        self, reader: Actor, page: Paging, *, day: date | None
    ) -> Found[DayStatement]:
        return await self._statements.page(reader, page, day=day)

    async def movements(
        self, statement_id: UUID, reader: Actor, page: Paging
    ) -> Found[DayMovement]:
        return await self._statements.movements(await self.statement(statement_id, reader), page)

    async def days(
        self,
        since: date | None,
        until: date | None,
        page: Paging,
        reader: Actor,
        *,
        is_settled: bool | None,
    ) -> Found[DayCount]:
        """Return every day since anything was ordered or reported, the newest first."""
        last = min(until or self._clock.today(), self._clock.today())
        first = since or last - DAYS_SHOWN
        if not first <= last <= first + MOST_DAYS:
            raise DaysNotPossible(
                f"{first} 至 {last} 须依次，且不超过 {MOST_DAYS.days} 天。",
                f"{first} to {last} have to be in order, and {MOST_DAYS.days} days at most.",
            )
        return await self._of(reader).days(first, last, page, is_settled=is_settled)

    async def day(self, day: date, reader: Actor) -> DayReconciled:
        """Lay the day's three records side by side. Reckoned when asked: no job can miss a day."""
        self._refuse_to_come(day)
        rows = self._of(reader)
        return DayReconciled(
            day=day,
            statement=await rows.last_statement(day),
            totals=await rows.totals(day),
            counts=await rows.counts(day),
        )

    async def differences(
        self, day: date, page: Paging, reader: Actor, *, code: DifferenceCode | None
    ) -> Found[Difference]:
        self._refuse_to_come(day)
        return await self._of(reader).differences(day, page, code=code)

    def _refuse_to_come(self, day: date) -> None:
        if day > self._clock.today():
            raise DayNotCome(f"{day} 尚未到来。", f"{day} has not come yet.")

    def _of(self, reader: Actor) -> ReconciliationRepository:
        return ReconciliationRepository(self._session, fund_of(reader, self._catalogue))


def _refuse_repeated(movements: Sequence[Movement]) -> None:
    places = repeated(movements)
    if places:
        text = Text(
            "同一对账单中同类凭证号只能出现一次。",
            "A statement names each reference once for each kind.",
        )
        raise DayStatementUnsound(
            errors=[(f"/movements/{place}/reference", "repeated", text) for place in places]
        )
