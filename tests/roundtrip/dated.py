"""Days as charts write them: any precision, time and zone, as a moment or a period."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import PartialDate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

Json = dict[str, Any]

_TIMES = (
    "T08:15:00Z",
    "T00:00:00+14:00",
    "T23:59:59-12:00",
    "T23:59:59.999+01:00",
    "T00:00:00-05:00",
    "T12:30:00.123456Z",
)


def on(day: date) -> PartialDate:
    return PartialDate(day, day)


def month_of(day: date) -> PartialDate:
    return PartialDate(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


def year_of(day: date) -> PartialDate:
    return PartialDate(date(day.year, 1, 1), date(day.year, 12, 31))


def vague(random: Random, day: date) -> PartialDate:
    """Draw a precision for a day."""
    return random.choice((on, on, on, month_of, year_of))(day)


def days_of(when: PartialDate) -> Iterator[date]:
    """Give the days that a date may mean: all of a month, of a year the edges and one of each ten."""
    length = (when.last - when.first).days
    step = 1 if length <= 31 else 10
    yield from (when.first + timedelta(days=number) for number in range(0, length + 1, step))
    if length % step:
        yield when.last


def written(random: Random, when: PartialDate, *, instant: bool = False) -> str:
    """Write a date in its precision; a day sometimes with a time and a zone (an instant always)."""
    text = str(when)
    if not when.is_day or (not instant and random.random() < 0.6):
        return text
    return text + random.choice(_TIMES)


def element(random: Random, name: str, when: PartialDate) -> Json:
    """Write `effective`, `performed` or `onset` with a date, as a moment or a period of one day."""
    kind = random.choice(("DateTime", "DateTime", "DateTime", "Period"))
    if kind == "DateTime":
        return {f"{name}DateTime": written(random, when)}
    bounds = {"start": written(random, when)}
    if name == "onset" or random.random() < 0.5:
        return {f"{name}Period": bounds}
    # A time of day in one bound must not lie before the other: both are plain.
    return {f"{name}Period": {"start": str(when), "end": str(when)}}


def observed(random: Random, when: PartialDate | None) -> Json:
    """Write when an Observation held: effective in some form, else issued."""
    if when is None:
        return {}
    roll = random.random()
    if roll < 0.7:
        return element(random, "effective", when)
    if not when.is_day:
        return {"effectiveDateTime": str(when)}
    return {"effectiveInstant" if roll < 0.85 else "issued": written(random, when, instant=True)}
