"""One-time rewards: which amount applies, what is still owed, and what is to be paid back (就高).

Pure functions. Amounts of money are never in a pack: they come from a schedule that officers set.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from services.kernel.regions import covers, prefix_of
from services.kernel.text import Text

ZERO = Decimal(0)


class Settlement(StrEnum):
    """What a higher title adds when a lower one was already rewarded."""

    TOP_UP = "top_up"
    """The difference (补差): in the end the highest amount, in whatever order titles came."""
    HIGHER_FULL = "higher_full"
    """The higher amount in full; a lower one is not paid after it."""
    NO_OFFSET = "no_offset"
    """Each title's amount in full, once."""


class Scope(StrEnum):
    """Which earlier awards are set against a new one (同时)."""

    SAME_ROUND = "same_round"
    SAME_YEAR = "same_year"
    CONCURRENT_VALIDITY = "concurrent_validity"
    EVER = "ever"


class RewardRule(BaseModel):
    """What a pack says of rewards: which titles, how often, and how they are set off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clause: str
    official_text: str
    name: Text
    titles: tuple[str, ...]
    once_per_title: bool
    default_settlement: Settlement
    default_scope: Scope
    default_basis: Text
    """Why these defaults, where the law leaves them open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTitle:
    recognition_id: str
    title: str
    name: Text
    event: str
    """`recognition` for a first term, `renewal` for a later one."""
    valid_from: date
    valid_until: date
    ended_on: date | None
    """The first day on which it no longer counts because it was revoked."""
    region: str
    round_code: str | None

    def is_valid_on(self, day: date) -> bool:
        is_ended = self.ended_on is not None and self.ended_on <= day
        return self.valid_from <= day <= self.valid_until and not is_ended

    def overlaps(self, other: "HeldTitle") -> bool:
        return self.valid_from <= other.valid_until and other.valid_from <= self.valid_until


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledAmount:
    title: str
    event: str
    region: str | None
    """Applies to the region and what lies under it; None applies everywhere."""
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    code: str
    settlement: Settlement
    scope: Scope
    amounts: tuple[ScheduledAmount, ...]

    def amount_for(self, held: HeldTitle) -> Decimal | None:
        """Return the amount of the most particular region that covers the enterprise."""
        fitting = [
            one
            for one in self.amounts
            if one.title == held.title
            and one.event == held.event
            and (one.region is None or covers(one.region, held.region))
        ]
        if not fitting:
            return None
        return max(fitting, key=lambda one: len(prefix_of(one.region)) if one.region else 0).amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An award that was made: proposed, approved or paid, and not cancelled."""

    award_id: str
    recognition_id: str
    title: str
    amount: Decimal
    fiscal_year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    held: HeldTitle
    amount: Decimal | None
    applies: bool
    because: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    payable: Decimal
    highest: Considered | None
    already_granted: Decimal
    """What was granted before and is set against the highest amount."""
    considered: tuple[Considered, ...]
    settlement: Settlement
    scope: Scope
    clause: str
    formula: Text


def entitlement(
    rule: RewardRule,
    schedule: Schedule,
    *,
    held: Sequence[HeldTitle],
    grants: Sequence[Grant],
    on: date,
    fiscal_year: int,
) -> Entitlement:
    """Return what may be granted now for the titles held on a day, with every step of the sum.

    The highest applicable amount wins (就高). Under `top_up` the sum granted never passes the
    highest amount, in whatever order the titles came.
    """
    considered = tuple(_consider(rule, schedule, one, grants=grants, on=on) for one in held)
    candidates = [one for one in considered if one.applies]
    if schedule.settlement is Settlement.NO_OFFSET:
        candidates = [one for one in candidates if not _was_granted(one.held, grants)]
    highest = max(candidates, key=_rank, default=None)
    if highest is None or highest.amount is None:
        return Entitlement(
            payable=ZERO,
            highest=None,
            already_granted=ZERO,
            considered=considered,
            settlement=schedule.settlement,
            scope=schedule.scope,
            clause=rule.clause,
            formula=Text("没有可奖励的称号。", "No title that is held can be rewarded now."),
        )
    counted = _counted(schedule.scope, highest.held, held, grants, fiscal_year)
    already = sum((grant.amount for grant in counted), ZERO)
    payable, formula = _settle(schedule.settlement, highest, highest.amount, already, grants)
    return Entitlement(
        payable=payable,
        highest=highest,
        already_granted=already,
        considered=considered,
        settlement=schedule.settlement,
        scope=schedule.scope,
        clause=rule.clause,
        formula=formula,
    )


def recoverable(
    settlement: Settlement,
    *,
    paid_for_revoked: Decimal,
    paid_in_all: Decimal,
    standing: Iterable[Decimal],
) -> Decimal:
    """Return what is to be paid back once a title is revoked with its reward.

    `standing` are the scheduled amounts of the titles that were rewarded and still stand. Under
    `top_up` the enterprise keeps the highest of them; otherwise it returns what the revoked title
    brought.
    """
    if settlement is Settlement.TOP_UP:
        return max(ZERO, paid_in_all - max(standing, default=ZERO))
    return paid_for_revoked


def _consider(
    rule: RewardRule,
    schedule: Schedule,
    held: HeldTitle,
    *,
    grants: Sequence[Grant],
    on: date,
) -> Considered:
    amount = schedule.amount_for(held)
    refusal = _why_not(rule, schedule, held, amount, grants=grants, on=on)
    if refusal is not None:
        return Considered(held=held, amount=amount, applies=False, because=refusal)
    if _was_granted(held, grants):
        because = Text(
            "已奖励过，作为已享受金额计入。", "It was rewarded before and counts as granted."
        )
    else:
        because = Text(
            f"在有效期内，标准 {amount:,.2f} 元。",
            f"It is valid; its amount is {amount:,.2f} yuan.",
        )
    return Considered(held=held, amount=amount, applies=True, because=because)


def _why_not(
    rule: RewardRule,
    schedule: Schedule,
    held: HeldTitle,
    amount: Decimal | None,
    *,
    grants: Sequence[Grant],
    on: date,
) -> Text | None:
    if held.title not in rule.titles:
        return Text(
            f"方案 {rule.clause} 未规定此称号的奖励。",
            f"Clause {rule.clause} gives no reward for this title.",
        )
    if held.ended_on is not None and held.ended_on <= on:
        return Text(f"已于 {held.ended_on} 撤销。", f"It was revoked from {held.ended_on}.")
    if not held.is_valid_on(on):
        return Text(
            f"{on} 不在有效期 {held.valid_from} 至 {held.valid_until} 内。",
            f"{on} is outside its term, {held.valid_from} to {held.valid_until}.",
        )
    if amount is None:
        return Text(
            f"奖励标准 {schedule.code} 未列此称号（{held.event}、{held.region}）。",
            f"Schedule {schedule.code} has no amount for it ({held.event}, {held.region}).",
        )
    earlier = any(
        grant.title == held.title and grant.recognition_id != held.recognition_id
        for grant in grants
    )
    if rule.once_per_title and earlier:
        return Text(
            "一次性奖励：该企业已享受过此称号的奖励。",
            "A one-time reward: the enterprise has had it for this title.",
        )
    return None


def _rank(considered: Considered) -> tuple[Decimal, date, str]:
    # The later term first, then the id, so that two equal amounts are never a coin toss.
    held = considered.held
    return (considered.amount or ZERO, held.valid_from, held.recognition_id)


def _was_granted(held: HeldTitle, grants: Sequence[Grant]) -> bool:
    return any(grant.recognition_id == held.recognition_id for grant in grants)


def _counted(
    scope: Scope,
    highest: HeldTitle,
    held: Sequence[HeldTitle],
    grants: Sequence[Grant],
    fiscal_year: int,
) -> list[Grant]:
    by_id = {one.recognition_id: one for one in held}

    def counts(grant: Grant) -> bool:
        granted_for = by_id.get(grant.recognition_id)
        match scope:
            case Scope.EVER:
                return True
            case Scope.SAME_YEAR:
                return grant.fiscal_year == fiscal_year
            case Scope.SAME_ROUND:
                return (
                    granted_for is not None
                    and granted_for.round_code is not None
                    and granted_for.round_code == highest.round_code
                )
            case Scope.CONCURRENT_VALIDITY:
                return granted_for is not None and granted_for.overlaps(highest)

    return [
        grant for grant in grants if grant.recognition_id == highest.recognition_id or counts(grant)
    ]


def _settle(
    settlement: Settlement,
    highest: Considered,
    amount: Decimal,
    already: Decimal,
    grants: Sequence[Grant],
) -> tuple[Decimal, Text]:
    title = highest.held.name
    if _was_granted(highest.held, grants):
        return ZERO, Text(
            f"一次性奖励：最高标准 {title.zh} {amount:,.2f} 元已奖励过，不再支付",
            f"one-time reward: the highest, {title.en} with {amount:,.2f} yuan, was granted before;"
            " nothing more is owed",
        )
    if settlement is Settlement.TOP_UP:
        payable = max(ZERO, amount - already)
        return payable, Text(
            f"就高补差：{title.zh} {amount:,.2f} 元 − 已享受 {already:,.2f} 元 = {payable:,.2f} 元"
            f"{'（不为负）' if already > amount else ''}",
            f"highest with top-up: {title.en} {amount:,.2f} yuan - {already:,.2f} yuan granted before"
            f" = {payable:,.2f} yuan{' (never negative)' if already > amount else ''}",
        )
    if settlement is Settlement.HIGHER_FULL:
        return amount, Text(
            f"就高全额：{title.zh} {amount:,.2f} 元，不扣减已享受的 {already:,.2f} 元",
            f"highest in full: {title.en} {amount:,.2f} yuan; the {already:,.2f} yuan granted before"
            " are not set off",
        )
    return amount, Text(
        f"分别奖励：{title.zh} {amount:,.2f} 元",
        f"each title by itself: {title.en} {amount:,.2f} yuan",
    )
