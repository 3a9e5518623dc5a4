"""Rounds, applications, submissions, and the copy of who holds what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

from migrations.journal_v1 import create_journal_tables, drop_journal_tables, grant_to_login

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "applications"
LIVE = "'draft', 'recognised', 'returned', 'submitted', 'under_review'"


def upgrade() -> None:
    create_journal_tables(SCHEMA)
    op.create_table(
        "rounds",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("new_pack", sa.String(80), nullable=True),
        sa.Column("renewal_pack", sa.String(80), nullable=True),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("document_number", sa.String(80), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rounds"),
        sa.UniqueConstraint("code", name="uq_rounds_code"),
        sa.CheckConstraint("closes_on >= opens_on", name=op.f("ck_rounds_closes_after_it_opens")),
        schema=SCHEMA,
    )
    op.create_table(
        "applications",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("round_id", UUID(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("division", sa.String(6), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("submission_number", sa.Integer(), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=True),
        sa.Column("opened", JSONB(), nullable=False),
        sa.Column("return_reason", sa.Text(), nullable=True),
        sa.Column("remarks", JSONB(), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
        sa.ForeignKeyConstraint(
            ["round_id"], [f"{SCHEMA}.rounds.id"], name="fk_applications_round_id"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "one_live_application",
        "applications",
        ["round_id", "uscc", "title"],
        unique=True,
        postgresql_where=sa.text(f"status IN ({LIVE})"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_applications_division_id", "applications", ["division", "id"], schema=SCHEMA
    )
    op.create_index("ix_applications_uscc_id", "applications", ["uscc", "id"], schema=SCHEMA)
    op.create_table(
        "submissions",
        sa.Column("application_id", UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", sa.String(200), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("pack_checksum", sa.String(64), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("facts_sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "number", name="pk_submissions"),
        sa.ForeignKeyConstraint(
            ["application_id"],
            [f"{SCHEMA}.applications.id"],
            name="fk_submissions_application_id",
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "holdings",
        sa.Column("recognition_id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("revoked_on", sa.Date(), nullable=True),
        sa.Column("exclusion_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("recognition_id", name="pk_holdings"),
        schema=SCHEMA,
    )
    op.create_index("ix_holdings_uscc", "holdings", ["uscc"], schema=SCHEMA)
    grant_to_login(SCHEMA, insert_only=("submissions",))


def downgrade() -> None:
    for table in ("holdings", "submissions", "applications", "rounds"):
        op.drop_table(table, schema=SCHEMA)
    drop_journal_tables(SCHEMA)
