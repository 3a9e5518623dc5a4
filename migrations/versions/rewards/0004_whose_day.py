"""Whose fund a day's statement is about; each movement once; the ledger found by reference."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "rewards"


def upgrade() -> None:
    # Nobody could send a statement so far.
    op.add_column(
        "day_statements", sa.Column("region", sa.String(6), nullable=False), schema=SCHEMA
    )
    op.add_column(
        "day_statements", sa.Column("sha256", sa.String(64), nullable=False), schema=SCHEMA
    )
    op.add_column(
        "day_statements", sa.Column("movements_count", sa.Integer(), nullable=False), schema=SCHEMA
    )
    op.drop_constraint("one_statement_per_number", "day_statements", schema=SCHEMA)
    op.create_unique_constraint(
        "one_statement_per_number", "day_statements", ["region", "day", "number"], schema=SCHEMA
    )
    op.create_unique_constraint(
        "reported_once", "day_movements", ["statement_id", "kind", "reference"], schema=SCHEMA
    )
    op.create_index(
        op.f("ix_day_movements_reference_kind"),
        "day_movements",
        ["reference", "kind"],
        schema=SCHEMA,
    )
    op.create_index(
        "ledger_entries_by_reference",
        "ledger_entries",
        ["reference", "kind"],
        schema=SCHEMA,
        postgresql_where=sa.text("reference IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ledger_entries_by_reference", table_name="ledger_entries", schema=SCHEMA)
    op.drop_index(
        op.f("ix_day_movements_reference_kind"), table_name="day_movements", schema=SCHEMA
    )
    op.drop_constraint("reported_once", "day_movements", schema=SCHEMA)
    op.drop_constraint("one_statement_per_number", "day_statements", schema=SCHEMA)
    op.create_unique_constraint(
        "one_statement_per_number", "day_statements", ["day", "number"], schema=SCHEMA
    )
    for column in ("movements_count", "sha256", "region"):
        op.drop_column("day_statements", column, schema=SCHEMA)
