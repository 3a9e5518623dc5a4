"""What an award has to be, to be listed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement

from services.rewards.models import Award
from services.rewards.workflow import AwardStatus

LONGEST_WRITE = timedelta(minutes=1)
"""No transaction takes longer: its statements and its idling end sooner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtAwards:
    uscc: str | None = None
    status: AwardStatus | None = None
    fiscal_year: int | None = None
    title: str | None = None
    run_id: UUID | None = None
    changed_after: datetime | None = None


def fits(sought: SoughtAwards) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if sought.uscc is not None:
        found.append(Award.uscc == sought.uscc)
    if sought.status is not None:
        found.append(Award.status == sought.status)
    if sought.fiscal_year is not None:
        found.append(Award.fiscal_year == sought.fiscal_year)
    if sought.title is not None:
        found.append(Award.title == sought.title)
    if sought.run_id is not None:
        found.append(Award.run_id == sought.run_id)
    if sought.changed_after is not None:
        found.append(Award.updated_at > sought.changed_after - LONGEST_WRITE)
    return found
