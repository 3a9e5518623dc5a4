"""What may follow what in a review case. Pure: no database, no web."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import assert_never

from services.kernel.problems import SeparationOfDuties
from services.kernel.text import Text
from services.policy.pack import Pack
from services.policy.stages import Stage, StageDecision, StageKind
from services.review.problems import (
    DecisionNotOffered,
    DecisionOutOfTurn,
    OfficeNotInRoute,
    ReviewCaseNotOpen,
)


class CaseStatus(StrEnum):
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    AWAITING_NOTICE = "awaiting_notice"
    ON_NOTICE = "on_notice"
    RECOGNISED = "recognised"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


NAMES = {
    CaseStatus.IN_REVIEW: Text("审核中", "in review"),
    CaseStatus.RETURNED: Text("已退回补正", "returned for correction"),
    CaseStatus.AWAITING_NOTICE: Text("待公示", "awaiting its notice"),
    CaseStatus.ON_NOTICE: Text("公示中", "on public notice"),
    CaseStatus.RECOGNISED: Text("已认定", "recognised"),
    CaseStatus.REJECTED: Text("不予认定", "rejected"),
    CaseStatus.WITHDRAWN: Text("已撤回", "withdrawn"),
}
SETTLED = frozenset({CaseStatus.RECOGNISED, CaseStatus.REJECTED, CaseStatus.WITHDRAWN})


class ObjectionStatus(StrEnum):
    OPEN = "open"
    SUSTAINED = "sustained"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a case stands. `stage` is the one that it is at, or that it was returned from."""

    stage: str
    status: CaseStatus


@dataclass(frozen=True, slots=True)
class Route:
    """The stages that a title's cases go through under their pack."""

    stages: Sequence[Stage]

    @classmethod
    def of(cls, pack: Pack, title: str) -> "Route":
        return cls(pack.stages_of(title))

    def stage(self, stage: str) -> Stage:
        return next(one for one in self.stages if one.id == stage)

    def following(self, stage: str) -> Stage:
        """Return the next stage. A pack's route ends with a notice, which is never decided."""
        return self.stages[self.stages.index(self.stage(stage)) + 1]


def opened(route: Route) -> Position:
    """Return where a new case begins."""
    return Position(stage=route.stages[0].id, status=CaseStatus.IN_REVIEW)


def resubmitted(position: Position) -> Position:
    """Return where a corrected case goes on: at the stage that sent it back."""
    if position.status is not CaseStatus.RETURNED:
        return position
    return replace(position, status=CaseStatus.IN_REVIEW)


def after(position: Position, decision: StageDecision, route: Route) -> Position:
    """Return where a decision leads. Raises a problem when none can be taken now."""
    require_open(position)
    stage = route.stage(position.stage)
    if decision not in stage.decisions:
        offered = ", ".join(stage.decisions)
        raise DecisionNotOffered(
            f"“{stage.name.zh}”环节可作的决定：{offered}。",
            f"The stage {stage.name.en} offers: {offered}.",
        )
    match decision:
        case StageDecision.ENDORSE:
            following = route.following(stage.id)
            is_notice = following.kind is StageKind.NOTICE
            status = CaseStatus.AWAITING_NOTICE if is_notice else CaseStatus.IN_REVIEW
            return Position(stage=following.id, status=status)
        case StageDecision.RETURN:
            return replace(position, status=CaseStatus.RETURNED)
        case StageDecision.REJECT:
            return replace(position, status=CaseStatus.REJECTED)
    assert_never(decision)


def require_open(position: Position) -> None:
    if position.status is not CaseStatus.IN_REVIEW:
        name = NAMES[position.status]
        raise ReviewCaseNotOpen(
            f"审核件{name.zh}，不接受审核意见。", f"The case is {name.en}; it takes no decision."
        )


def require_turn(
    position: Position,
    route: Route,
    *,
    offices: Collection[str],
    sub: str,
    filed_by: set[str],
    decided_by: set[str],
) -> None:
    """Refuse whoever's turn it is not: another office, or a person with a part in it before."""
    require_open(position)
    deciding = [stage.office for stage in route.stages if stage.decisions]
    if not set(deciding) & set(offices):
        raise OfficeNotInRoute
    stage = route.stage(position.stage)
    if stage.office not in offices:
        raise DecisionOutOfTurn(
            f"审核件在“{stage.name.zh}”环节，由 {stage.office} 决定。",
            f"The case is at the stage {stage.name.en}, which {stage.office} decides.",
        )
    if sub in filed_by:
        raise SeparationOfDuties(
            f"{sub} 是此件的填报人。", f"{sub} filed the application and decides nothing about it."
        )
    if sub in decided_by:
        raise SeparationOfDuties(
            f"{sub} 已在其他环节对此件作出决定。", f"{sub} has decided another stage of this case."
        )


@dataclass(frozen=True, slots=True)
class NoticePeriod:
    starts_on: date
    ends_on: date
    """The last day; it counts until its midnight in the province."""

    def is_running(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on

    def is_over(self, day: date) -> bool:
        return day > self.ends_on
