"""The division that a round is held in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "applications"


def upgrade() -> None:
    op.add_column("rounds", sa.Column("region", sa.String(6), nullable=True), schema=SCHEMA)
    # Until now only the Guizhou plan could be named by a round.
    op.execute("UPDATE applications.rounds SET region = '520000'")
    op.alter_column("rounds", "region", nullable=False, schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("rounds", "region", schema=SCHEMA)
