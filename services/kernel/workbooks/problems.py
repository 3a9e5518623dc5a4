"""What is refused of a workbook before anybody reads it, by name."""

from services.kernel.problems import Problem
from services.kernel.text import Text


class ImportNotFound(Problem):
    status, slug = 404, "import-not-found"
    title = Text("没有该导入任务", "There is no such import")
    meaning = Text(
        "导入任务不存在，或不属于本辖区。", "It does not exist, or belongs to another division."
    )


class TooManyImports(Problem):
    status, slug, settles = 409, "too-many-imports", False
    title = Text("未完成的导入过多", "Too many imports are under way")
    meaning = Text(
        "本单位已有 5 个导入任务尚未完成；请等待完成后再上传。",
        "Your office has five imports under way; wait until one of them has ended.",
    )


class NotAWorkbook(Problem):
    status, slug = 415, "not-a-workbook"
    title = Text("不是 XLSX 文件", "It is no XLSX workbook")
    meaning = Text(
        "请上传由模板填写的 XLSX 文件。",
        "Send an XLSX workbook, such as the template filled in.",
    )
