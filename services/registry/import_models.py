"""The tables of older lists that are taken over from workbooks."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import UUID_COLUMN, enum_column
from services.kernel.workbooks.imports import ImportColumns, ImportRowColumns, RowErrorColumns
from services.registry.models import SCHEMA, Base


class OlderRowOutcome(StrEnum):
    RECORDED = "recorded"
    ALREADY_THERE = "already_there"
    """The same was on record, and nothing changed."""


class RecognitionImport(ImportColumns, Base):
    """历史名单导入: a workbook of older recognitions, and how far it has come."""

    __tablename__ = "recognition_imports"
    __table_args__ = (
        Index(None, "region", "id"),
        Index(
            "recognition_imports_to_do",
            "created_at",
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        CheckConstraint("done <= total", name="does_no_more_than_there_is"),
    )


class ReceivedWorkbook(Base):
    """The workbook itself, until its import has ended.

    It lies beside its import, so that any process can go on with it, and goes when it is done with.
    """

    __tablename__ = "received_workbooks"

    import_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recognition_imports.id"), primary_key=True
    )
    content: Mapped[bytes] = mapped_column(LargeBinary)


class RecognitionImportRow(ImportRowColumns, Base):
    """What became of one row. Written in the transaction of the work itself."""

    __tablename__ = "recognition_import_rows"

    import_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recognition_imports.id"), primary_key=True
    )
    title: Mapped[str] = mapped_column(String(40))
    outcome: Mapped[OlderRowOutcome] = mapped_column(enum_column(OlderRowOutcome))


class RecognitionRowError(RowErrorColumns, Base):
    """What is wrong in one cell."""

    __tablename__ = "recognition_import_errors"

    import_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recognition_imports.id"), primary_key=True
    )
