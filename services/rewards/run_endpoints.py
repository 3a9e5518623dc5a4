"""Routes of runs: everybody who could be rewarded in a year, reckoned and proposed at once."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.kernel.identity.actor import actor_from_record
from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.schemas import DivisionCode
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)
from services.policy.rewards import Because
from services.rewards.access import FinanceOfficer, FundReader
from services.rewards.dependencies import CurrentCatalogue
from services.rewards.problems import (
    AwardRunNotFound,
    AwardRunUnderWay,
    BudgetMissing,
    NoScheduleInForce,
    TitlesNotRewarded,
)
from services.rewards.run_models import AwardRun, RunOutcome
from services.rewards.run_repository import SoughtRows
from services.rewards.run_schemas import (
    AwardRunIn,
    AwardRunOut,
    AwardRunReportOut,
    AwardRunRowOut,
    RunFailureOut,
    RunOutcomeOut,
    RunResultOut,
)
from services.rewards.run_service import FAILURES, NewRun, Outcome, Reckoned, RunService
from services.rewards.schemas import FiscalYear
from services.rewards.simulation_schemas import CostOut

router = APIRouter(route_class=TransactionalRoute, tags=["award runs"])


async def _run_service(
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    catalogue: CurrentCatalogue,
) -> RunService:
    return RunService(session, journal, clock, catalogue)


Runs = Annotated[RunService, Depends(_run_service)]


@router.post(
    "/award-runs",
    status_code=202,
    summary="批量测算、拟定奖励 · Reckon everybody, and propose",
    responses=documented(
        NotAllowed, NoScheduleInForce, BudgetMissing, TitlesNotRewarded, AwardRunUnderWay
    ),
)
async def request_award_run(
    body: AwardRunIn, officer: FinanceOfficer, runs: Runs, response: Response
) -> AwardRunReportOut:
    """Reckon every holder by the schedule in force (六(二) 就高) and, unless dry, propose the awards.

    Each enterprise counts once, for the title that it is owed most for, in yuan. Where all of them
    need more than is left of the year's budget nothing is proposed. Each proposal still has to be
    approved by another officer. `Location` says where the result will be.
    """
    found = await runs.request(
        NewRun(
            fiscal_year=body.fiscal_year,
            titles=body.titles,
            is_dry=body.dry_run,
            reason=body.reason,
        ),
        officer,
    )
    response.headers["Location"] = f"/api/v1/award-runs/{found.of.id}"
    return _report_out(found.of, found.outcomes)


@router.get(
    "/award-runs",
    summary="查询批量测算 · List runs",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_award_runs(
    reader: FundReader, runs: Runs, page: PageOf, fiscal_year: FiscalYear | None = None
) -> PageOut[AwardRunOut]:
    """List the runs, the newest first."""
    found = await runs.page(reader, page, fiscal_year=fiscal_year)
    return PageOut(items=[_run_out(one) for one in found.items], next=found.next)


@router.get(
    "/award-runs/{run_id}",
    summary="查看批量测算 · Read a run",
    responses=documented(NotAllowed, AwardRunNotFound),
)
async def read_award_run(run_id: UUID, reader: FundReader, runs: Runs) -> AwardRunReportOut:
    """Return its state: `waiting`, `running`, then `done` or `failed`; its result and outcomes."""
    found = await runs.report(run_id, reader)
    return _report_out(found.of, found.outcomes)


@router.get(
    "/award-runs/{run_id}/rows",
    summary="批量测算明细 · List what was reckoned of each enterprise",
    responses=documented(NotAllowed, AwardRunNotFound, CursorInvalid),
)
async def list_award_run_rows(
    run_id: UUID,
    reader: FundReader,
    runs: Runs,
    page: PageOf,
    title: Annotated[str | None, Query(max_length=40)] = None,
    region: DivisionCode | None = None,
    code: Annotated[
        Because | None,
        Query(description="applies 应奖励；granted 已奖励过。Owed something, or rewarded before."),
    ] = None,
    outcome: RunOutcome | None = None,
) -> PageOut[AwardRunRowOut]:
    """List each enterprise with the title it is, or was, rewarded for, by credit code; in yuan.

    Every reason, title by title, is in the award's own calculation or in `POST /award-calculations`.
    """
    sought = SoughtRows(title=title, region=region, code=code, outcome=outcome)
    found = await runs.rows(run_id, sought, reader, page)
    return PageOut(
        items=[AwardRunRowOut.model_validate(one) for one in found.items], next=found.next
    )


def _report_out(of: AwardRun, outcomes: Sequence[Outcome]) -> AwardRunReportOut:
    reckoned = None if of.counts is None else Reckoned.from_record(of.counts)
    return AwardRunReportOut(
        **dict(_run_out(of)),
        result=None if reckoned is None else _result_out(reckoned),
        outcomes=[RunOutcomeOut.model_validate(one) for one in outcomes],
    )


def _result_out(of: Reckoned) -> RunResultOut:
    return RunResultOut(
        enterprises=of.enterprises,
        amount=of.amount,
        rewarded_before=of.rewarded_before,
        by_title=[CostOut.model_validate(one) for one in of.by_title],
        by_city=[CostOut.model_validate(one) for one in of.by_city],
        budget_left=of.budget_left,
        is_within_budget=None if of.budget_left is None else of.is_within_budget,
    )


def _run_out(of: AwardRun) -> AwardRunOut:
    return AwardRunOut(
        id=of.id,
        fiscal_year=of.fiscal_year,
        titles=of.titles,
        dry_run=of.is_dry,
        reason=of.reason,
        on=of.on_day,
        schedule_id=of.schedule_id,
        state=of.state,
        failure=None if of.failure is None else _failure_out(of.failure),
        total=of.total,
        done=of.done,
        requested_by=actor_from_record(of.requested_by).sub,
        created_at=of.created_at,
        started_at=of.started_at,
        finished_at=of.finished_at,
    )


def _failure_out(code: str) -> RunFailureOut:
    said = FAILURES[code]
    return RunFailureOut(code=code, zh=said.zh, en=said.en)
