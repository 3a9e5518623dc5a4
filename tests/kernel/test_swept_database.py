"""What one test leaves in a database, the next one does not find."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.builders.databases import MigratedDatabase
from tests.builders.services import as_owner
from tests.conftest import TEMPLATE


@pytest.fixture
async def database(server: URL) -> AsyncIterator[MigratedDatabase]:
    database = await MigratedDatabase.create(server, TEMPLATE)
    yield database
    await database.drop()


async def found_in(database: MigratedDatabase, statement: str) -> object:
    engine = create_async_engine(database.url, poolclass=NullPool)
    async with engine.connect() as connection:
        found: object = await connection.scalar(text(statement))
    await engine.dispose()
    return found


async def test_rows_are_gone_and_what_the_migrations_put_there_is_as_they_put_it(
    database: MigratedDatabase,
) -> None:
    await as_owner(database.url, "UPDATE review.journal_head SET history_position = 8")
    await as_owner(
        database.url, "INSERT INTO review.consumer_positions VALUES ('applications', 8, now())"
    )

    is_as_new = await database.sweep()

    assert is_as_new
    assert await found_in(database, "SELECT history_position FROM review.journal_head") == 0
    assert await found_in(database, "SELECT count(*) FROM review.consumer_positions") == 0
    assert await found_in(database, "SELECT count(*) FROM review.alembic_version") == 1


async def test_it_can_be_swept_again_and_again(database: MigratedDatabase) -> None:
    for position in (1, 2):
        await as_owner(
            database.url, f"UPDATE review.journal_head SET history_position = {position}"
        )
        assert await database.sweep()

    assert await found_in(database, "SELECT history_position FROM review.journal_head") == 0


async def test_a_schema_of_a_tests_own_is_gone(database: MigratedDatabase) -> None:
    await as_owner(database.url, "CREATE SCHEMA notes CREATE TABLE notes (body text)")

    is_as_new = await database.sweep()

    assert is_as_new
    assert await found_in(database, "SELECT to_regnamespace('notes')") is None


@pytest.mark.parametrize(
    "altering",
    [
        "ALTER TABLE review.experts ADD COLUMN shoe_size integer",
        "ALTER TABLE review.experts DROP CONSTRAINT pk_experts CASCADE",
        "ALTER TABLE registry.recognitions DISABLE TRIGGER an_end_is_for_ever",
        "CREATE INDEX slow ON review.experts (name)",
        "CREATE TABLE review.more (id integer)",
        "CREATE FUNCTION review.one() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "GRANT DELETE ON review.history TO srdi_review",
        "GRANT USAGE ON SCHEMA review TO srdi_rewards",
    ],
)
async def test_what_was_altered_is_seen(database: MigratedDatabase, altering: str) -> None:
    await as_owner(database.url, altering)

    assert not await database.sweep()


async def test_a_transaction_that_was_left_open_is_ended(database: MigratedDatabase) -> None:
    engine = create_async_engine(database.url, poolclass=NullPool)
    async with engine.connect() as forgotten:
        await forgotten.execute(text("UPDATE review.journal_head SET history_position = 8"))

        is_as_new = await database.sweep()

        assert is_as_new
        with pytest.raises(DBAPIError):
            await forgotten.execute(text("SELECT 1"))
    await engine.dispose()
