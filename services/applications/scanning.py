"""Whether a file carries something harmful, as a virus scanner sees it.

A scanner that cannot be asked, or that did not look at all of the file, has said nothing about it:
silence is never taken for "clean".
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from clamav_client.clamd import ClamdError, ClamdNetworkSocket, ClamdUnixSocket

from services.applications.workflow import Verdict

PATIENCE = 120.0
"""Seconds that a scan may take: clamd unpacks what is packed."""
SILENCE = 60
"""Seconds without a word from clamd, after which nobody is there."""

# With AlertExceedsMax, clamd says so of a file that it did not look at to the end.
_NOT_LOOKED_THROUGH = "Heuristics.Limits.Exceeded"


class ScannerUnavailable(Exception):
    """The scanner cannot be asked now, or could not look at the file. It says nothing about it."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    verdict: Verdict
    signature: str | None
    """What was found, in the scanner's words; None of a clean file."""


class Scanner(Protocol):
    name: str

    async def scan(self, file: Path) -> ScanResult:
        """Look through a file. Raises `ScannerUnavailable` when nothing can be said about it."""


class ClamdScanner:
    """ClamAV's daemon, at `tcp://host:port` or `unix:///path`. Raises `ValueError` for another address.

    The file is sent over the connection, so clamd needs no access to where it lies. clamd has to be
    set so that it takes the largest file we do (`StreamMaxLength`, `MaxFileSize`, `MaxScanSize`) and
    owns up to what it passed over: without `AlertExceedsMax yes` it calls a file that is too large
    for it clean.
    """

    name = "clamd"

    def __init__(self, address: str, *, patience: float = PATIENCE, silence: int = SILENCE) -> None:
        self._connection = _connection_to(address, silence)
        self._address = address
        self._patience = patience

    async def scan(self, file: Path) -> ScanResult:
        # One for each scan: it holds the socket of the conversation.
        connection = self._connection()
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.to_thread(self._ask, connection, file)
        except TimeoutError as error:
            raise ScannerUnavailable(f"{self._address} took too long") from error
        finally:
            _hang_up(connection)

    def _ask(self, connection: ClamdNetworkSocket, file: Path) -> ScanResult:
        with file.open("rb") as content:
            try:
                answer = connection.instream(content)
            except (ClamdError, OSError, UnicodeDecodeError) as error:
                raise ScannerUnavailable(f"{self._address}: {error}") from error
        if len(answer) != 1:
            raise ScannerUnavailable(f"{self._address} hung up without an answer")
        ((status, found),) = answer.values()
        if status == "OK" and found is None:
            return ScanResult(Verdict.CLEAN, None)
        if status == "FOUND" and found and not found.startswith(_NOT_LOOKED_THROUGH):
            return ScanResult(Verdict.INFECTED, found)
        raise ScannerUnavailable(f"{self._address}: {found} {status}")


def scanner_from(address: str | None) -> Scanner | None:
    """Return the scanner at an address; None when the platform has none.

    Raises `ValueError` for what is no address, an empty one too: nobody turns scanning off by mistake.
    """
    return None if address is None else ClamdScanner(address)


def _connection_to(address: str, silence: int) -> Callable[[], ClamdNetworkSocket]:
    parts = urlsplit(address)
    has_more = bool(parts.query or parts.fragment or parts.username)
    match parts.scheme:
        case "tcp" if parts.hostname and parts.port and not parts.path and not has_more:
            host, port = parts.hostname, parts.port
            # The library connects by IPv4 alone.
            if ":" not in host:
                return lambda: ClamdNetworkSocket(host, port, silence)
        case "unix" if parts.path.startswith("/") and not parts.netloc and not has_more:
            path = parts.path
            return lambda: ClamdUnixSocket(path, silence)
    raise ValueError(
        f"{address!r} is no address of clamd: tcp://host:port (IPv4 or a name) or unix:///path"
    )


def _hang_up(connection: ClamdNetworkSocket) -> None:
    """End a conversation that nobody waits for any more, so that its thread comes back."""
    with contextlib.suppress(OSError, AttributeError):
        connection.clamd_socket.shutdown(socket.SHUT_RDWR)
