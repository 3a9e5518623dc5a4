"""What may follow what in a review case, and who may do what when. Pure: no database, no web."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import assert_never

from services.kernel.identity.actor import Office
from services.kernel.problems import NotAllowed, Problem, SeparationOfDuties
from services.kernel.regions import is_county
from services.kernel.text import Text
from services.policy.pack import Pack
from services.policy.stages import Stage, StageDecision, StageKind
from services.review.problems import (
    ActNotAtThisStage,
    ActNotInThisPhase,
    AssignedToAnother,
    DecisionNotOffered,
    DecisionOutOfTurn,
    EnterpriseExcluded,
    OfficeNotInRoute,
    ReviewCaseNotOpen,
)


class CaseStatus(StrEnum):
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    AWAITING_NOTICE = "awaiting_notice"
    ON_NOTICE = "on_notice"
    RECOGNISED = "recognised"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Phase(StrEnum):
    """How far a stage is that more than one act leads through."""

    FORMING = "forming"
    SCORING = "scoring"
    MODERATION = "moderation"
    SAMPLING = "sampling"
    VISITING = "visiting"


NAMES = {
    CaseStatus.IN_REVIEW: Text("审核中", "in review"),
    CaseStatus.RETURNED: Text("已退回补正", "returned for correction"),
    CaseStatus.AWAITING_NOTICE: Text("待公示", "awaiting its notice"),
    CaseStatus.ON_NOTICE: Text("公示中", "on public notice"),
    CaseStatus.RECOGNISED: Text("已认定", "recognised"),
    CaseStatus.REJECTED: Text("不予认定", "rejected"),
    CaseStatus.WITHDRAWN: Text("已撤回", "withdrawn"),
}
PHASE_NAMES = {
    Phase.FORMING: Text("待组成专家组", "its panel is to be formed"),
    Phase.SCORING: Text("专家评分中", "its experts are scoring"),
    Phase.MODERATION: Text("专家分歧待复议", "its experts differ and it awaits moderation"),
    Phase.SAMPLING: Text("待抽取实地核查名单", "it may be drawn for a site visit"),
    Phase.VISITING: Text("待实地核查", "it was drawn and is to be visited"),
}
SETTLED = frozenset({CaseStatus.RECOGNISED, CaseStatus.REJECTED, CaseStatus.WITHDRAWN})


class ObjectionStatus(StrEnum):
    OPEN = "open"
    SUSTAINED = "sustained"
    DISMISSED = "dismissed"


class SetAsideCause(StrEnum):
    CORRECTION = "correction"
    """The enterprise corrected what the decision was about."""
    MISTAKE = "mistake"
    """An officer found the decision mistaken."""


class DrawPurpose(StrEnum):
    EXPERTS = "experts"
    SITE_VISITS = "site_visits"


class DrawStatus(StrEnum):
    COMMITTED = "committed"
    REVEALED = "revealed"
    ABANDONED = "abandoned"


class MemberStatus(StrEnum):
    CALLED = "called"
    SCORED = "scored"
    RECUSED = "recused"
    """Stepped back from a conflict of interest."""
    EXCUSED = "excused"
    """Taken off the panel by the office that runs it."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a case stands. `stage` is the one that it is at, or that it was returned from."""

    stage: str
    status: CaseStatus
    phase: Phase | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """The stages that a title's cases go through under their pack."""

    stages: Sequence[Stage]

    @classmethod
    def of(cls, pack: Pack, title: str, division: str) -> "Route":
        """Return a division's route: where there is no county, a county's stages are left out."""
        return cls(
            tuple(
                stage
                for stage in pack.stages_of(title)
                if stage.office != Office.COUNTY.value or is_county(division)
            )
        )

    def stage(self, stage: str) -> Stage:
        return next(one for one in self.stages if one.id == stage)

    def has(self, stage: str) -> bool:
        return any(one.id == stage for one in self.stages)

    def place_of(self, stage: str) -> int:
        return self.stages.index(self.stage(stage))

    def following(self, stage: str) -> Stage:
        """Return the next stage. A pack's route ends with a notice, which is never decided."""
        return self.stages[self.place_of(stage) + 1]


_FIRST_PHASE = {StageKind.PANEL: Phase.FORMING, StageKind.SITE_VISIT: Phase.SAMPLING}


def entering(stage: Stage) -> Position:
    """Return where a case stands that has just come to a stage."""
    if stage.kind is StageKind.NOTICE:
        return Position(stage=stage.id, status=CaseStatus.AWAITING_NOTICE)
    return Position(stage=stage.id, status=CaseStatus.IN_REVIEW, phase=_FIRST_PHASE.get(stage.kind))


def opened(route: Route) -> Position:
    """Return where a new case begins."""
    return entering(route.stages[0])


def resubmitted(position: Position, route: Route, *, resumes_at: str | None) -> Position:
    """Return where a corrected case goes on: at the stage that sent it back.

    `resumes_at` names an earlier stage that has to look again, because what it approved has
    changed; None, or a later stage, leaves it where it was.
    """
    if position.status is not CaseStatus.RETURNED:
        return position
    stage = route.stage(position.stage)
    if resumes_at is not None and route.has(resumes_at):
        stage = min(stage, route.stage(resumes_at), key=route.stages.index)
    return entering(stage)


def after(position: Position, decision: StageDecision, route: Route) -> Position:
    """Return where a decision leads. Raises a problem when none can be taken now."""
    require_open(position)
    stage = route.stage(position.stage)
    if decision not in stage.decisions:
        offered = ", ".join(stage.decisions)
        raise DecisionNotOffered(
            f"“{stage.name.zh}”环节可作的决定：{offered}。",
            f"The stage {stage.name.en} offers: {offered}.",
        )
    match decision:
        case StageDecision.ENDORSE:
            return entering(route.following(stage.id))
        case StageDecision.RETURN:
            return replace(position, status=CaseStatus.RETURNED, phase=None)
        case StageDecision.REJECT:
            return replace(position, status=CaseStatus.REJECTED, phase=None)
    assert_never(decision)


def require_open(position: Position) -> None:
    if position.status is not CaseStatus.IN_REVIEW:
        raise _not_open(position.status)


def _not_open(status: CaseStatus) -> ReviewCaseNotOpen:
    name = NAMES[status]
    return ReviewCaseNotOpen(
        f"审核件{name.zh}，现在不能这样办理。", f"The case is {name.en}; that cannot be done now."
    )


SEES_ITS_DIVISION = frozenset(
    {Office.COUNTY, Office.CITY, Office.PROVINCE, Office.DECISION_MEETING, Office.AUDITOR}
)
"""The offices that see every case of their division."""
HEARD = (Office.CITY, Office.ENTERPRISE)
"""Who may answer an objection before it is resolved."""


class Act(StrEnum):
    """What can be done with a case."""

    ENDORSE = "endorse"
    RETURN = "return"
    REJECT = "reject"
    RECOMMEND = "recommend"
    DRAW_EXPERTS = "draw_experts"
    APPOINT = "appoint"
    SCORE = "score"
    RECUSE = "recuse"
    EXCUSE = "excuse"
    MODERATE = "moderate"
    DRAW_VISITS = "draw_visits"
    PHOTOGRAPH = "photograph"
    VISIT = "visit"
    DETERMINE = "determine"
    ASSIGN = "assign"
    PUT_ON_NOTICE = "put_on_notice"
    RECOGNISE = "recognise"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRule:
    """Who may do something with a case, and when."""

    offices: frozenset[Office]
    statuses: frozenset[CaseStatus] = frozenset({CaseStatus.IN_REVIEW})
    kinds: frozenset[StageKind] | None = None
    phases: frozenset[Phase] | None = None
    is_of_the_turn: bool = False
    """Whether only the office whose turn it is may do it."""
    path: str
    """Below /api/v1, with {id} for the case."""


_DECIDING_ALONE = frozenset({Office.COUNTY, Office.CITY, Office.PROVINCE})
_PROVINCE = frozenset({Office.PROVINCE})
_PANEL = frozenset({StageKind.PANEL})
_VISIT = frozenset({StageKind.SITE_VISIT})
_CALLED = frozenset({Phase.FORMING, Phase.SCORING})
_OWN = "/review-cases/{id}"

RULES: Mapping[Act, ActRule] = {
    Act.ENDORSE: ActRule(
        offices=_DECIDING_ALONE,
        kinds=frozenset({StageKind.SCREENING}),
        is_of_the_turn=True,
        path=f"{_OWN}/decisions",
    ),
    Act.RETURN: ActRule(
        offices=_DECIDING_ALONE,
        kinds=frozenset({StageKind.SCREENING, StageKind.RECOMMENDATION}),
        is_of_the_turn=True,
        path=f"{_OWN}/decisions",
    ),
    Act.REJECT: ActRule(
        offices=_DECIDING_ALONE,
        kinds=frozenset({StageKind.SCREENING, StageKind.RECOMMENDATION}),
        is_of_the_turn=True,
        path=f"{_OWN}/decisions",
    ),
    Act.RECOMMEND: ActRule(
        offices=frozenset({Office.COUNTY, Office.CITY}),
        kinds=frozenset({StageKind.RECOMMENDATION}),
        is_of_the_turn=True,
        path="/recommendation-lists",
    ),
    Act.DRAW_EXPERTS: ActRule(
        offices=_PROVINCE, kinds=_PANEL, phases=frozenset({Phase.FORMING}), path="/draws"
    ),
    Act.APPOINT: ActRule(
        offices=_PROVINCE, kinds=_PANEL, phases=frozenset({Phase.FORMING}), path=f"{_OWN}/panel"
    ),
    Act.SCORE: ActRule(
        offices=frozenset({Office.EXPERT}), kinds=_PANEL, phases=_CALLED, path=f"{_OWN}/scores"
    ),
    Act.RECUSE: ActRule(
        offices=frozenset({Office.EXPERT}), kinds=_PANEL, phases=_CALLED, path=f"{_OWN}/recusals"
    ),
    Act.EXCUSE: ActRule(offices=_PROVINCE, kinds=_PANEL, phases=_CALLED, path=f"{_OWN}/recusals"),
    Act.MODERATE: ActRule(
        offices=_PROVINCE,
        kinds=_PANEL,
        phases=frozenset({Phase.MODERATION}),
        path=f"{_OWN}/moderation",
    ),
    Act.DRAW_VISITS: ActRule(
        offices=_PROVINCE, kinds=_VISIT, phases=frozenset({Phase.SAMPLING}), path="/draws"
    ),
    Act.PHOTOGRAPH: ActRule(
        offices=frozenset({Office.SITE_INSPECTOR}),
        kinds=_VISIT,
        phases=frozenset({Phase.VISITING}),
        path=f"{_OWN}/photographs",
    ),
    Act.VISIT: ActRule(
        offices=frozenset({Office.SITE_INSPECTOR}),
        kinds=_VISIT,
        phases=frozenset({Phase.VISITING}),
        path=f"{_OWN}/site-visits",
    ),
    Act.DETERMINE: ActRule(
        offices=frozenset({Office.DECISION_MEETING}),
        kinds=frozenset({StageKind.MEETING}),
        is_of_the_turn=True,
        path="/determinations",
    ),
    Act.ASSIGN: ActRule(
        offices=_DECIDING_ALONE | {Office.SITE_INSPECTOR, Office.DECISION_MEETING},
        kinds=frozenset(
            {
                StageKind.SCREENING,
                StageKind.RECOMMENDATION,
                StageKind.SITE_VISIT,
                StageKind.MEETING,
            }
        ),
        is_of_the_turn=True,
        path=f"{_OWN}/assignments",
    ),
    Act.PUT_ON_NOTICE: ActRule(
        offices=_PROVINCE, statuses=frozenset({CaseStatus.AWAITING_NOTICE}), path="/notices"
    ),
    Act.RECOGNISE: ActRule(
        offices=_PROVINCE,
        statuses=frozenset({CaseStatus.ON_NOTICE}),
        path="/notices/{notice_id}/recognition",
    ),
    Act.SET_ASIDE: ActRule(
        offices=_PROVINCE,
        statuses=frozenset(
            {
                CaseStatus.IN_REVIEW,
                CaseStatus.AWAITING_NOTICE,
                CaseStatus.ON_NOTICE,
                CaseStatus.REJECTED,
            }
        ),
        path=f"{_OWN}/set-asides",
    ),
}
ACT_OF = {
    StageDecision.ENDORSE: Act.ENDORSE,
    StageDecision.RETURN: Act.RETURN,
    StageDecision.REJECT: Act.REJECT,
}
ACT_NAMES = {
    Act.ENDORSE: Text("通过", "Endorse"),
    Act.RETURN: Text("退回补正", "Return for correction"),
    Act.REJECT: Text("不予通过", "Reject"),
    Act.RECOMMEND: Text("列入推荐名单", "Recommend on a list"),
    Act.DRAW_EXPERTS: Text("抽取专家", "Draw experts"),
    Act.APPOINT: Text("补聘专家", "Appoint experts"),
    Act.SCORE: Text("提交评分", "Submit scores"),
    Act.RECUSE: Text("回避", "Recuse oneself"),
    Act.EXCUSE: Text("更换专家", "Excuse an expert"),
    Act.MODERATE: Text("复议定分", "Moderate"),
    Act.DRAW_VISITS: Text("抽取核查名单", "Draw site visits"),
    Act.PHOTOGRAPH: Text("上传现场照片", "Add a photograph"),
    Act.VISIT: Text("登记实地核查", "Record a site visit"),
    Act.DETERMINE: Text("会议审定", "Determine in a meeting"),
    Act.ASSIGN: Text("转办", "Assign"),
    Act.PUT_ON_NOTICE: Text("发布公示", "Put on notice"),
    Act.RECOGNISE: Text("公布认定", "Recognise"),
    Act.SET_ASIDE: Text("撤销错误决定", "Set a decision aside"),
}


def refusal(act: Act, position: Position, route: Route, offices: Collection[str]) -> Problem | None:
    """Return why an office may not do something with a case as it stands, or None if it may."""
    rule = RULES[act]
    if not rule.offices & set(offices):
        return NotAllowed(
            f"“{ACT_NAMES[act].zh}”由以下岗位办理：{'、'.join(sorted(rule.offices))}。",
            f"{ACT_NAMES[act].en}: this is for {', '.join(sorted(rule.offices))}.",
        )
    if rule.is_of_the_turn and not any(stage.office in offices for stage in route.stages):
        return OfficeNotInRoute()
    if position.status not in rule.statuses:
        return _not_open(position.status)
    return _refusal_at(rule, act, position, route.stage(position.stage), offices)


def _refusal_at(
    rule: ActRule, act: Act, position: Position, stage: Stage, offices: Collection[str]
) -> Problem | None:
    """Return why an act is not taken at a stage, or not in its phase, or None."""
    if rule.is_of_the_turn and stage.office not in offices:
        return DecisionOutOfTurn(
            f"审核件在“{stage.name.zh}”环节，由 {stage.office} 办理。",
            f"The case is at the stage {stage.name.en}, which is for {stage.office}.",
        )
    if rule.kinds is not None and stage.kind not in rule.kinds:
        return _not_here(act, stage)
    if rule.phases is not None and position.phase not in rule.phases:
        return _not_in_phase(act, position)
    return None


def require(act: Act, position: Position, route: Route, offices: Collection[str]) -> None:
    """Refuse what an office may not do with a case as it stands."""
    problem = refusal(act, position, route, offices)
    if problem is not None:
        raise problem


_DONE_BY = {
    StageKind.RECOMMENDATION: Act.RECOMMEND,
    StageKind.SCREENING: Act.ENDORSE,
    StageKind.PANEL: Act.SCORE,
    StageKind.SITE_VISIT: Act.VISIT,
    StageKind.MEETING: Act.DETERMINE,
    StageKind.NOTICE: Act.RECOGNISE,
}


def _not_here(act: Act, stage: Stage) -> Problem:
    passed_by = _DONE_BY[stage.kind]
    return ActNotAtThisStage(
        f"“{stage.name.zh}”环节不办理“{ACT_NAMES[act].zh}”，"
        f"该环节通过“{ACT_NAMES[passed_by].zh}”完成：{RULES[passed_by].path}。",
        f"{ACT_NAMES[act].en}: not at the stage {stage.name.en},"
        f" which is passed by “{ACT_NAMES[passed_by].en}”: {RULES[passed_by].path}.",
    )


def _not_in_phase(act: Act, position: Position) -> Problem:
    name = PHASE_NAMES.get(position.phase) if position.phase is not None else None
    now = name or NAMES[position.status]
    return ActNotInThisPhase(
        f"现在{now.zh}，不能办理“{ACT_NAMES[act].zh}”。",
        f"{ACT_NAMES[act].en}: not now, {now.en}.",
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """Who has had a part in a case."""

    filed_by: Collection[str]
    decided_by: Mapping[str, str]
    """Officers and experts who decided another stage, and which."""
    assigned_to: str | None


def require_apart(sub: str, parts: Parts) -> None:
    """Refuse a person who filed the application, or who has decided another stage of it."""
    if sub in parts.filed_by:
        raise SeparationOfDuties(
            f"{sub} 是此件的填报人。", f"{sub} filed the application and decides nothing about it."
        )
    if sub in parts.decided_by:
        stage = parts.decided_by[sub]
        raise SeparationOfDuties(
            f"{sub} 已在其他环节（{stage}）对此件作出决定。",
            f"{sub} has decided another stage of this case, {stage}.",
        )


def require_assigned(sub: str, parts: Parts) -> None:
    """Refuse a turn that was handed to somebody else."""
    if parts.assigned_to is not None and parts.assigned_to != sub:
        raise AssignedToAnother(
            f"此件已转交 {parts.assigned_to} 办理；须由其办理，或先改派并说明理由。",
            f"The case was assigned to {parts.assigned_to}; assign it anew, with a reason, first.",
        )


CARRIES_ON = frozenset(
    {
        Act.ENDORSE,
        Act.RETURN,
        Act.RECOMMEND,
        Act.DRAW_EXPERTS,
        Act.APPOINT,
        Act.SCORE,
        Act.DRAW_VISITS,
        Act.PUT_ON_NOTICE,
        Act.RECOGNISE,
    }
)
"""What nobody does with the case of an excluded enterprise: it leads to recognition, or to nothing.

A return is among them. Intake takes no correction while the exclusion lasts, so that the case would
lie where nobody can end it. Moderating, a visit and a determination may reject as well: what they
come to decides whether they are refused.
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """不得申报期: a title of the enterprise was revoked for cause, and years have to pass."""

    until_on: date
    """The last day of it, as intake counts it: from the next day on the enterprise is free."""
    ground: Text
    finding_number: str | None

    def covers(self, day: date) -> bool:
        return day <= self.until_on

    @property
    def refusal(self) -> EnterpriseExcluded:
        number = self.finding_number
        return EnterpriseExcluded(
            f"该企业因“{self.ground.zh}”被撤销称号{f'（查实文号 {number}）' if number else ''}，"
            f"在 {self.until_on} 前（含当日）不得通过、公示、认定，只能不予通过。",
            f"A title of the enterprise was revoked ({self.ground.en}"
            f"{f', finding {number}' if number else ''}), and until {self.until_on} is over its"
            " case goes no further; it can be rejected.",
        )


@dataclass(frozen=True, slots=True)
class NoticePeriod:
    starts_on: date
    ends_on: date
    """The last day; it counts until its midnight in the province."""

    def is_running(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on

    def is_over(self, day: date) -> bool:
        return day > self.ends_on
