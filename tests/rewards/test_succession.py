"""A title that another enterprise goes on with: rewarded once, and called back from whom it was paid."""

from datetime import date
from typing import Any
from uuid import UUID

from services.contracts.registry import RecognitionChanged
from services.kernel.identifiers import new_id
from tests.builders.enterprises import facts_of, uscc_of
from tests.rewards.conftest import Rewards
from tests.rewards.test_awards import N, P, slug

MERGED_ON = date(2026, 8, 1)


async def goes_on(rewards: Rewards, of: UUID, by: int, **changed: Any) -> UUID:
    """Let the registry announce that an enterprise goes on with a title of another."""
    before, following_id = rewards.granted[str(of)], new_id()
    fields = before | {
        "uscc": uscc_of(by),
        "legal_name": facts_of(by)["legal_name"],
        "recognition_id": following_id,
    }
    rewards.granted[str(following_id)] = fields
    await rewards.service.deliver(
        "registry",
        RecognitionChanged.model_validate(
            fields
            | {
                "change": "merger",
                "happened_on": MERGED_ON,
                "previous_recognition_id": of,
                "previous_uscc": before["uscc"],
                "previous_legal_name": before["legal_name"],
                "previous_region": before["region"],
                "document_number": "示例变更〔2026〕1号",
            }
            | changed
        ),
    )
    return following_id


async def recoveries(rewards: Rewards) -> list[tuple[str, str]]:
    items = (await rewards.finance().get("/recoveries")).json()["items"]
    return [(one["uscc"], one["due"]) for one in items]


async def test_a_title_that_went_over_is_rewarded_to_nobody_again(rewards: Rewards) -> None:
    await rewards.schedule()
    paid = await rewards.holds(1, P)
    unpaid = await rewards.holds(3, P)
    award = await rewards.paid(1, "V-1")

    await goes_on(rewards, paid, by=2)
    await goes_on(rewards, unpaid, by=4)

    refused = [await rewards.propose(serial) for serial in (1, 2, 3, 4)]
    assert [one.status_code for one in refused] == [409] * 4
    assert {slug(one) for one in refused} == {"nothing-payable"}
    assert [one["code"] for one in (await rewards.calculated(2))["considered"]] == ["taken_over"]
    assert (await rewards.award(award["id"]))["status"] == "disbursed"
    assert await recoveries(rewards) == []


async def test_a_successor_is_rewarded_for_what_it_wins_itself(rewards: Rewards) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    await goes_on(rewards, recognition_id, by=2)

    await rewards.holds(2, N)

    assert (await rewards.calculated(2))["payable"] == "500000.00"


async def test_a_false_declaration_found_at_the_successor_calls_back_what_the_first_was_paid(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    first = await rewards.holds(1, P)
    award = await rewards.paid(1, "V-1")
    second = await goes_on(rewards, first, by=2)
    third = await goes_on(rewards, second, by=3)

    await rewards.revoked(third)
    await rewards.revoked(third)

    assert await recoveries(rewards) == [(uscc_of(1), "200000.00")]
    assert (await rewards.award(award["id"]))["status"] == "recovering"
    assert (await rewards.statement(3))["awards"] == []


async def test_a_title_given_up_by_the_successor_costs_nobody_anything(rewards: Rewards) -> None:
    await rewards.schedule()
    first = await rewards.holds(1, P)
    award = await rewards.paid(1, "V-1")
    second = await goes_on(rewards, first, by=2)

    await rewards.revoked(second, "voluntary", recovers=False)

    assert await recoveries(rewards) == []
    assert (await rewards.award(award["id"]))["status"] == "disbursed"


async def test_what_was_granted_before_the_merger_is_paid_and_falls_with_the_title(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    first, other = await rewards.holds(1, P), await rewards.holds(2, P)
    approved, proposed = await rewards.approved(1), (await rewards.propose(2)).json()
    following = await goes_on(rewards, first, by=3)
    await goes_on(rewards, other, by=4)
    await rewards.ordered(approved["id"])

    part = await rewards.pay(approved["id"], "50000.00", "V-1")
    too_late = await rewards.finance("finance-2").post(f"/awards/{proposed['id']}/approval")
    await rewards.revoked(following)
    rest = await rewards.pay(approved["id"], "150000.00", "V-2")

    assert part.status_code == 200, "it was granted to the enterprise while it held the title"
    assert (too_late.status_code, slug(too_late)) == (409, "title-no-longer-held")
    assert await recoveries(rewards) == [(uscc_of(1), "200000.00")]
    assert rest.status_code == 200, "it was under way; what was paid is called back"


async def test_an_unpaid_award_of_the_first_holder_is_cancelled_when_the_title_falls(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    first = await rewards.holds(1, P)
    award = await rewards.approved(1)
    second = await goes_on(rewards, first, by=2)

    await rewards.revoked(second)

    assert (await rewards.award(award["id"]))["status"] == "cancelled"
    assert await recoveries(rewards) == []
    assert slug(await rewards.propose(1)) == "nothing-payable"


async def test_the_same_change_read_again_changes_nothing(rewards: Rewards) -> None:
    await rewards.schedule()
    first = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    second = await goes_on(rewards, first, by=2)
    await goes_on(rewards, first, by=2, recognition_id=second)

    await rewards.revoked(second)

    assert await recoveries(rewards) == [(uscc_of(1), "200000.00")]


async def test_a_title_that_falls_leaves_the_other_one_that_went_over_its_reward(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    lower = await rewards.holds(1, P)
    await rewards.paid(1, "V-1")
    higher = await rewards.holds(1, N)
    await rewards.paid(1, "V-2")
    await goes_on(rewards, lower, by=2)
    following = await goes_on(rewards, higher, by=2)

    await rewards.revoked(following)

    assert await recoveries(rewards) == [(uscc_of(1), "300000.00")]


async def test_a_renamed_holder_keeps_its_reward_and_its_turn(rewards: Rewards) -> None:
    await rewards.schedule()
    recognition_id = await rewards.holds(1, P)

    await goes_on(
        rewards,
        recognition_id,
        by=1,
        recognition_id=recognition_id,
        change="rename",
        legal_name="贵州更名后精密有限公司",
    )

    award = await rewards.paid(1, "V-1")
    assert award["legal_name"] == "贵州更名后精密有限公司"
