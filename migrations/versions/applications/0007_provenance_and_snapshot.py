"""Who gave each fact, and one hash over everything that a submission froze."""

import json
from hashlib import sha256

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "applications"


def upgrade() -> None:
    empty_object = sa.text("'{}'::jsonb")
    for table in ("applications", "submissions"):
        op.add_column(
            table,
            sa.Column("provenance", JSONB(), nullable=False, server_default=empty_object),
            schema=SCHEMA,
        )
        op.alter_column(table, "provenance", server_default=None, schema=SCHEMA)
    op.add_column(
        "submissions",
        sa.Column("documents", JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb")),
        schema=SCHEMA,
    )
    op.alter_column("submissions", "documents", server_default=None, schema=SCHEMA)
    op.add_column(
        "submissions", sa.Column("documents_checksum", sa.String(64), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "submissions", sa.Column("snapshot_sha256", sa.String(64), nullable=True), schema=SCHEMA
    )
    _hash_earlier_submissions()
    op.alter_column("submissions", "snapshot_sha256", nullable=False, schema=SCHEMA)


def _hash_earlier_submissions() -> None:
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT s.application_id::text AS application_id, s.number, a.kind, a.title, a.uscc,"
            " a.applied_on::text AS applied_on, s.policy_pack, s.pack_checksum,"
            " s.documents_checksum, s.facts, s.documents, s.size_determination"
            f" FROM {SCHEMA}.submissions s JOIN {SCHEMA}.applications a ON a.id = s.application_id"
        )
    ).mappings()
    for row in rows.all():
        content = dict(row)
        if content["size_determination"] is not None:
            # Instants are spelled as answers spell them, so that a reader can compute the hash.
            at = content["size_determination"]["determined_at"].replace("+00:00", "Z")
            content["size_determination"] = content["size_determination"] | {"determined_at": at}
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        connection.execute(
            sa.text(
                f"UPDATE {SCHEMA}.submissions SET snapshot_sha256 = :hash"
                " WHERE application_id = CAST(:application_id AS uuid) AND number = :number"
            ),
            {
                "hash": sha256(text.encode()).hexdigest(),
                "application_id": row["application_id"],
                "number": row["number"],
            },
        )


def downgrade() -> None:
    for column in ("snapshot_sha256", "documents_checksum", "documents", "provenance"):
        op.drop_column("submissions", column, schema=SCHEMA)
    op.drop_column("applications", "provenance", schema=SCHEMA)
