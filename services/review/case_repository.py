"""Cases and what was decided about them: every SQL statement, and who may see which row."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    RowMapping,
    Select,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.kernel.timeline import history_of
from services.review.models import (
    Assignment,
    Decision,
    DrawLot,
    Exclusion,
    PanelMember,
    PanelResult,
    PersonTie,
    Photograph,
    ReviewCase,
    ScoreSheet,
    SetAside,
    SiteVisit,
    tables,
)
from services.review.workflow import SEES_ITS_DIVISION, SETTLED, CaseStatus, MemberStatus, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases a list is to have; None leaves a question open."""

    stage: str | None = None
    status: CaseStatus | None = None
    phase: Phase | None = None
    region: str | None = None
    round_id: UUID | None = None
    title: str | None = None
    due_before: date | None = None
    assigned_to: str | None = None


class CaseRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: ReviewCase | Decision | SetAside | Assignment | Exclusion) -> None:
        self._session.add(row)

    async def find(self, case_id: UUID, reader: Actor) -> ReviewCase | None:
        return await self._session.scalar(
            _with_decisions(select(ReviewCase)).where(ReviewCase.id == case_id, visible_to(reader))
        )

    async def lock(self, case_id: UUID, reader: Actor) -> ReviewCase | None:
        """Return it as it now is, and keep everybody else from changing it until the commit."""
        found = await self.lock_many([case_id], reader)
        return found[0] if found else None

    async def lock_by_application(self, application_id: UUID) -> ReviewCase | None:
        return await self._session.scalar(
            _locked(_with_decisions(select(ReviewCase))).where(
                ReviewCase.application_id == application_id
            )
        )

    async def lock_many(self, case_ids: Collection[UUID], reader: Actor) -> Sequence[ReviewCase]:
        """Lock several cases, always in the same order, so that two callers never deadlock."""
        rows = await self._session.scalars(
            _locked(_with_decisions(select(ReviewCase)))
            .where(ReviewCase.id.in_(case_ids), visible_to(reader))
            .order_by(ReviewCase.id)
        )
        return rows.all()

    async def lock_on_notice(self, notice_id: UUID) -> Sequence[ReviewCase]:
        rows = await self._session.scalars(
            _locked(_with_decisions(select(ReviewCase)))
            .where(ReviewCase.notice_id == notice_id, ReviewCase.status == CaseStatus.ON_NOTICE)
            .order_by(ReviewCase.id)
        )
        return rows.all()

    async def lock_open(self, uscc: str) -> Sequence[ReviewCase]:
        """Lock every case of an enterprise that is not settled, in the order in which all are."""
        rows = await self._session.scalars(
            _locked(select(ReviewCase))
            .where(ReviewCase.uscc == uscc, ReviewCase.status.not_in(SETTLED))
            .order_by(ReviewCase.id)
        )
        return rows.all()

    async def has_exclusion(self, recognition_id: UUID) -> bool:
        return await self._session.get(Exclusion, recognition_id) is not None

    async def exclusions_of(self, codes: Collection[str], day: date) -> Mapping[str, Exclusion]:
        """Return, of some enterprises, those that are excluded on a day: by what lasts longest."""
        rows = await self._session.scalars(
            select(Exclusion)
            .where(Exclusion.uscc.in_(codes), Exclusion.until_on >= day)
            .ext(distinct_on(Exclusion.uscc))
            .order_by(Exclusion.uscc, Exclusion.until_on.desc(), Exclusion.recognition_id)
        )
        return {row.uscc: row for row in rows}

    async def page(self, reader: Actor, page: Paging, wanted: CaseFilter) -> Found[ReviewCase]:
        return await read_page(
            self._session,
            _filtered(_with_decisions(select(ReviewCase)), wanted).where(visible_to(reader)),
            page,
            by=[(ReviewCase.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def work_list(self, reader: Actor, page: Paging, wanted: CaseFilter) -> Found[ReviewCase]:
        """Return what waits for the reader, the earliest last day first; without one, last."""
        last_day = func.coalesce(ReviewCase.due_on, date(9999, 12, 31))
        return await read_page(
            self._session,
            _filtered(_with_decisions(select(ReviewCase)), wanted).where(awaits(reader)),
            page,
            by=[(last_day, date), (ReviewCase.id.expression, UUID)],
            key=lambda found: [found.due_on or date(9999, 12, 31), found.id],
        )

    async def work_counts(self, reader: Actor, today: date, soon: date) -> Row[int, int, int]:
        """Count what waits for the reader: all of it, what is overdue, what is due by `soon`."""
        return (
            await self._session.execute(
                select(
                    func.count(),
                    func.count().filter(ReviewCase.due_on < today),
                    func.count().filter(ReviewCase.due_on.between(today, soon)),
                ).where(awaits(reader))
            )
        ).one()

    async def history(self, case_id: UUID) -> Sequence[RowMapping]:
        return await history_of(self._session, tables, "review_case", case_id)

    async def assignments(self, case_id: UUID) -> Sequence[Assignment]:
        rows = await self._session.scalars(
            select(Assignment)
            .where(Assignment.case_id == case_id)
            .order_by(Assignment.assigned_at, Assignment.id)
        )
        return rows.all()

    async def hide(self, codes: Collection[str]) -> None:
        """Mark every case of some enterprises as secret-involved, and the draws that show them."""
        if not codes:
            return
        # Locked in the order in which everybody locks them, so that two callers never deadlock.
        hidden = (
            await self._session.scalars(
                select(ReviewCase.id)
                .where(ReviewCase.uscc.in_(codes))
                .order_by(ReviewCase.id)
                .with_for_update()
            )
        ).all()
        await self._session.execute(
            update(ReviewCase).where(ReviewCase.id.in_(hidden)).values(is_secret=True)
        )
        await self.hide_draws_of(hidden)

    async def hide_draws_of(self, case_ids: Collection[UUID]) -> None:
        """Take what was drawn for some cases, or among them, out of the public's sight."""
        await self._session.execute(
            update(DrawLot)
            .where(or_(DrawLot.case_id.in_(case_ids), lists_any(case_ids)))
            .values(is_secret=True)
        )

    async def still_to_sample(
        self, like: ReviewCase, cities: Collection[str]
    ) -> Mapping[UUID, str]:
        """Return what awaits the same draw of site visits in some cities as a case does, and whose."""
        rows = await self._session.execute(
            select(ReviewCase.id, ReviewCase.uscc).where(
                ReviewCase.round_id == like.round_id,
                ReviewCase.title == like.title,
                ReviewCase.policy_pack == like.policy_pack,
                ReviewCase.stage == like.stage,
                ReviewCase.phase == Phase.SAMPLING,
                func.substr(ReviewCase.division, 1, 4).in_([city[:4] for city in cities]),
            )
        )
        return {row.id: row.uscc for row in rows}

    async def photograph_ids(self, case_id: UUID) -> set[UUID]:
        rows = await self._session.scalars(
            select(Photograph.id).where(Photograph.case_id == case_id)
        )
        return set(rows)

    async def parts_of(self, case_ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, set[str]]]:
        """Return, for some cases, who has decided which stage: officers, experts, inspectors."""
        inspector = func.jsonb_array_elements_text(SiteVisit.inspectors)
        rows = await self._session.execute(
            union_all(
                select(Decision.case_id, Decision.decided_by, Decision.stage).where(
                    Decision.case_id.in_(case_ids)
                ),
                select(ScoreSheet.case_id, ScoreSheet.expert, ScoreSheet.stage).where(
                    ScoreSheet.case_id.in_(case_ids)
                ),
                select(SiteVisit.case_id, inspector, SiteVisit.stage).where(
                    SiteVisit.case_id.in_(case_ids)
                ),
            )
        )
        found: dict[UUID, dict[str, set[str]]] = {}
        for case_id, sub, stage in rows:
            found.setdefault(case_id, {}).setdefault(sub, set()).add(stage)
        return found

    async def ties_of(self, subs: Collection[str]) -> Sequence[PersonTie]:
        rows = await self._session.scalars(select(PersonTie).where(PersonTie.sub.in_(subs)))
        return rows.all()

    async def memberships_of(
        self, sub: str, case_ids: Collection[UUID]
    ) -> Mapping[tuple[UUID, int], MemberStatus]:
        """Return, by case and turn, how a person stands on the panels of some cases."""
        rows = await self._session.execute(
            select(PanelMember.case_id, PanelMember.turn, PanelMember.status).where(
                PanelMember.expert == sub, PanelMember.case_id.in_(case_ids)
            )
        )
        return {(case_id, turn): status for case_id, turn, status in rows}

    async def stands_elsewhere(self, of: ReviewCase) -> bool:
        """Whether another case of the enterprise and title is under way, or was recognised since."""
        another = await self._session.scalar(
            select(literal(1))
            .where(
                ReviewCase.uscc == of.uscc,
                ReviewCase.title == of.title,
                ReviewCase.id != of.id,
                or_(
                    ReviewCase.status.not_in(SETTLED),
                    and_(
                        ReviewCase.status == CaseStatus.RECOGNISED,
                        or_(ReviewCase.round_id == of.round_id, ReviewCase.id > of.id),
                    ),
                ),
            )
            .limit(1)
        )
        return another is not None

    async def panel_results(self, case_id: UUID) -> Sequence[PanelResult]:
        rows = await self._session.scalars(
            select(PanelResult).where(PanelResult.case_id == case_id).order_by(PanelResult.turn)
        )
        return rows.all()

    async def visits(self, case_id: UUID) -> Sequence[SiteVisit]:
        rows = await self._session.scalars(
            select(SiteVisit).where(SiteVisit.case_id == case_id).order_by(SiteVisit.turn)
        )
        return rows.all()

    async def provisional(self) -> Sequence[ReviewCase]:
        """Return the cases in review whose last day was reckoned without a published calendar."""
        rows = await self._session.scalars(
            _locked(select(ReviewCase))
            .where(
                ReviewCase.due_is_provisional.is_(True),
                ReviewCase.status == CaseStatus.IN_REVIEW,
            )
            .order_by(ReviewCase.id)
        )
        return rows.all()


def _with_decisions(statement: Select[ReviewCase]) -> Select[ReviewCase]:
    return statement.options(selectinload(ReviewCase.decisions).selectinload(Decision.set_aside))


def _locked(statement: Select[ReviewCase]) -> Select[ReviewCase]:
    return statement.with_for_update().execution_options(populate_existing=True)


def _filtered(statement: Select[ReviewCase], wanted: CaseFilter) -> Select[ReviewCase]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.stage is not None:
        conditions.append(ReviewCase.stage == wanted.stage)
    if wanted.status is not None:
        conditions.append(ReviewCase.status == wanted.status)
    if wanted.phase is not None:
        conditions.append(ReviewCase.phase == wanted.phase)
    if wanted.region is not None:
        conditions.append(ReviewCase.division.like(f"{prefix_of(wanted.region)}%"))
    if wanted.round_id is not None:
        conditions.append(ReviewCase.round_id == wanted.round_id)
    if wanted.title is not None:
        conditions.append(ReviewCase.title == wanted.title)
    if wanted.due_before is not None:
        conditions.append(ReviewCase.due_on < wanted.due_before)
    if wanted.assigned_to is not None:
        conditions.append(ReviewCase.assigned_to == wanted.assigned_to)
    return statement.where(*conditions)


def lists_any(case_ids: Collection[UUID]) -> ColumnElement[bool]:
    """Which lots have one of some cases among their candidates."""
    listed: ColumnElement[bool] = DrawLot.candidates.has_any(
        cast([str(one) for one in case_ids], ARRAY(Text))
    )
    return listed


def is_theirs(reader: Actor) -> ColumnElement[bool]:
    """Which cases lie in a caller's division."""
    if reader.region is None:
        return false()
    return ReviewCase.division.like(f"{prefix_of(reader.region)}%")


def visible_to(reader: Actor) -> ColumnElement[bool]:
    """Which cases a caller may see.

    Offices see those of their division; an expert those whose panel calls on it; an inspector those
    that are to be visited, or that it has visited.
    """
    seen: list[ColumnElement[bool]] = []
    if reader.holds(*SEES_ITS_DIVISION):
        seen.append(is_theirs(reader))
    if reader.holds(Office.EXPERT):
        seen.append(_is_called_upon(reader))
    if reader.holds(Office.SITE_INSPECTOR):
        has_visited = (
            select(SiteVisit.id)
            .where(SiteVisit.case_id == ReviewCase.id, SiteVisit.inspectors.contains([reader.sub]))
            .exists()
        )
        seen.append(and_(is_theirs(reader), or_(ReviewCase.phase == Phase.VISITING, has_visited)))
    return or_(false(), *seen)


def awaits(reader: Actor) -> ColumnElement[bool]:
    """Which cases wait for a caller: for its office, and for nobody else of it by name."""
    offices = sorted(reader.offices - {Office.EXPERT})
    is_turn = and_(
        ReviewCase.office.in_(offices),
        or_(ReviewCase.assigned_to.is_(None), ReviewCase.assigned_to == reader.sub),
        or_(ReviewCase.phase.is_(None), ReviewCase.phase == Phase.VISITING),
    )
    waiting: list[ColumnElement[bool]] = [is_turn]
    if reader.holds(Office.PROVINCE):
        # The province forms panels, draws visits, moderates, and puts on notice what is determined.
        waiting.append(
            or_(
                ReviewCase.phase.in_((Phase.FORMING, Phase.MODERATION, Phase.SAMPLING)),
                ReviewCase.status == CaseStatus.AWAITING_NOTICE,
            )
        )
    if reader.holds(Office.EXPERT):
        has_to_score = (
            select(PanelMember.id)
            .where(
                PanelMember.case_id == ReviewCase.id,
                PanelMember.turn == ReviewCase.turn,
                PanelMember.expert == reader.sub,
                PanelMember.status == MemberStatus.CALLED,
            )
            .exists()
        )
        waiting.append(and_(ReviewCase.status == CaseStatus.IN_REVIEW, has_to_score))
    return and_(visible_to(reader), or_(*waiting))


def _is_called_upon(reader: Actor) -> ColumnElement[bool]:
    return (
        select(PanelMember.id)
        .where(
            PanelMember.case_id == ReviewCase.id,
            PanelMember.expert == reader.sub,
            PanelMember.status.in_((MemberStatus.CALLED, MemberStatus.SCORED)),
        )
        .exists()
    )
