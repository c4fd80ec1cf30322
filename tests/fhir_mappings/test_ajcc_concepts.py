"""The concepts of SNOMED CT for the TNM of AJCC: those that ask for a category, and the finest categories of N."""

from __future__ import annotations

from typing import Any

import pytest

from tests.charts import SNOMED, coded, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

RECENT = "2026-06-10"


def told(question: str, answer: str, *facts: str) -> list[Any]:
    case = read(PRIMARY, LIVER, observation("o", (SNOMED, question), coded(SNOMED, answer), on=RECENT))
    return [shown(case, fact) for fact in facts]


@pytest.mark.parametrize(
    ("question", "answer", "fact", "category"),
    [
        ("1222585009", "1228938002", "primary-t", "T3"),
        ("1222589003", "1229866004", "primary-t", "T4b"),
        ("1222588006", "1229978004", "primary-n", "N2"),
        ("1222590007", "1229957002", "primary-n", "N2"),
    ],
    ids=["cT", "pT", "cN", "pN"],
)
def test_the_concept_of_a_kind_of_category_asks_for_one(question: str, answer: str, fact: str, category: str) -> None:
    assert told(question, answer, fact) == [category]


@pytest.mark.parametrize(
    ("question", "answer", "pathology"),
    [("1222590007", "1229957002", "unfavourable-nodal"), ("1222588006", "1229978004", "gap: absent")],
    ids=["pN2", "cN2"],
)
def test_nodes_that_it_asks_for_are_pathological_or_clinical(question: str, answer: str, pathology: str) -> None:
    assert told(question, answer, "primary-pathology") == [pathology]


@pytest.mark.parametrize(("question", "answer"), [("1222587001", "1229907005"), ("1222591006", "1229923005")])
def test_m1b_and_m1c_that_it_asks_for_are_disease_outside_the_liver(question: str, answer: str) -> None:
    assert told(question, answer, "extrahepatic-disease") == [{"resectable", "unresectable"}]


@pytest.mark.parametrize(
    ("answer", "category"),
    [
        ("1229966003", "gap: absent"),
        ("1229945006", "gap: absent"),
        ("1229949000", "N0"),
        ("1229950000", "N0"),
        ("1229952008", "N1"),
        ("1352620005", "N1"),
    ],
    ids=["cNX", "pNX", "pN0(i+)", "pN0(mol+)", "pN1mi", "UICC pN1mi"],
)
def test_tumour_cells_are_no_positive_node_and_micrometastases_are_one(answer: str, category: str) -> None:
    assert told("371494008", answer, "primary-n") == [category]
