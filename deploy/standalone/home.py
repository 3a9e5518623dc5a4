"""What the standalone platform keeps on disk between two starts."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, JsonValue

from deploy.schema import PROJECT
from deploy.standalone.firms import register_extract
from gateway.clients import Client, read_clients
from services.applications.settings import IntakeSettings
from services.kernel.identity.keys import KeyRing, create_key, read_keys
from services.registry.settings import RegistrySettings
from services.review.settings import ReviewSettings
from services.rewards.settings import RewardsSettings

ISSUER = "http://127.0.0.1/standalone"


class AlreadyRunning(Exception):
    """Another process serves from this folder."""


class ExampleProgress(BaseModel):
    """How far the worked example has been told, with every answer that it was given so far."""

    begun_on: str
    is_told: bool = False
    answers: dict[str, JsonValue] = {}


@dataclass(frozen=True, slots=True)
class Home:
    """A folder: the database, the signing keys, and how far the worked example has come."""

    folder: Path

    @classmethod
    def default(cls) -> "Home":
        """Return SRDI_HOME, or `.data` in the project."""
        return cls(Path(os.environ.get("SRDI_HOME") or PROJECT / ".data"))

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    def intake(self) -> IntakeSettings:
        """Return where documents are kept: in the folder, unless a variable says otherwise.

        There is a market register to pre-fill from, with the enterprises of the worked example.
        """
        if "SRDI_DOCUMENTS_URL" in os.environ:
            return IntakeSettings()
        extract = self.folder.absolute() / "register.csv"
        if not extract.exists():
            draft = extract.with_suffix(".new")
            draft.write_text(register_extract(), "utf-8")
            draft.replace(extract)
        return IntakeSettings.in_folder(
            self.folder, register_extract=extract, register_name="example_register"
        )

    def review(self) -> ReviewSettings:
        """Return where photographs are kept: in the folder, unless a variable says otherwise."""
        if "SRDI_PHOTOGRAPHS_URL" in os.environ:
            return ReviewSettings()
        return ReviewSettings.in_folder(self.folder)

    def registry(self, *, public_url: str) -> RegistrySettings:
        """Return where the keys are that sign certificates, and the address that is printed on them."""
        if "SRDI_SEAL_KEYS_FOLDER" in os.environ:
            return RegistrySettings()
        return RegistrySettings.in_folder(self.folder, public_url=public_url)

    def rewards(self, *, public_url: str) -> RewardsSettings:
        """Return where the keys are that sign batches and statements."""
        if "SRDI_SEAL_KEYS_FOLDER" in os.environ:
            return RewardsSettings()
        return RewardsSettings.in_folder(self.folder, public_url=public_url)

    @property
    def log_file(self) -> Path:
        return self.folder / "platform.log"

    @property
    def _keys(self) -> Path:
        return self.folder / "keys"

    @property
    def _example(self) -> Path:
        return self.folder / "example.json"

    @property
    def clients_file(self) -> Path:
        return self.folder / "clients.toml"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Keep the folder for this process. Raises `AlreadyRunning` when another one has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(str(self.folder)) from error
            yield

    def keys(self) -> KeyRing:
        """Return the signing keys; the first call makes one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return read_keys(self._keys)
        except FileNotFoundError:
            create_key(self._keys, "0001")
            return read_keys(self._keys)

    def clients(self) -> Mapping[str, Client]:
        """Return the clients that may ask for tokens; the first call makes one to try it with."""
        if not self.clients_file.exists():
            secret = secrets.token_urlsafe(32)
            self.clients_file.touch(mode=0o600)
            self.clients_file.write_text(
                "# Clients of the standalone platform. Only the hash of a secret counts;\n"
                f"# the secret of this one, to try it with, is {secret}\n"
                "[[client]]\n"
                'client_id = "example-bank"\n'
                'name = "A bank that checks certificates"\n'
                f'secret_sha256 = "{sha256(secret.encode()).hexdigest()}"\n'
                'scopes = ["registry:read", "events:read"]\n'
                'region = "520000"\n',
                "utf-8",
            )
        return read_clients(self.clients_file)

    def existing_keys(self) -> KeyRing:
        """Return the signing keys. Raises `FileNotFoundError` before the first start."""
        return read_keys(self._keys)

    def example(self) -> ExampleProgress | None:
        """Return how far the worked example has come, or None before it was begun."""
        if not self._example.exists():
            return None
        return ExampleProgress.model_validate_json(self._example.read_text("utf-8"))

    def note_example(self, progress: ExampleProgress) -> None:
        """Write down, in one step, how far the example has come."""
        draft = self._example.with_suffix(".new")
        draft.write_text(progress.model_dump_json(), "utf-8")
        draft.replace(self._example)
