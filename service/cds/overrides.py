"""The reasons that a clinician may give for not following a card."""

from __future__ import annotations

from service.cds.card import Coding

NON_ADHERENCE_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
OVERRIDE_SYSTEM = "https://crlm-cds.example/fhir/CodeSystem/override-reason"

# The codes of our own system; value_sets/codesystem-override-reason.json publishes the same ones.
OWN_REASONS = (
    ("mdt-decided-otherwise", "the MDT decided otherwise"),
    ("unresectable-on-newer-imaging", "unresectable on newer imaging"),
    ("primary-became-symptomatic", "the primary became symptomatic"),
    ("remnant-insufficient", "the future liver remnant is insufficient"),
    ("rectal-chemoradiotherapy-first", "the rectal primary needs chemoradiotherapy first"),
    ("patient-preference", "the patient prefers another treatment"),
    ("not-fit", "the patient is not fit for it"),
    ("chart-wrong-or-outdated", "the chart is wrong or outdated"),
    ("technically-not-feasible", "technically not feasible"),
    ("already-done", "already done or planned elsewhere"),
    ("emergency", "emergency"),
    ("not-applicable", "the guideline does not apply to this patient"),
)
_HL7_REASONS = (
    ("expert-contradicts", "Expert judgement contradicts the advice"),
    ("does-not-align-latest-evidence", "Does not align with the latest evidence"),
    ("recipient-disagrees-evidence", "Disagrees with the evidence"),
    ("risk-benefit-ratio", "Risk and benefit do not favour it"),
    ("comorbidity-disability", "Comorbidity or disability"),
    ("patient-contraindication", "Contraindicated in this patient"),
    ("patient-refuses", "Patient refuses or declines"),
    ("service-not-available", "Service not available"),
    ("need-more-info", "More information needed"),
    ("cds-not-applicable", "Advice not applicable"),
)

OVERRIDE_REASONS = (
    *(Coding(code=code, system=OVERRIDE_SYSTEM, display=display) for code, display in OWN_REASONS),
    *(Coding(code=code, system=NON_ADHERENCE_SYSTEM, display=display) for code, display in _HL7_REASONS),
)
