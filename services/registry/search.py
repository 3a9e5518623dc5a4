"""Finding enterprises: by part of a name, also an old one, by place, field, title, state and days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging, place_after, read_page
from services.kernel.regions import prefix_of
from services.registry.common_parts import NEAR, CommonParts
from services.registry.following_models import LibraryStep, LibraryStepKind
from services.registry.models import Enterprise, Recognition, RecognitionTerm
from services.registry.names import grams, searchable
from services.registry.recognition_repository import is_due_before, is_running
from services.registry.repository import WHOLE, visible_to, within_charge
from services.registry.verification import LIBRARY, awaits_renewal
from services.registry.workflow import RecognitionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What an enterprise has to be. `title`, `status` and the days hold for one recognition."""

    title: str | None = None
    status: RecognitionStatus | None = None
    region: str | None = None
    focus_field: str | None = None
    q: str | None = None
    """A part of a name that it has or had, or of its credit code."""
    valid_on: date | None = None
    renewal_due_before: date | None = None
    today: date

    @property
    def asks_for_a_recognition(self) -> bool:
        asked = (self.title, self.status, self.valid_on, self.renewal_due_before)
        return any(one is not None for one in asked)


@dataclass(frozen=True, slots=True)
class Counts:
    enterprises: int
    recognitions: int
    by_title: Sequence[tuple[str, int]]
    by_status: Sequence[tuple[str, int]]
    by_city: Sequence[tuple[str, int]]
    """Enterprises by the first four digits of their division, with 00."""


class SearchRepository:
    def __init__(self, session: AsyncSession, parts: CommonParts | None = None) -> None:
        self._session = session
        self._parts = parts

    async def page(self, sought: Sought, reader: Actor, page: Paging) -> Found[Enterprise]:
        """Return one page of what fits, by credit code."""
        found = await self.codes(sought, reader, page)
        rows = await self._session.scalars(
            select(Enterprise)
            .where(Enterprise.uscc.in_(found.items))
            .order_by(Enterprise.uscc)
            .options(*WHOLE)
        )
        return Found(items=rows.all(), next=found.next)

    async def codes(self, sought: Sought, reader: Actor, page: Paging) -> Found[str]:
        """Return the credit codes of one page."""
        is_common = sought.q is not None and await self._is_common(sought.q)
        if not is_common:
            return await self._codes(visible_to(reader), _fits(sought), page)
        after = place_after(page, [str])
        nearby = select(Enterprise.uscc).order_by(Enterprise.uscc).offset(NEAR).limit(1)
        if after is not None:
            nearby = nearby.where(Enterprise.uscc > after[0])
        end = await self._session.scalar(nearby)
        near = [] if end is None else [Enterprise.uscc <= end]
        found = await self._codes(visible_to(reader), [*near, *_fits(sought, by_index=False)], page)
        if found.next is not None or end is None:
            return found
        return await self._codes(visible_to(reader), _fits(sought), page)

    async def _is_common(self, q: str) -> bool:
        return self._parts is not None and await self._parts.has(searchable(q))

    async def _codes(
        self, is_visible: ColumnElement[bool], fits: Sequence[ColumnElement[bool]], page: Paging
    ) -> Found[str]:
        statement: Select[str] = select(Enterprise.uscc).where(is_visible, *fits)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Enterprise.uscc.expression, str)],
            key=lambda uscc: [uscc],
        )

    async def counts(self, sought: Sought, reader: Actor) -> Counts:
        """Count what the same search lists, and the recognitions that fit, by title and state."""
        found = (
            select(Enterprise.uscc, func.left(Enterprise.division, 4).label("city"))
            .where(visible_to(reader), *_fits(sought))
            .cte("found")
        )
        city = await self._session.execute(
            select(found.c.city, func.count()).group_by(found.c.city).order_by(found.c.city)
        )
        by_city = [(f"{name}00", number) for name, number in city]
        state = _state(sought.today)
        rows = await self._session.execute(
            select(Recognition.title, state, func.count())
            .join(found, found.c.uscc == Recognition.uscc)
            .where(Recognition.transferred_on.is_(None), *_recognition_fits(sought))
            .group_by(Recognition.title, state)
        )
        by_title: dict[str, int] = {}
        by_status: dict[str, int] = {}
        for title, status, number in rows:
            by_title[title] = by_title.get(title, 0) + number
            by_status[status] = by_status.get(status, 0) + number
        return Counts(
            enterprises=sum(number for _, number in by_city),
            recognitions=sum(by_title.values()),
            by_title=sorted(by_title.items()),
            by_status=sorted(by_status.items()),
            by_city=by_city,
        )

    async def in_charge(self, sought: Sought, reader: Actor, page: Paging) -> Found[Enterprise]:
        """Return what the reader is in charge of, for an export."""
        statement: Select[Enterprise] = (
            select(Enterprise)
            .where(visible_to(reader), within_charge(reader), *_fits(sought))
            .options(*WHOLE)
        )
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Enterprise.uscc.expression, str)],
            key=lambda found: [found.uscc],
        )


def _fits(sought: Sought, *, by_index: bool = True) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if sought.region is not None:
        fits.append(Enterprise.division.like(f"{prefix_of(sought.region)}%"))
    if sought.focus_field is not None:
        fits.append(Enterprise.focus_field == sought.focus_field)
    if sought.q is not None:
        fits.append(_is_called(sought.q, by_index=by_index))
    if sought.title == LIBRARY:
        fits += _library_fits(sought)
    elif sought.asks_for_a_recognition:
        fits.append(exists().where(Recognition.uscc == Enterprise.uscc, *_recognition_fits(sought)))
    return fits


def _recognition_fits(sought: Sought) -> list[ColumnElement[bool]]:
    """Say what one recognition has to be, all of it together."""
    fits: list[ColumnElement[bool]] = []
    if sought.title is not None and sought.title != LIBRARY:
        fits.append(Recognition.title == sought.title)
    if sought.status is not None:
        fits.append(has_status(sought.status, sought.today))
    if sought.valid_on is not None:
        fits.append(is_valid_on(sought.valid_on))
    if sought.renewal_due_before is not None:
        fits.append(is_due_before(sought.renewal_due_before))
    return fits


def called(part: str) -> dict[str, str | None]:
    """Return what is asked of names and codes for a part that is spelled for search.

    `pattern` is for LIKE with `/` as its escape. A part may be the beginning of a credit code, too;
    then `code_from` and `code_until` are the first and last codes that begin so, else None.
    """
    escaped = part.replace("/", "//").replace("%", "/%").replace("_", "/_")
    code = part.upper()
    is_code = code.isascii() and code.isalnum() and len(code) >= _CODE_PART
    return {
        # Of blanks alone nothing is left to look for, and no name is empty.
        "pattern": f"%{escaped}%" if part else "",
        "code_from": code if is_code else None,
        "code_until": code.ljust(18, "Z") if is_code else None,
    }


def _is_called(part: str, *, by_index: bool) -> ColumnElement[bool]:
    """Whether a part of a name that it has or had, or the beginning of its code, is as asked.

    The grams find the few that may contain it, by an index; the name itself decides.
    """
    spelled = searchable(part)
    asked = called(spelled)
    named: ColumnElement[bool] = Enterprise.names_searched.like(str(asked["pattern"]), escape="/")
    if by_index:
        kept = func.registry.name_grams(Enterprise.names_searched, type_=ARRAY(Text))
        named = and_(kept.contains(cast(grams(spelled), ARRAY(Text))), named)
    if asked["code_from"] is None:
        return named
    return or_(named, Enterprise.uscc.between(asked["code_from"], asked["code_until"]))


_CODE_PART = 6
"""From so many letters and digits on, a part may be the beginning of a credit code."""


def _library_fits(sought: Sought) -> list[ColumnElement[bool]]:
    """Say the same of a city's library: who is in it is valid, who left it has lapsed."""
    if sought.renewal_due_before is not None:
        return [false()]
    fits = []
    if sought.status is None or sought.valid_on is not None:
        fits.append(_was_last(LibraryStepKind.ENTERED, sought.valid_on or sought.today))
    match sought.status:
        case None:
            pass
        case RecognitionStatus.VALID:
            fits.append(_was_last(LibraryStepKind.ENTERED, sought.today))
        case RecognitionStatus.LAPSED:
            fits.append(_was_last(LibraryStepKind.LEFT, sought.today))
        case _:
            fits.append(false())
    return fits


def _was_last(step: LibraryStepKind, on: date) -> ColumnElement[bool]:
    last = (
        select(LibraryStep.step)
        .where(LibraryStep.uscc == Enterprise.uscc, LibraryStep.on_day <= on)
        .order_by(LibraryStep.on_day.desc(), LibraryStep.recorded_at.desc(), LibraryStep.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return last == step


def has_status(status: RecognitionStatus, today: date) -> ColumnElement[bool]:
    """Say in SQL what `workflow.Life.status_on` says of today; a test holds the two equal."""
    is_over = Recognition.valid_until < today
    if status is RecognitionStatus.REVOKED:
        return Recognition.revoked_on.is_not(None)
    match status:
        case RecognitionStatus.VALID:
            fits = and_(~is_over, Recognition.renewal_opens_on > today)
        case RecognitionStatus.RENEWAL_DUE:
            fits = and_(~is_over, Recognition.renewal_opens_on <= today)
        case RecognitionStatus.AWAITING_RENEWAL:
            fits = and_(is_over, _awaits_renewal(today))
        case _:
            # What went over to a successor has lapsed in the hands of who held it before.
            return and_(
                Recognition.revoked_on.is_(None),
                or_(Recognition.transferred_on.is_not(None), is_over & ~_awaits_renewal(today)),
            )
    return and_(is_running(), fits)


def _awaits_renewal(today: date) -> ColumnElement[bool]:
    return awaits_renewal(today, Recognition.valid_until.expression)


def _state(today: date) -> Any:
    """Return the state of today, for counting. The holder is the present one."""
    return case(
        *(
            (has_status(status, today), status.value)
            for status in RecognitionStatus
            if status is not RecognitionStatus.LAPSED
        ),
        else_=RecognitionStatus.LAPSED.value,
    ).label("state")


def is_valid_on(day: ColumnElement[date] | date) -> ColumnElement[bool]:
    """Whether a recognition was valid on a day, by any of its terms, in this holder's hands."""
    covers = exists().where(
        RecognitionTerm.recognition_id == Recognition.id,
        RecognitionTerm.valid_from <= day,
        RecognitionTerm.valid_until >= day,
    )
    return and_(
        # What has a single term, which nearly all have, needs no look at its terms.
        or_(and_(Recognition.valid_from <= day, Recognition.valid_until >= day), covers),
        or_(Recognition.revoked_on.is_(None), Recognition.revoked_on > day),
        or_(Recognition.transferred_on.is_(None), Recognition.transferred_on > day),
        or_(Recognition.held_from.is_(None), Recognition.held_from <= day),
    )
