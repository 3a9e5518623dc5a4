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
    applied_on: date | None = None
    """The day of the first submission; None in what was announced before it was told."""


class CaseRestored(CaseEvent):
    """A mistaken decision was set aside: the case is back at its stage, under review."""

    TYPE = "cn.srdi.case.restored.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {"stage"}

    kind: Literal["new", "renewal"]
    stage: str
    reason: str


class CasePutOnNotice(CaseEvent):
    """The enterprise's name stands open to objection."""

    TYPE = "cn.srdi.case.put_on_notice.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {"notice_id", "starts_on", "ends_on"}

    notice_id: UUID
    starts_on: date
    ends_on: date
    """The last day, included."""


class ObjectionFiled(CaseEvent):
    """Somebody objected to the enterprise while it was on notice. It may answer until a day."""

    TYPE = "cn.srdi.objection.filed.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {
        "objection_id",
        "number",
        "heard_until",
    }

    objection_id: UUID
    number: str
    heard_until: date


class ObjectionResolved(CaseEvent):
    """An objection was sustained, which ends the case, or dismissed."""

    TYPE = "cn.srdi.objection.resolved.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_CASE | {
        "objection_id",
        "number",
        "is_sustained",
    }

    objection_id: UUID
    number: str
    is_sustained: bool
