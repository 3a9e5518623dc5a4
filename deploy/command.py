"""The command `srdi`: the standalone platform, its tokens, its audit, its packs."""

import asyncio
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import URL, make_url

from deploy import packs
from deploy.audit import verify_chains
from deploy.deployment import GATEWAY, write_deployment
from deploy.schema import SERVICES, prepare_database, set_passwords
from deploy.standalone.home import AlreadyRunning, Home
from deploy.standalone.offices import SCOPES, token_for
from deploy.standalone.postgres import embedded_postgres
from deploy.standalone.serve import PortTaken
from deploy.standalone.serve import serve as serve_platform
from deploy.standalone.telling import StoryStuck
from services.kernel.identity.actor import Office, fits
from services.kernel.identity.tokens import LONGEST_LIFE_SECONDS
from services.policy import credit_code
from services.policy.credit_code import CreditCodeInvalid
from services.policy.divisions import divisions

app = typer.Typer(
    help="The platform on one machine.", no_args_is_help=True, pretty_exceptions_enable=False
)
audit = typer.Typer(help="The history that nobody can edit.", no_args_is_help=True)
deployment = typer.Typer(help="Separate processes, as in a data centre.", no_args_is_help=True)
app.add_typer(audit, name="audit")
app.add_typer(deployment, name="deployment")
app.add_typer(packs.app, name="pack")

_console = Console()
_errors = Console(stderr=True)


def _fail(message: str) -> typer.Exit:
    _errors.print(message, style="red", highlight=False, soft_wrap=True)
    return typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Start everything in one process, with the worked example; Ctrl-C ends all of it."""
    home = Home.default()
    try:
        # Under load the interruption may end the server before it reaches us: either way it is over.
        with suppress(KeyboardInterrupt):
            serve_platform(home, host=host, port=port, console=_console)
        _console.print("ended")
    except PortTaken as taken:
        raise _fail(
            f"{taken} is in use by another program. Stop it, or choose another port:"
            " PORT=8001 make run"
        ) from taken
    except AlreadyRunning as running:
        raise _fail(f"The platform already runs from {running}; end that one first.") from running
    except StoryStuck as stuck:
        raise _fail(f"The worked example stopped: {stuck}\nSee {home.log_file}.") from stuck


@app.command()
def token(
    office: Annotated[Office, typer.Option(help="Whose token.")],
    region: Annotated[
        str | None, typer.Option(help="Division code that it is in charge of, such as 520100.")
    ] = None,
    uscc: Annotated[str | None, typer.Option(help="Credit code of an enterprise's user.")] = None,
    sub: Annotated[str | None, typer.Option(help="Name of the person; two people differ.")] = None,
    scope: Annotated[
        str | None, typer.Option(help="Space-separated scopes, instead of the office's own.")
    ] = None,
    ttl: Annotated[
        int, typer.Option(min=1, max=LONGEST_LIFE_SECONDS, help="Seconds that it is valid.")
    ] = 900,
) -> None:
    """Print an access token for any office of the standalone platform. Production has no such thing."""
    if region is not None and region not in divisions():
        raise _fail(f"{region} is no division code; see /api/v1/divisions.")
    code = None
    if uscc is not None:
        try:
            code = credit_code.parse(uscc).value
        except CreditCodeInvalid as invalid:
            raise _fail(str(invalid)) from invalid
    if office is Office.ENTERPRISE and code is None:
        raise _fail("An enterprise's token names its credit code: --uscc")
    if office is not Office.ENTERPRISE and region is None:
        raise _fail("An office's token names the division it is in charge of: --region 520000")
    if not fits(office, region):
        raise _fail(f"{office} is an office of another level than {region}.")
    try:
        keys = Home.default().existing_keys()
    except FileNotFoundError as error:
        raise _fail("There are no signing keys yet. Start the platform once: make run") from error
    typer.echo(
        token_for(
            keys,
            office,
            region=region,
            uscc=code,
            sub=sub,
            scopes=tuple(scope.split()) if scope is not None else SCOPES[office],
            life_seconds=ttl,
        )
    )


@audit.command()
def verify(
    database_url: Annotated[
        str | None,
        typer.Option(help="A database to read instead of the standalone platform's own."),
    ] = None,
) -> None:
    """Recompute every service's hash chain; exit 1 if any row was edited, lost or put in."""
    if database_url is not None:
        is_sound = _verify(make_url(database_url))
    else:
        home = Home.default()
        if not home.postgres.exists():
            raise _fail("There is no database yet. Start the platform once: make run")
        with embedded_postgres(home.postgres) as owner:
            is_sound = _verify(owner)
    if not is_sound:
        raise typer.Exit(1)


def _verify(database: URL) -> bool:
    reports = asyncio.run(verify_chains(database))
    table = Table()
    for heading in ("Service", "Rows", "Chain", "Head"):
        table.add_column(heading, overflow="fold")
    for service, report in reports.items():
        state = "sound" if report.broken_at is None else f"broken at row {report.broken_at}"
        table.add_row(service, str(report.rows), state, report.head_hash[:16])
    _console.print(table)
    return all(report.broken_at is None for report in reports.values())


@deployment.command()
def new(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    issuer: Annotated[
        str, typer.Option(help="Where the gateway is reached from outside; `iss` of its tokens.")
    ] = "http://127.0.0.1:8000",
) -> None:
    """Make the keys, passwords and environment files that docker-compose.yml starts from."""
    try:
        write_deployment(
            folder,
            owner=URL.create(
                "postgresql+asyncpg",
                username="srdi_owner",
                password=secrets.token_urlsafe(24),
                host="postgres",
                database="srdi",
            ),
            issuer=issuer,
            addresses={name: f"http://{name}:8000" for name in (GATEWAY, *SERVICES)},
            files_at="/run/srdi",
            documents_at="/var/lib/srdi",
        )
    except FileExistsError as error:
        raise _fail(f"{folder} is there already; its secrets are not overwritten.") from error
    _console.print(f"{folder} is written. It holds every secret: keep it, and keep it to yourself.")


@deployment.command()
def prepare() -> None:
    """Create schemas and logins, run the migrations, set the passwords; may be run again.

    Reads SRDI_OWNER_URL and SRDI_PASSWORDS, as prepare.env has them.
    """
    try:
        owner = make_url(os.environ["SRDI_OWNER_URL"])
        passwords: dict[str, str] = json.loads(os.environ["SRDI_PASSWORDS"])
    except KeyError as missing:
        raise _fail(f"{missing.args[0]} is not set; see prepare.env.") from missing

    async def bring_up() -> None:
        await prepare_database(owner)
        await set_passwords(owner, passwords)

    asyncio.run(bring_up())
    _console.print("schemas, logins and migrations are in place")


if __name__ == "__main__":
    app()
