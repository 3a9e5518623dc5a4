"""Schedules with their budgets, the copy of who holds what, awards, payments and recoveries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID, ExcludeConstraint

from migrations.journal_v1 import create_journal_tables, drop_journal_tables, grant_to_login

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "rewards"
MONEY = sa.Numeric(16, 2)


def upgrade() -> None:
    create_journal_tables(SCHEMA)
    op.create_table(
        "reward_schedules",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("document_number", sa.String(80), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_until", sa.Date(), nullable=True),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("settlement", sa.String(40), nullable=False),
        sa.Column("scope", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(200), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reward_schedules"),
        sa.UniqueConstraint("code", name="uq_reward_schedules_code"),
        sa.CheckConstraint(
            "effective_until IS NULL OR effective_until > effective_from",
            name=op.f("ck_reward_schedules_ends_after_it_begins"),
        ),
        sa.CheckConstraint(
            "(status = 'approved') = (approved_by IS NOT NULL)",
            name=op.f("ck_reward_schedules_approved_by_somebody"),
        ),
        sa.CheckConstraint(
            "approved_by IS DISTINCT FROM created_by",
            name=op.f("ck_reward_schedules_approved_by_another"),
        ),
        ExcludeConstraint(
            (sa.text("daterange(effective_from, effective_until)"), "&&"),
            where=sa.text("status = 'approved'"),
            using="gist",
            name="one_schedule_at_a_time",
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "schedule_amounts",
        sa.Column("schedule_id", UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("event", sa.String(20), nullable=False),
        sa.Column("region", sa.String(6), nullable=True),
        sa.Column("amount", MONEY, nullable=False),
        sa.PrimaryKeyConstraint("schedule_id", "number", name="pk_schedule_amounts"),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            [f"{SCHEMA}.reward_schedules.id"],
            name="fk_schedule_amounts_schedule_id",
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_schedule_amounts_is_positive")),
        schema=SCHEMA,
    )
    op.create_table(
        "budgets",
        sa.Column("schedule_id", UUID(), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("granted", MONEY, nullable=False),
        sa.PrimaryKeyConstraint("schedule_id", "fiscal_year", name="pk_budgets"),
        sa.ForeignKeyConstraint(
            ["schedule_id"], [f"{SCHEMA}.reward_schedules.id"], name="fk_budgets_schedule_id"
        ),
        sa.CheckConstraint("granted <= amount", name=op.f("ck_budgets_granted_within_budget")),
        sa.CheckConstraint("granted >= 0", name=op.f("ck_budgets_granted_is_not_negative")),
        schema=SCHEMA,
    )
    op.create_table(
        "holdings",
        sa.Column("recognition_id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("legal_name", sa.String(2000), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("round_code", sa.String(40), nullable=True),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("revoked_on", sa.Date(), nullable=True),
        sa.Column("revocation_ground", sa.String(40), nullable=True),
        sa.Column("has_lost_reward", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("recognition_id", name="pk_holdings"),
        schema=SCHEMA,
    )
    op.create_index("ix_holdings_uscc", "holdings", ["uscc"], schema=SCHEMA)
    op.create_table(
        "awards",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("legal_name", sa.String(2000), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("recognition_id", UUID(), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("scheduled_amount", MONEY, nullable=False),
        sa.Column("paid", MONEY, nullable=False),
        sa.Column("schedule_id", UUID(), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("calculation", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("proposed_by", sa.String(200), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(200), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_on", sa.Date(), nullable=True),
        sa.Column("cancellation_reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_awards"),
        sa.ForeignKeyConstraint(
            ["schedule_id"], [f"{SCHEMA}.reward_schedules.id"], name="fk_awards_schedule_id"
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_awards_amount_is_positive")),
        sa.CheckConstraint(
            "paid >= 0 AND paid <= amount", name=op.f("ck_awards_paid_within_granted")
        ),
        sa.CheckConstraint(
            "approved_by IS DISTINCT FROM proposed_by", name=op.f("ck_awards_approved_by_another")
        ),
        schema=SCHEMA,
    )
    for name, columns in (
        ("one_live_award", ["recognition_id"]),
        ("once_per_title", ["uscc", "title"]),
    ):
        op.create_index(
            name,
            "awards",
            columns,
            unique=True,
            postgresql_where=sa.text("status <> 'cancelled'"),
            schema=SCHEMA,
        )
    op.create_index("ix_awards_uscc_id", "awards", ["uscc", "id"], schema=SCHEMA)
    op.create_index("ix_awards_updated_at_id", "awards", ["updated_at", "id"], schema=SCHEMA)
    op.create_table(
        "payments",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("award_id", UUID(), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("voucher", sa.String(80), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("voucher", name="one_payment_per_voucher"),
        sa.ForeignKeyConstraint(["award_id"], [f"{SCHEMA}.awards.id"], name="fk_payments_award_id"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_is_positive")),
        schema=SCHEMA,
    )
    op.create_index("ix_payments_award_id", "payments", ["award_id"], schema=SCHEMA)
    op.create_table(
        "recoveries",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("award_id", UUID(), nullable=False),
        sa.Column("recognition_id", UUID(), nullable=False),
        sa.Column("ground", sa.String(40), nullable=False),
        sa.Column("due", MONEY, nullable=False),
        sa.Column("repaid", MONEY, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recoveries"),
        sa.UniqueConstraint("award_id", "recognition_id", name="one_recovery_per_revocation"),
        sa.ForeignKeyConstraint(
            ["award_id"], [f"{SCHEMA}.awards.id"], name="fk_recoveries_award_id"
        ),
        sa.CheckConstraint("due > 0", name=op.f("ck_recoveries_due_is_positive")),
        sa.CheckConstraint(
            "repaid >= 0 AND repaid <= due", name=op.f("ck_recoveries_repaid_within_due")
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "repayments",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("recovery_id", UUID(), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("voucher", sa.String(80), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_repayments"),
        sa.UniqueConstraint("voucher", name="one_repayment_per_voucher"),
        sa.ForeignKeyConstraint(
            ["recovery_id"], [f"{SCHEMA}.recoveries.id"], name="fk_repayments_recovery_id"
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_repayments_is_positive")),
        schema=SCHEMA,
    )
    op.create_index("ix_repayments_recovery_id", "repayments", ["recovery_id"], schema=SCHEMA)
    grant_to_login(SCHEMA, insert_only=("schedule_amounts", "payments", "repayments"))


def downgrade() -> None:
    for table in (
        "repayments",
        "recoveries",
        "payments",
        "awards",
        "holdings",
        "budgets",
        "schedule_amounts",
        "reward_schedules",
    ):
        op.drop_table(table, schema=SCHEMA)
    drop_journal_tables(SCHEMA)
