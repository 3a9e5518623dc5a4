"""What intake tells the others."""

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from services.kernel.events.event import Event


class SizeDetermined(BaseModel):
    """An officer's finding of the size, where the standard leaves it open or other law decides."""

    model_config = ConfigDict(frozen=True)

    size: str
    legal_basis: str
    determined_by: str
    determined_at: datetime


class SubmittedDocument(BaseModel):
    """A document as a submission froze it: which kind, and the hash of what it holds."""

    model_config = ConfigDict(frozen=True)

    kind: str
    sha256: str
    size: int
    """In bytes."""
    media_type: str
    file_name: str | None


class ApplicationSubmitted(Event):
    """An enterprise submitted its application, for the first time or after a correction."""

    TYPE = "cn.srdi.application.submitted.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = frozenset(
        {"application_id", "round_code", "title", "kind", "legal_name", "submitted_on"}
    )

    application_id: UUID
    submission_number: int
    """1 for the first submission, one more for each resubmission."""
    submitted_on: date
    round_id: UUID
    round_code: str
    kind: Literal["new", "renewal"]
    title: str
    policy_pack: str
    legal_name: str
    facts: dict[str, JsonValue]
    """The facts as frozen by the submission."""
    facts_sha256: str
    documents: tuple[SubmittedDocument, ...] = ()
    snapshot_sha256: str | None = None
    """Of facts, documents and pack together; None in what was announced before there was one."""
    titles_held: list[str]
    """Titles that were valid for the enterprise on the day of submission."""
    size_determination: SizeDetermined | None = None
    filed_by: tuple[str, ...] = ()
    """Who drafted and who submitted it: they decide nothing about it."""


class ApplicationWithdrawn(Event):
    """An enterprise took its application back."""

    TYPE = "cn.srdi.application.withdrawn.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = frozenset({"application_id", "round_code", "title"})

    application_id: UUID
    round_code: str
    title: str
    reason: str
