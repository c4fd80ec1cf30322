"""Every command of README and handbook is run as it stands there, down each page, in a fresh folder.

Three things differ: the port, since other tests run beside these; servers are ended before the next command that does
not ask one; and the terminology server, since the page says that its address stands for the reader's own. `ELSEWHERE`
lists what cannot run here, and why.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.adapters.servers import Server
from tests.cli.test_terminology import Terminology
from tests.handbook.told import ROOT, SOURCES, Told, commands, programs
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

BASH = "/bin/bash"
PACKAGES = "asks a package index; `tests/run.sh` and `tests/wheel.sh` install the same"
ENGINE = "needs a container engine; `docker/check.sh` says what could be checked"
DATABASE = "needs a PostgreSQL server; `tests/adapters/store/test_backup.py` runs it on one"
ENVIRONMENT = "the environment of these tests is active already"
ELSEWHERE = {
    "{ python3 -c 'import ensurepip'": PACKAGES,
    "python3 -m venv .venv": PACKAGES,
    ".venv/bin/pip install '.[demo]'": PACKAGES,
    "pip install '.[telemetry]'": PACKAGES,
    "bash tests/run.sh": "runs these tests",
    ". .venv/bin/activate": ENVIRONMENT,
    "crlm-cds demo\n": "opens a browser; `tests/demo/test_demo_command.py` runs it",
    "docker compose -f docker/compose.yaml": ENGINE,
    "curl --retry 20": ENGINE,
    "sudo chown 10001 docker/pgpass": "needs root",
    "pg_dump ": DATABASE,
    "pg_restore ": DATABASE,
}
"""Beginnings of commands that are not run here."""

FAILING = {Told("start", "crlm-cds doctor"): "its clients are examples: their key servers do not exist"}
"""Commands that end with status 1 here."""


def skipped(told: Told) -> str | None:
    return next((reason for start, reason in ELSEWHERE.items() if f"{told.text}\n".startswith(start)), None)


def here(source: str) -> list[Told]:
    return [told for told in commands(source) if skipped(told) is None]


@pytest.fixture
def terminology_server() -> Iterator[str]:
    with Server(Terminology()) as server:
        yield server.url


class Reader:
    """Someone who works down a page, in one shell, with a copy of the repository's folders that commands name."""

    def __init__(self, folder: Path, source: str, *, terminology_server: str) -> None:
        self.folder = folder
        self._server: subprocess.Popen[str] | None = None
        self._port = str(free_port())
        self._replaced = {
            "127.0.0.1:8080": f"127.0.0.1:{self._port}",
            "https://tx.hospital.example/fhir": f"{terminology_server}/fhir --allow-private-addresses",
        }
        for name in ("docker", "service/samples"):
            shutil.copytree(ROOT / name, folder / name)
        for name, program in programs(source):
            (folder / name).write_text(program, encoding="utf-8")
        (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CRLM_")}
        self._environment = {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "CRLM_LOG_FORMAT": "json"}

    def run(self, told: Told) -> tuple[int, str]:
        """Run a command; the variables that it sets are there for the next one. Give its status and what it said."""
        text = told.text
        for old, new in self._replaced.items():
            text = text.replace(old, new)
        if not _asks_a_server(text):
            self.end()
        serving = re.sub(r"\bcrlm-cds serve\b", f"crlm-cds serve --port {self._port}", text)
        if serving != text:
            self._serve(serving)
            return 0, ""
        done = subprocess.run(
            [BASH, "-c", f"set -a\n{text}\nstatus=$?\nenv -0 > .environment\nexit $status"],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self._remember()
        return done.returncode, done.stdout + done.stderr

    def _serve(self, text: str) -> None:
        """Start a server and wait until it is ready."""
        self._server = subprocess.Popen(
            [BASH, "-c", re.sub(r"\bcrlm-cds\b", "exec crlm-cds", _exported(text))],
            cwd=self.folder,
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._server.stderr is not None
        said = []
        for line in self._server.stderr:
            said.append(line)
            if "Application startup complete" in line:
                return
        raise AssertionError("".join(said))

    def end(self) -> None:
        """End the server that runs, where one does."""
        server, self._server = self._server, None
        if server is None:
            return
        server.terminate()
        said = server.communicate(timeout=60)[1]
        # uvicorn ends by the signal that it got, once all is answered and written.
        assert server.returncode in {0, -signal.SIGTERM}, said
        assert "Traceback" not in said

    def _remember(self) -> None:
        found = self.folder / ".environment"
        pairs = found.read_text(encoding="utf-8").split("\0")
        self._environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        found.unlink()


def _asks_a_server(text: str) -> bool:
    return "--url" in text.partition("#")[0] or text.startswith("curl ")


def _exported(text: str) -> str:
    """Turn `A=1 B=2 program` into a line in which `exec` may stand before the program."""
    return re.sub(r"^((?:[A-Z_]+=\S+ )+)", r"export \1; ", text)


@pytest.mark.parametrize("source", [source for source in SOURCES if here(source)])
def test_the_commands_of_a_page_run_as_they_stand(source: str, tmp_path: Path, terminology_server: str) -> None:
    reader = Reader(tmp_path, source, terminology_server=terminology_server)
    try:
        for told in here(source):
            status, said = reader.run(told)
            assert status == (1 if told in FAILING else 0), f"{source}: {told.text}\n{said}"
            assert "Traceback" not in said, f"{source}: {told.text}\n{said}"
    finally:
        reader.end()


def test_what_is_not_run_here_is_told_somewhere() -> None:
    texts = [f"{told.text}\n" for source in SOURCES for told in commands(source)]
    assert [start for start in ELSEWHERE if not any(text.startswith(start) for text in texts)] == []
    assert [told for told in FAILING if told not in commands(told.source)] == []


def test_no_command_names_a_package_that_no_index_has() -> None:
    assert [told for source in SOURCES for told in commands(source) if "crlm-cds[" in told.text] == []
