"""The sample chart of `crlm-cds try`: its dates move with the day, because findings grow too old to decide with."""

from __future__ import annotations

import re
from datetime import date
from importlib.resources import files

_WRITTEN = date(2026, 11, 23)
"""The day on which the chart of the file stands."""
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def sample_request(today: date) -> bytes:
    """Give a patient-view request of an invented patient as it would be sent on `today`."""
    text = files("service.samples").joinpath("patient-view.json").read_text(encoding="utf-8")
    age = today - _WRITTEN
    return _DATE.sub(lambda found: (date.fromisoformat(found.group()) + age).isoformat(), text).encode()
