"""How much the memory of each worker grows over many calls.

    python -m tests.bench.memory [--calls 100000] [--workers 1] [--sizes 25,100,1000]

Growth is from the median after the warm-up to the median of the last tenth. Aim: below 5 %.
"""

from __future__ import annotations

import argparse
import statistics
from itertools import cycle

from rich.progress import track

from tests.bench.bodies import body
from tests.bench.load import many_callers, request_bytes
from tests.bench.service import service, workers_of
from tests.bench.tell import console, options_of, sizes, tell
from tests.soak.mix import templates_of

PATH = "/cds-services/crlm-patient-view"
_STEPS = 100


def measure(options: argparse.Namespace) -> list[dict[str, object]]:
    """Call, and give one row for each worker."""
    with service(workers=options.workers) as (port, process):
        templates = templates_of(f"http://127.0.0.1:{port}")
        requests = cycle([request_bytes(PATH, body(size, templates)) for size in options.sizes])
        many_callers(port, lambda: next(requests), options.warm_up)
        workers = workers_of(process)
        seen: list[list[int]] = [[] for _ in workers]
        for _ in track(range(_STEPS), "calling", console=console):
            many_callers(port, lambda: next(requests), max(8, options.calls // _STEPS))
            for worker, memory in zip(workers, seen, strict=True):
                memory.append(worker.memory_info().rss)
    rows: list[dict[str, object]] = []
    for worker, memory in zip(workers, seen, strict=True):
        tenth = len(memory) // 10
        first, last = statistics.median(memory[:tenth]), statistics.median(memory[-tenth:])
        rows.append(
            {
                "worker": worker.pid,
                "calls": options.calls,
                "after warm-up MB": first / 1e6,
                "at the end MB": last / 1e6,
                "highest MB": max(memory) / 1e6,
                "growth %": (last / first - 1) * 100,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sizes", type=sizes, default=[25, 100, 1000])
    options = options_of(parser)
    tell("memory", measure(options), options.out)


if __name__ == "__main__":
    main()
