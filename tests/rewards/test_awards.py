"""Awards: selected, approved, paid, cancelled, recovered. Nothing twice, nothing lost."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.contracts.registry import (
    RecognitionChanged,
    RecognitionEvent,
    RecognitionGranted,
    RecognitionRenewed,
)
from tests.builders.enterprises import uscc_of
from tests.builders.services import as_owner
from tests.rewards.conftest import TODAY, Rewards

P, N = "provincial_little_giant", "national_little_giant"


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def types(rewards: Rewards) -> list[str]:
    return [
        event["type"][len("cn.srdi.award.") : -len(".v1")]
        for event in await rewards.service.events()
    ]


async def test_a_calculation_explains_itself_and_writes_nothing(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, "srdi_sme")
    await rewards.holds(1, P)

    answer = await rewards.calculated()

    assert answer["payable"] == "200000.00"
    assert answer["highest"]["title"] == P
    assert answer["clause"] == "六(二)"
    assert [(one["title"], one["applies"]) for one in answer["considered"]] == [
        ("srdi_sme", False),
        (P, True),
    ]
    assert all(one["because"]["zh"] and one["because"]["en"] for one in answer["considered"])
    assert await rewards.service.events() == []


async def test_an_award_is_proposed_approved_and_paid_by_three_different_hands(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    proposed = (await rewards.propose()).json()
    path = f"/awards/{proposed['id']}"

    early = await rewards.pay(proposed["id"], "200000.00")
    own = await rewards.finance("finance-1").post(f"{path}/approval")
    approved = await rewards.finance("finance-2").post(f"{path}/approval")
    unordered = await rewards.pay(proposed["id"], "200000.00")
    await rewards.ordered(proposed["id"])
    by_finance = await rewards.finance().post(
        f"{path}/disbursement",
        json={"amount": "1.00", "paid_on": "2026-09-01", "voucher": "V"},
    )
    paid = await rewards.pay(proposed["id"], "200000.00")

    assert (early.status_code, slug(early)) == (409, "award-not-in-state")
    assert (own.status_code, slug(own)) == (409, "separation-of-duties")
    assert approved.json()["status"] == "approved"
    assert (unordered.status_code, slug(unordered)) == (409, "award-not-ordered")
    assert by_finance.status_code == 403
    assert (paid.json()["status"], paid.json()["paid"]) == ("disbursed", "200000.00")
    assert await types(rewards) == ["proposed", "approved", "ordered", "disbursed"]
    assert await rewards.service.chain_is_sound()


async def test_a_later_national_title_is_paid_only_the_difference(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    await rewards.holds(1, N, valid_from=date(2026, 8, 1))

    second = await rewards.paid(1, "V-2")
    third = await rewards.propose()

    assert second["amount"] == "300000.00"
    assert (third.status_code, slug(third)) == (409, "nothing-payable")
    kept = (await rewards.award(second["id"]))["calculation"]
    assert kept["already_granted"] == "200000.00"
    assert "300,000.00" in kept["formula"]["zh"]
    statement = await rewards.statement()
    assert (statement["granted"], statement["disbursed"]) == ("500000.00", "500000.00")


async def test_five_clicks_at_once_grant_once(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(1, N)

    answers = await asyncio.gather(*(rewards.propose() for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert (await rewards.statement())["granted"] == "500000.00"


async def test_a_proposal_waits_for_whoever_is_changing_what_the_enterprise_is_granted(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    engine = create_async_engine(rewards.service.owner, poolclass=NullPool)
    async with engine.begin() as other:
        await other.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(uscc_of(1), 0)))
        )
        proposing = asyncio.create_task(rewards.propose())
        other_enterprise = await rewards.propose(2)
        await asyncio.sleep(0.3)
        was_waiting = not proposing.done()
    await engine.dispose()

    assert was_waiting
    assert slug(other_enterprise) == "nothing-payable"
    assert (await proposing).status_code == 201


async def test_the_years_budget_is_never_passed_however_many_ask(rewards: Rewards) -> None:
    await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "500000.00"}])
    for serial in range(1, 6):
        await rewards.holds(serial, P)

    answers = await asyncio.gather(*(rewards.propose(serial) for serial in range(1, 6)))
    no_budget = await rewards.propose(1, fiscal_year=2027)

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, 201, 409, 409, 409]
    assert {slug(one) for one in answers if one.status_code == 409} == {"budget-exceeded"}
    assert slug(no_budget) in {"budget-missing", "nothing-payable"}


async def test_a_cancelled_award_gives_its_money_and_its_turn_back(rewards: Rewards) -> None:
    await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "200000.00"}])
    await rewards.holds(1, P)
    first = (await rewards.propose()).json()

    cancelled = await rewards.finance("finance-2").post(
        f"/awards/{first['id']}/cancellation", json={"reason": "材料有误"}
    )
    again = await rewards.propose()

    assert cancelled.json()["status"] == "cancelled"
    assert again.status_code == 201
    assert await types(rewards) == ["proposed", "cancelled", "proposed"]


async def test_a_paid_award_cannot_be_cancelled(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()
    await rewards.pay(award["id"], "0.01")

    refused = await rewards.finance("finance-2").post(
        f"/awards/{award['id']}/cancellation", json={"reason": "材料有误"}
    )

    assert (refused.status_code, slug(refused)) == (409, "award-not-in-state")


async def test_a_voucher_counts_once_however_often_it_is_sent(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()

    part = await rewards.pay(award["id"], "150000.00", "V-1")
    repeats = await asyncio.gather(
        *(rewards.pay(award["id"], "150000.00", "V-1") for _ in range(4))
    )
    other_amount = await rewards.pay(award["id"], "1.00", "V-1")
    too_much = await rewards.pay(award["id"], "50000.01", "V-2")
    rest = await rewards.pay(award["id"], "50000.00", "V-2")
    late_repeat = await rewards.pay(award["id"], "50000.00", "V-2")

    assert (part.json()["status"], part.json()["paid"]) == ("approved", "150000.00")
    assert {answer.json()["paid"] for answer in repeats} == {"150000.00"}
    assert (other_amount.status_code, slug(other_amount)) == (409, "voucher-used")
    assert (too_much.status_code, slug(too_much)) == (409, "payment-too-large")
    assert rest.json()["status"] == "disbursed"
    assert late_repeat.status_code == 200
    assert await types(rewards) == [
        "proposed",
        "approved",
        "ordered",
        "disbursed",
        "disbursed",
    ]


async def test_a_voucher_of_another_award_is_refused(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    first, second = await rewards.payable(1), await rewards.payable(2)
    await rewards.pay(first["id"], "200000.00", "V-1")

    refused = await rewards.pay(second["id"], "200000.00", "V-1")

    assert (refused.status_code, slug(refused)) == (409, "voucher-used")


@pytest.mark.parametrize("paid_on", ["2026-08-31", "2026-09-02"])
async def test_money_is_paid_between_approval_and_today(rewards: Rewards, paid_on: str) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()

    refused = await rewards.pay(award["id"], "1.00", paid_on=paid_on)

    assert (refused.status_code, slug(refused)) == (422, "payment-day-not-possible")


async def test_a_false_declaration_calls_a_paid_reward_back(rewards: Rewards) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    award = await rewards.paid(1, "V-1")

    await rewards.revoked(recognition_id)
    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    path = f"/recoveries/{recovery['id']}/repayments"
    half = {"amount": "100000.00", "paid_on": "2026-09-01", "voucher": "R-1"}
    first = await rewards.treasury.post(path, json=half)
    repeat = await rewards.treasury.post(path, json=half)
    too_much = await rewards.treasury.post(
        path, json=half | {"amount": "100000.01", "voucher": "R-2"}
    )
    second = await rewards.treasury.post(path, json=half | {"voucher": "R-2"})
    after = await rewards.treasury.post(path, json=half | {"voucher": "R-3"})

    assert (recovery["due"], recovery["ground"]) == ("200000.00", "false_declaration")
    assert (first.json()["repaid"], repeat.json()["repaid"]) == ("100000.00", "100000.00")
    assert (too_much.status_code, slug(too_much)) == (409, "payment-too-large")
    assert second.json()["status"] == "settled"
    assert (after.status_code, slug(after)) == (409, "recovery-settled")
    assert (await rewards.award(award["id"]))["status"] == "recovered"
    assert (await rewards.statement())["recovered"] == "200000.00"
    assert (await types(rewards))[-4:] == [
        "recovery-opened",
        "recovery-repaid",
        "recovery-repaid",
        "recovered",
    ]
    assert slug(await rewards.propose()) == "nothing-payable"


async def test_an_unpaid_reward_of_a_false_declaration_is_cancelled(rewards: Rewards) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    award = await rewards.approved()

    await rewards.revoked(recognition_id)

    assert (await rewards.award(award["id"]))["status"] == "cancelled"
    assert (await rewards.finance().get("/recoveries")).json()["items"] == []
    assert (await rewards.service.history())[-1]["actor"]["sub"] == "service:registry"


async def test_what_was_not_paid_of_a_fallen_title_is_never_paid(rewards: Rewards) -> None:
    await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "300000.00"}])
    recognition_id = await rewards.holds(1, P)
    await rewards.holds(2, P)
    award = await rewards.payable(1)
    await rewards.pay(award["id"], "50000.00", "V-1")

    await rewards.revoked(recognition_id)
    under_way = await rewards.award(award["id"])
    refused = await rewards.propose(2)
    (order,) = under_way["orders"]
    await rewards.treasury.post(
        f"/disbursement-batches/{order['batch_id']}/lines/{order['line_number']}/rejection",
        json={"rejected_on": TODAY.isoformat(), "reference": "B-1", "reason": "已停止付款"},
    )
    stopped = await rewards.award(award["id"])
    second = await rewards.propose(2)

    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    assert recovery["due"] == "50000.00"
    assert order["stop_requested_at"] is not None
    assert (refused.status_code, slug(refused)) == (409, "budget-exceeded")
    assert (stopped["cancelled"], stopped["status"]) == ("150000.00", "recovering")
    assert second.status_code == 201, "the unpaid rest went back to the budget"


async def test_what_was_paid_while_the_title_fell_is_recorded_and_called_back(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    award = await rewards.payable()

    await rewards.revoked(recognition_id)
    paid = await rewards.pay(award["id"], "200000.00", "V-1")

    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    assert (paid.status_code, paid.json()["paid"]) == (200, "200000.00")
    assert paid.json()["status"] == "recovering"
    assert recovery["due"] == "200000.00"
    assert (await types(rewards))[-3:] == ["order-stopped", "disbursed", "recovery-opened"]


async def test_a_title_given_up_keeps_its_reward_and_is_rewarded_no_more(rewards: Rewards) -> None:
    await rewards.schedule()
    kept = await rewards.holds(1, P)
    unpaid = await rewards.holds(2, P)
    award = await rewards.paid(1, "V-1")
    proposed = (await rewards.propose(2)).json()

    for recognition_id in (kept, unpaid):
        await rewards.revoked(recognition_id, "voluntary", recovers=False)
    refused = await rewards.finance("finance-2").post(f"/awards/{proposed['id']}/approval")

    assert (await rewards.award(award["id"]))["status"] == "disbursed"
    assert (refused.status_code, slug(refused)) == (409, "title-no-longer-held")


async def test_losing_the_higher_title_leaves_the_lower_amount(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    national = await rewards.holds(1, N)
    higher = await rewards.paid(1, "V-2")

    await rewards.revoked(national)

    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    assert (recovery["award_id"], recovery["due"]) == (higher["id"], "300000.00")
    assert (await rewards.calculated())["payable"] == "0.00"


async def test_losing_the_lower_title_first_costs_nothing_until_both_are_lost(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    provincial = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    national = await rewards.holds(1, N)
    await rewards.paid(1, "V-2")

    await rewards.revoked(provincial)
    after_one = (await rewards.finance().get("/recoveries")).json()["items"]
    await rewards.revoked(national)
    after_both = (await rewards.finance().get("/recoveries")).json()["items"]

    assert after_one == []
    assert sorted(one["due"] for one in after_both) == ["200000.00", "300000.00"]


async def test_the_lower_title_that_brought_nothing_keeps_its_amount(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    national = await rewards.holds(1, N)
    await rewards.paid(1, "V-1")

    await rewards.revoked(national)

    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    assert recovery["due"] == "300000.00"
    assert (recovery["keeps"]["title"], recovery["keeps"]["amount"]) == (P, "200000.00")
    calculated = await rewards.calculated()
    assert calculated["payable"] == "0.00"
    assert {one["title"]: one["code"] for one in calculated["considered"]} == {
        P: "granted",
        N: "granted",
    }


async def test_the_same_revocation_read_again_after_a_crash_opens_nothing_twice(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")

    await rewards.revoked(recognition_id)
    await rewards.revoked(recognition_id)

    items = (await rewards.finance().get("/recoveries")).json()["items"]
    assert [one["due"] for one in items] == ["200000.00"]


async def test_everybody_sees_their_own_awards_and_no_others(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P, is_secret=True)
    first, secret = await rewards.approved(1), await rewards.approved(2)
    service = rewards.service

    async def seen(caller: Any) -> list[str]:
        items = (await caller.get("/awards")).json()["items"]
        return sorted(one["uscc"] for one in items)

    assert await seen(rewards.finance()) == sorted([uscc_of(1), uscc_of(2)])
    assert await seen(service.caller("enterprise", uscc=uscc_of(1))) == [uscc_of(1)]
    assert await seen(service.caller("city_office", region="520300")) == []
    assert await seen(service.caller("evaluator", region="520000")) == [uscc_of(1)]
    outsider = service.caller("enterprise", uscc=uscc_of(3))
    assert (await outsider.get(f"/awards/{first['id']}")).status_code == 404
    evaluator = service.caller("evaluator", region="520000")
    assert (await evaluator.get(f"/awards/{secret['id']}")).status_code == 404
    hidden = await evaluator.post("/award-calculations", json={"uscc": uscc_of(2)})
    unknown = await evaluator.post("/award-calculations", json={"uscc": uscc_of(3)})
    assert hidden.json() | {"uscc": ""} == unknown.json() | {"uscc": ""}
    other = await outsider.post("/award-calculations", json={"uscc": uscc_of(1)})
    assert other.status_code == 403


async def test_awards_are_found_by_what_a_payment_system_asks(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.holds(2, P)
    await rewards.paid(1, "V-1")
    await rewards.propose(2)

    async def found(query: str) -> list[str]:
        answer = await rewards.treasury.get(f"/awards?{query}")
        assert answer.status_code == 200, answer.text
        return [one["uscc"] for one in answer.json()["items"]]

    assert await found("status=disbursed") == [uscc_of(1)]
    assert await found(f"uscc={uscc_of(2)}") == [uscc_of(2)]
    assert await found("fiscal_year=2025") == []
    assert await found("changed_after=2026-01-01T00:00:00Z") == [uscc_of(2), uscc_of(1)]
    assert await found("changed_after=2026-12-01T00:00:00Z") == []
    naive = await rewards.treasury.get("/awards?changed_after=2026-01-01T00:00:00")
    assert naive.status_code == 422


async def test_the_service_itself_cannot_edit_a_payment(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    login = rewards.service.owner.set(username="srdi_rewards")

    for statement in (
        "UPDATE rewards.ledger_entries SET amount = 1",
        "DELETE FROM rewards.ledger_entries",
        "UPDATE rewards.awards SET disbursed = 0",
        "UPDATE rewards.awards SET amount = amount + 1",
        "UPDATE rewards.budgets SET amount = amount + 1",
        "DELETE FROM rewards.rewarded_titles",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await as_owner(login, statement)


async def test_totals_are_exact_to_the_cent(rewards: Rewards) -> None:
    await rewards.schedule(amounts=[{"title": P, "amount": "100000.10"}])
    await rewards.holds(1, P)
    award = await rewards.payable()
    for number in range(10):
        await rewards.pay(award["id"], "10000.01", f"V-{number}")

    statement = await rewards.statement()

    assert statement["disbursed"] == "100000.10"
    assert Decimal(statement["granted"]) == Decimal("100000.10")


@pytest.mark.parametrize("written", ["v-1", "Ｖ－１", " V-1 ", "V\u200b-1", "V -1"])
async def test_a_voucher_written_otherwise_pays_no_second_time(
    rewards: Rewards, written: str
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.payable()
    await rewards.pay(award["id"], "50000.00", "V-1")

    again = await rewards.pay(award["id"], "50000.00", written)
    nothing = await rewards.pay(award["id"], "50000.00", "\u200b ")

    assert again.status_code == 200
    assert (await rewards.award(award["id"]))["paid"] == "50000.00"
    assert nothing.status_code == 422


@pytest.mark.parametrize(
    "instant", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00%2B23:59", "1989-01-01T00:00:00Z"]
)
async def test_an_instant_beyond_all_clocks_is_refused(rewards: Rewards, instant: str) -> None:
    refused = await rewards.finance().get(f"/awards?changed_after={instant}")

    assert (refused.status_code, slug(refused)) == (422, "malformed-request")


async def test_a_second_fall_calls_back_the_rest_of_what_was_recovered_once(
    rewards: Rewards,
) -> None:
    """The feed goes on: a title that falls after another's money came back stops nothing."""
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    first = await rewards.payable()
    await rewards.pay(first["id"], "100000.00", "V-1")
    higher = await rewards.holds(1, N)
    second = await rewards.paid(1, "V-2")
    await rewards.revoked(higher)
    (recovery,) = (await rewards.finance().get("/recoveries")).json()["items"]
    await rewards.treasury.post(
        f"/recoveries/{recovery['id']}/repayments",
        json={"amount": recovery["due"], "paid_on": TODAY.isoformat(), "voucher": "R-1"},
    )
    await rewards.pay(first["id"], "100000.00", "V-3")

    await rewards.revoked(lower)

    items = (await rewards.finance().get("/recoveries")).json()["items"]
    assert sum(Decimal(one["due"]) for one in items) == Decimal("500000.00")
    assert second["paid"] == "300000.00"
    assert (await rewards.award(second["id"]))["status"] == "recovered"
    assert (await rewards.award(first["id"]))["status"] == "recovering"


async def test_an_enterprise_that_becomes_secret_takes_its_past_with_it(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    partner = rewards.service.caller("evaluator", region="520000")
    path = f"/award-statements/{uscc_of(1)}"

    before = await partner.get(path)
    await rewards.holds(1, N, is_secret=True)
    after = await partner.get(path)
    calculated = await partner.post("/award-calculations", json={"uscc": uscc_of(1)})

    assert before.json()["awards"]
    assert after.status_code == 404 or after.json()["awards"] == []
    assert calculated.json()["considered"] == []


def announced(event: str, fields: dict[str, Any]) -> RecognitionEvent:
    """Return what the registry says of a title in one of three ways."""
    if event == "changed":
        return RecognitionChanged.model_validate(
            fields
            | {
                "change": "rename",
                "happened_on": TODAY,
                "previous_recognition_id": fields["recognition_id"],
                "previous_uscc": fields["uscc"],
                "previous_legal_name": fields["legal_name"],
                "previous_region": fields["region"],
                "document_number": "示例变更〔2026〕1号",
            }
        )
    kind = {"granted": RecognitionGranted, "renewed": RecognitionRenewed}[event]
    return kind(document_number="示例〔2026〕9号", application_id=None, **fields)


@pytest.mark.parametrize("event", ["granted", "renewed", "changed"])
async def test_an_enterprise_that_becomes_secret_takes_an_award_with_it_that_is_being_proposed(
    rewards: Rewards, event: str
) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    fields = rewards.granted[str(recognition_id)] | {"is_secret": True}
    engine = create_async_engine(rewards.service.owner, poolclass=NullPool)

    async with engine.begin() as other:
        await other.execute(text("SELECT FROM rewards.budgets FOR UPDATE"))
        proposing = asyncio.create_task(rewards.propose())
        await asyncio.sleep(0.5)
        hiding = asyncio.create_task(rewards.service.deliver("registry", announced(event, fields)))
        await asyncio.sleep(0.5)
    await engine.dispose()
    proposed, _ = await asyncio.gather(proposing, hiding)

    partner = rewards.service.caller("evaluator", region="520000")
    assert proposed.status_code == 201, proposed.text
    assert (await partner.get(f"/awards/{proposed.json()['id']}")).status_code == 404
