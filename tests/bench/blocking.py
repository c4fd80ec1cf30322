"""How long a request of many resources keeps everybody else waiting.

    python -m tests.bench.blocking [--calls 500] [--size 1000]

While one caller sends large requests without a pause, another asks /health/live without a pause: what its slowest
answers take beyond its usual ones without load is the time for which the event loop was held. Aim: at most 15 ms.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.bench.bodies import body
from tests.bench.load import Caller, one_caller, request_bytes
from tests.bench.service import service
from tests.bench.tell import options_of, percentile, tell
from tests.soak.mix import templates_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/cds-services/crlm-patient-view"
_PING = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_QUIET_PINGS = 500


def pings(port: int, end: threading.Event) -> Iterator[float]:
    """Ask without a pause until `end`; give the milliseconds of each answer."""
    caller = Caller(port)
    while not end.is_set():
        start = time.perf_counter()
        caller.socket.sendall(_PING)
        while b'"live"' not in caller.socket.recv(65_536):
            pass
        yield (time.perf_counter() - start) * 1000
    caller.close()


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Ask quietly, then beside the large requests; give one row for each."""
    with service() as (port, _):
        request = request_bytes(PATH, body(options.size, templates_of(f"http://127.0.0.1:{port}")))
        one_caller(port, lambda: request, 50)
        end = threading.Event()
        quiet = [found for found, _ in zip(pings(port, end), range(_QUIET_PINGS), strict=False)]
        beside: list[float] = []
        pinging = threading.Thread(target=lambda: beside.extend(pings(port, end)))
        pinging.start()
        load = one_caller(port, lambda: request, options.calls)
        end.set()
        pinging.join()
    usual = statistics.median(quiet)
    rows: list[dict[str, Any]] = []
    for name, found in (("alone", quiet), (f"beside {options.size} resources", beside)):
        rows.append(
            {
                "pings": name,
                "count": len(found),
                "p50 ms": statistics.median(found),
                "p99 ms": percentile(found, 99),
                "p99.9 ms": percentile(found, 99.9),
                "longest ms": max(found),
                "held at most ms": max(found) - usual,
            }
        )
    rows[1]["pings"] = f"{rows[1]['pings']} (p50 {statistics.median(load.times_ms):.1f} ms)"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--size", type=int, default=1000)
    options = options_of(parser)
    tell("blocking", measure(options), options.out)


if __name__ == "__main__":
    main()
