"""A stored file as the answer: whole, or from where a broken download stopped."""

from collections.abc import AsyncIterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.downloads import Download, answer_with
from services.kernel.logging import RequestLog
from services.kernel.service_app import answer_in_problems
from services.kernel.storage import ContentStore
from tests.gateway.conftest import served

CONTENT = bytes(range(256)) * 4000
SIZE = len(CONTENT)
FILE = Download(
    sha256=sha256(CONTENT).hexdigest(),
    size=SIZE,
    media_type="application/pdf",
    file_name="审计报告（2025年）'终稿'; v2.pdf",
)
TAG = f'"{FILE.sha256}"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("downloads")
    (folder / "file").write_bytes(CONTENT)
    return folder


@pytest.fixture(scope="module")
async def client(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Ask a service on a socket that answers with one file."""
    store = ContentStore(f"file://{folder}/store")
    await store.keep(folder / "file", FILE.sha256)
    app = FastAPI()
    answer_in_problems(app)
    app.add_middleware(RequestLog, service="files")

    @app.get("/file")
    async def read(request: Request) -> Response:
        return await answer_with(FILE, request, store)

    async with served(app) as address, httpx.AsyncClient(base_url=address) as client:
        yield client


async def test_a_file_is_answered_whole_and_its_reader_is_protected(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/file")

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")


async def test_a_chinese_name_survives_and_cannot_break_out_of_its_header(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/file")

    said = answer.headers["Content-Disposition"]
    how, _, name = said.partition("; filename*=UTF-8''")
    assert how == "attachment"
    assert unquote(name, errors="strict") == FILE.file_name
    assert not set(name) & set("\"'; ,\r\n")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=1000-1999", 1000, 1999),
        ("bytes=300000-", 300_000, SIZE - 1),
        ("bytes=-1", SIZE - 1, SIZE - 1),
        ("bytes=-300000", SIZE - 300_000, SIZE - 1),
        (f"bytes=-{SIZE}", 0, SIZE - 1),
        (f"bytes=-{SIZE + 1}", 0, SIZE - 1),
        (f"bytes=0-{SIZE - 1}", 0, SIZE - 1),
        (f"bytes=10-{SIZE + 5}", 10, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=5-999999999999999999", 5, SIZE - 1),
        ("bytes=-999999999999999999", 0, SIZE - 1),
        ("bytes=000005-000006", 5, 6),
    ],
)
async def test_a_part_is_answered_as_a_part(
    client: httpx.AsyncClient, asked: str, first: int, last: int
) -> None:
    answer = await client.get("/file", headers={"Range": asked})

    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.headers["ETag"] == TAG
    assert answer.content == CONTENT[first : last + 1]


@pytest.mark.parametrize(
    "asked", [f"bytes={SIZE}-", f"bytes={SIZE + 7}-", f"bytes={SIZE}-{SIZE + 9}", "bytes=-0"]
)
async def test_a_part_beyond_the_file_is_refused_with_its_size(
    client: httpx.AsyncClient, asked: str
) -> None:
    answer = await client.get("/file", headers={"Range": asked})

    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"
    assert answer.json()["type"] == "/problems/range-not-satisfiable"


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--5",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=0x0-0xf",
        "bytes=1.5-2",
        "bytes=+1-2",
        "bytes=0-1,5-6",
        "bytes=0-," * 5000,
        "bytes=٠-٩",
        "lines=0-5",
        "0-5",
        f"bytes={'9' * 5000}-",
        f"bytes=0-{'9' * 5000}",
    ],
)
async def test_what_is_no_range_of_ours_is_answered_with_the_whole_file(
    client: httpx.AsyncClient, asked: str
) -> None:
    answer = await client.get("/file", headers={b"Range": asked.encode()})

    assert (answer.status_code, len(answer.content)) == (200, SIZE)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 206),
        (f'"{"0" * 64}"', 200),
        (f"W/{TAG}", 200),
        (FILE.sha256, 200),
        ("Tue, 10 Mar 2026 01:00:00 GMT", 200),
    ],
)
async def test_a_download_goes_on_only_with_the_same_file(
    client: httpx.AsyncClient, condition: str, status: int
) -> None:
    answer = await client.get("/file", headers={"Range": "bytes=500-", "If-Range": condition})

    assert answer.status_code == status
    assert answer.content == CONTENT[500 if status == 206 else 0 :]


async def test_another_file_is_answered_whole_even_where_the_old_one_was_longer(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get(
        "/file", headers={"Range": f"bytes={SIZE + 10}-", "If-Range": f'"{"0" * 64}"'}
    )

    assert (answer.status_code, answer.content) == (200, CONTENT)


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, SIZE - 1), max_size=5, unique=True))
async def test_however_often_a_download_breaks_its_parts_make_up_the_file(
    client: httpx.AsyncClient, cuts: list[int]
) -> None:
    places = [0, *sorted(cuts), SIZE]
    ranges = [f"bytes={first}-{'' if end == SIZE else end - 1}" for first, end in pairwise(places)]

    answers = [await client.get("/file", headers={"Range": one, "If-Range": TAG}) for one in ranges]

    assert {answer.status_code for answer in answers} == {206}
    assert b"".join(answer.content for answer in answers) == CONTENT


async def test_a_reader_that_hangs_up_in_the_middle_disturbs_nobody(
    client: httpx.AsyncClient,
) -> None:
    async with client.stream("GET", "/file") as answer:
        await anext(answer.aiter_bytes())

    assert (await client.get("/file")).content == CONTENT
