"""Enterprises and recognitions over time, what is followed between them, screenings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "registry"
LOGIN = "srdi_registry"
INSERT_ONLY = (
    "enterprise_entries",
    "enterprise_changes",
    "change_reports",
    "renewal_steps",
    "findings",
    "renewal_rounds",
    "renewal_calls",
    "evaluations",
    "support_records",
    "typical_cases",
    "library_steps",
    "review_steps",
    "screening_rows",
)
"""What was so, and what was done, stays as it was written down."""
MUTABLE = {
    "figure_sheets": "is_latest",
    "examinations": "conclusion, concluded_on, reason, document_number",
    "award_copies": "division, is_secret, granted, disbursed, called_back, recovered",
    "screenings": "state, failure, conditions, counts, started_at, finished_at",
}
ENTERPRISE_MAY_CHANGE = "legal_name, division, focus_field, is_secret, is_recognised, names_searched, updated_at, version"
RECOGNITION_MAY_CHANGE = (
    "policy_pack, round_code, valid_from, valid_until, renewal_opens_on, status_index, revoked_on,"
    " revoked_at, revocation_ground, finding_number, revocation_document, exclusion_until,"
    " transferred_on, transferred_at, transferred_to, version"
)
"""A title's term may go on, and it may end; whose it is, which and since when never changes."""


def upgrade() -> None:
    op.create_table(
        "award_copies",
        sa.Column("award_id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("division", sa.String(length=6), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("granted", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("disbursed", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("called_back", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("recovered", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.PrimaryKeyConstraint("award_id", name=op.f("pk_award_copies")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_award_copies_fiscal_year"),
        "award_copies",
        ["fiscal_year"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "figure_sheets",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("division", sa.String(length=6), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column(
            "origin",
            sa.Enum(
                "application",
                "annual_report",
                name="origin",
                native_enum=False,
                length=40,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("fiscal_year", sa.Integer(), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_latest", sa.Boolean(), nullable=False),
        sa.Column("application_id", sa.UUID(), nullable=True),
        sa.Column("submission_number", sa.Integer(), nullable=True),
        sa.Column("round_code", sa.String(length=40), nullable=True),
        sa.Column("title", sa.String(length=40), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=True),
        sa.Column("policy_pack", sa.String(length=80), nullable=True),
        sa.Column("titles_held", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("determined_size", sa.String(length=10), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "industry_code",
            sa.Text(),
            sa.Computed("facts ->> 'industry_code'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "established_on",
            sa.Text(),
            sa.Computed("facts ->> 'established_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "employees",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'employees')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "operating_revenue",
            sa.Numeric(),
            sa.Computed("(facts ->> 'operating_revenue')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "previous_operating_revenue",
            sa.Numeric(),
            sa.Computed("(facts ->> 'previous_operating_revenue')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "before_previous_operating_revenue",
            sa.Numeric(),
            sa.Computed("(facts ->> 'before_previous_operating_revenue')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "main_business_revenue",
            sa.Numeric(),
            sa.Computed("(facts ->> 'main_business_revenue')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "previous_main_business_revenue",
            sa.Numeric(),
            sa.Computed("(facts ->> 'previous_main_business_revenue')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "before_previous_main_business_revenue",
            sa.Numeric(),
            sa.Computed(
                "(facts ->> 'before_previous_main_business_revenue')::numeric", persisted=True
            ),
            nullable=True,
        ),
        sa.Column(
            "total_assets",
            sa.Numeric(),
            sa.Computed("(facts ->> 'total_assets')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "total_liabilities",
            sa.Numeric(),
            sa.Computed("(facts ->> 'total_liabilities')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "net_profit",
            sa.Numeric(),
            sa.Computed("(facts ->> 'net_profit')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "rd_expense",
            sa.Numeric(),
            sa.Computed("(facts ->> 'rd_expense')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "previous_rd_expense",
            sa.Numeric(),
            sa.Computed("(facts ->> 'previous_rd_expense')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "rd_employees",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'rd_employees')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "new_equity_two_years",
            sa.Numeric(),
            sa.Computed("(facts ->> 'new_equity_two_years')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "new_equity_three_years",
            sa.Numeric(),
            sa.Computed("(facts ->> 'new_equity_three_years')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "independent_ip",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'independent_ip')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "class_one_ip",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'class_one_ip')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "own_class_one_ip",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'own_class_one_ip')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "high_value_class_one_ip",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'high_value_class_one_ip')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "class_one_ip_in_use",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'class_one_ip_in_use')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "class_two_ip",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'class_two_ip')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "standards_participated",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'standards_participated')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "niche_since",
            sa.Text(),
            sa.Computed("facts ->> 'niche_since'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "niche_share",
            sa.Numeric(),
            sa.Computed("(facts ->> 'niche_share')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "niche_rank",
            sa.BigInteger(),
            sa.Computed("(facts ->> 'niche_rank')::bigint", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "platform_score",
            sa.Numeric(),
            sa.Computed("(facts ->> 'platform_score')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "previous_platform_score",
            sa.Numeric(),
            sa.Computed("(facts ->> 'previous_platform_score')::numeric", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "management_certifications",
            sa.Integer(),
            sa.Computed("jsonb_array_length(facts -> 'management_certifications')", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "product_certifications",
            sa.Integer(),
            sa.Computed("jsonb_array_length(facts -> 'product_certifications')", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "own_brands",
            sa.Integer(),
            sa.Computed("jsonb_array_length(facts -> 'own_brands')", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "focus_field",
            sa.Text(),
            sa.Computed("facts ->> 'focus_field'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "product_direction",
            sa.Text(),
            sa.Computed("facts ->> 'product_direction'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "digital_level",
            sa.Text(),
            sa.Computed("facts ->> 'digital_level'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "chain_link",
            sa.Text(),
            sa.Computed("facts ->> 'chain_link'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "key_field",
            sa.Text(),
            sa.Computed("facts ->> 'key_field'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "leading_product_field",
            sa.Text(),
            sa.Computed("facts ->> 'leading_product_field'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "industry_class",
            sa.Text(),
            sa.Computed("facts ->> 'industry_class'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "rd_institution",
            sa.Text(),
            sa.Computed("facts ->> 'rd_institution'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "is_legal_person",
            sa.Boolean(),
            sa.Computed("(facts ->> 'is_legal_person')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "is_ethnic_craft",
            sa.Boolean(),
            sa.Computed("(facts ->> 'is_ethnic_craft')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "supplies_large_enterprises",
            sa.Boolean(),
            sa.Computed("(facts ->> 'supplies_large_enterprises')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "has_information_system",
            sa.Boolean(),
            sa.Computed("(facts ->> 'has_information_system')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "has_innovation_honour",
            sa.Boolean(),
            sa.Computed("(facts ->> 'has_innovation_honour')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "has_quality_award",
            sa.Boolean(),
            sa.Computed("(facts ->> 'has_quality_award')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "has_quality_certification",
            sa.Boolean(),
            sa.Computed("(facts ->> 'has_quality_certification')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "has_false_information",
            sa.Boolean(),
            sa.Computed("(facts ->> 'has_false_information')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "has_tax_or_dishonesty_record",
            sa.Boolean(),
            sa.Computed("(facts ->> 'has_tax_or_dishonesty_record')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "is_on_abnormal_list",
            sa.Boolean(),
            sa.Computed("(facts ->> 'is_on_abnormal_list')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "is_on_dishonesty_list",
            sa.Boolean(),
            sa.Computed("(facts ->> 'is_on_dishonesty_list')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "makes_restricted_products",
            sa.Boolean(),
            sa.Computed("(facts ->> 'makes_restricted_products')::boolean", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "last_major_accident_on",
            sa.Text(),
            sa.Computed("facts ->> 'last_major_accident_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "last_violation_on",
            sa.Text(),
            sa.Computed("facts ->> 'last_violation_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "science_award_on",
            sa.Text(),
            sa.Computed("facts ->> 'science_award_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "national_award_top_three_on",
            sa.Text(),
            sa.Computed("facts ->> 'national_award_top_three_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "national_award_top_five_on",
            sa.Text(),
            sa.Computed("facts ->> 'national_award_top_five_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "ministerial_award_top_three_on",
            sa.Text(),
            sa.Computed("facts ->> 'ministerial_award_top_three_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "provincial_award_top_three_on",
            sa.Text(),
            sa.Computed("facts ->> 'provincial_award_top_three_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "maker_contest_top_50_on",
            sa.Text(),
            sa.Computed("facts ->> 'maker_contest_top_50_on'", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "maker_contest_top_500_on",
            sa.Text(),
            sa.Computed("facts ->> 'maker_contest_top_500_on'", persisted=True),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_sheets")),
        sa.UniqueConstraint("application_id", "submission_number", name="one_sheet_per_submission"),
        schema=SCHEMA,
        postgresql_with={"toast_tuple_target": "512"},
    )
    op.create_index(
        "one_latest_sheet",
        "figure_sheets",
        ["uscc"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("is_latest"),
    )
    op.create_index(
        "sheets_by_application", "figure_sheets", ["application_id"], unique=False, schema=SCHEMA
    )
    op.create_index(
        "sheets_by_round", "figure_sheets", ["round_code", "title"], unique=False, schema=SCHEMA
    )
    op.create_index(
        "sheets_by_year", "figure_sheets", ["uscc", "fiscal_year"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "renewal_rounds",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("ends_from", sa.Date(), nullable=False),
        sa.Column("ends_until", sa.Date(), nullable=False),
        sa.Column("materials_due_on", sa.Date(), nullable=False),
        sa.Column("document_number", sa.String(length=80), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "ends_until >= ends_from", name=op.f("ck_renewal_rounds_window_ends_after_it_begins")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_rounds")),
        sa.UniqueConstraint("region", "code", name="one_renewal_round_per_code"),
        schema=SCHEMA,
    )
    op.create_table(
        "renewal_steps",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("application_id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column(
            "step",
            sa.Enum(
                "filed",
                "settled",
                "reopened",
                name="renewalstepkind",
                native_enum=False,
                length=40,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "recognised",
                "rejected",
                "withdrawn",
                name="outcome",
                native_enum=False,
                length=40,
                schema=SCHEMA,
            ),
            nullable=True,
        ),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renewal_steps")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_renewal_steps_application_id"),
        "renewal_steps",
        ["application_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_renewal_steps_uscc_title"),
        "renewal_steps",
        ["uscc", "title"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "review_steps",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("application_id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("division", sa.String(length=6), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("round_code", sa.String(length=40), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("from_stage", sa.String(length=40), nullable=True),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_steps")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_review_steps_application_id"),
        "review_steps",
        ["application_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_review_steps_on_day"), "review_steps", ["on_day"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "screenings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("pack_name", sa.String(length=80), nullable=False),
        sa.Column("draft", sa.Text(), nullable=True),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("population", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("amount_each", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failure", sa.String(length=400), nullable=True),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("requested_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screenings")),
        schema=SCHEMA,
    )
    op.create_table(
        "enterprise_changes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "rename",
                "move",
                "merger",
                "split",
                name="changekind",
                native_enum=False,
                length=40,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("successor_uscc", sa.String(length=18), nullable=True),
        sa.Column("other_uscc", sa.String(length=18), nullable=True),
        sa.Column("document_number", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=True),
        sa.Column("report_due_on", sa.Date(), nullable=True),
        sa.Column("duty_clause", sa.String(length=40), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name=op.f("fk_enterprise_changes_uscc")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise_changes")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_enterprise_changes_uscc_happened_on"),
        "enterprise_changes",
        ["uscc", "happened_on"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "enterprise_entries",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column(
            "attribute",
            sa.Enum(
                "legal_name",
                "division",
                "focus_field",
                name="attribute",
                native_enum=False,
                length=40,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.String(length=2000), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change_id", sa.UUID(), nullable=True),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name=op.f("fk_enterprise_entries_uscc")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise_entries")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_enterprise_entries_uscc_attribute_valid_from"),
        "enterprise_entries",
        ["uscc", "attribute", "valid_from"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "evaluations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("agency", sa.String(length=200), nullable=False),
        sa.Column("score", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("grade", sa.String(length=20), nullable=True),
        sa.Column("difficulties", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("evaluated_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name=op.f("fk_evaluations_uscc")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_evaluations_uscc_year"),
        "evaluations",
        ["uscc", "year"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("ground", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=80), nullable=False),
        sa.Column("established_on", sa.Date(), nullable=False),
        sa.Column("established_by", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name=op.f("fk_findings_uscc")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
        sa.UniqueConstraint("uscc", "number", name="one_finding_per_number"),
        schema=SCHEMA,
    )
    op.create_table(
        "library_steps",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("city", sa.String(length=6), nullable=False),
        sa.Column(
            "step",
            sa.Enum(
                "entered",
                "left",
                name="librarystepkind",
                native_enum=False,
                length=40,
                schema=SCHEMA,
            ),
            nullable=False,
        ),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=2000), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name=op.f("fk_library_steps_uscc")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_steps")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_library_steps_city_uscc"),
        "library_steps",
        ["city", "uscc"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_library_steps_uscc_city_on_day"),
        "library_steps",
        ["uscc", "city", "on_day"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "screening_rows",
        sa.Column("screening_id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("sheet_id", sa.UUID(), nullable=False),
        sa.Column("division", sa.String(length=6), nullable=False),
        sa.Column("verdict", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("was_recognised", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["screening_id"],
            [f"{SCHEMA}.screenings.id"],
            name=op.f("fk_screening_rows_screening_id"),
        ),
        sa.PrimaryKeyConstraint("screening_id", "uscc", "sheet_id", name=op.f("pk_screening_rows")),
        schema=SCHEMA,
    )
    op.create_table(
        "support_records",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("measure", sa.String(length=40), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("delivered_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "amount IS NULL OR amount > 0", name=op.f("ck_support_records_support_is_positive")
        ),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name=op.f("fk_support_records_uscc")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_records")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_support_records_delivered_on"),
        "support_records",
        ["delivered_on"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_support_records_uscc_delivered_on"),
        "support_records",
        ["uscc", "delivered_on"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "typical_cases",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("heading", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("chosen_on", sa.Date(), nullable=False),
        sa.Column("document_number", sa.String(length=80), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name=op.f("fk_typical_cases_uscc")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_typical_cases")),
        sa.UniqueConstraint("uscc", "year", name="one_typical_case_a_year"),
        schema=SCHEMA,
    )
    op.create_table(
        "change_reports",
        sa.Column("change_id", sa.UUID(), nullable=False),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"],
            [f"{SCHEMA}.enterprise_changes.id"],
            name=op.f("fk_change_reports_change_id"),
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_change_reports")),
        schema=SCHEMA,
    )
    op.create_table(
        "examinations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("recognition_id", sa.UUID(), nullable=False),
        sa.Column("because_of", sa.UUID(), nullable=False),
        sa.Column("finding_number", sa.String(length=80), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "conclusion",
            sa.Enum(
                "kept", "revoked", name="conclusion", native_enum=False, length=40, schema=SCHEMA
            ),
            nullable=True,
        ),
        sa.Column("concluded_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=True),
        sa.Column("document_number", sa.String(length=80), nullable=True),
        sa.CheckConstraint(
            "(concluded_on IS NULL) = (conclusion IS NULL)",
            name=op.f("ck_examinations_concluded_with_a_conclusion"),
        ),
        sa.ForeignKeyConstraint(
            ["because_of"], [f"{SCHEMA}.recognitions.id"], name=op.f("fk_examinations_because_of")
        ),
        sa.ForeignKeyConstraint(
            ["recognition_id"],
            [f"{SCHEMA}.recognitions.id"],
            name=op.f("fk_examinations_recognition_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_examinations")),
        sa.UniqueConstraint("recognition_id", "because_of", name="examined_once_per_revocation"),
        schema=SCHEMA,
    )
    op.create_index(
        "open_examinations",
        "examinations",
        ["id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("concluded_on IS NULL"),
    )
    op.create_table(
        "renewal_calls",
        sa.Column("round_id", sa.UUID(), nullable=False),
        sa.Column("recognition_id", sa.UUID(), nullable=False),
        sa.Column("term_ends_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recognition_id"],
            [f"{SCHEMA}.recognitions.id"],
            name=op.f("fk_renewal_calls_recognition_id"),
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], [f"{SCHEMA}.renewal_rounds.id"], name=op.f("fk_renewal_calls_round_id")
        ),
        sa.PrimaryKeyConstraint("round_id", "recognition_id", name=op.f("pk_renewal_calls")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_renewal_calls_recognition_id"),
        "renewal_calls",
        ["recognition_id"],
        unique=False,
        schema=SCHEMA,
    )
    _keep_what_was_known()
    op.drop_index(
        op.f("ix_renewal_filings_uscc_title"), table_name="renewal_filings", schema=SCHEMA
    )
    op.drop_table("renewal_filings", schema=SCHEMA)
    _make_names_searchable()
    op.drop_table("enterprise_names", schema=SCHEMA)
    op.add_column(
        "enterprises",
        sa.Column("is_recognised", sa.Boolean(), server_default=sa.false(), nullable=False),
        schema=SCHEMA,
    )
    op.execute(
        f"UPDATE {SCHEMA}.enterprises e SET is_recognised ="
        f" EXISTS (SELECT FROM {SCHEMA}.recognitions r WHERE r.uscc = e.uscc)"
    )
    op.create_index(
        "recognised_by_part_of_name",
        "enterprises",
        [sa.text(f"{SCHEMA}.name_grams(names_searched)")],
        unique=False,
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=sa.text("is_recognised"),
    )
    op.create_index(
        "enterprises_by_part_of_name",
        "enterprises",
        [sa.text(f"{SCHEMA}.name_grams(names_searched)")],
        unique=False,
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.add_column(
        "recognition_terms", sa.Column("renewal_opens_on", sa.Date(), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "recognition_terms",
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        schema=SCHEMA,
    )
    op.add_column(
        "recognitions", sa.Column("title_rank", sa.Integer(), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "recognitions", sa.Column("status_index", sa.Integer(), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "recognitions",
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        schema=SCHEMA,
    )
    op.add_column(
        "recognitions", sa.Column("transferred_on", sa.Date(), nullable=True), schema=SCHEMA
    )
    op.add_column(
        "recognitions",
        sa.Column("transferred_at", sa.DateTime(timezone=True), nullable=True),
        schema=SCHEMA,
    )
    op.add_column(
        "recognitions", sa.Column("transferred_to", sa.UUID(), nullable=True), schema=SCHEMA
    )
    op.add_column("recognitions", sa.Column("held_from", sa.Date(), nullable=True), schema=SCHEMA)
    op.drop_index(op.f("ix_recognitions_valid_until"), table_name="recognitions", schema=SCHEMA)
    op.drop_constraint(
        op.f("uq_recognitions_certificate_number"), "recognitions", schema=SCHEMA, type_="unique"
    )
    op.create_index(
        op.f("ix_recognitions_certificate_number"),
        "recognitions",
        ["certificate_number"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_recognitions_uscc"), "recognitions", ["uscc"], unique=False, schema=SCHEMA
    )
    op.create_index(
        op.f("ix_recognitions_valid_until_id"),
        "recognitions",
        ["valid_until", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "one_holder_of_a_certificate",
        "recognitions",
        ["certificate_number"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("transferred_on IS NULL"),
    )
    op.create_unique_constraint(
        "one_place_in_the_status_list", "recognitions", ["status_index"], schema=SCHEMA
    )
    _fill_in_recognitions()
    _let_the_current_be_one()
    _grant()
    _let_common_parts_be_known()


def _keep_what_was_known() -> None:
    """Carry names, places and filings over; what was not told apart by instant is known from then."""
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.enterprise_entries
            (id, uscc, attribute, value, valid_from, recorded_at)
        SELECT gen_random_uuid(), n.uscc, 'legal_name', n.legal_name, n.valid_from, e.created_at
          FROM {SCHEMA}.enterprise_names n JOIN {SCHEMA}.enterprises e USING (uscc)
        UNION ALL
        SELECT gen_random_uuid(), e.uscc, a.attribute, a.value,
               (SELECT min(n.valid_from) FROM {SCHEMA}.enterprise_names n WHERE n.uscc = e.uscc),
               e.created_at
          FROM {SCHEMA}.enterprises e,
               LATERAL (VALUES ('division', e.division::text), ('focus_field', e.focus_field::text))
                       a (attribute, value)
         WHERE a.value IS NOT NULL
        """
    )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.renewal_steps
            (id, application_id, uscc, title, step, outcome, on_day, recorded_at)
        SELECT gen_random_uuid(), application_id, uscc, title, 'filed', NULL, filed_on,
               filed_on::timestamp AT TIME ZONE 'Asia/Shanghai'
          FROM {SCHEMA}.renewal_filings WHERE filed_on IS NOT NULL
        UNION ALL
        SELECT gen_random_uuid(), application_id, uscc, title, 'settled',
               CASE WHEN EXISTS (SELECT FROM {SCHEMA}.recognition_terms t
                                  WHERE t.application_id = f.application_id)
                    THEN 'recognised' ELSE 'rejected' END,
               settled_on, settled_on::timestamp AT TIME ZONE 'Asia/Shanghai'
          FROM {SCHEMA}.renewal_filings f WHERE settled_on IS NOT NULL
        """
    )


def _make_names_searchable() -> None:
    # Every character; then the pairs that begin at odd places, and those that begin at even ones.
    # A line ends every name, so no pair that is searched for has a line's end in it.
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.name_grams(searched text) RETURNS text[]
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN string_to_array(searched, NULL)
            || string_to_array(regexp_replace(searched, '(..)', E'\\\\1\\n', 'g'), E'\\n')
            || string_to_array(regexp_replace(substr(searched, 2), '(..)', E'\\\\1\\n', 'g'), E'\\n')
        """
    )
    op.add_column(
        "enterprises", sa.Column("names_searched", sa.Text(), nullable=True), schema=SCHEMA
    )
    op.execute(
        f"""
        UPDATE {SCHEMA}.enterprises e SET names_searched = (
            SELECT string_agg(
                       lower(regexp_replace(normalize(legal_name, NFKC), '\\s+', '', 'g')), E'\\n')
              FROM {SCHEMA}.enterprise_names n WHERE n.uscc = e.uscc)
        """
    )
    op.alter_column("enterprises", "names_searched", nullable=False, schema=SCHEMA)


def _let_common_parts_be_known() -> None:
    # Statistics of an index are its owner's to read; which parts are common is no secret.
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.common_grams(least_share real) RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
        AS $$
            SELECT gram
              FROM pg_stats,
                   unnest(most_common_elems::text::text[], most_common_elem_freqs)
                       AS counted (gram, share)
             WHERE schemaname = '{SCHEMA}' AND tablename = 'enterprises_by_part_of_name'
               AND share >= least_share AND gram IS NOT NULL
        $$
        """
    )
    op.execute(f"REVOKE EXECUTE ON FUNCTION {SCHEMA}.common_grams(real) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {SCHEMA}.common_grams(real) TO {LOGIN}")


def _fill_in_recognitions() -> None:
    """Give what is there already its rank, its window of renewal, and its place in the status list.

    All packs that were published by then open renewal six months before the end.
    """
    op.execute(
        f"""
        UPDATE {SCHEMA}.recognition_terms t
           SET recorded_at = decided_on::timestamp AT TIME ZONE 'Asia/Shanghai',
               renewal_opens_on = (valid_until + 1 - interval '6 months')::date
        """
    )
    op.execute(
        f"""
        UPDATE {SCHEMA}.recognitions r
           SET title_rank = CASE title
                   WHEN 'innovative_sme' THEN 1
                   WHEN 'srdi_sme' THEN 2
                   WHEN 'provincial_little_giant' THEN 3
                   WHEN 'national_little_giant' THEN
                       CASE WHEN policy_pack LIKE 'national/%' THEN 3 ELSE 4 END
                   ELSE 0 END,
               revoked_at = CASE WHEN revoked_on IS NOT NULL THEN coalesce(
                   (SELECT max(h.occurred_at) FROM {SCHEMA}.history h
                     WHERE h.subject_type = 'recognition' AND h.subject_id = r.id::text
                       AND h.action = 'revoked'),
                   revoked_on::timestamp AT TIME ZONE 'Asia/Shanghai') END
        """
    )
    op.execute(
        f"""
        WITH placed AS (
            SELECT r.id, row_number() OVER (ORDER BY r.id) - 1 AS place
              FROM {SCHEMA}.recognitions r JOIN {SCHEMA}.enterprises e USING (uscc)
             WHERE NOT e.is_secret),
        kept AS (
            UPDATE {SCHEMA}.recognitions r SET status_index = placed.place
              FROM placed WHERE placed.id = r.id RETURNING 1)
        INSERT INTO {SCHEMA}.certificate_series (series, last)
        SELECT 'status-list', count(*) FROM kept HAVING count(*) > 0
        """
    )
    op.alter_column("recognition_terms", "recorded_at", nullable=False, schema=SCHEMA)
    op.alter_column("recognition_terms", "renewal_opens_on", nullable=False, schema=SCHEMA)
    op.alter_column("recognitions", "title_rank", nullable=False, schema=SCHEMA)


def _let_the_current_be_one() -> None:
    op.execute(f"DROP INDEX {SCHEMA}.one_current_recognition")
    op.create_index(
        "one_current_recognition",
        "recognitions",
        ["uscc", "title"],
        unique=True,
        postgresql_where=sa.text("revoked_on IS NULL AND transferred_on IS NULL"),
        schema=SCHEMA,
    )
    for name, rule in (
        ("revoked_at_an_instant", "(revoked_on IS NULL) = (revoked_at IS NULL)"),
        ("transferred_to_somebody", "(transferred_on IS NULL) = (transferred_to IS NULL)"),
        ("transferred_at_an_instant", "(transferred_on IS NULL) = (transferred_at IS NULL)"),
    ):
        op.create_check_constraint(
            op.f(f"ck_recognitions_{name}"), "recognitions", rule, schema=SCHEMA
        )
    # GiST knows no plain uuid without an extension, but it knows every range: one value is a range.
    op.execute(f"CREATE TYPE {SCHEMA}.uuid_range AS RANGE (subtype = uuid)")
    op.execute(
        f"""
        ALTER TABLE {SCHEMA}.recognition_terms ADD CONSTRAINT terms_do_not_overlap
        EXCLUDE USING gist (
            {SCHEMA}.uuid_range(recognition_id, recognition_id, '[]') WITH &&,
            daterange(valid_from, valid_until, '[]') WITH &&)
        """
    )


def _grant() -> None:
    for table in INSERT_ONLY:
        op.execute(f"GRANT SELECT, INSERT ON {SCHEMA}.{table} TO {LOGIN}")
    for table, columns in MUTABLE.items():
        op.execute(f"GRANT SELECT, INSERT, UPDATE ({columns}) ON {SCHEMA}.{table} TO {LOGIN}")
    op.execute(f"REVOKE UPDATE, DELETE ON {SCHEMA}.recognitions FROM {LOGIN}")
    op.execute(f"GRANT UPDATE ({RECOGNITION_MAY_CHANGE}) ON {SCHEMA}.recognitions TO {LOGIN}")
    op.execute(f"REVOKE UPDATE, DELETE ON {SCHEMA}.enterprises FROM {LOGIN}")
    op.execute(f"GRANT UPDATE ({ENTERPRISE_MAY_CHANGE}) ON {SCHEMA}.enterprises TO {LOGIN}")
    op.execute(f"REVOKE DELETE ON {SCHEMA}.certificate_series FROM {LOGIN}")
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.an_end_is_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.revoked_on IS NOT NULL AND (NEW.revoked_on, NEW.revoked_at, NEW.revocation_ground,
                    NEW.finding_number, NEW.revocation_document, NEW.exclusion_until)
                IS DISTINCT FROM (OLD.revoked_on, OLD.revoked_at, OLD.revocation_ground,
                    OLD.finding_number, OLD.revocation_document, OLD.exclusion_until) THEN
                RAISE EXCEPTION 'a revocation is made once and stays' USING
                    ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'revoked_for_ever';
            END IF;
            IF OLD.transferred_on IS NOT NULL AND (NEW.transferred_on, NEW.transferred_at,
                    NEW.transferred_to)
                IS DISTINCT FROM (OLD.transferred_on, OLD.transferred_at, OLD.transferred_to) THEN
                RAISE EXCEPTION 'a title that went over stays there' USING
                    ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'transferred_for_ever';
            END IF;
            IF (NEW.valid_from, NEW.valid_until) IS DISTINCT FROM (OLD.valid_from, OLD.valid_until)
                AND NOT EXISTS (SELECT FROM {SCHEMA}.recognition_terms t
                    WHERE t.recognition_id = NEW.id AND t.valid_from = NEW.valid_from
                      AND t.valid_until = NEW.valid_until) THEN
                RAISE EXCEPTION 'a recognition runs as its terms do' USING
                    ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'runs_as_its_terms';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    # At the end of the transaction, when the term that was granted is there as well.
    op.execute(
        f"CREATE CONSTRAINT TRIGGER an_end_is_for_ever AFTER UPDATE ON {SCHEMA}.recognitions"
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        f" EXECUTE FUNCTION {SCHEMA}.an_end_is_for_ever()"
    )


def _give_back_what_was_known() -> None:
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.enterprise_names (uscc, valid_from, legal_name)
        SELECT DISTINCT uscc, valid_from, value FROM {SCHEMA}.enterprise_entries
         WHERE attribute = 'legal_name'
        """
    )
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.renewal_filings (application_id, uscc, title, filed_on, settled_on)
        SELECT application_id, min(uscc), min(title), min(on_day) FILTER (WHERE step = 'filed'),
               max(on_day) FILTER (WHERE step = 'settled')
          FROM {SCHEMA}.renewal_steps GROUP BY application_id
        """
    )
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {SCHEMA}.enterprise_names FROM {LOGIN}")
    for table in ("enterprise_names", "renewal_filings"):
        op.execute(f"GRANT SELECT, INSERT ON {SCHEMA}.{table} TO {LOGIN}")
    op.execute(f"GRANT UPDATE, DELETE ON {SCHEMA}.renewal_filings TO {LOGIN}")


def downgrade() -> None:
    op.execute(f"DROP INDEX {SCHEMA}.one_current_recognition")
    op.execute(
        f"CREATE UNIQUE INDEX one_current_recognition ON {SCHEMA}.recognitions (uscc, title)"
        " WHERE revoked_on IS NULL"
    )
    op.execute(f"ALTER TABLE {SCHEMA}.recognition_terms DROP CONSTRAINT terms_do_not_overlap")
    op.execute(f"DROP TYPE {SCHEMA}.uuid_range")
    op.execute(f"GRANT UPDATE ON {SCHEMA}.recognitions TO {LOGIN}")
    op.execute(f"DROP TRIGGER an_end_is_for_ever ON {SCHEMA}.recognitions")
    op.execute(f"DROP FUNCTION {SCHEMA}.an_end_is_for_ever()")
    op.execute(f"GRANT UPDATE ON {SCHEMA}.enterprises TO {LOGIN}")
    op.execute(
        f"GRANT DELETE ON {SCHEMA}.enterprises, {SCHEMA}.recognitions, {SCHEMA}.certificate_series"
        f" TO {LOGIN}"
    )
    for name in ("revoked_at_an_instant", "transferred_to_somebody", "transferred_at_an_instant"):
        op.drop_constraint(op.f(f"ck_recognitions_{name}"), "recognitions", schema=SCHEMA)
    op.drop_constraint(
        "one_place_in_the_status_list", "recognitions", schema=SCHEMA, type_="unique"
    )
    op.drop_index(
        "one_holder_of_a_certificate",
        table_name="recognitions",
        schema=SCHEMA,
        postgresql_where=sa.text("transferred_on IS NULL"),
    )
    op.drop_index(op.f("ix_recognitions_valid_until_id"), table_name="recognitions", schema=SCHEMA)
    op.drop_index(op.f("ix_recognitions_uscc"), table_name="recognitions", schema=SCHEMA)
    op.drop_index(
        op.f("ix_recognitions_certificate_number"), table_name="recognitions", schema=SCHEMA
    )
    op.create_unique_constraint(
        op.f("uq_recognitions_certificate_number"),
        "recognitions",
        ["certificate_number"],
        schema=SCHEMA,
        postgresql_nulls_not_distinct=False,
    )
    op.create_index(
        op.f("ix_recognitions_valid_until"),
        "recognitions",
        ["valid_until"],
        unique=False,
        schema=SCHEMA,
    )
    op.drop_column("recognitions", "held_from", schema=SCHEMA)
    op.drop_column("recognitions", "transferred_to", schema=SCHEMA)
    op.drop_column("recognitions", "transferred_at", schema=SCHEMA)
    op.drop_column("recognitions", "transferred_on", schema=SCHEMA)
    op.drop_column("recognitions", "revoked_at", schema=SCHEMA)
    op.drop_column("recognitions", "status_index", schema=SCHEMA)
    op.drop_column("recognitions", "title_rank", schema=SCHEMA)
    op.drop_column("recognition_terms", "recorded_at", schema=SCHEMA)
    op.drop_column("recognition_terms", "renewal_opens_on", schema=SCHEMA)
    op.drop_index("recognised_by_part_of_name", table_name="enterprises", schema=SCHEMA)
    op.drop_column("enterprises", "is_recognised", schema=SCHEMA)
    op.drop_index(
        "enterprises_by_part_of_name",
        table_name="enterprises",
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.drop_column("enterprises", "names_searched", schema=SCHEMA)
    op.execute(f"DROP FUNCTION {SCHEMA}.common_grams(real)")
    op.execute(f"DROP FUNCTION {SCHEMA}.name_grams(text)")
    op.create_table(
        "enterprise_names",
        sa.Column("uscc", sa.VARCHAR(length=18), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.DATE(), autoincrement=False, nullable=False),
        sa.Column("legal_name", sa.VARCHAR(length=2000), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["uscc"], [f"{SCHEMA}.enterprises.uscc"], name=op.f("fk_enterprise_names_uscc")
        ),
        sa.PrimaryKeyConstraint(
            "uscc", "valid_from", "legal_name", name=op.f("pk_enterprise_names")
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "renewal_filings",
        sa.Column("application_id", sa.UUID(), autoincrement=False, nullable=False),
        sa.Column("uscc", sa.VARCHAR(length=18), autoincrement=False, nullable=False),
        sa.Column("title", sa.VARCHAR(length=40), autoincrement=False, nullable=False),
        sa.Column("filed_on", sa.DATE(), autoincrement=False, nullable=True),
        sa.Column("settled_on", sa.DATE(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_renewal_filings")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_renewal_filings_uscc_title"),
        "renewal_filings",
        ["uscc", "title"],
        unique=False,
        schema=SCHEMA,
    )
    _give_back_what_was_known()
    op.drop_index(
        op.f("ix_renewal_calls_recognition_id"), table_name="renewal_calls", schema=SCHEMA
    )
    op.drop_table("renewal_calls", schema=SCHEMA)
    op.drop_index(
        "open_examinations",
        table_name="examinations",
        schema=SCHEMA,
        postgresql_where=sa.text("concluded_on IS NULL"),
    )
    op.drop_table("examinations", schema=SCHEMA)
    op.drop_table("change_reports", schema=SCHEMA)
    op.drop_table("typical_cases", schema=SCHEMA)
    op.drop_index(
        op.f("ix_support_records_uscc_delivered_on"), table_name="support_records", schema=SCHEMA
    )
    op.drop_index(
        op.f("ix_support_records_delivered_on"), table_name="support_records", schema=SCHEMA
    )
    op.drop_table("support_records", schema=SCHEMA)
    op.drop_table("screening_rows", schema=SCHEMA)
    op.drop_index(
        op.f("ix_library_steps_uscc_city_on_day"), table_name="library_steps", schema=SCHEMA
    )
    op.drop_index(op.f("ix_library_steps_city_uscc"), table_name="library_steps", schema=SCHEMA)
    op.drop_table("library_steps", schema=SCHEMA)
    op.drop_table("findings", schema=SCHEMA)
    op.drop_index(op.f("ix_evaluations_uscc_year"), table_name="evaluations", schema=SCHEMA)
    op.drop_table("evaluations", schema=SCHEMA)
    op.drop_index(
        op.f("ix_enterprise_entries_uscc_attribute_valid_from"),
        table_name="enterprise_entries",
        schema=SCHEMA,
    )
    op.drop_table("enterprise_entries", schema=SCHEMA)
    op.drop_index(
        op.f("ix_enterprise_changes_uscc_happened_on"),
        table_name="enterprise_changes",
        schema=SCHEMA,
    )
    op.drop_table("enterprise_changes", schema=SCHEMA)
    op.drop_table("screenings", schema=SCHEMA)
    op.drop_index(op.f("ix_review_steps_on_day"), table_name="review_steps", schema=SCHEMA)
    op.drop_index(op.f("ix_review_steps_application_id"), table_name="review_steps", schema=SCHEMA)
    op.drop_table("review_steps", schema=SCHEMA)
    op.drop_index(op.f("ix_renewal_steps_uscc_title"), table_name="renewal_steps", schema=SCHEMA)
    op.drop_index(
        op.f("ix_renewal_steps_application_id"), table_name="renewal_steps", schema=SCHEMA
    )
    op.drop_table("renewal_steps", schema=SCHEMA)
    op.drop_table("renewal_rounds", schema=SCHEMA)
    op.drop_index("sheets_by_year", table_name="figure_sheets", schema=SCHEMA)
    op.drop_index("sheets_by_round", table_name="figure_sheets", schema=SCHEMA)
    op.drop_index("sheets_by_application", table_name="figure_sheets", schema=SCHEMA)
    op.drop_index(
        "one_latest_sheet",
        table_name="figure_sheets",
        schema=SCHEMA,
        postgresql_where=sa.text("is_latest"),
    )
    op.drop_table("figure_sheets", schema=SCHEMA)
    op.drop_index(op.f("ix_award_copies_fiscal_year"), table_name="award_copies", schema=SCHEMA)
    op.drop_table("award_copies", schema=SCHEMA)
