"""Every SQL statement of the reconciliation: what was ordered, what was reported, what the ledger says.

A movement of money is known by its kind and reference: the voucher of a payment or repayment, the
bank's number of a return. What is reported of a day and what the ledger holds of it are laid side by
side by these; whatever is not the same on both sides is a difference.
"""

# Whole statements, made of our own words alone; what callers give are parameters.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    RowMapping,
    String,
    TextClause,
    bindparam,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import PROVINCE_TIME
from services.kernel.database import UUID_COLUMN
from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, cursor_after, place_after, read_page
from services.kernel.regions import prefix_of
from services.rewards.models import SCHEMA
from services.rewards.reconciliation import (
    Difference,
    DifferenceCode,
    MovementKind,
    Order,
    Side,
    Sum,
)
from services.rewards.reconciliation_models import DayMovement, DayStatement
from services.rewards.repository import kept_by, lock_enterprise

_SIDES = f"""
    theirs AS NOT MATERIALIZED (
        SELECT s.day, m.kind, m.reference, m.award_id, m.amount
          FROM {SCHEMA}.day_statements s JOIN {SCHEMA}.day_movements m ON m.statement_id = s.id
         WHERE s.region = :region
           AND NOT EXISTS (SELECT FROM {SCHEMA}.day_statements later
                            WHERE later.region = s.region AND later.day = s.day
                              AND later.number > s.number)
    ), ours AS NOT MATERIALIZED (
        SELECT e.on_day AS day, k.kind, e.reference, e.award_id, e.amount
          FROM {SCHEMA}.ledger_entries e
          JOIN (VALUES ('disbursed', 'payment'), ('returned', 'return'), ('recovered', 'repayment'))
               AS k (entry, kind) ON k.entry = e.kind
          JOIN {SCHEMA}.awards a ON a.id = e.award_id
         WHERE e.reference IS NOT NULL AND a.region LIKE :within
    ), pairs AS (
        SELECT t.day, kind, reference, t.day AS reported_on, t.award_id AS reported_award,
               t.amount AS reported, o.day AS recorded_on, o.award_id AS recorded_award,
               o.amount AS recorded
          FROM theirs t LEFT JOIN ours o USING (kind, reference)
         WHERE t.day BETWEEN :first AND :last
        UNION ALL
        SELECT o.day, o.kind, o.reference, t.day, t.award_id, t.amount, o.day, o.award_id, o.amount
          FROM ours o
          LEFT JOIN LATERAL (
               SELECT * FROM theirs t WHERE t.kind = o.kind AND t.reference = o.reference
                ORDER BY t.day <> o.day, t.day LIMIT 1) t ON true
         WHERE o.day BETWEEN :first AND :last
           -- What is reported of the same day stands above.
           AND t.day IS DISTINCT FROM o.day
    )"""
"""Each movement of some days, as the disbursement system reports it and as the ledger has it."""

_DIFFERENCES = f"""
    differences AS (
        SELECT p.day, c.code, p.kind, p.reference,
               coalesce(p.recorded_award, p.reported_award) AS award_id, p.reported_on, p.reported,
               p.reported_award, p.recorded_on, p.recorded, p.recorded_award
          FROM pairs p
          CROSS JOIN LATERAL (
               SELECT CASE WHEN NOT EXISTS (SELECT FROM {SCHEMA}.awards a
                                             WHERE a.id = p.reported_award AND a.region LIKE :within)
                           THEN 'award_unknown'
                           WHEN p.kind = 'payment' AND NOT EXISTS (
                               SELECT FROM {SCHEMA}.batch_lines l
                                 JOIN {SCHEMA}.disbursement_batches b ON b.id = l.batch_id
                                WHERE l.award_id = p.reported_award AND b.ordered_on <= p.reported_on)
                           THEN 'not_ordered' ELSE 'not_recorded' END AS code
                WHERE p.recorded IS NULL
               UNION ALL SELECT 'not_reported' WHERE p.reported IS NULL
               UNION ALL SELECT 'amount_differs' WHERE p.reported <> p.recorded
               UNION ALL SELECT 'award_differs' WHERE p.reported_award <> p.recorded_award
               UNION ALL SELECT 'day_differs' WHERE p.reported_on <> p.recorded_on
               UNION ALL SELECT 'reported_twice'
                WHERE p.reported IS NOT NULL
                  AND (SELECT count(*) FROM theirs t
                        WHERE t.kind = p.kind AND t.reference = p.reference) > 1) c
        UNION ALL
        SELECT moved.day, 'sums_differ', '', '', a.id, NULL, NULL, NULL, NULL, NULL, NULL
          FROM (SELECT DISTINCT day, award_id FROM ours WHERE day BETWEEN :first AND :last) moved
          JOIN {SCHEMA}.awards a ON a.id = moved.award_id
          CROSS JOIN LATERAL (
               SELECT sum(amount) FILTER (WHERE kind = 'granted') AS granted,
                      sum(amount) FILTER (WHERE kind = 'cancelled') AS cancelled,
                      sum(amount) FILTER (WHERE kind = 'disbursed') AS disbursed,
                      sum(amount) FILTER (WHERE kind = 'returned') AS returned,
                      sum(amount) FILTER (WHERE kind = 'recovered') AS recovered,
                      sum(amount) FILTER (WHERE kind = 'waived') AS waived
                 FROM {SCHEMA}.ledger_entries e WHERE e.award_id = a.id) e
         WHERE (a.granted, a.cancelled, a.disbursed, a.returned, a.recovered, a.waived)
            <> (coalesce(e.granted, 0), coalesce(e.cancelled, 0), coalesce(e.disbursed, 0),
                coalesce(e.returned, 0), coalesce(e.recovered, 0), coalesce(e.waived, 0))
    )"""

_OPEN = f"""
    late AS (
        SELECT batch_id, line_number, sum(amount) AS amount FROM {SCHEMA}.ledger_entries
         WHERE kind = 'disbursed' AND on_day > :last GROUP BY batch_id, line_number
    ), open_orders AS (
        SELECT b.ordered_on, l.batch_number, l.number, l.award_id, l.amount,
               l.amount - l.paid + coalesce(late.amount, 0) AS left_open,
               coalesce((l.stop_requested_at AT TIME ZONE :zone)::date <= :last, false) AS is_stopped
          FROM {SCHEMA}.batch_lines l
          JOIN {SCHEMA}.disbursement_batches b ON b.id = l.batch_id
          LEFT JOIN late ON late.batch_id = l.batch_id AND late.line_number = l.number
         WHERE b.region = :region AND b.ordered_on <= :last
           AND (l.status = 'ordered' OR late.amount IS NOT NULL OR l.rejected_on > :last)
           AND (l.rejected_on IS NULL OR l.rejected_on > :last)
           AND l.amount - l.paid + coalesce(late.amount, 0) > 0
    )"""
"""What was ordered and, by the end of the last day, neither paid nor rejected: for any day."""

_LISTED = f"""
    WITH {_SIDES}, {_DIFFERENCES}, {_OPEN}, listed AS (
        SELECT code, kind, reference, award_id, reported_on, reported_award, reported, recorded_on,
               recorded_award, recorded, NULL::date AS ordered_on, NULL::text AS batch_number,
               0 AS line_number, NULL::numeric AS ordered, NULL::numeric AS left_open
          FROM differences
        UNION ALL
        SELECT CASE WHEN is_stopped THEN 'order_stopped' ELSE 'order_open' END, '', batch_number,
               award_id, NULL, NULL, NULL, NULL, NULL, NULL, ordered_on, batch_number, number,
               amount, left_open
          FROM open_orders
    )"""
_KEY = 'code COLLATE "C", kind COLLATE "C", reference COLLATE "C", line_number, award_id'
_KEY_NAMES = ("code", "kind", "reference", "line_number", "award_id")
_KEY_KINDS: tuple[type[str | int | UUID], ...] = (str, str, str, int, UUID)
_FIRST: tuple[str | int | date | UUID, ...] = ("", "", "", 0, UUID(int=0))
"""Before whatever there may be."""
_PAGE = text(
    f"""{_LISTED}, page AS (
        SELECT * FROM listed
         WHERE (:code = '' OR code = :code)
           AND ({_KEY})
             > (:after_code, :after_kind, :after_reference, :after_line_number, :after_award_id)
         ORDER BY {_KEY} LIMIT :limit
    )
    SELECT page.*, a.uscc, a.legal_name FROM page
      LEFT JOIN {SCHEMA}.awards a ON a.id = page.award_id AND a.region LIKE :within
     ORDER BY {_KEY}
    """
).bindparams(
    bindparam("code", type_=String),
    bindparam("after_code", type_=String),
    bindparam("after_kind", type_=String),
    bindparam("after_reference", type_=String),
    bindparam("after_line_number", type_=BigInteger),
    bindparam("after_award_id", type_=UUID_COLUMN),
)
_COUNTS = text(f"{_LISTED} SELECT code, count(*) AS number FROM listed GROUP BY code")
_TOTALS = text(
    f"""WITH {_SIDES}, {_OPEN}
    SELECT 'reported' AS side, kind, count(*) AS number, sum(amount) AS amount
      FROM theirs WHERE day BETWEEN :first AND :last GROUP BY kind
    UNION ALL
    SELECT 'recorded', kind, count(*), sum(amount)
      FROM ours WHERE day BETWEEN :first AND :last GROUP BY kind
    UNION ALL
    SELECT 'ordered', 'order', count(*), sum(l.amount)
      FROM {SCHEMA}.batch_lines l JOIN {SCHEMA}.disbursement_batches b ON b.id = l.batch_id
     WHERE b.region = :region AND b.ordered_on BETWEEN :first AND :last
    UNION ALL
    SELECT 'open', 'order', count(*), sum(left_open) FROM open_orders
    """
)
_DAYS = text(
    f"""WITH {_SIDES}, {_DIFFERENCES}, begun AS (
        SELECT least((SELECT min(ordered_on) FROM {SCHEMA}.disbursement_batches
                       WHERE region = :region),
                     (SELECT min(day) FROM {SCHEMA}.day_statements WHERE region = :region)) AS day
    ), counted AS (
        SELECT day, count(*) AS number FROM differences GROUP BY day
    ), days AS (
        SELECT one::date AS day, coalesce(counted.number, 0) AS differences,
               (SELECT max(s.number) FROM {SCHEMA}.day_statements s
                 WHERE s.region = :region AND s.day = one::date) AS statement_number
          FROM begun
          CROSS JOIN generate_series(greatest(begun.day, CAST(:first AS date)), CAST(:last AS date),
                                     interval '1 day') AS one
          LEFT JOIN counted ON counted.day = one::date
         WHERE begun.day IS NOT NULL
    )
    SELECT * FROM days
     WHERE day < :before
       AND (:is_settled IS NULL
            OR (differences = 0 AND statement_number IS NOT NULL) = :is_settled)
     ORDER BY day DESC LIMIT :limit
    """
).bindparams(bindparam("before", type_=Date), bindparam("is_settled", type_=Boolean))


@dataclass(frozen=True, slots=True)
class DayCount:
    """A day of the fund, and how many differences it has."""

    day: date
    statement_number: int | None
    differences: int

    @property
    def is_settled(self) -> bool:
        """Whether the day was reported, and nothing differs."""
        return self.statement_number is not None and self.differences == 0


class ReconciliationRepository:
    """The reconciliation of one fund, by the division that keeps it."""

    def __init__(self, session: AsyncSession, fund: str) -> None:
        self._session = session
        self._fund = fund

    # ------------------------------------------------------------ what is reported

    async def lock(self, day: date) -> None:
        """Let nobody else report on a day until the commit."""
        await lock_enterprise(self._session, f"day_statements {self._fund} {day}")

    async def last_statement(self, day: date) -> DayStatement | None:
        """Return the statement that counts for a day."""
        return await self._session.scalar(
            select(DayStatement)
            .where(DayStatement.region == self._fund, DayStatement.day == day)
            .order_by(DayStatement.number.desc())
            .limit(1)
        )

    async def add(self, statement: DayStatement, movements: Sequence[DayMovement]) -> None:
        self._session.add(statement)
        await self._session.flush()
        self._session.add_all(movements)
        await self._session.flush()

    # ------------------------------------------------------------ what is compared

    async def days(
        self, since: date, until: date, page: Paging, *, is_settled: bool | None
    ) -> Found[DayCount]:
        """Return every day since anything was ordered or reported, the newest first."""
        after = place_after(page, [date])
        rows = await self._ask(
            _DAYS,
            since,
            until,
            before=until + timedelta(days=1) if after is None else after[0],
            is_settled=is_settled,
            limit=page.limit + 1,
        )
        found = [
            DayCount(row["day"], row["statement_number"], row["differences"])
            for row in rows[: page.limit]
        ]
        return Found(
            items=found,
            next=cursor_after([found[-1].day]) if len(rows) > page.limit else None,
        )

    async def counts(self, day: date) -> dict[DifferenceCode, int]:
        """Return how many differences a day has, by code; orders that were open by its end, too."""
        rows = await self._ask(_COUNTS, day, day)
        return {DifferenceCode(row["code"]): row["number"] for row in rows}

    async def totals(self, day: date) -> dict[tuple[str, str], Sum]:
        """Return what was reported, recorded and ordered on a day, and what was open by its end."""
        rows = await self._ask(_TOTALS, day, day)
        return {
            (row["side"], row["kind"]): Sum(row["number"], row["amount"])
            for row in rows
            if row["number"]
        }

    async def differences(
        self, day: date, page: Paging, *, code: DifferenceCode | None
    ) -> Found[Difference]:
        after = place_after(page, _KEY_KINDS) or _FIRST
        rows = await self._ask(
            _PAGE,
            day,
            day,
            code=code or "",
            limit=page.limit + 1,
            **{f"after_{name}": part for name, part in zip(_KEY_NAMES, after, strict=True)},
        )
        shown = rows[: page.limit]
        last = shown[-1] if len(rows) > page.limit else None
        return Found(
            items=[_difference(row) for row in shown],
            next=None if last is None else cursor_after([last[name] for name in _KEY_NAMES]),
        )

    async def statement_of(self, day: date, digest: str) -> DayStatement | None:
        """Return the statement of a day that says just this, the latest of several."""
        return await self._session.scalar(
            select(DayStatement)
            .where(
                DayStatement.region == self._fund,
                DayStatement.day == day,
                DayStatement.sha256 == digest,
            )
            .order_by(DayStatement.number.desc())
            .limit(1)
        )

    async def _ask(
        self, statement: TextClause, first: date, last: date, **values: object
    ) -> Sequence[RowMapping]:
        rows = await self._session.execute(
            statement,
            {
                "region": self._fund,
                "within": f"{prefix_of(self._fund)}%",
                "first": first,
                "last": last,
                "zone": PROVINCE_TIME.key,
                **values,
            },
        )
        return rows.mappings().all()


def _difference(row: RowMapping) -> Difference:
    return Difference(
        code=DifferenceCode(row["code"]),
        kind=MovementKind(row["kind"]) if row["kind"] else None,
        reference=row["reference"] if row["kind"] else None,
        award_id=row["award_id"],
        uscc=row["uscc"],
        legal_name=row["legal_name"],
        reported=_side(row, "reported"),
        recorded=_side(row, "recorded"),
        order=None if row["batch_number"] is None else _order(row),
    )


def _side(row: Mapping[Any, Any], side: str) -> Side | None:
    amount = row[side]
    return None if amount is None else Side(row[f"{side}_on"], row[f"{side}_award"], amount)


def _order(row: Mapping[Any, Any]) -> Order:
    return Order(
        batch_number=row["batch_number"],
        line_number=row["line_number"],
        ordered_on=row["ordered_on"],
        amount=row["ordered"],
        left=row["left_open"],
    )


class DayStatementRepository:
    """What was reported, as it was reported, for whoever may read it."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, statement_id: UUID, reader: Actor) -> DayStatement | None:
        return await self._session.scalar(
            select(DayStatement).where(
                DayStatement.id == statement_id, kept_by(DayStatement.region.expression, reader)
            )
        )

    async def page(self, reader: Actor, page: Paging, *, day: date | None) -> Found[DayStatement]:
        statement = select(DayStatement).where(kept_by(DayStatement.region.expression, reader))
        if day is not None:
            statement = statement.where(DayStatement.day == day)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(DayStatement.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def movements(self, statement: DayStatement, page: Paging) -> Found[DayMovement]:
        return await read_page(
            self._session,
            select(DayMovement).where(DayMovement.statement_id == statement.id),
            page,
            by=[(DayMovement.number.expression, int)],
            key=lambda found: [found.number],
        )
