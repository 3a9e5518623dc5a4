"""Private keys that sign, as files of a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.kernel.identity.tokens import SigningKey, key_set


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys by age of their file's name; the last one signs, all of them are published."""

    keys: tuple[SigningKey, ...]

    @property
    def signing(self) -> SigningKey:
        return self.keys[-1]

    def public(self) -> dict[str, Any]:
        return key_set(self.keys)


def read_keys(folder: Path) -> KeyRing:
    """Read every key of a folder. Raises `FileNotFoundError` when there is none."""
    files = sorted(folder.glob("*.pem"))
    if not files:
        raise FileNotFoundError(f"no signing key (*.pem) in {folder}")
    return KeyRing(tuple(SigningKey.from_pem(file.read_text("ascii")) for file in files))


def create_key(folder: Path, name: str) -> SigningKey:
    """Make a key that only its owner can read."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = SigningKey.generate()
    file = folder / f"{name}.pem"
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(key.pem, "ascii")
    return key
