"""What facts say: whether, which values, and what another narrows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from fhir_mappings.case import ABSENT, Gap, Interval, Known, Narrowed, Unknown

if TYPE_CHECKING:
    from fhir_mappings.case import Fact, PartialDate


def is_said(fact: Fact) -> bool:
    return not isinstance(fact, Unknown) or fact.gap in (Gap.CONFLICTING, Gap.UNREADABLE)


def values(fact: Fact) -> set[Any]:
    """Give every value that is said of a choice."""
    if isinstance(fact, Known):
        return {fact.value}
    left = fact.values if isinstance(fact, Narrowed) else fact.contested
    return set() if isinstance(left, Interval) else set(left)


def holds(told: Narrowed, found: Known) -> bool:
    if isinstance(told.values, Interval):
        return isinstance(found.value, int | float) and found.value in told.values
    return found.value in told.values


def at_least_one(cycles: Fact) -> Fact:
    """Narrow what may be no cycle at all: somebody saw a response on the same day."""
    if not isinstance(cycles, Narrowed) or not isinstance(cycles.values, Interval):
        return cycles
    return Narrowed(replace(cycles.values, low=max(least_of(cycles.values), 1), low_included=True))


def least_of(cycles: Interval) -> float:
    return (cycles.low or 0) + (not cycles.low_included)


def as_fact(when: PartialDate | None) -> Fact:
    if when is None:
        return ABSENT
    return Known(when.first if when.is_day else str(when))
