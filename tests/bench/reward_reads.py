"""Rewards, read: one award and one enterprise's statement, beside a bare endpoint."""

import asyncio
import random
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import URL

from deploy.schema import login_of, prepare_database
from deploy.standalone.postgres import embedded_postgres
from services.kernel.identity.keys import create_key
from tests.bench.measurement import Measurement
from tests.bench.reward_rows import ENTERPRISES, award_of, fill_awards, uscc_of
from tests.bench.serving import answers_a_second, execute, served, token_for

TURNS = 3


def measure_reward_reads() -> list[Measurement]:
    """Awards and statements, read one by one out of a ledger of 120,000 awards."""
    return asyncio.run(_measure())


async def _measure() -> list[Measurement]:
    with tempfile.TemporaryDirectory(prefix="srdi-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "postgres"
        with embedded_postgres(data) as owner:
            await execute(owner, "CREATE DATABASE ledger")
            own = owner.set(database="ledger")
            await prepare_database(own)
            await fill_awards(own, ENTERPRISES)
            create_key(Path(folder) / "keys", "0001")
            return await _measured(Path(folder), own)


async def _measured(folder: Path, owner: URL) -> list[Measurement]:
    login = owner.set(username=login_of("rewards")).render_as_string(hide_password=False)
    token = token_for(folder, "rewards:read")
    rng = random.Random(3)  # noqa: S311 - which rows are asked for is no secret
    numbers = [rng.randrange(ENTERPRISES) for _ in range(5000)]
    awards = [f"/api/v1/awards/{award_of(number)}" for number in numbers]
    statements = [f"/api/v1/award-statements/{uscc_of(number)}" for number in numbers]
    module = "tests.bench.served_rewards"
    async with (
        served(module, "rewards", login, folder, port=5072) as ours,
        served(module, "bare", login, folder, port=5073) as bare,
    ):
        return [
            await _beside(ours, bare, paths, token, what)
            for paths, what in (
                (awards, "GET /awards/{id}"),
                (statements, "GET /award-statements/{uscc}"),
            )
        ]


async def _beside(ours: str, bare: str, paths: Sequence[str], token: str, what: str) -> Measurement:
    """Measure both, turn and turn about: the median of three turns."""
    counted: dict[str, list[float]] = {ours: [], bare: []}
    for _ in range(TURNS):
        for url, rates in counted.items():
            rates.append(await answers_a_second(url, paths, token))
    own, least = (statistics.median(counted[url]) for url in (ours, bare))
    return Measurement(
        what=f"{what} beside a bare Starlette endpoint with the same query",
        value=own / least,
        unit="×",
        limit=0.5,
        better="more",
        beside=f"{own:,.0f} against {least:,.0f} answers a second, one core each in turn",
    )
