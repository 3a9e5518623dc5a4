"""Tokens for machines: who gets one, and what it says."""

from typing import Any

import pytest
from jose import jwt

from tests.gateway.conftest import CLIENT, NEW_KEY, OLD_KEY, SECRET, Gateway

FORM = {"grant_type": "client_credentials"}


async def ask(gateway: Gateway, form: Any = None, **request: Any) -> Any:
    return await gateway.client.post("/oauth2/token", data=form or FORM, **request)


async def test_a_client_gets_a_token_of_fifteen_minutes_with_what_it_may(gateway: Gateway) -> None:
    basic = await ask(gateway, auth=("bank", SECRET))
    posted = await ask(gateway, FORM | {"client_id": "bank", "client_secret": SECRET})

    for answer in (basic, posted):
        granted = answer.json()
        claims = jwt.get_unverified_claims(granted["access_token"])
        assert answer.headers["Cache-Control"] == "no-store"
        assert granted["token_type"] == "Bearer"
        assert granted["expires_in"] == claims["exp"] - claims["iat"] == 900
        assert claims["aud"] == "srdi"
        assert claims["scope"] == "events:read registry:read"
        assert (claims["offices"], claims["region"]) == (["evaluator"], "520000")
        assert jwt.get_unverified_header(granted["access_token"])["kid"] == NEW_KEY.key_id


async def test_a_token_may_be_narrower_and_never_wider(gateway: Gateway) -> None:
    narrow = await ask(gateway, FORM | {"scope": "registry:read"}, auth=("bank", SECRET))
    wide = await ask(gateway, FORM | {"scope": "registry:write"}, auth=("bank", SECRET))

    assert narrow.json()["scope"] == "registry:read"
    assert (wide.status_code, wide.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("form", "request_with", "status", "error"),
    [
        (FORM, {"auth": ("bank", "wrong")}, 401, "invalid_client"),
        (FORM, {"auth": ("nobody", SECRET)}, 401, "invalid_client"),
        (FORM, {}, 401, "invalid_client"),
        (FORM, {"headers": {"Authorization": "Basic !!!"}}, 401, "invalid_client"),
        (FORM, {"headers": {"Authorization": b"Basic \xe9\xe9"}}, 401, "invalid_client"),
        (FORM, {"headers": {"Authorization": "Bearer x"}}, 401, "invalid_client"),
        ({"grant_type": "password"}, {"auth": ("bank", SECRET)}, 400, "unsupported_grant_type"),
        ({"grant_type": ["a", "b"]}, {"auth": ("bank", SECRET)}, 400, "invalid_request"),
        ({"grant_type": "x" * 20000}, {"auth": ("bank", SECRET)}, 413, "invalid_request"),
    ],
)
async def test_whoever_asks_wrongly_is_told_by_the_words_of_oauth(
    gateway: Gateway, form: Any, request_with: dict[str, Any], status: int, error: str
) -> None:
    refused = await ask(gateway, form, **request_with)

    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert ("WWW-Authenticate" in refused.headers) is (status == 401)
    assert SECRET not in refused.text


async def test_a_body_that_is_no_form_is_refused(gateway: Gateway) -> None:
    refused = await gateway.client.post("/oauth2/token", json=FORM, auth=("bank", SECRET))

    assert refused.json()["error"] == "invalid_request"


async def test_both_keys_are_published_while_one_is_rotated_and_no_private_part(
    gateway: Gateway,
) -> None:
    keys = (await gateway.get("/.well-known/jwks.json")).json()["keys"]

    assert [key["kid"] for key in keys] == [OLD_KEY.key_id, NEW_KEY.key_id]
    assert all("d" not in key and key["alg"] == "ES256" for key in keys)


async def test_a_token_of_the_older_key_still_opens_the_door(gateway: Gateway) -> None:
    answer = await gateway.get("/api/v1/enterprises", gateway.token(key=OLD_KEY))

    assert answer.status_code == 200


async def test_the_metadata_says_what_is_offered(gateway: Gateway) -> None:
    metadata = (await gateway.get("/.well-known/oauth-authorization-server")).json()

    assert metadata["grant_types_supported"] == ["client_credentials"]
    assert metadata["token_endpoint"].endswith("/oauth2/token")


def test_a_secret_is_compared_by_its_hash() -> None:
    assert CLIENT.has_secret(SECRET)
    assert not CLIENT.has_secret(CLIENT.secret_sha256)
