"""One-time rewards: which amount applies, what is still owed, and what is to be paid back (就高).

Pure functions. Amounts of money are never in a pack: they come from a schedule that officers set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
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


class RewardedEvent(StrEnum):
    """For what an amount is set: 认定 or 复核通过. A schedule that lists no renewal pays none."""

    RECOGNITION = "recognition"
    RENEWAL = "renewal"


EVENT_NAMES = {
    RewardedEvent.RECOGNITION: Text("认定", "recognition"),
    RewardedEvent.RENEWAL: Text("复核", "renewal"),
}

SETTLEMENT_NAMES = {
    Settlement.TOP_UP: Text("就高补差", "the highest amount, less what was granted before"),
    Settlement.HIGHER_FULL: Text("就高全额", "the higher amount in full"),
    Settlement.NO_OFFSET: Text("分别奖励", "each title by itself"),
}

SCOPE_NAMES = {
    Scope.SAME_ROUND: Text("同一批次认定的称号", "titles of the same round"),
    Scope.SAME_YEAR: Text("同一财政年度的奖励", "awards of the same fiscal year"),
    Scope.CONCURRENT_VALIDITY: Text(
        "同时有效的称号", "titles whose validity overlaps, by a day at least"
    ),
    Scope.EVER: Text("企业历年的奖励", "every award that the enterprise ever had"),
}


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
    """What an enterprise may be rewarded for: a title that was given to it, or the renewal of one."""

    recognition_id: str
    title: str
    name: Text
    event: RewardedEvent
    valid_from: date
    """The first day of the title, or of the term that the renewal brought."""
    valid_until: date
    """The last day of the latest term: a title that was renewed has been held all the while."""
    ended_on: date | None
    """The first day on which it no longer counts, because it was revoked or went to a successor."""
    region: str
    round_code: str | None
    is_taken_over: bool = False
    """Whether another enterprise was given it before a merger or split: it is that one's to reward."""

    @property
    def last_day(self) -> date:
        """The last day on which it counts, or the day before it began if there is none."""
        if self.ended_on is None:
            return self.valid_until
        return min(self.valid_until, self.ended_on - timedelta(days=1))

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day <= self.last_day

    def overlaps(self, other: "HeldTitle") -> bool:
        return self.valid_from <= other.last_day and other.valid_from <= self.last_day


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledAmount:
    title: str
    event: RewardedEvent
    region: str | None
    """Applies to the region and what lies under it; None applies everywhere."""
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    code: str
    document_number: str
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
    """What an enterprise was granted for a title and has not lost again."""

    award_id: str
    recognition_id: str
    title: str
    event: RewardedEvent
    scheduled: Decimal
    """What the schedule of that day set for the title, before anything was set off."""
    amount: Decimal
    """What still stands of the grant: less what was cancelled or is being called back."""
    fiscal_year: int


class Because(StrEnum):
    """Why a title is rewarded now, or not."""

    APPLIES = "applies"
    NOT_REWARDED = "not_rewarded"
    TAKEN_OVER = "taken_over"
    ENDED = "ended"
    NOT_VALID = "not_valid"
    NO_AMOUNT = "no_amount"
    GRANTED = "granted"
    """Rewarded before: once for life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One title, and what comes of it: `payable` is what it would bring by itself, now."""

    held: HeldTitle
    amount: Decimal | None
    """What the schedule sets; for what was rewarded before, what was set then."""
    applies: bool
    code: Because
    because: Text
    already_granted: Decimal = ZERO
    """What was granted before and is set against it."""
    set_against: tuple[str, ...] = ()
    """The awards that are set against it."""
    payable: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    payable: Decimal
    highest: Considered | None
    """The title that is rewarded now; where nothing is owed, the highest that was considered."""
    already_granted: Decimal
    """What was granted before and is set against the highest amount."""
    considered: tuple[Considered, ...]
    settlement: Settlement
    scope: Scope
    clause: str
    formula: Text
    explanation: Text
    """The whole reckoning in sentences, for the enterprise itself."""


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

    `held` are all titles that the enterprise ever had, `grants` all that it was ever granted. The
    highest amount that is still owed wins (就高). Under `top_up` the sum granted within the scope
    never passes the highest amount, in whatever order the titles came. Amounts are in yuan.
    """
    considered = tuple(
        _consider(rule, schedule, one, held=held, grants=grants, on=on, fiscal_year=fiscal_year)
        for one in held
    )
    owed = [one for one in considered if one.payable > ZERO]
    had = [one for one in considered if one.applies or one.code is Because.GRANTED]
    highest = max(owed or had, key=_rank, default=None)
    payable = ZERO if highest is None else highest.payable
    formula = _formula(schedule.settlement, highest)
    return Entitlement(
        payable=payable,
        highest=highest,
        already_granted=ZERO if highest is None else highest.already_granted,
        considered=considered,
        settlement=schedule.settlement,
        scope=schedule.scope,
        clause=rule.clause,
        formula=formula,
        explanation=_explanation(rule, schedule, considered, formula, payable, on),
    )


def is_set_against(
    scope: Scope, claimed: HeldTitle, of: HeldTitle | None, *, same_year: bool
) -> bool:
    """Whether the scope sets a title that was rewarded against one that is claimed (同时).

    `of` is None where the title that was rewarded is not on record any more.
    """
    match scope:
        case Scope.EVER:
            return True
        case Scope.SAME_YEAR:
            return same_year
        case Scope.SAME_ROUND:
            return (
                of is not None and of.round_code is not None and of.round_code == claimed.round_code
            )
        case Scope.CONCURRENT_VALIDITY:
            return of is not None and of.overlaps(claimed)


def _consider(
    rule: RewardRule,
    schedule: Schedule,
    claimed: HeldTitle,
    *,
    held: Sequence[HeldTitle],
    grants: Sequence[Grant],
    on: date,
    fiscal_year: int,
) -> Considered:
    amount = schedule.amount_for(claimed)
    had = _had(rule, claimed, grants)
    if had is not None:
        return Considered(
            held=claimed,
            amount=had.scheduled if had.recognition_id == claimed.recognition_id else amount,
            applies=False,
            code=Because.GRANTED,
            because=_had_before(had),
        )
    refusal = _why_not(rule, claimed, on)
    if refusal is None and amount is not None:
        return _claim(schedule, claimed, amount, held=held, grants=grants, fiscal_year=fiscal_year)
    code, because = refusal or _not_listed(schedule, claimed)
    return Considered(held=claimed, amount=amount, applies=False, code=code, because=because)


def _claim(
    schedule: Schedule,
    claimed: HeldTitle,
    amount: Decimal,
    *,
    held: Sequence[HeldTitle],
    grants: Sequence[Grant],
    fiscal_year: int,
) -> Considered:
    by_key = {(one.recognition_id, one.event): one for one in held}
    counted = [
        grant
        for grant in grants
        if is_set_against(
            schedule.scope,
            claimed,
            by_key.get((grant.recognition_id, grant.event)),
            same_year=grant.fiscal_year == fiscal_year,
        )
    ]
    already = sum((grant.amount for grant in counted), ZERO)
    return Considered(
        held=claimed,
        amount=amount,
        applies=True,
        code=Because.APPLIES,
        because=Text(
            f"在有效期内，标准 {amount:,.2f} 元。",
            f"It is valid; its amount is {amount:,.2f} yuan.",
        ),
        already_granted=already,
        set_against=tuple(grant.award_id for grant in counted if grant.amount > ZERO),
        payable=_payable(schedule.settlement, amount, already, counted),
    )


def _had(rule: RewardRule, claimed: HeldTitle, grants: Sequence[Grant]) -> Grant | None:
    """Return the reward that uses the title up, for this recognition or for an earlier one."""
    for grant in grants:
        is_same_title = rule.once_per_title and grant.title == claimed.title
        is_same = grant.recognition_id == claimed.recognition_id or is_same_title
        if is_same and grant.event == claimed.event:
            return grant
    return None


def _had_before(had: Grant) -> Text:
    return Text(
        f"一次性奖励：此称号已奖励过，现计 {had.amount:,.2f} 元。",
        f"A one-time reward: it was rewarded before; {had.amount:,.2f} yuan of that stand.",
    )


def _why_not(rule: RewardRule, held: HeldTitle, on: date) -> tuple[Because, Text] | None:
    if held.title not in rule.titles:
        return Because.NOT_REWARDED, Text(
            f"方案 {rule.clause} 未规定此称号的奖励。",
            f"Clause {rule.clause} gives no reward for this title.",
        )
    if held.is_taken_over:
        return Because.TAKEN_OVER, Text(
            "此称号由合并、分立承继，奖励只给予原获认定的企业。",
            "It was taken over in a merger or split; its reward is that of the enterprise before.",
        )
    if held.ended_on is not None and held.ended_on <= on:
        return Because.ENDED, Text(
            f"自 {held.ended_on} 起不再持有。", f"It is no longer held from {held.ended_on} on."
        )
    if not held.is_valid_on(on):
        return Because.NOT_VALID, Text(
            f"{on} 不在有效期 {held.valid_from} 至 {held.valid_until} 内。",
            f"{on} is outside its term, {held.valid_from} to {held.valid_until}.",
        )
    return None


def _not_listed(schedule: Schedule, held: HeldTitle) -> tuple[Because, Text]:
    event = EVENT_NAMES[held.event]
    return Because.NO_AMOUNT, Text(
        f"奖励标准 {schedule.code} 未列此称号（{event.zh}、{held.region}）。",
        f"Schedule {schedule.code} has no amount for it ({event.en}, {held.region}).",
    )


def _payable(
    settlement: Settlement, amount: Decimal, already: Decimal, counted: Sequence[Grant]
) -> Decimal:
    match settlement:
        case Settlement.TOP_UP:
            return max(ZERO, amount - already)
        case Settlement.HIGHER_FULL:
            is_beaten = any(one.scheduled >= amount and one.amount > ZERO for one in counted)
            return ZERO if is_beaten else amount
        case Settlement.NO_OFFSET:
            return amount


def _rank(considered: Considered) -> tuple[Decimal, date, str, str]:
    # The later term first, then the id, so that two equal amounts are never a coin toss.
    held = considered.held
    return (considered.amount or ZERO, held.valid_from, held.recognition_id, held.event)


def _formula(settlement: Settlement, highest: Considered | None) -> Text:
    if highest is None or highest.amount is None:
        return Text("没有可奖励的称号。", "No title that is held can be rewarded now.")
    title, amount, already = _name(highest.held), highest.amount, highest.already_granted
    if highest.code is Because.GRANTED:
        return Text(
            f"一次性奖励：最高标准 {title.zh} {amount:,.2f} 元已奖励过，不再支付",
            f"one-time reward: the highest, {title.en} with {amount:,.2f} yuan, was granted before;"
            " nothing more is owed",
        )
    match settlement:
        case Settlement.TOP_UP:
            is_passed = already > amount
            return Text(
                f"就高补差：{title.zh} {amount:,.2f} 元 − 已享受 {already:,.2f} 元"
                f" = {highest.payable:,.2f} 元{'（不为负）' if is_passed else ''}",
                f"highest with top-up: {title.en} {amount:,.2f} yuan - {already:,.2f} yuan granted"
                f" before = {highest.payable:,.2f} yuan{' (never negative)' if is_passed else ''}",
            )
        case Settlement.HIGHER_FULL if highest.payable == ZERO:
            return Text(
                f"就高全额：已享受不低于 {title.zh} {amount:,.2f} 元的奖励，不再支付",
                f"highest in full: no less than the {amount:,.2f} yuan of {title.en} were granted"
                " before; nothing more is owed",
            )
        case Settlement.HIGHER_FULL:
            return Text(
                f"就高全额：{title.zh} {amount:,.2f} 元，不扣减已享受的 {already:,.2f} 元",
                f"highest in full: {title.en} {amount:,.2f} yuan; the {already:,.2f} yuan granted"
                " before are not set off",
            )
        case Settlement.NO_OFFSET:
            return Text(
                f"分别奖励：{title.zh} {amount:,.2f} 元",
                f"each title by itself: {title.en} {amount:,.2f} yuan",
            )


def _name(held: HeldTitle) -> Text:
    """Return what is rewarded: a title, or the renewal of it."""
    if held.event is RewardedEvent.RECOGNITION:
        return held.name
    return Text(f"{held.name.zh}（复核）", f"{held.name.en} (renewal)")


def _explanation(
    rule: RewardRule,
    schedule: Schedule,
    considered: Sequence[Considered],
    formula: Text,
    payable: Decimal,
    on: date,
) -> Text:
    settlement, scope = SETTLEMENT_NAMES[schedule.settlement], SCOPE_NAMES[schedule.scope]
    basis = f"依据方案 {rule.clause}（“{rule.official_text}”）和奖励标准 {schedule.document_number}"
    zh = [
        f"{basis}，按 {on} 的情况测算。",
        f"结算方式：{settlement.zh}；“同时”是指{scope.zh}。",
        *(f"· {_name(one.held).zh}：{one.because.zh}" for one in considered),
        f"{formula.zh.removesuffix('。')}。",
        f"本次可奖励 {payable:,.2f} 元。",
    ]
    en = [
        f"By clause {rule.clause} of the plan and schedule {schedule.document_number}, as of {on}.",
        f"Settled by {settlement.en}; “at the same time” means {scope.en}.",
        *(f"- {_name(one.held).en}: {one.because.en}" for one in considered),
        _sentence(formula.en),
        f"{payable:,.2f} yuan can be granted now.",
    ]
    return Text("\n".join(zh), "\n".join(en))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].removesuffix('.')}."


# ---------------------------------------------------------------- what is paid back


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewarded:
    """An award of one enterprise, as far as a recovery needs it."""

    award_id: str
    scheduled: Decimal
    """The amount that the schedule set for the title, before anything was set off."""
    amount: Decimal
    """What still stands of the grant, paid or not, without what was waived: that is settled."""
    still_stands: bool
    """Whether the title that it rewards was not taken away with its reward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A title that was not rewarded because a higher one was, and which the enterprise still holds."""

    held: HeldTitle
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Recoverable:
    """What is to be paid back of which award, and what the enterprise keeps instead."""

    due: tuple[tuple[str, Decimal], ...]
    keeps: Standing | None
    """The lower title that the rest of the money is for from now on."""
    formula: Text


def recoverable(
    settlement: Settlement,
    *,
    lost: str,
    awards: Sequence[Rewarded],
    standing: Sequence[Standing],
) -> Recoverable:
    """Return what is to be paid back once a title is taken away together with its reward.

    `lost` names the award of that title. `awards` are those that were set against each other,
    oldest first, with the lost one among them; `standing` are lower titles that brought nothing
    because of it. What the lower title is worth stays with the enterprise (就高), where at least so
    much was granted. Under `top_up` the enterprise keeps the highest amount that still stands, so what
    it returns may come from several awards whose titles do not.
    """
    own = next(award for award in awards if award.award_id == lost)
    fallen = [own]
    granted = own.amount
    highest = max(
        (one.scheduled for one in awards if one.still_stands and one.amount > ZERO), default=ZERO
    )
    kept_anyhow = ZERO
    if settlement is Settlement.TOP_UP:
        fallen += [one for one in reversed(awards) if not one.still_stands and one is not own]
        granted = sum((award.amount for award in awards), ZERO)
        kept_anyhow = highest
    keeps: Standing | None = None
    if settlement is not Settlement.NO_OFFSET:
        affordable = [one for one in standing if highest < one.amount <= granted]
        keeps = max(affordable, key=lambda one: (one.amount, one.held.recognition_id), default=None)
    kept = kept_anyhow if keeps is None else keeps.amount
    left = max(ZERO, granted - kept)
    due = []
    for award in fallen:
        part = min(left, award.amount)
        if part > ZERO:
            due.append((award.award_id, part))
            left -= part
    total = sum((part for _, part in due), ZERO)
    for_what = Text("仍有效称号", "what still stands") if keeps is None else _name(keeps.held)
    formula = Text(
        f"现计奖励 {granted:,.2f} 元 − {for_what.zh}应得 {kept:,.2f} 元 = 应退 {total:,.2f} 元"
        "（先取消未拨付部分，再追回已拨付部分）",
        f"{granted:,.2f} yuan granted - {kept:,.2f} yuan for {for_what.en} = {total:,.2f} yuan to give"
        " back: first what was not paid, then what was",
    )
    return Recoverable(due=tuple(due), keeps=keeps, formula=formula)
