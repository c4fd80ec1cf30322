"""Try the mutants of the decision core, the language of conditions, tokens and readers; print the score.

    python -m tests.mutation.run [GROUP | MODULE.py ...] [--share 0.25] [--seed 7] [--again LOG] [--in DIR]

Exits with 1 where a mutant survives that SURVIVORS.md does not explain.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console

from tests.mutation.explained import Key, explained, is_guard, named
from tests.mutation.groups import GROUPS
from tests.mutation.mutants import written
from tests.mutation.trial import prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mutation.groups import Group
    from tests.mutation.mutants import Mutant
    from tests.mutation.trial import Trial

OUT = Console(highlight=False, markup=False, soft_wrap=True)
PROJECT = Path(__file__).parents[2]
COPIED = ("service", "fhir_mappings", "tests", "pyproject.toml")


@dataclass(slots=True)
class Score:
    """What became of the mutants that were tried."""

    tried: int = 0
    endless: int = 0
    explained: list[Mutant] = field(default_factory=list)
    open: list[Mutant] = field(default_factory=list)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.tried + other.tried,
            self.endless + other.endless,
            self.explained + other.explained,
            self.open + other.open,
        )

    def __str__(self) -> str:
        killed = self.tried - len(self.explained) - len(self.open)
        return (
            f"{killed} of {self.tried} killed ({killed / max(self.tried, 1):.1%}, {self.endless} by time), "
            f"{len(self.explained)} explained, {len(self.open)} open"
        )


def scored(mutants: list[Mutant], trial: Trial, known: frozenset[Key]) -> Score:
    """Try mutants and print those that survive without an explanation."""
    score = Score(len(mutants))
    for mutant in mutants:
        verdict = trial.verdict(mutant)
        score.endless += verdict == "endless"
        if verdict == "survived" and (mutant.key in known or is_guard(mutant.key)):
            score.explained.append(mutant)
        elif verdict == "survived":
            score.open.append(mutant)
            OUT.print(f"  {mutant}")
    return score


def main() -> int:
    """Copy the project, try what was asked for, print the score of each module and of all."""
    options = _options()
    with nullcontext(options.root) if options.root else TemporaryDirectory(prefix="mutation-") as root:
        return _tried(options, Path(root))


def _tried(options: argparse.Namespace, root: Path) -> int:
    for name in COPIED:
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, root / name)
    known = explained()
    again = named(options.again.read_text(encoding="utf-8")) if options.again else None
    total = Score()
    for group, paths in _chosen(options.what):
        trial = prepared(root, group.tests)
        for path in paths:
            start = time.monotonic()
            with written(path, root) as mutants:
                drawn = _drawn(mutants, options.share or group.share, f"{options.seed} {path}")
                found = [
                    mutant for mutant in (drawn if again is None else mutants) if again is None or mutant.key in again
                ]
                score = scored(found, trial, known)
            total += score
            OUT.print(f"{path}: {score}; {time.monotonic() - start:.0f} s")
    OUT.print(f"All: {total}")
    return 1 if total.open else 0


def _drawn(mutants: list[Mutant], share: float, seed: str) -> list[Mutant]:
    return sorted(random.Random(seed).sample(mutants, round(share * len(mutants))))


def _chosen(what: list[str]) -> Iterator[tuple[Group, list[str]]]:
    for name, group in GROUPS.items():
        paths = [path for path in group.paths() if not what or name in what or path in what]
        if paths:
            yield group, paths


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run", description=__doc__)
    parser.add_argument("what", nargs="*", help=f"groups ({', '.join(GROUPS)}) or modules; all without")
    parser.add_argument("--share", type=float, help="the share of mutants to try, instead of the group's own")
    parser.add_argument("--seed", type=int, default=7, help="draws the share")
    parser.add_argument("--again", type=Path, help="try only the mutants that this output of an earlier run names")
    parser.add_argument("--in", dest="root", help="an empty folder for the copy; a temporary one without")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
