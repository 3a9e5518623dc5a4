"""Who is recognised from when to when: terms, states, revocation, verification."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.contracts.review import CaseRejected, CaseRestored
from services.kernel.identifiers import new_id
from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.services import as_owner
from tests.registry.conftest import TODAY, Registry

LEAP_DAY = date(2028, 2, 29)


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


def national(serial: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "uscc": uscc_of(serial),
        "legal_name": facts_of(serial)["legal_name"],
        "title": "national_little_giant",
        "valid_from": "2026-06-01",
        "document_number": "工信部示例〔2026〕1号",
        "region": "520102",
    } | changed


async def test_a_recognised_case_becomes_a_title_of_three_years(registry: Registry) -> None:
    recognition_id = await registry.recognised(on=date(2026, 5, 8))

    found = (await registry.partner.get(f"/recognitions/{recognition_id}")).json()

    assert (found["valid_from"], found["valid_until"]) == ("2026-05-08", "2029-05-07")
    assert found["status"] == "valid"
    assert found["certificate_number"] == "52-ZJTX-2026-00001"
    (event,) = await registry.service.events()
    assert event["type"] == "cn.srdi.recognition.granted.v1"
    assert event["data"]["valid_until"] == "2029-05-07"
    assert await registry.service.chain_is_sound()


@pytest.mark.parametrize(
    ("on", "code", "is_valid"),
    [
        (date(2026, 5, 7), "never_recognised", False),
        (date(2026, 5, 8), "valid", True),
        (date(2028, 11, 7), "valid", True),
        (date(2028, 11, 8), "renewal_due", True),
        (date(2029, 5, 7), "renewal_due", True),
        (date(2029, 5, 8), "lapsed", False),
    ],
)
async def test_the_state_follows_from_the_day_alone(
    registry: Registry, on: date, code: str, is_valid: bool
) -> None:
    await registry.recognised(on=date(2026, 5, 8))

    answer = await registry.verified(1, on=on)

    assert (answer["code"], answer["is_valid"]) == (code, is_valid)


async def test_material_that_is_in_keeps_an_ended_title_from_lapsing(registry: Registry) -> None:
    await registry.recognised(on=date(2026, 5, 8))
    await registry.renewal_filed(1, date(2029, 4, 1))

    assert (await registry.verified(1, on=date(2029, 3, 31)))["code"] == "renewal_due"
    assert (await registry.verified(1, on=date(2029, 5, 8)))["code"] == "awaiting_renewal"


async def test_a_renewed_term_begins_the_day_after_the_old_one_ends(registry: Registry) -> None:
    first = await registry.recognised(on=date(2026, 5, 8))
    filed = await registry.renewal_filed(1, date(2029, 4, 1))
    # Decided after the old term was over, with the material in time: nothing is lost in between.
    second = await registry.recognised(on=date(2029, 6, 20), kind="renewal", application_id=filed)
    found = (await registry.partner.get(f"/enterprises/{uscc_of(1)}?as_of=2029-06-01")).json()

    (recognition,) = found["recognitions"]
    assert first == second
    assert recognition["certificate_number"] == "52-ZJTX-2026-00001"
    assert [(term["valid_from"], term["valid_until"]) for term in recognition["terms"]] == [
        ("2026-05-08", "2029-05-07"),
        ("2029-05-08", "2032-05-07"),
    ]
    assert recognition["status"] == "valid"


async def test_a_renewal_of_a_lapsed_title_is_a_new_term(registry: Registry) -> None:
    await registry.recognised(on=date(2026, 5, 8))
    late = await registry.renewal_filed(1, date(2029, 5, 8))
    await registry.recognised(on=date(2030, 1, 10), kind="renewal", application_id=late)

    assert (await registry.verified(1, on=date(2029, 12, 1)))["code"] == "lapsed"
    assert (await registry.verified(1, on=date(2030, 1, 9)))["code"] == "lapsed"
    assert (await registry.verified(1, on=date(2030, 1, 10)))["code"] == "valid"
    (held,) = (await registry.partner.get(f"/enterprises/{uscc_of(1)}?as_of=2030-01-10")).json()[
        "recognitions"
    ]
    assert [(term["valid_from"], term["valid_until"]) for term in held["terms"]] == [
        ("2026-05-08", "2029-05-07"),
        ("2030-01-10", "2033-01-09"),
    ]


async def test_material_filed_on_the_last_day_is_in_time(registry: Registry) -> None:
    await registry.recognised(on=date(2026, 5, 8))
    filed = await registry.renewal_filed(1, date(2029, 5, 7))
    awaited = await registry.verified(1, on=date(2029, 5, 8))
    await registry.recognised(on=date(2030, 1, 10), kind="renewal", application_id=filed)

    assert awaited["code"] == "awaiting_renewal"
    assert (await registry.verified(1, on=date(2029, 5, 8)))["code"] == "valid"


async def test_news_of_a_decision_may_come_before_news_of_the_filing(registry: Registry) -> None:
    await registry.recognised(on=date(2026, 5, 8))
    application_id = new_id()
    await registry.recognised(on=date(2029, 4, 20), kind="renewal", application_id=application_id)
    late_news = await registry.renewal_filed(1, date(2029, 4, 1))

    assert late_news != application_id
    assert (await registry.verified(1, on=date(2029, 5, 8)))["code"] == "valid"


async def test_a_national_title_is_recorded_as_the_ministry_announced_it(
    registry: Registry,
) -> None:
    await registry.recognised()

    recorded = await registry.officer().post("/recognitions", json=national())
    again = await registry.officer().post("/recognitions", json=national())
    provincial = await registry.officer().post("/recognitions", json=national(title="srdi_sme"))
    early = await registry.officer().post(
        "/recognitions", json=national(2, valid_from="2026-06-02")
    )
    wrong_code = await registry.officer().post(
        "/recognitions", json=national(uscc="91520900MA6J6CBN9R")
    )
    by_city = await registry.officer("city_office", "520100").post(
        "/recognitions", json=national(3)
    )

    assert recorded.status_code == 201
    assert recorded.json()["valid_until"] == "2029-05-31"
    assert recorded.json()["certificate_number"] == "52-GXJR-2026-00001"
    assert (again.status_code, slug(again)) == (409, "already-recognised")
    assert (provincial.status_code, slug(provincial)) == (422, "title-not-recorded-here")
    assert (early.status_code, slug(early)) == (422, "recognition-in-future")
    assert (wrong_code.status_code, slug(wrong_code)) == (422, "credit-code-not-valid")
    assert by_city.status_code == 403


async def test_a_national_title_never_lifts_a_secret(registry: Registry) -> None:
    await registry.recognised(is_secret_involved=True)
    await registry.officer().post("/recognitions", json=national())

    assert (await registry.verified(1, title="national_little_giant"))["code"] == (
        "never_recognised"
    )


async def test_a_false_declaration_ends_the_title_bars_three_years_and_names_the_others(
    registry: Registry,
) -> None:
    recognition_id = await registry.recognised()
    await registry.officer().post("/recognitions", json=national())

    revoked = await registry.revoke(recognition_id)

    body = revoked.json()
    assert revoked.status_code == 200
    assert body["status"] == "revoked"
    assert body["other_titles_to_examine"] == ["national_little_giant"]
    assert body["revocation"]["exclusion_until"] == "2029-05-31"
    event = (await registry.service.events())[-1]
    assert event["type"] == "cn.srdi.recognition.revoked.v1"
    assert event["data"]["recovers_rewards"] is True
    assert (await registry.verified(1))["code"] == "revoked"
    assert (await registry.verified(1, on=TODAY - timedelta(days=1)))["code"] == "never_recognised"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"finding_number": None}, "finding-needed"),
        ({"decided_on": "2026-06-02"}, "revocation-day-not-possible"),
        ({"decided_on": "2026-05-31"}, "revocation-day-not-possible"),
        ({"ground": "boredom"}, "unknown-revocation-ground"),
        ({"ground": "'; --"}, "malformed-request"),
    ],
)
async def test_a_revocation_that_cannot_be_is_refused_by_name(
    registry: Registry, changed: dict[str, Any], problem: str
) -> None:
    recognition_id = await registry.recognised()

    refused = await registry.revoke(recognition_id, **changed)

    assert (refused.status_code, slug(refused)) == (422, problem)


async def test_a_title_given_up_needs_no_finding_and_costs_nothing(registry: Registry) -> None:
    recognition_id = await registry.recognised()

    revoked = await registry.revoke(recognition_id, ground="voluntary", finding_number=None)

    assert revoked.json()["revocation"]["exclusion_until"] is None
    assert (await registry.service.events())[-1]["data"]["recovers_rewards"] is False


async def test_a_title_is_revoked_once_however_many_ask(registry: Registry) -> None:
    recognition_id = await registry.recognised()

    answers = await asyncio.gather(*(registry.revoke(recognition_id) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    types = [event["type"] for event in await registry.service.events()]
    assert types.count("cn.srdi.recognition.revoked.v1") == 1


async def test_after_a_revocation_the_title_can_be_won_again(registry: Registry) -> None:
    first = await registry.recognised()
    await registry.revoke(first, ground="voluntary", finding_number=None)
    registry.service.clock.move_to_day(date(2026, 7, 1))
    second = await registry.recognised(on=date(2026, 7, 1))

    assert first != second
    assert (await registry.verified(1, on=date(2026, 7, 1)))["certificate_number"] == (
        "52-ZJTX-2026-00002"
    )


async def test_the_database_itself_refuses_two_current_recognitions(registry: Registry) -> None:
    await registry.recognised()

    with pytest.raises(IntegrityError, match="one_current_recognition"):
        await as_owner(
            registry.service.owner,
            "INSERT INTO registry.recognitions (id, uscc, title, title_rank, certificate_number,"
            " policy_pack, valid_from, valid_until, renewal_opens_on, created_at, version) SELECT"
            " gen_random_uuid(), uscc, title, title_rank, 'x', policy_pack, valid_from, valid_until,"
            " renewal_opens_on, created_at, 1 FROM registry.recognitions",
        )


async def test_the_service_itself_cannot_edit_a_term(registry: Registry) -> None:
    await registry.recognised()

    with pytest.raises(DBAPIError, match="permission denied"):
        await as_owner(
            registry.service.owner.set(username="srdi_registry"),
            "UPDATE registry.recognition_terms SET valid_until = valid_until + 365",
        )


async def test_one_and_many_verifications_answer_alike(registry: Registry) -> None:
    await registry.recognised(1)
    await registry.recognised(2)
    asked = [uscc_of(1), uscc_of(2), uscc_of(3), "91520900MA6J6CBN9R", f" {uscc_of(1).lower()} "]

    many = (
        await registry.partner.post("/verifications", json={"items": [{"uscc": u} for u in asked]})
    ).json()
    one_by_one = [(await registry.partner.get(f"/verifications/{u}")).json() for u in asked]

    assert many["items"] == one_by_one
    assert [item["code"] for item in many["items"]] == [
        "valid",
        "valid",
        "never_recognised",
        "unknown_code",
        "valid",
    ]


async def test_a_verification_of_more_than_a_thousand_is_refused(registry: Registry) -> None:
    body = {"items": [{"uscc": uscc_of(1)}] * 1001}

    assert (await registry.partner.post("/verifications", json=body)).status_code == 422


async def test_without_a_title_the_best_that_counts_is_answered(registry: Registry) -> None:
    await registry.recognised()
    higher = await registry.officer().post("/recognitions", json=national())
    path = f"/verifications/{uscc_of(1)}"

    both = (await registry.partner.get(path)).json()
    await registry.revoke(higher.json()["id"])
    after = (await registry.partner.get(path)).json()

    assert both["title"] == "national_little_giant"
    assert (after["title"], after["is_valid"]) == ("srdi_sme", True)


async def test_a_secret_firm_is_never_there_for_outsiders(registry: Registry) -> None:
    recognition_id = await registry.recognised(is_secret_involved=True)
    certificate = (await registry.officer().get(f"/recognitions/{recognition_id}")).json()[
        "certificate_number"
    ]
    outsiders = [
        registry.partner,
        registry.officer("city_office", "520300"),
        registry.service.caller("enterprise", uscc=uscc_of(2)),
        registry.service.caller("finance_office"),
    ]
    anyone = registry.service.anyone()

    for outsider in outsiders:
        assert (await outsider.get(f"/enterprises/{uscc_of(1)}")).status_code == 404
        assert (await outsider.get(f"/recognitions/{recognition_id}")).status_code == 404
        assert (await outsider.get("/enterprises")).json()["items"] == []
        verified = (await outsider.get(f"/verifications/{uscc_of(1)}")).json()
        assert verified["code"] == "never_recognised"
    assert (await anyone.get("/api/v1/public/enterprises")).json()["items"] == []
    assert (await anyone.get(f"/api/v1/public/certificates/{certificate}")).status_code == 404
    assert [event["partner_data"] for event in await registry.service.events()] == [None]
    for insider in (
        registry.officer("city_office", "520100"),
        registry.service.caller("enterprise", uscc=uscc_of(1)),
    ):
        assert (await insider.get(f"/enterprises/{uscc_of(1)}")).status_code == 200


async def test_the_public_register_shows_what_counts_today(registry: Registry) -> None:
    await registry.recognised(1)
    gone = await registry.recognised(2)
    await registry.revoke(gone)
    anyone = registry.service.anyone()

    shown = (await anyone.get("/api/v1/public/enterprises")).json()["items"]
    certificate = (
        await anyone.get(
            f"/api/v1/public/certificates/{shown[0]['titles'][0]['certificate_number']}"
        )
    ).json()
    revoked = (await anyone.get("/api/v1/public/certificates/52-ZJTX-2026-00002")).json()
    unknown = await anyone.get("/api/v1/public/certificates/52-ZJTX-2026-00009")

    assert [one["uscc"] for one in shown] == [uscc_of(1)]
    assert (certificate["status"], certificate["legal_name"]) == ("valid", shown[0]["legal_name"])
    assert revoked["status"] == "revoked"
    assert (unknown.status_code, slug(unknown)) == (404, "certificate-not-found")


@pytest.mark.parametrize(
    ("query", "serials"),
    [
        ("", [1, 2, 3]),
        ("?status=valid", [3]),
        ("?status=renewal_due", [2]),
        ("?status=lapsed", [1]),
        ("?status=revoked", []),
        ("?valid_on=2023-01-01", [1]),
        ("?renewal_due_before=2026-07-01", [1, 2]),
        ("?title=national_little_giant", []),
        ("?region=520100", [1, 2, 3]),
        ("?region=520300", []),
        ("?focus_field=advanced_equipment", [1, 2, 3]),
        ("?q=示例003", [3]),
        ("?q=%25", []),
    ],
)
async def test_the_register_is_filtered_by_what_is_true_today(
    registry: Registry, query: str, serials: list[int]
) -> None:
    await registry.recognised(1, on=date(2022, 6, 1))
    await registry.recognised(2, on=date(2023, 6, 20))
    await registry.recognised(3, on=date(2026, 5, 1))

    items = (await registry.partner.get(f"/enterprises{query}")).json()["items"]

    assert [one["uscc"] for one in items] == sorted(uscc_of(serial) for serial in serials)


async def test_sql_and_python_tell_the_same_state_on_any_day(registry: Registry) -> None:
    begins = (date(2022, 3, 5), date(2023, 2, 28), date(2025, 1, 1), date(2023, 2, 1))
    for serial, on in enumerate(begins, start=1):
        await registry.recognised(serial, on=on)
    await registry.renewal_filed(2, date(2026, 1, 15))
    # After its term was over: a day too late for the one, and in time for whom a round called.
    await registry.renewal_filed(1, date(2025, 3, 5))
    registry.service.clock.move_to_day(date(2026, 1, 31))
    called = await registry.officer().post(
        "/renewal-rounds",
        json={
            "code": "2026-F1",
            "region": "520000",
            "title": "srdi_sme",
            "ends_from": "2026-01-31",
            "ends_until": "2026-01-31",
            "materials_due_on": "2026-02-10",
            "document_number": "示例复核〔2026〕1号",
        },
    )
    assert called.status_code == 201, called.text
    await registry.renewal_filed(4, date(2026, 2, 10))
    assert [(await registry.verified(serial, on=LEAP_DAY))["code"] for serial in (1, 4)] == [
        "lapsed",
        "awaiting_renewal",
    ]
    for day in (date(2025, 2, 1), date(2026, 2, 9), date(2026, 2, 28), LEAP_DAY):
        registry.service.clock.move_to_day(day)
        for status in ("valid", "renewal_due", "awaiting_renewal", "lapsed", "revoked"):
            listed = (await registry.partner.get(f"/enterprises?status={status}")).json()["items"]
            everyone = (await registry.partner.get("/enterprises")).json()["items"]
            expected = [
                one["uscc"]
                for one in everyone
                if [held["status"] for held in one["recognitions"]] == [status]
            ]
            assert [one["uscc"] for one in listed] == expected, (day, status)


async def test_a_missed_night_loses_no_renewal_duty(registry: Registry) -> None:
    await registry.recognised(1, on=date(2023, 6, 20))
    await registry.recognised(2, on=date(2022, 1, 1))
    await registry.recognised(3, on=date(2026, 5, 1))
    await registry.renewal_filed(1, date(2026, 5, 20))

    province = (await registry.officer().get("/renewal-duties")).json()["items"]
    soon = (await registry.officer().get("/renewal-duties?due_before=2026-01-01")).json()["items"]
    own = (
        await registry.service.caller("enterprise", uscc=uscc_of(1)).get("/renewal-duties")
    ).json()["items"]
    other_city = (await registry.officer("city_office", "520300").get("/renewal-duties")).json()

    assert [(one["uscc"], one["status"], one["is_filed"]) for one in province] == [
        (uscc_of(2), "lapsed", False),
        (uscc_of(1), "renewal_due", True),
    ]
    assert [one["uscc"] for one in soon] == [uscc_of(2)]
    assert [one["due_on"] for one in own] == ["2026-06-19"]
    assert other_city["items"] == []


async def test_what_happened_to_an_enterprise_is_told_to_its_offices_alone(
    registry: Registry,
) -> None:
    recognition_id = await registry.recognised()
    await registry.revoke(recognition_id)
    path = f"/enterprises/{uscc_of(1)}/history"

    told = (await registry.officer("county_office", "520102").get(path)).json()["items"]
    elsewhere = await registry.officer("county_office", "520103").get(path)
    partner = await registry.partner.get(path)

    assert [one["action"] for one in told] == ["granted", "recorded", "revoked"]
    assert told[2]["data"]["finding_number"] == "示例查〔2026〕1号"
    assert (elsewhere.status_code, partner.status_code) == (404, 403)


async def test_a_national_title_moves_no_enterprise_and_unveils_none(registry: Registry) -> None:
    await registry.recognised(is_secret_involved=True)
    elsewhere = registry.officer(region="530000")
    path = f"/enterprises/{uscc_of(1)}"

    taken = await elsewhere.post("/recognitions", json=national(region="530102"))
    other_city = await registry.officer().post("/recognitions", json=national(region="520300"))
    wider = await registry.officer().post("/recognitions", json=national(region="520100"))

    assert (taken.status_code, slug(taken)) == (403, "not-allowed")
    assert (other_city.status_code, slug(other_city)) == (409, "enterprise-in-other-division")
    assert wider.status_code == 201
    assert (await elsewhere.get(path)).status_code == 404
    assert (await registry.officer().get(path)).json()["division"] == "520102"


async def test_two_applications_for_one_title_make_one_term(registry: Registry) -> None:
    recognition_id = await registry.recognised()

    again = await registry.recognised(on=TODAY + timedelta(days=5))

    assert again == recognition_id
    terms = (await registry.officer().get(f"/enterprises/{uscc_of(1)}")).json()["recognitions"]
    assert [(one["valid_from"], one["valid_until"]) for one in terms] == [
        ("2026-06-01", "2029-05-31")
    ]
    assert "recognised_again" in {row["action"] for row in await registry.service.history()}


async def test_the_public_series_of_certificates_has_no_gap_where_a_secret_firm_is(
    registry: Registry,
) -> None:
    for serial, is_secret in ((1, False), (2, True), (3, False), (4, True)):
        await registry.recognised(serial, is_secret_involved=is_secret)

    numbers = [
        (await registry.officer().get(f"/enterprises/{uscc_of(serial)}")).json()["recognitions"][0][
            "certificate_number"
        ]
        for serial in (1, 2, 3, 4)
    ]

    assert numbers == [
        "52-ZJTX-2026-00001",
        "52-ZJTX-2026-N-00001",
        "52-ZJTX-2026-00002",
        "52-ZJTX-2026-N-00002",
    ]


async def test_a_renewal_whose_refusal_was_set_aside_is_awaited_again(registry: Registry) -> None:
    await registry.recognised(on=date(2026, 6, 1))
    application_id = await registry.renewal_filed(1, date(2029, 5, 2))
    which: dict[str, Any] = {
        "uscc": uscc_of(1),
        "region": "520102",
        "is_secret": False,
        "case_id": new_id(),
        "application_id": application_id,
        "title": "srdi_sme",
        "round_code": "2029-1",
    }
    registry.service.clock.move_to_day(date(2029, 6, 10))
    await registry.service.deliver(
        "review", CaseRejected(**which, stage="determination", reason="不同意")
    )
    refused = (await registry.verified(1))["code"]

    await registry.service.deliver(
        "review", CaseRestored(**which, kind="renewal", stage="determination", reason="决定有误")
    )

    assert refused == "lapsed"
    assert (await registry.verified(1))["code"] == "awaiting_renewal"
