"""The patient banner: name, birth date and identifier of the one patient of the session."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from fhir_mappings.loose_json import objects
from service.knowledge.phrases import day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_USES = ("official", "usual", None)
_MEDICAL_RECORD = "MR"


@dataclass(frozen=True, slots=True)
class Banner:
    """Who the patient is; everything but `patient_id` is text of the chart or absent."""

    patient_id: str
    name: str
    born: str | None = None
    age: str | None = None
    gender: str | None = None
    identifier: str | None = None


def banner(patient_id: str, resources: Iterable[Mapping[str, Any]], *, today: date) -> Banner:
    """Read the Patient resource with this id among `resources`; without one the id alone is shown."""
    patient = next(
        (each for each in resources if each.get("resourceType") == "Patient" and each.get("id") == patient_id), None
    )
    if patient is None:
        return Banner(patient_id, "Name not retrieved")
    born = _text(patient.get("birthDate"))
    return Banner(
        patient_id,
        _name(objects(patient.get("name"))) or "No name recorded",
        _born(born),
        _age(born, today),
        _text(patient.get("gender")),
        _identifier(objects(patient.get("identifier"))),
    )


def _name(names: list[dict[str, Any]]) -> str | None:
    for use in _USES:
        for name in names:
            if use is None or name.get("use") == use:
                given = name.get("given")
                first = " ".join(filter(None, map(_text, given if isinstance(given, list) else [given])))
                spoken = ", ".join(part for part in (_text(name.get("family")), first) if part)
                return spoken or _text(name.get("text"))
    return None


def _identifier(identifiers: list[dict[str, Any]]) -> str | None:
    def is_record(found: dict[str, Any]) -> bool:
        kind = found.get("type")
        codings = objects(kind.get("coding")) if isinstance(kind, dict) else []
        return any(coding.get("code") == _MEDICAL_RECORD for coding in codings)

    ordered = sorted(identifiers, key=lambda found: not is_record(found))
    return next((value for value in (_text(found.get("value")) for found in ordered) if value), None)


def _born(text: str | None) -> str | None:
    try:
        return day(date.fromisoformat(text)) if text else None
    except ValueError:
        return text if text and re.fullmatch(r"\d{4}(-\d{2})?", text) else None


def _age(text: str | None, today: date) -> str | None:
    try:
        born = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    if born is None or born > today:
        return None
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return f"{years} years"


def _text(found: object) -> str | None:
    return found if isinstance(found, str) and found.strip() else None
