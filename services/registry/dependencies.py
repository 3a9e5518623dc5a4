"""What the registry's routes are given: its services, and the parameters that several share."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from services.kernel.schemas import DivisionCode, ProgrammeDay
from services.kernel.transaction import CurrentClock, CurrentJournal, CurrentSession
from services.policy.catalogue import Catalogue
from services.registry.change_service import ChangeService
from services.registry.enterprise_service import EnterpriseService
from services.registry.recognition_service import RecognitionService
from services.registry.renewal_service import RenewalService
from services.registry.repository import EnterpriseRepository
from services.registry.search import SearchRepository, Sought
from services.registry.workflow import RecognitionStatus


async def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.catalogue
    return catalogue


CurrentCatalogue = Annotated[Catalogue, Depends(_catalogue)]


async def _enterprises(session: CurrentSession, clock: CurrentClock) -> EnterpriseService:
    return EnterpriseService(session, clock)


async def _rows(session: CurrentSession) -> EnterpriseRepository:
    return EnterpriseRepository(session)


async def _search(request: Request, session: CurrentSession) -> SearchRepository:
    return SearchRepository(session, request.app.state.common_parts)


async def _recognitions(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> RecognitionService:
    return RecognitionService(session, journal, clock, catalogue)


async def _renewals(
    session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> RenewalService:
    return RenewalService(session, journal, clock)


async def _changes(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> ChangeService:
    return ChangeService(session, journal, clock, catalogue)


Enterprises = Annotated[EnterpriseService, Depends(_enterprises)]
EnterpriseRows = Annotated[EnterpriseRepository, Depends(_rows)]
Search = Annotated[SearchRepository, Depends(_search)]
Recognitions = Annotated[RecognitionService, Depends(_recognitions)]
Renewals = Annotated[RenewalService, Depends(_renewals)]
Changes = Annotated[ChangeService, Depends(_changes)]

Uscc = Annotated[str, Path(max_length=40, description="统一社会信用代码。Credit code.")]
TitleFilter = Annotated[str | None, Query(max_length=40)]
NamePart = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=100,
        description="现名或曾用名的一部分，或信用代码的前六位以上。A part of a name that it has or had,"
        " or the first six or more characters of its code.",
    ),
]


async def _sought(
    clock: CurrentClock,
    title: TitleFilter = None,
    status: RecognitionStatus | None = None,
    region: DivisionCode | None = None,
    focus_field: Annotated[str | None, Query(max_length=60)] = None,
    q: NamePart = None,
    valid_on: ProgrammeDay | None = None,
    renewal_due_before: ProgrammeDay | None = None,
) -> Sought:
    return Sought(
        title=title,
        status=status,
        region=region,
        focus_field=focus_field,
        q=q,
        valid_on=valid_on,
        renewal_due_before=renewal_due_before,
        today=clock.today(),
    )


SoughtFor = Annotated[Sought, Depends(_sought)]
