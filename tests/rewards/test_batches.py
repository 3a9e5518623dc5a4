"""拨付批次: numbered without gaps, each award on one open order, rejected and sent again."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders.services import Caller
from tests.rewards.conftest import TODAY, Rewards
from tests.rewards.test_awards import P, slug, types

Row = dict[str, Any]
TOMORROW = TODAY + timedelta(days=1)


async def approved(rewards: Rewards, *serials: int) -> list[Row]:
    """Approve a provincial award of 200,000 for each."""
    for serial in serials:
        await rewards.holds(serial, P)
    return [await rewards.approved(serial) for serial in serials]


async def order(rewards: Rewards, *award_ids: str, fiscal_year: int = 2026) -> Any:
    """Order the awards named, or all of the year."""
    body: Row = {"fiscal_year": fiscal_year}
    if award_ids:
        body["award_ids"] = list(award_ids)
    return await rewards.finance().post("/disbursement-batches", json=body)


async def reject(
    rewards: Rewards, batch: Row, reference: str = "B-1", line: int = 1, **changed: Any
) -> Any:
    body = {"rejected_on": TODAY.isoformat(), "reference": reference, "reason": "账号有误"}
    return await rewards.treasury.post(
        f"/disbursement-batches/{batch['id']}/lines/{line}/rejection", json=body | changed
    )


async def send_back(rewards: Rewards, award: Row, voucher: str, **changed: Any) -> Any:
    body = {
        "voucher": voucher,
        "returned_on": TODAY.isoformat(),
        "reference": f"B-{voucher}",
        "reason": "账号有误",
    }
    return await rewards.treasury.post(f"/awards/{award['id']}/returns", json=body | changed)


async def test_a_batch_lists_what_is_approved_and_unpaid_the_oldest_first(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    first, second = await approved(rewards, 1, 2)
    await rewards.holds(3, P)
    await rewards.propose(3)

    answer = await order(rewards)

    batch = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/disbursement-batches/{batch['id']}"
    assert [line["award_id"] for line in batch["lines"]] == [first["id"], second["id"]]
    assert [line["number"] for line in batch["lines"]] == [1, 2]
    assert (batch["number"], batch["total"]) == ("2026-0001", "400000.00")
    assert (batch["lines_count"], batch["open_lines_count"]) == (2, 2)
    assert (await types(rewards))[-2:] == ["ordered", "ordered"]
    assert await rewards.service.chain_is_sound()


async def test_parallel_orders_are_numbered_without_a_gap(rewards: Rewards) -> None:
    await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "2000000.00"}])
    awards = await approved(rewards, *range(1, 9))

    answers = await asyncio.gather(*(order(rewards, award["id"]) for award in awards))
    nothing = await order(rewards)
    listed = (await rewards.finance().get("/disbursement-batches?fiscal_year=2026")).json()

    assert {answer.status_code for answer in answers} == {201}
    assert (nothing.status_code, slug(nothing)) == (409, "nothing-to-order")
    numbers = [f"2026-{number:04}" for number in range(1, 9)]
    assert sorted(answer.json()["number"] for answer in answers) == numbers
    assert sorted(one["number"] for one in listed["items"]) == numbers
    assert listed["items"] == sorted(listed["items"], key=lambda one: one["id"], reverse=True)


async def test_a_refused_order_uses_no_number(rewards: Rewards) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)
    refused = [
        await order(rewards, fiscal_year=2025),
        await order(rewards, award["id"], fiscal_year=2027),
        await order(rewards, award["id"], "0199e7c0-0000-7000-8000-000000000000"),
    ]

    ordered = await order(rewards, award["id"])

    assert {(one.status_code, slug(one)) for one in refused} == {(409, "nothing-to-order")}
    assert ordered.json()["number"] == "2026-0001"


async def test_each_fiscal_year_counts_its_own_batches(rewards: Rewards) -> None:
    await rewards.schedule(
        budgets=[{"fiscal_year": year, "amount": "1000000.00"} for year in (2026, 2027)]
    )
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    for serial, year in ((1, 2026), (2, 2027)):
        proposed = (await rewards.propose(serial, fiscal_year=year)).json()
        await rewards.finance("finance-2").post(f"/awards/{proposed['id']}/approval")

    numbers = [(await order(rewards, fiscal_year=year)).json()["number"] for year in (2026, 2027)]

    assert numbers == ["2026-0001", "2027-0001"]


async def test_an_award_is_in_one_open_batch_however_many_order_it_at_once(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    awards = await approved(rewards, 1, 2, 3)
    ids = [award["id"] for award in awards]

    answers = await asyncio.gather(
        *(order(rewards, *ids) for _ in range(3)),
        *(order(rewards, *reversed(ids)) for _ in range(2)),
        *(order(rewards) for _ in range(3)),
        *(order(rewards, one) for one in ids),
    )

    assert {answer.status_code for answer in answers} <= {201, 409}
    lines = [line for answer in answers if answer.is_success for line in answer.json()["lines"]]
    assert sorted(line["award_id"] for line in lines) == sorted(ids)
    for award_id in ids:
        assert len((await rewards.award(award_id))["orders"]) == 1


async def test_what_is_ordered_is_not_cancelled(rewards: Rewards) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)
    batch = (await order(rewards)).json()
    path, body = f"/awards/{award['id']}/cancellation", {"reason": "材料有误"}

    under_way = await rewards.finance("finance-2").post(path, json=body)
    await reject(rewards, batch)
    cancelled = await rewards.finance("finance-2").post(path, json=body)
    gone = await order(rewards)

    assert (under_way.status_code, slug(under_way)) == (409, "award-ordered")
    assert cancelled.json()["status"] == "cancelled"
    assert (gone.status_code, slug(gone)) == (409, "nothing-to-order")


async def test_a_cancellation_and_an_order_at_once_leave_one_of_them(rewards: Rewards) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)

    ordered, cancelled = await asyncio.gather(
        order(rewards, award["id"]),
        rewards.finance("finance-2").post(
            f"/awards/{award['id']}/cancellation", json={"reason": "材料有误"}
        ),
    )

    found = await rewards.award(award["id"])
    assert sorted((ordered.is_success, cancelled.is_success)) == [False, True]
    assert (len(found["orders"]) == 1) == ordered.is_success
    assert (found["status"] == "cancelled") == cancelled.is_success


async def test_a_rejected_order_is_sent_again_in_another_batch(rewards: Rewards) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)
    first = (await order(rewards)).json()
    await rewards.pay(award["id"], "80000.00", "V-1")

    rejected = await reject(rewards, first)
    too_late = await rewards.pay(award["id"], "1.00", "V-2")
    second = (await order(rewards)).json()
    rest = await rewards.pay(award["id"], "120000.00", "V-3")

    assert (rejected.json()["status"], rejected.json()["paid"]) == ("rejected", "80000.00")
    assert (too_late.status_code, slug(too_late)) == (409, "award-not-ordered")
    assert (second["number"], second["total"]) == ("2026-0002", "120000.00")
    assert rest.json()["status"] == "disbursed"
    assert [one["status"] for one in rest.json()["orders"]] == ["rejected", "paid"]
    assert "order-rejected" in await types(rewards)


async def test_a_rejection_counts_once_and_another_one_is_refused(rewards: Rewards) -> None:
    await rewards.schedule()
    await approved(rewards, 1)
    batch = (await order(rewards)).json()
    first = await reject(rewards, batch, "B-1")
    events = await types(rewards)

    repeats = [await reject(rewards, batch, written) for written in ("B-1", "b-1", "Ｂ-1 ")]
    other = await reject(rewards, batch, "B-2")
    await order(rewards)
    late_repeat = await reject(rewards, batch, "B-1")

    assert all(one.json() == first.json() for one in [*repeats, late_repeat])
    assert (other.status_code, slug(other)) == (409, "order-closed")
    assert await types(rewards) == [*events, "ordered"]


async def test_an_order_that_was_paid_is_not_rejected(rewards: Rewards) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)
    batch = (await order(rewards)).json()
    await rewards.pay(award["id"], "200000.00")

    refused = await reject(rewards, batch)
    nowhere = await reject(rewards, batch, line=2)

    assert (refused.status_code, slug(refused)) == (409, "order-closed")
    assert (nowhere.status_code, slug(nowhere)) == (404, "order-not-found")


async def test_a_payment_and_a_rejection_at_once_are_both_right_or_one_is_refused(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)
    batch = (await order(rewards)).json()

    paid, rejected = await asyncio.gather(
        rewards.pay(award["id"], "200000.00"), reject(rewards, batch)
    )

    found = await rewards.award(award["id"])
    assert sorted((paid.is_success, rejected.is_success)) == [False, True]
    assert found["paid"] == ("200000.00" if paid.is_success else "0.00")
    assert found["orders"][0]["status"] == ("paid" if paid.is_success else "rejected")


async def test_what_the_bank_returned_is_owed_and_paid_again(rewards: Rewards) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)
    await order(rewards)
    await rewards.pay(award["id"], "150000.00", "V-1")
    await rewards.pay(award["id"], "50000.00", "V-2")

    returned = await send_back(rewards, award, "V-1")
    repeat = await send_back(rewards, award, "v-1")
    unordered = await rewards.pay(award["id"], "150000.00", "V-3")
    old_voucher = await rewards.pay(award["id"], "150000.00", "V-1")
    second = (await order(rewards)).json()
    again = await rewards.pay(award["id"], "150000.00", "V-3")

    assert (returned.json()["status"], returned.json()["paid"]) == ("approved", "50000.00")
    assert repeat.json()["payments"] == returned.json()["payments"]
    assert (unordered.status_code, slug(unordered)) == (409, "award-not-ordered")
    assert (old_voucher.status_code, old_voucher.json()["paid"]) == (200, "50000.00")
    assert second["total"] == "150000.00"
    assert (again.json()["status"], again.json()["paid"]) == ("disbursed", "200000.00")
    assert [one["returned"] is not None for one in again.json()["payments"]] == [
        True,
        False,
        False,
    ]
    assert (await rewards.statement())["disbursed"] == "200000.00"
    assert (await types(rewards)).count("payment-returned") == 1


async def test_a_payment_comes_back_once_and_under_its_own_number(rewards: Rewards) -> None:
    await rewards.schedule()
    first, second = await approved(rewards, 1, 2)
    await order(rewards)
    await rewards.pay(first["id"], "200000.00", "V-1")
    await rewards.pay(second["id"], "200000.00", "V-2")
    await send_back(rewards, first, "V-1", reference="B-1")

    refused = [
        await send_back(rewards, first, "V-1", reference="B-2"),
        await send_back(rewards, second, "V-2", reference="B-1"),
        await send_back(rewards, first, "V-1", reference="B-1", returned_on=TOMORROW.isoformat()),
    ]
    unknown = [
        await send_back(rewards, first, "V-9"),
        await send_back(rewards, first, "V-2", reference="B-3"),
    ]

    assert {(one.status_code, slug(one)) for one in refused} == {(409, "voucher-used")}
    assert {(one.status_code, slug(one)) for one in unknown} == {(404, "payment-not-found")}
    statements = [Decimal((await rewards.statement(one))["disbursed"]) for one in (1, 2)]
    assert statements == [0, 200_000]


async def test_what_came_back_while_its_order_is_open_is_owed_beside_the_rest(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)
    await order(rewards)
    await rewards.pay(award["id"], "150000.00", "V-1")

    await send_back(rewards, award, "V-1")
    above = await rewards.pay(award["id"], "50000.01", "V-2")
    rest = await rewards.pay(award["id"], "50000.00", "V-2")
    second = (await order(rewards)).json()

    assert (above.status_code, slug(above)) == (409, "payment-too-large")
    assert (rest.json()["status"], rest.json()["paid"]) == ("approved", "50000.00")
    assert second["total"] == "150000.00"


async def test_money_moves_between_the_order_and_today(rewards: Rewards) -> None:
    await rewards.schedule()
    rejected, paid = await approved(rewards, 1, 2)
    batch = (await order(rewards, rejected["id"])).json()
    await order(rewards, paid["id"])
    rewards.service.clock.move_to_day(TODAY + timedelta(days=5))

    def on(days: int) -> str:
        return (TODAY + timedelta(days=days)).isoformat()

    async def refused(answer: Any) -> bool:
        found = await answer
        assert found.is_success or slug(found) == "payment-day-not-possible", found.text
        return bool(found.status_code == 422)

    for day in (on(-1), on(6)):
        assert await refused(rewards.pay(paid["id"], "1.00", "V-1", paid_on=day))
        assert await refused(reject(rewards, batch, rejected_on=day))
    assert not await refused(rewards.pay(paid["id"], "1.00", "V-0", paid_on=on(0)))
    assert not await refused(rewards.pay(paid["id"], "1.00", "V-3", paid_on=on(3)))
    for day in (on(2), on(6)):
        assert await refused(send_back(rewards, paid, "V-3", returned_on=day))
    assert not await refused(send_back(rewards, paid, "V-3", returned_on=on(3)))
    assert not await refused(reject(rewards, batch, rejected_on=on(5)))


async def test_who_does_not_keep_the_whole_fund_orders_nothing_and_sees_no_batch(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)
    batch = (await order(rewards)).json()
    path = f"/disbursement-batches/{batch['id']}"
    service = rewards.service

    async def seen(caller: Caller) -> tuple[int, int]:
        """Return how reading the batch is answered, and how many are listed to the caller."""
        listed = await caller.get("/disbursement-batches")
        found = len(listed.json()["items"]) if listed.is_success else -listed.status_code
        return (await caller.get(path)).status_code, found

    assert await seen(rewards.finance()) == (200, 1)
    assert await seen(rewards.treasury) == (200, 1)
    assert await seen(service.caller("auditor", region="520000")) == (200, 1)
    for region in ("520100", "520300"):
        for office in ("finance_office", "disbursement", "auditor"):
            assert await seen(service.caller(office, region=region)) == (404, 0)
    for office in ("provincial_office", "evaluator", "enterprise"):
        assert await seen(service.caller(office, region="520000")) == (403, -403)

    city = rewards.finance(region="520100")
    body = {"fiscal_year": 2026, "award_ids": [award["id"]]}
    assert (await city.post("/disbursement-batches", json=body)).status_code == 403
    assert (await rewards.treasury.post("/disbursement-batches", json=body)).status_code == 403
    other = service.caller("disbursement", region="520300")
    rejection = {"rejected_on": TODAY.isoformat(), "reference": "B-1", "reason": "账号有误"}
    payment = {"amount": "1.00", "paid_on": TODAY.isoformat(), "voucher": "V-1"}
    assert (await other.post(f"{path}/lines/1/rejection", json=rejection)).status_code == 404
    paid = await other.post(f"/awards/{award['id']}/disbursement", json=payment)
    assert paid.status_code == 404
    by_finance = await rewards.finance().post(f"{path}/lines/1/rejection", json=rejection)
    assert by_finance.status_code == 403


async def test_a_secret_firms_payment_is_ordered_and_shown_to_those_who_pay(
    rewards: Rewards,
) -> None:
    """涉密: it is paid like any other; whoever reads no batches learns nothing of it."""
    await rewards.schedule()
    await rewards.holds(1, P, is_secret=True)
    award = await rewards.approved()

    batch = (await order(rewards)).json()
    paid = await rewards.pay(award["id"], "200000.00")

    assert [line["award_id"] for line in batch["lines"]] == [award["id"]]
    assert paid.json()["status"] == "disbursed"
    evaluator = rewards.service.caller("evaluator", region="520000")
    assert (await evaluator.get(f"/awards/{award['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/fiscal_year"),
        ({"fiscal_year": 1999}, "/fiscal_year"),
        ({"fiscal_year": 2026, "award_ids": []}, "/award_ids"),
        ({"fiscal_year": 2026, "award_ids": ["one"]}, "/award_ids/0"),
    ],
)
async def test_an_order_that_cannot_be_read_is_refused(
    rewards: Rewards, body: Row, pointer: str
) -> None:
    refused = await rewards.finance().post("/disbursement-batches", json=body)

    assert (refused.status_code, slug(refused)) == (422, "malformed-request")
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_an_award_that_is_named_twice_is_ordered_once(rewards: Rewards) -> None:
    await rewards.schedule()
    (award,) = await approved(rewards, 1)

    batch = (await order(rewards, award["id"], award["id"])).json()

    assert (batch["lines_count"], batch["total"]) == (1, "200000.00")
