"""One-time rewards: which amount applies, what is still owed, and what is to be paid back (就高).

Pure functions. Amounts of money are never in a pack: they come from a schedule that officers set.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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

SCOPE_SENTENCES = {
    Scope.SAME_ROUND: Text(
        "“同时”是指称号在同一批次认定。",
        "“At the same time” means titles that were recognised in the same round.",
    ),
    Scope.SAME_YEAR: Text(
        "“同时”是指奖励属于同一财政年度。",
        "“At the same time” means awards of the same fiscal year.",
    ),
    Scope.CONCURRENT_VALIDITY: Text(
        "“同时”是指称号的有效期有重叠（至少一天）。",
        "“At the same time” means titles whose validity overlaps, by a day at least.",
    ),
    Scope.EVER: Text(
        "企业历年的奖励都计入。", "Every award that the enterprise ever had is counted."
    ),
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
    """What the schedule sets; for the recognition that was rewarded before, what was set then."""
    applies: bool
    code: Because
    because: Text
    already_granted: Decimal = ZERO
    """What was granted before and is set against it."""
    set_against: tuple[str, ...] = ()
    """The awards that are set against it."""
    payable: Decimal = ZERO
    rewarded: Decimal | None = None
    """What was set when the title was rewarded before, for this recognition or an earlier one."""


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
    if highest is not None and payable > ZERO:
        considered = tuple(_beside(rule, schedule, one, highest) for one in considered)
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
            rewarded=had.scheduled,
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
    payable = _payable(schedule.settlement, amount, already, counted)
    return Considered(
        held=claimed,
        amount=amount,
        applies=True,
        code=Because.APPLIES,
        because=_valid(amount, _NOW if payable > ZERO else _covered(schedule, already)),
        already_granted=already,
        set_against=tuple(grant.award_id for grant in counted if grant.amount > ZERO),
        payable=payable,
    )


_NOW = Text("本次按此奖励。", "It is what is rewarded now.")


def _valid(amount: Decimal, what_follows: Text) -> Text:
    return Text(
        f"在有效期内，标准 {amount:,.2f} 元；{what_follows.zh}",
        f"It is valid, and its amount is {amount:,.2f} yuan. {what_follows.en}",
    )


def _covered(schedule: Schedule, already: Decimal) -> Text:
    """Say why a title that applies brings nothing: as much or more was granted before."""
    zh, en = _not_besides(schedule.scope)
    if schedule.settlement is Settlement.TOP_UP:
        return Text(
            f"已享受的 {already:,.2f} 元不低于此数，{zh}。",
            f"The {already:,.2f} yuan granted before are no less, so {en}.",
        )
    return Text(
        f"已按不低于此数的标准奖励过，{zh}。",
        f"A title of no lower amount was rewarded before, so {en}.",
    )


def _not_besides(scope: Scope) -> tuple[str, str]:
    if scope is Scope.SAME_YEAR:
        return "本财政年度不另行支付", "nothing is paid for it in this fiscal year"
    return "不另行支付", "nothing is paid for it besides"


def _beside(
    rule: RewardRule, schedule: Schedule, one: Considered, highest: Considered
) -> Considered:
    """Say of a title that would bring something by itself what becomes of it beside the highest."""
    if one is highest or one.amount is None or one.payable == ZERO:
        return one
    name = _name(highest.held)
    zh, en = _not_besides(schedule.scope)
    follows = _follows(schedule, one, highest)
    what_follows = Text(
        f"已按就高原则以{name.zh}计算，{zh}。",
        f"By the highest applicable amount {name.en} counts instead, so {en}.",
    )
    if rule.once_per_title and (one.held.title, one.held.event) == (
        highest.held.title,
        highest.held.event,
    ):
        what_follows = Text(
            "同一称号只奖励一次，本次按另一次认定奖励。",
            "A title is rewarded once, and it is rewarded now for another recognition.",
        )
    elif follows > ZERO:
        what_follows = Text(
            f"本次先按{name.zh}奖励，其后本项还可另行奖励 {follows:,.2f} 元。",
            f"{name.en} is rewarded first; {follows:,.2f} yuan can then be granted for this one.",
        )
    return replace(one, because=_valid(one.amount, what_follows))


def _follows(schedule: Schedule, one: Considered, highest: Considered) -> Decimal:
    """Return what a title still brings once the highest was granted."""
    if schedule.settlement is Settlement.NO_OFFSET or not is_set_against(
        schedule.scope, one.held, highest.held, same_year=True
    ):
        return one.payable
    if schedule.settlement is Settlement.HIGHER_FULL:
        return ZERO
    return max(ZERO, one.payable - highest.payable)


def _had(rule: RewardRule, claimed: HeldTitle, grants: Sequence[Grant]) -> Grant | None:
    """Return the reward that uses the title up, for this recognition or for an earlier one."""
    for grant in grants:
        is_same_title = rule.once_per_title and grant.title == claimed.title
        is_same = grant.recognition_id == claimed.recognition_id or is_same_title
        if is_same and grant.event == claimed.event:
            return grant
    return None


def _had_before(had: Grant) -> Text:
    if had.amount == had.scheduled:
        return Text(
            f"一次性奖励：此称号已奖励过 {had.amount:,.2f} 元。",
            f"A one-time reward: it was rewarded before, with {had.amount:,.2f} yuan.",
        )
    return Text(
        f"一次性奖励：此称号已奖励过；当时标准 {had.scheduled:,.2f} 元，"
        f"扣减以往奖励、取消和追回的部分后计 {had.amount:,.2f} 元。",
        f"A one-time reward: it was rewarded before; {had.scheduled:,.2f} yuan were set then, of which"
        f" {had.amount:,.2f} stand, without what was set off, cancelled or called back.",
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
    if highest is not None and highest.rewarded is not None:
        title, rewarded = _name(highest.held), highest.rewarded
        return Text(
            f"一次性奖励：最高的{title.zh}已按当时标准 {rewarded:,.2f} 元奖励过，不再支付",
            f"one-time reward: the highest, {title.en}, was rewarded before by the {rewarded:,.2f} yuan"
            " set then; nothing more is owed",
        )
    if highest is None or highest.amount is None:
        return Text("没有可奖励的称号。", "No title that is held can be rewarded now.")
    title, amount = _name(highest.held), highest.amount
    match settlement:
        case Settlement.TOP_UP:
            return _topped_up(highest, title, amount)
        case Settlement.HIGHER_FULL:
            return _in_full(highest, title, amount)
        case Settlement.NO_OFFSET:
            return Text(
                f"分别奖励：{title.zh} {amount:,.2f} 元",
                f"each title by itself: {title.en} {amount:,.2f} yuan",
            )


def _topped_up(highest: Considered, title: Text, amount: Decimal) -> Text:
    already = highest.already_granted
    if already == ZERO:
        return Text(
            f"就高补差：{title.zh} {amount:,.2f} 元，没有须扣减的奖励",
            f"highest with top-up: {title.en} {amount:,.2f} yuan, with nothing to set off",
        )
    is_passed = already > amount
    return Text(
        f"就高补差：{title.zh} {amount:,.2f} 元 − 已享受 {already:,.2f} 元"
        f" = {highest.payable:,.2f} 元{'（不为负）' if is_passed else ''}",
        f"highest with top-up: {title.en} {amount:,.2f} yuan - {already:,.2f} yuan granted"
        f" before = {highest.payable:,.2f} yuan{' (never negative)' if is_passed else ''}",
    )


def _in_full(highest: Considered, title: Text, amount: Decimal) -> Text:
    already = highest.already_granted
    if highest.payable == ZERO:
        return Text(
            f"就高全额：已享受不低于 {title.zh} {amount:,.2f} 元的奖励，不再支付",
            f"highest in full: no less than the {amount:,.2f} yuan of {title.en} were granted"
            " before; nothing more is owed",
        )
    if already == ZERO:
        return Text(
            f"就高全额：{title.zh} {amount:,.2f} 元",
            f"highest in full: {title.en} {amount:,.2f} yuan",
        )
    return Text(
        f"就高全额：{title.zh} {amount:,.2f} 元，不扣减已享受的 {already:,.2f} 元",
        f"highest in full: {title.en} {amount:,.2f} yuan; the {already:,.2f} yuan granted"
        " before are not set off",
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
    how = _how(schedule)
    names = _told_apart([one.held for one in considered])
    basis = f"依据方案 {rule.clause}（“{rule.official_text}”）和奖励标准 {schedule.document_number}"
    zh = [
        f"{basis}，按 {on} 的情况测算。",
        how.zh,
        *(f"· {name.zh}：{one.because.zh}" for name, one in zip(names, considered, strict=True)),
        f"{formula.zh.removesuffix('。')}。",
        f"本次可奖励 {payable:,.2f} 元。",
    ]
    en = [
        f"By clause {rule.clause} of the plan and schedule {schedule.document_number}, as of {on}.",
        how.en,
        *(f"- {name.en}: {one.because.en}" for name, one in zip(names, considered, strict=True)),
        _sentence(formula.en),
        f"{payable:,.2f} yuan can be granted now.",
    ]
    return Text("\n".join(zh), "\n".join(en))


def _how(schedule: Schedule) -> Text:
    """Say how titles are settled, and what counts as at the same time where that plays a part."""
    settlement = SETTLEMENT_NAMES[schedule.settlement]
    if schedule.settlement is Settlement.NO_OFFSET:
        return Text(
            f"结算方式：{settlement.zh}，各称号的奖励互不扣减。",
            f"Settled by {settlement.en}: nothing is set off.",
        )
    scope = SCOPE_SENTENCES[schedule.scope]
    return Text(f"结算方式：{settlement.zh}。{scope.zh}", f"Settled by {settlement.en}. {scope.en}")


def _told_apart(held: Sequence[HeldTitle]) -> list[Text]:
    """Return what each is called, with its term where several are called the same."""
    names = [_name(one) for one in held]
    return [
        name
        if names.count(name) == 1
        else Text(
            f"{name.zh}（{one.valid_from} 至 {one.valid_until}）",
            f"{name.en} ({one.valid_from} to {one.valid_until})",
        )
        for name, one in zip(names, held, strict=True)
    ]


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
