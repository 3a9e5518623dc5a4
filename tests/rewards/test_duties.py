"""Who may move, approve, cancel and see what: the fund is the province's, and no act is one person's."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from services.contracts.rewards import AwardOrdered, OrderRejected, OrderStopped
from services.kernel.events.event import Event
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.rewards.conftest import TODAY, Rewards, schedule_body
from tests.rewards.test_awards import N, P, slug

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


# ---------------------------------------------------------------- approved and cancelled


async def cancel(rewards: Rewards, award: Row, sub: str = "finance-2") -> Any:
    path = f"/awards/{award['id']}/cancellation"
    return await rewards.finance(sub).post(path, json={"reason": "材料有误"})


async def approve(rewards: Rewards, award: Row) -> Any:
    return await rewards.finance("finance-2").post(f"/awards/{award['id']}/approval")


async def offered_to_another(rewards: Rewards, award: Row) -> tuple[bool, bool]:
    """Return whether a second officer is offered to approve and to cancel, alone and in the list."""
    second = rewards.finance("finance-2")
    listed = (await second.get(f"/awards?uscc={award['uscc']}")).json()["items"]
    offers_listed = offered(next(one for one in listed if one["id"] == award["id"]))
    offers_alone = await offers(second, f"/awards/{award['id']}")
    assert offers_alone == offers_listed
    return offers_alone["approve"], offers_alone["cancel"]


async def test_who_proposed_an_award_does_not_cancel_it(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = (await rewards.propose()).json()
    path = f"/awards/{award['id']}"

    own = await cancel(rewards, award, "finance-1")
    own_offer = (await offers(rewards.finance("finance-1"), path))["cancel"]
    others_offer = (await offers(rewards.finance("finance-2"), path))["cancel"]
    other = await cancel(rewards, award, "finance-2")

    assert (own.status_code, slug(own)) == (409, "separation-of-duties")
    assert (own_offer, others_offer) == (False, True)
    assert other.json()["status"] == "cancelled"


async def topped_up(rewards: Rewards, settlement: str = "top_up") -> tuple[Row, Row, UUID, UUID]:
    """Propose the lower title's award, then approve the higher one's that it is set against."""
    await rewards.schedule(settlement=settlement)
    lower = await rewards.holds(1, P)
    first = (await rewards.propose()).json()
    higher = await rewards.holds(1, N)
    second = await rewards.approved()
    assert second["set_against"] == [first["id"]]
    return first, second, lower, higher


async def test_a_proposal_whose_title_was_given_up_is_paid_as_a_part_of_the_higher_amount(
    rewards: Rewards,
) -> None:
    first, second, lower, _ = await topped_up(rewards)

    await rewards.revoked(lower, "voluntary", recovers=False)
    offer = await offered_to_another(rewards, first)
    cancelled = await cancel(rewards, first)
    approved = await approve(rewards, first)

    assert offer == (True, False)
    assert (cancelled.status_code, slug(cancelled)) == (409, "award-set-against")
    assert approved.json()["status"] == "approved", approved.text
    assert second["amount"] == "300000.00"
    assert (await rewards.statement())["granted"] == "500000.00"


async def test_a_proposal_is_no_part_of_what_was_cancelled(rewards: Rewards) -> None:
    first, second, lower, _ = await topped_up(rewards)
    await rewards.revoked(lower, "voluntary", recovers=False)

    assert (await cancel(rewards, second)).status_code == 200
    offer = await offered_to_another(rewards, first)
    approved = await approve(rewards, first)
    cancelled = await cancel(rewards, first)

    assert offer == (False, True)
    assert (approved.status_code, slug(approved)) == (409, "title-no-longer-held")
    assert cancelled.json()["status"] == "cancelled"
    assert (await rewards.calculated())["payable"] == "500000.00"


@pytest.mark.parametrize("is_paid", [False, True])
@pytest.mark.parametrize("recovers", [False, True])
async def test_no_proposal_waits_for_ever_however_both_titles_end(
    rewards: Rewards, recovers: bool, is_paid: bool
) -> None:
    first, second, lower, higher = await topped_up(rewards)
    if is_paid:
        await rewards.ordered(second["id"])
        await rewards.pay(second["id"], second["amount"])

    await rewards.revoked(lower, "voluntary", recovers=False)
    await rewards.revoked(higher, recovers=recovers)
    offer = await offered_to_another(rewards, first)
    approved = await approve(rewards, first)
    cancelled = await cancel(rewards, first)

    # An award that was approved for a title that was given up is paid out, and so is its part.
    assert offer == (not recovers, recovers)
    assert (approved.status_code == 200, cancelled.status_code == 200) == offer


async def test_a_title_that_fell_before_anybody_approved_a_part_of_it_leaves_nothing_to_approve(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    first = (await rewards.propose()).json()
    higher = await rewards.holds(1, N)
    second = (await rewards.propose()).json()

    for one in (lower, higher):
        await rewards.revoked(one, "voluntary", recovers=False)
    answers = [await approve(rewards, one) for one in (first, second)]
    cancelled = [await cancel(rewards, one) for one in (first, second)]

    assert {slug(one) for one in answers} == {"title-no-longer-held"}
    assert [one.status_code for one in cancelled] == [200, 200]


@pytest.mark.parametrize("settlement", ["higher_full", "no_offset"])
async def test_only_with_top_up_is_a_lower_award_a_part_of_the_higher_one(
    rewards: Rewards, settlement: str
) -> None:
    first, second, lower, _ = await topped_up(rewards, settlement)

    offer = await offered_to_another(rewards, first)
    await rewards.revoked(lower, "voluntary", recovers=False)
    offer_after = await offered_to_another(rewards, first)
    approved = await approve(rewards, first)
    cancelled = await cancel(rewards, first)

    assert (offer, offer_after) == ((True, True), (False, True))
    assert (approved.status_code, slug(approved)) == (409, "title-no-longer-held")
    assert cancelled.json()["status"] == "cancelled"
    assert second["amount"] == "500000.00"


# ---------------------------------------------------------------- who is told what


async def test_the_numbers_of_orders_are_told_to_offices_of_the_fund_alone(
    rewards: Rewards,
) -> None:
    """Lines 1 and 3 of a batch would say that a hidden enterprise was paid between them."""
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    award = await rewards.payable()
    await rewards.pay(award["id"], "100000.00", "V-1")
    order = (await rewards.award(award["id"]))["orders"][0]
    await rewards.revoked(recognition_id)
    await rewards.treasury.post(
        f"/disbursement-batches/{order['batch_id']}/lines/1/rejection",
        json={"rejected_on": DAY, "reference": "B-1", "reason": "已停止付款"},
    )
    service, path = rewards.service, f"/awards/{award['id']}"
    of_the_fund = [
        rewards.treasury,
        rewards.finance(),
        service.caller("auditor", region="520000"),
    ]
    others = [
        service.caller("enterprise", uscc=uscc_of(1)),
        service.caller("disbursement", region="520000", uscc=uscc_of(1)),
        service.caller("evaluator", region="520000"),
        service.caller("provincial_office", region="520000"),
    ]

    async def seen(caller: Caller) -> list[tuple[int, Any, Any]]:
        one = (await caller.get(path)).json()
        (listed,) = (await caller.get("/awards")).json()["items"]
        (stated,) = (await caller.get(f"/award-statements/{uscc_of(1)}")).json()["awards"]
        return [
            (
                len(award["orders"]),
                award["payments"][0]["batch_id"],
                award["payments"][0]["line_number"],
            )
            for award in (one, listed, stated)
        ]

    for caller in of_the_fund:
        assert await seen(caller) == [(1, order["batch_id"], 1)] * 3
    for caller in others:
        assert await seen(caller) == [(0, None, None)] * 3
    events = await service.events()
    assert {"ordered", "order-stopped", "order-rejected"} <= {
        one["type"].split(".")[3] for one in events
    }
    told: list[type[Event]] = [AwardOrdered, OrderStopped, OrderRejected]
    assert not any({"batch_number", "line_number"} & one.FOR_PARTNERS for one in told)


async def test_a_draft_is_seen_by_those_who_keep_or_audit_its_fund(rewards: Rewards) -> None:
    approved = await rewards.schedule()
    draft = (
        await rewards.finance().post("/reward-schedules", json=schedule_body(code="2027-draft"))
    ).json()
    service = rewards.service

    async def seen(caller: Caller, query: str = "") -> tuple[list[str], int]:
        listed = (await caller.get(f"/reward-schedules{query}")).json()["items"]
        read = await caller.get(f"/reward-schedules/{draft['id']}")
        return [one["code"] for one in listed], read.status_code

    for keeper in (rewards.finance("finance-2"), service.caller("auditor", region="520000")):
        assert await seen(keeper) == (["2027-draft", "2026-demo"], 200)
    for other in (
        service.caller("enterprise", uscc=uscc_of(1)),
        service.caller("evaluator", region="520000"),
        service.caller("disbursement", region="520000"),
        service.caller("provincial_office", region="520000"),
        rewards.finance(region="520100"),
        service.caller("auditor", region="520100"),
    ):
        assert await seen(other) == (["2026-demo"], 404)
        assert await seen(other, "?status=draft") == ([], 404)
        read = await other.get(f"/reward-schedules/{approved['id']}")
        assert read.status_code == 200


@pytest.mark.parametrize("form", ["jws", "xlsx"])
async def test_no_whole_is_given_of_a_division_that_is_none(rewards: Rewards, form: str) -> None:
    path = f"/award-statements.{form}?fiscal_year=2026&region="

    answers = [await rewards.finance().get(path + code) for code in ("529999", "520100", "530000")]

    assert [one.status_code for one in answers] == [422, 200, 403]
    assert slug(answers[0]) == "unknown-division"
