"""The timeline: what happened when, placed for a drawing and told as a list for those who do not see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal, TypeAlias

from fhir_mappings.case import ABSENT, Known, PartialDate, add_months
from service.knowledge.phrases import day, value_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhir_mappings.case import Case
    from fhir_mappings.catalogue import Catalogue

Lane: TypeAlias = Literal["primary", "liver", "therapy", "decision"]

WIDTH = 900
_LEFT, _RIGHT = 110, 870
_LANES: tuple[Lane, ...] = ("primary", "liver", "therapy", "decision")
_FIRST_LANE_Y, _LANE_HEIGHT = 62, 78
_ABOVE, _BELOW = -24, 20
"""Where the first line of a label stands from its lane; the second one is 15 lower."""
_LANE_NAMES: dict[Lane, str] = {
    "primary": "Primary",
    "liver": "Liver",
    "therapy": "Therapy",
    "decision": "Decision",
}
_LABEL_WIDTH = 120
_CHARACTER = 7.4
_TICKS = 8
_YEAR = 12


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on a day, or between two where the date is not exact."""

    lane: Lane
    what: str
    first: date
    last: date

    @property
    def when(self) -> str:
        """Give the date as it is known."""
        return day(PartialDate(self.first, self.last))


@dataclass(frozen=True, slots=True)
class Mark:
    """An event in the drawing: a bar from `x` on, its words beside it on the side where there is room."""

    x: float
    width: float
    y: int
    lane: Lane
    text: str
    when: str
    text_x: float
    text_y: int
    anchor: Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Tick:
    """A month or year under the drawing."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing; `events` tell the same in words, oldest first."""

    events: tuple[Event, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    lanes: tuple[tuple[str, int], ...]
    today_x: float
    height: int


_EVENTS: tuple[tuple[str, Lane, str], ...] = (
    ("primary-diagnosis-date", "primary", "Primary diagnosed"),
    ("primary-resection-date", "primary", "Primary resected"),
    ("liver-metastasis-date", "liver", "Liver metastases found"),
    ("adjuvant-end-date", "therapy", "Adjuvant chemotherapy ended"),
    ("chemotherapy-last-date", "therapy", "Last chemotherapy"),
    ("bevacizumab-last-date", "therapy", "Last bevacizumab"),
)


def timeline(case: Case, catalogue: Catalogue) -> Timeline | None:
    """Draw the dated events of a case; `None` where none is dated."""
    events = sorted(_events(case, catalogue), key=lambda event: (event.first, event.last, event.what))
    if not events:
        return None
    first, last = min(event.first for event in events), max(case.as_of, *(event.last for event in events))
    span_days = max((last - first).days, 30)

    def x(found: date) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (found - first).days / span_days, 1)

    lanes = [lane for lane in _LANES if any(event.lane == lane for event in events)]
    rows = {lane: _FIRST_LANE_Y + _LANE_HEIGHT * index for index, lane in enumerate(lanes)}
    marks: list[Mark] = []
    for event in events:
        marks.append(_mark(event, x(event.first), x(event.last), y=rows[event.lane], before=marks))
    return Timeline(
        events=tuple(events),
        marks=tuple(marks),
        ticks=_ticks(first, last, x),
        lanes=tuple((_LANE_NAMES[lane], rows[lane]) for lane in lanes),
        today_x=x(case.as_of),
        height=_FIRST_LANE_Y + _LANE_HEIGHT * len(lanes) - 30,
    )


def _events(case: Case, catalogue: Catalogue) -> list[Event]:
    found = []
    for code, lane, what in _EVENTS:
        fact = case.facts.get(code, ABSENT)
        if isinstance(fact, Known) and isinstance(fact.value, date):
            found.append(Event(lane, what, fact.value, fact.value))
    if case.mdt is not None and case.mdt.decided is not None:
        strategy = value_text(catalogue["mdt-decision"], case.mdt.strategy)
        found.append(Event("decision", f"MDT: {strategy}", case.mdt.decided.first, case.mdt.decided.last))
    return [_renamed(event, _addition(event, case, catalogue)) for event in found]


def _addition(event: Event, case: Case, catalogue: Catalogue) -> str | None:
    """Say which operation and how many cycles, where they are known."""
    code = {"Primary resected": "primary-operation-done", "Last chemotherapy": "chemotherapy-cycles"}.get(event.what)
    value = case.value(code) if code else None
    if code is None or value is None:
        return None
    text = value_text(catalogue[code], value)
    return text if code == "primary-operation-done" else f"{text} cycles"


def _renamed(event: Event, addition: str | None) -> Event:
    return event if addition is None else Event(event.lane, f"{event.what} ({addition})", event.first, event.last)


def _mark(event: Event, start: float, end: float, *, y: int, before: list[Mark]) -> Mark:
    """Write to the right of the mark, or to its left near the edge; below the lane where the place above is taken."""
    needed = _width(event.what)
    fits_right = end + 10 + needed <= WIDTH
    text_x = end + 10 if fits_right else start - 10
    begin, finish = (text_x, text_x + needed) if fits_right else (text_x - needed, text_x)
    taken = {mark.text_y for mark in before if mark.y == y and _overlaps(mark, begin, finish)}
    return Mark(
        x=start,
        width=max(end - start, 0),
        y=y,
        lane=event.lane,
        text=event.what,
        when=event.when,
        text_x=round(text_x, 1),
        text_y=y + (_BELOW if y + _ABOVE in taken else _ABOVE),
        anchor="start" if fits_right else "end",
    )


def _width(text: str) -> float:
    return max(_LABEL_WIDTH, len(text) * _CHARACTER)


def _overlaps(mark: Mark, begin: float, finish: float) -> bool:
    needed = _width(mark.text)
    start, end = (mark.text_x, mark.text_x + needed) if mark.anchor == "start" else (mark.text_x - needed, mark.text_x)
    return start < finish and begin < end


def _ticks(first: date, last: date, x: Callable[[date], float]) -> tuple[Tick, ...]:
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    step = next(size for size in (1, 2, 3, 6, 12, 24, 60, 120, 1200, 12_000) if months / size <= _TICKS)
    found, at = [], date(first.year, first.month, 1)
    while at <= last:
        if at >= first:
            found.append(Tick(x(at), f"{at:%b %Y}" if step < _YEAR else f"{at:%Y}"))
        at = add_months(at, step)
    return tuple(found)
