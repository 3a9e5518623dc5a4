"""A scanner's answer, and everything that is no answer. clamd is played by a stand-in on loopback."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.applications.scanning import (
    ClamdScanner,
    ScannerUnavailable,
    ScanResult,
    scanner_from,
)
from services.applications.workflow import Verdict

CONTENT = b"%PDF-" + bytes(range(256)) * 1000

Play = Callable[[socket.socket], None]


def read_stream(conversation: socket.socket) -> bytes:
    """Read one INSTREAM as clamd does: chunks with their length before them, until an empty one."""
    with conversation.makefile("rb") as sent:
        assert sent.readline() == b"nINSTREAM\n"
        content = b""
        while length := int.from_bytes(sent.read(4)):
            content += sent.read(length)
        return content


def answers(text: bytes) -> Play:
    def play(conversation: socket.socket) -> None:
        read_stream(conversation)
        conversation.sendall(text)

    return play


@contextlib.contextmanager
def clamd(play: Play, path: Path | None = None) -> Iterator[str]:
    """Serve one conversation; the address of the stand-in."""
    listener = socket.socket(socket.AF_INET if path is None else socket.AF_UNIX)
    listener.bind(("127.0.0.1", 0) if path is None else str(path))
    listener.listen()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            conversation, _ = listener.accept()
            with conversation:
                play(conversation)
        except BaseException as failure:  # noqa: BLE001 - told to the test below
            failures.append(failure)

    thread = threading.Thread(target=serve)
    thread.start()
    port = 0 if path is not None else listener.getsockname()[1]
    try:
        yield f"unix://{path}" if path is not None else f"tcp://127.0.0.1:{port}"
    finally:
        thread.join(20)
        listener.close()
    assert not thread.is_alive()
    assert not failures


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "evidence.pdf").write_bytes(CONTENT)
    return tmp_path / "evidence.pdf"


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """Return a file of more than a socket holds while nobody reads."""
    (tmp_path / "large.pdf").write_bytes(bytes(20_000_000))
    return tmp_path / "large.pdf"


async def test_a_file_with_nothing_in_it_is_clean(file: Path) -> None:
    with clamd(answers(b"stream: OK\n")) as address:
        result = await ClamdScanner(address).scan(file)

    assert result == ScanResult(Verdict.CLEAN, None)


async def test_a_harmful_file_is_infected_and_named_in_the_scanners_words(file: Path) -> None:
    with clamd(answers(b"stream: Eicar-Test-Signature FOUND\n")) as address:
        result = await ClamdScanner(address).scan(file)

    assert result == ScanResult(Verdict.INFECTED, "Eicar-Test-Signature")


async def test_the_scanner_is_sent_every_byte_of_the_file(file: Path) -> None:
    sent = []

    def play(conversation: socket.socket) -> None:
        sent.append(read_stream(conversation))
        conversation.sendall(b"stream: OK\n")

    with clamd(play) as address:
        await ClamdScanner(address).scan(file)

    assert sent == [CONTENT]


async def test_a_scanner_is_reached_by_a_socket_in_the_file_system_too(
    file: Path, tmp_path: Path
) -> None:
    with clamd(answers(b"stream: OK\n"), tmp_path / "clamd.sock") as address:
        result = await ClamdScanner(address).scan(file)

    assert result.verdict is Verdict.CLEAN


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"stream: Can't allocate memory ERROR\n",
        b"INSTREAM size limit exceeded. ERROR\n",
        b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\n",
        b"stream:  FOUND\n",
        b"stream: ? OK\n",
        b"UNKNOWN COMMAND\n",
        b"stream: OK ERROR\n",
        b"\xff\xfe FOUND\n",
    ],
)
async def test_what_is_no_answer_about_the_whole_file_says_nothing_about_it(
    file: Path, answer: bytes
) -> None:
    with clamd(answers(answer)) as address, pytest.raises(ScannerUnavailable):
        await ClamdScanner(address).scan(file)


async def test_a_scanner_that_hangs_up_in_the_middle_says_nothing(large_file: Path) -> None:
    def play(conversation: socket.socket) -> None:
        conversation.recv(2000)

    with clamd(play) as address, pytest.raises(ScannerUnavailable):
        await ClamdScanner(address).scan(large_file)


@pytest.mark.parametrize("is_reading", [True, False])
async def test_a_scanner_that_falls_silent_is_left_and_nothing_goes_on_behind(
    large_file: Path, is_reading: bool
) -> None:
    has_left = threading.Event()

    def play(conversation: socket.socket) -> None:
        conversation.settimeout(15)
        if is_reading:
            read_stream(conversation)
        assert has_left.wait(15)
        while conversation.recv(1 << 20):
            pass

    with clamd(play) as address:
        with pytest.raises(ScannerUnavailable, match="too long"):
            await ClamdScanner(address, patience=0.3).scan(large_file)
        has_left.set()


async def test_a_scanner_that_drips_is_left_as_well(file: Path) -> None:
    """Each byte ends a silence, so only the patience for the whole helps."""

    def play(conversation: socket.socket) -> None:
        read_stream(conversation)
        # Until the other side has left.
        with contextlib.suppress(OSError):
            while True:
                conversation.sendall(b" ")
                time.sleep(0.05)

    with clamd(play) as address, pytest.raises(ScannerUnavailable, match="too long"):
        await ClamdScanner(address, patience=0.3, silence=1).scan(file)


async def test_where_nobody_listens_is_no_scanner(file: Path, tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = f"tcp://127.0.0.1:{held.getsockname()[1]}"

        with pytest.raises(ScannerUnavailable):
            await ClamdScanner(nobody).scan(file)
    with pytest.raises(ScannerUnavailable):
        await ClamdScanner(f"unix://{tmp_path}/nobody").scan(file)


async def test_a_file_that_is_gone_is_a_fault_of_ours_and_no_outage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await ClamdScanner("tcp://127.0.0.1:1").scan(tmp_path / "gone")


async def test_many_files_are_scanned_at_once_each_with_its_own_answer(file: Path) -> None:
    with clamd(answers(b"stream: OK\n")) as one, clamd(answers(b"stream: Bad FOUND\n")) as other:
        results = await asyncio.gather(ClamdScanner(one).scan(file), ClamdScanner(other).scan(file))

    assert [result.signature for result in results] == [None, "Bad"]


def test_without_an_address_there_is_no_scanner() -> None:
    scanner = scanner_from("unix:///run/clamav/clamd.ctl")

    assert scanner_from(None) is None
    assert scanner is not None
    assert scanner.name == "clamd"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:3310",
        "tcp://127.0.0.1",
        "tcp://:3310",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:99999",
        "tcp://127.0.0.1:3310/path",
        "tcp://user@127.0.0.1:3310",
        "tcp://[::1]:3310",
        "unix://run/clamd.ctl",
        "unix:run/clamd.ctl",
        "unix://",
        "http://127.0.0.1:3310",
    ],
)
def test_an_address_that_is_none_is_refused_when_the_service_starts(address: str) -> None:
    with pytest.raises(ValueError, match=r"clamd|[Pp]ort"):
        scanner_from(address)
