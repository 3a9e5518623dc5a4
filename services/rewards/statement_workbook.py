"""A fiscal year's statements as a workbook, an enterprise a row."""

from datetime import datetime
from typing import Final

from services.kernel.text import Text
from services.policy.divisions import place_name
from services.rewards.money_workbook import Cell, Column, MoneyTable, money_xlsx, standing_as_of
from services.rewards.statement_schemas import EnterpriseStatementOut, YearStatementsOut

SHEET: Final = "年度对账单"
_COLUMNS: Final = (
    Column(Text("统一社会信用代码", "Unified social credit code"), 21),
    Column(Text("企业名称", "Legal name"), 32),
    Column(Text("区划代码", "Division"), 10),
    Column(Text("所属地", "Place"), 18),
    Column(Text("奖励笔数", "Awards"), 9, is_added=True),
    Column(Text("核定", "Granted"), 18, is_added=True),
    Column(Text("已取消", "Cancelled"), 18, is_added=True),
    Column(Text("已拨付", "Disbursed"), 18, is_added=True),
    Column(Text("应追回", "To be paid back"), 18, is_added=True),
    Column(Text("已追回", "Recovered"), 18, is_added=True),
    Column(Text("已核销", "Waived"), 18, is_added=True),
)


def statements_xlsx(of: YearStatementsOut, *, at: datetime, by: str, source: str) -> bytes:
    """Return a year's statements as a workbook in yuan; the same bytes for the same statements.

    `source` is the address that they are answered at.
    """
    place = place_name(of.region)
    return money_xlsx(
        MoneyTable(
            sheet=SHEET,
            title=Text(
                f"{of.fiscal_year}财政年度“专精特新”奖励资金对账单（{place}）",
                f"Award statements of fiscal year {of.fiscal_year}, division {of.region}",
            ),
            standing=standing_as_of(at, by),
            columns=_COLUMNS,
            rows=[_row(one) for one in of.items],
            notes=(
                Text(
                    "每户企业一行，合计该财政年度的全部奖励，无论资金何时拨付或追回；各数即台账之数。",
                    "A row for each enterprise sums up its awards of the fiscal year, whenever the"
                    " money moved. The sums are the ledger's own.",
                ),
                Text(
                    "核定不含已取消的部分；已拨付不含银行退票；企业名称和所属地以最近一项奖励为准。",
                    "Granted is without what was cancelled, disbursed without what the bank returned;"
                    " name and place are those of the latest award.",
                ),
                Text(
                    f"来源：{source}。本表未签名；签名件以 .jws 取得。",
                    f"Source: {source}. This workbook is not signed; the .jws is.",
                ),
            ),
            made_at=at,
        )
    )


def _row(of: EnterpriseStatementOut) -> tuple[Cell, ...]:
    return (
        of.uscc,
        of.legal_name,
        of.region,
        place_name(of.region),
        of.awards_count,
        of.granted,
        of.cancelled,
        of.disbursed,
        of.recovery_due,
        of.recovered,
        of.waived,
    )
