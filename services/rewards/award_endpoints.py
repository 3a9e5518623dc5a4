"""Routes of awards: reckoned, proposed, approved, cancelled, read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from services.kernel.identity.actor import Actor
from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, SeparationOfDuties, documented
from services.kernel.schemas import Instant
from services.kernel.transaction import QuestionRoute, TransactionalRoute, runtime_of
from services.policy import credit_code
from services.rewards.access import Approver, AwardReader, FinanceOfficer
from services.rewards.award_reading import read_award, read_awards_of
from services.rewards.award_search import SoughtAwards, fits
from services.rewards.award_service import Selection
from services.rewards.award_views import (
    award_out,
    award_with_calculation_out,
    calculation_out,
    statement_out,
)
from services.rewards.dependencies import Awards, CurrentCatalogue, Reading
from services.rewards.problems import (
    AwardExists,
    AwardNotFound,
    AwardNotInState,
    AwardOrdered,
    AwardSetAgainst,
    BudgetExceeded,
    BudgetMissing,
    NoScheduleInForce,
    NothingPayable,
    ScheduleNotFound,
    TitleNoLongerHeld,
)
from services.rewards.schemas import (
    AwardIn,
    AwardOut,
    AwardWithCalculationOut,
    CalculationIn,
    CalculationOut,
    CancellationIn,
    FiscalYear,
    StatementOut,
)
from services.rewards.statement import statement_of
from services.rewards.workflow import AwardStatus

questions = APIRouter(route_class=QuestionRoute)
"""What is asked most often: answered with one statement, past the ORM."""
router = APIRouter(route_class=TransactionalRoute)
_JSON = "application/json"


@questions.get(
    "/awards/{award_id}",
    tags=["awards"],
    summary="查看奖励 · Read an award",
    response_model=AwardWithCalculationOut,
    responses=documented(NotAllowed, AwardNotFound),
)
async def read_one_award(
    award_id: UUID, reader: AwardReader, request: Request, catalogue: CurrentCatalogue
) -> Response:
    """Return an award with its orders, its payments and the calculation that it rests on."""
    found = await read_award(runtime_of(request).database, award_id, reader)
    if found is None:
        raise AwardNotFound
    response = Response(
        to_json(award_with_calculation_out(found, catalogue, reader)), media_type=_JSON
    )
    tag(response, found.version)
    return response


@questions.get(
    "/award-statements/{uscc}",
    tags=["awards"],
    summary="查看企业奖励对账单 · Read an enterprise's statement",
    response_model=StatementOut,
    responses=documented(NotAllowed),
)
async def read_award_statement(
    uscc: Annotated[str, Path(max_length=40)],
    reader: AwardReader,
    request: Request,
    catalogue: CurrentCatalogue,
) -> Response:
    """Return what an enterprise was granted, paid and paid back, in yuan, with each award."""
    code = credit_code.normalise(uscc)
    awards = await read_awards_of(runtime_of(request).database, code, reader)
    found = statement_out(statement_of(code, awards), catalogue, reader)
    return Response(to_json(found), media_type=_JSON)


@router.post(
    "/award-calculations",
    tags=["awards"],
    summary="测算奖励 · Calculate a reward",
    responses=documented(NotAllowed, NoScheduleInForce, ScheduleNotFound),
)
async def calculate_award(
    body: CalculationIn, reader: AwardReader, awards: Awards
) -> CalculationOut:
    """Say what could be granted on a day, and why, title by title (六(二) 就高); writes nothing.

    Titles and schedule are those of the day; earlier awards count as they stand now.
    """
    return calculation_out(
        await awards.calculate(
            body.uscc,
            on=body.on,
            fiscal_year=body.fiscal_year,
            schedule_id=body.schedule_id,
            reader=reader,
        )
    )


@router.post(
    "/awards",
    status_code=201,
    tags=["awards"],
    summary="拟定奖励 · Propose an award",
    responses=documented(
        NotAllowed,
        NoScheduleInForce,
        NothingPayable,
        BudgetMissing,
        BudgetExceeded,
        AwardExists,
        TitleNoLongerHeld,
    ),
)
async def propose_award(
    body: AwardIn,
    officer: FinanceOfficer,
    awards: Awards,
    reading: Reading,
    catalogue: CurrentCatalogue,
    response: Response,
) -> AwardWithCalculationOut:
    """Select an enterprise (择优). The sum is computed, kept with its reasons, and reserved."""
    proposed = await awards.propose(
        uscc=body.uscc,
        selection=Selection(fiscal_year=body.fiscal_year, reason=body.reason, officer=officer),
    )
    response.headers["Location"] = f"/api/v1/awards/{proposed.id}"
    tag(response, proposed.version)
    return award_with_calculation_out(await reading.one(proposed.id, officer), catalogue, officer)


@router.get(
    "/awards",
    tags=["awards"],
    summary="查询奖励 · List awards",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_awards(
    reader: AwardReader,
    reading: Reading,
    catalogue: CurrentCatalogue,
    page: PageOf,
    uscc: Annotated[str | None, Query(max_length=40)] = None,
    status: AwardStatus | None = None,
    fiscal_year: FiscalYear | None = None,
    title: Annotated[str | None, Query(max_length=40)] = None,
    run_id: UUID | None = None,
    changed_after: Instant | None = None,
) -> PageOut[AwardOut]:
    """List the awards that the caller may see, the newest first.

    `changed_after` also answers what changed in the minute before, so that a change which was still
    being written is never missed: a repeat is known by its `version`. The feed tells each change
    once.
    """
    found = await reading.page(
        reader,
        page,
        fits(
            SoughtAwards(
                uscc=None if uscc is None else credit_code.normalise(uscc),
                status=status,
                fiscal_year=fiscal_year,
                title=title,
                run_id=run_id,
                changed_after=changed_after,
            )
        ),
    )
    return PageOut(
        items=[award_out(one, catalogue, reader) for one in found.items], next=found.next
    )


@router.post(
    "/awards/{award_id}/approval",
    tags=["awards"],
    summary="批准奖励 · Approve an award",
    responses=documented(
        NotAllowed, AwardNotFound, AwardNotInState, SeparationOfDuties, TitleNoLongerHeld
    ),
)
async def approve_award(
    award_id: UUID,
    officer: Approver,
    awards: Awards,
    reading: Reading,
    catalogue: CurrentCatalogue,
    response: Response,
) -> AwardOut:
    """Approve a proposed award, so that it may be paid; by another person than the proposer."""
    await awards.approve(award_id, officer)
    return await _changed(award_id, officer, reading, catalogue, response)


@router.post(
    "/awards/{award_id}/cancellation",
    tags=["awards"],
    summary="取消奖励 · Cancel an award",
    responses=documented(
        NotAllowed,
        AwardNotFound,
        AwardNotInState,
        AwardOrdered,
        AwardSetAgainst,
        SeparationOfDuties,
    ),
)
async def cancel_award(
    award_id: UUID,
    body: CancellationIn,
    officer: FinanceOfficer,
    awards: Awards,
    reading: Reading,
    catalogue: CurrentCatalogue,
    response: Response,
) -> AwardOut:
    """Cancel an award of which nothing was paid; by another person than the proposer.

    Its sum goes back to the budget. With `top_up` an award that a higher one was reckoned with is a
    part of that amount: it is approved and paid, also after its own title ended, or cancelled after
    the higher one.
    """
    await awards.cancel(award_id, reason=body.reason, officer=officer)
    return await _changed(award_id, officer, reading, catalogue, response)


async def _changed(
    award_id: UUID,
    actor: Actor,
    reading: Reading,
    catalogue: CurrentCatalogue,
    response: Response,
) -> AwardOut:
    found = await reading.one(award_id, actor)
    tag(response, found.version)
    return award_out(found, catalogue, actor)
