"""Drafts for the EHR as FHIR R4 JSON: what a card proposes, and what the app writes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from fhir_mappings.catalogue import FACTS_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from fhir_mappings.case import Value
    from fhir_mappings.catalogue import FactDefinition

STRATEGY_SYSTEM = "https://crlm-cds.example/fhir/CodeSystem/strategy"
UNDETERMINED = "undetermined"
"""The strategy of an answer that leaves several open."""
NEXT_STEP_SYSTEM = "https://crlm-cds.example/fhir/CodeSystem/next-step"
UCUM = "http://unitsofmeasure.org"
_PARTICIPANT_TYPE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"

Resource: TypeAlias = dict[str, Any]
RequestCode: TypeAlias = Literal[
    "liver-mdt-referral", "hepatobiliary-referral", "liver-mri", "ct-volumetry", "restaging-ct", "cea", "msi"
]
_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
# The text is what an EHR without the coding shows. Only codes seen in a published value set stand here.
_REQUESTS: dict[RequestCode, tuple[str, tuple[tuple[str, str, str], ...]]] = {
    "liver-mdt-referral": ("Referral to the liver multidisciplinary team", ()),
    "hepatobiliary-referral": ("Referral to the hepatobiliary unit", ()),
    "liver-mri": (
        "Staging MRI of the liver with contrast",
        ((_SNOMED, "431839003", "Magnetic resonance imaging of liver with contrast (procedure)"),),
    ),
    "ct-volumetry": ("CT of the liver with volumetry of the future remnant", ()),
    "restaging-ct": (
        "Restaging CT of chest, abdomen and pelvis",
        ((_SNOMED, "418023006", "Computed tomography of chest, abdomen and pelvis (procedure)"),),
    ),
    "cea": ("CEA in serum", ((_LOINC, "2039-6", "Carcinoembryonic Ag [Mass/volume] in Serum or Plasma"),)),
    "msi": ("Microsatellite or mismatch-repair status of the tumour", ()),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What all drafts for one patient share.

    `user` is the `Type/id` of the caller; only practitioners become requesters. `reasons` are references; those of
    Conditions are kept. `new_id` gives a fresh id for each resource.
    """

    patient_id: str
    authored: date
    new_id: Callable[[], str]
    user: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def subject(self) -> Resource:
        """Give the reference to the patient."""
        return {"reference": f"Patient/{self.patient_id}"}

    @property
    def requester(self) -> Resource | None:
        """Give the reference to the caller where that is a practitioner."""
        if self.user is None or self.user.split("/", 1)[0] not in {"Practitioner", "PractitionerRole"}:
            return None
        return {"reference": self.user}

    @property
    def conditions(self) -> list[Resource]:
        """Give the references to the Conditions that are the reason."""
        return [{"reference": reason} for reason in self.reasons if reason.startswith("Condition/")]


class Activity(msgspec.Struct, frozen=True, gc=False):
    """One step of a care plan; the days are the window in which it is meant to happen, where that is known."""

    text: str
    earliest: date | None = None
    latest: date | None = None
    interval: str | None = None


def request_text(request: RequestCode) -> str:
    """Give the plain name of a request that a card can draft."""
    return _REQUESTS[request][0]


def service_request(draft: Draft, request: RequestCode) -> Resource:
    """Draft a ServiceRequest (status draft, intent proposal)."""
    text, codings = _REQUESTS[request]
    return without_empty(
        {
            "resourceType": "ServiceRequest",
            "id": draft.new_id(),
            "status": "draft",
            "intent": "proposal",
            "code": {
                "coding": [{"system": system, "code": code, "display": display} for system, code, display in codings],
                "text": text,
            },
            "subject": draft.subject,
            "authoredOn": draft.authored.isoformat(),
            "requester": draft.requester,
            "reasonReference": draft.conditions,
        }
    )


def care_plan(  # noqa: PLR0913 - each argument is an element of the one resource
    draft: Draft,
    *,
    strategy: str,
    next_step: str | None,
    title: str,
    activities: Sequence[Activity],
    note: str | None = None,
) -> Resource:
    """Draft a CarePlan of a strategy with its activities in order (status draft, intent proposal)."""
    codings = [{"system": STRATEGY_SYSTEM, "code": strategy}]
    if next_step is not None:
        codings.append({"system": NEXT_STEP_SYSTEM, "code": next_step})
    return without_empty(
        {
            "resourceType": "CarePlan",
            "id": draft.new_id(),
            "status": "draft",
            "intent": "proposal",
            "category": [{"coding": codings, "text": title}],
            "title": title,
            "subject": draft.subject,
            "created": draft.authored.isoformat(),
            "author": draft.requester,
            "addresses": draft.conditions,
            "activity": [_activity(activity) for activity in activities],
            "note": [{"text": note}] if note else None,
        }
    )


def _activity(activity: Activity) -> Resource:
    return {
        "detail": {
            "status": "not-started",
            "code": {"text": activity.text},
            "description": activity.interval,
            "scheduledPeriod": {
                "start": activity.earliest.isoformat() if activity.earliest else None,
                "end": activity.latest.isoformat() if activity.latest else None,
            },
        }
    }


def observation(  # noqa: PLR0913 - each argument is an element of the one resource
    draft: Draft,
    definition: FactDefinition,
    value: Value | None,
    *,
    effective: date,
    title: str | None = None,
    note: str | None = None,
    identifier: tuple[str, str] | None = None,
) -> Resource:
    """Write one fact as a final Observation in the case-facts system; no value becomes dataAbsentReason unknown.

    `title` is the display of a choice; `identifier` is (system, value). Raise `ValueError` where the value is not of
    the kind of the fact.
    """
    return without_empty(
        {
            "resourceType": "Observation",
            "id": draft.new_id(),
            "identifier": [{"system": identifier[0], "value": identifier[1]}] if identifier else None,
            "status": "final",
            "category": [{"coding": [{"system": _OBSERVATION_CATEGORY, "code": "survey", "display": "Survey"}]}],
            "code": {
                "coding": [{"system": FACTS_SYSTEM, "code": definition.code, "display": definition.title}],
                "text": definition.title,
            },
            "subject": draft.subject,
            "effectiveDateTime": effective.isoformat(),
            "performer": [draft.requester] if draft.requester else None,
            **_value(definition, value, title),
            "note": [{"text": note}] if note else None,
        }
    )


def _value(definition: FactDefinition, value: Value | None, title: str | None) -> Resource:
    match definition.kind, value:
        case _, None:
            system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
            return {"dataAbsentReason": {"coding": [{"system": system, "code": "unknown", "display": "Unknown"}]}}
        case "boolean", bool():
            return {"valueBoolean": value}
        case "integer", int() if not isinstance(value, bool):
            return {"valueInteger": value}
        case "number", int() | float() if not isinstance(value, bool):
            unit = definition.unit or "1"
            return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}
        case "choice", str() if value in definition.choices:
            coding = {"system": FACTS_SYSTEM, "code": value, "display": title}
            return {"valueCodeableConcept": {"coding": [without_empty(coding)]}}
        case "date", date():
            return {"valueDateTime": value.isoformat()}
        case _:
            raise ValueError(f"the value is no {definition.kind} that {definition.code} can have")


def provenance(draft: Draft, targets: Sequence[str], *, recorded: datetime, application: str) -> Resource:
    """Name who entered the resources in `targets` (`Type/id`), and with which application.

    Where the caller is no practitioner the application is the only agent. `recorded` must carry its time zone.
    """
    assembler = {
        "type": {"coding": [{"system": _PARTICIPANT_TYPE, "code": "assembler", "display": "Assembler"}]},
        "who": {"display": application},
    }
    author = {
        "type": {"coding": [{"system": _PARTICIPANT_TYPE, "code": "author", "display": "Author"}]},
        "who": draft.requester,
    }
    return {
        "resourceType": "Provenance",
        "id": draft.new_id(),
        "target": [{"reference": target} for target in targets],
        "recorded": recorded.isoformat(timespec="seconds"),
        "agent": [author, assembler] if draft.requester else [assembler],
    }


def without_empty(resource: Mapping[str, Any]) -> Resource:
    """Give a resource without its null and empty members at any depth; FHIR and CDS Hooks allow none."""
    return {key: kept for key, value in resource.items() if (kept := _kept(value)) is not None}


def _kept(value: object) -> object:
    """Give what is left of a value, `None` where that is nothing."""
    if isinstance(value, dict):
        return without_empty(value) or None
    if isinstance(value, list):
        return [kept for item in value if (kept := _kept(item)) is not None] or None
    return None if value == "" else value
