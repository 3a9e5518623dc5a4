"""What review does with one case, one sentence to a method."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping

from services.contracts.applications import ApplicationSubmitted, ApplicationWithdrawn
from services.contracts.registry import RecognitionRevoked
from services.contracts.review import CaseReceived, CaseRestored, Remark
from services.kernel.actions import AvailableAction, offer
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Scope, system_actor
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.regions import city_of, covers
from services.kernel.text import Text
from services.policy.stages import Stage, StageDecision, StageKind
from services.review.case_repository import CaseFilter
from services.review.corrections import material_changes
from services.review.desk import (
    CaseDesk,
    Standing,
    bound_by,
    effective,
    kind_of,
    position_of,
    require_remarks,
    which_case,
)
from services.review.models import (
    Assignment,
    Decision,
    Exclusion,
    PanelResult,
    ReviewCase,
    SiteVisit,
)
from services.review.notice_repository import NoticeRepository
from services.review.problems import (
    AnotherCaseStands,
    AssigneeUnfit,
    DecisionNotFound,
    DecisionSetAside,
    DecisionStands,
    ReviewCaseNotFound,
)
from services.review.workflow import (
    ACT_OF,
    RULES,
    SETTLED,
    Act,
    CaseStatus,
    ObjectionStatus,
    Position,
    Route,
    SetAsideCause,
    entering,
    opened,
    resubmitted,
)

SOON = timedelta(days=3)
"""What is due within so many days stands out on a work list."""


class WorkCounts(NamedTuple):
    waiting: int
    overdue: int
    due_soon: int


class CaseService:
    def __init__(self, desk: CaseDesk, notices: NoticeRepository) -> None:
        self._desk = desk
        self._cases = desk.cases
        self._notices = notices

    async def receive(self, event: ApplicationSubmitted, system: Actor) -> None:
        """Open a case for a submitted application, or take a corrected one up where it belongs."""
        if event.uscc is None or event.region is None:
            raise ValueError(f"application {event.application_id} names no enterprise or division")
        pack = self._desk.pack_named(event.policy_pack)
        route = Route.of(pack, event.title, event.region)
        case = await self._cases.lock_by_application(event.application_id)
        changes: list[str] = []
        is_new = case is None
        determined = (
            None
            if event.size_determination is None
            else event.size_determination.model_dump(mode="json")
        )
        if case is None:
            position = opened(route)
            case = ReviewCase(
                id=new_id(),
                application_id=event.application_id,
                round_id=event.round_id,
                round_code=event.round_code,
                kind=event.kind,
                title=event.title,
                policy_pack=pack.name,
                uscc=event.uscc,
                applied_on=event.submitted_on,
                turn=0,
                assigned_to=None,
                notice_id=None,
                filed_by=[],
                decisions=[],
                created_at=self._desk.clock.now(),
            )
            self._cases.add(case)
        else:
            documents = [one.model_dump() for one in event.documents]
            changes = material_changes(
                pack,
                title=event.title,
                kind=kind_of(case),
                facts=(case.facts, event.facts),
                documents=(case.documents, documents),
            )
            if case.size_determination != determined:
                changes.append("size_determination")
            position = self._taken_up(case, event.region, route, is_material=bool(changes))
        case.filed_by = sorted({*case.filed_by, *event.filed_by})
        case.legal_name = event.legal_name
        case.division = event.region
        case.is_secret = event.is_secret
        case.facts = event.facts
        case.facts_sha256 = event.facts_sha256
        case.documents = [one.model_dump() for one in event.documents]
        case.snapshot_sha256 = event.snapshot_sha256
        case.size_determination = determined
        case.submission_number = event.submission_number
        fallen = [] if is_new else self._let_fall(case, position, route, changes, system)
        self._desk.place(case, position)
        await self._desk.session.flush()
        if case.is_secret:
            # With a correction it may have become so after its experts were drawn.
            await self._cases.hide_draws_of([case.id])
        self._desk.record(
            case,
            "received",
            system,
            submission_number=event.submission_number,
            material_changes=changes,
            set_aside=fallen,
        )
        self._desk.journal.announce(
            CaseReceived(
                **which_case(case), stage=case.stage, submission_number=event.submission_number
            )
        )

    def _taken_up(
        self, case: ReviewCase, region: str, route: Route, *, is_material: bool
    ) -> Position:
        is_elsewhere = not covers(city_of(case.division), region) or not route.has(case.stage)
        if is_elsewhere and case.status is CaseStatus.RETURNED:
            # Another city has to recommend it: what one decided does not bind the next.
            return opened(route)
        if not route.has(case.stage):
            # A settled case at a stage that its new division does not have: it stays settled.
            return Position(stage=route.stages[0].id, status=case.status)
        resumes_at = self._desk.pack(case).procedure.correction.resumes_at
        return resubmitted(position_of(case), route, resumes_at=resumes_at if is_material else None)

    def _let_fall(
        self,
        case: ReviewCase,
        position: Position,
        route: Route,
        changes: Sequence[str],
        system: Actor,
    ) -> list[str]:
        """Set the approvals aside that a correction has overtaken. Return their stages."""
        first = route.place_of(position.stage)
        resumes_at = self._desk.pack(case).procedure.correction.resumes_at
        if changes and route.has(resumes_at):
            # Wherever the case stands, refused perhaps meanwhile: nobody has approved what is new.
            first = min(first, route.place_of(resumes_at))
        overtaken = [
            decision
            for decision in effective(case.decisions)
            if decision.decision is StageDecision.ENDORSE
            and (not route.has(decision.stage) or route.place_of(decision.stage) >= first)
        ]
        return self._desk.set_aside(
            case,
            overtaken,
            cause=SetAsideCause.CORRECTION,
            by=system,
            reason=f"补正改变了：{'、'.join(changes)} · corrected: {', '.join(changes)}",
        )

    async def close_withdrawn(self, event: ApplicationWithdrawn, system: Actor) -> None:
        """Close the case of an application that the enterprise took back."""
        case = await self._cases.lock_by_application(event.application_id)
        if case is None:
            raise LookupError(f"no case was opened for application {event.application_id}")
        if case.status in SETTLED - {CaseStatus.REJECTED}:
            return
        # A refused one as well: what was withdrawn does not come back when the refusal is set aside.
        self._desk.place(case, Position(stage=case.stage, status=CaseStatus.WITHDRAWN))
        await self._desk.session.flush()
        self._desk.record(case, "withdrawn", system, reason=event.reason)

    async def bar(self, event: RecognitionRevoked, system: Actor) -> None:
        """Keep until when an enterprise is excluded, and say so in the history of its open cases."""
        if event.uscc is None:
            raise ValueError(f"recognition {event.recognition_id} names no enterprise")
        if event.exclusion_until is None or await self._cases.has_exclusion(event.recognition_id):
            return
        # Locked first: who is about to recognise one of them has done so before, or reads this.
        held_up = await self._cases.lock_open(event.uscc)
        self._cases.add(
            Exclusion(
                recognition_id=event.recognition_id,
                uscc=event.uscc,
                until_on=event.exclusion_until,
                ground=event.ground,
                finding_number=event.finding_number,
                heard_at=self._desk.clock.now(),
            )
        )
        await self._desk.session.flush()
        for case in held_up:
            self._desk.record(
                case,
                "enterprise_excluded",
                system,
                until_on=event.exclusion_until.isoformat(),
                ground=event.ground,
                finding_number=event.finding_number,
                document_number=event.document_number,
            )

    async def record_decision(
        self,
        case_id: UUID,
        *,
        decision: StageDecision,
        reason: str,
        remarks: Sequence[Remark],
        officer: Actor,
    ) -> ReviewCase:
        """Record an office's decision on the stage that the case is in."""
        case = await self._desk.take(case_id, officer)
        await self._desk.require(ACT_OF[decision], case, officer)
        require_remarks(self._desk.pack(case), decision, remarks)
        await self._desk.decide(case, decision, officer=officer, reason=reason, remarks=remarks)
        await self._desk.session.flush()
        return case

    async def assign(
        self, case_id: UUID, *, to: str | None, reason: str, officer: Actor
    ) -> ReviewCase:
        """Hand the turn of a case to one officer, or back to the whole office, with the reason."""
        case = await self._desk.take(case_id, officer)
        await self._desk.require(Act.ASSIGN, case, officer)
        if to is not None:
            await self._require_fit(case, to)
        self._cases.add(
            Assignment(
                id=new_id(),
                case_id=case.id,
                turn=case.turn,
                from_officer=case.assigned_to,
                to_officer=to,
                reason=reason,
                assigned_by=officer.sub,
                assigned_at=self._desk.clock.now(),
            )
        )
        before, case.assigned_to = case.assigned_to, to
        case.updated_at = self._desk.clock.now()
        await self._desk.session.flush()
        self._desk.record(
            case, "assigned", officer, reason=reason, from_officer=before, to_officer=to
        )
        return case

    async def _require_fit(self, case: ReviewCase, sub: str) -> None:
        decided = (await self._cases.parts_of([case.id])).get(case.id, {})
        ties = await self._cases.ties_of([sub])
        bound = bound_by(sub, case, ties, self._desk.pack(case), self._desk.clock.today())
        if sub in case.filed_by or decided.get(sub, set()) - {case.stage} or bound:
            raise AssigneeUnfit(
                f"{sub} 不能办理此件：填报过、在其他环节决定过，或与企业有利害关系。",
                f"{sub} filed the application, has decided another stage, or is bound to it.",
            )

    async def set_aside(
        self,
        case_id: UUID,
        *,
        decision_id: UUID,
        reason: str,
        document_number: str,
        officer: Actor,
    ) -> ReviewCase:
        """Set a mistaken decision aside: the case goes back to its stage, its history intact."""
        case = await self._desk.take(case_id, officer)
        await self._desk.require(Act.SET_ASIDE, case, officer)
        mistaken = next((one for one in case.decisions if one.id == decision_id), None)
        if mistaken is None:
            raise DecisionNotFound
        await self._require_may_set_aside(case, mistaken, officer)
        later = [one for one in effective(case.decisions) if one.turn >= mistaken.turn]
        stages = self._desk.set_aside(
            case,
            later,
            cause=SetAsideCause.MISTAKE,
            by=officer,
            reason=reason,
            document_number=document_number,
        )
        stage = self._first_open(case, mistaken.stage)
        # What was decided on an objection falls with it: nothing is recognised against one.
        reopened = await self._reopen(case)
        # An objection to an earlier notice can end a case that is on no notice any more.
        if stage.kind is StageKind.NOTICE and case.notice_id is not None:
            self._desk.place(case, Position(stage=stage.id, status=CaseStatus.ON_NOTICE))
        else:
            self._desk.place(case, entering(stage))
            case.notice_id = None
        await self._desk.session.flush()
        self._desk.record(
            case,
            "set_aside",
            officer,
            reason=reason,
            document_number=document_number,
            decision_id=str(decision_id),
            set_aside=stages,
            reopened_objections=reopened,
        )
        self._desk.journal.announce(
            CaseRestored(**which_case(case), kind=kind_of(case), stage=case.stage, reason=reason)
        )
        return case

    def _first_open(self, case: ReviewCase, mistaken: str) -> Stage:
        """Return where a case goes on: at the mistaken stage, or before it where nothing stands."""
        route = self._desk.route(case)
        stands = {
            one.stage for one in effective(case.decisions) if one.decision is StageDecision.ENDORSE
        }
        upto = route.stages[: route.place_of(mistaken) + 1]
        return next((one for one in upto if one.id not in stands), upto[-1])

    async def _require_may_set_aside(
        self, case: ReviewCase, mistaken: Decision, officer: Actor
    ) -> None:
        if mistaken.set_aside is not None:
            raise DecisionSetAside
        if mistaken.decision is StageDecision.RETURN or not self._desk.route(case).has(
            mistaken.stage
        ):
            raise DecisionStands
        # Whoever had a part in the case does not say which part of it was a mistake.
        (await self._desk.standing(officer, [case])).require_no_part(case)
        if case.status is CaseStatus.REJECTED and await self._cases.stands_elsewhere(case):
            raise AnotherCaseStands

    async def _reopen(self, case: ReviewCase) -> list[str]:
        reopened = []
        for objection in await self._notices.objections_against(case.id):
            if objection.status is ObjectionStatus.SUSTAINED:
                objection.status = ObjectionStatus.OPEN
                objection.resolution = None
                objection.resolved_by = None
                objection.resolved_at = None
                reopened.append(objection.number)
        return reopened

    async def reckon_again(self) -> int:
        """Reckon provisional last days anew, for calendars that have been published since."""
        changed = 0
        for case in await self._cases.provisional():
            before = case.due_on, case.due_is_provisional
            self._desk.set_last_day(case, self._desk.stage(case))
            if before == (case.due_on, case.due_is_provisional):
                continue
            changed += 1
            self._desk.record(
                case,
                "last_day_reckoned",
                system_actor("review"),
                before=str(before[0]),
                due_on=str(case.due_on),
            )
        await self._desk.session.flush()
        return changed

    async def find(self, case_id: UUID, reader: Actor) -> ReviewCase:
        found = await self._cases.find(case_id, reader)
        if found is None:
            raise ReviewCaseNotFound
        return found

    async def history(self, of: ReviewCase) -> Sequence[RowMapping]:
        return await self._cases.history(of.id)

    async def assignments(self, of: ReviewCase) -> Sequence[Assignment]:
        return await self._cases.assignments(of.id)

    async def panel_results(self, of: ReviewCase) -> Sequence[PanelResult]:
        return await self._cases.panel_results(of.id)

    async def visits(self, of: ReviewCase) -> Sequence[SiteVisit]:
        return await self._cases.visits(of.id)

    async def page(self, reader: Actor, page: Paging, wanted: CaseFilter) -> Found[ReviewCase]:
        return await self._cases.page(reader, page, wanted)

    async def work_list(
        self, reader: Actor, page: Paging, wanted: CaseFilter
    ) -> tuple[Found[ReviewCase], WorkCounts]:
        """Return what waits for the reader, the most urgent first, and how much of it there is."""
        today = self._desk.clock.today()
        found = await self._cases.work_list(reader, page, wanted)
        waiting, overdue, due_soon = await self._cases.work_counts(reader, today, today + SOON)
        return found, WorkCounts(waiting, overdue, due_soon)

    async def standing(self, reader: Actor, cases: Sequence[ReviewCase]) -> Standing:
        return await self._desk.standing(reader, cases)

    def is_overdue(self, of: ReviewCase) -> bool:
        return of.due_on is not None and of.due_on < self._desk.clock.today()

    def stage_name(self, of: ReviewCase) -> Text:
        return self._desk.stage(of).name

    def today(self) -> date:
        return self._desk.clock.today()

    def available_actions(self, of: ReviewCase, standing: Standing) -> list[AvailableAction]:
        """Return what can be done at the case's stage, and why the reader may not do it now."""
        reader = standing.officer

        def refuse(act: Act) -> None:
            if not reader.may(Scope.REVIEW_DECIDE):
                raise NotAllowed
            standing.require(act, of)

        return [
            offer(
                act.value,
                "POST",
                "/api/v1" + RULES[act].path.format(id=of.id, notice_id=of.notice_id),
                partial(refuse, act),
            )
            for act in _offered(of, self._desk.stage(of).kind, reader)
        ]


def _offered(of: ReviewCase, kind: StageKind, reader: Actor) -> list[Act]:
    """Return what a page of this case has buttons for: what its stage takes, for the reader's office.

    An act of another office is shown, disabled, to those who wait for it; one that nobody can do with
    a case as it stands is not shown.
    """
    return [
        act
        for act, rule in RULES.items()
        if of.status in rule.statuses
        and (rule.kinds is None or kind in rule.kinds)
        and (rule.phases is None or of.phase in rule.phases)
        and (act not in _QUIET or reader.holds(*rule.offices))
    ]


_QUIET = frozenset({Act.ASSIGN, Act.SET_ASIDE, Act.RECUSE, Act.EXCUSE, Act.APPOINT})
"""Acts beside the way of a case: shown to those alone whose office may do them."""
