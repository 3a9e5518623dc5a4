"""`srdi pack`: what an author of rules sees."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.command import app
from services.policy.catalogue import PACKS, load_catalogue

RUN = CliRunner(env={"COLUMNS": "200"})
GUIZHOU = "guizhou/2021-05-06"


def run(*arguments: str, **more: Any) -> tuple[int, str]:
    result = RUN.invoke(app, ["pack", *arguments], **more)
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def yunnan(tmp_path: Path) -> Path:
    """A copy for another province, as the command makes it."""
    folder = tmp_path / "yunnan" / "2027-01-01"
    code, _ = run("new", str(folder), "--from", GUIZHOU, "--jurisdiction", "530000")
    assert code == 0
    return folder


def change(file: Path, was: str, becomes: str) -> None:
    text = file.read_text("utf-8")
    assert was in text
    file.write_text(text.replace(was, becomes, 1), "utf-8")


def test_the_packs_that_ship_are_listed_and_pass_their_own_check() -> None:
    listed, checked = run("list"), run("check")

    assert listed[0] == checked[0] == 0
    for pack in load_catalogue().packs():
        assert pack.name in listed[1]
        assert f"{pack.name}: titles" in checked[1]
        assert f"{pack.name}: documents {len(pack.documents)}, required" in checked[1]
        assert f"; locked; sha256 {pack.documents_checksum}" in checked[1]
        assert f"{pack.name}: panel rules {len(pack.procedure.panels)}, sample rules" in checked[1]
        assert f"; locked; sha256 {pack.procedure_checksum}" in checked[1]


def test_a_copy_keeps_its_comments_and_is_ready_but_for_what_it_changes(yunnan: Path) -> None:
    text = (yunnan / "pack.toml").read_text("utf-8")

    assert 'jurisdiction = "530000"' in text
    assert "in_force_from = 2027-01-01" in text
    assert "# ---------------------------------------------------------------- the ladder" in text
    for file in ("documents.toml", "procedure.toml"):
        assert (yunnan / file).read_bytes() == (PACKS / GUIZHOU / file).read_bytes()
    assert list(yunnan.glob("*.lock")) == []
    assert run("check", str(yunnan))[0] == 0


def test_next_years_threshold_is_checked_compared_and_locked(yunnan: Path) -> None:
    change(yunnan / "pack.toml", "limit = 20000000", "limit = 30000000")

    code, complaints = run("check", str(yunnan))
    refused = run("lock", str(yunnan))
    _, compared = run("diff", GUIZHOU, str(yunnan))
    for was, becomes in (("19999999.99", "29999999.99"), ("20000000.0", "30000000.0")):
        cases = (yunnan / "cases.toml").read_text("utf-8")
        (yunnan / "cases.toml").write_text(cases.replace(was, becomes), "utf-8")
    locked, again = run("lock", str(yunnan)), run("lock", str(yunnan))

    assert code == 1
    assert "case “revenue of exactly 20 million”: expected" in complaints
    assert "operating_revenue at 30,000,000: no case just below or exactly at it" in complaints
    assert refused[0] == 1
    assert "conditions.operating_revenue.rule.limit │ 20000000 │ 30000000" in compared
    assert locked[0] == 0
    assert again[0] == 1
    assert "already" in again[1]


def test_a_pack_its_documents_and_its_procedure_are_locked_together(yunnan: Path) -> None:
    before = run("check", str(yunnan))
    locked = run("lock", str(yunnan))
    after = run("check", str(yunnan))

    assert before[1].count("not locked yet") == 3
    assert locked[0] == 0
    assert after[1].count("; locked;") == 3
    assert run("lock", str(yunnan))[0] == 1


def test_documents_that_come_after_the_lock_of_their_pack_are_locked_alone(tmp_path: Path) -> None:
    folder = tmp_path / "guizhou" / "2021-05-06"
    shutil.copytree(PACKS / GUIZHOU, folder)
    (folder / "documents.lock").unlink()
    change(folder / "documents.toml", "max_megabytes = 50", "max_megabytes = 40")
    of_the_pack = (folder / "pack.lock").read_bytes()

    locked, again = run("lock", str(folder)), run("lock", str(folder))

    assert locked[0] == 0
    assert f"{folder / 'documents.toml'} is locked" in locked[1]
    assert "pack.toml is locked" not in locked[1]
    assert (folder / "pack.lock").read_bytes() == of_the_pack
    assert again == (1, f"{folder} is locked already; corrections go into a new folder.")
    assert run("check", str(folder))[0] == 0


def test_a_procedure_that_comes_after_the_lock_of_its_pack_is_locked_alone(tmp_path: Path) -> None:
    folder = tmp_path / "guizhou" / "2021-05-06"
    shutil.copytree(PACKS / GUIZHOU, folder)
    (folder / "procedure.lock").unlink()
    change(folder / "procedure.toml", "experts = 3", "experts = 5")

    locked = run("lock", str(folder))

    assert locked[0] == 0
    assert f"{folder / 'procedure.toml'} is locked" in locked[1]
    assert locked[1].count("is locked") == 1
    assert run("check", str(folder))[0] == 0


def test_a_pack_without_a_procedure_is_neither_explained_nor_locked(yunnan: Path) -> None:
    (yunnan / "procedure.toml").unlink()

    refused = [run(command, str(yunnan)) for command in ("check", "explain", "lock")]

    assert [code for code, _ in refused] == [1, 1, 1]
    assert all("procedure.toml is missing" in output for _, output in refused)
    assert list(yunnan.glob("*.lock")) == []


def test_documents_that_were_changed_after_their_lock_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "guizhou" / "2021-05-06"
    shutil.copytree(PACKS / GUIZHOU, folder)
    change(folder / "documents.toml", "max_megabytes = 50", "max_megabytes = 40")

    refused = [run(command, str(folder)) for command in ("check", "explain", "lock")]

    assert [code for code, _ in refused] == [1, 1, 1]
    assert "documents.toml differs from documents.lock" in refused[0][1]


def test_a_pack_without_documents_says_so_and_is_locked(yunnan: Path) -> None:
    (yunnan / "documents.toml").unlink()

    checked, locked = run("check", str(yunnan)), run("lock", str(yunnan))

    assert "no documents.toml, so no document is asked for" in checked[1]
    assert locked[0] == 0
    assert not (yunnan / "documents.lock").exists()
    assert "申报材料" not in run("explain", str(yunnan))[1]


def test_documents_that_are_new_gone_or_changed_are_compared(yunnan: Path) -> None:
    change(yunnan / "documents.toml", 'id = "field_statement"', 'id = "product_statement"')
    change(yunnan / "documents.toml", "max_megabytes = 50", "max_megabytes = 40")
    bare = yunnan.parent / "2028-01-01"
    run("new", str(bare), "--from", str(yunnan))
    (bare / "documents.toml").unlink()

    _, compared = run("diff", GUIZHOU, str(yunnan))
    _, without = run("diff", GUIZHOU, str(bare))

    assert "documents.audit_report.max_megabytes │ 50 │ 40" in compared
    assert "documents.product_statement │ – │ { id = product_statement" in compared
    assert "documents.field_statement │ { id = field_statement" in compared
    assert without.count("documents.") == 10


def test_a_procedure_that_is_new_gone_or_changed_is_compared(yunnan: Path) -> None:
    change(yunnan / "procedure.toml", "experts = 3", "experts = 5")
    change(yunnan / "procedure.toml", "out_of = 10", "out_of = 9")
    change(yunnan / "procedure.toml", "working_days = 5", "working_days = 7")
    bare = yunnan.parent / "2028-01-01"
    run("new", str(bare), "--from", str(yunnan))
    (bare / "procedure.toml").unlink()

    _, compared = run("diff", GUIZHOU, str(yunnan))
    _, without = run("diff", GUIZHOU, str(bare))

    assert "procedure.panels.expert_evaluation.experts │ 3 │ 5" in compared
    assert "indicators.management_and_brand.out_of │ 10 │ 9" in compared
    assert "procedure.hearing.working_days │ 5 │ 7" in compared
    assert "procedure.conflicts" not in compared
    assert "procedure.panels.expert_evaluation │ { stage = expert_evaluation" in without
    assert "procedure.conflicts │ { basis =" in without


def test_an_indicator_that_quotes_what_the_source_does_not_hold_is_named(yunnan: Path) -> None:
    change(yunnan / "procedure.toml", '在国内或省内细分市场处于领先地位"', '在省内处于领先地位"')

    code, complaints = run("check", str(yunnan))

    assert code == 1
    assert "SOURCE.md does not hold “主导产品和服务在省内处于领先地位”" in complaints


def test_a_document_that_quotes_what_the_source_does_not_hold_is_named(yunnan: Path) -> None:
    change(
        yunnan / "documents.toml",
        'official_text = "具有独立法人资格"',
        'official_text = "须提交营业执照"',
    )

    code, complaints = run("check", str(yunnan))

    assert code == 1
    assert "SOURCE.md does not hold “须提交营业执照”" in complaints


def test_a_quotation_that_the_source_does_not_hold_is_named(yunnan: Path) -> None:
    change(
        yunnan / "pack.toml", 'official_text = "具有独立法人资格"', 'official_text = "具有法人资格"'
    )

    code, complaints = run("check", str(yunnan))

    assert code == 1
    assert "SOURCE.md does not hold “具有法人资格”" in complaints


def test_every_flaw_is_named_at_once(yunnan: Path) -> None:
    change(yunnan / "pack.toml", 'fact = "independent_ip"', 'fact = "independent_pi"')
    change(yunnan / "pack.toml", "rank = 3", "rank = 2")

    code, complaints = run("check", str(yunnan))

    assert code == 1
    assert "independent_pi" in complaints
    assert "share a rank" in complaints


def test_a_changed_lock_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "guizhou" / "2021-05-06"
    shutil.copytree(PACKS / GUIZHOU, folder)
    change(folder / "pack.toml", "limit = 20000000", "limit = 30000000")

    assert run("check", str(folder)) == (1, run("explain", str(folder))[1])
    assert "pack.lock" in run("check", str(folder))[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["new", "yunnan/next-year"], "no day"),
        (["new", "Yunnan1/2027-01-01"], "no name"),
        (["new", "yunnan/2027-01-01", "--jurisdiction", "53"], "six digits"),
        (["new", "yunnan/2027-01-01", "--from", "nowhere/2020-01-01"], "no pack"),
        (["check", "nowhere/2020-01-01"], "no pack"),
        (["explain", GUIZHOU, "--title", "duke"], "no title duke"),
        (["explain", GUIZHOU, "--example", "--title", "duke"], "no title duke"),
        (["explain", GUIZHOU, "--facts", "nowhere.json"], "cannot be read"),
        (["explain", GUIZHOU, "--example", "--on", "tomorrow"], "no day"),
        (["lock", str(PACKS / GUIZHOU)], "locked already"),
    ],
)
def test_what_cannot_be_done_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)

    code, output = run(*arguments)

    assert code == 1
    assert says in output


def test_a_copy_is_never_made_over_another(yunnan: Path) -> None:
    code, output = run("new", str(yunnan))

    assert code == 1
    assert "there already" in output


def test_a_pack_is_explained_in_both_languages() -> None:
    _, in_chinese = run("explain", GUIZHOU)
    _, in_english = run("explain", GUIZHOU, "-l", "en")

    assert "四.2 资产负债率不高于 70%" in in_chinese
    assert "公示 5 个工作日" in in_chinese
    assert "四.2 Its liabilities are not above 70 % of its assets." in in_english
    assert "False declaration" in in_english


def test_the_documents_of_a_title_are_explained_in_both_languages(yunnan: Path) -> None:
    change(yunnan / "documents.toml", "max_megabytes = 50", 'applies_to = "renewal"')

    _, in_chinese = run("explain", str(yunnan), "--title", "srdi_sme")
    _, in_english = run("explain", str(yunnan), "--title", "srdi_sme", "-l", "en")
    _, library = run("explain", str(yunnan), "--title", "cultivation_library")

    assert "四.1 营业执照副本: 必交; PDF, JPEG, PNG, OFD ≤ 20 MB" in in_chinese
    assert "民族工艺品企业证明: 申报“民族工艺品企业”的必交;" in in_chinese
    assert "四 其他材料: 选交;" in in_chinese
    assert (
        "四.2 Audit report of the fiscal year: required; PDF, JPEG, PNG, OFD ≤ 20 MB" in in_english
    )
    assert "OFD ≤ 20 MB (renewal)" in in_english
    assert "required of: Ethnic-craft enterprise;" in in_english
    assert "申报材料" not in library


def test_how_stages_are_conducted_is_explained_in_both_languages(yunnan: Path) -> None:
    change(yunnan / "procedure.toml", 'aggregation = "mean"', 'aggregation = "trimmed_mean"')
    change(yunnan / "procedure.toml", "in_field = true", "in_field = false")

    _, in_chinese = run("explain", GUIZHOU)
    _, in_english = run("explain", GUIZHOU, "-l", "en")
    _, changed = run("explain", str(yunnan), "-l", "en", "--title", "srdi_sme")
    _, library = run("explain", GUIZHOU, "--title", "cultivation_library")
    _, visited = run("explain", "national/2026-04-01", "-l", "en")

    assert (
        "六(一) 专家评审: 3 位本领域专家，取平均分；60/100 分通过；分差超过 20 分的不作结果"
        in in_chinese
    )
    assert "四.6 管理与品牌 10" in in_chinese
    assert "六(一) 异议答复 5 个工作日" in in_chinese
    assert "回避：关系结束后 3 年内；同一市州的专家" in in_chinese
    assert "3 experts of the field, their mean; 60/100 points to pass; no result" in in_english
    assert "tied to the enterprise in the last 3 years; an expert of its city" in in_english
    assert "After a material correction it resumes at: Provincial screening" in in_english
    assert "3 experts, their mean without the highest and lowest;" in changed
    assert "专家评审" not in library
    assert "第二章 Site visit: 30 % are drawn, 2 inspectors each" in visited
    assert "The books agree with the declared figures" in visited
    assert "an expert of its city" not in visited


def test_a_title_that_passes_no_panel_is_explained_without_one(yunnan: Path) -> None:
    change(
        yunnan / "pack.toml",
        '"provincial_screening", "expert_evaluation", ',
        '"provincial_screening", ',
    )

    _, without = run("explain", str(yunnan), "--title", "srdi_sme")
    _, passing = run("explain", str(yunnan), "--title", "provincial_little_giant")

    assert "专家评审" not in without
    assert "六(一) 专家评审: 3 位本领域专家" in passing


def test_an_enterprise_is_explained_clause_by_clause_with_its_points() -> None:
    code, output = run(
        *("explain", "national/2022-08-01", "--title", "srdi_sme", "--example"),
        *("--on", "2026-03-10", "--held", "innovative_sme", "-l", "en"),
    )

    assert code == 0
    assert "✓ met" in output
    assert "77–92/100" in output
    assert "in the band 8 to 10 %: 8 points." in output


def test_what_an_enterprise_states_is_read_from_a_file_or_a_pipe_and_never_as_markup(
    tmp_path: Path,
) -> None:
    facts = {"management_certifications": ["[/red] ISO [bold]9001"], "is_legal_person": False}
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(facts), "utf-8")

    from_file = run("explain", GUIZHOU, "--facts", str(file), "--on", "2026-03-10")
    from_pipe = run(
        *("explain", GUIZHOU, "--facts", "-", "--on", "2026-03-10"), input=json.dumps(facts)
    )
    unknown = run("explain", GUIZHOU, "--facts", "-", input='{"[/x]": 1, "employees": "many"}')
    no_object = run("explain", GUIZHOU, "--facts", "-", input="[1]")

    assert from_file == from_pipe
    assert from_file[0] == 0
    assert "[/red] ISO [bold]9001" in from_file[1]
    assert "✗ 不符合" in from_file[1]
    assert unknown[0] == no_object[0] == 1
    assert "/facts/[~1x]" in unknown[1]
    assert "no JSON object" in no_object[1]


def test_two_packs_that_say_the_same_have_no_difference(yunnan: Path) -> None:
    assert run("diff", GUIZHOU, GUIZHOU) == (0, "The two say the same.")
    assert "conditions" not in run("diff", GUIZHOU, str(yunnan))[1]
