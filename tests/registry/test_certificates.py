"""证书: what a number stands for, on paper, as a code, signed, and in the list for checks offline."""

import asyncio
import io
import json
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from jose import jws, jwt
from jose.exceptions import JWSError
from pypdf import PdfReader

from services.kernel.clock import PROVINCE_TIME
from services.kernel.identity.tokens import TokenVerifier
from services.kernel.logging import new_trace
from services.kernel.problems import NotAuthenticated
from services.kernel.transaction import saved_together
from services.policy.catalogue import published_catalogue
from services.registry.recognition_service import OlderRecognition, RecognitionService
from services.registry.status_list import Place, place_of
from tests.builders.enterprises import facts_of, uscc_of
from tests.registry.conftest import Registry
from tests.registry.test_changes import renamed
from tests.registry.test_over_time import rejected
from tests.registry.test_recognitions import slug
from tests.registry.test_renewals import withdrawn
from tests.registry.test_succession import taken_over

ADDRESS = "https://register.test/api/v1/public/certificates"
LIST_ADDRESS = "https://register.test/api/v1/public/status-list"


async def shown(registry: Registry, number: str, suffix: str = "") -> Any:
    return await registry.service.client.get(f"/api/v1/public/certificates/{number}{suffix}")


async def keys(registry: Registry) -> dict[str, Any]:
    answer = await registry.service.client.get("/api/v1/public/certificate-keys")
    return dict(answer.json())


async def list_of(registry: Registry) -> tuple[str, dict[str, Any]]:
    """Return the status list as it is published, and what it says once its signature is checked."""
    answer = await registry.service.client.get("/api/v1/public/status-list")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/statuslist+jwt"
    return answer.text, await opened(registry, answer.text)


async def opened(registry: Registry, signed: str) -> dict[str, Any]:
    return dict(json.loads(jws.verify(signed, await keys(registry), ["ES256"])))


async def places(registry: Registry, count: int) -> list[Place]:
    _, claims = await list_of(registry)
    assert claims["status_list"]["bits"] == 2
    return [place_of(claims["status_list"]["lst"], index) for index in range(count)]


async def number_of(registry: Registry, recognition_id: str) -> str:
    found = await registry.officer().get(f"/recognitions/{recognition_id}")
    return str(found.json()["certificate_number"])


async def test_a_certificate_is_told_printed_drawn_and_signed(registry: Registry) -> None:
    number = await number_of(registry, await registry.recognised(1, on=date(2026, 5, 8)))

    told = (await shown(registry, number)).json()
    paper = await shown(registry, number, ".pdf")
    drawn = await shown(registry, number, ".svg")

    assert told["check_url"] == f"{ADDRESS}/{number}"
    assert (told["valid_from"], told["valid_until"]) == ("2026-05-08", "2029-05-07")
    assert (told["issued_on"], told["is_valid"]) == ("2026-05-08", True)
    assert paper.status_code == 200, paper.text
    [page] = PdfReader(io.BytesIO(paper.content)).pages
    words = "".join(page.extract_text().split())
    assert facts_of(1)["legal_name"] in words
    assert number in words
    assert paper.headers["content-disposition"] == f"inline; filename*=UTF-8''{number}.pdf"
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert f"{ADDRESS}/{number}" in drawn.text
    claims = await opened(registry, told["jws"])
    told_alike = ("legal_name", "title", "certificate_number", "valid_from", "valid_until")
    assert {name: claims[name] for name in told_alike} == {name: told[name] for name in told_alike}
    assert (claims["sub"], claims["state"]) == (uscc_of(1), "valid")
    assert claims["checked_on"] == "2026-06-01"
    assert claims["status"]["status_list"] == {
        "idx": told["status_list_index"],
        "uri": LIST_ADDRESS,
    }


async def test_a_certificate_names_who_conferred_the_title_and_not_who_issued_the_rules(
    registry: Registry,
) -> None:
    by_plan = await registry.recognised(1)
    by_national_law = await registry.recognised(2, policy_pack="national/2022-08-01")
    national = await registry.officer().post(
        "/recognitions",
        json={
            "uscc": uscc_of(1),
            "legal_name": facts_of(1)["legal_name"],
            "title": "national_little_giant",
            "valid_from": "2026-06-01",
            "document_number": "工信部示例〔2026〕1号",
            "region": "520102",
        },
    )
    numbers = [
        await number_of(registry, by_plan),
        await number_of(registry, by_national_law),
        national.json()["certificate_number"],
    ]

    told = [(await shown(registry, number)).json()["issued_by"] for number in numbers]

    assert told == [["贵州省工业和信息化厅"], ["贵州省工业和信息化厅"], ["工业和信息化部"]]


async def test_what_the_registry_signs_is_no_access_token(registry: Registry) -> None:
    number = await number_of(registry, await registry.recognised(1))
    signed = (await shown(registry, number)).json()["jws"]
    status_list, _ = await list_of(registry)
    published = await keys(registry)

    async def key_source() -> dict[str, Any]:
        return published

    assert jwt.get_unverified_header(signed)["typ"] == "srdi-certificate+jwt"
    assert jwt.get_unverified_header(status_list)["typ"] == "statuslist+jwt"
    for token in (signed, status_list):
        assert "aud" not in jwt.get_unverified_claims(token)
        # Even who trusted the registry's keys and issuer would not take it for a token.
        trusting = TokenVerifier(issuer="https://register.test", key_source=key_source)
        with pytest.raises(NotAuthenticated):
            await trusting.verify(token)
        refused = await registry.service.client.get(
            "/api/v1/enterprises", headers={"Authorization": f"Bearer {token}"}
        )
        assert refused.status_code == 401
    assert all("d" not in key for key in published["keys"])
    tampered = signed.split(".")
    tampered[1] = status_list.split(".")[1]
    with pytest.raises(JWSError):
        await opened(registry, ".".join(tampered))


async def test_each_place_of_the_list_reads_as_its_certificate_stands(registry: Registry) -> None:
    await registry.recognised(1, on=date(2026, 5, 8))
    revoked = await registry.recognised(2)
    await registry.recognised(3, on=date(2023, 5, 1))
    await registry.recognised(4, on=date(2023, 5, 1))
    await registry.renewal_filed(4, date(2026, 4, 1))
    due = await registry.recognised(5, on=date(2023, 7, 1))
    await registry.revoke(revoked, ground="voluntary", finding_number=None)
    numbers = [
        await number_of(registry, str(one["id"]))
        for serial in (1, 2, 3, 4, 5)
        for one in (await registry.officer().get(f"/enterprises/{uscc_of(serial)}")).json()[
            "recognitions"
        ]
    ]

    told = [(await shown(registry, number)).json() for number in numbers]

    read = await places(registry, 5)
    meant = {
        "valid": Place.VALID,
        "renewal_due": Place.VALID,
        "awaiting_renewal": Place.SUSPENDED,
        "lapsed": Place.INVALID,
        "revoked": Place.INVALID,
    }
    assert [one["status"] for one in told] == [
        "valid",
        "revoked",
        "lapsed",
        "awaiting_renewal",
        "renewal_due",
    ]
    assert [read[one["status_list_index"]] for one in told] == [
        meant[one["status"]] for one in told
    ]
    assert sorted(one["status_list_index"] for one in told) == [0, 1, 2, 3, 4]
    assert await number_of(registry, due) == numbers[4]
    _, claims = await list_of(registry)
    with pytest.raises(IndexError):
        place_of(claims["status_list"]["lst"], 8)


async def test_the_list_counts_until_midnight_in_the_province_and_is_the_same_until_then(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=date(2026, 5, 8))
    last_day = datetime.combine(date(2029, 5, 7), time(), tzinfo=PROVINCE_TIME)

    registry.service.clock.set(last_day + timedelta(hours=1))
    first, claims = await list_of(registry)
    registry.service.clock.set(last_day + timedelta(hours=23))
    same = await asyncio.gather(*(list_of(registry) for _ in range(5)))
    read = await places(registry, 1)
    registry.service.clock.set(last_day + timedelta(hours=24, seconds=1))
    after, next_claims = await list_of(registry)

    midnight = int((last_day + timedelta(days=1)).timestamp())
    assert (claims["exp"], next_claims["exp"]) == (midnight, midnight + 24 * 3600)
    assert claims["sub"] == LIST_ADDRESS
    assert {text for text, _ in same} == {first}
    assert after != first
    assert (read, await places(registry, 1)) == ([Place.VALID], [Place.INVALID])


async def test_the_list_is_made_anew_whenever_a_title_stands_otherwise(registry: Registry) -> None:
    recognition_id = await registry.recognised(1, on=date(2023, 5, 1))
    history = [(await places(registry, 1))[0]]

    first = await registry.renewal_filed(1, date(2026, 4, 30))
    history.append((await places(registry, 1))[0])
    await registry.service.deliver("review", rejected(1, first))
    history.append((await places(registry, 1))[0])
    second = await registry.renewal_filed(1, date(2026, 4, 30))
    history.append((await places(registry, 1))[0])
    await withdrawn(registry, 1, second)
    history.append((await places(registry, 1))[0])
    await registry.recognised(1, kind="renewal")
    history.append((await places(registry, 1))[0])
    await registry.revoke(recognition_id, ground="voluntary", finding_number=None)
    history.append((await places(registry, 1))[0])

    assert history == [
        Place.INVALID,
        Place.SUSPENDED,
        Place.INVALID,
        Place.SUSPENDED,
        Place.INVALID,
        Place.VALID,
        Place.INVALID,
    ]


async def test_a_secret_firm_has_no_place_and_leaves_no_gap(registry: Registry) -> None:
    ids = [
        await registry.recognised(serial, is_secret_involved=is_secret)
        for serial, is_secret in ((1, False), (2, True), (3, False))
    ]
    public = [(await shown(registry, await number_of(registry, ids[one]))).json() for one in (0, 2)]
    secret = await shown(registry, await number_of(registry, ids[1]))
    before = await places(registry, 2)

    # What becomes secret reads as any other that cannot be relied on.
    await registry.recognised(1, title="provincial_little_giant", is_secret_involved=True)

    assert [one["status_list_index"] for one in public] == [0, 1]
    assert before == [Place.VALID, Place.VALID]
    assert (secret.status_code, slug(secret)) == (404, "certificate-not-found")
    assert await places(registry, 2) == [Place.INVALID, Place.VALID]
    for suffix in ("", ".pdf", ".svg"):
        gone = await shown(registry, public[0]["certificate_number"], suffix)
        assert (gone.status_code, slug(gone)) == (404, "certificate-not-found")


async def test_a_certificate_that_was_taken_over_shows_its_successor_in_the_same_place(
    registry: Registry,
) -> None:
    number = await number_of(registry, await registry.recognised(1, on=date(2026, 1, 10)))
    await registry.recognised(3)
    before = (await shown(registry, number)).json()

    await taken_over(registry)

    after = (await shown(registry, number)).json()
    assert (after["uscc"], after["legal_name"]) == (uscc_of(2), "贵州承继2有限公司")
    assert after["status_list_index"] == before["status_list_index"]
    assert await places(registry, 2) == [Place.VALID, Place.VALID]
    claims = await opened(registry, after["jws"])
    assert claims["sub"] == uscc_of(2)
    await renamed(registry, "贵州承继更名有限公司", "2026-05-01", serial=2)
    paper = await shown(registry, number, ".pdf")
    words = "".join(PdfReader(io.BytesIO(paper.content)).pages[0].extract_text().split())
    assert "贵州承继更名有限公司" in words


async def test_a_hostile_number_is_no_certificate(registry: Registry) -> None:
    number = await number_of(registry, await registry.recognised(1))
    unknown = (
        "52-ZJTX-2026-00009",
        "'; --",
        "..%2F..",
        "%E4%B8%80",
        number.lower(),
        f"{number}%20",
    )
    refused = ("%00", "9" * 200, f"{number}%00")

    for one in unknown:
        for suffix in ("", ".pdf", ".svg"):
            answer = await shown(registry, one, suffix)
            assert answer.status_code == 404, (one, suffix)
    for one in refused:
        for suffix in ("", ".pdf", ".svg"):
            answer = await shown(registry, one, suffix)
            assert answer.status_code in {404, 422}, (one, suffix)
    assert (await shown(registry, number)).status_code == 200


async def test_a_number_of_an_older_list_has_an_address_that_leads_to_it(
    registry: Registry,
) -> None:
    addresses = {
        "黔专精特新第1号": "%E9%BB%94%E4%B8%93%E7%B2%BE%E7%89%B9%E6%96%B0%E7%AC%AC1%E5%8F%B7",
        "ZJTX 2024#1?": "ZJTX%202024%231%3F",
        "100%2F": "100%252F",
        '5"; x="': "5%22%3B%20x%3D%22",
    }

    for serial, (number, written) in enumerate(addresses.items(), start=1):
        await recorded_older(registry, serial, number)
        told = (await shown(registry, written)).json()
        assert (told["certificate_number"], told["uscc"]) == (number, uscc_of(serial))
        assert told["check_url"] == f"{ADDRESS}/{written}"
        path = told["pdf_url"].removeprefix("https://register.test")
        paper = await registry.service.client.get(path)
        assert paper.status_code == 200
        assert paper.headers["content-disposition"] == f"inline; filename*=UTF-8''{written}.pdf"


async def recorded_older(registry: Registry, serial: int, number: str) -> None:
    officer = await registry.service.runtime.verifier.verify(registry.officer().token)
    service = registry.service
    row = OlderRecognition(
        uscc=uscc_of(serial),
        legal_name=facts_of(serial)["legal_name"],
        division="520102",
        title="srdi_sme",
        certificate_number=number,
        valid_from=date(2024, 5, 1),
        valid_until=None,
        document_number="示例〔2024〕1号",
        decided_on=date(2024, 5, 1),
        focus_field=None,
    )
    async with saved_together(service.runtime, new_trace()) as (session, journal):
        older = RecognitionService(session, journal, service.clock, published_catalogue())
        assert await older.record_older(row, officer)
