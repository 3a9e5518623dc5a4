"""Reward schedules: amounts that two officers answer for."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller, as_owner
from tests.rewards.conftest import Rewards, schedule_body


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def test_nothing_is_calculated_without_an_approved_schedule(rewards: Rewards) -> None:
    await rewards.holds(1, "provincial_little_giant")
    await rewards.finance().post("/reward-schedules", json=schedule_body())

    answer = await rewards.finance().post(
        "/award-calculations", json={"uscc": rewards.granted.popitem()[1]["uscc"]}
    )

    assert (answer.status_code, slug(answer)) == (409, "no-reward-schedule-in-force")


async def test_a_schedule_is_approved_by_another_person_once(rewards: Rewards) -> None:
    drafted = (await rewards.finance("one").post("/reward-schedules", json=schedule_body())).json()
    path = f"/reward-schedules/{drafted['id']}/approval"

    own = await rewards.finance("one").post(path)
    other = await rewards.finance("two").post(path)
    again = await rewards.finance("two").post(path)

    assert (own.status_code, slug(own)) == (409, "separation-of-duties")
    assert other.json()["status"] == "approved"
    assert (again.status_code, slug(again)) == (409, "reward-schedule-approved")


async def test_the_fund_is_kept_by_the_provinces_finance_office(rewards: Rewards) -> None:
    city = rewards.finance(region="520100")
    province = rewards.service.caller("provincial_office", region="520000")

    answers = [
        await caller.post("/reward-schedules", json=schedule_body()) for caller in (city, province)
    ]

    assert [answer.status_code for answer in answers] == [403, 403]


async def test_a_later_schedule_takes_the_place_of_an_earlier_one(rewards: Rewards) -> None:
    first = await rewards.schedule()
    second = await rewards.schedule(
        code="2027-demo",
        effective_from="2027-01-01",
        effective_until="2027-07-01",
        amounts=[{"title": "provincial_little_giant", "amount": "300000.00"}],
    )
    await rewards.holds(1, "provincial_little_giant")

    async def payable(on: str) -> str:
        answer = await rewards.finance().post(
            "/award-calculations", json={"uscc": uscc_of(1), "on": on}
        )
        return str(answer.json().get("payable", slug(answer) if answer.is_error else ""))

    read = (await rewards.finance().get(f"/reward-schedules/{first['id']}")).json()
    assert (read["superseded_on"], read["is_in_force"]) == ("2027-01-01", True)
    assert (second["superseded_on"], second["is_in_force"]) == (None, False)
    assert await payable("2026-12-31") == "200000.00"
    assert await payable("2027-01-01") == "300000.00"
    assert await payable("2027-06-30") == "300000.00"
    # An earlier one does not come back once another has taken its place.
    assert await payable("2027-07-01") == "no-reward-schedule-in-force"
    assert await payable("2025-12-31") == "no-reward-schedule-in-force"


@pytest.mark.parametrize("effective_from", ["2026-01-01", "2026-08-31"])
async def test_what_was_in_force_on_days_gone_by_is_not_changed(
    rewards: Rewards, effective_from: str
) -> None:
    await rewards.schedule()
    drafted = (
        await rewards.finance("one").post(
            "/reward-schedules", json=schedule_body(code="late", effective_from=effective_from)
        )
    ).json()

    refused = await rewards.finance("two").post(f"/reward-schedules/{drafted['id']}/approval")
    from_today = await rewards.schedule(code="now", effective_from="2026-09-01")

    assert (refused.status_code, slug(refused)) == (409, "reward-schedule-overlaps")
    assert from_today["is_in_force"] is True


async def test_an_approved_schedule_is_never_edited_even_by_sql(rewards: Rewards) -> None:
    schedule = await rewards.schedule()
    login = rewards.service.owner.set(username="srdi_rewards")
    amount = f"VALUES ('{schedule['id']}', 9, 'provincial_little_giant', 'recognition', 900000)"
    budget = f"VALUES ('{schedule['id']}', 2030, 900000)"

    for statement in (
        "UPDATE rewards.reward_schedules SET status = 'draft', approved_by = NULL",
        f"INSERT INTO rewards.schedule_amounts (schedule_id, number, title, event, amount) {amount}",
        f"INSERT INTO rewards.budgets (schedule_id, fiscal_year, amount) {budget}",
    ):
        with pytest.raises(IntegrityError, match="approved schedule"):
            await as_owner(login, statement)


async def test_two_overlapping_approvals_at_once_approve_one(rewards: Rewards) -> None:
    drafts = [
        (
            await rewards.finance("one").post("/reward-schedules", json=schedule_body(code=code))
        ).json()
        for code in ("a", "b", "c")
    ]

    answers = await asyncio.gather(
        *(
            rewards.finance("two").post(f"/reward-schedules/{draft['id']}/approval")
            for draft in drafts
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


@pytest.mark.parametrize(
    ("changed", "pointers"),
    [
        ({"amounts": [{"title": "srdi_sme", "amount": "1.00"}]}, ["/amounts/0/title"]),
        (
            {"amounts": [{"title": "national_little_giant", "amount": "1", "region": "520999"}]},
            ["/amounts/0/region"],
        ),
        (
            {"amounts": [{"title": "national_little_giant", "amount": "1"}] * 2},
            ["/amounts/1"],
        ),
        ({"effective_until": "2026-01-01"}, ["/effective_until"]),
        ({"effective_from": "2021-05-05"}, ["/effective_from"]),
        ({"budgets": [{"fiscal_year": 2026, "amount": "1"}] * 2}, ["/budgets/1"]),
    ],
)
async def test_a_schedule_that_does_not_hold_together_is_refused(
    rewards: Rewards, changed: dict[str, Any], pointers: list[str]
) -> None:
    refused = await rewards.finance().post("/reward-schedules", json=schedule_body(**changed))

    assert (refused.status_code, slug(refused)) == (422, "reward-schedule-not-possible")
    assert [error["pointer"] for error in refused.json()["errors"]] == pointers


@pytest.mark.parametrize(
    "amount",
    [200000, 1.5, "2e5", "1.005", "-1", "0", "0.00", "", "１００", "1" * 14, None, "1,000"],
)
async def test_money_is_a_decimal_string_and_nothing_else(rewards: Rewards, amount: Any) -> None:
    body = schedule_body(amounts=[{"title": "national_little_giant", "amount": amount}])

    refused = await rewards.finance().post("/reward-schedules", json=body)

    assert (refused.status_code, slug(refused)) == (422, "malformed-request")
    assert refused.json()["errors"][0]["pointer"] == "/amounts/0/amount"
    assert (
        "元" in refused.json()["errors"][0]["detail"]
        or "零" in refused.json()["errors"][0]["detail"]
    )


async def test_the_database_itself_refuses_money_above_the_budget(rewards: Rewards) -> None:
    await rewards.schedule()

    with pytest.raises(IntegrityError, match="granted_within_budget"):
        await as_owner(rewards.service.owner, "UPDATE rewards.budgets SET granted = amount + 0.01")


async def test_what_was_granted_is_told_to_who_keeps_or_audits_the_fund(rewards: Rewards) -> None:
    """Of a hidden enterprise's award not even its moment and amount may show."""
    await rewards.schedule()
    await rewards.holds(1, "provincial_little_giant", is_secret=True)
    await rewards.approved()

    async def granted(caller: Caller) -> Any:
        listed = (await caller.get("/reward-schedules")).json()["items"]
        return listed[0]["budgets"][0]["granted"]

    service = rewards.service
    assert await granted(rewards.finance()) == "200000.00"
    assert await granted(service.caller("auditor", region="520000")) == "200000.00"
    for outsider in (
        service.caller("enterprise", uscc=uscc_of(2)),
        service.caller("auditor", region="520100"),
        service.caller("disbursement", region="520000"),
    ):
        assert await granted(outsider) is None
