"""Idempotency keys: the same request sent twice is done once and answered the same way.

The record is written in the transaction of the work itself. After a crash either both are there,
and the retry is answered with the first answer, or neither is, and the retry does the work.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Response
from sqlalchemy import Table, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.problems import IdempotencyKeyReused, Malformed
from services.kernel.text import Text

KEPT_FOR = timedelta(days=7)

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("content-type", "etag", "location")


@dataclass(frozen=True, slots=True)
class Claim:
    caller: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    status: int
    headers: Mapping[str, str]
    body: str


def refuse_bad_key(key: str) -> None:
    if _KEY.fullmatch(key) is None:
        zh = "Idempotency-Key 须为 1 至 255 个可见 ASCII 字符。"
        en = "Idempotency-Key must be 1 to 255 visible ASCII characters."
        raise Malformed(zh, en, errors=[("", "bad_idempotency_key", Text(zh, en))])


class IdempotencyKeys:
    def __init__(self, session: AsyncSession, table: Table, clock: Clock) -> None:
        self._session = session
        self._table = table
        self._clock = clock

    async def claim(self, claim: Claim) -> FirstAnswer | None:
        """Reserve the key, or return the answer that its first request was given.

        Waits while another transaction holds the key. Raises `IdempotencyKeyReused` when the key
        belongs to a request with another body or address.
        """
        table = self._table
        now = self._clock.now()
        await self._session.execute(
            delete(table).where(table.c.caller == claim.caller, table.c.created_at < now - KEPT_FOR)
        )
        reserved = await self._session.scalar(
            insert(table)
            .values(
                caller=claim.caller, key=claim.key, fingerprint=claim.fingerprint, created_at=now
            )
            .on_conflict_do_nothing()
            .returning(table.c.key)
        )
        if reserved is not None:
            return None
        row = (
            await self._session.execute(
                select(table).where(table.c.caller == claim.caller, table.c.key == claim.key)
            )
        ).one()
        if row.fingerprint != claim.fingerprint:
            raise IdempotencyKeyReused
        return FirstAnswer(status=row.status, headers=row.headers, body=row.body)

    async def keep_answer(self, claim: Claim, response: Response) -> None:
        table = self._table
        headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
        await self._session.execute(
            update(table)
            .where(table.c.caller == claim.caller, table.c.key == claim.key)
            .values(
                status=response.status_code,
                headers=headers,
                body=bytes(response.body).decode(),
            )
        )


def fingerprint_parts(*parts: str | bytes) -> bytes:
    """Join what makes a request the same request, so that no two lists of parts look alike."""
    return json.dumps(
        [part if isinstance(part, str) else part.decode("latin-1") for part in parts]
    ).encode()
