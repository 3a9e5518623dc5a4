"""The tables of the daily reconciliation: what the disbursement system says that it did on a day."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import UUID_COLUMN, enum_column
from services.rewards.models import SCHEMA, Base, Money
from services.rewards.reconciliation import MovementKind


class DayStatement(Base):
    """日对账单: what the disbursement system did on a day. A corrected one is added, none is changed."""

    __tablename__ = "day_statements"
    __table_args__ = (UniqueConstraint("region", "day", "number", name="one_statement_per_number"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    region: Mapped[str] = mapped_column(String(6))
    """Whose fund was paid out of."""
    day: Mapped[date]
    number: Mapped[int]
    """From 1 on; the last one counts."""
    sha256: Mapped[str] = mapped_column(String(64))
    """Of what it says, in one order: the same again is no correction."""
    movements_count: Mapped[int]
    received_by: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class DayMovement(Base):
    """One movement of money that the disbursement system reports. Rows are only ever added."""

    __tablename__ = "day_movements"
    __table_args__ = (
        CheckConstraint("amount > 0", name="is_positive"),
        UniqueConstraint("statement_id", "kind", "reference", name="reported_once"),
        Index(None, "reference", "kind"),
    )

    statement_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.day_statements.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[MovementKind] = mapped_column(enum_column(MovementKind))
    award_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    """As reported: it may be one that nobody here knows."""
    reference: Mapped[str] = mapped_column(String(80))
    amount: Mapped[Money]
