"""Each turn of a case takes one decision; last days, receipts and frozen documents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "review"


def upgrade() -> None:
    for column in (
        sa.Column("documents", JSONB(), nullable=True),
        sa.Column("snapshot_sha256", sa.String(64), nullable=True),
        sa.Column("phase", sa.String(40), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("entered_on", sa.Date(), nullable=True),
        sa.Column("assigned_to", sa.String(200), nullable=True),
    ):
        op.add_column("review_cases", column, schema=SCHEMA)
    op.add_column("decisions", sa.Column("turn", sa.Integer(), nullable=True), schema=SCHEMA)
    op.add_column("decisions", sa.Column("act_id", UUID(), nullable=True), schema=SCHEMA)
    op.add_column("objections", sa.Column("number", sa.String(24), nullable=True), schema=SCHEMA)
    op.add_column("objections", sa.Column("heard_until", sa.Date(), nullable=True), schema=SCHEMA)
    _fill()
    for table, name in (
        ("review_cases", "entered_on"),
        ("decisions", "turn"),
        ("objections", "number"),
        ("objections", "heard_until"),
    ):
        op.alter_column(table, name, nullable=False, schema=SCHEMA)
    op.alter_column("review_cases", "turn", server_default=None, schema=SCHEMA)
    op.drop_constraint("one_decision_per_stage", "decisions", schema=SCHEMA, type_="unique")
    op.create_unique_constraint(
        "one_decision_per_turn", "decisions", ["case_id", "turn"], schema=SCHEMA
    )
    op.create_unique_constraint(
        op.f("uq_objections_number"), "objections", ["number"], schema=SCHEMA
    )
    op.create_index(
        "ix_review_cases_round_id_stage", "review_cases", ["round_id", "stage"], schema=SCHEMA
    )


def _fill() -> None:
    """Count the turns of what is there: one for each decision, and the one that is under way."""
    op.execute(
        f"UPDATE {SCHEMA}.decisions SET turn = counted.turn FROM ("
        f" SELECT id, row_number() OVER (PARTITION BY case_id ORDER BY decided_at, id) AS turn"
        f" FROM {SCHEMA}.decisions) AS counted WHERE counted.id = decisions.id"
    )
    op.execute(
        f"UPDATE {SCHEMA}.review_cases SET"
        f" turn = 1 + (SELECT count(*) FROM {SCHEMA}.decisions WHERE case_id = review_cases.id),"
        " entered_on = (updated_at AT TIME ZONE 'Asia/Shanghai')::date"
    )
    # What stood at a panel or a site visit begins there again: its experts are still to be drawn.
    op.execute(
        f"UPDATE {SCHEMA}.review_cases SET phase = CASE office"
        " WHEN 'expert' THEN 'forming' WHEN 'site_inspector' THEN 'sampling' END"
        " WHERE status = 'in_review'"
    )
    op.execute(
        f"UPDATE {SCHEMA}.objections SET"
        " number = 'YY-' || to_char(filed_at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || '-'"
        " || upper(right(replace(id::text, '-', ''), 12)),"
        # Nobody has been asked yet: a week from now is five working days, or one less.
        " heard_until = (now() AT TIME ZONE 'Asia/Shanghai')::date + 7"
    )


def downgrade() -> None:
    op.drop_index("ix_review_cases_round_id_stage", table_name="review_cases", schema=SCHEMA)
    op.drop_constraint(op.f("uq_objections_number"), "objections", schema=SCHEMA, type_="unique")
    op.drop_constraint("one_decision_per_turn", "decisions", schema=SCHEMA, type_="unique")
    # The older rule holds one decision for a stage and submission: the latest of them stays.
    op.execute(
        f"DELETE FROM {SCHEMA}.decisions AS earlier USING {SCHEMA}.decisions AS later"
        " WHERE later.case_id = earlier.case_id AND later.stage = earlier.stage"
        " AND later.submission_number = earlier.submission_number AND later.turn > earlier.turn"
    )
    op.create_unique_constraint(
        "one_decision_per_stage",
        "decisions",
        ["case_id", "stage", "submission_number"],
        schema=SCHEMA,
    )
    for table, columns in (
        ("objections", ("heard_until", "number")),
        ("decisions", ("act_id", "turn")),
        (
            "review_cases",
            ("assigned_to", "entered_on", "turn", "phase", "snapshot_sha256", "documents"),
        ),
    ):
        for column in columns:
            op.drop_column(table, column, schema=SCHEMA)
