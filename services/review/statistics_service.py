"""How far the cases of a round have come: the funnel of its stages, for all and for each city."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.kernel.identity.actor import Actor
from services.kernel.text import Text
from services.policy.catalogue import Catalogue
from services.policy.stages import StageDecision, StageKind
from services.review.list_repository import Decided, FunnelFilter, ListRepository, Standing
from services.review.workflow import CaseStatus


@dataclass(frozen=True, slots=True)
class StageFunnel:
    stage: str
    name: Text
    at_it: int
    endorsed: int
    returned: int
    rejected: int


@dataclass(frozen=True, slots=True)
class CityFunnel:
    region: str
    received: int
    by_status: dict[str, int]
    recommended: int
    recognised: int


@dataclass(frozen=True, slots=True)
class Funnel:
    policy_pack: str
    title: str
    received: int
    by_status: dict[str, int]
    stages: Sequence[StageFunnel]
    cities: Sequence[CityFunnel]


class StatisticsService:
    def __init__(self, lists: ListRepository, catalogue: Catalogue) -> None:
        self._lists = lists
        self._catalogue = catalogue

    async def funnels(self, reader: Actor, of: FunnelFilter) -> list[Funnel]:
        """Return a funnel for each title and pack of which the reader may see a case."""
        standing = await self._lists.standing(reader, of)
        decided = await self._lists.decided(reader, of)
        return [
            self._funnel(
                pack,
                title,
                [one for one in standing if (one.policy_pack, one.title) == (pack, title)],
                [one for one in decided if (one.policy_pack, one.title) == (pack, title)],
            )
            for pack, title in sorted({(one.policy_pack, one.title) for one in standing})
        ]

    def _funnel(
        self, pack_name: str, title: str, standing: Sequence[Standing], decided: Sequence[Decided]
    ) -> Funnel:
        stages = self._catalogue.pack(pack_name).stages_of(title)
        recommending = {one.id for one in stages if one.kind is StageKind.RECOMMENDATION}
        under_way = {CaseStatus.IN_REVIEW, CaseStatus.AWAITING_NOTICE, CaseStatus.ON_NOTICE}
        return Funnel(
            policy_pack=pack_name,
            title=title,
            received=sum(one.cases for one in standing),
            by_status=_by_status(standing),
            stages=[
                StageFunnel(
                    stage=stage.id,
                    name=stage.name,
                    at_it=sum(
                        one.cases
                        for one in standing
                        if one.stage == stage.id and one.status in under_way
                    ),
                    **{
                        name: sum(
                            one.cases
                            for one in decided
                            if (one.stage, one.decision) == (stage.id, decision)
                        )
                        for name, decision in _DECIDED.items()
                    },
                )
                for stage in stages
            ],
            cities=[
                CityFunnel(
                    region=city,
                    received=sum(one.cases for one in standing if one.city == city),
                    by_status=_by_status([one for one in standing if one.city == city]),
                    recommended=sum(
                        one.cases
                        for one in decided
                        if one.city == city
                        and one.stage in recommending
                        and one.decision is StageDecision.ENDORSE
                    ),
                    recognised=sum(
                        one.cases
                        for one in standing
                        if one.city == city and one.status is CaseStatus.RECOGNISED
                    ),
                )
                for city in sorted({one.city for one in standing})
            ],
        )


_DECIDED = {
    "endorsed": StageDecision.ENDORSE,
    "returned": StageDecision.RETURN,
    "rejected": StageDecision.REJECT,
}


def _by_status(standing: Sequence[Standing]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for one in standing:
        counted[one.status.value] += one.cases
    return dict(sorted(counted.items()))
