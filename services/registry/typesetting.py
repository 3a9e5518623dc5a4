"""Pages out of a template and data: as a PDF that lasts, and as pictures of its pages.

What is printed never becomes markup: a template reads it as data (`json(bytes(sys.inputs.data))`),
so an enterprise may be called `#read("…")` and that is its name.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import typst
from pylopdf_fonts_zh_cn import serif_path

TEMPLATES = Path(__file__).parent / "typst"
"""The only folder that a template can read from."""

_STANDARDS: list[Literal["a-2a", "ua-1"]] = ["a-2a", "ua-1"]
"""For archives (PDF/A-2a holds all of 2b) and for readers that speak (PDF/UA)."""
_PROBE = b"#sys.inputs.data"


def typeset(template: str, data: Mapping[str, object], *, at: datetime) -> bytes:
    """Return a tagged PDF/A of a template; the same bytes for the same data and instant.

    A character that no font has is printed as its code, 〔U+20BB7〕. Raises `typst.TypstError` for
    a template that does not compile.
    """
    pdf, _ = _typeset(template, data, at)
    return pdf


def pictured(
    template: str, data: Mapping[str, object], *, at: datetime, ppi: int = 144
) -> list[bytes]:
    """Return each page of what `typeset` returns as a PNG."""
    _, printed = _typeset(template, data, at)
    return _press().pages(TEMPLATES / template, printed, at, ppi)


def written(day: date) -> str:
    """Return a day as it is written on paper: 2025年11月8日."""
    return f"{day.year}年{day.month}月{day.day}日"


def _typeset(template: str, data: Mapping[str, object], at: datetime) -> tuple[bytes, str]:
    """Return the PDF, and the data as they were printed in it."""
    given = _spelled(data, _is_control)
    try:
        return _press().pdf(TEMPLATES / template, given, at), given
    except typst.TypstError:
        # PDF/A has no room for a character without a glyph. Only now is it worth asking which.
        absent = _absent(frozenset(given))
        printed = _spelled(data, lambda one: one in absent or _is_control(one) or _is_mark(one))
        if printed == given:
            raise
    return _press().pdf(TEMPLATES / template, printed, at), printed


def _spelled(data: object, is_unprintable: Callable[[str], bool]) -> str:
    """Return data as JSON, with the code in place of each character that cannot be printed."""
    return json.dumps(_told(data, is_unprintable), ensure_ascii=False)


def _told(part: object, is_unprintable: Callable[[str], bool]) -> Any:
    if isinstance(part, str):
        return "".join(f"〔U+{ord(one):04X}〕" if is_unprintable(one) else one for one in part)
    if isinstance(part, Mapping):
        return {name: _told(one, is_unprintable) for name, one in part.items()}
    if isinstance(part, list | tuple):
        return [_told(one, is_unprintable) for one in part]
    return part


def _is_control(character: str) -> bool:
    """Whether it is no sign on paper but turns, breaks or hides others, as U+202E does."""
    category = unicodedata.category(character)
    return category[0] == "C" or category in {"Zl", "Zp"}


def _is_mark(character: str) -> bool:
    """Whether it stands on the character before it: each may have a glyph, and the two have none."""
    return unicodedata.category(character)[0] == "M"


@lru_cache(maxsize=1024)
def _absent(characters: frozenset[str]) -> frozenset[str]:
    """Return which characters no font has, asking for half of them at a time."""
    if _press().can_print("".join(sorted(characters))):
        return frozenset()
    if len(characters) == 1:
        return characters
    ordered = sorted(characters)
    middle = len(ordered) // 2
    return _absent(frozenset(ordered[:middle])) | _absent(frozenset(ordered[middle:]))


class _Press:
    """The compiler with its fonts, which takes one page at a time."""

    def __init__(self) -> None:
        self._compiler = typst.Compiler(
            root=str(TEMPLATES), font_paths=[str(serif_path().parent)], ignore_system_fonts=True
        )
        # A second thread would not be made to wait but be refused ("Already borrowed").
        self._lock = Lock()

    def pdf(self, source: Path, data: str, at: datetime) -> bytes:
        with self._lock:
            made = self._compiler.compile(
                input=source,
                format="pdf",
                sys_inputs={"data": data},
                pdf_standards=[*_STANDARDS],
                timestamp=_whole_second(at),
            )
        return b"".join(_parts(made))

    def pages(self, source: Path, data: str, at: datetime, ppi: int) -> list[bytes]:
        with self._lock:
            made = self._compiler.compile(
                input=source,
                format="png",
                ppi=ppi,
                sys_inputs={"data": data},
                timestamp=_whole_second(at),
            )
        return _parts(made)

    def can_print(self, characters: str) -> bool:
        with self._lock:
            try:
                self._compiler.compile(
                    input=_PROBE,
                    format="pdf",
                    sys_inputs={"data": characters},
                    pdf_standards=["a-2b"],
                )
            except typst.TypstError:
                return False
        return True


@lru_cache(maxsize=1)
def _press() -> _Press:
    return _Press()


def _parts(made: bytes | list[bytes] | None) -> list[bytes]:
    """Return what was compiled as a list: a single file comes alone."""
    return [made] if isinstance(made, bytes) else made or []


def _whole_second(at: datetime) -> datetime:
    """Return an instant as the compiler takes it: in UTC, without the part of a second."""
    return at.astimezone(UTC).replace(microsecond=0)
