"""The pool of experts and what binds people to enterprises: who keeps it, who reads it, its trail."""

import asyncio
from typing import Any

import pytest

from tests.builders.enterprises import uscc_of
from tests.review.conftest import Review, slug

LIU = {
    "name": "刘示例",
    "employer": "示例大学",
    "employer_uscc": None,
    "fields": ["advanced_equipment"],
    "division": "530100",
}


async def registered(review: Review, sub: str = "liu", **changed: Any) -> Any:
    return await review.province.post("/experts", json={"sub": sub, **LIU, **changed})


async def changed(review: Review, code: str, version: str | None, **to: Any) -> Any:
    headers = {} if version is None else {"If-Match": version}
    return await review.province.ask("PUT", f"/experts/{code}", headers=headers, json=LIU | to)


async def trail(review: Review, subject_type: str) -> list[Any]:
    return [row for row in await review.service.history() if row["subject_type"] == subject_type]


def tie(**changed: Any) -> dict[str, Any]:
    return {"uscc": uscc_of(1), "kind": "family", "note": "配偶在该企业任职", **changed}


# ---------------------------------------------------------------- experts


async def test_an_expert_is_registered_under_a_code_that_names_nobody(review: Review) -> None:
    lower = uscc_of(7).lower()

    answer = await registered(
        review, employer_uscc=lower, fields=["new_materials", "advanced_equipment", "new_materials"]
    )
    read = await review.province.get(answer.headers["Location"].removeprefix("/api/v1"))

    expert = answer.json()
    assert answer.status_code == 201
    assert (read.json(), read.headers["ETag"]) == (expert, answer.headers["ETag"])
    assert expert["employer_uscc"] == uscc_of(7)
    assert expert["fields"] == ["advanced_equipment", "new_materials"]
    assert len(expert["code"]) == 8
    [row] = await trail(review, "expert")
    assert (row["action"], row["subject_id"], row["actor"]["sub"]) == (
        "registered",
        expert["code"],
        "provincial_office-520000",
    )
    # The trail is the platform's; what it says of an expert names nobody.
    assert "liu" not in str(row["data"])
    assert "刘示例" not in str(row["data"])
    assert await review.service.chain_is_sound()


async def test_nobody_is_registered_twice(review: Review) -> None:
    first = await registered(review)

    again = await registered(review, name="同一人")

    assert (again.status_code, slug(again)) == (409, "expert-known-already")
    [only] = (await review.province.get("/experts")).json()["items"]
    assert only == first.json()


async def test_nobody_is_registered_twice_at_the_same_moment(review: Review) -> None:
    answers = await asyncio.gather(*(registered(review) for _ in range(4)))

    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert {slug(one) for one in answers if one.status_code == 409} == {"expert-known-already"}
    assert len((await review.province.get("/experts")).json()["items"]) == 1
    assert len(await trail(review, "expert")) == 1


@pytest.mark.parametrize(
    "code", ["91520900MA6J6CBN9X", "91520900MA6J6CBN9", "91520900MA6J6CBNIQ", "１２３"]
)
async def test_a_wrong_credit_code_of_the_employer_is_pointed_at(review: Review, code: str) -> None:
    known = (await registered(review)).json()

    fresh = await registered(review, sub="wang", employer_uscc=code)
    later = await changed(review, known["code"], '"1"', employer_uscc=code)

    for answer in (fresh, later):
        assert (answer.status_code, slug(answer)) == (422, "credit-code-not-valid")
        assert [one["pointer"] for one in answer.json()["errors"]] == ["/employer_uscc"]
    assert (await review.province.get("/experts")).json()["items"] == [known]


async def test_an_expert_is_changed_by_whoever_has_read_the_latest(review: Review) -> None:
    answer = await registered(review)
    code, version = answer.json()["code"], answer.headers["ETag"]

    without = await changed(review, code, None, division="520301")
    first = await changed(review, code, version, division="520301", is_active=False)
    stale = await changed(review, code, version, division="520102")
    gibberish = await changed(review, code, "W/abc", division="520102")
    unknown = await changed(review, "22222222", version)

    assert (without.status_code, slug(without)) == (428, "precondition-required")
    assert first.status_code == 200
    assert first.headers["ETag"] != version
    assert (stale.status_code, slug(stale)) == (412, "stale")
    assert gibberish.status_code == 412
    assert (unknown.status_code, slug(unknown)) == (404, "expert-not-found")
    now = (await review.province.get(f"/experts/{code}")).json()
    assert (now["division"], now["is_active"], now["sub"]) == ("520301", False, "liu")
    rows = await trail(review, "expert")
    assert [row["action"] for row in rows] == ["registered", "changed"]
    assert [row["data"]["is_active"] for row in rows] == [True, False]


async def test_of_two_changes_at_the_same_moment_one_is_stale(review: Review) -> None:
    answer = await registered(review)
    code, version = answer.json()["code"], answer.headers["ETag"]

    answers = await asyncio.gather(
        *(changed(review, code, version, division=one) for one in ("520301", "520401", "520502"))
    )

    assert sorted(one.status_code for one in answers) == [200, 412, 412]
    [won] = [one.json() for one in answers if one.status_code == 200]
    assert (await review.province.get(f"/experts/{code}")).json() == won


async def test_what_an_expert_is_called_and_knows_is_asked_for(review: Review) -> None:
    answer = await registered(review, name=" ", fields=[], division="贵阳", sub="", rank=1)

    assert answer.status_code == 422
    assert {one["pointer"] for one in answer.json()["errors"]} >= {
        "/name",
        "/fields",
        "/division",
        "/sub",
        "/rank",
    }


async def test_the_pool_is_listed_by_field_and_by_who_is_active(review: Review) -> None:
    for sub, fields in (("a", ["food"]), ("b", ["food", "software"]), ("c", ["software"])):
        await registered(review, sub=sub, fields=fields)
    codes = {one["sub"]: one for one in (await review.province.get("/experts")).json()["items"]}
    await changed(review, codes["b"]["code"], '"1"', fields=["food"], is_active=False)

    async def listed(query: str) -> set[str]:
        found = (await review.province.get(f"/experts?{query}")).json()["items"]
        return {one["sub"] for one in found}

    assert await listed("field=food") == {"a", "b"}
    assert await listed("field=food&is_active=true") == {"a"}
    assert await listed("is_active=false") == {"b"}
    assert await listed("field=foo") == set()
    page = (await review.province.get("/experts?limit=2")).json()
    rest = (await review.province.get(f"/experts?limit=2&after={page['next']}")).json()
    assert {one["sub"] for one in page["items"] + rest["items"]} == {"a", "b", "c"}
    assert rest["next"] is None


async def test_the_pool_is_the_provinces_to_keep_and_an_auditors_to_read(review: Review) -> None:
    code = (await registered(review)).json()["code"]
    readers = {"provincial_office": "520000", "auditor": "520000"}
    others = {
        "city_office": "520100",
        "county_office": "520102",
        "expert": "520000",
        "site_inspector": "520100",
        "decision_meeting": "520000",
    }

    for office, region in (readers | others).items():
        who = review.officer(office, region, sub="liu" if office == "expert" else None)
        answers = [await who.get("/experts"), await who.get(f"/experts/{code}")]
        expected = 200 if office in readers else 403
        assert [one.status_code for one in answers] == [expected] * 2, office
        if office != "provincial_office":
            kept = [
                await who.post("/experts", json={"sub": "x", **LIU}),
                await who.ask("PUT", f"/experts/{code}", headers={"If-Match": '"1"'}, json=LIU),
            ]
            assert [one.status_code for one in kept] == [403] * 2, office
    assert len(await trail(review, "expert")) == 1


async def test_a_province_keeps_a_pool_of_its_own(review: Review) -> None:
    code = (await registered(review)).json()["code"]
    elsewhere = review.officer("provincial_office", "530000")

    answers = [
        await elsewhere.get(f"/experts/{code}"),
        await elsewhere.ask("PUT", f"/experts/{code}", headers={"If-Match": '"1"'}, json=LIU),
    ]
    theirs = await elsewhere.post("/experts", json={"sub": "wang", **LIU})

    assert [(one.status_code, slug(one)) for one in answers] == [(404, "expert-not-found")] * 2
    assert [one["sub"] for one in (await elsewhere.get("/experts")).json()["items"]] == ["wang"]
    assert [one["sub"] for one in (await review.province.get("/experts")).json()["items"]] == [
        "liu"
    ]
    case_id = await review.screened()
    [lot] = (await review.committed(case_id)).json()["lots"]
    assert lot["candidates"] == [code]
    assert theirs.json()["code"] not in str(lot)


# ---------------------------------------------------------------- ties


async def test_everybody_declares_what_binds_them_and_reads_no_others(review: Review) -> None:
    liu = review.officer("expert", sub="liu")
    wang = review.officer("site_inspector", "520100", sub="wang")

    own = await liu.post("/ties", json=tie(uscc=uscc_of(1).lower(), from_on="2024-01-01"))
    other = await wang.post("/ties", json=tie(kind="shareholding"))

    assert own.status_code == other.status_code == 201
    assert (own.json()["sub"], own.json()["declared_by"], own.json()["uscc"]) == (
        "liu",
        "liu",
        uscc_of(1),
    )
    assert (await liu.get("/ties")).json()["items"] == [own.json()]
    assert (await wang.get("/ties")).json()["items"] == [other.json()]
    # To ask for somebody else's by name is no way around it.
    assert (await wang.get("/ties?sub=liu")).json()["items"] == []
    assert (await wang.get(f"/ties?uscc={uscc_of(1)}")).json()["items"] == [other.json()]
    city = review.officer("city_office", "520100")
    assert (await city.get("/ties")).json()["items"] == []


async def test_the_province_and_auditors_read_all_ties(review: Review) -> None:
    for sub, serial in (("liu", 1), ("wang", 1), ("liu", 2)):
        await review.officer("expert", sub=sub).post("/ties", json=tie(uscc=uscc_of(serial)))

    for reader in (review.province, review.officer("auditor")):
        every = (await reader.get("/ties")).json()["items"]
        of_one = (await reader.get(f"/ties?uscc={uscc_of(1).lower()}")).json()["items"]
        of_both = (await reader.get(f"/ties?sub=liu&uscc={uscc_of(2)}")).json()["items"]

        assert [one["uscc"] for one in every] == [uscc_of(2), uscc_of(1), uscc_of(1)]
        assert {one["sub"] for one in of_one} == {"liu", "wang"}
        assert len(of_both) == 1


@pytest.mark.parametrize(
    ("office", "region"),
    [
        ("expert", "520000"),
        ("city_office", "520100"),
        ("site_inspector", "520100"),
        ("decision_meeting", "520000"),
    ],
)
async def test_somebody_elses_tie_is_the_provinces_to_put_down(
    review: Review, office: str, region: str
) -> None:
    refused = await review.officer(office, region).post("/ties", json=tie(sub="liu"))
    given = await review.province.post("/ties", json=tie(sub="liu"))
    # To name oneself is no more than to leave the name out.
    own = await review.officer(office, region, sub="me").post("/ties", json=tie(sub="me"))

    assert (refused.status_code, slug(refused)) == (403, "not-allowed")
    assert (given.json()["sub"], given.json()["declared_by"]) == ("liu", "provincial_office-520000")
    assert own.status_code == 201
    mine = (await review.officer("expert", sub="liu").get("/ties")).json()["items"]
    assert mine == [given.json()]


async def test_an_auditor_only_reads(review: Review) -> None:
    answer = await review.officer("auditor").post("/ties", json=tie())

    assert (answer.status_code, slug(answer)) == (403, "not-allowed")
    assert await trail(review, "tie") == []


async def test_a_tie_does_not_end_before_it_begins(review: Review) -> None:
    liu = review.officer("expert", sub="liu")

    refused = await liu.post("/ties", json=tie(from_on="2024-05-02", until_on="2024-05-01"))
    one_day = await liu.post("/ties", json=tie(from_on="2024-05-01", until_on="2024-05-01"))
    open_ended = await liu.post("/ties", json=tie(until_on="2024-05-01"))

    assert refused.status_code == 422
    assert [one["code"] for one in refused.json()["errors"]] == ["ends_before_it_begins"]
    assert one_day.status_code == open_ended.status_code == 201
    assert len((await liu.get("/ties")).json()["items"]) == 2


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"uscc": "91520900MA6J6CBN9X"}, "/uscc"),
        ({"kind": "neighbour"}, "/kind"),
        ({"note": ""}, "/note"),
        ({"from_on": "1899-01-01"}, "/from_on"),
        ({"sub": " "}, "/sub"),
    ],
)
async def test_a_tie_that_is_not_well_said_is_pointed_at(
    review: Review, wrong: dict[str, str], pointer: str
) -> None:
    answer = await review.province.post("/ties", json=tie(**wrong))

    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]
    assert await trail(review, "tie") == []


async def test_each_tie_is_in_the_trail_of_the_enterprise(review: Review) -> None:
    declared = await review.province.post(
        "/ties", json=tie(sub="liu", kind="advice", from_on="2020-01-01", until_on="2025-12-31")
    )

    [row] = await trail(review, "tie")

    assert (row["action"], row["subject_id"], row["uscc"], row["reason"]) == (
        "declared",
        declared.json()["id"],
        uscc_of(1),
        "配偶在该企业任职",
    )
    assert row["data"] == {
        "sub": "liu",
        "kind": "advice",
        "from_on": "2020-01-01",
        "until_on": "2025-12-31",
    }
    assert row["actor"]["sub"] == "provincial_office-520000"
