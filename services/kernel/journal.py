"""What a transaction leaves behind for others: history that nobody can edit, and events.

Both are written last, just before the commit, while holding the one row of `journal_head`.
That row is released by the commit, so numbers are given in the order of commits: a reader that
has seen event 8 has seen every event before it, however slow any writer was. The same lock lets
each history row carry the hash of the one before it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.database import UUID_COLUMN
from services.kernel.events.event import Event
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.logging import Trace

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class JournalTables:
    """The tables that every service keeps beside its own."""

    head: Table
    history: Table
    outbox: Table
    consumer_positions: Table
    idempotency: Table


def journal_tables(metadata: MetaData) -> JournalTables:
    return JournalTables(
        head=Table(
            "journal_head",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False),
            Column("history_position", BigInteger, nullable=False),
            Column("history_hash", String(64), nullable=False),
            Column("event_position", BigInteger, nullable=False),
            CheckConstraint("id = 1", name="is_the_only_row"),
        ),
        history=Table(
            "history",
            metadata,
            Column("position", BigInteger, primary_key=True, autoincrement=False),
            Column("id", UUID_COLUMN, nullable=False, unique=True),
            Column("occurred_at", DateTime(timezone=True), nullable=False),
            Column("subject_type", String(40), nullable=False),
            Column("subject_id", String(64), nullable=False),
            Column("uscc", String(18), nullable=True, index=True),
            Column("action", String(60), nullable=False),
            Column("actor", JSONB, nullable=False),
            Column("reason", Text, nullable=True),
            Column("clause", String(40), nullable=True),
            Column("policy_pack", String(80), nullable=True),
            Column("data", JSONB, nullable=False),
            Column("request_id", String(128), nullable=False),
            Column("previous_hash", String(64), nullable=False),
            Column("hash", String(64), nullable=False, unique=True),
            Index(None, "subject_type", "subject_id", "position"),
        ),
        outbox=Table(
            "outbox",
            metadata,
            Column("position", BigInteger, primary_key=True, autoincrement=False),
            Column("id", UUID_COLUMN, nullable=False, unique=True),
            Column("type", String(80), nullable=False),
            Column("occurred_at", DateTime(timezone=True), nullable=False),
            Column("uscc", String(18), nullable=True, index=True),
            Column("region", String(6), nullable=True),
            Column("is_secret", Boolean, nullable=False),
            Column("data", JSONB, nullable=False),
            Column("partner_data", JSONB(none_as_null=True), nullable=True),
            Column("request_id", String(128), nullable=False),
            Column("traceparent", String(55), nullable=False),
        ),
        consumer_positions=Table(
            "consumer_positions",
            metadata,
            Column("source", String(40), primary_key=True),
            Column("position", BigInteger, nullable=False),
            Column("updated_at", DateTime(timezone=True), nullable=False),
        ),
        idempotency=Table(
            "idempotency",
            metadata,
            Column("caller", String(64), primary_key=True),
            Column("key", String(255), primary_key=True),
            Column("fingerprint", String(64), nullable=False),
            Column("created_at", DateTime(timezone=True), nullable=False, index=True),
            Column("status", Integer, nullable=True),
            Column("headers", JSONB, nullable=True),
            Column("body", Text, nullable=True),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One thing that was done: to what, by whom, why, and under which clause and pack."""

    subject_type: str
    subject_id: UUID | str
    action: str
    actor: Actor
    uscc: str | None = None
    reason: str | None = None
    clause: str | None = None
    policy_pack: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class Journal:
    """Collects what one transaction did, and writes it down as the transaction's last act."""

    def __init__(
        self, session: AsyncSession, tables: JournalTables, clock: Clock, trace: Trace
    ) -> None:
        self._session = session
        self._tables = tables
        self._clock = clock
        self._trace = trace
        self._entries: list[tuple[datetime, HistoryEntry]] = []
        self._events: list[tuple[datetime, Event]] = []

    def record(self, entry: HistoryEntry) -> None:
        self._entries.append((self._clock.now(), entry))

    def announce(self, event: Event) -> None:
        self._events.append((self._clock.now(), event))

    def discard(self) -> None:
        """Forget what was collected, because the work that it describes is being undone."""
        self._entries.clear()
        self._events.clear()

    async def write(self) -> None:
        """Insert all of it, numbered and chained. Only the commit may follow."""
        if not self._entries and not self._events:
            return
        head = self._tables.head
        place = (
            await self._session.execute(select(head).where(head.c.id == 1).with_for_update())
        ).one()
        history = self._history_rows(place.history_position, place.history_hash)
        events = self._event_rows(place.event_position)
        if history:
            await self._session.execute(insert(self._tables.history), history)
        if events:
            await self._session.execute(insert(self._tables.outbox), events)
        await self._session.execute(
            update(head)
            .where(head.c.id == 1)
            .values(
                history_position=place.history_position + len(history),
                history_hash=history[-1]["hash"] if history else place.history_hash,
                event_position=place.event_position + len(events),
            )
        )
        self.discard()

    def _history_rows(self, position: int, previous_hash: str) -> list[dict[str, Any]]:
        rows = []
        for occurred_at, entry in self._entries:
            position += 1
            row = {
                "position": position,
                "id": new_id(),
                "occurred_at": occurred_at,
                "subject_type": entry.subject_type,
                "subject_id": str(entry.subject_id),
                "uscc": entry.uscc,
                "action": entry.action,
                "actor": entry.actor.as_record(),
                "reason": entry.reason,
                "clause": entry.clause,
                "policy_pack": entry.policy_pack,
                "data": dict(entry.data),
                "request_id": self._trace.request_id,
                "previous_hash": previous_hash,
            }
            row["hash"] = previous_hash = chain_hash(row)
            rows.append(row)
        return rows

    def _event_rows(self, position: int) -> list[dict[str, Any]]:
        return [
            {
                "position": position + number,
                "id": new_id(),
                "type": event.TYPE,
                "occurred_at": occurred_at,
                "uscc": event.uscc,
                "region": event.region,
                "is_secret": event.is_secret,
                "data": event.model_dump(mode="json"),
                "partner_data": event.partner_view(),
                "request_id": self._trace.request_id,
                "traceparent": self._trace.traceparent,
            }
            for number, (occurred_at, event) in enumerate(self._events, start=1)
        ]


def chain_hash(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a history row together with the hash of the row before it."""
    content = {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name != "hash"
    }
    content["id"] = str(content["id"])
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ChainReport:
    rows: int
    head_hash: str
    broken_at: int | None
    """The first position whose row is missing, edited or not linked to the one before it."""


async def verify_chain(session: AsyncSession, tables: JournalTables) -> ChainReport:
    """Recompute the whole chain and compare it with the stored head.

    The session has to see one state of the database throughout (REPEATABLE READ), or rows that
    are written meanwhile look like rows that were put in.
    """
    head = (await session.execute(select(tables.head))).one()
    position, previous_hash = 0, GENESIS
    rows = await session.stream(select(tables.history).order_by(tables.history.c.position))
    async for row in rows.mappings():
        position += 1
        is_sound = (
            row["position"] == position <= head.history_position
            and row["previous_hash"] == previous_hash
            and row["hash"] == chain_hash(dict(row))
        )
        if not is_sound:
            return ChainReport(rows=position, head_hash=head.history_hash, broken_at=position)
        previous_hash = row["hash"]
    is_complete = position == head.history_position and previous_hash == head.history_hash
    return ChainReport(
        rows=position,
        head_hash=head.history_hash,
        broken_at=None if is_complete else position + 1,
    )
