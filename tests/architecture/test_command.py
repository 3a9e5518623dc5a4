"""The command line: what it prints, and what it says when something is wrong."""

import socket
from pathlib import Path

import pytest
from jose import jwt
from typer.testing import CliRunner

from deploy.command import app
from deploy.standalone.home import Home
from tests.builders.enterprises import uscc_of

RUN = CliRunner()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SRDI_HOME", str(tmp_path / "home"))
    return Home.default()


def test_a_token_is_printed_for_any_office(home: Home) -> None:
    home.keys()

    printed = RUN.invoke(
        app,
        ["token", "--office", "city_office", "--region", "520100", "--sub", "li", "--ttl", "60"],
    )

    claims = jwt.get_unverified_claims(printed.stdout.strip())
    assert printed.exit_code == 0
    assert (claims["sub"], claims["offices"], claims["region"]) == ("li", ["city_office"], "520100")
    assert claims["exp"] - claims["iat"] == 60
    assert "review:decide" in claims["scope"].split()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--office", "city_office"], "--region"),
        (["--office", "enterprise"], "--uscc"),
        (["--office", "enterprise", "--uscc", "9152"], "18 characters"),
        (["--office", "city_office", "--region", "440100"], "division"),
        (["--office", "mayor", "--region", "520100"], "mayor"),
        (["--office", "provincial_office", "--region", "520100"], "another level"),
        (["--office", "city_office", "--region", "520000"], "another level"),
    ],
)
def test_a_token_that_cannot_be_is_explained(home: Home, arguments: list[str], says: str) -> None:
    home.keys()

    refused = RUN.invoke(app, ["token", *arguments])

    assert refused.exit_code != 0
    assert says in refused.output


def test_a_token_before_the_first_start_says_what_to_do(home: Home) -> None:
    refused = RUN.invoke(app, ["token", "--office", "enterprise", "--uscc", uscc_of(1)])

    assert refused.exit_code == 1
    assert "make run" in refused.output


def test_a_port_that_is_taken_is_said_before_anything_is_started(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = RUN.invoke(app, ["serve", "--port", str(port)])

    assert refused.exit_code == 1
    assert f"127.0.0.1:{port} is in use" in refused.output
    assert not home.folder.exists()


def test_a_folder_serves_one_platform_at_a_time(home: Home) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with home.taken():
        refused = RUN.invoke(app, ["serve", "--port", str(port)])

    assert refused.exit_code == 1
    assert "already runs" in refused.output
