"""查询与核验: whoever fits is found, nobody else, counted as listed, one by one as in bulk."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.registry.names import searchable
from tests.builders.enterprises import uscc_of
from tests.builders.services import Caller
from tests.registry.conftest import TODAY, Registry
from tests.registry.test_changes import renamed
from tests.registry.test_library import city, enter, leave
from tests.registry.test_recognitions import national
from tests.registry.test_succession import taken_over

SEARCHING = settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


async def listed(caller: Caller, **query: Any) -> list[str]:
    answer = await caller.get("/enterprises", params={"limit": 200, **query})
    assert answer.status_code == 200, answer.text
    return [one["uscc"] for one in answer.json()["items"]]


async def counted(caller: Caller, **query: Any) -> Any:
    answer = await caller.get("/enterprises/counts", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def codes(*serials: int) -> list[str]:
    return sorted(uscc_of(serial) for serial in serials)


async def test_an_enterprise_is_found_by_any_part_of_any_name_however_it_is_written(
    registry: Registry,
) -> None:
    names = {
        1: "贵州示例（遵义）Ａｂｃ精密有限公司",
        2: "贵州示例(遵义)XYZ有限公司",
        3: "贵州100%纯_净\\有限公司",
        4: "龘",
    }
    for serial, name in names.items():
        await registry.recognised(serial, legal_name=name, on=date(2026, 5, 1))
    await renamed(registry, "贵州后来有限公司", "2026-05-20", serial=2)
    code = uscc_of(3)
    parts = {
        "贵": [1, 2, 3],
        "龘": [4],
        "遵义": [1, 2],
        "（遵义）": [1, 2],
        "(遵义)abc": [1],
        "ＡＢＣ": [1],
        "示例 (遵 义)": [1, 2],
        "XYZ有限": [2],
        "后来有限": [2],
        "%": [3],
        "_": [3],
        "\\": [3],
        "0%纯_净\\": [3],
        "纯__": [],
        "纯%": [],
        "后来有限公司贵州": [],
        "公司\n贵州": [],
        "后来\n有限": [2],
        "  \u3000 ": [],
        "'": [],
        code: [3],
        code[:12]: [1, 2, 3, 4],
        f" {code.lower()} ": [3],
        code[1:]: [],
        "5201": [],
    }

    for part, serials in parts.items():
        assert await listed(registry.partner, q=part) == codes(*serials), part

    refused = [
        (await registry.partner.get("/enterprises", params={"q": part})).status_code
        for part in ("", "长" * 101, "\x00")
    ]
    public = await registry.service.client.get("/api/v1/public/enterprises", params={"q": "（遵义"})
    blank = await registry.service.client.get("/api/v1/public/enterprises", params={"q": " "})
    assert refused == [422, 422, 422]
    assert blank.json()["items"] == []
    assert [one["uscc"] for one in public.json()["items"]] == codes(1, 2)


async def peopled(registry: Registry) -> None:
    """Let enterprises of several places, fields, titles and states be there."""
    await registry.recognised(1, on=date(2022, 6, 1))
    await registry.recognised(2, on=date(2023, 6, 20), applying_division="520103")
    await registry.recognised(3, on=date(2026, 5, 1), applying_division="520302")
    await registry.recognised(4, on=date(2026, 5, 1), applying_division="520900")
    await registry.recognised(
        5, on=date(2026, 5, 1), is_secret_involved=True, focus_field="health_medicine"
    )
    await registry.recognised(
        3, on=date(2026, 5, 20), title="provincial_little_giant", applying_division="520302"
    )
    await registry.officer().post("/recognitions", json=national(1, valid_from="2026-05-01"))
    gone = await registry.recognised(6, on=date(2026, 5, 1), focus_field="health_medicine")
    await registry.revoke(gone, ground="voluntary", finding_number=None)
    await enter(city(registry), 7)
    await enter(city(registry), 8)
    await leave(city(registry), 8)
    await registry.recognised(9, on=date(2026, 1, 1), applying_division="520302")
    await taken_over(registry, 9, by=10, on="2026-05-15")


async def test_each_filter_and_all_of_them_together_choose_what_is_so(registry: Registry) -> None:
    await peopled(registry)
    expected: list[tuple[dict[str, str], list[int]]] = [
        ({}, [1, 2, 3, 4, 6, 7, 8, 9, 10]),
        ({"region": "520000"}, [1, 2, 3, 4, 6, 7, 8, 9, 10]),
        ({"region": "520100"}, [1, 2, 6, 7, 8]),
        ({"region": "520102"}, [1, 6, 7, 8]),
        ({"region": "520900"}, [4]),
        ({"region": "520300"}, [3, 9, 10]),
        ({"region": "530000"}, []),
        ({"focus_field": "health_medicine"}, [6]),
        ({"focus_field": "health"}, []),
        ({"title": "srdi_sme"}, [1, 2, 3, 4, 6, 9, 10]),
        ({"title": "provincial_little_giant"}, [3]),
        ({"title": "no_such_title"}, []),
        ({"title": "cultivation_library"}, [7]),
        ({"title": "cultivation_library", "valid_on": "2026-05-10"}, [7, 8]),
        ({"title": "cultivation_library", "valid_on": "2026-04-30"}, []),
        ({"title": "cultivation_library", "status": "valid"}, [7]),
        ({"title": "cultivation_library", "status": "lapsed"}, [8]),
        ({"title": "cultivation_library", "status": "lapsed", "valid_on": "2026-05-10"}, [8]),
        ({"title": "cultivation_library", "status": "revoked"}, []),
        ({"title": "cultivation_library", "renewal_due_before": "2030-01-01"}, []),
        ({"status": "valid"}, [1, 3, 4, 10]),
        ({"status": "renewal_due"}, [2]),
        ({"status": "lapsed"}, [1, 9]),
        ({"status": "revoked"}, [6]),
        ({"status": "awaiting_renewal"}, []),
        ({"valid_on": "2022-06-01"}, [1]),
        ({"valid_on": "2025-05-31"}, [1, 2]),
        ({"valid_on": "2026-05-14"}, [1, 2, 3, 4, 6, 9]),
        ({"valid_on": "2026-05-15"}, [1, 2, 3, 4, 6, 10]),
        ({"valid_on": "2026-05-01", "title": "srdi_sme"}, [2, 3, 4, 6, 9]),
        ({"renewal_due_before": "2026-06-20"}, [1, 2]),
        ({"renewal_due_before": "2026-06-19"}, [1]),
        ({"title": "national_little_giant", "status": "lapsed"}, []),
        ({"title": "srdi_sme", "status": "lapsed"}, [1, 9]),
        (
            {
                "title": "srdi_sme",
                "status": "renewal_due",
                "region": "520103",
                "focus_field": "advanced_equipment",
                "q": "示例002",
                "valid_on": "2024-01-01",
                "renewal_due_before": "2026-06-20",
            },
            [2],
        ),
    ]

    for query, serials in expected:
        assert await listed(registry.partner, **query) == codes(*serials), query

    for wrong in ({"status": "gone"}, {"region": "52"}, {"valid_on": "1899-01-01"}, {"titel": "x"}):
        assert (await registry.partner.get("/enterprises", params=wrong)).status_code == 422


async def test_what_is_counted_is_what_is_listed(registry: Registry) -> None:
    await peopled(registry)
    callers = {
        "partner": registry.partner,
        "province": registry.officer(),
        "own city": city(registry),
        "other city": city(registry, "520300"),
        "other enterprise": registry.service.caller("enterprise", uscc=uscc_of(1)),
    }
    queries = [
        {},
        {"region": "520100"},
        {"title": "srdi_sme"},
        {"title": "cultivation_library"},
        {"status": "valid"},
        {"status": "lapsed"},
        {"status": "revoked"},
        {"valid_on": "2025-05-31"},
        {"renewal_due_before": "2026-06-20", "q": "示例"},
        {"focus_field": "health_medicine"},
    ]

    for name, caller in callers.items():
        for query in queries:
            found = await counted(caller, **query)
            case = (name, query, found)
            assert found["enterprises"] == len(await listed(caller, **query)), case
            assert found["enterprises"] == sum(one["count"] for one in found["by_city"]), case
            for by in ("by_title", "by_status"):
                assert found["recognitions"] == sum(one["count"] for one in found[by]), case

    of_fields = {
        name: (await counted(caller, focus_field="health_medicine"))["enterprises"]
        for name, caller in callers.items()
    }
    assert of_fields == {
        "partner": 1,
        "province": 2,
        "own city": 2,
        "other city": 1,
        "other enterprise": 1,
    }
    everything = await counted(registry.partner)
    assert everything["by_title"] == [
        {"id": "national_little_giant", "count": 1},
        {"id": "provincial_little_giant", "count": 1},
        {"id": "srdi_sme", "count": 6},
    ]
    # A certificate counts once, in the hands of who holds it.
    assert everything["by_status"] == [
        {"id": "lapsed", "count": 1},
        {"id": "renewal_due", "count": 1},
        {"id": "revoked", "count": 1},
        {"id": "valid", "count": 5},
    ]
    assert everything["by_city"] == [
        {"id": "520100", "count": 5},
        {"id": "520300", "count": 3},
        {"id": "520900", "count": 1},
    ]
    valid = await counted(registry.partner, status="valid")
    assert valid["by_status"] == [{"id": "valid", "count": 5}]


async def test_pages_stay_put_while_enterprises_are_added(registry: Registry) -> None:
    for serial in range(10, 60, 10):
        await registry.recognised(serial)
    everyone = await listed(registry.partner)
    seen: list[str] = []
    after, added = None, count(1)

    while True:
        page = await registry.partner.get(
            "/enterprises", params={"limit": 2} | ({"after": after} if after else {})
        )
        seen += [one["uscc"] for one in page.json()["items"]]
        after = page.json()["next"]
        if after is None:
            break
        await registry.recognised(next(added))

    assert [code for code in seen if code in everyone] == everyone
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    for wrong in ("x", "bnVsbA", "W10", "WzFd"):
        answer = await registry.partner.get("/enterprises", params={"after": wrong})
        assert answer.status_code == 422, wrong


LETTERS = "贵州遵义示例（）()ＡaBｂ 1１%_\\'　-龘𠮷ß"


@pytest.fixture
async def town(registry: Registry) -> Mapping[str, list[str]]:
    """Sixty enterprises with made-up names; some were called otherwise before. Names by code."""
    chance = Random(2021)  # noqa: S311 - the same names in every run
    names: dict[str, list[str]] = {}
    for serial in range(1, 61):
        name = "".join(chance.choices(LETTERS, k=chance.randint(1, 8))) + "厂"
        await registry.recognised(serial, legal_name=name, on=date(2026, 5, 1))
        names[uscc_of(serial)] = [name]
        if serial % 9 == 0:
            await renamed(registry, f"{name[1:]}后", "2026-05-20", serial=serial)
            names[uscc_of(serial)].append(f"{name[1:]}后")
    return names


@SEARCHING
@given(data=st.data())
async def test_a_part_finds_exactly_the_names_that_contain_it(
    registry: Registry, town: Mapping[str, list[str]], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([name for known in town.values() for name in known]))
    begins = data.draw(st.integers(0, len(name) - 1))
    cut = name[begins : begins + data.draw(st.integers(1, 5))]
    part = data.draw(st.one_of(st.just(cut), st.text(LETTERS, min_size=1, max_size=3)))

    found = await listed(registry.partner, q=part)

    spelled = searchable(part)
    containing = [
        code
        for code, known in town.items()
        if spelled and any(spelled in searchable(one) for one in known)
    ]
    assert found == sorted(containing), part


@pytest.fixture
async def people(registry: Registry) -> Registry:
    await peopled(registry)
    return registry


ASKED = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(uscc_of(serial) for serial in range(1, 12)),
                "91520900MA6J6CBN9R",
                "x",
                uscc_of(99),
                f" {uscc_of(1).lower()} ",
            ]
        ),
        st.sampled_from(
            [
                None,
                "srdi_sme",
                "provincial_little_giant",
                "national_little_giant",
                "cultivation_library",
                "no_such_title",
            ]
        ),
    ),
    min_size=1,
    max_size=8,
)


@SEARCHING
@given(items=ASKED, days=st.integers(-2000, 1500), is_insider=st.booleans())
async def test_one_by_one_and_in_bulk_are_answered_alike_on_any_day(
    people: Registry, items: list[tuple[str, str | None]], days: int, is_insider: bool
) -> None:
    caller = city(people) if is_insider else people.partner
    on = (TODAY + timedelta(days=days)).isoformat()
    body = {"on": on, "items": [{"uscc": code, "title": title} for code, title in items]}

    many = await caller.post("/verifications", json=body)
    one_by_one = [
        await caller.get(
            f"/verifications/{code}", params={"on": on} | ({"title": title} if title else {})
        )
        for code, title in items
    ]

    assert many.status_code == 200, many.text
    assert many.json()["items"] == [one.json() for one in one_by_one]


@SEARCHING
@given(serial=st.integers(1, 10), days=st.integers(-1600, 1500))
async def test_a_verification_says_what_the_register_says_of_that_day(
    people: Registry, serial: int, days: int
) -> None:
    on = TODAY + timedelta(days=days)
    caller = city(people)
    shown = await caller.get(f"/enterprises/{uscc_of(serial)}", params={"as_of": on.isoformat()})

    verified = await caller.get(
        f"/verifications/{uscc_of(serial)}", params={"on": on.isoformat(), "title": "srdi_sme"}
    )

    held = {one["title"]: one for one in shown.json().get("recognitions", [])}.get("srdi_sme")
    told = verified.json()
    assert told["code"] == (held["status"] if held else "never_recognised")
    assert told["valid_until"] == (held["valid_until"] if held else None)
