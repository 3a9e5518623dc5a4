"""Intake's routes for the contact of an application (联系人)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from services.applications.access import Applicant, ApplicationReader, CaseOfficer
from services.applications.contact_service import ContactService
from services.applications.contacts import checked_contact
from services.applications.problems import (
    ApplicationNotFound,
    ApplicationNotWithdrawable,
    ContactInvalid,
    ContactNotFound,
    EnterpriseWordMissing,
)
from services.applications.schemas import ContactIn, ContactOut, DisclosureIn
from services.applications.views import contact_out
from services.kernel.logging import trace_of
from services.kernel.preconditions import tag, version_in
from services.kernel.problems import NotAllowed, PreconditionRequired, Stale, documented
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    Handler,
    StrictRoute,
    TransactionalRoute,
    runtime_of,
    saved_together,
)


class DisclosureRoute(StrictRoute):
    """A transaction like any other, whose answer is kept under no idempotency key.

    Kept, it would be the contact once more, where nobody looks for it. Asked twice, it is told twice.
    """

    def inner_handler(self) -> Handler:
        handle = super().inner_handler()

        async def in_transaction(request: Request) -> Response:
            trace = trace_of(request.scope)
            async with saved_together(runtime_of(request), trace) as (session, journal):
                request.state.session = session
                request.state.journal = journal
                return await handle(request)

        return in_transaction


router = APIRouter(route_class=TransactionalRoute, tags=["contacts"])
disclosures = APIRouter(route_class=DisclosureRoute)


async def _contact_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> ContactService:
    return ContactService(session, journal, clock, request.app.state.catalogue)


Contacts = Annotated[ContactService, Depends(_contact_service)]


@router.put(
    "/applications/{application_id}/contact",
    summary="填写联系人 · Say whom to call",
    responses=documented(
        NotAllowed,
        ApplicationNotFound,
        ApplicationNotWithdrawable,
        EnterpriseWordMissing,
        ContactInvalid,
        PreconditionRequired,
        Stale,
    ),
)
async def put_contact(
    application_id: UUID,
    body: ContactIn,
    applicant: Applicant,
    contacts: Contacts,
    response: Response,
    if_match: Annotated[
        str | None,
        Header(description="替换已有联系人时必填。Needed to replace a contact: the ETag you read."),
    ] = None,
) -> ContactOut:
    """Say whom to call, as long as the application is not decided. An office reads it back masked."""
    await contacts.put(
        application_id,
        checked_contact(body.model_dump()),
        version_read=None if if_match is None else version_in(if_match),
        applicant=applicant,
    )
    row, shown = await contacts.read(application_id, applicant)
    tag(response, row.version)
    return contact_out(row, shown)


@router.get(
    "/applications/{application_id}/contact",
    summary="查看联系人（脱敏） · Read the contact, masked",
    responses=documented(NotAllowed, ApplicationNotFound, ContactNotFound),
)
async def read_contact(
    application_id: UUID, reader: ApplicationReader, contacts: Contacts, response: Response
) -> ContactOut:
    """Return the contact: whole for the enterprise itself, masked for everybody else."""
    row, shown = await contacts.read(application_id, reader)
    tag(response, row.version)
    return contact_out(row, shown)


@disclosures.post(
    "/applications/{application_id}/contact/disclosures",
    summary="查看完整联系方式 · Be told the whole contact",
    responses=documented(NotAllowed, ApplicationNotFound, ContactNotFound),
)
async def disclose_contact(
    application_id: UUID, body: DisclosureIn, officer: CaseOfficer, contacts: Contacts
) -> ContactOut:
    """Tell an officer in charge the whole contact. Who asked and why is in the timeline."""
    row, shown = await contacts.disclose(application_id, reason=body.reason, officer=officer)
    return contact_out(row, shown)


router.include_router(disclosures)
