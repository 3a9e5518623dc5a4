"""Forty officers of one office decide the same forty cases at the same time, over sockets.

Each case is decided once, everybody else is told so, and nothing that was decided is lost on its way.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.audit import verify_chains
from deploy.schema import SERVICES
from deploy.standalone.offices import token_for
from services.kernel.identity.actor import Office
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.processes import Processes
from tests.journeys.conftest import CONTACT, Whole

FORTY = 40
STAGE = "provincial_screening"
TODAY = date(2026, 3, 10)
DECISIONS = ("endorse", "return", "reject")
TOO_LATE = {"review-case-not-open", "decision-out-of-turn"}
"""What whoever comes second is told: the case is returned or rejected, or the next stage's."""
EVENT_OF = {
    "endorse": "cn.srdi.case.advanced.v1",
    "return": "cn.srdi.case.returned.v1",
    "reject": "cn.srdi.case.rejected.v1",
}
STATUS_OF = {"endorse": "under_review", "return": "returned", "reject": "rejected"}
"""What intake comes to say of the application."""
AT_ONCE = 40
"""As many requests are under way together: each officer has sent one and waits for its answer."""


async def test_of_forty_officers_one_decides_each_case_and_the_others_are_told(
    processes: Processes,
) -> None:
    async with forty_cases(processes) as (whole, cases):
        burst = Burst(whole, sorted(cases))

        await burst.run()

        await assert_each_case_was_decided_once(whole, cases, burst)


async def test_a_burst_of_decisions_survives_the_death_of_review(processes: Processes) -> None:
    async with forty_cases(processes) as (whole, cases):
        burst = Burst(whole, sorted(cases), officers=FORTY // 4, may_be_away=True)

        running = asyncio.create_task(burst.run())
        for answered in (100, 250):
            await burst.has_answered(answered)
            processes.kill("review")
            processes.start("review")
            await processes.until_ready()
        await running

        assert burst.unanswered > 0
        await assert_each_case_was_decided_once(whole, cases, burst)


@dataclass
class Burst:
    """Every officer's decision on every case, as many of them under way together as there are places."""

    whole: Whole
    cases: Sequence[str]
    officers: int = FORTY
    may_be_away: bool = False
    """Whether review may be killed meanwhile: what gets no answer is then sent again as it was."""
    answers: dict[str, list[tuple[str, httpx.Response]]] = field(default_factory=dict)
    """By case, what each officer decided and was told."""
    unanswered: int = 0
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        tokens = [
            token_for(self.whole.keys, Office.PROVINCE, region="520000", sub=f"officer-{number}")
            for number in range(self.officers)
        ]
        await asyncio.gather(
            *(
                self._decide(case_id, token, DECISIONS[(place + number) % len(DECISIONS)])
                for place, case_id in enumerate(self.cases)
                for number, token in enumerate(tokens)
            )
        )

    async def has_answered(self, number: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: sum(map(len, self.answers.values())) >= number)

    async def _decide(self, case_id: str, token: str, decision: str) -> None:
        remarks = [{"fact_or_document": "employees", "text": "请核对从业人数"}]
        headers = {
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": f"{decision}-{case_id}",
        }
        body = {
            "decision": decision,
            "reason": "依据方案办理",
            "remarks": remarks if decision == "return" else [],
        }
        async with self._places:
            answer = await self._answered(
                f"/api/v1/review-cases/{case_id}/decisions", headers, body
            )
        async with self._news:
            self.answers.setdefault(case_id, []).append((decision, answer))
            self._news.notify_all()

    async def _answered(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> httpx.Response:
        while True:
            answer = await self._sent(path, headers, body)
            if answer is None or (self.may_be_away and answer.status_code in {502, 503}):
                self.unanswered += 1
                await asyncio.sleep(0.2)
                continue
            if answer.status_code != 409 or slug(answer) != "busy":
                return answer
            await asyncio.sleep(float(answer.headers["Retry-After"]))

    async def _sent(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> httpx.Response | None:
        """Return the answer, or none when review died between its headers and its last byte."""
        try:
            return await self.whole.client.post(path, headers=headers, json=body)
        except httpx.TransportError:
            if not self.may_be_away:
                raise
            return None


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


@asynccontextmanager
async def forty_cases(processes: Processes) -> AsyncIterator[tuple[Whole, dict[str, str]]]:
    """Let forty enterprises apply and their city recommend them. Give the cases, each with its application."""
    processes.clock.move_to_day(TODAY)
    async with httpx.AsyncClient(
        base_url=processes.base_url,
        timeout=60,
        limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
    ) as client:
        whole = Whole(
            client=client, clock=processes.clock, keys=processes.keys, owner=processes.owner
        )
        opened = await whole.ask(
            Office.PROVINCE,
            "POST",
            "/rounds",
            region="520000",
            json={
                "code": "2026-1",
                "name": "2026年度第一批",
                "title": "srdi_sme",
                "kinds": {"new": PACK},
                "opens_on": "2026-03-01",
                "closes_on": "2026-03-31",
                "document_number": "示例〔2026〕1号",
            },
        )
        assert opened.status_code == 201, opened.text
        round_id = str(opened.json()["id"])
        await asyncio.gather(*(apply(whole, round_id, serial) for serial in range(1, FORTY + 1)))
        cases = await received(whole)
        signed = await whole.ask(
            Office.CITY,
            "POST",
            "/recommendation-lists",
            region="520100",
            json={
                "round_id": round_id,
                "case_ids": sorted(cases),
                "document_number": "筑工信〔2026〕8号",
                "opinion": "符合推荐条件",
            },
        )
        assert signed.status_code == 201, signed.text
        yield whole, cases


async def apply(whole: Whole, round_id: str, serial: int) -> None:
    uscc = uscc_of(serial)
    drafted = await whole.ask(
        Office.ENTERPRISE,
        "POST",
        "/applications",
        uscc=uscc,
        json={
            "round_id": round_id,
            "kind": "new",
            "facts": facts_of(serial),
            "contact": CONTACT,
        },
    )
    assert drafted.status_code == 201, drafted.text
    application_id = str(drafted.json()["id"])
    await whole.attach_needed(application_id, uscc=uscc)
    submitted = await whole.ask(
        Office.ENTERPRISE, "POST", f"/applications/{application_id}/submission", uscc=uscc
    )
    assert submitted.status_code == 200, submitted.text


async def received(whole: Whole) -> dict[str, str]:
    """Wait until review has opened every case. Return them, each with its application."""
    for _ in range(300):
        answer = await whole.ask(Office.PROVINCE, "GET", "/review-cases?limit=200", region="520000")
        items = answer.json()["items"]
        if len(items) == FORTY:
            return {str(one["id"]): str(one["application_id"]) for one in items}
        await asyncio.sleep(0.1)
    raise TimeoutError(f"review has {len(items)} cases")


async def assert_each_case_was_decided_once(
    whole: Whole, cases: dict[str, str], burst: Burst
) -> None:
    decided = decisions_of(burst)
    kept = await rows_of(
        whole.owner,
        "SELECT case_id::text, decision FROM review.decisions WHERE stage = :stage",
        stage=STAGE,
    )
    written = await rows_of(
        whole.owner,
        "SELECT subject_id, split_part(action, ':', 2) FROM review.history"
        " WHERE action LIKE 'decided:%' AND data->>'decided_stage' = :stage",
        stage=STAGE,
    )
    told = await rows_of(
        whole.owner,
        "SELECT data->>'case_id', type FROM review.outbox"
        " WHERE :stage IN (data->>'from_stage', data->>'stage') AND type = ANY(:types)",
        stage=STAGE,
        types=list(EVENT_OF.values()),
    )
    chains = await verify_chains(whole.owner)

    assert set(decided) == set(cases)
    assert set(decided.values()) == set(DECISIONS)
    assert kept == Counter(decided.items())
    assert written == Counter(decided.items())
    assert told == Counter({(case_id, EVENT_OF[one]): 1 for case_id, one in decided.items()})
    assert {service: chain.broken_at for service, chain in chains.items()} == dict.fromkeys(
        SERVICES
    )
    await until_intake_has_heard(whole.owner)
    assert await rows_of(
        whole.owner, "SELECT id::text, status FROM applications.applications"
    ) == Counter({(cases[case_id], STATUS_OF[one]): 1 for case_id, one in decided.items()})
    assert await rows_of(
        whole.owner,
        "SELECT subject_id, action FROM applications.history"
        " WHERE action IN ('review:return', 'review:reject')",
    ) == Counter(
        {
            (cases[case_id], f"review:{one}"): 1
            for case_id, one in decided.items()
            if one != "endorse"
        }
    )


def decisions_of(burst: Burst) -> dict[str, str]:
    """Return what was decided about each case: by one officer, while all the others came too late."""
    found: dict[str, str] = {}
    for case_id, told in burst.answers.items():
        done = [decision for decision, answer in told if answer.status_code == 201]
        refused = [answer for _, answer in told if answer.status_code != 201]
        assert len(done) == 1, f"{len(done)} officers decided {case_id}"
        assert len(refused) == burst.officers - 1
        assert {(answer.status_code, slug(answer)) for answer in refused} <= {
            (409, one) for one in TOO_LATE
        }
        found[case_id] = done[0]
    return found


async def until_intake_has_heard(owner: URL) -> None:
    """Wait until intake has applied everything that review has told."""
    heard: Any = None
    for _ in range(300):
        [heard] = await rows_of(
            owner,
            "SELECT (SELECT position FROM applications.consumer_positions WHERE source = 'review'),"
            " (SELECT max(position) FROM review.outbox WHERE type = ANY(:types))",
            types=["cn.srdi.case.returned.v1", "cn.srdi.case.rejected.v1"],
        )
        if heard[0] == heard[1]:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"intake has applied {heard[0]} of {heard[1]}")


async def rows_of(owner: URL, statement: str, **values: Any) -> Counter[tuple[Any, ...]]:
    """Return the rows of a query, and how often each is there."""
    engine = create_async_engine(owner, poolclass=NullPool)
    async with engine.connect() as connection:
        found = Counter(tuple(row) for row in await connection.execute(text(statement), values))
    await engine.dispose()
    return found
