"""The mutants of one module: mutmut writes them all into one file, a name in the environment chooses among them."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from mutmut.mutation.file_mutation import mutate_file_contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.mutation.explained import Key


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """One change of one function."""

    path: str
    line: int
    function: str
    name: str
    """What the environment variable holds while it is tried."""
    before: str
    after: str

    @property
    def key(self) -> Key:
        """What stays the same when lines move."""
        return self.path, self.function, self.before, self.after

    def __str__(self) -> str:
        """Write it as SURVIVORS.md does."""
        return f"`{self.path}` {self.function}: `{self.before}` → `{self.after}`"


@contextmanager
def written(path: str, root: Path) -> Iterator[list[Mutant]]:
    """Replace a module of a copy, for a while, by one that holds all its mutants; give them as the file stands."""
    source = (root / path).read_text(encoding="utf-8")
    mutated = mutate_file_contents(path, _undecorated(source))
    (root / path).write_text(mutated.code, encoding="utf-8")
    lines = mutated.code.splitlines()
    functions = {
        name: [line.strip() for line in lines[span.start - 1 : span.end]] for name, span in _spans(mutated.code).items()
    }
    places = {_mangled(name): (name, place) for name, place in _functions(source).items()}
    module = path.removesuffix(".py").replace("/", ".")
    found = []
    for name in mutated.mutant_names:
        mangled = name.rpartition("__mutmut_")[0]
        function, place = places[mangled]
        offset, before, after = _change(functions[f"{mangled}__mutmut_orig"], functions[name])
        found.append(Mutant(path, place + offset, function, f"{module}.{name}", before, after))
    yield sorted(found)
    (root / path).write_text(source, encoding="utf-8")


def _undecorated(source: str) -> str:
    """Decorate by `once` below the function, no line moved: mutmut leaves alone what is decorated above."""
    lines = source.splitlines()
    for node in ast.parse(source).body:
        for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef) and [ast.unparse(one) for one in inner.decorator_list] == ["once"]:
                lines[inner.lineno - 2] = ""
                end = inner.end_lineno or inner.lineno
                lines[end : end + 1] = [f"{' ' * inner.col_offset}{inner.name} = once({inner.name})"]
    return "\n".join([*lines, ""])


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int


def _spans(code: str) -> dict[str, _Span]:
    return {
        node.name: _Span(node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _functions(source: str) -> dict[str, int]:
    """Give the line of each function and `Class.method`."""
    found = {}
    for node in ast.parse(source).body:
        for inner in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{node.name}.{inner.name}" if isinstance(node, ast.ClassDef) else inner.name
                found[name] = inner.lineno
    return found


def _mangled(name: str) -> str:
    owner, _, function = name.rpartition(".")
    return f"xǁ{owner}ǁ{function}" if owner else f"x_{function}"


def _change(before: list[str], after: list[str]) -> tuple[int, str, str]:
    """Give the first changed line and what it was and became, the name of the function apart."""
    changes = [
        change
        for change in SequenceMatcher(None, before[1:], after[1:], autojunk=False).get_opcodes()
        if change[0] != "equal"
    ]
    if not changes:
        return 0, "def", "def with another default"
    _, start, _, to, _ = changes[0]
    _, _, end, _, until = changes[-1]
    return start + 1, " ".join(before[start + 1 : end + 1]), " ".join(after[to + 1 : until + 1])
