"""What is answered of a year's statements. Money is a decimal string in yuan."""

from pydantic import Field

from services.kernel.schemas import Out
from services.rewards.schemas import MoneyOut


class EnterpriseStatementOut(Out):
    uscc: str
    legal_name: str = Field(description="最近一项奖励所载名称。As its latest award has it.")
    region: str = Field(description="最近一项奖励所载区划。As its latest award has it.")
    awards_count: int = Field(description="含已取消的。With those that were cancelled.")
    granted: MoneyOut = Field(description="不含已取消的。Without what was cancelled.")
    cancelled: MoneyOut
    disbursed: MoneyOut = Field(description="不含银行退票。Without what the bank returned.")
    recovery_due: MoneyOut
    recovered: MoneyOut
    waived: MoneyOut


class StatementSumsOut(Out):
    """What all rows add up to."""

    enterprises_count: int
    awards_count: int
    granted: MoneyOut
    cancelled: MoneyOut
    disbursed: MoneyOut
    recovery_due: MoneyOut
    recovered: MoneyOut
    waived: MoneyOut


class YearStatementsOut(Out):
    """A fiscal year's statements of one division, whole: what is signed, and what a workbook holds."""

    fiscal_year: int
    region: str
    totals: StatementSumsOut
    items: list[EnterpriseStatementOut]
