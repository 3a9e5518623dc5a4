"""Every published pack: sound, locked, true to its source, and right in its worked cases."""

import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.policy.cases import WorkedCase, read_cases, run_case, untried
from services.policy.catalogue import PACKS, PackInvalid, load_catalogue, read_pack
from services.policy.lock import locked_checksum, write_lock
from services.policy.pack import Pack
from services.policy.source import unsourced

CATALOGUE = load_catalogue()
GUIZHOU = CATALOGUE.pack("guizhou/2021-05-06")


def worked_cases() -> list[Any]:
    return [
        pytest.param(pack, case, id=f"{pack.name}: {case.title} {case.name}")
        for pack in CATALOGUE.packs()
        for case in read_cases(PACKS / pack.name, pack)
    ]


@pytest.mark.parametrize(("pack", "case"), worked_cases())
def test_a_worked_case_is_judged_as_written(pack: Pack, case: WorkedCase) -> None:
    result = run_case(pack, case)

    assert result.checked.problems == ()
    assert result.found == dict(case.expect)


@pytest.mark.parametrize("pack", CATALOGUE.packs(), ids=lambda pack: pack.name)
def test_every_limit_is_tried_from_below_exactly_and_from_above(pack: Pack) -> None:
    assert untried(pack, read_cases(PACKS / pack.name, pack)) == []


def test_a_limit_that_no_case_tries_is_named() -> None:
    cases = [
        case
        for case in read_cases(PACKS / GUIZHOU.name, GUIZHOU)
        if case.name != "debt of exactly 70 percent"
    ]

    assert untried(GUIZHOU, cases) == ["debt_ratio at 70: no case exactly at it"]


@pytest.mark.parametrize("pack", CATALOGUE.packs(), ids=lambda pack: pack.name)
def test_every_official_text_stands_in_the_source(pack: Pack) -> None:
    assert unsourced(PACKS / pack.name) == []


@pytest.mark.parametrize("pack", CATALOGUE.packs(), ids=lambda pack: pack.name)
def test_a_published_pack_is_as_it_was_locked(pack: Pack) -> None:
    assert locked_checksum(PACKS / pack.name) == pack.checksum


def copy_of(tmp_path: Path, *, was: str, becomes: str, pack: str = "guizhou/2021-05-06") -> Path:
    folder = tmp_path / pack
    shutil.copytree(PACKS / pack, folder)
    text = (folder / "pack.toml").read_text("utf-8")
    assert was in text
    (folder / "pack.toml").write_text(text.replace(was, becomes, 1), "utf-8")
    return folder / "pack.toml"


def test_a_changed_pack_is_not_loaded(tmp_path: Path) -> None:
    copy_of(tmp_path, was="limit = 20000000", becomes="limit = 2000000")

    with pytest.raises(PackInvalid, match=r"differs from pack\.lock"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ('fact = "operating_revenue"', 'fact = "operating_revenu"', "operating_revenu"),
        ('"four_bases", "ten_key', '"four_base", "ten_key', "four_base"),
        ('vetoes = ["no_false_information"', 'vetoes = ["no_false_info"', "no_false_info"),
        ('requires_title = "srdi_sme"', 'requires_title = "national_little_giant"', "not below"),
        ("rank = 3", "rank = 2", "share a rank"),
        ('stages = ["city_recommendation", ', 'stages = ["city", ', "unknown stage"),
        (', "determination", "public_notice"]', ', "determination"]', "public notice"),
        ('titles = ["provincial_little_giant"', 'titles = ["little_giant"', "little_giant"),
        ("in_force_from = 2021-05-06", "in_force_from = 2021-05-07", "folder"),
        ("years = 3\nrenewal", "years = 0\nrenewal", "years"),
        ("schema_version = 1", "schema_version = 1\ncolour = 3", "colour"),
        ('kind = "is_sme"', 'kind = "is_smal"', "is_smal"),
    ],
)
def test_a_pack_that_does_not_hold_together_is_not_loaded(
    tmp_path: Path, was: str, becomes: str, complaint: str
) -> None:
    file = copy_of(tmp_path, was=was, becomes=becomes)
    (file.parent / "pack.lock").unlink()

    with pytest.raises(PackInvalid, match=complaint):
        read_pack(file, must_be_locked=False)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        (
            "{ at_least = 70, at_most = 80, points = 3 }",
            "{ at_least = 71, at_most = 80, points = 3 }",
            "hole",
        ),
        (
            "{ at_least = 70, at_most = 80, points = 3 }",
            "{ at_least = 69, at_most = 80, points = 3 }",
            "overlap",
        ),
        (
            "{ at_least = 80, points = 5 },",
            "{ at_least = 80, points = 6 },",
            "its highest band gives 6",
        ),
        (
            "options = { chain_gaps = 5, six_bases = 3, none = 0 }",
            "options = { chain_gaps = 5, six_bases = 3 }",
            "none",
        ),
        (
            'fact = "leading_product_field"\noptions',
            'fact = "niche_share"\noptions',
            "leading_product_field|reads niche_share|niche_share",
        ),
        ('table = "srdi", at_least = 60', 'table = "srdy", at_least = 60', "unknown table srdy"),
        ('table = "srdi", at_least = 60', 'table = "srdi", at_least = 160', "wants 160 of 100"),
        ('dimension = "growth"', 'dimension = "growing"', "unknown dimension growing"),
        (
            'since = "niche_since", until = "application" }, at_least = 2',
            'since = "niche", until = "application" }, at_least = 2',
            "reads niche as day",
        ),
        ('part = "net_profit", whole', 'part = "own_brands", whole', "reads own_brands as"),
        ('fact = "has_innovation_honour"', 'fact = "rd_expense"', "reads rd_expense as flag"),
        (
            "out_of = 15\n\n[[scoring_tables.dimensions.indicators]]",
            "out_of = 16\n\n[[scoring_tables.dimensions.indicators]]",
            "do not add up",
        ),
        ('id = "giant_share"', 'id = "giant_brand"', "share the id"),
        (
            'conditions = ["legal_person", "small_or_medium", "innovative_standard"]',
            'conditions = ["legal_person", "small_or_medium"]',
            "no title asks for the condition innovative_standard",
        ),
        ('every_year_by = "04-30"', 'every_year_by = "30 April"', "every_year_by"),
        (
            "within_months = 3",
            'within_months = 3\nevery_year_by = "04-30"',
            "every_year_by or within_months",
        ),
        ('office = "site_inspector"', 'office = "site_inspectors"', "site_inspectors"),
        (
            'kind = "measured", measure = { of = "fact", fact = "niche_share" }, at_least = 10',
            'kind = "measured", measure = { of = "fact", fact = "niche_share" }',
            "one limit",
        ),
    ],
)
def test_a_table_or_measure_that_does_not_hold_together_is_not_loaded(
    tmp_path: Path, was: str, becomes: str, complaint: str
) -> None:
    file = copy_of(tmp_path, was=was, becomes=becomes, pack="national/2022-08-01")
    (file.parent / "pack.lock").unlink()

    with pytest.raises(PackInvalid, match=complaint):
        read_pack(file, must_be_locked=False)


def test_two_folders_are_not_both_the_law_of_one_place(tmp_path: Path) -> None:
    shutil.copytree(PACKS / "guizhou", tmp_path / "guizhou")
    shutil.copytree(PACKS / "guizhou", tmp_path / "qian")

    with pytest.raises(PackInvalid, match="both the law of 520000"):
        load_catalogue(tmp_path)


def test_a_pack_that_names_its_end_is_not_overtaken_before_it(tmp_path: Path) -> None:
    shutil.copytree(PACKS / "national", tmp_path / "national")
    later = tmp_path / "national" / "2026-04-01"
    earlier = later.rename(later.parent / "2026-03-31")
    text = (earlier / "pack.toml").read_text("utf-8")
    (earlier / "pack.toml").write_text(
        text.replace("in_force_from = 2026-04-01", "in_force_from = 2026-03-31"), "utf-8"
    )
    (earlier / "pack.lock").unlink()
    write_lock(earlier)

    with pytest.raises(PackInvalid, match="overlap"):
        load_catalogue(tmp_path)


def test_a_fact_means_the_same_in_every_pack(tmp_path: Path) -> None:
    shutil.copytree(PACKS, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "national" / "2026-04-01"
    text = (folder / "pack.toml").read_text("utf-8")
    (folder / "pack.toml").write_text(
        text.replace('niche_share = { kind = "percent"', 'niche_share = { kind = "amount"'), "utf-8"
    )
    (folder / "pack.lock").unlink()
    write_lock(folder)

    with pytest.raises(PackInvalid, match="reads the fact niche_share otherwise"):
        load_catalogue(tmp_path)


def test_the_plan_is_in_force_for_every_county_from_its_first_day() -> None:
    assert CATALOGUE.in_force("520102", date(2021, 5, 6)) == [GUIZHOU]
    assert CATALOGUE.in_force("520102", date(2021, 5, 5)) == []
    assert GUIZHOU not in CATALOGUE.in_force("440100", date(2026, 5, 5))


def test_the_ladder_climbs_from_the_library_to_the_nation() -> None:
    assert [title.id for title in GUIZHOU.ladder] == [
        "cultivation_library",
        "srdi_sme",
        "provincial_little_giant",
        "national_little_giant",
    ]


def test_a_case_goes_through_the_five_stages_in_order() -> None:
    walked = ["city_recommendation"]
    while (following := GUIZHOU.stage_after("srdi_sme", walked[-1])) is not None:
        walked.append(following.id)

    assert walked == [
        "city_recommendation",
        "provincial_screening",
        "expert_evaluation",
        "determination",
        "public_notice",
    ]


def test_the_table_of_the_plan_names_every_entry_of_its_pack() -> None:
    table = (PACKS.parents[2] / "docs" / "plan.md").read_text("utf-8")
    entries = [
        *(one.id for one in GUIZHOU.conditions),
        *(one.id for one in GUIZHOU.vetoes),
        *(one.id for one in GUIZHOU.stages),
        *(one.id for one in GUIZHOU.titles),
        *(one.id for one in GUIZHOU.revocation_grounds),
        *(one.id for one in GUIZHOU.targets),
    ]

    assert [entry for entry in entries if f"`{entry}`" not in table] == []


def test_every_test_that_the_documents_name_is_there() -> None:
    project = PACKS.parents[2]
    named = {
        path
        for file in (project / "docs").glob("*.md")
        for path in re.findall(r"`(tests/[a-z_/]+(?:\.py)?)`", file.read_text("utf-8"))
    }

    assert named
    assert sorted(path for path in named if not (project / path).exists()) == []
