"""The fuzz by the clock: `python -m tests.fuzz --minutes 60 [--seed S] [--only TARGET]`.

Targets: request, jwt, bundle, knowledge, policy, openapi.

What breaks something is kept under `tests/fuzz/found/`, where pytest tries it again in each run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.fuzz.storm import FOUND, Report, see_bug
from tests.fuzz.targets import TARGETS, run_target


def main(arguments: list[str] | None = None) -> int:
    """Run the targets one after the other; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="time for all targets together")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="another seed is another storm")
    parser.add_argument("--only", choices=TARGETS, action="append", help="one target; may be repeated")
    told = parser.parse_args(arguments)
    names = told.only or list(TARGETS)
    write = Console(highlight=False, soft_wrap=True).print
    write(f"seed {told.seed}")
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        # Log lines are written, or their faults would stay unseen; nobody reads those of a storm.
        writer = structlog.WriteLoggerFactory(file=nowhere)
        structlog.configure(processors=[see_bug, structlog.processors.JSONRenderer()], logger_factory=writer)
        reports = [_run(name, seed=told.seed, seconds=told.minutes * 60 / len(names)) for name in names]
    for report in reports:
        write(str(report))
    found = [path for report in reports for path in report.found]
    for path in found:
        write(f"found: {path.relative_to(FOUND.parents[2])}")
    return 1 if found else 0


def _run(name: str, *, seed: int, seconds: float) -> Report:
    start = time.monotonic()
    columns = (
        TextColumn("{task.description:9}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task(name, total=seconds, done="")

        def watch(report: Report) -> None:
            said = f"{report.outcomes.total()} inputs, {len(report.found)} found"
            progress.update(task, completed=time.monotonic() - start, done=said)

        return run_target(name, seed=seed, until=lambda _: time.monotonic() - start >= seconds, watch=watch)


if __name__ == "__main__":
    sys.exit(main())
