"""Which source wins: all candidates for one fact become one value, a narrowing or a gap."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec.structs import replace

from fhir_mappings.case import (
    ABSENT,
    Evidence,
    Fact,
    Gap,
    Interval,
    Known,
    Narrowed,
    PartialDate,
    Unknown,
    Value,
    newest,
)
from fhir_mappings.read.dates import FROM_RECORDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

Found: TypeAlias = Value | frozenset[str | bool] | Interval
"""One value, or the values that are left."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
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
    fresh = valued
    if maximum_age_days is not None:
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
    if len(candidates) == 1:
        return _unique(candidates[0].evidence)
    return _unique(tuple(evidence for candidate in candidates for evidence in candidate.evidence))


def _fresh(candidate: Candidate, as_of: date, maximum_age_days: int) -> bool:
    return candidate.dated is not None and (as_of - candidate.dated.first).days <= maximum_age_days


def _newest(candidates: list[Candidate]) -> Fact:
    """Take the newest, and of several values that are left the one that older sources name, as deep as they go."""
    if len(candidates) == 1:
        return _left(candidates[0].value, candidates)
    layers = []
    for top in _layers(candidates):
        layers.append(_agreed(top))
        if not _is_wide(layers[-1][0]):
            break
    value, sources = layers.pop()
    recorded = _from_recorded(sources)
    for agreed, top in reversed(layers):
        if _stays(value, agreed, recorded=recorded):
            sources = [*top, *sources]
            recorded = recorded or _from_recorded(top)
        else:
            value, sources, recorded = agreed, top, _from_recorded(top)
    return _left(value, sources)


def _layers(candidates: list[Candidate]) -> Iterator[list[Candidate]]:
    """Part candidates from the newest on: each layer holds those than which none that is left is surely newer."""
    spans = [(one.dated.first.toordinal(), one.dated.last.toordinal()) if one.dated else (0, 0) for one in candidates]
    waiting = sorted(range(len(candidates)), key=lambda at: spans[at][1])
    newest = list(accumulate((spans[at][0] for at in waiting), max))
    while waiting:
        begins, layer = newest[-1], []
        while waiting and spans[waiting[-1]][1] >= begins:
            layer.append(waiting.pop())
            newest.pop()
        yield [candidates[at] for at in sorted(layer)]


def _agreed(top: list[Candidate]) -> tuple[Found | None, list[Candidate]]:
    """Give what sources of one time agree on, and which these are: on one day what was entered goes first."""
    agreed = _agree([one.value for one in top if one.value is not None])
    if agreed is None and len({one.dated for one in top}) == 1 and _one_day(top[0]):
        top = [one for one in top if one.local] or top
        agreed = _agree([one.value for one in top if one.value is not None])
    return agreed, top


def _from_recorded(sources: Iterable[Candidate]) -> bool:
    return any(FROM_RECORDED in proof.remarks for one in sources for proof in one.evidence)


def _is_wide(found: Found | None) -> bool:
    """Whether what was found leaves several values: a narrowing, or a date that is not known to the day."""
    return isinstance(found, frozenset | Interval) or (isinstance(found, str) and PartialDate.of(found) is not None)


def _stays(older: Found | None, newer: Found | None, *, recorded: bool) -> bool:
    """Whether an older value is one of those that a newer narrowing or less precise date leaves."""
    if older is None or newer is None or isinstance(older, frozenset | Interval):
        return False
    days, left = PartialDate.of(older), PartialDate.of(newer)
    if days is None or left is None:
        return _holds(newer, older)
    # A day of recording is not the true one.
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
    if isinstance(value, frozenset) and len(value) == 1:
        [value] = value
    dated = _derived_day(sources, evidence)
    if isinstance(value, frozenset | Interval):
        return Narrowed(value, evidence, dated)
    return Known(value, evidence, dated)


def _derived_day(sources: Sequence[Candidate], evidence: tuple[Evidence, ...]) -> PartialDate | None:
    """Give the day of a derived value, where what it was derived from has another: an operation after the finding."""
    if not evidence or evidence[0].how != "derived":
        return None
    given, *others = {one.dated for one in sources}
    if others:
        return None
    return None if given == newest(evidence) else given


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
