"""The storm: damaged inputs one after the other, each inside its bounds; what breaks one is kept as a file."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import hashlib
import os
import resource
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import gettempdir
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from structlog.typing import EventDict

FOUND = Path(__file__).with_name("found")
DEADLINE_CPU_S = 2.0
"""Processor time that one input may cost; the wall clock would blame a busy machine on the service."""
HANG_S = 120.0
GROWTH_KIB = 400 * 1024
"""Memory by which the process may outgrow what it had after its first inputs."""
_WARM = 50
_CONTROL_EVERY = 500


class Broken(AssertionError):  # noqa: N818  named for what happened, as the service's own errors are
    """An input broke what the target promises."""


BUGS: list[str] = []
"""What the service logged of its own faults while an input was in it."""


def see_bug(_: object, __: str, event: EventDict) -> EventDict:
    """Keep the line of a fault, as a processor of the log."""
    if event.get("event") == "bug":
        BUGS.append(str(event))
    return event


class Target(Protocol):
    """Something that takes bytes from outside."""

    @property
    def name(self) -> str: ...

    def draw(self, random: Random) -> bytes:
        """Make one damaged input."""

    def run(self, given: bytes) -> str:
        """Put an input in; give what became of it in a word, raise whatever should not have happened."""

    def control(self) -> None:
        """Raise where a sound input is no longer treated as before."""


@dataclass
class Report:
    """What a storm did: how many inputs had which end, and the files of those that broke something."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    found: list[Path] = field(default_factory=list)
    slowest_s: float = 0.0
    growth_kib: int = 0

    def __str__(self) -> str:
        ends = ", ".join(f"{end} {number}" for end, number in sorted(self.outcomes.items()))
        return (
            f"{self.name}: {self.outcomes.total()} inputs ({ends}); slowest {self.slowest_s * 1000:.0f} ms of processor"
            f" time; memory + {self.growth_kib // 1024} MiB; {len(self.found)} found"
        )


def storm(
    target: Target,
    *,
    seed: int,
    until: Callable[[Report], bool],
    folder: Path = FOUND,
    watch: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Let damaged inputs fall on a target until told otherwise; the sound input is tried in between and at the end."""
    report = Report(target.name)
    number = base_kib = 0
    target.control()
    while not until(report):
        given = target.draw(Random(f"{target.name} {seed} {number}"))
        number += 1
        _put(target, given, report, folder)
        if number == _WARM:
            gc.collect()
            base_kib = _peak_kib()
        if number > _WARM:
            report.growth_kib = max(report.growth_kib, _peak_kib() - base_kib)
            if report.growth_kib > GROWTH_KIB and base_kib:
                _keep(target, given, report, folder, f"memory grew by {report.growth_kib} KiB")
                base_kib = _peak_kib()
        if number % _CONTROL_EVERY == 0:
            target.control()
        watch(report)
    target.control()
    return report


def _put(target: Target, given: bytes, report: Report, folder: Path) -> None:
    BUGS.clear()
    with _not_for_ever(target.name, given):
        start = time.process_time()
        try:
            end = target.run(given)
        except Exception as fault:  # noqa: BLE001  whatever comes out is what is looked for
            _keep(target, given, report, folder, "\n".join([*BUGS, *_told(fault)]))
            return
        cost_s = time.process_time() - start
    report.outcomes[end] += 1
    report.slowest_s = max(report.slowest_s, cost_s)
    if cost_s > DEADLINE_CPU_S:
        _keep(target, given, report, folder, f"took {cost_s:.1f} s of processor time")


@contextlib.contextmanager
def _not_for_ever(name: str, given: bytes) -> Iterator[None]:
    """End the process where an input hangs it, even inside a regular expression; the input is in a file by then."""
    current = Path(gettempdir()) / f"fuzz-{name}-{os.getpid()}.current"
    current.write_bytes(given)
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        current.unlink()


def _told(fault: Exception) -> list[str]:
    """Tell where a fault arose, without the folders of this machine."""
    frames = traceback.extract_tb(fault.__traceback__)
    named = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return [*named, f"{type(fault).__name__}: {fault}"]


def _keep(target: Target, given: bytes, report: Report, folder: Path, why: str) -> None:
    report.outcomes["broken"] += 1
    name = f"{target.name}-{hashlib.sha256(given).hexdigest()[:12]}"
    # One file for each place that breaks is enough; a storm meets the same one thousands of times.
    where = why.strip().splitlines()[-1][:200]
    if where in {path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()[-1] for path in report.found}:
        return
    path = folder / f"{name}.input"
    path.write_bytes(given)
    path.with_suffix(".txt").write_text(f"{why.strip()}\n{where}", encoding="utf-8")
    report.found.append(path)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
