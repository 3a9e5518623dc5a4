"""A service's own access token, for reading the other services' feeds."""

import time

import httpx
from pydantic import SecretStr

from services.kernel.identity.actor import Scope

_RENEW_BEFORE_SECONDS = 60


class ServiceCredentials:
    """Asks the gateway for a token by client credentials, and again before it expires."""

    def __init__(self, gateway: httpx.AsyncClient, *, client_id: str, secret: SecretStr) -> None:
        self._gateway = gateway
        self._client_id = client_id
        self._secret = secret
        self._token = ""
        self._renew_at = float("-inf")

    async def authorization(self) -> str:
        """Return the header's value. Raises `httpx.HTTPError` when the gateway gives no token."""
        if time.monotonic() >= self._renew_at:
            answer = await self._gateway.post(
                "/oauth2/token",
                data={
                    "grant_type": "client_credentials",
                    "scope": f"{Scope.EVENTS_READ} {Scope.EVENTS_INTERNAL}",
                },
                auth=(self._client_id, self._secret.get_secret_value()),
            )
            answer.raise_for_status()
            granted = answer.json()
            self._token = granted["access_token"]
            self._renew_at = time.monotonic() + granted["expires_in"] - _RENEW_BEFORE_SECONDS
        return f"Bearer {self._token}"

    def forget(self) -> None:
        """Drop a token that was refused, so that the next call asks for a new one."""
        self._renew_at = float("-inf")
