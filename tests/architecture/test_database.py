"""What the database itself promises: schemas apart, history insert-only, constraints by name."""

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.schema import SERVICES, login_of


async def rows_of(url: URL, statement: str) -> list[tuple[object, ...]]:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        rows = (await connection.execute(text(statement))).all()
    await engine.dispose()
    return [tuple(row) for row in rows]


async def test_no_foreign_key_crosses_schemas(owner: URL) -> None:
    keys = await rows_of(
        owner,
        "SELECT conname, conrelid::regclass, confrelid::regclass FROM pg_constraint"
        " JOIN pg_class a ON a.oid = conrelid JOIN pg_class b ON b.oid = confrelid"
        " WHERE contype = 'f' AND a.relnamespace <> b.relnamespace",
    )

    assert keys == []


@pytest.mark.parametrize("service", SERVICES)
async def test_a_login_reaches_its_own_schema_alone(owner: URL, service: str) -> None:
    login = owner.set(username=login_of(service))
    others = [other for other in SERVICES if other != service]

    own = await rows_of(login, f"SELECT count(*) FROM {service}.history")

    assert own == [(0,)]
    for other in others:
        with pytest.raises(DBAPIError, match="permission denied"):
            await rows_of(login, f"SELECT count(*) FROM {other}.history")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("table", ["history", "outbox"])
async def test_what_was_written_down_cannot_be_edited_by_the_service(
    owner: URL, service: str, table: str
) -> None:
    login = owner.set(username=login_of(service))

    for statement in (
        f"UPDATE {service}.{table} SET request_id = 'x'",
        f"DELETE FROM {service}.{table}",
        f"TRUNCATE {service}.{table}",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await rows_of(login, statement)


async def test_what_must_never_happen_is_a_constraint_with_a_name(owner: URL) -> None:
    named = {
        str(name)
        for (name,) in await rows_of(
            owner,
            "SELECT conname FROM pg_constraint UNION SELECT indexname FROM pg_indexes",
        )
    }

    assert named >= {
        "one_live_application",
        "one_case_per_application",
        "one_decision_per_turn",
        "set_aside_once",
        "one_list_per_turn",
        "one_case_per_rank",
        "called_once_per_turn",
        "one_sheet_per_expert",
        "one_visit_per_turn",
        "one_current_recognition",
        "one_term_at_a_time",
        "one_schedule_begins_on_a_day",
        "one_grant",
        "once_per_recognition",
        "pk_rewarded_titles",
        "one_open_order",
        "one_payment_per_voucher",
        "one_repayment_per_voucher",
        "one_return_per_payment",
        "ck_budgets_granted_within_budget",
        "ck_awards_paid_within_granted",
        "ck_recoveries_repaid_within_due",
    }
