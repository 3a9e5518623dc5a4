"""Older lists in workbooks: how far each has come, what became of each row, what was wrong."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "registry"
LOGIN = "srdi_registry"
ROWS = "recognition_import_rows"
ERRORS = "recognition_import_errors"


def upgrade() -> None:
    op.create_table(
        "recognition_imports",
        sa.Column("id", UUID(), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name="pk_recognition_imports"),
        sa.CheckConstraint(
            "done <= total", name=op.f("ck_recognition_imports_does_no_more_than_there_is")
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_recognition_imports_region_id", "recognition_imports", ["region", "id"], schema=SCHEMA
    )
    op.create_index(
        "recognition_imports_to_do",
        "recognition_imports",
        ["created_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "received_workbooks",
        sa.Column("import_id", UUID(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", name="pk_received_workbooks"),
        _of_an_import("received_workbooks"),
        schema=SCHEMA,
    )
    op.create_table(
        ROWS,
        sa.Column("import_id", UUID(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "row", name=f"pk_{ROWS}"),
        _of_an_import(ROWS),
        schema=SCHEMA,
    )
    op.create_table(
        ERRORS,
        sa.Column("import_id", UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(5), nullable=False),
        sa.Column("fact", sa.String(80), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("zh", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name=f"pk_{ERRORS}"),
        _of_an_import(ERRORS),
        schema=SCHEMA,
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {SCHEMA}.recognition_imports TO {LOGIN}")
    op.execute(f"GRANT SELECT, INSERT ON {SCHEMA}.{ROWS} TO {LOGIN}")
    for table in ("received_workbooks", ERRORS):
        op.execute(f"GRANT SELECT, INSERT, DELETE ON {SCHEMA}.{table} TO {LOGIN}")


def downgrade() -> None:
    for table in (ERRORS, ROWS, "received_workbooks", "recognition_imports"):
        op.drop_table(table, schema=SCHEMA)


def _of_an_import(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["import_id"], [f"{SCHEMA}.recognition_imports.id"], name=f"fk_{table}_import_id"
    )
