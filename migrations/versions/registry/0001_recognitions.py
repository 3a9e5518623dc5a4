"""Enterprises, their names, recognitions with their terms, renewal filings, certificate series."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

from migrations.journal_v1 import create_journal_tables, drop_journal_tables, grant_to_login

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "registry"


def upgrade() -> None:
    create_journal_tables(SCHEMA)
    op.create_table(
        "enterprises",
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("legal_name", sa.String(2000), nullable=False),
        sa.Column("division", sa.String(6), nullable=False),
        sa.Column("focus_field", sa.String(60), nullable=True),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("uscc", name="pk_enterprises"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_enterprises_division_uscc", "enterprises", ["division", "uscc"], schema=SCHEMA
    )
    op.create_table(
        "enterprise_names",
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("legal_name", sa.String(2000), nullable=False),
        sa.PrimaryKeyConstraint("uscc", "valid_from", "legal_name", name="pk_enterprise_names"),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name="fk_enterprise_names_uscc"
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "recognitions",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("certificate_number", sa.String(60), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("round_code", sa.String(40), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("renewal_opens_on", sa.Date(), nullable=False),
        sa.Column("revoked_on", sa.Date(), nullable=True),
        sa.Column("revocation_ground", sa.String(40), nullable=True),
        sa.Column("finding_number", sa.String(80), nullable=True),
        sa.Column("revocation_document", sa.String(80), nullable=True),
        sa.Column("exclusion_until", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recognitions"),
        sa.UniqueConstraint("certificate_number", name="uq_recognitions_certificate_number"),
        sa.CheckConstraint(
            "(revoked_on IS NULL) = (revocation_ground IS NULL)",
            name=op.f("ck_recognitions_revoked_on_a_ground"),
        ),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name="fk_recognitions_uscc"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "one_current_recognition",
        "recognitions",
        ["uscc", "title"],
        unique=True,
        postgresql_where=sa.text("revoked_on IS NULL"),
        schema=SCHEMA,
    )
    op.create_index("ix_recognitions_valid_until", "recognitions", ["valid_until"], schema=SCHEMA)
    op.create_table(
        "recognition_terms",
        sa.Column("recognition_id", UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("document_number", sa.String(80), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("application_id", UUID(), nullable=True),
        sa.PrimaryKeyConstraint("recognition_id", "number", name="pk_recognition_terms"),
        sa.UniqueConstraint("recognition_id", "valid_from", name="one_term_at_a_time"),
        sa.CheckConstraint(
            "valid_until >= valid_from", name=op.f("ck_recognition_terms_ends_after_it_begins")
        ),
        sa.ForeignKeyConstraint(
            ["recognition_id"],
            [f"{SCHEMA}.recognitions.id"],
            name="fk_recognition_terms_recognition_id",
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "renewal_filings",
        sa.Column("application_id", UUID(), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=True),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("application_id", name="pk_renewal_filings"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_renewal_filings_uscc_title", "renewal_filings", ["uscc", "title"], schema=SCHEMA
    )
    op.create_table(
        "certificate_series",
        sa.Column("series", sa.String(40), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name="pk_certificate_series"),
        schema=SCHEMA,
    )
    grant_to_login(SCHEMA, insert_only=("enterprise_names", "recognition_terms"))


def downgrade() -> None:
    for table in (
        "certificate_series",
        "renewal_filings",
        "recognition_terms",
        "recognitions",
        "enterprise_names",
        "enterprises",
    ):
        op.drop_table(table, schema=SCHEMA)
    drop_journal_tables(SCHEMA)
