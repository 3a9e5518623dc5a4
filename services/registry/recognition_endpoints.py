"""Routes of recognitions: recording what the ministry announced, reading, revoking."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.kernel.preconditions import tag
from services.kernel.problems import NotAllowed, documented
from services.kernel.transaction import (
    CurrentClock,
    CurrentJournal,
    CurrentSession,
    TransactionalRoute,
)
from services.registry.access import Keeper, Reader
from services.registry.dependencies import EnterpriseRows, Recognitions, Renewals
from services.registry.following_service import conclude_by_revocation, open_examinations
from services.registry.models import Recognition
from services.registry.problems import (
    AlreadyRecognised,
    CreditCodeNotValid,
    FindingNeeded,
    FindingNotRecorded,
    NameDiffers,
    OtherDivision,
    RecognitionInFuture,
    RecognitionNotFound,
    RecognitionRevokedAlready,
    RenewalStillOpen,
    RevocationDayNotPossible,
    TitleNotRecordedHere,
    UnknownDivision,
    UnknownGround,
)
from services.registry.repository import EnterpriseRepository
from services.registry.schemas import (
    MinisterialRecognitionIn,
    RecognitionOut,
    RevocationIn,
    RevokedOut,
)
from services.registry.standing import Standing, standing
from services.registry.views import recognition_out, revoked_out

router = APIRouter(route_class=TransactionalRoute)


async def _standing(of: Recognition, rows: EnterpriseRepository, clock: CurrentClock) -> Standing:
    """Return how a recognition stands today; one that begins later, as on its first day."""
    on = max(clock.today(), of.held_from or of.terms[0].valid_from)
    found = standing(of, await rows.renewals([of.uscc]), on)
    if found is None:
        raise LookupError(of.id)
    return found


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
        UnknownDivision,
        NameDiffers,
        AlreadyRecognised,
    ),
)
async def record_recognition(
    body: MinisterialRecognitionIn,
    officer: Keeper,
    recognitions: Recognitions,
    rows: EnterpriseRows,
    clock: CurrentClock,
    response: Response,
) -> RecognitionOut:
    """Record a national title with its document (六(二)); its term follows from the pack in force."""
    recorded = await recognitions.record_ministerial(
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
    found = await recognitions.find(recorded.id, officer)
    return recognition_out(
        await _standing(found, rows, clock),
        found.enterprise,
        recognitions,
        officer,
        on=clock.today(),
    )


@router.get(
    "/recognitions/{recognition_id}",
    tags=["registry"],
    summary="查看认定 · Read a recognition",
    responses=documented(NotAllowed, RecognitionNotFound),
)
async def read_recognition(
    recognition_id: UUID,
    reader: Reader,
    recognitions: Recognitions,
    rows: EnterpriseRows,
    clock: CurrentClock,
    response: Response,
) -> RecognitionOut:
    found = await recognitions.find(recognition_id, reader)
    tag(response, found.version)
    return recognition_out(
        await _standing(found, rows, clock),
        found.enterprise,
        recognitions,
        reader,
        on=clock.today(),
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
        FindingNotRecorded,
        RenewalStillOpen,
        RevocationDayNotPossible,
    ),
)
async def revoke_recognition(
    recognition_id: UUID,
    body: RevocationIn,
    officer: Keeper,
    recognitions: Recognitions,
    renewals: Renewals,
    rows: EnterpriseRows,
    session: CurrentSession,
    journal: CurrentJournal,
    clock: CurrentClock,
    response: Response,
) -> RevokedOut:
    """End a title before its time on a ground of its pack (六(三)), by a numbered document.

    False declaration and violation need a finding that is on record (一经查实). A failed or missing
    renewal needs its term, and the time for material, to be over. The enterprise's other titles are
    put up for examination where the ground asks for it, and rewards are cancelled or recovered as
    the ground says.
    """
    found = await recognitions.lock(recognition_id, officer)
    await renewals.refuse_early_end(found, body.ground, body.decided_on)
    revoked, others = await recognitions.revoke(
        recognition_id,
        ground=body.ground,
        finding_number=body.finding_number,
        document_number=body.document_number,
        decided_on=body.decided_on,
        officer=officer,
    )
    await conclude_by_revocation(
        session,
        journal,
        revoked=revoked,
        on=body.decided_on,
        document_number=body.document_number,
        actor=officer,
    )
    await open_examinations(
        session,
        journal,
        clock,
        revoked=revoked,
        others=others,
        finding_number=body.finding_number,
        actor=officer,
    )
    tag(response, revoked.version)
    shown = await recognitions.find(revoked.id, officer)
    return revoked_out(
        await _standing(shown, rows, clock), others, recognitions, officer, on=clock.today()
    )
