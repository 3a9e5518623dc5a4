"""What intake refuses, by name."""

from services.kernel.problems import Problem
from services.kernel.text import Text


class RoundNotFound(Problem):
    status, slug = 404, "round-not-found"
    title = Text("没有该申报批次", "There is no such round")
    meaning = Text("申报批次不存在。", "The round does not exist.")


class RoundCodeTaken(Problem):
    status, slug = 409, "round-code-taken"
    title = Text("批次编号已被使用", "The round code is taken")
    meaning = Text("每个批次编号只能使用一次。", "A round code can be used once.")


class RoundNotOpen(Problem):
    status, slug = 409, "round-not-open"
    title = Text("不在申报时间内", "The round is not open")
    meaning = Text(
        "申报须在开放日零时至截止日二十四时（北京时间）之间提交。",
        "A submission counts from midnight of the opening day to the end of the closing day,"
        " China Standard Time.",
    )


class RoundClosed(Problem):
    status, slug = 409, "round-closed"
    title = Text("批次已关闭", "The round is closed for good")
    meaning = Text("已关闭的批次不能再延期或关闭。", "It can be neither extended nor closed again.")


class ExtensionTooEarly(Problem):
    status, slug = 422, "extension-not-later"
    title = Text("延期日期须晚于原截止日", "An extension must end later")
    meaning = Text(
        "新的截止日须晚于现行截止日。", "The new closing day must follow the present one."
    )


class UnknownPackOrTitle(Problem):
    status, slug = 422, "unknown-pack-or-title"
    title = Text("政策包或称号不存在", "There is no such policy pack or title")
    meaning = Text(
        "政策包须为已发布的版本，且其中须有该称号并设有评审程序。",
        "The pack must be published and must have the title, with stages of review.",
    )


class ApplicationNotFound(Problem):
    status, slug = 404, "application-not-found"
    title = Text("没有该申报", "There is no such application")
    meaning = Text(
        "申报不存在，或不属于您的企业、辖区。",
        "It does not exist, or belongs to another enterprise or division.",
    )


class ApplicationInHand(Problem):
    status, slug = 409, "application-in-hand"
    title = Text("已有在办申报", "Another application is in hand")
    meaning = Text(
        "该企业对同一称号的另一申报尚未办结。",
        "Another application of the enterprise for this title waits for its decision.",
    )


class ApplicationExists(Problem):
    status, slug = 409, "application-exists"
    title = Text("本批次已有申报", "The enterprise has an application in this round")
    meaning = Text(
        "同一企业在同一批次同一称号只能有一件有效申报；可撤回后重新申报。",
        "An enterprise has one live application for a title in a round; withdraw it to start anew.",
    )


class FactsInvalid(Problem):
    status, slug = 422, "facts-invalid"
    title = Text("申报事实不符合要求", "Some facts are not acceptable")
    meaning = Text(
        "errors 逐项指出事实名称、代码和说明。",
        "errors names each fact, its code and what is wrong.",
    )


class NotYourEnterprise(Problem):
    status, slug = 403, "not-your-enterprise"
    title = Text("只能为本企业或本辖区企业申报", "You may not file for this enterprise")
    meaning = Text(
        "企业用户只能为令牌所载统一社会信用代码的企业申报；主管部门只能为本辖区企业申报。",
        "An enterprise files for the credit code in its token; an office for its own division.",
    )


class ApplicationNotEditable(Problem):
    status, slug = 409, "application-not-editable"
    title = Text("当前状态不能修改", "It cannot be edited now")
    meaning = Text(
        "草稿可以修改；退回补正的申报只能修改被指出的内容。",
        "A draft can be edited; a returned application only where a correction was asked for.",
    )


class FactNotOpened(Problem):
    status, slug = 409, "fact-not-opened"
    title = Text("该项未要求补正", "No correction of this was asked for")
    meaning = Text(
        "退回补正的申报只能修改补正意见指出的内容。",
        "Only what the remarks name can be changed.",
    )


class ApplicationIncomplete(Problem):
    status, slug = 409, "application-incomplete"
    title = Text("申报尚不完整", "The application is not complete")
    meaning = Text("errors 列出仍缺少的内容。", "errors lists what is still missing.")


class NotEligible(Problem):
    status, slug = 409, "not-eligible"
    title = Text("不符合申报条件", "A condition of the programme is not met")
    meaning = Text(
        "errors 逐条列出不符合的条件、所依据的条款和数值。",
        "errors lists each condition that is not met, with its clause and figures.",
    )


class ApplicationNotSubmittable(Problem):
    status, slug = 409, "application-not-submittable"
    title = Text("当前状态不能提交", "It cannot be submitted now")
    meaning = Text("只有草稿或退回补正的申报可以提交。", "Only a draft or a returned one can be.")


class ApplicationNotWithdrawable(Problem):
    status, slug = 409, "application-not-withdrawable"
    title = Text("当前状态不能撤回", "It cannot be withdrawn now")
    meaning = Text("已办结的申报不能撤回。", "A decided application stays as it is.")


class PackNotFound(Problem):
    status, slug = 404, "pack-not-found"
    title = Text("没有该政策包", "There is no such policy pack")
    meaning = Text("政策包不存在，见 /api/v1/packs。", "It does not exist; see /api/v1/packs.")


class TitleHeldAlready(Problem):
    status, slug = 409, "title-held-already"
    title = Text("已持有该称号", "The enterprise holds the title")
    meaning = Text(
        "有效期内的称号不需要新申请；期满前请申报复核。",
        "A title that is valid is not applied for anew; file a renewal before it ends.",
    )


class NothingToRenew(Problem):
    status, slug = 409, "nothing-to-renew"
    title = Text("没有可复核的称号", "There is no title to renew")
    meaning = Text(
        "复核须持有未被撤销的该称号。", "A renewal needs the title, granted before and not revoked."
    )


class RenewalNotOpen(Problem):
    status, slug = 409, "renewal-not-open"
    title = Text("尚未到复核申报时间", "The renewal is not open yet")
    meaning = Text(
        "复核在有效期届满前规定的月数内受理。",
        "A renewal is taken in the months before the term ends that the pack names.",
    )


class Excluded(Problem):
    status, slug = 409, "excluded"
    title = Text("尚在不得申报期内", "The enterprise may not apply yet")
    meaning = Text(
        "因虚假申报或违法违规被撤销称号的，在规定年限内不得申报。",
        "After a revocation for false declaration or violation of law, years have to pass first.",
    )


class EnterpriseWordMissing(Problem):
    status, slug = 409, "enterprise-word-missing"
    title = Text("尚无企业授权", "The enterprise has not given its word")
    meaning = Text(
        "代企业申报须经企业确认该草稿，或由企业委托（filing-mandates）办理单位。",
        "Who files for an enterprise needs its confirmation of the draft, or its mandate"
        " (filing-mandates).",
    )


class NothingToConfirm(Problem):
    status, slug = 409, "nothing-to-confirm"
    title = Text("无需确认", "There is nothing to confirm")
    meaning = Text(
        "只有主管部门代填、企业尚未确认的草稿可以确认。",
        "Only a draft that an office made, and the enterprise has not confirmed, can be.",
    )


class MandateNotFound(Problem):
    status, slug = 404, "mandate-not-found"
    title = Text("没有该委托", "There is no such mandate")
    meaning = Text("委托不存在或不属于本企业。", "It does not exist, or is not your enterprise's.")


class MandateEnded(Problem):
    status, slug = 409, "mandate-ended"
    title = Text("委托已终止", "The mandate has ended")
    meaning = Text("已收回的委托不能再次收回。", "A mandate is taken back once.")


class MandateNotPossible(Problem):
    status, slug = 422, "mandate-not-possible"
    title = Text("不能作此委托", "Such a mandate cannot be given")
    meaning = Text(
        "受托单位须为现行的县级或市州级行政区划（含贵安新区），期限自今日起至多三年。",
        "It is given to a county or a city (or 贵安新区) of today, until a day within three years.",
    )


class DocumentKindUnknown(Problem):
    status, slug = 404, "document-kind-unknown"
    title = Text("政策包没有该材料", "The pack knows no such document")
    meaning = Text(
        "材料种类见 GET /applications/{id}/documents。",
        "GET /applications/{id}/documents lists the kinds.",
    )


class DocumentNotFound(Problem):
    status, slug = 404, "document-not-found"
    title = Text("尚未提交该材料", "There is no such document yet")
    meaning = Text("该申报尚无此种材料。", "The application has no document of this kind.")


class DocumentHeld(Problem):
    status, slug, settles = 409, "document-held", False
    title = Text("材料正在查毒", "The document is being looked into")
    meaning = Text(
        "文件在确认无害前不提供下载，稍后即可。已上传的文件不会丢失。",
        "A file is held until the scanner found it clean; it is safe and will be there shortly.",
    )


class DocumentInfected(Problem):
    status, slug = 409, "document-infected"
    title = Text("材料含有恶意代码", "The document holds malicious code")
    meaning = Text(
        "查毒发现恶意代码，文件不提供下载，也不计入材料；请重新提交干净的文件。",
        "The scanner found malicious code: it is given to nobody and does not count. Send another.",
    )


class DocumentTypeRefused(Problem):
    status, slug = 415, "document-type-refused"
    title = Text("文件类型不符合要求", "A file of this type is not taken here")
    meaning = Text(
        "文件类型按内容识别，与文件名和声明的类型无关；可接受的类型见材料清单。",
        "The type is read from the content, whatever name or type it is sent with.",
    )


class ContactInvalid(Problem):
    status, slug = 422, "contact-invalid"
    title = Text("联系方式不符合要求", "The contact cannot be used")
    meaning = Text(
        "errors 逐项指出位置、代码和说明。", "errors names each place and what is wrong."
    )


class ContactNotFound(Problem):
    status, slug = 404, "contact-not-found"
    title = Text("尚未填写联系人", "There is no contact yet")
    meaning = Text("该申报尚未填写联系人。", "The application does not say whom to call yet.")


class NotInRegister(Problem):
    status, slug = 404, "not-in-register"
    title = Text("登记数据中没有该企业", "The register does not know the enterprise")
    meaning = Text(
        "登记数据中没有该统一社会信用代码；请自行填写。",
        "It has no record of the credit code; the facts are to be filled in by hand.",
    )


class RegisterAway(Problem):
    status, slug, settles = 503, "register-unavailable", False
    title = Text("登记数据暂不可用", "The register cannot be asked now")
    meaning = Text(
        "暂时无法查询登记数据，这不代表企业未登记；可先自行填写，稍后再试。",
        "It cannot be asked now, which says nothing of the enterprise. Fill in by hand or try later.",
    )


class CopyNotPossible(Problem):
    status, slug = 422, "copy-not-possible"
    title = Text("不能沿用该申报", "The earlier application cannot be copied")
    meaning = Text(
        "只能沿用同一企业、您有权查看的申报。",
        "Only an application of the same enterprise that you may see can be copied.",
    )
