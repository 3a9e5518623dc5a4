"""One application of an enterprise for a title waits for its decision, whatever the round."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "applications"


def upgrade() -> None:
    op.create_index(
        "one_application_in_hand",
        "applications",
        ["uscc", "title"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('returned', 'submitted', 'under_review')"),
    )


def downgrade() -> None:
    op.drop_index("one_application_in_hand", "applications", schema=SCHEMA)
