"""The schemas by which editors complete a pack: they accept what we ship and refuse what we refuse."""

import json
import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deploy.contract import (
    DOCUMENTS_SCHEMA,
    PACK_SCHEMA,
    PROCEDURE_SCHEMA,
    documents_schema,
    pack_schema,
    procedure_schema,
    spelled,
)
from services.policy.catalogue import PACKS

VALIDATOR = Draft202012Validator(pack_schema())
OF_DOCUMENTS = Draft202012Validator(documents_schema())
OF_PROCEDURE = Draft202012Validator(procedure_schema())


def as_json(file_text: str) -> Any:
    """Return a pack as an editor's schema check sees it: dates and all as plain JSON."""
    return json.loads(json.dumps(tomllib.loads(file_text), default=str))


def test_the_schema_is_the_one_in_the_repository() -> None:
    assert PACK_SCHEMA.read_text("utf-8") == spelled(pack_schema()), "run `make contract`"
    assert DOCUMENTS_SCHEMA.read_text("utf-8") == spelled(documents_schema()), "run `make contract`"
    assert PROCEDURE_SCHEMA.read_text("utf-8") == spelled(procedure_schema()), "run `make contract`"


@pytest.mark.parametrize(
    "file", sorted(PACKS.glob("*/*/pack.toml")), ids=lambda file: str(file.parent.name)
)
def test_every_pack_that_ships_fits_the_schema(file: Any) -> None:
    errors = [error.message for error in VALIDATOR.iter_errors(as_json(file.read_text("utf-8")))]

    assert errors == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('kind = "is_sme"', 'kind = "is_smal"'),
        ("needs_finding = true", 'needs_finding = "often"'),
        ("schema_version = 1", "schema_version = 2"),
        ("years = 3\n", "years = 0\n"),
        ('jurisdiction = "520000"', 'jurisdiction = "52"'),
        ('decisions = ["endorse", "reject"]', 'decisions = ["applaud"]'),
    ],
)
def test_a_mistake_is_underlined(was: str, becomes: str) -> None:
    text = (PACKS / "guizhou" / "2021-05-06" / "pack.toml").read_text("utf-8")
    assert was in text

    assert list(VALIDATOR.iter_errors(as_json(text.replace(was, becomes))))


@pytest.mark.parametrize(
    "file", sorted(PACKS.glob("*/*/documents.toml")), ids=lambda file: str(file.parent.name)
)
def test_every_list_of_documents_that_ships_fits_its_schema(file: Any) -> None:
    found = as_json(file.read_text("utf-8"))

    assert [error.message for error in OF_DOCUMENTS.iter_errors(found)] == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("is_required = true", 'is_required = "always"'),
        ("max_megabytes = 50", "max_megabytes = 500"),
        ("max_megabytes = 50", 'media_types = ["text/html"]'),
        ('id = "business_licence"', 'id = "Business licence"'),
        ('clause = "四.1"', 'clauses = "四.1"'),
        ("schema_version = 1", "schema_version = 2"),
    ],
)
def test_a_mistake_in_a_list_of_documents_is_underlined(was: str, becomes: str) -> None:
    text = (PACKS / "guizhou" / "2021-05-06" / "documents.toml").read_text("utf-8")
    assert was in text

    assert list(OF_DOCUMENTS.iter_errors(as_json(text.replace(was, becomes))))


@pytest.mark.parametrize(
    "file", sorted(PACKS.glob("*/*/procedure.toml")), ids=lambda file: str(file.parent.name)
)
def test_every_procedure_that_ships_fits_its_schema(file: Any) -> None:
    found = as_json(file.read_text("utf-8"))

    assert [error.message for error in OF_PROCEDURE.iter_errors(found)] == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("experts = 3", "experts = 2"),
        ("in_field = true", 'in_field = "mostly"'),
        ('aggregation = "mean"', 'aggregation = "best"'),
        ("spread_alarm = 20", "spread_alarm = 0"),
        ("out_of = 10", "out_of = 101"),
        ('id = "own_ip"', 'id = "Own IP"'),
        ("[hearing]", "[hearings]"),
        ("schema_version = 1", "schema_version = 2"),
    ],
)
def test_a_mistake_in_a_procedure_is_underlined(was: str, becomes: str) -> None:
    text = (PACKS / "guizhou" / "2021-05-06" / "procedure.toml").read_text("utf-8")
    assert was in text

    assert list(OF_PROCEDURE.iter_errors(as_json(text.replace(was, becomes))))
