"""What fills real charts: years of laboratory values, vital signs, visits, medication and old operations."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.demo.patients.build import Builder

_LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_LABORATORY = (
    ("718-7", "Hemoglobin", "g/dL", 12.9, 1.2),
    ("6690-2", "Leukocytes", "10*3/uL", 7.1, 1.8),
    ("777-3", "Platelets", "10*3/uL", 238, 50),
    ("2160-0", "Creatinine", "mg/dL", 0.9, 0.15),
    ("2951-2", "Sodium", "mmol/L", 139, 2.5),
    ("2823-3", "Potassium", "mmol/L", 4.2, 0.3),
    ("1742-6", "Alanine aminotransferase", "U/L", 27, 9),
    ("1975-2", "Bilirubin, total", "mg/dL", 0.6, 0.2),
    ("1988-5", "C reactive protein", "mg/L", 5, 3),
)
_VITALS = (
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 132, 12),
    ("8462-4", "Diastolic blood pressure", "mm[Hg]", 79, 8),
    ("8867-4", "Heart rate", "/min", 74, 9),
    ("29463-7", "Body weight", "kg", 76, 2),
)
_COMPLAINTS = ("hypertension", "lipids", "diabetes", "knee", "asthma")
_OLD_OPERATIONS = ("knee-arthroscopy", "cataract", "hernia")
_MEDICATION = ("amlodipine", "atorvastatin", "metformin", "pantoprazole")
_VISITS = 16
_VISIT_EVERY_DAYS = 45


def add_noise(builder: Builder) -> None:
    """Add some 230 resources that say nothing about the liver; the same for the same patient and day, always."""
    chance = Random(builder.patient)  # noqa: S311  repeatable, and no secret  # nosec B311
    for visit in range(_VISITS):
        days = 3 + visit * _VISIT_EVERY_DAYS + chance.randrange(20)
        builder.add(
            "Encounter",
            status="finished",
            **{"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}},
            period={"start": builder.moment(days, 8), "end": builder.moment(days, 10)},
        )
        for category, measurements in (("laboratory", _LABORATORY), ("vital-signs", _VITALS)):
            for measurement in measurements:
                _measure(builder, chance, category, measurement, days)
    for complaint in chance.sample(_COMPLAINTS, 2):
        builder.condition(complaint, chance.randrange(1500, 4000))
    for operation in chance.sample(_OLD_OPERATIONS, 1):
        builder.procedure(operation, chance.randrange(2500, 6000))
    for drug in chance.sample(_MEDICATION, 2):
        builder.add(
            "MedicationRequest",
            status="active",
            intent="order",
            medicationCodeableConcept=builder.concept("drug", drug),
            authoredOn=builder.day(chance.randrange(100, 900)),
        )


def _measure(
    builder: Builder, chance: Random, category: str, measurement: tuple[str, str, str, float, float], days: int
) -> None:
    code, words, unit, middle, spread = measurement
    builder.add(
        "Observation",
        status="final",
        category=[{"coding": [{"system": _CATEGORY, "code": category}]}],
        code={"coding": [{"system": _LOINC, "code": code, "display": words}], "text": words},
        effectiveDateTime=builder.moment(days),
        valueQuantity={
            "value": round(max(0.1, chance.gauss(middle, spread / 2)), 1),
            "unit": unit,
            "system": _UCUM,
            "code": unit,
        },
    )
