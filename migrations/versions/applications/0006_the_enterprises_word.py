"""Filing on behalf: mandates, and drafts of an office that wait for the enterprise's word."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "applications"
LIVE = "status IN ('draft', 'recognised', 'returned', 'submitted', 'under_review')"


def upgrade() -> None:
    op.create_table(
        "mandates",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("granted_by", sa.String(200), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mandates"),
        schema=SCHEMA,
    )
    op.create_index("ix_mandates_uscc_id", "mandates", ["uscc", "id"], schema=SCHEMA)
    op.create_index("ix_mandates_region_id", "mandates", ["region", "id"], schema=SCHEMA)
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {SCHEMA}.mandates TO srdi_{SCHEMA}")
    for column in (
        sa.Column("filed_region", sa.String(6), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.String(200), nullable=True),
        sa.Column("mandate_id", UUID(), nullable=True),
    ):
        op.add_column("applications", column, schema=SCHEMA)
    # What was filed before counted at once, and goes on counting.
    op.execute(
        f"UPDATE {SCHEMA}.applications SET confirmed_at = created_at, confirmed_by = created_by"
    )
    op.create_foreign_key(
        "fk_applications_mandate_id",
        "applications",
        "mandates",
        ["mandate_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
    )
    op.drop_index("one_live_application", "applications", schema=SCHEMA)
    op.create_index(
        "one_live_application",
        "applications",
        ["round_id", "uscc", "title"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text(f"{LIVE} AND confirmed_at IS NOT NULL"),
    )
    op.create_index(
        "one_draft_of_an_office",
        "applications",
        ["round_id", "uscc", "title", "filed_region"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text(f"{LIVE} AND confirmed_at IS NULL"),
    )


def downgrade() -> None:
    # The older schema knows no draft without the enterprise's word.
    op.execute(
        f"UPDATE {SCHEMA}.applications SET status = 'withdrawn'"
        f" WHERE confirmed_at IS NULL AND {LIVE}"
    )
    op.drop_index("one_draft_of_an_office", "applications", schema=SCHEMA)
    op.drop_index("one_live_application", "applications", schema=SCHEMA)
    op.create_index(
        "one_live_application",
        "applications",
        ["round_id", "uscc", "title"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text(LIVE),
    )
    op.drop_constraint("fk_applications_mandate_id", "applications", schema=SCHEMA)
    for column in ("mandate_id", "confirmed_by", "confirmed_at", "filed_region"):
        op.drop_column("applications", column, schema=SCHEMA)
    op.drop_table("mandates", schema=SCHEMA)
