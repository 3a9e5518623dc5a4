"""The page of acts is walked: every state, every office, every act, over HTTP, on real cases."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, islice
from typing import Any, TypeVar

import httpx
from sqlalchemy import func, select

from deploy.schema import PROJECT
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Office
from services.policy.catalogue import published_catalogue
from services.policy.stages import StageKind
from services.review.act_table import (
    ALLOWED,
    EXCLUDED,
    LISTED,
    NATIONAL,
    OBJECTION_PATHS,
    OBJECTION_STATES,
    PLAN,
    STATES,
    Answer,
    ObjectionAct,
    ObjectionState,
    State,
)
from services.review.models import Draw, Objection, ReviewCase
from services.review.problems import ObjectionNotFound
from services.review.workflow import RULES, Act, CaseStatus, MemberStatus, ObjectionStatus, Phase
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.review.conftest import Review, sheet

CHECKS = published_catalogue().pack(NATIONAL).sample_rule("site_visit").checks
REMARKS = [{"fact_or_document": "total_liabilities", "text": "与审计报告不一致"}]
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01" + b"gate" * 20 + b"\xff\xd9"
FEW, MORE = ("expert-1", "expert-2"), ("expert-3", "expert-4", "expert-5", "expert-6")
SOURCE = "次日上证综合指数收盘点位"
STATEMENT = {"text": "数据来自审计报告。"}
VISITOR = "inspector-who-visited"
REGIONS = {Office.COUNTY: "520102", Office.CITY: "520100", Office.SITE_INSPECTOR: "520100"}
ELSEWHERE = {Office.COUNTY: "520103", Office.CITY: "520300", Office.SITE_INSPECTOR: "520300"}
AFTER_THE_NOTICE = date(2026, 4, 13)
"""Late enough as well for every sheet that is still awaited to be overdue."""
OBJECTION_IDS = {state.id for state in OBJECTION_STATES}
NOT_THERE = Answer(ObjectionNotFound.slug)

BEFORE_SCREENING = {"recommendation"}
AT_SCREENING = {"screening", "returned", "withdrawn"}
CONCLUDED = {
    "meeting",
    "rejected",
    "awaiting_notice",
    "on_notice_running",
    "on_notice_over",
    "on_notice_contested",
    "rejected_on_objection",
    "recognised",
}
JUDGED = CONCLUDED | {"panel_scoring", "panel_scored", "panel_moderation"}
CONTESTED = {"on_notice_contested", "rejected_on_objection"}
ON_AN_EARLIER_NOTICE = {"on_notice_over", "recognised"} | CONTESTED


PAGE = (PROJECT / "docs" / "review-actions.md").read_text("utf-8")
A = TypeVar("A", Act, ObjectionAct)
C = TypeVar("C")
T = TypeVar("T")


def rows_under(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading of the page, without the line below its head."""
    [(_, section)] = re.findall(
        rf"^(#+) .*{heading}\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE
    )
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


def cells(
    acts: Iterable[A], states: Iterable[State | ObjectionState]
) -> dict[tuple[str, A, Office | None], Answer]:
    """Return what the page says, by state, act and office; None is for who has no token."""
    state_ids = {f"{state.name.zh} · {state.name.en}": state.id for state in states}
    found: dict[tuple[str, A, Office | None], Answer] = {}
    for act in acts:
        head, *rows = rows_under(f"`{act}`")
        columns = [_offices_of(one) for one in head[1:]]
        named = {office for offices in columns for office in offices}
        for state, *answers in rows:
            for offices, said in zip(columns, answers, strict=True):
                for office in offices or set(Office) - named:
                    found[state_ids[state], act, office] = _answer_of(act, said)
    return found


def _offices_of(column: str) -> set[Office | None]:
    """Return for whom a column is; it names nobody when it is for whoever the others are not."""
    if column.endswith("no token"):
        return {None}
    return {Office(one) for one in re.findall("`(.+)`", column)}


def _answer_of(act: Act | ObjectionAct, said: str) -> Answer:
    word = said.strip("`")
    if word == "✓":
        return ALLOWED
    if "_" in word:
        return Answer(LISTED[Act(act)].slug, word)
    return Answer(word)


SAID = cells(Act, STATES)
SAID_OF_OBJECTIONS = cells(ObjectionAct, OBJECTION_STATES)


def test_the_page_has_a_cell_for_every_state_act_and_office() -> None:
    assert set(SAID) == {
        (state.id, act, office) for state in STATES for act in Act for office in Office
    }
    assert set(SAID_OF_OBJECTIONS) == {
        (state.id, act, office)
        for state in OBJECTION_STATES
        for act in ObjectionAct
        for office in (*Office, None)
    }


def test_no_status_phase_or_kind_of_stage_is_missing_from_it() -> None:
    assert {state.status for state in STATES} == set(CaseStatus)
    assert {state.phase for state in STATES} == {*Phase, None}
    assert {state.kind for state in STATES} == set(StageKind)
    assert {state.status for state in OBJECTION_STATES} == set(ObjectionStatus)


def test_every_act_is_for_somebody_in_some_state() -> None:
    assert {act for (_, act, _), said in SAID.items() if said.is_allowed} == set(Act)


async def test_whoever_may_not_act_is_refused_as_the_page_says_and_nothing_changes(
    review: Review,
) -> None:
    brought = await bring(review, {state.id: 1 for state in STATES})
    refused = {cell: said for cell, said in SAID.items() if not said.is_allowed}
    callers = {
        (state, office): caller(review, office, brought[state][0])
        for state, office in {(state, office) for state, _, office in refused}
    }
    before = await everything(review)

    found = {
        (state, act, office): answered(
            await attempt(review, act, brought[state][0], callers[state, office])
        )
        for state, act, office in refused
    }

    assert differing(found, refused) == {}
    assert await everything(review) == before


async def test_whoever_may_act_is_let_and_the_same_office_elsewhere_is_not(review: Review) -> None:
    elsewhere = {
        Act(act.rpartition(" ")[2].strip("`")): answers
        for act, *answers in rows_under("and no token")[1:]
    }
    allowed = [cell for cell, said in SAID.items() if said.is_allowed]
    brought = await bring(review, Counter(state for state, _, _ in allowed))
    found, said, unmoved = {}, {}, []

    for state, act, office in allowed:
        case = brought[state].pop()
        before = await everything(review)
        strangers = [
            answered(await attempt(review, act, case, who))
            for who in (caller(review, office, case, is_elsewhere=True), caller(review, None, case))
        ]
        assert await everything(review) == before, (state, act)
        here = await attempt(review, act, case, caller(review, office, case))
        if await everything(review) == before:
            unmoved.append((state, act, office))
        found[state, act, office] = [*strangers, answered(here)]
        said[state, act, office] = [*(_answer_of(act, one) for one in elsewhere[act]), ALLOWED]

    assert differing(found, said) == {}
    assert unmoved == []


async def test_whoever_has_no_say_in_an_objection_is_refused_and_nothing_changes(
    review: Review,
) -> None:
    raised = await raise_objections(review, dict.fromkeys(OBJECTION_IDS, 1))
    refused = {cell: said for cell, said in SAID_OF_OBJECTIONS.items() if not said.is_allowed}
    before = await everything(review)

    found = {}
    for state, act, office in refused:
        objection = raised[state][0]
        who = caller(review, office, objection.case)
        found[state, act, office] = answered(await say(review, act, objection, who))

    assert differing(found, refused) == {}
    assert await everything(review) == before


async def test_whoever_has_a_say_in_an_objection_is_heard_and_nobody_from_elsewhere(
    review: Review,
) -> None:
    allowed = [cell for cell, said in SAID_OF_OBJECTIONS.items() if said.is_allowed]
    # To object once more changes nothing about the first objection, so these share one.
    uses = Counter(state for state, act, _ in allowed if act is not ObjectionAct.OBJECT)
    raised = await raise_objections(review, {state: uses[state] + 1 for state in OBJECTION_IDS})
    found, said, unmoved = {}, {}, []

    for state, act, office in allowed:
        is_open_to_all = act is ObjectionAct.OBJECT
        objection = raised[state][0] if is_open_to_all else raised[state].pop()
        stranger = caller(review, office, objection.case, is_elsewhere=True)
        elsewhere = answered(await say(review, act, objection, stranger))
        before = await everything(review)
        here = await say(review, act, objection, caller(review, office, objection.case))
        if await everything(review) == before:
            unmoved.append((state, act, office))
        found[state, act, office] = [elsewhere, answered(here)]
        said[state, act, office] = [ALLOWED if is_open_to_all else NOT_THERE, ALLOWED]

    assert differing(found, said) == {}
    assert unmoved == []


# Requests that are right but for the state and the office


@dataclass(frozen=True)
class Case:
    """A case with all that a request about it has to name."""

    id: str
    uscc: str
    notice_id: str
    decision_id: str
    expert: str
    """Who is the expert of the table: of the panel as the state says, or a stranger to it."""
    called: str
    """The code of an expert whom the province may excuse, or else of one of the pool."""
    spare: str
    """The code of an expert who is not of the panel."""


async def attempt(review: Review, act: Act, case: Case, who: Caller) -> httpx.Response:
    """Do something with a case in somebody's name."""
    path = RULES[act].path.format(id=case.id, notice_id=case.notice_id)
    if act is Act.PHOTOGRAPH:
        return await who.post(path, content=JPEG, headers={"Content-Type": "image/jpeg"})
    return await who.post(path, json=_body(review, act, case))


def caller(
    review: Review, office: Office | None, case: Case, *, is_elsewhere: bool = False
) -> Caller:
    """Return somebody of an office who has had no part in the case but the table's, or nobody."""
    service = review.service
    match office:
        case None:
            return Caller(client=service.client, token="")
        case Office.ENTERPRISE:
            return service.caller(office, uscc=uscc_of(999) if is_elsewhere else case.uscc)
        case _ if is_elsewhere:
            region = ELSEWHERE.get(office, "530000")
            return service.caller(office, region=region, sub=f"walker-elsewhere-{office}")
        case Office.EXPERT:
            return service.caller(office, sub=case.expert)
        case Office.SITE_INSPECTOR:
            return service.caller(office, region=REGIONS[office], sub=VISITOR)
        case _:
            region = REGIONS.get(office, "520000")
            return service.caller(office, region=region, sub=f"walker-{office}")


def _body(review: Review, act: Act, case: Case) -> dict[str, Any]:
    """Return what an act is asked with, right in everything."""
    today = review.service.clock.today().isoformat()
    listed = {"round_id": review.round_of(case.id), "case_ids": [case.id]}
    document_number = "示例〔2026〕9号"
    item = {"case_id": case.id, "decision": "endorse", "reason": "同意"}
    bodies: dict[Act, dict[str, Any]] = {
        Act.ENDORSE: {"decision": "endorse", "reason": "符合条件"},
        Act.RETURN: {"decision": "return", "reason": "须补正", "remarks": REMARKS},
        Act.REJECT: {"decision": "reject", "reason": "不符合条件"},
        Act.RECOMMEND: {**listed, "document_number": document_number, "opinion": "符合推荐条件"},
        Act.DRAW_EXPERTS: {**listed, "purpose": "experts", "public_source": SOURCE},
        Act.APPOINT: {"experts": [case.spare], "reason": "抽取名单用尽"},
        Act.SCORE: sheet(),
        Act.RECUSE: {"reason": "曾为其提供咨询"},
        Act.EXCUSE: {"reason": "逾期未评", "expert": case.called},
        Act.MODERATE: {"points": "70.00", "reason": "经复议"},
        Act.DRAW_VISITS: {**listed, "purpose": "site_visits", "public_source": SOURCE},
        Act.VISIT: _visit_record(today),
        Act.DETERMINE: {
            "meeting": "厅长办公会 2026 年第 8 次",
            "held_on": today,
            "document_number": document_number,
            "items": [item],
        },
        Act.ASSIGN: {"to": "a-colleague", "reason": "休假"},
        Act.PUT_ON_NOTICE: {**listed, "starts_on": today},
        Act.RECOGNISE: {"document_number": document_number, "decided_on": today},
        Act.SET_ASIDE: {
            "decision_id": case.decision_id,
            "reason": "事实认定有误",
            "document_number": document_number,
        },
    }
    return bodies[act]


def _visit_record(today: str) -> dict[str, Any]:
    return {
        "visited_on": today,
        "inspectors": [VISITOR, "another-inspector"],
        "findings": [{"check": one.id, "is_in_order": True, "text": "相符"} for one in CHECKS],
        "passed": True,
        "reason": "现场与申报相符",
    }


def answered(response: httpx.Response) -> Answer:
    """Return what a request was answered, as the table says it."""
    if response.is_success:
        return ALLOWED
    problem = response.json()
    codes = [one["code"] for one in problem["errors"]]
    return Answer(problem["type"].rpartition("/")[2], codes[0] if codes else None)


def differing(found: Mapping[C, T], said: Mapping[C, T]) -> dict[C, tuple[T, T]]:
    """Return what was answered and what the page says, where these differ."""
    return {cell: (one, said[cell]) for cell, one in found.items() if one != said[cell]}


async def everything(review: Review) -> list[Sequence[Any]]:
    """Return the version of whatever there is, and how much was written down and announced."""
    tables = review.service.runtime.tables
    statements = [
        *(select(one.id, one.version).order_by(one.id) for one in (ReviewCase, Objection, Draw)),
        *(select(func.count()).select_from(one) for one in (tables.history, tables.outbox)),
    ]
    async with review.service.database.session() as session:
        return [(await session.execute(one)).all() for one in statements]


# Cases, wherever they are wanted


async def bring(review: Review, wanted: Mapping[str, int]) -> dict[str, list[Case]]:
    """Bring cases to each state, as many as are wanted, on the way all of them together."""
    way = Way(review, wanted)
    await way.submit()
    await way.recommend_and_screen()
    await way.draw()
    await way.score_and_visit()
    await way.determine()
    await way.publish()
    await way.exclude()
    return {state.id: [await way.arrived(one, state) for one in way.at(state)] for state in STATES}


class Way:
    """The way of many cases, each as far as it is wanted."""

    def __init__(self, review: Review, wanted: Mapping[str, int]) -> None:
        self._review = review
        self._wanted = wanted
        self._ids: dict[str, list[str]] = {}
        self._serials: dict[str, int] = {}

    def at(self, *states: State) -> list[str]:
        return [case_id for state in states for case_id in self._ids[state.id]]

    def among(self, ids: Collection[str], pack: str | None = None) -> list[str]:
        """Return the cases that are wanted in some states, or excluded in them."""
        return self.at(
            *(
                one
                for one in STATES
                if one.id.removesuffix(EXCLUDED) in ids and pack in {one.pack, None}
            )
        )

    async def submit(self) -> None:
        serials = count(1)
        for state in STATES:
            self._ids[state.id] = []
            for serial in islice(serials, self._wanted.get(state.id, 0)):
                # What waits in a city for its site visits is drawn among together, so that each of
                # these is in a round of its own.
                round_id = new_id() if state.pack == NATIONAL else None
                case_id = await self._review.submitted(serial, pack=state.pack, round_id=round_id)
                self._ids[state.id].append(case_id)
                self._serials[case_id] = serial

    async def recommend_and_screen(self) -> None:
        beyond = {state.id.removesuffix(EXCLUDED) for state in STATES} - BEFORE_SCREENING
        if listed := self.among(beyond, PLAN):
            done(await self._review.recommend(*listed))
        for case_id in self.among(beyond, NATIONAL):
            done(await self._review.recommend(case_id))
        for case_id in self.among(beyond - AT_SCREENING):
            done(await self._review.decide(case_id))
        for case_id in self.among({"returned"}):
            done(await self._review.decide(case_id, decision="return", remarks=REMARKS))
        for case_id in self.among({"withdrawn"}):
            await self._review.withdrawn(self._serials[case_id])

    async def draw(self) -> None:
        """Draw for some while the pool is too small, and for the others when it has grown."""
        draws = []
        for pool, states in ((FEW, {"panel_short"}), (MORE, JUDGED)):
            await self._review.pool(*pool)
            if listed := self.among(states):
                draws.append(await self._review.committed(*listed))
        # Of one case that is drawn alone, all are drawn.
        draws += [
            await self._review.committed(case_id, purpose="site_visits")
            for case_id in self.among({"visiting", "visited"})
        ]
        clock = self._review.service.clock
        clock.move_to_day(clock.today() + timedelta(days=1))
        for draw in draws:
            done(await self._review.revealed(done(draw)["id"]))
        if listed := self.among({"panel_drawing"}):
            done(await self._review.committed(*listed))
        for case_id in self.among({"visit_drawing"}):
            done(await self._review.committed(case_id, purpose="site_visits"))

    async def score_and_visit(self) -> None:
        for case_id in self.among({"panel_scored"}):
            done(await self._review.score(case_id, (await self._review.called(case_id))[0]))
        for case_id in self.among({"panel_moderation"}):
            await self._review.scored(case_id, (40, 70, 100))
            await self._review.scored(case_id, (55,))
        for case_id in self.among(CONCLUDED):
            await self._review.scored(case_id)
        inspector = self._review.officer("site_inspector", "520100", sub=VISITOR)
        for case_id in self.among({"visited"}):
            record = _visit_record(self._review.service.clock.today().isoformat())
            done(await inspector.post(f"/review-cases/{case_id}/site-visits", json=record))

    async def determine(self) -> None:
        if listed := self.among(CONCLUDED - {"meeting", "rejected"}):
            done(await self._review.determine(*listed))
        if listed := self.among({"rejected"}):
            done(await self._review.determine(*listed, decision="reject"))

    async def publish(self) -> None:
        """Put each case on a notice of its own; time goes on until the first of these are over."""
        clock = self._review.service.clock
        for case_id in self.among(ON_AN_EARLIER_NOTICE):
            notice = await self._review.on_notice(case_id, starts_on=clock.today().isoformat())
            if case_id in self.among(CONTESTED):
                uscc = uscc_of(self._serials[case_id])
                objection = await object_to(self._review, notice["id"], uscc)
                if case_id in self.among({"rejected_on_objection"}):
                    await hear(self._review, objection, uscc)
                    await resolve(self._review, objection, is_sustained=True)
        clock.move_to_day(AFTER_THE_NOTICE)
        for case_id in self.among({"on_notice_running"}):
            await self._review.on_notice(case_id, starts_on=clock.today().isoformat())
        for case_id in self.among({"recognised"}):
            notice_id = (await self._review.case(case_id))["notice_id"]
            recognition = {"document_number": "示例〔2026〕9号", "decided_on": str(clock.today())}
            done(
                await self._review.province.post(
                    f"/notices/{notice_id}/recognition", json=recognition
                )
            )

    async def exclude(self) -> None:
        for case_id in self.at(*(state for state in STATES if state.is_excluded)):
            await self._review.excluded(self._serials[case_id])

    async def arrived(self, case_id: str, state: State) -> Case:
        """Read a case that is where its state says, and who is on its panel."""
        case = await self._review.case(case_id)
        position = state.position
        where = (case["stage"], case["status"], case["phase"])
        assert where == (position.stage, position.status, position.phase), state.id
        members = (await self._review.panel(case_id)).get("members", [])
        by_status = {
            status: [one["expert"] for one in members if one["status"] == status]
            for status in MemberStatus
        }
        codes = self._review.codes
        subs = {code: sub for sub, code in codes.items()}
        seated = [one["expert"] for one in members]
        called = by_status[MemberStatus.CALLED]
        return Case(
            id=case_id,
            uscc=case["uscc"],
            notice_id=case["notice_id"] or str(new_id()),
            decision_id=case["decisions"][-1]["id"] if case["decisions"] else str(new_id()),
            expert=subs[by_status[state.expert][0]] if state.expert else "expert-of-no-panel",
            called=called[-1] if called else codes[FEW[0]],
            spare=next(code for code in codes.values() if code not in seated),
        )


def done(response: httpx.Response) -> dict[str, Any]:
    """Return the answer to an act on the way that is not in question."""
    assert response.is_success, response.text
    return dict(response.json())


# Objections


@dataclass(frozen=True)
class Raised:
    id: str
    case: Case


async def raise_objections(review: Review, wanted: Mapping[str, int]) -> dict[str, list[Raised]]:
    """Raise objections and bring them to each state, as many as are wanted."""
    cases = await bring(
        review,
        {
            # One that is sustained ends its case, on which nothing else is to depend.
            "on_notice_running": 1 + wanted["sustained"],
            "on_notice_contested": wanted["silent"],
        },
    )
    running = cases["on_notice_running"]
    raised: dict[str, list[Raised]] = {state: [] for state in OBJECTION_IDS}
    for state in OBJECTION_IDS - {"silent"}:
        for _ in range(wanted[state]):
            case = running.pop() if state == "sustained" else running[0]
            objection_id = await object_to(review, case.notice_id, case.uscc)
            if state != "open":
                await hear(review, objection_id, case.uscc)
            if state in {"sustained", "dismissed"}:
                await resolve(review, objection_id, is_sustained=state == "sustained")
            raised[state].append(Raised(objection_id, case))
    for case in cases["on_notice_contested"]:
        listed = done(await review.province.get(f"/objections?notice_id={case.notice_id}"))["items"]
        raised["silent"] += [Raised(one["id"], case) for one in listed]
    return raised


async def say(review: Review, act: ObjectionAct, raised: Raised, who: Caller) -> httpx.Response:
    """Object once more, answer an objection or resolve it, in somebody's name."""
    bodies = {
        ObjectionAct.OBJECT: _objection(raised.case.uscc),
        ObjectionAct.STATE: STATEMENT,
        ObjectionAct.RESOLVE: {"sustained": False, "reason": "查无实据"},
    }
    path = OBJECTION_PATHS[act].format(id=raised.id, notice_id=raised.case.notice_id)
    return await who.post(path, json=bodies[act])


async def object_to(review: Review, notice_id: str, uscc: str) -> str:
    """Object to an enterprise as a citizen. Return the objection's identifier."""
    path = f"/api/v1/public/notices/{notice_id}/objections"
    filed = done(await review.service.anyone().post(path, json=_objection(uscc)))
    return str(filed["id"])


def _objection(uscc: str) -> dict[str, Any]:
    return {
        "uscc": uscc,
        "objector": {"kind": "person", "name": "王明", "contact": "0851-00000000"},
        "facts": "该企业年度营业收入与纳税申报不一致。",
        "evidence": ["纳税申报表复印件"],
    }


async def hear(review: Review, objection_id: str, uscc: str) -> None:
    """Let both answer an objection."""
    city = review.officer("city_office", "520100")
    enterprise = review.service.caller("enterprise", uscc=uscc)
    for speaker in (city, enterprise):
        done(await speaker.post(f"/objections/{objection_id}/statements", json=STATEMENT))


async def resolve(review: Review, objection_id: str, *, is_sustained: bool) -> None:
    resolution = {"sustained": is_sustained, "reason": "经核查"}
    done(await review.province.post(f"/objections/{objection_id}/resolution", json=resolution))
