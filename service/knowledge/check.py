"""What is odd about a guideline that loads: rows that cannot fire, names that nothing uses; and its pathway to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.knowledge.compiled import describe
from service.knowledge.cubes import bits, on_row, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.compiled import Compiled
    from service.knowledge.formula import Formula
    from service.knowledge.model import Guideline, Row


@dataclass(frozen=True, slots=True)
class Report:
    """The findings; everything empty but `unread_facts` and `lines` is as it should be.

    `idle_rows` and `idle_advisories` hold for no patient under this policy, `uncovered` describes patients that no row
    takes. `unread_facts` are on cards and pages only.
    """

    idle_rows: tuple[str, ...]
    idle_advisories: tuple[str, ...]
    uncovered: tuple[str, ...]
    unused_parameters: tuple[str, ...]
    unused_definitions: tuple[str, ...]
    unread_facts: tuple[str, ...]
    lines: tuple[str, ...]
    """The pathway as plain text, one row a line."""


def check(guideline: Guideline, catalogue: Catalogue) -> Report:
    """Look through a guideline under its policy."""
    compiled = guideline.compiled
    used = compiled.used
    dates = {date for between in compiled.months_between for date in (between.first, between.last)}
    return Report(
        idle_rows=tuple(row.id for row in compiled.rows if not row.cubes),
        idle_advisories=tuple(_idle_advisories(guideline)),
        uncovered=tuple(describe(compiled, cube) for cube in compiled.uncovered),
        unused_parameters=tuple(
            name
            for name, parameter in guideline.parameters.items()
            if parameter.use == "condition" and name not in used
        ),
        unused_definitions=tuple(name for name in guideline.definitions if name not in used),
        unread_facts=tuple(
            fact.code for fact in catalogue.facts.values() if fact.name not in used and fact.code not in dates
        ),
        lines=tuple(_line(guideline, row) for row in guideline.rows),
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


def _line(guideline: Guideline, row: Row) -> str:
    if row.strategy is None:
        return f"{row.id}: {row.sentence} → no card"
    step = guideline.next_steps[row.next_step or ""]
    parts = (guideline.strategies[row.strategy], step.title, step.interval, row.strength, " ".join(row.statements))
    return f"{row.id}: {row.sentence} → " + " · ".join(part for part in parts if part)
