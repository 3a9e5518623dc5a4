"""The statements of the reconciliation list what a clerk with two lists would find, and nothing else."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from services.kernel.paging import Paging
from services.policy.rewards import Scope, Settlement
from services.rewards.models import (
    Award,
    BatchLine,
    DisbursementBatch,
    LedgerEntry,
    RewardSchedule,
)
from services.rewards.reconciliation import OUTSTANDING, DifferenceCode, MovementKind
from services.rewards.reconciliation_models import DayMovement, DayStatement
from services.rewards.reconciliation_repository import ReconciliationRepository
from services.rewards.workflow import AwardStatus, EntryKind, LineStatus, ScheduleStatus
from tests.builders.enterprises import PACK, uscc_of

DAYS = [date(2026, 9, day) for day in (1, 2, 3)]
NOW = datetime(2026, 9, 3, tzinfo=UTC)
ENTRY_OF = {
    MovementKind.PAYMENT: EntryKind.DISBURSED,
    MovementKind.RETURN: EntryKind.RETURNED,
    MovementKind.REPAYMENT: EntryKind.RECOVERED,
}
ORDERED, NEVER_ORDERED, FOREIGN, UNKNOWN = (UUID(int=number) for number in (1, 2, 3, 4))
BATCH = UUID(int=5)


class Moved(NamedTuple):
    kind: MovementKind
    reference: str
    award_id: UUID
    amount: Decimal


movements = st.builds(
    Moved,
    # Few, so that the same movement is often in several places.
    kind=st.sampled_from([MovementKind.PAYMENT, *MovementKind]),
    reference=st.sampled_from(["A", "A", "ü"]),
    award_id=st.sampled_from([ORDERED, NEVER_ORDERED, FOREIGN, UNKNOWN]),
    amount=st.sampled_from([Decimal("0.01"), Decimal("0.02")]),
)
statements = st.dictionaries(
    st.sampled_from(DAYS),
    st.lists(
        st.lists(movements, max_size=4, unique_by=lambda one: one[:2]), min_size=1, max_size=2
    ),
)
"""Of each day, one statement or a first one and its correction."""
ledgers = st.lists(
    st.tuples(movements.filter(lambda one: one.award_id != UNKNOWN), st.sampled_from(DAYS)),
    max_size=6,
    unique_by=lambda one: one[0][:2],
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(reported=statements, recorded=ledgers)
def test_every_difference_is_found_and_nothing_else(
    owner: URL,
    reported: dict[date, list[list[Moved]]],
    recorded: list[tuple[Moved, date]],
) -> None:
    asyncio.run(_compare(owner, reported, recorded))


def by_hand(
    reported: dict[date, list[list[Moved]]], recorded: list[tuple[Moved, date]], day: date
) -> Counter[str]:
    """Go through both lists as a clerk would."""
    said = {on: statements[-1] for on, statements in reported.items()}
    # What is another province's is no business of this fund.
    had = {one[:2]: (one, on) for one, on in recorded if one.award_id != FOREIGN}
    found: Counter[str] = Counter()
    for one in said.get(day, []):
        known = had.get(one[:2])
        if known is None:
            is_unordered = one.award_id == NEVER_ORDERED and one.kind is MovementKind.PAYMENT
            is_unknown = one.award_id in {UNKNOWN, FOREIGN}
            found[
                "award_unknown" if is_unknown else "not_ordered" if is_unordered else "not_recorded"
            ] += 1
        else:
            found += _between(one, day, *known)
        if sum(one[:2] in {other[:2] for other in theirs} for theirs in said.values()) > 1:
            found["reported_twice"] += 1
    for key, (one, on) in had.items():
        elsewhere = [(other, at) for at in sorted(said) for other in said[at] if other[:2] == key]
        if on != day or any(at == day for _, at in elsewhere):
            continue
        if not elsewhere:
            found["not_reported"] += 1
            continue
        found += _between(elsewhere[0][0], elsewhere[0][1], one, on)
        if len(elsewhere) > 1:
            found["reported_twice"] += 1
    return +found


def _between(reported: Moved, reported_on: date, recorded: Moved, on: date) -> Counter[str]:
    return Counter(
        amount_differs=int(reported.amount != recorded.amount),
        award_differs=int(reported.award_id != recorded.award_id),
        day_differs=int(reported_on != on),
    )


async def _compare(
    owner: URL,
    reported: dict[date, list[list[Moved]]],
    recorded: list[tuple[Moved, date]],
) -> None:
    engine = create_async_engine(owner, poolclass=NullPool)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        # Also what no sequence of real messages would leave; nothing of it stays.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await _put_in(session, reported, recorded)
        rows = ReconciliationRepository(session, "520000")
        listed = await rows.days(DAYS[0], DAYS[-1], Paging(limit=50, after=None), is_settled=None)
        # Something was ordered on the first of them.
        assert [one.day for one in listed.items] == DAYS[::-1]
        counted = {one.day: one.differences for one in listed.items}
        for day in DAYS:
            expected = by_hand(reported, recorded, day)
            counts = await rows.counts(day)
            page = await rows.differences(day, Paging(limit=200, after=None), code=None)
            keys = [(one.code, one.kind, one.reference, one.award_id) for one in page.items]
            assert len(keys) == len(set(keys))
            assert Counter(one.code for one in page.items) == counts
            movement_codes = {
                code.value: number
                for code, number in counts.items()
                if code not in OUTSTANDING and code is not DifferenceCode.SUMS_DIFFER
            }
            assert movement_codes == expected, day
            sums = counts.get(DifferenceCode.SUMS_DIFFER, 0)
            assert counted[day] == sum(expected.values()) + sums
        await session.rollback()
    await engine.dispose()


async def _put_in(
    session: AsyncSession,
    reported: dict[date, list[list[Moved]]],
    recorded: list[tuple[Moved, date]],
) -> None:
    await session.execute(insert(RewardSchedule).values(_schedule()))
    for award_id, region in ((ORDERED, "520102"), (NEVER_ORDERED, "520102"), (FOREIGN, "530102")):
        await session.execute(insert(Award).values(_award(award_id, region)))
    await session.execute(insert(DisbursementBatch).values(_batch()))
    await session.execute(insert(BatchLine).values(_line()))
    for number, (one, on) in enumerate(recorded, start=1):
        await session.execute(insert(LedgerEntry).values(_entry(number, one, on)))
    for day, versions in reported.items():
        for number, said in enumerate(versions, start=1):
            statement_id = UUID(int=day.day * 10 + number)
            await session.execute(
                insert(DayStatement).values(_statement(statement_id, day, number))
            )
            for place, one in enumerate(said, start=1):
                await session.execute(
                    insert(DayMovement).values(
                        statement_id=statement_id,
                        number=place,
                        kind=one.kind,
                        award_id=one.award_id,
                        reference=one.reference,
                        amount=one.amount,
                    )
                )


def _schedule() -> dict[str, Any]:
    return {
        "id": UUID(int=9),
        "code": "way",
        "document_number": "示例财〔2026〕1号",
        "effective_from": DAYS[0],
        "policy_pack": PACK,
        "settlement": Settlement.TOP_UP,
        "scope": Scope.EVER,
        "status": ScheduleStatus.DRAFT,
        "created_by": "one",
        "created_at": NOW,
        "version": 1,
    }


def _award(award_id: UUID, region: str) -> dict[str, Any]:
    return {
        "id": award_id,
        "uscc": uscc_of(award_id.int),
        "legal_name": "示例",
        "region": region,
        "is_secret": False,
        "recognition_id": award_id,
        "title": "provincial_little_giant",
        "event": "recognition",
        "fiscal_year": 2026,
        "amount": Decimal(1000),
        "scheduled_amount": Decimal(1000),
        "set_against": [],
        "schedule_id": UUID(int=9),
        "policy_pack": PACK,
        "calculation": {},
        "reason": "择优",
        "status": AwardStatus.APPROVED,
        "proposed_by": "one",
        "proposed_at": NOW,
        "updated_at": NOW,
        "version": 1,
    }


def _batch() -> dict[str, Any]:
    return {
        "id": BATCH,
        "number": "2026-0001",
        "fiscal_year": 2026,
        "region": "520000",
        "total": Decimal(1000),
        "ordered_by": "one",
        "ordered_at": NOW,
        "ordered_on": DAYS[0],
    }


def _line() -> dict[str, Any]:
    return {
        "batch_id": BATCH,
        "number": 1,
        "batch_number": "2026-0001",
        "award_id": ORDERED,
        "uscc": uscc_of(1),
        "legal_name": "示例",
        "title": "provincial_little_giant",
        "region": "520102",
        "amount": Decimal(1000),
        "ordered_at": NOW,
        "status": LineStatus.ORDERED,
    }


def _entry(number: int, one: Moved, on: date) -> dict[str, Any]:
    is_payment = one.kind is MovementKind.PAYMENT
    return {
        "id": UUID(int=1000 + number),
        "award_id": one.award_id,
        "kind": ENTRY_OF[one.kind],
        "amount": one.amount,
        "on_day": on,
        "reference": one.reference,
        "batch_id": BATCH if is_payment else None,
        "line_number": 1 if is_payment else None,
        "payment_id": UUID(int=number) if one.kind is MovementKind.RETURN else None,
        "recovery_id": UUID(int=number) if one.kind is MovementKind.REPAYMENT else None,
        "recorded_by": "one",
        "recorded_at": NOW,
    }


def _statement(statement_id: UUID, day: date, number: int) -> dict[str, Any]:
    return {
        "id": statement_id,
        "region": "520000",
        "day": day,
        "number": number,
        "sha256": "0" * 64,
        "movements_count": 0,
        "received_by": "treasury",
        "received_at": NOW,
    }
