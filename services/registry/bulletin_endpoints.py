"""Routes of the yearly bulletin, as figures, as a workbook and on paper, and of the statistics."""

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from services.kernel.identity.actor import Actor
from services.kernel.problems import NotAllowed, documented
from services.kernel.transaction import CurrentClock, CurrentSession, TransactionalRoute
from services.registry.access import InOffice, Reader
from services.registry.bulletin_paper import bulletin_pdf
from services.registry.bulletin_schemas import BulletinOut, bulletin_out
from services.registry.bulletin_service import BulletinService
from services.registry.bulletin_workbook import bulletin_xlsx
from services.registry.dependencies import CurrentCatalogue
from services.registry.problems import BulletinNotYet

router = APIRouter(route_class=TransactionalRoute, tags=["bulletin"])
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Year = Annotated[int, Path(ge=1990, le=2199)]


async def _bulletins(
    session: CurrentSession, clock: CurrentClock, catalogue: CurrentCatalogue
) -> BulletinService:
    return BulletinService(session, clock, catalogue)


Bulletins = Annotated[BulletinService, Depends(_bulletins)]


def _as_everybody(reader: Actor) -> Actor:
    """Return a reader of the whole province who is nobody's office: the bulletin is one for all."""
    return replace(reader, offices=frozenset(), region=None, uscc=None)


@router.get(
    "/statistics",
    summary="统计 · Read the figures of one's own division",
    responses=documented(NotAllowed, BulletinNotYet),
)
async def read_statistics(
    officer: InOffice, bulletins: Bulletins, year: Annotated[int, Query(ge=1990, le=2199)]
) -> BulletinOut:
    """Count a year in the officer's own division, with its secret-involved enterprises.

    For offices alone, and not for publication: the bulletin is.
    """
    return bulletin_out(await bulletins.bulletin(year, officer))


@router.get(
    "/bulletins/{year}.xlsx",
    summary="年度通报（XLSX） · The bulletin as a workbook",
    responses=documented(NotAllowed, BulletinNotYet) | {200: {"content": {XLSX: {}}}},
    response_class=Response,
)
async def read_bulletin_workbook(year: Year, reader: Reader, bulletins: Bulletins) -> Response:
    """Return the bulletin with exact figures to go on reckoning with."""
    found = await bulletins.bulletin(year, _as_everybody(reader), is_published=True)
    return Response(
        await asyncio.to_thread(bulletin_xlsx, found),
        media_type=XLSX,
        headers={"Content-Disposition": f'attachment; filename="bulletin-{year}.xlsx"'},
    )


@router.get(
    "/bulletins/{year}.pdf",
    summary="年度通报（PDF） · The bulletin on paper",
    responses=documented(NotAllowed, BulletinNotYet) | {200: {"content": {"application/pdf": {}}}},
    response_class=Response,
)
async def read_bulletin_paper(year: Year, reader: Reader, bulletins: Bulletins) -> Response:
    """Return the bulletin to be signed, with tables and charts."""
    found = await bulletins.bulletin(year, _as_everybody(reader), is_published=True)
    return Response(
        await asyncio.to_thread(bulletin_pdf, found),
        media_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="bulletin-{year}.pdf"'},
    )


@router.get(
    "/bulletins/{year}",
    summary="年度通报 · Read the yearly bulletin",
    responses=documented(NotAllowed, BulletinNotYet),
)
async def read_bulletin(year: Year, reader: Reader, bulletins: Bulletins) -> BulletinOut:
    """Count a year, city by city, against the programme's goals (六(一)).

    Recommended against 20 and recognised against 100, growth of revenue and R&D, renewals,
    revocations, support and rewards. The same for every reader. Of a year that runs, until today; secret-involved enterprises are not
    contained, so the figures may be below an office's own.
    """
    return bulletin_out(await bulletins.bulletin(year, _as_everybody(reader), is_published=True))
