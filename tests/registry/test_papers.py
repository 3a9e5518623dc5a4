"""What is handed out on paper: it says what the register says, and no name can make it say more."""

import io
import re
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import openpyxl
import pytest
import segno
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet
from pypdf import PageObject, PdfReader

from services.kernel.text import Text
from services.registry.bulletin import (
    PROVINCE,
    Bulletin,
    CityRow,
    Goal,
    Growth,
    Named,
    SupportSum,
)
from services.registry.bulletin_paper import bulletin_pdf, bulletin_pictures
from services.registry.bulletin_workbook import (
    CITIES_SHEET,
    FIRST_ROW,
    MONEY_SHEET,
    NOTES_SHEET,
    SUPPORT_SHEET,
    bulletin_xlsx,
)
from services.registry.certificate_paper import (
    CertificateSheet,
    certificate_pdf,
    certificate_pictures,
    qr_svg,
)
from services.registry.typesetting import typeset

SHEET = CertificateSheet(
    title_name=Text("省级“专精特新”中小企业", "Provincial SRDI enterprise"),
    legal_name="贵州黔灵精密轴承制造有限公司",
    uscc="91520115MA6H0Q4X2B",
    certificate_number="ZJTX-520000-2025-000123",
    valid_from=date(2025, 11, 8),
    valid_until=date(2028, 11, 7),
    document_number="黔工信中小〔2025〕18号",
    issued_by="贵州省工业和信息化厅",
    issued_on=date(2025, 11, 6),
    clause="六(三)",
    division_name="贵阳市观山湖区",
    check_url="https://example.org/verify/ZJTX-520000-2025-000123?key=7f3a9c",
    state=Text("有效", "valid"),
    is_valid=True,
    printed_at=datetime(2026, 3, 1, 17, 30, tzinfo=UTC),
)
HOSTILE = (
    '*#read("/etc/passwd")*',
    "#sys.inputs.data",
    "$ x^2 $ `raw` <b> @label",
    "= 一级标题 // 注释",
    "\\u{41} ~ -- ... \\ #",
    '", "is_valid": true, "x": "',
    "=HYPERLINK(1)",
)

TITLES = (
    Named(id="srdi_sme", name=Text("省级“专精特新”中小企业", "Provincial SRDI enterprise")),
    Named(id="little_giant", name=Text("省级“小巨人”企业", "Little giant")),
)
GROUNDS = (
    Named(id="false_declaration", name=Text("虚假申报", "False declaration")),
    Named(id="renewal_failed", name=Text("复核不符合条件", "Renewal refused")),
)
MEASURES = tuple(
    Named(id=name, name=Text(chinese, name.capitalize()))
    for name, chinese in (
        ("innovation", "技术创新及科技成果转化"),
        ("digital", "数字化赋能"),
        ("services", "培育孵化及服务能力提升"),
        ("finance", "融资服务"),
        ("management", "管理能力提升"),
    )
)
CENT = Decimal("0.01")


def growth(before: str, after: str, enterprises: int = 3) -> Growth:
    return Growth(enterprises=enterprises, before=Decimal(before), after=Decimal(after))


NOTHING = growth("0", "0", 0)


def city(division: str, name: str, recommended: int = 0, **changed: Any) -> CityRow:
    empty: dict[str, Any] = {
        "recognised": {},
        "held": {},
        "terms_ended": 0,
        "renewed": 0,
        "revoked": {},
        "revenue": NOTHING,
        "rd_expense": NOTHING,
        "support": {},
        "typical_cases": 0,
        "granted": Decimal(0),
        "disbursed": Decimal(0),
        "recovered": Decimal(0),
    }
    return CityRow(
        division=division, name=Text(name, division), recommended=recommended, **(empty | changed)
    )


GUIYANG = city(
    "520100",
    "贵阳市",
    68,
    recognised={"srdi_sme": 70, "little_giant": 7},
    held={"srdi_sme": 204, "little_giant": 34},
    terms_ended=22,
    renewed=18,
    revoked={"false_declaration": 1, "renewal_failed": 3},
    revenue=growth("2000000000.00", "2203400000.01", 136),
    rd_expense=growth("42428340.00", "51058260.00", 71),
    support={
        "innovation": SupportSum(records=5, amount=Decimal("5548512.34")),
        "finance": SupportSum(records=28, amount=Decimal("850100.00")),
    },
    typical_cases=4,
    granted=Decimal("10116500.05"),
    disbursed=Decimal("1134700.00"),
    recovered=Decimal("189700.00"),
)
LIUPANSHUI = city(
    "520200",
    "六盘水市",
    18,
    recognised={"srdi_sme": 10},
    held={"srdi_sme": 54},
    revenue=growth("1000000.00", "971700.00"),
    support={"innovation": SupportSum(records=2, amount=Decimal("0.66"))},
)
QIANXINAN = city("522300", "黔西南布依族苗族自治州", 20, recognised={"srdi_sme": 12})
BULLETIN = Bulletin(
    year=2026,
    until=date(2026, 12, 31),
    is_closed=True,
    fiscal_year=2026,
    programme=Text("贵州省中小企业“专精特新”培育实施方案", "The plan of Guizhou"),
    issued_by=("贵州省工业和信息化厅",),
    policy_pack="guizhou/2021-05-06",
    computed_at=datetime(2027, 1, 15, 1, 0, tzinfo=UTC),
    recommended_goal=Goal(
        at_least=20, clause="六(一)", official_text="每年推荐省级“专精特新”培育企业不少于20户"
    ),
    recognised_goal=Goal(
        at_least=100,
        clause="二",
        official_text="年均培育认定“专精特新”中小企业100户以上",
        title="srdi_sme",
    ),
    titles=TITLES,
    grounds=GROUNDS,
    measures=MEASURES,
    cities=(GUIYANG, LIUPANSHUI, QIANXINAN),
)


def text_of(pdf: bytes) -> str:
    """Return all words of a PDF, without the blanks that a line's layout asks for."""
    return "".join(
        "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split()
    )


def pages_in(pdf: bytes) -> int:
    return len(PdfReader(io.BytesIO(pdf)).pages)


class Placed(NamedTuple):
    words: str
    left: float
    bottom: float
    size: float

    @property
    def right(self) -> float:
        """Where it ends at the earliest: no letter of these fonts is narrower."""
        widths = {"P": 0.2, "Z": 0.2, "N": 0.45}
        return self.left + self.size * sum(
            widths.get(unicodedata.category(one)[0], 0.25 if one.isascii() else 1.0)
            for one in self.words
        )


def placed_on(page: PageObject) -> list[Placed]:
    """Return what stands where on a page, in points from its lower left corner."""
    found: list[Placed] = []

    def note(words: str, matrix: list[float], _text: Any, _font: Any, size: float) -> None:
        if words.strip():
            found.append(Placed(words.strip(), matrix[4], matrix[5], size))

    page.extract_text(visitor_text=note)
    return found


def packed(words: str) -> str:
    return "".join(words.split())


def in_ten_thousands(yuan: Decimal) -> str:
    return f"{(yuan / 10_000).quantize(CENT):,}"


# ---------------------------------------------------------------- the certificate


def test_a_certificate_names_the_enterprise_its_title_its_number_and_its_days() -> None:
    text = text_of(certificate_pdf(SHEET))

    assert "贵州黔灵精密轴承制造有限公司" in text
    assert "91520115MA6H0Q4X2B" in text
    assert "省级“专精特新”中小企业" in text
    assert "ZJTX-520000-2025-000123" in text
    assert "有效期：2025年11月8日至2028年11月7日" in text
    assert "黔工信中小〔2025〕18号" in text
    assert "贵州省工业和信息化厅2025年11月6日" in text
    assert "贵阳市观山湖区" in text


def test_a_certificate_says_that_the_address_and_not_the_sheet_counts() -> None:
    text = text_of(certificate_pdf(SHEET))

    assert SHEET.check_url in text
    assert "扫码核验" in text
    assert "不加盖印章；证书是否有效，以上述网址的查询结果为准" in text
    assert "打印时间：2026年3月2日01:30，当时状态：有效" in text


def test_a_certificate_is_one_tagged_page_for_archives() -> None:
    document = PdfReader(io.BytesIO(certificate_pdf(SHEET)))

    catalogue: Any = document.trailer["/Root"]
    metadata = catalogue["/Metadata"].get_data().decode()
    assert len(document.pages) == 1
    assert document.pages[0].mediabox.width > document.pages[0].mediabox.height
    assert catalogue["/MarkInfo"]["/Marked"]
    assert "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in metadata
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata


def test_the_same_certificate_has_the_same_bytes_and_another_instant_has_others() -> None:
    first, again = certificate_pdf(SHEET), certificate_pdf(SHEET)

    assert first == again
    assert certificate_pictures(SHEET) == certificate_pictures(SHEET)
    assert certificate_pdf(replace(SHEET, printed_at=datetime(2026, 3, 2, tzinfo=UTC))) != first


@pytest.mark.parametrize(
    ("state", "mark"),
    [
        (Text("已撤销", "revoked"), "REVOKED"),
        (Text("已过有效期", "lapsed"), "LAPSED"),
        (Text("期满，复核审理中", "term over, renewal under way"), "TERMOVER,RENEWALUNDERWAY"),
    ],
)
def test_a_title_that_does_not_count_is_marked_across_the_page(state: Text, mark: str) -> None:
    marked = text_of(certificate_pdf(replace(SHEET, is_valid=False, state=state)))
    unmarked = text_of(certificate_pdf(replace(SHEET, is_valid=True, state=state)))

    assert mark in marked
    assert mark not in unmarked
    assert marked.count(state.zh) == unmarked.count(state.zh) + 1


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_looks_like_markup_is_a_name(name: str) -> None:
    pdf = certificate_pdf(replace(SHEET, legal_name=name))

    assert packed(name) in text_of(pdf)
    assert "root:" not in text_of(pdf)
    assert pages_in(pdf) == 1


@pytest.mark.parametrize("name", ["黔" * 200, "W" * 200, "Guizhou Precision " * 11, "黔W " * 66])
def test_a_name_of_two_hundred_characters_stays_on_the_one_page(name: str) -> None:
    pdf = certificate_pdf(replace(SHEET, legal_name=name))

    (page,) = PdfReader(io.BytesIO(pdf)).pages
    parts = placed_on(page)
    above, below = (
        next(part for part in parts if words in packed(part.words))
        for words in ("CERTIFICATEOFRECOGNITION", "统一社会信用代码")
    )
    lines = parts[parts.index(above) + 1 : parts.index(below)]
    assert "".join(packed(line.words) for line in lines).replace("\u200b", "") == packed(name)
    assert all(above.bottom > line.bottom + line.size for line in lines)
    assert all(line.bottom > below.bottom + below.size for line in lines)
    assert all(line.left > 50 and line.right < page.mediabox.width - 50 for line in lines)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("𠮷野家", "〔U+20BB7〕野家"),
        ("贵州🎉公司", "贵州〔U+1F389〕公司"),
        ("贵州\u202e司公", "贵州〔U+202E〕司公"),
        ("贵\u200b州", "贵〔U+200B〕州"),
        ("贵州\n公司", "贵州〔U+000A〕公司"),
        ("\ue000公司", "〔U+E000〕公司"),
        ("\ud83c公司", "〔U+D83C〕公司"),
    ],
)
def test_a_character_that_cannot_be_printed_is_named_by_its_code(name: str, printed: str) -> None:
    pdf = certificate_pdf(replace(SHEET, legal_name=name))

    assert printed in text_of(pdf)
    assert len(certificate_pictures(replace(SHEET, legal_name=name))) == 1


@given(st.text(st.characters(), max_size=200))
@settings(max_examples=40, deadline=None)
def test_there_is_no_name_that_cannot_be_printed_on_one_page(name: str) -> None:
    pdf = certificate_pdf(replace(SHEET, legal_name=name))

    assert pages_in(pdf) == 1


def test_a_certificate_names_nobody_where_it_is_not_known_who_conferred_the_title() -> None:
    named = text_of(certificate_pdf(SHEET))
    unnamed = text_of(certificate_pdf(replace(SHEET, issued_by=None)))

    assert ("认定机关" in named, "贵州省工业和信息化厅" in named) == (True, True)
    assert ("认定机关" in unnamed, "贵州省工业和信息化厅" in unnamed) == (False, False)


def test_everything_else_may_be_long_too() -> None:
    pdf = certificate_pdf(
        replace(
            SHEET,
            title_name=Text("称号" * 60, "title " * 60),
            clause="《实施方案》六(三)" * 20,
            document_number="黔工信中小〔2025〕18号" * 8,
            division_name="黔西南布依族苗族自治州" * 8,
            issued_by="贵州省工业和信息化厅" * 9,
            check_url="https://example.org/" + "a" * 180,
            state=Text("已撤销" * 20, "revoked " * 20),
            is_valid=False,
        )
    )

    assert pages_in(pdf) == 1
    assert text_of(pdf).count("a" * 180) == 1


def test_pages_are_set_one_after_another_however_many_ask_at_once() -> None:
    sheets = [replace(SHEET, certificate_number=f"NO-{number:04}") for number in range(24)]

    with ThreadPoolExecutor(8) as pool:
        pdfs = list(pool.map(certificate_pdf, sheets))

    assert all(
        sheet.certificate_number in text_of(pdf) for sheet, pdf in zip(sheets, pdfs, strict=True)
    )


def test_a_picture_of_a_certificate_is_a_png_of_its_page() -> None:
    pictures = certificate_pictures(SHEET)

    assert [picture[:8] for picture in pictures] == [b"\x89PNG\r\n\x1a\n"]


def test_a_template_that_does_not_compile_or_lies_elsewhere_raises() -> None:
    at = SHEET.printed_at

    with pytest.raises(typst.TypstError):
        typeset("certificate.typ", {}, at=at)
    with pytest.raises(RuntimeError, match="must be contained in project root"):
        typeset("../typesetting.py", {}, at=at)


# ---------------------------------------------------------------- the QR code


def drawn_modules(svg: str, size: int, border: int) -> list[list[int]]:
    """Return which modules the lines of the SVG darken."""
    dark = [[0] * size for _ in range(size)]
    path = re.search(r'stroke="#000" d="([^"]+)"', svg)
    assert path is not None
    column, row = 0.0, 0.0
    for move, numbers in re.findall(r"([Mmh])([-\d. ]+)", path[1]):
        steps = [float(one) for one in numbers.replace("-", " -").split()]
        if move == "M":
            column, row = steps
        elif move == "m":
            column, row = column + steps[0], row + steps[1]
        else:
            for place in range(int(column), int(column + steps[0])):
                dark[int(row) - border][place - border] = 1
            column += steps[0]
    return dark


@pytest.mark.parametrize("url", [SHEET.check_url, "https://example.org/" + "核验" * 30])
def test_the_qr_code_holds_the_address(url: str) -> None:
    code = segno.make_qr(url, error="m")

    svg = qr_svg(url).decode()

    assert drawn_modules(svg, len(code.matrix), 4) == [list(row) for row in code.matrix]
    assert code.error in {"M", "Q", "H"}


def test_the_qr_code_of_another_address_is_another() -> None:
    assert qr_svg("https://example.org/1") != qr_svg("https://example.org/2")


def test_the_qr_code_has_a_title_and_no_script_whatever_the_address() -> None:
    svg = qr_svg("https://example.org/?a=1&b=</title><script>alert(1)</script>").decode()

    assert svg.startswith("<svg ")
    assert "<title>扫码核验 https://example.org/?a=1&amp;b=&lt;/title&gt;" in svg
    assert "<script" not in svg
    assert "style=" not in svg


# ---------------------------------------------------------------- growth and totals


@pytest.mark.parametrize(
    ("before", "after", "percent"),
    [
        ("100.00", "110.00", "10.00"),
        ("1000000.00", "971700.00", "-2.83"),
        ("20000.00", "20001.00", "0.01"),
        ("20000.00", "19999.00", "-0.01"),
        ("3.00", "4.00", "33.33"),
        ("3.00", "5.00", "66.67"),
        ("5.00", "5.00", "0.00"),
        ("0.01", "999999999999.99", "9999999999999800.00"),
    ],
)
def test_growth_is_rounded_half_up_to_two_places(before: str, after: str, percent: str) -> None:
    assert growth(before, after).percent == Decimal(percent)


@pytest.mark.parametrize("before", ["0", "0.00", "-5.00"])
def test_nothing_grows_from_nothing(before: str) -> None:
    assert growth(before, "100.00").percent is None


MONEY = st.integers(0, 10**15).map(lambda cents: Decimal(cents).scaleb(-2))
COUNTS = st.integers(0, 10**6)
GROWTHS = st.builds(Growth, enterprises=COUNTS, before=MONEY, after=MONEY)


def counted(kinds: tuple[Named, ...]) -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.sampled_from([kind.id for kind in kinds]), COUNTS)


CITIES = st.lists(
    st.builds(
        CityRow,
        division=st.just("520100"),
        name=st.just(Text("贵阳市", "Guiyang")),
        recommended=COUNTS,
        recognised=counted(TITLES),
        held=counted(TITLES),
        terms_ended=COUNTS,
        renewed=COUNTS,
        revoked=counted(GROUNDS),
        revenue=GROWTHS,
        rd_expense=GROWTHS,
        support=st.dictionaries(
            st.sampled_from([measure.id for measure in MEASURES]),
            st.builds(SupportSum, records=COUNTS, amount=MONEY),
        ),
        typical_cases=COUNTS,
        granted=MONEY,
        disbursed=MONEY,
        recovered=MONEY,
    ),
    max_size=12,
).map(tuple)


@given(GROWTHS)
def test_growth_is_never_further_from_the_truth_than_half_a_hundredth(one: Growth) -> None:
    percent = one.percent

    if one.before == 0:
        assert percent is None
    else:
        assert percent is not None
        exact = (Fraction(one.after) - Fraction(one.before)) / Fraction(one.before) * 100
        assert abs(Fraction(percent) - exact) <= Fraction(1, 200)
        assert percent.as_tuple().exponent == -2


@given(CITIES)
def test_the_province_is_the_sum_of_its_cities(cities: tuple[CityRow, ...]) -> None:
    total = replace(BULLETIN, cities=cities).total

    cents = 100
    for name in ("recommended", "terms_ended", "renewed", "typical_cases"):
        assert getattr(total, name) == sum(getattr(one, name) for one in cities)
    for name in ("granted", "disbursed", "recovered"):
        assert getattr(total, name) * cents == sum(
            int(getattr(one, name) * cents) for one in cities
        )
    for name, kinds in (("recognised", TITLES), ("held", TITLES), ("revoked", GROUNDS)):
        assert getattr(total, name) == {
            kind.id: sum(getattr(one, name).get(kind.id, 0) for one in cities) for kind in kinds
        }
    for name in ("revenue", "rd_expense"):
        sums = getattr(total, name)
        parts = [getattr(one, name) for one in cities]
        assert sums.enterprises == sum(part.enterprises for part in parts)
        assert sums.before * cents == sum(int(part.before * cents) for part in parts)
        assert sums.after * cents == sum(int(part.after * cents) for part in parts)
    for measure in MEASURES:
        given_support = [one.support[measure.id] for one in cities if measure.id in one.support]
        assert total.support[measure.id].records == sum(one.records for one in given_support)
        assert total.support[measure.id].amount == sum(one.amount for one in given_support)
    assert total.division == PROVINCE


def test_the_provinces_goal_counts_the_title_that_it_speaks_of() -> None:
    of_any = Goal(at_least=100, clause="二", official_text="…")

    assert BULLETIN.recognised_towards_goal == 92
    assert replace(BULLETIN, recognised_goal=of_any).recognised_towards_goal == 99


def test_a_kind_that_the_bulletin_does_not_name_is_not_left_out_in_silence() -> None:
    stranger = city("520300", "遵义市", recognised={"unheard_of": 1})

    with pytest.raises(KeyError, match="unheard_of"):
        _ = replace(BULLETIN, cities=(stranger,)).total


# ---------------------------------------------------------------- the bulletin on paper


def test_a_bulletin_has_the_head_of_a_document_and_room_for_a_signature() -> None:
    text = text_of(bulletin_pdf(BULLETIN))

    assert text.startswith("贵州省工业和信息化厅〔2026〕号签发人：")
    assert "2026年度“专精特新”中小企业培育情况通报" in text
    assert "（签字、盖章）年月日" in text
    assert "涉密企业的数据不列入本通报" in text
    assert "只统计两个会计年度均报送数据的企业" in text
    assert "guizhou/2021-05-06" in text


def test_the_summary_says_which_cities_stayed_short_and_by_how_many() -> None:
    text = text_of(bulletin_pdf(BULLETIN))

    assert "2026年，全省3个地区共推荐企业106户。" in text
    assert "“每年推荐省级‘专精特新’培育企业不少于20户”（六(一)）的要求" in text
    assert "2个地区达到20户，1个地区未达到：六盘水市（差2户）。" in text
    assert "撤销4户（虚假申报1户、复核不符合条件3户）" in text


@pytest.mark.parametrize(
    ("recognised", "outcome"),
    [(99, "新认定99户，未达到100户，差1户。"), (100, "新认定100户，已达到100户。")],
)
def test_the_summary_says_whether_the_province_reached_its_goal(
    recognised: int, outcome: str
) -> None:
    cities = (city("520100", "贵阳市", recognised={"srdi_sme": recognised}),)

    text = text_of(bulletin_pdf(replace(BULLETIN, cities=cities)))

    assert outcome in text


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("20000000.00", "22034000.00", "营业收入由2,000.00万元变为2,203.40万元，增长10.17%。"),
        ("20000000.00", "19000000.00", "营业收入由2,000.00万元变为1,900.00万元，下降5.00%。"),
        ("0.00", "19000000.00", "营业收入没有可比的2025年和2026年数据。"),
    ],
)
def test_the_summary_says_how_revenue_moved(before: str, after: str, words: str) -> None:
    cities = (city("520100", "贵阳市", revenue=growth(before, after)),)

    text = text_of(bulletin_pdf(replace(BULLETIN, cities=cities)))

    assert words in text


def test_the_tables_hold_each_city_and_the_province() -> None:
    text = text_of(bulletin_pdf(BULLETIN))

    assert "贵阳市68达到707" in text
    assert "六盘水市18差2户100" in text
    assert "黔西南布依族苗族自治州20达到120" in text
    assert "全省1062/3927" in text
    assert "贵阳市136200,000.00220,340.0010.17%714,242.835,105.8320.34%" in text
    assert "六盘水市3100.0097.17−2.83%00.000.00—" in text
    total = BULLETIN.total
    money = (total.granted, total.disbursed, total.recovered, total.disbursed - total.recovered)
    assert "全省" + "".join(in_ten_thousands(one) for one in money) in text


def test_a_year_that_still_runs_says_so_on_every_page() -> None:
    running = replace(BULLETIN, is_closed=False, until=date(2026, 6, 30), fiscal_year=2025)

    pages = PdfReader(io.BytesIO(bulletin_pdf(running))).pages

    texts = [packed(page.extract_text()) for page in pages]
    assert "（截至2026年6月30日，非最终）" in texts[0]
    assert "2026年1月1日至6月30日，全省" in texts[0]
    assert all("截至2026年6月30日，非最终" in text for text in texts)
    assert "2024年、2025年均报送营业收入的139户企业" in "".join(texts)
    assert "非最终" not in text_of(bulletin_pdf(BULLETIN))


def test_pages_are_numbered() -> None:
    pages = PdfReader(io.BytesIO(bulletin_pdf(BULLETIN))).pages

    for number, page in enumerate(pages, start=1):
        assert f"第{number}页，共{len(pages)}页" in packed(page.extract_text())
    assert len(bulletin_pictures(BULLETIN)) == len(pages)


def test_a_year_without_anything_is_printed_too() -> None:
    cities = tuple(replace(city(one.division, one.name.zh)) for one in BULLETIN.cities)

    text = text_of(bulletin_pdf(replace(BULLETIN, cities=cities)))

    assert "0个地区达到20户，3个地区未达到" in text
    assert "贵阳市00.000.00—00.000.00—" in text


@pytest.mark.parametrize(
    "changed",
    [
        {"cities": ()},
        {"recommended_goal": None, "recognised_goal": None},
        {"titles": (), "grounds": (), "measures": (), "cities": (), "recognised_goal": None},
    ],
)
def test_a_bulletin_that_lacks_a_part_is_printed_too(changed: dict[str, Any]) -> None:
    lacking = replace(BULLETIN, **changed)

    assert "全省" in text_of(bulletin_pdf(lacking))
    assert openpyxl.load_workbook(io.BytesIO(bulletin_xlsx(lacking))).sheetnames


def large_bulletin() -> Bulletin:
    amount = Decimal("999999999999.99")
    cities = tuple(
        city(
            f"52{place:02}00",
            "黔西南布依族苗族自治州",
            99_999,
            recognised={title.id: 99_999 for title in TITLES},
            held={title.id: 99_999 for title in TITLES},
            revenue=growth("999999999999.99", "999999999999.99", 99_999),
            rd_expense=growth("0.01", "999999999999.99", 99_999),
            support={one.id: SupportSum(records=99_999, amount=amount) for one in MEASURES},
            granted=amount,
            disbursed=amount,
            recovered=amount,
        )
        for place in range(1, 13)
    )
    return replace(BULLETIN, cities=cities)


def test_twelve_cities_with_a_trillion_yuan_each_run_into_nothing() -> None:
    pdf = bulletin_pdf(large_bulletin())

    rows = text_of(pdf)
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert "黔西南布依族苗族自治州" + "100,000,000.00" * 3 + "0.00" in rows
    assert "全省" + "1,200,000,000.00" * 3 + "0.00" in rows
    for page in pages:
        parts = sorted(placed_on(page), key=lambda part: (-round(part.bottom), part.left))
        assert all(part.right <= page.mediabox.width - 50 for part in parts)
        for one, after in pairwise(parts):
            assert round(one.bottom) != round(after.bottom) or one.right <= after.left


@pytest.mark.parametrize("name", HOSTILE)
def test_a_city_that_looks_like_markup_is_a_city(name: str) -> None:
    text = text_of(bulletin_pdf(replace(BULLETIN, cities=(city("520100", name, 3),))))

    assert packed(name) in text
    assert "root:" not in text


def test_the_same_bulletin_has_the_same_bytes() -> None:
    assert bulletin_pdf(BULLETIN) == bulletin_pdf(BULLETIN)
    assert bulletin_xlsx(BULLETIN) == bulletin_xlsx(BULLETIN)


# ---------------------------------------------------------------- the bulletin as a workbook


def rows_of(xlsx: bytes, sheet: str, *, is_cached: bool = True) -> list[list[Any]]:
    """Return the rows of the cities and of the province, from the first figure on."""
    book = openpyxl.load_workbook(io.BytesIO(xlsx), data_only=is_cached)
    return [
        list(row)
        for row in book[sheet].iter_rows(min_row=FIRST_ROW + 1, values_only=True)
        if row[0]
    ]


def exact(value: object) -> Decimal:
    return Decimal(str(value)).quantize(CENT)


def test_the_workbook_holds_the_numbers_of_the_bulletin() -> None:
    rows = rows_of(bulletin_xlsx(BULLETIN), CITIES_SHEET)

    for row, one in zip(rows, (*BULLETIN.cities, BULLETIN.total), strict=True):
        recognised = [one.recognised.get(title.id, 0) for title in TITLES]
        held = [one.held.get(title.id, 0) for title in TITLES]
        revoked = [one.revoked.get(ground.id, 0) for ground in GROUNDS]
        assert row[:4] == [one.division, one.name.zh, one.name.en, one.recommended]
        assert row[6:] == [
            *recognised,
            *held,
            one.terms_ended,
            one.renewed,
            one.typical_cases,
            *revoked,
            sum(revoked),
        ]
    assert [row[4:6] for row in rows] == [[20, 0], [20, 2], [20, 0], [60, 2]]


@pytest.mark.parametrize("bulletin", [BULLETIN, large_bulletin()])
def test_the_workbook_holds_money_to_the_cent(bulletin: Bulletin) -> None:
    xlsx = bulletin_xlsx(bulletin)

    money, support = rows_of(xlsx, MONEY_SHEET), rows_of(xlsx, SUPPORT_SHEET)

    count = len(MEASURES)
    everyone = (*bulletin.cities, bulletin.total)
    for paid, helped, one in zip(money, support, everyone, strict=True):
        assert paid[3] == one.revenue.enterprises
        assert exact(paid[4]) == one.revenue.before
        assert exact(paid[5]) == one.revenue.after
        assert paid[6] == ("—" if one.revenue.percent is None else float(one.revenue.percent))
        assert exact(paid[8]) == one.rd_expense.before
        assert exact(paid[9]) == one.rd_expense.after
        assert [exact(cell) for cell in paid[11:]] == [
            one.granted,
            one.disbursed,
            one.recovered,
            one.disbursed - one.recovered,
        ]
        amounts = [
            one.support[each.id].amount if each.id in one.support else 0 for each in MEASURES
        ]
        assert [exact(cell) for cell in helped[4 + count : -1]] == amounts
        assert exact(helped[-1]) == sum(amounts)


def test_totals_and_rates_are_formulas_and_nothing_else_is() -> None:
    hostile = tuple(city("520100", name, 3) for name in HOSTILE)
    named = replace(
        BULLETIN,
        cities=hostile,
        programme=Text("=1+1", "@SUM(1)"),
        issued_by=("+1", "-1"),
        titles=(Named(id="srdi_sme", name=Text("=2+2", "-2")),),
    )

    book = openpyxl.load_workbook(io.BytesIO(bulletin_xlsx(named)))

    formulas = [cell for sheet in book for row in sheet for cell in row if cell.data_type == "f"]
    assert formulas
    assert all(
        re.fullmatch(
            r"=SUM\([A-Z]+\d+:[A-Z]+\d+\)|=[A-Z]+\d+-[A-Z]+\d+|=IF\([A-Z]+\d+>0,ROUND\(.+\)",
            str(cell.value),
        )
        for cell in formulas
    )
    names = [book[CITIES_SHEET].cell(FIRST_ROW + 1 + place, 2) for place in range(len(HOSTILE))]
    assert [(cell.value, cell.data_type) for cell in names] == [(name, "s") for name in HOSTILE]


def total_formulas(sheet: Worksheet) -> list[str]:
    last = FIRST_ROW + 1 + len(BULLETIN.cities)
    return [str(cell.value) for cell in sheet[last] if str(cell.value).startswith("=SUM")]


def test_the_province_is_added_up_over_the_cities() -> None:
    book = openpyxl.load_workbook(io.BytesIO(bulletin_xlsx(BULLETIN)))

    first, last = FIRST_ROW + 1, FIRST_ROW + len(BULLETIN.cities)
    assert f"=SUM(D{first}:D{last})" in total_formulas(book[CITIES_SHEET])
    assert len(total_formulas(book[MONEY_SHEET])) == 9
    assert len(total_formulas(book[SUPPORT_SHEET])) == 2 * len(MEASURES) + 2


def test_the_workbook_is_ready_to_read() -> None:
    book = openpyxl.load_workbook(io.BytesIO(bulletin_xlsx(BULLETIN)))

    assert book.sheetnames == [CITIES_SHEET, SUPPORT_SHEET, MONEY_SHEET, NOTES_SHEET]
    for name in (CITIES_SHEET, SUPPORT_SHEET, MONEY_SHEET):
        sheet = book[name]
        assert sheet.freeze_panes == f"D{FIRST_ROW + 1}"
        assert sheet["A1"].value == "2026年度“专精特新”中小企业培育情况通报"
        assert sheet.cell(FIRST_ROW - 1, 1).value == "代码\nCode"
    assert book[MONEY_SHEET].cell(FIRST_ROW + 1, 5).number_format == "#,##0.00"
    notes = [row[0] for row in book[NOTES_SHEET].iter_rows(values_only=True)]
    assert "涉密企业的数据不列入本通报。" in notes


def test_the_workbook_draws_its_own_charts() -> None:
    with zipfile.ZipFile(io.BytesIO(bulletin_xlsx(BULLETIN))) as archive:
        charts = [archive.read(f"xl/charts/chart{number}.xml").decode() for number in (1, 2, 3)]

    assert re.search(rf"'?{CITIES_SHEET}'?!\$D\$6:\$D\$8<", charts[0])
    assert all("<c:barChart>" in chart for chart in charts)
    assert "<c:lineChart>" in charts[0]
