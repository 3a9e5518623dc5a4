"""The template: every fact of its pack, explained where it is filled, and read back without a word."""

import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from services.applications.template import (
    CONTACTS,
    columns_of,
    division_name,
    label_of,
    write_template,
)
from services.applications.workbook import read_list, require_made_for
from services.policy.catalogue import published_catalogue
from services.policy.divisions import divisions
from services.policy.facts import FactKind
from services.policy.matter import Kind
from services.policy.pack import Pack

CATALOGUE = published_catalogue()
GUIZHOU = CATALOGUE.pack("guizhou/2021-05-06")
APPLIED_FOR: list[tuple[Pack, str, Kind]] = [
    (pack, title.id, kind)
    for pack in CATALOGUE.packs()
    for title in pack.titles
    if title.stages
    for kind in ("new", "renewal")
]


def parts_of(workbook: bytes) -> dict[str, str]:
    with zipfile.ZipFile(BytesIO(workbook)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize(("pack", "title", "kind"), APPLIED_FOR)
async def test_an_empty_template_is_read_back_without_a_refusal(
    pack: Pack, title: str, kind: Kind, tmp_path: Path
) -> None:
    file = tmp_path / "template.xlsx"
    file.write_bytes(write_template(pack, title, kind, round_code="2026-1"))

    async with read_list(file) as workbook:
        rows = [row async for row in workbook.rows()]

    require_made_for(workbook, pack, title, kind)
    assert rows == []
    assert workbook.total == 0
    assert workbook.header.sheet == "申报数据"
    assert workbook.header.meta == {
        "format": "1",
        "pack": pack.name,
        "title": title,
        "kind": kind,
        "round": "2026-1",
    }
    assert set(workbook.header.columns.letters) == {*pack.facts, *CONTACTS}


def test_what_is_needed_comes_first_and_then_the_rest_each_in_the_packs_order() -> None:
    needed = GUIZHOU.facts_needed("srdi_sme")

    columns = columns_of(GUIZHOU, "srdi_sme", "new")

    names = [column.name for column in columns]
    assert [column.name for column in columns if column.is_needed] == names[: len(needed)]
    assert names[: len(needed)] == [name for name in GUIZHOU.facts if name in needed]
    assert names[len(needed) : -4] == [name for name in GUIZHOU.facts if name not in needed]
    assert names[-4:] == list(CONTACTS)


def test_a_fact_that_only_an_office_states_has_its_column_too() -> None:
    pack = CATALOGUE.pack("national/2026-04-01")

    names = [column.name for column in columns_of(pack, "srdi_sme", "new")]

    assert "platform_score" in names


@pytest.mark.parametrize(
    ("fact", "label"),
    [
        ("operating_revenue", "营业收入（元）"),
        ("employees", "从业人员（年末，人）"),
        ("niche_share", "细分市场占有率（%）"),
        ("legal_name", "企业名称"),
        ("contact.phone", "联系电话"),
    ],
)
def test_the_head_of_a_column_names_its_unit_once(fact: str, label: str) -> None:
    assert label_of(GUIZHOU, fact).zh == label


def test_choices_flags_divisions_and_numbers_are_checked_while_they_are_typed() -> None:
    sheet = parts_of(write_template(GUIZHOU, "srdi_sme", "new"))["xl/worksheets/sheet2.xml"]
    letters = {
        column.name: place for place, column in enumerate(columns_of(GUIZHOU, "srdi_sme", "new"))
    }

    checked = dict(re.findall(r'<dataValidation type="(\w+)"[^>]*?sqref="([A-Z]+)3:', sheet))

    listed = re.findall(r'type="list".*?sqref="[A-Z]+3:[A-Z]+10002".*?<formula1>(.*?)<', sheet)
    flags = [name for name in letters if kind_of(name) is FactKind.FLAG]
    assert set(checked) == {"list", "whole", "decimal", "date", "custom", "textLength"}
    assert listed.count('"是,否"') == len(flags)
    assert listed.count("'选项'!$A$2:$A$100") == 2
    assert len(listed) == len(flags) + 2 + 3
    assert all(len(one) <= 255 for one in re.findall(r"<formula1>(.*?)<", sheet))


def kind_of(name: str) -> FactKind | None:
    fact = GUIZHOU.facts.get(name)
    return None if fact is None else fact.kind


def test_the_lists_hold_the_divisions_and_the_options_of_the_pack_by_their_chinese_names() -> None:
    strings = parts_of(write_template(GUIZHOU, "srdi_sme", "new"))["xl/sharedStrings.xml"]

    told = re.findall(r"<t(?: [^>]*)?>(.*?)</t>", strings, flags=re.DOTALL)

    assert {division_name(code) for code in divisions()} <= set(told)
    for of in GUIZHOU.lists.values():
        assert {option.name.zh for option in of.options} <= set(told)


def test_a_note_says_in_two_languages_how_a_column_is_filled() -> None:
    notes = parts_of(write_template(GUIZHOU, "srdi_sme", "new"))["xl/comments1.xml"]

    told = re.findall(r"<t(?: [^>]*)?>(.*?)</t>", notes, flags=re.DOTALL)

    revenue = next(note for note in told if note.startswith("营业收入（元）"))
    assert "必填" in revenue
    assert "示例：20000000.00" in revenue
    assert "Operating revenue (yuan)" in revenue
    assert len(told) == len(GUIZHOU.facts) + len(CONTACTS)


def test_the_guide_names_the_title_the_kind_the_round_and_the_clause() -> None:
    parts = parts_of(write_template(GUIZHOU, "srdi_sme", "renewal", round_code="2026-1"))

    strings = parts["xl/sharedStrings.xml"]

    for said in (
        "省级“专精特新”中小企业",
        "复核",
        "2026-1",
        "六(一)",
        GUIZHOU.title.zh,
        GUIZHOU.name,
    ):
        assert said in strings


def test_the_options_are_hidden_and_the_meta_sheet_more_so() -> None:
    book = parts_of(write_template(GUIZHOU, "srdi_sme", "new"))["xl/workbook.xml"]

    states = dict(re.findall(r'<sheet name="([^"]+)" sheetId="\d"(?: state="(\w+)")?', book))

    assert states == {"填写说明": "", "申报数据": "", "选项": "hidden", "meta": "veryHidden"}


def test_the_same_template_has_the_same_bytes() -> None:
    first = write_template(GUIZHOU, "srdi_sme", "new", round_code="2026-1")

    second = write_template(GUIZHOU, "srdi_sme", "new", round_code="2026-1")

    assert first == second


def test_a_title_that_the_pack_does_not_have_has_no_template() -> None:
    with pytest.raises(KeyError):
        write_template(GUIZHOU, "unicorn", "new")
