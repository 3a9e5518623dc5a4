"""Photographs of site visits: taken in whole or not at all, given to who may see, swept when nobody's."""

import asyncio
import base64
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from sqlalchemy import RowMapping, func, select, text

from deploy.standalone.papers import one_page_pdf
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor, Office, Scope, system_actor
from services.kernel.logging import new_trace
from services.kernel.sweeping import hold_content
from services.kernel.transaction import saved_together
from services.kernel.uploads import ARRIVING
from services.review.desk import CaseDesk
from services.review.models import Photograph, ReviewCase
from services.review.panel_repository import PanelRepository
from services.review.photograph_keeper import PhotographKeeper
from services.review.photograph_service import LARGEST_PHOTOGRAPH, MOST_PHOTOGRAPHS
from services.review.visit_service import CheckMade, VisitService
from services.review.workflow import CaseStatus, Phase, Position
from tests.builders.services import Caller
from tests.review.conftest import Review

NATIONAL = "national/2026-04-01"
DRAWN = Position(stage="site_visit", status=CaseStatus.IN_REVIEW, phase=Phase.VISITING)
NOT_DRAWN = Position(stage="site_visit", status=CaseStatus.IN_REVIEW, phase=Phase.SAMPLING)

OVER = Position(stage="determination", status=CaseStatus.IN_REVIEW)


def jpeg(name: str = "gate") -> bytes:
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01" + name.encode() * 20 + b"\xff\xd9"


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack("!I", zlib.crc32(kind + data))
        return struct.pack("!I", len(data)) + kind + data + checksum

    head = chunk(b"IHDR", struct.pack("!2I5B", 1, 1, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")
    )


def padded(size: int) -> bytes:
    return jpeg()[:-2] + b"0" * (size - len(jpeg())) + jpeg()[-2:]


class Traces(NamedTuple):
    """What there is of photographs anywhere."""

    rows: int
    stored: int
    arriving: int


NOTHING = Traces(0, 0, 0)


def files_under(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def spool_of(review: Review) -> Path:
    spool: Path = review.service.app.state.spool
    return spool


def store_folder(review: Review) -> Path:
    return spool_of(review).parent / "photographs"


async def traces(review: Review) -> Traces:
    async with review.service.database.session() as session:
        rows = await session.scalar(select(func.count()).select_from(Photograph))
    return Traces(
        rows=rows or 0,
        stored=len(files_under(store_folder(review))),
        arriving=len(files_under(spool_of(review))),
    )


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def digest_of(content: bytes) -> dict[str, str]:
    digest = base64.b64encode(sha256(content).digest()).decode()
    return {"Content-Digest": f"sha-256=:{digest}:"}


def inspector_of(review: Review) -> Caller:
    return review.officer("site_inspector", "520100")


async def place(review: Review, case_id: str, position: Position) -> None:
    """Put a case where its stages would have led it."""
    state = review.service.app.state
    async with saved_together(review.service.runtime, new_trace()) as (session, journal):
        case = await session.get_one(ReviewCase, UUID(case_id))
        CaseDesk(session, journal, review.service.clock, state.catalogue).place(case, position)


async def to_be_visited(review: Review, serial: int = 1) -> str:
    """Return a case that was drawn for a site visit."""
    case_id = await review.submitted(serial, pack=NATIONAL)
    await place(review, case_id, DRAWN)
    return case_id


async def until_one_waits(review: Review) -> None:
    """Return once a transaction waits for what another one holds."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(10):
        while True:
            async with review.service.database.session() as session:
                if await session.scalar(waiting):
                    return
            await asyncio.sleep(0.01)


async def visit(review: Review, case_id: str, *photographs: str) -> None:
    """Let the inspector record the visit with a colleague."""
    state = review.service.app.state
    who = Actor(
        sub="site_inspector-520100",
        client_id="test",
        offices=frozenset({Office.SITE_INSPECTOR}),
        scopes=frozenset({Scope.REVIEW_DECIDE}),
        region="520100",
        uscc=None,
    )
    checks = state.catalogue.pack(NATIONAL).sample_rule("site_visit").checks
    async with saved_together(review.service.runtime, new_trace()) as (session, journal):
        desk = CaseDesk(session, journal, review.service.clock, state.catalogue)
        await VisitService(desk, PanelRepository(session)).record(
            UUID(case_id),
            visited_on=review.service.clock.today(),
            inspectors=[who.sub, "a colleague"],
            findings=[CheckMade(check.id, True, "相符") for check in checks],
            has_passed=True,
            photographs=[UUID(one) for one in photographs],
            reason="现场与申报相符",
            inspector=who,
        )


async def send(
    caller: Caller, case_id: str, content: bytes | None = None, **headers: str
) -> httpx.Response:
    return await caller.post(
        f"/review-cases/{case_id}/photographs",
        content=jpeg() if content is None else content,
        headers={"Content-Type": "image/jpeg", **headers},
    )


async def fetch(
    caller: Caller, case_id: str, photograph_id: object, **headers: str
) -> httpx.Response:
    return await caller.get(f"/review-cases/{case_id}/photographs/{photograph_id}", headers=headers)


async def photographed(review: Review) -> list[RowMapping]:
    """Return the rows of history about photographs."""
    return [row for row in await review.service.history() if row["action"] == "photographed"]


# ---------------------------------------------------------------- adding


@pytest.mark.parametrize(
    ("content", "media_type"), [(jpeg(), "image/jpeg"), (png(), "image/png")], ids=["JPEG", "PNG"]
)
async def test_a_picture_is_stored_whole_and_described_as_it_is(
    review: Review, content: bytes, media_type: str
) -> None:
    case_id = await to_be_visited(review)
    me = inspector_of(review)

    answer = await send(
        me,
        case_id,
        content,
        # What its sender takes it for is of no account.
        **{"Content-Type": "image/png", **named("厂门.jpeg"), **digest_of(content)},
    )
    photograph = answer.json()
    fetched = await fetch(me, case_id, photograph["id"])

    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].endswith(
        f"/review-cases/{case_id}/photographs/{photograph['id']}"
    )
    assert photograph | {"id": None, "uploaded_at": None} == {
        "id": None,
        "sha256": hash_of(content),
        "size": len(content),
        "media_type": media_type,
        "file_name": "厂门.jpeg",
        "uploaded_at": None,
    }
    assert (fetched.status_code, fetched.content) == (200, content)
    assert fetched.headers["Content-Type"] == media_type
    assert fetched.headers["Content-Disposition"] == named("厂门.jpeg")["Content-Disposition"]
    assert await traces(review) == Traces(rows=1, stored=1, arriving=0)


async def test_each_photograph_is_in_the_history_of_its_case(review: Review) -> None:
    case_id = await to_be_visited(review)

    answers = [await send(inspector_of(review), case_id, jpeg(name)) for name in ("gate", "hall")]
    written = await photographed(review)

    assert {(row["subject_type"], row["subject_id"]) for row in written} == {
        ("review_case", case_id)
    }
    assert [row["actor"]["sub"] for row in written] == ["site_inspector-520100"] * 2
    assert [(row["data"]["sha256"], row["data"]["size"]) for row in written] == [
        (hash_of(jpeg(name)), len(jpeg(name))) for name in ("gate", "hall")
    ]
    assert [row["data"]["photograph_id"] for row in written] == [
        answer.json()["id"] for answer in answers
    ]
    assert await review.service.chain_is_sound()


async def test_the_same_picture_sent_again_is_the_same_photograph(review: Review) -> None:
    case_id = await to_be_visited(review)
    me, colleague = inspector_of(review), review.officer("site_inspector", "520000")

    first = await send(me, case_id)
    again = await send(me, case_id, jpeg(), **named("again.jpg"))
    by_another = await send(colleague, case_id)

    assert [one.status_code for one in (first, again, by_another)] == [201, 200, 200]
    assert first.json() == again.json() == by_another.json()
    assert len(await photographed(review)) == 1
    assert await traces(review) == Traces(rows=1, stored=1, arriving=0)


async def test_the_same_picture_sent_many_times_at_once_is_one_photograph(review: Review) -> None:
    case_id = await to_be_visited(review)

    answers = await asyncio.gather(*(send(inspector_of(review), case_id) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await photographed(review)) == 1


async def test_two_cases_with_the_same_picture_have_a_photograph_each(review: Review) -> None:
    one, other = await to_be_visited(review, 1), await to_be_visited(review, 2)
    me = inspector_of(review)

    of_one, of_other = await send(me, one), await send(me, other)
    mixed_up = await fetch(me, one, of_other.json()["id"])

    assert (of_one.status_code, of_other.status_code) == (201, 201)
    assert (mixed_up.status_code, slug(mixed_up)) == (404, "photograph-not-found")
    assert await traces(review) == Traces(rows=2, stored=1, arriving=0)


async def test_a_key_sent_twice_is_one_photograph(review: Review) -> None:
    case_id = await to_be_visited(review)
    key = {"Idempotency-Key": "visit-1-picture-1"}

    first = await send(inspector_of(review), case_id, jpeg(), **key)
    again = await send(inspector_of(review), case_id, jpeg(), **key)
    other = await send(inspector_of(review), case_id, jpeg("hall"), **key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")


async def test_a_case_has_fifty_photographs_at_most(review: Review) -> None:
    case_id, another = await to_be_visited(review, 1), await to_be_visited(review, 2)
    me = inspector_of(review)
    for number in range(MOST_PHOTOGRAPHS - 1):
        assert (await send(me, case_id, jpeg(f"number {number}"))).status_code == 201

    last = await asyncio.gather(*(send(me, case_id, jpeg(f"last {one}")) for one in range(4)))
    there = await traces(review)
    refused = await send(me, case_id, jpeg("one more"))
    same_again = await send(me, case_id, jpeg("number 0"))
    elsewhere = await send(me, another)

    assert sorted(answer.status_code for answer in last) == [201, 409, 409, 409]
    assert there.rows == 50
    assert (refused.status_code, slug(refused)) == (409, "too-many-photographs")
    assert "50" in refused.json()["detail"]
    assert same_again.status_code == 200
    assert elsewhere.status_code == 201
    assert await traces(review) == Traces(rows=51, stored=there.stored + 1, arriving=0)


async def test_a_picture_of_exactly_the_limit_is_taken(review: Review) -> None:
    case_id = await to_be_visited(review)
    content = padded(LARGEST_PHOTOGRAPH)

    answer = await send(inspector_of(review), case_id, content)

    assert (answer.status_code, answer.json()["size"]) == (201, 10 * 1024 * 1024)
    fetched = await fetch(inspector_of(review), case_id, answer.json()["id"])
    assert fetched.content == content


# ---------------------------------------------------------------- what is refused leaves nothing


@dataclass(frozen=True)
class Sent:
    """An upload that is refused."""

    status: int
    problem: str
    content: bytes = field(default_factory=jpeg)
    headers: Mapping[str, str] = field(default_factory=dict)
    who: Callable[[Review], Caller] = inspector_of


REFUSED = {
    "an inspector of another city": Sent(
        404,
        "review-case-not-found",
        who=lambda review: review.officer("site_inspector", "520300"),
    ),
    "an inspector of another province": Sent(
        404,
        "review-case-not-found",
        who=lambda review: review.officer("site_inspector", "530000"),
    ),
    "the province, which visits nobody": Sent(
        403, "not-allowed", who=lambda review: review.province
    ),
    "an expert": Sent(403, "not-allowed", who=lambda review: review.officer("expert")),
    "a token that may only read": Sent(
        403,
        "not-allowed",
        who=lambda review: review.service.caller(
            "site_inspector", region="520100", scopes=frozenset({Scope.REVIEW_READ})
        ),
    ),
    "nobody": Sent(
        401,
        "not-authenticated",
        who=lambda review: Caller(client=review.service.client, token="x"),
    ),
    "a PDF": Sent(415, "photograph-type-refused", content=one_page_pdf("a picture")),
    "a GIF": Sent(415, "photograph-type-refused", content=b"GIF89a" + b"\0" * 300),
    "a program": Sent(415, "photograph-type-refused", content=b"MZ" + jpeg()),
    "a drawing that runs scripts": Sent(
        415,
        "photograph-type-refused",
        content=b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    ),
    "a JPEG that is cut short": Sent(415, "photograph-type-refused", content=jpeg()[:-2]),
    "a PNG that is cut short": Sent(415, "photograph-type-refused", content=png()[:-4]),
    "an empty file": Sent(415, "photograph-type-refused", content=b""),
    "a PDF that says so": Sent(
        415, "media-type-not-supported", headers={"Content-Type": "application/pdf"}
    ),
    "no type": Sent(415, "media-type-not-supported", headers={"Content-Type": ""}),
    "one byte too many": Sent(413, "too-large", content=padded(LARGEST_PHOTOGRAPH + 1)),
    "fewer bytes than announced": Sent(400, "upload-truncated", headers={"Content-Length": "9999"}),
    "another digest": Sent(422, "digest-mismatch", headers=digest_of(b"another")),
    "a path": Sent(422, "file-name-invalid", headers=named("../gate.jpg")),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_refusal_leaves_no_row_and_no_file(review: Review, what: str) -> None:
    sent = REFUSED[what]
    case_id = await to_be_visited(review)
    before = len(await review.service.history())

    refused = await send(sent.who(review), case_id, sent.content, **sent.headers)

    assert (refused.status_code, slug(refused)) == (sent.status, sent.problem), refused.text
    assert await traces(review) == NOTHING
    assert len(await review.service.history()) == before


@pytest.mark.parametrize(
    ("content", "code", "found"),
    [
        (one_page_pdf("a picture"), "another_type", "application/pdf"),
        (b"GIF89a" + b"\0" * 300, "unknown_type", "image/gif"),
        (jpeg()[:-2], "truncated", "JPEG"),
    ],
    ids=["a PDF", "a GIF", "cut short"],
)
async def test_a_refusal_says_what_was_found_and_what_is_taken(
    review: Review, content: bytes, code: str, found: str
) -> None:
    case_id = await to_be_visited(review)

    refused = (await send(inspector_of(review), case_id, content)).json()

    assert [one["code"] for one in refused["errors"]] == [code]
    assert found in refused["errors"][0]["detail"]
    assert refused["detail"] == refused["errors"][0]["detail"] + "现场照片须为 JPEG 或 PNG。"


async def test_what_was_not_drawn_is_no_business_of_an_inspector(review: Review) -> None:
    case_id = await review.submitted(pack=NATIONAL)
    early = await send(inspector_of(review), case_id)
    await place(review, case_id, NOT_DRAWN)

    not_drawn = await send(inspector_of(review), case_id)

    assert {(one.status_code, slug(one)) for one in (early, not_drawn)} == {
        (404, "review-case-not-found")
    }
    assert await traces(review) == NOTHING


async def test_no_photograph_is_added_once_the_visit_is_over(review: Review) -> None:
    case_id = await to_be_visited(review)
    me = inspector_of(review)
    photograph = (await send(me, case_id)).json()
    await visit(review, case_id, photograph["id"])

    more = await send(me, case_id, jpeg("hall"))
    same = await send(me, case_id)
    fetched = await fetch(me, case_id, photograph["id"])

    assert {(one.status_code, slug(one)) for one in (more, same)} == {(409, "visit-not-awaited")}
    assert fetched.content == jpeg()
    assert await traces(review) == Traces(rows=1, stored=1, arriving=0)


async def test_a_picture_that_comes_while_the_visit_is_being_recorded_is_refused(
    review: Review,
) -> None:
    case_id = await to_be_visited(review)
    # Visited before and drawn again: the inspector sees the case whatever becomes of it.
    await visit(review, case_id)
    await place(review, case_id, DRAWN)
    state = review.service.app.state

    async with saved_together(review.service.runtime, new_trace()) as (session, journal):
        case = await session.get_one(ReviewCase, UUID(case_id), with_for_update=True)
        sending = asyncio.create_task(send(inspector_of(review), case_id))
        await until_one_waits(review)
        CaseDesk(session, journal, review.service.clock, state.catalogue).place(case, OVER)
    refused = await sending

    assert (refused.status_code, slug(refused)) == (409, "visit-not-awaited")
    assert (await traces(review)).rows == 0


# ---------------------------------------------------------------- fetching


async def test_a_broken_download_goes_on_where_it_stopped(review: Review) -> None:
    case_id = await to_be_visited(review)
    me = inspector_of(review)
    photograph_id = (await send(me, case_id)).json()["id"]

    begun = await fetch(me, case_id, photograph_id, Range="bytes=0-9")
    rest = await fetch(
        me, case_id, photograph_id, **{"Range": "bytes=10-", "If-Range": begun.headers["ETag"]}
    )
    beyond = await fetch(me, case_id, photograph_id, Range=f"bytes={len(jpeg())}-")

    assert (begun.status_code, rest.status_code) == (206, 206)
    assert begun.headers["Content-Range"] == f"bytes 0-9/{len(jpeg())}"
    assert begun.content + rest.content == jpeg()
    assert (beyond.status_code, slug(beyond)) == (416, "range-not-satisfiable")


@pytest.mark.parametrize(
    ("content", "ending"), [(jpeg(), ".jpg"), (png(), ".png")], ids=["JPEG", "PNG"]
)
async def test_a_file_without_a_name_is_called_by_its_number(
    review: Review, content: bytes, ending: str
) -> None:
    case_id = await to_be_visited(review)
    photograph_id = (await send(inspector_of(review), case_id, content)).json()["id"]

    fetched = await fetch(inspector_of(review), case_id, photograph_id)

    assert fetched.headers["Content-Disposition"] == (
        f"attachment; filename*=UTF-8''{photograph_id}{ending}"
    )


async def test_a_photograph_is_given_to_who_may_see_its_case_and_to_nobody_else(
    review: Review,
) -> None:
    case_id = await to_be_visited(review)
    photograph_id = (await send(inspector_of(review), case_id)).json()["id"]
    call = review.service.caller
    callers = {
        "its inspectors": (review.officer("site_inspector", "520100"), 200),
        "its city": (review.officer("city_office", "520100"), 200),
        "the province": (review.province, 200),
        "the meeting": (review.officer("decision_meeting"), 200),
        "the auditor": (review.officer("auditor"), 200),
        "inspectors of another city": (review.officer("site_inspector", "520300"), 404),
        "another city": (review.officer("city_office", "520300"), 404),
        "another province": (review.officer("provincial_office", "530000"), 404),
        "an expert, whom nobody called": (review.officer("expert"), 404),
        "finance": (review.officer("finance_office"), 403),
        "a token that may only decide": (
            call("site_inspector", region="520100", scopes=frozenset({Scope.REVIEW_DECIDE})),
            403,
        ),
        "nobody": (Caller(client=review.service.client, token="x"), 401),
    }

    statuses = {
        who: (await fetch(caller, case_id, photograph_id)).status_code
        for who, (caller, _) in callers.items()
    }

    assert statuses == {who: status for who, (_, status) in callers.items()}


async def test_what_was_never_taken_is_not_found(review: Review) -> None:
    case_id = await to_be_visited(review)

    no_photograph = await fetch(inspector_of(review), case_id, new_id())
    no_case = await fetch(inspector_of(review), str(new_id()), new_id())

    assert (no_photograph.status_code, slug(no_photograph)) == (404, "photograph-not-found")
    assert (no_case.status_code, slug(no_case)) == (404, "review-case-not-found")


# ---------------------------------------------------------------- the file before its row, and sweeping


def keeper_of(review: Review) -> PhotographKeeper:
    return PhotographKeeper(
        review.service.runtime, review.service.app.state.store, spool_of(review)
    )


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


async def store(review: Review, content: bytes) -> Path:
    """Keep a file that no row refers to. Return where it is."""
    sent = spool_of(review) / "sent"
    write(sent, content)
    await review.service.app.state.store.keep(sent, hash_of(content))
    sent.unlink()
    return next(store_folder(review).rglob(hash_of(content)))


def date_back(file: Path, instant: datetime) -> None:
    os.utime(file, (instant.timestamp(), instant.timestamp()))


async def test_a_row_never_refers_to_a_file_that_is_not_there(review: Review) -> None:
    case_id = await to_be_visited(review)
    blocked = store_folder(review) / hash_of(jpeg())[:2]
    write(blocked, b"")

    refused = await send(inspector_of(review), case_id)
    rows = (await traces(review)).rows
    blocked.unlink()
    again = await send(inspector_of(review), case_id)

    assert (refused.status_code, slug(refused)) == (503, "overloaded")
    assert rows == 0
    assert again.status_code == 201


async def test_what_belongs_to_no_photograph_is_swept_after_a_day(review: Review) -> None:
    case_id = await to_be_visited(review)
    photograph_id = (await send(inspector_of(review), case_id)).json()["id"]
    now = review.service.clock.now()
    date_back(next(iter(files_under(store_folder(review)))), now - timedelta(days=100))
    date_back(await store(review, jpeg("old")), now - timedelta(days=1, minutes=1))
    date_back(await store(review, jpeg("young")), now - timedelta(hours=23, minutes=59))

    swept = await keeper_of(review).sweep()
    again = await keeper_of(review).sweep()

    left = {file.name for file in files_under(store_folder(review))}
    assert (swept, again) == (1, 0)
    assert left == {hash_of(jpeg()), hash_of(jpeg("young"))}
    assert (await fetch(inspector_of(review), case_id, photograph_id)).content == jpeg()


async def test_what_a_dead_process_was_writing_is_swept(review: Review) -> None:
    arriving = spool_of(review) / f"{ARRIVING}1"
    half_kept = (await store(review, jpeg())).with_name(f"{hash_of(jpeg())}#1")
    for file in (arriving, half_kept):
        write(file, jpeg()[:9])
        os.utime(file, (0, 0))
    coming = spool_of(review) / f"{ARRIVING}2"
    write(coming, jpeg()[:9])

    swept = await keeper_of(review).sweep()

    assert swept == 2
    assert files_under(spool_of(review)) == [coming]
    assert [file.name for file in files_under(store_folder(review))] == [hash_of(jpeg())]


async def test_the_worker_sweeps_at_once_and_survives_a_store_that_cannot_be_listed(
    review: Review,
) -> None:
    arriving = spool_of(review) / f"{ARRIVING}1"
    write(arriving, jpeg()[:9])
    os.utime(arriving, (0, 0))
    # It stands for a bucket without the right to list it: who lists the folder goes in circles.
    (store_folder(review) / "circle").symlink_to(store_folder(review))

    working = asyncio.create_task(keeper_of(review).run())
    async with asyncio.timeout(10):
        while arriving.exists():  # noqa: ASYNC110 - nobody tells when it is gone
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    has_ended = working.done()
    working.cancel()

    assert not has_ended


async def test_the_sweep_waits_for_a_picture_that_is_being_given_its_row(review: Review) -> None:
    case_id = await to_be_visited(review)
    os.utime(await store(review, jpeg()), (0, 0))
    photograph = Photograph(
        id=new_id(),
        case_id=UUID(case_id),
        sha256=hash_of(jpeg()),
        size=len(jpeg()),
        media_type="image/jpeg",
        file_name=None,
        uploaded_by=system_actor("test").sub,
        uploaded_at=review.service.clock.now(),
    )

    async with saved_together(review.service.runtime, new_trace()) as (session, _):
        await hold_content(session, photograph.sha256)
        sweeping = asyncio.create_task(keeper_of(review).sweep())
        await until_one_waits(review)
        session.add(photograph)
    swept = await sweeping

    assert swept == 0
    assert (await fetch(inspector_of(review), case_id, photograph.id)).content == jpeg()


async def test_an_upload_waits_for_the_sweep_and_stores_again_what_it_took(
    review: Review,
) -> None:
    case_id = await to_be_visited(review)

    async with saved_together(review.service.runtime, new_trace()) as (session, _):
        await hold_content(session, hash_of(jpeg()))
        sending = asyncio.create_task(send(inspector_of(review), case_id))
        await until_one_waits(review)
        next(store_folder(review).rglob(hash_of(jpeg()))).unlink()
    answer = await sending

    assert answer.status_code == 201
    assert (await fetch(inspector_of(review), case_id, answer.json()["id"])).content == jpeg()
