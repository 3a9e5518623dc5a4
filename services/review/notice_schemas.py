"""What review reads and answers about notices and objections."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.kernel.actions import AvailableAction
from services.kernel.schemas import (
    CreditCodeText,
    DocumentNumber,
    In,
    LongText,
    Out,
    ProgrammeDay,
    Reason,
)
from services.kernel.text import TextOut
from services.review.schemas import (
    CaseIds,
)
from services.review.workflow import (
    ObjectionStatus,
)


class NoticeIn(In):
    round_id: UUID
    case_ids: CaseIds
    starts_on: ProgrammeDay


class NoticeOut(Out):
    id: UUID
    round_id: UUID
    round_code: str
    title: str
    policy_pack: str
    starts_on: date
    ends_on: date = Field(
        description="最后一日，含当日；开始日不计入。The last day, included; the first is not counted."
    )
    is_provisional: bool
    is_running: bool
    case_ids: list[UUID]
    version: int
    available_actions: list[AvailableAction]


class PublicNoticeSummaryOut(Out):
    id: UUID
    round_code: str
    title: str
    title_name: TextOut
    policy_pack: str
    starts_on: date
    ends_on: date
    is_provisional: bool
    is_running: bool
    clause: str


class NamedEnterpriseOut(Out):
    uscc: str
    legal_name: str
    division: str


class PublicNoticeOut(PublicNoticeSummaryOut):
    enterprises: list[NamedEnterpriseOut]


class NoticeRecognitionIn(In):
    document_number: DocumentNumber
    decided_on: ProgrammeDay


class HeldCaseOut(Out):
    case_id: UUID
    because: TextOut


class NoticeRecognitionOut(Out):
    notice_id: UUID
    document_number: str
    decided_on: date
    recognised: list[UUID]
    held: list[HeldCaseOut] = Field(
        description="因有未处理的异议或企业尚在不得申报期内而暂缓。"
        " Held back by an objection that is open, or because the enterprise is excluded."
    )


_NAMELESS = re.compile(
    r"匿名.*|某.*|不详|无名.*|佚名|未知|不愿.*|保密|anon.*|unknown|nobody|none|na|test",
    re.IGNORECASE,
)
_SHORTEST_NAME = 2


def _real(name: str) -> str:
    letters = "".join(one for one in unicodedata.normalize("NFKC", name) if one.isalpha())
    if len(letters) < _SHORTEST_NAME or _NAMELESS.fullmatch(letters):
        raise PydanticCustomError(
            "name_not_real",
            "{en}",
            {"zh": "异议须实名提出。", "en": "An objection is made by real name."},
        )
    return name


RealName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=200),
    AfterValidator(_real),
    Field(description="真实姓名或单位全称。Real name."),
]


class ObjectorIn(In):
    kind: Literal["person", "organisation"]
    name: RealName
    contact: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=5, max_length=200),
        Field(description="联系方式。How to reach them."),
    ]


class ObjectionIn(In):
    uscc: CreditCodeText
    objector: ObjectorIn
    facts: LongText
    evidence: Annotated[list[LongText], Field(min_length=1, max_length=20)]


class ObjectionFiledOut(Out):
    id: UUID
    number: str = Field(description="受理编号。The receipt.", examples=["YY-20260318-7K3Q9PXA"])
    notice_id: UUID
    status: ObjectionStatus
    filed_at: datetime


class ObjectorOut(Out):
    kind: str
    name: str
    contact: str


class StatementIn(In):
    text: LongText


class HearingStatementOut(Out):
    office: str
    text: str
    stated_at: datetime


class ObjectionOut(Out):
    id: UUID
    number: str
    notice_id: UUID
    case_id: UUID
    uscc: str
    legal_name: str
    objector: ObjectorOut | None = Field(
        description="仅处理异议的岗位和审计可见。Shown to the office that resolves it and to auditors."
    )
    facts: str
    evidence: list[str]
    filed_at: datetime
    heard_until: date = Field(
        description="市州和企业答复的最后一日。The last day for the city and the enterprise to answer."
    )
    statements: list[HearingStatementOut]
    status: ObjectionStatus
    resolution: str | None
    resolved_at: datetime | None
    version: int
    available_actions: list[AvailableAction]


class ResolutionIn(In):
    sustained: bool
    reason: Reason
