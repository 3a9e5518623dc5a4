"""A register as a CSV file: what it says, what it cannot say, and how it is replaced."""

import asyncio
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import structlog

from services.applications.register import (
    HEADINGS,
    CsvExtract,
    Register,
    RegisterRecord,
    RegisterUnavailable,
    read_facts,
)
from services.policy import credit_code

HEADING = "统一社会信用代码,企业名称,成立日期,登记机关行政区划,行业代码,法人资格,从业人员"
ONE = credit_code.generate(1)
OTHER = credit_code.generate(2)
DAY = date(2026, 3, 1)
GUIDE = (Path(__file__).parents[2] / "docs" / "register.md").read_text(encoding="utf-8")


def line_of(code: str, name: str = "贵州示例精密制造有限公司") -> str:
    return f"{code},{name},2015-06-01,520102,3484,是,120"


def extract(
    folder: Path, *lines: str, heading: str = HEADING, encoding: str = "utf-8", end: str = "\n"
) -> CsvExtract:
    text = end.join((heading, *lines)) + end
    (folder / "extract.csv").write_bytes(text.encode(encoding))
    return CsvExtract(folder / "extract.csv", name="market")


def replace(folder: Path, *lines: str) -> None:
    """Put another file in its place by renaming it, as docs/register.md asks for."""
    extract(folder / "new", *lines)
    (folder / "new" / "extract.csv").rename(folder / "extract.csv")


async def name_of(register: Register, code: str) -> object:
    record = await register.look_up(code)
    assert record is not None
    return record.facts["legal_name"]


async def until_it_says(register: Register, code: str, name: str) -> None:
    async with asyncio.timeout(20):
        # The index is made in a thread that nobody here waits for.
        while await name_of(register, code) != name:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path


async def test_an_enterprise_is_found_with_its_facts_in_our_spelling(folder: Path) -> None:
    register = extract(
        folder, line_of(OTHER), f"{ONE},甲,2015/6/1,520103,C3484,否,7", heading=HEADING
    )

    record = await register.look_up(ONE)

    assert record is not None
    assert (record.uscc, record.unreadable) == (ONE, {})
    assert record.facts == {
        "legal_name": "甲",
        "established_on": "2015-06-01",
        "registered_division": "520103",
        "industry_code": "3484",
        "is_legal_person": False,
        "employees": 7,
    }


async def test_an_enterprise_that_is_not_in_the_extract_is_none(folder: Path) -> None:
    register = extract(folder, line_of(ONE))

    assert await register.look_up(OTHER) is None
    assert await register.look_up("no code") is None
    assert await register.look_up("\ud800" * 18) is None


async def test_the_code_is_found_however_it_is_written(folder: Path) -> None:
    register = extract(folder, line_of(f"  {ONE[:8].lower()} {ONE[8:]}"), line_of(f"\t{OTHER}"))

    spaced = await register.look_up(f" {ONE.lower()} ")
    tabbed = await register.look_up(OTHER)

    assert spaced is not None
    assert spaced.uscc == ONE
    assert tabbed is not None
    assert tabbed.uscc == OTHER


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_each_encoding_and_line_end_of_the_trade_is_read(
    folder: Path, encoding: str, end: str
) -> None:
    register = extract(
        folder, line_of(OTHER), line_of(ONE, '"贵州""㐀"",公司"'), encoding=encoding, end=end
    )

    assert await name_of(register, ONE) == '贵州"㐀",公司'


async def test_names_of_facts_are_headings_too_and_other_columns_are_left_aside(
    folder: Path,
) -> None:
    register = extract(
        folder,
        f"1000.5,无关,{ONE},ISO 9001；ISO 14001,-3.00",
        heading="operating_revenue,法定代表人,uscc,management_certifications,net_profit",
    )

    record = await register.look_up(ONE)

    assert record is not None
    assert record.facts == {
        "operating_revenue": "1000.50",
        "management_certifications": ["ISO 9001", "ISO 14001"],
        "net_profit": "-3.00",
    }


async def test_a_division_of_earlier_years_is_given_by_its_code_of_today(folder: Path) -> None:
    # 盘县特区 (520202) became 盘县 (520222) and that 盘州市.
    register = extract(folder, line_of(ONE).replace("520102", "520202"))

    record = await register.look_up(ONE)

    assert record is not None
    assert record.facts["registered_division"] == "520281"


@pytest.mark.parametrize(
    ("name", "text", "fact"),
    [
        ("established_on", "2015年6月1日", "2015-06-01"),
        ("established_on", "20150601", "2015-06-01"),
        ("established_on", "2015-06-01 00:00:00.0", "2015-06-01"),
        ("is_legal_person", "Y", True),
        ("is_legal_person", "0", False),
        ("fiscal_year", "2025", 2025),
        ("industry_code", "A0111", "0111"),
        ("digital_level", "level_2", "level_2"),
        ("platform_score", "56.5", "56.50"),
    ],
)
def test_each_way_to_write_a_fact_gives_the_one_spelling(
    name: str, text: str, fact: object
) -> None:
    assert read_facts({name: f" {text} "}) == ({name: fact}, {})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("established_on", "2015-02-30"),
        ("established_on", "2015-6/1"),
        ("established_on", "01/06/2015"),
        ("established_on", "42156"),
        ("registered_division", "440300"),
        ("registered_division", "贵阳市"),
        ("industry_code", "348"),
        ("industry_code", "A3484"),
        ("industry_code", "9999"),
        ("is_legal_person", "不详"),
        ("employees", "约120"),
        ("employees", "120.0"),
        ("operating_revenue", "5000万元"),
        ("digital_level", "二级"),
        ("legal_name", "长" * 201),
    ],
)
def test_what_cannot_be_read_is_listed_as_it_stands_and_not_guessed(name: str, text: str) -> None:
    assert read_facts({name: text}) == ({}, {name: text})


def test_what_is_empty_is_not_stated() -> None:
    assert read_facts({"employees": " ", "unheard_of": "1"}) == ({}, {})


async def test_the_rest_of_a_line_counts_when_one_fact_cannot_be_read(folder: Path) -> None:
    register = extract(folder, line_of(ONE).replace("2015-06-01", "不详"))

    record = await register.look_up(ONE)

    assert record is not None
    assert record.unreadable == {"established_on": "不详"}
    assert record.facts["employees"] == 120


async def day_and_doubt(register: Register) -> tuple[date, dict[str, str]]:
    record = await register.look_up(ONE)
    assert record is not None
    return record.as_of, dict(record.unreadable)


async def test_the_day_of_the_data_is_the_lines_own_else_the_first_lines_else_the_files(
    folder: Path,
) -> None:
    written = datetime(2026, 2, 27, 23, 0, tzinfo=UTC).timestamp()
    with_column = extract(
        folder, f"{ONE},2026-03-01", heading="# 数据日期：2026-02-01\nuscc,数据日期"
    )
    assert await day_and_doubt(with_column) == (DAY, {})

    with_comment = extract(folder, ONE, heading="# as_of: 2026-03-01,,\nuscc")
    assert await day_and_doubt(with_comment) == (DAY, {})

    with_neither = extract(folder, ONE, heading="# 市场监管局导出\nuscc")
    os.utime(folder / "extract.csv", (written, written))
    # In the province it is the next day by then.
    assert await day_and_doubt(with_neither) == (date(2026, 2, 28), {})

    unreadable = extract(folder, f"{ONE},上月", heading="# as_of: 2026-03-01\nuscc,as_of")
    assert await day_and_doubt(unreadable) == (DAY, {"as_of": "上月"})


@pytest.mark.parametrize(
    ("heading", "lines", "reason", "numbers"),
    [
        ("企业名称", ["甲"], "no column is headed 统一社会信用代码 or uscc", [1]),
        ("uscc,统一社会信用代码", [f"{ONE},{ONE}"], "two columns state uscc", [1]),
        (
            "uscc,登记机关行政区划,注册地行政区划",
            [f"{ONE},520100,520102"],
            "two columns state registered_division",
            [1],
        ),
        ("# as_of: 不详\nuscc", [ONE], "the day of the data cannot be read", [1]),
        ("uscc,企业名称", [f'{ONE},"甲\n乙"'], "a value has a line break in it", [2]),
        ("uscc,企业名称", [f"{ONE},甲\r乙"], "a value has a line break in it", [2]),
        ("uscc,企业名称", [f'{ONE},"甲"乙"丙"'], "the quotation marks do not fit", [2]),
        ("uscc,企业名称", [f"{OTHER},甲", ONE], "the line has 1 values, the heading 2", [3]),
        ("uscc,企业名称", [f"{ONE},甲,乙"], "the line has 3 values, the heading 2", [2]),
        ("uscc,企业名称", [f"{ONE},甲\0"], "the line has a zero byte", [2]),
        ("uscc", ["x" * 70_000], "the line has more than 65536 bytes", [2]),
        ("uscc", [ONE, OTHER, "", ONE], "several lines have the same credit code", [2, 5]),
        ("uscc", [ONE, OTHER, OTHER, ONE], "several lines have the same credit code", [2, 3, 4, 5]),
        ("uscc", ["1", "2"], "no line carries a credit code", [2, 3]),
        ("uscc", [], "no line carries a credit code", []),
    ],
)
async def test_a_file_that_cannot_be_trusted_is_refused_and_the_log_says_which_line(
    folder: Path, heading: str, lines: list[str], reason: str, numbers: list[int]
) -> None:
    register = extract(folder, *lines, heading=heading)

    with structlog.testing.capture_logs() as logs, pytest.raises(RegisterUnavailable):
        await register.look_up(ONE)

    (told,) = logs
    assert told["event"] == "register not indexed"
    assert told["reason"].startswith(reason)
    assert told["lines"] == numbers


async def test_a_line_in_another_encoding_is_refused_rather_than_read_as_other_characters(
    folder: Path,
) -> None:
    lines = [f"uscc,企业名称\n{ONE},".encode(), "甲\n".encode("gb18030")]
    (folder / "extract.csv").write_bytes(b"".join(lines))

    with pytest.raises(RegisterUnavailable, match=r"no UTF-8 \(line 2\)"):
        await CsvExtract(folder / "extract.csv", name="market").look_up(ONE)


async def test_a_refused_file_is_read_once_and_told_of_once_however_many_ask(
    folder: Path,
) -> None:
    register = extract(folder, ONE, ONE, heading="uscc")
    refused = (folder / "extract.csv").stat()

    with structlog.testing.capture_logs() as logs:
        with pytest.raises(RegisterUnavailable):
            await register.look_up(ONE)
        # Sound now; but nothing outside shows that it is not the file that was refused.
        extract(folder, ONE, OTHER, heading="uscc")
        os.utime(folder / "extract.csv", ns=(refused.st_atime_ns, refused.st_mtime_ns))
        with pytest.raises(RegisterUnavailable):
            await register.look_up(ONE)

    assert [told["event"] for told in logs] == ["register not indexed"]


async def test_lines_without_a_credit_code_are_counted_and_told(folder: Path) -> None:
    register = extract(
        folder, line_of(""), line_of(ONE), line_of("520100000012345"), "", line_of("-")
    )

    with structlog.testing.capture_logs() as logs:
        record = await register.look_up(ONE)

    assert record is not None
    assert (logs[0]["enterprises"], logs[0]["lines_without_code"]) == (1, 3)
    assert logs[0]["first_without_code"] == 2


async def test_a_file_that_is_missing_is_an_outage_and_no_answer(folder: Path) -> None:
    register = CsvExtract(folder / "extract.csv", name="market")
    of_a_folder = CsvExtract(folder, name="market")

    with pytest.raises(RegisterUnavailable):
        await register.look_up(ONE)
    with pytest.raises(RegisterUnavailable):
        await of_a_folder.look_up(ONE)
    extract(folder, line_of(ONE, "甲"))

    assert await name_of(register, ONE) == "甲"


async def test_after_a_rename_the_old_answers_until_the_new_is_ready(folder: Path) -> None:
    register = extract(folder, line_of(ONE, "旧"))
    assert await name_of(register, ONE) == "旧"

    replace(folder, line_of(OTHER), line_of(ONE, "新"))

    assert await name_of(register, ONE) == "旧"
    await until_it_says(register, ONE, "新")


async def test_a_file_of_the_same_size_and_time_is_noticed_by_its_place_on_the_disk(
    folder: Path,
) -> None:
    register = extract(folder, line_of(ONE, "旧"))
    before = (folder / "extract.csv").stat()
    assert await name_of(register, ONE) == "旧"

    replace(folder, line_of(ONE, "新"))
    os.utime(folder / "extract.csv", ns=(before.st_atime_ns, before.st_mtime_ns))

    await until_it_says(register, ONE, "新")


async def test_of_a_file_written_over_in_its_place_nothing_old_is_read(folder: Path) -> None:
    register = extract(folder, line_of(ONE, "旧"))
    assert await name_of(register, ONE) == "旧"

    extract(folder, line_of(OTHER, "别的公司"), line_of(ONE, "新的名称"))

    assert await name_of(register, ONE) == "新的名称"


async def test_a_malformed_successor_leaves_the_last_good_one_answering(folder: Path) -> None:
    register = extract(folder, line_of(ONE, "旧"))
    assert await name_of(register, ONE) == "旧"
    replace(folder, "不是一行")

    with structlog.testing.capture_logs() as logs:
        async with asyncio.timeout(20):
            while not logs:
                assert await name_of(register, ONE) == "旧"
                await asyncio.sleep(0.01)

    assert logs[0]["lines"] == [2]
    assert logs[0]["answers_from_before"] is True
    (folder / "extract.csv").unlink()
    assert await name_of(register, ONE) == "旧"
    replace(folder, line_of(ONE, "新"))
    await until_it_says(register, ONE, "新")


async def test_many_who_ask_at_once_wait_for_one_index(folder: Path) -> None:
    register = extract(folder, *(line_of(credit_code.generate(serial)) for serial in range(3000)))

    with structlog.testing.capture_logs() as logs:
        answers = await asyncio.gather(
            *(register.look_up(credit_code.generate(serial)) for serial in range(50))
        )

    assert [answer and answer.uscc for answer in answers] == [
        credit_code.generate(serial) for serial in range(50)
    ]
    assert [told["event"] for told in logs] == ["register indexed"]


async def test_one_who_goes_away_does_not_take_the_index_along(folder: Path) -> None:
    register = extract(folder, *(line_of(credit_code.generate(serial)) for serial in range(20_000)))
    impatient = asyncio.create_task(register.look_up(ONE))
    patient = asyncio.create_task(register.look_up(ONE))
    await asyncio.sleep(0.01)

    impatient.cancel()

    assert isinstance(await patient, RegisterRecord)
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_every_line_of_a_large_extract_is_found_and_twice_is_seen_from_afar(
    folder: Path,
) -> None:
    """More lines than are sorted at once, in an order that is not theirs."""
    serials = [serial * 7919 % 50_021 for serial in range(1, 50_021)]
    codes = [credit_code.generate(serial) for serial in serials]
    register = extract(folder, *codes, heading="uscc")

    assert all([await register.look_up(code) for code in codes[::251]])
    assert await register.look_up(credit_code.generate(50_022)) is None

    with pytest.raises(RegisterUnavailable, match=r"the same credit code \(line 2, 50022\)"):
        await extract(folder, *codes, codes[0], heading="uscc").look_up(ONE)


async def test_the_example_of_the_guide_is_read_as_the_guide_says(folder: Path) -> None:
    example = GUIDE.partition("```csv\n")[2].partition("```")[0]
    register = extract(folder, *example.splitlines()[1:], heading=example.splitlines()[0])

    one, other = await register.look_up(ONE), await register.look_up(OTHER)

    assert one is not None
    assert other is not None
    assert (one.as_of, one.facts["employees"]) == (DAY, 120)
    assert other.facts == {
        "legal_name": '贵州示例二号"山水"食品有限公司',
        "established_on": "2018-03-09",
        "registered_division": "520304",
        "industry_code": "1499",
        "is_legal_person": True,
    }
    assert one.unreadable == other.unreadable == {}


def test_the_guide_names_every_heading_that_is_read() -> None:
    assert [heading for heading in HEADINGS if heading.removesuffix("代码") not in GUIDE] == []
