"""How long something took, without what other programs took of it: a busy machine makes nothing slow here."""

from __future__ import annotations

import time
from pathlib import Path

_THREADS = Path("/proc/self/task")


class Stopwatch:
    """Runs from its making on."""

    def __init__(self) -> None:
        self._waited_ns = _waited_ns()
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Give the seconds until now but those in which a thread of this process waited for a processor."""
        took = time.perf_counter() - self._start
        waited_ns = sum(now - self._waited_ns.get(thread, 0) for thread, now in _waited_ns().items())
        return took - waited_ns / 1e9


def _waited_ns() -> dict[str, int]:
    """Give what each thread has waited for a processor so far, where the system counts it (Linux, sched-stats)."""
    return {path.parent.name: int(text.split()[1]) for path in _THREADS.glob("*/schedstat") if (text := _read(path))}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:  # the thread has ended since it was listed
        return ""
