"""Each term keeps the round in which it was granted, so that a past answer names the round of its day."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "registry"


def upgrade() -> None:
    op.add_column(
        "recognition_terms", sa.Column("round_code", sa.String(40), nullable=True), schema=SCHEMA
    )
    # Of earlier terms the round was not kept, and nothing is guessed.
    op.execute(
        f"""
        UPDATE {SCHEMA}.recognition_terms t
           SET round_code = r.round_code
          FROM {SCHEMA}.recognitions r
         WHERE r.id = t.recognition_id AND r.valid_from = t.valid_from
        """
    )


def downgrade() -> None:
    op.drop_column("recognition_terms", "round_code", schema=SCHEMA)
