"""The published contract: it loads, it is the one that was reviewed, and it hides no route."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from deploy.contract import REVIEW_ACTIONS, SNAPSHOT, merged_contract, spelled
from services.kernel.identity.actor import Office
from services.review.act_table import (
    ANYBODY,
    OBJECTION_PATHS,
    OBJECTION_STATES,
    STATES,
    ObjectionAct,
    answer,
    markdown,
    objection_answer,
)
from services.review.workflow import RULES, Act

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


def test_the_table_of_acts_in_review_is_the_one_in_the_repository() -> None:
    assert REVIEW_ACTIONS.read_text("utf-8") == markdown(), "run `make contract` and review it"


def refusals_at(path: str) -> set[str]:
    """Return the refusals that a POST says it has, whatever its parameters are called."""
    [operation] = [
        item["post"]
        for template, item in CONTRACT["paths"].items()
        if re.sub(r"\{\w+\}", "{}", template) == f"/api/v1{re.sub(r'{.+?}', '{}', path)}"
    ]
    return set(re.findall(r"/problems/([a-z0-9-]+)", json.dumps(operation["responses"])))


@pytest.mark.parametrize("act", Act)
def test_how_an_act_is_refused_is_said_at_its_route(act: Act) -> None:
    refused = {answer(act, state, office).slug for state in STATES for office in Office} - {None}

    assert refused - refusals_at(RULES[act].path) == set()


@pytest.mark.parametrize("act", ObjectionAct)
def test_how_an_act_on_an_objection_is_refused_is_said_at_its_route(act: ObjectionAct) -> None:
    answers = {
        objection_answer(act, state, office) for state in OBJECTION_STATES for office in ANYBODY
    }

    assert {one.slug for one in answers} - {None} - refusals_at(OBJECTION_PATHS[act]) == set()


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
