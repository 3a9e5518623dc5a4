"""Enterprise size by 《中小企业划型标准规定》 (工信部联企业〔2011〕300号)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from services.kernel.text import Text

_STANDARD = Path(__file__).parent / "data" / "enterprise_size.toml"


class Size(StrEnum):
    LARGE = "large"
    MEDIUM = "medium"
    SMALL = "small"
    MICRO = "micro"


SIZE_NAMES = {
    Size.LARGE: Text("大型", "large"),
    Size.MEDIUM: Text("中型", "medium"),
    Size.SMALL: Text("小型", "small"),
    Size.MICRO: Text("微型", "micro"),
}
_INDICATORS = {
    "employees": Text("从业人员", "employees"),
    "operating_revenue": Text("营业收入", "operating revenue"),
    "total_assets": Text("资产总额", "total assets"),
}
_PERSONS, _YUAN = Text(" 人", ""), Text(" 元", " yuan")


@dataclass(frozen=True, slots=True)
class Tier:
    size: Size
    limits: Mapping[str, Decimal]
    """The lower limit of each indicator, inclusive: persons, or yuan."""


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    name: Text
    codes: tuple[str, ...]
    tiers: tuple[Tier, ...]
    """Large, medium, small: the first whose limits are all reached."""

    @property
    def indicators(self) -> tuple[str, ...]:
        return tuple(self.tiers[0].limits)


class Figure(NamedTuple):
    """A figure that the size was taken from, and the fiscal year that it is of."""

    value: str
    unit: Literal["persons", "yuan"]
    fiscal_year: int | None


@dataclass(frozen=True, slots=True)
class SizeDetermination:
    """An officer's finding of the size, which stands in place of the computed one.

    The standard leaves some sectors open, and other law may decide (国家另有规定的，从其规定).
    """

    size: Size
    legal_basis: str


class EnterpriseSize(NamedTuple):
    group: str | None
    size: Size | None
    """None when the standard or the figures given do not decide it: an officer does."""
    is_sme: bool | None
    because: Text
    figures: Mapping[str, Figure]
    """The figures that were used, by their indicator."""
    computed: Size | None = None
    """The size by the standard, where an officer determined another."""
    legal_basis: str | None = None
    """What an officer's determination rests on."""


@lru_cache
def groups() -> tuple[Group, ...]:
    """Return the sixteen groups of the standard."""
    document = tomllib.loads(_STANDARD.read_text("utf-8"))
    return tuple(_group(table) for table in document["groups"])


@lru_cache
def group_of(industry_code: str) -> Group | None:
    """Return the group of a GB/T 4754-2017 code; None for what the standard does not cover.

    Railways (53), finance (66-69), own real estate (704), education (83) and health (84) are not
    covered. 591 (装卸搬运) is transport, the rest of 59 is storage: the longest prefix decides.
    """
    found = [
        (len(code), group)
        for group in groups()
        for code in group.codes
        if industry_code.startswith(code)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def size_groups_of(division: str) -> list[tuple[str, str]]:
    """Return the prefixes below a two-digit division that have a group, each with its group's id."""
    return sorted(
        (code, group.id) for group in groups() for code in group.codes if code.startswith(division)
    )


def classify(
    industry_code: str | None,
    *,
    employees: int | None,
    operating_revenue: Decimal | None,
    total_assets: Decimal | None,
    fiscal_year: int | None = None,
    determined: SizeDetermination | None = None,
) -> EnterpriseSize:
    """Return the size: the first tier of which every lower limit is reached, else micro.

    Money is in yuan, employees in persons. A size that cannot be told is None, never a guess.
    An officer's determination decides, and the computed size is kept beside it.
    """
    given = {
        "employees": None if employees is None else Decimal(employees),
        "operating_revenue": operating_revenue,
        "total_assets": total_assets,
    }
    computed = _by_standard(industry_code, given, fiscal_year)
    return computed if determined is None else _determined(computed, determined)


def _by_standard(
    industry_code: str | None, given: Mapping[str, Decimal | None], fiscal_year: int | None
) -> EnterpriseSize:
    if industry_code is None:
        return _undecided(Text("未提供所属行业，无法划型。", "The industry is not given."))
    group = group_of(industry_code)
    if group is None:
        return _undecided(
            Text(
                "划型标准未列明该行业，由主管部门判定。",
                "The size standard does not cover this sector; an officer decides.",
            )
        )
    wanted = {name: given[name] for name in group.indicators}
    figures = {
        name: Figure(f"{value:f}", "persons" if name == "employees" else "yuan", fiscal_year)
        for name, value in wanted.items()
        if value is not None
    }
    size = _size(group, wanted)
    if size is None:
        lacking = [name for name, value in wanted.items() if value is None or value < 0]
        return EnterpriseSize(
            group=group.id,
            size=None,
            is_sme=None,
            because=Text(
                f"{group.name.zh}按{_listed(group.indicators, 'zh')}划型，"
                f"缺少或不可用：{_listed(lacking, 'zh')}。",
                f"{group.name.en} is classified by {_listed(group.indicators, 'en')};"
                f" missing or unusable: {_listed(lacking, 'en')}.",
            ),
            figures=figures,
        )
    return EnterpriseSize(
        group=group.id,
        size=size,
        is_sme=size is not Size.LARGE,
        because=_explain(group, size, figures),
        figures=figures,
    )


def _determined(computed: EnterpriseSize, determined: SizeDetermination) -> EnterpriseSize:
    of = SIZE_NAMES[determined.size]
    by_standard = (
        Text("按划型标准无法划型", "by the standard it is open")
        if computed.size is None
        else Text(
            f"按划型标准为{SIZE_NAMES[computed.size].zh}",
            f"by the standard it is {SIZE_NAMES[computed.size].en}",
        )
    )
    return EnterpriseSize(
        group=computed.group,
        size=determined.size,
        is_sme=determined.size is not Size.LARGE,
        because=Text(
            f"主管部门依据“{determined.legal_basis}”认定为{of.zh}企业（{by_standard.zh}）。",
            f"An officer determined that it is {of.en}, by {determined.legal_basis}"
            f" ({by_standard.en}).",
        ),
        figures=computed.figures,
        computed=computed.size,
        legal_basis=determined.legal_basis,
    )


def _undecided(because: Text) -> EnterpriseSize:
    return EnterpriseSize(group=None, size=None, is_sme=None, because=because, figures={})


def _size(group: Group, figures: Mapping[str, Decimal | None]) -> Size | None:
    place = 0
    for name, value in figures.items():
        if value is None or value < 0:
            return None
        # Down the tiers as far as this indicator asks; none goes up again.
        while place < len(group.tiers) and value < group.tiers[place].limits[name]:
            place += 1
    return group.tiers[place].size if place < len(group.tiers) else Size.MICRO


_REACHED, _MISSED = Text("达到", "reaches"), Text("未全部达到", "does not reach")


def _stated(indicator: str, value: str) -> Text:
    """Spell a figure or a limit: 营业收入 50,000,000.00 元."""
    name = _INDICATORS[indicator]
    unit = _PERSONS if indicator == "employees" else _YUAN
    whole, point, places = value.partition(".")
    shown = f"{int(whole):,}{point}{places}"
    return Text(f"{name.zh} {shown}{unit.zh}", f"{name.en} of {shown}{unit.en}")


@lru_cache
def _conclusion(group_id: str, size: Size) -> Text:
    """Word the end of an explanation, once for each size of each group."""
    group = next(group for group in groups() if group.id == group_id)
    tier = next((tier for tier in group.tiers if tier.size is size), group.tiers[-1])
    limits = [_stated(name, f"{limit:f}") for name, limit in tier.limits.items()]
    reached = _REACHED if tier.size is size else _MISSED
    of = SIZE_NAMES[tier.size]
    return Text(
        f"；{reached.zh}{of.zh}下限（{'、'.join(f'{limit.zh}及以上' for limit in limits)}），"
        f"为{SIZE_NAMES[size].zh}企业。",
        f"; {reached.en} the {of.en} tier ({' and '.join(f'{limit.en} or more' for limit in limits)}),"
        f" so it is {SIZE_NAMES[size].en}.",
    )


def _explain(group: Group, size: Size, used: Mapping[str, Figure]) -> Text:
    stated = [_stated(name, figure.value) for name, figure in used.items()]
    concluded = _conclusion(group.id, size)
    return Text(
        f"{group.name.zh}：{'，'.join([one.zh for one in stated])}{concluded.zh}",
        f"{group.name.en}: {', '.join([one.en for one in stated])}{concluded.en}",
    )


def _listed(names: tuple[str, ...] | list[str], language: str) -> str:
    words = [_INDICATORS[name].zh if language == "zh" else _INDICATORS[name].en for name in names]
    return "、".join(words) if language == "zh" else ", ".join(words)


def _group(table: Mapping[str, Any]) -> Group:
    return Group(
        id=table["id"],
        name=Text(**table["name"]),
        codes=tuple(table["codes"]),
        tiers=tuple(
            Tier(
                size=size,
                limits={name: Decimal(limit) for name, limit in table[size.value].items()},
            )
            for size in (Size.LARGE, Size.MEDIUM, Size.SMALL)
        ),
    )
