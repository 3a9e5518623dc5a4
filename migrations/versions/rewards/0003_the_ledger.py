"""The ledger: what was granted, paid and paid back, summed up by the database; batches, runs, days.

From here on the service's login can add to the ledger and change none of its sums. A second payment, a
second reward for a title, or a sum above the budget, the schedule or the award is refused by the
database whoever asks.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "rewards"
LOGIN = "srdi_rewards"
MONEY = sa.Numeric(16, 2)

SUMS = ("granted", "cancelled", "disbursed", "returned", "recovery_due", "recovered", "waived")
"""Of an award, kept by the database out of the ledger."""
AWARD_IS_ADDED_WITH = (
    "id, uscc, legal_name, region, is_secret, recognition_id, title, event, fiscal_year, amount,"
    " scheduled_amount, set_against, schedule_id, policy_pack, run_id, calculation, reason, status,"
    " proposed_by, proposed_at, approved_by, approved_at, approved_on, cancellation_reason,"
    " updated_at, version"
)
AWARD_MAY_CHANGE = (
    "is_secret, status, approved_by, approved_at, approved_on, cancellation_reason, updated_at,"
    " version, stands_for"
)


def upgrade() -> None:
    _widen_what_is_there()
    _create_tables()
    _take_over_what_was_paid()
    _constrain_the_sums()
    _make_views()
    _keep_schedules_as_approved()
    _let_the_database_keep_the_ledger()
    _grant()


def _widen_what_is_there() -> None:
    op.execute(f"ALTER TABLE {SCHEMA}.reward_schedules DROP CONSTRAINT one_schedule_at_a_time")
    # The ledger's indexes take their names.
    for table in ("payment", "repayment"):
        op.execute(
            f"ALTER TABLE {SCHEMA}.{table}s"
            f" RENAME CONSTRAINT one_{table}_per_voucher TO one_{table}_per_voucher_before"
        )
    op.add_column(
        "awards",
        sa.Column("event", sa.String(40), nullable=False, server_default="recognition"),
        schema=SCHEMA,
    )
    op.add_column(
        "awards",
        sa.Column("set_against", ARRAY(UUID()), nullable=False, server_default="{}"),
        schema=SCHEMA,
    )
    op.add_column("awards", sa.Column("run_id", UUID(), nullable=True), schema=SCHEMA)
    op.add_column(
        "awards",
        sa.Column("granted", MONEY, server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "awards",
        sa.Column("cancelled", MONEY, server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "awards",
        sa.Column("disbursed", MONEY, server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "awards",
        sa.Column("returned", MONEY, server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "awards",
        sa.Column("recovery_due", MONEY, server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "awards",
        sa.Column("recovered", MONEY, server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "awards",
        sa.Column("waived", MONEY, server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.add_column("awards", sa.Column("stands_for", UUID(), nullable=True), schema=SCHEMA)
    op.drop_index("once_per_title", table_name="awards", schema=SCHEMA)
    op.drop_index("one_live_award", table_name="awards", schema=SCHEMA)
    op.create_index(
        op.f("ix_awards_fiscal_year_uscc"), "awards", ["fiscal_year", "uscc"], schema=SCHEMA
    )
    op.create_index(op.f("ix_awards_recognition_id"), "awards", ["recognition_id"], schema=SCHEMA)
    op.add_column(
        "holdings", sa.Column("finding_number", sa.String(80), nullable=True), schema=SCHEMA
    )
    op.add_column("holdings", sa.Column("renewed_from", sa.Date(), nullable=True), schema=SCHEMA)
    op.add_column(
        "holdings", sa.Column("renewal_round_code", sa.String(40), nullable=True), schema=SCHEMA
    )
    op.create_index(op.f("ix_holdings_title_uscc"), "holdings", ["title", "uscc"], schema=SCHEMA)
    op.add_column(
        "recoveries", sa.Column("finding_number", sa.String(80), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "recoveries", sa.Column("kept_recognition_id", UUID(), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "recoveries", sa.Column("kept_title", sa.String(40), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "recoveries", sa.Column("kept_event", sa.String(40), nullable=True), schema=SCHEMA
    )
    op.add_column("recoveries", sa.Column("kept_amount", MONEY, nullable=True), schema=SCHEMA)
    op.add_column(
        "recoveries",
        sa.Column("formula", JSONB(), nullable=False, server_default="{}"),
        schema=SCHEMA,
    )
    op.add_column(
        "recoveries",
        sa.Column("waived", MONEY, server_default=sa.text("0"), nullable=False),
        schema=SCHEMA,
    )
    op.drop_constraint("one_recovery_per_revocation", "recoveries", schema=SCHEMA, type_="unique")
    op.create_index(
        op.f("ix_recoveries_award_id_id"), "recoveries", ["award_id", "id"], schema=SCHEMA
    )
    op.create_index(
        "one_schedule_begins_on_a_day",
        "reward_schedules",
        ["effective_from"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.alter_column(
        "schedule_amounts",
        "event",
        existing_type=sa.VARCHAR(length=20),
        type_=sa.String(40),
        existing_nullable=False,
        schema=SCHEMA,
    )


def _create_tables() -> None:
    op.create_table(
        "batch_series",
        sa.Column("fiscal_year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("fiscal_year", name=op.f("pk_batch_series")),
        schema=SCHEMA,
    )
    op.create_table(
        "day_statements",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("received_by", sa.String(200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_statements")),
        sa.UniqueConstraint("day", "number", name="one_statement_per_number"),
        schema=SCHEMA,
    )
    op.create_table(
        "disbursement_batches",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("total", MONEY, nullable=False),
        sa.Column("ordered_by", sa.String(200), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ordered_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disbursement_batches")),
        sa.UniqueConstraint("number", name=op.f("uq_disbursement_batches_number")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_disbursement_batches_fiscal_year_id"),
        "disbursement_batches",
        ["fiscal_year", "id"],
        schema=SCHEMA,
    )
    op.create_table(
        "award_runs",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("titles", ARRAY(sa.String(40)), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("is_dry", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("schedule_id", UUID(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("failure", sa.String(40), nullable=True),
        sa.Column("counts", JSONB(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("requested_by", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("done <= total", name=op.f("ck_award_runs_does_no_more_than_there_is")),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            [f"{SCHEMA}.reward_schedules.id"],
            name=op.f("fk_award_runs_schedule_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_runs")),
        schema=SCHEMA,
    )
    op.create_index(
        "award_runs_to_do",
        "award_runs",
        ["created_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("state IN ('waiting', 'running')"),
    )
    op.create_table(
        "day_movements",
        sa.Column("statement_id", UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("award_id", UUID(), nullable=False),
        sa.Column("reference", sa.String(80), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_day_movements_is_positive")),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            [f"{SCHEMA}.day_statements.id"],
            name=op.f("fk_day_movements_statement_id"),
        ),
        sa.PrimaryKeyConstraint("statement_id", "number", name=op.f("pk_day_movements")),
        schema=SCHEMA,
    )
    op.create_table(
        "award_run_rows",
        sa.Column("run_id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("legal_name", sa.String(2000), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("recognition_id", UUID(), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("amount", MONEY, nullable=True),
        sa.Column("already_granted", MONEY, nullable=False),
        sa.Column("payable", MONEY, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=True),
        sa.Column("award_id", UUID(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], [f"{SCHEMA}.award_runs.id"], name=op.f("fk_award_run_rows_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "uscc", name=op.f("pk_award_run_rows")),
        schema=SCHEMA,
    )
    op.create_index(
        "award_run_rows_to_do",
        "award_run_rows",
        ["run_id", "uscc"],
        schema=SCHEMA,
        postgresql_where=sa.text("payable > 0 AND outcome IS NULL"),
    )
    op.create_table(
        "batch_lines",
        sa.Column("batch_id", UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch_number", sa.String(20), nullable=False),
        sa.Column("award_id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("legal_name", sa.String(2000), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("stop_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_on", sa.Date(), nullable=True),
        sa.Column("rejection_reason", sa.Text(), nullable=True),
        sa.Column("rejection_reference", sa.String(80), nullable=True),
        sa.Column("paid", MONEY, server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_batch_lines_amount_is_positive")),
        sa.CheckConstraint(
            "paid >= 0 AND paid <= amount", name=op.f("ck_batch_lines_paid_within_order")
        ),
        sa.ForeignKeyConstraint(
            ["award_id"], [f"{SCHEMA}.awards.id"], name=op.f("fk_batch_lines_award_id")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            [f"{SCHEMA}.disbursement_batches.id"],
            name=op.f("fk_batch_lines_batch_id"),
        ),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_batch_lines")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_batch_lines_award_id_ordered_at"),
        "batch_lines",
        ["award_id", "ordered_at"],
        schema=SCHEMA,
    )
    op.create_index(
        "one_open_order",
        "batch_lines",
        ["award_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'ordered'"),
    )
    op.create_table(
        "rewarded_titles",
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("recognition_id", UUID(), nullable=False),
        sa.Column("award_id", UUID(), nullable=False),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("scheduled_amount", MONEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["award_id"], [f"{SCHEMA}.awards.id"], name=op.f("fk_rewarded_titles_award_id")
        ),
        sa.PrimaryKeyConstraint("uscc", "title", "event", name=op.f("pk_rewarded_titles")),
        sa.UniqueConstraint("recognition_id", "event", name="once_per_recognition"),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_rewarded_titles_award_id"), "rewarded_titles", ["award_id"], schema=SCHEMA
    )
    op.create_table(
        "instalments",
        sa.Column("recovery_id", UUID(), nullable=False),
        sa.Column("plan", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(200), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_instalments_is_positive")),
        sa.ForeignKeyConstraint(
            ["recovery_id"], [f"{SCHEMA}.recoveries.id"], name=op.f("fk_instalments_recovery_id")
        ),
        sa.PrimaryKeyConstraint("recovery_id", "plan", "number", name=op.f("pk_instalments")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_instalments_due_on"), "instalments", ["due_on"], schema=SCHEMA)
    op.create_table(
        "ledger_entries",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("award_id", UUID(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(80), nullable=True),
        sa.Column("batch_id", UUID(), nullable=True),
        sa.Column("line_number", sa.Integer(), nullable=True),
        sa.Column("payment_id", UUID(), nullable=True),
        sa.Column("recovery_id", UUID(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'disbursed') = (batch_id IS NOT NULL AND line_number IS NOT NULL)",
            name=op.f("ck_ledger_entries_paid_on_an_order"),
        ),
        sa.CheckConstraint(
            "(kind = 'returned') = (payment_id IS NOT NULL)",
            name=op.f("ck_ledger_entries_returns_a_payment"),
        ),
        sa.CheckConstraint(
            "(kind IN ('disbursed', 'returned', 'recovered')) = (reference IS NOT NULL)",
            name=op.f("ck_ledger_entries_moved_money_has_a_reference"),
        ),
        sa.CheckConstraint(
            "(kind IN ('recovered', 'waived')) = (recovery_id IS NOT NULL)",
            name=op.f("ck_ledger_entries_recovered_of_a_recovery"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_entries_is_positive")),
        sa.ForeignKeyConstraint(
            ["award_id"], [f"{SCHEMA}.awards.id"], name=op.f("fk_ledger_entries_award_id")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id", "line_number"],
            [f"{SCHEMA}.batch_lines.batch_id", f"{SCHEMA}.batch_lines.number"],
            name=op.f("fk_ledger_entries_batch_id_line_number"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"],
            [f"{SCHEMA}.ledger_entries.id"],
            name=op.f("fk_ledger_entries_payment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["recovery_id"], [f"{SCHEMA}.recoveries.id"], name=op.f("fk_ledger_entries_recovery_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_ledger_entries_award_id_id"), "ledger_entries", ["award_id", "id"], schema=SCHEMA
    )
    op.create_index(
        op.f("ix_ledger_entries_on_day_kind"), "ledger_entries", ["on_day", "kind"], schema=SCHEMA
    )
    op.create_index(
        op.f("ix_ledger_entries_recovery_id"), "ledger_entries", ["recovery_id"], schema=SCHEMA
    )
    op.create_index(
        "one_grant",
        "ledger_entries",
        ["award_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("kind = 'granted'"),
    )
    op.create_index(
        "one_payment_per_voucher",
        "ledger_entries",
        ["reference"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("kind = 'disbursed'"),
    )
    op.create_index(
        "one_repayment_per_voucher",
        "ledger_entries",
        ["reference"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("kind = 'recovered'"),
    )
    op.create_index(
        "one_return_per_payment",
        "ledger_entries",
        ["payment_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("kind = 'returned'"),
    )
    op.create_index(
        "one_return_per_reference",
        "ledger_entries",
        ["reference"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("kind = 'returned'"),
    )
    op.create_table(
        "waivers",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("recovery_id", UUID(), nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document_number", sa.String(80), nullable=False),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_granted", sa.Boolean(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(200), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(is_granted IS NULL) = (decided_by IS NULL)",
            name=op.f("ck_waivers_decided_with_a_decision"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_waivers_is_positive")),
        sa.CheckConstraint(
            "decided_by IS DISTINCT FROM requested_by", name=op.f("ck_waivers_decided_by_another")
        ),
        sa.ForeignKeyConstraint(
            ["recovery_id"], [f"{SCHEMA}.recoveries.id"], name=op.f("fk_waivers_recovery_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waivers")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_waivers_recovery_id"), "waivers", ["recovery_id"], schema=SCHEMA)
    op.create_index(
        "one_open_waiver",
        "waivers",
        ["recovery_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("is_granted IS NULL"),
    )


def _take_over_what_was_paid() -> None:
    """Enter what was granted and paid before; what had no order gets one, numbered 0000."""
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.disbursement_batches
            (id, number, fiscal_year, region, total, ordered_by, ordered_at, ordered_on)
        SELECT gen_random_uuid(), fiscal_year || '-0000', fiscal_year,
               left(min(region), 2) || '0000', sum(paid), 'migration',
               min(approved_at), min(approved_on)
          FROM {SCHEMA}.awards WHERE paid > 0 GROUP BY fiscal_year
        """
    )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.batch_lines
            (batch_id, number, batch_number, award_id, uscc, legal_name, title, region, amount,
             ordered_at, status, paid)
        SELECT b.id, row_number() OVER (PARTITION BY b.id ORDER BY a.id), b.number, a.id, a.uscc,
               a.legal_name, a.title, a.region, a.paid, a.approved_at, 'paid', a.paid
          FROM {SCHEMA}.awards a
          JOIN {SCHEMA}.disbursement_batches b ON b.number = a.fiscal_year || '-0000'
         WHERE a.paid > 0
        """
    )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.ledger_entries
            (id, award_id, kind, amount, on_day, recorded_by, recorded_at)
        SELECT gen_random_uuid(), id, 'granted', amount,
               (proposed_at AT TIME ZONE 'Asia/Shanghai')::date, proposed_by, proposed_at
          FROM {SCHEMA}.awards
        """
    )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.ledger_entries
            (id, award_id, kind, amount, on_day, reason, recorded_by, recorded_at)
        SELECT gen_random_uuid(), id, 'cancelled', amount - paid,
               (updated_at AT TIME ZONE 'Asia/Shanghai')::date, cancellation_reason, 'migration',
               updated_at
          FROM {SCHEMA}.awards
         WHERE status IN ('cancelled', 'recovering', 'recovered') AND paid < amount
        """
    )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.ledger_entries
            (id, award_id, kind, amount, on_day, reference, batch_id, line_number, recorded_by,
             recorded_at)
        SELECT p.id, p.award_id, 'disbursed', p.amount, p.paid_on, p.voucher, l.batch_id, l.number,
               p.recorded_by, p.recorded_at
          FROM {SCHEMA}.payments p JOIN {SCHEMA}.batch_lines l ON l.award_id = p.award_id
        """
    )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.ledger_entries
            (id, award_id, kind, amount, on_day, reference, recovery_id, recorded_by, recorded_at)
        SELECT p.id, r.award_id, 'recovered', p.amount, p.paid_on, p.voucher, r.id, p.recorded_by,
               p.recorded_at
          FROM {SCHEMA}.repayments p JOIN {SCHEMA}.recoveries r ON r.id = p.recovery_id
        """
    )
    op.execute(
        f"""
        UPDATE {SCHEMA}.awards a SET
            granted = amount,
            cancelled = CASE WHEN status IN ('cancelled', 'recovering', 'recovered')
                             THEN amount - paid ELSE 0 END,
            disbursed = paid,
            recovery_due = coalesce(r.due, 0),
            recovered = coalesce(r.repaid, 0)
          FROM (SELECT id AS award_id, (SELECT sum(due) FROM {SCHEMA}.recoveries WHERE award_id = w.id)
                       AS due,
                       (SELECT sum(repaid) FROM {SCHEMA}.recoveries WHERE award_id = w.id) AS repaid
                  FROM {SCHEMA}.awards w) r
         WHERE r.award_id = a.id
        """
    )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.rewarded_titles
            (uscc, title, event, recognition_id, award_id, is_kept, scheduled_amount)
        SELECT uscc, title, event, recognition_id, id, false, scheduled_amount
          FROM {SCHEMA}.awards WHERE status <> 'cancelled'
        """
    )
    op.drop_column("awards", "paid", schema=SCHEMA)
    op.drop_table("payments", schema=SCHEMA)
    op.drop_table("repayments", schema=SCHEMA)
    for table, column in (
        ("awards", "event"),
        ("awards", "set_against"),
        ("recoveries", "formula"),
    ):
        op.alter_column(table, column, server_default=None, schema=SCHEMA)
    op.alter_column("budgets", "granted", server_default=sa.text("0"), schema=SCHEMA)
    op.alter_column("recoveries", "repaid", server_default=sa.text("0"), schema=SCHEMA)


CONSTRAINTS = (
    ("awards", "amount_within_schedule", "amount <= scheduled_amount"),
    ("awards", "granted_as_decided", "granted = 0 OR granted = amount"),
    ("awards", "cancelled_within_granted", "cancelled >= 0 AND cancelled <= granted"),
    (
        "awards",
        "paid_within_granted",
        "returned >= 0 AND returned <= disbursed AND disbursed - returned <= granted - cancelled",
    ),
    ("awards", "due_within_paid", "recovery_due >= 0 AND recovery_due <= disbursed - returned"),
    (
        "awards",
        "recovered_within_due",
        "recovered >= 0 AND waived >= 0 AND recovered + waived <= recovery_due",
    ),
    ("recoveries", "repaid_within_due", "repaid >= 0 AND waived >= 0 AND repaid + waived <= due"),
    ("recoveries", "kept_with_its_amount", "(kept_recognition_id IS NULL) = (kept_amount IS NULL)"),
)


def _constrain_the_sums() -> None:
    op.drop_constraint(op.f("ck_recoveries_repaid_within_due"), "recoveries", schema=SCHEMA)
    for table, name, condition in CONSTRAINTS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition, schema=SCHEMA)


def _make_views() -> None:
    # The most digits that everything under a division shares: 520000 has two, 520100 four.
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.prefix_of(region text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN CASE WHEN region IS NULL OR region = '000000' THEN ''
                    WHEN region LIKE '%0000' THEN left(region, 2)
                    WHEN region LIKE '%00' THEN left(region, 4)
                    ELSE region END
        """
    )
    op.execute(
        f"""
        CREATE VIEW {SCHEMA}.rewardable AS
        SELECT h.recognition_id, e.event, h.uscc, h.legal_name, h.title, h.region, h.is_secret,
               CASE WHEN e.event = 'renewal' THEN h.renewed_from ELSE h.valid_from END AS valid_from,
               h.valid_until,
               least(h.valid_until, h.revoked_on - 1) AS last_day,
               h.revoked_on AS ended_on,
               CASE WHEN e.event = 'renewal' THEN h.renewal_round_code ELSE h.round_code END
                   AS round_code,
               h.continues IS NOT NULL AS is_taken_over,
               h.has_lost_reward,
               h.policy_pack
          FROM {SCHEMA}.holdings h
          CROSS JOIN (VALUES ('recognition'), ('renewal')) AS e (event)
         WHERE e.event = 'recognition' OR h.renewed_from IS NOT NULL
        """
    )
    op.execute(
        f"""
        CREATE VIEW {SCHEMA}.grants AS
        SELECT r.uscc, r.title, r.event, r.recognition_id, r.award_id, a.fiscal_year,
               r.scheduled_amount,
               CASE WHEN r.is_kept = (k.award_id IS NOT NULL)
                     AND (NOT r.is_kept OR r.recognition_id = a.stands_for)
                    THEN a.granted - a.cancelled - a.recovery_due + a.waived
                    ELSE 0 END AS amount
          FROM {SCHEMA}.rewarded_titles r
          JOIN {SCHEMA}.awards a ON a.id = r.award_id
          LEFT JOIN {SCHEMA}.rewarded_titles k
            ON k.award_id = a.id AND k.is_kept AND k.recognition_id = a.stands_for
        """
    )


def _keep_schedules_as_approved() -> None:
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.an_approved_schedule_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status = 'approved' THEN
                RAISE EXCEPTION 'an approved schedule is never changed'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'approved_schedule_stays';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER an_approved_schedule_stays BEFORE UPDATE ON {SCHEMA}.reward_schedules"
        f" FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.an_approved_schedule_stays()"
    )
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.lines_come_with_a_draft() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM FROM {SCHEMA}.reward_schedules
              WHERE id = NEW.schedule_id AND status = 'draft' FOR KEY SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'nothing is added to an approved schedule'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'approved_schedule_stays';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    for table in ("schedule_amounts", "budgets"):
        op.execute(
            f"CREATE TRIGGER lines_come_with_a_draft BEFORE INSERT ON {SCHEMA}.{table}"
            f" FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.lines_come_with_a_draft()"
        )


def _let_the_database_keep_the_ledger() -> None:
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.refuse(constraint_name text, why text) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '%', why
                USING ERRCODE = 'check_violation', CONSTRAINT = constraint_name;
        END $$
        """
    )
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.set_against(award {SCHEMA}.awards, scope text) RETURNS numeric
        LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
            SELECT coalesce(sum(g.amount), 0)
              FROM {SCHEMA}.grants g
              LEFT JOIN {SCHEMA}.rewardable was
                ON was.recognition_id = g.recognition_id AND was.event = g.event
              LEFT JOIN {SCHEMA}.rewardable claimed
                ON claimed.recognition_id = award.recognition_id AND claimed.event = award.event
             WHERE g.uscc = award.uscc
               AND CASE scope
                   WHEN 'ever' THEN true
                   WHEN 'same_year' THEN g.fiscal_year = award.fiscal_year
                   WHEN 'same_round' THEN was.round_code = claimed.round_code
                   ELSE was.valid_from <= claimed.last_day AND claimed.valid_from <= was.last_day
                   END
        $$
        """
    )
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.keep_the_ledger() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE
            award {SCHEMA}.awards;
            schedule {SCHEMA}.reward_schedules;
            payment {SCHEMA}.ledger_entries;
        BEGIN
            SELECT * INTO STRICT award FROM {SCHEMA}.awards WHERE id = NEW.award_id;
            -- Whoever changes what an enterprise is granted waits here for whoever does already.
            PERFORM pg_advisory_xact_lock(hashtextextended(award.uscc, 0));
            SELECT * INTO STRICT award FROM {SCHEMA}.awards WHERE id = NEW.award_id FOR UPDATE;
            CASE NEW.kind
            WHEN 'granted' THEN
                SELECT * INTO STRICT schedule FROM {SCHEMA}.reward_schedules
                 WHERE id = award.schedule_id;
                IF NEW.amount <> award.amount OR schedule.status <> 'approved' OR NOT EXISTS (
                    SELECT FROM {SCHEMA}.schedule_amounts l
                     WHERE l.schedule_id = award.schedule_id AND l.title = award.title
                       AND l.event = award.event AND l.amount = award.scheduled_amount
                       AND starts_with(award.region, {SCHEMA}.prefix_of(l.region)))
                THEN
                    PERFORM {SCHEMA}.refuse('granted_by_a_schedule',
                        'no approved schedule lists this amount for the title');
                END IF;
                IF NOT EXISTS (
                    SELECT FROM {SCHEMA}.rewardable h
                     WHERE h.recognition_id = award.recognition_id AND h.event = award.event
                       AND h.uscc = award.uscc AND h.title = award.title
                       AND NOT h.is_taken_over AND NOT h.has_lost_reward)
                THEN
                    PERFORM {SCHEMA}.refuse('granted_for_a_title',
                        'the enterprise was not given this title, or lost its reward');
                END IF;
                IF schedule.settlement = 'top_up' AND NEW.amount >
                    award.scheduled_amount - {SCHEMA}.set_against(award, schedule.scope)
                THEN
                    PERFORM {SCHEMA}.refuse('granted_within_the_highest',
                        'with what was granted before it is above the highest amount');
                END IF;
                UPDATE {SCHEMA}.budgets SET granted = granted + NEW.amount
                 WHERE schedule_id = award.schedule_id AND fiscal_year = award.fiscal_year;
                IF NOT FOUND THEN
                    PERFORM {SCHEMA}.refuse('granted_under_a_budget', 'the year has no budget');
                END IF;
                INSERT INTO {SCHEMA}.rewarded_titles
                    (uscc, title, event, recognition_id, award_id, is_kept, scheduled_amount)
                VALUES (award.uscc, award.title, award.event, award.recognition_id, award.id, false,
                        award.scheduled_amount);
                UPDATE {SCHEMA}.awards SET granted = NEW.amount WHERE id = award.id;
            WHEN 'cancelled' THEN
                UPDATE {SCHEMA}.awards SET cancelled = cancelled + NEW.amount WHERE id = award.id;
                UPDATE {SCHEMA}.budgets SET granted = granted - NEW.amount
                 WHERE schedule_id = award.schedule_id AND fiscal_year = award.fiscal_year;
                IF award.disbursed = award.returned
                   AND award.cancelled + NEW.amount = award.granted
                THEN
                    -- Nothing was paid in the end, so the title has not been rewarded.
                    DELETE FROM {SCHEMA}.rewarded_titles WHERE award_id = award.id;
                END IF;
            WHEN 'disbursed' THEN
                IF award.approved_by IS NULL THEN
                    PERFORM {SCHEMA}.refuse('paid_once_approved', 'nobody approved the award');
                END IF;
                UPDATE {SCHEMA}.batch_lines
                   SET paid = paid + NEW.amount,
                       status = CASE WHEN paid + NEW.amount = amount THEN 'paid' ELSE status END
                 WHERE batch_id = NEW.batch_id AND number = NEW.line_number
                   AND award_id = award.id AND status = 'ordered';
                IF NOT FOUND THEN
                    PERFORM {SCHEMA}.refuse('paid_on_an_order', 'no payment of it is ordered');
                END IF;
                UPDATE {SCHEMA}.awards SET disbursed = disbursed + NEW.amount WHERE id = award.id;
            WHEN 'returned' THEN
                SELECT * INTO STRICT payment FROM {SCHEMA}.ledger_entries
                 WHERE id = NEW.payment_id;
                IF payment.kind <> 'disbursed' OR payment.award_id <> award.id
                   OR payment.amount <> NEW.amount
                THEN
                    PERFORM {SCHEMA}.refuse('returns_a_payment', 'it is no payment of this award');
                END IF;
                UPDATE {SCHEMA}.awards SET returned = returned + NEW.amount WHERE id = award.id;
            WHEN 'recovered' THEN
                UPDATE {SCHEMA}.recoveries SET repaid = repaid + NEW.amount
                 WHERE id = NEW.recovery_id AND award_id = award.id;
                IF NOT FOUND THEN
                    PERFORM {SCHEMA}.refuse('recovered_of_a_recovery', 'it is another award''s');
                END IF;
                UPDATE {SCHEMA}.awards SET recovered = recovered + NEW.amount WHERE id = award.id;
            WHEN 'waived' THEN
                UPDATE {SCHEMA}.recoveries r SET waived = r.waived + NEW.amount
                 WHERE r.id = NEW.recovery_id AND r.award_id = award.id
                   AND r.waived + NEW.amount <= (
                       SELECT sum(w.amount) FROM {SCHEMA}.waivers w
                        WHERE w.recovery_id = r.id AND w.is_granted);
                IF NOT FOUND THEN
                    PERFORM {SCHEMA}.refuse('waived_by_two', 'no second officer waived so much');
                END IF;
                UPDATE {SCHEMA}.awards SET waived = waived + NEW.amount WHERE id = award.id;
            END CASE;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER keep_the_ledger AFTER INSERT ON {SCHEMA}.ledger_entries"
        f" FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.keep_the_ledger()"
    )
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.call_back() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE
            award {SCHEMA}.awards;
        BEGIN
            UPDATE {SCHEMA}.awards
               SET recovery_due = recovery_due + NEW.due,
                   stands_for = coalesce(NEW.kept_recognition_id, stands_for)
             WHERE id = NEW.award_id RETURNING * INTO STRICT award;
            IF NEW.kept_recognition_id IS NOT NULL THEN
                INSERT INTO {SCHEMA}.rewarded_titles
                    (uscc, title, event, recognition_id, award_id, is_kept, scheduled_amount)
                VALUES (award.uscc, NEW.kept_title, NEW.kept_event, NEW.kept_recognition_id,
                        award.id, true, NEW.kept_amount);
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER call_back AFTER INSERT ON {SCHEMA}.recoveries"
        f" FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.call_back()"
    )


INSERTED = {
    "awards": AWARD_IS_ADDED_WITH,
    "budgets": "schedule_id, fiscal_year, amount",
    "batch_lines": "batch_id, number, batch_number, award_id, uscc, legal_name, title, region, amount,"
    " ordered_at, status, stop_requested_at, rejected_on, rejection_reason, rejection_reference",
    "recoveries": "id, award_id, recognition_id, ground, finding_number, due, kept_recognition_id,"
    " kept_title, kept_event, kept_amount, formula, status, opened_on, opened_at, version",
}
"""What the login may write when it adds a row; the sums are not among it."""
UPDATED = {
    "awards": AWARD_MAY_CHANGE,
    "batch_lines": "status, stop_requested_at, rejected_on, rejection_reason, rejection_reference",
    "recoveries": "status, version",
    "reward_schedules": "status, approved_by, approved_at, version",
    "waivers": "is_granted, decision_reason, decided_by, decided_at",
    "batch_series": "last",
    "award_runs": "state, failure, counts, total, done, started_at, finished_at, on_day, schedule_id",
    "award_run_rows": "outcome, award_id",
}
ADDED = (
    "ledger_entries", "disbursement_batches", "batch_series", "instalments", "waivers", "award_runs",
    "award_run_rows", "day_statements", "day_movements", "reward_schedules",
)  # fmt: skip
READ = (
    "rewarded_titles", "rewardable", "grants", *INSERTED, *UPDATED, *ADDED,
)  # fmt: skip


def _grant() -> None:
    for table in ("awards", "budgets", "recoveries", "reward_schedules"):
        op.execute(f"REVOKE ALL ON {SCHEMA}.{table} FROM {LOGIN}")
    op.execute(
        f"GRANT SELECT ON {', '.join(f'{SCHEMA}.{one}' for one in sorted({*READ}))} TO {LOGIN}"
    )
    for table, columns in INSERTED.items():
        op.execute(f"GRANT INSERT ({columns}) ON {SCHEMA}.{table} TO {LOGIN}")
    for table in ADDED:
        op.execute(f"GRANT INSERT ON {SCHEMA}.{table} TO {LOGIN}")
    for table, columns in UPDATED.items():
        op.execute(f"GRANT UPDATE ({columns}) ON {SCHEMA}.{table} TO {LOGIN}")


def downgrade() -> None:
    # What was paid in parts, returned or waived has no place in the tables before.
    op.execute(
        f"""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM {SCHEMA}.ledger_entries) THEN
                RAISE EXCEPTION 'a ledger with entries is not taken back';
            END IF;
        END $$
        """
    )
    op.execute(f"DROP VIEW {SCHEMA}.grants, {SCHEMA}.rewardable CASCADE")
    for trigger, table in (
        ("call_back", "recoveries"),
        ("keep_the_ledger", "ledger_entries"),
        ("lines_come_with_a_draft", "budgets"),
        ("lines_come_with_a_draft", "schedule_amounts"),
        ("an_approved_schedule_stays", "reward_schedules"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {SCHEMA}.{table}")
    for function in (
        f"set_against({SCHEMA}.awards, text)",
        "call_back()",
        "keep_the_ledger()",
        "refuse(text, text)",
        "lines_come_with_a_draft()",
        "an_approved_schedule_stays()",
        "prefix_of(text)",
    ):
        op.execute(f"DROP FUNCTION {SCHEMA}.{function}")
    for table, name, _ in CONSTRAINTS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, schema=SCHEMA)
    op.create_check_constraint(
        op.f("ck_recoveries_repaid_within_due"),
        "recoveries",
        "repaid >= 0 AND repaid <= due",
        schema=SCHEMA,
    )
    for table in (
        "award_run_rows",
        "award_runs",
        "day_movements",
        "day_statements",
        "waivers",
        "instalments",
        "ledger_entries",
        "rewarded_titles",
        "batch_lines",
        "batch_series",
        "disbursement_batches",
    ):
        op.drop_table(table, schema=SCHEMA)
    _narrow_again()
    for table in ("awards", "budgets", "recoveries", "reward_schedules"):
        op.execute(f"REVOKE ALL ON {SCHEMA}.{table} FROM {LOGIN}")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {SCHEMA}.{table} TO {LOGIN}")


def _narrow_again() -> None:
    op.alter_column("schedule_amounts", "event", type_=sa.String(20), schema=SCHEMA)
    op.drop_index("one_schedule_begins_on_a_day", table_name="reward_schedules", schema=SCHEMA)
    op.execute(
        f"ALTER TABLE {SCHEMA}.reward_schedules ADD CONSTRAINT one_schedule_at_a_time EXCLUDE USING"
        " gist (daterange(effective_from, effective_until) WITH &&) WHERE (status = 'approved')"
    )
    op.drop_index(op.f("ix_recoveries_award_id_id"), table_name="recoveries", schema=SCHEMA)
    op.create_unique_constraint(
        "one_recovery_per_revocation", "recoveries", ["award_id", "recognition_id"], schema=SCHEMA
    )
    for column in (
        "waived", "formula", "kept_amount", "kept_event", "kept_title", "kept_recognition_id",
        "finding_number",
    ):  # fmt: skip
        op.drop_column("recoveries", column, schema=SCHEMA)
    op.drop_index(op.f("ix_holdings_title_uscc"), table_name="holdings", schema=SCHEMA)
    for column in ("renewal_round_code", "renewed_from", "finding_number"):
        op.drop_column("holdings", column, schema=SCHEMA)
    for name in ("ix_awards_recognition_id", "ix_awards_fiscal_year_uscc"):
        op.drop_index(op.f(name), table_name="awards", schema=SCHEMA)
    for column in ("stands_for", *SUMS, "run_id", "set_against", "event"):
        op.drop_column("awards", column, schema=SCHEMA)
    op.add_column("awards", sa.Column("paid", MONEY, nullable=False), schema=SCHEMA)
    op.create_check_constraint(
        op.f("ck_awards_paid_within_granted"),
        "awards",
        "paid >= 0 AND paid <= amount",
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
    for table, parent in (("payments", "award"), ("repayments", "recovery")):
        op.create_table(
            table,
            sa.Column("id", UUID(), nullable=False),
            sa.Column(f"{parent}_id", UUID(), nullable=False),
            sa.Column("amount", MONEY, nullable=False),
            sa.Column("paid_on", sa.Date(), nullable=False),
            sa.Column("voucher", sa.String(80), nullable=False),
            sa.Column("recorded_by", sa.String(200), nullable=False),
            sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
            sa.UniqueConstraint("voucher", name=f"one_{table[:-1]}_per_voucher"),
            sa.ForeignKeyConstraint(
                [f"{parent}_id"],
                [f"{SCHEMA}.{'awards' if parent == 'award' else 'recoveries'}.id"],
                name=f"fk_{table}_{parent}_id",
            ),
            sa.CheckConstraint("amount > 0", name=op.f(f"ck_{table}_is_positive")),
            schema=SCHEMA,
        )
        op.create_index(f"ix_{table}_{parent}_id", table, [f"{parent}_id"], schema=SCHEMA)
        op.execute(f"GRANT SELECT, INSERT ON {SCHEMA}.{table} TO {LOGIN}")
