"""Routes of whole documents, signed and as workbooks, and of the keys that they are signed with."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.kernel.problems import NotAllowed, Overloaded, documented
from services.kernel.schemas import DivisionCode, KeySetOut
from services.kernel.transaction import StrictRoute, runtime_of
from services.kernel.workbooks.workbook import XLSX
from services.rewards.access import Anyone, FundReader
from services.rewards.dependencies import CurrentCatalogue
from services.rewards.paper_service import Paper, PaperService
from services.rewards.problems import OrderNotFound, StatementsTooMany, UnknownDivision
from services.rewards.schemas import FiscalYear

# A year takes seconds to put together: no transaction stays open meanwhile.
router = APIRouter(route_class=StrictRoute)
JOSE: Final = "application/jose"
_SIGNED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {JOSE: {"schema": {"type": "string"}}}}
}
_WORKBOOK: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {XLSX: {"schema": {"type": "string", "format": "binary"}}}}
}


async def _papers(request: Request, catalogue: CurrentCatalogue) -> PaperService:
    state = request.app.state
    return PaperService(runtime_of(request), catalogue, state.issuer, state.paper_places)


Papers = Annotated[PaperService, Depends(_papers)]


@router.get(
    "/award-statements.jws",
    tags=["awards"],
    summary="年度对账单（签名件） · A year's statements, signed",
    responses=documented(NotAllowed, UnknownDivision, StatementsTooMany, Overloaded) | _SIGNED,
    response_class=Response,
)
async def read_signed_award_statements(
    reader: FundReader, papers: Papers, fiscal_year: FiscalYear, region: DivisionCode | None = None
) -> Response:
    """Return a year's statements, whole, as a compact JWS (ES256, `typ` srdi-award-statements+jwt).

    Of the caller's own division, or of `region` below it: up to 50,000 enterprises. `statements`
    holds what the list answers, with totals; check it offline with the keys at `/public/reward-keys`.
    """
    paper = await papers.signed_statements(fiscal_year, region, reader)
    return _file(paper, "jws", JOSE)


@router.get(
    "/award-statements.xlsx",
    tags=["awards"],
    summary="年度对账单（XLSX） · A year's statements as a workbook",
    responses=documented(NotAllowed, UnknownDivision, StatementsTooMany, Overloaded) | _WORKBOOK,
    response_class=Response,
)
async def read_award_statements_workbook(
    reader: FundReader, papers: Papers, fiscal_year: FiscalYear, region: DivisionCode | None = None
) -> Response:
    """Return the same as the signed form, for people, with totals as formulas. It is not signed."""
    paper = await papers.statements_workbook(fiscal_year, region, reader)
    return _file(paper, "xlsx", XLSX)


@router.get(
    "/disbursement-batches/{batch_id}.jws",
    tags=["disbursement"],
    summary="拨付批次（签名件） · A batch, signed",
    responses=documented(NotAllowed, OrderNotFound) | _SIGNED,
    response_class=Response,
)
async def read_signed_disbursement_batch(
    batch_id: UUID, reader: FundReader, papers: Papers
) -> Response:
    """Return a batch as a compact JWS (ES256, `typ` srdi-disbursement-batch+jwt).

    `batch` holds what `GET /disbursement-batches/{batch_id}` answers, with each order as it stands at
    `iat`: one that was rejected, or is to be stopped, says so. Fetch it anew before you pay.
    """
    return _file(await papers.signed_batch(batch_id, reader), "jws", JOSE)


@router.get(
    "/disbursement-batches/{batch_id}.xlsx",
    tags=["disbursement"],
    summary="拨付批次（XLSX） · A batch as a workbook",
    responses=documented(NotAllowed, OrderNotFound) | _WORKBOOK,
    response_class=Response,
)
async def read_disbursement_batch_workbook(
    batch_id: UUID, reader: FundReader, papers: Papers
) -> Response:
    """Return the same as the signed form, for people, with totals as formulas. It is not signed."""
    return _file(await papers.batch_workbook(batch_id, reader), "xlsx", XLSX)


@router.get(
    "/public/reward-keys",
    tags=["public"],
    summary="奖励签名公钥 · Keys that batches and statements are signed with",
)
async def read_reward_keys(_anyone: Anyone, request: Request) -> KeySetOut:
    """Return the public keys (JWKS) of signed batches and statements.

    They are neither those of tokens nor those of certificates.
    """
    return KeySetOut(**request.app.state.issuer.keys.public())


def _file(paper: Paper, ending: str, media_type: str) -> Response:
    return Response(
        paper.content,
        media_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{paper.name}.{ending}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
