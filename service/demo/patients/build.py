"""How a story becomes FHIR R4 resources, dated back from the day the demo starts."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fhir_mappings.catalogue import FACTS_SYSTEM, load_catalogue
from service.knowledge.phrases import choice_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fhir_mappings.catalogue import FactDefinition
    from service.demo.fhir.record import Resource

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_IDENTIFIER = "https://crlm-cds.example/demo/patient-number"
NOTE = "https://crlm-cds.example/fhir/StructureDefinition/demo-note"
_SHORT = {
    "Condition": "c",
    "Encounter": "e",
    "MedicationAdministration": "ma",
    "MedicationRequest": "mr",
    "Observation": "o",
    "Procedure": "p",
    "ServiceRequest": "sr",
}
"""What ids begin with: cards name resources by their ids, so these are short."""
_UCUM = "http://unitsofmeasure.org"


@dataclass(slots=True)
class Builder:
    """Collects the resources of one patient; every day is given as days before `as_of`."""

    patient: str
    as_of: date
    resources: list[Resource] = field(default_factory=list)

    def day(self, days: int) -> str:
        """Give the date that lies `days` back."""
        return (self.as_of - timedelta(days=days)).isoformat()

    def moment(self, days: int, hour: int = 9) -> str:
        """Give a moment on that day."""
        on = self.as_of - timedelta(days=days)
        return datetime(on.year, on.month, on.day, hour, tzinfo=UTC).isoformat().replace("+00:00", "Z")

    def add(self, type_: str, **elements: Any) -> Resource:  # noqa: ANN401 JSON elements
        """Add a resource of this patient."""
        number = sum(one["resourceType"] == type_ for one in self.resources) + 1
        resource: Resource = {
            "resourceType": type_,
            "id": f"{self.patient.removeprefix('demo-')}-{_SHORT[type_]}{number}",
            "subject": {"reference": f"Patient/{self.patient}"},
            **elements,
        }
        self.resources.append(resource)
        return resource

    def person(self, story: Mapping[str, Any]) -> None:
        """Add the patient; the birthday lies half a year back, so that the age holds for months."""
        born = self.as_of - timedelta(days=183)
        given, family = story["name"]
        self.resources.append(
            {
                "resourceType": "Patient",
                "id": self.patient,
                "extension": [{"url": NOTE, "valueString": story["shows"]}],
                "identifier": [{"system": _IDENTIFIER, "value": self.patient}],
                "active": True,
                "name": [{"use": "official", "family": family, "given": [given]}],
                "gender": story["sex"],
                "birthDate": born.replace(year=born.year - story["age"], day=min(born.day, 28)).isoformat(),
            }
        )

    def condition(self, key: str, days: int, *, clinical: str = "active", text: str | None = None) -> None:
        """Add a Condition by its key in codes.toml, or as text alone."""
        concept = {"text": text} if text else self.concept("condition", key)
        self.add(
            "Condition",
            clinicalStatus={"coding": [{"system": _CLINICAL, "code": clinical}]},
            verificationStatus={"coding": [{"system": _VERIFICATION, "code": "confirmed"}]},
            code=concept,
            onsetDateTime=self.day(days),
            recordedDate=self.day(days),
        )

    def procedure(self, key: str, days: int) -> None:
        """Add a completed procedure."""
        self.add("Procedure", status="completed", code=self.concept("procedure", key), performedDateTime=self.day(days))

    def planned(self, key: str, days: int) -> None:
        """Add an active order of an operation."""
        self.add(
            "ServiceRequest",
            status="active",
            intent="order",
            code=self.concept("procedure", key),
            authoredOn=self.day(days),
        )

    def cycles(self, drugs: list[str], *, first: int, count: int) -> None:
        """Add the administrations of a number of cycles of 14 days, the first so many days back."""
        for cycle in range(count):
            for drug in drugs:
                self.add(
                    "MedicationAdministration",
                    status="completed",
                    medicationCodeableConcept=self.concept("drug", drug),
                    effectiveDateTime=self.moment(first - cycle * 14),
                )

    def fact(self, code: str, value: Any, days: int, note: str | None = None) -> None:  # noqa: ANN401 a JSON value
        """Add an Observation in the local code system, as the review app would write it."""
        definition = load_catalogue()[code]
        elements = {"note": [{"text": note}]} if note else {}
        self._observation(
            {
                "coding": [{"system": FACTS_SYSTEM, "code": code}],
                "text": definition.title[0].upper() + definition.title[1:],
            },
            _local_value(definition, value, self),
            days,
            **elements,
        )

    def standard(self, key: str, value: Any, days: int) -> None:  # noqa: ANN401 a JSON value
        """Add an Observation in a standard code; a text is a key of the values, a number of `cea` has its unit."""
        match value:
            case str():
                found: dict[str, Any] = {"valueCodeableConcept": self.concept("value", value)}
            case _ if key == "cea":
                found = {"valueQuantity": {"value": value, "unit": "ng/mL", "system": _UCUM, "code": "ng/mL"}}
            case _:
                found = {"valueInteger": value}
        self._observation(self.concept("observation", key), found, days)

    @staticmethod
    def concept(group: str, key: str) -> dict[str, Any]:
        """Give the CodeableConcept of a key in codes.toml."""
        system, code, words = _codes()[group][key]
        return {"coding": [{"system": system, "code": code, "display": words}], "text": words}

    def _observation(self, code: dict[str, Any], value: dict[str, Any], days: int, **elements: Any) -> None:  # noqa: ANN401
        self.add(
            "Observation",
            status="final",
            category=[{"coding": [{"system": _CATEGORY, "code": "exam"}]}],
            code=code,
            effectiveDateTime=self.day(days),
            **value,
            **elements,
        )


def _local_value(definition: FactDefinition, value: Any, builder: Builder) -> dict[str, Any]:  # noqa: ANN401 a JSON value
    match definition.kind:
        case "boolean":
            return {"valueBoolean": value}
        case "choice":
            return {
                "valueCodeableConcept": {
                    "coding": [{"system": FACTS_SYSTEM, "code": value}],
                    "text": choice_text(value),
                }
            }
        case "date":
            return {"valueDateTime": builder.day(value)}
        case "integer":
            return {"valueInteger": value}
        case "number":
            unit = definition.unit
            return {"valueQuantity": {"value": value, "unit": unit, "system": _UCUM, "code": unit}}


@cache
def _codes() -> dict[str, dict[str, tuple[str, str, str]]]:
    return tomllib.loads(files(__package__).joinpath("codes.toml").read_text(encoding="utf-8"))
