"""Whom to call about an application: given by who files it, shown masked, disclosed for a reason."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.contacts import NewContact, masked, said_in
from services.applications.filing_rules import refuse_statement_without_word
from services.applications.models import Application, Contact
from services.applications.problems import ApplicationNotFound, ContactNotFound
from services.applications.repository import (
    ApplicationRepository,
    ContactRepository,
    MandateRepository,
)
from services.applications.workflow import Step, after
from services.kernel.clock import Clock
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.preconditions import require_current
from services.kernel.problems import PreconditionRequired, Stale
from services.policy.catalogue import Catalogue


class ContactService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._applications = ApplicationRepository(session)
        self._contacts = ContactRepository(session)
        self._mandates = MandateRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def put(
        self,
        application_id: UUID,
        given: NewContact,
        *,
        version_read: int | None,
        applicant: Actor,
    ) -> Contact:
        """Say whom to call; as long as the application is not decided, whatever its state."""
        of = await self._applications.lock(application_id, applicant)
        if of is None:
            raise ApplicationNotFound
        # Reachable while it can still be withdrawn: a new telephone is no correction.
        after(of.status, Step.WITHDRAW)
        await self._require_word(applicant, of)
        contact = await self._contacts.find(application_id)
        now = self._clock.now()
        if contact is None:
            if version_read is not None:
                raise Stale
            contact = given.row(application_id, given_by=applicant.sub, given_at=now)
            self._contacts.add(contact)
        else:
            if version_read is None:
                raise PreconditionRequired
            require_current(version_read, contact.version)
            contact.name, contact.position = given.name, given.position
            contact.phone, contact.email = given.phone, given.email
            contact.given_by, contact.given_at = applicant.sub, now
        await self._session.flush()
        # What it says is nowhere but in its own row: history cannot forget.
        self._record(of, "contact_changed", applicant, reason=None)
        return contact

    async def read(self, application_id: UUID, reader: Actor) -> tuple[Contact, NewContact]:
        """Return the contact as the reader may see it: whole for the enterprise, else masked."""
        of, contact = await self._find(application_id, reader)
        plain = said_in(contact)
        return contact, plain if reader.uscc == of.uscc else masked(plain)

    async def disclose(
        self, application_id: UUID, *, reason: str, officer: Actor
    ) -> tuple[Contact, NewContact]:
        """Tell an officer the whole contact, for a reason that the enterprise can read later."""
        of, contact = await self._find(application_id, officer)
        self._record(of, "contact_disclosed", officer, reason=reason)
        return contact, said_in(contact)

    async def _find(self, application_id: UUID, reader: Actor) -> tuple[Application, Contact]:
        of = await self._applications.find(application_id, reader)
        if of is None:
            raise ApplicationNotFound
        contact = await self._contacts.find(application_id)
        if contact is None:
            raise ContactNotFound
        return of, contact

    async def _require_word(self, applicant: Actor, of: Application) -> None:
        mandates = await self._mandates.in_force(
            [of.uscc], region=applicant.region, day=self._clock.today()
        )
        refuse_statement_without_word(applicant, of, mandates.get(of.uscc))

    def _record(self, of: Application, action: str, actor: Actor, *, reason: str | None) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="application",
                subject_id=of.id,
                action=action,
                actor=actor,
                uscc=of.uscc,
                reason=reason,
                policy_pack=of.policy_pack,
                data={"status": of.status.value},
            )
        )
