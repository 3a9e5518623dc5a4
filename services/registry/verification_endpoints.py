"""Routes of verification: the same answer for one enterprise and for a thousand."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from services.kernel.problems import NotAllowed, documented
from services.kernel.schemas import ProgrammeDay
from services.kernel.transaction import CurrentClock, QuestionRoute, runtime_of
from services.registry.access import Reader
from services.registry.dependencies import Uscc
from services.registry.schemas import VerificationIn, VerificationOut, VerifiedOut
from services.registry.verification import verify

router = APIRouter(route_class=QuestionRoute)
_JSON = "application/json"


@router.post(
    "/verifications",
    tags=["verification"],
    summary="批量核验 · Verify titles",
    response_model=VerificationOut,
    responses=documented(NotAllowed),
)
async def verify_many(
    body: VerificationIn, reader: Reader, request: Request, clock: CurrentClock
) -> Response:
    """Say for each of up to 1,000 enterprises whether a title is valid on a day; stores nothing."""
    on = body.on or clock.today()
    items = await verify(
        runtime_of(request).database,
        [(item.uscc, item.title) for item in body.items],
        on=on,
        reader=reader,
    )
    return Response(to_json({"on": on, "items": items}), media_type=_JSON)


@router.get(
    "/verifications/{uscc}",
    tags=["verification"],
    summary="核验企业 · Verify one enterprise",
    response_model=VerifiedOut,
    responses=documented(NotAllowed),
)
async def verify_one(
    uscc: Uscc,
    reader: Reader,
    request: Request,
    clock: CurrentClock,
    title: Annotated[str | None, Query(max_length=40)] = None,
    on: ProgrammeDay | None = None,
) -> Response:
    """Answer for one enterprise exactly as the batch does; without a title, for its best one."""
    (answer,) = await verify(
        runtime_of(request).database, [(uscc, title)], on=on or clock.today(), reader=reader
    )
    return Response(to_json(answer), media_type=_JSON)
