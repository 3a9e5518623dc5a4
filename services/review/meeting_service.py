"""审定: a meeting decides a list of cases in one act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.contracts.review import Remark
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging
from services.kernel.problems import Problem
from services.policy.stages import StageDecision
from services.review.desk import CaseDesk, Standing, require_remarks
from services.review.list_repository import ListRepository
from services.review.lists import not_ready
from services.review.models import Determination, ReviewCase
from services.review.problems import (
    CasesNotReadyForList,
    DecisionNotOffered,
    DeterminationNotFound,
    MeetingBeforeCase,
    MeetingInFuture,
)
from services.review.workflow import Act


@dataclass(frozen=True, slots=True)
class Item:
    """What the meeting decided about one case."""

    case_id: UUID
    decision: StageDecision
    reason: str
    remarks: Sequence[Remark]


@dataclass(frozen=True, slots=True)
class Determined:
    determination: Determination
    items: Sequence[tuple[UUID, StageDecision, str]]


class MeetingService:
    def __init__(self, desk: CaseDesk, lists: ListRepository) -> None:
        self._desk = desk
        self._lists = lists

    async def determine(
        self,
        *,
        meeting: str,
        held_on: date,
        document_number: str,
        items: Sequence[Item],
        officer: Actor,
    ) -> Determined:
        """Record what a meeting decided about a list of cases: all of it, or nothing.

        Vetoes are checked again as of today for whatever is endorsed. Raises
        `CasesNotReadyForList` naming every case that cannot be determined.
        """
        if held_on > self._desk.clock.today():
            raise MeetingInFuture
        wanted = {item.case_id: item for item in items}
        cases = await self._desk.cases.lock_many(list(wanted), officer)
        standing = await self._desk.standing(officer, cases)

        def refusal(case: ReviewCase) -> Problem | None:
            return (
                standing.refusal(Act.DETERMINE, case)
                or _too_early(case, held_on)
                or self._unfit(case, wanted[case.id], standing)
            )

        errors = not_ready(
            [item.case_id for item in items],
            cases,
            None,
            refusal,
            pointer="/items/{}",
        )
        if errors:
            raise CasesNotReadyForList(errors=errors)
        held = Determination(
            id=new_id(),
            meeting=meeting,
            held_on=held_on,
            document_number=document_number,
            recorded_by=officer.sub,
            recorded_at=self._desk.clock.now(),
        )
        self._lists.add(held)
        for case in cases:
            item = wanted[case.id]
            await self._desk.decide(
                case,
                item.decision,
                officer=officer,
                reason=item.reason,
                remarks=item.remarks,
                act_id=held.id,
                document_number=document_number,
                meeting=meeting,
                held_on=held_on.isoformat(),
            )
        await self._desk.session.flush()
        return Determined(held, [(item.case_id, item.decision, item.reason) for item in items])

    def _unfit(self, case: ReviewCase, item: Item, standing: Standing) -> Problem | None:
        stage = self._desk.stage(case)
        if item.decision not in stage.decisions:
            offered = ", ".join(stage.decisions)
            return DecisionNotOffered(f"可作的决定：{offered}。", f"The stage offers: {offered}.")
        try:
            if item.decision is not StageDecision.REJECT:
                standing.require_not_barred(case)
            require_remarks(self._desk.pack(case), item.decision, item.remarks)
        except Problem as problem:
            return problem
        if item.decision is StageDecision.ENDORSE and stage.rechecks_vetoes:
            return self._desk.standing_vetoes(case)
        return None

    async def find(self, determination_id: UUID, reader: Actor) -> Determined:
        found = await self._lists.find_determination(determination_id)
        decided = await self._lists.decided_in(determination_id, reader)
        if found is None or not decided:
            raise DeterminationNotFound
        return Determined(found, [(row[0], row[1], row[2]) for row in decided])

    async def page(self, reader: Actor, page: Paging) -> Found[Determined]:
        found = await self._lists.determinations(reader, page)
        return Found(
            items=[
                Determined(
                    one,
                    [
                        (row[0], row[1], row[2])
                        for row in await self._lists.decided_in(one.id, reader)
                    ],
                )
                for one in found.items
            ],
            next=found.next,
        )


def _too_early(case: ReviewCase, held_on: date) -> Problem | None:
    """Return why a meeting cannot have decided a case that had not come to it."""
    if held_on >= case.entered_on:
        return None
    return MeetingBeforeCase(
        f"该件 {case.entered_on} 才进入审定环节。",
        f"The case came to this stage on {case.entered_on}.",
    )
