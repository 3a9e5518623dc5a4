"""The register: verification, search by a part of a name, and screening, at two sizes."""

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
from sqlalchemy.engine import URL, make_url

from deploy.schema import login_of, prepare_database
from deploy.standalone.postgres import embedded_postgres
from services.kernel.identity.keys import create_key
from services.policy.catalogue import published_catalogue
from services.registry.screening import Plan
from services.registry.screening_repository import holders as latest_sheets
from tests.bench.measurement import Measurement
from tests.bench.register_rows import LARGE, ON, SMALL, fill, holds, name_of, uscc_of
from tests.bench.serving import answers_a_second, execute, served, token_for

PACK, TITLE = "guizhou/2021-05-06", "srdi_sme"
BULK = 1000
SEARCHES = 2000
PAGE = 20
"""As many as a search box shows."""
SHARED_BUFFERS = "1GB"

BY_HAND = f"""
SELECT uscc, id, division,
    GREATEST(a0, a1, a2, a3, a4, a5, a6, 1, 1, 1, a10, 1, 1, a13, 1, a15, a16, a17) AS verdict,
    concat(a0, a1, a2, a3, a4, a5, a6, 1, 1, 1, a10, 1, 1, a13, 1, a15, a16, a17) AS answers,
    was_recognised
FROM (SELECT uscc, id, division,
    CASE WHEN focus_field IS NULL OR focus_field = 'other' THEN 1 ELSE 0 END AS a0,
    CASE WHEN product_direction IS NULL THEN 1 WHEN product_direction = 'none' THEN 2 ELSE 0 END AS a1,
    CASE WHEN is_legal_person IS NULL THEN 1 WHEN is_legal_person THEN 0 ELSE 2 END AS a2,
    CASE WHEN determined_size = 'large' THEN 2 WHEN determined_size IS NOT NULL THEN 0
        WHEN employees IS NULL OR operating_revenue IS NULL OR operating_revenue < 0 THEN 1
        WHEN industry_code COLLATE "C" BETWEEN '0600' AND '4699' THEN
            CASE WHEN employees >= 1000 AND operating_revenue >= 400000000 THEN 2 ELSE 0 END
        WHEN industry_code COLLATE "C" BETWEEN '6500' AND '6599' THEN
            CASE WHEN employees >= 300 AND operating_revenue >= 100000000 THEN 2 ELSE 0 END
        WHEN industry_code COLLATE "C" BETWEEN '5100' AND '5199' THEN
            CASE WHEN employees >= 200 AND operating_revenue >= 400000000 THEN 2 ELSE 0 END
        ELSE 1 END AS a3,
    CASE WHEN operating_revenue IS NULL THEN 1
        WHEN operating_revenue >= CASE WHEN is_ethnic_craft THEN 10000000 ELSE 20000000 END
        THEN 0 ELSE 2 END AS a4,
    CASE WHEN total_liabilities IS NULL OR total_assets IS NULL OR total_assets <= 0 THEN 1
        WHEN total_liabilities * 100 <= total_assets * 70 THEN 0 ELSE 2 END AS a5,
    CASE WHEN main_business_revenue IS NULL OR operating_revenue IS NULL OR operating_revenue <= 0
        THEN 1
        WHEN main_business_revenue * 100 >= operating_revenue * 70 THEN 0 ELSE 2 END AS a6,
    CASE WHEN independent_ip IS NULL THEN 1 WHEN independent_ip >= 1 THEN 0 ELSE 2 END AS a10,
    CASE WHEN management_certifications IS NULL THEN 1 WHEN management_certifications > 0 THEN 0
        ELSE 2 END AS a13,
    CASE WHEN has_false_information IS NULL THEN 1 WHEN has_false_information THEN 2 ELSE 0 END AS a15,
    CASE WHEN last_major_accident_on IS NULL THEN 0
        WHEN last_major_accident_on COLLATE "C" > '{ON}' THEN 1
        WHEN last_major_accident_on COLLATE "C" <= '{ON.replace(year=ON.year - 3)}' THEN 0
        ELSE 2 END AS a16,
    CASE WHEN has_tax_or_dishonesty_record IS NULL THEN 1
        WHEN has_tax_or_dishonesty_record THEN 2 ELSE 0 END AS a17,
    EXISTS (SELECT FROM registry.recognitions r
        WHERE r.uscc = s.uscc AND r.title = '{TITLE}' AND r.valid_until >= '{ON}') AS was_recognised
FROM registry.figure_sheets s WHERE is_latest AND division LIKE '52%' OFFSET 0) judged
"""
"""What somebody who knows the plan and the register would write for its eighteen answers."""


def measure_register() -> list[Measurement]:
    """A register of ten thousand enterprises and one of a million."""
    return asyncio.run(_measure())


@dataclass(frozen=True, slots=True)
class Register:
    """A filled register, and how many enterprises it has."""

    owner: URL
    enterprises: int

    @property
    def login(self) -> str:
        return self.owner.set(username=login_of("registry")).render_as_string(hide_password=False)


@dataclass(frozen=True, slots=True)
class Rates:
    one: float
    """Verifications a second, asked one by one."""
    bulk: float
    """Verifications a second, asked a thousand at a time."""
    search: float
    """Milliseconds within which 95 of 100 searches are answered."""


async def _measure() -> list[Measurement]:
    with tempfile.TemporaryDirectory(prefix="srdi-bench-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "postgres"
        with embedded_postgres(data) as owner:
            await execute(owner, f"ALTER SYSTEM SET shared_buffers = '{SHARED_BUFFERS}'")
        # Started again, it has the memory that a register of a million is given.
        with embedded_postgres(data) as owner:
            return await _of_both_sizes(Path(folder), owner)


async def _of_both_sizes(folder: Path, owner: URL) -> list[Measurement]:
    create_key(folder / "keys", "0001")
    small, large = [await _filled(owner, f"register_{size}", size) for size in (SMALL, LARGE)]
    return await measured(folder, small, large)


async def _filled(owner: URL, database: str, enterprises: int) -> Register:
    await execute(owner, f"CREATE DATABASE {database}")
    own = owner.set(database=database)
    await prepare_database(own)
    await fill(own, enterprises)
    return Register(own, enterprises)


async def measured(folder: Path, small: Register, large: Register) -> list[Measurement]:
    """Measure both registers; of each pair that is compared, turn and turn about."""
    token = token_for(folder, "registry:read")
    beside = await _beside_bare(folder, large, token)
    at_small, at_large = [await _rates(folder, one, token) for one in (small, large)]
    screening = await _screening(large)
    return [
        Measurement(
            what="GET /verifications/{uscc} beside a bare Starlette endpoint with the same query",
            value=beside[0] / beside[1],
            unit="×",
            limit=0.5,
            better="more",
            beside=f"{beside[0]:,.0f} against {beside[1]:,.0f} answers a second, one core each in turn",
        ),
        Measurement(
            what="POST /verifications, a thousand at a time, of a million enterprises",
            value=at_large.bulk,
            unit="a second",
            limit=30_000,
            better="more",
        ),
        Measurement(
            what="search by a part of a name among a million, 95 of 100 answered within",
            value=at_large.search,
            unit="ms",
            limit=5,
            better="less",
            beside=f"two to five characters, a page of {PAGE}, the endpoint included",
        ),
        _grown("verification of one", at_small.one, at_large.one, "answers a second"),
        _grown("verification in bulk", at_small.bulk, at_large.bulk, "verifications a second"),
        Measurement(
            what="search by a part of a name, a million beside ten thousand",
            value=at_large.search / at_small.search,
            unit="×",
            limit=1.3,
            better="less",
            beside=f"{at_large.search:.2f} against {at_small.search:.2f} ms",
        ),
        Measurement(
            what="screening a million enterprises beside the statement written by hand",
            value=screening[0] / screening[1],
            unit="×",
            limit=1.5,
            better="less",
            beside=f"{screening[0]:.2f} against {screening[1]:.2f} s, {PACK} {TITLE}",
        ),
    ]


def _grown(what: str, small: float, large: float, unit: str) -> Measurement:
    return Measurement(
        what=f"{what}, ten thousand beside a million",
        value=small / large,
        unit="×",
        limit=1.3,
        better="less",
        beside=f"{small:,.0f} against {large:,.0f} {unit}",
    )


async def _beside_bare(folder: Path, register: Register, token: str) -> tuple[float, float]:
    """Return answers a second of the registry and of the bare endpoint: the median of three turns."""
    ours: list[float] = []
    theirs: list[float] = []
    paths = [f"/api/v1/verifications/{uscc_of(number)}" for number in _holders(register, 5000)]
    async with (
        _served("registry", register, folder) as registry,
        _served("bare", register, folder) as bare,
    ):
        for _ in range(3):
            theirs.append(await answers_a_second(bare, paths, token))
            ours.append(await answers_a_second(registry, paths, token))
    return statistics.median(ours), statistics.median(theirs)


async def _rates(folder: Path, register: Register, token: str) -> Rates:
    rng = random.Random(7)  # noqa: S311 - which rows are asked for is no secret
    holders = _holders(register, 5000)
    paths = [f"/api/v1/verifications/{uscc_of(number)}" for number in holders]
    bodies = [
        json.dumps(
            {"items": [{"uscc": uscc_of(rng.randrange(register.enterprises))} for _ in range(BULK)]}
        )
        for _ in range(20)
    ]
    parts = []
    for _ in range(SEARCHES):
        name = name_of(rng.randrange(register.enterprises))
        length = rng.randint(2, 5)
        # From anywhere in the name: its place and its form, which thousands share, are typed as well.
        start = rng.randint(0, len(name) - length)
        parts.append(name[start : start + length])
    async with _served("registry", register, folder) as url:
        return Rates(
            one=await answers_a_second(url, paths, token),
            bulk=BULK
            * await answers_a_second(url, ["/api/v1/verifications"], token, bodies=bodies),
            search=await _slowest_of_most(url, parts, token),
        )


def _holders(register: Register, count: int) -> list[int]:
    rng = random.Random(3)  # noqa: S311 - which rows are asked for is no secret
    found: list[int] = []
    while len(found) < count:
        number = rng.randrange(register.enterprises)
        if holds(number):
            found.append(number)
    return found


async def _slowest_of_most(url: str, parts: Sequence[str], token: str) -> float:
    """Return the milliseconds within which 95 of 100 searches are answered, one after another."""
    took: list[float] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        for number, part in enumerate(parts):
            begun = time.perf_counter()
            async with session.get(
                f"{url}/api/v1/public/enterprises", params={"q": part, "limit": PAGE}
            ) as answer:
                content = await answer.read()
                if answer.status != 200:
                    raise RuntimeError(content.decode())
            if number >= 100:
                took.append((time.perf_counter() - begun) * 1000)
    return statistics.quantiles(took, n=20)[-1]


async def _screening(register: Register) -> tuple[float, float]:
    """Return the seconds of a screening and of the statement by hand: the median of five turns."""
    connection = await asyncpg.connect(
        register.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    plan = Plan(published_catalogue().pack(PACK), title=TITLE, kind="new")
    everybody = latest_sheets(region="520000", title=TITLE, on=ON, held_on=ON)
    ours = str(
        plan.statement(everybody).compile(
            dialect=make_url("postgresql+asyncpg://").get_dialect()(),
            compile_kwargs={"literal_binds": True},
        )
    )
    told: list[float] = []
    by_hand: list[float] = []
    try:
        counted = [
            await connection.fetch(
                f"SELECT verdict, answers, count(*) FROM ({statement}) s GROUP BY 1, 2 ORDER BY 1, 2"
            )
            for statement in (ours, BY_HAND)
        ]
        if [tuple(row) for row in counted[0]] != [tuple(row) for row in counted[1]]:
            raise RuntimeError("the statement by hand judges otherwise than the screening")
        for _ in range(5):
            for statement, took in ((ours, told), (BY_HAND, by_hand)):
                begun = time.perf_counter()
                await connection.fetch(
                    f"SELECT verdict, answers, count(*) FROM ({statement}) s GROUP BY 1, 2"
                )
                took.append(time.perf_counter() - begun)
    finally:
        await connection.close()
    return statistics.median(told), statistics.median(by_hand)


def _served(which: str, register: Register, folder: Path) -> AbstractAsyncContextManager[str]:
    return served(
        "tests.bench.served",
        which,
        register.login,
        folder,
        port=5070 if which == "registry" else 5071,
    )
