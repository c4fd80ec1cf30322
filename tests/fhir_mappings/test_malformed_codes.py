"""Conditions whose code has a shape in which nothing can be read: they could be one of the two diseases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_mappings.bundle import read_source
from fhir_mappings.case import Issue, Scope
from tests.charts import ICD10CM
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, terminology

CODING = {"system": ICD10CM, "code": "C78.7"}
MALFORMED: list[Any] = [
    [{"coding": [CODING]}],
    "C78.7",
    787,
    {"coding": ["C78.7"]},
    {"coding": [[CODING]]},
    {"coding": "C78.7"},
    {"coding": [{"system": ICD10CM, "code": {"value": "C78.7"}}]},
    {"coding": [{"system": ICD10CM, "code": ["C78.7"]}]},
    {"text": ["Liver metastases"]},
]


def in_bundle(condition: dict[str, Any]) -> list[dict[str, Any]]:
    source = json.dumps({"resourceType": "Bundle", "entry": [{"resource": condition}]}).encode()
    return list(read_source(source, terminology()).resources)


@pytest.mark.parametrize("code", MALFORMED, ids=json.dumps)
def test_a_condition_whose_code_nothing_can_read_could_be_the_other_disease(code: Any) -> None:
    odd = LIVER | {"id": "odd", "code": code}
    assert in_bundle(odd) == [odd]
    scopes = [read(*found).scope for found in ([odd], [odd, PRIMARY], [odd, LIVER], [odd, PRIMARY, LIVER])]
    assert scopes == [Scope.OUT, Scope.UNCERTAIN, Scope.UNCERTAIN, Scope.IN]
    assert read(odd, PRIMARY).issues == (Issue("Condition/odd", "not valid FHIR R4"),)


@pytest.mark.parametrize(
    "code",
    [
        None, {}, [], "", {"coding": []}, {"coding": None}, {"text": "Hypertension", "coding": ["I10"]},
        {"coding": [{"display": "Hypertension"}, "I10"]},
    ],
)  # fmt: skip
def test_a_condition_without_a_code_or_with_words_that_say_something_else_is_neither(code: Any) -> None:
    assert read(LIVER | {"code": code}, PRIMARY).scope is Scope.OUT
