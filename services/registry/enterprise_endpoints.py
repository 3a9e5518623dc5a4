"""Routes of enterprises: searching, reading them on any day, their history and changes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.schemas import Instant, ProgrammeDay
from services.kernel.timeline import TimelineOut, timeline_out
from services.kernel.transaction import CurrentClock, TransactionalRoute
from services.registry.access import ChangeKeeper, InCharge, Reader
from services.registry.change_service import Change
from services.registry.dependencies import (
    Changes,
    EnterpriseRows,
    Enterprises,
    Recognitions,
    Search,
    SoughtFor,
    Uscc,
)
from services.registry.problems import (
    ChangeNotFound,
    ChangeNotPossible,
    ChangeReportedAlready,
    CreditCodeNotValid,
    EnterpriseNotFound,
    SuccessorHoldsTitle,
    UnknownDivision,
)
from services.registry.schemas import (
    ChangeIn,
    ChangeOut,
    ChangeReportIn,
    ChangesOut,
    EnterpriseCountsOut,
    EnterpriseOut,
)
from services.registry.views import change_out, counts_out, enterprise_out

router = APIRouter(route_class=TransactionalRoute)


@router.get(
    "/enterprises",
    tags=["registry"],
    summary="查询名录 · List enterprises",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_enterprises(
    reader: Reader,
    search: Search,
    rows: EnterpriseRows,
    recognitions: Recognitions,
    sought: SoughtFor,
    page: PageOf,
) -> PageOut[EnterpriseOut]:
    """List enterprises by credit code. `title`, `status` and the days hold for one recognition.

    `valid_on` and `renewal_due_before` choose; each enterprise is shown as it is today.
    """
    found = await search.page(sought, reader, page)
    renewals = await rows.renewals([one.uscc for one in found.items])
    return PageOut(
        items=[
            enterprise_out(one, recognitions, reader, on=sought.today, renewals=renewals)
            for one in found.items
        ],
        next=found.next,
    )


@router.get(
    "/enterprises/counts",
    tags=["registry"],
    summary="名录计数 · Count enterprises",
    responses=documented(NotAllowed),
)
async def count_enterprises(
    reader: Reader, search: Search, sought: SoughtFor
) -> EnterpriseCountsOut:
    """Count what the same search lists: by title, by state of today and by city."""
    return counts_out(await search.counts(sought, reader))


@router.get(
    "/enterprises/{uscc}",
    tags=["registry"],
    summary="查看企业 · Read an enterprise",
    responses=documented(NotAllowed, EnterpriseNotFound),
)
async def read_enterprise(
    uscc: Uscc,
    reader: Reader,
    enterprises: Enterprises,
    rows: EnterpriseRows,
    recognitions: Recognitions,
    clock: CurrentClock,
    response: Response,
    as_of: ProgrammeDay | None = None,
    as_known_at: Annotated[
        Instant | None,
        Query(description="只按此刻已登记的内容回答。Answers with what had been recorded by then."),
    ] = None,
) -> EnterpriseOut:
    """Return an enterprise with its titles, their terms and their state on a day (today).

    With `as_known_at`, answers what this would have been answered at that instant, whatever was
    recorded since: a decision that was entered late is not known before it was entered.
    """
    found = await enterprises.find(uscc, reader)
    if as_known_at is not None and found.created_at > as_known_at:
        raise EnterpriseNotFound
    if as_known_at is None:
        tag(response, found.version)
    return enterprise_out(
        found,
        recognitions,
        reader,
        on=as_of or clock.today(),
        renewals=await rows.renewals([found.uscc]),
        known_at=as_known_at,
    )


@router.get(
    "/enterprises/{uscc}/history",
    tags=["registry"],
    summary="查看企业沿革 · Read what happened to an enterprise's titles",
    responses=documented(NotAllowed, EnterpriseNotFound),
)
async def read_enterprise_history(
    uscc: Uscc, reader: InCharge, enterprises: Enterprises
) -> TimelineOut:
    """Return every step with who, what, why, when and the document; for its offices and itself."""
    return TimelineOut(items=timeline_out(await enterprises.history(uscc, reader)))


@router.post(
    "/enterprises/{uscc}/changes",
    status_code=201,
    tags=["registry"],
    summary="登记变更 · Record a change of an enterprise",
    responses=documented(
        NotAllowed,
        EnterpriseNotFound,
        CreditCodeNotValid,
        ChangeNotPossible,
        UnknownDivision,
        SuccessorHoldsTitle,
    ),
)
async def record_change(
    uscc: Uscc, body: ChangeIn, officer: ChangeKeeper, changes: Changes, response: Response
) -> ChangeOut:
    """Record a rename, move, merger or split. Certificate numbers and validity stay.

    The old name is found by search for ever, and every earlier day answers as it was. Where the
    enterprise does not go on itself, `successor_uscc` goes on with its titles. A law with a term
    for reporting (major changes within three months) sets `report_due_on`.
    """
    recorded = await changes.record(
        uscc,
        Change(
            kind=body.kind,
            happened_on=body.happened_on,
            document_number=body.document_number,
            reason=body.reason,
            new_name=body.new_name,
            new_division=body.new_division,
            successor_uscc=body.successor_uscc,
            successor_name=body.successor_name,
            other_uscc=body.other_uscc,
            reported_on=body.reported_on,
        ),
        officer,
    )
    response.headers["Location"] = f"/api/v1/enterprises/{recorded.uscc}/changes"
    return change_out(recorded, changes, await changes.hidden_of([recorded], officer))


@router.get(
    "/enterprises/{uscc}/changes",
    tags=["registry"],
    summary="查看变更 · Read an enterprise's changes",
    responses=documented(NotAllowed, EnterpriseNotFound),
)
async def read_changes(uscc: Uscc, reader: InCharge, changes: Changes) -> ChangesOut:
    """Return all changes of an enterprise by their days; for its offices and itself."""
    found = await changes.of_enterprise(uscc, reader)
    hidden = await changes.hidden_of(found, reader)
    return ChangesOut(items=[change_out(one, changes, hidden) for one in found])


@router.get(
    "/enterprise-changes",
    tags=["registry"],
    summary="查询变更 · List changes",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_changes(
    reader: InCharge,
    changes: Changes,
    page: PageOf,
    is_reported: bool | None = None,
    due_before: ProgrammeDay | None = None,
) -> PageOut[ChangeOut]:
    """List changes in the reader's charge, the newest first; `is_reported=false` are to be watched."""
    found = await changes.page(reader, page, is_reported=is_reported, due_before=due_before)
    hidden = await changes.hidden_of(found.items, reader)
    return PageOut(items=[change_out(one, changes, hidden) for one in found.items], next=found.next)


@router.post(
    "/enterprise-changes/{change_id}/report",
    status_code=201,
    tags=["registry"],
    summary="登记企业报告日期 · Record when a change was reported",
    responses=documented(NotAllowed, ChangeNotFound, ChangeNotPossible, ChangeReportedAlready),
)
async def report_change(
    change_id: UUID, body: ChangeReportIn, officer: ChangeKeeper, changes: Changes
) -> ChangeOut:
    """Record the day on which the enterprise reported a change that an office had found out."""
    reported = await changes.report(change_id, body.reported_on, officer)
    return change_out(reported, changes, await changes.hidden_of([reported], officer))
