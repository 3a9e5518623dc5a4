"""The stages of review that a title is decided by, in the words of a pack."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.kernel.text import Text


class StageKind(StrEnum):
    RECOMMENDATION = "recommendation"
    SCREENING = "screening"
    PANEL = "panel"
    SITE_VISIT = "site_visit"
    MEETING = "meeting"
    NOTICE = "notice"


class StageDecision(StrEnum):
    ENDORSE = "endorse"
    RETURN = "return"
    REJECT = "reject"


DecidingOffice = Literal[
    "county_office",
    "city_office",
    "provincial_office",
    "expert",
    "site_inspector",
    "decision_meeting",
]


class Stage(BaseModel):
    """One stage: which office decides it, what it may decide, and in how many working days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: StageKind
    office: DecidingOffice
    name: Text
    clause: str
    official_text: str
    decisions: tuple[StageDecision, ...] = ()
    working_days: int | None = Field(default=None, ge=1)
    working_days_basis: str | None = None
    rechecks_vetoes: bool = False

    @model_validator(mode="after")
    def _says_why(self) -> "Stage":
        if self.working_days is not None and not self.working_days_basis:
            raise ValueError(f"stage {self.id}: a limit of days needs its basis")
        if (self.kind is StageKind.NOTICE) == bool(self.decisions):
            raise ValueError(f"stage {self.id}: a notice offers no decision, any other stage does")
        return self


class PublicNotice(BaseModel):
    """公示: how long the names stand open to objection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clause: str
    official_text: str
    length: int = Field(ge=1)
    days: Literal["working", "calendar"]
    basis: str
    """Where the number comes from when the law prints none."""
