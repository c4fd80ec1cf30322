"""Builders of cases from plain facts, and the worked examples as such."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from fhir_mappings.case import ABSENT, Case, Interval, Known, Narrowed, Sign, Unknown
from fhir_mappings.catalogue import load_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.case import Fact, Value

AS_OF = date(2026, 11, 23)


def case_of(
    facts: Mapping[str, Value | Fact | frozenset[str | bool] | Interval] | None = None,
    *,
    signs: Iterable[Sign] = (Sign.PROCEDURES_COMPLETE,),
) -> Case:
    """Build a case; what is not named is absent. A set or an interval is a narrowed fact."""
    found: dict[str, Fact] = dict.fromkeys(load_catalogue().facts, ABSENT)
    for code, given in (facts or {}).items():
        found[load_catalogue()[code].code] = _fact(given)
    return Case(facts=found, as_of=AS_OF, signs=frozenset(signs))


def _fact(given: Value | Fact | frozenset[str | bool] | Interval) -> Fact:
    if isinstance(given, Known | Narrowed | Unknown):
        return given
    if isinstance(given, frozenset | Interval):
        return Narrowed(given)
    return Known(given)


@dataclass(frozen=True, slots=True)
class Example:
    """One worked case with the answer that the requirements give."""

    id: str
    facts: Mapping[str, Value]
    expected: Mapping[str, Any]


@cache
def examples() -> tuple[Example, ...]:
    """Give the worked cases."""
    path = Path(__file__).parent / "examples.yaml"
    return tuple(Example(entry["id"], entry["facts"], entry["expected"]) for entry in yaml.safe_load(path.read_text()))


def example(example_id: str) -> Example:
    """Give one worked case."""
    return next(found for found in examples() if found.id == example_id)
