"""Irrelevant resources as a hospital chart is full of them: labs, vitals, old problems, procedures, prescriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

Resource = dict[str, Any]

LABS = (
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 13.2),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.9),
    ("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 31.0),
    ("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL", 0.6),
    ("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 240.0),
    ("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 140.0),
    ("8867-4", "Heart rate", "/min", 72.0),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 128.0),
    ("29463-7", "Body weight", "kg", 74.0),
    ("19168-4", "Carcinoembryonic Ag [Mass/volume] in Body fluid", "ng/mL", 2.1),
)
PROBLEMS = (
    ("http://snomed.info/sct", "59621000", "Essential hypertension"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "E11.9", "Type 2 diabetes mellitus without complications"),
    ("http://snomed.info/sct", "195967001", "Asthma"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "M17.11", "Unilateral primary osteoarthritis, right knee"),
    ("http://snomed.info/sct", "444814009", "Viral sinusitis"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "K21.9", "Gastro-esophageal reflux disease without esophagitis"),
)
PROCEDURES = (
    ("http://www.ama-assn.org/go/cpt", "93000", "Electrocardiogram, routine, with 12 leads"),
    ("http://snomed.info/sct", "710824005", "Assessment of health and social care needs"),
    ("http://www.ama-assn.org/go/cpt", "45378", "Colonoscopy, diagnostic"),
    ("http://snomed.info/sct", "80146002", "Excision of appendix"),
)
MEDICATIONS = (
    ("http://www.nlm.nih.gov/research/umls/rxnorm", "314076", "Lisinopril 10 MG Oral Tablet"),
    ("http://www.nlm.nih.gov/research/umls/rxnorm", "860975", "Metformin hydrochloride 500 MG"),
    ("http://www.whocc.no/atc", "C10AA05", "Atorvastatin"),
)


def _day(rng: random.Random) -> str:
    return f"20{rng.randint(12, 25):02d}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def _concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _lab(rng: random.Random, ident: str, subject: Resource) -> Resource:
    code, display, unit, typical = rng.choice(LABS)
    return {
        "resourceType": "Observation",
        "id": ident,
        "meta": {"versionId": "1", "lastUpdated": f"{_day(rng)}T08:15:30.000+01:00"},
        "status": "final",
        "category": [
            _concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "Laboratory")
        ],
        "code": _concept("http://loinc.org", code, display),
        "subject": subject,
        "encounter": {"reference": f"Encounter/e{rng.randint(1, 400)}"},
        "effectiveDateTime": f"{_day(rng)}T08:15:00+01:00",
        "issued": f"{_day(rng)}T09:15:00.000+01:00",
        "performer": [{"reference": "Organization/lab", "display": "Central laboratory"}],
        "valueQuantity": {
            "value": round(typical * rng.uniform(0.7, 1.4), 1),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
        "referenceRange": [
            {"low": {"value": typical * 0.8, "unit": unit}, "high": {"value": typical * 1.2, "unit": unit}}
        ],
    }


def _problem(rng: random.Random, ident: str, subject: Resource) -> Resource:
    return {
        "resourceType": "Condition",
        "id": ident,
        "clinicalStatus": _concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active", "Active"),
        "verificationStatus": _concept(
            "http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed", "Confirmed"
        ),
        "category": [
            _concept("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis", "Diagnosis")
        ],
        "code": _concept(*rng.choice(PROBLEMS)),
        "subject": subject,
        "encounter": {"reference": f"Encounter/e{rng.randint(1, 400)}"},
        "onsetDateTime": _day(rng),
        "recordedDate": _day(rng),
    }


def _procedure(rng: random.Random, ident: str, subject: Resource) -> Resource:
    day = _day(rng)
    return {
        "resourceType": "Procedure",
        "id": ident,
        "status": "completed",
        "code": _concept(*rng.choice(PROCEDURES)),
        "subject": subject,
        "performedPeriod": {"start": f"{day}T10:00:00+01:00", "end": f"{day}T10:30:00+01:00"},
        "reasonCode": [_concept(*rng.choice(PROBLEMS))],
    }


def _prescription(rng: random.Random, ident: str, subject: Resource) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": ident,
        "status": rng.choice(("active", "completed", "stopped")),
        "intent": "order",
        "medicationCodeableConcept": _concept(*rng.choice(MEDICATIONS)),
        "subject": subject,
        "authoredOn": _day(rng),
        "dosageInstruction": [
            {"text": "one tablet daily", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}
        ],
    }


_MAKERS = (_lab, _lab, _lab, _lab, _lab, _lab, _problem, _procedure, _prescription)


def noise(rng: random.Random, count: int, *, patient_id: str) -> list[Resource]:
    """Make `count` resources of the patient that no fact is read from."""
    subject = {"reference": f"Patient/{patient_id}"}
    return [rng.choice(_MAKERS)(rng, f"noise-{number}", subject) for number in range(count)]
