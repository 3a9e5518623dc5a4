"""A register of any size, put in through COPY: enterprises, titles, terms, names and figures.

The rows are made from their number alone, so that two runs measure the same register.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.engine import URL

from services.policy import credit_code
from services.policy.divisions import divisions
from services.registry.names import searchable

ON = date(2026, 11, 24)
SMALL, LARGE = 10_000, 1_000_000
_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)
_PLACES = ("贵州", "贵阳", "遵义", "安顺", "毕节", "铜仁", "凯里", "都匀", "兴义", "六盘水")
_TRADES = ("精密机械", "新材料", "电子科技", "生物医药", "食品", "化工", "建材", "装备制造")
_FORMS = ("有限公司", "有限责任公司", "股份有限公司")
_FIRST, _CHARACTERS = 0x4E00, 2500
"""The characters of a trading name: as many as are in common use."""
_PACK = "guizhou/2021-05-06"
_TITLES = (("srdi_sme", 2), ("provincial_little_giant", 3), ("national_little_giant", 4))


def name_of(number: int) -> str:
    """Return the name of an enterprise: a place, three characters of its own, a trade, a form."""
    own = "".join(
        chr(_FIRST + (number * factor + number // 7) % _CHARACTERS) for factor in (7919, 104729, 31)
    )
    return (
        _PLACES[number % len(_PLACES)]
        + own
        + _TRADES[number // 3 % len(_TRADES)]
        + _FORMS[number // 5 % len(_FORMS)]
    )


def uscc_of(number: int) -> str:
    return credit_code.generate(number)


def holds(number: int) -> bool:
    """Whether an enterprise holds a title: three of ten do."""
    return number % 10 < 3


async def fill(owner: URL, enterprises: int) -> None:
    """Fill an empty register. Three of ten enterprises hold a title; each has one sheet of figures."""
    connection = await asyncpg.connect(
        owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        # Filled first and indexed then, as any large import is.
        indexes = [
            row[0]
            for row in await connection.fetch(
                "SELECT indexdef FROM pg_indexes WHERE indexname LIKE '%_by_part_of_name'"
            )
        ]
        await connection.execute(
            "DROP INDEX registry.enterprises_by_part_of_name, registry.recognised_by_part_of_name"
        )
        counties = sorted(code for code, one in divisions().items() if one.level == "county")
        for table, columns, rows in (
            ("enterprises", _ENTERPRISE, _enterprises(enterprises, counties)),
            ("enterprise_entries", _ENTRY, _entries(enterprises, counties)),
            ("recognitions", _RECOGNITION, _recognitions(enterprises)),
            ("recognition_terms", _TERM, _terms(enterprises)),
            ("figure_sheets", _SHEET, _sheets(enterprises, counties)),
        ):
            await connection.copy_records_to_table(
                table, schema_name="registry", columns=columns, records=rows
            )
        for statement in (*indexes, "VACUUM ANALYZE", "CHECKPOINT"):
            await connection.execute(statement)
    finally:
        await connection.close()


_ENTERPRISE = (
    "uscc", "legal_name", "division", "focus_field", "is_secret", "names_searched", "created_at",
    "updated_at", "version", "is_recognised",
)  # fmt: skip
_ENTRY = ("id", "uscc", "attribute", "value", "valid_from", "recorded_at")
_RECOGNITION = (
    "id", "uscc", "title", "title_rank", "certificate_number", "policy_pack", "valid_from",
    "valid_until", "renewal_opens_on", "status_index", "created_at", "version",
)  # fmt: skip
_TERM = (
    "recognition_id", "number", "valid_from", "valid_until", "renewal_opens_on",
    "document_number", "decided_on", "policy_pack", "recorded_at",
)  # fmt: skip
_SHEET = (
    "id", "uscc", "division", "is_secret", "origin", "fiscal_year", "reported_on", "recorded_at",
    "recorded_by", "is_latest", "titles_held", "facts",
)  # fmt: skip


def _id(kind: int, number: int) -> UUID:
    return UUID(int=(kind << 96) | number)


def _enterprises(count: int, counties: list[str]) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        name = name_of(number)
        yield (
            uscc_of(number), name, counties[number % len(counties)], "advanced_equipment", False,
            searchable(name), _INSTANT, _INSTANT, 1, holds(number),
        )  # fmt: skip


def _entries(count: int, counties: list[str]) -> Iterator[tuple[Any, ...]]:
    since = date(2021, 6, 1)
    for number in range(count):
        uscc = uscc_of(number)
        yield _id(1, number), uscc, "legal_name", name_of(number), since, _INSTANT
        yield _id(2, number), uscc, "division", counties[number % len(counties)], since, _INSTANT


def _holders(count: int) -> Iterator[tuple[int, int, date, date]]:
    """Yield each holder's number, its place among them, and its term."""
    for place, number in enumerate(number for number in range(count) if holds(number)):
        begins = ON - timedelta(days=place * 37 % 1300)
        yield number, place, begins, begins.replace(year=begins.year + 3, day=min(begins.day, 28))


def _recognitions(count: int) -> Iterator[tuple[Any, ...]]:
    for number, place, begins, ends in _holders(count):
        title, rank = _TITLES[place % 20 // 18 + place % 200 // 199]
        yield (
            _id(3, number), uscc_of(number), title, rank, f"52-BENCH-{number:07}", _PACK, begins,
            ends, ends - timedelta(days=183), place, _INSTANT, 1,
        )  # fmt: skip


def _terms(count: int) -> Iterator[tuple[Any, ...]]:
    for number, _, begins, ends in _holders(count):
        yield (
            _id(3, number), 1, begins, ends, ends - timedelta(days=183), "示例〔2026〕1号", begins,
            _PACK, _INSTANT,
        )  # fmt: skip


def facts_of(number: int) -> dict[str, Any]:
    """Return figures around the plan's limits, so that each condition is met by some and not by others."""
    revenue = 12_000_000 + number * 7919 % 30_000_000
    assets = 10_000_000 + number * 104_729 % 60_000_000
    return {
        "is_legal_person": number % 50 != 0,
        "industry_code": ("3484", "1492", "2614", "6511", "5130")[number % 5],
        "focus_field": "advanced_equipment",
        "product_direction": "four_bases",
        "fiscal_year": 2025,
        "employees": 10 + number * 31 % 1200,
        "operating_revenue": f"{revenue}.00",
        "main_business_revenue": f"{revenue * (55 + number * 13 % 46) // 100}.00",
        "total_assets": f"{assets}.00",
        "total_liabilities": f"{assets * (40 + number * 17 % 50) // 100}.00",
        "rd_expense": f"{revenue * (number % 9) // 100}.00",
        "independent_ip": number % 6,
        "management_certifications": ["ISO 9001"] if number % 4 else [],
        "own_brands": ["示例"] if number % 3 else [],
        "digital_level": "level_2",
        "supplies_large_enterprises": number % 2 == 0,
        "is_ethnic_craft": number % 40 == 0,
        "has_false_information": number % 500 == 0,
        "has_tax_or_dishonesty_record": number % 300 == 0,
    } | ({"last_major_accident_on": "2024-05-01"} if number % 250 == 0 else {})


def _sheets(count: int, counties: list[str]) -> Iterator[tuple[Any, ...]]:
    nobody = json.dumps({"sub": "bench"})
    for number in range(count):
        yield (
            _id(4, number), uscc_of(number), counties[number % len(counties)], False,
            "annual_report", 2025, date(2026, 4, 1), _INSTANT, nobody, True, [],
            json.dumps(facts_of(number), ensure_ascii=False),
        )  # fmt: skip
