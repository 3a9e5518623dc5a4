"""Intake under load: ten thousand rows in one workbook, and a round's last minute."""

import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.schema import PROJECT, prepare_database
from deploy.standalone.offices import token_for
from deploy.standalone.papers import one_page_pdf
from deploy.standalone.postgres import embedded_postgres
from services.kernel.identity.actor import Office
from services.kernel.workbooks.workbook import XLSX
from tests.bench.measurement import Measurement
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.processes import Processes, five_processes
from tests.builders.workbooks import workbook_of, written

ROWS = 10_000
ENTERPRISES = 500
RECORD = PROJECT / "docs" / "last-minute.json"
CLOSES_ON = date(2026, 3, 31)
CONTACT = {"name": "示例", "phone": "0851-86891234"}
_MEGABYTE = 1024 * 1024


def measure_import() -> list[Measurement]:
    """A workbook of ten thousand rows, sent to intake as a process of its own."""
    return asyncio.run(_with_processes(_import))


def measure_last_minute() -> list[Measurement]:
    """Five hundred enterprises that submit in the last minute of a round, over the gateway."""
    return asyncio.run(_with_processes(_last_minute))


async def _with_processes(work: Any) -> list[Measurement]:
    with (
        tempfile.TemporaryDirectory(prefix="srdi-bench-", ignore_cleanup_errors=True) as folder,
        embedded_postgres(Path(folder) / "postgres") as owner,
    ):
        await prepare_database(owner)
        async with five_processes(Path(folder), owner) as processes:
            measured: list[Measurement] = await work(processes)
            return measured


class _Platform:
    """The five processes, as a caller of any office sees them."""

    def __init__(self, processes: Processes, client: httpx.AsyncClient) -> None:
        self.processes = processes
        self._client = client

    def headers(self, office: Office, **who: Any) -> dict[str, str]:
        token = token_for(self.processes.keys, office, **who)
        return {"Authorization": f"Bearer {token}"}

    async def ask(
        self, method: str, path: str, headers: dict[str, str], **request: Any
    ) -> httpx.Response:
        answer = await self._client.request(
            method, f"/api/v1{path}", headers=headers | request.pop("more", {}), **request
        )
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer

    async def open_round(self) -> str:
        self.processes.clock.move_to_day(date(2026, 3, 10))
        answer = await self.ask(
            "POST",
            "/rounds",
            self.headers(Office.PROVINCE, region="520000"),
            json={
                "code": "2026-1",
                "name": "2026年度第一批",
                "title": "srdi_sme",
                "kinds": {"new": PACK},
                "opens_on": "2026-03-01",
                "closes_on": CLOSES_ON.isoformat(),
                "document_number": "示例〔2026〕1号",
            },
        )
        return str(answer.json()["id"])


async def _import(processes: Processes) -> list[Measurement]:
    workbook = workbook_of(*(written(facts_of(serial)) for serial in range(1, ROWS + 1)))
    async with httpx.AsyncClient(base_url=processes.base_url, timeout=60) as client:
        platform = _Platform(processes, client)
        round_id = await platform.open_round()
        city = platform.headers(Office.CITY, region="520100")
        intake = psutil.Process(processes.running["applications"].pid)
        measured = []
        for if_errors in ("skip_rows", "refuse_all"):
            seconds, megabytes = await _one_import(
                platform, intake, workbook, f"round_id={round_id}&if_errors={if_errors}", city
            )
            # The second time every row is there already, so it is deleted from the base for it.
            await _empty(processes.owner)
            measured += [
                Measurement(f"import of {ROWS:,} rows, {if_errors}", seconds, "s", 60, "less"),
                Measurement(
                    f"memory of intake and its reader, {if_errors}", megabytes, "MB", 300, "less"
                ),
            ]
        return measured


async def _one_import(
    platform: _Platform,
    intake: psutil.Process,
    workbook: bytes,
    query: str,
    city: dict[str, str],
) -> tuple[float, float]:
    begun = time.perf_counter()
    answer = await platform.ask(
        "POST",
        f"/application-imports?{query}",
        city,
        content=workbook,
        more={"Content-Type": XLSX},
    )
    path = answer.headers["Location"].removeprefix("/api/v1")
    peak = 0
    while True:
        peak = max(peak, _memory(intake))
        report = (await platform.ask("GET", path, city)).json()
        if report["state"] in {"done", "refused", "failed"}:
            break
        await asyncio.sleep(0.1)
    if (report["state"], report["created"]) != ("done", ROWS):
        raise RuntimeError(json.dumps(report, ensure_ascii=False))
    return time.perf_counter() - begun, peak / _MEGABYTE


def _memory(process: psutil.Process) -> int:
    """Return what a process and its children hold in memory now, in bytes."""
    found = 0
    for one in (process, *process.children(recursive=True)):
        try:
            found += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return found


async def _empty(owner: URL) -> None:
    engine = create_async_engine(owner, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(
            text("TRUNCATE applications.import_rows, applications.applications CASCADE")
        )
    await engine.dispose()


# ---------------------------------------------------------------- the last minute


@dataclass(frozen=True, slots=True)
class Submitted:
    """What one run of the last minute showed."""

    how: str
    enterprises: int
    errors: int
    """Answers other than 200."""
    lost: int
    """Submissions that were answered and are not in the database, or have no event."""
    p50_ms: float
    p95_ms: float
    worst_ms: float


async def _last_minute(processes: Processes) -> list[Measurement]:
    async with httpx.AsyncClient(
        base_url=processes.base_url,
        timeout=60,
        limits=httpx.Limits(max_connections=ENTERPRISES, max_keepalive_connections=ENTERPRISES),
    ) as client:
        platform = _Platform(processes, client)
        round_id = await platform.open_round()
        spread, burst = (
            range(1, ENTERPRISES + 1),
            range(ENTERPRISES + 1, 2 * ENTERPRISES + 1),
        )
        drafts = {serial: await _draft(platform, round_id, serial) for serial in (*spread, *burst)}
        midnight = datetime(2026, 4, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
        chance = random.Random(1)  # noqa: S311 - moments of a minute, the same in every run
        processes.clock.set(midnight - timedelta(seconds=61))
        over_the_minute = await _submit(
            platform, {serial: drafts[serial] for serial in spread}, chance, seconds=58.0
        )
        # The callers share the two cores, so they need some of the seconds to send at all.
        processes.clock.set(midnight - timedelta(seconds=10))
        at_once = await _submit(
            platform, {serial: drafts[serial] for serial in burst}, chance, seconds=0.0
        )
        runs = [
            await _run(processes.owner, "spread over the last minute", over_the_minute),
            await _run(processes.owner, "all at once, ten seconds before midnight", at_once),
        ]
    _record(runs)
    return [
        measurement
        for run, limit in zip(runs, (1_000, 20_000), strict=True)
        for measurement in (
            Measurement(f"{run.how}: answers that are errors", run.errors, "errors", 0, "less"),
            Measurement(f"{run.how}: submissions lost", run.lost, "lost", 0, "less"),
            Measurement(f"{run.how}: 95th percentile", run.p95_ms, "ms", limit, "less"),
        )
    ]


async def _draft(platform: _Platform, round_id: str, serial: int) -> str:
    own = platform.headers(Office.ENTERPRISE, uscc=uscc_of(serial))
    draft = await platform.ask(
        "POST",
        "/applications",
        own,
        json={
            "round_id": round_id,
            "kind": "new",
            "facts": facts_of(serial),
            "contact": CONTACT,
        },
    )
    path = f"/applications/{draft.json()['id']}"
    for kind in ("business_licence", "audit_report", "truth_commitment"):
        await platform.ask(
            "PUT",
            f"{path}/documents/{kind}",
            own,
            content=one_page_pdf(f"{kind} {serial}"),
            more={"Content-Type": "application/pdf"},
        )
    return path


async def _submit(
    platform: _Platform, drafts: dict[int, str], chance: random.Random, *, seconds: float
) -> list[tuple[str, int, float]]:
    """Submit each draft at its moment. Return the path, the status and the seconds of each."""
    tokens = {
        serial: platform.headers(Office.ENTERPRISE, uscc=uscc_of(serial)) for serial in drafts
    }
    begun = time.perf_counter()

    async def one(serial: int, path: str) -> tuple[str, int, float]:
        await asyncio.sleep(max(0.0, chance.uniform(0, seconds) - (time.perf_counter() - begun)))
        sent = time.perf_counter()
        try:
            answer = await platform.ask("POST", f"{path}/submission", tokens[serial])
        except (RuntimeError, httpx.HTTPError):
            return path, 0, time.perf_counter() - sent
        return path, answer.status_code, time.perf_counter() - sent

    return list(await asyncio.gather(*(one(serial, path) for serial, path in drafts.items())))


async def _run(owner: URL, how: str, answers: Sequence[tuple[str, int, float]]) -> Submitted:
    engine = create_async_engine(owner, poolclass=NullPool)
    async with engine.connect() as connection:
        saved = {
            str(one)
            for one in await connection.scalars(
                text("SELECT application_id FROM applications.submissions")
            )
        }
        announced = set(
            await connection.scalars(
                text(
                    "SELECT data->>'application_id' FROM applications.outbox"
                    " WHERE type = 'cn.srdi.application.submitted.v1'"
                )
            )
        )
    await engine.dispose()
    ids = {path.rpartition("/")[2] for path, status, _ in answers if status == 200}
    milliseconds = sorted(seconds * 1000 for _, _, seconds in answers)
    cuts = statistics.quantiles(milliseconds, n=20)
    return Submitted(
        how=how,
        enterprises=len(answers),
        errors=sum(status != 200 for _, status, _ in answers),
        lost=len(ids - (saved & announced)),
        p50_ms=round(statistics.median(milliseconds), 1),
        p95_ms=round(cuts[18], 1),
        worst_ms=round(milliseconds[-1], 1),
    )


def _record(runs: Sequence[Submitted]) -> None:
    """Write the run down where the documentation refers to it."""
    RECORD.write_text(
        json.dumps(
            {
                "recorded_on": time.strftime("%Y-%m-%d"),
                "machine": f"{os.cpu_count()} cores, {_processor()}; callers, gateway, services and"
                " PostgreSQL share them",
                "runs": [asdict(run) for run in runs],
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n",
        "utf-8",
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"
