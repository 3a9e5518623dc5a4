"""A draft filled in with what a register knows: the empty places, and with the register's name."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.applications.register import CsvExtract, RegisterRecord, RegisterUnavailable
from services.policy.facts import FactValue
from tests.applications.conftest import Intake, round_body
from tests.builders.enterprises import facts_of, uscc_of
from tests.builders.services import Caller

NATIONAL = "national/2026-04-01"
HEADING = "统一社会信用代码,企业名称,成立日期,登记机关行政区划,行业代码,法人资格,从业人员"
KNOWN: dict[str, FactValue] = {
    "legal_name": "贵州登记精密制造有限公司",
    "established_on": "2014-05-06",
    "registered_division": "520102",
    "industry_code": "3484",
    "is_legal_person": True,
    "employees": 130,
}
NAME = "market_register"


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


def line_of(serial: int, *, employees: str = "130", industry: str = "C3484") -> str:
    return (
        f"{uscc_of(serial)},贵州登记精密制造有限公司,2014年5月6日,520102,{industry},是,{employees}"
    )


def connect(intake: Intake, folder: Path, *lines: str, heading: str = HEADING) -> None:
    """Connect a register that has these lines."""
    extract = "\n".join(("# 数据日期: 2026-03-01", heading, *lines)) + "\n"
    (folder / "extract.csv").write_text(extract, encoding="utf-8")
    intake.service.app.state.register = CsvExtract(folder / "extract.csv", name=NAME)


async def draft_with(intake: Intake, **facts: Any) -> dict[str, Any]:
    """Return a draft of the first enterprise that states no more than it has to, and these facts."""
    least = {"uscc": uscc_of(1), "applying_division": "520102"}
    answer = await intake.enterprise().post(
        "/applications",
        json={"round_id": intake.round_id, "kind": "new", "facts": least | facts},
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def prefill(
    caller: Caller, application: Mapping[str, Any], *overwrite: str, **headers: str
) -> httpx.Response:
    return await caller.ask(
        "POST",
        f"/applications/{application['id']}/prefill",
        json={"overwrite": list(overwrite)},
        headers={"If-Match": f'"{application["version"]}"', **headers},
    )


async def now(intake: Intake, application: Mapping[str, Any]) -> dict[str, Any]:
    return dict((await intake.enterprise().get(f"/applications/{application['id']}")).json())


async def test_what_is_empty_is_filled_and_says_where_it_came_from(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(1))
    draft = await draft_with(intake)

    answer = await prefill(intake.enterprise(), draft)

    application = answer.json()["application"]
    assert answer.status_code == 200, answer.text
    assert answer.json() | {"application": None} == {
        "register_name": NAME,
        "as_of": "2026-03-01",
        "filled": sorted(KNOWN),
        "differing": {},
        "unreadable": {},
        "application": None,
    }
    assert application["facts"] == KNOWN | {"uscc": uscc_of(1), "applying_division": "520102"}
    assert application == await now(intake, draft)
    assert answer.headers["ETag"] == f'"{application["version"]}"'
    for name in KNOWN:
        given = application["provenance"][name]
        assert (given["source"], given["register_name"], given["as_of"]) == (
            "register",
            NAME,
            "2026-03-01",
        )
        assert given["by"] == f"enterprise-{uscc_of(1)}"
    assert application["provenance"]["uscc"]["source"] == "enterprise"
    assert application["provenance"]["uscc"]["register_name"] is None


async def test_what_somebody_stated_stays_and_what_differs_is_named(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(1))
    draft = await draft_with(
        intake, employees=120, industry_code="3484", established_on="2015-06-01"
    )

    answer = await prefill(intake.enterprise(), draft)

    application = answer.json()["application"]
    assert answer.json()["differing"] == {"employees": 130, "established_on": "2014-05-06"}
    assert answer.json()["filled"] == ["is_legal_person", "legal_name", "registered_division"]
    assert (application["facts"]["employees"], application["facts"]["established_on"]) == (
        120,
        "2015-06-01",
    )
    # What the register says, too, is still the enterprise's own word.
    assert application["provenance"]["industry_code"]["source"] == "enterprise"


async def test_only_what_is_named_is_overwritten(intake: Intake, tmp_path: Path) -> None:
    connect(intake, tmp_path, line_of(1))
    draft = await draft_with(intake, employees=120, established_on="2015-06-01")

    answer = await prefill(intake.enterprise(), draft, "employees")

    application = answer.json()["application"]
    assert application["facts"]["employees"] == 130
    assert application["provenance"]["employees"]["source"] == "register"
    assert "employees" in answer.json()["filled"]
    assert answer.json()["differing"] == {"established_on": "2014-05-06"}
    assert application["facts"]["established_on"] == "2015-06-01"


async def test_neither_the_code_nor_where_it_applies_is_the_registers_to_say(
    intake: Intake, tmp_path: Path
) -> None:
    connect(
        intake,
        tmp_path,
        f"{uscc_of(1)},520302",
        heading="统一社会信用代码,applying_division",
    )
    draft = await draft_with(intake)

    answer = await prefill(intake.enterprise(), draft, "uscc", "applying_division")

    assert (answer.json()["filled"], answer.json()["differing"]) == ([], {})
    assert answer.json()["application"]["applying_division"] == "520102"
    assert answer.json()["application"]["version"] == draft["version"]


async def test_what_cannot_be_read_is_shown_as_it_stands_there_and_fills_nothing(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(1, employees="约一百人", industry="A3484"))
    draft = await draft_with(intake)

    answer = await prefill(intake.enterprise(), draft)

    assert answer.json()["unreadable"] == {"employees": "约一百人", "industry_code": "A3484"}
    assert not {"employees", "industry_code"} & set(answer.json()["application"]["facts"])
    assert "legal_name" in answer.json()["filled"]


@dataclass
class Platform:
    """An exchange platform that somebody else has connected: it says what it is told to say."""

    facts: Mapping[str, FactValue]
    name: str = "platform"
    is_away: bool = False
    may_answer: asyncio.Event | None = None

    async def look_up(self, uscc: str) -> RegisterRecord | None:
        if self.may_answer is not None:
            await self.may_answer.wait()
        if self.is_away:
            raise RegisterUnavailable("timed out at 10.1.2.3")
        return RegisterRecord(
            uscc=uscc, as_of=date(2026, 3, 2), facts=self.facts, unreadable={"shares": "?"}
        )


async def test_what_this_pack_does_not_take_is_told_and_never_stored(intake: Intake) -> None:
    intake.service.app.state.register = Platform(
        {
            "employees": -1,
            "focus_field": "astrology",
            "favourite_colour": "red",
            "own_brands": ["甲"],
        }
    )
    draft = await draft_with(intake)

    answer = await prefill(intake.enterprise(), draft)

    assert answer.json()["filled"] == ["own_brands"]
    assert answer.json()["unreadable"] == {
        "employees": "-1",
        "focus_field": "astrology",
        "shares": "?",
    }
    assert set(answer.json()["application"]["facts"]) == {
        "uscc",
        "applying_division",
        "own_brands",
    }


async def test_an_enterprise_that_the_register_does_not_know_is_told_so(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(2))
    draft = await draft_with(intake)

    answer = await prefill(intake.enterprise(), draft)

    assert (answer.status_code, slug(answer)) == (404, "not-in-register")
    assert await now(intake, draft) == draft


@pytest.mark.parametrize("how", ["none is connected", "its file is gone", "it is away"])
async def test_an_outage_is_no_no(intake: Intake, tmp_path: Path, how: str) -> None:
    draft = await draft_with(intake)
    intake.service.app.state.register = {
        "none is connected": None,
        "its file is gone": CsvExtract(tmp_path / "gone.csv", name=NAME),
        "it is away": Platform({}, is_away=True),
    }[how]

    key = {"Idempotency-Key": "one"}
    answer = await prefill(intake.enterprise(), draft, **key)
    connect(intake, tmp_path, line_of(1))
    again = await prefill(intake.enterprise(), draft, **key)

    assert (answer.status_code, slug(answer)) == (503, "register-unavailable")
    assert "10.1.2.3" not in answer.text
    # The refusal passes by itself, so the key does not keep it.
    assert again.status_code == 200


async def test_a_draft_is_filled_only_from_the_version_that_was_read(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(1))
    draft = await draft_with(intake)
    me, path = intake.enterprise(), f"/applications/{draft['id']}"

    blind = await me.post(f"{path}/prefill", json={})
    first = await prefill(me, draft)
    stale = await prefill(me, draft)
    again = await prefill(me, first.json()["application"])

    assert (blind.status_code, slug(blind)) == (428, "precondition-required")
    assert first.status_code == 200
    assert (stale.status_code, slug(stale)) == (412, "stale")
    # The second time there is nothing left to fill, and nothing is written.
    assert (again.status_code, again.json()["filled"]) == (200, [])
    assert again.json()["application"] == first.json()["application"]
    assert [row["action"] for row in await intake.service.history()].count("prefilled") == 1


async def test_an_edit_that_overtakes_a_slow_register_wins(intake: Intake) -> None:
    may_answer = asyncio.Event()
    intake.service.app.state.register = Platform(KNOWN, may_answer=may_answer)
    draft = await draft_with(intake)
    # More than there are connections to the database: a register that hangs takes none of them.
    slow = [asyncio.create_task(prefill(intake.enterprise(), draft)) for _ in range(25)]
    await asyncio.sleep(0.2)

    edited = await intake.enterprise().ask(
        "PATCH",
        f"/applications/{draft['id']}",
        json={"facts": {"employees": 5}},
        headers={"If-Match": f'"{draft["version"]}"'},
    )
    may_answer.set()
    answers = await asyncio.gather(*slow)

    assert edited.status_code == 200
    assert {(one.status_code, slug(one)) for one in answers} == {(412, "stale")}
    assert (await now(intake, draft))["facts"]["employees"] == 5


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"overwrite": "employees"}, "malformed-request"),
        ({"overwrite": [1]}, "malformed-request"),
        ({"overwrite": ["x"] * 51}, "malformed-request"),
        ({"facts": {}}, "unknown-field"),
    ],
)
async def test_a_question_that_is_malformed_asks_no_register(
    intake: Intake, tmp_path: Path, body: dict[str, Any], problem: str
) -> None:
    draft = await draft_with(intake)

    answer = await intake.enterprise().ask(
        "POST",
        f"/applications/{draft['id']}/prefill",
        json=body,
        headers={"If-Match": '"1"'},
    )

    assert (answer.status_code, slug(answer)) == (422, problem)


async def test_it_is_for_who_may_change_the_application(intake: Intake, tmp_path: Path) -> None:
    connect(intake, tmp_path, line_of(1))
    draft = await draft_with(intake)
    call = intake.service.caller

    answers = [
        await prefill(caller, draft)
        for caller in (
            intake.enterprise(2),
            call("county_office", region="520103"),
            call("city_office", region="520300"),
            call("city_office", region="520100"),
            intake.province,
            call("auditor", region="520000"),
            call("expert", region="520000"),
            Caller(client=intake.service.client, token=""),
        )
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 409, 403, 403, 403, 401]
    assert slug(answers[3]) == "enterprise-word-missing"
    assert await now(intake, draft) == draft


async def test_an_office_fills_in_the_draft_that_it_made(intake: Intake, tmp_path: Path) -> None:
    connect(intake, tmp_path, line_of(1))
    county = intake.service.caller("county_office", region="520102")
    draft = (
        await county.post(
            "/applications",
            json={
                "round_id": intake.round_id,
                "kind": "new",
                "facts": {"uscc": uscc_of(1), "applying_division": "520102"},
            },
        )
    ).json()

    answer = await prefill(county, draft)

    given = answer.json()["application"]["provenance"]["legal_name"]
    assert answer.status_code == 200
    assert (given["source"], given["by"], given["region"]) == (
        "register",
        "county_office-520102",
        "520102",
    )
    assert answer.json()["application"]["is_confirmed"] is False


async def test_a_submitted_application_is_filled_by_nobody(intake: Intake, tmp_path: Path) -> None:
    connect(intake, tmp_path, line_of(1))
    submitted = await intake.submitted()

    answer = await prefill(intake.enterprise(), submitted, "employees")

    assert (answer.status_code, slug(answer)) == (409, "application-not-editable")
    assert await now(intake, submitted) == submitted


async def test_a_returned_application_is_filled_only_where_it_was_opened(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(1))
    returned = await intake.returned(1, "employees", "own_brands")

    kept = await prefill(intake.enterprise(), returned)
    opened = await prefill(intake.enterprise(), returned, "employees", "legal_name")

    assert (kept.status_code, kept.json()["filled"]) == (200, [])
    assert opened.json()["filled"] == ["employees"]
    facts = opened.json()["application"]["facts"]
    assert (facts["employees"], facts["legal_name"]) == (130, facts_of(1)["legal_name"])
    assert "legal_name" in opened.json()["differing"]


async def test_what_an_enterprise_cannot_state_may_come_from_the_register(
    intake: Intake, tmp_path: Path
) -> None:
    opened = await intake.province.post(
        "/rounds",
        json=round_body(code="2026-N", title="innovative_sme", kinds={"new": NATIONAL}),
    )
    connect(
        intake,
        tmp_path,
        f"{uscc_of(1)},66.5",
        heading="统一社会信用代码,platform_score",
    )
    body = {
        "round_id": opened.json()["id"],
        "kind": "new",
        "facts": {"uscc": uscc_of(1), "applying_division": "520102"},
    }
    draft = (await intake.enterprise().post("/applications", json=body)).json()

    stated = await intake.enterprise().ask(
        "PATCH",
        f"/applications/{draft['id']}",
        json={"facts": {"platform_score": "66.50"}},
        headers={"If-Match": '"1"'},
    )
    filled = await prefill(intake.enterprise(), draft)

    assert (stated.status_code, stated.json()["errors"][0]["code"]) == (422, "imported")
    assert filled.json()["application"]["facts"]["platform_score"] == "66.50"
    assert filled.json()["application"]["provenance"]["platform_score"]["source"] == "register"


async def test_a_fact_that_is_edited_later_is_the_enterprises_word_again(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(1))
    draft = await draft_with(intake)
    filled = (await prefill(intake.enterprise(), draft)).json()["application"]

    edited = await intake.enterprise().ask(
        "PATCH",
        f"/applications/{draft['id']}",
        json={"facts": {"employees": 131, "legal_name": filled["facts"]["legal_name"]}},
        headers={"If-Match": f'"{filled["version"]}"'},
    )

    provenance = edited.json()["provenance"]
    assert (provenance["employees"]["source"], provenance["employees"]["register_name"]) == (
        "enterprise",
        None,
    )
    # Sent again unchanged, it still comes from where it came from.
    assert provenance["legal_name"]["source"] == "register"


async def test_the_timeline_names_the_register_and_the_day_of_its_data(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(1))
    draft = await draft_with(intake)

    await prefill(intake.enterprise(), draft)

    row = (await intake.service.history())[-1]
    assert row["action"] == "prefilled"
    assert row["data"]["register_name"] == NAME
    assert row["data"]["as_of"] == "2026-03-01"
    assert row["data"]["facts"] == sorted(KNOWN)
    assert await intake.service.chain_is_sound()


async def test_figures_from_the_register_end_a_determination_of_size_that_rested_on_others(
    intake: Intake, tmp_path: Path
) -> None:
    connect(intake, tmp_path, line_of(1))
    draft = await intake.draft()
    city = intake.service.caller("city_office", region="520100")
    determined = await city.ask(
        "PUT",
        f"/applications/{draft['id']}/size-determination",
        json={"size": "small", "legal_basis": "示例"},
        headers={"If-Match": f'"{draft["version"]}"'},
    )

    filled = await prefill(intake.enterprise(), determined.json(), "employees")

    assert determined.json()["size_determination"] is not None
    assert filled.json()["application"]["size_determination"] is None
    assert [row["action"] for row in await intake.service.history()][-2:] == [
        "prefilled",
        "size_determination_lapsed",
    ]


async def test_no_connection_is_held_while_the_register_is_asked(intake: Intake) -> None:
    held: list[int] = []

    class Slow:
        """A register that looks, while it is asked, at what it keeps from others."""

        name = "slow"

        async def look_up(self, uscc: str) -> None:  # noqa: ARG002 - the port asks by it
            held.append(intake.service.database.engine.pool.checkedout())  # type: ignore[attr-defined]

    intake.service.app.state.register = Slow()
    draft = await draft_with(intake)

    answer = await intake.enterprise().ask(
        "POST",
        f"/applications/{draft['id']}/prefill",
        json={},
        headers={"If-Match": '"1"', "Idempotency-Key": "prefill-1"},
    )

    assert (answer.status_code, slug(answer)) == (404, "not-in-register")
    assert held == [0]
