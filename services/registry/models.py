"""The tables of the registry."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.kernel.database import UUID_COLUMN, service_metadata
from services.kernel.journal import journal_tables

SCHEMA = "registry"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)


class Base(DeclarativeBase):
    metadata = metadata


class Enterprise(Base):
    """An enterprise that holds or held a title."""

    __tablename__ = "enterprises"
    __table_args__ = (Index(None, "division", "uscc"),)

    uscc: Mapped[str] = mapped_column(String(18), primary_key=True)
    legal_name: Mapped[str] = mapped_column(String(2000))
    division: Mapped[str] = mapped_column(String(6))
    focus_field: Mapped[str | None] = mapped_column(String(60))
    is_secret: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    names: Mapped[list["EnterpriseName"]] = relationship(
        lazy="raise", order_by="EnterpriseName.valid_from"
    )
    recognitions: Mapped[list["Recognition"]] = relationship(
        lazy="raise", order_by="Recognition.id", back_populates="enterprise"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class EnterpriseName(Base):
    """A legal name and the day from which the registry knows it. Rows are only ever added."""

    __tablename__ = "enterprise_names"

    uscc: Mapped[str] = mapped_column(
        String(18), ForeignKey(f"{SCHEMA}.enterprises.uscc"), primary_key=True
    )
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    legal_name: Mapped[str] = mapped_column(String(2000), primary_key=True)


class Recognition(Base):
    """认定: one title of one enterprise, through its terms to its end."""

    __tablename__ = "recognitions"
    __table_args__ = (
        Index(
            "one_current_recognition",
            "uscc",
            "title",
            unique=True,
            postgresql_where=text("revoked_on IS NULL"),
        ),
        CheckConstraint(
            "(revoked_on IS NULL) = (revocation_ground IS NULL)", name="revoked_on_a_ground"
        ),
        Index(None, "valid_until"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), ForeignKey(f"{SCHEMA}.enterprises.uscc"))
    title: Mapped[str] = mapped_column(String(40))
    certificate_number: Mapped[str] = mapped_column(String(60), unique=True)
    policy_pack: Mapped[str] = mapped_column(String(80))
    """The pack of the latest term: it sets validity, renewal and grounds of revocation."""
    round_code: Mapped[str | None] = mapped_column(String(40))
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    """The latest term's; `terms` holds all of them."""
    renewal_opens_on: Mapped[date]
    revoked_on: Mapped[date | None]
    revocation_ground: Mapped[str | None] = mapped_column(String(40))
    finding_number: Mapped[str | None] = mapped_column(String(80))
    revocation_document: Mapped[str | None] = mapped_column(String(80))
    exclusion_until: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    enterprise: Mapped[Enterprise] = relationship(
        lazy="raise_on_sql", back_populates="recognitions"
    )
    terms: Mapped[list["RecognitionTerm"]] = relationship(
        lazy="raise", order_by="RecognitionTerm.number"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class RecognitionTerm(Base):
    """One period of validity, with the document that granted it. Rows are only ever added."""

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
    document_number: Mapped[str] = mapped_column(String(80))
    decided_on: Mapped[date]
    policy_pack: Mapped[str] = mapped_column(String(80))
    application_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)


class RenewalFiling(Base):
    """Renewal material that is in: since when, and whether it has been decided."""

    __tablename__ = "renewal_filings"
    __table_args__ = (Index(None, "uscc", "title"),)

    application_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18))
    title: Mapped[str] = mapped_column(String(40))
    filed_on: Mapped[date | None]
    """Unknown when review's decision was heard of before intake's news."""
    settled_on: Mapped[date | None]


class CertificateSeries(Base):
    """The last serial number given in a year, so that certificate numbers have no gaps."""

    __tablename__ = "certificate_series"

    series: Mapped[str] = mapped_column(String(40), primary_key=True)
    last: Mapped[int]
