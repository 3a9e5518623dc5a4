"""Routes of renewal: what is due, renewal rounds, and what became of those who were called on."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BeforeValidator

from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.schemas import DivisionCode, ProgrammeDay
from services.kernel.transaction import TransactionalRoute
from services.registry.access import InCharge, Keeper
from services.registry.dependencies import Recognitions, Renewals, TitleFilter
from services.registry.problems import (
    NobodyToRenew,
    RenewalRoundCodeTaken,
    RenewalRoundNotFound,
    TermNotPossible,
)
from services.registry.schemas import (
    RenewalDutyOut,
    RenewalOutcomeCountsOut,
    RenewalRoundDetailOut,
    RenewalRoundIn,
    RenewalRoundOut,
)
from services.registry.views import duty_out

router = APIRouter(route_class=TransactionalRoute)


def _number(given: object) -> object:
    """Read a number of a query, which comes as text; a literal takes none for itself."""
    return int(given) if isinstance(given, str) and given in {"6", "3", "1"} else given


@router.get(
    "/renewal-duties",
    tags=["registry"],
    summary="查询待复核 · List renewals that are due",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_renewal_duties(
    reader: InCharge,
    renewals: Renewals,
    recognitions: Recognitions,
    page: PageOf,
    due_before: ProgrammeDay | None = None,
    within_months: Annotated[
        Annotated[Literal[6, 3, 1], BeforeValidator(_number)] | None,
        Query(
            description="几个月内期满（含已期满）。Whose term ends within so many months, or is over."
        ),
    ] = None,
    region: DivisionCode | None = None,
    title: TitleFilter = None,
) -> PageOut[RenewalDutyOut]:
    """List titles whose renewal window is open or whose term is over, the most urgent first.

    Computed from the day of asking: nothing is missed because something did not run.
    """
    found, duties = await renewals.duties(
        reader,
        page,
        due_before=due_before,
        within_months=within_months,
        region=region,
        title=title,
    )
    return PageOut(items=[duty_out(one, recognitions) for one in duties], next=found.next)


@router.post(
    "/renewal-rounds",
    status_code=201,
    tags=["registry"],
    summary="开展复核 · Open a renewal round",
    responses=documented(NotAllowed, TermNotPossible, NobodyToRenew, RenewalRoundCodeTaken),
)
async def open_renewal_round(
    body: RenewalRoundIn, officer: Keeper, renewals: Renewals, response: Response
) -> RenewalRoundDetailOut:
    """Call on all whose term ends between two days to file for renewal (六(三) 入选满3年的企业需进行复核).

    Each gets an event. Who was called on stays as it was; what became of them is computed.
    """
    opened = await renewals.open_round(
        code=body.code,
        region=body.region,
        title=body.title,
        ends_from=body.ends_from,
        ends_until=body.ends_until,
        materials_due_on=body.materials_due_on,
        document_number=body.document_number,
        officer=officer,
    )
    response.headers["Location"] = f"/api/v1/renewal-rounds/{opened.id}"
    counts = await renewals.counts(opened, officer)
    return RenewalRoundDetailOut(
        **dict(RenewalRoundOut.model_validate(opened)),
        counts=RenewalOutcomeCountsOut(**{one.value: number for one, number in counts.items()}),
    )


@router.get(
    "/renewal-rounds",
    tags=["registry"],
    summary="查询复核批次 · List renewal rounds",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_renewal_rounds(
    reader: InCharge, renewals: Renewals, page: PageOf
) -> PageOut[RenewalRoundOut]:
    found = await renewals.rounds(reader, page)
    return PageOut(
        items=[RenewalRoundOut.model_validate(one) for one in found.items], next=found.next
    )


@router.get(
    "/renewal-rounds/{round_id}",
    tags=["registry"],
    summary="查看复核批次 · Read a renewal round",
    responses=documented(NotAllowed, RenewalRoundNotFound),
)
async def read_renewal_round(
    round_id: UUID, reader: InCharge, renewals: Renewals
) -> RenewalRoundDetailOut:
    """Return a round with how many passed, failed, are under review or have not filed."""
    found = await renewals.round(round_id, reader)
    counts = await renewals.counts(found, reader)
    return RenewalRoundDetailOut(
        **dict(RenewalRoundOut.model_validate(found)),
        counts=RenewalOutcomeCountsOut(**{one.value: number for one, number in counts.items()}),
    )


@router.get(
    "/renewal-rounds/{round_id}/members",
    tags=["registry"],
    summary="查看复核名单 · Read who takes part in a renewal round",
    responses=documented(NotAllowed, RenewalRoundNotFound, CursorInvalid),
)
async def list_renewal_members(
    round_id: UUID,
    reader: InCharge,
    renewals: Renewals,
    recognitions: Recognitions,
    page: PageOf,
) -> PageOut[RenewalDutyOut]:
    """List who was called on, each with what became of its renewal."""
    round_ = await renewals.round(round_id, reader)
    found, duties = await renewals.called(round_, reader, page)
    return PageOut(items=[duty_out(one, recognitions) for one in duties], next=found.next)
