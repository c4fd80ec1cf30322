"""Observations in our own codes with a code of a standard beside: whichever tells the value is read."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.catalogue import FACTS_SYSTEM
from tests.charts import LOINC, SNOMED, coded, concept, local
from tests.charts import observation as observed
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

RECENT = "2026-06-10"
ANSWERED = (LOINC, "89262-0")
BESIDE_OURS = [
    ("ecog", ANSWERED, coded(LOINC, "LA9623-5"), 1, 0),
    ("ecog", ANSWERED, coded(FACTS_SYSTEM, "x"), "gap: unreadable", 1),
    ("ecog", ANSWERED, {}, "gap: absent", 0),
    ("primary-t", (LOINC, "21899-0"), {"valueString": "pT3"}, "T3", 0),
    ("primary-margin", (SNOMED, "17964000"), coded(SNOMED, "258254000"), "r0", 0),
]


@pytest.mark.parametrize(("fact", "code", "value", "expected", "issues"), BESIDE_OURS)
def test_an_observation_in_our_code_and_a_standard_one_is_read_by_either(
    fact: str, code: tuple[str, str], value: dict[str, Any], expected: Any, issues: int
) -> None:
    both = {"coding": [*concept(FACTS_SYSTEM, fact)["coding"], *concept(*code)["coding"]]}
    case = read(observed("o", code, value, on=RECENT) | {"code": both})
    assert (shown(case, fact), len(case.issues)) == (expected, issues)


@pytest.mark.parametrize(
    ("fact", "code", "value", "newer"),
    [
        ("ecog", ANSWERED, coded(LOINC, "LA9623-5"), 2),
        ("primary-t", (LOINC, "21899-0"), {"valueString": "pT3"}, "T2"),
    ],
)
def test_what_another_reader_tells_hides_no_other_observation_in_our_code(
    fact: str, code: tuple[str, str], value: dict[str, Any], newer: str | int
) -> None:
    both = {"coding": [*concept(FACTS_SYSTEM, fact)["coding"], *concept(*code)["coding"]]}
    answered = observed("a", code, value, on="2026-06-01") | {"code": both}
    ours = local(fact, newer, on="2026-06-02", ident="z")
    assert [shown(read(*said), fact) for said in ((answered, ours), (ours, answered))] == [newer, newer]


@pytest.mark.parametrize(("code", "pathology"), [("21906-3", "gap: absent"), ("21900-6", "unfavourable-nodal")])
def test_a_clinical_category_decides_no_pathology_though_our_code_stands_beside(code: str, pathology: str) -> None:
    entered = local("primary-n", "N2", on="2026-06-10")
    entered["code"]["coding"].append({"system": LOINC, "code": code})
    case = read(PRIMARY, LIVER, entered)
    assert (shown(case, "primary-n"), shown(case, "primary-pathology")) == ("N2", pathology)
