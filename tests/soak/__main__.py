"""Load the real service for half an hour, then beyond its limits, and see whether it holds.

    python -m tests.soak [--minutes 30] [--workers 1] [--noisy] [--out build/soak]

After a burst, so that memory starts from its peak, it measures its capacity (callers that never pause, and sessions of
the app through a demo EHR), then drives 80 % of it: hooks of all kinds and sizes, feedback, and the sessions. Machines
are not as fast in one minute as in another: the capacity is measured again each minute, and what can be counted on is
the least of what was measured so far. Then 200 %; then 40 % to see it recover. The exit status is 1 where a claim is
broken. On a machine that does other work too, `--noisy` judges what does not depend on its speed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sqlite3
import sys
import time
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.soak.mix import Mix
from tests.soak.phases import Driver, Sample
from tests.soak.place import Place, place
from tests.soak.report import Soak
from tests.soak.sessions import Clinicians
from tests.soak.wire import Lines

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLERS = 8
_CLINICIANS = 2
_MEASURE_SECONDS = 10.0
_FIRST_MEASURES = 3
_RECOVERY_SECONDS = 10.0
_MEMORY_EVERY_S = 2.0


async def soak(where: Place, options: argparse.Namespace, progress: Progress) -> Soak:
    """Run all phases."""
    rng = random.Random(options.seed)
    mix, lines = Mix(where.base, where.key, rng), Lines(where.port)
    length = options.minutes * 60
    short = min(30.0, max(8.0, length / 6))
    driver = Driver(lines, mix, tick=lambda *_: None)

    def follow(name: str, seconds: float) -> Callable[[float, list[Sample]], None]:
        task = progress.add_task(name, total=seconds, said="")

        def tick(passed: float, samples: list[Sample]) -> None:
            bad = sum(not sample.is_answered for sample in samples)
            progress.update(task, completed=passed, said=f"{len(samples)} calls, {bad} refused or failed")

        return tick

    callers = _CALLERS * options.workers
    driver.tick = follow("warming up", short / 2)
    capacity = await driver.capacity(seconds=short / 2, callers=callers)
    # As much in work as will ever be: what grows after it is not given back.
    driver.tick = follow("warming up: 400 %", short / 2)
    await driver.steadily(rate=4 * capacity, seconds=short / 2)

    memory: list[tuple[float, list[int]]] = []
    capacities: list[float] = []
    steady: list[Sample] = []
    end = asyncio.Event()
    clinicians = Clinicians(where.addresses, rng)
    working = [asyncio.create_task(clinicians.work(end, pause_s=2.0)) for _ in range(_CLINICIANS)]
    watching = asyncio.create_task(_watch(where, memory, end))
    parts = max(1, round(options.minutes))
    for part in range(parts):
        for _ in range(1 if part else min(parts, _FIRST_MEASURES)):
            driver.tick = follow("capacity", _MEASURE_SECONDS)
            capacities.append(await driver.capacity(seconds=_MEASURE_SECONDS, callers=callers))
        rate = 0.8 * min(capacities)
        driver.tick = follow(f"80 %: {rate:.0f} a second", length / parts)
        found = await driver.steadily(rate=rate, seconds=length / parts)
        steady += [replace(sample, at=sample.at + part * length / parts) for sample in found]
    end.set()
    await asyncio.gather(*working, watching)

    driver.tick = follow("capacity, hooks alone", short)
    used = where.processor_s()
    capacity = await driver.capacity(seconds=short, callers=callers)
    capacity_processor_s = where.processor_s() - used
    driver.tick = follow(f"200 %: {2 * capacity:.0f} a second", short)
    used = where.processor_s()
    double = await driver.steadily(rate=2 * capacity, seconds=short)
    double_processor_s = where.processor_s() - used
    driver.tick = follow("recovery", _RECOVERY_SECONDS)
    after = await driver.steadily(rate=0.4 * capacity, seconds=_RECOVERY_SECONDS)
    lines.close()
    return Soak(
        minutes=options.minutes,
        workers=options.workers,
        capacities=capacities,
        capacity=capacity,
        steady=steady,
        memory=memory,
        double=double,
        double_seconds=short,
        capacity_processor_s=capacity_processor_s,
        double_processor_s=double_processor_s,
        after=after,
        sessions=clinicians.done,
        session_seconds=clinicians.seconds,
        session_faults=clinicians.faults,
        lost_feedback=len(driver.acknowledged - _kept_feedback(where)),
        dropped_cards=_dropped_cards(where),
        ready_after=where.is_ready(),
        noisy=options.noisy,
    )


async def _watch(where: Place, memory: list[tuple[float, list[int]]], end: asyncio.Event) -> None:
    begin = time.perf_counter()
    while not end.is_set():
        memory.append((time.perf_counter() - begin, where.memory_bytes()))
        try:
            await asyncio.wait_for(end.wait(), _MEMORY_EVERY_S)
        except TimeoutError:
            continue


def _kept_feedback(where: Place) -> set[str]:
    with closing(sqlite3.connect(where.store)) as store:
        return {card for (card,) in store.execute("SELECT card FROM feedback")}


def _dropped_cards(where: Place) -> int:
    with urllib.request.urlopen(f"{where.base}/metrics", timeout=5) as answer:
        found = re.search(r"^crlm_issued_cards_dropped (\S+)", answer.read().decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0


def main() -> int:
    """Run, print, write; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="length of the phase at 80 %% of the capacity")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noisy", action="store_true", help="do not judge what other work on the machine changes")
    parser.add_argument("--out", type=Path, default=Path("build/soak"))
    options = parser.parse_args()
    console = Console(width=120)
    bars = (TextColumn("{task.description:<24}"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[said]}"))
    with place(workers=options.workers) as where, Progress(*bars, console=console) as progress:
        found = asyncio.run(soak(where, options, progress))
        said = where.log.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    found.show(console)
    for line in said[:10]:
        console.print(f"the service said: {line}", markup=False)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "soak.json").write_text(json.dumps(found.as_json(), indent=1), encoding="utf-8")
    return int(any(claim.judged and not claim.held for claim in found.judge()))


if __name__ == "__main__":
    sys.exit(main())
