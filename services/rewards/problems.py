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
    title = Text("与已批准的标准冲突", "It conflicts with an approved schedule")
    meaning = Text(
        "同一天只能有一个标准开始施行；已经过去的日子适用的标准不再改变。",
        "One schedule begins on a day, and what was in force on days gone by stays as it was.",
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
        "称号已撤销的奖励不能批准，因虚假申报或违法违规撤销的不再拨付；已由较高称号的奖励补差的除外。",
        "An award for a revoked title is not approved, nor paid when the title was lost with it,"
        " unless a higher title's award was topped up with it.",
    )


class AwardNotOrdered(Problem):
    status, slug = 409, "award-not-ordered"
    title = Text("没有待执行的拨付指令", "No payment of the award is ordered")
    meaning = Text(
        "拨付须凭已下达批次中的指令；未下达、已执行完或已退回的指令不再付款。",
        "A payment is made on an order of a batch; none is open for the award now.",
    )


class AwardOrdered(Problem):
    status, slug = 409, "award-ordered"
    title = Text("拨付指令尚未了结", "A payment of the award is under way")
    meaning = Text(
        "指令已下达给拨付系统；待其确认付款或退回指令后再办理。",
        "The disbursement system has its order; it has to confirm or reject it first.",
    )


class AwardSetAgainst(Problem):
    status, slug = 409, "award-set-against"
    title = Text("其后的奖励已扣减本项奖励", "A later award was reckoned with this one set off")
    meaning = Text(
        "本项奖励已在较高称号的奖励中扣减；取消它会使企业少得。请先取消其后的奖励。",
        "A higher title was granted less because of it. Cancel the later award first, or the"
        " enterprise would get less than the highest amount.",
    )


class PaymentTooLarge(Problem):
    status, slug = 409, "payment-too-large"
    title = Text("金额超出余额", "The amount is more than what is left")
    meaning = Text(
        "拨付不得超过指令金额，退回和核销不得超过应追回金额。",
        "Payments never pass the order, repayments and waivers never pass what is due.",
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
        "拨付不早于指令下达日，银行退票不早于拨付日，退回不早于追回立案日，且都不晚于今天。",
        "It is not before the order, the payment or the recovery's opening, and not in the future.",
    )


class OrderNotFound(Problem):
    status, slug = 404, "order-not-found"
    title = Text("没有该拨付批次或指令", "There is no such batch or order")
    meaning = Text(
        "批次或其中的指令不存在，或您无权查看。", "It does not exist, or you may not see it."
    )


class NothingToOrder(Problem):
    status, slug = 409, "nothing-to-order"
    title = Text("没有可下达的拨付", "There is nothing to order")
    meaning = Text(
        "没有已批准、尚未付清且未下达指令的奖励。",
        "No award is approved, unpaid and not ordered yet.",
    )


class OrderClosed(Problem):
    status, slug = 409, "order-closed"
    title = Text("该指令已了结", "The order is closed")
    meaning = Text(
        "指令已付清，或已因另一原因退回。", "It was paid, or rejected before in another way."
    )


class PaymentNotFound(Problem):
    status, slug = 404, "payment-not-found"
    title = Text("没有该笔拨付", "There is no such payment")
    meaning = Text("该奖励没有以此凭证号拨付的款项。", "The award has no payment by that voucher.")


class PlanNotPossible(Problem):
    status, slug = 422, "repayment-plan-not-possible"
    title = Text("还款计划不成立", "The repayment plan does not hold together")
    meaning = Text("errors 逐项指出问题。", "errors names each thing that is wrong.")


class WaiverOpen(Problem):
    status, slug = 409, "waiver-open"
    title = Text("已有待决定的核销申请", "A waiver waits for a decision already")
    meaning = Text(
        "同一追回一次只能有一项待决定的核销。", "A recovery has one open waiver at a time."
    )


class WaiverNotOpen(Problem):
    status, slug = 409, "waiver-not-open"
    title = Text("没有待决定的核销申请", "No waiver waits for a decision")
    meaning = Text("核销须先由一名工作人员提出。", "An officer has to ask for one first.")


class WaiverAboveHighest(Problem):
    status, slug = 409, "waiver-above-highest"
    title = Text("核销后将超出最高标准", "The waiver would leave more than the highest amount")
    meaning = Text(
        "就高补差：其后的奖励未扣减本项奖励，核销会使企业所得超过最高标准。",
        "A later title was granted without this one set off; with what is waived, more than the"
        " highest amount would stay with the enterprise.",
    )


class RecoveryNotFound(Problem):
    status, slug = 404, "recovery-not-found"
    title = Text("没有该追回", "There is no such recovery")
    meaning = Text("追回不存在，或您无权查看。", "It does not exist, or you may not see it.")


class RecoverySettled(Problem):
    status, slug = 409, "recovery-settled"
    title = Text("已全部追回", "All of it has been paid back")
    meaning = Text("该追回已结清。", "Nothing is due on it any more.")


class AwardRunNotFound(Problem):
    status, slug = 404, "award-run-not-found"
    title = Text("没有该批量测算", "There is no such run")
    meaning = Text("批量测算不存在，或您无权查看。", "It does not exist, or you may not see it.")


class AwardRunUnderWay(Problem):
    status, slug = 409, "award-run-under-way"
    title = Text("已有批量测算在进行", "A run is under way already")
    meaning = Text(
        "同时只能有一项批量拟定和五项测算；请待其完成。",
        "There is one run that proposes at a time, and five that only reckon; wait for its end.",
    )


class TitlesNotRewarded(Problem):
    status, slug = 422, "titles-not-rewarded"
    title = Text("称号不在奖励范围", "A title is not rewarded")
    meaning = Text("errors 逐项指出。", "errors names each of them.")


class DayStatementNotFound(Problem):
    status, slug = 404, "day-statement-not-found"
    title = Text("没有该日对账单", "There is no such statement of a day")
    meaning = Text("日对账单不存在，或您无权查看。", "It does not exist, or you may not see it.")


class DayStatementUnsound(Problem):
    status, slug = 422, "day-statement-unsound"
    title = Text("日对账单不成立", "The day's statement does not hold together")
    meaning = Text("errors 逐项指出问题。", "errors names each thing that is wrong.")


class DayStatementReplaced(Problem):
    status, slug = 409, "day-statement-replaced"
    title = Text("该日对账单已有更正", "The day's statement was replaced meanwhile")
    meaning = Text(
        "replaces 须为现行那一份的编号。", "replaces has to name the statement that counts now."
    )


class DayNotCome(Problem):
    status, slug = 422, "day-not-come"
    title = Text("该日尚未到来", "The day has not come yet")
    meaning = Text("只能报送今天及以前的款项。", "What is reported was moved today or before.")


class DaysNotPossible(Problem):
    status, slug = 422, "days-not-possible"
    title = Text("日期范围不成立", "The days do not hold together")
    meaning = Text(
        "起始日不晚于终止日，且不超过 366 天。",
        "The first is not after the last, and there are 366 at most.",
    )


class UnknownDivision(Problem):
    status, slug = 422, "unknown-division"
    title = Text("没有该行政区划", "There is no such division")
    meaning = Text("代码见 /api/v1/divisions。", "The codes are at /api/v1/divisions.")


class StatementsTooMany(Problem):
    status, slug = 422, "award-statements-too-many"
    title = Text("对账单超过一份文件的户数", "There are more statements than one document holds")
    meaning = Text(
        "一份文件最多 50,000 户；请用 region 缩小到市州或区县，或分页查询。",
        "A document holds 50,000 enterprises; narrow it by region, or read the list page by page.",
    )
