"""实地核查: what inspectors found where the enterprise works."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.text import Text
from services.policy.procedure import SampleRule
from services.policy.stages import StageDecision
from services.review.desk import CaseDesk, bound_by
from services.review.lists import Errors
from services.review.models import ReviewCase, SiteVisit
from services.review.panel_repository import PanelRepository
from services.review.problems import VisitNotPossible
from services.review.workflow import Act


class CheckMade(NamedTuple):
    """What was seen of one thing that the pack has looked at."""

    check: str
    is_in_order: bool
    text: str


class VisitService:
    def __init__(self, desk: CaseDesk, panels: PanelRepository) -> None:
        self._desk = desk
        self._panels = panels

    async def record(
        self,
        case_id: UUID,
        *,
        visited_on: date,
        inspectors: Sequence[str],
        findings: Sequence[CheckMade],
        has_passed: bool,
        photographs: Sequence[UUID],
        reason: str,
        inspector: Actor,
    ) -> ReviewCase:
        """Record a visit with what was found. It endorses the case, or rejects it."""
        case = await self._desk.take(case_id, inspector)
        standing = await self._desk.standing(inspector, [case])
        standing.require(Act.VISIT, case)
        if has_passed:
            standing.require_not_barred(case)
        rule = self._desk.pack(case).sample_rule(case.stage)
        errors = [
            *self._day_errors(case, visited_on),
            *await self._people_errors(case, rule, inspectors, inspector),
            *_finding_errors(rule, findings, has_passed=has_passed),
            *await self._picture_errors(case, photographs),
        ]
        if errors:
            raise VisitNotPossible(errors=errors)
        visit = SiteVisit(
            id=new_id(),
            case_id=case.id,
            turn=case.turn,
            stage=case.stage,
            visited_on=visited_on,
            inspectors=sorted(set(inspectors)),
            findings=[one._asdict() for one in findings],
            has_passed=has_passed,
            photographs=[str(one) for one in dict.fromkeys(photographs)],
            recorded_by=inspector.sub,
            recorded_at=self._desk.clock.now(),
        )
        self._panels.add(visit)
        await self._desk.decide(
            case,
            StageDecision.ENDORSE if has_passed else StageDecision.REJECT,
            officer=inspector,
            reason=reason,
            act_id=visit.id,
            visited_on=visited_on.isoformat(),
            inspectors=visit.inspectors,
            photographs=visit.photographs,
        )
        await self._desk.session.flush()
        return case

    def _day_errors(self, case: ReviewCase, visited_on: date) -> Errors:
        today = self._desk.clock.today()
        if case.entered_on <= visited_on <= today:
            return []
        text = Text(
            f"核查日须在抽中之日 {case.entered_on} 与今天 {today} 之间。",
            f"It was made between {case.entered_on}, when it was drawn, and {today}.",
        )
        return [("/visited_on", "day_not_possible", text)]

    async def _people_errors(
        self, case: ReviewCase, rule: SampleRule, inspectors: Sequence[str], inspector: Actor
    ) -> Errors:
        errors: Errors = []
        people = set(inspectors)
        if len(people) < rule.inspectors:
            text = Text(
                f"核查人不少于 {rule.inspectors} 人。",
                f"It takes {rule.inspectors} inspectors at least.",
            )
            errors.append(("/inspectors", "too_few", text))
        if inspector.sub not in people:
            text = Text("登记人须为核查人之一。", "Who records it was one of the inspectors.")
            errors.append(("/inspectors", "recorder_missing", text))
        parts = (await self._desk.cases.parts_of([case.id])).get(case.id, {})
        ties = await self._desk.cases.ties_of(people)
        pack, today = self._desk.pack(case), self._desk.clock.today()
        for place, sub in enumerate(inspectors):
            has_part = sub in case.filed_by or parts.get(sub, set()) - {case.stage}
            if has_part or bound_by(sub, case, ties, pack, today):
                text = Text(
                    f"{sub} 填报过此件、在其他环节决定过，或与企业有利害关系。",
                    f"{sub} filed it, has decided another stage, or is bound to the enterprise.",
                )
                errors.append((f"/inspectors/{place}", "unfit", text))
        return errors

    async def _picture_errors(self, case: ReviewCase, photographs: Sequence[UUID]) -> Errors:
        known = await self._desk.cases.photograph_ids(case.id)
        text = Text("该件没有这张照片。", "The case has no such photograph.")
        return [
            (f"/photographs/{place}", "unknown", text)
            for place, one in enumerate(photographs)
            if one not in known
        ]


def _finding_errors(rule: SampleRule, findings: Sequence[CheckMade], *, has_passed: bool) -> Errors:
    errors: Errors = []
    checks = {one.id: one for one in rule.checks}
    times = Counter(one.check for one in findings)
    for place, one in enumerate(findings):
        if one.check not in checks:
            text = Text(f"没有核查项 {one.check}。", f"There is no check {one.check}.")
            errors.append((f"/findings/{place}/check", "unknown_check", text))
        elif times[one.check] > 1:
            text = Text("同一核查项登记了两次。", "The check is recorded twice.")
            errors.append((f"/findings/{place}/check", "listed_twice", text))
    for check in rule.checks:
        if check.id not in times:
            text = Text(
                f"核查项“{check.name.zh}”未登记。", f"The check {check.name.en} is missing."
            )
            errors.append(("/findings", "check_missing", text))
    if has_passed and not any(one.is_in_order for one in findings):
        text = Text("没有一项符合，不能通过。", "Nothing was in order, so it cannot pass.")
        errors.append(("/passed", "nothing_in_order", text))
    return errors
