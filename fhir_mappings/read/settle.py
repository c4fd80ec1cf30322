"""Which source wins: all candidates for one fact become one value, a narrowing or a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec.structs import replace

from fhir_mappings.case import ABSENT, Evidence, Fact, Gap, Interval, Known, Narrowed, PartialDate, Unknown, Value
from fhir_mappings.read.dates import FROM_RECORDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

Found: TypeAlias = Value | frozenset[str | bool] | Interval
"""One value, or the values that are left."""


class Candidate(msgspec.Struct, frozen=True):
    """What one source says about one fact.

    `value` is `None` where it says that the value is not known, or (`unreadable`) what cannot be read; `dated` is
    `None` where it has no date. `local` marks an explicit Observation in the `case-facts` system.
    """

    value: Found | None
    dated: PartialDate | None
    evidence: tuple[Evidence, ...]
    local: bool = False
    unreadable: bool = False


def derived(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Give evidence of what was computed from it."""
    return tuple(replace(proof, how="derived") for proof in evidence)


def settle(candidates: Iterable[Candidate], *, as_of: date, maximum_age_days: int | None = None) -> Fact:
    """Settle one fact: the newest clinical date wins, on the same day a local Observation.

    Candidates whose order or agreement cannot be decided conflict. A newer narrowing that contains an older exact
    value leaves that value in place, as a newer date does that is only less precise.
    """
    found = list(candidates)
    if not found:
        return ABSENT
    if len(found) > 1:
        found = sorted(dict.fromkeys(found), key=_order)
    valued = [candidate for candidate in found if candidate.value is not None]
    if not valued:
        unreadable = [candidate for candidate in found if candidate.unreadable]
        gap = Gap.UNREADABLE if unreadable else Gap.ABSENT
        return Unknown(gap, _evidence(unreadable or found))
    fresh = [candidate for candidate in valued if _fresh(candidate, as_of, maximum_age_days)]
    if fresh:
        return _newest(fresh)
    last = _newest(valued)
    return Unknown(Gap.OUTDATED, last.evidence, last.value if isinstance(last, Known) else None)


def _order(candidate: Candidate) -> tuple[str, ...]:
    dated = candidate.dated
    return (
        dated.first.isoformat() if dated else "",
        dated.last.isoformat() if dated else "",
        str(candidate.local),
        *(f"{evidence.reference} {evidence.coding}" for evidence in candidate.evidence),
    )


def _evidence(candidates: Sequence[Candidate]) -> tuple[Evidence, ...]:
    return _unique(tuple(evidence for candidate in candidates for evidence in candidate.evidence))


def _fresh(candidate: Candidate, as_of: date, maximum_age_days: int | None) -> bool:
    if maximum_age_days is None:
        return True
    return candidate.dated is not None and (as_of - candidate.dated.first).days <= maximum_age_days


def _newer(one: Candidate, other: Candidate) -> bool:
    """Whether `one` is newer than `other` on every reading of their dates; what has no date is oldest."""
    if one.dated is None:
        return False
    return other.dated is None or other.dated.last < one.dated.first


def _newest(candidates: list[Candidate]) -> Fact:
    if len(candidates) == 1:
        return _left(candidates[0].value, candidates)
    top = [one for one in candidates if not any(_newer(other, one) for other in candidates)]
    older = [one for one in candidates if one not in top]
    agreed = _agree([one.value for one in top if one.value is not None])
    if agreed is None and len({one.dated for one in top}) == 1 and _one_day(top[0]):
        top = [one for one in top if one.local] or top
        agreed = _agree([one.value for one in top if one.value is not None])
    before = _newest(older) if older and _is_wide(agreed) else None
    if isinstance(before, Known) and _stays(before, agreed):
        return replace(before, evidence=_unique((*_evidence(top), *before.evidence)))
    return _left(agreed, top)


def _is_wide(found: Found | None) -> bool:
    """Whether what was found leaves several values: a narrowing, or a date that is not known to the day."""
    return isinstance(found, frozenset | Interval) or (isinstance(found, str) and PartialDate.of(found) is not None)


def _stays(before: Known, newer: Found | None) -> bool:
    """Whether an older value is one of those that a newer narrowing or less precise date leaves."""
    days, left = PartialDate.of(before.value), PartialDate.of(newer)
    if days is None or left is None:
        return newer is not None and _holds(newer, before.value)
    recorded = any(FROM_RECORDED in proof.remarks for proof in before.evidence)  # then the day is not the true one
    return not recorded and days != left and left.first <= days.first and days.last <= left.last


def _named(candidates: Iterable[Candidate]) -> Iterator[Value | Interval]:
    """Give the values that some sources name, each of several."""
    for candidate in candidates:
        if isinstance(candidate.value, frozenset):
            yield from candidate.value
        elif candidate.value is not None:
            yield candidate.value


def _left(value: Found | None, sources: Sequence[Candidate]) -> Fact:
    evidence = _evidence(sources)
    if value is None:
        return Unknown(Gap.CONFLICTING, evidence, contested=frozenset(_named(sources)))
    return Narrowed(value, evidence) if isinstance(value, frozenset | Interval) else Known(value, evidence)


def _unique(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(evidence)) if len(evidence) > 1 else evidence


def _one_day(candidate: Candidate) -> bool:
    return candidate.dated is None or candidate.dated.is_day


def _agree(values: Sequence[Found]) -> Found | None:
    """Give what is left when all hold at once; `None` where they contradict each other."""
    left: Found | None = values[0]
    for value in values[1:]:
        if left is None:
            return None
        left = _both(left, value)
    return left


def _both(one: Found, other: Found) -> Found | None:
    match one, other:
        case Interval(), Interval():
            return _overlap(one, other)
        case frozenset(), frozenset():
            common = one & other
            return next(iter(common)) if len(common) == 1 else common or None
        case (Interval() | frozenset(), exact) | (exact, Interval() | frozenset()):
            wide = one if isinstance(one, Interval | frozenset) else other
            return exact if _holds(wide, exact) else None
        case _:
            return one if one == other and isinstance(one, bool) == isinstance(other, bool) else None


def _holds(wide: Found, exact: Found) -> bool:
    if isinstance(wide, frozenset):
        return exact in wide
    return isinstance(wide, Interval) and isinstance(exact, int | float) and exact in wide


def _overlap(one: Interval, other: Interval) -> Found | None:
    lows = [(bound.low, bound.low_included) for bound in (one, other) if bound.low is not None]
    highs = [(bound.high, bound.high_included) for bound in (one, other) if bound.high is not None]
    low, low_in = max(lows, key=lambda bound: (bound[0], not bound[1])) if lows else (None, True)
    high, high_in = min(highs) if highs else (None, True)
    if low is None or high is None or low < high:
        return Interval(low, high, low_in, high_in)
    return low if low == high and low_in and high_in else None
