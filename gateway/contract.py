"""One OpenAPI document out of the services' own, and the pages of their problems."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gateway.proxy import Upstream


class ContractClash(Exception):
    """Two services promise different things under one name."""


async def fetch_contracts(upstreams: Mapping[str, Upstream]) -> dict[str, dict[str, Any]]:
    """Return each service's contract. Raises `ConnectionError` when one cannot be had."""
    contracts = {}
    for name, upstream in upstreams.items():
        status, body = await upstream.get("/openapi.json")
        if status != HTTPStatus.OK:
            raise ConnectionError(f"{name} answered {status} for its contract")
        contracts[name] = json.loads(body)
    return contracts


def merge_contracts(
    own: Mapping[str, Any], contracts: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Merge the services' paths, schemas and problems into the gateway's own document.

    Raises `ContractClash` when two of them use one path, operation or schema name differently.
    """
    merged: dict[str, Any] = json.loads(json.dumps(own))
    paths = merged.setdefault("paths", {})
    schemas = merged.setdefault("components", {}).setdefault("schemas", {})
    problems: dict[str, Any] = merged.setdefault("x-problems", {})
    operations: set[str] = set()
    for service, contract in sorted(contracts.items()):
        for path, item in contract.get("paths", {}).items():
            if path in paths:
                raise ContractClash(f"{service} and another service both answer {path}")
            for operation in item.values():
                if operation["operationId"] in operations:
                    raise ContractClash(f"the operationId {operation['operationId']} is used twice")
                operations.add(operation["operationId"])
            paths[path] = item
        for name, schema in contract.get("components", {}).get("schemas", {}).items():
            if schemas.setdefault(name, schema) != schema:
                raise ContractClash(f"{service} describes the schema {name} in its own way")
        problems |= contract.get("x-problems", {})
    merged["x-problems"] = dict(sorted(problems.items()))
    merged["paths"] = dict(sorted(paths.items()))
    merged["components"]["schemas"] = dict(sorted(schemas.items()))
    return merged
