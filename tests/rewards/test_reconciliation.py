"""The daily reconciliation: what was ordered, what is reported, what the ledger says."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.paging import cursor_after
from services.rewards.reconciliation import Movement, MovementKind, digest_of, repeated
from tests.builders.enterprises import uscc_of
from tests.builders.services import as_owner
from tests.rewards.conftest import TODAY, Rewards
from tests.rewards.test_awards import N, P

DAY = TODAY.isoformat()
TOMORROW = TODAY + timedelta(days=1)


def payment(award_id: str, amount: str = "200000.00", reference: str = "V-1") -> dict[str, str]:
    return {"kind": "payment", "award_id": award_id, "reference": reference, "amount": amount}


async def report(rewards: Rewards, *movements: dict[str, str], day: str = DAY) -> Any:
    answer = await rewards.treasury.post(
        "/day-statements", json={"day": day, "movements": list(movements)}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def reconciled(rewards: Rewards, day: str = DAY) -> dict[str, Any]:
    answer = await rewards.finance().get(f"/reconciliations/{day}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def differences(rewards: Rewards, day: str = DAY, **sought: Any) -> list[dict[str, Any]]:
    answer = await rewards.finance().get(f"/reconciliations/{day}/differences", params=sought)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def codes(rewards: Rewards, day: str = DAY) -> Counter[str]:
    found = Counter(one["code"] for one in await differences(rewards, day))
    counted = {one["code"]: one["number"] for one in (await reconciled(rewards, day))["by_code"]}
    assert found == counted, "the list and the counts agree"
    return found


async def paid_one(rewards: Rewards, serial: int = 1, voucher: str = "V-1") -> str:
    """Pay an enterprise its reward today, and return the award."""
    await rewards.holds(serial, P)
    return str((await rewards.paid(serial, voucher))["id"])


async def test_a_day_on_which_all_three_agree_is_settled(rewards: Rewards) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    await report(rewards, payment(award_id))

    found = await reconciled(rewards)

    none = {"number": 0, "amount": "0.00"}
    one = {"number": 1, "amount": "200000.00"}
    assert found == {
        "day": DAY,
        "statement_number": 1,
        "differences": 0,
        "is_settled": True,
        "ordered": one,
        "reported": {"payments": one, "returns": none, "repayments": none},
        "recorded": {"payments": one, "returns": none, "repayments": none},
        "open_orders": none,
        "by_code": [],
    }
    assert await differences(rewards) == []


async def test_what_was_confirmed_and_is_not_reported_is_a_difference(rewards: Rewards) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)

    before = await reconciled(rewards)
    await report(rewards)
    [found] = await differences(rewards)

    assert (before["statement_number"], before["is_settled"]) == (None, False)
    assert found["code"] == "not_reported"
    assert (found["uscc"], found["award_id"], found["reference"]) == (uscc_of(1), award_id, "V-1")
    assert found["reported"] is None
    assert found["recorded"] == {"on": DAY, "award_id": award_id, "amount": "200000.00"}


async def test_what_is_reported_and_was_never_confirmed_is_a_difference_until_it_is(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable(1)
    await report(rewards, payment(award["id"]))

    unconfirmed = await codes(rewards)
    await rewards.pay(award["id"], "200000.00")

    assert unconfirmed == {"not_recorded": 1, "order_open": 1}
    assert await codes(rewards) == {}


async def test_a_reported_payment_that_nobody_ordered_is_called_so(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.approved(1)

    await report(rewards, payment(award["id"]), payment(str(uuid4()), reference="V-2"))

    assert await codes(rewards) == {"not_ordered": 1, "award_unknown": 1}
    [unknown] = await differences(rewards, code="award_unknown")
    assert (unknown["uscc"], unknown["legal_name"], unknown["recorded"]) == (None, None, None)


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"amount": "199999.99"}, "amount_differs"), ({"award_id": "other"}, "award_differs")],
)
async def test_the_same_voucher_said_otherwise_is_a_difference(
    rewards: Rewards, changed: dict[str, str], code: str
) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    other = await paid_one(rewards, serial=2, voucher="V-2")
    changed = {name: other if value == "other" else value for name, value in changed.items()}

    await report(rewards, payment(award_id) | changed, payment(other, reference="V-2"))

    [found] = await differences(rewards)
    assert found["code"] == code
    assert found["reported"] != found["recorded"]


async def test_a_voucher_of_another_day_is_listed_on_both_days(rewards: Rewards) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    rewards.service.clock.move_to_day(TOMORROW)

    await report(rewards)
    await report(rewards, payment(award_id), day=TOMORROW.isoformat())

    assert await codes(rewards, DAY) == {"day_differs": 1}
    assert await codes(rewards, TOMORROW.isoformat()) == {"day_differs": 1}


async def test_a_voucher_in_the_statements_of_two_days_is_called_so(rewards: Rewards) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    rewards.service.clock.move_to_day(TOMORROW)

    await report(rewards, payment(award_id))
    await report(rewards, payment(award_id), day=TOMORROW.isoformat())

    assert await codes(rewards, DAY) == {"reported_twice": 1}
    assert await codes(rewards, TOMORROW.isoformat()) == {"reported_twice": 1, "day_differs": 1}


async def test_returns_and_repayments_are_compared_like_payments(rewards: Rewards) -> None:
    await rewards.schedule()
    first = await paid_one(rewards)
    returned = await rewards.treasury.post(
        f"/awards/{first}/returns",
        json={"voucher": "V-1", "returned_on": DAY, "reference": "B-1", "reason": "账号有误"},
    )
    assert returned.status_code == 200, returned.text
    recognition = await rewards.holds(2, P)
    second = await rewards.paid(2, "V-2")
    await rewards.revoked(recognition)
    [recovery] = (await rewards.finance().get("/recoveries")).json()["items"]
    repaid = await rewards.treasury.post(
        f"/recoveries/{recovery['id']}/repayments",
        json={"amount": "0.01", "paid_on": DAY, "voucher": "V-1"},
    )
    assert repaid.status_code == 201, repaid.text

    await report(
        rewards,
        payment(first),
        payment(second["id"], reference="V-2"),
        payment(first, reference="B-1") | {"kind": "return"},
        # The voucher of a repayment is another's than that of the same payment.
        payment(second["id"], amount="0.01") | {"kind": "repayment"},
    )

    assert await codes(rewards) == {}
    found = await reconciled(rewards)
    assert found["reported"] == found["recorded"]
    assert found["recorded"]["repayments"] == {"number": 1, "amount": "0.01"}
    assert found["recorded"]["returns"] == {"number": 1, "amount": "200000.00"}


async def test_orders_wait_as_they_did_by_the_end_of_each_day(rewards: Rewards) -> None:
    await rewards.schedule(
        budgets=[{"fiscal_year": 2026, "amount": "9000000.00"}],
        amounts=[{"title": P, "amount": "300000.00"}],
    )
    await rewards.holds(1, P)
    award = await rewards.payable(1)
    await rewards.pay(award["id"], "100000.00", "V-1")
    rewards.service.clock.move_to_day(TOMORROW)
    await rewards.pay(award["id"], "200000.00", "V-2", paid_on=TOMORROW.isoformat())
    await report(rewards, payment(award["id"], "100000.00"))

    today, tomorrow = (
        await reconciled(rewards),
        await reconciled(rewards, TOMORROW.isoformat()),
    )
    [waiting] = await differences(rewards)

    assert today["open_orders"] == {"number": 1, "amount": "200000.00"}
    assert (today["differences"], today["is_settled"]) == (0, True)
    assert tomorrow["open_orders"] == {"number": 0, "amount": "0.00"}
    assert waiting["code"] == "order_open"
    assert waiting["order"] == {
        "batch_number": "2026-0001",
        "line_number": 1,
        "ordered_on": DAY,
        "amount": "300000.00",
        "left": "200000.00",
    }


async def test_a_rejected_order_waits_no_more_and_a_stopped_one_says_so(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    fallen = await rewards.holds(2, P)
    rejected, _ = await rewards.payable(1), await rewards.payable(2)
    batches = (await rewards.finance().get("/disbursement-batches")).json()["items"]
    ordered = {
        line["award_id"]: (batch["id"], line["number"])
        for batch in [
            (await rewards.finance().get(f"/disbursement-batches/{one['id']}")).json()
            for one in batches
        ]
        for line in batch["lines"]
    }
    await rewards.revoked(fallen)
    batch_id, number = ordered[rejected["id"]]

    before = await codes(rewards)
    answer = await rewards.treasury.post(
        f"/disbursement-batches/{batch_id}/lines/{number}/rejection",
        json={"rejected_on": DAY, "reference": "J-1", "reason": "账号有误"},
    )
    assert answer.status_code == 200, answer.text

    assert before == {"order_open": 1, "order_stopped": 1}
    assert await codes(rewards) == {"order_stopped": 1}


async def test_sums_that_are_not_the_ledgers_are_found(rewards: Rewards) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    await report(rewards, payment(award_id))
    # Nobody but the database's owner can do this, and it shows.
    await as_owner(
        rewards.service.owner,
        f"UPDATE rewards.awards SET disbursed = disbursed - 0.01 WHERE id = '{award_id}'",
    )

    [found] = await differences(rewards)

    assert (found["code"], found["award_id"]) == ("sums_differ", award_id)
    assert (await reconciled(rewards))["is_settled"] is False


async def test_a_corrected_statement_takes_the_place_of_the_one_before(rewards: Rewards) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    wrong = await report(rewards, payment(award_id, "1.00"))

    corrected = await report(rewards, payment(award_id))

    assert (wrong["number"], corrected["number"]) == (1, 2)
    assert await codes(rewards) == {}
    kept = (await rewards.finance().get("/day-statements", params={"day": DAY})).json()["items"]
    assert [one["id"] for one in kept] == [corrected["id"], wrong["id"]]
    movements = await rewards.finance().get(f"/day-statements/{wrong['id']}/movements")
    assert movements.json()["items"] == [
        {
            "number": 1,
            "kind": "payment",
            "award_id": award_id,
            "reference": "V-1",
            "amount": "1.00",
        }
    ]


async def test_the_same_statement_again_in_another_order_is_no_correction(rewards: Rewards) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    parts = payment(award_id), payment(award_id, "0.01", "V-9")

    first = await report(rewards, *parts)
    again = await report(rewards, *reversed(parts))

    assert again == first
    history = [
        row for row in await rewards.service.history() if row["subject_type"] == "day_statement"
    ]
    assert [row["action"] for row in history] == ["received"]


async def test_a_statement_that_does_not_hold_together_is_refused_in_words(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)

    async def refused(day: str = DAY, *movements: Any) -> tuple[int, str]:
        answer = await rewards.treasury.post(
            "/day-statements", json={"day": day, "movements": list(movements)}
        )
        return answer.status_code, answer.json()["type"].rpartition("/")[2]

    # Width and case of a voucher make no difference.
    twice = await refused(DAY, payment(award_id), payment(award_id, reference="ｖ-1"))
    assert twice == (422, "day-statement-unsound")
    assert await refused(TOMORROW.isoformat()) == (422, "day-not-come")
    for amount in (200000, "1e3", "-1.00", "0.00", "0.001", "10000000000000.00"):
        odd = payment(award_id) | {"amount": amount}
        assert await refused(DAY, odd) == (422, "malformed-request"), amount
    assert (await rewards.finance().get("/day-statements")).json()["items"] == []


async def test_days_are_listed_newest_first_and_the_unsettled_by_themselves(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    await report(rewards, payment(award_id))
    rewards.service.clock.move_to_day(TOMORROW)
    await pay_another(rewards)
    await report(rewards, day="2026-08-20")

    async def days(**sought: Any) -> list[tuple[str, bool, int | None]]:
        answer = await rewards.finance().get("/reconciliations", params=sought)
        assert answer.status_code == 200, answer.text
        return [
            (one["day"], one["is_settled"], one["statement_number"])
            for one in answer.json()["items"]
        ]

    quiet = [(f"2026-08-{day}", False, None) for day in range(31, 20, -1)]
    assert await days() == [
        (TOMORROW.isoformat(), False, None),
        (DAY, True, 1),
        *quiet,
        ("2026-08-20", True, 1),
    ]
    assert await days(is_settled=False) == [(TOMORROW.isoformat(), False, None), *quiet]
    assert await days(is_settled=True) == [(DAY, True, 1), ("2026-08-20", True, 1)]
    assert await days(since="2026-08-31", until=DAY) == [(DAY, True, 1), quiet[0]]
    # Nothing is said of days that have not come.
    assert (await days(until="2026-12-31", since="2026-09-01"))[0][0] == TOMORROW.isoformat()
    first = (await rewards.finance().get("/reconciliations", params={"limit": 12})).json()
    rest = await days(limit=12, after=first["next"])
    assert rest == [quiet[-1], ("2026-08-20", True, 1)]
    for odd in ({"since": DAY, "until": "2026-08-01"}, {"since": "2024-01-01"}):
        answer = await rewards.finance().get("/reconciliations", params=odd)
        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/days-not-possible"


async def test_a_day_that_has_not_come_is_not_reconciled(rewards: Rewards) -> None:
    for path in ("", "/differences"):
        answer = await rewards.finance().get(f"/reconciliations/{TOMORROW}{path}")
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/day-not-come")


async def test_a_report_that_comes_late_does_not_take_the_place_of_its_correction(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    wrong = await report(rewards, payment(award_id, "1.00"))
    await report(rewards, payment(award_id))

    late = await report(rewards, payment(award_id, "1.00"))

    assert late == wrong
    assert (await reconciled(rewards))["statement_number"] == 2
    body = {"day": DAY, "movements": [payment(award_id, "1.00")]}
    stale = await rewards.treasury.post("/day-statements", json=body | {"replaces": 1})
    assert (stale.status_code, stale.json()["type"]) == (409, "/problems/day-statement-replaced")
    meant = await rewards.treasury.post("/day-statements", json=body | {"replaces": 2})
    assert (meant.status_code, meant.json()["number"]) == (201, 3)
    assert await codes(rewards) == {"amount_differs": 1}


async def test_an_order_that_is_stopped_later_waited_like_any_other_before(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    fallen = await rewards.holds(1, P)
    await rewards.payable(1)
    rewards.service.clock.move_to_day(TOMORROW)
    await rewards.revoked(fallen)

    assert await codes(rewards, DAY) == {"order_open": 1}
    assert await codes(rewards, TOMORROW.isoformat()) == {"order_stopped": 1}


@pytest.mark.parametrize("voucher", ["ß" * 41, "\ufdfa" * 10, "ŉ" * 50])
async def test_a_voucher_that_is_too_long_once_it_is_spelt_out_is_refused(
    rewards: Rewards, voucher: str
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable(1)

    paid = await rewards.pay(award["id"], "200000.00", voucher)
    said = await rewards.treasury.post(
        "/day-statements", json={"day": DAY, "movements": [payment(award["id"], reference=voucher)]}
    )

    assert (paid.status_code, said.status_code) == (422, 422)
    assert paid.json()["errors"][0]["code"] == "voucher_too_long"


async def test_a_cursor_with_a_number_beyond_all_lines_is_answered(rewards: Rewards) -> None:
    cursor = cursor_after(["", "", "", 2**40, UUID(int=0)])

    answer = await rewards.finance().get(
        f"/reconciliations/{DAY}/differences", params={"after": cursor}
    )

    assert answer.status_code == 200


async def pay_another(rewards: Rewards) -> None:
    """Pay another enterprise on the clock's day."""
    await rewards.holds(2, N)
    award = await rewards.payable(2)
    day = rewards.service.clock.today().isoformat()
    answer = await rewards.pay(award["id"], award["amount"], "V-2", paid_on=day)
    assert answer.status_code == 200, answer.text


async def test_differences_are_paged_without_one_left_out_or_twice(rewards: Rewards) -> None:
    await rewards.schedule()
    await report(rewards, *(payment(str(uuid4()), reference=f"V-{n:03}") for n in range(25)))

    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = await rewards.finance().get(
            f"/reconciliations/{DAY}/differences", params={"limit": 10} | after
        )
        page = answer.json()
        seen += [one["reference"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert seen == [f"V-{n:03}" for n in range(25)]
    malformed = await rewards.finance().get(
        f"/reconciliations/{DAY}/differences", params={"after": "x"}
    )
    assert malformed.status_code == 422


async def test_the_fund_of_another_province_is_another_reconciliation(rewards: Rewards) -> None:
    await rewards.schedule()
    award_id = await paid_one(rewards)
    statement = await report(rewards, payment(award_id))

    for office in ("finance_office", "auditor", "disbursement"):
        for region in ("530000", "520100"):
            other = rewards.service.caller(office, region=region)
            assert (await other.get(f"/reconciliations/{DAY}")).status_code == 403
            assert (await other.get(f"/reconciliations/{DAY}/differences")).status_code == 403
            assert (await other.get("/reconciliations")).status_code == 403
            assert (await other.get(f"/day-statements/{statement['id']}")).status_code == 404
            assert (await other.get("/day-statements")).json()["items"] == []
    body = {"day": DAY, "movements": []}
    for office, region in (("disbursement", "530000"), ("finance_office", "520000")):
        caller = rewards.service.caller(office, region=region)
        assert (await caller.post("/day-statements", json=body)).status_code == 403


async def test_a_day_that_was_never_reported_is_not_settled(rewards: Rewards) -> None:
    found = await reconciled(rewards, "2026-02-17")

    assert (found["statement_number"], found["is_settled"], found["by_code"]) == (None, False, [])


movements = st.builds(
    Movement,
    kind=st.sampled_from(MovementKind),
    award_id=st.uuids(),
    reference=st.sampled_from(["A", "B", "C"]),
    amount=st.decimals("0.01", "1000", places=2),
)


@given(st.lists(movements, max_size=6), st.randoms())
def test_a_statement_is_known_again_in_any_order_and_by_every_cent(
    said: list[Movement], random: Any
) -> None:
    shuffled = list(said)
    random.shuffle(shuffled)

    assert digest_of(shuffled) == digest_of(said)
    for place, one in enumerate(said):
        cent_more = Movement(one.kind, one.award_id, one.reference, one.amount + Decimal("0.01"))
        assert digest_of([*said[:place], cent_more, *said[place + 1 :]]) != digest_of(said)


@given(st.lists(movements, max_size=8))
def test_what_is_named_twice_is_found_at_its_place(said: list[Movement]) -> None:
    places = repeated(said)

    kept = [one for place, one in enumerate(said) if place not in places]
    keys = [(one.kind, one.reference) for one in kept]
    assert len(keys) == len(set(keys))
    assert {(one.kind, one.reference) for one in said} == set(keys)
