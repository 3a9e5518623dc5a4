"""A small service of notes, which stands for any service."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, ClassVar
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Response
from pydantic import BaseModel, ConfigDict, SecretStr
from sqlalchemy import String, UniqueConstraint, select, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import NullPool

from gateway.issuer import claims_for
from services.kernel.clock import AdjustableClock
from services.kernel.database import UUID_COLUMN, Database, service_metadata
from services.kernel.events.consumer import Delivery, Subscription
from services.kernel.events.event import Event
from services.kernel.identifiers import new_id
from services.kernel.identity.access import Access
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.identity.tokens import SigningKey, key_set, sign
from services.kernel.journal import GENESIS, HistoryEntry, journal_tables
from services.kernel.paging import PageOf, PageOut, read_page
from services.kernel.preconditions import VersionRead, require_current, tag
from services.kernel.problems import NotFound, Problem
from services.kernel.service_app import Connections, Environment, ServiceParts, create_service_app
from services.kernel.text import Text
from services.kernel.transaction import CurrentJournal, CurrentSession, TransactionalRoute

ISSUER = "https://issuer.test"

metadata = service_metadata("notes")
tables = journal_tables(metadata)
copies_metadata = service_metadata("copies")
copies_tables = journal_tables(copies_metadata)


class NotesBase(DeclarativeBase):
    metadata = metadata


class Note(NotesBase):
    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("body", name="uq_notes_body"),)
    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    body: Mapped[str] = mapped_column(String(100))
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it as written


class CopiesBase(DeclarativeBase):
    metadata = copies_metadata


class Copy(CopiesBase):
    __tablename__ = "copies"
    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    note_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    body: Mapped[str] = mapped_column(String(100))


class NoteWritten(Event):
    TYPE = "cn.srdi.note.written.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = frozenset({"note_id"})
    note_id: UUID
    body: str


class NoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    body: str


class NoteOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    body: str
    version: int


class NoteRefused(Problem):
    status, slug = 409, "note-refused"
    title = Text("不收", "Not accepted")


Writer = Annotated[Actor, Depends(Access(Scope.APPLICATIONS_WRITE, Office.ENTERPRISE))]

router = APIRouter(route_class=TransactionalRoute)


@router.post("/notes", status_code=201)
async def write_note(
    body: NoteIn, writer: Writer, session: CurrentSession, journal: CurrentJournal
) -> NoteOut:
    note = Note(id=new_id(), body=body.body)
    session.add(note)
    await session.flush()
    journal.record(
        HistoryEntry(
            subject_type="note",
            subject_id=note.id,
            action="written",
            actor=writer,
            uscc=writer.uscc,
        )
    )
    journal.announce(
        NoteWritten(
            uscc=writer.uscc,
            region="520100",
            is_secret=body.body.startswith("secret"),
            note_id=note.id,
            body=note.body,
        )
    )
    if body.body == "refuse":
        raise NoteRefused
    if body.body == "crash":
        raise RuntimeError("the password is hunter2")
    return NoteOut.model_validate(note)


@router.get("/notes")
async def list_notes(
    _reader: Writer,
    session: CurrentSession,
    page: PageOf,
    body: str | None = None,
    any_of: Annotated[list[str] | None, Query()] = None,
) -> PageOut[NoteOut]:
    statement = select(Note) if body is None else select(Note).where(Note.body == body)
    if any_of is not None:
        statement = statement.where(Note.body.in_(any_of))
    found = await read_page(
        session, statement, page, by=[(Note.id.expression, UUID)], key=lambda note: [note.id]
    )
    return PageOut(items=[NoteOut.model_validate(note) for note in found.items], next=found.next)


@router.get("/notes/{note_id}")
async def read_note(
    note_id: UUID, _reader: Writer, session: CurrentSession, response: Response
) -> NoteOut:
    note = await session.get(Note, note_id)
    if note is None:
        raise NotFound
    tag(response, note.version)
    return NoteOut.model_validate(note)


@router.patch("/notes/{note_id}")
async def edit_note(
    note_id: UUID,
    body: NoteIn,
    _writer: Writer,
    session: CurrentSession,
    version_read: VersionRead,
    response: Response,
) -> NoteOut:
    note = await session.get(Note, note_id)
    if note is None:
        raise NotFound
    require_current(version_read, note.version)
    note.body = body.body
    await session.flush()
    tag(response, note.version)
    return NoteOut.model_validate(note)


@router.post("/notes/{note_id}/reading", status_code=204)
async def mark_read(note_id: UUID, _reader: Writer) -> None:
    """A POST without a body."""


@dataclass
class Notes:
    """The running service, its database and a way to make tokens for it."""

    app: FastAPI
    client: httpx.AsyncClient
    owner: URL
    key: SigningKey
    environment: Environment
    applied: list[UUID] = field(default_factory=list)

    def token(self, *, sub: str = "u1", **changed: object) -> str:
        claims = claims_for(
            issuer=ISSUER,
            sub=sub,
            client_id="web",
            scopes=["applications:write", "events:read"],
            offices=["enterprise"],
            region=None,
            uscc="91520000MA00000001",
            life_seconds=600,
        )
        return sign(
            self.key,
            {name: value for name, value in (claims | changed).items() if value is not None},
        )

    def headers(self, *, sub: str = "u1", **extra: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(sub=sub)}", **extra}


def lone_issuer(key: SigningKey, calls: list[str]) -> httpx.MockTransport:
    """The gateway's side that services use: keys and their own tokens."""

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        if request.url.path == "/.well-known/jwks.json":
            return httpx.Response(200, json=key_set([key]))
        claims = claims_for(
            issuer=ISSUER,
            sub="service:copies",
            client_id="copies",
            scopes=["events:read", "events:internal"],
            offices=[],
            region=None,
            uscc=None,
            life_seconds=600,
        )
        return httpx.Response(200, json={"access_token": sign(key, claims), "expires_in": 600})

    return httpx.MockTransport(answer)


async def create_schemas(owner: URL) -> None:
    engine = create_async_engine(owner, poolclass=NullPool)
    async with engine.begin() as connection:
        for one in (metadata, copies_metadata):
            await connection.execute(text(f"CREATE SCHEMA {one.schema}"))
            await connection.run_sync(one.create_all)
            await connection.execute(
                text(f"INSERT INTO {one.schema}.journal_head VALUES (1, 0, '{GENESIS}', 0)")
            )
    await engine.dispose()


@pytest.fixture
async def notes(owner: URL) -> AsyncIterator[Notes]:
    await create_schemas(owner)
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(running_notes(owner))


@asynccontextmanager
async def running_notes(owner: URL) -> AsyncIterator[Notes]:
    key = SigningKey.generate()
    database = Database(owner.render_as_string(hide_password=False), pool_size=20)
    environment = Environment(
        database=database,
        clock=AdjustableClock(),
        issuer=ISSUER,
        client_id="notes",
        client_secret=SecretStr("s"),
        connections=Connections(
            gateway=httpx.AsyncClient(base_url="http://gateway", transport=lone_issuer(key, []))
        ),
    )
    app = create_service_app(
        ServiceParts(name="notes", title="notes", description="", tables=tables, routers=(router,)),
        environment,
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://notes") as client:
        yield Notes(app=app, client=client, owner=owner, key=key, environment=environment)
    await database.close()


def copying(fail_on: Callable[[NoteWritten], bool] = lambda _: False) -> Subscription:
    """What the copying service does about a note; told to fail, it fails after it has written."""
    subscription = Subscription("notes")

    @subscription.on(NoteWritten)
    async def copy(delivery: Delivery, event: NoteWritten) -> None:
        delivery.session.add(Copy(id=new_id(), note_id=event.note_id, body=event.body))
        await delivery.session.flush()
        if fail_on(event):
            raise RuntimeError("struck between two writes")

    return subscription
