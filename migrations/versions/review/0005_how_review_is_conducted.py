"""Lists, meetings, experts, draws, panels, visits, and what is set aside."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "review"
INSERT_ONLY = (
    "set_asides",
    "assignments",
    "recommendation_lists",
    "recommendation_items",
    "determinations",
    "ties",
    "score_sheets",
    "panel_results",
    "site_visits",
    "photographs",
    "objection_statements",
)
"""What was said, signed, scored or seen stays as it is."""
MUTABLE = {
    "draws": "status, public_value, seed, ended_by, ended_at, abandoned_because, version",
    "draw_lots": "ranking, is_secret",
    "panel_members": "status, ended_because",
}
"""What may become of a draw and of a seat; who could be drawn, and from which secret, never changes."""


def upgrade() -> None:
    op.create_table(
        "determinations",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("meeting", sa.String(200), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("document_number", sa.String(80), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_determinations")),
        schema=SCHEMA,
    )
    op.create_table(
        "draws",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("round_id", UUID(), nullable=False),
        sa.Column("round_code", sa.String(40), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("public_source", sa.Text(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("commitment", sa.String(64), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("committed_by", sa.String(200), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_value", sa.String(200), nullable=True),
        sa.Column("seed", sa.String(64), nullable=True),
        sa.Column("ended_by", sa.String(200), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("abandoned_because", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draws")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_draws_region"), "draws", ["region"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_draws_round_id"), "draws", ["round_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "experts",
        sa.Column("sub", sa.String(200), nullable=False),
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("employer", sa.String(200), nullable=False),
        sa.Column("employer_uscc", sa.String(18), nullable=True),
        sa.Column("fields", JSONB(), nullable=False),
        sa.Column("division", sa.String(6), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("registered_by", sa.String(200), nullable=False),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sub", name=op.f("pk_experts")),
        sa.UniqueConstraint("code", name=op.f("uq_experts_code")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_experts_region"), "experts", ["region"], unique=False, schema=SCHEMA)
    op.create_table(
        "recommendation_lists",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("round_id", UUID(), nullable=False),
        sa.Column("round_code", sa.String(40), nullable=False),
        sa.Column("title", sa.String(40), nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("policy_pack", sa.String(80), nullable=False),
        sa.Column("region", sa.String(6), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document_number", sa.String(80), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.String(200), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recommendation_lists")),
        sa.UniqueConstraint("round_id", "title", "region", "number", name="one_list_per_number"),
        schema=SCHEMA,
    )
    op.create_table(
        "ties",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("sub", sa.String(200), nullable=False),
        sa.Column("uscc", sa.String(18), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("region", sa.String(6), nullable=True),
        sa.Column("declared_by", sa.String(200), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("until_on >= from_on", name=op.f("ck_ties_ends_after_it_begins")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ties")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_ties_sub"), "ties", ["sub"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_ties_uscc"), "ties", ["uscc"], unique=False, schema=SCHEMA)
    op.create_table(
        "assignments",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("from_officer", sa.String(200), nullable=True),
        sa.Column("to_officer", sa.String(200), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("assigned_by", sa.String(200), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name=op.f("fk_assignments_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_assignments_case_id"), "assignments", ["case_id"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "draw_lots",
        sa.Column("draw_id", UUID(), nullable=False),
        sa.Column("lot", sa.String(64), nullable=False),
        sa.Column("case_id", UUID(), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=True),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("candidates", JSONB(), nullable=False),
        sa.Column("candidates_sha256", sa.String(64), nullable=False),
        sa.Column("is_widened", sa.Boolean(), nullable=False),
        sa.Column("excluded", JSONB(), nullable=False),
        sa.Column("ranking", JSONB(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name=op.f("fk_draw_lots_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["draw_id"], [f"{SCHEMA}.draws.id"], name=op.f("fk_draw_lots_draw_id")
        ),
        sa.PrimaryKeyConstraint("draw_id", "lot", name=op.f("pk_draw_lots")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_draw_lots_case_id"), "draw_lots", ["case_id"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "panel_members",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("expert", sa.String(200), nullable=False),
        sa.Column("draw_id", UUID(), nullable=True),
        sa.Column("called_because", sa.String(40), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name=op.f("fk_panel_members_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["draw_id"], [f"{SCHEMA}.draws.id"], name=op.f("fk_panel_members_draw_id")
        ),
        sa.ForeignKeyConstraint(
            ["expert"], [f"{SCHEMA}.experts.sub"], name=op.f("fk_panel_members_expert")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel_members")),
        sa.UniqueConstraint("case_id", "turn", "expert", name="called_once_per_turn"),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_panel_members_expert"), "panel_members", ["expert"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "panel_results",
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("points", sa.Numeric(7, 2), nullable=False),
        sa.Column("pass_at_least", sa.Numeric(7, 2), nullable=False),
        sa.Column("spread", sa.Numeric(7, 2), nullable=False),
        sa.Column("sheets", sa.Integer(), nullable=False),
        sa.Column("aggregation", sa.String(40), nullable=False),
        sa.Column("has_passed", sa.Boolean(), nullable=False),
        sa.Column("moderated_by", sa.String(200), nullable=True),
        sa.Column("moderation_reason", sa.Text(), nullable=True),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name=op.f("fk_panel_results_case_id")
        ),
        sa.PrimaryKeyConstraint("case_id", "turn", name=op.f("pk_panel_results")),
        schema=SCHEMA,
    )
    op.create_table(
        "photographs",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(40), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=True),
        sa.Column("uploaded_by", sa.String(200), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name=op.f("fk_photographs_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photographs")),
        sa.UniqueConstraint("case_id", "sha256", name="one_photograph_per_content"),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_photographs_sha256"), "photographs", ["sha256"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "recommendation_items",
        sa.Column("list_id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name=op.f("fk_recommendation_items_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["list_id"],
            [f"{SCHEMA}.recommendation_lists.id"],
            name=op.f("fk_recommendation_items_list_id"),
        ),
        sa.PrimaryKeyConstraint("list_id", "case_id", name=op.f("pk_recommendation_items")),
        sa.UniqueConstraint("case_id", "turn", name="one_list_per_turn"),
        sa.UniqueConstraint("list_id", "rank", name="one_case_per_rank"),
        schema=SCHEMA,
    )
    op.create_table(
        "score_sheets",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("expert", sa.String(200), nullable=False),
        sa.Column("items", JSONB(), nullable=False),
        sa.Column("total", sa.Numeric(7, 2), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("total >= 0", name=op.f("ck_score_sheets_total_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name=op.f("fk_score_sheets_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["expert"], [f"{SCHEMA}.experts.sub"], name=op.f("fk_score_sheets_expert")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_sheets")),
        sa.UniqueConstraint("case_id", "turn", "expert", name="one_sheet_per_expert"),
        schema=SCHEMA,
    )
    op.create_table(
        "site_visits",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("inspectors", JSONB(), nullable=False),
        sa.Column("findings", JSONB(), nullable=False),
        sa.Column("has_passed", sa.Boolean(), nullable=False),
        sa.Column("photographs", JSONB(), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], [f"{SCHEMA}.review_cases.id"], name=op.f("fk_site_visits_case_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_visits")),
        sa.UniqueConstraint("case_id", "turn", name="one_visit_per_turn"),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_site_visits_case_id"), "site_visits", ["case_id"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "objection_statements",
        sa.Column("objection_id", UUID(), nullable=False),
        sa.Column("office", sa.String(40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stated_by", sa.String(200), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["objection_id"],
            [f"{SCHEMA}.objections.id"],
            name=op.f("fk_objection_statements_objection_id"),
        ),
        sa.PrimaryKeyConstraint("objection_id", "office", name=op.f("pk_objection_statements")),
        schema=SCHEMA,
    )
    op.create_table(
        "set_asides",
        sa.Column("id", UUID(), nullable=False),
        sa.Column("decision_id", UUID(), nullable=False),
        sa.Column("case_id", UUID(), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document_number", sa.String(80), nullable=True),
        sa.Column("set_aside_by", sa.String(200), nullable=False),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], [f"{SCHEMA}.decisions.id"], name=op.f("fk_set_asides_decision_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_set_asides")),
        sa.UniqueConstraint("decision_id", name="set_aside_once"),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_set_asides_case_id"), "set_asides", ["case_id"], unique=False, schema=SCHEMA
    )
    for table, columns in MUTABLE.items():
        op.execute(f"GRANT SELECT, INSERT, UPDATE ({columns}) ON {SCHEMA}.{table} TO srdi_review")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {SCHEMA}.experts TO srdi_review")
    op.execute(
        f"REVOKE DELETE ON {SCHEMA}.review_cases, {SCHEMA}.notices, {SCHEMA}.objections"
        " FROM srdi_review"
    )
    for table in INSERT_ONLY:
        op.execute(f"GRANT SELECT, INSERT ON {SCHEMA}.{table} TO srdi_review")


def downgrade() -> None:
    op.execute(
        f"GRANT DELETE ON {SCHEMA}.review_cases, {SCHEMA}.notices, {SCHEMA}.objections"
        " TO srdi_review"
    )
    op.drop_index(op.f("ix_set_asides_case_id"), table_name="set_asides", schema=SCHEMA)
    op.drop_table("set_asides", schema=SCHEMA)
    op.drop_table("objection_statements", schema=SCHEMA)
    op.drop_index(op.f("ix_site_visits_case_id"), table_name="site_visits", schema=SCHEMA)
    op.drop_table("site_visits", schema=SCHEMA)
    op.drop_table("score_sheets", schema=SCHEMA)
    op.drop_table("recommendation_items", schema=SCHEMA)
    op.drop_index(op.f("ix_photographs_sha256"), table_name="photographs", schema=SCHEMA)
    op.drop_table("photographs", schema=SCHEMA)
    op.drop_table("panel_results", schema=SCHEMA)
    op.drop_index(op.f("ix_panel_members_expert"), table_name="panel_members", schema=SCHEMA)
    op.drop_table("panel_members", schema=SCHEMA)
    op.drop_index(op.f("ix_draw_lots_case_id"), table_name="draw_lots", schema=SCHEMA)
    op.drop_table("draw_lots", schema=SCHEMA)
    op.drop_index(op.f("ix_assignments_case_id"), table_name="assignments", schema=SCHEMA)
    op.drop_table("assignments", schema=SCHEMA)
    op.drop_index(op.f("ix_ties_uscc"), table_name="ties", schema=SCHEMA)
    op.drop_index(op.f("ix_ties_sub"), table_name="ties", schema=SCHEMA)
    op.drop_table("ties", schema=SCHEMA)
    op.drop_table("recommendation_lists", schema=SCHEMA)
    op.drop_index(op.f("ix_experts_region"), table_name="experts", schema=SCHEMA)
    op.drop_table("experts", schema=SCHEMA)
    op.drop_index(op.f("ix_draws_round_id"), table_name="draws", schema=SCHEMA)
    op.drop_index(op.f("ix_draws_region"), table_name="draws", schema=SCHEMA)
    op.drop_table("draws", schema=SCHEMA)
    op.drop_table("determinations", schema=SCHEMA)
