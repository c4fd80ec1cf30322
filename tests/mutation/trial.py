"""Tries one mutant: a fork of this process runs the tests on a copy of the project, and all of it is thrown away."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.mutation.mutants import Mutant

Verdict = Literal["killed", "endless", "survived"]
_OWN = ("service", "fhir_mappings", "tests")
_MEMORY = 4 << 30
_OPTIONS = (
    "-x",
    "-q",
    "--tb=no",
    "--no-header",
    "-p",
    "no:threadexception",
    "-p",
    "no:unraisableexception",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    "-p",
    "pytest_asyncio.plugin",
    "-p",
    "_hypothesis_pytestplugin",
)
_SETTINGS = {"CI": "true", "TEST_CASES": os.environ.get("TEST_CASES", "150"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""`CI` makes Hypothesis draw the same examples each time."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The tests that try mutants in `root`, and the processor seconds after which one counts as endless."""

    root: Path
    tests: Sequence[str]
    limit_s: int

    def verdict(self, mutant: Mutant) -> Verdict:
        """Try one mutant, by the tests of its own module first."""
        own = f"/test_{PurePath(mutant.path).stem}.py"
        tests = sorted(self.tests, key=lambda test: not test.endswith(own))
        status = _forked(lambda: _run(self.root, tests, mutant.name), self.limit_s)
        if os.WIFSIGNALED(status):
            return "endless" if os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL} else "killed"
        return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"


def prepared(root: Path, tests: Sequence[str]) -> Trial:
    """Run the tests without a mutant and load here what they load from elsewhere; raise where they fail."""
    present = [test for test in tests if (root / test).exists()]
    names = root / "modules.json"

    def run() -> int:
        code = _run(root, present, "")
        names.write_text(json.dumps([name for name in sys.modules if name.partition(".")[0] not in _OWN]))
        return code

    before_s = _children_s()
    if _forked(run, 600) != 0:
        raise RuntimeError(f"the tests fail without any mutant: {' '.join(present)}")
    taken_s = _children_s() - before_s
    for name in json.loads(names.read_text()):
        try:
            importlib.import_module(name)
        except ImportError:  # made by its parent, not to be had by name
            continue
    return Trial(root, present, 3 + int(2 * taken_s))


def _children_s() -> float:
    """Give the processor seconds of all forks so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _forked(work: Callable[[], int], limit_s: int) -> int:
    gc.freeze()  # what this process holds is no child's garbage to look through
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        used = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (used + limit_s, used + limit_s + 2))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        code = work()
    finally:
        os._exit(code)


def _run(root: Path, tests: Sequence[str], mutant: str) -> int:
    """Run the tests in the copy: nothing of this project may come from where the command was called."""
    for name in [name for name in sys.modules if name.partition(".")[0] in _OWN]:
        del sys.modules[name]
    # Two runs that share pytest's folder take each other's old ones away, and a run that ends so counts as a kill.
    os.environ.update(_SETTINGS, MUTANT_UNDER_TEST=mutant, PYTEST_DEBUG_TEMPROOT=str(root))
    sys.dont_write_bytecode = False
    os.chdir(root)
    sys.path.insert(0, str(root))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    return next((code for test in tests if (code := int(pytest.main([*_OPTIONS, test])))), 0)
