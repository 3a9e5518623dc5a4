"""Highest applicable amount (就高): what is owed, whatever the order of events."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.text import Text
from services.policy.catalogue import load_catalogue
from services.policy.rewards import (
    Entitlement,
    Grant,
    HeldTitle,
    Rewarded,
    RewardedEvent,
    Schedule,
    ScheduledAmount,
    Scope,
    Settlement,
    entitlement,
    recoverable,
)

RULE = load_catalogue().pack("guizhou/2021-05-06").reward_rule
TODAY = date(2026, 9, 1)
PROVINCIAL, NATIONAL = Decimal("200000.00"), Decimal("500000.00")


def schedule(
    settlement: Settlement = Settlement.TOP_UP, scope: Scope = Scope.CONCURRENT_VALIDITY
) -> Schedule:
    return Schedule(
        code="demo",
        document_number="示例财〔2026〕1号",
        settlement=settlement,
        scope=scope,
        amounts=(
            ScheduledAmount(
                title="provincial_little_giant",
                event=RewardedEvent.RECOGNITION,
                region=None,
                amount=PROVINCIAL,
            ),
            ScheduledAmount(
                title="national_little_giant",
                event=RewardedEvent.RECOGNITION,
                region=None,
                amount=NATIONAL,
            ),
        ),
    )


def holding(title: str, **changed: object) -> HeldTitle:
    values: dict[str, object] = {
        "recognition_id": f"r-{title}",
        "title": title,
        "name": Text(f"称号{title}", f"title {title}"),
        "event": RewardedEvent.RECOGNITION,
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2028, 12, 31),
        "ended_on": None,
        "region": "520102",
        "round_code": "2026-1",
    }
    return HeldTitle(**(values | changed))  # type: ignore[arg-type]


def granted(
    held: HeldTitle, amount: Decimal, fiscal_year: int = 2026, *, scheduled: Decimal | None = None
) -> Grant:
    return Grant(
        award_id=f"a-{held.recognition_id}",
        recognition_id=held.recognition_id,
        title=held.title,
        event=held.event,
        scheduled=amount if scheduled is None else scheduled,
        amount=amount,
        fiscal_year=fiscal_year,
    )


def owed(
    held: list[HeldTitle], grants: list[Grant], by: Schedule | None = None, on: date = TODAY
) -> Entitlement:
    return entitlement(RULE, by or schedule(), held=held, grants=grants, on=on, fiscal_year=on.year)


P = holding("provincial_little_giant")
N = holding("national_little_giant")
S = holding("srdi_sme")


def test_a_little_giant_gets_the_provincial_amount() -> None:
    assert owed([S, P], []).payable == PROVINCIAL


def test_a_promotion_pays_only_the_difference() -> None:
    answer = owed([S, P, N], [granted(P, PROVINCIAL)])

    assert answer.payable == NATIONAL - PROVINCIAL
    assert answer.already_granted == PROVINCIAL
    assert answer.highest is not None
    assert answer.highest.held.title == "national_little_giant"
    assert "300,000.00" in answer.formula.zh


def test_both_titles_at_once_are_paid_once_by_the_higher() -> None:
    answer = owed([P, N], [])

    assert answer.payable == NATIONAL


def test_after_the_higher_amount_the_lower_adds_nothing() -> None:
    assert owed([P, N], [granted(N, NATIONAL)]).payable == 0


@pytest.mark.parametrize(
    ("settlement", "payable"),
    [
        (Settlement.TOP_UP, NATIONAL - PROVINCIAL),
        (Settlement.HIGHER_FULL, NATIONAL),
        (Settlement.NO_OFFSET, NATIONAL),
    ],
)
def test_the_schedule_says_what_a_promotion_adds(settlement: Settlement, payable: Decimal) -> None:
    assert owed([P, N], [granted(P, PROVINCIAL)], schedule(settlement)).payable == payable


def test_only_without_offset_does_the_lower_title_pay_after_the_higher() -> None:
    grants = [granted(N, NATIONAL)]

    assert owed([P, N], grants, schedule(Settlement.NO_OFFSET)).payable == PROVINCIAL
    assert owed([P, N], grants, schedule(Settlement.HIGHER_FULL)).payable == 0


@pytest.mark.parametrize(
    ("scope", "payable"),
    [
        (Scope.EVER, NATIONAL - PROVINCIAL),
        (Scope.CONCURRENT_VALIDITY, NATIONAL - PROVINCIAL),
        (Scope.SAME_YEAR, NATIONAL),
        (Scope.SAME_ROUND, NATIONAL),
    ],
)
def test_the_scope_says_which_earlier_award_counts(scope: Scope, payable: Decimal) -> None:
    national = holding("national_little_giant", round_code=None)
    earlier = [granted(P, PROVINCIAL, fiscal_year=2025)]

    assert owed([P, national], earlier, schedule(scope=scope)).payable == payable


def test_an_expired_title_is_not_the_same_time_as_a_later_one() -> None:
    old = holding(
        "provincial_little_giant", valid_from=date(2022, 1, 1), valid_until=date(2024, 12, 31)
    )

    answer = owed([old, N], [granted(old, PROVINCIAL, 2022)])

    assert answer.payable == NATIONAL


def test_a_renewed_title_is_not_rewarded_again() -> None:
    old = holding("provincial_little_giant", recognition_id="old", valid_until=date(2025, 12, 31))

    answer = owed([old, P], [granted(old, PROVINCIAL, 2023)])

    assert answer.payable == 0
    assert any("一次性" in one.because.zh for one in answer.considered)


def test_a_revoked_title_and_a_title_without_an_amount_count_for_nothing() -> None:
    revoked = holding("national_little_giant", ended_on=TODAY)

    answer = owed([S, P, revoked], [])

    assert answer.payable == PROVINCIAL
    assert [one.applies for one in answer.considered] == [False, True, False]
    assert owed([S], []).highest is None


def test_the_most_particular_region_decides_the_amount() -> None:
    by_region = Schedule(
        code="demo",
        document_number="示例财〔2026〕1号",
        settlement=Settlement.TOP_UP,
        scope=Scope.EVER,
        amounts=tuple(
            ScheduledAmount(
                title="provincial_little_giant",
                event=RewardedEvent.RECOGNITION,
                region=region,
                amount=amount,
            )
            for region, amount in (
                (None, Decimal(1)),
                ("520000", Decimal(2)),
                ("520100", Decimal(3)),
                ("520300", Decimal(4)),
            )
        ),
    )

    assert owed([P], [], by_region).payable == 3


@given(
    st.permutations(["srdi_sme", "provincial_little_giant", "national_little_giant"]),
    st.dictionaries(
        st.sampled_from(["provincial_little_giant", "national_little_giant"]),
        st.decimals(0, 10**9, places=2),
        min_size=1,
    ),
)
def test_with_top_up_the_sum_is_the_highest_amount_in_any_order(
    order: list[str], amounts: dict[str, Decimal]
) -> None:
    by = Schedule(
        code="any",
        document_number="示例财〔2026〕1号",
        settlement=Settlement.TOP_UP,
        scope=Scope.CONCURRENT_VALIDITY,
        amounts=tuple(
            ScheduledAmount(
                title=title, event=RewardedEvent.RECOGNITION, region=None, amount=amount
            )
            for title, amount in amounts.items()
        ),
    )
    held: list[HeldTitle] = []
    grants: list[Grant] = []
    for title in order:
        held.append(holding(title))
        answer = owed(held, grants, by)
        assert answer.payable >= 0
        if answer.payable > 0:
            assert answer.highest is not None
            grants.append(granted(answer.highest.held, answer.payable))

    assert sum(grant.amount for grant in grants) == max(amounts.values())


@pytest.mark.parametrize(
    ("provincial", "national", "lost", "back"),
    [
        (("200000", True), None, P, {P: "200000"}),
        (("200000", True), ("300000", True), N, {N: "300000"}),
        (("200000", True), ("300000", True), P, {}),
        (("200000", False), ("300000", True), N, {N: "300000", P: "200000"}),
    ],
)
def test_after_a_revocation_the_enterprise_keeps_the_highest_that_stands(
    provincial: tuple[str, bool],
    national: tuple[str, bool] | None,
    lost: HeldTitle,
    back: dict[HeldTitle, str],
) -> None:
    awards = [
        Rewarded(
            award_id=held.recognition_id,
            scheduled=scheduled,
            amount=Decimal(paid[0]),
            still_stands=paid[1] and held is not lost,
        )
        for held, scheduled, paid in ((P, PROVINCIAL, provincial), (N, NATIONAL, national))
        if paid is not None
    ]

    found = recoverable(Settlement.TOP_UP, lost=lost.recognition_id, awards=awards, standing=[])

    assert dict(found.due) == {one.recognition_id: Decimal(due) for one, due in back.items()}
    assert found.keeps is None


def line_of(answer: Entitlement, place: int) -> Text:
    """Return what the explanation says of a title, without its name."""
    because = answer.considered[place].because
    lines = answer.explanation.zh.splitlines(), answer.explanation.en.splitlines()
    assert any(line.endswith(because.zh) for line in lines[0])
    assert any(line.endswith(because.en) for line in lines[1])
    return because


@pytest.mark.parametrize("settlement", Settlement)
def test_nothing_is_said_of_earlier_awards_where_there_were_none(settlement: Settlement) -> None:
    answer = owed([P], [], schedule(settlement))

    assert "已享受" not in answer.explanation.zh
    assert "granted before" not in answer.formula.en
    assert "200,000.00" in answer.formula.zh


@pytest.mark.parametrize("scope", Scope)
def test_the_explanation_says_in_sentences_which_awards_count(scope: Scope) -> None:
    texts = [owed([P, N], [], schedule(one, scope)).explanation for one in Settlement]
    top_up, higher_full, no_offset = texts

    for text in (top_up, higher_full):
        how = text.zh.splitlines()[1]
        assert ("“同时”是指" in how) == (scope is not Scope.EVER)
        assert how.endswith("。")
    assert "“同时”" not in no_offset.zh.splitlines()[1]
    assert "same time" not in no_offset.en


def test_a_lower_title_that_brings_nothing_now_says_why() -> None:
    beside = line_of(owed([P, N], []), 0)
    covered = line_of(owed([P, N], [granted(N, NATIONAL)]), 0)
    full = line_of(owed([P, N], [granted(N, NATIONAL)], schedule(Settlement.HIGHER_FULL)), 0)
    in_year = line_of(owed([P, N], [], schedule(scope=Scope.SAME_YEAR)), 0)

    assert "就高" in beside.zh
    assert N.name.zh in beside.zh
    assert N.name.en in beside.en
    assert "500,000.00" in covered.zh
    assert "500,000.00" in covered.en
    assert "不低于" in full.zh
    assert all("不另行支付" in one.zh for one in (beside, covered, full))
    assert "本财政年度" in in_year.zh


def test_a_title_that_follows_by_itself_says_with_how_much() -> None:
    without_offset = line_of(owed([P, N], [], schedule(Settlement.NO_OFFSET)), 0)
    announced = holding("national_little_giant", round_code=None)
    in_other_round = line_of(owed([P, announced], [], schedule(scope=Scope.SAME_ROUND)), 0)

    for text in (without_offset, in_other_round):
        assert text.zh.endswith("其后本项还可另行奖励 200,000.00 元。")
        assert "200,000.00 yuan can then be granted" in text.en


def test_what_was_rewarded_is_said_and_not_what_the_title_would_bring_today() -> None:
    old = holding("provincial_little_giant", recognition_id="old", valid_until=date(2025, 12, 31))

    answer = owed([old, P], [granted(old, Decimal(150_000), 2023)])

    for text in (*answer.formula, *(one for each in answer.considered for one in each.because)):
        assert "150,000.00" in text
        assert "200,000.00" not in text


def test_two_lines_of_one_title_are_told_apart_by_their_terms() -> None:
    old = holding("provincial_little_giant", recognition_id="old", valid_until=date(2026, 12, 31))
    renewed = holding("provincial_little_giant", event=RewardedEvent.RENEWAL)

    answer = owed([old, P, renewed, N], [])

    assert "（2026-01-01 至 2026-12-31）：" in answer.explanation.zh
    assert "（2026-01-01 至 2028-12-31）：" in answer.explanation.zh
    assert "(2026-01-01 to 2026-12-31):" in answer.explanation.en
    assert answer.explanation.zh.count(" 至 ") == 2, "what is called by its own name needs no term"
    alone = owed([old, P], [])
    assert "同一称号只奖励一次" in line_of(alone, 0).zh
