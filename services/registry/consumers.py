"""What the registry does about the other services' events."""

from services.contracts.applications import ApplicationSubmitted, ApplicationWithdrawn
from services.contracts.review import (
    CaseAdvanced,
    CaseEvent,
    CaseRecognised,
    CaseRejected,
    CaseRestored,
)
from services.contracts.rewards import (
    AwardApproved,
    AwardCancelled,
    AwardDisbursed,
    AwardReduced,
    PaymentReturned,
    RecoveryOpened,
    RecoveryRepaid,
)
from services.kernel.events.consumer import Delivery, Subscription
from services.kernel.identity.actor import system_actor
from services.policy.catalogue import published_catalogue
from services.registry.counting_service import CountingService
from services.registry.figures_service import FigureService
from services.registry.following_service import open_examinations
from services.registry.recognition_service import RecognitionService
from services.registry.renewal_service import RenewalService

from_review = Subscription("review")
from_applications = Subscription("applications")
# What is counted and compared came later than the recognitions themselves: it has a place of its
# own in the feeds, and so begins at their start.
steps_from_review = Subscription("review", purpose="steps")
figures_from_applications = Subscription("applications", purpose="figures")
from_rewards = Subscription("rewards")


def _recognitions(delivery: Delivery) -> RecognitionService:
    return RecognitionService(
        delivery.session, delivery.journal, delivery.clock, published_catalogue()
    )


def _renewals(delivery: Delivery) -> RenewalService:
    return RenewalService(delivery.session, delivery.journal, delivery.clock)


@from_review.on(CaseRecognised)
async def record_recognised(delivery: Delivery, event: CaseRecognised) -> None:
    recognitions, system = _recognitions(delivery), system_actor("review")
    await recognitions.record_recognised(event, system)
    excluded = await recognitions.note_excluded(event, system)
    if excluded is not None:
        recognised, revoked = excluded
        await open_examinations(
            delivery.session,
            delivery.journal,
            delivery.clock,
            revoked=revoked,
            others=[recognised],
            finding_number=revoked.finding_number,
            actor=system,
        )


@from_review.on(CaseRejected)
async def settle_rejected(delivery: Delivery, event: CaseRejected) -> None:
    await _renewals(delivery).note_rejected(event, on=delivery.occurred_on)


@from_review.on(CaseRestored)
async def reopen_restored(delivery: Delivery, event: CaseRestored) -> None:
    if event.kind == "renewal":
        await _renewals(delivery).note_restored(event, on=delivery.occurred_on)


@from_applications.on(ApplicationSubmitted)
async def note_renewal(delivery: Delivery, event: ApplicationSubmitted) -> None:
    if event.kind == "renewal":
        await _renewals(delivery).note_filed(
            application_id=event.application_id,
            uscc=event.uscc or "",
            title=event.title,
            on=event.submitted_on,
        )


@from_applications.on(ApplicationWithdrawn)
async def settle_withdrawn(delivery: Delivery, event: ApplicationWithdrawn) -> None:
    await _renewals(delivery).note_withdrawn(
        application_id=event.application_id,
        uscc=event.uscc or "",
        title=event.title,
        on=delivery.occurred_on,
    )


@figures_from_applications.on(ApplicationSubmitted)
async def keep_figures(delivery: Delivery, event: ApplicationSubmitted) -> None:
    await FigureService(
        delivery.session, delivery.journal, delivery.clock, published_catalogue()
    ).keep_application(event)


def _counting(delivery: Delivery) -> CountingService:
    return CountingService(delivery.session)


async def _step(
    delivery: Delivery, event: CaseEvent, step: str, from_stage: str | None = None
) -> None:
    await _counting(delivery).note_step(
        event, step=step, from_stage=from_stage, on=delivery.occurred_on
    )


@steps_from_review.on(CaseAdvanced)
async def count_advanced(delivery: Delivery, event: CaseAdvanced) -> None:
    await _step(delivery, event, "advanced", event.from_stage)


@steps_from_review.on(CaseRejected)
async def count_rejected(delivery: Delivery, event: CaseRejected) -> None:
    await _step(delivery, event, "rejected", event.stage)


@steps_from_review.on(CaseRestored)
async def count_restored(delivery: Delivery, event: CaseRestored) -> None:
    await _step(delivery, event, "restored", event.stage)


@steps_from_review.on(CaseRecognised)
async def count_recognised(delivery: Delivery, event: CaseRecognised) -> None:
    await _counting(delivery).note_step(
        event, step="recognised", from_stage=None, on=event.decided_on
    )


@from_rewards.on(AwardApproved)
async def count_granted(delivery: Delivery, event: AwardApproved) -> None:
    await _counting(delivery).note_granted(event)


@from_rewards.on(AwardCancelled)
async def count_cancelled(delivery: Delivery, event: AwardCancelled) -> None:
    await _counting(delivery).note_cancelled(event)


@from_rewards.on(AwardDisbursed)
async def count_disbursed(delivery: Delivery, event: AwardDisbursed) -> None:
    await _counting(delivery).note_disbursed(event)


@from_rewards.on(RecoveryOpened)
async def count_called_back(delivery: Delivery, event: RecoveryOpened) -> None:
    await _counting(delivery).note_called_back(event)


@from_rewards.on(PaymentReturned)
async def count_returned(delivery: Delivery, event: PaymentReturned) -> None:
    await _counting(delivery).note_returned(event)


@from_rewards.on(AwardReduced)
async def count_reduced(delivery: Delivery, event: AwardReduced) -> None:
    await _counting(delivery).note_reduced(event)


@from_rewards.on(RecoveryRepaid)
async def count_repaid(delivery: Delivery, event: RecoveryRepaid) -> None:
    await _counting(delivery).note_repaid(event)
