"""Structured logs, and the request id and trace that run through all of them."""

import logging
import re
import sys
import time
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, TextIO

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kernel.identifiers import new_id

REQUEST_ID_HEADER = "X-Request-Id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

log = structlog.get_logger()


def configure_logging(*, as_json: bool, level: str, to: TextIO | None = None) -> None:
    """Send every log line, ours and the libraries', to one place (standard error) in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    # Plain, because a rich traceback prints local variables, and those may be secrets.
    last: structlog.typing.Processor = structlog.dev.ConsoleRenderer(
        colors=to is None, exception_formatter=structlog.dev.plain_traceback
    )
    if as_json:
        shared.append(structlog.processors.format_exc_info)
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # One line for each request is written by RequestLog, with more in it than these have.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Trace:
    """What ties one request to everything that it causes."""

    request_id: str
    traceparent: str


def new_trace() -> Trace:
    return Trace(request_id=str(new_id()), traceparent=f"00-{token_hex(16)}-{token_hex(8)}-01")


def trace_of(scope: Scope) -> Trace:
    trace: Trace = scope["state"]["trace"]
    return trace


class RequestLog:
    """Gives each request its id and trace, answers with the id, and writes one line about it."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = _accept_trace(Headers(scope=scope))
        scope.setdefault("state", {})["trace"] = trace
        status = 500
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = trace.request_id
            await send(message)

        context: dict[str, Any] = {"service": self._service, "request_id": trace.request_id}
        with structlog.contextvars.bound_contextvars(**context):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    milliseconds=round((time.perf_counter() - started) * 1000, 1),
                    sub=scope["state"].get("sub"),
                )


def _accept_trace(headers: Headers) -> Trace:
    """Take the caller's request id and trace when they are well formed, else make new ones."""
    fresh = new_trace()
    request_id = headers.get(REQUEST_ID_HEADER, "")
    traceparent = headers.get("traceparent", "")
    return Trace(
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else fresh.request_id,
        traceparent=traceparent if _TRACEPARENT.fullmatch(traceparent) else fresh.traceparent,
    )
