"""The search parameters that the endpoint offers, and where in a resource their values stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind: TypeAlias = Literal["token", "reference", "date", "string"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter: its kind and the element paths that it looks at."""

    kind: Kind
    paths: tuple[str, ...]


def _token(*paths: str) -> Parameter:
    return Parameter("token", paths)


def _reference(*paths: str) -> Parameter:
    return Parameter("reference", paths)


def _date(*paths: str) -> Parameter:
    return Parameter("date", paths)


def _string(*paths: str) -> Parameter:
    return Parameter("string", paths)


_OF_ALL = {"_id": _token("id"), "_lastUpdated": _date("meta.lastUpdated"), "_tag": _token("meta.tag")}
_OF_PATIENTS = {"identifier": _token("identifier"), "patient": _reference("subject"), "subject": _reference("subject")}
_OF_ORDERS = {
    **_OF_PATIENTS,
    "status": _token("status"),
    "intent": _token("intent"),
    "category": _token("category"),
    "encounter": _reference("encounter"),
}

PARAMETERS: Mapping[str, Mapping[str, Parameter]] = {
    "AllergyIntolerance": {
        "identifier": _token("identifier"),
        "patient": _reference("patient"),
        "code": _token("code"),
        "clinical-status": _token("clinicalStatus"),
        "date": _date("recordedDate"),
    },
    "BodyStructure": {
        "identifier": _token("identifier"),
        "patient": _reference("patient"),
        "morphology": _token("morphology"),
        "location": _token("location"),
    },
    "CarePlan": {**_OF_ORDERS, "date": _date("period")},
    "Condition": {
        **_OF_PATIENTS,
        "code": _token("code"),
        "category": _token("category"),
        "clinical-status": _token("clinicalStatus"),
        "verification-status": _token("verificationStatus"),
        "onset-date": _date("onsetDateTime", "onsetPeriod"),
        "recorded-date": _date("recordedDate"),
        "encounter": _reference("encounter"),
    },
    "DiagnosticReport": {
        **_OF_PATIENTS,
        "code": _token("code"),
        "category": _token("category"),
        "status": _token("status"),
        "date": _date("effectiveDateTime", "effectivePeriod"),
    },
    "DocumentReference": {
        **_OF_PATIENTS,
        "type": _token("type"),
        "category": _token("category"),
        "status": _token("status"),
        "date": _date("date"),
    },
    "Encounter": {
        **_OF_PATIENTS,
        "status": _token("status"),
        "class": _token("class"),
        "type": _token("type"),
        "date": _date("period"),
    },
    "Immunization": {
        "identifier": _token("identifier"),
        "patient": _reference("patient"),
        "status": _token("status"),
        "date": _date("occurrenceDateTime"),
    },
    "MedicationAdministration": {
        **_OF_PATIENTS,
        "code": _token("medicationCodeableConcept"),
        "status": _token("status"),
        "effective-time": _date("effectiveDateTime", "effectivePeriod"),
    },
    "MedicationRequest": {
        **_OF_ORDERS,
        "code": _token("medicationCodeableConcept"),
        "authoredon": _date("authoredOn"),
        "date": _date("dosageInstruction.timing.event"),
    },
    "Observation": {
        **_OF_PATIENTS,
        "code": _token("code"),
        "category": _token("category"),
        "status": _token("status"),
        "date": _date("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
        "encounter": _reference("encounter"),
    },
    "Organization": {"identifier": _token("identifier"), "name": _string("name")},
    "Patient": {
        "identifier": _token("identifier"),
        "name": _string("name.family", "name.given", "name.text"),
        "family": _string("name.family"),
        "given": _string("name.given"),
        "birthdate": _date("birthDate"),
        "gender": _token("gender"),
    },
    "Practitioner": {
        "identifier": _token("identifier"),
        "name": _string("name.family", "name.given", "name.text"),
    },
    "Procedure": {
        **_OF_PATIENTS,
        "code": _token("code"),
        "category": _token("category"),
        "status": _token("status"),
        "date": _date("performedDateTime", "performedPeriod"),
        "encounter": _reference("encounter"),
    },
    "Provenance": {"target": _reference("target"), "agent": _reference("agent.who"), "recorded": _date("recorded")},
    "ServiceRequest": {
        **_OF_ORDERS,
        "code": _token("code"),
        "authored": _date("authoredOn"),
        "occurrence": _date("occurrenceDateTime", "occurrencePeriod"),
    },
    "Task": {
        "identifier": _token("identifier"),
        "patient": _reference("for"),
        "subject": _reference("for"),
        "status": _token("status"),
        "code": _token("code"),
    },
}
"""Every resource type of the endpoint with its own parameters; `_id`, `_lastUpdated` and `_tag` belong to each."""

TYPES = frozenset(PARAMETERS)


def parameters_of(type_: str) -> Mapping[str, Parameter]:
    """Give the parameters of a resource type, those of every type included."""
    return {**_OF_ALL, **PARAMETERS[type_]}


def values_at(resource: Any, path: str) -> Iterator[Any]:  # noqa: ANN401 JSON as it came
    """Give every value at a dotted path, lists opened on the way."""
    if isinstance(resource, list):
        for member in resource:
            yield from values_at(member, path)
    elif not path:
        if resource is not None:
            yield resource
    elif isinstance(resource, dict):
        head, _, rest = path.partition(".")
        yield from values_at(resource.get(head), rest)
