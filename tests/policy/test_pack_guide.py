"""docs/packs.md: what it tells an author to write is written, loaded and judged here."""

import re
import shutil
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from services.policy.cases import read_cases, run_case
from services.policy.catalogue import PACKS, load_catalogue, read_pack
from services.policy.eligibility import check
from services.policy.lock import (
    DOCUMENTS_FILE,
    LOCKED_FILES,
    PACK_FILE,
    PROCEDURE_FILE,
    write_lock,
)
from services.policy.matter import Verdict
from services.policy.procedure import (
    ConflictRule,
    CorrectionRule,
    HearingRule,
    PanelRule,
    SampleRule,
)
from services.policy.source import unsourced

GUIDE = PACKS.parents[2] / "docs" / "packs.md"
PLAN = PACKS / "guizhou" / "2021-05-06"
BLOCKS = re.findall(r"```toml\n(.*?)```", GUIDE.read_text("utf-8"), flags=re.DOTALL)


def file_of(block: str) -> str:
    """Return the file of a pack that a block belongs in."""
    if "[[sweeps]]" in block:
        return "cases.toml"
    if "[[panels]]" in block:
        return PROCEDURE_FILE
    return DOCUMENTS_FILE if "[[documents]]" in block else PACK_FILE


def as_the_guide_says(folder: Path) -> Path:
    """Copy the plan and append every block of the guide, whatever each is about."""
    shutil.copytree(PLAN, folder)
    for lock in folder.glob("*.lock"):
        lock.unlink()
    for name in (*LOCKED_FILES, "cases.toml"):
        blocks = [one for one in BLOCKS if file_of(one) == name]
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text("\n\n".join([text, *blocks]), "utf-8")
    return folder


def test_the_guides_stage_condition_table_and_title_make_a_pack_that_is_discovered(
    tmp_path: Path,
) -> None:
    folder = as_the_guide_says(tmp_path / "guizhou" / "2021-05-06")
    for file in LOCKED_FILES:
        write_lock(folder, file)

    [pack] = load_catalogue(tmp_path).in_force("520102", date(2026, 3, 10))

    assert pack.stages_of("champion")[0].id == "county_review"
    assert [table.id for table in pack.tables_of("champion")] == ["champion_points"]
    assert pack.ladder[-1].id == "champion"
    assert unsourced(folder) == []


def test_the_guides_title_is_judged_by_its_own_rules(tmp_path: Path) -> None:
    folder = as_the_guide_says(tmp_path / "guizhou" / "2021-05-06")
    pack = read_pack(folder / "pack.toml", must_be_locked=False)
    base: dict[str, Any] = tomllib.loads((folder / "cases.toml").read_text("utf-8"))["base"]

    def verdicts(**facts: Any) -> dict[str, Verdict]:
        checked = pack.check_facts({**base, **facts})
        found = check(
            pack,
            title="champion",
            facts=checked.values,
            on=date(2026, 3, 10),
            titles_held=["provincial_little_giant"],
        )
        return {one.id: one.verdict for one in found.conditions}

    grown = verdicts(previous_main_business_revenue="42857142.85", total_liabilities="30000000.00")
    shrunk = verdicts(previous_main_business_revenue="45000000.01", rd_expense="4999999.99")
    indebted = verdicts(total_liabilities="42000000.01")

    assert (grown["grows"], grown["scores_well"]) == (Verdict.MET, Verdict.NEEDS_OFFICER)
    assert shrunk["grows"] is Verdict.NOT_MET
    assert indebted["scores_well"] is Verdict.NOT_MET


def test_the_guides_document_is_needed_by_the_champions_who_say_so(tmp_path: Path) -> None:
    folder = as_the_guide_says(tmp_path / "guizhou" / "2021-05-06")
    pack = read_pack(folder / "pack.toml", must_be_locked=False)

    def needed(title: str, *, supplies: bool) -> bool:
        facts = {"supplies_large_enterprises": supplies}
        return "supply_contracts" in pack.documents_needed(title, "new", facts)

    assert needed("champion", supplies=True)
    assert not needed("champion", supplies=False)
    assert not needed("srdi_sme", supplies=True)
    assert "supply_contracts" in {one.id for one in pack.documents_of("champion", "new")}


def test_the_guides_panel_and_visit_are_conducted_by_its_rules(tmp_path: Path) -> None:
    folder = as_the_guide_says(tmp_path / "guizhou" / "2021-05-06")
    pack = read_pack(folder / "pack.toml", must_be_locked=False)

    panel, sample = pack.panel_rule("champion_panel"), pack.sample_rule("champion_visit")

    assert (panel.experts, panel.aggregation, panel.out_of) == (5, "trimmed_mean", 100)
    assert panel.pass_at_least == Decimal("70.5")
    assert (sample.percent, sample.inspectors) == (50, 2)
    assert pack.panel_rule("expert_evaluation").experts == 3


def test_the_guides_cases_are_read_and_right(tmp_path: Path) -> None:
    folder = as_the_guide_says(tmp_path / "guizhou" / "2021-05-06")
    pack = read_pack(folder / "pack.toml", must_be_locked=False)

    swept = [one for one in read_cases(folder, pack) if one.name.startswith("debt of an SRDI")]

    assert len(swept) == 3
    assert all(run_case(pack, one).is_right for one in swept)


def test_the_guide_names_every_kind_of_rule_measure_and_scale() -> None:
    schema = (PACKS.parents[2] / "docs" / "pack.schema.json").read_text("utf-8")
    kinds = set(re.findall(r'"const": "([a-z_]+)"', schema))
    guide = GUIDE.read_text("utf-8")

    assert kinds
    assert sorted(kind for kind in kinds if f"`{kind}`" not in guide) == []


def test_the_guide_names_every_member_of_a_procedure() -> None:
    parts: dict[str, type[BaseModel]] = {
        "panels": PanelRule,
        "samples": SampleRule,
        "conflicts": ConflictRule,
        "hearing": HearingRule,
        "correction": CorrectionRule,
    }
    members = {
        f"{part}.{name}"
        for part, rule in parts.items()
        for name in rule.model_fields.keys() - {"stage", "clause", "basis"}
    }
    guide = GUIDE.read_text("utf-8")

    assert sorted(member for member in members if f"`{member}`" not in guide) == []
