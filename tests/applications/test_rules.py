"""The rules as intake asks them: explained, public, and with an officer's word where law leaves it."""

import tomllib
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts.registry import RecognitionGranted, RecognitionRenewed
from services.policy.catalogue import PACKS, published_catalogue
from tests.applications.conftest import Intake, round_body
from tests.applications.test_intake import recognition
from tests.builders.enterprises import PACK, facts_of

NATIONAL_2022, NATIONAL_2026 = "national/2022-08-01", "national/2026-04-01"


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


def base_of(pack: str) -> dict[str, Any]:
    return dict(tomllib.loads((PACKS / pack / "cases.toml").read_text("utf-8"))["base"])


async def checked(intake: Intake, **body: Any) -> dict[str, Any]:
    answer = await intake.service.anyone().post("/api/v1/eligibility-checks", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_anybody_checks_eligibility_and_nothing_is_stored(intake: Intake) -> None:
    body = await checked(intake, pack=PACK, facts=facts_of(1, total_liabilities="42000000.01"))

    assert body["verdict"] == "not_met"
    assert body["can_be_submitted"] is False
    assert body["enterprise_size"]["size"] == "small"
    assert body["enterprise_size"]["figures"]["operating_revenue"] == {
        "value": "50000000.00",
        "unit": "yuan",
        "fiscal_year": 2025,
    }
    debt = next(one for one in body["conditions"] if one["id"] == "debt_ratio")
    assert debt["clause"] == "四.2"
    assert debt["fact"] == {"total_liabilities": "42000000.01", "total_assets": "60000000.00"}
    assert debt["limit"] == {"comparison": "at_most", "value": "70", "unit": "percent"}
    assert await intake.service.events() == []


async def test_a_score_is_shown_point_by_point(intake: Intake) -> None:
    body = await checked(
        intake, pack=NATIONAL_2022, titles_held=["innovative_sme"], facts=base_of(NATIONAL_2022)
    )

    [score] = body["scores"]
    assert (score["points"], score["least"], score["most"], score["out_of"]) == (
        None,
        "77",
        "92",
        "100",
    )
    local = next(one for one in score["dimensions"] if one["id"] == "srdi_distinctive")
    assert (local["points"], local["least"], local["most"]) == (None, "0", "15")
    growth = score["dimensions"][0]["indicators"][1]
    assert growth["points"] == "8"
    assert growth["fact"]["previous_main_business_revenue"] == "80000000.00"
    assert growth["because"]["zh"].endswith("属“8—10%”档，得 8 分。")
    standard = next(one for one in body["conditions"] if one["id"] == "srdi_standard")
    assert standard["verdict"] == "met"
    assert standard["parts"][0]["because"]["zh"].endswith("已达到 60 分。")


async def test_a_renewal_is_judged_as_the_pack_says_for_renewals(intake: Intake) -> None:
    facts = base_of(NATIONAL_2026) | {"before_previous_operating_revenue": "200000000.00"}
    question: dict[str, Any] = {"pack": NATIONAL_2026, "facts": facts} | {
        "title": "national_little_giant",
        "titles_held": ["srdi_sme"],
        "on": "2026-06-10",
    }

    new = await checked(intake, **question)
    renewal = await checked(intake, **question, kind="renewal")

    assert new["verdict"] == "not_met"
    assert [one["id"] for one in new["conditions"] if one["verdict"] == "not_met"] == [
        "giant_growth"
    ]
    assert renewal["verdict"] == "needs_officer"
    assert "giant_growth" not in {one["id"] for one in renewal["conditions"]}


async def test_an_officers_size_stands_beside_the_computed_one(intake: Intake) -> None:
    basis = "《金融业企业划型标准规定》（银发〔2015〕309号）"

    left_open = await checked(intake, pack=PACK, facts=facts_of(1, industry_code="6631"))
    determined = await checked(
        intake,
        pack=PACK,
        facts=facts_of(1, industry_code="6631"),
        size_determination={"size": "large", "legal_basis": basis},
    )

    assert left_open["enterprise_size"]["size"] is None
    size = determined["enterprise_size"]
    assert (size["size"], size["is_sme"], size["computed"]) == ("large", False, None)
    assert size["legal_basis"] == basis
    assert basis in size["because"]["zh"]


async def large_draft(intake: Intake) -> dict[str, Any]:
    return await intake.draft(
        1,
        employees=2000,
        operating_revenue="500000000.00",
        main_business_revenue="400000000.00",
    )


async def test_a_size_that_an_officer_determined_lets_a_large_enterprise_file(
    intake: Intake,
) -> None:
    draft = await large_draft(intake)
    path = f"/applications/{draft['id']}"
    body = {"size": "medium", "legal_basis": "国家另有规定：示例"}

    as_large = await intake.enterprise().post(f"{path}/submission")
    determined = await intake.province.ask(
        "PUT", f"{path}/size-determination", json=body, headers={"If-Match": '"1"'}
    )
    submitted = await intake.enterprise().post(f"{path}/submission")

    assert slug(as_large) == "not-eligible"
    assert determined.status_code == 200, determined.text
    assert determined.json()["size_determination"]["determined_by"]
    assert submitted.status_code == 200, submitted.text
    event = (await intake.service.events())[-1]
    assert event["data"]["size_determination"]["legal_basis"] == "国家另有规定：示例"
    rows = [row for row in await intake.service.history() if row["action"] == "size_determined"]
    assert rows[0]["reason"] == "国家另有规定：示例"


async def test_a_determination_ends_with_the_figures_that_it_rested_on(intake: Intake) -> None:
    draft = await large_draft(intake)
    path = f"/applications/{draft['id']}"
    await intake.province.ask(
        "PUT",
        f"{path}/size-determination",
        json={"size": "medium", "legal_basis": "国家另有规定：示例"},
        headers={"If-Match": '"1"'},
    )

    kept = await intake.enterprise().ask(
        "PATCH", path, json={"facts": {"niche": "精密轴承"}}, headers={"If-Match": '"2"'}
    )
    ended = await intake.enterprise().ask(
        "PATCH", path, json={"facts": {"employees": 3000}}, headers={"If-Match": '"3"'}
    )

    assert kept.json()["size_determination"] is not None
    assert ended.json()["size_determination"] is None
    actions = {row["action"] for row in await intake.service.history()}
    assert "size_determination_lapsed" in actions


async def test_a_determination_is_taken_back(intake: Intake) -> None:
    draft = await large_draft(intake)
    path = f"/applications/{draft['id']}/size-determination"
    await intake.province.ask(
        "PUT", path, json={"size": "medium", "legal_basis": "示例"}, headers={"If-Match": '"1"'}
    )

    taken_back = await intake.province.ask("DELETE", path, headers={"If-Match": '"2"'})
    again = await intake.province.ask("DELETE", path, headers={"If-Match": '"3"'})

    assert taken_back.json()["size_determination"] is None
    assert again.json()["version"] == taken_back.json()["version"]


async def test_who_may_not_determine_a_size(intake: Intake) -> None:
    draft = await large_draft(intake)
    path = f"/applications/{draft['id']}/size-determination"
    body = {"size": "medium", "legal_basis": "示例"}
    tag = {"If-Match": '"1"'}
    county = intake.service.caller("county_office", region="520102")
    elsewhere = intake.service.caller("city_office", region="520300")

    by_itself = await intake.enterprise().ask("PUT", path, json=body, headers=tag)
    by_county = await county.ask("PUT", path, json=body, headers=tag)
    from_elsewhere = await elsewhere.ask("PUT", path, json=body, headers=tag)
    without_basis = await intake.province.ask("PUT", path, json={"size": "medium"}, headers=tag)
    stale = await intake.province.ask("PUT", path, json=body, headers={"If-Match": '"9"'})
    await intake.submitted(2)

    assert [by_itself.status_code, by_county.status_code] == [403, 403]
    assert from_elsewhere.status_code == 404
    assert (without_basis.status_code, stale.status_code) == (422, 412)


async def test_who_drafted_an_application_does_not_determine_its_size(intake: Intake) -> None:
    city = intake.service.caller("city_office", region="520100")
    filed = await city.post(
        "/applications", json={"round_id": intake.round_id, "kind": "new", "facts": facts_of(3)}
    )
    path = f"/applications/{filed.json()['id']}/size-determination"

    refused = await city.ask(
        "PUT", path, json={"size": "small", "legal_basis": "示例"}, headers={"If-Match": '"1"'}
    )

    assert (refused.status_code, slug(refused)) == (409, "separation-of-duties")


async def test_a_size_is_not_determined_once_it_is_submitted(intake: Intake) -> None:
    submitted = await intake.submitted(1)

    refused = await intake.province.ask(
        "PUT",
        f"/applications/{submitted['id']}/size-determination",
        json={"size": "small", "legal_basis": "示例"},
        headers={"If-Match": f'"{submitted["version"]}"'},
    )

    assert slug(refused) == "application-not-editable"


async def national_round(intake: Intake) -> str:
    opened = await intake.province.post(
        "/rounds",
        json={
            "code": "2026-N",
            "name": "2026年度专精特新中小企业",
            "title": "innovative_sme",
            "kinds": {"new": NATIONAL_2026, "renewal": NATIONAL_2022},
            "opens_on": "2026-03-01",
            "closes_on": "2026-03-31",
            "document_number": "示例〔2026〕9号",
        },
    )
    assert opened.status_code == 201, opened.text
    return str(opened.json()["id"])


async def test_an_imported_fact_is_an_offices_to_enter(intake: Intake) -> None:
    round_id = await national_round(intake)
    facts = {
        name: value for name, value in base_of(NATIONAL_2026).items() if name != "platform_score"
    } | {"uscc": facts_of(1)["uscc"]}
    body = {"round_id": round_id, "kind": "new", "facts": facts}
    city = intake.service.caller("city_office", region="520100")

    told = await intake.enterprise().post(
        "/applications", json=body | {"facts": facts | {"platform_score": "99.00"}}
    )
    draft = await intake.enterprise().post("/applications", json=body)
    path = f"/applications/{draft.json()['id']}"
    patched = await intake.enterprise().ask(
        "PATCH", path, json={"facts": {"platform_score": "99.00"}}, headers={"If-Match": '"1"'}
    )
    entered = await city.ask(
        "PATCH", path, json={"facts": {"platform_score": "72.5"}}, headers={"If-Match": '"1"'}
    )

    for refused in (told, patched):
        assert (refused.status_code, slug(refused)) == (422, "facts-invalid")
        assert refused.json()["errors"] == [
            {
                "pointer": "/facts/platform_score",
                "code": "imported",
                "detail": refused.json()["errors"][0]["detail"],
            }
        ]
    assert entered.json()["facts"]["platform_score"] == "72.50"


async def test_a_round_is_held_under_the_law_of_its_own_place(intake: Intake) -> None:
    elsewhere = intake.service.caller("provincial_office", region="440000")
    body = {
        "code": "440-1",
        "name": "示例",
        "title": "srdi_sme",
        "kinds": {"new": PACK},
        "opens_on": "2026-03-01",
        "closes_on": "2026-03-31",
        "document_number": "示例〔2026〕9号",
    }

    refused = await elsewhere.post("/rounds", json=body)
    national = await elsewhere.post("/rounds", json=body | {"kinds": {"new": NATIONAL_2022}})

    assert (refused.status_code, slug(refused)) == (422, "unknown-pack-or-title")
    assert national.status_code == 201


async def test_the_rules_are_public(intake: Intake) -> None:
    anyone = intake.service.anyone()

    packs = (await anyone.get("/api/v1/packs")).json()["items"]
    pack = (await anyone.get(f"/api/v1/packs/{PACK}")).json()
    unknown = await anyone.get("/api/v1/packs/guizhou/2020-01-01")

    assert [one["name"] for one in packs] == [NATIONAL_2026, NATIONAL_2022, PACK]
    assert [stage["office"] for stage in pack["titles"][1]["stages"]] == [
        "city_office",
        "provincial_office",
        "expert",
        "decision_meeting",
        "provincial_office",
    ]
    debt = next(one for one in pack["titles"][1]["conditions"] if one["id"] == "debt_ratio")
    assert debt["rule"]["at_most"] == "70"
    field = next(one for one in pack["facts"] if one["name"] == "focus_field")
    assert field["options"][0]["name"]["zh"] == "大数据电子信息"
    assert (unknown.status_code, slug(unknown)) == (404, "pack-not-found")


async def test_every_pack_is_read_with_its_tables_and_duties(intake: Intake) -> None:
    anyone = intake.service.anyone()

    read = {
        name: (await anyone.get(f"/api/v1/packs/{name}")).json()
        for name in (NATIONAL_2022, NATIONAL_2026)
    }

    table = read[NATIONAL_2022]["scoring_tables"][1]
    bands = table["dimensions"][0]["indicators"][0]["scale"]["bands"]
    assert table["out_of"] == "100"
    assert bands[0] == {"at_least": "80", "at_most": None, "points": "5"}
    assert read[NATIONAL_2022]["titles"][1]["scoring_tables"] == ["srdi"]
    assert read[NATIONAL_2022]["rewards"] is None
    assert [one["every_year_by"] for one in read[NATIONAL_2026]["duties"]] == ["05-31", None]
    imported = [one["name"] for one in read[NATIONAL_2026]["facts"] if one["is_imported"]]
    assert imported == ["platform_score", "previous_platform_score"]


async def test_how_review_is_conducted_is_public(intake: Intake) -> None:
    anyone = intake.service.anyone()

    plan, nation = [
        (await anyone.get(f"/api/v1/packs/{name}")).json()["procedure"]
        for name in (PACK, NATIONAL_2026)
    ]

    [panel] = plan["panels"]
    assert (panel["stage"], panel["experts"], panel["in_field"]) == ("expert_evaluation", 3, True)
    assert (panel["spread_alarm"], panel["pass_at_least"], panel["out_of"]) == ("20", "60", "100")
    assert panel["indicators"][1] == {
        "id": "niche_position",
        "name": {"zh": "细分市场地位", "en": "Position in the niche"},
        "clause": "四.3",
        "official_text": "主导产品和服务在国内或省内细分市场处于领先地位",
        "out_of": "20",
        "look_at": ["niche", "niche_since", "niche_share"],
    }
    assert (plan["samples"], nation["panels"]) == ([], [])
    assert plan["conflicts"]["same_city"] is True
    assert plan["hearing"]["working_days"] == 5
    assert plan["correction"]["resumes_at"] == "provincial_screening"
    [sample] = nation["samples"]
    assert (sample["stage"], sample["percent"], sample["inspectors"]) == ("site_visit", 30, 2)
    assert sample["checks"][2]["id"] == "staff"
    for part in (panel, sample, plan["conflicts"], plan["hearing"], plan["correction"]):
        assert "为本平台设定" in part["basis"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("division=520102&on=2021-05-05", []),
        ("division=520102&on=2021-05-06", [PACK]),
        ("division=520102&on=2022-08-01", [PACK, NATIONAL_2022]),
        ("division=520102&on=2026-03-31", [PACK, NATIONAL_2022]),
        ("division=520102&on=2026-04-01", [PACK, NATIONAL_2026]),
        ("division=440100&on=2026-04-01", [NATIONAL_2026]),
        ("on=2022-07-31", [PACK]),
        ("division=520900", [PACK, NATIONAL_2022]),
    ],
)
async def test_what_was_in_force_where_and_when(
    intake: Intake, query: str, names: list[str]
) -> None:
    answer = await intake.service.anyone().get(f"/api/v1/packs?{query}")

    assert [one["name"] for one in answer.json()["items"]] == names


async def test_divisions_are_listed_as_they_were_on_a_day(intake: Intake) -> None:
    async def listed(query: str = "") -> dict[str, str]:
        answer = await intake.service.anyone().get(f"/api/v1/divisions{query}")
        return {one["code"]: one["name"] for one in answer.json()["items"]}

    today, cities = await listed(), await listed("?level=city")
    before, after = await listed("?as_of=2016-06-29"), await listed("?as_of=2016-06-30")

    assert len(today) == 99
    assert today["520900"] == "贵安新区"
    assert cities.keys() >= {"520100", "520900", "522700"}
    assert (before["520321"], "520304" in before) == ("遵义县", False)
    assert ("520321" in after, after["520304"]) == (False, "播州区")
    assert "520900" not in await listed("?as_of=2013-12-31")


async def test_industries_say_which_size_group_is_theirs(intake: Intake) -> None:
    answer = await intake.service.anyone().get("/api/v1/industries")
    industries = {one["code"]: one for one in answer.json()["items"]}

    assert len(industries) == 97
    assert industries["83"]["size_groups"] == []
    assert industries["59"]["size_groups"] == [
        {"prefix": "59", "size_group": "storage"},
        {"prefix": "591", "size_group": "transport"},
    ]
    assert {one["prefix"] for one in industries["70"]["size_groups"]} == {
        "701",
        "702",
        "703",
        "709",
    }


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["0.00", "-1.00", "1" + "0" * 15 + ".00", "1e9", "2026-02-30", "NaN"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
PACK_NAMES = [pack.name for pack in published_catalogue().packs()]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), pack=st.sampled_from(PACK_NAMES))
async def test_no_facts_whatever_make_anything_but_an_answer_or_a_refusal(
    intake: Intake, data: st.DataObject, pack: str
) -> None:
    names = [*published_catalogue().pack(pack).facts, "unknown"]
    facts = base_of(pack) | data.draw(
        st.dictionaries(st.sampled_from(names), JSON_VALUES, max_size=4)
    )

    answer = await intake.service.anyone().post(
        "/api/v1/eligibility-checks", json={"pack": pack, "title": "srdi_sme", "facts": facts}
    )

    assert answer.status_code == 200 or slug(answer) in {"facts-invalid", "malformed-request"}


async def test_a_question_keeps_its_first_answer_only_for_who_brings_a_key(intake: Intake) -> None:
    anyone, path = intake.service.anyone(), "/api/v1/eligibility-checks"
    body = {"pack": PACK, "facts": facts_of(1)}
    key = {"Idempotency-Key": "question-1"}

    first = await anyone.post(path, json=body, headers=key)
    again = await anyone.post(path, json=body, headers=key)
    other = await anyone.post(path, json=body | {"title": "provincial_little_giant"}, headers=key)
    without = await anyone.post(path, json=body)

    assert again.json() == first.json() == without.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.json()["title"] == "provincial_little_giant"
    assert "idempotency-replayed" not in other.headers
    assert "idempotency-replayed" not in without.headers


async def test_a_round_belongs_to_the_province_that_opened_it(intake: Intake) -> None:
    elsewhere = intake.service.caller("provincial_office", region="530000")
    path = f"/rounds/{intake.round_id}"
    longer = {"closes_on": "2026-12-31", "document_number": "示例", "reason": "示例原因"}

    extended = await elsewhere.post(f"{path}/extension", json=longer)
    closed = await elsewhere.post(f"{path}/closure", json={"reason": "示例原因"})
    by_city = await intake.service.caller("provincial_office", region="520100").post(
        f"{path}/closure", json={"reason": "示例原因"}
    )

    assert [one.status_code for one in (extended, closed, by_city)] == [403, 403, 403]
    assert (await intake.province.get(path)).json()["is_open"] is True


async def test_a_title_renewed_in_time_is_held_without_a_gap(intake: Intake) -> None:
    """The next term begins in the future; until then the old one still counts."""
    granted = recognition(valid_from=date(2023, 5, 1), valid_until=date(2026, 4, 30))
    await intake.service.deliver("registry", RecognitionGranted(application_id=None, **granted))
    await intake.service.deliver(
        "registry",
        RecognitionRenewed(
            application_id=None,
            **granted | {"valid_from": date(2026, 5, 1), "valid_until": date(2029, 4, 30)},
        ),
    )

    refused = await intake.enterprise().post(
        "/applications", json={"round_id": intake.round_id, "kind": "new", "facts": facts_of(1)}
    )

    assert (refused.status_code, slug(refused)) == (409, "title-held-already")


async def test_two_rounds_of_one_title_take_one_application_at_a_time(intake: Intake) -> None:
    other = await intake.province.post("/rounds", json=round_body(code="2026-other"))
    body = intake.body(1) | {"round_id": other.json()["id"]}
    await intake.submitted(1)
    second = await intake.enterprise().post("/applications", json=body)
    await intake.attach_needed(intake.enterprise(), second.json()["id"])

    refused = await intake.enterprise().post(f"/applications/{second.json()['id']}/submission")

    assert second.status_code == 201
    assert (refused.status_code, slug(refused)) == (409, "application-in-hand")


async def test_a_round_names_real_packs_or_none(intake: Intake) -> None:
    refused = await intake.province.post(
        "/rounds", json=round_body(code="2026-x") | {"kinds": {"new": ""}}
    )

    assert (refused.status_code, slug(refused)) == (422, "malformed-request")


async def test_a_name_that_no_certificate_holds_is_refused(intake: Intake) -> None:
    body = {"round_id": intake.round_id, "kind": "new", "facts": facts_of(1, legal_name="企" * 201)}

    refused = await intake.enterprise().post("/applications", json=body)

    assert refused.json()["errors"][0]["pointer"] == "/facts/legal_name"
    assert refused.json()["errors"][0]["code"] == "too_long"
