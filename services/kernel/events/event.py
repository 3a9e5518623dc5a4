"""A fact in the past that other services need to know."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Base of every event. A reader ignores members that it does not know, so that one may be added."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    """CloudEvents `type`, such as `cn.srdi.application.submitted.v1`."""
    FOR_PARTNERS: ClassVar[frozenset[str]] = frozenset()
    """The members that outside systems read too; with none, the event stays between our services."""

    uscc: str | None
    region: str | None
    is_secret: bool
    """Whether the enterprise is secret-involved (涉密): then no outsider ever sees the event."""

    def partner_view(self) -> dict[str, Any] | None:
        """Return what an outside system reads of the event, or None if it reads nothing."""
        if not self.FOR_PARTNERS or self.is_secret:
            return None
        return self.model_dump(mode="json", include={"uscc", "region", *self.FOR_PARTNERS})
