"""Reading awards as they are answered: one statement for each award with all that belongs to it.

The same statement is asked by the short way, for what is read very often, and inside a transaction
that has just changed an award.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Text, bindparam, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import UUID_COLUMN, Database
from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, read_page
from services.kernel.questions import Question
from services.policy.rewards import ZERO
from services.rewards.models import Award, BatchLine, LedgerEntry, RewardSchedule
from services.rewards.repository import OFFICES, is_part_of_higher, title_is_held, visible_to
from services.rewards.workflow import AwardStatus, EntryKind, LineStatus, Position, TitleState

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AwardRecord:
    """An award as it stands: the columns of its row, and what belongs to it, oldest first."""

    id: UUID
    uscc: str
    legal_name: str
    region: str
    recognition_id: UUID
    title: str
    event: str
    fiscal_year: int
    amount: Decimal
    scheduled_amount: Decimal
    set_against: Sequence[UUID]
    policy_pack: str
    run_id: UUID | None
    calculation: str
    reason: str
    status: str
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    cancellation_reason: str | None
    updated_at: datetime
    version: int
    granted: Decimal
    cancelled: Decimal
    disbursed: Decimal
    returned: Decimal
    recovery_due: Decimal
    recovered: Decimal
    waived: Decimal
    stands_for: UUID | None
    schedule_code: str
    entries: Sequence[Json]
    """Payments and returns of the ledger."""
    lines: Sequence[Json]
    """Orders to the disbursement system."""
    title_state: TitleState

    @property
    def paid(self) -> Decimal:
        return self.disbursed - self.returned

    @property
    def position(self) -> Position:
        return Position(
            status=AwardStatus(self.status),
            payable=self.granted - self.cancelled,
            paid=self.paid,
            ordered=sum(
                (
                    Decimal(line["amount"]) - Decimal(line["paid"])
                    for line in self.lines
                    if line["status"] == LineStatus.ORDERED
                ),
                ZERO,
            ),
        )


async def read_award(database: Database, award_id: UUID, reader: Actor) -> AwardRecord | None:
    """Read one award by the short way, if the reader may see it."""
    question = question_for("one", reader)
    rows = await database.fetch(question.sql, *question.values(awards=[award_id]))
    return _record(rows[0]) if rows else None


async def read_awards_of(database: Database, uscc: str, reader: Actor) -> list[AwardRecord]:
    """Read every award of an enterprise that the reader may see, oldest first, by the short way."""
    question = question_for("enterprise", reader)
    rows = await database.fetch(question.sql, *question.values(uscc=uscc))
    return [_record(row) for row in rows]


class AwardReading:
    """Reads awards inside a transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def one(self, award_id: UUID, reader: Actor) -> AwardRecord:
        (found,) = await self.several([award_id], reader)
        return found

    async def several(self, award_ids: Collection[UUID], reader: Actor) -> list[AwardRecord]:
        """Return these awards in the order of asking."""
        rows = await self._session.execute(_statement("one", reader), {"awards": list(award_ids)})
        by_id = {row[0]: _record(row) for row in rows}
        return [by_id[award_id] for award_id in award_ids]

    async def page(
        self, reader: Actor, page: Paging, fits: Sequence[ColumnElement[bool]]
    ) -> Found[AwardRecord]:
        """Return a page of awards, the newest first."""
        found = await read_page(
            self._session,
            select(Award.id).where(visible_to(reader), *fits),
            page,
            by=[(Award.id.expression, UUID)],
            key=lambda award_id: [award_id],
            descending=True,
        )
        return Found(items=await self.several(found.items, reader), next=found.next)


def question_for(which: Literal["one", "enterprise"], reader: Actor) -> Question:
    """Return the statement that answers for a reader: one for all who see the same awards."""
    return _question(which, reader.uscc, reader.region, reader.holds(*OFFICES))


@lru_cache(maxsize=4096)
def _question(which: str, uscc: str | None, region: str | None, is_in_office: bool) -> Question:
    """Write the statement for readers who see the same awards."""
    reader = Actor(
        sub="",
        client_id="",
        # An office without a level, which every region has.
        offices=frozenset({OFFICES[-1]}) if is_in_office else frozenset(),
        scopes=frozenset(),
        region=region,
        uscc=uscc,
    )
    return Question.of(_statement(which, reader))


def _statement(which: str, reader: Actor) -> Any:
    fits = (
        Award.id == func.any(bindparam("awards", type_=ARRAY(UUID_COLUMN)))
        if which == "one"
        else Award.uscc == bindparam("uscc", type_=Text)
    )
    return (
        select(
            *_COLUMNS,
            RewardSchedule.code,
            title_is_held(),
            is_part_of_higher(),
            _entries(),
            _lines(),
        )
        .join(RewardSchedule, RewardSchedule.id == Award.schedule_id)
        .where(visible_to(reader), fits)
        .order_by(Award.id)
    )


_COLUMNS = (
    Award.id,
    Award.uscc,
    Award.legal_name,
    Award.region,
    Award.recognition_id,
    Award.title,
    Award.event,
    Award.fiscal_year,
    Award.amount,
    Award.scheduled_amount,
    Award.set_against,
    Award.policy_pack,
    Award.run_id,
    cast(Award.calculation, Text),
    Award.reason,
    Award.status,
    Award.proposed_by,
    Award.proposed_at,
    Award.approved_by,
    Award.approved_at,
    Award.cancellation_reason,
    Award.updated_at,
    Award.version,
    Award.granted,
    Award.cancelled,
    Award.disbursed,
    Award.returned,
    Award.recovery_due,
    Award.recovered,
    Award.waived,
    Award.stands_for,
)


def _entries() -> ScalarSelect[str]:
    found = (
        select(
            LedgerEntry.id,
            LedgerEntry.kind,
            # A number of JSON would lose its cents.
            cast(LedgerEntry.amount, Text).label("amount"),
            LedgerEntry.on_day,
            LedgerEntry.reference,
            LedgerEntry.payment_id,
            LedgerEntry.batch_id,
            LedgerEntry.line_number,
            LedgerEntry.reason,
            LedgerEntry.recorded_at,
        )
        .where(
            LedgerEntry.award_id == Award.id,
            or_(LedgerEntry.kind == EntryKind.DISBURSED, LedgerEntry.kind == EntryKind.RETURNED),
        )
        .order_by(LedgerEntry.id)
        .correlate(Award)
        .subquery("entry")
    )
    return _as_text(found)


def _lines() -> ScalarSelect[str]:
    found = (
        select(
            BatchLine.batch_id,
            BatchLine.batch_number,
            BatchLine.number,
            cast(BatchLine.amount, Text).label("amount"),
            cast(BatchLine.paid, Text).label("paid"),
            BatchLine.status,
            BatchLine.ordered_at,
            BatchLine.stop_requested_at,
            BatchLine.rejected_on,
            BatchLine.rejection_reason,
        )
        .where(BatchLine.award_id == Award.id)
        .order_by(BatchLine.ordered_at, BatchLine.batch_id)
        .correlate(Award)
        .subquery("line")
    )
    return _as_text(found)


def _as_text(found: Any) -> ScalarSelect[str]:
    rows = func.json_agg(found.table_valued())
    return select(cast(rows, Text)).select_from(found).scalar_subquery()


def _record(row: Any) -> AwardRecord:
    *columns, is_held, is_part, entries, lines = row
    belonging: Any = (
        json.loads(entries or "[]"),
        json.loads(lines or "[]"),
        TitleState(is_held, is_part),
    )
    return AwardRecord(*columns, *belonging)
