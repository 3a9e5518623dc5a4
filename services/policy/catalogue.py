"""The packs that are published: by name, and by what was in force where and when."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.kernel.regions import covers, prefix_of
from services.policy.documents import DocumentsFile
from services.policy.lock import (
    DOCUMENTS_FILE,
    LOCKED_FILES,
    PACK_FILE,
    PROCEDURE_FILE,
    checksum_of,
    lock_of,
    locked_checksum,
)
from services.policy.pack import Pack, PackDocument, PackFlaw
from services.policy.procedure import Procedure

PACKS = Path(__file__).parent / "packs"


class PackInvalid(Exception):
    """A pack cannot be used: it does not parse, does not hold together, or was changed."""


class UnknownPack(LookupError):
    """No pack has this name."""


class Catalogue:
    def __init__(self, packs: Sequence[Pack]) -> None:
        self._packs: Mapping[str, Pack] = {pack.name: pack for pack in packs}
        _refuse_overlaps(packs)
        _refuse_changing_facts(packs)

    def packs(self) -> list[Pack]:
        """Return every pack: by jurisdiction, the newest first."""
        return sorted(
            self._packs.values(),
            key=lambda pack: (pack.jurisdiction, -pack.in_force_from.toordinal()),
        )

    def pack(self, name: str) -> Pack:
        """Return a pack by its name. Raises `UnknownPack`."""
        try:
            return self._packs[name]
        except KeyError as error:
            raise UnknownPack(name) from error

    def in_force(self, division: str | None, on: date) -> list[Pack]:
        """Return every pack in force for a division on a day, the nearest jurisdiction first.

        None asks for all divisions. A province's plan stands beside the national rules: neither replaces the other.
        """
        latest: dict[str, Pack] = {}
        for pack in sorted(self._packs.values(), key=lambda pack: pack.in_force_from):
            applies = division is None or covers(pack.jurisdiction, division)
            if applies and _is_in_force(pack, on):
                latest[_series(pack)] = pack
        return sorted(latest.values(), key=lambda pack: -len(prefix_of(pack.jurisdiction)))


def load_catalogue(folder: Path = PACKS) -> Catalogue:
    """Read every pack below a folder. Raises `PackInvalid` for the first one that is not sound."""
    return Catalogue([read_pack(file) for file in sorted(folder.glob("*/*/pack.toml"))])


@lru_cache
def published_catalogue() -> Catalogue:
    """Return the packs that ship with the platform, read once. Raises `PackInvalid`."""
    return load_catalogue()


def read_pack(file: Path, *, must_be_locked: bool = True) -> Pack:
    """Read one pack, the procedure.toml beside it, and its documents.toml if there is one.

    Raises `PackInvalid` when it is not sound, or when a file of it differs from its lock. A file that
    is not locked yet is read only when it need not be; a lock that is there always holds.
    """
    folder = file.parent
    name = f"{folder.parent.name}/{folder.name}"
    contents = {one: (folder / one).read_bytes() for one in LOCKED_FILES if (folder / one).exists()}
    for locked in LOCKED_FILES:
        complaint = _complaint_of_lock(
            folder, locked, contents.get(locked), must_be_locked=must_be_locked
        )
        if complaint is not None:
            raise PackInvalid(f"{name}: {complaint}")
    try:
        pack = Pack.model_validate(
            {
                **_rules_of(contents[PACK_FILE]),
                "name": name,
                "checksum": checksum_of(contents[PACK_FILE]),
                **_documents_of(contents.get(DOCUMENTS_FILE)),
                **_procedure_of(contents.get(PROCEDURE_FILE)),
            }
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError, PackFlaw) as error:
        raise PackInvalid(f"{name}: {error}") from error
    if pack.in_force_from.isoformat() != file.parent.name:
        raise PackInvalid(
            f"{name}: it is in force from {pack.in_force_from}, not from its folder's day"
        )
    return pack


def _complaint_of_lock(
    folder: Path, file: str, content: bytes | None, *, must_be_locked: bool
) -> str | None:
    lock = lock_of(folder, file)
    if not lock.exists():
        if content is None or not must_be_locked:
            return None
        return f"{file} is not locked; `srdi pack lock` publishes it"
    # What is gone has no checksum, so a lock without its file is a change as well.
    if content is not None and locked_checksum(folder, file) == checksum_of(content):
        return None
    return (
        f"{file} differs from {lock.name}. A published pack is never changed: correct it in a new"
        " folder with a later date."
    )


def _rules_of(content: bytes) -> dict[str, Any]:
    document = tomllib.loads(content.decode("utf-8"), parse_float=Decimal)
    misplaced = sorted(
        document.keys() & (Pack.model_fields.keys() - PackDocument.model_fields.keys())
    )
    if misplaced:
        raise PackFlaw(f"{PACK_FILE} has no member {' or '.join(misplaced)}")
    return document


def _documents_of(content: bytes | None) -> dict[str, Any]:
    if content is None:
        return {}
    file = DocumentsFile.model_validate(tomllib.loads(content.decode("utf-8")))
    return {"documents": file.documents, "documents_checksum": checksum_of(content)}


def _procedure_of(content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise PackFlaw(f"{PROCEDURE_FILE} is missing: it says how the stages are conducted")
    procedure = tomllib.loads(content.decode("utf-8"), parse_float=Decimal)
    return {
        "procedure": Procedure.model_validate(procedure),
        "procedure_checksum": checksum_of(content),
    }


def _series(pack: Pack) -> str:
    """Return the folder that a pack stands in, where a later one replaces an earlier."""
    return pack.name.partition("/")[0]


def _is_in_force(pack: Pack, on: date) -> bool:
    return pack.in_force_from <= on and (pack.in_force_until is None or on < pack.in_force_until)


def _refuse_overlaps(packs: Sequence[Pack]) -> None:
    """Refuse two packs that are in force in one place on one day.

    Of one folder a later pack replaces the earlier, unless that one names a later end; and each
    jurisdiction has one folder.
    """
    folders: dict[str, str] = {}
    for pack in packs:
        first = folders.setdefault(pack.jurisdiction, _series(pack))
        if first != _series(pack):
            raise PackInvalid(f"{first} and {pack.name} are both the law of {pack.jurisdiction}")
    ordered = sorted(packs, key=lambda pack: (_series(pack), pack.in_force_from))
    for earlier, later in pairwise(ordered):
        if _series(earlier) != _series(later):
            continue
        if earlier.in_force_until is not None and later.in_force_from < earlier.in_force_until:
            raise PackInvalid(f"{earlier.name} and {later.name} overlap")


def _refuse_changing_facts(packs: Sequence[Pack]) -> None:
    """Refuse a fact that two packs read differently: stored facts outlive the pack."""
    kinds: dict[str, tuple[str, str]] = {}
    for pack in packs:
        for name, fact in pack.facts.items():
            first = kinds.setdefault(name, (fact.kind, pack.name))
            if first[0] != fact.kind:
                raise PackInvalid(f"{pack.name} reads the fact {name} otherwise than {first[1]}")
