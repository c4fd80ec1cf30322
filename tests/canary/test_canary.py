"""The watch is seen failing: a run with a leak at each place that is watched, told across processes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.canary.mark import MARK

ROOT = Path(__file__).parents[2]
LEAKS = Path(__file__).with_name("leaks.py")
WRITTEN = re.findall(r"^def (test_\w+)", LEAKS.read_text(encoding="utf-8"), re.MULTILINE)
FINE = {name for name in WRITTEN if name.startswith("test_fine_")}
LATE = {name for name in WRITTEN if name.startswith("test_late_")}


def test_a_leak_at_any_place_fails_the_run_and_is_told() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-n", "2", str(LEAKS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    failed = set(re.findall(r"^ERROR \S+::(test_\w+)", run.stdout, re.MULTILINE))
    passed = set(re.findall(r"^PASSED \S+::(test_\w+)", run.stdout, re.MULTILINE))
    late = run.stdout.partition("PATIENT DATA OR A SECRET WAS SEEN")[2]
    assert run.returncode == 1
    assert len(WRITTEN) - len(FINE) - len(LATE) > 14
    assert failed == set(WRITTEN) - FINE - LATE
    assert passed == set(WRITTEN)
    assert len(re.findall(r"^E +\S*MarkSeenError: patient data or a secret", run.stdout, re.MULTILINE)) == len(failed)
    assert re.search(r"log of a process \(\w+\.stderr\), after the last test", late)
    assert re.search(r"store \(test_late_in_a_store\w*/store\.sqlite3\)", late)
    assert "1 requests with the mark" in run.stdout
    assert MARK not in run.stderr


def test_a_run_that_leaks_nothing_passes_and_tells_what_was_watched() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-k", "test_fine", str(LEAKS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0
    assert "watched for the mark of patient data: 1 answers, 1 requests with the mark" in run.stdout
