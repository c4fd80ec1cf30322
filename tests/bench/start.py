"""How long one worker takes from its start until it is ready, and which imports take it.

    python -m tests.bench.start [--times 10] [--imports 15]

Aim: 1.5 s.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.service import ROOT, SERVE, running, wait_for
from tests.bench.tell import options_of, tell
from tests.ports import free_port

_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s*(\S+)")


def readiness(store: Path) -> float:
    """Give the seconds of one start on `store`."""
    port, log = free_port(), store.parent / "service.log"
    environment = {**os.environ, "CRLM_AUTH": "off", "CRLM_DATABASE_URL": f"sqlite:///{store}"}
    start = time.perf_counter()
    with running([*SERVE, "--port", str(port)], environment, log):
        wait_for(f"http://127.0.0.1:{port}/health/ready", log, every_s=0.005)
        return time.perf_counter() - start


def imports(most: int) -> list[dict[str, Any]]:
    """Give the modules that take longest by themselves."""
    command = [sys.executable, "-X", "importtime", "-c", "import service.web.server"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    found = [(int(own), int(all_), name) for own, all_, name in _LINE.findall(said)]
    found.sort(reverse=True)
    rows = [{"module": name, "own ms": own / 1000, "with what it imports ms": all_ / 1000} for own, all_, name in found]
    total = sum(own for own, _, _ in found) / 1000
    return [{"module": f"all {len(found)}", "own ms": total, "with what it imports ms": total}, *rows[:most]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--imports", type=int, default=15)
    options = options_of(parser)
    with TemporaryDirectory(prefix="crlm-start-") as folder:
        first = readiness(Path(folder) / "store.sqlite3")
        times = [readiness(Path(folder) / "store.sqlite3") for _ in range(options.times)]
    row = {
        "starts": len(times),
        "p50 s": statistics.median(times),
        "longest s": max(times),
        "with a new store s": first,
    }
    tell("start", [row], options.out)
    tell("imports", imports(options.imports), options.out)


if __name__ == "__main__":
    main()
