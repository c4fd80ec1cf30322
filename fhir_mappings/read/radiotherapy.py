"""Radiotherapy: that of the rectum, and the courses that fluoropyrimidine may be part of."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from fhir_mappings.case import Interval, Known, Narrowed
from fhir_mappings.read.dates import on, parse_date
from fhir_mappings.read.once import once
from fhir_mappings.read.other_cancers import is_for_another
from fhir_mappings.read.places import is_rectum
from fhir_mappings.read.settle import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import PartialDate
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_WHOLE_COURSE = "radiotherapy"
_NAMED = "radiotherapy"
_RADIOTHERAPY = (_WHOLE_COURSE, "radiotherapy-fraction")
_COURSES = {"completed": ("completed", "end"), "in-progress": ("ongoing", "start")}
"""What a course of some status says, and the bound of its period from which on that holds."""
_BEGUN = frozenset({"ongoing", "completed"})
"""What a fraction says of its course."""
Course: TypeAlias = "tuple[PartialDate, PartialDate]"
_OPEN_COURSE = frozenset({"in-progress", "on-hold"})
_BEGUN_COURSE = _OPEN_COURSE | {"completed", "stopped"}
_DAYS_BETWEEN = 7
"""The most between two fractions of one course: weekends, holidays and short breaks are part of it."""


@once
def courses_of(reader: Reader) -> tuple[Course, ...]:
    """Give start and end of the courses of radiotherapy that began; one under way lasts until an end is written.

    Fractions that follow each other within a week are of one course: it has days without one.
    """
    found = []
    fractions = []
    for course in _begun(reader.chart.holding("Procedure", *_RADIOTHERAPY)):
        span = _span(course)
        if span is None:
            continue
        if _WHOLE_COURSE in course.sets:
            start, end = span
            found.append((start, end or (on(date.max) if course.status in _OPEN_COURSE else start)))
        else:
            fractions.append((span[0], span[1] or span[0]))
    return (*found, *_joined(fractions))


@once
def named_courses(reader: Reader) -> tuple[Course, ...]:
    """Give start and end of what began and is radiotherapy by its name alone: fractions, or whole courses."""
    named = _begun(reader.chart.about("Procedure", _NAMED))
    return tuple(_joined([(span[0], span[1] or span[0]) for span in map(_span, named) if span is not None]))


def _begun(courses: Iterable[Resource]) -> Iterable[Resource]:
    return (course for course in courses if course.status in _BEGUN_COURSE and not course.future)


def _span(course: Resource) -> tuple[PartialDate, PartialDate | None] | None:
    """Give the start of a course, and its end where one is written."""
    period = course.body.get("performedPeriod")
    bounds = period if isinstance(period, dict) else {}
    start = parse_date(bounds.get("start")) or course.dated
    return None if start is None else (start, parse_date(bounds.get("end")))


def _joined(fractions: list[Course]) -> list[Course]:
    """Make courses of fractions; one that is not known to the day stays alone."""
    joined: list[Course] = []
    for start, end in sorted(fractions, key=lambda one: (one[0].first, one[0].last, one[1].last)):
        known = joined and all(day.is_day for day in (start, end, joined[-1][1]))
        if known and (start.first - joined[-1][1].first).days <= _DAYS_BETWEEN:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end, key=lambda day: day.first))
        else:
            joined.append((start, end))
    return joined


def inside_any(when: PartialDate | None, courses: Iterable[Course]) -> bool:
    """Whether a date lies in one course on every reading of the dates."""
    return when is not None and any(start.last <= when.first and when.last <= end.first for start, end in courses)


def touches_any(when: PartialDate | None, courses: Iterable[Course]) -> bool:
    """Whether a date lies in one course on some reading of the dates."""
    return when is not None and any(start.first <= when.last and when.first <= end.last for start, end in courses)


def bound_of(resource: Resource, element: str, bound: str) -> PartialDate | None:
    """Give one bound of a resource's period, else its date."""
    period = resource.body.get(element)
    return (parse_date(period.get(bound)) if isinstance(period, dict) else None) or resource.dated


def rectal_radiotherapy(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read radiotherapy of the rectum: done, under way, or planned."""
    found = [
        Candidate(
            value if _WHOLE_COURSE in course.sets else _BEGUN,
            bound_of(course, "performedPeriod", bound),
            (reader.evidence(course, *_RADIOTHERAPY),),
        )
        for course in reader.chart.holding("Procedure", *_RADIOTHERAPY)
        if course.status in _COURSES and not course.future and _of_rectum(reader, course)
        for value, bound in (_COURSES[course.status],)
    ]
    found += [
        Candidate("indicated", reader.order_date(plan), (reader.evidence(plan, *_RADIOTHERAPY),))
        for plan in reader.planned(*_RADIOTHERAPY)
        if _of_rectum(reader, plan)
    ]
    return found


def _of_rectum(reader: Reader, course: Resource) -> bool:
    """Whether a course treats the rectum: by its body site, else where the primary is in it and no other is meant."""
    sites = course.body.get("bodySite")
    if sites:
        return any(is_rectum(site, reader.terminology) for site in sites)
    if is_for_another(reader, course):
        return False
    fact = reader.fact("primary-site")
    values = {fact.value} if isinstance(fact, Known) else fact.values if isinstance(fact, Narrowed) else ()
    return (
        not isinstance(values, Interval) and bool(values) and all(str(value).startswith("rectum") for value in values)
    )
