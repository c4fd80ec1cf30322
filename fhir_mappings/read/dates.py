"""FHIR dates of any precision as intervals of days, and the calendar arithmetic of the facts."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from fhir_mappings.case import PartialDate, add_months

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:T.*)?)?)?")
_DATED_BY = {
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod", "effectiveTiming"),
    "MedicationRequest": ("authoredOn",),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming", "issued"),
    "Procedure": ("performedDateTime", "performedPeriod", "performedTiming"),
    "ServiceRequest": ("authoredOn", "occurrenceDateTime", "occurrencePeriod", "occurrenceTiming"),
}
ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


def parse_date(value: object) -> PartialDate | None:
    """Read a FHIR date or dateTime; the day is the one that is written, whatever the zone."""
    spelled = value.strip() if isinstance(value, str) else ""
    return PartialDate.of(spelled[: len("2026-05-04")]) if _DATE.fullmatch(spelled) else None


def on(day: date) -> PartialDate:
    """Give a day as an interval."""
    return PartialDate(day, day)


def parse_period(value: object) -> PartialDate | None:
    """Read a Period as the days from its start to its end; one bound alone stands for both."""
    if not isinstance(value, dict):
        return None
    start, end = parse_date(value.get("start")), parse_date(value.get("end"))
    if start is None or end is None:
        return start or end
    return PartialDate(start.first, max(start.last, end.last))


def parse_timing(value: object) -> PartialDate | None:
    """Read a Timing from its first event to its last, else by its bounds; a Period as `parse_period` does."""
    if not isinstance(value, dict):
        return None
    listed = value.get("event")
    events = [found for event in listed if (found := parse_date(event))] if isinstance(listed, list) else []
    if events:
        return PartialDate(min(one.first for one in events), max(one.last for one in events))
    repeat = value.get("repeat")
    return parse_period(repeat.get("boundsPeriod") if isinstance(repeat, dict) else value)


def start_of(period: object) -> PartialDate | None:
    """Read the start of a Period."""
    return parse_date(period.get("start")) if isinstance(period, dict) else None


def clinical_date(resource: Mapping[str, Any]) -> tuple[PartialDate | None, str | None]:
    """Give the date at which a resource's content held, and the remark where it is not the plain one."""
    kind = resource["resourceType"]
    if kind == "Condition":
        return _condition_date(resource)
    if kind == "CarePlan":  # its period reaches as far as the plan does: what it plans was decided before
        return parse_date(resource.get("created")) or start_of(resource.get("period")), None
    return _first(resource, *_DATED_BY.get(kind, ())), None


def _first(resource: Mapping[str, Any], *elements: str) -> PartialDate | None:
    for element in elements:
        value = resource.get(element)
        found = parse_timing(value) if isinstance(value, dict) else parse_date(value)
        if found is not None:
            return found
    return None


FROM_ASSERTED = "from assertedDate"
FROM_RECORDED = "from recordedDate"


def _condition_date(resource: Mapping[str, Any]) -> tuple[PartialDate | None, str | None]:
    onset = parse_date(resource.get("onsetDateTime")) or start_of(resource.get("onsetPeriod"))
    if onset is not None:
        return onset, None
    for extension in resource.get("extension") or ():
        if isinstance(extension, dict) and extension.get("url") == ASSERTED:
            asserted = parse_date(extension.get("valueDateTime"))
            if asserted is not None:
                return asserted, FROM_ASSERTED
    recorded = parse_date(resource.get("recordedDate"))
    return recorded, FROM_RECORDED if recorded is not None else None


def value_of(dated: PartialDate) -> date | str:
    """Give a date as the value of a fact: the day, else text such as `2026-05` or `2026-05-04/2026-06-30`."""
    if dated.is_day:
        return dated.first
    spelled = str(dated)
    return spelled if PartialDate.of(spelled) == dated else f"{dated.first.isoformat()}/{dated.last.isoformat()}"


def shifted(dated: PartialDate, days: int) -> PartialDate:
    """Move an interval by days."""
    return PartialDate(_move(dated.first, days), _move(dated.last, days))


def _move(day: date, days: int) -> date:
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))


def months_later(dated: PartialDate, months: int) -> PartialDate:
    """Move an interval by months, to the end of the calendar at most."""
    most = (date.max.year - dated.last.year) * 12
    return PartialDate(*(add_months(day, min(months, most)) for day in (dated.first, dated.last)))


def earlier(one: PartialDate, other: PartialDate) -> bool:
    """Whether `one` is earlier than `other` on every reading of both."""
    return one.last < other.first


def tomorrow(day: date) -> date:
    """Give the next day: the last on which evidence can be dated, since clocks and zones differ."""
    return day + timedelta(days=1)
