"""What changes from one pack to another, entry by entry, in the order of the file."""

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from services.kernel.text import Text
from services.policy.lock import DOCUMENTS_FILE, PACK_FILE, PROCEDURE_FILE


class Change(NamedTuple):
    entry: str
    """Where it stands, such as `conditions.debt_ratio.rule.at_most`."""
    before: str | None
    """None when the entry is new."""
    after: str | None
    """None when the entry is gone."""


def differences(before: Path, after: Path) -> list[Change]:
    """Return every change between the packs of two folders, their documents and their procedures."""
    return list(_changes("", _tables(before), _tables(after)))


def _tables(folder: Path) -> Mapping[str, Any]:
    """Return a pack with its documents by name, so that one without any differs in each of them.

    The rules of its procedure stand by the stage that each is for.
    """
    documents, procedure = _read(folder / DOCUMENTS_FILE), _read(folder / PROCEDURE_FILE)
    return {
        **_read(folder / PACK_FILE),
        "documents": {one["id"]: one for one in documents.get("documents", ())},
        "procedure": procedure
        | {
            name: {one["stage"]: one for one in procedure.get(name, ())}
            for name in ("panels", "samples")
        },
    }


def _read(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    document: dict[str, Any] = tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    return document


def _changes(entry: str, before: Any, after: Any) -> Iterator[Change]:
    was, becomes = _by_name(before), _by_name(after)
    if isinstance(was, Mapping) and isinstance(becomes, Mapping):
        for name in dict.fromkeys((*was, *becomes)):
            inner = f"{entry}.{name}" if entry else name
            yield from _changes(inner, was.get(name), becomes.get(name))
    elif was != becomes:
        yield Change(entry, _spelled(before), _spelled(after))


def _by_name(part: Any) -> Any:
    """Compare lists whose members have an id by that id, so that a new one moves no other."""
    if isinstance(part, list) and part and all(isinstance(one, Mapping) for one in part):
        return {str(one.get("id", place)): one for place, one in enumerate(part)}
    return part


def _spelled(part: Any) -> str | None:
    match part:
        case None:
            return None
        case Mapping() if set(part) == {"zh", "en"}:
            return str(Text(**part).zh)
        case Mapping():
            return (
                "{ " + ", ".join(f"{name} = {_spelled(one)}" for name, one in part.items()) + " }"
            )
        case list():
            return "[" + ", ".join(str(_spelled(one)) for one in part) + "]"
        case bool():
            return str(part).lower()
        case _:
            return str(part)
