"""Builds cases from plain facts for the tests of the review page."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from fhir_mappings.case import ABSENT, Case, Evidence, Known, PartialDate, Sign
from fhir_mappings.catalogue import load_catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.case import Value

AS_OF = date(2026, 11, 23)


def case_with(facts: Mapping[str, object], *, signs: frozenset[Sign] = frozenset({Sign.PROCEDURES_COMPLETE})) -> Case:
    """Build a case whose facts are `facts`, each with evidence of the day before; the others are absent."""
    unknown = facts.keys() - load_catalogue().facts.keys()
    assert not unknown, unknown
    dated = PartialDate(date(2026, 11, 22), date(2026, 11, 22))
    return Case(
        facts={
            code: Known(_value(facts[code]), (Evidence(f"Observation/{code}", "entered", dated),))
            if code in facts
            else ABSENT
            for code in load_catalogue().facts
        },
        as_of=AS_OF,
        signs=signs,
    )


def _value(value: object) -> Value:
    assert isinstance(value, bool | int | float | str | date)
    return value
