"""What screenings refuse, by name."""

from services.kernel.problems import Problem
from services.kernel.text import Text


class ScreeningNotFound(Problem):
    status, slug = 404, "screening-not-found"
    title = Text("没有该筛查", "There is no such screening")
    meaning = Text("筛查不存在，或您无权查看。", "It does not exist, or you may not see it.")


class ScreeningRowNotFound(Problem):
    status, slug = 404, "screening-row-not-found"
    title = Text("筛查结果中没有该企业", "The screening has no such enterprise")
    meaning = Text(
        "该企业不在筛查范围内，或您无权查看。", "It was not screened, or you may not see it."
    )


class ScreeningNotDone(Problem):
    status, slug, settles = 409, "screening-not-done", False
    title = Text("筛查尚无结果", "The screening has no result")
    meaning = Text(
        "筛查尚未完成或未能完成，见其 state。", "It is not done yet, or failed: see its state."
    )


class TooManyScreenings(Problem):
    status, slug, settles = 409, "too-many-screenings", False
    title = Text("未完成的筛查过多", "Too many screenings are under way")
    meaning = Text(
        "本省已有 5 项筛查尚未完成；请等待完成后再提出。",
        "Your province has five screenings under way; wait until one of them has ended.",
    )


class ScreeningPackUnknown(Problem):
    status, slug = 422, "screening-pack-unknown"
    title = Text("没有该政策包", "No pack has this name")
    meaning = Text(
        "须为已发布的政策包，见 /api/v1/packs。", "Name a published pack: /api/v1/packs."
    )


class ScreeningTitleUnknown(Problem):
    status, slug = 422, "screening-title-unknown"
    title = Text("政策包没有为该称号设定条件", "The pack sets no conditions for this title")
    meaning = Text(
        "只能按政策包设有条件的称号筛查。",
        "A title is screened for that the pack sets conditions for.",
    )


class ScreeningConditionUnknown(Problem):
    status, slug = 422, "screening-condition-unknown"
    title = Text("筛查中没有该条件", "The screening asked no such condition")
    meaning = Text(
        "条件的 id 见筛查的 conditions。", "The screening's `conditions` name their ids."
    )


class ScreeningDraftUnsound(Problem):
    status, slug = 422, "screening-draft-unsound"
    title = Text("政策包草案不成立", "The draft of a pack does not hold together")
    meaning = Text(
        "草案按正式政策包的要求检查，errors 逐项列出问题。",
        "A draft is read as strictly as a pack; errors names each flaw.",
    )
