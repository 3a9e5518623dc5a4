"""The shapes that several services read and answer in the same way."""

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class In(BaseModel):
    """A body that is read: what is not defined is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """An answer: every member is always there."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


DivisionCode = Annotated[
    str, StringConstraints(pattern=r"^\d{6}$"), Field(description="行政区划代码。GB/T 2260 code.")
]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000)]
DocumentNumber = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    Field(description="文号。Document number.", examples=["黔工信中小〔2026〕12号"]),
]
# A credit code is read in any width and case; the service normalises and checks it.
CreditCodeText = Annotated[
    str, StringConstraints(max_length=40), Field(examples=["91520900MA6J6CBN9Q"])
]
# The programme is younger than 1990 and PostgreSQL's years end later than any plan's.
ProgrammeDay = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2199, 12, 31))]
# An offset may not carry an instant out of the years that a clock can tell.
Instant = Annotated[
    AwareDatetime,
    Field(ge=datetime(1990, 1, 1, tzinfo=UTC), le=datetime(2199, 12, 31, tzinfo=UTC)),
    # Instants are told in UTC, in whichever zone they were asked for.
    AfterValidator(lambda instant: instant.astimezone(UTC)),
]


class SealKeyOut(Out):
    kty: str
    crv: str
    x: str
    y: str
    kid: str
    use: str
    alg: str


class KeySetOut(Out):
    keys: list[SealKeyOut]
