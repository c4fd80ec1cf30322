"""The mark that stands for patient data and secrets in the tests, and resources that carry it wherever text may stand.

What carries the mark may be answered to the caller who sent it. It is never logged, counted, traced, kept or repeated
in an error: `tests.canary.plugin` watches for it in the whole run.
"""

from __future__ import annotations

import base64
from typing import Any

MARK = "canary7d31c9e5"

_ANNOTATED = frozenset(
    "Condition Observation Procedure ServiceRequest MedicationRequest MedicationAdministration CarePlan".split()
)
_NAMED_SUBJECT = _ANNOTATED | {"BodyStructure"}


def marked(resource: dict[str, Any]) -> dict[str, Any]:
    """Add the mark as narrative, identifier, note and name of the patient; what is there already is left alone."""
    kind = resource["resourceType"]
    found = {
        **resource,
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{MARK}</div>'},
        "identifier": [{"system": f"urn:{MARK}", "value": MARK}],
    }
    if kind in _ANNOTATED:
        found["note"] = [{"text": f"Spoke with {MARK}"}]
    if kind in _NAMED_SUBJECT and isinstance(resource.get("subject"), dict):
        found["subject"] = {"display": MARK, **resource["subject"]}
        return {**found, **{name: value for name, value in resource.items() if name != "subject"}}
    return {**found, **resource}


def needles() -> tuple[str, ...]:
    """Give the mark as it looks in plain text, and inside base64, where it may begin at each third of a letter."""
    plain = MARK.encode()
    inside = [base64.b64encode(b"\0" * shift + plain).decode() for shift in range(3)]
    # The first and the last letters depend on the neighbours.
    return (MARK, *(text[4 if shift else 0 : len(plain) // 3 * 4 - 4] for shift, text in enumerate(inside)))
