"""Whom and what references name."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Issue, Sign
from fhir_mappings.read.chart_reading import MANY_PARTS
from fhir_mappings.read.references import drugs_of, is_patient
from tests.charts import RXNORM, concept, dose
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown


@pytest.mark.parametrize(
    ("reference", "whose", "holds"),
    [
        ("Patient/1", "1", True),
        ("Patient/1", "Patient/1", True),
        ("Patient/1/", "1", True),
        ("Patient/1X", "1X", True),
        ("https://ehr.example/fhir/Patient/1/_history/7", "1", True),
        ("urn:uuid:1", "1", True),
        ("urn:uuid:1", "urn:uuid:1", True),
        ("urn:uuid:1", "uuid:1", False),
        ("urn:uuid:21", "1", False),
        ("Patient/2/_history/1", "1", False),
        ("Patient/1/Observation/2", "2", False),
        ("Practitioner/1", "1", False),
        ("1", "1", False),
    ],
)
def test_a_reference_names_the_patient_by_type_and_id(reference: str, whose: str, holds: bool) -> None:  # noqa: FBT001 - expected
    assert is_patient(reference, whose) is holds


def medication(name: str, *parts: str, **more: Any) -> dict[str, Any]:
    ingredients = [{"itemReference": {"reference": f"Medication/{part}"}} for part in parts]
    return {"resourceType": "Medication", "id": name, "ingredient": ingredients, **more}


@pytest.mark.parametrize(
    ("others", "retrieved", "cycles", "since", "flags"),
    [
        (18, True, 1, True, []),
        (19, True, "gap: absent", True, [Issue("MedicationAdministration/d", MANY_PARTS, "flagged")]),
        (19, False, 1, True, []),
        (20, False, "gap: absent", True, [Issue("MedicationAdministration/d", MANY_PARTS, "flagged")]),
    ],
)
def test_a_kit_of_more_drugs_than_are_looked_at_is_never_taken_for_no_chemotherapy(
    others: int, cycles: Any, flags: list[Issue], *, retrieved: bool, since: bool
) -> None:
    names = [f"x{number}" for number in range(others)]
    parts = [medication(name) for name in names if retrieved]
    drug = medication("o", code=concept(RXNORM, "32592"))
    kit = medication("kit", *(["o", *names] if retrieved else [*names, "o"]))
    given = dose("d", (RXNORM, "0"), on="2026-05-20") | {"medicationReference": {"reference": "Medication/kit"}}
    del given["medicationCodeableConcept"]
    case = read(PRIMARY, LIVER, *parts, drug, kit, given)
    seen = (shown(case, "chemotherapy-cycles"), Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs)
    assert (seen, [*case.issues]) == ((cycles, since), flags)


def made_of(*parts: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Medication",
        "ingredient": [{"itemReference": {"reference": part}} for part in parts],
    } | more


def test_the_drugs_of_an_order_are_those_that_it_names_and_what_they_are_made_of() -> None:
    inside, drug = made_of("#p", "Medication/a", id="k"), {"resourceType": "Medication"}
    part, away, other = made_of(id="p"), made_of(id="away"), made_of("#away", "Medication/b")
    order = {"medicationReference": {"reference": "#k"}, "contained": [inside, part, away]}
    medications = {"Medication/a": other, "Medication/b": drug, "Medication/c": drug}
    found = {"#k": inside, "#p": part, "Medication/a": other, "Medication/b": drug}
    assert drugs_of(order, medications) == (found, True)


def test_drugs_made_of_each_other_or_of_ever_so_many_are_looked_at_within_a_bound() -> None:
    order = {"medicationReference": {"reference": "Medication/0"}}
    circle = {"Medication/0": made_of("Medication/1"), "Medication/1": made_of("Medication/0")}
    chain = {f"Medication/{at}": made_of(f"Medication/{at + 1}") for at in range(30)}
    assert drugs_of(order, circle) == (circle, True)
    assert drugs_of(order, chain) == ({f"Medication/{at}": chain[f"Medication/{at}"] for at in range(20)}, False)
