"""What the registry refuses, by name."""

from services.kernel.problems import Problem
from services.kernel.text import Text


class EnterpriseNotFound(Problem):
    status, slug = 404, "enterprise-not-found"
    title = Text("名录中没有该企业", "The registry has no such enterprise")
    meaning = Text(
        "该企业未获认定，或您无权查看。", "It was never recognised, or you may not see it."
    )


class RecognitionNotFound(Problem):
    status, slug = 404, "recognition-not-found"
    title = Text("没有该认定", "There is no such recognition")
    meaning = Text("认定不存在，或您无权查看。", "It does not exist, or you may not see it.")


class CertificateNotFound(Problem):
    status, slug = 404, "certificate-not-found"
    title = Text("没有该证书", "There is no such certificate")
    meaning = Text("证书编号不存在。", "No certificate has this number.")


class CreditCodeNotValid(Problem):
    status, slug = 422, "credit-code-not-valid"
    title = Text("统一社会信用代码有误", "The credit code is not valid")
    meaning = Text(
        "代码的长度、字符或校验位不符。", "Its length, alphabet or check digit is wrong."
    )


class TitleNotRecordedHere(Problem):
    status, slug = 422, "title-not-recorded-here"
    title = Text("该称号不由此登记", "This title is not recorded this way")
    meaning = Text(
        "此处只登记国家部委公布的称号；其他称号由审核程序认定。",
        "Only a title that the ministry confers is recorded here; others come from review.",
    )


class AlreadyRecognised(Problem):
    status, slug = 409, "already-recognised"
    title = Text("该企业已持有此称号", "The enterprise holds this title already")
    meaning = Text(
        "同一企业同一称号只能有一项有效认定。",
        "An enterprise has one current recognition of a title.",
    )


class RecognitionInFuture(Problem):
    status, slug = 422, "recognition-in-future"
    title = Text("起始日不能晚于今天", "It cannot begin in the future")
    meaning = Text("公布之日已到方可登记。", "It is recorded once its first day has come.")


class RecognitionRevokedAlready(Problem):
    status, slug = 409, "recognition-revoked"
    title = Text("该认定已撤销", "The recognition is revoked already")
    meaning = Text("撤销只能作出一次，不能更改。", "A revocation is made once and stays.")


class FindingNeeded(Problem):
    status, slug = 422, "finding-needed"
    title = Text("须注明查实文书", "The finding has to be named")
    meaning = Text(
        "以此情形撤销须“一经查实”，请填写查实文书文号。",
        "This ground has to be established first (一经查实); name the finding's number.",
    )


class RevocationDayNotPossible(Problem):
    status, slug = 422, "revocation-day-not-possible"
    title = Text("撤销日期不成立", "That day of revocation is not possible")
    meaning = Text(
        "撤销日期不得早于认定起始日，也不得晚于今天。",
        "It is not before the title begins and not after today.",
    )


class UnknownGround(Problem):
    status, slug = 422, "unknown-revocation-ground"
    title = Text("政策包没有该撤销情形", "The pack has no such ground of revocation")
    meaning = Text(
        "撤销须依据认定时所用政策包规定的情形。",
        "A title is revoked on a ground of the pack that it was given under.",
    )


class OtherDivision(Problem):
    status, slug = 409, "enterprise-in-other-division"
    title = Text("企业所属地与名录不一致", "The registry has the enterprise in another division")
    meaning = Text(
        "登记国家称号不改变企业所属地；所属地变更须另行办理。",
        "Recording a national title moves no enterprise; a move is recorded by itself.",
    )


class FindingNotRecorded(Problem):
    status, slug = 409, "finding-not-recorded"
    title = Text("尚无该查实结论", "No such finding is on record")
    meaning = Text(
        "“一经查实”方可撤销：请先登记该企业、该情形的查实结论，其日期不得晚于撤销日期。",
        "It has to be established first (一经查实): record the finding for this enterprise and"
        " ground, made on or before the day of revocation.",
    )


class UnknownTitle(Problem):
    status, slug = 422, "unknown-title"
    title = Text("没有政策包规定该称号", "No pack has this title")
    meaning = Text(
        "称号须为该地区政策包所列的称号代码。",
        "A title is one of those that a pack of the division lists.",
    )


class UnknownDivision(Problem):
    status, slug = 422, "unknown-division"
    title = Text("没有该行政区划", "There is no such division")
    meaning = Text("代码见 /api/v1/divisions。", "The codes are at /api/v1/divisions.")


class TermNotPossible(Problem):
    status, slug = 422, "term-not-possible"
    title = Text("有效期不成立", "That term is not possible")
    meaning = Text(
        "有效期止不得早于有效期起，起始日和认定日不得晚于今天。",
        "A term does not end before it begins, and neither it nor its decision is to come.",
    )


class TermOverlaps(Problem):
    status, slug = 409, "term-overlaps"
    title = Text("有效期与已登记的重叠", "The term overlaps one on record")
    meaning = Text(
        "同一称号的有效期不能重叠；已登记的有效期不会被改写。",
        "Terms of one title share no day, and what is on record is not rewritten.",
    )


class CertificateNumberTaken(Problem):
    status, slug = 409, "certificate-number-taken"
    title = Text("证书编号已被使用", "The certificate number is taken")
    meaning = Text(
        "证书编号只属于一项认定；同一认定的各期沿用同一编号。",
        "A number belongs to one recognition, whose later terms keep it.",
    )


class NameDiffers(Problem):
    status, slug = 409, "name-differs"
    title = Text("名称与名录不一致", "The registry knows it by another name")
    meaning = Text(
        "请核对名称；企业更名须先办理变更登记。",
        "Compare the names; a renamed enterprise is recorded by a change first.",
    )


class ChangeNotPossible(Problem):
    status, slug = 422, "change-not-possible"
    title = Text("变更不成立", "That change is not possible")
    meaning = Text(
        "变更须与现状不同、不得晚于今天，并给出该类变更所需的内容。",
        "A change differs from what is so, is not to come, and names what its kind needs.",
    )


class SuccessorHoldsTitle(Problem):
    status, slug = 409, "successor-holds-title"
    title = Text("承继企业已持有该称号", "The successor holds the title already")
    meaning = Text(
        "同一企业同一称号只能有一项有效认定：请先处理其中一项。",
        "An enterprise has one current recognition of a title: end one of the two first.",
    )


class ChangeNotFound(Problem):
    status, slug = 404, "change-not-found"
    title = Text("没有该变更", "There is no such change")
    meaning = Text("变更不存在，或您无权查看。", "It does not exist, or you may not see it.")


class ChangeReportedAlready(Problem):
    status, slug = 409, "change-reported-already"
    title = Text("该变更已报告", "The change has been reported")
    meaning = Text("报告日期只登记一次。", "The day of a report is recorded once.")


class RenewalRoundNotFound(Problem):
    status, slug = 404, "renewal-round-not-found"
    title = Text("没有该复核批次", "There is no such renewal round")
    meaning = Text("批次不存在，或您无权查看。", "It does not exist, or you may not see it.")


class RenewalRoundCodeTaken(Problem):
    status, slug = 409, "renewal-round-code-taken"
    title = Text("复核批次代码已被使用", "The code of the renewal round is taken")
    meaning = Text("同一地区的批次代码不重复。", "A region uses a code once.")


class NobodyToRenew(Problem):
    status, slug = 409, "nobody-to-renew"
    title = Text("该时段没有期满的认定", "No term ends in that window")
    meaning = Text(
        "没有未撤销、尚未续期且在该时段期满的认定。",
        "There is no recognition that runs, is not renewed yet and ends between these days.",
    )


class RenewalStillOpen(Problem):
    status, slug = 409, "renewal-still-open"
    title = Text("复核尚未结束", "The renewal is not over")
    meaning = Text(
        "有效期届满且材料提交期限已过，方可以未通过或未提交为由撤销；材料在审的须待审结。",
        "A title is revoked for a failed or missing renewal once its term and the time for material"
        " are over, and not while material is being reviewed.",
    )


class BulletinNotYet(Problem):
    status, slug = 404, "bulletin-not-yet"
    title = Text("该年度没有通报", "There is no bulletin of that year")
    meaning = Text(
        "通报自方案施行之年起，至本年度止。",
        "There are bulletins from the year in which the plan came into force to the running one.",
    )
