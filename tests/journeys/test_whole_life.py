"""From application to award and back, through the gateway: in one process, and in five that die."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from deploy.audit import verify_chains
from deploy.schema import SERVICES
from deploy.standalone.firms import FIRMS
from deploy.standalone.home import ExampleProgress
from services.kernel.identity.actor import Office
from tests.builders.processes import Processes
from tests.journeys.conftest import BEGUN_ON, Whole

# Everything that the story does, each thing as often as it is to happen: no more, no less.
DONE = {
    "applications": Counter(
        {
            "opened": 2,
            "drafted": 13,
            "received": 1,
            "done": 1,
            "granted": 1,
            "confirmed": 1,
            "document_attached": 25,
            "submitted": 10,
            "edited": 1,
            "review:receive": 10,
            "review:return": 1,
            "review:reject": 1,
            "review:recognise": 8,
        }
    ),
    "review": Counter(
        {
            "received": 10,
            "decided:return": 1,
            "decided:endorse": 34,
            "decided:reject": 1,
            "registered": 6,
            "committed": 2,
            "draw_committed": 9,
            "revealed": 2,
            "panel_drawn": 9,
            "scored": 28,
            "spread_alarm": 1,
            "put_on_notice": 8,
            "filed": 1,
            "stated": 2,
            "dismissed": 1,
            "recognised": 8,
        }
    ),
    "registry": Counter(
        {
            "granted": 10,
            "entered": 1,
            "recorded": 7,
            "reported": 4,
            "rename_recorded": 1,
            "revoked": 1,
            "opened": 2,
        }
    ),
    "rewards": Counter(
        {
            "drafted": 3,
            "approved": 4,
            "proposed": 3,
            "ordered": 3,
            "paid": 4,
            "recovery_opened": 1,
            "stands_for": 1,
            "repayment_planned": 1,
            "repaid": 1,
            "requested": 1,
            "done": 1,
            "received": 2,
        }
    ),
}


async def test_the_whole_life_in_one_process(whole: Whole) -> None:
    await whole.storyteller(ExampleProgress(begun_on=BEGUN_ON.isoformat())).tell()

    await assert_the_story_is_true(whole)


async def test_a_story_that_was_cut_off_goes_on_and_repeats_nothing(whole: Whole) -> None:
    progress = ExampleProgress(begun_on=BEGUN_ON.isoformat())
    kept: list[str] = []

    def cut_off_now_and_then(state: ExampleProgress) -> None:
        # Half of the answers are lost before they are written down, as a crash would have it.
        if len(state.answers) % 9 == 0 and f"lost-{len(state.answers)}" not in kept:
            kept.append(f"lost-{len(state.answers)}")
            raise ConnectionResetError

    while not progress.is_told:
        written = progress.model_copy(deep=True)
        try:
            await whole.storyteller(written, cut_off_now_and_then).tell()
        except ConnectionResetError:
            written.answers.popitem()
        progress = written

    assert len(kept) > 5
    await assert_the_story_is_true(whole)


async def test_the_whole_life_in_five_processes_that_are_killed(processes: Processes) -> None:
    async with httpx.AsyncClient(
        base_url=processes.base_url, transport=Persistent(), timeout=60
    ) as client:
        whole = Whole(
            client=client, clock=processes.clock, keys=processes.keys, owner=processes.owner
        )
        killing = asyncio.create_task(kill_in_turn(processes))
        try:
            await whole.storyteller(ExampleProgress(begun_on=BEGUN_ON.isoformat())).tell()
        finally:
            killing.cancel()
        killed_meanwhile = list(processes.killed)
        # However quick the story was: each service is killed once at least, and all is still true.
        for service in sorted(set(SERVICES) - set(killed_meanwhile)):
            processes.kill(service)
        for service in SERVICES:
            if processes.running[service].poll() is not None:
                processes.start(service)
        await processes.until_ready()
        await assert_the_story_is_true(whole)

    assert killed_meanwhile
    assert set(processes.killed) == set(SERVICES)


async def kill_in_turn(processes: Processes) -> None:
    """Kill one service after the other in the middle of whatever it does, and start it again."""
    while True:
        for service in SERVICES:
            await asyncio.sleep(0.8)
            processes.kill(service)
            processes.start(service)
            await processes.until_ready()


class Persistent(httpx.AsyncHTTPTransport):
    """A client as integrators are told to write it: what gets no answer is sent again as it was."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(300):
            try:
                answer = await super().handle_async_request(request)
                # A service may die between its headers and its last byte.
                await answer.aread()
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code not in {502, 503}:
                return answer
            await asyncio.sleep(0.1)
        raise httpx.ConnectError("it never came back")


async def assert_the_story_is_true(whole: Whole) -> None:
    await until_everybody_knows(whole)
    held = {firm.key: await titles_of(whole, firm.uscc) for firm in FIRMS.values()}
    money = {key: await statement_of(whole, FIRMS[key].uscc) for key in ("rising", "fallen")}
    recoveries = (await whole.ask(Office.FINANCE, "GET", "/recoveries", region="520000")).json()[
        "items"
    ]
    chains = await verify_chains(whole.owner)

    assert await whole.done() == DONE
    assert held == {
        "rising": {
            "srdi_sme": "valid",
            "provincial_little_giant": "valid",
            "national_little_giant": "valid",
        },
        "exact": {"srdi_sme": "valid"},
        "beyond": {},
        "craft": {"srdi_sme": "valid"},
        "corrected": {"srdi_sme": "valid"},
        "refused": {},
        "fallen": {
            "srdi_sme": "valid",
            "provincial_little_giant": "valid",
            "national_little_giant": "revoked",
        },
        "secret": {"srdi_sme": "valid"},
    }
    assert [award["amount"] for award in money["rising"]["awards"]] == ["200000.00", "300000.00"]
    assert money["rising"]["disbursed"] == "500000.00"
    assert (money["fallen"]["disbursed"], money["fallen"]["recovered"]) == (
        "500000.00",
        "80000.00",
    )
    assert [(one["due"], one["repaid"], one["keeps"]["amount"]) for one in recoveries] == [
        ("300000.00", "80000.00", "200000.00")
    ]
    assert {service: report.broken_at for service, report in chains.items()} == dict.fromkeys(
        SERVICES
    )


async def until_everybody_knows(whole: Whole) -> None:
    """Wait until intake has heard of every decision: the last news to arrive."""
    for _ in range(600):
        if (await whole.done())["applications"] == DONE["applications"]:
            return
        await asyncio.sleep(0.1)


async def titles_of(whole: Whole, uscc: str) -> dict[str, str]:
    on = BEGUN_ON.replace(year=BEGUN_ON.year + 1).isoformat()
    answer = await whole.ask(
        Office.PROVINCE, "GET", f"/enterprises/{uscc}?as_of={on}", region="520000"
    )
    if answer.status_code == 404:
        return {}
    return {one["title"]: one["status"] for one in answer.json()["recognitions"]}


async def statement_of(whole: Whole, uscc: str) -> Any:
    return (
        await whole.ask(Office.FINANCE, "GET", f"/award-statements/{uscc}", region="520000")
    ).json()
