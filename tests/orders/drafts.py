"""Draft orders as real clients send them, and the cards that they get."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from fhir_mappings.terminology import Terminology, load_terminology
from service.cds.order_cards import order_cards
from service.knowledge.decide import decide
from service.knowledge.guideline import load_guideline
from service.knowledge.reading import Reading
from tests.decided import CATALOGUE, context, example
from tests.response_checker import check_response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Case
    from service.knowledge.model import Policy

CPT = "http://www.ama-assn.org/go/cpt"
SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
DAY = "2026-12-01"


@cache
def terminology() -> Terminology:
    return load_terminology()


def order(name: str, code: str, system: str = CPT, /, *, on: str | None = None, **elements: Any) -> dict[str, Any]:
    request = {
        "resourceType": "ServiceRequest",
        "id": name,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/pat-1"},
        "code": {"coding": [{"system": system, "code": code}]},
        **elements,
    }
    return request | ({"occurrenceDateTime": on} if on else {})


def biopsy(**elements: Any) -> dict[str, Any]:
    return order("biopsy", "47000", **elements)


def hepatectomy(on: str | None = None, **elements: Any) -> dict[str, Any]:
    return order("liver", "47130", on=on, **elements)


def colectomy(on: str | None = None, **elements: Any) -> dict[str, Any]:
    return order("bowel", "44145", on=on, **elements)


def cycle(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": "cycle",
        "status": "draft",
        "subject": {"reference": "Patient/pat-1"},
        "medicationCodeableConcept": {"coding": [{"system": ATC, "code": "L01XA03"}]},
        **elements,
    }


def cards(
    case: Case,
    *drafts: object,
    record: Iterable[object] = (),
    selections: Iterable[str] | None = None,
    policy: Policy | None = None,
) -> list[dict[str, Any]]:
    guideline = load_guideline(policy)
    made = order_cards(
        drafts,
        Reading(case, decide(case, guideline), guideline, CATALOGUE),
        terminology=terminology(),
        context=context(),
        record=record,
        selections=selections,
    )
    read: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(made))
    assert check_response({"cards": read}, hook="order-sign") == []
    return read


def found(case: Case, *drafts: object, **changed: Any) -> list[tuple[str, str]]:
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in cards(case, *drafts, **changed)]


def responded(**changed: Any) -> Case:
    facts = {
        "chemotherapy_cycles": 4,
        "chemotherapy_response": "partial-response",
        "chemotherapy_last_date": date(2026, 11, 10),
    }
    return example("V01", **(facts | changed))
