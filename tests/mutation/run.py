"""Try every mutant of the decision core, the language of conditions, tokens and readers; print the score.

python -m tests.mutation.run [GROUP | MODULE.py ...] [--share 0.25] [--seed 7] [--in DIR]
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tests.mutation.groups import GROUPS
from tests.mutation.mutants import written
from tests.mutation.trial import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mutation.groups import Group
    from tests.mutation.mutants import Mutant
    from tests.mutation.trial import Trial

OUT = Console(highlight=False, markup=False, soft_wrap=True)
HERE = Path(__file__).parents[2]
COPIED = ("service", "fhir_mappings", "tests", "pyproject.toml")


def survivors(path: str, trial: Trial, *, share: float, seed: int) -> tuple[Counter[str], list[Mutant]]:
    """Try the mutants of one module (or the share of them that the seed draws)."""
    original = (trial.root / path).read_text(encoding="utf-8")
    mutants = written(path, trial.root)
    drawn = sorted(random.Random(f"{seed} {path}").sample(mutants, round(share * len(mutants))))
    counts: Counter[str] = Counter()
    alive = []
    for mutant in drawn:
        verdict = trial.verdict(mutant)
        counts[verdict] += 1
        if verdict == "survived":
            alive.append(mutant)
            OUT.print(f"  {mutant}")
    (trial.root / path).write_text(original, encoding="utf-8")
    return counts, alive


def main() -> int:
    options = _options()
    root = Path(options.root or tempfile.mkdtemp(prefix="mutation-"))
    for name in COPIED:
        copy = shutil.copytree if (HERE / name).is_dir() else shutil.copy
        copy(HERE / name, root / name)
    total: Counter[str] = Counter()
    for group, paths in _chosen(options.what):
        trial = prepared(root, group.tests)
        for path in paths:
            start = time.monotonic()
            counts, _ = survivors(path, trial, share=options.share or group.share, seed=options.seed)
            total += counts
            OUT.print(f"{path}: {_score(counts)}, {time.monotonic() - start:.0f} s")
    OUT.print(_score(total))
    return 0


def _score(counts: Counter[str]) -> str:
    tried = counts.total()
    return f"{tried - counts['survived']} of {tried} killed ({counts['timeout']} by time)"


def _chosen(what: list[str]) -> Iterator[tuple[Group, list[str]]]:
    for name, group in GROUPS.items():
        paths = [path for path in group.paths() if not what or name in what or path in what]
        if paths:
            yield group, paths


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run", description=__doc__)
    parser.add_argument("what", nargs="*", help="groups or modules; all without")
    parser.add_argument("--share", type=float)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--in", dest="root")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
