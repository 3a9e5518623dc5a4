"""Documents of an application, and the files that they are, by the hash of their content."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "applications"


def upgrade() -> None:
    op.create_table(
        "contents",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(40), nullable=True),
        sa.Column("signature", sa.String(200), nullable=True),
        sa.Column("scanned_by", sa.String(80), nullable=True),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name="pk_contents"),
        sa.CheckConstraint("size > 0", name=op.f("ck_contents_is_not_empty")),
        schema=SCHEMA,
    )
    op.create_index(
        "contents_to_scan",
        "contents",
        ["kept_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("verdict IS NULL"),
    )
    op.create_table(
        "documents",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("application_id", UUID(), nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(80), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=True),
        sa.Column("given_by", sa.String(200), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.ForeignKeyConstraint(
            ["application_id"], [f"{SCHEMA}.applications.id"], name="fk_documents_application_id"
        ),
        sa.ForeignKeyConstraint(
            ["sha256"], [f"{SCHEMA}.contents.sha256"], name="fk_documents_sha256"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "one_document_of_a_kind",
        "documents",
        ["application_id", "kind"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.create_index("ix_documents_sha256", "documents", ["sha256"], schema=SCHEMA)
    login = f"srdi_{SCHEMA}"
    # A document is replaced and never deleted, because a submission may refer to it.
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {SCHEMA}.documents TO {login}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {SCHEMA}.contents TO {login}")


def downgrade() -> None:
    op.drop_table("documents", schema=SCHEMA)
    op.drop_table("contents", schema=SCHEMA)
