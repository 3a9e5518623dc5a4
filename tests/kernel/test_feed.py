"""Events: none is lost, none takes effect twice, and outsiders read only what they may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from services.kernel.clock import AdjustableClock
from services.kernel.database import Database
from services.kernel.events.consumer import Consumer, Subscription
from services.kernel.events.feed import FeedReaders
from services.kernel.identity.actor import NOBODY
from services.kernel.identity.credentials import ServiceCredentials
from services.kernel.journal import HistoryEntry, Journal, verify_chain
from services.kernel.logging import new_trace
from services.kernel.transaction import Runtime
from tests.builders.services import as_owner
from tests.kernel.conftest import (
    Copy,
    Notes,
    NoteWritten,
    copies_tables,
    copying,
    lone_issuer,
)

INTERNAL = "events:read events:internal"


async def write(notes: Notes, *bodies: str) -> None:
    for body in bodies:
        answer = await notes.client.post(
            "/api/v1/notes", json={"body": body}, headers=notes.headers()
        )
        assert answer.status_code == 201


async def read(
    notes: Notes,
    query: str = "",
    *,
    scope: str = INTERNAL,
    region: str | None = None,
    uscc: str | None = "91520000MA00000001",
) -> httpx.Response:
    token = notes.token(scope=scope, region=region, uscc=uscc)
    return await notes.client.get(f"/events{query}", headers={"Authorization": f"Bearer {token}"})


@asynccontextmanager
async def copier(notes: Notes, subscription: Subscription) -> AsyncIterator[Consumer]:
    database = Database(notes.owner.render_as_string(hide_password=False), pool_size=5)
    gateway = httpx.AsyncClient(base_url="http://gateway", transport=lone_issuer(notes.key, []))
    yield Consumer(
        subscription=subscription,
        runtime=Runtime(
            name="copies",
            database=database,
            tables=copies_tables,
            clock=AdjustableClock(),
            verifier=notes.app.state.runtime.verifier,
            wake_readers=FeedReaders().wake,
        ),
        feed=notes.client,
        credentials=ServiceCredentials(gateway, client_id="copies", secret=SecretStr("s")),
    )
    await database.close()


async def copies(consumer: Consumer) -> list[str]:
    async with consumer._runtime.database.session() as session:
        return list(await session.scalars(select(Copy.body).order_by(Copy.id)))


async def test_the_feed_gives_each_event_its_own_position_in_order(notes: Notes) -> None:
    await write(notes, "a", "b", "c")

    answer = await read(notes)

    assert answer.headers["content-type"].startswith("application/cloudevents-batch+json")
    assert answer.headers["srdi-position"] == "3"
    assert [(event["position"], event["data"]["body"]) for event in answer.json()] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]


async def test_a_reader_goes_on_after_the_position_that_it_names(notes: Notes) -> None:
    await write(notes, "a", "b", "c")

    page = await read(notes, "?after=1&limit=1")
    rest = await read(notes, f"?after={page.headers['srdi-position']}")

    assert [event["data"]["body"] for event in page.json()] == ["b"]
    assert [event["data"]["body"] for event in rest.json()] == ["c"]


async def test_a_waiting_reader_is_woken_by_the_next_event(notes: Notes) -> None:
    waiting = asyncio.create_task(read(notes, "?wait=20"))
    await asyncio.sleep(0.2)
    await write(notes, "a")

    answer = await asyncio.wait_for(waiting, timeout=5)

    assert [event["data"]["body"] for event in answer.json()] == ["a"]


async def test_a_slow_writer_never_makes_a_reader_miss_an_event(notes: Notes) -> None:
    """The slow transaction takes its number first and commits last."""
    runtime: Runtime = notes.app.state.runtime
    numbered, may_commit = asyncio.Event(), asyncio.Event()

    async def slow_writer() -> None:
        async with runtime.database.session() as session, session.begin():
            journal = Journal(session, runtime.tables, runtime.clock, new_trace())
            journal.announce(
                NoteWritten(
                    uscc=None,
                    region=None,
                    is_secret=False,
                    note_id="0199e7c0-0000-7000-8000-000000000000",  # type: ignore[arg-type]
                    body="slow",
                )
            )
            await journal.write()
            numbered.set()
            await may_commit.wait()

    slow = asyncio.create_task(slow_writer())
    await numbered.wait()
    fast = asyncio.create_task(write(notes, "fast"))
    await asyncio.sleep(0.3)
    early = await read(notes)
    may_commit.set()
    await asyncio.gather(slow, fast)
    late = await read(notes, f"?after={early.headers['srdi-position']}")

    seen = [event["data"]["body"] for event in [*early.json(), *late.json()]]
    assert sorted(seen) == ["fast", "slow"]


async def test_fifty_writers_at_once_leave_no_gap_and_a_sound_chain(notes: Notes) -> None:
    await asyncio.gather(*(write(notes, f"n{number}") for number in range(50)))

    events = (await read(notes, "?limit=500")).json()

    assert [event["position"] for event in events] == list(range(1, 51))


async def test_outsiders_never_see_a_secret_firms_events_nor_internal_members(
    notes: Notes,
) -> None:
    await write(notes, "secret plan", "open plan")

    answer = await read(notes, scope="events:read", uscc=None, region="520000")

    assert [event["data"] for event in answer.json()] == [
        {
            "uscc": "91520000MA00000001",
            "region": "520100",
            "note_id": answer.json()[0]["data"]["note_id"],
        }
    ]
    assert "secret" not in answer.text
    assert answer.headers["srdi-position"] == "2"


@pytest.mark.parametrize(
    ("region", "uscc", "seen"),
    [
        ("520100", None, 1),
        ("520000", None, 1),
        ("520102", None, 0),
        ("520300", None, 0),
        (None, "91520000MA00000001", 1),
        (None, "91520000MA00000002", 0),
        ("520000", "91520000MA00000002", 0),
        (None, None, 0),
    ],
)
async def test_outsiders_see_the_events_of_their_own_division_or_enterprise(
    notes: Notes, region: str | None, uscc: str | None, seen: int
) -> None:
    await write(notes, "a")

    answer = await read(notes, scope="events:read", region=region, uscc=uscc)

    assert len(answer.json()) == seen


async def test_the_feed_needs_its_scope(notes: Notes) -> None:
    answer = await read(notes, scope="applications:write")

    assert answer.status_code == 403


async def test_an_event_takes_effect_once_however_often_it_is_read(notes: Notes) -> None:
    await write(notes, "a", "b")
    async with copier(notes, copying()) as consumer:
        await asyncio.gather(*(consumer.catch_up() for _ in range(5)))
        await consumer.catch_up()

        assert await copies(consumer) == ["a", "b"]


async def test_an_effect_that_fails_halfway_leaves_nothing_and_is_done_again(
    notes: Notes,
) -> None:
    await write(notes, "a", "b", "c")
    struck: list[str] = []

    def once(event: NoteWritten) -> bool:
        struck.append(event.body)
        return event.body == "b" and struck.count("b") == 1

    async with copier(notes, copying(once)) as consumer:
        with pytest.raises(RuntimeError, match="struck"):
            await consumer.catch_up()
        assert await copies(consumer) == ["a"]

        await consumer.catch_up()

        assert await copies(consumer) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("UPDATE notes.history SET reason = 'x' WHERE position = 2", 2),
        ("DELETE FROM notes.history WHERE position = 3", 3),
        ("DELETE FROM notes.history WHERE position = 1", 1),
        (
            (
                "INSERT INTO notes.history SELECT 4, gen_random_uuid(), occurred_at, subject_type,"
                " subject_id, uscc, action, actor, reason, clause, policy_pack, data, request_id, hash,"
                " repeat('f', 64) FROM notes.history WHERE position = 3"
            ),
            4,
        ),
    ],
    ids=["edited", "lost at the end", "lost at the start", "put in"],
)
async def test_a_history_row_that_was_tampered_with_shows(
    notes: Notes, tampering: str, broken_at: int
) -> None:
    await write(notes, "a", "b", "c")
    runtime: Runtime = notes.app.state.runtime
    async with runtime.database.session() as session:
        sound = await verify_chain(session, runtime.tables)

    await as_owner(notes.owner, tampering)

    async with runtime.database.session() as session:
        tampered = await verify_chain(session, runtime.tables)
    assert (sound.broken_at, tampered.broken_at) == (None, broken_at)


async def test_history_keeps_who_did_what_and_under_which_request(notes: Notes) -> None:
    runtime: Runtime = notes.app.state.runtime
    async with runtime.database.session() as session, session.begin():
        journal = Journal(session, runtime.tables, runtime.clock, new_trace())
        journal.record(
            HistoryEntry(
                subject_type="note",
                subject_id="1",
                action="tested",
                actor=NOBODY,
                reason="为什么",
                data={"n": 1, "nested": {"b": [True, None, "字"]}},
            )
        )
        await journal.write()

    async with runtime.database.session() as session:
        row = (await session.execute(select(runtime.tables.history))).mappings().one()
        head = (await session.execute(select(func.max(runtime.tables.history.c.hash)))).scalar()
    assert row["reason"] == "为什么"
    assert row["actor"]["sub"] == "anonymous"
    assert row["hash"] == head
