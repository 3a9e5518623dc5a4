"""Signed lists and meetings, and how far the cases of a round have come: every SQL statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, false, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.policy.stages import StageDecision
from services.review.case_repository import is_theirs
from services.review.models import (
    Decision,
    Determination,
    RecommendationItem,
    RecommendationList,
    ReviewCase,
    SetAside,
)
from services.review.workflow import CaseStatus

_CITY = func.substr(ReviewCase.division, 1, 4).concat("00").label("city")


class Standing(NamedTuple):
    """How many cases stand where."""

    policy_pack: str
    title: str
    city: str
    stage: str
    status: CaseStatus
    cases: int


class Decided(NamedTuple):
    """How many cases were decided how at a stage."""

    policy_pack: str
    title: str
    city: str
    stage: str
    decision: StageDecision
    cases: int


class ListRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: RecommendationList | RecommendationItem | Determination) -> None:
        self._session.add(row)

    async def hold_series(self, round_id: UUID, title: str, region: str) -> None:
        """Let one list of a series be signed at a time, until the commit."""
        await self._session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:series, 0))"),
            {"series": f"recommendation:{round_id}:{title}:{region}"},
        )

    async def last_of_series(self, round_id: UUID, title: str, region: str) -> tuple[int, int]:
        """Return the number of the last list of a series, and the last rank on any of them."""
        number, rank = (
            await self._session.execute(
                select(func.max(RecommendationList.number), func.max(RecommendationItem.rank))
                .join(RecommendationItem, RecommendationItem.list_id == RecommendationList.id)
                .where(
                    RecommendationList.round_id == round_id,
                    RecommendationList.title == title,
                    RecommendationList.region == region,
                )
            )
        ).one()
        return number or 0, rank or 0

    async def find_list(self, list_id: UUID, reader: Actor) -> RecommendationList | None:
        return await self._session.scalar(
            select(RecommendationList)
            .where(RecommendationList.id == list_id, _signed_in(reader))
            .options(selectinload(RecommendationList.items))
            .execution_options(populate_existing=True)
        )

    async def lists(
        self, reader: Actor, page: Paging, *, round_id: UUID | None, region: str | None
    ) -> Found[RecommendationList]:
        statement = (
            select(RecommendationList)
            .where(_signed_in(reader))
            .options(selectinload(RecommendationList.items))
        )
        if round_id is not None:
            statement = statement.where(RecommendationList.round_id == round_id)
        if region is not None:
            statement = statement.where(RecommendationList.region.like(f"{prefix_of(region)}%"))
        return await read_page(
            self._session,
            statement,
            page,
            by=[(RecommendationList.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def recommended(self, round_id: UUID, title: str, region: str) -> int:
        """Count the cases that a city recommends in a round: those whose recommendation counts."""
        counted = await self._session.scalar(
            select(func.count(func.distinct(RecommendationItem.case_id)))
            .join(RecommendationList, RecommendationList.id == RecommendationItem.list_id)
            .join(
                Decision,
                (Decision.case_id == RecommendationItem.case_id)
                & (Decision.turn == RecommendationItem.turn),
            )
            .outerjoin(SetAside, SetAside.decision_id == Decision.id)
            .join(ReviewCase, ReviewCase.id == RecommendationItem.case_id)
            .where(
                RecommendationList.round_id == round_id,
                RecommendationList.title == title,
                RecommendationList.region == region,
                Decision.decision == StageDecision.ENDORSE,
                SetAside.id.is_(None),
                ReviewCase.status != CaseStatus.WITHDRAWN,
            )
        )
        return counted or 0

    async def find_determination(self, determination_id: UUID) -> Determination | None:
        return await self._session.get(Determination, determination_id)

    async def determinations(self, reader: Actor, page: Paging) -> Found[Determination]:
        return await read_page(
            self._session,
            select(Determination).where(_determined_for(reader)),
            page,
            by=[(Determination.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def decided_in(
        self, act_id: UUID, reader: Actor
    ) -> Sequence[Row[UUID, StageDecision, str]]:
        """Return what one act decided, of the cases that the reader may see."""
        rows = await self._session.execute(
            select(Decision.case_id, Decision.decision, Decision.reason)
            .join(ReviewCase, ReviewCase.id == Decision.case_id)
            .where(Decision.act_id == act_id, is_theirs(reader))
            .order_by(Decision.case_id)
        )
        return rows.all()

    async def standing(self, reader: Actor, of: "FunnelFilter") -> Sequence[Standing]:
        """Count cases by pack, title, city, stage and status."""
        columns = (ReviewCase.policy_pack, ReviewCase.title, _CITY, ReviewCase.stage)
        rows = await self._session.execute(
            select(*columns, ReviewCase.status, func.count())
            .where(is_theirs(reader), *of.conditions())
            .group_by(*columns, ReviewCase.status)
        )
        return [Standing(*row) for row in rows]

    async def decided(self, reader: Actor, of: "FunnelFilter") -> Sequence[Decided]:
        """Count cases by pack, title, city, stage and what was decided there and still counts.

        A return counts though the case came back: it says how many had to be corrected.
        """
        columns = (ReviewCase.policy_pack, ReviewCase.title, _CITY, Decision.stage)
        rows = await self._session.execute(
            select(*columns, Decision.decision, func.count(func.distinct(Decision.case_id)))
            .join(ReviewCase, ReviewCase.id == Decision.case_id)
            .outerjoin(SetAside, SetAside.decision_id == Decision.id)
            .where(is_theirs(reader), SetAside.id.is_(None), *of.conditions())
            .group_by(*columns, Decision.decision)
        )
        return [Decided(*row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelFilter:
    """Which cases are counted; None leaves a question open."""

    round_id: UUID | None = None
    title: str | None = None
    region: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.round_id is not None:
            found.append(ReviewCase.round_id == self.round_id)
        if self.title is not None:
            found.append(ReviewCase.title == self.title)
        if self.region is not None:
            found.append(ReviewCase.division.like(f"{prefix_of(self.region)}%"))
        return found


def _signed_in(reader: Actor) -> ColumnElement[bool]:
    """Which lists a caller may see: those signed in its division."""
    if reader.region is None:
        return false()
    return RecommendationList.region.like(f"{prefix_of(reader.region)}%")


def _determined_for(reader: Actor) -> ColumnElement[bool]:
    return (
        select(Decision.id)
        .join(ReviewCase, ReviewCase.id == Decision.case_id)
        .where(Decision.act_id == Determination.id, is_theirs(reader))
        .exists()
    )
