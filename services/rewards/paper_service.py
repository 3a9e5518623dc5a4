"""Whole documents for those who keep, pay out of or audit the fund: signed, and as workbooks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from services.kernel.identity.actor import Actor
from services.kernel.identity.keys import KeyRing
from services.kernel.identity.tokens import seal
from services.kernel.problems import NotAllowed, Overloaded
from services.kernel.schemas import Out
from services.kernel.text import Text
from services.kernel.transaction import Runtime
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.policy.rewards import ZERO
from services.rewards.batch_repository import BatchRepository
from services.rewards.batch_schemas import BatchOut
from services.rewards.batch_workbook import batch_xlsx
from services.rewards.problems import OrderNotFound, StatementsTooMany, UnknownDivision
from services.rewards.statement_reading import EnterpriseSums, SoughtStatements, StatementReading
from services.rewards.statement_schemas import (
    EnterpriseStatementOut,
    StatementSumsOut,
    YearStatementsOut,
)
from services.rewards.statement_workbook import statements_xlsx
from services.rewards.views import batch_out

BATCH_KIND: Final = "srdi-disbursement-batch+jwt"
STATEMENTS_KIND: Final = "srdi-award-statements+jwt"
MOST_ENTERPRISES: Final = 50_000
"""In one document: what is put together in memory, and what a spreadsheet still opens at once."""
YEARS_AT_ONCE: Final = 2
"""Of whole years: each keeps a core busy for seconds."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document by the name of its file, without an ending."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Issuer:
    """The keys that rewards signs with, and the address under which it is known."""

    keys: KeyRing
    public_url: str

    def address_of_batch(self, batch_id: UUID) -> str:
        return f"{self.public_url}/api/v1/disbursement-batches/{batch_id}"

    def address_of_year(self, of: YearStatementsOut) -> str:
        query = f"fiscal_year={of.fiscal_year}&region={of.region}"
        return f"{self.public_url}/api/v1/award-statements?{query}"


class PaperService:
    def __init__(
        self, runtime: Runtime, catalogue: Catalogue, issuer: Issuer, places: asyncio.Semaphore
    ) -> None:
        self._runtime = runtime
        self._catalogue = catalogue
        self._issuer = issuer
        self._places = places

    async def signed_batch(self, batch_id: UUID, reader: Actor) -> Paper:
        """Return a batch, with how each order stands now, as a signed statement."""
        at = self._runtime.clock.now()
        batch, _ = await self._batch(batch_id, reader)
        signed = await asyncio.to_thread(
            self._sealed, batch, "batch", self._issuer.address_of_batch(batch_id), at, BATCH_KIND
        )
        return Paper(f"disbursement-batch-{batch.number}", signed)

    async def batch_workbook(self, batch_id: UUID, reader: Actor) -> Paper:
        """Return a batch, with how each order stands now, as a workbook."""
        at = self._runtime.clock.now()
        batch, titles = await self._batch(batch_id, reader)
        source = self._issuer.address_of_batch(batch_id)
        workbook = await asyncio.to_thread(
            batch_xlsx, batch, titles, at=at, by=reader.sub, source=source
        )
        return Paper(f"disbursement-batch-{batch.number}", workbook)

    async def signed_statements(self, fiscal_year: int, region: str | None, reader: Actor) -> Paper:
        """Return a year's statements, whole, as one signed statement."""
        async with self._place():
            at = self._runtime.clock.now()
            year = await self._year(fiscal_year, region, reader)
            signed = await asyncio.to_thread(
                self._sealed,
                year,
                "statements",
                self._issuer.address_of_year(year),
                at,
                STATEMENTS_KIND,
            )
        return Paper(f"award-statements-{year.fiscal_year}-{year.region}", signed)

    async def statements_workbook(
        self, fiscal_year: int, region: str | None, reader: Actor
    ) -> Paper:
        """Return a year's statements, whole, as a workbook."""
        async with self._place():
            at = self._runtime.clock.now()
            year = await self._year(fiscal_year, region, reader)
            source = self._issuer.address_of_year(year)
            workbook = await asyncio.to_thread(
                statements_xlsx, year, at=at, by=reader.sub, source=source
            )
        return Paper(f"award-statements-{year.fiscal_year}-{year.region}", workbook)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Hold one of a few places. Raises `Overloaded` where none is free."""
        if self._places.locked():
            raise Overloaded(
                "正在生成的年度对账单较多，请稍后再试。",
                "Several years are being put together; try again in a moment.",
                headers={"Retry-After": "15"},
            )
        async with self._places:
            yield

    async def _batch(self, batch_id: UUID, reader: Actor) -> tuple[BatchOut, dict[UUID, Text]]:
        """Read a batch and what the title of each of its awards is called."""
        async with self._runtime.database.session() as session:
            found = await BatchRepository(session).find(batch_id, reader)
            if found is None:
                raise OrderNotFound
            packs = await BatchRepository(session).packs_of(batch_id)
        titles = {
            line.award_id: self._catalogue.pack(packs[line.award_id]).title_named(line.title).name
            for line in found.lines
        }
        return batch_out(found), titles

    async def _year(self, fiscal_year: int, region: str | None, reader: Actor) -> YearStatementsOut:
        """Read a year's statements. Raises `NotAllowed`, `UnknownDivision` and `StatementsTooMany`.

        What is signed says of which division it is the whole, so another one's, or that of a code
        that is none, is refused where a list would just be empty.
        """
        of_region = region or reader.region
        if of_region is None or not reader.is_in_charge_of(of_region):
            raise NotAllowed(
                "整份对账单只能按本区划或其下级区划取得。",
                "A whole year is given of your own division or one below it.",
            )
        if of_region not in divisions():
            raise UnknownDivision
        async with self._runtime.database.session() as session:
            rows = await StatementReading(session).first(
                SoughtStatements(fiscal_year, of_region), reader, MOST_ENTERPRISES + 1
            )
        if len(rows) > MOST_ENTERPRISES:
            raise StatementsTooMany
        return await asyncio.to_thread(_year_out, fiscal_year, of_region, rows)

    def _sealed(self, content: Out, name: str, address: str, at: datetime, kind: str) -> bytes:
        claims: dict[str, Any] = {
            "iss": self._issuer.public_url,
            "sub": address,
            # What is read is read after this instant, so it is never older than it says.
            "iat": int(at.timestamp()),
            name: content.model_dump(mode="json"),
        }
        return seal(self._issuer.keys.signing, claims, kind=kind).encode("ascii")


def _year_out(fiscal_year: int, region: str, rows: Sequence[EnterpriseSums]) -> YearStatementsOut:
    def total(amounts: Sequence[Decimal]) -> Decimal:
        return sum(amounts, ZERO)

    return YearStatementsOut(
        fiscal_year=fiscal_year,
        region=region,
        totals=StatementSumsOut(
            enterprises_count=len(rows),
            awards_count=sum(one.awards_count for one in rows),
            granted=total([one.granted for one in rows]),
            cancelled=total([one.cancelled for one in rows]),
            disbursed=total([one.disbursed for one in rows]),
            recovery_due=total([one.recovery_due for one in rows]),
            recovered=total([one.recovered for one in rows]),
            waived=total([one.waived for one in rows]),
        ),
        items=[EnterpriseStatementOut.model_validate(one) for one in rows],
    )
