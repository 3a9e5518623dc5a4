"""What intake does about the other services' events."""

from datetime import timedelta

from services.applications.models import Holding
from services.applications.repository import HoldingRepository
from services.applications.review_news import ReviewNews
from services.applications.workflow import Step
from services.contracts.registry import (
    RecognitionChanged,
    RecognitionEvent,
    RecognitionGranted,
    RecognitionRenewed,
    RecognitionRevoked,
)
from services.contracts.review import (
    CaseReceived,
    CaseRecognised,
    CaseRejected,
    CaseRestored,
    CaseReturned,
)
from services.kernel.events.consumer import Delivery, Subscription
from services.kernel.identity.actor import system_actor

from_review = Subscription("review")
from_registry = Subscription("registry")


def _news(delivery: Delivery) -> ReviewNews:
    return ReviewNews(delivery.session, delivery.journal, delivery.clock, system_actor("review"))


@from_review.on(CaseReceived)
async def mark_under_review(delivery: Delivery, event: CaseReceived) -> None:
    await _news(delivery).apply(event.application_id, Step.RECEIVE, stage=event.stage)


@from_review.on(CaseReturned)
async def open_for_correction(delivery: Delivery, event: CaseReturned) -> None:
    await _news(delivery).open_for_correction(event)


@from_review.on(CaseRejected)
async def mark_rejected(delivery: Delivery, event: CaseRejected) -> None:
    await _news(delivery).apply(
        event.application_id, Step.REJECT, reason=event.reason, stage=event.stage
    )


@from_review.on(CaseRecognised)
async def mark_recognised(delivery: Delivery, event: CaseRecognised) -> None:
    await _news(delivery).apply(
        event.application_id, Step.RECOGNISE, document_number=event.document_number
    )


@from_review.on(CaseRestored)
async def bring_back(delivery: Delivery, event: CaseRestored) -> None:
    await _news(delivery).restore(event)


@from_registry.on(RecognitionGranted)
async def keep_holding(delivery: Delivery, event: RecognitionGranted) -> None:
    await _keep(delivery, event)


@from_registry.on(RecognitionRenewed)
async def keep_renewed_holding(delivery: Delivery, event: RecognitionRenewed) -> None:
    await _keep(delivery, event)


@from_registry.on(RecognitionChanged)
async def keep_changed_holding(delivery: Delivery, event: RecognitionChanged) -> None:
    """Keep whose title it is now; from the day on which another goes on, the former has it no more."""
    if event.previous_recognition_id == event.recognition_id:
        await _keep(delivery, event)
        return
    previous = await HoldingRepository(delivery.session).find(event.previous_recognition_id)
    if previous is None:
        raise LookupError(event.previous_recognition_id)
    previous.revoked_on = event.happened_on
    following = await _keep(delivery, event)
    following.valid_from = event.happened_on


@from_registry.on(RecognitionRevoked)
async def end_holding(delivery: Delivery, event: RecognitionRevoked) -> None:
    holding = await _keep(delivery, event)
    holding.revoked_on = event.revoked_on
    holding.exclusion_until = event.exclusion_until


async def _keep(delivery: Delivery, event: RecognitionEvent) -> Holding:
    holdings = HoldingRepository(delivery.session)
    holding = await holdings.find(event.recognition_id)
    if holding is None:
        holding = Holding(
            recognition_id=event.recognition_id,
            valid_from=event.valid_from,
            valid_until=event.valid_until,
            revoked_on=None,
            exclusion_until=None,
        )
        holdings.add(holding)
    if event.uscc is None or event.region is None:
        raise ValueError(f"recognition {event.recognition_id} names no enterprise or division")
    holding.uscc = event.uscc
    holding.region = event.region
    holding.title = event.title
    # A renewal decided in time begins in the future, and the title is valid until then, too.
    if event.valid_from > holding.valid_until + timedelta(days=1):
        holding.valid_from = event.valid_from
    holding.valid_until = event.valid_until
    return holding
