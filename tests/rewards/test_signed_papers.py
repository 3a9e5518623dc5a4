"""Batches and a year's statements as papers: signed with a key that is published, and as workbooks."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from jose import jws, jwt
from jose.exceptions import JWSError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.kernel.identity.keys import create_key, read_keys
from services.kernel.identity.tokens import SigningKey, TokenVerifier, key_set
from services.kernel.problems import NotAuthenticated
from services.rewards.models import Award
from services.rewards.money_workbook import FIRST_ROW, HEAD_ROW
from services.rewards.paper_service import MOST_ENTERPRISES
from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.services import Caller
from tests.rewards.conftest import Rewards
from tests.rewards.test_awards import P, slug
from tests.rewards.test_batches import order, reject, send_back
from tests.rewards.test_year_statements import (
    ELSEWHERE,
    SUMS,
    ZUNYI,
    ledger,
    listed,
    lived_through,
    summed,
)

Row = dict[str, Any]
ISSUER = "https://rewards.test"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
YEAR = "/award-statements.{}?fiscal_year=2026"
AT = datetime(2026, 9, 1, 1, 2, 3, 456, tzinfo=UTC)


async def keys(rewards: Rewards) -> Row:
    answer = await rewards.service.anyone().get("/api/v1/public/reward-keys")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def signed(rewards: Rewards, path: str, caller: Caller | None = None) -> str:
    answer = await (caller or rewards.treasury).get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jose"
    assert answer.headers["cache-control"] == "private, no-store"
    return str(answer.text)


async def opened(rewards: Rewards, of: str) -> Row:
    """Return what a paper says, once its signature is checked with what is published."""
    return dict(json.loads(jws.verify(of, await keys(rewards), ["ES256"])))


async def workbook(path: str, caller: Caller) -> openpyxl.Workbook:
    answer = await caller.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == XLSX
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def read(book: openpyxl.Workbook) -> list[Row]:
    """Return the rows of the table by the Chinese headings, the totals last."""
    sheet = book.worksheets[0]
    heads, *rows = sheet.iter_rows(min_row=HEAD_ROW + 1, values_only=True)
    names = [str(head).partition("\n")[0] for head in heads]
    return [dict(zip(names, row, strict=True)) for row in rows]


def exact(cell: object) -> Decimal:
    """Return an amount as a spreadsheet keeps it: a double, of which fifteen digits count."""
    assert isinstance(cell, int | float)
    return Decimal(f"{cell:.15g}")


async def paid_in_part(rewards: Rewards) -> Row:
    """Order three payments: one paid in part and rejected, one paid and returned, one stopped."""
    await rewards.schedule()
    titles = [await rewards.holds(serial, P) for serial in (1, 2, 3)]
    awards = [await rewards.approved(serial) for serial in (1, 2, 3)]
    batch = (await order(rewards)).json()
    await rewards.pay(awards[0]["id"], "80000.01", "V-1")
    await reject(rewards, batch)
    await rewards.pay(awards[1]["id"], "200000.00", "V-2")
    await send_back(rewards, awards[1], "V-2")
    await rewards.revoked(titles[2])
    return dict((await rewards.treasury.get(f"/disbursement-batches/{batch['id']}")).json())


# ---------------------------------------------------------------- what is signed


async def test_a_signed_batch_says_how_each_order_stands_and_verifies_with_what_is_published(
    rewards: Rewards,
) -> None:
    batch = await paid_in_part(rewards)

    paper = await signed(rewards, f"/disbursement-batches/{batch['id']}.jws")

    claims = await opened(rewards, paper)
    published = await keys(rewards)
    assert jwt.get_unverified_header(paper) == {
        "alg": "ES256",
        "kid": published["keys"][-1]["kid"],
        "typ": "srdi-disbursement-batch+jwt",
    }
    assert claims["batch"] == batch
    lines = [
        (one["status"], one["paid"], one["stop_requested_at"] is not None)
        for one in claims["batch"]["lines"]
    ]
    assert lines == [
        ("rejected", "80000.01", False),
        ("paid", "200000.00", False),
        ("ordered", "0.00", True),
    ]
    assert (claims["iss"], claims["sub"]) == (
        ISSUER,
        f"{ISSUER}/api/v1/disbursement-batches/{batch['id']}",
    )
    assert abs(claims["iat"] - rewards.service.clock.now().timestamp()) < 60


async def test_a_signed_year_holds_every_row_and_adds_up_to_the_ledger(rewards: Rewards) -> None:
    await lived_through(rewards)

    paper = await signed(rewards, YEAR.format("jws"))

    claims = await opened(rewards, paper)
    year = claims["statements"]
    totals = await ledger(rewards)
    assert jwt.get_unverified_header(paper)["typ"] == "srdi-award-statements+jwt"
    assert claims["sub"] == f"{ISSUER}/api/v1/award-statements?fiscal_year=2026&region=520000"
    assert (year["fiscal_year"], year["region"]) == (2026, "520000")
    assert year["items"] == await listed(rewards.finance())
    assert summed(year["items"]) == totals
    assert {name: Decimal(year["totals"][name]) for name in SUMS} == totals
    assert (year["totals"]["enterprises_count"], year["totals"]["awards_count"]) == (6, 7)


async def test_what_was_altered_or_signed_by_another_does_not_verify(rewards: Rewards) -> None:
    batch = await paid_in_part(rewards)
    paper = await signed(rewards, f"/disbursement-batches/{batch['id']}.jws")
    year = await signed(rewards, YEAR.format("jws"))
    head, content, signature = paper.split(".")
    raised = jws.sign(
        jwt.get_unverified_claims(paper) | {"sub": "another"},
        SigningKey.generate().pem,
        algorithm="ES256",
    )

    for altered in (
        f"{head}.{year.split('.')[1]}.{signature}",
        f"{head}.{content[:-8]}{content[-4:]}{content[-8:-4]}.{signature}",
        f"{head}.{content}.{year.split('.')[2]}",
        f"{year.split('.')[0]}.{content}.{signature}",
        raised,
    ):
        with pytest.raises(JWSError):
            await opened(rewards, altered)
    with pytest.raises(JWSError):
        jws.verify(paper, key_set([rewards.service.key]), ["ES256"])


async def test_what_rewards_signs_is_no_access_token(rewards: Rewards) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    award = await rewards.approved(1)
    batch = await rewards.ordered(award["id"])
    published = await keys(rewards)

    async def key_source() -> Row:
        return published

    assert all("d" not in key for key in published["keys"])
    for path in (f"/disbursement-batches/{batch['id']}.jws", YEAR.format("jws")):
        paper = await signed(rewards, path)
        assert {"aud", "exp", "scope", "client_id"} & jwt.get_unverified_claims(
            paper
        ).keys() == set()
        # Even who trusted these keys and this issuer would not take it for a token.
        trusting = TokenVerifier(issuer=ISSUER, key_source=key_source)
        with pytest.raises(NotAuthenticated, match="fails verification"):
            await trusting.verify(paper)
        refused = await rewards.service.client.get(
            "/api/v1/awards", headers={"Authorization": f"Bearer {paper}"}
        )
        assert refused.status_code == 401


async def test_a_paper_that_was_signed_before_a_new_key_came_still_verifies(
    rewards: Rewards, tmp_path: Any
) -> None:
    await rewards.schedule()
    before = await signed(rewards, YEAR.format("jws"))
    folder = tmp_path / "rewards-seal"
    create_key(folder, "0002")
    issuer = rewards.service.app.state.issuer
    rewards.service.app.state.issuer = type(issuer)(read_keys(folder), issuer.public_url)

    after = await signed(rewards, YEAR.format("jws"))

    first, second = (jwt.get_unverified_header(one)["kid"] for one in (before, after))
    assert [key["kid"] for key in (await keys(rewards))["keys"]] == [first, second]
    for paper in (before, after):
        assert (await opened(rewards, paper))["statements"]["items"] == []


# ---------------------------------------------------------------- who is given a paper


async def test_papers_are_for_those_who_keep_pay_out_of_or_audit_the_fund_of_their_region(
    rewards: Rewards,
) -> None:
    await lived_through(rewards)
    batch = (await rewards.finance().get("/disbursement-batches")).json()["items"][0]
    service = rewards.service
    papers = [
        path.format(ending)
        for path in (YEAR, f"/disbursement-batches/{batch['id']}.{{}}")
        for ending in ("jws", "xlsx")
    ]
    outsiders = [
        service.caller("enterprise", uscc=uscc_of(1)),
        service.caller("city_office", region="520100"),
        service.caller("provincial_office", region="520000"),
        service.caller("evaluator", region="520000"),
    ]

    for caller in outsiders:
        for path in papers:
            answer = await caller.get(path)
            assert (answer.status_code, slug(answer)) == (403, "not-allowed")
    for caller in (rewards.finance(), rewards.treasury, service.caller("auditor", region="520000")):
        assert [(await caller.get(path)).status_code for path in papers] == [200] * 4
    assert [(await service.anyone().get(f"/api/v1{path}")).status_code for path in papers] == [
        401
    ] * 4
    elsewhere = rewards.finance(region=ZUNYI)
    hidden = [await elsewhere.get(path) for path in papers[2:]]
    assert {(one.status_code, slug(one)) for one in hidden} == {(404, "order-not-found")}


async def test_a_signed_year_says_of_which_division_it_is_the_whole(rewards: Rewards) -> None:
    await lived_through(rewards)
    path = YEAR.format("jws")

    async def codes(caller: Caller, query: str = "") -> tuple[str, set[str]]:
        year = (await opened(rewards, await signed(rewards, path + query, caller)))["statements"]
        return year["region"], {row["uscc"] for row in year["items"]}

    async def refused(caller: Caller, query: str = "") -> tuple[int, str]:
        answer = await caller.get(path + query)
        return answer.status_code, slug(answer)

    assert await codes(rewards.finance(region=ZUNYI)) == (ZUNYI, {uscc_of(3)})
    assert await codes(rewards.finance(), f"&region={ELSEWHERE}") == (ELSEWHERE, {uscc_of(3)})
    assert await codes(rewards.finance(region="520400")) == ("520400", set())
    # Else it would be signed that a division had nothing, of which the caller may see nothing.
    for region in (ZUNYI, "520000"):
        asked = await refused(rewards.finance(region="520100"), f"&region={region}")
        assert asked == (403, "not-allowed")
    bound = rewards.service.caller_of(
        ["finance_office"], region="520000", uscc=uscc_of(1), sub="bound"
    )
    assert await refused(bound) == (403, "not-allowed")
    assert await refused(rewards.service.caller_of(["auditor"], sub="nowhere")) == (
        403,
        "not-allowed",
    )


async def test_a_secret_firm_is_in_the_papers_of_the_fund_and_in_no_outsiders_list(
    rewards: Rewards,
) -> None:
    await lived_through(rewards)
    secret, name = uscc_of(5), facts_of(5)["legal_name"]

    year = await opened(rewards, await signed(rewards, YEAR.format("jws")))
    book = await workbook(YEAR.format("xlsx"), rewards.finance())

    assert secret in {row["uscc"] for row in year["statements"]["items"]}
    assert name in {row["企业名称"] for row in read(book)}
    assert "涉密" in str(book.worksheets[0].cell(4, 1).value)
    partner = rewards.service.caller("evaluator", region="520000")
    told = await partner.get("/award-statements?fiscal_year=2026")
    assert secret not in told.text
    assert name not in told.text


async def test_what_is_asked_wrongly_of_a_paper_is_refused(rewards: Rewards) -> None:
    nowhere = UUID(int=7)
    answers = {
        path: await rewards.finance().get(path)
        for ending in ("jws", "xlsx")
        for path in (
            f"/award-statements.{ending}",
            f"/award-statements.{ending}?fiscal_year=2026&limit=5",
            f"/award-statements.{ending}?fiscal_year=26",
            f"/disbursement-batches/{nowhere}.{ending}",
            f"/disbursement-batches/2026-0001.{ending}",
            f"/disbursement-batches/{nowhere}.{ending}?lines=all",
        )
    }

    found = [(one.status_code, slug(one)) for one in answers.values()]
    assert found == 2 * [
        (422, "malformed-request"),
        (422, "unknown-filter"),
        (422, "malformed-request"),
        (404, "order-not-found"),
        (422, "malformed-request"),
        (422, "unknown-filter"),
    ]


async def test_whoever_asks_for_a_year_while_others_are_put_together_comes_again(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P)
    batch = await rewards.ordered((await rewards.approved(1))["id"])
    places = rewards.service.app.state.paper_places

    async with places, places:
        busy = [await rewards.finance().get(YEAR.format(ending)) for ending in ("jws", "xlsx")]
        payments = await rewards.treasury.get(f"/disbursement-batches/{batch['id']}.jws")
    again = [await rewards.finance().get(YEAR.format(ending)) for ending in ("jws", "xlsx")]

    assert {(one.status_code, slug(one)) for one in busy} == {(503, "overloaded")}
    assert {one.headers["Retry-After"] for one in busy} == {"15"}
    assert [payments.status_code, *(one.status_code for one in again)] == [200] * 3


async def test_a_year_of_more_enterprises_than_a_paper_holds_is_asked_for_by_region(
    rewards: Rewards,
) -> None:
    await rewards.schedule()
    await rewards.holds(1, P, region=ELSEWHERE)
    await rewards.approved(1)
    await copied(rewards, MOST_ENTERPRISES - 1)
    full = await rewards.finance().get(YEAR.format("jws"))
    await rewards.holds(2, P)
    await rewards.approved(2)

    above = [await rewards.finance().get(YEAR.format(ending)) for ending in ("jws", "xlsx")]
    book = await rewards.finance().get(f"{YEAR.format('xlsx')}&region={ZUNYI}")

    assert {(one.status_code, slug(one)) for one in above} == {(422, "award-statements-too-many")}
    totals = (await opened(rewards, full.text))["statements"]["totals"]
    assert (totals["enterprises_count"], totals["granted"]) == (50_000, "10000000000.00")
    assert book.status_code == 200
    assert read_last(book.content) == [Decimal("10000000000.00")]


async def copied(rewards: Rewards, count: int) -> None:
    """Give so many other enterprises an award like the one that is there, past the ledger."""
    changed = {
        "id": "gen_random_uuid()",
        "recognition_id": "gen_random_uuid()",
        "uscc": "lpad(serial::text, 18, '0')",
    }
    columns = [column.name for column in Award.__table__.columns]
    values = [changed.get(name, f"like_it.{name}") for name in columns]
    engine = create_async_engine(rewards.service.owner, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.execute(text("SET session_replication_role = replica"))
        await connection.execute(
            text(
                f"INSERT INTO rewards.awards ({', '.join(columns)}) SELECT {', '.join(values)}"
                " FROM rewards.awards AS like_it, generate_series(1, :count) AS serial"
            ),
            {"count": count},
        )
    await engine.dispose()


def read_last(content: bytes) -> list[Decimal]:
    """Return what is granted in all, out of a workbook too long to read at leisure."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    rows = book.worksheets[0].iter_rows(
        min_row=FIRST_ROW + MOST_ENTERPRISES + 1, min_col=6, max_col=6, values_only=True
    )
    return [exact(cell) for (cell,) in rows]
