"""Who may move, approve, cancel and see what: the fund is the province's, and no act is one person's."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.rewards.conftest import TODAY, Rewards
from tests.rewards.test_awards import P, slug

Row = dict[str, Any]
DAY = TODAY.isoformat()


def offered(of: Row) -> Mapping[str, bool]:
    return {one["action"]: one["enabled"] for one in of["available_actions"]}


async def offers(caller: Caller, path: str) -> Mapping[str, bool]:
    answer = await caller.get(path)
    assert answer.status_code == 200, answer.text
    return offered(answer.json())


def does_not_pay(rewards: Rewards, who: str) -> Caller:
    """Return a disbursement system that can see the first enterprise and pays out of no fund."""
    if who == "a city's":
        return rewards.service.caller("disbursement", region="520100")
    return rewards.service.caller("disbursement", region="520000", uscc=uscc_of(1))


# ---------------------------------------------------------------- whose fund it is


@pytest.mark.parametrize("who", ["a city's", "an enterprise's own"])
async def test_money_is_confirmed_by_the_system_that_pays_out_of_the_whole_fund(
    rewards: Rewards, who: str
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()
    other = does_not_pay(rewards, who)
    path = f"/awards/{award['id']}"
    payment = {"amount": "100000.00", "paid_on": DAY, "voucher": "V-1"}
    returned = {"voucher": "V-1", "returned_on": DAY, "reference": "B-1", "reason": "账号有误"}
    rejected = {"rejected_on": DAY, "reference": "B-2", "reason": "账号有误"}
    order = (await rewards.award(award["id"]))["orders"][0]
    line = f"/disbursement-batches/{order['batch_id']}/lines/{order['line_number']}"

    paid = await other.post(f"{path}/disbursement", json=payment)
    offered_to_pay = await offers(other, path)
    await rewards.pay(award["id"], "100000.00", "V-1")
    sent_back = await other.post(f"{path}/returns", json=returned)
    refused = await other.post(f"{line}/rejection", json=rejected)

    assert [paid.status_code, sent_back.status_code] == [403, 403]
    assert refused.status_code == 404, "it may not even see the batch"
    assert not offered_to_pay["disburse"]
    assert not (await offers(other, path))["return"]
    found = await rewards.award(award["id"])
    assert (found["paid"], found["orders"][0]["status"]) == ("100000.00", "ordered")
    assert (await offers(rewards.treasury, path))["disburse"]


@pytest.mark.parametrize("who", ["a city's", "an enterprise's own"])
async def test_a_recovery_is_settled_by_the_system_that_pays_out_of_the_whole_fund(
    rewards: Rewards, who: str
) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    await rewards.revoked(recognition_id)
    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    other = does_not_pay(rewards, who)
    path = f"/recoveries/{recovery['id']}"

    repaid = await other.post(
        f"{path}/repayments", json={"amount": "200000.00", "paid_on": DAY, "voucher": "R-1"}
    )

    assert (repaid.status_code, slug(repaid)) == (403, "not-allowed")
    assert not (await offers(other, path))["repay"]
    assert (await offers(rewards.treasury, path))["repay"]
