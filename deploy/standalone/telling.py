"""Telling a story through the HTTP API, so that it can be cut off anywhere and goes on there.

Each step is one request with an Idempotency-Key of its own, and each answer is written down before
the next step. So a story that was interrupted goes on where it stopped: the step that was under way
is asked again with the same key and is done once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

import httpx

from deploy.standalone.home import ExampleProgress
from services.kernel.clock import AdjustableClock
from services.kernel.identity.actor import Office

_PATIENCE_SECONDS = 60
_LOOK_AGAIN_SECONDS = 0.05


class StoryStuck(Exception):
    """A step was answered otherwise than the story expects."""


class Teller:
    """Takes the steps of a story at an address, each once."""

    def __init__(
        self,
        *,
        client: httpx.AsyncClient,
        clock: AdjustableClock,
        token: Callable[..., str],
        progress: ExampleProgress,
        note: Callable[[ExampleProgress], None],
        say: Callable[[str], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._token = token
        self._progress = progress
        self._note = note
        self._say = say
        self._begun_on = date.fromisoformat(progress.begun_on)

    def _day(self, number: int) -> date:
        return self._begun_on + timedelta(days=number)

    def _go_to(self, number: int) -> None:
        self._clock.move_to_day(self._day(number))

    def _told(self, name: str) -> dict[str, Any]:
        answer = self._progress.answers[name]
        if not isinstance(answer, dict):
            raise StoryStuck(f"the answer to {name} is not what it was")
        return answer

    async def _post(
        self,
        name: str,
        office: Office | None,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        expect: HTTPStatus | None = None,
        **who: Any,
    ) -> dict[str, Any]:
        return await self._ask(
            name,
            "POST",
            office,
            path,
            body,
            expect=expect,
            headers={"Idempotency-Key": f"example-{self._progress.begun_on}-{name}"},
            **who,
        )

    async def _ask(
        self,
        name: str,
        method: str,
        office: Office | None,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        headers: Mapping[str, str],
        expect: HTTPStatus | None = None,
        **who: Any,
    ) -> dict[str, Any]:
        """Take a step of the story once, and write its answer down before the next."""
        if name in self._progress.answers:
            return self._told(name)
        answer = await self._client.request(
            method,
            f"/api/v1{path}",
            json=None if isinstance(body, bytes) else body,
            content=body if isinstance(body, bytes) else None,
            headers={**headers, **self._authorization(office, **who)},
        )
        is_expected = answer.status_code == expect if expect else answer.is_success
        if not is_expected:
            raise StoryStuck(
                f"{name}: {method} {path} was answered {answer.status_code}: {answer.text}"
            )
        content: dict[str, Any] = answer.json()
        self._progress.answers[name] = content
        self._note(self._progress)
        return content

    async def _until(
        self,
        path: str,
        office: Office,
        is_so: Callable[[dict[str, Any]], bool],
        **who: Any,
    ) -> dict[str, Any]:
        """Look until something is so: the services tell each other a moment later."""
        return await self._look_until(
            path,
            lambda: self._client.get(f"/api/v1{path}", headers=self._authorization(office, **who)),
            is_so,
        )

    async def _until_post(
        self,
        path: str,
        office: Office,
        body: Mapping[str, Any],
        is_so: Callable[[dict[str, Any]], bool],
    ) -> dict[str, Any]:
        return await self._look_until(
            path,
            lambda: self._client.post(
                f"/api/v1{path}", json=body, headers=self._authorization(office)
            ),
            is_so,
        )

    async def _look_until(
        self,
        path: str,
        look: Callable[[], Awaitable[httpx.Response]],
        is_so: Callable[[dict[str, Any]], bool],
    ) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + _PATIENCE_SECONDS
        while True:
            answer = await look()
            if answer.is_success:
                content: dict[str, Any] = answer.json()
                if is_so(content):
                    return content
            if loop.time() > give_up_at:
                raise StoryStuck(f"{path} still answers {answer.status_code}: {answer.text}")
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def _authorization(self, office: Office | None, **who: Any) -> dict[str, str]:
        if office is None:
            return {}
        if "uscc" not in who:
            who.setdefault("region", "520000")
        return {"Authorization": f"Bearer {self._token(office, **who)}"}
