"""Checks that everything a guideline names exists: strategies, next steps, evidence, intervals, dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from service.knowledge.decision import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.binding import Names
    from service.knowledge.source import Source


PLACEHOLDER = re.compile(r"{([^{}]*)}")
"""A parameter whose value is put into a text."""
_BRACES = frozenset("{}")


def reference_faults(source: Source, catalogue: Catalogue, names: Names) -> Iterator[str]:
    """Give every fault that is no fault of a condition."""
    yield from (
        f"guideline: {key} is missing" for key in ("id", "version", "title", "status") if not getattr(source, key)
    )
    if not source.rows:
        yield "guideline: there are no rows"
    yield from _twice("row", [row.id for row in source.rows])
    yield from _twice("advisory", [advisory.code for advisory in source.advisories])
    for name in source.definitions:
        if name in names.facts or name in names.parameters:
            yield f"definition {name}: the name is taken by a fact or a parameter"
    yield from _rows(source)
    yield from _advisories(source, catalogue)
    yield from _times(source, catalogue)


def _rows(source: Source) -> Iterator[str]:
    for row in source.rows:
        where = f"row {row.id}"
        outcomes = [Outcome(row.strategy, row.next_step)] if row.strategy else []
        for outcome in (*outcomes, *(alternative.outcome for alternative in row.alternatives)):
            yield from _unknown(where, "strategy", [outcome.strategy], source.strategies)
            if outcome.next_step:
                yield from _unknown(where, "next step", [outcome.next_step], source.next_steps)
        if row.strategy and not row.statements:
            yield f"{where}: a recommendation names at least one statement"
        yield from _evidence(where, row.statements, row.citations, source)


def _advisories(source: Source, catalogue: Catalogue) -> Iterator[str]:
    assumed = {rule.fact for rule in source.assumptions}
    for advisory in source.advisories:
        where = f"advisory {advisory.code}"
        yield from _evidence(where, advisory.statements, advisory.citations, source)
        yield from _unknown(where, "fact", advisory.facts, catalogue.facts)
        for text in (advisory.sentence, advisory.sentence_if_assumed or ""):
            yield from _placeholders(where, text, source)
        if advisory.assumed is not None:
            yield from _unknown(where, "assumption", [advisory.assumed], assumed)


def _times(source: Source, catalogue: Catalogue) -> Iterator[str]:
    for step in source.next_steps.values():
        yield from _placeholders(f"next step {step.code}", step.title, source)
        if step.interval:
            yield from _unknown(f"next step {step.code}", "interval", [step.interval], source.intervals)
        if step.chemotherapy_months:
            yield from _unknown(f"next step {step.code}", "parameter", [step.chemotherapy_months], source.parameters)
    for what, texts in (("interval", source.intervals), ("resolution", source.resolutions)):
        for name, text in texts.items():
            yield from _placeholders(f"{what} {name}", text, source)
    for parameter in source.parameters.values():
        named = [name for name in (parameter.months_in, parameter.not_above) if name is not None]
        yield from _unknown(f"parameter {parameter.name}", "parameter", named, source.parameters)
    dates = {fact.code for fact in catalogue.facts.values() if fact.kind == "date"}
    for between in source.months_between:
        yield from _unknown(f"months_between {between.fact}", "date", [between.first, between.last], dates)


def _placeholders(where: str, text: str, source: Source) -> Iterator[str]:
    yield from _unknown(where, "parameter", PLACEHOLDER.findall(text), source.parameters)
    if not _BRACES.isdisjoint(PLACEHOLDER.sub("", text)):
        yield f"{where}: a brace stands alone"


def _evidence(where: str, statements: Iterable[str], citations: Iterable[str], source: Source) -> Iterator[str]:
    yield from _unknown(where, "statement", statements, source.statements.keys() | source.resolutions.keys())
    yield from _unknown(where, "citation", citations, source.citations)


def _twice(what: str, names: list[str]) -> Iterator[str]:
    return (f"{what} {name}: there are two of it" for name in sorted(set(names)) if names.count(name) > 1)


def _unknown(where: str, what: str, names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    return (f"{where}: unknown {what} {name!r}" for name in names if name not in known)
