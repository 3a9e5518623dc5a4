"""Every statement about screenings: whose figures are judged, what is kept of it, who sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.database import UUID_COLUMN
from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import NATION, prefix_of
from services.policy.matter import Kind, Verdict
from services.registry.following_models import FigureSheet, Origin, Screening, ScreeningRow
from services.registry.models import Enterprise, Recognition, RecognitionTerm
from services.registry.repository import INSIDERS, visible_to
from services.registry.screening import DIGITS, SHEETS, TAKEN, Day, Plan, Population
from services.registry.screening_schemas import ScreeningChange, ScreeningState
from services.registry.search import is_valid_on

LONGEST_RUN = timedelta(minutes=30)
"""Of the one statement that judges everybody; any other gives up far sooner."""
UNFINISHED = (ScreeningState.WAITING, ScreeningState.RUNNING)

CHANGES: Mapping[ScreeningChange, tuple[Verdict, bool]] = {
    ScreeningChange.ENTERS: (Verdict.MET, False),
    ScreeningChange.STAYS: (Verdict.MET, True),
    ScreeningChange.LEAVES: (Verdict.NOT_MET, True),
    ScreeningChange.STAYS_OUT: (Verdict.NOT_MET, False),
    ScreeningChange.MAY_ENTER: (Verdict.NEEDS_OFFICER, False),
    ScreeningChange.MAY_LEAVE: (Verdict.NEEDS_OFFICER, True),
}
"""What each change is: what the enterprise is found to be now, and whether it was recognised."""


# ---------------------------------------------------------------- whose figures are judged


def holders(
    *, region: str, title: str, on: date, held_on: date, of_title: str | None = None
) -> Population:
    """Return the latest figures of every enterprise of a region, or of those that hold a title.

    Who holds it, and who holds the title in question, is asked of `held_on`; the rules, of `on`.
    """
    where = and_(SHEETS.c.is_latest, _lies_in(SHEETS.c.division, region))
    if of_title is not None:
        where = and_(where, _holds(of_title, held_on))
    return Population(
        source=SHEETS,
        where=where,
        applied_on=Day(on),
        today=Day(on),
        holds=lambda sought: _holds(sought, on),
        was_recognised=_holds(title, held_on),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """Which applications are replayed: those of a round, or those first submitted in a year."""

    title: str
    kind: Kind
    round_code: str | None = None
    year: int | None = None

    @property
    def fits(self) -> ColumnElement[bool]:
        is_asked = and_(
            SHEETS.c.origin == Origin.APPLICATION,
            SHEETS.c.title == self.title,
            SHEETS.c.kind == self.kind,
        )
        if self.round_code is None:
            return is_asked
        return and_(is_asked, SHEETS.c.round_code == self.round_code)


def cohort(of: Cohort, *, region: str, on: date | None) -> Population:
    """Return each application's last submission, judged as on the day of its first, or on a day.

    What had to be valid then is what the submission says was held. Whoever was recognised on these
    figures was so under the pack of its term.
    """
    last = (
        select(
            SHEETS.c.id,
            func.min(SHEETS.c.reported_on)
            .over(partition_by=SHEETS.c.application_id)
            .label("first"),
            SHEETS.c.reported_on.label("last"),
        )
        .where(of.fits)
        .ext(distinct_on(SHEETS.c.application_id))
        .order_by(SHEETS.c.application_id, SHEETS.c.submission_number.desc())
        .subquery("submission")
    )
    # A title that went over to a successor has its terms twice, under the same pack.
    decided = (
        select(
            RecognitionTerm.application_id,
            func.min(RecognitionTerm.policy_pack).label("policy_pack"),
        )
        .where(RecognitionTerm.application_id.is_not(None))
        .group_by(RecognitionTerm.application_id)
        .subquery("decided")
    )
    where = _lies_in(SHEETS.c.division, region)
    if of.year is not None:
        where = and_(where, last.c.first.between(date(of.year, 1, 1), date(of.year, 12, 31)))
    return Population(
        source=SHEETS.join(last, last.c.id == SHEETS.c.id).outerjoin(
            decided, decided.c.application_id == SHEETS.c.application_id
        ),
        where=where,
        applied_on=Day(last.c.first if on is None else on),
        today=Day(last.c.last if on is None else on),
        holds=lambda sought: literal(sought) == SHEETS.c.titles_held.any_(),
        was_recognised=decided.c.policy_pack.is_not(None),
        decided_under=decided.c.policy_pack,
    )


def population_of(screening: Screening) -> Population:
    """Return whom a screening is about."""
    of, region = screening.population, screening.region
    if "held_on" in of:
        return holders(
            region=region,
            title=screening.title,
            on=screening.on_day,
            held_on=date.fromisoformat(of["held_on"]),
            of_title=of.get("title"),
        )
    return cohort(
        Cohort(
            title=screening.title,
            kind="renewal" if screening.kind == "renewal" else "new",
            round_code=of.get("round_code"),
            year=of.get("year"),
        ),
        region=region,
        on=None if is_each_on_its_day(screening) else screening.on_day,
    )


def is_each_on_its_day(screening: Screening) -> bool:
    """Whether every submission is judged as on its own day."""
    return bool(screening.population.get("each_on_its_day", False))


def _holds(title: str, on: date) -> ColumnElement[bool]:
    return (
        exists()
        .where(Recognition.uscc == SHEETS.c.uscc, Recognition.title == title, is_valid_on(on))
        .correlate(SHEETS)
    )


def _lies_in(division: Any, region: str) -> ColumnElement[bool]:
    within: ColumnElement[bool] = division.like(f"{prefix_of(region)}%")
    return within


# ---------------------------------------------------------------- who sees what of it


def screenings_of(reader: Actor) -> ColumnElement[bool]:
    """Return which screenings a caller may see: those of a region that its own is a part of."""
    if reader.region is None or not reader.holds(*INSIDERS):
        return false()
    own = reader.region
    above = {NATION, f"{own[:2]}0000", f"{own[:4]}00", own}
    return or_(Screening.region.in_(sorted(above)), _lies_in(Screening.region, own))


def _rows_of(reader: Actor) -> ColumnElement[bool]:
    """Return which rows a caller may see: its own division's, and of those what `visible_to` allows.

    Most of who applies was never recognised and is no enterprise of the registry: then its own
    division is where it applied, and its offices may see it.
    """
    if reader.region is None:
        return false()
    return and_(
        _lies_in(ScreeningRow.division, reader.region),
        or_(Enterprise.uscc.is_(None), visible_to(reader)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a row has to be."""

    verdict: Verdict | None = None
    region: str | None = None
    change: ScreeningChange | None = None
    place: int | None = None
    """Of a condition among the screening's, from 1 on."""
    answer: Verdict = Verdict.NOT_MET
    """What that condition has to answer."""

    def fits(self) -> list[ColumnElement[bool]]:
        wanted: list[ColumnElement[bool]] = []
        if self.verdict is not None:
            wanted.append(ScreeningRow.verdict == DIGITS[self.verdict])
        if self.region is not None:
            wanted.append(_lies_in(ScreeningRow.division, self.region))
        if self.change is not None:
            wanted.append(_changes(ScreeningRow.verdict, ScreeningRow.was_recognised, self.change))
        if self.place is not None:
            answered = func.substr(ScreeningRow.answers, self.place, 1)
            # What the recognition has answered counts as met.
            digits = {DIGITS[self.answer], *([TAKEN] if self.answer is Verdict.MET else [])}
            wanted.append(answered.in_([str(digit) for digit in sorted(digits)]))
        return wanted


@dataclass(frozen=True, slots=True)
class Tallies:
    """How many rows answer what: by city, and by condition in the screening's order."""

    cities: Sequence[Mapping[str, Any]]
    conditions: Sequence[Mapping[str, Any]]


class ScreeningRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, screening: Screening) -> None:
        self._session.add(screening)

    async def find(self, screening_id: UUID, reader: Actor) -> Screening | None:
        return await self._session.scalar(
            select(Screening).where(Screening.id == screening_id, screenings_of(reader))
        )

    async def page(self, reader: Actor, page: Paging) -> Found[Screening]:
        """Return the screenings that a caller may see, the newest first."""
        return await read_page(
            self._session,
            select(Screening).where(screenings_of(reader)),
            page,
            by=[(Screening.id.expression, UUID)],
            key=lambda found: [found.id],
            descending=True,
        )

    async def unfinished(self, region: str) -> int:
        """Return how many screenings of a region are not at their end."""
        return (
            await self._session.scalar(
                select(func.count())
                .select_from(Screening)
                .where(Screening.region == region, Screening.state.in_(UNFINISHED))
            )
            or 0
        )

    async def to_do(self) -> Sequence[UUID]:
        """Return the screenings that are not at their end, the oldest first."""
        rows = await self._session.scalars(
            select(Screening.id)
            .where(Screening.state.in_(UNFINISHED))
            .order_by(Screening.requested_at, Screening.id)
        )
        return rows.all()

    async def unfinished_one(self, screening_id: UUID) -> Screening | None:
        """Return a screening, unless it has come to its end."""
        found = await self._session.get(Screening, screening_id, populate_existing=True)
        return found if found is not None and found.state in UNFINISHED else None

    async def progress(self, screening_id: UUID, **values: object) -> None:
        """Note how far a screening has come."""
        await self._session.execute(
            update(Screening).where(Screening.id == screening_id).values(**values)
        )

    async def judge(self, screening: Screening, plan: Plan) -> None:
        """Judge everybody whom a screening is about, in one statement that may take its time."""
        longest = f"{int(LONGEST_RUN.total_seconds())}s"
        await self._session.execute(select(func.set_config("statement_timeout", longest, True)))
        judged = plan.statement(population_of(screening)).subquery("answered")
        names = ["uscc", "sheet_id", "division", "verdict", "answers", "was_recognised"]
        await self._session.execute(
            insert(ScreeningRow).from_select(
                ["screening_id", *names],
                select(literal(screening.id, UUID_COLUMN), *(judged.c[name] for name in names)),
            )
        )

    async def tallies(self, screening: Screening, reader: Actor | None = None) -> Tallies:
        """Count what a screening found: all of it, or what a caller may see of it."""
        seen = self._seen(screening.id, reader)
        rows = seen.with_only_columns(
            func.concat(func.substr(ScreeningRow.division, 1, 4), "00").label("city"),
            ScreeningRow.verdict,
            ScreeningRow.was_recognised,
        ).subquery("rows")
        cities = await self._session.execute(
            select(
                rows.c.city,
                func.count().label("total"),
                *(
                    func.count().filter(rows.c.verdict == digit).label(verdict.value)
                    for verdict, digit in DIGITS.items()
                ),
                *(
                    func.count()
                    .filter(_changes(rows.c.verdict, rows.c.was_recognised, change))
                    .label(change.value)
                    for change in CHANGES
                ),
            )
            .group_by(rows.c.city)
            .order_by(rows.c.city)
        )
        # Many share all their answers, so each combination is taken apart once.
        alike = (
            seen.with_only_columns(ScreeningRow.answers, func.count().label("number"))
            .group_by(ScreeningRow.answers)
            .subquery("alike")
        )
        places = (
            func.generate_series(1, len(screening.conditions))
            .table_valued("place", name="places")
            .render_derived()
        )
        answer = func.substr(alike.c.answers, places.c.place, 1)
        conditions = await self._session.execute(
            select(
                places.c.place,
                *(
                    func.coalesce(
                        func.sum(alike.c.number).filter(answer == str(DIGITS[verdict])), 0
                    ).label(verdict.value)
                    for verdict in (Verdict.NOT_MET, Verdict.NEEDS_OFFICER)
                ),
            )
            .select_from(places.outerjoin(alike, literal(True)))
            .group_by(places.c.place)
            .order_by(places.c.place)
        )
        return Tallies(
            [dict(one) for one in cities.mappings()], [dict(one) for one in conditions.mappings()]
        )

    async def rows(
        self, screening: Screening, sought: Sought, reader: Actor, page: Paging
    ) -> Found[ScreeningRow]:
        return await read_page(
            self._session,
            self._seen(screening.id, reader).where(*sought.fits()),
            page,
            by=[(ScreeningRow.uscc.expression, str), (ScreeningRow.sheet_id.expression, UUID)],
            key=lambda found: [found.uscc, found.sheet_id],
        )

    async def row(
        self, screening: Screening, uscc: str, sheet_id: UUID | None, reader: Actor
    ) -> ScreeningRow | None:
        """Return an enterprise's row; of several applications in a cohort, the latest."""
        statement = self._seen(screening.id, reader).where(ScreeningRow.uscc == uscc)
        if sheet_id is not None:
            statement = statement.where(ScreeningRow.sheet_id == sheet_id)
        return await self._session.scalar(statement.order_by(ScreeningRow.sheet_id.desc()).limit(1))

    async def names(self, rows: Sequence[ScreeningRow]) -> dict[tuple[str, UUID], str | None]:
        """Return what enterprises are called: in the registry, or else in their own figures."""
        found = await self._session.execute(
            select(
                FigureSheet.uscc,
                FigureSheet.id,
                func.coalesce(Enterprise.legal_name, FigureSheet.facts["legal_name"].astext),
            )
            .outerjoin(Enterprise, Enterprise.uscc == FigureSheet.uscc)
            .where(FigureSheet.id.in_([row.sheet_id for row in rows]))
        )
        return {(uscc, sheet_id): name for uscc, sheet_id, name in found}

    async def sheet(self, sheet_id: UUID) -> FigureSheet:
        return (
            await self._session.scalars(select(FigureSheet).where(FigureSheet.id == sheet_id))
        ).one()

    async def first_submitted_on(self, application_id: UUID) -> date:
        return (
            await self._session.scalars(
                select(func.min(FigureSheet.reported_on)).where(
                    FigureSheet.application_id == application_id
                )
            )
        ).one()

    async def decided_under(self, application_id: UUID) -> str | None:
        """Return the pack by which an application was recognised; None if it was not."""
        return await self._session.scalar(
            select(func.min(RecognitionTerm.policy_pack)).where(
                RecognitionTerm.application_id == application_id
            )
        )

    async def titles_held(self, uscc: str, on: date) -> list[str]:
        titles = await self._session.scalars(
            select(Recognition.title)
            .where(Recognition.uscc == uscc, is_valid_on(on))
            .distinct()
            .order_by(Recognition.title)
        )
        return list(titles)

    def _seen(self, screening_id: UUID, reader: Actor | None) -> Select[ScreeningRow]:
        statement = select(ScreeningRow).where(ScreeningRow.screening_id == screening_id)
        if reader is None:
            return statement
        return statement.outerjoin(Enterprise, Enterprise.uscc == ScreeningRow.uscc).where(
            _rows_of(reader)
        )


def _changes(
    verdict: ColumnElement[int] | Any, was_recognised: Any, change: ScreeningChange
) -> ColumnElement[bool]:
    found, was = CHANGES[change]
    return and_(verdict == DIGITS[found], was_recognised.is_(was))
