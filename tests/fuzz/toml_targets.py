"""What sites and guideline authors write: the files of a guideline, the catalogue of facts, a site's policy."""

from __future__ import annotations

import re
import tomllib
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import tomli_w

from fhir_mappings.catalogue import CatalogueError, load_catalogue, parse_catalogue
from service.adapters.policy_file import guideline_under
from service.errors import SettingsError
from service.knowledge.decide import decide
from service.knowledge.guideline import build_guideline, load_guideline, shipped_texts
from service.knowledge.policy import GuidelineError
from tests.cases import case_of, examples
from tests.fuzz.mutate import at, mutate, places, plain, spoiled
from tests.fuzz.storm import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from service.knowledge.model import Guideline

_CATALOGUE = "catalogue.toml"
_POLICIES = (
    '[policy]\nname = "our MDT"\n[parameters]\nremnant_minimum_percent = 35\n[assumptions]\nasa = false\n',
    '[policy]\nname = "x"\n[parameters]\nprefer_simultaneous_when_eligible = false\nstaging_window_days = 60\n',
    '[policy]\nname = "x"\n[parameters]\necog_maximum_age_days = 30\n[assumptions]\nflr-percent = false\nasa = false\n',
)
_CASES = [case_of(example.facts) for example in examples()[:3]] + [case_of()]
_WORDS = re.compile(r"\w+|[^\w\s]+")
_TOKENS = (
    "and or not in == != < <= > >= ( ) { } , primary_in_situ ecog asa r0_achievable synchronous resectable 0 1 3.5 -1"
    " 1e999 'x' true false none obstruction primary_symptoms metastasis_count = == * ** . [0] lambda __import__ \\ ;"
).split()
_TOKENS += ["9" * 400, "9" * 5000]


def _conditions(document: Any) -> list[tuple[str | int, ...]]:
    """Give the places of conditions: texts in a `when`, `then` or `definition`."""
    found = [path for path in places(document) if path and isinstance(at(document, path), str)]
    return [path for path in found if {"when", "then", "strong_when", "definition", "assume"} & set(path)]


def _other_condition(random: Random, text: str) -> str:
    words = _WORDS.findall(text) or ["true"]
    roll = random.random()
    if roll < 0.1:
        depth = random.choice((20, 200, 5000))
        return "(" * depth + text + ")" * depth
    if roll < 0.2:
        return random.choice(("not ", "")) * random.choice((1, 50, 3000)) + f" {random.choice(('and', 'or'))} ".join(
            [text] * random.choice((1, 2, 40))
        )
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(words))
        words[start : start + random.choice((0, 1, 1, 2))] = random.choice(
            ([random.choice(_TOKENS)], [], [random.choice(_TOKENS), random.choice(words)])
        )
        words = words or ["true"]
    return " ".join(words)


def damaged_toml(random: Random, text: str) -> bytes:
    """Damage a TOML file: its values, its conditions, its lines or its bytes."""
    roll = random.random()
    if roll < 0.5:
        document = tomllib.loads(text)
        conditions = _conditions(document)
        if conditions and random.random() < 0.6:
            path = random.choice(conditions)
            at(document, path[:-1])[path[-1]] = _other_condition(random, at(document, path))
        else:
            document = plain(mutate(random, document))
        try:
            return tomli_w.dumps(document).encode("utf-8", "surrogatepass")
        except (TypeError, ValueError):  # such as a key that is no text
            return text.encode()
    if roll < 0.7:
        lines = text.splitlines()
        random.shuffle(lines) if random.random() < 0.2 else lines.pop(random.randrange(len(lines)))
        lines.insert(random.randint(0, len(lines)), random.choice(lines))
        return "\n".join(lines).encode()
    return spoiled(random, text.encode())


def _try_cases(guideline: Guideline) -> None:
    """Decide with what was loaded: knowledge that is accepted has to work."""
    for case in _CASES:
        decide(case, guideline)


class Knowledge:
    """The files of a guideline, and the catalogue. An input is the file's name in one line, and the file."""

    name = "knowledge"

    def __init__(self) -> None:
        self._texts = shipped_texts()
        catalogue = files("fhir_mappings").joinpath(_CATALOGUE).read_text(encoding="utf-8")
        self._files = {**self._texts, _CATALOGUE: catalogue}
        self._sound = [decide(case, load_guideline()) for case in _CASES]

    def draw(self, random: Random) -> bytes:
        name = random.choice(sorted(self._files))
        return name.encode() + b"\n" + damaged_toml(random, self._files[name])

    def run(self, given: bytes) -> str:
        name, _, body = given.partition(b"\n")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return "not UTF-8"
        try:
            if name.decode() == _CATALOGUE:
                parse_catalogue(text)
                return "loaded"
            guideline = build_guideline({**self._texts, name.decode(): text}, load_catalogue())
        except (GuidelineError, CatalogueError) as fault:
            if not str(fault):
                raise Broken("refused without a reason") from fault
            return "refused"
        _try_cases(guideline)
        return "loaded"

    def control(self) -> None:
        guideline = build_guideline(self._texts, load_catalogue())
        if [decide(case, guideline) for case in _CASES] != self._sound:
            raise Broken("the shipped guideline decides otherwise than before")


class Policies:
    """A site's policy file; an input is its bytes."""

    name = "policy"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "policy.toml"

    def draw(self, random: Random) -> bytes:
        return damaged_toml(random, random.choice(_POLICIES))

    def run(self, given: bytes) -> str:
        self._path.write_bytes(given)
        try:
            guideline = guideline_under(self._path)
        except (GuidelineError, SettingsError) as fault:
            if not str(fault):
                raise Broken("refused without a reason") from fault
            return "refused"
        _try_cases(guideline)
        return "loaded"

    def control(self) -> None:
        for text in _POLICIES:
            if self.run(text.encode()) != "loaded":
                raise Broken("a sound policy is refused")


@contextmanager
def knowledge(folder: Path) -> Iterator[Knowledge]:
    yield Knowledge()


@contextmanager
def policies(folder: Path) -> Iterator[Policies]:
    yield Policies(folder)
