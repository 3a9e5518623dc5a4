"""What the registry tells the others."""

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import StringConstraints

from services.kernel.events.event import Event

RevocationGroundId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A ground by the id that a pack gives it: false_declaration, violation, renewal_failed …"""

_WHICH_RECOGNITION = frozenset(
    {"recognition_id", "title", "legal_name", "certificate_number", "valid_from", "valid_until"}
)


class RecognitionEvent(Event):
    recognition_id: UUID
    title: str
    legal_name: str
    certificate_number: str
    valid_from: date
    valid_until: date
    """The last day on which the title is valid."""
    policy_pack: str
    round_code: str | None
    """The round that led to it; null for a title that the ministry announced."""


class RecognitionGranted(RecognitionEvent):
    """A title was recorded with its term."""

    TYPE = "cn.srdi.recognition.granted.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_RECOGNITION | {"document_number"}

    document_number: str
    application_id: UUID | None


class RecognitionRenewed(RecognitionEvent):
    """A title got its next term."""

    TYPE = "cn.srdi.recognition.renewed.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_RECOGNITION | {"document_number"}

    document_number: str
    application_id: UUID | None


class RecognitionChanged(RecognitionEvent):
    """Its holder was renamed or moved, or another enterprise goes on with it (合并、分立).

    Certificate number and validity stay. What the title brought its holder once, it brings no
    successor again.
    """

    TYPE = "cn.srdi.recognition.changed.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_RECOGNITION | {
        "change",
        "happened_on",
        "previous_uscc",
        "previous_legal_name",
        "document_number",
    }

    change: Literal["rename", "move", "merger", "split"]
    happened_on: date
    previous_recognition_id: UUID
    """The same as `recognition_id`, unless another enterprise goes on with the title."""
    previous_uscc: str
    previous_legal_name: str
    previous_region: str
    document_number: str


class RenewalCalled(RecognitionEvent):
    """A renewal round was opened in which the title takes part: material is due by a day."""

    TYPE = "cn.srdi.renewal.called.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_RECOGNITION | {
        "renewal_round_code",
        "materials_due_on",
        "document_number",
    }

    renewal_round_code: str
    materials_due_on: date
    document_number: str


class RecognitionRevoked(RecognitionEvent):
    """An officer ended a title before its time, on a ground of the pack."""

    TYPE = "cn.srdi.recognition.revoked.v1"
    FOR_PARTNERS: ClassVar[frozenset[str]] = _WHICH_RECOGNITION | {
        "ground",
        "revoked_on",
        "document_number",
    }

    ground: RevocationGroundId
    revoked_on: date
    """The first day on which the title no longer counts."""
    finding_number: str | None
    document_number: str
    recovers_rewards: bool
    exclusion_until: date | None
    """The last day on which the enterprise may not apply again; null when nothing bars it."""
