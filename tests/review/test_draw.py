"""A draw can be run again by anybody: the formulas, chance, and the script that stands alone."""

import hashlib
import hmac
import json
import math
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.schema import PROJECT
from services.policy.procedure import ConflictRule, TieKind
from services.review.conflicts import Expert, Subject, Tie, candidates_for
from services.review.draw import (
    candidates_sha256,
    commitment_of,
    new_secret,
    ranking,
    seats_of_sample,
    seed_of,
)

SCRIPT = PROJECT / "docs" / "rerun_draw.py"
SECRET = "00" * 32
NUMBERS = "03 11 18 22 29 33 + 07"
SEED = "2948f5abae8477600ddabdad6a99e9f46c176d5d5359b401b15f94dcbc4cbbcd"
CODES = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=8)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def test_a_secret_is_64_hexadecimal_digits_and_another_each_time() -> None:
    secrets = [new_secret() for _ in range(100)]

    assert len(set(secrets)) == 100
    assert all(len(bytes.fromhex(secret)) == 32 and len(secret) == 64 for secret in secrets)


def test_the_formulas_are_the_published_ones() -> None:
    numbers = {
        code: hmac.new(SEED.encode(), f"520100\n{code}".encode(), hashlib.sha256).hexdigest()
        for code in "ABC"
    }

    assert commitment_of(SECRET) == sha256(SECRET)
    assert seed_of(SECRET, NUMBERS) == sha256(f"{SECRET}\n{NUMBERS}") == SEED
    assert candidates_sha256("贵阳市", 2, ["C", "A", "B"]) == sha256(
        '{"candidates":["A","B","C"],"lot":"贵阳市","seats":2}'
    )
    assert ranking(SEED, "520100", "ABC") == sorted("ABC", key=numbers.__getitem__)


def test_a_draw_of_years_ago_still_gives_the_same() -> None:
    assert commitment_of(SECRET) == (
        "60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55"
    )
    assert candidates_sha256("贵阳市", 2, "ABC") == (
        "c18dbdf60668b8eb03c9b7f3c74867073a46544766ea8fe7a24b9c812965b925"
    )
    assert ranking(SEED, "520100", "ABC") == ["B", "C", "A"]


@pytest.mark.parametrize("typed", [f"  {NUMBERS}\n", f"\u3000{NUMBERS}\t"])
def test_spaces_around_the_public_value_do_not_count(typed: str) -> None:
    assert seed_of(SECRET, typed) == SEED


def test_an_accent_counts_the_same_however_it_is_encoded() -> None:
    assert seed_of(SECRET, "cafe\u0301") == seed_of(SECRET, "caf\u00e9")


@given(CODES, st.randoms())
def test_the_order_in_which_candidates_are_listed_says_nothing(
    candidates: list[str], chance: random.Random
) -> None:
    shuffled = chance.sample(candidates, k=len(candidates))

    assert ranking(SEED, "lot", shuffled) == ranking(SEED, "lot", iter(candidates))
    assert candidates_sha256("lot", 1, shuffled) == candidates_sha256("lot", 1, candidates)


@given(CODES.filter(bool), st.data())
def test_whoever_steps_aside_leaves_the_order_of_the_others(
    candidates: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(candidates))

    without = ranking(SEED, "lot", [one for one in candidates if one != gone])

    assert without == [one for one in ranking(SEED, "lot", candidates) if one != gone]


def test_nobody_stands_in_a_lot_twice() -> None:
    with pytest.raises(ValueError, match="listed twice in the lot case-7: E02"):
        ranking(SEED, "case-7", ["E01", "E02", "E03", "E02"])


def test_each_candidate_is_about_equally_likely() -> None:
    candidates = [f"E{serial:02d}" for serial in range(5)]
    drawn: Counter[str] = Counter()
    first: Counter[str] = Counter()

    for serial in range(10_000):
        ranked = ranking(seed_of(SECRET, str(serial)), "case-7", candidates)
        drawn.update(ranked[:2])
        first.update(ranked[:1])

    # Five standard deviations: 49 for two seats of five, 40 for the first place.
    assert all(abs(drawn[one] - 4000) < 250 for one in candidates)
    assert all(abs(first[one] - 2000) < 200 for one in candidates)


def test_the_lots_of_one_draw_are_drawn_independently() -> None:
    candidates = [f"E{serial:02d}" for serial in range(5)]

    firsts = Counter(ranking(SEED, f"case-{lot}", candidates)[0] for lot in range(1000))

    assert all(abs(firsts[one] - 200) < 70 for one in candidates)


def test_an_expert_whose_employer_applies_is_never_drawn() -> None:
    chance = random.Random(4)  # noqa: S311 - pools, the same in every run
    rule = ConflictRule(basis="x", same_city=False, years=3)
    employers = [None, *(f"enterprise-{serial}" for serial in range(4))]
    runs_with_someone_to_keep_out = 0

    for serial in range(10_000):
        experts = [
            Expert(
                sub=f"sub-{place}",
                code=f"E{place}",
                employer_uscc=chance.choice(employers),
                fields=frozenset(chance.sample(["materials", "software", "food"], k=1)),
                division="520300",
                is_active=True,
            )
            for place in range(chance.randint(1, 10))
        ]
        subject = Subject(
            uscc=f"enterprise-{chance.randrange(4)}",
            division="520102",
            field="materials",
            filed_by=frozenset(),
        )
        tie = Tie(
            sub=f"sub-{chance.randrange(10)}",
            uscc=subject.uscc,
            kind=TieKind.ADVICE,
            from_on=None,
            until_on=None,
        )
        lot = candidates_for(
            subject,
            experts,
            [tie],
            rule,
            in_field=chance.random() < 1 / 2,
            seats=3,
            today=date(2026, 3, 10),
        )
        drawn = ranking(seed_of(SECRET, str(serial)), "case-7", lot.codes)[:3]
        barred = {
            one.code for one in experts if one.employer_uscc == subject.uscc or one.sub == tie.sub
        }
        runs_with_someone_to_keep_out += bool(barred)
        assert barred.isdisjoint(drawn)

    assert runs_with_someone_to_keep_out > 5_000


@pytest.mark.parametrize(
    ("population", "percent", "seats"),
    [(0, 30, 0), (1, 1, 1), (1, 100, 1), (10, 30, 3), (11, 30, 4), (100, 7, 7), (3, 100, 3)],
)
def test_a_sample_is_rounded_up(population: int, percent: int, seats: int) -> None:
    assert seats_of_sample(population, percent) == seats


@given(st.integers(0, 10**18), st.integers(1, 100))
def test_a_sample_is_at_least_the_percentage_and_never_one_more_than_needed(
    population: int, percent: int
) -> None:
    assert seats_of_sample(population, percent) == math.ceil(Fraction(population * percent, 100))


def published(public_value: str = NUMBERS) -> dict[str, Any]:
    """Return a revealed draw as the public reads it, worked out by the module."""
    secret = "5a" * 32
    seed = seed_of(secret, public_value)
    lots = [
        ("520100", 2, ["GZ-004", "GZ-001", "GZ-003", "GZ-002"]),
        ("“遵义”", 3, ["甲", "乙"]),
        ("520400", 0, []),
    ]
    return {
        "id": "0197e7a0-0000-7000-8000-000000000001",
        "purpose": "site_visits",
        "status": "revealed",
        "round_code": "2026-1",
        "title": "srdi",
        "stage": "site_visit",
        "commitment": commitment_of(secret),
        "public_source": "中国福利彩票双色球，2026 年第 30 期",
        "public_value": public_value,
        "secret": secret,
        "seed": seed,
        "committed_at": "2026-03-10T02:00:00Z",
        "revealed_at": "2026-03-12T14:00:00Z",
        "lots": [
            {
                "lot": lot,
                "seats": seats,
                "candidates": candidates,
                "candidates_sha256": candidates_sha256(lot, seats, candidates),
                "ranking": ranking(seed, lot, candidates),
                "drawn": ranking(seed, lot, candidates)[:seats],
            }
            for lot, seats, candidates in lots
        ],
    }


def run_again(
    source: str, stdin: bytes = b"", *, encoding: str = "utf-8"
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(SCRIPT), source],
        input=stdin,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
        timeout=60,
    )


def differing(told: bytes) -> set[str]:
    """Return what the script says differs, without the name of the lot."""
    return {
        line.rpartition(" / ")[2]
        for line in told.decode().splitlines()
        if line.startswith("不一致")
    }


@pytest.mark.parametrize("value", [NUMBERS, f" {NUMBERS} ", "cafe\u0301", "第三十期：红球 03"])
def test_anybody_comes_to_what_was_published(value: str, tmp_path: Path) -> None:
    file = tmp_path / "draw.json"
    file.write_text(json.dumps(published(value), ensure_ascii=False), encoding="utf-8")

    result = run_again(str(file))

    assert (result.returncode, result.stderr) == (0, b"")
    assert "11 项全部一致。 / All 11 agree.".encode() in result.stdout


def test_it_needs_nothing_of_the_platform() -> None:
    result = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-I", "-S", str(SCRIPT), "-"],
        input=json.dumps(published()).encode(),
        cwd="/",
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (result.returncode, result.stderr) == (0, b"")


def test_a_console_without_chinese_is_no_obstacle() -> None:
    result = run_again("-", json.dumps(published()).encode(), encoding="ascii")

    assert (result.returncode, result.stderr) == (0, b"")
    assert b"All 11 agree." in result.stdout


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"secret": "5b" * 32}, {"commitment", "seed", "ranking", "drawn"}),
        ({"secret": "密" * 32}, {"commitment", "seed", "ranking", "drawn"}),
        ({"commitment": sha256("another secret")}, {"commitment"}),
        ({"public_value": "03 11 18 22 29 33 + 08"}, {"seed", "ranking", "drawn"}),
        ({"seed": SEED}, {"seed"}),
    ],
)
def test_a_changed_secret_value_or_seed_is_noticed(change: dict[str, str], found: set[str]) -> None:
    result = run_again("-", json.dumps(published() | change).encode())

    assert result.returncode == 1
    assert differing(result.stdout) == found


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"lot": "520199"}, {"candidates_sha256", "ranking", "drawn"}),
        ({"seats": 1}, {"candidates_sha256", "drawn"}),
        ({"seats": 3}, {"candidates_sha256", "drawn"}),
        (
            {"candidates": ["GZ-001", "GZ-002", "GZ-003", "GZ-005"]},
            {"candidates_sha256", "ranking", "drawn"},
        ),
        (
            {"candidates": ["GZ-001", "GZ-001", "GZ-002", "GZ-003", "GZ-004"]},
            {"candidates_sha256"},
        ),
        ({"candidates_sha256": sha256("another list")}, {"candidates_sha256"}),
        ({"ranking": ["GZ-001", "GZ-002", "GZ-003", "GZ-004"]}, {"ranking"}),
        ({"ranking": []}, {"ranking"}),
        ({"drawn": ["GZ-001", "GZ-002", "GZ-003"]}, {"drawn"}),
        ({"drawn": []}, {"drawn"}),
    ],
)
def test_a_changed_lot_is_noticed(change: dict[str, Any], found: set[str]) -> None:
    draw = published()
    draw["lots"][0] |= change

    result = run_again("-", json.dumps(draw).encode())

    assert result.returncode == 1
    assert differing(result.stdout) == found


def test_a_candidate_listed_twice_is_noticed_though_the_list_is_as_it_was_published() -> None:
    draw = published()
    lot = draw["lots"][0]
    lot["candidates"].append("GZ-001")
    lot["candidates_sha256"] = candidates_sha256(lot["lot"], lot["seats"], lot["candidates"])
    lot["ranking"].insert(0, "GZ-001")

    result = run_again("-", json.dumps(draw).encode())

    assert result.returncode == 1
    assert differing(result.stdout) == {"ranking"}


@pytest.mark.parametrize("status", ["committed", "abandoned"])
def test_what_is_not_revealed_is_not_judged(status: str) -> None:
    draw = published() | {"status": status, "public_value": None, "secret": None, "seed": None}
    for lot in draw["lots"]:
        lot |= {"ranking": None, "drawn": None}

    result = run_again("-", json.dumps(draw).encode())

    assert (result.returncode, result.stderr) == (2, b"")
    assert result.stdout.decode().startswith("抽取")


def lots(**change: Any) -> bytes:
    draw = published()
    draw["lots"][1] |= change
    return json.dumps(draw).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Expecting value"),
        (b"<html>", "Expecting value"),
        (b"\xff\xfe\xfd", "decode"),
        (b"[" * 100_000, "recursion"),
        (b"[]", "status"),
        (b"null", "status"),
        (b'{"status": "drawn"}', "status"),
        (b'{"status": "revealed"}', "commitment"),
        (json.dumps(published() | {"secret": None}).encode(), "secret"),
        (json.dumps(published() | {"secret": "\ud800"}).encode(), "surrogates"),
        (json.dumps(published() | {"lots": {}}).encode(), "lots"),
        (json.dumps(published() | {"lots": [None]}).encode(), "lots[0].seats"),
        (lots(seats=True), "lots[1].seats"),
        (lots(seats="3"), "lots[1].seats"),
        (lots(seats=-1), "lots[1].seats"),
        (lots(candidates=["甲", 2]), "lots[1].candidates"),
        (lots(ranking=None), "lots[1].ranking"),
        (lots(drawn="甲"), "lots[1].drawn"),
    ],
)
def test_what_is_no_draw_is_said_to_be_none(content: bytes, said: str) -> None:
    result = run_again("-", content)

    assert (result.returncode, result.stderr) == (2, b"")
    assert result.stdout.decode().startswith("内容不是一次抽取的公开记录。")
    assert said in result.stdout.decode()


def test_names_cannot_steer_the_terminal() -> None:
    result = run_again("-", lots(lot="\x1b[2J\n一致 / agrees: 抽取结果"))

    assert result.returncode == 1
    assert b"\x1b" not in result.stdout
    assert not any(
        line.startswith("一致 / agrees: 抽取结果") for line in result.stdout.decode().splitlines()
    )


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/v1/public/draws/1"
        finally:
            server.shutdown()
            thread.join()


def test_it_reads_the_answer_of_a_platform() -> None:
    with answering(200, json.dumps(published()).encode()) as url:
        result = run_again(url)

    assert (result.returncode, result.stderr) == (0, b"")


def test_a_source_that_cannot_be_read_is_named() -> None:
    with answering(404, b"{}") as url:
        results = [run_again(one) for one in (url, "no/such/file.json", "http://[", ".")]

    assert [result.returncode for result in results] == [2, 2, 2, 2]
    assert all("无法读取".encode() in result.stdout for result in results)
    assert all(result.stderr == b"" for result in results)
