"""What review does, one sentence to a method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.applications import ApplicationSubmitted, ApplicationWithdrawn
from services.contracts.review import (
    CaseAdvanced,
    CaseReceived,
    CaseRecognised,
    CaseRejected,
    CaseReturned,
    Remark,
)
from services.kernel.actions import AvailableAction, offer
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import NOBODY, Actor, Office, Scope
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.paging import Found, Paging
from services.kernel.problems import NotAllowed
from services.kernel.regions import city_of, covers
from services.kernel.text import Text
from services.kernel.working_days import Deadline, after_calendar_days, after_working_days
from services.policy import credit_code
from services.policy.catalogue import Catalogue
from services.policy.eligibility import vetoes
from services.policy.matter import Verdict
from services.policy.pack import Pack
from services.policy.stages import StageDecision
from services.review.models import Decision, Notice, Objection, ReviewCase
from services.review.problems import (
    CasesNotReadyForNotice,
    NothingToRecognise,
    NoticeInPast,
    NoticeNotFound,
    NoticeNotRunning,
    NoticeStillRunning,
    NotOnNotice,
    ObjectionNotFound,
    ObjectionResolved,
    RecognitionDayNotPossible,
    RemarksNeeded,
    ReviewCaseNotFound,
    VetoStands,
)
from services.review.repository import CaseRepository, NoticeRepository
from services.review.workflow import (
    NAMES,
    SETTLED,
    CaseStatus,
    NoticePeriod,
    ObjectionStatus,
    Position,
    Route,
    after,
    opened,
    require_turn,
    resubmitted,
)

DECIDERS = (
    Office.COUNTY,
    Office.CITY,
    Office.PROVINCE,
    Office.EXPERT,
    Office.SITE_INSPECTOR,
    Office.DECISION_MEETING,
)
"""Who may ask to decide. Whose turn it is, the pack's stages say."""


@dataclass(frozen=True, slots=True)
class Recognised:
    notice: Notice
    document_number: str
    decided_on: date
    cases: Sequence[ReviewCase]
    held: Sequence[ReviewCase]


class CaseService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._cases = CaseRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def receive(self, event: ApplicationSubmitted, system: Actor) -> None:
        """Open a case for a submitted application, or take a corrected one up where it was."""
        if event.uscc is None or event.region is None:
            raise ValueError(f"application {event.application_id} names no enterprise or division")
        pack = self._catalogue.pack(event.policy_pack)
        route = Route.of(pack, event.title)
        case = await self._cases.lock_by_application(event.application_id)
        now = self._clock.now()
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
                notice_id=None,
                filed_by=[],
                created_at=now,
            )
            self._cases.add(case)
        else:
            position = resubmitted(Position(stage=case.stage, status=case.status))
            if not covers(city_of(case.division), event.region):
                # Another city has to recommend it: what one decided does not bind the next.
                position = opened(route)
        case.filed_by = sorted({*(case.filed_by or ()), *event.filed_by})
        case.legal_name = event.legal_name
        case.division = event.region
        case.is_secret = event.is_secret
        case.facts = event.facts
        case.facts_sha256 = event.facts_sha256
        case.size_determination = (
            None
            if event.size_determination is None
            else event.size_determination.model_dump(mode="json")
        )
        case.submission_number = event.submission_number
        self._place(case, position, route)
        await self._session.flush()
        self._record(case, "received", system, submission_number=event.submission_number)
        self._journal.announce(
            CaseReceived(
                **_which(case), stage=case.stage, submission_number=event.submission_number
            )
        )

    async def close_withdrawn(self, event: ApplicationWithdrawn, system: Actor) -> None:
        """Close the case of an application that the enterprise took back."""
        case = await self._cases.lock_by_application(event.application_id)
        if case is None:
            raise LookupError(f"no case was opened for application {event.application_id}")
        if case.status in SETTLED:
            return
        position = Position(stage=case.stage, status=CaseStatus.WITHDRAWN)
        self._place(case, position, self._route(case))
        await self._session.flush()
        self._record(case, "withdrawn", system, reason=event.reason)

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
        case = await self._cases.lock(case_id, officer)
        if case is None:
            raise ReviewCaseNotFound
        pack = self._catalogue.pack(case.policy_pack)
        route = self._route(case)
        stage = route.stage(case.stage)
        self._require_turn(case, route, officer)
        position = after(Position(stage=case.stage, status=case.status), decision, route)
        _require_remarks(pack, decision, remarks)
        if decision is StageDecision.ENDORSE and stage.rechecks_vetoes:
            self._require_no_veto(pack, case)
        self._cases.add(
            Decision(
                id=new_id(),
                case_id=case.id,
                stage=stage.id,
                submission_number=case.submission_number,
                decision=decision,
                reason=reason,
                remarks=[remark.model_dump() for remark in remarks],
                decided_by=officer.sub,
                office=stage.office,
                region=officer.region or "",
                decided_at=self._clock.now(),
            )
        )
        self._place(case, position, route)
        await self._session.flush()
        await self._session.refresh(case, ["decisions"])
        self._record(
            case,
            f"decided:{decision}",
            officer,
            reason=reason,
            clause=stage.clause,
            decided_stage=stage.id,
            remarks=[remark.model_dump() for remark in remarks],
        )
        self._announce(case, decision, from_stage=stage.id, reason=reason, remarks=remarks)
        return case

    async def find(self, case_id: UUID, reader: Actor) -> ReviewCase:
        found = await self._cases.find(case_id, reader)
        if found is None:
            raise ReviewCaseNotFound
        return found

    async def history(self, of: ReviewCase) -> Sequence[RowMapping]:
        return await self._cases.history(of.id)

    async def page(
        self,
        reader: Actor,
        page: Paging,
        *,
        stage: str | None,
        status: CaseStatus | None,
        region: str | None,
        round_id: UUID | None,
        due_before: date | None,
    ) -> Found[ReviewCase]:
        return await self._cases.page(
            reader,
            page,
            stage=stage,
            status=status,
            region=region,
            round_id=round_id,
            due_before=due_before,
        )

    def is_overdue(self, of: ReviewCase) -> bool:
        return of.due_on is not None and of.due_on < self._clock.today()

    def stage_name(self, of: ReviewCase) -> Text:
        return self._route(of).stage(of.stage).name

    def available_actions(self, of: ReviewCase, reader: Actor) -> list[AvailableAction]:
        """Return the decisions that the case's stage offers, and why the reader may not take one."""
        href = f"/api/v1/review-cases/{of.id}/decisions"
        route = self._route(of)

        def refuse() -> None:
            if not reader.may(Scope.REVIEW_DECIDE) or not reader.holds(*DECIDERS):
                raise NotAllowed
            self._require_turn(of, route, reader)

        def refuse_endorsement() -> None:
            refuse()
            if route.stage(of.stage).rechecks_vetoes:
                self._require_no_veto(self._catalogue.pack(of.policy_pack), of)

        return [
            offer(
                decision.value,
                "POST",
                href,
                refuse_endorsement if decision is StageDecision.ENDORSE else refuse,
            )
            for decision in route.stage(of.stage).decisions
        ]

    def _route(self, of: ReviewCase) -> Route:
        return Route.of(self._catalogue.pack(of.policy_pack), of.title)

    def _place(self, case: ReviewCase, position: Position, route: Route) -> None:
        """Put a case where it now stands, with the office whose turn it is and its last day."""
        stage = route.stage(position.stage)
        case.stage = position.stage
        case.status = position.status
        case.updated_at = self._clock.now()
        awaits_decision = position.status is CaseStatus.IN_REVIEW
        case.office = stage.office if awaits_decision else None
        deadline = None
        if awaits_decision and stage.working_days is not None:
            deadline = after_working_days(self._clock.today(), stage.working_days)
        case.due_on = deadline.on if deadline else None
        case.due_is_provisional = deadline.is_provisional if deadline else False

    def _require_turn(self, case: ReviewCase, route: Route, officer: Actor) -> None:
        require_turn(
            Position(stage=case.stage, status=case.status),
            route,
            offices=officer.offices,
            sub=officer.sub,
            filed_by=set(case.filed_by),
            decided_by={one.decided_by for one in case.decisions if one.stage != case.stage},
        )

    def _require_no_veto(self, pack: Pack, case: ReviewCase) -> None:
        standing = [
            finding
            for finding in vetoes(
                pack,
                title=case.title,
                facts=case.facts,
                kind="renewal" if case.kind == "renewal" else "new",
                applied_on=case.applied_on,
                today=self._clock.today(),
            )
            if finding.verdict is Verdict.NOT_MET
        ]
        if standing:
            raise VetoStands(
                "；".join(f"{finding.clause} {finding.because.zh}" for finding in standing),
                " ".join(f"{finding.clause}: {finding.because.en}" for finding in standing),
            )

    def _announce(
        self,
        case: ReviewCase,
        decision: StageDecision,
        *,
        from_stage: str,
        reason: str,
        remarks: Sequence[Remark],
    ) -> None:
        which = _which(case)
        match decision:
            case StageDecision.ENDORSE:
                self._journal.announce(
                    CaseAdvanced(**which, from_stage=from_stage, to_stage=case.stage)
                )
            case StageDecision.RETURN:
                self._journal.announce(
                    CaseReturned(
                        **which,
                        stage=from_stage,
                        submission_number=case.submission_number,
                        reason=reason,
                        remarks=list(remarks),
                    )
                )
            case StageDecision.REJECT:
                self._journal.announce(CaseRejected(**which, stage=from_stage, reason=reason))

    def _record(
        self,
        case: ReviewCase,
        action: str,
        actor: Actor,
        *,
        reason: str | None = None,
        clause: str | None = None,
        **data: Any,
    ) -> None:
        _record(self._journal, case, action, actor, reason=reason, clause=clause, **data)


class NoticeService:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._session = session
        self._cases = CaseRepository(session)
        self._notices = NoticeRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue

    async def publish(
        self, *, round_id: UUID, case_ids: Sequence[UUID], starts_on: date, officer: Actor
    ) -> Notice:
        """Put determined cases of one round on public notice, for the days that the pack sets."""
        if starts_on < self._clock.today():
            raise NoticeInPast
        wanted = list(dict.fromkeys(case_ids))
        cases = await self._cases.lock_many(wanted, officer)
        _require_ready(cases, wanted, round_id)
        first = cases[0]
        pack = self._catalogue.pack(first.policy_pack)
        ending = _end_of_notice(pack, starts_on)
        notice = Notice(
            id=new_id(),
            round_id=round_id,
            round_code=first.round_code,
            title=first.title,
            policy_pack=pack.name,
            starts_on=starts_on,
            ends_on=ending.on,
            is_provisional=ending.is_provisional,
            created_by=officer.sub,
            created_at=self._clock.now(),
        )
        self._notices.add(notice)
        await self._session.flush()
        for case in cases:
            case.notice_id = notice.id
            case.status = CaseStatus.ON_NOTICE
            case.updated_at = notice.created_at
            _record(
                self._journal,
                case,
                "put_on_notice",
                officer,
                clause=pack.notice.clause,
                notice_id=str(notice.id),
                starts_on=starts_on.isoformat(),
                ends_on=ending.on.isoformat(),
            )
        await self._session.flush()
        return notice

    async def recognise(
        self, notice_id: UUID, *, document_number: str, decided_on: date, officer: Actor
    ) -> Recognised:
        """Recognise every case of a finished notice against which no objection is open."""
        notice = await self._notices.lock(notice_id)
        if notice is None or not await self._notices.case_ids(notice_id, officer):
            raise NoticeNotFound
        on_notice = await self._cases.lock_on_notice(notice_id)
        if not all(officer.is_in_charge_of(case.division) for case in on_notice):
            raise NoticeNotFound
        today = self._clock.today()
        _require_over(notice, today)
        if not notice.ends_on < decided_on <= today:
            raise RecognitionDayNotPossible(
                f"公示截止 {notice.ends_on}，今天是 {today}，认定日期 {decided_on} 不成立。",
                f"The notice ended on {notice.ends_on} and today is {today};"
                f" {decided_on} is not between them.",
            )
        contested = await self._notices.open_objections([case.id for case in on_notice])
        recognised = [case for case in on_notice if case.id not in contested]
        if not recognised:
            raise NothingToRecognise
        clause = self._catalogue.pack(notice.policy_pack).notice.clause
        for case in recognised:
            case.status = CaseStatus.RECOGNISED
            case.updated_at = self._clock.now()
            _record(
                self._journal,
                case,
                "recognised",
                officer,
                clause=clause,
                document_number=document_number,
                decided_on=decided_on.isoformat(),
            )
            self._journal.announce(
                CaseRecognised(
                    **_which(case),
                    kind="renewal" if case.kind == "renewal" else "new",
                    policy_pack=case.policy_pack,
                    legal_name=case.legal_name,
                    document_number=document_number,
                    decided_on=decided_on,
                    facts=case.facts,
                )
            )
        await self._session.flush()
        # What became secret is taken off earlier notices, too.
        await self._cases.hide({case.uscc for case in recognised if case.is_secret})
        return Recognised(
            notice=notice,
            document_number=document_number,
            decided_on=decided_on,
            cases=recognised,
            held=[case for case in on_notice if case.id in contested],
        )

    async def object(
        self,
        notice_id: UUID,
        *,
        uscc: str,
        objector: Mapping[str, str],
        facts: str,
        evidence: Sequence[str],
    ) -> Objection:
        """Take a named person's objection to an enterprise on a running notice."""
        notice = await self._notices.hold(notice_id)
        today = self._clock.today()
        if notice is None or notice.starts_on > today:
            raise NoticeNotFound
        if not _period(notice).is_running(today):
            raise NoticeNotRunning(
                f"公示期为 {notice.starts_on} 至 {notice.ends_on}，今天是 {today}。",
                f"The notice ran from {notice.starts_on} to {notice.ends_on}; today is {today}.",
            )
        code = credit_code.normalise(uscc)
        # A secret-involved enterprise is answered like one that is not on the notice at all.
        case = next(
            (one for one in await self._notices.public_cases(notice_id) if one.uscc == code), None
        )
        if case is None:
            raise NotOnNotice
        objection = Objection(
            id=new_id(),
            notice_id=notice_id,
            case_id=case.id,
            objector=dict(objector),
            facts=facts,
            evidence=list(evidence),
            filed_at=self._clock.now(),
            status=ObjectionStatus.OPEN,
            resolution=None,
            resolved_by=None,
            resolved_at=None,
        )
        self._notices.add(objection)
        await self._session.flush()
        self._journal.record(
            HistoryEntry(
                subject_type="objection",
                subject_id=objection.id,
                action="filed",
                actor=NOBODY,
                uscc=case.uscc,
                clause=self._catalogue.pack(notice.policy_pack).notice.clause,
                policy_pack=notice.policy_pack,
                data={"notice_id": str(notice_id), "case_id": str(case.id)},
            )
        )
        return objection

    async def resolve(
        self, objection_id: UUID, *, is_sustained: bool, reason: str, officer: Actor
    ) -> Objection:
        """Sustain an objection, which ends the case, or dismiss it. Either is final."""
        objection = await self._notices.find_objection(objection_id, officer, for_update=True)
        if objection is None:
            raise ObjectionNotFound
        if objection.status is not ObjectionStatus.OPEN:
            raise ObjectionResolved
        objection.status = ObjectionStatus.SUSTAINED if is_sustained else ObjectionStatus.DISMISSED
        objection.resolution = reason
        objection.resolved_by = officer.sub
        objection.resolved_at = self._clock.now()
        case = objection.case
        self._journal.record(
            HistoryEntry(
                subject_type="objection",
                subject_id=objection.id,
                action=objection.status.value,
                actor=officer,
                uscc=case.uscc,
                reason=reason,
                policy_pack=case.policy_pack,
                data={"notice_id": str(objection.notice_id), "case_id": str(case.id)},
            )
        )
        if is_sustained and case.status not in SETTLED:
            case.status = CaseStatus.REJECTED
            case.updated_at = self._clock.now()
            _record(self._journal, case, "rejected_on_objection", officer, reason=reason)
            self._journal.announce(CaseRejected(**_which(case), stage=case.stage, reason=reason))
        await self._session.flush()
        return objection

    async def find(self, notice_id: UUID, reader: Actor) -> tuple[Notice, Sequence[UUID]]:
        """Return a notice with those of its cases that the reader may see, one at least."""
        found = await self._notices.find(notice_id)
        case_ids = await self._notices.case_ids(notice_id, reader)
        if found is None or not case_ids:
            raise NoticeNotFound
        return found, case_ids

    async def find_public(self, notice_id: UUID) -> Notice:
        """Return a notice once it has begun."""
        found = await self._notices.find(notice_id)
        if found is None or found.starts_on > self._clock.today():
            raise NoticeNotFound
        return found

    async def public_page(self, page: Paging) -> Found[Notice]:
        return await self._notices.public_page(page, self._clock.today())

    async def public_cases(self, of: Notice) -> Sequence[ReviewCase]:
        return await self._notices.public_cases(of.id)

    async def case_ids(self, of: Notice, reader: Actor) -> Sequence[UUID]:
        return await self._notices.case_ids(of.id, reader)

    async def objections(
        self,
        reader: Actor,
        page: Paging,
        *,
        status: ObjectionStatus | None,
        notice_id: UUID | None,
    ) -> Found[Objection]:
        return await self._notices.objections(reader, page, status=status, notice_id=notice_id)

    def is_running(self, of: Notice) -> bool:
        return _period(of).is_running(self._clock.today())

    def title_name(self, of: Notice) -> Text:
        return self._catalogue.pack(of.policy_pack).title_named(of.title).name

    def clause(self, of: Notice) -> str:
        return self._catalogue.pack(of.policy_pack).notice.clause

    def available_actions(self, of: Notice, reader: Actor) -> list[AvailableAction]:
        def refuse() -> None:
            if not reader.may(Scope.REVIEW_DECIDE) or not reader.holds(Office.PROVINCE):
                raise NotAllowed
            _require_over(of, self._clock.today())

        return [offer("recognise", "POST", f"/api/v1/notices/{of.id}/recognition", refuse)]


def _period(notice: Notice) -> NoticePeriod:
    return NoticePeriod(starts_on=notice.starts_on, ends_on=notice.ends_on)


def _require_over(notice: Notice, today: date) -> None:
    if not _period(notice).is_over(today):
        raise NoticeStillRunning(
            f"公示至 {notice.ends_on}（含当日），今天是 {today}。",
            f"The notice runs to {notice.ends_on} inclusive; today is {today}.",
        )


def _require_ready(cases: Sequence[ReviewCase], wanted: Sequence[UUID], round_id: UUID) -> None:
    found = {case.id: case for case in cases}
    errors = []
    for place, case_id in enumerate(wanted):
        case = found.get(case_id)
        if case is None or case.round_id != round_id:
            wrong = "not_in_round", Text("本批次没有该审核件。", "The round has no such case.")
        elif case.status is not CaseStatus.AWAITING_NOTICE:
            name = NAMES[case.status]
            wrong = "not_awaiting_notice", Text(f"该件{name.zh}。", f"It is {name.en}.")
        elif case.policy_pack != cases[0].policy_pack:
            wrong = "another_pack", Text("政策包不同，须另行公示。", "It has another pack.")
        else:
            continue
        errors.append((f"/case_ids/{place}", *wrong))
    if errors:
        raise CasesNotReadyForNotice(errors=errors)


def _end_of_notice(pack: Pack, starts_on: date) -> Deadline:
    """Return the last day of a notice. Its first day counts, if it is one of the days counted."""
    eve = starts_on - timedelta(days=1)
    if pack.notice.days == "working":
        return after_working_days(eve, pack.notice.length)
    return after_calendar_days(eve, pack.notice.length)


def _require_remarks(pack: Pack, decision: StageDecision, remarks: Sequence[Remark]) -> None:
    if decision is StageDecision.RETURN and not remarks:
        raise RemarksNeeded
    unknown = [
        (
            f"/remarks/{place}/fact_or_document",
            "unknown_fact",
            Text("政策包没有定义此项。", "The pack does not define it."),
        )
        for place, remark in enumerate(remarks)
        if remark.fact_or_document not in pack.facts
        and pack.document_kind(remark.fact_or_document) is None
    ]
    if unknown:
        raise RemarksNeeded(errors=unknown)


def _which(case: ReviewCase) -> dict[str, Any]:
    return {
        "uscc": case.uscc,
        "region": case.division,
        "is_secret": case.is_secret,
        "case_id": case.id,
        "application_id": case.application_id,
        "title": case.title,
        "round_code": case.round_code,
    }


def _record(
    journal: Journal,
    case: ReviewCase,
    action: str,
    actor: Actor,
    *,
    reason: str | None = None,
    clause: str | None = None,
    **data: Any,
) -> None:
    journal.record(
        HistoryEntry(
            subject_type="review_case",
            subject_id=case.id,
            action=action,
            actor=actor,
            uscc=case.uscc,
            reason=reason,
            clause=clause,
            policy_pack=case.policy_pack,
            data={"status": case.status.value, "stage": case.stage, **data},
        )
    )
