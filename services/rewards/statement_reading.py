"""Reading a year's statements: an enterprise a row, summed up by one statement of the database."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ARRAY, Integer, Select, String, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, cursor_after, place_after
from services.kernel.regions import prefix_of
from services.rewards.models import Award
from services.rewards.repository import visible_to

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class SoughtStatements:
    """Which awards are summed up: those of a fiscal year, within a division or everywhere."""

    fiscal_year: int
    region: str | None


@dataclass(frozen=True, slots=True)
class EnterpriseSums:
    """What an enterprise's awards of a year sum up to, in yuan, as the ledger has it.

    Granted is without what was cancelled, disbursed without what the bank returned. Name and region
    are those of its latest award.
    """

    uscc: str
    legal_name: str
    region: str
    awards_count: int
    granted: Decimal
    cancelled: Decimal
    disbursed: Decimal
    recovery_due: Decimal
    recovered: Decimal
    waived: Decimal


Sums = tuple[str, str, str, int, Decimal, Decimal, Decimal, Decimal, Decimal, Decimal]


class StatementReading:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(
        self, sought: SoughtStatements, reader: Actor, page: Paging
    ) -> Found[EnterpriseSums]:
        """Return a page of enterprises by their code."""
        statement = _statement(sought, reader)
        place = place_after(page, [str])
        if place is not None:
            statement = statement.where(Award.uscc > place[0])
        rows = (await self._session.execute(statement.limit(page.limit + 1))).all()
        items = [EnterpriseSums(*row) for row in rows[: page.limit]]
        is_last = len(rows) <= page.limit
        return Found(items=items, next=None if is_last else cursor_after([items[-1].uscc]))

    async def first(
        self, sought: SoughtStatements, reader: Actor, count: int
    ) -> list[EnterpriseSums]:
        """Return so many enterprises at most, by their code, letting others in between."""
        found = await self._session.stream(_statement(sought, reader).limit(count))
        return [
            EnterpriseSums(*row) async for rows in found.partitions(ROWS_AT_ONCE) for row in rows
        ]


def _statement(sought: SoughtStatements, reader: Actor) -> Select[*Sums]:
    fits = [visible_to(reader), Award.fiscal_year == sought.fiscal_year]
    if sought.region is not None:
        fits.append(Award.region.like(f"{prefix_of(sought.region)}%"))
    latest = Award.id.desc()
    names = func.array_agg(aggregate_order_by(Award.legal_name, latest), type_=ARRAY(String))
    regions = func.array_agg(aggregate_order_by(Award.region, latest), type_=ARRAY(String))
    return (
        select(
            Award.uscc,
            names[1],
            regions[1],
            cast(func.count(), Integer),
            func.sum(Award.granted - Award.cancelled),
            func.sum(Award.cancelled),
            func.sum(Award.disbursed - Award.returned),
            func.sum(Award.recovery_due),
            func.sum(Award.recovered),
            func.sum(Award.waived),
        )
        .where(*fits)
        .group_by(Award.uscc)
        .order_by(Award.uscc)
    )
