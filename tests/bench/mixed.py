"""Callers of all sizes at once: how long each size takes, and how many calls are spikes.

    python -m tests.bench.mixed [--calls 2000] [--callers 8] [--workers 2] [--sizes 25,100,1000,5000]

A spike takes more than five times the median of its size. Aim: none.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.progress import Progress

from tests.bench.bodies import body
from tests.bench.load import Caller, request_bytes
from tests.bench.service import service
from tests.bench.tell import console, options_of, sizes, summary, tell
from tests.soak.mix import templates_of

PATH = "/cds-services/crlm-patient-view"
_SPIKE = 5


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Call from threads, each with its connection and its own random order of sizes; give one row for each size."""
    times: dict[int, list[float]] = {size: [] for size in options.sizes}
    with service(workers=options.workers) as (port, _), Progress(console=console) as progress:
        templates = templates_of(f"http://127.0.0.1:{port}")
        requests = {size: request_bytes(PATH, body(size, templates)) for size in options.sizes}
        task = progress.add_task("calling", total=options.calls)

        def call_on(number: int, calls: int, *, counted: bool) -> None:
            rng, caller = random.Random(number), Caller(port)
            for _ in range(calls):
                size = rng.choice(options.sizes)
                start = time.perf_counter()
                caller.call(requests[size])
                if counted:
                    times[size].append((time.perf_counter() - start) * 1000)
                    progress.advance(task)
            caller.close()

        each = -(-options.calls // options.callers)
        with ThreadPoolExecutor(options.callers) as threads:
            list(threads.map(lambda number: call_on(number, 20, counted=False), range(options.callers)))
            list(threads.map(lambda number: call_on(number, each, counted=True), range(options.callers)))
    return [_row(size, found) for size, found in times.items() if found]


def _row(size: int, found: list[float]) -> dict[str, Any]:
    usual = statistics.median(found)
    return {
        "resources": size,
        **summary(found),
        "longest / p50": max(found) / usual,
        "spikes": sum(one > _SPIKE * usual for one in found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sizes", type=sizes, default=[25, 100, 1000, 5000])
    options = options_of(parser)
    tell("mixed", measure(options), options.out)


if __name__ == "__main__":
    main()
