"""How severe a bleeding is: severe in every coding, minor where none is told, open where it cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts import ICD10CM, LOINC, SNOMED, concept, condition
from tests.fhir_mappings.reading import PRIMARY, read, shown

OPEN = frozenset({"minor", "bleeding"})
LOCAL = "https://ehr.example/severity"


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (None, "minor"),
        ({}, "minor"),
        *((concept(SNOMED, code), "bleeding") for code in ("24484000", "442452003")),
        (concept(LOINC, "LA6750-9"), "bleeding"),
        *((concept(SNOMED, code), "minor") for code in ("255604002", "6736007")),
        *((concept(LOINC, code), "minor") for code in ("LA6752-5", "LA6751-7")),
        *(({"text": text}, OPEN) for text in ("severe", "schwer", "Grade 3")),
        (concept(LOCAL, "3"), OPEN),
        ({"coding": [{"display": "Severe"}]}, OPEN),
        ({"coding": [{"system": LOCAL, "code": "3"}, {"system": SNOMED, "code": "24484000"}]}, "bleeding"),
    ],
)
def test_a_bleeding_is_as_severe_as_it_is_coded(severity: dict[str, Any] | None, expected: Any) -> None:
    told: dict[str, Any] = {} if severity is None else {"severity": severity}
    case = read(PRIMARY, condition("s", (ICD10CM, "K92.2"), onset="2026-06-01", **told))
    assert shown(case, "primary-symptoms") == expected


@pytest.mark.parametrize("code", ["74474003", "12063002", "266464001", "87763006", "95540002"])
def test_a_bleeding_of_the_bowel_is_one_in_each_concept_of_it(code: str) -> None:
    mild, severe = (
        condition("s", (SNOMED, code), onset="2026-06-01"),
        condition("s", (SNOMED, code), onset="2026-06-01", severity=concept(SNOMED, "24484000")),
    )
    assert [shown(read(PRIMARY, one), "primary-symptoms") for one in (mild, severe)] == ["minor", "bleeding"]


def test_a_severity_that_cannot_be_read_leaves_other_symptoms_as_they_are() -> None:
    case = read(PRIMARY, condition("s", (ICD10CM, "D50.0"), onset="2026-06-01", severity={"text": "severe"}))
    assert shown(case, "primary-symptoms") == "minor"
