"""What everybody is owed, in one statement, is what the rule says of each."""

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from services.policy.catalogue import published_catalogue
from services.policy.rewards import Because, Scope, Settlement
from services.rewards.entitlement_sql import Population, owed
from services.rewards.models import Award, Holding, RewardedTitle, RewardSchedule, ScheduleAmount
from services.rewards.reckoning import Reckoning
from services.rewards.repository import ScheduleRepository
from services.rewards.workflow import AwardStatus, ScheduleStatus
from tests.builders.enterprises import PACK, uscc_of
from tests.rewards.test_awards import N, P

TODAY = date(2026, 9, 1)
NOW = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = [
    date(2023, 9, 2),
    date(2025, 1, 1),
    date(2026, 8, 31),
    TODAY,
    date(2026, 9, 2),
    date(2028, 1, 1),
]
PAST, LATER = DAYS[:3], DAYS[4:]
AMOUNTS = [Decimal(one) for one in ("0.01", "100.00", "200.00", "500.00")]
REGIONS = ["520102", "520302", "522301"]
WAYS = list(product(Settlement, Scope))

holdings = st.fixed_dictionaries(
    {
        "title": st.sampled_from([P, P, N, N, "srdi_sme"]),
        "region": st.sampled_from(REGIONS),
        # Mostly titles that count today: what does not count is refused before anything is reckoned.
        "valid_from": st.sampled_from([*PAST, *PAST, *DAYS]),
        "valid_until": st.sampled_from([*LATER, *LATER, *DAYS]),
        "renewed_from": st.sampled_from([None, None, *PAST, *DAYS]),
        "round_code": st.sampled_from([None, "2025-1", "2026-1"]),
        "renewal_round_code": st.sampled_from([None, "2026-1"]),
        "revoked_on": st.sampled_from([*[None] * 12, *DAYS]),
        "continues": st.sampled_from([*[None] * 8, UUID(int=9)]),
        "granted": st.none() | st.tuples(st.sampled_from(AMOUNTS), st.sampled_from(AMOUNTS)),
        "granted_event": st.sampled_from(["recognition", "renewal"]),
        "fiscal_year": st.sampled_from([2025, 2026]),
        "cancelled": st.sampled_from([False, False, False, True]),
        "stands_for_another": st.booleans(),
    }
)
lines = st.dictionaries(
    st.tuples(
        st.sampled_from([P, N]),
        st.sampled_from(["recognition", "renewal"]),
        st.sampled_from([None, "520000", "520100", "520102"]),
    ),
    st.sampled_from(AMOUNTS),
    min_size=1,
).map(
    lambda some: {(P, "recognition", None): AMOUNTS[2], (N, "recognition", None): AMOUNTS[3]} | some
)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    enterprises=st.lists(st.lists(holdings, min_size=1, max_size=4), min_size=1, max_size=5),
    lines=lines,
)
def test_one_statement_says_of_everybody_what_the_rule_says_of_each(
    owner: URL, enterprises: list[list[dict[str, Any]]], lines: dict[Any, Decimal]
) -> None:
    asyncio.run(_compare(owner, enterprises, lines))


async def _compare(
    owner: URL, enterprises: list[list[dict[str, Any]]], lines: dict[Any, Decimal]
) -> None:
    engine = create_async_engine(owner, poolclass=NullPool)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        # What no sequence of real events would leave is compared, too; nothing of it stays.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await _put_in(session, enterprises, lines)
        catalogue = published_catalogue()
        usccs = [uscc_of(number + 1) for number in range(len(enterprises))]
        known = await Reckoning(session, catalogue).on_record(usccs)
        for number in range(len(WAYS)):
            schedule = await ScheduleRepository(session).find(UUID(int=number + 1))
            assert schedule is not None
            population = Population(region="520000", on=TODAY, fiscal_year=2026)
            rule = catalogue.pack(PACK).reward_rule
            rows = (await session.execute(owed(rule, schedule, population))).mappings()
            told = {row["uscc"]: row for row in rows}
            for uscc in usccs:
                expected = (
                    Reckoning(session, catalogue)
                    .reckon(uscc, known[uscc], schedule, on=TODAY, fiscal_year=2026)
                    .entitlement
                )
                row = told.get(uscc)
                if expected.highest is None:
                    assert row is None
                    continue
                assert row is not None
                assert {
                    "recognition_id": str(row["recognition_id"]),
                    "event": row["event"],
                    "code": Because(row["code"]),
                    "amount": row["amount"],
                    "already_granted": row["already_granted"],
                    "payable": row["payable"],
                } == {
                    "recognition_id": expected.highest.held.recognition_id,
                    "event": expected.highest.held.event,
                    "code": expected.highest.code,
                    "amount": expected.highest.amount,
                    "already_granted": expected.already_granted,
                    "payable": expected.payable,
                }
        await session.rollback()
    await engine.dispose()


async def _put_in(
    session: AsyncSession, enterprises: list[list[dict[str, Any]]], lines: dict[Any, Decimal]
) -> None:
    for number, (settlement, scope) in enumerate(WAYS, start=1):
        await session.execute(
            insert(RewardSchedule).values(
                id=UUID(int=number),
                code=f"way-{number}",
                document_number="示例财〔2026〕1号",
                effective_from=TODAY,
                policy_pack=PACK,
                settlement=settlement,
                scope=scope,
                status=ScheduleStatus.DRAFT,
                created_by="one",
                created_at=NOW,
                version=1,
            )
        )
        for place, ((title, event, region), amount) in enumerate(lines.items()):
            await session.execute(
                insert(ScheduleAmount).values(
                    schedule_id=UUID(int=number),
                    number=place,
                    title=title,
                    event=event,
                    region=region,
                    amount=amount,
                )
            )
    for number, held in enumerate(enterprises, start=1):
        rewarded: set[tuple[str, str]] = set()
        for place, one in enumerate(held):
            recognition_id = UUID(int=number * 100 + place)
            await session.execute(
                insert(Holding).values(
                    recognition_id=recognition_id,
                    uscc=uscc_of(number),
                    legal_name="示例",
                    is_secret=False,
                    policy_pack=PACK,
                    has_lost_reward=False,
                    **{
                        name: one[name]
                        for name in (
                            "title",
                            "region",
                            "valid_from",
                            "valid_until",
                            "renewed_from",
                            "round_code",
                            "renewal_round_code",
                            "revoked_on",
                            "continues",
                        )
                    },
                )
            )
            key = (one["title"], one["granted_event"])
            if one["granted"] is not None and key not in rewarded:
                rewarded.add(key)
                await _grant(session, uscc_of(number), recognition_id, one)


async def _grant(
    session: AsyncSession, uscc: str, recognition_id: UUID, one: dict[str, Any]
) -> None:
    scheduled, granted = max(one["granted"]), min(one["granted"])
    award_id = UUID(int=recognition_id.int + 10**6)
    await session.execute(
        insert(Award).values(
            id=award_id,
            uscc=uscc,
            legal_name="示例",
            region=one["region"],
            is_secret=False,
            recognition_id=recognition_id,
            title=one["title"],
            event=one["granted_event"],
            fiscal_year=one["fiscal_year"],
            amount=granted,
            scheduled_amount=scheduled,
            set_against=[],
            schedule_id=UUID(int=1),
            policy_pack=PACK,
            calculation={},
            reason="择优",
            status=AwardStatus.PROPOSED,
            proposed_by="one",
            proposed_at=NOW,
            updated_at=NOW,
            version=1,
            granted=granted,
            cancelled=granted if one["cancelled"] else Decimal(0),
            stands_for=UUID(int=8) if one["stands_for_another"] else None,
        )
    )
    await session.execute(
        insert(RewardedTitle).values(
            uscc=uscc,
            title=one["title"],
            event=one["granted_event"],
            recognition_id=recognition_id,
            award_id=award_id,
            is_kept=False,
            scheduled_amount=scheduled,
        )
    )
