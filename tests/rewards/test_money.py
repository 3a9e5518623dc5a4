"""Money makes the whole trip to the cent, and nothing that is not money sets out."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.builders.enterprises import uscc_of
from tests.rewards.conftest import TODAY, Rewards, schedule_body
from tests.rewards.test_awards import N, P, slug

HIGHEST = "9999999999999.99"
"""The highest amount that is read: thirteen digits before the point."""

NO_MONEY: tuple[Any, ...] = (
    1,
    1.5,
    200000,
    -1,
    0,
    True,
    False,
    None,
    [],
    ["1.00"],
    {},
    "",
    " ",
    " 1",
    "1 ",
    "1.00\n",
    "1\u00a0000",
    "1e3",
    "1E3",
    "1.000",
    "1.005",
    "-1.00",
    "-0.01",
    "+1",
    "１",
    "1.０0",
    "٣",
    "1,000.00",
    "1_000",
    "1.",
    ".5",
    "1..0",
    "0x10",
    "NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "null",
    "一万",
    "￥1.00",
    "1.00元",
    "0",
    "0.0",
    "0.00",
    "-0",
    "00.01",
    "01",
    "1" + "0" * 13,
    "9" * 400,
)


async def whole_trip(rewards: Rewards, scheduled: str, parts: list[str]) -> dict[str, str]:
    """Schedule, calculate, grant, order and pay an amount in parts. Return it as it was told."""
    drafted = await rewards.schedule(
        amounts=[{"title": P, "amount": scheduled}],
        budgets=[{"fiscal_year": 2026, "amount": scheduled}],
    )
    read = (await rewards.finance().get(f"/reward-schedules/{drafted['id']}")).json()
    await rewards.holds(1, P)
    calculated = await rewards.calculated()
    approved = await rewards.approved()
    batch = await rewards.ordered(approved["id"])
    for number, part in enumerate(parts):
        answer = await rewards.pay(approved["id"], part, f"V-{number}")
        assert answer.status_code == 200, answer.text
    award = await rewards.award(approved["id"])
    statement = await rewards.statement()
    after = (await rewards.finance().get(f"/disbursement-batches/{batch['id']}")).json()
    budget = (await rewards.finance().get(f"/reward-schedules/{drafted['id']}")).json()["budgets"]
    events = [event["data"] for event in await rewards.service.events()]
    return {
        "scheduled": read["amounts"][0]["amount"],
        "budget": read["budgets"][0]["amount"],
        "reserved": budget[0]["granted"],
        "payable": calculated["payable"],
        "considered": calculated["highest"]["amount"],
        "decided": award["amount"],
        "kept with the award": award["calculation"]["payable"],
        "ordered in all": batch["total"],
        "ordered": batch["lines"][0]["amount"],
        "paid on the order": after["lines"][0]["paid"],
        "paid of the batch": after["paid"],
        "paid": award["paid"],
        "granted by the statement": statement["granted"],
        "paid by the statement": statement["disbursed"],
        "told by the feed": events[0]["amount"],
        "ordered by the feed": events[2]["ordered"],
        "paid by the feed": _sum(event["paid"] for event in events[3:]),
        "paid in parts": _sum(one["amount"] for one in award["payments"]),
    }


def _sum(amounts: Any) -> str:
    return f"{sum(Decimal(amount) for amount in amounts):.2f}"


@pytest.mark.parametrize(
    ("amount", "parts"),
    [
        ("0.01", ["0.01"]),
        ("0.10", ["0.03", "0.03", "0.04"]),
        ("100000.00", ["33333.33", "33333.33", "33333.33", "0.01"]),
        ("1000000000000.00", ["333333333333.33", "333333333333.33", "333333333333.34"]),
        (HIGHEST, ["9999999999999.98", "0.01"]),
    ],
)
async def test_an_amount_survives_the_whole_trip_to_the_cent(
    rewards: Rewards, amount: str, parts: list[str]
) -> None:
    told = await whole_trip(rewards, amount, parts)

    assert told == dict.fromkeys(told, amount)
    (award,) = (await rewards.statement())["awards"]
    assert award["status"] == "disbursed"
    assert [one["amount"] for one in award["payments"]] == parts


@pytest.mark.parametrize(
    ("written", "read"),
    [("1", "1.00"), ("1.5", "1.50"), ("0.1", "0.10"), ("1000000000000", "1000000000000.00")],
)
async def test_an_amount_is_told_with_two_places_however_it_was_written(
    rewards: Rewards, written: str, read: str
) -> None:
    drafted = await rewards.schedule(amounts=[{"title": P, "amount": written}])

    assert drafted["amounts"][0]["amount"] == read


async def test_a_third_is_paid_back_to_the_cent(rewards: Rewards) -> None:
    await rewards.schedule(amounts=[{"title": P, "amount": "100000.00"}])
    recognition_id = await rewards.holds(1, P)
    award = await rewards.paid(1, "V-1")
    await rewards.revoked(recognition_id)
    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]

    lefts = []
    for number, amount in enumerate(["33333.33", "33333.33", "33333.33", "0.01"]):
        answer = await rewards.treasury.post(
            f"/recoveries/{recovery['id']}/repayments",
            json={"amount": amount, "paid_on": TODAY.isoformat(), "voucher": f"R-{number}"},
        )
        lefts.append((answer.json()["left"], answer.json()["status"]))

    assert lefts == [
        ("66666.67", "open"),
        ("33333.34", "open"),
        ("0.01", "open"),
        ("0.00", "settled"),
    ]
    assert (await rewards.award(award["id"]))["repaid"] == "100000.00"


async def test_a_difference_of_one_cent_is_granted_and_called_back(rewards: Rewards) -> None:
    await rewards.schedule(
        amounts=[{"title": P, "amount": "999999.99"}, {"title": N, "amount": "1000000.00"}],
        budgets=[{"fiscal_year": 2026, "amount": "1000000.00"}],
    )
    await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    higher = await rewards.holds(1, N)
    award = await rewards.paid(1, "V-2")
    await rewards.revoked(higher)

    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    assert (award["amount"], recovery["due"]) == ("0.01", "0.01")


# ---------------------------------------------------------------- what is no money

Send = Callable[[Any], Awaitable[Any]]


async def _places(rewards: Rewards) -> Mapping[str, Send]:
    """Return how to send an amount to each place that reads one, by its pointer's name."""
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    await rewards.paid(1, "V-0")
    await rewards.revoked(recognition_id)
    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    await rewards.holds(2, P)
    award = await rewards.payable(2)
    back = f"/recoveries/{recovery['id']}"
    day = TODAY.isoformat()

    async def scheduled(amount: Any) -> Any:
        lines = [{"title": N, "amount": "1.00"}, {"title": P, "amount": amount}]
        body = schedule_body(code="other", amounts=lines)
        return await rewards.finance().post("/reward-schedules", json=body)

    async def budgeted(amount: Any) -> Any:
        body = schedule_body(code="other", budgets=[{"fiscal_year": 2026, "amount": amount}])
        return await rewards.finance().post("/reward-schedules", json=body)

    async def paid(amount: Any) -> Any:
        return await rewards.pay(award["id"], amount)

    async def repaid(amount: Any) -> Any:
        body = {"amount": amount, "paid_on": day, "voucher": "R-1"}
        return await rewards.treasury.post(f"{back}/repayments", json=body)

    async def waived(amount: Any) -> Any:
        body = {"amount": amount, "reason": "破产", "document_number": "示例〔2026〕3号"}
        return await rewards.finance().post(f"{back}/waivers", json=body)

    async def planned(amount: Any) -> Any:
        body = {"instalments": [{"due_on": day, "amount": amount}], "reason": "分期"}
        return await rewards.finance().post(f"{back}/plan", json=body)

    return {
        "/amounts/1/amount": scheduled,
        "/budgets/0/amount": budgeted,
        "/amount": paid,
        "/amount of a repayment": repaid,
        "/amount of a waiver": waived,
        "/instalments/0/amount": planned,
    }


async def test_what_is_no_amount_is_refused_wherever_money_is_read(rewards: Rewards) -> None:
    places = await _places(rewards)
    before = len(await rewards.service.history())

    for pointer, send in places.items():
        for given in NO_MONEY:
            refused = await send(given)
            wrong = refused.json()["errors"][0]
            assert (refused.status_code, slug(refused)) == (422, "malformed-request"), given
            assert wrong["pointer"] == pointer.partition(" ")[0], given
            assert wrong["detail"], given

    assert len(await rewards.service.history()) == before, "what was refused left nothing behind"


@pytest.mark.parametrize("body", [b'{"amount": 1e3', b'{"amount": NaN}', b'{"amount": 1.00}'])
async def test_a_number_of_json_is_refused_also_where_it_is_written_with_cents(
    rewards: Rewards, body: bytes
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()

    refused = await rewards.treasury.post(
        f"/awards/{award['id']}/disbursement",
        content=body,
        headers={"Content-Type": "application/json"},
    )

    assert (refused.status_code, slug(refused)) == (422, "malformed-request")
    assert (await rewards.statement())["disbursed"] == "0.00"


async def test_the_highest_amount_of_all_is_no_reason_to_fail(rewards: Rewards) -> None:
    """A sum of many may have a digit more than each of them; nobody is answered with a 500."""
    await rewards.schedule(
        amounts=[{"title": P, "amount": HIGHEST}],
        budgets=[{"fiscal_year": 2026, "amount": HIGHEST}],
    )
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    first = await rewards.paid(1, "V-1")

    second = await rewards.propose(2)
    returned = await rewards.treasury.post(
        f"/awards/{first['id']}/returns",
        json={
            "voucher": "V-1",
            "returned_on": TODAY.isoformat(),
            "reference": "B-1",
            "reason": "账号有误",
        },
    )
    await rewards.ordered(first["id"])
    again = await rewards.pay(first["id"], HIGHEST, "V-2")

    assert (second.status_code, slug(second)) == (409, "budget-exceeded")
    assert (returned.json()["paid"], again.json()["paid"]) == ("0.00", HIGHEST)
    found = await rewards.finance().get(f"/award-statements/{uscc_of(1)}")
    assert found.json()["disbursed"] == HIGHEST
