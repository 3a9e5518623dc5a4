"""The tables of runs: everybody who could be rewarded in a year, reckoned and proposed at once."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Numeric, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.kernel.database import UUID_COLUMN, enum_column
from services.policy.rewards import Because, RewardedEvent
from services.rewards.models import SCHEMA, Base


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class RunOutcome(StrEnum):
    """What a run did with an enterprise to which something is owed."""

    PROPOSED = "proposed"
    CHANGED = "changed"
    """Since it was reckoned something changed and nothing is owed any more."""
    BUDGET_EXCEEDED = "budget_exceeded"


class AwardRun(Base):
    """批量测算: one reckoning over all holders of a year's titles, and the proposals made of it."""

    __tablename__ = "award_runs"
    __table_args__ = (
        Index(
            "award_runs_to_do",
            "created_at",
            postgresql_where=text("state IN ('waiting', 'running')"),
        ),
        CheckConstraint("done <= total", name="does_no_more_than_there_is"),
    )

    id: Mapped[UUID] = mapped_column(UUID_COLUMN, primary_key=True)
    fiscal_year: Mapped[int]
    titles: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    """Proposals are made for the holders of these alone; every title is considered for each."""
    region: Mapped[str] = mapped_column(String(6))
    is_dry: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    on_day: Mapped[date]
    schedule_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.reward_schedules.id")
    )
    state: Mapped[RunState] = mapped_column(enum_column(RunState))
    failure: Mapped[str | None] = mapped_column(String(40))
    counts: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    total: Mapped[int]
    """Enterprises to which something is owed."""
    done: Mapped[int]
    """Of them, those that were dealt with."""
    requested_by: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class AwardRunRow(Base):
    """What a run reckoned for one enterprise, by its highest title, and what became of it."""

    __tablename__ = "award_run_rows"
    __table_args__ = (
        Index(
            "award_run_rows_to_do",
            "run_id",
            "uscc",
            postgresql_where=text("payable > 0 AND outcome IS NULL"),
        ),
    )

    run_id: Mapped[UUID] = mapped_column(
        UUID_COLUMN, ForeignKey(f"{SCHEMA}.award_runs.id"), primary_key=True
    )
    uscc: Mapped[str] = mapped_column(String(18), primary_key=True)
    legal_name: Mapped[str] = mapped_column(String(2000))
    region: Mapped[str] = mapped_column(String(6))
    recognition_id: Mapped[UUID] = mapped_column(UUID_COLUMN)
    title: Mapped[str] = mapped_column(String(40))
    event: Mapped[RewardedEvent] = mapped_column(enum_column(RewardedEvent))
    code: Mapped[Because] = mapped_column(enum_column(Because))
    amount: Mapped[Decimal | None] = mapped_column(Numeric(16, 2))
    already_granted: Mapped[Decimal] = mapped_column(Numeric(16, 2))
    payable: Mapped[Decimal] = mapped_column(Numeric(16, 2))
    outcome: Mapped[RunOutcome | None] = mapped_column(enum_column(RunOutcome))
    award_id: Mapped[UUID | None] = mapped_column(UUID_COLUMN)
