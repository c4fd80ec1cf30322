"""The real demo in a process of its own: `crlm-cds demo` as a newcomer starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = "import sys; sys.argv[0] = 'crlm-cds'; from service.cli import main; main()"
_ENDS_WITHIN_S = 120
"""What a busy machine takes at most."""


@dataclass(frozen=True)
class RunningDemo:
    """A demo that printed its URL."""

    url: str
    process: subprocess.Popen[str]
    said: str

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C, or send another signal, and give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(_ENDS_WITHIN_S)


def start_demo(*options: str, folder: Path) -> subprocess.Popen[str]:
    """Start the command with its temporary files in `folder`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRLM_")}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "demo", "--no-browser", *options],
        env={**environment, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_demo(*options: str, folder: Path) -> Iterator[RunningDemo]:
    """Start the demo and wait until it prints where it is."""
    process = start_demo("--port", str(free_port(2)), *options, folder=folder)
    try:
        assert process.stdout
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found, process.communicate()[1]
        yield RunningDemo(found[0], process, said)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=_ENDS_WITHIN_S)
