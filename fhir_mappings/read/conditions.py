"""Which Conditions count: assertion and activity, the two diseases of the scope, and their dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.certainty import is_asserted
from fhir_mappings.read.chart_reading import UNSURE
from fhir_mappings.read.dates import FROM_ASSERTED, FROM_RECORDED, value_of
from fhir_mappings.read.once import once
from fhir_mappings.read.settle import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import PartialDate
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_OVER = frozenset({"resolved", "inactive", "remission"})
_ABATED = frozenset({f"abatement{kind}" for kind in ("DateTime", "Age", "Period", "Range", "String")})
_DATE_SOURCES = {None: 0, FROM_ASSERTED: 1, FROM_RECORDED: 2}


def asserted(resource: Resource) -> bool:
    """Whether a Condition is asserted at all: not refuted, entered in error or differential."""
    return is_asserted(resource.verification)


def active(resource: Resource) -> bool:
    """Whether a Condition is asserted and holds: active, recurrence, relapse or without status, and not abated."""
    return asserted(resource) and _OVER.isdisjoint(resource.clinical) and _ABATED.isdisjoint(resource.body)


def confirmed(resource: Resource) -> bool:
    """Whether a Condition is neither provisional nor unconfirmed."""
    return UNSURE.isdisjoint(resource.verification)


@once
def primaries(reader: Reader) -> tuple[Resource, ...]:
    """Give the Conditions of a primary colorectal cancer, whatever their activity."""
    return tuple(filter(asserted, reader.chart.holding("Condition", "primary-site-*")))


@once
def histories(reader: Reader) -> tuple[Resource, ...]:
    """Give the Conditions that name a past colorectal cancer, which counts as a resected primary."""
    return tuple(filter(asserted, reader.chart.held("Condition", "primary-history")))


@once
def metastases(reader: Reader) -> tuple[Resource, ...]:
    """Give the Conditions of liver metastases that count: activity counts here, abatement as well."""
    return tuple(filter(active, past_metastases(reader)))


@once
def past_metastases(reader: Reader) -> tuple[Resource, ...]:
    """Give all asserted Conditions of liver metastases, treated ones included."""
    return tuple(filter(asserted, reader.chart.held("Condition", "liver-metastasis")))


def first_date(reader: Reader, conditions: Iterable[Resource], *sets: str) -> list[Candidate]:
    """Give the first date of a disease that several Conditions record: onset before assertion before recording."""
    dated = [
        (_DATE_SOURCES[condition.date_remark], condition.dated, condition)
        for condition in conditions
        if condition.dated is not None and not condition.future
    ]
    if not dated:
        return []
    best = min(source for source, _, _ in dated)
    same = [(when, condition) for source, when, condition in dated if source == best]
    precise = earliest(when for when, _ in same)
    proof = tuple(reader.evidence(condition, *sets) for when, condition in same if when == precise)
    return [Candidate(value_of(precise), precise, proof)]


def earliest(dates: Iterable[PartialDate]) -> PartialDate:
    """Give the first of some dates; where it is partial, the most precise of those that may be the same."""
    found = list(dates)
    if len(found) == 1:
        return found[0]
    first = min(found, key=lambda when: (when.first, when.last))
    return min((when for when in found if _inside(when, first)), key=lambda when: (_days(when), when.first))


def _inside(one: PartialDate, other: PartialDate) -> bool:
    return other.first <= one.first and one.last <= other.last


def _days(when: PartialDate) -> int:
    return (when.last - when.first).days
