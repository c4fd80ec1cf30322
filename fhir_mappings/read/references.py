"""What references name: the patient of a resource, the Medication of an order, and whatever else is referred to."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from fhir_mappings.loose_json import objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OTHER_PATIENT = "of another patient"
NO_PATIENT = "names no patient"


def patient_fault(body: Mapping[str, Any], patient_id: str) -> str | None:
    """Say why a resource is not of the patient with this id; `None` where it is."""
    subject = body.get("subject") or body.get("patient")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    named = reference.strip() if isinstance(reference, str) else ""
    if not named:
        return NO_PATIENT
    return None if is_patient(named, patient_id) else OTHER_PATIENT


def is_patient(reference: str, patient_id: str) -> bool:
    """Whether a reference (relative, absolute, versioned, or a urn) is to the patient with this id."""
    patient_id = patient_id.removeprefix("Patient/")
    whose = f"Patient/{patient_id}"
    whole = reference == whose or (reference.startswith("urn:") and reference == patient_id)
    return whole or referred(reference, "Patient") == whose


def referred(reference: str, kind: str) -> str:
    """Give what a reference (relative, absolute, versioned, or a urn) names as `Type/id`; a urn names a `kind`."""
    reference = reference.strip()
    if reference.startswith("urn:"):
        return f"{kind}/{reference.rpartition(':')[2]}"
    path = reference.partition("/_history/")[0].rstrip("/").split("/")
    return "/".join(path[-2:])


def references_of(concept_owner: Mapping[str, Any], element: str) -> list[str]:
    """Give the references in an element that holds one Reference or a list of them."""
    return [
        member["reference"]
        for member in objects(concept_owner.get(element))
        if isinstance(member.get("reference"), str)
    ]


def replaced_by(orders: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Give the references, as `Type/id`, of what some orders take the place of."""
    return frozenset(
        referred(one, order["resourceType"]) for order in orders for one in references_of(order, "replaces")
    )


REASONS = frozenset({"reason", "reasonCode", "reasonReference"})
"""The elements that hold the reasons of a treatment, in R4 and R5."""


def reasons_of(treatment: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Give the reasons of a treatment or order, in the shape of R4 or R5: concepts, and Conditions as `Type/id`."""
    in_r5 = objects(treatment.get("reason"))
    concepts = [*objects(treatment.get("reasonCode")), *(one for each in in_r5 for one in objects(each.get("concept")))]
    named = [*references_of(treatment, "reasonReference")]
    named += [one for each in in_r5 for one in references_of(each, "reference")]
    return concepts, [referred(one, "Condition") for one in named]


def medication_references(body: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Give the References to Medications of an order or administration, in the shape of R4 or R5."""
    medication = body.get("medication")
    for owner in (body, medication if isinstance(medication, dict) else {}):
        for element in ("medicationReference", "reference"):
            yield from objects(owner.get(element))


def reference_displays(body: Mapping[str, Any]) -> Iterable[str]:
    """Give the displays of the References to Medications of an order or administration."""
    return (named["display"] for named in medication_references(body) if isinstance(named.get("display"), str))


def drugs_of(
    order: Mapping[str, Any], medications: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Mapping[str, Any]], bool]:
    """Give the Medications of an order or administration, and those that they are made of, by their references.

    They are contained in it (`#id`) or among `medications` (`Medication/id`); each counts once, in circles too. Beside
    them stands whether they are all: of many not each is looked at.
    """
    waiting = _named(medication_references(order))
    inside = {f"#{one.get('id')}": one for one in objects(order.get("contained"))} if waiting else {}
    found: dict[str, Mapping[str, Any]] = {}
    whole = True
    while waiting:
        at = waiting.pop()
        drug = inside.get(at) or medications.get(at)
        if drug is None or at in found:
            continue
        if len(found) == _MOST_DRUGS:
            return found, False
        found[at] = drug
        if "ingredient" in drug:
            parts = list(islice(_parts(drug), _MOST_DRUGS + 1))
            whole = whole and len(parts) <= _MOST_DRUGS
            # What a Medication of its own refers to by `#id` is contained in it, and one of its ingredients.
            waiting += [part for part in _named(parts[:_MOST_DRUGS]) if at in inside or not part.startswith("#")]
    return found, whole


_MOST_DRUGS = 20
"""Medications looked at for one order, and parts of each: a kit has a handful."""


def ingredients(medication: Mapping[str, Any]) -> Iterable[object]:
    """Give the concepts of what a Medication is made of, in the shape of R4 or R5; of References, what they display."""
    for ingredient in objects(medication.get("ingredient")):
        yield ingredient.get("itemCodeableConcept")
        item = ingredient.get("item")
        yield item.get("concept") if isinstance(item, dict) else None
    yield from ({"text": named.get("display")} for named in _parts(medication))
    yield from (part.get("code") for part in objects(medication.get("contained")))


def _parts(medication: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Give the References to what a Medication is made of."""
    for ingredient in objects(medication.get("ingredient")):
        yield from objects(ingredient.get("itemReference"))
        item = ingredient.get("item")
        yield from objects(item.get("reference") if isinstance(item, dict) else None)


def _named(references: Iterable[Mapping[str, Any]]) -> list[str]:
    """Give the Medications that are referred to, as `Type/id` or `#id`."""
    return [referred(one["reference"], "Medication") for one in references if isinstance(one.get("reference"), str)]
