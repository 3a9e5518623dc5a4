"""What review does about the other services' events."""

from services.contracts.applications import ApplicationSubmitted, ApplicationWithdrawn
from services.contracts.registry import RecognitionRevoked
from services.kernel.events.consumer import Delivery, Subscription
from services.kernel.identity.actor import system_actor
from services.policy.catalogue import published_catalogue
from services.review.case_service import CaseService
from services.review.desk import CaseDesk
from services.review.notice_repository import NoticeRepository

from_applications = Subscription("applications")
from_registry = Subscription("registry")
SUBSCRIPTIONS = (from_applications, from_registry)
_SYSTEM = system_actor("applications")


def _service(delivery: Delivery) -> CaseService:
    desk = CaseDesk(delivery.session, delivery.journal, delivery.clock, published_catalogue())
    return CaseService(desk, NoticeRepository(delivery.session))


@from_applications.on(ApplicationSubmitted)
async def receive(delivery: Delivery, event: ApplicationSubmitted) -> None:
    await _service(delivery).receive(event, _SYSTEM)


@from_applications.on(ApplicationWithdrawn)
async def close_withdrawn(delivery: Delivery, event: ApplicationWithdrawn) -> None:
    await _service(delivery).close_withdrawn(event, _SYSTEM)


@from_registry.on(RecognitionRevoked)
async def bar_excluded(delivery: Delivery, event: RecognitionRevoked) -> None:
    await _service(delivery).bar(event, system_actor("registry"))
