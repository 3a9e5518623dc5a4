"""What strangers try at the token endpoint and at the door, and what the operator may get wrong."""

import asyncio
import base64
import json
import re
import stat
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, unquote

import httpx
import pytest
from fastapi import FastAPI, Request
from jose import jwt
from pydantic import ValidationError
from sqlalchemy.engine import URL

from deploy.standalone.platform import put_together
from gateway.clients import read_clients
from gateway.issuer import Issuer, TokenRefused
from gateway.proxy import AppUpstream
from gateway.routes import COLLECTIONS, PUBLIC_COLLECTIONS, Destination, destination_of
from services.applications.settings import IntakeSettings
from services.kernel.clock import SystemClock
from services.kernel.identity.keys import KeyRing, create_key, read_keys
from services.kernel.identity.tokens import SigningKey
from services.registry.settings import RegistrySettings
from services.review.settings import ReviewSettings
from services.rewards.settings import RewardsSettings
from tests.gateway.conftest import (
    CLIENT,
    ISSUER,
    NEW_KEY,
    SECRET,
    SERVICES,
    Gateway,
    gateway_before,
    served,
)

FORM = {"grant_type": "client_credentials"}
PROBLEM = "application/problem+json"
A_CLIENT = f"""
[[client]]
client_id = "bank"
name = "A bank"
secret_sha256 = "{"0" * 64}"
scopes = ["registry:read"]
"""


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def unsigned(claims: dict[str, Any]) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': NEW_KEY.key_id})}.{part(claims)}."


def naming_service(name: str, reached: list[str]) -> FastAPI:
    """Return an app that answers every request with its own name, and remembers it."""
    app = FastAPI(openapi_url=None)

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def answer(request: Request, path: str) -> dict[str, str]:
        reached.append(path)
        return {"service": name}

    return app


@pytest.fixture
async def reached() -> list[str]:
    return []


@pytest.fixture
async def named(reached: list[str]) -> AsyncIterator[Gateway]:
    """The gateway before four services that can be told apart."""
    upstreams = {name: AppUpstream(naming_service(name, reached)) for name in SERVICES}
    async with gateway_before(upstreams) as running:
        yield running


async def test_a_token_names_its_issuer_its_client_and_itself(named: Gateway) -> None:
    before = int(time.time())

    answers = [
        await named.client.post("/oauth2/token", data=FORM, auth=("bank", SECRET)) for _ in "12"
    ]

    claims = [jwt.get_unverified_claims(one.json()["access_token"]) for one in answers]
    assert {one["iss"] for one in claims} == {ISSUER}
    assert {(one["sub"], one["client_id"]) for one in claims} == {("client:bank", "bank")}
    assert all(before <= one["iat"] <= time.time() for one in claims)
    assert claims[0]["jti"] != claims[1]["jti"]
    assert "uscc" not in claims[0]


async def test_a_granted_token_opens_the_door(named: Gateway) -> None:
    granted = await named.client.post("/oauth2/token", data=FORM, auth=("bank", SECRET))

    answer = await named.get("/api/v1/enterprises", granted.json()["access_token"])

    assert (answer.status_code, answer.json()) == (200, {"service": "registry"})


async def test_a_refusal_is_never_kept_by_a_cache(named: Gateway) -> None:
    refused = await named.client.post("/oauth2/token", data=FORM, auth=("bank", "wrong"))

    assert refused.status_code == 401
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="srdi"'


async def test_an_unknown_client_and_a_wrong_secret_are_told_the_same(named: Gateway) -> None:
    unknown = await named.client.post("/oauth2/token", data=FORM, auth=("nobody", SECRET))
    wrong = await named.client.post("/oauth2/token", data=FORM, auth=("bank", "wrong"))

    assert unknown.json()["error"] == "invalid_client"
    assert unknown.content == wrong.content


async def test_a_secret_in_the_address_is_not_looked_at(named: Gateway) -> None:
    answer = await named.client.post(
        "/oauth2/token", params={"client_id": "bank", "client_secret": SECRET}, data=FORM
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_one_scope_too_many_refuses_all_and_names_only_what_is_beyond(named: Gateway) -> None:
    refused = await named.client.post(
        "/oauth2/token",
        data=FORM | {"scope": "registry:read events:internal"},
        auth=("bank", SECRET),
    )

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert "events:internal" in refused.json()["error_description"]
    assert "registry:read" not in refused.json()["error_description"]


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", "text/plain"),
        (b"grant_type=client_credentials", ""),
        (b"no form at all", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials&\xff=1", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials&scope=&scope=", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_cannot_be_read_as_one_form_is_refused(
    named: Gateway, body: bytes, media_type: str
) -> None:
    refused = await named.client.post(
        "/oauth2/token", content=body, headers={"Content-Type": media_type}, auth=("bank", SECRET)
    )

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


async def test_a_form_without_end_is_not_read_to_its_end(named: Gateway) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1000:
            sent += 1
            yield b"x" * 1024

    refused = await named.client.post(
        "/oauth2/token",
        content=endless(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=("bank", SECRET),
    )

    assert (refused.status_code, refused.json()["error"]) == (413, "invalid_request")
    assert sent < 20


def test_a_secret_of_any_characters_is_read_as_the_rfc_writes_it() -> None:
    secret = "钥匙: 100% + &="
    client = CLIENT.model_copy(update={"secret_sha256": sha256(secret.encode()).hexdigest()})
    issuer = Issuer(issuer=ISSUER, keys=KeyRing((NEW_KEY,)), clients={"bank": client})

    granted = issuer.grant(FORM, basic("bank", quote_plus(secret)))

    assert granted["scope"] == "events:read registry:read"
    with pytest.raises(TokenRefused):
        issuer.grant(FORM, basic("bank", quote_plus(secret) + "x"))


async def test_the_newest_key_alone_is_published_once_the_older_one_is_gone(tmp_path: Path) -> None:
    create_key(tmp_path, "2026-02")
    oldest = create_key(tmp_path, "2026-01")
    newest = create_key(tmp_path, "2026-10")

    rotating = read_keys(tmp_path)
    (tmp_path / "2026-01.pem").unlink()
    rotated = read_keys(tmp_path)

    assert rotating.signing == rotated.signing == newest
    assert rotating.public()["keys"][0]["kid"] == oldest.key_id
    assert [key["kid"] for key in rotated.public()["keys"]][-1] == newest.key_id
    assert len(rotated.public()["keys"]) == 2


def test_a_key_is_its_owners_alone_and_is_never_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    key = create_key(folder, "first")

    with pytest.raises(FileExistsError):
        create_key(folder, "first")

    assert stat.S_IMODE((folder / "first.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert read_keys(folder).signing == key


def test_a_folder_without_a_key_stops_the_gateway(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no key", "ascii")

    with pytest.raises(FileNotFoundError, match="no signing key"):
        read_keys(tmp_path)


def test_clients_are_read_from_their_file(tmp_path: Path) -> None:
    file = tmp_path / "clients.toml"
    file.write_text(A_CLIENT, "utf-8")

    clients = read_clients(file)

    assert list(clients) == ["bank"]
    assert clients["bank"].scopes == {"registry:read"}
    assert (clients["bank"].offices, clients["bank"].region) == (frozenset(), None)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(A_CLIENT + A_CLIENT, id="a client twice"),
        pytest.param(A_CLIENT.replace("registry:read", "everything"), id="an unknown scope"),
        pytest.param(A_CLIENT + 'offices = ["king"]', id="an unknown office"),
        pytest.param(A_CLIENT + 'region = "Guizhou"', id="a region that is none"),
        pytest.param(A_CLIENT + 'secret = "plain"', id="a field nobody knows"),
        pytest.param(A_CLIENT.replace("0" * 64, "plain"), id="a secret in the clear"),
        pytest.param(A_CLIENT.replace('"bank"', '"A Bank"'), id="a name with spaces"),
    ],
)
def test_a_file_of_clients_that_is_wrong_stops_the_gateway(tmp_path: Path, content: str) -> None:
    file = tmp_path / "clients.toml"
    file.write_text(content, "utf-8")

    with pytest.raises((ValidationError, ValueError)):
        read_clients(file)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer  ", basic("bank", SECRET)])
async def test_without_a_bearer_token_the_door_is_shut_and_says_so(
    named: Gateway, reached: list[str], authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    refused = await named.get("/api/v1/awards", headers={**headers, "Accept-Language": "en"})

    assert refused.status_code == 401
    assert refused.headers["Content-Type"] == PROBLEM
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="srdi"'
    assert refused.json() == {
        "type": "/problems/not-authenticated",
        "title": "No valid access token",
        "status": 401,
        "detail": "Send a valid Bearer access token.",
        "instance": "/api/v1/awards",
        "errors": [],
        "request_id": refused.headers["X-Request-Id"],
    }
    assert reached == []


async def test_the_scheme_of_a_token_may_be_written_in_any_case(named: Gateway) -> None:
    answer = await named.get("/api/v1/awards", headers={"Authorization": f"bEARER {named.token()}"})

    assert answer.json() == {"service": "rewards"}


async def test_a_forged_token_opens_nothing_not_even_what_is_open_to_all(
    named: Gateway, reached: list[str]
) -> None:
    claims = jwt.get_unverified_claims(named.token())
    stranger = SigningKey(key_id=NEW_KEY.key_id, pem=SigningKey.generate().pem)
    forgeries = [
        unsigned(claims),
        named.token(key=stranger),
        jwt.encode(claims, json.dumps(NEW_KEY.public()), "HS256", headers={"kid": NEW_KEY.key_id}),
        named.token()[:-4] + "AAAA",
        "no token at all",
    ]

    refusals = [
        await named.get(f"/api/v1/{path}", forgery)
        for forgery in forgeries
        for path in ("awards", "packs", "public/enterprises")
    ]

    assert {refused.status_code for refused in refusals} == {401}
    assert all('error="invalid_token"' in one.headers["WWW-Authenticate"] for one in refusals)
    assert reached == []


async def test_an_unknown_path_is_nowhere_whether_or_not_one_may_enter(
    named: Gateway, reached: list[str]
) -> None:
    for token in (None, named.token(), "no token at all"):
        refused = await named.get("/api/v1/nothing", token)

        assert (refused.status_code, refused.json()["type"]) == (404, "/problems/not-found")
        assert refused.headers["Content-Type"] == PROBLEM
    assert reached == []


@pytest.mark.parametrize("path", ["/", "/events", "/api/v1", "/api/v1/rounds%2", "/docs", "/redoc"])
async def test_what_is_not_of_the_api_is_not_passed_on(
    named: Gateway, reached: list[str], path: str
) -> None:
    refused = await named.get(path)

    assert refused.headers["Content-Type"] == PROBLEM
    assert refused.status_code == 404
    assert reached == []


async def test_a_method_that_is_not_offered_is_refused_with_those_that_are(
    named: Gateway, reached: list[str]
) -> None:
    refused = await named.client.request("TRACE", "/api/v1/packs")
    got_token = await named.get("/oauth2/token")

    assert (refused.status_code, refused.json()["type"]) == (405, "/problems/method-not-allowed")
    assert set(re.split(r", ?", refused.headers["Allow"])) == {
        *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    }
    assert (got_token.status_code, got_token.headers["Allow"]) == (405, "POST")
    assert reached == []


@pytest.mark.parametrize("collection", sorted(COLLECTIONS))
async def test_each_collection_is_answered_by_its_own_service(
    named: Gateway, collection: str
) -> None:
    answer = await named.get(f"/api/v1/{collection}/1", named.token())

    assert answer.json() == {"service": COLLECTIONS[collection]}


@pytest.mark.parametrize("collection", sorted(PUBLIC_COLLECTIONS))
async def test_each_public_collection_is_answered_by_its_own_service_without_a_token(
    named: Gateway, collection: str
) -> None:
    answer = await named.get(f"/api/v1/public/{collection}/1")

    assert answer.json() == {"service": PUBLIC_COLLECTIONS[collection]}


def test_every_path_that_a_service_promises_leads_to_that_service(tmp_path: Path) -> None:
    platform = put_together(
        owner=URL.create("postgresql+asyncpg", database="nowhere"),
        passwords={},
        intake=IntakeSettings.in_folder(tmp_path),
        review=ReviewSettings.in_folder(tmp_path),
        registry=RegistrySettings.in_folder(tmp_path),
        rewards=RewardsSettings.in_folder(tmp_path),
        keys=KeyRing((NEW_KEY,)),
        issuer=ISSUER,
        clients={},
        clock=SystemClock(),
    )

    led = {
        (service, path): destination_of(path)
        for service, app in platform.services.items()
        for path in app.openapi()["paths"]
    }

    assert len(led) > 20
    astray = [
        (service, path)
        for (service, path), destination in led.items()
        if destination is None or destination.service != service
    ]
    assert astray == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/api/v1/",
        "/api/v1/ rounds",
        "/api/v1/rounds ",
        "/api/v1/Rounds",
        "/API/v1/rounds",
        "//api/v1/rounds",
        "/x/api/v1/rounds",
        "api/v1/rounds",
        "/api/v1/./rounds",
        "/api/v1/../v1/rounds",
        "/api/v1//rounds",
        "/api/v1/round",
        "/api/v1/applicationsx",
        "/api/v1/rounds%2F1",
        "/api/v1/rounds;x=1",
        "/api/v1/rounds?x=1",
        "/api/v1/rounds\\1",
        "/api/v1/public",
        "/api/v1/public/",
        "/api/v1/public//enterprises",
        "/api/v1/public/enterprisesx",
        "/api/v1/public/../awards",
        "/api/v1/public/awards",
        "/api/v1/public%2Fenterprises",
        "/api/v1/publicx/enterprises",
        "/api/v1/certificates",
    ],
)
def test_a_path_that_only_resembles_one_of_ours_leads_nowhere(path: str) -> None:
    assert destination_of(path) is None


@pytest.mark.parametrize(
    ("path", "destination"),
    [
        ("/api/v1/rounds/", Destination("applications", needs_token=True)),
        ("/api/v1/packs/../awards", Destination("applications", needs_token=False)),
        ("/api/v1/packs/../../../events", Destination("applications", needs_token=False)),
        ("/api/v1/public/enterprises/..", Destination("registry", needs_token=False)),
        ("/api/v1/public/enterprises/../../awards", Destination("registry", needs_token=False)),
        ("/api/v1/enterprises/public/enterprises", Destination("registry", needs_token=True)),
        ("/api/v1/awards/packs", Destination("rewards", needs_token=True)),
    ],
)
def test_dots_are_never_resolved_so_the_first_step_alone_decides(
    path: str, destination: Destination
) -> None:
    assert destination_of(path) == destination


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/api/v1/packs/../awards", 200),
        ("/api/v1/packs/../../../events", 200),
        ("/api/v1/packs/%2e%2e/awards", 200),
        ("/api/v1/packs/..%2fawards", 200),
        ("/api/v1/public/enterprises/..", 200),
        ("/api/v1/public/../awards", 404),
        ("/api/v1/awards%2F1", 401),
        ("/api/v1/awards/../packs", 401),
        ("/api/v1//packs", 404),
        ("/api/v1/../../api/v1/packs", 404),
        ("/api/v1/%70acks", 200),
        ("/api/v1/public%2fenterprises", 200),
        ("/api/v1/%61wards", 401),
    ],
)
async def test_a_path_reaches_a_service_as_it_was_written_or_not_at_all(
    gateway: Gateway, target: str, status: int
) -> None:
    """Clients tidy addresses before they send them, so this one is written by hand."""
    async with served(gateway_app(gateway)) as address, asyncio.timeout(10):
        url = httpx.URL(address)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    if status == 200:
        assert json.loads(body)["path"] == unquote(target)


def gateway_app(gateway: Gateway) -> FastAPI:
    transport = gateway.client._transport
    assert isinstance(transport, httpx.ASGITransport)
    assert isinstance(transport.app, FastAPI)
    return transport.app


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 129, "<script>", "a#b"])
async def test_a_request_id_that_is_not_well_formed_is_replaced_for_the_service_too(
    gateway: Gateway, given: str
) -> None:
    answer = await gateway.get("/api/v1/packs", headers={"X-Request-Id": given})

    forwarded = answer.json()["headers"]["x-request-id"]
    assert answer.headers.get_list("X-Request-Id") == [forwarded]
    assert forwarded != given
    assert len(forwarded) == 36


@pytest.mark.parametrize("given", ["a", "x" * 128, "2026-03/Abc.1:2+3=_"])
async def test_a_well_formed_request_id_is_kept_in_the_answer_the_service_and_the_refusal(
    gateway: Gateway, given: str
) -> None:
    answer = await gateway.get("/api/v1/packs", headers={"X-Request-Id": given})
    refused = await gateway.get("/api/v1/awards", headers={"X-Request-Id": given})

    assert answer.headers.get_list("X-Request-Id") == [given]
    assert answer.json()["headers"]["x-request-id"] == given
    assert (refused.status_code, refused.json()["request_id"]) == (401, given)


async def test_a_trace_goes_on_where_it_is_sound_and_begins_anew_where_not(
    gateway: Gateway,
) -> None:
    sound = f"00-{'a' * 32}-{'b' * 16}-01"
    given = [sound, f"00-{'0' * 32}-{'b' * 16}-01", f"00-{'A' * 32}-{'b' * 16}-01", "x"]

    got = [
        (await gateway.get("/api/v1/packs", headers={"traceparent": one})).json()["headers"]
        for one in given
    ]

    assert got[0]["traceparent"] == sound
    for headers, bad in zip(got[1:], given[1:], strict=True):
        assert headers["traceparent"] != bad
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", headers["traceparent"])


async def test_what_is_meant_for_one_connection_is_not_passed_on(gateway: Gateway) -> None:
    answer = await gateway.get(
        "/api/v1/packs",
        headers={
            "Keep-Alive": "timeout=5",
            "Proxy-Authorization": "Basic c2VjcmV0",
            "Proxy-Connection": "keep-alive",
            "TE": "trailers",
            "Trailer": "X-Sum",
            "Upgrade": "websocket",
            "Connection": "X-Private , X-OTHER",
            "X-Private": "1",
            "X-Other": "1",
            "X-Kept": "1",
        },
    )

    got = set(answer.json()["headers"])
    assert "x-kept" in got
    assert got.isdisjoint(
        {
            *("keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer"),
            *("upgrade", "x-private", "x-other"),
        }
    )
