"""Starting the whole platform in one process, and ending all of it again."""

import asyncio
import errno
import signal
import socket
import time
from contextlib import AsyncExitStack, ExitStack
from datetime import date
from functools import partial
from types import FrameType
from typing import NoReturn

import httpx
import uvicorn
from rich.console import Console
from sqlalchemy.engine import URL

from deploy.schema import prepare_database
from deploy.standalone.example import LENGTH, Storyteller
from deploy.standalone.home import ISSUER, ExampleProgress, Home
from deploy.standalone.offices import token_for
from deploy.standalone.platform import put_together
from deploy.standalone.postgres import embedded_postgres
from deploy.standalone.report import print_report
from services.kernel.clock import AdjustableClock, SystemClock
from services.kernel.logging import configure_logging


class PortTaken(Exception):
    """Another program listens where the platform is to listen."""


def refuse_taken_port(host: str, port: int) -> None:
    """Raise `PortTaken` now, rather than after the database has been started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(f"{host}:{port}") from error
            raise


def serve(home: Home, *, host: str, port: int, console: Console) -> None:
    """Serve until interrupted. Everything that was started is ended on the way out."""
    refuse_taken_port(host, port)
    signal.signal(signal.SIGTERM, _leave)
    began = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(home.taken())
        log = stack.enter_context(home.log_file.open("a", encoding="utf-8"))
        configure_logging(as_json=True, level="INFO", to=log)
        console.print(f"data in [bold]{home.folder}[/], log in {home.log_file.name}")
        console.print("starting PostgreSQL ...")
        owner = stack.enter_context(embedded_postgres(home.postgres))
        console.print("bringing its schemas up to date ...")
        asyncio.run(prepare_database(owner))
        asyncio.run(_serve(home, owner, host=host, port=port, console=console, began=began))


async def _serve(
    home: Home, owner: URL, *, host: str, port: int, console: Console, began: float
) -> None:
    clock = AdjustableClock()
    keys = home.keys()
    platform = put_together(
        owner=owner,
        passwords={},
        intake=home.intake(),
        review=home.review(),
        registry=home.registry(public_url=f"http://{host}:{port}"),
        rewards=home.rewards(public_url=f"http://{host}:{port}"),
        keys=keys,
        issuer=ISSUER,
        clients=home.clients(),
        clock=clock,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            platform.gateway,
            host=host,
            port=port,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
        )
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(platform.running())
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        if serving.done():
            await serving
            return
        base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        try:
            progress = await _tell_example(home, base, clock, console, serving)
            if progress is not None:
                seconds = time.monotonic() - began
                console.print(f"ready on [bold]{base}[/] after {seconds:.1f} s")
                await print_report(base, keys, progress, console)
                console.print("Ctrl-C ends everything, PostgreSQL too; the data stays.")
        except BaseException:
            server.should_exit = True
            await serving
            raise
        await serving


async def _tell_example(
    home: Home,
    base: str,
    clock: AdjustableClock,
    console: Console,
    serving: "asyncio.Task[None]",
) -> ExampleProgress | None:
    """Tell what is untold of the example, or stop when the server does."""
    progress = home.example()
    if progress is None:
        begun_on: date = SystemClock().today() - LENGTH
        progress = ExampleProgress(begun_on=begun_on.isoformat())
        home.note_example(progress)
    if progress.is_told:
        return progress
    console.print(f"telling the worked example over {base}, from {progress.begun_on} to today:")
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        story = Storyteller(
            client=client,
            clock=clock,
            token=partial(token_for, home.keys()),
            progress=progress,
            note=home.note_example,
            say=lambda line: console.print(f"  [dim]{clock.today()}[/]  {line}"),
        )
        telling = asyncio.create_task(story.tell())
        await asyncio.wait({telling, serving}, return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            telling.cancel()
            return None
        await telling
    return progress


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
