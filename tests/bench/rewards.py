"""Runs: everybody who could be rewarded in a year, reckoned in one statement and then proposed."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import insert
from sqlalchemy.engine import URL

from deploy.schema import login_of, prepare_database
from deploy.standalone.postgres import embedded_postgres
from services.kernel.clock import AdjustableClock
from services.kernel.database import Database
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import system_actor
from services.kernel.identity.tokens import TokenVerifier
from services.kernel.transaction import Runtime
from services.policy.catalogue import published_catalogue
from services.policy.divisions import divisions
from services.rewards.models import tables
from services.rewards.run_models import AwardRun, RunState
from services.rewards.run_service import Reckoned
from services.rewards.run_worker import RunWorker
from tests.bench.measurement import Measurement
from tests.bench.register_rows import name_of, uscc_of
from tests.bench.reward_rows import (
    AWARDS,
    NATIONAL,
    PROVINCIAL,
    SCHEDULE,
    SCHEDULES,
    TITLES,
    put_in,
    row_id,
    schedule_row,
)
from tests.bench.serving import execute

ENTERPRISES = 100_000
PROPOSED = 2_000
"""Of another fund: as many as are proposed to tell how long a proposal takes."""
TURNS = 3
ON = date(2026, 9, 1)
YEAR = 2026
_PACK = "guizhou/2021-05-06"
_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)
_LINES = (
    (PROVINCIAL, None, Decimal(200_000)),
    (NATIONAL, None, Decimal(500_000)),
    (PROVINCIAL, "520100", Decimal(250_000)),
    (NATIONAL, "520100", Decimal(600_000)),
    (PROVINCIAL, "520302", Decimal(300_000)),
)

BY_HAND = f"""
SELECT DISTINCT ON (h.uscc COLLATE "C") h.uscc, h.legal_name, h.region, h.recognition_id, h.title, l.amount,
       coalesce(g.granted, 0) AS already_granted,
       CASE WHEN r.award_id IS NULL THEN greatest(l.amount - coalesce(g.granted, 0), 0) ELSE 0 END
           AS payable
  FROM rewards.holdings h
  CROSS JOIN LATERAL (
       SELECT amount FROM rewards.schedule_amounts l
        WHERE l.schedule_id = '{SCHEDULE}' AND l.title = h.title AND l.event = 'recognition'
          AND (l.region IS NULL OR h.region LIKE rtrim(l.region, '0') || '%')
        ORDER BY length(coalesce(rtrim(l.region, '0'), '')) DESC LIMIT 1) l
  LEFT JOIN rewards.rewarded_titles r
    ON r.uscc = h.uscc AND r.title = h.title AND r.event = 'recognition'
  LEFT JOIN (
       SELECT c.recognition_id, sum(a.granted - a.cancelled - a.recovery_due + a.waived) AS granted
         FROM rewards.holdings c
         JOIN rewards.awards a ON a.uscc = c.uscc AND a.status <> 'cancelled'
         JOIN rewards.holdings w ON w.recognition_id = a.recognition_id
        WHERE c.valid_from <= least(w.valid_until, w.revoked_on - 1)
          AND w.valid_from <= least(c.valid_until, c.revoked_on - 1)
        GROUP BY c.recognition_id) g ON g.recognition_id = h.recognition_id
 WHERE r.award_id IS NOT NULL
    OR (h.valid_from <= '{ON}' AND least(h.valid_until, h.revoked_on - 1) >= '{ON}')
 ORDER BY h.uscc COLLATE "C", (r.award_id IS NULL AND l.amount > coalesce(g.granted, 0)) DESC,
       l.amount DESC
"""
"""What somebody who knows this one schedule, top_up within concurrent_validity, would write."""


def measure_award_runs() -> list[Measurement]:
    """A run over 100,000 enterprises that hold titles, beside one statement written by hand."""
    return asyncio.run(_measure())


async def _measure() -> list[Measurement]:
    with (
        tempfile.TemporaryDirectory(prefix="srdi-bench-", ignore_cleanup_errors=True) as folder,
        embedded_postgres(Path(folder) / "postgres") as owner,
    ):
        large, small = [
            await _filled(owner, f"fund_{size}", size) for size in (ENTERPRISES, PROPOSED)
        ]
        return [*await _reckoned(large), await _proposed(small)]


async def _filled(owner: URL, database: str, enterprises: int) -> URL:
    await execute(owner, f"CREATE DATABASE {database}")
    own = owner.set(database=database)
    await prepare_database(own)
    await _fill(own, enterprises)
    return own


async def _reckoned(owner: URL) -> list[Measurement]:
    """Run dry and read by hand, turn and turn about: the median of three turns."""
    by_hand, by_run = [], []
    for _ in range(TURNS):
        read, seconds = await _read_by_hand(owner)
        by_hand.append(seconds)
        run, seconds = await _run(owner, is_dry=True)
        by_run.append(seconds)
        reckoned = Reckoned.from_record(run.counts or {})
        if (reckoned.enterprises, reckoned.amount) != _owed(read):
            raise AssertionError(f"{reckoned} of the run, {_owed(read)} by hand")
    ours, theirs = statistics.median(by_run), statistics.median(by_hand)
    return [
        Measurement(
            what=f"A run that reckons {ENTERPRISES:,} enterprises, kept row by row, beside reading"
            " the same by one hand-written SQL",
            value=ours / theirs,
            unit="×",
            limit=3,
            better="less",
            beside=f"{ours:.2f} s against {theirs:.2f} s",
        )
    ]


async def _proposed(owner: URL) -> Measurement:
    run, seconds = await _run(owner, is_dry=False)
    return Measurement(
        what="Proposals of a run a second, each with its reasons, ledger, history and event",
        value=run.total / seconds,
        unit="/s",
        limit=100,
        better="more",
        beside=f"{run.total:,} in {seconds:.1f} s, of {PROPOSED:,} enterprises",
    )


def _owed(rows: list[asyncpg.Record]) -> tuple[int, Decimal]:
    owed = [row["payable"] for row in rows if row["payable"] > 0]
    return len(owed), sum(owed, Decimal(0))


async def _read_by_hand(owner: URL) -> tuple[list[asyncpg.Record], float]:
    connection = await asyncpg.connect(_login(owner, "postgresql"))
    try:
        begun = time.perf_counter()
        rows: list[asyncpg.Record] = await connection.fetch(BY_HAND)
        return rows, time.perf_counter() - begun
    finally:
        await connection.close()


async def _run(owner: URL, *, is_dry: bool) -> tuple[AwardRun, float]:
    """Ask for a run, and let the worker bring it to its end, as it does in the service."""
    clock = AdjustableClock()
    clock.move_to_day(ON)
    database = Database(_login(owner, "postgresql+asyncpg"), pool_size=4)
    worker = RunWorker(_runtime(database, clock), published_catalogue())
    run_id = new_id()
    async with database.session() as session, session.begin():
        await session.execute(insert(AwardRun).values(_asked(run_id, is_dry=is_dry)))
    begun = time.perf_counter()
    await worker.work_once()
    seconds = time.perf_counter() - begun
    async with database.session() as session:
        run = await session.get(AwardRun, run_id)
    await database.close()
    if run is None or run.state is not RunState.DONE:
        raise AssertionError(f"the run ended otherwise: {run and run.failure}")
    return run, seconds


def _runtime(database: Database, clock: AdjustableClock) -> Runtime:
    return Runtime(
        name="rewards",
        database=database,
        tables=tables,
        clock=clock,
        verifier=TokenVerifier(issuer="https://bench.test", key_source=_no_keys),
        wake_readers=lambda: None,
    )


async def _no_keys() -> dict[str, Any]:
    return {"keys": []}


def _asked(run_id: UUID, *, is_dry: bool) -> dict[str, Any]:
    return {
        "id": run_id,
        "fiscal_year": YEAR,
        "titles": [PROVINCIAL, NATIONAL],
        "region": "520000",
        "is_dry": is_dry,
        "reason": "bench",
        "on_day": ON,
        "schedule_id": SCHEDULE,
        "state": RunState.WAITING,
        "total": 0,
        "done": 0,
        "requested_by": system_actor("bench").as_record(),
        "created_at": _INSTANT,
    }


def _login(owner: URL, driver: str) -> str:
    own = owner.set(drivername=driver, username=login_of("rewards"))
    return own.render_as_string(hide_password=False)


async def _fill(owner: URL, enterprises: int) -> None:
    """Fill an empty fund: every enterprise holds the provincial title, every second the national one.

    Three of ten were rewarded for the provincial one; some titles have lapsed, some were revoked.
    """
    counties = sorted(code for code, one in divisions().items() if one.level == "county")
    await put_in(
        owner,
        ("reward_schedules", SCHEDULES, [schedule_row()]),
        ("schedule_amounts", _AMOUNT, _amounts()),
        ("budgets", _BUDGET, [(SCHEDULE, YEAR, Decimal(10**12))]),
        ("holdings", _HOLDING, _holdings(enterprises, counties)),
        ("awards", AWARDS, _awards(enterprises, counties)),
        ("rewarded_titles", TITLES, _titles(enterprises)),
    )


_AMOUNT = ("schedule_id", "number", "title", "event", "region", "amount")
_BUDGET = ("schedule_id", "fiscal_year", "amount")
_HOLDING = (
    "recognition_id", "uscc", "legal_name", "title", "region", "is_secret", "valid_from",
    "valid_until", "round_code", "policy_pack", "revoked_on", "has_lost_reward",
)  # fmt: skip


def _amounts() -> Iterator[tuple[Any, ...]]:
    for number, (title, region, amount) in enumerate(_LINES, start=1):
        yield SCHEDULE, number, title, "recognition", region, amount


def _holdings(count: int, counties: list[str]) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        for title in (PROVINCIAL, NATIONAL)[: 2 - number % 2]:
            begins = date(2024 + number % 2, 1 + number % 12, 1)
            has_lapsed = title == PROVINCIAL and number % 25 == 7
            is_revoked = title == NATIONAL and number % 100 == 98
            yield (
                row_id(3, number * 2 + (title == NATIONAL)), uscc_of(number), name_of(number), title,
                counties[number % len(counties)], False, begins,
                date(2026, 3, 31) if has_lapsed else date(begins.year + 3, begins.month, 1),
                "2024-1", _PACK, date(2026, 5, 1) if is_revoked else None, is_revoked,
            )  # fmt: skip


def _granted(count: int) -> Iterator[int]:
    """Yield each enterprise that was rewarded for its provincial title."""
    for number in range(count):
        if number % 10 in {0, 3, 6}:
            yield number


def _awards(count: int, counties: list[str]) -> Iterator[tuple[Any, ...]]:
    amount = Decimal(200_000)
    for number in _granted(count):
        yield (
            row_id(4, number), uscc_of(number), name_of(number), counties[number % len(counties)], False,
            row_id(3, number * 2), PROVINCIAL, "recognition", 2025, amount, amount, [], SCHEDULE, _PACK,
            "{}", "择优", "disbursed", "one", _INSTANT, "two", _INSTANT, _INSTANT.date(), _INSTANT, 4,
            amount, amount,
        )  # fmt: skip


def _titles(count: int) -> Iterator[tuple[Any, ...]]:
    for number in _granted(count):
        yield (
            uscc_of(number), PROVINCIAL, "recognition", row_id(3, number * 2), row_id(4, number), False,
            Decimal(200_000),
        )  # fmt: skip
