"""Routes of the daily reconciliation: what is reported of a day, and every difference."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.schemas import ProgrammeDay
from services.kernel.text import text_out
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)
from services.policy.rewards import ZERO
from services.rewards.access import DisbursementSystem, FundReader
from services.rewards.dependencies import CurrentCatalogue
from services.rewards.problems import (
    DayNotCome,
    DaysNotPossible,
    DayStatementNotFound,
    DayStatementReplaced,
    DayStatementUnsound,
)
from services.rewards.reconciliation import (
    MEANINGS,
    Difference,
    DifferenceCode,
    Movement,
    MovementKind,
    Order,
    Side,
    Sum,
)
from services.rewards.reconciliation_schemas import (
    DayStatementIn,
    DayStatementOut,
    DifferenceCountOut,
    DifferenceOut,
    MovementOut,
    MovementSumsOut,
    OpenOrderOut,
    ReconciledDayOut,
    ReconciliationOut,
    SideOut,
    SumOut,
)
from services.rewards.reconciliation_service import DayReconciled, ReconciliationService

router = APIRouter(route_class=TransactionalRoute, tags=["reconciliation"])


async def _reconciliation_service(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> ReconciliationService:
    return ReconciliationService(session, journal, clock, catalogue)


Reconciliations = Annotated[ReconciliationService, Depends(_reconciliation_service)]


@router.post(
    "/day-statements",
    status_code=201,
    summary="报送日对账单 · Report what was moved on a day",
    responses=documented(NotAllowed, DayNotCome, DayStatementReplaced, DayStatementUnsound),
)
async def report_day(
    body: DayStatementIn,
    system: DisbursementSystem,
    reconciliations: Reconciliations,
    response: Response,
) -> DayStatementOut:
    """Say all that was paid, sent back by the bank and paid back on a day, in yuan.

    It is compared and changes no award: payments are confirmed by themselves. Reported again with the
    same movements, in whatever order, it is the same statement; with others, it replaces the last one.
    """
    found = await reconciliations.report(
        body.day,
        [
            Movement(
                kind=one.kind, award_id=one.award_id, reference=one.reference, amount=one.amount
            )
            for one in body.movements
        ],
        body.replaces,
        system,
    )
    response.headers["Location"] = f"/api/v1/day-statements/{found.id}"
    return DayStatementOut.model_validate(found)


@router.get(
    "/day-statements",
    summary="查询日对账单 · List what was reported",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_day_statements(
    reader: FundReader,
    reconciliations: Reconciliations,
    page: PageOf,
    day: ProgrammeDay | None = None,
) -> PageOut[DayStatementOut]:
    """List the statements, the newest first; of a day, also those that were corrected."""
    found = await reconciliations.statements(reader, page, day=day)
    return PageOut(
        items=[DayStatementOut.model_validate(one) for one in found.items], next=found.next
    )


@router.get(
    "/day-statements/{statement_id}",
    summary="查看日对账单 · Read what was reported",
    responses=documented(NotAllowed, DayStatementNotFound),
)
async def read_day_statement(
    statement_id: UUID, reader: FundReader, reconciliations: Reconciliations
) -> DayStatementOut:
    """Return when a statement came, from whom, and how many movements it names."""
    return DayStatementOut.model_validate(await reconciliations.statement(statement_id, reader))


@router.get(
    "/day-statements/{statement_id}/movements",
    summary="日对账单明细 · List the movements that were reported",
    responses=documented(NotAllowed, DayStatementNotFound, CursorInvalid),
)
async def list_day_movements(
    statement_id: UUID, reader: FundReader, reconciliations: Reconciliations, page: PageOf
) -> PageOut[MovementOut]:
    """List the movements of a statement, in the order in which they were reported."""
    found = await reconciliations.movements(statement_id, reader, page)
    return PageOut(items=[MovementOut.model_validate(one) for one in found.items], next=found.next)


@router.get(
    "/reconciliations",
    summary="查询对账 · List the days and whether they agree",
    responses=documented(NotAllowed, DaysNotPossible, CursorInvalid),
)
async def list_reconciliations(
    reader: FundReader,
    reconciliations: Reconciliations,
    page: PageOf,
    since: ProgrammeDay | None = None,
    until: ProgrammeDay | None = None,
    is_settled: bool | None = None,
) -> PageOut[ReconciledDayOut]:
    """List every day since the first order, the newest first.

    The last 31 days unless told otherwise, and 366 at most. A day is settled when it was reported and
    nothing differs: one on which nothing was moved is reported as empty.
    """
    found = await reconciliations.days(since, until, page, reader, is_settled=is_settled)
    return PageOut(
        items=[
            ReconciledDayOut(
                day=one.day,
                statement_number=one.statement_number,
                differences=one.differences,
                is_settled=one.is_settled,
            )
            for one in found.items
        ],
        next=found.next,
    )


@router.get(
    "/reconciliations/{day}",
    summary="查看某日对账 · Reconcile a day",
    responses=documented(NotAllowed, DayNotCome),
)
async def read_reconciliation(
    day: ProgrammeDay, reader: FundReader, reconciliations: Reconciliations
) -> ReconciliationOut:
    """Lay side by side what was ordered, what was reported and what the ledger has of a day, in yuan.

    Orders that only wait for an answer are counted in `by_code`, and are no difference.
    """
    return _reconciliation_out(await reconciliations.day(day, reader))


@router.get(
    "/reconciliations/{day}/differences",
    summary="某日对账差异 · List every difference of a day",
    responses=documented(NotAllowed, DayNotCome, CursorInvalid),
)
async def list_differences(
    day: ProgrammeDay,
    reader: FundReader,
    reconciliations: Reconciliations,
    page: PageOf,
    code: DifferenceCode | None = None,
) -> PageOut[DifferenceOut]:
    """List each difference with both sides, and each order that was open by the end of the day."""
    found = await reconciliations.differences(day, page, reader, code=code)
    return PageOut(items=[_difference_out(one) for one in found.items], next=found.next)


def _reconciliation_out(of: DayReconciled) -> ReconciliationOut:
    def summed(side: str, kind: str) -> SumOut:
        found = of.totals.get((side, kind), Sum(0, ZERO))
        return SumOut(number=found.number, amount=found.amount)

    def movements(side: str) -> MovementSumsOut:
        return MovementSumsOut(
            payments=summed(side, MovementKind.PAYMENT),
            returns=summed(side, MovementKind.RETURN),
            repayments=summed(side, MovementKind.REPAYMENT),
        )

    return ReconciliationOut(
        day=of.day,
        statement_number=None if of.statement is None else of.statement.number,
        differences=of.differences,
        is_settled=of.is_settled,
        ordered=summed("ordered", "order"),
        reported=movements("reported"),
        recorded=movements("recorded"),
        open_orders=summed("open", "order"),
        by_code=[
            DifferenceCountOut(code=code, number=of.counts[code], meaning=text_out(MEANINGS[code]))
            for code in DifferenceCode
            if code in of.counts
        ],
    )


def _difference_out(of: Difference) -> DifferenceOut:
    return DifferenceOut(
        code=of.code,
        meaning=text_out(MEANINGS[of.code]),
        kind=of.kind,
        reference=of.reference,
        award_id=of.award_id,
        uscc=of.uscc,
        legal_name=of.legal_name,
        reported=_side_out(of.reported),
        recorded=_side_out(of.recorded),
        order=_order_out(of.order),
    )


def _side_out(of: Side | None) -> SideOut | None:
    return None if of is None else SideOut(on=of.on_day, award_id=of.award_id, amount=of.amount)


def _order_out(of: Order | None) -> OpenOrderOut | None:
    return None if of is None else OpenOrderOut.model_validate(of)
