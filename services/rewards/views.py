"""Turning what the service knows into what the contract promises."""

from services.kernel.identity.actor import Actor
from services.kernel.text import text_out
from services.policy.rewards import ZERO, Considered
from services.rewards.models import Award, Recovery, RewardSchedule
from services.rewards.schemas import (
    AmountOut,
    AwardOut,
    AwardWithCalculationOut,
    BudgetOut,
    CalculationOut,
    ConsideredOut,
    PaymentOut,
    RecoveryOut,
    ScheduleOut,
    StatementOut,
)
from services.rewards.service import AwardService, Calculated, ScheduleService, Statement


def schedule_out(of: RewardSchedule, schedules: ScheduleService, reader: Actor) -> ScheduleOut:
    return ScheduleOut(
        id=of.id,
        code=of.code,
        document_number=of.document_number,
        effective_from=of.effective_from,
        effective_until=of.effective_until,
        policy_pack=of.policy_pack,
        settlement=of.settlement,
        scope=of.scope,
        status=of.status,
        amounts=[AmountOut.model_validate(one) for one in of.amounts],
        budgets=[
            BudgetOut(
                fiscal_year=one.fiscal_year,
                amount=one.amount,
                # Of a hidden enterprise's award not even the moment and the amount may show.
                granted=one.granted if schedules.may_see_granted(of, reader) else None,
            )
            for one in of.budgets
        ],
        created_by=of.created_by,
        approved_by=of.approved_by,
        approved_at=of.approved_at,
        version=of.version,
        available_actions=schedules.available_actions(of, reader),
    )


def calculation_out(of: Calculated) -> CalculationOut:
    owed = of.entitlement
    return CalculationOut(
        uscc=of.uscc,
        on=of.on,
        schedule=of.schedule.code,
        payable=owed.payable,
        highest=None if owed.highest is None else _considered_out(owed.highest),
        already_granted=owed.already_granted,
        considered=[_considered_out(one) for one in owed.considered],
        settlement=owed.settlement,
        scope=owed.scope,
        clause=owed.clause,
        formula=text_out(owed.formula),
    )


def award_out(of: Award, awards: AwardService, reader: Actor) -> AwardOut:
    return AwardOut(
        id=of.id,
        uscc=of.uscc,
        legal_name=of.legal_name,
        region=of.region,
        recognition_id=of.recognition_id,
        title=of.title,
        fiscal_year=of.fiscal_year,
        amount=of.amount,
        paid=of.paid,
        status=of.status,
        schedule_code=of.schedule.code,
        policy_pack=of.policy_pack,
        reason=of.reason,
        proposed_by=of.proposed_by,
        proposed_at=of.proposed_at,
        approved_by=of.approved_by,
        approved_at=of.approved_at,
        cancellation_reason=of.cancellation_reason,
        payments=[PaymentOut.model_validate(one) for one in of.payments],
        recovery_due=sum((one.due for one in of.recoveries), ZERO),
        repaid=sum((one.repaid for one in of.recoveries), ZERO),
        updated_at=of.updated_at,
        version=of.version,
        available_actions=awards.available_actions(of, reader),
    )


def award_with_calculation_out(
    of: Award, awards: AwardService, reader: Actor
) -> AwardWithCalculationOut:
    return AwardWithCalculationOut(
        **dict(award_out(of, awards, reader)), calculation=of.calculation
    )


def recovery_out(of: Recovery, award: Award, awards: AwardService, reader: Actor) -> RecoveryOut:
    return RecoveryOut(
        id=of.id,
        award_id=of.award_id,
        uscc=award.uscc,
        legal_name=award.legal_name,
        title=award.title,
        ground=of.ground,
        due=of.due,
        repaid=of.repaid,
        status=of.status,
        opened_on=of.opened_on,
        repayments=[PaymentOut.model_validate(one) for one in of.repayments],
        version=of.version,
        available_actions=awards.recovery_actions(of, reader),
    )


def statement_out(of: Statement, awards: AwardService, reader: Actor) -> StatementOut:
    return StatementOut(
        uscc=of.uscc,
        granted=of.granted,
        disbursed=of.disbursed,
        recovered=of.recovered,
        awards=[award_out(one, awards, reader) for one in of.awards],
    )


def _considered_out(of: Considered) -> ConsideredOut:
    return ConsideredOut(
        title=of.held.title,
        recognition_id=of.held.recognition_id,
        amount=of.amount,
        applies=of.applies,
        because=text_out(of.because),
    )
