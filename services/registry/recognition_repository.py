"""The statements about recognitions, their terms and certificates, and renewal material."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from services.kernel.identity.actor import Actor
from services.registry.following_models import Finding
from services.registry.models import CertificateSeries, Enterprise, Recognition, RenewalStep
from services.registry.repository import visible_to

STATUS_LIST = "status-list"


class RecognitionRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def add(self, row: Recognition | RenewalStep) -> None:
        self._session.add(row)

    async def current(self, uscc: str, title: str) -> Recognition | None:
        """Return an enterprise's running recognition of a title. The enterprise is locked."""
        return await self._session.scalar(
            select(Recognition)
            .where(Recognition.uscc == uscc, Recognition.title == title, is_running())
            .options(selectinload(Recognition.terms))
            .execution_options(populate_existing=True)
        )

    async def ended(self, uscc: str, title: str) -> Sequence[Recognition]:
        """Return what an enterprise held of a title and does not any more. The enterprise is locked."""
        rows = await self._session.scalars(
            select(Recognition)
            .where(Recognition.uscc == uscc, Recognition.title == title, ~is_running())
            .options(selectinload(Recognition.terms))
            .order_by(Recognition.id)
        )
        return rows.all()

    async def successor(self, uscc: str, title: str) -> Recognition | None:
        """Return the recognition in which a title that an enterprise held goes on elsewhere."""
        found = await self._session.scalar(
            select(Recognition)
            .where(
                Recognition.uscc == uscc,
                Recognition.title == title,
                Recognition.transferred_to.is_not(None),
            )
            .order_by(Recognition.transferred_on.desc())
            .limit(1)
        )
        while found is not None and found.transferred_to is not None:
            found = await self._session.get(Recognition, found.transferred_to)
        return found

    async def running(self, uscc: str) -> Sequence[Recognition]:
        """Return all that an enterprise holds. The enterprise is locked."""
        rows = await self._session.scalars(
            select(Recognition)
            .where(Recognition.uscc == uscc, is_running())
            .options(selectinload(Recognition.terms))
            .order_by(Recognition.id)
            .execution_options(populate_existing=True)
        )
        return rows.all()

    async def find(self, recognition_id: UUID, reader: Actor) -> Recognition | None:
        return await self._one(Recognition.id == recognition_id, reader)

    async def find_by_certificate(self, number: str, reader: Actor) -> Recognition | None:
        """Return who holds a certificate now, as far as the reader may know.

        Where that is hidden from the reader, whoever held it before is shown, with whom it has ended:
        a number that was public once does not become a gap.
        """
        return await self._one(Recognition.certificate_number == number, reader)

    async def others(self, of: Recognition) -> Sequence[Recognition]:
        """Return the enterprise's other recognitions that run."""
        rows = await self._session.scalars(
            select(Recognition)
            .where(Recognition.uscc == of.uscc, Recognition.id != of.id, is_running())
            .order_by(Recognition.id)
        )
        return rows.all()

    async def exclusion_on(self, uscc: str, day: date) -> Recognition | None:
        """Return the revocation that excludes an enterprise on a day, of several the longest lasting."""
        return await self._session.scalar(
            select(Recognition)
            .where(Recognition.uscc == uscc, Recognition.exclusion_until >= day)
            .order_by(Recognition.exclusion_until.desc(), Recognition.id)
            .limit(1)
        )

    async def finding(self, uscc: str, number: str) -> Finding | None:
        return await self._session.scalar(
            select(Finding).where(Finding.uscc == uscc, Finding.number == number)
        )

    async def is_numbered(self, certificate_number: str) -> bool:
        return bool(
            await self._session.scalar(
                select(exists().where(Recognition.certificate_number == certificate_number))
            )
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

    async def steps(self, uscc: str, title: str) -> Sequence[RenewalStep]:
        rows = await self._session.scalars(
            select(RenewalStep)
            .where(RenewalStep.uscc == uscc, RenewalStep.title == title)
            .order_by(RenewalStep.id)
        )
        return rows.all()

    async def steps_of(self, application_id: UUID) -> Sequence[RenewalStep]:
        rows = await self._session.scalars(
            select(RenewalStep)
            .where(RenewalStep.application_id == application_id)
            .order_by(RenewalStep.id)
        )
        return rows.all()

    async def _one(self, which: ColumnElement[bool], reader: Actor) -> Recognition | None:
        return await self._session.scalar(
            select(Recognition)
            .join(Recognition.enterprise)
            .where(which, visible_to(reader))
            .order_by(Recognition.transferred_on.desc().nulls_first())
            .limit(1)
            .options(
                joinedload(Recognition.enterprise, innerjoin=True).selectinload(Enterprise.entries),
                selectinload(Recognition.terms),
            )
        )


def is_running() -> ColumnElement[bool]:
    """Return whether a recognition is neither revoked nor gone over to another enterprise."""
    return Recognition.revoked_on.is_(None) & Recognition.transferred_on.is_(None)


def is_due_before(day: date) -> ColumnElement[bool]:
    return is_running() & (Recognition.valid_until < day)
