"""What the registry does about the other services' events."""

from services.contracts.applications import ApplicationSubmitted, ApplicationWithdrawn
from services.contracts.review import CaseRecognised, CaseRejected, CaseRestored
from services.kernel.events.consumer import Delivery, Subscription
from services.kernel.identity.actor import system_actor
from services.policy.catalogue import published_catalogue
from services.registry.service import RegistryService

from_review = Subscription("review")
from_applications = Subscription("applications")


def _service(delivery: Delivery) -> RegistryService:
    return RegistryService(
        delivery.session, delivery.journal, delivery.clock, published_catalogue()
    )


@from_review.on(CaseRecognised)
async def record_recognised(delivery: Delivery, event: CaseRecognised) -> None:
    await _service(delivery).record_recognised(event, system_actor("review"))


@from_review.on(CaseRejected)
async def settle_rejected(delivery: Delivery, event: CaseRejected) -> None:
    await _service(delivery).settle(
        application_id=event.application_id,
        uscc=event.uscc or "",
        title=event.title,
        on=delivery.clock.today(),
    )


@from_review.on(CaseRestored)
async def reopen_restored(delivery: Delivery, event: CaseRestored) -> None:
    if event.kind == "renewal":
        await _service(delivery).reopen(event.application_id)


@from_applications.on(ApplicationSubmitted)
async def note_renewal(delivery: Delivery, event: ApplicationSubmitted) -> None:
    if event.kind == "renewal":
        await _service(delivery).note_renewal_filed(
            application_id=event.application_id,
            uscc=event.uscc or "",
            title=event.title,
            on=event.submitted_on,
        )


@from_applications.on(ApplicationWithdrawn)
async def settle_withdrawn(delivery: Delivery, event: ApplicationWithdrawn) -> None:
    await _service(delivery).settle(
        application_id=event.application_id,
        uscc=event.uscc or "",
        title=event.title,
        on=delivery.clock.today(),
    )
