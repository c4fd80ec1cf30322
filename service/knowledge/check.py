"""What is odd about a guideline that loads: rows that cannot fire, names that nothing uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.knowledge.cubes import bits, on_row, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.knowledge.compiled import Compiled
    from service.knowledge.formula import Formula
    from service.knowledge.model import Guideline


@dataclass(frozen=True, slots=True)
class Report:
    """The findings: rows and advisories that hold for no patient under the policy, and names that nothing uses."""

    idle_rows: tuple[str, ...]
    idle_advisories: tuple[str, ...]
    unused_parameters: tuple[str, ...]
    unused_definitions: tuple[str, ...]


def check(guideline: Guideline) -> Report:
    """Look through a guideline under its policy."""
    compiled = guideline.compiled
    used = compiled.used
    return Report(
        idle_rows=tuple(row.id for row in compiled.rows if not row.cubes),
        idle_advisories=tuple(_idle_advisories(guideline)),
        unused_parameters=tuple(
            name
            for name, parameter in guideline.parameters.items()
            if parameter.use == "condition" and name not in used
        ),
        unused_definitions=tuple(name for name in guideline.definitions if name not in used),
    )


def _idle_advisories(guideline: Guideline) -> Iterator[str]:
    for advisory, condition in zip(guideline.advisories, guideline.compiled.advisories, strict=True):
        if not condition.asks_gaps and not _can_hold(guideline.compiled, condition.test):
            yield advisory.code


def _can_hold(compiled: Compiled, test: Formula) -> bool:
    return any(
        next(where(on_row(test, row.id), compiled.cubes[number], holds=True), None) is not None
        for row in compiled.rows
        for number in bits(row.cubes)
    )
