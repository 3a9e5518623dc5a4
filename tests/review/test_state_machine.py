"""Offices, enterprises and the public in any order, sensible or not: what has to hold of a case does.

A refusal changes nothing, and after everything that succeeds the whole of what review keeps about the
cases is read from the database and held against what must be true of it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.engine import URL

from services.contracts.applications import ApplicationSubmitted, ApplicationWithdrawn
from services.contracts.registry import RecognitionRevoked
from services.kernel.identifiers import new_id
from services.kernel.problems import PROBLEM_MEDIA_TYPE
from services.policy.catalogue import published_catalogue
from services.policy.stages import StageKind
from services.review import consumers
from services.review.workflow import Route
from tests.builders.enterprises import PACK, facts_of, uscc_of
from tests.builders.services import Caller, RunningService, create_review, running_service
from tests.review.conftest import NATIONAL, TODAY, Review, revoked, sheet

Row = dict[str, Any]
State = dict[str, list[Row]]

CITIES = ("520100", "520300")
DIVISIONS = ("520102", "520100", "520302", "520303")
PACKS = (PACK, NATIONAL)
LONG_AGO = "2010-01-01"
MOST_CASES = 6
FIELD, ANOTHER_FIELD = "advanced_equipment", "new_building_materials"
POOL = {
    "expert-0": ("530100", FIELD),
    "expert-1": ("530100", FIELD),
    "expert-2": ("530100", FIELD),
    "expert-3": ("530100", ANOTHER_FIELD),
    "expert-4": ("530100", ANOTHER_FIELD),
    "expert-5": ("520100", FIELD),
    "expert-6": ("520300", FIELD),
}
"""Experts by sub, with place and field: two from the cities of the applicants, two to be appointed."""
OFFICES = (
    "county_office",
    "city_office",
    "provincial_office",
    "decision_meeting",
    "site_inspector",
    "expert",
    "auditor",
)
EVENTS_OF = {
    "cn.srdi.case.received.v1": ("received",),
    "cn.srdi.case.advanced.v1": ("decided:endorse",),
    "cn.srdi.case.returned.v1": ("decided:return",),
    "cn.srdi.case.rejected.v1": ("decided:reject", "rejected_on_objection"),
    "cn.srdi.case.restored.v1": ("set_aside",),
    "cn.srdi.case.put_on_notice.v1": ("put_on_notice",),
    "cn.srdi.case.recognised.v1": ("recognised",),
}
"""What is told of a case, and what was done when it is."""
ACTS = {
    "decisions",
    "determinations",
    "draws",
    "notices",
    "objections",
    "recognition",
    "recommendation-lists",
    "resolution",
    "reveal",
    "scores",
    "set-asides",
    "site-visits",
}
"""What has to succeed in any run at all, by the last word of its address; the rest comes by chance."""
CLOSING = ("recognised", "rejected_on_objection")
"""Acts of the office for a whole notice, or on somebody's objection: no stage's own decision."""

# What the database has about the cases of two rounds, each part by what it belongs to.
_CASES = "IN (SELECT id FROM mine)"
_PARTS = {
    "cases": ("review_cases", f"id {_CASES}", "id"),
    "decisions": ("decisions", f"case_id {_CASES}", "decided_at, id"),
    "set_asides": ("set_asides", f"case_id {_CASES}", "id"),
    "assignments": ("assignments", f"case_id {_CASES}", "id"),
    "members": ("panel_members", f"case_id {_CASES}", "called_at, id"),
    "sheets": ("score_sheets", f"case_id {_CASES}", "id"),
    "results": ("panel_results", f"case_id {_CASES}", "case_id, turn"),
    "visits": ("site_visits", f"case_id {_CASES}", "id"),
    "objections": ("objections", f"case_id {_CASES}", "id"),
    "listed": ("recommendation_items", f"case_id {_CASES}", "list_id, rank"),
    "lists": ("recommendation_lists", "round_id = ANY(:rounds)", "id"),
    "notices": ("notices", "round_id = ANY(:rounds)", "id"),
    "draws": ("draws", "round_id = ANY(:rounds)", "id"),
    "lots": (
        "draw_lots",
        "draw_id IN (SELECT id FROM review.draws WHERE round_id = ANY(:rounds))",
        "draw_id, lot",
    ),
    "statements": (
        "objection_statements",
        f"objection_id IN (SELECT id FROM review.objections WHERE case_id {_CASES})",
        "objection_id, office",
    ),
    "ties": ("ties", "uscc IN (SELECT uscc FROM mine)", "id"),
    "experts": ("experts", "true", "sub"),
    "head": ("journal_head", "true", "id"),
    "history": (
        "history",
        "position > :since AND subject_type = 'review_case'",
        "position",
    ),
    "events": ("outbox", "position > :events_since", "position"),
}
_LOOK = text(
    "WITH mine AS (SELECT id, uscc FROM review.review_cases WHERE round_id = ANY(:rounds))"
    " SELECT json_build_object("
    + ", ".join(
        f"'{name}', (SELECT coalesce(json_agg(to_jsonb(t) - 'facts' - 'documents'"
        f" ORDER BY {order}), '[]') FROM review.{table} t WHERE {which})"
        for name, (table, which, order) in _PARTS.items()
    )
    + ")::text"
)


@dataclass
class World:
    """One running review service for every example, on a loop of its own."""

    runner: asyncio.Runner
    service: RunningService
    codes: dict[str, str] = field(default_factory=dict)
    """Experts in the pool: code by sub."""
    serials: int = 0
    done: Counter[str] = field(default_factory=Counter)
    """How often each act succeeded, by the last word of its address."""
    callers: dict[tuple[str | None, ...], Caller] = field(default_factory=dict)

    def caller(self, office: str, sub: str, *, region: str | None, uscc: str | None) -> Caller:
        key = (office, sub, region, uscc)
        if key not in self.callers:
            self.callers[key] = self.service.caller(office, sub=sub, region=region, uscc=uscc)
        return self.callers[key]

    def ask(self, caller: Caller | None, method: str, path: str, **request: Any) -> httpx.Response:
        if caller is None:
            client = self.service.anyone()
            return self.runner.run(client.request(method, f"/api/v1{path}", **request))
        return self.runner.run(caller.ask(method, path, **request))

    def look(self, **where: Any) -> State:
        async def look() -> str:
            async with self.service.database.session() as session:
                return str(await session.scalar(_LOOK, where))

        return cast("State", json.loads(self.runner.run(look())))

    def fill_the_pool(self) -> None:
        keeper = self.caller("provincial_office", "pool-keeper", region="520000", uscc=None)
        for sub in POOL:
            answer = self.ask(keeper, "POST", "/experts", json={"sub": sub, **_expert(sub)})
            assert answer.status_code == 201, answer.text
            self.codes[sub] = answer.json()["code"]


def _expert(sub: str, **changed: Any) -> Row:
    division, of_field = POOL[sub]
    return {
        "name": "示例专家",
        "employer": "示例大学",
        "employer_uscc": None,
        "fields": [of_field],
        "division": division,
        "is_active": True,
        **changed,
    }


def objection_to(uscc: str) -> Row:
    return {
        "uscc": uscc,
        "objector": {"kind": "person", "name": "李举报", "contact": "0851-86891234"},
        "facts": "所报收入与年报不符",
        "evidence": ["年报第 12 页"],
    }


@cache
def route(pack: str, division: str) -> Mapping[str, StageKind]:
    """Return a route's stages with their kinds, in their order."""
    of = Route.of(published_catalogue().pack(pack), "srdi_sme", division)
    return {stage.id: stage.kind for stage in of.stages}


def kind_at(case: Row) -> StageKind:
    return route(case["policy_pack"], case["division"])[case["stage"]]


def city_of(case: Row) -> str:
    return f"{case['division'][:4]}00"


N = st.integers(0, 11)
"""Whom or what an act is about: counted through whatever there is."""
SOME = st.lists(N, min_size=1, max_size=4)
SENSIBLE = st.sampled_from((True, True, True, False))
DECISION = st.sampled_from(("endorse", "endorse", "return", "reject"))
SHARE = st.sampled_from((80, 80, 75, 50, 20, 100))
CHANGE = st.sampled_from(("nothing", "immaterial", "material", "secret", "not secret", "moved"))


QUARREL = st.fixed_dictionaries(
    {
        "objects": st.sampled_from((True, True, True, False)),
        "depth": st.sampled_from((1, 1, 2, 3)),
        "goes": st.sampled_from(("on", "back", "nowhere")),
        "verdict": st.sampled_from((True, True, False, None)),
        "is_restored": st.booleans(),
        "change": CHANGE,
    }
)


class Offices(RuleBasedStateMachine):
    """Everybody who has to do with the cases of two rounds, one under each pack."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.rounds = {pack: new_id() for pack in PACKS}
        self.facts: dict[str, Row] = {}
        """What each application says, by its id."""
        self.excluded: dict[str, date] = {}
        """Until when enterprises are excluded, by their code."""
        world.service.clock.move_to_day(TODAY)
        head = world.look(rounds=[], since=0, events_since=0)["head"][0]
        self.since = {
            "rounds": list(self.rounds.values()),
            "since": head["history_position"],
            "events_since": head["event_position"],
        }
        self.state = self.look()

    # How anything is done

    def look(self) -> State:
        return self.world.look(**self.since)

    @property
    def today(self) -> date:
        return self.world.service.clock.today()

    def person(self, office: str, number: int, region: str = "520000") -> Caller:
        """Return an officer; a few persons hold every office, one after the other."""
        sub = f"{office}-{region}-{number}" if number < 8 else f"official-{number}"
        if office == "expert":
            sub = f"expert-{number % len(POOL)}"
        return self.world.caller(office, sub, region=region, uscc=None)

    def officer(self, case: Row, office: str, number: int) -> Caller:
        """Return an officer in charge of a case: whoever it was assigned to, if anybody."""
        region = city_of(case) if office == "city_office" else "520000"
        if case["assigned_to"] is not None:
            return self.world.caller(office, case["assigned_to"], region=region, uscc=None)
        return self.person(office, number, region)

    def act(self, who: Caller | None, path: str, body: Row | None, method: str = "POST") -> bool:
        """Do something in somebody's name. Return whether it was done."""
        before = self.state
        answer = self.world.ask(who, method, path, json=body)
        self.state = self.look()
        assert answer.status_code < 500, answer.text
        if answer.is_success:
            self.examine(before, self.state)
            self.world.done[path.rpartition("/")[2]] += 1
            return True
        assert answer.headers["Content-Type"] == PROBLEM_MEDIA_TYPE
        assert answer.json()["type"].startswith("/problems/")
        assert self.state == before, f"a refusal changed something: {answer.text}"
        return False

    def deliver(
        self,
        event: ApplicationSubmitted | ApplicationWithdrawn | RecognitionRevoked,
        source: str = "applications",
    ) -> None:
        before = self.state
        self.world.runner.run(self.world.service.deliver(source, event))
        self.state = self.look()
        self.examine(before, self.state)

    def pick(self, number: int, part: str = "cases", **having: Any) -> Row | None:
        """Return one of what there is, counting on from the first again after the last."""
        found = [
            row
            for row in self.state[part]
            if all(row[name] == value for name, value in having.items())
        ]
        return found[number % len(found)] if found else None

    def some(self, numbers: Sequence[int], *, is_ready: bool, **having: Any) -> list[Row]:
        """Return some cases, those in a given state alone where they are to be ready."""
        found = [self.pick(one, **(having if is_ready else {})) for one in numbers]
        listed = {one["id"]: one for one in found if one is not None}
        if is_ready:
            # A list is of one pack; what is secret of whatever else goes with what is not.
            first = next(iter(listed.values()), None)
            listed = {
                one["id"]: one
                for one in listed.values()
                if first is not None and one["policy_pack"] == first["policy_pack"]
            }
        return list(listed.values())

    def due(self, number: int, *, sensible: bool, **having: Any) -> Row | None:
        """Return a case that an act is for, or any for a senseless one; where none is, let one go on."""
        if not sensible:
            return self.pick(number)
        found = self.pick(number, **having)
        if found is None:
            self.carry_on(number, 4)
        return found

    def of(self, case: Row, part: str) -> list[Row]:
        return [one for one in self.state[part] if one["case_id"] == case["id"]]

    def again(self, case: Row) -> Row:
        """Return a case as it is now."""
        return next(one for one in self.state["cases"] if one["id"] == case["id"])

    # The enterprise

    @initialize(depths=st.lists(st.sampled_from((1, 4, 8, 14, 14)), min_size=2, max_size=3))
    def begin(self, depths: list[int]) -> None:
        """Begin with cases that have come some way, so that every act finds one that is due."""
        for number, depth in enumerate(depths):
            self.submit(number, is_national=number == 1, is_secret=number == 2, filers=[])
            case = self.pick(number)
            if case is not None:
                self.carry_on(self.state["cases"].index(case), depth)

    @rule(
        n=N,
        is_national=st.booleans(),
        is_secret=st.booleans(),
        filers=st.lists(N, max_size=1),
    )
    def submit(self, n: int, *, is_national: bool, is_secret: bool, filers: list[int]) -> None:
        if len(self.state["cases"]) >= MOST_CASES:
            return
        self.world.serials += 1
        pack = NATIONAL if is_national else PACK
        self.announce(
            application_id=new_id(),
            number=1,
            pack=pack,
            filers=filers,
            facts=facts_of(
                self.world.serials,
                DIVISIONS[n % len(DIVISIONS)],
                is_secret_involved=is_secret,
            ),
        )

    @rule(n=N, is_secret=st.booleans())
    def apply_again(self, n: int, *, is_secret: bool) -> None:
        """Let an enterprise whose case ended without recognition file another application."""
        found = [
            one
            for one in self.state["cases"]
            if one["status"] in {"rejected", "withdrawn"} and not self.stands_elsewhere(one)
        ]
        if not found or len(self.state["cases"]) >= MOST_CASES:
            return
        case = found[n % len(found)]
        facts = self.facts[case["application_id"]]
        self.announce(
            application_id=new_id(),
            number=1,
            pack=case["policy_pack"],
            filers=[],
            facts=facts | {"is_secret_involved": is_secret},
        )

    def stands_elsewhere(self, case: Row) -> bool:
        return any(
            one["uscc"] == case["uscc"] and one["status"] not in {"rejected", "withdrawn"}
            for one in self.state["cases"]
        )

    @rule(n=N, change=CHANGE, filers=st.lists(N, max_size=1), is_late=st.booleans())
    def resubmit(self, n: int, *, change: str, filers: list[int], is_late: bool) -> None:
        """Send a corrected application; a late one crosses with what review did meanwhile."""
        returned = self.pick(n, status="returned")
        if returned is None or is_late:
            crossed = [one for one in self.state["cases"] if self.was_rejected_while_returned(one)]
            returned = crossed[n % len(crossed)] if crossed else returned
        if returned is None:
            return
        facts = dict(self.facts[returned["application_id"]])
        match change:
            case "immaterial":
                facts["own_products"] = f"示例产品{n}"
            case "material":
                facts["employees"] = 100 + returned["submission_number"]
            case "secret":
                facts["is_secret_involved"] = True
            case "not secret":
                facts["is_secret_involved"] = False
            case "moved":
                facts["applying_division"] = DIVISIONS[n % len(DIVISIONS)]
        self.announce(
            application_id=UUID(returned["application_id"]),
            number=returned["submission_number"] + 1,
            pack=returned["policy_pack"],
            filers=filers,
            facts=facts,
        )

    def was_rejected_while_returned(self, case: Row) -> bool:
        rows = [one for one in self.state["history"] if one["subject_id"] == case["id"]]
        return [one["data"]["status"] for one in rows[-2:]] == ["returned", "rejected"]

    def announce(
        self, *, application_id: UUID, number: int, pack: str, filers: list[int], facts: Row
    ) -> None:
        self.facts[str(application_id)] = facts
        self.deliver(
            ApplicationSubmitted(
                uscc=facts["uscc"],
                region=facts["applying_division"],
                is_secret=facts["is_secret_involved"],
                application_id=application_id,
                submission_number=number,
                submitted_on=self.today,
                round_id=self.rounds[pack],
                round_code=f"2026-{pack[:3]}",
                kind="new",
                title="srdi_sme",
                policy_pack=pack,
                legal_name=facts["legal_name"],
                facts=facts,
                facts_sha256="0" * 64,
                titles_held=[],
                filed_by=tuple(f"official-{8 + one % 4}" for one in filers),
            )
        )

    @rule(n=N)
    def withdraw(self, n: int) -> None:
        case = self.pick(n)
        if case is None or n % 3:
            return
        self.deliver(
            ApplicationWithdrawn(
                uscc=case["uscc"],
                region=case["division"],
                is_secret=case["is_secret"],
                application_id=UUID(case["application_id"]),
                round_code=case["round_code"],
                title=case["title"],
                reason="经营调整",
            )
        )

    @rule(n=N, days=st.sampled_from((0, 2, 9)))
    def exclude(self, n: int, days: int) -> None:
        """Let the registry revoke a title of the enterprise for cause."""
        case = self.pick(n)
        if case is None or n % 3:
            return
        until = self.today + timedelta(days=days)
        self.deliver(
            revoked(
                1, until, uscc=case["uscc"], region=case["division"], is_secret=case["is_secret"]
            ),
            "registry",
        )
        self.excluded[case["uscc"]] = max(until, self.excluded.get(case["uscc"], until))

    # City, province and whom they hand a case to

    @rule(city=st.sampled_from(CITIES), numbers=SOME, who=N, sensible=SENSIBLE)
    def recommend(self, city: str, numbers: list[int], who: int, *, sensible: bool) -> None:
        cases = self.some(
            numbers, is_ready=sensible, status="in_review", stage="city_recommendation"
        )
        if sensible:
            cases = [one for one in cases if city_of(one) == city]
            if not cases:
                self.carry_on(numbers[0], 1)
        self.sign(self.person("city_office", who, city), cases)

    def sign(self, who: Caller, cases: Sequence[Row]) -> bool:
        return bool(cases) and self.act(
            who,
            "/recommendation-lists",
            {
                "round_id": cases[0]["round_id"],
                "case_ids": [one["id"] for one in cases],
                "document_number": "筑工信〔2026〕8号",
                "opinion": "符合推荐条件",
            },
        )

    @rule(n=N, decision=DECISION, who=N, office=st.sampled_from(OFFICES), sensible=SENSIBLE)
    def decide(self, n: int, decision: str, who: int, office: str, *, sensible: bool) -> None:
        case = self.due(n, sensible=sensible, status="in_review")
        if case is None:
            return
        own = "city_office" if case["stage"] == "city_recommendation" else "provincial_office"
        officer = self.officer(case, own, who) if sensible else self.person(office, who)
        self.decide_alone(officer, case, decision)

    def decide_alone(self, who: Caller, case: Row, decision: str) -> bool:
        remarks = [{"fact_or_document": "employees", "text": "请核对从业人数"}]
        return self.act(
            who,
            f"/review-cases/{case['id']}/decisions",
            {
                "decision": decision,
                "reason": "依据方案办理",
                "remarks": remarks if decision == "return" else [],
            },
        )

    @rule(n=N, to=N, who=N, hands_back=st.booleans())
    def assign(self, n: int, to: int, who: int, *, hands_back: bool) -> None:
        case = self.pick(n, status="in_review")
        if case is None or case["office"] is None:
            return
        office = str(case["office"])
        region = city_of(case) if office == "city_office" else "520000"
        receiver = f"{office}-{region}-{to}" if to < 8 else f"official-{to}"
        self.act(
            self.person(office, who, region),
            f"/review-cases/{case['id']}/assignments",
            {"to": None if hands_back else receiver, "reason": "工作分工"},
        )

    # Experts and inspectors

    @rule(n=N, numbers=SOME, who=N, sensible=SENSIBLE)
    def commit(self, n: int, numbers: list[int], who: int, *, sensible: bool) -> None:
        phase = "forming" if n % 2 else "sampling"
        cases = self.some(numbers, is_ready=sensible, phase=phase)
        self.commit_to(self.person("provincial_office", who), cases, phase)

    def commit_to(self, who: Caller, cases: Sequence[Row], phase: str) -> bool:
        return bool(cases) and self.act(
            who,
            "/draws",
            {
                "purpose": "experts" if phase == "forming" else "site_visits",
                "round_id": cases[0]["round_id"],
                "case_ids": [one["id"] for one in cases],
                "public_source": "次日上证综合指数收盘点位",
            },
        )

    @rule(n=N, who=N)
    def reveal(self, n: int, who: int) -> None:
        draw = self.pick(n, "draws", status="committed")
        if draw is None and n % 4:
            self.carry_on(n, 1)
            return
        draw = draw or self.pick(n, "draws")
        if draw is not None:
            self.reveal_one(self.person("provincial_office", who), draw)

    def reveal_one(self, who: Caller, draw: Row) -> bool:
        return self.act(who, f"/draws/{draw['id']}/reveal", {"public_value": "3861.87"})

    @rule(n=N, who=N)
    def abandon(self, n: int, who: int) -> None:
        draw = self.pick(n, "draws")
        if draw is not None and n % 2:
            self.act(
                self.person("provincial_office", who),
                f"/draws/{draw['id']}/abandonment",
                {"reason": "公开值未按时公布"},
            )

    @rule(n=N, shares=st.lists(SHARE, min_size=1, max_size=4), who=N, sensible=SENSIBLE)
    def score(self, n: int, shares: list[int], who: int, *, sensible: bool) -> None:
        case = self.due(n, sensible=sensible, phase="scoring")
        if case is None:
            return
        for share in shares:
            called = self.called(self.again(case))
            sub = called[who % len(called)] if sensible and called else f"expert-{who % len(POOL)}"
            self.submit_sheet(case, sub, share)

    def called(self, case: Row) -> list[str]:
        return [
            str(one["expert"])
            for one in self.of(case, "members")
            if one["turn"] == case["turn"] and one["status"] == "called"
        ]

    def submit_sheet(self, case: Row, sub: str, share: int) -> bool:
        expert = self.world.caller("expert", sub, region="520000", uscc=None)
        return self.act(expert, f"/review-cases/{case['id']}/scores", sheet(share))

    @rule(
        n=N,
        who=N,
        kind=st.sampled_from((None, "family", "advice")),
        excuses=st.booleans(),
        sensible=SENSIBLE,
    )
    def leave_the_panel(
        self, n: int, who: int, kind: str | None, *, excuses: bool, sensible: bool
    ) -> None:
        case = self.due(n, sensible=sensible, phase="scoring")
        if case is None:
            return
        seated = self.called(case) or list(POOL)
        sub = seated[who % len(seated)]
        path = f"/review-cases/{case['id']}/recusals"
        if excuses:
            body = {"reason": "逾期未评分", "expert": self.world.codes[sub]}
            self.act(self.person("provincial_office", who), path, body)
            return
        expert = self.world.caller("expert", sub, region="520000", uscc=None)
        self.act(expert, path, {"reason": "申请回避", "kind": kind})

    @rule(n=N, experts=st.lists(N, min_size=1, max_size=3), who=N, sensible=SENSIBLE)
    def appoint(self, n: int, experts: list[int], who: int, *, sensible: bool) -> None:
        case = self.due(n, sensible=sensible, phase="forming")
        if case is not None:
            subs = [f"expert-{one % len(POOL)}" for one in experts]
            self.appoint_to(self.person("provincial_office", who), case, subs)

    def appoint_to(self, who: Caller, case: Row, subs: Sequence[str]) -> bool:
        return self.act(
            who,
            f"/review-cases/{case['id']}/panel",
            {"experts": [self.world.codes[sub] for sub in subs], "reason": "抽取人数不足"},
        )

    @rule(n=N, who=N, points=st.sampled_from(("45.00", "62.50", "85.00")))
    def moderate(self, n: int, who: int, points: str) -> None:
        case = self.due(n, sensible=True, phase="moderation")
        if case is not None:
            self.act(
                self.person("provincial_office", who),
                f"/review-cases/{case['id']}/moderation",
                {"points": points, "reason": "综合各方意见"},
            )

    @rule(
        n=N,
        inspectors=st.lists(N, min_size=1, max_size=3),
        passes=st.booleans(),
        sensible=SENSIBLE,
    )
    def visit(self, n: int, inspectors: list[int], *, passes: bool, sensible: bool) -> None:
        case = self.due(n, sensible=sensible, phase="visiting")
        if case is not None:
            self.visit_as(case, inspectors, passes=passes)

    def visit_as(self, case: Row, inspectors: Sequence[int], *, passes: bool) -> bool:
        rules = published_catalogue().pack(NATIONAL).sample_rule("site_visit")
        people = [
            f"site_inspector-520000-{one}" if one < 8 else f"official-{one}" for one in inspectors
        ]
        recorder = case["assigned_to"] or people[0]
        return self.act(
            self.world.caller("site_inspector", recorder, region="520000", uscc=None),
            f"/review-cases/{case['id']}/site-visits",
            {
                "visited_on": self.today.isoformat(),
                "inspectors": [recorder, *people[1:]],
                "findings": [
                    {"check": one.id, "is_in_order": passes, "text": "已核对"}
                    for one in rules.checks
                ],
                "passed": passes,
                "reason": "现场核查",
            },
        )

    @rule(n=N, expert=N, fate=st.sampled_from(("employed", "tied", "free", "inactive", "former")))
    def bind(self, n: int, expert: int, fate: str) -> None:
        """Let an expert, or an officer, come to be bound to an enterprise, or the province learn of it."""
        case = self.pick(n)
        if case is None:
            return
        keeper = self.person("provincial_office", 7)
        sub = f"expert-{expert % len(POOL)}"
        if fate in {"tied", "former"}:
            bound = sub if expert < 7 else f"official-{expert}"
            until = {} if fate == "tied" else {"until_on": LONG_AGO}
            body = {"uscc": case["uscc"], "kind": "advice", "note": "曾任顾问", "sub": bound}
            self.act(keeper, "/ties", body | until)
            return
        changed: Row = {"employer_uscc": case["uscc"]} if fate == "employed" else {}
        self.change_expert(sub, is_active=fate != "inactive", **changed)

    def change_expert(self, sub: str, **changed: Any) -> None:
        keeper = self.person("provincial_office", 7)
        path = f"/experts/{self.world.codes[sub]}"
        answer = self.world.ask(
            keeper,
            "PUT",
            path,
            json=_expert(sub, **changed),
            headers={"If-Match": self.world.ask(keeper, "GET", path).headers["ETag"]},
        )
        assert answer.status_code == 200, answer.text
        self.state = self.look()

    # The meeting and the notice

    @rule(
        numbers=SOME, decisions=st.lists(DECISION, min_size=4, max_size=4), who=N, sensible=SENSIBLE
    )
    def determine(
        self, numbers: list[int], decisions: list[str], who: int, *, sensible: bool
    ) -> None:
        cases = self.some(numbers, is_ready=sensible, stage="determination", status="in_review")
        self.determine_all(self.person("decision_meeting", who), cases, decisions)

    def determine_all(self, who: Caller, cases: Sequence[Row], decisions: Sequence[str]) -> bool:
        remarks = [{"fact_or_document": "employees", "text": "请核对从业人数"}]
        return bool(cases) and self.act(
            who,
            "/determinations",
            {
                "meeting": "厅长办公会 2026 年第 8 次",
                "held_on": self.today.isoformat(),
                "document_number": "纪要〔2026〕8号",
                "items": [
                    {
                        "case_id": case["id"],
                        "decision": decision,
                        "reason": "会议研究",
                        "remarks": remarks if decision == "return" else [],
                    }
                    for case, decision in zip(cases, decisions, strict=False)
                ],
            },
        )

    @rule(numbers=SOME, who=N, sensible=SENSIBLE, in_days=st.integers(-1, 3))
    def publish(self, numbers: list[int], who: int, in_days: int, *, sensible: bool) -> None:
        cases = self.some(numbers, is_ready=sensible, status="awaiting_notice")
        self.put_on_notice(self.person("provincial_office", who), cases, in_days)

    def put_on_notice(self, who: Caller, cases: Sequence[Row], in_days: int) -> bool:
        return bool(cases) and self.act(
            who,
            "/notices",
            {
                "round_id": cases[0]["round_id"],
                "case_ids": [one["id"] for one in cases],
                "starts_on": (self.today + timedelta(days=in_days)).isoformat(),
            },
        )

    @rule(n=N, against=N)
    def object_in_public(self, n: int, against: int) -> None:
        on_notice = self.pick(against, status="on_notice") if n % 4 else None
        case = on_notice or self.pick(against)
        notice = self.pick(n, "notices")
        if notice is not None and case is not None:
            self.object_to(case, case["notice_id"] or notice["id"])

    def object_to(self, case: Row, notice_id: str) -> bool:
        return self.act(
            None,
            f"/public/notices/{notice_id}/objections",
            objection_to(case["uscc"]),
        )

    @rule(n=N, who=N, is_heard=st.booleans(), verdict=st.sampled_from((None, True, True, False)))
    def contest(self, n: int, who: int, *, is_heard: bool, verdict: bool | None) -> None:
        """Let an objection go through its hearing to its end, or stay open."""
        case = self.due(n, sensible=True, status="on_notice")
        if case is None:
            return
        self.object_to(case, case["notice_id"])
        objection = next((one for one in self.of(case, "objections")), None)
        if objection is None:
            return
        for by_city in (True, False) if is_heard else ():
            self.state_on(objection, who, by_city=by_city)
        if verdict is not None:
            self.wait(1 if is_heard else 8)
            self.resolve_one(self.person("provincial_office", who), objection, is_sustained=verdict)

    @rule(n=N, who=N, by_city=st.booleans())
    def answer_objection(self, n: int, who: int, *, by_city: bool) -> None:
        objection = self.pick(n, "objections")
        if objection is not None:
            self.state_on(objection, who, by_city=by_city)

    def state_on(self, objection: Row, who: int, *, by_city: bool) -> bool:
        case = self.again({"id": objection["case_id"]})
        speaker = (
            self.person("city_office", who, city_of(case))
            if by_city
            else self.world.caller("enterprise", "clerk", region=None, uscc=case["uscc"])
        )
        path = f"/objections/{objection['id']}/statements"
        return self.act(speaker, path, {"text": "已核实，数据无误"})

    @rule(n=N, who=N, is_sustained=st.booleans())
    def resolve(self, n: int, who: int, *, is_sustained: bool) -> None:
        objection = self.pick(n, "objections", status="open") or self.pick(n, "objections")
        if objection is not None:
            self.resolve_one(
                self.person("provincial_office", who), objection, is_sustained=is_sustained
            )

    def resolve_one(self, who: Caller, objection: Row, *, is_sustained: bool) -> bool:
        return self.act(
            who,
            f"/objections/{objection['id']}/resolution",
            {"sustained": is_sustained, "reason": "经核查"},
        )

    @rule(n=N, who=N, days=st.sampled_from((0, 8, 8)))
    def recognise(self, n: int, who: int, days: int) -> None:
        case = self.due(n, sensible=True, status="on_notice")
        notice = self.pick(n, "notices", **({} if case is None else {"id": case["notice_id"]}))
        if notice is not None:
            self.wait(days)
            self.recognise_all(self.person("provincial_office", who), notice["id"])

    def recognise_all(self, who: Caller, notice_id: str) -> bool:
        return self.act(
            who,
            f"/notices/{notice_id}/recognition",
            {"document_number": "黔工信〔2026〕30号", "decided_on": self.today.isoformat()},
        )

    @rule(n=N, which=N, who=N, sensible=SENSIBLE)
    def set_aside(self, n: int, which: int, who: int, *, sensible: bool) -> None:
        case = self.pick(n, status="rejected") if sensible else None
        case = case or self.pick(n)
        decisions = [] if case is None else self.of(case, "decisions")
        if case is None or not decisions:
            return
        decision = decisions[-1 if sensible and which % 2 else which % len(decisions)]
        self.set_one_aside(self.person("provincial_office", who), case, decision)

    def set_one_aside(self, who: Caller, case: Row, decision: Row) -> bool:
        return self.act(
            who,
            f"/review-cases/{case['id']}/set-asides",
            {
                "decision_id": decision["id"],
                "reason": "原决定有误",
                "document_number": "黔工信〔2026〕21号",
            },
        )

    @initialize(quarrels=st.lists(QUARREL, min_size=1, max_size=2))
    def quarrel(self, quarrels: list[Row]) -> None:
        for number, one in enumerate(quarrels):
            self.reconsider(number, **one)

    @rule(n=N, quarrel=QUARREL)
    def quarrel_later(self, n: int, quarrel: Row) -> None:
        self.reconsider(n, **quarrel)

    def reconsider(
        self,
        n: int,
        *,
        objects: bool,
        depth: int,
        goes: str,
        verdict: bool | None,
        is_restored: bool,
        change: str,
    ) -> None:
        """Take a contested case off its notice, back to an earlier stage, and see what becomes of it."""
        case = self.due(n, sensible=True, status="on_notice")
        if case is None:
            return
        if objects:
            self.object_to(case, case["notice_id"])
        decision = self.of(case, "decisions")[-depth]
        self.set_one_aside(self.person("provincial_office", 7), case, decision)
        case = self.again(case)
        if goes == "on":
            self.carry_on(self.state["cases"].index(case), 1)
        elif goes == "back" and case["stage"] == "determination":
            self.determine_all(self.person("decision_meeting", 1), [case], ["return"])
        elif goes == "back":
            self.decide_alone(self.person("provincial_office", 0), case, "return")
        self.decide_on_objections(case, verdict)
        case = self.again(case)
        if is_restored and case["status"] == "rejected":
            last = self.of(case, "decisions")[-1]
            self.set_one_aside(self.person("provincial_office", 7), case, last)
        elif goes == "back":
            self.resubmit(n, change=change, filers=[], is_late=True)

    @rule(n=N, verdict=st.sampled_from((True, True, False)))
    def catch_up(self, n: int, *, verdict: bool) -> None:
        """Resolve what is open against a case wherever the case has come to meanwhile."""
        found = [
            one
            for one in self.state["cases"]
            if one["status"] != "on_notice"
            and any(each["status"] == "open" for each in self.of(one, "objections"))
        ]
        if found:
            self.decide_on_objections(found[n % len(found)], verdict)

    def decide_on_objections(self, case: Row, verdict: bool | None) -> None:
        for objection in self.of(case, "objections"):
            if verdict is not None and objection["status"] == "open":
                self.wait(8)
                officer = self.person("provincial_office", 6)
                self.resolve_one(officer, objection, is_sustained=verdict)

    # Time, and what is due

    @rule(days=st.sampled_from((1, 1, 3, 8)))
    def wait(self, days: int) -> None:
        self.world.service.clock.move_to_day(self.today + timedelta(days=days))

    @rule(n=N, times=st.integers(1, 8))
    def carry_on(self, n: int, times: int) -> None:
        """Let a case go on as it should: each time somebody does what is due."""
        case = self.pick(n)
        for _ in range(times if case is not None else 0):
            case = self.again(cast("Row", case))
            match case["status"]:
                case "in_review":
                    self.go_on(case)
                case "returned":
                    self.resubmit(
                        [one for one in self.state["cases"] if one["status"] == "returned"].index(
                            case
                        ),
                        change="nothing",
                        filers=[],
                        is_late=False,
                    )
                case "awaiting_notice":
                    self.put_on_notice(self.person("provincial_office", 5), [case], 0)
                    return  # so that somebody has the time to object
                case _:
                    return

    def go_on(self, case: Row) -> None:
        match kind_at(case):
            case StageKind.RECOMMENDATION:
                self.sign(self.officer(case, "city_office", 0), [case])
            case StageKind.SCREENING:
                self.decide_alone(self.officer(case, "provincial_office", 0), case, "endorse")
            case StageKind.PANEL if case["phase"] == "scoring":
                called = self.called(case)
                self.submit_sheet(case, called[0], 80)
            case StageKind.PANEL if case["phase"] == "moderation":
                totals = [one["total"] for one in self.of(case, "sheets")]
                self.act(
                    self.person("provincial_office", 1),
                    f"/review-cases/{case['id']}/moderation",
                    {"points": str(max(totals)), "reason": "综合各方意见"},
                )
            case StageKind.SITE_VISIT if case["phase"] == "visiting":
                self.visit_as(case, [0, 1], passes=True)
            case StageKind.PANEL | StageKind.SITE_VISIT:
                self.draw_for(case)
            case StageKind.MEETING:
                self.determine_all(self.officer(case, "decision_meeting", 0), [case], ["endorse"])

    def draw_for(self, case: Row) -> None:
        """Commit to a draw, reveal one that was committed to, or appoint whom it did not seat."""
        lots = [
            one
            for one in self.state["lots"]
            if case["id"] in one["candidates"]
            or (one["case_id"], one["turn"]) == (case["id"], case["turn"])
        ]
        draws = {one["draw_id"] for one in lots}
        open_draw = next(
            (
                one
                for one in self.state["draws"]
                if one["id"] in draws and one["status"] == "committed"
            ),
            None,
        )
        if open_draw is not None:
            self.wait(1)
            number = 3 if open_draw["committed_by"].endswith("-4") else 4
            self.reveal_one(self.person("provincial_office", number), open_draw)
            return
        if self.commit_to(self.person("provincial_office", 3), [case], case["phase"]):
            return
        free = self.free_for(case)
        if free and case["phase"] == "forming":
            self.appoint_to(self.person("provincial_office", 3), case, free[:1])

    def free_for(self, case: Row) -> list[str]:
        """Return who may still be appointed to a panel."""
        met = {one["expert"] for one in self.of(case, "members") if one["turn"] == case["turn"]}
        bound = {one["sub"] for one in self.state["ties"] if one["uscc"] == case["uscc"]}
        return [
            str(one["sub"])
            for one in self.state["experts"]
            if one["is_active"]
            and one["sub"] not in met | bound
            and one["employer_uscc"] != case["uscc"]
            and f"{one['division'][:4]}00" != city_of(case)
        ]

    # What has to hold

    def examine(self, before: State, after: State) -> None:
        """Hold what the database has against everything that must be true of it."""
        known = {one["id"] for part in before for one in before[part] if "id" in one}
        for case in after["cases"]:
            rows = [one for one in after["history"] if one["subject_id"] == case["id"]]
            decisions = self.of(case, "decisions")
            counts = _that_count(after, decisions)
            self.history_is_complete(case, rows, decisions)
            self.events_match(case, rows, after)
            self.nothing_ends_twice(rows, decisions)
            self.excluded_stay(case, before, [one for one in decisions if one["id"] not in known])
            self.notice_is_there(case)
            self.persons_are_apart(case, rows, decisions, known)
            verdicts = {one["status"] for one in self.of(case, "objections")}
            assert "sustained" not in verdicts or case["status"] in {"rejected", "withdrawn"}
            if case["status"] == "recognised":
                stages = route(case["policy_pack"], case["division"])
                assert {one["stage"] for one in counts} >= set(stages), "a stage was skipped"
                assert verdicts <= {"dismissed"}, "recognised against an objection"
        self.experts_are_free(after, known)
        if _about_panels(before) != _about_panels(after):
            self.sheets_are_blind(after)
        if _about_secrets(before) != _about_secrets(after):
            self.nothing_secret_is_public(after)

    def history_is_complete(self, case: Row, rows: list[Row], decisions: list[Row]) -> None:
        last = rows[-1]["data"]
        stands = {name: case[name] for name in ("status", "stage", "turn", "phase")}
        assert stands == {name: last.get(name) for name in stands}, rows[-1]["action"]
        done = Counter(one["action"].partition(":")[0] for one in rows)
        assert len(decisions) == done["decided"] + sum(done[action] for action in CLOSING)
        assert len({one["turn"] for one in decisions}) == len(decisions)

    def excluded_stay(self, case: Row, before: State, decisions: list[Row]) -> None:
        """Nothing carries the case of an excluded enterprise on, to its last day."""
        until = self.excluded.get(case["uscc"])
        if until is None or until < self.today:
            return
        was_on = {one["id"]: one["notice_id"] for one in before["cases"]}
        assert all(one["decision"] == "reject" for one in decisions)
        assert case["notice_id"] in {was_on.get(case["id"]), None}

    def events_match(self, case: Row, rows: list[Row], after: State) -> None:
        told = Counter(
            one["type"] for one in after["events"] if one["data"].get("case_id") == case["id"]
        )
        done = Counter(one["action"] for one in rows)
        for event, actions in EVENTS_OF.items():
            assert told[event] == sum(done[action] for action in actions), event

    def nothing_ends_twice(self, rows: list[Row], decisions: list[Row]) -> None:
        """A case is recognised once, from its notice; what ended is never taken up but by a set-aside."""
        assert sum(one["action"] == "recognised" for one in rows) <= 1
        endings = [one for one in decisions if one["stage"] == "public_notice"]
        assert sum(one["decision"] == "endorse" for one in endings) <= 1
        for earlier, later in pairwise(rows):
            was, now = earlier["data"]["status"], later["data"]["status"]
            assert later["action"] != "recognised" or was == "on_notice"
            assert was not in {"withdrawn", "recognised"} or now == was
            assert (
                was != "rejected"
                or now in {"rejected", "withdrawn"}
                or (later["action"] == "set_aside")
            ), f"{later['action']} took a rejected case up"

    def notice_is_there(self, case: Row) -> None:
        """Whoever stands on notice is on one, and whoever still goes through the stages on none."""
        if case["status"] == "on_notice":
            assert case["notice_id"] is not None
        if case["status"] in {"in_review", "returned", "awaiting_notice"}:
            assert case["notice_id"] is None

    def persons_are_apart(
        self, case: Row, rows: list[Row], decisions: list[Row], known: set[str]
    ) -> None:
        exempt = {
            one["data"]["decision_id"] for one in rows if one["data"].get("is_drawn") is False
        }
        closing = {one["data"]["turn"] - 1 for one in rows if one["action"] in CLOSING}
        own = [one for one in decisions if one["id"] not in exempt and one["turn"] not in closing]
        parts = {
            *((one["decided_by"], one["stage"]) for one in own),
            *((one["expert"], one["stage"]) for one in self.of(case, "sheets")),
            *((sub, one["stage"]) for one in self.of(case, "visits") for sub in one["inspectors"]),
        }
        stages = Counter(sub for sub, _ in parts)
        assert max(stages.values(), default=0) <= 1, f"decided two stages: {stages}"
        for one in own:
            if one["id"] not in known:
                assert one["decided_by"] not in case["filed_by"]

    def experts_are_free(self, after: State, known: set[str]) -> None:
        """Nobody is seated, and nobody scores, who is bound to the enterprise at that time."""
        experts = {one["sub"]: one for one in after["experts"]}
        acting = [
            one for part in ("members", "sheets") for one in after[part] if one["id"] not in known
        ]
        for one in acting:
            case = self.again({"id": one["case_id"]})
            expert = experts[one["expert"]]
            ties = [
                tie
                for tie in after["ties"]
                if (tie["sub"], tie["uscc"]) == (one["expert"], case["uscc"])
                and tie["until_on"] is None
            ]
            assert expert["employer_uscc"] != case["uscc"]
            assert not ties
            assert expert["sub"] not in case["filed_by"]

    def sheets_are_blind(self, after: State) -> None:
        for case in after["cases"]:
            if case["phase"] not in {"forming", "scoring"}:
                continue
            for office in ("provincial_office", "decision_meeting"):
                answer = self.world.ask(
                    self.person(office, 0), "GET", f"/review-cases/{case['id']}/panel"
                )
                assert answer.status_code == 200, answer.text
                turns = {one["turn"] for one in answer.json()["sheets"]}
                assert case["turn"] not in turns, f"{office} sees sheets while experts score"

    def nothing_secret_is_public(self, after: State) -> None:
        # Another application of the enterprise that is not secret-involved may name it: 0010.
        named = {one["uscc"] for one in after["cases"] if not one["is_secret"]}
        secrets = {
            str(one[name])
            for one in after["cases"]
            if one["is_secret"]
            for name in (
                ("id", "application_id")
                if one["uscc"] in named
                else ("id", "application_id", "uscc", "legal_name")
            )
        }
        for what in ("notices", "draws"):
            listed = self.world.ask(None, "GET", f"/public/{what}?limit=40")
            shown = {one["id"] for one in listed.json()["items"]}
            for one in after[what]:
                answer = self.world.ask(None, "GET", f"/public/{what}/{one['id']}")
                assert answer.is_success == (one["id"] in shown)
                found = [secret for secret in secrets if secret in answer.text + listed.text]
                assert not found, f"/public/{what} shows {found}"
                if answer.is_success:
                    assert answer.json()["enterprises" if what == "notices" else "lots"]

    def teardown(self) -> None:
        """Look once more from outside, and leave the pool as it was found."""
        self.nothing_secret_is_public(self.state)
        for one in self.state["experts"]:
            if one["employer_uscc"] is not None or not one["is_active"]:
                self.change_expert(one["sub"])


def _that_count(state: State, decisions: Sequence[Row]) -> list[Row]:
    fallen = {one["decision_id"] for one in state["set_asides"]}
    return [one for one in decisions if one["id"] not in fallen and one["decision"] == "endorse"]


def _about_panels(state: State) -> object:
    return state["members"], state["sheets"], [(one["id"], one["phase"]) for one in state["cases"]]


def _about_secrets(state: State) -> object:
    secret = {one["id"] for one in state["cases"] if one["is_secret"]}
    return (
        [(one["id"], one["notice_id"]) for one in state["cases"] if one["is_secret"]],
        [one for one in state["lots"] if {one["case_id"], *one["candidates"]} & secret],
    )


@pytest.fixture
def world(owner: URL, tmp_path: Path) -> Iterator[World]:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        service = runner.run(
            stack.enter_async_context(
                running_service(
                    create_review(tmp_path),
                    owner=owner,
                    service="review",
                    subscriptions=consumers.SUBSCRIPTIONS,
                    today=TODAY,
                )
            )
        )
        found = World(runner=runner, service=service)
        found.fill_the_pool()
        yield found
        runner.run(stack.aclose())


async def test_a_case_rejected_while_on_no_notice_is_restored_to_none(review: Review) -> None:
    """An objection to an earlier notice may end a case that awaits the next one."""
    case_id = await review.determined()
    objection = await contested(review, case_id)
    await set_last_aside(review, case_id)
    await review.determine(case_id)
    await sustained(review, objection)

    await set_last_aside(review, case_id)

    restored = await review.case(case_id)
    assert (restored["status"], restored["notice_id"]) == ("awaiting_notice", None)


async def test_a_correction_that_crossed_with_a_rejection_takes_nothing_up(review: Review) -> None:
    case_id = await review.determined()
    objection = await contested(review, case_id)
    await set_last_aside(review, case_id)
    remarks = [{"fact_or_document": "employees", "text": "请核对从业人数"}]
    await review.determine(case_id, decision="return", remarks=remarks)
    await sustained(review, objection)

    await review.submitted(number=2, division="520302")

    assert (await review.case(case_id))["status"] == "rejected"


async def contested(review: Review, case_id: str) -> str:
    """Put a case on notice and let somebody object to it. Return the objection's id."""
    notice = await review.on_notice(case_id)
    review.service.clock.move_to_day(date.fromisoformat(notice["starts_on"]))
    filed = await review.service.anyone().post(
        f"/api/v1/public/notices/{notice['id']}/objections", json=objection_to(uscc_of(1))
    )
    assert filed.status_code == 201, filed.text
    return str(filed.json()["id"])


async def sustained(review: Review, objection_id: str) -> None:
    review.service.clock.move_to_day(review.service.clock.today() + timedelta(days=14))
    answer = await review.officer("provincial_office", sub="listener").post(
        f"/objections/{objection_id}/resolution", json={"sustained": True, "reason": "经核查属实"}
    )
    assert answer.status_code == 200, answer.text


async def set_last_aside(review: Review, case_id: str) -> None:
    decision = (await review.case(case_id))["decisions"][-1]
    answer = await review.officer("provincial_office", sub="corrector").post(
        f"/review-cases/{case_id}/set-asides",
        json={
            "decision_id": decision["id"],
            "reason": "原决定有误",
            "document_number": "黔工信〔2026〕21号",
        },
    )
    assert answer.status_code == 201, answer.text


# Making a failure small takes hypothesis minutes, and without it nobody could read what went wrong.
@pytest.mark.timeout(500)
def test_whatever_is_done_in_whatever_order_what_must_hold_of_a_case_holds(world: World) -> None:
    class OfficesHere(Offices):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(
        OfficesHere,
        settings=settings(
            max_examples=28,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )

    chain_is_sound = world.runner.run(world.service.chain_is_sound())
    assert chain_is_sound
    # Whoever trusts the above wants to know that everything was done, and not only refused.
    assert set(world.done) >= ACTS, ACTS - set(world.done)
