"""The survivors that have been read and explained in SURVIVORS.md, and mutants as lines of text."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def gone(keys: Iterable[Key], root: Path) -> list[Key]:
    """Give the mutants whose line stands no longer in their function under `root`, sorted."""
    keys = sorted(keys)
    texts = {path: dict(_functions(root / path)) for path, *_ in keys}
    return [key for key in keys if key[2] not in texts[key[0]].get(key[1], "")]


def _functions(file: Path) -> Iterator[tuple[str, str]]:
    """Give each function and `Class.method` of a file with its lines, as a mutant joins them; none of no file."""
    source = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = [line.strip() for line in source.splitlines()]
    for node in ast.parse(source).body:
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                yield owner + inner.name, " ".join(lines[inner.lineno - 1 : inner.end_lineno])
