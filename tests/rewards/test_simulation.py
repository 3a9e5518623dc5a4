"""What a schedule would cost, before anybody approves it."""

from typing import Any

from tests.rewards.conftest import Rewards, schedule_body
from tests.rewards.test_awards import N, P, slug


async def drafted(rewards: Rewards, **changed: Any) -> str:
    answer = await rewards.finance("one").post("/reward-schedules", json=schedule_body(**changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_draft_is_reckoned_for_everybody_beside_the_schedule_in_force(
    rewards: Rewards,
) -> None:
    current = await rewards.schedule()
    for serial in (1, 2, 3):
        await rewards.holds(serial, P)
    await rewards.holds(2, N)
    await rewards.paid(1, "V-1")
    draft = await drafted(
        rewards,
        code="draft",
        amounts=[{"title": P, "amount": "300000.10"}, {"title": N, "amount": "500000.00"}],
        budgets=[{"fiscal_year": 2026, "amount": "800000.09"}],
    )

    answer = await rewards.finance().get(f"/reward-schedules/{draft}/simulation")

    found = answer.json()
    assert (found["of"]["enterprises"], found["of"]["amount"]) == (2, "800000.10")
    assert {one["name"]: one["amount"] for one in found["of"]["by_title"]} == {
        P: "300000.10",
        N: "500000.00",
    }
    assert sum(one["enterprises"] for one in found["of"]["by_city"]) == 2
    assert (found["of"]["budget_left"], found["of"]["is_within_budget"]) == ("800000.09", False)
    assert (found["in_force"]["code"], found["in_force"]["amount"]) == (
        current["code"],
        "700000.00",
    )
    assert found["in_force"]["budget_left"] == "800000.00"
    assert len((await rewards.finance().get("/awards")).json()["items"]) == 1


async def test_each_way_to_settle_costs_what_it_says(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    await rewards.holds(1, N)

    cost = {}
    for settlement in ("top_up", "higher_full", "no_offset"):
        draft = await drafted(rewards, code=settlement, settlement=settlement)
        found = (await rewards.finance().get(f"/reward-schedules/{draft}/simulation")).json()
        cost[settlement] = found["of"]["amount"]

    assert cost == {
        "top_up": "300000.00",
        "higher_full": "500000.00",
        "no_offset": "500000.00",
    }


async def test_a_simulation_is_for_those_who_keep_or_audit_the_fund(rewards: Rewards) -> None:
    schedule = await rewards.schedule()
    path = f"/reward-schedules/{schedule['id']}/simulation"
    service = rewards.service

    assert (await service.caller("auditor", region="520000").get(path)).status_code == 200
    assert (await service.caller("auditor", region="520100").get(path)).status_code == 403
    assert (await service.caller("city_office", region="520100").get(path)).status_code == 403
    unknown = await rewards.finance().get(
        "/reward-schedules/01a21064-2b93-73c6-b498-6a854c0a657a/simulation"
    )
    assert (unknown.status_code, slug(unknown)) == (404, "reward-schedule-not-found")
