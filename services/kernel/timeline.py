"""The history of one thing, as a reader sees it: every step with who, what, why and when."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.kernel.journal import JournalTables


class TimelineEntryOut(BaseModel):
    """One step. Rows are only ever added, and each is chained to the one before it by its hash."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    action: str = Field(description="办理动作。What was done.", examples=["submitted"])
    by: str = Field(description="经办人（令牌的 sub）。The token's subject.")
    offices: list[str]
    reason: str | None
    clause: str | None
    policy_pack: str | None
    data: dict[str, JsonValue]
    hash: str


class TimelineOut(BaseModel):
    items: list[TimelineEntryOut]


async def history_of(
    session: AsyncSession, tables: JournalTables, subject_type: str, subject_id: UUID | str
) -> Sequence[RowMapping]:
    """Return every history row of one thing, oldest first."""
    history = tables.history
    rows = await session.execute(
        select(history)
        .where(history.c.subject_type == subject_type, history.c.subject_id == str(subject_id))
        .order_by(history.c.position)
    )
    return rows.mappings().all()


def timeline_out(
    rows: Sequence[RowMapping] | Sequence[Mapping[str, Any]],
) -> list[TimelineEntryOut]:
    return [
        TimelineEntryOut(
            at=row["occurred_at"],
            action=row["action"],
            by=row["actor"]["sub"],
            offices=row["actor"]["offices"],
            reason=row["reason"],
            clause=row["clause"],
            policy_pack=row["policy_pack"],
            data=row["data"],
            hash=row["hash"],
        )
        for row in rows
    ]
