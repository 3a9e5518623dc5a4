"""What review tells the others."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from services.kernel.events.event import Event

_WHICH_CASE = frozenset({"case_id", "application_id", "title", "round_code"})


class Remark(BaseModel):
    """What is to be corrected, and why."""

    model_config = ConfigDict(frozen=True)

    fact_or_document: str
    text: str


class CaseEvent(Event):
    case_id: UUID
    application_id: UUID
    title: str
    round_code: str


class CaseReceived(CaseEvent):
    """A submitted application reached the office that looks at it first, or comes back to one."""

    TYPE = "cn.srdi.case.received.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {"stage"}

    stage: str
    submission_number: int


class CaseAdvanced(CaseEvent):
    """An office endorsed the case, and it went on to the next stage."""

    TYPE = "cn.srdi.case.advanced.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {"from_stage", "to_stage"}

    from_stage: str
    to_stage: str


class CaseReturned(CaseEvent):
    """An office sent the application back for correction."""

    TYPE = "cn.srdi.case.returned.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {"stage"}

    stage: str
    submission_number: int
    reason: str
    remarks: list[Remark]


class CaseRejected(CaseEvent):
    """An office refused the application; the case is over."""

    TYPE = "cn.srdi.case.rejected.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {"stage"}

    stage: str
    reason: str


class CaseRecognised(CaseEvent):
    """The enterprise was recognised by a numbered document after its public notice."""

    TYPE = "cn.srdi.case.recognised.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {"document_number", "decided_on"}

    kind: Literal["new", "renewal"]
    policy_pack: str
    legal_name: str
    document_number: str
    decided_on: date
    facts: dict[str, JsonValue]
