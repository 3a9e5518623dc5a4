"""What review recognised before it heard of a revocation: recorded, and put up for examination."""

from datetime import date, timedelta
from typing import Any

from services.kernel.identifiers import new_id
from tests.builders.enterprises import uscc_of
from tests.registry.conftest import TODAY, Registry
from tests.registry.test_changes import BEGUN
from tests.registry.test_succession import taken_over

LAST_DAY = date(2029, 5, 31)


async def examinations(registry: Registry) -> list[dict[str, Any]]:
    return list((await registry.officer().get("/examinations?open=true")).json()["items"])


async def actions(registry: Registry) -> list[str]:
    return [one["action"] for one in await registry.service.history()]


async def test_a_title_recognised_while_its_enterprise_is_excluded_is_recorded_and_examined(
    registry: Registry,
) -> None:
    revoked = await registry.recognised()
    await registry.revoke(revoked)
    assert await examinations(registry) == []

    granted = await registry.recognised(title="provincial_little_giant")

    [found] = await examinations(registry)
    assert (found["recognition_id"], found["because_of"]) == (granted, revoked)
    assert (found["title"], found["revoked_title"]) == ("provincial_little_giant", "srdi_sme")
    assert found["finding_number"] == "示例查〔2026〕1号"
    assert (await registry.verified(1, title="provincial_little_giant"))["code"] == "valid"
    [noted] = [
        one
        for one in await registry.service.history()
        if one["action"] == "recognised_while_excluded"
    ]
    assert (str(noted["subject_id"]), noted["uscc"]) == (granted, uscc_of(1))
    assert noted["data"]["because_of"] == revoked
    assert "2029-05-31" in noted["reason"]
    assert await registry.service.chain_is_sound()


async def test_the_same_title_granted_anew_is_examined_as_well(registry: Registry) -> None:
    revoked = await registry.recognised()
    await registry.revoke(revoked)

    granted = await registry.recognised()

    [found] = await examinations(registry)
    assert granted != revoked
    assert (found["recognition_id"], found["because_of"]) == (granted, revoked)


async def test_an_exclusion_covers_the_decision_to_its_last_day(registry: Registry) -> None:
    await registry.revoke(await registry.recognised(1))
    await registry.revoke(await registry.recognised(2))

    await registry.recognised(1, on=LAST_DAY)
    await registry.recognised(2, on=LAST_DAY + timedelta(days=1))

    assert [one["uscc"] for one in await examinations(registry)] == [uscc_of(1)]


async def test_one_that_was_announced_twice_is_examined_once(registry: Registry) -> None:
    await registry.revoke(await registry.recognised())
    application_id = new_id()

    for _ in range(2):
        await registry.recognised(title="provincial_little_giant", application_id=application_id)

    assert len(await examinations(registry)) == 1


async def test_whoever_is_not_excluded_is_not_examined(registry: Registry) -> None:
    await registry.revoke(await registry.recognised(1))
    given_up = await registry.recognised(3)
    await registry.revoke(given_up, ground="voluntary", finding_number=None)

    await registry.recognised(2, title="provincial_little_giant")
    await registry.recognised(3, title="provincial_little_giant")

    assert await examinations(registry) == []
    assert "recognised_while_excluded" not in await actions(registry)


async def test_a_renewal_that_goes_on_with_a_successor_is_examined_there(
    registry: Registry,
) -> None:
    revoked = await registry.recognised(1, on=BEGUN)
    await registry.recognised(1, on=BEGUN, title="provincial_little_giant")
    await registry.revoke(revoked)
    assert (await taken_over(registry)).status_code == 201
    [known] = [one for one in await examinations(registry) if one["uscc"] == uscc_of(2)]

    await registry.announced(1, on=TODAY, kind="renewal", title="provincial_little_giant")

    [found] = [one for one in await examinations(registry) if one["uscc"] == uscc_of(2)]
    assert found == known
    [noted] = [
        one
        for one in await registry.service.history()
        if one["action"] == "recognised_while_excluded"
    ]
    assert (str(noted["subject_id"]), noted["uscc"]) == (found["recognition_id"], uscc_of(2))
