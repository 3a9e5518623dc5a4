"""年度对账单: a year's sums, an enterprise a row, the same as the ledger's and nobody else's."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.rewards.conftest import Rewards
from tests.rewards.test_awards import N, P, slug
from tests.rewards.test_batches import reject, send_back
from tests.rewards.test_recoveries import ask_waiver, called_back, decide_waiver, repay

Row = dict[str, Any]
SUMS = ("granted", "cancelled", "disbursed", "recovery_due", "recovered", "waived")
ELSEWHERE = "520302"
ZUNYI = "520300"


async def listed(caller: Caller, **sought: Any) -> list[Row]:
    """Return every row of the year, page by page."""
    rows: list[Row] = []
    query = {"fiscal_year": 2026, "limit": 2} | sought
    while True:
        answer = await caller.get("/award-statements", params=query)
        assert answer.status_code == 200, answer.text
        rows += answer.json()["items"]
        if answer.json()["next"] is None:
            return rows
        query["after"] = answer.json()["next"]


async def lived_through(rewards: Rewards) -> None:
    """Let a year hold everything that can happen to money, in two cities."""
    await rewards.schedule(budgets=[{"fiscal_year": 2026, "amount": "9000000.00"}])
    await rewards.holds(1, P)
    await rewards.paid(1, "P-1")
    await rewards.holds(1, N)
    await rewards.paid(1, "P-2")
    await rewards.holds(2, P)
    cancelled = (await rewards.propose(2)).json()
    await rewards.finance("finance-2").post(
        f"/awards/{cancelled['id']}/cancellation", json={"reason": "材料有误"}
    )
    await rewards.holds(3, P, region=ELSEWHERE)
    returned = await rewards.payable(3)
    await rewards.pay(returned["id"], "150000.01", "P-3")
    await rewards.pay(returned["id"], "40000.00", "P-4")
    await send_back(rewards, returned, "P-3")
    recovery = await called_back(rewards, 4)
    await repay(rewards, recovery, "120000.33", "R-1")
    await ask_waiver(rewards, recovery, "50000.00")
    await decide_waiver(rewards, recovery)
    await rewards.holds(5, P, is_secret=True)
    await rewards.paid(5, "P-5")
    await rewards.holds(6, N)
    rejected = await rewards.approved(6)
    await reject(rewards, await rewards.ordered(rejected["id"]))


async def ledger(rewards: Rewards, fiscal_year: int = 2026) -> dict[str, Decimal]:
    """Sum the ledger's own entries up, as the database's owner."""
    engine = create_async_engine(rewards.service.owner, poolclass=NullPool)
    async with engine.connect() as connection:
        entries = await connection.execute(
            text(
                "SELECT kind, sum(entry.amount) FROM rewards.ledger_entries AS entry"
                " JOIN rewards.awards ON awards.id = award_id WHERE fiscal_year = :year"
                " GROUP BY kind"
            ),
            {"year": fiscal_year},
        )
        by_kind: dict[str, Decimal] = dict(entries.all())
        due = await connection.scalar(text("SELECT sum(due) FROM rewards.recoveries"))
    await engine.dispose()
    return {
        "granted": by_kind["granted"] - by_kind["cancelled"],
        "cancelled": by_kind["cancelled"],
        "disbursed": by_kind["disbursed"] - by_kind["returned"],
        "recovery_due": due or Decimal(0),
        "recovered": by_kind["recovered"],
        "waived": by_kind["waived"],
    }


def summed(rows: list[Row]) -> dict[str, Decimal]:
    return {name: sum((Decimal(row[name]) for row in rows), Decimal(0)) for name in SUMS}


async def test_all_rows_add_up_to_what_the_ledger_says_and_each_to_its_own_statement(
    rewards: Rewards,
) -> None:
    await lived_through(rewards)

    rows = await listed(rewards.finance())

    assert summed(rows) == await ledger(rewards)
    assert [row["uscc"] for row in rows] == sorted(uscc_of(serial) for serial in range(1, 7))
    by_code = {row["uscc"]: row for row in rows}
    for serial in range(1, 7):
        own, row = await rewards.statement(serial), by_code[uscc_of(serial)]
        alike = ("granted", "disbursed", "recovery_due", "recovered", "waived")
        assert {name: row[name] for name in alike} == {name: own[name] for name in alike}
        assert row["awards_count"] == len(own["awards"])
    assert by_code[uscc_of(1)]["granted"] == "500000.00"
    nothing_left = by_code[uscc_of(2)]
    assert (nothing_left["granted"], nothing_left["cancelled"]) == ("0.00", "200000.00")
    assert by_code[uscc_of(3)]["disbursed"] == "40000.00"
    assert (by_code[uscc_of(4)]["recovered"], by_code[uscc_of(4)]["waived"]) == (
        "120000.33",
        "50000.00",
    )


async def test_who_sees_a_row_is_who_sees_the_awards_in_it(rewards: Rewards) -> None:
    await lived_through(rewards)
    service = rewards.service

    async def seen(caller: Caller, **sought: Any) -> set[int]:
        codes = {uscc_of(serial): serial for serial in range(1, 7)}
        return {codes[row["uscc"]] for row in await listed(caller, **sought)}

    assert await seen(rewards.treasury) == {1, 2, 3, 4, 5, 6}
    assert await seen(service.caller("auditor", region="520000")) == {1, 2, 3, 4, 5, 6}
    assert await seen(service.caller("evaluator", region="520000")) == {1, 2, 3, 4, 6}
    assert await seen(service.caller("city_office", region="520100")) == {1, 2, 4, 5, 6}
    assert await seen(rewards.finance(region=ZUNYI)) == {3}
    assert await seen(rewards.finance(region="520400")) == set()
    for serial in (3, 5):
        assert await seen(service.caller("enterprise", uscc=uscc_of(serial))) == {serial}
    nobodys = service.caller_of(["evaluator"], sub="without-a-region")
    assert await seen(nobodys) == set()
    assert await seen(rewards.finance(), region=ZUNYI) == {3}
    assert await seen(rewards.finance(), region=ELSEWHERE) == {3}
    assert await seen(rewards.finance(region="520100"), region=ZUNYI) == set()


async def test_only_the_awards_of_the_year_count_whenever_money_moved(rewards: Rewards) -> None:
    await rewards.schedule(
        budgets=[{"fiscal_year": year, "amount": "1000000.00"} for year in (2026, 2027)]
    )
    await rewards.holds(1, P)
    await rewards.paid(1, "P-1")
    await rewards.holds(1, N)
    await rewards.propose(1, fiscal_year=2027)

    years = {
        year: [
            (row["granted"], row["awards_count"])
            for row in await listed(rewards.finance(), fiscal_year=year)
        ]
        for year in (2025, 2026, 2027)
    }

    assert years == {2025: [], 2026: [("200000.00", 1)], 2027: [("300000.00", 1)]}


async def test_a_row_bears_the_name_and_place_of_the_latest_award(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P, legal_name="旧名有限公司")
    await rewards.approved(1)
    await rewards.holds(1, N, legal_name="新名有限公司", region=ELSEWHERE)
    await rewards.approved(1)

    (whole,) = await listed(rewards.finance())
    (before,) = await listed(rewards.finance(region="520100"))

    assert (whole["legal_name"], whole["region"]) == ("新名有限公司", ELSEWHERE)
    assert (whole["granted"], whole["awards_count"]) == ("500000.00", 2)
    # Whoever is in charge of the first place alone reads of its award alone.
    assert (before["legal_name"], before["region"]) == ("旧名有限公司", "520102")
    assert (before["granted"], before["awards_count"]) == ("200000.00", 1)


async def test_pages_stay_put_while_rows_are_added(rewards: Rewards) -> None:
    await rewards.schedule()
    by_code = sorted(range(1, 6), key=uscc_of)
    for serial in (by_code[1], by_code[3]):
        await rewards.holds(serial, P)
        await rewards.approved(serial)
    path = "/award-statements?fiscal_year=2026&limit=1"

    first = (await rewards.finance().get(path)).json()
    for serial in (by_code[0], by_code[2]):
        await rewards.holds(serial, P)
        await rewards.approved(serial)
    second = (await rewards.finance().get(f"{path}&after={first['next']}")).json()

    assert first["items"][0]["uscc"] == uscc_of(by_code[1])
    assert second["items"][0]["uscc"] == uscc_of(by_code[2])


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("fiscal_year=2026&after=nonsense", "cursor-invalid"),
        ("fiscal_year=2026&after=WzFd", "cursor-invalid"),
        ("fiscal_year=2026&after=W10", "cursor-invalid"),
        ("fiscal_year=2026&uscc=1", "unknown-filter"),
        ("", "malformed-request"),
        ("fiscal_year=1999", "malformed-request"),
        ("fiscal_year=2026&region=5203", "malformed-request"),
        ("fiscal_year=2026&region=%25%25%25%25%25%25", "malformed-request"),
        ("fiscal_year=2026&limit=0", "malformed-request"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(rewards: Rewards, query: str, refusal: str) -> None:
    answer = await rewards.finance().get(f"/award-statements?{query}")

    assert (answer.status_code, slug(answer)) == (422, refusal)
