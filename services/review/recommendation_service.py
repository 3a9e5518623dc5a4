"""推荐: a city, or a county, signs the ranked list of the enterprises that it recommends."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.paging import Found, Paging
from services.kernel.regions import is_county
from services.kernel.text import Text
from services.policy.pack import Pack, Target
from services.policy.stages import StageDecision
from services.review.desk import CaseDesk
from services.review.list_repository import ListRepository
from services.review.lists import not_ready
from services.review.models import RecommendationItem, RecommendationList, ReviewCase
from services.review.problems import CasesNotReadyForList, ListNotFound
from services.review.workflow import Act


class Floor(NamedTuple):
    """How a city stands against the number that it is to recommend (六(一)); it bars nothing."""

    target: Target
    recommended: int


class RecommendationService:
    def __init__(self, desk: CaseDesk, lists: ListRepository) -> None:
        self._desk = desk
        self._lists = lists

    async def sign(
        self,
        *,
        round_id: UUID,
        case_ids: Sequence[UUID],
        document_number: str,
        opinion: str,
        officer: Actor,
    ) -> RecommendationList:
        """Recommend cases of one round in the order given, in one act; vetoes are checked again.

        Raises `CasesNotReadyForList` naming every case that cannot be recommended; then none is.
        """
        cases = await self._desk.cases.lock_many(case_ids, officer)
        standing = await self._desk.standing(officer, cases)
        errors = not_ready(
            case_ids, cases, round_id, lambda case: standing.refusal(Act.RECOMMEND, case)
        )
        if errors:
            raise CasesNotReadyForList(errors=errors)
        first = cases[0]
        region = officer.region or ""
        await self._lists.hold_series(round_id, first.title, region)
        number, rank = await self._lists.last_of_series(round_id, first.title, region)
        signed = RecommendationList(
            id=new_id(),
            round_id=round_id,
            round_code=first.round_code,
            title=first.title,
            stage=first.stage,
            policy_pack=first.policy_pack,
            region=region,
            number=number + 1,
            document_number=document_number,
            opinion=opinion,
            signed_by=officer.sub,
            signed_at=self._desk.clock.now(),
        )
        self._lists.add(signed)
        await self._desk.session.flush()
        by_id = {case.id: case for case in cases}
        for place, case_id in enumerate(case_ids, start=rank + 1):
            await self._recommend(by_id[case_id], signed, place, officer)
        await self._desk.session.flush()
        return await self.find(signed.id, officer)

    async def _recommend(
        self, case: ReviewCase, signed: RecommendationList, rank: int, officer: Actor
    ) -> None:
        self._lists.add(
            RecommendationItem(list_id=signed.id, case_id=case.id, turn=case.turn, rank=rank)
        )
        await self._desk.decide(
            case,
            StageDecision.ENDORSE,
            officer=officer,
            reason=signed.opinion,
            act_id=signed.id,
            document_number=signed.document_number,
            list_number=signed.number,
            rank=rank,
        )

    async def find(self, list_id: UUID, reader: Actor) -> RecommendationList:
        found = await self._lists.find_list(list_id, reader)
        if found is None:
            raise ListNotFound
        return found

    async def page(
        self, reader: Actor, page: Paging, *, round_id: UUID | None, region: str | None
    ) -> Found[RecommendationList]:
        return await self._lists.lists(reader, page, round_id=round_id, region=region)

    async def floors(
        self, lists: Sequence[RecommendationList]
    ) -> Mapping[tuple[UUID, str, str], Floor]:
        """Return, for the series of some lists, what their city is to recommend and does."""
        found: dict[tuple[UUID, str, str], Floor] = {}
        for one in lists:
            series = (one.round_id, one.title, one.region)
            target = _floor_of(self._desk.pack_named(one.policy_pack))
            if series in found or target is None or is_county(one.region):
                continue
            found[series] = Floor(target, await self._lists.recommended(*series))
        return found

    def title_name(self, of: RecommendationList) -> Text:
        return self._desk.pack_named(of.policy_pack).title_named(of.title).name


def _floor_of(pack: Pack) -> Target | None:
    return next((one for one in pack.targets if one.per == "city"), None)
