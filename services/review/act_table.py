"""Every state of a case × every office × every act: what the platform answers. Pure.

`workflow.refusal` says what a state and an office allow. Added here is what it does not know: whom a
route lets in, who sees the case, and what was drawn, scored, decided or put on notice by then.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from services.kernel.identity.actor import Office
from services.kernel.problems import NotAllowed, NotAuthenticated, Problem
from services.kernel.text import Text
from services.policy.catalogue import published_catalogue
from services.policy.stages import StageKind
from services.review.problems import (
    CasesNotReadyForDraw,
    CasesNotReadyForList,
    CasesNotReadyForNotice,
    DecisionNotFound,
    EnterpriseExcluded,
    ExpertNotFound,
    HearingNotOver,
    NothingToRecognise,
    NoticeNotFound,
    NoticeNotRunning,
    NoticeStillRunning,
    ObjectionNotFound,
    ObjectionResolvedAlready,
    PanelIsDrawn,
    ReviewCaseNotFound,
    ScoresLocked,
    StatementGiven,
    VisitNotAwaited,
)
from services.review.workflow import (
    ACT_NAMES,
    CARRIES_ON,
    HEARD,
    RULES,
    SEES_ITS_DIVISION,
    Act,
    CaseStatus,
    DrawStatus,
    MemberStatus,
    ObjectionStatus,
    Phase,
    Position,
    Route,
    refusal,
)

PLAN = "guizhou/2021-05-06"
NATIONAL = "national/2026-04-01"
TITLE = "srdi_sme"
DIVISION = "520102"
"""The enterprise's: a county of 贵阳. Each office is the one in whose division that lies."""


class Notice(StrEnum):
    """How far the notice is that a case was put on."""

    RUNNING = "running"
    OVER = "over"


class Answer(NamedTuple):
    """What an act is answered: a refusal by its slug, or nothing where it is done."""

    slug: str | None
    code: str | None = None
    """Of a list, what is wrong with its one case: `errors[].code`."""

    @property
    def is_allowed(self) -> bool:
        return self.slug is None

    @property
    def shown(self) -> str:
        return f"`{self.code or self.slug}`" if self.slug else "✓"


ALLOWED = Answer(slug=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a case stands, and what has happened there that decides who may go on with it."""

    id: str
    name: Text
    kind: StageKind
    status: CaseStatus = CaseStatus.IN_REVIEW
    phase: Phase | None = None
    pack: str = PLAN
    expert: MemberStatus | None = None
    """How the expert of the table stands on the case's panel; None for one who is not of it."""
    is_visited: bool = False
    """Whether the inspector of the table has recorded a visit."""
    draw: DrawStatus | None = None
    """How far the draw of this stage is."""
    notice: Notice | None = None
    is_contested: bool = False
    is_excluded: bool = False
    """Whether a title of the enterprise was revoked, and its years of exclusion last."""

    @property
    def route(self) -> Route:
        return _route(self.pack)

    @property
    def position(self) -> Position:
        stage = next(one for one in self.route.stages if one.kind is self.kind)
        return Position(stage=stage.id, status=self.status, phase=self.phase)

    @property
    def is_decided(self) -> bool:
        """Whether there is a decision: a case that was just submitted has none."""
        return self.position.stage != self.route.stages[0].id


@cache
def _route(pack: str) -> Route:
    return Route.of(published_catalogue().pack(pack), TITLE, DIVISION)


_UNHINDERED: Sequence[State] = (
    State(
        id="recommendation",
        name=Text("市州推荐（首次提交）", "City recommendation, just submitted"),
        kind=StageKind.RECOMMENDATION,
    ),
    State(
        id="screening",
        name=Text("省级审核", "Provincial screening"),
        kind=StageKind.SCREENING,
    ),
    State(
        id="panel_forming",
        name=Text("专家评审：未抽取", "Panel: nobody drawn yet"),
        kind=StageKind.PANEL,
        phase=Phase.FORMING,
    ),
    State(
        id="panel_drawing",
        name=Text("专家评审：抽取已承诺、未揭示", "Panel: a draw is committed to"),
        kind=StageKind.PANEL,
        phase=Phase.FORMING,
        draw=DrawStatus.COMMITTED,
    ),
    State(
        id="panel_short",
        name=Text("专家评审：抽取用尽仍缺人", "Panel: drawn, and still short"),
        kind=StageKind.PANEL,
        phase=Phase.FORMING,
        draw=DrawStatus.REVEALED,
        expert=MemberStatus.CALLED,
    ),
    State(
        id="panel_scoring",
        name=Text("专家评审：评分中", "Panel: scoring"),
        kind=StageKind.PANEL,
        phase=Phase.SCORING,
        draw=DrawStatus.REVEALED,
        expert=MemberStatus.CALLED,
    ),
    State(
        id="panel_scored",
        name=Text("专家评审：评分中，该专家已评分", "Panel: scoring, this expert has scored"),
        kind=StageKind.PANEL,
        phase=Phase.SCORING,
        draw=DrawStatus.REVEALED,
        expert=MemberStatus.SCORED,
    ),
    State(
        id="panel_moderation",
        name=Text("专家评审：待复议", "Panel: moderation"),
        kind=StageKind.PANEL,
        phase=Phase.MODERATION,
        draw=DrawStatus.REVEALED,
        expert=MemberStatus.SCORED,
    ),
    State(
        id="visit_sampling",
        name=Text("实地核查：未抽取", "Site visit: not drawn yet"),
        kind=StageKind.SITE_VISIT,
        phase=Phase.SAMPLING,
        pack=NATIONAL,
    ),
    State(
        id="visit_drawing",
        name=Text("实地核查：抽取已承诺、未揭示", "Site visit: a draw is committed to"),
        kind=StageKind.SITE_VISIT,
        phase=Phase.SAMPLING,
        pack=NATIONAL,
        draw=DrawStatus.COMMITTED,
    ),
    State(
        id="visiting",
        name=Text("实地核查：已抽中", "Site visit: drawn"),
        kind=StageKind.SITE_VISIT,
        phase=Phase.VISITING,
        pack=NATIONAL,
        draw=DrawStatus.REVEALED,
    ),
    State(
        id="meeting",
        name=Text("审定（经专家评审）", "Meeting, after a panel"),
        kind=StageKind.MEETING,
        expert=MemberStatus.SCORED,
    ),
    State(
        id="visited",
        name=Text("审定（经实地核查）", "Meeting, after a site visit"),
        kind=StageKind.MEETING,
        pack=NATIONAL,
        is_visited=True,
    ),
    State(
        id="returned",
        name=Text("已退回补正（省级审核退回）", "Returned by the screening"),
        kind=StageKind.SCREENING,
        status=CaseStatus.RETURNED,
    ),
    State(
        id="withdrawn",
        name=Text("已撤回（省级审核时）", "Withdrawn during the screening"),
        kind=StageKind.SCREENING,
        status=CaseStatus.WITHDRAWN,
    ),
    State(
        id="rejected",
        name=Text("不予认定（会议审定）", "Rejected by the meeting"),
        kind=StageKind.MEETING,
        status=CaseStatus.REJECTED,
        expert=MemberStatus.SCORED,
    ),
    State(
        id="awaiting_notice",
        name=Text("待公示", "Awaiting its notice"),
        kind=StageKind.NOTICE,
        status=CaseStatus.AWAITING_NOTICE,
        expert=MemberStatus.SCORED,
    ),
    State(
        id="on_notice_running",
        name=Text("公示中", "On notice, while it runs"),
        kind=StageKind.NOTICE,
        status=CaseStatus.ON_NOTICE,
        expert=MemberStatus.SCORED,
        notice=Notice.RUNNING,
    ),
    State(
        id="on_notice_over",
        name=Text("公示期满", "On notice, when it is over"),
        kind=StageKind.NOTICE,
        status=CaseStatus.ON_NOTICE,
        expert=MemberStatus.SCORED,
        notice=Notice.OVER,
    ),
    State(
        id="on_notice_contested",
        name=Text("公示期满，异议未处理", "On notice, over, with an open objection"),
        kind=StageKind.NOTICE,
        status=CaseStatus.ON_NOTICE,
        expert=MemberStatus.SCORED,
        notice=Notice.OVER,
        is_contested=True,
    ),
    State(
        id="rejected_on_objection",
        name=Text("不予认定（异议成立）", "Rejected on an objection"),
        kind=StageKind.NOTICE,
        status=CaseStatus.REJECTED,
        expert=MemberStatus.SCORED,
        notice=Notice.OVER,
    ),
    State(
        id="recognised",
        name=Text("已认定", "Recognised"),
        kind=StageKind.NOTICE,
        status=CaseStatus.RECOGNISED,
        expert=MemberStatus.SCORED,
        notice=Notice.OVER,
    ),
)

EXCLUDED = "_excluded"
"""What is added to the id of a state for a case that came to it and whose enterprise is excluded."""
_HINDERED = frozenset(
    {
        "recommendation",
        "screening",
        "panel_forming",
        "panel_scoring",
        "panel_moderation",
        "visit_sampling",
        "visiting",
        "meeting",
        "awaiting_notice",
        "on_notice_over",
    }
)
STATES: Sequence[State] = (
    *_UNHINDERED,
    *(
        replace(
            state,
            id=f"{state.id}{EXCLUDED}",
            name=Text(f"{state.name.zh}，企业不得申报", f"{state.name.en}, excluded"),
            is_excluded=True,
        )
        for state in _UNHINDERED
        if state.id in _HINDERED
    ),
)

LISTED: dict[Act, type[Problem]] = {
    Act.RECOMMEND: CasesNotReadyForList,
    Act.DETERMINE: CasesNotReadyForList,
    Act.DRAW_EXPERTS: CasesNotReadyForDraw,
    Act.DRAW_VISITS: CasesNotReadyForDraw,
    Act.PUT_ON_NOTICE: CasesNotReadyForNotice,
}
"""Acts on a list of cases, and how the list is refused for one of them."""


def answer(act: Act, state: State, office: Office, *, is_elsewhere: bool = False) -> Answer:
    """Return what an office is answered that does something with a case in a state.

    `is_elsewhere` is for the same office of another division, or an expert of no panel of the case.
    """
    if office not in admitted(act):
        return Answer(NotAllowed.slug)
    if act is Act.RECOGNISE:
        return _answer(NoticeNotFound if is_elsewhere else _unrecognisable(state))
    if is_elsewhere or not _sees(office, state):
        return _listed(act, "not_in_round") or Answer(ReviewCaseNotFound.slug)
    problem = (
        refusal(act, state.position, state.route, {office})
        or _barred(act, state)
        or _unready(act, state)
    )
    if problem is None:
        return ALLOWED
    if act is Act.PHOTOGRAPH:
        return Answer(VisitNotAwaited.slug)
    return _listed(act, problem.slug.replace("-", "_")) or Answer(problem.slug)


def admitted(act: Act) -> frozenset[Office]:
    """Return the offices that an act's route lets in: those of every act that has the same route."""
    return frozenset(
        office for rule in RULES.values() if rule.path == RULES[act].path for office in rule.offices
    )


def _answer(problem: type[Problem] | None) -> Answer:
    return ALLOWED if problem is None else Answer(problem.slug)


def _listed(act: Act, code: str) -> Answer | None:
    return Answer(LISTED[act].slug, code) if act in LISTED else None


def _sees(office: Office, state: State) -> bool:
    match office:
        case Office.EXPERT:
            return state.expert is not None
        case Office.SITE_INSPECTOR:
            return state.phase is Phase.VISITING or state.is_visited
        case _:
            return office in SEES_ITS_DIVISION


_TRIED_TO_CARRY_ON = frozenset({Act.MODERATE, Act.VISIT, Act.DETERMINE})
"""What may reject as well, and is tried here with an outcome that does not."""


def _barred(act: Act, state: State) -> type[Problem] | None:
    carries_on = act in CARRIES_ON | _TRIED_TO_CARRY_ON
    return EnterpriseExcluded if state.is_excluded and carries_on else None


def _unready(act: Act, state: State) -> type[Problem] | None:
    """Return what is missing for an act that the state as such takes."""
    is_drawn = state.draw is DrawStatus.REVEALED
    match act:
        case Act.DRAW_EXPERTS | Act.DRAW_VISITS if state.draw is not None:
            return CasesNotReadyForDraw
        case Act.APPOINT if not is_drawn:
            return PanelIsDrawn
        case Act.EXCUSE if not is_drawn:
            return ExpertNotFound
        case Act.SCORE | Act.RECUSE if state.expert is MemberStatus.SCORED:
            return ScoresLocked
        case Act.SET_ASIDE if not state.is_decided:
            return DecisionNotFound
        case _:
            return None


def _unrecognisable(state: State) -> type[Problem] | None:
    match state.notice:
        case None:
            return NoticeNotFound
        case Notice.RUNNING:
            return NoticeStillRunning
        case Notice.OVER if state.is_contested or state.is_excluded:
            return NothingToRecognise
        case Notice.OVER if state.status is not CaseStatus.ON_NOTICE:
            return NothingToRecognise
        case Notice.OVER:
            return None


class ObjectionAct(StrEnum):
    OBJECT = "object"
    STATE = "state"
    RESOLVE = "resolve"


OBJECTION_ACT_NAMES = {
    ObjectionAct.OBJECT: Text("再提异议", "Object once more"),
    ObjectionAct.STATE: Text("答复异议", "Answer an objection"),
    ObjectionAct.RESOLVE: Text("处理异议", "Resolve an objection"),
}
OBJECTION_PATHS = {
    ObjectionAct.OBJECT: "/public/notices/{notice_id}/objections",
    ObjectionAct.STATE: "/objections/{id}/statements",
    ObjectionAct.RESOLVE: "/objections/{id}/resolution",
}
_MAY = {
    ObjectionAct.STATE: frozenset(HEARD),
    ObjectionAct.RESOLVE: frozenset({Office.PROVINCE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionState:
    id: str
    name: Text
    status: ObjectionStatus = ObjectionStatus.OPEN
    notice: Notice = Notice.RUNNING
    is_answered: bool = False
    """Whether both the city and the enterprise have answered."""
    is_late: bool = False
    """Whether the days for an answer are over."""


ANYBODY: Sequence[Office | None] = (*Office, None)
"""Every office, and who has no token."""
OBJECTION_STATES: Sequence[ObjectionState] = (
    ObjectionState(
        id="open",
        name=Text("未处理，答复期内", "Open, may still be answered"),
    ),
    ObjectionState(
        id="heard",
        name=Text("未处理，双方已答复", "Open, both have answered"),
        is_answered=True,
    ),
    ObjectionState(
        id="silent",
        name=Text("未处理，公示与答复期满而无答复", "Open, notice and days over, nobody answered"),
        notice=Notice.OVER,
        is_late=True,
    ),
    ObjectionState(
        id="sustained",
        name=Text("异议成立", "Sustained"),
        status=ObjectionStatus.SUSTAINED,
        is_answered=True,
    ),
    ObjectionState(
        id="dismissed",
        name=Text("异议不成立", "Dismissed"),
        status=ObjectionStatus.DISMISSED,
        is_answered=True,
    ),
)


def objection_answer(
    act: ObjectionAct, state: ObjectionState, office: Office | None, *, is_elsewhere: bool = False
) -> Answer:
    """Return what an office is answered, or None for anybody without a token, about an objection.

    `is_elsewhere` is for the same office of another division, or another enterprise.
    """
    if act is ObjectionAct.OBJECT:
        return _answer(None if state.notice is Notice.RUNNING else NoticeNotRunning)
    if office is None:
        return Answer(NotAuthenticated.slug)
    if office not in _MAY[act]:
        return Answer(NotAllowed.slug)
    return _answer(ObjectionNotFound if is_elsewhere else _settled(act, state))


def _settled(act: ObjectionAct, state: ObjectionState) -> type[Problem] | None:
    if state.status is not ObjectionStatus.OPEN:
        return ObjectionResolvedAlready
    if act is ObjectionAct.STATE:
        return StatementGiven if state.is_answered else None
    return None if state.is_answered or state.is_late else HearingNotOver


# As a page

_OFFICE_NAMES = {
    Office.ENTERPRISE: "企业",
    Office.COUNTY: "县级",
    Office.CITY: "市州",
    Office.PROVINCE: "省级",
    Office.EXPERT: "专家",
    Office.SITE_INSPECTOR: "核查人员",
    Office.DECISION_MEETING: "审定会议",
    Office.FINANCE: "财政",
    Office.DISBURSEMENT: "拨付",
    Office.AUDITOR: "审计",
    Office.EVALUATOR: "评估",
    Office.ADMINISTRATOR: "管理员",
}
_EXPERTS = {
    None: Text("不在专家组", "not on the panel"),
    MemberStatus.CALLED: Text("在专家组、未评分", "called, has not scored"),
    MemberStatus.SCORED: Text("已评分", "has scored"),
}
_INTRODUCTION = """\
# 审核办理表 · Who may do what with a case, and what everybody else is answered

由 `make contract` 从代码生成，请勿手改；每一格都由测试经接口核对。
Written from the code by `make contract`, never by hand; a test walks every cell over HTTP.

- ✓ 准予办理；其余为拒绝的类型，即 `/problems/` 之后的名称。请求内容在其他方面均正确。
  ✓ is done; anything else is the `type` of the refusal, after `/problems/`. What is sent is right otherwise.
- 各岗位均为企业所在辖区（该县、该市州、该省）的岗位，令牌具有全部权限范围；经办人未参与该件其他环节，也未被转办排除；
  未提交的评分均已逾期。
  Each office is that of the enterprise's own county, city or province, and its token has every scope. Who acts has had
  no other part in the case or its draw, and the case is assigned to nobody. Every sheet that is awaited is overdue.
- 专家是哪一位，见状态表；核查人员即登记核查的人，只见已抽中待核查的和本人核查过的审核件。
  Which expert it is, the table of states says. The inspector is the one who records the visit, and sees a case that is
  drawn for a visit and one that it has visited.
- 推荐、审定、抽取、公示一次办理一份名单（表中名单只有该件），拒绝的是整份名单：`cases-not-ready-for-list`、
  `-draw` 或 `-notice`。表中以下划线书写的，是 `errors[].code` 就该件所述的原因；看不见的审核件为 `not_in_round`。
  Recommendations, determinations, draws and notices take a list, here of this one case, and the list is refused as
  `cases-not-ready-for-list`, `-draw` or `-notice`. What is written with underscores is what `errors[].code` says of the
  case; one that the caller does not see is `not_in_round`.
- 企业不得申报，指其称号因虚假申报或违法违规被撤销、规定年限未满。此时复议、核查登记、会议审定均以通过试之；
  结论为不予通过的照常办理。
  Excluded is a case whose enterprise lost a title for cause, while the years last that bar it. Moderation, visit and
  determination are tried with an outcome that lets the case pass; one that rejects it is done.
- 在任何状态下都答以 `not-allowed` 的岗位合并为最后一列。
  Offices that are answered `not-allowed` in every state share the last column.
"""
_ELSEWHERE = """\
## 外辖区与无令牌 · Another division's office, and no token

本辖区的岗位可以办理时，外辖区的同一岗位、不在该件专家组的专家和无令牌者得到的答复。
What the same office of another division is answered where the act is open to this one's, or an expert who is not on the
panel, or anybody without a token.
"""
_OBJECTIONS = """\
## 异议 · Objections

企业指被提异议的企业，市州指其所在市州。提出异议不看令牌，只看公示是否在进行。外辖区的同一岗位、其他企业答复或处理异议，
得到 `objection-not-found`。
The enterprise is the one that was objected to, and the city is its own. Objecting looks at no token and asks only
whether the notice runs. The same office of another division, or another enterprise, that answers or resolves an
objection is answered `objection-not-found`.
"""


def markdown() -> str:
    """Return the whole table as a page."""
    strangers = [
        (_named(ACT_NAMES[act], act), [_elsewhere(act), Answer(NotAuthenticated.slug)])
        for act in Act
    ]
    lines = [
        _INTRODUCTION,
        "## 状态 · States\n",
        *_table(
            ["状态 State", "政策包 Pack", "环节 Stage", "状态 Status", "专家 Expert"],
            [_described(state) for state in STATES],
        ),
        *(line for act in Act for line in _act_section(act)),
        _ELSEWHERE,
        *_table(
            ["办理 Act", "外辖区 Elsewhere", "无令牌 No token"],
            [[name, *(one.shown for one in answers)] for name, answers in strangers],
        ),
        _OBJECTIONS,
        *(line for act in ObjectionAct for line in _objection_section(act)),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _described(state: State) -> list[str]:
    words = (state.status, state.phase) if state.phase else (state.status,)
    return [
        _both(state.name),
        f"`{state.pack}`",
        f"`{state.kind}`",
        " ".join(f"`{word}`" for word in words),
        _both(_EXPERTS[state.expert]),
    ]


def _act_section(act: Act) -> Iterator[str]:
    yield f"## {_named(ACT_NAMES[act], act)}\n"
    refused_as = f"，拒绝为 refused as `{LISTED[act].slug}`" if act in LISTED else ""
    yield f"`POST /api/v1{RULES[act].path}`{refused_as}\n"
    yield from _by_office(
        {state.name: {office: answer(act, state, office) for office in Office} for state in STATES}
    )


def _elsewhere(act: Act) -> Answer:
    return answer(act, STATES[0], min(admitted(act)), is_elsewhere=True)


def _objection_section(act: ObjectionAct) -> Iterator[str]:
    yield f"### {_named(OBJECTION_ACT_NAMES[act], act)}\n"
    yield f"`POST /api/v1{OBJECTION_PATHS[act]}`\n"
    yield from _by_office(
        {
            state.name: {one: objection_answer(act, state, one) for one in ANYBODY}
            for state in OBJECTION_STATES
        }
    )


def _by_office(rows: Mapping[Text, Mapping[Office | None, Answer]]) -> Iterator[str]:
    """Return a table of states by offices; offices that are never let in share the last column."""
    refused = Answer(NotAllowed.slug)
    offices = list(next(iter(rows.values())))
    let_in = [one for one in offices if any(answers[one] != refused for answers in rows.values())]
    others = [refused.shown] if len(let_in) < len(offices) else []
    yield from _table(
        [
            "状态 State",
            *(_office(one) for one in let_in),
            *("其余岗位 Every other office" for _ in others),
        ],
        [
            [_both(name), *(answers[one].shown for one in let_in), *others]
            for name, answers in rows.items()
        ],
    )


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(heading)
    yield _row(["---"] * len(heading))
    yield from map(_row, rows)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _office(office: Office | None) -> str:
    return "无令牌 no token" if office is None else f"{_OFFICE_NAMES[office]} `{office}`"


def _named(name: Text, identifier: StrEnum) -> str:
    return f"{_both(name)} `{identifier}`"


def _both(text: Text) -> str:
    return f"{text.zh} · {text.en}"
