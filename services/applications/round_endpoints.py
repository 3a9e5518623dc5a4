"""Intake's routes for rounds (申报批次)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.applications.access import Officer, RoundKeeper, RoundReader
from services.applications.models import Round
from services.applications.problems import (
    ExtensionTooEarly,
    RoundClosed,
    RoundCodeTaken,
    RoundNotFound,
    UnknownPackOrTitle,
)
from services.applications.round_service import NewRound, RoundService
from services.applications.schemas import (
    ClosureIn,
    ExtensionIn,
    RoundCountsOut,
    RoundIn,
    RoundOut,
)
from services.applications.views import counts_out, round_out
from services.kernel.identity.actor import Actor
from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.timeline import TimelineOut, timeline_out
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)

router = APIRouter(route_class=TransactionalRoute, tags=["rounds"])


async def _round_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> RoundService:
    return RoundService(session, journal, clock, request.app.state.catalogue)


Rounds = Annotated[RoundService, Depends(_round_service)]


@router.post(
    "/rounds",
    status_code=201,
    summary="开启申报批次 · Open a round",
    responses=documented(NotAllowed, RoundCodeTaken, UnknownPackOrTitle),
)
async def open_round(
    body: RoundIn, officer: RoundKeeper, rounds: Rounds, response: Response
) -> RoundOut:
    """Announce a round (六(一)): its title, its days in China Standard Time and its packs."""
    opened = await rounds.open_round(
        NewRound(
            code=body.code,
            name=body.name,
            title=body.title,
            new_pack=body.kinds.new,
            renewal_pack=body.kinds.renewal,
            opens_on=body.opens_on,
            closes_on=body.closes_on,
            document_number=body.document_number,
        ),
        officer,
    )
    response.headers["Location"] = f"/api/v1/rounds/{opened.id}"
    tag(response, opened.version)
    return (await _shown([opened], rounds, officer))[0]


@router.get(
    "/rounds",
    summary="查询申报批次 · List rounds",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_rounds(reader: RoundReader, rounds: Rounds, page: PageOf) -> PageOut[RoundOut]:
    """List rounds, the newest first, each with what the caller may do in it.

    An enterprise sees `start_renewal` enabled only when it owes one now.
    """
    found = await rounds.page(page)
    return PageOut(items=await _shown(list(found.items), rounds, reader), next=found.next)


@router.get(
    "/rounds/{round_id}",
    summary="查看申报批次 · Read a round",
    responses=documented(NotAllowed, RoundNotFound),
)
async def read_round(
    round_id: UUID, reader: RoundReader, rounds: Rounds, response: Response
) -> RoundOut:
    found = await rounds.find(round_id)
    tag(response, found.version)
    return (await _shown([found], rounds, reader))[0]


@router.get(
    "/rounds/{round_id}/counts",
    summary="各市州申报数 · Count a round's applications by city",
    responses=documented(NotAllowed, RoundNotFound),
)
async def count_round(round_id: UUID, reader: Officer, rounds: Rounds) -> RoundCountsOut:
    """Count applications by city, and the year's against the floor of twenty (六(一)).

    For offices: a city sees itself. The floor is reported and bars nothing.
    """
    return counts_out(round_id, await rounds.counts(round_id, reader))


@router.get(
    "/rounds/{round_id}/timeline",
    summary="查看批次办理过程 · Read what happened to a round",
    responses=documented(NotAllowed, RoundNotFound),
)
async def read_round_timeline(round_id: UUID, _reader: RoundReader, rounds: Rounds) -> TimelineOut:
    """Return its opening, each extension with its document, and its closure."""
    return TimelineOut(items=timeline_out(await rounds.timeline(round_id)))


@router.post(
    "/rounds/{round_id}/extension",
    summary="延长申报期限 · Extend a round",
    responses=documented(NotAllowed, RoundNotFound, RoundClosed, ExtensionTooEarly),
)
async def extend_round(
    round_id: UUID, body: ExtensionIn, officer: RoundKeeper, rounds: Rounds, response: Response
) -> RoundOut:
    """Move the closing day to a later one, by a numbered document."""
    extended = await rounds.extend(
        round_id,
        closes_on=body.closes_on,
        document_number=body.document_number,
        reason=body.reason,
        officer=officer,
    )
    tag(response, extended.version)
    return (await _shown([extended], rounds, officer))[0]


@router.post(
    "/rounds/{round_id}/closure",
    summary="关闭申报批次 · Close a round",
    responses=documented(NotAllowed, RoundNotFound, RoundClosed),
)
async def close_round(
    round_id: UUID, body: ClosureIn, officer: RoundKeeper, rounds: Rounds, response: Response
) -> RoundOut:
    """Close a round for good; what was submitted stays."""
    closed = await rounds.close(round_id, reason=body.reason, officer=officer)
    tag(response, closed.version)
    return (await _shown([closed], rounds, officer))[0]


async def _shown(found: list[Round], rounds: RoundService, reader: Actor) -> list[RoundOut]:
    actions = await rounds.available_actions(found, reader)
    return [round_out(one, is_open=rounds.is_open(one), actions=actions[one.id]) for one in found]
