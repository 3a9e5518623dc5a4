"""What rewards' routes are given: its services, each in the request's transaction."""

from typing import Annotated

from fastapi import Depends, Request

from services.kernel.transaction import CurrentClock, CurrentJournal, CurrentSession
from services.policy.catalogue import Catalogue
from services.rewards.award_reading import AwardReading
from services.rewards.award_service import AwardService
from services.rewards.disbursement_service import DisbursementService
from services.rewards.recovery_service import RecoveryService
from services.rewards.schedule_service import ScheduleService


async def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.catalogue
    return catalogue


CurrentCatalogue = Annotated[Catalogue, Depends(_catalogue)]


async def _schedules(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> ScheduleService:
    return ScheduleService(session, journal, clock, catalogue)


async def _awards(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> AwardService:
    return AwardService(session, journal, clock, catalogue)


async def _disbursements(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> DisbursementService:
    return DisbursementService(session, journal, clock, catalogue)


async def _recoveries(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> RecoveryService:
    return RecoveryService(session, journal, clock, catalogue)


async def _reading(session: CurrentSession) -> AwardReading:
    return AwardReading(session)


Schedules = Annotated[ScheduleService, Depends(_schedules)]
Awards = Annotated[AwardService, Depends(_awards)]
Disbursements = Annotated[DisbursementService, Depends(_disbursements)]
Recoveries = Annotated[RecoveryService, Depends(_recoveries)]
Reading = Annotated[AwardReading, Depends(_reading)]
