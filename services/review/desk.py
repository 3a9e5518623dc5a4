"""What every part of review does with a case: take it, ask who may act, decide it, write it down."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.contracts.review import CaseAdvanced, CaseRejected, CaseReturned, Remark
from services.kernel.clock import Clock
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.problems import Problem
from services.kernel.text import Text
from services.kernel.working_days import Deadline, after_working_days
from services.policy.catalogue import Catalogue
from services.policy.eligibility import vetoes
from services.policy.matter import Kind, Verdict
from services.policy.pack import Pack
from services.policy.stages import Stage, StageDecision
from services.review.case_repository import CaseRepository
from services.review.conflicts import Subject, Tie, ties_of
from services.review.models import Decision, Exclusion, Notice, PersonTie, ReviewCase, SetAside
from services.review.problems import (
    BoundToEnterprise,
    RemarksNeeded,
    ReviewCaseNotFound,
    ScoresLocked,
    VetoStands,
)
from services.review.workflow import (
    CARRIES_ON,
    Act,
    Bar,
    CaseStatus,
    MemberStatus,
    NoticePeriod,
    Parts,
    Position,
    Route,
    SetAsideCause,
    after,
    refusal,
    require_apart,
    require_assigned,
)

_PERSONAL = frozenset(
    {
        Act.ENDORSE,
        Act.RETURN,
        Act.REJECT,
        Act.RECOMMEND,
        Act.SCORE,
        Act.MODERATE,
        Act.VISIT,
        Act.DETERMINE,
    }
)
"""What nobody does who has had another part in the case, or is bound to the enterprise."""


_CONDUCTING = frozenset(
    {
        Act.DRAW_EXPERTS,
        Act.DRAW_VISITS,
        Act.APPOINT,
        Act.EXCUSE,
        Act.PHOTOGRAPH,
        Act.PUT_ON_NOTICE,
    }
)
"""What leads to a decision without being one: nobody does it who filed the case or is bound."""


class CaseDesk:
    def __init__(
        self, session: AsyncSession, journal: Journal, clock: Clock, catalogue: Catalogue
    ) -> None:
        self.session = session
        self.cases = CaseRepository(session)
        self.journal = journal
        self.clock = clock
        self._catalogue = catalogue

    def pack(self, of: ReviewCase) -> Pack:
        return self._catalogue.pack(of.policy_pack)

    def pack_named(self, name: str) -> Pack:
        return self._catalogue.pack(name)

    def route(self, of: ReviewCase) -> Route:
        return Route.of(self.pack(of), of.title, of.division)

    def stage(self, of: ReviewCase) -> Stage:
        return self.route(of).stage(of.stage)

    async def take(self, case_id: UUID, officer: Actor) -> ReviewCase:
        """Lock a case that the officer may see. Raises `ReviewCaseNotFound`."""
        case = await self.cases.lock(case_id, officer)
        if case is None:
            raise ReviewCaseNotFound
        return case

    async def standing(self, officer: Actor, cases: Sequence[ReviewCase]) -> "Standing":
        """Read once what decides whether somebody may act on some cases."""
        case_ids = [case.id for case in cases]
        return Standing(
            desk=self,
            officer=officer,
            parts=await self.cases.parts_of(case_ids),
            ties=await self.cases.ties_of([officer.sub]),
            memberships=await self.cases.memberships_of(officer.sub, case_ids)
            if officer.holds(Office.EXPERT)
            else {},
            bars=await self.bars_on(self.clock.today(), cases),
        )

    async def bars_on(self, day: date, cases: Sequence[ReviewCase]) -> Mapping[UUID, Bar]:
        """Return what bars some cases on a day: their enterprise is excluded on it."""
        excluded = await self.cases.exclusions_of({case.uscc for case in cases}, day)
        return {
            case.id: self._bar(case, excluded[case.uscc]) for case in cases if case.uscc in excluded
        }

    def _bar(self, case: ReviewCase, of: Exclusion) -> Bar:
        ground = self.pack(case).ground(of.ground)
        # A title of another pack may have been revoked, on a ground that this one does not know.
        name = Text(of.ground, of.ground) if ground is None else ground.name
        return Bar(of.until_on, name, of.finding_number)

    async def require(self, act: Act, case: ReviewCase, officer: Actor) -> None:
        """Refuse what the officer may not do with a case now."""
        (await self.standing(officer, [case])).require(act, case)

    def place(self, case: ReviewCase, position: Position) -> None:
        """Put a case where it now stands: a new turn, with its office and its last day."""
        stage = self.route(case).stage(position.stage)
        today = self.clock.today()
        is_awaited = position.status is CaseStatus.IN_REVIEW
        case.turn += 1
        case.entered_on = today
        case.stage = position.stage
        case.status = position.status
        case.phase = position.phase
        case.office = stage.office if is_awaited else None
        case.assigned_to = None
        case.updated_at = self.clock.now()
        self.set_last_day(case, stage)

    def set_last_day(self, case: ReviewCase, stage: Stage) -> None:
        """Reckon the last day of a case's turn from the day on which it began."""
        deadline: Deadline | None = None
        if case.status is CaseStatus.IN_REVIEW and stage.working_days is not None:
            deadline = after_working_days(case.entered_on, stage.working_days)
        case.due_on = deadline.on if deadline else None
        case.due_is_provisional = deadline.is_provisional if deadline else False

    async def decide(
        self,
        case: ReviewCase,
        decision: StageDecision,
        *,
        officer: Actor,
        reason: str,
        remarks: Sequence[Remark] = (),
        act_id: UUID | None = None,
        decided_by: str | None = None,
        **data: Any,
    ) -> Decision:
        """Write a decision on a case's turn, move it on, and tell everybody.

        `decided_by` names what decided it where that was no person; the officer did otherwise.
        """
        route = self.route(case)
        stage = route.stage(case.stage)
        position = after(position_of(case), decision, route)
        taken = Decision(
            id=new_id(),
            case_id=case.id,
            turn=case.turn,
            stage=stage.id,
            submission_number=case.submission_number,
            decision=decision,
            reason=reason,
            remarks=[remark.model_dump() for remark in remarks],
            decided_by=decided_by or officer.sub,
            office=stage.office,
            region=officer.region or "",
            act_id=act_id,
            decided_at=self.clock.now(),
            set_aside=None,
        )
        case.decisions.append(taken)
        self.place(case, position)
        self.record(
            case,
            f"decided:{decision}",
            officer,
            reason=reason,
            clause=stage.clause,
            decided_stage=stage.id,
            decision_id=str(taken.id),
            remarks=taken.remarks,
            **data,
        )
        self._announce(case, decision, from_stage=stage.id, reason=reason, remarks=remarks)
        return taken

    def close(
        self,
        case: ReviewCase,
        decision: StageDecision,
        officer: Actor,
        *,
        reason: str,
        act_id: UUID,
    ) -> None:
        """Write the decision that ends a notice for a case: one for its turn, and no other."""
        case.decisions.append(
            Decision(
                id=new_id(),
                case_id=case.id,
                turn=case.turn,
                stage=case.stage,
                submission_number=case.submission_number,
                decision=decision,
                reason=reason,
                remarks=[],
                decided_by=officer.sub,
                office=Office.PROVINCE.value,
                region=officer.region or "",
                act_id=act_id,
                decided_at=self.clock.now(),
                set_aside=None,
            )
        )

    def set_aside(
        self,
        case: ReviewCase,
        decisions: Iterable[Decision],
        *,
        cause: SetAsideCause,
        by: Actor,
        reason: str,
        document_number: str | None = None,
    ) -> list[str]:
        """Let decisions count no more. They stay where they are. Return their stages."""
        stages = []
        for decision in decisions:
            decision.set_aside = SetAside(
                id=new_id(),
                decision_id=decision.id,
                case_id=case.id,
                cause=cause,
                reason=reason,
                document_number=document_number,
                set_aside_by=by.sub,
                set_aside_at=self.clock.now(),
            )
            stages.append(decision.stage)
        return stages

    def standing_vetoes(self, case: ReviewCase) -> VetoStands | None:
        """Return the refusal of a case against which a veto stands today (四 不得被推荐)."""
        standing = [
            finding
            for finding in vetoes(
                self.pack(case),
                title=case.title,
                facts=case.facts,
                kind=kind_of(case),
                applied_on=case.applied_on,
                today=self.clock.today(),
            )
            if finding.verdict is Verdict.NOT_MET
        ]
        if not standing:
            return None
        return VetoStands(
            "；".join(f"{finding.clause} {finding.because.zh}" for finding in standing),
            " ".join(f"{finding.clause}: {finding.because.en}" for finding in standing),
        )

    def record(
        self,
        case: ReviewCase,
        action: str,
        actor: Actor,
        *,
        reason: str | None = None,
        clause: str | None = None,
        **data: Any,
    ) -> None:
        """Add a row to a case's history, with where the case stands after it."""
        self.journal.record(
            HistoryEntry(
                subject_type="review_case",
                subject_id=case.id,
                action=action,
                actor=actor,
                uscc=case.uscc,
                reason=reason,
                clause=clause,
                policy_pack=case.policy_pack,
                data={
                    "status": case.status.value,
                    "stage": case.stage,
                    "turn": case.turn,
                    **({"phase": case.phase.value} if case.phase is not None else {}),
                    **data,
                },
            )
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
        which = which_case(case)
        match decision:
            case StageDecision.ENDORSE:
                self.journal.announce(
                    CaseAdvanced(**which, from_stage=from_stage, to_stage=case.stage)
                )
            case StageDecision.RETURN:
                self.journal.announce(
                    CaseReturned(
                        **which,
                        stage=from_stage,
                        submission_number=case.submission_number,
                        reason=reason,
                        remarks=list(remarks),
                    )
                )
            case StageDecision.REJECT:
                self.journal.announce(CaseRejected(**which, stage=from_stage, reason=reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one person stands towards some cases: read once, asked for each act."""

    desk: CaseDesk
    officer: Actor
    parts: Mapping[UUID, Mapping[str, set[str]]]
    ties: Sequence[PersonTie]
    memberships: Mapping[tuple[UUID, int], MemberStatus]
    bars: Mapping[UUID, Bar]
    """Today's, by case."""

    def refusal(self, act: Act, case: ReviewCase) -> Problem | None:
        """Return why the officer may not do something with a case now, or None."""
        try:
            self.require(act, case)
        except Problem as problem:
            return problem
        return None

    def require(self, act: Act, case: ReviewCase) -> None:
        """Refuse what the officer may not do with a case now."""
        problem = refusal(act, position_of(case), self.desk.route(case), self.officer.offices)
        if problem is not None:
            raise problem
        if act in {Act.SCORE, Act.RECUSE}:
            self._require_seat(case)
        if act in CARRIES_ON:
            self.require_not_barred(case)
        if act in _CONDUCTING:
            self.require_not_filed(case)
        if act in _PERSONAL:
            parts = self._parts(case, besides=None if act is Act.MODERATE else case.stage)
            require_apart(self.officer.sub, parts)
            self.require_untied(case)
            require_assigned(self.officer.sub, parts)
        is_endorsement = act in {Act.ENDORSE, Act.RECOMMEND}
        if is_endorsement and self.desk.stage(case).rechecks_vetoes:
            veto = self.desk.standing_vetoes(case)
            if veto is not None:
                raise veto

    def require_not_barred(self, case: ReviewCase) -> None:
        """Refuse to carry the case of an excluded enterprise on."""
        if case.id in self.bars:
            raise self.bars[case.id].refusal

    def _require_seat(self, case: ReviewCase) -> None:
        """Refuse whoever does not sit on the panel of this turn, or has scored already."""
        match self.memberships.get((case.id, case.turn)):
            case MemberStatus.CALLED:
                return
            case MemberStatus.SCORED:
                raise ScoresLocked
            case _:
                raise ReviewCaseNotFound

    def require_no_part(self, case: ReviewCase) -> None:
        """Refuse whoever filed a case, decided any stage of it, or is bound to the enterprise."""
        require_apart(self.officer.sub, self._parts(case, besides=None))
        self.require_untied(case)

    def require_not_filed(self, case: ReviewCase) -> None:
        """Refuse whoever filed a case, or is bound to the enterprise."""
        require_apart(self.officer.sub, replace(self._parts(case, besides=None), decided_by={}))
        self.require_untied(case)

    def require_untied(self, case: ReviewCase) -> None:
        """Refuse an officer who is bound to the enterprise of a case."""
        found = bound_by(
            self.officer.sub, case, self.ties, self.desk.pack(case), self.desk.clock.today()
        )
        if self.officer.uscc == case.uscc:
            found = [Text("令牌所属企业即该企业。", "Your token is the enterprise's own.")]
        if found:
            raise BoundToEnterprise(
                f"{self.officer.sub} 须回避：{''.join(one.zh for one in found)}",
                f"{self.officer.sub} has to step aside: {' '.join(one.en for one in found)}",
            )

    def _parts(self, case: ReviewCase, *, besides: str | None) -> Parts:
        """Return who has had a part in a case besides one stage.

        Whoever moderates a panel has had none in the panel, either.
        """
        decided = {
            sub: ", ".join(sorted(stages - {besides}))
            for sub, stages in self.parts.get(case.id, {}).items()
            if stages - {besides}
        }
        return Parts(filed_by=case.filed_by, decided_by=decided, assigned_to=case.assigned_to)


def bound_by(
    sub: str, case: ReviewCase, rows: Iterable[PersonTie], pack: Pack, today: date
) -> list[Text]:
    """Return what binds a person to the enterprise of a case."""
    ties = ties_for(case, rows)
    conflicts = ties_of(sub, subject_of(case), ties, pack.procedure.conflicts, today)
    return [conflict.because for conflict in conflicts]


def require_remarks(pack: Pack, decision: StageDecision, remarks: Sequence[Remark]) -> None:
    """Refuse a return that says nothing to correct, and a remark about what the pack has not."""
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


def period_of(notice: Notice) -> NoticePeriod:
    return NoticePeriod(starts_on=notice.starts_on, ends_on=notice.ends_on)


def position_of(case: ReviewCase) -> Position:
    return Position(stage=case.stage, status=case.status, phase=case.phase)


def kind_of(case: ReviewCase) -> Kind:
    return "renewal" if case.kind == "renewal" else "new"


def subject_of(case: ReviewCase, parts: Mapping[str, set[str]] | None = None) -> Subject:
    """Return a case as far as it can be somebody's reason to step aside.

    `parts` says who has decided which stage of it.
    """
    return Subject(
        uscc=case.uscc,
        division=case.division,
        field=case.facts.get("focus_field"),
        filed_by=frozenset(case.filed_by),
        decided_by=frozenset(sub for sub, stages in (parts or {}).items() if stages - {case.stage}),
    )


def ties_for(case: ReviewCase, rows: Iterable[PersonTie]) -> list[Tie]:
    """Return the ties that count for a case.

    What people say of themselves counts everywhere, and they cannot take it back. What is put down
    about somebody else counts in its own province, where a later row may say that it has ended.
    """
    own: list[PersonTie] = []
    others: dict[tuple[str, str, str], PersonTie] = {}
    for row in sorted(rows, key=lambda one: (one.declared_at, one.id)):
        if row.declared_by == row.sub:
            own.append(row)
        elif row.region is not None and row.region[:2] == case.division[:2]:
            others[row.sub, row.uscc, row.kind] = row
    return [_tie_of(row) for row in (*own, *others.values())]


def _tie_of(row: PersonTie) -> Tie:
    return Tie(
        sub=row.sub, uscc=row.uscc, kind=row.kind, from_on=row.from_on, until_on=row.until_on
    )


def effective(decisions: Collection[Decision]) -> list[Decision]:
    """Return the decisions that count, in their order."""
    return [decision for decision in decisions if decision.set_aside is None]


def which_case(case: ReviewCase) -> dict[str, Any]:
    """Return what every event about a case says of it."""
    return {
        "uscc": case.uscc,
        "region": case.division,
        "is_secret": case.is_secret,
        "case_id": case.id,
        "application_id": case.application_id,
        "title": case.title,
        "round_code": case.round_code,
    }
