"""What a chart says on each part of the days that a partial date leaves: facts that come from it go together."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fhir_mappings.case import Known, PartialDate, Possibility, add_months
from fhir_mappings.read.chart_reading import ChartReading
from fhir_mappings.read.dates import on, shifted, tomorrow
from fhir_mappings.read.doses import DRUGS
from fhir_mappings.read.liver import RECURRENCE_AFTER_DAYS
from fhir_mappings.read.operations import BEFORE_DIAGNOSIS_DAYS, LIVER_OPERATIONS, RESECTIONS
from fhir_mappings.read.reader import Reader
from fhir_mappings.read.scope import RECENT_MONTHS, read_signs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from fhir_mappings.case import Fact
    from fhir_mappings.read.chart_reading import Resource

_DATES = ("liver-metastasis-date", "primary-diagnosis-date", "primary-resection-date")
_DISEASES_AND_OPERATIONS = ("Condition", "Procedure")
_OTHERS = ("MedicationAdministration", "MedicationRequest", "Observation")
_KINDS = (*_DISEASES_AND_OPERATIONS, "MedicationAdministration")
_SOURCES = (
    ("Condition", ("liver-metastasis",)),
    ("Condition", ("primary-site-*",)),
    ("Procedure", (RESECTIONS,)),
    ("Procedure", LIVER_OPERATIONS),
    ("MedicationAdministration", (DRUGS,)),
)
"""Resources by whose day facts are derived, in the order in which their days are told apart."""
_OF_SEVERAL_DAYS = frozenset({"performedPeriod", "performedTiming", "effectivePeriod", "effectiveTiming"})
MOST_PARTS = 20
"""A date whose parts would make more than this is left whole: facts are completed against each other there."""
_MOST_READ = 4000
"""The resources that all parts together read again at most: charts of thousands are answered in time."""
_MOST_DATES = 4
_DAY = timedelta(days=1)


def possibilities(reader: Reader, facts: Mapping[str, Fact]) -> tuple[Possibility, ...]:
    """Read the facts that are open again on each part of the days; empty where no date is partial.

    What is known on every day is the same in each.
    """
    if not any(_is_partial(one) for kind in _KINDS for one in reader.chart.of(kind)):
        return ()
    partial = {
        id(one): one.dated  # resources without an id share one reference
        for kind, sets in _SOURCES
        for one in reader.chart.holding(kind, *sets)
        if _is_partial(one) and one.dated is not None
    }
    most = min(MOST_PARTS, _MOST_READ // sum(map(len, reader.chart.resources.values())))
    if not partial or most <= 1:
        return ()
    chosen: list[dict[int, PartialDate]] = [{}]
    for one, when in [*partial.items()][:_MOST_DATES]:
        parts = _parts(when, reader, most)
        if len(chosen) * len(parts) <= most:
            chosen = [{**days, one: part} for days in chosen for part in parts]
    if len(chosen) == 1:
        return ()
    kinds = reader.catalogue.facts
    again = [code for code, fact in facts.items() if not isinstance(fact, Known) or kinds[code].kind == "date"]
    readers = (_on(days, reader) for days in chosen)
    return tuple(Possibility({code: then.fact(code) for code in again}, read_signs(then)) for then in readers)


def _is_partial(one: Resource) -> bool:
    dated = one.dated
    return dated is not None and not dated.is_day and not one.future and _OF_SEVERAL_DAYS.isdisjoint(one.body)


def _on(days: Mapping[int, PartialDate], reader: Reader) -> Reader:
    """Give the reader of a chart in which some resources, by their identity, are dated within these days."""
    resources = {
        kind: [replace(one, dated=days.get(id(one), one.dated)) for one in found]
        for kind, found in reader.chart.resources.items()
    }
    chart = ChartReading(resources, reader.chart.refused)
    return Reader(chart, reader.terminology, reader.catalogue, reader.policy, reader.as_of, reader.completeness)


def _parts(when: PartialDate, reader: Reader, most: int) -> list[PartialDate]:
    """Cut the days of a date, but those to come, where they pass what it is compared with."""
    last = min(when.last, tomorrow(reader.as_of))
    cuts = sorted({day for day in _cuts(when, reader) if when.first < day <= last})
    edges = [when.first, *cuts[:: ceil(len(cuts) / (most - 1)) or 1], last + _DAY]
    return [PartialDate(day, following - _DAY) for day, following in pairwise(edges)]


def _cuts(when: PartialDate, reader: Reader) -> Iterator[date]:
    """Give each other day of the chart and the next one, with those that windows and months lead to from there."""
    staging = reader.policy.staging_window_days
    windows = (
        *(RECURRENCE_AFTER_DAYS, staging, reader.policy.intraoperative_window_days),
        *(BEFORE_DIAGNOSIS_DAYS, BEFORE_DIAGNOSIS_DAYS + staging),
    )
    yield add_months(reader.as_of, -RECENT_MONTHS)
    dates = {reader.date_of(code) for code in _DATES}
    for kind in _DISEASES_AND_OPERATIONS:
        dates |= {one.dated for one in reader.chart.of(kind)}
    for other in dates - {when}:
        if other is not None:
            for days in (0, *windows, *(-days for days in windows)):
                yield from _ends(shifted(other, days))
            yield from _anniversaries(other, when)
    for kind in _OTHERS:
        for one in reader.chart.of(kind):
            if one.dated is not None:
                yield from _ends(one.dated)


def _ends(days: PartialDate) -> Iterator[date]:
    for day in {days.first, days.last}:
        yield day
        yield shifted(on(day), 1).first


def _anniversaries(start: PartialDate, when: PartialDate) -> Iterator[date]:
    """Give the days at which one more calendar month is complete between two dates."""
    for day in {start.first, start.last}:
        first = (when.first.year - day.year) * 12 + when.first.month - day.month
        last = (when.last.year - day.year) * 12 + when.last.month - day.month
        for months in range(first, last + 1):
            complete = add_months(day, months)
            yield complete if months > 0 else complete + _DAY
