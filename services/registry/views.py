"""Turning what the service knows into what the contract promises."""

from collections.abc import Container, Sequence
from datetime import date, datetime

from services.kernel.identity.actor import Actor
from services.kernel.text import text_out
from services.registry.change_service import ChangeService
from services.registry.enterprise_service import first_known, known_as
from services.registry.models import Attribute, Enterprise, EnterpriseChange, Recognition
from services.registry.recognition_service import RecognitionService
from services.registry.renewal_service import Duty
from services.registry.schemas import (
    ChangeOut,
    CountOut,
    EnterpriseCountsOut,
    EnterpriseOut,
    NameOut,
    PublicTitleOut,
    RecognitionOut,
    RenewalDutyOut,
    RevocationOut,
    RevokedOut,
    TermOut,
)
from services.registry.search import Counts
from services.registry.standing import Renewals, Standing, standing


def recognition_out(
    found: Standing,
    enterprise: Enterprise,
    registry: RecognitionService,
    reader: Actor,
    *,
    on: date,
    known_at: datetime | None = None,
) -> RecognitionOut:
    of = found.recognition
    terms = [term for term in of.terms if known_at is None or term.recorded_at <= known_at]
    granted = found.granted
    named = known_as(enterprise.entries, on, known_at).legal_name
    first_named = first_known(enterprise.entries, known_at).legal_name
    is_transferred = found.life.transferred_on is not None
    return RecognitionOut(
        id=of.id,
        uscc=of.uscc,
        legal_name=named or first_named or enterprise.legal_name,
        title=of.title,
        title_name=text_out(registry.title_of(granted, of.title).name),
        certificate_number=of.certificate_number,
        status=found.status,
        valid_from=found.term.valid_from,
        valid_until=found.term.valid_until,
        renewal_opens_on=found.term.renewal_opens_on,
        is_renewal_filed=found.is_filed,
        policy_pack=granted.policy_pack,
        round_code=granted.round_code,
        document_number=granted.document_number,
        terms=[TermOut.model_validate(term) for term in terms],
        held_from=of.held_from,
        transferred_on=found.life.transferred_on if is_transferred else None,
        revocation=_revocation_out(found, registry),
        # What may be done, and to which version, is asked of today.
        version=of.version if known_at is None else None,
        available_actions=registry.available_actions(of, reader) if known_at is None else [],
    )


def revoked_out(
    found: Standing,
    others: Sequence[Recognition],
    registry: RecognitionService,
    reader: Actor,
    *,
    on: date,
) -> RevokedOut:
    shown = recognition_out(found, found.recognition.enterprise, registry, reader, on=on)
    return RevokedOut(**dict(shown), other_titles_to_examine=[other.title for other in others])


def _revocation_out(found: Standing, registry: RecognitionService) -> RevocationOut | None:
    of = found.recognition
    ground = registry.ground_of(of)
    if (
        ground is None
        or of.revoked_at is None
        or of.revocation_document is None
        or found.life.revoked_on is None
    ):
        return None
    return RevocationOut(
        ground=ground.id,
        ground_name=text_out(ground.name),
        clause=ground.clause,
        revoked_on=found.life.revoked_on,
        finding_number=of.finding_number,
        document_number=of.revocation_document,
        recorded_at=of.revoked_at,
        exclusion_until=of.exclusion_until,
    )


def enterprise_out(
    of: Enterprise,
    registry: RecognitionService,
    reader: Actor,
    *,
    on: date,
    renewals: Renewals,
    known_at: datetime | None = None,
) -> EnterpriseOut:
    known = known_as(of.entries, on, known_at)
    # On a day before anything is on record, it is shown as it was called first.
    first = first_known(of.entries, known_at)
    standings = [standing(one, renewals, on, known_at) for one in of.recognitions]
    return EnterpriseOut(
        uscc=of.uscc,
        legal_name=known.legal_name or first.legal_name or of.legal_name,
        division=known.division or first.division or of.division,
        focus_field=known.focus_field,
        as_of=on,
        as_known_at=known_at,
        names=[
            NameOut(
                legal_name=entry.value,
                valid_from=entry.valid_from,
                recorded_at=entry.recorded_at,
            )
            for entry in of.entries
            if entry.attribute is Attribute.LEGAL_NAME
            and entry.value is not None
            and (known_at is None or entry.recorded_at <= known_at)
        ],
        recognitions=[
            recognition_out(found, of, registry, reader, on=on, known_at=known_at)
            for found in standings
            if found is not None
        ],
        version=of.version if known_at is None else None,
    )


def public_title_out(found: Standing, registry: RecognitionService) -> PublicTitleOut:
    of = found.recognition
    return PublicTitleOut(
        title=of.title,
        title_name=text_out(registry.title_of(found.granted, of.title).name),
        certificate_number=of.certificate_number,
        valid_from=found.term.valid_from,
        valid_until=found.term.valid_until,
        status=found.status,
    )


def duty_out(duty: Duty, registry: RecognitionService) -> RenewalDutyOut:
    of = duty.recognition
    return RenewalDutyOut(
        recognition_id=of.id,
        uscc=of.uscc,
        legal_name=of.enterprise.legal_name,
        division=of.enterprise.division,
        title=of.title,
        certificate_number=of.certificate_number,
        renewal_opens_on=of.renewal_opens_on,
        due_on=of.valid_until,
        status=duty.standing.status,
        stage=duty.stage,
        outcome=duty.outcome,
        is_filed=duty.standing.is_filed,
        clause=registry.renewal_clause(of),
    )


def change_out(
    of: EnterpriseChange, changes: ChangeService, hidden: Container[str] = ()
) -> ChangeOut:
    """Show a change; of another party that is hidden from the reader, nothing."""

    def shown(party: str | None) -> str | None:
        return None if party is not None and party in hidden else party

    return ChangeOut(
        id=of.id,
        uscc=of.uscc,
        kind=of.kind,
        happened_on=of.happened_on,
        before=of.before,
        after={name: shown(value) for name, value in of.after.items()},
        successor_uscc=shown(of.successor_uscc),
        other_uscc=shown(of.other_uscc),
        document_number=of.document_number,
        reason=of.reason,
        report_due_on=of.report_due_on,
        duty_clause=of.duty_clause,
        reported_on=None if of.report is None else of.report.reported_on,
        is_late=changes.is_late(of),
        recorded_at=of.recorded_at,
    )


def counts_out(of: Counts) -> EnterpriseCountsOut:
    return EnterpriseCountsOut(
        enterprises=of.enterprises,
        recognitions=of.recognitions,
        by_title=_counted(of.by_title),
        by_status=_counted(of.by_status),
        by_city=_counted(of.by_city),
    )


def _counted(counts: Sequence[tuple[str, int]]) -> list[CountOut]:
    return [CountOut(id=name, count=count) for name, count in counts]
