"""The survivors that have been read and explained in SURVIVORS.md, and mutants as lines of text."""

from __future__ import annotations

import re
from pathlib import Path

Key = tuple[str, str, str, str]
"""A mutant wherever lines move to: file, function, what was there, what is there now."""

_LINE = re.compile(r"`([^`]+)` ([\w.]+): `([^`]*)` → `([^`]*)`")


_STRICT = re.compile(r",\s*(?:strict=\w+)?\s*\)")


def is_guard(key: Key) -> bool:
    """Whether nothing but `strict` of a `zip` changed, which guards against mistakes in this code alone."""
    _, _, before, after = key
    return before != after and _STRICT.sub(")", before) == _STRICT.sub(")", after)


def explained() -> frozenset[Key]:
    """Give the mutants of SURVIVORS.md."""
    return named(Path(__file__).with_name("SURVIVORS.md").read_text(encoding="utf-8"))


def named(text: str) -> frozenset[Key]:
    """Give the mutants that a text names, such as what an earlier run has printed."""
    return frozenset((path, function, before, after) for path, function, before, after in _LINE.findall(text))
