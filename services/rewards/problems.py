"""What rewards refuses, by name."""

from services.kernel.problems import Problem
from services.kernel.text import Text


class ScheduleNotFound(Problem):
    status, slug = 404, "reward-schedule-not-found"
    title = Text("没有该奖励标准", "There is no such reward schedule")
    meaning = Text("奖励标准不存在。", "It does not exist.")


class ScheduleCodeTaken(Problem):
    status, slug = 409, "reward-schedule-code-taken"
    title = Text("奖励标准编号已被使用", "The schedule's code is taken")
    meaning = Text("每个编号只能使用一次。", "A code can be used once.")


class ScheduleNotPossible(Problem):
    status, slug = 422, "reward-schedule-not-possible"
    title = Text("奖励标准不成立", "The schedule does not hold together")
    meaning = Text("errors 逐项指出问题。", "errors names each thing that is wrong.")


class ScheduleApproved(Problem):
    status, slug = 409, "reward-schedule-approved"
    title = Text("奖励标准已批准", "The schedule is approved already")
    meaning = Text(
        "批准后的标准不再更改；请另立新标准。", "It stays as approved; make a new one instead."
    )


class ScheduleOverlaps(Problem):
    status, slug = 409, "reward-schedule-overlaps"
    title = Text("与已批准的标准时间重叠", "It overlaps an approved schedule")
    meaning = Text(
        "任何一天只能有一个已批准的标准生效。", "On any day one approved schedule is in force."
    )


class NoScheduleInForce(Problem):
    status, slug = 409, "no-reward-schedule-in-force"
    title = Text("没有生效的奖励标准", "No approved schedule is in force")
    meaning = Text(
        "方案未规定金额；没有经批准的标准，不能计算奖励。",
        "The plan prints no amounts; without an approved schedule nothing is calculated.",
    )


class NothingPayable(Problem):
    status, slug = 409, "nothing-payable"
    title = Text("没有可奖励的金额", "Nothing can be granted")
    meaning = Text(
        "按就高原则计算，该企业目前没有应奖励的金额。",
        "By the highest applicable amount, nothing is owed to the enterprise now.",
    )


class BudgetMissing(Problem):
    status, slug = 409, "budget-missing"
    title = Text("该年度没有预算", "There is no budget for the year")
    meaning = Text("奖励标准未列该财政年度的预算。", "The schedule has no budget for that year.")


class BudgetExceeded(Problem):
    status, slug = 409, "budget-exceeded"
    title = Text("超出年度预算", "The year's budget does not suffice")
    meaning = Text("年度预算余额不足。", "What is left of the year's budget is less.")


class AwardExists(Problem):
    status, slug = 409, "award-exists"
    title = Text("该称号已奖励过", "The title was rewarded before")
    meaning = Text(
        "一次性奖励：同一企业同一称号只奖励一次。",
        "A one-time reward: an enterprise has it once for a title.",
    )


class AwardNotFound(Problem):
    status, slug = 404, "award-not-found"
    title = Text("没有该奖励", "There is no such award")
    meaning = Text("奖励不存在，或您无权查看。", "It does not exist, or you may not see it.")


class AwardNotInState(Problem):
    status, slug = 409, "award-not-in-state"
    title = Text("当前状态不能办理", "The award's state does not allow this")
    meaning = Text(
        "奖励依次为拟定、批准、拨付；已拨付的不能取消。",
        "An award is proposed, approved, then paid; one that was paid cannot be cancelled.",
    )


class TitleNoLongerHeld(Problem):
    status, slug = 409, "title-no-longer-held"
    title = Text("所奖励的称号已撤销", "The rewarded title was revoked")
    meaning = Text(
        "称号已撤销的奖励不能批准，因虚假申报或违法违规撤销的不再拨付。",
        "An award for a revoked title is not approved, nor paid when the title was lost with it.",
    )


class PaymentTooLarge(Problem):
    status, slug = 409, "payment-too-large"
    title = Text("金额超出余额", "The amount is more than what is left")
    meaning = Text(
        "累计拨付不得超过奖励金额，累计退回不得超过应追回金额。",
        "Payments never pass the award, repayments never pass what is due.",
    )


class VoucherUsed(Problem):
    status, slug = 409, "voucher-used"
    title = Text("凭证号已用于另一笔", "The voucher belongs to another payment")
    meaning = Text(
        "同一凭证只记一笔；重发须与原件完全一致。",
        "A voucher stands for one payment; a repeat has to be identical.",
    )


class PaymentDayNotPossible(Problem):
    status, slug = 422, "payment-day-not-possible"
    title = Text("付款日期不成立", "That day of payment is not possible")
    meaning = Text(
        "拨付不早于批准日，退回不早于追回立案日，且都不晚于今天。",
        "It is not before the approval or the recovery's opening, and not in the future.",
    )


class RecoveryNotFound(Problem):
    status, slug = 404, "recovery-not-found"
    title = Text("没有该追回", "There is no such recovery")
    meaning = Text("追回不存在，或您无权查看。", "It does not exist, or you may not see it.")


class RecoverySettled(Problem):
    status, slug = 409, "recovery-settled"
    title = Text("已全部追回", "All of it has been paid back")
    meaning = Text("该追回已结清。", "Nothing is due on it any more.")
