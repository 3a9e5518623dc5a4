"""What the caller may do next with a thing, so that a page needs no copy of its workflow."""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.kernel.problems import Problem
from services.kernel.text import TextOut

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]


class AvailableAction(BaseModel):
    model_config = ConfigDict(frozen=True)

    action: str = Field(description="操作。What can be done.", examples=["submit"])
    method: Method
    href: str = Field(examples=["/api/v1/applications/0199e7c0-…/submission"])
    enabled: bool
    because: TextOut | None = Field(
        description="不可用的原因。Why it is disabled; null when enabled."
    )


def offer(action: str, method: Method, href: str, refuse: Callable[[], object]) -> AvailableAction:
    """Offer an action, disabled with the very refusal that doing it now would get."""
    try:
        refuse()
    except Problem as problem:
        because = TextOut(zh=problem.detail.zh, en=problem.detail.en)
        return AvailableAction(
            action=action, method=method, href=href, enabled=False, because=because
        )
    return AvailableAction(action=action, method=method, href=href, enabled=True, because=None)
