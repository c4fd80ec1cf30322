"""Prescriptions that are known by the name of their drug or regimen alone: brands, unlisted codes, local codes."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.orders import OrderKind, read_orders
from tests.charts import RXNORM, concept
from tests.orders.drafts import ATC, biopsy, cycle, found, order, responded, terminology

PZN = "http://fhir.de/CodeSystem/ifa/pzn"
NAMES = ["Avastin", "AVASTIN 25 mg/ml", "Erbitux", "Vectibix", "Xeloda 500 mg", "Eloxatin", "Camptosar", "Campto"]
NAMES += ["Mvasi", "Oxaliplatin 85 mg/m2", "20 ML oxaliplatin 5 MG/ML Injection", "Injection, irinotecan", "5-FU bolus"]
NAMES += ["Capécitabine", "Fluorouracilo", "Oxaliplatine, perfusion", "Bevacizumab with FOLFIRI"]
NAMES += ["85,5 mg Oxaliplatin", "0,5 g Capecitabine", "2,5ml Oxaliplatin", "Infusion: oxaliplatin", "Conc. Avastin"]
NAMES += ["Inj.: Avastin"]
REGIMENS = ["FOLFOX", "mFOLFOX6 cycle 5", "FOLFIRI + Cetuximab", "FOLFOXIRI", "CAPOX/XELOX", "XELOX", "CapeOx"]
OTHERS = ["Ondansetron", "Ondansetron before oxaliplatin", "Leucovorin", "Calcium folinate (with 5-FU)", "Loperamid"]
OTHERS += ["Dexamethasone: premedication for FOLFOX", "Oxaliplatin premedication kit", "Camphor", "", "Metformin"]
OTHERS += ["Fluorouracil 5 % cream", "Bevacizumab intravitreal 1.25 mg", "Antiemetics, FOLFOX", "Lonsurf", "Stivarga"]


def is_chemotherapy(**elements: Any) -> bool:
    draft = cycle(medicationCodeableConcept=None) | elements
    read = read_orders([draft], terminology(), patient_id="pat-1", drafts=True)
    return [one.kinds for one in read] == [{OrderKind.CHEMOTHERAPY}]


def coded(system: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": "1", "display": display}]}


@pytest.mark.parametrize(
    ("name", "expected"),
    [*((name, (True, True)) for name in NAMES), *((name, (True, False)) for name in REGIMENS)]
    + [(name, (False, False)) for name in OTHERS],
)
def test_a_prescription_is_chemotherapy_by_the_name_that_it_begins_with(name: str, expected: tuple[bool, bool]) -> None:
    unread = [
        is_chemotherapy(medicationCodeableConcept={"text": name}),
        is_chemotherapy(medicationCodeableConcept=coded(PZN, name)),
        is_chemotherapy(medication={"concept": {"text": name}}),
        is_chemotherapy(medicationReference={"display": name}),
        is_chemotherapy(
            medicationReference={"reference": "#m"},
            contained=[{"resourceType": "Medication", "id": "m", "code": {"text": name}}],
        ),
    ]
    beside = is_chemotherapy(medicationCodeableConcept=coded(RXNORM, name))
    assert (unread, beside) == ([expected[0]] * 5, expected[1])


@pytest.mark.parametrize(
    "between",
    "before after for during with prior vor nach bei mit avant après avec pour antes con para , ; : ( ) +".split(),
)
def test_a_drug_that_is_named_behind_another_is_not_the_one_that_is_prescribed(between: str) -> None:
    named = (f"Oxaliplatin {between} Dexamethason", f"Dexamethason {between} Oxaliplatin")
    assert [is_chemotherapy(medicationCodeableConcept={"text": text}) for text in named] == [True, False]


BESIDE = ["premedication", "antiemetics", "hydration", "rescue", "topical", "cream", "crème", "creme", "crema", "Salbe"]
BESIDE += ["intravitreal", "ophthalmic", "eye drops", "Augentropfen"]


@pytest.mark.parametrize("word", BESIDE)
def test_a_name_with_a_word_of_another_treatment_is_no_chemotherapy(word: str) -> None:
    assert not is_chemotherapy(medicationCodeableConcept={"text": f"Oxaliplatin {word}"})


def test_a_drug_that_is_named_gets_the_card_of_a_coded_one() -> None:
    named = cycle(medicationCodeableConcept={"text": "Avastin"})
    assert found(responded(), named) == found(responded(), cycle()) == [("stop-chemotherapy-resect-now", "warning")]


@pytest.mark.parametrize(
    "elements",
    [
        {"status": "cancelled"},
        {"doNotPerform": True},
        {"subject": {"reference": "Patient/other"}},
        {"reasonCode": [concept("http://hl7.org/fhir/sid/icd-10", "C50.9")]},
        {"dosageInstruction": [{"route": concept("http://snomed.info/sct", "418401004")}]},
        {"medicationCodeableConcept": {"text": 5}},
        {"medicationCodeableConcept": "Avastin"},
        {"medicationCodeableConcept": {"coding": [{"system": ATC, "code": "A04AA01"}], "text": "FOLFOX day 1"}},
    ],
)
def test_a_drug_that_is_named_is_left_out_like_a_coded_one(elements: dict[str, Any]) -> None:
    assert found(responded(), cycle(medicationCodeableConcept={"text": "Avastin"}) | elements) == []


@pytest.mark.parametrize("name", ["FOLFOX", "Avastin", "Liver biopsy"])
def test_a_request_for_a_service_is_known_by_its_code_alone(name: str) -> None:
    assert found(responded(), order("o", "1") | {"code": {"text": name}}, biopsy(code={"text": name})) == []
