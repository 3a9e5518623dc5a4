"""Forwarding to a service: to its app when it is in this process, else to its address."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Protocol

import aiohttp
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from yarl import URL

from services.kernel.logging import REQUEST_ID_HEADER, trace_of
from services.kernel.problems import BodyTooSlow, Overloaded
from services.kernel.uploads import is_too_slow

# Meant for one connection only (RFC 9110, 7.6.1); each side makes its own.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CHUNK = 64 * 1024


class Upstream(Protocol):
    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and its answer back."""

    async def get(self, path: str) -> tuple[int, bytes]:
        """Fetch a document of the service itself. Raises `ConnectionError` when it is away."""

    async def close(self) -> None:
        """Let go of what it holds."""


def forwarded_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the request's headers with the trace that this hop gave or accepted."""
    trace = trace_of(scope)
    replaced = {b"x-request-id", b"traceparent", *_named_by_connection(Headers(scope=scope))}
    dropped = replaced | {name.encode() for name in _HOP_BY_HOP}
    kept = [(name, value) for name, value in scope["headers"] if name.lower() not in dropped]
    return [
        *kept,
        (REQUEST_ID_HEADER.lower().encode(), trace.request_id.encode()),
        (b"traceparent", trace.traceparent.encode()),
    ]


def _named_by_connection(headers: Headers) -> Iterable[bytes]:
    return (
        name.strip().lower().encode("latin-1") for name in headers.get("connection", "").split(",")
    )


class AppUpstream:
    """A service in this process IS an ASGI app: it is called, without a network in between."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        inner = {
            name: value
            for name, value in scope.items()
            if name
            in {
                "type",
                "asgi",
                "http_version",
                "method",
                "scheme",
                "path",
                "raw_path",
                "query_string",
                "client",
                "server",
                "extensions",
            }
        }
        await self._app(
            {**inner, "root_path": "", "headers": forwarded_headers(scope), "state": {}},
            receive,
            send,
        )

    async def get(self, path: str) -> tuple[int, bytes]:
        status, body = 500, b""

        async def receive() -> Mapping[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Mapping[str, object]) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = int(str(message["status"]))
            chunk = message.get("body", b"")
            body += chunk if isinstance(chunk, bytes) else b""

        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [],
            "client": None,
            "server": None,
            "state": {},
        }
        await self._app(scope, receive, send)  # type: ignore[arg-type]
        return status, body

    async def close(self) -> None:
        """Leave the app to whoever runs it."""


LONGEST_PAUSE_SECONDS = 10
"""Between two parts of a body; whoever waits longer is cut off."""


class _Flowing:
    """A body that is passed on as it comes, as long as it keeps coming."""

    def __init__(self, request: Request, longest_pause: float) -> None:
        self._parts = aiter(request.stream())
        self._longest_pause = longest_pause
        self._size, self._begun_at = 0, time.monotonic()
        self.is_too_slow = False

    async def parts(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._longest_pause):
                    part = await anext(self._parts)
            except StopAsyncIteration:
                return
            except TimeoutError:
                self.is_too_slow = True
                raise
            self._size += len(part)
            if is_too_slow(self._size, seconds=time.monotonic() - self._begun_at):
                self.is_too_slow = True
                raise TimeoutError
            yield part


class RemoteUpstream:
    """A service at an address."""

    def __init__(self, address: str, *, longest_pause: float = LONGEST_PAUSE_SECONDS) -> None:
        self._address = address.rstrip("/")
        self._longest_pause = longest_pause
        self._session: aiohttp.ClientSession | None = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                # No limit: a few callers who send their bodies slowly would hold every place. What
                # bounds them is below, and the number of files that the process may open.
                connector=aiohttp.TCPConnector(limit=0),
                # None in all: a large file may take its time, as long as it keeps moving.
                timeout=aiohttp.ClientTimeout(total=None, connect=3, sock_read=60),
            )
        return self._session

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw_path = scope.get("raw_path") or scope["path"].encode()
        query = scope["query_string"]
        url = f"{self._address}{raw_path.decode('ascii')}" + (
            f"?{query.decode('ascii')}" if query else ""
        )
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in forwarded_headers(scope)
            if name != b"host"
        ]
        has_body = any(
            name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"]
        )

        body = _Flowing(request, self._longest_pause)
        has_started = False
        try:
            async with self._client().request(
                scope["method"],
                URL(url, encoded=True),
                headers=headers,
                data=body.parts() if has_body else None,
                allow_redirects=False,
            ) as answer:
                has_started = True
                await send(
                    {
                        "type": "http.response.start",
                        "status": answer.status,
                        "headers": _answered_headers(answer.raw_headers),
                    }
                )
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            if has_started:  # a cut answer must look cut to the client, too
                raise
            if body.is_too_slow:
                raise BodyTooSlow(headers={"Connection": "close"}) from error
            raise Overloaded(
                "承担此业务的服务暂时无法连接，请稍后重试。",
                "The service that handles this cannot be reached; try again shortly.",
                headers={"Retry-After": "2"},
            ) from error

    async def get(self, path: str) -> tuple[int, bytes]:
        try:
            async with self._client().get(f"{self._address}{path}") as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ConnectionError(f"{self._address} cannot be reached") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _answered_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    dropped = _HOP_BY_HOP | {REQUEST_ID_HEADER.lower()}
    return [
        (name.lower(), value)
        for name, value in raw
        if name.decode("latin-1").lower() not in dropped
    ]
