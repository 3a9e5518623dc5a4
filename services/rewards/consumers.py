"""What rewards does about the registry's events."""

from services.contracts.registry import (
    RecognitionChanged,
    RecognitionGranted,
    RecognitionRenewed,
    RecognitionRevoked,
)
from services.kernel.events.consumer import Delivery, Subscription
from services.kernel.identity.actor import system_actor
from services.policy.catalogue import published_catalogue
from services.rewards.holding_service import HoldingService

from_registry = Subscription("registry")


def _holdings(delivery: Delivery) -> HoldingService:
    return HoldingService(delivery.session, delivery.journal, delivery.clock, published_catalogue())


@from_registry.on(RecognitionGranted)
async def keep_granted(delivery: Delivery, event: RecognitionGranted) -> None:
    await _holdings(delivery).keep_granted(event)


@from_registry.on(RecognitionRenewed)
async def keep_renewed(delivery: Delivery, event: RecognitionRenewed) -> None:
    await _holdings(delivery).keep_renewed(event)


@from_registry.on(RecognitionChanged)
async def follow_change(delivery: Delivery, event: RecognitionChanged) -> None:
    await _holdings(delivery).follow_change(event)


@from_registry.on(RecognitionRevoked)
async def follow_revocation(delivery: Delivery, event: RecognitionRevoked) -> None:
    await _holdings(delivery).follow_revocation(event, system_actor("registry"))
