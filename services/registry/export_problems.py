"""What is refused of an export, by name."""

from services.kernel.problems import Problem
from services.kernel.text import Text


class ExportTooLarge(Problem):
    status, slug = 422, "export-too-large"
    title = Text("超过一张工作表的行数", "There are more rows than one sheet has")
    meaning = Text(
        "XLSX 一张工作表最多 1,048,576 行；请缩小范围，或改用 CSV。",
        "A sheet of XLSX has 1,048,576 rows; narrow the search, or take the CSV.",
    )
