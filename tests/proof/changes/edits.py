"""Small changes of the knowledge, drawn by seed: what a slip of the pen in the guideline's files may look like."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import tomli_w

from tests.proof.language import Comparison, Joined, Not, read, written
from tests.proof.patients import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

    from tests.proof.guideline import Table
    from tests.proof.language import Node

Tables: TypeAlias = dict[str, dict[str, Any]]
"""The tables of each file by its name."""
Path: TypeAlias = tuple[str | int, ...]

_OTHER_OPERATORS = {
    "<": ("<=", ">"), "<=": ("<", ">"), ">": (">=", "<"), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
    "in": ("not in",), "not in": ("in",),
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One change: its kind, its place, and the text there before and after."""

    kind: str
    where: str
    before: str
    after: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class _Edit:
    """A place in the tables and what shall stand there; `None` removes it."""

    kind: str
    path: Path
    value: Any


def drawn_changes(random: Random, count: int, texts: Mapping[str, str]) -> Iterator[Change]:
    """Draw different changes: first a kind, then one of its places, so that rare kinds come as often as common ones."""
    tables = {name: tomllib.loads(text) for name, text in texts.items()}
    by_kind: dict[str, list[_Edit]] = {}
    for edit in _edits(tables):
        by_kind.setdefault(edit.kind, []).append(edit)
    for edits in by_kind.values():
        random.shuffle(edits)
    while count and by_kind:
        kind = random.choice(sorted(by_kind))
        yield _applied(by_kind[kind].pop(), tables, texts)
        count -= 1
        if not by_kind[kind]:
            del by_kind[kind]


def _applied(edit: _Edit, tables: Tables, texts: Mapping[str, str]) -> Change:
    file = str(edit.path[0])
    changed = deepcopy(tables[file])
    holder: Any = changed
    for key in edit.path[1:-1]:
        holder = holder[key]
    last = edit.path[-1]
    before = holder.get(last, "") if isinstance(holder, dict) else holder[last]
    if edit.kind == "rows swapped":
        holder[last], holder[edit.value] = holder[edit.value], holder[last]
        after = f"changes places with {holder[last]['id']}"
    elif edit.value is None:
        del holder[last]
        after = ""
    else:
        holder[last] = edit.value
        after = str(edit.value)
    where = " ".join(_name(tables[file], edit.path[1:]))
    before = str(before.get("id", before.get("code", where)) if isinstance(before, dict) else before)
    return Change(edit.kind, where, before, after, {**texts, file: tomli_w.dumps(changed)})


def _name(table: Any, path: Path) -> Iterator[str]:
    for key in path:
        table = table[key] if isinstance(key, int) else table.get(key)
        if not isinstance(key, int):
            yield key
        elif isinstance(table, dict):
            yield next((str(table[name]) for name in ("id", "code", "fact", "strategy") if name in table), f"{key + 1}")


def _edits(tables: Tables) -> Iterator[_Edit]:
    for path, condition in _conditions(tables):
        for kind, node in _variants(read(condition)):
            yield _Edit(kind, path, written(node))
    pathway, policy = tables["pathway.toml"], tables["policy.toml"]
    yield from _row_edits(
        pathway["row"], list(tables["steps.toml"]["strategy"]), list(tables["steps.toml"]["next_step"])
    )
    for file, key in (("advisories.toml", "advisory"), ("policy.toml", "assumption"), ("policy.toml", "tie")):
        for number in range(len(tables[file][key])):
            yield _Edit(f"{key} dropped", (file, key, number), None)
    for name, parameter in policy["parameter"].items():
        value = parameter.get("value")
        if parameter.get("use") is None and value is not None:
            for other in (not value,) if isinstance(value, bool) else (value - 1, value + 1):
                yield _Edit("parameter", ("policy.toml", "parameter", name, "value"), other)


def _row_edits(rows: list[Table], strategies: list[str], steps: list[str]) -> Iterator[_Edit]:
    for number, row in enumerate(rows):
        path: Path = ("pathway.toml", "row", number)
        yield _Edit("row dropped", path, None)
        for other in range(number + 1, len(rows)):
            yield _Edit("rows swapped", path, other)
        if "strategy" in row:
            yield from (_Edit("strategy", (*path, "strategy"), name) for name in strategies if name != row["strategy"])
            yield from (_Edit("next step", (*path, "next_step"), name) for name in steps if name != row["next_step"])
            yield _Edit("strength", (*path, "strength"), "conditional" if "strength" in row else "strong")
        for place in range(len(row.get("alternatives", ()))):
            yield _Edit("alternative dropped", (*path, "alternatives", place), None)


def _conditions(tables: Tables) -> Iterator[tuple[Path, str]]:
    for name, text in tables["pathway.toml"]["definition"].items():
        yield ("pathway.toml", "definition", name), text
    for file, key in (("pathway.toml", "row"), ("advisories.toml", "advisory"), ("policy.toml", "assumption"),
                      ("policy.toml", "tie")):  # fmt: skip
        for number, entry in enumerate(tables[file][key]):
            for condition in ("when", "strong_when", "assume", "then"):
                if condition in entry:
                    yield (file, key, number, condition), entry[condition]
            for place, other in enumerate(entry.get("alternatives", ())):
                if "when" in other:
                    yield (file, key, number, "alternatives", place, "when"), other["when"]


def _variants(node: Node) -> Iterator[tuple[str, Node]]:
    """Give every condition that differs in one place."""
    match node:
        case Not(operand=operand):
            yield "negation", operand
            yield from ((kind, Not(other)) for kind, other in _variants(operand))
        case Joined(word=word, terms=terms):
            yield "and/or", Joined("or" if word == "and" else "and", terms)
            for place, term in enumerate(terms):
                rest = (*terms[:place], *terms[place + 1 :])
                yield (
                    "conjunct dropped" if word == "and" else "disjunct dropped",
                    (rest[0] if len(rest) == 1 else Joined(word, rest)),
                )
                for kind, other in _variants(term):
                    yield kind, Joined(word, (*terms[:place], other, *terms[place + 1 :]))
        case Comparison():
            yield "negation", Not(node)
            yield from _other_comparisons(node)
        case _:
            yield "negation", Not(node)


def _other_comparisons(test: Comparison) -> Iterator[tuple[str, Node]]:
    for operator in _OTHER_OPERATORS[test.operator]:
        yield "comparison", replace(test, operator=operator)
    for place, member in enumerate(test.members):
        rest = (*test.members[:place], *test.members[place + 1 :])
        if isinstance(member, int):
            yield from (
                ("threshold", replace(test, members=(member + step,))) for step in (-1, 1) if member + step >= 0
            )
        elif rest:
            yield "member dropped", replace(test, members=rest)
        for other in catalogue().get(test.left.replace("_", "-"), {}).get("choices", ()):
            if other not in test.members:
                yield "value", replace(test, members=(*test.members[:place], other, *test.members[place + 1 :]))
