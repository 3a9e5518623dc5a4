"""抽取: experts and site visits are drawn in two acts, so that nobody can choose the outcome."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.kernel.clock import day_of
from services.kernel.identifiers import new_id
from services.kernel.identity.actor import Actor
from services.kernel.journal import HistoryEntry
from services.kernel.paging import Found, Paging
from services.kernel.problems import Problem, SeparationOfDuties
from services.kernel.regions import city_of
from services.kernel.text import Text
from services.policy.stages import StageDecision
from services.review.conflicts import candidates_for
from services.review.desk import CaseDesk, Standing, subject_of, ties_for
from services.review.draw import (
    candidates_sha256,
    commitment_of,
    new_secret,
    ranking,
    seats_of_sample,
    seed_of,
)
from services.review.lists import Errors, not_ready
from services.review.models import Draw, DrawLot, ReviewCase
from services.review.panel_repository import PanelRepository
from services.review.panel_service import PanelService, pool_expert
from services.review.problems import (
    CasesNotReadyForDraw,
    DrawEnded,
    DrawNotFound,
    DrawTooEarly,
    ValueKnownAlready,
)
from services.review.workflow import Act, DrawPurpose, DrawStatus, Phase

_ACTS = {DrawPurpose.EXPERTS: Act.DRAW_EXPERTS, DrawPurpose.SITE_VISITS: Act.DRAW_VISITS}
_POOL_RESTS = timedelta(days=30)
"""How long whoever changed the pool makes no draw from it."""
_NOT_DRAWN = "未抽中实地核查，按程序进入下一环节。 Not drawn for a site visit; it goes on."


class DrawService:
    def __init__(self, desk: CaseDesk, panels: PanelRepository, seats: PanelService) -> None:
        self._desk = desk
        self._panels = panels
        self._seats = seats

    async def commit(
        self,
        *,
        purpose: DrawPurpose,
        round_id: UUID,
        case_ids: Sequence[UUID],
        public_source: str,
        value_on: date | None,
        officer: Actor,
    ) -> Draw:
        """Fix who may be drawn, commit to a secret, and name the public value that completes it.

        The value comes to be on a later day: on the next, unless another is named. Raises
        `CasesNotReadyForDraw` naming every case that cannot take part; then nothing is fixed.
        """
        tomorrow = self._desk.clock.today() + timedelta(days=1)
        if value_on is not None and value_on < tomorrow:
            raise ValueKnownAlready
        await self._require_no_hand_in_the_pool(purpose, officer)
        cases = await self._desk.cases.lock_many(case_ids, officer)
        standing = await self._desk.standing(officer, cases)
        drawn = await self._drawn_already(purpose, cases)

        def refusal(case: ReviewCase) -> Problem | None:
            return self._refusal(purpose, case, standing) or drawn.get(case.id)

        errors = not_ready(case_ids, cases, round_id, refusal)
        if not errors and purpose is DrawPurpose.SITE_VISITS:
            errors = await self._left_out(cases)
        if errors:
            raise CasesNotReadyForDraw(errors=errors)
        secret = new_secret()
        draw = Draw(
            id=new_id(),
            region=officer.region or "",
            purpose=purpose,
            round_id=round_id,
            round_code=cases[0].round_code,
            title=cases[0].title,
            stage=cases[0].stage,
            policy_pack=cases[0].policy_pack,
            status=DrawStatus.COMMITTED,
            public_source=public_source,
            value_on=value_on or tomorrow,
            commitment=commitment_of(secret),
            secret=secret,
            committed_by=officer.sub,
            committed_at=self._desk.clock.now(),
            public_value=None,
            seed=None,
            ended_by=None,
            ended_at=None,
            abandoned_because=None,
            lots=await self._lots(purpose, cases, officer.region or ""),
        )
        self._panels.add(draw)
        await self._desk.session.flush()
        self._record(
            draw,
            "committed",
            officer,
            commitment=draw.commitment,
            public_source=public_source,
            lots={lot.lot: lot.candidates_sha256 for lot in draw.lots},
        )
        for case in cases:
            self._desk.record(case, "draw_committed", officer, draw_id=str(draw.id))
        return draw

    def _refusal(
        self, purpose: DrawPurpose, case: ReviewCase, standing: Standing
    ) -> Problem | None:
        return standing.refusal(_ACTS[purpose], case)

    async def _require_no_hand_in_the_pool(self, purpose: DrawPurpose, officer: Actor) -> None:
        """Refuse whoever has lately said who is in the pool that a draw is made from."""
        since = self._desk.clock.now() - _POOL_RESTS
        if purpose is DrawPurpose.EXPERTS and await self._panels.changed_by(officer.sub, since):
            raise SeparationOfDuties(
                f"{officer.sub} 在近 {_POOL_RESTS.days} 天内登记或变更过专家，抽取须由他人办理。",
                f"{officer.sub} has changed the pool within {_POOL_RESTS.days} days;"
                " somebody else makes the draw.",
            )

    async def _left_out(self, cases: Sequence[ReviewCase]) -> Errors:
        """Return an error where a city's cases are drawn among one by one: that is choosing them."""
        cities = {city_of(case.division) for case in cases}
        waiting = await self._desk.cases.still_to_sample(cases[0], cities)
        excluded = await self._desk.cases.exclusions_of(
            set(waiting.values()), self._desk.clock.today()
        )
        # Of an excluded enterprise nothing can be drawn, and the others do not wait for it.
        missing = {one for one, uscc in waiting.items() if uscc not in excluded}
        missing -= {case.id for case in cases}
        missing -= await self._panels.in_open_draw(missing)
        if not missing:
            return []
        text = Text(
            f"同一市州待抽取的审核件须一并抽取，尚缺 {len(missing)} 件。",
            f"What waits in a city is drawn among together; {len(missing)} cases are left out.",
        )
        return [("/case_ids", "city_incomplete", text)]

    async def _drawn_already(
        self, purpose: DrawPurpose, cases: Sequence[ReviewCase]
    ) -> dict[UUID, Problem]:
        found: dict[UUID, Problem] = {}
        for case_id in await self._panels.in_open_draw([case.id for case in cases]):
            found[case_id] = CasesNotReadyForDraw(
                "已在另一次尚未揭示的抽取中。", "Another draw is under way for it."
            )
        if purpose is DrawPurpose.EXPERTS:
            for case in cases:
                if await self._panels.drawn_lot(case) is not None:
                    found[case.id] = CasesNotReadyForDraw(
                        "本轮专家已经抽取，人数不足时请补聘。",
                        "Its experts were drawn already; appoint those that are missing.",
                    )
        return found

    async def _lots(
        self, purpose: DrawPurpose, cases: Sequence[ReviewCase], region: str
    ) -> list[DrawLot]:
        if purpose is DrawPurpose.EXPERTS:
            return await self._lots_of_experts(cases, region)
        return self._lots_of_visits(cases)

    async def _lots_of_experts(self, cases: Sequence[ReviewCase], region: str) -> list[DrawLot]:
        pool = [pool_expert(row) for row in await self._panels.pool(region)]
        ties = await self._panels.ties_with({case.uscc for case in cases})
        parts = await self._desk.cases.parts_of([case.id for case in cases])
        lots = []
        for case in cases:
            rule = self._seats.rule(case)
            found = candidates_for(
                subject_of(case, parts.get(case.id)),
                pool,
                ties_for(case, ties),
                self._desk.pack(case).procedure.conflicts,
                in_field=rule.in_field,
                seats=rule.experts,
                today=self._desk.clock.today(),
            )
            lots.append(
                _lot(
                    str(case.id),
                    rule.experts,
                    list(found.codes),
                    case_id=case.id,
                    turn=case.turn,
                    is_secret=case.is_secret,
                    is_widened=found.is_widened,
                    excluded=[
                        {"expert": code, "code": conflict.code} for code, conflict in found.excluded
                    ],
                )
            )
        return lots

    def _lots_of_visits(self, cases: Sequence[ReviewCase]) -> list[DrawLot]:
        """Draw in each city apart; what is secret apart from what is not, so that no count shows it."""
        strata: dict[tuple[str, bool], list[str]] = defaultdict(list)
        for case in cases:
            strata[city_of(case.division), case.is_secret].append(str(case.id))
        percent = self._desk.pack(cases[0]).sample_rule(cases[0].stage).percent
        return [
            _lot(
                f"{city}-s" if is_secret else city,
                seats_of_sample(len(listed), percent),
                listed,
                case_id=None,
                turn=None,
                is_secret=is_secret,
                is_widened=False,
                excluded=[],
            )
            for (city, is_secret), listed in sorted(strata.items())
        ]

    async def reveal(self, draw_id: UUID, *, public_value: str, officer: Actor) -> Draw:
        """Complete the seed with the public value, and seat or sample whoever is drawn.

        It takes another officer, on a later day than the commitment.
        """
        draw = await self._open(draw_id, officer)
        if officer.sub == draw.committed_by:
            raise SeparationOfDuties(
                "揭示须由承诺人以外的人办理。", "Whoever committed to a draw does not reveal it."
            )
        if self._desk.clock.today() < draw.value_on:
            raise DrawTooEarly(
                f"承诺于 {day_of(draw.committed_at)}，公开值产生于 {draw.value_on}，届时方可揭示。",
                f"It was committed to on {day_of(draw.committed_at)}, and its value comes to be on"
                f" {draw.value_on}; it is revealed then.",
            )
        # Cases before lots, as everywhere, so that two callers never wait for each other.
        cases = await self._desk.cases.lock_many(_cases_of(draw), officer)
        draw.status = DrawStatus.REVEALED
        draw.public_value = public_value
        draw.seed = seed_of(draw.secret, public_value)
        draw.ended_by = officer.sub
        draw.ended_at = self._desk.clock.now()
        for lot in draw.lots:
            lot.ranking = ranking(draw.seed, lot.lot, lot.candidates)
        await self._desk.session.flush()
        self._record(draw, "revealed", officer, public_value=public_value, seed=draw.seed)
        if draw.purpose is DrawPurpose.EXPERTS:
            await self._seat(draw, cases, officer)
        else:
            await self._sample(draw, cases, officer)
        await self._desk.session.flush()
        return draw

    async def _seat(self, draw: Draw, cases: Sequence[ReviewCase], officer: Actor) -> None:
        lots = {lot.case_id: lot for lot in draw.lots}
        # A case that was withdrawn or set back meanwhile is no longer what was drawn for.
        waiting = [
            case
            for case in cases
            if case.turn == lots[case.id].turn and case.phase is Phase.FORMING
        ]
        seating = await self._seats.seating(waiting)
        for case in waiting:
            called = self._seats.seat(case, lots[case.id], seating)
            self._begin(case)
            self._desk.record(case, "panel_drawn", officer, draw_id=str(draw.id), experts=called)

    async def _sample(self, draw: Draw, cases: Sequence[ReviewCase], officer: Actor) -> None:
        """Let the first of each city's ranking be visited, and send the others on.

        Whatever was withdrawn meanwhile makes way for the next, and so does a case whose enterprise
        was excluded: it stays where it is.
        """
        bars = await self._desk.bars_on(self._desk.clock.today(), cases)
        waiting = {
            str(case.id): case
            for case in cases
            if case.phase is Phase.SAMPLING and case.stage == draw.stage and case.id not in bars
        }
        for lot in draw.lots:
            ranked = [waiting[one] for one in lot.ranking or [] if one in waiting]
            for case in ranked[: lot.seats]:
                case.phase = Phase.VISITING
                self._begin(case)
                self._desk.record(case, "drawn_for_visit", officer, draw_id=str(draw.id))
            for case in ranked[lot.seats :]:
                await self._desk.decide(
                    case,
                    StageDecision.ENDORSE,
                    officer=officer,
                    # The draw decided it and no person did: who revealed it has no part in it.
                    decided_by=f"draw:{draw.id}",
                    reason=_NOT_DRAWN,
                    act_id=draw.id,
                    is_drawn=False,
                )

    def _begin(self, case: ReviewCase) -> None:
        """Let the stage's days run from the draw: before it there was nothing to do."""
        case.entered_on = self._desk.clock.today()
        self._desk.set_last_day(case, self._desk.stage(case))
        case.updated_at = self._desk.clock.now()

    async def abandon(self, draw_id: UUID, *, reason: str, officer: Actor) -> Draw:
        """Give a draw up whose public value never came.

        It takes another officer, and the secret is published: whoever gave it up to avoid its outcome
        would be seen to have done so.
        """
        draw = await self._open(draw_id, officer)
        if officer.sub == draw.committed_by:
            raise SeparationOfDuties(
                "作废须由承诺人以外的人办理。", "Whoever committed to a draw does not give it up."
            )
        draw.status = DrawStatus.ABANDONED
        draw.abandoned_because = reason
        draw.ended_by = officer.sub
        draw.ended_at = self._desk.clock.now()
        await self._desk.session.flush()
        self._record(draw, "abandoned", officer, reason=reason)
        return draw

    async def _open(self, draw_id: UUID, officer: Actor) -> Draw:
        draw = await self._panels.draw(draw_id, officer, for_update=True)
        if draw is None:
            raise DrawNotFound
        if draw.status is not DrawStatus.COMMITTED:
            raise DrawEnded
        return draw

    async def find(self, draw_id: UUID, reader: Actor | None) -> Draw:
        """Return a draw that the reader may see; None stands for the public."""
        found = await self._panels.draw(draw_id, reader)
        if found is None:
            raise DrawNotFound
        return found

    async def page(
        self,
        reader: Actor | None,
        page: Paging,
        *,
        round_id: UUID | None,
        status: DrawStatus | None,
    ) -> Found[Draw]:
        return await self._panels.draws(reader, page, round_id=round_id, status=status)

    def _record(
        self, draw: Draw, action: str, officer: Actor, *, reason: str | None = None, **data: Any
    ) -> None:
        self._desk.journal.record(
            HistoryEntry(
                subject_type="draw",
                subject_id=draw.id,
                action=action,
                actor=officer,
                reason=reason,
                policy_pack=draw.policy_pack,
                data=data,
            )
        )


def _cases_of(draw: Draw) -> list[UUID]:
    """Return the cases that a draw is about: those of its lots, or their candidates."""
    if draw.purpose is DrawPurpose.EXPERTS:
        return [lot.case_id for lot in draw.lots if lot.case_id is not None]
    return [UUID(one) for lot in draw.lots for one in lot.candidates]


def _lot(lot: str, seats: int, candidates: list[str], **columns: Any) -> DrawLot:
    listed = sorted(candidates)
    return DrawLot(
        lot=lot,
        seats=seats,
        candidates=listed,
        candidates_sha256=candidates_sha256(lot, seats, listed),
        ranking=None,
        **columns,
    )
