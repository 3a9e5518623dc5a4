"""The registry's routes: read the request, call one service method, return its result."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.kernel.paging import PageOf, PageOut
from services.kernel.preconditions import tag
from services.kernel.problems import CursorInvalid, NotAllowed, documented
from services.kernel.schemas import DivisionCode, ProgrammeDay
from services.kernel.timeline import TimelineOut, timeline_out
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)
from services.registry.access import Anyone, InCharge, Keeper, Reader
from services.registry.problems import (
    AlreadyRecognised,
    CertificateNotFound,
    CreditCodeNotValid,
    EnterpriseNotFound,
    FindingNeeded,
    OtherDivision,
    RecognitionInFuture,
    RecognitionNotFound,
    RecognitionRevokedAlready,
    RevocationDayNotPossible,
    TitleNotRecordedHere,
    UnknownGround,
)
from services.registry.schemas import (
    CertificateOut,
    EnterpriseOut,
    MinisterialRecognitionIn,
    PublicEnterpriseOut,
    RecognitionOut,
    RenewalDutyOut,
    RevocationIn,
    RevokedOut,
    VerificationIn,
    VerificationOut,
    VerifiedOut,
)
from services.registry.service import RegistryService
from services.registry.views import (
    certificate_out,
    duty_out,
    enterprise_out,
    public_enterprise_out,
    recognition_out,
    revoked_out,
    verified_out,
)
from services.registry.workflow import RecognitionStatus

router = APIRouter(route_class=TransactionalRoute)


async def _registry_service(
    request: Request, session: CurrentSession, journal: CurrentJournal, clock: CurrentClock
) -> RegistryService:
    return RegistryService(session, journal, clock, request.app.state.catalogue)


Registry = Annotated[RegistryService, Depends(_registry_service)]
Uscc = Annotated[str, Path(max_length=40, description="统一社会信用代码。Credit code.")]
NamePart = Annotated[
    str | None,
    Query(min_length=1, max_length=100, description="名称的一部分。A part of the name."),
]


@router.get(
    "/enterprises",
    tags=["registry"],
    summary="查询名录 · List enterprises",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_enterprises(
    reader: Reader,
    registry: Registry,
    page: PageOf,
    title: Annotated[str | None, Query(max_length=40)] = None,
    status: RecognitionStatus | None = None,
    region: DivisionCode | None = None,
    focus_field: Annotated[str | None, Query(max_length=60)] = None,
    q: NamePart = None,
    valid_on: ProgrammeDay | None = None,
    renewal_due_before: ProgrammeDay | None = None,
) -> PageOut[EnterpriseOut]:
    """List enterprises by credit code. `title`, `status` and the days hold for one recognition."""
    found = await registry.page(
        reader,
        page,
        title=title,
        status=status,
        region=region,
        focus_field=focus_field,
        q=q,
        valid_on=valid_on,
        renewal_due_before=renewal_due_before,
    )
    today = registry.today()
    filings = await registry.filings_of(
        [one for enterprise in found.items for one in enterprise.recognitions], today
    )
    return PageOut(
        items=[
            enterprise_out(one, registry, reader, on=today, filings=filings) for one in found.items
        ],
        next=found.next,
    )


@router.get(
    "/enterprises/{uscc}",
    tags=["registry"],
    summary="查看企业 · Read an enterprise",
    responses=documented(NotAllowed, EnterpriseNotFound),
)
async def read_enterprise(
    uscc: Uscc,
    reader: Reader,
    registry: Registry,
    response: Response,
    as_of: ProgrammeDay | None = None,
) -> EnterpriseOut:
    """Return an enterprise with its titles, their terms and their state on a day (today)."""
    found = await registry.find(uscc, reader)
    on = as_of or registry.today()
    tag(response, found.version)
    return enterprise_out(
        found,
        registry,
        reader,
        on=on,
        filings=await registry.filings_of(found.recognitions, on),
    )


@router.get(
    "/enterprises/{uscc}/history",
    tags=["registry"],
    summary="查看企业沿革 · Read what happened to an enterprise's titles",
    responses=documented(NotAllowed, EnterpriseNotFound),
)
async def read_enterprise_history(uscc: Uscc, reader: InCharge, registry: Registry) -> TimelineOut:
    """Return every step with who, what, why, when and the document; for its offices and itself."""
    return TimelineOut(items=timeline_out(await registry.history(uscc, reader)))


@router.post(
    "/recognitions",
    status_code=201,
    tags=["registry"],
    summary="登记国家级称号 · Record a title that the ministry announced",
    responses=documented(
        NotAllowed,
        CreditCodeNotValid,
        TitleNotRecordedHere,
        RecognitionInFuture,
        OtherDivision,
        AlreadyRecognised,
    ),
)
async def record_recognition(
    body: MinisterialRecognitionIn, officer: Keeper, registry: Registry, response: Response
) -> RecognitionOut:
    """Record a national title with its document (六(二)); its term follows from the pack in force."""
    recorded = await registry.record_ministerial(
        uscc=body.uscc,
        legal_name=body.legal_name,
        title=body.title,
        valid_from=body.valid_from,
        document_number=body.document_number,
        region=body.region,
        officer=officer,
    )
    response.headers["Location"] = f"/api/v1/recognitions/{recorded.id}"
    tag(response, recorded.version)
    return recognition_out(
        recorded, recorded.enterprise, registry, officer, on=registry.today(), filings={}
    )


@router.get(
    "/recognitions/{recognition_id}",
    tags=["registry"],
    summary="查看认定 · Read a recognition",
    responses=documented(NotAllowed, RecognitionNotFound),
)
async def read_recognition(
    recognition_id: UUID, reader: Reader, registry: Registry, response: Response
) -> RecognitionOut:
    found = await registry.find_recognition(recognition_id, reader)
    today = registry.today()
    tag(response, found.version)
    return recognition_out(
        found,
        found.enterprise,
        registry,
        reader,
        on=today,
        filings=await registry.filings_of([found], today),
    )


@router.post(
    "/recognitions/{recognition_id}/revocation",
    tags=["registry"],
    summary="撤销认定 · Revoke a recognition",
    responses=documented(
        NotAllowed,
        RecognitionNotFound,
        RecognitionRevokedAlready,
        UnknownGround,
        FindingNeeded,
        RevocationDayNotPossible,
    ),
)
async def revoke_recognition(
    recognition_id: UUID,
    body: RevocationIn,
    officer: Keeper,
    registry: Registry,
    response: Response,
) -> RevokedOut:
    """End a title before its time on a ground of its pack (六(三)), by a numbered document.

    The answer names the enterprise's other titles where the ground asks to examine them. Rewards
    are cancelled or recovered as the ground says.
    """
    revoked, others = await registry.revoke(
        recognition_id,
        ground=body.ground,
        finding_number=body.finding_number,
        document_number=body.document_number,
        decided_on=body.decided_on,
        officer=officer,
    )
    tag(response, revoked.version)
    filings = await registry.filings_of([revoked], registry.today())
    return revoked_out(revoked, others, registry, officer, filings)


@router.post(
    "/verifications",
    tags=["verification"],
    summary="批量核验 · Verify titles",
    responses=documented(NotAllowed),
)
async def verify(body: VerificationIn, reader: Reader, registry: Registry) -> VerificationOut:
    """Say for each of up to 1,000 enterprises whether a title is valid on a day; stores nothing."""
    on, items = await registry.verify(
        [(item.uscc, item.title) for item in body.items], on=body.on, reader=reader
    )
    return VerificationOut(on=on, items=[verified_out(one) for one in items])


@router.get(
    "/verifications/{uscc}",
    tags=["verification"],
    summary="核验企业 · Verify one enterprise",
    responses=documented(NotAllowed),
)
async def verify_one(
    uscc: Uscc,
    reader: Reader,
    registry: Registry,
    title: Annotated[str | None, Query(max_length=40)] = None,
    on: ProgrammeDay | None = None,
) -> VerifiedOut:
    """Answer for one enterprise exactly as the batch does; without a title, for its best one."""
    _, (verified,) = await registry.verify([(uscc, title)], on=on, reader=reader)
    return verified_out(verified)


@router.get(
    "/renewal-duties",
    tags=["registry"],
    summary="查询待复核 · List renewals that are due",
    responses=documented(NotAllowed, CursorInvalid),
)
async def list_renewal_duties(
    reader: InCharge,
    registry: Registry,
    page: PageOf,
    due_before: ProgrammeDay | None = None,
) -> PageOut[RenewalDutyOut]:
    """List titles whose renewal window is open or whose term is over, the most urgent first."""
    found = await registry.duties(reader, page, due_before=due_before)
    today = registry.today()
    filings = await registry.filings_of(found.items, today)
    return PageOut(
        items=[duty_out(one, registry, on=today, filings=filings) for one in found.items],
        next=found.next,
    )


@router.get(
    "/public/enterprises",
    tags=["public"],
    summary="公开名录 · The public register",
    responses=documented(CursorInvalid),
)
async def list_public_enterprises(
    anyone: Anyone,
    registry: Registry,
    page: PageOf,
    title: Annotated[str | None, Query(max_length=40)] = None,
    region: DivisionCode | None = None,
    q: NamePart = None,
) -> PageOut[PublicEnterpriseOut]:
    """List enterprises with a title that is valid today; secret-involved ones never appear."""
    today = registry.today()
    found = await registry.page(anyone, page, title=title, region=region, q=q, valid_on=today)
    filings = await registry.filings_of(
        [one for enterprise in found.items for one in enterprise.recognitions], today
    )
    return PageOut(
        items=[
            public_enterprise_out(one, registry, on=today, filings=filings) for one in found.items
        ],
        next=found.next,
    )


@router.get(
    "/public/certificates/{number}",
    tags=["public"],
    summary="核验证书 · Check a certificate",
    responses=documented(CertificateNotFound),
)
async def read_certificate(
    number: Annotated[str, Path(max_length=60)],
    _anyone: Anyone,
    registry: Registry,
    clock: CurrentClock,
) -> CertificateOut:
    """Return what a certificate number stands for now: whose title, until when, in which state."""
    found = await registry.certificate(number)
    today = registry.today()
    return certificate_out(
        found,
        registry,
        at=clock.now(),
        on=today,
        filings=await registry.filings_of([found], today),
    )
