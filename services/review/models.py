"""The tables of review."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.kernel.database import UUID_COLUMN, enum_column, service_metadata
from services.kernel.journal import journal_tables
from services.policy.stages import StageDecision
from services.review.workflow import CaseStatus, ObjectionStatus

SCHEMA = "review"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)


class Base(DeclarativeBase):
    metadata = metadata


class Notice(Base):
    """公示: the names that stand open to objection for the days that the pack sets."""

    __tablename__ = "notices"
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="ends_after_it_starts"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    round_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    round_code: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    is_provisional: Mapped[bool]
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class ReviewCase(Base):
    """One application on its way through the stages of its title."""

    __tablename__ = "review_cases"
    __table_args__ = (
        UniqueConstraint("application_id", name="one_case_per_application"),
        Index(None, "division", "id"),
        Index(None, "office", "due_on"),
        Index(None, "notice_id"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    application_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    round_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    round_code: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    """The pack that the case was opened under; it decides the case whatever comes later."""
    uscc: Mapped[str] = mapped_column(String(18), index=True)
    legal_name: Mapped[str] = mapped_column(String(2000))
    division: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    facts_sha256: Mapped[str] = mapped_column(String(64))
    size_determination: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """An officer's finding of the size with its legal basis, where intake was given one."""
    filed_by: Mapped[list[str]] = mapped_column(JSONB)
    """Who drafted and who submitted it."""
    submission_number: Mapped[int]
    applied_on: Mapped[date]
    """The day of the first submission: rolling periods count back from it."""
    stage: Mapped[str] = mapped_column(String(40))
    status: Mapped[CaseStatus] = mapped_column(enum_column(CaseStatus))
    office: Mapped[str | None] = mapped_column(String(40))
    """The office whose turn it is; none while nobody's decision is awaited."""
    due_on: Mapped[date | None]
    due_is_provisional: Mapped[bool]
    notice_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.notices.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    decisions: Mapped[list["Decision"]] = relationship(lazy="raise", order_by="Decision.decided_at")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Decision(Base):
    """An office's decision on one stage. Rows are only ever added."""

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("case_id", "stage", "submission_number", name="one_decision_per_stage"),
        ForeignKeyConstraint(["case_id"], [f"{SCHEMA}.review_cases.id"]),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    case_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    stage: Mapped[str] = mapped_column(String(40))
    submission_number: Mapped[int]
    decision: Mapped[StageDecision] = mapped_column(enum_column(StageDecision))
    reason: Mapped[str] = mapped_column(Text)
    remarks: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    decided_by: Mapped[str] = mapped_column(String(200))
    office: Mapped[str] = mapped_column(String(40))
    region: Mapped[str] = mapped_column(String(6))
    decided_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Objection(Base):
    """异议: a named person's objection to an enterprise on a notice, with facts and evidence."""

    __tablename__ = "objections"

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    notice_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.notices.id"))
    case_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.review_cases.id"), index=True
    )
    objector: Mapped[dict[str, str]] = mapped_column(JSONB)
    """Kind, real name and contact; shown to the office that resolves it and to nobody else."""
    facts: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[str]] = mapped_column(JSONB)
    filed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[ObjectionStatus] = mapped_column(enum_column(ObjectionStatus))
    resolution: Mapped[str | None] = mapped_column(Text)
    resolved_by: Mapped[str | None] = mapped_column(String(200))
    resolved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    case: Mapped[ReviewCase] = relationship(lazy="raise")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form
