"""A batch and a year's statements as workbooks: exact amounts, totals, and names that stay names."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet as Sheet

from services.kernel.text import Text
from services.rewards.batch_schemas import BatchOut
from services.rewards.batch_workbook import batch_xlsx
from services.rewards.money_workbook import FIRST_ROW
from services.rewards.statement_schemas import YearStatementsOut
from services.rewards.statement_workbook import statements_xlsx
from tests.builders.enterprises import facts_of, uscc_of
from tests.rewards.conftest import TODAY, Rewards
from tests.rewards.test_awards import N, P
from tests.rewards.test_batches import order
from tests.rewards.test_money import HIGHEST
from tests.rewards.test_signed_papers import (
    YEAR,
    exact,
    opened,
    paid_in_part,
    read,
    signed,
    workbook,
)
from tests.rewards.test_year_statements import SUMS, ledger, listed, lived_through

AT = datetime(2026, 9, 1, 1, 2, 3, 456, tzinfo=UTC)


async def test_a_batch_as_a_workbook_says_what_its_orders_are_and_how_they_stand(
    rewards: Rewards,
) -> None:
    batch = await paid_in_part(rewards)

    book = await workbook(f"/disbursement-batches/{batch['id']}.xlsx", rewards.treasury)

    *lines, total = read(book)
    assert book.sheetnames == ["拨付批次", "说明"]
    assert [line["企业名称"] for line in lines] == [
        facts_of(one)["legal_name"] for one in (1, 2, 3)
    ]
    assert {line["称号"] for line in lines} == {"省级专精特新“小巨人”企业"}
    assert {line["所属地"] for line in lines} == {"贵阳市南明区"}
    assert [line["奖励编号"] for line in lines] == [line["award_id"] for line in batch["lines"]]
    assert [line["状态"] for line in lines] == ["已退回 rejected", "已付清 paid", "已下达 ordered"]
    assert [line["要求停付时间"] is not None for line in lines] == [False, False, True]
    assert f"{lines[2]['要求停付时间']:%Y-%m-%d %H}" == "2026-09-01 09", "by the province's clock"
    assert (lines[0]["退回日期"].date(), lines[0]["退回编号"]) == (TODAY, "B-1")
    assert [exact(line["已拨付"]) for line in lines] == [Decimal("80000.01"), 200000, 0]
    assert (total["指令金额"], total["已拨付"]) == ("=SUM(F6:F8)", "=SUM(G6:G8)")
    sheet = book.worksheets[0]
    assert (sheet.freeze_panes, sheet.print_title_rows) == ("D6", "$5:$5")
    words = said(book)
    for word in (batch["number"], "disbursement-520000", "2026-09-01 09:0", "未签名"):
        assert word in words
    red = sheet["F8"].font.color
    assert (sheet["F8"].number_format, red is not None and red.rgb) == ("#,##0.00", "FFC00000")


def said(book: openpyxl.Workbook) -> str:
    return "\n".join(
        str(cell)
        for sheet in book.worksheets
        for row in sheet.iter_rows(values_only=True)
        for cell in row
    )


async def test_a_year_as_a_workbook_adds_up_to_the_ledger(rewards: Rewards) -> None:
    await lived_through(rewards)
    totals = await ledger(rewards)

    answer = await rewards.finance().get(YEAR.format("xlsx"))

    heads = ("核定", "已取消", "已拨付", "应追回", "已追回", "已核销")
    *rows, formulas = read(openpyxl.load_workbook(io.BytesIO(answer.content)))
    *_, cached = read(openpyxl.load_workbook(io.BytesIO(answer.content), data_only=True))
    assert {
        name: sum(exact(row[head]) for row in rows) for name, head in zip(SUMS, heads, strict=True)
    } == totals
    assert {name: exact(cached[head]) for name, head in zip(SUMS, heads, strict=True)} == totals
    assert formulas["核定"] == "=SUM(F6:F11)"
    assert (formulas["奖励笔数"], cached["奖励笔数"]) == ("=SUM(E6:E11)", 7)
    assert answer.headers["content-disposition"] == (
        'attachment; filename="award-statements-2026-520000.xlsx"'
    )


async def test_a_year_without_awards_is_an_empty_paper(rewards: Rewards) -> None:
    path = "/award-statements.{}?fiscal_year=2031"

    year = (await opened(rewards, await signed(rewards, path.format("jws"))))["statements"]
    (total,) = read(await workbook(path.format("xlsx"), rewards.finance()))

    assert (year["items"], year["totals"]["granted"]) == ([], "0.00")
    assert (total["统一社会信用代码"], total["核定"]) == ("合计 Total", 0)


HOSTILE = (
    '=HYPERLINK("http://evil.test","点击")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "-2+3",
    "\t=1+1",
    "http://evil.test/x.xlsx",
    "_x0041_公司",
    "公司\x07\ufffe有限",
    "{=1+1}",
)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_is_a_name_whatever_it_looks_like(rewards: Rewards, name: str) -> None:
    await rewards.schedule()
    await rewards.holds(1, P, legal_name=name)
    award = await rewards.approved(1)
    batch = await rewards.ordered(award["id"])
    paths = (YEAR, f"/disbursement-batches/{batch['id']}.{{}}")

    papers = [(await opened(rewards, await signed(rewards, path.format("jws")))) for path in paths]
    books = [await workbook(path.format("xlsx"), rewards.finance()) for path in paths]

    assert papers[0]["statements"]["items"][0]["legal_name"] == name
    assert papers[1]["batch"]["lines"][0]["legal_name"] == name
    for book in books:
        cell = book.worksheets[0].cell(FIRST_ROW + 1, 2 if book is books[0] else 3)
        assert cell.data_type == "s"
        assert cell.hyperlink is None
        assert unescaped(str(cell.value)) == name


def unescaped(text: str) -> str:
    """Return a text as Excel shows it: what XML cannot hold stands there by its code."""
    for code, meant in (("_x0007_", "\x07"), ("_xFFFE_", "\ufffe"), ("_x005F_", "_")):
        text = text.replace(code, meant)
    return text


async def test_cents_and_thousands_of_billions_survive_in_every_form(rewards: Rewards) -> None:
    small, large = "0.01", "1000000000000.99"
    await rewards.schedule(
        amounts=[{"title": P, "amount": small}, {"title": N, "amount": large}],
        budgets=[{"fiscal_year": 2026, "amount": HIGHEST}],
    )
    await rewards.holds(1, P)
    await rewards.holds(2, N)
    for serial in (1, 2):
        await rewards.approved(serial)
    batch = (await order(rewards)).json()
    for line in batch["lines"]:
        await rewards.pay(line["award_id"], line["amount"], f"V-{line['number']}")
    paths = (YEAR, f"/disbursement-batches/{batch['id']}.{{}}")

    rows = {row["uscc"]: row for row in await listed(rewards.finance())}
    papers = [(await opened(rewards, await signed(rewards, path.format("jws")))) for path in paths]
    books = [read(await workbook(path.format("xlsx"), rewards.finance())) for path in paths]

    for serial, amount in ((1, small), (2, large)):
        row = rows[uscc_of(serial)]
        assert (row["granted"], row["disbursed"]) == (amount, amount)
        assert row in papers[0]["statements"]["items"]
        (line,) = [one for one in papers[1]["batch"]["lines"] if one["uscc"] == row["uscc"]]
        assert (line["amount"], line["paid"]) == (amount, amount)
        for book, head in ((books[0], "核定"), (books[0], "已拨付"), (books[1], "指令金额")):
            (shown,) = [one[head] for one in book if one["统一社会信用代码"] == row["uscc"]]
            assert f"{exact(shown):.2f}" == amount
    assert papers[0]["statements"]["totals"]["granted"] == "1000000000001.00"


def year_of(*granted: str) -> YearStatementsOut:
    amounts = [Decimal(one) for one in granted]
    none = dict.fromkeys(SUMS[1:], Decimal(0))
    return YearStatementsOut.model_validate(
        {
            "fiscal_year": 2026,
            "region": "520000",
            "totals": {
                "enterprises_count": len(amounts),
                "awards_count": len(amounts),
                "granted": sum(amounts),
                **none,
            },
            "items": [
                {
                    "uscc": uscc_of(serial),
                    "legal_name": "示例",
                    "region": "520102",
                    "awards_count": 1,
                    "granted": amount,
                    **none,
                }
                for serial, amount in enumerate(amounts, start=1)
            ],
        }
    )


def granted_cells(of: YearStatementsOut) -> list[object]:
    content = statements_xlsx(of, at=AT, by="财政", source="https://rewards.test")
    sheets: list[Sheet] = [
        openpyxl.load_workbook(io.BytesIO(content), data_only=is_cached).worksheets[0]
        for is_cached in (False, True)
    ]
    formula, cached = (
        [row[5] for row in sheet.iter_rows(min_row=FIRST_ROW + 1, values_only=True)]
        for sheet in sheets
    )
    return [*formula, cached[-1]]


def test_an_amount_is_a_number_as_long_as_a_number_cell_keeps_its_cents() -> None:
    for amount in ("999999999999.99", "1000000000000.01", "9999999999999.97", HIGHEST):
        cell, formula, cached = granted_cells(year_of(amount))

        assert f"{exact(cell):.2f}" == amount
        assert formula == "=SUM(F6)"
        assert f"{exact(cached):.2f}" == amount


def test_an_amount_with_more_digits_than_that_is_text_and_so_is_its_total() -> None:
    assert granted_cells(year_of("10000000000000.01", "0.02")) == [
        "10,000,000,000,000.01",
        0.02,
        "10,000,000,000,000.03",
        "10,000,000,000,000.03",
    ]
    # Each fits by itself, and their sum does not.
    *cells, total, _ = granted_cells(year_of(HIGHEST, "0.01"))
    assert [f"{exact(one):.2f}" for one in cells] == [HIGHEST, "0.01"]
    assert total == "10,000,000,000,000.00"


def test_a_total_that_a_spreadsheet_would_miss_by_cents_is_text() -> None:
    # Each cent is rounded to what a double of that size can hold.
    *_, total, cached = granted_cells(year_of("9999999999990.00", *["0.01"] * 900))

    assert (total, cached) == ("9,999,999,999,999.00", "9,999,999,999,999.00")
    *_, total, cached = granted_cells(year_of("999999999.99", *["0.01"] * 900))
    assert (total, exact(cached)) == ("=SUM(F6:F906)", Decimal("1000000008.99"))


def test_a_row_is_as_high_as_its_longest_text() -> None:
    year = year_of("1.00", "2.00")
    long = year.items[1].model_copy(update={"legal_name": "贵州省示例" * 20})
    content = statements_xlsx(
        year.model_copy(update={"items": [year.items[0], long]}), at=AT, by="财政", source="s"
    )

    rows = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0].row_dimensions

    # A hundred characters, each of the width of two, in a column of 32.
    assert (rows[FIRST_ROW + 1].height, rows[FIRST_ROW + 2].height) == (None, 7 * 15)


def test_the_same_content_makes_the_same_bytes() -> None:
    batch = BatchOut.model_validate(
        {
            "id": UUID(int=1),
            "number": "2026-0001",
            "fiscal_year": 2026,
            "total": Decimal(0),
            "paid": Decimal(0),
            "lines_count": 0,
            "open_lines_count": 0,
            "ordered_by": "财政",
            "ordered_at": AT,
            "ordered_on": TODAY,
            "lines": [],
        }
    )
    titles: dict[UUID, Text] = {}

    def made(at: datetime) -> tuple[bytes, bytes]:
        return (
            statements_xlsx(year_of("0.01", "2.00"), at=at, by="财政", source="s"),
            batch_xlsx(batch, titles, at=at, by="财政", source="s"),
        )

    assert made(AT) == made(AT)
    assert made(AT) != made(AT + timedelta(days=1))
