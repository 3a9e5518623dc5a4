"""The route of a year's statements: what each enterprise was granted, paid and paid back."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.schemas import DivisionCode
from services.kernel.transaction import CurrentSession, TransactionalRoute
from services.rewards.access import AwardReader
from services.rewards.schemas import FiscalYear
from services.rewards.statement_reading import SoughtStatements, StatementReading
from services.rewards.statement_schemas import EnterpriseStatementOut

router = APIRouter(route_class=TransactionalRoute, tags=["awards"])


async def _statements(session: CurrentSession) -> StatementReading:
    return StatementReading(session)


@router.get(
    "/award-statements",
    summary="查询年度对账单 · List a year's statements",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_award_statements(
    reader: AwardReader,
    statements: Annotated[StatementReading, Depends(_statements)],
    page: PageOf,
    fiscal_year: FiscalYear,
    region: DivisionCode | None = None,
) -> PageOut[EnterpriseStatementOut]:
    """Sum up the awards of a fiscal year, a row for each enterprise, by its code, in yuan.

    A row sums up those awards of the year that the caller may see and that `region` contains. An
    enterprise all of whose awards were cancelled stands here with nothing granted.
    """
    found = await statements.page(
        SoughtStatements(fiscal_year=fiscal_year, region=region), reader, page
    )
    return PageOut(
        items=[EnterpriseStatementOut.model_validate(one) for one in found.items], next=found.next
    )
