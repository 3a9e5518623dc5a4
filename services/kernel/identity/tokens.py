"""Signing and verifying access tokens. The only module that touches python-jose."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt
from jose.exceptions import JOSEError

from services.kernel.identity.actor import Actor, actor_from_claims
from services.kernel.problems import NotAuthenticated, Overloaded
from services.kernel.settings import AUDIENCE

ALGORITHM = "ES256"
LONGEST_LIFE_SECONDS = 24 * 3600
_LEEWAY_SECONDS = 30
LONGEST_NAME = 200
_REMEMBERED_TOKENS = 10_000
_LARGEST_TOKEN = 8192
_REFRESH_KEYS_AFTER_SECONDS = 300
_REFRESH_KEYS_AT_MOST_EVERY_SECONDS = 5

_REGION = re.compile(r"\d{6}", re.ASCII)

log = structlog.get_logger()

JsonWebKeySet = Mapping[str, Any]
KeySource = Callable[[], Awaitable[JsonWebKeySet]]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private P-256 key in PEM, named by the RFC 7638 style thumbprint of its public half."""

    key_id: str
    pem: str

    @classmethod
    def from_pem(cls, pem: str) -> "SigningKey":
        public = jwk.construct(pem, ALGORITHM).public_key().to_dict()
        members = f'{{"crv":"P-256","kty":"EC","x":"{public["x"]}","y":"{public["y"]}"}}'
        return cls(key_id=sha256(members.encode()).hexdigest()[:16], pem=pem)

    @classmethod
    def generate(cls) -> "SigningKey":
        private = ec.generate_private_key(ec.SECP256R1())
        return cls.from_pem(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
        )

    def public(self) -> dict[str, Any]:
        """Return the public half as a member of a JWKS."""
        public = jwk.construct(self.pem, ALGORITHM).public_key().to_dict()
        return {**public, "kid": self.key_id, "use": "sig", "alg": ALGORITHM}


def sign(key: SigningKey, claims: Mapping[str, Any]) -> str:
    return str(jwt.encode(dict(claims), key.pem, ALGORITHM, headers={"kid": key.key_id}))


def seal(key: SigningKey, claims: Mapping[str, Any], *, kind: str) -> str:
    """Sign a statement that is no access token: `kind` is its `typ`, so that it passes for none."""
    return str(
        jwt.encode(dict(claims), key.pem, ALGORITHM, headers={"kid": key.key_id, "typ": kind})
    )


def key_set(keys: Sequence[SigningKey]) -> dict[str, Any]:
    return {"keys": [key.public() for key in keys]}


class TokenVerifier:
    """Turns a bearer token into an actor, or refuses it.

    Keys come from the issuer's JWKS and are fetched anew when they grow old or when a token names
    a key that is not among them. A verified token is remembered until it expires, because checking
    a signature costs more than most of the requests that it guards.
    """

    def __init__(self, *, issuer: str, key_source: KeySource) -> None:
        self._issuer = issuer
        self._key_source = key_source
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched_at = float("-inf")
        self._asked_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._remembered: OrderedDict[bytes, tuple[Actor, int]] = OrderedDict()

    async def verify(self, token: str) -> Actor:
        """Return the caller. Raises `NotAuthenticated`, or `Overloaded` when no key can be had."""
        if len(token) > _LARGEST_TOKEN:
            raise _refused("令牌过长。", "The token is too long.")
        fingerprint = sha256(token.encode()).digest()
        remembered = self._remembered.get(fingerprint)
        if remembered is not None:
            actor, expires_at = remembered
            if time.time() < expires_at:
                return actor
            del self._remembered[fingerprint]
        claims = _read_claims(token, await self._key_of(token), self._issuer)
        actor = actor_from_claims(claims)
        self._remembered[fingerprint] = (actor, claims["exp"])
        if len(self._remembered) > _REMEMBERED_TOKENS:
            self._remembered.popitem(last=False)
        return actor

    async def _key_of(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except JOSEError as error:
            raise _refused("令牌无法解析。", "The token cannot be read.") from error
        key_id = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
            raise _refused("只接受 ES256 签名的令牌。", "Only tokens signed with ES256 count.")
        now = time.monotonic()
        is_old = now - self._fetched_at > _REFRESH_KEYS_AFTER_SECONDS
        if is_old or key_id not in self._keys:
            await self._fetch_keys()
        if key_id not in self._keys:
            if not self._keys:
                raise Overloaded(
                    "暂时无法取得验证令牌的公钥。",
                    "The keys that verify tokens cannot be had at the moment.",
                    headers={"Retry-After": "5"},
                )
            raise _refused("令牌的签名密钥未知。", "The token's signing key is not known.")
        return self._keys[key_id]

    async def _fetch_keys(self) -> None:
        async with self._fetching:
            now = time.monotonic()
            # A stream of tokens with invented key ids must not become a stream of fetches.
            if now - self._asked_at < _REFRESH_KEYS_AT_MOST_EVERY_SECONDS and self._keys:
                return
            self._asked_at = now
            try:
                fetched = await self._key_source()
            except Exception as error:  # noqa: BLE001 - whatever the source fails with, old keys still verify
                log.warning("keys_not_fetched", error=repr(error))
                return
            self._keys = {
                key["kid"]: key
                for key in fetched["keys"]
                if key.get("kty") == "EC" and key.get("alg", ALGORITHM) == ALGORITHM
            }
            self._fetched_at = now


def _read_claims(token: str, key: Mapping[str, Any], issuer: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            dict(key),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=issuer,
            options={
                "require_exp": True,
                "require_iat": True,
                "require_aud": True,
                "require_iss": True,
                "require_sub": True,
                "require_jti": True,
                "leeway": _LEEWAY_SECONDS,
            },
        )
    except JOSEError as error:
        raise _refused(
            "令牌未通过验证（签名、有效期、签发者或受众）。",
            "The token fails verification (signature, expiry, issuer or audience).",
        ) from error
    except (TypeError, ValueError) as error:  # a claim of a kind that the library does not expect
        raise _refused("令牌的声明不符合约定。", "The token's claims are not as agreed.") from error
    _refuse_odd_claims(claims)
    return claims


def _refuse_odd_claims(claims: Mapping[str, Any]) -> None:
    """Refuse claims whose shape would be misread further in, however well they are signed."""
    offices = claims.get("offices", [])
    region = claims.get("region")
    is_odd = (
        not isinstance(claims.get("client_id"), str)
        or not isinstance(claims.get("scope", ""), str)
        or not isinstance(offices, list)
        or not all(isinstance(office, str) for office in offices)
        or not (region is None or (isinstance(region, str) and _REGION.fullmatch(region)))
        or not (claims.get("uscc") is None or isinstance(claims["uscc"], str))
        or not _is_name(claims["sub"])
        or not _is_name(claims["client_id"])
        or not _is_short(claims["exp"], claims["iat"])
    )
    if is_odd:
        raise _refused("令牌的声明不符合约定。", "The token's claims are not as agreed.")


def _is_name(claim: object) -> bool:
    """Whether history can name somebody by it, and two people are told apart."""
    return isinstance(claim, str) and 0 < len(claim) <= LONGEST_NAME and claim.isprintable()


def _is_short(expires: object, issued: object) -> bool:
    """Whether both are whole seconds, the token is no longer good for than a day, and not to come."""
    if type(expires) is not int or type(issued) is not int:
        return False
    is_begun = issued <= time.time() + _LEEWAY_SECONDS
    return is_begun and expires - issued <= LONGEST_LIFE_SECONDS


def _refused(zh: str, en: str) -> NotAuthenticated:
    return NotAuthenticated(
        zh, en, headers={"WWW-Authenticate": 'Bearer realm="srdi", error="invalid_token"'}
    )
