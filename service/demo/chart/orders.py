"""The orders that the chart page offers to draft."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.demo.patients.practice import USER

if TYPE_CHECKING:
    from datetime import date

    from service.demo.fhir.record import Resource

_SNOMED = "http://snomed.info/sct"
_CPT = "http://www.ama-assn.org/go/cpt"
_LOINC = "http://loinc.org"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@dataclass(frozen=True, slots=True)
class Orderable:
    """One entry of the order form; a drug becomes a MedicationRequest, everything else a ServiceRequest."""

    key: str
    title: str
    group: str
    codings: tuple[tuple[str, str], ...]

    def draft(self, *, patient: str, on: date, authored: str) -> Resource:
        """Give a draft order for a patient and a day."""
        concept = {
            "coding": [{"system": system, "code": code} for system, code in self.codings],
            "text": self.title,
        }
        order: dict[str, Any] = {
            "id": f"draft-{uuid.uuid4()}",
            "status": "draft",
            "intent": "order",
            "subject": {"reference": f"Patient/{patient}"},
            "authoredOn": authored,
            "requester": {"reference": USER},
        }
        if self.group == "Systemic therapy":
            timing = {"timing": {"event": [on.isoformat()]}}
            return {
                "resourceType": "MedicationRequest",
                **order,
                "medicationCodeableConcept": concept,
                "dosageInstruction": [timing],
            }
        return {"resourceType": "ServiceRequest", **order, "code": concept, "occurrenceDateTime": on.isoformat()}


ORDERABLES = {
    orderable.key: orderable
    for orderable in (
        Orderable("liver-biopsy", "Biopsy of liver lesion", "Diagnostics", ((_SNOMED, "86259008"), (_CPT, "47000"))),
        Orderable("liver-mri", "MRI of the liver", "Diagnostics", ((_SNOMED, "241620007"), (_CPT, "74183"))),
        Orderable("ct", "CT of chest, abdomen and pelvis", "Diagnostics", ((_CPT, "71260"), (_CPT, "74177"))),
        Orderable("cea", "CEA", "Diagnostics", ((_LOINC, "2039-6"),)),
        Orderable("liver-minor", "Partial hepatectomy (minor)", "Operations", ((_CPT, "47120"),)),
        Orderable("liver-right", "Right hepatectomy", "Operations", ((_CPT, "47130"),)),
        Orderable("right-colon", "Right hemicolectomy", "Operations", ((_SNOMED, "235326000"), (_CPT, "44160"))),
        Orderable("left-colon", "Left hemicolectomy", "Operations", ((_SNOMED, "82619000"),)),
        Orderable("low-anterior", "Low anterior resection", "Operations", ((_CPT, "44145"),)),
        Orderable("hartmann", "Hartmann operation", "Operations", ((_SNOMED, "16564004"), (_CPT, "44143"))),
        Orderable("oxaliplatin", "FOLFOX, next cycle: oxaliplatin", "Systemic therapy", ((_RXNORM, "32592"),)),
        Orderable("bevacizumab", "Bevacizumab, next cycle", "Systemic therapy", ((_RXNORM, "253337"),)),
    )
}
