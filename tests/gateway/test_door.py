"""The door: who passes, what passes, and what is said when a service is away."""

import asyncio
import json
import time
from typing import Any

import pytest

from gateway.contract import ContractClash, merge_contracts
from gateway.proxy import RemoteUpstream
from gateway.routes import Destination, destination_of
from services.kernel.identity.tokens import SigningKey
from tests.gateway.conftest import SERVICES, Gateway, gateway_before


@pytest.mark.parametrize(
    "token",
    [
        pytest.param({"key": SigningKey.generate()}, id="signed by a stranger"),
        pytest.param({"exp": int(time.time()) - 60}, id="expired"),
        pytest.param({"aud": "another"}, id="for another audience"),
        pytest.param({"iss": "https://elsewhere"}, id="of another issuer"),
        pytest.param({"exp": int(time.time()) + 10**6}, id="valid for too long"),
        pytest.param({"region": "guizhou"}, id="with a region that is none"),
    ],
)
async def test_a_token_that_is_not_sound_opens_nothing(
    gateway: Gateway, token: dict[str, Any]
) -> None:
    guarded = await gateway.get("/api/v1/enterprises", gateway.token(**token))
    public = await gateway.get("/api/v1/public/enterprises", gateway.token(**token))

    for refused in (guarded, public):
        assert refused.status_code == 401
        assert refused.json()["type"] == "/problems/not-authenticated"
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")


async def test_only_public_collections_are_reached_without_a_token(gateway: Gateway) -> None:
    statuses = {
        path: (await gateway.get(f"/api/v1/{path}")).status_code
        for path in ("rounds", "awards", "packs", "divisions", "public/notices", "nothing", "")
    }

    assert statuses == {
        "rounds": 401,
        "awards": 401,
        "packs": 200,
        "divisions": 200,
        "public/notices": 200,
        "nothing": 404,
        "": 404,
    }


async def test_a_request_passes_whole_and_with_its_trace(gateway: Gateway) -> None:
    answer = await gateway.client.request(
        "PATCH",
        "/api/v1/applications/1%2F2?a=1&a=%20",
        content=b'{"a": 1}',
        headers={
            "Authorization": f"Bearer {gateway.token()}",
            "X-Request-Id": "caller-7",
            "If-Match": '"3"',
            "Content-Type": "application/json",
            "Keep-Alive": "5",
            "Connection": "keep-alive, x-private",
            "X-Private": "1",
        },
    )

    got = answer.json()
    assert got["method"] == "PATCH"
    assert got["query"] == "a=1&a=%20"
    assert got["body"] == '{"a": 1}'
    assert (
        got["headers"]["authorization"] == f"Bearer {answer.request.headers['Authorization'][7:]}"
    )
    assert got["headers"]["x-request-id"] == "caller-7"
    assert got["headers"]["if-match"] == '"3"'
    assert got["headers"]["traceparent"].startswith("00-")
    assert "keep-alive" not in got["headers"]
    assert "x-private" not in got["headers"]
    assert answer.headers["X-Request-Id"] == "caller-7"


async def test_a_request_id_is_made_where_none_or_a_bad_one_is_given(gateway: Gateway) -> None:
    bad = await gateway.get("/healthz", headers={"X-Request-Id": "a b\tc"})
    none = await gateway.get("/healthz")

    assert bad.headers["X-Request-Id"] not in {"a b\tc", none.headers["X-Request-Id"]}


async def test_a_streamed_answer_passes_with_its_status_and_headers(gateway: Gateway) -> None:
    answer = await gateway.get("/api/v1/enterprises/stream", gateway.token())

    assert (answer.status_code, answer.headers["X-Of-Service"]) == (207, "yes")
    assert answer.text == "0\n1\n2\n3\n4\n"


async def test_health_and_readiness(gateway: Gateway) -> None:
    ready = (await gateway.get("/readyz")).json()

    assert (await gateway.get("/healthz")).json()["status"] == "alive"
    assert ready == {"status": "ready", "services": dict.fromkeys(SERVICES, "ready")}


async def test_a_service_that_is_away_is_named_and_nothing_leaks() -> None:
    upstreams = {name: RemoteUpstream("http://127.0.0.1:1") for name in SERVICES}
    async with gateway_before(upstreams) as gateway:
        refused = await gateway.get("/api/v1/enterprises", gateway.token())
        ready = await gateway.get("/readyz")
        contract = await gateway.get("/openapi.json")

    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
    assert refused.headers["Retry-After"]
    assert "127.0.0.1" not in refused.text
    assert (ready.status_code, ready.json()["services"]["review"]) == (503, "unreachable")
    assert contract.json()["type"] == "/problems/overloaded"


async def test_a_service_that_cuts_its_answer_off_is_not_taken_for_whole() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with gateway_before(dict.fromkeys(SERVICES, RemoteUpstream(address))) as gateway:
        answer = await gateway.get("/api/v1/enterprises", gateway.token())
    server.close()
    await server.wait_closed()

    # What has been sent cannot be unsaid; it must not look complete.
    assert len(answer.content) < int(answer.headers["Content-Length"])


@pytest.mark.parametrize(
    ("path", "destination"),
    [
        ("/api/v1/applications", Destination("applications", needs_token=True)),
        ("/api/v1/applications/1/submission", Destination("applications", needs_token=True)),
        ("/api/v1/packs/guizhou/2021-05-06", Destination("applications", needs_token=False)),
        ("/api/v1/review-cases", Destination("review", needs_token=True)),
        ("/api/v1/public/notices/1/objections", Destination("review", needs_token=False)),
        ("/api/v1/public/certificates/1", Destination("registry", needs_token=False)),
        ("/api/v1/recoveries/1/repayments", Destination("rewards", needs_token=True)),
        ("/api/v1/public", None),
        ("/api/v1/public/applications", None),
        ("/api/v1/applicationsx", None),
        ("/api/v1//rounds", None),
        ("/api/v2/rounds", None),
        ("/api/v1", None),
        ("/events", None),
    ],
)
def test_a_path_leads_to_one_service_or_nowhere(path: str, destination: Destination | None) -> None:
    assert destination_of(path) == destination


def contract(path: str, operation: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "paths": {path: {"get": {"operationId": operation}}},
        "components": {"schemas": {"Thing": schema}},
        "x-problems": {operation: {"status": 404}},
    }


def test_two_contracts_become_one() -> None:
    merged = merge_contracts(
        {"openapi": "3.1.0"},
        {
            "a": contract("/a", "read_a", {"type": "string"}),
            "b": contract("/b", "read_b", {"type": "string"}),
        },
    )

    assert sorted(merged["paths"]) == ["/a", "/b"]
    assert sorted(merged["x-problems"]) == ["read_a", "read_b"]
    assert json.dumps(merged)


@pytest.mark.parametrize(
    "other",
    [
        contract("/a", "read_b", {"type": "string"}),
        contract("/b", "read_a", {"type": "string"}),
        contract("/b", "read_b", {"type": "integer"}),
    ],
)
def test_two_services_never_promise_different_things_under_one_name(
    other: dict[str, Any],
) -> None:
    with pytest.raises(ContractClash):
        merge_contracts({}, {"a": contract("/a", "read_a", {"type": "string"}), "b": other})
