"""What is refused about what is followed between two recognitions, by name."""

from services.kernel.problems import Problem
from services.kernel.text import Text


class DayToCome(Problem):
    status, slug = 422, "day-to-come"
    title = Text("日期不能晚于今天", "The day is still to come")
    meaning = Text(
        "此处只登记已发生之事；年度也不得晚于其日期。",
        "Only what has happened is recorded here, and no year is later than its day.",
    )


class AnnualReportYearNotPossible(Problem):
    status, slug = 422, "annual-report-year-not-possible"
    title = Text("该年度不能报告", "That year cannot be reported")
    meaning = Text(
        "报告已结束的年度，且不早于十年前。",
        "A year is reported once it is over, and for ten years.",
    )


class AnnualReportNotAcceptable(Problem):
    status, slug = 422, "annual-report-not-acceptable"
    title = Text("年度数据不符合要求", "Some figures are not acceptable")
    meaning = Text(
        "errors 逐项指出事实名称、代码和说明。",
        "errors names each fact, its code and what is wrong.",
    )


class AnnualReportMadeAlready(Problem):
    status, slug = 409, "annual-report-made-already"
    title = Text("该年度已报告", "The year has been reported")
    meaning = Text(
        "更正须填写 correction_reason；原报告保留，不会被覆盖。",
        "A correction needs its correction_reason; the first report stays as it is.",
    )


class AnnualReportNothingToCorrect(Problem):
    status, slug = 409, "annual-report-nothing-to-correct"
    title = Text("该年度尚无报告可更正", "There is no report of the year to correct")
    meaning = Text(
        "首次报告不填 correction_reason；请核对年度。",
        "A first report has no correction_reason; look at the year again.",
    )


class AnnualReportWithoutRules(Problem):
    status, slug = 409, "annual-report-without-rules"
    title = Text("没有可依据的政策包", "No pack says what to report")
    meaning = Text(
        "企业没有现行称号，其所属地也没有在施行的政策包。",
        "The enterprise holds no current title, and no pack is in force for its division.",
    )


class FindingKnownAlready(Problem):
    status, slug = 409, "finding-known-already"
    title = Text("该文号的查实结论已登记", "A finding of this number is on record")
    meaning = Text(
        "同一企业同一文号只登记一次，登记后不能更改。",
        "An enterprise's finding is recorded once under its number, and it stays.",
    )


class TypicalCaseChosenAlready(Problem):
    status, slug = 409, "typical-case-chosen-already"
    title = Text("该企业本年度已入选", "It has been chosen for the year")
    meaning = Text(
        "同一企业每年只入选一个典型案例。", "An enterprise is the example of a year once."
    )


class TypicalCaseNeedsTitle(Problem):
    status, slug = 409, "typical-case-needs-title"
    title = Text("入选之日没有有效称号", "It held no valid title on that day")
    meaning = Text(
        "典型案例从当日持有有效称号的企业中遴选。",
        "Examples are chosen among those that hold a valid title on the day.",
    )


class LibraryEntryNotFound(Problem):
    status, slug = 404, "library-entry-not-found"
    title = Text("培育库中没有该企业", "The library has no such enterprise")
    meaning = Text(
        "该企业未曾入库，或您无权查看。", "It never was in a library, or you may not see it."
    )


class LibraryNotMember(Problem):
    status, slug = 409, "library-not-member"
    title = Text("该企业不在培育库中", "It is not in the library")
    meaning = Text("已出库的企业不能再次出库。", "What has left cannot leave again.")


class LibraryDayNotPossible(Problem):
    status, slug = 409, "library-day-not-possible"
    title = Text("早于已登记的入库或出库", "An earlier entry or departure is later than that")
    meaning = Text(
        "入库、出库依次登记，日期不得早于前一次。",
        "Entries and departures follow each other: none is before the one on record.",
    )


class FocusFieldUnknown(Problem):
    status, slug = 422, "focus-field-unknown"
    title = Text("没有该重点领域", "There is no such focus field")
    meaning = Text(
        "须为所属地施行中的政策包所列重点领域。",
        "It is one that a pack in force for the division lists.",
    )


class FocusFieldDiffers(Problem):
    status, slug = 409, "focus-field-differs"
    title = Text("重点领域与名录不一致", "The registry has it in another field")
    meaning = Text(
        "入库不改变名录已有的内容。", "Entering a library changes nothing that is on record."
    )


class ExaminationNotFound(Problem):
    status, slug = 404, "examination-not-found"
    title = Text("没有该审查", "There is no such examination")
    meaning = Text("审查不存在，或您无权查看。", "It does not exist, or you may not see it.")


class ExaminationConcluded(Problem):
    status, slug = 409, "examination-concluded"
    title = Text("该审查已办结", "The examination is concluded")
    meaning = Text("结论只作出一次，不能更改。", "It is concluded once, and that stays.")
