"""Exports: offices take out what they are in charge of, and everybody what the public register shows."""

import asyncio
import csv
import io
import json
import socket
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any

import httpx
import pytest
import uvicorn
import xlsxwriter
from openpyxl import load_workbook
from sqlalchemy.pool import QueuePool
from starlette.requests import ClientDisconnect

from services.kernel.identity.actor import actor_from_record
from services.registry.export_endpoints import ExportResponse
from services.registry.export_problems import ExportTooLarge
from services.registry.export_service import (
    BYTE_ORDER_MARK,
    OFFICE_COLUMNS,
    PUBLIC_COLUMNS,
    ExportService,
    _write_sheet,
)
from services.registry.search import Sought
from tests.builders.enterprises import PACK, uscc_of
from tests.builders.services import as_owner
from tests.registry.conftest import TODAY, Registry

OPEN_DATA = "/api/v1/public/open-data"
EXPORT = "/enterprise-exports/enterprises"


def table_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def public_rows(registry: Registry) -> list[dict[str, str]]:
    answer = await registry.service.anyone().get(f"{OPEN_DATA}/recognitions.csv")
    assert answer.status_code == 200, answer.text
    return table_of(answer.content)


async def exported(registry: Registry, query: str = "", **who: str) -> list[dict[str, str]]:
    answer = await registry.officer(**who).get(f"{EXPORT}.csv{query}")
    assert answer.status_code == 200, answer.text
    return table_of(answer.content)


# ---------------------------------------------------------------- open data


async def test_open_data_shows_what_the_public_register_shows(registry: Registry) -> None:
    await registry.recognised(1)
    await registry.recognised(2, division="520302")
    listed = (await registry.service.anyone().get("/api/v1/public/enterprises")).json()["items"]

    answer = await registry.service.anyone().get(f"{OPEN_DATA}/recognitions.csv")
    rows = table_of(answer.content)

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.content.endswith(b"\r\n")
    assert list(rows[0]) == list(PUBLIC_COLUMNS)
    assert [
        (row["uscc"], row["legal_name"], row["certificate_number"], row["valid_until"])
        for row in rows
    ] == [
        (
            one["uscc"],
            one["legal_name"],
            one["titles"][0]["certificate_number"],
            one["titles"][0]["valid_until"],
        )
        for one in listed
    ]
    assert (rows[1]["division"], rows[1]["city_name"]) == ("520302", "遵义市")
    assert (rows[0]["title"], rows[0]["title_name"]) == ("srdi_sme", "省级“专精特新”中小企业")


async def test_the_same_comes_as_lines_of_json(registry: Registry) -> None:
    await registry.recognised(1)
    [row] = await public_rows(registry)

    answer = await registry.service.anyone().get(f"{OPEN_DATA}/recognitions.jsonl")

    assert [json.loads(line) for line in answer.text.splitlines()] == [row]


async def test_only_what_is_valid_today_and_not_secret_is_open(registry: Registry) -> None:
    await registry.recognised(1)
    await registry.recognised(2, is_secret_involved=True)
    revoked = await registry.recognised(3)
    await registry.recognised(4, on=date(2022, 5, 1))
    await registry.revoke(revoked)

    rows = await public_rows(registry)
    catalogue = (await registry.service.anyone().get(OPEN_DATA)).json()

    assert [row["uscc"] for row in rows] == [uscc_of(1)]
    assert catalogue["items"][0]["row_count"] == 1


async def test_a_title_that_was_renewed_early_is_open_with_the_term_that_runs(
    registry: Registry,
) -> None:
    await registry.recognised(1, on=date(2023, 9, 1))
    await registry.renewal_filed(1, TODAY)
    await registry.recognised(1, kind="renewal")

    rows = await public_rows(registry)

    assert [(row["valid_from"], row["valid_until"]) for row in rows] == [
        ("2023-09-01", "2026-08-31")
    ]


async def test_a_name_that_looks_like_a_formula_is_harmless_in_a_spreadsheet(
    registry: Registry,
) -> None:
    names = ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", '甲"乙,丙\n丁']
    for serial, name in enumerate(names, start=1):
        await registry.recognised(serial)
        await rename(registry, serial, name)

    rows = await public_rows(registry)
    lines = (await registry.service.anyone().get(f"{OPEN_DATA}/recognitions.jsonl")).text

    assert [row["legal_name"] for row in rows] == [
        "'=HYPERLINK(1)",
        "'+1",
        "'-1",
        "'@SUM(1)",
        '甲"乙,丙\n丁',
    ]
    assert [json.loads(line)["legal_name"] for line in lines.split("\n") if line] == names


async def test_the_catalogue_says_what_there_is_and_leads_to_it(registry: Registry) -> None:
    await registry.recognised(1)

    [found] = (await registry.service.anyone().get(OPEN_DATA)).json()["items"]
    files = [(await registry.service.anyone().get(one["url"])) for one in found["files"]]

    assert found["as_of"] == TODAY.isoformat()
    assert found["row_count"] == 1
    assert [one["name"] for one in found["columns"]] == list(PUBLIC_COLUMNS)
    assert all(one["meaning"]["zh"] and one["meaning"]["en"] for one in found["columns"])
    assert found["licence"]["id"] == "CC-BY-4.0"
    assert "单引号" in found["files"][0]["remark"]["zh"]
    assert [one.headers["Content-Type"].partition(";")[0] for one in files] == [
        one["media_type"] for one in found["files"]
    ]


async def test_an_empty_register_is_a_heading_and_nothing_more(registry: Registry) -> None:
    rows = await public_rows(registry)
    lines = await registry.service.anyone().get(f"{OPEN_DATA}/recognitions.jsonl")

    assert rows == []
    assert (lines.status_code, lines.content) == (200, b"")


# ---------------------------------------------------------------- what offices take out


async def test_an_office_takes_out_its_own_division_and_nothing_else(registry: Registry) -> None:
    await registry.recognised(1)
    await registry.recognised(2, division="520302")
    await registry.recognised(3, is_secret_involved=True)

    found = {
        region: [row["uscc"] for row in await exported(registry, office=office, region=region)]
        for office, region in [
            ("provincial_office", "520000"),
            ("city_office", "520100"),
            ("county_office", "520302"),
            ("provincial_office", "530000"),
        ]
    }
    own = await registry.service.caller("enterprise", uscc=uscc_of(2)).get(f"{EXPORT}.csv")

    assert found == {
        "520000": [uscc_of(1), uscc_of(2), uscc_of(3)],
        "520100": [uscc_of(1), uscc_of(3)],
        "520302": [uscc_of(2)],
        "530000": [],
    }
    assert [row["uscc"] for row in table_of(own.content)] == [uscc_of(2)]


async def test_a_row_tells_a_title_and_its_state(registry: Registry) -> None:
    revoked = await registry.recognised(1)
    await registry.revoke(revoked)

    [row] = await exported(registry)

    assert list(row) == list(OFFICE_COLUMNS)
    assert (row["status"], row["status_name"]) == ("revoked", "已撤销")
    assert (row["division_name"], row["city_name"]) == ("南明区", "贵阳市")
    assert (row["document_number"], row["revoked_on"]) == ("示例〔2026〕9号", "2026-06-01")


async def test_the_filters_of_the_search_choose_what_is_taken_out(registry: Registry) -> None:
    await registry.recognised(1)
    await registry.recognised(2, division="520302")
    await registry.recognised(3, on=date(2022, 5, 1))

    for query in (
        "?region=520300",
        "?status=lapsed",
        "?valid_on=2024-01-01",
        f"?q={uscc_of(2)[:12]}",
        "?title=srdi_sme",
        "?renewal_due_before=2026-01-01",
        "?focus_field=none",
    ):
        listed = (await registry.officer().get(f"/enterprises{query}")).json()["items"]
        taken = await exported(registry, query)
        assert [row["uscc"] for row in taken] == [one["uscc"] for one in listed], query
    unknown = await registry.officer().get(f"{EXPORT}.csv?colour=red")
    assert unknown.json()["type"] == "/problems/unknown-filter"


async def test_a_long_list_comes_whole_and_in_order(registry: Registry) -> None:
    await many(registry, 2_345)

    taken = await exported(registry)
    opened = await public_rows(registry)

    assert [row["uscc"] for row in taken] == [row["uscc"] for row in opened]
    assert len({row["uscc"] for row in taken}) == 2_345


async def test_the_workbook_holds_the_same_with_days_as_days(registry: Registry) -> None:
    await registry.recognised(1)
    await registry.recognised(2, division="520302")
    await rename(registry, 1, "=1+1")
    rows = await exported(registry)

    answer = await registry.officer().get(f"{EXPORT}.xlsx")
    [head, *lines] = load_workbook(io.BytesIO(answer.content))["企业名录"].iter_rows()

    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert [cell.value for cell in head] == [one.zh for one in OFFICE_COLUMNS.values()]
    assert [str(line[0].value) for line in lines] == [row["uscc"] for row in rows]
    assert (lines[0][1].value, lines[0][1].data_type) == ("=1+1", "s")
    assert lines[0][list(OFFICE_COLUMNS).index("valid_from")].value == datetime(2026, 6, 1)  # noqa: DTZ001 - as a sheet keeps it
    assert list(registry.service.app.state.spool.iterdir()) == []


async def test_who_has_no_charge_takes_nothing_out(registry: Registry) -> None:
    outsiders = [
        registry.partner,
        registry.service.caller("provincial_office", region="520000", scopes=frozenset()),
    ]

    answers = [
        await one.get(f"{EXPORT}.{ending}") for one in outsiders for ending in ("csv", "xlsx")
    ]
    stranger = await registry.service.anyone().get(f"/api/v1{EXPORT}.csv")

    assert {one.status_code for one in answers} == {403}
    assert stranger.status_code == 401


# ---------------------------------------------------------------- when something goes wrong


async def test_an_export_that_fails_half_way_does_not_end_like_a_whole_one(
    registry: Registry,
) -> None:
    await many(registry, 3_000)
    await as_owner(
        registry.service.owner,
        "UPDATE registry.recognition_terms SET policy_pack = 'nowhere/2020-01-01' WHERE recognition_id ="
        " (SELECT id FROM registry.recognitions ORDER BY uscc DESC LIMIT 1)",
    )
    received = bytearray()

    async with listening(registry) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await receive(client, f"{OPEN_DATA}/recognitions.csv", received)

    assert 1_000 < received.count(b"\r\n") < 3_000


async def test_what_fails_before_the_first_part_is_answered_as_a_problem(
    registry: Registry,
) -> None:
    places = registry.service.app.state.export_places
    while not places.locked():
        await places.acquire()

    answers = [
        await registry.service.anyone().get(f"{OPEN_DATA}/recognitions.csv"),
        await registry.officer().get(f"{EXPORT}.csv"),
        await registry.officer().get(f"{EXPORT}.xlsx"),
    ]

    assert {one.status_code for one in answers} == {503}
    assert {one.json()["type"] for one in answers} == {"/problems/overloaded"}
    assert all(one.headers["Retry-After"] for one in answers)


async def test_a_database_that_cannot_answer_is_no_file_that_begins_well(
    registry: Registry,
) -> None:
    await as_owner(
        registry.service.owner, "REVOKE SELECT ON registry.recognition_terms FROM srdi_registry"
    )

    answers = [
        await registry.service.anyone().get(f"{OPEN_DATA}/recognitions.csv"),
        await registry.service.anyone().get(f"{OPEN_DATA}/recognitions.jsonl"),
    ]

    assert {one.status_code for one in answers} == {500}
    assert {one.headers["Content-Type"] for one in answers} == {"application/problem+json"}
    assert held_connections(registry) == 0


async def test_a_sheet_is_refused_before_it_would_drop_a_row() -> None:
    async def rows(number: int) -> AsyncIterator[list[tuple[str, ...]]]:
        for _ in range(number // 1024):
            yield [()] * 1024

    workbook = xlsxwriter.Workbook(io.BytesIO(), {"constant_memory": True})

    with pytest.raises(ExportTooLarge):
        await _write_sheet(workbook, rows(2**20))

    workbook.close()


async def test_a_reader_that_goes_away_leaves_its_place_and_its_connection(
    registry: Registry,
) -> None:
    await many(registry, 3_000)
    state = registry.service.app.state
    places = asyncio.Semaphore(1)
    service = ExportService(registry.service.runtime, state.catalogue, places, state.spool)
    taken: list[bytes] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        taken.append(message.get("body", b""))
        if len(taken) == 3:
            raise ConnectionResetError

    answer = ExportResponse(service.public_csv(), name="recognitions.csv", media_type="text/csv")
    with pytest.raises(ClientDisconnect):
        await answer(ASGI_2_4, nothing_more, send)

    assert not places.locked()
    assert held_connections(registry) == 0


async def test_an_export_reads_the_register_as_it_was_at_one_moment(registry: Registry) -> None:
    await many(registry, 3_000)
    state = registry.service.app.state
    service = ExportService(
        registry.service.runtime, state.catalogue, asyncio.Semaphore(1), state.spool
    )
    officer = actor_from_record(
        {
            "sub": "officer",
            "client_id": "test",
            "offices": ["provincial_office"],
            "region": "520000",
            "uscc": None,
        }
    )

    parts = service.office_csv(Sought(today=TODAY), officer)
    content = await anext(parts) + await anext(parts)
    await as_owner(
        registry.service.owner, "UPDATE registry.enterprises SET legal_name = 'changed meanwhile'"
    )
    async for part in parts:
        content += part

    assert len(table_of(content)) == 3_000
    assert b"changed meanwhile" not in content


async def receive(client: httpx.AsyncClient, path: str, into: bytearray) -> None:
    """Read an answer as it comes, and keep what came before it broke off."""
    async with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        async for part in answer.aiter_bytes():
            into += part


ASGI_2_4 = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}}


async def nothing_more() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}


def held_connections(registry: Registry) -> int:
    pool = registry.service.database.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


@asynccontextmanager
async def listening(registry: Registry) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the registry on a socket of this machine, where a broken answer shows as one."""
    config = uvicorn.Config(
        registry.service.app, port=0, lifespan="off", ws="none", log_config=None
    )
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=address) as client:
            yield client
        server.should_exit = True
        await serving


async def rename(registry: Registry, serial: int, name: str) -> None:
    await as_owner(
        registry.service.owner,
        f"UPDATE registry.enterprises SET legal_name = '{name}' WHERE uscc = '{uscc_of(serial)}'",
    )


async def many(registry: Registry, number: int) -> None:
    """Put many enterprises with a title on record at once."""
    of_each = f"FROM generate_series(1, {number}) AS n"
    uscc = "'9152' || lpad(n::text, 14, '0')"
    term = "'2025-07-01', '2028-06-30', '2028-01-01'"
    enterprises = (
        "INSERT INTO registry.enterprises (uscc, legal_name, division, is_secret, names_searched,"
        f" created_at, updated_at, version) SELECT {uscc}, '示例公司' || n, '520102', false,"
        f" '示例公司' || n, now(), now(), 1 {of_each}"
    )
    recognitions = (
        "INSERT INTO registry.recognitions (id, uscc, title, title_rank, certificate_number,"
        " policy_pack, valid_from, valid_until, renewal_opens_on, created_at, version)"
        f" SELECT lpad(n::text, 32, '0')::uuid, {uscc}, 'srdi_sme', 1, 'N-' || n,"
        f" '{PACK}', {term}, now(), 1 {of_each}"
    )
    terms = (
        "INSERT INTO registry.recognition_terms (recognition_id, number, valid_from, valid_until,"
        " renewal_opens_on, document_number, decided_on, policy_pack, recorded_at)"
        f" SELECT lpad(n::text, 32, '0')::uuid, 1, {term}, '示例', '2025-07-01', '{PACK}', now()"
        f" {of_each}"
    )
    for statement in (enterprises, recognitions, terms):
        await as_owner(registry.service.owner, statement)
