"""What screenings read and answer."""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from services.kernel.schemas import In, Out, ProgrammeDay
from services.kernel.text import TextOut
from services.policy.matter import Kind, Verdict

LONGEST_DRAFT = 300_000
"""Of a draft's text; a pack with two scoring tables has sixty thousand characters."""


class ScreeningState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ScreeningChange(StrEnum):
    """What would become of an enterprise, by what it is now found to be and what it was."""

    ENTERS = "enters"
    LEAVES = "leaves"
    STAYS = "stays"
    MAY_ENTER = "may_enter"
    MAY_LEAVE = "may_leave"
    STAYS_OUT = "stays_out"


_MONEY = re.compile(r"(?:0|[1-9]\d{0,12})(?:\.\d{1,2})?", re.ASCII)


def _money(given: str) -> str:
    if _MONEY.fullmatch(given) is None:
        raise PydanticCustomError(
            "not_an_amount",
            "{en}",
            {
                "zh": '金额须为十进制字符串（元），如 "1000000.00"。',
                "en": 'Money is a decimal string in yuan, such as "1000000.00".',
            },
        )
    return given


ScreeningMoneyIn = Annotated[str, AfterValidator(_money)]
ScreeningMoney = Annotated[
    Decimal,
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    Field(description="元，十进制字符串。Yuan, as a decimal string."),
]
_Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
_PackName = Annotated[str, StringConstraints(max_length=80), Field(examples=["guizhou/2021-05-06"])]


class ScreeningPopulationIn(In):
    """对谁筛查，四者择一。Whom to screen: one of the four."""

    all: Literal[True] | None = Field(
        default=None,
        description="本省全部企业的最新数据。The latest figures of every enterprise of the province.",
    )
    title: _Code | None = Field(
        default=None,
        description="今天持有该称号的企业。Those that hold this title today.",
        examples=["srdi_sme"],
    )
    round_code: _Code | None = Field(
        default=None,
        description="该批次中该称号、该类申报每项的最后一次提交。"
        " The last submission of each application of a round, for this title and of this kind.",
        examples=["2026-1"],
    )
    year: Annotated[int, Field(ge=1990, le=2199)] | None = Field(
        default=None,
        description="该年首次提交的该称号、该类申报，各取最后一次提交。"
        " The same of each application that was first submitted in that year.",
    )

    @model_validator(mode="after")
    def _is_one_of_the_four(self) -> Self:
        if [self.all, self.title, self.round_code, self.year].count(None) != 3:  # noqa: PLR2004 - of four
            raise PydanticCustomError(
                "not_one_population",
                "{en}",
                {
                    "zh": "all、title、round_code、year 须填且只填一项。",
                    "en": "It has exactly one of all, title, round_code and year.",
                },
            )
        return self


class ScreeningIn(In):
    pack: _PackName | None = Field(
        default=None, description="已发布的政策包。A published pack; or else a draft."
    )
    draft: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_DRAFT)] | None = Field(
        default=None,
        description="未发布的 pack.toml 全文。The text of a pack.toml that is not published.",
    )
    procedure_of: _PackName | None = Field(
        default=None,
        description="草案沿用哪个已发布政策包的办理程序。"
        " The published pack whose procedure the draft takes over.",
    )
    title: _Code = Field(examples=["srdi_sme"])
    kind: Kind = Field(default="new", description="按新申报或复核的条件。New, or a renewal.")
    population: ScreeningPopulationIn
    on: ProgrammeDay | None = Field(
        default=None,
        description="按哪一天判定：默认今天；对批次或年度默认各申报的提交日。The day that it is judged"
        " on: today, or for the applications of a round or a year the day of each submission.",
    )
    amount_each: ScreeningMoneyIn | None = Field(
        default=None,
        description="假设每新增一户的奖励金额，仅用于测算。"
        " What one enterprise more would cost: an assumption of the caller's.",
        examples=["500000.00"],
    )

    @model_validator(mode="after")
    def _names_one_pack(self) -> Self:
        if (self.pack is None) == (self.draft is None) or (self.draft is None) != (
            self.procedure_of is None
        ):
            raise PydanticCustomError(
                "not_one_pack",
                "{en}",
                {
                    "zh": "填写 pack，或同时填写 draft 与 procedure_of。",
                    "en": "It has pack, or draft together with procedure_of.",
                },
            )
        return self


class ScreeningPopulationOut(Out):
    all: bool
    title: str | None
    round_code: str | None
    year: int | None


class ScreeningConditionOut(Out):
    id: str
    clause: str = Field(examples=["四.2"])
    text: TextOut


class ScreeningConditionCountOut(ScreeningConditionOut):
    not_met: int
    needs_officer: int


class ScreeningTallyOut(Out):
    total: int
    met: int
    needs_officer: int
    not_met: int
    enters: int = Field(
        description="现符合，当时未认定（或现未持有）。Met now, and not recognised then or today."
    )
    leaves: int = Field(
        description="现不符合，当时已认定（或现持有）。Not met now, and recognised then or today."
    )
    stays: int = Field(
        description="现符合且已认定；重放批次或年度时，须判定而条件未变的，以当时的认定为准。"
        " Met now, and recognised. In a round or year that is replayed, the recognition has answered"
        " what is left to an officer, where the condition is unchanged."
    )
    undecided: int = Field(description="待主管部门判定。What is left to an officer.")
    may_enter: int = Field(
        description="待判定者中未认定的：数字已够，其余须由主管部门判定。"
        " Of the undecided, not recognised: the figures suffice, and an officer judges the rest."
    )
    may_leave: int = Field(
        description="待判定者中已认定的：须判定的条件是新设或改过的，或并非重放申报。"
        " Of the undecided, recognised: what is open is a new or changed condition, or the figures"
        " are others than were decided on."
    )
    cost: ScreeningMoney | None = Field(
        description="amount_each × enters；未给金额时为 null。Null without an amount."
    )
    cost_at_most: ScreeningMoney | None = Field(
        description="amount_each ×（enters + may_enter）。If every undecided one entered as well."
    )


class ScreeningCityOut(ScreeningTallyOut):
    division: str
    name: str | None


class ScreeningCountsOut(ScreeningTallyOut):
    conditions: list[ScreeningConditionCountOut]
    cities: list[ScreeningCityOut]


class ScreeningOut(Out):
    id: UUID
    state: ScreeningState
    failure: TextOut | None = Field(description="未能完成的原因。Why it failed.")
    region: str
    pack: str | None = Field(description="已发布的政策包；草案为 null。Null for a draft.")
    procedure_of: str | None
    draft_sha256: str | None = Field(description="草案全文的 SHA-256。Of the draft's text.")
    title: str
    kind: Kind
    population: ScreeningPopulationOut
    on: date | None = Field(
        description="null 表示各按提交之日判定。Null: each on the day of its submission."
    )
    amount_each: ScreeningMoney | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ScreeningReportOut(ScreeningOut):
    """A screening with what was asked, and what was found."""

    conditions: list[ScreeningConditionOut] = Field(
        description="依次判定的条件，否决事项在后。What was asked, in order; vetoes come last."
    )
    counts: ScreeningCountsOut | None = Field(
        description="您所辖区域的统计；完成前为 null。Of your own region; null until it is done."
    )


class ScreeningRowOut(Out):
    uscc: str
    legal_name: str | None
    division: str
    sheet_id: UUID = Field(description="所依据的数据表。The figures that were judged.")
    verdict: Verdict
    was_recognised: bool
    change: ScreeningChange
    failed: list[str] = Field(description="不符合的条件。Conditions that are not met.")
    open: list[str] = Field(description="待判定的条件。Conditions that an officer judges.")
    answered: list[str] = Field(
        description="须判定、而该申报当时获认定即已判定（条件未变）的条件，计为符合。"
        " Conditions for an officer that the recognition of this application answered, for they are"
        " the same still; they count as met."
    )


class ScreeningLimitOut(Out):
    """What the fact is measured against: money in yuan, ratios in percent."""

    comparison: Literal["at_least", "at_most", "below", "one_of", "is", "within", "not_within"]
    value: str
    unit: Literal["yuan", "count", "percent", "years", "points"] | None


class ScreeningFindingOut(Out):
    id: str
    clause: str
    text: TextOut
    official_text: str
    verdict: Verdict
    fact: dict[str, JsonValue] = Field(description="所用事实。The facts that were used.")
    limit: ScreeningLimitOut | None
    because: TextOut
    evidence: list[str]
    parts: list["ScreeningFindingOut"]


class ScreeningExplanationOut(ScreeningRowOut):
    """One enterprise judged again by itself, with every reason."""

    on: date = Field(description="判定所依据的申报日。The day of application that was assumed.")
    titles_held: list[str] = Field(description="该日有效的称号。Titles valid on that day.")
    agrees: bool = Field(
        description="逐条重新判定的结果与筛查一致。Whether judging it again gives the same answers."
    )
    decided_under: str | None = Field(
        description="该申报据以认定的政策包；未认定或并非重放申报时为 null。"
        " The pack by which this application was recognised; null if it was not, or none is replayed."
    )
    judged_again: Verdict = Field(
        description="重新判定的结论；answered 所列条件计为符合。"
        " What judging it again comes to, with what the recognition answered as met."
    )
    enterprise_size: TextOut
    conditions: list[ScreeningFindingOut]
    vetoes: list[ScreeningFindingOut]
