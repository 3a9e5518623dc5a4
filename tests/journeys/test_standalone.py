"""The standalone platform as a process: interrupted, killed, started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from deploy.standalone.home import Home


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(home: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-u", "-m", "deploy.command", "serve", "--port", str(free_port())],
        env={**os.environ, "SRDI_HOME": str(home), "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without saying {words!r}:\n{said}")


def postgres_on(home: Path) -> list[int]:
    """Return the servers that run on the platform's data."""
    return [
        one.pid
        for one in psutil.process_iter(["cmdline", "status"])
        if one.info["status"] != psutil.STATUS_ZOMBIE
        and str(home / "postgres") in (one.info["cmdline"] or [])
    ]


def wait_for(is_so: Callable[[], bool], seconds: float = 15) -> bool:
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def test_a_platform_that_was_killed_goes_on_and_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as process:
        read_until(process, "cities sign their lists")
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = Home(home).example()

    with serving(home) as process:
        said = read_until(process, "Ctrl-C ends everything")
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        said += process.stdout.read()
        assert process.wait(timeout=20) == 0

    assert before is not None
    assert before.answers
    assert not before.is_told
    assert "paid 300000.00 yuan" in said
    assert "paid back 80000.00 of 300000.00 yuan; keeps 200000.00" in said
    assert "ended" in said.splitlines()[-1]
    assert wait_for(lambda: postgres_on(home) == [])

    with serving(home) as process:
        said = read_until(process, "Ctrl-C ends everything")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0

    assert "telling the worked example" not in said
    assert "paid 300000.00 yuan" in said
    assert wait_for(lambda: postgres_on(home) == [])
