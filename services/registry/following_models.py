"""The tables of what is followed between two recognitions: figures, findings, support, reports."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import UUID_COLUMN, enum_column
from services.registry.figures import FIGURES, figure_sql, figure_type
from services.registry.models import SCHEMA, Base

_INSTANT = DateTime(timezone=True)
_USCC = f"{SCHEMA}.enterprises.uscc"


class Origin(StrEnum):
    """Where figures come from."""

    APPLICATION = "application"
    ANNUAL_REPORT = "annual_report"


class LibraryStepKind(StrEnum):
    ENTERED = "entered"
    LEFT = "left"


class Conclusion(StrEnum):
    KEPT = "kept"
    REVOKED = "revoked"


class FigureSheet(Base):
    """The facts of one enterprise as an application or an annual report gave them. Only added.

    The columns after `facts` are read out of it by the database itself, so that a million rows are
    judged without opening a document; they cannot say anything else than `facts`.
    """

    __tablename__ = "figure_sheets"
    __table_args__ = (
        Index(
            "one_latest_sheet",
            "uscc",
            unique=True,
            postgresql_where=text("is_latest"),
        ),
        Index("sheets_by_round", "round_code", "title"),
        Index("sheets_by_application", "application_id"),
        Index("sheets_by_year", "uscc", "fiscal_year"),
        UniqueConstraint("application_id", "submission_number", name="one_sheet_per_submission"),
        *(
            Column(name, figure_type(kind), Computed(figure_sql(name, kind), persisted=True))
            for name, kind in FIGURES.items()
        ),
        {"postgresql_with": {"toast_tuple_target": "512"}},
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18))
    division: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    origin: Mapped[Origin] = mapped_column(enum_column(Origin))
    fiscal_year: Mapped[int | None]
    reported_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    recorded_by: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_latest: Mapped[bool]
    """Whether no later figures of the enterprise are known: the only column that ever changes."""
    application_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    submission_number: Mapped[int | None]
    round_code: Mapped[str | None] = mapped_column(String(40))
    title: Mapped[str | None] = mapped_column(String(40))
    kind: Mapped[str | None] = mapped_column(String(10))
    policy_pack: Mapped[str | None] = mapped_column(String(80))
    titles_held: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Valid on the day of submission; of an annual report, none: the registry knows itself."""
    determined_size: Mapped[str | None] = mapped_column(String(10))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Finding(Base):
    """查实: that a false declaration or a violation was established, by a numbered paper. Only added."""

    __tablename__ = "findings"
    __table_args__ = (UniqueConstraint("uscc", "number", name="one_finding_per_number"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(_USCC))
    ground: Mapped[str] = mapped_column(String(40))
    number: Mapped[str] = mapped_column(String(80))
    established_on: Mapped[date]
    established_by: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    recorded_by: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Examination(Base):
    """A title that has to be looked at because another of the enterprise was revoked for cause."""

    __tablename__ = "examinations"
    __table_args__ = (
        UniqueConstraint("recognition_id", "because_of", name="examined_once_per_revocation"),
        CheckConstraint(
            "(concluded_on IS NULL) = (conclusion IS NULL)", name="concluded_with_a_conclusion"
        ),
        Index("open_examinations", "id", postgresql_where=text("concluded_on IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    recognition_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recognitions.id")
    )
    because_of: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.recognitions.id"))
    finding_number: Mapped[str | None] = mapped_column(String(80))
    opened_at: Mapped[datetime] = mapped_column(_INSTANT)
    conclusion: Mapped[Conclusion | None] = mapped_column(enum_column(Conclusion))
    concluded_on: Mapped[date | None]
    reason: Mapped[str | None] = mapped_column(String(2000))
    document_number: Mapped[str | None] = mapped_column(String(80))


class RenewalRound(Base):
    """复核批次: the titles whose term ends in a window are called on to file for renewal."""

    __tablename__ = "renewal_rounds"
    __table_args__ = (
        UniqueConstraint("region", "code", name="one_renewal_round_per_code"),
        CheckConstraint("ends_until >= ends_from", name="window_ends_after_it_begins"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    region: Mapped[str] = mapped_column(String(6))
    title: Mapped[str] = mapped_column(String(40))
    ends_from: Mapped[date]
    ends_until: Mapped[date]
    """Both days included: whose term ends between them takes part."""
    materials_due_on: Mapped[date]
    document_number: Mapped[str] = mapped_column(String(80))
    opened_at: Mapped[datetime] = mapped_column(_INSTANT)
    opened_by: Mapped[dict[str, Any]] = mapped_column(JSONB)


class RenewalCall(Base):
    """That one recognition takes part in a renewal round, with the term that is ending. Only added."""

    __tablename__ = "renewal_calls"
    __table_args__ = (Index(None, "recognition_id"),)

    round_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.renewal_rounds.id"), primary_key=True
    )
    recognition_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recognitions.id"), primary_key=True
    )
    term_ends_on: Mapped[date]


class Evaluation(Base):
    """第三方评估: a comprehensive evaluation by an agency (六(三)). Only added."""

    __tablename__ = "evaluations"
    __table_args__ = (Index(None, "uscc", "year"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(_USCC))
    year: Mapped[int]
    agency: Mapped[str] = mapped_column(String(200))
    score: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    grade: Mapped[str | None] = mapped_column(String(20))
    difficulties: Mapped[str | None] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    evaluated_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    recorded_by: Mapped[dict[str, Any]] = mapped_column(JSONB)


class SupportRecord(Base):
    """Support that was delivered, under one of the five measures of chapter 五. Only added."""

    __tablename__ = "support_records"
    __table_args__ = (
        Index(None, "uscc", "delivered_on"),
        Index(None, "delivered_on"),
        CheckConstraint("amount IS NULL OR amount > 0", name="support_is_positive"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(_USCC))
    measure: Mapped[str] = mapped_column(String(40))
    provider: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    amount: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    """In yuan; None where the support is not money."""
    delivered_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    recorded_by: Mapped[dict[str, Any]] = mapped_column(JSONB)


class TypicalCase(Base):
    """典型案例 of a year, chosen as an example for others (六(三))."""

    __tablename__ = "typical_cases"
    __table_args__ = (UniqueConstraint("uscc", "year", name="one_typical_case_a_year"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(_USCC))
    year: Mapped[int]
    heading: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text)
    chosen_on: Mapped[date]
    document_number: Mapped[str] = mapped_column(String(80))
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    recorded_by: Mapped[dict[str, Any]] = mapped_column(JSONB)


class LibraryStep(Base):
    """培育库: that an enterprise entered or left a city's cultivation library. Only added."""

    __tablename__ = "library_steps"
    __table_args__ = (Index(None, "uscc", "city", "on_day"), Index(None, "city", "uscc"))

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(_USCC))
    city: Mapped[str] = mapped_column(String(6))
    step: Mapped[LibraryStepKind] = mapped_column(enum_column(LibraryStepKind))
    on_day: Mapped[date]
    reason: Mapped[str] = mapped_column(String(2000))
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    recorded_by: Mapped[dict[str, Any]] = mapped_column(JSONB)


class ReviewStep(Base):
    """That review advanced or decided an application: what the bulletin counts. Only added."""

    __tablename__ = "review_steps"
    __table_args__ = (Index(None, "application_id"), Index(None, "on_day"))

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    application_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    uscc: Mapped[str] = mapped_column(String(18))
    division: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    title: Mapped[str] = mapped_column(String(40))
    round_code: Mapped[str] = mapped_column(String(40))
    step: Mapped[str] = mapped_column(String(20))
    """advanced, recognised, rejected or restored."""
    from_stage: Mapped[str | None] = mapped_column(String(40))
    on_day: Mapped[date]


class AwardCopy(Base):
    """What rewards announced of an award, kept for the bulletin."""

    __tablename__ = "award_copies"
    __table_args__ = (Index(None, "fiscal_year"),)

    award_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18))
    division: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    title: Mapped[str] = mapped_column(String(40))
    fiscal_year: Mapped[int]
    granted: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    disbursed: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    called_back: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    """What a revoked title calls for, whether or not it has been paid back."""
    recovered: Mapped[Decimal] = mapped_column(Numeric(18, 2))


class Screening(Base):
    """A pack run over many enterprises: who would meet it, who not, and why."""

    __tablename__ = "screenings"

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    region: Mapped[str] = mapped_column(String(6))
    pack_name: Mapped[str] = mapped_column(String(80))
    draft: Mapped[str | None] = mapped_column(Text)
    """The text of a pack that is not published; None for a published one."""
    title: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(10))
    population: Mapped[dict[str, Any]] = mapped_column(JSONB)
    on_day: Mapped[date]
    amount_each: Mapped[Decimal | None] = mapped_column(Numeric(18, 2))
    state: Mapped[str] = mapped_column(String(20))
    """waiting, running, done or failed."""
    failure: Mapped[str | None] = mapped_column(String(400))
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """What was asked, in the order of the answers: id, clause and text."""
    counts: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    requested_by: Mapped[dict[str, Any]] = mapped_column(JSONB)
    requested_at: Mapped[datetime] = mapped_column(_INSTANT)
    started_at: Mapped[datetime | None] = mapped_column(_INSTANT)
    finished_at: Mapped[datetime | None] = mapped_column(_INSTANT)


class ScreeningRow(Base):
    """One enterprise's answers in a screening."""

    __tablename__ = "screening_rows"

    screening_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.screenings.id"), primary_key=True
    )
    uscc: Mapped[str] = mapped_column(String(18), primary_key=True)
    sheet_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    division: Mapped[str] = mapped_column(String(6))
    verdict: Mapped[int]
    """0 met, 1 needs an officer, 2 not met."""
    answers: Mapped[str] = mapped_column(Text)
    """One digit for each condition and veto, in the screening's order, meaning the same.

    3 is what an officer would decide and the recognition that is replayed has answered: it counts as met.
    """
    was_recognised: Mapped[bool]
    """Whether it was recognised in the round that is replayed, or holds the title."""
