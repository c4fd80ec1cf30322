"""Drugs of chemotherapy that go to skin or eye: none of them is chemotherapy."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Sign
from fhir_mappings.orders import OrderKind, read_orders
from tests.charts import ATC, SNOMED, concept
from tests.fhir_mappings.reading import read, shown, terminology
from tests.fhir_mappings.therapies import LIVER, PRIMARY, given, request

TOPICAL, INTRAVITREAL, EYE, SKIN = (
    {"route": concept(SNOMED, code)} for code in ("6064005", "418401004", "54485002", "45890007")
)
VEIN, NAMED, ORAL = {"route": concept(SNOMED, "47625008")}, {"route": {"text": "Topical"}}, {"text": "by mouth"}
LOCAL: list[Any] = [TOPICAL, INTRAVITREAL, EYE, SKIN]
SYSTEMIC: list[Any] = [VEIN, NAMED, ORAL, {"route": None}, {}]
FACTS = ("chemotherapy-cycles", "chemotherapy-last-date")


@pytest.mark.parametrize(("dosage", "counts"), [*((one, False) for one in LOCAL), *((one, True) for one in SYSTEMIC)])
@pytest.mark.parametrize("drug", ["L01BC02", "L01FG01"])
def test_a_dose_for_skin_or_eye_is_no_chemotherapy(drug: str, dosage: dict[str, Any], *, counts: bool) -> None:
    ways = [
        given("2026-02-01", (ATC, drug), dosage=dosage),
        request(
            "completed", "2026-02-01", medicationCodeableConcept=concept(ATC, drug), dosageInstruction=[dosage, dosage]
        ),
        given("2026-02-01", dosage=dosage) | {"medicationCodeableConcept": {"text": "Fluorouracil"}},
    ]
    cases = [read(PRIMARY, LIVER, one) for one in ways]
    since = [Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs for case in cases]
    told = [[str(shown(case, fact)) for fact in FACTS] for case in cases[:2]]
    assert (since, told) == ([counts] * 3, [["1", "2026-02-01"] if counts else ["gap: absent", "gap: absent"]] * 2)


def test_an_order_by_two_routes_is_chemotherapy_where_one_of_them_reaches_the_body() -> None:
    drug = concept(ATC, "L01BC02")
    both = request("completed", "2026-02-01", medicationCodeableConcept=drug, dosageInstruction=[TOPICAL, VEIN])
    assert shown(read(PRIMARY, LIVER, both), "chemotherapy-cycles") == 1


@pytest.mark.parametrize(("dosage", "warned"), [(TOPICAL, False), (INTRAVITREAL, False), (VEIN, True), ({}, True)])
def test_a_draft_for_skin_or_eye_is_no_further_cycle(dosage: dict[str, Any], *, warned: bool) -> None:
    draft = request("draft", None, medicationCodeableConcept=concept(ATC, "L01FG01"), dosageInstruction=[dosage])
    found = [order.kinds for order in read_orders([draft], terminology(), patient_id="1", drafts=True)]
    assert found == ([{OrderKind.CHEMOTHERAPY}] if warned else [])
