"""The stopwatch of the tests that hold the service to a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import stopwatch
from tests.stopwatch import Stopwatch


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stand in for the folder in which Linux counts, for each thread, the nanoseconds that it ran and waited."""
    monkeypatch.setattr(stopwatch, "_THREADS", tmp_path)
    return tmp_path


def _count(threads: Path, thread: str, *, waited_s: float) -> None:
    (threads / thread).mkdir(exist_ok=True)
    (threads / thread / "schedstat").write_text(f"5 {int(waited_s * 1e9)} 7\n", encoding="ascii")


def test_what_a_thread_waited_for_a_processor_does_not_count(monkeypatch: pytest.MonkeyPatch, threads: Path) -> None:
    clock = iter([100.0, 110.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    _count(threads, "1", waited_s=40)
    _count(threads, "2", waited_s=1)
    watch = Stopwatch()
    _count(threads, "1", waited_s=43)
    (threads / "2" / "schedstat").unlink()  # a thread that ended
    _count(threads, "3", waited_s=0.5)  # one that began
    assert watch.seconds() == pytest.approx(10 - 3 - 0.5)


def test_all_time_counts_where_the_system_does_not_say_what_was_waited_for(
    monkeypatch: pytest.MonkeyPatch, threads: Path
) -> None:
    clock = iter([100.0, 110.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    assert list(threads.iterdir()) == []
    assert Stopwatch().seconds() == pytest.approx(10)


def test_beside_another_program_no_more_counts_than_was_taken_and_no_less_than_was_used() -> None:
    allowed = os.sched_getaffinity(0)
    own = {min(allowed)}
    os.sched_setaffinity(0, own)  # the other program inherits it
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    ) as other:
        try:
            assert other.stdout
            other.stdout.readline()
            watch, start, used = Stopwatch(), time.perf_counter(), time.process_time()
            while time.process_time() - used < 0.3:
                pass
            seconds, took = watch.seconds(), time.perf_counter() - start
        finally:
            other.kill()
            os.sched_setaffinity(0, allowed)
    counted = Path("/proc/self/schedstat").exists()
    assert 0.25 < seconds < took + (-0.1 if counted else 0.1)
