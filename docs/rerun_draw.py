"""Run a public draw again (重新计算公开抽取), with nothing but Python 3.9 or newer.

    python rerun_draw.py draw.json
    python rerun_draw.py https://example.org/api/v1/public/draws/<id>
    curl -s https://example.org/api/v1/public/draws/<id> | python rerun_draw.py -

It reads what the platform answers for a draw and works everything out anew:

    commitment         SHA-256 of the secret
    seed               SHA-256 of secret, line feed, public value (NFC, no spaces around it), in UTF-8
    candidates_sha256  SHA-256 of {"candidates":[...],"lot":"...","seats":n}: JSON without spaces, in
                       UTF-8, keys and candidates sorted by code point
    ranking            candidates by HMAC-SHA256 of lot, line feed, candidate, under the seed's 64
                       digits as they are written; lowest first
    drawn              as many of the ranking, from its beginning, as there are seats

Exit code 0: everything agrees. 1: something differs. 2: it could not be checked, because the draw is
not revealed yet or the answer could not be read.
"""

# ruff: noqa: INP001, T201 - it stands alone and speaks to a person

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import io
import json
import sys
import unicodedata
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

AGREES, DIFFERS, UNCHECKED = 0, 1, 2
NOT_REVEALED = {
    "committed": "抽取尚未公开，暂不能验算。 / The draw is not revealed yet.",
    "abandoned": "抽取已作废，没有结果可验算。 / The draw was abandoned; nothing was drawn.",
}

EXPECTED = {
    str: "应为文本 / a text is expected",
    int: "应为整数 / a whole number is expected",
    list: "应为数组 / a list is expected",
}


class Unreadable(Exception):
    """The answer is not what the platform publishes for a draw."""


class Lot(NamedTuple):
    name: str
    seats: int
    candidates: list[str]
    candidates_sha256: str
    ranking: list[str]
    drawn: list[str]


class Draw(NamedTuple):
    commitment: str
    committed_at: str
    secret: str
    public_source: str
    public_value: str
    seed: str
    lots: list[Lot]


class Check(NamedTuple):
    what: str
    published: str | list[str]
    recomputed: str | list[str]


def fetched(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if source.startswith(("http://", "https://")):
        asked = urllib.request.Request(source, headers={"Accept": "application/json"})  # noqa: S310 - the scheme is checked
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - the scheme is checked
            body: bytes = answer.read()
            return body
    return Path(source).read_bytes()


def member(table: Any, name: str, kind: type, where: str) -> Any:
    """Return a member of a JSON object that is exactly of a kind: true is no number."""
    if type(table) is not dict or type(table.get(name)) is not kind:
        raise Unreadable(f"{where}{name}：{EXPECTED[kind]}")
    return table[name]


def codes(table: Any, name: str, where: str) -> list[str]:
    listed: list[str] = member(table, name, list, where)
    if any(type(one) is not str for one in listed):
        raise Unreadable(f"{where}{name}：应为文本数组 / a list of texts is expected")
    return listed


def lot_of(table: Any, place: int) -> Lot:
    where = f"lots[{place}]."
    seats: int = member(table, "seats", int, where)
    if seats < 0:
        raise Unreadable(f"{where}seats：不得为负数 / a number below 0")
    return Lot(
        name=member(table, "lot", str, where),
        seats=seats,
        candidates=codes(table, "candidates", where),
        candidates_sha256=member(table, "candidates_sha256", str, where),
        ranking=codes(table, "ranking", where),
        drawn=codes(table, "drawn", where),
    )


def draw_of(table: Any) -> Draw:
    return Draw(
        commitment=member(table, "commitment", str, ""),
        committed_at=member(table, "committed_at", str, ""),
        secret=member(table, "secret", str, ""),
        public_source=member(table, "public_source", str, ""),
        public_value=member(table, "public_value", str, ""),
        seed=member(table, "seed", str, ""),
        lots=[lot_of(lot, place) for place, lot in enumerate(member(table, "lots", list, ""))],
    )


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seed_of(draw: Draw) -> str:
    value = unicodedata.normalize("NFC", draw.public_value).strip()
    return sha256(f"{draw.secret}\n{value}")


def candidates_sha256(lot: Lot) -> str:
    fixed = {"candidates": sorted(lot.candidates), "lot": lot.name, "seats": lot.seats}
    return sha256(json.dumps(fixed, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def ranking(seed: str, lot: Lot) -> list[str]:
    """Return each candidate once, whatever was published: one who stands there twice is found."""

    def number(candidate: str) -> str:
        message = f"{lot.name}\n{candidate}".encode()
        return hmac.new(seed.encode(), message, "sha256").hexdigest()

    return sorted(set(lot.candidates), key=lambda candidate: (number(candidate), candidate))


def checks(draw: Draw) -> list[Check]:
    seed = seed_of(draw)
    found = [
        Check("承诺值 / commitment", draw.commitment, sha256(draw.secret)),
        Check("种子 / seed", draw.seed, seed),
    ]
    for lot in draw.lots:
        ranked = ranking(seed, lot)
        found += [
            Check(
                f"{lot.name} 候选名单摘要 / candidates_sha256",
                lot.candidates_sha256,
                candidates_sha256(lot),
            ),
            Check(f"{lot.name} 排序 / ranking", lot.ranking, ranked),
            Check(f"{lot.name} 抽取结果 / drawn", lot.drawn, ranked[: lot.seats]),
        ]
    return found


def say(line: str) -> None:
    """Print a line without what could steer a terminal: the words come from elsewhere."""
    print("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in line))


def run_again(content: bytes) -> int:
    """Check one answer, say what agrees, and return the exit code."""
    table = json.loads(content)
    status = member(table, "status", str, "")
    if status in NOT_REVEALED:
        say(NOT_REVEALED[status])
        return UNCHECKED
    if status != "revealed":
        raise Unreadable(f"status：未知状态 / unknown: {status}")
    draw = draw_of(table)
    found = checks(draw)
    for check in found:
        agrees = check.published == check.recomputed
        say(f"{'一致 / agrees' if agrees else '不一致 / DIFFERS'}: {check.what}")
        if not agrees:
            say(f"    公布 / published: {shown(check.published)}")
            say(f"    重算 / recomputed: {shown(check.recomputed)}")
    differing = sum(check.published != check.recomputed for check in found)
    if differing:
        say(f"{differing} 项不一致。 / {differing} of {len(found)} differ.")
        return DIFFERS
    say(f"{len(found)} 项全部一致。 / All {len(found)} agree.")
    say(
        "请自行核对：公开数值是否与其来源一致，承诺值和候选名单摘要是否在该数值产生之前已经公布。"
        " / Look up yourself: that the public value is what its source says, and that the commitment"
        " and the lists' fingerprints were published before that value existed."
    )
    say(f"    来源 / source: {draw.public_source}")
    say(f"    公开数值 / public value: {draw.public_value}")
    say(f"    承诺于 / committed at: {draw.committed_at}")
    return AGREES


def shown(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def main() -> int:
    parser = argparse.ArgumentParser(description="重新计算公开抽取 / Run a public draw again.")
    parser.add_argument("draw", help="JSON 文件、网址或 - / a JSON file, a URL, or - for stdin")
    source: str = parser.parse_args().draw
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A console that cannot show Chinese shows the rest.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        content = fetched(source)
    except (OSError, ValueError, http.client.HTTPException) as problem:
        say(f"无法读取 {source}。 / {source} cannot be read: {problem}")
        return UNCHECKED
    try:
        return run_again(content)
    except (ValueError, RecursionError, Unreadable) as problem:
        say(f"内容不是一次抽取的公开记录。 / This is not a draw as it is published: {problem}")
        return UNCHECKED


if __name__ == "__main__":
    sys.exit(main())
