"""Turning what the service knows into what the contract promises."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from services.kernel.identity.actor import Actor, Office
from services.kernel.text import text_out
from services.kernel.timeline import TimelineEntryOut, timeline_out
from services.review.case_service import CaseService
from services.review.desk import Standing
from services.review.list_schemas import (
    CityFloorOut,
    DeterminationOut,
    DeterminedCaseOut,
    FunnelOut,
    RankedCaseOut,
    RecommendationListOut,
)
from services.review.meeting_service import Determined
from services.review.models import (
    Assignment,
    Decision,
    Draw,
    DrawLot,
    Notice,
    Objection,
    PanelResult,
    RecommendationList,
    ReviewCase,
    SiteVisit,
)
from services.review.notice_schemas import (
    HearingStatementOut,
    HeldCaseOut,
    NamedEnterpriseOut,
    NoticeOut,
    NoticeRecognitionOut,
    ObjectionOut,
    ObjectorOut,
    PublicNoticeOut,
    PublicNoticeSummaryOut,
)
from services.review.notice_service import NoticeService, Recognised
from services.review.objection_service import ObjectionService
from services.review.panel_schemas import (
    DrawOut,
    ExcludedOut,
    LotOut,
    PanelMemberOut,
    PanelOut,
    PublicDrawOut,
    PublicDrawSummaryOut,
    PublicLotOut,
    ScoredIndicatorOut,
    ScoreItemOut,
    ScoreSheetOut,
)
from services.review.panel_service import SEES_PANELS, PanelSeen, is_blind
from services.review.recommendation_service import Floor, RecommendationService
from services.review.schemas import (
    AssignmentOut,
    CaseDocumentOut,
    CaseOut,
    CaseSummaryOut,
    CheckMadeOut,
    DecisionOut,
    PanelResultOut,
    RemarkOut,
    SetAsideOut,
    SiteVisitOut,
    SizeDeterminedOut,
)
from services.review.statistics_service import Funnel
from services.review.workflow import DrawStatus

PANEL = "panel"
"""What stands for an expert where the reader may not know who judges whom."""


def case_summary_out(of: ReviewCase, cases: CaseService, standing: Standing) -> CaseSummaryOut:
    return CaseSummaryOut(
        id=of.id,
        application_id=of.application_id,
        round_id=of.round_id,
        round_code=of.round_code,
        kind="renewal" if of.kind == "renewal" else "new",
        title=of.title,
        policy_pack=of.policy_pack,
        uscc=of.uscc,
        legal_name=of.legal_name,
        applying_division=of.division,
        stage=of.stage,
        stage_name=text_out(cases.stage_name(of)),
        status=of.status,
        phase=of.phase,
        turn=of.turn,
        office=of.office,
        assigned_to=of.assigned_to,
        applied_on=of.applied_on,
        entered_on=of.entered_on,
        due_on=of.due_on,
        due_is_provisional=of.due_is_provisional,
        is_overdue=cases.is_overdue(of),
        submission_number=of.submission_number,
        notice_id=of.notice_id,
        exclusion_until=standing.bars[of.id].until_on if of.id in standing.bars else None,
        version=of.version,
        available_actions=cases.available_actions(of, standing),
    )


async def case_out(of: ReviewCase, cases: CaseService, reader: Actor) -> CaseOut:
    standing = await cases.standing(reader, [of])
    hides_panels = is_blind(of, reader)
    knows_experts = reader.holds(*SEES_PANELS) and not hides_panels
    return CaseOut(
        **dict(case_summary_out(of, cases, standing)),
        facts=of.facts,
        facts_sha256=of.facts_sha256,
        documents=[
            CaseDocumentOut(
                kind=one["kind"],
                sha256=one["sha256"],
                href=f"/api/v1/applications/{of.application_id}/submissions"
                f"/{of.submission_number}/documents/{one['kind']}",
            )
            for one in of.documents or ()
        ],
        snapshot_sha256=of.snapshot_sha256,
        size_determination=None
        if of.size_determination is None
        else SizeDeterminedOut.model_validate(of.size_determination),
        decisions=[
            _decision_out(decision, reader, knows_experts=knows_experts)
            for decision in of.decisions
            if not (hides_panels and decision.office == Office.EXPERT)
        ],
        panel_results=[]
        if hides_panels
        else [_result_out(one) for one in await cases.panel_results(of)],
        site_visits=[_visit_out(one) for one in await cases.visits(of)],
        assignments=[_assignment_out(one) for one in await cases.assignments(of)],
        history=[
            entry
            for entry in _history_out(await cases.history(of), reader, knows_experts=knows_experts)
            if not (hides_panels and ("points" in entry.data or entry.action in _OF_THE_PANEL))
        ],
    )


def _decision_out(of: Decision, reader: Actor, *, knows_experts: bool) -> DecisionOut:
    is_hidden = of.office == Office.EXPERT and not knows_experts and of.decided_by != reader.sub
    return DecisionOut(
        id=of.id,
        turn=of.turn,
        stage=of.stage,
        submission_number=of.submission_number,
        decision=of.decision,
        reason=of.reason,
        remarks=[RemarkOut(**remark) for remark in of.remarks],
        decided_by=PANEL if is_hidden else of.decided_by,
        office=of.office,
        act_id=of.act_id,
        decided_at=of.decided_at,
        set_aside=None if of.set_aside is None else SetAsideOut.model_validate(of.set_aside),
    )


_SAYS_WHO = frozenset({"recused", "expert_excused", "experts_appointed"})
"""What is done with an expert for a reason that may name him."""
_OF_THE_PANEL = frozenset({"spread_alarm", "moderation_needed", "recused"})
"""What would tell an expert who is still to score how the others judge."""
_ABOUT_EXPERTS = ("experts", "expert", "replaced_by")


def _history_out(
    rows: Sequence[RowMapping], reader: Actor, *, knows_experts: bool
) -> list[TimelineEntryOut]:
    """Return the history, without who judges whom for those who may not know it."""
    found = timeline_out(rows)
    if knows_experts:
        return found
    return [
        entry.model_copy(
            update={
                "by": PANEL if _is_experts(entry, reader) else entry.by,
                "reason": None if entry.action in _SAYS_WHO else entry.reason,
                "data": {
                    name: value for name, value in entry.data.items() if name not in _ABOUT_EXPERTS
                },
            }
        )
        for entry in found
    ]


def _is_experts(entry: TimelineEntryOut, reader: Actor) -> bool:
    return Office.EXPERT in entry.offices and entry.by != reader.sub


def _result_out(of: PanelResult) -> PanelResultOut:
    return PanelResultOut(
        turn=of.turn,
        points=of.points,
        pass_at_least=of.pass_at_least,
        spread=of.spread,
        sheets=of.sheets,
        aggregation=of.aggregation,
        has_passed=of.has_passed,
        is_moderated=of.moderated_by is not None,
        moderation_reason=of.moderation_reason,
        concluded_at=of.concluded_at,
    )


def _visit_out(of: SiteVisit) -> SiteVisitOut:
    return SiteVisitOut(
        id=of.id,
        turn=of.turn,
        visited_on=of.visited_on,
        inspectors=of.inspectors,
        findings=[CheckMadeOut(**one) for one in of.findings],
        has_passed=of.has_passed,
        photographs=[
            f"/api/v1/review-cases/{of.case_id}/photographs/{one}" for one in of.photographs
        ],
        recorded_at=of.recorded_at,
    )


def _assignment_out(of: Assignment) -> AssignmentOut:
    return AssignmentOut.model_validate(of)


def recommendation_list_out(
    of: RecommendationList,
    floors: Mapping[tuple[UUID, str, str], Floor],
    recommendations: RecommendationService,
) -> RecommendationListOut:
    floor = floors.get((of.round_id, of.title, of.region))
    return RecommendationListOut(
        id=of.id,
        round_id=of.round_id,
        round_code=of.round_code,
        title=of.title,
        title_name=text_out(recommendations.title_name(of)),
        stage=of.stage,
        policy_pack=of.policy_pack,
        region=of.region,
        number=of.number,
        document_number=of.document_number,
        opinion=of.opinion,
        signed_by=of.signed_by,
        signed_at=of.signed_at,
        items=[RankedCaseOut(rank=one.rank, case_id=one.case_id) for one in of.items],
        floor=None
        if floor is None
        else CityFloorOut(
            at_least=floor.target.at_least,
            recommended=floor.recommended,
            is_reached=floor.recommended >= floor.target.at_least,
            clause=floor.target.clause,
        ),
    )


def determination_out(of: Determined) -> DeterminationOut:
    held = of.determination
    return DeterminationOut(
        id=held.id,
        meeting=held.meeting,
        held_on=held.held_on,
        document_number=held.document_number,
        recorded_by=held.recorded_by,
        recorded_at=held.recorded_at,
        items=[
            DeterminedCaseOut(case_id=case_id, decision=decision, reason=reason)
            for case_id, decision, reason in of.items
        ],
    )


def funnel_out(of: Funnel) -> FunnelOut:
    return FunnelOut.model_validate(of)


def public_draw_summary_out(of: Draw) -> PublicDrawSummaryOut:
    is_revealed = of.status is DrawStatus.REVEALED
    return PublicDrawSummaryOut(
        id=of.id,
        purpose=of.purpose,
        status=of.status,
        round_code=of.round_code,
        title=of.title,
        stage=of.stage,
        public_source=of.public_source,
        value_on=of.value_on,
        commitment=of.commitment,
        public_value=of.public_value,
        secret=_published_secret(of),
        seed=of.seed,
        committed_at=of.committed_at,
        revealed_at=of.ended_at if is_revealed else None,
        abandoned_because=of.abandoned_because,
    )


def public_draw_out(of: Draw) -> PublicDrawOut:
    return PublicDrawOut(
        **dict(public_draw_summary_out(of)),
        lots=[PublicLotOut(**_lot(lot)) for lot in of.lots if not lot.is_secret],
    )


def _published_secret(of: Draw) -> str | None:
    """Return the secret once nothing depends on its being one: also of a draw that was given up."""
    return None if of.status is DrawStatus.COMMITTED else of.secret


def draw_out(of: Draw) -> DrawOut:
    return DrawOut(
        id=of.id,
        purpose=of.purpose,
        status=of.status,
        round_id=of.round_id,
        round_code=of.round_code,
        title=of.title,
        stage=of.stage,
        policy_pack=of.policy_pack,
        public_source=of.public_source,
        value_on=of.value_on,
        commitment=of.commitment,
        public_value=of.public_value,
        secret=_published_secret(of),
        seed=of.seed,
        committed_by=of.committed_by,
        committed_at=of.committed_at,
        ended_by=of.ended_by,
        ended_at=of.ended_at,
        abandoned_because=of.abandoned_because,
        lots=[
            LotOut(
                **_lot(lot),
                is_secret=lot.is_secret,
                is_widened=lot.is_widened,
                excluded=[ExcludedOut(**one) for one in lot.excluded],
            )
            for lot in of.lots
        ],
        version=of.version,
    )


def _lot(of: DrawLot) -> dict[str, Any]:
    return {
        "lot": of.lot,
        "seats": of.seats,
        "candidates": of.candidates,
        "candidates_sha256": of.candidates_sha256,
        "ranking": of.ranking,
        "drawn": None if of.ranking is None else of.ranking[: of.seats],
    }


def panel_out(of: PanelSeen) -> PanelOut | None:
    """Return a case's panels, or None where its route has none."""
    rule = of.rule
    if rule is None:
        return None
    return PanelOut(
        case_id=of.case.id,
        phase=of.case.phase,
        experts=rule.experts,
        aggregation=rule.aggregation,
        spread_alarm=rule.spread_alarm,
        pass_at_least=rule.pass_at_least,
        indicators=[
            ScoredIndicatorOut(
                id=one.id,
                name=text_out(one.name),
                clause=one.clause,
                official_text=one.official_text,
                out_of=one.out_of,
                look_at=list(one.look_at),
            )
            for one in rule.indicators
        ],
        members=[
            PanelMemberOut(
                turn=one.turn,
                expert=of.experts[one.expert].code,
                name=of.experts[one.expert].name,
                employer=of.experts[one.expert].employer,
                status=one.status,
                called_because=one.called_because,
                called_at=one.called_at,
                ended_because=one.ended_because,
            )
            for one in of.members
        ],
        sheets=[
            ScoreSheetOut(
                id=one.id,
                turn=one.turn,
                expert=of.experts[one.expert].code,
                items=[ScoreItemOut.model_validate(item) for item in one.items],
                total=one.total,
                sha256=one.sha256,
                submitted_at=one.submitted_at,
            )
            for one in of.sheets
        ],
        results=[_result_out(one) for one in of.results],
    )


def notice_out(
    of: Notice, case_ids: Sequence[UUID], notices: NoticeService, reader: Actor
) -> NoticeOut:
    return NoticeOut(
        id=of.id,
        round_id=of.round_id,
        round_code=of.round_code,
        title=of.title,
        policy_pack=of.policy_pack,
        starts_on=of.starts_on,
        ends_on=of.ends_on,
        is_provisional=of.is_provisional,
        is_running=notices.is_running(of),
        case_ids=list(case_ids),
        version=of.version,
        available_actions=notices.available_actions(of, reader),
    )


def public_notice_summary_out(of: Notice, notices: NoticeService) -> PublicNoticeSummaryOut:
    return PublicNoticeSummaryOut(
        id=of.id,
        round_code=of.round_code,
        title=of.title,
        title_name=text_out(notices.title_name(of)),
        policy_pack=of.policy_pack,
        starts_on=of.starts_on,
        ends_on=of.ends_on,
        is_provisional=of.is_provisional,
        is_running=notices.is_running(of),
        clause=notices.clause(of),
    )


def public_notice_out(
    of: Notice, cases: Sequence[ReviewCase], notices: NoticeService
) -> PublicNoticeOut:
    return PublicNoticeOut(
        **dict(public_notice_summary_out(of, notices)),
        enterprises=[
            NamedEnterpriseOut(uscc=case.uscc, legal_name=case.legal_name, division=case.division)
            for case in cases
        ],
    )


def recognition_out(of: Recognised) -> NoticeRecognitionOut:
    return NoticeRecognitionOut(
        notice_id=of.notice.id,
        document_number=of.document_number,
        decided_on=of.decided_on,
        recognised=[case.id for case in of.cases],
        held=[HeldCaseOut(case_id=case.id, because=text_out(because)) for case, because in of.held],
    )


def objection_out(of: Objection, objections: ObjectionService, reader: Actor) -> ObjectionOut:
    knows_objector = reader.holds(Office.PROVINCE, Office.AUDITOR)
    return ObjectionOut(
        id=of.id,
        number=of.number,
        notice_id=of.notice_id,
        case_id=of.case_id,
        uscc=of.case.uscc,
        legal_name=of.case.legal_name,
        objector=ObjectorOut.model_validate(of.objector) if knows_objector else None,
        facts=of.facts,
        evidence=of.evidence,
        filed_at=of.filed_at,
        heard_until=of.heard_until,
        statements=[HearingStatementOut.model_validate(one) for one in of.statements],
        status=of.status,
        resolution=of.resolution,
        resolved_at=of.resolved_at,
        version=of.version,
        available_actions=objections.available_actions(of, reader),
    )
