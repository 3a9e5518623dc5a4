"""What review refuses, by name."""

from services.kernel.problems import Problem
from services.kernel.text import Text


class ReviewCaseNotFound(Problem):
    status, slug = 404, "review-case-not-found"
    title = Text("没有该审核件", "There is no such review case")
    meaning = Text(
        "审核件不存在，或不在您的辖区、岗位之内。",
        "It does not exist, or lies outside your division or office.",
    )


class ReviewCaseNotOpen(Problem):
    status, slug = 409, "review-case-not-open"
    title = Text("该审核件现在不能这样办理", "The case does not take that now")
    meaning = Text(
        "审核件的状态（在审、已退回、待公示、公示中、已办结）决定能怎样办理。",
        "What can be done depends on its state: in review, returned, before or on notice, closed.",
    )


class OfficeNotInRoute(Problem):
    status, slug, settles = 403, "office-not-in-route", False
    title = Text("本岗位不参与该称号的审核", "Your office has no part in this title's review")
    meaning = Text(
        "该称号的审核程序中没有您的岗位。", "No stage of this title's review is your office's."
    )


class DecisionOutOfTurn(Problem):
    status, slug = 409, "decision-out-of-turn"
    title = Text("尚未轮到本岗位", "It is another office's turn")
    meaning = Text(
        "审核件正在另一环节，由该环节的岗位决定。",
        "The case is at another stage, and that stage's office decides.",
    )


class DecisionNotOffered(Problem):
    status, slug = 422, "decision-not-offered"
    title = Text("本环节没有此项决定", "This stage does not offer that decision")
    meaning = Text("可作的决定由政策包按环节规定。", "The pack says what each stage may decide.")


class ActNotAtThisStage(Problem):
    status, slug = 409, "act-not-at-this-stage"
    title = Text("本环节不这样办理", "This stage is not passed that way")
    meaning = Text(
        "各环节的办理方式由其类型决定：推荐签名单、审核作决定、评审打分、核查登记、审定开会。",
        "A stage's kind says how it is passed: a list is signed, a decision taken, points are given,"
        " a visit is recorded, a meeting determines.",
    )


class ActNotInThisPhase(Problem):
    status, slug = 409, "act-not-in-this-phase"
    title = Text("本环节尚未到这一步，或已过这一步", "The stage is not that far, or is beyond it")
    meaning = Text(
        "专家评审依次为抽取、评分、（必要时）复议；实地核查依次为抽取、核查。",
        "A panel is drawn, scores and may be moderated; a site visit is drawn and made.",
    )


class AssignedToAnother(Problem):
    status, slug = 409, "assigned-to-another"
    title = Text("已转交他人办理", "The case is assigned to somebody else")
    meaning = Text(
        "已转交的审核件由受托人办理；改派须说明理由。",
        "Whom it was assigned to decides it; assigning it anew needs a reason.",
    )


class AssigneeUnfit(Problem):
    status, slug = 409, "assignee-unfit"
    title = Text("不能转交给此人", "The case cannot be assigned to that person")
    meaning = Text(
        "受托人是填报人、已在其他环节决定，或与企业有利害关系。",
        "That person filed it, has decided another stage, or is bound to the enterprise.",
    )


class BoundToEnterprise(Problem):
    status, slug = 409, "bound-to-enterprise"
    title = Text("与企业有利害关系，须回避", "You are bound to the enterprise")
    meaning = Text(
        "与企业有任职、持股、亲属、咨询等关系的人不得对其作出决定，须回避。",
        "Whoever works for an enterprise, has shares in it, is family or has advised it decides nothing"
        " about it.",
    )


class CreditCodeNotValid(Problem):
    status, slug = 422, "credit-code-not-valid"
    title = Text("统一社会信用代码有误", "The credit code is not valid")
    meaning = Text(
        "代码的长度、字符或校验位不符。", "Its length, alphabet or check digit is wrong."
    )


class CasesNotReadyForList(Problem):
    status, slug = 409, "cases-not-ready-for-list"
    title = Text("名单中有审核件不能一并办理", "Some cases cannot be decided with this list")
    meaning = Text(
        "名单一次办成或一件不办；errors 逐件说明原因。",
        "A list is decided as a whole or not at all; errors says what is wrong with which case.",
    )


class ListNotFound(Problem):
    status, slug = 404, "recommendation-list-not-found"
    title = Text("没有该推荐名单", "There is no such recommendation list")
    meaning = Text("名单不存在，或不在您的辖区。", "It does not exist, or is not in your division.")


class DeterminationNotFound(Problem):
    status, slug = 404, "determination-not-found"
    title = Text("没有该次审定", "There is no such determination")
    meaning = Text("审定不存在，或不在您的辖区。", "It does not exist, or is not in your division.")


class MeetingInFuture(Problem):
    status, slug = 422, "meeting-in-future"
    title = Text("会议日期晚于今天", "The meeting has not been held yet")
    meaning = Text("审定须在会议召开之后登记。", "A determination is recorded after its meeting.")


class MeetingBeforeCase(Problem):
    status, slug = 409, "meeting-before-case"
    title = Text("会议早于审核件进入审定环节", "The meeting was before the case came to it")
    meaning = Text(
        "会议只能审定召开时已在审定环节的审核件。",
        "A meeting decides what had come to its stage when it was held.",
    )


class ExpertNotFound(Problem):
    status, slug = 404, "expert-not-found"
    title = Text("专家库中没有此人", "The pool has no such expert")
    meaning = Text("请核对专家编码。", "Check the expert's code.")


class ExpertNotLate(Problem):
    status, slug = 409, "expert-not-late"
    title = Text("该专家尚未逾期，不能更换", "The expert's sheet is not overdue")
    meaning = Text(
        "只有逾期未评分或须回避的专家可以更换。",
        "An expert is excused whose sheet is overdue, or who has to step aside.",
    )


class ExpertKnownAlready(Problem):
    status, slug = 409, "expert-known-already"
    title = Text("专家库中已有此人", "The pool has this expert already")
    meaning = Text("同一账号只登记一次；信息变更请修改原记录。", "Change the record that is there.")


class ExpertUnfit(Problem):
    status, slug = 409, "expert-unfit"
    title = Text("该专家不能评审此件", "That expert cannot judge this case")
    meaning = Text(
        "不在库、已停用、已在专家组、或与企业有利害关系；errors 逐人说明。",
        "Not in the pool, inactive, on the panel already, or bound to the enterprise; errors says which.",
    )


class PanelIsDrawn(Problem):
    status, slug = 409, "panel-is-drawn"
    title = Text("专家由抽取产生", "Experts are drawn")
    meaning = Text(
        "只有抽取名单用尽而人数仍不足时，才可补聘专家。",
        "Experts are appointed only when the draw is exhausted and the panel is still short.",
    )


class PanelNotOnRoute(Problem):
    status, slug = 404, "panel-not-on-route"
    title = Text("该称号不经专家评审", "This title's route has no panel")
    meaning = Text(
        "该政策包的审核程序中没有专家评审环节。", "No stage of its pack's route is a panel."
    )


class ScoresIncomplete(Problem):
    status, slug = 422, "scores-incomplete"
    title = Text("评分不完整或超出范围", "The score sheet is incomplete or out of range")
    meaning = Text(
        "每个指标恰好评一次，分值在 0 与满分之间、最多一位小数，并说明理由。",
        "Each indicator once, from 0 to its points, one decimal place at most, with a reason.",
    )


class ScoresLocked(Problem):
    status, slug = 409, "scores-locked"
    title = Text("评分已提交，不能修改", "The score sheet is locked")
    meaning = Text("评分一经提交即锁定。", "What was submitted stays as it is.")


class ModerationOutOfRange(Problem):
    status, slug = 422, "moderation-out-of-range"
    title = Text(
        "复议分值超出专家评分范围", "The moderated points lie outside what the experts gave"
    )
    meaning = Text(
        "复议定分须在专家最低分与最高分之间。",
        "They lie between the lowest and the highest of the experts' totals.",
    )


class DrawNotFound(Problem):
    status, slug = 404, "draw-not-found"
    title = Text("没有该次抽取", "There is no such draw")
    meaning = Text("抽取不存在，或不在您的辖区。", "It does not exist, or is not in your division.")


class CasesNotReadyForDraw(Problem):
    status, slug = 409, "cases-not-ready-for-draw"
    title = Text("有审核件不能抽取", "Some cases cannot be part of the draw")
    meaning = Text(
        "只有同一批次、同一政策包、待抽取的审核件可以一并抽取；errors 逐件说明。",
        "A draw takes cases of one round and pack that await it; errors names the others.",
    )


class DrawEnded(Problem):
    status, slug = 409, "draw-ended"
    title = Text("该次抽取已结束", "The draw is over")
    meaning = Text(
        "已揭示或已作废的抽取不再改变。", "Once revealed or given up, it stays as it is."
    )


class DrawTooEarly(Problem):
    status, slug = 409, "draw-too-early"
    title = Text("公开值尚未产生，不能揭示", "The draw cannot be revealed yet")
    meaning = Text(
        "公开值在承诺之后的某日产生，揭示最早在该日。",
        "The public value comes to be on a day after the commitment, and is entered then.",
    )


class ValueKnownAlready(Problem):
    status, slug = 422, "value-known-already"
    title = Text("公开值须在承诺之后产生", "The public value has to come after the commitment")
    meaning = Text(
        "value_on 须晚于今天：承诺时任何人都不能知道该值。",
        "`value_on` is later than today: nobody may know the value at the commitment.",
    )


class VisitNotPossible(Problem):
    status, slug = 422, "visit-not-possible"
    title = Text("核查登记不成立", "The record of the visit does not hold")
    meaning = Text(
        "核查日不晚于今天；核查人不少于规定人数且包括登记人；每个核查项恰好登记一次。",
        "The day is not in the future; enough inspectors, who writes it among them; each check once.",
    )


class VisitNotAwaited(Problem):
    status, slug = 409, "visit-not-awaited"
    title = Text("该件现在不接受现场照片", "The case awaits no photographs now")
    meaning = Text(
        "只有已抽中、待实地核查的审核件接受照片。",
        "Only a case that was drawn and is still to be visited takes photographs.",
    )


class PhotographNotFound(Problem):
    status, slug = 404, "photograph-not-found"
    title = Text("没有该照片", "There is no such photograph")
    meaning = Text("该审核件没有这张照片。", "The case has no such photograph.")


class PhotographTypeRefused(Problem):
    status, slug = 415, "photograph-type-refused"
    title = Text("照片须为 JPEG 或 PNG", "A photograph is a JPEG or a PNG")
    meaning = Text(
        "文件类型按内容识别，与文件名和声明的类型无关。",
        "The type is read from the content, whatever name or type it is sent with.",
    )


class TooManyPhotographs(Problem):
    status, slug = 409, "too-many-photographs"
    title = Text("照片已达上限", "The case has all the photographs that it may have")
    meaning = Text(
        "每个审核件的现场照片有数量上限。", "The number of photographs of a case is limited."
    )


class DecisionNotFound(Problem):
    status, slug = 404, "decision-not-found"
    title = Text("该件没有这项决定", "The case has no such decision")
    meaning = Text("请核对决定的编号。", "Check the decision's identifier.")


class DecisionSetAside(Problem):
    status, slug = 409, "decision-set-aside"
    title = Text("该决定已被撤销", "The decision was set aside already")
    meaning = Text(
        "撤销过的决定不再生效，也不再撤销。", "It counts no more, and cannot be set aside twice."
    )


class DecisionStands(Problem):
    status, slug = 409, "decision-stands"
    title = Text("这项决定不能撤销", "That decision cannot be set aside")
    meaning = Text(
        "退回补正由企业重新提交而终结；已不在审核程序中的环节所作的决定不再撤销。",
        "A return ends with the resubmission, and a stage that is no longer on the route is over.",
    )


class AnotherCaseStands(Problem):
    status, slug = 409, "another-case-stands"
    title = Text("该企业已有另一审核件", "Another case of the enterprise stands")
    meaning = Text(
        "同一称号已有在审或已认定的另一审核件，恢复此件会使其重复。",
        "Another case for the same title is in review or recognised, so this one cannot come back.",
    )


class VetoStands(Problem):
    status, slug = 409, "veto-stands"
    title = Text("存在不得推荐的情形", "A veto stands against the enterprise")
    meaning = Text(
        "存在方案四所列不得推荐的情形，只能退回或不予通过。",
        "One of the vetoes of chapter 四 stands, so the case can only be returned or rejected.",
    )


class EnterpriseExcluded(Problem):
    status, slug = 409, "enterprise-excluded"
    title = Text("该企业尚在不得申报期内", "The enterprise is excluded")
    meaning = Text(
        "企业的称号因虚假申报或违法违规被撤销的，规定年限内其在审件不得再进一步，只能不予通过或由企业撤回。",
        "After a revocation for cause the enterprise's cases go no further until its years of exclusion"
        " are over. They can be rejected, or withdrawn by the enterprise.",
    )


class RemarksNeeded(Problem):
    status, slug = 422, "remarks-needed"
    title = Text("退回补正须逐项说明", "Remarks name what they are about")
    meaning = Text(
        "退回补正须列明须补正的事实；remarks 中的名称须为政策包所定义。",
        "A return lists each fact to correct, by a name that the pack defines.",
    )


class NoticeNotFound(Problem):
    status, slug = 404, "notice-not-found"
    title = Text("没有该公示", "There is no such notice")
    meaning = Text("公示不存在或尚未开始。", "It does not exist, or has not begun.")


class NoticeInPast(Problem):
    status, slug = 422, "notice-in-past"
    title = Text("公示不能从过去的日期开始", "A notice cannot begin in the past")
    meaning = Text("公示开始日不得早于今天。", "It begins today at the earliest.")


class NoticeTooFar(Problem):
    status, slug = 422, "notice-too-far"
    title = Text("公示开始日过远", "The notice would begin too far ahead")
    meaning = Text("公示最迟在 60 天内开始。", "It begins within sixty days.")


class CasesNotReadyForNotice(Problem):
    status, slug = 409, "cases-not-ready-for-notice"
    title = Text("有审核件不能公示", "Some cases cannot be put on notice")
    meaning = Text(
        "只有同一批次、已审定而未公示的审核件可以公示；errors 逐件说明。",
        "Only determined cases of the round that are on no notice can be; errors names the others.",
    )


class NoticeStillRunning(Problem):
    status, slug = 409, "notice-still-running"
    title = Text("公示期未满", "The notice is still running")
    meaning = Text(
        "公示期满次日起方可公布认定。", "Recognition follows the last day of the notice."
    )


class RecognitionDayNotPossible(Problem):
    status, slug = 422, "recognition-day-not-possible"
    title = Text("认定日期不成立", "That day of recognition is not possible")
    meaning = Text(
        "认定日期须晚于公示截止日且不晚于今天。",
        "It follows the last day of the notice and is not in the future.",
    )


class HearingNotOver(Problem):
    status, slug = 409, "hearing-not-over"
    title = Text("尚未听取市州和企业意见", "The city and the enterprise have not been heard")
    meaning = Text(
        "市州与企业均已答复，或答复期满，方可处理异议。",
        "An objection is resolved once both have answered, or their days are over.",
    )


class StatementGiven(Problem):
    status, slug = 409, "statement-given"
    title = Text("已经答复", "An answer was given already")
    meaning = Text("市州和企业各答复一次。", "The city and the enterprise answer once each.")


class NothingToRecognise(Problem):
    status, slug = 409, "nothing-to-recognise"
    title = Text("没有可以认定的审核件", "Nothing on this notice can be recognised now")
    meaning = Text(
        "公示中的审核件均已办结，仍有未处理的异议，或企业尚在不得申报期内。",
        "Every case on it is settled, still has an open objection, or is of an excluded enterprise.",
    )


class NoticeNotRunning(Problem):
    status, slug = 409, "notice-not-running"
    title = Text("不在公示期内", "The notice takes no objections now")
    meaning = Text(
        "异议须在公示期内（北京时间）提出。",
        "Objections are taken from its first day to the end of its last, China Standard Time.",
    )


class NotOnNotice(Problem):
    status, slug = 422, "not-on-notice"
    title = Text("该企业不在本公示名单中", "That enterprise is not on this notice")
    meaning = Text(
        "异议须指明本公示名单中的企业。", "An objection names an enterprise that is on the notice."
    )


class ObjectionNotFound(Problem):
    status, slug = 404, "objection-not-found"
    title = Text("没有该异议", "There is no such objection")
    meaning = Text("异议不存在，或不在您的辖区。", "It does not exist, or is not in your division.")


class ObjectionResolvedAlready(Problem):
    status, slug = 409, "objection-resolved"
    title = Text("异议已处理", "The objection is resolved already")
    meaning = Text("已处理的异议不再改变。", "What was decided on it stays.")
