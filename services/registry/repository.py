"""Who may see which enterprise, and the statements about enterprises and what they are called."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, false, or_, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, selectinload
from sqlalchemy.sql.base import ExecutableOption

from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office
from services.kernel.regions import prefix_of
from services.registry.following_models import RenewalCall, RenewalRound
from services.registry.models import (
    Attribute,
    Enterprise,
    EnterpriseEntry,
    Recognition,
    RenewalStep,
    tables,
)
from services.registry.standing import Renewals, renewals_of

INSIDERS = (
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
    if reader.region is not None and reader.holds(*INSIDERS):
        return or_(
            Enterprise.is_secret.is_(False),
            Enterprise.division.like(f"{prefix_of(reader.region)}%"),
        )
    return Enterprise.is_secret.is_(False)


def within_charge(reader: Actor) -> ColumnElement[bool]:
    """Return what is the reader's own business: its own enterprise, or its division's."""
    if reader.uscc is not None:
        return Enterprise.uscc == reader.uscc
    if reader.region is None:
        return false()
    return Enterprise.division.like(f"{prefix_of(reader.region)}%")


WHOLE: tuple[ExecutableOption, ...] = (
    selectinload(Enterprise.entries),
    selectinload(Enterprise.recognitions).selectinload(Recognition.terms),
)
"""An enterprise with all that its state on any day follows from, but renewal material."""


class EnterpriseRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(
        self,
        *,
        uscc: str,
        legal_name: str,
        names_searched: str,
        division: str,
        is_secret: bool,
        now: datetime,
    ) -> bool:
        """Make an enterprise unless it is there. Return whether it is new."""
        created = await self._session.scalar(
            insert(Enterprise)
            .values(
                uscc=uscc,
                legal_name=legal_name,
                names_searched=names_searched,
                division=division,
                is_secret=is_secret,
                is_recognised=False,
                created_at=now,
                updated_at=now,
                version=1,
            )
            .on_conflict_do_nothing()
            .returning(Enterprise.uscc)
        )
        return created is not None

    async def add_entry(
        self,
        *,
        uscc: str,
        attribute: Attribute,
        value: str | None,
        valid_from: date,
        now: datetime,
        change_id: UUID | None = None,
    ) -> None:
        await self._session.execute(
            insert(EnterpriseEntry).values(
                id=new_id(),
                uscc=uscc,
                attribute=attribute,
                value=value,
                valid_from=valid_from,
                recorded_at=now,
                change_id=change_id,
            )
        )

    async def entries(self, uscc: str) -> Sequence[EnterpriseEntry]:
        """Return every entry, in the order in which later ones outdo earlier ones."""
        rows = await self._session.scalars(
            select(EnterpriseEntry)
            .where(EnterpriseEntry.uscc == uscc)
            .order_by(EnterpriseEntry.valid_from, EnterpriseEntry.recorded_at, EnterpriseEntry.id)
        )
        return rows.all()

    async def names_before(self, of: Enterprise) -> list[str]:
        """Return, as they are searched, the names of those whose titles an enterprise goes on with.

        The names of a secret-involved one lead to another secret-involved one alone.
        """
        own, earlier = aliased(Recognition), aliased(Recognition)
        rows = await self._session.scalars(
            select(Enterprise.names_searched)
            .join(earlier, earlier.uscc == Enterprise.uscc)
            .join(own, own.certificate_number == earlier.certificate_number)
            .where(
                own.uscc == of.uscc,
                earlier.uscc != of.uscc,
                earlier.transferred_on <= own.held_from,
                true() if of.is_secret else Enterprise.is_secret.is_(False),
            )
            .order_by(earlier.transferred_on, Enterprise.uscc)
        )
        return [name for names in rows for name in names.split("\n")]

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
            select(Enterprise).where(Enterprise.uscc == uscc, visible_to(reader)).options(*WHOLE)
        )

    async def in_charge(self, uscc: str, reader: Actor) -> Enterprise | None:
        """Return an enterprise that is the reader's own business, without what it holds."""
        return await self._session.scalar(
            select(Enterprise).where(
                Enterprise.uscc == uscc, and_(visible_to(reader), within_charge(reader))
            )
        )

    async def hidden_from(self, reader: Actor, usccs: Sequence[str]) -> set[str]:
        """Return which of some enterprises are here and a reader may not know of."""
        if not usccs:
            return set()
        rows = await self._session.scalars(
            select(Enterprise.uscc).where(Enterprise.uscc.in_(usccs), ~visible_to(reader))
        )
        return set(rows)

    async def renewals(self, usccs: Sequence[str]) -> Renewals:
        """Return all renewal material of some enterprises, and the calls to file it."""
        return renewals_of(await self.steps(usccs), await self.calls(usccs))

    async def steps(self, usccs: Sequence[str]) -> Sequence[RenewalStep]:
        """Return what became of all renewal material of some enterprises.

        Of material that went over with a title, that is also what others did with it.
        """
        theirs = select(RenewalStep.application_id).where(RenewalStep.uscc.in_(usccs))
        rows = await self._session.scalars(
            select(RenewalStep)
            .where(RenewalStep.application_id.in_(theirs))
            .order_by(RenewalStep.id)
        )
        return rows.all()

    async def calls(self, usccs: Sequence[str]) -> Sequence[tuple[RenewalCall, RenewalRound]]:
        rows = await self._session.execute(
            select(RenewalCall, RenewalRound)
            .join(RenewalRound, RenewalRound.id == RenewalCall.round_id)
            .join(Recognition, Recognition.id == RenewalCall.recognition_id)
            .where(Recognition.uscc.in_(usccs))
        )
        return [(row[0], row[1]) for row in rows]

    async def history(self, uscc: str) -> Sequence[RowMapping]:
        history = tables.history
        rows = await self._session.execute(
            select(history).where(history.c.uscc == uscc).order_by(history.c.position)
        )
        return rows.mappings().all()
