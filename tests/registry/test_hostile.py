"""What a hostile caller, an unlucky operator or a late event must not bring about."""

import base64
import json
from datetime import date

import pytest
from sqlalchemy.exc import DBAPIError

from services.kernel.identifiers import new_id
from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.services import as_owner
from tests.registry.conftest import Registry
from tests.registry.test_recognitions import national, slug
from tests.registry.test_succession import taken_over


async def test_an_enterprise_with_a_region_in_its_token_reads_no_other(registry: Registry) -> None:
    await registry.recognised(1)
    greedy = registry.service.caller_of(
        ["enterprise", "provincial_office"], region="520000", uscc=uscc_of(2), sub="greedy"
    )

    for path in ("history", "changes", "findings", "annual-reports"):
        answer = await greedy.get(f"/enterprises/{uscc_of(1)}/{path}")
        assert answer.status_code == 404, path


async def test_one_application_makes_one_term_however_often_it_is_announced(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=date(2023, 5, 8))
    filed = await registry.renewal_filed(1, date(2026, 3, 1))

    for _ in range(3):
        await registry.announced(1, on=date(2026, 4, 20), kind="renewal", application_id=filed)

    (held,) = (await registry.officer().get(f"/enterprises/{uscc_of(1)}")).json()["recognitions"]
    assert [term["valid_until"] for term in held["terms"]] == ["2026-05-07", "2029-05-07"]


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("UPDATE registry.recognitions SET revoked_on = NULL, revoked_at = NULL, revocation_ground = NULL",
         "a revocation is made once"),
        ("UPDATE registry.recognitions SET valid_until = '2099-01-01'", "as its terms do"),
        ("UPDATE registry.recognitions SET uscc = uscc", "permission denied"),
        ("UPDATE registry.enterprises SET created_at = now()", "permission denied"),
        ("DELETE FROM registry.certificate_series", "permission denied"),
    ],
)  # fmt: skip
async def test_the_services_own_login_undoes_no_end_and_lengthens_no_term(
    registry: Registry, statement: str, refused: str
) -> None:
    recognition_id = await registry.recognised()
    await registry.revoke(recognition_id, ground="voluntary", finding_number=None)

    with pytest.raises(DBAPIError, match=refused):
        await as_owner(registry.service.owner.set(username="srdi_registry"), statement)


async def test_recording_a_national_title_renames_nobody(registry: Registry) -> None:
    await registry.recognised(1)

    misspelt = await registry.officer().post(
        "/recognitions", json=national(legal_name="贵州示列001精密制造有限公司")
    )
    nowhere = await registry.officer().post("/recognitions", json=national(9, region="520000"))

    assert (misspelt.status_code, slug(misspelt)) == (409, "name-differs")
    assert (nowhere.status_code, slug(nowhere)) == (422, "unknown-division")


async def test_that_a_secret_firm_goes_on_with_a_title_is_told_to_its_offices_alone(
    registry: Registry,
) -> None:
    await registry.recognised(1)
    await registry.recognised(
        5, title="provincial_little_giant", is_secret_involved=True,
        applying_division="520302", registered_division="520300",
    )  # fmt: skip
    answer = await taken_over(registry, by=5, on="2026-06-01")
    assert answer.status_code == 422  # it began that day
    registry.service.clock.move_to_day(date(2026, 6, 20))
    taken = await taken_over(registry, by=5, on="2026-06-10")
    assert taken.status_code == 201, taken.text

    for reader in (registry.officer("city_office", "520100"),):
        for path in ("changes", "history"):
            told = await reader.get(f"/enterprises/{uscc_of(1)}/{path}")
            assert told.status_code == 200
            assert uscc_of(5) not in told.text
    whole = await registry.officer().get(f"/enterprises/{uscc_of(1)}/changes")
    certificate = await registry.service.client.get(
        "/api/v1/public/certificates/52-ZJTX-2026-00001"
    )

    assert uscc_of(5) in whole.text
    # The number was public; it answers with whom it has ended, and is no gap.
    assert (certificate.status_code, certificate.json()["status"]) == (200, "lapsed")
    assert certificate.json()["uscc"] == uscc_of(1)


async def test_a_call_to_renew_gives_the_successor_the_same_time(registry: Registry) -> None:
    await registry.recognised(1, on=date(2023, 6, 3))
    opened = await registry.officer().post(
        "/renewal-rounds",
        json={
            "code": "2026-F", "region": "520000", "title": "srdi_sme", "ends_from": "2026-06-01",
            "ends_until": "2026-06-30", "materials_due_on": "2026-07-31",
            "document_number": "示例〔2026〕7号",
        },
    )  # fmt: skip
    assert opened.status_code == 201, opened.text
    await taken_over(registry, by=2, on="2026-06-01")
    registry.service.clock.move_to_day(date(2026, 6, 12))
    held = (await registry.officer().get(f"/enterprises/{uscc_of(2)}")).json()["recognitions"]

    early = await registry.revoke(
        held[0]["id"], ground="renewal_not_submitted", finding_number=None, decided_on="2026-06-12"
    )

    assert (early.status_code, slug(early)) == (409, "renewal-still-open")


async def test_material_that_is_heard_of_after_a_merger_counts_for_the_successor(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=date(2023, 6, 3))
    await taken_over(registry, by=2, on="2026-06-01")

    late_news = await registry.renewal_filed(1, date(2026, 5, 20))
    awaited = await registry.verified(2, on=date(2026, 6, 20))
    registry.service.clock.move_to_day(date(2026, 7, 20))
    await registry.announced(1, on=date(2026, 7, 20), kind="renewal", application_id=late_news)
    passed = await registry.verified(2, on=date(2026, 7, 20))

    assert awaited["code"] == "awaiting_renewal"
    assert (passed["code"], passed["valid_from"]) == ("valid", "2026-06-03")


async def test_a_cursor_beyond_what_a_clock_tells_is_refused(registry: Registry) -> None:
    await registry.recognised(1)

    for instant in (
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-01-01T00:00:00",
    ):
        cursor = base64.urlsafe_b64encode(json.dumps([2025, instant, str(new_id())]).encode())
        answer = await registry.officer().get(
            f"/enterprises/{uscc_of(1)}/annual-reports", params={"after": cursor.decode()}
        )
        assert answer.status_code == 422, answer.text
        assert slug(answer) == "cursor-invalid"


async def test_a_certificate_number_of_an_older_list_may_hold_a_slash(registry: Registry) -> None:
    await registry.recognised(1)
    await as_owner(
        registry.service.owner, "UPDATE registry.recognitions SET certificate_number = '黔/2024/1'"
    )

    for ending in ("", ".pdf", ".svg"):
        answer = await registry.service.client.get(
            f"/api/v1/public/certificates/%E9%BB%94%2F2024%2F1{ending}"
        )
        assert answer.status_code == 200, ending
    assert facts_of(1)["legal_name"]
