"""Tokens: each way in which comparable systems let strangers in is closed here."""

import asyncio
import base64
import json
import time

import httpx
import pytest
from jose import jwt

from services.kernel.identity.tokens import SigningKey, TokenVerifier, key_set, sign
from services.kernel.problems import NotAuthenticated, Overloaded
from tests.kernel.conftest import ISSUER

KEY = SigningKey.generate()


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    sound: dict[str, object] = {
        "iss": ISSUER,
        "sub": "officer-1",
        "aud": "srdi",
        "iat": now,
        "exp": now + 600,
        "jti": "1",
        "client_id": "web",
        "scope": "review:read",
        "offices": ["city_office"],
        "region": "520100",
    }
    return {name: value for name, value in (sound | changed).items() if value is not None}


class Keys:
    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys)
        self.fetched = 0
        self.is_away = False

    async def __call__(self) -> dict[str, object]:
        self.fetched += 1
        if self.is_away:
            raise httpx.ConnectError("away")
        return key_set(self.keys)


def verifier(keys: Keys) -> TokenVerifier:
    return TokenVerifier(issuer=ISSUER, key_source=keys)


def unsigned(body: dict[str, object]) -> str:
    def part(content: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': KEY.key_id})}.{part(body)}."


async def test_a_sound_token_names_its_caller() -> None:
    actor = await verifier(Keys(KEY)).verify(sign(KEY, claims()))

    assert actor.sub == "officer-1"
    assert actor.offices == {"city_office"}
    assert actor.is_in_charge_of("520102")
    assert not actor.is_in_charge_of("520302")


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None},
        {"exp": int(time.time()) - 60},
        {"aud": None},
        {"aud": "another"},
        {"iss": None},
        {"iss": "https://elsewhere.test"},
        {"sub": None},
        {"jti": None},
        {"iat": None},
        {"exp": int(time.time()) + 90 * 86400},
        {"nbf": int(time.time()) + 86400},
        {"client_id": None},
        {"scope": ["review:read"]},
        {"offices": "city_office"},
        {"region": "52"},
        {"region": 520100},
        {"region": "%"},
        {"uscc": 9},
        {"exp": str(int(time.time()) + 60)},
        {"exp": time.time() + 60.5},
        {"iat": str(int(time.time()))},
        {"iat": int(time.time()) + 365 * 86400, "exp": int(time.time()) + 365 * 86400 + 60},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"sub": "x" * 201},
        {"sub": 7},
        {"client_id": ""},
    ],
)
async def test_a_token_with_a_claim_missing_or_wrong_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier(Keys(KEY)).verify(sign(KEY, claims(**changed)))


async def test_an_unsigned_token_is_refused() -> None:
    with pytest.raises(NotAuthenticated):
        await verifier(Keys(KEY)).verify(unsigned(claims()))


async def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    forged = jwt.encode(claims(), json.dumps(KEY.public()), "HS256", headers={"kid": KEY.key_id})

    with pytest.raises(NotAuthenticated):
        await verifier(Keys(KEY)).verify(forged)


async def test_a_token_signed_by_a_stranger_under_our_key_id_is_refused() -> None:
    stranger = SigningKey(key_id=KEY.key_id, pem=SigningKey.generate().pem)

    with pytest.raises(NotAuthenticated):
        await verifier(Keys(KEY)).verify(sign(stranger, claims()))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "é.é.é", "." * 10, "x" * 10_000])
async def test_what_is_no_token_at_all_is_refused(token: str) -> None:
    with pytest.raises(NotAuthenticated):
        await verifier(Keys(KEY)).verify(token)


async def test_a_key_that_is_new_is_fetched_when_a_token_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = Keys(KEY)
    checker = verifier(keys)
    await checker.verify(sign(KEY, claims()))
    newer = SigningKey.generate()
    keys.keys.append(newer)
    started = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: started + 10)

    actor = await checker.verify(sign(newer, claims()))

    assert actor.sub == "officer-1"


async def test_a_stream_of_invented_key_ids_does_not_become_a_stream_of_fetches() -> None:
    keys = Keys(KEY)
    checker = verifier(keys)
    await checker.verify(sign(KEY, claims()))

    for _ in range(20):
        with pytest.raises(NotAuthenticated):
            await checker.verify(sign(SigningKey.generate(), claims()))

    assert keys.fetched == 1


async def test_known_keys_still_verify_while_the_issuer_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = Keys(KEY)
    checker = verifier(keys)
    await checker.verify(sign(KEY, claims()))
    keys.is_away = True
    started = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: started + 1000)

    actor = await checker.verify(sign(KEY, claims(jti="2")))

    assert actor.sub == "officer-1"


async def test_without_any_key_a_caller_is_asked_to_come_back_not_turned_away() -> None:
    keys = Keys(KEY)
    keys.is_away = True

    with pytest.raises(Overloaded):
        await verifier(keys).verify(sign(KEY, claims()))


async def test_a_remembered_token_is_refused_once_it_has_expired() -> None:
    """It expired 28 seconds ago; clocks may differ by 30."""
    checker = verifier(Keys(KEY))
    token = sign(KEY, claims(exp=int(time.time()) - 28))
    await checker.verify(token)
    await asyncio.sleep(4)

    with pytest.raises(NotAuthenticated):
        await checker.verify(token)
