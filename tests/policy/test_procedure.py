"""How review is conducted: locked beside its pack, and a rule for each stage that needs one."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from services.policy.catalogue import PACKS, PackInvalid, load_catalogue, read_pack
from services.policy.lock import PROCEDURE_FILE, checksum_of, locked_checksum
from services.policy.pack import Pack
from services.policy.procedure import TieKind
from services.policy.stages import StageKind

CATALOGUE = load_catalogue()
GUIZHOU = CATALOGUE.pack("guizhou/2021-05-06")
NATIONAL_2022 = CATALOGUE.pack("national/2022-08-01")


def copy_of(pack: Pack, tmp_path: Path) -> Path:
    """A copy of a pack, locked as it ships."""
    folder = tmp_path / pack.name
    shutil.copytree(PACKS / pack.name, folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of(GUIZHOU, tmp_path)


def change(file: Path, was: str, becomes: str) -> None:
    text = file.read_text("utf-8")
    assert was in text
    file.write_text(text.replace(was, becomes, 1), "utf-8")


def read_unlocked(folder: Path) -> Pack:
    """Read a pack whose files are still being written."""
    for lock in folder.glob("*.lock"):
        lock.unlink()
    return read_pack(folder / "pack.toml", must_be_locked=False)


@pytest.mark.parametrize("pack", CATALOGUE.packs(), ids=lambda pack: pack.name)
def test_the_procedure_of_a_published_pack_is_as_it_was_locked(pack: Pack) -> None:
    content = (PACKS / pack.name / PROCEDURE_FILE).read_bytes()

    assert pack.procedure_checksum == checksum_of(content)
    assert locked_checksum(PACKS / pack.name, PROCEDURE_FILE) == pack.procedure_checksum


@pytest.mark.parametrize("pack", CATALOGUE.packs(), ids=lambda pack: pack.name)
def test_every_panel_and_every_site_visit_that_ships_is_conducted_by_a_rule(pack: Pack) -> None:
    panels = [one.id for one in pack.stages if one.kind is StageKind.PANEL]
    visits = [one.id for one in pack.stages if one.kind is StageKind.SITE_VISIT]

    assert [pack.panel_rule(stage).stage for stage in panels] == panels
    assert [pack.sample_rule(stage).stage for stage in visits] == visits
    assert panels or visits


def test_three_experts_of_the_field_give_the_points_of_the_plan() -> None:
    panel = GUIZHOU.panel_rule("expert_evaluation")

    assert (panel.experts, panel.in_field, panel.aggregation) == (3, True, "mean")
    assert (panel.spread_alarm, panel.pass_at_least) == (Decimal(20), Decimal(60))
    assert panel.out_of == 100
    assert [(one.clause, one.out_of) for one in panel.indicators] == [
        ("四.3", 20),
        ("四.3", 20),
        ("四.4", 20),
        ("四.4", 15),
        ("四.5", 15),
        ("四.6", 10),
    ]


def test_the_nations_site_visits_are_drawn_and_made_by_two() -> None:
    sample = NATIONAL_2022.sample_rule("site_visit")

    assert (sample.percent, sample.inspectors) == (30, 2)
    assert [one.id for one in sample.checks] == ["production_site", "equipment", "staff", "books"]


def test_what_holds_whatever_the_stage_is_read_with_the_pack() -> None:
    procedure = GUIZHOU.procedure

    assert (procedure.conflicts.same_city, procedure.conflicts.years) == (True, 3)
    assert procedure.hearing.working_days == 5
    assert procedure.correction.resumes_at == "provincial_screening"
    assert NATIONAL_2022.procedure.conflicts.same_city is False
    assert [str(kind) for kind in TieKind] == [
        "employment",
        "shareholding",
        "family",
        "advice",
        "other",
    ]


@pytest.mark.parametrize("stage", ["determination", "site_visit", "nowhere"])
def test_a_stage_without_a_panel_has_no_rule_of_one(stage: str) -> None:
    with pytest.raises(KeyError):
        GUIZHOU.panel_rule(stage)


@pytest.mark.parametrize("stage", ["determination", "expert_evaluation", "nowhere"])
def test_a_stage_without_site_visits_has_no_rule_of_them(stage: str) -> None:
    with pytest.raises(KeyError):
        GUIZHOU.sample_rule(stage)


def test_points_are_read_exactly_as_they_are_written(folder: Path) -> None:
    change(folder / PROCEDURE_FILE, "pass_at_least = 60", "pass_at_least = 60.10000000000000000001")
    change(folder / PROCEDURE_FILE, "spread_alarm = 20", "spread_alarm = 100")

    panel = read_unlocked(folder).panel_rule("expert_evaluation")

    assert panel.pass_at_least == Decimal("60.10000000000000000001")
    assert panel.spread_alarm == panel.out_of


def test_a_pack_without_a_procedure_is_not_loaded(folder: Path) -> None:
    (folder / PROCEDURE_FILE).unlink()

    with pytest.raises(PackInvalid, match=r"procedure\.toml is missing"):
        read_unlocked(folder)


def test_a_changed_procedure_is_not_loaded_even_where_no_lock_is_needed(folder: Path) -> None:
    change(folder / PROCEDURE_FILE, "experts = 3", "experts = 5")

    with pytest.raises(PackInvalid, match=r"procedure\.toml differs from procedure\.lock"):
        load_catalogue(folder.parents[1])
    with pytest.raises(PackInvalid, match=r"procedure\.toml differs from procedure\.lock"):
        read_pack(folder / "pack.toml", must_be_locked=False)


def test_a_procedure_that_is_not_locked_is_not_loaded(folder: Path) -> None:
    (folder / "procedure.lock").unlink()

    with pytest.raises(PackInvalid, match=r"procedure\.toml is not locked"):
        load_catalogue(folder.parents[1])


def test_a_locked_procedure_is_not_taken_away(folder: Path) -> None:
    (folder / PROCEDURE_FILE).unlink()

    with pytest.raises(PackInvalid, match=r"procedure\.toml differs from procedure\.lock"):
        load_catalogue(folder.parents[1])


def test_a_pack_that_writes_its_procedure_itself_is_told_where_it_belongs(folder: Path) -> None:
    change(folder / "pack.toml", "schema_version = 1", "schema_version = 1\nprocedure = {}")

    with pytest.raises(PackInvalid, match=r"pack\.toml has no member procedure"):
        read_unlocked(folder)


PANEL = "the panel rule of expert_evaluation"


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ('stage = "expert_evaluation"', 'stage = "evaluation"', "for the unknown stage evaluation"),
        (
            'stage = "expert_evaluation"',
            'stage = "evaluation"',
            "expert_evaluation is a panel and has no panel rule",
        ),
        (
            'stage = "expert_evaluation"',
            'stage = "determination"',
            "for the stage determination, which is a meeting",
        ),
        ('id = "own_ip"', 'id = "innovation"', f"{PANEL} has two indicators innovation"),
        ('id = "own_ip"', 'id = "Own IP"', "String should match pattern"),
        ("pass_at_least = 60", "pass_at_least = 100.1", f"{PANEL} has pass_at_least 100.1 of 100"),
        ("spread_alarm = 20", "spread_alarm = 101", f"{PANEL} has spread_alarm 101 of 100"),
        ('"rd_employees"]', '"rd_staff"]', "indicator innovation looks at rd_staff, which is not"),
        (
            'resumes_at = "provincial_screening"',
            'resumes_at = "screening"',
            "resumes at the unknown stage screening",
        ),
        (
            'resumes_at = "provincial_screening"',
            'resumes_at = "public_notice"',
            "resumes at public_notice, which is a notice",
        ),
        ("experts = 3", "experts = 2", "panels.0.experts"),
        ("spread_alarm = 20", "spread_alarm = 0", "panels.0.spread_alarm"),
        ("spread_alarm = 20", "spread_alarm = inf", "panels.0.spread_alarm"),
        ("pass_at_least = 60", "pass_at_least = -1", "panels.0.pass_at_least"),
        ('aggregation = "mean"', 'aggregation = "best"', "panels.0.aggregation"),
        ("out_of = 10", "out_of = 0", "indicators.5.out_of"),
        ("out_of = 10", "out_of = 101", "indicators.5.out_of"),
        ("years = 3", "years = -1", "conflicts.years"),
        ("working_days = 5", "working_days = 0", "hearing.working_days"),
        ("same_city = true", "", "conflicts.same_city"),
        ("same_city = true", "same_city = true\ncolour = 3", "conflicts.colour"),
        ("schema_version = 1", "schema_version = 2", "schema_version"),
    ],
)
def test_a_procedure_that_does_not_hold_together_is_not_loaded(
    folder: Path, was: str, becomes: str, complaint: str
) -> None:
    change(folder / PROCEDURE_FILE, was, becomes)

    with pytest.raises(PackInvalid, match=complaint):
        read_unlocked(folder)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        (
            'stage = "site_visit"',
            'stage = "determination"',
            "site_visit is a site_visit and has no sample rule",
        ),
        ('stage = "site_visit"', 'stage = "visit"', "a sample rule is for the unknown stage visit"),
        ('id = "books"', 'id = "staff"', "the sample rule of site_visit has two checks staff"),
        ("percent = 30", "percent = 0", "samples.0.percent"),
        ("percent = 30", "percent = 101", "samples.0.percent"),
        ("inspectors = 2", "inspectors = 0", "samples.0.inspectors"),
    ],
)
def test_site_visits_that_do_not_hold_together_are_not_loaded(
    tmp_path: Path, was: str, becomes: str, complaint: str
) -> None:
    folder = copy_of(NATIONAL_2022, tmp_path)
    change(folder / PROCEDURE_FILE, was, becomes)

    with pytest.raises(PackInvalid, match=complaint):
        read_unlocked(folder)


@pytest.mark.parametrize(
    ("pack", "rules", "complaint"),
    [
        (GUIZHOU, "panels", "two panel rules are for the stage expert_evaluation"),
        (NATIONAL_2022, "samples", "two sample rules are for the stage site_visit"),
    ],
    ids=["panels", "site visits"],
)
def test_two_rules_for_one_stage_are_not_loaded(
    tmp_path: Path, pack: Pack, rules: str, complaint: str
) -> None:
    folder = copy_of(pack, tmp_path)
    text = (folder / PROCEDURE_FILE).read_text("utf-8")
    rule = text[text.index(f"[[{rules}]]") : text.index("[conflicts]")]
    (folder / PROCEDURE_FILE).write_text(f"{text}\n{rule}", "utf-8")

    with pytest.raises(PackInvalid, match=complaint):
        read_unlocked(folder)


def test_every_flaw_of_a_pack_and_its_procedure_is_named_at_once(folder: Path) -> None:
    change(folder / "pack.toml", "rank = 3", "rank = 2")
    change(folder / PROCEDURE_FILE, 'resumes_at = "provincial_screening"', 'resumes_at = "nowhere"')
    change(folder / PROCEDURE_FILE, "pass_at_least = 60", "pass_at_least = 600")

    with pytest.raises(PackInvalid) as refused:
        read_unlocked(folder)

    told = str(refused.value)
    assert "two titles share a rank" in told
    assert "the unknown stage nowhere" in told
    assert "pass_at_least 600" in told
