"""The concepts of SNOMED CT for the TNM and R of UICC, as Germany's oncology module maps to them."""

from __future__ import annotations

import pytest

from tests.charts import LOINC, SNOMED, coded, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

RECENT = "2026-06-10"
T = [
    ("1352996007", "1352559008", "T1"),
    ("1352993004", "1352545001", "T2"),
    ("1352966002", "1352533005", "T3"),
    ("1352997003", "1352553009", "T4"),
    ("1352982001", "1352538001", "T4a"),
    ("1352960008", "1352561004", "T4b"),
    ("1352975000", "1352532000", "gap: absent"),  # TX
    ("1352986003", "1352552004", "gap: absent"),  # T0
    ("1352984000", "1352558000", "gap: absent"),  # Tis
]
N = [
    ("1353041009", "1352621009", "N0"),
    ("1353043007", "1352614009", "N1"),
    ("1353046004", "1352619004", "N1a"),
    ("1353048003", "1352616006", "N1b"),
    ("1353044001", "1352617002", "N1c"),
    ("1353047008", "1352610000", "N2"),
    ("1353050006", "1352608002", "N2a"),
    ("1353055001", "1352612008", "N2b"),
    ("1353039008", "1352605004", "gap: absent"),  # NX
]


@pytest.mark.parametrize(("clinical", "pathological", "category"), T)
def test_a_concept_of_t_is_its_category(clinical: str, pathological: str, category: str) -> None:
    told = [("21905-5", clinical), ("21899-0", pathological), ("21911-3", clinical), ("21911-3", pathological)]
    read_as = [
        shown(read(PRIMARY, LIVER, observation("t", (LOINC, code), coded(SNOMED, value), on=RECENT)), "primary-t")
        for code, value in told
    ]
    assert read_as == [category] * 4


@pytest.mark.parametrize(("clinical", "pathological", "category"), N)
def test_a_concept_of_n_is_its_category(clinical: str, pathological: str, category: str) -> None:
    told = [("21906-3", clinical), ("21900-6", pathological), ("21912-1", clinical), ("21912-1", pathological)]
    read_as = [
        shown(read(PRIMARY, LIVER, observation("n", (LOINC, code), coded(SNOMED, value), on=RECENT)), "primary-n")
        for code, value in told
    ]
    assert read_as == [category] * 4


@pytest.mark.parametrize(
    ("value", "pathology"), [("1352610000", "unfavourable-nodal"), ("1353047008", "gap: absent")], ids=["pN2", "cN2"]
)
def test_the_concept_of_a_pathological_category_says_so_itself(value: str, pathology: str) -> None:
    case = read(PRIMARY, LIVER, observation("n", (LOINC, "21912-1"), coded(SNOMED, value), on=RECENT))
    assert shown(case, "primary-pathology") == pathology


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("21907-1", "1352514000"),
        ("21907-1", "1352516003"),
        ("21901-4", "1352578008"),
        ("21901-4", "1352574005"),
        ("21902-2", "1352836005"),
        ("21902-2", "1352921006"),
    ],
    ids=["cM1b", "cM1c", "pM1b", "pM1c", "IVB", "IVC"],
)
def test_metastases_in_several_organs_are_disease_outside_the_liver(code: str, value: str) -> None:
    case = read(PRIMARY, LIVER, observation("m", (LOINC, code), coded(SNOMED, value), on=RECENT))
    assert shown(case, "extrahepatic-disease") == {"resectable", "unresectable"}


@pytest.mark.parametrize(("value", "margin"), [("1352526005", "r0"), ("1352529003", "r1"), ("1352528006", "r2")])
def test_a_concept_of_r_is_the_margin(value: str, margin: str) -> None:
    case = read(PRIMARY, LIVER, observation("r", (SNOMED, "17964000"), coded(SNOMED, value), on=RECENT))
    assert shown(case, "primary-margin") == margin
