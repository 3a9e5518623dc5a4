"""The tables of rewards. Money is NUMERIC(16, 2), in yuan."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.kernel.database import UUID_COLUMN, enum_column, service_metadata
from services.kernel.journal import journal_tables
from services.policy.rewards import Scope, Settlement
from services.rewards.workflow import AwardStatus, RecoveryStatus, ScheduleStatus

SCHEMA = "rewards"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)

Money = Annotated[Decimal, mapped_column(Numeric(16, 2))]


class Base(DeclarativeBase):
    metadata = metadata


class RewardSchedule(Base):
    """奖励标准: the amounts in force between two days, approved by a second person."""

    __tablename__ = "reward_schedules"
    __table_args__ = (
        CheckConstraint(
            "effective_until IS NULL OR effective_until > effective_from",
            name="ends_after_it_begins",
        ),
        CheckConstraint(
            "(status = 'approved') = (approved_by IS NOT NULL)", name="approved_by_somebody"
        ),
        CheckConstraint("approved_by IS DISTINCT FROM created_by", name="approved_by_another"),
        ExcludeConstraint(
            (
                func.daterange(literal_column("effective_from"), literal_column("effective_until")),
                "&&",
            ),
            where=text("status = 'approved'"),
            using="gist",
            name="one_schedule_at_a_time",
        ),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    document_number: Mapped[str] = mapped_column(String(80))
    effective_from: Mapped[date]
    effective_until: Mapped[date | None]
    """The first day on which it is no longer in force."""
    policy_pack: Mapped[str] = mapped_column(String(80))
    settlement: Mapped[Settlement] = mapped_column(enum_column(Settlement))
    scope: Mapped[Scope] = mapped_column(enum_column(Scope))
    status: Mapped[ScheduleStatus] = mapped_column(enum_column(ScheduleStatus))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[str | None] = mapped_column(String(200))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    amounts: Mapped[list["ScheduleAmount"]] = relationship(
        lazy="raise", order_by="ScheduleAmount.number"
    )
    budgets: Mapped[list["Budget"]] = relationship(lazy="raise", order_by="Budget.fiscal_year")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class ScheduleAmount(Base):
    """One amount of a schedule. Rows are only ever added."""

    __tablename__ = "schedule_amounts"
    __table_args__ = (CheckConstraint("amount > 0", name="is_positive"),)

    schedule_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.reward_schedules.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(String(40))
    event: Mapped[str] = mapped_column(String(20))
    region: Mapped[str | None] = mapped_column(String(6))
    amount: Mapped[Money]


class Budget(Base):
    """A fiscal year's ceiling, and what has been granted under it."""

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint("granted <= amount", name="granted_within_budget"),
        CheckConstraint("granted >= 0", name="granted_is_not_negative"),
    )

    schedule_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.reward_schedules.id"), primary_key=True
    )
    fiscal_year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount: Mapped[Money]
    granted: Mapped[Money]


class Holding(Base):
    """A title that an enterprise holds or held: the copy of what the registry announced."""

    __tablename__ = "holdings"

    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), index=True)
    legal_name: Mapped[str] = mapped_column(String(2000))
    title: Mapped[str] = mapped_column(String(40))
    region: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    round_code: Mapped[str | None] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    revoked_on: Mapped[date | None]
    revocation_ground: Mapped[str | None] = mapped_column(String(40))
    has_lost_reward: Mapped[bool]
    """Whether it was revoked on a ground that takes the reward back."""
    continues: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    """The recognition of the enterprise before it, where it was taken over (合并、分立).

    A title is rewarded once: to whom it was given. A successor is not rewarded for it again.
    """


class Award(Base):
    """奖励: money granted once for one title of one enterprise."""

    __tablename__ = "awards"
    __table_args__ = (
        Index(
            "one_live_award",
            "recognition_id",
            unique=True,
            postgresql_where=text("status <> 'cancelled'"),
        ),
        Index(
            "once_per_title",
            "uscc",
            "title",
            unique=True,
            postgresql_where=text("status <> 'cancelled'"),
        ),
        CheckConstraint("amount > 0", name="amount_is_positive"),
        CheckConstraint("paid >= 0 AND paid <= amount", name="paid_within_granted"),
        CheckConstraint("approved_by IS DISTINCT FROM proposed_by", name="approved_by_another"),
        Index(None, "uscc", "id"),
        Index(None, "updated_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18))
    legal_name: Mapped[str] = mapped_column(String(2000))
    region: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    title: Mapped[str] = mapped_column(String(40))
    fiscal_year: Mapped[int]
    amount: Mapped[Money]
    scheduled_amount: Mapped[Money]
    """What the schedule sets for the title, before earlier awards were set off."""
    paid: Mapped[Money]
    schedule_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.reward_schedules.id")
    )
    policy_pack: Mapped[str] = mapped_column(String(80))
    calculation: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The whole sum as it was decided: what was considered, set off and why."""
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[AwardStatus] = mapped_column(enum_column(AwardStatus))
    proposed_by: Mapped[str] = mapped_column(String(200))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[str | None] = mapped_column(String(200))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    approved_on: Mapped[date | None]
    cancellation_reason: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    schedule: Mapped[RewardSchedule] = relationship(lazy="raise")
    payments: Mapped[list["Payment"]] = relationship(lazy="raise", order_by="Payment.id")
    recoveries: Mapped[list["Recovery"]] = relationship(
        lazy="raise", order_by="Recovery.id", back_populates="award"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Payment(Base):
    """拨付: money that the disbursement system says was paid. Rows are only ever added."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("voucher", name="one_payment_per_voucher"),
        CheckConstraint("amount > 0", name="is_positive"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    award_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.awards.id"), index=True
    )
    amount: Mapped[Money]
    paid_on: Mapped[date]
    voucher: Mapped[str] = mapped_column(String(80))
    recorded_by: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Recovery(Base):
    """追回: what is to be paid back of an award after its title was taken away."""

    __tablename__ = "recoveries"
    __table_args__ = (
        CheckConstraint("due > 0", name="due_is_positive"),
        CheckConstraint("repaid >= 0 AND repaid <= due", name="repaid_within_due"),
        UniqueConstraint("award_id", "recognition_id", name="one_recovery_per_revocation"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    award_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.awards.id"))
    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    """The recognition whose revocation opened it."""
    ground: Mapped[str] = mapped_column(String(40))
    due: Mapped[Money]
    repaid: Mapped[Money]
    status: Mapped[RecoveryStatus] = mapped_column(enum_column(RecoveryStatus))
    opened_on: Mapped[date]
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()

    award: Mapped[Award] = relationship(lazy="raise", back_populates="recoveries")
    repayments: Mapped[list["Repayment"]] = relationship(lazy="raise", order_by="Repayment.id")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Repayment(Base):
    """Money that came back. Rows are only ever added."""

    __tablename__ = "repayments"
    __table_args__ = (
        UniqueConstraint("voucher", name="one_repayment_per_voucher"),
        CheckConstraint("amount > 0", name="is_positive"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    recovery_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recoveries.id"), index=True
    )
    amount: Mapped[Money]
    paid_on: Mapped[date]
    voucher: Mapped[str] = mapped_column(String(80))
    recorded_by: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
