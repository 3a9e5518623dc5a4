"""The gateway and the services as five processes over sockets, on a clock kept in a file.

Run as a module, it is one service: `python -m tests.builders.processes review <settings file>`.
The clock in a file is the test's own; no setting of the platform leads to it.
"""

import asyncio
import importlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy.engine import URL

from deploy.deployment import GATEWAY, read_environment, write_deployment
from deploy.schema import SERVICES
from deploy.standalone.home import ISSUER
from services.applications.settings import IntakeSettings
from services.kernel.clock import AdjustableClock, day_of
from services.kernel.identity.keys import KeyRing, read_keys
from services.kernel.service_app import Environment
from services.registry.settings import RegistrySettings
from services.review.settings import ReviewSettings
from services.rewards.settings import RewardsSettings

SETTINGS: Mapping[str, Callable[[], Any]] = {
    "applications": IntakeSettings,
    "review": ReviewSettings,
    "registry": RegistrySettings,
    "rewards": RewardsSettings,
}


class FileClock(AdjustableClock):
    """A clock whose distance from the real time is in a file that several processes read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        super().__init__()

    def now(self) -> datetime:
        seconds = float(self._file.read_text("ascii")) if self._file.exists() else 0.0
        return datetime.now(UTC) + timedelta(seconds=seconds)

    def today(self) -> date:
        return day_of(self.now())

    def set(self, instant: datetime) -> None:
        self._write((instant - datetime.now(UTC)).total_seconds())

    def move_to_day(self, day: date, at: time = time(9, 0)) -> None:
        super().move_to_day(day, at)

    def catch_up(self) -> None:
        self._write(0.0)

    def _write(self, seconds: float) -> None:
        draft = self._file.with_suffix(".new")
        draft.write_text(str(seconds), "ascii")
        draft.replace(self._file)


@dataclass
class Processes:
    """Five processes; any of them can be killed and started again."""

    folder: Path
    owner: URL
    ports: Mapping[str, int]
    keys: KeyRing
    clock: FileClock
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return self.url_of(GATEWAY)

    def url_of(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def start(self, name: str) -> None:
        environment = {
            **os.environ,
            **read_environment(self.folder / "deployment" / f"{name}.env"),
            "PYTHONPATH": str(Path.cwd()),
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own module
                [
                    sys.executable,
                    "-m",
                    "tests.builders.processes",
                    name,
                    str(self.ports[name]),
                    str(self.folder / "clock"),
                ],
                env=environment,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self.running[name]
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        self.killed.append(name)

    def end(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def until_ready(self, name: str = GATEWAY, path: str = "/readyz") -> None:
        """Wait until a process answers that it is ready. The gateway is once every service is."""
        give_up_at = asyncio.get_running_loop().time() + 60
        async with httpx.AsyncClient(base_url=self.url_of(name)) as client:
            while True:
                try:
                    if (await client.get(path)).is_success:
                        return
                except httpx.TransportError:
                    pass
                if asyncio.get_running_loop().time() > give_up_at:
                    raise TimeoutError(self.logs())
                await asyncio.sleep(0.1)

    def logs(self) -> str:
        """Return the end of every process's log, for a failed test to show."""
        return "\n".join(
            f"--- {file.name}\n{file.read_text('utf-8', 'replace')[-2000:]}"
            for file in sorted(self.folder.glob("*.log"))
        )


@asynccontextmanager
async def five_processes(folder: Path, owner: URL) -> AsyncIterator[Processes]:
    async with deployed(folder, owner) as processes:
        for name in (GATEWAY, *SERVICES):
            processes.start(name)
        await processes.until_ready()
        yield processes


@asynccontextmanager
async def deployed(folder: Path, owner: URL) -> AsyncIterator[Processes]:
    """Give each process its place and its secrets. Whatever is started is ended."""
    ports = _free_ports(GATEWAY, *SERVICES)
    write_deployment(
        folder / "deployment",
        owner=owner,
        issuer=ISSUER,
        addresses={name: f"http://127.0.0.1:{port}" for name, port in ports.items()},
    )
    processes = Processes(
        folder=folder,
        ports=ports,
        keys=read_keys(folder / "deployment" / "keys"),
        owner=owner,
        clock=FileClock(folder / "clock"),
    )
    try:
        yield processes
    finally:
        processes.end()


def _free_ports(*names: str) -> dict[str, int]:
    probes = {name: socket.socket() for name in names}
    for probe in probes.values():
        probe.bind(("127.0.0.1", 0))
    ports = {name: int(probe.getsockname()[1]) for name, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    return ports


def main(name: str, port: str, clock_file: str) -> None:
    """Be one of the five processes."""
    if name == GATEWAY:
        from gateway.app import from_environment

        app = from_environment()
    else:
        # Its own service alone, as where it is deployed: whoever is started again is soon there.
        service = importlib.import_module(f"services.{name}.app")
        environment = replace(Environment.from_settings(name), clock=FileClock(Path(clock_file)))
        app = service.create_app(environment, SETTINGS[name]())
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_config=None, timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
