"""How conditions combine, and what no condition ever does."""

import shutil
import tomllib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.policy.catalogue import PACKS, load_catalogue
from services.policy.conditions import Condition, with_parts
from services.policy.eligibility import check
from services.policy.facts import FactKind
from services.policy.limits import AtLeast
from services.policy.lock import write_lock
from services.policy.matter import Finding, Kind, Verdict, worst
from services.policy.pack import Pack

GUIZHOU = load_catalogue().pack("guizhou/2021-05-06")
BASE: dict[str, Any] = tomllib.loads((PACKS / GUIZHOU.name / "cases.toml").read_text("utf-8"))[
    "base"
]
ON = date(2026, 3, 10)
MONEY = st.decimals(0, 10**15, places=2).map("{:.2f}".format)
VERDICTS = st.sampled_from(Verdict)


def judged(facts: dict[str, Any], condition: str, pack: Pack = GUIZHOU) -> Verdict:
    checked = pack.check_facts({**BASE, **facts})
    assert checked.problems == ()
    found = check(pack, title="srdi_sme", facts=checked.values, on=ON)
    return next(one.verdict for one in found.conditions if one.id == condition)


def base_of(pack: Pack) -> dict[str, Any]:
    return dict(tomllib.loads((PACKS / pack.name / "cases.toml").read_text("utf-8"))["base"])


STEPS = st.integers(-(10**9), 10**9) | st.integers(-2, 2)
"""Fen, or ones, away from the limit."""

FLOORS = [
    (pack, title.id, condition)
    for pack in load_catalogue().packs()
    for title in pack.titles
    for condition in with_parts(pack.tests_of(title.id).conditions)
    if isinstance(condition.rule, AtLeast)
]


@given(st.sampled_from(FLOORS), st.data(), st.booleans())
def test_more_never_turns_a_floor_from_met_to_not_met(
    floor: tuple[Pack, str, Condition], data: st.DataObject, is_craft: bool
) -> None:
    """Revenue, expense, equity, rights: whatever a floor of any pack is about."""
    pack, title, condition = floor
    rule = condition.rule
    assert isinstance(rule, AtLeast)
    is_money = pack.facts[rule.fact].kind is FactKind.AMOUNT
    limit = int(rule.limit) * (100 if is_money else 1)
    less, more = sorted(max(0, limit + data.draw(STEPS)) for _ in "ab")
    flag = {} if rule.exception is None else {rule.exception.when: is_craft}

    def verdict(figure: int) -> Verdict:
        value = f"{Decimal(figure) / 100:.2f}" if is_money else min(figure, 10**9)
        checked = pack.check_facts({**base_of(pack), **flag, rule.fact: value})
        found = check(pack, title=title, facts=checked.values, on=ON)
        return next(
            one.verdict for one in every_finding(found.conditions) if one.id == condition.id
        )

    if verdict(less) is Verdict.MET:
        assert verdict(more) is Verdict.MET


def every_finding(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from every_finding(finding.parts)


ODD = st.sampled_from(["0.00", "-0.00", "0.01", "1" + "0" * 15 + ".00"])


@given(st.sampled_from(load_catalogue().packs()), st.data())
def test_no_accepted_facts_make_a_check_raise(pack: Pack, data: st.DataObject) -> None:
    """Zero, a cent, 10^15, a loss, nothing at all: always three answers and never an error."""
    amounts = [name for name, fact in pack.facts.items() if fact.kind is FactKind.AMOUNT]
    counts = [name for name, fact in pack.facts.items() if fact.kind is FactKind.COUNT]
    facts = {
        **base_of(pack),
        **data.draw(st.dictionaries(st.sampled_from(amounts), ODD)),
        **data.draw(st.dictionaries(st.sampled_from(counts), st.sampled_from([0, 1, 10**9]))),
    }
    for name in data.draw(st.sets(st.sampled_from(sorted(pack.facts)))):
        facts.pop(name, None)
    checked = pack.check_facts(facts)

    for title in pack.titles:
        for kind in KINDS:
            found = check(pack, title=title.id, kind=kind, facts=checked.values, on=ON)
            for one in every_finding((*found.conditions, *found.vetoes)):
                assert one.because.zh.endswith("。"), one
                assert one.because.en.endswith("."), one
            for score in found.scores:
                assert 0 <= score.least <= score.most <= score.out_of


KINDS: tuple[Kind, Kind] = ("new", "renewal")


@given(MONEY, MONEY)
def test_a_ratio_is_compared_as_amounts_to_the_last_cent(part: str, whole: str) -> None:
    found = judged({"total_liabilities": part, "total_assets": whole}, "debt_ratio")

    if Decimal(whole) == 0:
        assert found is Verdict.NEEDS_OFFICER
    else:
        assert (found is Verdict.MET) is (Decimal(part) * 100 <= Decimal(whole) * 70)


@given(st.lists(VERDICTS, min_size=1))
def test_the_worst_answer_is_the_answer(verdicts: list[Verdict]) -> None:
    found = worst(verdicts)

    assert (found is Verdict.NOT_MET) is (Verdict.NOT_MET in verdicts)
    assert (found is Verdict.MET) is (set(verdicts) == {Verdict.MET})


def with_condition(rule: dict[str, Any]) -> Pack:
    """Return the Guizhou pack with one condition more, as a pack file would write it."""
    condition = {
        "id": "combined",
        "clause": "四.2",
        "official_text": "…",
        "text": {"zh": "…", "en": "…"},
        "rule": rule,
    }
    document = tomllib.loads(
        (PACKS / GUIZHOU.name / "pack.toml").read_text("utf-8"), parse_float=Decimal
    )
    document["conditions"].append(condition)
    next(one for one in document["titles"] if one["id"] == "srdi_sme")["conditions"].append(
        "combined"
    )
    return Pack.model_validate(
        {
            **document,
            "name": "test/2021-05-06",
            "checksum": "0" * 64,
            "procedure": GUIZHOU.procedure,
            "procedure_checksum": GUIZHOU.procedure_checksum,
        }
    )


def part(name: str, rule: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": name,
        "clause": "四.2",
        "official_text": "…",
        "text": {"zh": "…", "en": "…"},
        "rule": rule,
    }


REVENUE = part("by_revenue", {"kind": "at_least", "fact": "operating_revenue", "limit": 100})
RIGHTS = part("by_rights", {"kind": "at_least", "fact": "class_one_ip", "limit": 1})


def test_any_of_is_met_by_one_and_asks_an_officer_before_it_refuses() -> None:
    pack = with_condition({"kind": "any_of", "conditions": [REVENUE, RIGHTS]})
    poor: dict[str, Any] = {"operating_revenue": "1.00", "main_business_revenue": "1.00"}

    assert judged({"class_one_ip": 0}, "combined", pack) is Verdict.MET
    assert judged({**poor, "class_one_ip": 1}, "combined", pack) is Verdict.MET
    assert judged(poor, "combined", pack) is Verdict.NEEDS_OFFICER
    assert judged({**poor, "class_one_ip": 0}, "combined", pack) is Verdict.NOT_MET


def test_all_of_is_refused_by_one() -> None:
    pack = with_condition({"kind": "all_of", "conditions": [REVENUE, RIGHTS]})

    assert judged({"class_one_ip": 1}, "combined", pack) is Verdict.MET
    assert judged({}, "combined", pack) is Verdict.NEEDS_OFFICER
    assert judged({"class_one_ip": 0}, "combined", pack) is Verdict.NOT_MET


def test_a_combined_condition_shows_each_of_its_parts() -> None:
    pack = with_condition({"kind": "any_of", "conditions": [REVENUE, RIGHTS]})
    checked = pack.check_facts(BASE)

    found = check(pack, title="srdi_sme", facts=checked.values, on=ON)

    combined = next(one for one in found.conditions if one.id == "combined")
    assert [one.id for one in combined.parts] == ["by_revenue", "by_rights"]
    assert combined.facts == {"operating_revenue": "50000000.00"}


def test_every_explanation_is_there_in_both_languages() -> None:
    for facts in ({}, BASE, {**BASE, "operating_revenue": "0.00", "focus_field": "other"}):
        checked = GUIZHOU.check_facts(facts)
        found = check(GUIZHOU, title="provincial_little_giant", facts=checked.values, on=ON)
        for one in (*found.conditions, *found.vetoes):
            assert one.because.zh.endswith("。"), one
            assert one.because.en.endswith("."), one
            assert one.clause
            assert one.official_text


def test_another_province_with_another_stage_and_title_takes_no_python(tmp_path: Path) -> None:
    """Copy the pack, change its text alone, and let the catalogue discover it."""
    folder = tmp_path / "yunnan" / "2027-01-01"
    shutil.copytree(PACKS / "guizhou" / "2021-05-06", folder)
    (folder / "pack.lock").unlink()
    text = (folder / "pack.toml").read_text("utf-8")
    for was, becomes in (
        ('jurisdiction = "520000"', 'jurisdiction = "530000"'),
        ("in_force_from = 2021-05-06", "in_force_from = 2027-01-01"),
        ("limit = 20000000", "limit = 30000000"),
        (
            'stages = ["city_recommendation", "provincial_screening",',
            'stages = ["county_review", "city_recommendation", "provincial_screening",',
        ),
        (
            "[notice]",
            (
                '[[stages]]\nid = "county_review"\nkind = "recommendation"\noffice = "county_office"\n'
                'name = { zh = "县级初审", en = "County review" }\nclause = "一"\n'
                'official_text = "县级初审"\ndecisions = ["endorse", "reject"]\n\n[notice]'
            ),
        ),
        (
            "# ---------------------------------------------------------------- validity",
            (
                '[[titles]]\nid = "champion"\nname = { zh = "单项冠军", en = "Champion" }\n'
                'short_code = "DXGJ"\nrank = 9\nclause = "二"\nofficial_text = "单项冠军"\n'
                'conferred_by = "ministry"\n\n# --- validity'
            ),
        ),
    ):
        assert was in text
        text = text.replace(was, becomes)
    (folder / "pack.toml").write_text(text, "utf-8")
    write_lock(folder)

    [pack] = load_catalogue(tmp_path).in_force("530102", date(2027, 1, 1))

    assert [stage.office for stage in pack.stages_of("srdi_sme")][:2] == [
        "county_office",
        "city_office",
    ]
    assert pack.ladder[-1].id == "champion"
    assert (
        judged({"operating_revenue": "29999999.99"}, "operating_revenue", pack) is Verdict.NOT_MET
    )
    assert judged({"operating_revenue": "30000000.00"}, "operating_revenue", pack) is Verdict.MET


@pytest.mark.parametrize(
    ("won_on", "verdict"),
    [
        ("2023-03-11", Verdict.MET),
        ("2026-03-10", Verdict.MET),
        ("2026-03-11", Verdict.NOT_MET),
        ("2026-05-02", Verdict.NEEDS_OFFICER),
    ],
)
def test_an_award_counts_from_the_years_before_the_application_not_from_after_it(
    won_on: str, verdict: Verdict
) -> None:
    """A file that is corrected in May is still judged as of its application in March."""
    pack = load_catalogue().pack("national/2022-08-01")
    checked = pack.check_facts({**base_of(pack), "science_award_on": won_on})

    found = check(pack, title="innovative_sme", facts=checked.values, on=ON, today=date(2026, 5, 1))

    assert [
        one.verdict for one in every_finding(found.conditions) if one.id == "innovative_by_award"
    ] == [verdict]
