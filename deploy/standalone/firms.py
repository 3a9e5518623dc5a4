"""The fictitious enterprises of the worked example."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.policy import credit_code

CONTACT = {"name": "示例", "position": "办公室主任", "phone": "0851-85550100"}
"""A fictitious person at a number that nobody has."""


@dataclass(frozen=True, slots=True)
class Firm:
    """A fictitious enterprise, and what is particular about it."""

    key: str
    serial: int
    name: str
    division: str
    facts: Mapping[str, Any]
    tale: str

    @property
    def uscc(self) -> str:
        return credit_code.generate(self.serial)

    @property
    def city(self) -> str:
        return f"{self.division[:4]}00"

    def declared(self) -> dict[str, Any]:
        return {
            "legal_name": self.name,
            "uscc": self.uscc,
            "is_legal_person": True,
            "established_on": "2014-05-20",
            "registered_division": self.city,
            "applying_division": self.division,
            "industry_code": "3484",
            "focus_field": "advanced_equipment",
            "product_direction": "four_bases",
            "fiscal_year": 2025,
            "employees": 126,
            "operating_revenue": "68000000.00",
            "main_business_revenue": "61200000.00",
            "total_assets": "80000000.00",
            "total_liabilities": "36000000.00",
            "rd_expense": "4100000.00",
            "rd_employees": 22,
            "independent_ip": 9,
            "management_certifications": ["ISO 9001"],
            "own_brands": ["示例"],
            "digital_level": "level_2",
            "niche": "精密零部件",
            "niche_since": "2016-01-01",
            "supplies_large_enterprises": True,
            "is_secret_involved": False,
            "has_false_information": False,
            "has_tax_or_dishonesty_record": False,
            **self.facts,
        }


FIRMS = {
    firm.key: firm
    for firm in (
        Firm(
            "rising",
            10000001,
            "贵阳示例精密轴承有限公司",
            "520102",
            {},
            "recognised, little giant, then national: paid only the difference",
        ),
        Firm(
            "exact",
            10000002,
            "遵义示例新材料有限公司",
            "520302",
            {
                "focus_field": "basic_materials",
                "total_assets": "80000000.00",
                "total_liabilities": "56000000.00",
                "operating_revenue": "68000000.00",
                "main_business_revenue": "47600000.00",
            },
            "exactly 70 % debt and 70 % main business: passes; its experts differed, a fourth was called",
        ),
        Firm(
            "beyond",
            10000003,
            "遵义示例机械配件有限公司",
            "520302",
            {
                "total_assets": "80000000.00",
                "total_liabilities": "56000000.01",
                "operating_revenue": "68000000.00",
                "main_business_revenue": "47599999.99",
            },
            "a cent beyond both limits: refused at submission",
        ),
        Firm(
            "craft",
            10000004,
            "雷山示例银饰有限公司",
            "522634",
            {
                "focus_field": "ethnic_crafts",
                "product_direction": "provincial_strength",
                "industry_code": "2438",
                "is_ethnic_craft": True,
                "employees": 15,
                "operating_revenue": "10000000.00",
                "main_business_revenue": "9800000.00",
                "total_assets": "8000000.00",
                "total_liabilities": "2000000.00",
                "niche": "苗族银饰",
            },
            "ethnic crafts at exactly 10 million: recognised",
        ),
        Firm(
            "corrected",
            10000005,
            "安顺示例食品有限公司",
            "520402",
            {"focus_field": "ecological_food", "industry_code": "1492", "niche": "刺梨饮料"},
            "returned by its city, corrected, recognised",
        ),
        Firm(
            "refused",
            10000006,
            "毕节示例化工有限公司",
            "520502",
            {"focus_field": "modern_chemicals", "industry_code": "2614", "niche": "精细化学品"},
            "refused by the experts",
        ),
        Firm(
            "fallen",
            10000007,
            "兴义示例电子有限公司",
            "522301",
            {"focus_field": "big_data_electronics", "industry_code": "3985", "niche": "电子元件"},
            "both little giants' amounts, paid in parts; the national one revoked: what is above the lower one"
            " is called back in instalments",
        ),
        Firm(
            "secret",
            10000008,
            "贵安示例装备有限公司",
            "520900",
            {"is_secret_involved": True, "niche": "特种装备"},
            "secret-involved: recognised, and shown to no outsider",
        ),
    )
}

LISTED = tuple(
    Firm(
        f"listed-{place}",
        10000100 + place,
        name,
        "520602",
        {"focus_field": field, "industry_code": code, "niche": niche},
        "on the list that its city sent",
    )
    for place, (name, field, code, niche) in enumerate(
        (
            ("铜仁示例锰业材料有限公司", "basic_materials", "3240", "锰基新材料"),
            ("铜仁示例茶机制造有限公司", "advanced_equipment", "3531", "制茶机械"),
            ("铜仁示例中药饮片有限公司", "health_medicine", "2730", "中药饮片"),
        ),
        start=1,
    )
)
"""Enterprises that a city files for, in one workbook."""


def register_extract() -> str:
    """Return what a market register would say of these enterprises, as a CSV extract."""
    columns = ("uscc", "legal_name", "established_on", "registered_division", "industry_code")
    lines = [",".join(("as_of", *columns))]
    for firm in (*FIRMS.values(), *LISTED):
        facts = firm.declared()
        lines.append(",".join(("2026-01-31", *(str(facts[column]) for column in columns))))
    return "\n".join(lines) + "\n"
