"""The tables that every service's first migration creates beside its own.

They are frozen with those migrations: a later change is a new migration in each branch.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

GENESIS = "0" * 64


def create_journal_tables(schema: str) -> None:
    op.create_table(
        "journal_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("history_position", sa.BigInteger(), nullable=False),
        sa.Column("history_hash", sa.String(64), nullable=False),
        sa.Column("event_position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal_head"),
        sa.CheckConstraint("id = 1", name=op.f("ck_journal_head_is_the_only_row")),
        schema=schema,
    )
    op.execute(f"INSERT INTO {schema}.journal_head VALUES (1, 0, '{GENESIS}', 0)")
    op.create_table(
        "history",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", UUID(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject_type", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.String(64), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=True),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("actor", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("clause", sa.String(40), nullable=True),
        sa.Column("policy_pack", sa.String(80), nullable=True),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_history"),
        sa.UniqueConstraint("id", name="uq_history_id"),
        sa.UniqueConstraint("hash", name="uq_history_hash"),
        schema=schema,
    )
    op.create_index("ix_history_uscc", "history", ["uscc"], schema=schema)
    op.create_index(
        "ix_history_subject_type_subject_id_position",
        "history",
        ["subject_type", "subject_id", "position"],
        schema=schema,
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", UUID(), nullable=False),
        sa.Column("type", sa.String(80), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=True),
        sa.Column("region", sa.String(6), nullable=True),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("partner_data", JSONB(), nullable=True),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("traceparent", sa.String(55), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_outbox"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
        schema=schema,
    )
    op.create_index("ix_outbox_uscc", "outbox", ["uscc"], schema=schema)
    op.create_table(
        "consumer_positions",
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_consumer_positions"),
        schema=schema,
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.String(64), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", JSONB(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency"),
        schema=schema,
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], schema=schema)


def grant_to_login(schema: str, *, insert_only: tuple[str, ...] = ()) -> None:
    """Let the service's login work on its schema, and only add to what must never be edited."""
    login = f"srdi_{schema}"
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {login}")
    for table in ("history", "outbox", *insert_only):
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {schema}.{table} FROM {login}")
    op.execute(f"REVOKE INSERT, DELETE ON {schema}.journal_head FROM {login}")
    op.execute(f"REVOKE ALL ON {schema}.alembic_version FROM {login}")


def drop_journal_tables(schema: str) -> None:
    for table in ("idempotency", "consumer_positions", "outbox", "history", "journal_head"):
        op.drop_table(table, schema=schema)
