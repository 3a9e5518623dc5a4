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
    title = Text("该审核件不再接受审核意见", "The case takes no decision now")
    meaning = Text(
        "已退回、已公示或已办结的审核件不接受审核意见。",
        "A case that is returned, on notice or closed takes no decision.",
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


class VetoStands(Problem):
    status, slug = 409, "veto-stands"
    title = Text("存在不得推荐的情形", "A veto stands against the enterprise")
    meaning = Text(
        "存在方案四所列不得推荐的情形，只能退回或不予通过。",
        "One of the vetoes of chapter 四 stands, so the case can only be returned or rejected.",
    )


class RemarksNeeded(Problem):
    status, slug = 422, "remarks-needed"
    title = Text("退回补正须逐项说明", "A return says what is to be corrected")
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


class NothingToRecognise(Problem):
    status, slug = 409, "nothing-to-recognise"
    title = Text("没有可以认定的审核件", "Nothing on this notice can be recognised now")
    meaning = Text(
        "公示中的审核件均已办结，或仍有未处理的异议。",
        "Every case on it is settled, or still has an open objection.",
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


class ObjectionResolved(Problem):
    status, slug = 409, "objection-resolved"
    title = Text("异议已处理", "The objection is resolved already")
    meaning = Text("已处理的异议不再改变。", "What was decided on it stays.")
