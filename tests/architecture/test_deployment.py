"""Deploying as separate containers: the files that are written, and the compose file that reads them."""

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.engine import URL, make_url
from typer.testing import CliRunner

from deploy.command import app
from deploy.deployment import GATEWAY, read_environment, write_deployment
from deploy.schema import PROJECT, SERVICES
from gateway.settings import GatewaySettings
from services.applications.settings import IntakeSettings
from services.kernel.settings import ServiceSettings
from services.policy.catalogue import published_catalogue
from services.review.settings import ReviewSettings

COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    folder = tmp_path / "deployment"
    result = CliRunner().invoke(app, ["deployment", "new", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


def test_secrets_are_readable_by_their_owner_alone_and_never_overwritten(deployment: Path) -> None:
    before = (deployment / "review.env").read_text("utf-8")
    again = CliRunner().invoke(app, ["deployment", "new", str(deployment)])

    modes = {file.stat().st_mode & 0o077 for file in deployment.rglob("*") if file.is_file()}
    assert modes == {0}
    assert again.exit_code == 1
    assert (deployment / "review.env").read_text("utf-8") == before


def test_every_container_finds_the_file_that_compose_gives_it(deployment: Path) -> None:
    asked = {
        service["env_file"] for service in COMPOSE["services"].values() if "env_file" in service
    }

    assert {Path(file).name for file in asked} <= {file.name for file in deployment.iterdir()}
    assert {Path(file).parent.name for file in asked} == {"deployment"}


def test_intake_keeps_documents_in_the_volume_that_compose_gives_it(
    deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in read_environment(deployment / "applications.env").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SRDI_SCANNER", "")

    settings = IntakeSettings()

    [volume] = COMPOSE["services"]["applications"]["volumes"]
    folder = volume.partition(":")[2]
    assert settings.documents_url == f"file://{folder}/kept"
    assert str(settings.spool_folder).startswith(folder)
    assert settings.scanner is None


def test_review_keeps_photographs_in_the_volume_that_compose_gives_it(
    deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in read_environment(deployment / "review.env").items():
        monkeypatch.setenv(name, value)

    settings = ReviewSettings()

    [volume] = COMPOSE["services"]["review"]["volumes"]
    name, _, folder = volume.partition(":")
    assert name in COMPOSE["volumes"]
    assert settings.photographs_url.startswith(f"file://{folder}/")
    assert str(settings.spool_folder).startswith(folder)


@pytest.mark.parametrize("documents_at", [None, "/srv/files"])
def test_no_two_services_keep_their_files_in_one_place(
    tmp_path: Path, documents_at: str | None
) -> None:
    """Each sweeps away what no row of its own refers to."""
    write_deployment(
        tmp_path / "deployment",
        owner=URL.create("postgresql+asyncpg", database="nowhere"),
        issuer="http://127.0.0.1:8000",
        addresses={name: f"http://{name}:8000" for name in (GATEWAY, *SERVICES)},
        documents_at=documents_at,
    )

    told = [
        read_environment(tmp_path / "deployment" / f"{service}.env")
        for service in ("applications", "review")
    ]

    places = {one.get("SRDI_DOCUMENTS_URL") or one["SRDI_PHOTOGRAPHS_URL"] for one in told}
    assert len(places) == len({one["SRDI_SPOOL_FOLDER"] for one in told}) == 2


def test_clamd_owns_up_to_what_it_passed_over_and_takes_the_largest_document() -> None:
    lines = (PROJECT / "deploy" / "compose" / "clamd.conf").read_text("utf-8").splitlines()
    said = dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))
    largest = max(
        document.max_megabytes
        for pack in published_catalogue().packs()
        for document in pack.documents
    )

    assert said["AlertExceedsMax"] == "yes"
    for limit in ("StreamMaxLength", "MaxFileSize", "MaxScanSize"):
        assert int(said[limit].removesuffix("M")) >= largest


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_from_its_file(
    deployment: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in read_environment(deployment / f"{service}.env").items():
        monkeypatch.setenv(name, value)

    settings = ServiceSettings()

    assert make_url(settings.database_url).username == f"srdi_{service}"
    assert make_url(settings.database_url).password
    command = COMPOSE["services"][service]["command"]
    module, _, factory = command[2].partition(":")
    assert callable(getattr(importlib.import_module(module), factory))


def test_the_gateway_knows_every_service_and_their_clients(
    deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in read_environment(deployment / "gateway.env").items():
        monkeypatch.setenv(name, value)

    settings = GatewaySettings()

    assert set(settings.services) == set(SERVICES)
    assert settings.keys_folder == Path("/run/srdi/keys")
    assert COMPOSE["services"]["gateway"]["volumes"] == ["./deployment:/run/srdi:ro"]
    assert list(COMPOSE["services"]["gateway"]["ports"]) == ["8000:8000"]
    assert all("ports" not in COMPOSE["services"][service] for service in SERVICES)


def test_preparing_a_database_twice_changes_nothing(
    owner: URL, deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = json.loads(read_environment(deployment / "prepare.env")["SRDI_PASSWORDS"])
    monkeypatch.setenv("SRDI_OWNER_URL", owner.render_as_string(hide_password=False))
    monkeypatch.setenv("SRDI_PASSWORDS", json.dumps(passwords))

    results = [
        # A process of its own, because the command runs an event loop.
        subprocess.run(
            [sys.executable, "-m", "deploy.command", "deployment", "prepare"], check=False
        ).returncode
        for _ in range(2)
    ]

    assert results == [0, 0]
    assert set(passwords) == set(SERVICES)


def test_nothing_is_prepared_without_being_told_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRDI_OWNER_URL", raising=False)

    result = CliRunner().invoke(app, ["deployment", "prepare"])

    assert result.exit_code == 1
    assert "SRDI_OWNER_URL" in result.output
