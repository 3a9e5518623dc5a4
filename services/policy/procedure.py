"""How review is conducted: panels, site visits, conflicts of interest, hearings and corrections.

The law names the stages and says hardly anything about how they work. So it stands in a file of its
own, locked like the pack whose stages it is about, and says of each rule where it comes from.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.kernel.text import Text
from services.policy.facts import Fact
from services.policy.stages import Stage, StageKind

Aggregation = Literal["mean", "trimmed_mean", "median"]
"""How a panel's totals become one: the mean, the mean without the highest and the lowest, the middle."""


class TieKind(StrEnum):
    """What ties a person to an enterprise."""

    EMPLOYMENT = "employment"
    SHAREHOLDING = "shareholding"
    FAMILY = "family"
    ADVICE = "advice"
    OTHER = "other"


class ProcedurePart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PanelIndicator(ProcedurePart):
    """What an expert gives points for, and the facts to look at first."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    name: Text
    clause: str
    official_text: str
    out_of: int = Field(ge=1, le=100)
    look_at: tuple[str, ...] = ()


class PanelRule(ProcedurePart):
    """How a panel of experts (专家评审) is composed and how its points are put together."""

    stage: str
    clause: str
    basis: str = Field(min_length=1)
    """Where the numbers come from: the platform's choice, where the law prints none."""
    experts: int = Field(ge=3)
    in_field: bool
    """Whether an expert has to know the enterprise's field."""
    aggregation: Aggregation
    spread_alarm: Decimal = Field(gt=0)
    """Totals that lie further apart than this are no result yet."""
    pass_at_least: Decimal = Field(ge=0)
    indicators: tuple[PanelIndicator, ...] = Field(min_length=1)

    @property
    def out_of(self) -> int:
        """The points that an expert has to give."""
        return sum(indicator.out_of for indicator in self.indicators)


class VisitCheck(ProcedurePart):
    """What is looked at on the premises."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    name: Text


class SampleRule(ProcedurePart):
    """How many enterprises are drawn for a site visit (实地抽查), by whom they are seen, and for what."""

    stage: str
    clause: str
    basis: str = Field(min_length=1)
    percent: int = Field(ge=1, le=100)
    inspectors: int = Field(ge=1)
    checks: tuple[VisitCheck, ...] = Field(min_length=1)


class ConflictRule(ProcedurePart):
    """When somebody is too close to an enterprise to judge it (回避)."""

    basis: str = Field(min_length=1)
    same_city: bool
    """Whether an expert of the enterprise's own city is too close."""
    years: int = Field(ge=0)
    """How long after its end a tie still counts."""


class HearingRule(ProcedurePart):
    """How long the city and the enterprise have to answer an objection (异议)."""

    clause: str
    basis: str = Field(min_length=1)
    working_days: int = Field(ge=1)


class CorrectionRule(ProcedurePart):
    """What follows when a material fact is corrected during review."""

    basis: str = Field(min_length=1)
    resumes_at: str
    """The stage at which the application is examined again."""


class Procedure(ProcedurePart):
    """How review under a pack is conducted, as procedure.toml writes it."""

    schema_version: Literal[1]
    panels: tuple[PanelRule, ...] = ()
    samples: tuple[SampleRule, ...] = ()
    conflicts: ConflictRule
    hearing: HearingRule
    correction: CorrectionRule


def procedure_flaws(
    procedure: Procedure, *, stages: Mapping[str, Stage], facts: Mapping[str, Fact]
) -> Iterator[str]:
    """Yield what does not hold together between a procedure and the pack that it belongs to."""
    panels, samples = procedure.panels, procedure.samples
    yield from _stage_flaws("panel", StageKind.PANEL, [one.stage for one in panels], stages)
    yield from _stage_flaws("sample", StageKind.SITE_VISIT, [one.stage for one in samples], stages)
    for panel in panels:
        yield from _panel_flaws(panel, facts)
    for sample in samples:
        for check in _repeated([one.id for one in sample.checks]):
            yield f"the sample rule of {sample.stage} has two checks {check}"
    resumes_at = procedure.correction.resumes_at
    if resumes_at not in stages:
        yield f"a correction resumes at the unknown stage {resumes_at}"
    elif stages[resumes_at].kind is StageKind.NOTICE:
        yield f"a correction resumes at {resumes_at}, which is a notice and examines nothing"


def _stage_flaws(
    what: str, kind: StageKind, ruled: list[str], stages: Mapping[str, Stage]
) -> Iterator[str]:
    for stage in stages.values():
        if stage.kind is kind and stage.id not in ruled:
            yield f"the stage {stage.id} is a {kind} and has no {what} rule in procedure.toml"
    for name in _repeated(ruled):
        yield f"two {what} rules are for the stage {name}"
    for name in dict.fromkeys(ruled):
        if name not in stages:
            yield f"a {what} rule is for the unknown stage {name}"
        elif stages[name].kind is not kind:
            yield f"a {what} rule is for the stage {name}, which is a {stages[name].kind}"


def _panel_flaws(panel: PanelRule, facts: Mapping[str, Fact]) -> Iterator[str]:
    where = f"the panel rule of {panel.stage}"
    for indicator in _repeated([one.id for one in panel.indicators]):
        yield f"{where} has two indicators {indicator}"
    for name, limit in (
        ("spread_alarm", panel.spread_alarm),
        ("pass_at_least", panel.pass_at_least),
    ):
        if limit > panel.out_of:
            yield f"{where} has {name} {limit} of {panel.out_of} points"
    for one in panel.indicators:
        for fact in one.look_at:
            if fact not in facts:
                yield f"{where}, indicator {one.id} looks at {fact}, which is not declared"


def _repeated(names: list[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
