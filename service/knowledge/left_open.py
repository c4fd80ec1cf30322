"""How a fact is named that the chart does not say exactly: what is left of it, and what its sources contradict."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from fhir_mappings.case import Interval, Narrowed
from service.knowledge.phrases import label_text, listed, short_name, value_text, worded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Fact, Value
    from fhir_mappings.catalogue import FactDefinition

_CONTESTED_SHOWN = 4
_SPOKEN: dict[tuple[str, frozenset[str | bool] | Interval], str] = {
    (
        "extrahepatic-disease",
        frozenset({"resectable", "unresectable"}),
    ): "extrahepatic disease of unknown resectability",
    ("chemotherapy-cycles", Interval(1)): "chemotherapy given, number of cycles not recorded",
    (
        "colorectal-operation",
        frozenset(
            {
                "right-hemicolectomy",
                "left-hemicolectomy",
                "transverse-colectomy",
                "sigmoid-or-high-anterior-resection",
            }
        ),
    ): "segmental colectomy planned",
}


def narrowed_clause(definition: FactDefinition, narrowed: Narrowed) -> str:
    """Say a fact with what is left of it: `≥ 2 metastases`, or in words of its own."""
    spoken = _SPOKEN.get((definition.code, narrowed.values))
    if spoken is not None:
        return spoken
    left = narrowed_text(definition, narrowed)
    return worded(definition, left) if isinstance(narrowed.values, Interval) else f"{short_name(definition)}: {left}"


def narrowed_text(definition: FactDefinition, narrowed: Narrowed) -> str:
    """Write what is left of a narrowed fact: `resectable or unresectable`, `≥ 2`, `under 5 ng/mL`."""
    if isinstance(narrowed.values, frozenset):
        return listed((value_text(definition, value) for value in sorted(narrowed.values, key=str)), "or")
    return _found_text(definition, narrowed.values)


def _found_text(definition: FactDefinition, found: Value | Interval) -> str:
    if isinstance(found, Interval):
        return label_text(definition, interval_label(found))
    return value_text(definition, found)


def contradiction(
    definition: FactDefinition, contested: Iterable[Value | Interval], *, shown: int = _CONTESTED_SHOWN
) -> str:
    """Say that sources contradict each other, and what they say: `sources contradict each other, 2 against 5`."""
    ordered = sorted(contested, key=lambda value: (value if isinstance(value, int | float) else 0, str(value)))
    said = [_found_text(definition, value) for value in ordered[:shown]]
    more = " …" if len(ordered) > shown else ""
    named = f", {' against '.join(said)}{more}" if said else ""
    return f"sources contradict each other{named}"


def interval_label(interval: Interval) -> str:
    """Write an interval with the comparators of the wire: `>= 2`, `< 5`, `3-5`; an unbounded one is empty."""
    low, high = interval.low, interval.high
    if low is not None and high is not None:
        return f"{low:g}" if low == high else f"{low:g}-{high:g}"
    if low is not None:
        return f"{'>=' if interval.low_included else '>'} {low:g}"
    if high is not None:
        return f"{'<=' if interval.high_included else '<'} {high:g}"
    return ""


def answer_text(definition: FactDefinition, label: str, fact: Fact) -> str:
    """Write the label of an answer with those of its values that the chart leaves open."""
    values = fact.values if isinstance(fact, Narrowed) else None
    pieces = label.split(" or ")
    if definition.kind in {"integer", "number"}:
        within = values if isinstance(values, Interval) else Interval()
        pieces = _ranges(pieces, within, whole=definition.kind == "integer")
    elif values is not None:
        pieces = [piece for piece in pieces if isinstance(values, frozenset) and piece in values]
    return label_text(definition, " or ".join(pieces) or label)


class _Bound(NamedTuple):
    """A number, and whether the bound lies just below (-1), on (0) or just above (1) it: so bounds compare."""

    number: float
    side: int


class _Range(NamedTuple):
    low: _Bound
    high: _Bound
    label: str


_SIDES = {">": 1, ">=": 0, "<": -1, "<=": 0}


def _ranges(pieces: list[str], within: Interval, *, whole: bool) -> list[str]:
    """Cut ranges such as `1-3` and `> 3` to an interval, and write those that touch as one."""
    least = _Bound(-math.inf, 0) if within.low is None else _Bound(within.low, 0 if within.low_included else 1)
    most = _Bound(math.inf, 0) if within.high is None else _Bound(within.high, 0 if within.high_included else -1)
    found: list[_Range] = []
    for piece in sorted(map(_range, pieces)):
        low, high = max(piece.low, least), min(piece.high, most)
        if whole and (low, high) != piece[:2]:  # 12-22, and not > 11 and <= 22
            low, high = _Bound(low.number + low.side, 0), _Bound(high.number + high.side, 0)
        if low > high:
            continue
        if found and _touch(found[-1].high, low, whole=whole):
            low = found.pop().low
            found.append(_Range(low, high, _written(low, high)))
        else:
            found.append(piece if (low, high) == piece[:2] else _Range(low, high, _written(low, high)))
    return [piece.label for piece in found]


def _range(piece: str) -> _Range:
    low, high = _Bound(-math.inf, 0), _Bound(math.inf, 0)
    for comparator, number in re.findall(r"([<>]=?) ?([0-9.]+)", piece):
        bound = _Bound(float(number), _SIDES[comparator])
        if comparator.startswith(">"):
            low = bound
        else:
            high = bound
    exact = re.fullmatch(r"([0-9.]+)(?:-([0-9.]+))?", piece)
    if exact is not None:
        low, high = _Bound(float(exact[1]), 0), _Bound(float(exact[2] or exact[1]), 0)
    return _Range(low, high, piece)


def _touch(high: _Bound, low: _Bound, *, whole: bool) -> bool:
    return low.number + low.side - high.number - high.side == 1 if whole else low == (high.number, high.side + 1)


def _written(low: _Bound, high: _Bound) -> str:
    if low == high:
        return f"{low.number:g}"
    if low.side == high.side == 0 and not math.isinf(low.number) and not math.isinf(high.number):
        return f"{low.number:g}-{high.number:g}"
    above = [] if math.isinf(low.number) else [f"{'>' if low.side else '>='} {low.number:g}"]
    below = [] if math.isinf(high.number) else [f"{'<' if high.side else '<='} {high.number:g}"]
    return " and ".join([*above, *below]) or "any"
