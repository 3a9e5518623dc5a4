"""What a deployment of separate processes is told: one environment file for each of them.

The services' database passwords and client secrets are made here, are random, and are written
nowhere else but into these files, which only their owner can read.
"""

import json
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from sqlalchemy.engine import URL

from deploy.schema import SERVICES, login_of, new_passwords
from services.kernel.identity.keys import create_key

FEEDS: Mapping[str, tuple[str, ...]] = {
    "applications": ("review", "registry"),
    "review": ("applications", "registry"),
    "registry": ("review", "applications", "rewards"),
    "rewards": ("registry",),
}
"""Whose feeds each service follows."""

GATEWAY = "gateway"

SEALS: Mapping[str, str] = {"registry": "seal", "rewards": "rewards-seal"}
"""The folder of the keys that a service signs with. No two share one."""


def write_deployment(
    folder: Path,
    *,
    owner: URL,
    issuer: str,
    addresses: Mapping[str, str],
    files_at: str | None = None,
    documents_at: str | None = None,
) -> None:
    """Write keys, clients and environment files into a new folder.

    `owner` is the database's owner; `addresses` say where the gateway and each service listen.
    `files_at` is where the gateway will see the folder, when that is not where it is written, and
    `documents_at` is a folder in which intake keeps its documents, and review its photographs, as
    they see it.
    Raises `FileExistsError` when the folder is there already: secrets are never overwritten.
    """
    folder.mkdir(parents=True, mode=0o700)
    create_key(folder / "keys", "0001")
    for seal in SEALS.values():
        create_key(folder / seal, "0001")
    passwords = new_passwords()
    client_secrets = {service: secrets.token_urlsafe(32) for service in SERVICES}
    _write(folder / "clients.toml", "\n".join(map(_client, client_secrets.items())))
    seen_at = files_at or str(folder)
    _write_environment(
        folder / "gateway.env",
        SRDI_ISSUER=issuer,
        SRDI_KEYS_FOLDER=f"{seen_at}/keys",
        SRDI_CLIENTS_FILE=f"{seen_at}/clients.toml",
        SRDI_SERVICES=json.dumps({service: addresses[service] for service in SERVICES}),
    )
    for service in SERVICES:
        login = owner.set(username=login_of(service), password=passwords[service])
        _write_environment(
            folder / f"{service}.env",
            **_where_files_are_kept(service, folder, documents_at),
            **_seal(service, issuer, files_at or str(folder.absolute())),
            SRDI_ISSUER=issuer,
            SRDI_DATABASE_URL=login.render_as_string(hide_password=False),
            SRDI_GATEWAY_URL=addresses[GATEWAY],
            SRDI_CLIENT_SECRET=client_secrets[service],
            SRDI_FEEDS=json.dumps({source: addresses[source] for source in FEEDS[service]}),
        )
    _write_environment(
        folder / "prepare.env",
        SRDI_OWNER_URL=owner.render_as_string(hide_password=False),
        SRDI_PASSWORDS=json.dumps(passwords),
    )
    if owner.password:
        _write_environment(
            folder / "postgres.env",
            POSTGRES_DB=owner.database or "",
            POSTGRES_USER=owner.username or "",
            POSTGRES_PASSWORD=str(owner.password),
        )


def read_environment(file: Path) -> dict[str, str]:
    """Return what an environment file says."""
    return dict(line.split("=", 1) for line in file.read_text("utf-8").splitlines())


def _where_files_are_kept(
    service: str, folder: Path, documents_at: str | None
) -> Mapping[str, str]:
    """Return what a service is told that keeps files. No two keep them in one place: each sweeps its own."""
    match service:
        case "applications":
            kept_in = documents_at or f"{folder.absolute()}/documents"
            where = {"SRDI_DOCUMENTS_URL": f"file://{kept_in}/kept"}
        case "review":
            kept_in = f"{documents_at or folder.absolute()}/photographs"
            where = {"SRDI_PHOTOGRAPHS_URL": f"file://{kept_in}/kept"}
        case _:
            return {}
    return where | {"SRDI_SPOOL_FOLDER": f"{kept_in}/arriving"}


def _seal(service: str, issuer: str, seen_at: str) -> Mapping[str, str]:
    """Return what a service signs its papers with, and the address that stands on them."""
    if service not in SEALS:
        return {}
    return {"SRDI_SEAL_KEYS_FOLDER": f"{seen_at}/{SEALS[service]}", "SRDI_PUBLIC_URL": issuer}


def _client(pair: tuple[str, str]) -> str:
    service, secret = pair
    return (
        "[[client]]\n"
        f'client_id = "service-{service}"\n'
        f'name = "The {service} service"\n'
        f'secret_sha256 = "{sha256(secret.encode()).hexdigest()}"\n'
        'scopes = ["events:read", "events:internal"]\n'
    )


def _write_environment(file: Path, **variables: str) -> None:
    _write(file, "".join(f"{name}={value}\n" for name, value in variables.items()))


def _write(file: Path, content: str) -> None:
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(content, "utf-8")
