"""Kinds of document: locked beside their pack, named by its conditions, and needed by title, kind and facts."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from services.policy.catalogue import PACKS, PackInvalid, load_catalogue, read_pack
from services.policy.conditions import with_parts
from services.policy.documents import MEDIA_TYPES
from services.policy.lock import DOCUMENTS_FILE, checksum_of, locked_checksum, write_lock
from services.policy.pack import Pack

CATALOGUE = load_catalogue()
GUIZHOU = CATALOGUE.pack("guizhou/2021-05-06")
NATIONAL_2022 = CATALOGUE.pack("national/2022-08-01")
NATIONAL_2026 = CATALOGUE.pack("national/2026-04-01")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the plan, locked as it ships."""
    copied = tmp_path / GUIZHOU.name
    shutil.copytree(PACKS / GUIZHOU.name, copied)
    return copied


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
def test_the_documents_of_a_published_pack_are_as_they_were_locked(pack: Pack) -> None:
    content = (PACKS / pack.name / DOCUMENTS_FILE).read_bytes()

    assert pack.documents_checksum == checksum_of(content)
    assert locked_checksum(PACKS / pack.name, DOCUMENTS_FILE) == pack.documents_checksum


@pytest.mark.parametrize("pack", CATALOGUE.packs(), ids=lambda pack: pack.name)
def test_a_document_that_a_title_is_compared_with_is_asked_for_with_that_title(pack: Pack) -> None:
    for title in pack.applied_for:
        asked = {document.id for document in pack.documents_of(title)}
        conditions = with_parts(sum(pack.tests_of(title), ()))
        named = [
            *(one.evidence + one.rule.evidence_named() for one in conditions),
            *(one.evidence for table in pack.tables_of(title) for one in table.indicators),
        ]

        assert set().union(*named) - asked == set(), title


def test_changed_documents_are_not_loaded(folder: Path) -> None:
    change(folder / DOCUMENTS_FILE, "is_required = true", "is_required = false")

    with pytest.raises(PackInvalid, match=r"documents\.toml differs from documents\.lock"):
        load_catalogue(folder.parents[1])


def test_documents_that_are_not_locked_are_not_loaded(folder: Path) -> None:
    (folder / "documents.lock").unlink()

    with pytest.raises(PackInvalid, match=r"documents\.toml is not locked"):
        load_catalogue(folder.parents[1])


def test_locked_documents_are_not_taken_away(folder: Path) -> None:
    (folder / DOCUMENTS_FILE).unlink()

    with pytest.raises(PackInvalid, match=r"documents\.toml differs from documents\.lock"):
        load_catalogue(folder.parents[1])


def test_a_lock_holds_even_where_none_is_needed(folder: Path) -> None:
    change(folder / DOCUMENTS_FILE, "is_required = true", "is_required = false")

    with pytest.raises(PackInvalid, match=r"documents\.toml differs from documents\.lock"):
        read_pack(folder / "pack.toml", must_be_locked=False)


def test_a_pack_without_a_list_of_documents_asks_for_none(folder: Path) -> None:
    (folder / DOCUMENTS_FILE).unlink()
    (folder / "documents.lock").unlink()

    [pack] = load_catalogue(folder.parents[1]).packs()

    assert (pack.documents, pack.documents_checksum) == ((), None)
    assert pack.documents_needed("srdi_sme", "new", {"is_ethnic_craft": True}) == ()
    assert pack.document_kind("audit_report") is None


def test_a_pack_that_lists_documents_itself_is_told_where_they_belong(folder: Path) -> None:
    change(folder / "pack.toml", "schema_version = 1", "schema_version = 1\ndocuments = []")

    with pytest.raises(PackInvalid, match=r"pack\.toml has no member documents"):
        read_unlocked(folder)


@pytest.mark.parametrize(
    ("was", "becomes", "complaint"),
    [
        ('"is_ethnic_craft"', '"is_ethnic"', "required when is_ethnic, which is not declared"),
        ('"is_ethnic_craft"', '"employees"', "which is a count and no flag"),
        ('id = "field_statement"', 'id = "digital_proof"', "share the id digital_proof"),
        ('id = "field_statement"', 'id = "niche"', "niche has the name of a fact"),
        ('id = "field_statement"', 'id = "Field"', "String should match pattern"),
        (
            'required_when = "is_ethnic_craft"',
            'required_when = "is_ethnic_craft"\nis_required = true',
            "is_required or required_when",
        ),
        (
            'required_when = "is_ethnic_craft"',
            'required_when = "is_ethnic_craft"\ntitles = ["duke"]',
            "ethnic_craft_proof names the title duke",
        ),
        (
            'required_when = "is_ethnic_craft"',
            'required_when = "is_ethnic_craft"\ntitles = ["national_little_giant"]',
            "names the title national_little_giant, which is not applied for",
        ),
        (
            'id = "ethnic_craft_proof"',
            'id = "craft_proof"',
            "condition operating_revenue names the document ethnic_craft_proof",
        ),
        ("max_megabytes = 50", "max_megabytes = 101", "max_megabytes"),
        ("max_megabytes = 50", 'media_types = ["text/html"]', "media_types"),
        ("max_megabytes = 50", "media_types = []", "media_types"),
        ("max_megabytes = 50", 'applies_to = "objection"', "applies_to"),
        ("max_megabytes = 50", "colour = 3", "colour"),
        ("schema_version = 1", "schema_version = 2", "schema_version"),
    ],
)
def test_documents_that_do_not_hold_together_are_not_loaded(
    folder: Path, was: str, becomes: str, complaint: str
) -> None:
    change(folder / DOCUMENTS_FILE, was, becomes)

    with pytest.raises(PackInvalid, match=complaint):
        read_unlocked(folder)


def test_a_document_that_only_an_indicator_names_is_missed_as_well(tmp_path: Path) -> None:
    folder = tmp_path / NATIONAL_2022.name
    shutil.copytree(PACKS / NATIONAL_2022.name, folder)
    change(folder / DOCUMENTS_FILE, 'id = "digital_assessment"', 'id = "digital_level_result"')

    with pytest.raises(PackInvalid, match="indicator digital names the document"):
        read_unlocked(folder)


def test_proof_of_ethnic_crafts_is_needed_by_those_who_say_so() -> None:
    def needed(**facts: Any) -> tuple[str, ...]:
        return GUIZHOU.documents_needed("srdi_sme", "new", facts)

    everybody = ("business_licence", "audit_report", "truth_commitment")
    assert needed() == needed(is_ethnic_craft=False) == everybody
    assert needed(is_ethnic_craft=True) == (*everybody, "ethnic_craft_proof")


def test_the_nation_needs_the_credit_report_since_2026() -> None:
    before = NATIONAL_2022.documents_needed("srdi_sme", "new", {})
    since = NATIONAL_2026.documents_needed("srdi_sme", "new", {})

    assert before == ("business_licence", "audit_reports", "commitment", "social_insurance_record")
    assert since == (*before, "credit_report")


def test_a_document_is_asked_for_with_its_titles_and_kinds_of_application(folder: Path) -> None:
    change(
        folder / DOCUMENTS_FILE,
        'id = "field_statement"',
        'id = "field_statement"\ntitles = ["srdi_sme"]\napplies_to = "renewal"',
    )
    (folder / "documents.lock").unlink()
    write_lock(folder, DOCUMENTS_FILE)
    [pack] = load_catalogue(folder.parents[1]).packs()

    def is_asked(title: str, kind: Any = None) -> bool:
        return "field_statement" in {one.id for one in pack.documents_of(title, kind)}

    assert is_asked("srdi_sme")
    assert is_asked("srdi_sme", "renewal")
    assert not is_asked("srdi_sme", "new")
    assert not is_asked("provincial_little_giant", "renewal")


def test_a_title_that_is_not_applied_for_is_asked_for_nothing() -> None:
    library = GUIZHOU.documents_of("cultivation_library")

    assert library == ()
    with pytest.raises(KeyError):
        GUIZHOU.documents_of("duke")


def test_what_a_document_does_not_say_has_a_default() -> None:
    other = GUIZHOU.document_kind("other_material")

    assert other is not None
    assert (other.is_required, other.required_when, other.applies_to) == (False, None, None)
    assert (other.media_types, other.max_megabytes) == (MEDIA_TYPES, 20)
    assert GUIZHOU.titles_asking_for(other) == ("srdi_sme", "provincial_little_giant")
