"""What every service answers about what is wrong with a workbook."""

from pydantic import Field

from services.kernel.schemas import Out
from services.kernel.text import Language
from services.kernel.workbooks.imports import RowErrorColumns


class RowErrorOut(Out):
    """一处错误：表格中的行和列。What is wrong, and where in the spreadsheet."""

    row: int
    column: str = Field(description="列字母；整行的错误为空。Its letter; empty for a whole row.")
    label: str = Field(description="列标题。The column's heading.")
    fact: str
    code: str
    detail: str


class RefusalOut(Out):
    code: str
    detail: str


def row_error_out(of: RowErrorColumns, language: Language) -> RowErrorOut:
    return RowErrorOut(
        row=of.row,
        column=of.column,
        label=of.label,
        fact=of.fact,
        code=of.code,
        detail=of.zh if language == "zh-CN" else of.en,
    )


def refusal_out(of: dict[str, str] | None, language: Language) -> RefusalOut | None:
    """Return why nothing of a file was taken over, where that is so."""
    if of is None:
        return None
    return RefusalOut(code=of["code"], detail=of["zh" if language == "zh-CN" else "en"])
