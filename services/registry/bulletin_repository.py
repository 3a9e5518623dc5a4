"""The statements that count a year, city by city. A city is the first four digits of a division."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from services.kernel.identity.actor import Actor
from services.kernel.regions import prefix_of
from services.registry.bulletin import PROVINCE
from services.registry.following_models import (
    AwardCopy,
    FigureSheet,
    ReviewStep,
    SupportRecord,
    TypicalCase,
)
from services.registry.models import (
    Attribute,
    Enterprise,
    EnterpriseEntry,
    Recognition,
    RecognitionTerm,
)
from services.registry.repository import INSIDERS, visible_to
from services.registry.search import is_valid_on

_SHEETS = FigureSheet.__table__

Counted = Sequence[tuple[str, str, int]]
"""City, what is counted, how many."""


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a year that is counted, both days included."""

    begins: date
    until: date


@dataclass(frozen=True, slots=True)
class GrowthSums:
    city: str
    enterprises: int
    revenue_before: Decimal
    revenue_after: Decimal
    rd_enterprises: int
    rd_before: Decimal
    rd_after: Decimal


class BulletinRepository:
    def __init__(self, session: AsyncSession, reader: Actor) -> None:
        self._session = session
        self._reader = reader

    async def recommended(
        self, span: Span, *, title: str, stages: Sequence[tuple[str, str]]
    ) -> Counted:
        """Count applications that a city recommended; `stages` are pairs of pack and stage.

        What was recommended and is back at the city, because its word was set aside, counts no more.
        """
        sheet = (
            select(_SHEETS.c.application_id, _SHEETS.c.policy_pack, _SHEETS.c.kind)
            .where(_SHEETS.c.application_id.is_not(None), _SHEETS.c.title == title)
            .distinct()
            .subquery("applied")
        )
        last = (
            select(
                ReviewStep.application_id,
                ReviewStep.step,
                ReviewStep.on_day,
                self._city(ReviewStep.division).label("city"),
            )
            .ext(distinct_on(ReviewStep.application_id))
            .join(sheet, sheet.c.application_id == ReviewStep.application_id)
            .where(
                ReviewStep.on_day <= span.until,
                ReviewStep.step.in_(["advanced", "restored"]),
                sheet.c.kind == "new",
                tuple_(sheet.c.policy_pack, ReviewStep.from_stage).in_(stages),
                self._may_count(ReviewStep),
            )
            .order_by(ReviewStep.application_id, ReviewStep.on_day.desc(), ReviewStep.id.desc())
            .subquery("last_step")
        )
        return await self._counted(
            select(last.c.city, func.min("recommended"), func.count())
            .where(last.c.step == "advanced", last.c.on_day >= span.begins)
            .group_by(last.c.city)
        )

    async def recognised(self, span: Span) -> Counted:
        """Count titles that were given anew, by title."""
        return await self._counted(
            self._terms(span, Recognition.title).where(
                self._is_first(), RecognitionTerm.decided_on.between(span.begins, span.until)
            )
        )

    async def renewed(self, span: Span) -> Counted:
        return await self._counted(
            self._terms(span, Recognition.title).where(
                ~self._is_first(), RecognitionTerm.decided_on.between(span.begins, span.until)
            )
        )

    async def terms_ended(self, span: Span) -> Counted:
        """Count terms that were over from a day of the span on: on no day is one held and over."""
        day = timedelta(days=1)
        return await self._counted(
            self._terms(span, Recognition.title).where(
                RecognitionTerm.valid_until.between(span.begins - day, span.until - day),
                Recognition.revoked_on.is_(None)
                | (Recognition.revoked_on > RecognitionTerm.valid_until),
            )
        )

    async def held(self, span: Span) -> Counted:
        """Count titles that were valid on the last day, by title."""
        return await self._counted(
            self._recognitions(span, Recognition.title).where(is_valid_on(span.until))
        )

    async def revoked(self, span: Span) -> Counted:
        """Count titles that were revoked, by ground."""
        return await self._counted(
            self._recognitions(span, Recognition.revocation_ground).where(
                Recognition.revoked_on.between(span.begins, span.until)
            )
        )

    async def growth(self, span: Span, fiscal_year: int) -> list[GrowthSums]:
        """Sum revenue and R&D of two years over the holders that told both.

        The year before is what the enterprise reported of it then, else what it named beside.
        """
        later, earlier = (
            self._figures(fiscal_year, "later"),
            self._figures(fiscal_year - 1, "earlier"),
        )
        before = func.coalesce(earlier.c.operating_revenue, later.c.previous_operating_revenue)
        rd_before = func.coalesce(earlier.c.rd_expense, later.c.previous_rd_expense)
        holds = (
            select(Recognition.id)
            .where(Recognition.uscc == Enterprise.uscc, is_valid_on(span.until))
            .exists()
        )
        has_both = and_(before.is_not(None), later.c.operating_revenue.is_not(None))
        has_rd = and_(rd_before.is_not(None), later.c.rd_expense.is_not(None))
        city = self._city_on(Enterprise.uscc, span.until)
        rows = await self._session.execute(
            select(
                city,
                func.count().filter(has_both),
                func.coalesce(func.sum(before).filter(has_both), 0),
                func.coalesce(func.sum(later.c.operating_revenue).filter(has_both), 0),
                func.count().filter(has_rd),
                func.coalesce(func.sum(rd_before).filter(has_rd), 0),
                func.coalesce(func.sum(later.c.rd_expense).filter(has_rd), 0),
            )
            .select_from(Enterprise)
            .join(later, later.c.uscc == Enterprise.uscc)
            .outerjoin(earlier, earlier.c.uscc == Enterprise.uscc)
            .where(self._is_in_sight(span.until), holds)
            .group_by(city)
        )
        return [GrowthSums(*row) for row in rows]

    async def support(self, span: Span) -> Sequence[tuple[str, str, int, Decimal]]:
        """Count and sum what was delivered, by measure."""
        city = self._city_on(SupportRecord.uscc, span.until)
        rows = await self._session.execute(
            select(
                city,
                SupportRecord.measure,
                func.count(),
                func.coalesce(func.sum(SupportRecord.amount), 0),
            )
            .join(Enterprise, Enterprise.uscc == SupportRecord.uscc)
            .where(
                self._is_in_sight(span.until),
                SupportRecord.delivered_on.between(span.begins, span.until),
            )
            .group_by(city, SupportRecord.measure)
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def typical_cases(self, span: Span) -> Counted:
        city = self._city_on(TypicalCase.uscc, span.until)
        return await self._counted(
            select(city, func.min("cases"), func.count())
            .select_from(TypicalCase)
            .join(Enterprise, Enterprise.uscc == TypicalCase.uscc)
            .where(self._is_in_sight(span.until), TypicalCase.year == span.until.year)
            .group_by(city)
        )

    async def money(self, year: int) -> Sequence[tuple[str, Decimal, Decimal, Decimal]]:
        """Sum what was granted, paid and paid back of a fiscal year's awards."""
        city = self._city(AwardCopy.division)
        rows = await self._session.execute(
            select(
                city,
                func.sum(AwardCopy.granted),
                func.sum(AwardCopy.disbursed),
                func.sum(AwardCopy.recovered),
            )
            .where(AwardCopy.fiscal_year == year, self._may_count(AwardCopy))
            .group_by(city)
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def _recognitions(self, span: Span, by: Any) -> Select[Any]:
        city = self._city_on(Recognition.uscc, span.until)
        return (
            select(city, by, func.count())
            .select_from(Recognition)
            .join(Enterprise, Enterprise.uscc == Recognition.uscc)
            .where(self._is_in_sight(span.until))
            .group_by(city, by)
        )

    def _terms(self, span: Span, by: Any) -> Select[Any]:
        # What a successor goes on with was given to the enterprise before it.
        return (
            self._recognitions(span, by)
            .join(RecognitionTerm, RecognitionTerm.recognition_id == Recognition.id)
            .where(
                or_(
                    Recognition.held_from.is_(None),
                    Recognition.held_from <= RecognitionTerm.decided_on,
                )
            )
        )

    def _is_first(self) -> ColumnElement[bool]:
        earlier = aliased(RecognitionTerm)
        return ~(
            select(earlier.number)
            .where(
                earlier.recognition_id == RecognitionTerm.recognition_id,
                earlier.valid_from < RecognitionTerm.valid_from,
            )
            .exists()
        )

    def _figures(self, fiscal_year: int, name: str) -> Any:
        """Return each enterprise's figures of a year, as they were told last."""
        return (
            select(
                _SHEETS.c.uscc,
                _SHEETS.c.operating_revenue,
                _SHEETS.c.previous_operating_revenue,
                _SHEETS.c.rd_expense,
                _SHEETS.c.previous_rd_expense,
            )
            .ext(distinct_on(_SHEETS.c.uscc))
            .where(_SHEETS.c.fiscal_year == fiscal_year)
            .order_by(_SHEETS.c.uscc, _SHEETS.c.recorded_at.desc(), _SHEETS.c.id.desc())
            .subquery(name)
        )

    def _is_in_sight(self, on: date) -> ColumnElement[bool]:
        """Whether an enterprise may be counted, by where it was on the day that is told of."""
        within = self._division_on(Enterprise.uscc, on).like(self._within)
        return and_(visible_to(self._reader), within)

    def _may_count(self, of: Any) -> ColumnElement[bool]:
        """Whether a copy may be counted: a secret firm's only by the offices of its division."""
        within: ColumnElement[bool] = of.division.like(self._within)
        if self._reader.region is not None and self._reader.holds(*INSIDERS):
            return within
        # What was told while it was public goes out of sight with the enterprise.
        is_secret_now = exists().where(Enterprise.uscc == of.uscc, Enterprise.is_secret)
        return and_(within, of.is_secret.is_(False), ~is_secret_now)

    @property
    def _within(self) -> str:
        return f"{prefix_of(self._reader.region or PROVINCE)}%"

    def _city(self, division: Any) -> Any:
        return func.left(division, 4).concat("00")

    def _city_on(self, uscc: Any, on: date) -> Any:
        return self._city(self._division_on(uscc, on))

    def _division_on(self, uscc: Any, on: date) -> Any:
        """Return where an enterprise was on a day: a later move changes no past year."""
        entry = aliased(EnterpriseEntry)
        then = (
            select(entry.value)
            .where(
                entry.uscc == uscc, entry.attribute == Attribute.DIVISION, entry.valid_from <= on
            )
            .order_by(entry.valid_from.desc(), entry.recorded_at.desc(), entry.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        return func.coalesce(then, Enterprise.division)

    async def _counted(self, statement: Select[Any]) -> Counted:
        return [(row[0], row[1], row[2]) for row in await self._session.execute(statement)]
