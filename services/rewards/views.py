"""Turning schedules, recoveries and batches into what the contract promises."""

from datetime import date

from services.kernel.identity.actor import Actor
from services.kernel.text import TextOut
from services.policy.rewards import ZERO
from services.rewards.batch_repository import BatchSummary
from services.rewards.batch_schemas import BatchOut, BatchSummaryOut, LineOut
from services.rewards.models import DisbursementBatch, Recovery
from services.rewards.recovery_schemas import (
    InstalmentOut,
    KeptOut,
    RecoveryOut,
    RepaymentOut,
    WaiverOut,
)
from services.rewards.recovery_service import RecoveryService, left_of
from services.rewards.schedule_service import ScheduleInTime, ScheduleService
from services.rewards.schemas import AmountOut, BudgetOut, ScheduleOut
from services.rewards.workflow import EntryKind, LineStatus, overdue


def schedule_out(of: ScheduleInTime, schedules: ScheduleService, reader: Actor) -> ScheduleOut:
    schedule = of.of
    return ScheduleOut(
        id=schedule.id,
        code=schedule.code,
        document_number=schedule.document_number,
        effective_from=schedule.effective_from,
        effective_until=schedule.effective_until,
        superseded_on=of.superseded_on,
        is_in_force=of.is_in_force,
        policy_pack=schedule.policy_pack,
        settlement=schedule.settlement,
        scope=schedule.scope,
        status=schedule.status,
        amounts=[AmountOut.model_validate(one) for one in schedule.amounts],
        budgets=[
            BudgetOut(
                fiscal_year=one.fiscal_year,
                amount=one.amount,
                # Of a hidden enterprise's award not even the moment and the amount may show.
                granted=one.granted if schedules.may_see_granted(schedule, reader) else None,
            )
            for one in schedule.budgets
        ],
        created_by=schedule.created_by,
        approved_by=schedule.approved_by,
        approved_at=schedule.approved_at,
        version=schedule.version,
        available_actions=schedules.available_actions(schedule, reader),
    )


def recovery_out(
    of: Recovery, recoveries: RecoveryService, reader: Actor, today: date
) -> RecoveryOut:
    last = max((one.plan for one in of.instalments), default=0)
    plan = [one for one in of.instalments if one.plan == last]
    left = left_of(of)
    return RecoveryOut(
        id=of.id,
        award_id=of.award_id,
        uscc=of.award.uscc,
        legal_name=of.award.legal_name,
        title=of.award.title,
        recognition_id=of.recognition_id,
        ground=of.ground,
        finding_number=of.finding_number,
        due=of.due,
        repaid=of.repaid,
        waived=of.waived,
        left=left,
        keeps=_kept_out(of),
        formula=TextOut(**of.formula),
        status=of.status,
        opened_on=of.opened_on,
        plan=[InstalmentOut(due_on=one.due_on, amount=one.amount) for one in plan],
        overdue=overdue([(one.due_on, one.amount) for one in plan], left, today),
        repayments=[
            RepaymentOut(
                amount=one.amount,
                paid_on=one.on_day,
                voucher=one.reference or "",
                recorded_at=one.recorded_at,
            )
            for one in of.entries
            if one.kind is EntryKind.RECOVERED
        ],
        waivers=[WaiverOut.model_validate(one) for one in of.waivers],
        version=of.version,
        available_actions=recoveries.available_actions(of, reader),
    )


def _kept_out(of: Recovery) -> KeptOut | None:
    if of.kept_recognition_id is None or of.kept_amount is None:
        return None
    if of.kept_title is None or of.kept_event is None:
        raise ValueError(f"recovery {of.id} keeps a title without a name")
    return KeptOut(
        title=of.kept_title,
        event=of.kept_event,
        recognition_id=of.kept_recognition_id,
        amount=of.kept_amount,
    )


def batch_summary_out(of: BatchSummary) -> BatchSummaryOut:
    batch = of.of
    return BatchSummaryOut(
        id=batch.id,
        number=batch.number,
        fiscal_year=batch.fiscal_year,
        total=batch.total,
        paid=of.paid,
        lines_count=of.lines,
        open_lines_count=of.open_lines,
        ordered_by=batch.ordered_by,
        ordered_at=batch.ordered_at,
        ordered_on=batch.ordered_on,
    )


def batch_out(of: DisbursementBatch) -> BatchOut:
    summary = BatchSummary(
        of,
        paid=sum((line.paid for line in of.lines), ZERO),
        lines=len(of.lines),
        open_lines=sum(line.status is LineStatus.ORDERED for line in of.lines),
    )
    return BatchOut(
        **dict(batch_summary_out(summary)),
        lines=[LineOut.model_validate(one) for one in of.lines],
    )
