"""The tables of the daily reconciliation: what the disbursement system says that it did on a day."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.kernel.database import UUID_COLUMN, enum_column
from services.rewards.models import SCHEMA, Base, Money


class MovementKind(StrEnum):
    """What the disbursement system did with money."""

    PAYMENT = "payment"
    RETURN = "return"
    REPAYMENT = "repayment"


class DayStatement(Base):
    """日对账单: what the disbursement system did on a day. A corrected one is added, none is changed."""

    __tablename__ = "day_statements"
    __table_args__ = (UniqueConstraint("day", "number", name="one_statement_per_number"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    day: Mapped[date]
    number: Mapped[int]
    """From 1 on; the last one counts."""
    received_by: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    movements: Mapped[list["DayMovement"]] = relationship(
        lazy="raise", order_by="DayMovement.number"
    )


class DayMovement(Base):
    """One movement of money that the disbursement system reports. Rows are only ever added."""

    __tablename__ = "day_movements"
    __table_args__ = (CheckConstraint("amount > 0", name="is_positive"),)

    statement_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.day_statements.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[MovementKind] = mapped_column(enum_column(MovementKind))
    award_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    """As reported: it may be one that nobody here knows."""
    reference: Mapped[str] = mapped_column(String(80))
    amount: Mapped[Money]
