"""Who filed an application decides nothing about it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "review"


def upgrade() -> None:
    op.add_column(
        "review_cases",
        sa.Column("filed_by", JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb")),
        schema=SCHEMA,
    )
    op.alter_column("review_cases", "filed_by", server_default=None, schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("review_cases", "filed_by", schema=SCHEMA)
