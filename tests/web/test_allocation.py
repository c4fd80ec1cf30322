"""Freed memory: kept for the next request instead of being given back and asked for again."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from service.web.allocation import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def request():
    return len([bytes(900_000) for _ in range(4)])

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(5):
    request()
before = faults()
for _ in range(100):
    request()
print(faults() - before)
"""


@pytest.mark.parametrize(("memory", "pages_anew"), [("kept", False), ("as it comes", True)])
def test_large_requests_do_not_pay_for_their_memory_each_time(memory: str, *, pages_anew: bool) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, memory], capture_output=True, text=True, check=True)
    assert (int(done.stdout) > 100) is pages_anew
