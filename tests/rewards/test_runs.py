"""Runs: everybody who could be rewarded in a year, reckoned at once and then proposed."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.identity.actor import Scope
from services.kernel.journal import Journal
from services.rewards.run_models import AwardRun
from services.rewards.run_worker import RunWorker
from tests.builders.enterprises import uscc_of
from tests.builders.services import EVERY_SCOPE
from tests.rewards.conftest import TODAY, Rewards
from tests.rewards.test_awards import N, P


class DyingWorker(RunWorker):
    """A worker whose process ends in the middle of a run."""

    batches_left: int

    async def _propose_some(self, session: AsyncSession, journal: Journal, run: AwardRun) -> bool:
        if self.batches_left == 0:
            raise ConnectionError
        self.batches_left -= 1
        return await super()._propose_some(session, journal, run)


Worker = TypeVar("Worker", bound=RunWorker)


@dataclass
class Runs:
    rewards: Rewards

    at_once: int = 100

    @property
    def worker(self) -> RunWorker:
        return self.worker_of(RunWorker)

    def worker_of(self, kind: type[Worker]) -> Worker:
        service = self.rewards.service
        worker = kind(service.runtime, service.app.state.catalogue)
        worker.enterprises_at_once = self.at_once
        return worker

    async def left_after(self, batches: int, **body: Any) -> dict[str, Any]:
        """Ask for a run, and let its worker die after so many transactions with proposals."""
        asked = await self.asked(**body)
        worker = self.worker_of(DyingWorker)
        worker.batches_left = batches
        with pytest.raises(ConnectionError):
            await worker.work_once()
        return await self.read(asked["id"])

    async def asked(self, *, sub: str = "finance-1", **body: Any) -> dict[str, Any]:
        answer = await self.rewards.finance(sub).post(
            "/award-runs", json={"fiscal_year": 2026, "dry_run": False} | body
        )
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"] == f"/api/v1/award-runs/{answer.json()['id']}"
        return dict(answer.json())

    async def work(self) -> None:
        while await self.worker.work_once():
            pass

    async def done(self, **body: Any) -> dict[str, Any]:
        asked = await self.asked(**body)
        await self.work()
        return await self.read(asked["id"])

    async def read(self, run_id: str) -> dict[str, Any]:
        answer = await self.rewards.finance().get(f"/award-runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rows(self, run_id: str, **sought: Any) -> list[dict[str, Any]]:
        answer = await self.rewards.finance().get(f"/award-runs/{run_id}/rows", params=sought)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    async def awards(self, run_id: str) -> list[dict[str, Any]]:
        answer = await self.rewards.finance().get(
            "/awards", params={"run_id": run_id, "limit": 200}
        )
        return list(answer.json()["items"])


@pytest.fixture
def runs(rewards: Rewards) -> Runs:
    return Runs(rewards)


async def test_a_dry_run_reckons_everybody_and_proposes_nothing(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    await rewards.holds(2, N)
    await rewards.holds(3, "srdi_sme")
    await rewards.holds(4, P)
    await rewards.approved(4)

    found = await runs.done(dry_run=True)

    assert (found["state"], found["total"], found["done"]) == ("done", 2, 2)
    assert found["result"] == {
        "enterprises": 2,
        "amount": "700000.00",
        "rewarded_before": 1,
        "by_title": [
            {"name": N, "enterprises": 1, "amount": "500000.00"},
            {"name": P, "enterprises": 1, "amount": "200000.00"},
        ],
        "by_city": [{"name": "520100", "enterprises": 2, "amount": "700000.00"}],
        "budget_left": "800000.00",
        "is_within_budget": True,
    }
    assert found["outcomes"] == []
    rows = {row["uscc"]: row for row in await runs.rows(found["id"])}
    assert {uscc: (row["title"], row["code"], row["payable"]) for uscc, row in rows.items()} == {
        uscc_of(1): (P, "applies", "200000.00"),
        uscc_of(2): (N, "applies", "500000.00"),
        uscc_of(4): (P, "granted", "0.00"),
    }
    assert await runs.awards(found["id"]) == []


async def test_a_run_reckons_unless_it_is_told_to_propose(rewards: Rewards) -> None:
    await rewards.schedule()

    answer = await rewards.finance().post("/award-runs", json={"fiscal_year": 2026})

    assert answer.json()["dry_run"] is True


async def test_a_run_proposes_what_each_is_owed_with_every_reason(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    await rewards.holds(2, N)

    found = await runs.done(reason="省级小巨人全部奖励")

    assert (found["state"], found["total"], found["done"]) == ("done", 2, 2)
    assert found["outcomes"] == [{"outcome": "proposed", "enterprises": 2, "amount": "700000.00"}]
    awards = {one["uscc"]: one for one in await runs.awards(found["id"])}
    assert {uscc: (one["title"], one["amount"]) for uscc, one in awards.items()} == {
        uscc_of(1): (P, "200000.00"),
        uscc_of(2): (N, "500000.00"),
    }
    assert {one["status"] for one in awards.values()} == {"proposed"}
    assert {one["reason"] for one in awards.values()} == {"省级小巨人全部奖励"}
    assert {one["proposed_by"] for one in awards.values()} == {"finance-1"}
    calculation = (await rewards.award(awards[uscc_of(2)]["id"]))["calculation"]
    assert [one["title"] for one in calculation["considered"]] == [P, N]
    linked = {row["uscc"]: row["award_id"] for row in await runs.rows(found["id"])}
    assert linked == {uscc: one["id"] for uscc, one in awards.items()}


async def test_who_asked_for_a_run_cannot_approve_what_it_proposed(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    found = await runs.done()
    [award] = await runs.awards(found["id"])

    own = await rewards.finance("finance-1").post(f"/awards/{award['id']}/approval")
    another = await rewards.finance("finance-2").post(f"/awards/{award['id']}/approval")

    assert (own.status_code, another.status_code) == (409, 200)
    assert own.json()["type"] == "/problems/separation-of-duties"


async def test_the_next_run_proposes_nobody_twice(rewards: Rewards, runs: Runs) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await runs.done()

    again = await runs.done()

    assert (again["state"], again["total"]) == ("done", 0)
    assert again["result"]["rewarded_before"] == 1
    assert await runs.awards(again["id"]) == []


async def test_a_run_of_one_title_proposes_awards_of_that_title_alone(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    await rewards.holds(2, N)

    found = await runs.done(titles=[P])

    assert [one["uscc"] for one in await runs.awards(found["id"])] == [uscc_of(1)]


async def test_where_the_budget_does_not_suffice_for_all_nobody_is_proposed(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "399999.99"}])
    await rewards.holds(1, P)
    await rewards.holds(2, P)

    found = await runs.done()

    assert (found["state"], found["failure"]["code"]) == ("failed", "budget_exceeded")
    assert (found["result"]["amount"], found["result"]["is_within_budget"]) == ("400000.00", False)
    assert await runs.awards(found["id"]) == []


async def test_a_budget_that_suffices_to_the_last_cent_is_used_to_the_last_cent(
    rewards: Rewards, runs: Runs
) -> None:
    schedule = await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "400000.00"}])
    await rewards.holds(1, P)
    await rewards.holds(2, P)

    found = await runs.done()

    assert found["state"] == "done"
    read = await rewards.finance().get(f"/reward-schedules/{schedule['id']}")
    assert read.json()["budgets"][0]["granted"] == "400000.00"


async def test_what_an_officer_takes_of_the_budget_meanwhile_is_not_granted_twice(
    rewards: Rewards, runs: Runs
) -> None:
    runs.at_once = 1
    await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "400000.00"}])
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    left = await runs.left_after(0)
    await rewards.holds(3, P)
    assert (await rewards.propose(3)).status_code == 201

    await runs.work()

    found = await runs.read(left["id"])
    assert {row["uscc"]: row["outcome"] for row in await runs.rows(left["id"])} == {
        uscc_of(1): "proposed",
        uscc_of(2): "budget_exceeded",
    }
    assert (found["state"], found["done"]) == ("done", 2)


async def test_what_changed_since_the_reckoning_is_reckoned_again(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule()
    fallen = await rewards.holds(1, P)
    await rewards.holds(2, P)
    left = await runs.left_after(0)
    await rewards.revoked(fallen)
    assert (await rewards.propose(2)).status_code == 201

    await runs.work()

    assert {row["uscc"]: row["outcome"] for row in await runs.rows(left["id"])} == {
        uscc_of(1): "changed",
        uscc_of(2): "changed",
    }
    assert await runs.awards(left["id"]) == []


async def test_a_run_that_was_left_goes_on_and_does_nothing_twice(
    rewards: Rewards, runs: Runs
) -> None:
    runs.at_once = 2
    await rewards.schedule()
    for serial in range(1, 6):
        await rewards.holds(serial, P)

    left = await runs.left_after(1)
    await runs.work()

    assert (left["state"], left["total"], left["done"]) == ("running", 5, 2)
    found = await runs.read(left["id"])
    assert (found["state"], found["done"]) == ("done", 5)
    awards = await runs.awards(left["id"])
    assert sorted(one["uscc"] for one in awards) == sorted(map(uscc_of, range(1, 6)))


async def test_several_workers_do_a_run_once(rewards: Rewards, runs: Runs) -> None:
    await rewards.schedule()
    for serial in range(1, 6):
        await rewards.holds(serial, P)
    left = await runs.asked()

    worked = await asyncio.gather(*(runs.worker.work_once() for _ in range(4)))

    assert sum(worked) == 1
    assert len(await runs.awards(left["id"])) == 5


async def test_two_that_both_think_they_hold_a_run_do_it_once(rewards: Rewards, runs: Runs) -> None:
    """The lock that holds a run is lost with its connection; what it guards must not be."""
    runs.at_once = 1
    await rewards.schedule()
    for serial in range(1, 6):
        await rewards.holds(serial, P)
    left = await runs.asked()
    async with rewards.service.database.session() as session:
        [job_id] = await runs.worker.to_do(session)
        first, second = [await runs.worker.find(session, job_id) for _ in range(2)]
        session.expunge_all()
    assert first is not None
    assert second is not None

    await asyncio.gather(runs.worker.work_on(first), runs.worker.work_on(second))

    found = await runs.read(left["id"])
    assert (found["state"], found["total"], found["done"]) == ("done", 5, 5)
    rows = await runs.rows(left["id"])
    assert {(row["outcome"], row["award_id"] is None) for row in rows} == {("proposed", False)}
    ended = [
        row["action"]
        for row in await rewards.service.history()
        if row["subject_id"] == left["id"] and row["action"] != "requested"
    ]
    assert ended == ["done"]


async def test_a_schedule_that_came_into_force_meanwhile_ends_a_run(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    left = await runs.asked()
    await rewards.schedule(code="2026-next", effective_from="2026-09-02")
    rewards.service.clock.move_to_day(date(2026, 9, 2))

    await runs.work()

    found = await runs.read(left["id"])
    assert (found["state"], found["failure"]["code"]) == ("failed", "schedule_changed")
    assert await runs.awards(left["id"]) == []


async def test_one_run_that_proposes_is_under_way_at_a_time(rewards: Rewards, runs: Runs) -> None:
    await rewards.schedule()
    body = {"fiscal_year": 2026, "dry_run": False}

    answers = await asyncio.gather(
        *(rewards.finance(f"finance-{n}").post("/award-runs", json=body) for n in range(6))
    )

    assert sorted(one.status_code for one in answers) == [202, *[409] * 5]
    refused = next(one for one in answers if one.status_code == 409)
    assert refused.json()["type"] == "/problems/award-run-under-way"
    dry = await rewards.finance().post("/award-runs", json=body | {"dry_run": True})
    assert dry.status_code == 202
    await runs.work()
    assert (await rewards.finance().post("/award-runs", json=body)).status_code == 202


async def test_no_more_than_five_dry_runs_wait(rewards: Rewards) -> None:
    await rewards.schedule()
    body = {"fiscal_year": 2026, "dry_run": True}

    answers = [await rewards.finance().post("/award-runs", json=body) for _ in range(6)]

    assert [one.status_code for one in answers] == [*[202] * 5, 409]


async def test_without_a_schedule_a_budget_or_a_rewarded_title_a_run_is_refused_in_words(
    rewards: Rewards,
) -> None:
    async def slug(**body: Any) -> tuple[int, str]:
        answer = await rewards.finance().post(
            "/award-runs", json={"fiscal_year": 2026, "dry_run": False} | body
        )
        return answer.status_code, answer.json()["type"].rpartition("/")[2]

    without_schedule = await slug()
    await rewards.schedule()

    assert without_schedule == (409, "no-reward-schedule-in-force")
    assert await slug(fiscal_year=2031) == (409, "budget-missing")
    assert await slug(titles=["srdi_sme"]) == (422, "titles-not-rewarded")
    assert await slug(titles=[]) == (422, "malformed-request")
    assert await slug(fiscal_year="2026-01") == (422, "malformed-request")
    assert await slug(colour="red") == (422, "unknown-field")


async def test_a_dry_run_of_a_year_without_a_budget_says_that_there_is_none(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)

    found = await runs.done(dry_run=True, fiscal_year=2031)

    assert found["result"]["enterprises"] == 1
    assert (found["result"]["budget_left"], found["result"]["is_within_budget"]) == (None, None)


@pytest.mark.parametrize("office", ["finance_office", "disbursement", "auditor"])
async def test_runs_are_read_by_those_who_keep_pay_or_audit_the_whole_fund(
    rewards: Rewards, runs: Runs, office: str
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P, is_secret=True)
    found = await runs.done()
    path = f"/award-runs/{found['id']}"

    whole = rewards.service.caller(office, region="520000")
    part = rewards.service.caller(office, region="520100")
    other = rewards.service.caller(office, region="530000")

    assert (await whole.get(path)).status_code == 200
    assert len((await whole.get(f"{path}/rows")).json()["items"]) == 1
    assert len((await whole.get("/award-runs")).json()["items"]) == 1
    for outside in (part, other):
        assert (await outside.get(path)).status_code == 404
        assert (await outside.get(f"{path}/rows")).status_code == 404
        assert (await outside.get("/award-runs")).json()["items"] == []


@pytest.mark.parametrize(
    ("office", "region", "scopes"),
    [
        ("finance_office", "520100", EVERY_SCOPE),
        ("finance_office", "530000", EVERY_SCOPE),
        ("finance_office", "520000", frozenset({Scope.REWARDS_READ})),
        ("provincial_office", "520000", EVERY_SCOPE),
        ("auditor", "520000", EVERY_SCOPE),
        ("disbursement", "520000", EVERY_SCOPE),
    ],
)
async def test_nobody_but_the_finance_office_of_the_province_runs(
    rewards: Rewards, office: str, region: str, scopes: frozenset[Scope]
) -> None:
    await rewards.schedule()

    answer = await rewards.service.caller(office, region=region, scopes=scopes).post(
        "/award-runs", json={"fiscal_year": 2026, "dry_run": False}
    )

    assert answer.status_code == 403


async def test_rows_are_filtered_and_paged_by_credit_code(rewards: Rewards, runs: Runs) -> None:
    await rewards.schedule()
    for serial in range(1, 6):
        await rewards.holds(serial, P, region="520302" if serial == 5 else "520102")
    found = await runs.done(dry_run=True)
    path = f"/award-runs/{found['id']}/rows"

    first = (await rewards.finance().get(path, params={"limit": 3})).json()
    rest = (await rewards.finance().get(path, params={"limit": 3, "after": first["next"]})).json()

    seen = [row["uscc"] for row in first["items"] + rest["items"]]
    assert seen == sorted(map(uscc_of, range(1, 6)))
    assert rest["next"] is None
    assert [row["uscc"] for row in await runs.rows(found["id"], region="520300")] == [uscc_of(5)]
    assert await runs.rows(found["id"], title=N) == []
    assert await runs.rows(found["id"], code="granted") == []
    assert await runs.rows(found["id"], outcome="proposed") == []
    malformed = await rewards.finance().get(path, params={"after": "x"})
    assert malformed.status_code == 422


async def test_a_run_is_in_the_history_from_its_request_to_its_end(
    rewards: Rewards, runs: Runs
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    found = await runs.done(reason="全部奖励")

    history = [row for row in await rewards.service.history() if row["subject_id"] == found["id"]]

    assert [(row["action"], row["reason"]) for row in history] == [
        ("requested", "全部奖励"),
        ("done", "全部奖励"),
    ]
    assert {row["clause"] for row in history} == {"六(二)"}
    assert history[1]["data"]["outcomes"] == {"proposed": {"enterprises": 1, "amount": "200000.00"}}
    assert await rewards.service.chain_is_sound()
    events = [row for row in await rewards.service.events() if "proposed" in row["type"]]
    assert len(events) == 1


async def test_the_ledger_grants_what_a_run_reckoned(rewards: Rewards, runs: Runs) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, N)
    found = await runs.done()

    async with rewards.service.database.session() as session:
        granted = await session.scalar(
            text(
                "SELECT sum(e.amount) FROM rewards.ledger_entries e"
                " JOIN rewards.awards a ON a.id = e.award_id"
                " WHERE e.kind = 'granted' AND a.run_id = :run_id"
            ),
            {"run_id": found["id"]},
        )

    assert granted == Decimal(found["result"]["amount"])


async def test_a_title_whose_end_is_announced_a_day_ahead_is_refused_in_words(
    rewards: Rewards,
) -> None:
    """The registry's clock may be past midnight when ours is not."""
    await rewards.schedule()
    fallen = await rewards.holds(1, P)
    rewards.service.clock.move_to_day(TODAY - timedelta(days=1))
    await rewards.revoked(fallen)

    answer = await rewards.propose(1)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/title-no-longer-held")
