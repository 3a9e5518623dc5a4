"""A batch of payments as a workbook, an order a row, as each stands."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from services.kernel.text import Text
from services.policy.divisions import place_name
from services.rewards.batch_schemas import BatchOut, LineOut
from services.rewards.money_workbook import Cell, Column, MoneyTable, money_xlsx, standing_as_of
from services.rewards.workflow import LineStatus

SHEET: Final = "拨付批次"
LINE_STATUS_NAMES: Final[Mapping[LineStatus, Text]] = {
    LineStatus.ORDERED: Text("已下达", "ordered"),
    LineStatus.PAID: Text("已付清", "paid"),
    LineStatus.REJECTED: Text("已退回", "rejected"),
}
_COLUMNS: Final = (
    Column(Text("序号", "Line"), 10),
    Column(Text("统一社会信用代码", "Unified social credit code"), 21),
    Column(Text("企业名称", "Legal name"), 30),
    Column(Text("称号", "Title"), 28),
    Column(Text("所属地", "Place"), 16),
    Column(Text("指令金额", "Ordered"), 17, is_added=True),
    Column(Text("已拨付", "Paid"), 17, is_added=True),
    Column(Text("状态", "Status"), 16),
    Column(Text("要求停付时间", "Stop requested at"), 19),
    Column(Text("退回日期", "Rejected on"), 12),
    Column(Text("退回编号", "Rejection number"), 13),
    Column(Text("退回原因", "Rejection reason"), 22),
    Column(Text("奖励编号", "Award"), 38),
)


def batch_xlsx(
    of: BatchOut, titles: Mapping[UUID, Text], *, at: datetime, by: str, source: str
) -> bytes:
    """Return a batch as a workbook in yuan; the same bytes for the same batch.

    `titles` names the title of each award, and `source` is the address that the batch is answered at.
    """
    return money_xlsx(
        MoneyTable(
            sheet=SHEET,
            title=Text(
                f"“专精特新”奖励资金拨付批次 {of.number}",
                f"Disbursement batch {of.number} of fiscal year {of.fiscal_year}",
            ),
            standing=standing_as_of(at, by),
            columns=_COLUMNS,
            rows=[_row(one, titles[one.award_id]) for one in of.lines],
            notes=(
                Text(
                    f"{of.ordered_on} 由 {of.ordered_by} 下达，共 {of.lines_count} 笔，"
                    f"尚未了结 {of.open_lines_count} 笔；每行为一笔拨付指令及其当前状态。",
                    f"Ordered on {of.ordered_on} by {of.ordered_by}: {of.lines_count} payments, of"
                    f" which {of.open_lines_count} are open. Each row is one order as it stands.",
                ),
                Text(
                    "红色行：称号已撤销，要求停付；未付的请退回指令，已付的请如实登记。",
                    "Red rows: the title fell and the payment should not be made. Reject what was"
                    " not paid, and record what was.",
                ),
                Text(
                    "本表为当前状态，不是付款依据；付款以系统指令为准。",
                    "It says how the orders stand now and is none itself.",
                ),
                Text(
                    f"来源：{source}。本表未签名；签名件以 .jws 取得。",
                    f"Source: {source}. This workbook is not signed; the .jws is.",
                ),
            ),
            made_at=at,
            marked=frozenset(
                place
                for place, line in enumerate(of.lines)
                if line.stop_requested_at is not None and line.status is LineStatus.ORDERED
            ),
        )
    )


def _row(of: LineOut, title: Text) -> tuple[Cell, ...]:
    status = LINE_STATUS_NAMES[of.status]
    return (
        str(of.number),
        of.uscc,
        of.legal_name,
        title.zh,
        place_name(of.region),
        of.amount,
        of.paid,
        f"{status.zh} {status.en}",
        of.stop_requested_at,
        of.rejected_on,
        of.rejection_reference,
        of.rejection_reason,
        str(of.award_id),
    )
