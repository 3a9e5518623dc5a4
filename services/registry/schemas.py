"""What the registry reads and answers."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.contracts.registry import RevocationGroundId
from services.kernel.actions import AvailableAction
from services.kernel.schemas import (
    CreditCodeText,
    DivisionCode,
    DocumentNumber,
    In,
    Out,
    ProgrammeDay,
    Reason,
    ShortText,
)
from services.kernel.text import TextOut
from services.registry.models import ChangeKind
from services.registry.renewal_state import RenewalOutcome, RenewalStage
from services.registry.workflow import RecognitionStatus, VerificationCode

LARGEST_VERIFICATION = 1000


_NOW_ALONE = "带 as_known_at 时为空。Not told with `as_known_at`: such an answer never changes."


class TermOut(Out):
    valid_from: date
    valid_until: date = Field(description="最后有效日。The last valid day, as printed.")
    document_number: str
    decided_on: date
    policy_pack: str
    recorded_at: datetime = Field(description="登记时刻。Since when it is on record.")


class RevocationOut(Out):
    ground: RevocationGroundId
    ground_name: TextOut
    clause: str
    revoked_on: date = Field(description="自此日起不再有效。The first day it no longer counts.")
    finding_number: str | None
    document_number: str
    recorded_at: datetime
    exclusion_until: date | None = Field(
        description="此日（含）前不得再次申报。The last day without a new application."
    )


class RecognitionOut(Out):
    id: UUID
    uscc: str
    legal_name: str = Field(description="该日的名称。The holder's name on that day.")
    title: str
    title_name: TextOut
    certificate_number: str
    status: RecognitionStatus
    valid_from: date
    valid_until: date
    renewal_opens_on: date
    is_renewal_filed: bool = Field(
        description="复核材料在审。Whether renewal material is in and undecided."
    )
    policy_pack: str
    round_code: str | None
    document_number: str
    terms: list[TermOut]
    held_from: date | None = Field(
        description="自其他企业承继之日。Since when, where it was taken over from another."
    )
    transferred_on: date | None = Field(
        description="自此日由承继企业持有。From this day a successor holds it."
    )
    revocation: RevocationOut | None
    version: int | None = Field(description=_NOW_ALONE)
    available_actions: list[AvailableAction] = Field(description=_NOW_ALONE)


class NameOut(Out):
    legal_name: str
    valid_from: date
    recorded_at: datetime


class EnterpriseOut(Out):
    uscc: str
    legal_name: str = Field(description="该日的名称。Its name on `as_of`.")
    division: str
    focus_field: str | None
    as_of: date
    as_known_at: datetime | None = Field(
        description="按此刻已登记的内容回答；空为现在。What had been recorded by then; null is now."
    )
    names: list[NameOut]
    recognitions: list[RecognitionOut]
    version: int | None = Field(description=_NOW_ALONE)


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
    valid_until: date | None = Field(
        description="最后有效日；培育库成员为空。The last valid day; null for a library's member."
    )
    certificate_number: str | None


class VerificationOut(Out):
    on: date
    items: list[VerifiedOut]


class CountOut(Out):
    id: str
    count: int


class EnterpriseCountsOut(Out):
    """How much the same search lists. Each recognition counts once, in its state of today."""

    enterprises: int
    recognitions: int
    by_title: list[CountOut]
    by_status: list[CountOut]
    by_city: list[CountOut] = Field(description="企业数。Enterprises, by city.")


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
    legal_name: str = Field(description="现名。The holder's present name.")
    document_number: str
    issued_by: list[str] = Field(
        description="认定机关；不确知的为空。Who confers the title; empty where that is not known."
    )
    issued_on: date
    is_valid: bool
    check_url: str = Field(description="二维码所含网址。What the QR code contains.")
    pdf_url: str
    qr_url: str
    status_list_index: int | None = Field(
        description="在状态名单中的位置。Its place in the signed status list."
    )
    checked_at: datetime
    jws: str = Field(description="同一内容的签名件（ES256）。The same, signed.")


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
    stage: RenewalStage | None = Field(
        description="距期满。How near the end is; null when it is more than six months away."
    )
    outcome: RenewalOutcome
    is_filed: bool = Field(description="复核材料是否已提交。Whether material is in, undecided.")
    clause: str


class RenewalRoundIn(In):
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]
    region: DivisionCode
    title: ShortText = Field(examples=["srdi_sme"])
    ends_from: ProgrammeDay
    ends_until: ProgrammeDay = Field(
        description="该时段（含首末日）期满的认定参加复核。Terms that end between both days take part."
    )
    materials_due_on: ProgrammeDay
    document_number: DocumentNumber


class RenewalOutcomeCountsOut(Out):
    not_submitted: int
    under_review: int
    passed: int
    failed: int
    ended: int


class RenewalRoundOut(Out):
    id: UUID
    code: str
    region: str
    title: str
    ends_from: date
    ends_until: date
    materials_due_on: date
    document_number: str
    opened_at: datetime


class RenewalRoundDetailOut(RenewalRoundOut):
    counts: RenewalOutcomeCountsOut


class ChangeIn(In):
    kind: ChangeKind
    happened_on: ProgrammeDay
    document_number: DocumentNumber
    reason: Reason | None = None
    new_name: ShortText | None = None
    new_division: DivisionCode | None = None
    successor_uscc: CreditCodeText | None = Field(
        default=None,
        description="由其承继称号的企业。Who goes on with the titles, if it does not itself.",
    )
    successor_name: ShortText | None = None
    other_uscc: CreditCodeText | None = Field(
        default=None,
        description="被吸收或分出的企业。Whom it took in, or who was split off.",
    )
    reported_on: ProgrammeDay | None = Field(
        default=None,
        description="企业报告之日；由主管部门发现的为空。When the enterprise reported it.",
    )


class ChangeReportIn(In):
    reported_on: ProgrammeDay


class ChangeOut(Out):
    id: UUID
    uscc: str
    kind: ChangeKind
    happened_on: date
    before: dict[str, str | None]
    after: dict[str, str | None]
    successor_uscc: str | None
    other_uscc: str | None
    document_number: str
    reason: str | None
    report_due_on: date | None
    duty_clause: str | None
    reported_on: date | None
    is_late: bool
    recorded_at: datetime


class ChangesOut(Out):
    items: list[ChangeOut]
