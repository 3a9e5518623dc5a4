"""The rules: one explained check in process, reading the packs, and the endpoint beside OpenFisca."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil

from deploy.schema import prepare_database
from deploy.standalone.postgres import embedded_postgres
from services.policy.catalogue import PACKS, load_catalogue
from services.policy.eligibility import Eligibility, check
from services.policy.facts import FactValue
from services.policy.matter import Finding
from services.policy.pack import Pack
from tests.bench.load import SERVER_CORE, Answers, ask_repeatedly, on_core
from tests.bench.measurement import Measurement
from tests.builders.processes import five_processes

PLAN = "guizhou/2021-05-06"
ON = date(2026, 3, 10)
MICROSECONDS_A_CHECK = 100
"""The plan's fifteen conditions and three vetoes, each answered with its sentence in two languages."""
MICROSECONDS_AN_ANSWER = 15
"""For packs with scoring tables: each condition, part, veto and indicator is an answer of its own."""
OPENFISCA = Path(".bench") / "openfisca" / "bin" / "openfisca"
COUPLE = {
    # The example of OpenFisca's own country template: two persons, three results.
    "persons": {
        "Alicia": {"birth": {"ETERNITY": "1980-01-01"}, "salary": {"2017-01": 4000}},
        "Javier": {"birth": {"ETERNITY": "1984-01-01"}, "salary": {"2017-01": 2500}},
    },
    "households": {
        "_": {
            "adults": ["Alicia", "Javier"],
            "disposable_income": {"2017-01": None},
            "total_benefits": {"2017-01": None},
            "total_taxes": {"2017-01": None},
        }
    },
}


def measure_checks() -> list[Measurement]:
    """One explained check of one enterprise, in process."""
    found = []
    for pack in load_catalogue().packs():
        for title in pack.titles:
            if not title.conditions:
                continue
            facts = facts_of(pack)

            def once(
                pack: Pack = pack, title: str = title.id, facts: dict[str, FactValue] = facts
            ) -> Eligibility:
                return check(pack, title=title, facts=facts, on=ON)

            microseconds = fastest(once) * 1e6
            answers = answers_in(once())
            is_plan = pack.name == PLAN
            found.append(
                Measurement(
                    what=f"one explained check, {pack.name} {title.id}",
                    value=microseconds if is_plan else microseconds / answers,
                    unit="µs" if is_plan else "µs an answer",
                    limit=MICROSECONDS_A_CHECK if is_plan else MICROSECONDS_AN_ANSWER,
                    better="less",
                    beside=f"{answers} answers in {microseconds:.0f} µs",
                )
            )
    return found


def facts_of(pack: Pack) -> dict[str, FactValue]:
    document = tomllib.loads((PACKS / pack.name / "cases.toml").read_text("utf-8"))
    return pack.check_facts(document["base"]).values


def answers_in(of: Eligibility) -> int:
    def counted(findings: tuple[Finding, ...]) -> int:
        return sum(1 + counted(finding.parts) for finding in findings)

    indicators = sum(
        len(dimension.indicators) for score in of.scores for dimension in score.dimensions
    )
    return counted((*of.conditions, *of.vetoes)) + indicators


def fastest(work: Callable[[], object], *, times: int = 500, rounds: int = 20) -> float:
    """Return the seconds of one call in the fastest of several rounds: the least disturbed one."""
    work()
    return min(timeit.repeat(work, number=times, repeat=rounds)) / times


def measure_loading() -> list[Measurement]:
    """Reading and proving every pack at start-up, beside reading the same files as TOML."""
    files = sorted(PACKS.glob("*/*/pack.toml"))
    reading = fastest(
        lambda: [tomllib.loads(file.read_text("utf-8")) for file in files], times=1, rounds=15
    )
    loading = fastest(load_catalogue, times=1, rounds=15)
    return [
        Measurement(
            what="loading all packs at start-up",
            value=loading / reading,
            unit="×",
            limit=2,
            better="less",
            beside=f"{loading * 1000:.0f} ms; their TOML alone {reading * 1000:.0f} ms",
        )
    ]


def measure_endpoint() -> list[Measurement]:
    """Answers a second of POST /eligibility-checks, beside OpenFisca's /calculate on the same core."""
    pack = load_catalogue().pack(PLAN)
    question = json.dumps({"pack": PLAN, "facts": facts_of(pack)}, ensure_ascii=False).encode()
    rounds = 3
    with openfisca() as theirs, intake() as ours:
        pairs: list[tuple[Answers, Answers]] = []
        for _ in range(rounds):
            # Turn and turn about, so that whatever else the machine does is shared; whoever
            # has not got the turn stands still.
            with ours.standing_still():
                calculated = ask_repeatedly(theirs.url, json.dumps(COUPLE).encode(), seconds=4)
            with theirs.standing_still():
                pairs.append((ask_repeatedly(ours.url, question, seconds=4), calculated))
    if any(one.wrong for pair in pairs for one in pair):
        raise RuntimeError(f"an answer was not 200: {pairs}")
    our_rate = statistics.median(pair[0].per_second for pair in pairs)
    their_rate = statistics.median(pair[1].per_second for pair in pairs)
    return [
        Measurement(
            what="POST /eligibility-checks beside openfisca serve /calculate",
            value=our_rate / their_rate,
            unit="×",
            limit=1,
            better="more",
            beside=f"{our_rate:,.0f} against {their_rate:,.0f} answers a second, one core each in turn",
        )
    ]


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    processes: Sequence[psutil.Process]

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        everybody = [
            one
            for process in self.processes
            for one in (process, *process.children(recursive=True))
        ]
        for process in everybody:
            process.suspend()
        try:
            yield
        finally:
            for process in everybody:
                process.resume()


@contextmanager
def openfisca() -> Iterator[Server]:
    """Serve OpenFisca's country template with one worker on the servers' core."""
    if not OPENFISCA.exists():
        raise SystemExit("OpenFisca is not installed; run `make bench`, which installs it apart.")
    port = 5055
    with on_core(SERVER_CORE), tempfile.TemporaryFile() as log:
        server = subprocess.Popen(  # noqa: S603 - the program that make installed
            [
                str(OPENFISCA),
                "serve",
                *("--country-package", "openfisca_country_template"),
                *("--port", str(port), "--workers", "1"),
            ],
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": f"{OPENFISCA.parent.resolve()}:{os.environ['PATH']}"},
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _until_it_answers(f"{url}/spec")
            yield Server(f"{url}/calculate", [psutil.Process(server.pid)])
        finally:
            server.terminate()
            server.wait(timeout=20)


@contextmanager
def intake() -> Iterator[Server]:
    """Serve intake as one process on the servers' core, as a data centre would, without a gateway."""
    with (
        tempfile.TemporaryDirectory(prefix="srdi-bench-") as folder,
        embedded_postgres(Path(folder) / "postgres") as owner,
    ):
        asyncio.run(prepare_database(owner))
        loop = asyncio.new_event_loop()
        running = five_processes(Path(folder), owner)
        with on_core(SERVER_CORE):
            processes = loop.run_until_complete(running.__aenter__())
        try:
            port = processes.ports["applications"]
            yield Server(
                f"http://127.0.0.1:{port}/api/v1/eligibility-checks",
                [psutil.Process(one.pid) for one in processes.running.values()],
            )
        finally:
            loop.run_until_complete(running.__aexit__(*sys.exc_info()))
            loop.close()


def _until_it_answers(url: str, seconds: float = 60) -> None:
    give_up_at = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - loopback
                return
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.2)
