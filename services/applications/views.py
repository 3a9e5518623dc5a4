"""Turning what the service knows into what the contract promises."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal, TypedDict
from uuid import UUID

from services.applications.contacts import NewContact
from services.applications.document_service import AskedFor, DocumentService
from services.applications.filing_rules import Dossier
from services.applications.import_service import ImportReport
from services.applications.models import (
    Application,
    Contact,
    Document,
    Mandate,
    Round,
    Submission,
)
from services.applications.round_service import RoundCounts
from services.applications.schemas import (
    ApplicationOut,
    AskedForOut,
    CityCountsOut,
    ContactOut,
    DimensionScoreOut,
    DocumentChangeOut,
    DocumentOut,
    EligibilityOut,
    EnterpriseSizeOut,
    FactChangeOut,
    FigureOut,
    FindingOut,
    FloorOut,
    FrozenDocumentOut,
    ImportOut,
    IndicatorScoreOut,
    LackingOut,
    LimitOut,
    MandateOut,
    ProvenanceOut,
    RemarkOut,
    RoundCountsOut,
    RoundOut,
    ScoreOut,
    SizeDeterminationOut,
    SubmissionOut,
    SubmissionsOut,
    YearFiguresOut,
)
from services.applications.service import ApplicationService
from services.applications.workflow import RowOutcome
from services.kernel.actions import AvailableAction
from services.kernel.clock import end_of
from services.kernel.identity.actor import Actor
from services.kernel.text import Language, text_out
from services.kernel.workbooks.schemas import refusal_out, row_error_out
from services.policy.eligibility import Eligibility, Finding
from services.policy.matter import DimensionScore, IndicatorScore, Score, spelled


def round_out(of: Round, *, is_open: bool, actions: list[AvailableAction]) -> RoundOut:
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
        closes_at=closing_instant(of),
        is_open=is_open,
        version=of.version,
        available_actions=actions,
    )


def closing_instant(of: Round) -> datetime:
    """Return when a round closes: the midnight at the end of its last day, or a closure before that."""
    midnight = end_of(of.closes_on)
    return midnight if of.closed_at is None else min(midnight, of.closed_at)


def counts_out(round_id: UUID, of: RoundCounts) -> RoundCountsOut:
    floor = of.target
    return RoundCountsOut(
        round_id=round_id,
        year=of.year,
        floor=None
        if floor is None
        else FloorOut(
            at_least=floor.at_least, clause=floor.clause, official_text=floor.official_text
        ),
        items=[
            CityCountsOut(
                city=city.city,
                name=city.name,
                in_round=dict(city.by_status),
                filed_in_year=city.filed_in_year,
                still_to_file=None
                if floor is None
                else max(0, floor.at_least - city.filed_in_year),
            )
            for city in of.cities
        ],
    )


def contact_out(row: Contact, shown: NewContact) -> ContactOut:
    return ContactOut(
        name=shown.name,
        position=shown.position,
        phone=shown.phone,
        email=shown.email,
        is_masked=shown.name != row.name,
        given_by=row.given_by,
        given_at=row.given_at,
        version=row.version,
    )


def application_out(
    of: Application, dossier: Dossier, applications: ApplicationService, reader: Actor
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
        applied_on=of.applied_on,
        closes_at=closing_instant(of.round),
        facts=of.facts,
        provenance=_provenance(of.provenance),
        figures=_figures(of.facts),
        completeness=applications.completeness(of, dossier),
        missing=[
            LackingOut.model_validate(
                {
                    "pointer": one.pointer,
                    "what": one.what,
                    "id": one.id,
                    "label": text_out(one.label),
                }
            )
            for one in applications.lacking(of, dossier)
        ],
        filed_region=of.filed_region,
        is_confirmed=of.confirmed_at is not None,
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
        available_actions=applications.available_actions(of, dossier, reader),
    )


def _provenance(of: Mapping[str, Any]) -> dict[str, ProvenanceOut]:
    return {name: ProvenanceOut.model_validate(given) for name, given in of.items()}


_YEARS_BACK = {"before_previous_": 2, "previous_": 1}
_FIGURES = frozenset({"employees", "total_assets", "total_liabilities", "net_profit"})


def _figures(facts: Mapping[str, Any]) -> list[YearFiguresOut]:
    """Group the figures by fiscal year, as far back as the beginning of a name says."""
    year = facts.get("fiscal_year")
    if not isinstance(year, int):
        return []
    by_year: dict[int, dict[str, Any]] = {}
    for name, value in facts.items():
        back, plain = next(
            (
                (years, name.removeprefix(beginning))
                for beginning, years in _YEARS_BACK.items()
                if name.startswith(beginning)
            ),
            (0, name),
        )
        if back or plain in _FIGURES or plain.endswith(_FIGURE_ENDINGS):
            by_year.setdefault(year - back, {})[plain] = value
    return [
        YearFiguresOut(fiscal_year=one, figures=by_year[one])
        for one in sorted(by_year, reverse=True)
    ]


_FIGURE_ENDINGS = ("_revenue", "_expense", "_employees", "_profit", "_score")


def asked_for_out(of: AskedFor, documents: DocumentService) -> AskedForOut:
    kind = of.kind
    return AskedForOut(
        kind=kind.id,
        name=text_out(kind.name),
        clause=kind.clause,
        note=None if kind.note is None else text_out(kind.note),
        is_needed=of.is_needed,
        media_types=list(kind.media_types),
        max_megabytes=kind.max_megabytes,
        document=None if of.document is None else document_out(of.document, documents),
    )


def document_out(of: Document, documents: DocumentService) -> DocumentOut:
    state: Literal["available", "held", "infected"] = "available"
    if of.content.is_infected:
        state = "infected"
    elif documents.is_held(of.content):
        state = "held"
    return DocumentOut(
        kind=of.kind,
        sha256=of.sha256,
        size=of.content.size,
        media_type=of.media_type,
        file_name=of.file_name,
        state=state,
        source=of.source,
        given_by=of.given_by,
        given_at=of.given_at,
    )


def mandate_out(of: Mandate, *, is_in_force: bool) -> MandateOut:
    return MandateOut(
        id=of.id,
        uscc=of.uscc,
        region=of.region,
        valid_until=of.valid_until,
        granted_by=of.granted_by,
        granted_at=of.granted_at,
        ended_at=of.ended_at,
        is_in_force=is_in_force,
    )


def import_out(report: ImportReport, language: Language) -> ImportOut:
    of, outcomes = report.of, report.outcomes
    return ImportOut(
        id=of.id,
        round_id=of.round_id,
        kind="renewal" if of.kind == "renewal" else "new",
        if_errors=of.if_errors,
        region=of.region,
        sent_by=of.sent_by["sub"],
        file_name=of.file_name,
        sha256=of.sha256,
        state=of.state,
        done=of.done,
        total=of.total,
        created=outcomes.get(RowOutcome.CREATED, 0),
        updated=outcomes.get(RowOutcome.UPDATED, 0),
        unchanged=outcomes.get(RowOutcome.UNCHANGED, 0),
        error_count=of.error_count,
        errors=[row_error_out(one, language) for one in report.errors],
        refusal=refusal_out(of.refusal, language),
        created_at=of.created_at,
        finished_at=of.finished_at,
    )


def submissions_out(application: Application, of: Sequence[Submission]) -> SubmissionsOut:
    return SubmissionsOut(
        application_id=application.id,
        kind="renewal" if application.kind == "renewal" else "new",
        title=application.title,
        uscc=application.uscc,
        applied_on=application.applied_on,
        items=[
            SubmissionOut(
                number=one.number,
                submitted_at=one.submitted_at,
                submitted_by=one.submitted_by,
                policy_pack=one.policy_pack,
                pack_checksum=one.pack_checksum,
                facts=one.facts,
                facts_sha256=one.facts_sha256,
                provenance=_provenance(one.provenance),
                documents=[FrozenDocumentOut.model_validate(each) for each in one.documents],
                documents_checksum=one.documents_checksum,
                size_determination=None
                if one.size_determination is None
                else SizeDeterminationOut.model_validate(one.size_determination),
                snapshot_sha256=one.snapshot_sha256,
                changes=_changes(before.facts, one.facts) if before is not None else [],
                document_changes=_document_changes(before.documents, one.documents)
                if before is not None
                else [],
            )
            for before, one in pairwise([None, *of])
            if one is not None
        ],
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FactChangeOut]:
    return [
        FactChangeOut(fact=fact, before=before.get(fact), after=after.get(fact))
        for fact in sorted({*before, *after})
        if before.get(fact) != after.get(fact)
    ]


def _document_changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[DocumentChangeOut]:
    was = {one["kind"]: one["sha256"] for one in before}
    now = {one["kind"]: one["sha256"] for one in after}
    return [
        DocumentChangeOut(document=kind, before=was.get(kind), after=now.get(kind))
        for kind in sorted({*was, *now})
        if was.get(kind) != now.get(kind)
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
