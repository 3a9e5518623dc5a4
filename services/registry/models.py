"""The tables of the registry: enterprises, what they are called when, and the titles they hold."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.kernel.database import UUID_COLUMN, enum_column, service_metadata
from services.kernel.journal import journal_tables

SCHEMA = "registry"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)

_INSTANT = DateTime(timezone=True)


class Base(DeclarativeBase):
    metadata = metadata


class Attribute(StrEnum):
    """What of an enterprise changes over time and is remembered for every day."""

    LEGAL_NAME = "legal_name"
    DIVISION = "division"
    FOCUS_FIELD = "focus_field"


class ChangeKind(StrEnum):
    RENAME = "rename"
    MOVE = "move"
    MERGER = "merger"
    SPLIT = "split"


class RenewalStepKind(StrEnum):
    FILED = "filed"
    SETTLED = "settled"
    REOPENED = "reopened"


class Outcome(StrEnum):
    """How renewal material was settled."""

    RECOGNISED = "recognised"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Enterprise(Base):
    """An enterprise as it is now; `enterprise_entries` say what was so when, and since when known."""

    __tablename__ = "enterprises"
    __table_args__ = (
        Index(None, "division", "uscc"),
        Index(
            "enterprises_by_part_of_name",
            text(f"{SCHEMA}.name_grams(names_searched)"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
        Index(
            "recognised_by_part_of_name",
            text(f"{SCHEMA}.name_grams(names_searched)"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
            postgresql_where=text("is_recognised"),
        ),
    )

    uscc: Mapped[str] = mapped_column(String(18), primary_key=True)
    legal_name: Mapped[str] = mapped_column(String(2000))
    division: Mapped[str] = mapped_column(String(6))
    focus_field: Mapped[str | None] = mapped_column(String(60))
    is_secret: Mapped[bool]
    is_recognised: Mapped[bool] = mapped_column(server_default=false())
    """Whether it holds or ever held a title: the public searches no others."""
    names_searched: Mapped[str] = mapped_column(Text)
    """Every name that it has or had, in the spelling that is searched, one on a line.

    An index keeps each character and each two side by side (`name_grams`), so that any part is found.
    """
    created_at: Mapped[datetime] = mapped_column(_INSTANT)
    updated_at: Mapped[datetime] = mapped_column(_INSTANT)
    version: Mapped[int] = mapped_column()

    entries: Mapped[list["EnterpriseEntry"]] = relationship(
        lazy="raise",
        order_by="(EnterpriseEntry.valid_from, EnterpriseEntry.recorded_at, EnterpriseEntry.id)",
    )
    recognitions: Mapped[list["Recognition"]] = relationship(
        lazy="raise", order_by="Recognition.id", back_populates="enterprise"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class EnterpriseEntry(Base):
    """What an enterprise is called, or where it is, from a day on, and since when we know it.

    Rows are only ever added. Of the entries that had been recorded by an instant, the one with the
    latest `valid_from` not after a day holds on that day; of two with one day, the later recorded.
    """

    __tablename__ = "enterprise_entries"
    __table_args__ = (Index(None, "uscc", "attribute", "valid_from"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(f"{SCHEMA}.enterprises.uscc"))
    attribute: Mapped[Attribute] = mapped_column(enum_column(Attribute))
    value: Mapped[str | None] = mapped_column(String(2000))
    valid_from: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    change_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)


class EnterpriseChange(Base):
    """更名、迁移、合并、分立: what changed, when, and whether it was reported in time. Only added."""

    __tablename__ = "enterprise_changes"
    __table_args__ = (Index(None, "uscc", "happened_on"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(f"{SCHEMA}.enterprises.uscc"))
    kind: Mapped[ChangeKind] = mapped_column(enum_column(ChangeKind))
    happened_on: Mapped[date]
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    successor_uscc: Mapped[str | None] = mapped_column(String(18))
    """Who goes on with its titles, where it does not itself."""
    other_uscc: Mapped[str | None] = mapped_column(String(18))
    """Whom it took in, or who was split off, while it goes on itself."""
    document_number: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(String(2000))
    report_due_on: Mapped[date | None]
    """The last day for the enterprise to report it; None where no law in force sets one."""
    duty_clause: Mapped[str | None] = mapped_column(String(40))
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    recorded_by: Mapped[dict[str, Any]] = mapped_column(JSONB)

    report: Mapped["ChangeReport | None"] = relationship(lazy="raise")


class ChangeReport(Base):
    """That the enterprise reported a change, and on which day. Made once and only added."""

    __tablename__ = "change_reports"

    change_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.enterprise_changes.id"), primary_key=True
    )
    reported_on: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)
    recorded_by: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Recognition(Base):
    """认定: one title of one enterprise, through its terms to its end."""

    __tablename__ = "recognitions"
    __table_args__ = (
        Index(
            "one_current_recognition",
            "uscc",
            "title",
            unique=True,
            postgresql_where=text("revoked_on IS NULL AND transferred_on IS NULL"),
        ),
        Index(
            "one_holder_of_a_certificate",
            "certificate_number",
            unique=True,
            postgresql_where=text("transferred_on IS NULL"),
        ),
        UniqueConstraint("status_index", name="one_place_in_the_status_list"),
        CheckConstraint(
            "(revoked_on IS NULL) = (revocation_ground IS NULL)", name="revoked_on_a_ground"
        ),
        CheckConstraint(
            "(revoked_on IS NULL) = (revoked_at IS NULL)", name="revoked_at_an_instant"
        ),
        CheckConstraint(
            "(transferred_on IS NULL) = (transferred_to IS NULL)", name="transferred_to_somebody"
        ),
        CheckConstraint(
            "(transferred_on IS NULL) = (transferred_at IS NULL)", name="transferred_at_an_instant"
        ),
        Index(None, "uscc"),
        Index(None, "certificate_number"),
        Index(None, "valid_until", "id"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(f"{SCHEMA}.enterprises.uscc"))
    title: Mapped[str] = mapped_column(String(40))
    title_rank: Mapped[int]
    """The title's place on the ladder of the pack that it was given under."""
    certificate_number: Mapped[str] = mapped_column(String(60))
    policy_pack: Mapped[str] = mapped_column(String(80))
    """The pack of the latest term: it sets validity, renewal and grounds of revocation."""
    round_code: Mapped[str | None] = mapped_column(String(40))
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    """The latest term's; `terms` holds all of them."""
    renewal_opens_on: Mapped[date]
    status_index: Mapped[int | None]
    """Its place in the signed status list; None for one that must not be counted there."""
    revoked_on: Mapped[date | None]
    revoked_at: Mapped[datetime | None] = mapped_column(_INSTANT)
    """Since when the registry knows of the revocation."""
    revocation_ground: Mapped[str | None] = mapped_column(String(40))
    finding_number: Mapped[str | None] = mapped_column(String(80))
    revocation_document: Mapped[str | None] = mapped_column(String(80))
    exclusion_until: Mapped[date | None]
    transferred_on: Mapped[date | None]
    """From this day another enterprise goes on with it (合并、分立)."""
    transferred_at: Mapped[datetime | None] = mapped_column(_INSTANT)
    transferred_to: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    """The recognition of the successor, with the same number and terms."""
    held_from: Mapped[date | None]
    """The first day on which this enterprise held it, where it took it over from another."""
    created_at: Mapped[datetime] = mapped_column(_INSTANT)
    version: Mapped[int] = mapped_column()

    enterprise: Mapped[Enterprise] = relationship(
        lazy="raise_on_sql", back_populates="recognitions"
    )
    terms: Mapped[list["RecognitionTerm"]] = relationship(
        lazy="raise", order_by="RecognitionTerm.valid_from"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class RecognitionTerm(Base):
    """One period of validity, with the document that granted it. Rows are only ever added.

    Two terms of one recognition share no day: `terms_do_not_overlap` in the database.
    """

    __tablename__ = "recognition_terms"
    __table_args__ = (
        UniqueConstraint("recognition_id", "valid_from", name="one_term_at_a_time"),
        CheckConstraint("valid_until >= valid_from", name="ends_after_it_begins"),
    )

    recognition_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recognitions.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    renewal_opens_on: Mapped[date]
    document_number: Mapped[str] = mapped_column(String(80))
    decided_on: Mapped[date]
    policy_pack: Mapped[str] = mapped_column(String(80))
    round_code: Mapped[str | None] = mapped_column(String(40))
    application_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)


class RenewalStep(Base):
    """What became of renewal material on a day: filed, settled, open again. Rows are only added.

    On a day the last step not after it counts; what is filed and settled on one day is settled.
    """

    __tablename__ = "renewal_steps"
    __table_args__ = (Index(None, "uscc", "title"), Index(None, "application_id"))

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    application_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    uscc: Mapped[str] = mapped_column(String(18))
    title: Mapped[str] = mapped_column(String(40))
    step: Mapped[RenewalStepKind] = mapped_column(enum_column(RenewalStepKind))
    outcome: Mapped[Outcome | None] = mapped_column(enum_column(Outcome))
    on_day: Mapped[date]
    recorded_at: Mapped[datetime] = mapped_column(_INSTANT)


class CertificateSeries(Base):
    """The last serial number given in a series, so that certificate numbers have no gaps."""

    __tablename__ = "certificate_series"

    series: Mapped[str] = mapped_column(String(40), primary_key=True)
    last: Mapped[int]
