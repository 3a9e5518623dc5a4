"""专家评审: who sits on the panel of a case, what they give, and what it comes to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from uuid import UUID

from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office
from services.kernel.problems import SeparationOfDuties
from services.kernel.text import Text
from services.policy.procedure import ConflictRule, PanelRule, TieKind
from services.policy.stages import StageDecision
from services.review.conflicts import Expert as PoolExpert
from services.review.conflicts import Subject, Tie, conflicts_of
from services.review.desk import CaseDesk, subject_of, ties_for
from services.review.models import (
    DrawLot,
    Expert,
    PanelMember,
    PanelResult,
    PersonTie,
    ReviewCase,
    ScoreSheet,
)
from services.review.panel import (
    Need,
    SheetItem,
    check_sheet,
    has_passed,
    moderated_within,
    progress,
    sheet_total,
    spread,
)
from services.review.panel_repository import PanelRepository
from services.review.problems import (
    ExpertNotFound,
    ExpertNotLate,
    ExpertUnfit,
    ModerationOutOfRange,
    PanelIsDrawn,
    ScoresIncomplete,
)
from services.review.ties import put_down
from services.review.workflow import Act, MemberStatus, Phase

SEES_PANELS = (Office.PROVINCE, Office.DECISION_MEETING, Office.AUDITOR)
"""The offices that learn who judged a case and how, once every sheet is in."""
SEATED = frozenset({MemberStatus.CALLED, MemberStatus.SCORED})


@dataclass(frozen=True, slots=True)
class PanelSeen:
    """What a reader may see of a case's panels."""

    case: ReviewCase
    rule: PanelRule | None
    members: Sequence[PanelMember]
    sheets: Sequence[ScoreSheet]
    results: Sequence[PanelResult]
    experts: Mapping[str, Expert]


class PanelService:
    def __init__(self, desk: CaseDesk, panels: PanelRepository) -> None:
        self._desk = desk
        self._panels = panels

    def rule(self, of: ReviewCase) -> PanelRule:
        return self._desk.pack(of).panel_rule(of.stage)

    async def seating(self, cases: Sequence[ReviewCase]) -> "Seating":
        """Read once what it takes to seat the panels of many cases that were drawn for together."""
        return Seating(
            experts={one.code: one for one in await self._panels.everybody()},
            ties=await self._panels.ties_with({case.uscc for case in cases}),
            parts=await self._desk.cases.parts_of([case.id for case in cases]),
        )

    def seat(self, case: ReviewCase, lot: DrawLot, seating: "Seating") -> list[str]:
        """Call the first experts of a ranking for a turn that has none yet. Return their codes."""
        fitness = Fitness(
            subject=subject_of(case, seating.parts.get(case.id)),
            ties=ties_for(case, [tie for tie in seating.ties if tie.uscc == case.uscc]),
            rule=self._desk.pack(case).procedure.conflicts,
            today=self._desk.clock.today(),
        )
        ranked = (seating.experts.get(code) for code in lot.ranking or [])
        fit = (one for one in ranked if one is not None and fitness.unfit(one) is None)
        called = list(islice(fit, lot.seats))
        for expert in called:
            self._call(case, expert, "draw", draw_id=lot.draw_id)
        case.phase = Phase.SCORING if len(called) == lot.seats else Phase.FORMING
        case.updated_at = self._desk.clock.now()
        return [one.code for one in called]

    async def fill(self, case: ReviewCase, because: str) -> list[str]:
        """Call the next experts of the draw until every seat is taken. Return their codes.

        Whoever has left the pool, or has come to be bound to the enterprise, is passed over. Where
        the draw has no more, the panel stays incomplete until experts are appointed.
        """
        lot = await self._panels.drawn_lot(case)
        members = await self._panels.members(case)
        seats = await self._seats(case)
        missing = seats - sum(one.status in SEATED for one in members)
        called: list[str] = []
        if lot is not None and missing > 0:
            met = {one.expert for one in members}
            by_code = await self._panels.experts_coded(lot.ranking or [])
            fitness = await self._fitness(case)
            for code in lot.ranking or []:
                expert = by_code.get(code)
                if len(called) == missing:
                    break
                if expert is None or expert.sub in met or fitness.unfit(expert):
                    continue
                self._call(case, expert, because, draw_id=lot.draw_id)
                called.append(code)
        case.phase = Phase.SCORING if len(called) >= missing else Phase.FORMING
        case.updated_at = self._desk.clock.now()
        await self._desk.session.flush()
        return called

    async def appoint(
        self, case_id: UUID, *, codes: Sequence[str], reason: str, officer: Actor
    ) -> ReviewCase:
        """Appoint experts to a panel that the draw could not fill."""
        case = await self._desk.take(case_id, officer)
        await self._desk.require(Act.APPOINT, case, officer)
        await self._require_no_hand_in_the_draw(case, officer)
        members = await self._panels.members(case)
        by_code = await self._panels.experts_coded(codes)
        fitness = await self._fitness(case)
        missing = await self._seats(case) - sum(one.status in SEATED for one in members)
        met = {one.expert for one in members}
        errors = []
        for place, code in enumerate(codes):
            expert = by_code.get(code)
            wrong: tuple[str, Text] | None = None
            if expert is None or expert.region != officer.region:
                # Another province's expert could be neither excused nor changed from here.
                wrong = "unknown", Text("专家库中没有此人。", "The pool has no such expert.")
            elif expert.sub in met or code in codes[:place]:
                wrong = "called_before", Text("已被列入过。", "Was called before.")
            elif officer.sub in {expert.registered_by, expert.changed_by}:
                wrong = (
                    "own_entry",
                    Text(
                        "由您登记或变更，须由他人聘请。",
                        "You put this expert in the pool; somebody else appoints.",
                    ),
                )
            elif place >= missing:
                wrong = (
                    "panel_full",
                    Text(f"只缺 {missing} 人。", f"Only {missing} seats are empty."),
                )
            else:
                wrong = fitness.unfit(expert)
            if wrong is not None:
                errors.append((f"/experts/{place}", *wrong))
        if errors:
            raise ExpertUnfit(errors=errors)
        for code in codes:
            self._call(case, by_code[code], "appointment", draw_id=None)
        case.phase = Phase.SCORING if len(codes) == missing else Phase.FORMING
        case.updated_at = self._desk.clock.now()
        await self._desk.session.flush()
        self._desk.record(case, "experts_appointed", officer, reason=reason, experts=list(codes))
        return case

    async def score(
        self, case_id: UUID, *, items: Sequence[SheetItem], expert: Actor
    ) -> ReviewCase:
        """Take an expert's points, with a reason for each. They are locked from now on.

        With the last sheet the panel concludes: it endorses or rejects by the pack's aggregation,
        calls one more expert where the points lie too far apart, or awaits moderation.
        """
        case = await self._desk.take(case_id, expert)
        await self._desk.require(Act.SCORE, case, expert)
        rule = self.rule(case)
        errors = check_sheet(rule, items)
        if errors:
            raise ScoresIncomplete(errors=errors)
        await self._require_fit(case, expert.sub)
        given = [
            {"indicator": indicator, "points": f"{points:f}", "reason": reason}
            for indicator, points, reason in items
        ]
        sheet_id = new_id()
        sheet = ScoreSheet(
            id=sheet_id,
            case_id=case.id,
            turn=case.turn,
            stage=case.stage,
            expert=expert.sub,
            items=given,
            total=sheet_total(items),
            sha256=_sealed(sheet_id, given),
            submitted_at=self._desk.clock.now(),
        )
        self._panels.add(sheet)
        member = await self._member(case, expert.sub)
        member.status = MemberStatus.SCORED
        await self._desk.session.flush()
        # Who scored is written down now, and what only as its hash: the panel is still blind.
        self._desk.record(case, "scored", expert, sheet_sha256=sheet.sha256)
        await self._go_on(case, rule, expert)
        return case

    async def _go_on(self, case: ReviewCase, rule: PanelRule, expert: Actor) -> None:
        totals = [one.total for one in await self._panels.sheets(case.id, case.turn)]
        now = progress(rule, totals)
        match now.need:
            case Need.SHEETS if now.is_alarmed:
                called = await self.fill(case, "alarm")
                # How far apart they are would tell the next expert what the others gave.
                self._desk.record(case, "spread_alarm", expert, experts=called)
            case Need.SHEETS:
                return
            case Need.MODERATION:
                case.phase = Phase.MODERATION
                case.updated_at = self._desk.clock.now()
                await self._desk.session.flush()
                # A later panel of the case reads its history, and is not to know how this one differed.
                self._desk.record(case, "moderation_needed", expert)
            case Need.NOTHING if now.points is not None and now.spread is not None:
                # A sheet that was left out counts neither for the points nor for the spread.
                await self._conclude(case, rule, totals, now.points, expert, apart=now.spread)

    async def moderate(
        self, case_id: UUID, *, points: Decimal, reason: str, officer: Actor
    ) -> ReviewCase:
        """Settle what the experts differ about, within what they gave, and say why."""
        case = await self._desk.take(case_id, officer)
        standing = await self._desk.standing(officer, [case])
        standing.require(Act.MODERATE, case)
        totals = [one.total for one in await self._panels.sheets(case.id, case.turn)]
        if not moderated_within(totals, points):
            raise ModerationOutOfRange(
                f"专家评分在 {min(totals)} 与 {max(totals)} 之间。",
                f"The experts gave from {min(totals)} to {max(totals)}.",
            )
        rule = self.rule(case)
        if has_passed(rule, points):
            standing.require_not_barred(case)
        await self._conclude(
            case,
            rule,
            totals,
            points,
            officer,
            apart=spread(totals),
            moderation_reason=reason,
        )
        return case

    async def _conclude(
        self,
        case: ReviewCase,
        rule: PanelRule,
        totals: Sequence[Decimal],
        points: Decimal,
        actor: Actor,
        *,
        apart: Decimal,
        moderation_reason: str | None = None,
    ) -> None:
        is_passed = has_passed(rule, points)
        self._panels.add(
            PanelResult(
                case_id=case.id,
                turn=case.turn,
                points=points,
                pass_at_least=rule.pass_at_least,
                spread=apart,
                sheets=len(totals),
                aggregation=rule.aggregation,
                has_passed=is_passed,
                moderated_by=None if moderation_reason is None else actor.sub,
                moderation_reason=moderation_reason,
                concluded_at=self._desk.clock.now(),
            )
        )
        said = f"专家评审 {points} 分，合格线 {rule.pass_at_least} 分。" + (
            f"复议：{moderation_reason}" if moderation_reason else ""
        )
        await self._desk.decide(
            case,
            StageDecision.ENDORSE if is_passed else StageDecision.REJECT,
            officer=actor,
            reason=said,
            points=str(points),
            pass_at_least=str(rule.pass_at_least),
            sheets=len(totals),
            is_moderated=moderation_reason is not None,
        )
        await self._desk.session.flush()

    async def recuse(
        self, case_id: UUID, *, reason: str, kind: TieKind | None, expert: Actor
    ) -> ReviewCase:
        """Let an expert step aside; the next of the draw takes the seat.

        The kind of tie, where one is named, keeps the expert off this enterprise's later panels too.
        """
        case = await self._desk.take(case_id, expert)
        await self._desk.require(Act.RECUSE, case, expert)
        member = await self._member(case, expert.sub)
        member.status = MemberStatus.RECUSED
        member.ended_because = reason
        if kind is not None:
            put_down(
                self._panels,
                self._desk.journal,
                self._desk.clock,
                sub=expert.sub,
                uscc=case.uscc,
                kind=kind,
                note=reason,
                by=expert,
            )
        await self._desk.session.flush()
        called = await self.fill(case, "replacement")
        self._desk.record(
            case,
            "recused",
            expert,
            reason=reason,
            tie=None if kind is None else kind.value,
            replaced_by=called,
        )
        return case

    async def excuse(self, case_id: UUID, *, code: str, reason: str, officer: Actor) -> ReviewCase:
        """Take an expert off a panel who has not scored, such as one who never answers."""
        case = await self._desk.take(case_id, officer)
        await self._desk.require(Act.EXCUSE, case, officer)
        expert = await self._panels.expert(code, officer)
        if expert is None:
            raise ExpertNotFound
        member = await self._member(case, expert.sub)
        await self._require_no_hand_in_the_draw(case, officer)
        is_late = case.due_on is not None and case.due_on < self._desk.clock.today()
        if not is_late and (await self._fitness(case)).unfit(expert) is None:
            raise ExpertNotLate(
                f"评分截止 {case.due_on}（含当日），且未发现须回避的情形。",
                f"The sheet is due on {case.due_on}, and nothing binds the expert.",
            )
        if officer.sub == expert.changed_by:
            raise SeparationOfDuties
        member.status = MemberStatus.EXCUSED
        member.ended_because = reason
        await self._desk.session.flush()
        called = await self.fill(case, "replacement")
        self._desk.record(
            case, "expert_excused", officer, reason=reason, expert=code, replaced_by=called
        )
        return case

    async def seen_by(self, case: ReviewCase, reader: Actor) -> PanelSeen:
        """Return what a reader may see of a case's panels.

        Sheets are blind until every one of their turn is in; an expert sees no other's, ever.
        """
        sheets: Sequence[ScoreSheet] = await self._panels.sheets(case.id)
        members: Sequence[PanelMember] = []
        if reader.holds(*SEES_PANELS) and not is_blind(case, reader):
            members = await self._panels.every_member(case.id)
            if case.phase in {Phase.FORMING, Phase.SCORING}:
                sheets = [one for one in sheets if one.turn != case.turn]
        else:
            sheets = [
                one for one in sheets if reader.holds(Office.EXPERT) and one.expert == reader.sub
            ]
        subs = {one.expert for one in members} | {one.expert for one in sheets}
        rules = {rule.stage: rule for rule in self._desk.pack(case).procedure.panels}
        panel = [stage.id for stage in self._desk.route(case).stages if stage.id in rules]
        return PanelSeen(
            case=case,
            rule=rules[panel[0]] if panel else None,
            members=members,
            sheets=sheets,
            results=[] if is_blind(case, reader) else await self._desk.cases.panel_results(case.id),
            experts=await self._panels.experts_named(subs),
        )

    async def _require_no_hand_in_the_draw(self, case: ReviewCase, officer: Actor) -> None:
        """Refuse to change a panel that was not drawn, and whoever drew it."""
        lot = await self._panels.drawn_lot(case)
        draw = None if lot is None else await self._panels.draw(lot.draw_id, officer)
        if draw is None:
            raise PanelIsDrawn("请先抽取专家。", "Draw its experts first.")
        if officer.sub in {draw.committed_by, draw.ended_by}:
            raise SeparationOfDuties(
                "更换、补聘专家须由承诺人和揭示人以外的人办理。",
                "Whoever made a draw changes nothing about the panel that came of it.",
            )

    async def _seats(self, case: ReviewCase) -> int:
        totals = [one.total for one in await self._panels.sheets(case.id, case.turn)]
        return progress(self.rule(case), totals).seats

    async def _member(self, case: ReviewCase, sub: str) -> PanelMember:
        for member in await self._panels.members(case):
            if member.expert == sub and member.status is MemberStatus.CALLED:
                return member
        raise ExpertNotFound(
            "该专家不在专家组，或已评分。", "That expert is not on the panel, or has scored."
        )

    async def _fitness(self, case: ReviewCase) -> "Fitness":
        parts = await self._desk.cases.parts_of([case.id])
        return Fitness(
            subject=subject_of(case, parts.get(case.id)),
            ties=ties_for(case, await self._panels.ties_with([case.uscc])),
            rule=self._desk.pack(case).procedure.conflicts,
            today=self._desk.clock.today(),
        )

    async def _require_fit(self, case: ReviewCase, sub: str) -> None:
        """Refuse an expert who has left the pool since the call, or has come to be bound."""
        expert = (await self._panels.experts_named([sub]))[sub]
        found = (await self._fitness(case)).unfit(expert)
        if found is not None:
            raise ExpertUnfit(found[1].zh, found[1].en)

    def _call(
        self, case: ReviewCase, expert: Expert, because: str, *, draw_id: UUID | None
    ) -> None:
        self._panels.add(
            PanelMember(
                id=new_id(),
                case_id=case.id,
                turn=case.turn,
                expert=expert.sub,
                draw_id=draw_id,
                called_because=because,
                called_at=self._desk.clock.now(),
                status=MemberStatus.CALLED,
                ended_because=None,
            )
        )


def is_blind(case: ReviewCase, reader: Actor) -> bool:
    """Whether a reader is still to judge a case, and may not know how it was judged before."""
    is_judging = case.phase in {Phase.FORMING, Phase.SCORING}
    return is_judging and reader.holds(Office.EXPERT)


def _sealed(sheet_id: UUID, items: Sequence[Mapping[str, str]]) -> str:
    """Return the hash by which history seals a sheet while its panel is blind.

    The sheet's own identifier is part of it, and is shown with the sheet alone: or else points could be
    found by trying, and equal sheets would show.
    """
    content = {"id": str(sheet_id), "items": items}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Seating:
    """What is known of everybody when the panels of a draw are seated."""

    experts: Mapping[str, Expert]
    ties: Sequence[PersonTie]
    parts: Mapping[UUID, Mapping[str, set[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """Whether experts may judge one case: read once, asked for each of them."""

    subject: Subject
    ties: Sequence[Tie]
    rule: ConflictRule
    today: date

    def unfit(self, expert: Expert) -> tuple[str, Text] | None:
        """Return why an expert cannot be called, as code and sentence, or None."""
        if not expert.is_active:
            return "inactive", Text("已停用。", "No longer active.")
        return self.conflict(expert)

    def conflict(self, expert: Expert) -> tuple[str, Text] | None:
        found = conflicts_of(pool_expert(expert), self.subject, self.ties, self.rule, self.today)
        return (found[0].code, found[0].because) if found else None


def pool_expert(row: Expert) -> PoolExpert:
    return PoolExpert(
        sub=row.sub,
        code=row.code,
        employer_uscc=row.employer_uscc,
        fields=frozenset(row.fields),
        division=row.division,
        is_active=row.is_active,
    )
