from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from service.adapters.store.database import Database
from service.adapters.store.migrate import migrate
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_databases = count(1)


def program(name: str) -> str:
    """Debian keeps the server's programs out of PATH, in a folder for each version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) or [Path(shutil.which(name) or name)]
    return str(found[-1])


def _as_postgres(*command: str) -> None:
    """The server refuses to run as root: there its own user runs it."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    # Not captured: the server inherits the output and would hold a pipe open for ever.
    subprocess.run([*prefix, *command], check=True, cwd="/", stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL, without database, of a PostgreSQL server of our own on the loopback."""
    with tempfile.TemporaryDirectory(prefix="crlm-postgresql-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data, port = f"{folder}/data", free_port()
        _as_postgres(program("initdb"), "-D", data, "-U", "crlm", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
        server = program("pg_ctl")
        _as_postgres(server, "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "start")
        try:
            yield f"postgresql://crlm@127.0.0.1:{port}"
        finally:
            _as_postgres(server, "-D", data, "-m", "immediate", "-w", "stop")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite3"
    server: str = request.getfixturevalue("postgresql_server")
    name = f"store_{next(_databases)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """A migrated store of each kind."""
    found = Database(store_url)
    migrate(found)
    yield found
    found.close()
