"""Documents of an application (申报材料): taken in, looked into, replaced, and given to who may see."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.applications.filing_rules import (
    kind_of,
    refuse_statement_without_word,
    require_own,
    source_of,
)
from services.applications.models import Application, Content, Document
from services.applications.problems import (
    ApplicationNotFound,
    DocumentHeld,
    DocumentInfected,
    DocumentKindUnknown,
    DocumentNotFound,
    DocumentTypeRefused,
)
from services.applications.repository import (
    ApplicationRepository,
    DocumentRepository,
    MandateRepository,
)
from services.applications.workflow import refuse_document
from services.kernel.clock import Clock
from services.kernel.database import violated_constraint
from services.kernel.downloads import Download
from services.kernel.file_types import FileRefused, identify
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry, Journal
from services.kernel.problems import (
    Busy,
    MediaTypeNotSupported,
    PreconditionRequired,
    Stale,
)
from services.kernel.storage import ContentStore
from services.kernel.text import Text
from services.kernel.uploads import Upload
from services.policy.catalogue import Catalogue
from services.policy.documents import DocumentKind

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A kind of document, whether it is needed now, and the one that is there."""

    kind: DocumentKind
    is_needed: bool
    document: Document | None


class DocumentService:
    def __init__(
        self,
        session: AsyncSession,
        journal: Journal,
        clock: Clock,
        catalogue: Catalogue,
        store: ContentStore,
        *,
        has_scanner: bool,
    ) -> None:
        self._session = session
        self._applications = ApplicationRepository(session)
        self._documents = DocumentRepository(session)
        self._mandates = MandateRepository(session)
        self._journal = journal
        self._clock = clock
        self._catalogue = catalogue
        self._store = store
        self._has_scanner = has_scanner

    def on(self, session: AsyncSession) -> "DocumentService":
        """Return the same service on another session."""
        return DocumentService(
            session,
            self._journal,
            self._clock,
            self._catalogue,
            self._store,
            has_scanner=self._has_scanner,
        )

    async def expect(
        self, application_id: UUID, kind: str, *, declared_type: str, applicant: Actor
    ) -> DocumentKind:
        """Return what a document that is about to be sent may be; refuse it before a byte of it came."""
        of = await self._applications.find(application_id, applicant)
        if of is None:
            raise ApplicationNotFound
        asked_for = await self._require_may_change(of, kind, applicant)
        if declared_type not in asked_for.media_types:
            raise MediaTypeNotSupported(
                f"请以 {'、'.join(asked_for.media_types)} 之一作为 Content-Type 发送。",
                f"Send it as one of {', '.join(asked_for.media_types)}.",
            )
        return asked_for

    async def refuse_unread(
        self,
        application_id: UUID,
        kind: str,
        upload: Upload,
        *,
        file_name: str | None,
        tag_read: str | None,
    ) -> None:
        """Refuse to replace a document that the caller has not read, before anything is stored."""
        current = await self._documents.current(application_id, kind)
        if current is None or not _is_same(current, upload, file_name):
            _require_read(current, tag_read)

    async def attach(
        self,
        application_id: UUID,
        asked_for: DocumentKind,
        upload: Upload,
        *,
        file_name: str | None,
        tag_read: str | None,
        applicant: Actor,
    ) -> tuple[Document, bool]:
        """Put a file where a kind of document belongs, or in the place of another one.

        Return it, and whether it is the first of its kind. Whoever replaces one says which they read.
        """
        kind, media_type = asked_for.id, await _type_of(upload, asked_for)
        # The file first, then its row: a row never refers to what is not there.
        await self._store.keep(upload.path, upload.sha256)
        of = await self._applications.lock(application_id, applicant)
        if of is None:
            raise ApplicationNotFound
        await self._require_may_change(of, kind, applicant)
        now = self._clock.now()
        content = await self._documents.note_content(
            Content(sha256=upload.sha256, size=upload.size, kept_at=now)
        )
        if content.is_infected:
            raise DocumentInfected
        await self._store.keep_again_if_gone(upload.path, upload.sha256)
        current = await self._documents.current(application_id, kind)
        if current is not None and _is_same(current, upload, file_name):
            # The same again, after an answer that was lost: there is nothing to overwrite.
            return current, False
        _require_read(current, tag_read)
        if current is not None:
            current.replaced_at = now
            await self._session.flush()
        document = Document(
            id=new_id(),
            application_id=application_id,
            kind=kind,
            sha256=upload.sha256,
            content=content,
            media_type=media_type,
            file_name=file_name,
            given_by=applicant.sub,
            source=source_of(applicant),
            given_at=now,
            replaced_at=None,
        )
        self._documents.add(document)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "one_document_of_a_kind":
                raise Busy from error
            raise
        self._record(
            of,
            "document_attached" if current is None else "document_replaced",
            applicant,
            kind=kind,
            sha256=upload.sha256,
            size=upload.size,
        )
        return document, current is None

    async def remove(
        self, application_id: UUID, kind: str, *, tag_read: str | None, applicant: Actor
    ) -> None:
        """Take a document out. What was submitted with it keeps it."""
        of = await self._applications.lock(application_id, applicant)
        if of is None:
            raise ApplicationNotFound
        await self._require_may_change(of, kind, applicant)
        current = await self._documents.current(application_id, kind)
        if current is None:
            raise DocumentNotFound
        _require_read(current, tag_read)
        current.replaced_at = self._clock.now()
        await self._session.flush()
        self._record(of, "document_removed", applicant, kind=kind, sha256=current.sha256)

    async def asked_for(self, application_id: UUID, reader: Actor) -> Sequence[AskedFor]:
        """Return every kind of document that the pack knows for the application, and what is there."""
        of = await self._applications.find(application_id, reader)
        if of is None:
            raise ApplicationNotFound
        pack = self._catalogue.pack(of.policy_pack)
        there = {one.kind: one for one in await self._applications.documents_of([of.id])}
        needed = pack.documents_needed(of.title, kind_of(of), of.facts)
        return [
            AskedFor(kind=kind, is_needed=kind.id in needed, document=there.get(kind.id))
            for kind in pack.documents_of(of.title, kind_of(of))
        ]

    async def open(self, application_id: UUID, kind: str, reader: Actor) -> Download:
        """Return the document that counts now, for whoever may see the application."""
        if await self._applications.find(application_id, reader) is None:
            raise ApplicationNotFound
        document = await self._documents.current(application_id, kind)
        if document is None:
            raise DocumentNotFound
        return self._servable(document.content, kind, document.media_type, document.file_name)

    async def open_submitted(
        self, application_id: UUID, number: int, kind: str, reader: Actor
    ) -> Download:
        """Return a document as a submission froze it, whatever has replaced it since."""
        if await self._applications.find(application_id, reader) is None:
            raise ApplicationNotFound
        submission = await self._applications.submission(application_id, number)
        frozen = next(
            (one for one in submission.documents if one["kind"] == kind)
            if submission is not None
            else iter(()),
            None,
        )
        if frozen is None:
            raise DocumentNotFound
        content = await self._documents.content(frozen["sha256"])
        if content is None:
            raise LookupError(f"content {frozen['sha256']} of a submission is not there")
        return self._servable(content, kind, frozen["media_type"], frozen["file_name"])

    def is_held(self, content: Content) -> bool:
        """Whether a file waits for the scanner. Without one, nothing is held."""
        return self._has_scanner and content.verdict is None

    def _servable(
        self, content: Content, kind: str, media_type: str, file_name: str | None
    ) -> Download:
        if self.is_held(content):
            raise DocumentHeld(headers={"Retry-After": "5"})
        if content.is_infected:
            raise DocumentInfected
        return Download(
            sha256=content.sha256,
            size=content.size,
            media_type=media_type,
            file_name=file_name or f"{kind}{_ENDINGS[media_type]}",
        )

    async def _require_may_change(
        self, of: Application, kind: str, applicant: Actor
    ) -> DocumentKind:
        require_own(applicant, uscc=of.uscc, division=of.division)
        pack = self._catalogue.pack(of.policy_pack)
        asked_for = next(
            (one for one in pack.documents_of(of.title, kind_of(of)) if one.id == kind), None
        )
        if asked_for is None:
            raise DocumentKindUnknown
        mandates = await self._mandates.in_force(
            [of.uscc], region=applicant.region, day=self._clock.today()
        )
        refuse_statement_without_word(applicant, of, mandates.get(of.uscc))
        refuse_document(of.status, kind, set(of.opened))
        return asked_for

    def _record(self, of: Application, action: str, actor: Actor, **data: Any) -> None:
        self._journal.record(
            HistoryEntry(
                subject_type="application",
                subject_id=of.id,
                action=action,
                actor=actor,
                uscc=of.uscc,
                policy_pack=of.policy_pack,
                data={"status": of.status.value, **data},
            )
        )


_ENDINGS = {
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "application/ofd": ".ofd",
}


async def _type_of(upload: Upload, asked_for: DocumentKind) -> str:
    """Return what a file is by its content. Raises `DocumentTypeRefused` with what was found."""
    try:
        media_type = await asyncio.to_thread(identify, upload.path)
    except FileRefused as refused:
        raise _type_refused(refused.detail, asked_for, code=refused.code) from refused
    if media_type not in asked_for.media_types:
        found = Text(f"文件内容是 {media_type}。", f"Its content is {media_type}.")
        raise _type_refused(found, asked_for, code="another_type")
    return media_type


def _type_refused(found: Text, asked_for: DocumentKind, *, code: str) -> DocumentTypeRefused:
    return DocumentTypeRefused(
        f"{found.zh}此项材料可接受 {'、'.join(asked_for.media_types)}。",
        f"{found.en} This kind is taken as {', '.join(asked_for.media_types)}.",
        errors=[("", code, found)],
    )


def _is_same(current: Document, upload: Upload, file_name: str | None) -> bool:
    return current.sha256 == upload.sha256 and current.file_name == file_name


def _require_read(current: Document | None, tag_read: str | None) -> None:
    """Refuse to replace a document that the caller has not read."""
    if current is None:
        if tag_read is not None:
            raise Stale
        return
    if tag_read is None:
        raise PreconditionRequired(
            "该材料已存在；替换须携带 If-Match（读取时返回的 ETag）。",
            "There is one already: to replace it, send If-Match with the ETag that you read.",
        )
    if tag_read != current.sha256:
        raise Stale
