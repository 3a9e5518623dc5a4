"""Workbooks of many enterprises: how far each has come, what became of each row, what was wrong."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = "applications"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("round_id", UUID(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("if_errors", sa.String(40), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("sent_by", JSONB(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=True),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("error_count", sa.Integer(), nullable=False),
        sa.Column("refusal", JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sa.ForeignKeyConstraint(["round_id"], [f"{SCHEMA}.rounds.id"], name="fk_imports_round_id"),
        sa.ForeignKeyConstraint(
            ["sha256"], [f"{SCHEMA}.contents.sha256"], name="fk_imports_sha256"
        ),
        sa.CheckConstraint("done <= total", name=op.f("ck_imports_does_no_more_than_there_is")),
        schema=SCHEMA,
    )
    op.create_index("ix_imports_region_id", "imports", ["region", "id"], schema=SCHEMA)
    op.create_index(
        "imports_to_do",
        "imports",
        ["created_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "import_rows",
        sa.Column("import_id", UUID(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("application_id", UUID(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "row", name="pk_import_rows"),
        sa.ForeignKeyConstraint(
            ["import_id"], [f"{SCHEMA}.imports.id"], name="fk_import_rows_import_id"
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "import_errors",
        sa.Column("import_id", UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(5), nullable=False),
        sa.Column("fact", sa.String(80), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name="pk_import_errors"),
        sa.ForeignKeyConstraint(
            ["import_id"], [f"{SCHEMA}.imports.id"], name="fk_import_errors_import_id"
        ),
        schema=SCHEMA,
    )
    login = f"srdi_{SCHEMA}"
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {SCHEMA}.imports TO {login}")
    op.execute(f"GRANT SELECT, INSERT ON {SCHEMA}.import_rows TO {login}")
    op.execute(f"GRANT SELECT, INSERT, DELETE ON {SCHEMA}.import_errors TO {login}")


def downgrade() -> None:
    for table in ("import_errors", "import_rows", "imports"):
        op.drop_table(table, schema=SCHEMA)
