"""The packs that are published: by name, and by what was in force where and when."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from services.kernel.regions import covers, prefix_of
from services.policy.lock import checksum_of, locked_checksum
from services.policy.pack import Pack, PackFlaw

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
    """Read one pack. Raises `PackInvalid` when it is not sound, or differs from its lock."""
    name = f"{file.parent.parent.name}/{file.parent.name}"
    content = file.read_bytes()
    checksum = checksum_of(content)
    if must_be_locked and locked_checksum(file.parent) != checksum:
        raise PackInvalid(
            f"{name}: pack.toml differs from pack.lock. A published pack is never changed:"
            " correct it in a new folder with a later date."
        )
    try:
        document = tomllib.loads(content.decode("utf-8"), parse_float=Decimal)
        pack = Pack.model_validate({**document, "name": name, "checksum": checksum})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError, PackFlaw) as error:
        raise PackInvalid(f"{name}: {error}") from error
    if pack.in_force_from.isoformat() != file.parent.name:
        raise PackInvalid(
            f"{name}: it is in force from {pack.in_force_from}, not from its folder's day"
        )
    return pack


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
