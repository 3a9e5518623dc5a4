"""Which facts the registry keeps as columns of their own, so that a million are judged in one go.

A fact that is not here is read from the sheet's document: slower, never differently. Days are kept
as text (2025-11-08 sorts as it is), lists as the number of their members.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, Numeric, Text
from sqlalchemy.types import TypeEngine

from services.policy.facts import FactKind

FIGURES: Mapping[str, FactKind] = {
    "industry_code": FactKind.INDUSTRY,
    "established_on": FactKind.DAY,
    "employees": FactKind.COUNT,
    "operating_revenue": FactKind.AMOUNT,
    "previous_operating_revenue": FactKind.AMOUNT,
    "before_previous_operating_revenue": FactKind.AMOUNT,
    "main_business_revenue": FactKind.AMOUNT,
    "previous_main_business_revenue": FactKind.AMOUNT,
    "before_previous_main_business_revenue": FactKind.AMOUNT,
    "total_assets": FactKind.AMOUNT,
    "total_liabilities": FactKind.AMOUNT,
    "net_profit": FactKind.AMOUNT,
    "rd_expense": FactKind.AMOUNT,
    "previous_rd_expense": FactKind.AMOUNT,
    "rd_employees": FactKind.COUNT,
    "new_equity_two_years": FactKind.AMOUNT,
    "new_equity_three_years": FactKind.AMOUNT,
    "independent_ip": FactKind.COUNT,
    "class_one_ip": FactKind.COUNT,
    "own_class_one_ip": FactKind.COUNT,
    "high_value_class_one_ip": FactKind.COUNT,
    "class_one_ip_in_use": FactKind.COUNT,
    "class_two_ip": FactKind.COUNT,
    "standards_participated": FactKind.COUNT,
    "niche_since": FactKind.DAY,
    "niche_share": FactKind.PERCENT,
    "niche_rank": FactKind.COUNT,
    "platform_score": FactKind.POINTS,
    "previous_platform_score": FactKind.POINTS,
    "management_certifications": FactKind.TEXTS,
    "product_certifications": FactKind.TEXTS,
    "own_brands": FactKind.TEXTS,
    "focus_field": FactKind.CHOICE,
    "product_direction": FactKind.CHOICE,
    "digital_level": FactKind.CHOICE,
    "chain_link": FactKind.CHOICE,
    "key_field": FactKind.CHOICE,
    "leading_product_field": FactKind.CHOICE,
    "industry_class": FactKind.CHOICE,
    "rd_institution": FactKind.CHOICE,
    "is_legal_person": FactKind.FLAG,
    "is_ethnic_craft": FactKind.FLAG,
    "supplies_large_enterprises": FactKind.FLAG,
    "has_information_system": FactKind.FLAG,
    "has_innovation_honour": FactKind.FLAG,
    "has_quality_award": FactKind.FLAG,
    "has_quality_certification": FactKind.FLAG,
    "has_false_information": FactKind.FLAG,
    "has_tax_or_dishonesty_record": FactKind.FLAG,
    "is_on_abnormal_list": FactKind.FLAG,
    "is_on_dishonesty_list": FactKind.FLAG,
    "makes_restricted_products": FactKind.FLAG,
    "last_major_accident_on": FactKind.DAY,
    "last_violation_on": FactKind.DAY,
    "science_award_on": FactKind.DAY,
    "national_award_top_three_on": FactKind.DAY,
    "national_award_top_five_on": FactKind.DAY,
    "ministerial_award_top_three_on": FactKind.DAY,
    "provincial_award_top_three_on": FactKind.DAY,
    "maker_contest_top_50_on": FactKind.DAY,
    "maker_contest_top_500_on": FactKind.DAY,
}

_TYPES: Mapping[FactKind, TypeEngine[Any]] = {
    FactKind.AMOUNT: Numeric(),
    FactKind.PERCENT: Numeric(),
    FactKind.POINTS: Numeric(),
    FactKind.COUNT: BigInteger(),
    FactKind.YEAR: Integer(),
    FactKind.FLAG: Boolean(),
    FactKind.TEXTS: Integer(),
}


def figure_type(kind: FactKind) -> TypeEngine[Any]:
    """Return the column type of a kind of fact."""
    return _TYPES.get(kind, Text())


def figure_sql(name: str, kind: FactKind) -> str:
    """Return how the database reads a fact out of the document `facts`."""
    match kind:
        case FactKind.AMOUNT | FactKind.PERCENT | FactKind.POINTS:
            return f"(facts ->> '{name}')::numeric"
        case FactKind.COUNT:
            return f"(facts ->> '{name}')::bigint"
        case FactKind.YEAR:
            return f"(facts ->> '{name}')::integer"
        case FactKind.FLAG:
            return f"(facts ->> '{name}')::boolean"
        case FactKind.TEXTS:
            return f"jsonb_array_length(facts -> '{name}')"
        case _:
            return f"facts ->> '{name}'"
