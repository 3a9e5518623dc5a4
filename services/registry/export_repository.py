"""The statements behind exports: read as of one moment, and never held in memory as a whole."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Date, Select, cast, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.kernel.database import Database
from services.kernel.identity.actor import NOBODY, Actor
from services.kernel.paging import Paging
from services.registry.models import Enterprise, Recognition, RecognitionTerm
from services.registry.repository import EnterpriseRepository, visible_to
from services.registry.search import SearchRepository, Sought, is_valid_on
from services.registry.standing import Renewals

ROWS_AT_ONCE = 1000
ENTERPRISES_AT_ONCE = 200
LONGEST_STATEMENT_SECONDS = 120
LONGEST_PAUSE_SECONDS = 60
"""Between two parts of an export; whoever takes longer to read on is cut off by the database."""


class PublicRow(NamedTuple):
    uscc: str
    legal_name: str
    title: str
    policy_pack: str
    certificate_number: str
    valid_from: date
    valid_until: date
    division: str


@asynccontextmanager
async def one_moment(database: Database) -> AsyncIterator[AsyncSession]:
    """Give a session that sees the database as it was at one moment, and may only read."""
    async with database.session() as session:
        await session.connection(
            execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        await session.execute(text(f"SET LOCAL statement_timeout = '{LONGEST_STATEMENT_SECONDS}s'"))
        await session.execute(
            text(f"SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_PAUSE_SECONDS}s'")
        )
        yield session


class ExportRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def public_rows(self, day: date) -> AsyncGenerator[PublicRow, None]:
        """Yield what the public register shows as valid on a day, from a cursor of the database."""
        found = await self._session.stream(
            _public(day)
            .order_by(Recognition.uscc, Recognition.title)
            .execution_options(yield_per=ROWS_AT_ONCE)
        )
        async for row in found:
            yield PublicRow(*row)

    async def public_count(self, day: date) -> int:
        counted = select(func.count()).select_from(_public(day).subquery())
        return await self._session.scalar(counted) or 0

    async def in_charge(
        self, sought: Sought, reader: Actor
    ) -> AsyncGenerator[tuple[Sequence[Enterprise], Renewals], None]:
        """Yield what the reader is in charge of, some enterprises at once, with their material."""
        search, enterprises = SearchRepository(self._session), EnterpriseRepository(self._session)
        after: str | None = None
        while True:
            found = await search.in_charge(
                sought, reader, Paging(limit=ENTERPRISES_AT_ONCE, after=after)
            )
            yield found.items, await enterprises.renewals([one.uscc for one in found.items])
            self._session.expunge_all()
            after = found.next
            if after is None:
                return


def _public(day: date) -> Select[str, str, str, str, str, date, date, str]:
    """Return the terms that cover a day, of titles that count on it and that anybody may see."""
    term = aliased(RecognitionTerm)
    # A title that goes over to a successor counts for this holder until the day before.
    last = func.least(
        term.valid_until,
        cast(Recognition.transferred_on - timedelta(days=1), Date),
        type_=Date,
    )
    return (
        select(
            Recognition.uscc,
            Enterprise.legal_name,
            Recognition.title,
            term.policy_pack,
            Recognition.certificate_number,
            term.valid_from,
            last,
            Enterprise.division,
        )
        .join(Enterprise, Enterprise.uscc == Recognition.uscc)
        .join(term, term.recognition_id == Recognition.id)
        .where(
            visible_to(NOBODY),
            is_valid_on(day),
            term.valid_from <= day,
            term.valid_until >= day,
        )
    )
