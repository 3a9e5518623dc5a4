"""Titles in any order and at any time: what is granted for them in the end, and what is left of it.

A small enterprise lives through titles that begin, lapse, are renewed or revoked, and schedules that
change; whenever it asks, it is granted what the rule says, at once and in full.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.text import Text
from services.policy.catalogue import load_catalogue
from services.policy.rewards import (
    ZERO,
    Because,
    Entitlement,
    Grant,
    HeldTitle,
    Recoverable,
    Rewarded,
    RewardedEvent,
    Schedule,
    ScheduledAmount,
    Scope,
    Settlement,
    Standing,
    entitlement,
    is_set_against,
    recoverable,
)

RULE = load_catalogue().pack("guizhou/2021-05-06").reward_rule
TITLES = ("provincial_little_giant", "national_little_giant")
BEGINNING = date(2026, 1, 1)
TERM = timedelta(days=3 * 365)

Step = tuple[str, int, int, bool]
"""What happens, to which title, how many days after the step before, and whether one asks then."""
Amounts = dict[tuple[str, RewardedEvent], Decimal]

KINDS = ("begin", "begin", "renew", "renew", "reset", "lapse", "give up", "lose")
EVERY_RULE = [(settlement, scope) for settlement in Settlement for scope in Scope]

money = st.decimals(Decimal("0.01"), 10**12, places=2)
steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 3),
        st.sampled_from((0, 1, 40, 400)),
        st.booleans(),
    ),
    max_size=24,
)
amounts = st.fixed_dictionaries(
    {},
    optional={
        (title, event): st.sampled_from((1, 2, 3, 3, 5)).map(lambda one: Decimal(one) * 100) | money
        for title in TITLES
        for event in RewardedEvent
    },
)


@dataclass
class Award:
    id: str
    held: HeldTitle
    scheduled: Decimal
    amount: Decimal
    set_against: tuple[str, ...]
    schedule: Schedule
    fiscal_year: int
    called_back: Decimal = ZERO
    kept: Standing | None = None
    """The lower title that what is left of it is for."""

    @property
    def left(self) -> Decimal:
        return self.amount - self.called_back

    @property
    def stands_for(self) -> HeldTitle:
        return self.held if self.kept is None else self.kept.held

    def grants(self) -> list[Grant]:
        """Return it as the rule is told of it: once a lower title keeps the rest, as two."""
        own = Grant(
            award_id=self.id,
            recognition_id=self.held.recognition_id,
            title=self.held.title,
            event=self.held.event,
            scheduled=self.scheduled,
            amount=self.left if self.kept is None else ZERO,
            fiscal_year=self.fiscal_year,
        )
        if self.kept is None:
            return [own]
        kept = replace(
            own,
            recognition_id=self.kept.held.recognition_id,
            title=self.kept.held.title,
            event=self.kept.held.event,
            scheduled=self.kept.amount,
            amount=self.left,
        )
        return [own, kept]


@dataclass
class Enterprise:
    settlement: Settlement
    scope: Scope
    plans: Sequence[Amounts]
    today: date = BEGINNING
    plan: int = 0
    held: list[HeldTitle] = field(default_factory=list)
    awards: list[Award] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    """Recognitions that fell with their reward."""
    had: Decimal = ZERO
    """The most that the enterprise was entitled to at any time, as long as nothing fell."""

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            code=f"plan-{self.plan}",
            document_number="示例财〔2026〕1号",
            settlement=self.settlement,
            scope=self.scope,
            amounts=tuple(
                ScheduledAmount(title=title, event=event, region=None, amount=amount)
                for (title, event), amount in self.plans[self.plan].items()
            ),
        )

    @property
    def grants(self) -> list[Grant]:
        return [grant for award in self.awards for grant in award.grants()]

    @property
    def standing(self) -> Decimal:
        return sum((award.left for award in self.awards), ZERO)

    @property
    def all_overlap(self) -> bool:
        return all(one.overlaps(other) for one, other in combinations(self.held, 2))

    def live(self, step: Step) -> None:
        kind, number, days, is_asking = step
        self.today += timedelta(days=days)
        title = TITLES[number % 2]
        now = [
            one for one in self.held if one.title == title and one.is_valid_on(self.today)
        ]  # its recognition, and its renewal where it has one
        match kind:
            case "begin" if not now:
                self._begin(title, f"round-{number // 2}")
            case "renew" if now:
                self._renew(now, f"round-{number // 2}")
            case "lapse":
                self.today += TERM
            case "give up" | "lose" if now:
                self._end(now[0].recognition_id, takes_back=kind == "lose")
            case "reset":
                self.plan = (self.plan + 1) % len(self.plans)
        if is_asking:
            self.ask()

    def ask(self) -> None:
        """Be granted what is owed until nothing is; each grant is looked at."""
        for _ in range(len(self.held) + 1):
            owed = self.owed()
            self._look_at(owed)
            if owed.payable == ZERO:
                return
            self._grant(owed)
            self._look_at_what_follows(owed)
        raise AssertionError("there is always more to grant")

    def owed(self) -> Entitlement:
        return entitlement(
            RULE,
            self.schedule,
            held=self.held,
            grants=self.grants,
            on=self.today,
            fiscal_year=self.today.year,
        )

    def _begin(self, title: str, round_code: str) -> None:
        held = HeldTitle(
            recognition_id=f"r-{len(self.held):02}",
            title=title,
            name=Text(f"称号{title}", f"title {title}"),
            event=RewardedEvent.RECOGNITION,
            valid_from=self.today,
            valid_until=self.today + TERM,
            ended_on=None,
            region="520102",
            round_code=round_code,
        )
        self.held.append(held)

    def _renew(self, now: list[HeldTitle], round_code: str) -> None:
        first = next(one for one in now if one.event is RewardedEvent.RECOGNITION)
        until = first.valid_until + TERM
        self.held = [
            replace(one, valid_until=until) if one.recognition_id == first.recognition_id else one
            for one in self.held
            if (one.recognition_id, one.event) != (first.recognition_id, RewardedEvent.RENEWAL)
        ]
        renewed = replace(first, event=RewardedEvent.RENEWAL, valid_from=self.today)
        self.held.append(replace(renewed, valid_until=until, round_code=round_code))

    def _end(self, recognition_id: str, *, takes_back: bool) -> None:
        self.held = [
            replace(one, ended_on=self.today) if one.recognition_id == recognition_id else one
            for one in self.held
        ]
        if not takes_back:
            return
        self.lost.add(recognition_id)
        for award in self.awards:
            if award.stands_for.recognition_id == recognition_id and award.left > ZERO:
                self._call_back(award)
        # What was entitled to before counts no more; from here the rest is what is looked at.
        self.had = self.standing

    def _call_back(self, own: Award) -> None:
        together = self._set_off_together(own)
        standing = self._lower(own)
        before = self.standing
        found = recoverable(
            self.settlement,
            lost=own.id,
            awards=[
                Rewarded(
                    award_id=one.id,
                    scheduled=one.scheduled if one.kept is None else one.kept.amount,
                    amount=one.left,
                    still_stands=one.stands_for.recognition_id not in self.lost,
                )
                for one in together
            ],
            standing=standing,
        )
        for award in self.awards:
            award.called_back += dict(found.due).get(award.id, ZERO)
            assert ZERO <= award.left <= award.amount
        if found.keeps is not None:
            own.kept = found.keeps
            assert own.stands_for.recognition_id not in self.lost
        returned = sum((due for _, due in found.due), ZERO)
        assert self.standing == before - returned
        self._rewarded_once()

    def _set_off_together(self, own: Award) -> list[Award]:
        together = {own.id}
        for _ in self.awards:
            for one in self.awards:
                if one.id in together or together.intersection(one.set_against):
                    together |= {one.id, *one.set_against}
        return [one for one in self.awards if one.id in together]

    def _lower(self, own: Award) -> list[Standing]:
        rewarded = {(grant.title, grant.event) for grant in self.grants}
        return [
            Standing(held=one, amount=amount)
            for one in self.held
            if (amount := own.schedule.amount_for(one)) is not None
            and one.is_valid_on(self.today)
            and (one.title, one.event) not in rewarded
            and is_set_against(
                self.scope, own.held, one, same_year=own.fiscal_year == self.today.year
            )
        ]

    def _grant(self, owed: Entitlement) -> None:
        assert owed.highest is not None
        assert owed.highest.amount is not None
        held, amount = owed.highest.held, owed.highest.amount
        self._may_be_granted(held, amount, owed.payable)
        self.awards.append(
            Award(
                id=f"a-{len(self.awards):02}",
                held=held,
                scheduled=amount,
                amount=owed.payable,
                set_against=owed.highest.set_against,
                schedule=self.schedule,
                fiscal_year=self.today.year,
            )
        )
        self._rewarded_once()

    def _may_be_granted(self, held: HeldTitle, amount: Decimal, payable: Decimal) -> None:
        """Hold a grant against the rule in the plainest words, counting for itself."""
        assert ZERO < payable <= amount
        assert held.is_valid_on(self.today)
        assert held.recognition_id not in self.lost
        by_key = {(one.recognition_id, one.event): one for one in self.held}
        before = [
            grant
            for grant in self.grants
            if self._is_at_the_same_time(held, by_key[grant.recognition_id, grant.event], grant)
        ]
        match self.settlement:
            case Settlement.TOP_UP:
                assert payable == amount - sum((one.amount for one in before), ZERO)
            case Settlement.HIGHER_FULL:
                assert payable == amount
                assert all(one.scheduled < amount for one in before if one.amount > ZERO), (
                    "a lower title is not paid after a higher one"
                )
            case Settlement.NO_OFFSET:
                assert payable == amount

    def _is_at_the_same_time(self, held: HeldTitle, of: HeldTitle, grant: Grant) -> bool:
        begin, end = max(held.valid_from, of.valid_from), min(held.last_day, of.last_day)
        return {
            Scope.EVER: True,
            Scope.SAME_YEAR: grant.fiscal_year == self.today.year,
            Scope.SAME_ROUND: held.round_code == of.round_code,
            Scope.CONCURRENT_VALIDITY: begin <= end,
        }[self.scope]

    def _rewarded_once(self) -> None:
        rewarded = [(grant.title, grant.event) for grant in self.grants]
        assert len(rewarded) == len(set(rewarded)), "a title is rewarded once in a life"

    def _look_at_what_follows(self, before: Entitlement) -> None:
        """What a title beside the highest was said to bring is what it brings afterwards."""
        for one, now in zip(before.considered, self.owed().considered, strict=True):
            if one is before.highest or one.payable == ZERO:
                continue
            if now.payable > ZERO:
                assert f"另行奖励 {now.payable:,.2f} 元" in one.because.zh
                assert f"{now.payable:,.2f} yuan can then be granted" in one.because.en
            else:
                assert "不另行支付" in one.because.zh or "只奖励一次" in one.because.zh

    def _look_at(self, owed: Entitlement) -> None:
        """What is answered holds together, and says every amount that it rests on."""
        assert owed.payable >= ZERO
        assert owed.payable == (ZERO if owed.highest is None else owed.highest.payable)
        applying = [one.amount for one in owed.considered if one.applies and one.amount]
        self.had = max([self.had, *applying])
        because = [one.because for one in owed.considered]
        for text, formula, reasons in (
            (owed.explanation.zh, owed.formula.zh, [one.zh for one in because]),
            (owed.explanation.en, owed.formula.en, [one.en for one in because]),
        ):
            assert all(f"{amount:,.2f}" in text for amount in [*applying, owed.payable])
            assert all(reason in text for reason in reasons)
            assert formula.casefold() in text.casefold(), "as a sentence it begins with a capital"
        if owed.highest is None:
            return
        was_rewarded = owed.highest.code is Because.GRANTED
        named = [(owed.highest.rewarded if was_rewarded else owed.highest.amount) or ZERO]
        if self.settlement is Settlement.TOP_UP and not was_rewarded and owed.already_granted:
            named += [owed.already_granted, owed.payable]
        for text in (owed.formula.zh, owed.formula.en):
            assert all(f"{amount:,.2f}" in text for amount in named)


@pytest.mark.parametrize(("settlement", "scope"), EVERY_RULE)
@given(plans=st.lists(amounts, min_size=1, max_size=3), life=steps)
def test_nothing_is_granted_twice_or_against_the_rule_in_any_life(
    settlement: Settlement, scope: Scope, plans: list[Amounts], life: list[Step]
) -> None:
    enterprise = Enterprise(settlement, scope, plans)

    for step in life:
        enterprise.live(step)
        assert enterprise.standing >= ZERO
    enterprise.ask()

    assert enterprise.owed().payable == ZERO


@pytest.mark.parametrize("scope", [Scope.EVER, Scope.CONCURRENT_VALIDITY])
@given(plans=st.lists(amounts, min_size=1, max_size=3), life=steps)
def test_with_top_up_what_stands_is_the_highest_amount_that_was_ever_owed(
    scope: Scope, plans: list[Amounts], life: list[Step]
) -> None:
    enterprise = Enterprise(Settlement.TOP_UP, scope, plans)

    for step in life:
        enterprise.live(step)
        is_one_time = scope is Scope.EVER or enterprise.all_overlap
        if step[-1] and is_one_time:
            assert enterprise.standing == enterprise.had


@given(
    plan=amounts,
    titles=st.permutations([0, 1]),
    asks=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_with_top_up_the_order_of_the_titles_changes_nothing(
    plan: Amounts, titles: list[int], asks: list[bool]
) -> None:
    enterprise = Enterprise(Settlement.TOP_UP, Scope.EVER, [plan])

    for kind, asked in zip(("begin", "renew"), (asks[:2], asks[2:]), strict=True):
        for title, is_asked in zip(titles, asked, strict=True):
            enterprise.live((kind, title, 1, is_asked))
    enterprise.ask()

    assert enterprise.standing == max(plan.values(), default=ZERO)


@pytest.mark.parametrize("scope", list(Scope))
@given(plan=amounts, life=steps)
def test_without_offset_each_title_that_is_held_is_paid_in_full_once(
    scope: Scope, plan: Amounts, life: list[Step]
) -> None:
    enterprise = Enterprise(Settlement.NO_OFFSET, scope, [plan])

    for step in life:
        enterprise.live(step)
    enterprise.ask()

    paid = {(award.held.title, award.held.event): award.amount for award in enterprise.awards}
    assert paid.items() <= plan.items()
    assert {(one.title, one.event) for one in enterprise.held if _is_owed(enterprise, one)} <= set(
        paid
    )


def _is_owed(enterprise: Enterprise, held: HeldTitle) -> bool:
    return held.is_valid_on(enterprise.today) and (held.title, held.event) in enterprise.plans[0]


# ---------------------------------------------------------------- what is paid back


def _rewarded(number: int, scheduled: Decimal, amount: Decimal, *, still_stands: bool) -> Rewarded:
    return Rewarded(
        award_id=f"a-{number}",
        scheduled=scheduled,
        amount=min(scheduled, amount),
        still_stands=still_stands,
    )


def _lower_title(number: int, amount: Decimal) -> Standing:
    held = HeldTitle(
        recognition_id=f"r-{number}",
        title=TITLES[0],
        name=Text(f"称号{number}", f"title {number}"),
        event=RewardedEvent.RECOGNITION,
        valid_from=BEGINNING,
        valid_until=BEGINNING + TERM,
        ended_on=None,
        region="520102",
        round_code=None,
    )
    return Standing(held=held, amount=amount)


rewarded = st.lists(st.tuples(money, money, st.booleans()), min_size=1, max_size=4).map(
    lambda found: [
        _rewarded(number, scheduled, amount, still_stands=stands and number > 0)
        for number, (scheduled, amount, stands) in enumerate(found)
    ]
)
lower = st.lists(money, max_size=3).map(
    lambda found: [_lower_title(number, amount) for number, amount in enumerate(found)]
)


@pytest.mark.parametrize("settlement", list(Settlement))
@given(awards=rewarded, standing=lower, data=st.data())
def test_no_more_falls_than_was_granted_and_what_stands_is_left(
    settlement: Settlement, awards: list[Rewarded], standing: list[Standing], data: st.DataObject
) -> None:
    in_any_order = data.draw(st.permutations(awards))

    found = recoverable(settlement, lost="a-0", awards=in_any_order, standing=standing)

    granted = {one.award_id: one.amount for one in awards}
    assert all(ZERO < due <= granted[award_id] for award_id, due in found.due)
    assert len(dict(found.due)) == len(found.due)
    still_standing = {one.award_id for one in awards if one.still_stands}
    assert not still_standing & set(dict(found.due)), "what stands is not called back"
    assert _kept(settlement, found, awards) == _highest(settlement, awards, standing)
    _says_its_sum(found)


def _concerned(settlement: Settlement, awards: Sequence[Rewarded]) -> Decimal:
    if settlement is Settlement.TOP_UP:
        return sum((one.amount for one in awards), ZERO)
    return next(one.amount for one in awards if one.award_id == "a-0")


def _kept(settlement: Settlement, found: Recoverable, awards: Sequence[Rewarded]) -> Decimal:
    return _concerned(settlement, awards) - sum((due for _, due in found.due), ZERO)


def _highest(
    settlement: Settlement, awards: Sequence[Rewarded], standing: Sequence[Standing]
) -> Decimal:
    """Return what the enterprise keeps: the highest that stands, as far as so much was granted."""
    granted = _concerned(settlement, awards)
    by_awards = max((one.scheduled for one in awards if one.still_stands), default=ZERO)
    by_title = max((one.amount for one in standing if one.amount <= granted), default=ZERO)
    match settlement:
        case Settlement.NO_OFFSET:
            return ZERO
        case Settlement.HIGHER_FULL:
            return by_title if by_title > by_awards else ZERO
        case Settlement.TOP_UP:
            of_standing_ones = sum((one.amount for one in awards if one.still_stands), ZERO)
            return max(min(granted, max(by_title, by_awards)), of_standing_ones)


def _says_its_sum(found: Recoverable) -> None:
    returned = sum((due for _, due in found.due), ZERO)
    for text in (found.formula.zh, found.formula.en):
        assert f"{returned:,.2f}" in text
        if found.keeps is not None:
            assert f"{found.keeps.amount:,.2f}" in text
    if found.keeps is not None:
        assert found.keeps.held.name.zh in found.formula.zh
        assert found.keeps.held.name.en in found.formula.en


@given(first=money, second=money, in_order=st.booleans())
def test_two_titles_lost_one_after_the_other_leave_nothing(
    first: Decimal, second: Decimal, in_order: bool
) -> None:
    """Whichever falls first, under top-up all that was granted for both falls in the end."""
    highest = max(first, second)
    awards = {
        "lower": Rewarded(award_id="lower", scheduled=first, amount=first, still_stands=True),
        "higher": Rewarded(
            award_id="higher", scheduled=highest, amount=highest - first, still_stands=True
        ),
    }

    for lost in ("lower", "higher") if in_order else ("higher", "lower"):
        awards[lost] = replace(awards[lost], still_stands=False)
        found = recoverable(Settlement.TOP_UP, lost=lost, awards=list(awards.values()), standing=[])
        for award_id, due in found.due:
            awards[award_id] = replace(awards[award_id], amount=awards[award_id].amount - due)

    assert sum(one.amount for one in awards.values()) == ZERO
