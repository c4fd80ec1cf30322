"""The stopwatch of the tests that hold the service to a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stopwatch import Stopwatch


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not count what is waited for")
def test_what_another_program_takes_of_the_processor_does_not_count() -> None:
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
    assert seconds < took - 0.1
    assert seconds > 0.25
