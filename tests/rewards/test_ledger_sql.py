"""What the database refuses by itself, whoever asks: here the service's own login, by SQL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.contracts.registry import RecognitionRenewed
from services.kernel.database import violated_constraint
from services.kernel.identifiers import new_id
from tests.builders.enterprises import PACK, uscc_of
from tests.builders.services import as_owner
from tests.rewards.conftest import TODAY, Rewards, schedule_body
from tests.rewards.test_awards import N, P
from tests.rewards.test_succession import goes_on

Row = dict[str, Any]
NOW = "2026-09-01 09:00+08"
NO_OFFSET: Row = {"settlement": "no_offset"}


@dataclass
class Login:
    """The service's own login, writing what it is told to."""

    rewards: Rewards
    rows: list[tuple[str, Row]] = field(default_factory=list)

    def add(self, table: str, **row: Any) -> Row:
        """Write a row with the next statement that is tried."""
        self.rows.append((table, row))
        return row

    def award(self, of: UUID, schedule: Row, amount: str, **changed: Any) -> Row:
        """Write an award of whoever was given a title, with its grant."""
        held = self.rewards.granted[str(of)]
        row = self.add(
            "awards",
            **{
                "id": new_id(),
                "uscc": held["uscc"],
                "legal_name": held["legal_name"],
                "region": held["region"],
                "is_secret": False,
                "recognition_id": of,
                "title": held["title"],
                "event": "recognition",
                "fiscal_year": 2026,
                "amount": amount,
                "scheduled_amount": amount,
                "set_against": "{}",
                "schedule_id": schedule["id"],
                "policy_pack": PACK,
                "run_id": None,
                "calculation": json.dumps({}),
                "reason": "择优",
                "status": "proposed",
                "proposed_by": "one",
                "proposed_at": NOW,
                "approved_by": None,
                "approved_at": None,
                "approved_on": None,
                "cancellation_reason": None,
                "updated_at": NOW,
                "version": 1,
            }
            | changed,
        )
        self.entry(row["id"], "granted", row["amount"])
        return row

    def entry(self, award_id: object, kind: str, amount: str, **changed: Any) -> Row:
        return self.add(
            "ledger_entries",
            **{
                "id": new_id(),
                "award_id": award_id,
                "kind": kind,
                "amount": amount,
                "on_day": TODAY,
                "recorded_by": "sql",
                "recorded_at": NOW,
            }
            | changed,
        )

    def payment(self, award_id: object, order: Row, amount: str, **changed: Any) -> Row:
        line = {"batch_id": order["batch_id"], "line_number": order["line_number"]}
        return self.entry(
            award_id, "disbursed", amount, **({"reference": "SQL-1"} | line | changed)
        )

    def order(self, award: Row, amount: str) -> Row:
        """Write a batch of one payment."""
        batch = self.add(
            "disbursement_batches",
            id=new_id(),
            number=f"2026-{new_id().hex[-8:]}",
            fiscal_year=2026,
            region="520000",
            total=amount,
            ordered_by="sql",
            ordered_at=NOW,
            ordered_on=TODAY,
        )
        names = ("uscc", "legal_name", "title", "region")
        self.add(
            "batch_lines",
            batch_id=batch["id"],
            number=1,
            batch_number=batch["number"],
            award_id=award["id"],
            amount=amount,
            ordered_at=NOW,
            status="ordered",
            **{name: award[name] for name in names},
        )
        return {"batch_id": batch["id"], "line_number": 1}

    def recovery(self, award: Row, due: str) -> Row:
        return self.add(
            "recoveries",
            id=new_id(),
            award_id=award["id"],
            recognition_id=award["recognition_id"],
            ground="false_declaration",
            due=due,
            formula=json.dumps({"zh": "…", "en": "…"}),
            status="open",
            opened_on=TODAY,
            opened_at=NOW,
            version=1,
        )

    def waiver(self, recovery_id: object, amount: str, **changed: Any) -> Row:
        return self.add(
            "waivers",
            **{
                "id": new_id(),
                "recovery_id": recovery_id,
                "amount": amount,
                "reason": "破产",
                "document_number": "示例财〔2026〕9号",
                "requested_by": "one",
                "requested_at": NOW,
            }
            | changed,
        )

    async def write(self) -> None:
        """Write what was added, in one transaction."""
        statements = [_insertion(table, row) for table, row in self.rows]
        self.rows.clear()
        login = self.rewards.service.owner.set(username="srdi_rewards")
        engine = create_async_engine(login, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                for statement in statements:
                    await connection.exec_driver_sql(statement)
        finally:
            await engine.dispose()

    async def refused_by(self, constraint: str) -> None:
        with pytest.raises(IntegrityError) as refusal:
            await self.write()
        assert violated_constraint(refusal.value) == constraint


def _insertion(table: str, row: Row) -> str:
    values = ", ".join("NULL" if one is None else f"'{one}'" for one in row.values())
    return f"INSERT INTO rewards.{table} ({', '.join(row)}) VALUES ({values})"


@pytest.fixture
def login(rewards: Rewards) -> Login:
    return Login(rewards)


async def orders_of(rewards: Rewards, award: Row) -> list[Row]:
    return list((await rewards.award(award["id"]))["orders"])


async def entry_of(rewards: Rewards, kind: str) -> UUID:
    """Return the last ledger entry of a kind."""
    async with rewards.service.database.session() as session:
        found = await session.scalar(
            text("SELECT id FROM rewards.ledger_entries WHERE kind = :kind ORDER BY id DESC"),
            {"kind": kind},
        )
    assert isinstance(found, UUID)
    return found


async def called_back(rewards: Rewards, serial: int = 1) -> tuple[Row, Row]:
    """Pay an award of 200,000 and let its title fall. Return the award and the recovery."""
    recognition_id = await rewards.holds(serial, P)
    award = await rewards.paid(serial, f"V-{serial}")
    await rewards.revoked(recognition_id)
    found = await rewards.finance().get("/recoveries", params={"uscc": uscc_of(serial)})
    (recovery,) = found.json()["items"]
    return award, recovery


# ---------------------------------------------------------------- granting


async def test_what_the_rule_allows_can_be_written(rewards: Rewards, login: Login) -> None:
    """The refusals below are of what they say, not of how these tests write."""
    schedule = await rewards.schedule()
    award = login.award(await rewards.holds(1, P), schedule, "200000.00", approved_by="two")
    login.payment(award["id"], login.order(award, "200000.00"), "200000.00")

    await login.write()

    assert (await rewards.award(award["id"]))["paid"] == "200000.00"
    assert (await rewards.statement())["granted"] == "200000.00"


async def test_a_second_grant_for_an_award_is_refused(rewards: Rewards, login: Login) -> None:
    await rewards.schedule(**NO_OFFSET)
    await rewards.holds(1, P)
    award = await rewards.approved()

    login.entry(award["id"], "granted", award["amount"])

    await login.refused_by("one_grant")


async def test_a_second_award_for_a_title_is_refused(rewards: Rewards, login: Login) -> None:
    schedule = await rewards.schedule(**NO_OFFSET)
    recognition_id = await rewards.holds(1, P)
    await rewards.approved()
    another_recognition = await rewards.holds(1, P)

    for of in (recognition_id, another_recognition):
        login.award(of, schedule, "200000.00")
        await login.refused_by("pk_rewarded_titles")


async def test_a_title_is_rewarded_no_second_time_after_its_reward_was_called_back(
    rewards: Rewards, login: Login
) -> None:
    schedule = await rewards.schedule(**NO_OFFSET)
    await called_back(rewards)
    given_again = await rewards.holds(1, P)

    login.award(given_again, schedule, "200000.00")

    await login.refused_by("pk_rewarded_titles")


async def test_a_grant_above_the_schedule_is_refused(rewards: Rewards, login: Login) -> None:
    schedule = await rewards.schedule(
        amounts=[
            {"title": P, "amount": "200000.00"},
            {"title": P, "amount": "900000.00", "region": "520300"},
            {"title": N, "amount": "500000.00"},
            {"title": P, "amount": "700000.00", "event": "renewal"},
        ]
    )
    of = await rewards.holds(1, P)

    login.award(of, schedule, "200000.01", scheduled_amount="200000.00")
    await login.refused_by("ck_awards_amount_within_schedule")
    for of_another in ("200000.01", "500000.00", "700000.00", "900000.00"):
        login.award(of, schedule, of_another)
        await login.refused_by("granted_by_a_schedule")


async def test_what_was_decided_is_granted_and_no_other_amount(
    rewards: Rewards, login: Login
) -> None:
    schedule = await rewards.schedule()
    award = login.award(await rewards.holds(1, P), schedule, "100000.00")
    award["scheduled_amount"] = "200000.00"
    login.rows[-1][1]["amount"] = "100000.01"

    await login.refused_by("granted_by_a_schedule")


async def test_a_draft_grants_nothing(rewards: Rewards, login: Login) -> None:
    drafted = await rewards.finance().post("/reward-schedules", json=schedule_body())

    login.award(await rewards.holds(1, P), drafted.json(), "200000.00")

    await login.refused_by("granted_by_a_schedule")


ROUNDS = {"same": "2026-1", "other": "2026-2"}


@pytest.mark.parametrize(
    ("scope", "of", "is_refused"),
    [
        ("ever", "same", True),
        ("ever", "other", True),
        ("same_year", "same", True),
        ("same_year", "other", False),
        ("same_round", "same", True),
        ("same_round", "other", False),
        ("concurrent_validity", "same", True),
        ("concurrent_validity", "other", False),
    ],
)
async def test_the_highest_amount_is_the_ceiling_within_each_scope(
    rewards: Rewards, login: Login, scope: str, of: str, is_refused: bool
) -> None:
    """The national title in the other year, the other round and after the provincial one has ended."""
    schedule = await rewards.schedule(
        scope=scope,
        budgets=[{"fiscal_year": year, "amount": "1000000.00"} for year in (2026, 2027)],
    )
    await rewards.holds(1, P)
    await rewards.approved()
    is_other = of == "other"
    higher = await rewards.holds(
        1,
        N,
        round_code=ROUNDS[of],
        valid_from=date(2029, 6, 1) if is_other else date(2029, 5, 31),
        valid_until=date(2032, 5, 31),
    )

    login.award(higher, schedule, "500000.00", fiscal_year=2027 if is_other else 2026)
    if is_refused:
        await login.refused_by("granted_within_the_highest")
        login.award(higher, schedule, "300000.01", scheduled_amount="500000.00")
        await login.refused_by("granted_within_the_highest")
        login.award(higher, schedule, "300000.00", scheduled_amount="500000.00")

    await login.write()


async def test_a_title_of_another_is_rewarded_to_nobody_else(
    rewards: Rewards, login: Login
) -> None:
    schedule = await rewards.schedule()
    of_another = await rewards.holds(2, P)
    of_its_own = await rewards.holds(1, N)

    login.award(of_another, schedule, "200000.00", uscc=uscc_of(1))
    await login.refused_by("granted_for_a_title")
    login.award(of_its_own, schedule, "200000.00", title=P)
    await login.refused_by("granted_for_a_title")
    login.award(new_id_of(rewards, of_its_own), schedule, "500000.00")
    await login.refused_by("granted_for_a_title")


def new_id_of(rewards: Rewards, of: UUID) -> UUID:
    """Return a recognition like another, of which nobody has told rewards."""
    unheard = new_id()
    rewards.granted[str(unheard)] = rewards.granted[str(of)]
    return unheard


async def test_a_title_that_fell_or_went_over_is_rewarded_no_more(
    rewards: Rewards, login: Login
) -> None:
    schedule = await rewards.schedule()
    fallen = await rewards.holds(1, P)
    await rewards.revoked(fallen)
    went_over = await goes_on(rewards, await rewards.holds(2, P), by=3)

    for of in (fallen, went_over):
        login.award(of, schedule, "200000.00")
        await login.refused_by("granted_for_a_title")


async def test_a_renewal_that_never_was_is_not_rewarded(rewards: Rewards, login: Login) -> None:
    schedule = await rewards.schedule(
        amounts=[{"title": P, "amount": "50000.00", "event": "renewal"}]
    )

    login.award(await rewards.holds(1, P), schedule, "50000.00", event="renewal")

    await login.refused_by("granted_for_a_title")


async def test_nothing_is_granted_without_a_budget_or_above_it(
    rewards: Rewards, login: Login
) -> None:
    schedule = await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "200000.00"}])
    first, second = await rewards.holds(1, P), await rewards.holds(2, P)

    login.award(first, schedule, "200000.00", fiscal_year=2027)
    await login.refused_by("granted_under_a_budget")
    login.award(first, schedule, "200000.00")
    login.award(second, schedule, "0.01", scheduled_amount="200000.00")
    await login.refused_by("ck_budgets_granted_within_budget")


async def test_who_proposed_an_award_has_not_approved_it(rewards: Rewards, login: Login) -> None:
    schedule = await rewards.schedule()

    login.award(await rewards.holds(1, P), schedule, "200000.00", approved_by="one")

    await login.refused_by("ck_awards_approved_by_another")


async def test_no_more_is_cancelled_than_was_granted_and_not_paid(
    rewards: Rewards, login: Login
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()

    login.entry(award["id"], "cancelled", "200000.01")
    await login.refused_by("ck_awards_cancelled_within_granted")
    await rewards.pay(award["id"], "0.01")
    login.entry(award["id"], "cancelled", "200000.00")
    await login.refused_by("ck_awards_paid_within_granted")


# ---------------------------------------------------------------- paying


async def test_nothing_is_paid_that_nobody_approved(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = (await rewards.propose()).json()

    login.payment(award["id"], login.order(award, "200000.00"), "200000.00")

    await login.refused_by("paid_once_approved")


async def test_nothing_is_paid_without_an_order(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    award, another = await rewards.approved(1), await rewards.payable(2)
    (order_of_another,) = await orders_of(rewards, another)

    login.entry(award["id"], "disbursed", "200000.00", reference="SQL-1")
    await login.refused_by("ck_ledger_entries_paid_on_an_order")
    login.payment(award["id"], order_of_another, "200000.00")
    await login.refused_by("paid_on_an_order")


async def test_nothing_is_paid_above_the_order_or_after_it(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()
    (order,) = await orders_of(rewards, award)

    login.payment(award["id"], order, "200000.01")
    await login.refused_by("ck_batch_lines_paid_within_order")
    login.payment(award["id"], order, "200000.00")
    await login.write()
    login.payment(award["id"], order, "0.01", reference="SQL-2")
    await login.refused_by("paid_on_an_order")


async def test_an_order_of_too_much_pays_no_more_than_was_granted(
    rewards: Rewards, login: Login
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.approved()

    login.payment(award["id"], login.order(award, "900000.00"), "200000.01")

    await login.refused_by("ck_awards_paid_within_granted")


async def test_an_award_has_one_open_order(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()

    login.order(award, "200000.00")

    await login.refused_by("one_open_order")


async def test_a_voucher_pays_once(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    first, second = await rewards.payable(1), await rewards.payable(2)
    await rewards.pay(first["id"], "1.00", "V-1")

    for award in (first, second):
        (order,) = await orders_of(rewards, award)
        login.payment(award["id"], order, "1.00", reference="V-1")
        await login.refused_by("one_payment_per_voucher")
    login.payment(first["id"], (await orders_of(rewards, first))[0], "1.00", reference=None)
    await login.refused_by("ck_ledger_entries_moved_money_has_a_reference")


async def test_nothing_is_paid_on_an_order_that_was_rejected(
    rewards: Rewards, login: Login
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()
    (order,) = await orders_of(rewards, award)
    await rewards.treasury.post(
        f"/disbursement-batches/{order['batch_id']}/lines/1/rejection",
        json={"rejected_on": TODAY.isoformat(), "reference": "B-1", "reason": "账号有误"},
    )

    login.payment(award["id"], order, "1.00")

    await login.refused_by("paid_on_an_order")


async def test_only_a_whole_payment_of_the_award_itself_is_returned_and_once(
    rewards: Rewards, login: Login
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    first, second = await rewards.paid(1, "V-1"), await rewards.payable(2)
    payment = await entry_of(rewards, "disbursed")
    grant = await entry_of(rewards, "granted")
    back = {"reference": "B-1", "payment_id": payment}

    login.entry(second["id"], "returned", "200000.00", **back)
    await login.refused_by("returns_a_payment")
    login.entry(second["id"], "returned", "200000.00", **(back | {"payment_id": grant}))
    await login.refused_by("returns_a_payment")
    login.entry(first["id"], "returned", "199999.99", **back)
    await login.refused_by("returns_a_payment")
    login.entry(first["id"], "returned", "200000.00", reference="B-1")
    await login.refused_by("ck_ledger_entries_returns_a_payment")
    login.entry(first["id"], "returned", "200000.00", **back)
    await login.write()
    login.entry(first["id"], "returned", "200000.00", **(back | {"reference": "B-2"}))
    await login.refused_by("one_return_per_payment")


# ---------------------------------------------------------------- paying back


async def test_no_more_is_called_back_than_was_paid(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()
    await rewards.pay(award["id"], "50000.00")

    login.recovery(award, "50000.01")
    await login.refused_by("ck_awards_due_within_paid")
    login.recovery(award, "50000.00")
    login.recovery(award, "0.01")
    await login.refused_by("ck_awards_due_within_paid")


async def test_no_more_is_paid_back_than_is_due(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    award, recovery = await called_back(rewards)
    of = {"reference": "R-1", "recovery_id": recovery["id"]}

    login.entry(award["id"], "recovered", "200000.01", **of)
    await login.refused_by("ck_recoveries_repaid_within_due")
    login.entry(award["id"], "recovered", "200000.00", reference="R-1")
    await login.refused_by("ck_ledger_entries_recovered_of_a_recovery")
    login.entry(award["id"], "recovered", "150000.00", **of)
    await login.write()
    login.entry(award["id"], "recovered", "50000.00", **of)
    await login.refused_by("one_repayment_per_voucher")
    login.entry(award["id"], "recovered", "50000.01", **(of | {"reference": "R-2"}))
    await login.refused_by("ck_recoveries_repaid_within_due")


async def test_a_repayment_belongs_to_the_award_that_was_called_back(
    rewards: Rewards, login: Login
) -> None:
    await rewards.schedule()
    _, recovery = await called_back(rewards, 1)
    another, _ = await called_back(rewards, 2)

    login.entry(another["id"], "recovered", "1.00", reference="R-1", recovery_id=recovery["id"])

    await login.refused_by("recovered_of_a_recovery")


async def test_nothing_is_waived_without_a_second_officer(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    award, recovery = await called_back(rewards)

    def waive(amount: str) -> None:
        login.entry(award["id"], "waived", amount, recovery_id=recovery["id"], reason="破产")

    waive("0.01")
    await login.refused_by("waived_by_two")
    login.waiver(recovery["id"], "100000.00")
    waive("100000.00")
    await login.refused_by("waived_by_two")
    by_oneself = {"is_granted": True, "decided_by": "one", "decided_at": NOW}
    login.waiver(recovery["id"], "100000.00", **by_oneself)
    await login.refused_by("ck_waivers_decided_by_another")
    login.waiver(recovery["id"], "100000.00", is_granted=True)
    await login.refused_by("ck_waivers_decided_with_a_decision")
    login.waiver(recovery["id"], "100000.00", **(by_oneself | {"decided_by": "two"}))
    await login.write()
    waive("100000.01")
    await login.refused_by("waived_by_two")
    waive("100000.00")
    await login.write()
    waive("0.01")
    await login.refused_by("waived_by_two")


async def test_with_top_up_nothing_is_waived_above_the_highest(
    rewards: Rewards, login: Login
) -> None:
    await rewards.schedule()
    award, recovery = await called_back(rewards)
    await rewards.holds(1, N)
    await rewards.approved()

    login.waiver(recovery["id"], "0.01", is_granted=True, decided_by="two", decided_at=NOW)
    login.entry(award["id"], "waived", "0.01", recovery_id=recovery["id"])

    await login.refused_by("waived_within_the_highest")


async def test_what_was_refused_is_not_waived(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    award, recovery = await called_back(rewards)

    login.waiver(recovery["id"], "100000.00", is_granted=False, decided_by="two", decided_at=NOW)
    login.entry(award["id"], "waived", "100000.00", recovery_id=recovery["id"])

    await login.refused_by("waived_by_two")


async def test_what_was_paid_back_is_not_waived_too(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    award, recovery = await called_back(rewards)
    of = {"recovery_id": recovery["id"]}

    login.waiver(recovery["id"], "100000.01", is_granted=True, decided_by="two", decided_at=NOW)
    login.entry(award["id"], "recovered", "100000.00", reference="R-1", **of)
    login.entry(award["id"], "waived", "100000.01", **of)

    await login.refused_by("ck_recoveries_repaid_within_due")


# ---------------------------------------------------------------- keeping


async def keep_for(rewards: Rewards, award: Row, kept: object, of: str) -> str | None:
    """Ask the database to let an award stand for a title. Return what refuses it."""
    login = rewards.service.owner.set(username="srdi_rewards")
    statement = f"SELECT rewards.keep_for('{award['id']}', '{kept}', {of})"
    try:
        await as_owner(login, statement)
    except IntegrityError as refusal:
        return violated_constraint(refusal)
    return None


LOWER = "'recognition', 200000"
ANOTHERS = "NULL, NULL"


async def test_an_award_stands_for_another_title_only_once_its_own_was_taken_away(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.paid(1, "V-1")

    for of in (LOWER, ANOTHERS):
        assert await keep_for(rewards, award, lower, of) == "kept_once_its_own_fell"
    await rewards.revoked(higher)
    assert await keep_for(rewards, award, higher, LOWER) == "kept_once_its_own_fell"
    assert await keep_for(rewards, award, lower, LOWER) is None, "it does so already"


async def test_an_award_stands_for_a_title_of_its_enterprise_that_was_not_rewarded(
    rewards: Rewards,
) -> None:
    await rewards.schedule(**NO_OFFSET)
    lower, higher = await rewards.holds(1, P), await rewards.holds(1, N)
    of_another = await rewards.holds(2, P)
    went_over = await goes_on(rewards, await rewards.holds(3, P), by=1)
    award = await rewards.payable(1)
    await rewards.revoked(higher)  # its payment is under way, so nothing is decided yet

    for kept, of, refusal in (
        (of_another, LOWER, "kept_for_a_title"),
        (new_id(), LOWER, "kept_for_a_title"),
        (lower, ANOTHERS, "kept_for_a_title"),
        (went_over, LOWER, "kept_by_a_schedule"),
        (lower, "'recognition', 200000.01", "kept_by_a_schedule"),
        (lower, "'renewal', 200000", "kept_by_a_schedule"),
        (lower, "'', NULL", "kept_by_a_schedule"),
    ):
        assert await keep_for(rewards, award, kept, of) == refusal
    await rewards.approved(1)
    assert await keep_for(rewards, award, lower, LOWER) == "pk_rewarded_titles"
    assert await keep_for(rewards, award, lower, ANOTHERS) is None, "the other award is for it"


async def test_no_title_keeps_more_than_what_stands(rewards: Rewards) -> None:
    await rewards.schedule(
        amounts=[{"title": P, "amount": "200000.00"}, {"title": N, "amount": "100000.00"}],
        **NO_OFFSET,
    )
    higher, lower = await rewards.holds(1, P), await rewards.holds(1, N)
    award = await rewards.paid(1, "V-1")
    await rewards.revoked(higher)

    assert await keep_for(rewards, award, lower, "'recognition', 100000") == "kept_of_what_stands"


# ---------------------------------------------------------------- editing


async def test_an_amount_is_more_than_nothing(rewards: Rewards, login: Login) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()
    (order,) = await orders_of(rewards, award)

    for amount in ("0", "-0.01"):
        login.entry(award["id"], "cancelled", amount)
        await login.refused_by("ck_ledger_entries_is_positive")
        login.payment(award["id"], order, amount)
        await login.refused_by("ck_ledger_entries_is_positive")


KEPT_BY_THE_DATABASE: dict[str, Sequence[str]] = {
    "awards": (
        "granted",
        "cancelled",
        "disbursed",
        "returned",
        "recovery_due",
        "recovered",
        "waived",
    ),
    "batch_lines": ("paid",),
    "budgets": ("granted",),
    "recoveries": ("repaid", "waived"),
}
"""Sums: the login neither writes nor changes them."""

MAY_CHANGE: dict[str, set[str]] = {
    "awards": {
        "is_secret",
        "status",
        "approved_by",
        "approved_at",
        "approved_on",
        "cancellation_reason",
        "updated_at",
        "version",
    },
    "batch_lines": {
        "status",
        "stop_requested_at",
        "rejected_on",
        "rejection_reason",
        "rejection_reference",
    },
    "batch_series": {"last"},
    "budgets": set(),
    "disbursement_batches": set(),
    "holdings": {
        "legal_name",
        "region",
        "is_secret",
        "valid_until",
        "renewed_from",
        "renewal_round_code",
        "policy_pack",
        "revoked_on",
        "revocation_ground",
        "finding_number",
        "has_lost_reward",
        "continues",
    },
    "instalments": set(),
    "ledger_entries": set(),
    "recoveries": {"status", "version"},
    "reward_schedules": {"status", "approved_by", "approved_at", "version"},
    "rewarded_titles": set(),
    "schedule_amounts": set(),
    "waivers": {"is_granted", "decision_reason", "decided_by", "decided_at"},
}
"""All that the login can change of what was written about money."""


async def privileges(rewards: Rewards, kind: str) -> dict[str, set[str]]:
    async with rewards.service.database.session() as session:
        rows = await session.execute(
            text(
                "SELECT c.relname, a.attname FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'rewards'"
                " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
                " WHERE has_column_privilege('srdi_rewards', c.oid, a.attnum, :kind)"
            ),
            {"kind": kind},
        )
        found: dict[str, set[str]] = {table: set() for table in MAY_CHANGE}
        for table, column in rows:
            if table in found:
                found[table].add(column)
        return found


async def test_the_login_can_change_nothing_else_of_what_was_written(rewards: Rewards) -> None:
    changeable = await privileges(rewards, "UPDATE")
    writable = await privileges(rewards, "INSERT")

    assert changeable == MAY_CHANGE
    assert writable["rewarded_titles"] == set()
    for table, sums in KEPT_BY_THE_DATABASE.items():
        assert not writable[table] & set(sums), table


@pytest.mark.parametrize("table", [*MAY_CHANGE, "history", "outbox"])
async def test_the_login_can_delete_nothing_that_was_written(rewards: Rewards, table: str) -> None:
    login = rewards.service.owner.set(username="srdi_rewards")

    for statement in (f"DELETE FROM rewards.{table}", f"TRUNCATE rewards.{table} CASCADE"):
        with pytest.raises(DBAPIError, match="permission denied"):
            await as_owner(login, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rewards.ledger_entries SET on_day = on_day - 1",
        "UPDATE rewards.ledger_entries SET reference = 'other'",
        "UPDATE rewards.awards SET uscc = uscc",
        "UPDATE rewards.awards SET scheduled_amount = scheduled_amount + 1",
        "UPDATE rewards.awards SET recovered = recovery_due",
        "UPDATE rewards.awards SET stands_for = recognition_id",
        "UPDATE rewards.awards SET calculation = '{}'",
        "UPDATE rewards.awards SET proposed_by = 'somebody'",
        "UPDATE rewards.batch_lines SET amount = amount + 1",
        "UPDATE rewards.batch_lines SET paid = 0",
        "UPDATE rewards.budgets SET granted = 0",
        "UPDATE rewards.recoveries SET due = 1",
        "UPDATE rewards.recoveries SET repaid = due",
        "UPDATE rewards.waivers SET amount = amount + 1",
        "UPDATE rewards.waivers SET requested_by = 'somebody'",
        "UPDATE rewards.schedule_amounts SET amount = amount + 1",
        "UPDATE rewards.holdings SET uscc = uscc",
        "UPDATE rewards.holdings SET valid_from = valid_from - 1000",
        "UPDATE rewards.history SET action = 'other'",
        "INSERT INTO rewards.rewarded_titles SELECT * FROM rewards.rewarded_titles",
        "ALTER TABLE rewards.ledger_entries DISABLE TRIGGER keep_the_ledger",
        "SET session_replication_role = replica",
    ],
)
async def test_the_login_cannot_edit_what_happened(rewards: Rewards, statement: str) -> None:
    login = rewards.service.owner.set(username="srdi_rewards")

    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        await as_owner(login, statement)


@pytest.mark.parametrize(
    "change",
    [
        "valid_until = valid_until - 1",
        "renewed_from = NULL",
        "renewed_from = renewed_from - 1",
        "renewed_from = valid_until + 1",
        "renewal_round_code = 'other'",
        "renewal_round_code = NULL",
    ],
)
async def test_the_days_and_rounds_of_a_rewarded_title_are_not_taken_out_of_the_sum(
    rewards: Rewards, change: str
) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    await renewed(rewards, recognition_id)
    login = rewards.service.owner.set(username="srdi_rewards")
    statement = f"UPDATE rewards.holdings SET {change}"
    await rewards.approved()

    with pytest.raises(IntegrityError) as refusal:
        await as_owner(login, statement)

    assert violated_constraint(refusal.value) == "rewarded_title_stays"


@pytest.mark.parametrize(
    "change",
    [
        "uscc = '91520100000000000X'",
        "title = 'srdi_sme'",
        "recognition_id = gen_random_uuid()",
        "valid_from = valid_from + 1",
        "round_code = 'other'",
    ],
)
async def test_whose_and_which_a_rewarded_title_is_changes_by_no_hand(
    rewards: Rewards, change: str
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.approved()

    with pytest.raises(IntegrityError) as refusal:
        await as_owner(rewards.service.owner, f"UPDATE rewards.holdings SET {change}")

    assert violated_constraint(refusal.value) == "rewarded_title_stays"


async def test_a_rewarded_title_is_renewed_again_moved_and_revoked(rewards: Rewards) -> None:
    """The trigger refuses nothing that the registry announces."""
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")

    for year in (2029, 2032):
        await renewed(rewards, recognition_id, year)
        await renewed(rewards, recognition_id, year)
    rewards.granted[str(recognition_id)] |= {"legal_name": "改名后公司", "region": "520300"}
    await rewards.revoked(recognition_id)

    async with rewards.service.database.session() as session:
        row = await session.execute(
            text("SELECT legal_name, region, renewed_from, valid_until FROM rewards.holdings")
        )
    assert tuple(row.one()) == ("改名后公司", "520300", date(2032, 6, 1), date(2035, 5, 31))


async def renewed(rewards: Rewards, recognition_id: UUID, year: int = 2029) -> None:
    held = rewards.granted[str(recognition_id)]
    held |= {
        "valid_from": date(year, 6, 1),
        "valid_until": date(year + 3, 5, 31),
        "round_code": f"{year}-1",
    }
    await rewards.service.deliver(
        "registry",
        RecognitionRenewed(document_number="示例〔2029〕9号", application_id=None, **held),
    )


async def test_the_sums_are_those_of_the_ledger_after_all_of_it(
    rewards: Rewards, login: Login
) -> None:
    """What was refused left nothing behind."""
    await rewards.schedule()
    award, recovery = await called_back(rewards)
    of = {"recovery_id": recovery["id"]}
    login.entry(award["id"], "recovered", "0.01", reference="R-1", **of)
    await login.write()

    login.entry(award["id"], "recovered", "0.02", reference="R-2", **of)
    login.entry(award["id"], "recovered", "200000.00", reference="R-3", **of)
    await login.refused_by("ck_recoveries_repaid_within_due")

    assert (await rewards.statement())["recovered"] == "0.01"
    assert Decimal((await rewards.award(award["id"]))["repaid"]) == Decimal("0.01")
