"""A size that an officer determined (四.1 国家另有规定的，从其规定)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "applications"


def upgrade() -> None:
    op.add_column(
        "applications", sa.Column("size_determination", JSONB(), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "submissions", sa.Column("size_determination", JSONB(), nullable=True), schema=SCHEMA
    )


def downgrade() -> None:
    op.drop_column("submissions", "size_determination", schema=SCHEMA)
    op.drop_column("applications", "size_determination", schema=SCHEMA)
