"""The clients that may ask for tokens, and what each of them may be."""

import hmac
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.kernel.identity.actor import Office, Scope


class Client(BaseModel):
    """One machine. Its secret is random and long, so a plain SHA-256 of it can be kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    name: str
    secret_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    scopes: frozenset[Scope]
    offices: frozenset[Office] = frozenset()
    region: Annotated[str, StringConstraints(pattern=r"^\d{6}$")] | None = None
    uscc: str | None = None

    def has_secret(self, secret: str) -> bool:
        return hmac.compare_digest(sha256(secret.encode()).hexdigest(), self.secret_sha256)


class ClientsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    client: list[Client] = Field(default_factory=list)


def read_clients(file: Path) -> Mapping[str, Client]:
    """Read the clients, failing loudly on anything that is not as described above."""
    listed = ClientsFile.model_validate(tomllib.loads(file.read_text("utf-8"))).client
    clients = {client.client_id: client for client in listed}
    if len(clients) != len(listed):
        raise ValueError(f"{file} names a client twice")
    return clients
