"""What the registry reads and answers."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.contracts.registry import RevocationGroundId
from services.kernel.actions import AvailableAction
from services.kernel.schemas import (
    CreditCodeText,
    DivisionCode,
    DocumentNumber,
    In,
    Out,
    ProgrammeDay,
    ShortText,
)
from services.kernel.text import TextOut
from services.registry.workflow import RecognitionStatus, VerificationCode

LARGEST_VERIFICATION = 1000


class TermOut(Out):
    number: int
    valid_from: date
    valid_until: date = Field(description="最后有效日。The last valid day, as printed.")
    document_number: str
    decided_on: date
    policy_pack: str


class RevocationOut(Out):
    ground: RevocationGroundId
    ground_name: TextOut
    clause: str
    revoked_on: date = Field(description="自此日起不再有效。The first day it no longer counts.")
    finding_number: str | None
    document_number: str
    exclusion_until: date | None = Field(
        description="此日（含）前不得再次申报。The last day without a new application."
    )


class RecognitionOut(Out):
    id: UUID
    uscc: str
    legal_name: str
    title: str
    title_name: TextOut
    certificate_number: str
    status: RecognitionStatus
    valid_from: date
    valid_until: date
    renewal_opens_on: date
    policy_pack: str
    round_code: str | None
    document_number: str
    terms: list[TermOut]
    revocation: RevocationOut | None
    version: int
    available_actions: list[AvailableAction]


class NameOut(Out):
    legal_name: str
    valid_from: date


class EnterpriseOut(Out):
    uscc: str
    legal_name: str
    division: str
    focus_field: str | None
    as_of: date
    names: list[NameOut]
    recognitions: list[RecognitionOut]
    version: int


class MinisterialRecognitionIn(In):
    uscc: CreditCodeText
    legal_name: ShortText
    title: ShortText = Field(examples=["national_little_giant"])
    valid_from: ProgrammeDay
    document_number: DocumentNumber
    region: DivisionCode


class RevocationIn(In):
    ground: RevocationGroundId = Field(
        description="政策包规定的撤销情形。A ground of the recognition's pack: false_declaration,"
        " violation, renewal_failed, renewal_not_submitted, voluntary, deregistered or its own.",
        examples=["false_declaration"],
    )
    finding_number: DocumentNumber | None = None
    document_number: DocumentNumber
    decided_on: ProgrammeDay


class RevokedOut(RecognitionOut):
    other_titles_to_examine: list[str] = Field(
        description="须一并审查的其他称号。The enterprise's other titles that an officer looks at."
    )


class VerificationItemIn(In):
    uscc: CreditCodeText
    title: ShortText | None = None


class VerificationIn(In):
    items: Annotated[list[VerificationItemIn], Field(min_length=1, max_length=LARGEST_VERIFICATION)]
    on: ProgrammeDay | None = Field(default=None, description="默认今天。Today unless given.")


class VerifiedOut(Out):
    uscc: str
    title: str | None
    is_valid: bool
    code: VerificationCode
    valid_from: date | None
    valid_until: date | None
    certificate_number: str | None


class VerificationOut(Out):
    on: date
    items: list[VerifiedOut]


class PublicTitleOut(Out):
    title: str
    title_name: TextOut
    certificate_number: str
    valid_from: date
    valid_until: date
    status: RecognitionStatus


class PublicEnterpriseOut(Out):
    uscc: str
    legal_name: str
    division: str
    titles: list[PublicTitleOut]


class CertificateOut(PublicTitleOut):
    uscc: str
    legal_name: str
    checked_at: datetime


class RenewalDutyOut(Out):
    recognition_id: UUID
    uscc: str
    legal_name: str
    division: str
    title: str
    certificate_number: str
    renewal_opens_on: date
    due_on: date = Field(description="期满日，材料须在此日前提交。The term's last day.")
    status: RecognitionStatus
    is_filed: bool = Field(description="复核材料是否已提交。Whether material is in, undecided.")
    clause: str
