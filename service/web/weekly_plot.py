"""The plot of feedback over time as geometry: one stacked bar a week, and the lines behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.adapters.store.report import Tally

WEEKS_SHOWN = 53
_WIDTH, _HEIGHT, _LEFT, _TOP = 720, 200, 44, 12
_LINES = 4
_LABELS = 9
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar: what it counts, and its rectangle."""

    kind: str
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One week: where its label stands (empty where there is no room for it), its parts and its words."""

    label: str
    middle: float
    parts: tuple[Part, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot of `width` by `height`; `lines` are the heights at which a number of cards is drawn."""

    width: float
    height: float
    left: float
    right: float
    base: float
    lines: tuple[tuple[float, int], ...]
    bars: tuple[Bar, ...]


def weekly_plot(weeks: Sequence[Tally]) -> Plot | None:
    """Draw the last weeks, `WEEKS_SHOWN` at most; nothing where there are none."""
    shown = weeks[-WEEKS_SHOWN:]
    if not shown:
        return None
    step = _step(max(week.issued for week in shown))
    top = step * _LINES
    base = _TOP + _HEIGHT
    slot = _WIDTH / len(shown)
    every = -(-len(shown) // _LABELS)

    def height(count: int) -> float:
        return round(_HEIGHT * count / top, 2)

    def bar(place: int, week: Tally) -> Bar:
        x, y, parts = _LEFT + place * slot, float(base), []
        counts = (("accepted", week.accepted), ("overridden", week.overridden), ("unanswered", week.unanswered))
        for kind, count in counts:
            y -= height(count)
            if count:
                parts.append(
                    Part(kind, count, round(x + slot * 0.15, 2), round(y, 2), round(slot * 0.7, 2), height(count))
                )
        words = f"Week of {week.key}: " + ", ".join(f"{count} {kind}" for kind, count in counts)
        return Bar(week.key if place % every == 0 else "", round(x + slot / 2, 2), tuple(parts), words)

    return Plot(
        width=_LEFT + _WIDTH + 12,
        height=base + 32,
        left=_LEFT,
        right=_LEFT + _WIDTH,
        base=base,
        lines=tuple((round(base - height(step * line), 2), step * line) for line in range(_LINES + 1)),
        bars=tuple(bar(place, week) for place, week in enumerate(shown)),
    )


def _step(most: int) -> int:
    """Give a round number of cards from line to line, so that the highest bar fits."""
    scale = 1
    while True:
        for step in _STEPS:
            if step * scale * _LINES >= most:
                return step * scale
        scale *= 10
