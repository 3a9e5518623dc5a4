"""One request is one transaction, committed before the reply is sent.

FastAPI runs the code after a dependency's `yield` once the reply is on its way, where a failing
commit has already been answered with 201. So the transaction is opened and committed around the
route's handler instead, and the reply leaves only when its row is safe.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, get_args, get_origin

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from services.kernel.clock import Clock
from services.kernel.database import Database, is_transient, is_unavailable
from services.kernel.idempotency import (
    Claim,
    IdempotencyKeys,
    fingerprint_parts,
    refuse_bad_key,
)
from services.kernel.identity.access import Access, PublicAccess
from services.kernel.identity.actor import NOBODY
from services.kernel.identity.tokens import TokenVerifier
from services.kernel.journal import Journal, JournalTables
from services.kernel.json_body import read_json
from services.kernel.logging import Trace, trace_of
from services.kernel.problems import (
    PROBLEM_MEDIA_TYPE,
    Busy,
    Malformed,
    MediaTypeNotSupported,
    NotFound,
    Overloaded,
    Problem,
    Stale,
    TooLarge,
    UnknownField,
    UnknownFilter,
)
from services.kernel.text import Text, preferred_language
from services.kernel.uploads import Upload, received


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a running service holds for its requests."""

    name: str
    database: Database
    tables: JournalTables
    clock: Clock
    verifier: TokenVerifier
    wake_readers: Callable[[], None]
    """Called after each commit, so that whoever waits on the feed looks at once."""


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def _current_session(request: Request) -> AsyncSession:
    session: AsyncSession = request.state.session
    return session


async def _current_journal(request: Request) -> Journal:
    journal: Journal = request.state.journal
    return journal


async def _current_clock(request: Request) -> Clock:
    return runtime_of(request).clock


async def _received_at(request: Request) -> datetime:
    """Return when a request came, however long it has waited for its turn since."""
    received_at: datetime = request.state.received_at
    return received_at


ReceivedAt = Annotated[datetime, Depends(_received_at)]
CurrentSession = Annotated[AsyncSession, Depends(_current_session)]
CurrentJournal = Annotated[Journal, Depends(_current_journal)]
CurrentClock = Annotated[Clock, Depends(_current_clock)]

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@asynccontextmanager
async def saved_together(
    runtime: Runtime, trace: Trace
) -> AsyncIterator[tuple[AsyncSession, Journal]]:
    """Do some work in one transaction, with its history and events. It is committed at the end."""
    async with runtime.database.session() as session, session.begin():
        journal = Journal(session, runtime.tables, runtime.clock, trace)
        yield session, journal
        await session.flush()
        await journal.write()
    runtime.wake_readers()


LARGEST_JSON_BODY = 1024 * 1024


class StrictRoute(APIRoute):
    """A route that refuses, once for all of them, what a client may get wrong about any of them.

    That is a filter or a media type that is not defined, a body that is not JSON, a caller that
    nobody checked, and a database that is busy or away.
    """

    def get_route_handler(self) -> Handler:
        handle = self.inner_handler()
        filters = dict(_query_parameters(self.dependant))
        takes_json = self.body_field is not None
        access_of(self)

        async def refusing(request: Request) -> Response:
            request.state.received_at = runtime_of(request).clock.now()
            _refuse_query(request, filters)
            if takes_json:
                await _read_json_body(request)
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise malformed(error) from error
            except StaleDataError as error:
                raise Stale from error
            except DBAPIError as error:
                if is_transient(error):
                    raise Busy(headers={"Retry-After": "1"}) from error
                if is_unavailable(error):
                    raise _overloaded() from error
                raise
            except (PoolTimeout, ConnectionError) as error:
                raise _overloaded() from error

        return refusing

    def inner_handler(self) -> Handler:
        return super().get_route_handler()


class TransactionalRoute(StrictRoute):
    """A route whose work, history, events and idempotency record are saved together or not at all.

    The reply is sent after the commit.
    """

    def inner_handler(self) -> Handler:
        handle = super().inner_handler()
        access = access_of(self)

        async def in_transaction(request: Request) -> Response:
            trace = trace_of(request.scope)
            async with saved_together(runtime_of(request), trace) as (session, journal):
                request.state.session = session
                request.state.journal = journal
                key = request.headers.get("Idempotency-Key")
                if request.method == "POST" and key is not None:
                    return await _once(request, key, access, handle)
                return await handle(request)

        return in_transaction


class QuestionRoute(TransactionalRoute):
    """A POST that only asks: it needs no transaction, unless an idempotency key is to be kept."""

    def inner_handler(self) -> Handler:
        ask = APIRoute.get_route_handler(self)
        keep = super().inner_handler()

        async def asking(request: Request) -> Response:
            return await (keep if "Idempotency-Key" in request.headers else ask)(request)

        return asking


class UploadRoute(TransactionalRoute):
    """A POST of a file: it is received whole, and hashed, before the transaction begins.

    The route's app says where (`app.state.spool`) and how large a file may be at most
    (`app.state.largest_upload`, in bytes). The endpoint finds it as `ReceivedUpload`.
    """

    def inner_handler(self) -> Handler:
        handle = super().inner_handler()
        access = access_of(self)

        async def receiving(request: Request) -> Response:
            # A stranger is refused before a byte is taken in.
            await access(request)
            state = request.app.state
            async with received(
                request, largest=state.largest_upload, folder=state.spool
            ) as upload:
                request.state.upload = upload
                return await handle(request)

        return receiving


async def _received_upload(request: Request) -> Upload:
    upload: Upload = request.state.upload
    return upload


ReceivedUpload = Annotated[Upload, Depends(_received_upload)]


def access_of(route: APIRoute) -> Access | PublicAccess:
    """Return who may call a route. Raises `TypeError` for a route that does not say."""
    found = [
        dependant.call
        for dependant in _flat(route.dependant)
        if isinstance(dependant.call, Access | PublicAccess)
    ]
    if len(set(map(id, found))) != 1:
        raise TypeError(f"{route.path} must depend on exactly one Access, not on {len(found)}")
    access = found[0]
    if not isinstance(access, Access | PublicAccess):  # for the type checker
        raise TypeError(route.path)
    return access


async def _once(
    request: Request, key: str, access: Access | PublicAccess, handle: Handler
) -> Response:
    """Answer with what the key's first request was answered, or handle it and keep the answer."""
    refuse_bad_key(key)
    actor = await access(request)
    runtime = runtime_of(request)
    session = request.state.session
    body = await _what_was_sent(request)
    keys = IdempotencyKeys(session, runtime.tables.idempotency, runtime.clock)
    fingerprint = sha256(fingerprint_parts(request.url.path, request.url.query, body)).hexdigest()
    caller = sha256(fingerprint_parts(actor.client_id, actor.sub)).hexdigest()
    if actor == NOBODY:
        # Callers without a name share no keys: one could take those that another will use. So a
        # key of theirs covers one request to the letter, and another body is another request.
        caller = fingerprint
    claim = Claim(caller=caller, key=key, fingerprint=fingerprint)
    first_answer = await keys.claim(claim)
    if first_answer is not None:
        return Response(
            content=first_answer.body,
            status_code=first_answer.status,
            headers={**first_answer.headers, "Idempotency-Replayed": "true"},
        )
    try:
        async with session.begin_nested():
            response = await handle(request)
            await session.flush()
    except Problem as problem:
        if not problem.settles:
            raise
        request.state.journal.discard()
        response = problem_response(request, problem)
    await keys.keep_answer(claim, response)
    return response


def problem_response(request: Request, problem: Problem) -> JSONResponse:
    language = preferred_language(request.headers.get("Accept-Language"))
    return JSONResponse(
        problem.document(
            language=language,
            instance=request.url.path,
            request_id=trace_of(request.scope).request_id,
        ),
        status_code=problem.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers={**problem.headers, "Content-Language": language},
    )


def malformed(error: RequestValidationError) -> Problem:
    """Turn pydantic's complaints into pointers and stable codes, without echoing what was sent."""
    errors = []
    for complaint in error.errors():
        place, *path = complaint["loc"]
        pointer = "".join(f"/{_escape(str(step))}" for step in path)
        if place != "body":
            pointer = f"?{'.'.join(map(str, path))}"
        code = complaint["type"]
        errors.append((pointer, code, _wording(code, complaint)))
    if errors and all(code == "extra_forbidden" for _, code, _ in errors):
        return UnknownField(errors=errors)
    return Malformed(errors=errors)


_WORDINGS = {
    "missing": Text("缺少必填项。", "It is required."),
    "extra_forbidden": Text("未定义的字段。", "This field is not defined."),
    "uuid_parsing": Text("不是有效的 UUID。", "It is not a UUID."),
    "date_from_datetime_parsing": Text("日期格式应为 YYYY-MM-DD。", "A day is YYYY-MM-DD."),
    "date_parsing": Text("日期格式应为 YYYY-MM-DD。", "A day is YYYY-MM-DD."),
}


def _wording(code: str, complaint: Mapping[str, Any]) -> Text:
    """Return what is wrong: a validator's own words in both languages, ours, else pydantic's."""
    context = complaint.get("ctx", {})
    if "zh" in context and "en" in context:
        return Text(context["zh"], context["en"])
    message = complaint["msg"]
    return _WORDINGS.get(code, Text(f"不符合要求：{message}", f"{message}."))


def _escape(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


async def _read_json_body(request: Request) -> None:
    """Read the body within its limit and parse it, once, where FastAPI will look for it."""
    body = await _read_body(request)
    if not body:
        return
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        request.method == "PATCH" and media_type == "application/merge-patch+json"
    ):
        raise MediaTypeNotSupported
    request._json = read_json(body)  # noqa: SLF001 - where Starlette's request.json() keeps it


async def _read_body(request: Request) -> bytes:
    """Return the whole body, read once. Raises `TooLarge` before it has read more than its limit."""
    if hasattr(request, "_body"):
        return await request.body()
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_JSON_BODY:
            raise TooLarge(
                f"请求体上限为 {LARGEST_JSON_BODY} 字节。",
                f"A body may have {LARGEST_JSON_BODY} bytes at most.",
                headers={"Connection": "close"},
            )
        chunks.append(chunk)
    body = b"".join(chunks)
    request._body = body  # noqa: SLF001 - where Starlette's request.body() keeps it
    return body


async def _what_was_sent(request: Request) -> str | bytes:
    """Return the body, or the hash of one that was received into a file."""
    upload: Upload | None = getattr(request.state, "upload", None)
    return await _read_body(request) if upload is None else upload.sha256


def _refuse_query(request: Request, known: Mapping[str, bool]) -> None:
    """Refuse a parameter that is not defined, and one said twice that is no list."""
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        raise UnknownFilter(
            errors=[
                (f"?{name}", "unknown_filter", Text("未定义的查询参数。", "It is not defined."))
                for name in unknown
            ]
        )
    said = Counter(name for name, _ in request.query_params.multi_items())
    repeated = sorted(name for name, times in said.items() if times > 1 and not known[name])
    if repeated:
        # Which of them counts would be a guess.
        raise Malformed(
            errors=[
                (f"?{name}", "repeated", Text("只能填写一次。", "It is said once."))
                for name in repeated
            ]
        )
    if any("\x00" in value for _, value in request.query_params.multi_items()):
        raise Malformed
    if any("\x00" in str(value) for value in request.path_params.values()):
        # Nothing that is stored has such a name.
        raise NotFound


def _flat(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _flat(inner)


def _query_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Yield the name of each query parameter, and whether it is a list."""
    for one in _flat(dependant):
        for parameter in one.query_params:
            yield parameter.alias, _is_list(parameter.field_info.annotation)


def _is_list(annotation: object) -> bool:
    return any(get_origin(one) is list for one in (annotation, *get_args(annotation)))


def _overloaded() -> Overloaded:
    return Overloaded(headers={"Retry-After": "2"})
