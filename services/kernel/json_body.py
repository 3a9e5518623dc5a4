"""Reading a JSON body strictly: what cannot be stored or is ambiguous is refused by name."""

import json
import re
from collections.abc import Iterable
from typing import Any

from services.kernel.problems import Malformed
from services.kernel.text import Text

DEEPEST = 32
LONGEST_SHOWN = 200
"""Of a key that is named in a refusal."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(body: bytes) -> Any:
    """Parse a body, refusing what a database or a second reader would trip over.

    Raises `Malformed` for text that is not JSON or not UTF-8, a key given twice, NaN and
    Infinity, NUL characters, lone surrogates, and nesting deeper than 32.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_without_repeated_keys,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise _malformed("", "not_utf8", "请求体不是 UTF-8。", "The body is not UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise _malformed("", "not_json", "请求体不是有效的 JSON。", "It is not JSON.") from error
    _refuse_unstorable(value, path=())
    return value


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = _first_repeated(key for key, _ in pairs)[:LONGEST_SHOWN]
        raise _malformed(
            "", "repeated_key", f"字段 {twice!r} 出现了两次。", f"The key {twice!r} is given twice."
        )
    return members


def _first_repeated(keys: Iterable[str]) -> str:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    raise ValueError("no key is repeated")


def _refuse_constant(name: str) -> None:
    raise _malformed("", "not_a_number", f"不接受 {name}。", f"{name} is not accepted.")


def _refuse_unstorable(value: Any, *, path: tuple[str | int, ...]) -> None:
    # The pointer is put together only for a refusal: a long key has as many members as it likes.
    if len(path) > DEEPEST:
        raise _malformed("", "too_deep", "嵌套过深。", f"It nests deeper than {DEEPEST}.")
    if isinstance(value, str):
        if "\x00" in value or _SURROGATE.search(value):
            raise _malformed(
                _pointer(path),
                "unstorable_character",
                "包含无法保存的字符。",
                "It has a character that cannot be stored.",
            )
    elif isinstance(value, dict):
        for key, member in value.items():
            _refuse_unstorable(key, path=path)
            _refuse_unstorable(member, path=(*path, key))
    elif isinstance(value, list):
        for place, member in enumerate(value):
            _refuse_unstorable(member, path=(*path, place))


def _pointer(path: tuple[str | int, ...]) -> str:
    steps = (str(step)[:LONGEST_SHOWN].replace("~", "~0").replace("/", "~1") for step in path)
    return "".join(f"/{step}" for step in steps)


def _malformed(pointer: str, code: str, zh: str, en: str) -> Malformed:
    return Malformed(zh, en, errors=[(pointer, code, Text(zh, en))])
