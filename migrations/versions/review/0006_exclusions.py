"""Until when an enterprise is excluded, as the registry announces it with a revocation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "review"


def upgrade() -> None:
    op.create_table(
        "exclusions",
        sa.Column("recognition_id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("ground", sa.String(40), nullable=False),
        sa.Column("finding_number", sa.String(80), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("recognition_id", name=op.f("pk_exclusions")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_exclusions_uscc_until_on"),
        "exclusions",
        ["uscc", "until_on"],
        unique=False,
        schema=SCHEMA,
    )
    op.execute(f"GRANT SELECT, INSERT ON {SCHEMA}.exclusions TO srdi_review")


def downgrade() -> None:
    op.drop_index(op.f("ix_exclusions_uscc_until_on"), table_name="exclusions", schema=SCHEMA)
    op.drop_table("exclusions", schema=SCHEMA)
