"""The tables of intake."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.applications.workflow import (
    IN_HAND,
    LIVE,
    ApplicationStatus,
    RowOutcome,
    Verdict,
)
from services.kernel.database import UUID_COLUMN, enum_column, service_metadata
from services.kernel.journal import journal_tables
from services.kernel.workbooks.imports import (
    ImportColumns,
    ImportRowColumns,
    RowErrorColumns,
)

SCHEMA = "applications"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)

_IN_HAND_STATES = ", ".join(f"'{status}'" for status in sorted(IN_HAND))
_LIVE_STATES = ", ".join(f"'{status}'" for status in sorted(LIVE))


class Base(DeclarativeBase):
    metadata = metadata


class Round(Base):
    """申报批次: a period in which one title is applied for, under named packs."""

    __tablename__ = "rounds"
    __table_args__ = (CheckConstraint("closes_on >= opens_on", name="closes_after_it_opens"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(40))
    region: Mapped[str] = mapped_column(String(6))
    """The division whose office opened it: its enterprises apply, its office extends and closes."""
    new_pack: Mapped[str | None] = mapped_column(String(80))
    renewal_pack: Mapped[str | None] = mapped_column(String(80))
    opens_on: Mapped[date]
    closes_on: Mapped[date]
    document_number: Mapped[str] = mapped_column(String(80))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Application(Base):
    """申报: one enterprise's file in one round."""

    __tablename__ = "applications"
    __table_args__ = (
        Index(
            "one_live_application",
            "round_id",
            "uscc",
            "title",
            unique=True,
            postgresql_where=text(f"status IN ({_LIVE_STATES}) AND confirmed_at IS NOT NULL"),
        ),
        Index(
            "one_draft_of_an_office",
            "round_id",
            "uscc",
            "title",
            "filed_region",
            unique=True,
            postgresql_where=text(f"status IN ({_LIVE_STATES}) AND confirmed_at IS NULL"),
        ),
        Index(
            "one_application_in_hand",
            "uscc",
            "title",
            unique=True,
            postgresql_where=text(f"status IN ({_IN_HAND_STATES})"),
        ),
        Index(None, "division", "id"),
        Index(None, "uscc", "id"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    round_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.rounds.id"))
    kind: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    uscc: Mapped[str] = mapped_column(String(18))
    division: Mapped[str] = mapped_column(String(6))
    """Where the enterprise applies (申报地): it decides which offices review it."""
    status: Mapped[ApplicationStatus] = mapped_column(enum_column(ApplicationStatus))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    provenance: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Who gave each fact, and when: by the fact's name."""
    submission_number: Mapped[int]
    applied_on: Mapped[date | None]
    """The day of the first submission."""
    opened: Mapped[list[str]] = mapped_column(JSONB)
    """What a return for correction opened for change."""
    return_reason: Mapped[str | None] = mapped_column(Text)
    remarks: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    size_determination: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """An officer's finding of the size with its legal basis (国家另有规定的，从其规定)."""
    created_by: Mapped[str] = mapped_column(String(200))
    filed_region: Mapped[str | None] = mapped_column(String(6))
    """The division whose office drafted it; null when the enterprise did."""
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Since when it has the enterprise's word; until then it is an office's draft and no more."""
    confirmed_by: Mapped[str | None] = mapped_column(String(200))
    mandate_id: Mapped[UUID | None] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.mandates.id")
    )
    """The mandate that gave the enterprise's word, where it did not give it to this draft."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    round: Mapped[Round] = relationship(lazy="raise")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Submission(Base):
    """提交: the facts as they stood when they were submitted. Rows are only ever added."""

    __tablename__ = "submissions"

    application_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.applications.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    submitted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    submitted_by: Mapped[str] = mapped_column(String(200))
    policy_pack: Mapped[str] = mapped_column(String(80))
    pack_checksum: Mapped[str] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    facts_sha256: Mapped[str] = mapped_column(String(64))
    provenance: Mapped[dict[str, Any]] = mapped_column(JSONB)
    documents: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    documents_checksum: Mapped[str | None] = mapped_column(String(64))
    """Of the pack's list of documents, where it has one."""
    size_determination: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    snapshot_sha256: Mapped[str] = mapped_column(String(64))
    """Of all of it together: facts, documents, pack, and what an officer determined."""


class Mandate(Base):
    """委托: an enterprise's word that the office of a division may file for it, until it ends."""

    __tablename__ = "mandates"
    __table_args__ = (Index(None, "uscc", "id"), Index(None, "region", "id"))

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18))
    region: Mapped[str] = mapped_column(String(6))
    valid_until: Mapped[date]
    """The last day on which it counts."""
    granted_by: Mapped[str] = mapped_column(String(200))
    granted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the enterprise took it back."""


class Contact(Base):
    """联系人: whom to call. Kept apart from the facts, and in no event, snapshot or history row."""

    __tablename__ = "contacts"

    application_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.applications.id"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(100))
    position: Mapped[str | None] = mapped_column(String(100))
    phone: Mapped[str] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    given_by: Mapped[str] = mapped_column(String(200))
    given_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Content(Base):
    """A file in the store, by the hash of what it holds, and what the scanner found in it."""

    __tablename__ = "contents"
    __table_args__ = (
        CheckConstraint("size > 0", name="is_not_empty"),
        Index("contents_to_scan", "kept_at", postgresql_where=text("verdict IS NULL")),
    )

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    kept_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    verdict: Mapped[Verdict | None] = mapped_column(enum_column(Verdict))
    signature: Mapped[str | None] = mapped_column(String(200))
    """What the scanner calls what it found."""
    scanned_by: Mapped[str | None] = mapped_column(String(80))
    scanned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def is_infected(self) -> bool:
        return self.verdict is Verdict.INFECTED


class Document(Base):
    """申报材料: one file of a kind that the pack asks for.

    A replaced one stays, because a submission may refer to it.
    """

    __tablename__ = "documents"
    __table_args__ = (
        Index(
            "one_document_of_a_kind",
            "application_id",
            "kind",
            unique=True,
            postgresql_where=text("replaced_at IS NULL"),
        ),
        Index(None, "sha256"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    application_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.applications.id")
    )
    kind: Mapped[str] = mapped_column(String(60))
    sha256: Mapped[str] = mapped_column(String(64), ForeignKey(f"{SCHEMA}.contents.sha256"))
    media_type: Mapped[str] = mapped_column(String(80))
    """As its content shows it, looked at anew for each document."""
    file_name: Mapped[str | None] = mapped_column(String(200))
    """As the sender calls it, for people to read."""
    given_by: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(40))
    given_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    replaced_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    content: Mapped[Content] = relationship(lazy="raise")


class Import(ImportColumns, Base):
    """批量导入: a workbook of many enterprises, and how far it has come."""

    __tablename__ = "imports"
    __table_args__ = (
        Index(None, "region", "id"),
        Index(
            "imports_to_do",
            "created_at",
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        CheckConstraint("done <= total", name="does_no_more_than_there_is"),
    )

    round_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.rounds.id"))
    kind: Mapped[str] = mapped_column(String(10))
    sha256: Mapped[str] = mapped_column(String(64), ForeignKey(f"{SCHEMA}.contents.sha256"))


class ImportRow(ImportRowColumns, Base):
    """What became of one row. Written in the transaction of the work itself."""

    __tablename__ = "import_rows"

    import_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.imports.id"), primary_key=True
    )
    outcome: Mapped[RowOutcome] = mapped_column(enum_column(RowOutcome))
    application_id: Mapped[UUID] = mapped_column(UUID_COLUMN)


class RowError(RowErrorColumns, Base):
    """What is wrong in one cell."""

    __tablename__ = "import_errors"

    import_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.imports.id"), primary_key=True
    )


class Holding(Base):
    """A title that an enterprise holds: intake's copy of what the registry announced."""

    __tablename__ = "holdings"

    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), index=True)
    region: Mapped[str] = mapped_column(String(6))
    title: Mapped[str] = mapped_column(String(40))
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    revoked_on: Mapped[date | None]
    exclusion_until: Mapped[date | None]
    """The last day on which its revocation bars the enterprise from applying."""
