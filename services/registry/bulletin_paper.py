"""The yearly bulletin on paper, in the form of an official document that somebody signs.

The words and numbers are made here; the template lays out whatever sections it is given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

from services.kernel.clock import PROVINCE_TIME
from services.kernel.text import Text
from services.registry.bulletin import NO_SUPPORT, PROVINCE, Bulletin, CityRow, Goal, Growth
from services.registry.typesetting import pictured, typeset, written

_TEMPLATE: Final = "bulletin.typ"
_CENT: Final = Decimal("0.01")
_FULL: Final = 1000
"""The length of the longest bar."""

_NOTES: Final = (
    Text(
        "涉密企业的数据不列入本通报。",
        "The figures of secret-involved enterprises are not contained.",
    ),
    Text(
        "增长情况只统计两个会计年度均报送数据的企业，少于3户的地区不列示也不计入合计；前一年度合计不大于零的，不计算增长率，以“—”表示。",
        "Growth counts the enterprises that reported both fiscal years and leaves out, in the total as"
        " well, a city with fewer than three of them; where the year before adds up to nothing, there"
        " is no rate.",
    ),
    Text(
        "金额以万元为单位四舍五入至两位小数，合计按元相加后换算；精确到分的数据见所附工作簿。",
        "Amounts are rounded to 100 yuan after adding up; the workbook holds them exactly.",
    ),
    Text(
        "同一企业可以持有多个称号，各称号户数不相加。",
        "An enterprise may hold several titles; their numbers do not add up to enterprises.",
    ),
)


def bulletin_pdf(bulletin: Bulletin) -> bytes:
    """Return the bulletin as pages of A4; the same bytes for the same figures."""
    return typeset(_TEMPLATE, _data(bulletin), at=bulletin.computed_at)


def bulletin_pictures(bulletin: Bulletin) -> list[bytes]:
    """Return each page of `bulletin_pdf` as a PNG."""
    return pictured(_TEMPLATE, _data(bulletin), at=bulletin.computed_at)


def title_of(bulletin: Bulletin) -> Text:
    return Text(
        f"{bulletin.year}年度“专精特新”中小企业培育情况通报",
        f"Bulletin on the cultivation of specialised, refined, distinctive and innovative"
        f" small and medium enterprises in {bulletin.year}",
    )


def standing_of(bulletin: Bulletin) -> Text | None:
    """Return what has to be said of figures that are not final."""
    if bulletin.is_closed:
        return None
    return Text(
        f"截至{written(bulletin.until)}，非最终",
        f"As of {bulletin.until}, the year still runs; not final",
    )


def notes_of(bulletin: Bulletin) -> list[Text]:
    """Return what a reader has to know of the figures."""
    computed = bulletin.computed_at.astimezone(PROVINCE_TIME)
    return [
        *_NOTES,
        Text(
            f"数据统计至{written(bulletin.until)}，于{written(computed.date())} {computed:%H:%M}"
            f"计算，适用政策包 {bulletin.policy_pack}。",
            f"Figures up to {bulletin.until}, computed at {computed.isoformat(timespec='minutes')}"
            f" under the pack {bulletin.policy_pack}.",
        ),
    ]


def _data(bulletin: Bulletin) -> dict[str, object]:
    standing = standing_of(bulletin)
    return {
        "title": title_of(bulletin)._asdict(),
        "standing": standing and standing._asdict(),
        "year": str(bulletin.year),
        "issued_by": bulletin.issued_by,
        "sections": [
            _section(Text("总体情况", "Overview"), *map(_paragraph, _summary(bulletin))),
            _section(
                Text("推荐与认定", "Recommendation and recognition"),
                _recognition_table(bulletin),
                _recommended_bars(bulletin),
                _recognised_bars(bulletin),
            ),
            _section(
                Text("动态管理", "Terms, renewals and revocations"),
                _term_table(bulletin),
                _revocation_table(bulletin),
            ),
            _section(Text("企业成长", "Growth"), _growth_table(bulletin), *_growth_bars(bulletin)),
            _section(
                Text("培育服务", "Support"), _support_table(bulletin), _support_bars(bulletin)
            ),
            _section(Text("奖励资金", "Reward funds"), _money_table(bulletin)),
        ],
        "notes": [note._asdict() for note in notes_of(bulletin)],
    }


# ---------------------------------------------------------------- numbers in words


def _in_ten_thousands(yuan: Decimal) -> str:
    return f"{yuan.scaleb(-4).quantize(_CENT, ROUND_HALF_UP):,f}"


def _percent(growth: Growth) -> str:
    return "—" if growth.percent is None else f"{growth.percent:,f}%".replace("-", "−")


def _listed(parts: Iterable[str]) -> str:
    return "、".join(parts)


# ---------------------------------------------------------------- the summary


def _summary(bulletin: Bulletin) -> list[str]:
    return [
        _recommended_words(bulletin),
        _recognised_words(bulletin),
        _term_words(bulletin),
        _growth_words(bulletin),
        _support_words(bulletin),
    ]


def _span(bulletin: Bulletin) -> str:
    if bulletin.is_closed:
        return f"{bulletin.year}年"
    return f"{bulletin.year}年1月1日至{bulletin.until.month}月{bulletin.until.day}日"


def _quoted(bulletin: Bulletin, goal: Goal) -> str:
    return f"《{bulletin.programme.zh}》“{_inner(goal.official_text)}”（{goal.clause}）"


def _inner(quotation: str) -> str:
    """Return words as they stand inside of another quotation (GB/T 15834)."""
    return quotation.translate(str.maketrans("“”", "‘’"))


def _recommended_words(bulletin: Bulletin) -> str:
    count, goal = len(bulletin.cities), bulletin.recommended_goal
    said = f"{_span(bulletin)}，全省{count}个地区共推荐企业{bulletin.total.recommended:,}户。"
    if goal is None or not bulletin.cities:
        return said
    short = [city for city in bulletin.cities if city.recommended < goal.at_least]
    said += f"对照{_quoted(bulletin, goal)}的要求，"
    if not short:
        return f"{said}{count}个地区均达到{goal.at_least}户。"
    missing = (f"{city.name.zh}（差{goal.at_least - city.recommended}户）" for city in short)
    return (
        f"{said}{count - len(short)}个地区达到{goal.at_least}户，"
        f"{len(short)}个地区未达到：{_listed(missing)}。"
    )


def _recognised_words(bulletin: Bulletin) -> str:
    total, goal = bulletin.total, bulletin.recognised_goal
    new = (f"{one.name.zh}{total.recognised[one.id]:,}户" for one in bulletin.titles)
    held = (f"{one.name.zh}{total.held[one.id]:,}户" for one in bulletin.titles)
    said = f"全省新认定{_listed(new)}。"
    if goal is not None:
        reached = bulletin.recognised_towards_goal
        outcome = (
            f"已达到{goal.at_least}户"
            if reached >= goal.at_least
            else f"未达到{goal.at_least}户，差{goal.at_least - reached}户"
        )
        said += f"对照{_quoted(bulletin, goal)}的目标，本年新认定{reached:,}户，{outcome}。"
    return f"{said}{written(bulletin.until)}在有效期内的有{_listed(held)}。"


def _term_words(bulletin: Bulletin) -> str:
    total = bulletin.total
    revoked = sum(total.revoked.values())
    grounds = _listed(
        f"{one.name.zh}{total.revoked[one.id]:,}户"
        for one in bulletin.grounds
        if total.revoked[one.id]
    )
    return (
        f"有效期届满{total.terms_ended:,}户，通过复核{total.renewed:,}户；"
        f"撤销{revoked:,}户{f'（{grounds}）' if grounds else ''}。"
        f"遴选典型发展案例{total.typical_cases:,}个。"
    )


def _growth_words(bulletin: Bulletin) -> str:
    total, year = bulletin.total, bulletin.fiscal_year
    return (
        f"{_growth_sentence('营业收入', total.revenue, year)}"
        f"{_growth_sentence('研发费用', total.rd_expense, year)}"
    )


def _growth_sentence(figure: str, growth: Growth, year: int) -> str:
    percent = growth.percent
    if percent is None:
        return f"{figure}没有可比的{year - 1}年和{year}年数据。"
    moved = "下降" if percent < 0 else "增长"
    return (
        f"{year - 1}年、{year}年均报送{figure}的{growth.enterprises:,}户企业，{figure}由"
        f"{_in_ten_thousands(growth.before)}万元变为{_in_ten_thousands(growth.after)}万元，"
        f"{moved}{abs(percent):,f}%。"
    )


def _support_words(bulletin: Bulletin) -> str:
    total = bulletin.total
    records = sum(one.records for one in total.support.values())
    amount = sum((one.amount for one in total.support.values()), Decimal(0))
    return (
        f"落实培育措施{records:,}项次，涉及金额{_in_ten_thousands(amount)}万元。"
        f"核定奖励资金{_in_ten_thousands(total.granted)}万元，"
        f"拨付{_in_ten_thousands(total.disbursed)}万元，"
        f"追回{_in_ten_thousands(total.recovered)}万元。"
    )


# ---------------------------------------------------------------- what the template lays out


@dataclass(frozen=True, slots=True)
class _Column:
    """The head of a column, and how wide it is beside the others."""

    head: Text
    weight: int = 2


def _section(heading: Text, *blocks: Mapping[str, object]) -> dict[str, object]:
    return {"heading": heading._asdict(), "blocks": blocks}


def _paragraph(words: str) -> dict[str, object]:
    return {"kind": "paragraph", "words": words}


def _cell(*lines: str, tone: Literal["plain", "reached", "short"] = "plain") -> dict[str, object]:
    return {"lines": lines, "tone": tone}


def _table(
    bulletin: Bulletin,
    caption: Text,
    unit: Text,
    columns: Sequence[_Column],
    cells: Callable[[CityRow], Iterable[Mapping[str, object]]],
    groups: Sequence[tuple[Text, int]] = (),
) -> dict[str, object]:
    """Return a table with a row for each city and, last, one for the province.

    Each group stands over as many columns as its number says.
    """
    return {
        "kind": "table",
        "caption": caption._asdict(),
        "unit": unit._asdict(),
        "groups": [{**head._asdict(), "span": span} for head, span in groups if span],
        "columns": [{**column.head._asdict(), "weight": column.weight} for column in columns],
        "rows": [
            {"name": city.name.zh, "cells": tuple(cells(city))}
            for city in (*bulletin.cities, bulletin.total)
        ],
    }


def _bars(
    caption: Text,
    unit: Text,
    bars: Sequence[tuple[str, Decimal | None, str]],
    floor: int | None = None,
) -> dict[str, object]:
    """Return a chart of horizontal bars: the name of each, its length, and the words at its end.

    Lengths go in thousandths of the longest; one below nothing reaches left, None is no bar. A
    line is drawn at the floor.
    """
    lengths = [abs(length) for _, length, _ in bars if length is not None]
    longest = max([*lengths, Decimal(floor or 0)]) or Decimal(1)
    return {
        "kind": "bars",
        "caption": caption._asdict(),
        "unit": unit._asdict(),
        "floor": floor and {"at": _scaled(Decimal(floor), longest), "shown": str(floor)},
        "bars": [
            {
                "name": name,
                "length": None if length is None else _scaled(length, longest),
                "shown": shown,
                "is_short": floor is not None and length is not None and length < floor,
            }
            for name, length, shown in bars
        ],
    }


def _scaled(length: Decimal, longest: Decimal) -> int:
    return int((length * _FULL / longest).to_integral_value(ROUND_HALF_UP))


# ---------------------------------------------------------------- the tables


def _recognition_table(bulletin: Bulletin) -> dict[str, object]:
    goal, columns = bulletin.recommended_goal, [_Column(Text("户数", "Number"))]
    if goal is not None:
        columns.append(_Column(Text(f"对照{goal.at_least}户", f"Against {goal.at_least}")))
    columns += [_Column(one.name, weight=3) for one in bulletin.titles]

    def cells(city: CityRow) -> Iterator[dict[str, object]]:
        yield _cell(f"{city.recommended:,}")
        if goal is not None:
            yield _against(goal, city, bulletin)
        for title in bulletin.titles:
            yield _cell(f"{city.recognised.get(title.id, 0):,}")

    return _table(
        bulletin,
        Text("各地区推荐与新认定情况", "Recommended and newly recognised, by city"),
        Text("单位：户", "Unit: enterprises"),
        columns,
        cells,
        groups=[
            (Text("推荐", "Recommended"), len(columns) - len(bulletin.titles)),
            (Text("新认定", "Newly recognised"), len(bulletin.titles)),
        ],
    )


def _against(goal: Goal, city: CityRow, bulletin: Bulletin) -> dict[str, object]:
    if city.division == PROVINCE:
        reached = sum(one.recommended >= goal.at_least for one in bulletin.cities)
        return _cell(f"{reached}/{len(bulletin.cities)}")
    if city.recommended >= goal.at_least:
        return _cell("达到", tone="reached")
    return _cell(f"差{goal.at_least - city.recommended:,}户", tone="short")


def _term_table(bulletin: Bulletin) -> dict[str, object]:
    columns = [
        *(_Column(one.name, weight=3) for one in bulletin.titles),
        _Column(Text("届满", "Terms ended")),
        _Column(Text("通过复核", "Renewed")),
        _Column(Text("撤销", "Revoked")),
        _Column(Text("典型案例", "Typical cases")),
    ]

    def cells(city: CityRow) -> Iterator[dict[str, object]]:
        for title in bulletin.titles:
            yield _cell(f"{city.held.get(title.id, 0):,}")
        yield _cell(f"{city.terms_ended:,}")
        yield _cell(f"{city.renewed:,}")
        yield _cell(f"{sum(city.revoked.values()):,}")
        yield _cell(f"{city.typical_cases:,}")

    return _table(
        bulletin,
        Text(
            f"各地区有效称号（{written(bulletin.until)}）与复核、撤销情况",
            f"Valid titles on {bulletin.until}, renewals and revocations, by city",
        ),
        Text("单位：户、个", "Unit: enterprises, cases"),
        columns,
        cells,
        groups=[
            (Text("有效称号", "Valid titles"), len(bulletin.titles)),
            (Text("复核、撤销与案例", "Renewals, revocations and cases"), 4),
        ],
    )


def _revocation_table(bulletin: Bulletin) -> dict[str, object]:
    return _table(
        bulletin,
        Text("各地区撤销情况（按事由）", "Revocations by ground and city"),
        Text("单位：户", "Unit: enterprises"),
        [*(_Column(one.name) for one in bulletin.grounds), _Column(Text("合计", "Total"))],
        lambda city: (
            *(_cell(f"{city.revoked.get(one.id, 0):,}") for one in bulletin.grounds),
            _cell(f"{sum(city.revoked.values()):,}"),
        ),
    )


def _growth_table(bulletin: Bulletin) -> dict[str, object]:
    year = bulletin.fiscal_year
    figure = (
        _Column(Text("户数", "Number"), weight=3),
        _Column(Text(f"{year - 1}年", str(year - 1)), weight=6),
        _Column(Text(f"{year}年", str(year)), weight=6),
        _Column(Text("增长", "Growth"), weight=4),
    )
    return _table(
        bulletin,
        Text("各地区营业收入与研发费用增长情况", "Growth of revenue and of R&D expense, by city"),
        Text("单位：户、万元", "Unit: enterprises, 10,000 yuan"),
        (*figure, *figure),
        lambda city: (*_growth_cells(city.revenue), *_growth_cells(city.rd_expense)),
        groups=[
            (Text("营业收入", "Operating revenue"), len(figure)),
            (Text("研发费用", "R&D expense"), len(figure)),
        ],
    )


def _growth_cells(growth: Growth) -> Iterator[dict[str, object]]:
    yield _cell(f"{growth.enterprises:,}")
    yield _cell(_in_ten_thousands(growth.before))
    yield _cell(_in_ten_thousands(growth.after))
    yield _cell(_percent(growth))


def _support_table(bulletin: Bulletin) -> dict[str, object]:
    def cells(city: CityRow) -> Iterator[dict[str, object]]:
        for measure in bulletin.measures:
            one = city.support.get(measure.id, NO_SUPPORT)
            yield _cell(_in_ten_thousands(one.amount), f"{one.records:,}项次")

    return _table(
        bulletin,
        Text("各地区落实培育措施情况", "Support delivered, by measure and city"),
        Text("单位：万元、项次", "Unit: 10,000 yuan, number of times"),
        [_Column(one.name) for one in bulletin.measures],
        cells,
    )


def _money_table(bulletin: Bulletin) -> dict[str, object]:
    return _table(
        bulletin,
        Text("各地区奖励资金情况", "Reward funds, by city"),
        Text("单位：万元", "Unit: 10,000 yuan"),
        [
            _Column(Text("核定", "Granted")),
            _Column(Text("拨付", "Disbursed")),
            _Column(Text("追回", "Recovered")),
            _Column(Text("拨付减追回", "Disbursed less recovered")),
        ],
        lambda city: (
            _cell(_in_ten_thousands(city.granted)),
            _cell(_in_ten_thousands(city.disbursed)),
            _cell(_in_ten_thousands(city.recovered)),
            _cell(_in_ten_thousands(city.disbursed - city.recovered)),
        ),
    )


# ---------------------------------------------------------------- the charts


def _recommended_bars(bulletin: Bulletin) -> dict[str, object]:
    goal = bulletin.recommended_goal
    return _bars(
        Text("各地区推荐户数", "Recommended, by city"),
        Text("单位：户", "Unit: enterprises"),
        [
            (city.name.zh, Decimal(city.recommended), f"{city.recommended:,}")
            for city in bulletin.cities
        ],
        floor=None if goal is None else goal.at_least,
    )


def _recognised_bars(bulletin: Bulletin) -> dict[str, object]:
    recognised = bulletin.total.recognised
    return _bars(
        Text("全省新认定户数", "Newly recognised in the province, by title"),
        Text("单位：户", "Unit: enterprises"),
        [
            (one.name.zh, Decimal(recognised[one.id]), f"{recognised[one.id]:,}")
            for one in bulletin.titles
        ],
    )


def _growth_bars(bulletin: Bulletin) -> Iterator[dict[str, object]]:
    cities, unit = bulletin.cities, Text("单位：%", "Unit: per cent")
    yield _bars(
        Text("各地区营业收入增长率", "Growth of operating revenue, by city"),
        unit,
        [(one.name.zh, one.revenue.percent, _percent(one.revenue)) for one in cities],
    )
    yield _bars(
        Text("各地区研发费用增长率", "Growth of R&D expense, by city"),
        unit,
        [(one.name.zh, one.rd_expense.percent, _percent(one.rd_expense)) for one in cities],
    )


def _support_bars(bulletin: Bulletin) -> dict[str, object]:
    support = bulletin.total.support
    return _bars(
        Text("全省各项培育措施金额", "Support in the province, by measure"),
        Text("单位：万元", "Unit: 10,000 yuan"),
        [
            (one.name.zh, support[one.id].amount, _in_ten_thousands(support[one.id].amount))
            for one in bulletin.measures
        ],
    )
