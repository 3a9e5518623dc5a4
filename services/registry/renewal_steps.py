"""What is remembered of renewal material: filed, settled, open again, each on its day."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.registry.models import Outcome, RenewalStep, RenewalStepKind
from services.registry.recognition_repository import RecognitionRepository
from services.registry.renewal_state import last_steps


class RenewalSteps:
    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self._recognitions = RecognitionRepository(session)
        self._clock = clock

    async def note_filed(self, *, application_id: UUID, uscc: str, title: str, on: date) -> None:
        """Remember that material is in, so that an ended term reads as awaiting renewal.

        The first filing counts: a correction that is filed later says nothing new.
        """
        known = await self._recognitions.steps_of(application_id)
        if any(one.step is RenewalStepKind.FILED and one.on_day <= on for one in known):
            return
        self._add(application_id, uscc, title, RenewalStepKind.FILED, on)
        following = await self._recognitions.successor(uscc, title)
        if following is not None and following.held_from is not None:
            # The title went over before this was heard of.
            since = max(on, following.held_from)
            self._add(application_id, following.uscc, title, RenewalStepKind.FILED, since)

    async def note_settled(
        self, *, application_id: UUID, uscc: str, title: str, on: date, outcome: Outcome
    ) -> None:
        """Remember how an application was decided, or that it was taken back."""
        for holder in await self._holders(application_id, uscc):
            self._add(application_id, holder, title, RenewalStepKind.SETTLED, on, outcome)

    async def note_reopened(self, *, application_id: UUID, uscc: str, title: str, on: date) -> None:
        """Remember that material is undecided again: its refusal was set aside."""
        for holder in await self._holders(application_id, uscc):
            self._add(application_id, holder, title, RenewalStepKind.REOPENED, on)

    async def hand_over(self, *, uscc: str, title: str, to: str, on: date) -> None:
        """Let material count for the enterprise that goes on with a title, decided or not."""
        known = await self._recognitions.steps(uscc, title)
        for application_id, step in last_steps(known).items():
            self._add(application_id, to, title, RenewalStepKind.FILED, max(on, step.on_day))
            if step.step is RenewalStepKind.SETTLED:
                self._add(application_id, to, title, step.step, max(on, step.on_day), step.outcome)

    async def _holders(self, application_id: UUID, uscc: str) -> list[str]:
        """Return for whom an application counts: who filed it, and who goes on with the title."""
        known = await self._recognitions.steps_of(application_id)
        return sorted({uscc, *(one.uscc for one in known)})

    def _add(
        self,
        application_id: UUID,
        uscc: str,
        title: str,
        step: RenewalStepKind,
        on: date,
        outcome: Outcome | None = None,
    ) -> None:
        self._recognitions.add(
            RenewalStep(
                id=new_id(),
                application_id=application_id,
                uscc=uscc,
                title=title,
                step=step,
                outcome=outcome,
                on_day=on,
                recorded_at=self._clock.now(),
            )
        )
