"""Cases, decisions, notices and objections."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

from migrations.journal_v1 import create_journal_tables, drop_journal_tables, grant_to_login

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "review"


def upgrade() -> None:
    create_journal_tables(SCHEMA)
    op.create_table(
        "notices",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("round_id", UUID(), nullable=False),
        sa.Column("round_code", sa.String(40), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("is_provisional", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_notices_ends_after_it_starts")),
        schema=SCHEMA,
    )
    op.create_table(
        "review_cases",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("application_id", UUID(), nullable=False),
        sa.Column("round_id", UUID(), nullable=False),
        sa.Column("round_code", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("legal_name", sa.String(2000), nullable=False),
        sa.Column("division", sa.String(6), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("facts_sha256", sa.String(64), nullable=False),
        sa.Column("submission_number", sa.Integer(), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("office", sa.String(40), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_is_provisional", sa.Boolean(), nullable=False),
        sa.Column("notice_id", UUID(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_cases"),
        sa.UniqueConstraint("application_id", name="one_case_per_application"),
        sa.ForeignKeyConstraint(
            ["notice_id"], [f"{SCHEMA}.notices.id"], name="fk_review_cases_notice_id"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_review_cases_division_id", "review_cases", ["division", "id"], schema=SCHEMA
    )
    op.create_index(
        "ix_review_cases_office_due_on", "review_cases", ["office", "due_on"], schema=SCHEMA
    )
    op.create_index("ix_review_cases_notice_id", "review_cases", ["notice_id"], schema=SCHEMA)
    op.create_index("ix_review_cases_uscc", "review_cases", ["uscc"], schema=SCHEMA)
    op.create_table(
        "decisions",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("submission_number", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("remarks", JSONB(), nullable=False),
        sa.Column("decided_by", sa.String(200), nullable=False),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("case_id", "stage", "submission_number", name="one_decision_per_stage"),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name="fk_decisions_case_id"
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "objections",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("notice_id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("objector", JSONB(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.String(200), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_objections"),
        sa.ForeignKeyConstraint(
            ["notice_id"], [f"{SCHEMA}.notices.id"], name="fk_objections_notice_id"
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name="fk_objections_case_id"
        ),
        schema=SCHEMA,
    )
    op.create_index("ix_objections_case_id", "objections", ["case_id"], schema=SCHEMA)
    grant_to_login(SCHEMA, insert_only=("decisions",))


def downgrade() -> None:
    for table in ("objections", "decisions", "review_cases", "notices"):
        op.drop_table(table, schema=SCHEMA)
    drop_journal_tables(SCHEMA)
