"""The tables of rewards. Money is NUMERIC(16, 2), in yuan.

What has been granted, paid and paid back is summed up by the database itself out of the ledger: the
service's login can add entries and change none of the sums.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    String,
    TableClause,
    Text,
    UniqueConstraint,
    column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.kernel.database import UUID_COLUMN, enum_column, service_metadata
from services.kernel.journal import journal_tables
from services.policy.rewards import RewardedEvent, Scope, Settlement
from services.rewards.workflow import (
    AwardStatus,
    EntryKind,
    LineStatus,
    RecoveryStatus,
    ScheduleStatus,
)

SCHEMA = "rewards"
metadata = service_metadata(SCHEMA)
tables = journal_tables(metadata)

# Views that the migrations make: what may be rewarded, and what was granted and still stands.
GRANTS = TableClause(
    "grants",
    column("uscc", String),
    column("title", String),
    column("event", String),
    column("recognition_id", UUID_COLUMN),
    column("award_id", UUID_COLUMN),
    column("fiscal_year", Integer),
    column("scheduled_amount", Numeric(16, 2)),
    column("amount", Numeric(16, 2)),
    schema=SCHEMA,
)
REWARDABLE = TableClause(
    "rewardable",
    column("recognition_id", UUID_COLUMN),
    column("event", String),
    column("uscc", String),
    column("legal_name", String),
    column("title", String),
    column("region", String),
    column("is_secret", Boolean),
    column("valid_from", Date),
    column("valid_until", Date),
    column("last_day", Date),
    column("ended_on", Date),
    column("round_code", String),
    column("is_taken_over", Boolean),
    column("has_lost_reward", Boolean),
    column("policy_pack", String),
    schema=SCHEMA,
)

Money = Annotated[Decimal, mapped_column(Numeric(16, 2))]
Sum = Annotated[Decimal, mapped_column(Numeric(16, 2), server_default=text("0"))]
"""A sum that the database keeps out of the ledger; nobody else may write it."""


class Base(DeclarativeBase):
    metadata = metadata


class RewardSchedule(Base):
    """奖励标准: the amounts in force from a day on, approved by a second person.

    It is in force until its last day, or until a later one that is approved takes its place.
    """

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
        Index(
            "one_schedule_begins_on_a_day",
            "effective_from",
            unique=True,
            postgresql_where=text("status = 'approved'"),
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
    """One amount of a schedule. Rows are only ever added, and none once it is approved."""

    __tablename__ = "schedule_amounts"
    __table_args__ = (CheckConstraint("amount > 0", name="is_positive"),)

    schedule_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.reward_schedules.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(String(40))
    event: Mapped[RewardedEvent] = mapped_column(enum_column(RewardedEvent))
    region: Mapped[str | None] = mapped_column(String(6))
    amount: Mapped[Money]


class Budget(Base):
    """A fiscal year's ceiling, and what the ledger has granted under it."""

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
    granted: Mapped[Sum]


class Holding(Base):
    """A title that an enterprise holds or held: the copy of what the registry announced."""

    __tablename__ = "holdings"
    __table_args__ = (Index(None, "title", "uscc"),)

    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18), index=True)
    legal_name: Mapped[str] = mapped_column(String(2000))
    title: Mapped[str] = mapped_column(String(40))
    region: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    valid_from: Mapped[date]
    """The first day of the first term."""
    valid_until: Mapped[date]
    """The last day of the latest term."""
    renewed_from: Mapped[date | None]
    """The first day of the latest term, where it is not the first."""
    round_code: Mapped[str | None] = mapped_column(String(40))
    renewal_round_code: Mapped[str | None] = mapped_column(String(40))
    policy_pack: Mapped[str] = mapped_column(String(80))
    revoked_on: Mapped[date | None]
    revocation_ground: Mapped[str | None] = mapped_column(String(40))
    finding_number: Mapped[str | None] = mapped_column(String(80))
    """Of what was found against it, where that led to the revocation."""
    has_lost_reward: Mapped[bool]
    """Whether it was revoked on a ground that takes the reward back."""
    continues: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    """The recognition of the enterprise before it, where it was taken over (合并、分立).

    A title is rewarded once: to whom it was given. A successor is not rewarded for it again.
    """


class Award(Base):
    """奖励: money granted once for one title of one enterprise.

    The sums from `granted` on are the ledger's, kept by the database.
    """

    __tablename__ = "awards"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_is_positive"),
        CheckConstraint("amount <= scheduled_amount", name="amount_within_schedule"),
        CheckConstraint("granted = 0 OR granted = amount", name="granted_as_decided"),
        CheckConstraint("cancelled >= 0 AND cancelled <= granted", name="cancelled_within_granted"),
        CheckConstraint(
            "returned >= 0 AND returned <= disbursed AND disbursed - returned <= granted - cancelled",
            name="paid_within_granted",
        ),
        CheckConstraint(
            "recovery_due >= 0 AND recovery_due <= disbursed - returned", name="due_within_paid"
        ),
        CheckConstraint(
            "recovered >= 0 AND waived >= 0 AND recovered + waived <= recovery_due",
            name="recovered_within_due",
        ),
        CheckConstraint("approved_by IS DISTINCT FROM proposed_by", name="approved_by_another"),
        Index(None, "uscc", "id"),
        Index(None, "updated_at", "id"),
        Index(None, "recognition_id"),
        Index(None, "fiscal_year", "uscc"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    uscc: Mapped[str] = mapped_column(String(18))
    legal_name: Mapped[str] = mapped_column(String(2000))
    region: Mapped[str] = mapped_column(String(6))
    is_secret: Mapped[bool]
    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    title: Mapped[str] = mapped_column(String(40))
    event: Mapped[RewardedEvent] = mapped_column(enum_column(RewardedEvent))
    fiscal_year: Mapped[int]
    amount: Mapped[Money]
    scheduled_amount: Mapped[Money]
    """What the schedule sets for the title, before earlier awards were set off."""
    set_against: Mapped[list[UUID]] = mapped_column(ARRAY(UUID_COLUMN))
    """The earlier awards that were set against it."""
    schedule_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.reward_schedules.id")
    )
    policy_pack: Mapped[str] = mapped_column(String(80))
    run_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    """The run that proposed it, if one did."""
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
    granted: Mapped[Sum]
    cancelled: Mapped[Sum]
    disbursed: Mapped[Sum]
    returned: Mapped[Sum]
    recovery_due: Mapped[Sum]
    recovered: Mapped[Sum]
    waived: Mapped[Sum]
    stands_for: Mapped[UUID | None] = mapped_column(UUID_COLUMN, server_default=FetchedValue())
    """The title that what is left of it is for, once its own was taken away and another stands."""

    schedule: Mapped[RewardSchedule] = relationship(lazy="raise")
    entries: Mapped[list["LedgerEntry"]] = relationship(
        lazy="raise", order_by="LedgerEntry.id", viewonly=True
    )
    lines: Mapped[list["BatchLine"]] = relationship(
        lazy="raise", order_by="BatchLine.ordered_at", viewonly=True
    )
    recoveries: Mapped[list["Recovery"]] = relationship(
        lazy="raise", order_by="Recovery.id", back_populates="award"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class RewardedTitle(Base):
    """What an enterprise was rewarded for: each title and event once in its life.

    Rows are written by the database when the ledger grants or a recovery leaves a lower title its
    amount, and go only where an award is cancelled before anything was paid.
    """

    __tablename__ = "rewarded_titles"
    __table_args__ = (UniqueConstraint("recognition_id", "event", name="once_per_recognition"),)

    uscc: Mapped[str] = mapped_column(String(18), primary_key=True)
    title: Mapped[str] = mapped_column(String(40), primary_key=True)
    event: Mapped[str] = mapped_column(String(40), primary_key=True)
    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    award_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.awards.id"), index=True
    )
    is_kept: Mapped[bool]
    """Whether it is a lower title that the rest of a higher one's award was left for."""
    scheduled_amount: Mapped[Money]


class LedgerEntry(Base):
    """台账: one thing that happened to money. Rows are only ever added."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["batch_id", "line_number"],
            [f"{SCHEMA}.batch_lines.batch_id", f"{SCHEMA}.batch_lines.number"],
        ),
        CheckConstraint("amount > 0", name="is_positive"),
        CheckConstraint(
            "(kind IN ('disbursed', 'returned', 'recovered')) = (reference IS NOT NULL)",
            name="moved_money_has_a_reference",
        ),
        CheckConstraint(
            "(kind = 'disbursed') = (batch_id IS NOT NULL AND line_number IS NOT NULL)",
            name="paid_on_an_order",
        ),
        CheckConstraint("(kind = 'returned') = (payment_id IS NOT NULL)", name="returns_a_payment"),
        CheckConstraint(
            "(kind IN ('recovered', 'waived')) = (recovery_id IS NOT NULL)",
            name="recovered_of_a_recovery",
        ),
        Index(None, "award_id", "id"),
        Index(None, "on_day", "kind"),
        Index(
            "ledger_entries_by_reference",
            "reference",
            "kind",
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index("one_grant", "award_id", unique=True, postgresql_where=text("kind = 'granted'")),
        Index(
            "one_payment_per_voucher",
            "reference",
            unique=True,
            postgresql_where=text("kind = 'disbursed'"),
        ),
        Index(
            "one_repayment_per_voucher",
            "reference",
            unique=True,
            postgresql_where=text("kind = 'recovered'"),
        ),
        Index(
            "one_return_per_payment",
            "payment_id",
            unique=True,
            postgresql_where=text("kind = 'returned'"),
        ),
        Index(
            "one_return_per_reference",
            "reference",
            unique=True,
            postgresql_where=text("kind = 'returned'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    award_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.awards.id"))
    kind: Mapped[EntryKind] = mapped_column(enum_column(EntryKind))
    amount: Mapped[Money]
    on_day: Mapped[date]
    """The day on which it happened, as whoever moved the money says."""
    reference: Mapped[str | None] = mapped_column(String(80))
    """The voucher of a payment or repayment, or the bank's number of a return."""
    batch_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    line_number: Mapped[int | None]
    payment_id: Mapped[UUID | None] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.ledger_entries.id")
    )
    recovery_id: Mapped[UUID | None] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recoveries.id"), index=True
    )
    reason: Mapped[str | None] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class DisbursementBatch(Base):
    """拨付批次: a numbered list of payments that the disbursement system is ordered to make."""

    __tablename__ = "disbursement_batches"
    __table_args__ = (Index(None, "fiscal_year", "id"),)

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    """`2026-0001`: the fiscal year and a number without gaps."""
    fiscal_year: Mapped[int]
    region: Mapped[str] = mapped_column(String(6))
    """Whose fund pays."""
    total: Mapped[Money]
    ordered_by: Mapped[str] = mapped_column(String(200))
    ordered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ordered_on: Mapped[date]

    lines: Mapped[list["BatchLine"]] = relationship(lazy="raise", order_by="BatchLine.number")


class BatchSeries(Base):
    """The last number that was given to a batch of a fiscal year."""

    __tablename__ = "batch_series"

    fiscal_year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class BatchLine(Base):
    """One payment that was ordered, for one award. An award has at most one that is open."""

    __tablename__ = "batch_lines"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_is_positive"),
        CheckConstraint("paid >= 0 AND paid <= amount", name="paid_within_order"),
        Index(
            "one_open_order", "award_id", unique=True, postgresql_where=text("status = 'ordered'")
        ),
        Index(None, "award_id", "ordered_at"),
    )

    batch_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.disbursement_batches.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    batch_number: Mapped[str] = mapped_column(String(20))
    award_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.awards.id"))
    uscc: Mapped[str] = mapped_column(String(18))
    legal_name: Mapped[str] = mapped_column(String(2000))
    title: Mapped[str] = mapped_column(String(40))
    region: Mapped[str] = mapped_column(String(6))
    amount: Mapped[Money]
    ordered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[LineStatus] = mapped_column(enum_column(LineStatus))
    stop_requested_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the title fell while the payment was under way: it should not be made any more."""
    rejected_on: Mapped[date | None]
    rejection_reason: Mapped[str | None] = mapped_column(Text)
    rejection_reference: Mapped[str | None] = mapped_column(String(80))
    paid: Mapped[Sum]


class Recovery(Base):
    """追回: what is to be paid back of an award after its title was taken away."""

    __tablename__ = "recoveries"
    __table_args__ = (
        CheckConstraint("due > 0", name="due_is_positive"),
        CheckConstraint(
            "repaid >= 0 AND waived >= 0 AND repaid + waived <= due", name="repaid_within_due"
        ),
        CheckConstraint(
            "(kept_recognition_id IS NULL) = (kept_amount IS NULL)", name="kept_with_its_amount"
        ),
        Index(None, "award_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    award_id: Mapped[UUID] = mapped_column(UUID_COLUMN, ForeignKey(f"{SCHEMA}.awards.id"))
    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    """The recognition whose revocation opened it."""
    ground: Mapped[str] = mapped_column(String(40))
    finding_number: Mapped[str | None] = mapped_column(String(80))
    due: Mapped[Money]
    kept_recognition_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
    """The lower title that the rest of the money is for from now on (就高退档)."""
    kept_title: Mapped[str | None] = mapped_column(String(40))
    kept_event: Mapped[RewardedEvent | None] = mapped_column(enum_column(RewardedEvent))
    kept_amount: Mapped[Decimal | None] = mapped_column(Numeric(16, 2))
    formula: Mapped[dict[str, str]] = mapped_column(JSONB)
    """How what is due comes about, in words: zh and en."""
    status: Mapped[RecoveryStatus] = mapped_column(enum_column(RecoveryStatus))
    opened_on: Mapped[date]
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column()
    repaid: Mapped[Sum]
    waived: Mapped[Sum]

    award: Mapped[Award] = relationship(lazy="raise", back_populates="recoveries")
    entries: Mapped[list[LedgerEntry]] = relationship(
        lazy="raise", order_by="LedgerEntry.id", viewonly=True
    )
    instalments: Mapped[list["Instalment"]] = relationship(
        lazy="raise", order_by="(Instalment.plan, Instalment.number)"
    )
    waivers: Mapped[list["Waiver"]] = relationship(lazy="raise", order_by="Waiver.id")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Instalment(Base):
    """分期: one part of what is due and by when. Rows are only ever added; the last plan counts."""

    __tablename__ = "instalments"
    __table_args__ = (CheckConstraint("amount > 0", name="is_positive"),)

    recovery_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recoveries.id"), primary_key=True
    )
    plan: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    due_on: Mapped[date] = mapped_column(Date, index=True)
    """The last day on which it is paid in time."""
    amount: Mapped[Money]
    reason: Mapped[str] = mapped_column(Text)
    set_by: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Waiver(Base):
    """核销: what one officer asks not to be collected any more, and another decides."""

    __tablename__ = "waivers"
    __table_args__ = (
        CheckConstraint("amount > 0", name="is_positive"),
        CheckConstraint("decided_by IS DISTINCT FROM requested_by", name="decided_by_another"),
        CheckConstraint(
            "(is_granted IS NULL) = (decided_by IS NULL)", name="decided_with_a_decision"
        ),
        Index(
            "one_open_waiver",
            "recovery_id",
            unique=True,
            postgresql_where=text("is_granted IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    recovery_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.recoveries.id"), index=True
    )
    amount: Mapped[Money]
    reason: Mapped[str] = mapped_column(Text)
    document_number: Mapped[str] = mapped_column(String(80))
    requested_by: Mapped[str] = mapped_column(String(200))
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    is_granted: Mapped[bool | None]
    decision_reason: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
