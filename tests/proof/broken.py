"""Copies of the shipped guideline in which something is wrong on purpose."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import tomli_w

from service.knowledge.guideline import shipped_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.guideline import Table


def with_row(row_id: str, **changed: Any) -> dict[str, str]:
    """Change keys of a row."""
    return _edited("pathway.toml", lambda tables: _entry(tables["row"], "id", row_id).update(changed))


def without_row(row_id: str) -> dict[str, str]:
    """Leave a row out."""
    return _edited("pathway.toml", lambda tables: tables["row"].remove(_entry(tables["row"], "id", row_id)))


def without_advisory(code: str) -> dict[str, str]:
    """Leave an advisory out."""
    return _edited(
        "advisories.toml", lambda tables: tables["advisory"].remove(_entry(tables["advisory"], "code", code))
    )


def with_rows_swapped(one: str, two: str) -> dict[str, str]:
    """Let two rows change places."""

    def swap(tables: Table) -> None:
        rows = tables["row"]
        first, second = (rows.index(_entry(rows, "id", row)) for row in (one, two))
        rows[first], rows[second] = rows[second], rows[first]

    return _edited("pathway.toml", swap)


def with_definition(name: str, old: str, new: str) -> dict[str, str]:
    """Replace a part of a definition."""

    def replace(tables: Table) -> None:
        before = tables["definition"][name]
        assert old in before
        tables["definition"][name] = before.replace(old, new)

    return _edited("pathway.toml", replace)


def with_parameter(name: str, **changed: Any) -> dict[str, str]:
    """Change keys of a parameter."""
    return _edited("policy.toml", lambda tables: tables["parameter"][name].update(changed))


def with_tie(when: str, then: str) -> dict[str, str]:
    """Add a tie."""
    tie = {"when": when, "then": then, "reason": "on purpose"}
    return _edited("policy.toml", lambda tables: tables["tie"].append(tie))


def _edited(file: str, edit: Callable[[Table], None]) -> dict[str, str]:
    texts = shipped_texts()
    tables = tomllib.loads(texts[file])
    edit(tables)
    return {**texts, file: tomli_w.dumps(tables)}


def _entry(entries: list[Table], key: str, value: str) -> Table:
    return next(entry for entry in entries if entry[key] == value)
