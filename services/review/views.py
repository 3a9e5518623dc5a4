"""Turning what the service knows into what the contract promises."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping

from services.kernel.identity.actor import Actor
from services.kernel.text import TextOut, text_out
from services.kernel.timeline import timeline_out
from services.review.models import Notice, Objection, ReviewCase
from services.review.schemas import (
    CaseOut,
    CaseSummaryOut,
    DecisionOut,
    HeldCaseOut,
    NamedEnterpriseOut,
    NoticeOut,
    NoticeRecognitionOut,
    ObjectionOut,
    ObjectorOut,
    PublicNoticeOut,
    PublicNoticeSummaryOut,
    SizeDeterminedOut,
)
from services.review.service import CaseService, NoticeService, Recognised


def case_summary_out(of: ReviewCase, cases: CaseService, reader: Actor) -> CaseSummaryOut:
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
        office=of.office,
        applied_on=of.applied_on,
        due_on=of.due_on,
        due_is_provisional=of.due_is_provisional,
        is_overdue=cases.is_overdue(of),
        submission_number=of.submission_number,
        notice_id=of.notice_id,
        version=of.version,
        available_actions=cases.available_actions(of, reader),
    )


def case_out(
    of: ReviewCase, history: Sequence[RowMapping], cases: CaseService, reader: Actor
) -> CaseOut:
    return CaseOut(
        **dict(case_summary_out(of, cases, reader)),
        facts=of.facts,
        facts_sha256=of.facts_sha256,
        size_determination=None
        if of.size_determination is None
        else SizeDeterminedOut.model_validate(of.size_determination),
        decisions=[DecisionOut.model_validate(decision) for decision in of.decisions],
        history=timeline_out(history),
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
        held=[
            HeldCaseOut(
                case_id=case.id,
                because=TextOut(
                    zh="有未处理的异议。", en="An objection against it is not resolved."
                ),
            )
            for case in of.held
        ],
    )


def objection_out(of: Objection) -> ObjectionOut:
    return ObjectionOut(
        id=of.id,
        notice_id=of.notice_id,
        case_id=of.case_id,
        uscc=of.case.uscc,
        legal_name=of.case.legal_name,
        objector=ObjectorOut.model_validate(of.objector),
        facts=of.facts,
        evidence=of.evidence,
        filed_at=of.filed_at,
        status=of.status,
        resolution=of.resolution,
        resolved_at=of.resolved_at,
        version=of.version,
    )
