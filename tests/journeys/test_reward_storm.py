"""A storm over the rewards: messages come several times at once, and the service is killed meanwhile.

The gateway and rewards are processes of their own. 64 requests are under way at any time, half of
them through the gateway and half straight to rewards, with idempotency keys and without. What gets
no definite answer is sent again as it was. First all of it is about one enterprise, then about a
thousand; one year's budget suffices to the last cent, another year's for fewer than ask.

One enterprise's title comes through the registry's feed; the thousand's are put beside it by the
database's owner, because what is tried here begins once they are there.
"""

import asyncio
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache, partial
from itertools import chain, cycle
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from deploy.audit import verify_chains
from deploy.deployment import GATEWAY
from deploy.schema import SERVICES
from deploy.standalone.offices import token_for
from services.kernel.identity.actor import Office, Scope
from tests.builders.databases import MigratedDatabase
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.processes import Processes, deployed
from tests.conftest import TEMPLATE

T = TypeVar("T")

TODAY = date(2026, 9, 1)
TITLE = "national_little_giant"
AMOUNT = Decimal("500000.00")
AT_ONCE = 64

MANY = 1000
ASKING, SUFFICES_FOR = 80, 50
"""How many ask for the year whose budget is short, and for how many it suffices."""
ONE = uscc_of(1)
EXACT = tuple(uscc_of(serial) for serial in range(2, 2 + MANY - ASKING))
SHORT = tuple(uscc_of(serial) for serial in range(5001, 5001 + ASKING))
# Two years side by side: what one runs out of must not be taken from the other.
EVERYBODY = (*chain.from_iterable(zip(SHORT, EXACT, strict=False)), *EXACT[ASKING:])
YEAR_OF = {ONE: 2028, **dict.fromkeys(EXACT, 2026), **dict.fromkeys(SHORT, 2027)}
BUDGETS = {
    2026: AMOUNT * len(EXACT),
    # A cent less than the next award would need.
    2027: AMOUNT * (SUFFICES_FOR + 1) - Decimal("0.01"),
    2028: AMOUNT,
}
AWARDED = len(EXACT) + SUFFICES_FOR + 1
PAYMENTS = len(EXACT) + SUFFICES_FOR + AT_ONCE
"""One enterprise is paid in 64 parts, all others at once."""
AWARDED_IN = {2026: len(EXACT), 2027: SUFFICES_FOR, 2028: 1}
KILLED = 6

REFUSALS = {
    "propose": {"nothing-payable", "budget-exceeded"},
    "approve": {"award-not-in-state", "separation-of-duties"},
    "order": {"nothing-to-order"},
    "pay": {"award-not-in-state", "voucher-used"},
}
"""What whoever comes too late is told."""
EVENTS = {
    "cn.srdi.award.proposed.v1": "proposed",
    "cn.srdi.award.approved.v1": "approved",
    "cn.srdi.award.ordered.v1": "ordered",
    "cn.srdi.award.disbursed.v1": "paid",
}
"""What is announced of an award, and what history calls it."""


@dataclass(frozen=True, kw_only=True)
class Message:
    step: str
    path: str
    sub: str
    body: Mapping[str, Any]
    about: str
    """The enterprise, or the year that is ordered."""
    key: str | None = None

    @property
    def office(self) -> Office:
        return Office.DISBURSEMENT if self.step == "pay" else Office.FINANCE


@dataclass(frozen=True)
class Answer:
    message: Message
    status: int
    content: bytes

    @property
    def says(self) -> Any:
        return json.loads(self.content)

    @property
    def is_done(self) -> bool:
        return self.status < 400

    @property
    def slug(self) -> str:
        return "" if self.is_done else str(self.says["type"]).rpartition("/")[2]


@dataclass
class Storm:
    """Sends each message until it has a definite answer, whatever happens to the service."""

    processes: Processes
    doors: Mapping[str, httpx.AsyncClient]
    answers: list[Answer] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    """By door, what was sent and never answered."""
    failures: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By door, what was answered with a status of 500 or more."""
    hits: list[int] = field(default_factory=list)
    """What each kill left unanswered."""
    is_up: asyncio.Event = field(default_factory=asyncio.Event)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.token = lru_cache(maxsize=None)(
            partial(token_for, self.processes.keys, region="520000")
        )
        self._door = cycle(self.doors)
        self.is_up.set()

    async def send(self, messages: Iterable[Message], *, times: int = 2) -> list[Answer]:
        """Send each message several times at once, through one door and the other in turn."""
        return await _all(
            self._settle(message, next(self._door)) for message in messages for _ in range(times)
        )

    async def killed_during(self, work: Coroutine[Any, Any, T], *, after: Sequence[int]) -> T:
        """Kill rewards each time that so many answers to some work have come."""
        begun_at = len(self.answers)
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work)
            for number in after:
                await self._has_answered(begun_at + number)
                await self.kill()
        return working.result()

    async def kill(self) -> None:
        unanswered = self._unanswered()
        self.is_up.clear()
        self.processes.kill("rewards")
        self.processes.start("rewards")
        await self.processes.until_ready("rewards")
        self.hits.append(self._unanswered() - unanswered)
        self.is_up.set()

    async def read(self, path: str) -> Any:
        answer = await self.doors["direct"].get(
            f"/api/v1{path}",
            headers={"Authorization": f"Bearer {self.token(Office.FINANCE, sub='reader')}"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _unanswered(self) -> int:
        return self.lost.total() + self.failures.total()

    async def _has_answered(self, number: int) -> None:
        async with self._news:
            await self._news.wait_for(lambda: len(self.answers) >= number)

    async def _settle(self, message: Message, door: str) -> Answer:
        async with self._places:
            found = await self._answered(message, door)
        answer = Answer(message, found.status_code, found.content)
        async with self._news:
            self.answers.append(answer)
            self._news.notify_all()
        return answer

    async def _answered(self, message: Message, door: str) -> httpx.Response:
        while True:
            await self.is_up.wait()
            found = await self._try(message, door)
            if found is None:
                # Once more at once, into whatever is there then.
                found = await self._try(message, door)
            if found is None:
                continue
            if "Retry-After" not in found.headers:
                return found
            await asyncio.sleep(float(found.headers["Retry-After"]))

    async def _try(self, message: Message, door: str) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self.token(message.office, sub=message.sub)}"}
        if message.key is not None:
            headers["Idempotency-Key"] = message.key
        try:
            answer = await self.doors[door].post(
                f"/api/v1{message.path}", json=message.body, headers=headers
            )
        except httpx.TransportError:
            self.lost[door] += 1
            return None
        if answer.status_code >= 500:
            self.failures[door, answer.status_code] += 1
            return None
        return answer


@dataclass
class Follower:
    """Reads rewards' feed as another service does, also while rewards is killed."""

    storm: Storm
    events: list[dict[str, Any]] = field(default_factory=list)

    async def follow(self, until: asyncio.Event) -> None:
        """Read on until there is nothing more to come."""
        while True:
            is_last = until.is_set()
            try:
                new = await feed_after(self.storm, self.events, wait=0 if is_last else 1)
            except httpx.TransportError:
                await self.storm.is_up.wait()
                continue
            except httpx.HTTPStatusError:
                # What the log says of it is looked at in the end.
                await asyncio.sleep(1)
                continue
            self.events += new
            if is_last and not new:
                return
            # Asked after every commit, the feed would be most of what the service does.
            await asyncio.sleep(0.2)


async def feed_after(
    storm: Storm, known: Sequence[Mapping[str, Any]], *, wait: int = 0
) -> list[dict[str, Any]]:
    bearer = token_for(
        storm.processes.keys,
        Office.AUDITOR,
        region="520000",
        scopes=(Scope.EVENTS_READ, Scope.EVENTS_INTERNAL),
    )
    answer = await storm.doors["direct"].get(
        "/events",
        params={"after": known[-1]["position"] if known else 0, "wait": wait, "limit": 500},
        headers={"Authorization": f"Bearer {bearer}"},
    )
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


# ---------------------------------------------------------------- what is sent


def proposals(uscc: str, officers: Sequence[str], *, keyed: bool | None = None) -> list[Message]:
    body = {"uscc": uscc, "fiscal_year": YEAR_OF[uscc], "reason": "择优"}
    return [
        Message(step="propose", path="/awards", sub=sub, body=body, about=uscc, key=key)
        for sub, key in _signed(f"propose-{uscc}", officers, keyed)
    ]


def approvals(
    uscc: str, award_id: str, officers: Sequence[str], *, keyed: bool | None = None
) -> list[Message]:
    path = f"/awards/{award_id}/approval"
    return [
        Message(step="approve", path=path, sub=sub, body={}, about=uscc, key=key)
        for sub, key in _signed(f"approve-{uscc}", officers, keyed)
    ]


def orders(year: int, officers: Sequence[str], **named: Sequence[str]) -> list[Message]:
    """Order all of a year, or the awards that are named."""
    body = {"fiscal_year": year, **named}
    return [
        Message(
            step="order",
            path="/disbursement-batches",
            sub=sub,
            body=body,
            about=str(year),
            key=key,
        )
        for sub, key in _signed(f"order-{year}", officers, None)
    ]


def payment(uscc: str, award_id: str, voucher: str, amount: Decimal, *, is_keyed: bool) -> Message:
    return Message(
        step="pay",
        path=f"/awards/{award_id}/disbursement",
        sub="treasury",
        body={"amount": f"{amount:.2f}", "paid_on": TODAY.isoformat(), "voucher": voucher},
        about=uscc,
        key=f"pay-{award_id}-{voucher}" if is_keyed else None,
    )


def _signed(
    what: str, officers: Sequence[str], keyed: bool | None
) -> Iterator[tuple[str, str | None]]:
    """Name who sends it, and under which key: every other one has none unless told otherwise."""
    for place, sub in enumerate(officers):
        is_keyed = place % 2 == 0 if keyed is None else keyed
        yield sub, f"{what}-{sub}" if is_keyed else None


# ---------------------------------------------------------------- the storm


OFFICERS = tuple(f"officer-{number}" for number in range(AT_ONCE))


async def reward_one(storm: Storm) -> None:
    """Let 64 officers propose, approve and order one award, and 64 vouchers pay it, all at once."""
    await storm.killed_during(storm.send(proposals(ONE, OFFICERS)), after=(20,))
    award_id = await award_of(storm, ONE)
    await storm.killed_during(storm.send(approvals(ONE, award_id, OFFICERS)), after=(20,))
    await storm.send(orders(YEAR_OF[ONE], OFFICERS), times=1)
    parts = [
        payment(ONE, award_id, f"ONE-{number}", AMOUNT / AT_ONCE, is_keyed=number % 2 == 0)
        for number in range(AT_ONCE)
    ]
    await storm.killed_during(storm.send(parts), after=(40,))


async def reward_many(storm: Storm) -> None:
    """Let everybody be proposed and approved, ordered in batches, and paid."""
    found = await storm.killed_during(
        _all(
            propose_and_approve(storm, uscc, keyed=place % 2 == 0, times=times_of(place))
            for place, uscc in enumerate(EVERYBODY)
        ),
        after=(MANY,),
    )
    awards = {uscc: one for uscc, one in zip(EVERYBODY, found, strict=True) if one is not None}
    await order_by_name(storm, [awards[uscc] for uscc in EXACT[: MANY // 2]])
    await order_the_rest(storm)
    paying = _all(
        storm.send(messages, times=times_of(place))
        for place, messages in enumerate(payments_of(list(awards.items())))
    )
    await storm.killed_during(paying, after=(MANY // 2,))


def times_of(place: int) -> int:
    """Send what is about every third pair twice: as often with a key as without."""
    return 2 if place // 2 % 3 == 0 else 1


async def propose_and_approve(storm: Storm, uscc: str, *, keyed: bool, times: int) -> str | None:
    told = await storm.send(proposals(uscc, ("proposer",), keyed=keyed), times=times)
    if all(one.slug == "budget-exceeded" for one in told):
        return None
    done = [str(one.says["id"]) for one in told if one.is_done]
    award_id = done[0] if done else await award_of(storm, uscc)
    await storm.send(approvals(uscc, award_id, ("approver",), keyed=keyed), times=times)
    return award_id


async def order_by_name(storm: Storm, awards: Sequence[str]) -> None:
    """Order awards in parts that overlap, named in one order and in the other: none is whole twice."""
    parts = [awards[begin : begin + 80] for begin in range(0, len(awards) - 40, 40)]
    await storm.send(
        chain.from_iterable(
            orders(YEAR_OF[EXACT[0]], OFFICERS[place : place + 1], award_ids=part[:: (-1) ** place])
            for place, part in enumerate(parts)
        ),
        times=1,
    )


async def order_the_rest(storm: Storm) -> None:
    """Order whole years, and kill rewards while the largest order has its number and no commit."""
    years = sorted({YEAR_OF[uscc] for uscc in EVERYBODY})
    ordering = asyncio.create_task(
        storm.send(chain.from_iterable(orders(year, OFFICERS[-2:]) for year in years))
    )
    owner = create_async_engine(storm.processes.owner, poolclass=NullPool)
    async with owner.connect() as connection:
        while not await connection.scalar(_NUMBER_IS_TAKEN, {"locks": MANY // 4}):
            assert not ordering.done(), "all was ordered before anybody could be killed"
            await connection.rollback()
            await asyncio.sleep(0.005)
    await owner.dispose()
    await storm.kill()
    await ordering


_NUMBER_IS_TAKEN = text(
    "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE d.datname = current_database() AND l.granted AND l.mode = 'RowExclusiveLock'"
    " AND l.relation = 'rewards.batch_series'::regclass AND :locks <= ("
    "SELECT count(*) FROM pg_locks e WHERE e.pid = l.pid AND e.locktype = 'advisory' AND e.granted))"
)
"""Whether an order of many has changed the year's last number, which its commit lets others read."""


def payments_of(awards: Sequence[tuple[str, str]]) -> Iterator[list[Message]]:
    """Pay each award under its own voucher; of every tenth pair, each under the other's as well."""
    for place, (uscc, award_id) in enumerate(awards):
        vouchers = (place, place ^ 1) if place // 2 % 10 == 0 else (place,)
        yield [
            payment(uscc, award_id, f"V-{voucher}", AMOUNT, is_keyed=place % 2 == 0)
            for voucher in vouchers
        ]


async def award_of(storm: Storm, uscc: str) -> str:
    """Find the award that somebody proposed before the answer was lost."""
    while True:
        try:
            [found] = (await storm.read(f"/awards?uscc={uscc}"))["items"]
        except httpx.TransportError:
            await storm.is_up.wait()
            continue
        return str(found["id"])


async def _all(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    return await asyncio.gather(*work)


# ---------------------------------------------------------------- what is left of it


@dataclass(frozen=True)
class Aftermath:
    owner: URL
    storm: Storm
    followed: Sequence[Mapping[str, Any]]
    feed: Sequence[Mapping[str, Any]]
    statements: Mapping[str, Mapping[str, Any]]
    log: str
    """What rewards wrote, in all of its lives."""
    awards: Mapping[str, str]
    """By enterprise; that each has one is what is promised first."""

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return await rows_of(self.owner, statement)

    def told(self, step: str) -> list[Answer]:
        return [one for one in self.storm.answers if one.message.step == step]

    def done_once(self, step: str) -> dict[str, Answer]:
        """Return by enterprise who was told that it is done: one message, however often it was sent.

        Without a key a lost answer cannot be had again, so then there may be none.
        """
        done: dict[str, list[Answer]] = defaultdict(list)
        for answer in self.told(step):
            if answer.is_done:
                done[answer.message.about].append(answer)
        for uscc, answers in done.items():
            keys = [one.message.key for one in answers]
            assert len(answers) == 1 or (None not in keys and len(set(keys)) == 1), uscc
        return {uscc: answers[0] for uscc, answers in done.items()}

    def expected(self) -> Counter[tuple[str, str]]:
        """Return how often each thing has to be done to each award."""
        return Counter(
            {
                (action, award_id): AT_ONCE if (action, uscc) == ("paid", ONE) else 1
                for uscc, award_id in self.awards.items()
                for action in EVENTS.values()
            }
        )


async def rows_of(owner: URL, statement: str) -> list[tuple[Any, ...]]:
    engine = create_async_engine(owner, poolclass=NullPool)
    async with engine.connect() as connection:
        found = [tuple(row) for row in await connection.execute(text(statement))]
    await engine.dispose()
    return found


@pytest.fixture
async def aftermath(server: URL) -> AsyncIterator[Aftermath]:
    # A database of its own, so that it is dropped and not swept while a process may still be ending.
    database = await MigratedDatabase.create(server, TEMPLATE)
    with tempfile.TemporaryDirectory(prefix="srdi-storm-") as folder:
        async with deployed(Path(folder), database.url) as processes:
            processes.clock.move_to_day(TODAY)
            await start(processes)
            async with storm_over(processes) as storm:
                await prepare(storm)
                over = asyncio.Event()
                follower = Follower(storm)
                async with asyncio.TaskGroup() as group:
                    group.create_task(follower.follow(over))
                    await reward_one(storm)
                    await reward_many(storm)
                    over.set()
                found = Aftermath(
                    owner=database.url,
                    storm=storm,
                    followed=follower.events,
                    feed=await whole_feed(storm),
                    statements=await statements(storm),
                    log=(processes.folder / "rewards.log").read_text("utf-8"),
                    awards=dict(
                        await rows_of(database.url, "SELECT uscc, id::text FROM rewards.awards")
                    ),
                )
    yield found
    await database.drop()


async def start(processes: Processes) -> None:
    for name in (GATEWAY, "registry", "rewards"):
        processes.start(name)
    await processes.until_ready(GATEWAY, "/healthz")
    for name in ("registry", "rewards"):
        await processes.until_ready(name)


@asynccontextmanager
async def storm_over(processes: Processes) -> AsyncIterator[Storm]:
    # Some places more than the storm has, for those who only read.
    limits = httpx.Limits(max_connections=AT_ONCE + 10, max_keepalive_connections=AT_ONCE + 10)
    async with (
        httpx.AsyncClient(base_url=processes.base_url, timeout=60, limits=limits) as gateway,
        httpx.AsyncClient(
            base_url=processes.url_of("rewards"), timeout=60, limits=limits
        ) as direct,
    ):
        yield Storm(processes, {"gateway": gateway, "direct": direct})


async def prepare(storm: Storm) -> None:
    """Put a schedule in force, and the titles where rewards looks for them."""
    gateway = storm.doors["gateway"]

    async def done(office: Office, sub: str, path: str, body: Mapping[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {storm.token(office, sub=sub)}"}
        answer = await gateway.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    drafted = await done(
        Office.FINANCE,
        "drafter",
        "/reward-schedules",
        {
            "code": "2026-storm",
            "document_number": "示例财〔2026〕1号",
            "effective_from": "2026-01-01",
            "amounts": [{"title": TITLE, "amount": f"{AMOUNT:.2f}"}],
            "settlement": "top_up",
            "scope": "concurrent_validity",
            "budgets": [
                {"fiscal_year": year, "amount": f"{amount:.2f}"} for year, amount in BUDGETS.items()
            ],
        },
    )
    await done(Office.FINANCE, "chief", f"/reward-schedules/{drafted['id']}/approval", {})
    await done(
        Office.PROVINCE,
        "province",
        "/recognitions",
        {
            "uscc": ONE,
            "legal_name": facts_of(1)["legal_name"],
            "title": TITLE,
            "valid_from": "2026-06-01",
            "document_number": "工信部示例〔2026〕1号",
            "region": "520102",
        },
    )
    owner = create_async_engine(storm.processes.owner, poolclass=NullPool)
    async with owner.begin() as connection:
        await connection.execute(_HOLDING, [{"uscc": one} for one in chain(EXACT, SHORT)])
    await until_held(owner, ONE)
    await owner.dispose()
    # Nobody asks it for anything from here on, so nobody misses it.
    storm.processes.kill("registry")


async def until_held(owner: AsyncEngine, uscc: str) -> None:
    """Wait until rewards has heard of a title."""
    for _ in range(600):
        async with owner.connect() as connection:
            if await connection.scalar(_HELD, {"uscc": uscc}) == 1:
                return
        await asyncio.sleep(0.1)
    raise TimeoutError(uscc)


_HELD = text("SELECT count(*) FROM rewards.holdings WHERE uscc = :uscc")
_HOLDING = text(
    "INSERT INTO rewards.holdings (recognition_id, uscc, legal_name, title, region, is_secret,"
    " valid_from, valid_until, policy_pack, has_lost_reward)"
    f" VALUES (gen_random_uuid(), :uscc, '贵州示例有限公司', '{TITLE}', '520102', false,"
    f" '2026-06-01', '2029-05-31', '{PACK}', false)"
)


async def whole_feed(storm: Storm) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while new := await feed_after(storm, found):
        found += new
    return found


async def statements(storm: Storm) -> dict[str, Any]:
    places = asyncio.Semaphore(AT_ONCE)

    async def statement(uscc: str) -> Any:
        async with places:
            return await storm.read(f"/award-statements/{uscc}")

    return dict(zip(YEAR_OF, await _all(map(statement, YEAR_OF)), strict=True))


# ---------------------------------------------------------------- the promises


async def every_message_gets_a_definite_answer_and_rewards_never_fails(after: Aftermath) -> None:
    storm = after.storm
    logged = Counter(re.findall(r'"status": (\d{3})', after.log))
    failed = [line for line in after.log.splitlines() if re.search(r'"status": 5\d\d', line)]

    assert len(storm.hits) == KILLED
    assert min(storm.hits) > 0, "it was killed while nothing was under way"
    assert storm.lost["direct"] > 0
    # Of a service that is not there the gateway says so.
    assert {("gateway", 503)} <= set(storm.failures)
    assert set(storm.failures) <= {("gateway", status) for status in (502, 503, 504)}
    assert logged["201"] >= AWARDED
    assert failed == []
    for step, refusals in REFUSALS.items():
        refused = {one.slug for one in after.told(step) if not one.is_done}
        assert refused, step
        assert refused <= refusals, step


async def every_enterprise_has_one_award_or_none_where_the_year_is_spent(after: Aftermath) -> None:
    made = await after.rows(
        "SELECT uscc, id::text, fiscal_year, proposed_by, approved_by FROM rewards.awards"
    )
    rewarded = await after.rows("SELECT uscc, award_id::text FROM rewards.rewarded_titles")
    refused = {one.message.about for one in after.told("propose") if one.slug == "budget-exceeded"}
    proposed, approved = after.done_once("propose"), after.done_once("approve")

    assert len(made) == len(after.awards) == AWARDED
    assert Counter(rewarded) == Counter(after.awards.items())
    assert set(after.awards) >= {ONE, *EXACT}
    assert refused == set(SHORT) - set(after.awards)
    for uscc, award_id, year, proposed_by, approved_by in made:
        assert year == YEAR_OF[uscc]
        if uscc in proposed:
            assert proposed[uscc].says["id"] == award_id
            assert proposed[uscc].message.sub == proposed_by
        if uscc in approved:
            assert approved[uscc].message.sub == approved_by
    keyed = {uscc for uscc in EVERYBODY[::2] if uscc in after.awards}
    assert proposed.keys() >= keyed
    assert approved.keys() >= keyed


async def every_award_is_paid_its_amount_under_the_ledger(after: Aftermath) -> None:
    found = await after.rows(
        "SELECT a.uscc, a.status, a.amount, a.granted, a.disbursed,"
        " sum(e.amount) FILTER (WHERE e.kind = 'granted'),"
        " sum(e.amount) FILTER (WHERE e.kind = 'disbursed'),"
        " count(*) FILTER (WHERE e.kind = 'disbursed'), count(*)"
        " FROM rewards.awards a JOIN rewards.ledger_entries e ON e.award_id = a.id GROUP BY a.id"
    )

    assert {uscc: tuple(rest) for uscc, *rest in found} == {
        uscc: ("disbursed", *[AMOUNT] * 5, parts, parts + 1)
        for uscc in after.awards
        for parts in (AT_ONCE if uscc == ONE else 1,)
    }


async def every_budget_is_kept_and_used_as_far_as_it_suffices(after: Aftermath) -> None:
    found = await after.rows(
        "SELECT b.fiscal_year, b.amount, b.granted, count(*), sum(e.amount)"
        " FROM rewards.budgets b JOIN rewards.awards a USING (schedule_id, fiscal_year)"
        " JOIN rewards.ledger_entries e ON e.award_id = a.id AND e.kind = 'granted'"
        " GROUP BY b.schedule_id, b.fiscal_year ORDER BY b.fiscal_year"
    )

    assert found == [
        (year, budget, AMOUNT * AWARDED_IN[year], AWARDED_IN[year], AMOUNT * AWARDED_IN[year])
        for year, budget in BUDGETS.items()
    ]


async def every_voucher_stands_for_one_payment(after: Aftermath) -> None:
    paid = await after.rows(
        "SELECT award_id::text, reference, amount::text FROM rewards.ledger_entries"
        " WHERE kind = 'disbursed'"
    )
    sent = {one.message.body["voucher"] for one in after.told("pay")}
    told: dict[bool, set[tuple[Any, ...]]] = {True: set(), False: set()}
    for one in after.told("pay"):
        body = one.message.body
        told[one.is_done].add((after.awards[one.message.about], body["voucher"], body["amount"]))

    assert len(paid) == PAYMENTS
    assert Counter(voucher for _, voucher, _ in paid) == Counter(sent)
    # A repeat is answered like the original, with a key or without.
    assert told[True] == set(paid)
    assert told[False].isdisjoint(paid)


async def every_batch_has_its_number_and_every_award_one_line(after: Aftermath) -> None:
    batches = await after.rows(
        "SELECT b.fiscal_year, b.number, b.total, sum(l.amount), sum(l.paid), count(*),"
        " min(l.number), max(l.number), count(DISTINCT l.number)"
        " FROM rewards.disbursement_batches b JOIN rewards.batch_lines l ON l.batch_id = b.id"
        " GROUP BY b.id ORDER BY b.number"
    )
    series = dict(await after.rows("SELECT fiscal_year, last FROM rewards.batch_series"))
    lines = await after.rows("SELECT award_id::text, status FROM rewards.batch_lines")
    told = {str(one.says["number"]) for one in after.told("order") if one.is_done}

    assert series.keys() == BUDGETS.keys()
    for year, last in series.items():
        numbers = [number for of_year, number, *_ in batches if of_year == year]
        assert numbers == [f"{year}-{place:04}" for place in range(1, last + 1)]
    assert series[YEAR_OF[EXACT[0]]] > 2, "to have no gap takes several"
    for _, number, total, ordered, paid, count, *numbered in batches:
        assert total == ordered == paid == AMOUNT * count, number
        assert numbered == [1, count, count], number
    assert Counter(lines) == Counter((award_id, "paid") for award_id in after.awards.values())
    assert told <= {number for _, number, *_ in batches}


async def every_event_is_told_once_and_in_order(after: Aftermath) -> None:
    paid = await after.rows(
        "SELECT award_id::text, reference, amount::text FROM rewards.ledger_entries"
        " WHERE kind = 'disbursed'"
    )
    of_awards = [one for one in after.feed if one["type"] in EVENTS]
    steps = defaultdict(list)
    for one in of_awards:
        steps[one["data"]["award_id"]].append(EVENTS[one["type"]])

    assert after.followed == after.feed
    assert [one["position"] for one in after.feed] == list(range(1, len(after.feed) + 1))
    assert len({one["id"] for one in after.feed}) == len(after.feed)
    assert (
        Counter((EVENTS[one["type"]], one["data"]["award_id"]) for one in of_awards)
        == after.expected()
    )
    assert [one["type"] for one in after.feed if "award" in one["type"]] == [
        one["type"] for one in of_awards
    ]
    assert all(done[:4] == list(EVENTS.values()) for done in steps.values())
    assert Counter(
        (one["data"]["award_id"], one["data"]["voucher"], one["data"]["paid"])
        for one in of_awards
        if EVENTS[one["type"]] == "paid"
    ) == Counter(paid)


async def every_statement_is_what_the_ledger_says(after: Aftermath) -> None:
    found = await after.rows(
        "SELECT a.uscc, coalesce(sum(e.amount) FILTER (WHERE e.kind = 'granted'), 0)::text,"
        " coalesce(sum(e.amount) FILTER (WHERE e.kind = 'disbursed'), 0)::text"
        " FROM rewards.awards a JOIN rewards.ledger_entries e ON e.award_id = a.id GROUP BY a.uscc"
    )
    ledger = {uscc: sums for uscc, *sums in found}

    for uscc, told in after.statements.items():
        sums = [told["granted"], told["disbursed"]]
        assert sums == ledger.get(uscc, ["0.00", "0.00"])
        assert {told["recovery_due"], told["recovered"], told["waived"]} == {"0.00"}
        of_award = [one["id"] for one in told["awards"]]
        assert of_award == ([after.awards[uscc]] if uscc in after.awards else [])


async def every_repeat_under_a_key_gets_the_very_same_answer(after: Aftermath) -> None:
    answers: dict[tuple[str, str], list[tuple[int, bytes]]] = defaultdict(list)
    for one in after.storm.answers:
        if one.message.key is not None:
            answers[one.message.sub, one.message.key].append((one.status, one.content))

    assert sum(len(told) > 1 for told in answers.values()) > AWARDED // 2
    assert {who for who, told in answers.items() if len(set(told)) > 1} == set()


async def every_act_is_in_history_once_and_the_chain_is_sound(after: Aftermath) -> None:
    written = await after.rows(
        "SELECT action, subject_id FROM rewards.history WHERE subject_type = 'award'"
    )
    chains = await verify_chains(after.owner)

    assert Counter(written) == after.expected()
    assert chains["rewards"].rows > len(written)
    assert {service: chain.broken_at for service, chain in chains.items()} == dict.fromkeys(
        SERVICES
    )


PROMISES: Sequence[Callable[[Aftermath], Awaitable[None]]] = (
    every_message_gets_a_definite_answer_and_rewards_never_fails,
    every_enterprise_has_one_award_or_none_where_the_year_is_spent,
    every_award_is_paid_its_amount_under_the_ledger,
    every_budget_is_kept_and_used_as_far_as_it_suffices,
    every_voucher_stands_for_one_payment,
    every_batch_has_its_number_and_every_award_one_line,
    every_event_is_told_once_and_in_order,
    every_statement_is_what_the_ledger_says,
    every_repeat_under_a_key_gets_the_very_same_answer,
    every_act_is_in_history_once_and_the_chain_is_sound,
)


# One test, because workers that share out the tests of a module would each raise a storm.
@pytest.mark.timeout(500)
async def test_whatever_is_killed_or_sent_again_every_enterprise_is_awarded_and_paid_once(
    aftermath: Aftermath, subtests: pytest.Subtests
) -> None:
    for promise in PROMISES:
        with subtests.test(promise.__name__):
            await promise(aftermath)
