"""A run over everybody, in a process that is killed again and again before it is done."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from deploy.audit import verify_chains
from deploy.deployment import GATEWAY
from deploy.standalone.offices import token_for
from services.kernel.identity.actor import Office
from tests.builders.enterprises import PACK, uscc_of
from tests.builders.processes import Processes, deployed

TODAY = date(2026, 9, 1)
TITLE = "provincial_little_giant"
AMOUNT = Decimal("200000.00")
ENTERPRISES = 800
KILLED_AFTER = (1, 200, 500)
"""How many are proposed when the process is killed, each time."""


@pytest.fixture
async def processes(owner: URL, tmp_path: Path) -> AsyncIterator[Processes]:
    async with deployed(tmp_path, owner) as running:
        running.clock.move_to_day(TODAY)
        # Rewards checks tokens by the gateway's keys; nothing else has to be there.
        for name in (GATEWAY, "rewards"):
            running.start(name)
        await running.until_ready(GATEWAY, "/healthz")
        await running.until_ready("rewards")
        yield running


@pytest.fixture
async def engine(owner: URL) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(owner, poolclass=NullPool)
    yield engine
    await engine.dispose()


async def test_a_run_that_is_killed_again_and_again_proposes_everybody_once(
    processes: Processes, engine: AsyncEngine
) -> None:
    await put_schedule_in_force(processes)
    async with engine.begin() as connection:
        await connection.execute(
            _HOLDING, [{"uscc": uscc_of(serial)} for serial in range(1, ENTERPRISES + 1)]
        )
    run = await ask(
        processes, "POST", "/award-runs", "proposer", {"fiscal_year": 2026, "dry_run": False}
    )

    left_at = [await killed_after(processes, engine, number) for number in KILLED_AFTER]
    report = await until_done(processes, run["id"])

    # Each time it was in the middle of it, and went on from there.
    assert left_at == sorted(left_at)
    assert left_at[0] > 0
    assert left_at[-1] < ENTERPRISES
    assert (report["total"], report["done"]) == (ENTERPRISES, ENTERPRISES)
    assert report["outcomes"] == [
        {
            "outcome": "proposed",
            "enterprises": ENTERPRISES,
            "amount": f"{AMOUNT * ENTERPRISES:.2f}",
        }
    ]
    async with engine.connect() as connection:
        (found,) = (await connection.execute(_LEFT)).mappings()
    assert dict(found) == {
        "awards": ENTERPRISES,
        "enterprises": ENTERPRISES,
        "granted": AMOUNT * ENTERPRISES,
        "reserved": AMOUNT * ENTERPRISES,
        "history": ENTERPRISES,
        "events": ENTERPRISES,
        "rows": ENTERPRISES,
    }
    assert (await verify_chains(processes.owner))["rewards"].broken_at is None


async def killed_after(processes: Processes, engine: AsyncEngine, number: int) -> int:
    """Kill rewards once so many are proposed, and start it again. Return how many were by then."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        done = 0
        while done < number:
            done = await connection.scalar(text("SELECT max(done) FROM rewards.award_runs")) or 0
            await asyncio.sleep(0.005)
        processes.kill("rewards")
        left = await connection.scalar(text("SELECT max(done) FROM rewards.award_runs"))
    processes.start("rewards")
    await processes.until_ready("rewards")
    return int(left or 0)


async def until_done(processes: Processes, run_id: str) -> dict[str, Any]:
    for _ in range(600):
        report = await ask(processes, "GET", f"/award-runs/{run_id}", "reader")
        if report["finished_at"] is not None:
            assert report["state"] == "done", report
            return report
        await asyncio.sleep(0.1)
    raise TimeoutError(processes.logs())


async def put_schedule_in_force(processes: Processes) -> None:
    drafted = await ask(
        processes,
        "POST",
        "/reward-schedules",
        "drafter",
        {
            "code": "2026-run",
            "document_number": "示例财〔2026〕1号",
            "effective_from": "2026-01-01",
            "amounts": [{"title": TITLE, "amount": f"{AMOUNT:.2f}"}],
            # To the last cent.
            "budgets": [{"fiscal_year": 2026, "amount": f"{AMOUNT * ENTERPRISES:.2f}"}],
        },
    )
    await ask(processes, "POST", f"/reward-schedules/{drafted['id']}/approval", "chief", {})


async def ask(
    processes: Processes, method: str, path: str, sub: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    bearer = token_for(processes.keys, Office.FINANCE, region="520000", sub=sub)
    async with httpx.AsyncClient(base_url=processes.url_of("rewards"), timeout=60) as client:
        answer = await client.request(
            method,
            f"/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {bearer}"},
        )
    assert answer.is_success, answer.text
    return dict(answer.json())


_HOLDING = text(
    "INSERT INTO rewards.holdings (recognition_id, uscc, legal_name, title, region, is_secret,"
    " valid_from, valid_until, policy_pack, has_lost_reward)"
    f" VALUES (gen_random_uuid(), :uscc, '贵州示例有限公司', '{TITLE}', '520102', false,"
    f" '2026-06-01', '2029-05-31', '{PACK}', false)"
)
_LEFT = text(
    "SELECT (SELECT count(*) FROM rewards.awards) AS awards,"
    " (SELECT count(DISTINCT uscc) FROM rewards.awards) AS enterprises,"
    " (SELECT sum(amount) FROM rewards.ledger_entries WHERE kind = 'granted') AS granted,"
    " (SELECT sum(granted) FROM rewards.budgets) AS reserved,"
    " (SELECT count(*) FROM rewards.history WHERE subject_type = 'award'"
    "   AND action = 'proposed') AS history,"
    " (SELECT count(*) FROM rewards.outbox WHERE type = 'cn.srdi.award.proposed.v1') AS events,"
    " (SELECT count(*) FROM rewards.award_run_rows WHERE outcome = 'proposed'"
    "   AND award_id IS NOT NULL) AS rows"
)
