"""Access tokens for machines: OAuth 2.0 client credentials (RFC 6749, 4.4)."""

import base64
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from gateway.clients import Client
from services.kernel.identifiers import new_id
from services.kernel.identity.keys import KeyRing
from services.kernel.identity.tokens import sign
from services.kernel.settings import AUDIENCE

TOKEN_LIFE_SECONDS = 15 * 60
_LARGEST_FORM = 16 * 1024
_REFUSAL = {
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {
        "error": {"type": "string", "examples": ["invalid_client"]},
        "error_description": {"type": "string"},
    },
}
_NO_STORE = {"Cache-Control": "no-store"}


def claims_for(
    *,
    issuer: str,
    sub: str,
    client_id: str,
    scopes: Iterable[str],
    offices: Iterable[str],
    region: str | None,
    uscc: str | None,
    life_seconds: int,
) -> dict[str, Any]:
    """Return the claims of a token that begins now."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": sub,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + life_seconds,
        "jti": str(new_id()),
        "client_id": client_id,
        "scope": " ".join(sorted(scopes)),
        "offices": sorted(offices),
    }
    if region is not None:
        claims["region"] = region
    if uscc is not None:
        claims["uscc"] = uscc
    return claims


class TokenRefused(Exception):
    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class Issuer:
    def __init__(self, *, issuer: str, keys: KeyRing, clients: Mapping[str, Client]) -> None:
        self.issuer = issuer
        self.keys = keys
        self._clients = clients

    def grant(self, form: Mapping[str, str], authorization: str) -> dict[str, Any]:
        """Return a token response. Raises `TokenRefused` with the error of RFC 6749, 5.2."""
        client = self._authenticate(form, authorization)
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", "only client_credentials is offered")
        asked = frozenset(form.get("scope", "").split()) or client.scopes
        if not asked <= client.scopes:
            beyond = " ".join(sorted(asked - client.scopes))
            raise TokenRefused("invalid_scope", f"the client may not have: {beyond}")
        claims = claims_for(
            issuer=self.issuer,
            sub=f"client:{client.client_id}",
            client_id=client.client_id,
            scopes=asked,
            offices=client.offices,
            region=client.region,
            uscc=client.uscc,
            life_seconds=TOKEN_LIFE_SECONDS,
        )
        return {
            "access_token": sign(self.keys.signing, claims),
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE_SECONDS,
            "scope": claims["scope"],
        }

    def _authenticate(self, form: Mapping[str, str], authorization: str) -> Client:
        if authorization:
            client_id, secret = _basic(authorization)
        else:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        client = self._clients.get(client_id)
        if client is None or not client.has_secret(secret):
            raise TokenRefused(
                "invalid_client", "the client is unknown or its secret is wrong", status=401
            )
        return client


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except ValueError as error:  # not base64, not UTF-8, or not even ASCII
        raise TokenRefused(
            "invalid_client", "the Basic credentials cannot be read", status=401
        ) from error
    client_id, separator, secret = pair.partition(":")
    if scheme.lower() != "basic" or not separator:
        raise TokenRefused("invalid_client", "the Basic credentials cannot be read", status=401)
    return unquote_plus(client_id), unquote_plus(secret)


def issuer_router(issuer: Issuer) -> APIRouter:
    router = APIRouter(tags=["tokens"])

    @router.post(
        "/oauth2/token",
        summary="取得访问令牌 · Get an access token",
        responses={
            status: {"description": words, "content": {"application/json": {"schema": _REFUSAL}}}
            for status, words in (
                (400, "请求有误 · The request is wrong (RFC 6749, 5.2)"),
                (401, "客户端身份无效 · The client is unknown or its secret is wrong"),
                (413, "表单过大 · The form is too large"),
            )
        },
        openapi_extra={
            "security": [],
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "required": ["grant_type"],
                            "properties": {
                                "grant_type": {"const": "client_credentials"},
                                "scope": {"type": "string"},
                                "client_id": {"type": "string"},
                                "client_secret": {"type": "string"},
                            },
                        }
                    }
                },
            },
        },
    )
    async def get_token(request: Request) -> JSONResponse:
        """Give a client a token of 15 minutes, by client_secret_basic or client_secret_post."""
        try:
            form = await _read_form(request)
            granted = issuer.grant(form, request.headers.get("Authorization", ""))
        except TokenRefused as refused:
            headers = dict(_NO_STORE)
            if refused.status == HTTPStatus.UNAUTHORIZED:
                headers["WWW-Authenticate"] = 'Basic realm="srdi"'
            return JSONResponse(
                {"error": refused.error, "error_description": refused.description},
                status_code=refused.status,
                headers=headers,
            )
        return JSONResponse(granted, headers=_NO_STORE)

    @router.get("/.well-known/jwks.json", summary="验证令牌的公钥 · Keys that verify tokens")
    async def get_keys() -> JSONResponse:
        """Return the public keys; two of them while one is being rotated."""
        return JSONResponse(issuer.keys.public(), headers={"Cache-Control": "public, max-age=300"})

    @router.get(
        "/.well-known/oauth-authorization-server",
        summary="授权服务器元数据 · Authorisation server metadata",
    )
    async def get_metadata() -> dict[str, Any]:
        """Describe the token endpoint (RFC 8414)."""
        return {
            "issuer": issuer.issuer,
            "token_endpoint": f"{issuer.issuer}/oauth2/token",
            "jwks_uri": f"{issuer.issuer}/.well-known/jwks.json",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
            ],
            "response_types_supported": [],
        }

    return router


async def _read_form(request: Request) -> dict[str, str]:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise TokenRefused("invalid_request", "send application/x-www-form-urlencoded")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise TokenRefused("invalid_request", "the form is too large", status=413)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise TokenRefused("invalid_request", "the form cannot be read") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenRefused("invalid_request", "a parameter is given twice")
    return form
