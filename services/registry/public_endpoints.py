"""Routes for everybody: the public register, certificates on paper and signed, the status list."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic_core import to_json

from services.kernel.paging import PageOf, PageOut
from services.kernel.problems import CursorInvalid, documented
from services.kernel.schemas import DivisionCode, KeySetOut
from services.kernel.transaction import (
    CurrentClock,
    CurrentSession,
    QuestionRoute,
    TransactionalRoute,
    runtime_of,
)
from services.registry.access import Anyone
from services.registry.certificate_paper import certificate_pdf, qr_svg
from services.registry.certificate_service import STATUS_LIST_KIND, CertificateService
from services.registry.dependencies import (
    CurrentCatalogue,
    NamePart,
    Recognitions,
    TitleFilter,
)
from services.registry.problems import CertificateNotFound
from services.registry.public_search import PublicSearch, public_page
from services.registry.schemas import CertificateOut, PublicEnterpriseOut
from services.registry.views import public_title_out

router = APIRouter(route_class=TransactionalRoute)
# A search needs no transaction, and is asked with every letter that somebody types.
questions = APIRouter(route_class=QuestionRoute)
STATUS_LIST_TYPE = f"application/{STATUS_LIST_KIND}"


async def _certificates(
    request: Request, session: CurrentSession, clock: CurrentClock, recognitions: Recognitions
) -> CertificateService:
    state = request.app.state
    return CertificateService(session, clock, recognitions, state.seal, state.signed_lists)


Certificates = Annotated[CertificateService, Depends(_certificates)]
Number = Annotated[str, Path(max_length=60, description="证书编号。Certificate number.")]


@questions.get(
    "/public/enterprises",
    tags=["public"],
    summary="公开名录 · The public register",
    response_model=PageOut[PublicEnterpriseOut],
    responses=documented(CursorInvalid),
)
async def list_public_enterprises(
    _anyone: Anyone,
    request: Request,
    catalogue: CurrentCatalogue,
    clock: CurrentClock,
    page: PageOf,
    title: TitleFilter = None,
    region: DivisionCode | None = None,
    q: NamePart = None,
) -> Response:
    """List enterprises with a title that is valid today; secret-involved ones never appear."""
    found = await public_page(
        runtime_of(request).database,
        request.app.state.common_parts,
        PublicSearch(title=title, region=region, q=q, today=clock.today()),
        page,
    )
    items = [
        {
            "uscc": row.uscc,
            "legal_name": row.legal_name,
            "division": row.division,
            "titles": [
                {
                    "title": one.title,
                    "title_name": catalogue.pack(one.policy_pack)
                    .title_named(one.title)
                    .name._asdict(),
                    "certificate_number": one.certificate_number,
                    "valid_from": one.valid_from,
                    "valid_until": one.valid_until,
                    "status": one.status,
                }
                for one in row.titles
            ],
        }
        for row in found.items
    ]
    return Response(to_json({"items": items, "next": found.next}), media_type="application/json")


@router.get(
    "/public/certificates/{number:path}.pdf",
    tags=["public"],
    summary="证书（PDF） · A certificate on paper",
    responses=documented(CertificateNotFound) | {200: {"content": {"application/pdf": {}}}},
    response_class=Response,
)
async def read_certificate_pdf(
    number: Number, _anyone: Anyone, certificates: Certificates
) -> Response:
    """Return the certificate as a page to print, with a QR code that leads to its state.

    A title that does not count any more says so across the page.
    """
    sheet = certificates.sheet(await certificates.read(number))
    content = await asyncio.to_thread(certificate_pdf, sheet)
    name = quote(sheet.certificate_number, safe="")
    return Response(
        content,
        media_type="application/pdf",
        headers={"Content-Disposition": f"inline; filename*=UTF-8''{name}.pdf"},
    )


@router.get(
    "/public/certificates/{number:path}.svg",
    tags=["public"],
    summary="证书二维码 · A certificate's QR code",
    responses=documented(CertificateNotFound) | {200: {"content": {"image/svg+xml": {}}}},
    response_class=Response,
)
async def read_certificate_qr(
    number: Number, _anyone: Anyone, certificates: Certificates
) -> Response:
    """Return the QR code that stands on the certificate: the address of its state, no data."""
    sheet = certificates.sheet(await certificates.read(number))
    return Response(
        qr_svg(sheet.check_url),
        media_type="image/svg+xml",
        headers={
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.get(
    "/public/certificates/{number:path}",
    tags=["public"],
    summary="核验证书 · Check a certificate",
    responses=documented(CertificateNotFound),
)
async def read_certificate(
    number: Number,
    _anyone: Anyone,
    recognitions: Recognitions,
    certificates: Certificates,
    clock: CurrentClock,
) -> CertificateOut:
    """Return what a certificate number stands for now: whose title, until when, in which state.

    `jws` is the same, signed by the registry (ES256, `typ` srdi-certificate+jwt): keep it beside the
    paper, and check it offline with the keys at `/public/certificate-keys` and the status list.
    """
    found = await certificates.read(number)
    row = found.standing.recognition
    sheet = certificates.sheet(found)
    return CertificateOut(
        **dict(public_title_out(found.standing, recognitions)),
        uscc=row.uscc,
        legal_name=found.legal_name,
        document_number=sheet.document_number,
        issued_by=[] if sheet.issued_by is None else [sheet.issued_by],
        issued_on=sheet.issued_on,
        is_valid=sheet.is_valid,
        check_url=sheet.check_url,
        pdf_url=f"{sheet.check_url}.pdf",
        qr_url=f"{sheet.check_url}.svg",
        status_list_index=row.status_index,
        checked_at=clock.now(),
        jws=found.jws,
    )


@router.get(
    "/public/status-list",
    tags=["public"],
    summary="证书状态名单 · The signed status list",
    responses={200: {"content": {STATUS_LIST_TYPE: {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def read_status_list(_anyone: Anyone, certificates: Certificates) -> Response:
    """Return how every certificate stands today, as a signed Token Status List of two bits a place.

    0 can be relied on, 1 cannot (revoked, lapsed, or no such place), 2 is suspended: the term is
    over and renewal is under way. It counts until the day ends in the province (`exp`).
    """
    return Response(
        await certificates.status_list(),
        media_type=STATUS_LIST_TYPE,
        headers={"Cache-Control": "public, max-age=300"},
    )


@router.get(
    "/public/certificate-keys",
    tags=["public"],
    summary="证书签名公钥 · Keys that certificates are signed with",
)
async def read_certificate_keys(_anyone: Anyone, request: Request) -> KeySetOut:
    """Return the public keys (JWKS) of certificates and status lists; they are not those of tokens."""
    return KeySetOut(**request.app.state.seal.keys.public())
