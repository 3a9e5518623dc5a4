"""追回: what is paid back when a title falls with its reward, by when, and what is let off."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.contracts.registry import RecognitionRenewed
from services.rewards.workflow import overdue
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.rewards.conftest import TODAY, Rewards
from tests.rewards.test_awards import N, P, slug, types

Row = dict[str, Any]
Case = tuple[Decimal, Decimal, Decimal, list[list[tuple[date, Decimal]]]]
"""What is due, repaid and waived, and the plans that were set one after the other."""
Plan = Sequence[tuple[int, str]]
"""Days from today, and amounts."""


async def recoveries(rewards: Rewards, **sought: Any) -> list[Row]:
    answer = await rewards.finance().get("/recoveries", params=sought)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def called_back(rewards: Rewards, serial: int = 1) -> Row:
    """Pay a provincial award of 200,000 and let its title fall. Return the recovery."""
    recognition_id = await rewards.holds(serial, P)
    await rewards.paid(serial, f"V-{serial}")
    await rewards.revoked(recognition_id)
    (recovery,) = await recoveries(rewards, uscc=uscc_of(serial))
    return recovery


async def repay(rewards: Rewards, recovery: Row, amount: str, voucher: str, **changed: Any) -> Any:
    body = {"amount": amount, "paid_on": TODAY.isoformat(), "voucher": voucher} | changed
    return await rewards.treasury.post(f"/recoveries/{recovery['id']}/repayments", json=body)


async def plan(rewards: Rewards, recovery: Row, of: Plan, by: Caller | None = None) -> Any:
    instalments = [
        {"due_on": (TODAY + timedelta(days=days)).isoformat(), "amount": amount}
        for days, amount in of
    ]
    return await (by or rewards.finance()).post(
        f"/recoveries/{recovery['id']}/plan",
        json={"instalments": instalments, "reason": "分期退还"},
    )


async def ask_waiver(rewards: Rewards, recovery: Row, amount: str, sub: str = "finance-1") -> Any:
    body = {"amount": amount, "reason": "企业破产", "document_number": "示例财〔2026〕9号"}
    return await rewards.finance(sub).post(f"/recoveries/{recovery['id']}/waivers", json=body)


async def decide_waiver(
    rewards: Rewards, recovery: Row, sub: str = "finance-2", *, is_granted: bool = True
) -> Any:
    return await rewards.finance(sub).post(
        f"/recoveries/{recovery['id']}/waivers/decision",
        json={"is_granted": is_granted, "reason": "经研究决定"},
    )


async def read(rewards: Rewards, recovery: Row) -> Row:
    return dict((await rewards.finance().get(f"/recoveries/{recovery['id']}")).json())


# ---------------------------------------------------------------- what falls, and what stands


@pytest.mark.parametrize(
    ("settlement", "granted", "due"),
    [("top_up", "300000.00", "300000.00"), ("higher_full", "500000.00", "500000.00")],
)
async def test_the_higher_title_falls_and_the_lower_that_was_paid_before_keeps_its_own(
    rewards: Rewards, settlement: str, granted: str, due: str
) -> None:
    await rewards.schedule(settlement=settlement)
    await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    higher = await rewards.holds(1, N)
    award = await rewards.paid(1, "V-2")

    await rewards.revoked(higher)

    (recovery,) = await recoveries(rewards)
    assert (award["amount"], recovery["due"], recovery["keeps"]) == (granted, due, None)
    assert (await rewards.statement())["disbursed"] == str(Decimal("200000.00") + Decimal(granted))


@pytest.mark.parametrize(
    ("settlement", "due"), [("top_up", "300000.00"), ("higher_full", "300000.00")]
)
async def test_the_higher_title_falls_and_the_lower_that_brought_nothing_keeps_its_amount(
    rewards: Rewards, settlement: str, due: str
) -> None:
    await rewards.schedule(settlement=settlement)
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.paid(1, "V-1")

    await rewards.revoked(higher)

    (recovery,) = await recoveries(rewards)
    assert (recovery["due"], recovery["recognition_id"]) == (due, str(higher))
    assert recovery["keeps"] == {
        "title": P,
        "event": "recognition",
        "recognition_id": str(lower),
        "amount": "200000.00",
    }
    assert (await rewards.award(award["id"]))["stands_for"] == str(lower)
    assert slug(await rewards.propose()) == "nothing-payable", "its turn is used up"
    for name in ("500,000.00", "200,000.00", "300,000.00"):
        assert name in recovery["formula"]["zh"]
        assert name in recovery["formula"]["en"]


async def test_without_offset_all_that_a_title_brought_comes_back_and_nothing_else(
    rewards: Rewards,
) -> None:
    await rewards.schedule(settlement="no_offset")
    await rewards.holds(1, P)
    higher = await rewards.holds(1, N)
    await rewards.paid(1, "V-1")
    await rewards.paid(1, "V-2")

    await rewards.revoked(higher)

    (recovery,) = await recoveries(rewards)
    assert (recovery["due"], recovery["title"], recovery["keeps"]) == ("500000.00", N, None)
    assert (await rewards.statement())["disbursed"] == "700000.00"


async def test_without_offset_a_lower_title_that_was_not_rewarded_yet_keeps_its_turn(
    rewards: Rewards,
) -> None:
    await rewards.schedule(settlement="no_offset")
    await rewards.holds(1, P)
    higher = await rewards.holds(1, N)
    await rewards.paid(1, "V-1")

    await rewards.revoked(higher)
    lower = await rewards.propose()

    assert [one["due"] for one in await recoveries(rewards)] == ["500000.00"]
    assert lower.json()["amount"] == "200000.00"


@pytest.mark.parametrize(
    ("paid", "due", "keeps"),
    [("300000.00", "100000.00", "200000.00"), ("200000.01", "0.01", "200000.00")],
)
async def test_the_lower_title_keeps_its_amount_where_so_much_was_paid(
    rewards: Rewards, paid: str, due: str, keeps: str
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    higher = await rewards.holds(1, N)
    award = await rewards.payable()
    await rewards.pay(award["id"], paid, "V-1")

    await rewards.revoked(higher)
    await stopped(rewards, award)

    (recovery,) = await recoveries(rewards)
    found = await rewards.award(award["id"])
    assert (recovery["due"], recovery["keeps"]["amount"]) == (due, keeps)
    assert Decimal(found["cancelled"]) == Decimal("500000.00") - Decimal(paid)
    assert (await rewards.calculated())["payable"] == "0.00"


async def test_a_lower_title_is_paid_its_whole_amount_where_less_was_paid(
    rewards: Rewards,
) -> None:
    """What was paid for the higher title and what is granted for the lower come to its amount."""
    await rewards.schedule()
    await rewards.holds(1, P)
    higher = await rewards.holds(1, N)
    award = await rewards.payable()
    await rewards.pay(award["id"], "50000.00", "V-1")

    await rewards.revoked(higher)
    await stopped(rewards, award)
    await rewards.propose()

    statement = await rewards.statement()
    assert Decimal(statement["granted"]) - Decimal(statement["recovery_due"]) == 200_000


async def stopped(rewards: Rewards, award: Row) -> None:
    """Reject what is left of an award's order, as it was asked."""
    order = (await rewards.award(award["id"]))["orders"][-1]
    assert order["stop_requested_at"] is not None
    answer = await rewards.treasury.post(
        f"/disbursement-batches/{order['batch_id']}/lines/{order['line_number']}/rejection",
        json={"rejected_on": TODAY.isoformat(), "reference": "B-1", "reason": "已停止付款"},
    )
    assert answer.status_code == 200, answer.text


async def test_an_order_of_a_fallen_title_is_stopped_once_and_what_comes_of_it_followed(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    award = await rewards.payable()

    await rewards.revoked(recognition_id)
    await rewards.revoked(recognition_id)
    refused = await rewards.finance("finance-2").post(
        f"/awards/{award['id']}/cancellation", json={"reason": "称号已撤销"}
    )
    part = await rewards.pay(award["id"], "80000.00", "V-1")
    await stopped(rewards, award)

    (recovery,) = await recoveries(rewards)
    found = await rewards.award(award["id"])
    assert (refused.status_code, slug(refused)) == (409, "award-ordered")
    assert part.status_code == 200
    assert (recovery["due"], found["cancelled"]) == ("80000.00", "120000.00")
    assert (await types(rewards)).count("order-stopped") == 1
    assert found["status"] == "recovering"


async def test_a_stopped_order_that_pays_nothing_ends_the_award(rewards: Rewards) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    award = await rewards.payable()

    await rewards.revoked(recognition_id)
    await stopped(rewards, award)

    assert (await rewards.award(award["id"]))["status"] == "cancelled"
    assert await recoveries(rewards) == []
    assert (await rewards.statement())["granted"] == "0.00"


@pytest.mark.parametrize("settlement", ["top_up", "higher_full", "no_offset"])
@pytest.mark.parametrize("first", ["lower", "higher"])
async def test_two_titles_lost_in_either_order_bring_back_all_that_was_paid(
    rewards: Rewards, settlement: str, first: str
) -> None:
    await rewards.schedule(settlement=settlement)
    titles = {"lower": await rewards.holds(1, P)}
    await rewards.paid(1, "V-1")
    titles["higher"] = await rewards.holds(1, N)
    await rewards.paid(1, "V-2")

    await rewards.revoked(titles.pop(first))
    await rewards.revoked(titles.popitem()[1])

    statement = await rewards.statement()
    assert statement["recovery_due"] == statement["disbursed"]
    assert {one["status"] for one in statement["awards"]} == {"recovering"}


@pytest.mark.parametrize("settlement", ["top_up", "higher_full"])
async def test_a_kept_lower_title_that_falls_later_brings_back_the_rest(
    rewards: Rewards, settlement: str
) -> None:
    await rewards.schedule(settlement=settlement)
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.paid(1, "V-1")
    await rewards.revoked(higher)
    (first,) = await recoveries(rewards)
    await repay(rewards, first, "300000.00", "R-1")
    was = (await rewards.award(award["id"]))["status"]

    await rewards.revoked(lower)

    second, _ = await recoveries(rewards)
    assert (was, second["due"], second["keeps"]) == ("recovered", "200000.00", None)
    assert (await rewards.award(award["id"]))["status"] == "recovering"
    await repay(rewards, second, "200000.00", "R-2")
    assert (await rewards.award(award["id"]))["status"] == "recovered"
    assert (await rewards.statement())["recovered"] == "500000.00"


@pytest.mark.parametrize("ground", ["renewal_failed", "renewal_not_submitted", "deregistered"])
async def test_a_title_that_ended_without_a_fault_brings_nothing_back(
    rewards: Rewards, ground: str
) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    award = await rewards.payable()
    await rewards.pay(award["id"], "50000.00", "V-1")

    await rewards.revoked(recognition_id, ground, recovers=False)
    rest = await rewards.pay(award["id"], "150000.00", "V-2")

    assert (rest.status_code, rest.json()["status"]) == (200, "disbursed")
    assert await recoveries(rewards) == []


async def test_a_title_that_lapsed_brings_nothing_back(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P, valid_until=date(2026, 12, 31))
    award = await rewards.paid(1, "V-1")

    rewards.service.clock.move_to_day(date(2027, 1, 1))

    assert (await rewards.award(award["id"]))["status"] == "disbursed"
    assert await recoveries(rewards) == []
    assert (await rewards.calculated())["payable"] == "0.00"


async def test_a_renewed_title_falls_with_what_its_recognition_and_its_renewal_brought(
    rewards: Rewards,
) -> None:
    await rewards.schedule(
        settlement="no_offset",
        amounts=[
            {"title": P, "amount": "200000.00"},
            {"title": P, "amount": "50000.00", "event": "renewal"},
        ],
    )
    recognition_id = await rewards.holds(1, P, valid_until=date(2026, 8, 31))
    renewed = rewards.granted[str(recognition_id)]
    renewed |= {"valid_from": date(2026, 9, 1), "valid_until": date(2029, 8, 31)}
    await rewards.service.deliver(
        "registry",
        RecognitionRenewed(document_number="示例〔2026〕30号", application_id=None, **renewed),
    )
    first, second = await rewards.paid(1, "V-1"), await rewards.paid(1, "V-2")
    third = await rewards.propose()

    await rewards.revoked(recognition_id)

    assert [first["event"], second["event"]] == ["recognition", "renewal"]
    assert slug(third) == "nothing-payable"
    assert sorted(one["due"] for one in await recoveries(rewards)) == ["200000.00", "50000.00"]


# ---------------------------------------------------------------- by when


async def test_a_plan_sums_to_what_is_left_and_its_days_come_one_after_the_other(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    await repay(rewards, recovery, "50000.00", "R-1")

    async def wrong(of: Plan) -> list[tuple[str, str]]:
        refused = await plan(rewards, recovery, of)
        assert (refused.status_code, slug(refused)) == (422, "repayment-plan-not-possible")
        return [(one["pointer"], one["code"]) for one in refused.json()["errors"]]

    assert await wrong([(0, "149999.99")]) == [("/instalments", "not_the_sum")]
    assert await wrong([(0, "100000.00"), (30, "50000.01")]) == [("/instalments", "not_the_sum")]
    assert await wrong([(-1, "150000.00")]) == [("/instalments/0/due_on", "not_in_order")]
    for second in (30, 29):
        assert await wrong([(30, "50000.00"), (second, "100000.00")]) == [
            ("/instalments/1/due_on", "not_in_order")
        ]
    assert (await read(rewards, recovery))["plan"] == []
    planned = await plan(rewards, recovery, [(0, "50000.00"), (30, "100000.00")])
    assert planned.status_code == 201
    assert planned.json()["plan"] == [
        {"due_on": "2026-09-01", "amount": "50000.00"},
        {"due_on": "2026-10-01", "amount": "100000.00"},
    ]


async def test_what_is_not_in_on_the_day_after_the_last_day_is_overdue(rewards: Rewards) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    await plan(rewards, recovery, [(10, "150000.00"), (20, "50000.00")])

    async def after(days: int) -> tuple[str, int]:
        rewards.service.clock.move_to_day(TODAY + timedelta(days=days))
        late = await recoveries(rewards, overdue=True)
        in_time = await recoveries(rewards, overdue=False)
        assert len(late) + len(in_time) == 1
        return (await read(rewards, recovery))["overdue"], len(late)

    assert await after(10) == ("0.00", 0)
    assert await after(11) == ("150000.00", 1)
    await repay(rewards, recovery, "149999.99", "R-1")
    assert await after(20) == ("0.01", 1)
    await repay(rewards, recovery, "0.01", "R-2")
    assert await after(20) == ("0.00", 0)
    assert await after(21) == ("50000.00", 1)
    await plan(rewards, recovery, [(40, "50000.00")])
    assert await after(21) == ("0.00", 0), "a later plan takes the place of the earlier one"
    assert await after(41) == ("50000.00", 1)
    await ask_waiver(rewards, recovery, "50000.00")
    await decide_waiver(rewards, recovery)
    assert await after(41) == ("0.00", 0)


async def test_nothing_is_planned_for_what_is_settled_or_by_a_city(rewards: Rewards) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    by_city = await plan(rewards, recovery, [(0, "200000.00")], rewards.finance(region="520100"))
    elsewhere = await plan(rewards, recovery, [(0, "200000.00")], rewards.finance(region="520300"))
    await repay(rewards, recovery, "200000.00", "R-1")

    refused = await plan(rewards, recovery, [(0, "1.00")])

    assert (by_city.status_code, elsewhere.status_code) == (403, 404)
    assert (refused.status_code, slug(refused)) == (409, "recovery-settled")


CENTS = st.integers(1, 20_000_000)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw what is due, repaid and waived, and plans as they were set one after the other."""
    due = draw(CENTS)
    repaid = draw(st.integers(0, due))
    waived = draw(st.integers(0, due - repaid))
    plans = []
    for _ in range(draw(st.integers(0, 2))):
        # What was left when a plan was set: never less than what is left now.
        left = draw(st.integers(max(1, due - repaid - waived), due))
        cuts = sorted({0, left, *draw(st.lists(st.integers(1, left), max_size=4))})
        parts = [after - before for before, after in pairwise(cuts)]
        gaps = draw(st.lists(st.integers(1, 40), min_size=len(parts), max_size=len(parts)))
        day, instalments = TODAY, []
        for part, gap in zip(parts, gaps, strict=True):
            day += timedelta(days=gap)
            instalments.append((day, Decimal(part) / 100))
        plans.append(instalments)
    return Decimal(due) / 100, Decimal(repaid) / 100, Decimal(waived) / 100, plans


@pytest.fixture(scope="module")
def drawn() -> list[Case]:
    """Cases of every kind, as many as fit into one statement each."""
    found: list[Case] = []

    @given(cases())
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


async def test_the_list_and_the_single_answer_agree_on_what_is_overdue(
    rewards: Rewards, drawn: list[Case]
) -> None:
    """One asks the database for all, the other reckons each: they never differ."""
    await rewards.schedule()
    recovery = await called_back(rewards)
    await plan(rewards, recovery, [(1000, "200000.00")])
    by_id = await _write_cases(rewards, recovery, drawn)

    for days in (0, 1, 20, 41, 200):
        today = TODAY + timedelta(days=days)
        rewards.service.clock.move_to_day(today)
        late = {
            recovery_id
            for recovery_id, (due, repaid, waived, plans) in by_id.items()
            if overdue(plans[-1] if plans else [], due - repaid - waived, today) > 0
        }
        listed = await _all(rewards, "true")
        assert {one["id"] for one in listed} == late
        assert {one["id"] for one in await _all(rewards, "false")} == {
            recovery["id"],
            *(set(by_id) - late),
        }
        assert all(Decimal(one["overdue"]) > 0 for one in listed)


async def _all(rewards: Rewards, is_overdue: str) -> list[Row]:
    found: list[Row] = []
    after: str | None = None
    while True:
        query = {"overdue": is_overdue, "limit": "100"} | ({"after": after} if after else {})
        page = (await rewards.finance().get("/recoveries", params=query)).json()
        found += page["items"]
        after = page["next"]
        if after is None:
            return found


async def _write_cases(rewards: Rewards, like: Row, drawn: list[Case]) -> dict[str, Case]:
    """Write recoveries with their plans as the database's owner, past the ledger's sums."""
    by_id: dict[str, Case] = {}
    engine = create_async_engine(rewards.service.owner, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("SET session_replication_role = replica"))
        for due, repaid, waived, plans in drawn:
            recovery_id = await connection.scalar(
                text(
                    "INSERT INTO rewards.recoveries (id, award_id, recognition_id, ground, due,"
                    " formula, status, opened_on, opened_at, version, repaid, waived)"
                    " SELECT gen_random_uuid(), award_id, recognition_id, ground, :due, formula,"
                    " 'open', opened_on, opened_at, 1, :repaid, :waived"
                    " FROM rewards.recoveries WHERE id = :like RETURNING id"
                ),
                {"due": due, "repaid": repaid, "waived": waived, "like": like["id"]},
            )
            for number, instalments in enumerate(plans, start=1):
                for place, (due_on, amount) in enumerate(instalments, start=1):
                    await connection.execute(
                        text(
                            "INSERT INTO rewards.instalments (recovery_id, plan, number, due_on,"
                            " amount, reason, set_by, set_at) VALUES (:id, :plan, :number,"
                            " :due_on, :amount, '分期', 'sql', now())"
                        ),
                        {
                            "id": recovery_id,
                            "plan": number,
                            "number": place,
                            "due_on": due_on,
                            "amount": amount,
                        },
                    )
            by_id[str(recovery_id)] = (due, repaid, waived, plans)
    await engine.dispose()
    return by_id


# ---------------------------------------------------------------- what is let off


async def test_a_waiver_takes_two_officers_and_a_document(rewards: Rewards) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)

    undecided = await decide_waiver(rewards, recovery)
    asked = await ask_waiver(rewards, recovery, "50000.00")
    second = await ask_waiver(rewards, recovery, "1.00", "finance-2")
    own = await decide_waiver(rewards, recovery, "finance-1")
    before = await read(rewards, recovery)
    granted = await decide_waiver(rewards, recovery, "finance-2")
    again = await decide_waiver(rewards, recovery, "finance-3")

    assert (undecided.status_code, slug(undecided)) == (409, "waiver-not-open")
    assert asked.status_code == 201
    assert (second.status_code, slug(second)) == (409, "waiver-open")
    assert (own.status_code, slug(own)) == (409, "separation-of-duties")
    assert (before["waived"], before["left"]) == ("0.00", "200000.00"), "asking lets nothing off"
    assert (granted.json()["waived"], granted.json()["left"]) == ("50000.00", "150000.00")
    assert (again.status_code, slug(again)) == (409, "waiver-not-open")
    (waiver,) = granted.json()["waivers"]
    assert (waiver["requested_by"], waiver["decided_by"]) == ("finance-1", "finance-2")
    assert (await types(rewards))[-1] == "recovery-waived"


async def test_a_waiver_that_was_refused_lets_nothing_off_and_may_be_asked_again(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    await ask_waiver(rewards, recovery, "50000.00")

    refused = await decide_waiver(rewards, recovery, is_granted=False)
    again = await ask_waiver(rewards, recovery, "40000.00")

    assert (refused.json()["waived"], refused.json()["left"]) == ("0.00", "200000.00")
    assert again.status_code == 201
    assert [one["is_granted"] for one in again.json()["waivers"]] == [False, None]


async def test_a_waiver_and_repayments_settle_a_recovery_together(rewards: Rewards) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    await repay(rewards, recovery, "120000.00", "R-1")
    too_much = await ask_waiver(rewards, recovery, "80000.01")
    await ask_waiver(rewards, recovery, "80000.00")

    settled = await decide_waiver(rewards, recovery)

    assert (too_much.status_code, slug(too_much)) == (409, "payment-too-large")
    assert (settled.json()["status"], settled.json()["left"]) == ("settled", "0.00")
    found = await rewards.award(recovery["award_id"])
    assert (found["status"], found["repaid"], found["waived"]) == (
        "recovered",
        "120000.00",
        "80000.00",
    )
    assert (await types(rewards))[-2:] == ["recovery-waived", "recovered"]
    for late in (
        await repay(rewards, recovery, "0.01", "R-2"),
        await ask_waiver(rewards, recovery, "0.01"),
    ):
        assert (late.status_code, slug(late)) == (409, "recovery-settled")
    assert await rewards.service.chain_is_sound()


async def test_what_was_paid_back_meanwhile_is_not_waived_too(rewards: Rewards) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    await ask_waiver(rewards, recovery, "150000.00")
    await repay(rewards, recovery, "100000.00", "R-1")

    too_much = await decide_waiver(rewards, recovery)
    await repay(rewards, recovery, "100000.00", "R-2")
    too_late = await decide_waiver(rewards, recovery)
    refused = await decide_waiver(rewards, recovery, is_granted=False)

    assert (too_much.status_code, slug(too_much)) == (409, "payment-too-large")
    assert (too_late.status_code, slug(too_late)) == (409, "recovery-settled")
    assert refused.json()["waivers"][0]["is_granted"] is False
    assert (refused.json()["repaid"], refused.json()["waived"]) == ("200000.00", "0.00")


async def test_what_was_waived_stays_granted(rewards: Rewards) -> None:
    """The enterprise has it for good: it counts when a higher title is rewarded later."""
    await rewards.schedule()
    recovery = await called_back(rewards)
    await ask_waiver(rewards, recovery, "50000.00")
    await decide_waiver(rewards, recovery)
    await repay(rewards, recovery, "150000.00", "R-1")

    await rewards.holds(1, N)

    calculated = await rewards.calculated()
    assert (calculated["already_granted"], calculated["payable"]) == ("50000.00", "450000.00")


async def test_with_top_up_no_waiver_leaves_more_than_the_highest_amount(
    rewards: Rewards,
) -> None:
    """The higher title was granted in full because the lower one's reward was to come back."""
    await rewards.schedule()
    recovery = await called_back(rewards)
    await ask_waiver(rewards, recovery, "0.01")
    await rewards.holds(1, N)
    await rewards.paid(1, "V-2")

    decided = await decide_waiver(rewards, recovery)
    refused = await decide_waiver(rewards, recovery, is_granted=False)
    asked = await ask_waiver(rewards, recovery, "200000.00")

    assert (decided.status_code, slug(decided)) == (409, "waiver-above-highest")
    assert refused.status_code == 200, "it can still be refused"
    assert (asked.status_code, slug(asked)) == (409, "waiver-above-highest")
    assert "0.00" in asked.json()["detail"]
    assert (await rewards.statement())["waived"] == "0.00"


@pytest.mark.parametrize(
    ("changed", "fiscal_year", "round_code"),
    [
        ({"settlement": "no_offset"}, 2026, "2026-1"),
        ({"settlement": "higher_full"}, 2026, "2026-1"),
        ({"scope": "same_year"}, 2027, "2026-1"),
        ({"scope": "same_round"}, 2026, "2026-2"),
    ],
)
async def test_a_waiver_beside_what_is_not_set_against_it_is_granted(
    rewards: Rewards, changed: Row, fiscal_year: int, round_code: str
) -> None:
    years = [{"fiscal_year": year, "amount": "1000000.00"} for year in (2026, 2027)]
    await rewards.schedule(budgets=years, **changed)
    recovery = await called_back(rewards)
    await rewards.holds(1, N, round_code=round_code)
    assert (await rewards.propose(1, fiscal_year)).json()["amount"] == "500000.00"

    await ask_waiver(rewards, recovery, "200000.00")
    decided = await decide_waiver(rewards, recovery)

    assert decided.json()["waived"] == "200000.00"


async def test_what_a_higher_title_was_granted_less_can_be_waived_and_no_more(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    await ask_waiver(rewards, recovery, "50000.00")
    await decide_waiver(rewards, recovery)
    higher = await rewards.holds(1, N)
    await rewards.paid(1, "V-2")
    full = await ask_waiver(rewards, recovery, "0.01")

    await rewards.revoked(higher)
    await ask_waiver(rewards, recovery, "150000.00")
    waived = await decide_waiver(rewards, recovery)

    assert (full.status_code, slug(full)) == (409, "waiver-above-highest")
    assert waived.json()["waived"] == "200000.00", "450,000 are called back meanwhile"


# ---------------------------------------------------------------- paying back


async def test_a_repayment_counts_once_and_a_repeat_is_answered_alike(rewards: Rewards) -> None:
    await rewards.schedule()
    recovery, other = await called_back(rewards, 1), await called_back(rewards, 2)
    first = await repay(rewards, recovery, "50000.00", "R-1")

    repeat = await repay(rewards, recovery, "50000.00", " ｒ-1")
    refused = [
        await repay(rewards, recovery, "50000.01", "R-1"),
        await repay(rewards, other, "50000.00", "R-1"),
    ]
    whole = await repay(rewards, recovery, "150000.00", "R-2")
    late_repeat = await repay(rewards, recovery, "150000.00", "R-2")

    assert (first.status_code, repeat.status_code) == (201, 201)
    assert repeat.json()["repaid"] == "50000.00"
    assert {(one.status_code, slug(one)) for one in refused} == {(409, "voucher-used")}
    assert (whole.json()["status"], late_repeat.json()["status"]) == ("settled", "settled")
    assert (await read(rewards, other))["repaid"] == "0.00"


async def test_money_comes_back_between_the_opening_and_today(rewards: Rewards) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    rewards.service.clock.move_to_day(TODAY + timedelta(days=5))

    answers = [
        await repay(
            rewards,
            recovery,
            "1.00",
            f"R{days}",
            paid_on=(TODAY + timedelta(days=days)).isoformat(),
        )
        for days in (-1, 0, 5, 6)
    ]

    assert [one.status_code for one in answers] == [422, 201, 201, 422]
    assert {slug(one) for one in answers if one.is_error} == {"payment-day-not-possible"}


async def test_a_payment_that_is_called_back_is_not_sent_back_by_the_bank_too(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)

    refused = await rewards.treasury.post(
        f"/awards/{recovery['award_id']}/returns",
        json={
            "voucher": "V-1",
            "returned_on": TODAY.isoformat(),
            "reference": "B-1",
            "reason": "账号有误",
        },
    )

    assert (refused.status_code, slug(refused)) == (409, "award-not-in-state")


async def test_a_recovery_says_what_each_reader_may_do_next(rewards: Rewards) -> None:
    await rewards.schedule()
    recovery = await called_back(rewards)
    await ask_waiver(rewards, recovery, "50000.00")

    async def offered(caller: Caller) -> set[str]:
        answer = await caller.get(f"/recoveries/{recovery['id']}")
        assert answer.status_code == 200, answer.text
        actions = answer.json()["available_actions"]
        return {one["action"] for one in actions if one["enabled"]}

    assert await offered(rewards.finance("finance-1")) == {"plan"}
    assert await offered(rewards.finance("finance-2")) == {"plan", "decide_waiver"}
    assert await offered(rewards.treasury) == {"repay"}
    assert await offered(rewards.service.caller("enterprise", uscc=uscc_of(1))) == set()
    stranger = rewards.service.caller("enterprise", uscc=uscc_of(2))
    assert (await stranger.get(f"/recoveries/{recovery['id']}")).status_code == 404
