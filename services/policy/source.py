"""A pack against the text that it comes from: what it quotes has to stand in its SOURCE.md."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.policy.lock import LOCKED_FILES


def unsourced(folder: Path) -> list[str]:
    """Return each `official_text` of a pack that its SOURCE.md does not hold word for word."""
    file = folder / "SOURCE.md"
    source = file.read_text("utf-8") if file.exists() else ""
    quoted = [text for name in LOCKED_FILES for text in _quoted(_read(folder / name))]
    return [text for text in dict.fromkeys(quoted) if text not in source]


def _read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


def _quoted(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from _quoted(one)
    if isinstance(part, dict):
        if isinstance(part.get("official_text"), str):
            yield part["official_text"]
        for one in part.values():
            yield from _quoted(one)
