"""What others rely on, as files, so that a change of it shows in review: `make contract`.

The merged OpenAPI document, the JSON Schemas by which an editor completes a pack.toml, a
documents.toml and a procedure.toml, and the table of who may do what with a case of review.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy.engine import URL

from deploy.schema import PROJECT, SERVICES
from deploy.standalone.home import ISSUER
from deploy.standalone.platform import put_together
from gateway.contract import merge_contracts
from services.applications.settings import IntakeSettings
from services.kernel.clock import SystemClock
from services.kernel.identity.keys import KeyRing
from services.kernel.identity.tokens import SigningKey
from services.kernel.problems import problem_catalogue
from services.policy.documents import DocumentsFile
from services.policy.pack import PackDocument
from services.policy.procedure import Procedure
from services.registry.settings import RegistrySettings
from services.review.act_table import markdown
from services.review.settings import ReviewSettings
from services.rewards.settings import RewardsSettings

SNAPSHOT = PROJECT / "docs" / "openapi.json"
PACK_SCHEMA = PROJECT / "docs" / "pack.schema.json"
DOCUMENTS_SCHEMA = PROJECT / "docs" / "documents.schema.json"
PROCEDURE_SCHEMA = PROJECT / "docs" / "procedure.schema.json"
REVIEW_ACTIONS = PROJECT / "docs" / "review-actions.md"


def merged_contract() -> dict[str, Any]:
    """Return the contract that the gateway serves. Nothing is connected to."""
    with tempfile.TemporaryDirectory(prefix="srdi-contract-") as folder:
        platform = put_together(
            owner=URL.create("postgresql+asyncpg", database="nowhere"),
            passwords={},
            intake=IntakeSettings.in_folder(Path(folder)),
            review=ReviewSettings.in_folder(Path(folder)),
            registry=RegistrySettings.in_folder(Path(folder)),
            rewards=RewardsSettings.in_folder(Path(folder)),
            keys=KeyRing((SigningKey.generate(),)),
            issuer=ISSUER,
            clients={},
            clock=SystemClock(),
        )
    own = platform.gateway.openapi() | {"x-problems": problem_catalogue("services.kernel.")}
    return merge_contracts(
        own, {service: platform.services[service].openapi() for service in SERVICES}
    )


def pack_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a pack.toml."""
    return _schema_of(PackDocument, "Policy pack")


def documents_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a documents.toml."""
    return _schema_of(DocumentsFile, "Documents of a policy pack")


def procedure_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a procedure.toml."""
    return _schema_of(Procedure, "Procedure of a policy pack")


def _schema_of(file: type[BaseModel], title: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **{name: value for name, value in file.model_json_schema().items() if name != "title"},
    }


def spelled(contract: dict[str, Any]) -> str:
    return json.dumps(contract, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    for file, content in (
        (SNAPSHOT, spelled(merged_contract())),
        (PACK_SCHEMA, spelled(pack_schema())),
        (DOCUMENTS_SCHEMA, spelled(documents_schema())),
        (PROCEDURE_SCHEMA, spelled(procedure_schema())),
        (REVIEW_ACTIONS, markdown()),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
        sys.stdout.write(f"{file} is written\n")


if __name__ == "__main__":
    main()
