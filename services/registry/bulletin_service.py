"""年度通报: the year's figures of every city, counted from what is on record."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.clock import Clock
from services.kernel.identity.actor import Actor
from services.kernel.regions import covers
from services.kernel.text import Text
from services.policy.catalogue import Catalogue
from services.policy.divisions import divisions
from services.policy.pack import Pack
from services.registry.bulletin import (
    PROVINCE,
    Bulletin,
    CityRow,
    Goal,
    Growth,
    Named,
    SupportSum,
)
from services.registry.bulletin_repository import BulletinRepository, Counted, GrowthSums, Span
from services.registry.measures import Measure
from services.registry.problems import BulletinNotYet

_NOTHING = Decimal(0)
_NO_GROWTH = GrowthSums("", 0, _NOTHING, _NOTHING, 0, _NOTHING, _NOTHING)
FEWEST_TOLD = 3
FIRST_YEAR = 2021
"""The programme begins with the plan of 6 May 2021."""


class BulletinService:
    def __init__(self, session: AsyncSession, clock: Clock, catalogue: Catalogue) -> None:
        self._session = session
        self._clock = clock
        self._catalogue = catalogue

    async def bulletin(self, year: int, reader: Actor, *, is_published: bool = False) -> Bulletin:
        """Count a year for a reader: what it may see, of its own division.

        Of a year that still runs, until today. Growth is that of the year itself once it is over,
        of the year before while it runs: only then are the figures closed. What is published tells no
        figures of so few enterprises that one could be told from them.
        """
        today = self._clock.today()
        if not FIRST_YEAR <= year <= today.year:
            raise BulletinNotYet(
                f"可通报的年度为 {FIRST_YEAR} 至 {today.year}。",
                f"There are years from {FIRST_YEAR} to {today.year}.",
            )
        is_closed = year < today.year
        span = Span(date(year, 1, 1), date(year, 12, 31) if is_closed else today)
        pack = self._pack(span.until)
        fiscal_year = year if is_closed else year - 1
        rows = BulletinRepository(self._session, reader)
        recognised, held = await rows.recognised(span), await rows.held(span)
        revoked = await rows.revoked(span)
        counts = {
            "recommended": await rows.recommended(
                span, title=pack.applied_for[0], stages=self._recommending()
            ),
            "terms_ended": await rows.terms_ended(span),
            "renewed": await rows.renewed(span),
            "typical_cases": await rows.typical_cases(span),
        }
        growth = {one.city: one for one in await rows.growth(span, fiscal_year)}
        support: dict[str, dict[str, SupportSum]] = defaultdict(dict)
        for city, measure, records, amount in await rows.support(span):
            support[city][measure] = SupportSum(records=records, amount=amount)
        money = {city: sums for city, *sums in await rows.money(year)}
        cities = []
        for city in self._cities(reader):
            grown = growth.get(city, _NO_GROWTH)
            if is_published:
                grown = _told(grown)
            granted, disbursed, recovered = money.get(city, [_NOTHING] * 3)
            cities.append(
                CityRow(
                    division=city,
                    name=Text(divisions()[city].name, divisions()[city].name),
                    recommended=_in_city(counts["recommended"], city),
                    recognised=_by_kind(recognised, city),
                    held=_by_kind(held, city),
                    terms_ended=_in_city(counts["terms_ended"], city),
                    renewed=_in_city(counts["renewed"], city),
                    revoked=_by_kind(revoked, city),
                    revenue=Growth(
                        enterprises=grown.enterprises,
                        before=grown.revenue_before,
                        after=grown.revenue_after,
                    ),
                    rd_expense=Growth(
                        enterprises=grown.rd_enterprises,
                        before=grown.rd_before,
                        after=grown.rd_after,
                    ),
                    support=support[city],
                    typical_cases=_in_city(counts["typical_cases"], city),
                    granted=granted,
                    disbursed=disbursed,
                    recovered=recovered,
                )
            )
        return Bulletin(
            year=year,
            until=span.until,
            is_closed=is_closed,
            fiscal_year=fiscal_year,
            programme=pack.title,
            issued_by=pack.issued_by,
            policy_pack=pack.name,
            computed_at=self._clock.now(),
            recommended_goal=_goal(pack, "city"),
            recognised_goal=_goal(pack, "province"),
            titles=self._titles(pack, [*recognised, *held]),
            grounds=self._grounds(pack, revoked),
            measures=tuple(Named(id=one.value, name=one.label) for one in Measure),
            cities=tuple(cities),
        )

    def _pack(self, on: date) -> Pack:
        """Return the law that sets the year's goals: the nearest with goals that was in force."""
        for pack in self._catalogue.in_force(PROVINCE, on):
            if pack.targets:
                return pack
        return self._catalogue.in_force(PROVINCE, on)[0]

    def _recommending(self) -> list[tuple[str, str]]:
        return [
            (pack.name, stage.id)
            for pack in self._catalogue.packs()
            for stage in pack.stages
            if stage.kind == "recommendation"
        ]

    def _cities(self, reader: Actor) -> list[str]:
        region = reader.region or PROVINCE
        return [
            one.code
            for one in divisions().values()
            if one.level == "city" and (covers(region, one.code) or covers(one.code, region))
        ]

    def _titles(self, pack: Pack, counted: Iterable[tuple[str, str, int]]) -> tuple[Named, ...]:
        """Return the programme's certified titles, and others that occur."""
        named = {title.id: title.name for title in pack.ladder if title.conferred_by != "city"}
        for _, title, _ in counted:
            for other in self._catalogue.packs():
                found = other.find_title(title)
                if found is not None:
                    named.setdefault(title, found.name)
        return tuple(Named(id=title, name=name) for title, name in named.items())

    def _grounds(self, pack: Pack, counted: Counted) -> tuple[Named, ...]:
        named = {ground.id: ground.name for ground in pack.revocation_grounds}
        for _, ground, _ in counted:
            for other in self._catalogue.packs():
                found = other.ground(ground)
                if found is not None:
                    named.setdefault(ground, found.name)
        return tuple(Named(id=ground, name=name) for ground, name in named.items())


def _goal(pack: Pack, per: str) -> Goal | None:
    for target in pack.targets:
        if target.per == per:
            return Goal(
                at_least=target.at_least,
                clause=target.clause,
                official_text=target.official_text,
                title=pack.applied_for[0] if per == "province" else None,
            )
    return None


def _told(of: GrowthSums) -> GrowthSums:
    """Leave out figures that fewer than three enterprises stand behind, from the total as well."""
    if of.enterprises < FEWEST_TOLD:
        of = replace(of, enterprises=0, revenue_before=_NOTHING, revenue_after=_NOTHING)
    if of.rd_enterprises < FEWEST_TOLD:
        of = replace(of, rd_enterprises=0, rd_before=_NOTHING, rd_after=_NOTHING)
    return of


def _in_city(counted: Counted, city: str) -> int:
    return sum(number for of, _, number in counted if of == city)


def _by_kind(counted: Sequence[tuple[str, str, int]], city: str) -> dict[str, int]:
    return {kind: number for of, kind, number in counted if of == city}
