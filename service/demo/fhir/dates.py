"""FHIR dates as the span of time that they mean, and how search prefixes compare such spans."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from service.demo.fhir.problems import Malformed

Span: TypeAlias = tuple[datetime, datetime]
"""First instant, and first instant after the end."""

_FORM = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.\d+)?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
_BEGIN = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def span_of(text: str) -> Span:
    """Read a date, dateTime or instant of any precision; a time without zone counts as UTC; raise `Malformed`."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise Malformed("a date must look like 2026, 2026-05, 2026-05-04 or 2026-05-04T10:00:00Z")
    try:
        return _span(form, text)
    except (ValueError, OverflowError) as fault:
        raise Malformed("a date names no real day or time") from fault


def _span(form: re.Match[str], text: str) -> Span:
    year, month, day = int(form["year"]), int(form["month"] or 1), int(form["day"] or 1)
    if form["hour"]:
        zone = "" if form["zone"] else "+00:00"
        first = datetime.fromisoformat(text + zone).astimezone(UTC)
        return first, first + (timedelta(seconds=1) if form["second"] else timedelta(minutes=1))
    first = datetime.combine(date(year, month, day), datetime.min.time(), UTC)
    if form["day"]:
        return first, first + timedelta(days=1)
    if form["month"]:
        return first, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return first, datetime(year + 1, 1, 1, tzinfo=UTC)


def span_in(value: Any) -> Span | None:  # noqa: ANN401 JSON as it came
    """Give the span of a date or Period inside a resource, or `None` where it is none."""
    if isinstance(value, str):
        try:
            return span_of(value)
        except Malformed:
            return None
    if isinstance(value, dict):
        start, end = value.get("start"), value.get("end")
        first = span_in(start) if start else (_BEGIN, _BEGIN)
        last = span_in(end) if end else (_END, _END)
        return (first[0], last[1]) if first and last else None
    return None


def matches(found: Span, prefix: str, asked: Span) -> bool:
    """Whether a value fits a search value with its prefix (FHIR search, date parameters)."""
    slack = timedelta(days=1)
    within = asked[0] <= found[0] and found[1] <= asked[1]
    return {
        "eq": within,
        "ne": not within,
        "gt": found[1] > asked[1],
        "lt": found[0] < asked[0],
        "ge": found[1] > asked[1] or found[0] >= asked[0],
        "le": found[0] < asked[0] or found[1] <= asked[1],
        "sa": found[0] >= asked[1],
        "eb": found[1] <= asked[0],
        "ap": found[0] < asked[1] + slack and found[1] > asked[0] - slack,
    }[prefix]
