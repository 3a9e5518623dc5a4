"""Titles that fall: what is cancelled, called back, kept and still paid, whatever came before."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import Connection, func, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.schema import alembic_config
from services.kernel.text import Text
from services.policy.rewards import (
    HeldTitle,
    Rewarded,
    RewardedEvent,
    Settlement,
    Standing,
    recoverable,
)
from tests.builders.enterprises import uscc_of
from tests.builders.services import as_owner
from tests.rewards.conftest import TODAY, Rewards
from tests.rewards.test_awards import N, P, slug
from tests.rewards.test_succession import goes_on

SAME = [{"title": P, "amount": "200000.00"}, {"title": N, "amount": "200000.00"}]


async def recoveries(rewards: Rewards) -> list[dict[str, Any]]:
    return list((await rewards.finance().get("/recoveries")).json()["items"])


async def standing(rewards: Rewards) -> Decimal:
    found = await rewards.statement()
    return Decimal(found["granted"]) - Decimal(found["recovery_due"]) + Decimal(found["waived"])


async def waive(rewards: Rewards, recovery_id: str, amount: str) -> None:
    asked = await rewards.finance("finance-1").post(
        f"/recoveries/{recovery_id}/waivers",
        json={"amount": amount, "reason": "破产", "document_number": "示例〔2026〕3号"},
    )
    assert asked.status_code == 201, asked.text
    decided = await rewards.finance("finance-2").post(
        f"/recoveries/{recovery_id}/waivers/decision",
        json={"is_granted": True, "reason": "同意"},
    )
    assert decided.status_code == 200, decided.text


async def reject(rewards: Rewards, award: dict[str, Any], reference: str = "B-1") -> None:
    order = (await rewards.award(award["id"]))["orders"][-1]
    answer = await rewards.treasury.post(
        f"/disbursement-batches/{order['batch_id']}/lines/{order['line_number']}/rejection",
        json={"rejected_on": TODAY.isoformat(), "reference": reference, "reason": "已停止付款"},
    )
    assert answer.status_code == 200, answer.text


async def taken_back(rewards: Rewards, award: dict[str, Any], voucher: str) -> Any:
    return await rewards.treasury.post(
        f"/awards/{award['id']}/returns",
        json={
            "voucher": voucher,
            "returned_on": TODAY.isoformat(),
            "reference": f"B-{voucher}",
            "reason": "账号有误",
        },
    )


async def test_the_lower_title_that_kept_all_of_it_is_called_back_when_it_falls(
    rewards: Rewards,
) -> None:
    """Equal amounts: nothing is due when the first falls, so nothing says what the money is for."""
    await rewards.schedule(amounts=SAME)
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.paid(1, "V-1")
    first, second = (lower, higher) if award["title"] == P else (higher, lower)

    await rewards.revoked(first)
    kept = await recoveries(rewards)
    await rewards.revoked(second)

    assert kept == []
    assert [one["due"] for one in await recoveries(rewards)] == ["200000.00"]


async def given_anew(rewards: Rewards, lapsed: UUID, title: str) -> Any:
    """Let a title lapse without fault and be given again. Return what is proposed then."""
    await rewards.revoked(lapsed, "renewal_failed", recovers=False)
    rewards.service.clock.move_to_day(TODAY + timedelta(days=10))
    await rewards.holds(
        1, title, valid_from=TODAY + timedelta(days=5), valid_until=date(2029, 9, 5)
    )
    return await rewards.propose()


@pytest.mark.parametrize("settlement", ["top_up", "higher_full"])
async def test_a_lower_title_that_kept_what_was_paid_is_used_up_though_nothing_is_called_back(
    rewards: Rewards, settlement: str
) -> None:
    await rewards.schedule(settlement=settlement)
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.payable(1)
    await rewards.pay(award["id"], "200000.00", "V-1")
    await reject(rewards, award)
    await rewards.revoked(higher)
    kept = await rewards.award(award["id"])

    again = await given_anew(rewards, lower, P)

    assert (kept["cancelled"], kept["stands_for"]) == ("300000.00", str(lower))
    assert (again.status_code, slug(again)) == (409, "nothing-payable")
    assert (await rewards.calculated())["highest"]["code"] == "granted"
    assert await standing(rewards) == Decimal("200000.00")
    assert await recoveries(rewards) == []


async def recorded(rewards: Rewards, award: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return what the history says happened to an award, in order."""
    async with rewards.service.database.session() as session:
        rows = await session.execute(
            text(
                "SELECT action, data FROM rewards.history WHERE subject_id = :id ORDER BY position"
            ),
            {"id": award["id"]},
        )
        return [(action, data) for action, data in rows]


async def test_the_history_says_what_an_award_stands_for_after_a_fall_and_that_it_is_settled(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.payable(1)
    await rewards.pay(award["id"], "200000.00", "V-1")
    await reject(rewards, award)

    await rewards.revoked(higher)

    *_, (reduced, _), (stands_for, said), (settled, told) = await recorded(rewards, award)
    sums = {
        "granted": "500000.00",
        "cancelled": "300000.00",
        "paid": "200000.00",
        "recovery_due": "0.00",
    }
    assert (reduced, stands_for, settled) == ("reduced", "stands_for", "settled_by_fall")
    assert said.items() >= {"stands_for": str(lower), "status": "approved", **sums}.items()
    assert told.items() >= {"status": "disbursed", **sums}.items()
    assert await rewards.service.chain_is_sound()


async def test_the_history_says_which_title_keeps_the_rest_beside_a_recovery(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.paid(1, "V-1")

    await rewards.revoked(higher)
    await rewards.revoked(higher)

    said = [data for action, data in await recorded(rewards, award) if action == "stands_for"]
    assert [(one["stands_for"], one["recovery_due"]) for one in said] == [(str(lower), "300000.00")]


async def test_a_title_that_kept_an_amount_before_the_database_wrote_it_down_is_used_up_too(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.payable(1)
    await rewards.pay(award["id"], "200000.00", "V-1")
    await reject(rewards, award)
    await rewards.revoked(higher)
    await migrated(rewards, "0004")
    await as_owner(rewards.service.owner, "DELETE FROM rewards.rewarded_titles WHERE is_kept")

    await migrated(rewards, "head")

    again = await given_anew(rewards, lower, P)
    assert (again.status_code, slug(again)) == (409, "nothing-payable")
    considered = (await rewards.calculated())["considered"]
    amounts = {one["recognition_id"]: one["amount"] for one in considered}
    assert amounts[str(lower)] == "200000.00"


async def migrated(rewards: Rewards, revision: str) -> None:
    """Take the database back to a revision, or on to it."""

    def migrate(connection: Connection) -> None:
        config = alembic_config("rewards")
        config.attributes["connection"] = connection
        (command.upgrade if revision == "head" else command.downgrade)(config, revision)
        connection.commit()

    engine = create_async_engine(rewards.service.owner, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


@pytest.mark.parametrize("is_paid", [True, False])
async def test_a_title_of_the_same_amount_that_kept_all_of_it_is_used_up(
    rewards: Rewards, *, is_paid: bool
) -> None:
    await rewards.schedule(amounts=SAME)
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await (rewards.paid(1, "V-1") if is_paid else rewards.payable(1))
    lost, kept = (lower, higher) if award["title"] == P else (higher, lower)
    await rewards.revoked(lost)

    again = await given_anew(rewards, kept, N if award["title"] == P else P)

    assert (await rewards.award(award["id"]))["stands_for"] == str(kept)
    assert (again.status_code, slug(again)) == (409, "nothing-payable")


async def test_a_lower_title_that_kept_an_amount_is_not_rewarded_in_another_year_either(
    rewards: Rewards,
) -> None:
    await rewards.schedule(
        scope="same_year",
        budgets=[{"fiscal_year": year, "amount": "1000000.00"} for year in (2026, 2027)],
    )
    await rewards.holds(1, P)
    higher = await rewards.holds(1, N)
    award = await rewards.payable(1)
    await rewards.pay(award["id"], "200000.00", "V-1")
    await reject(rewards, award)
    await rewards.revoked(higher)

    another_year = await rewards.propose(1, 2027)

    assert (another_year.status_code, slug(another_year)) == (409, "nothing-payable")


async def test_a_lower_title_that_kept_an_award_which_is_cancelled_has_its_turn_again(
    rewards: Rewards,
) -> None:
    """Nothing was paid in the end, for the one title or for the other."""
    await rewards.schedule(amounts=SAME)
    held = {P: await rewards.holds(1, P), N: await rewards.holds(1, N)}
    award = await rewards.approved(1)
    await rewards.revoked(held[award["title"]])
    cancelled = await rewards.finance("finance-2").post(
        f"/awards/{award['id']}/cancellation", json={"reason": "企业放弃"}
    )

    again = await rewards.propose()

    assert cancelled.status_code == 200, cancelled.text
    assert again.status_code == 201, again.text
    assert again.json()["title"] != award["title"]


async def test_what_was_under_way_after_a_fall_back_is_called_back_too(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    higher = await rewards.holds(1, N)
    award = await rewards.payable(1)
    await rewards.pay(award["id"], "300000.00", "V-1")

    await rewards.revoked(higher)
    await rewards.pay(award["id"], "200000.00", "V-2")

    due = [Decimal(one["due"]) for one in await recoveries(rewards)]
    assert sum(due) == Decimal("300000.00"), "500,000 were paid; 200,000 are the lower title's"


async def test_what_was_not_paid_after_a_fall_back_goes_back_to_the_budget(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    higher = await rewards.holds(1, N)
    award = await rewards.payable(1)
    await rewards.pay(award["id"], "300000.00", "V-1")

    await rewards.revoked(higher)
    await reject(rewards, award)

    assert (await rewards.award(award["id"]))["cancelled"] == "200000.00"


async def test_what_two_officers_waived_is_not_called_back_again(rewards: Rewards) -> None:
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    higher = await rewards.holds(1, N)
    await rewards.paid(1, "V-2")
    await rewards.revoked(higher)
    (recovery,) = await recoveries(rewards)
    await waive(rewards, recovery["id"], "300000.00")

    await rewards.revoked(lower)

    due = [Decimal(one["due"]) for one in await recoveries(rewards)]
    assert sum(due) == Decimal("500000.00"), "300,000 were waived for good, 200,000 are due now"


async def test_a_revocation_read_again_after_a_waiver_opens_nothing(rewards: Rewards) -> None:
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    await rewards.revoked(lower)
    (recovery,) = await recoveries(rewards)
    await waive(rewards, recovery["id"], "50000.00")

    await rewards.revoked(lower)

    assert [one["due"] for one in await recoveries(rewards)] == ["200000.00"]


async def test_an_award_that_came_back_from_the_bank_and_is_cancelled_gives_its_turn_back(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.paid(1, "V-1")
    assert (await taken_back(rewards, award, "V-1")).status_code == 200
    cancelled = await rewards.finance("finance-2").post(
        f"/awards/{award['id']}/cancellation", json={"reason": "企业账户已注销"}
    )
    assert cancelled.json()["status"] == "cancelled"

    again = await rewards.propose()

    assert again.status_code == 201, again.text


@pytest.mark.parametrize("by", ["an officer", "the fall of its title"])
async def test_with_top_up_a_cancelled_lower_award_costs_the_higher_title_nothing(
    rewards: Rewards, by: str
) -> None:
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    first = await rewards.approved(1)
    await rewards.holds(1, N)
    await rewards.paid(1, "V-1")  # the difference: 300,000

    if by == "an officer":
        await rewards.finance("finance-2").post(
            f"/awards/{first['id']}/cancellation", json={"reason": "材料有误"}
        )
    else:
        await rewards.revoked(lower)
    await rewards.propose()

    assert await standing(rewards) == Decimal("500000.00"), "the national title stands: 500,000"


async def test_with_top_up_a_lower_title_that_falls_first_costs_a_higher_unpaid_one_nothing(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    await rewards.holds(1, N)
    await rewards.approved(1)  # the difference: 300,000, not paid yet

    await rewards.revoked(lower)

    assert await standing(rewards) == Decimal("500000.00"), "the national title stands: 500,000"


async def test_an_award_of_which_nothing_is_left_to_pay_is_not_approved_for_ever(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    first = await rewards.payable(1)
    await rewards.pay(first["id"], "50000.00", "V-1")
    await rewards.holds(1, N)
    await rewards.paid(1, "V-2")

    await rewards.revoked(lower)
    await reject(rewards, first)

    found = await rewards.award(first["id"])
    left = Decimal(found["amount"]) - Decimal(found["cancelled"]) - Decimal(found["paid"])
    assert (found["status"] == "approved") == (left > 0), (found["status"], left)


def test_with_higher_in_full_no_lower_title_is_kept_beside_a_higher_one_that_was_paid() -> None:
    renewal = HeldTitle(
        recognition_id="r-1",
        title=P,
        name=Text("称号", "title"),
        event=RewardedEvent.RENEWAL,
        valid_from=date(2026, 1, 1),
        valid_until=date(2028, 12, 31),
        ended_on=None,
        region="520102",
        round_code=None,
    )

    found = recoverable(
        Settlement.HIGHER_FULL,
        lost="national",
        awards=[
            Rewarded(
                award_id="provincial",
                scheduled=Decimal(200_000),
                amount=Decimal(200_000),
                still_stands=True,
            ),
            Rewarded(
                award_id="national",
                scheduled=Decimal(500_000),
                amount=Decimal(500_000),
                still_stands=False,
            ),
        ],
        standing=[Standing(held=renewal, amount=Decimal(50_000))],
    )

    assert found.keeps is None, "the renewal's 50,000 are not paid beside the title's 200,000"
    assert dict(found.due) == {"national": Decimal(500_000)}


def locking(uscc: str) -> Any:
    return select(func.pg_advisory_xact_lock(func.hashtextextended(uscc, 0)))


async def test_the_fall_of_a_title_that_went_over_locks_in_the_same_order_as_everybody(
    rewards: Rewards,
) -> None:
    """Two who lock several enterprises lock them in one order, or one of them dies of a deadlock."""
    await rewards.schedule()
    lower, higher = sorted((uscc_of(1), uscc_of(2)))
    holder, successor = (1, 2) if lower == uscc_of(1) else (2, 1)
    first = await rewards.holds(holder, P)
    await rewards.paid(holder, "V-1")
    following = await goes_on(rewards, first, by=successor)
    engine = create_async_engine(rewards.service.owner, poolclass=NullPool)
    async with engine.begin() as other:
        await other.execute(locking(lower))
        falling = asyncio.create_task(rewards.revoked(following))
        await asyncio.sleep(0.5)
        await other.execute(locking(higher))
    await engine.dispose()
    await falling


async def test_a_payment_of_a_fallen_title_that_the_bank_returns_can_be_sent_again(
    rewards: Rewards,
) -> None:
    """Nothing was to be recovered because the higher title stands; the money is still part of it."""
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    first = await rewards.paid(1, "V-1")
    await rewards.holds(1, N)
    await rewards.paid(1, "V-2")
    await rewards.revoked(lower)
    assert (await taken_back(rewards, first, "V-1")).status_code == 200

    again = await rewards.finance().post(
        "/disbursement-batches", json={"fiscal_year": 2026, "award_ids": [first["id"]]}
    )

    assert again.status_code == 201, again.text


@pytest.mark.parametrize(
    ("paid", "status", "due"),
    [(None, "cancelled", "0.00"), ("100000.00", "recovering", "100000.00")],
)
async def test_what_falls_together_with_another_award_is_closed_with_it(
    rewards: Rewards, paid: str | None, status: str, due: str
) -> None:
    """The lower award stood for the higher title; when that falls, both are reckoned as one."""
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    first = await rewards.payable(1)
    await rewards.pay(first["id"], "100000.00", "V-1")
    await reject(rewards, first)
    higher = await rewards.holds(1, N)
    second = await rewards.approved(1)
    if paid is not None:
        await rewards.ordered(second["id"])
        await rewards.pay(second["id"], paid, "V-2")
        await reject(rewards, second, "B-2")
    await rewards.revoked(lower)

    await rewards.revoked(higher)

    left = await rewards.award(second["id"])
    assert (left["status"], left["recovery_due"]) == (status, due)
    assert (await rewards.award(first["id"]))["recovery_due"] == "100000.00"
    assert await standing(rewards) == 0
