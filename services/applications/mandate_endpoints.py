"""Intake's routes for mandates (委托): an enterprise's word that an office may file for it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.applications.access import ApplicationReader, Enterprise
from services.applications.mandate_service import MandateService
from services.applications.problems import MandateEnded, MandateNotFound, MandateNotPossible
from services.applications.schemas import MandateEndIn, MandateIn, MandateOut
from services.applications.views import mandate_out
from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)

router = APIRouter(route_class=TransactionalRoute, tags=["filing on behalf"])


async def _mandate_service(
    session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> MandateService:
    return MandateService(session, journal, clock)


Mandates = Annotated[MandateService, Depends(_mandate_service)]


@router.post(
    "/filing-mandates",
    status_code=201,
    summary="委托代为申报 · Let an office file for you",
    responses=documented(NotAllowed, MandateNotPossible),
)
async def grant_mandate(
    body: MandateIn, enterprise: Enterprise, mandates: Mandates, response: Response
) -> MandateOut:
    """Let the office of a county or city, and its systems, file for the enterprise until a day."""
    granted = await mandates.grant(
        region=body.region, valid_until=body.valid_until, enterprise=enterprise
    )
    response.headers["Location"] = f"/api/v1/filing-mandates?uscc={granted.uscc}"
    return mandate_out(granted, is_in_force=mandates.is_in_force(granted))


@router.get(
    "/filing-mandates",
    summary="查询委托 · List mandates",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_mandates(
    reader: ApplicationReader,
    mandates: Mandates,
    page: PageOf,
    uscc: Annotated[str | None, Query(max_length=18)] = None,
) -> PageOut[MandateOut]:
    """List the enterprise's own mandates, or those given to the offices of a division."""
    found = await mandates.page(reader, page, uscc=uscc)
    return PageOut(
        items=[mandate_out(one, is_in_force=mandates.is_in_force(one)) for one in found.items],
        next=found.next,
    )


@router.post(
    "/filing-mandates/{mandate_id}/revocation",
    summary="收回委托 · Take a mandate back",
    responses=documented(NotAllowed, MandateNotFound, MandateEnded),
)
async def end_mandate(
    mandate_id: UUID, body: MandateEndIn, enterprise: Enterprise, mandates: Mandates
) -> MandateOut:
    """End a mandate from now on. What was filed under it stays filed."""
    ended = await mandates.end(mandate_id, reason=body.reason, enterprise=enterprise)
    return mandate_out(ended, is_in_force=mandates.is_in_force(ended))
