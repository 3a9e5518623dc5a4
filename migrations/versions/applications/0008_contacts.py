"""Whom to call about an application, kept apart from its facts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = "applications"


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("application_id", UUID(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("position", sa.String(100), nullable=True),
        sa.Column("phone", sa.String(40), nullable=False),
        sa.Column("email", sa.String(200), nullable=True),
        sa.Column("given_by", sa.String(200), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", name="pk_contacts"),
        sa.ForeignKeyConstraint(
            ["application_id"], [f"{SCHEMA}.applications.id"], name="fk_contacts_application_id"
        ),
        schema=SCHEMA,
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {SCHEMA}.contacts TO srdi_{SCHEMA}")


def downgrade() -> None:
    op.drop_table("contacts", schema=SCHEMA)
