"""Who holds what: the copy of the registry's titles, and what their end means for money."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.registry import (
    RecognitionChanged,
    RecognitionEvent,
    RecognitionGranted,
    RecognitionRenewed,
    RecognitionRevoked,
)
from services.kernel.clock import Clock
from services.kernel.identity.actor import Actor
from services.kernel.journal import Journal
from services.policy.catalogue import Catalogue
from services.rewards.models import Holding
from services.rewards.recovery_service import RecoveryService
from services.rewards.repository import HoldingRepository, lock_enterprises


class HoldingService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._holdings = HoldingRepository(session)
        self._recoveries = RecoveryService(session, journal, clock, catalogue)

    async def keep_granted(self, event: RecognitionGranted) -> None:
        """Keep the copy of a title that the registry announced."""
        await self._lock(event)
        await self._keep(event)

    async def keep_renewed(self, event: RecognitionRenewed) -> None:
        """Keep a title's next term; the title has been held since its first."""
        await self._lock(event)
        holding = await self._keep(event)
        if event.valid_from > holding.valid_from:
            holding.renewed_from = event.valid_from
            holding.renewal_round_code = event.round_code

    async def follow_change(self, event: RecognitionChanged) -> None:
        """Keep whose title it is now, and under which name and where."""
        if event.previous_recognition_id == event.recognition_id:
            await self._lock(event)
            await self._keep(event)
            return
        await lock_enterprises(self._session, {event.uscc or "", event.previous_uscc})
        previous = await self._holdings.find(event.previous_recognition_id)
        if previous is None:
            raise LookupError(event.previous_recognition_id)
        previous.revoked_on = event.happened_on
        previous.revocation_ground = event.change
        following = await self._keep(event)
        following.continues = previous.recognition_id
        await self._session.flush()

    async def follow_revocation(self, event: RecognitionRevoked, system: Actor) -> None:
        """Cancel what was not paid of a revoked title's reward, and call back what was.

        Only where the pack's ground takes the reward back: a title that lapsed, failed its renewal
        or was given up was rewarded lawfully.
        """
        # The reward was paid to whom the title was given, whoever has gone on with it since.
        before = await self._before(event)
        await lock_enterprises(self._session, {event.uscc or "", *(one.uscc for one in before)})
        holding = await self._keep(event)
        holding.revoked_on = event.revoked_on
        chain = [holding, *before] if event.recovers_rewards else [holding]
        for one in chain:
            one.revocation_ground = event.ground
            one.finding_number = event.finding_number
            one.has_lost_reward = event.recovers_rewards
        await self._session.flush()
        if event.recovers_rewards:
            await self._recoveries.follow_loss(chain[-1], system)

    async def _lock(self, event: RecognitionEvent) -> None:
        # Who is proposing an award of it either is done and is hidden with the rest, or waits and sees.
        await lock_enterprises(self._session, {event.uscc or ""})

    async def _keep(self, event: RecognitionEvent) -> Holding:
        holding = await self._holdings.find(event.recognition_id)
        if event.uscc is None or event.region is None:
            raise ValueError(f"recognition {event.recognition_id} names no enterprise or division")
        if holding is None:
            holding = Holding(
                recognition_id=event.recognition_id,
                uscc=event.uscc,
                title=event.title,
                valid_from=event.valid_from,
                valid_until=event.valid_until,
                renewed_from=None,
                round_code=event.round_code,
                renewal_round_code=None,
                revoked_on=None,
                revocation_ground=None,
                finding_number=None,
                has_lost_reward=False,
                continues=None,
                policy_pack=event.policy_pack,
            )
            self._holdings.add(holding)
        holding.legal_name = event.legal_name
        holding.region = event.region
        holding.is_secret = event.is_secret
        holding.valid_until = event.valid_until
        holding.policy_pack = event.policy_pack
        await self._session.flush()
        # The newest announcement decides for all that is kept of an enterprise.
        await self._holdings.mark(event.uscc, is_secret=event.is_secret)
        return holding

    async def _before(self, event: RecognitionRevoked) -> list[Holding]:
        """Return the holdings that a title went over from, the last holder first."""
        found = []
        holding = await self._holdings.find(event.recognition_id)
        while holding is not None and holding.continues is not None:
            before = await self._holdings.find(holding.continues)
            if before is None:
                raise LookupError(holding.continues)
            found.append(before)
            holding = before
        return found
