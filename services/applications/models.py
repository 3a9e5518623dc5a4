"""The tables of intake."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.applications.workflow import IN_HAND, LIVE, ApplicationStatus
from services.kernel.database import UUID_COLUMN, enum_column, service_metadata
from services.kernel.journal import journal_tables

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
            postgresql_where=text(f"status IN ({_LIVE_STATES})"),
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
    size_determination: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


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
