"""A minute of the fuzz in each run (`python -m tests.fuzz` has an hour), and everything that it ever found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.described import storm_described
from tests.fuzz.storm import FOUND, Broken, storm
from tests.fuzz.targets import OPENERS

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

SEED = int(os.environ.get("TEST_SEED", "20261124"))
TIMES = int(os.environ.get("TEST_FUZZ", "1"))
"""How many times the few inputs of each run."""
INPUTS = {"request": 250, "jwt": 250, "bundle": 100, "knowledge": 120, "policy": 80}
REPLAYED = sorted(FOUND.glob("*.input"))


@pytest.mark.duty(21, 22)
@pytest.mark.parametrize("name", OPENERS)
def test_no_damaged_input_breaks_anything(name: str, tmp_path: Path) -> None:
    with OPENERS[name](tmp_path) as target:
        report = storm(
            target, seed=SEED, until=lambda now: now.outcomes.total() >= TIMES * INPUTS[name], folder=tmp_path
        )
    assert [path.with_suffix(".txt").read_text(encoding="utf-8") for path in report.found] == []


def test_every_answer_is_as_the_description_says(tmp_path: Path) -> None:
    report = storm_described(tmp_path, seed=SEED, until=lambda now: now.outcomes.total() >= TIMES * 60, folder=tmp_path)
    assert [path.read_text(encoding="utf-8") for path in report.found] == []


@pytest.mark.parametrize("path", REPLAYED, ids=lambda path: path.stem)
def test_what_was_once_found_stays_mended(path: Path, tmp_path: Path) -> None:
    with OPENERS[path.stem.partition("-")[0]](tmp_path) as target:
        target.run(path.read_bytes())


class Fragile:
    """A target that breaks in two places."""

    name = "fragile"

    def __init__(self) -> None:
        self.sound = True

    def draw(self, random: Random) -> bytes:
        return random.randbytes(1)

    def run(self, given: bytes) -> str:
        if given[0] % 4 == 0:
            raise KeyError("a")
        if given[0] % 4 == 1:
            raise Broken("b")
        return "fine"

    def control(self) -> None:
        if not self.sound:
            raise Broken("no longer as before")


def test_each_place_that_breaks_is_kept_once_with_its_input(tmp_path: Path) -> None:
    report = storm(Fragile(), seed=1, until=lambda now: now.outcomes.total() >= 100, folder=tmp_path)
    kept = {path.read_bytes()[0] % 4: path.with_suffix(".txt").read_text(encoding="utf-8") for path in report.found}
    assert {place: why.splitlines()[-1] for place, why in kept.items()} == {
        0: "KeyError: 'a'",
        1: "Broken: b",
    }
    assert set(report.outcomes) == {"fine", "broken"}


def test_a_storm_after_which_a_sound_input_fails_is_no_success(tmp_path: Path) -> None:
    target = Fragile()

    def over(_: object) -> bool:
        target.sound = False
        return True

    with pytest.raises(Broken, match="no longer as before"):
        storm(target, seed=1, until=over, folder=tmp_path)
