"""Turning what the service knows into what the contract promises."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypedDict

from services.applications.models import Application, Round, Submission
from services.applications.schemas import (
    ApplicationOut,
    DimensionScoreOut,
    EligibilityOut,
    EnterpriseSizeOut,
    FactChangeOut,
    FigureOut,
    FindingOut,
    IndicatorScoreOut,
    LimitOut,
    RemarkOut,
    RoundOut,
    ScoreOut,
    SizeDeterminationOut,
    SubmissionOut,
    SubmissionsOut,
)
from services.applications.service import ApplicationService
from services.kernel.identity.actor import Actor
from services.kernel.text import text_out
from services.policy.eligibility import Eligibility, Finding
from services.policy.matter import DimensionScore, IndicatorScore, Score, spelled


def round_out(of: Round, *, is_open: bool) -> RoundOut:
    kinds = {"new": of.new_pack, "renewal": of.renewal_pack}
    return RoundOut(
        id=of.id,
        code=of.code,
        name=of.name,
        title=of.title,
        region=of.region,
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
        size_determination=None
        if of.size_determination is None
        else SizeDeterminationOut.model_validate(of.size_determination),
        submission_number=of.submission_number,
        opened=of.opened,
        return_reason=of.return_reason,
        remarks=[RemarkOut.model_validate(remark) for remark in of.remarks],
        created_at=of.created_at,
        updated_at=of.updated_at,
        version=of.version,
        available_actions=applications.available_actions(of, reader),
    )


def submissions_out(of: Sequence[Submission]) -> SubmissionsOut:
    return SubmissionsOut(
        items=[
            SubmissionOut(
                number=one.number,
                submitted_at=one.submitted_at,
                submitted_by=one.submitted_by,
                policy_pack=one.policy_pack,
                pack_checksum=one.pack_checksum,
                facts=one.facts,
                facts_sha256=one.facts_sha256,
                size_determination=None
                if one.size_determination is None
                else SizeDeterminationOut.model_validate(one.size_determination),
                changes=_changes(before.facts, one.facts) if before is not None else [],
            )
            for before, one in pairwise([None, *of])
            if one is not None
        ]
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FactChangeOut]:
    return [
        FactChangeOut(fact=fact, before=before.get(fact), after=after.get(fact))
        for fact in sorted({*before, *after})
        if before.get(fact) != after.get(fact)
    ]


def eligibility_out(of: Eligibility) -> EligibilityOut:
    size = of.enterprise_size
    return EligibilityOut(
        pack=of.pack,
        title=of.title,
        kind=of.kind,
        on=of.on,
        verdict=of.verdict,
        can_be_submitted=not of.failed,
        enterprise_size=EnterpriseSizeOut(
            group=size.group,
            size=size.size,
            is_sme=size.is_sme,
            figures={
                name: FigureOut(
                    value=figure.value, unit=figure.unit, fiscal_year=figure.fiscal_year
                )
                for name, figure in size.figures.items()
            },
            computed=size.computed,
            legal_basis=size.legal_basis,
            because=text_out(size.because),
        ),
        conditions=_findings(of.conditions),
        vetoes=_findings(of.vetoes),
        scores=[_score(score) for score in of.scores],
    )


def _score(score: Score) -> ScoreOut:
    return ScoreOut(
        table=score.table,
        name=text_out(score.name),
        clause=score.clause,
        **_bounds(score),
        dimensions=[
            DimensionScoreOut(
                id=dimension.id,
                name=text_out(dimension.name),
                **_bounds(dimension),
                indicators=[_indicator(one) for one in dimension.indicators],
            )
            for dimension in score.dimensions
        ],
    )


def _indicator(of: IndicatorScore) -> IndicatorScoreOut:
    return IndicatorScoreOut(
        id=of.id,
        name=text_out(of.name),
        official_text=of.official_text,
        **_bounds(of),
        fact=dict(of.facts),
        because=text_out(of.because),
        evidence=list(of.evidence),
    )


class _Bounds(TypedDict):
    points: str | None
    least: str
    most: str
    out_of: str


def _bounds(of: Score | DimensionScore | IndicatorScore) -> _Bounds:
    points = of.points
    return _Bounds(
        points=None if points is None else spelled(points),
        least=spelled(of.least),
        most=spelled(of.most),
        out_of=spelled(of.out_of),
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
