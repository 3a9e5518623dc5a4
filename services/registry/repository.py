"""Every SQL statement of the registry, and who may see which row."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    and_,
    false,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from services.kernel.identity.actor import Actor, Office
from services.kernel.paging import Found, Paging, read_page
from services.kernel.regions import prefix_of
from services.registry.models import (
    CertificateSeries,
    Enterprise,
    EnterpriseName,
    Recognition,
    RecognitionTerm,
    RenewalFiling,
    tables,
)
from services.registry.workflow import RecognitionStatus

_INSIDERS = (
    Office.COUNTY,
    Office.CITY,
    Office.PROVINCE,
    Office.DECISION_MEETING,
    Office.FINANCE,
    Office.AUDITOR,
)


def visible_to(reader: Actor) -> ColumnElement[bool]:
    """Return the one filter on who sees which enterprise.

    A secret-involved enterprise (涉密) is seen by the offices of its own division and by itself.
    For everybody else, with or without a token, it is as if it had never been recognised.
    """
    if reader.uscc is not None:
        return or_(Enterprise.is_secret.is_(False), Enterprise.uscc == reader.uscc)
    if reader.region is not None and reader.holds(*_INSIDERS):
        return or_(
            Enterprise.is_secret.is_(False),
            Enterprise.division.like(f"{prefix_of(reader.region)}%"),
        )
    return Enterprise.is_secret.is_(False)


class EnterpriseRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: Recognition) -> None:
        self._session.add(row)

    async def create(
        self, *, uscc: str, legal_name: str, division: str, is_secret: bool, now: datetime
    ) -> bool:
        """Make an enterprise unless it is there. Return whether it is new."""
        created = await self._session.scalar(
            insert(Enterprise)
            .values(
                uscc=uscc,
                legal_name=legal_name,
                division=division,
                is_secret=is_secret,
                created_at=now,
                updated_at=now,
                version=1,
            )
            .on_conflict_do_nothing()
            .returning(Enterprise.uscc)
        )
        return created is not None

    async def add_name(self, *, uscc: str, legal_name: str, valid_from: date) -> None:
        await self._session.execute(
            insert(EnterpriseName)
            .values(uscc=uscc, legal_name=legal_name, valid_from=valid_from)
            .on_conflict_do_nothing()
        )

    async def lock(self, uscc: str) -> Enterprise | None:
        """Lock an enterprise: whoever changes what it holds comes through here."""
        return await self._session.scalar(
            select(Enterprise)
            .where(Enterprise.uscc == uscc)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def find(self, uscc: str, reader: Actor) -> Enterprise | None:
        return await self._session.scalar(
            select(Enterprise).where(Enterprise.uscc == uscc, visible_to(reader)).options(*_WHOLE)
        )

    async def find_many(self, usccs: Sequence[str], reader: Actor) -> dict[str, Enterprise]:
        rows = await self._session.scalars(
            select(Enterprise)
            .where(Enterprise.uscc.in_(usccs), visible_to(reader))
            .options(*_WHOLE)
        )
        return {row.uscc: row for row in rows}

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        title: str | None,
        status: RecognitionStatus | None,
        region: str | None,
        focus_field: str | None,
        q: str | None,
        valid_on: date | None,
        renewal_due_before: date | None,
        today: date,
    ) -> Found[Enterprise]:
        statement: Select[Enterprise] = select(Enterprise).where(visible_to(reader))
        if region is not None:
            statement = statement.where(Enterprise.division.like(f"{prefix_of(region)}%"))
        if focus_field is not None:
            statement = statement.where(Enterprise.focus_field == focus_field)
        if q is not None:
            statement = statement.where(Enterprise.legal_name.contains(q, autoescape=True))
        # One recognition has to fit all of these together.
        fits = [
            Recognition.title == title if title is not None else true(),
            _has_status(status, today) if status is not None else true(),
            _is_valid_on(valid_on) if valid_on is not None else true(),
            _is_due_before(renewal_due_before) if renewal_due_before is not None else true(),
        ]
        if any(given is not None for given in (title, status, valid_on, renewal_due_before)):
            statement = statement.where(Enterprise.recognitions.any(and_(*fits)))
        return await read_page(
            self._session,
            statement.options(*_WHOLE),
            page,
            by=[(Enterprise.uscc.expression, str)],
            key=lambda found: [found.uscc],
        )

    async def history(self, uscc: str) -> Sequence[RowMapping]:
        history = tables.history
        rows = await self._session.execute(
            select(history).where(history.c.uscc == uscc).order_by(history.c.position)
        )
        return rows.mappings().all()


class RecognitionRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def current(self, uscc: str, title: str) -> Recognition | None:
        """Return an enterprise's unrevoked recognition of a title. The enterprise is locked."""
        return await self._session.scalar(
            select(Recognition)
            .where(
                Recognition.uscc == uscc,
                Recognition.title == title,
                Recognition.revoked_on.is_(None),
            )
            .options(selectinload(Recognition.terms))
            .execution_options(populate_existing=True)
        )

    async def find(self, recognition_id: UUID, reader: Actor) -> Recognition | None:
        return await self._one(Recognition.id == recognition_id, reader)

    async def find_by_certificate(self, number: str, reader: Actor) -> Recognition | None:
        return await self._one(Recognition.certificate_number == number, reader)

    async def others(self, of: Recognition) -> Sequence[Recognition]:
        """Return the enterprise's other recognitions that are not revoked."""
        rows = await self._session.scalars(
            select(Recognition)
            .where(
                Recognition.uscc == of.uscc,
                Recognition.id != of.id,
                Recognition.revoked_on.is_(None),
            )
            .order_by(Recognition.id)
        )
        return rows.all()

    async def duties(
        self, reader: Actor, page: Paging, *, due_before: date | None, today: date
    ) -> Found[Recognition]:
        """Return what has to be renewed: the window is open or the term over, nothing granted yet.

        Chosen by what is true today, never by a day that has to be hit.
        """
        statement = (
            select(Recognition)
            .join(Recognition.enterprise)
            .where(
                visible_to(reader),
                _within_charge(reader),
                Recognition.revoked_on.is_(None),
                Recognition.renewal_opens_on <= today,
            )
            .options(
                joinedload(Recognition.enterprise, innerjoin=True),
                selectinload(Recognition.terms),
            )
        )
        if due_before is not None:
            statement = statement.where(Recognition.valid_until < due_before)
        return await read_page(
            self._session,
            statement,
            page,
            by=[(Recognition.valid_until.expression, date), (Recognition.id.expression, UUID)],
            key=lambda found: [found.valid_until, found.id],
        )

    async def next_serial(self, series: str) -> int:
        """Return the next number of a series; a transaction that fails gives it back."""
        serial: int | None = await self._session.scalar(
            insert(CertificateSeries)
            .values(series=series, last=1)
            .on_conflict_do_update(
                index_elements=["series"], set_={"last": CertificateSeries.last + 1}
            )
            .returning(CertificateSeries.last)
        )
        if serial is None:
            raise LookupError(series)
        return serial

    async def _one(self, which: ColumnElement[bool], reader: Actor) -> Recognition | None:
        return await self._session.scalar(
            select(Recognition)
            .join(Recognition.enterprise)
            .where(which, visible_to(reader))
            .options(
                joinedload(Recognition.enterprise, innerjoin=True),
                selectinload(Recognition.terms),
            )
        )


class FilingRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note_filed(self, *, application_id: UUID, uscc: str, title: str, on: date) -> None:
        """Keep the day on which renewal material first came in."""
        row = insert(RenewalFiling).values(
            application_id=application_id, uscc=uscc, title=title, filed_on=on
        )
        await self._session.execute(
            row.on_conflict_do_update(
                index_elements=["application_id"],
                set_={"filed_on": func.coalesce(RenewalFiling.filed_on, row.excluded.filed_on)},
            )
        )

    async def note_reopened(self, application_id: UUID) -> None:
        """Forget that renewal material was decided: the decision was a mistake."""
        await self._session.execute(
            update(RenewalFiling)
            .where(RenewalFiling.application_id == application_id)
            .values(settled_on=None)
        )

    async def note_settled(self, *, application_id: UUID, uscc: str, title: str, on: date) -> None:
        """Keep the day on which an application was decided; it may be heard of before its filing."""
        row = insert(RenewalFiling).values(
            application_id=application_id, uscc=uscc, title=title, settled_on=on
        )
        await self._session.execute(
            row.on_conflict_do_update(
                index_elements=["application_id"], set_={"settled_on": row.excluded.settled_on}
            )
        )

    async def open_filings(self, usccs: Sequence[str], on: date) -> dict[tuple[str, str], date]:
        """Return since when renewal material of (uscc, title) has been in and undecided on a day."""
        rows = await self._session.execute(
            select(RenewalFiling.uscc, RenewalFiling.title, RenewalFiling.filed_on).where(
                RenewalFiling.uscc.in_(usccs), _is_open(on)
            )
        )
        return {(uscc, title): filed_on for uscc, title, filed_on in rows if filed_on}


_WHOLE: tuple[ExecutableOption, ...] = (
    selectinload(Enterprise.names),
    selectinload(Enterprise.recognitions).selectinload(Recognition.terms),
)


def _within_charge(reader: Actor) -> ColumnElement[bool]:
    if reader.uscc is not None:
        return Enterprise.uscc == reader.uscc
    if reader.region is None:
        return false()
    return Enterprise.division.like(f"{prefix_of(reader.region)}%")


def _is_open(on: date) -> ColumnElement[bool]:
    return and_(
        RenewalFiling.filed_on <= on,
        or_(RenewalFiling.settled_on.is_(None), RenewalFiling.settled_on > on),
    )


def _has_open_filing(today: date) -> ColumnElement[bool]:
    return (
        select(RenewalFiling.application_id)
        .where(
            RenewalFiling.uscc == Recognition.uscc,
            RenewalFiling.title == Recognition.title,
            _is_open(today),
        )
        .exists()
    )


def _has_status(status: RecognitionStatus, today: date) -> ColumnElement[bool]:
    """Say in SQL what `workflow.Life.status_on` says in Python; a test holds the two equal."""
    is_over = Recognition.valid_until < today
    match status:
        case RecognitionStatus.REVOKED:
            return Recognition.revoked_on.is_not(None)
        case RecognitionStatus.VALID:
            fits = and_(~is_over, Recognition.renewal_opens_on > today)
        case RecognitionStatus.RENEWAL_DUE:
            fits = and_(~is_over, Recognition.renewal_opens_on <= today)
        case RecognitionStatus.AWAITING_RENEWAL:
            fits = and_(is_over, _has_open_filing(today))
        case RecognitionStatus.LAPSED:
            fits = and_(is_over, ~_has_open_filing(today))
    return and_(Recognition.revoked_on.is_(None), fits)


def _is_valid_on(day: date) -> ColumnElement[bool]:
    return and_(
        Recognition.terms.any(
            and_(RecognitionTerm.valid_from <= day, RecognitionTerm.valid_until >= day)
        ),
        or_(Recognition.revoked_on.is_(None), Recognition.revoked_on > day),
    )


def _is_due_before(day: date) -> ColumnElement[bool]:
    return and_(Recognition.revoked_on.is_(None), Recognition.valid_until < day)
