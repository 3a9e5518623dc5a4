"""The lock of a published pack: its checksum, so that no rule changes behind anybody's back."""

from hashlib import sha256
from pathlib import Path

_LOCK = "pack.lock"


def checksum_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def locked_checksum(folder: Path) -> str | None:
    """Return what the lock says, or None without one."""
    lock = folder / _LOCK
    if not lock.exists():
        return None
    algorithm, _, checksum = lock.read_text("utf-8").strip().partition(":")
    return checksum if algorithm == "sha256" else None


def write_lock(folder: Path) -> str:
    """Lock the pack in a folder, once. Raises `FileExistsError` when it is locked already."""
    checksum = checksum_of((folder / "pack.toml").read_bytes())
    with (folder / _LOCK).open("x", encoding="utf-8") as lock:
        lock.write(f"sha256:{checksum}\n")
    return checksum
