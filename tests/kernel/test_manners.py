"""What every service's every route does alike."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.kernel.conftest import Notes


async def count(notes: Notes, table: str) -> int:
    engine = create_async_engine(notes.owner, poolclass=NullPool)
    async with engine.connect() as connection:
        number = await connection.scalar(text(f"SELECT count(*) FROM notes.{table}"))
    await engine.dispose()
    return int(number or 0)


async def test_a_created_thing_is_saved_before_the_reply(notes: Notes) -> None:
    answer = await notes.client.post("/api/v1/notes", json={"body": "a"}, headers=notes.headers())

    assert answer.status_code == 201, answer.text
    assert await count(notes, "notes") == 1
    assert await count(notes, "history") == 1
    assert await count(notes, "outbox") == 1


async def test_a_missing_token_is_a_401_with_a_challenge(notes: Notes) -> None:
    answer = await notes.client.post("/api/v1/notes", json={"body": "a"})

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "/problems/not-authenticated"


@pytest.mark.parametrize(
    ("sent", "slug", "code"),
    [
        (b"{", "malformed-request", "not_json"),
        (b"\xff", "malformed-request", "not_utf8"),
        (b'{"body": NaN}', "malformed-request", "not_a_number"),
        (b'{"body": "a", "body": "b"}', "malformed-request", "repeated_key"),
        (b'{"body": "a\\u0000"}', "malformed-request", "unstorable_character"),
        (b'{"body": "\\ud800"}', "malformed-request", "unstorable_character"),
        (b"[" * 100_000, "malformed-request", "not_json"),
        (b'{"body": ' + b"[" * 40 + b"]" * 40 + b"}", "malformed-request", "too_deep"),
        (b'{"body": ' + b"9" * 5000 + b"}", "malformed-request", "not_json"),
        (b"{}", "malformed-request", "missing"),
        (b'{"body": "a", "bodi": "b"}', "unknown-field", "extra_forbidden"),
        (b'{"body": 1}', "malformed-request", "string_type"),
        (b'"text"', "malformed-request", "model_attributes_type"),
        (b"", "malformed-request", "missing"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_by_name(
    notes: Notes, sent: bytes, slug: str, code: str
) -> None:
    headers = notes.headers(**{"Content-Type": "application/json"})

    answer = await notes.client.post("/api/v1/notes", content=sent, headers=headers)

    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["type"] == f"/problems/{slug}"
    assert problem["errors"][0]["code"] == code
    assert await count(notes, "notes") == 0


async def test_a_body_that_is_not_json_by_its_type_is_a_415(notes: Notes) -> None:
    answer = await notes.client.post(
        "/api/v1/notes", content=b"a=b", headers=notes.headers(**{"Content-Type": "text/plain"})
    )

    assert answer.status_code == 415
    assert answer.json()["type"] == "/problems/media-type-not-supported"


async def test_a_body_beyond_the_limit_is_a_413(notes: Notes) -> None:
    answer = await notes.client.post(
        "/api/v1/notes", json={"body": "x" * 1_100_000}, headers=notes.headers()
    )

    assert answer.status_code == 413
    assert answer.json()["type"] == "/problems/too-large"


async def test_a_filter_that_is_not_defined_is_refused_not_ignored(notes: Notes) -> None:
    answer = await notes.client.get("/api/v1/notes?bodi=a", headers=notes.headers())

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/unknown-filter"
    assert answer.json()["errors"][0]["pointer"] == "?bodi"


@pytest.mark.parametrize("cursor", ["x", "W10=", "e30", "WzFd", "%00", "é", "WyJhIl0"])
async def test_a_cursor_that_is_not_ours_is_refused(notes: Notes, cursor: str) -> None:
    answer = await notes.client.get(
        "/api/v1/notes", params={"after": cursor}, headers=notes.headers()
    )

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/cursor-invalid"


async def test_pages_neither_skip_nor_repeat_while_rows_are_added(notes: Notes) -> None:
    for number in range(5):
        await notes.client.post(
            "/api/v1/notes", json={"body": f"n{number}"}, headers=notes.headers()
        )

    seen, after = [], ""
    while True:
        page = (
            await notes.client.get(f"/api/v1/notes?limit=2{after}", headers=notes.headers())
        ).json()
        seen += [item["body"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
        if len(seen) == 2:
            await notes.client.post("/api/v1/notes", json={"body": "late"}, headers=notes.headers())

    assert seen == ["n0", "n1", "n2", "n3", "n4", "late"]


async def test_the_same_key_and_body_are_done_once_and_answered_alike(notes: Notes) -> None:
    headers = notes.headers(**{"Idempotency-Key": "k1"})

    first = await notes.client.post("/api/v1/notes", json={"body": "a"}, headers=headers)
    second = await notes.client.post("/api/v1/notes", json={"body": "a"}, headers=headers)

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"
    assert await count(notes, "notes") == 1


async def test_the_same_key_with_another_body_is_refused(notes: Notes) -> None:
    headers = notes.headers(**{"Idempotency-Key": "k1"})
    await notes.client.post("/api/v1/notes", json={"body": "a"}, headers=headers)

    answer = await notes.client.post("/api/v1/notes", json={"body": "b"}, headers=headers)

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/idempotency-key-reused"


async def test_the_same_key_of_another_caller_is_another_key(notes: Notes) -> None:
    key = {"Idempotency-Key": "k1"}
    await notes.client.post("/api/v1/notes", json={"body": "a"}, headers=notes.headers(**key))

    answer = await notes.client.post(
        "/api/v1/notes", json={"body": "b"}, headers=notes.headers(sub="u2", **key)
    )

    assert answer.status_code == 201


async def test_one_key_sent_twenty_times_at_once_is_done_once(notes: Notes) -> None:
    headers = notes.headers(**{"Idempotency-Key": "k1"})

    answers = await asyncio.gather(
        *(
            notes.client.post("/api/v1/notes", json={"body": "a"}, headers=headers)
            for _ in range(20)
        )
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await count(notes, "notes") == 1
    assert await count(notes, "outbox") == 1


async def test_a_refusal_is_kept_under_its_key_and_leaves_nothing_else(notes: Notes) -> None:
    headers = notes.headers(**{"Idempotency-Key": "k1"})

    first = await notes.client.post("/api/v1/notes", json={"body": "refuse"}, headers=headers)
    second = await notes.client.post("/api/v1/notes", json={"body": "refuse"}, headers=headers)

    assert first.status_code == second.status_code == 409
    assert first.content == second.content
    assert await count(notes, "notes") == 0
    assert await count(notes, "history") == 0
    assert await count(notes, "outbox") == 0


async def test_a_failure_says_nothing_about_itself_and_keeps_nothing(notes: Notes) -> None:
    headers = notes.headers(**{"Idempotency-Key": "k1"})

    answer = await notes.client.post("/api/v1/notes", json={"body": "crash"}, headers=headers)

    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal-error"
    assert "hunter2" not in answer.text
    assert await count(notes, "idempotency") == 0
    assert await count(notes, "notes") == 0


async def test_a_change_needs_the_version_that_was_read(notes: Notes) -> None:
    created = (
        await notes.client.post("/api/v1/notes", json={"body": "a"}, headers=notes.headers())
    ).json()
    href = f"/api/v1/notes/{created['id']}"
    read = await notes.client.get(href, headers=notes.headers())

    without = await notes.client.patch(href, json={"body": "b"}, headers=notes.headers())
    first = await notes.client.patch(
        href, json={"body": "b"}, headers=notes.headers(**{"If-Match": read.headers["etag"]})
    )
    second = await notes.client.patch(
        href, json={"body": "c"}, headers=notes.headers(**{"If-Match": read.headers["etag"]})
    )

    assert without.status_code == 428
    assert first.status_code == 200
    assert second.status_code == 412
    assert second.json()["type"] == "/problems/stale"


async def test_a_request_id_is_taken_over_and_a_bad_one_replaced(notes: Notes) -> None:
    good = await notes.client.get("/healthz", headers={"X-Request-Id": "abc-1"})
    bad = await notes.client.get("/healthz", headers={"X-Request-Id": "a b\t"})

    assert good.headers["x-request-id"] == "abc-1"
    assert len(bad.headers["x-request-id"]) == 36


async def test_a_refusal_speaks_the_language_asked_for(notes: Notes) -> None:
    chinese = await notes.client.get("/api/v1/notes")
    english = await notes.client.get("/api/v1/notes", headers={"Accept-Language": "en-GB,zh;q=0.5"})

    assert chinese.json()["title"] == "未登录或令牌无效"
    assert english.json()["title"] == "No valid access token"


async def test_an_address_that_leads_nowhere_is_a_problem_too(notes: Notes) -> None:
    nowhere = await notes.client.get("/api/v1/nowhere", headers=notes.headers())
    not_offered = await notes.client.delete("/api/v1/notes", headers=notes.headers())

    assert nowhere.json()["type"] == "/problems/not-found"
    assert not_offered.status_code == 405
    assert not_offered.json()["type"] == "/problems/method-not-allowed"


async def test_a_name_with_a_nul_is_nowhere(notes: Notes) -> None:
    answer = await notes.client.get("/api/v1/notes/%00", headers=notes.headers())

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        "{" + ",".join(f'"{n:x}":0' for n in range(60_000)) + ',"ea5f":0}',
        '{"' + "k" * 400_000 + '":[' + ",".join("0" for _ in range(200_000)) + ',"\\u0000"]}',
    ],
    ids=["a key twice at the end of many", "many members below a long key"],
)
async def test_a_body_made_to_be_slow_is_refused_in_one_pass(notes: Notes, body: str) -> None:
    answer = await notes.client.post(
        "/api/v1/notes",
        content=body,
        headers=notes.headers(**{"Content-Type": "application/json"}),
    )

    assert answer.json()["type"] == "/problems/malformed-request"
    assert len(answer.content) < 4000


async def test_a_body_that_nobody_wants_is_not_read_beyond_the_limit(notes: Notes) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64:
            sent += 1
            yield b"x" * 1024 * 256

    answer = await notes.client.post(
        "/api/v1/notes/00000000-0000-0000-0000-000000000000/reading",
        content=endless(),
        headers=notes.headers(**{"Idempotency-Key": "k1"}),
    )

    assert answer.status_code == 413
    assert sent < 8


@pytest.mark.parametrize("query", ["limit=1&limit=2", "limit=1&limit=1", "limit=2&after=&limit=1"])
async def test_a_parameter_that_is_said_twice_is_refused_by_name(notes: Notes, query: str) -> None:
    answer = await notes.client.get(f"/api/v1/notes?{query}", headers=notes.headers())

    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "/problems/malformed-request"
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("?limit", "repeated")
    ]


async def test_a_list_may_be_said_as_often_as_it_has_entries(notes: Notes) -> None:
    for body in ("a", "b", "c"):
        await notes.client.post("/api/v1/notes", json={"body": body}, headers=notes.headers())

    found = await notes.client.get("/api/v1/notes?any_of=a&any_of=c", headers=notes.headers())

    assert [one["body"] for one in found.json()["items"]] == ["a", "c"]
