"""Documents: asked for, taken in whole or not at all, replaced, scanned, frozen, and given to who may see."""

import asyncio
import base64
import io
import json
import os
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import func, select

from deploy.standalone.papers import one_page_pdf
from services.applications.content_keeper import ContentKeeper
from services.applications.models import Content, Document
from services.applications.repository import DocumentRepository
from services.applications.scanning import Scanner, ScannerUnavailable, ScanResult
from services.applications.workflow import Verdict
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Scope
from services.kernel.logging import new_trace
from services.kernel.transaction import saved_together
from services.kernel.uploads import ARRIVING
from tests.applications.conftest import Intake
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.gateway.conftest import served
from tests.kernel.test_uploads import Conversation, answer_to_whoever_does_not_listen

KIND = "audit_report"
FIRST, SECOND = one_page_pdf("first"), one_page_pdf("second")
MEGABYTE = 1024 * 1024


class Traces(NamedTuple):
    """What there is of documents anywhere."""

    rows: int
    contents: int
    stored: int
    arriving: int


NOTHING = Traces(0, 0, 0, 0)


def files_under(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def traces(intake: Intake) -> Traces:
    async with intake.service.database.session() as session:
        rows = await session.scalar(select(func.count()).select_from(Document))
        contents = await session.scalar(select(func.count()).select_from(Content))
    return Traces(
        rows=rows or 0,
        contents=contents or 0,
        stored=len(files_under(store_folder(intake))),
        arriving=len(files_under(intake.service.app.state.spool)),
    )


def store_folder(intake: Intake) -> Path:
    spool: Path = intake.service.app.state.spool
    return spool.parent / "documents"


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def tag_of(content: bytes) -> dict[str, str]:
    return {"If-Match": f'"{hash_of(content)}"'}


async def listed(caller: Caller, application: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    answer = await caller.get(f"/applications/{application['id']}/documents")
    assert answer.status_code == 200, answer.text
    return {one["kind"]: one for one in answer.json()["items"]}


async def fetch(
    caller: Caller, application: Mapping[str, Any], kind: str = KIND, **headers: str
) -> httpx.Response:
    return await caller.get(f"/applications/{application['id']}/documents/{kind}", headers=headers)


async def edit(intake: Intake, application: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    answer = await intake.enterprise().ask(
        "PATCH",
        f"/applications/{application['id']}",
        json={"facts": facts},
        headers={"If-Match": f'"{application["version"]}"'},
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def zipped(name: str = "a.txt") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "0" * 100)
    return content.getvalue()


# ---------------------------------------------------------------- what is asked for


async def test_what_is_asked_for_follows_the_facts(intake: Intake) -> None:
    draft = await intake.bare_draft()

    before = await listed(intake.enterprise(), draft)
    draft = await edit(intake, draft, is_ethnic_craft=True)
    after = await listed(intake.enterprise(), draft)

    assert {kind for kind, one in before.items() if one["is_needed"]} == {
        "business_licence",
        "audit_report",
        "truth_commitment",
    }
    assert {kind for kind, one in after.items() if one["is_needed"]} - set(before) == set()
    assert (
        before["ethnic_craft_proof"]["is_needed"],
        after["ethnic_craft_proof"]["is_needed"],
    ) == (
        False,
        True,
    )
    assert before["audit_report"]["max_megabytes"] == 50
    assert before["audit_report"]["name"]["zh"] == "上一年度审计报告"
    assert {one["document"] for one in before.values()} == {None}
    assert "/documents/ethnic_craft_proof" in {one["pointer"] for one in draft["missing"]}


async def test_an_application_is_complete_when_the_last_needed_document_is_there(
    intake: Intake,
) -> None:
    draft = await intake.bare_draft()
    path = f"/applications/{draft['id']}"

    percents, missing = [draft["completeness"]], [len(draft["missing"])]
    for kind in ("business_licence", "digital_proof", "audit_report", "truth_commitment"):
        await intake.attach(intake.enterprise(), draft["id"], kind)
        now = (await intake.enterprise().get(path)).json()
        percents.append(now["completeness"])
        missing.append(len(now["missing"]))

    assert missing == [3, 2, 2, 1, 0]
    assert percents[1] == percents[2]
    assert sorted(percents) == percents
    assert percents[-1] == 100 > percents[-2]


async def test_an_application_without_a_needed_document_is_not_submitted(intake: Intake) -> None:
    draft = await intake.draft()
    path = f"/applications/{draft['id']}"
    audit = (await listed(intake.enterprise(), draft))[KIND]["document"]

    removed = await intake.enterprise().ask(
        "DELETE", f"{path}/documents/{KIND}", headers={"If-Match": f'"{audit["sha256"]}"'}
    )
    refused = await intake.enterprise().post(f"{path}/submission")

    assert removed.status_code == 204
    assert (refused.status_code, slug(refused)) == (409, "application-incomplete")
    assert [one["pointer"] for one in refused.json()["errors"]] == [f"/documents/{KIND}"]


# ---------------------------------------------------------------- attaching and replacing


async def test_a_document_is_stored_whole_and_described_as_it_is(intake: Intake) -> None:
    draft = await intake.bare_draft()

    answer = await intake.attach(
        intake.enterprise(),
        draft["id"],
        KIND,
        content=FIRST,
        **{"Content-Disposition": "attachment; filename*=UTF-8''" + quote("审计报告.pdf")},
    )
    fetched = await fetch(intake.enterprise(), draft)

    assert answer.status_code == 201
    assert answer.headers["ETag"] == fetched.headers["ETag"] == f'"{hash_of(FIRST)}"'
    assert answer.json() == (await listed(intake.enterprise(), draft))[KIND]["document"]
    assert answer.json() | {"given_at": None} == {
        "kind": KIND,
        "sha256": hash_of(FIRST),
        "size": len(FIRST),
        "media_type": "application/pdf",
        "file_name": "审计报告.pdf",
        "state": "available",
        "source": "enterprise",
        "given_by": f"enterprise-{uscc_of(1)}",
        "given_at": None,
    }
    assert fetched.content == FIRST
    assert fetched.headers["Content-Disposition"] == "attachment; filename*=UTF-8''" + quote(
        "审计报告.pdf"
    )
    assert await traces(intake) == Traces(rows=1, contents=1, stored=1, arriving=0)


async def test_nobody_replaces_a_document_that_they_have_not_read(intake: Intake) -> None:
    draft = await intake.bare_draft()
    me = intake.enterprise()

    first = await intake.attach(me, draft["id"], KIND, content=FIRST)
    same = await intake.attach(me, draft["id"], KIND, content=FIRST)
    blind = await intake.attach(me, draft["id"], KIND, content=SECOND)
    wrong = await intake.attach(me, draft["id"], KIND, content=SECOND, **tag_of(SECOND))
    star = await intake.attach(me, draft["id"], KIND, content=SECOND, **{"If-Match": "*"})
    there = await traces(intake)
    right = await intake.attach(me, draft["id"], KIND, content=SECOND, **tag_of(FIRST))
    lost = await intake.attach(me, draft["id"], KIND, content=SECOND, **tag_of(FIRST))

    assert [answer.status_code for answer in (first, same, right, lost)] == [201, 200, 200, 200]
    assert (blind.status_code, slug(blind)) == (428, "precondition-required")
    assert (wrong.status_code, slug(wrong)) == (412, "stale")
    assert star.status_code == 412
    assert there == Traces(rows=1, contents=1, stored=1, arriving=0)
    assert (await fetch(me, draft)).content == SECOND
    assert [row["action"] for row in await intake.service.history()][-2:] == [
        "document_attached",
        "document_replaced",
    ]


async def test_a_tag_where_there_is_no_document_is_stale(intake: Intake) -> None:
    draft = await intake.bare_draft()

    refused = await intake.attach(
        intake.enterprise(), draft["id"], KIND, content=FIRST, **tag_of(FIRST)
    )

    assert (refused.status_code, slug(refused)) == (412, "stale")
    assert await traces(intake) == NOTHING


async def test_a_new_name_for_the_same_file_is_a_change_like_any_other(intake: Intake) -> None:
    draft = await intake.bare_draft()
    me = intake.enterprise()
    named = {"Content-Disposition": 'attachment; filename="report.pdf"'}
    await intake.attach(me, draft["id"], KIND, content=FIRST)

    blind = await intake.attach(me, draft["id"], KIND, content=FIRST, **named)
    read = await intake.attach(me, draft["id"], KIND, content=FIRST, **named, **tag_of(FIRST))

    assert (blind.status_code, read.status_code) == (428, 200)
    assert read.json()["file_name"] == "report.pdf"
    assert await traces(intake) == Traces(rows=2, contents=1, stored=1, arriving=0)


async def test_of_two_first_uploads_at_once_one_wins_and_the_others_are_told(
    intake: Intake,
) -> None:
    draft = await intake.bare_draft()
    files = [one_page_pdf(f"number {number}") for number in range(5)]

    answers = await asyncio.gather(
        *(intake.attach(intake.enterprise(), draft["id"], KIND, content=file) for file in files)
    )

    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [201, 428, 428, 428, 428]
    assert (await fetch(intake.enterprise(), draft)).content == files[statuses.index(201)]
    found = await traces(intake)
    assert (found.rows, found.contents, found.arriving) == (1, 1, 0)


async def test_of_two_who_replace_what_both_have_read_one_is_told(intake: Intake) -> None:
    draft = await intake.bare_draft()
    me = intake.enterprise()
    await intake.attach(me, draft["id"], KIND, content=FIRST)

    answers = await asyncio.gather(
        *(
            intake.attach(me, draft["id"], KIND, content=one_page_pdf(name), **tag_of(FIRST))
            for name in ("one", "other")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_what_is_submitted_is_what_is_there_whoever_was_quicker(intake: Intake) -> None:
    for serial in (1, 2, 3):
        draft = await intake.draft(serial)
        me = intake.enterprise(serial)
        there = (await listed(me, draft))[KIND]["document"]["sha256"]

        replaced, submitted = await asyncio.gather(
            intake.attach(me, draft["id"], KIND, content=SECOND, **{"If-Match": f'"{there}"'}),
            me.post(f"/applications/{draft['id']}/submission"),
        )

        (frozen,) = (await me.get(f"/applications/{draft['id']}/submissions")).json()["items"]
        of_submission = {one["kind"]: one["sha256"] for one in frozen["documents"]}
        assert submitted.status_code == 200
        assert replaced.status_code in {200, 409}
        assert of_submission[KIND] == (await listed(me, draft))[KIND]["document"]["sha256"]
        assert (of_submission[KIND] == hash_of(SECOND)) is (replaced.status_code == 200)


async def test_a_document_is_taken_out_by_who_has_read_it(intake: Intake) -> None:
    draft = await intake.bare_draft()
    me, path = intake.enterprise(), f"/applications/{draft['id']}/documents/{KIND}"
    nothing = await me.ask("DELETE", path, headers=tag_of(FIRST))
    await intake.attach(me, draft["id"], KIND, content=FIRST)

    blind = await me.ask("DELETE", path)
    wrong = await me.ask("DELETE", path, headers=tag_of(SECOND))
    stranger = await intake.enterprise(2).ask("DELETE", path, headers=tag_of(FIRST))
    right = await me.ask("DELETE", path, headers=tag_of(FIRST))
    again = await intake.attach(me, draft["id"], KIND, content=FIRST)

    assert (nothing.status_code, slug(nothing)) == (404, "document-not-found")
    assert [one.status_code for one in (blind, wrong, stranger, right)] == [428, 412, 404, 204]
    assert again.status_code == 201


async def test_two_enterprises_with_the_same_file_do_not_share_its_fate(intake: Intake) -> None:
    one, other = await intake.bare_draft(1), await intake.bare_draft(2)
    for serial, draft in ((1, one), (2, other)):
        await intake.attach(intake.enterprise(serial), draft["id"], KIND, content=FIRST)

    await intake.enterprise(1).ask(
        "DELETE", f"/applications/{one['id']}/documents/{KIND}", headers=tag_of(FIRST)
    )

    assert await traces(intake) == Traces(rows=2, contents=1, stored=1, arriving=0)
    assert (await fetch(intake.enterprise(1), one)).status_code == 404
    assert (await fetch(intake.enterprise(2), other)).content == FIRST


async def test_an_office_attaches_to_the_draft_that_it_made(intake: Intake) -> None:
    county = intake.service.caller("county_office", region="520102")
    draft = (await county.post("/applications", json=intake.body())).json()

    attached = await intake.attach(county, draft["id"], KIND)
    taken_up = await intake.attach(intake.enterprise(), draft["id"], "business_licence")

    assert (attached.status_code, attached.json()["source"]) == (201, "county_office")
    assert (taken_up.status_code, taken_up.json()["source"]) == (201, "enterprise")


# ---------------------------------------------------------------- what is refused leaves nothing


@dataclass(frozen=True)
class Sent:
    """An upload that is refused."""

    status: int
    problem: str
    content: bytes = FIRST
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = KIND
    who: Callable[[Intake], Caller] = lambda intake: intake.enterprise()


def named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


REFUSED = {
    "a city without the enterprise's word": Sent(
        409,
        "enterprise-word-missing",
        who=lambda intake: intake.service.caller("city_office", region="520100"),
    ),
    "a county of elsewhere": Sent(
        404,
        "application-not-found",
        who=lambda intake: intake.service.caller("county_office", region="520103"),
    ),
    "another enterprise": Sent(
        404, "application-not-found", who=lambda intake: intake.enterprise(2)
    ),
    "the province, which files for nobody": Sent(
        403, "not-allowed", who=lambda intake: intake.province
    ),
    "an expert": Sent(
        403, "not-allowed", who=lambda intake: intake.service.caller("expert", region="520000")
    ),
    "a token that may only read": Sent(
        403,
        "not-allowed",
        who=lambda intake: intake.service.caller(
            "enterprise", uscc=uscc_of(1), scopes=frozenset({Scope.APPLICATIONS_READ})
        ),
    ),
    "nobody": Sent(
        401,
        "not-authenticated",
        who=lambda intake: Caller(client=intake.service.client, token="x"),
    ),
    "an unknown kind": Sent(404, "document-kind-unknown", kind="love_letter"),
    "a kind that is no name": Sent(422, "malformed-request", kind="Love-Letter"),
    "an unknown parameter": Sent(422, "unknown-filter", kind=f"{KIND}?overwrite=true"),
    "a type that is not taken": Sent(
        415, "media-type-not-supported", headers={"Content-Type": "application/zip"}
    ),
    "JSON": Sent(415, "media-type-not-supported", headers={"Content-Type": "application/json"}),
    "no type": Sent(415, "media-type-not-supported", headers={"Content-Type": ""}),
    "a program": Sent(415, "document-type-refused", content=b"MZ" + FIRST),
    "an archive": Sent(415, "document-type-refused", content=zipped()),
    "a workbook": Sent(415, "document-type-refused", content=zipped("xl/workbook.xml")),
    "a page of HTML": Sent(
        415, "document-type-refused", content=b"<html><script>alert(1)</script></html>"
    ),
    "a PDF that is cut short": Sent(415, "document-type-refused", content=FIRST[:-40]),
    "a PDF with an archive behind it": Sent(
        415, "document-type-refused", content=FIRST + zipped() + FIRST
    ),
    "an empty file": Sent(415, "document-type-refused", content=b""),
    "more than the kind may have": Sent(
        413, "too-large", content=FIRST[:-6] + b"0" * (20 * MEGABYTE), kind="business_licence"
    ),
    "fewer bytes than announced": Sent(400, "upload-truncated", headers={"Content-Length": "9999"}),
    "another digest": Sent(
        422,
        "digest-mismatch",
        headers={
            "Content-Digest": f"sha-256=:{base64.b64encode(sha256(SECOND).digest()).decode()}:"
        },
    ),
    "a path": Sent(422, "file-name-invalid", headers=named("../../etc/passwd")),
    "a slash behind a percent sign": Sent(422, "file-name-invalid", headers=named("a/b.pdf")),
    "a path in quotation marks": Sent(
        422,
        "file-name-invalid",
        headers={"Content-Disposition": 'attachment; filename="a\\\\b.pdf"'},
    ),
    "dots": Sent(422, "file-name-invalid", headers=named("..")),
    "a zero byte": Sent(422, "file-name-invalid", headers=named("a\0.pdf")),
    "a line break": Sent(422, "file-name-invalid", headers=named("a\r\nSet-Cookie: b.pdf")),
    "a control character of the upper half": Sent(
        422, "file-name-invalid", headers=named("a\x9b2J.pdf")
    ),
    "a name that is read backwards": Sent(
        422, "file-name-invalid", headers=named("a\u202efdp.exe")
    ),
    "half a character": Sent(
        422,
        "file-name-invalid",
        headers={"Content-Disposition": "attachment; filename*=unicode_escape''a%5Cud800.pdf"},
    ),
    "a long name": Sent(422, "file-name-invalid", headers=named("报" * 201)),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_refusal_leaves_no_row_and_no_file(intake: Intake, what: str) -> None:
    sent = REFUSED[what]
    draft = await intake.bare_draft()
    before = len(await intake.service.history())

    refused = await intake.attach(
        sent.who(intake), draft["id"], sent.kind, content=sent.content, **sent.headers
    )

    assert (refused.status_code, slug(refused)) == (sent.status, sent.problem), refused.text
    assert await traces(intake) == NOTHING
    assert len(await intake.service.history()) == before


@pytest.mark.parametrize(
    ("file", "media_type"),
    [
        (FIRST, "application/pdf"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01" + b"0" * 500 + b"\xff\xd9", "image/jpeg"),
    ],
)
async def test_the_type_is_what_the_content_shows_whatever_it_is_called(
    intake: Intake, file: bytes, media_type: str
) -> None:
    draft = await intake.bare_draft()

    answer = await intake.attach(
        intake.enterprise(),
        draft["id"],
        KIND,
        content=file,
        **{"Content-Type": "image/png", **named("photo.png")},
    )
    fetched = await fetch(intake.enterprise(), draft)

    assert (answer.status_code, answer.json()["media_type"]) == (201, media_type)
    assert fetched.headers["Content-Type"] == media_type
    assert fetched.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file_of_exactly_the_limit_is_taken(intake: Intake) -> None:
    draft = await intake.bare_draft()
    padding = 20 * MEGABYTE - len(FIRST)
    file = FIRST[:9] + b"%" + b"0" * (padding - 2) + b"\n" + FIRST[9:]

    answer = await intake.attach(intake.enterprise(), draft["id"], "business_licence", content=file)

    assert answer.status_code == 201, answer.text
    assert (await fetch(intake.enterprise(), draft, "business_licence")).content == file


# ---------------------------------------------------------------- over a socket


@pytest.fixture
async def address(intake: Intake) -> AsyncIterator[str]:
    async with served(intake.service.app) as address:
        yield address


async def upload(
    intake: Intake, address: str, application: Mapping[str, Any], *head: str
) -> Conversation:
    return await Conversation.begin(
        address,
        f"Authorization: Bearer {intake.enterprise().token}",
        "Content-Type: application/pdf",
        *head,
        path=f"/api/v1/applications/{application['id']}/documents/{KIND}",
    )


async def test_a_gigabyte_is_refused_as_soon_as_it_is_announced(
    intake: Intake, address: str
) -> None:
    draft = await intake.bare_draft()
    conversation = await upload(intake, address, draft, "Content-Length: 1073741824")

    async with asyncio.timeout(5):
        answer = await conversation.answer()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"/problems/too-large" in answer
    assert await traces(intake) == NOTHING


async def test_an_endless_upload_is_refused_at_the_limit(intake: Intake, address: str) -> None:
    draft = await intake.bare_draft()

    answer, sent = await asyncio.to_thread(
        answer_to_whoever_does_not_listen,
        address,
        f"Authorization: Bearer {intake.enterprise().token}",
        "Content-Type: application/pdf",
        path=f"/api/v1/applications/{draft['id']}/documents/business_licence",
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert 20 * MEGABYTE < sent < 40 * MEGABYTE
    assert await traces(intake) == NOTHING


async def test_an_upload_that_breaks_off_leaves_nothing(intake: Intake, address: str) -> None:
    draft = await intake.bare_draft()
    conversation = await upload(intake, address, draft, f"Content-Length: {len(FIRST)}")
    await conversation.send(FIRST[:-1])
    async with asyncio.timeout(10):
        while not (await traces(intake)).arriving:  # noqa: ASYNC110 - nobody tells when it is
            await asyncio.sleep(0.01)

    conversation.writer.close()
    async with asyncio.timeout(10):
        while (await traces(intake)).arriving:  # noqa: ASYNC110 - nobody tells when it is
            await asyncio.sleep(0.01)

    assert await traces(intake) == NOTHING


async def test_uploads_that_pause_are_cut_off_and_take_nothing_from_anybody_meanwhile(
    intake: Intake, address: str
) -> None:
    draft = await intake.bare_draft()
    # More than there are connections to the database.
    paused = [
        await upload(intake, address, draft, f"Content-Length: {len(FIRST)}") for _ in range(25)
    ]
    for conversation in paused:
        await conversation.send(FIRST[:5])
    async with asyncio.timeout(10):
        while (await traces(intake)).arriving < len(paused):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

    meanwhile = await intake.attach(intake.enterprise(), draft["id"], "business_licence")
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(conversation.answer() for conversation in paused))

    assert meanwhile.status_code == 201
    assert {answer.partition(b"\r\n")[0][:12] for answer in answers} == {b"HTTP/1.1 408"}
    assert await traces(intake) == Traces(rows=1, contents=1, stored=1, arriving=0)


async def test_an_upload_in_many_small_chunks_arrives_whole(intake: Intake, address: str) -> None:
    draft = await intake.bare_draft()
    conversation = await upload(
        intake, address, draft, "Transfer-Encoding: chunked", "Connection: close"
    )
    for place in range(0, len(FIRST), 7):
        part = FIRST[place : place + 7]
        await conversation.send(b"%x\r\n%s\r\n" % (len(part), part))
    await conversation.send(b"0\r\n\r\n")

    answer = await conversation.answer()

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert (await fetch(intake.enterprise(), draft)).content == FIRST


async def test_an_expired_token_is_refused_before_the_upload_begins(
    intake: Intake, address: str
) -> None:
    draft = await intake.bare_draft()
    conversation = await Conversation.begin(
        address,
        "Authorization: Bearer nonsense",
        "Content-Type: application/pdf",
        "Content-Length: 50",
        "Expect: 100-continue",
        "Connection: close",
        path=f"/api/v1/applications/{draft['id']}/documents/{KIND}",
    )

    async with asyncio.timeout(5):
        answer = await conversation.answer()

    assert answer.startswith(b"HTTP/1.1 401 ")


# ---------------------------------------------------------------- fetching


async def test_a_broken_download_goes_on_where_it_stopped(intake: Intake) -> None:
    draft = await intake.bare_draft()
    await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)

    begun = await fetch(intake.enterprise(), draft, Range="bytes=0-99")
    rest = await fetch(
        intake.enterprise(), draft, **{"Range": "bytes=100-", "If-Range": begun.headers["ETag"]}
    )
    await intake.attach(intake.enterprise(), draft["id"], KIND, content=SECOND, **tag_of(FIRST))
    another = await fetch(
        intake.enterprise(), draft, **{"Range": "bytes=100-", "If-Range": begun.headers["ETag"]}
    )
    beyond = await fetch(intake.enterprise(), draft, Range=f"bytes={len(SECOND)}-")

    assert (begun.status_code, rest.status_code) == (206, 206)
    assert begun.content + rest.content == FIRST
    assert (another.status_code, another.content) == (200, SECOND)
    assert (beyond.status_code, slug(beyond)) == (416, "range-not-satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(SECOND)}"


async def test_a_file_without_a_name_is_called_by_its_kind(intake: Intake) -> None:
    draft = await intake.bare_draft()
    await intake.attach(intake.enterprise(), draft["id"], KIND)

    fetched = await fetch(intake.enterprise(), draft)

    assert fetched.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{KIND}.pdf"


@pytest.mark.parametrize("is_secret", [False, True])
async def test_a_document_is_given_to_who_may_see_the_application_and_to_nobody_else(
    intake: Intake, is_secret: bool
) -> None:
    application = await intake.submitted(is_secret_involved=is_secret)
    call = intake.service.caller
    callers = {
        "the enterprise": (intake.enterprise(), 200),
        "its county": (call("county_office", region="520102"), 200),
        "its city": (call("city_office", region="520100"), 200),
        "the province": (intake.province, 200),
        "the auditor": (call("auditor", region="520000"), 200),
        "another enterprise": (intake.enterprise(2), 404),
        "another county": (call("county_office", region="520103"), 404),
        "another city": (call("city_office", region="520300"), 404),
        "another province": (call("provincial_office", region="530000"), 404),
        "a county that says it is a province": (call("provincial_office", region="520102"), 403),
        "finance": (call("finance_office", region="520000"), 403),
        "disbursement": (call("disbursement", region="520000"), 403),
        "an expert": (call("expert", region="520000"), 403),
        "the meeting": (call("decision_meeting", region="520000"), 403),
        "a token for something else": (
            call("city_office", region="520100", scopes=frozenset({Scope.REGISTRY_READ})),
            403,
        ),
        "nobody": (Caller(client=intake.service.client, token=""), 401),
    }
    paths = [
        f"/applications/{application['id']}/documents/{KIND}",
        f"/applications/{application['id']}/submissions/1/documents/{KIND}",
        f"/applications/{application['id']}/documents",
    ]

    statuses = {
        who: [(await caller.get(path)).status_code for path in paths]
        for who, (caller, _) in callers.items()
    }

    assert statuses == {who: [status] * 3 for who, (_, status) in callers.items()}


async def test_what_was_never_there_is_not_found(intake: Intake) -> None:
    application = await intake.submitted()
    path = f"/applications/{application['id']}"

    answers = [
        await intake.enterprise().get(f"{path}/{rest}")
        for rest in (
            "documents/other_material",
            "documents/love_letter",
            "submissions/2/documents/audit_report",
            "submissions/1/documents/other_material",
            "submissions/10000/documents/audit_report",
        )
    ]

    assert {(answer.status_code, slug(answer)) for answer in answers} == {
        (404, "document-not-found")
    }


# ---------------------------------------------------------------- submission and correction


async def test_a_submission_freezes_its_documents(intake: Intake) -> None:
    application = await intake.submitted()
    me, path = intake.enterprise(), f"/applications/{application['id']}"
    there = (await listed(me, application))[KIND]["document"]["sha256"]

    attached = await intake.attach(me, application["id"], "other_material")
    replaced = await intake.attach(
        me, application["id"], KIND, content=SECOND, **{"If-Match": f'"{there}"'}
    )
    removed = await me.ask("DELETE", f"{path}/documents/{KIND}", headers={"If-Match": f'"{there}"'})

    assert {(one.status_code, slug(one)) for one in (attached, replaced, removed)} == {
        (409, "application-not-editable")
    }
    assert hash_of((await fetch(me, application)).content) == there


async def test_a_return_opens_only_the_documents_that_its_remarks_name(intake: Intake) -> None:
    returned = await intake.returned(1, KIND, "total_liabilities")
    me, path = intake.enterprise(), f"/applications/{returned['id']}"
    tags = {
        kind: {"If-Match": f'"{one["document"]["sha256"]}"'}
        for kind, one in (await listed(me, returned)).items()
        if one["document"] is not None
    }

    closed = [
        await intake.attach(
            me, returned["id"], "business_licence", content=SECOND, **tags["business_licence"]
        ),
        await intake.attach(me, returned["id"], "other_material", content=SECOND),
        await me.ask(
            "DELETE", f"{path}/documents/business_licence", headers=tags["business_licence"]
        ),
    ]
    opened = await intake.attach(me, returned["id"], KIND, content=SECOND, **tags[KIND])

    assert {(one.status_code, slug(one)) for one in closed} == {(409, "fact-not-opened")}
    assert [one.json()["errors"][0]["pointer"] for one in closed] == [
        "/documents/business_licence",
        "/documents/other_material",
        "/documents/business_licence",
    ]
    assert opened.status_code == 200


async def test_a_correction_shows_which_documents_it_changed_and_the_old_ones_stay(
    intake: Intake,
) -> None:
    returned = await intake.returned(1, KIND, "other_material", "business_licence")
    me, path = intake.enterprise(), f"/applications/{returned['id']}"
    old = (await fetch(me, returned)).content
    licence = (await listed(me, returned))["business_licence"]["document"]["sha256"]
    await intake.attach(me, returned["id"], KIND, content=SECOND, **tag_of(old))
    await intake.attach(me, returned["id"], "other_material", content=FIRST)
    resubmitted = await me.post(f"{path}/submission")
    city = intake.service.caller("city_office", region="520100")

    first, second = (await city.get(f"{path}/submissions")).json()["items"]
    before = await city.get(f"{path}/submissions/1/documents/{KIND}")
    after = await city.get(f"{path}/submissions/2/documents/{KIND}")
    not_yet = await city.get(f"{path}/submissions/1/documents/other_material")

    assert resubmitted.status_code == 200
    assert first["document_changes"] == []
    assert second["document_changes"] == [
        {"document": KIND, "before": hash_of(old), "after": hash_of(SECOND)},
        {"document": "other_material", "before": None, "after": hash_of(FIRST)},
    ]
    assert (before.content, after.content) == (old, SECOND)
    assert not_yet.status_code == 404
    assert licence in {one["sha256"] for one in second["documents"]}


async def test_anybody_can_compute_what_a_submission_was_sealed_with(intake: Intake) -> None:
    returned = await intake.returned(1, KIND)
    me, path = intake.enterprise(), f"/applications/{returned['id']}"
    old = (await fetch(me, returned)).content
    await intake.attach(
        me, returned["id"], KIND, content=SECOND, **tag_of(old), **named("审计报告.pdf")
    )
    intake.service.clock.move_to_day(datetime(2026, 3, 20).date())  # noqa: DTZ001 - a day
    await me.post(f"{path}/submission")

    application = (await me.get(path)).json()
    submissions = (await me.get(f"{path}/submissions")).json()["items"]

    first_at = datetime.fromisoformat(submissions[0]["submitted_at"])
    applied_on = first_at.astimezone(ZoneInfo("Asia/Shanghai")).date().isoformat()
    for one in submissions:
        sealed = {
            "application_id": application["id"],
            "number": one["number"],
            "kind": application["kind"],
            "title": application["title"],
            "uscc": application["uscc"],
            "applied_on": applied_on,
            "policy_pack": one["policy_pack"],
            "pack_checksum": one["pack_checksum"],
            "documents_checksum": one["documents_checksum"],
            "facts": one["facts"],
            "documents": one["documents"],
            "size_determination": one["size_determination"],
        }
        text = json.dumps(sealed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert one["snapshot_sha256"] == hash_of(text.encode())
    assert submissions[0]["snapshot_sha256"] != submissions[1]["snapshot_sha256"]
    assert [event["data"]["snapshot_sha256"] for event in await intake.service.events()] == [
        one["snapshot_sha256"] for one in submissions
    ]


async def test_review_is_told_which_documents_were_submitted_and_partners_are_not(
    intake: Intake,
) -> None:
    await intake.submitted()

    (event,) = await intake.service.events()

    assert {one["kind"] for one in event["data"]["documents"]} == {
        "business_licence",
        "audit_report",
        "truth_commitment",
    }
    assert "documents" not in event["partner_data"]


# ---------------------------------------------------------------- scanning


@dataclass
class Looking:
    """A scanner that finds what it is told to find, and is away when it is told to be."""

    name: str = "looking"
    infected: set[bytes] = field(default_factory=set)
    unreadable: set[bytes] = field(default_factory=set)
    is_away: bool = False
    seen: list[bytes] = field(default_factory=list)

    async def scan(self, file: Path) -> ScanResult:
        content = await asyncio.to_thread(file.read_bytes)
        if self.is_away or content in self.unreadable:
            raise ScannerUnavailable("nobody is there")
        self.seen.append(content)
        if content in self.infected:
            return ScanResult(Verdict.INFECTED, "Eicar-Test-Signature")
        return ScanResult(Verdict.CLEAN, None)


@pytest.fixture
def scanner(intake: Intake) -> Looking:
    looking = Looking()
    intake.service.app.state.scanner = looking
    return looking


def keeper_of(intake: Intake, scanner: Scanner | None) -> ContentKeeper:
    state = intake.service.app.state
    return ContentKeeper(intake.service.runtime, state.store, scanner, state.spool)


async def scan_all(intake: Intake, scanner: Scanner) -> None:
    keeper = keeper_of(intake, scanner)
    while await keeper.scan_next():
        pass


async def until_it_is(state: str, caller: Caller, application: Mapping[str, Any]) -> None:
    async with asyncio.timeout(20):
        while (await listed(caller, application))[KIND]["document"]["state"] != state:  # noqa: ASYNC110 - nobody tells when it is
            await asyncio.sleep(0.05)


async def test_a_document_is_held_until_it_was_found_clean(
    intake: Intake, scanner: Looking
) -> None:
    draft = await intake.bare_draft()

    attached = await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)
    held = [await fetch(caller, draft) for caller in (intake.enterprise(), intake.province)]
    looked_into = await keeper_of(intake, scanner).scan_next()
    free = await fetch(intake.province, draft)
    nothing_more = await keeper_of(intake, scanner).scan_next()

    assert (attached.status_code, attached.json()["state"]) == (201, "held")
    assert {(one.status_code, slug(one)) for one in held} == {(409, "document-held")}
    assert held[0].headers["Retry-After"] == "5"
    assert (looked_into, nothing_more) == (True, False)
    assert scanner.seen == [FIRST]
    assert (free.status_code, free.content) == (200, FIRST)
    assert await traces(intake) == Traces(rows=1, contents=1, stored=1, arriving=0)


async def test_a_held_document_counts_and_can_be_submitted(
    intake: Intake, scanner: Looking
) -> None:
    submitted = await intake.submitted()
    path = f"/applications/{submitted['id']}/submissions/1/documents/{KIND}"

    held = await intake.province.get(path)
    await scan_all(intake, scanner)
    free = await intake.province.get(path)

    assert (submitted["status"], submitted["completeness"]) == ("submitted", 100)
    assert (held.status_code, slug(held)) == (409, "document-held")
    assert free.status_code == 200


async def test_an_infected_document_is_given_to_nobody_and_counts_for_nothing(
    intake: Intake, scanner: Looking
) -> None:
    draft = await intake.draft()
    me, path = intake.enterprise(), f"/applications/{draft['id']}"
    bad = (await listed(me, draft))[KIND]["document"]["sha256"]
    scanner.infected.add(one_page_pdf(KIND))

    await scan_all(intake, scanner)
    fetched = [await fetch(caller, draft) for caller in (me, intake.province)]
    now = (await me.get(path)).json()
    refused = await me.post(f"{path}/submission")
    again = await intake.attach(
        me, draft["id"], KIND, content=one_page_pdf(KIND), **{"If-Match": f'"{bad}"'}
    )
    clean = await intake.attach(me, draft["id"], KIND, content=SECOND, **{"If-Match": f'"{bad}"'})
    submitted = await me.post(f"{path}/submission")
    told = (await me.get(f"{path}/timeline")).json()["items"]

    assert [one["data"]["kind"] for one in told if one["action"] == "document_infected"] == [KIND]
    assert {(one.status_code, slug(one)) for one in fetched} == {(409, "document-infected")}
    assert [one["pointer"] for one in now["missing"]] == [f"/documents/{KIND}"]
    assert now["completeness"] < 100
    assert (refused.status_code, slug(refused)) == (409, "application-incomplete")
    assert (again.status_code, slug(again)) == (409, "document-infected")
    assert (clean.status_code, submitted.status_code) == (200, 200)


async def test_what_was_found_infected_once_is_refused_whoever_sends_it(
    intake: Intake, scanner: Looking
) -> None:
    scanner.infected.add(FIRST)
    one, other = await intake.bare_draft(1), await intake.bare_draft(2)
    await intake.attach(intake.enterprise(1), one["id"], KIND, content=FIRST)
    await scan_all(intake, scanner)

    refused = await intake.attach(intake.enterprise(2), other["id"], KIND, content=FIRST)

    assert (refused.status_code, slug(refused)) == (409, "document-infected")
    assert (await listed(intake.enterprise(2), other))[KIND]["document"] is None


async def test_what_turns_out_infected_after_the_submission_is_given_to_nobody(
    intake: Intake, scanner: Looking
) -> None:
    submitted = await intake.submitted()
    scanner.infected.add(one_page_pdf(KIND))
    await scan_all(intake, scanner)

    answers = [
        await intake.province.get(f"/applications/{submitted['id']}/{rest}")
        for rest in (f"documents/{KIND}", f"submissions/1/documents/{KIND}")
    ]

    assert {(one.status_code, slug(one)) for one in answers} == {(409, "document-infected")}


async def test_what_is_infected_and_was_never_asked_for_is_left_out_of_the_submission(
    intake: Intake, scanner: Looking
) -> None:
    draft = await intake.draft()
    me, path = intake.enterprise(), f"/applications/{draft['id']}"
    await intake.attach(me, draft["id"], "other_material", content=FIRST)
    scanner.infected.add(FIRST)
    await scan_all(intake, scanner)

    await me.post(f"{path}/submission")

    (submission,) = (await me.get(f"{path}/submissions")).json()["items"]
    assert "other_material" not in {one["kind"] for one in submission["documents"]}


async def test_while_the_scanner_is_away_documents_are_held_and_it_frees_them_when_it_is_back(
    intake: Intake, scanner: Looking
) -> None:
    draft = await intake.bare_draft()
    await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)
    scanner.is_away = True

    with pytest.raises(ScannerUnavailable):
        await keeper_of(intake, scanner).scan_next()
    held = await fetch(intake.enterprise(), draft)
    working = asyncio.create_task(keeper_of(intake, scanner).run())
    await asyncio.sleep(0.5)
    still = (await listed(intake.enterprise(), draft))[KIND]["document"]["state"]
    scanner.is_away = False
    await until_it_is("available", intake.enterprise(), draft)
    working.cancel()

    assert (held.status_code, still) == (409, "held")
    assert (await traces(intake)).arriving == 0


async def test_a_file_that_no_scanner_can_read_holds_up_no_other(
    intake: Intake, scanner: Looking
) -> None:
    poisoned, draft = await intake.bare_draft(1), await intake.bare_draft(2)
    scanner.unreadable.add(FIRST)
    await intake.attach(intake.enterprise(1), poisoned["id"], KIND, content=FIRST)
    await intake.attach(intake.enterprise(2), draft["id"], KIND, content=SECOND)

    working = asyncio.create_task(keeper_of(intake, scanner).run())
    await until_it_is("available", intake.enterprise(2), draft)
    working.cancel()

    assert (await listed(intake.enterprise(1), poisoned))[KIND]["document"]["state"] == "held"


async def test_a_file_that_the_store_has_lost_holds_up_no_other(
    intake: Intake, scanner: Looking
) -> None:
    lost, draft = await intake.bare_draft(1), await intake.bare_draft(2)
    await intake.attach(intake.enterprise(1), lost["id"], KIND, content=FIRST)
    for file in files_under(store_folder(intake)):
        file.unlink()
    await intake.attach(intake.enterprise(2), draft["id"], KIND, content=SECOND)

    working = asyncio.create_task(keeper_of(intake, scanner).run())
    await until_it_is("available", intake.enterprise(2), draft)
    working.cancel()

    assert (await fetch(intake.enterprise(2), draft)).content == SECOND


async def test_a_store_that_lets_nobody_list_it_is_scanned_all_the_same(
    intake: Intake, scanner: Looking
) -> None:
    draft = await intake.bare_draft()
    # It stands for a bucket without the right to list it: who lists the folder goes in circles.
    (store_folder(intake) / "circle").symlink_to(store_folder(intake))
    working = asyncio.create_task(keeper_of(intake, scanner).run())
    await asyncio.sleep(0.5)

    await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)
    await until_it_is("available", intake.enterprise(), draft)
    working.cancel()

    assert scanner.seen == [FIRST]


async def test_two_who_scan_at_once_agree(intake: Intake, scanner: Looking) -> None:
    draft = await intake.draft()

    await asyncio.gather(*(scan_all(intake, scanner) for _ in range(3)))

    states = {
        one["document"]["state"]
        for one in (await listed(intake.enterprise(), draft)).values()
        if one["document"] is not None
    }
    assert states == {"available"}


async def test_without_a_scanner_nothing_is_held_and_what_was_found_stays_found(
    intake: Intake, scanner: Looking
) -> None:
    one, other = await intake.bare_draft(1), await intake.bare_draft(2)
    scanner.infected.add(FIRST)
    await intake.attach(intake.enterprise(1), one["id"], KIND, content=FIRST)
    await scan_all(intake, scanner)
    await intake.attach(intake.enterprise(2), other["id"], KIND, content=SECOND)

    intake.service.app.state.scanner = None
    infected = await fetch(intake.enterprise(1), one)
    free = await fetch(intake.enterprise(2), other)
    has_looked = await keeper_of(intake, None).scan_next()

    assert (infected.status_code, free.status_code) == (409, 200)
    assert has_looked is False


# ---------------------------------------------------------------- sweeping


def date_back(file: Path, instant: datetime) -> None:
    os.utime(file, (instant.timestamp(), instant.timestamp()))


async def test_what_belongs_to_nobody_is_swept_after_a_day(intake: Intake) -> None:
    draft = await intake.bare_draft()
    await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)
    spool: Path = intake.service.app.state.spool
    contents = {"old": one_page_pdf("old"), "young": one_page_pdf("young")}
    for content in contents.values():
        (spool / "sent").write_bytes(content)
        await intake.service.app.state.store.keep(spool / "sent", hash_of(content))
    (spool / "sent").unlink()
    there = {file.name: file for file in files_under(store_folder(intake))}
    in_shanghai = ZoneInfo("Asia/Shanghai")
    date_back(there[hash_of(FIRST)], datetime(2026, 1, 1, tzinfo=in_shanghai))
    date_back(there[hash_of(contents["old"])], datetime(2026, 3, 9, 8, 59, tzinfo=in_shanghai))
    date_back(there[hash_of(contents["young"])], datetime(2026, 3, 9, 9, 2, tzinfo=in_shanghai))

    swept = await keeper_of(intake, None).sweep()
    again = await keeper_of(intake, None).sweep()

    left = {file.name for file in files_under(store_folder(intake))}
    assert (swept, again) == (1, 0)
    assert left == {hash_of(FIRST), hash_of(contents["young"])}
    assert (await fetch(intake.enterprise(), draft)).content == FIRST


async def test_a_replaced_document_stays_in_the_store_for_whoever_may_ask_what_it_was(
    intake: Intake,
) -> None:
    draft = await intake.bare_draft()
    await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)
    await intake.attach(intake.enterprise(), draft["id"], KIND, content=SECOND, **tag_of(FIRST))
    for file in files_under(store_folder(intake)):
        date_back(file, datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")))

    swept = await keeper_of(intake, None).sweep()

    assert swept == 0
    assert await traces(intake) == Traces(rows=2, contents=2, stored=2, arriving=0)


async def test_what_a_dead_process_was_receiving_is_swept_and_what_is_coming_in_is_not(
    intake: Intake,
) -> None:
    spool: Path = intake.service.app.state.spool
    dead, coming, other = (spool / name for name in (f"{ARRIVING}1", f"{ARRIVING}2", "notes.txt"))
    for file in (dead, coming, other):
        file.write_bytes(b"%PDF-")
    long_ago = datetime(2020, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    date_back(dead, long_ago)
    date_back(other, long_ago)

    swept = await keeper_of(intake, None).sweep()

    assert swept == 1
    assert set(files_under(spool)) == {coming, other}


async def test_a_row_never_refers_to_a_file_that_is_not_there(intake: Intake) -> None:
    """The file comes first: where the store fails, there is no row, and no half of a document."""
    draft = await intake.bare_draft()
    blocked = store_folder(intake) / hash_of(FIRST)[:2]
    blocked.write_bytes(b"")

    refused = await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)
    blocked.unlink()
    again = await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)

    assert (refused.status_code, slug(refused)) == (503, "overloaded")
    assert refused.headers["Retry-After"] == "5"
    assert again.status_code == 201


async def test_a_file_is_read_for_each_document_whatever_it_was_sent_as_before(
    intake: Intake,
) -> None:
    draft = await intake.bare_draft()
    await note(intake, FIRST)

    attached = await intake.attach(intake.enterprise(), draft["id"], KIND, content=FIRST)
    fetched = await fetch(intake.enterprise(), draft)

    assert attached.json()["media_type"] == "application/pdf"
    assert fetched.headers["Content-Type"] == "application/pdf"


async def test_a_file_that_was_swept_while_it_came_is_stored_again(intake: Intake) -> None:
    store, content = intake.service.app.state.store, one_page_pdf("swept")
    file = intake.service.app.state.spool / "again"
    write(file, content)
    digest = sha256(content).hexdigest()

    await store.keep_again_if_gone(file, digest)
    found = b"".join([part async for part in await store.read(digest, size=len(content))])

    assert found == content


async def note(intake: Intake, content: bytes) -> None:
    """Let intake know a file from before, as if somebody had sent it as something else."""
    async with saved_together(intake.service.runtime, new_trace()) as (session, _):
        await DocumentRepository(session).note_content(
            Content(
                sha256=sha256(content).hexdigest(),
                size=len(content),
                kept_at=intake.service.clock.now(),
            )
        )


def write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


async def test_the_sweep_waits_for_a_file_that_is_being_given_its_row(intake: Intake) -> None:
    draft, content = await intake.bare_draft(), one_page_pdf("given its row")
    state, digest = intake.service.app.state, sha256(content).hexdigest()
    file = state.spool / "being-given-its-row"
    write(file, content)
    await state.store.keep(file, digest)
    file.unlink()
    for one in (state.spool.parent / "documents").rglob(digest):
        os.utime(one, (0, 0))
    keeper = ContentKeeper(intake.service.runtime, state.store, None, state.spool)

    async with saved_together(intake.service.runtime, new_trace()) as (session, _):
        known = await DocumentRepository(session).note_content(
            Content(sha256=digest, size=len(content), kept_at=intake.service.clock.now())
        )
        sweeping = asyncio.create_task(keeper.sweep())
        await asyncio.sleep(0.5)
        waits = not sweeping.done()
        session.add(
            Document(
                id=new_id(),
                application_id=UUID(draft["id"]),
                kind=KIND,
                sha256=digest,
                content=known,
                media_type="application/pdf",
                file_name=None,
                given_by="test",
                source="enterprise",
                given_at=intake.service.clock.now(),
                replaced_at=None,
            )
        )
    swept = await sweeping
    fetched = await fetch(intake.enterprise(), draft)

    assert (waits, swept) == (True, 0)
    assert fetched.content == content
