"""Doses, orders and operations of a patient whose metastases are dated in January 2026."""

from __future__ import annotations

from typing import Any, TypeAlias

from tests.charts import (
    CPT,
    ICD10CM,
    RXNORM,
    concept,
    condition,
    dose,
    procedure,
)

Given: TypeAlias = dict[str, Any]
OXALIPLATIN, FLUOROURACIL, BEVACIZUMAB = (RXNORM, "32592"), (RXNORM, "4492"), (RXNORM, "253337")
PRIMARY = condition("p", (ICD10CM, "C20"), onset="2026-01-10")
LIVER = condition("l", (ICD10CM, "C78.7"), onset="2026-01-15")
LIVER_IN_JANUARY = LIVER | {"onsetDateTime": "2026-01"}
METASTASES_OF_2025 = condition("m", (ICD10CM, "C78.7"), onset="2025-02-01", clinical="resolved")
HEPATECTOMY = (CPT, "47120")
METFORMIN = (RXNORM, "6809")
TEXT = {"medicationCodeableConcept": {"text": "FOLFOX"}}
OLD = [condition("p", (ICD10CM, "C20"), onset="2024-01-10"), procedure("r", (CPT, "45110"), on="2024-02-01"), LIVER]


def given(on: str | None = None, drug: tuple[str, str] = OXALIPLATIN, ident: str = "d", **more: Any) -> Given:
    return dose(ident, drug, on=on, **more)


def request(status: str, authored: str | None, **more: Any) -> Given:
    return (
        {
            "resourceType": "MedicationRequest",
            "id": "r",
            "status": status,
            "intent": "order",
            "medicationCodeableConcept": concept(*OXALIPLATIN),
            "subject": {"reference": "Patient/1"},
        }
        | ({"authoredOn": authored} if authored else {})
        | more
    )


def taken(start: str | None = None, end: str | None = None) -> Given:
    """Say from when to when an order is to be taken."""
    return {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": period(start, end)["effectivePeriod"]}}}]}


def operated(on: str) -> Given:
    return procedure("h", HEPATECTOMY, on=on)


def period(start: str | None = None, end: str | None = None) -> Given:
    bounds = {"start": start, "end": end}
    return {"effectivePeriod": {name: day for name, day in bounds.items() if day}}
