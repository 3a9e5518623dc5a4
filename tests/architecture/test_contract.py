"""The published contract: it loads, it is the one that was reviewed, and it hides no route."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from deploy.contract import SNAPSHOT, merged_contract, spelled

CONTRACT = merged_contract()
METHODS = {"get", "post", "put", "patch", "delete"}
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method.upper()} {path}")
    for path, item in CONTRACT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
]


def test_the_contract_is_the_one_in_the_repository() -> None:
    assert SNAPSHOT.read_text("utf-8") == spelled(CONTRACT), "run `make contract` and review it"


def test_the_contract_is_valid_openapi_31() -> None:
    assert CONTRACT["openapi"].startswith("3.1")
    assert [str(error) for error in OpenAPIV31SpecValidator(CONTRACT).iter_errors()] == []


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_is_named_summarised_in_two_languages_and_says_what_it_refuses(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", operation["operationId"])
    assert "·" in operation["summary"], "Chinese · English"
    assert re.search(r"[\u4e00-\u9fff]", operation["summary"])
    if path.startswith("/api/v1/"):
        assert "401" in operation["responses"]
        for status, answer in operation["responses"].items():
            if status.startswith(("4", "5")):
                assert set(answer["content"]) == {"application/problem+json"}, (method, status)


def test_every_refusal_in_the_contract_is_in_the_catalogue() -> None:
    named = set(re.findall(r"/problems/([a-z0-9-]+)", json.dumps(CONTRACT["paths"])))

    assert named - set(CONTRACT["x-problems"]) == set()


def test_money_is_a_string_everywhere() -> None:
    numbers = [
        f"{name}.{member}"
        for name, schema in CONTRACT["components"]["schemas"].items()
        for member, of in schema.get("properties", {}).items()
        if of.get("type") == "number"
    ]

    assert numbers == []
