"""Turning what the service knows into what the contract promises."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from services.kernel.identity.actor import Actor
from services.kernel.text import text_out
from services.registry.models import Enterprise, Recognition
from services.registry.schemas import (
    CertificateOut,
    EnterpriseOut,
    NameOut,
    PublicEnterpriseOut,
    PublicTitleOut,
    RecognitionOut,
    RenewalDutyOut,
    RevocationOut,
    RevokedOut,
    TermOut,
    VerifiedOut,
)
from services.registry.service import RegistryService, Verified
from services.registry.workflow import COUNTS

Filings = Mapping[tuple[str, str], date]


def recognition_out(
    of: Recognition,
    enterprise: Enterprise,
    registry: RegistryService,
    reader: Actor,
    *,
    on: date,
    filings: Filings,
) -> RecognitionOut:
    standing = registry.standing(of, on, filings)
    granted = next(term for term in of.terms if term.valid_from == standing.term.valid_from)
    return RecognitionOut(
        id=of.id,
        uscc=of.uscc,
        legal_name=enterprise.legal_name,
        title=of.title,
        title_name=text_out(registry.title_of(of).name),
        certificate_number=of.certificate_number,
        status=standing.status,
        valid_from=standing.term.valid_from,
        valid_until=standing.term.valid_until,
        renewal_opens_on=of.renewal_opens_on,
        policy_pack=of.policy_pack,
        round_code=of.round_code,
        document_number=granted.document_number,
        terms=[TermOut.model_validate(term) for term in of.terms],
        revocation=_revocation_out(of, registry),
        version=of.version,
        available_actions=registry.available_actions(of, reader),
    )


def revoked_out(
    of: Recognition,
    others: Sequence[Recognition],
    registry: RegistryService,
    reader: Actor,
    filings: Filings,
) -> RevokedOut:
    shown = recognition_out(
        of, of.enterprise, registry, reader, on=registry.today(), filings=filings
    )
    return RevokedOut(**dict(shown), other_titles_to_examine=[other.title for other in others])


def _revocation_out(of: Recognition, registry: RegistryService) -> RevocationOut | None:
    ground = registry.ground_of(of)
    if ground is None or of.revoked_on is None or of.revocation_document is None:
        return None
    return RevocationOut(
        ground=ground.id,
        ground_name=text_out(ground.name),
        clause=ground.clause,
        revoked_on=of.revoked_on,
        finding_number=of.finding_number,
        document_number=of.revocation_document,
        exclusion_until=of.exclusion_until,
    )


def enterprise_out(
    of: Enterprise,
    registry: RegistryService,
    reader: Actor,
    *,
    on: date,
    filings: Filings,
) -> EnterpriseOut:
    known = [name for name in of.names if name.valid_from <= on]
    begun = [one for one in of.recognitions if one.terms[0].valid_from <= on]
    return EnterpriseOut(
        uscc=of.uscc,
        legal_name=known[-1].legal_name if known else of.legal_name,
        division=of.division,
        focus_field=of.focus_field,
        as_of=on,
        names=[NameOut.model_validate(name) for name in of.names],
        recognitions=[
            recognition_out(one, of, registry, reader, on=on, filings=filings) for one in begun
        ],
        version=of.version,
    )


def verified_out(of: Verified) -> VerifiedOut:
    return VerifiedOut(
        uscc=of.uscc,
        title=of.title,
        is_valid=of.is_valid,
        code=of.code,
        valid_from=of.valid_from,
        valid_until=of.valid_until,
        certificate_number=of.certificate_number,
    )


def public_title_out(
    of: Recognition, registry: RegistryService, *, on: date, filings: Filings
) -> PublicTitleOut:
    standing = registry.standing(of, on, filings)
    return PublicTitleOut(
        title=of.title,
        title_name=text_out(registry.title_of(of).name),
        certificate_number=of.certificate_number,
        valid_from=standing.term.valid_from,
        valid_until=standing.term.valid_until,
        status=standing.status,
    )


def public_enterprise_out(
    of: Enterprise, registry: RegistryService, *, on: date, filings: Filings
) -> PublicEnterpriseOut:
    shown = [public_title_out(one, registry, on=on, filings=filings) for one in of.recognitions]
    return PublicEnterpriseOut(
        uscc=of.uscc,
        legal_name=of.legal_name,
        division=of.division,
        titles=[title for title in shown if title.status in COUNTS],
    )


def certificate_out(
    of: Recognition, registry: RegistryService, *, at: datetime, on: date, filings: Filings
) -> CertificateOut:
    return CertificateOut(
        **dict(public_title_out(of, registry, on=on, filings=filings)),
        uscc=of.uscc,
        legal_name=of.enterprise.legal_name,
        checked_at=at,
    )


def duty_out(
    of: Recognition, registry: RegistryService, *, on: date, filings: Filings
) -> RenewalDutyOut:
    standing = registry.standing(of, on, filings)
    return RenewalDutyOut(
        recognition_id=of.id,
        uscc=of.uscc,
        legal_name=of.enterprise.legal_name,
        division=of.enterprise.division,
        title=of.title,
        certificate_number=of.certificate_number,
        renewal_opens_on=of.renewal_opens_on,
        due_on=of.valid_until,
        status=standing.status,
        is_filed=(of.uscc, of.title) in filings,
        clause=registry.renewal_clause(of),
    )
