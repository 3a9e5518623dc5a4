"""A ledger of any size, put in through COPY: titles, awards, orders and payments.

The rows are made from their number alone, so that two runs measure the same ledger.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.engine import URL

from services.policy import credit_code
from services.policy.divisions import divisions
from tests.bench.register_rows import name_of

ENTERPRISES = 100_000
SCHEDULE = UUID(int=1)
_BATCH = UUID(int=2)
_INSTANT = datetime(2026, 6, 1, tzinfo=UTC)
_DAY = date(2026, 6, 1)
_PACK = "guizhou/2021-05-06"
PROVINCIAL, NATIONAL = "provincial_little_giant", "national_little_giant"
_AMOUNTS = {PROVINCIAL: Decimal("200000.00"), NATIONAL: Decimal("500000.00")}


def award_of(number: int, *, second: bool = False) -> UUID:
    return row_id(4, number * 2 + second)


def has_two(number: int) -> bool:
    """Whether an enterprise was rewarded for both titles: one of five was."""
    return number % 5 == 0


def row_id(kind: int, number: int) -> UUID:
    return UUID(int=(kind << 96) | number)


def uscc_of(number: int) -> str:
    return credit_code.generate(number)


async def fill_awards(owner: URL, enterprises: int) -> None:
    """Fill an empty ledger: each enterprise was paid for one title or, in two steps, for both."""
    counties = sorted(code for code, one in divisions().items() if one.level == "county")
    await put_in(
        owner,
        ("reward_schedules", SCHEDULES, [schedule_row()]),
        ("holdings", _HOLDING, _holdings(enterprises, counties)),
        ("awards", AWARDS, _awards(enterprises, counties)),
        ("rewarded_titles", TITLES, _titles(enterprises)),
        ("disbursement_batches", _BATCHES, [_batch(enterprises)]),
        ("batch_lines", _LINE, _lines(enterprises, counties)),
        ("ledger_entries", _ENTRY, _entries(enterprises)),
    )


async def put_in(owner: URL, *tables: tuple[str, Sequence[str], Iterable[tuple[Any, ...]]]) -> None:
    """Put rows into tables of rewards, by their columns, as they are."""
    connection = await asyncpg.connect(
        owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        # The sums are put in with the rows, so nothing is summed up on the way.
        await connection.execute("SET session_replication_role = replica")
        for table, columns, rows in tables:
            await connection.copy_records_to_table(
                table, schema_name="rewards", columns=columns, records=rows
            )
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            await connection.execute(statement)
    finally:
        await connection.close()


SCHEDULES = (
    "id", "code", "document_number", "effective_from", "policy_pack", "settlement", "scope", "status",
    "created_by", "created_at", "approved_by", "approved_at", "version",
)  # fmt: skip
_HOLDING = (
    "recognition_id", "uscc", "legal_name", "title", "region", "is_secret", "valid_from",
    "valid_until", "round_code", "policy_pack", "has_lost_reward",
)  # fmt: skip
AWARDS = (
    "id", "uscc", "legal_name", "region", "is_secret", "recognition_id", "title", "event",
    "fiscal_year", "amount", "scheduled_amount", "set_against", "schedule_id", "policy_pack",
    "calculation", "reason", "status", "proposed_by", "proposed_at", "approved_by", "approved_at",
    "approved_on", "updated_at", "version", "granted", "disbursed",
)  # fmt: skip
TITLES = (
    "uscc", "title", "event", "recognition_id", "award_id", "is_kept", "scheduled_amount",
)  # fmt: skip
_BATCHES = (
    "id", "number", "fiscal_year", "region", "total", "ordered_by", "ordered_at", "ordered_on",
)  # fmt: skip
_LINE = (
    "batch_id", "number", "batch_number", "award_id", "uscc", "legal_name", "title", "region",
    "amount", "ordered_at", "status", "paid",
)  # fmt: skip
_ENTRY = (
    "id", "award_id", "kind", "amount", "on_day", "reference", "batch_id", "line_number",
    "recorded_by", "recorded_at",
)  # fmt: skip


def schedule_row() -> tuple[Any, ...]:
    return (
        SCHEDULE, "bench", "示例财〔2026〕1号", date(2026, 1, 1), _PACK, "top_up",
        "concurrent_validity", "approved", "one", _INSTANT, "two", _INSTANT, 1,
    )  # fmt: skip


def _batch(count: int) -> tuple[Any, ...]:
    total = sum((amount for *_, amount in _granted(count)), Decimal(0))
    return _BATCH, "2026-0001", 2026, "520000", total, "one", _INSTANT, _DAY


def _granted(count: int) -> Iterator[tuple[int, UUID, str, bool, Decimal]]:
    """Yield each award: its enterprise, id, title, whether it is the second, and its sum."""
    for number in range(count):
        yield number, award_of(number), PROVINCIAL, False, _AMOUNTS[PROVINCIAL]
        if has_two(number):
            yield (
                number,
                award_of(number, second=True),
                NATIONAL,
                True,
                _AMOUNTS[NATIONAL] - _AMOUNTS[PROVINCIAL],
            )


def _recognition(number: int, is_second: bool) -> UUID:
    return row_id(3, number * 2 + is_second)


def _holdings(count: int, counties: list[str]) -> Iterator[tuple[Any, ...]]:
    for number, _, title, is_second, _ in _granted(count):
        yield (
            _recognition(number, is_second), uscc_of(number), name_of(number), title,
            counties[number % len(counties)], False, date(2025, 1, 1), date(2027, 12, 31), None,
            _PACK, False,
        )  # fmt: skip


def _awards(count: int, counties: list[str]) -> Iterator[tuple[Any, ...]]:
    for number, award_id, title, is_second, amount in _granted(count):
        yield (
            award_id, uscc_of(number), name_of(number), counties[number % len(counties)], False,
            _recognition(number, is_second), title, "recognition", 2026, amount, _AMOUNTS[title],
            [award_of(number)] if is_second else [], SCHEDULE, _PACK, _CALCULATION, "择优",
            "disbursed", "one", _INSTANT, "two", _INSTANT, _DAY, _INSTANT, 4, amount, amount,
        )  # fmt: skip


def _titles(count: int) -> Iterator[tuple[Any, ...]]:
    for number, award_id, title, is_second, _ in _granted(count):
        yield (
            uscc_of(number), title, "recognition", _recognition(number, is_second), award_id, False,
            _AMOUNTS[title],
        )  # fmt: skip


def _lines(count: int, counties: list[str]) -> Iterator[tuple[Any, ...]]:
    for place, (number, award_id, title, _, amount) in enumerate(_granted(count), start=1):
        yield (
            _BATCH, place, "2026-0001", award_id, uscc_of(number), name_of(number), title,
            counties[number % len(counties)], amount, _INSTANT, "paid", amount,
        )  # fmt: skip


def _entries(count: int) -> Iterator[tuple[Any, ...]]:
    for place, (_, award_id, _, _, amount) in enumerate(_granted(count), start=1):
        yield (
            row_id(5, place * 3), award_id, "granted", amount, _DAY, None, None, None, "one", _INSTANT,
        )  # fmt: skip
        half = amount / 2
        for part in (1, 2):
            yield (
                row_id(5, place * 3 + part), award_id, "disbursed", half, _DAY, f"V-{place}-{part}",
                _BATCH, place, "bank", _INSTANT,
            )  # fmt: skip


_CALCULATION = json.dumps(
    {
        "on": "2026-06-01",
        "payable": "200000.00",
        "formula": {"zh": "就高补差" * 10, "en": "highest with top-up " * 8},
        "explanation": {"zh": "依据方案六(二)" * 40, "en": "By clause 六(二) of the plan " * 20},
        "considered": [
            {"title": title, "amount": f"{amount:.2f}", "applies": True, "payable": "200000.00"}
            for title, amount in _AMOUNTS.items()
        ],
    },
    ensure_ascii=False,
)
