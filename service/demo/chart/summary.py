"""What the chart page shows of a record: short lines, newest first, each leading to its resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from service.demo.fhir.record import Record, Resource

_SECTIONS = (
    ("Problems", ("Condition",)),
    ("Operations and procedures", ("Procedure",)),
    ("Findings for the MDT", ("Observation",)),
    ("Systemic therapy and medication", ("MedicationAdministration", "MedicationRequest")),
    ("Orders and plans", ("ServiceRequest", "CarePlan")),
    ("Documents and provenance", ("DocumentReference", "DiagnosticReport", "Provenance")),
)
_ROUTINE = {"laboratory", "vital-signs"}
_EXPECTED = {"final", "completed"}
_SHOWN = 12
_DATES = (
    *("effectiveDateTime", "performedDateTime", "onsetDateTime", "occurrenceDateTime", "authoredOn"),
    *("recordedDate", "date", "issued", "recorded", "created"),
)
_PERIODS = ("performedPeriod", "effectivePeriod", "onsetPeriod", "period")


@dataclass(frozen=True, slots=True)
class Line:
    """One resource on the page."""

    address: str
    title: str
    value: str
    dated: str
    status: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the chart: its newest lines, and the older ones."""

    title: str
    lines: tuple[Line, ...]
    older: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Banner:
    """Who the patient is."""

    id: str
    name: str
    birth_date: str
    age: int | None
    sex: str
    note: str


def banner_of(patient: Resource, *, today: date) -> Banner:
    """Give the banner of a Patient."""
    name = patient.get("name", [{}])[0]
    note = next(
        (one["valueString"] for one in patient.get("extension", ()) if one.get("url", "").endswith("/demo-note")), ""
    )
    born = str(patient.get("birthDate", ""))
    return Banner(
        patient["id"],
        f"{name.get('family', '')}, {' '.join(name.get('given', ()))}",
        born,
        _age(born, today),
        str(patient.get("gender", "unknown")),
        note,
    )


def sections_of(record: Record, patient: str) -> list[Section]:
    """Give the parts of the chart that have something to show."""
    sections = []
    for title, types in _SECTIONS:
        found = [resource for type_ in types for resource in record.all(type_, patient=patient)]
        lines = sorted(
            (_line(resource) for resource in found if not _is_routine(resource)),
            key=lambda line: line.dated,
            reverse=True,
        )
        if lines:
            sections.append(Section(title, tuple(lines[:_SHOWN]), tuple(lines[_SHOWN:])))
    return sections


def _is_routine(resource: Resource) -> bool:
    return any(
        coding.get("code") in _ROUTINE for category in _concepts(resource.get("category")) for coding in category
    )


def _concepts(value: object) -> list[list[dict[str, Any]]]:
    members = value if isinstance(value, list) else [value]
    return [member.get("coding", []) for member in members if isinstance(member, dict)]


def _line(resource: Resource) -> Line:
    return Line(
        address=f"{resource['resourceType']}/{resource['id']}",
        title=_title(resource),
        value=_value(resource),
        dated=_dated(resource),
        status=_status(resource),
    )


def _title(resource: Resource) -> str:
    for name in ("code", "medicationCodeableConcept", "type", "category"):
        text = concept_text(resource.get(name))
        if text:
            return text
    return str(resource.get("title") or resource["resourceType"])


def concept_text(value: Any) -> str:  # noqa: ANN401 JSON as it came
    """Give the words of a CodeableConcept (or of the first of a list), else its code, else nothing."""
    concept = value[0] if isinstance(value, list) and value else value
    if not isinstance(concept, dict):
        return ""
    coding = next((one for one in concept.get("coding", ()) if isinstance(one, dict)), {})
    return str(concept.get("text") or coding.get("display") or coding.get("code") or "")


def _value(resource: Resource) -> str:
    if isinstance(quantity := resource.get("valueQuantity"), dict):
        sign = quantity.get("comparator", "")
        return f"{sign}{quantity.get('value', '')} {quantity.get('unit') or quantity.get('code', '')}".strip()
    if "valueBoolean" in resource:
        return "yes" if resource["valueBoolean"] is True else "no"
    for name in ("valueInteger", "valueString", "valueDateTime"):
        if name in resource:
            return str(resource[name])
    return concept_text(resource.get("valueCodeableConcept"))


def _dated(resource: Resource) -> str:
    for name in _DATES:
        if isinstance(found := resource.get(name), str):
            return found[:10]
    for name in _PERIODS:
        if isinstance(period := resource.get(name), dict) and isinstance(period.get("start"), str):
            return str(period["start"])[:10]
    return ""


def _status(resource: Resource) -> str:
    status = concept_text(resource.get("clinicalStatus")) or str(resource.get("status", ""))
    return "" if status in _EXPECTED else status


def _age(born: str, today: date) -> int | None:
    parts = born.split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):  # noqa: PLR2004 year, month, day
        return None
    year, month, day = (int(part) for part in parts)
    return today.year - year - ((today.month, today.day) < (month, day))
