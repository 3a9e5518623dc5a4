"""The locks of a published pack: a checksum for each file, so that no rule changes behind anybody's back."""

from hashlib import sha256
from pathlib import Path

PACK_FILE = "pack.toml"
DOCUMENTS_FILE = "documents.toml"
PROCEDURE_FILE = "procedure.toml"
LOCKED_FILES = (PACK_FILE, DOCUMENTS_FILE, PROCEDURE_FILE)
"""The files of a folder that never change once it is published."""


def checksum_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def lock_of(folder: Path, file: str = PACK_FILE) -> Path:
    """Return where the lock of a file stands: beside it, under the same name."""
    return (folder / file).with_suffix(".lock")


def locked_checksum(folder: Path, file: str = PACK_FILE) -> str | None:
    """Return what the lock of a file says, or None without one."""
    lock = lock_of(folder, file)
    if not lock.exists():
        return None
    algorithm, _, checksum = lock.read_text("utf-8").strip().partition(":")
    return checksum if algorithm == "sha256" else None


def write_lock(folder: Path, file: str = PACK_FILE) -> str:
    """Lock a file of a pack, once. Raises `FileExistsError` when it is locked already."""
    checksum = checksum_of((folder / file).read_bytes())
    with lock_of(folder, file).open("x", encoding="utf-8") as lock:
        lock.write(f"sha256:{checksum}\n")
    return checksum
