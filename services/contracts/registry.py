"""What the registry tells the others."""

from datetime import date
from typing import Annotated, ClassVar
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
