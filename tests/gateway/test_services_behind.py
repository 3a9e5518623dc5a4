"""The services behind the door: passed through whole, missed when away, promised in one contract."""

import asyncio
import copy
import gzip
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from hashlib import sha256
from html import unescape
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from deploy.contract import merged_contract
from gateway.contract import ContractClash, merge_contracts
from gateway.problem_pages import problem_index, problem_page
from gateway.proxy import AppUpstream, RemoteUpstream, Upstream
from tests.gateway.conftest import SERVICES, Gateway, gateway_before, served

PROBLEMS: dict[str, dict[str, Any]] = merged_contract()["x-problems"]
OF_THE_KERNEL = {"not-found", "not-authenticated", "overloaded", "internal-error"}
ZIPPED = gzip.compress("贵州".encode() * 100, mtime=0)
THING = {"type": "object", "properties": {"name": {"type": "string"}}}


def plain_answers() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/api/v1/packs/zipped")
    async def zipped() -> Response:
        return Response(ZIPPED, headers={"Content-Encoding": "gzip"}, media_type="text/plain")

    @app.get("/api/v1/packs/moved")
    async def moved() -> Response:
        return RedirectResponse("/api/v1/packs/zipped?a=1", status_code=303)

    @app.get("/api/v1/packs/cookies")
    async def cookies() -> Response:
        response = Response(status_code=418, headers={"X-Request-Id": "the-services-own"})
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        response.headers["ETag"] = '"3"'
        response.headers["Keep-Alive"] = "timeout=5"
        response.headers["Proxy-Authenticate"] = "Basic"
        return response

    @app.delete("/api/v1/packs/gone")
    async def gone() -> Response:
        return Response(status_code=204)

    @app.get("/api/v1/packs/unchanged")
    async def unchanged() -> Response:
        return Response(status_code=304, headers={"ETag": '"3"'})

    @app.head("/api/v1/packs/long")
    async def long() -> Response:
        return Response(headers={"Content-Length": "12345"})

    return app


def particular_service(*, sees_first_part: asyncio.Event, may_go_on: asyncio.Event) -> FastAPI:
    """Return an app whose answers are of the kinds that a careless proxy spoils."""
    app = plain_answers()

    @app.post("/api/v1/packs/digest")
    async def digest(request: Request) -> dict[str, Any]:
        summed, parts = sha256(), 0
        async for part in request.stream():
            summed.update(part)
            parts += bool(part)
            sees_first_part.set()
        return {"sha256": summed.hexdigest(), "parts": parts}

    @app.get("/api/v1/packs/slow")
    async def slow() -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await may_go_on.wait()
            yield b"second"

        return StreamingResponse(parts())

    return app


class Particular:
    """The gateway before such a service, with the moments at which things happen in it."""

    def __init__(self) -> None:
        self.sees_first_part = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.app = particular_service(
            sees_first_part=self.sees_first_part, may_go_on=self.may_go_on
        )
        self.client: httpx.AsyncClient
        self.behind_a_socket: httpx.AsyncClient


@pytest.fixture(params=["in this process", "at an address"])
async def particular(request: pytest.FixtureRequest) -> AsyncIterator[Particular]:
    running = Particular()
    async with AsyncExitStack() as stack:
        upstream: Upstream = AppUpstream(running.app)
        if request.param == "at an address":
            upstream = RemoteUpstream(await stack.enter_async_context(served(running.app)))
        gateway = await stack.enter_async_context(gateway_before(dict.fromkeys(SERVICES, upstream)))
        address = await stack.enter_async_context(served(app_of(gateway)))
        running.client = gateway.client
        # httpx's own transport for apps hands an answer over whole; streams need a real one.
        running.behind_a_socket = await stack.enter_async_context(
            httpx.AsyncClient(base_url=address)
        )
        yield running
        running.may_go_on.set()


def app_of(gateway: Gateway) -> FastAPI:
    transport = gateway.client._transport
    assert isinstance(transport, httpx.ASGITransport)
    assert isinstance(transport.app, FastAPI)
    return transport.app


def contracted_service(
    name: str, *, problems: dict[str, Any] | None = None, schema: dict[str, Any] | None = None
) -> FastAPI:
    """Return an app that promises one path of its own, and counts how often it is asked."""
    app = FastAPI(openapi_url=None)
    app.state.asked = 0
    app.state.is_up = True

    @app.get("/readyz")
    async def readyz() -> Response:
        return Response(status_code=200 if app.state.is_up else 503)

    @app.get("/openapi.json")
    async def openapi() -> Response:
        app.state.asked += 1
        if not app.state.is_up:
            return JSONResponse({"detail": "the password is hunter2"}, status_code=500)
        return JSONResponse(
            {
                "paths": {f"/api/v1/{name}": {"get": {"operationId": f"read_{name}"}}},
                "components": {"schemas": {"Thing": schema or THING}},
                "x-problems": problems or {},
            }
        )

    return app


def promises(
    path: str = "/a", operation: str = "read_a", schema: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "paths": {path: {"get": {"operationId": operation}}},
        "components": {"schemas": {"Thing": schema or THING}},
    }


async def test_a_large_body_passes_whole_in_either_framing(particular: Particular) -> None:
    body = bytes(range(256)) * 8192

    async def in_parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    async with asyncio.timeout(20):
        known = await particular.behind_a_socket.post("/api/v1/packs/digest", content=body)
        chunked = await particular.behind_a_socket.post("/api/v1/packs/digest", content=in_parts())

    assert known.json()["sha256"] == chunked.json()["sha256"] == sha256(body).hexdigest()


async def test_a_request_without_a_body_stays_without_one(particular: Particular) -> None:
    async with asyncio.timeout(10):
        answer = await particular.client.post("/api/v1/packs/digest")

    assert answer.json() == {"sha256": sha256().hexdigest(), "parts": 0}


async def test_a_body_reaches_the_service_while_it_is_still_being_sent(
    particular: Particular,
) -> None:
    async def held_back() -> AsyncIterator[bytes]:
        yield b"first"
        await particular.sees_first_part.wait()
        yield b"second"

    async with asyncio.timeout(10):
        answer = await particular.behind_a_socket.post("/api/v1/packs/digest", content=held_back())

    assert answer.json() == {"sha256": sha256(b"firstsecond").hexdigest(), "parts": 2}


async def test_an_answer_reaches_the_caller_while_it_is_still_being_made(
    particular: Particular,
) -> None:
    async with (
        asyncio.timeout(10),
        particular.behind_a_socket.stream("GET", "/api/v1/packs/slow") as answer,
    ):
        parts = answer.aiter_raw()
        first = await anext(parts)
        particular.may_go_on.set()
        rest = b"".join([part async for part in parts])

    assert (first, rest) == (b"first", b"second")


async def test_a_compressed_answer_is_left_as_it_is(particular: Particular) -> None:
    async with particular.behind_a_socket.stream("GET", "/api/v1/packs/zipped") as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])

    assert raw == ZIPPED
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Length"] == str(len(ZIPPED))


async def test_a_redirect_is_handed_to_the_caller_not_followed(particular: Particular) -> None:
    answer = await particular.client.get("/api/v1/packs/moved")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/api/v1/packs/zipped?a=1")


async def test_every_header_of_an_answer_passes_but_those_of_one_connection(
    particular: Particular,
) -> None:
    answer = await particular.client.get("/api/v1/packs/cookies", headers={"X-Request-Id": "mine"})

    assert (answer.status_code, answer.headers["ETag"]) == (418, '"3"')
    assert len(answer.headers.get_list("Set-Cookie")) == 2
    assert answer.headers.get_list("X-Request-Id") == ["mine"]


async def test_an_answer_behind_a_socket_leaves_its_connection_behind() -> None:
    service = Particular().app
    async with (
        served(service) as address,
        gateway_before({"applications": RemoteUpstream(address)}) as gateway,
    ):
        answer = await gateway.get("/api/v1/packs/cookies")

    assert answer.status_code == 418
    assert {"keep-alive", "proxy-authenticate", "transfer-encoding"}.isdisjoint(answer.headers)


async def test_a_cookie_of_one_caller_is_not_sent_for_the_next(gateway: Gateway) -> None:
    first = await gateway.get("/api/v1/packs", headers={"Cookie": "session=1"})
    second = await gateway.get("/api/v1/packs")

    assert first.json()["headers"]["cookie"] == "session=1"
    assert "cookie" not in second.json()["headers"]


@pytest.mark.parametrize(
    ("method", "path", "status", "header", "value"),
    [
        ("DELETE", "gone", 204, "Content-Type", None),
        ("GET", "unchanged", 304, "ETag", '"3"'),
        ("HEAD", "long", 200, "Content-Length", "12345"),
    ],
)
async def test_an_answer_without_a_body_ends_with_its_headers(
    particular: Particular, method: str, path: str, status: int, header: str, value: str | None
) -> None:
    async with asyncio.timeout(10):
        answer = await particular.behind_a_socket.request(method, f"/api/v1/packs/{path}")

    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers.get(header) == value


async def test_a_service_that_is_away_is_an_overload_in_the_callers_language() -> None:
    async with gateway_before({"applications": RemoteUpstream("http://127.0.0.1:1")}) as gateway:
        refused = await gateway.get("/api/v1/packs", headers={"Accept-Language": "en"})

    assert refused.status_code == 503
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json() == {
        "type": "/problems/overloaded",
        "title": "The platform cannot serve this now",
        "status": 503,
        "detail": "The service that handles this cannot be reached; try again shortly.",
        "instance": "/api/v1/packs",
        "errors": [],
        "request_id": refused.headers["X-Request-Id"],
    }


async def test_a_service_that_hangs_up_before_it_answers_is_away() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with gateway_before({"applications": RemoteUpstream(address)}) as gateway:
        refused = await gateway.client.post("/api/v1/packs", content=b"{}")
    server.close()
    await server.wait_closed()

    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")


async def test_a_service_is_found_again_when_it_comes_back() -> None:
    service = contracted_service("packs")
    async with served(service) as address:
        port = httpx.URL(address).port
    async with gateway_before({"applications": RemoteUpstream(address)}) as gateway:
        away = await gateway.get("/readyz")
        server = uvicorn.Server(
            uvicorn.Config(service, host="127.0.0.1", port=port or 0, log_config=None)
        )
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
        back = await gateway.get("/readyz")
        server.should_exit = True
        await serving

    assert (away.status_code, away.json()["services"]) == (503, {"applications": "unreachable"})
    assert (back.status_code, back.json()["services"]) == (200, {"applications": "ready"})


async def test_readiness_names_each_service_and_life_asks_none() -> None:
    tired = contracted_service("review")
    tired.state.is_up = False
    upstreams: dict[str, Upstream] = {
        "applications": AppUpstream(contracted_service("applications")),
        "review": AppUpstream(tired),
        "registry": RemoteUpstream("http://127.0.0.1:1"),
    }
    async with gateway_before(upstreams) as gateway:
        ready = await gateway.get("/readyz")
        alive = await gateway.get("/healthz")

    assert ready.status_code == 503
    assert ready.json() == {
        "status": "not ready",
        "services": {
            "applications": "ready",
            "review": "not ready",
            "registry": "unreachable",
        },
    }
    assert (alive.status_code, alive.json()) == (200, {"status": "alive", "service": "gateway"})


async def test_the_gateway_lets_go_of_its_connections_when_it_stops(gateway: Gateway) -> None:
    async with served(app_of(gateway)) as address:
        upstream = RemoteUpstream(address)
        async with gateway_before({"applications": upstream}) as outer:
            await outer.get("/api/v1/packs")
            session = upstream._session
            was_open = session is not None and not session.closed

    assert was_open
    assert session is not None
    assert session.closed


async def test_one_contract_is_made_of_all_and_asked_for_once() -> None:
    problems = {"round-closed": PROBLEMS["not-found"]}
    services = {
        "applications": contracted_service("rounds", problems=problems),
        "review": contracted_service("notices"),
    }
    upstreams = {name: AppUpstream(app) for name, app in services.items()}
    async with gateway_before(upstreams) as gateway:
        contract = (await gateway.get("/openapi.json")).json()
        again = (await gateway.get("/openapi.json")).json()

    assert contract == again
    assert {"/api/v1/rounds", "/api/v1/notices", "/oauth2/token", "/healthz"} <= set(
        contract["paths"]
    )
    assert {"round-closed"} | OF_THE_KERNEL <= set(contract["x-problems"])
    assert contract["components"]["schemas"]["Thing"] == THING
    assert list(contract["paths"]) == sorted(contract["paths"])
    assert [app.state.asked for app in services.values()] == [1, 1]


async def test_a_contract_that_cannot_be_had_is_asked_for_again() -> None:
    tired = contracted_service("notices")
    tired.state.is_up = False
    async with gateway_before({"review": AppUpstream(tired)}) as gateway:
        refused = await gateway.get("/openapi.json")
        page = await gateway.get("/problems/not-found")
        tired.state.is_up = True
        contract = await gateway.get("/openapi.json")

    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
    assert refused.headers["Retry-After"]
    assert "hunter2" not in refused.text
    assert (page.status_code, page.json()["type"]) == (503, "/problems/overloaded")
    assert "/api/v1/notices" in contract.json()["paths"]


@pytest.fixture
async def pages() -> AsyncIterator[Gateway]:
    """The gateway, with every refusal of the real services in its contract."""
    service: ASGIApp = contracted_service("rounds", problems=PROBLEMS)
    async with gateway_before({"applications": AppUpstream(service)}) as running:
        yield running


@pytest.mark.parametrize("slug", sorted(PROBLEMS))
async def test_each_refusal_has_a_page_in_two_languages(pages: Gateway, slug: str) -> None:
    page = await pages.get(f"/problems/{slug}")

    text = unescape(page.text)
    problem = PROBLEMS[slug]
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert f"HTTP {problem['status']}" in text
    for words in (problem["title"], problem["meaning"]):
        assert words["zh"] in text
        assert words["en"] in text


async def test_the_index_leads_to_every_page(pages: Gateway) -> None:
    index = await pages.get("/problems/")

    assert index.status_code == 200
    assert index.headers["Content-Type"].startswith("text/html")
    assert set(PROBLEMS) > OF_THE_KERNEL
    assert [slug for slug in PROBLEMS if f'href="/problems/{slug}"' not in index.text] == []


async def test_a_refusal_names_a_page_that_is_there(pages: Gateway) -> None:
    refused = await pages.get("/api/v1/awards")

    page = await pages.get(refused.json()["type"])

    assert (refused.status_code, page.status_code) == (401, 200)
    assert "No valid access token" in page.text


@pytest.mark.parametrize("slug", ["no-such", "<script>alert(1)</script>", "NOT-FOUND", "a/b"])
async def test_a_page_that_is_not_there_is_a_refusal_itself(pages: Gateway, slug: str) -> None:
    refused = await pages.get(f"/problems/{slug}")

    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/not-found")
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_words_in_a_page_are_words_not_markup() -> None:
    words = {"zh": "<b>甲</b> & 乙", "en": "<i>a</i> & 'b'"}
    problem = {"status": 409, "title": words, "meaning": words}

    for page in (problem_page("a-b", problem), problem_index({"a-b": problem})):
        assert "<b>甲" not in page
        assert "<i>a" not in page
        assert "&lt;b&gt;甲&lt;/b&gt; &amp; 乙" in page


def test_merging_changes_none_of_what_it_merges() -> None:
    own = promises("/own", "own")
    contracts = {"a": promises("/a", "read_a"), "b": promises("/b", "read_b")}
    own_before, contracts_before = copy.deepcopy(own), copy.deepcopy(contracts)

    merge_contracts(own, contracts)

    assert (own, contracts) == (own_before, contracts_before)


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (promises("/a", "read_b"), "both answer /a"),
        (promises("/b", "read_a"), "operationId read_a is used twice"),
        (promises("/b", "read_b", {"type": "integer"}), "b describes the schema Thing"),
    ],
)
def test_a_clash_is_named(other: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ContractClash, match=complaint):
        merge_contracts({}, {"a": promises("/a", "read_a"), "b": other})


def test_a_service_cannot_take_an_operation_twice_itself() -> None:
    twice = promises("/a", "read")
    twice["paths"]["/b"] = twice["paths"]["/a"]

    with pytest.raises(ContractClash, match="used twice"):
        merge_contracts({}, {"a": twice})


@pytest.mark.parametrize("service", [promises("/own", "b"), promises("/b", "b", {"type": "null"})])
def test_a_service_cannot_take_what_is_the_gateways_own(service: dict[str, Any]) -> None:
    with pytest.raises(ContractClash):
        merge_contracts(promises("/own", "own"), {"a": service})


async def test_a_body_that_stops_coming_gives_its_place_to_others() -> None:
    """Many who send their bodies slowly take nothing from anybody."""
    app = particular_service(sees_first_part=asyncio.Event(), may_go_on=asyncio.Event())

    async def send_one_byte(address: str) -> bytes:
        url = httpx.URL(address)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(
            b"POST /api/v1/packs/digest HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
        )
        answer = await reader.read()
        writer.close()
        return answer

    async with AsyncExitStack() as stack:
        upstream = RemoteUpstream(await stack.enter_async_context(served(app)), longest_pause=1.5)
        gateway = await stack.enter_async_context(gateway_before(dict.fromkeys(SERVICES, upstream)))
        address = await stack.enter_async_context(served(app_of(gateway)))
        slow = [asyncio.create_task(send_one_byte(address)) for _ in range(210)]
        await asyncio.sleep(0.3)
        async with httpx.AsyncClient(base_url=address) as client:
            quick = await client.post("/api/v1/packs/digest", content=b"{}")
        still_waiting = sum(not one.done() for one in slow)
        answers = await asyncio.gather(*slow)

    assert quick.status_code == 200
    assert still_waiting > 200
    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
    assert b"/problems/body-too-slow" in answers[0]
