"""The registry's routes for screenings: what a pack would mean for everybody."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.kernel.identity.access import Access
from services.kernel.identity.actor import Actor, Office, Scope
from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import CursorInvalid, Malformed, NotAllowed, documented
from services.kernel.schemas import DivisionCode
from services.kernel.text import Text, text_out
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)
from services.policy.matter import Finding, Verdict
from services.registry.access import Keeper
from services.registry.following_models import Screening
from services.registry.screening import VERDICTS
from services.registry.screening_problems import (
    ScreeningConditionUnknown,
    ScreeningDraftUnsound,
    ScreeningNotDone,
    ScreeningNotFound,
    ScreeningPackUnknown,
    ScreeningRowNotFound,
    ScreeningTitleUnknown,
    TooManyScreenings,
)
from services.registry.screening_repository import CHANGES, is_each_on_its_day
from services.registry.screening_schemas import (
    ScreeningChange,
    ScreeningConditionOut,
    ScreeningExplanationOut,
    ScreeningFindingOut,
    ScreeningIn,
    ScreeningLimitOut,
    ScreeningOut,
    ScreeningPopulationOut,
    ScreeningReportOut,
    ScreeningRowOut,
    ScreeningState,
)
from services.registry.screening_service import (
    FAILURES,
    ScreenedRow,
    ScreeningExplanation,
    ScreeningReport,
    ScreeningService,
    draft_sha256,
    kind_of,
)

router = APIRouter(route_class=TransactionalRoute, tags=["screenings"])

ScreeningReader = Annotated[
    Actor,
    Depends(
        Access(Scope.REGISTRY_READ, Office.COUNTY, Office.CITY, Office.PROVINCE, Office.AUDITOR)
    ),
]
"""The offices of a region; each sees the rows of its own."""


async def _screening_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> ScreeningService:
    return ScreeningService(session, journal, clock, request.app.state.catalogue)


Screenings = Annotated[ScreeningService, Depends(_screening_service)]


@router.post(
    "/screenings",
    status_code=202,
    summary="以政策包筛查全部企业 · Run a pack over every enterprise",
    responses=documented(
        NotAllowed,
        TooManyScreenings,
        ScreeningPackUnknown,
        ScreeningTitleUnknown,
        ScreeningDraftUnsound,
    ),
)
async def request_screening(
    body: ScreeningIn, officer: Keeper, screenings: Screenings, response: Response
) -> ScreeningReportOut:
    """Ask who would meet a title's conditions, by a published pack or by a draft of one.

    For a round or a year of applications it says what another rule would have changed: who enters,
    who leaves, and what that costs. It decides nothing. `Location` says where the result will be.
    """
    screening = await screenings.request(body, officer)
    response.headers["Location"] = f"/api/v1/screenings/{screening.id}"
    return _report_out(ScreeningReport(of=screening, counts=None))


@router.get(
    "/screenings",
    summary="查询筛查 · List screenings",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_screenings(
    reader: ScreeningReader, screenings: Screenings, page: PageOf
) -> PageOut[ScreeningOut]:
    """List the screenings of the caller's province, the newest first."""
    found = await screenings.page(reader, page)
    return PageOut(items=[_screening_out(one) for one in found.items], next=found.next)


@router.get(
    "/screenings/{screening_id}",
    summary="查看筛查 · Read a screening",
    responses=documented(NotAllowed, ScreeningNotFound),
)
async def read_screening(
    screening_id: UUID, reader: ScreeningReader, screenings: Screenings
) -> ScreeningReportOut:
    """Return its state: `waiting`, `running`, then `done` with its counts, or `failed`."""
    return _report_out(await screenings.report(screening_id, reader))


@router.get(
    "/screenings/{screening_id}/rows",
    summary="筛查结果 · List what was found of each enterprise",
    responses=documented(
        NotAllowed, ScreeningNotFound, ScreeningNotDone, ScreeningConditionUnknown, CursorInvalid
    ),
)
async def list_screening_rows(
    screening_id: UUID,
    reader: ScreeningReader,
    screenings: Screenings,
    page: PageOf,
    verdict: Annotated[Verdict | None, Query(description="总的结论。The verdict.")] = None,
    region: Annotated[
        DivisionCode | None, Query(description="行政区划。A division, with all below it.")
    ] = None,
    condition: Annotated[
        str | None,
        Query(max_length=200, description="某一条件不符合的企业。Who does not meet a condition."),
    ] = None,
    answer: Annotated[
        Verdict | None,
        Query(
            description="与 condition 同用：该条件的结论，默认 not_met。"
            " With `condition`: another answer of it than not_met."
        ),
    ] = None,
    change: Annotated[
        ScreeningChange | None, Query(description="变化。What would become of it.")
    ] = None,
) -> PageOut[ScreeningRowOut]:
    """List the enterprises of the caller's own division, with the conditions that they fail."""
    if answer is not None and condition is None:
        raise Malformed(
            errors=[
                (
                    "?answer",
                    "needs_condition",
                    Text("须与 condition 同用。", "It goes with `condition` only."),
                )
            ]
        )
    found = await screenings.rows(
        screening_id,
        page,
        reader,
        verdict=verdict,
        region=region,
        condition=condition,
        answer=answer or Verdict.NOT_MET,
        change=change,
    )
    return PageOut(items=[_row_out(one) for one in found.items], next=found.next)


@router.get(
    "/screenings/{screening_id}/rows/{uscc}",
    summary="逐条说明筛查结果 · Explain what was found of an enterprise",
    responses=documented(NotAllowed, ScreeningNotFound, ScreeningNotDone, ScreeningRowNotFound),
)
async def explain_screening_row(
    screening_id: UUID,
    uscc: str,
    reader: ScreeningReader,
    screenings: Screenings,
    sheet_id: Annotated[
        UUID | None,
        Query(
            description="同一企业有多项申报时指明数据表。Which figures, where there are several."
        ),
    ] = None,
) -> ScreeningExplanationOut:
    """Judge the enterprise again by itself, and say of every condition why.

    `agrees` is false when the answers differ from the screening's: a title that it rests on may have
    been revoked since.
    """
    return _explanation_out(await screenings.explain(screening_id, uscc, sheet_id, reader))


def _report_out(report: ScreeningReport) -> ScreeningReportOut:
    return ScreeningReportOut(
        **dict(_screening_out(report.of)),
        conditions=[ScreeningConditionOut.model_validate(one) for one in report.of.conditions],
        counts=report.counts,
    )


def _screening_out(of: Screening) -> ScreeningOut:
    asked = of.population
    is_draft = of.draft is not None
    return ScreeningOut(
        id=of.id,
        state=ScreeningState(of.state),
        failure=None if of.failure is None else text_out(FAILURES[of.failure]),
        region=of.region,
        pack=None if is_draft else of.pack_name,
        procedure_of=of.pack_name if is_draft else None,
        draft_sha256=draft_sha256(of),
        title=of.title,
        kind=kind_of(of),
        population=ScreeningPopulationOut(
            all="all" in asked,
            title=asked.get("title"),
            round_code=asked.get("round_code"),
            year=asked.get("year"),
        ),
        on=None if is_each_on_its_day(of) else of.on_day,
        amount_each=of.amount_each,
        requested_at=of.requested_at,
        started_at=of.started_at,
        finished_at=of.finished_at,
    )


def _row_out(of: ScreenedRow) -> ScreeningRowOut:
    row = of.row
    verdict = VERDICTS[row.verdict]
    return ScreeningRowOut(
        uscc=row.uscc,
        legal_name=of.legal_name,
        division=row.division,
        sheet_id=row.sheet_id,
        verdict=verdict,
        was_recognised=row.was_recognised,
        change=next(
            change for change, is_so in CHANGES.items() if is_so == (verdict, row.was_recognised)
        ),
        failed=list(of.failed),
        open=list(of.open),
        answered=list(of.answered),
    )


def _explanation_out(of: ScreeningExplanation) -> ScreeningExplanationOut:
    found = of.eligibility
    return ScreeningExplanationOut(
        **dict(_row_out(of.screened)),
        on=found.on,
        titles_held=list(of.titles_held),
        agrees=of.agrees,
        decided_under=of.decided_under,
        judged_again=of.judged_again,
        enterprise_size=text_out(found.enterprise_size.because),
        conditions=_findings(found.conditions),
        vetoes=_findings(found.vetoes),
    )


def _findings(findings: Sequence[Finding]) -> list[ScreeningFindingOut]:
    return [
        ScreeningFindingOut(
            id=finding.id,
            clause=finding.clause,
            text=text_out(finding.text),
            official_text=finding.official_text,
            verdict=finding.verdict,
            fact=dict(finding.facts),
            limit=None
            if finding.limit is None
            else ScreeningLimitOut.model_validate(finding.limit),
            because=text_out(finding.because),
            evidence=list(finding.evidence),
            parts=_findings(finding.parts),
        )
        for finding in findings
    ]
