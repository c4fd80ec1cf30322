"""What kind of order a request is, and for which day: what the order hooks look at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fhir_mappings.loose_json import objects
from fhir_mappings.read.concepts import concept_sets, concept_texts
from fhir_mappings.read.dates import parse_date, parse_period, parse_timing, start_of
from fhir_mappings.read.drug_names import is_chemotherapy_by_name
from fhir_mappings.read.other_cancers import condition_sets, is_surely_other, names_others
from fhir_mappings.read.places import is_liver
from fhir_mappings.read.references import (
    OTHER_PATIENT,
    drugs_of,
    ingredients,
    patient_fault,
    reasons_of,
    reference_displays,
    replaced_by,
)
from fhir_mappings.read.routes import is_local

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fhir_mappings.case import PartialDate
    from fhir_mappings.terminology import Terminology

# Tuples and no sets: drafts are not validated, and a list in the place of a word can be looked for in a tuple alone.
_ORDERS = ("ServiceRequest", "MedicationRequest", "Procedure")
_OPEN = {
    "ServiceRequest": ("draft", "active", "on-hold"),
    "MedicationRequest": ("draft", "active", "on-hold"),
    "Procedure": ("preparation", "not-done-yet"),
}
_NOT_ELECTIVE = ("asap", "stat")
# A biopsy of the liver itself by its tissue, or by how the liver is ill where no lesion is named.
_ITSELF = re.compile(r"parenchym|background liver|non-?(?:tumo|lesion)|transjug")
_ILL = re.compile(r"fibros|[kc]irrho|zirrho|cirros|h[e\u00e9]patit|st[e\u00e9]ato|fettleber|\bnash\b|nafld|masld")
_LESION = re.compile(r"metast|\bmets\b|l[e\u00e9\u00e4]sion|tumo|\bmass\b|nodul|raumforderung|\bherd")
_NO_SETS = frozenset[str]()
_ILL_BY_CODE = frozenset({"liver-condition-cirrhosis", "liver-condition-steatosis"})


class OrderKind(StrEnum):
    """The kinds of orders that the order of treatment has something to say about."""

    LIVER_BIOPSY = "liver-biopsy"
    PRIMARY_RESECTION = "primary-resection"
    LIVER_RESECTION = "liver-resection"
    CHEMOTHERAPY = "chemotherapy"


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """One order: `Type/id` or its place, its kinds, its day or days (`None`: not said), whether it may wait, its JSON.

    `place` counts from 1 among the resources that it came with.
    """

    reference: str
    kinds: frozenset[OrderKind]
    resource: Mapping[str, Any]
    dated: PartialDate | None = None
    elective: bool = True
    place: int = 0


def read_orders(
    resources: Iterable[object],
    terminology: Terminology,
    *,
    patient_id: str,
    drafts: bool,
    record: Iterable[object] = (),
) -> tuple[ReadOrder, ...]:
    """Give the orders of a kind that matters, each once, in the order they came.

    Of drafts the status may be missing; of the record only open orders count. Orders of another patient or with
    `doNotPerform` are left out. A prescription may refer to a Medication among the resources or the `record`, and to
    the Condition that it is for in the record. An order without an id is named by its place: `ServiceRequest, draft 2`.
    """
    resources, record = tuple(resources), tuple(record)
    known = _medications((*record, *resources))
    conditions = condition_sets(record, terminology)
    found: dict[str, ReadOrder] = {}
    for place, resource in enumerate(resources, start=1):
        if not isinstance(resource, dict) or resource.get("resourceType") not in _ORDERS:
            continue
        if not _is_open(resource, drafts=drafts):
            continue
        kinds = classify(resource, terminology, known, conditions)
        # An order that names nobody came with the patient's own call.
        if kinds and patient_fault(resource, patient_id) != OTHER_PATIENT:
            reference = _reference(resource, f"{'draft' if drafts else 'planned'} {place}")
            found[reference] = ReadOrder(reference, kinds, resource, _day(resource), _is_elective(resource), place)
    return tuple(found.values())


def replaced(orders: Iterable[object]) -> frozenset[str]:
    """Give the references of the orders that open ones, or drafts, take the place of."""
    return replaced_by(
        order
        for order in orders
        if isinstance(order, dict) and order.get("resourceType") in _ORDERS and _is_open(order, drafts=True)
    )


def _reference(resource: Mapping[str, Any], place: str) -> str:
    kind, name = resource["resourceType"], resource.get("id")
    return f"{kind}/{name}" if isinstance(name, str) and name else f"{kind}, {place}"


def _medications(resources: Iterable[object]) -> dict[str, Mapping[str, Any]]:
    return {
        f"Medication/{resource.get('id')}": resource
        for resource in resources
        if isinstance(resource, dict) and resource.get("resourceType") == "Medication"
    }


def classify(
    resource: Mapping[str, Any],
    terminology: Terminology,
    medications: Mapping[str, Mapping[str, Any]],
    conditions: Mapping[str, frozenset[str]],
) -> frozenset[OrderKind]:
    """Give the kinds of an order by its codes, a biopsy's also by its body site, a prescription's by its drug's name.

    A request for a service with text alone has none. Chemotherapy for another cancer, and a biopsy of the liver itself,
    are none of ours; `conditions` are the value sets of those that an order may name as its reason.
    """
    concepts = list(_concepts(resource, medications))
    names = {name for concept in concepts for name in concept_sets(concept, terminology)}
    if not names and resource["resourceType"] == "MedicationRequest" and is_chemotherapy_by_name(concepts, terminology):
        names.add("chemotherapy")
    if "biopsy" in names and any(is_liver(site, terminology) for site in objects(resource.get("bodySite"))):
        names.add("liver-biopsy")
    kinds = {kind for kind in map(_kind_of, names) if kind is not None}
    if OrderKind.LIVER_BIOPSY in kinds and _is_background(resource, terminology, conditions):
        kinds.discard(OrderKind.LIVER_BIOPSY)
    if OrderKind.CHEMOTHERAPY in kinds and (
        is_local(resource, terminology)
        or names_others(resource, [one for one, sets in conditions.items() if is_surely_other(sets)], terminology)
    ):
        kinds.discard(OrderKind.CHEMOTHERAPY)
    return frozenset(kinds)


def _kind_of(name: str) -> OrderKind | None:
    if name == "liver-biopsy":
        return OrderKind.LIVER_BIOPSY
    if name.startswith("hepatectomy-") or name == "liver-ablation":
        return OrderKind.LIVER_RESECTION
    if name.startswith("resection-") and name != "resection-hint":
        return OrderKind.PRIMARY_RESECTION
    if name == "chemotherapy" or name.startswith("drug-"):
        return OrderKind.CHEMOTHERAPY
    return None


def _concepts(resource: Mapping[str, Any], medications: Mapping[str, Mapping[str, Any]]) -> Iterator[object]:
    yield resource.get("code")
    yield resource.get("medicationCodeableConcept")
    for in_r5 in (resource.get("code"), resource.get("medication")):
        yield in_r5.get("concept") if isinstance(in_r5, dict) else None
    yield from ({"text": display} for display in reference_displays(resource))
    drugs, _ = drugs_of(resource, medications)
    for drug in drugs.values():
        yield drug.get("code")
        yield from ingredients(drug)


def _is_open(resource: Mapping[str, Any], *, drafts: bool) -> bool:
    status = resource.get("status")
    if isinstance(status, str):
        status = status.strip()
    if resource.get("doNotPerform") is True:
        return False
    return (drafts and status is None) or status in _OPEN[resource["resourceType"]]


def _is_elective(resource: Mapping[str, Any]) -> bool:
    return resource.get("priority") not in _NOT_ELECTIVE


def _day(resource: Mapping[str, Any]) -> PartialDate | None:
    for element in ("occurrenceDateTime", "performedDateTime"):
        found = parse_date(resource.get(element))
        if found is not None:
            return found
    for element in ("occurrencePeriod", "performedPeriod"):
        period = resource.get(element)
        if start_of(period) is not None:
            return parse_period(period)
    return parse_timing(resource.get("occurrenceTiming"))


def _is_background(
    biopsy: Mapping[str, Any], terminology: Terminology, conditions: Mapping[str, frozenset[str]]
) -> bool:
    """Whether a biopsy is of the liver itself, and of no lesion: such words and codes only ever keep a card away."""
    reasons, named = reasons_of(biopsy)
    concepts = [*_concepts(biopsy, {}), *reasons, *objects(biopsy.get("orderDetail")), *objects(biopsy.get("bodySite"))]
    texts = [text for concept in concepts for text in concept_texts(concept)]
    texts += [note["text"] for note in objects(biopsy.get("note")) if isinstance(note.get("text"), str)]
    spoken = " ".join(texts).lower()
    if _ITSELF.search(spoken):
        return True
    coded = frozenset[str]().union(
        *(concept_sets(reason, terminology) for reason in reasons), *(conditions.get(one, _NO_SETS) for one in named)
    )
    ill = _ILL.search(spoken) is not None or not coded.isdisjoint(_ILL_BY_CODE)
    return ill and "liver-metastasis" not in coded and _LESION.search(spoken) is None
