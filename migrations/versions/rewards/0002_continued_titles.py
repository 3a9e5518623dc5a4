"""Which title a successor goes on with: it is not rewarded again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "rewards"


def upgrade() -> None:
    op.add_column("holdings", sa.Column("continues", UUID(), nullable=True), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("holdings", "continues", schema=SCHEMA)
