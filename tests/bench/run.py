"""Measure the whole service against the floor, the naive way and a peer, side by side in one run.

    python -m tests.bench.run [--calls 2000] [--sizes 25,100,1000,5000] [--out DIR]

Each server runs as its own process on processor 1, the load generator on processor 0. Rounds are interleaved in random
order; the printed ratios are of medians within this run. A table goes to the terminal, JSON and a plot to DIR.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.bench.bodies import body
from tests.bench.contestants import Contestant, contestants, running
from tests.bench.load import Load, many_callers, one_caller

FIRST_PORT = 18_080
SLOW = {"naive": 12, "HealthChain": 4}
"""Contestants whose calls are divided by this, so that a run ends."""


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run all rounds and give one record for each server and body."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        field = [c for c in contestants(FIRST_PORT, Path(folder), options.cache) if c.name in options.only]
        ports = {c.name: int(_port(c)) for c in field}
        for contestant in field:
            ready = stack.enter_context(running(contestant, ports[contestant.name], processor=1))
            print(f"{contestant.name}: ready after {ready:.2f} s")  # noqa: T201 (a command's output)
        os.sched_setaffinity(0, {0})
        templates = _templates(ports["crlm-cds"])
        bodies = {str(size): body(size, templates) for size in options.sizes}
        bodies["1000 out of scope"] = body(1000, templates, in_scope=False)
        bodies["1000 apart"] = body(1000, templates, are_apart=True)
        rounds = [(c, label, number) for c in field for label in bodies for number in range(options.rounds)]
        random.Random(options.seed).shuffle(rounds)
        loads: dict[tuple[str, str], list[Load]] = {}
        busy: dict[tuple[str, str], list[Load]] = {}
        with Progress() as progress:
            task = progress.add_task("measuring", total=len(rounds))
            for contestant, label, _ in rounds:
                calls = max(10, options.calls // options.rounds // SLOW.get(contestant.name, 1))
                if len(bodies[label]) > 2_000_000:
                    calls = max(10, calls // (1 if contestant.name.startswith("crlm") else 4))
                port = ports[contestant.name]
                make = contestant.requests(bodies[label], calls * 2 + 30)
                one_caller(port, make, 10)
                loads.setdefault((contestant.name, label), []).append(one_caller(port, make, calls))
                busy.setdefault((contestant.name, label), []).append(many_callers(port, make, max(20, calls // 2)))
                progress.advance(task)
        return [_record(*key, rounds_, busy[key], len(bodies[key[1]])) for key, rounds_ in loads.items()]


def _record(name: str, label: str, rounds: list[Load], busy: list[Load], size: int) -> dict[str, Any]:
    times = sorted(t for load in rounds for t in load.times_ms)
    return {
        "server": name,
        "body": label,
        "bytes": size,
        "calls": len(times),
        "p50_ms": statistics.median(times),
        "p99_ms": times[int(len(times) * 0.99)],
        "per_second_of_eight": statistics.median(load.per_second for load in busy),
    }


def _port(contestant: Contestant) -> str:
    return contestant.command[contestant.command.index("--port") + 1]


def _templates(port: int) -> dict[str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/cds-services", timeout=5) as answer:
        services = json.load(answer)["services"]
    found: dict[str, str] = next(s["prefetch"] for s in services if s["id"] == "crlm-patient-view")
    return found


def show(records: list[dict[str, Any]]) -> None:
    """Print the table, each server against the floor of the same body."""
    table = Table("body", "server", "p50 ms", "p99 ms", "req/s of 8", "p50 / floor", "p99 / p50", "calls")
    floors = {r["body"]: r["p50_ms"] for r in records if r["server"] == "floor"}
    for r in sorted(records, key=lambda r: (r["bytes"], r["server"])):
        ratio = f"{r['p50_ms'] / floors[r['body']]:.2f}" if r["body"] in floors else "-"
        table.add_row(
            r["body"], r["server"], f"{r['p50_ms']:.2f}", f"{r['p99_ms']:.2f}", f"{r['per_second_of_eight']:.0f}",
            ratio, f"{r['p99_ms'] / r['p50_ms']:.2f}", str(r["calls"]),
        )  # fmt: skip
    Console(width=120).print(table)


def plot(records: list[dict[str, Any]], path: Path) -> None:
    """Draw p50 against the size of the body, one line a server."""
    import matplotlib as mpl  # noqa: PLC0415 (only where a picture is asked for)

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(8, 5))
    for name in sorted({r["server"] for r in records}):
        points = sorted((r["bytes"], r["p50_ms"]) for r in records if r["server"] == name and r["body"].isdigit())
        axes.plot([x / 1000 for x, _ in points], [y for _, y in points], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="request, kB", ylabel="p50, ms", title="patient-view, one caller")
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000, help="calls of one caller for each server and body")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds that the calls are split into")
    parser.add_argument("--sizes", type=lambda s: [int(x) for x in s.split(",")], default=[25, 100, 1000, 5000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--cache", type=Path, default=Path("build/bench"))
    parser.add_argument(
        "--only",
        type=lambda s: s.split(","),
        default=["floor", "naive", "HealthChain", "crlm-cds", "crlm-cds, JWT"],
        help="servers to measure, by name",
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    records = measure(options)
    show(records)
    (options.out / "bench.json").write_text(json.dumps(records, indent=1))
    plot(records, options.out / "bench.png")


if __name__ == "__main__":
    main()
