"""Turning what the service knows into what the contract promises."""

from collections.abc import Sequence

from services.applications.models import Application, Round
from services.applications.schemas import (
    ApplicationOut,
    EligibilityOut,
    EnterpriseSizeOut,
    FindingOut,
    LimitOut,
    RemarkOut,
    RoundOut,
)
from services.applications.service import ApplicationService
from services.kernel.identity.actor import Actor
from services.kernel.text import text_out
from services.policy.eligibility import Eligibility, Finding


def round_out(of: Round, *, is_open: bool) -> RoundOut:
    kinds = {"new": of.new_pack, "renewal": of.renewal_pack}
    return RoundOut(
        id=of.id,
        code=of.code,
        name=of.name,
        title=of.title,
        kinds={kind: pack for kind, pack in kinds.items() if pack is not None},
        opens_on=of.opens_on,
        closes_on=of.closes_on,
        document_number=of.document_number,
        is_open=is_open,
        version=of.version,
    )


def application_out(
    of: Application, applications: ApplicationService, reader: Actor
) -> ApplicationOut:
    return ApplicationOut(
        id=of.id,
        round_id=of.round_id,
        round_code=of.round.code,
        kind="renewal" if of.kind == "renewal" else "new",
        title=of.title,
        policy_pack=of.policy_pack,
        uscc=of.uscc,
        applying_division=of.division,
        status=of.status,
        facts=of.facts,
        completeness=applications.completeness(of),
        missing=list(applications.missing(of)),
        submission_number=of.submission_number,
        opened=of.opened,
        return_reason=of.return_reason,
        remarks=[RemarkOut.model_validate(remark) for remark in of.remarks],
        created_at=of.created_at,
        updated_at=of.updated_at,
        version=of.version,
        available_actions=applications.available_actions(of, reader),
    )


def eligibility_out(of: Eligibility) -> EligibilityOut:
    size = of.enterprise_size
    return EligibilityOut(
        pack=of.pack,
        title=of.title,
        on=of.on,
        verdict=of.verdict,
        can_be_submitted=not of.failed,
        enterprise_size=EnterpriseSizeOut(
            group=size.group,
            size=size.size,
            is_sme=size.is_sme,
            figures=dict(size.indicators),
            because=text_out(size.because),
        ),
        conditions=_findings(of.conditions),
        vetoes=_findings(of.vetoes),
    )


def _findings(findings: Sequence[Finding]) -> list[FindingOut]:
    return [
        FindingOut(
            id=finding.id,
            clause=finding.clause,
            text=text_out(finding.text),
            official_text=finding.official_text,
            verdict=finding.verdict,
            fact=dict(finding.facts),
            limit=None if finding.limit is None else LimitOut.model_validate(finding.limit),
            because=text_out(finding.because),
            evidence=list(finding.evidence),
            parts=_findings(finding.parts),
        )
        for finding in findings
    ]
