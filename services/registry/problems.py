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
