"""Fictitious enterprises whose facts meet every condition, unless a test changes one."""

from typing import Any

from services.policy import credit_code

PACK = "guizhou/2021-05-06"


def uscc_of(serial: int) -> str:
    return credit_code.generate(serial)


def facts_of(serial: int, division: str = "520102", **changed: Any) -> dict[str, Any]:
    """Return the facts of an enterprise; a change to None leaves the fact out."""
    facts: dict[str, Any] = {
        "legal_name": f"贵州示例{serial:03d}精密制造有限公司",
        "uscc": uscc_of(serial),
        "is_legal_person": True,
        "established_on": "2015-06-01",
        "registered_division": "520100",
        "applying_division": division,
        "industry_code": "3484",
        "focus_field": "advanced_equipment",
        "product_direction": "four_bases",
        "fiscal_year": 2025,
        "employees": 120,
        "operating_revenue": "50000000.00",
        "main_business_revenue": "45000000.00",
        "total_assets": "60000000.00",
        "total_liabilities": "24000000.00",
        "independent_ip": 6,
        "management_certifications": ["ISO 9001"],
        "own_brands": ["示例"],
        "is_secret_involved": False,
        "has_false_information": False,
        "has_tax_or_dishonesty_record": False,
    }
    return {name: value for name, value in (facts | changed).items() if value is not None}
