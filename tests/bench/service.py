"""The service as processes of its own, for what measures it alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.error import URLError

import psutil  # type: ignore[import-untyped]  # ships no types

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
SERVE = [sys.executable, "-c", "import sys; sys.argv[0] = 'crlm-cds'; from service.cli import main; main()", "serve"]
_START_S = 60.0
_END_S = 20.0


@contextmanager
def running(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[psutil.Process]:
    """Run a command until this is left; what it says goes to `log`."""
    with log.open("wb") as said:
        process = psutil.Popen(command, env=dict(environment), cwd=ROOT, stdout=said, stderr=said)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
                process.kill()
                process.wait()


@contextmanager
def service(*, workers: int = 1, **settings: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run the service without authentication on a store of its own; give port and first process once it is ready."""
    with TemporaryDirectory(prefix="crlm-bench-") as name:
        port, log = free_port(), Path(name) / "service.log"
        environment = {
            **os.environ,
            "CRLM_AUTH": "off",
            "CRLM_DATABASE_URL": f"sqlite:///{name}/store.sqlite3",
            "CRLM_LOG_LEVEL": "warning",
            **settings,
        }
        with running([*SERVE, "--port", str(port), "--workers", str(workers)], environment, log) as process:
            wait_for(f"http://127.0.0.1:{port}/health/ready", log)
            yield port, process


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Give the processes that answer: the first one alone, or those that it has spawned."""
    spawned = [one for one in process.children() if "spawn_main" in " ".join(one.cmdline())]
    return spawned or [process]


def wait_for(url: str, log: Path, *, every_s: float = 0.05) -> None:
    """Wait until a GET is answered with success."""
    give_up = time.monotonic() + _START_S
    while not answers(url):
        if time.monotonic() > give_up:
            raise RuntimeError(f"{url} did not answer. It said:\n{log.read_text()[-2000:]}")
        time.sleep(every_s)


def answers(url: str) -> bool:
    """Whether a GET is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
